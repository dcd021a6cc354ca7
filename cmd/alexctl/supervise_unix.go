//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	goruntime "runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"alexctl/cmd"
	"alexctl/internal/scratch"
)

// workerEnv marks the process that does the work, and those that it starts. It holds the name of
// the pipe that the first of them reports to.
const workerEnv = "ALEXCTL_WORKER"

// The files behind the standard streams: where the worker says that it ended by itself, and
// the standard error that this program was given. Go's own last words, and what C libraries
// have to say, go to the worker's standard error, of which the first maxWords bytes are kept.
const (
	reportFile = 3
	errorsFile = 4
	maxWords   = 64 << 10
)

// supervise starts this program again to do the work and returns its exit code. done is false
// in the worker, and where none can be started.
func supervise(args []string) (code int, done bool) {
	if os.Getenv(workerEnv) != "" {
		return 0, false
	}
	program, err := os.Executable()
	if err != nil {
		return 0, false
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, false
	}
	goruntime.LockOSThread() // the worker ends with this thread
	c := exec.Command(program)
	c.Args = args
	words := &lastWords{}
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, words
	c.WaitDelay = time.Second // what it started may hold its standard error open
	c.ExtraFiles = []*os.File{w, os.Stderr}
	c.Env = append(os.Environ(), workerEnv+"="+pipeName(w))
	c.SysProcAttr = attributes()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if err := c.Start(); err != nil {
		signal.Stop(signals)
		return 0, false
	}
	_ = w.Close()        // the worker has its own
	var told atomic.Bool // to end
	go func() {
		for s := range signals {
			told.Store(true)
			if s == syscall.SIGTERM || !foreground() { // a terminal tells the worker itself
				_ = c.Process.Signal(s)
			}
		}
	}()
	said, _ := io.ReadAll(io.LimitReader(r, 1))
	err = c.Wait()
	if len(said) == 1 {
		if int(said[0]) == cmd.Interrupted { // it may not have waited for what it computed
			scratch.Sweep()
		}
		_, _ = os.Stderr.Write(words.b)
		return int(said[0]), true
	}
	scratch.Sweep()
	if s, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		switch {
		case told.Load(): // the second signal ended it
			return cmd.Interrupted, true
		case s.Signal() == syscall.SIGPIPE: // nobody reads what it prints
			return cmd.Unwritten, true
		}
	}
	if os.Getenv(cmd.TraceEnv) != "" {
		_, _ = os.Stderr.Write(words.b)
	}
	why := words.first()
	if why == "" && c.ProcessState.String() == "signal: killed" {
		why = ": there may have been too little memory for it"
	}
	fmt.Fprintf(os.Stderr, "alexctl: internal error: the process that did the work died (%v)%s\n", err, why)
	fmt.Fprintf(os.Stderr, "hint: %s=1 shows where it happened, for a report of the fault\n", cmd.TraceEnv)
	return cmd.Died, true
}

// lastWords keeps the first of what is written to it.
type lastWords struct{ b []byte }

func (l *lastWords) Write(p []byte) (int, error) {
	l.b = append(l.b, p[:min(len(p), maxWords-len(l.b))]...)
	return len(p), nil
}

// first returns the first line, behind a colon.
func (l *lastWords) first() string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(l.b)), "\n")
	if line == "" {
		return ""
	}
	return ": " + strings.ToValidUTF8(line, "?")
}

// worker is what the process that does the work was given.
type worker struct {
	report *os.File // nil where nobody waits
	errors *os.File // the program's standard error
}

// asWorker looks at what this process was given. What a worker starts has no pipe, and may have
// another file in its place.
func asWorker() worker {
	name := os.Getenv(workerEnv)
	if f := os.NewFile(reportFile, "report"); name != "" && f != nil && pipeName(f) == name {
		return worker{f, os.NewFile(errorsFile, "/dev/stderr")}
	}
	return worker{errors: os.Stderr}
}

// end tells the process that waits that this one ends by itself.
func (w worker) end(code int) {
	if w.report != nil {
		_, _ = w.report.Write([]byte{byte(code)}) // whoever waited may be gone
		_ = w.report.Close()
	}
}

// pipeName returns what only this pipe is called, or "" for what is none.
func pipeName(f *os.File) string {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return ""
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("pipe-%d-%d", s.Dev, s.Ino)
}
