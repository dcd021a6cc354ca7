package onnx

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// The fields of each message of onnx.proto: their numbers and where they are kept, in the order
// in which they are written.

func (m *Model) fields(c *coder) {
	c.int(1, &m.IRVersion)
	c.string(2, &m.ProducerName)
	c.string(3, &m.ProducerVersion)
	c.string(4, &m.Domain)
	optional(c, 5, &m.ModelVersion)
	c.string(6, &m.DocString)
	one(c, 7, "graph", &m.Graph)
	entries(c, 8, "opset_import", &m.OperatorSets)
	entries(c, 14, "metadata_props", &m.Metadata)
	list(c, 25, "functions", &m.Functions)
	c.rest(&m.unknown)
}

func (o *OperatorSet) fields(c *coder) {
	c.string(1, &o.Domain)
	c.int(2, &o.Version)
	c.rest(&o.unknown)
}

func (p *Property) fields(c *coder) {
	c.string(1, &p.Key)
	c.string(2, &p.Value)
	c.rest(&p.unknown)
}

func (g *Graph) fields(c *coder) {
	list(c, 1, "node", &g.Nodes)
	c.string(2, &g.Name)
	c.initializers(&g.Initializers)
	c.string(10, &g.DocString)
	list(c, 11, "input", &g.Inputs)
	list(c, 12, "output", &g.Outputs)
	list(c, 13, "value_info", &g.ValueInfo)
	c.sparse(&g.Initializers)
	entries(c, 16, "metadata_props", &g.Metadata)
	c.rest(&g.unknown)
}

func (n *Node) fields(c *coder) {
	c.strings(1, &n.Inputs)
	c.strings(2, &n.Outputs)
	c.string(3, &n.Name)
	c.string(4, &n.OpType)
	list(c, 5, "attribute", &n.Attributes)
	c.string(6, &n.DocString)
	c.string(7, &n.Domain)
	c.string(8, &n.Overload)
	entries(c, 9, "metadata_props", &n.Metadata)
	c.rest(&n.unknown)
}

func (f *Function) fields(c *coder) {
	c.string(1, &f.Name)
	c.strings(4, &f.Inputs)
	c.strings(5, &f.Outputs)
	c.strings(6, &f.AttributeNames)
	list(c, 7, "node", &f.Nodes)
	c.string(8, &f.DocString)
	entries(c, 9, "opset_import", &f.OperatorSets)
	c.string(10, &f.Domain)
	list(c, 11, "attribute_proto", &f.AttributeDefaults)
	list(c, 12, "value_info", &f.ValueInfo)
	c.string(13, &f.Overload)
	entries(c, 14, "metadata_props", &f.Metadata)
	c.rest(&f.unknown)
}

func (v *Value) fields(c *coder) {
	c.string(1, &v.Name)
	if v.Type == nil && c.found(2) {
		v.Type = &Type{empty: true}
	}
	one(c, 2, "type", &v.Type)
	c.string(3, &v.DocString)
	entries(c, 4, "metadata_props", &v.Metadata)
	c.rest(&v.unknown)
}

func (t *Type) fields(c *coder) {
	if c.found(1) {
		t.empty = false
	}
	if c.out == nil || t.IsTensor() {
		c.message(1, "tensor_type", t.tensorFields)
	}
	switch {
	case c.found(4), c.found(5), c.found(7), c.found(8), c.found(9): // sequence, map, opaque, sparse tensor, optional
		c.d.keep(c.f, &t.other)
	case c.out != nil:
		c.out.raw(t.other)
	}
	c.string(6, &t.Denotation)
	c.rest(&t.unknown)
}

func (t *Type) tensorFields(c *coder) {
	optional(c, 1, &t.Elem)
	if t.Shape == nil && c.found(2) {
		t.Shape = &Shape{}
	}
	if t.Shape != nil {
		c.message(2, "shape", func(c *coder) {
			if c.found(1) {
				*t.Shape = append(*t.Shape, UnknownDim)
				c.message(1, "dim", (*t.Shape)[len(*t.Shape)-1].fields)
			} else if c.out != nil {
				for _, d := range *t.Shape {
					c.message(1, "dim", d.fields)
				}
			}
			c.rest(&t.shapeUnknown)
		})
	}
	c.rest(&t.tensorUnknown)
}

func (d *Dim) fields(c *coder) {
	switch {
	case c.found(1):
		c.d.int64(c.f, &d.N)
		d.N, d.Param = max(d.N, -1), "" // some exporters write -1 for "unknown"
	case c.found(2):
		c.d.string(c.f, &d.Param)
		d.N = -1
	case c.out != nil && d.N >= 0:
		c.out.int(1, d.N)
	case c.out != nil:
		c.out.string(2, d.Param)
	}
	c.string(3, &d.Denotation)
	c.rest(&d.unknown)
}

func (a *Attribute) fields(c *coder) {
	if c.out == nil && a.set == nil {
		a.set = map[AttributeType]bool{}
	}
	c.string(1, &a.Name)
	c.string(13, &a.DocString)
	c.string(21, &a.RefName)
	if optional(c, 20, &a.Type); c.out == nil {
		a.read = a.Type
	}
	if a.value(c, 2, AttrFloat) {
		c.float(2, &a.Float)
	}
	if a.value(c, 3, AttrInt) {
		c.int(3, &a.Int)
	}
	if a.value(c, 4, AttrString) {
		c.bytes(4, &a.String)
	}
	if a.value(c, 5, AttrTensor) {
		c.tensor(5, "t", &a.Tensor)
	}
	if a.value(c, 6, AttrGraph) {
		one(c, 6, "g", &a.Graph)
	}
	if a.value(c, 7, AttrFloats) {
		c.floats(7, &a.Floats)
	}
	if a.value(c, 8, AttrInts) {
		c.ints(8, &a.Ints)
	}
	if a.value(c, 9, AttrStrings) {
		c.byteStrings(9, &a.Strings)
	}
	if a.value(c, 10, AttrTensors) {
		c.tensors(10, "tensors", &a.Tensors)
	}
	if a.value(c, 11, AttrGraphs) {
		list(c, 11, "graphs", &a.Graphs)
	}
	// Types and sparse tensors are kept encoded.
	_ = a.value(c, 14, AttrTypeProto) || a.value(c, 15, AttrTypeProtos) || a.value(c, 22, AttrSparseTensor) || a.value(c, 23, AttrSparseTensors)
	c.rest(&a.unknown)
}

// value reports whether the field of a kind of value is to be taken, and notes one that is read.
func (a *Attribute) value(c *coder, num protowire.Number, kind AttributeType) bool {
	if c.out != nil {
		return slices.Contains(a.present(), kind)
	}
	if c.f.num == num {
		a.set[kind] = true
	}
	return c.f.num == num
}

// initializers takes the dense initializers of a graph, and sparse those that are written as
// SparseTensorProto.
func (c *coder) initializers(v *[]*Tensor) {
	if c.out == nil {
		c.tensors(5, "initializer", v)
		return
	}
	for _, t := range *v {
		if t.sparse == nil {
			c.out.message(5, c.e.tensor(t, true))
		}
	}
}

func (c *coder) sparse(v *[]*Tensor) {
	if c.found(15) {
		c.d.sparse(c.f, c.depth, v)
	} else if c.out != nil {
		for _, t := range *v {
			if t.sparse != nil {
				c.out.message(15, c.e.sparse(t))
			}
		}
	}
}
