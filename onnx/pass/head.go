package pass

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// ReplaceHead gives a classifier a new last layer for a number of classes: the Gemm or MatMul
// that makes the logits, and the bias behind it, drawn as torch.nn.Linear does. A Sigmoid
// behind it goes: what is trained then are logits of classes. Shapes that were declared
// behind the layer follow from the new one. What others read of its weights stays theirs.
type ReplaceHead struct {
	Output  string // the graph output whose head it is; "" is the first
	Classes int
	Seed    uint64
}

// Name returns "head".
func (ReplaceHead) Name() string { return "head" }

// Apply refuses a model that does not end in a Gemm or a MatMul.
func (p ReplaceHead) Apply(m *onnx.Model) (*onnx.Model, []Change, error) {
	if len(m.Graph.Outputs) == 0 {
		return nil, nil, fmt.Errorf("the model has no output")
	}
	if p.Output == "" {
		p.Output = m.Graph.Outputs[0].Name
	}
	m = withoutSigmoid(m, p.Output)
	x := onnx.NewIndex(m.Graph)
	h, err := findHead(x, p.Output)
	if err != nil {
		return nil, nil, err
	}
	g := rewrite(m)
	node := g.Nodes[h.at]
	w := x.Initializer(node.Inputs[1])
	if w == nil || len(w.Dims) != 2 || w.Type != onnx.Float {
		return nil, nil, fmt.Errorf("node %q: its weight %q is not a FLOAT matrix among the initializers, so it cannot be replaced", node.Label(), node.Inputs[1])
	}
	features, dims := w.Dims[0], []int64{w.Dims[0], int64(p.Classes)}
	if a := node.Attribute("transB"); a != nil && a.Int != 0 {
		features, dims = w.Dims[1], []int64{int64(p.Classes), w.Dims[1]}
	}
	shapes := map[string][]int64{h.own(g, x, h.at, 1, "weight"): dims}
	if h.bias != "" {
		shapes[h.own(g, x, h.biasAt, h.biasInput, "bias")] = []int64{int64(p.Classes)}
	}
	drawn, err := p.draw(g, shapes, 1/math.Sqrt(float64(features)))
	if err != nil {
		return nil, nil, err
	}
	if g, err = g.WithRetyped(drawn); err != nil {
		return nil, nil, err
	}
	undeclared(g, func(name string) bool { return shapes[name] != nil })
	c, err := redeclare(m.WithGraph(g), node.Outputs[0])
	return c, []Change{{node.Label(), fmt.Sprintf("it has new weights, for %d classes", p.Classes)}}, err
}

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
		case "Gemm":
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
		case "Identity", "Flatten", "Reshape", "Squeeze":
			name = n.Inputs[0]
			continue
		}
		return h, fmt.Errorf("the model ends in %s (node %q): a new head can replace a Gemm or a MatMul", n.OpType, n.Label())
	}
	return h, fmt.Errorf("the model does not end in a Gemm or a MatMul")
}

// own makes sure that nobody else reads an input of the head, and returns its name.
func (h head) own(g *onnx.Graph, x *onnx.Index, node, input int, what string) string {
	n := g.Nodes[node]
	name := n.Inputs[input]
	if len(x.Uses(name)) < 2 {
		return name
	}
	own := *x.Initializer(name)
	own.Name = fmt.Sprintf("%s.%s", n.Outputs[0], what)
	for x.Has(own.Name) {
		own.Name += "_"
	}
	c := n.Clone()
	c.Inputs[input] = own.Name
	g.Nodes[node] = c
	g.Initializers = append(g.Initializers, &own)
	return own.Name
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
	x := onnx.NewIndex(m.Graph)
	logits, a := op.Scores(x, output)
	if a != op.SigmoidActivation {
		return m
	}
	g := rewrite(m)
	for i, n := range g.Nodes {
		if s := op.SpecOf(n); s != nil && s.Activation == a && len(n.Inputs) > 0 && n.Inputs[0] == logits {
			g.Nodes[i] = &onnx.Node{Name: n.Name, OpType: "Identity", Inputs: n.Inputs[:1], Outputs: n.Outputs}
		}
	}
	return m.WithGraph(g)
}

// redeclare gives what is behind a value the shapes that follow from the graph.
func redeclare(m *onnx.Model, from string) (*onnx.Model, error) {
	g := rewrite(m)
	behind := map[string]bool{from: true}
	for _, n := range g.Nodes {
		if slices.ContainsFunc(n.Reads(), func(in string) bool { return behind[in] }) {
			for _, o := range n.Outputs {
				behind[o] = true
			}
		}
	}
	undeclared(g, func(name string) bool { return behind[name] })
	for i, v := range g.Outputs {
		if behind[v.Name] {
			g.Outputs[i] = &onnx.Value{Name: v.Name, Type: &onnx.Type{Elem: v.Type.Elem}}
		}
	}
	inferred := op.Infer(m.WithGraph(g), nil)
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
		if declared := m.Graph.Outputs[i].Type.Shape; declared != nil && len(*declared) == len(shape) {
			for k, d := range *declared { // keep the name of a symbolic batch
				if !shape[k].IsKnown() && !d.IsKnown() {
					shape[k] = d
				}
			}
		}
		outputs[i] = &onnx.Value{Name: v.Name, Type: onnx.TensorType(info.Type, shape)}
	}
	g.Outputs = outputs
	return m.WithGraph(g), nil
}
