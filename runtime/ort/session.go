//go:build cgo

package ort

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"

	ort "github.com/yalue/onnxruntime_go"

	"alexctl/fault"
	"alexctl/internal/scratch"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// libraryHint says what to do where the library that was named does not do.
func (e *Engine) libraryHint() fault.Hint {
	if e.config.Library == "" && os.Getenv(LibraryEnv) != "" {
		return fault.Hint{Text: "unset " + LibraryEnv + ", or let it name a library that works"}
	}
	return fault.Hint{Text: "name a library that works, or leave the path out", Option: fault.OrtLibrary}
}

// Check finds and loads the library and looks at what the provider needs.
func (e *Engine) Check(ctx context.Context) error {
	l, err := FindLibrary(e.config.Library)
	if errors.Is(err, ErrNoLibrary) {
		return e.unavailable(err.Error(), setupHint)
	}
	if err != nil {
		return e.unavailable(err.Error(), e.libraryHint())
	}
	if x := e.provider.accelerator; x != nil && x.check != nil {
		if err := x.check(l); err != nil {
			return e.unavailable(err.Error(), x.help)
		}
	}
	if e.config.Probe != nil && e.provider.accelerator != nil {
		e.probed.Do(func() { e.probeErr = e.probe(ctx, l) })
		if e.probeErr != nil {
			return e.unavailable(e.probeErr.Error(), doctorHint)
		}
	}
	if err := load(l); err != nil {
		hint := setupHint
		if l.FoundBy == FoundGiven || l.FoundBy == LibraryEnv {
			hint = e.libraryHint()
		}
		return e.unavailable(err.Error(), hint)
	}
	return nil
}

// Prepare loads the model into ONNX Runtime, from its file where it has one: ONNX
// Runtime then needs the least memory.
func (e *Engine) Prepare(ctx context.Context, m *onnx.Model) (_ runtime.Session, err error) {
	defer runtime.FaultOf(&err)
	if err := e.Check(ctx); err != nil {
		return nil, err
	}
	if len(m.Graph.DataInputs()) == 0 || len(m.Graph.Outputs) == 0 {
		return nil, errors.New("a model without inputs or without outputs cannot be run on ONNX Runtime from Go")
	}
	s := &session{engine: e, model: m}
	path := m.Path()
	if path == "" {
		if s.temporary, err = scratch.New(); err != nil {
			return nil, fault.As(fault.Environment, err)
		}
		path = filepath.Join(s.temporary.Path, "model.onnx")
		if _, err := m.WriteFile(ctx, path, onnx.WriteOptions{}); err != nil {
			return nil, errors.Join(err, s.removeTemporary())
		}
	}
	if e.config.Record && s.temporary == nil {
		if s.temporary, err = scratch.New(); err != nil {
			return nil, fault.As(fault.Environment, err)
		}
	}
	if err := s.create(path); err != nil {
		return nil, errors.Join(err, s.removeTemporary())
	}
	return s, nil
}

type session struct {
	engine    *Engine
	model     *onnx.Model
	gate      runtime.Gate
	inputs    []string
	outputs   []string
	session   *ort.DynamicAdvancedSession
	temporary *scratch.Folder // of a model that had no file, and of the profile
	ran       atomic.Bool     // whether an accelerator has run once
	placement *runtime.Placement
	unplaced  error

	mu      sync.Mutex
	fitting string // the last inputs' shapes whose values fit

	planMu sync.Mutex
	plan   *plan
}

// create makes the session. A provider that cannot be attached or used is an error
// of the environment; anything else is the model's fault.
func (s *session) create(path string) (err error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Destroy()) }()
	c := s.engine.config
	level := ort.GraphOptimizationLevel(optimizations[c.Optimization])
	if err := o.SetGraphOptimizationLevel(level); err != nil {
		return err
	}
	if c.Threads > 0 {
		if err := o.SetIntraOpNumThreads(c.Threads); err != nil {
			return err
		}
	}
	if c.Record {
		if err := o.EnableProfiling(filepath.Join(s.temporary.Path, profilePrefix)); err != nil {
			return err
		}
	}
	if s.engine.provider.accelerator != nil {
		defer keepSignals()()
		if err := attach(o, s.engine.provider, c); err != nil {
			return s.engine.unusable(err)
		}
	}
	for _, v := range s.model.Graph.DataInputs() {
		s.inputs = append(s.inputs, v.Name)
	}
	for _, v := range s.model.Graph.Outputs {
		s.outputs = append(s.outputs, v.Name)
	}
	s.session, err = ort.NewDynamicAdvancedSession(path, s.inputs, s.outputs, o)
	if err != nil && s.engine.provider.accelerator != nil {
		return s.engine.unusable(err)
	}
	if err != nil {
		err = fmt.Errorf("ONNX Runtime refuses the model: %w", plain(err))
		if lacking.MatchString(err.Error()) || op.Join(op.Check(s.model).Unchecked) != nil {
			return fault.As(fault.Unsupported, err)
		}
	}
	return err
}

// lacking is what ONNX Runtime says of an operator, or a version of one, that it does not have.
var lacking = regexp.MustCompile("is not a registered function/op|Could not find an implementation|NOT_IMPLEMENTED|is under development and support for this is limited")

