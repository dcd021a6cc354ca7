package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// TestManual writes the pages and wants every command and every flag in them.
func TestManual(t *testing.T) {
	dir := t.TempDir()
	if err := doc.GenManTree(Manual(), &doc.GenManHeader{Section: "1"}, dir); err != nil {
		t.Fatal(err)
	}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("no page for %s: %v", c.CommandPath(), err)
		}
		wanted := []string{"130  interrupted"}
		add := func(f *pflag.Flag) {
			if !f.Hidden {
				wanted = append(wanted, "\\fB--"+f.Name+"\\fP")
			}
		}
		c.LocalFlags().VisitAll(add)
		c.InheritedFlags().VisitAll(add)
		for _, want := range wanted {
			if !strings.Contains(string(b), want) {
				t.Errorf("%s does not say %s", name, want)
			}
		}
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				visit(sub)
			}
		}
	}
	visit(Manual())
}
