package onnx

import (
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"alexctl/fault"
)

// message is a protobuf message being written: its small parts are in memory,
// the data of tensors stays where it is until the message is streamed out.
type message struct {
	pieces []piece
	n      int64
}

// add appends encoded bytes.
func (m *message) add(b []byte) {
	m.n += int64(len(b))
	if last := len(m.pieces) - 1; last >= 0 && m.pieces[last].b != nil {
		m.pieces[last].b = append(m.pieces[last].b, b...)
		m.pieces[last].n += int64(len(b))
		return
	}
	m.pieces = append(m.pieces, piece{b: append([]byte{}, b...), n: int64(len(b))})
}

func (m *message) raw(r raw) {
	for _, p := range r {
		if p.b != nil {
			m.add(p.b)
			continue
		}
		m.pieces = append(m.pieces, p)
		m.n += p.n
	}
}

func (m *message) prefix(num protowire.Number, length int64) {
	b := protowire.AppendTag(nil, num, protowire.BytesType)
	m.add(protowire.AppendVarint(b, uint64(length)))
}

func (m *message) message(num protowire.Number, sub *message) {
	m.prefix(num, sub.n)
	m.raw(sub.pieces)
}

func (m *message) bytes(num protowire.Number, b []byte) {
	m.add(protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), b))
}

// string writes a string unless it is empty, as optional fields want.
func (m *message) string(num protowire.Number, s string) {
	if s != "" {
		m.bytes(num, []byte(s))
	}
}

func (m *message) strings(num protowire.Number, list []string) {
	for _, s := range list {
		m.bytes(num, []byte(s))
	}
}

func (m *message) int(num protowire.Number, v int64) {
	m.add(protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), uint64(v)))
}

// optionalInt writes v unless it is zero.
func (m *message) optionalInt(num protowire.Number, v int64) {
	if v != 0 {
		m.int(num, v)
	}
}

func (m *message) float(num protowire.Number, v float32) {
	m.add(protowire.AppendFixed32(protowire.AppendTag(nil, num, protowire.Fixed32Type), math.Float32bits(v)))
}

func (m *message) ints(num protowire.Number, list []int64) {
	for _, v := range list {
		m.int(num, v)
	}
}

// encoder writes a model. place, where set, decides which tensors go to a
// separate file and returns their offset in it.
type encoder struct {
	place func(*Tensor) (offset int64, external bool)
	data  string // the location of the separate file
}

// message encodes the fields that fn lists.
func (e *encoder) message(fn func(*coder)) *message {
	c := coder{e: e, out: &message{}}
	fn(&c)
	return c.out
}

func (e *encoder) properties(out *message, num protowire.Number, list []Property) {
	entries(&coder{e: e, out: out}, num, "", &list)
}

func (e *encoder) tensor(t *Tensor, mayMove bool) *message {
	out := &message{}
	out.ints(1, t.Dims)
	out.optionalInt(2, int64(t.Type))
	for _, s := range t.strings {
		out.bytes(6, s)
	}
	out.string(8, t.Name)
	out.string(12, t.DocString)
	e.properties(out, 16, t.Metadata)
	out.raw(t.unknown)
	if t.Type == String || t.fields == 0 {
		return out
	}
	if e.place != nil && mayMove {
		if offset, external := e.place(t); external {
			e.properties(out, 13, []Property{
				{Key: "location", Value: e.data},
				{Key: "offset", Value: strconv.FormatInt(offset, 10)},
				{Key: "length", Value: strconv.FormatInt(t.size, 10)},
			})
			out.int(14, 1)
			return out
		}
	}
	out.prefix(9, t.size)
	out.pieces = append(out.pieces, piece{src: tensorData{t}, n: t.size})
	out.n += t.size
	return out
}

// tensorData reads a tensor's packed elements, with errors that name it.
type tensorData struct{ t *Tensor }

func (d tensorData) ReadAt(p []byte, off int64) (int, error) {
	if err := d.t.readRaw(p, off); err != nil {
		return 0, fault.New(fault.Invalid, "writing the model: %w", err)
	}
	return len(p), nil
}
