// Command gpu verifies every variant on an execution provider of ONNX Runtime, with TF32 off
// and on and with two ways to choose algorithms, at several batch sizes, and measures its throughput beside the CPU. It writes one
// JSON report. scripts/gpu-check prepares a machine for it and runs it.
//
//	go run ./bench/gpu -o report.json
//	go run ./bench/gpu -provider cpu -variants cifar -batches 1,2 -o report.json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"alexctl/builder"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/ort"
	"alexctl/verify"
)

// suite is what is run.
type suite struct {
	provider string
	device   int
	variants []string
	batches  []int
	seconds  float64 // that throughput is measured for
	program  string  // alexctl, with which the provider is tried in another process
	// keep is given the report after each run, so that what was measured is not lost if the
	// process ends; nil if nobody wants that.
	keep func(*report) error
}

// report is the outcome.
type report struct {
	OK       bool     `json:"ok"`
	Time     string   `json:"time"`
	Provider string   `json:"provider"`
	Machine  machine  `json:"machine"`
	Reason   string   `json:"reason,omitempty"` // why nothing could be run
	Pieces   []piece  `json:"pieces,omitempty"`
	Runs     []result `json:"runs"`
}

type machine struct {
	System     string `json:"system"`
	Processors int    `json:"processors"`
	GPU        string `json:"gpu"`
	ORT        string `json:"onnxruntime"`
}

type piece struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// result is one variant at one batch size with one setting.
type result struct {
	Variant    string         `json:"variant"`
	Batch      int            `json:"batch"`
	Settings   string         `json:"settings"` // of the provider: TF32, and how algorithms are chosen
	Status     string         `json:"status"`
	Reason     string         `json:"reason,omitempty"`
	Margin     verify.Number  `json:"margin"` // of the logits
	Scaled     verify.Number  `json:"scaled"`
	Kinds      []verify.Kind  `json:"kinds"`
	Placement  map[string]int `json:"placement"`
	Unchecked  []string       `json:"unchecked,omitempty"`
	PerSecond  float64        `json:"images_per_second"`
	CPUSeconds float64        `json:"cpu_images_per_second"`
}

func main() { os.Exit(check()) }

// check is the program; it returns the exit code.
func check() int {
	variants := flag.String("variants", "", "variants, with commas (default: all)")
	batches := flag.String("batches", "1,32,256", "batch sizes, with commas")
	provider := flag.String("provider", "cuda", "execution provider: cuda or cpu")
	device := flag.Int("device", 0, "index of the accelerator")
	seconds := flag.Float64("seconds", 2, "how long throughput is measured")
	program := flag.String("alexctl", "", "alexctl's path; with it the provider is tried in another process first")
	out := flag.String("o", "gpu-report.json", "the report")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s := suite{provider: *provider, device: *device, seconds: *seconds, program: *program}
	for _, v := range builder.Variants() {
		if *variants == "" || slices.Contains(strings.Split(*variants, ","), v.Name) {
			s.variants = append(s.variants, v.Name)
		}
	}
	for _, text := range strings.Split(*batches, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "gpu: -batches %s: want numbers\n", *batches)
			return 2
		}
		s.batches = append(s.batches, n)
	}
	s.keep = func(r *report) error { return write(*out, r) }
	r, err := s.run(ctx)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "gpu:", err)
		return 70
	case r.Reason != "":
		fmt.Fprintln(os.Stderr, "gpu:", r.Reason)
		return 3
	case !r.OK:
		return 1
	}
	return 0
}

func write(path string, r *report) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}

// run runs the suite. What cannot be run is said in the report.
func (s suite) run(ctx context.Context) (*report, error) {
	r := &report{OK: true, Time: time.Now().UTC().Format(time.RFC3339), Provider: s.provider, Runs: []result{},
		Machine: machine{System: goruntime.GOOS + "/" + goruntime.GOARCH, Processors: goruntime.NumCPU(), GPU: gpuName(ctx), ORT: ort.Version}}
	if s.provider != "cpu" {
		for _, p := range ort.CUDAPieces("") {
			r.Pieces = append(r.Pieces, piece{p.Name, p.OK, p.Detail})
		}
	}
	e, err := s.engine(setting{})
	if err != nil {
		return nil, err
	}
	if err := e.Check(ctx); err != nil {
		r.OK, r.Reason = false, err.Error()
		return r, s.kept(r)
	}
	for _, variant := range s.variants {
		if err := s.variant(ctx, r, variant); err != nil {
			return nil, err
		}
	}
	return r, s.kept(r)
}

// kept gives the report to whoever keeps it.
func (s suite) kept(r *report) error {
	if s.keep == nil {
		return nil
	}
	return s.keep(r)
}

// gpuName asks NVIDIA's own tool.
func gpuName(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader").Output()
	if err != nil {
		return "none found"
	}
	return strings.TrimSpace(string(out))
}

// setting is one way to use the provider.
type setting struct {
	search string
	tf32   bool
}

// settings are what each network is run with: the plainest form, the one that is used where
// nothing is asked for, and that with TF32.
func (s suite) settings() []setting {
	if s.provider == "cpu" {
		return []setting{{}}
	}
	return []setting{{"default", false}, {"", false}, {"", true}}
}

