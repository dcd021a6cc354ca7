package onnxgo_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"alexctl/builder"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
	"alexctl/runtime/onnxgo"
	"alexctl/runtime/reference"
	"alexctl/runtime/runtimetest"
)

var update = flag.Bool("update", false, "write the table in docs")

func refused(err error) bool {
	var r *onnxgo.RefusedError
	return errors.As(err, &r)
}

func TestOfficial(t *testing.T) {
	runtimetest.OfficialExcept(t, onnxgo.Engine{}, "onnx-go", refused)
}

// application is a node on inputs and weights of given shapes.
type application struct {
	op      string
	inputs  [][]int
	weights [][]int64
	ints    []int64 // a last weight of integers
	attrs   []*onnx.Attribute
	opsets  []int64
	why     string // part of the reason why it is refused, "" where it must be right
}

func ints(name string, v ...int64) *onnx.Attribute {
	return &onnx.Attribute{Name: name, Type: onnx.AttrInts, Ints: v}
}

func number(name string, v int64) *onnx.Attribute {
	return &onnx.Attribute{Name: name, Type: onnx.AttrInt, Int: v}
}

func float(name string, v float32) *onnx.Attribute {
	return &onnx.Attribute{Name: name, Type: onnx.AttrFloat, Float: v}
}

func text(name, v string) *onnx.Attribute {
	return &onnx.Attribute{Name: name, Type: onnx.AttrString, String: []byte(v)}
}

// opsets are those at which the operators with a rule are tried.
var opsets = []int64{7, 9, 11, 13, 17, 22}

