package gorgonia

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"alexctl/fault"
	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// TrainOptions says how a model is trained.
type TrainOptions struct {
	Batch     int
	Logits    string  // the value that the loss is of; "" is what the first output shows
	Kernels   Kernels // what computes
	Smoothing float64 // label smoothing of the cross entropy
	Seed      uint64  // of the dropouts
	// Frozen says which initializers are not trained; nil means none.
	Frozen func(name string) bool
	// NoDropout makes every Dropout the identity, to compare with others.
	NoDropout bool
}

// Trainer computes the loss of a model on batches of images and its gradients: a
// Gorgonia graph that ends in softmax cross entropy, differentiated by Gorgonia.
type Trainer[T kernel.Float] struct {
	lowering *lowering[T]
	machine  *machine[T]
	options  TrainOptions
	step     uint64

	images, labels []T
	loss           *gorgonia.Node
	logits         *gorgonia.Node
	classes        int
	params         []*Parameter[T]
	grads          gorgonia.Nodes
	streamed       []bool // by parameter: whether its gradient is given out in parts
	state          []*Parameter[T]
}

// logitsOf returns the value that the loss is of: the one that the options name, or what the
// first output shows.
func (o *TrainOptions) logitsOf(m *onnx.Model) (string, error) {
	switch {
	case o.Logits != "":
		return o.Logits, nil
	case len(m.Graph.Outputs) == 0:
		return "", errors.New("the model has no output")
	}
	logits, a := op.Scores(onnx.NewIndex(m.Graph), m.Graph.Outputs[0].Name)
	if a == op.SigmoidActivation {
		return "", fault.New(fault.Unsupported, "output %q goes through a sigmoid, and training uses softmax cross entropy", m.Graph.Outputs[0].Name)
	}
	return logits, nil
}

// imageInput returns the model's only input, which must be (N, C, H, W) floats, and
// its shape for a batch.
func imageInput(m *onnx.Model, batch int) (string, []int, error) {
	inputs := m.Graph.DataInputs()
	if len(inputs) != 1 || !inputs[0].Type.IsTensor() || inputs[0].Type.Elem != onnx.Float || inputs[0].Type.Shape == nil || len(*inputs[0].Type.Shape) != 4 {
		return "", nil, fmt.Errorf("the model does not take one FLOAT image batch (N, C, H, W)")
	}
	shape := []int{batch}
	for i, d := range *inputs[0].Type.Shape {
		if i == 0 {
			if d.IsKnown() && int(d.N) != batch {
				return "", nil, fmt.Errorf("the model takes batches of %d, not %d", d.N, batch)
			}
			continue
		}
		if !d.IsKnown() {
			return "", nil, fmt.Errorf("input %q is %s: its height and width must be fixed", inputs[0].Name, inputs[0].Type)
		}
		shape = append(shape, int(d.N))
	}
	return inputs[0].Name, shape, nil
}

func dims(shape []int) onnx.Shape {
	s := make(onnx.Shape, len(shape))
	for i, d := range shape {
		s[i] = onnx.Known(int64(d))
	}
	return s
}

// NewTrainer reads the model's weights and makes the graph for one batch size.
func NewTrainer[T kernel.Float](m *onnx.Model, o TrainOptions) (t *Trainer[T], err error) {
	defer runtime.FaultOf(&err)
	defer guard(&err)
	store, err := newStore[T](m)
	if err != nil {
		return nil, err
	}
	if o.Frozen == nil {
		o.Frozen = func(string) bool { return false }
	}
	name, shape, err := imageInput(m, o.Batch)
	if err != nil {
		return nil, err
	}
	t = &Trainer[T]{options: o}
	kernels, err := openKernels[T](o.Kernels)
	if err != nil {
		return nil, err
	}
	l, err := newLowering(m, map[string]onnx.Shape{name: dims(shape)}, kernels, o.Kernels.Memory, store,
		&training{step: &t.step, seed: o.Seed, frozen: o.Frozen, noDropout: o.NoDropout})
	if err != nil {
		return nil, err
	}
	t.lowering = l
	images, err := l.feed(name)
	if err != nil {
		return nil, err
	}
	t.images, _ = images.first.Value().Data().([]T)
	output, err := o.logitsOf(m)
	if err != nil {
		return nil, err
	}
	if err := l.lower([]string{output}); err != nil {
		return nil, err
	}
	if err := t.addLoss(output); err != nil {
		return nil, err
	}
	return t, t.differentiate()
}

