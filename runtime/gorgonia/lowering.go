package gorgonia

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"alexctl/fault"
	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// value is a value of the model in the Gorgonia graph.
type value struct {
	typ      onnx.DataType
	shape    []int        // ONNX's, channels first
	constant *op.Array    // where it follows from the model alone
	tensor   *onnx.Tensor // of an initializer

	first, last *gorgonia.Node // with channels first, as ONNX has it, and last
	turned      *gorgonia.Node // of a matrix that is an initializer: transposed
	needs       bool           // whether it depends on a parameter that is being trained
	learned     bool           // whether it depends on one that training may change

	whole bool // whether it holds an integer type's numbers in floating point: see quantized

	// Where it is an elementwise formula that nobody has needed the value of yet.
	formula     *expression
	label, kind string
}

func (v *value) size() int {
	n := 1
	for _, d := range v.shape {
		n *= d
	}
	return n
}

// flat reports whether channels first and last are the same order.
func (v *value) flat() bool { return v.shape[1] == 1 || v.positions() == 1 }

// positions returns how many spatial positions (N, C, positions...) has.
func (v *value) positions() int {
	n := 1
	for _, d := range v.shape[2:] {
		n *= d
	}
	return n
}

// lowering turns a model into a Gorgonia graph for one shape of its inputs.
type lowering[T kernel.Float] struct {
	model    *onnx.Model
	kernels  kernel.Set[T]
	training *training // nil for inference
	store    *Store[T]

	graph    *gorgonia.ExprGraph
	run      *run
	values   map[string]*value
	inferred *op.Inferred
	inputs   int             // how many input nodes there are
	outputs  map[string]bool // what is to be computed
	index    *onnx.Index
	clamped  map[string]clamping // outputs of layers: the Relu or Clip that is fused into them
	folded   map[*onnx.Node]bool // nodes that another one computes

	normalizes map[*onnx.Node]kernel.LRN // Div nodes that end a local response normalization
	state      map[string]bool           // initializers that training changes but no gradient: running statistics
}

// training is what a lowering for training needs besides.
type training struct {
	step   *uint64 // counts the steps: which elements a dropout drops
	seed   uint64
	frozen func(name string) bool

	noDropout bool
}

// UnsupportedError names a node that cannot be run or trained, and why.
type UnsupportedError struct{ Node, Reason string }

func (e *UnsupportedError) Error() string {
	if e.Node == "" {
		return e.Reason
	}
	return fmt.Sprintf("node %q: %s", e.Node, e.Reason)
}

// Kind returns fault.Unsupported.
func (e *UnsupportedError) Kind() fault.Kind { return fault.Unsupported }

// DefaultMemory is what the values of a graph may take at a time.
const DefaultMemory = 12 << 30

func newLowering[T kernel.Float](m *onnx.Model, inputs map[string]onnx.Shape, kernels kernel.Set[T], memory int64, store *Store[T], t *training) (*lowering[T], error) {
	l := &lowering[T]{
		model: m, kernels: kernels, training: t, store: store,
		graph: gorgonia.NewGraph(), run: &run{},
		values: map[string]*value{}, index: onnx.NewIndex(m.Graph),
		clamped: map[string]clamping{}, outputs: map[string]bool{}, folded: map[*onnx.Node]bool{}, normalizes: map[*onnx.Node]kernel.LRN{}, state: map[string]bool{},
	}
	l.run.kernels = func(s kernel.Spec) (any, error) { return kernels.Plan(s) }
	l.inferred = op.Infer(m, inputs)
	if err := (op.Findings{Problems: l.inferred.Problems, Unchecked: l.inferred.Unchecked}).Err(); err != nil {
		return nil, err
	}
	return l, l.bound(memory)
}

