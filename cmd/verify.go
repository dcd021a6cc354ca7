package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"alexctl/classify"
	"alexctl/diff"
	"alexctl/export"
	"alexctl/fault"
	"alexctl/internal/digest"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/reference"
	"alexctl/signature"
	"alexctl/verify"
	"alexctl/verify/report"
)

type verifyOptions struct {
	engineFlags
	tolerances []string
	layers     bool
	bisect     string
	against    string
	gradients  bool
	nonfinite  bool
	reports    []string
	inputFlags
	modelFlag
}

func (a *app) verifyCommand() *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use:   "verify [model]",
		Short: "Compare engines, or another model, with a float64 reference",
		Long: `Run a model on the float64 reference and on other engines, by default ONNX Runtime with
its graph optimizations off and on, and compare every output and every layer.

Each number is held to a bound on what float32 rounding can explain, derived for it; the
margin is error / bound, and above 1 is a mismatch. Layers are judged on the engine's own inputs to
them, so the first one above 1 is where the fault is. docs/verification.md has the
derivation. --tolerance replaces the bounds of outputs.

Engines are a list of NAME[:PROVIDER][@KEY=VALUE,...], with these settings:
` + engineHelp() + `
device, tf32, mem, algo and fallback are for accelerators.

An engine that is asked for and cannot be used gives exit code 3, a mismatch gives 1, and so
does a node that ran on another provider than the one asked for. Where no engine is named and
ONNX Runtime is not installed, Gorgonia is compared, and the report says so.`,
		Example: `  alexctl verify
  alexctl verify model.onnx --engine ort@opt=all,gorgonia --layers
  alexctl verify model.onnx --images photos --report report.html
  alexctl verify model.onnx --against other.onnx
  alexctl verify model.onnx --bisect smallest
  alexctl verify model.onnx --gradients`,
		Args: oneModel(" (pictures go behind --images)"),
		RunE: func(c *cobra.Command, args []string) error { return a.verify(c, args, o) },
	}
	f := c.Flags()
	f.StringVar(&o.engines, "engine", "", "engines to compare, with settings "+defaultEngineHelp)
	o.registerOrt(c)
	f.StringArrayVar(&o.tolerances, "tolerance", nil, "instead of the derived bounds: [OUTPUT=]scaled:X or [OUTPUT=]atol:X,rtol:Y (repeatable)")
	f.BoolVar(&o.layers, "layers", false, "show every layer, by itself and with the errors before it")
	f.StringVar(&o.bisect, "bisect", "", "write the smallest model that fails to this folder, with its inputs and outputs")
	f.StringVar(&o.against, "against", "", "compare with another model instead of other engines")
	f.BoolVar(&o.gradients, "gradients", false, "compare the gradients that training uses with finite differences")
	f.BoolVar(&o.nonfinite, "allow-nonfinite", false, "accept outputs that are NaN or infinite in the reference")
	kernelsFlag(f, &o.kernels)
	f.StringArrayVar(&o.reports, "report", nil, "write a report: .html, .md, .json or .xml (JUnit) (repeatable)")
	o.inputFlags.register(c)
	o.modelFlag.register(c)
	return c
}