// applications are what must be right, and, with a reason, what must be refused.
func applications() []application {
	image, kernel := []int{2, 3, 9, 8}, ints("kernel_shape", 3, 2)
	conv := func(why string, attrs ...*onnx.Attribute) application {
		return application{op: "Conv", inputs: [][]int{image}, weights: [][]int64{{4, 3, 3, 2}, {4}}, attrs: append(attrs, kernel), why: why}
	}
	pool := func(why string, attrs ...*onnx.Attribute) application {
		return application{op: "MaxPool", inputs: [][]int{image}, attrs: append(attrs, ints("kernel_shape", 3, 3)), why: why}
	}
	gemm := func(why string, c []int64, attrs ...*onnx.Attribute) application {
		return application{op: "Gemm", inputs: [][]int{{3, 5}}, weights: [][]int64{{7, 5}, c}, attrs: append(attrs, number("transB", 1)), why: why}
	}
	before13, since13 := []int64{7, 9, 11}, []int64{13, 17, 22}
	list := []application{
		conv(""), conv("", ints("pads", 1, 1, 1, 1)), conv("", ints("strides", 4, 3)), conv("", ints("dilations", 2, 3)), conv("", text("auto_pad", "VALID")),
		conv("another order", ints("pads", 1, 1, 2, 2)), conv("another order", ints("pads", 1, 0, 1, 0)), conv("auto_pad", text("auto_pad", "SAME_LOWER")),
		{op: "Conv", inputs: [][]int{{1, 4, 5, 5}}, weights: [][]int64{{6, 2, 3, 3}}, attrs: []*onnx.Attribute{ints("kernel_shape", 3, 3), number("group", 2)}, why: "group is ignored"},
		{op: "Conv", inputs: [][]int{{1, 4, 5, 5}}, weights: [][]int64{{6, 4, 3, 3}}, why: "kernel_shape must be given"},
		{op: "Conv", inputs: [][]int{{1, 4, 9}}, weights: [][]int64{{6, 4, 3}}, attrs: []*onnx.Attribute{ints("kernel_shape", 3)}, why: "2-dimensional"},
		pool(""), pool("", ints("strides", 2, 3)), pool("", ints("pads", 1, 1, 1, 1)), pool("another order", ints("pads", 0, 0, 1, 1)),
		{op: "MaxPool", inputs: [][]int{image}, attrs: []*onnx.Attribute{ints("kernel_shape", 2, 2), number("ceil_mode", 1)}, opsets: []int64{11, 13, 17, 22}, why: "ceil_mode"},
		{op: "MaxPool", inputs: [][]int{image}, attrs: []*onnx.Attribute{ints("kernel_shape", 2, 2), ints("dilations", 2, 2)}, opsets: []int64{11, 13, 17, 22}, why: "dilations"},
		gemm("", []int64{7}), gemm("", []int64{1, 7}, float("alpha", 0.5), float("beta", 2)), gemm("", []int64{3, 7}), gemm("broadcast of C", []int64{3, 1}),
		{op: "Gemm", inputs: [][]int{{3, 5}}, weights: [][]int64{{5, 7}}, opsets: []int64{11, 13, 17, 22}, why: "C must be given"},
		{op: "MatMul", inputs: [][]int{{3, 5}}, weights: [][]int64{{5, 4}}},
		{op: "MatMul", inputs: [][]int{{2, 3, 5}}, weights: [][]int64{{5, 4}}, why: "matrices"},
		{op: "Relu", inputs: [][]int{{2, 3, 4}}}, {op: "Sigmoid", inputs: [][]int{{2, 3}}}, {op: "Tanh", inputs: [][]int{{2, 3}}}, {op: "Identity", inputs: [][]int{{2, 3}}},
		{op: "Dropout", inputs: [][]int{{2, 3}}}, {op: "GlobalAveragePool", inputs: [][]int{image}},
		{op: "GlobalAveragePool", inputs: [][]int{{2, 3, 5}}, why: "(N, C, H, W)"},
		{op: "Flatten", inputs: [][]int{image}}, {op: "Flatten", inputs: [][]int{image}, attrs: []*onnx.Attribute{number("axis", 2)}},
		{op: "Flatten", inputs: [][]int{image}, attrs: []*onnx.Attribute{number("axis", -1)}, opsets: []int64{11, 13, 17, 22}, why: "negative axis"},
		{op: "Reshape", inputs: [][]int{image}, ints: []int64{2, 216}}, {op: "Reshape", inputs: [][]int{image}, ints: []int64{0, -1}},
		{op: "Reshape", inputs: [][]int{{2, 3}}, ints: []int64{0, -1}}, {op: "Reshape", inputs: [][]int{image}, ints: []int64{-1, 216}, why: "first dimensions"},
		{op: "Transpose", inputs: [][]int{image}, attrs: []*onnx.Attribute{ints("perm", 0, 2, 3, 1)}}, {op: "Transpose", inputs: [][]int{image}, why: "perm"},
		{op: "Concat", inputs: [][]int{{2, 3}, {2, 4}}, attrs: []*onnx.Attribute{number("axis", 1)}},
		{op: "Concat", inputs: [][]int{{2, 3}, {2, 4}}, attrs: []*onnx.Attribute{number("axis", -1)}, opsets: []int64{11, 13, 17, 22}, why: "negative axis"},
		{op: "Softmax", inputs: [][]int{{3, 5}}, attrs: []*onnx.Attribute{number("axis", 1)}},
		{op: "Softmax", inputs: [][]int{{3, 5}}, attrs: []*onnx.Attribute{number("axis", 0)}, why: "axis is ignored"},
		{op: "Softmax", inputs: [][]int{{3, 5, 2}}, opsets: since13, why: "axis is ignored"},
		{op: "Squeeze", inputs: [][]int{{2, 1, 3}}, attrs: []*onnx.Attribute{ints("axes", 1)}, opsets: before13},
		{op: "Squeeze", inputs: [][]int{{2, 1, 3}}, ints: []int64{1}, opsets: since13, why: "axes as an input"},
		{op: "Unsqueeze", inputs: [][]int{{2, 3}}, attrs: []*onnx.Attribute{ints("axes", 0)}, opsets: before13},
		{op: "Unsqueeze", inputs: [][]int{{2, 3}}, attrs: []*onnx.Attribute{ints("axes", 1)}, opsets: before13, why: "between others"},
		{op: "Unsqueeze", inputs: [][]int{{2, 3}}, ints: []int64{0}, opsets: since13, why: "axes as an input"},
		{op: "BatchNormalization", inputs: [][]int{image}, weights: [][]int64{{3}, {3}, {3}, {3}}},
		{op: "BatchNormalization", inputs: [][]int{{2, 3, 7}}, weights: [][]int64{{3}, {3}, {3}, {3}}, why: "(N, C, H, W)"},
		{op: "LRN", inputs: [][]int{image}, attrs: []*onnx.Attribute{number("size", 5)}, why: "does not have the operator"},
		{op: "AveragePool", inputs: [][]int{image}, attrs: []*onnx.Attribute{ints("kernel_shape", 2, 2)}, why: "does not have the operator"},
	}
	for _, kind := range []string{"Add", "Sub", "Mul", "Div"} {
		list = append(list, application{op: kind, inputs: [][]int{{2, 3, 4}, {2, 3, 4}}}, application{op: kind, inputs: [][]int{{5, 7}}, weights: [][]int64{{7}}},
			application{op: kind, inputs: [][]int{{5, 1}}, weights: [][]int64{{5}}, why: "guessed by size"}, application{op: kind, inputs: [][]int{image}, weights: [][]int64{{1, 3, 1, 1}}, why: "guessed by size"})
	}
	return append(list, application{op: "Sqrt", inputs: [][]int{{2, 3}}})
}

