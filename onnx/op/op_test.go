package op_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

func floats(shape []int, v ...float64) *op.Array {
	return &op.Array{Type: onnx.Float, Shape: shape, F: v}
}

func ints(t onnx.DataType, shape []int, v ...int64) *op.Array {
	return &op.Array{Type: t, Shape: shape, I: v}
}

func list(v ...int64) *op.Array { return ints(onnx.Int64, []int{len(v)}, v...) }

// eval applies an operator by its definition.
func eval(opset int64, opType string, in []*op.Array, attrs ...*onnx.Attribute) (*op.Array, error) {
	n := &onnx.Node{Name: "n", OpType: opType, Attributes: attrs, Outputs: []string{"y"}}
	for i, a := range in {
		name := ""
		if a != nil {
			name = fmt.Sprint("x", i)
		}
		n.Inputs = append(n.Inputs, name)
	}
	b, err := op.Bind(n, opset)
	if err != nil {
		return nil, err
	}
	out, err := b.Evaluate(in)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// TestDefinitions has small examples worked out by hand, above all where opsets
// differ, which the official tests (each of the newest opset) do not cover.
func TestDefinitions(t *testing.T) {
	x := floats([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	third := 1. / 3
	for _, c := range []struct {
		name  string
		opset int64
		op    string
		in    []*op.Array
		attrs []*onnx.Attribute
		want  *op.Array
	}{
		{"softmax before 13 takes axes from 1 on as one", 12, "Softmax", []*op.Array{floats([]int{1, 1, 3}, 7, 7, 7)}, nil, floats([]int{1, 1, 3}, third, third, third)},
		{"softmax from 13 on takes the last axis", 13, "Softmax", []*op.Array{floats([]int{1, 2, 1}, 3, 9)}, nil, floats([]int{1, 2, 1}, 1, 1)},
		{"clip by attributes", 10, "Clip", []*op.Array{x}, []*onnx.Attribute{onnx.FloatAttr("min", 2), onnx.FloatAttr("max", 5)}, floats([]int{2, 3}, 2, 2, 3, 4, 5, 5)},
		{"squeeze by attribute", 11, "Squeeze", []*op.Array{floats([]int{1, 2, 1}, 3, 4)}, []*onnx.Attribute{onnx.IntsAttr("axes", -1)}, floats([]int{1, 2}, 3, 4)},
		{"unsqueeze by attribute", 11, "Unsqueeze", []*op.Array{floats([]int{2}, 3, 4)}, []*onnx.Attribute{onnx.IntsAttr("axes", 0, 2)}, floats([]int{1, 2, 1}, 3, 4)},
		{"slice by attributes", 9, "Slice", []*op.Array{x}, []*onnx.Attribute{onnx.IntsAttr("starts", 1), onnx.IntsAttr("ends", 9), onnx.IntsAttr("axes", 1)}, floats([]int{2, 2}, 2, 3, 5, 6)},
		{"slice backwards from before the start", 13, "Slice", []*op.Array{x, list(-100), list(-200), list(1), list(-1)}, nil, floats([]int{2, 1}, 1, 4)},
		{"slice backwards, all", 13, "Slice", []*op.Array{x, list(-1), list(math.MinInt64), list(1), list(-2)}, nil, floats([]int{2, 2}, 3, 1, 6, 4)},
		{"dropout by attribute", 7, "Dropout", []*op.Array{x}, []*onnx.Attribute{onnx.FloatAttr("ratio", 0.9)}, x},
		{"mean by attribute", 13, "ReduceMean", []*op.Array{x}, []*onnx.Attribute{onnx.IntsAttr("axes", 1), onnx.IntAttr("keepdims", 0)}, floats([]int{2}, 2, 5)},
		{"mean by input", 18, "ReduceMean", []*op.Array{x, list(0)}, nil, floats([]int{1, 3}, 2.5, 3.5, 4.5)},
		{"mean of no axes", 18, "ReduceMean", []*op.Array{x, list()}, []*onnx.Attribute{onnx.IntAttr("noop_with_empty_axes", 1)}, x},
		{"mean of integers", 13, "ReduceMean", []*op.Array{ints(onnx.Int32, []int{2}, -7, 2)}, []*onnx.Attribute{onnx.IntAttr("keepdims", 0)}, ints(onnx.Int32, []int{}, -2)},
		{"flatten at 0", 13, "Flatten", []*op.Array{x}, []*onnx.Attribute{onnx.IntAttr("axis", 0)}, floats([]int{1, 6}, x.F...)},
		{"reshape copies 0", 13, "Reshape", []*op.Array{x, list(0, -1, 1)}, nil, floats([]int{2, 3, 1}, x.F...)},
		{"reshape with a real 0", 14, "Reshape", []*op.Array{floats([]int{0, 3}), list(3, 0)}, []*onnx.Attribute{onnx.IntAttr("allowzero", 1)}, floats([]int{3, 0})},
		{"average without pads", 13, "AveragePool", []*op.Array{floats([]int{1, 1, 3}, 3, 6, 9)}, []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 3), onnx.IntsAttr("pads", 1, 1)}, floats([]int{1, 1, 3}, 4.5, 6, 7.5)},
		{"average with pads", 13, "AveragePool", []*op.Array{floats([]int{1, 1, 3}, 3, 6, 9)}, []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 3), onnx.IntsAttr("pads", 1, 1), onnx.IntAttr("count_include_pad", 1)}, floats([]int{1, 1, 3}, 3, 6, 5)},
		{"LRN", 13, "LRN", []*op.Array{floats([]int{1, 3, 1, 1}, 1, 2, 3)}, []*onnx.Attribute{onnx.IntAttr("size", 2), onnx.FloatAttr("alpha", 2), onnx.FloatAttr("beta", 1), onnx.FloatAttr("bias", 1)},
			floats([]int{1, 3, 1, 1}, 1./(1+1+4), 2./(1+4+9), 3./(1+9))},
		{"integers beyond 2^53", 13, "Add", []*op.Array{list(1<<53 + 1), list(2)}, nil, list(1<<53 + 3)},
		{"integers wrap", 14, "Mul", []*op.Array{ints(onnx.Int8, []int{1}, 100), ints(onnx.Int8, []int{1}, 3)}, nil, ints(onnx.Int8, []int{1}, 44)},
		{"unsigned division", 13, "Div", []*op.Array{ints(onnx.Uint64, []int{1}, -2), ints(onnx.Uint64, []int{1}, 2)}, nil, ints(onnx.Uint64, []int{1}, math.MaxInt64)},
		{"integer power", 13, "Pow", []*op.Array{list(3), list(39)}, nil, list(4052555153018976267)},
		{"cast rounds to half", 13, "Cast", []*op.Array{floats([]int{1}, 1+0x1p-11)}, []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float16))}, &op.Array{Type: onnx.Float16, Shape: []int{1}, F: []float64{1}}},
		{"cast cuts", 13, "Cast", []*op.Array{floats([]int{2}, -2.9, 300)}, []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Uint8))}, ints(onnx.Uint8, []int{2}, 254, 44)},
		{"cast to bool", 13, "Cast", []*op.Array{floats([]int{2}, 0, 0.25)}, []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Bool))}, ints(onnx.Bool, []int{2}, 0, 1)},
		{"shape of a part", 15, "Shape", []*op.Array{floats([]int{2, 3, 1}, 0, 0, 0, 0, 0, 0)}, []*onnx.Attribute{onnx.IntAttr("start", -2)}, list(3, 1)},
		{"gather counts back", 13, "Gather", []*op.Array{x, ints(onnx.Int64, []int{}, -1)}, []*onnx.Attribute{onnx.IntAttr("axis", 1)}, floats([]int{2}, 3, 6)},
	} {
		got, err := eval(c.opset, c.op, c.in, c.attrs...)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		ok := got.Type == c.want.Type && slices.Equal(got.Shape, c.want.Shape) && slices.Equal(got.I, c.want.I) && len(got.F) == len(c.want.F)
		for i := range c.want.F {
			ok = ok && math.Abs(got.F[i]-c.want.F[i]) <= 1e-7*math.Abs(c.want.F[i]) // attributes are float32
		}
		if !ok {
			t.Errorf("%s: %s%v %v %v, want %s%v %v %v", c.name, got.Type, got.Shape, got.F, got.I, c.want.Type, c.want.Shape, c.want.F, c.want.I)
		}
	}
}