// conflicts returns a usage error for flags that do not go together.
func (o *verifyOptions) conflicts(c *cobra.Command) error {
	given := c.Flags().Changed
	for _, name := range []string{"engine", "against", "bisect", "save-inputs", "save-outputs", "data", "preprocess"} {
		if f := c.Flags().Lookup(name); given(name) && f.Value.String() == "" {
			return usage("--%s is empty", name)
		}
	}
	switch {
	case given("engine") && (given("provider") || given("device")):
		return usage("--engine names the providers and devices itself: leave out --provider and --device")
	case given("against") && (given("engine") || given("provider") || given("bisect") || given("gradients") || given("save-outputs") || given("tolerance")):
		return usage("--against compares models on the reference: leave out engines, --bisect, --gradients, --tolerance and --save-outputs")
	case given("gradients") && (given("engine") || given("provider") || given("bisect") || given("layers") || given("tolerance")):
		return usage("--gradients compares what training uses: leave out engines, --bisect, --layers and --tolerance")
	case given("kernels") && !given("gradients"):
		return usage("--kernels is for --gradients; for an engine write --engine gorgonia@kernels=%s", o.kernels)
	}
	if err := (gorgonia.Kernels{Set: o.kernels}).Valid(); err != nil {
		return err
	}
	for _, path := range o.reports {
		if !report.Known(path) {
			return usage("--report %s: want a name that ends in %s", path, strings.Join(report.Formats, ", "))
		}
		if err := export.Possible(path); err != nil {
			return fault.New(fault.KindOf(err), "--report %s: %w", path, err)
		}
	}
	if o.bisect != "" {
		if _, err := os.Lstat(o.bisect); err == nil {
			return usage("--bisect %s: it exists already; name a new folder", o.bisect)
		}
	}
	return o.inputFlags.conflicts(c)
}

