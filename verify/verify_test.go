package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"alexctl/builder"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/reference"
	"alexctl/verify"
)

// spoiled is the reference with its results changed, to be caught.
type spoiled struct {
	reference.Engine
	check  error
	change func(runtime.Tensors) error
}

func (spoiled) Name() string                  { return "spoiled:cpu@x=1" }
func (spoiled) Provider() string              { return "cpu" }
func (spoiled) Settings() string              { return "x=1" }
func (e spoiled) Check(context.Context) error { return e.check }
func (e spoiled) Prepare(ctx context.Context, m *onnx.Model) (runtime.Session, error) {
	s, err := e.Engine.Prepare(ctx, m)
	return spoiledSession{s, e.change}, err
}

type spoiledSession struct {
	runtime.Session
	change func(runtime.Tensors) error
}

func (s spoiledSession) Run(ctx context.Context, in runtime.Tensors) (runtime.Tensors, error) {
	out, err := s.Session.Run(ctx, in)
	if err == nil {
		err = s.change(out)
	}
	return out, err
}

// TestCompare spoils results in one way at a time.
func TestCompare(t *testing.T) {
	v, err := builder.Find("cifar")
	if err != nil {
		t.Fatal(err)
	}
	m, err := v.Build(builder.Options{Input: 15, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	m = change(t, m, narrow)
	in, err := verify.RandomInputs(m.Graph, verify.InputOptions{Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	set := func(f func(v []float64)) func(runtime.Tensors) error {
		return func(out runtime.Tensors) error {
			if out["logits"] != nil { // not where a node is run alone
				f(out["logits"].Data.([]float64))
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		check  error
		change func(runtime.Tensors) error
		status string
	}{
		"nothing":      {nil, set(func([]float64) {}), verify.Pass},
		"rounding":     {nil, set(func(v []float64) { v[3] *= 1 + 1e-7 }), verify.Pass},
		"a little":     {nil, set(func(v []float64) { v[3] += 1e-4 * math.Abs(v[0]+v[1]) }), verify.Fail},
		"not a number": {nil, set(func(v []float64) { v[0] = math.NaN() }), verify.Fail},
		"infinity":     {nil, set(func(v []float64) { v[0] = math.Inf(1) }), verify.Fail},
		"all zero":     {nil, set(func(v []float64) { clear(v) }), verify.Fail},
		"another shape": {nil, func(out runtime.Tensors) error {
			if out["logits"] != nil {
				out["logits"].Shape = []int{20, 1}
			}
			return nil
		}, verify.Fail},
		"a missing output": {nil, func(out runtime.Tensors) error { delete(out, "logits"); return nil }, verify.Fail},
		"an error":         {nil, func(runtime.Tensors) error { return errors.New("broken") }, verify.Skipped},
		"not to be had":    {&runtime.UnavailableError{Engine: "spoiled", Reason: "gone"}, nil, verify.Skipped},
	} {
		told, last, all := 0, 0, 0
		r, err := verify.Compare(t.Context(), m, []runtime.Engine{spoiled{check: c.check, change: c.change}}, []runtime.Tensors{in}, verify.Options{Advance: func(done, of int) {
			told, last, all = told+1, done, of
		}})
		if err != nil {
			t.Fatal(err)
		}
		if told < len(m.Graph.Nodes) || last != told || last != all {
			t.Errorf("%s: told %d times, at the end of %d of %d values", name, told, last, all)
		}
		got := r.Results[0]
		if got.Status != c.status || r.OK != (c.status == verify.Pass) || got.Engine != "spoiled" || got.Provider != "cpu" || (c.status != verify.Pass) != (got.Reason != "") {
			t.Errorf("%s: %+v", name, got)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNumbersInJSON(t *testing.T) {
	b, err := json.Marshal([]verify.Number{0.5, verify.Number(math.NaN()), verify.Number(math.Inf(1)), verify.Number(math.Inf(-1))})
	if err != nil || string(b) != `[0.5,"NaN","Inf","-Inf"]` {
		t.Errorf("%s, %v", b, err)
	}
}

func TestRandomInputs(t *testing.T) {
	v, err := builder.Find("cifar")
	if err != nil {
		t.Fatal(err)
	}
	m, err := v.Build(builder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := verify.RandomInputs(m.Graph, verify.InputOptions{Seed: 3, Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := verify.RandomInputs(m.Graph, verify.InputOptions{Seed: 3, Batch: 2})
	c, _ := verify.RandomInputs(m.Graph, verify.InputOptions{Seed: 4, Batch: 2})
	x := func(in runtime.Tensors) float32 { return in["input"].Data.([]float32)[77] }
	if a["input"].String() != "FLOAT[2 3 32 32]" || x(a) != x(b) || x(a) == x(c) {
		t.Errorf("%s, elements %g %g %g", a["input"], x(a), x(b), x(c))
	}
	*m.Graph.Inputs[0].Type.Shape = onnx.Shape{onnx.Symbol("N"), onnx.Known(3), onnx.Symbol("H"), onnx.Known(1 << 40)}
	if _, err := verify.RandomInputs(m.Graph, verify.InputOptions{Batch: 2}); err == nil || !slices.ContainsFunc(fault.Hints(err), func(h fault.Hint) bool { return h.Option == fault.Dims && h.Value == "H=N" }) {
		t.Errorf("error is %v", err)
	}
	if _, err := verify.RandomInputs(m.Graph, verify.InputOptions{Batch: 2, Dims: map[string]int64{"H": 2}}); err == nil || !strings.Contains(err.Error(), "elements") {
		t.Errorf("error is %v", err)
	}
}
