package onnx

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// coder goes over the fields of a message in one of two directions, so that each message has one
// list of them. Writing, it writes them in the order of the list. Reading, it is given the list
// once for each field that was found, and takes it where its number is.
type coder struct {
	e   *encoder
	out *message // nil when reading

	d     *decoder
	f     field
	depth int
	known bool // the list has the field's number
}

// listed is a message that lists its fields.
type listed[T any] interface {
	*T
	fields(c *coder)
}

// message calls fn for each field of s and returns the first error.
func (d *decoder) message(s span, depth int, fn func(field)) error {
	err := d.fields(s, depth, func(f field) error {
		fn(f)
		return d.err
	})
	if err != nil {
		d.fail(err)
	}
	return d.err
}

// nested reads a field that holds a message and names it in the error.
func (d *decoder) nested(f field, what string, read func(span) error) {
	if !d.want(f, protowire.BytesType) {
		return
	}
	if err := read(f.body); err != nil {
		d.err = fmt.Errorf("%s: %w", what, err)
	}
}

// read reads the message in s, whose fields fn lists.
func (d *decoder) read(s span, depth int, fn func(*coder)) error {
	c := coder{d: d, depth: depth}
	return d.message(s, depth, func(f field) {
		c.f, c.known = f, false
		fn(&c)
	})
}

// found reports whether this is the field that is being read.
func (c *coder) found(num protowire.Number) bool {
	if c.out != nil || c.f.num != num {
		return false
	}
	c.known = true
	return true
}

func (c *coder) string(num protowire.Number, v *string) {
	if c.out != nil {
		c.out.string(num, *v)
	} else if c.found(num) {
		c.d.string(c.f, v)
	}
}

func (c *coder) strings(num protowire.Number, v *[]string) {
	if c.out != nil {
		c.out.strings(num, *v)
	} else if c.found(num) {
		c.d.strings(c.f, v)
	}
}

func (c *coder) bytes(num protowire.Number, v *[]byte) {
	if c.out != nil {
		c.out.bytes(num, *v)
	} else if c.found(num) {
		c.d.bytes(c.f, v)
	}
}

func (c *coder) byteStrings(num protowire.Number, v *[][]byte) {
	if c.out != nil {
		for _, b := range *v {
			c.out.bytes(num, b)
		}
	} else if c.found(num) {
		c.d.count(c.f)
		*v = append(*v, nil)
		c.d.bytes(c.f, &(*v)[len(*v)-1])
	}
}

func (c *coder) float(num protowire.Number, v *float32) {
	if c.out != nil {
		c.out.float(num, *v)
	} else if c.found(num) {
		c.d.float32(c.f, v)
	}
}

func (c *coder) floats(num protowire.Number, v *[]float32) {
	if c.out != nil {
		for _, x := range *v {
			c.out.float(num, x)
		}
	} else if c.found(num) {
		c.d.numbers(c.f, protowire.Fixed32Type, func(bits uint64) { *v = append(*v, math.Float32frombits(uint32(bits))) })
	}
}

func (c *coder) ints(num protowire.Number, v *[]int64) {
	if c.out != nil {
		c.out.ints(num, *v)
	} else if c.found(num) {
		c.d.ints(c.f, v)
	}
}

// int takes a number that is written though it be zero.
func (c *coder) int(num protowire.Number, v *int64) {
	if c.out != nil {
		c.out.int(num, *v)
	} else if c.found(num) {
		c.d.int64(c.f, v)
	}
}

// optional takes a number that is not written where it is zero.
func optional[T ~int32 | ~int64](c *coder, num protowire.Number, v *T) {
	if c.out != nil {
		c.out.optionalInt(num, int64(*v))
	} else if c.found(num) {
		n := int64(*v)
		c.d.int64(c.f, &n)
		*v = T(n)
	}
}

// message takes a field that holds the message whose fields fn lists.
func (c *coder) message(num protowire.Number, what string, fn func(*coder)) {
	if c.out != nil {
		c.out.message(num, c.e.message(fn))
	} else if c.found(num) {
		c.d.nested(c.f, what, func(s span) error { return c.d.read(s, c.depth+1, fn) })
	}
}

// one takes a field that holds one message or is absent.
func one[T any, P listed[T]](c *coder, num protowire.Number, what string, v **T) {
	if *v == nil && c.found(num) {
		*v = new(T)
	}
	if *v != nil {
		c.message(num, what, P(*v).fields)
	}
}

// list takes a repeated field that holds messages.
func list[T any, P listed[T]](c *coder, num protowire.Number, what string, v *[]*T) {
	if c.found(num) {
		*v = append(*v, new(T))
		last := len(*v) - 1
		c.message(num, fmt.Sprintf("%s[%d]", what, last), P((*v)[last]).fields)
	} else if c.out != nil {
		for _, m := range *v {
			c.message(num, what, P(m).fields)
		}
	}
}

// entries takes a repeated field that holds small messages, kept by value.
func entries[T any, P listed[T]](c *coder, num protowire.Number, what string, v *[]T) {
	if c.found(num) {
		*v = append(*v, *new(T))
		c.message(num, what, P(&(*v)[len(*v)-1]).fields)
	} else if c.out != nil {
		for i := range *v {
			c.message(num, what, P(&(*v)[i]).fields)
		}
	}
}

// tensor and tensors take TensorProtos, of which the two directions have little in common.
func (c *coder) tensor(num protowire.Number, what string, v **Tensor) {
	if c.found(num) {
		if *v == nil {
			*v = &Tensor{}
		}
		c.d.nested(c.f, what, func(s span) error { return c.d.tensor(s, c.depth+1, *v) })
	} else if c.out != nil && *v != nil {
		c.out.message(num, c.e.tensor(*v, false))
	}
}

func (c *coder) tensors(num protowire.Number, what string, v *[]*Tensor) {
	if c.found(num) {
		*v = append(*v, nil)
		c.tensor(num, fmt.Sprintf("%s[%d]", what, len(*v)-1), &(*v)[len(*v)-1])
	} else if c.out != nil {
		for i := range *v {
			c.tensor(num, what, &(*v)[i])
		}
	}
}

// rest takes all fields that the list does not have, as they are. It ends the list.
func (c *coder) rest(v *raw) {
	if c.out != nil {
		c.out.raw(*v)
	} else if !c.known {
		c.d.keep(c.f, v)
	}
}
