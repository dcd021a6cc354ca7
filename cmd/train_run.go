package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"alexctl/classify"
	"alexctl/data"
	"alexctl/export"
	"alexctl/fault"
	"alexctl/internal/cache"
	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/run"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/train"
)

// dataCache returns the folder that datasets are fetched to.
func dataCache() (string, error) {
	dir, _, err := cache.Dir()
	if err != nil {
		return "", fault.As(fault.Environment, err)
	}
	return filepath.Join(dir, "data"), nil
}

// openData opens a dataset by name or folder, and says what of it is not as it looks.
func (a *app) openData(ctx context.Context, name string, o data.Options) (*data.Set, error) {
	folder, err := dataCache()
	if err != nil && o.Dir == "" {
		return nil, err
	}
	o.Cache = folder
	set, err := data.Open(ctx, name, o)
	if err != nil {
		return nil, err
	}
	for _, s := range set.Notes {
		a.say("note: %s", s)
	}
	return set, nil
}

// checkedImages is how many images of a folder are looked at before anything begins.
const checkedImages = 500

// soundImages looks at the images of a small folder before the first step.
func (a *app) soundImages(ctx context.Context, set *data.Set) error {
	if !set.Folder || set.Train.Len()+length(set.Test) > checkedImages {
		return nil
	}
	return a.broken(ctx, nil, set.Train, set.Test)
}

// broken lists all images that cannot be read where one of them was why something failed, or
// where err is nil, and returns err or the first of them.
func (a *app) broken(ctx context.Context, err error, sets ...data.Dataset) error {
	if err != nil && (!data.IsImage(err) || ctx.Err() != nil) {
		return err
	}
	var all []error
	for _, d := range sets {
		if d == nil {
			continue
		}
		bar := a.progress(d.Len(), "images checked")
		found, ended := data.Broken(ctx, d, bar.add)
		bar.done()
		if all = append(all, found...); ended != nil {
			return ended
		}
	}
	if len(all) == 0 {
		return err
	}
	return a.unreadable(all)
}

// unreadable lists the images that cannot be read and returns what they come to; nil for none.
func (a *app) unreadable(all []error) error {
	if len(all) == 0 {
		return nil
	}
	first := all[0]
	if fault.Default(&first, fault.Invalid); len(all) == 1 {
		return first
	}
	kind := fault.Unsupported // where they all are
	for _, e := range all {
		if fault.KindOf(e) != kind {
			kind = fault.Invalid
		}
		_ = a.complain("%s", e) // even with --quiet
	}
	return fault.New(kind, "%d images cannot be read, the first: %w", len(all), first)
}

// fit makes the batch and the epochs, where no flag says them, fit a small folder, and warns of
// a run that is too short.
func (o *trainOptions) fit(c *cobra.Command, a *app, set *data.Set) {
	if set.Folder { // of the built-in sets there is enough, and their parts stay what they were
		o.Split = train.ByClass
	}
	rest, _ := run.Parts(set, o.Config, o.limit)
	images := rest.Len()
	given := o.Config
	if set.Folder {
		if !c.Flags().Changed("batch") {
			o.SmallBatch(images)
		}
		if !c.Flags().Changed("epochs") {
			o.MoreEpochs(images)
		}
		if o.Batch != given.Batch {
			a.say("note: there are few images, so the batch is %d (--batch overrides this)", o.Batch)
		}
		if o.Epochs != given.Epochs {
			a.say("note: there are few images, so there are %d epochs (--epochs overrides this)", o.Epochs)
		}
	}
	if steps, short := o.Short(images); short && !o.dryRun {
		a.say("warning: %s in all is little to learn from: more --epochs, or a smaller --batch, make more of it", counted(steps, "step"))
	}
}