func (s suite) config(x setting) ort.Config {
	return ort.Config{Provider: s.provider, Device: s.device, TF32: x.tf32, Search: x.search}
}

func (s suite) engine(x setting) (*ort.Engine, error) {
	c := s.config(x)
	c.Record = true
	if s.program != "" {
		c.Probe = func(library string) []string {
			return []string{s.program, "doctor", "--probe", s.provider, "--device", strconv.Itoa(s.device), "--ort-lib", library}
		}
	}
	return ort.New(c)
}

// sample is how many images of a batch are compared with the reference. The others fill it.
const sample = 4

// variant runs one network at every batch size with every setting. What goes wrong with it is
// said in the report, and the others may still do.
func (s suite) variant(ctx context.Context, r *report, name string) error {
	v, err := builder.Find(name)
	if err != nil {
		return err
	}
	m, err := v.Build(builder.Options{Init: "he", Seed: 1})
	if err != nil {
		return err
	}
	file, remove, err := onDisk(ctx, m)
	if err != nil {
		return err
	}
	defer remove()
	for _, batch := range s.batches {
		list, err := s.batch(ctx, file, name, batch)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			list = append(list, result{Variant: name, Batch: batch, Status: "error", Reason: err.Error(), Kinds: []verify.Kind{}})
		}
		for _, x := range list {
			r.OK = r.OK && x.Status == verify.Pass
			fmt.Fprintf(os.Stderr, "%s, batch %d, %s: %s %s, margin %.3g, %.0f images/s (CPU %.0f)\n",
				name, batch, x.Settings, x.Status, x.Reason, float64(x.Margin), x.PerSecond, x.CPUSeconds)
		}
		r.Runs = append(r.Runs, list...)
		if err := s.kept(r); err != nil {
			return err
		}
	}
	return nil
}

// batch verifies and measures one network at one batch size with every setting, and measures
// the CPU once.
func (s suite) batch(ctx context.Context, file *onnx.Model, name string, batch int) (list []result, err error) {
	var engines []runtime.Engine
	for _, x := range s.settings() {
		e, err := s.engine(x)
		if err != nil {
			return nil, err
		}
		engines = append(engines, filled{e, batch})
	}
	in, err := verify.RandomInputs(file.Graph, verify.InputOptions{Seed: 2, Batch: min(batch, sample)})
	if err != nil {
		return nil, err
	}
	r, err := verify.Compare(ctx, file, engines, []runtime.Tensors{in}, verify.Options{})
	if err != nil {
		return nil, err
	}
	cpu := 0.0
	for i, got := range r.Results {
		x := result{Variant: name, Batch: batch, Settings: got.Settings, Status: got.Status, Reason: got.Reason,
			Placement: got.Placement, Unchecked: r.Unchecked, Kinds: got.Kinds}
		if x.Kinds == nil {
			x.Kinds = []verify.Kind{}
		}
		if len(got.Outputs) > 0 {
			x.Margin, x.Scaled = got.Outputs[0].Margin, got.Outputs[0].Scaled
		}
		if got.Status != verify.Skipped {
			if x.PerSecond, err = s.throughput(ctx, s.config(s.settings()[i]), file, batch); err != nil {
				return list, err
			}
			if cpu == 0 && s.provider != "cpu" {
				cpu, err = s.throughput(ctx, ort.Config{Provider: "cpu"}, file, batch)
			}
			if err != nil {
				return list, err
			}
			x.CPUSeconds = cpu
			if s.provider == "cpu" {
				x.CPUSeconds = x.PerSecond
			}
		}
		list = append(list, x)
	}
	return list, nil
}

// onDisk writes the model where engines can read it.
func onDisk(ctx context.Context, m *onnx.Model) (file *onnx.Model, remove func(), err error) {
	dir, err := os.MkdirTemp("", "gpu-check-*")
	if err != nil {
		return nil, nil, err
	}
	path := dir + "/model.onnx"
	if _, err = m.WriteFile(ctx, path, onnx.WriteOptions{}); err == nil {
		file, err = onnx.Open(path)
	}
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return file, func() { _ = errors.Join(file.Close(), os.RemoveAll(dir)) }, nil
}

// throughput runs batches for a while and returns images a second.
func (s suite) throughput(ctx context.Context, c ort.Config, m *onnx.Model, batch int) (float64, error) {
	e, err := ort.New(c)
	if err != nil {
		return 0, err
	}
	session, err := e.Prepare(ctx, m)
	if err != nil {
		return 0, err
	}
	defer func() { _ = session.Close() }()
	in, err := verify.RandomInputs(m.Graph, verify.InputOptions{Seed: 3, Batch: batch})
	if err != nil {
		return 0, err
	}
	if _, err := session.Run(ctx, in); err != nil { // the first run prepares
		return 0, err
	}
	runs, start := 0, time.Now()
	for time.Since(start).Seconds() < s.seconds || runs == 0 {
		if _, err := session.Run(ctx, in); err != nil {
			return 0, err
		}
		runs++
	}
	return float64(runs*batch) / time.Since(start).Seconds(), nil
}
