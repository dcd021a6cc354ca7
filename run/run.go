package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"alexctl/card"
	"alexctl/data"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/onnx/pass"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/reference"
	"alexctl/signature"
	"alexctl/train"
)

// Run is a run with the model and the images that it works on.
type Run struct {
	Settings
	Dir    string
	Inputs train.Inputs

	opened   *onnx.Model // the file that model reads from
	model    *onnx.Model
	output   signature.Output
	layout   signature.Layout
	folder   *Folder
	resumed  bool
	anywhere bool // whether the folder was not named
}

// Options says what a run learns, from what and how.
type Options struct {
	Recipe     train.Config
	Name       string // what the model is called: its file, or "variant NAME"
	Data       string // what the set was opened as: a name or a folder
	DataDir    string
	Limit      int    // how many of the images to use; 0 for all
	Dir        string // the run's folder; "" is one of its own in runs
	Output     string // the file that the trained model is to have
	Preprocess string // as preprocess.Named takes it; "" is the model's own, or worked out from the images
	Signature  signature.Options
	// ReplaceHead gives the model a new last layer for the classes of the set.
	ReplaceHead bool
	// InOrder takes the set's classes for the model's in their order, whatever they are called.
	InOrder bool
	// Strip leaves Dropout nodes out of the trained model.
	Strip bool
	// On is told what is worth knowing; nil tells nobody.
	On func(train.Event)
}

func (o *Options) note(format string, args ...any) {
	if o.On != nil {
		o.On(&train.NoteEvent{Event: "note", Note: fmt.Sprintf(format, args...)})
	}
}

// Prepare makes the model fit the data and the data the model, and refuses whatever could not
// be trained or exported. Nothing is written. The run reads from m until it is closed, and
// closes it.
func Prepare(m *onnx.Model, set *data.Set, o Options) (_ *Run, err error) {
	defer fault.Default(&err, fault.Invalid)
	r := &Run{opened: m, Dir: o.Dir, Settings: Settings{Version: version, Model: o.Name, Data: o.Data, DataDir: o.DataDir, Limit: o.Limit, Classes: set.Classes, Output: o.Output,
		Strip: o.Strip, Recipe: o.Recipe}}
	if o.Signature != (signature.Options{}) {
		r.Signature = &o.Signature
	}
	for path, given := range map[*string]bool{&r.Data: set.Folder, &r.DataDir: o.DataDir != ""} {
		if given {
			if *path, err = filepath.Abs(*path); err != nil {
				return nil, err
			}
		}
	}
	if r.Recipe.Augment == "" {
		r.Recipe.Augment = set.Augment
	}
	own, err := card.Read(m)
	if err != nil {
		return nil, err
	}
	if err := r.prepareModel(set, o); err != nil {
		return nil, err
	}
	if err := r.split(set); err != nil {
		return nil, err
	}
	if err := r.fit(own, o); err != nil {
		return nil, err
	}
	if r.Dir == "" {
		r.anywhere = true
		r.Dir = freeFolder(strings.TrimPrefix(strings.TrimSuffix(filepath.Base(r.Model), filepath.Ext(r.Model)), "variant "))
	}
	return r, nil
}