// newRun prepares a run from the flags.
func (a *app) newRun(c *cobra.Command, o trainOptions, on func(train.Event)) (_ *run.Run, err error) {
	chosen := o.Config
	o.For(o.Optimizer)
	for name, value := range map[string][2]*float64{"lr": {&o.LR, &chosen.LR}, "weight-decay": {&o.WeightDecay, &chosen.WeightDecay}} {
		if c.Flags().Changed(name) {
			*value[0] = *value[1]
		}
	}
	if o.Patience > 0 && !c.Flags().Changed("schedule") {
		o.Schedule = "constant"
	}
	choose := o.Kernels == autoKernels
	if choose {
		o.Kernels = ""
	}
	o.Memory = a.within(gorgonia.DefaultMemory)
	o.CheckpointEvery = o.every.Seconds()
	if err := o.Check(); err != nil {
		return nil, err
	}
	if err := (gorgonia.Engine{Kernels: o.KernelSet()}).Check(c.Context()); err != nil {
		return nil, err
	}
	if o.classMap != "" && o.classMap != "order" {
		return nil, usage("--class-map %q: training knows \"order\" only (rename the folders, or give the model a new last layer with --replace-head)", o.classMap)
	}
	if o.limit < 0 || c.Flags().Changed("limit") && o.limit == 0 {
		return nil, usage("--limit %d: want at least 1", o.limit)
	}
	images, err := a.imageLimits(o.pixels)
	if err != nil {
		return nil, err
	}
	if err := o.startable(); err != nil { // before any image is read
		return nil, err
	}
	set, err := a.openData(c.Context(), o.data, data.Options{Dir: o.dataDir, Seed: o.Seed, ByClass: true, Images: images})
	if err != nil {
		return nil, err
	}
	o.fit(c, a, set)
	if err := a.soundImages(c.Context(), set); err != nil {
		return nil, err
	}
	if c.Flags().Changed("output") {
		err = replaceable(o.output, o.force)
	} else if !o.force {
		o.output = a.free(o.output)
	}
	if err != nil {
		return nil, err
	}
	if err := export.Possible(o.output); err != nil && !o.dryRun {
		return nil, fault.New(fault.KindOf(err), "-o %s: %w", o.output, err).Hint(otherName)
	}
	if o.Threads = a.threads; a.threads == 0 {
		o.Threads = kernel.Processors()
	}
	m, name, err := a.startModel(c, o, set)
	if err != nil {
		return nil, err
	}
	if choose {
		if o.Kernels, err = a.fasterKernels(c.Context(), m, o.Config); err != nil {
			return nil, errors.Join(err, m.Close())
		}
	}
	r, err := run.Prepare(m, set, run.Options{
		Recipe: o.Config, Name: name, Data: o.data, DataDir: o.dataDir, Limit: o.limit, Dir: o.run, Output: o.output, Preprocess: o.preprocess,
		Signature: o.signature, ReplaceHead: o.replaceHead, InOrder: o.classMap == "order", Strip: o.strip, On: on,
	})
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return r, nil
}

// autoKernels is what --kernels calls those that prove faster.
const autoKernels = "auto"

// fasterKernels tries the kernels that are here on steps of the model, and returns those that
// took less.
func (a *app) fasterKernels(ctx context.Context, m *onnx.Model, c train.Config) (string, error) {
	const seconds = 1
	best, least := "", time.Duration(0)
	var tried []string
	for _, set := range gorgonia.KernelSets {
		k := a.kernels(set, c.Precision, c.Threads)
		if k.Valid() != nil {
			continue // not in this precision
		}
		if _, err := k.Name(); err != nil {
			tried = append(tried, set+" is not here")
			continue
		}
		times, _, err := benchStep(ctx, m, k, c.Batch, seconds)
		if err != nil {
			return "", err
		}
		slices.Sort(times)
		took := times[len(times)/2]
		tried = append(tried, fmt.Sprintf("a step takes %s with %s", took.Round(100*time.Microsecond), set))
		if best == "" || took < least {
			best, least = set, took
		}
	}
	a.say("note: kernels: %s", strings.Join(tried, ", "))
	return best, nil
}

// resumable are the flags that go with --resume: the rest is the run's.
var resumable = []string{"resume", "output", "json", "quiet", "ort-lib", "dry-run", "max-memory", "max-pixels"}

// openRun opens an earlier run.
func (a *app) openRun(c *cobra.Command, o trainOptions) (*run.Run, error) {
	var wrong []string
	c.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains(resumable, f.Name) {
			wrong = append(wrong, "--"+f.Name)
		}
	})
	if len(wrong) > 0 {
		return nil, usage("%s cannot be changed when a run is resumed: it keeps its settings", strings.Join(wrong, ", "))
	}
	folder, err := dataCache()
	if err != nil {
		return nil, err
	}
	images, err := a.imageLimits(o.pixels)
	if err != nil {
		return nil, err
	}
	r, err := run.Open(c.Context(), o.resume, data.Options{Cache: folder, Images: images})
	if err != nil {
		return nil, err
	}
	r.Recipe.Memory = a.within(gorgonia.DefaultMemory)
	if c.Flags().Changed("output") {
		r.Output = o.output
	}
	if err := export.Possible(r.Output); err != nil {
		return nil, errors.Join(fault.New(fault.KindOf(err), "-o %s: %w", r.Output, err), r.Close())
	}
	if now := run.Kernels(r.Recipe); now != r.Kernels {
		a.say("warning: the run began with %s and continues with %s: its results will differ in the last bits", r.Kernels, now)
	}
	return r, nil
}

// tried is the JSON result of train --dry-run.
type tried struct {
	Event          string       `json:"event"` // "dry_run"
	Layers         []triedLayer `json:"layers"`
	Loss           float64      `json:"loss"` // of the first step
	GraphBytes     int64        `json:"graph_bytes"`
	OptimizerBytes int64        `json:"optimizer_bytes"`
	StepsPerEpoch  int          `json:"steps_per_epoch"`
	StepSeconds    float64      `json:"step_seconds"`
	EvalSeconds    float64      `json:"eval_seconds"`
	TotalSeconds   float64      `json:"total_seconds"`
}

