package gorgonia

import (
	"context"
	"fmt"
	"hash"
	"hash/fnv"
	"time"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"alexctl/kernel"
)

// operator is what all our Gorgonia operators share: a name, the type and shape of
// the inputs and the output, and the output itself. The graph is static, so an operator
// gives out the same value every time: a run allocates nothing.
type operator struct {
	run   *run
	label string // the node of the model that it comes from
	kind  string
	in    []hm.Type
	out   hm.Type
	shape tensor.Shape
	value gorgonia.Value
	bytes int64
	took  time.Duration // in the last run

	defined bool // computed by ONNX's definition, for want of a kernel
}

// run is what the operators of one graph share while it runs.
type run struct {
	ctx       context.Context
	err       error       // the first one; Gorgonia's wrapping would hide it
	operators []*operator // in the order in which they were made
	watch     bool        // end the run at the first output that is not finite
	kernels   func(kernel.Spec) (any, error)
}

// newOperator returns the operator that makes a value of the given element type and shape from
// the inputs.
func (r *run) newOperator(label, kind string, of tensor.Dtype, shape tensor.Shape, inputs []*gorgonia.Node) *operator {
	o := &operator{run: r, label: label, kind: kind, shape: shape}
	for _, n := range inputs {
		o.in = append(o.in, n.Type())
	}
	o.out = of
	if len(shape) > 0 {
		o.out = gorgonia.TensorType{Dims: len(shape), Of: of}
	}
	o.bytes = int64(shape.TotalSize()) * int64(of.Size())
	r.operators = append(r.operators, o)
	return o
}

// dtype returns Gorgonia's name of a type.
func dtype[T kernel.Float]() tensor.Dtype {
	if _, ok := any(T(0)).(float32); ok {
		return tensor.Float32
	}
	return tensor.Float64
}

// layer returns the operator itself: it is one of ours.
func (o *operator) layer() *operator { return o }

func (o *operator) Arity() int { return len(o.in) }

// Type returns in0 → in1 → ... → out. Gorgonia takes the result apart.
func (o *operator) Type() hm.Type {
	return hm.NewFnType(append(append([]hm.Type{}, o.in...), o.out)...)
}

func (o *operator) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.shape.Clone(), nil
}

func (o *operator) ReturnsPtr() bool     { return true }
func (o *operator) CallsExtern() bool    { return false }
func (o *operator) OverwritesInput() int { return -1 }
func (o *operator) String() string       { return o.kind + " " + o.label }

// WriteHash hashes the identity: two operators with equal settings own two outputs.
func (o *operator) WriteHash(h hash.Hash) { _, _ = fmt.Fprintf(h, "%p", o) }

func (o *operator) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// guard runs the computation of an operator. Gorgonia computes on a goroutine of its
// own, where a panic would end the program.
func (o *operator) guard(f func() error) (v gorgonia.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &InternalError{fmt.Sprint(p)}
		}
		if err != nil {
			err = fmt.Errorf("node %q (%s): %w", o.label, o.kind, err)
			if o.run.err == nil {
				o.run.err = err
			}
		}
	}()
	if err := o.run.ctx.Err(); err != nil {
		o.run.err = err
		return nil, err
	}
	began := time.Now()
	if err := f(); err != nil {
		return nil, err
	}
	o.took = time.Since(began)
	if o.run.watch && !finiteValue(o.value) {
		return nil, &notFiniteError{o.label, o.kind}
	}
	return o.value, nil
}

// notFiniteError names the operator whose output is not finite.
type notFiniteError struct{ label, kind string }

func (e *notFiniteError) Error() string { return fmt.Sprintf("node %q (%s)", e.label, e.kind) }

// finiteValue reports whether a value holds no NaN and no infinity.
func finiteValue(v gorgonia.Value) bool {
	switch d := v.Data().(type) {
	case []float32:
		return finite(d)
	case []float64:
		return finite(d)
	case float32:
		return finite([]float32{d})
	case float64:
		return finite([]float64{d})
	}
	return true
}

// elements returns the elements of a value of ours: its own slice.
func elements[T kernel.Float](v gorgonia.Value) []T {
	if s, ok := v.Data().([]T); ok {
		return s
	}
	// A number, such as the 1 that Grad begins with.
	n, _ := v.Data().(T)
	return []T{n}
}

// newValue returns a value over data, a slice.
func newValue(shape tensor.Shape, data any) gorgonia.Value {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
}

// forward is a kernel as a Gorgonia operator.
type forward[T kernel.Float] struct {
	*operator
	plan     kernel.Plan[T]
	spec     kernel.Spec // nil for one that reads everything
	needs    []bool      // which inputs want a gradient
	elements int         // of the result
	y        []T
	args     [][]T
}

func (f *forward[T]) size() int {
	if len(f.shape) == 0 {
		return 0 // a number, which it keeps itself
	}
	return f.elements
}

func (f *forward[T]) house(data []T) {
	f.y = data
	f.value = newValue(f.shape.Clone(), data)
}

func (f *forward[T]) reads(int) bool { return true }

