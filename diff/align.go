package diff

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/verify/judge"
)

// pair is a node and its counterpart in the other model.
type pair struct{ a, b int }

// maxAligned bounds the nodes that are aligned: the table is quadratic.
const maxAligned = 4096

// structure pairs the nodes and compares each pair's attributes, weights and inputs. Nodes
// without a counterpart are findings, which the outputs may overrule.
func (d *Diff) structure(m, other *onnx.Model) ([]pair, error) {
	if len(m.Graph.Nodes) > maxAligned || len(other.Graph.Nodes) > maxAligned {
		d.counts(m.Graph.Nodes, other.Graph.Nodes)
		d.Unchecked = append(d.Unchecked, fmt.Sprintf("the nodes, one by one: the models have %d and %d, at most %d are aligned", len(m.Graph.Nodes), len(other.Graph.Nodes), maxAligned))
		return nil, nil
	}
	pairs := align(m.Graph.Nodes, other.Graph.Nodes)
	d.unpaired(m.Graph.Nodes, other.Graph.Nodes, pairs)
	ours, theirs, inferred := bind(m), bind(other), op.Infer(m, nil).Nodes
	w := newWiring(m, other, pairs)
	for _, p := range pairs {
		a, b := m.Graph.Nodes[p.a], other.Graph.Nodes[p.b]
		if ours[p.a] != nil && theirs[p.b] != nil {
			rank := int64(0)
			if in := inferred[p.a].In; len(in) > 0 && in[0] != nil && in[0].Ranked {
				rank = int64(len(in[0].Shape))
			}
			d.attributes(p.a, ours[p.a], theirs[p.b], rank)
		} else if err := d.encoded(p.a, a, b); err != nil {
			return nil, err
		}
		if err := d.operands(p.a, a, b, w); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// counts compares how often each operator occurs.
func (d *Diff) counts(a, b []*onnx.Node) {
	balance := map[string]int{}
	for _, n := range a {
		balance[n.OpType]++
	}
	for _, n := range b {
		balance[n.OpType]--
	}
	for _, name := range slices.Sorted(maps.Keys(balance)) {
		if n := balance[name]; n > 0 {
			d.find(beforeNodes, "nodes", "structure", "%d more %s than in the other model", n, name)
		} else if n < 0 {
			d.find(beforeNodes, "nodes", "structure", "%d fewer %s than in the other model", -n, name)
		}
	}
}

// align finds the longest common sequence of operators; among equals it prefers nodes of
// the same name.
func align(a, b []*onnx.Node) []pair {
	width := len(b) + 1
	best := make([]int32, (len(a)+1)*width)
	score := func(x, y *onnx.Node) int32 {
		switch {
		case x.OpType != y.OpType || x.Domain != y.Domain:
			return 0
		case x.Label() == y.Label():
			return 3
		}
		return 2
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			v := max(best[(i+1)*width+j], best[i*width+j+1])
			if s := score(a[i], b[j]); s > 0 {
				v = max(v, s+best[(i+1)*width+j+1])
			}
			best[i*width+j] = v
		}
	}
	var out []pair
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch s := score(a[i], b[j]); {
		case s > 0 && best[i*width+j] == s+best[(i+1)*width+j+1]:
			out = append(out, pair{i, j})
			i, j = i+1, j+1
		case best[(i+1)*width+j] >= best[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return out
}

// unpaired notes the nodes of either model that have no counterpart.
func (d *Diff) unpaired(a, b []*onnx.Node, pairs []pair) {
	ends := append(slices.Clone(pairs), pair{len(a), len(b)})
	i, j := 0, 0
	for _, p := range ends {
		gone := i // the first node without counterpart here, where there is one
		for ; i < p.a; i++ {
			if op.Passes(a[i]) {
				d.remark("%s (%s), which changes nothing, is not in the other model", a[i].Label(), a[i].OpType)
				continue
			}
			d.find(i, a[i].Label(), "structure", "%s (%s) has no counterpart", a[i].Label(), a[i].OpType)
		}
		for ; j < p.b; j++ {
			if op.Passes(b[j]) {
				d.remark("the other model has %s (%s), which changes nothing", b[j].Label(), b[j].OpType)
				continue
			}
			where, at, place := "outputs", len(a), "before it"
			switch {
			case gone < p.a:
				where, at, place = a[gone].Label(), gone, "in its place"
			case p.a < len(a):
				where, at = a[p.a].Label(), p.a
			}
			d.find(at, where, "structure", "the other model has %s (%s) %s", b[j].Label(), b[j].OpType, place)
		}
		i, j = p.a+1, p.b+1
	}
}

// attributes compares the attributes that count, with their defaults.
// rank is that of the first input, or 0.
func (d *Diff) attributes(at int, a, b *op.Node, rank int64) {
	var names []string
	for _, s := range a.Spec.Attrs { // one name may stand for several opsets
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	for _, name := range names {
		x, y := attribute(a, b, name), attribute(b, a, name)
		if name == "axis" && rank > 0 { // counted from the end, or not
			x, y = fmt.Sprint((a.Int(name)+rank)%rank), fmt.Sprint((b.Int(name)+rank)%rank)
		}
		if x != y {
			d.find(at, a.Label(), "attribute", "%s is %s, in the other model %s", name, x, y)
			d.Findings[len(d.Findings)-1].form = slices.ContainsFunc(a.Spec.Attrs, func(s op.Attr) bool {
				return s.Name == name && (s.Kind == onnx.AttrInt || s.Kind == onnx.AttrInts || s.Kind == onnx.AttrString)
			})
		}
	}
	if t, u := a.Attribute("value"), b.Attribute("value"); t != nil && u != nil && t.Tensor != nil && u.Tensor != nil {
		what, err := differing(t.Tensor, u.Tensor)
		if err != nil {
			what = err.Error()
		}
		if what != "" {
			d.find(at, a.Label(), "attribute", "the constant: %s", what)
		}
	}
}

// encoded compares the attributes of an operator that is not understood here, as they are in
// the files.
func (d *Diff) encoded(at int, a, b *onnx.Node) error {
	for _, x := range a.Attributes {
		y := b.Attribute(x.Name)
		if y == nil {
			d.find(at, a.Label(), "attribute", "%s is not given in the other model", x.Name)
			continue
		}
		same, err := x.Same(y)
		if err != nil {
			return err
		}
		if !same {
			d.find(at, a.Label(), "attribute", "%s differs", x.Name)
		}
	}
	for _, y := range b.Attributes {
		if a.Attribute(y.Name) == nil {
			d.find(at, a.Label(), "attribute", "%s is given in the other model only", y.Name)
		}
	}
	return nil
}

// attribute writes an attribute of n, filling in lists that are left out; beside is the
// other node, whose list has the length.
func attribute(n, beside *op.Node, name string) string {
	for _, s := range n.Spec.Attrs {
		if s.Name != name {
			continue
		}
		switch s.Kind {
		case onnx.AttrInt:
			return fmt.Sprint(n.Int(name))
		case onnx.AttrFloat:
			return fmt.Sprintf("%g", float32(n.Float(name)))
		case onnx.AttrString:
			return n.Text(name)
		case onnx.AttrInts:
			list := n.Ints(name)
			if list == nil {
				switch other := beside.Ints(name); name {
				case "pads":
					list = make([]int64, len(other))
				case "strides", "dilations":
					list = slices.Repeat([]int64{1}, len(other))
				case "kernel_shape":
					list = other // that of the weight, which is compared
				}
			}
			return strings.ReplaceAll(fmt.Sprint(list), " ", ",")
		}
	}
	return ""
}

// wiring says which values of the two models correspond.
type wiring struct {
	ours, theirs *onnx.Index
	through      [2]map[string]string // what a value is handed on from
	counterpart  map[string]string    // the other's value of ours
}

func newWiring(m, other *onnx.Model, pairs []pair) *wiring {
	w := &wiring{ours: onnx.NewIndex(m.Graph), theirs: onnx.NewIndex(other.Graph), counterpart: map[string]string{}}
	for i, g := range []*onnx.Graph{m.Graph, other.Graph} {
		w.through[i] = map[string]string{}
		for _, n := range g.Nodes {
			if op.Passes(n) && len(n.Inputs) > 0 && len(n.Outputs) > 0 {
				w.through[i][n.Outputs[0]] = w.source(i, n.Inputs[0])
			}
		}
	}
	a := m.Graph.DataInputs()
	b := inOrder(a, other.Graph.DataInputs())
	for k := range min(len(a), len(b)) {
		w.counterpart[a[k].Name] = b[k].Name
	}
	for _, p := range pairs {
		x, y := m.Graph.Nodes[p.a], other.Graph.Nodes[p.b]
		for k := range min(len(x.Outputs), len(y.Outputs)) {
			w.counterpart[x.Outputs[k]] = y.Outputs[k]
		}
	}
	return w
}

func (w *wiring) source(side int, name string) string {
	if from, ok := w.through[side][name]; ok {
		return from
	}
	return name
}

// operands compares what two nodes read.
func (d *Diff) operands(at int, a, b *onnx.Node, w *wiring) error {
	if len(a.Inputs) != len(b.Inputs) {
		d.find(at, a.Label(), "attribute", "it has %d inputs, in the other model %d", len(a.Inputs), len(b.Inputs))
	}
	for i := range min(len(a.Inputs), len(b.Inputs)) {
		x, y := a.Inputs[i], b.Inputs[i]
		t, u := w.ours.Initializer(x), w.theirs.Initializer(y)
		switch {
		case t != nil && u != nil:
			what, err := differing(t, u)
			if err != nil {
				return err
			}
			if what != "" {
				d.find(at, a.Label(), "initializer", "%s: %s", t.Name, what)
			}
		case x == "" && y == "":
		case t == nil && u == nil && x != "" && y != "":
			mapped, known := w.counterpart[w.source(0, x)]
			if known && w.source(1, mapped) != w.source(1, y) {
				d.find(at, a.Label(), "structure", "it reads %q where the other model reads %q", x, y)
			}
		default:
			d.find(at, a.Label(), "structure", "input %d is %q, in the other model %q", i, x, y)
		}
	}
	return nil
}

// sameContent compares tensors that are not floating point, whatever they are called.
func sameContent(a, b *onnx.Tensor) (bool, error) {
	x, y := *a, *b
	for _, t := range []*onnx.Tensor{&x, &y} {
		t.Name, t.DocString, t.Metadata = "", "", nil
	}
	p, err := x.Encode()
	if err != nil {
		return false, err
	}
	q, err := y.Encode()
	return bytes.Equal(p, q), err
}

// differing says how two tensors differ, or returns "".
func differing(a, b *onnx.Tensor) (string, error) {
	if a.Type != b.Type || !slices.Equal(a.Dims, b.Dims) {
		return fmt.Sprintf("it is %s%v, in the other model %s%v", a.Type, a.Dims, b.Type, b.Dims), nil
	}
	n, err := a.Len()
	if err != nil {
		return "", err
	}
	if !a.Type.IsFloat() {
		same, err := sameContent(a, b)
		if err != nil || same {
			return "", err
		}
		return "its elements differ", nil
	}
	const part = 1 << 16
	x, y := make([]float64, min(part, n)), make([]float64, min(part, n))
	count, largest, where := int64(0), 0.0, int64(-1)
	for at := int64(0); at < n; at += part {
		k := min(part, n-at)
		if err := a.Float64s(x[:k], at); err != nil {
			return "", err
		}
		if err := b.Float64s(y[:k], at); err != nil {
			return "", err
		}
		for i := range k {
			if x[i] == y[i] || math.IsNaN(x[i]) && math.IsNaN(y[i]) {
				continue
			}
			count++
			if e := math.Abs(x[i] - y[i]); e > largest || where < 0 {
				largest, where = e, at+i
			}
		}
	}
	if count == 0 {
		return "", nil
	}
	shape := make([]int, len(a.Dims))
	for i, v := range a.Dims {
		shape[i] = int(v)
	}
	return fmt.Sprintf("%d of %d elements differ, by up to %.3g at %v", count, n, largest, judge.IndexOf(int(where), shape)), nil
}
