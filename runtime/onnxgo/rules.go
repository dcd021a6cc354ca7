package onnxgo

import (
	"slices"

	"alexctl/onnx/op"
)

// call is a node with the shapes of this run.
type call struct {
	*graph
	node *op.Node
	info *op.InferredNode
	in   [][]int
	out  []int
}

// input is the name of input i.
func (c *call) input(i int) string { return c.node.Inputs[i] }

func (c *call) rank() int { return len(c.in[0]) }

// rules say, by operator, why onnx-go v0.5.0 would refuse or get wrong a node, or "". Each
// was found by running it beside the reference; an operator without one is not there.
func rules() map[string]func(*call) string {
	right := func(*call) string { return "" }
	return map[string]func(*call) string{
		"Add": (*call).broadcast, "Sub": (*call).broadcast, "Mul": (*call).broadcast, "Div": (*call).broadcast,
		"BatchNormalization": (*call).batchNormalization,
		"Concat":             (*call).concat,
		"Constant":           (*call).constantValue,
		"Conv":               (*call).conv,
		"Dropout":            right, // without its ratio, which is left out
		"Flatten":            (*call).flatten,
		"Gemm":               (*call).gemm,
		"GlobalAveragePool":  (*call).images,
		"Identity":           right,
		"MatMul":             (*call).matMul,
		"MaxPool":            (*call).maxPool,
		"Relu":               (*call).relu,
		"Reshape":            (*call).reshape,
		"Sigmoid":            right,
		"Softmax":            (*call).softmax,
		"Sqrt":               right,
		"Squeeze":            (*call).squeeze,
		"Tanh":               right,
		"Transpose":          (*call).transpose,
		"Unsqueeze":          (*call).unsqueeze,
	}
}

func (c *call) images() string {
	if c.rank() != 4 {
		return "only (N, C, H, W) is computed"
	}
	return ""
}

// pads says why pads are refused: they are read as [top, bottom, left, right].
func (c *call) pads() string {
	pads := c.node.Ints("pads")
	for _, p := range pads {
		if p != pads[0] {
			return "pads that are not all equal are read in another order than ONNX's"
		}
	}
	return ""
}

func (c *call) conv() string {
	switch {
	case c.rank() != 4:
		return "only 2-dimensional convolutions are computed"
	case c.node.Int("group") != 1:
		return "group is ignored"
	case !c.node.Has("kernel_shape"):
		return "kernel_shape must be given"
	}
	for _, o := range c.model.Graph.Nodes { // their hash lacks the dilations
		if o != c.node.Node && o.OpType == "Conv" && c.source(o.Inputs[0]) == c.source(c.input(0)) {
			other, err := op.Bind(o, c.model.Opset())
			if err != nil || !slices.Equal(ones(other.Ints("dilations")), ones(c.node.Ints("dilations"))) {
				return "two convolutions of one value that differ in dilations are taken for one"
			}
		}
	}
	switch c.node.Text("auto_pad") {
	case "NOTSET":
		return c.pads()
	case "VALID":
		return ""
	case "SAME_UPPER":
		strides, dilations := ones(c.node.Ints("strides")), ones(c.node.Ints("dilations"))
		for i, k := range c.node.Ints("kernel_shape") {
			total := int64(c.out[2+i]-1)*strides[i] + (k-1)*dilations[i] + 1 - int64(c.in[0][2+i])
			if total > 0 && total%2 != 0 {
				return "auto_pad that comes out asymmetric is refused there"
			}
		}
		return ""
	}
	return "this auto_pad is refused there"
}

// ones fills in a list of two that is left out.
func ones(list []int64) []int64 {
	if list == nil {
		return []int64{1, 1}
	}
	return list
}

func (c *call) maxPool() string {
	switch {
	case c.rank() != 4:
		return "only 2-dimensional pools are computed"
	case c.node.Has("dilations"):
		return "dilations are refused there, even of 1"
	case c.node.Int("ceil_mode") != 0:
		return "ceil_mode is refused there"
	}
	switch c.node.Text("auto_pad") {
	case "NOTSET":
		return c.pads()
	case "VALID":
		return ""
	case "SAME_UPPER": // its hash lacks the pads at the end
		return c.sole(c.input(0))
	}
	return "this auto_pad is refused there"
}

func (c *call) batchNormalization() string {
	if why := c.images(); why != "" {
		return why
	}
	if c.node.Int("training_mode") != 0 || c.node.Int("spatial") == 0 && c.node.Has("spatial") {
		return "training_mode and spatial=0 are not computed"
	}
	if c.in[0][0] != 1 {
		return ""
	}
	for _, name := range c.node.Inputs[1:] {
		if !c.weight(name) {
			return "at batch 1 the statistics are frozen when the graph is made"
		}
	}
	if c.weight(c.input(0)) {
		return "at batch 1 it changes its input, a weight, in place"
	}
	return c.sole(c.input(0))
}

func (c *call) gemm() string {
	if len(c.in) != 3 {
		return "C must be given"
	}
	if a, b := c.node.Int("transA"), c.node.Int("transB"); a|b != 0 && a|b != 1 {
		return "transA and transB other than 0 and 1 are read wrongly"
	}
	m, n, shape := c.out[0], c.out[1], c.in[2]
	size := 1
	for _, d := range shape {
		size *= d
	}
	switch {
	case len(shape) == 0:
		return "C of rank 0 is refused there"
	case size == m*n: // the result is written over C
		if !c.weight(c.input(2)) && !c.fed(c.input(2)) {
			return "the result is written over C, a computed value"
		}
		return c.sole(c.input(2))
	case size == 1, size == n && shape[len(shape)-1] == n:
		return ""
	}
	return "this broadcast of C is refused or read wrongly"
}

