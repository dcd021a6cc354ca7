package op

import "alexctl/onnx"

// Work returns roughly how many operations a run takes with inputs of these shapes, symbolic
// dimensions counting as one: the multiply-accumulates, for a pool what its window covers, and
// otherwise an operation for each element that is made.
func Work(m *onnx.Model, inputs map[string]onnx.Shape) float64 {
	total := 0.0
	for _, n := range Infer(m, inputs).Nodes {
		if n.Node == nil || len(n.Out) == 0 || n.Out[0] == nil || !n.Out[0].Ranked {
			continue
		}
		work := 1.0
		for _, d := range n.Out[0].Shape {
			work *= float64(max(d.N, 1))
		}
		if of := n.Node.Spec.MACs; of != nil {
			work = max(work, float64(of(n.Node, n.In, n.Out)))
		} else {
			for _, k := range n.Node.Ints("kernel_shape") {
				work *= float64(max(k, 1))
			}
		}
		total += work
	}
	return total
}
