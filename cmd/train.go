package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"alexctl/builder"
	"alexctl/data"
	"alexctl/onnx"
	"alexctl/runtime/gorgonia"
	"alexctl/train"
)

type trainOptions struct {
	train.Config
	model       string
	variant     string
	input       int
	init        string
	data        string
	dataDir     string
	limit       int
	output      string
	run         string
	resume      string
	preprocess  string
	replaceHead bool
	strip       bool
	dryRun      bool
}

func (a *app) trainCommand() *cobra.Command {
	o := trainOptions{Config: train.Default()}
	c := &cobra.Command{
		Use:   "train",
		Short: "Train a model and export it, verified",
		Long: `Train a model through Gorgonia and write it back as ONNX.

The model is a variant with fresh weights (cifar, unless --variant or --input says
another) or any ONNX file with --model: one exported by PyTorch too. The data are a
dataset by name or a folder with a folder of images for each class; without --data
the sample that is part of the program. A folder is ROOT/CLASS/..., of which a fifth is
kept for testing, or ROOT/train/CLASS/... with ROOT/test or ROOT/val beside it.

The trained weights go back into the same graph. The file gets its name when the
float64 reference, Gorgonia and ONNX Runtime agree on real images; otherwise it is
named OUTPUT.unverified.onnx and the exit code is 1.

Each run has a folder with its configuration, metrics, curves, confusion matrix and
checkpoints. Ctrl-C leaves a checkpoint; --resume goes on, bit for bit.

Datasets:
` + datasetList(),
		Example: `  alexctl train --epochs 3
  alexctl train --data fashion-mnist -o fashion.onnx
  alexctl train --model resnet.onnx --data photos/ --replace-head --lr 1e-4
  alexctl train --data cifar10 --augment flip,pad=4 --dry-run
  alexctl train --resume runs/cifar-20260102-150405`,
		Args: atMost(0),
		RunE: func(c *cobra.Command, _ []string) error { return a.train(c, o) },
	}
	f := c.Flags()
	f.StringVarP(&o.model, "model", "m", "", "an ONNX model to start from (default: a variant with fresh weights)")
	f.StringVar(&o.variant, "variant", "", "which network to build (default: what the input size stands for, or cifar)")
	f.IntVar(&o.input, "input", 0, "height and width of the variant's input (default: its own)")
	f.StringVar(&o.init, "init", "source", "the variant's initial weights: source, he or paper")
	f.StringVarP(&o.data, "data", "d", "sample", "a dataset, or a folder with a folder of images for each class")
	f.StringVar(&o.dataDir, "data-dir", "", "the folder that holds the dataset's files (default: where fetch or a package puts them)")
	f.IntVar(&o.limit, "limit", 0, "use only N training images: the first, or, of a folder, N drawn from all; the test images stay")
	f.StringVarP(&o.output, "output", "o", "trained.onnx", "the file to write")
	f.StringVar(&o.run, "run", "", "the run's folder (default: runs/NAME-DATE)")
	f.StringVar(&o.resume, "resume", "", "go on with the run in this folder")
	f.StringVar(&o.preprocess, "preprocess", "", "how images become the input: imagenet, plain, caffe or a JSON spec (default: the model's own, or worked out from the images)")
	f.BoolVar(&o.replaceHead, "replace-head", false, "give the model a new last layer for the data's classes")
	f.BoolVar(&o.strip, "strip", false, "leave Dropout nodes out of the exported model")
	f.BoolVar(&o.dryRun, "dry-run", false, "do one step and one evaluation, and show shapes, memory and the time to come")
	o.recipeFlags(f)
	for _, name := range []string{"lr", "weight-decay"} { // their help says what it depends on
		f.Lookup(name).DefValue = "0"
	}
	return c
}

