// Command bench measures alexctl beside its peers, in one run, in alternating
// rounds, and prints medians and ratios. bench/run and bench/peers/run call it.
//
//	go run ./bench [-rounds 7] [-network NAME] [-python python3] [-alexctl ./alexctl] [build] [memory] [infer] [step] [bf16] [inference]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type bench struct {
	alexctl string
	python  string
	gomlx   string // the program of bench/peers/gomlx, or ""
	rounds  int
	network string // of the peers' comparisons, or "" for all
	photos  int
	dir     string
}

func main() {
	b := &bench{}
	flag.StringVar(&b.alexctl, "alexctl", "./alexctl", "the program")
	flag.StringVar(&b.python, "python", "python3", "a Python with torch, for the peer of build")
	flag.StringVar(&b.gomlx, "gomlx", "", "the program of bench/peers/gomlx, for the peer of step")
	flag.IntVar(&b.rounds, "rounds", 7, "rounds of each measurement")
	flag.StringVar(&b.network, "network", "", "the network of step, bf16 and inference; all of them without")
	flag.IntVar(&b.photos, "photos", 1000, "photographs to classify")
	serving := flag.Bool("serve", false, "be one of the processes that are compared")
	flag.Parse()
	if *serving {
		if err := serve(flag.Args()); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := b.run(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// section is one group of comparisons.
type section struct {
	name string
	f    func(context.Context) error
}

func (b *bench) run(names []string) error {
	dir, err := os.MkdirTemp("", "alexctl-bench-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b.dir = dir
	all := []section{{"build", b.build}, {"memory", b.memory}, {"infer", b.infer}, {"step", b.step}, {"bf16", b.bf16}, {"inference", b.inference}}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(x section) bool { return x.name == name }) {
			return fmt.Errorf("nothing is called %q (flags go first)", name)
		}
	}
	if len(b.of(workloads)) == 0 {
		return fmt.Errorf("no network called %q is measured", b.network)
	}
	for _, x := range all {
		if len(names) > 0 && !slices.Contains(names, x.name) {
			continue
		}
		fmt.Printf("== %s\n", x.name)
		if err := x.f(context.Background()); err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
	}
	return nil
}

// sample is one run of a command.
type sample struct {
	seconds float64
	peakMB  float64
}

func measure(ctx context.Context, name string, args ...string) (sample, error) {
	c := exec.CommandContext(ctx, name, args...)
	var talk strings.Builder
	c.Stderr = &talk
	start := time.Now()
	if err := c.Run(); err != nil {
		return sample{}, fmt.Errorf("%s %v: %w\n%s", name, args, err, talk.String())
	}
	s := sample{seconds: time.Since(start).Seconds()}
	if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.peakMB = float64(u.Maxrss) / 1024 // kilobytes on Linux
	}
	return s, nil
}

func median(list []sample, of func(sample) float64) float64 {
	v := make([]float64, len(list))
	for i, s := range list {
		v[i] = of(s)
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func seconds(s sample) float64 { return s.seconds }
func peak(s sample) float64    { return s.peakMB }

// command is one of the commands that are compared.
type command struct {
	name string
	args []string
}

// alternate runs the commands in turn, round after round.
func (b *bench) alternate(ctx context.Context, commands []command) ([][]sample, error) {
	out := make([][]sample, len(commands))
	for range b.rounds {
		for i, c := range commands {
			// Nobody's time includes freeing the file of the last round.
			if err := os.RemoveAll(b.output()); err != nil {
				return nil, err
			}
			s, err := measure(ctx, c.args[0], c.args[1:]...)
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], s)
		}
	}
	return out, nil
}

// output is the file that the compared commands write.
func (b *bench) output() string { return filepath.Join(b.dir, "m.onnx") }

// build compares building the 62 million parameter model with constructing and
// exporting it in PyTorch, each as a whole process.
func (b *bench) build(ctx context.Context) error {
	out := b.output()
	commands := []command{{"alexctl build", []string{b.alexctl, "build", "--variant", "pwc", "-q", "-o", out}}}
	if err := exec.CommandContext(ctx, b.python, "-c", "import torch, onnx").Run(); err != nil {
		fmt.Printf("no PyTorch beside it: %s cannot import torch and onnx (set -python)\n", b.python)
	} else {
		script := peer("export_torch.py")
		commands = append(commands,
			command{"PyTorch, TorchScript exporter", []string{b.python, script, out}},
			command{"PyTorch, newer exporter", []string{b.python, script, out, "dynamo"}})
	}
	results, err := b.alternate(ctx, commands)
	if err != nil {
		return err
	}
	for i, c := range commands {
		fmt.Printf("%-30s median %6.2f s, peak %5.0f MB, ratio %5.1f in time, %4.1f in memory\n", c.name,
			median(results[i], seconds), median(results[i], peak),
			median(results[i], seconds)/median(results[0], seconds), median(results[i], peak)/median(results[0], peak))
	}
	return nil
}

// memory reports the peak of build and verify as multiples of the model.
func (b *bench) memory(ctx context.Context) error {
	for _, variant := range []string{"pwc", "zhihu", "torchvision"} {
		out := filepath.Join(b.dir, variant+".onnx")
		built, err := measure(ctx, b.alexctl, "build", "--variant", variant, "-q", "-o", out)
		if err != nil {
			return err
		}
		verified, err := measure(ctx, b.alexctl, "verify", "-q", out)
		if err != nil {
			return err
		}
		info, err := os.Stat(out)
		if err != nil {
			return err
		}
		size := float64(info.Size()) / (1 << 20)
		fmt.Printf("%-12s model %4.0f MB, build peak %4.0f MB (%.2f models), verify peak %4.0f MB (%.2f models), verify %.2f s\n",
			variant, size, built.peakMB, built.peakMB/size, verified.peakMB, verified.peakMB/size, verified.seconds)
	}
	return nil
}
