package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alexctl/classify"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/train"
	"alexctl/verify"
)

type benchOptions struct {
	engineFlags
	modelFlag
	specs     []engineSpec
	precision string
	batches   []int
	seconds   float64
	train     bool
	layers    bool
	noPeak    bool
}

func (a *app) benchCommand() *cobra.Command {
	var o benchOptions
	c := &cobra.Command{
		Use:   "bench [model]",
		Short: "Measure a model's latency, throughput and training step",
		Long: `Measure how long a model takes, on random inputs that are ready in memory: the
percentiles of the latency of a run, images per second, and which part of this machine's
peak that is. The peak is measured by the same program, as what the fastest kernels here
reach on a large convolution in float32 (256 to 256 channels, 28x28, kernel 4, batch 32).
Where something exceeds it, it is measured once more, and the larger one counts. Work is
counted by the definition: a convolution of 3x3 or 5x5 that is computed with fewer products
(Winograd) may still exceed the peak.

With --train the training step is measured too: forward, backward and an update by SGD
with momentum. Its work is counted as three times the forward pass, without the gradient
of the input images.

Machines are noisy: interleave the runs that you compare, and compare medians.`,
		Example: `  alexctl bench alexnet.onnx
  alexctl bench alexnet.onnx --engine ort,gorgonia --batch 1,32 --threads 1,2
  alexctl bench --train --batch 128 cifar.onnx --json`,
		Args: oneModel(""),
		RunE: func(c *cobra.Command, args []string) error { return a.bench(c.Context(), args, o) },
	}
	o.modelFlag.register(c)
	f := c.Flags()
	f.StringVar(&o.engines, "engine", "", "engines, with settings as for verify: "+strings.Join(engineNames(), ", ")+" (default: ort and gorgonia, those that are available)")
	o.registerOrt(c)
	kernelsFlag(f, &o.kernels)
	f.StringVar(&o.precision, "precision", "float32", "of the training step: float32 or bf16")
	f.IntSliceVar(&o.batches, "batch", []int{1, 32}, "batch sizes")
	f.Float64Var(&o.seconds, "seconds", 3, "how long to measure each")
	f.BoolVar(&o.train, "train", false, "measure the training step too")
	f.BoolVar(&o.layers, "layers", false, "show where the time goes on Gorgonia, operator by operator")
	f.BoolVar(&o.noPeak, "no-peak", false, "do not measure the machine's peak")
	return c
}

// benched is one line of the result of bench.
type benched struct {
	What    string  `json:"what"` // inference or training
	Engine  string  `json:"engine"`
	Batch   int     `json:"batch"`
	Threads int     `json:"threads"`
	Runs    int     `json:"runs"`
	P50     float64 `json:"p50_ms"`
	P90     float64 `json:"p90_ms"`
	P99     float64 `json:"p99_ms"`
	Images  float64 `json:"images_per_second"` // by the median
	GFLOPS  float64 `json:"gflops,omitempty"`
	Peak    float64 `json:"share_of_peak,omitempty"`

	Layers []benchedLayer `json:"layers,omitempty"`
}

// benchedLayer is an operator of a run or a training step.
type benchedLayer struct {
	Node  string  `json:"node"`
	Op    string  `json:"op"`
	Shape []int   `json:"shape"` // of its result, channels last
	Mean  float64 `json:"mean_ms"`
	Slow  bool    `json:"by_definition,omitempty"` // for want of a kernel
}

// benchResult is the JSON result of bench.
type benchResult struct {
	Model      string             `json:"model"`
	PeakGFLOPS map[string]float64 `json:"peak_gflops,omitempty"` // by number of threads
	Results    []benched          `json:"results"`
}

func (a *app) bench(ctx context.Context, args []string, o benchOptions) (err error) {
	if args, err = o.arguments(args); err != nil {
		return err
	}
	if err := o.check(ctx, a); err != nil {
		return err
	}
	m, path, err := a.openRunnable(args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	r := benchResult{Model: path, PeakGFLOPS: map[string]float64{}, Results: []benched{}}
	for _, threads := range a.threadsList() {
		var lines []benched
		peak, err := a.benchPeak(ctx, o, threads)
		if err != nil {
			return err
		}
		for _, batch := range o.batches {
			more, err := a.benchBatch(ctx, m, o, batch, threads)
			if err != nil {
				return err
			}
			lines = append(lines, more...)
		}
		if peak > 0 && slices.ContainsFunc(lines, func(b benched) bool { return b.GFLOPS*1e9 > peak }) {
			again, err := a.benchPeak(ctx, o, threads) // the machine may have been busier then
			if err != nil {
				return err
			}
			peak = max(peak, again)
		}
		for i := range lines {
			if peak > 0 {
				lines[i].Peak = lines[i].GFLOPS * 1e9 / peak
			}
		}
		r.Results = append(r.Results, lines...)
		if !o.noPeak {
			r.PeakGFLOPS[strconv.Itoa(threads)] = peak / 1e9
		}
	}
	if a.json {
		return a.printJSON(r)
	}
	return a.printBench(r)
}

// benchPeak measures the peak, 0 where that is not wanted.
func (a *app) benchPeak(ctx context.Context, o benchOptions, threads int) (float64, error) {
	if o.noPeak {
		return 0, nil
	}
	a.say("measuring the peak of %s", counted(threads, "thread"))
	return peakOf(ctx, threads)
}

// peakOf measures the peak. An interrupt does not wait for the end of the measurement.
func peakOf(ctx context.Context, threads int) (float64, error) {
	type measured struct {
		peak float64
		err  error
	}
	done := make(chan measured, 1)
	go func() {
		var m measured
		defer func() { done <- m }()
		defer fault.Recover(&m.err)
		m.peak, m.err = gorgonia.Peak(gorgonia.Kernels{Threads: threads})
	}()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case m := <-done:
		return m.peak, m.err
	}
}

