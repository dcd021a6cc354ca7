package verify_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/reference"
	"alexctl/verify"
)

// disguised is the reference with another behaviour in one place.
type disguised struct {
	reference.Engine
	placement *runtime.Placement
	unplaced  error
	observed  error // what a model with more outputs than the original gets
	spoil     func(outputs int, out runtime.Tensors)
}

func (disguised) Name() string { return "disguised:cuda" }

// Provider is one that must prove where its nodes ran, where the test is about that.
func (e disguised) Provider() string {
	if e.placement != nil || e.unplaced != nil {
		return "cuda"
	}
	return "cpu"
}
func (disguised) Settings() string { return "" }

func (e disguised) Prepare(ctx context.Context, m *onnx.Model) (runtime.Session, error) {
	if e.observed != nil && len(m.Graph.Outputs) > 1 {
		return nil, e.observed
	}
	s, err := e.Engine.Prepare(ctx, m)
	return disguisedSession{s, e}, err
}

type disguisedSession struct {
	runtime.Session
	e disguised
}

func (s disguisedSession) Placement() (*runtime.Placement, error) {
	if s.e.placement == nil && s.e.unplaced == nil {
		return nil, errors.New("none is kept")
	}
	return s.e.placement, s.e.unplaced
}

func (s disguisedSession) Run(ctx context.Context, in runtime.Tensors) (runtime.Tensors, error) {
	out, err := s.Session.Run(ctx, in)
	if err == nil && s.e.spoil != nil {
		s.e.spoil(len(out), out)
	}
	return out, err
}

// tiny is a small network and an input.
func tiny(t *testing.T) (*onnx.Model, []runtime.Tensors) {
	t.Helper()
	for seed := uint64(3); ; seed++ {
		m, in := randomNetwork(seed)
		if len(m.Graph.Nodes) > 5 && !strings.Contains(m.Graph.Outputs[0].Name, "oftmax") {
			return m, []runtime.Tensors{in}
		}
	}
}

