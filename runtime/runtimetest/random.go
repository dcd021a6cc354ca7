package runtimetest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// extremes are the integers that attributes and index inputs are drawn from.
var extremes = []int64{math.MinInt64, -1 << 40, -3, -1, 0, 1, 2, 3, 5, 1 << 31, 1 << 40, math.MaxInt64}

// Random draws models of one node that nobody would write. A tame one is nearly right: shapes fit an image
// and a convolution, and few numbers are extremes.
type Random struct {
	*rand.Rand
	Tame bool
}

func (r Random) extreme() int64 {
	if r.Tame && r.IntN(12) > 0 {
		return []int64{1, 2, -1}[r.IntN(3)]
	}
	if r.IntN(3) > 0 {
		return int64(r.IntN(4))
	}
	return extremes[r.IntN(len(extremes))]
}

func (r Random) ints(name string) []int64 {
	n := r.IntN(5)
	if r.Tame {
		n = map[string]int{"pads": 4, "perm": 4, "axes": 1, "starts": 1, "ends": 1}[name]
		if n == 0 {
			n = 2
		}
	}
	v := make([]int64, n)
	for i := range v {
		v[i] = r.extreme()
	}
	return v
}

func (r Random) attribute(a op.Attr) *onnx.Attribute {
	switch a.Kind {
	case onnx.AttrInt:
		return onnx.IntAttr(a.Name, r.extreme())
	case onnx.AttrInts:
		return onnx.IntsAttr(a.Name, r.ints(a.Name)...)
	case onnx.AttrFloat:
		return onnx.FloatAttr(a.Name, []float32{0, 1, -1, 0.5, float32(math.NaN()), float32(math.Inf(1)), math.MaxFloat32}[r.IntN(7)])
	case onnx.AttrString:
		words := []string{"", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "x", "LEFT", "RIGHT", "DCR", "CRD", "edge", "wrap", "reflect", "constant", "add", "none", "tanh"}
		return onnx.StringAttr(a.Name, words[r.IntN(len(words))])
	case onnx.AttrTensor:
		return onnx.TensorAttr(a.Name, r.constant("v"))
	}
	return &onnx.Attribute{Name: a.Name, Type: a.Kind}
}

// constant is a small tensor of any type.
func (r Random) constant(name string) *onnx.Tensor {
	n := r.IntN(5)
	if r.Tame {
		n = 1
	}
	dims := []int64{int64(n)}
	if n == 1 && r.IntN(4) == 0 {
		dims = []int64{}
	}
	var t *onnx.Tensor
	var err error
	if !r.Tame && r.IntN(3) == 0 {
		v := make([]float32, n)
		for i := range v {
			v[i] = []float32{0, 1, -2.5, float32(math.NaN()), float32(math.Inf(-1)), 1e30}[r.IntN(6)]
		}
		t, err = onnx.FromFloat32s(name, dims, v)
	} else {
		v := make([]int64, n)
		for i := range v {
			v[i] = r.extreme()
		}
		t, err = onnx.FromInt64s(name, dims, v)
	}
	if err != nil {
		panic(err)
	}
	return t
}

// Model draws a node of an operator, with what it reads: initializers and inputs, which are
// returned too. Some are left out, or of other types and shapes than they should be, and
// attributes are at their extremes.
func (r Random) Model(s *op.Spec) (*onnx.Model, runtime.Tensors) {
	opset := op.MinOpset + r.Int64N(op.MaxOpset-op.MinOpset+1)
	if s.Type == "Upsample" && r.Tame { // of opsets of old
		opset = op.MinOpset + 2
	}
	fed := runtime.Tensors{}
	n := &onnx.Node{Name: "n", OpType: s.Type, Outputs: []string{"y"}}
	g := &onnx.Graph{Name: "g", Nodes: []*onnx.Node{n}, Outputs: []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, nil)}}}
	count := s.Inputs.Min + r.IntN(4)
	if r.Tame {
		arity := s.Inputs
		for _, e := range slices.Backward(s.Earlier) {
			if opset <= e.Until {
				arity = e.Inputs
			}
		}
		count = min(count, arity.Max)
	}
	for i := range count {
		name := fmt.Sprint("x", i)
		kind := r.IntN(4)
		if r.Tame && (i == 0 || len(s.Params) > 0) {
			kind = 2
		}
		switch kind {
		case 0:
			name = ""
		case 1:
			g.Initializers = append(g.Initializers, r.constant(name))
		default:
			shape := make([]int64, r.IntN(6))
			for k := range shape {
				shape[k] = int64(r.IntN(4))
			}
			if r.Tame {
				shape = [][]int64{{2, 2, 3, 3}, {2, 2, 3, 3}, {2, 2, 1, 1}, {2}}[min(i, 1)+r.IntN(3)*min(i, 1)]
				if s.Product == op.AffineProduct {
					shape = []int64{2, 2}
				}
			}
			types := []onnx.DataType{onnx.Float, onnx.Float, onnx.Float, onnx.Int64, onnx.Bool, onnx.Double}
			pick := len(types)
			if r.Tame {
				pick = 1
			}
			g.Inputs = append(g.Inputs, &onnx.Value{Name: name, Type: onnx.TensorType(types[r.IntN(pick)], onnx.FixedShape(shape...))})
			fed[name] = r.tensor(g.Inputs[len(g.Inputs)-1].Type)
		}
		n.Inputs = append(n.Inputs, name)
	}
	if !r.Tame && r.IntN(4) == 0 {
		n.Outputs = append(n.Outputs, []string{"", "z"}[r.IntN(2)])
	}
	for i := 1; i < s.Outputs.Min; i++ {
		n.Outputs = append(n.Outputs, fmt.Sprint("y", i))
	}
	if r.Tame {
		fed = r.fitting(s, n, g, fed)
	}
	for _, a := range s.Attrs {
		if r.Tame && (opset < a.From || a.Until != 0 && opset > a.Until) {
			continue
		}
		if r.IntN(2) == 0 || a.Required {
			n.Attributes = append(n.Attributes, r.attribute(a))
		}
	}
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: opset}}, Graph: g}, fed
}

