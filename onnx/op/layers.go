package op

import "alexctl/onnx"

// Layer is one row of a model's summary.
type Layer struct {
	Name        string
	Op          string
	OutputShape onnx.Shape // nil where it is not known
	Parameters  int64
	MACs        int64 // with symbolic dimensions counted as one
}

// Layers returns the nodes of a model with their output shapes, learned parameters
// and multiply-accumulate operations, and the totals. A parameter used by several
// nodes counts once.
func Layers(m *onnx.Model) (layers []Layer, parameters, macs int64) {
	weights := map[string]int64{}
	for _, t := range m.Graph.Initializers {
		if n, err := t.Len(); err == nil && t.Type.IsFloat() && len(t.Dims) > 0 {
			weights[t.Name] = n
		}
	}
	for _, n := range Infer(m, nil).Nodes {
		l := Layer{Name: n.Raw.Label(), Op: n.Raw.OpType}
		if len(n.Out) > 0 && n.Out[0].Ranked {
			l.OutputShape = n.Out[0].Shape
		}
		if n.Node != nil && len(n.Out) > 0 {
			for _, i := range n.Node.Spec.Params {
				if i < len(n.Raw.Inputs) {
					l.Parameters += weights[n.Raw.Inputs[i]]
					delete(weights, n.Raw.Inputs[i])
				}
			}
			if n.Node.Spec.MACs != nil && n.Out[0].Ranked {
				l.MACs = n.Node.Spec.MACs(n.Node, n.In, n.Out)
			}
		}
		layers = append(layers, l)
		parameters += l.Parameters
		macs += l.MACs
	}
	return layers, parameters, macs
}