// recipeFlags registers the flags of the recipe.
func (o *trainOptions) recipeFlags(f *pflag.FlagSet) {
	f.IntVar(&o.Epochs, "epochs", o.Epochs, "times over the training images")
	f.IntVar(&o.Batch, "batch", o.Batch, "images in a step")
	f.StringVar(&o.Optimizer, "optimizer", o.Optimizer, "sgd, nesterov, adam or adamw")
	f.Float64Var(&o.LR, "lr", o.LR, "largest learning rate (default: 0.01 sgd, 0.05 nesterov, 0.0005 adam, 0.001 adamw)")
	f.Float64Var(&o.Momentum, "momentum", o.Momentum, "momentum of sgd and nesterov")
	f.Float64Var(&o.WeightDecay, "weight-decay", o.WeightDecay, "weight decay (default: 0.0005 sgd and nesterov, 0 adam, 0.01 adamw)")
	f.StringVar(&o.Schedule, "schedule", o.Schedule, "of the learning rate: constant, step, cosine or onecycle (with --patience, whose end is not known, constant unless given)")
	f.Float64Var(&o.Warmup, "warmup", o.Warmup, "epochs in which the rate rises from zero (not for onecycle)")
	f.Float64Var(&o.Smoothing, "label-smoothing", o.Smoothing, "part of the target that all classes share")
	f.Float64Var(&o.Clip, "clip", o.Clip, "largest norm of the gradient; 0 for any")
	f.StringVar(&o.Augment, "augment", "", "flip, pad=N, crop, color, separated by commas, or none (default: crop,flip for folders, pad=2 for mnist, flip,pad=4 for cifar10, none for synthetic, flip for the rest)")
	f.StringSliceVar(&o.Freeze, "freeze", nil, "what is not trained: initializers, nodes or modules, by name or by a pattern such as 'features.*'")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "seed of weights, order, augmentation and dropout")
	f.Float64Var(&o.ValSplit, "val-split", o.ValSplit, "part of the training images that is held out for validation")
	f.IntVar(&o.Patience, "patience", o.Patience, "end after so many epochs without a better validation accuracy, and keep the best; 0 for never")
	f.StringVar(&o.Precision, "precision", o.Precision, "float32, or bf16: the operands of convolutions (with AMX, also of dense layers) rounded to bfloat16")
	kernelsFlag(f, &o.Kernels)
	f.IntVar(&o.CheckpointSteps, "checkpoint-steps", o.CheckpointSteps, "write a checkpoint every so many steps too")
}

func datasetList() string {
	var b strings.Builder
	for _, d := range data.Names() {
		fmt.Fprintf(&b, "  %-14s %s\n", d[0], d[1])
	}
	return strings.TrimRight(b.String(), "\n")
}

// train prepares a run, or opens an earlier one, and carries it out.
func (a *app) train(c *cobra.Command, o trainOptions) (err error) {
	for _, name := range []string{"resume", "run", "model", "data"} {
		if f := c.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
			return usage("--%s is empty", name)
		}
	}
	if o.output == "" || o.output == "-" {
		return usage("-o %q: name a file", o.output)
	}
	if !o.dryRun { // before the first step, not after the last
		if err := a.exportEngines(c.Context()); err != nil {
			return err
		}
	}
	var r *trainRun
	if o.resume != "" {
		r, err = a.openRun(c, o)
	} else {
		r, err = a.newRun(c, o)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.opened.Close()) }()
	if o.dryRun {
		return a.dryRun(c.Context(), r)
	}
	show := a.newTrainProgress(r)
	run, err := train.New(r.model, r.inputs, r.Recipe, r.dir, show.event)
	if err != nil {
		return a.trainFailure(c.Context(), r, err)
	}
	if o.resume == "" {
		if err := r.create(c.Context()); err != nil {
			return err
		}
	}
	a.say("run %s: %s, %d images to train, %d to validate, %d to test, %d classes, augmentation %s", r.dir, r.Model,
		r.inputs.Train.Len(), length(r.inputs.Val), length(r.inputs.Test), len(r.Classes), r.Recipe.Augment)
	a.sayTrained(r, run)
	a.say("%s %g, %s, batch %d, %s, seed %d, %s on %s", r.Recipe.Optimizer, r.Recipe.LR, r.Recipe.Schedule,
		r.Recipe.Batch, counted(r.Recipe.Epochs, "epoch"), r.Recipe.Seed, kernelsOf(r.Recipe), counted(r.Recipe.Threads, "thread"))
	if faster := gorgonia.FasterKernels(); faster != "" && r.Recipe.Kernels == "" {
		a.say("note: there are faster kernels: %s", faster)
	}
	if err := a.sayPrecision(r.Recipe); err != nil {
		return environment(err)
	}
	show.begin()
	result, err := run.Fit(c.Context(), o.resume != "")
	show.bar.done()
	if show.err != nil {
		return show.err
	}
	if err != nil {
		return a.trainFailure(c.Context(), r, err)
	}
	return a.export(c.Context(), r, result)
}

