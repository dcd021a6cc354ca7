package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// step carries out one opcode, named as in Python's pickletools.
func (r *reader) step(code byte) error {
	switch code {
	case 0x80: // PROTO
		_, err := r.bytes(1)
		return err
	case 0x95: // FRAME
		_, err := r.bytes(8)
		return err
	case '(': // MARK
		return r.push(mark{}, nil)
	case '0': // POP
		if len(r.stack) == 0 {
			return fmt.Errorf("an empty stack")
		}
		r.stack = r.stack[:len(r.stack)-1]
		return nil
	case '2': // DUP
		return r.push(r.top())
	case 'N': // NONE
		return r.push(nil, nil)
	case 0x88: // NEWTRUE
		return r.push(true, nil)
	case 0x89: // NEWFALSE
		return r.push(false, nil)
	case 'q': // BINPUT
		return r.put(r.number(1))
	case 'r': // LONG_BINPUT
		return r.put(r.number(4))
	case 0x94: // MEMOIZE
		return r.put(len(r.memo), nil)
	case 'p', 'g': // PUT, GET
		s, err := r.line()
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(s)
		if code == 'p' {
			return r.put(n, err)
		}
		return r.get(n, err)
	case 'h': // BINGET
		return r.get(r.number(1))
	case 'j': // LONG_BINGET
		return r.get(r.number(4))
	}
	if done, err := r.scalar(code); done {
		return err
	}
	return r.container(code)
}

// scalar carries out the opcodes that push a number or a string.
func (r *reader) scalar(code byte) (done bool, err error) {
	switch code {
	case 'J': // BININT
		b, err := r.bytes(4)
		return true, r.push(long(b, err))
	case 'K': // BININT1
		n, err := r.number(1)
		return true, r.push(int64(n), err)
	case 'M': // BININT2
		n, err := r.number(2)
		return true, r.push(int64(n), err)
	case 0x8a: // LONG1
		return true, r.push(long(r.sized(1)))
	case 'I', 'L': // INT, LONG
		return true, r.push(decimal(r.line()))
	case 'G': // BINFLOAT
		b, err := r.bytes(8)
		if err != nil {
			return true, err
		}
		return true, r.push(math.Float64frombits(binary.BigEndian.Uint64(b)), nil)
	case 'U': // SHORT_BINSTRING: bytes, in Python 2
		return true, r.push(text(r.sized(1)))
	case 'T': // BINSTRING
		return true, r.push(text(r.sized(4)))
	case 'X': // BINUNICODE
		return true, r.push(text(r.sized(4)))
	case 0x8c: // SHORT_BINUNICODE
		return true, r.push(text(r.sized(1)))
	case 0x8d: // BINUNICODE8
		return true, r.push(text(r.sized(8)))
	case 'C': // SHORT_BINBYTES
		return true, r.push(raw(r.sized(1)))
	case 'B': // BINBYTES
		return true, r.push(raw(r.sized(4)))
	case 0x8e, 0x96: // BINBYTES8, BYTEARRAY8
		return true, r.push(raw(r.sized(8)))
	}
	return false, nil
}

// container carries out the opcodes that make objects of others.
func (r *reader) container(code byte) error {
	switch code {
	case ')': // EMPTY_TUPLE
		return r.push(Tuple{}, nil)
	case 0x85, 0x86, 0x87: // TUPLE1 to TUPLE3
		return r.tuple(int(code) - 0x84)
	case 't': // TUPLE
		items, err := r.popMark()
		return r.push(Tuple(items), err)
	case ']': // EMPTY_LIST
		return r.push(&List{}, nil)
	case 'l': // LIST
		items, err := r.popMark()
		return r.push(&List{items}, err)
	case '}': // EMPTY_DICT
		return r.push(&Dict{}, nil)
	case 'd': // DICT
		items, err := r.popMark()
		if err != nil {
			return err
		}
		d := &Dict{}
		return r.push(d, d.add(items))
	case 'a', 'e': // APPEND, APPENDS
		return r.extend(code == 'e')
	case 's', 'u': // SETITEM, SETITEMS
		return r.set(code == 'u')
	case 'c': // GLOBAL
		module, err := r.line()
		if err != nil {
			return err
		}
		name, err := r.line()
		return r.push(Global{module, name}, err)
	case 0x93: // STACK_GLOBAL
		return r.stackGlobal()
	case 'R', 0x81: // REDUCE, NEWOBJ
		return r.call()
	case 'b': // BUILD
		return r.build()
	case 'Q': // BINPERSID
		id, err := r.pop()
		return r.push(Persistent{id}, err)
	}
	return fmt.Errorf("opcode %#02x is not understood", code)
}