// model returns the node as a model and what it is fed: numbers from 0.5 to 2, for Sqrt,
// Div and variances.
func (a application) model(t *testing.T, opset int64) (*onnx.Model, runtime.Tensors) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, uint64(opset)))
	fill := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = 0.5 + 1.5*r.Float32()
		}
		return v
	}
	n := &onnx.Node{Name: "n", OpType: a.op, Outputs: []string{"y"}, Attributes: a.attrs}
	g := &onnx.Graph{Name: "g", Nodes: []*onnx.Node{n}}
	fed := runtime.Tensors{}
	for i, shape := range a.inputs {
		name := fmt.Sprint("x", i)
		dims, size := make([]int64, len(shape)), 1
		for k, d := range shape {
			dims[k] = int64(d)
			size *= d
		}
		n.Inputs = append(n.Inputs, name)
		g.Inputs = append(g.Inputs, &onnx.Value{Name: name, Type: onnx.TensorType(onnx.Float, onnx.FixedShape(dims...))})
		fed[name] = &runtime.Tensor{Type: onnx.Float, Shape: shape, Data: fill(size)}
	}
	for i, dims := range a.weights {
		size, err := onnx.ElementCount(dims)
		if err != nil {
			t.Fatal(err)
		}
		w, err := onnx.FromFloat32s(fmt.Sprint("w", i), dims, fill(int(size)))
		if err != nil {
			t.Fatal(err)
		}
		n.Inputs, g.Initializers = append(n.Inputs, w.Name), append(g.Initializers, w)
	}
	if a.ints != nil {
		w, err := onnx.FromInt64s("ints", []int64{int64(len(a.ints))}, a.ints)
		if err != nil {
			t.Fatal(err)
		}
		n.Inputs, g.Initializers = append(n.Inputs, w.Name), append(g.Initializers, w)
	}
	m := &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: opset}}, Graph: g}
	info := op.Infer(m, nil).Values["y"]
	if info == nil {
		t.Fatalf("%s at opset %d: %v", a.op, opset, op.Infer(m, nil).Problems)
	}
	g.Outputs = []*onnx.Value{{Name: "y", Type: onnx.TensorType(info.Type, info.Shape)}}
	return m, fed
}

