package op

import (
	"fmt"

	"alexctl/fault"
	"alexctl/onnx"
)

// Findings is what is to be said about a model.
type Findings struct {
	Problems []onnx.Problem // what breaks ONNX's rules, and what engines refuse
	Warnings []onnx.Problem // what breaks a rule that every engine puts up with
	// Unchecked is what is valid and beyond this package: operators, or the whole opset.
	Unchecked []onnx.Problem
}

// Check reports everything wrong with a model: its structure, unknown operators,
// malformed nodes, shapes that do not fit, and declarations that contradict the
// graph.
func Check(m *onnx.Model) Findings {
	var f Findings
	f.Problems, f.Warnings = onnx.Check(m)
	if v := m.Opset(); v > MaxOpset {
		f.Unchecked = []onnx.Problem{{Where: "model", Problem: fmt.Sprintf("opset %d is not supported, up to %d are", v, MaxOpset)}}
		return f
	}
	r := Infer(m, nil)
	f.Problems, f.Warnings, f.Unchecked = append(f.Problems, r.Problems...), append(f.Warnings, r.Warnings...), r.Unchecked
	return f
}

// Err returns what keeps a model from being run by the definitions: fault.Invalid where it
// has problems, fault.Unsupported where part of it is not understood here, or nil.
func (f Findings) Err() error {
	if err := f.Invalid(); err != nil {
		return err
	}
	if err := Join(Grouped(f.Unchecked)); err != nil {
		return fault.New(fault.Unsupported, "the model cannot be run: %w", err)
	}
	return nil
}

// Grouped returns problems of which those that are alike, but for their node, are one: of the first
// of them, with how many more there are.
func Grouped(problems []onnx.Problem) []onnx.Problem {
	more, at := map[string]int{}, map[string]int{}
	var out []onnx.Problem
	for _, p := range problems {
		if FollowsFrom(p) {
			continue
		}
		if _, seen := at[p.Problem]; seen {
			more[p.Problem]++
			continue
		}
		at[p.Problem] = len(out)
		out = append(out, p)
	}
	for text, n := range more {
		p := &out[at[text]]
		if p.Problem += fmt.Sprintf(" (and %d more nodes)", n); n == 1 {
			p.Problem = text + " (and 1 more node)"
		}
	}
	return out
}

// Invalid returns the problems as one error of kind fault.Invalid, or nil.
func (f Findings) Invalid() error {
	if err := Join(f.Problems); err != nil {
		return fault.New(fault.Invalid, "the model cannot be run: %w", err)
	}
	return nil
}