// taken returns one object or all above the mark.
func (r *reader) taken(all bool, n int) ([]any, error) {
	if all {
		return r.popMark()
	}
	items := make([]any, n)
	for i := n - 1; i >= 0; i-- {
		var err error
		if items[i], err = r.pop(); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (r *reader) extend(all bool) error {
	items, err := r.taken(all, 1)
	if err != nil {
		return err
	}
	v, err := r.top()
	if err != nil {
		return err
	}
	l, ok := v.(*List)
	if !ok {
		return fmt.Errorf("an item is appended to %T", v)
	}
	l.Items = append(l.Items, items...)
	return nil
}

func (r *reader) set(all bool) error {
	items, err := r.taken(all, 2)
	if err != nil {
		return err
	}
	v, err := r.top()
	if err != nil {
		return err
	}
	switch d := v.(type) {
	case *Dict:
		return d.add(items)
	case *Call: // an OrderedDict: its items are kept as its state
		state, ok := d.State.(*Dict)
		if !ok {
			state = &Dict{}
			d.State = state
		}
		return state.add(items)
	}
	return fmt.Errorf("an item is set in %T", v)
}

func (d *Dict) add(items []any) error {
	if len(items)%2 != 0 {
		return fmt.Errorf("a key without a value")
	}
	for i := 0; i < len(items); i += 2 {
		d.Keys, d.Values = append(d.Keys, items[i]), append(d.Values, items[i+1])
	}
	return nil
}

func (r *reader) stackGlobal() error {
	items, err := r.taken(false, 2)
	if err != nil {
		return err
	}
	module, ok := items[0].(string)
	name, ok2 := items[1].(string)
	if !ok || !ok2 {
		return fmt.Errorf("a class named by %T and %T", items[0], items[1])
	}
	return r.push(Global{strings.Clone(module), strings.Clone(name)}, nil)
}

func (r *reader) call() error {
	items, err := r.taken(false, 2)
	if err != nil {
		return err
	}
	args, ok := items[1].(Tuple)
	if !ok {
		return fmt.Errorf("arguments of type %T", items[1])
	}
	if f, ok := items[0].(Global); ok && f == (Global{"_codecs", "encode"}) {
		return r.push(r.encoded(args))
	}
	return r.push(&Call{Function: items[0], Args: args}, nil)
}

// encoded returns the bytes that protocols before 3 write as _codecs.encode(text,
// "latin1").
func (r *reader) encoded(args Tuple) (any, error) {
	if len(args) == 0 || len(args) > 1 && args[1] != "latin1" {
		return nil, fmt.Errorf("bytes in an encoding that is not latin1")
	}
	s, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("bytes that are encoded from %T", args[0])
	}
	// The text may be one that is used again and again.
	if r.made += len(s); r.made > len(r.in) {
		return nil, fmt.Errorf("it makes more bytes of its texts than it has itself")
	}
	out := make([]byte, 0, len(s))
	for _, c := range s {
		if c > 255 {
			return nil, fmt.Errorf("bytes that hold the character %d", c)
		}
		out = append(out, byte(c))
	}
	return out, nil
}

// build sets the state of a call's result. A second state, which an OrderedDict of
// PyTorch has besides its items, is not needed and dropped.
func (r *reader) build() error {
	state, err := r.pop()
	if err != nil {
		return err
	}
	v, err := r.top()
	if err != nil {
		return err
	}
	if c, ok := v.(*Call); ok && c.State == nil {
		c.State = state
	}
	return nil
}