// attach adds an accelerator's provider to the options of a session.
func attach(o *ort.SessionOptions, p provider, c Config) (err error) {
	options := p.accelerator.options(c)
	switch p.name {
	case "cuda":
		cuda, err := ort.NewCUDAProviderOptions()
		if err != nil {
			return err
		}
		if err = cuda.Update(options); err == nil {
			err = o.AppendExecutionProviderCUDA(cuda)
		}
		if err = errors.Join(err, cuda.Destroy()); err != nil {
			return err
		}
	default:
		return fmt.Errorf("no code attaches the provider %s", p.name)
	}
	if c.Fallback {
		return nil
	}
	// Without this, nodes that the provider cannot take would run on the CPU.
	return o.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1")
}

// unusable is the error of an accelerator that ONNX Runtime would not use, with what may help.
func (e *Engine) unusable(err error) error {
	help := []fault.Hint{doctorHint}
	if e.config.Device != 0 {
		help = append([]fault.Hint{{Text: "name a device that exists, or leave it out", Option: fault.Device}}, help...)
	}
	if e.config.MemoryLimit != 0 {
		help = append([]fault.Hint{{Text: "allow the accelerator more memory (mem), or leave the limit out"}}, help...)
	}
	return e.unavailable(plain(err).Error(), help...)
}

func (s *session) removeTemporary() error {
	if s.temporary == nil {
		return nil
	}
	return s.temporary.Remove()
}

// Close frees the session.
func (s *session) Close() error {
	if !s.gate.Shut() {
		return nil
	}
	err := s.session.Destroy() // which writes the profile
	if s.engine.config.Record {
		s.placement, s.unplaced = readPlacement(s.temporary.Path, s.engine.provider.record)
	}
	return errors.Join(err, s.removeTemporary())
}

// Placement returns where the nodes ran, by ONNX Runtime's profile.
func (s *session) Placement() (*runtime.Placement, error) {
	if s.placement == nil && s.unplaced == nil {
		return nil, errors.New("no profile was recorded, or the session is still open")
	}
	return s.placement, s.unplaced
}

// Run runs the model. Inputs and outputs are used in place: nothing is copied.
// fits refuses inputs with which the model's values take too much memory.
func (s *session) fits(inputs runtime.Tensors) error {
	if s.engine.config.HostMemory == 0 {
		return nil
	}
	shapes := inputs.Shapes()
	key := fmt.Sprint(shapes)
	s.mu.Lock()
	defer s.mu.Unlock()
	if key == s.fitting { // as most runs
		return nil
	}
	if needed, at := op.Peak(s.model, shapes); needed > s.engine.config.HostMemory {
		return fault.New(fault.Invalid, "node %q: the values alive would take %d MiB, at most %d are allowed: try a smaller batch", at, needed>>20, s.engine.config.HostMemory>>20).
			Hint(fault.Hint{Text: "allow more", Option: fault.MaxMemory})
	}
	s.fitting = key
	return nil
}

func (s *session) Run(ctx context.Context, inputs runtime.Tensors) (results runtime.Tensors, err error) {
	defer runtime.FaultOf(&err)
	leave, err := s.gate.Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := runtime.CheckInputs(s.model.Graph, inputs); err != nil {
		return nil, err
	}
	for name := range inputs {
		if s.model.Graph.Initializer(name) != nil {
			return nil, fmt.Errorf("input %q has a default in the model and cannot be fed to this engine", name)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.fits(inputs); err != nil {
		return nil, err
	}
	var values values
	defer func() { err = errors.Join(err, values.destroy()) }()
	in := make([]ort.Value, len(s.inputs))
	for i, name := range s.inputs {
		if in[i], err = values.wrap(inputs[name], false); err != nil {
			return nil, fmt.Errorf("input %q: %w", name, err)
		}
	}
	out, tensors, err := s.allocate(&values, inputs)
	if err != nil {
		return nil, err
	}
	err = s.run(ctx, in, out)
	for i, x := range out {
		if tensors[i] == nil { // made by ONNX Runtime, perhaps before it failed
			values.keep(x)
		}
	}
	if err != nil {
		return nil, err
	}
	results = runtime.Tensors{}
	for i, name := range s.outputs {
		if tensors[i] == nil {
			if tensors[i], err = unwrap(out[i]); err != nil {
				return nil, fmt.Errorf("output %q: %w", name, err)
			}
		}
		results[name] = tensors[i]
	}
	values.finish()
	return results, nil
}

// run calls ONNX Runtime and stops it when the context ends.
func (s *session) run(ctx context.Context, in, out []ort.Value) (err error) {
	o, err := ort.NewRunOptions()
	if err != nil {
		return err
	}
	if s.engine.provider.accelerator != nil && s.ran.CompareAndSwap(false, true) {
		defer keepSignals()() // libraries are loaded as late as here
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = o.Terminate() // it only sets a flag
		close(stopped)
	})
	if err = s.session.RunWithOptions(in, out, o); err != nil {
		err = plain(err)
	}
	if !stop() {
		<-stopped
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return errors.Join(err, o.Destroy())
}