// prepareModel makes what is trained of the model that was opened.
func (r *Run) prepareModel(set *data.Set, o Options) error {
	m, reports, err := train.Prepare(r.opened)
	if err != nil {
		return err
	}
	for _, report := range reports {
		for _, c := range report.Changes {
			if report.Pass == pass.Separate().Name() {
				o.note("%s: %s", c.Where, c.What)
			}
		}
	}
	if err := op.Join(op.Check(m).Unchecked); err != nil {
		return fault.New(fault.Unsupported, "%s cannot be trained: %w", r.Model, err)
	}
	given := o.Signature
	if o.ReplaceHead && given.Activation == "" {
		given.Activation = string(signature.Logits) // whatever the old head's scores mean
	}
	if r.output, err = signature.OutputOf(m, given); err != nil {
		return err
	}
	if o.ReplaceHead {
		if m, _, err = pass.Run(m, pass.ReplaceHead{Output: r.output.Name, Classes: len(set.Classes), Seed: r.Recipe.Seed}); err != nil {
			return err
		}
		if r.output, err = signature.OutputOf(m, signature.Options{Output: r.output.Name}); err != nil {
			return err
		}
		// What was said of the old head does not hold for the new one, now or when it is resumed.
		r.Signature = &signature.Options{Output: r.output.Name, Layout: o.Signature.Layout}
	}
	r.model = m
	newHead := fault.Hint{Text: "give the model a new last layer", Option: fault.ReplaceHead}
	if n := r.output.Scores; n > 0 && n != len(set.Classes) {
		return fault.New(fault.Usage, "the model has %d classes, %s has %d", n, set.Name, len(set.Classes)).Hint(newHead)
	}
	if r.output.Activation == signature.Sigmoid {
		return fault.New(fault.Unsupported, "%s goes through a sigmoid, and training uses softmax cross entropy", r.output).Hint(newHead)
	}
	if !o.ReplaceHead && !o.InOrder {
		if err := sameClasses(r.opened, set); err != nil {
			return err
		}
	}
	return r.Recipe.CheckFreeze(m)
}

// sameClasses refuses a model whose scores are of other classes than the set's, by their names,
// or of the same in another order.
func sameClasses(m *onnx.Model, set *data.Set) error {
	c, err := card.Read(m)
	if err != nil || c.Labels == nil || slices.Equal(c.Labels, set.Classes) {
		return err
	}
	if _, err = data.Match(c.Labels, set.Classes, data.Mapping{}); err == nil {
		err = fault.New(fault.Invalid, "the data have the model's classes in another order: %s; the model has %s", data.Brief(set.Classes), data.Brief(c.Labels)).
			Hint(fault.Hint{Text: "take them in their order", Option: fault.ClassMap, Value: "order"})
	}
	return fault.New(fault.Invalid, "%w", err).Hint(fault.Hint{Text: "give the model a new last layer", Option: fault.ReplaceHead})
}

// Kernels names what computes a recipe.
func Kernels(c train.Config) string { return gorgonia.Engine{Kernels: c.KernelSet()}.Settings() }

// Create makes the run's folder, which this process then has.
func (r *Run) Create(ctx context.Context) (err error) {
	defer fault.Default(&err, fault.Environment)
	if err := r.claim(); err != nil {
		return err
	}
	if _, err := r.model.WriteFile(ctx, filepath.Join(r.Dir, startFile), onnx.WriteOptions{}); err != nil {
		return err
	}
	return r.write(r.Dir)
}

// claim takes the folder or, where none was named and another run was begun in it since, one
// like it.
func (r *Run) claim() (err error) {
	for try := 2; ; try++ {
		if r.folder, err = Claim(r.Dir); err == nil {
			if err = r.folder.empty(); err == nil {
				return nil
			}
			err = errors.Join(err, r.folder.refuse())
			r.folder = nil
		}
		if !r.anywhere || try > 100 || !errors.Is(err, ErrLocked) && fault.KindOf(err) != fault.Usage {
			return err
		}
		r.Dir = fmt.Sprintf("%s-%d", strings.TrimSuffix(r.Dir, fmt.Sprintf("-%d", try-1)), try)
	}
}

