package verify_test

import (
	"path/filepath"
	"testing"
	"time"

	"alexctl/builder"
	"alexctl/onnx"
	"alexctl/runtime"
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
