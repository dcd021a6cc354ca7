package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// worker is a process that does some work a few times for each line that it reads, and
// answers with the seconds of the quickest: after a pause, caches and threads are cold.
type worker struct {
	name    string
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	talk    strings.Builder
	samples []sample
}

// racer is a worker that is to be started.
type racer struct {
	name string
	args []string
}

func (r racer) start(ctx context.Context) (*worker, error) {
	w := &worker{name: r.name, command: exec.CommandContext(ctx, r.args[0], r.args[1:]...)}
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
	if err := w.command.Start(); err != nil {
		return nil, err
	}
	if err := w.round(); err != nil { // the first one warms up
		_ = w.command.Process.Kill()
		_ = w.command.Wait()
		return nil, err
	}
	w.samples = nil
	return w, nil
}

// settle is how long nobody works between two rounds: the threads of who has just finished
// go on waiting for work, which takes a processor, for a while.
const settle = 300 * time.Millisecond

// limit is how long a round may take: GoMLX's workers might wait for each other for ever.
const limit = 5 * time.Minute

// round asks for a round.
func (w *worker) round() error {
	time.Sleep(settle)
	defer time.AfterFunc(limit, func() { _ = w.command.Process.Kill() }).Stop()
	if _, err := io.WriteString(w.in, "\n"); err != nil {
		return fmt.Errorf("%s: %w: %s", w.name, err, w.lastWords())
	}
	line, err := w.out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%s: %w: %s", w.name, err, w.lastWords())
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		return fmt.Errorf("%s answers %q", w.name, line)
	}
	w.samples = append(w.samples, sample{seconds: seconds})
	return nil
}

// lastWords is the end of what the process said.
func (w *worker) lastWords() string {
	lines := strings.Split(strings.TrimSpace(w.talk.String()), "\n")
	return lines[len(lines)-1]
}

// end lets the process finish and notes its peak memory.
func (w *worker) end() error {
	if err := w.in.Close(); err != nil {
		return err
	}
	if err := w.command.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", w.name, err, w.lastWords())
	}
	if u, ok := w.command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		for i := range w.samples {
			w.samples[i].peakMB = float64(u.Maxrss) / 1024
		}
	}
	return nil
}

// tries is how many rounds each setting of a peer has before the best of them race.
const tries = 2

// best tries settings of a peer one by one, says how long each took, and returns the two
// that were quickest.
func best(ctx context.Context, what string, settings []racer) []racer {
	type tried struct {
		racer
		seconds float64
	}
	var list []tried
	for _, r := range settings {
		w, err := r.start(ctx)
		for range tries {
			if err == nil {
				err = w.round()
			}
		}
		if err == nil {
			err = w.end()
		}
		if err != nil {
			fmt.Printf("%-28s tried %-44s left out: %v\n", what, r.name, err)
			continue
		}
		m := math.Inf(1)
		for _, s := range w.samples {
			m = min(m, s.seconds)
		}
		fmt.Printf("%-28s tried %-44s %8.1f ms\n", what, r.name, 1000*m)
		list = append(list, tried{r, m})
		for i := len(list) - 1; i > 0 && list[i].seconds < list[i-1].seconds; i-- {
			list[i], list[i-1] = list[i-1], list[i]
		}
	}
	var quickest []racer
	for _, t := range list[:min(2, len(list))] {
		quickest = append(quickest, t.racer)
	}
	return quickest
}

// race lets the racers work in alternating rounds and prints medians, and ratios to the
// first. One that cannot be started is left out.
func (b *bench) race(ctx context.Context, what string, batch int, racers []racer) error {
	var workers []*worker
	for _, r := range racers {
		w, err := r.start(ctx)
		if err != nil {
			fmt.Printf("%-28s %-44s left out: %v\n", what, r.name, err)
			continue
		}
		workers = append(workers, w)
	}
	for range b.rounds {
		for _, w := range workers {
			if err := w.round(); err != nil {
				return err
			}
		}
	}
	for _, w := range workers {
		if err := w.end(); err != nil {
			return err
		}
	}
	if len(workers) == 0 {
		return nil
	}
	first := median(workers[0].samples, seconds)
	for _, w := range workers {
		m := median(w.samples, seconds)
		fmt.Printf("%-28s %-50s median %8.1f ms, %7.1f images/s, peak %5.0f MB, ratio %5.2f\n",
			what, w.name, 1000*m, float64(batch)/m, median(w.samples, peak), m/first)
	}
	return nil
}

// timesARound is how often a worker does its work for each line.
const timesARound = 3

// rounds does the work for each line of the standard input.
func rounds(work func() error) error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		best := math.Inf(1)
		for range timesARound {
			began := time.Now()
			if err := work(); err != nil {
				return err
			}
			best = min(best, time.Since(began).Seconds())
		}
		fmt.Println(best)
	}
	return in.Err()
}
