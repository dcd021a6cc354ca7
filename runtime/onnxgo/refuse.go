package onnxgo

import (
	"fmt"
	"slices"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// RefusedError says what onnx-go would refuse or get wrong, and why.
type RefusedError struct {
	Where, Reason string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("onnx-go is not given this model: %s: %s", e.Where, e.Reason)
}

// Kind returns fault.Unsupported.
func (e *RefusedError) Kind() fault.Kind { return fault.Unsupported }

// graph is a model with what the rules need to know of it.
type graph struct {
	model    *onnx.Model
	inferred *op.Inferred
	index    *onnx.Index
	same     map[string]string // values that have the memory of another
	readers  map[string]int    // of a memory
}

// weight reports whether a value is an initializer.
func (g *graph) weight(name string) bool { return g.index.Initializer(name) != nil }

// fed reports whether a value is an input without a default.
func (g *graph) fed(name string) bool { return g.index.Input(name) != nil && !g.weight(name) }

// constant reports whether a Constant node makes a value.
func (g *graph) constant(name string) bool {
	n := g.index.Maker(name)
	return n != nil && n.OpType == "Constant"
}

// refuseOperators refuses what is wrong whatever the inputs are: an operator that onnx-go
// does not have.
func refuseOperators(m *onnx.Model) error {
	for _, n := range m.Graph.Nodes {
		if rules()[n.OpType] == nil {
			return &RefusedError{fmt.Sprintf("node %q (%s)", n.Label(), n.OpType), "onnx-go v0.5.0 does not have the operator"}
		}
	}
	return nil
}

// refuse says what onnx-go would get wrong with inputs of these shapes.
func refuse(m *onnx.Model, inputs runtime.Tensors) error {
	g := &graph{model: m, inferred: op.Infer(m, inputs.Shapes()), index: onnx.NewIndex(m.Graph), same: map[string]string{}, readers: map[string]int{}}
	if err := (op.Findings{Problems: g.inferred.Problems, Unchecked: g.inferred.Unchecked}).Err(); err != nil {
		return err
	}
	if err := g.tensors(); err != nil {
		return err
	}
	g.aliases()
	for _, n := range g.inferred.Nodes {
		if why := g.node(n); why != "" {
			return &RefusedError{fmt.Sprintf("node %q (%s)", n.Raw.Label(), n.Raw.OpType), why}
		}
	}
	return nil
}

// tensors refuses what it cannot read, or reads wrongly.
func (g *graph) tensors() error {
	for _, t := range g.model.Graph.Initializers {
		if t.Type != onnx.Float && t.Type != onnx.Int64 {
			return &RefusedError{"initializer " + t.Name, fmt.Sprintf("it is %s, FLOAT and INT64 are read correctly", t.Type)}
		}
		if n, err := t.Len(); err != nil || n == 0 {
			return &RefusedError{"initializer " + t.Name, "it has no elements"}
		}
	}
	for _, v := range g.model.Graph.Inputs {
		if g.weight(v.Name) {
			continue
		}
		if !v.Type.IsTensor() || v.Type.Elem != onnx.Float {
			return &RefusedError{"input " + v.Name, fmt.Sprintf("it is %s, FLOAT is read correctly", v.Type)}
		}
	}
	return nil
}

// aliases finds values that share their memory: Identity and Dropout are no nodes there,
// and Gorgonia takes equal nodes for one.
func (g *graph) aliases() {
	first := map[string]string{}
	for _, n := range g.model.Graph.Nodes {
		if len(n.Inputs) > 0 && len(n.Outputs) > 0 && (n.OpType == "Identity" || n.OpType == "Dropout") {
			g.same[n.Outputs[0]] = n.Inputs[0]
			continue
		}
		if len(n.Inputs) > 0 && len(n.Outputs) > 0 {
			key := g.fingerprint(n)
			if made, ok := first[key]; ok {
				g.same[n.Outputs[0]] = made
			} else {
				first[key] = n.Outputs[0]
			}
		}
		for _, name := range n.Inputs {
			g.readers[g.source(name)]++
		}
	}
	for _, v := range g.model.Graph.Outputs {
		if len(g.model.Graph.Outputs) > 1 {
			g.readers[g.source(v.Name)]++ // a result that is kept must not be changed in place
		}
	}
}

// fingerprint is equal for nodes that Gorgonia may take for one.
func (g *graph) fingerprint(n *onnx.Node) string {
	key := n.OpType
	for _, name := range n.Inputs {
		key += "|" + g.source(name)
	}
	var attributes []string
	for _, a := range n.Attributes {
		attributes = append(attributes, fmt.Sprint(a.Name, a.Int, a.Ints, a.Float, string(a.String)))
	}
	slices.Sort(attributes)
	return key + fmt.Sprint(attributes)
}

// source returns the value whose memory a value has.
func (g *graph) source(name string) string {
	for range g.model.Graph.Nodes {
		from, ok := g.same[name]
		if !ok {
			break
		}
		name = from
	}
	return name
}

// sole says why a value must not be handed to a node that changes it in place, or "".
func (g *graph) sole(name string) string {
	if g.readers[g.source(name)] > 1 {
		return fmt.Sprintf("it changes %q in place, which is used elsewhere too", name)
	}
	return ""
}

// node says why a node is refused, or "".
func (g *graph) node(in *op.InferredNode) string {
	n := in.Raw
	if len(n.Outputs) != 1 || n.Outputs[0] == "" {
		return "more than one output"
	}
	c := &call{graph: g, node: in.Node, info: in}
	seen := map[string]bool{}
	for k, name := range n.Inputs {
		if name == "" {
			return "an input that is left out by an empty name becomes a number there"
		}
		if seen[name] {
			return "it reads one value twice, of which onnx-go keeps one"
		}
		seen[name] = true
		shape, ok := in.In[k].Fixed()
		if !ok {
			return "the shape of an input does not follow from the model"
		}
		c.in = append(c.in, shape)
	}
	var ok bool
	if c.out, ok = in.Out[0].Fixed(); !ok {
		return "the shape of its result does not follow from the model"
	}
	if slices.Contains(c.out, 0) {
		return "its result has no elements"
	}
	if n.OpType != "Constant" && in.Out[0].Type != onnx.Float {
		return fmt.Sprintf("its result is %s, FLOAT is computed correctly", in.Out[0].Type)
	}
	return rules()[n.OpType](c)
}
