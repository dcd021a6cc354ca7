package verify_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"alexctl/builder"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/verify"
)

// BenchmarkVerify compares ONNX Runtime, on one thread, with the reference on the 227 forms
// at batch 1. Loading, a run, the reference and the bounds are reported apart, and what the
// last two take in runs of ONNX Runtime.
func BenchmarkVerify(b *testing.B) {
	for _, variant := range []string{"pwc", "zhihu", "torchvision"} {
		b.Run(variant, func(b *testing.B) {
			e, err := ort.New(ort.Config{Optimization: "all", Threads: 1, Record: true})
			if err != nil {
				b.Fatal(err)
			}
			if err := e.Check(b.Context()); err != nil {
				b.Skip(err)
			}
			v, err := builder.Find(variant)
			if err != nil {
				b.Fatal(err)
			}
			built, err := v.Build(builder.Options{Init: "he"})
			if err != nil {
				b.Fatal(err)
			}
			path := filepath.Join(b.TempDir(), "model.onnx")
			if _, err := built.WriteFile(b.Context(), path, onnx.WriteOptions{}); err != nil {
				b.Fatal(err)
			}
			m, err := onnx.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = m.Close() }()
			in, err := verify.RandomInputs(m.Graph, verify.InputOptions{Batch: 1})
			if err != nil {
				b.Fatal(err)
			}
			warm(b, e, m, in)
			var load, run, reference, bounds float64
			for b.Loop() {
				r, err := verify.Compare(b.Context(), m, []runtime.Engine{e}, []runtime.Tensors{in, in, in, in, in}, verify.Options{})
				if err != nil || !r.OK {
					b.Fatalf("%+v, %v", r, err)
				}
				load, run = load+r.Results[0].Load, run+r.Results[0].Run
				reference, bounds = reference+r.Timing.Reference, bounds+r.Timing.Bounds
			}
			n := float64(b.N)
			b.ReportMetric(load/n, "s-load")
			b.ReportMetric(run/n, "s-run")
			b.ReportMetric(reference/n, "s-reference")
			b.ReportMetric(bounds/n, "s-bounds")
			b.ReportMetric((reference+bounds)/run, "runs")
		})
	}
}

// warm lets the system read the model's file once.
func warm(b *testing.B, e runtime.Engine, m *onnx.Model, in runtime.Tensors) {
	b.Helper()
	s, err := e.Prepare(b.Context(), m)
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if _, err := s.Run(b.Context(), in); err != nil {
		b.Fatal(err)
	}
	b.Logf("the first run took %s", time.Since(start))
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkChain compares an engine on chains of Mul and Relu: the time a node must not grow
// with their number. The second engine shows no intermediate results, so that each node is run
// alone.
func BenchmarkChain(b *testing.B) {
	for _, e := range []runtime.Engine{gorgonia.Engine{}, silent{}} {
		for _, nodes := range []int{1000, 2000, 4000} {
			b.Run(fmt.Sprintf("%s/%d", e.Name(), nodes), func(b *testing.B) {
				m := chain(b, nodes)
				in, err := verify.RandomInputs(m.Graph, verify.InputOptions{Batch: 1})
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					r, err := verify.Compare(b.Context(), m, []runtime.Engine{e}, []runtime.Tensors{in}, verify.Options{})
					if err != nil || !r.OK {
						b.Fatalf("%+v, %v", r, err)
					}
				}
				b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N*nodes), "us/node")
			})
		}
	}
}

// silent is Gorgonia for models with one output, and refuses others.
type silent struct{ gorgonia.Engine }

func (silent) Name() string { return "silent" }

func (e silent) Prepare(ctx context.Context, m *onnx.Model) (runtime.Session, error) {
	if len(m.Graph.Outputs) > 1 {
		return nil, errors.New("one output at most")
	}
	return e.Engine.Prepare(ctx, m)
}

// chain is a model of a number of nodes, each reading the one before.
func chain(b *testing.B, nodes int) *onnx.Model {
	b.Helper()
	typ := onnx.TensorType(onnx.Float, onnx.FixedShape(1, 8))
	g := &onnx.Graph{Name: "chain", Inputs: []*onnx.Value{{Name: "x", Type: typ}}}
	last := "x"
	for i := range nodes {
		y := fmt.Sprintf("y%d", i)
		n := &onnx.Node{OpType: "Relu", Inputs: []string{last}, Outputs: []string{y}}
		if i%2 == 0 {
			factor := float32(1 + 0.01*math.Sin(float64(i)))
			w, err := onnx.FromFloat32s("w"+y, []int64{8}, slices.Repeat([]float32{factor}, 8))
			if err != nil {
				b.Fatal(err)
			}
			g.Initializers = append(g.Initializers, w)
			n.OpType, n.Inputs = "Mul", append(n.Inputs, w.Name)
		}
		g.Nodes, last = append(g.Nodes, n), y
	}
	g.Outputs = []*onnx.Value{{Name: last, Type: typ}}
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
}
