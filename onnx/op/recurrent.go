package op

import (
	"fmt"
	"math"
	"slices"

	"alexctl/onnx"
)

// recurrence is a recurrent layer: what its gates are called, how many there are, and what a step
// does with them.
type recurrence struct {
	kind   string
	gates  int
	states int // 2 where there is a cell state beside the hidden one
	peep   int // peepholes
	usual  []string
	step   func(l *recurrentLayer, pre func(gate, unit int) inexact, h, c []inexact, unit int) (hidden, cell inexact)
}

// inexact is a number with how far rounding may have moved an engine's.
type inexact struct{ v, off float64 }

// recurrentLayer is a recurrent node applied to arrays.
type recurrentLayer struct {
	recurrence
	n                      *Node
	steps, batch, in, h    int
	directions             int
	x, w, r, b, p          *Array
	first, firstCell       *Array
	lengths                []int64
	activations            []string
	clip                   float64
	batchFirst, linear     bool
	rounding               *Rounding // nil where nobody wants bounds
	irregularW, irregularR bool
}

// rnn is RNN-7, -14, -22: h = f(x W' + h R' + b). Equals torch.nn.RNN.
func rnn() *Spec {
	return recurrent(recurrence{kind: "RNN", gates: 1, states: 1, usual: []string{"Tanh"},
		step: func(l *recurrentLayer, pre func(int, int) inexact, _, _ []inexact, unit int) (inexact, inexact) {
			return l.activate(0, pre(0, unit)), inexact{}
		}})
}

// gru is GRU-7, -14, -22: with update, reset and hidden gates. Equals torch.nn.GRU with
// linear_before_reset.
func gru() *Spec {
	return recurrent(recurrence{kind: "GRU", gates: 3, states: 1, usual: []string{"Sigmoid", "Tanh"},
		step: func(l *recurrentLayer, pre func(int, int) inexact, h, _ []inexact, unit int) (inexact, inexact) {
			z := l.activate(0, pre(0, unit))
			candidate := l.activate(1, pre(2, unit)) // pre applies the reset gate
			return l.add(l.times(inexact{1 - z.v, z.off}, candidate), l.times(z, h[unit])), inexact{}
		}})
}

// lstm is LSTM-7, -14, -22: with input, output, forget and cell gates, and peepholes. Equals
// torch.nn.LSTM without them.
func lstm() *Spec {
	return recurrent(recurrence{kind: "LSTM", gates: 4, states: 2, peep: 3, usual: []string{"Sigmoid", "Tanh", "Tanh"},
		step: func(l *recurrentLayer, pre func(int, int) inexact, _, c []inexact, unit int) (inexact, inexact) {
			peep := func(k int, cell inexact) inexact {
				if l.p == nil {
					return inexact{}
				}
				return l.times(inexact{v: l.p.F[k*l.h+unit]}, cell)
			}
			i := l.activate(0, l.add(pre(0, unit), peep(0, c[unit])))
			f := l.activate(0, l.add(pre(2, unit), peep(2, c[unit])))
			if l.n.Int("input_forget") != 0 {
				f = inexact{1 - i.v, i.off}
			}
			cell := l.add(l.times(f, c[unit]), l.times(i, l.activate(1, pre(3, unit))))
			o := l.activate(0, l.add(pre(1, unit), peep(1, cell)))
			return l.times(o, l.activate(2, cell)), cell
		}})
}