// TestCoverage runs every application at every opset: it must be right, twice, or refused
// for its reason. The table in docs/verification.md is made of what comes out.
func TestCoverage(t *testing.T) {
	right, reasons := map[string]map[int64]bool{}, map[string][]string{}
	var names []string
	for _, a := range applications() {
		if right[a.op] == nil {
			right[a.op] = map[int64]bool{}
			names = append(names, a.op)
		}
		for _, opset := range opsets {
			if a.opsets != nil && !slices.Contains(a.opsets, opset) {
				continue
			}
			m, fed := a.model(t, opset)
			err := a.run(t, m, fed)
			switch {
			case a.why != "" && (err == nil || !refused(err) || !strings.Contains(err.Error(), a.why)):
				t.Errorf("%s %v at opset %d: error is %v, want a refusal with %q", a.op, a.attrs, opset, err, a.why)
			case a.why == "" && err != nil:
				t.Errorf("%s %v at opset %d: %v", a.op, a.attrs, opset, err)
			case err == nil:
				right[a.op][opset] = true
			default:
				var r *onnxgo.RefusedError
				errors.As(err, &r)
				if !slices.Contains(reasons[a.op], r.Reason) {
					reasons[a.op] = append(reasons[a.op], r.Reason)
				}
			}
		}
	}
	slices.Sort(names)
	rows := []string{"| operator | 7 | 9 | 11 | 13 | 17 | 22 | refused |", "|---|---|---|---|---|---|---|---|"}
	for _, name := range names {
		row := "| " + name + " |"
		for _, opset := range opsets {
			mark := " – |"
			if right[name][opset] {
				mark = " right |"
			}
			row += mark
		}
		rows = append(rows, row+" "+strings.Join(reasons[name], "; ")+" |")
	}
	checkTable(t, strings.Join(rows, "\n")+"\n")
}

// run compares two runs with the reference.
func (a application) run(t *testing.T, m *onnx.Model, fed runtime.Tensors) error {
	t.Helper()
	s, err := onnxgo.Engine{}.Prepare(t.Context(), m)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	for range 2 {
		got, err := s.Run(t.Context(), fed)
		if err != nil {
			return err
		}
		compare(t, m, fed, got)
	}
	return nil
}

func compare(t *testing.T, m *onnx.Model, fed, got runtime.Tensors) {
	t.Helper()
	r, err := reference.Engine{}.Prepare(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.Run(t.Context(), fed)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		x, errX := got[name].Float64s()
		y, errY := w.Float64s()
		if errX != nil || errY != nil || !slices.Equal(got[name].Shape, w.Shape) {
			t.Fatalf("output %q is %v, want %v", name, got[name], w)
		}
		if d := runtimetest.Compare(x, y); d.Scaled > runtimetest.FloatTolerance {
			t.Errorf("%s: output %q has a scaled error of %.3g", m.Graph.Nodes[0].OpType, name, d.Scaled)
		}
	}
}

// checkTable compares the table in docs with what the test found, or writes it.
func checkTable(t *testing.T, table string) {
	t.Helper()
	const path, begin, end = "../../docs/verification.md", "<!-- begin onnx-go -->\n", "<!-- end onnx-go -->"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	old, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok || !ok2:
		t.Fatalf("%s has no table of onnx-go", path)
	case *update:
		if err := os.WriteFile(path, []byte(before+begin+table+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	case old != table:
		t.Errorf("the table of onnx-go in %s is not what was found: run this test with -update; found:\n%s", path, table)
	}
}

// TestVariants runs the networks that onnx-go has the operators for, alone, in batches and
// with a symbolic batch size, and wants the others refused.
func TestVariants(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs networks of 20 million weights")
	}
	for _, v := range builder.Variants() {
		m, err := v.Build(builder.Options{Init: "he", Classes: 10, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		s, err := onnxgo.Engine{}.Prepare(t.Context(), m)
		if v.Name != "cifar" && v.Name != "torchvision" {
			if !refused(err) || !strings.Contains(err.Error(), "does not have the operator") {
				t.Errorf("%s: error is %v, want a refusal", v.Name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		sizes := []int{1, 2, 1}
		if v.Name == "torchvision" {
			sizes = []int{1}
		}
		for _, n := range sizes {
			r := rand.New(rand.NewPCG(uint64(n), 8))
			x := make([]float32, n*3*v.Input*v.Input)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			fed := runtime.Tensors{"input": {Type: onnx.Float, Shape: []int{n, 3, v.Input, v.Input}, Data: x}}
			for range 2 { // a second run sees no traces of the first
				got, err := s.Run(t.Context(), fed)
				if err != nil {
					t.Fatalf("%s at batch %d: %v", v.Name, n, err)
				}
				compare(t, m, fed, got)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.Run(t.Context(), nil); !errors.Is(err, runtime.ErrClosed) {
			t.Errorf("after Close the error is %v", err)
		}
	}
}