// bound refuses a value that cannot be had, and one that does not fit by itself, before any is
// made.
func (l *lowering[T]) bound(memory int64) error {
	if memory == 0 {
		memory = DefaultMemory
	}
	for _, n := range l.inferred.Nodes {
		for i, x := range n.In {
			if x == nil || x.Const != nil {
				continue
			}
			if shape, ok := x.Fixed(); ok && slices.Contains(shape, 0) {
				return &UnsupportedError{n.Raw.Label(), fmt.Sprintf("its input %d of shape %v has no elements", i, shape)}
			}
		}
		for i, o := range n.Out {
			if i < len(n.Raw.Outputs) && n.Raw.Outputs[i] == "" {
				continue
			}
			shape, ok := o.Fixed()
			if !ok {
				return &UnsupportedError{n.Raw.Label(), fmt.Sprintf("the shape of its output, %s, does not follow from the inputs' shapes", o)}
			}
			if n.Node != nil && slices.Contains(shape, 0) && o.Const == nil {
				return &UnsupportedError{n.Raw.Label(), fmt.Sprintf("its output of shape %v has no elements", shape)}
			}
			size := int64(unsafe.Sizeof(*new(T)))
			for _, d := range shape {
				if d > 0 && size > memory/int64(d) {
					return &UnsupportedError{n.Raw.Label(), fmt.Sprintf("its output of shape %v is too large", shape)}
				}
				size *= int64(d)
			}
		}
	}
	return nil
}

// feed adds an input of the model.
func (l *lowering[T]) feed(name string) (*value, error) {
	info := l.inferred.Values[name]
	shape, ok := info.Fixed()
	if !ok {
		return nil, fmt.Errorf("input %q has the unknown shape %s", name, info)
	}
	v := &value{typ: info.Type, shape: shape}
	data, err := l.zeros(v.typ, v.size())
	if err != nil {
		return nil, fmt.Errorf("input %q: %w", name, err)
	}
	v.first = l.input(name, nodeShape(shape), data)
	l.values[name] = v
	return v, nil
}

// input adds a node that holds a value. Gorgonia takes two inputs of one name and type
// for the same, so each has a number.
func (l *lowering[T]) input(name string, shape tensor.Shape, data any) *gorgonia.Node {
	l.inputs++
	name = fmt.Sprintf("%d %s", l.inputs, name)
	v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
	return gorgonia.NewTensor(l.graph, v.Dtype(), len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name), gorgonia.WithValue(v))
}

// nodeShape is the shape of a value in the graph: at least two axes, because Gorgonia
// takes a vector of one element for a number.
func nodeShape(shape []int) tensor.Shape {
	s := append(tensor.Shape{}, shape...)
	for len(s) < 2 {
		s = append(s, 1)
	}
	return s
}

// lastShape is the shape with channels last.
func lastShape(shape []int) []int {
	s := append([]int{shape[0]}, shape[2:]...)
	return append(s, shape[1])
}

// value returns the value called name: one already there, or an initializer.
func (l *lowering[T]) value(name string) (*value, error) {
	if name == "" {
		return nil, nil
	}
	if v := l.values[name]; v != nil {
		return v, nil
	}
	t := l.index.Initializer(name)
	if t == nil {
		return nil, fmt.Errorf("value %q was not made", name)
	}
	v := &value{typ: t.Type, shape: make([]int, len(t.Dims)), tensor: t}
	for i, d := range t.Dims {
		v.shape[i] = int(d)
	}
	if p := l.store.get(name); p != nil {
		v.learned = p.trained
		v.needs = l.training != nil && p.trained && !l.training.frozen(name)
	}
	if info := l.inferred.Values[name]; info != nil && !v.learned {
		v.constant = info.Const
	}
	if n, err := t.Len(); v.constant == nil && v.typ.IsInteger() && err == nil && n <= maxEvaluated { // quantized weights, long lists of indices
		if v.constant, err = op.FromTensor(t); err != nil {
			return nil, err
		}
	}
	l.values[name] = v
	return v, nil
}

// node returns the value as a node of the graph with channels first.
func (l *lowering[T]) node(v *value) (*gorgonia.Node, error) {
	if err := l.settle(v); err != nil {
		return nil, err
	}
	if v.first != nil {
		return v.first, nil
	}
	if v.last != nil && v.flat() {
		v.first = v.last
		return v.first, nil
	}
	if v.last != nil {
		n, err := l.relayout(v, v.last, v.positions(), v.shape[1], nodeShape(v.shape))
		v.first = n
		return n, err
	}
	name, data := "constant", any(nil)
	var err error
	switch {
	case v.tensor != nil && v.typ == onnx.Float:
		name = v.tensor.Name
		data, err = l.store.data(v.tensor)
	case v.constant != nil:
		data, err = l.slice(v.constant)
	case v.tensor != nil:
		name = v.tensor.Name
		var a *op.Array
		if a, err = op.FromTensor(v.tensor); err == nil {
			data, err = l.slice(a)
		}
	default:
		err = errors.New("a value is neither a node nor a constant")
	}
	if err != nil {
		return nil, err
	}
	v.first = l.input(name, nodeShape(v.shape), data)
	return v.first, nil
}