// fitting gives an operator whose inputs have to fit each other such inputs in place of those that
// were drawn.
func (r Random) fitting(s *op.Spec, n *onnx.Node, g *onnx.Graph, fed runtime.Tensors) runtime.Tensors {
	image := []int64{2, 2, 3, 3}
	float := func(shape ...int64) *onnx.Type { return onnx.TensorType(onnx.Float, onnx.FixedShape(shape...)) }
	of := func(t onnx.DataType) *onnx.Type { return onnx.TensorType(t, onnx.FixedShape(image...)) }
	numbers := func(v ...int64) *onnx.Tensor {
		t, err := onnx.FromInt64s("", []int64{int64(len(v))}, v)
		if err != nil {
			panic(err)
		}
		return t
	}
	small := func(n int) *onnx.Tensor {
		v := make([]int64, n)
		for i := range v {
			v[i] = r.Int64N(3)
		}
		return numbers(v...)
	}
	var inputs []any // types of what is fed, and constants
	switch s.Type {
	case "And", "Or", "Xor":
		inputs = []any{of(onnx.Bool), of(onnx.Bool)}
	case "Not":
		inputs = []any{of(onnx.Bool)}
	case "Where":
		inputs = []any{of(onnx.Bool), float(image...), float(image...)}
	case "BitShift":
		inputs = []any{of(onnx.Uint8), of(onnx.Uint8)}
	case "Pad":
		inputs = []any{float(image...), small(2 * len(image))}
	case "Tile":
		inputs = []any{float(image...), small(len(image))}
	case "TopK":
		inputs = []any{float(image...), numbers(r.Int64N(3))}
	case "Range":
		inputs = []any{numbers(0), numbers(r.Int64N(20)), numbers(1 + r.Int64N(3))}
	case "GatherElements":
		inputs = []any{float(image...), of(onnx.Int64)}
	case "ScatterElements":
		inputs = []any{float(image...), of(onnx.Int64), float(image...)}
	case "ScatterND":
		inputs = []any{float(image...), of(onnx.Int64), float(image...)}
	case "LayerNormalization":
		inputs = []any{float(image...), float(1), float(1)}
	case "Upsample":
		scales, err := onnx.FromFloat32s("", []int64{4}, []float32{1, 1, 2, float32(1 + r.IntN(3))})
		if err != nil {
			panic(err)
		}
		inputs = []any{float(image...), scales}
	case "BatchNormalization":
		inputs = []any{float(image...), float(2), float(2), float(2), float(2)}
	case "DequantizeLinear":
		inputs = []any{of(onnx.Uint8), float()}
	case "ConvInteger":
		inputs = []any{of(onnx.Uint8), of(onnx.Uint8)}
	case "MatMulInteger":
		inputs = []any{of(onnx.Uint8), of(onnx.Uint8)}
	case "QLinearConv", "QLinearMatMul":
		byte := onnx.TensorType(onnx.Uint8, onnx.Shape{})
		inputs = []any{of(onnx.Uint8), float(), byte, of(onnx.Uint8), float(), byte, float(), byte}
		if s.Type == "QLinearConv" {
			inputs[3] = onnx.TensorType(onnx.Uint8, onnx.FixedShape(2, 2, 1, 1))
		}
	case "RNN", "GRU", "LSTM":
		gates := map[string]int64{"RNN": 1, "GRU": 3, "LSTM": 4}[s.Type]
		inputs = []any{float(2, 1, 3), float(1, gates*2, 3), float(1, gates*2, 2)}
	case "Attention":
		inputs = []any{float(image...), float(image...), float(image...)}
	case "EyeLike":
		inputs = []any{float(3, 2)}
	default:
		return fed
	}
	n.Inputs, g.Initializers, g.Inputs, fed = nil, nil, nil, runtime.Tensors{}
	for i, in := range inputs {
		name := fmt.Sprint("x", i)
		n.Inputs = append(n.Inputs, name)
		switch in := in.(type) {
		case *onnx.Tensor:
			in.Name = name
			if s.Type == "Range" {
				in.Dims = []int64{}
			}
			g.Initializers = append(g.Initializers, in)
		case *onnx.Type:
			g.Inputs = append(g.Inputs, &onnx.Value{Name: name, Type: in})
			fed[name] = r.tensor(in)
		}
	}
	if s.Type == "ScatterND" { // indices of all axes
		g.Inputs[1].Type, g.Inputs[2].Type = onnx.TensorType(onnx.Int64, onnx.FixedShape(3, 4)), float(3)
		fed["x1"], fed["x2"] = r.tensor(g.Inputs[1].Type), r.tensor(g.Inputs[2].Type)
	}
	return fed
}

