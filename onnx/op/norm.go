package op

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"alexctl/onnx"
)

// moments are the mean, the variance and what bounds need of a row of numbers.
type moments struct {
	mean, variance    float64 // the variance of the population
	squares           float64 // the mean of x*x
	terms             int
	peak              float64 // the largest partial sum
	fourth            float64 // the sum of x*x*x*x
	meanOff, relative float64 // how far an engine's mean, and what it divides by, may be off
	inverse           float64 // 1 / sqrt(variance + epsilon)
}

func momentsOf(row []float64) moments {
	m := moments{terms: len(row)}
	n, sum := float64(len(row)), 0.0
	for _, v := range row {
		sum += v
		m.peak = max(m.peak, math.Abs(sum))
		m.squares += v * v / n
		m.fourth += v * v * v * v
	}
	m.mean = sum / n
	for _, v := range row {
		m.variance += (v - m.mean) * (v - m.mean) / n
	}
	return m
}

// rounded says how far an engine's moments may be off, which takes the variance from the squares
// of the differences, or as the mean of the squares without the square of the mean.
func (m *moments) rounded(r Rounding, epsilon float64) {
	unit, n := max(r.Unit, r.Store), float64(m.terms)
	irregular := m.terms < fewValues
	m.meanOff = r.Sum(m.terms, m.mean*n, m.peak, m.squares*n, irregular)/n + 2*unit*math.Abs(m.mean)
	off := r.Sum(m.terms, m.squares*n, m.squares*n, m.fourth, irregular)/n + 4*unit*m.squares
	off += 2*math.Abs(m.mean)*m.meanOff + m.meanOff*m.meanOff
	m.inverse = 1 / math.Sqrt(m.variance+epsilon)
	m.relative = math.Inf(1)
	if room := m.variance + epsilon - off; room > 0 {
		m.relative = off/(2*room) + 4*unit
	}
}

// limit bounds y, which x became with a scale and a bias.
func (m *moments) limit(r Rounding, x, y, scale, bias float64) float64 {
	unit := max(r.Unit, r.Store)
	if (math.Abs(x)+math.Abs(m.mean))*m.inverse*max(math.Abs(scale), 1) > r.Largest {
		return math.Inf(1)
	}
	moved := math.Abs(scale) * m.inverse * (m.meanOff + 4*unit*(math.Abs(x)+math.Abs(m.mean)))
	return moved + math.Abs(y-bias)*m.relative + unit*(4*math.Abs(y)+4*math.Abs(bias)) + r.Tiny
}

// layerNormalization is LayerNormalization-17: (x - mean) / sqrt(var + epsilon) * scale + B over all
// axes from axis on, with the means and the inverse deviations as further outputs. Equals
// torch.nn.LayerNorm.
func layerNormalization() *Spec {
	return &Spec{
		Type: "LayerNormalization", Since: []int64{17}, FloatOnly: true,
		Inputs: Arity{2, 3}, Outputs: Arity{1, 3},
		Attrs:  []Attr{intAttr("axis", -1), floatAttr("epsilon", 1e-5), intAttr("stash_type", 1)},
		Params: []Param{{1, "weight"}, {2, "bias"}},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if err := sameType(in...); err != nil {
				return nil, err
			}
			out, err := sameAs(n, in)
			if err != nil || !in[0].Ranked {
				return append(out, &Info{Type: onnx.Float}, &Info{Type: onnx.Float})[:len(n.Outputs)], err
			}
			axis, err := axisOf(n.Int("axis"), len(in[0].Shape))
			if err != nil {
				return nil, err
			}
			for _, p := range in[1:] {
				if p != nil && p.Ranked {
					if wide, err := broadcastShapes(p.Shape, in[0].Shape[axis:]); err != nil || len(wide) != len(in[0].Shape)-axis {
						return nil, fmt.Errorf("a parameter is %s, want %s", p.Shape, in[0].Shape[axis:])
					}
				}
			}
			stash := append(onnx.Shape{}, in[0].Shape...)
			for i := axis; i < len(stash); i++ {
				stash[i] = onnx.Known(1)
			}
			for range len(n.Outputs) - 1 {
				out = append(out, &Info{Type: onnx.DataType(n.Int("stash_type")), Ranked: true, Shape: stash})
			}
			return out, nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			l, err := layersOf(n, in)
			if err != nil {
				return nil, err
			}
			mean, err := NewArray(onnx.DataType(n.Int("stash_type")), l.stash...)
			if err != nil {
				return nil, err
			}
			inverse, err := NewArray(mean.Type, l.stash...)
			if err != nil {
				return nil, err
			}
			y, err := NewArray(in[0].Type, in[0].Shape...)
			if err != nil || !mean.float() {
				return nil, errors.Join(err, fmt.Errorf("stash_type %s", mean.Type))
			}
			for k := range mean.F {
				row := in[0].F[k*l.size : (k+1)*l.size]
				m := momentsOf(row)
				mean.F[k], inverse.F[k] = m.mean, 1/math.Sqrt(m.variance+n.Float("epsilon"))
				for i, v := range row {
					y.F[k*l.size+i] = (v-m.mean)*inverse.F[k]*l.scale(i) + l.bias(i)
				}
			}
			return []*Array{y, mean, inverse}, nil
		},
		Bound: func(n *Node, in, out []*Array, r Rounding) []float64 {
			b := make([]float64, out[0].Len())
			l, err := layersOf(n, in)
			if err != nil {
				return b
			}
			for k := range len(b) / max(1, l.size) {
				m := momentsOf(in[0].F[k*l.size : (k+1)*l.size])
				m.rounded(r, n.Float("epsilon"))
				for i := range l.size {
					at := k*l.size + i
					b[at] = m.limit(r, in[0].F[at], out[0].F[at], l.scale(i), l.bias(i))
				}
			}
			return b
		},
		BoundRest: func(n *Node, in, out []*Array, r Rounding) [][]float64 {
			means, inverses := make([]float64, out[1].Len()), make([]float64, out[1].Len())
			l, err := layersOf(n, in)
			for k := range means {
				if err != nil {
					break
				}
				m := momentsOf(in[0].F[k*l.size : (k+1)*l.size])
				m.rounded(r, n.Float("epsilon"))
				means[k], inverses[k] = m.meanOff, m.inverse*m.relative
			}
			return [][]float64{means, inverses}[:len(out)-1]
		},
	}
}

