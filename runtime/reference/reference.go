// Package reference runs models in float64 by the definitions of package op: the
// oracle that other engines are compared with. Convolutions and matrix products are
// computed in another order than their definition, in parallel, and are tested
// against it; everything else is the definition itself.
//
// Floating-point results are DOUBLE whatever the model declares: rounding them
// would hide what the comparison is about. Memory is bounded: a value is freed after
// its last use, and large weights are read from the model a part at a time.
package reference

import (
	"context"
	"errors"
	"fmt"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// Engine is the float64 reference.
type Engine struct {
	// Threads is how many goroutines compute at once; 0 means one a processor.
	Threads int
	// Memory bounds the bytes of values alive at once; 0 means DefaultMemory.
	Memory int64
}

// DefaultMemory holds the intermediate values of an AlexNet at a batch of hundreds.
const DefaultMemory = 4 << 30

var _ runtime.Engine = Engine{}

// Name returns "reference".
func (Engine) Name() string { return "reference" }

// Check returns nil: the engine is part of the program.
func (Engine) Check(context.Context) error { return nil }

// Prepare checks the model and returns a session for it. Weights are read from the
// model at each Run. A model with operators that have no definition here is
// fault.Unsupported.
func (e Engine) Prepare(_ context.Context, m *onnx.Model) (runtime.Session, error) {
	return e.prepare(m)
}

func (e Engine) prepare(m *onnx.Model) (_ *session, err error) {
	defer runtime.FaultOf(&err)
	s := &session{graph: m.Graph, model: m, workers: newWorkers(e.Threads), memory: e.Memory, index: onnx.NewIndex(m.Graph)}
	if s.memory == 0 {
		s.memory = DefaultMemory
	}
	if err := op.Check(m).Err(); err != nil {
		return nil, err
	}
	for _, n := range m.Graph.Nodes {
		b, err := op.Bind(n, m.Opset())
		if err != nil {
			return nil, err
		}
		s.nodes = append(s.nodes, b)
	}
	return s, nil
}

// lastUse returns the number of the last node that reads a value, or of the one that makes it
// where none does. Outputs of the graph are never freed.
func (s *session) lastUse(name string) int {
	if uses := s.index.Uses(name); len(uses) > 0 {
		return uses[len(uses)-1].At
	}
	return s.index.MadeAt(name)
}

type session struct {
	gate    runtime.Gate
	model   *onnx.Model
	graph   *onnx.Graph
	nodes   []*op.Node
	workers workers
	memory  int64
	index   *onnx.Index
}

func (s *session) Close() error {
	s.gate.Shut()
	return nil
}

func (s *session) Run(ctx context.Context, inputs runtime.Tensors) (_ runtime.Tensors, err error) {
	defer runtime.FaultOf(&err)
	leave, err := s.gate.Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	inferred, err := s.accept(inputs)
	if err != nil {
		return nil, err
	}
	alive := int64(0) // bytes of values
	values := map[string]*op.Array{}
	for name, t := range inputs {
		if values[name], err = toArray(t); err != nil {
			return nil, fmt.Errorf("input %q: %w", name, err)
		}
		alive += 8 * int64(values[name].Len())
	}
	for i, n := range s.nodes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// Before it is made, so that a model cannot ask for more than there is.
		if needed := alive + bytesOf(inferred.Nodes[i].Out); needed > s.memory {
			return nil, fmt.Errorf("node %q: the values alive would take %d MiB, at most %d are allowed: try a smaller batch",
				n.Label(), needed>>20, s.memory>>20)
		}
		out, err := s.node(ctx, n, values, nil)
		if err != nil {
			return nil, err
		}
		for k, name := range n.Outputs {
			if name != "" && k < len(out) {
				values[name] = out[k]
				alive += 8 * int64(out[k].Len())
			}
		}
		for _, name := range append(append([]string{}, n.Inputs...), n.Outputs...) {
			if a := values[name]; a != nil && s.lastUse(name) == i {
				alive -= 8 * int64(a.Len())
				delete(values, name)
			}
		}
	}
	return s.outputs(values)
}

// accept checks the inputs and returns the shapes that follow from theirs.
func (s *session) accept(inputs runtime.Tensors) (*op.Inferred, error) {
	if err := runtime.CheckInputs(s.graph, inputs); err != nil {
		return nil, err
	}
	inferred := op.Infer(s.model, inputs.Shapes())
	if err := (op.Findings{Problems: inferred.Problems}).Err(); err != nil {
		return nil, err
	}
	return inferred, nil
}

// bytesOf returns the size of values as far as their shapes are known.
func bytesOf(infos []*op.Info) int64 {
	total := int64(0)
	for _, info := range infos {
		if shape, ok := info.Fixed(); ok {
			n := int64(8)
			for _, d := range shape {
				if d > 0 && n > (1<<50)/int64(d) {
					return 1 << 50
				}
				n *= int64(d)
			}
			total += n
		}
	}
	return total
}

