package train

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Prepare returns a model ready to train: weights that are Constant nodes become
// initializers, so that they can be learned and written back, and nodes that were
// exported for training (Dropout and BatchNormalization with training_mode) become
// those of inference, which is what the trained model is for.
func Prepare(m *onnx.Model) (*onnx.Model, error) {
	g := *m.Graph
	g.Initializers = slices.Clone(g.Initializers)
	g.Nodes = nil
	used := map[string]bool{}
	for _, n := range m.Graph.Nodes {
		for _, in := range n.Inputs {
			used[in] = true
		}
	}
	for _, v := range g.Outputs {
		used[v.Name] = true
	}
	for _, n := range m.Graph.Nodes {
		switch {
		case n.OpType == "Constant" && onnx.IsStandardDomain(n.Domain) && isFloat(n.Attribute("value")):
			t := *n.Attribute("value").Tensor
			t.Name = n.Outputs[0]
			g.Initializers = append(g.Initializers, &t)
			continue
		case n.OpType == "Dropout" && onnx.IsStandardDomain(n.Domain):
			c := *n
			c.Inputs = n.Inputs[:min(len(n.Inputs), 2)]
			if len(n.Outputs) > 1 && !used[n.Outputs[1]] { // the mask
				c.Outputs = n.Outputs[:1]
			}
			n = &c
		case n.OpType == "BatchNormalization" && (n.Attribute("training_mode") != nil || len(n.Outputs) > 1):
			c := *n
			c.Attributes = slices.DeleteFunc(slices.Clone(n.Attributes), func(a *onnx.Attribute) bool { return a.Name == "training_mode" })
			if len(n.Inputs) > 0 && len(n.Outputs) > 0 {
				c.Outputs = n.Outputs[:1]
			}
			n = &c
		}
		g.Nodes = append(g.Nodes, n)
	}
	dropUnused(&g)
	prepared := m.WithGraph(&g)
	if problems, _ := op.Check(prepared); len(problems) > 0 {
		return nil, fmt.Errorf("prepared for training, the model has a problem: %s", problems[0])
	}
	return prepared, nil
}

func isFloat(a *onnx.Attribute) bool {
	return a != nil && a.Tensor != nil && a.Tensor.Type == onnx.Float
}

// dropUnused removes initializers and nodes that nothing reads.
func dropUnused(g *onnx.Graph) {
	for {
		used := map[string]bool{}
		for _, v := range g.Outputs {
			used[v.Name] = true
		}
		for _, n := range g.Nodes {
			for _, in := range n.Inputs {
				used[in] = true
			}
		}
		before := len(g.Nodes)
		g.Nodes = slices.DeleteFunc(slices.Clone(g.Nodes), func(n *onnx.Node) bool {
			return !slices.ContainsFunc(n.Outputs, func(o string) bool { return used[o] })
		})
		if len(g.Nodes) < before {
			continue
		}
		g.Initializers = slices.DeleteFunc(slices.Clone(g.Initializers), func(t *onnx.Tensor) bool { return !used[t.Name] })
		g.ValueInfo = slices.DeleteFunc(slices.Clone(g.ValueInfo), func(v *onnx.Value) bool {
			return !used[v.Name] && !slices.ContainsFunc(g.Nodes, func(n *onnx.Node) bool { return slices.Contains(n.Outputs, v.Name) })
		})
		return
	}
}

// Strip returns the model without its Dropout nodes, which are the identity at
// inference.
func Strip(m *onnx.Model) *onnx.Model {
	g := *m.Graph
	g.Nodes = nil
	output := map[string]bool{}
	for _, v := range g.Outputs {
		output[v.Name] = true
	}
	renamed := map[string]string{}
	for _, n := range m.Graph.Nodes {
		c := *n
		c.Inputs = slices.Clone(n.Inputs)
		for i, in := range c.Inputs {
			if r, ok := renamed[in]; ok {
				c.Inputs[i] = r
			}
		}
		if c.OpType == "Dropout" && onnx.IsStandardDomain(c.Domain) && len(c.Outputs) == 1 && !output[c.Outputs[0]] {
			renamed[c.Outputs[0]] = c.Inputs[0]
			continue
		}
		g.Nodes = append(g.Nodes, &c)
	}
	dropUnused(&g)
	g.ValueInfo = slices.DeleteFunc(slices.Clone(g.ValueInfo), func(v *onnx.Value) bool { _, gone := renamed[v.Name]; return gone })
	return m.WithGraph(&g)
}

