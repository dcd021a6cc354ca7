package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// printJSON writes v as one line of JSON.
func (a *app) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return a.print("%s\n", b)
}

// isTerminal reports whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// thousands writes n with separators: 62,071,144.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// progress shows a bar on stderr where that is a terminal.
type progress struct{ bar *progressbar.ProgressBar }

func (a *app) progress(total int, what string) *progress {
	if a.quiet || a.json || !isTerminal(a.stderr) {
		return &progress{}
	}
	p := &progress{progressbar.NewOptions(total,
		progressbar.OptionSetWriter(narrow{a.stderr, terminalWidth}),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish())}
	a.drawn.Store(p)
	return p
}

// undraw removes the bar that may be drawn before a line is printed; it is drawn again.
func (a *app) undraw() {
	if p := a.drawn.Load(); p != nil {
		p.clear()
	}
}

func (p *progress) add(n int) {
	if p.bar != nil {
		_ = p.bar.Add(n) // a bar that cannot be drawn is no reason to stop
	}
}

// describe says what the bar is at.
func (p *progress) describe(format string, args ...any) {
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf(format, args...))
	}
}

// clear removes the bar before a line is printed; it is drawn again.
func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
