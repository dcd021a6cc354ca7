package reference_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
	"alexctl/runtime/reference"
)

// least is how much smaller the fast bounds may be than those of the definition: they look
// at every sixteenth partial sum only, and never at more.
const least = 0.4

// TestBoundsEqualDefinition compares the bounds that the engine computes with its products
// with those of the definitions, over awkward shapes, alone and with errors put in.
func TestBoundsEqualDefinition(t *testing.T) {
	ints := func(name string, v ...int64) *onnx.Attribute {
		return &onnx.Attribute{Name: name, Type: onnx.AttrInts, Ints: v}
	}
	number := func(name string, v int64) *onnx.Attribute {
		return &onnx.Attribute{Name: name, Type: onnx.AttrInt, Int: v}
	}
	float := func(name string, v float32) *onnx.Attribute {
		return &onnx.Attribute{Name: name, Type: onnx.AttrFloat, Float: v}
	}
	for i, c := range []struct {
		op    string
		x     []int
		w     [][]int64
		attrs []*onnx.Attribute
	}{
		{"Conv", []int{1, 1, 1, 1}, [][]int64{{1, 1, 1, 1}}, nil},
		{"Conv", []int{2, 3, 7, 9}, [][]int64{{5, 3, 3, 2}, {5}}, []*onnx.Attribute{ints("pads", 1, 0, 2, 1)}},
		{"Conv", []int{1, 4, 13, 8}, [][]int64{{6, 2, 2, 2}}, []*onnx.Attribute{number("group", 2), ints("strides", 3, 4)}},
		{"Conv", []int{2, 40, 9, 9}, [][]int64{{33, 40, 3, 3}, {33}}, []*onnx.Attribute{ints("dilations", 2, 1)}},
		{"Conv", []int{1, 2, 3, 4, 5}, [][]int64{{3, 2, 2, 2, 2}}, nil},
		{"Gemm", []int{1, 17}, [][]int64{{5, 17}, {5}}, []*onnx.Attribute{number("transB", 1)}},
		{"Gemm", []int{3, 300}, [][]int64{{70, 300}, {1, 70}}, []*onnx.Attribute{number("transB", 1), float("alpha", 0.5), float("beta", -2)}},
		{"Gemm", []int{40, 3}, [][]int64{{40, 33}, {3, 1}}, []*onnx.Attribute{number("transA", 1)}},
		{"MatMul", []int{2, 3, 130}, [][]int64{{130, 35}}, nil},
		{"MatMul", []int{1, 5}, [][]int64{{5, 1}}, nil},
	} {
		t.Run(fmt.Sprintf("%d_%s", i, c.op), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(i), 5))
			g := &onnx.Graph{Name: "g", Nodes: []*onnx.Node{{Name: "n", OpType: c.op, Inputs: []string{"x"}, Outputs: []string{"y"}, Attributes: c.attrs}}}
			normal := func(n int) []float32 {
				v := make([]float32, n)
				for i := range v {
					v[i] = float32(r.NormFloat64())
				}
				return v
			}
			dims, size := make([]int64, len(c.x)), 1
			for k, d := range c.x {
				dims[k] = int64(d)
				size *= d
			}
			x := &runtime.Tensor{Type: onnx.Float, Shape: c.x, Data: normal(size)}
			in := []*op.Array{array(t, x)}
			for k, d := range c.w {
				n, err := onnx.ElementCount(d)
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("w%d", k)
				w, err := onnx.FromFloat32s(name, d, normal(int(n)))
				if err != nil {
					t.Fatal(err)
				}
				g.Initializers = append(g.Initializers, w)
				g.Nodes[0].Inputs = append(g.Nodes[0].Inputs, name)
				a, err := op.FromTensor(w)
				if err != nil {
					t.Fatal(err)
				}
				in = append(in, a)
			}
			g.Inputs = []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(dims...))}}
			m := &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
			info := op.Infer(m, nil).Values["y"]
			g.Outputs = []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, info.Shape)}}
			n, err := op.Bind(g.Nodes[0], 13)
			if err != nil {
				t.Fatal(err)
			}
			want, err := n.Evaluate(in)
			if err != nil {
				t.Fatal(err)
			}
			limits := n.Spec.Bound(n, in, want, op.RoundingOf(onnx.Float))
			a, err := reference.Engine{}.Analyze(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			rounding := func(_ *op.Node, t onnx.DataType) op.Rounding { return op.RoundingOf(t) }
			got, err := a.Local(t.Context(), 0, func(name string) *runtime.Tensor {
				if name == "x" {
					return x
				}
				return nil
			}, rounding)
			if err != nil {
				t.Fatal(err)
			}
			for i, b := range limits {
				if math.Abs(got[0].F[i]-want[0].F[i]) > b*1e-6 {
					t.Fatalf("element %d is %g, by the definition %g", i, got[0].F[i], want[0].F[i])
				}
				if q := got[0].Bound[i] / b; q < least || q > 1+1e-9 {
					t.Errorf("bound %d is %g of the definition's", i, q)
				}
			}
			// Propagated through one node, the bound is that of the node, sampled.
			err = a.Propagate(t.Context(), runtime.Tensors{"x": x}, rounding, func(_ int, values []reference.Value) error {
				for i, b := range values[0].Bound {
					if values[0].F[i] != got[0].F[i] || !(b > 0) || math.IsInf(b, 0) {
						t.Errorf("propagated element %d is %g +- %g, want %g", i, values[0].F[i], b, got[0].F[i])
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func array(t *testing.T, x *runtime.Tensor) *op.Array {
	t.Helper()
	v, err := x.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return &op.Array{Type: x.Type, Shape: x.Shape, F: v}
}

// TestPropagation compares the sampled bound with the exact one of a chain that only adds:
// errors of independent layers add up like their squares.
func TestPropagation(t *testing.T) {
	const layers, size = 12, 4000
	g := &onnx.Graph{Name: "g", Inputs: []*onnx.Value{{Name: "v0", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, size))}}}
	one, err := onnx.FromFloat32s("one", []int64{1}, []float32{1})
	if err != nil {
		t.Fatal(err)
	}
	g.Initializers = []*onnx.Tensor{one}
	for i := range layers {
		g.Nodes = append(g.Nodes, &onnx.Node{Name: fmt.Sprint("mul", i), OpType: "Mul", Inputs: []string{fmt.Sprint("v", i), "one"}, Outputs: []string{fmt.Sprint("v", i+1)}})
	}
	g.Outputs = []*onnx.Value{{Name: fmt.Sprint("v", layers), Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, size))}}
	a, err := reference.Engine{}.Analyze(t.Context(), &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g})
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, size)
	for i := range x {
		x[i] = 1
	}
	rounding := func(_ *op.Node, t onnx.DataType) op.Rounding { return op.RoundingOf(t) }
	err = a.Propagate(t.Context(), runtime.Tensors{"v0": {Type: onnx.Float, Shape: []int{1, size}, Data: x}}, rounding, func(node int, values []reference.Value) error {
		sum := 0.0
		for _, b := range values[0].Bound {
			sum += b * b
		}
		// Mul's own bound is two units, and where no error has come before, that is all.
		want := 2 * 0x1p-24 * math.Sqrt(float64(node+1))
		// The largest of three samples is larger than their root mean square.
		if got := math.Sqrt(sum / size); got < want || got > 1.8*want {
			t.Errorf("after %d layers the bound is %.3g, want %.3g or somewhat more", node+1, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
