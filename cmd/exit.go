package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"alexctl/runtime"
)

// Exit codes, the same for every command.
const (
	exitOK          = 0
	exitFinding     = 1   // a mismatch, or problems in a model that can be parsed
	exitUsage       = 2   // wrong flags or arguments
	exitEnvironment = 3   // an engine, provider or library is missing, or output cannot be written
	exitInput       = 4   // a file is missing or cannot be parsed
	exitInternal    = 70  // a fault of alexctl
	exitInterrupted = 130 // Ctrl-C
)

// exitCodes ends the help of every command.
const exitCodes = `Exit codes:
  0    done and good
  1    a finding: a mismatch, or problems in a model that can be parsed
  2    wrong flags or arguments
  3    the environment: an engine, provider or library is missing, or output cannot be written
  4    invalid input: a file that is missing or cannot be parsed
  70   an internal error
  130  interrupted`

// exitError is an error with its exit code. One without a message has been
// reported already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func environment(err error) error { return &exitError{exitEnvironment, err} }

func invalid(err error) error { return &exitError{exitInput, err} }

// silent ends a command whose result says what is wrong.
func silent(code int) error { return &exitError{code: code} }

// codeOf returns the exit code of an error.
func codeOf(err error) int {
	var exit *exitError
	var unavailable *runtime.UnavailableError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, syscall.ENOSPC), errors.As(err, &unavailable):
		return exitEnvironment
	case errors.As(err, &exit):
		return exit.code
	}
	return exitInternal
}

// exitCode prints an error to stderr and returns its exit code.
func exitCode(stderr io.Writer, err error) int {
	code := codeOf(err)
	switch {
	case code == exitOK:
	case code == exitInterrupted:
		_, _ = fmt.Fprintln(stderr, "alexctl: interrupted")
	case err.Error() == "":
	case code == exitInternal:
		_, _ = fmt.Fprintf(stderr, "alexctl: internal error: %v\n", err)
	default:
		_, _ = fmt.Fprintf(stderr, "alexctl: %s\n", printable(tidy(err.Error())))
	}
	return code
}

// tidy removes what the joining of errors repeats.
func tidy(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\n\n", "\n")) }

// missing reports whether err says that a file does not exist.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
