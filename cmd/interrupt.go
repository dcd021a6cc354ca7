package cmd

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// repeated is how long after the first a signal is the same one once more: who ends a whole
// group of processes tells this one and the one that waits for it, which passes it on.
const repeated = time.Second

// patience is how long an interrupted command may take to end by itself.
const patience = 1500 * time.Millisecond

// patient are the commands that have something to save when they are interrupted.
var patient = []string{"train", "build", "setup", "fetch"}

// interruptible returns a context that the first signal to end cancels. A later one ends the
// program at once.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case <-signals:
			cancel()
			time.Sleep(repeated)
		case <-ctx.Done():
		}
		signal.Stop(signals)
	}()
	return ctx, cancel
}

// outcome is how a command ended.
type outcome struct {
	command string
	err     error
}

// ended runs a command to its end, or, once it is interrupted, for as long as it has patience: a
// library that computes something large does not look up.
func ended(ctx context.Context, root *cobra.Command, args []string) outcome {
	c, _, unknown := root.Find(args)
	saves := unknown == nil && slices.Contains(patient, c.Name())
	done := make(chan outcome, 1)
	go func() {
		name, err := execute(ctx, root)
		done <- outcome{name, err}
	}()
	select {
	case o := <-done:
		return o
	case <-ctx.Done():
	}
	if saves {
		return <-done
	}
	select {
	case o := <-done:
		return o
	case <-time.After(patience):
		return outcome{err: context.Canceled} // what it still does ends with the process
	}
}