// Open opens an earlier run, with its data, and claims its folder. Data that are no longer what
// they were are fault.Invalid.
func Open(ctx context.Context, dir string, o data.Options) (_ *Run, err error) {
	s, err := ReadSettings(dir)
	if err != nil {
		return nil, err
	}
	r := &Run{Settings: s, Dir: dir, resumed: true}
	o.Dir, o.Seed, o.ByClass = r.DataDir, r.Recipe.Seed, r.Recipe.Split == train.ByClass
	set, err := data.Open(ctx, r.Data, o)
	if err != nil {
		return nil, fault.New(fault.KindOf(err), "the run's data, %s, cannot be opened where they were: %w", r.Data, err)
	}
	images, fingerprint := r.Images, r.Fingerprint
	if err := r.split(set); err != nil {
		return nil, err
	}
	if r.Images != images || r.Fingerprint != fingerprint || !slices.Equal(r.Classes, set.Classes) {
		return nil, fault.New(fault.Invalid, "%s is no longer what the run began with (%d images of %d classes to train with then, %d of %d now; with equal numbers, the images differ): put the images back, or begin a new run",
			r.Data, images, len(r.Classes), r.Images, len(set.Classes))
	}
	if r.opened, err = onnx.Open(filepath.Join(dir, startFile)); err != nil {
		return nil, err
	}
	r.model = r.opened
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	if err := op.Check(r.model).Invalid(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, startFile), err)
	}
	given := signature.Options{}
	if r.Signature != nil {
		given = *r.Signature
	}
	sig, err := signature.Of(r.model, given)
	if err != nil {
		return nil, err
	}
	r.output, r.layout = sig.Output, sig.Input.Layout
	augment, err := data.ParseAugment(r.Recipe.Augment)
	if err != nil {
		return nil, err
	}
	r.transform(augment)
	r.folder, err = Claim(dir)
	return r, err
}

// Resumed reports whether the run was begun by an earlier process.
func (r *Run) Resumed() bool { return r.resumed }

// Begin prepares training, before Create: nothing is written until the first epoch. Events name checkpoints by their paths.
func (r *Run) Begin(on func(train.Event)) (*train.Run, error) {
	return train.New(r.model, r.Inputs, r.Recipe, memory(r.Dir), func(e train.Event) {
		if c, ok := e.(*train.CheckpointEvent); ok {
			c.Path = filepath.Join(r.Dir, checkpointFolder, c.Path)
		}
		on(e)
	})
}

// DryRun does one step and one evaluation and estimates the rest.
func (r *Run) DryRun(ctx context.Context) (*train.Estimate, error) {
	return train.DryRun(ctx, r.model, r.Inputs, r.Recipe)
}

// Trained returns the model that training began with, holding the trained weights, with the
// story of the run on its card.
func (r *Run) Trained(result *train.Result) (*onnx.Model, error) {
	g, err := r.model.Graph.WithInitializers(result.Weights)
	if err != nil {
		return nil, err
	}
	m := r.model.WithGraph(g)
	if r.Strip {
		if m, _, err = pass.Run(m, pass.Strip()); err != nil {
			return nil, err
		}
	}
	recipe, err := json.Marshal(r.Recipe)
	if err != nil {
		return nil, err
	}
	story := &card.Training{Model: filepath.Base(r.Model), Data: filepath.Base(r.Data), Images: r.Images, Epoch: result.Epoch, Recipe: recipe, Kernels: r.Kernels}
	if result.Test != nil {
		accuracy := result.Test.Accuracy()
		story.TestAccuracy, story.TestImages = &accuracy, result.Test.Images
	}
	c := &card.Card{Trained: card.Trained, Training: story,
		Output: &card.Output{Name: r.output.Name, Activation: string(r.output.Activation), Layout: string(r.layout)}}
	return m, c.Write(m)
}

// verifiable reports why the trained model could not be verified.
func (r *Run) verifiable() error {
	if _, err := (reference.Engine{}).Prepare(context.Background(), r.model); err != nil {
		return fault.New(fault.KindOf(err), "the trained model could not be verified: %w", err)
	}
	return nil
}

// Close closes the model and lets others work on the run.
func (r *Run) Close() error {
	var errs []error
	if r.opened != nil {
		errs = append(errs, r.opened.Close())
	}
	if r.folder != nil {
		errs = append(errs, r.folder.Close())
	}
	return errors.Join(errs...)
}