// addLoss ends the graph in the cross entropy of the logits.
func (t *Trainer[T]) addLoss(output string) error {
	l := t.lowering
	v, err := l.value(output)
	if err != nil {
		return err
	}
	if v.typ != onnx.Float || len(v.shape) < 2 || v.shape[0] != t.options.Batch || v.size() != v.shape[0]*v.shape[1] {
		return fmt.Errorf("output %q is %s%v, want a row of logits for each image", output, v.typ, v.shape)
	}
	if !v.needs {
		return fmt.Errorf("no weight of the model is trained (trained are float initializers of Conv, Gemm, MatMul, Add and BatchNormalization that are not frozen)")
	}
	if t.logits, err = l.node(v); err != nil {
		return err
	}
	t.classes = v.shape[1]
	t.labels = make([]T, t.options.Batch)
	labels := l.input("labels", nodeShape([]int{t.options.Batch}), t.labels)
	plan, err := l.kernels.Plan(kernel.CrossEntropy{N: t.options.Batch, C: t.classes, Smoothing: t.options.Smoothing})
	if err != nil {
		return &UnsupportedError{"loss", err.Error()}
	}
	t.loss, err = l.applyNumber("loss", "CrossEntropy", plan, t.logits, labels)
	return err
}

// applyNumber adds an operator whose output is a number, differentiable by its first
// input: Gorgonia differentiates nothing else.
func (l *lowering[T]) applyNumber(label, kind string, plan kernel.Plan[T], inputs ...*gorgonia.Node) (*gorgonia.Node, error) {
	f := &forward[T]{plan: plan, elements: 1, y: make([]T, 1), args: make([][]T, len(inputs)), needs: make([]bool, len(inputs))}
	f.needs[0] = true
	var number gorgonia.Value
	switch y := any(f.y).(type) {
	case []float32:
		number = (*gorgonia.F32)(&y[0])
	case []float64:
		number = (*gorgonia.F64)(&y[0])
	}
	f.operator = l.run.newOperator(label, kind, dtype[T](), tensor.Shape{}, inputs)
	f.value = number
	return gorgonia.ApplyOp(f, inputs...)
}

// differentiate lets Gorgonia find the gradients and compiles the graph.
func (t *Trainer[T]) differentiate() error {
	l := t.lowering
	var nodes gorgonia.Nodes
	for _, p := range l.store.list {
		v := l.values[p.Name]
		if v == nil || v.first == nil {
			continue
		}
		if v.needs {
			t.params = append(t.params, p)
			nodes = append(nodes, v.first)
		}
		if l.state[p.Name] {
			t.state = append(t.state, p)
		}
	}
	var err error
	if t.grads, err = gorgonia.Grad(t.loss, nodes...); err != nil {
		return fmt.Errorf("the graph cannot be differentiated: %w", err)
	}
	t.streamed = make([]bool, len(t.params))
	last := slices.Clone(t.grads) // the gradients of a layer follow each other
	slices.Reverse(last)
	t.machine, err = newMachine(l.graph, l.run, l.kernels, append(gorgonia.Nodes{t.loss, t.logits}, last...)...)
	return err
}

// StreamTo lets f take, during each step, the gradients that can be had in parts while
// these are in cache: param is an index of Parameters, lo where the part begins, and calls
// for different workers of the Pool come at once. f may change that part of the parameter.
// Gradients then has nil in their place.
func (t *Trainer[T]) StreamTo(f func(worker, param, lo int, part []T)) {
	for i, g := range t.grads {
		// The sum of several gradients is not a gradient of ours.
		b, ok := g.Op().(*backward[T])
		if !ok || !streams(b.forward.plan, b.input) {
			continue
		}
		t.streamed[i], b.bytes = true, 0
		b.take = func(worker, lo int, part []T) { f(worker, i, lo, part) }
	}
}

// Parameters returns the initializers that are trained. Their data is what the next
// step computes with.
func (t *Trainer[T]) Parameters() []*Parameter[T] { return t.params }

// State returns the initializers that steps change without a gradient: the running
// statistics of BatchNormalization.
func (t *Trainer[T]) State() []*Parameter[T] { return t.state }

// Pool returns what the kernels compute on.
func (t *Trainer[T]) Pool() kernel.Pool { return t.lowering.kernels.Pool() }

// ImageElements returns how many elements a batch of images has.
func (t *Trainer[T]) ImageElements() int { return len(t.images) }

// Classes returns the number of classes.
func (t *Trainer[T]) Classes() int { return t.classes }

// CollectEvery is how many steps may pass before a program should collect what they left.
// Nearly all memory is alive, none of it holds pointers, and the collector by itself would
// let the little that each step of Gorgonia leaves grow to as much.
const CollectEvery = 64

// Step computes the loss of a batch of images (N, C, H, W) with their labels, and
// its gradients. number counts the steps of a run: it decides what dropouts drop.
func (t *Trainer[T]) Step(ctx context.Context, number uint64, images []T, labels []int) (float64, error) {
	if len(images) != len(t.images) || len(labels) != len(t.labels) {
		return 0, fmt.Errorf("%d image elements and %d labels, want %d and %d", len(images), len(labels), len(t.images), len(t.labels))
	}
	copy(t.images, images)
	for i, label := range labels {
		if label < 0 || label >= t.classes {
			return 0, fmt.Errorf("label %d, the model has %d classes", label, t.classes)
		}
		t.labels[i] = T(label)
	}
	t.step = number
	if err := t.machine.fits(t.options.Kernels.Memory); err != nil {
		return 0, err
	}
	if err := t.machine.compute(ctx); err != nil {
		return 0, err
	}
	return float64(elements[T](t.machine.of(t.loss))[0]), nil
}