// TestRefused has nodes that an opset does not allow and values that do not fit.
func TestRefused(t *testing.T) {
	x := floats([]int{2, 3}, 1, 2, 3, 4, 5, 6)
	for name, c := range map[string]struct {
		opset int64
		op    string
		in    []*op.Array
		attrs []*onnx.Attribute
		want  string
	}{
		"axes input before 18":   {13, "ReduceMean", []*op.Array{x, list(0)}, nil, "2 inputs, want 1"},
		"axes input before 13":   {12, "Squeeze", []*op.Array{x, list(0)}, nil, "2 inputs, want 1"},
		"axes attribute of 13":   {13, "Squeeze", []*op.Array{x}, []*onnx.Attribute{onnx.IntsAttr("axes", 0)}, "no attribute"},
		"slice without starts":   {9, "Slice", []*op.Array{x}, nil, `"starts" is required`},
		"operator of later":      {8, "ConstantOfShape", []*op.Array{list(1)}, nil, "since opset 9"},
		"division by zero":       {13, "Div", []*op.Array{list(1), list(0)}, nil, "division by zero"},
		"index":                  {13, "Gather", []*op.Array{x, list(2)}, nil, "index 2 into an axis of 2"},
		"reshape":                {13, "Reshape", []*op.Array{x, list(4, -1)}, nil, "6 elements do not fit"},
		"huge":                   {13, "ConstantOfShape", []*op.Array{list(1<<20, 1<<20)}, nil, "more than"},
		"dropout in training":    {13, "Dropout", []*op.Array{x, floats([]int{}, 0.5), ints(onnx.Bool, []int{}, 1)}, nil, "random"},
		"broadcast":              {13, "Add", []*op.Array{x, floats([]int{2}, 1, 2)}, nil, "do not broadcast"},
		"a type that is no type": {13, "Cast", []*op.Array{x}, []*onnx.Attribute{onnx.IntAttr("to", 99)}, "cannot be evaluated"},
		"wrong element kind":     {13, "Conv", []*op.Array{list(1), list(1)}, nil, "do not fit"},
	} {
		if _, err := eval(c.opset, c.op, c.in, c.attrs...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

// viewModel is what PyTorch exports for x.view(x.size(0), -1) on a symbolic batch.
func viewModel() *onnx.Model {
	constant := func(name string, dims []int64, v ...int64) *onnx.Node {
		t, err := onnx.FromInt64s("", dims, v)
		if err != nil {
			panic(err)
		}
		return &onnx.Node{Name: name, OpType: "Constant", Outputs: []string{name}, Attributes: []*onnx.Attribute{onnx.TensorAttr("value", t)}}
	}
	node := func(op string, in []string, out string, attrs ...*onnx.Attribute) *onnx.Node {
		return &onnx.Node{Name: out, OpType: op, Inputs: in, Outputs: []string{out}, Attributes: attrs}
	}
	return &onnx.Model{IRVersion: 7, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{
		Name: "view",
		Nodes: []*onnx.Node{
			node("Shape", []string{"x"}, "shape"),
			constant("zero", nil, 0),
			node("Gather", []string{"shape", "zero"}, "batch", onnx.IntAttr("axis", 0)),
			constant("axes", []int64{1}, 0),
			node("Unsqueeze", []string{"batch", "axes"}, "batch1"),
			constant("rest", []int64{1}, -1),
			node("Concat", []string{"batch1", "rest"}, "size", onnx.IntAttr("axis", 0)),
			node("Reshape", []string{"x", "size"}, "y"),
		},
		Inputs:  []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(256), onnx.Known(6), onnx.Known(6)})}},
		Outputs: []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(9216)})}},
	}}
}