func recurrent(k recurrence) *Spec {
	inputs := 6
	if k.states == 2 {
		inputs = 8
	}
	attrs := []Attr{{Name: "activations", Kind: onnx.AttrStrings}, {Name: "activation_alpha", Kind: onnx.AttrFloats}, {Name: "activation_beta", Kind: onnx.AttrFloats},
		floatAttr("clip", 0), stringAttr("direction", "forward"), intAttr("hidden_size", 0), intAttr("layout", 0).since(14)}
	if k.states == 2 {
		attrs = append(attrs, intAttr("input_forget", 0))
	}
	if k.kind == "GRU" {
		attrs = append(attrs, intAttr("linear_before_reset", 0))
	}
	return &Spec{
		Type: k.kind, Since: []int64{1, 7, 14, 22}, FloatOnly: true, Heavy: true,
		Inputs: Arity{3, inputs}, Outputs: Arity{0, 1 + k.states},
		Attrs:  attrs,
		Params: []Param{{1, "weight_ih"}, {2, "weight_hh"}, {3, "bias"}},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x, r := in[0], in[2]
			if err := x.wantRank("input", 3); err != nil {
				return nil, err
			}
			if err := r.wantRank("R", 3); err != nil {
				return nil, err
			}
			out := make([]*Info, 1+k.states)
			for i := range out {
				out[i] = &Info{Type: x.Type}
			}
			if x.Ranked && r.Ranked {
				steps, batch, dirs, h := x.Shape[0], x.Shape[1], r.Shape[0], r.Shape[2]
				out[0].Shape = onnx.Shape{steps, dirs, batch, h}
				last := onnx.Shape{dirs, batch, h}
				if n.Int("layout") != 0 {
					steps, batch = batch, steps
					out[0].Shape, last = onnx.Shape{batch, steps, dirs, h}, onnx.Shape{batch, dirs, h}
				}
				for i := range out {
					out[i].Ranked = true
					if i > 0 {
						out[i].Shape = last
					}
				}
			}
			return out[:len(n.Outputs)], nil
		},
		MACs: func(_ *Node, in, _ []*Info) int64 {
			if !in[1].Ranked || !in[2].Ranked || !in[0].Ranked || len(in[0].Shape) != 3 {
				return 0
			}
			return mul(max(in[0].Shape[0].N, 1), max(in[0].Shape[1].N, 1), in[1].count()+in[2].count())
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			l, err := layerOf(k, n, in)
			if err != nil {
				return nil, err
			}
			out, _, err := l.run()
			return out, err
		},
		Bound: func(n *Node, in, _ []*Array, r Rounding) []float64 { return recurrentBounds(k, n, in, r)[0] },
		BoundRest: func(n *Node, in, out []*Array, r Rounding) [][]float64 {
			return recurrentBounds(k, n, in, r)[1:len(out)]
		},
	}
}

func recurrentBounds(k recurrence, n *Node, in []*Array, r Rounding) [][]float64 {
	l, err := layerOf(k, n, in)
	if err != nil {
		return make([][]float64, 1+k.states)
	}
	l.rounding = &r
	_, bounds, err := l.run()
	if err != nil {
		return make([][]float64, 1+k.states)
	}
	return bounds
}

