package verify_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"alexctl/builder"
	"alexctl/diff"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/verify"
)

var update = flag.Bool("update", false, "write the tables in docs")

// faulty is an engine with a fault: it runs another model than the one it is given.
type faulty struct {
	runtime.Engine
	t     testing.TB
	plant func(*patch)
}

func (e faulty) Prepare(ctx context.Context, m *onnx.Model) (runtime.Session, error) {
	m = planted(e.t, m, e.plant)
	g := *m.Graph
	g.Outputs = nil
	for _, v := range m.Graph.Outputs { // the fault may make other shapes than declared
		c := *v
		shape := slices.Repeat(onnx.Shape{onnx.UnknownDim}, len(*v.Type.Shape))
		c.Type = &onnx.Type{Elem: v.Type.Elem, Shape: &shape}
		g.Outputs = append(g.Outputs, &c)
	}
	return e.Engine.Prepare(ctx, m.WithGraph(&g))
}

// planted returns the model with the fault, or as it is where it lacks what the fault is in.
func planted(t testing.TB, m *onnx.Model, plant func(*patch)) (result *onnx.Model) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case absent:
			result = m
		default:
			panic(p)
		}
	}()
	return change(t, m, plant)
}

// sources builds each model that faults are planted in once, with its weights in memory.
type sources map[string]*onnx.Model

func (s sources) of(t testing.TB, f mistake) *onnx.Model {
	key := fmt.Sprint(f.variant, f.options)
	if s[key] == nil {
		v, err := builder.Find(f.variant)
		if err != nil {
			t.Fatal(err)
		}
		o := f.options
		o.Seed = 7
		m, err := v.Build(o)
		if err != nil {
			t.Fatal(err)
		}
		s[key] = change(t, m, func(p *patch) {
			narrow(p)
			for _, w := range p.m.Graph.Initializers {
				if w.Type == onnx.Float {
					p.weight(w.Name, scale(1))
				}
			}
		})
	}
	if f.prepare != nil {
		return change(t, s[key], f.prepare)
	}
	return s[key]
}

// faultInputs are two images in the range in which LRN has an effect.
func faultInputs(t testing.TB, m *onnx.Model) []runtime.Tensors {
	in, err := verify.RandomInputs(m.Graph, verify.InputOptions{Seed: 11, Batch: 2, Ranges: map[string]verify.Range{"": {Low: -2, High: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	return []runtime.Tensors{in}
}

// TestMutations plants every fault in a model, which verify --against must find, and in an
// engine, which verify must find: at the right layer both times.
func TestMutations(t *testing.T) {
	if slow || testing.Short() {
		t.Skip("it runs some hundred and twenty models")
	}
	const least = 40
	list := faults()
	if len(list) < least {
		t.Errorf("%d faults, want %d or more", len(list), least)
	}
	rows, models := make([]string, len(list)), sources{}
	for i, f := range list {
		t.Run(strings.ReplaceAll(f.name(), " ", "_"), func(t *testing.T) {
			m := models.of(t, f)
			inputs := faultInputs(t, m)
			d, err := diff.Models(t.Context(), m, change(t, m, f.plant), inputs, diff.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d.OK || d.Verdict != diff.Different || d.First != f.first {
				t.Errorf("against: %s, first divergence %q, want %q: %+v %v", d.Verdict, d.First, f.first, d.Findings, d.Remarks)
			}
			how := "a model's only"
			if !f.modelOnly {
				how = f.inEngine(t, m, inputs)
			}
			kind := "outputs"
			if len(d.Findings) > 0 {
				kind = d.Findings[0].Kind
			}
			rows[i] = fmt.Sprintf("| %s | %s | `%s` | %s | %s |", f.what, f.variant, f.first, kind, how)
		})
	}
	if *update && !t.Failed() {
		writeTable(t, "faults", append([]string{"| fault | variant | first divergence | found in the model as | found in the engine by |", "|---|---|---|---|---|"}, rows...))
	}
}

// inEngine plants the fault in an engine, which must be caught; it says by which margin.
func (f mistake) inEngine(t *testing.T, m *onnx.Model, inputs []runtime.Tensors) string {
	e := faulty{gorgonia.Engine{Kernels: gorgonia.Kernels{Set: "plain"}}, t, f.plant}
	r, err := verify.Compare(t.Context(), m, []runtime.Engine{e}, inputs, verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := r.Results[0]
	if r.OK || x.Status != verify.Fail || x.First == nil || x.First.Node != f.first {
		t.Errorf("verify: %s (%s), first divergence %v, want %q; %q", x.Status, x.Reason, x.First, f.first, r.Unchecked)
		return ""
	}
	switch margin := float64(x.First.Local.Margin); {
	case x.First.Problem != "":
		return "another shape"
	case x.First.Local.Bound == 0:
		return "must be exact"
	default:
		return fmt.Sprintf("margin %.2g", margin)
	}
}

// writeTable writes rows between the marks of a table in docs/verification.md.
func writeTable(t *testing.T, name string, rows []string) {
	path := filepath.Join("..", "docs", "verification.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := fmt.Sprintf("<!-- begin %s -->\n", name), fmt.Sprintf("<!-- end %s -->", name)
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no table %q", path, name)
	}
	text := before + begin + strings.Join(rows, "\n") + "\n" + end + after
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
