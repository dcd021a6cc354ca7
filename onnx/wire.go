package onnx

import (
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// maxDepth bounds how deep messages nest (graphs in attributes, types in
	// sequences): real models stay below ten.
	maxDepth = 64
	// maxMessages bounds how many messages and strings a file may hold, so that a hostile
	// one cannot make many large structures out of few bytes.
	maxMessages = 1 << 21
	// maxInline bounds a string or other field that is copied into memory; all of it is
	// in the file, so the file bounds it too.
	maxInline   = 1<<31 - 1
	windowBytes = 64 << 10
)

// cursor reads protobuf fields from a source through a small window, so that a
// large payload costs nothing until it is wanted.
type cursor struct {
	src      io.ReaderAt
	window   []byte
	at       int64 // offset of window in src
	size     int64
	messages int
}

// span is a part of the source: bytes from off up to end.
type span struct{ off, end int64 }

func (s span) len() int64 { return s.end - s.off }

// field is one field of a message. A scalar has its bits in value; a
// length-delimited field has its place in body; whole includes the tag.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	value uint64
	body  span
	whole span
}

// peek returns up to n bytes at off, fewer only at the end of the span's source.
func (c *cursor) peek(off, n int64) ([]byte, error) {
	n = min(n, c.size-off)
	if off < c.at || off+n > c.at+int64(len(c.window)) {
		if c.window == nil {
			c.window = make([]byte, 0, windowBytes)
		}
		w := c.window[:min(windowBytes, c.size-off)]
		c.window = w[:0]
		got, err := c.src.ReadAt(w, off)
		if got < len(w) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("at byte %d: %w", off, err)
		}
		c.window, c.at = w, off
	}
	return c.window[off-c.at:][:n], nil
}

// copy returns a copy of the bytes in s, which must be no longer than maxInline.
func (c *cursor) copy(s span) ([]byte, error) {
	if s.len() > maxInline {
		return nil, fmt.Errorf("at byte %d: field of %d bytes, at most %d allowed here", s.off, s.len(), maxInline)
	}
	out := make([]byte, s.len())
	for done := int64(0); done < s.len(); {
		b, err := c.peek(s.off+done, min(s.len()-done, windowBytes))
		if err != nil {
			return nil, err
		}
		done += int64(copy(out[done:], b))
	}
	return out, nil
}

// fields calls fn for each field of the message in s.
func (c *cursor) fields(s span, depth int, fn func(field) error) error {
	if depth > maxDepth {
		return fmt.Errorf("at byte %d: messages nest deeper than %d", s.off, maxDepth)
	}
	if c.messages++; c.messages > maxMessages {
		return fmt.Errorf("at byte %d: more than %d messages", s.off, maxMessages)
	}
	for pos := s.off; pos < s.end; {
		f, err := c.field(pos, s.end)
		if err != nil {
			return err
		}
		if err := fn(f); err != nil {
			return err
		}
		pos = f.whole.end
	}
	return nil
}

// field reads the field at pos of a message that ends at end.
func (c *cursor) field(pos, end int64) (field, error) {
	const longest = 2 * 10 // a tag and a varint
	b, err := c.peek(pos, min(longest, end-pos))
	if err != nil {
		return field{}, err
	}
	num, typ, n := protowire.ConsumeTag(b)
	if n < 0 {
		return field{}, fmt.Errorf("at byte %d: not a protobuf field: %w", pos, protowire.ParseError(n))
	}
	f := field{num: num, typ: typ, whole: span{pos, pos + int64(n)}}
	rest := b[n:]
	switch typ {
	case protowire.VarintType:
		f.value, n = protowire.ConsumeVarint(rest)
	case protowire.Fixed32Type:
		var v uint32
		v, n = protowire.ConsumeFixed32(rest)
		f.value = uint64(v)
	case protowire.Fixed64Type:
		f.value, n = protowire.ConsumeFixed64(rest)
	case protowire.BytesType:
		var length uint64
		length, n = protowire.ConsumeVarint(rest)
		if n >= 0 {
			start := f.whole.end + int64(n)
			if length > uint64(end-start) {
				return field{}, fmt.Errorf("at byte %d: field %d of %d bytes reaches past the end of its message by %d: truncated?",
					pos, num, length, length-uint64(end-start))
			}
			f.body = span{start, start + int64(length)}
			f.whole.end = f.body.end
			return f, nil
		}
	default:
		return field{}, fmt.Errorf("at byte %d: field %d has wire type %d, which ONNX does not use", pos, num, typ)
	}
	if n < 0 {
		return field{}, fmt.Errorf("at byte %d: field %d: %w", pos, num, protowire.ParseError(n))
	}
	f.whole.end += int64(n)
	return f, nil
}

