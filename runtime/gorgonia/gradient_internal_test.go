package gorgonia

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"gorgonia.org/gorgonia"

	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime/runtimetest"
)

const (
	// exactTolerance is the largest scaled difference of a float64 gradient from
	// central differences of the definition with step 1e-5, whose own error is about
	// 1e-10; and of a float64 output from the definition.
	exactTolerance = 1e-7
	// singleTolerance is the same for float32 against float64.
	singleTolerance = 1e-5
	step            = 1e-5
)

// graphCase is a small graph whose inputs are all trained, and what they hold.
type graphCase struct {
	nodes  []*onnx.Node
	opset  int64
	names  []string
	inputs map[string]*op.Array
	fixed  map[string]bool // inputs that are no parameters
}

// model returns the graph with its inputs as initializers.
func (c graphCase) model(t *testing.T) *onnx.Model {
	t.Helper()
	g := &onnx.Graph{Name: "case", Nodes: c.nodes}
	for _, name := range c.names {
		a := c.inputs[name]
		dims := make([]int64, len(a.Shape))
		for i, d := range a.Shape {
			dims[i] = int64(d)
		}
		var w *onnx.Tensor
		var err error
		if a.Type == onnx.Float {
			data := make([]float32, len(a.F))
			for i, v := range a.F {
				data[i] = float32(v)
				a.F[i] = float64(data[i]) // the same numbers for everyone
			}
			w, err = onnx.FromFloat32s(name, dims, data)
		} else {
			w, err = onnx.FromInt64s(name, dims, a.I)
		}
		if err != nil {
			t.Fatal(err)
		}
		g.Initializers = append(g.Initializers, w)
	}
	m := &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: c.opset}}, Graph: g}
	last := c.nodes[len(c.nodes)-1].Outputs[0]
	inferred := op.Infer(m, nil)
	if err := op.Join(append(inferred.Problems, inferred.Unchecked...)); err != nil {
		t.Fatal(err)
	}
	info := inferred.Values[last]
	g.Outputs = []*onnx.Value{{Name: last, Type: onnx.TensorType(info.Type, info.Shape)}}
	return m
}

// evaluate computes the last node's first output by the definitions.
func (c graphCase) evaluate(t *testing.T) *op.Array {
	t.Helper()
	values := map[string]*op.Array{}
	for name, a := range c.inputs {
		values[name] = a
	}
	var last *op.Array
	for _, raw := range c.nodes {
		n, err := op.Bind(raw, c.opset)
		if err != nil {
			t.Fatal(err)
		}
		in := make([]*op.Array, len(raw.Inputs))
		for i, name := range raw.Inputs {
			in[i] = values[name]
		}
		out, err := n.Evaluate(in)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range raw.Outputs {
			values[name] = out[i]
		}
		last = out[0]
	}
	return last
}

// dot is the product of the output with fixed numbers: a loss with any gradient.
type dot[T kernel.Float] struct{ with []T }

func (d dot[T]) Forward(y []T, in ...[]T) {
	y[0] = 0
	for i, v := range in[0] {
		y[0] += v * d.with[i]
	}
}

func (d dot[T]) Backward(_ int, dx, dy, _ []T, _ ...[]T) {
	for i, v := range d.with {
		dx[i] = v * dy[0]
	}
}

