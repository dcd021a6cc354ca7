package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"time"

	"alexctl/data"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/runtime/gorgonia"
)

// Inputs is what a run learns from.
type Inputs struct {
	Train, Val, Test data.Dataset // Val and Test may be nil
	Transform        *data.Transform
	Classes          []string
	Logits           string // the value of the model that holds the logits; "" is what its first output shows
}

// Result is how a run ended.
type Result struct {
	Weights  map[string]*onnx.Tensor // for Graph.WithInitializers
	Epochs   []*EpochEvent
	Epoch    int         // whose weights they are, from 1
	Test     *Evaluation // nil without test images
	Finished bool        // whether every epoch was run, or patience ended the run
}

// DivergedError says that a loss or a gradient is no longer a finite number.
type DivergedError struct {
	Epoch, Step int // from 1
	Where       string
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("training diverged in epoch %d, step %d: NaN or Inf arose first in %s", e.Epoch, e.Step, e.Where)
}

// Kind returns fault.Finding.
func (e *DivergedError) Kind() fault.Kind { return fault.Finding }

// Hints says what usually helps.
func (e *DivergedError) Hints() []fault.Hint {
	return []fault.Hint{{Text: "a lower learning rate", Option: fault.LR}, {Text: "clipped gradients", Option: fault.Clip, Value: "1"},
		{Text: "another optimizer", Option: fault.Optimizer}}
}

// DataError says that an image could not be read.
type DataError struct{ Err error }

func (e *DataError) Error() string { return e.Err.Error() }

// Kind returns fault.Invalid.
func (e *DataError) Kind() fault.Kind { return fault.Invalid }

// Unwrap returns what went wrong.
func (e *DataError) Unwrap() error { return e.Err }

// Run is a run: a model, what it learns from, and where it stands.
type Run struct {
	config    Config
	in        Inputs
	memory    Memory
	on        func(Event)
	trainer   *gorgonia.Trainer[float32]
	evaluator *gorgonia.Evaluator[float32]
	optimizer *Optimizer[float32]
	loader    *data.Loader
	ordered   *data.Loader // for evaluation
	position  Position
	kept      time.Time // when the last checkpoint was
	epochs    []*EpochEvent
}

// New prepares a run: everything that can be refused is refused here, before a step is
// done or a file written. A recipe that cannot be is fault.Usage, what cannot be trained
// fault.Unsupported.
func New(m *onnx.Model, in Inputs, c Config, memory Memory, on func(Event)) (_ *Run, err error) {
	defer fault.Default(&err, fault.Invalid)
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Batch > in.Train.Len() {
		return nil, fault.New(fault.Usage, "a batch of %d and %d images to train with", c.Batch, in.Train.Len()).
			Hint(fault.Hint{Text: "a smaller batch", Option: fault.Batch})
	}
	if err := c.CheckFreeze(m); err != nil {
		return nil, err
	}
	if memory.Checkpoints == nil {
		memory.Checkpoints = none{}
	}
	if memory.Record == nil {
		memory.Record = none{}
	}
	t, err := gorgonia.NewTrainer[float32](m, gorgonia.TrainOptions{
		Batch: c.Batch, Logits: in.Logits, Kernels: c.KernelSet(), Smoothing: c.Smoothing, Seed: c.Seed, Frozen: c.freezer(m),
	})
	if err != nil {
		return nil, err
	}
	if t.Classes() != len(in.Classes) {
		return nil, fault.New(fault.Usage, "the model has %d classes, the data %d", t.Classes(), len(in.Classes)).
			Hint(fault.Hint{Text: "give the model a new last layer", Option: fault.ReplaceHead})
	}
	e, err := t.Evaluator(c.Batch)
	if err != nil {
		return nil, err
	}
	f := &Run{config: c, in: in, memory: memory, on: on, trainer: t, evaluator: e, optimizer: NewOptimizer(c, t.Parameters(), t.Pool())}
	if f.optimizer.Streams() {
		t.StreamTo(f.optimizer.Take)
	}
	f.loader = &data.Loader{Data: in.Train, Transform: in.Transform, Batch: c.Batch, Seed: c.Seed, Workers: 2}
	f.ordered = &data.Loader{Transform: in.Transform, Batch: c.Batch, Workers: 2}
	f.position.Best = -1
	return f, nil
}

