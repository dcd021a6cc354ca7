package cmd

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

func example() *grid {
	g := newTable(table.Row{"layer", "op", "error", "bound", "verdict"}, "error", "bound").sparing("bound", "op")
	g.AppendRow(table.Row{"/features/features.0/Conv_with_a_long_name_of_its_own", "Conv", "1.25e-07", "3.5e-06", "pass"})
	g.AppendRow(table.Row{"/classifier/Gemm", "Gemm", "2.25e-06", "1.5e-06", "fail (layers)"})
	g.AppendFooter(table.Row{"total", "", 12, "", ""})
	return g
}

// TestTablesFit wants tables no wider than the terminal, with fewer columns first and with
// wrapped ones then, and nothing else lost.
func TestTablesFit(t *testing.T) {
	for width, want := range map[int]string{0: "", 200: "", 100: "", 80: "bound,op", 60: "bound,op", 40: "bound,op"} {
		drawn, left := example().render(width, false)
		if got := strings.Join(left, ","); got != want {
			t.Errorf("%d columns: left out %q, want %q", width, got, want)
		}
		for line := range strings.Lines(drawn) {
			if n := text.RuneWidthWithoutEscSequences(strings.TrimRight(line, "\n")); width > 0 && n > width {
				t.Errorf("%d columns: a line of %d:\n%s", width, n, drawn)
			}
		}
		flat := strings.Join(strings.Fields(drawn), "")
		for _, s := range []string{"1.25e-07", "2.25e-06", "pass", "fail", "12"} {
			if !strings.Contains(flat, s) {
				t.Errorf("%d columns: no %s in\n%s", width, s, drawn)
			}
		}
	}
	if drawn, _ := example().render(0, true); !strings.Contains(drawn, "\x1b[32mpass") || !strings.Contains(drawn, "\x1b[31mfail (layers)") {
		t.Errorf("no colours in\n%q", drawn)
	}
}

// TestWrapCell breaks cells behind joints, and ends whatever is in them.
func TestWrapCell(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"kernel_shape=3x3 pads=1", 12, "kernel_|shape=3x3|pads=1"},
		{"opt=all,threads=2", 10, "opt=all,|threads=2"},
		{"unbreakable", 4, "unbr|eaka|ble"},
		{"猫猫猫", 4, "猫猫|猫"},
		{"猫猫", 1, "猫猫"},
		{"\x1b[31mMISMATCHES\x1b[0m", 8, ""},
		{"", 3, ""},
	} {
		got := wrapCell(c.text, c.width)
		if s := strings.Join(got, "|"); c.want != "" && s != c.want {
			t.Errorf("%q in %d: %q, want %q", c.text, c.width, s, c.want)
		}
		kept := strings.NewReplacer(" ", "", "\x1b[31m", "", "\x1b[0m", "").Replace
		if kept(strings.Join(got, "")) != kept(c.text) {
			t.Errorf("%q in %d: %q", c.text, c.width, got)
		}
	}
}

// TestColoursReachTheTerminal runs the program on a terminal: verdicts are coloured, and a
// stranger's control characters are not passed on.
func TestColoursReachTheTerminal(t *testing.T) {
	if _, err := exec.LookPath("script"); err != nil {
		t.Skip("there is no script(1)")
	}
	dir := t.TempDir()
	run := func(environment ...string) string {
		_, out := shell(t, dir, append(append(os.Environ(), "TERM=xterm", "NO_COLOR="), environment...), "script -qec 'stty cols 80; alexctl doctor' /dev/null")
		return out
	}
	if out := run(); !strings.Contains(out, "\x1b[32mok") || strings.Contains(out, "?[32m") {
		t.Errorf("no colours:\n%q", out)
	}
	if out := run("NO_COLOR=1"); strings.Contains(out, "[32m") {
		t.Errorf("colours with NO_COLOR:\n%q", out)
	}
	g := newTable(table.Row{"layer", "verdict"})
	g.AppendRow(table.Row{"a\x1b[31mb", "pass"})
	if drawn, _ := g.render(0, true); !strings.Contains(drawn, "a?[31mb") || !strings.Contains(drawn, "\x1b[32mpass") {
		t.Errorf("%q", drawn)
	}
}

// TestManyLines wants a table of a million lines cut.
func TestManyLines(t *testing.T) {
	var stdout strings.Builder
	a := &app{stdout: &stdout, stderr: &strings.Builder{}}
	g := newTable(table.Row{"layer"})
	for range 1_000_000 {
		g.AppendRow(table.Row{"x"})
	}
	if err := a.printTable(g); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(stdout.String(), "\n"); n != maxPrinted+3 || !strings.Contains(stdout.String(), "... and 990000 more lines") {
		t.Errorf("%d lines", n)
	}
}

// TestLongNames wants a name of megabytes cut: every line is padded to the longest.
func TestLongNames(t *testing.T) {
	g := newTable(table.Row{"layer", "op"})
	for range 100 {
		g.AppendRow(table.Row{strings.Repeat("n", 5<<20), "Conv"})
	}
	if drawn, _ := g.render(0, false); len(drawn) > 100*1000 || !strings.Contains(drawn, "(5242580 more bytes)") {
		t.Errorf("%d bytes", len(drawn))
	}
	var stderr strings.Builder
	a := &app{stderr: &stderr}
	if a.say("node %q", strings.Repeat("n", 50<<20)); stderr.Len() > maxMessage+100 {
		t.Errorf("a message of %d bytes", stderr.Len())
	}
}

// TestWidth wants COLUMNS honoured, and no limit without a terminal.
func TestWidth(t *testing.T) {
	a := &app{stdout: &strings.Builder{}}
	for given, want := range map[string]int{"": 0, "80": 80, "5": minWidth, "-3": 0, "many": 0} {
		t.Setenv("COLUMNS", given)
		if got := a.width(); got != want {
			t.Errorf("COLUMNS=%q: %d, want %d", given, got, want)
		}
	}
}
