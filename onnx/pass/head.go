package pass

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// ReplaceHead gives a classifier a new last layer for a number of classes: the Gemm, MatMul or
// Conv that makes the logits, and the bias behind it, drawn as torch.nn.Linear and torch.nn.Conv2d do. A Sigmoid
// behind it goes: what is trained then are logits of classes. Shapes that were declared
// behind the layer follow from the new one. What others read of its weights stays theirs.
type ReplaceHead struct {
	Output  string // the graph output whose head it is; "" is the first
	Classes int
	Seed    uint64
}

// Name returns "head".
func (ReplaceHead) Name() string { return "head" }

// Apply refuses a model that does not end in a Gemm, a MatMul or a Conv, perhaps with a pool behind.
func (p ReplaceHead) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	if len(m.Graph.Outputs) == 0 {
		return nil, nil, fmt.Errorf("the model has no output")
	}
	if p.Output == "" {
		p.Output = m.Graph.Outputs[0].Name
	}
	m = withoutSigmoid(m, p.Output)
	e := newEdit(m)
	h, err := findHead(e.was, p.Output)
	if err != nil {
		return nil, nil, err
	}
	node := e.Nodes[h.at]
	features, dims, err := p.shape(node, e.was.Initializer(node.Inputs[1]))
	if err != nil {
		return nil, nil, err
	}
	shapes := map[string][]int64{}
	own := func(at, input int, what string, dims []int64) error {
		name := e.Nodes[at].Inputs[input]
		if len(e.was.Uses(name)) > 1 { // others read it too
			var err error
			if name, err = e.own(at, input, what); err != nil {
				return err
			}
		}
		shapes[name] = dims
		return nil
	}
	err = own(h.at, 1, "weight", dims)
	if err == nil && h.bias != "" {
		err = own(h.biasAt, h.biasInput, "bias", []int64{int64(p.Classes)})
	}
	if err != nil {
		return nil, nil, err
	}
	drawn, err := p.draw(e.Graph, shapes, 1/math.Sqrt(float64(features)))
	if err != nil {
		return nil, nil, err
	}
	if e.Graph, err = e.WithRetyped(drawn); err != nil {
		return nil, nil, err
	}
	e.undeclare(func(name string) bool { return shapes[name] != nil })
	e.note(node.Label(), "it has new weights, for %d classes", p.Classes)
	c, err := redeclare(m.WithGraph(e.Graph), node.Outputs[0])
	return c, e.changes, err
}

// shape returns the shape of the new weight of a layer, and how many numbers each score is made of.
func (p ReplaceHead) shape(node *onnx.Node, w *onnx.Tensor) (features int64, dims []int64, err error) {
	classes := int64(p.Classes)
	attribute := func(name string) int64 {
		if a := node.Attribute(name); a != nil {
			return a.Int
		}
		return 0
	}
	switch {
	case w == nil || w.Type != onnx.Float || node.OpType != "Conv" && len(w.Dims) != 2 || node.OpType == "Conv" && len(w.Dims) < 3:
		return 0, nil, fmt.Errorf("node %q: its weight %q is not a FLOAT matrix or kernel among the initializers, so it cannot be replaced", node.Label(), node.Inputs[1])
	case node.OpType == "Conv" && attribute("group") > 1:
		return 0, nil, fmt.Errorf("node %q: a convolution in groups cannot be replaced as a head", node.Label())
	case node.OpType == "Conv":
		features = 1
		for _, d := range w.Dims[1:] {
			features *= d
		}
		return features, append([]int64{classes}, w.Dims[1:]...), nil
	case attribute("transB") != 0:
		return w.Dims[1], []int64{classes, w.Dims[1]}, nil
	}
	return w.Dims[0], []int64{w.Dims[0], classes}, nil
}

// perClass are operators that keep the scores of each class apart: a head may stand before them.
var perClass = []string{"AveragePool", "Dropout", "GlobalAveragePool", "GlobalMaxPool", "LeakyRelu", "MaxPool", "ReduceMean", "Relu"}

// head is the layer that makes the logits.
type head struct {
	at                int // its node
	bias              string
	biasAt, biasInput int // where the bias is read
}

