package gorgonia

import (
	"fmt"
	"hash/fnv"
	"slices"

	"gorgonia.org/gorgonia"

	"alexctl/kernel"
	"alexctl/onnx/op"
)

// window returns the window of a node as a kernel wants it.
func window(n *op.Node, spatial, size []int) (kernel.Window, error) {
	axes, err := op.WindowOf(n, spatial, size)
	if err != nil {
		return kernel.Window{}, err
	}
	out := make([]kernel.Axis, len(axes))
	for i, a := range axes {
		out[i] = kernel.Axis(a)
	}
	return kernel.NewWindow(out...)
}

// lastValue returns a value with channels last made by a kernel on nodes.
func (l *lowering[T]) lastValue(n *op.Node, s kernel.Spec, shape []int, in []*value, nodes ...*gorgonia.Node) (*value, error) {
	v, err := l.ofFirst(n, s, lastShape(shape), in, nodes...)
	if err != nil {
		return nil, err
	}
	v.shape, v.first, v.last = shape, nil, v.first
	return v, nil
}

func (l *lowering[T]) conv(n *op.Node, in []*value) (*value, error) {
	x, w := in[0], in[1]
	win, err := window(n, x.shape[2:], w.shape[2:])
	if err != nil {
		return nil, err
	}
	s := kernel.Conv{N: x.shape[0], C: x.shape[1], M: w.shape[0], Group: int(n.Int("group")), Window: win,
		Clamp: l.clamped[n.Outputs[0]].to, Fixed: l.store.fixed && (w.tensor != nil || w.constant != nil)}
	in = slices.DeleteFunc(slices.Clone(in), func(v *value) bool { return v == nil })
	s.Bias = len(in) == 3
	nodes, err := l.nodes(in[1:]...)
	if err != nil {
		return nil, err
	}
	last, err := l.lastNode(x)
	if err != nil {
		return nil, err
	}
	shape := []int{s.N, s.M}
	for _, a := range win[3-len(x.shape[2:]):] {
		shape = append(shape, a.Out)
	}
	return l.lastValue(n, s, shape, in, append([]*gorgonia.Node{last}, nodes...)...)
}

func (l *lowering[T]) pool(n *op.Node, x *value, out *op.Info) (*value, error) {
	size := make([]int, 0, 3)
	for _, k := range n.Ints("kernel_shape") {
		size = append(size, int(k))
	}
	var win kernel.Window
	var err error
	if n.OpType == "GlobalAveragePool" {
		axes := []kernel.Axis{{In: x.positions(), Out: 1, Kernel: x.positions(), Stride: 1, Dilation: 1}}
		win, err = kernel.NewWindow(axes...)
	} else {
		win, err = window(n, x.shape[2:], size)
	}
	if err != nil {
		return nil, err
	}
	var s kernel.Spec = kernel.MaxPool{N: x.shape[0], C: x.shape[1], Window: win}
	if n.OpType != "MaxPool" {
		s = kernel.AveragePool{N: x.shape[0], C: x.shape[1], Window: win, IncludePad: n.Int("count_include_pad") != 0}
	}
	last, err := l.lastNode(x)
	if err != nil {
		return nil, err
	}
	return l.lastValue(n, s, fixed(out), []*value{x}, last)
}

func (l *lowering[T]) lrn(label string, x *value, s kernel.LRN) (*value, error) {
	last, err := l.lastNode(x)
	if err != nil {
		return nil, err
	}
	s.C = x.shape[1]
	s.Rows = x.size() / max(1, s.C)
	v := &value{typ: x.typ, shape: x.shape, needs: x.needs}
	v.last, err = l.apply(label, "LRN", s, last.Shape().Clone(), []bool{x.needs}, last)
	return v, err
}