// Gradients returns the gradients of the last step, in the order of Parameters, with nil
// for those that were streamed. They are valid until the next.
func (t *Trainer[T]) Gradients() [][]T {
	out := make([][]T, len(t.grads))
	for i, g := range t.grads {
		if !t.streamed[i] {
			out[i], _ = t.machine.of(g).Data().([]T)
		}
	}
	return out
}

// LogitsOf returns the logits of the last step, (N, Classes), valid until the next.
func (t *Trainer[T]) LogitsOf() []T { return elements[T](t.machine.of(t.logits)) }

// Bytes returns the size of everything that the graph keeps: values and gradients.
func (t *Trainer[T]) Bytes() int64 {
	total := t.machine.bytes()
	for _, p := range t.lowering.store.list {
		total += int64(len(p.Data)) * int64(unsafe.Sizeof(*new(T)))
	}
	return total
}

// NotFiniteWeights names an initializer that is trained and holds a NaN or an
// infinity, or returns "".
func (t *Trainer[T]) NotFiniteWeights() string {
	for _, p := range t.params {
		if !finite(p.Data) {
			return fmt.Sprintf("initializer %q", p.Name)
		}
	}
	return ""
}

// NotFinite returns where a NaN or an infinity first arose in the last step: in the
// weights, the images, or the first node whose result is not finite, found by
// computing the step once more. It returns "" where everything is finite.
func (t *Trainer[T]) NotFinite(ctx context.Context) string {
	if where := t.NotFiniteWeights(); where != "" {
		return where
	}
	if !finite(t.images) {
		return "the images"
	}
	t.lowering.run.watch = true
	defer func() { t.lowering.run.watch = false }()
	var found *notFiniteError
	if errors.As(t.machine.compute(ctx), &found) {
		return found.Error()
	}
	return ""
}

func finite[T kernel.Float](x []T) bool {
	return !slices.ContainsFunc(x, func(v T) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) })
}

// Layers returns the values that the graph computes, in order, with their shapes in
// memory and the time that each took, for those who want to see every one.
func (t *Trainer[T]) Layers() []Layer { return t.lowering.run.layers() }

// Weights returns the trained values as tensors, for Graph.WithInitializers. They
// are copies.
func (t *Trainer[T]) Weights() (map[string]*onnx.Tensor, error) {
	out := map[string]*onnx.Tensor{}
	for _, p := range append(slices.Clone(t.params), t.state...) {
		data := make([]float32, len(p.Data))
		for i, v := range p.Data {
			data[i] = float32(v)
		}
		w, err := onnx.FromFloat32s(p.Name, p.Dims, data)
		if err != nil {
			return nil, err
		}
		out[p.Name] = w
	}
	return out, nil
}

// Evaluator computes the logits of the model that a trainer trains, as it is at
// inference. It shares the trainer's weights.
type Evaluator[T kernel.Float] struct {
	lowering *lowering[T]
	machine  *machine[T]
	images   []T
	logits   *gorgonia.Node
}

// Evaluator makes the graph for a batch size.
func (t *Trainer[T]) Evaluator(batch int) (e *Evaluator[T], err error) {
	defer guard(&err)
	m := t.lowering.model
	name, shape, err := imageInput(m, batch)
	if err != nil {
		return nil, err
	}
	l, err := newLowering(m, map[string]onnx.Shape{name: dims(shape)}, t.lowering.kernels, t.options.Kernels.Memory, t.lowering.store, nil)
	if err != nil {
		return nil, err
	}
	images, err := l.feed(name)
	if err != nil {
		return nil, err
	}
	output, err := t.options.logitsOf(m)
	if err != nil {
		return nil, err
	}
	if err := l.lower([]string{output}); err != nil {
		return nil, err
	}
	v, err := l.value(output)
	if err != nil {
		return nil, err
	}
	e = &Evaluator[T]{lowering: l}
	if e.logits, err = l.node(v); err != nil {
		return nil, err
	}
	e.images, _ = images.first.Value().Data().([]T)
	if e.machine, err = newMachine(l.graph, l.run, l.kernels, e.logits); err != nil {
		return nil, err
	}
	return e, e.machine.fits(t.options.Kernels.Memory)
}

// Run returns the logits (N, Classes) of a batch, valid until the next.
func (e *Evaluator[T]) Run(ctx context.Context, images []T) ([]T, error) {
	if len(images) != len(e.images) {
		return nil, fmt.Errorf("%d image elements, want %d", len(images), len(e.images))
	}
	copy(e.images, images)
	if err := e.machine.compute(ctx); err != nil {
		return nil, err
	}
	return elements[T](e.machine.of(e.logits)), nil
}
