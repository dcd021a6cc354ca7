package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"alexctl/builder"
	"alexctl/data"
	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/preprocess"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/reference"
	"alexctl/train"
)

// trainRun is a run: what its folder says of it, and what it works on.
type trainRun struct {
	Version     int              `json:"version"`
	Model       string           `json:"model"` // what training began with
	Data        string           `json:"data"`
	DataDir     string           `json:"data_dir,omitempty"`
	Limit       int              `json:"limit,omitempty"`
	Images      int              `json:"images"`      // to train with, without those held out
	Fingerprint string           `json:"fingerprint"` // of these images
	Classes     []string         `json:"classes"`
	Spec        *preprocess.Spec `json:"preprocess"`
	Colors      *data.Components `json:"colors,omitempty"`
	Output      string           `json:"output"`
	Strip       bool             `json:"strip"`
	Recipe      train.Config     `json:"recipe"`
	Kernels     string           `json:"kernels"`

	dir    string
	opened *onnx.Model // the file that model reads from
	model  *onnx.Model
	inputs train.Inputs
}

// Files in a run's folder.
const (
	runConfig = "config.json"
	runStart  = "start.onnx" // the model before the first step
)

// dataCache returns the folder that datasets are fetched to.
func dataCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", environment(err)
	}
	return filepath.Join(dir, "alexctl", "data"), nil
}

// openData opens a dataset by name or folder.
func openData(name, dir string, seed uint64) (*data.Set, error) {
	cache, err := dataCache()
	if err != nil && dir == "" {
		return nil, err
	}
	set, err := data.Open(name, data.Options{Dir: dir, Cache: cache, Seed: seed})
	var missing *data.MissingError
	switch {
	case errors.Is(err, data.ErrUnknown):
		return nil, &exitError{exitUsage, fmt.Errorf("--data %w", err)}
	case errors.As(err, &missing):
		return nil, environment(err)
	case err != nil:
		return nil, invalid(err)
	}
	return set, nil
}

// newRun prepares a run from the flags.
func (a *app) newRun(c *cobra.Command, o trainOptions) (*trainRun, error) {
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
	if err := o.Check(); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if err := (gorgonia.Engine{Kernels: o.KernelSet()}).Check(c.Context()); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if o.limit < 0 || c.Flags().Changed("limit") && o.limit == 0 {
		return nil, usage("--limit %d: want at least 1", o.limit)
	}
	set, err := openData(o.data, o.dataDir, o.Seed)
	if err != nil {
		return nil, err
	}
	r := &trainRun{Version: 1, Data: o.data, DataDir: o.dataDir, Limit: o.limit, Classes: set.Classes, Output: o.output, Strip: o.strip, Recipe: o.Config}
	if set.Folder {
		if r.Data, err = filepath.Abs(r.Data); err != nil {
			return nil, environment(err)
		}
	}
	if r.DataDir != "" {
		if r.DataDir, err = filepath.Abs(r.DataDir); err != nil {
			return nil, environment(err)
		}
	}
	if err := writable("-o", o.output); err != nil {
		return nil, err
	}
	if o.Augment == "" {
		r.Recipe.Augment = set.Augment
	}
	if r.Recipe.Threads = a.threads; a.threads == 0 {
		r.Recipe.Threads = kernel.Processors()
	}
	if r.opened, r.Model, err = a.startModel(c, o, set); err != nil {
		return nil, err
	}
	if err := r.prepare(a, c, o, set); err != nil {
		return nil, errors.Join(err, r.opened.Close())
	}
	return r, nil
}