func (l *lowering[T]) batchNorm(n *op.Node, in []*value) (*value, error) {
	x := in[0]
	s := kernel.BatchNorm{C: x.shape[1], Epsilon: n.Float("epsilon"), Momentum: n.Float("momentum"), Training: l.training != nil, Clamp: l.clamped[n.Outputs[0]].to}
	s.Rows = x.size() / max(1, s.C)
	if l.training == nil && n.Int("training_mode") != 0 {
		s.Training, s.Momentum = true, 1 // the batch's own statistics; the running ones stay
	}
	if l.training != nil && l.frozenNorm(in) {
		s.Training = false
	}
	if l.training != nil && s.Training {
		for i := 3; i <= 4; i++ {
			if in[i].tensor == nil || in[i].learned || l.state[in[i].tensor.Name] {
				return nil, &UnsupportedError{n.Label(), fmt.Sprintf("its running statistics, input %d, are not an initializer of their own, so training cannot update them", i)}
			}
			l.state[in[i].tensor.Name] = true
		}
	}
	last, err := l.lastNode(x)
	if err != nil {
		return nil, err
	}
	nodes, err := l.nodes(in[1:]...)
	if err != nil {
		return nil, err
	}
	return l.lastValue(n, s, x.shape, in, append([]*gorgonia.Node{last}, nodes...)...)
}

// frozenNorm reports whether the scale and bias of a BatchNormalization are frozen: it
// is then left as it is, running statistics included.
func (l *lowering[T]) frozenNorm(in []*value) bool {
	for _, v := range in[1:3] {
		if v.tensor == nil || !l.training.frozen(v.tensor.Name) {
			return false
		}
	}
	return true
}

func (l *lowering[T]) gemm(n *op.Node, in []*value) (*value, error) {
	a, b := in[0], in[1]
	var c *value
	if len(in) > 2 {
		c = in[2]
	}
	transA, transB := n.Int("transA") != 0, n.Int("transB") != 0
	rows, k, columns := a.shape[0], a.shape[1], b.shape[1]
	if transA {
		rows, k = k, rows
	}
	if transB {
		columns = b.shape[0]
	}
	alpha, beta := n.Float("alpha"), n.Float("beta")
	shape := []int{rows, columns}
	if !transA && transB && alpha == 1 && (c == nil || beta == 1 && c.size() == columns && c.shape[len(c.shape)-1] == columns) {
		used := []*value{a, b}
		if c != nil {
			used = append(used, c)
		}
		nodes, err := l.nodes(used...)
		if err != nil {
			return nil, err
		}
		s := kernel.Dense{N: rows, In: k, Out: columns, Bias: c != nil, Clamp: l.clamped[n.Outputs[0]].to}
		return l.ofFirst(n, s, shape, used, nodes...)
	}
	if l.clamped[n.Outputs[0]].to.On() {
		return nil, fmt.Errorf("a fused rectifier without the kernel for it")
	}
	nodes, err := l.nodes(a, b)
	if err != nil {
		return nil, err
	}
	y, err := l.ofFirst(n, kernel.MatMul{M: rows, N: columns, K: k, ABatch: []int{0}, BBatch: []int{0}, TransA: transA, TransB: transB},
		shape, []*value{a, b}, nodes...)
	if err != nil {
		return nil, err
	}
	sum := &operand{value: y}
	if alpha != 1 {
		sum = affine(sum, alpha, 0)
	}
	if c != nil && beta != 0 {
		with := &operand{value: c}
		if beta != 1 {
			with = affine(with, beta, 0)
		}
		sum = of("Add", sum, with)
	}
	if sum.formula == nil {
		return y, nil
	}
	v := &value{typ: y.typ, shape: shape, needs: y.needs || c != nil && c.needs, formula: sum.formula, label: n.Label(), kind: n.OpType}
	return v, l.settle(v)
}

// matMul multiplies the last two axes and broadcasts the others; a vector is a row on
// the left and a column on the right.
func (l *lowering[T]) matMul(n *op.Node, in []*value, out *op.Info) (*value, error) {
	as, bs := in[0].shape, in[1].shape
	if len(as) == 1 {
		as = []int{1, as[0]}
	}
	if len(bs) == 1 {
		bs = []int{bs[0], 1}
	}
	nodes, err := l.nodes(in...)
	if err != nil {
		return nil, err
	}
	m, k, columns := as[len(as)-2], as[len(as)-1], bs[len(bs)-1]
	if len(bs) == 2 { // all rows of the left against one matrix
		rows := in[0].size() / max(1, k)
		if v, err := l.fixedProduct(n, in, out, rows, k, columns); v != nil || err != nil {
			return v, err
		}
		s := kernel.MatMul{M: rows, N: columns, K: k, ABatch: []int{0}, BBatch: []int{0}}
		return l.ofFirst(n, s, fixed(out), in, nodes...)
	}
	s := kernel.MatMul{M: m, N: columns, K: k}
	aBatch, bBatch := as[:len(as)-2], bs[:len(bs)-2]
	batch, err := op.Broadcast(aBatch, bBatch)
	if err != nil {
		return nil, err
	}
	s.ABatch, s.BBatch = op.BroadcastIndices(aBatch, batch), op.BroadcastIndices(bBatch, batch)
	return l.ofFirst(n, s, fixed(out), in, nodes...)
}

