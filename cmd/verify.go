package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alexctl/internal/digest"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/reference"
	"alexctl/verify"
)

type verifyOptions struct {
	providers  []string
	device     int
	seed       uint64
	batch      int
	runs       int
	dims       []string
	images     []string
	preprocess string
}

func (a *app) verifyCommand() *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use:   "verify [model]",
		Short: "Compare ONNX Runtime with a float64 reference on a model",
		Long: fmt.Sprintf(`Run a model on the float64 reference and on ONNX Runtime, with its graph
optimizations off and on, and compare every output.

An output passes where its scaled error, max|a-b| / max|reference|, is at most %g.
Inputs are random and seeded, or images. A provider that is asked for and cannot be
used gives exit code 3, a mismatch gives 1.`, verify.ScaledTolerance),
		Example: `  alexctl verify
  alexctl verify model.onnx --providers cpu,cuda --batch 8
  alexctl verify model.onnx --images photos/cat.jpg --json`,
		Args: atMost(1),
		RunE: func(c *cobra.Command, args []string) error { return a.verify(c, args, o) },
	}
	f := c.Flags()
	f.StringSliceVar(&o.providers, "providers", []string{"cpu"}, "execution providers of ONNX Runtime: cpu, cuda")
	f.IntVar(&o.device, "device", 0, "index of the accelerator")
	f.Uint64Var(&o.seed, "seed", 0, "seed of the random inputs")
	f.IntVar(&o.batch, "batch", 1, "batch size where the model leaves it open")
	f.IntVar(&o.runs, "runs", 1, "how many random inputs")
	f.StringArrayVar(&o.dims, "dim", nil, "size of another symbolic dimension, NAME=N (repeatable)")
	f.StringArrayVar(&o.images, "images", nil, "an image file or folder to use as input (repeatable)")
	f.StringVar(&o.preprocess, "preprocess", "", "preprocessing of images: imagenet, plain, caffe or a JSON spec (default: the model's own)")
	return c
}