func (s *session) outputs(values map[string]*op.Array) (runtime.Tensors, error) {
	results := runtime.Tensors{}
	for _, v := range s.graph.Outputs {
		a := values[v.Name]
		if a == nil {
			t := s.index.Initializer(v.Name)
			if t == nil {
				return nil, fmt.Errorf("output %q was not made", v.Name)
			}
			var err error
			if a, err = op.FromTensor(t); err != nil {
				return nil, err
			}
		}
		t, err := fromArray(a)
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", v.Name, err)
		}
		results[v.Name] = t
	}
	return results, nil
}

// node evaluates one node. Values that no earlier node made are initializers. With l, the
// first output has bounds in it, for all rows where the operator has none.
func (s *session) node(ctx context.Context, n *op.Node, values map[string]*op.Array, l *limits) ([]*op.Array, error) {
	weight := s.rowWeight(n, values)
	in := make([]*op.Array, len(n.Inputs))
	for i, name := range n.Inputs {
		var err error
		if weight != nil && i == 1 { // its elements are read as they are needed
			in[i] = &op.Array{Type: weight.Type, Shape: []int{int(weight.Dims[0]), int(weight.Dims[1])}}
		} else if in[i], err = s.value(name, values); err != nil {
			return nil, fmt.Errorf("node %q: %w", n.Label(), err)
		}
	}
	out, err := n.Guard(func() ([]*op.Array, error) {
		switch {
		case n.Spec.Product == op.ConvProduct && finite(in[1]): // else a tap in the pads must not count
			return s.conv(ctx, n, in, l)
		case n.Spec.Product == op.AffineProduct && in[0].Type.IsFloat():
			return s.gemm(ctx, n, in, weight, l)
		case n.Spec.Product == op.MatrixProduct && in[0].F != nil && in[1].F != nil && len(in[1].Shape) == 2 && len(in[0].Shape) > 1 && in[0].Shape[len(in[0].Shape)-1] == in[1].Shape[0]:
			return s.matMul(ctx, in, l)
		}
		out, err := n.Spec.Eval(n, in)
		if err == nil && l != nil && n.Spec.Undefined != nil {
			l.open = n.Spec.Undefined(n, in)
		}
		if err == nil && l != nil && n.Spec.Bound != nil && out[0].Type.IsFloat() {
			l.bound = n.Spec.Bound(n, in, out, l.rounding)
		}
		if err == nil && l != nil && n.Spec.BoundRest != nil && len(out) > 1 {
			l.rest = n.Spec.BoundRest(n, in, out, l.rounding)
		}
		return out, err
	})
	if err == nil && l != nil && l.bound != nil {
		l.rounding.Overflow(out[0].F, l.bound)
	}
	return out, err
}

// finite reports whether all elements are numbers.
func finite(a *op.Array) bool {
	for _, v := range a.F {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// rowWeight returns the B of a Gemm that is a weight in rows (transB=1), or nil.
func (s *session) rowWeight(n *op.Node, values map[string]*op.Array) *onnx.Tensor {
	if n.Spec.Product != op.AffineProduct || values[n.Inputs[1]] != nil || n.Int("transB") == 0 {
		return nil
	}
	if w := s.index.Initializer(n.Inputs[1]); w != nil && len(w.Dims) == 2 && w.Type.IsFloat() {
		return w
	}
	return nil
}

func (s *session) value(name string, values map[string]*op.Array) (*op.Array, error) {
	if name == "" {
		return nil, nil
	}
	if a := values[name]; a != nil {
		return a, nil
	}
	if t := s.index.Initializer(name); t != nil {
		return op.FromTensor(t)
	}
	return nil, fmt.Errorf("value %q was not made", name)
}

// toArray returns the tensor for evaluation. The definitions never write to their
// inputs, so elements that need no conversion are shared.
func toArray(t *runtime.Tensor) (*op.Array, error) {
	a := &op.Array{Type: t.Type, Shape: t.Shape}
	var err error
	if t.Type.IsFloat() {
		a.F, err = t.Float64s()
	} else {
		a.I, err = t.Ints()
	}
	return a, err
}

// fromArray copies, because an output may share its elements with an input.
func fromArray(a *op.Array) (*runtime.Tensor, error) {
	if a.Type.IsFloat() {
		return runtime.New(a.Shape, append([]float64{}, a.F...))
	}
	if a.I == nil && a.Len() != 0 {
		return nil, errors.New("it has no elements")
	}
	data, err := runtime.FromInts(a.Type, a.I)
	if err != nil {
		return nil, err
	}
	return runtime.New(a.Shape, data)
}