func (a *app) verify(c *cobra.Command, args []string, o verifyOptions) (err error) {
	if args, err = o.arguments(args); err != nil {
		return err
	}
	if err := o.conflicts(c); err != nil {
		return err
	}
	var engines []runtime.Engine
	absent := ""
	if o.against == "" && !o.gradients {
		if engines, absent, err = a.compared(c.Context(), o.engineFlags); err != nil {
			return err
		}
	}
	options := a.verifyOptions(absent)
	options.AllowNonfinite = o.nonfinite
	options.Layers, options.Pictures = o.layers || len(o.reports) > 0, len(o.reports) > 0
	for _, s := range o.tolerances {
		t, err := verify.ParseTolerance(s)
		if err != nil {
			return fault.New(fault.Usage, "--tolerance: %w", err)
		}
		options.Tolerances = append(options.Tolerances, t)
	}
	m, path, err := a.openRunnable(args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	for _, t := range options.Tolerances {
		if t.Output != "" && !slices.ContainsFunc(m.Graph.Outputs, func(v *onnx.Value) bool { return v.Name == t.Output }) {
			return usage("--tolerance: the model has no output %q", t.Output)
		}
	}
	if m.Path() == "" {
		options.Without = append(options.Without, "the file as it is written: what its branches, its functions or nodes of training come to stood in their place, on every engine")
	}
	in, err := a.inputs(c, m, o.inputFlags)
	if err != nil {
		return err
	}
	options.Decisions, options.Recorded, options.Images = in.real, in.recorded, in.images
	if d, chosen, err := verify.Branches(c.Context(), m, in.sets); err == nil && chosen {
		m.Graph, m.IRVersion = d.Graph, d.IRVersion
		options.Without = append(options.Without, "branches that other inputs choose: those that these inputs choose stood in the place of the If nodes, on every engine")
	}
	if len(in.sets) > 0 {
		a.sayLong(verifying.takes(m, in.sets[0], len(in.sets)))
	}
	r := report.Report{}
	switch {
	case o.gradients:
		r.Report, err = a.audit(c, m, in, o, options)
	case o.against != "":
		r, err = a.compareModels(c, m, in, o)
	default:
		options.Outputs = o.outputSaver()
		r.Report, err = verify.Compare(c.Context(), m, engines, in.sets, options)
	}
	if err != nil {
		return err
	}
	if err := a.complete(r, path, in.described, o); err != nil {
		return err
	}
	var lost error // what could not be written, said when the result has been
	if slices.ContainsFunc(o.reports, report.Paged) {
		r.Pictures, lost = in.shown()
	}
	if r.Failed() && o.bisect != "" {
		var unwritten error
		r.Bisected, unwritten = a.bisect(c, m, engines, in.sets, r.Report, o, options)
		if lost = errors.Join(lost, unwritten); c.Context().Err() != nil {
			return c.Context().Err()
		}
	}
	return a.finishVerify(r, m, path, o, lost)
}

// verifyOptions are those of every comparison that this program makes.
func (a *app) verifyOptions(absent string) verify.Options {
	return verify.Options{Threads: a.threads, Memory: min(1<<30, a.memory()/4), Reference: a.within(reference.DefaultMemory), Released: debug.FreeOSMemory, Without: absentNote(absent), Progress: func(what string) { a.say("running %s", what) }, Advance: a.layersBar()}
}

// layersBar returns what shows how far the reference is.
func (a *app) layersBar() func(done, of int) {
	bar := &progress{}
	return func(done, of int) {
		if done == 1 {
			bar = a.progress(of, "bounds of layers")
		}
		if bar.add(1); done == of {
			bar.done()
		}
	}
}

// complete says what was compared, where, and how to do it again.
func (a *app) complete(r report.Report, path, inputs string, o verifyOptions) (err error) {
	r.Inputs = inputs
	r.Model.Path = path
	if r.Model.SHA256, err = digest.File(path); err != nil {
		return fault.As(fault.Invalid, err)
	}
	if o.against != "" {
		r.Against.Other.Path = o.against
		if r.Against.Other.SHA256, err = digest.File(o.against); err != nil {
			return fault.As(fault.Invalid, err)
		}
	}
	r.Bound.Tolerance = strings.Join(o.tolerances, " ")
	r.Time = time.Now().UTC().Format(time.RFC3339)
	r.Command = a.commandLine()
	r.Environment = a.environment()
	return nil
}

// finishVerify prints and writes the report, and gives it its exit code.
func (a *app) finishVerify(r report.Report, m *onnx.Model, path string, o verifyOptions, lost error) error {
	var err error
	if a.json {
		err = a.printJSON(r)
	} else {
		err = a.printVerified(r, o.layers)
	}
	if err != nil {
		return err
	}
	for _, file := range o.reports {
		if err := report.Write(file, r); err != nil {
			lost = errors.Join(lost, fmt.Errorf("--report %s: %w", file, err))
			continue
		}
		a.say("wrote %s", file)
	}
	if o.saveOutputs != "" && len(r.Results) > 0 {
		a.say("wrote %s", o.saveOutputs)
	}
	if lost != nil {
		if !r.Failed() {
			return fault.As(fault.Environment, lost)
		}
		if err := a.complain("%v", lost); err != nil { // a mismatch outranks it
			return err
		}
	}
	switch {
	case r.Failed() && r.Bisected != nil:
		a.next("alexctl verify %s --inputs %s --engine %s", shellWord(filepath.Join(r.Bisected.Folder, "model.onnx")), shellWord(r.Bisected.Folder), shellWord(r.Bisected.Engine))
		return reported{fault.Finding}
	case !r.Disagrees() && r.Failed() && o.against == "":
		a.next("alexctl check %s", shellWord(path))
		return reported{fault.Finding}
	case r.Failed() && o.against == "" && !o.gradients && o.bisect == "":
		a.next("%s", a.commandWith("--layers --bisect smallest"))
		return reported{fault.Finding}
	case r.Failed():
		a.next("alexctl inspect %s", shellWord(path))
		return reported{fault.Finding}
	case r.Skipped():
		// What is not here comes with what to do about it; what an engine does not know does not.
		if slices.ContainsFunc(r.Results, func(x verify.Result) bool { return x.Status == verify.Skipped && len(x.Help) > 0 }) {
			a.next("alexctl doctor")
		} else {
			a.next("alexctl check %s", shellWord(path))
		}
		return reported{fault.Environment}
	}
	plan, err := classify.NewPlan(m, classify.Options{})
	switch {
	case err == nil:
		argument := ""
		if path != defaultModel {
			argument = " --model " + shellWord(path)
		}
		a.sayPlan(plan)
		a.next("alexctl infer%s image.png", argument)
	case fault.KindOf(err) == fault.Usage: // a classifier that leaves something open
		a.next("alexctl infer --model %s --preprocess imagenet image.png", shellWord(path))
	default:
		a.next("alexctl inspect %s", shellWord(path))
	}
	return nil
}

// compareModels is --against.
func (a *app) compareModels(c *cobra.Command, m *onnx.Model, in *inputSets, o verifyOptions) (_ report.Report, err error) {
	other, _, err := a.openRunnable([]string{o.against})
	if err != nil {
		return report.Report{}, err
	}
	defer func() { err = errors.Join(err, other.Close()) }()
	a.say("running reference")
	d, err := diff.Models(c.Context(), m, other, in.sets, diff.Options{Threads: a.threads})
	if err != nil {
		return report.Report{}, err
	}
	return report.Of(d), nil
}

// bisect looks for the smallest failing model of the first engine that failed.
func (a *app) bisect(c *cobra.Command, m *onnx.Model, engines []runtime.Engine, inputs []runtime.Tensors, r *verify.Report, o verifyOptions, options verify.Options) (*verify.Reproduction, error) {
	for _, e := range engines {
		for _, x := range r.Results {
			if x.Status != verify.Fail || !verify.Describes(x, e) {
				continue
			}
			i := 0
			if x.First != nil {
				i = x.First.Local.Input
			} else if len(x.Outputs) > 0 {
				i = x.Outputs[0].Input
			}
			found, err := verify.Bisect(c.Context(), m, e, inputs[i], o.bisect, options)
			if err != nil {
				return nil, fmt.Errorf("--bisect %s: %w", o.bisect, err)
			}
			if found == nil {
				a.say("no part of the model fails by itself on %s", e.Name())
			}
			return found, nil
		}
	}
	a.say("no engine failed, so there is nothing for --bisect to look for")
	return nil, nil
}

// audit is --gradients.
func (a *app) audit(c *cobra.Command, m *onnx.Model, in *inputSets, o verifyOptions, options verify.Options) (*verify.Report, error) {
	input, err := signature.ImagesOf(m)
	if err != nil {
		return nil, err
	}
	x := in.sets[0][input.Name]
	if x == nil || len(x.Shape) == 0 || x.Shape[0] == 0 {
		return nil, fault.New(fault.Invalid, "--gradients needs a batch of images")
	}
	k := a.kernels(o.kernels, "", a.threads)
	out, err := signature.OutputOf(m, o.classifier.Signature)
	if err != nil {
		return nil, err
	}
	d, err := gorgonia.NewDifferentiator(m, out.Logits, x.Shape[0], k)
	if err != nil {
		return nil, err
	}
	if d.Classes() < 2 {
		return nil, fault.New(fault.Unsupported, "--gradients: output %q has one score for each image, and the loss of training does not depend on it", out.Name)
	}
	labels := in.labels
	if len(labels) != x.Shape[0] {
		labels = make([]int, x.Shape[0])
		for i := range labels {
			labels[i] = (int(o.seed) + 7*i + 3) % d.Classes()
		}
	}
	audit, err := verify.Gradients(c.Context(), m, d, x, labels, options)
	if err != nil {
		return nil, err
	}
	audit.Engine = "gorgonia@" + gorgonia.Engine{Kernels: k}.Settings()
	r := &verify.Report{OK: audit.OK, Reference: reference.Engine{}.Name(), Results: []verify.Result{}, Gradients: audit,
		Unchecked: []string{"Dropout's own gradient: it was the identity", "engines: --gradients compares what training uses"}}
	r.Bound.Kind, r.Bound.Tolerance = "tolerance", fmt.Sprint(verify.GradientTolerance)
	unseen := 0
	for _, p := range audit.Parameters {
		if p.Unseen {
			unseen++
		}
	}
	if unseen > 0 {
		r.Unchecked = append(r.Unchecked, fmt.Sprintf("%d of %d gradients: on these images they are too small to change the loss, as those of a model that has learned them are (random inputs have larger ones)", unseen, len(audit.Parameters)))
	}
	if len(audit.Without) > 0 {
		r.Unchecked = append(r.Unchecked, "weights that training does not change: "+strings.Join(audit.Without, ", "))
	}
	return r, nil
}
