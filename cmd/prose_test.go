package cmd

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
)

// TestWrapped breaks lines between words only, and indents lists.
func TestWrapped(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"short", "short"},
		{"one two three four five six", "one two three four\nfive six"},
		{"/a/name/that/is/wider/than/the/line here", "/a/name/that/is/wider/than/the/line\nhere"},
		{"  cpu   the processor, slowly\n", "  cpu   the\n        processor,\n        slowly\n"},
		{"two\nlines of which one is long", "two\nlines of which one\nis long"},
		{"幅の広い文字 幅の広い文字", "幅の広い文字\n幅の広い文字"},
		{"one two three four     ", "one two three four"},
		{"", ""},
	} {
		if got := wrapped(c.text, 20); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
		if got := wrapped(c.text, 0); got != c.text {
			t.Errorf("%q without a width: %q", c.text, got)
		}
	}
}

// TestNarrow draws a bar over itself: what does not fit is cut, and nothing else is lost.
func TestNarrow(t *testing.T) {
	var b bytes.Buffer
	width := 11
	n := narrow{&b, func(io.Writer) int { return width }}
	for _, s := range []string{"\repoch 1/3, loss 2.304", "\r            \r", "\rdone", "\r\n"} {
		if got, err := io.WriteString(n, s); err != nil || got != len(s) {
			t.Fatal(got, err)
		}
	}
	if want := "\repoch 1/3,\r          \r\rdone\r\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	width = 0 // no terminal
	if _, err := io.WriteString(n, "\repoch 1/3, loss 2.304"); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(b.String(), "2.304") {
		t.Errorf("%q", b.String())
	}
}

// TestHelpFits wants the help of every command to fit 80 columns, and 60 but for the examples,
// which are to be copied, and to lose no flag.
func TestHelpFits(t *testing.T) {
	for _, width := range []int{80, 60} {
		t.Setenv("COLUMNS", map[int]string{80: "80", 60: "60"}[width])
		var out bytes.Buffer
		a := &app{stdout: &out, stderr: io.Discard}
		var visit func(c *cobra.Command)
		visit = func(c *cobra.Command) {
			out.Reset()
			c.InitDefaultHelpFlag()
			if err := a.help(c); err != nil {
				t.Fatal(err)
			}
			examples := false
			for line := range strings.Lines(out.String()) {
				line = strings.TrimRight(line, "\n")
				examples = line == "Examples:" || examples && line != ""
				if n := runewidth.StringWidth(line); n > width && (!examples || width == 80) && !strings.HasPrefix(strings.TrimSpace(line), "alexctl completion") {
					t.Errorf("%s at %d columns: a line of %d: %s", c.CommandPath(), width, n, line)
				}
			}
			for _, want := range []string{"--help", "--max-memory", "--ort-lib", "130  interrupted"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%s at %d columns does not say %s", c.CommandPath(), width, want)
				}
			}
			for _, sub := range c.Commands() {
				visit(sub)
			}
		}
		visit(a.root())
	}
}
