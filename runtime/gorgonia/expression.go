package gorgonia

import (
	"math"
	"slices"

	"gorgonia.org/gorgonia"

	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// expression is an elementwise formula over values: elementwise operators that follow each other
// are one, until somebody needs its value, and are then computed in one pass over memory.
type expression struct {
	function string
	a, b     *operand // b of functions of two operands
	p, q     float64
}

// operand is a value, a number or a formula.
type operand struct {
	value   *value
	number  float64
	formula *expression
}

// maxSteps is how many operators become one: each has a block of its own in the first-level cache.
const maxSteps = 12

// steps is how many functions a formula has.
func (e *expression) steps() int {
	n := 1
	for _, o := range []*operand{e.a, e.b} {
		if o != nil && o.formula != nil {
			n += o.formula.steps()
		}
	}
	return n
}

func of(function string, a, b *operand) *operand {
	return &operand{formula: &expression{function: function, a: a, b: b}}
}

func affine(a *operand, p, q float64) *operand {
	if a.value == nil && a.formula == nil {
		return &operand{number: a.number*p + q}
	}
	return &operand{formula: &expression{function: kernel.AffineFunction, a: a, p: p, q: q}}
}

func clampTo(a *operand, lo, hi float64) *operand {
	return &operand{formula: &expression{function: kernel.ClampFunction, a: a, p: lo, q: hi}}
}

// elementwise returns the value of an elementwise operator as a formula, or errNoKernel.
func (l *lowering[T]) elementwise(n *op.Node, in []*value, out *op.Info) (*value, error) {
	shape := fixed(out)
	operands := make([]*operand, len(in))
	for i, v := range in {
		if v == nil {
			continue
		}
		if v.typ != in[0].typ { // a Pow may have an exponent of integers
			if x, ok := integer(v); ok && n.OpType == "Pow" {
				operands[i] = &operand{number: x}
				continue
			}
			return nil, errNoKernel
		}
		operands[i] = l.operand(n.Inputs[i], v, shape)
	}
	formula, err := l.formula(n, operands)
	if err != nil {
		return nil, err
	}
	if formula.formula == nil { // nothing but numbers, or a value as it is
		return nil, errNoKernel
	}
	v := &value{typ: onnx.Float, shape: shape, formula: formula.formula, label: n.Label(), kind: n.OpType}
	for _, leaf := range formula.formula.leaves(nil) {
		v.needs = v.needs || leaf.needs
	}
	return v, nil
}

// integer returns the value of a constant of one integer.
func integer(v *value) (float64, bool) {
	if v.constant == nil || len(v.constant.I) != 1 {
		return 0, false
	}
	return float64(v.constant.I[0]), true
}

// operand returns a value as an operand of a formula of the given shape: its own formula, where
// nobody else needs it.
func (l *lowering[T]) operand(name string, v *value, shape []int) *operand {
	if x, ok := number(v); ok && !v.learned {
		return &operand{number: x}
	}
	if v.formula != nil && slices.Equal(v.shape, shape) && len(l.index.Uses(name)) == 1 && !l.outputs[name] && v.formula.steps() < maxSteps {
		return &operand{formula: v.formula}
	}
	return &operand{value: v}
}

// formula returns what an operator computes from its operands.
func (l *lowering[T]) formula(n *op.Node, in []*operand) (*operand, error) {
	x := in[0]
	inf := math.Inf(1)
	switch n.OpType {
	case "Sigmoid", "Tanh", "Sqrt", "Exp", "Erf", "Abs", "Log", "Reciprocal", "Softplus", "Softsign", "Sin", "Cos":
		return of(n.OpType, x, nil), nil
	case "Relu":
		return clampTo(x, 0, inf), nil
	case "Clip":
		return l.clip(n, in)
	case "Neg":
		return affine(x, -1, 0), nil
	case "HardSigmoid":
		return clampTo(affine(x, n.Float("alpha"), n.Float("beta")), 0, 1), nil
	case "HardSwish":
		return of("Mul", x, clampTo(affine(x, 1./6, 0.5), 0, 1)), nil
	case "Swish":
		return of("Mul", x, of("Sigmoid", affine(x, n.Float("alpha"), 0), nil)), nil
	case "Mish":
		return of("Mul", x, of("Tanh", of("Softplus", x, nil), nil)), nil
	case "Gelu":
		if n.Text("approximate") == "tanh" {
			cube := of("Mul", of("Mul", x, x), x)
			inner := affine(of("Add", x, affine(cube, 0.044715, 0)), math.Sqrt(2/math.Pi), 0)
			return of("Mul", x, affine(of("Tanh", inner, nil), 0.5, 0.5)), nil
		}
		return of("Mul", affine(x, 0.5, 0), affine(of("Erf", affine(x, math.Sqrt2/2, 0), nil), 1, 1)), nil
	case "LeakyRelu":
		return of("Add", clampTo(x, 0, inf), affine(of("Negative", x, nil), n.Float("alpha"), 0)), nil
	case "PRelu":
		return of("Add", clampTo(x, 0, inf), of("Mul", of("Negative", x, nil), in[1])), nil
	case "Elu":
		return of("Add", clampTo(x, 0, inf), affine(of("Expm1", of("Negative", x, nil), nil), n.Float("alpha"), 0)), nil
	case "Celu":
		alpha := n.Float("alpha")
		return of("Add", clampTo(x, 0, inf), affine(of("Expm1", affine(of("Negative", x, nil), 1/alpha, 0), nil), alpha, 0)), nil
	case "Selu":
		alpha, gamma := n.Float("alpha"), n.Float("gamma")
		return of("Add", affine(clampTo(x, 0, inf), gamma, 0), affine(of("Expm1", of("Negative", x, nil), nil), gamma*alpha, 0)), nil
	case "Sum":
		for _, other := range in[1:] {
			x = arithmetic("Add", x, other)
		}
		return x, nil
	case "Add", "Sub", "Mul", "Div", "Pow":
		return arithmetic(n.OpType, x, in[1]), nil
	}
	return nil, errNoKernel
}

// clip is ONNX's Clip, whose bounds are attributes before opset 11 and inputs since.
func (l *lowering[T]) clip(n *op.Node, in []*operand) (*operand, error) {
	lo, hi := math.Inf(-1), math.Inf(1)
	if a := n.Attribute("min"); a != nil {
		lo = float64(a.Float)
	}
	if a := n.Attribute("max"); a != nil {
		hi = float64(a.Float)
	}
	for i, bound := range []*float64{&lo, &hi} {
		if i+1 < len(in) && in[i+1] != nil {
			if in[i+1].value != nil || in[i+1].formula != nil {
				return nil, errNoKernel
			}
			*bound = in[i+1].number
		}
	}
	if lo >= hi {
		return nil, errNoKernel
	}
	return clampTo(in[0], lo, hi), nil
}

// arithmetic returns a formula of two operands, of which one may be a number.
func arithmetic(function string, a, b *operand) *operand {
	isNumber := func(o *operand) bool { return o.value == nil && o.formula == nil }
	switch {
	case isNumber(b) && !isNumber(a):
		switch c := b.number; {
		case function == "Add":
			return affine(a, 1, c)
		case function == "Sub":
			return affine(a, 1, -c)
		case function == "Mul":
			return affine(a, c, 0)
		case function == "Pow" && c == 2:
			return of("Mul", a, a)
		case function == "Pow" && c == 0.5:
			return of("Sqrt", a, nil)
		}
	case isNumber(a) && !isNumber(b):
		switch c := a.number; function {
		case "Add":
			return affine(b, 1, c)
		case "Sub":
			return affine(b, -1, c)
		case "Mul":
			return affine(b, c, 0)
		}
	}
	return of(function, a, b)
}

// leaves appends the values that a formula reads, each once.
func (e *expression) leaves(list []*value) []*value {
	for _, o := range []*operand{e.a, e.b} {
		switch {
		case o == nil:
		case o.formula != nil:
			list = o.formula.leaves(list)
		case o.value != nil && !slices.Contains(list, o.value):
			list = append(list, o.value)
		}
	}
	return list
}

// program turns a formula into the steps of a kernel. What occurs twice is computed once.
type program struct {
	leaves []*value
	spec   kernel.Elementwise
	made   map[*expression]int // the operand that holds a formula's value
}

// compile returns the steps of a formula over its leaves.
func compile(e *expression) ([]*value, kernel.Elementwise) {
	p := &program{leaves: e.leaves(nil), made: map[*expression]int{}}
	p.numbers(e)
	p.step(e)
	return p.leaves, p.spec
}

// numbers collects the numbers that steps read.
func (p *program) numbers(e *expression) {
	for _, o := range []*operand{e.a, e.b} {
		switch {
		case o == nil || o.value != nil:
		case o.formula != nil:
			p.numbers(o.formula)
		case !slices.Contains(p.spec.Fixed, o.number):
			p.spec.Fixed = append(p.spec.Fixed, o.number)
		}
	}
}

func (p *program) place(o *operand) int {
	switch {
	case o == nil:
		return 0
	case o.formula != nil:
		return p.step(o.formula)
	case o.value != nil:
		return slices.Index(p.leaves, o.value)
	}
	return len(p.leaves) + slices.Index(p.spec.Fixed, o.number)
}

func (p *program) step(e *expression) int {
	if at, ok := p.made[e]; ok {
		return at
	}
	s := kernel.Step{Function: e.function, A: p.place(e.a), B: p.place(e.b), P: e.p, Q: e.q}
	p.spec.Steps = append(p.spec.Steps, s)
	p.made[e] = len(p.leaves) + len(p.spec.Fixed) + len(p.spec.Steps) - 1
	return p.made[e]
}

// settle computes the value of a formula, in the layout that most of what it reads has.
func (l *lowering[T]) settle(v *value) error {
	if v.formula == nil {
		return nil
	}
	formula := v.formula
	v.formula = nil
	leaves, spec := compile(formula)
	last := l.channelsLast(v, leaves)
	nodes := make([]*gorgonia.Node, len(leaves))
	needs := make([]bool, len(leaves))
	shapes := make([][]int, len(leaves))
	for i, leaf := range leaves {
		node := l.node
		if last && len(leaf.shape) == len(v.shape) {
			node = l.lastNode
		}
		var err error
		if nodes[i], err = node(leaf); err != nil {
			return err
		}
		needs[i] = leaf.needs
		shapes[i] = padded(leaf.shape, len(v.shape), last)
	}
	shape := v.shape
	if last {
		shape = lastShape(shape)
	}
	dims, along, ok := axes(shape, shapes)
	if !ok { // too many ways to repeat: copies that have all elements
		for i, leaf := range leaves {
			if !slices.Equal(leaf.shape, v.shape) {
				index := indices32(op.BroadcastIndices(leaf.shape, v.shape))
				var err error
				if nodes[i], err = l.apply(v.label, "Expand", kernel.Move{In: []int{leaf.size()}, Out: len(index), Index: index}, nodeShape(shape), needs[i:i+1], nodes[i]); err != nil {
					return err
				}
			}
			shapes[i] = shape
		}
		dims, along, _ = axes(shape, shapes)
	}
	spec.Dims, spec.Inputs = dims, along
	n, err := l.apply(v.label, v.kind, spec, nodeShape(shape), needs, nodes...)
	if last {
		v.last = n
	} else {
		v.first = n
	}
	return err
}

// channelsLast reports whether a formula is computed with channels last: where a value of its
// shape has them so, and all others can be had so.
func (l *lowering[T]) channelsLast(v *value, leaves []*value) bool {
	if len(v.shape) < 3 {
		return false
	}
	some := false
	shapes := make([][]int, len(leaves))
	for i, leaf := range leaves {
		if leaf.formula != nil && l.settle(leaf) != nil {
			return false
		}
		whole := slices.Equal(leaf.shape, v.shape)
		some = some || whole && leaf.last != nil
		if len(leaf.shape) < len(v.shape) && l.positioned(leaf, len(v.shape)) {
			return false
		}
		shapes[i] = padded(leaf.shape, len(v.shape), true)
	}
	_, _, ok := axes(lastShape(v.shape), shapes)
	return some && ok
}

// positioned reports whether a value of lower rank differs along a spatial axis.
func (l *lowering[T]) positioned(leaf *value, rank int) bool {
	for i, d := range padded(leaf.shape, rank, false) {
		if i > 1 && d > 1 {
			return true
		}
	}
	return false
}

// padded returns a shape with ones before it, up to a rank, and with channels last.
func padded(shape []int, rank int, last bool) []int {
	s := append(slices.Repeat([]int{1}, rank-len(shape)), shape...)
	if last {
		return lastShape(s)
	}
	return s
}

// axes joins neighbouring axes along which all inputs behave alike; at most three may be left.
func axes(shape []int, inputs [][]int) (dims [3]int, along []kernel.Along, ok bool) {
	along = make([]kernel.Along, len(inputs))
	var sizes []int
	var kinds [][]bool
	for k, d := range shape {
		if d == 1 {
			continue
		}
		kind := make([]bool, len(inputs))
		for i, in := range inputs {
			kind[i] = in[k] != 1
		}
		if n := len(sizes); n > 0 && slices.Equal(kinds[n-1], kind) {
			sizes[n-1] *= d
			continue
		}
		sizes, kinds = append(sizes, d), append(kinds, kind)
	}
	if len(sizes) > len(dims) {
		return dims, along, false
	}
	for i, in := range inputs {
		whole := true
		for k := range shape {
			whole = whole && in[k] == shape[k]
		}
		for k := range along[i] {
			along[i][k] = whole
		}
	}
	dims = [3]int{1, 1, 1}
	for k, d := range sizes {
		at := len(dims) - len(sizes) + k
		dims[at] = d
		for i := range inputs {
			along[i][at] = kinds[k][i]
		}
	}
	return dims, along, true
}
