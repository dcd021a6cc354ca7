package gorgonia

import (
	"math/rand/v2"
	"testing"

	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/runtimetest"
)

// thin is a network that does little for each number that it moves, with a layer of its own before the
// output: a depthwise convolution, an excitation, a pool and a dense layer.
func thin(t *testing.T, last ...*onnx.Node) *onnx.Model {
	t.Helper()
	r := rand.New(rand.NewPCG(4, 4))
	g := &onnx.Graph{Name: "thin"}
	add := func(opType, out string, in []string, attributes ...*onnx.Attribute) {
		g.Nodes = append(g.Nodes, &onnx.Node{Name: out, OpType: opType, Inputs: in, Outputs: []string{out}, Attributes: attributes})
	}
	weight := func(name string, dims ...int64) string {
		n := int64(1)
		for _, d := range dims {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		w, err := onnx.FromFloat32s(name, dims, v)
		if err != nil {
			t.Fatal(err)
		}
		g.Initializers = append(g.Initializers, w)
		return name
	}
	add("Conv", "c", []string{"x", weight("w1", 8, 3, 3, 3), weight("b1", 8)}, onnx.IntsAttr("strides", 2, 2))
	add("Relu", "r", []string{"c"})
	add("Conv", "d", []string{"r", weight("w2", 8, 1, 3, 3)}, onnx.IntAttr("group", 8))
	add("GlobalAveragePool", "p", []string{"d"})
	add("Sigmoid", "s", []string{"p"})
	add("Mul", "e", []string{"d", "s"})
	add("Concat", "j", []string{"e", "d"}, onnx.IntAttr("axis", 1))
	add("GlobalAveragePool", "q", []string{"j"})
	add("Flatten", "f", []string{"q"})
	add("Gemm", "y", []string{"f", weight("w3", 5, 16), weight("b3", 5)}, onnx.IntAttr("transB", 1))
	out := "y"
	for _, n := range last {
		n.Name, n.Inputs, n.Outputs = "last", append([]string{"y"}, n.Inputs...), []string{"z"}
		g.Nodes, out = append(g.Nodes, n), "z"
	}
	n := onnx.Symbol("N")
	g.Inputs = []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, onnx.Known(3), onnx.Known(17), onnx.Known(17)})}}
	g.Outputs = []*onnx.Value{{Name: out, Type: onnx.TensorType(onnx.Float, onnx.Shape{n, onnx.Known(5)})}}
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 17}}, Graph: g}
}

// TestChunks compares a batch that is computed a few images at a time with its images alone, and wants
// a network whole in which images meet.
func TestChunks(t *testing.T) {
	const batch, tolerance = 24, 1e-5 // sums of a few dozen products
	for name, c := range map[string]struct {
		last    []*onnx.Node
		chunked bool
	}{
		"by itself":                    {nil, true},
		"softmax":                      {[]*onnx.Node{{OpType: "Softmax", Attributes: []*onnx.Attribute{onnx.IntAttr("axis", 1)}}}, true},
		"a softmax over the batch":     {[]*onnx.Node{{OpType: "Softmax", Attributes: []*onnx.Attribute{onnx.IntAttr("axis", 0)}}}, false},
		"a number of the batch's size": {[]*onnx.Node{{OpType: "Mul", Inputs: []string{"size"}}}, false},
		"an operator without kernel":   {[]*onnx.Node{{OpType: "CumSum", Inputs: []string{"axis"}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := thin(t, c.last...)
			if len(c.last) > 0 && c.last[0].OpType == "CumSum" {
				axis, err := onnx.FromInt64s("axis", []int64{}, []int64{0})
				if err != nil {
					t.Fatal(err)
				}
				m.Graph.Initializers = append(m.Graph.Initializers, axis)
			}
			if len(c.last) > 0 && c.last[0].OpType == "Mul" {
				zero, err := onnx.FromInt64s("zero", []int64{}, []int64{0})
				if err != nil {
					t.Fatal(err)
				}
				m.Graph.Initializers = append(m.Graph.Initializers, zero)
				m.Graph.Nodes = append([]*onnx.Node{
					{Name: "shape", OpType: "Shape", Inputs: []string{"x"}, Outputs: []string{"shape"}},
					{Name: "count", OpType: "Gather", Inputs: []string{"shape", "zero"}, Outputs: []string{"count"}},
					{Name: "size", OpType: "Cast", Inputs: []string{"count"}, Outputs: []string{"size"}, Attributes: []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float))}},
				}, m.Graph.Nodes...)
			}
			prepared, err := Engine{Kernels: Kernels{Set: "plain"}}.Prepare(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			s, ok := prepared.(*session)
			if !ok {
				t.Fatal("not a session of this engine")
			}
			defer func() { _ = s.Close() }()
			r := rand.New(rand.NewPCG(5, 5))
			x := make([]float32, batch*3*17*17)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			in := runtime.Tensors{"x": {Type: onnx.Float, Shape: []int{batch, 3, 17, 17}, Data: x}}
			if n := s.chunk(in); n > 0 != c.chunked {
				t.Fatalf("%d images are computed at a time", n)
			}
			out, err := s.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := s.graphFor(in)
			if err != nil {
				t.Fatal(err)
			}
			want, err := whole.execute(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for name, w := range want {
				a, errA := out[name].Float64s()
				b, errB := w.Float64s()
				if errA != nil || errB != nil {
					t.Fatal(errA, errB)
				}
				if d := runtimetest.Compare(a, b); !(d.Scaled <= tolerance) {
					t.Errorf("output %s differs by %g", name, d.Scaled)
				}
			}
		})
	}
}