// layers are the rows that a LayerNormalization or its like goes over.
type layers struct {
	size        int
	stash       []int
	scale, bias func(i int) float64
}

func layersOf(n *Node, in []*Array) (*layers, error) {
	x := in[0]
	if !x.float() {
		return nil, fmt.Errorf("input is %s, want floating point", x.Type)
	}
	axis, err := axisOf(n.Int("axis"), len(x.Shape))
	if err != nil {
		return nil, err
	}
	l := &layers{size: product(x.Shape[axis:]), stash: slices.Clone(x.Shape), scale: func(int) float64 { return 1 }, bias: func(int) float64 { return 0 }}
	for i := axis; i < len(l.stash); i++ {
		l.stash[i] = 1
	}
	for i, set := range []*func(int) float64{&l.scale, &l.bias} {
		if i+1 >= len(in) || in[i+1] == nil {
			continue
		}
		p := in[i+1]
		if wide, err := Broadcast(p.Shape, x.Shape[axis:]); err != nil || product(wide) != l.size || !p.float() {
			return nil, fmt.Errorf("a parameter of %s%v for %v", p.Type, p.Shape, x.Shape[axis:])
		}
		at := broadcastIndex(p.Shape, x.Shape[axis:])
		*set = func(i int) float64 { return p.F[at(i)] }
	}
	return l, nil
}

// rmsNormalization is RMSNormalization-23: x / sqrt(mean(x*x) + epsilon) * scale over all axes from
// axis on. Equals torch.nn.RMSNorm.
func rmsNormalization() *Spec {
	return &Spec{
		Type: "RMSNormalization", Since: []int64{23}, FloatOnly: true,
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Attrs:  []Attr{intAttr("axis", -1), floatAttr("epsilon", 1e-5), intAttr("stash_type", 1)},
		Params: []Param{{1, "weight"}},
		Infer:  sameAs,
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			l, err := layersOf(n, in)
			if err != nil {
				return nil, err
			}
			y, err := NewArray(in[0].Type, in[0].Shape...)
			if err != nil {
				return nil, err
			}
			for k := range len(y.F) / max(1, l.size) {
				row := in[0].F[k*l.size : (k+1)*l.size]
				inverse := 1 / math.Sqrt(momentsOf(row).squares+n.Float("epsilon"))
				for i, v := range row {
					y.F[k*l.size+i] = v * inverse * l.scale(i)
				}
			}
			return []*Array{y}, nil
		},
		Bound: func(n *Node, in, out []*Array, r Rounding) []float64 {
			l, err := layersOf(n, in)
			return r.single(out[0].F, func(int) float64 {
				if err != nil {
					return 0
				}
				return float64(l.size)/2 + 10
			})
		},
	}
}

// grouped are the groups of channels that an InstanceNormalization or GroupNormalization goes over.
func grouped(x *Array, groups int) (size int, err error) {
	if len(x.Shape) < 2 || !x.float() {
		return 0, fmt.Errorf("input is %s%v, want floating point (N, C, ...)", x.Type, x.Shape)
	}
	if groups < 1 || x.Shape[1]%groups != 0 {
		return 0, fmt.Errorf("%d channels do not make %d groups", x.Shape[1], groups)
	}
	return product(x.Shape[1:]) / groups, nil
}

