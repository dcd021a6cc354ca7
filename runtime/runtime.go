// Package runtime says what it means to run a model: an Engine prepares a model, a
// Session runs it. The engines are the packages beside this one; package
// runtimetest holds the tests that each of them must pass.
package runtime

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"alexctl/fault"
	"alexctl/onnx"
)

// Engine can run models.
type Engine interface {
	// Name identifies the engine, its provider and settings: "ort:cpu@opt=all".
	Name() string
	// Check says why the engine cannot be used here, or nil.
	Check(context.Context) error
	// Prepare makes a session for the model, which must stay open until the
	// session is closed.
	Prepare(context.Context, *onnx.Model) (Session, error)
}

// Session runs one model. Run may be called from several goroutines at once.
type Session interface {
	// Run computes all outputs of the graph. It does not change the inputs; the
	// outputs belong to the caller. It ends early with the context's error.
	Run(ctx context.Context, inputs Tensors) (Tensors, error)
	// Close waits for running calls and frees what the session holds. Run fails
	// with ErrClosed afterwards.
	Close() error
}

// FaultOf gives what an engine says of a model or its inputs, where it says no more than that
// it does not work, the kind fault.Invalid: defer runtime.FaultOf(&err).
func FaultOf(err *error) { fault.Default(err, fault.Invalid) }

// ErrClosed is returned by Run after Close.
var ErrClosed = errors.New("the session is closed")

// UnavailableError says that an engine cannot be used here, why, and what would help.
type UnavailableError struct {
	Engine string
	Reason string
	Help   []fault.Hint
}

func (e *UnavailableError) Error() string { return e.Engine + " cannot be used: " + e.Reason }

// Kind returns fault.Environment.
func (e *UnavailableError) Kind() fault.Kind { return fault.Environment }

// Hints returns what would help.
func (e *UnavailableError) Hints() []fault.Hint { return e.Help }

// CheckInputs compares inputs with what a graph wants to be fed: the names, the
// types, the fixed dimensions, and that dimensions of one symbol agree. Everything
// wrong is in the one error.
func CheckInputs(g *onnx.Graph, inputs Tensors) error {
	var problems []string
	want := map[string]bool{}
	symbols := map[string]int{}
	for _, v := range g.Inputs {
		want[v.Name] = true
		t, ok := inputs[v.Name]
		if ok {
			problems = append(problems, checkInput(v, t, symbols)...)
		}
	}
	for _, v := range g.DataInputs() {
		if inputs[v.Name] == nil {
			problems = append(problems, fmt.Sprintf("input %q (%s) is missing", v.Name, v.Type))
		}
	}
	var extra []string
	for name := range inputs {
		if !want[name] {
			extra = append(extra, fmt.Sprintf("the model has no input %q", name))
		}
	}
	sort.Strings(extra)
	if problems = append(problems, extra...); len(problems) > 0 {
		return fault.New(fault.Invalid, "%s", strings.Join(problems, "; "))
	}
	return nil
}

func checkInput(v *onnx.Value, t *Tensor, symbols map[string]int) []string {
	bad := []string{fmt.Sprintf("input %q is %s, the model wants %s", v.Name, t, v.Type)}
	if t == nil {
		return []string{fmt.Sprintf("input %q is nil", v.Name)}
	}
	if !v.Type.IsTensor() || v.Type.Elem != t.Type {
		return bad
	}
	if n, err := New(t.Shape, t.Data); err != nil || n.Type.Bits() != t.Type.Bits() {
		return []string{fmt.Sprintf("input %q: its data does not fit %s", v.Name, t)}
	}
	if v.Type.Shape == nil {
		return nil
	}
	if len(*v.Type.Shape) != len(t.Shape) {
		return bad
	}
	for i, d := range *v.Type.Shape {
		n, seen := symbols[d.Param]
		if d.IsKnown() && int(d.N) != t.Shape[i] || !d.IsKnown() && d.Param != "" && seen && n != t.Shape[i] {
			return bad
		}
		if !d.IsKnown() && d.Param != "" {
			symbols[d.Param] = t.Shape[i]
		}
	}
	return nil
}

// Shapes returns the shapes of the tensors, for shape inference.
func (t Tensors) Shapes() map[string]onnx.Shape {
	out := map[string]onnx.Shape{}
	for name, x := range t {
		s := make(onnx.Shape, len(x.Shape))
		for i, d := range x.Shape {
			s[i] = onnx.Known(int64(d))
		}
		out[name] = s
	}
	return out
}
