package verify_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/runtime/runtimetest"
	"alexctl/verify"
)

// network draws a random network: every kind of layer with a bound, over awkward shapes.
type network struct {
	r     *rand.Rand
	g     *onnx.Graph
	last  string
	shape []int
	scale float64 // of weights
	kept  int     // initializers of the nodes that are there
	opset int64   // 0 for 13
}

func (n *network) weight(name string, fan int, dims ...int64) string {
	size := int64(1)
	for _, d := range dims {
		size *= d
	}
	v := make([]float32, size)
	for i := range v {
		v[i] = float32(n.r.NormFloat64() * n.scale * math.Sqrt(2/float64(max(fan, 1))))
	}
	return n.initializer(name, v, dims...)
}

func (n *network) initializer(name string, v []float32, dims ...int64) string {
	t, err := onnx.FromFloat32s(name, dims, v)
	if err != nil {
		panic(err) // the sizes are ours
	}
	n.g.Initializers = append(n.g.Initializers, t)
	return name
}

func (n *network) positive(name string, size int) string {
	v := make([]float32, size)
	for i := range v {
		v[i] = float32(0.1 + n.r.Float64())
	}
	return n.initializer(name, v, int64(size))
}

func ints(name string, v ...int64) *onnx.Attribute {
	return &onnx.Attribute{Name: name, Type: onnx.AttrInts, Ints: v}
}

func number(name string, v int) *onnx.Attribute {
	return &onnx.Attribute{Name: name, Type: onnx.AttrInt, Int: int64(v)}
}

func float(name string, v float64) *onnx.Attribute {
	return &onnx.Attribute{Name: name, Type: onnx.AttrFloat, Float: float32(v)}
}

// add adds a node, unless the model would be wrong with it.
func (n *network) add(kind string, inputs []string, attributes ...*onnx.Attribute) {
	name := fmt.Sprintf("%s%d", kind, len(n.g.Nodes))
	n.g.Nodes = append(n.g.Nodes, &onnx.Node{Name: name, OpType: kind, Inputs: append([]string{n.last}, inputs...), Outputs: []string{name}, Attributes: attributes})
	info := op.Infer(n.model(), nil).Values[name]
	shape, ok := []int(nil), false
	if info != nil {
		shape, ok = info.Fixed()
	}
	if !ok || slices.ContainsFunc(shape, func(d int) bool { return d < 1 }) {
		n.g.Nodes, n.g.Initializers = n.g.Nodes[:len(n.g.Nodes)-1], n.g.Initializers[:n.kept]
		return
	}
	n.kept = len(n.g.Initializers)
	n.last, n.shape = name, shape
}

func (n *network) model() *onnx.Model {
	opset := n.opset
	if opset == 0 {
		opset = 13
	}
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: opset}}, Graph: n.g}
}

// layer adds one layer of a random kind to a value (N, C, H, W).
func (n *network) layer() {
	r, c := n.r, int64(n.shape[1])
	name := fmt.Sprintf("w%d", len(n.g.Nodes))
	pad := func() int64 { return int64(r.IntN(3)) }
	switch r.IntN(12) {
	case 0, 1, 2:
		k, groups := 1+r.IntN(5), int64(1)
		if c%2 == 0 && r.IntN(2) == 0 {
			groups = 2
		}
		m := groups * int64(1+r.IntN(12))
		in := []string{n.weight(name, int(c/groups)*k*k, m, c/groups, int64(k), int64(k))}
		if r.IntN(2) == 0 {
			in = append(in, n.weight(name+"b", 1, m))
		}
		stride := int64(1 + r.IntN(3))
		n.add("Conv", in, ints("kernel_shape", int64(k), int64(k)), ints("strides", stride, stride), ints("pads", pad(), pad(), pad(), pad()),
			ints("dilations", int64(1+r.IntN(2)), 1), number("group", int(groups)))
	case 3:
		n.add("LRN", nil, number("size", 1+2*r.IntN(4)), float("alpha", math.Pow(10, -4+3*r.Float64())), float("beta", 0.5+r.Float64()/2), float("bias", 1+r.Float64()))
	case 4:
		n.add("MaxPool", nil, ints("kernel_shape", 2, 3), ints("strides", 2, 1), number("ceil_mode", r.IntN(2)))
	case 5:
		n.add("AveragePool", nil, ints("kernel_shape", 3, 2), ints("strides", 1, 2), ints("pads", 1, 0, 0, 1), number("count_include_pad", r.IntN(2)))
	case 6:
		n.add("BatchNormalization", []string{n.positive(name, int(c)), n.weight(name+"b", 1, c), n.weight(name+"m", 1, c), n.positive(name+"v", int(c))})
	case 7:
		n.add([]string{"Sigmoid", "Tanh", "Relu"}[r.IntN(3)], nil)
	case 8:
		n.add([]string{"Add", "Mul", "Sub", "Div"}[r.IntN(4)], []string{n.positive(name, n.shape[3])})
	case 9:
		n.add("Sigmoid", nil) // of positive numbers
		n.add("Sqrt", nil)
		n.add("Pow", []string{n.initializer(name+"p", []float32{float32(r.NormFloat64())})})
	case 10:
		n.add("MatMul", []string{n.weight(name, n.shape[3], int64(n.shape[3]), int64(1+r.IntN(20)))})
		if r.IntN(3) == 0 {
			n.add("ReduceMean", nil, ints("axes", 2), number("keepdims", 1))
		}
	default:
		n.add("Relu", nil)
	}
}