// layerOf checks the arrays against the node.
func layerOf(k recurrence, n *Node, in []*Array) (*recurrentLayer, error) {
	l := &recurrentLayer{recurrence: k, n: n, x: in[0], w: in[1], r: in[2], b: optional(in, 3), first: optional(in, 5), firstCell: optional(in, 6), p: optional(in, 7),
		clip: n.Float("clip"), batchFirst: n.Int("layout") != 0, linear: n.Int("linear_before_reset") != 0}
	if len(l.x.Shape) != 3 || len(l.w.Shape) != 3 || len(l.r.Shape) != 3 {
		return nil, fmt.Errorf("inputs %v, %v and %v: want three axes each", l.x.Shape, l.w.Shape, l.r.Shape)
	}
	l.steps, l.batch, l.in, l.h = l.x.Shape[0], l.x.Shape[1], l.x.Shape[2], l.r.Shape[2]
	if l.batchFirst {
		l.steps, l.batch = l.batch, l.steps
	}
	l.directions = 1
	if n.Text("direction") == "bidirectional" {
		l.directions = 2
	}
	want := []struct {
		name  string
		a     *Array
		shape []int
	}{
		{"W", l.w, []int{l.directions, k.gates * l.h, l.in}}, {"R", l.r, []int{l.directions, k.gates * l.h, l.h}},
		{"B", l.b, []int{l.directions, 2 * k.gates * l.h}}, {"P", l.p, []int{l.directions, k.peep * l.h}},
	}
	state := []int{l.directions, l.batch, l.h}
	if l.batchFirst {
		state = []int{l.batch, l.directions, l.h}
	}
	for _, w := range append(want, struct {
		name  string
		a     *Array
		shape []int
	}{"initial_h", l.first, state}, struct {
		name  string
		a     *Array
		shape []int
	}{"initial_c", l.firstCell, state}) {
		if w.a != nil && !slices.Equal(w.a.Shape, w.shape) {
			return nil, fmt.Errorf("%s is %v, want %v", w.name, w.a.Shape, w.shape)
		}
	}
	if lengths := optional(in, 4); lengths != nil {
		l.lengths = lengths.I
		if len(l.lengths) != l.batch {
			return nil, fmt.Errorf("%d sequence lengths for a batch of %d", len(l.lengths), l.batch)
		}
	}
	for range l.directions {
		l.activations = append(l.activations, k.usual...)
	}
	if a := n.Attribute("activations"); a != nil {
		l.activations = nil
		for _, s := range a.Strings {
			l.activations = append(l.activations, string(s))
		}
	}
	if len(l.activations) != l.directions*len(k.usual) {
		return nil, fmt.Errorf("%d activations, want %d", len(l.activations), l.directions*len(k.usual))
	}
	for _, a := range l.activations {
		if a != "Sigmoid" && a != "Tanh" && a != "Relu" {
			return nil, n.unsupported("activation %q is not supported", a)
		}
	}
	l.irregularW, l.irregularR = Irregular(l.w.F), Irregular(l.r.F)
	return l, nil
}

// run computes all steps, and bounds where they are wanted.
func (l *recurrentLayer) run() (out []*Array, bounds [][]float64, err error) {
	shapes := [][]int{{l.steps, l.directions, l.batch, l.h}, {l.directions, l.batch, l.h}, {l.directions, l.batch, l.h}}
	if l.batchFirst {
		shapes = [][]int{{l.batch, l.steps, l.directions, l.h}, {l.batch, l.directions, l.h}, {l.batch, l.directions, l.h}}
	}
	for _, s := range shapes[:1+l.states] {
		a, err := NewArray(l.x.Type, s...)
		if err != nil {
			return nil, nil, err
		}
		out, bounds = append(out, a), append(bounds, make([]float64, a.Len()))
	}
	set := func(i, at int, v inexact) { out[i].F[at], bounds[i][at] = v.v, v.off }
	for d := range l.directions {
		for n := range l.batch {
			h, c := make([]inexact, l.h), make([]inexact, l.h)
			last := (d*l.batch + n) * l.h
			if l.batchFirst {
				last = (n*l.directions + d) * l.h
			}
			for u := range h {
				if l.first != nil {
					h[u].v = l.first.F[last+u]
				}
				if l.firstCell != nil {
					c[u].v = l.firstCell.F[last+u]
				}
			}
			length := l.steps
			if l.lengths != nil {
				length = int(max(0, min(int64(l.steps), l.lengths[n])))
			}
			for s := range length {
				t := s
				if d == 1 || l.n.Text("direction") == "reverse" {
					t = length - 1 - s
				}
				h, c = l.advance(d, n, t, h, c)
				at := ((t*l.directions+d)*l.batch + n) * l.h
				if l.batchFirst {
					at = ((n*l.steps+t)*l.directions + d) * l.h
				}
				for u, v := range h {
					set(0, at+u, v)
				}
			}
			for u := range h {
				set(1, last+u, h[u])
				if l.states == 2 {
					set(2, last+u, c[u])
				}
			}
		}
	}
	return out, bounds, nil
}

