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
	for name, c := range map[string]struct {
		run  func(*cobra.Command, []string) error
		want string
	}{
		"verify": {func(*cobra.Command, []string) error { <-release; return nil }, context.Canceled.Error()},
		"train": {func(*cobra.Command, []string) error {
			time.Sleep(patience + 500*time.Millisecond)
			return errors.New("saved")
		}, "saved"},
		"check": {func(c *cobra.Command, _ []string) error { <-c.Context().Done(); return c.Context().Err() }, context.Canceled.Error()},
	} {
		root := &cobra.Command{Use: "alexctl", SilenceErrors: true, SilenceUsage: true}
		root.AddCommand(&cobra.Command{Use: name, RunE: c.run})
		ctx, cancel := context.WithCancel(t.Context())
		root.SetArgs([]string{name})
		time.AfterFunc(50*time.Millisecond, cancel)
		if got := ended(ctx, root, []string{name}); got.err == nil || got.err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, got.err, c.want)
		}
	}
}