func TestSymbolicShapesFlow(t *testing.T) {
	r := op.Infer(viewModel(), nil)
	if len(r.Problems) > 0 || r.Values["y"].String() != "FLOAT[N 9216]" {
		t.Errorf("y is %s, problems %v", r.Values["y"], r.Problems)
	}
	r = op.Infer(viewModel(), map[string]onnx.Shape{"x": onnx.FixedShape(3, 256, 6, 6)})
	if r.Values["y"].String() != "FLOAT[3 9216]" {
		t.Errorf("y is %s", r.Values["y"])
	}
	wrong := viewModel()
	(*wrong.Graph.Outputs[0].Type.Shape)[1] = onnx.Known(9217)
	if r := op.Infer(wrong, nil); len(r.Warnings) != 1 || len(r.Problems) != 0 { // which engines pass over
		t.Errorf("problems %v, warnings %v", r.Problems, r.Warnings)
	}
}

// TestHostileShapesAreQuick infers models that ask for enormous work or memory.
func TestHostileShapesAreQuick(t *testing.T) {
	model := func(in onnx.Shape, nodes ...*onnx.Node) *onnx.Model {
		last := nodes[len(nodes)-1].Outputs[0]
		return &onnx.Model{IRVersion: 7, OperatorSets: []onnx.OperatorSet{{Version: 11}}, Graph: &onnx.Graph{Name: "g", Nodes: nodes,
			Inputs:  []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, in)}},
			Outputs: []*onnx.Value{{Name: last, Type: onnx.TensorType(onnx.Float, onnx.Shape{})}}}}
	}
	axes := make([]int64, 100_000)
	for i := range axes {
		axes[i] = int64(i)
	}
	fill, err := onnx.FromInt64s("", []int64{3}, []int64{1, 1, 1 << 22})
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*onnx.Model{
		"axes": model(onnx.FixedShape(1), &onnx.Node{Name: "u", OpType: "Unsqueeze", Inputs: []string{"x"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{onnx.IntsAttr("axes", axes...)}}),
		"kernel": model(onnx.FixedShape(1),
			&onnx.Node{Name: "c", OpType: "Constant", Outputs: []string{"s"}, Attributes: []*onnx.Attribute{onnx.TensorAttr("value", fill)}},
			&onnx.Node{Name: "f", OpType: "ConstantOfShape", Inputs: []string{"s"}, Outputs: []string{"v"}},
			&onnx.Node{Name: "p", OpType: "MaxPool", Inputs: []string{"v"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{onnx.IntsAttr("kernel_shape", 1<<22), onnx.IntsAttr("pads", 512, 512)}}),
		"dims": model(onnx.FixedShape(1<<62, 1<<62, 1<<62, 1<<62),
			&onnx.Node{Name: "p", OpType: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"y"}}),
	} {
		done := make(chan struct{})
		go func() {
			op.Check(m)
			op.Summarize(m)
			close(done)
		}()
		select {
		case <-done:
		case <-time.After(20 * time.Second): // milliseconds when sound, minutes or never when not
			t.Errorf("%s: shape inference did not end", name)
		}
	}
}

