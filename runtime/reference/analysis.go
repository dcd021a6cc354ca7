package reference

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// Analysis computes a model in float64 with a bound, beside each result, on how far
// rounding may move it. It may be used by one goroutine at a time.
type Analysis struct {
	s        *session
	constant []bool
	types    map[string]*op.Info
}

// Value is a result. Its elements are in F, or in I for integers and booleans.
type Value struct {
	Name  string
	Type  onnx.DataType // as the model declares it
	Shape []int
	F     []float64
	I     []int64
	// Bound is the bound of each element of F; nil where the result must be exact.
	Bound []float64
	// Open marks elements of I that ONNX does not define; nil where there are none.
	Open []bool
}

// Rounding returns the arithmetic that a node's output of type t is computed in.
type Rounding func(n *op.Node, t onnx.DataType) op.Rounding

// Analyze checks the model and returns its analysis.
func (e Engine) Analyze(_ context.Context, m *onnx.Model) (*Analysis, error) {
	s, err := e.prepare(m)
	if err != nil {
		return nil, err
	}
	a := &Analysis{s: s, types: op.Infer(m, nil).Values}
	fed := map[string]bool{}
	for _, v := range m.Graph.DataInputs() {
		fed[v.Name] = true
	}
	for _, n := range a.s.nodes {
		constant := n.Spec.Bound == nil
		for _, name := range n.Inputs {
			k := s.index.MadeAt(name)
			constant = constant && !fed[name] && (k < 0 || a.constant[k])
		}
		a.constant = append(a.constant, constant)
	}
	return a, nil
}

// RoundingOf returns the bounds' arithmetic of each node for an engine's arithmetic.
func RoundingOf(a runtime.Arithmetic) Rounding {
	return func(n *op.Node, t onnx.DataType) op.Rounding {
		r := op.RoundingOf(t)
		if n.Spec.Product != op.NoProduct {
			r.Operand = max(r.Operand, a.Operand)
		}
		if n.Spec.Product == op.ConvProduct {
			if r.Spread = a.SpreadOf(n.Ints("kernel_shape")); a.Searched {
				r.Spread = Searched
			}
		}
		return r
	}
}

// Searched is by how much the errors of convolutions are taken to be multiplied where a search
// chooses their algorithms: larger tiles than Winograd's smallest and Fourier transforms, of
// any kernel. It is not derived.
const Searched = 16

// Run computes the outputs without bounds, as a Session does.
func (a *Analysis) Run(ctx context.Context, inputs runtime.Tensors) (runtime.Tensors, error) {
	return a.s.Run(ctx, inputs)
}

