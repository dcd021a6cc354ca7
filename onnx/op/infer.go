package op

import (
	"errors"
	"fmt"
	"strings"

	"alexctl/onnx"
)

// maxConst is the largest value that is computed while shapes are inferred: the
// shapes and small constants that other shapes depend on.
const maxConst = 1024

// maxRank bounds the rank of values: no real model comes near it, and a hostile one
// could otherwise make every node carry thousands of dimensions.
const maxRank = 64

// unknownInput begins the reason of a node that only lacks a type because of another
// node.
const unknownInput = "nothing is known of input"

// FollowsFrom reports whether a node could not be checked only because an earlier one
// could not.
func FollowsFrom(p onnx.Problem) bool { return strings.HasPrefix(p.Problem, unknownInput) }

// Join returns problems as one error, without those that only follow from others, or
// nil where there are none.
func Join(problems []onnx.Problem) error {
	const most = 5
	var lines []string
	for _, p := range problems {
		if !FollowsFrom(p) {
			lines = append(lines, p.String())
		}
	}
	if more := len(lines) - most; more > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", more))
	}
	if lines == nil {
		return nil
	}
	return errors.New(strings.Join(lines, "; "))
}

// Inferred is what is known of a graph before it runs.
type Inferred struct {
	Values   map[string]*Info
	Nodes    []*InferredNode // in the graph's order
	Problems []onnx.Problem
	Warnings []onnx.Problem // declarations that are stale, and that engines pass over
	// Unchecked lists valid nodes that are beyond this package, with the reason.
	Unchecked []onnx.Problem
}

// InferredNode is a node with the types of its inputs and outputs. Node is nil
// where the operator is not supported.
type InferredNode struct {
	Raw     *onnx.Node
	Node    *Node
	In, Out []*Info
}

// Infer finds the types and shapes of all values. inputs, where it names a graph
// input, gives its concrete shape: the dimensions that the model calls by the same
// symbol become the same number.
func Infer(m *onnx.Model, inputs map[string]onnx.Shape) *Inferred {
	r := &Inferred{Values: map[string]*Info{}}
	g := m.Graph
	r.bindInputs(g, inputs)
	for _, t := range g.Initializers {
		info, err := initializerInfo(t)
		if err != nil {
			r.problem("initializer "+t.Name, err)
		}
		r.Values[t.Name] = info
	}
	declared := map[string]*onnx.Type{}
	for _, v := range append(append([]*onnx.Value{}, g.ValueInfo...), g.Outputs...) {
		if v.Type.IsTensor() {
			declared[v.Name] = v.Type
		}
	}
	symbols := &shapeSymbols{}
	for _, n := range g.Nodes {
		r.node(n, m.Opset(), symbols, declared)
	}
	if len(inputs) == 0 {
		for _, v := range g.Outputs {
			r.compareDeclared(fmt.Sprintf("output %q", v.Name), v)
		}
		for _, v := range g.ValueInfo {
			r.compareDeclared(fmt.Sprintf("value_info %q", v.Name), v)
		}
	}
	return r
}

func (r *Inferred) problem(where string, err error) {
	r.Problems = append(r.Problems, onnx.Problem{Where: where, Problem: err.Error()})
}

func (r *Inferred) bindInputs(g *onnx.Graph, inputs map[string]onnx.Shape) {
	sizes := map[string]int64{}
	for _, v := range g.Inputs {
		info := declaredInfo(v.Type)
		r.Values[v.Name] = info
		given, ok := inputs[v.Name]
		if !ok {
			continue
		}
		if err := (&Info{Type: info.Type, Ranked: true, Shape: given}).wantShape(fmt.Sprintf("input %q", v.Name), info.Shape); info.Ranked && err != nil {
			r.problem("input "+v.Name, err)
			continue
		}
		for i, d := range info.Shape {
			if d.N < 0 && d.Param != "" {
				if n, ok := sizes[d.Param]; ok && n != given[i].N {
					r.problem("input "+v.Name, fmt.Errorf("dimension %s is %d here and %d elsewhere", d.Param, given[i].N, n))
				}
				sizes[d.Param] = given[i].N
			}
		}
		r.Values[v.Name] = &Info{Type: info.Type, Ranked: true, Shape: given}
	}
}

// declaredInfo returns what a declaration says.
func declaredInfo(t *onnx.Type) *Info {
	if !t.IsTensor() {
		return &Info{}
	}
	info := &Info{Type: t.Elem}
	if t.Shape != nil && len(*t.Shape) <= maxRank {
		info.Ranked, info.Shape = true, *t.Shape
	}
	return info
}

// initializerInfo returns the type of t and, where it is small, its value.
func initializerInfo(t *onnx.Tensor) (*Info, error) {
	info := &Info{Type: t.Type, Ranked: true, Shape: onnx.FixedShape(t.Dims...)}
	n, err := t.Len()
	if err == nil && len(t.Dims) > maxRank {
		err = fmt.Errorf("rank %d, at most %d is supported", len(t.Dims), maxRank)
	}
	if err != nil {
		return &Info{Type: t.Type}, err
	}
	if n <= maxConst && (t.Type.IsFloat() || t.Type.IsInteger() || t.Type == onnx.Bool) && t.Validate() == nil {
		info.Const, err = FromTensor(t)
	}
	return info, err
}