// advance does one step of one sequence.
func (l *recurrentLayer) advance(d, n, t int, h, c []inexact) (hidden, cell []inexact) {
	at := (t*l.batch + n) * l.in
	if l.batchFirst {
		at = (n*l.steps + t) * l.in
	}
	x := make([]inexact, l.in)
	for i := range x {
		x[i].v = l.x.F[at+i]
	}
	direction := *l
	direction.activations = l.activations[d*len(l.usual):]
	if l.p != nil {
		direction.p = &Array{F: l.p.F[d*l.peep*l.h:]}
	}
	rows := l.gates * l.h
	bias := func(half, gate, unit int) float64 {
		if l.b == nil {
			return 0
		}
		return l.b.F[(2*d+half)*rows+gate*l.h+unit]
	}
	dot := func(gate, unit int, h []inexact) inexact {
		return direction.dot(l.r.F[(d*rows+gate*l.h+unit)*l.h:][:l.h], h, l.irregularR)
	}
	reset := make([]inexact, l.h) // of a GRU
	pre := func(gate, unit int) inexact {
		v := direction.dot(l.w.F[(d*rows+gate*l.h+unit)*l.in:][:l.in], x, l.irregularW)
		v = direction.add(v, inexact{v: bias(0, gate, unit)})
		switch {
		case l.kind != "GRU" || gate != 2:
			return direction.add(direction.add(v, dot(gate, unit, h)), inexact{v: bias(1, gate, unit)})
		case l.linear:
			return direction.add(v, direction.times(reset[unit], direction.add(dot(gate, unit, h), inexact{v: bias(1, gate, unit)})))
		}
		gated := make([]inexact, l.h)
		for u := range gated {
			gated[u] = direction.times(reset[u], h[u])
		}
		return direction.add(direction.add(v, dot(gate, unit, gated)), inexact{v: bias(1, gate, unit)})
	}
	if l.kind == "GRU" {
		for u := range reset {
			reset[u] = direction.activate(0, pre(1, u))
		}
	}
	hidden, cell = make([]inexact, l.h), make([]inexact, l.h)
	for u := range hidden {
		hidden[u], cell[u] = l.step(&direction, pre, h, c, u)
	}
	return hidden, cell
}

// unit is the unit roundoff of what an engine keeps, 0 where nobody wants bounds.
func (l *recurrentLayer) unit() float64 {
	if l.rounding == nil {
		return 0
	}
	return max(l.rounding.Unit, l.rounding.Store)
}

func (l *recurrentLayer) add(a, b inexact) inexact {
	v := a.v + b.v
	return inexact{v, a.off + b.off + l.unit()*(math.Abs(a.v)+math.Abs(b.v))}
}

func (l *recurrentLayer) times(a, b inexact) inexact {
	v := a.v * b.v
	return inexact{v, math.Abs(a.v)*b.off + math.Abs(b.v)*a.off + a.off*b.off + l.unit()*math.Abs(v)}
}

func (l *recurrentLayer) dot(w []float64, x []inexact, irregular bool) inexact {
	var s inexact
	peak, squares := 0.0, 0.0
	for i, v := range w {
		t := v * x[i].v
		s.v += t
		s.off += math.Abs(v) * x[i].off
		peak = max(peak, math.Abs(s.v))
		squares += t * t
	}
	if l.rounding != nil {
		s.off += l.rounding.Sum(len(w), s.v, peak, squares, irregular)
	}
	return s
}

// activate applies the activation of a kind of gate. None is steeper than 1, and a sigmoid not
// steeper than 1/4.
func (l *recurrentLayer) activate(kind int, x inexact) inexact {
	if l.clip > 0 {
		x.v = max(-l.clip, min(l.clip, x.v))
	}
	switch l.activations[kind] {
	case "Sigmoid":
		y := 1 / (1 + math.Exp(-x.v))
		return inexact{y, x.off/4 + 4*l.unit()*(y+math.Abs(x.v)*y*(1-y))}
	case "Tanh":
		y := math.Tanh(x.v)
		return inexact{y, x.off + 8*l.unit()*math.Abs(y)}
	}
	return inexact{math.Max(x.v, 0), x.off}
}
