package cmd

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"alexctl/builder"
	"alexctl/data"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/run"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/signature"
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
	pixels      float64 // of an image at most, in millions
	output      string
	force       bool
	run         string
	resume      string
	preprocess  string
	signature   signature.Options
	replaceHead bool
	classMap    string
	every       time.Duration
	strip       bool
	dryRun      bool
}

func (a *app) trainCommand() *cobra.Command {
	o := trainOptions{Config: train.Default()}
	c := &cobra.Command{
		Use:   "train",
		Short: "Train a model and export it, verified",
		Long: `Train a model through Gorgonia and write it back as ONNX.

The model is a variant with fresh weights (cifar, unless --variant or --input names
another) or any ONNX file with --model: also one exported by PyTorch. The data are a
dataset by name or a folder with a folder of images for each class; without --data
the built-in sample. A folder is ROOT/CLASS/..., of which a fifth of each class is
kept for testing, or ROOT/train/CLASS/... with ROOT/test or ROOT/val beside it.

The trained weights go back into the same graph. The file gets its name when the
float64 reference, Gorgonia and, where it is installed, ONNX Runtime agree on real images;
otherwise it is named OUTPUT.unverified.onnx and the exit code is 1.

Each run has a folder with its configuration, metrics, curves, confusion matrix and
checkpoints. Ctrl-C leaves a checkpoint; --resume continues from it, bit for bit.

Datasets:
` + datasetList(),
		Example: `  alexctl train --epochs 3
  alexctl train --data fashion-mnist -o fashion.onnx
  alexctl train --model resnet.onnx --data photos/ --replace-head --lr 1e-4
  alexctl train --data cifar10 --augment flip,pad=4 --dry-run
  alexctl train --resume runs/cifar-20260102-150405`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("%q: images go behind --data, and a model behind --model", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return a.train(c, o) },
	}
	f := c.Flags()
	f.StringVarP(&o.model, "model", "m", "", "an ONNX model to start from (default: a variant with fresh weights)")
	f.StringVar(&o.variant, "variant", "", "which network to build (default: the one that the input size implies, or cifar)")
	f.IntVar(&o.input, "input", 0, "height and width of the variant's input (default: its own)")
	f.StringVar(&o.init, "init", "source", "the variant's initial weights: source, he or paper")
	f.StringVarP(&o.data, "data", "d", "sample", "a dataset, or a folder with a folder of images for each class")
	f.StringVar(&o.dataDir, "data-dir", "", "the folder that holds the dataset's files (default: where fetch or a package puts them)")
	f.IntVar(&o.limit, "limit", 0, "use only N training images: the first N, or N chosen at random from a folder; the test images stay")
	pixelsFlag(f, &o.pixels)
	f.StringVarP(&o.output, "output", "o", "trained.onnx", "the file to write; without -o, the next free name where trained.onnx holds a trained model")
	forceFlag(f, &o.force)
	f.StringVar(&o.run, "run", "", "the run's folder (default: runs/NAME-DATE)")
	f.StringVar(&o.resume, "resume", "", "continue the run in this folder")
	f.StringVar(&o.preprocess, "preprocess", "", "how images are preprocessed: imagenet, plain, caffe, or a JSON spec or its file (default: the model's own, or worked out from the images)")
	f.BoolVar(&o.replaceHead, "replace-head", false, "give the model a new last layer that fits the data's classes")
	f.StringVar(&o.classMap, "class-map", "", "order: take the data's classes for the model's in their order, whatever they are called")
	f.BoolVar(&o.strip, "strip", false, "leave Dropout nodes out of the exported model")
	f.BoolVar(&o.dryRun, "dry-run", false, "run one step and one evaluation, and show shapes, memory and the expected time")
	signatureFlags(c, &o.signature)
	o.recipeFlags(f)
	for _, name := range []string{"lr", "weight-decay"} { // their help says what it depends on
		f.Lookup(name).DefValue = "0"
	}
	return c
}