// groupNorm returns the Spec of a normalization of each image by groups of its channels: perGroup
// says that scale and bias are one for each group.
func groupNorm(name string, since []int64, attrs []Attr, groups func(n *Node, x *Array) int, perGroup func(n *Node) bool) *Spec {
	each := func(n *Node, in []*Array, f func(at int, m *moments, scale, bias float64)) error {
		x := in[0]
		g := groups(n, x)
		size, err := grouped(x, g)
		if err != nil {
			return err
		}
		want, plane := x.Shape[1], product(x.Shape[2:])
		if perGroup(n) {
			want = g
		}
		if len(in[1].F) != want || len(in[2].F) != want {
			return fmt.Errorf("scale and bias have %d and %d elements, want %d", len(in[1].F), len(in[2].F), want)
		}
		for k := 0; k*size < len(x.F); k++ {
			m := momentsOf(x.F[k*size : (k+1)*size])
			for i := range size {
				p := k % g
				if !perGroup(n) {
					p = (k*size + i) / plane % x.Shape[1]
				}
				f(k*size+i, &m, in[1].F[p], in[2].F[p])
			}
		}
		return nil
	}
	return &Spec{
		Type: name, Since: since, FloatOnly: true, ChannelsFirst: true, Attrs: append(attrs, floatAttr("epsilon", 1e-5)),
		Inputs: Arity{3, 3}, Outputs: Arity{1, 1},
		Params: []Param{{1, "weight"}, {2, "bias"}},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if in[0].Ranked && len(in[0].Shape) < 2 {
				return nil, fmt.Errorf("input is %s, want (N, C, ...)", in[0].Shape)
			}
			if in[0].Ranked && !perGroup(n) {
				for i, what := range []string{"scale", "bias"} {
					if err := in[i+1].wantShape(what, onnx.Shape{in[0].Shape[1]}); err != nil {
						return nil, err
					}
				}
			}
			return sameAs(n, in)
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			y, err := NewArray(in[0].Type, in[0].Shape...)
			if err != nil {
				return nil, err
			}
			return []*Array{y}, each(n, in, func(at int, m *moments, scale, bias float64) {
				y.F[at] = (in[0].F[at]-m.mean)/math.Sqrt(m.variance+n.Float("epsilon"))*scale + bias
			})
		},
		Bound: func(n *Node, in, out []*Array, r Rounding) []float64 {
			b := make([]float64, out[0].Len())
			// The evaluation said what is wrong.
			_ = each(n, in, func(at int, m *moments, scale, bias float64) {
				if m.inverse == 0 {
					m.rounded(r, n.Float("epsilon"))
				}
				b[at] = m.limit(r, in[0].F[at], out[0].F[at], scale, bias)
			})
			return b
		},
	}
}

// instanceNormalization is InstanceNormalization-6, -22: each channel of each image by its own mean and
// variance, with a scale and a bias. Equals torch.nn.InstanceNorm1d to InstanceNorm3d.
func instanceNormalization() *Spec {
	return groupNorm("InstanceNormalization", []int64{1, 6, 22}, nil, func(_ *Node, x *Array) int { return x.Shape[1] }, func(*Node) bool { return false })
}

// groupNormalization is GroupNormalization-18, -21: groups of channels of each image by their mean
// and variance; scale and bias are one for each channel since 21, and for each group before. Equals
// torch.nn.GroupNorm.
func groupNormalization() *Spec {
	attrs := []Attr{intAttr("num_groups", 0).required(), intAttr("stash_type", 1).since(21)}
	return groupNorm("GroupNormalization", []int64{18, 21}, attrs, func(n *Node, _ *Array) int { return int(min(max(n.Int("num_groups"), 0), MaxElements)) },
		func(n *Node) bool { return n.Opset < 21 })
}

// lpNormalization is LpNormalization-1, -22: x divided by its norm along an axis, the sum of the
// absolute values (p 1) or the root of the squares (p 2); 0 where that is 0. Equals
// torch.nn.functional.normalize.
func lpNormalization() *Spec {
	norm := func(n *Node, in []*Array) (func(i int) float64, int, error) {
		x := in[0]
		axis, err := axisOf(n.Int("axis"), len(x.Shape))
		if err != nil {
			return nil, 0, err
		}
		p := n.Int("p")
		if p != 1 && p != 2 {
			return nil, 0, fmt.Errorf("p is %d, want 1 or 2", p)
		}
		length, inner := x.Shape[axis], product(x.Shape[axis+1:])
		row := func(i int) int { return i/(length*inner)*inner + i%inner }
		norms := make([]float64, len(x.F)/max(1, length))
		for i, v := range x.F {
			if p == 2 {
				v *= v
			}
			norms[row(i)] += math.Abs(v)
		}
		return func(i int) float64 {
			if p == 2 {
				return math.Sqrt(norms[row(i)])
			}
			return norms[row(i)]
		}, length, nil
	}
	return &Spec{
		Type: "LpNormalization", Since: []int64{1, 22}, FloatOnly: true,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("axis", -1), intAttr("p", 2)},
		Infer: sameAs,
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			of, _, err := norm(n, in)
			if err != nil {
				return nil, err
			}
			y, err := NewArray(in[0].Type, in[0].Shape...)
			if err != nil {
				return nil, err
			}
			for i, v := range in[0].F {
				if d := of(i); d != 0 {
					y.F[i] = v / d
				}
			}
			return []*Array{y}, nil
		},
		Bound: func(n *Node, in, out []*Array, r Rounding) []float64 {
			_, length, err := norm(n, in)
			return r.single(out[0].F, func(int) float64 {
				if err != nil {
					return 0
				}
				return float64(length) + 8
			})
		},
	}
}
