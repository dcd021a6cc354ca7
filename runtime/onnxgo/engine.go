// Package onnxgo runs models on owulveryck/onnx-go with its Gorgonia backend: a reader of
// ONNX that shares no code with ours. It computes part of ONNX, and some of that silently
// wrong; what it would get wrong is refused, with the reason (refuse.go, rules.go).
//
// An operator of onnx-go that panics while it computes ends the process, because it does so
// on a goroutine of Gorgonia's. Every model is therefore checked with the shapes of its
// inputs first.
package onnxgo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	onnxgo "github.com/owulveryck/onnx-go"
	"github.com/owulveryck/onnx-go/backend/x/gorgonnx"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"alexctl/fault"
	"alexctl/internal/scratch"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/onnx/pass"
	"alexctl/runtime"
)

// Engine is onnx-go.
type Engine struct{}

var _ runtime.Engine = Engine{}

// Name returns "onnx-go:cpu".
func (Engine) Name() string { return "onnx-go:cpu" }

// Provider returns "cpu".
func (Engine) Provider() string { return "cpu" }

// Settings returns "": there are none.
func (Engine) Settings() string { return "" }

// Check returns nil: the engine is part of the program.
func (Engine) Check(context.Context) error { return nil }

// maxModel bounds the model: onnx-go holds four copies of it while it reads.
const maxModel = 1 << 30

// Prepare makes the bytes that onnx-go reads. Whether it computes the model correctly depends
// on the shapes of the inputs, so what it refuses for that is refused by Run.
func (Engine) Prepare(ctx context.Context, m *onnx.Model) (_ runtime.Session, err error) {
	defer runtime.FaultOf(&err)
	if err := op.Check(m).Err(); err != nil {
		return nil, err
	}
	if err := refuseOperators(m); err != nil {
		return nil, err
	}
	rewritten, _, err := pass.Run(m, pass.ForONNXGo())
	if err != nil {
		return nil, err
	}
	s := &session{model: rewritten}
	for _, v := range m.Graph.Outputs {
		s.names = append(s.names, v.Name)
	}
	s.bytes, err = encoded(ctx, s.model)
	return s, err
}

// encoded returns the file's bytes.
func encoded(ctx context.Context, m *onnx.Model) (b []byte, err error) {
	dir, err := scratch.New()
	if err != nil {
		return nil, fault.As(fault.Environment, err)
	}
	defer func() { err = errors.Join(err, dir.Remove()) }()
	path := filepath.Join(dir.Path, "model.onnx")
	w, err := m.WriteFile(ctx, path, onnx.WriteOptions{})
	if err != nil {
		return nil, err
	}
	if w.Bytes > maxModel {
		return nil, fault.New(fault.Unsupported, "the model has %d bytes, onnx-go is given at most %d", w.Bytes, maxModel)
	}
	return os.ReadFile(path)
}

// session is one model. One run is made at a time.
type session struct {
	gate  runtime.Gate
	model *onnx.Model // as rewritten
	names []string    // of the outputs
	bytes []byte

	mu   sync.Mutex
	plan *plan
}

// plan is the graph for inputs of certain shapes, which holds all weights.
type plan struct {
	shapes  string
	backend *gorgonnx.Graph
	model   *onnxgo.Model
	// addends are the C of Gemm nodes: a result of its size is written over it, so it is
	// given anew each run.
	addends map[string]tensor.Tensor
	built   bool
}

// Close frees the session.
func (s *session) Close() error {
	if s.gate.Shut() {
		s.plan, s.bytes = nil, nil
	}
	return nil
}

// building guards the globals of onnx-go and Gorgonia while a graph is made.
var building sync.Mutex

// Run runs the model, or refuses it with the reason.
func (s *session) Run(ctx context.Context, inputs runtime.Tensors) (out runtime.Tensors, err error) {
	defer runtime.FaultOf(&err)
	leave, err := s.gate.Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(runtime.CheckInputs(s.model.Graph, inputs), ctx.Err()); err != nil {
		return nil, err
	}
	if err := refuse(s.model, inputs); err != nil {
		return nil, err
	}
	defer func() { // while the graph is made; see the package's comment for the rest
		if p := recover(); p != nil {
			s.plan = nil
			out, err = nil, fmt.Errorf("onnx-go panicked: %v", p)
		}
	}()
	if err := s.compute(inputs); err != nil {
		s.plan = nil
		return nil, reason(err)
	}
	return s.outputs()
}