// TestGrouped counts the nodes of an operator that is not supported, and leaves out what follows.
func TestGrouped(t *testing.T) {
	m := &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{Name: "g",
		Inputs:  []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, 4))}},
		Outputs: []*onnx.Value{{Name: "d", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, 4))}}}}
	for i, kind := range []string{"Hardmax", "Relu", "Hardmax", "Det"} {
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: string(rune('p' + i)), OpType: kind, Inputs: []string{"xabc"[i : i+1]}, Outputs: []string{"abcd"[i : i+1]}})
	}
	err := op.Check(m).Err()
	if want := `node "p" (Hardmax): operator Hardmax is not supported (and 1 more node); node "s" (Det): operator Det is not supported`; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error is %v, want %s", err, want)
	}
}

// TestWeightsThatAreNodes counts the parameters of a layer whose weights are nodes: a Constant, and
// a ConstantOfShape, as in models that came without their weights.
func TestWeightsThatAreNodes(t *testing.T) {
	shape, err := onnx.FromInt64s("shape", []int64{4}, []int64{5, 3, 3, 3})
	if err != nil {
		t.Fatal(err)
	}
	bias, err := onnx.FromFloat32s("", []int64{5}, make([]float32, 5))
	if err != nil {
		t.Fatal(err)
	}
	m := &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{Name: "g", Initializers: []*onnx.Tensor{shape},
		Inputs:  []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, 3, 8, 8))}},
		Outputs: []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, 5, 6, 6))}},
		Nodes: []*onnx.Node{
			{Name: "w", OpType: "ConstantOfShape", Inputs: []string{"shape"}, Outputs: []string{"w"}},
			{Name: "b", OpType: "Constant", Outputs: []string{"b"}, Attributes: []*onnx.Attribute{onnx.TensorAttr("value", bias)}},
			{Name: "conv", OpType: "Conv", Inputs: []string{"x", "w", "b"}, Outputs: []string{"y"}},
		}}}
	if s := op.Summarize(m); s.Parameters != 5*27+5 || s.Layers[2].Parameters != 140 || !strings.Contains(s.Layers[2].Settings, "3x3") {
		t.Errorf("%+v", s)
	}
}

// TestEveryOperatorIsListedOnce guards the list.
func TestEveryOperatorIsListedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range op.All() {
		if seen[s.Type] {
			t.Errorf("%s is listed twice", s.Type)
		}
		seen[s.Type] = true
		if s.Infer == nil || s.Eval == nil || len(s.Since) == 0 || !slices.IsSorted(s.Since) {
			t.Errorf("%s is incomplete", s.Type)
		}
		if op.Find(s.Type) == nil {
			t.Errorf("%s is not found", s.Type)
		}
	}
}

// TestOperatorsThatRoundHaveBounds wants a Bound, without which results are held to be exact,
// for each operator but those that only move, select or compare elements, make shapes, or
// convert types as the definition does.
func TestOperatorsThatRoundHaveBounds(t *testing.T) {
	exact := strings.Fields(`
Abs And ArgMax ArgMin BitShift Cast CastLike Ceil Clip Concat Constant ConstantOfShape ConvInteger
DepthToSpace Dropout DynamicQuantizeLinear Equal Expand EyeLike Flatten Floor Gather GatherElements GatherND GlobalMaxPool Greater
GreaterOrEqual Identity IsInf IsNaN Less LessOrEqual MatMulInteger Max MaxPool Min Mod Neg NonZero
Not OneHot Or Pad QLinearConv QLinearMatMul QuantizeLinear RandomUniformLike ReduceMax ReduceMin Relu Reshape Round Shape Sign Size
Slice SpaceToDepth Split Squeeze ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Where Xor`)
	var without []string
	for _, s := range op.All() {
		if s.Bound == nil {
			without = append(without, s.Type)
		}
	}
	slices.Sort(without)
	if !slices.Equal(without, exact) {
		t.Errorf("operators without a bound:\n%q, want\n%q", without, exact)
	}
}
