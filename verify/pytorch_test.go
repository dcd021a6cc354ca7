package verify_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"alexctl/builder"
	"alexctl/internal/hashed"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/ort"
	"alexctl/runtime/reference"
	"alexctl/runtime/runtimetest"
)

func imageBatch(kind string, n, side int) *runtime.Tensor {
	v := hashed.Numbers("input."+kind, n*3*side*side, 2)
	if kind == "pixel" {
		for i := range v {
			v[i] = float32(math.Floor(float64(v[i]) * 64))
		}
	}
	return &runtime.Tensor{Type: onnx.Float, Shape: []int{n, 3, side, side}, Data: v}
}

// hashedModel builds a variant with the weights of make_logits.py.
func hashedModel(t *testing.T, variant string, o builder.Options) *onnx.Model {
	t.Helper()
	m, err := hashed.Model(variant, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// engines are the reference and ONNX Runtime, without which the test is skipped.
func engines(t *testing.T) []runtime.Engine {
	t.Helper()
	list := []runtime.Engine{reference.Engine{}}
	for _, level := range []string{"off", "all"} {
		e, err := ort.New(ort.Config{Optimization: level, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		runtimetest.Need(t, e)
		list = append(list, e)
	}
	return list
}

func run(t *testing.T, e runtime.Engine, m *onnx.Model, inputs ...*runtime.Tensor) [][]float64 {
	t.Helper()
	s, err := e.Prepare(t.Context(), m)
	if err != nil {
		t.Fatalf("%s: %v", e.Name(), err)
	}
	defer func() { _ = s.Close() }()
	var results [][]float64
	for _, x := range inputs {
		out, err := s.Run(t.Context(), runtime.Tensors{"input": x})
		if err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		v, err := out["logits"].Float64s()
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, v)
	}
	return results
}

// scaledTolerance is how far float32 logits may be from PyTorch's in float64, by the largest
// of them: ONNX Runtime's were measured within 6e-7.
const scaledTolerance = 1e-5

// TestEqualsPyTorch compares the logits of the networks with PyTorch's, which
// testdata/make_logits.py computed in float64 from the same weights and inputs.
func TestEqualsPyTorch(t *testing.T) {
	for _, c := range []struct {
		golden, variant string
		o               builder.Options
	}{
		{"cifar", "cifar", builder.Options{}},
		{"pwc", "pwc", builder.Options{}},
		{"zhihu", "zhihu", builder.Options{}},
		{"zhihu_within", "zhihu", builder.Options{LRNWithinChannel: true}},
		{"torchvision", "torchvision", builder.Options{}},
		{"torchvision_300", "torchvision", builder.Options{Input: 300}},
	} {
		if slow && c.variant != "cifar" {
			continue
		}
		t.Run(c.golden, func(t *testing.T) {
			m := hashedModel(t, c.variant, c.o)
			side := int((*m.Graph.Inputs[0].Type.Shape)[2].N)
			inputs := []*runtime.Tensor{imageBatch("normal", 2, side), imageBatch("pixel", 2, side)}
			for _, e := range engines(t) {
				for i, got := range run(t, e, m, inputs...) {
					want := readGolden(t, fmt.Sprintf("logits_%s_%s.f64", c.golden, []string{"normal", "pixel"}[i]))
					d := runtimetest.Compare(got, want)
					t.Logf("%s %s: scaled error %.2g", e.Name(), []string{"normal", "pixel"}[i], d.Scaled)
					if d.Scaled > scaledTolerance {
						t.Errorf("%s: scaled error %.3g, at most %g allowed", e.Name(), d.Scaled, scaledTolerance)
					}
				}
			}
		})
	}
}

func readGolden(t *testing.T, name string) []float64 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	v := make([]float64, len(b)/8)
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return v
}

// lrnFormTolerance is how far two ways to write LRN may be apart in float32, over the
// thousand logits of a whole network; in float64 they agree to the last digits.
const lrnFormTolerance = 1e-6

// TestLRNForms compares LRN as an operator and as average pooling, at pixel scale,
// where LRN matters most, on five images: no axis has the size of another.
func TestLRNForms(t *testing.T) {
	for _, variant := range []string{"pwc", "zhihu", "paper", "caffe", "caffenet"} {
		v, err := builder.Find(variant)
		if err != nil {
			t.Fatal(err)
		}
		if slow {
			continue
		}
		byOperator := hashedModel(t, variant, builder.Options{LRN: "op"})
		byPooling := hashedModel(t, variant, builder.Options{LRN: "averagepool"})
		for _, e := range engines(t) {
			x := imageBatch("pixel", 5, v.Input)
			d := runtimetest.Compare(run(t, e, byPooling, x)[0], run(t, e, byOperator, x)[0])
			t.Logf("%s on %s: %.2g", variant, e.Name(), d.Scaled)
			if d.Scaled > lrnFormTolerance {
				t.Errorf("%s on %s: the forms of LRN differ by scaled %.3g, at most %g allowed", variant, e.Name(), d.Scaled, lrnFormTolerance)
			}
		}
	}
}

// TestNoGroups compares a grouped network with its block-diagonal form.
func TestNoGroups(t *testing.T) {
	for _, variant := range []string{"zhihu", "paper"} {
		v, err := builder.Find(variant)
		if err != nil {
			t.Fatal(err)
		}
		var results [][]float64
		for _, plain := range []bool{false, true} {
			m, err := v.Build(builder.Options{Input: 67, Classes: 10, Init: "he", NoGroups: plain, Seed: 4})
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, run(t, reference.Engine{}, m, imageBatch("normal", 1, 67))[0])
		}
		const rounding = 1e-12 // float64 sums in another order
		if d := runtimetest.Compare(results[1], results[0]); d.Scaled > rounding {
			t.Errorf("%s: without groups the logits differ by scaled %.3g", variant, d.Scaled)
		}
	}
}

// TestBatches runs five images at once, two and two, and one by one.
func TestBatches(t *testing.T) {
	m := hashedModel(t, "zhihu", builder.Options{Input: 67, Classes: 10})
	all := imageBatch("pixel", 5, 67)
	for _, e := range engines(t) {
		want := run(t, e, m, all)[0]
		for _, size := range []int{1, 2} {
			for at := 0; at+size <= 5; at += size {
				row := 3 * 67 * 67
				part := &runtime.Tensor{Type: onnx.Float, Shape: []int{size, 3, 67, 67}, Data: all.Data.([]float32)[at*row : (at+size)*row]}
				if d := runtimetest.Compare(run(t, e, m, part)[0], want[at*10:(at+size)*10]); d.Scaled > lrnFormTolerance {
					t.Errorf("%s: images %d to %d alone differ by scaled %.3g", e.Name(), at, at+size-1, d.Scaled)
				}
			}
		}
	}
}