// compute feeds the graph for the inputs' shapes and runs it.
func (s *session) compute(inputs runtime.Tensors) error {
	if shapes := fmt.Sprint(inputs.Shapes()); s.plan == nil || s.plan.shapes != shapes {
		p, err := s.newPlan(shapes)
		if err != nil {
			return err
		}
		s.plan = p
	}
	p := s.plan
	for name, t := range inputs {
		data, ok := t.Data.([]float32)
		if !ok {
			return fmt.Errorf("input %q is %s, onnx-go is fed FLOAT", name, t.Type)
		}
		// A copy: the graph may change it.
		if err := p.set(name, tensor.New(tensor.WithShape(t.Shape...), tensor.WithBacking(slices.Clone(data)))); err != nil {
			return err
		}
	}
	for name, t := range p.addends {
		c, ok := t.Clone().(tensor.Tensor)
		if !ok {
			return fmt.Errorf("initializer %q cannot be copied", name)
		}
		if err := p.set(name, c); err != nil {
			return err
		}
	}
	if !p.built { // the inputs give it their shapes
		if err := p.build(); err != nil {
			return err
		}
	}
	return p.backend.Run()
}

func (s *session) newPlan(shapes string) (*plan, error) {
	building.Lock()
	defer building.Unlock()
	p := &plan{shapes: shapes, backend: gorgonnx.NewGraph(), addends: map[string]tensor.Tensor{}}
	p.model = onnxgo.NewModel(p.backend)
	if err := p.model.UnmarshalBinary(s.bytes); err != nil {
		return nil, err
	}
	for _, n := range s.model.Graph.Nodes {
		if n.OpType == "Gemm" && s.model.Graph.Initializer(n.Inputs[2]) != nil {
			c, err := p.carrier(n.Inputs[2])
			if err != nil {
				return nil, err
			}
			copied, ok := c.GetTensor().Clone().(tensor.Tensor)
			if !ok {
				return nil, fmt.Errorf("initializer %q cannot be copied", n.Inputs[2])
			}
			p.addends[n.Inputs[2]] = copied
		}
	}
	return p, nil
}

// build makes Gorgonia's graph. Without TraceExec its machine reuses the memory of values
// that are outputs.
func (p *plan) build() error {
	building.Lock()
	defer building.Unlock()
	g, err := p.backend.GetExprGraph()
	if err != nil {
		return err
	}
	p.backend.SetVM(gorgonia.NewTapeMachine(g, gorgonia.TraceExec()))
	p.built = true
	return nil
}

func (p *plan) carrier(name string) (onnxgo.DataCarrier, error) {
	n, ok := p.model.GetNodeByName(name)
	if !ok {
		return nil, fmt.Errorf("onnx-go has no value %q", name)
	}
	c, ok := n.(onnxgo.DataCarrier)
	if !ok {
		return nil, fmt.Errorf("value %q of onnx-go holds no data", name)
	}
	return c, nil
}

// set gives a value by name: onnx-go's own SetInput counts nodes, not inputs.
func (p *plan) set(name string, t tensor.Tensor) error {
	c, err := p.carrier(name)
	if err != nil {
		return err
	}
	return c.SetTensor(t)
}

// outputs copies the results, whose memory the next run may use.
func (s *session) outputs() (runtime.Tensors, error) {
	list, err := s.plan.model.GetOutputTensors()
	if err != nil {
		return nil, reason(err)
	}
	if len(list) != len(s.names) {
		return nil, fmt.Errorf("onnx-go returned %d outputs, want %d", len(list), len(s.names))
	}
	out := runtime.Tensors{}
	for i, t := range list {
		var data []float32
		switch v := t.Data().(type) {
		case []float32:
			data = slices.Clone(v)
		case float32:
			data = []float32{v}
		default:
			return nil, fmt.Errorf("output %q holds %T", s.names[i], v)
		}
		if out[s.names[i]], err = runtime.New(slices.Clone([]int(t.Shape())), data); err != nil {
			return nil, fmt.Errorf("output %q: %w", s.names[i], err)
		}
	}
	return out, nil
}

// reason returns err, or one that can be read: onnx-go returns a nil *ErrNotImplemented as
// an error, whose Error method panics.
func reason(err error) (readable error) {
	defer func() {
		if recover() != nil {
			readable = errors.New("onnx-go refuses the model without saying why")
		}
	}()
	return fmt.Errorf("onnx-go: %s", err.Error())
}
