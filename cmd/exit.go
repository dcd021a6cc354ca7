package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"alexctl/fault"
)

// codes are the exit codes, the same for every command: one a kind of fault.
var codes = map[fault.Kind]int{
	fault.Finding:     1, // a mismatch, or problems in a model that can be parsed
	fault.Usage:       2, // wrong flags or arguments
	fault.Environment: 3, // an engine, provider, library or dataset is missing, or output cannot be written
	fault.Unsupported: 3, // an operator, opset or format is beyond this program
	fault.Invalid:     4, // a file is missing, cannot be parsed or breaks the rules
	fault.Internal:    Died,
	fault.Interrupted: Interrupted,
}

// exitCodes ends the help of every command.
const exitCodes = `Exit codes:
  0    done and good
  1    a finding: a mismatch, or problems in a model that can be parsed
  2    wrong flags or arguments
  3    the environment: an engine, provider, library or dataset is missing, output cannot be written, or an operator, opset or format is not supported
  4    invalid input: a file that is missing, cannot be parsed or breaks the rules
  70   an internal error
  130  interrupted`

// TraceEnv is the environment variable that shows where a fault of this program happened.
const TraceEnv = "ALEXCTL_TRACE"

// Died is the exit code of a process that did not end by itself: an internal error.
const Died = 70

// Unwritten is the exit code of a process whose output nobody takes: the environment's fault.
const Unwritten = 3

// Interrupted is the exit code of a process that was told to end.
const Interrupted = 130

// usage is an error in how the program was called.
func usage(format string, args ...any) error { return fault.New(fault.Usage, format, args...) }

// reported ends a command whose result has said what is wrong.
type reported struct{ kind fault.Kind }

func (r reported) Error() string    { return "" }
func (r reported) Kind() fault.Kind { return r.kind }

// exitCode prints the error of a command, with what to do about it, to stderr and returns its exit code.
// This is the one place where errors become exit codes.
func exitCode(stderr io.Writer, command string, err error) int {
	if err == nil {
		return 0
	}
	kind := fault.KindOf(err)
	switch text := tidy(abridged(err.Error(), maxMessage)); {
	case kind == fault.Interrupted:
		_, _ = fmt.Fprintln(stderr, "alexctl: interrupted") // nobody is left to tell
	case text == "":
	case kind == fault.Internal:
		_, _ = fmt.Fprintf(stderr, "alexctl: internal error: %s\n", printable(text))
		var p *fault.Panic
		switch {
		case !errors.As(err, &p):
		case os.Getenv(TraceEnv) != "":
			_, _ = fmt.Fprintf(stderr, "%s", p.Stack)
		default:
			_, _ = fmt.Fprintf(stderr, "hint: %s=1 shows where it happened, for a report of the fault\n", TraceEnv)
		}
	default:
		width := widthOf(stderr)
		_, _ = fmt.Fprintf(stderr, "%s\n", wrapped("alexctl: "+printable(text), width))
		for _, h := range fault.Hints(err) {
			_, _ = fmt.Fprintf(stderr, "%s\n", wrapped("hint: "+printable(hint(command, h)), width))
		}
	}
	if code, known := codes[kind]; known {
		return code
	}
	return codes[fault.Internal]
}

// tidy removes what the joining of errors repeats.
func tidy(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\n\n", "\n")) }
