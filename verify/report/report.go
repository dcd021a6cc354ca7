// Package report writes the outcome of a comparison for people and machines: one HTML file
// that needs no network, Markdown, JSON, and JUnit's XML for continuous integration.
package report

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strings"

	"alexctl/diff"
	"alexctl/fault"
	"alexctl/internal/beside"
	"alexctl/onnx/op"
	"alexctl/runtime/reference"
	"alexctl/verify"
)

// Report is what is written: a comparison of engines, or of two models.
type Report struct {
	*verify.Report
	Against *diff.Diff `json:"against,omitempty"` // nil for engines
	// Pictures are input images, for pages.
	Pictures []Picture `json:"-"`
}

// Of returns the report of a comparison of two models.
func Of(d *diff.Diff) Report {
	r := &verify.Report{OK: d.OK, Reference: reference.Engine{}.Name(), Results: []verify.Result{}, Unchecked: d.Unchecked}
	r.Timing.Bounds = d.Bounds
	r.Bound.Kind, r.Bound.Deviations = "derived", op.Deviations
	return Report{Report: r, Against: d}
}

// Skipped reports whether something could not be compared.
func (r Report) Skipped() bool {
	return r.Report.Skipped() || r.Against != nil && r.Against.Verdict == diff.Uncompared
}

// Failed reports whether there is a finding.
func (r Report) Failed() bool {
	return r.Report.Failed() || r.Against != nil && r.Against.Verdict == diff.Different
}

// Formats are the endings of the files that can be written.
var Formats = []string{".html", ".md", ".json", ".xml"}

// Paged reports whether a file of this name shows pictures.
func Paged(path string) bool { return strings.EqualFold(filepath.Ext(path), Formats[0]) }

// Known reports whether a file of this name can be written.
func Known(path string) bool { return writer(path) != nil }

func writer(path string) func(io.Writer, Report) error {
	return map[string]func(io.Writer, Report) error{
		".html": HTML, ".md": Markdown, ".json": JSON, ".xml": JUnit,
	}[strings.ToLower(filepath.Ext(path))]
}

// Write writes the report to path, in the format of its ending. It is written beside path
// and renamed.
func Write(path string, r Report) error {
	write := writer(path)
	if write == nil {
		return fault.New(fault.Usage, "%s: want a name that ends in %s", path, strings.Join(Formats, ", "))
	}
	return fault.As(fault.Environment, beside.Write(path, func(w io.Writer) error { return write(w, r) }))
}

// JSON writes what --json prints, with indentation.
func JSON(w io.Writer, r Report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Verdict is the report in a few words.
func Verdict(r Report) (short, long string) {
	switch {
	case r.Against != nil && r.Against.Verdict == diff.Uncompared:
		return r.Against.Verdict, "No node, attribute or weight differs, and the values could not be computed."
	case r.Against != nil && !r.OK:
		return "different", "The models differ: first divergence at " + r.Against.First + "."
	case r.Against != nil:
		return r.Against.Verdict, map[string]string{
			diff.Identical:  "The models have the same nodes, attributes and weights.",
			diff.Equivalent: "The models have other nodes or attributes, and every output agrees within rounding on these inputs.",
		}[r.Against.Verdict]
	case r.Gradients != nil && r.OK:
		return "verified", "The gradients agree with finite differences."
	case r.Gradients != nil:
		return "mismatch", "Not right: " + r.Gradients.Reason + "."
	case r.Failed():
		for _, x := range r.Results {
			if x.Status == verify.Fail {
				return "mismatch", x.Name() + ": " + x.Reason + "."
			}
		}
		return "not numbers", r.Nonfinite[0].String() + "."
	case r.Skipped():
		for _, x := range r.Results {
			if x.Status == verify.Skipped {
				return "not fully verified", x.Name() + " could not be used: " + x.Reason + "."
			}
		}
	}
	return "verified", "Every output and every layer that was checked agrees with the reference, within what rounding explains."
}
