package cmd

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// TestEnded interrupts commands that do not look up: those that save something are waited for.
func TestEnded(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	root := &cobra.Command{Use: "alexctl", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(
		&cobra.Command{Use: "verify", RunE: func(*cobra.Command, []string) error { <-release; return nil }},
		&cobra.Command{Use: "train", RunE: func(*cobra.Command, []string) error {
			time.Sleep(patience + 500*time.Millisecond)
			return errors.New("saved")
		}},
		&cobra.Command{Use: "check", RunE: func(c *cobra.Command, _ []string) error { <-c.Context().Done(); return c.Context().Err() }},
	)
	for name, want := range map[string]string{"train": "saved", "verify": context.Canceled.Error(), "check": context.Canceled.Error()} {
		ctx, cancel := context.WithCancel(t.Context())
		root.SetArgs([]string{name})
		time.AfterFunc(50*time.Millisecond, cancel)
		if got := ended(ctx, root, []string{name}); got.err == nil || got.err.Error() != want {
			t.Errorf("%s: %v, want %s", name, got.err, want)
		}
	}
}
