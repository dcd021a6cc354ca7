package cmd

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// setApart sets the lines that begin with a blank apart, which keeps them lines.
func setApart(text string) string {
	var out []string
	before := false
	for _, line := range strings.Split(text, "\n") {
		within := strings.HasPrefix(line, " ")
		if within != before {
			out = append(out, "")
		}
		if before = within; within {
			line = "    " + line
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// manualWidth is that of lines that stay lines in a page of 80 columns.
const manualWidth = 70

// Manual returns the commands as a manual is made of: each description ends with the exit codes.
func Manual() *cobra.Command {
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
	root := a.root()
	root.DisableAutoGenTag = true // no date: the same program gives the same pages
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		c.DisableAutoGenTag = true
		if c.Long == "" {
			c.Long = c.Short + "."
		}
		c.Long = setApart(c.Long + "\n\n" + wrapped(exitCodes, manualWidth))
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	return root
}