func length(d data.Dataset) int {
	if d == nil {
		return 0
	}
	return d.Len()
}

// trainFailure gives a run that ended early its exit code.
func (a *app) trainFailure(ctx context.Context, r *trainRun, err error) error {
	var diverged *train.DivergedError
	var dataError *train.DataError
	var unsupported *gorgonia.UnsupportedError
	var internal *gorgonia.InternalError
	var path *os.PathError
	var link *os.LinkError
	if ctx.Err() != nil {
		a.resumable(r)
		if errors.Is(err, context.Canceled) {
			return err
		}
		return errors.Join(err, ctx.Err())
	}
	switch {
	case errors.Is(err, train.ErrLocked):
		return environment(err)
	case errors.As(err, &internal):
		return err
	case errors.As(err, &diverged):
		return &exitError{exitFinding, err}
	case errors.As(err, &unsupported):
		return environment(err)
	case errors.As(err, &dataError):
		return invalid(err)
	case errors.As(err, &path), errors.As(err, &link):
		return environment(err)
	}
	return invalid(err)
}

// sayTrained says which weights are trained, where some are not.
func (a *app) sayTrained(r *trainRun, run *train.Run) {
	if len(r.Recipe.Freeze) == 0 {
		return
	}
	trained := run.Trained()
	a.say("frozen by %s; trained are %s", strings.Join(r.Recipe.Freeze, ", "), strings.Join(trained, ", "))
}

// sayPrecision says so where bfloat16 is slower here than float32: not every processor that
// has it gains by it.
func (a *app) sayPrecision(c train.Config) error {
	if c.Precision != "bf16" {
		return nil
	}
	low, err := gorgonia.Rate(c.KernelSet())
	if err != nil {
		return err
	}
	c.Precision = "float32"
	full, err := gorgonia.Rate(c.KernelSet())
	if err == nil && low < full {
		a.say("note: a convolution of 3x3 in bfloat16 runs at %.2f of the rate of float32 here", low/full)
	}
	return err
}

// resumable says how to go on with a run that has a checkpoint.
func (a *app) resumable(r *trainRun) {
	if entries, err := os.ReadDir(filepath.Join(r.dir, "checkpoints")); err == nil && len(entries) > 0 {
		a.next("alexctl train --resume %s", shellWord(r.dir))
	}
}

// trainProgress shows a run: a bar on a terminal, lines otherwise, JSON with --json.
type trainProgress struct {
	app    *app
	epochs int
	test   int // images to test on
	bar    *progress
	total  int // steps that the bar has
	shown  int // steps that it shows as done
	err    error
}

func (a *app) newTrainProgress(r *trainRun) *trainProgress {
	steps := r.Recipe.Epochs * (r.inputs.Train.Len() / max(1, r.Recipe.Batch))
	return &trainProgress{app: a, epochs: r.Recipe.Epochs, test: length(r.inputs.Test), total: steps, bar: &progress{}}
}

// begin draws the bar.
func (t *trainProgress) begin() { t.bar = t.app.progress(t.total, "training") }