// prepare makes the model fit the data, and the data the model.
func (r *trainRun) prepare(a *app, c *cobra.Command, o trainOptions, set *data.Set) error {
	trained, _ := r.opened.Property(builder.TrainedKey)
	m, err := train.Prepare(r.opened)
	if err != nil {
		return invalid(err)
	}
	if _, unchecked := op.Check(m); len(unchecked) > 0 {
		return environment(fmt.Errorf("%s cannot be trained: %w", r.Model, op.Join(unchecked)))
	}
	if o.replaceHead {
		if m, err = train.ReplaceHead(m, len(set.Classes), r.Recipe.Seed); err != nil {
			return invalid(err)
		}
	}
	r.model = m
	if n := classesOf(m); n > 0 && n != len(set.Classes) {
		return usage("the model has %d classes, %s has %d: --replace-head gives the model a new last layer", n, set.Name, len(set.Classes))
	}
	if err := r.Recipe.CheckFreeze(m); err != nil {
		return &exitError{exitUsage, err}
	}
	if err := setLabels(m, set.Classes); err != nil {
		return invalid(err)
	}
	if err := r.split(set); err != nil {
		return err
	}
	if err := r.fitBatch(a); err != nil {
		return err
	}
	if err := r.chooseSpec(a, o.preprocess, trained == "no"); err != nil {
		return err
	}
	m.SetProperty(preprocess.MetadataKey, r.Spec.JSON())
	// What the export needs is seen to before the first step.
	if _, err := newPredictor(m, ""); err != nil {
		return err
	}
	if _, err := (reference.Engine{}).Prepare(c.Context(), m); err != nil {
		return environment(fmt.Errorf("the trained model could not be verified: %w", err))
	}
	r.Kernels = kernelsOf(r.Recipe)
	if r.dir = o.run; r.dir == "" {
		r.dir = freeDir(filepath.Join("runs", strings.TrimPrefix(strings.TrimSuffix(filepath.Base(r.Model), filepath.Ext(r.Model)), "variant ")+
			"-"+time.Now().Format("20060102-150405")))
	}
	return nil
}

// kernelsOf names what computes a run.
func kernelsOf(c train.Config) string {
	return gorgonia.Engine{Kernels: c.KernelSet()}.Settings()
}

// freeDir returns a folder that is not there yet: name, or name with a number.
func freeDir(name string) string {
	for i, dir := 2, name; ; i++ {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) || i > 1000 {
			return dir
		}
		dir = fmt.Sprintf("%s-%d", name, i)
	}
}

// writable reports an output that could not be written, before the work for it.
func writable(flag, output string) error {
	if info, err := os.Stat(output); err == nil && info.IsDir() {
		return usage("%s %s: it is a folder", flag, output)
	}
	f, err := os.CreateTemp(filepath.Dir(output), ".alexctl-*")
	if err != nil {
		var cause *os.PathError
		if errors.As(err, &cause) { // without the name of the file that was tried
			err = cause.Err
		}
		return environment(fmt.Errorf("%s %s: nothing can be written to %s: %w", flag, output, filepath.Dir(output), err))
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return environment(err)
	}
	return nil
}

// fitBatch takes the batch size of a model that has only one, and of data that have
// no more images.
func (r *trainRun) fitBatch(a *app) error {
	_, shape, err := imageInput(r.model)
	if err != nil {
		return err
	}
	if d := shape[0]; d.IsKnown() {
		if d.N < 1 || d.N > int64(r.inputs.Train.Len()) {
			return invalid(fmt.Errorf("the model takes batches of %d and no others, and there are %s to train with", d.N, counted(r.inputs.Train.Len(), "image")))
		}
		if int(d.N) != r.Recipe.Batch {
			a.say("note: the model takes batches of %d: so does the training", d.N)
		}
		r.Recipe.Batch = int(d.N)
	}
	if r.Recipe.Batch > r.inputs.Train.Len() {
		a.say("note: %s to train with: the batch is %d", counted(r.inputs.Train.Len(), "image"), r.inputs.Train.Len())
		r.Recipe.Batch = r.inputs.Train.Len()
	}
	return nil
}