func (c *call) matMul() string {
	if len(c.in[0]) > 2 || len(c.in[1]) > 2 || len(c.in[0])+len(c.in[1]) < 3 {
		return "only matrices, and a matrix with a vector, are multiplied"
	}
	return ""
}

func (c *call) softmax() string {
	rank := c.rank()
	given := c.node.Attribute("axis")
	axis := int64(1) // what is taken where none is given
	if given != nil {
		axis = given.Int
	}
	const ignored = "axis is ignored or read wrongly"
	switch {
	case rank == 2:
		sole := c.node.Opset < 13 && c.in[0][0] == 1 // one row, whatever the axis is
		if given != nil && axis != 1 && axis != -1 && !sole {
			return ignored
		}
		return ""
	case c.node.Opset < 13:
		if axis < 0 || axis >= int64(rank) {
			return ignored
		}
	case given == nil || axis != int64(rank-1):
		return ignored
	}
	return c.sole(c.input(0))
}

func (c *call) flatten() string {
	if c.node.Int("axis") < 0 {
		return "a negative axis is read wrongly"
	}
	return c.sole(c.input(0))
}

func (c *call) reshape() string {
	shape := c.info.In[1].Const
	switch {
	case shape == nil || !c.weight(c.input(1)) && !c.constant(c.input(1)):
		return "a shape that is computed is frozen when the graph is made"
	case c.node.Int("allowzero") != 0:
		return "allowzero is ignored"
	}
	if !slices.Equal(theirShape(shape.I, c.in[0]), c.out) {
		return "-1 is computed from the first dimensions only"
	}
	return c.sole(c.input(0))
}

// theirShape is what onnx-go makes of a shape: it computes -1 from as many dimensions of
// the input as the shape has.
func theirShape(shape []int64, from []int) []int {
	out := make([]int, len(shape))
	first := make([]int, len(shape))
	copy(first, from)
	size, total, open := 1, 1, -1
	for i, d := range shape {
		out[i] = int(d)
		if d == 0 {
			out[i] = first[i]
		}
		if d < 0 {
			open = i
		}
		size *= out[i]
		total *= first[i]
	}
	if open < 0 {
		return out
	}
	if size == 0 || total/size == 0 {
		return nil
	}
	if out[open] = total / size; out[open] < 0 { // left to Gorgonia
		all := 1
		for _, d := range from {
			all *= d
		}
		out[open] = all / -size
	}
	return out
}

// broadcast refuses arithmetic of shapes for which onnx-go guesses the axis.
func (c *call) broadcast() string {
	a, b := c.in[0], c.in[1]
	if slices.Equal(a, b) {
		if len(a) == 0 {
			return "two scalars are refused there"
		}
		return ""
	}
	if c.constant(c.input(0)) || c.constant(c.input(1)) {
		return "a Constant node cannot be broadcast there"
	}
	small := 1
	if len(a) < len(b) {
		a, b, small = b, a, 0
	}
	fits := false
	switch {
	case len(b) == 0:
		fits = true
	case len(b) == 1 && len(a) > 1:
		last := len(a) - 1
		fits = b[0] == 1 || a[last] == b[0] && !slices.Contains(a[:last], b[0])
	case len(a) == 2 && len(b) == 2, len(a) == 4 && len(b) == 3:
		fits = true
	}
	switch {
	case !fits:
		return "the axes of this broadcast are guessed by size"
	case len(a) != len(b) && !c.weight(c.input(small)):
		return c.sole(c.input(small)) // it is reshaped in place
	}
	return ""
}

func (c *call) relu() string {
	if c.rank() == 0 {
		return "a scalar is refused there"
	}
	return ""
}

func (c *call) concat() string {
	if c.node.Int("axis") < 0 {
		return "a negative axis is refused there"
	}
	return ""
}

func (c *call) transpose() string {
	if !c.node.Has("perm") {
		return "perm must be given"
	}
	return ""
}

func (c *call) squeeze() string {
	if len(c.node.Inputs) > 1 || len(c.out) == 0 {
		return "axes as an input, and a result of rank 0, are not computed"
	}
	if slices.ContainsFunc(c.node.Ints("axes"), func(a int64) bool { return a < 0 }) {
		return "a negative axis is refused there"
	}
	return c.sole(c.input(0))
}

func (c *call) unsqueeze() string {
	if len(c.node.Inputs) > 1 {
		return "axes as an input are not computed"
	}
	added := make([]bool, len(c.out))
	for _, a := range c.node.Ints("axes") {
		if a < 0 {
			return "a negative axis is refused there"
		}
		added[a] = true
	}
	first := slices.Index(added, false)
	for i := range c.rank() {
		if first+i >= len(added) || added[first+i] {
			return "an axis between others is put in the wrong place"
		}
	}
	return c.sole(c.input(0))
}

func (c *call) constantValue() string {
	if !c.node.Has("value") {
		return "only the attribute value is read"
	}
	return ""
}
