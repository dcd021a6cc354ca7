package op

import "alexctl/onnx"

// Layer is one row of a model's summary.
type Layer struct {
	Name        string
	Op          string
	Settings    string     // see Settings
	OutputShape onnx.Shape // nil where it is not known
	Parameters  int64
	MACs        int64 // with symbolic dimensions counted as one
}

// Summary is the layers of a model and their totals.
type Summary struct {
	Layers     []Layer
	Parameters int64
	MACs       int64
	// Partial says that some nodes are not understood, so that the totals lack them.
	Partial bool
}

// Summarize returns the nodes of a model with their output shapes, learned parameters
// and multiply-accumulate operations. A parameter used by several nodes counts once.
//
// Operations are those of one image, where only the batch is a symbol.
func Summarize(m *onnx.Model) Summary {
	s := SummarizeFor(m, nil)
	one := map[string]onnx.Shape{}
	for _, v := range m.Graph.DataInputs() {
		if !v.Type.IsTensor() || v.Type.Shape == nil {
			return s
		}
		shape := append(onnx.Shape{}, *v.Type.Shape...)
		for i, d := range shape {
			switch {
			case i > 0 && !d.IsKnown():
				return s
			case !d.IsKnown():
				shape[i] = onnx.Known(1)
			}
		}
		one[v.Name] = shape
	}
	for i, l := range SummarizeFor(m, one).Layers { // which knows what follows from the batch
		s.MACs += l.MACs - s.Layers[i].MACs
		s.Layers[i].MACs = l.MACs
	}
	return s
}

// SummarizeFor is Summarize with the inputs' shapes given.
func SummarizeFor(m *onnx.Model, inputs map[string]onnx.Shape) Summary {
	var s Summary
	weights, kernels := map[string]int64{}, map[string][]int64{}
	holds := func(name string, t *onnx.Tensor) {
		kernels[name] = t.Dims
		if n, err := t.Len(); err == nil && t.Type.IsFloat() && len(t.Dims) > 0 {
			weights[name] = n
		}
	}
	for _, t := range m.Graph.Initializers {
		holds(t.Name, t)
	}
	for _, n := range m.Graph.Nodes { // which some exporters write weights as
		if a := n.Attribute("value"); n.OpType == "Constant" && a != nil && a.Tensor != nil && len(n.Outputs) == 1 {
			holds(n.Outputs[0], a.Tensor)
		}
	}
	for _, n := range m.Graph.Nodes { // and converters to integers write as integers
		if t := m.Graph.Initializer(first(n.Inputs)); n.OpType == "DequantizeLinear" && t != nil && len(n.Outputs) == 1 && len(t.Dims) > 0 {
			kernels[n.Outputs[0]] = t.Dims
			if count, err := t.Len(); err == nil {
				weights[n.Outputs[0]] = count
			}
		}
	}
	inferred := Infer(m, inputs)
	for _, n := range inferred.Nodes { // and models that came without their weights
		if n.Raw.OpType == "ConstantOfShape" && len(n.Out) == 1 && n.Out[0].Type.IsFloat() && len(n.Out[0].Shape) > 0 {
			if shape, ok := n.Out[0].Fixed(); ok {
				kernels[n.Raw.Outputs[0]], weights[n.Raw.Outputs[0]] = nil, n.Out[0].count()
				for _, d := range shape {
					kernels[n.Raw.Outputs[0]] = append(kernels[n.Raw.Outputs[0]], int64(d))
				}
			}
		}
	}
	s.Partial = len(inferred.Unchecked)+len(inferred.Problems) > 0
	for _, n := range inferred.Nodes {
		l := Layer{Name: n.Raw.Label(), Op: n.Raw.OpType}
		var kernel []int64
		if n.Node != nil && n.Node.Spec.Product == ConvProduct && len(n.Raw.Inputs) > 1 {
			kernel = kernels[n.Raw.Inputs[1]]
		}
		l.Settings = Settings(n.Raw, n.Node, kernel)
		if len(n.Out) > 0 && n.Out[0].Ranked {
			l.OutputShape = n.Out[0].Shape
		}
		if n.Node != nil && len(n.Out) > 0 {
			for _, p := range n.Node.Spec.Params {
				i := p.Input
				if i < len(n.Raw.Inputs) {
					l.Parameters += weights[n.Raw.Inputs[i]]
					delete(weights, n.Raw.Inputs[i])
				}
			}
			if n.Node.Spec.MACs != nil && n.Out[0].Ranked {
				l.MACs = n.Node.Spec.MACs(n.Node, n.In, n.Out)
			}
		}
		s.Layers = append(s.Layers, l)
		s.Parameters += l.Parameters
		s.MACs += l.MACs
	}
	return s
}

// first returns the first of some names, or "".
func first(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[0]
}
