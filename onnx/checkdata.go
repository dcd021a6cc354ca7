package onnx

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// CheckData reads every floating-point tensor of the model. Problems are tensors that hold NaN
// or, in more than one element, infinities (one alone is a limit, as Clip has); warnings are
// tensors with subnormal numbers, which engines may take for 0 and processors compute slowly.
// Each says where the first is. Tensors that Check finds fault with are passed over.
func CheckData(m *Model) (problems, warnings []Problem) {
	c := &checker{}
	c.data(m.Graph)
	for _, f := range m.Functions {
		c.nodeData(f.Nodes)
	}
	return c.problems, c.warnings
}

func (c *checker) data(g *Graph) {
	for _, t := range g.Initializers {
		c.elements(fmt.Sprintf("initializer %q", t.Name), t)
	}
	c.nodeData(g.Nodes)
}

func (c *checker) nodeData(nodes []*Node) {
	for _, n := range nodes {
		for _, a := range n.Attributes {
			where := fmt.Sprintf("node %q (%s), attribute %q", n.Label(), n.OpType, a.Name)
			for _, t := range append([]*Tensor{a.Tensor}, a.Tensors...) {
				if t != nil {
					c.elements(where, t)
				}
			}
			for _, g := range append([]*Graph{a.Graph}, a.Graphs...) {
				if g != nil {
					c.data(g)
				}
			}
		}
	}
}

// floatLayout is where a floating-point type has its exponent and its fraction.
type floatLayout struct {
	width              int64
	exponent, fraction uint64
	load               func([]byte) uint64
}

func load16(b []byte) uint64 { return uint64(binary.LittleEndian.Uint16(b)) }

var floatLayouts = map[DataType]floatLayout{
	Float:    {4, 0x7f800000, 0x007fffff, func(b []byte) uint64 { return uint64(binary.LittleEndian.Uint32(b)) }},
	Double:   {8, 0x7ff0000000000000, 0x000fffffffffffff, binary.LittleEndian.Uint64},
	Float16:  {2, 0x7c00, 0x03ff, load16},
	BFloat16: {2, 0x7f80, 0x007f, load16},
}

// odd counts elements of a kind, and knows the first.
type odd struct {
	name         string
	count, first int64
}

func (o *odd) see(at int64) {
	if o.count == 0 {
		o.first = at
	}
	o.count++
}

// elements reports the elements of a tensor that are no ordinary numbers.
func (c *checker) elements(where string, t *Tensor) {
	l, ok := floatLayouts[t.Type]
	n, err := t.Len()
	if !ok || err != nil || t.Validate() != nil {
		return
	}
	nan, infinite, subnormal := odd{name: "NaN"}, odd{name: "infinite"}, odd{name: "subnormal"}
	err = t.each(0, n, l.width, func(at int64, b []byte) {
		for i := int64(0); i < int64(len(b))/l.width; i++ {
			switch v := l.load(b[i*l.width:]); {
			case v&l.exponent != l.exponent && (v&l.exponent != 0 || v&l.fraction == 0):
			case v&l.exponent == 0:
				subnormal.see(at + i)
			case v&l.fraction == 0:
				infinite.see(at + i)
			default:
				nan.see(at + i)
			}
		}
	})
	if err != nil {
		c.add(where, "%v", err)
		return
	}
	say := func(list *[]Problem, kinds ...odd) {
		var parts []string
		for _, k := range kinds {
			if k.count > 0 {
				parts = append(parts, fmt.Sprintf("%d of %d elements %s %s, the first at %v", k.count, n, areOrIs(k.count), k.name, place(k.first, t.Dims)))
			}
		}
		if parts != nil {
			*list = append(*list, Problem{where, strings.Join(parts, "; ")})
		}
	}
	if n == 1 {
		infinite.count = 0
	}
	say(&c.problems, nan, infinite)
	say(&c.warnings, subnormal)
}

func areOrIs(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// place returns the indices of an element in a tensor of these dimensions.
func place(at int64, dims []int64) []int64 {
	index := make([]int64, len(dims))
	for i := len(dims) - 1; i >= 0; i-- {
		if dims[i] > 0 {
			index[i] = at % dims[i]
			at /= dims[i]
		}
	}
	return index
}
