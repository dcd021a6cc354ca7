// Package gorgonia lowers ONNX models to Gorgonia graphs of our own operators: to run
// them (Engine) and to train them (Trainer). Gorgonia differentiates the graph and
// a machine of ours runs it; the operators compute with package kernel, in
// channels-last order.
//
// An operator that has no kernel is computed by its float64 definition, and cannot
// be trained through.
package gorgonia

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"gorgonia.org/gorgonia"

	"alexctl/fault"
	"alexctl/kernel"
	"alexctl/kernel/onednn"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// Engine runs models on Gorgonia.
type Engine struct{ Kernels Kernels }

var (
	_ runtime.Engine      = Engine{}
	_ runtime.Approximate = Engine{}
)

// Arithmetic returns how the kernels compute a batch. Kernels that are not there compute
// nothing.
func (e Engine) Arithmetic(batch int) runtime.Arithmetic {
	set, err := e.Kernels.open()
	if err != nil {
		return runtime.Arithmetic{}
	}
	a := set.Arithmetic(batch)
	return runtime.Arithmetic{Operand: a.Operand, Spread: a.Spread}
}

// Name returns "gorgonia" with the kernels in use.
func (e Engine) Name() string { return "gorgonia:cpu@" + e.Settings() }

// Provider returns "cpu".
func (Engine) Provider() string { return "cpu" }

// Settings returns the kernels in use.
func (e Engine) Settings() string {
	name, err := e.Kernels.Name()
	if err != nil {
		name = e.Kernels.Set
	}
	s := "kernels=" + name
	if e.Kernels.Precision != "" && e.Kernels.Precision != string(onednn.Float32) {
		s += ",precision=" + e.Kernels.Precision
	}
	return s
}

// Check reports kernels that are not there. The engine itself is part of the program.
func (e Engine) Check(context.Context) error {
	_, err := e.Kernels.open()
	return err
}

// Prepare reads the model's weights. Graphs are made for the shapes that Run sees.
func (e Engine) Prepare(_ context.Context, m *onnx.Model) (_ runtime.Session, err error) {
	defer runtime.FaultOf(&err)
	if err := op.Check(m).Err(); err != nil {
		return nil, err
	}
	store, err := newStore[float32](m)
	if err != nil {
		return nil, err
	}
	store.fixed = true
	kernels, err := e.Kernels.open()
	if err != nil {
		return nil, err
	}
	return &session{model: m, store: store, kernels: kernels, memory: e.Kernels.Memory, chunks: map[string]int{}}, nil
}

// session keeps a graph for each of the last few input shapes.
type session struct {
	gate    runtime.Gate
	model   *onnx.Model
	store   *Store[float32]
	kernels kernel.Set[float32]
	memory  int64

	mu     sync.Mutex
	graphs []*inference   // the last used one at the end
	chunks map[string]int // by input shapes: how many images are computed at a time
}

// maxGraphs is how many input shapes a session keeps graphs for.
const maxGraphs = 3

func (s *session) Close() error {
	if s.gate.Shut() {
		s.graphs, s.store = nil, nil
	}
	return nil
}

func (s *session) Run(ctx context.Context, inputs runtime.Tensors) (_ runtime.Tensors, err error) {
	defer runtime.FaultOf(&err)
	leave, err := s.gate.Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := runtime.CheckInputs(s.model.Graph, inputs); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if out, ok := s.empty(inputs); ok {
		return out, nil
	}
	s.mu.Lock() // graphs share what their kernels work in
	defer s.mu.Unlock()
	if n := s.chunk(inputs); n > 0 {
		return s.inChunks(ctx, inputs, n)
	}
	g, err := s.graphFor(inputs)
	if err != nil {
		return nil, err
	}
	return g.execute(ctx, inputs)
}

// Layers returns the values that the last run computed, as Trainer.Layers does; of a batch that is computed
// a few images at a time, those of the last few, with the time of all.
func (s *session) Layers() []Layer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.graphs) == 0 {
		return nil
	}
	return s.graphs[len(s.graphs)-1].graph.run.layers()
}

// InternalError is a fault of this program, or of Gorgonia.
type InternalError struct{ Reason string }

func (e *InternalError) Error() string { return "internal error: " + e.Reason }

// Kind returns fault.Internal.
func (e *InternalError) Kind() fault.Kind { return fault.Internal }

// guard turns a panic of Gorgonia into an error.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = &InternalError{fmt.Sprintf("the graph cannot be made: %v", p)}
	}
}

