// Package pickle reads Python pickles as data. Nothing that they contain is run:
// what a pickle would call is returned as a Call, for the reader to understand or to
// refuse.
//
// Source: Python's pickletools: the opcodes of protocols 2 to 5 that NumPy arrays,
// tensors and plain containers need.
package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Global is a class or function by name.
type Global struct{ Module, Name string }

// Call is what a pickle would call, with what it would set on the result.
type Call struct {
	Function any // usually a Global
	Args     []any
	State    any
}

// Dict is a dictionary with its keys in order.
type Dict struct {
	Keys   []any
	Values []any
}

// Get returns the value of a key that is a string or bytes.
func (d *Dict) Get(key string) any {
	for i, k := range d.Keys {
		switch k := k.(type) {
		case string:
			if k == key {
				return d.Values[i]
			}
		case []byte:
			if string(k) == key {
				return d.Values[i]
			}
		}
	}
	return nil
}

// List is a list.
type List struct{ Items []any }

// Tuple is a tuple.
type Tuple []any

// Persistent is a persistent id, which names something outside the pickle.
type Persistent struct{ ID any }

// Describe names a value in a message: what it is, and little of what it holds,
// because a stranger made it.
func Describe(v any) string {
	switch v := v.(type) {
	case Global:
		return fmt.Sprintf("%.40s.%.40s", v.Module, v.Name)
	case nil, bool, int64, float64:
		return fmt.Sprint(v)
	case string:
		return fmt.Sprintf("%.40q", v)
	}
	return fmt.Sprintf("%T", v)
}

type mark struct{}

// maxItems bounds the stack, the memo and all containers together.
const maxItems = 1 << 24

// reader runs the opcodes. Bytes and strings share the input.
type reader struct {
	in    []byte
	at    int
	stack []any
	memo  map[int]any
	items int
	made  int // bytes that were made of texts
}

var errShort = errors.New("it is cut short")

// Read returns the object that a pickle describes: nil, bool, int64, float64,
// string, []byte, *List, Tuple, *Dict, Global, *Call or Persistent. The result may
// refer to itself.
func Read(b []byte) (any, error) {
	r := &reader{in: b, memo: map[int]any{}}
	for {
		start := r.at
		op, err := r.bytes(1)
		if err == nil {
			if op[0] == '.' {
				return r.pop()
			}
			err = r.step(op[0])
		}
		if err != nil {
			return nil, fmt.Errorf("pickle, byte %d: %w", start, err)
		}
		if r.items++; r.items > maxItems || len(r.stack) > maxItems {
			return nil, fmt.Errorf("pickle: more than %d objects", maxItems)
		}
	}
}

func (r *reader) bytes(n int) ([]byte, error) {
	if n < 0 || n > len(r.in)-r.at {
		return nil, errShort
	}
	b := r.in[r.at : r.at+n]
	r.at += n
	return b, nil
}

// number reads a little-endian number of n bytes.
func (r *reader) number(n int) (int, error) {
	b, err := r.bytes(n)
	if err != nil {
		return 0, err
	}
	var full [8]byte
	copy(full[:], b)
	v := binary.LittleEndian.Uint64(full[:])
	if v > math.MaxInt64 {
		return 0, fmt.Errorf("the number %d", v)
	}
	return int(v), nil
}

// sized reads a length of n bytes, then as many bytes.
func (r *reader) sized(n int) ([]byte, error) {
	size, err := r.number(n)
	if err != nil {
		return nil, err
	}
	return r.bytes(size)
}

func (r *reader) line() (string, error) {
	for i := r.at; i < len(r.in); i++ {
		if r.in[i] == '\n' {
			s := string(r.in[r.at:i])
			r.at = i + 1
			return s, nil
		}
	}
	return "", errShort
}

func (r *reader) push(v any, err error) error {
	if err == nil {
		r.stack = append(r.stack, v)
	}
	return err
}

func (r *reader) pop() (any, error) {
	if len(r.stack) == 0 {
		return nil, errors.New("an object is taken from an empty stack")
	}
	v := r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	if _, ok := v.(mark); ok {
		return nil, errors.New("a mark where an object is wanted")
	}
	return v, nil
}

// popMark takes everything above the last mark.
func (r *reader) popMark() ([]any, error) {
	for i := len(r.stack) - 1; i >= 0; i-- {
		if _, ok := r.stack[i].(mark); ok {
			items := append([]any{}, r.stack[i+1:]...)
			r.stack = r.stack[:i]
			return items, nil
		}
	}
	return nil, errors.New("a mark is missing")
}

func (r *reader) top() (any, error) {
	if len(r.stack) == 0 {
		return nil, errors.New("an empty stack")
	}
	return r.stack[len(r.stack)-1], nil
}

func (r *reader) put(index int, err error) error {
	if err != nil {
		return err
	}
	v, err := r.top()
	if err != nil {
		return err
	}
	r.memo[index] = v
	return nil
}

func (r *reader) get(index int, err error) error {
	if err != nil {
		return err
	}
	v, ok := r.memo[index]
	if !ok {
		return fmt.Errorf("object %d is used before it is kept", index)
	}
	return r.push(v, nil)
}

// tuple makes a tuple of the last n objects.
func (r *reader) tuple(n int) error {
	if len(r.stack) < n {
		return errors.New("a tuple of more objects than there are")
	}
	t := append(Tuple{}, r.stack[len(r.stack)-n:]...)
	r.stack = r.stack[:len(r.stack)-n]
	return r.push(t, nil)
}

// long reads an integer of two's complement, little-endian.
func long(b []byte, err error) (any, error) {
	if err != nil || len(b) > 8 {
		return nil, errors.Join(err, fmt.Errorf("an integer of %d bytes", len(b)))
	}
	v := int64(0)
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | int64(b[i])
	}
	if len(b) > 0 && len(b) < 8 && b[len(b)-1]&0x80 != 0 {
		v -= 1 << (8 * len(b))
	}
	return v, nil
}

func text(b []byte, err error) (any, error) { return string(b), err }

func raw(b []byte, err error) (any, error) { return b, err }

func decimal(s string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	switch s {
	case "00":
		return false, nil
	case "01":
		return true, nil
	}
	if len(s) > 0 && s[len(s)-1] == 'L' {
		s = s[:len(s)-1]
	}
	return strconv.ParseInt(s, 10, 64)
}
