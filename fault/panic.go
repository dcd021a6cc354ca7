package fault

import (
	"fmt"
	"runtime/debug"
)

// Panic is a panic that became an error: a fault of this program.
type Panic struct {
	Value any
	Stack []byte // where it happened
}

// Error returns what was panicked with, without where.
func (p *Panic) Error() string { return fmt.Sprint(p.Value) }

// Kind returns Internal.
func (p *Panic) Kind() Kind { return Internal }

// Recover turns a panic into an error. A goroutine begins with it, because a panic there would
// end the program: defer fault.Recover(&err).
func Recover(err *error) {
	if v := recover(); v != nil {
		*err = panicked(v)
	}
}

// panicked returns the error of a panic, which may have been one already.
func panicked(v any) *Panic {
	if p, ok := v.(*Panic); ok {
		return p
	}
	return &Panic{v, debug.Stack()}
}

// Catch runs f and returns what it panicked with, for a caller that goes on panicking with it
// on another goroutine.
func Catch(f func()) (p *Panic) {
	defer func() {
		if v := recover(); v != nil {
			p = panicked(v)
		}
	}()
	f()
	return nil
}