// findHead looks for the layer behind an output.
func findHead(x *onnx.Index, output string) (head, error) {
	var h head
	name, _ := op.Scores(x, output)
	for range x.Graph().Nodes {
		h.at = x.MadeAt(name)
		n := x.Maker(name)
		if n == nil || len(n.Inputs) == 0 || !onnx.IsStandardDomain(n.Domain) {
			break
		}
		switch n.OpType {
		case "Gemm", "Conv":
			if len(n.Inputs) > 2 && n.Inputs[2] != "" {
				h.bias, h.biasAt, h.biasInput = n.Inputs[2], h.at, 2
			}
			return h, nil
		case "MatMul":
			return h, nil
		case "Add":
			for i, in := range n.Inputs {
				if x.Initializer(in) != nil {
					h.bias, h.biasAt, h.biasInput = in, h.at, i
					name = n.Inputs[1-i]
				}
			}
			if h.bias != "" {
				continue
			}
		default:
			if s := op.SpecOf(n); s != nil && s.InOrder || slices.Contains(perClass, n.OpType) {
				name = n.Inputs[0]
				continue
			}
		}
		return h, fmt.Errorf("the model ends in %s (node %q): a new head can replace a Gemm, a MatMul or a Conv", n.OpType, n.Label())
	}
	return h, fmt.Errorf("the model does not end in a Gemm, a MatMul or a Conv")
}

// draw makes tensors of the shapes, in the order of the graph's initializers.
func (p ReplaceHead) draw(g *onnx.Graph, shapes map[string][]int64, limit float64) (map[string]*onnx.Tensor, error) {
	r := rand.New(rand.NewPCG(p.Seed, 0x68656164))
	drawn := map[string]*onnx.Tensor{}
	for _, t := range g.Initializers {
		shape := shapes[t.Name]
		if shape == nil {
			continue
		}
		n, err := onnx.ElementCount(shape)
		if err != nil {
			return nil, err
		}
		values := make([]float32, n)
		for k := range values {
			values[k] = float32((2*r.Float64() - 1) * limit)
		}
		if drawn[t.Name], err = onnx.FromFloat32s(t.Name, shape, values); err != nil {
			return nil, err
		}
	}
	return drawn, nil
}

// withoutSigmoid lets an output be what its Sigmoid is of.
func withoutSigmoid(m *onnx.Model, output string) *onnx.Model {
	e := newEdit(m)
	logits, a := op.Scores(e.was, output)
	if a != op.SigmoidActivation {
		return m
	}
	// Back from this output: another one may have a Sigmoid of the same logits.
	for name := output; ; {
		i, n := e.was.MadeAt(name), e.was.Maker(name)
		if n == nil || len(n.Inputs) == 0 {
			return m
		}
		if s := op.SpecOf(n); s != nil && s.Activation == a && n.Inputs[0] == logits {
			e.Nodes[i] = &onnx.Node{Name: n.Name, OpType: "Identity", Inputs: n.Inputs[:1], Outputs: n.Outputs}
			return m.WithGraph(e.Graph)
		}
		name = n.Inputs[0]
	}
}

// elementOf returns the element type that a value declares: scores are FLOAT where none is.
func elementOf(v *onnx.Value) onnx.DataType {
	if v.Type == nil || v.Type.Elem == onnx.Undefined {
		return onnx.Float
	}
	return v.Type.Elem
}

// redeclare gives what is behind a value the shapes that follow from the graph.
func redeclare(m *onnx.Model, from string) (*onnx.Model, error) {
	g := newEdit(m)
	behind := map[string]bool{from: true}
	for _, n := range g.Nodes {
		if slices.ContainsFunc(n.Reads(), func(in string) bool { return behind[in] }) {
			for _, o := range n.Outputs {
				behind[o] = true
			}
		}
	}
	g.undeclare(func(name string) bool { return behind[name] })
	for i, v := range g.Outputs {
		if behind[v.Name] {
			g.Outputs[i] = &onnx.Value{Name: v.Name, Type: &onnx.Type{Elem: elementOf(v)}}
		}
	}
	inferred := op.Infer(m.WithGraph(g.Graph), nil)
	if len(inferred.Problems) > 0 {
		return nil, fmt.Errorf("with its new head, the model has a problem: %s", inferred.Problems[0])
	}
	outputs := slices.Clone(g.Outputs)
	for i, v := range outputs {
		info := inferred.Values[v.Name]
		if !behind[v.Name] || info == nil || !info.Ranked {
			continue
		}
		shape := slices.Clone(info.Shape)
		if t := m.Graph.Outputs[i].Type; t != nil && t.Shape != nil && len(*t.Shape) == len(shape) {
			for k, d := range *t.Shape { // keep the name of a symbolic batch
				if !shape[k].IsKnown() && !d.IsKnown() {
					shape[k] = d
				}
			}
		}
		outputs[i] = &onnx.Value{Name: v.Name, Type: onnx.TensorType(info.Type, shape)}
	}
	g.Outputs = outputs
	return m.WithGraph(g.Graph), nil
}
