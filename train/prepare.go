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

// Prepare returns a model ready to train: weights that are Constant nodes, or an
// Identity of another weight, become initializers of their own, so that they can be
// learned and written back, and so does what a BatchNormalization shares with others
// (exporters merge what is equal before training); nodes that were exported for training (Dropout and
// BatchNormalization with training_mode) become those of inference, which is what the
// trained model is for; outputs that nothing reads are dropped.
func Prepare(m *onnx.Model) (*onnx.Model, error) {
	g := *m.Graph
	g.Initializers = slices.Clone(g.Initializers)
	g.Nodes = nil
	used := usedValues(m.Graph)
	output := map[string]bool{}
	for _, v := range g.Outputs {
		output[v.Name] = true
	}
	for _, n := range m.Graph.Nodes {
		if t := ownInitializer(&g, n); t != nil && !output[t.Name] {
			g.Initializers = append(g.Initializers, t)
			continue
		}
		g.Nodes = append(g.Nodes, forInference(n, used))
	}
	separateNorms(&g)
	dropUnused(&g)
	prepared := m.WithGraph(&g)
	// Before IR version 4 every initializer had to be an input of the graph too.
	prepared.IRVersion = max(m.IRVersion, 4)
	if problems, _ := op.Check(prepared); len(problems) > 0 {
		return nil, fmt.Errorf("prepared for training, the model has a problem: %s", problems[0])
	}
	return prepared, nil
}

// usedValues returns the values that a node or an output of the graph reads.
func usedValues(g *onnx.Graph) map[string]bool {
	used := map[string]bool{}
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			used[in] = true
		}
	}
	for _, v := range g.Outputs {
		used[v.Name] = true
	}
	return used
}

// ownInitializer returns the initializer that a node stands for, or nil: a Constant of
// floats, or an Identity of an initializer, such as PyTorch writes where two
// parameters hold the same numbers.
func ownInitializer(g *onnx.Graph, n *onnx.Node) *onnx.Tensor {
	if !onnx.IsStandardDomain(n.Domain) || len(n.Outputs) != 1 {
		return nil
	}
	var from *onnx.Tensor
	switch {
	case n.OpType == "Constant" && isFloat(n.Attribute("value")):
		from = n.Attribute("value").Tensor
	case n.OpType == "Identity" && len(n.Inputs) == 1:
		from = g.Initializer(n.Inputs[0])
	}
	if from == nil {
		return nil
	}
	t := *from
	t.Name = n.Outputs[0]
	return &t
}

// separateNorms gives each BatchNormalization initializers of its own. Untrained ones
// are all zeros and ones, and exporters write equal initializers once: its bias would be
// its running mean, and its scale another layer's.
func separateNorms(g *onnx.Graph) {
	uses := map[string]int{}
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			uses[in]++
		}
	}
	for i, n := range g.Nodes {
		if n.OpType != "BatchNormalization" || !onnx.IsStandardDomain(n.Domain) || len(n.Inputs) < 5 {
			continue
		}
		c := *n
		c.Inputs = slices.Clone(n.Inputs)
		for k, name := range []string{"scale", "bias", "mean", "variance"} {
			t := g.Initializer(c.Inputs[k+1])
			if t == nil || uses[t.Name] < 2 {
				continue
			}
			uses[t.Name]--
			own := *t
			own.Name = fmt.Sprintf("%s.%s", n.Outputs[0], name)
			if g.Initializer(own.Name) != nil || uses[own.Name] > 0 {
				continue // the name is taken: training will say what is wrong
			}
			g.Initializers = append(g.Initializers, &own)
			c.Inputs[k+1] = own.Name
		}
		g.Nodes[i] = &c
	}
}

// forInference returns a node as inference runs it.
func forInference(n *onnx.Node, used map[string]bool) *onnx.Node {
	if !onnx.IsStandardDomain(n.Domain) {
		return n
	}
	c := *n
	switch n.OpType {
	case "Dropout":
		c.Inputs = n.Inputs[:min(len(n.Inputs), 2)] // without training_mode
	case "BatchNormalization":
		c.Attributes = slices.DeleteFunc(slices.Clone(n.Attributes), func(a *onnx.Attribute) bool { return a.Name == "training_mode" })
		c.Outputs = n.Outputs[:min(len(n.Outputs), 1)]
	}
	for len(c.Outputs) > 1 && !used[c.Outputs[len(c.Outputs)-1]] {
		c.Outputs = c.Outputs[:len(c.Outputs)-1]
	}
	return &c
}

func isFloat(a *onnx.Attribute) bool {
	return a != nil && a.Tensor != nil && a.Tensor.Type == onnx.Float
}

// dropUnused removes initializers and nodes that nothing reads.
func dropUnused(g *onnx.Graph) {
	for {
		used := usedValues(g)
		before := len(g.Nodes)
		g.Nodes = slices.DeleteFunc(slices.Clone(g.Nodes), func(n *onnx.Node) bool {
			return !slices.ContainsFunc(n.Outputs, func(o string) bool { return o != "" && used[o] })
		})
		if len(g.Nodes) < before {
			continue
		}
		g.Initializers = slices.DeleteFunc(slices.Clone(g.Initializers), func(t *onnx.Tensor) bool { return !used[t.Name] })
		made := map[string]bool{}
		for _, n := range g.Nodes {
			for _, o := range n.Outputs {
				made[o] = true
			}
		}
		g.ValueInfo = slices.DeleteFunc(slices.Clone(g.ValueInfo), func(v *onnx.Value) bool { return !used[v.Name] && !made[v.Name] })
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
	shapes := map[string][]int64{w.Name: dims}
	if bias != "" {
		shapes[bias] = []int64{int64(classes)}
	}
	for i, t := range g.Initializers {
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
		if g.Initializers[i], err = onnx.FromFloat32s(t.Name, shape, values); err != nil {
			return nil, err
		}
	}
	// What declares the old shapes: value_info, and inputs in files of old.
	g.ValueInfo = slices.DeleteFunc(slices.Clone(g.ValueInfo), func(v *onnx.Value) bool { return shapes[v.Name] != nil })
	g.Inputs = slices.Clone(g.Inputs)
	for i, v := range g.Inputs {
		if shape := shapes[v.Name]; shape != nil {
			g.Inputs[i] = &onnx.Value{Name: v.Name, Type: onnx.TensorType(onnx.Float, onnx.FixedShape(shape...))}
		}
	}
	return redeclare(m.WithGraph(&g), head)
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
	through := 0 // which input leads on
	for n := maker[m.Graph.Outputs[0].Name]; n != nil; n = maker[n.Inputs[through]] {
		through = 0
		switch n.OpType {
		case "Gemm":
			if len(n.Inputs) > 2 {
				bias = n.Inputs[2]
			}
			return n, bias, nil
		case "MatMul":
			return n, bias, nil
		case "Add":
			for i, in := range n.Inputs {
				if m.Graph.Initializer(in) != nil {
					bias, through = in, 1-i
				}
			}
			if bias != "" {
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
