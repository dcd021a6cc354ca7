package cmd

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// repeated is how long after the first a signal is the same one once more: who ends a whole
// group of processes tells this one and the one that waits for it, which passes it on.
const repeated = time.Second

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
