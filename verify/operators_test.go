package verify_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/runtime/runtimetest"
	"alexctl/verify"
)

// single is an operator by itself: between where its inputs lie, the further ones, which are
// initializers unless fed, and its attributes.
type single struct {
	kind       string
	lo, hi     float64
	shape      []int64
	rest       []*onnx.Tensor
	attributes []*onnx.Attribute
	opset      int64
	outputs    int // how many there are, where more than the least
}

func singles(r *rand.Rand) []single {
	image := []int64{3, 4, 5, 7}
	floats := func(dims ...int64) *onnx.Tensor {
		n := int64(1)
		for _, d := range dims {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		t, err := onnx.FromFloat32s("", dims, v)
		if err != nil {
			panic(err)
		}
		return t
	}
	numbers := func(v ...int64) *onnx.Tensor {
		t, err := onnx.FromInt64s("", []int64{int64(len(v))}, v)
		if err != nil {
			panic(err)
		}
		return t
	}
	var list []single
	add := func(kind string, lo, hi float64, rest []*onnx.Tensor, attributes ...*onnx.Attribute) *single {
		list = append(list, single{kind: kind, lo: lo, hi: hi, shape: image, rest: rest, attributes: attributes, opset: 20})
		return &list[len(list)-1]
	}
	functions := map[string][2]float64{
		"Abs": {-9, 9}, "Neg": {-9, 9}, "Sign": {-1, 1}, "Floor": {-9, 9}, "Ceil": {-9, 9}, "Round": {-9, 9}, "Exp": {-40, 40}, "Log": {1e-6, 50},
		"Reciprocal": {0.01, 9}, "Sin": {-20, 20}, "Cos": {-20, 20}, "Tan": {-1.5, 1.5}, "Asin": {-1, 1}, "Acos": {-1, 1}, "Atan": {-9, 9},
		"Sinh": {-9, 9}, "Cosh": {-9, 9}, "Asinh": {-50, 50}, "Acosh": {1, 50}, "Atanh": {-0.999, 0.999}, "Erf": {-4, 4}, "Softplus": {-20, 20},
		"Softsign": {-20, 20}, "Elu": {-9, 9}, "Celu": {-9, 9}, "Selu": {-9, 9}, "LeakyRelu": {-9, 9}, "HardSigmoid": {-4, 4}, "HardSwish": {-6, 6},
		"Mish": {-20, 20}, "Gelu": {-6, 6}, "ThresholdedRelu": {-3, 3}, "IsNaN": {-1, 1}, "GlobalMaxPool": {-3, 3},
	}
	for _, kind := range slices.Sorted(maps.Keys(functions)) { // in one order: inputs follow from the seed
		add(kind, functions[kind][0], functions[kind][1], nil)
	}
	add("Gelu", -6, 6, nil, onnx.StringAttr("approximate", "tanh"))
	add("Shrink", -3, 3, nil, onnx.FloatAttr("bias", 0.3))
	add("PRelu", -3, 3, []*onnx.Tensor{floats(4, 1, 1)})
	for _, kind := range []string{"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Max", "Min", "Mean"} {
		add(kind, -3, 3, []*onnx.Tensor{floats(4, 1, 7)}).opset = 19
	}
	add("Mod", -9, 9, []*onnx.Tensor{floats(5, 7)}, onnx.IntAttr("fmod", 1))
	for _, kind := range []string{"ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp", "ReduceMax", "ReduceMin", "ReduceProd"} {
		add(kind, -3, 3, []*onnx.Tensor{numbers(1, -1)})
	}
	add("ReduceLogSum", 0.1, 3, []*onnx.Tensor{numbers(2)})
	add("ArgMax", -3, 3, nil, onnx.IntAttr("axis", 2))
	add("ArgMin", -3, 3, nil, onnx.IntAttr("axis", -1), onnx.IntAttr("keepdims", 0))
	for _, mode := range []string{"constant", "reflect", "edge", "wrap"} {
		add("Pad", -3, 3, []*onnx.Tensor{numbers(0, 1, 2, 1, 0, 0, 3, 2)}, onnx.StringAttr("mode", mode))
	}
	add("Expand", -3, 3, []*onnx.Tensor{numbers(2, 1, 1, 1, 1)})
	add("Tile", -3, 3, []*onnx.Tensor{numbers(1, 2, 1, 3)})
	add("CumSum", -3, 3, []*onnx.Tensor{numbers(2)}, onnx.IntAttr("reverse", 1))
	add("Trilu", -3, 3, nil)
	add("TopK", -3, 3, []*onnx.Tensor{numbers(3)}, onnx.IntAttr("axis", 1)).opset = 13
	add("LayerNormalization", -3, 9, []*onnx.Tensor{floats(7), floats(7)})
	add("LayerNormalization", 50, 53, []*onnx.Tensor{floats(4, 5, 7)}, onnx.IntAttr("axis", 1))
	add("InstanceNormalization", -3, 9, []*onnx.Tensor{floats(4), floats(4)})
	add("GroupNormalization", -3, 3, []*onnx.Tensor{floats(4), floats(4)}, onnx.IntAttr("num_groups", 2)).opset = 21
	add("LpNormalization", -3, 3, nil, onnx.IntAttr("axis", 1))
	add("LpPool", -3, 3, nil, onnx.IntsAttr("kernel_shape", 3, 2), onnx.IntsAttr("strides", 2, 1))
	add("GlobalLpPool", -3, 3, nil)
	add("ConvTranspose", -3, 3, []*onnx.Tensor{floats(4, 3, 3, 2), floats(3)}, onnx.IntsAttr("strides", 2, 3), onnx.IntsAttr("pads", 1, 0, 1, 1))
	add("ConvTranspose", -3, 3, []*onnx.Tensor{floats(4, 2, 3, 3)}, onnx.IntAttr("group", 2), onnx.IntsAttr("dilations", 1, 2), onnx.IntsAttr("output_padding", 0, 0))
	for _, lo := range []float64{-3, 40} {
		trained := add("BatchNormalization", lo, lo+5, []*onnx.Tensor{floats(4), floats(4), floats(4), floats(4)}, onnx.IntAttr("training_mode", 1))
		trained.shape, trained.opset, trained.outputs = []int64{6, 4, 19, 23}, 15, 3
	}
	scales := func(v ...float32) *onnx.Tensor {
		t, err := onnx.FromFloat32s("", []int64{int64(len(v))}, v)
		if err != nil {
			panic(err)
		}
		return t
	}
	for _, mode := range []string{"linear", "cubic", "nearest"} {
		for _, places := range []string{"half_pixel", "align_corners", "asymmetric"} {
			add("Resize", -3, 3, []*onnx.Tensor{nil, scales(1, 1, 2, 1.5)}, onnx.StringAttr("mode", mode), onnx.StringAttr("coordinate_transformation_mode", places))
		}
	}
	add("Resize", -3, 3, []*onnx.Tensor{nil, nil, numbers(3, 4, 3, 4)}, onnx.StringAttr("mode", "linear"), onnx.StringAttr("coordinate_transformation_mode", "pytorch_half_pixel"))
	bytes := func(v ...byte) *onnx.Tensor {
		dims := []int64{int64(len(v))}
		if len(v) == 1 {
			dims = []int64{}
		}
		t, err := onnx.FromBytes("", onnx.Uint8, dims, v)
		if err != nil {
			panic(err)
		}
		return t
	}
	step := scales(0.037)
	step.Dims = []int64{}
	add("QuantizeLinear", -6, 6, []*onnx.Tensor{step, bytes(120)})
	add("QuantizeLinear", -6, 6, []*onnx.Tensor{scales(0.037, 0.05, 0.2, 0.01), bytes(120, 3, 0, 255)}, onnx.IntAttr("axis", 1))
	add("DynamicQuantizeLinear", -6, 9, nil)
	add("Einsum", -3, 3, []*onnx.Tensor{floats(3, 5, 4)}, onnx.StringAttr("equation", "nchw,nhk->wkc"))
	add("Einsum", -3, 3, []*onnx.Tensor{floats(4, 7)}, onnx.StringAttr("equation", "n...hw,...w->n...h"))
	for i, kind := range []string{"RNN", "GRU", "LSTM"} {
		gates := []int64{1, 3, 4}[i]
		l := add(kind, -3, 3, []*onnx.Tensor{floats(2, gates*6, 5), floats(2, gates*6, 6), floats(2, 2*gates*6)}, onnx.StringAttr("direction", "bidirectional"), onnx.IntAttr("hidden_size", 6))
		l.shape, l.outputs = []int64{4, 3, 5}, 2
		if kind == "GRU" {
			l.attributes = append(l.attributes, onnx.IntAttr("linear_before_reset", 1))
		}
	}
	heads := add("Attention", -2, 2, []*onnx.Tensor{floats(3, 2, 6, 7), floats(3, 2, 6, 8)})
	heads.opset = 23
	deep := add("DepthToSpace", -3, 3, nil, onnx.IntAttr("blocksize", 2))
	deep.shape = []int64{2, 8, 3, 5}
	space := add("SpaceToDepth", -3, 3, nil, onnx.IntAttr("blocksize", 2))
	space.shape = []int64{2, 3, 4, 6}
	return list
}

// input draws what the operator is fed.
func (s single) input(r *rand.Rand) *runtime.Tensor {
	n, shape := 1, []int{}
	for _, d := range s.shape {
		n, shape = n*int(d), append(shape, int(d))
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(s.lo + (s.hi-s.lo)*r.Float64())
	}
	return &runtime.Tensor{Type: onnx.Float, Shape: shape, Data: x}
}

// model is the operator between an input and an output.
func (s single) model(t *testing.T) *onnx.Model {
	t.Helper()
	n := &onnx.Node{Name: "node", OpType: s.kind, Inputs: []string{"x"}, Outputs: []string{"y"}, Attributes: s.attributes}
	g := &onnx.Graph{Name: "single", Nodes: []*onnx.Node{n}, Inputs: []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(s.shape...))}}}
	for i, w := range s.rest {
		if w == nil { // left out
			n.Inputs = append(n.Inputs, "")
			continue
		}
		w.Name = fmt.Sprint("w", i)
		if s.kind == "CumSum" {
			w.Dims = []int64{}
		}
		n.Inputs, g.Initializers = append(n.Inputs, w.Name), append(g.Initializers, w)
	}
	for i := 1; i < max(s.outputs, op.Find(s.kind).Outputs.Min); i++ {
		n.Outputs = append(n.Outputs, fmt.Sprint("y", i))
	}
	m := &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: s.opset}}, Graph: g}
	inferred := op.Infer(m, nil)
	for _, name := range n.Outputs {
		g.Outputs = append(g.Outputs, &onnx.Value{Name: name, Type: inferred.Values[name].Declared()})
	}
	if len(inferred.Problems) > 0 {
		t.Fatalf("%s: %v", s.kind, inferred.Problems)
	}
	return m
}