func (r *Inferred) node(raw *onnx.Node, opset int64, symbols *shapeSymbols, declared map[string]*onnx.Type) {
	in := &InferredNode{Raw: raw}
	r.Nodes = append(r.Nodes, in)
	for _, name := range raw.Inputs {
		var info *Info
		if name != "" {
			if info = r.Values[name]; info == nil {
				info = &Info{} // the structural check reports it
			}
		}
		in.In = append(in.In, info)
	}
	n, err := bind(raw, opset)
	if err == nil {
		n.symbols = symbols
		in.Node = n
		in.Out, err = n.infer(in.In)
	}
	where := fmt.Sprintf("node %q (%s)", raw.Label(), raw.OpType)
	if unsupported := (*UnsupportedError)(nil); errors.As(err, &unsupported) {
		r.Unchecked = append(r.Unchecked, onnx.Problem{Where: where, Problem: unsupported.Reason})
		in.Node = nil
	} else if err != nil {
		r.problem(where, err)
	}
	for i, name := range raw.Outputs {
		var info *Info
		if i < len(in.Out) {
			info = in.Out[i]
		}
		if info == nil {
			info = declaredInfo(declared[name])
			in.Out = append(in.Out[:min(i, len(in.Out))], info)
		}
		info.refine(declared[name])
		if name != "" {
			r.Values[name] = info
		}
	}
}

// refine fills in what the file declares and inference could not find.
func (i *Info) refine(t *onnx.Type) {
	d := declaredInfo(t)
	switch {
	case !d.Ranked:
	case !i.Ranked:
		i.Ranked, i.Shape = true, d.Shape
	case len(i.Shape) == len(d.Shape):
		for k, dim := range d.Shape {
			if !i.Shape[k].IsKnown() && i.Shape[k].Param == "" {
				i.Shape = append(onnx.Shape{}, i.Shape...)
				i.Shape[k] = dim
			}
		}
	}
}

// infer applies the operator's shape rule, and its definition where all inputs are
// small constants.
func (n *Node) infer(in []*Info) ([]*Info, error) {
	for i, x := range in {
		if x != nil && x.Type == onnx.Undefined {
			return nil, n.unsupported(unknownInput+" %d", i)
		}
	}
	if n.Spec.FloatOnly && !in[0].Type.IsFloat() {
		return nil, fmt.Errorf("input is %s, want floating point", in[0].Type)
	}
	for _, i := range n.Spec.Indices {
		if i >= len(in) || in[i] == nil || in[i].Type == onnx.Int64 || in[i].Type == onnx.Int32 && n.Spec.NarrowIndices {
			continue
		}
		want := "INT64"
		if n.Spec.NarrowIndices {
			want = "INT64 or INT32"
		}
		return nil, fmt.Errorf("input %d is %s, want %s", i, in[i].Type, want)
	}
	out, err := n.Spec.Infer(n, in)
	if err != nil {
		return nil, err
	}
	for _, o := range out {
		if len(o.Shape) > maxRank {
			return nil, fmt.Errorf("the output has rank %d, at most %d is supported", len(o.Shape), maxRank)
		}
	}
	if n.Spec.Heavy {
		return out, nil
	}
	arrays := make([]*Array, len(in))
	partial := false
	for i, x := range in {
		if x == nil {
			continue
		}
		if x.Const == nil || x.partial && !n.Spec.Moves {
			return out, nil
		}
		arrays[i] = x.Const
		partial = partial || x.partial
	}
	for _, o := range out {
		if _, ok := o.Fixed(); !ok || o.count() > maxConst || o.Const != nil {
			return out, nil
		}
	}
	// What cannot be evaluated (dropout in training, values that do not fit) is found
	// when the model runs.
	if values, err := n.Evaluate(arrays); err == nil {
		for i, v := range values {
			if i < len(out) {
				out[i].Const, out[i].partial = v, partial && n.symbols.within(v)
			}
		}
	}
	return out, nil
}

// compareDeclared reports where a declaration contradicts what follows from the
// graph. Engines pass over shapes, and not over types.
func (r *Inferred) compareDeclared(where string, v *onnx.Value) {
	got, want := r.Values[v.Name], declaredInfo(v.Type)
	if got == nil || got.Type == onnx.Undefined || want.Type == onnx.Undefined {
		return
	}
	shape := got.Ranked && want.Ranked && len(got.Shape) != len(want.Shape)
	fixed := false
	if !shape && got.Ranked && want.Ranked {
		for i, d := range want.Shape {
			g := got.Shape[i]
			shape = shape || d.Conflicts(g)
			fixed = fixed || d.IsKnown() && !g.IsKnown() && g.Param != ""
		}
	}
	p := onnx.Problem{Where: where, Problem: fmt.Sprintf("declared %s, the graph makes %s", want, got)}
	switch {
	case got.Type != want.Type:
		r.Problems = append(r.Problems, p)
	case shape || fixed:
		r.Warnings = append(r.Warnings, p)
	}
}

// InferNode returns what is known of the outputs of one node: how graphs are built
// with their shapes known at every step.
func InferNode(n *onnx.Node, opset int64, in []*Info) ([]*Info, error) {
	b, err := Bind(n, opset)
	if err != nil {
		return nil, err
	}
	b.symbols = &shapeSymbols{}
	out, err := b.infer(in)
	if err != nil {
		return nil, fmt.Errorf("node %q (%s): %w", n.Label(), n.OpType, err)
	}
	return out, nil
}
