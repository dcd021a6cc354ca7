package verify_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"alexctl/builder"
	"alexctl/card"
	"alexctl/onnx"
	"alexctl/onnx/pass"
	"alexctl/preprocess"
)

// mistake is one that someone could make, planted in a model or in an engine.
type mistake struct {
	what    string
	variant string
	options builder.Options
	prepare func(*patch) // of the source, before the fault
	plant   func(*patch)
	first   string // the first divergent layer
	// modelOnly faults have no meaning within an engine: preprocessing, and what engines
	// refuse to run.
	modelOnly bool
}

// patch changes a copy of a model.
type patch struct {
	t testing.TB
	m *onnx.Model
}

// planting is a fault as a rewrite: it is not checked afterwards, because some break rules.
type planting struct {
	t    testing.TB
	what string
	f    func(*patch)
}

var _ pass.Pass = planting{}

func (p planting) Name() string { return p.what }

func (p planting) Apply(m *onnx.Model) (*onnx.Model, []pass.Change, error) {
	c := m.Clone()
	c.Graph.ValueInfo = nil
	p.f(&patch{p.t, c})
	return c, []pass.Change{{Where: "model", What: p.what}}, nil
}

// change returns a copy of the model with a change.
func change(t testing.TB, m *onnx.Model, f func(*patch)) *onnx.Model {
	c, _, err := planting{t, "a change", f}.Apply(m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (p *patch) node(name string) *onnx.Node {
	for _, n := range p.m.Graph.Nodes {
		if n.Label() == name {
			return n
		}
	}
	panic(absent(name))
}

// absent is what a fault wants to change and a part of a model does not have.
type absent string

// hidden is how wide the hidden dense layers of the models are in these tests: they hold
// nearly all weights, and faults are as visible in few.
const hidden = 64

// narrow cuts the hidden dense layers.
func narrow(p *patch) {
	last := len(p.m.Graph.Nodes) - 1
	for p.m.Graph.Nodes[last].OpType != "Gemm" {
		last--
	}
	width := 0 // of the layer before
	for i, n := range p.m.Graph.Nodes {
		if n.OpType != "Gemm" {
			continue
		}
		w, v := p.values(n.Inputs[1])
		_, b := p.values(n.Inputs[2])
		rows, columns := int(w.Dims[0]), int(w.Dims[1])
		keep, from := rows, columns
		if i != last {
			keep = hidden
		}
		if width > 0 {
			from = width
		}
		var out []float32
		for r := range keep {
			for _, x := range v[r*columns : r*columns+from] {
				out = append(out, x*float32(math.Sqrt(float64(columns)/float64(from))))
			}
		}
		p.put(n.Inputs[1], []int64{int64(keep), int64(from)}, out)
		p.put(n.Inputs[2], []int64{int64(keep)}, b[:keep])
		width = keep
	}
}

func (p *patch) at(name string) int { return slices.Index(p.m.Graph.Nodes, p.node(name)) }

func (p *patch) attribute(node, name string) *onnx.Attribute {
	n := p.node(node)
	if a := n.Attribute(name); a != nil {
		return a
	}
	a := &onnx.Attribute{Name: name}
	n.Attributes = append(n.Attributes, a)
	return a
}

func (p *patch) float(node, name string, f func(float32) float32) {
	a := p.attribute(node, name)
	a.Type, a.Float = onnx.AttrFloat, f(a.Float)
}

func (p *patch) int(node, name string, v int64) {
	a := p.attribute(node, name)
	a.Type, a.Int = onnx.AttrInt, v
}

func (p *patch) ints(node, name string, v ...int64) {
	a := p.attribute(node, name)
	a.Type, a.Ints = onnx.AttrInts, v
}

// values are the elements of an initializer.
func (p *patch) values(name string) (*onnx.Tensor, []float32) {
	t := p.m.Graph.Initializer(name)
	if t == nil {
		panic(absent(name))
	}
	n, err := t.Len()
	if err != nil {
		p.t.Fatal(err)
	}
	v := make([]float32, n)
	if err := t.Float32s(v, 0); err != nil {
		p.t.Fatal(err)
	}
	return t, v
}

// weight replaces the elements of an initializer.
func (p *patch) weight(name string, f func(dims []int64, v []float32) []float32) {
	t, v := p.values(name)
	p.put(name, t.Dims, f(t.Dims, v))
}

func (p *patch) put(name string, dims []int64, v []float32) {
	t, err := onnx.FromFloat32s(name, dims, v)
	if err != nil {
		p.t.Fatal(err)
	}
	i := slices.IndexFunc(p.m.Graph.Initializers, func(t *onnx.Tensor) bool { return t.Name == name })
	if i < 0 {
		p.m.Graph.Initializers = append(p.m.Graph.Initializers, t)
		return
	}
	p.m.Graph.Initializers[i] = t
}

// become makes another operator of a node, on its first input.
func (p *patch) become(node, op string, attributes ...*onnx.Attribute) {
	n := p.node(node)
	n.OpType, n.Attributes, n.Inputs = op, attributes, n.Inputs[:1]
}

// times multiplies the first input of a node by a tensor, in its place.
func (p *patch) times(node string, dims []int64, v []float32) {
	n := p.node(node)
	p.put("fault", dims, v)
	n.OpType, n.Attributes, n.Inputs = "Mul", nil, []string{n.Inputs[0], "fault"}
}

// exchange swaps what two nodes do and keeps the names of their values.
func (p *patch) exchange(a, b string) {
	x, y := p.node(a), p.node(b)
	x.OpType, y.OpType = y.OpType, x.OpType
	x.Attributes, y.Attributes = y.Attributes, x.Attributes
}

// before puts a node in front of another's first input.
func (p *patch) before(node string, n *onnx.Node) {
	x := p.node(node)
	n.Inputs = append([]string{x.Inputs[0]}, n.Inputs...)
	n.Outputs = []string{n.Name}
	x.Inputs[0] = n.Name
	p.m.Graph.Nodes = slices.Insert(p.m.Graph.Nodes, p.at(node), n)
}

// spec changes the preprocessing in the metadata.
func (p *patch) spec(f func(*preprocess.Spec)) {
	c, err := card.Read(p.m)
	if err != nil {
		p.t.Fatal(err)
	}
	f(c.Spec)
	p.card(card.Card{Spec: c.Spec})
}

// card changes what the model says of itself.
func (p *patch) card(c card.Card) {
	if err := c.Write(p.m); err != nil {
		p.t.Fatal(err)
	}
}

func scale(f float32) func([]int64, []float32) []float32 {
	return func(_ []int64, v []float32) []float32 {
		for i := range v {
			v[i] *= f
		}
		return v
	}
}

// largest changes the element with the largest absolute value.
func largest(f func(float32) float32) func([]int64, []float32) []float32 {
	return func(_ []int64, v []float32) []float32 {
		k := 0
		for i, x := range v {
			if math.Abs(float64(x)) > math.Abs(float64(v[k])) {
				k = i
			}
		}
		v[k] = f(v[k])
		return v
	}
}

// permuted reorders whole rows along the first axis.
func permuted(order func(rows int) []int) func([]int64, []float32) []float32 {
	return func(dims []int64, v []float32) []float32 {
		size := len(v) / int(dims[0])
		out := make([]float32, 0, len(v))
		for _, r := range order(int(dims[0])) {
			out = append(out, v[r*size:(r+1)*size]...)
		}
		return out
	}
}

// halves swaps the two halves of the rows: the groups.
func halves(rows int) []int {
	var order []int
	for i := range rows {
		order = append(order, (i+rows/2)%rows)
	}
	return order
}

// transposed reads a matrix by columns without changing its shape.
func transposed(dims []int64, v []float32) []float32 {
	rows, columns := int(dims[0]), len(v)/int(dims[0])
	out := make([]float32, len(v))
	for i := range v {
		out[i] = v[i%rows*columns+i/rows]
	}
	return out
}

// ungrouped gives every output channel the weights of its group for all input channels.
func (p *patch) ungrouped(node, weight string, groups int) {
	t, v := p.values(weight)
	dims := slices.Clone(t.Dims)
	row := len(v) / int(dims[0])
	dims[1] *= int64(groups)
	var out []float32
	for r := range int(dims[0]) {
		for range groups {
			out = append(out, v[r*row:(r+1)*row]...)
		}
	}
	p.put(weight, dims, out)
	p.int(node, "group", 1)
}

// mask is what dropout leaves with a ratio of a half.
func mask(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		if (i*2654435761)>>7&1 == 0 {
			v[i] = 2
		}
	}
	return v
}

// half cuts numbers to float16.
func half(_ []int64, v []float32) []float32 {
	for i, x := range v {
		v[i] = float32(onnx.Float16ToFloat64(onnx.Float16FromFloat64(float64(x))))
	}
	return v
}

// bfloat cuts numbers to bfloat16.
func bfloat(_ []int64, v []float32) []float32 {
	for i, x := range v {
		v[i] = float32(onnx.BFloat16ToFloat64(onnx.BFloat16FromFloat64(float64(x))))
	}
	return v
}

// biased gives a bias, which is zero to begin with, numbers.
func biased(name string) func(*patch) {
	return func(p *patch) {
		p.weight(name, func(_ []int64, v []float32) []float32 {
			for i := range v {
				v[i] = float32(i%7)/7 - 0.3
			}
			return v
		})
	}
}

func to(v float32) func(float32) float32 { return func(float32) float32 { return v } }

// name says what the fault is, for tests.
func (f mistake) name() string { return fmt.Sprintf("%s in %s", f.what, f.variant) }