// ReplaceHead returns the model with a new last layer for a number of classes: the
// Gemm or MatMul that makes the logits, and the bias behind it, drawn as
// torch.nn.Linear does. Shapes that were declared behind it are left to inference.
func ReplaceHead(m *onnx.Model, classes int, seed uint64) (*onnx.Model, error) {
	head, bias, err := findHead(m)
	if err != nil {
		return nil, err
	}
	g := *m.Graph
	g.Initializers = slices.Clone(g.Initializers)
	w := g.Initializer(head.Inputs[1])
	if w == nil || len(w.Dims) != 2 || w.Type != onnx.Float {
		return nil, fmt.Errorf("node %q: its weight %q is not a FLOAT matrix among the initializers, so it cannot be replaced", head.Label(), head.Inputs[1])
	}
	features, dims := w.Dims[0], []int64{w.Dims[0], int64(classes)}
	if a := head.Attribute("transB"); a != nil && a.Int != 0 {
		features, dims = w.Dims[1], []int64{int64(classes), w.Dims[1]}
	}
	r := rand.New(rand.NewPCG(seed, 0x68656164))
	limit := 1 / math.Sqrt(float64(features))
	for i, t := range g.Initializers {
		shape := []int64(nil)
		switch t.Name {
		case w.Name:
			shape = dims
		case bias:
			shape = []int64{int64(classes)}
		default:
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
		if g.Initializers[i], err = onnx.FromFloat32s(t.Name, shape, values); err != nil {
			return nil, err
		}
	}
	replaced := m.WithGraph(&g)
	return redeclare(replaced, head)
}

// findHead returns the node that makes the logits and the name of its bias.
func findHead(m *onnx.Model) (head *onnx.Node, bias string, err error) {
	maker := map[string]*onnx.Node{}
	for _, n := range m.Graph.Nodes {
		for _, o := range n.Outputs {
			maker[o] = n
		}
	}
	if len(m.Graph.Outputs) == 0 {
		return nil, "", errors.New("the model has no output")
	}
	for n := maker[m.Graph.Outputs[0].Name]; n != nil; n = maker[n.Inputs[0]] {
		switch n.OpType {
		case "Gemm":
			if len(n.Inputs) > 2 {
				bias = n.Inputs[2]
			}
			return n, bias, nil
		case "MatMul":
			return n, bias, nil
		case "Add":
			if m.Graph.Initializer(n.Inputs[1]) != nil {
				bias = n.Inputs[1]
				continue
			}
		case "Softmax", "LogSoftmax", "Identity", "Flatten", "Reshape", "Squeeze":
			continue
		}
		return nil, "", fmt.Errorf("the model ends in %s (node %q): a new head can replace a Gemm or a MatMul", n.OpType, n.Label())
	}
	return nil, "", errors.New("the model does not end in a Gemm or a MatMul")
}

// redeclare gives the outputs the shapes that follow from the new head.
func redeclare(m *onnx.Model, head *onnx.Node) (*onnx.Model, error) {
	g := *m.Graph
	g.Outputs = slices.Clone(g.Outputs)
	behind := map[string]bool{head.Outputs[0]: true}
	for _, n := range g.Nodes {
		if slices.ContainsFunc(n.Inputs, func(in string) bool { return behind[in] }) {
			for _, o := range n.Outputs {
				behind[o] = true
			}
		}
	}
	g.ValueInfo = slices.DeleteFunc(slices.Clone(g.ValueInfo), func(v *onnx.Value) bool { return behind[v.Name] })
	for i, v := range g.Outputs {
		if behind[v.Name] {
			g.Outputs[i] = &onnx.Value{Name: v.Name, Type: onnx.TensorType(v.Type.Elem, nil)}
			g.Outputs[i].Type.Shape = nil
		}
	}
	open := m.WithGraph(&g)
	inferred := op.Infer(open, nil)
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
	return m.WithGraph(&g), nil
}
