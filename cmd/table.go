package cmd

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"alexctl/verify"
)

// Limits of what is fitted to a terminal: one narrower than minWidth gets what needs that much,
// and a wrapped column keeps minColumn characters.
const (
	minWidth  = 40
	minColumn = 8
	padding   = 2   // around each column
	maxCell   = 300 // of a stranger's names, to which all others are padded
)

// colour reports whether verdicts are coloured: on a terminal, unless NO_COLOR is set.
func (a *app) colour() bool {
	return isTerminal(a.stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// printVerdict prints a line that says how something ended, in colour on a terminal.
func (a *app) printVerdict(line string) error {
	line = wrapped(printable(line), a.width())
	if a.colour() {
		line = paint(line)
	}
	return a.write(line + "\n")
}

// paint colours what begins with a verdict.
func paint(s string) string {
	word, _, _ := strings.Cut(s, " ")
	switch strings.TrimSuffix(word, ":") {
	case verify.Pass, "ok", "verified", "identical", "equivalent":
		return "\x1b[32m" + s + "\x1b[0m"
	case verify.Fail, "MISMATCH", "DIFFERENT", "NOT", "missing":
		return "\x1b[31m" + s + "\x1b[0m"
	case verify.Skipped, "not":
		return "\x1b[33m" + s + "\x1b[0m"
	}
	return s
}

// grid is a table that can be made to fit a terminal.
type grid struct {
	header, footer []string
	rows           [][]string
	numbers        []string // columns that hold numbers, which are aligned right and not wrapped
	more           int      // lines that are not shown
	wraps          bool     // text is wrapped before a column goes
	spare          []string // columns that may be left out, the first of them first
}

// newTable returns a table; numbers names the columns that hold numbers.
func newTable(header table.Row, numbers ...string) *grid {
	return &grid{header: cells(header), numbers: numbers}
}

// wrapping is sparing of a table whose text is rather wrapped: columns go where even that does
// not help.
func (g *grid) wrapping(columns ...string) *grid {
	g.spare, g.wraps = columns, true
	return g
}

// sparing names the columns that a narrow terminal is not shown, the first of them first.
func (g *grid) sparing(columns ...string) *grid {
	g.spare = columns
	return g
}

// AppendRow adds a line. What is beyond maxPrinted of them is only counted.
func (g *grid) AppendRow(row table.Row) {
	if len(g.rows) >= maxPrinted {
		g.more++
		return
	}
	g.rows = append(g.rows, cells(row))
}

// AppendFooter sets the last line.
func (g *grid) AppendFooter(row table.Row) { g.footer = cells(row) }

func cells(row table.Row) []string {
	out := make([]string, len(row))
	for i, v := range row {
		out[i] = printable(abridged(fmt.Sprint(v), maxCell)) // before it is coloured
	}
	return out
}

// render draws the table in so many characters, 0 for as many as it takes, and returns which
// columns had to be left out.
func (g *grid) render(width int, colour bool) (drawn string, left []string) {
	keep := make([]bool, len(g.header))
	for i := range keep {
		keep[i] = true
	}
	widths := g.widths()
	if width > 0 {
		for _, name := range g.spare {
			if sum(g.needed(widths), keep) <= width {
				break
			}
			if i := slices.Index(g.header, name); i >= 0 {
				keep[i], left = false, append(left, name)
			}
		}
		g.narrow(widths, keep, width)
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.Options{SeparateHeader: true}
	t.Style().Format.Header, t.Style().Format.Footer = text.FormatDefault, text.FormatDefault
	var configs []table.ColumnConfig
	for i, name := range g.header {
		if !keep[i] {
			continue
		}
		c := table.ColumnConfig{Number: len(configs) + 1, WidthMax: widths[i], WidthMaxEnforcer: wrapLines}
		if slices.Contains(g.numbers, name) {
			c.Align, c.AlignHeader, c.AlignFooter = text.AlignRight, text.AlignRight, text.AlignRight
		}
		if colour && (name == "verdict" || name == "") {
			c.Transformer = func(v any) string { return paint(fmt.Sprint(v)) }
		}
		configs = append(configs, c)
	}
	kept := func(row []string) table.Row {
		var out table.Row
		for i, s := range row {
			if keep[i] {
				out = append(out, s)
			}
		}
		return out
	}
	t.AppendHeader(kept(g.header))
	for _, row := range g.rows {
		t.AppendRow(kept(row))
	}
	if g.footer != nil {
		t.AppendFooter(kept(g.footer))
	}
	t.SetColumnConfigs(configs)
	var b strings.Builder
	for line := range strings.Lines(t.Render()) { // without trailing blanks
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String(), left
}

// widths are the columns' own.
func (g *grid) widths() []int {
	out := make([]int, len(g.header))
	for _, row := range append(append([][]string{g.header}, g.rows...), g.footer) {
		for i, cell := range row {
			out[i] = max(out[i], text.LongestLineLen(cell))
		}
	}
	return out
}

// minWrapped is how narrow a column of text is made before another is left out.
const minWrapped = 13

// needed is how wide the columns have to be.
func (g *grid) needed(widths []int) []int {
	if !g.wraps {
		return widths
	}
	out := slices.Clone(widths)
	for i, w := range out {
		if !slices.Contains(g.numbers, g.header[i]) {
			out[i] = min(w, minWrapped)
		}
	}
	return out
}

// joints are behind what a cell may be broken, where it has no blanks.
const joints = " ,;/=:_-."

// wrapLines wraps each line of a cell by itself: at joints, and within words where there is none.
func wrapLines(s string, width int) string {
	var lines []string
	for _, line := range strings.Split(s, "\n") {
		lines = append(lines, wrapCell(line, width)...)
	}
	return strings.Join(lines, "\n")
}

func wrapCell(line string, width int) (lines []string) {
	begun := ""
	for _, piece := range pieces(line) {
		if text.StringWidthWithoutEscSequences(begun+strings.TrimRight(piece, " ")) > width && begun != "" {
			lines, begun = append(lines, strings.TrimRight(begun, " ")), ""
		}
		for begun += piece; text.StringWidthWithoutEscSequences(strings.TrimRight(begun, " ")) > width; {
			head := text.Trim(begun, width)
			if head == "" || !strings.HasPrefix(begun, head) { // a character that is wider, or what colours it
				break
			}
			lines, begun = append(lines, head), strings.TrimPrefix(begun, head)
		}
	}
	return append(lines, begun)
}

// pieces splits a line behind its joints.
func pieces(line string) []string {
	var out []string
	from := 0
	for i, r := range line {
		if strings.ContainsRune(joints, r) {
			out, from = append(out, line[from:i+1]), i+1
		}
	}
	return append(out, line[from:])
}

// longest is the width of the longest piece of a column, which is not broken while others can be.
func (g *grid) longest(column int) int {
	n := minColumn
	for _, row := range append(append([][]string{g.header}, g.rows...), g.footer) {
		if column >= len(row) {
			continue
		}
		for _, piece := range pieces(row[column]) {
			for part := range strings.Lines(piece) {
				n = max(n, text.StringWidthWithoutEscSequences(strings.TrimSpace(part)))
			}
		}
	}
	return n
}

func sum(widths []int, keep []bool) int {
	n := 0
	for i, w := range widths {
		if keep[i] {
			n += w + padding
		}
	}
	return n
}

// narrow takes from the widest columns of text until the table fits: as long as their words stay
// whole, and then from all.
func (g *grid) narrow(widths []int, keep []bool, width int) {
	whole, narrowest := make([]int, len(widths)), slices.Repeat([]int{minColumn}, len(widths))
	for i := range whole {
		if keep[i] {
			whole[i] = min(g.longest(i), minWrapped+padding)
		}
	}
	for _, least := range [][]int{whole, narrowest} {
		for sum(widths, keep) > width {
			widest := -1
			for i, w := range widths {
				if keep[i] && w > least[i] && !slices.Contains(g.numbers, g.header[i]) && (widest < 0 || w > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
		}
	}
}

// printTable prints a table as wide as the terminal, and says what of it did not fit.
func (a *app) printTable(g *grid) error {
	drawn, left := g.render(a.width(), a.colour())
	if err := a.write(drawn); err != nil {
		return err
	}
	if g.more > 0 {
		if err := a.print("... and %d more lines (--json has them all)\n", g.more); err != nil {
			return err
		}
	}
	if len(left) > 0 {
		a.say("note: a wider terminal shows more: %s", strings.Join(left, ", "))
	}
	return nil
}