// fixedProduct returns a product with a matrix that nothing changes as a convolution of one position's
// size, whose weights are packed once; nil for any other.
func (l *lowering[T]) fixedProduct(n *op.Node, in []*value, out *op.Info, rows, k, columns int) (*value, error) {
	w := in[1]
	if !l.store.fixed || w.tensor == nil || len(w.shape) != 2 || rows < 2 {
		return nil, nil
	}
	window, err := kernel.NewWindow(kernel.Axis{In: rows, Out: rows, Kernel: 1, Stride: 1, Dilation: 1})
	if err != nil {
		return nil, err
	}
	if w.turned == nil {
		given, err := l.store.data(w.tensor)
		if err != nil {
			return nil, err
		}
		from, ok := given.([]T)
		if !ok {
			return nil, nil
		}
		data := make([]T, len(from))
		for c := range columns {
			for i := range k {
				data[c*k+i] = from[i*columns+c]
			}
		}
		w.turned = l.input(w.tensor.Name, nodeShape([]int{columns, k}), data)
	}
	x, err := l.node(in[0])
	if err != nil {
		return nil, err
	}
	s := kernel.Conv{N: 1, C: k, M: columns, Group: 1, Window: window, Fixed: true}
	return l.ofFirst(n, s, fixed(out), in, x, w.turned)
}

func (l *lowering[T]) softmax(n *op.Node, x *value) (*value, error) {
	axis := int(n.Int("axis"))
	if axis < 0 {
		axis += len(x.shape)
	}
	if axis < 0 || axis >= max(1, len(x.shape)) {
		return nil, fmt.Errorf("axis %d of a value of shape %v", axis, x.shape)
	}
	s := kernel.Softmax{Outer: 1, C: 1, Inner: 1, Log: n.OpType == "LogSoftmax"}
	for i, d := range x.shape {
		switch {
		case i < axis:
			s.Outer *= d
		case i == axis || n.Opset < 13: // before, all axes from this one on are one
			s.C *= d
		default:
			s.Inner *= d
		}
	}
	node, err := l.node(x)
	if err != nil {
		return nil, err
	}
	return l.ofFirst(n, s, x.shape, []*value{x}, node)
}

func (l *lowering[T]) dropout(n *op.Node, in []*value) (*value, error) {
	x := in[0]
	if l.training == nil {
		if len(in) > 2 && in[2] != nil {
			return nil, errNoKernel // the definition says what is wrong with training_mode
		}
		return x, nil
	}
	if l.training.noDropout {
		return x, nil
	}
	ratio := n.Float("ratio") // before opset 12
	if n.Opset >= 12 {
		ratio = 0.5
		if len(in) > 1 && in[1] != nil {
			r, ok := number(in[1])
			if !ok {
				return nil, &UnsupportedError{n.Label(), "its ratio does not follow from the model"}
			}
			ratio = r
		}
	}
	key := fnv.New64a()
	_, _ = key.Write([]byte(n.Label())) // a hash takes everything
	return l.like(n.Label(), n.OpType, kernel.Dropout{N: x.size(), Ratio: ratio, Key: key.Sum64() ^ l.training.seed, Step: l.training.step}, x)
}

// layerNorm normalizes over the last axes, channels first.
func (l *lowering[T]) layerNorm(n *op.Node, in []*value) (*value, error) {
	axis := int(n.Int("axis"))
	if axis < 0 {
		axis += len(in[0].shape)
	}
	s := kernel.LayerNorm{Rows: 1, C: 1, Epsilon: n.Float("epsilon"), Bias: len(in) > 2 && in[2] != nil}
	for i, d := range in[0].shape {
		if i < axis {
			s.Rows *= d
		} else {
			s.C *= d
		}
	}
	used := in[:2]
	if s.Bias {
		used = in[:3]
	}
	for _, v := range used[1:] {
		if v.size() != s.C {
			return nil, errNoKernel
		}
	}
	nodes, err := l.nodes(used...)
	if err != nil {
		return nil, err
	}
	return l.ofFirst(n, s, in[0].shape, used, nodes...)
}