// recipeFlags registers the flags of the recipe.
func (o *trainOptions) recipeFlags(f *pflag.FlagSet) {
	var optimizers, rates, decays []string
	for _, k := range train.Optimizers() {
		optimizers = append(optimizers, k.Name)
		rates = append(rates, fmt.Sprintf("%g %s", k.LR, k.Name))
		decays = append(decays, fmt.Sprintf("%g %s", k.WeightDecay, k.Name))
	}
	f.IntVar(&o.Epochs, "epochs", o.Epochs, "passes over the training images")
	f.IntVar(&o.Batch, "batch", o.Batch, "images per step")
	f.StringVar(&o.Optimizer, "optimizer", o.Optimizer, alternatives(optimizers))
	f.Float64Var(&o.LR, "lr", o.LR, "largest learning rate (default: "+strings.Join(rates, ", ")+")")
	f.Float64Var(&o.Momentum, "momentum", o.Momentum, "momentum of sgd and nesterov")
	f.Float64Var(&o.WeightDecay, "weight-decay", o.WeightDecay, "weight decay (default: "+strings.Join(decays, ", ")+")")
	f.StringVar(&o.Schedule, "schedule", o.Schedule, "learning-rate schedule: "+alternatives(train.Schedules())+" (with --patience, constant unless given)")
	f.Float64Var(&o.Warmup, "warmup", o.Warmup, "epochs over which the learning rate rises from zero (not for onecycle)")
	f.Float64Var(&o.Smoothing, "label-smoothing", o.Smoothing, "share of the target that is spread over all classes")
	f.Float64Var(&o.Clip, "clip", o.Clip, "clip the gradient to this norm; 0 for no clipping")
	f.StringVar(&o.Augment, "augment", "", "flip, pad=N, crop, color, separated by commas, or none (default: crop,flip for folders, pad=2 for mnist, flip,pad=4 for cifar10, none for synthetic, flip for the rest)")
	f.StringSliceVar(&o.Freeze, "freeze", nil, "what to freeze: initializers, nodes or modules, by name or by a pattern such as 'features.*'")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "seed of weights, order, augmentation and dropout")
	f.Float64Var(&o.ValSplit, "val-split", o.ValSplit, "fraction of the training images that is held out for validation")
	f.IntVar(&o.Patience, "patience", o.Patience, "stop after N epochs without a better validation accuracy, and keep the best; 0 for never")
	f.StringVar(&o.Precision, "precision", o.Precision, "float32, or bf16: the operands of convolutions (with AMX, also of dense layers) rounded to bfloat16")
	f.StringVar(&o.Kernels, "kernels", "", "kernels: "+strings.Join(gorgonia.KernelSets, ", ")+", or auto for those that are faster in the first steps (default: onednn where it is here)")
	f.DurationVar(&o.every, "checkpoint-every", 30*time.Second, "how long an epoch must be after the last checkpoint to leave another; 0s for each; the last epoch always does")
	f.IntVar(&o.CheckpointSteps, "checkpoint-steps", o.CheckpointSteps, "also write a checkpoint every N steps")
}

// alternatives joins words: "a, b or c".
func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
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
	ctx := c.Context()
	for _, name := range []string{"resume", "run", "model", "data"} {
		if f := c.Flags().Lookup(name); f.Changed && f.Value.String() == "" {
			return usage("--%s is empty", name)
		}
	}
	if o.output == "" || o.output == "-" {
		return usage("-o %q: name a file", o.output)
	}
	var engines []runtime.Engine
	absent := ""
	if !o.dryRun { // before the first step, not after the last
		if engines, absent, err = a.compared(ctx, engineFlags{}); err != nil {
			return err
		}
		for _, e := range engines {
			if err := e.Check(ctx); err != nil {
				return err
			}
		}
	}
	show := a.newTrainProgress()
	var r *run.Run
	if o.resume != "" {
		r, err = a.openRun(c, o)
	} else {
		r, err = a.newRun(c, o, show.event)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if o.dryRun {
		return a.dryRun(ctx, r)
	}
	show.expect(r)
	t, err := r.Begin(show.event)
	if err != nil {
		return err
	}
	if !r.Resumed() {
		if err := r.Create(ctx); err != nil {
			return err
		}
	}
	if err := a.sayRun(r, t); err != nil {
		return err
	}
	show.begin()
	result, err := t.Fit(ctx, r.Resumed())
	show.bar.done()
	err = a.broken(ctx, err, r.Inputs.Train, r.Inputs.Val, r.Inputs.Test)
	if show.err != nil {
		return show.err
	}
	if err == nil {
		err = a.export(ctx, r, result, engines, absent)
	}
	if ctx.Err() != nil && run.HasCheckpoint(r.Dir) {
		a.next("alexctl train --resume %s", shellWord(r.Dir))
	}
	return err
}

