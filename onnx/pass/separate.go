package pass

import (
	"fmt"
	"strings"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Separate gives parameters initializers of their own where an exporter wrote equal ones
// once. Untrained biases are all zeros and norms all zeros and ones, so that a bias may be
// another layer's, or a running mean. What is shared and not all one number is shared by
// intent (tied weights): it stays, and the report says so.
type Separate struct{}

// Name returns "separate".
func (Separate) Name() string { return "separate" }

// slot is an input of a node that holds a parameter.
type slot struct {
	node, input int
	name        string // of the parameter in its module
	own         bool   // whether it can never be shared: running statistics, and what is beside them
}

// Apply leaves the first parameter the name that all had.
func (Separate) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	g := rewrite(m)
	x := onnx.NewIndex(m.Graph)
	var changes []Change
	for _, t := range m.Graph.Initializers {
		slots, others := slotsOf(x, t)
		if len(slots) == 0 || len(slots)+others < 2 || !t.Type.IsFloat() || len(t.Dims) == 0 {
			continue
		}
		constant, err := uniform(t)
		if err != nil {
			return nil, nil, err
		}
		var tied []string
		first := others == 0 // whoever keeps the name
		for _, s := range slots {
			n := g.Nodes[s.node]
			if !constant && !s.own {
				tied = append(tied, n.Label())
				first = false
				continue
			}
			if first {
				first = false
				continue
			}
			own := *t
			own.Name = fmt.Sprintf("%s.%s", n.Outputs[0], s.name)
			if x.Has(own.Name) {
				return nil, nil, fmt.Errorf("node %q: the name %q, which its %s would have, is taken", n.Label(), own.Name, s.name)
			}
			c := n.Clone()
			c.Inputs[s.input] = own.Name
			g.Nodes[s.node] = c
			g.Initializers = append(g.Initializers, &own)
			changes = append(changes, Change{n.Label(), fmt.Sprintf("its %s is %q, no longer the %q of others too", s.name, own.Name, t.Name)})
		}
		if len(tied) > 1 {
			changes = append(changes, Change{t.Name, "it is shared by " + strings.Join(tied, ", ") + ", which stays so: it is trained as one"})
		}
	}
	return m.WithGraph(g), changes, nil
}

// slotsOf returns where a tensor is a parameter, and how many others read it.
func slotsOf(x *onnx.Index, t *onnx.Tensor) (slots []slot, others int) {
	for _, u := range x.Uses(t.Name) {
		if s := specOf(u); s != nil && s.Param(u.Input) != "" && u.Node == x.Graph().Nodes[u.At] {
			slots = append(slots, slot{u.At, u.Input, s.Param(u.Input), s.Statistics != nil})
			continue
		}
		others++
	}
	return slots, others
}

func specOf(u onnx.Use) *op.Spec {
	if u.Node == nil {
		return nil
	}
	return op.SpecOf(u.Node)
}

// uniform reports whether all elements of a tensor are one number.
func uniform(t *onnx.Tensor) (bool, error) {
	n, err := t.Len()
	if err != nil || n == 0 {
		return false, err
	}
	const part = 1 << 14
	buffer := make([]float64, min(part, n))
	first := 0.0
	for at := int64(0); at < n; at += part {
		b := buffer[:min(part, n-at)]
		if err := t.Float64s(b, at); err != nil {
			return false, err
		}
		if at == 0 {
			first = b[0]
		}
		for _, v := range b {
			if v != first {
				return false, nil
			}
		}
	}
	return true, nil
}