type triedLayer struct {
	Node  string `json:"node"`
	Op    string `json:"op"`
	Shape []int  `json:"shape"`
	Bytes int64  `json:"bytes"`
}

// dryRun shows what a run would take.
func (a *app) dryRun(ctx context.Context, r *run.Run) error {
	e, err := r.DryRun(ctx)
	if err != nil {
		return err
	}
	if a.json {
		var layers []triedLayer
		for _, l := range e.Layers {
			layers = append(layers, triedLayer{l.Node, l.Kind, l.Shape, l.Bytes})
		}
		return a.printJSON(tried{
			Event: "dry_run", Layers: layers, Loss: float64(e.Loss), GraphBytes: e.GraphBytes, OptimizerBytes: e.OptimizerBytes,
			StepsPerEpoch: e.StepsPerEpoch, StepSeconds: e.StepSeconds, EvalSeconds: e.EvalSeconds, TotalSeconds: e.TotalSeconds,
		})
	}
	t := newTable(table.Row{"node", "operator", "shape (channels last)", "MiB"}, "MiB")
	unkept := false
	for _, l := range e.Layers {
		size := fmt.Sprintf("%.2f", float64(l.Bytes)/(1<<20))
		if l.Bytes == 0 {
			size, unkept = "-", true
		}
		t.AppendRow(table.Row{l.Node, l.Kind, fmt.Sprint(l.Shape), size})
	}
	if err := a.printTable(t); err != nil {
		return err
	}
	if unkept {
		if err := a.prose("- is a gradient that the optimizer takes as it is made: it is nowhere as a whole\n"); err != nil {
			return err
		}
	}
	total := time.Duration(e.TotalSeconds * float64(time.Second)).Round(time.Second)
	err = a.print("loss of the first step %.4f\nmemory: graph and weights %d MiB, optimizer %d MiB\n%s per epoch of %.3f s: %s take about %s\n",
		e.Loss, e.GraphBytes>>20, e.OptimizerBytes>>20, counted(e.StepsPerEpoch, "step"), e.StepSeconds, counted(r.Recipe.Epochs, "epoch"), total)
	a.next("the same without --dry-run")
	return err
}

// trained is the last line of train's JSON result.
type trained struct {
	Event        string   `json:"event"` // "done"
	Model        string   `json:"model"`
	Run          string   `json:"run"`
	TestAccuracy *float64 `json:"test_accuracy"` // null without test images
	Verified     bool     `json:"verified"`
	Epoch        int      `json:"epoch"`
	SHA256       string   `json:"sha256"`
	Engines      []string `json:"engines"` // that the export was verified with
}

// export writes the trained model, which gets its name when the engines agree on real images.
func (a *app) export(ctx context.Context, r *run.Run, result *train.Result, engines []runtime.Engine, absent string) error {
	m, err := r.Trained(result)
	if err != nil {
		return err
	}
	learner := gorgonia.Engine{Kernels: a.kernels(r.Recipe.Kernels, "", r.Recipe.Threads)}
	if absent != "" { // then Gorgonia stands for it already
		engines = nil
	}
	engines = append([]runtime.Engine{learner}, engines...)
	images := r.Inputs.Test
	if images == nil {
		images = r.Inputs.Train
	}
	o := export.Options{Path: r.Output, Engines: engines, Images: images, Verify: a.verifyOptions(absent)}
	if r.Signature != nil {
		o.Classes = classify.Options{Signature: *r.Signature}
	}
	o.Verify.Progress = func(engine string) { a.say("verifying on %s", engine) }
	written, err := export.Write(ctx, m, o)
	if err != nil {
		return err
	}
	done := trained{Event: "done", Model: written.Path, Run: r.Dir, Verified: written.Report.OK, Epoch: result.Epoch, SHA256: written.SHA256}
	for _, e := range engines {
		done.Engines = append(done.Engines, e.Name())
	}
	if result.Test != nil {
		accuracy := result.Test.Accuracy()
		done.TestAccuracy = &accuracy
	}
	if a.json {
		err = a.printJSON(done)
	} else {
		err = a.printTrained(r, result, done, written)
	}
	if err != nil {
		return err
	}
	if !done.Verified {
		a.next("alexctl verify %s", shellWord(done.Model))
		return reported{fault.Finding}
	}
	a.next("alexctl infer --model %s image.png", shellWord(done.Model))
	return nil
}

func (a *app) printTrained(r *run.Run, result *train.Result, done trained, written *export.Result) error {
	if err := a.printReport(written.Report); err != nil {
		return err
	}
	line := fmt.Sprintf("%s: %s trained on %s for %s", done.Model, r.Model, filepath.Base(r.Data), counted(result.Epoch, "epoch"))
	if result.Test != nil {
		line += fmt.Sprintf(", %.2f%% of %d test images right", 100*result.Test.Accuracy(), result.Test.Images)
	}
	return errors.Join(a.prose("%s\n", line), a.print("sha256 %s\nrun %s\n", done.SHA256, r.Dir))
}