// TestOperatorsByThemselves compares ONNX Runtime and Gorgonia with each operator's definition, over
// several sizes of numbers: none may raise an alarm, and every bound must be approached.
func TestOperatorsByThemselves(t *testing.T) {
	engines := []runtime.Engine{gorgonia.Engine{Kernels: gorgonia.Kernels{Set: "plain"}}}
	for _, level := range []string{"off", "all"} {
		e, err := ort.New(ort.Config{Optimization: level, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		runtimetest.Need(t, e)
		engines = append(engines, e)
	}
	worst := map[string]verify.Kind{}
	seeds := uint64(10)
	if slow || testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 5))
		for _, s := range singles(r) {
			m := s.model(t)
			report, err := verify.Compare(t.Context(), m, engines, []runtime.Tensors{{"x": s.input(r)}}, verify.Options{})
			if err != nil {
				t.Errorf("%s: %v", s.kind, err)
				continue
			}
			for _, e := range report.Results {
				if e.Status == verify.Skipped {
					if seed == 0 {
						t.Logf("%s on %s: %s", s.kind, e.Name(), e.Reason)
					}
					continue
				}
				if e.Status != verify.Pass {
					t.Errorf("seed %d, %s on %s %s: %s", seed, s.kind, e.Name(), e.Status, e.Reason)
				}
				for _, k := range e.Kinds {
					if k.Margin >= worst[k.Op].Margin {
						worst[k.Op] = k
					}
				}
			}
		}
	}
	for name, k := range worst {
		t.Logf("%s: worst margin %.2g", name, float64(k.Margin))
		switch margin := float64(k.Margin); {
		case name == "DynamicQuantizeLinear": // its numbers are exact, and its scale is not
		case k.Exact && margin != 0:
			t.Errorf("%s is exact and off by %g", name, margin)
		case !k.Exact && (margin < tightest || margin >= 1 || math.IsNaN(margin)):
			t.Errorf("%s: the worst margin is %g, want between %g and 1", name, margin, tightest)
		}
	}
}

