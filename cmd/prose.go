package cmd

import (
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// widthOf returns how many characters a line has room for, as COLUMNS or the terminal says; 0
// where it is neither told nor a terminal.
func widthOf(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return max(n, minWidth)
	}
	return terminalWidth(w)
}

// terminalWidth is 0 where it is no terminal.
func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return max(n, minWidth)
		}
	}
	return 0
}

// width is that of the standard output.
func (a *app) width() int { return widthOf(a.stdout) }

// wrapped breaks lines between words, so that they fit; 0 leaves them. What follows a break is
// indented as the first word behind the line's name is, in a list of names and texts ("  cpu
// the processor"), and else as the line itself. Words are never broken: they may be names of files.
func wrapped(text string, width int) string {
	if width == 0 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		end := ""
		if strings.HasSuffix(line, "\n") {
			end, line = "\n", line[:len(line)-1]
		}
		b.WriteString(wrappedLine(line, width) + end)
	}
	return b.String()
}

func wrappedLine(line string, width int) string {
	if runewidth.StringWidth(line) <= width {
		return line
	}
	indent := strings.Repeat(" ", indentOf(line, width))
	var b strings.Builder
	at, begun := 0, false // of this line, in columns; whether it has a word
	for rest := strings.TrimRight(line, " "); rest != ""; {
		blanks := len(rest) - len(strings.TrimLeft(rest, " "))
		word, _, _ := strings.Cut(rest[blanks:], " ")
		w := runewidth.StringWidth(word)
		if begun && at+blanks+w > width {
			b.WriteString("\n" + indent + word)
			at = len(indent) + w
		} else {
			b.WriteString(rest[:blanks] + word)
			at += blanks + w
		}
		begun, rest = true, rest[blanks+len(word):]
	}
	return b.String()
}

// indentOf returns where what follows a break begins.
func indentOf(line string, width int) int {
	blanks := len(line) - len(strings.TrimLeft(line, " "))
	if name, text, ok := strings.Cut(line[blanks:], "  "); blanks > 0 && ok {
		more := len(text) - len(strings.TrimLeft(text, " "))
		if column := blanks + runewidth.StringWidth(name) + 2 + more; column <= width/2 {
			return column
		}
		return min(blanks+4, width/2)
	}
	return min(blanks, width/2)
}

// narrow cuts the lines that are drawn over each other, as a progress bar's, to the terminal: one
// that is longer would leave a part of it behind each time.
type narrow struct {
	to    io.Writer
	width func(io.Writer) int // 0 for no terminal
}

func (n narrow) Write(p []byte) (int, error) {
	width := n.width(n.to)
	if width == 0 {
		return n.to.Write(p)
	}
	parts := strings.SplitAfter(string(p), "\r")
	for i, part := range parts {
		line := strings.TrimRight(part, "\r\n")
		parts[i] = runewidth.Truncate(line, width-1, "") + part[len(line):]
	}
	if _, err := io.WriteString(n.to, strings.Join(parts, "")); err != nil {
		return 0, err
	}
	return len(p), nil
}
