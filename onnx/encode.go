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

func (m *message) properties(num protowire.Number, list []Property) {
	for _, p := range list {
		sub := &message{}
		sub.string(1, p.Key)
		sub.string(2, p.Value)
		sub.raw(p.unknown)
		m.message(num, sub)
	}
}

// encoder writes a model. place, where set, decides which tensors go to a
// separate file and returns their offset in it.
type encoder struct {
	place func(*Tensor) (offset int64, external bool)
	data  string // the location of the separate file
}

func (e *encoder) model(m *Model) *message {
	out := &message{}
	out.int(1, m.IRVersion)
	out.string(2, m.ProducerName)
	out.string(3, m.ProducerVersion)
	out.string(4, m.Domain)
	out.optionalInt(5, m.ModelVersion)
	out.string(6, m.DocString)
	out.message(7, e.graph(m.Graph))
	operatorSets(out, 8, m.OperatorSets)
	out.properties(14, m.Metadata)
	for _, f := range m.Functions {
		out.message(25, e.function(f))
	}
	out.raw(m.unknown)
	return out
}

func operatorSets(out *message, num protowire.Number, sets []OperatorSet) {
	for _, o := range sets {
		sub := &message{}
		sub.string(1, o.Domain)
		sub.int(2, o.Version)
		sub.raw(o.unknown)
		out.message(num, sub)
	}
}

func (e *encoder) graph(g *Graph) *message {
	out := &message{}
	for _, n := range g.Nodes {
		out.message(1, e.node(n))
	}
	out.string(2, g.Name)
	for _, t := range g.Initializers {
		if t.sparse == nil {
			out.message(5, e.tensor(t, true))
		}
	}
	out.string(10, g.DocString)
	e.values(out, 11, g.Inputs)
	e.values(out, 12, g.Outputs)
	e.values(out, 13, g.ValueInfo)
	for _, t := range g.Initializers {
		if t.sparse != nil {
			out.message(15, e.sparse(t))
		}
	}
	out.properties(16, g.Metadata)
	out.raw(g.unknown)
	return out
}

func (e *encoder) values(out *message, num protowire.Number, list []*Value) {
	for _, v := range list {
		sub := &message{}
		sub.string(1, v.Name)
		if v.Type != nil {
			sub.message(2, e.typeProto(v.Type))
		}
		sub.string(3, v.DocString)
		sub.properties(4, v.Metadata)
		sub.raw(v.unknown)
		out.message(num, sub)
	}
}

func (e *encoder) typeProto(t *Type) *message {
	out := &message{}
	if t.IsTensor() {
		tensor := &message{}
		tensor.optionalInt(1, int64(t.Elem))
		if t.Shape != nil {
			shape := &message{}
			for _, d := range *t.Shape {
				dim := &message{}
				if d.N >= 0 {
					dim.int(1, d.N)
				} else {
					dim.string(2, d.Param)
				}
				dim.string(3, d.Denotation)
				dim.raw(d.unknown)
				shape.message(1, dim)
			}
			shape.raw(t.shapeUnknown)
			tensor.message(2, shape)
		}
		tensor.raw(t.tensorUnknown)
		out.message(1, tensor)
	}
	out.raw(t.other)
	out.string(6, t.Denotation)
	out.raw(t.unknown)
	return out
}

func (e *encoder) node(n *Node) *message {
	out := &message{}
	out.strings(1, n.Inputs)
	out.strings(2, n.Outputs)
	out.string(3, n.Name)
	out.string(4, n.OpType)
	for _, a := range n.Attributes {
		out.message(5, e.attribute(a))
	}
	out.string(6, n.DocString)
	out.string(7, n.Domain)
	out.string(8, n.Overload)
	out.properties(9, n.Metadata)
	out.raw(n.unknown)
	return out
}

func (e *encoder) function(f *Function) *message {
	out := &message{}
	out.string(1, f.Name)
	out.strings(4, f.Inputs)
	out.strings(5, f.Outputs)
	out.strings(6, f.AttributeNames)
	for _, n := range f.Nodes {
		out.message(7, e.node(n))
	}
	out.string(8, f.DocString)
	operatorSets(out, 9, f.OperatorSets)
	out.string(10, f.Domain)
	for _, a := range f.AttributeDefaults {
		out.message(11, e.attribute(a))
	}
	e.values(out, 12, f.ValueInfo)
	out.string(13, f.Overload)
	out.properties(14, f.Metadata)
	out.raw(f.unknown)
	return out
}

func (e *encoder) attribute(a *Attribute) *message {
	out := &message{}
	out.string(1, a.Name)
	out.string(13, a.DocString)
	out.string(21, a.RefName)
	out.optionalInt(20, int64(a.Type))
	for _, kind := range a.present() {
		switch kind {
		case AttrFloat:
			out.float(2, a.Float)
		case AttrInt:
			out.int(3, a.Int)
		case AttrString:
			out.bytes(4, a.String)
		case AttrTensor:
			if a.Tensor != nil {
				out.message(5, e.tensor(a.Tensor, false))
			}
		case AttrGraph:
			if a.Graph != nil {
				out.message(6, e.graph(a.Graph))
			}
		case AttrFloats:
			for _, v := range a.Floats {
				out.float(7, v)
			}
		case AttrInts:
			out.ints(8, a.Ints)
		case AttrStrings:
			for _, s := range a.Strings {
				out.bytes(9, s)
			}
		case AttrTensors:
			for _, t := range a.Tensors {
				out.message(10, e.tensor(t, false))
			}
		case AttrGraphs:
			for _, g := range a.Graphs {
				out.message(11, e.graph(g))
			}
		}
	}
	out.raw(a.unknown)
	return out
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
	out.properties(16, t.Metadata)
	out.raw(t.unknown)
	if t.Type == String || t.fields == 0 {
		return out
	}
	if e.place != nil && mayMove {
		if offset, external := e.place(t); external {
			out.properties(13, []Property{
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