// empty answers a run whose inputs and outputs have no elements, such as a batch of
// no images: nothing is computed.
func (s *session) empty(inputs runtime.Tensors) (runtime.Tensors, bool) {
	some := false
	for _, t := range inputs {
		some = some || slices.Contains(t.Shape, 0)
	}
	if !some {
		return nil, false
	}
	inferred := op.Infer(s.model, inputs.Shapes())
	out := runtime.Tensors{}
	for _, v := range s.model.Graph.Outputs {
		info := inferred.Values[v.Name]
		if info == nil {
			return nil, false
		}
		shape, ok := info.Fixed()
		if !ok || !slices.Contains(shape, 0) || info.Type != onnx.Float {
			return nil, false
		}
		out[v.Name] = &runtime.Tensor{Type: onnx.Float, Shape: shape, Data: []float32{}}
	}
	return out, true
}

// graphFor returns the graph for the shapes of the inputs.
func (s *session) graphFor(inputs runtime.Tensors) (*inference, error) {
	key := fmt.Sprint(inputs.Shapes())
	for i, g := range s.graphs {
		if g.key == key {
			s.graphs = append(slices.Delete(s.graphs, i, i+1), g)
			return g, nil
		}
	}
	g, err := newInference(s.model, inputs, s.kernels, s.memory, s.store)
	if err != nil {
		return nil, err
	}
	g.key = key
	if len(s.graphs) >= maxGraphs {
		s.graphs = slices.Delete(s.graphs, 0, 1) // a run that still uses it goes on
	}
	s.graphs = append(s.graphs, g)
	return g, nil
}

// inference is a graph that computes a model's outputs. Its values have fixed places, so one run
// uses it at a time.
type inference struct {
	key     string
	graph   *lowering[float32]
	machine *machine[float32]
	inputs  map[string]*value
	outputs []*value
	names   []string
}

func newInference(m *onnx.Model, inputs runtime.Tensors, kernels kernel.Set[float32], memory int64, store *Store[float32]) (g *inference, err error) {
	defer guard(&err)
	l, err := newLowering(m, inputs.Shapes(), kernels, memory, store, nil)
	if err != nil {
		return nil, err
	}
	g = &inference{graph: l, inputs: map[string]*value{}}
	for name := range inputs {
		if g.inputs[name], err = l.feed(name); err != nil {
			return nil, err
		}
	}
	for _, v := range m.Graph.Outputs {
		g.names = append(g.names, v.Name)
	}
	if err := l.lower(g.names); err != nil {
		return nil, err
	}
	var nodes gorgonia.Nodes
	for _, name := range g.names {
		v, err := l.value(name)
		if err == nil && v.constant == nil {
			var n *gorgonia.Node
			n, err = l.node(v)
			nodes = append(nodes, n)
		}
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", name, err)
		}
		g.outputs = append(g.outputs, v)
	}
	if g.machine, err = newMachine(l.graph, l.run, kernels, nodes...); err != nil {
		return nil, err
	}
	return g, g.machine.fits(memory)
}

func (g *inference) execute(ctx context.Context, inputs runtime.Tensors) (runtime.Tensors, error) {
	for name, v := range g.inputs {
		if err := copyElements(v.first.Value().Data(), inputs[name].Data); err != nil {
			return nil, fmt.Errorf("input %q: %w", name, err)
		}
	}
	if err := g.machine.compute(ctx); err != nil {
		return nil, err
	}
	out := runtime.Tensors{}
	for i, v := range g.outputs {
		var data any
		var err error
		if v.constant != nil {
			data, err = g.graph.slice(v.constant)
		} else {
			data, err = cloneElements(g.machine.of(v.first).Data())
		}
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", g.names[i], err)
		}
		out[g.names[i]] = &runtime.Tensor{Type: v.typ, Shape: slices.Clone(v.shape), Data: data}
	}
	return out, nil
}

var errElements = errors.New("its elements are of another type than the graph's")

// copyElements copies one slice to another of its type and length.
func copyElements(dst, src any) error {
	d, s := reflect.ValueOf(dst), reflect.ValueOf(src)
	if d.Type() != s.Type() || d.Len() != s.Len() {
		return errElements
	}
	reflect.Copy(d, s)
	return nil
}

// cloneElements copies a slice.
func cloneElements(src any) (any, error) {
	s := reflect.ValueOf(src)
	if s.Kind() != reflect.Slice {
		return nil, errElements
	}
	c := reflect.MakeSlice(s.Type(), s.Len(), s.Len())
	reflect.Copy(c, s)
	return c.Interface(), nil
}
