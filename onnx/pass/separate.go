package pass

import (
	"fmt"
	"strings"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Separate returns the pass that gives parameters initializers of their own where an exporter
// wrote equal ones once. Untrained biases are all zeros and norms all zeros and ones, so that a
// bias may be another layer's, or a running mean. What is shared and not all one number is
// shared by intent (tied weights): it stays, and the report says so. The first parameter keeps
// the name that all had.
func Separate() Pass { return rewriting{separateName, (*edit).separate} }

const separateName = "separate"

// slot is an input of a node that holds a parameter.
type slot struct {
	node, input int
	name        string // of the parameter in its module
	own         bool   // whether it can never be shared: running statistics, and what is beside them
}

func (e *edit) separate() error {
	for _, t := range e.Initializers {
		slots, others := slotsOf(e.was, t)
		if len(slots) == 0 || len(slots)+others < 2 || !t.Type.IsFloat() || len(t.Dims) == 0 {
			continue
		}
		constant, err := uniform(t)
		if err != nil {
			return err
		}
		var tied []string
		first := others == 0 // whoever keeps the name
		for _, s := range slots {
			n := e.Nodes[s.node]
			switch {
			case !constant && !s.own:
				tied = append(tied, n.Label())
			case !first:
				name, err := e.own(s.node, s.input, s.name)
				if err != nil {
					return err
				}
				e.note(n.Label(), "its %s is now %q, a copy of the shared %q", s.name, name, t.Name)
			}
			first = false
		}
		if len(tied) > 1 {
			e.note(t.Name, "it is shared by %s and stays shared: it is trained as one", strings.Join(tied, ", "))
		}
	}
	return nil
}

// own gives a node a copy of an initializer that it reads, and returns the copy's name.
func (e *edit) own(node, input int, what string) (string, error) {
	n := e.Nodes[node].Clone()
	t := *e.was.Initializer(n.Inputs[input])
	t.Name = fmt.Sprintf("%s.%s", n.Outputs[0], what)
	if e.was.Has(t.Name) {
		return "", fmt.Errorf("node %q: the name %q, which its %s would have, is taken", n.Label(), t.Name, what)
	}
	n.Inputs[input] = t.Name
	e.Nodes[node] = n
	e.Initializers = append(e.Initializers, &t)
	return t.Name, nil
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