// check reports flags that make no sense, and completes the others.
func (o *benchOptions) check(ctx context.Context, a *app) error {
	if len(o.batches) == 0 {
		return usage("nothing to measure: name a --batch")
	}
	for _, n := range o.batches {
		if n < 1 || n > classify.MaxBatch {
			return usage("--batch %d: want 1 to %d", n, classify.MaxBatch)
		}
	}
	if !(o.seconds > 0 && o.seconds <= 3600) {
		return usage("--seconds %g: want more than 0 and at most 3600", o.seconds)
	}
	if o.precision != "float32" && !o.train {
		return usage("--precision is for --train")
	}
	flags := o.engineFlags
	flags.kernels = "" // for Gorgonia, and not for the others
	if err := (gorgonia.Kernels{Set: o.kernels, Precision: o.precision}).Valid(); err != nil {
		return err
	}
	var err error
	if o.specs, _, err = a.specs(ctx, flags); err != nil {
		return err
	}
	if o.engines == "" && o.specs[0].name == "ort" {
		o.specs = append(o.specs, engineSpec{name: "gorgonia"})
	}
	_, err = o.built(a, 1)
	return err
}

// built returns the engines to measure.
func (o *benchOptions) built(a *app, threads int) ([]runtime.Engine, error) {
	var engines []runtime.Engine
	for _, s := range o.specs {
		if s.name == "gorgonia" && o.kernels != "" {
			s = s.with("kernels", o.kernels)
		}
		more, err := a.make(s.with("opt", "all"), o.engineFlags, threads, false)
		if err != nil {
			return nil, err
		}
		engines = append(engines, more...)
	}
	return engines, nil
}

// benchBatch measures the engines, and the training step, with one batch size.
func (a *app) benchBatch(ctx context.Context, m *onnx.Model, o benchOptions, batch, threads int) ([]benched, error) {
	inputs, err := verify.RandomInputs(m.Graph, verify.InputOptions{Batch: batch, Seed: 1})
	if err != nil {
		return nil, err
	}
	summary := op.SummarizeFor(m, inputs.Shapes())
	flops := 2 * summary.MACs
	var lines []benched
	engines, err := o.built(a, threads)
	if err != nil {
		return nil, err
	}
	for _, engine := range engines {
		a.say("running %s, batch %d, %s", engine.Name(), batch, counted(threads, "thread"))
		times, layers, err := a.benchEngine(ctx, m, engine, inputs, o.seconds)
		if err != nil {
			return nil, err
		}
		line := newBenched("inference", engine.Name(), batch, threads, times, flops)
		if o.layers {
			line.Layers = layers
		}
		lines = append(lines, line)
	}
	if !o.train {
		return lines, nil
	}
	kernels := a.kernels(o.kernels, o.precision, threads)
	name := gorgonia.Engine{Kernels: kernels}.Name()
	a.say("training step of %s, batch %d, %s", name, batch, counted(threads, "thread"))
	times, layers, err := benchStep(ctx, m, kernels, batch, o.seconds)
	if err != nil {
		return nil, err
	}
	step := newBenched("training", name, batch, threads, times, trainingFLOPs(summary))
	if o.layers {
		step.Layers = layers
	}
	return append(lines, step), nil
}

// trainingFLOPs returns the work of a step: three times the forward pass, without the
// gradient of the images.
func trainingFLOPs(s op.Summary) int64 {
	for _, l := range s.Layers {
		if l.MACs > 0 {
			return 2 * (3*s.MACs - l.MACs)
		}
	}
	return 0
}

