// Package fault is how the packages of this module fail: errors of a few kinds that say
// where something is wrong, what was wanted and, apart from the message, what to do. A
// library returns them; a program decides what each kind means to it, as cmd does with its
// exit codes, and under which names it offers the options that a Hint mentions.
package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
)

// Kind says whose move it is.
type Kind int

// The kinds of errors.
const (
	// Internal is a fault of this program: what no other kind describes.
	Internal Kind = iota
	// Usage is a call that makes no sense: an option, or two that do not go together.
	Usage
	// Invalid is input that is missing, cannot be parsed or breaks the rules of its format.
	Invalid
	// Unsupported is valid input that is beyond this module: an operator, an opset, a format.
	Unsupported
	// Environment is something that this machine lacks: a library, a device, a dataset, space.
	Environment
	// Finding is an answer that is not the one hoped for: a mismatch, training that diverged.
	Finding
	// Interrupted is a context that ended.
	Interrupted
)

// Kinds are all kinds, in order.
func Kinds() []Kind {
	return []Kind{Internal, Usage, Invalid, Unsupported, Environment, Finding, Interrupted}
}

// String returns the kind in lower case.
func (k Kind) String() string {
	names := [...]string{"internal", "usage", "invalid", "unsupported", "environment", "finding", "interrupted"}
	if k < 0 || int(k) >= len(names) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return names[k]
}

// Kinded is an error that knows its kind.
type Kinded interface {
	error
	Kind() Kind
}

// Hinted is an error that knows what to do.
type Hinted interface {
	error
	Hints() []Hint
}

// Error is an error of a kind, with what to do about it.
type Error struct {
	kind  Kind
	err   error
	hints []Hint
}

var (
	_ Kinded = (*Error)(nil)
	_ Hinted = (*Error)(nil)
)

// New returns an error of a kind. The message says where, what was found and what was
// wanted; format may wrap a cause with %w.
func New(k Kind, format string, args ...any) *Error {
	return &Error{kind: k, err: fmt.Errorf(format, args...)}
}

// Hint adds what to do to an error and returns it.
func (e *Error) Hint(h ...Hint) *Error {
	e.hints = append(e.hints, h...)
	return e
}

// Error returns the message, without the hints.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// Kind returns the kind of the error.
func (e *Error) Kind() Kind { return e.kind }

// Hints returns what to do.
func (e *Error) Hints() []Hint { return slices.Clone(e.hints) }

// As returns err as an error of a kind, whatever it was; nil stays nil.
func As(k Kind, err error) error {
	if err == nil {
		return nil
	}
	return &Error{kind: k, err: err}
}

// Default gives the error that a function is about to return a kind, where it has none:
// defer fault.Default(&err, fault.Invalid).
func Default(err *error, k Kind) {
	if *err == nil {
		return
	}
	if _, known := kindOf(*err); !known {
		*err = As(k, *err)
	}
}

// Lacks reports whether an error is the system's word that something of it is used up: space,
// a quota, file handles.
func Lacks(err error) bool {
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// KindOf returns the kind of an error: that of the outermost error in its chain that has
// one. A context that was canceled is Interrupted and what Lacks is Environment, whatever is
// said around them; a deadline that passed is Interrupted unless someone gave it another kind,
// for a network's timeout says that it is one too. Anything else without a kind is Internal.
func KindOf(err error) Kind {
	k, _ := kindOf(err)
	return k
}

func kindOf(err error) (Kind, bool) {
	var known Kinded
	switch {
	case errors.Is(err, context.Canceled):
		return Interrupted, true
	case Lacks(err):
		return Environment, true
	case errors.As(err, &known):
		return known.Kind(), true
	case errors.Is(err, context.DeadlineExceeded): // last: a network's timeout says that it is one too
		return Interrupted, true
	}
	return Internal, false
}

// Hint is something to do about an error.
type Hint struct {
	// Text says what, in words: "a lower learning rate".
	Text string
	// Option, where not empty, is the option that does it. Value is what it may be set to.
	Option Option
	Value  string
}

// Hints returns what every error in the chain of err, and of errors joined in it, says can
// be done, the outermost first, each once.
func Hints(err error) []Hint {
	var list []Hint
	var walk func(error)
	walk = func(err error) {
		if h, ok := err.(Hinted); ok { //nolint:errorlint // each error of the chain is looked at
			for _, hint := range h.Hints() {
				if !slices.Contains(list, hint) {
					list = append(list, hint)
				}
			}
		}
		switch e := err.(type) { //nolint:errorlint // the same
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		case interface{ Unwrap() []error }:
			for _, one := range e.Unwrap() {
				walk(one)
			}
		}
	}
	walk(err)
	return list
}
