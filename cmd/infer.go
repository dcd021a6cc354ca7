package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"alexctl/card"
	"alexctl/classify"
	"alexctl/fault"
	"alexctl/preprocess"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/signature"
)

type inferOptions struct {
	engineFlags
	classify.Options
	model  string
	top    int
	pixels float64 // of an image at most, in millions
	labels string
}

// classifierFlags are the flags that answer what a model does not say of itself.
func classifierFlags(c *cobra.Command, o *classify.Options, pixels *float64) {
	f := c.Flags()
	pixelsFlag(f, pixels)
	f.StringVar(&o.Preprocess, "preprocess", "", "how images are preprocessed: "+strings.Join(preprocess.Names, ", ")+", or a JSON spec or its file (default: the model's own)")
	signatureFlags(c, &o.Signature)
}

// signatureFlags are those about the meaning of the input and the output.
func signatureFlags(c *cobra.Command, o *signature.Options) {
	f := c.Flags()
	if f.Lookup("output") == nil { // train has its file there
		f.StringVar(&o.Output, "output", "", "which output holds the scores (default: as the model says, or its only one)")
	} else {
		f.StringVar(&o.Output, "scores", "", "which output holds the scores (default: as the model says, or its only one)")
	}
	f.StringVar(&o.Activation, "activation", "", "what the scores are: "+strings.Join(signature.Activations, ", ")+" (default: as the model says or shows)")
	f.StringVar(&o.Layout, "layout", "", "order of the input's axes: "+strings.Join(signature.Layouts, " or ")+" (default: as the model says or shows)")
}

func (a *app) inferCommand() *cobra.Command {
	var o inferOptions
	c := &cobra.Command{
		Use:   "infer IMAGE|FOLDER|-...",
		Short: "Classify images",
		Long: `Classify images: JPEG, PNG, GIF, BMP, WebP or TIFF files, folders of them, or - for
the standard input. Images are preprocessed as the model's metadata says, or as
--preprocess says; a softmax is applied to logits. What the scores mean is read from the
model's metadata or its last operators; where neither tells, --activation does. In folders,
names that begin with a dot are skipped. A broken image is reported, the others are
still classified, and the exit code is 4, or 3 where all that failed are pictures of a kind
that is not read (HEIC, AVIF, BigTIFF, ...).`,
		Example: `  alexctl infer image.png
  alexctl infer -m resnet.onnx --preprocess imagenet --labels names.txt photos/
  alexctl infer --json photos/ > predictions.jsonl`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("no image named: alexctl infer IMAGE|FOLDER|-...")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.infer(c.Context(), args, o) },
	}
	o.register(c)
	f := c.Flags()
	f.StringVarP(&o.model, "model", "m", defaultModel, "the model")
	f.IntVarP(&o.top, "top", "k", 5, "how many classes to show")
	f.IntVar(&o.Batch, "batch", 16, "how many images to run at once")
	f.StringVar(&o.labels, "labels", "", "file with one label per line (default: the model's own)")
	classifierFlags(c, &o.Options, &o.pixels)
	return c
}

