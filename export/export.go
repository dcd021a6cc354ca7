// Package export writes models that are proved: a file gets its name when the float64
// reference and the engines agree on real images, as inference would see them.
package export

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"alexctl/classify"
	"alexctl/data"
	"alexctl/fault"
	"alexctl/internal/beside"
	"alexctl/internal/digest"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
	"alexctl/verify"
)

// Images is how many real images a model is verified on.
const Images = 8

// Options says where a model goes and what it is proved with.
type Options struct {
	Path    string
	Engines []runtime.Engine
	Images  data.Dataset // of which some are taken
	Classes classify.Options
	// Verify is how the comparison is made; what an export needs is added.
	Verify verify.Options
}

// Result is a model that was written.
type Result struct {
	Path   string // Options.Path, or, where the proof failed, the unverified file
	SHA256 string
	Report *verify.Report
}

// Unverified is the name that a file has until it is proved.
func Unverified(path string) string { return strings.TrimSuffix(path, ".onnx") + ".unverified.onnx" }

// Write writes the model and proves it. A file that could not be verified, or was found wrong,
// stays under its unverified name: the former is an error, the latter a report that is not OK.
func Write(ctx context.Context, m *onnx.Model, o Options) (*Result, error) {
	target, err := beside.Target(o.Path)
	if err != nil {
		return nil, fault.As(fault.Environment, err)
	}
	unverified := Unverified(target)
	written, err := m.WriteFile(ctx, unverified, onnx.WriteOptions{})
	if err != nil {
		return nil, err
	}
	r := &Result{Path: unverified, SHA256: written.SHA256}
	if r.Report, err = prove(ctx, unverified, o); err != nil {
		return r, fault.New(fault.KindOf(err), "%s is written and could not be verified: %w", unverified, err)
	}
	if !r.Report.OK {
		return r, nil
	}
	if err := beside.Rename(unverified, target); err != nil {
		return r, fault.As(fault.Environment, err)
	}
	r.Path = o.Path
	r.Report.Model.Path = o.Path
	return r, nil
}

// prove compares the engines with the reference on real images.
func prove(ctx context.Context, path string, o Options) (report *verify.Report, err error) {
	defer fault.Default(&err, fault.Invalid)
	m, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if err := op.Check(m).Err(); err != nil {
		return nil, err
	}
	plan, err := classify.NewPlan(m, o.Classes)
	if err != nil {
		return nil, err
	}
	if o.Images.Len() == 0 {
		return nil, fault.New(fault.Usage, "there are no images to prove the model on")
	}
	n := plan.BatchSize(min(Images, o.Images.Len()))
	in, err := plan.Batch(ctx, o.Images, classify.Spread(n, o.Images.Len()))
	if err != nil {
		return nil, err
	}
	v := o.Verify
	v.Decisions, v.Conditioned = true, true
	if report, err = verify.Compare(ctx, m, o.Engines, []runtime.Tensors{in}, v); err != nil {
		return nil, err
	}
	report.Inputs = fmt.Sprintf("%d images of the data", n)
	if n == 1 {
		report.Inputs = "1 image of the data"
	}
	report.Model.Path = path
	report.Model.SHA256, err = digest.File(path)
	return report, fault.As(fault.Environment, err)
}

// Possible reports why a model could not be written at path, before the work for it.
func Possible(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fault.New(fault.Usage, "%s is a folder", path)
	}
	return fault.As(fault.Environment, beside.Possible(path))
}