// tensor draws values of a type with a fixed shape.
func (r Random) tensor(t *onnx.Type) *runtime.Tensor {
	n, x := 1, &runtime.Tensor{Type: t.Elem, Shape: []int{}}
	for _, d := range *t.Shape {
		x.Shape = append(x.Shape, int(d.N))
		n *= int(d.N)
	}
	switch t.Elem {
	case onnx.Int64:
		x.Data = make([]int64, n)
	case onnx.Bool:
		x.Data = make([]bool, n)
	case onnx.Double:
		x.Data = make([]float64, n)
	case onnx.Uint8:
		x.Data = make([]uint8, n)
	default:
		x = random(r.Rand, x.Shape...)
	}
	return x
}

// Describe returns the node of a model of one node, with what it reads.
func Describe(m *onnx.Model) string {
	text := m.Graph.Nodes[0].OpType
	for _, name := range m.Graph.Nodes[0].Inputs {
		text += fmt.Sprintf(" %q", name)
		if x := m.Graph.Initializer(name); x != nil {
			text += x.String()
		}
		for _, v := range m.Graph.Inputs {
			if v.Name == name {
				text += v.Type.String()
			}
		}
	}
	text += fmt.Sprintf(", opset %d, attributes", m.Opset())
	for _, a := range m.Graph.Nodes[0].Attributes {
		text += fmt.Sprintf(" %s=%v%v%v%q", a.Name, a.Int, a.Ints, a.Float, a.String)
	}
	return text
}

// quick bounds what a random node may take. It is milliseconds where work and memory follow
// from what is there, and without end where they follow from an attribute.
const quick = 5 * time.Second

// EachRandom calls f with many random models of each operator, and fails where one panics or
// does not end soon. f says whether the model was accepted, as some of each operator have to be but
// of those that are excepted.
func EachRandom(t *testing.T, each int, f func(s *op.Spec, m *onnx.Model, in runtime.Tensors) bool, except ...string) {
	t.Helper()
	for _, s := range op.All() {
		r := Random{Rand: rand.New(rand.NewPCG(14, uint64(len(s.Type))))}
		accepted := 0
		for i := range each {
			r.Tame = i%2 == 1
			m, in := r.Model(s)
			began := time.Now()
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("%s: %v", Describe(m), p)
						panic(p)
					}
				}()
				if f(s, m, in) {
					accepted++
				}
			}()
			if took := time.Since(began); took > quick {
				t.Errorf("%s: %s", Describe(m), took)
			}
		}
		if accepted == 0 && !slices.Contains(except, s.Type) {
			t.Errorf("%s: no node of %d was accepted", s.Type, each)
		}
	}
}

// RandomNodes has an engine prepare and run models that nobody would write: whatever comes of
// it, it is no panic, and it is quick. What is excepted the engine never runs.
func RandomNodes(t *testing.T, e runtime.Engine, except ...string) {
	t.Helper()
	EachRandom(t, 400, func(_ *op.Spec, m *onnx.Model, in runtime.Tensors) bool {
		if v := op.Infer(m, nil).Values["y"]; v != nil {
			m.Graph.Outputs[0].Type = v.Declared()
		}
		if len(op.Check(m).Problems) > 0 {
			return false
		}
		s, err := e.Prepare(context.Background(), m)
		if err != nil {
			return false
		}
		defer func() { _ = s.Close() }()
		_, err = s.Run(t.Context(), in)
		return err == nil
	}, except...)
}