// decoder reads typed values from fields; the first error sticks.
type decoder struct {
	*cursor
	err error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// want records an error unless f has the wire type.
func (d *decoder) want(f field, typ protowire.Type) bool {
	if d.err == nil && f.typ != typ {
		d.fail(fmt.Errorf("at byte %d: field %d has wire type %d, want %d", f.whole.off, f.num, f.typ, typ))
	}
	return d.err == nil
}

func (d *decoder) bytes(f field, dst *[]byte) {
	if d.want(f, protowire.BytesType) {
		b, err := d.copy(f.body)
		if err != nil {
			d.fail(err)
		}
		*dst = b
	}
}

func (d *decoder) string(f field, dst *string) {
	var b []byte
	d.bytes(f, &b)
	*dst = string(b)
}

// count counts a small repeated field as a message, against the same limit.
func (d *decoder) count(f field) {
	if d.messages++; d.messages > maxMessages {
		d.fail(fmt.Errorf("at byte %d: more than %d messages", f.whole.off, maxMessages))
	}
}

func (d *decoder) strings(f field, dst *[]string) {
	d.count(f)
	var s string
	d.string(f, &s)
	*dst = append(*dst, s)
}

func (d *decoder) int64(f field, dst *int64) {
	if d.want(f, protowire.VarintType) {
		*dst = int64(f.value)
	}
}

func (d *decoder) float32(f field, dst *float32) {
	if d.want(f, protowire.Fixed32Type) {
		*dst = math.Float32frombits(uint32(f.value))
	}
}

// piece is a run of bytes of an encoded message: in memory, or still in a source.
type piece struct {
	b   []byte
	src io.ReaderAt // where b is nil
	off int64
	n   int64
}

// raw is encoded fields kept as they are: how what is not known here survives.
type raw []piece

// keep appends the encoded field, tag included, to dst.
func (d *decoder) keep(f field, dst *raw) {
	if d.err != nil {
		return
	}
	if f.whole.len() > windowBytes {
		*dst = append(*dst, piece{src: d.src, off: f.whole.off, n: f.whole.len()})
		return
	}
	b, err := d.copy(f.whole)
	if err != nil {
		d.fail(err)
	}
	if last := len(*dst) - 1; last >= 0 && (*dst)[last].b != nil {
		p := &(*dst)[last]
		p.b, p.n = append(p.b, b...), p.n+int64(len(b))
		return
	}
	*dst = append(*dst, piece{b: b, n: int64(len(b))})
}

// numbers calls put for each number of a repeated scalar field, packed or not.
func (d *decoder) numbers(f field, typ protowire.Type, put func(uint64)) {
	if d.err != nil {
		return
	}
	if f.typ == typ {
		put(f.value)
		return
	}
	if !d.want(f, protowire.BytesType) {
		return
	}
	for pos := f.body.off; pos < f.body.end; {
		b, err := d.peek(pos, min(windowBytes, f.body.end-pos))
		if err != nil {
			d.fail(err)
			return
		}
		last := pos+int64(len(b)) == f.body.end
		for len(b) >= 10 || (last && len(b) > 0) {
			v, n := consumeScalar(b, typ)
			if n < 0 {
				d.fail(fmt.Errorf("at byte %d: packed field %d: %w", pos, f.num, protowire.ParseError(n)))
				return
			}
			put(v)
			b, pos = b[n:], pos+int64(n)
		}
	}
}

func consumeScalar(b []byte, typ protowire.Type) (uint64, int) {
	switch typ {
	case protowire.Fixed32Type:
		v, n := protowire.ConsumeFixed32(b)
		return uint64(v), n
	case protowire.Fixed64Type:
		return protowire.ConsumeFixed64(b)
	}
	return protowire.ConsumeVarint(b)
}

func (d *decoder) ints(f field, dst *[]int64) {
	d.numbers(f, protowire.VarintType, func(v uint64) { *dst = append(*dst, int64(v)) })
}
