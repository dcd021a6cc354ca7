// Package runtimetest holds the tests that every engine must pass: the operators
// against their float64 definitions, the contract of runtime.Session, and ONNX's
// official node tests. An engine's own test is one call of Run and one of Official.
package runtimetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// FloatTolerance is the largest scaled error, max|a-b| / max|b|, that float32
// arithmetic may show against a float64 definition on these small cases: sums of a
// few hundred products are within 1e-6 of it, a wrong operator is not within 1e-3.
const FloatTolerance = 1e-5

// Run tests an engine, or skips with the reason why it cannot be used.
func Run(t *testing.T, e runtime.Engine) {
	Need(t, e)
	t.Run("operators", func(t *testing.T) { testOperators(t, e) })
	t.Run("contract", func(t *testing.T) { testContract(t, e) })
}

// RequireEnv is the environment variable that turns an engine that is missing from
// a reason to skip into a failure: set where the engines were installed for the
// tests.
const RequireEnv = "ALEXCTL_REQUIRE_ENGINES"

// Need skips the test with the reason why the engine cannot be used, if it cannot;
// with RequireEnv set it fails.
func Need(t *testing.T, e runtime.Engine) {
	t.Helper()
	err := e.Check(context.Background())
	if err == nil {
		return
	}
	if os.Getenv(RequireEnv) != "" {
		t.Fatalf("%s is set and %v", RequireEnv, err)
	}
	t.Skipf("%v", err)
}

// testCase is one node applied to random inputs.
type testCase struct {
	name   string
	opset  int64
	node   *onnx.Node
	inputs []*runtime.Tensor // by node input; a nil one is left out
	weight []bool            // whether the input is an initializer of the model
}

// model returns a model of the one node, its batch dimension symbolic where an
// input that is fed has rank 2 or more.
func (c testCase) model(t *testing.T) (*onnx.Model, runtime.Tensors, []*op.Array) {
	t.Helper()
	g := &onnx.Graph{Name: "case", Nodes: []*onnx.Node{c.node}}
	c.node.Name = c.name
	fed := runtime.Tensors{}
	var arrays []*op.Array
	for i, x := range c.inputs {
		if x == nil {
			c.node.Inputs = append(c.node.Inputs, "")
			arrays = append(arrays, nil)
			continue
		}
		name := fmt.Sprintf("in%d", i)
		c.node.Inputs = append(c.node.Inputs, name)
		dims := make([]int64, len(x.Shape))
		shape := onnx.Shape{}
		for k, d := range x.Shape {
			dims[k] = int64(d)
			shape = append(shape, onnx.Known(int64(d)))
		}
		a := &op.Array{Type: x.Type, Shape: x.Shape}
		var w *onnx.Tensor
		var err error
		switch d := x.Data.(type) {
		case []float32:
			a.F, _ = x.Float64s()
			w, err = onnx.FromFloat32s(name, dims, d)
		case []int64:
			a.I = d
			w, err = onnx.FromInt64s(name, dims, d)
		default:
			t.Fatalf("a case holds %T", x.Data)
		}
		if err != nil {
			t.Fatal(err)
		}
		arrays = append(arrays, a)
		if i < len(c.weight) && c.weight[i] {
			g.Initializers = append(g.Initializers, w)
			continue
		}
		if i == 0 && len(shape) > 1 {
			shape[0] = onnx.Symbol("N")
		}
		g.Inputs = append(g.Inputs, &onnx.Value{Name: name, Type: onnx.TensorType(x.Type, shape)})
		fed[name] = x
	}
	c.node.Outputs = []string{"out"}
	m := &onnx.Model{IRVersion: 7, OperatorSets: []onnx.OperatorSet{{Version: c.opset}}, Graph: g}
	info := op.Infer(m, nil).Values["out"]
	g.Outputs = []*onnx.Value{{Name: "out", Type: onnx.TensorType(info.Type, info.Shape)}}
	return m, fed, arrays
}

func testOperators(t *testing.T, e runtime.Engine) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			m, fed, arrays := c.model(t)
			n, err := op.Bind(c.node, c.opset)
			if err != nil {
				t.Fatal(err)
			}
			want, err := n.Evaluate(arrays)
			if err != nil {
				t.Fatal(err)
			}
			s, err := e.Prepare(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			out, err := s.Run(t.Context(), fed)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, out["out"], want[0])
		})
	}
}

func compare(t *testing.T, got *runtime.Tensor, want *op.Array) {
	t.Helper()
	if got == nil || fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		t.Fatalf("output is %v, want shape %v", got, want.Shape)
	}
	values, err := got.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	expected := want.F
	if expected == nil {
		for _, v := range want.I {
			expected = append(expected, float64(v))
		}
	}
	if s := Compare(values, expected).Scaled; s > FloatTolerance {
		t.Errorf("scaled error %.3g, at most %g allowed", s, FloatTolerance)
	}
}

// random returns a FLOAT tensor of values around zero.
func random(r *rand.Rand, shape ...int) *runtime.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(r.NormFloat64())
	}
	return &runtime.Tensor{Type: onnx.Float, Shape: shape, Data: data}
}

// positive returns a FLOAT tensor of values from 0.5 to 2.
func positive(r *rand.Rand, shape ...int) *runtime.Tensor {
	x := random(r, shape...)
	d := x.Data.([]float32)
	for i := range d {
		d[i] = 0.5 + 1.5*r.Float32()
	}
	return x
}

func ints(v ...int64) *runtime.Tensor {
	return &runtime.Tensor{Type: onnx.Int64, Shape: []int{len(v)}, Data: v}
}

func node(opType string, attrs ...*onnx.Attribute) *onnx.Node {
	return &onnx.Node{OpType: opType, Attributes: attrs}
}

// errorsIs fails the test unless err is target.
func errorsIs(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error is %v, want %v", err, target)
	}
}
