package op

import (
	"fmt"
	"math"
)

// averagePool is AveragePool-1, -7, -10, -11, -19, -22: the mean under the window,
// over the elements inside the input or, with count_include_pad, over those inside
// the padded input. Equals torch.nn.AvgPool1d to AvgPool3d, whose
// count_include_pad is 1 by default.
func averagePool() *Spec {
	return &Spec{
		Type: "AveragePool", Since: []int64{1, 7, 10, 11, 19, 22}, FloatOnly: true, ChannelsFirst: true,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1}, Heavy: true,
		Attrs: append(poolAttrs(), intAttr("count_include_pad", 0).since(7),
			intsAttr("dilations").since(19)),
		Infer: inferPool,
		Eval:  evalAveragePool,
		Bound: boundAveragePool,
	}
}

func evalAveragePool(n *Node, in []*Array) ([]*Array, error) {
	x := in[0]
	g, err := poolGeometry(n, x)
	if err != nil {
		return nil, err
	}
	y, err := NewArray(x.Type, g.outShape(x.Shape[0], x.Shape[1], len(x.Shape)-2)...)
	if err != nil {
		return nil, err
	}
	if !x.float() {
		return nil, fmt.Errorf("input is %s, want floating point", x.Type)
	}
	windows(n, x, &g, func(v float64) float64 { return v }, func(i, _ int, mean float64) { y.F[i] = mean })
	return []*Array{y}, nil
}

// boundAveragePool is the bound of an average, from the means of the absolute values.
func boundAveragePool(n *Node, in, out []*Array, r Rounding) []float64 {
	b := make([]float64, out[0].Len())
	g, err := poolGeometry(n, in[0])
	if err != nil {
		return b // the evaluation said so
	}
	windows(n, in[0], &g, math.Abs, func(i, terms int, mean float64) { b[i] = r.average(terms, mean) })
	return b
}

// windows calls put for each output i with the number of elements under its window and the
// mean of f of them, over those that count.
func windows(n *Node, x *Array, g *geometry3, f func(float64) float64, put func(i, terms int, mean float64)) {
	includePad := n.Int("count_include_pad") != 0
	for c := range x.Shape[0] * x.Shape[1] {
		plane := x.F[c*g.inSize():]
		g.positions(func(p int, o [3]int) {
			sum, terms := 0.0, 0
			g.each(o, func(_, offset int) {
				sum += f(plane[offset])
				terms++
			})
			count := terms
			if includePad {
				count = g.padded(0, o[0]) * g.padded(1, o[1]) * g.padded(2, o[2])
			}
			put(c*g.outSize()+p, terms, sum/float64(count))
		})
	}
}

// average bounds the mean of some terms, whatever their errors are: its sum of absolute
// terms, divided like it, is given. A mean has few terms, often equal ones.
func (r Rounding) average(terms int, absolute float64) float64 {
	if float64(terms)*absolute > r.Largest { // the sum may be infinite
		return math.Inf(1)
	}
	n := float64(terms) + 2 // the division, and the reciprocal of the count
	return n*r.Unit/(1-n*r.Unit)*absolute + r.Store*absolute + n*r.Tiny
}

// padded returns how many taps of the window at output o along axis i lie inside
// the padded input; a window moved by ceil_mode may reach beyond it.
func (g *geometry3) padded(i, o int) int {
	a := g.axis[i]
	count := 0
	for k := range a.kernel {
		if int64(o)*a.stride+k*a.dilation < int64(g.in[i])+a.begin+a.end {
			count++
		}
	}
	return count
}
