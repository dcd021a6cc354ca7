// Package report writes the outcome of a comparison for people and machines: one HTML file
// that needs no network, Markdown, JSON, and JUnit's XML for continuous integration.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"alexctl/internal/beside"
	"alexctl/verify"
)

// Formats are the endings of the files that can be written.
var Formats = []string{".html", ".md", ".json", ".xml"}

// Known reports whether a file of this name can be written.
func Known(path string) bool { return writer(path) != nil }

func writer(path string) func(io.Writer, *verify.Report) error {
	return map[string]func(io.Writer, *verify.Report) error{
		".html": HTML, ".md": Markdown, ".json": JSON, ".xml": JUnit,
	}[strings.ToLower(filepath.Ext(path))]
}

// Write writes the report to path, in the format of its ending. It is written beside path
// and renamed.
func Write(path string, r *verify.Report) error {
	write := writer(path)
	if write == nil {
		return fmt.Errorf("%s: want a name that ends in %s", path, strings.Join(Formats, ", "))
	}
	return beside.Write(path, func(w io.Writer) error { return write(w, r) })
}

// JSON writes what --json prints, with indentation.
func JSON(w io.Writer, r *verify.Report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Verdict is the report in a few words.
func Verdict(r *verify.Report) (short, long string) {
	switch {
	case r.Against != nil && r.Against.Verdict == verify.Uncompared:
		return r.Against.Verdict, "No node, attribute or weight differs, and the values could not be computed."
	case r.Against != nil && !r.OK:
		return "different", "The models differ: first divergence at " + r.Against.First + "."
	case r.Against != nil:
		return r.Against.Verdict, map[string]string{
			verify.Identical:  "The models have the same nodes, attributes and weights.",
			verify.Equivalent: "The models have other nodes, and every output agrees within rounding on these inputs.",
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
	case r.Skipped():
		for _, x := range r.Results {
			if x.Status == verify.Skipped {
				return "not fully verified", x.Name() + " could not be used: " + x.Reason + "."
			}
		}
	}
	return "verified", "Every output and every layer that was checked agrees with the reference, within what rounding explains."
}