// randomNetwork draws a network and its input.
func randomNetwork(seed uint64) (*onnx.Model, runtime.Tensors) {
	r := rand.New(rand.NewPCG(seed, 99))
	n := &network{r: r, last: "input", scale: math.Pow(10, r.Float64()*0.6-0.3)}
	n.shape = []int{1 + r.IntN(5), 1 + r.IntN(7), 5 + r.IntN(20), 5 + r.IntN(20)}
	in := &onnx.Value{Name: "input", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(int64(n.shape[0]), int64(n.shape[1]), int64(n.shape[2]), int64(n.shape[3])))}
	n.g = &onnx.Graph{Name: "random", Inputs: []*onnx.Value{in}}
	x := make([]float32, n.shape[0]*n.shape[1]*n.shape[2]*n.shape[3])
	size := math.Pow(10, 4*r.Float64()-2)
	for i := range x {
		x[i] = float32(r.NormFloat64() * size)
	}
	fed := runtime.Tensors{"input": {Type: onnx.Float, Shape: n.shape, Data: x}}
	for range 3 + r.IntN(7) {
		n.layer()
	}
	if r.IntN(3) == 0 {
		n.add("GlobalAveragePool", nil)
	}
	n.add("Flatten", nil)
	k, units := n.shape[1], 2+r.IntN(60)
	n.add("Gemm", []string{n.weight("fc", k, int64(units), int64(k)), n.weight("fcb", 1, int64(units))}, number("transB", 1))
	if r.IntN(2) == 0 {
		n.add([]string{"Softmax", "LogSoftmax"}[r.IntN(2)], nil, number("axis", 1))
	}
	n.g.Outputs = []*onnx.Value{{Name: n.last, Type: onnx.TensorType(onnx.Float, onnx.FixedShape(int64(n.shape[0]), int64(n.shape[1])))}}
	return n.model(), fed
}

// tightest is the least that the worst margin of a kind may be over all runs: a bound that
// is never approached is no bound.
const tightest = 1e-3