// Trained returns the names of the initializers that are trained.
func (f *Run) Trained() []string {
	var names []string
	for _, p := range f.trainer.Parameters() {
		names = append(names, p.Name)
	}
	return names
}

// Fit trains, or, with resume, goes on from the newest checkpoint.
// When the context ends, the run stops between two steps and leaves a checkpoint; the
// error is then the context's. What cannot be kept is fault.Environment.
func (f *Run) Fit(ctx context.Context, resume bool) (_ *Result, err error) {
	defer fault.Default(&err, fault.Environment)
	if resume {
		if err := f.resume(); err != nil {
			return nil, err
		}
	}
	if f.epochs, err = f.memory.Record.Epochs(f.position.Epoch); err != nil {
		return nil, err
	}
	for f.position.Epoch < f.config.Epochs && !f.position.Finished {
		if err := f.epoch(ctx); err != nil {
			return nil, err
		}
	}
	return f.finish(ctx)
}

// resume loads the newest checkpoint; a damaged one is passed over, with a warning.
func (f *Run) resume() error {
	names, err := f.memory.Checkpoints.List()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		f.on(warning("there is no checkpoint yet: the run starts from the beginning"))
		return nil
	}
	var errs []error
	for _, name := range names {
		h, err := f.memory.Checkpoints.Read(name, f.tensors(), f.accepts)
		if err == nil {
			f.position, f.optimizer.steps = h.Position, h.Position.Updates
			f.on(&NoteEvent{"note", fmt.Sprintf("continuing after %d epochs and %d steps", f.position.Epoch, f.position.InEpoch)})
			for _, e := range errs {
				f.on(warning("%v; continuing from %s", e, name))
			}
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// tensors returns everything that a checkpoint holds of a run.
func (f *Run) tensors() []Tensor {
	var list []Tensor
	for i, p := range f.trainer.Parameters() {
		list = append(list, Tensor{"weight " + p.Name, p.Data}, Tensor{"first " + p.Name, f.optimizer.first[i]})
		if f.optimizer.second != nil {
			list = append(list, Tensor{"second " + p.Name, f.optimizer.second[i]})
		}
	}
	for _, p := range f.trainer.State() {
		list = append(list, Tensor{"state " + p.Name, p.Data})
	}
	return list
}

var errNoCheckpoint = errors.New("nothing was kept")

// accepts reports what keeps a checkpoint from being one of this run.
func (f *Run) accepts(h Header) error {
	if !reflect.DeepEqual(h.Config.normal(), f.config.normal()) {
		return errors.New("it belongs to a run with another recipe")
	}
	p, steps := h.Position, f.loader.Steps()
	if p.Epoch < 0 || p.Epoch > f.config.Epochs || p.InEpoch < 0 || p.InEpoch > steps || p.Steps != p.Epoch*steps+p.InEpoch ||
		p.Updates != p.Steps || p.BestEpoch < 0 || p.BestEpoch > p.Epoch || p.BestFile != filepath.Base(p.BestFile) && p.BestFile != "" {
		return errors.New("its position does not fit this run: the data have changed since")
	}
	return nil
}

// save keeps a checkpoint.
func (f *Run) save() error {
	f.kept = time.Now()
	f.position.Updates = f.optimizer.steps
	name, err := f.memory.Checkpoints.Write(Header{f.position, f.config}, f.tensors())
	if err == nil && name != "" {
		f.on(&CheckpointEvent{"checkpoint", name, f.position.Steps})
	}
	return err
}

// CheckpointName tells how many epochs and steps are done.
func CheckpointName(p Position) string {
	return fmt.Sprintf("epoch-%04d-step-%09d.ckpt", p.Epoch, p.Steps)
}

// epoch trains one epoch from where it stands and evaluates.
func (f *Run) epoch(ctx context.Context) error {
	began, from := time.Now(), f.position.InEpoch
	for b, err := range f.loader.Epoch(ctx, f.position.Epoch, f.position.InEpoch) {
		if err != nil {
			return f.stopped(ctx, &DataError{err})
		}
		if err := f.step(ctx, b, began, from); err != nil {
			return err
		}
		if n := f.config.CheckpointSteps; n > 0 && f.position.Steps%n == 0 && f.position.InEpoch < f.loader.Steps() {
			if err := f.save(); err != nil {
				return err
			}
		}
	}
	if f.trainer.NotFiniteWeights() != "" { // by the last update, after the last look
		return f.diverged(ctx)
	}
	seconds := time.Since(began).Seconds()
	steps := f.loader.Steps()
	e := &EpochEvent{
		Event: "epoch", Epoch: f.position.Epoch + 1, Seconds: seconds,
		TrainLoss:       f.position.LossSum / float64(steps),
		TrainAccuracy:   float64(f.position.Correct) / float64(steps*f.config.Batch),
		LearningRate:    f.rate(f.position.Steps - 1),
		ImagesPerSecond: float64((steps-from)*f.config.Batch) / seconds,
	}
	if f.in.Val != nil {
		v, err := f.evaluate(ctx, f.in.Val)
		if err != nil {
			return f.stopped(ctx, err)
		}
		if !finite(v.Loss) {
			return f.diverged(ctx)
		}
		accuracy := v.Accuracy()
		e.ValLoss, e.ValAccuracy = &v.Loss, &accuracy
	}
	return f.endEpoch(e)
}

// stopped leaves a checkpoint where the user ended the run.
func (f *Run) stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if f.position.Steps == 0 {
		return ctx.Err()
	}
	if err := f.save(); err != nil {
		f.on(warning("no checkpoint is left: %v", err))
	}
	return ctx.Err()
}

func (f *Run) rate(step int) float64 {
	return f.config.Rate(step, f.config.Epochs*f.loader.Steps(), f.loader.Steps())
}

// step trains on one batch. A step is never left half done: the context is looked at
// between steps.
func (f *Run) step(ctx context.Context, b *data.Batch, began time.Time, from int) error {
	p := &f.position
	f.optimizer.Begin(f.rate(p.Steps))
	loss, err := f.trainer.Step(context.WithoutCancel(ctx), uint64(p.Steps), b.Images, b.Labels)
	if err != nil {
		return err
	}
	if !finite(loss) {
		return f.diverged(ctx)
	}
	norm, err := f.optimizer.End(f.trainer.Gradients())
	if err != nil {
		return err
	}
	if !finite(norm) {
		return f.diverged(ctx)
	}
	logits, classes := f.trainer.LogitsOf(), f.trainer.Classes()
	for i, label := range b.Labels {
		if argmax(logits[i*classes:(i+1)*classes]) == label {
			p.Correct++
		}
	}
	p.LossSum += loss
	p.InEpoch++
	p.Steps++
	f.on(&StepEvent{p.Epoch + 1, p.InEpoch, f.loader.Steps(), loss,
		float64((p.InEpoch-from)*f.config.Batch) / time.Since(began).Seconds()})
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// diverged says where a number that is not finite arose.
func (f *Run) diverged(ctx context.Context) error {
	where := f.trainer.NotFinite(context.WithoutCancel(ctx))
	if where == "" {
		where = "a result that is too large for its type"
	}
	return &DivergedError{min(f.position.Epoch+1, f.config.Epochs), min(f.position.InEpoch+1, f.loader.Steps()), where}
}

func (f *Run) evaluate(ctx context.Context, d data.Dataset) (*Evaluation, error) {
	f.ordered.Data = d
	return Evaluate(ctx, f.ordered, f.trainer.Classes(), f.evaluator.Run, nil)
}

// endEpoch records an epoch and leaves a checkpoint behind it.
func (f *Run) endEpoch(e *EpochEvent) error {
	p := &f.position
	p.Epoch++
	p.InEpoch, p.LossSum, p.Correct = 0, 0, 0
	better := e.ValAccuracy != nil && *e.ValAccuracy > p.Best
	if better {
		p.Best, p.BestEpoch, p.BestFile = *e.ValAccuracy, p.Epoch, CheckpointName(*p)
	}
	ended := f.config.Patience > 0 && p.Epoch-p.BestEpoch >= f.config.Patience
	f.epochs = append(f.epochs, e)
	if err := f.memory.Record.Keep(f.epochs); err != nil {
		return err
	}
	f.on(e)
	if w := f.notLearning(e); w != nil {
		f.on(w)
	}
	if w := f.lagging(e); w != nil {
		f.on(w)
	}
	if p.Finished = ended; ended {
		f.on(&NoteEvent{"note", fmt.Sprintf("no better validation accuracy for %d epochs: the run ends, and epoch %d, with %.2f%%, is kept",
			f.config.Patience, p.BestEpoch, 100*p.Best)})
	}
	needed := ended || p.Epoch == f.config.Epochs || better && f.config.Patience > 0
	if !needed && time.Since(f.kept).Seconds() < f.config.CheckpointEvery {
		return nil
	}
	return f.save()
}

// notLearning warns of a loss that stays where a guess would put it: ln(classes).
func (f *Run) notLearning(e *EpochEvent) Event {
	const (
		nearly   = 0.98 // of ln(classes)
		someTime = 150  // steps in which a network that learns at all has begun to
	)
	enough := f.position.Steps >= someTime || f.position.Epoch == f.config.Epochs
	if classes := float64(f.trainer.Classes()); enough && math.Abs(e.TrainLoss/math.Log(classes)-1) < 1-nearly {
		w := warning("not learning: after %d steps the loss is %.3f, and guessing gives ln(%.0f) = %.3f; check that each image has its own label",
			f.position.Steps, e.TrainLoss, classes, math.Log(classes))
		if f.position.Steps < someTime {
			w.Warning += fmt.Sprintf(" (and %d steps are few: more epochs, or a smaller batch, make more of them)", f.position.Steps)
			return w
		}
		w.Help = []fault.Hint{{Text: "another optimizer", Option: fault.Optimizer, Value: "adam"}, {Text: "another learning rate", Option: fault.LR, Value: "3e-4"},
			{Text: "a model built with other initial weights", Option: fault.Init, Value: "he"}}
		return w
	}
	return nil
}

// lagging warns at the end of a run whose network has learned its images and is no better than a guess
// on others, where it has batch normalization: its running statistics are then those of the file.
func (f *Run) lagging(e *EpochEvent) Event {
	const learned = 0.75 // of ln(classes)
	guess := math.Log(float64(f.trainer.Classes()))
	if f.position.Epoch != f.config.Epochs || e.ValLoss == nil || len(f.trainer.State()) == 0 || e.TrainLoss > learned*guess || *e.ValLoss < guess {
		return nil
	}
	return warning("validation is no better than guessing, ln(%d) = %.3f, while training is at %.3f: after %d steps the running statistics of batch normalization may still be those that the model began with; more epochs bring them along",
		f.trainer.Classes(), guess, e.TrainLoss, f.position.Steps)
}

// finish evaluates the run's weights on the test images: the last ones or, where
// patience was asked for, the best.
func (f *Run) finish(ctx context.Context) (*Result, error) {
	r := &Result{Epochs: f.epochs, Epoch: f.position.Epoch, Finished: true}
	if f.config.Patience > 0 && f.position.BestFile != "" {
		if _, err := f.memory.Checkpoints.Read(f.position.BestFile, f.tensors(), f.accepts); err != nil {
			return nil, err
		}
		r.Epoch = f.position.BestEpoch
	}
	var err error
	if f.in.Test != nil {
		if r.Test, err = f.evaluate(ctx, f.in.Test); err != nil {
			return nil, err
		}
		if !finite(r.Test.Loss) {
			return nil, f.diverged(ctx)
		}
		if err := f.memory.Record.Tested(r.Test, f.in.Classes); err != nil {
			return nil, err
		}
	}
	r.Weights, err = f.trainer.Weights()
	return r, err
}