// slip is a mistake in an operator: another kind, or other attributes or constants.
type slip struct {
	kind string // of the operator that has it
	what string
	plan func(n *onnx.Node, g *onnx.Graph)
}

// slips are at least two for each kind of operator.
func slips() []slip {
	set := func(attributes ...*onnx.Attribute) func(*onnx.Node, *onnx.Graph) {
		return func(n *onnx.Node, _ *onnx.Graph) {
			for _, a := range attributes {
				n.Attributes = append(slices.DeleteFunc(slices.Clone(n.Attributes), func(b *onnx.Attribute) bool { return b.Name == a.Name }), a)
			}
		}
	}
	become := func(kind string) func(*onnx.Node, *onnx.Graph) {
		return func(n *onnx.Node, _ *onnx.Graph) { n.OpType = kind }
	}
	without := func(input int) func(*onnx.Node, *onnx.Graph) {
		return func(n *onnx.Node, _ *onnx.Graph) { n.Inputs = n.Inputs[:input] }
	}
	scaled := func(input int, by float32) func(*onnx.Node, *onnx.Graph) {
		return func(n *onnx.Node, g *onnx.Graph) {
			for i, t := range g.Initializers {
				if t.Name != n.Inputs[input] {
					continue
				}
				count, err := t.Len()
				if err != nil {
					panic(err)
				}
				v := make([]float32, count)
				if err := t.Float32s(v, 0); err != nil {
					panic(err)
				}
				v[len(v)/2] *= by
				if g.Initializers[i], err = onnx.FromFloat32s(t.Name, t.Dims, v); err != nil {
					panic(err)
				}
			}
		}
	}
	integers := func(input int, v ...int64) func(*onnx.Node, *onnx.Graph) {
		return func(n *onnx.Node, g *onnx.Graph) {
			for i, t := range g.Initializers {
				if t.Name == n.Inputs[input] {
					c, err := onnx.FromInt64s(t.Name, t.Dims, v)
					if err != nil {
						panic(err)
					}
					g.Initializers[i] = c
				}
			}
		}
	}
	f, i, s := onnx.FloatAttr, onnx.IntAttr, onnx.StringAttr
	return []slip{
		{"LayerNormalization", "a larger epsilon", set(f("epsilon", 1e-2))}, {"LayerNormalization", "no bias", without(2)}, {"LayerNormalization", "a scale", scaled(1, 1.001)},
		{"InstanceNormalization", "a larger epsilon", set(f("epsilon", 1e-2))}, {"InstanceNormalization", "a bias", scaled(2, 1.001)},
		{"GroupNormalization", "more groups", set(i("num_groups", 4))}, {"GroupNormalization", "a scale", scaled(1, 1.001)},
		{"LpNormalization", "the other norm", set(i("p", 1))}, {"LpNormalization", "another axis", set(i("axis", 2))},
		{"Pad", "the edge", set(s("mode", "edge"))}, {"Pad", "shifted", integers(1, 0, 1, 1, 1, 0, 0, 4, 2)},
		{"Gelu", "the approximation", set(s("approximate", "tanh"))}, {"Gelu", "HardSwish", become("HardSwish")},
		{"HardSigmoid", "a sixth", set(f("alpha", 1./6))}, {"HardSigmoid", "beta", set(f("beta", 0.501))},
		{"HardSwish", "Mish", become("Mish")}, {"HardSwish", "Relu", become("Relu")}, {"Mish", "Softplus", become("Softplus")}, {"Mish", "Gelu", become("Gelu")},
		{"Elu", "alpha", set(f("alpha", 1.001))}, {"Elu", "Selu", become("Selu")}, {"Celu", "alpha", set(f("alpha", 1.1))}, {"Celu", "Relu", become("Relu")},
		{"Selu", "gamma", set(f("gamma", 1.05))}, {"Selu", "alpha", set(f("alpha", 1.67))}, {"LeakyRelu", "alpha", set(f("alpha", 0.0101))}, {"LeakyRelu", "Relu", become("Relu")},
		{"PRelu", "a slope", scaled(1, 1.001)}, {"ThresholdedRelu", "alpha", set(f("alpha", 0.9))}, {"ThresholdedRelu", "Relu", become("Relu")},
		{"Shrink", "bias", set(f("bias", 0.31))}, {"Shrink", "lambd", set(f("lambd", 0.6))}, {"Softplus", "Relu", become("Relu")}, {"Softplus", "Elu", become("Elu")},
		{"Softsign", "Tanh", become("Tanh")}, {"Softsign", "Atan", become("Atan")}, {"Erf", "Tanh", become("Tanh")}, {"Erf", "Softsign", become("Softsign")},
		{"Exp", "Cosh", become("Cosh")}, {"Exp", "Sinh", become("Sinh")}, {"Log", "Sqrt", become("Sqrt")}, {"Log", "Acosh", become("Softplus")},
		{"Sin", "Cos", become("Cos")}, {"Sin", "Tan", become("Tan")}, {"Cos", "Sin", become("Sin")}, {"Cos", "Neg", become("Neg")}, {"Tan", "Sinh", become("Sinh")}, {"Tan", "Atan", become("Atan")},
		{"Asin", "Atan", become("Atan")}, {"Asin", "Sin", become("Sin")}, {"Acos", "Cos", become("Cos")}, {"Acos", "Asin", become("Asin")}, {"Atan", "Tanh", become("Tanh")}, {"Atan", "Asinh", become("Asinh")},
		{"Sinh", "Asinh", become("Asinh")}, {"Sinh", "Cosh", become("Cosh")}, {"Cosh", "Exp", become("Exp")}, {"Cosh", "Abs", become("Abs")}, {"Asinh", "Atan", become("Atan")}, {"Asinh", "Sinh", become("Softsign")},
		{"Acosh", "Log", become("Log")}, {"Acosh", "Sqrt", become("Sqrt")}, {"Atanh", "Tanh", become("Tanh")}, {"Atanh", "Tan", become("Tan")},
		{"Floor", "Round", become("Round")}, {"Floor", "Ceil", become("Ceil")}, {"Ceil", "Floor", become("Floor")}, {"Ceil", "Round", become("Round")}, {"Round", "Floor", become("Floor")}, {"Round", "Ceil", become("Ceil")},
		{"Abs", "Neg", become("Neg")}, {"Abs", "Relu", become("Relu")}, {"Neg", "Abs", become("Abs")}, {"Neg", "Identity", become("Identity")}, {"Sign", "Ceil", become("Ceil")}, {"Sign", "Softsign", become("Softsign")},
		{"Reciprocal", "Neg", become("Neg")}, {"Reciprocal", "Log", become("Log")},
		{"Max", "Min", become("Min")}, {"Max", "a number", scaled(1, 30)}, {"Min", "Mean", become("Mean")}, {"Min", "Max", become("Max")}, {"Mean", "Sum", become("Sum")}, {"Mean", "a number", scaled(1, 1.001)},
		{"Less", "Greater", become("Greater")}, {"LessOrEqual", "Less or not", become("Greater")}, {"Greater", "Less", become("Less")}, {"GreaterOrEqual", "Less", become("Less")},
		{"ReduceSum", "other axes", integers(1, 2, -1)}, {"ReduceSum", "ReduceL1", become("ReduceL1")}, {"ReduceL1", "ReduceL2", become("ReduceL2")}, {"ReduceL1", "ReduceMax", become("ReduceMax")},
		{"ReduceL2", "ReduceL1", become("ReduceL1")}, {"ReduceL2", "ReduceSumSquare", become("ReduceSumSquare")}, {"ReduceSumSquare", "ReduceL2", become("ReduceL2")}, {"ReduceSumSquare", "other axes", integers(1, 2, -1)},
		{"ReduceLogSumExp", "ReduceMax", become("ReduceMax")}, {"ReduceLogSumExp", "other axes", integers(1, 2, -1)}, {"ReduceLogSum", "ReduceLogSumExp", become("ReduceLogSumExp")}, {"ReduceLogSum", "ReduceSum", become("ReduceSum")},
		{"ReduceMax", "ReduceMin", become("ReduceMin")}, {"ReduceMax", "other axes", integers(1, 2, -1)}, {"ReduceMin", "ReduceMax", become("ReduceMax")}, {"ReduceMin", "other axes", integers(1, 2, -1)},
		{"ReduceProd", "ReduceSum", become("ReduceSum")}, {"ReduceProd", "other axes", integers(1, 2, -1)},
		{"ArgMax", "ArgMin", become("ArgMin")}, {"ArgMin", "ArgMax", become("ArgMax")}, {"CumSum", "from the start", set(i("reverse", 0))}, {"CumSum", "without itself", set(i("exclusive", 1))},
		{"TopK", "the smallest", set(i("largest", 0))}, {"TopK", "another axis", set(i("axis", 1), i("largest", 0))}, {"Trilu", "the other triangle", set(i("upper", 0))},
		{"LpPool", "p", set(i("p", 1))}, {"LpPool", "strides", set(onnx.IntsAttr("strides", 2, 1), i("p", 3))}, {"GlobalLpPool", "p", set(i("p", 1))}, {"GlobalLpPool", "GlobalMaxPool", become("GlobalMaxPool")},
		{"GlobalMaxPool", "GlobalAveragePool", become("GlobalAveragePool")}, {"GlobalMaxPool", "GlobalLpPool", become("GlobalLpPool")},
		{"ConvTranspose", "a weight", scaled(1, 1.01)}, {"ConvTranspose", "shifted", set(onnx.IntsAttr("pads", 0, 1, 2, 0))}, {"ConvTranspose", "no bias", without(2)},
		{"Resize", "other places", set(s("coordinate_transformation_mode", "asymmetric"))}, {"Resize", "cubic", set(s("mode", "cubic"))}, {"Resize", "nearest", set(s("mode", "nearest"))},
		{"QuantizeLinear", "a scale", scaled(1, 1.01)}, {"QuantizeLinear", "no zero point", without(2)},
		{"Einsum", "an operand", scaled(1, 1.001)}, {"Einsum", "a sign", scaled(1, -1)},
		{"RNN", "a weight", scaled(1, 1.01)}, {"RNN", "no bias", without(3)}, {"GRU", "a weight", scaled(2, 1.01)}, {"GRU", "the reset after", set(i("linear_before_reset", 0))},
		{"LSTM", "a weight", scaled(2, 1.01)}, {"LSTM", "no bias", without(3)}, {"Attention", "scale", set(f("scale", 0.5))}, {"Attention", "causal", set(i("is_causal", 1))},
		{"DepthToSpace", "in another order", set(s("mode", "CRD"))}, {"BatchNormalization", "epsilon", set(f("epsilon", 0.1))}, {"BatchNormalization", "a bias", scaled(2, 1.01)},
	}
}