// sayRun says what begins.
func (a *app) sayRun(r *run.Run, t *train.Run) error {
	a.say("run %s: %s, %d images to train, %d to validate, %d to test, %d classes, augmentation %s", r.Dir, r.Model,
		r.Inputs.Train.Len(), length(r.Inputs.Val), length(r.Inputs.Test), len(r.Classes), r.Recipe.Augment)
	a.say("classes: %s", data.Brief(r.Classes))
	a.say("images become the input so: %s", r.Spec)
	if len(r.Recipe.Freeze) > 0 {
		a.say("frozen by %s; trained are %s", strings.Join(r.Recipe.Freeze, ", "), strings.Join(t.Trained(), ", "))
	}
	a.say("%s %g, %s, batch %d, %s, seed %d, %s on %s", r.Recipe.Optimizer, r.Recipe.LR, r.Recipe.Schedule,
		r.Recipe.Batch, counted(r.Recipe.Epochs, "epoch"), r.Recipe.Seed, run.Kernels(r.Recipe), counted(r.Recipe.Threads, "thread"))
	if faster := gorgonia.FasterKernels(); faster != "" && r.Recipe.Kernels == "" {
		a.say("note: there are faster kernels: %s", faster)
	}
	slower, err := gorgonia.Slower(r.Recipe.KernelSet())
	if err == nil && slower > 0 {
		a.say("note: a convolution of 3x3 in bfloat16 runs at %.2f of the rate of float32 here", slower)
	}
	return err
}

func length(d data.Dataset) int {
	if d == nil {
		return 0
	}
	return d.Len()
}

// trainProgress shows a run: a bar on a terminal, lines otherwise, JSON with --json.
type trainProgress struct {
	app    *app
	epochs int
	test   int // images to test on
	bar    *progress
	total  int // steps that the bar has
	shown  int // steps that it shows as done
	steps  int // that were done
	err    error
}

func (a *app) newTrainProgress() *trainProgress { return &trainProgress{app: a, bar: &progress{}} }

// expect says how much is to come.
func (t *trainProgress) expect(r *run.Run) {
	t.epochs, t.test = r.Recipe.Epochs, length(r.Inputs.Test)
	t.total = r.Recipe.Epochs * (r.Inputs.Train.Len() / max(1, r.Recipe.Batch))
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
		if t.steps++; t.steps%gorgonia.CollectEvery == 0 {
			goruntime.GC()
		}
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
		if len(e.Help) > 0 {
			t.app.say("hint: %s", hintsOf("train", e.Help))
		}
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
	first, err := set.Train.Image(0)
	if err != nil {
		return nil, "", fault.As(fault.Invalid, err)
	}
	if first.Channels == 1 {
		b.Channels = 1
	}
	v, err := a.pickVariant(c, &b)
	if err != nil {
		return nil, "", err
	}
	m, err := v.Build(b.Options)
	return m, "variant " + v.Name, err
}

// startable reports what is wrong with the model that training is to begin with.
func (o *trainOptions) startable() error {
	if o.model != "" {
		m, _, err := openSound([]string{o.model})
		if err != nil {
			return err
		}
		return m.Close()
	}
	if o.variant != "" {
		_, err := builder.Find(o.variant)
		return err
	}
	return nil
}

// startModel returns the model that training begins with and what it is.
func (a *app) startModel(c *cobra.Command, o trainOptions, set *data.Set) (*onnx.Model, string, error) {
	if o.model == "" {
		return a.trainVariant(c, o, set)
	}
	for _, name := range []string{"variant", "input", "init"} {
		if c.Flags().Changed(name) {
			return nil, "", usage("--%s is for a new variant, and --model names a model", name)
		}
	}
	return openSound([]string{o.model})
}
