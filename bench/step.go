package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	rungorgonia "alexctl/runtime/gorgonia"
)

// workload is a network, its input size and a batch.
type workload struct {
	variant string
	side    int
	batch   int
}

func (w workload) String() string { return fmt.Sprintf("%s %d, batch %d", w.variant, w.side, w.batch) }

func (w workload) args() []string {
	return []string{w.variant, strconv.Itoa(w.side), strconv.Itoa(w.batch)}
}

// worker is a process that does a few training steps for each line that it reads, and
// answers with the seconds of the quickest: after a pause, caches and threads are cold.
type worker struct {
	name    string
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	talk    strings.Builder
	samples []sample
}

func start(ctx context.Context, name string, args ...string) (*worker, error) {
	w := &worker{name: name, command: exec.CommandContext(ctx, args[0], args[1:]...)}
	w.command.Stderr = &w.talk
	w.command.Env = append(os.Environ(), "OMP_NUM_THREADS=2")
	var err error
	if w.in, err = w.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = bufio.NewReader(out)
	return w, w.command.Start()
}

// step asks for a round.
func (w *worker) step() error {
	if _, err := io.WriteString(w.in, "\n"); err != nil {
		return fmt.Errorf("%s: %w: %s", w.name, err, w.talk.String())
	}
	line, err := w.out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%s: %w: %s", w.name, err, w.talk.String())
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		return fmt.Errorf("%s answers %q", w.name, line)
	}
	w.samples = append(w.samples, sample{seconds: seconds})
	return nil
}

// end lets the process finish and notes its peak memory.
func (w *worker) end() error {
	if err := w.in.Close(); err != nil {
		return err
	}
	if err := w.command.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", w.name, err, w.talk.String())
	}
	if u, ok := w.command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		for i := range w.samples {
			w.samples[i].peakMB = float64(u.Maxrss) / 1024
		}
	}
	return nil
}

// step compares a training step (forward, backward, SGD with momentum and decay) with
// stock Gorgonia and PyTorch, in alternating rounds, two threads each.
func (b *bench) step(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	torch := exec.CommandContext(ctx, b.python, "-c", "import torch").Run() == nil
	if !torch {
		fmt.Printf("no PyTorch beside it: %s cannot import torch (set -python)\n", b.python)
	}
	for _, w := range []workload{{"cifar", 32, 128}, {"cifar", 32, 32}, {"pwc", 227, 32}, {"zhihu", 227, 32}, {"torchvision", 224, 32}} {
		commands := [][]string{
			append([]string{"alexctl, onednn", self, "-serve", "onednn"}, w.args()...),
			append([]string{"alexctl, plain", self, "-serve", "plain"}, w.args()...),
		}
		if w.variant == "cifar" { // the others have what it lacks, or take minutes
			commands = append(commands, append([]string{"stock Gorgonia", self, "-serve", "gorgonia"}, w.args()...))
		}
		if torch {
			script := filepath.Join("bench", "peers", "torch_step.py")
			for _, form := range []string{"contiguous", "channels_last"} {
				commands = append(commands, append([]string{"PyTorch " + form, b.python, script, form}, w.args()...))
			}
		}
		if err := b.compareSteps(ctx, w, commands); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) compareSteps(ctx context.Context, w workload, commands [][]string) error {
	var workers []*worker
	for _, c := range commands {
		p, err := start(ctx, c[0], c[1:]...)
		if err != nil {
			return err
		}
		if err := p.step(); err != nil { // the first one warms up
			return err
		}
		p.samples = nil
		workers = append(workers, p)
	}
	for range b.rounds {
		for _, p := range workers {
			if err := p.step(); err != nil {
				return err
			}
		}
	}
	for _, p := range workers {
		if err := p.end(); err != nil {
			return err
		}
	}
	ours := median(workers[0].samples, seconds)
	for _, p := range workers {
		m := median(p.samples, seconds)
		fmt.Printf("%-28s %-24s median %8.1f ms, %6.1f images/s, peak %5.0f MB, ours is %5.2f times as fast\n",
			w, p.name, 1000*m, float64(w.batch)/m, median(p.samples, peak), m/ours)
	}
	return nil
}

// stepsARound is how many steps a worker does for each line.
const stepsARound = 3

// serve does a round of steps for each line of the standard input.
func serve(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("want -serve KIND VARIANT SIDE BATCH")
	}
	side, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	batch, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	w := workload{args[1], side, batch}
	var step func() error
	if args[0] == "gorgonia" {
		step, err = stockStep(w)
	} else {
		set, precision, _ := strings.Cut(args[0], ":")
		step, err = ourStep(w, rungorgonia.Kernels{Set: set, Precision: precision, Threads: stepThreads})
	}
	if err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		best := math.Inf(1)
		for range stepsARound {
			began := time.Now()
			if err := step(); err != nil {
				return err
			}
			best = min(best, time.Since(began).Seconds())
		}
		fmt.Println(best)
	}
	return in.Err()
}