// Values computes the model on inputs and returns what keep wants of the values of its nodes,
// with their bounds, and the outputs that no node makes.
func (a *Analysis) Values(ctx context.Context, inputs runtime.Tensors, r Rounding, keep func(Value) bool) (map[string]Value, error) {
	kept := map[string]Value{}
	err := a.Propagate(ctx, inputs, r, func(_ int, values []Value) error {
		for _, v := range values {
			if keep(v) {
				kept[v.Name] = v
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reference: %w", err)
	}
	for _, v := range a.s.graph.Outputs {
		if a.s.index.MadeAt(v.Name) >= 0 {
			continue
		}
		t := inputs[v.Name]
		if w := a.s.index.Initializer(v.Name); t == nil && w != nil {
			if t, err = runtime.FromONNX(w); err != nil {
				return nil, err
			}
		}
		if t == nil {
			return nil, fmt.Errorf("output %q was not made", v.Name)
		}
		x := Value{Name: v.Name, Type: t.Type, Shape: t.Shape}
		if t.Type.IsFloat() {
			x.F, err = t.Float64s()
		} else {
			x.I, err = t.Ints()
		}
		if err != nil {
			return nil, err
		}
		kept[v.Name] = x
	}
	return kept, nil
}

// Tensor returns the value in the type that the model declares: what an engine that makes no
// error would hand on.
func (v Value) Tensor() (*runtime.Tensor, error) {
	t := &runtime.Tensor{Type: v.Type, Shape: v.Shape}
	if v.F != nil {
		t.Data = runtime.FromFloats(v.Type, v.F)
		return t, nil
	}
	var err error
	t.Data, err = runtime.FromInts(v.Type, v.I)
	return t, err
}

// Graph returns the model's graph.
func (a *Analysis) Graph() *onnx.Graph { return a.s.graph }

// Constant reports whether a node's results follow from the model alone and are exact.
func (a *Analysis) Constant(node int) bool { return a.constant[node] }

// constants adds the values of constant nodes that a node reads.
func (a *Analysis) constants(ctx context.Context, node int, values map[string]*op.Array) error {
	needed := map[int]bool{}
	mark := func(n *op.Node) {
		for _, name := range n.Inputs {
			if k := a.s.index.MadeAt(name); k >= 0 && values[name] == nil && a.constant[k] {
				needed[k] = true
			}
		}
	}
	if mark(a.s.nodes[node]); len(needed) == 0 {
		return nil
	}
	for k := node - 1; k >= 0; k-- {
		if needed[k] {
			mark(a.s.nodes[k])
		}
	}
	for k := range node {
		if !needed[k] {
			continue
		}
		out, err := a.s.node(ctx, a.s.nodes[k], values, nil)
		if err != nil {
			return err
		}
		for i, name := range a.s.nodes[k].Outputs {
			if name != "" && i < len(out) {
				values[name] = out[i]
			}
		}
	}
	return nil
}

// Nodes are the model's nodes in the order in which they are computed.
func (a *Analysis) Nodes() []*op.Node { return a.s.nodes }

// Local computes one node from the inputs that an engine had: values returns its value of
// a name, or nil for an initializer. The bounds are those of this node's own rounding.
func (a *Analysis) Local(ctx context.Context, node int, values func(name string) *runtime.Tensor, r Rounding) ([]Value, error) {
	n := a.s.nodes[node]
	in := map[string]*op.Array{}
	for _, name := range n.Inputs {
		t := values(name)
		if name == "" || t == nil {
			continue
		}
		x, err := toArray(t)
		if err != nil {
			return nil, fmt.Errorf("value %q: %w", name, err)
		}
		if info := a.types[name]; info != nil && x.Type.IsFloat() && info.Type.IsFloat() {
			x.Type = info.Type // whatever the engine computes in
		}
		in[name] = x
	}
	if err := a.constants(ctx, node, in); err != nil {
		return nil, err
	}
	l := a.limits(n, in, r)
	out, err := a.s.node(ctx, n, in, l)
	if err != nil {
		return nil, err
	}
	return opened(named(n, out, l.all()), l.open), nil
}

// opened marks the elements of the first value that have no definition.
func opened(list []Value, open []bool) []Value {
	if len(list) > 0 {
		list[0].Open = open
	}
	return list
}

// limits asks for bounds in the arithmetic of the node's output, whose type is that of the
// first input but for operators that move elements or change their type.
func (a *Analysis) limits(n *op.Node, values map[string]*op.Array, r Rounding) *limits {
	t := onnx.Float
	for _, name := range n.Inputs {
		if x := values[name]; x != nil {
			t = x.Type
			break
		}
		if w := a.s.index.Initializer(name); w != nil {
			t = w.Type
			break
		}
	}
	return &limits{rounding: r(n, t), rows: math.MaxInt}
}

// named returns the outputs that the node gives a name, with their bounds.
func named(n *op.Node, out []*op.Array, bounds [][]float64) []Value {
	var list []Value
	for k, name := range n.Outputs {
		if name == "" || k >= len(out) {
			continue
		}
		v := Value{Name: name, Type: out[k].Type, Shape: out[k].Shape, F: out[k].F, I: out[k].I}
		if k < len(bounds) {
			v.Bound = bounds[k]
		}
		list = append(list, v)
	}
	return list
}

// Propagate computes the model and how far the rounding of all its nodes may move each
// value: the model is computed three times more with an error put into every result. Twice
// it is normal with a standard deviation of bound/λ, and what comes of it counts λ times;
// once it is the bound itself, up or down, which shows what small errors do not where a
// function bends. The bound of a value is the largest of the three, or the root of their
// mean square over all elements of its image, whichever is larger. It is infinite where an
// error leads out of a function's domain.
// visit is called with the values of each node when they are made, and must not change them.
func (a *Analysis) Propagate(ctx context.Context, inputs runtime.Tensors, r Rounding, visit func(node int, values []Value) error) error {
	s := a.s
	leave, err := s.gate.Enter()
	if err != nil {
		return err
	}
	defer leave()
	inferred, err := s.accept(inputs)
	if err != nil {
		return err
	}
	values := map[string]*members{}
	alive := int64(0)
	for name, t := range inputs {
		x, err := toArray(t)
		if err != nil {
			return fmt.Errorf("input %q: %w", name, err)
		}
		values[name] = shareOf(x)
		alive += values[name].bytes()
	}
	random := rand.New(rand.NewPCG(0x726f756e64, 0x696e67))
	for i, n := range s.nodes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if needed := alive + (2+samples)*bytesOf(inferred.Nodes[i].Out); needed > s.memory {
			return fmt.Errorf("node %q: the values alive would take %d MiB, at most %d are allowed: try a smaller batch",
				n.Label(), needed>>20, s.memory>>20)
		}
		out, l, err := a.step(ctx, n, values, r)
		if err != nil {
			return err
		}
		list := opened(named(n, first(out), nil), l.open)
		for k, b := range l.all() {
			disturb(n, out[k], b, random)
		}
		for k := range list {
			if m := out[position(n, list[k].Name)]; list[k].F != nil && !m.shared() {
				list[k].Bound = deviation(m)
			}
		}
		if err := visit(i, list); err != nil {
			return err
		}
		for k, name := range n.Outputs {
			if name != "" && k < len(out) {
				values[name] = out[k]
				alive += out[k].bytes()
			}
		}
		for _, name := range append(append([]string{}, n.Inputs...), n.Outputs...) {
			if m := values[name]; m != nil && s.lastUse(name) == i {
				alive -= m.bytes()
				delete(values, name)
			}
		}
	}
	return nil
}

func first(out []*members) []*op.Array {
	list := make([]*op.Array, len(out))
	for k, m := range out {
		list[k] = m[0]
	}
	return list
}

func position(n *op.Node, output string) int {
	for k, name := range n.Outputs {
		if name == output {
			return k
		}
	}
	return 0
}

// step computes a node for all members, and its own bounds for the first.
func (a *Analysis) step(ctx context.Context, n *op.Node, values map[string]*members, r Rounding) ([]*members, *limits, error) {
	each := make([]map[string]*op.Array, 1+samples)
	shared := true
	for k := range each {
		each[k] = map[string]*op.Array{}
	}
	for _, name := range n.Inputs {
		if m := values[name]; m != nil {
			shared = shared && m.shared()
			for k := range each {
				each[k][name] = m[k]
			}
		}
	}
	l := a.limits(n, each[0], r)
	if shared {
		out, err := a.s.node(ctx, n, each[0], l)
		if err != nil {
			return nil, nil, err
		}
		list := make([]*members, len(out))
		for k, x := range out {
			list[k] = shareOf(x)
		}
		return list, l, nil
	}
	if a.stackable(n, values) {
		return a.stacked(ctx, n, each, l)
	}
	results := make([][]*op.Array, len(each))
	err := a.s.workers.each(ctx, len(each), func(k int, _ *scratch) error {
		var err error
		asked := l
		if k > 0 {
			asked = nil
		}
		results[k], err = a.s.node(ctx, n, each[k], asked)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	list := make([]*members, len(results[0]))
	for i := range list {
		list[i] = new(members)
		for k := range each {
			if i >= len(results[k]) || results[k][i].Len() != results[0][i].Len() {
				return nil, nil, errors.New("the shape of a value depends on numbers that were rounded")
			}
			list[i][k] = results[k][i]
		}
	}
	return list, l, nil
}

// stackable reports whether the members differ in the rows of the first input only, so
// that they can be computed as one batch and the weights are read once.
func (a *Analysis) stackable(n *op.Node, values map[string]*members) bool {
	for i, name := range n.Inputs {
		if m := values[name]; i > 0 && m != nil && !m.shared() || i == 0 && (m == nil || len(m[0].Shape) < 2) {
			return false
		}
	}
	rank := func(i int) []int {
		if i >= len(n.Inputs) {
			return nil
		}
		if m := values[n.Inputs[i]]; m != nil {
			return m[0].Shape
		}
		if w := a.s.index.Initializer(n.Inputs[i]); w != nil {
			shape := make([]int, len(w.Dims))
			for k, d := range w.Dims {
				shape[k] = int(d)
			}
			return shape
		}
		return nil
	}
	switch n.Spec.Product {
	case op.ConvProduct:
		return true
	case op.AffineProduct:
		c := rank(2)
		return n.Int("transA") == 0 && (len(c) < 2 || c[0] == 1)
	case op.MatrixProduct:
		return len(rank(1)) == 2
	}
	return false
}

// stacked computes the members as one batch.
func (a *Analysis) stacked(ctx context.Context, n *op.Node, each []map[string]*op.Array, l *limits) ([]*members, *limits, error) {
	name := n.Inputs[0]
	one := each[0][name]
	all := &op.Array{Type: one.Type, Shape: append([]int{len(each) * one.Shape[0]}, one.Shape[1:]...)}
	for _, values := range each {
		all.F = append(all.F, values[name].F...)
	}
	l.rows = one.Shape[0]
	if n.Spec.Product == op.MatrixProduct {
		l.rows = one.Len() / max(1, one.Shape[len(one.Shape)-1])
	}
	values := map[string]*op.Array{}
	for k, x := range each[0] {
		values[k] = x
	}
	values[name] = all
	out, err := a.s.node(ctx, n, values, l)
	if err != nil {
		return nil, nil, err
	}
	y := out[0]
	shape := append([]int{y.Shape[0] / len(each)}, y.Shape[1:]...)
	size := y.Len() / len(each)
	if len(l.bound) > size { // of the definition, which computes them for all of the batch
		l.bound = l.bound[:size]
	}
	m := new(members)
	for k := range m {
		m[k] = &op.Array{Type: y.Type, Shape: shape, F: y.F[k*size : (k+1)*size : (k+1)*size]}
	}
	return []*members{m}, l, nil
}
