package onnx

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// message reads the fields of s with fn and returns the first error.
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

func (d *decoder) model(s span, m *Model) error {
	return d.message(s, 0, func(f field) {
		switch f.num {
		case 1:
			d.int64(f, &m.IRVersion)
		case 2:
			d.string(f, &m.ProducerName)
		case 3:
			d.string(f, &m.ProducerVersion)
		case 4:
			d.string(f, &m.Domain)
		case 5:
			d.int64(f, &m.ModelVersion)
		case 6:
			d.string(f, &m.DocString)
		case 7:
			if m.Graph == nil {
				m.Graph = &Graph{}
			}
			d.nested(f, "graph", func(s span) error { return d.graph(s, 1, m.Graph) })
		case 8:
			d.operatorSet(f, &m.OperatorSets)
		case 14:
			d.property(f, &m.Metadata)
		case 25:
			fn := &Function{}
			m.Functions = append(m.Functions, fn)
			d.nested(f, fmt.Sprintf("functions[%d]", len(m.Functions)-1), func(s span) error { return d.function(s, fn) })
		default:
			d.keep(f, &m.unknown)
		}
	})
}

func (d *decoder) operatorSet(f field, dst *[]OperatorSet) {
	var o OperatorSet
	d.nested(f, "opset_import", func(s span) error {
		return d.message(s, 1, func(f field) {
			switch f.num {
			case 1:
				d.string(f, &o.Domain)
			case 2:
				d.int64(f, &o.Version)
			default:
				d.keep(f, &o.unknown)
			}
		})
	})
	*dst = append(*dst, o)
}

func (d *decoder) property(f field, dst *[]Property) {
	var p Property
	d.nested(f, "metadata_props", func(s span) error {
		return d.message(s, 1, func(f field) {
			switch f.num {
			case 1:
				d.string(f, &p.Key)
			case 2:
				d.string(f, &p.Value)
			default:
				d.keep(f, &p.unknown)
			}
		})
	})
	*dst = append(*dst, p)
}

func (d *decoder) graph(s span, depth int, g *Graph) error {
	return d.message(s, depth, func(f field) {
		switch f.num {
		case 1:
			n := &Node{}
			g.Nodes = append(g.Nodes, n)
			d.nested(f, fmt.Sprintf("node[%d]", len(g.Nodes)-1), func(s span) error { return d.node(s, depth+1, n) })
		case 2:
			d.string(f, &g.Name)
		case 5:
			d.tensors(f, "initializer", depth, &g.Initializers)
		case 10:
			d.string(f, &g.DocString)
		case 11:
			d.values(f, "input", depth, &g.Inputs)
		case 12:
			d.values(f, "output", depth, &g.Outputs)
		case 13:
			d.values(f, "value_info", depth, &g.ValueInfo)
		case 15:
			d.sparse(f, depth, &g.Initializers)
		case 16:
			d.property(f, &g.Metadata)
		default:
			d.keep(f, &g.unknown)
		}
	})
}

func (d *decoder) node(s span, depth int, n *Node) error {
	return d.message(s, depth, func(f field) {
		switch f.num {
		case 1:
			d.strings(f, &n.Inputs)
		case 2:
			d.strings(f, &n.Outputs)
		case 3:
			d.string(f, &n.Name)
		case 4:
			d.string(f, &n.OpType)
		case 5:
			d.attributes(f, "attribute", depth, &n.Attributes)
		case 6:
			d.string(f, &n.DocString)
		case 7:
			d.string(f, &n.Domain)
		case 8:
			d.string(f, &n.Overload)
		case 9:
			d.property(f, &n.Metadata)
		default:
			d.keep(f, &n.unknown)
		}
	})
}

func (d *decoder) function(s span, fn *Function) error {
	const depth = 1
	return d.message(s, depth, func(f field) {
		switch f.num {
		case 1:
			d.string(f, &fn.Name)
		case 4:
			d.strings(f, &fn.Inputs)
		case 5:
			d.strings(f, &fn.Outputs)
		case 6:
			d.strings(f, &fn.AttributeNames)
		case 7:
			n := &Node{}
			fn.Nodes = append(fn.Nodes, n)
			d.nested(f, fmt.Sprintf("node[%d]", len(fn.Nodes)-1), func(s span) error { return d.node(s, depth+1, n) })
		case 8:
			d.string(f, &fn.DocString)
		case 9:
			d.operatorSet(f, &fn.OperatorSets)
		case 10:
			d.string(f, &fn.Domain)
		case 11:
			d.attributes(f, "attribute_proto", depth, &fn.AttributeDefaults)
		case 12:
			d.values(f, "value_info", depth, &fn.ValueInfo)
		case 13:
			d.string(f, &fn.Overload)
		case 14:
			d.property(f, &fn.Metadata)
		default:
			d.keep(f, &fn.unknown)
		}
	})
}

func (d *decoder) attributes(f field, what string, depth int, dst *[]*Attribute) {
	a := &Attribute{set: map[AttributeType]bool{}}
	*dst = append(*dst, a)
	d.nested(f, fmt.Sprintf("%s[%d]", what, len(*dst)-1), func(s span) error { return d.attribute(s, depth+1, a) })
}