func (a *app) benchEngine(ctx context.Context, m *onnx.Model, e runtime.Engine, inputs runtime.Tensors, seconds float64) ([]time.Duration, []benchedLayer, error) {
	if err := e.Check(ctx); err != nil {
		return nil, nil, err
	}
	s, err := e.Prepare(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	var mean meter
	times, err := timed(ctx, seconds, func() error {
		_, err := s.Run(ctx, inputs)
		mean.add(gorgonia.LayersOf(s))
		return err
	})
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	a.sayDefined(gorgonia.LayersOf(s))
	return times, mean.layers(), s.Close()
}

// sayDefined says what has no kernel.
func (a *app) sayDefined(layers []gorgonia.Layer) {
	if slow := gorgonia.ByDefinition(layers); slow != "" {
		a.say("note: %s", slow)
	}
}

// meter takes the mean of what operators took over several runs, without the first, which touches
// all memory.
type meter struct {
	runs int
	mean []benchedLayer
}

func (m *meter) add(now []gorgonia.Layer) {
	if m.runs++; m.runs == 1 || len(m.mean) != len(now) {
		m.mean = make([]benchedLayer, len(now))
		m.runs = 1
	}
	for i, l := range now {
		sum := m.mean[i].Mean
		if m.runs > 1 {
			sum += float64(l.Took.Nanoseconds()) / 1e6
		}
		m.mean[i] = benchedLayer{l.Node, l.Kind, l.Shape, sum, l.ByDefinition}
	}
}

// layers returns the means.
func (m *meter) layers() []benchedLayer {
	for i := range m.mean {
		m.mean[i].Mean /= float64(max(1, m.runs-1))
	}
	return m.mean
}

// benchStep measures training steps, and what each operator takes of them.
func benchStep(ctx context.Context, m *onnx.Model, k gorgonia.Kernels, batch int, seconds float64) ([]time.Duration, []benchedLayer, error) {
	c := train.Default()
	c.For("sgd")
	prepared, _, err := train.Prepare(m)
	if err != nil {
		return nil, nil, err
	}
	s, err := train.NewStepper(prepared, c, k, batch)
	if err != nil {
		return nil, nil, err
	}
	var mean meter
	times, err := timed(ctx, seconds, func() error {
		if err := s.Step(ctx); err != nil {
			return err
		}
		mean.add(s.Layers())
		return nil
	})
	return times, mean.layers(), err
}

// timed runs f until so many seconds have passed, at least five times, after two runs
// that warm up.
func timed(ctx context.Context, seconds float64, f func() error) ([]time.Duration, error) {
	const warm, least = 2, 5
	var times []time.Duration
	for began, i := time.Now(), 0; i < warm+least || time.Since(began).Seconds() < seconds; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		if i >= warm {
			times = append(times, time.Since(start))
		} else {
			began = time.Now()
		}
	}
	return times, nil
}

func newBenched(what, engine string, batch, threads int, times []time.Duration, flops int64) benched {
	slices.Sort(times)
	at := func(percent int) float64 { // the nearest rank
		return float64(times[max(0, (percent*len(times)+99)/100-1)].Nanoseconds()) / 1e6
	}
	b := benched{What: what, Engine: engine, Batch: batch, Threads: threads, Runs: len(times), P50: at(50), P90: at(90), P99: at(99)}
	b.Images = 1000 * float64(batch) / b.P50
	b.GFLOPS = float64(flops) / b.P50 / 1e6
	return b
}

func (a *app) printBench(r benchResult) error {
	t := newTable(table.Row{"", "engine", "batch", "threads", "P50 ms", "P90 ms", "P99 ms", "images/s", "GFLOP/s", "of peak"},
		"batch", "threads", "P50 ms", "P90 ms", "P99 ms", "images/s", "GFLOP/s", "of peak").sparing("P99 ms", "P90 ms", "of peak", "GFLOP/s", "threads")
	for _, b := range r.Results {
		share := ""
		if b.Peak > 0 {
			share = fmt.Sprintf("%.0f%%", 100*b.Peak)
		}
		t.AppendRow(table.Row{b.What, b.Engine, b.Batch, b.Threads, fmt.Sprintf("%.2f", b.P50), fmt.Sprintf("%.2f", b.P90), fmt.Sprintf("%.2f", b.P99),
			fmt.Sprintf("%.1f", b.Images), fmt.Sprintf("%.0f", b.GFLOPS), share})
	}
	if err := a.printTable(t); err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(r.PeakGFLOPS)) {
		if err := a.print("peak of %s threads: %.0f GFLOP/s\n", n, r.PeakGFLOPS[n]); err != nil {
			return err
		}
	}
	for _, b := range r.Results {
		if len(b.Layers) > 0 {
			if err := a.printLayers(b); err != nil {
				return err
			}
		}
	}
	a.next("alexctl verify %s", shellWord(r.Model))
	return nil
}

// printLayers shows what each operator takes of a run or a training step. What is missing to the
// step is the update of the parameters that are not updated with their gradients.
func (a *app) printLayers(b benched) error {
	t := newTable(table.Row{"node", "operator", "shape (channels last)", "mean ms", "of the time"}, "mean ms", "of the time").sparing("shape (channels last)", "operator")
	total := 0.0
	for _, l := range b.Layers {
		total += l.Mean
		t.AppendRow(table.Row{l.Node, l.Op, fmt.Sprint(l.Shape), fmt.Sprintf("%.2f", l.Mean), fmt.Sprintf("%.1f%%", 100*l.Mean/b.P50)})
	}
	t.AppendFooter(table.Row{"all operators", "", "", fmt.Sprintf("%.2f", total), fmt.Sprintf("%.1f%%", 100*total/b.P50)})
	return a.printTable(t)
}
