package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Widths of help: that of help that is not for a terminal, and below which the descriptions of
// flags stand under them.
const (
	helpWidth   = 100
	narrowFlags = 72
)

// help prints what a command does, its flags, an example and, last, the exit codes.
func (a *app) help(c *cobra.Command) error {
	width := a.width()
	if width == 0 {
		width = helpWidth
	}
	var b strings.Builder
	about := c.Long
	if about == "" {
		about = c.Short + "."
	}
	fmt.Fprintf(&b, "%s\n\nUsage:\n", reflow(about, width))
	if c.Runnable() {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n\nCommands:\n", c.CommandPath())
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				b.WriteString(wrapped(fmt.Sprintf("  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short), width))
			}
		}
	}
	for _, f := range []struct {
		title string
		set   *pflag.FlagSet
	}{{"Flags", c.LocalFlags()}, {"Global flags", c.InheritedFlags()}} {
		if f.set.HasAvailableFlags() {
			fmt.Fprintf(&b, "\n%s:\n%s", f.title, flagUsages(f.set, width))
		}
	}
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	fmt.Fprintf(&b, "\n%s\n", wrapped(exitCodes, width))
	return a.write(b.String())
}

// reflow breaks the lines of a description for a width. In a paragraph with lines that begin with
// a blank, lines stay lines.
func reflow(long string, width int) string {
	paragraphs := strings.Split(long, "\n\n")
	for i, p := range paragraphs {
		if !strings.Contains("\n"+p, "\n ") {
			p = strings.ReplaceAll(p, "\n", " ")
		}
		paragraphs[i] = wrapped(p, width)
	}
	return strings.Join(paragraphs, "\n\n")
}

// flagUsages describes flags; where there is little room, under each of them.
func flagUsages(set *pflag.FlagSet, width int) string {
	if width >= narrowFlags {
		return set.FlagUsagesWrapped(width)
	}
	var b strings.Builder
	for line := range strings.Lines(set.FlagUsages()) {
		name, text, _ := strings.Cut(strings.TrimRight(line[6:], "\n"), "   ") // behind "  -q, "
		b.WriteString(line[:6] + name + "\n" + wrapped("      "+strings.TrimSpace(text), width) + "\n")
	}
	return b.String()
}

// helpCommand is help about a command that is named.
func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Help about a command",
		RunE: func(_ *cobra.Command, args []string) error {
			found, _, err := root.Find(args)
			if err != nil || found == root {
				return errors.Join(a.noSubcommand(root, args), a.help(root))
			}
			return a.help(found)
		},
	}
}