func (d *decoder) attribute(s span, depth int, a *Attribute) error {
	return d.message(s, depth, func(f field) {
		switch f.num {
		case 1:
			d.string(f, &a.Name)
		case 2:
			d.float32(f, &a.Float)
			a.mark(AttrFloat)
		case 3:
			d.int64(f, &a.Int)
			a.mark(AttrInt)
		case 4:
			d.bytes(f, &a.String)
			a.mark(AttrString)
		case 5:
			if a.Tensor == nil {
				a.Tensor = &Tensor{}
			}
			d.nested(f, "t", func(s span) error { return d.tensor(s, depth+1, a.Tensor) })
			a.mark(AttrTensor)
		case 6:
			if a.Graph == nil {
				a.Graph = &Graph{}
			}
			d.nested(f, "g", func(s span) error { return d.graph(s, depth+1, a.Graph) })
			a.mark(AttrGraph)
		case 7:
			d.numbers(f, protowire.Fixed32Type, func(v uint64) {
				a.Floats = append(a.Floats, math.Float32frombits(uint32(v)))
			})
			a.mark(AttrFloats)
		case 8:
			d.ints(f, &a.Ints)
			a.mark(AttrInts)
		case 9:
			var b []byte
			d.count(f)
			d.bytes(f, &b)
			a.Strings = append(a.Strings, b)
			a.mark(AttrStrings)
		case 10:
			d.tensors(f, "tensors", depth, &a.Tensors)
			a.mark(AttrTensors)
		case 11:
			g := &Graph{}
			a.Graphs = append(a.Graphs, g)
			d.nested(f, fmt.Sprintf("graphs[%d]", len(a.Graphs)-1), func(s span) error { return d.graph(s, depth+1, g) })
			a.mark(AttrGraphs)
		case 13:
			d.string(f, &a.DocString)
		case 20:
			var v int64
			d.int64(f, &v)
			a.Type = AttributeType(v)
		case 21:
			d.string(f, &a.RefName)
		default:
			if kind, ok := rawAttributeFields[f.num]; ok {
				a.mark(kind)
			}
			d.keep(f, &a.unknown)
		}
	})
}

// rawAttributeFields are the value fields that are kept encoded.
var rawAttributeFields = map[protowire.Number]AttributeType{
	14: AttrTypeProto, 15: AttrTypeProtos, 22: AttrSparseTensor, 23: AttrSparseTensors,
}

func (d *decoder) values(f field, what string, depth int, dst *[]*Value) {
	v := &Value{}
	*dst = append(*dst, v)
	d.nested(f, fmt.Sprintf("%s[%d]", what, len(*dst)-1), func(s span) error {
		return d.message(s, depth+1, func(f field) {
			switch f.num {
			case 1:
				d.string(f, &v.Name)
			case 2:
				if v.Type == nil {
					v.Type = &Type{}
				}
				d.nested(f, "type", func(s span) error { return d.typeProto(s, depth+2, v.Type) })
			case 3:
				d.string(f, &v.DocString)
			case 4:
				d.property(f, &v.Metadata)
			default:
				d.keep(f, &v.unknown)
			}
		})
	})
}

func (d *decoder) typeProto(s span, depth int, t *Type) error {
	t.empty = t.Shape == nil && t.Elem == Undefined
	return d.message(s, depth, func(f field) {
		switch f.num {
		case 1:
			t.empty = false
			d.nested(f, "tensor_type", func(s span) error { return d.tensorType(s, depth+1, t) })
		case 6:
			d.string(f, &t.Denotation)
		case 4, 5, 7, 8, 9: // sequence, map, opaque, sparse tensor, optional
			d.keep(f, &t.other)
		default:
			d.keep(f, &t.unknown)
		}
	})
}

func (d *decoder) tensorType(s span, depth int, t *Type) error {
	return d.message(s, depth, func(f field) {
		switch f.num {
		case 1:
			var v int64
			d.int64(f, &v)
			t.Elem = DataType(v)
		case 2:
			if t.Shape == nil {
				t.Shape = &Shape{}
			}
			d.nested(f, "shape", func(s span) error {
				return d.message(s, depth+1, func(f field) {
					if f.num != 1 {
						d.keep(f, &t.shapeUnknown)
						return
					}
					dim := UnknownDim
					d.nested(f, "dim", func(s span) error { return d.dim(s, depth+2, &dim) })
					*t.Shape = append(*t.Shape, dim)
				})
			})
		default:
			d.keep(f, &t.tensorUnknown)
		}
	})
}

func (d *decoder) dim(s span, depth int, dim *Dim) error {
	return d.message(s, depth, func(f field) {
		switch f.num {
		case 1:
			d.int64(f, &dim.N)
			dim.Param = ""
			if dim.N < 0 { // some exporters write -1 for "unknown"
				dim.N = -1
			}
		case 2:
			d.string(f, &dim.Param)
			dim.N = -1
		case 3:
			d.string(f, &dim.Denotation)
		default:
			d.keep(f, &dim.unknown)
		}
	})
}