// TestHonestRuns compares honest engines on random networks: none may raise an alarm, and
// every bound must be approached.
func TestHonestRuns(t *testing.T) {
	engines := []runtime.Engine{gorgonia.Engine{Kernels: gorgonia.Kernels{Set: "plain"}}}
	if gorgonia.FasterKernels() == "" {
		engines = append(engines, gorgonia.Engine{Kernels: gorgonia.Kernels{Set: "onednn"}})
	}
	for _, level := range []string{"off", "basic", "extended", "all"} {
		e, err := ort.New(ort.Config{Optimization: level, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		runtimetest.Need(t, e)
		engines = append(engines, e)
	}
	runs := 200
	if slow || testing.Short() {
		runs = 5
	}
	silent, worst := 0, map[string]verify.Kind{}
	for seed := range runs {
		m, in := randomNetwork(uint64(seed))
		r, err := verify.Compare(t.Context(), m, engines, []runtime.Tensors{in}, verify.Options{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, x := range r.Results {
			if x.Status == verify.Skipped && strings.HasPrefix(x.Reason, "nothing could be compared") {
				silent++ // numbers beyond float32
				continue
			}
			if x.Status != verify.Pass {
				t.Errorf("seed %d: %s %s: %s", seed, x.Name(), x.Status, x.Reason)
			}
			for _, k := range x.Kinds {
				if k.Margin >= worst[k.Op].Margin {
					worst[k.Op] = k
				}
			}
		}
	}
	if silent > runs*len(engines)/20 {
		t.Errorf("%d of %d comparisons could say nothing", silent, runs*len(engines))
	}
	for name, k := range worst {
		t.Logf("%s: worst margin %.2g", name, float64(k.Margin))
		if runs == 200 && !k.Exact && (k.Margin < tightest || k.Margin >= 1) {
			t.Errorf("%s: the worst margin is %g, want between %g and 1", name, float64(k.Margin), tightest)
		}
		if k.Exact && k.Margin != 0 {
			t.Errorf("%s only moves numbers and is off by %g", name, float64(k.Margin))
		}
	}
}

// TestTrainingModeNetworks compares networks that normalize by the statistics of the batch, as they
// are exported for training: over many seeds none raises an alarm.
func TestTrainingModeNetworks(t *testing.T) {
	var engines []runtime.Engine
	for _, level := range []string{"off", "all"} {
		e, err := ort.New(ort.Config{Optimization: level, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		runtimetest.Need(t, e)
		engines = append(engines, e)
	}
	seeds := 50
	if slow || testing.Short() {
		seeds = 5
	}
	worst := verify.Number(0)
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 15))
		n := &network{r: r, last: "input", scale: 1, opset: 15}
		n.shape = []int{2 + r.IntN(4), 3, 12 + r.IntN(20), 12 + r.IntN(20)}
		in := &onnx.Value{Name: "input", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(int64(n.shape[0]), 3, int64(n.shape[2]), int64(n.shape[3])))}
		n.g = &onnx.Graph{Name: "training", Inputs: []*onnx.Value{in}}
		x := make([]float32, n.shape[0]*3*n.shape[2]*n.shape[3])
		offset := 20 * r.Float64() // means that are large beside the deviation
		for i := range x {
			x[i] = float32(offset + r.NormFloat64())
		}
		fed := runtime.Tensors{"input": {Type: onnx.Float, Shape: n.shape, Data: x}}
		for k := range 4 {
			c, m, name := int64(n.shape[1]), int64(4+r.IntN(12)), fmt.Sprint("w", k)
			n.add("Conv", []string{n.weight(name, int(c)*9, m, c, 3, 3), n.weight(name+"c", 1, m)}, ints("pads", 1, 1, 1, 1), ints("strides", 1, int64(1+r.IntN(2))))
			n.add("BatchNormalization", []string{n.positive(name+"s", int(m)), n.weight(name+"b", 1, m), n.weight(name+"m", 1, m), n.positive(name+"v", int(m))}, number("training_mode", 1))
			if last := n.g.Nodes[len(n.g.Nodes)-1]; last.OpType == "BatchNormalization" { // which engines want whole
				last.Outputs = append(last.Outputs, name+"rm", name+"rv")
			}
			n.add([]string{"Relu", "HardSwish", "Sigmoid"}[r.IntN(3)], nil)
		}
		n.add("GlobalAveragePool", nil)
		n.g.Outputs = []*onnx.Value{{Name: n.last, Type: onnx.TensorType(onnx.Float, onnx.FixedShape(int64(n.shape[0]), int64(n.shape[1]), 1, 1))}}
		report, err := verify.Compare(t.Context(), n.model(), engines, []runtime.Tensors{fed}, verify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range report.Results {
			if e.Status != verify.Pass {
				t.Errorf("seed %d: %s %s: %s", seed, e.Name(), e.Status, e.Reason)
			}
			for _, k := range e.Kinds {
				if k.Op == "BatchNormalization" {
					worst = max(worst, k.Margin)
				}
			}
		}
	}
	t.Logf("BatchNormalization: worst margin %.2g", float64(worst))
	if worst < tightest {
		t.Errorf("the bound of batch statistics is approached to %g only", float64(worst))
	}
}