// split takes the images apart.
func (r *trainRun) split(set *data.Set) error {
	d := set.Train
	if r.Limit > 0 {
		d = data.Limit(d, r.Limit, r.Recipe.Seed)
	}
	r.inputs = train.Inputs{Train: d, Test: set.Test, Classes: set.Classes}
	if r.Recipe.ValSplit > 0 {
		r.inputs.Train, r.inputs.Val = data.Split(d, r.Recipe.ValSplit, r.Recipe.Seed)
		if r.inputs.Val.Len() == 0 {
			r.inputs.Val = nil
		}
	}
	if r.inputs.Train.Len() == 0 {
		return usage("no image is left to train with")
	}
	if r.Recipe.Patience > 0 && r.inputs.Val == nil {
		return usage("--patience looks at the validation accuracy, and %g of %d images is no image to validate with", r.Recipe.ValSplit, d.Len())
	}
	if r.inputs.Test != nil && r.inputs.Test.Len() == 0 {
		r.inputs.Test = nil
	}
	r.Images = r.inputs.Train.Len()
	var err error
	if r.Fingerprint, err = data.Fingerprint(r.inputs.Train); err != nil {
		return invalid(err)
	}
	return nil
}

// chooseSpec says how images become the model's input: as the flag says, as the model
// does, or, for one that is fresh or does not say, as the images suggest.
func (r *trainRun) chooseSpec(a *app, given string, fresh bool) error {
	input, shape, err := imageInput(r.model)
	if err != nil {
		return err
	}
	own, err := modelSpec(r.model)
	if err != nil {
		return err
	}
	augment, err := data.ParseAugment(r.Recipe.Augment)
	if err != nil {
		return usage("%v", err)
	}
	switch {
	case given != "":
		if r.Spec, err = namedSpec(given, shape); err != nil {
			return err
		}
	case own != nil && !fresh:
		a.say("note: the model says how images are preprocessed: that stays (--preprocess changes it)")
		r.Spec = own
	default:
		for _, d := range shape[1:] {
			if !d.IsKnown() {
				return invalid(fmt.Errorf("input %q is %s: its channels, height and width must be fixed", input.Name, input.Type))
			}
		}
		if r.Spec, err = data.SpecFor(r.inputs.Train, int(shape[1].N), int(shape[2].N), int(shape[3].N)); err != nil {
			return invalid(err)
		}
		if r.Colors, err = data.Normalize(r.inputs.Train, r.Spec); err != nil {
			return invalid(err)
		}
	}
	if augment.Color && r.Colors == nil {
		scratch := *r.Spec
		if r.Colors, err = data.Normalize(r.inputs.Train, &scratch); err != nil {
			return invalid(err)
		}
		if r.Colors == nil {
			return usage("--augment color is for colour images, and the model takes grey ones")
		}
	}
	r.inputs.Transform = &data.Transform{Spec: r.Spec, Augment: augment, Colors: r.Colors}
	return nil
}

// create makes the run's folder.
func (r *trainRun) create(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(r.dir, runConfig)); err == nil {
		return usage("%s holds a run already: --resume %s goes on with it", r.dir, shellWord(r.dir))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return environment(err)
	}
	if entries, err := os.ReadDir(r.dir); err == nil && len(entries) > 0 {
		return usage("--run %s: the folder is not empty and holds no run: name another", r.dir)
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return environment(err)
	}
	if _, err := r.model.WriteFile(ctx, filepath.Join(r.dir, runStart), onnx.WriteOptions{}); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return environment(err)
	}
	saved := *r
	var err error
	if saved.Output, err = filepath.Abs(r.Output); err != nil { // it may go on from another folder
		return environment(err)
	}
	text, err := json.MarshalIndent(saved, "", "  ")
	if err != nil {
		return err
	}
	if err := train.Replace(r.dir, runConfig, append(text, '\n')); err != nil {
		return environment(err)
	}
	return nil
}

// resumable are the flags that go with --resume: the rest is the run's.
var resumable = []string{"resume", "output", "json", "quiet", "ort-lib", "dry-run"}