// differentiate runs a case through Gorgonia: the output and the gradients by input.
func differentiate[T kernel.Float](t *testing.T, c graphCase, m *onnx.Model, up []float64) (*value, []T, map[string][]T) {
	t.Helper()
	store, err := newStore[T](m)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range store.list {
		p.trained = !c.fixed[p.Name]
	}
	var zero uint64
	l, err := newLowering(m, nil, kernel.Plain[T](kernel.Goroutines(2)), 0, store, &training{step: &zero, frozen: func(string) bool { return false }})
	if err != nil {
		t.Fatal(err)
	}
	name := m.Graph.Outputs[0].Name
	if err := l.lower([]string{name}); err != nil {
		t.Fatal(err)
	}
	v, err := l.value(name)
	if err != nil {
		t.Fatal(err)
	}
	out, err := l.node(v)
	if err != nil {
		t.Fatal(err)
	}
	d := dot[T]{with: make([]T, len(up))}
	for i, u := range up {
		d.with[i] = T(u)
	}
	cost, err := l.applyNumber("dot", "dot", d, out)
	if err != nil {
		t.Fatal(err)
	}
	var nodes gorgonia.Nodes
	var names []string
	for _, n := range c.names {
		if x := l.values[n]; x != nil && x.needs {
			nodes, names = append(nodes, x.first), append(names, n)
		}
	}
	grads, err := gorgonia.Grad(cost, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := newMachine(l.graph, l.run, l.kernels, append(gorgonia.Nodes{cost, out}, grads...)...)
	if err != nil {
		t.Fatal(err)
	}
	gradients := map[string][]T{}
	for range 2 { // a second run must find nothing left over from the first
		if err := vm.compute(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range names {
		gradients[n] = elements[T](vm.of(grads[i]))
	}
	return v, elements[T](vm.of(out)), gradients
}

func widened[T kernel.Float](x []T) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func checkCase(t *testing.T, c graphCase) {
	t.Helper()
	m := c.model(t)
	want := c.evaluate(t)
	r := rand.New(rand.NewPCG(9, 9))
	up := make([]float64, len(want.F))
	for i := range up {
		up[i] = float64(float32(r.NormFloat64()))
	}
	v, out, exact := differentiate[float64](t, c, m, up)
	_, out32, single := differentiate[float32](t, c, m, up)
	if fmt.Sprint(v.shape) != fmt.Sprint(want.Shape) {
		t.Fatalf("shape %v, want %v", v.shape, want.Shape)
	}
	if e := runtimetest.Compare(out, want.F).Scaled; !(e <= exactTolerance) {
		t.Errorf("output in float64: scaled error %.3g", e)
	}
	if e := runtimetest.Compare(widened(out32), want.F).Scaled; !(e <= singleTolerance) {
		t.Errorf("output in float32: scaled error %.3g", e)
	}
	loss := func() float64 {
		sum := 0.0
		for i, y := range c.evaluate(t).F {
			sum += y * up[i]
		}
		return sum
	}
	for name, a := range c.inputs {
		if a.Type != onnx.Float || c.fixed[name] {
			continue
		}
		g := exact[name]
		if g == nil {
			t.Errorf("no gradient of %s", name)
			continue
		}
		numeric := make([]float64, len(a.F))
		for i, x := range a.F {
			a.F[i] = x + step
			above := loss()
			a.F[i] = x - step
			numeric[i] = (above - loss()) / (2 * step)
			a.F[i] = x
		}
		if e := gradientError(g, numeric); !(e <= exactTolerance) {
			t.Errorf("gradient of %s: scaled error %.3g against central differences", name, e)
		}
		if e := gradientError(widened(single[name]), g); !(e <= singleTolerance) {
			t.Errorf("gradient of %s in float32: scaled error %.3g", name, e)
		}
	}
}

// gradientError is the scaled error; where the gradient vanishes, as that of a mean
// in front of a batch normalization does, it is the absolute one.
func gradientError(got, want []float64) float64 {
	d := runtimetest.Compare(got, want)
	scale := 0.0
	for _, v := range want {
		scale = math.Max(scale, math.Abs(v))
	}
	if scale < 1e-6 {
		return d.MaxAbs
	}
	return d.Scaled
}

// TestEveryKernelHasGradientCases reads the operators that are lowered from kernelFor and formula,
// and wants cases of each. Dropout is tested where its mask can be seen; quantization has the gradient of what
// is not quantized, and its results are tested on models in QDQ form (bench/models).
func TestEveryKernelHasGradientCases(t *testing.T) {
	lowered, tested := 0, map[string]bool{"Dropout": true, "QuantizeLinear": true, "DequantizeLinear": true}
	for _, cases := range graphCases(rand.New(rand.NewPCG(3, 8))) {
		for _, c := range cases {
			for _, n := range c.nodes {
				tested[n.OpType] = true
			}
		}
	}
	inspect := func(n ast.Node) bool {
		if d, ok := n.(*ast.FuncDecl); ok {
			return d.Name.Name == "kernelFor" || d.Name.Name == "formula"
		}
		if c, ok := n.(*ast.CaseClause); ok {
			for _, e := range c.List {
				if x, ok := e.(*ast.BasicLit); ok {
					lowered++
					if name, err := strconv.Unquote(x.Value); err != nil || !tested[name] {
						t.Errorf("%s is lowered, but no gradient of it is tested", x.Value)
					}
				}
			}
		}
		return true
	}
	for _, file := range []string{"lower.go", "expression.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, inspect)
	}
	if lowered < 50 {
		t.Errorf("%d operators were found in kernelFor and formula", lowered)
	}
}

func TestGradients(t *testing.T) {
	for name, cases := range graphCases(rand.New(rand.NewPCG(3, 8))) {
		t.Run(name, func(t *testing.T) {
			if len(cases) < 20 {
				t.Errorf("%d shapes, want at least 20", len(cases))
			}
			for i, c := range cases {
				t.Run(fmt.Sprint(i), func(t *testing.T) { checkCase(t, c) })
			}
		})
	}
}