func TestPlacement(t *testing.T) {
	m, in := tiny(t)
	on := func(providers ...string) *runtime.Placement {
		p := &runtime.Placement{Wanted: "CUDAExecutionProvider"}
		for i, name := range providers {
			p.Nodes = append(p.Nodes, runtime.PlacedNode{Node: string(rune('a' + i)), Op: "Conv", Provider: name})
		}
		return p
	}
	const cuda, cpu = "CUDAExecutionProvider", "CPUExecutionProvider"
	for name, c := range map[string]struct {
		e      disguised
		status string
		reason string
	}{
		"as asked for":      {disguised{placement: on(cuda, cuda)}, verify.Pass, ""},
		"silent fallback":   {disguised{placement: on(cpu, cpu)}, verify.Fail, "2 of 2 nodes ran on CPUExecutionProvider, not on CUDAExecutionProvider as asked for: a (Conv), b (Conv)"},
		"partial placement": {disguised{placement: on(cuda, cpu, cuda)}, verify.Fail, "1 of 3 nodes ran on CPUExecutionProvider"},
		"no record":         {disguised{unplaced: errors.New("no profile")}, verify.Fail, "where its nodes ran cannot be proved: no profile"},
	} {
		r, err := verify.Compare(t.Context(), m, []runtime.Engine{c.e}, in, verify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		x := r.Results[0]
		if x.Status != c.status || !strings.Contains(x.Reason, c.reason) || r.OK != (c.status == verify.Pass) {
			t.Errorf("%s: %s: %s", name, x.Status, x.Reason)
		}
		if said := strings.Contains(strings.Join(r.Unchecked, " "), "no profile"); said != (c.e.unplaced != nil) {
			t.Errorf("%s: unchecked is %q", name, r.Unchecked)
		}
	}
}

// TestIsolated has an engine that hides its intermediate results, and one whose outputs
// change when they are shown: each node is then judged alone.
func TestIsolated(t *testing.T) {
	m, in := tiny(t)
	output := m.Graph.Outputs[0].Name
	for name, e := range map[string]disguised{
		"hides them": {observed: errors.New("one output only")},
		"changes": {spoil: func(outputs int, out runtime.Tensors) {
			if outputs > 1 {
				v := out[output].Data.([]float64)
				v[0] *= 1 + 1e-12 // other bits, within rounding
			}
		}},
	} {
		r, err := verify.Compare(t.Context(), m, []runtime.Engine{e}, in, verify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		x := r.Results[0]
		if x.Status != verify.Pass || !x.Isolated || len(x.Kinds) == 0 || !strings.Contains(strings.Join(r.Unchecked, " "), "each node was run alone") {
			t.Errorf("%s: %+v, unchecked %q", name, x, r.Unchecked)
		}
	}
}

// TestTogetherOnly has a fault that shows only where several nodes run together, as in a
// fused kernel: no node alone is wrong, and the smallest run of nodes is found.
func TestTogetherOnly(t *testing.T) {
	m, in := tiny(t)
	nodes := m.Graph.Nodes
	first, last := nodes[1], nodes[3]
	e := together{first: first.Label(), last: last.Label()}
	r, err := verify.Compare(t.Context(), m, []runtime.Engine{e}, in, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if x := r.Results[0]; r.OK || x.First == nil || x.First.Node != last.Label() || !strings.Contains(x.Reason, "are wrong together") {
		t.Fatalf("%+v", x)
	}
	folder := filepath.Join(t.TempDir(), "case")
	found, err := verify.Bisect(t.Context(), m, e, in[0], folder, verify.Options{})
	if err != nil || found == nil {
		t.Fatalf("%+v, %v", found, err)
	}
	if len(found.Nodes) != 3 || !strings.HasPrefix(found.Nodes[0], first.Label()+" ") || !strings.HasPrefix(found.Nodes[2], last.Label()+" ") {
		t.Errorf("found %v, want %s to %s", found.Nodes, first.Label(), last.Label())
	}
}

// together is an engine that is wrong where a model has two nodes and shows neither the one
// nor what is between them.
type together struct {
	reference.Engine
	first, last string
}

func (e together) Prepare(ctx context.Context, m *onnx.Model) (runtime.Session, error) {
	s, err := e.Engine.Prepare(ctx, m)
	if err != nil || len(m.Graph.Outputs) > 1 {
		return s, err
	}
	seen := 0
	for _, n := range m.Graph.Nodes {
		if n.Label() == e.first || n.Label() == e.last {
			seen++
		}
	}
	return disguisedSession{s, disguised{spoil: func(_ int, out runtime.Tensors) {
		for _, t := range out {
			if v, ok := t.Data.([]float64); ok && seen == 2 {
				for i := range v {
					v[i] = v[i]*1.01 + 0.01
				}
			}
		}
	}}}, nil
}

// TestBisect writes the failing node of a faulty engine as a test folder that fails by
// itself: its own outputs are right, and the engine's are not.
func TestBisect(t *testing.T) {
	if slow {
		t.Skip("it runs networks of 20 million weights")
	}
	f := mistake{variant: "pwc", options: small6}
	m := sources{}.of(t, f)
	in := faultInputs(t, m)
	e := faulty{reference.Engine{}, t, func(p *patch) { p.float("norm1", "alpha", to(1e-9)) }}
	folder := filepath.Join(t.TempDir(), "deep", "case")
	found, err := verify.Bisect(t.Context(), m, e, in[0], folder, verify.Options{})
	if err != nil || found == nil {
		t.Fatalf("%+v, %v", found, err)
	}
	if len(found.Nodes) != 1 || found.Nodes[0] != "norm1 (LRN)" || !(found.Margin > 1) {
		t.Errorf("%+v", found)
	}
	part, err := onnx.Open(filepath.Join(folder, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = part.Close() }()
	recorded, err := verify.ReadInputs(folder, part.Graph)
	if err != nil || len(recorded) != 1 || len(recorded[0].Outputs) != 1 {
		t.Fatalf("%+v, %v", recorded, err)
	}
	r, err := verify.Compare(t.Context(), part, []runtime.Engine{reference.Engine{}, e}, []runtime.Tensors{recorded[0].Inputs},
		verify.Options{Recorded: []runtime.Tensors{recorded[0].Outputs}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{verify.Pass, verify.Pass, verify.Fail} { // recorded, right, faulty
		if got := r.Results[i]; got.Status != want {
			t.Errorf("%s: %s (%s), want %s", got.Engine, got.Status, got.Reason, want)
		}
	}
	honest, err := verify.Bisect(t.Context(), m, reference.Engine{}, in[0], filepath.Join(folder, "none"), verify.Options{})
	if err != nil || honest != nil {
		t.Errorf("%+v, %v", honest, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "none")); !os.IsNotExist(err) {
		t.Error("a folder was written for nothing")
	}
}

func TestTolerances(t *testing.T) {
	for text, want := range map[string]verify.Tolerance{
		"scaled:1e-5":             {Scaled: 1e-5},
		"atol:1e-6":               {Atol: 1e-6},
		"rtol:1e-3,atol:1e-6":     {Atol: 1e-6, Rtol: 1e-3},
		"a=b=scaled:0.5":          {Output: "a=b", Scaled: 0.5},
		"logits=atol:0,rtol:0.01": {Output: "logits", Rtol: 0.01},
	} {
		if got, err := verify.ParseTolerance(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1e-5", "scaled:", "scaled:-1", "scaled:NaN", "scaled:1,atol:1", "=scaled:1", "ulp:4", "atol:1,atol:2"} {
		if got, err := verify.ParseTolerance(text); err == nil {
			t.Errorf("%q is accepted: %+v", text, got)
		}
	}
	m, in := tiny(t)
	output := m.Graph.Outputs[0].Name
	e := disguised{spoil: func(_ int, out runtime.Tensors) {
		v := out[output].Data.([]float64)
		for i := range v {
			v[i] *= 1 + 1e-3
		}
	}}
	for _, c := range []struct {
		t    []verify.Tolerance
		want bool
	}{{nil, false}, {[]verify.Tolerance{{Scaled: 1e-2}}, true}, {[]verify.Tolerance{{Scaled: 1e-4}}, false}, {[]verify.Tolerance{{Rtol: 2e-3}}, true},
		{[]verify.Tolerance{{Scaled: 1e-4}, {Output: output, Scaled: 1}}, true}, {[]verify.Tolerance{{Output: "other", Scaled: 1}}, false}} {
		r, err := verify.Compare(t.Context(), m, []runtime.Engine{e}, in, verify.Options{Tolerances: c.t})
		if err != nil || r.OK != c.want {
			t.Errorf("%+v: %+v, %v", c.t, r.Results, err)
		}
	}
}

// TestDecisions has an engine exchange two classes: a finding where the reference tells them
// apart, and excused where the gap is within rounding.
func TestDecisions(t *testing.T) {
	r := &verify.Report{}
	m, in := tiny(t)
	output := m.Graph.Outputs[0].Name
	spoil := func(f func(v []float64, best int)) disguised {
		return disguised{spoil: func(_ int, out runtime.Tensors) {
			v := out[output].Data.([]float64)
			classes := len(v) / out[output].Shape[0]
			best := 0
			for i, x := range v[:classes] {
				if x > v[best] {
					best = i
				}
			}
			f(v[:classes], best)
		}}
	}
	var err error
	run := func(e runtime.Engine) *verify.Decision {
		if r, err = verify.Compare(t.Context(), m, []runtime.Engine{e}, in, verify.Options{Decisions: true}); err != nil {
			t.Fatal(err)
		}
		return r.Results[0].Decision
	}
	d := run(disguised{})
	if d == nil || d.Top1 != d.Images || d.Top5 != d.Images || len(d.Flips) != 0 || !r.OK {
		t.Errorf("%+v", d)
	}
	d = run(spoil(func(v []float64, best int) { v[best] = math.Inf(-1) }))
	if d == nil || d.Top1 != d.Images-1 || len(d.Flips) == 0 || d.Flips[0].Excused || d.Flips[0].Rank != 1 || r.OK {
		t.Errorf("%+v", d)
	}
}