// lastNode returns the value (N, C, ...) as a node with channels last.
func (l *lowering[T]) lastNode(v *value) (*gorgonia.Node, error) {
	if err := l.settle(v); err != nil {
		return nil, err
	}
	if v.last != nil {
		return v.last, nil
	}
	first, err := l.node(v)
	if err != nil {
		return nil, err
	}
	if len(v.shape) < 3 || v.flat() {
		v.last = first
		return first, nil
	}
	v.last, err = l.relayout(v, first, v.shape[1], v.positions(), nodeShape(lastShape(v.shape)))
	return v.last, err
}

func (l *lowering[T]) relayout(v *value, from *gorgonia.Node, c, positions int, shape tensor.Shape) (*gorgonia.Node, error) {
	return l.apply("layout", "Layout", kernel.Layout{N: v.shape[0], C: c, Positions: positions}, shape, []bool{v.needs}, from)
}

// apply adds a kernel to the graph.
func (l *lowering[T]) apply(label, kind string, s kernel.Spec, shape tensor.Shape, needs []bool, inputs ...*gorgonia.Node) (*gorgonia.Node, error) {
	plan, err := l.kernels.Plan(s)
	if err != nil {
		return nil, &UnsupportedError{label, err.Error()}
	}
	sizes, out := s.Sizes()
	for i, n := range inputs {
		if i >= len(sizes) || n.Shape().TotalSize() != sizes[i] {
			return nil, &UnsupportedError{label, fmt.Sprintf("input %d has %v elements, the kernel wants %v", i, n.Shape(), sizes)}
		}
	}
	f := &forward[T]{plan: plan, spec: s, elements: out, args: make([][]T, len(inputs)), needs: make([]bool, len(inputs))}
	for i := range inputs {
		f.needs[i] = needs[i] && s.Differentiable(i)
	}
	f.operator = l.run.newOperator(label, kind, dtype[T](), shape, inputs)
	return gorgonia.ApplyOp(f, inputs...)
}

// zeros returns a slice of n zeros of the Go type that holds t.
func (l *lowering[T]) zeros(t onnx.DataType, n int) (any, error) {
	switch t {
	case onnx.Float:
		return make([]T, n), nil
	case onnx.Double:
		return make([]float64, n), nil
	case onnx.Int64:
		return make([]int64, n), nil
	case onnx.Int32:
		return make([]int32, n), nil
	case onnx.Uint8:
		return make([]uint8, n), nil
	case onnx.Bool:
		return make([]bool, n), nil
	}
	return nil, fmt.Errorf("values of type %s are not supported by Gorgonia", t)
}

// slice returns the elements of an array as the slice that a node holds.
func (l *lowering[T]) slice(a *op.Array) (any, error) {
	s, err := l.zeros(a.Type, a.Len())
	if err != nil {
		return nil, err
	}
	return s, fill(s, a)
}

// fill writes the elements of an array to a slice that zeros returned.
func fill(dst any, a *op.Array) error {
	switch d := dst.(type) {
	case []float32:
		return convert(d, a.F)
	case []float64:
		return convert(d, a.F)
	case []int64:
		return convert(d, a.I)
	case []int32:
		return convert(d, a.I)
	case []uint8:
		return convert(d, a.I)
	case []bool:
		for i := range d {
			d[i] = a.I[i] != 0
		}
		return nil
	}
	return fmt.Errorf("no elements of %T", dst)
}

func convert[D, S float32 | float64 | int64 | int32 | uint8](dst []D, src []S) error {
	if len(dst) != len(src) {
		return fmt.Errorf("%d elements for %d", len(src), len(dst))
	}
	for i, v := range src {
		dst[i] = D(v)
	}
	return nil
}
