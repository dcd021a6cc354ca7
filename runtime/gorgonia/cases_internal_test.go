package gorgonia

import (
	"math/rand/v2"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

type drawer struct{ *rand.Rand }

func (r drawer) array(f func(i, n int) float64, shape ...int) *op.Array {
	a, err := op.NewArray(onnx.Float, shape...)
	if err != nil {
		panic(err)
	}
	for i := range a.F {
		a.F[i] = f(i, len(a.F))
	}
	return a
}

func (r drawer) normal(shape ...int) *op.Array {
	return r.array(func(int, int) float64 { return r.NormFloat64() }, shape...)
}

func (r drawer) positive(shape ...int) *op.Array {
	return r.array(func(int, int) float64 { return 0.5 + 1.5*r.Float64() }, shape...)
}

// apart draws numbers that differ from zero and from each other by far more than the
// step: no kink lies within it.
func (r drawer) apart(shape ...int) *op.Array {
	var order []int
	return r.array(func(i, n int) float64 {
		if order == nil {
			order = r.Perm(n)
		}
		return (float64(order[i]) - float64(n)/2 + 0.25) * max(0.02, 4/float64(n))
	}, shape...)
}

func integers(v ...int64) *op.Array {
	return &op.Array{Type: onnx.Int64, Shape: []int{len(v)}, I: v}
}

func (r drawer) to(n int) int { return 1 + r.IntN(n) }

// shape returns a random shape of rank 1 to 4.
func (r drawer) shape() []int {
	s := make([]int, r.to(4))
	for i := range s {
		s[i] = r.to(4)
	}
	return s
}

// single is a case of one node.
func single(opset int64, n *onnx.Node, in ...*op.Array) graphCase {
	c := graphCase{opset: opset, nodes: []*onnx.Node{n}, inputs: map[string]*op.Array{}, fixed: map[string]bool{}}
	n.Name = n.OpType
	for _, a := range in {
		if a == nil {
			n.Inputs = append(n.Inputs, "")
			continue
		}
		name := string(rune('a' + len(n.Inputs)))
		n.Inputs = append(n.Inputs, name)
		c.names = append(c.names, name)
		c.inputs[name] = a
		c.fixed[name] = a.Type != onnx.Float
	}
	if len(n.Outputs) == 0 {
		n.Outputs = []string{"out"}
	}
	return c
}

// then appends a node without further inputs.
func (c graphCase) then(opType string) graphCase {
	last := c.nodes[len(c.nodes)-1].Outputs[0]
	c.nodes = append(c.nodes, &onnx.Node{Name: opType, OpType: opType, Inputs: []string{last}, Outputs: []string{last + "+"}})
	return c
}

func node(opType string, attrs ...*onnx.Attribute) *onnx.Node {
	return &onnx.Node{OpType: opType, Attributes: attrs}
}

// graphCases returns at least 20 shapes of every operator that is lowered.
func graphCases(random *rand.Rand) map[string][]graphCase {
	r := drawer{random}
	cases := map[string][]graphCase{}
	for i := range 22 {
		add := func(name string, c graphCase) { cases[name] = append(cases[name], c) }
		add("Conv", r.conv(i))
		add("ConvRelu", r.conv(i).then("Relu"))
		r.pools(i, add)
		r.dense(i, add)
		r.norms(i, add)
		r.elements(i, add)
		r.moves(i, add)
		r.formulas(i, add)
		r.parts(i, add)
	}
	return cases
}

// window returns the attributes of a window, and an input size for each axis.
func (r drawer) window(i int, pool bool) (attrs []*onnx.Attribute, kernel []int, size []int) {
	axes := 1 + (i+1)%3
	var k, s, d, begin, end []int64
	for range axes {
		kk, dd := int64(r.to(3)), int64(1)
		if !pool && i%5 == 4 {
			dd = 2
		}
		k, s, d = append(k, kk), append(s, int64(r.to(4))), append(d, dd)
		begin, end = append(begin, r.Int64N(kk)), append(end, r.Int64N(kk))
		size = append(size, int((kk-1)*dd)+r.to(4))
		kernel = append(kernel, int(kk))
	}
	attrs = []*onnx.Attribute{onnx.IntsAttr("kernel_shape", k...), onnx.IntsAttr("strides", s...)}
	if !pool {
		attrs = append(attrs, onnx.IntsAttr("dilations", d...))
	}
	if i%4 == 3 {
		return append(attrs, onnx.StringAttr("auto_pad", "SAME_UPPER")), kernel, size
	}
	return append(attrs, onnx.IntsAttr("pads", append(begin, end...)...)), kernel, size
}

func (r drawer) conv(i int) graphCase {
	attrs, kernel, size := r.window(i, false)
	group := 1 + i%3
	c, m := group*r.to(2), group*r.to(2)
	n := node("Conv", append(attrs, onnx.IntAttr("group", int64(group)))...)
	in := []*op.Array{r.normal(append([]int{r.to(3), c}, size...)...), r.normal(append([]int{m, c / group}, kernel...)...)}
	if i%2 == 0 {
		in = append(in, r.normal(m))
	}
	return single(13, n, in...)
}

func (r drawer) pools(i int, add func(string, graphCase)) {
	attrs, _, size := r.window(i, true)
	shape := append([]int{r.to(3), r.to(3)}, size...)
	add("MaxPool", single(13, node("MaxPool", append(attrs, onnx.IntAttr("ceil_mode", int64(i%2)))...), r.apart(shape...)))
	add("AveragePool", single(13, node("AveragePool", append(attrs, onnx.IntAttr("ceil_mode", int64(i%2)),
		onnx.IntAttr("count_include_pad", int64(i/2%2)))...), r.normal(shape...)))
	add("GlobalAveragePool", single(13, node("GlobalAveragePool"), r.normal(shape...)))
}

func (r drawer) dense(i int, add func(string, graphCase)) {
	n, k, m := r.to(4), r.to(9), r.to(6)
	transA, transB := i%2, i/2%2
	a, b := []int{n, k}, []int{k, m}
	if transA == 1 {
		a = []int{k, n}
	}
	if transB == 1 {
		b = []int{m, k}
	}
	attrs := []*onnx.Attribute{onnx.IntAttr("transA", int64(transA)), onnx.IntAttr("transB", int64(transB))}
	if i%3 == 0 {
		attrs = append(attrs, onnx.FloatAttr("alpha", 0.5), onnx.FloatAttr("beta", -2))
	}
	in := []*op.Array{r.normal(a...), r.normal(b...)}
	switch i % 4 {
	case 1:
		in = append(in, r.normal(m))
	case 2:
		in = append(in, r.normal(n, 1))
	case 3:
		in = append(in, r.normal(1, m))
	}
	add("Gemm", single(13, node("Gemm", attrs...), in...))
	add("GemmRelu", single(13, node("Gemm", onnx.IntAttr("transB", 1)), r.normal(n, k), r.normal(m, k), r.normal(m)).then("Relu"))
	var left, right []int
	switch i % 5 {
	case 0:
		left, right = []int{n, k}, []int{k, m}
	case 1:
		left, right = []int{2, n, k}, []int{k, m}
	case 2:
		left, right = []int{2, 1, n, k}, []int{3, k, m}
	case 3:
		left, right = []int{k}, []int{2, k, m}
	case 4:
		left, right = []int{n, k}, []int{k}
	}
	add("MatMul", single(13, node("MatMul"), r.normal(left...), r.normal(right...)))
}

func (r drawer) norms(i int, add func(string, graphCase)) {
	shape := append([]int{r.to(3), r.to(9)}, []int{r.to(3), r.to(4)}[:i%3]...)
	size, alpha, bias := int64(r.to(6)), 0.1+r.Float32(), 1+r.Float32()
	beta := []float32{0.75, 0.5, 1, 0.6}[i%4]
	add("LRN", single(13, node("LRN", onnx.IntAttr("size", size), onnx.FloatAttr("alpha", alpha), onnx.FloatAttr("beta", beta), onnx.FloatAttr("bias", bias)), r.normal(shape...)))
	add("LRNByAverage", r.lrnByAverage(int64(2*r.IntN(3)+1), []int{r.to(3), r.to(9), r.to(3), r.to(3)}))
	c := shape[1]
	n := node("BatchNormalization", onnx.FloatAttr("epsilon", 0.01), onnx.IntAttr("training_mode", 1))
	n.Outputs = []string{"out", "mean", "variance"}
	b := single(15, n, r.normal(append([]int{3}, shape[1:]...)...), r.normal(c), r.normal(c), r.normal(c), r.positive(c))
	b.fixed["d"], b.fixed["e"] = true, true
	add("BatchNormalization", b)
	x := r.shape()
	for _, d := range x {
		if d > 1 { // softmax of one element has no gradient
			axis := int64(r.IntN(len(x)))
			opset := int64(13 - 2*(i%2))
			add("Softmax", single(opset, node("Softmax", onnx.IntAttr("axis", axis)), r.normal(x...)))
			add("LogSoftmax", single(opset, node("LogSoftmax", onnx.IntAttr("axis", axis)), r.normal(x...)))
			return
		}
	}
	add("Softmax", single(13, node("Softmax"), r.normal(2, 5)))
	add("LogSoftmax", single(13, node("LogSoftmax"), r.normal(2, 5)))
}

// lrnByAverage is LRN across channels written as the builder does.
func (r drawer) lrnByAverage(size int64, shape []int) graphCase {
	half := (size - 1) / 2
	c := graphCase{opset: 13, inputs: map[string]*op.Array{
		"x": r.normal(shape...), "axis": integers(1),
		"alpha": r.array(func(int, int) float64 { return 0.3 }), "k": r.array(func(int, int) float64 { return 1.5 }),
		"beta": r.array(func(int, int) float64 { return 0.75 }),
	}, names: []string{"x", "axis", "alpha", "k", "beta"}, fixed: map[string]bool{"axis": true, "alpha": true, "k": true, "beta": true}}
	add := func(opType, out string, in []string, attrs ...*onnx.Attribute) {
		c.nodes = append(c.nodes, &onnx.Node{Name: out, OpType: opType, Inputs: in, Outputs: []string{out}, Attributes: attrs})
	}
	add("Mul", "square", []string{"x", "x"})
	add("Unsqueeze", "up", []string{"square", "axis"})
	add("AveragePool", "average", []string{"up"}, onnx.IntsAttr("kernel_shape", size, 1, 1), onnx.IntsAttr("strides", 1, 1, 1),
		onnx.IntsAttr("pads", half, 0, 0, half, 0, 0), onnx.IntAttr("count_include_pad", 1))
	add("Squeeze", "down", []string{"average", "axis"})
	add("Mul", "scaled", []string{"down", "alpha"})
	add("Add", "shifted", []string{"scaled", "k"})
	add("Pow", "divisor", []string{"shifted", "beta"})
	add("Div", "out", []string{"x", "divisor"})
	return c
}

func (r drawer) elements(i int, add func(string, graphCase)) {
	for _, f := range []string{"Relu", "Sigmoid", "Tanh"} {
		add(f, single(13, node(f), r.apart(r.shape()...)))
	}
	add("Sqrt", single(13, node("Sqrt"), r.positive(r.shape()...)))
	add("Clip", single(10, node("Clip", onnx.FloatAttr("min", -0.2551), onnx.FloatAttr("max", 0.5153)), r.apart(r.shape()...)))
	a := r.shape()
	b := append([]int{}, a...)
	switch i % 4 {
	case 1:
		b = b[len(b)-1:]
	case 2:
		b[0] = 1
		a[len(a)-1] = 1
	case 3:
		b = nil
	}
	for _, f := range []string{"Add", "Sub", "Mul", "Div", "Pow"} {
		add(f, single(13, node(f), r.positive(a...), r.positive(b...)))
	}
	// Behind a convolution, values have their channels last.
	c := r.conv(3*i + 1)
	c.nodes = append(c.nodes,
		&onnx.Node{Name: "sum", OpType: "Add", Inputs: []string{"out", "out"}, Outputs: []string{"sum"}},
		&onnx.Node{Name: "product", OpType: "Mul", Inputs: []string{"sum", "factor"}, Outputs: []string{"product"}})
	c.inputs["factor"] = r.positive()
	c.names = append(c.names, "factor")
	add("ArithmeticOnChannelsLast", c)
}

func (r drawer) moves(i int, add func(string, graphCase)) {
	shape := []int{r.to(4), r.to(4), r.to(4)}
	x := func() *op.Array { return r.normal(shape...) }
	add("Flatten", single(13, node("Flatten", onnx.IntAttr("axis", int64(i%4))), x()))
	add("Reshape", single(13, node("Reshape"), x(), integers(0, -1)))
	add("Identity", single(13, node("Identity"), x()).then("Identity"))
	add("Unsqueeze", single(13, node("Unsqueeze"), x(), integers(int64(i%4))))
	flat := append([]int{}, shape...)
	flat[i%3] = 1
	add("Squeeze", single(13, node("Squeeze"), r.normal(flat...), integers(int64(i%3))))
	perm := []int64{}
	for _, p := range r.Perm(3) {
		perm = append(perm, int64(p))
	}
	add("Transpose", single(13, node("Transpose", onnx.IntsAttr("perm", perm...)), x()))
	axis := i % 3
	add("Gather", single(13, node("Gather", onnx.IntAttr("axis", int64(axis))), x(), integers(0, int64(shape[axis]-1), -1, 0)))
	long := append([]int{}, shape...)
	long[axis] += 3
	add("Slice", single(13, node("Slice"), r.normal(long...), integers(1), integers(100), integers(int64(axis)), integers(int64(1+i%2))))
	other := append([]int{}, shape...)
	other[axis] = r.to(3)
	add("Concat", single(13, node("Concat", onnx.IntAttr("axis", int64(axis))), x(), r.normal(other...), x()))
	add("ReduceMean", single(13, node("ReduceMean", onnx.IntsAttr("axes", int64(axis)), onnx.IntAttr("keepdims", int64(i%2))), x()))
	// Flattening what has its channels last.
	c := r.conv(3 * i)
	c.nodes = append(c.nodes, &onnx.Node{Name: "flatten", OpType: "Flatten", Inputs: []string{"out"}, Outputs: []string{"flat"}})
	add("FlattenChannelsLast", c)
}

// formulas are the elementwise operators that are written as steps, alone and in chains.
func (r drawer) formulas(i int, add func(string, graphCase)) {
	for _, f := range []string{"Exp", "Erf", "Abs", "Softplus", "Softsign", "Sin", "Cos", "Neg"} {
		add(f, single(13, node(f), r.apart(r.shape()...)))
	}
	for _, f := range []string{"Log", "Reciprocal"} {
		add(f, single(13, node(f), r.positive(r.shape()...)))
	}
	add("HardSigmoid", single(13, node("HardSigmoid", onnx.FloatAttr("alpha", 0.3), onnx.FloatAttr("beta", 0.4513)), r.apart(r.shape()...)))
	add("HardSwish", single(14, node("HardSwish"), r.apart(r.shape()...)))
	add("LeakyRelu", single(13, node("LeakyRelu", onnx.FloatAttr("alpha", 0.2)), r.apart(r.shape()...)))
	add("Elu", single(13, node("Elu", onnx.FloatAttr("alpha", 0.7)), r.apart(r.shape()...)))
	add("Selu", single(13, node("Selu"), r.apart(r.shape()...)))
	add("Celu", single(13, node("Celu", onnx.FloatAttr("alpha", 0.6)), r.apart(r.shape()...)))
	add("Mish", single(18, node("Mish"), r.normal(r.shape()...)))
	add("Swish", single(24, node("Swish", onnx.FloatAttr("alpha", 1.3)), r.normal(r.shape()...)))
	add("Gelu", single(20, node("Gelu", onnx.StringAttr("approximate", []string{"none", "tanh"}[i%2])), r.normal(r.shape()...)))
	shape := []int{r.to(3), r.to(4), r.to(3), r.to(3)}
	add("PRelu", single(16, node("PRelu"), r.apart(shape...), [](*op.Array){r.normal(shape[1], 1, 1), r.normal(1), r.normal(shape...)}[i%3]))
	add("Sum", single(13, node("Sum"), r.normal(shape...), r.normal(shape...), r.normal(shape[2], 1)))
	// A block of a network: a convolution, its excitation, a residual, a rectifier.
	c := r.conv(3*i + 1)
	then := func(opType, out string, in []string, attrs ...*onnx.Attribute) {
		c.nodes = append(c.nodes, &onnx.Node{Name: out, OpType: opType, Inputs: in, Outputs: []string{out}, Attributes: attrs})
	}
	then("GlobalAveragePool", "pooled", []string{"out"})
	then("Sigmoid", "gate", []string{"pooled"})
	then("Mul", "excited", []string{"out", "gate"})
	then("Sigmoid", "silu gate", []string{"excited"})
	then("Mul", "silu", []string{"excited", "silu gate"})
	then("Add", "residual", []string{"silu", "out"})
	if i%2 == 0 {
		then("LeakyRelu", "end", []string{"residual"})
	} else {
		then("Tanh", "end", []string{"residual"})
	}
	add("Block", c)
	// Layers that clamp their own output.
	clipped := r.conv(i)
	clipped.nodes = append(clipped.nodes, &onnx.Node{Name: "clip", OpType: "Clip", Inputs: []string{"out", "lo", "hi"}, Outputs: []string{"clipped"}})
	clipped.inputs["lo"], clipped.inputs["hi"] = r.array(func(int, int) float64 { return -0.8125 }), r.array(func(int, int) float64 { return 1.25 })
	clipped.names = append(clipped.names, "lo", "hi")
	clipped.fixed["lo"], clipped.fixed["hi"] = true, true
	add("ConvClip", clipped)
}

// parts are the operators that join and cut, in both layouts.
func (r drawer) parts(i int, add func(string, graphCase)) {
	shape := []int{r.to(3), 4, r.to(3), 2}
	axis := int64(i % 2 * 2)
	if axis == 0 {
		axis = 1
		shape[1] = 3 + i%3
	} else {
		shape[2] = 5
	}
	n := node("Split", onnx.IntAttr("axis", axis))
	n.Outputs = []string{"out", "rest"}
	size := int64(shape[axis])
	add("Split", single(13, n, r.normal(shape...), integers(2, size-2)))
	modes := []string{"constant", "reflect", "edge"}
	add("Pad", single(13, node("Pad", onnx.StringAttr("mode", modes[i%3])), r.normal(2, 3, 4), integers(1, int64(i%2), 1, 0, 2, int64(i%3))))
	add("Expand", single(13, node("Expand"), r.normal(shape[1], 1, 1), integers(2, int64(shape[1]), 3, 2)))
	add("Tile", single(13, node("Tile"), r.normal(2, 3), integers(2, int64(r.to(2)))))
	add("DepthToSpace", single(13, node("DepthToSpace", onnx.IntAttr("blocksize", 2), onnx.StringAttr("mode", []string{"DCR", "CRD"}[i%2])), r.normal(r.to(2), 4*r.to(2), 2, r.to(2))))
	add("SpaceToDepth", single(13, node("SpaceToDepth", onnx.IntAttr("blocksize", 2)), r.normal(r.to(2), r.to(2), 4, 2)))
	dims := []int{r.to(3), r.to(3), 2 + r.IntN(6)}
	in := []*op.Array{r.normal(dims...), r.normal(dims[2])}
	if i%2 == 0 {
		in = append(in, r.normal(dims[2]))
	}
	add("LayerNormalization", single(17, node("LayerNormalization", onnx.FloatAttr("epsilon", 0.01)), in...))
	// Behind a convolution, values have their channels last.
	c := r.conv(3*i + 1)
	c.nodes = append(c.nodes,
		&onnx.Node{Name: "join", OpType: "Concat", Inputs: []string{"out", "out"}, Outputs: []string{"joined"}, Attributes: []*onnx.Attribute{onnx.IntAttr("axis", 1)}},
		&onnx.Node{Name: "cut", OpType: "Slice", Inputs: []string{"joined", "from", "to", "along"}, Outputs: []string{"cut"}})
	c.inputs["from"], c.inputs["to"], c.inputs["along"] = integers(1), integers(1000), integers(1)
	c.names = append(c.names, "from", "to", "along")
	c.fixed["from"], c.fixed["to"], c.fixed["along"] = true, true, true
	add("JoinedChannelsLast", c)
}