// openRun opens an earlier run.
func (a *app) openRun(c *cobra.Command, o trainOptions) (*trainRun, error) {
	var wrong []string
	c.Flags().Visit(func(f *pflag.Flag) {
		for _, name := range resumable {
			if f.Name == name {
				return
			}
		}
		wrong = append(wrong, "--"+f.Name)
	})
	if len(wrong) > 0 {
		return nil, usage("%s cannot be changed in a run that goes on: it keeps its own settings", strings.Join(wrong, ", "))
	}
	path := filepath.Join(o.resume, runConfig)
	text, err := os.ReadFile(path)
	if err != nil {
		if missing(err) {
			return nil, invalid(fmt.Errorf("%s is no run: it has no %s", o.resume, runConfig))
		}
		return nil, environment(err)
	}
	r := &trainRun{dir: o.resume}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, invalid(fmt.Errorf("%s is damaged: %w", path, err))
	}
	if r.Version != 1 || r.Spec == nil || r.Spec.Validate() != nil || r.Recipe.Check() != nil {
		return nil, invalid(fmt.Errorf("%s is not the configuration of a run of this version: %w", path, errors.Join(fmt.Errorf("version %d", r.Version), r.Recipe.Check())))
	}
	if c.Flags().Changed("output") {
		r.Output = o.output
	}
	if now := kernelsOf(r.Recipe); now != r.Kernels {
		a.say("warning: the run began with %s and goes on with %s: it will not be the same to the last bit", r.Kernels, now)
	}
	set, err := openData(r.Data, r.DataDir, r.Recipe.Seed)
	if err != nil {
		return nil, &exitError{codeOf(err), fmt.Errorf("the run's data, %s, cannot be opened where they were: %w", r.Data, err)}
	}
	images, fingerprint := r.Images, r.Fingerprint
	if err := r.split(set); err != nil {
		return nil, err
	}
	if r.Images != images || r.Fingerprint != fingerprint || !slices.Equal(r.Classes, set.Classes) {
		return nil, invalid(fmt.Errorf("%s is no longer what the run began with (%d images of %d classes to train with then, %d of %d now; the same number means other ones): put the images back, or begin a new run",
			r.Data, images, len(r.Classes), r.Images, len(set.Classes)))
	}
	augment, err := data.ParseAugment(r.Recipe.Augment)
	if err != nil {
		return nil, invalid(err)
	}
	r.inputs.Transform = &data.Transform{Spec: r.Spec, Augment: augment, Colors: r.Colors}
	r.opened, _, err = openSound([]string{filepath.Join(o.resume, runStart)})
	r.model = r.opened
	return r, err
}

// dryRun shows what a run would take.
func (a *app) dryRun(ctx context.Context, r *trainRun) error {
	e, err := train.DryRun(ctx, r.model, r.inputs, r.Recipe)
	if err != nil {
		return a.trainFailure(ctx, r, err)
	}
	type layer struct {
		Node  string `json:"node"`
		Op    string `json:"op"`
		Shape []int  `json:"shape"`
		Bytes int64  `json:"bytes"`
	}
	if a.json {
		var layers []layer
		for _, l := range e.Layers {
			layers = append(layers, layer{l.Node, l.Kind, l.Shape, l.Bytes})
		}
		return a.printJSON(map[string]any{
			"event": "dry_run", "layers": layers, "loss": e.Loss, "graph_bytes": e.GraphBytes, "optimizer_bytes": e.OptimizerBytes,
			"steps_per_epoch": e.StepsPerEpoch, "step_seconds": e.StepSeconds, "eval_seconds": e.EvalSeconds, "total_seconds": e.TotalSeconds,
		})
	}
	t := newTable(table.Row{"node", "operator", "shape (channels last)", "MiB"}, "MiB")
	for _, l := range e.Layers {
		t.AppendRow(table.Row{l.Node, l.Kind, fmt.Sprint(l.Shape), fmt.Sprintf("%.2f", float64(l.Bytes)/(1<<20))})
	}
	if err := a.printTable(t); err != nil {
		return err
	}
	total := time.Duration(e.TotalSeconds * float64(time.Second)).Round(time.Second)
	err = a.print("loss of the first step %.4f\nmemory: graph and weights %d MiB, optimizer %d MiB\n%d steps an epoch of %.3f s: %d epochs take about %s\n",
		e.Loss, e.GraphBytes>>20, e.OptimizerBytes>>20, e.StepsPerEpoch, e.StepSeconds, r.Recipe.Epochs, total)
	a.next("the same without --dry-run")
	return err
}
