// Command gomlx measures training steps of a small AlexNet for 32x32 images on
// the pure-Go backend of GoMLX, with float32 on two threads.
//
// Usage: go run . BATCH
//
// For each line on the standard input it does three training steps and prints
// the seconds of the quickest.
package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/gomlx/gomlx/backends/simplego"
)

const (
	threads = 2
	repeats = 3
)

func main() {
	// GoMLX prints to the standard output, which is for the results alone.
	results := os.Stdout
	os.Stdout = os.Stderr

	if err := run(results); err != nil {
		fmt.Fprintln(os.Stderr, "gomlx:", err)
		os.Exit(1)
	}
}

func run(results *os.File) error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: gomlx BATCH")
	}
	batch, err := strconv.Atoi(os.Args[1])
	if err != nil || batch < 1 {
		return fmt.Errorf("bad batch size %q", os.Args[1])
	}
	runtime.GOMAXPROCS(threads)
	backend, err := simplego.New(fmt.Sprintf("parallelism=%d", threads))
	if err != nil {
		return err
	}
	t := newTrainer[float32](backend, batch)
	t.step() // Builds the graph and fills the backend's pool of buffers.

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var loss float32
		best := math.Inf(1)
		for range repeats {
			start := time.Now()
			loss = t.step()
			best = min(best, time.Since(start).Seconds())
		}
		if !(loss < math.MaxFloat32) {
			return fmt.Errorf("the loss is %v", loss)
		}
		fmt.Fprintf(os.Stderr, "loss %.4f\n", loss)
		fmt.Fprintf(results, "%.6f\n", best)
	}
	return lines.Err()
}