// slipped is an engine that makes a mistake in each operator of a kind.
type slipped struct {
	runtime.Engine
	slip
}

// Prepare prepares the model with the mistake.
func (s slipped) Prepare(ctx context.Context, m *onnx.Model) (runtime.Session, error) {
	c := m.Clone()
	for _, n := range c.Graph.Nodes {
		if n.OpType == s.kind {
			s.plan(n, c.Graph)
		}
	}
	return s.Engine.Prepare(ctx, c)
}

// TestSlipsOfOperators wants each mistake found by the operator's definition and its bound, in what
// ONNX Runtime makes of the operator with the mistake.
func TestSlipsOfOperators(t *testing.T) {
	e, err := ort.New(ort.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	runtimetest.Need(t, e)
	r := rand.New(rand.NewPCG(11, 5))
	list := singles(r)
	kinds := map[string]bool{}
	for _, p := range slips() {
		s := list[slices.IndexFunc(list, func(s single) bool { return s.kind == p.kind })]
		report, err := verify.Compare(t.Context(), s.model(t), []runtime.Engine{slipped{e, p}}, []runtime.Tensors{{"x": s.input(r)}}, verify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if status := report.Results[0].Status; status != verify.Fail {
			t.Errorf("%s, %s: %s %s", p.kind, p.what, status, report.Results[0].Reason)
		}
		kinds[p.kind] = true
	}
	t.Logf("%d mistakes in %d kinds of operators", len(slips()), len(kinds))
}