func (a *app) infer(ctx context.Context, args []string, o inferOptions) (err error) {
	if o.top < 1 || o.Batch < 1 || o.Batch > classify.MaxBatch {
		return usage("--top must be at least 1 and --batch 1 to %d", classify.MaxBatch)
	}
	if o.Images, err = a.imageLimits(o.pixels); err != nil {
		return err
	}
	for _, name := range args {
		if info, err := os.Stat(name); strings.EqualFold(filepath.Ext(name), ".onnx") && err == nil && !info.IsDir() {
			return usage("%s is a model: alexctl infer --model %s IMAGE", name, shellWord(name))
		}
	}
	if o.labels != "" {
		if o.Labels, err = card.ReadLabels(o.labels); err != nil {
			return err
		}
	}
	m, _, err := a.openRunnable(named(o.model))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	plan, err := classify.NewPlan(m, o.Options)
	if err != nil {
		return err
	}
	listed, err := preprocess.Files(ctx, args)
	if err != nil {
		return err
	}
	a.sayOutside(listed)
	files := slices.Concat(listed.Images, listed.Unread) // which fail, each by its name
	size := plan.BatchSize(o.Batch)
	engine, err := a.inferEngine(ctx, &o, (len(files)+size-1)/size)
	if err != nil {
		return err
	}
	c, err := classify.New(ctx, m, engine, o.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	a.sayPlan(plan)
	a.sayLong(inferring.takes(m, nil, len(files)))
	if err := a.printInferred(ctx, c, engine, files, o.top); err != nil {
		return err
	}
	images := ""
	if files[0] != "-" { // what was read from the standard input is gone
		images = " --images " + shellWord(files[0])
		for _, given := range [][2]string{{"preprocess", o.Preprocess}, {"output", o.Signature.Output}, {"activation", o.Signature.Activation}, {"layout", o.Signature.Layout}} {
			if given[1] != "" {
				images += " --" + given[0] + " " + shellWord(given[1])
			}
		}
	}
	a.next("alexctl verify %s%s", shellWord(o.model), images)
	return nil
}

// sayOutside names the links that were not followed.
func (a *app) sayOutside(l *preprocess.Listing) {
	if n := len(l.Outside); n > 0 {
		a.say("note: not followed, because they lead out of the folder: %s, the first %s", counted(n, "link"), l.Outside[0])
	}
}

// inferEngine returns the engine and says how many batches run at once. Many images are
// classified fastest by ONNX Runtime when each processor runs a batch of its own; a
// single batch when all of them share it.
func (a *app) inferEngine(ctx context.Context, o *inferOptions, batches int) (runtime.Engine, error) {
	e, err := a.engine(ctx, o.engineFlags, 0)
	if err != nil {
		return nil, err
	}
	if r, ok := e.(*ort.Engine); ok && r.Provider() == "cpu" && batches > 1 {
		o.Runs = min(goruntime.GOMAXPROCS(0), batches)
		return a.engine(ctx, o.engineFlags, 1)
	}
	return e, nil
}

// sayPlan says what the predictions rest on, as far as that is not written in the model.
func (a *app) sayPlan(p *classify.Plan) {
	if p.Untrained {
		a.say("note: this model was never trained: its weights are random and its predictions mean nothing")
	}
	if p.Overridden != nil {
		a.say("note: the model says how its images are preprocessed (%s), and --preprocess does it otherwise (%s)", p.Overridden, p.Spec)
	}
	out := p.Signature.Output
	if len(out.Others) > 0 {
		a.say("note: the scores are taken from output %q; the model also has %s", out.Name, strings.Join(out.Others, ", "))
	}
	if out.Assumed {
		a.say("note: output %q is taken to be logits, which softmax turns into probabilities (--activation overrides this)", out.Name)
	}
}

// inferred is one line of infer's JSON result.
type inferred struct {
	Image       string                `json:"image"`
	Predictions []classify.Prediction `json:"predictions"`
	Engine      string                `json:"engine"`
	Provider    string                `json:"provider"`
}

type inferredError struct {
	Image string `json:"image"`
	Error string `json:"error"`
}

// printInferred prints the results as they come, and ends with what is wrong.
func (a *app) printInferred(ctx context.Context, c *classify.Classifier, e runtime.Engine, files []string, k int) error {
	bar := a.progress(len(files), "images")
	failed, kind := 0, fault.Unsupported
	var hints []fault.Hint
	for r, err := range c.Files(ctx, files, a.stdin, k) {
		if err != nil {
			return err
		}
		if r.Err != nil {
			failed++
			switch k := fault.KindOf(r.Err); {
			case k == fault.Finding: // the model's fault, and not the file's
				kind = k
			case k != fault.Unsupported && kind != fault.Finding:
				kind = fault.Invalid
			}
			hints = append(hints, fault.Hints(r.Err)...)
		}
		if err := a.printResult(r, e); err != nil {
			return err
		}
		bar.add(1)
	}
	bar.done()
	a.sayDefined(gorgonia.LayersOf(c.Session()))
	if failed > 0 {
		a.say("%d of %d images could not be classified", failed, len(files))
		slices.SortFunc(hints, func(x, y fault.Hint) int { return strings.Compare(x.Text, y.Text) })
		for _, h := range slices.Compact(hints) {
			a.say("hint: %s", hint("infer", h))
		}
		return reported{kind}
	}
	return nil
}

func (a *app) printResult(r classify.Result, e runtime.Engine) error {
	name, provider := engineName(e)
	text := ""
	if r.Err != nil {
		text = r.Err.Error()
		for _, said := range []string{"stat ", r.File + ": ", r.File + " "} { // before it
			text = strings.TrimPrefix(text, said)
		}
	}
	switch {
	case r.Err != nil && a.json:
		return a.printJSON(inferredError{r.File, text})
	case r.Err != nil:
		return a.complain("%s: %s", r.File, text)
	case a.json:
		return a.printJSON(inferred{r.File, r.Predictions, name, provider})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.File)
	for _, q := range r.Predictions {
		label := q.Label
		if label == "" {
			label = fmt.Sprintf("class %d", q.Index)
		}
		fmt.Fprintf(&b, "  %6.2f%%  %s\n", 100*q.Probability, label)
	}
	return a.print("%s", b.String())
}
