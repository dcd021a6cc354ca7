package op

import "alexctl/onnx"

// Work counts roughly what a run takes with inputs of these shapes, symbolic dimensions counting
// as one: the multiply-accumulates of products, and apart from them what the windows of pools
// cover and an operation for each other element that is made.
func Work(m *onnx.Model, inputs map[string]onnx.Shape) (products, others float64) {
	for _, n := range Infer(m, inputs).Nodes {
		if n.Node == nil || len(n.Out) == 0 || n.Out[0] == nil || !n.Out[0].Ranked {
			continue
		}
		if of := n.Node.Spec.MACs; of != nil {
			products += float64(of(n.Node, n.In, n.Out))
			continue
		}
		work := 1.0
		for _, d := range n.Out[0].Shape {
			work *= float64(max(d.N, 1))
		}
		for _, k := range n.Node.Ints("kernel_shape") {
			work *= float64(max(k, 1))
		}
		others += work
	}
	return products, others
}