func (t *trainProgress) event(e train.Event) {
	switch e := e.(type) {
	case *train.StepEvent:
		done := (e.Epoch-1)*e.Steps + e.Step
		t.bar.describe("epoch %d/%d, loss %.3f, %.0f images/s", e.Epoch, t.epochs, e.Loss, e.ImagesPerSecond)
		t.bar.add(done - t.shown)
		t.shown = done
		return
	case *train.EpochEvent:
		if t.app.json {
			break
		}
		line := fmt.Sprintf("epoch %d/%d: loss %.4f", e.Epoch, t.epochs, e.TrainLoss)
		if e.ValLoss != nil {
			line += fmt.Sprintf(", validation loss %.4f, accuracy %.2f%%", *e.ValLoss, 100**e.ValAccuracy)
		}
		t.bar.clear()
		t.app.say("%s, %.0f images/s, %s", line, e.ImagesPerSecond, t.left(e))
		if e.Epoch == t.epochs && t.test > 0 {
			t.app.say("testing on %s", counted(t.test, "image"))
		}
	case *train.WarningEvent:
		t.bar.clear()
		t.app.say("warning: %s", e.Warning)
	case *train.NoteEvent:
		t.bar.clear()
		t.app.say("note: %s", e.Note)
	}
	if t.app.json && t.err == nil {
		t.err = t.app.printJSON(e)
	}
}

// left says how long the epochs to come will take.
func (t *trainProgress) left(e *train.EpochEvent) string {
	d := time.Duration(float64(t.epochs-e.Epoch) * e.Seconds * float64(time.Second)).Round(time.Second)
	if e.Epoch >= t.epochs {
		return "the last"
	}
	return d.String() + " left"
}

// trainVariant returns the model that the variant's flags describe, for a dataset.
func (a *app) trainVariant(c *cobra.Command, o trainOptions, set *data.Set) (*onnx.Model, string, error) {
	if !slices.Contains([]string{"source", "he", "paper"}, o.init) {
		return nil, "", usage("--init %q: want source, he or paper", o.init)
	}
	name := o.variant
	if name == "" && o.input == 0 {
		name = "cifar"
	}
	b := buildOptions{variant: name}
	b.Input, b.Classes, b.Channels, b.Init, b.Seed, b.Labels = o.input, len(set.Classes), 3, o.init, o.Seed, set.Classes
	if m, err := set.Train.Image(0); err != nil {
		return nil, "", invalid(err)
	} else if m.Channels == 1 {
		b.Channels = 1
	}
	v, err := a.pickVariant(c, &b)
	if err != nil {
		return nil, "", err
	}
	m, err := v.Build(b.Options)
	if err != nil {
		return nil, "", &exitError{exitUsage, err}
	}
	return m, "variant " + v.Name, nil
}

// startModel returns the model that training begins with and what it is.
func (a *app) startModel(c *cobra.Command, o trainOptions, set *data.Set) (*onnx.Model, string, error) {
	if o.model == "" {
		return a.trainVariant(c, o, set)
	}
	for _, name := range []string{"variant", "input", "init"} {
		if c.Flags().Changed(name) {
			return nil, "", usage("--%s is for a fresh variant, --model gives the model", name)
		}
	}
	m, path, err := openSound([]string{o.model})
	return m, path, err
}

// classesOf returns how many classes a model has, or 0 where it does not say.
func classesOf(m *onnx.Model) int {
	if v := m.Graph.Outputs[0]; v.Type.IsTensor() && v.Type.Shape != nil && len(*v.Type.Shape) == 2 {
		if d := (*v.Type.Shape)[1]; d.IsKnown() {
			return int(d.N)
		}
	}
	return 0
}

// setLabels writes the classes into the model.
func setLabels(m *onnx.Model, classes []string) error {
	text, err := builder.EncodeLabels(classes)
	if err != nil {
		return err
	}
	m.SetProperty(builder.LabelsKey, text)
	return nil
}