// Do computes the output.
func (f *forward[T]) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return f.guard(func() error {
		for i, v := range inputs {
			f.args[i] = elements[T](v)
		}
		f.plan.Forward(f.y, f.args...)
		return nil
	})
}

// DiffWRT says which inputs want a gradient: those that depend on a parameter that
// is trained.
func (f *forward[T]) DiffWRT(int) []bool { return f.needs }

// SymDiff makes one operator for each gradient that is wanted, and is not another one.
func (f *forward[T]) SymDiff(inputs gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	grad, err := f.beforeClamp(output, grad)
	if err != nil {
		return nil, err
	}
	grads := make(gorgonia.Nodes, len(inputs))
	for i, x := range inputs {
		if !f.needs[i] {
			continue
		}
		if grads[i] = f.alike(i, grad, grads[:i]); grads[i] != nil {
			continue
		}
		children := append(gorgonia.Nodes{grad, output}, inputs...)
		if streams(f.plan, i) { // who takes its parts may change this input: others come first
			for _, g := range grads[:i] {
				if g != nil {
					children = append(children, g)
				}
			}
		}
		g := &backward[T]{
			operator: f.run.newOperator(f.label, fmt.Sprintf("gradient %d of %s", i, f.kind), dtype[T](), x.Shape().Clone(), children),
			forward:  f, input: i, args: make([][]T, len(inputs)),
		}
		if grads[i], err = gorgonia.ApplyOp(g, children...); err != nil {
			return nil, err
		}
	}
	return grads, nil
}

// alike returns the gradient of input i where it is that of the output, or of an earlier input; else
// nil.
func (f *forward[T]) alike(i int, grad *gorgonia.Node, earlier gorgonia.Nodes) *gorgonia.Node {
	e, ok := f.spec.(kernel.Elementwise)
	switch {
	case !ok:
		return nil
	case e.PassesAll(i):
		return grad
	}
	for j, g := range earlier {
		if g != nil && e.Alike(i, j) {
			return g
		}
	}
	return nil
}

// beforeClamp returns the gradient of what is clamped, where the output is.
func (f *forward[T]) beforeClamp(output, grad *gorgonia.Node) (*gorgonia.Node, error) {
	c, ok := f.spec.(kernel.Clamped)
	if !ok || !c.Clamping().On() {
		return grad, nil
	}
	spec := kernel.ClampGradient{N: f.elements, Clamp: c.Clamping()}
	plan, err := f.run.kernels(spec)
	if err != nil {
		return nil, err
	}
	p, _ := plan.(kernel.Plan[T])
	g := &forward[T]{plan: p, spec: spec, elements: f.elements, args: make([][]T, 2), needs: make([]bool, 2)}
	g.operator = f.run.newOperator(f.label, "gradient of the clamp", dtype[T](), f.shape.Clone(), gorgonia.Nodes{grad, output})
	return gorgonia.ApplyOp(g, grad, output)
}

// backward is the gradient of one input of a kernel. Its inputs are the gradient of
// the output, the output, and the kernel's inputs.
type backward[T kernel.Float] struct {
	*operator
	forward *forward[T]
	input   int
	dx      []T
	args    [][]T
	take    func(worker, lo int, part []T) // what the gradient is given to instead, or nil
}

func (b *backward[T]) size() int {
	if b.take != nil {
		return 0
	}
	return b.shape.TotalSize()
}

func (b *backward[T]) house(data []T) {
	b.dx = data
	b.value = newValue(b.shape.Clone(), data)
}

// reads says what the gradient is made from: the gradient of the output, and what the kernel
// needs of the rest.
func (b *backward[T]) reads(i int) bool {
	if b.forward.spec == nil || i == 0 {
		return true
	}
	r := b.forward.spec.Reads(b.input)
	if i == 1 {
		return r.Output
	}
	return i-2 < len(r.Inputs) && r.Inputs[i-2]
}

// streams reports whether a plan can give out the gradient of an input in parts.
func streams[T kernel.Float](p kernel.Plan[T], i int) bool {
	s, ok := p.(kernel.Streamer[T])
	return ok && s.Streams(i)
}

// Do computes the gradient.
func (b *backward[T]) Do(inputs ...gorgonia.Value) (gorgonia.Value, error) {
	return b.guard(func() error {
		for i := range b.args {
			b.args[i] = elements[T](inputs[2+i])
		}
		dy, y := elements[T](inputs[0]), elements[T](inputs[1])
		if s, ok := b.forward.plan.(kernel.Streamer[T]); ok && b.take != nil && !b.run.watch {
			s.Stream(b.input, dy, y, b.args, b.take)
			return nil
		}
		if b.dx == nil {
			b.house(make([]T, b.shape.TotalSize()))
		}
		b.forward.plan.Backward(b.input, b.dx, dy, y, b.args...)
		return nil
	})
}

var (
	_ gorgonia.SDOp   = (*forward[float32])(nil)
	_ gorgonia.Op     = (*backward[float32])(nil)
	_ housed[float32] = (*forward[float32])(nil)
	_ housed[float32] = (*backward[float32])(nil)
)