func (a *app) verify(c *cobra.Command, args []string, o verifyOptions) (err error) {
	if o.batch < 1 || o.runs < 1 {
		return usage("--batch and --runs must be at least 1")
	}
	for _, name := range []string{"batch", "runs", "seed", "dim"} {
		if len(o.images) > 0 && c.Flags().Changed(name) {
			return usage("--%s is for random inputs, --images gives images", name)
		}
	}
	if o.preprocess != "" && len(o.images) == 0 {
		return usage("--preprocess is for --images")
	}
	engines, err := a.verifyEngines(o.providers, o.device)
	if err != nil {
		return err
	}
	m, path, err := openSound(args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	inputs, described, err := a.verifyInputs(c, m, o)
	if err != nil {
		return err
	}
	report, err := verify.Compare(c.Context(), m, reference.Engine{Threads: a.threads}, engines, inputs,
		func(engine string) { a.say("running %s", engine) })
	if err != nil {
		return verifyFailure(c, err)
	}
	report.Inputs = described
	report.Model.Path = path
	if report.Model.SHA256, err = digest.File(path); err != nil {
		return invalid(err)
	}
	if a.json {
		err = a.printJSON(report)
	} else {
		err = a.printReport(report)
	}
	if err != nil {
		return err
	}
	switch {
	case report.Failed():
		a.next("alexctl inspect %s", shellWord(path))
		return silent(exitFinding)
	case report.Skipped():
		a.next("alexctl doctor")
		return silent(exitEnvironment)
	}
	argument := ""
	if path != defaultModel {
		argument = " --model " + shellWord(path)
	}
	if spec, err := modelSpec(m); err == nil && spec == nil {
		argument += " --preprocess imagenet"
	}
	a.next("alexctl infer%s image.png", argument)
	return nil
}

// verifyFailure gives a comparison that could not be made its exit code: the call was
// interrupted, the reference does not know an operator, or the model or its inputs are
// at fault.
func verifyFailure(c *cobra.Command, err error) error {
	if c.Context().Err() != nil {
		return c.Context().Err()
	}
	if errors.Is(err, reference.ErrUnsupported) {
		return environment(err)
	}
	return invalid(err)
}

// verifyInputs returns the inputs and what they are.
func (a *app) verifyInputs(c *cobra.Command, m *onnx.Model, o verifyOptions) ([]runtime.Tensors, string, error) {
	if len(o.images) > 0 {
		return a.imageInputs(c, m, o)
	}
	dims, err := parseDims(o.dims)
	if err != nil {
		return nil, "", err
	}
	for name := range dims {
		if !hasSymbol(m, name) {
			return nil, "", usage("--dim %s: no input has a dimension of this name", name)
		}
	}
	spec, err := modelSpec(m)
	if err != nil {
		return nil, "", err
	}
	var inputs []runtime.Tensors
	for i := range o.runs {
		in, err := verify.RandomInputs(m.Graph, verify.InputOptions{Seed: o.seed + uint64(i), Batch: o.batch, Dims: dims, Spec: spec})
		if err != nil {
			return nil, "", usage("%v", err)
		}
		inputs = append(inputs, in)
	}
	kind := "normal values"
	if spec != nil {
		kind = "pixels"
	}
	var shapes []string
	for _, v := range m.Graph.DataInputs() {
		shapes = append(shapes, fmt.Sprintf("%s %s", v.Name, inputs[0][v.Name]))
	}
	return inputs, fmt.Sprintf("%s of random %s, %s, seed %d", counted(o.runs, "set"), kind, strings.Join(shapes, ", "), o.seed), nil
}

// hasSymbol reports whether an input has a symbolic dimension of this name.
func hasSymbol(m *onnx.Model, name string) bool {
	for _, v := range m.Graph.DataInputs() {
		if v.Type.IsTensor() && v.Type.Shape != nil && slices.ContainsFunc(*v.Type.Shape, func(d onnx.Dim) bool { return d.Param == name }) {
			return true
		}
	}
	return false
}

// maxVerifyImages bounds the inputs and results that are held for the comparison.
const maxVerifyImages = 256

// imageInputs preprocesses images, one a run.
func (a *app) imageInputs(c *cobra.Command, m *onnx.Model, o verifyOptions) ([]runtime.Tensors, string, error) {
	p, err := newPredictor(m, o.preprocess)
	if err != nil {
		return nil, "", err
	}
	files, err := imageFiles(o.images)
	if err != nil {
		return nil, "", err
	}
	if len(files) > maxVerifyImages {
		return nil, "", usage("%d images, at most %d are compared at once", len(files), maxVerifyImages)
	}
	var inputs []runtime.Tensors
	for _, f := range files {
		if f == "-" {
			return nil, "", usage("--images takes files and folders, not the standard input")
		}
		if err := c.Context().Err(); err != nil {
			return nil, "", err
		}
		data := make([]float32, max(1, p.batch)*p.spec.Len())
		if err := p.load(f, a.stdin, data[:p.spec.Len()]); err != nil {
			return nil, "", invalid(fmt.Errorf("%s: %w", f, err))
		}
		inputs = append(inputs, p.batchOf(1, data))
	}
	return inputs, counted(len(files), "image"), nil
}

func (a *app) printReport(r *verify.Report) error {
	if err := a.print("%s (sha256 %.16s...), against %s in float64, %s\n\n", r.Model.Path, r.Model.SHA256, r.Reference, r.Inputs); err != nil {
		return err
	}
	t := newTable(table.Row{"engine", "provider", "settings", "output", "max abs error", "scaled error", "bound", "verdict"},
		"max abs error", "scaled error", "bound")
	for _, x := range r.Results {
		if len(x.Outputs) == 0 {
			t.AppendRow(table.Row{x.Engine, x.Provider, x.Settings, "", "", "", "", x.Status})
		}
		for _, out := range x.Outputs {
			verdict := verify.Pass
			if out.Margin > 1 {
				verdict = verify.Fail
			}
			t.AppendRow(table.Row{x.Engine, x.Provider, x.Settings, out.Name, fmt.Sprintf("%.3g", float64(out.MaxAbs)),
				fmt.Sprintf("%.3g", float64(out.Scaled)), fmt.Sprintf("%g", float64(out.Bound)), verdict})
		}
	}
	if err := a.printTable(t); err != nil {
		return err
	}
	for _, x := range r.Results {
		if x.Reason != "" {
			if err := a.print("%s %s (%s) %s: %s\n", x.Engine, x.Provider, x.Settings, x.Status, x.Reason); err != nil {
				return err
			}
		}
	}
	verdict := "verified: every output agrees"
	switch {
	case r.Failed():
		verdict = "MISMATCH: the engines do not agree"
	case r.Skipped():
		verdict = "not fully verified: an engine could not be used"
	}
	return a.print("%s\n", verdict)
}
