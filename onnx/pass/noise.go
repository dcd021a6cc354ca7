package pass

import (
	"math"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// noise finds what a graph draws at random, and the mean of what is made of it: of uniform numbers, of
// whether they are less than a threshold, and of products and quotients with numbers, as exporters
// write stochastic depth and dropout.
type noise struct {
	known map[string]*op.Info
	mean  map[string]float64
	drawn map[string][2]float64 // uniform numbers: between which
}

// number returns the value of a constant of one element.
func (z *noise) number(name string) (float64, bool) {
	info := z.known[name]
	if info == nil || info.Known() == nil || len(info.Known().F) != 1 {
		return 0, false
	}
	return info.Known().F[0], true
}

// follow notes what a node makes of noise, and reports whether it makes nothing else.
func (z *noise) follow(n *onnx.Node) bool {
	s := op.SpecOf(n)
	if s == nil || len(n.Outputs) != 1 {
		return false
	}
	out := n.Outputs[0]
	if s.Random && s.Inputs.Max == 1 {
		low, high := 0.0, 1.0
		if a := n.Attribute("low"); a != nil {
			low = float64(a.Float)
		}
		if a := n.Attribute("high"); a != nil {
			high = float64(a.Float)
		}
		if !(low < high) || math.IsInf(low, 0) || math.IsInf(high, 0) {
			return false
		}
		z.drawn[out] = [2]float64{low, high}
		return true
	}
	if len(n.Inputs) == 0 {
		return false
	}
	mean, random := z.mean[n.Inputs[0]]
	switch n.OpType {
	case "Cast":
		if random {
			z.mean[out] = mean
		}
		return random
	case "Less", "LessOrEqual", "Greater", "GreaterOrEqual":
		r, uniform := z.drawn[n.Inputs[0]]
		limit, ok := z.number(n.Inputs[1])
		if !uniform || !ok {
			return false
		}
		below := min(1, max(0, (limit-r[0])/(r[1]-r[0])))
		if n.OpType[0] == 'G' {
			below = 1 - below
		}
		z.mean[out] = below
		return true
	case "Mul", "Div":
		by, ok := z.number(n.Inputs[1])
		if !random || !ok || by == 0 {
			return false
		}
		if n.OpType == "Div" {
			by = 1 / by
		}
		z.mean[out] = mean * by
		return true
	}
	return false
}

// same reports whether two values are of FLOAT and of one shape.
func (z *noise) same(a, b string) bool {
	x, y := z.known[a], z.known[b]
	return x != nil && y != nil && x.Type == onnx.Float && x.Ranked && x.String() == y.String()
}

// settle puts the means of noise in the places of noise, and drops the nodes that drew it.
func (e *edit) settle(m *onnx.Model) error {
	z := &noise{known: op.Infer(m, nil).Values, mean: map[string]float64{}, drawn: map[string][2]float64{}}
	const one = 1e-6 // a mean that is 1 but for float32's rounding
	nodes, drawing := e.Nodes, map[string]bool{}
	e.Nodes = nil
	for _, n := range nodes {
		if z.follow(n) {
			drawing[n.Outputs[0]] = true
			e.Nodes = append(e.Nodes, n)
			continue
		}
		at := -1
		for i, in := range n.Inputs {
			if _, ok := z.mean[in]; ok && n.OpType == "Mul" {
				at = i
			}
		}
		if at < 0 || len(n.Inputs) != 2 || drawing[n.Inputs[1-at]] || !z.same(n.Inputs[1-at], n.Outputs[0]) {
			e.Nodes = append(e.Nodes, n)
			continue
		}
		mean := z.mean[n.Inputs[at]]
		c := *n
		if mean > 1-one && mean < 1+one {
			c.OpType, c.Inputs = "Identity", []string{n.Inputs[1-at]}
		} else {
			t, err := onnx.FromFloat32s(free(n.Outputs[0]+"/mean", m.Graph.Defined()), []int64{}, []float32{float32(mean)})
			if err != nil {
				return err
			}
			e.Initializers = append(e.Initializers, t)
			c.Inputs = []string{n.Inputs[1-at], t.Name}
		}
		e.note(n.Label(), "what it multiplies with is drawn at random: its mean, %.6g, takes its place, in training too", mean)
		e.Nodes = append(e.Nodes, &c)
	}
	if len(e.changes) == 0 {
		return nil
	}
	for dropped := true; dropped; {
		used := onnx.NewIndex(e.Graph)
		kept := e.Nodes[:0:0]
		for _, n := range e.Nodes {
			if len(n.Outputs) == 1 && drawing[n.Outputs[0]] && !used.Used(n.Outputs[0]) {
				continue
			}
			kept = append(kept, n)
		}
		dropped = len(kept) < len(e.Nodes)
		e.Nodes = kept
	}
	return nil
}
