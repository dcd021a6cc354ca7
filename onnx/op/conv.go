package op

import (
	"fmt"
	"math"

	"alexctl/onnx"
)

// conv is Conv-1, -11, -22: X (N, C, spatial...), W (M, C/group, kernel...),
// B (M) to Y (N, M, spatial...). Equals torch.nn.Conv1d to Conv3d with zero padding.
func conv() *Spec {
	return &Spec{
		Type: "Conv", Since: []int64{1, 11, 22}, FloatOnly: true,
		Inputs: Arity{2, 3}, Outputs: Arity{1, 1}, Heavy: true,
		Attrs:   append(windowAttrs(), intsAttr("dilations"), intAttr("group", 1)),
		Params:  []Param{{1, "weight"}, {2, "bias"}},
		Product: ConvProduct, ChannelsFirst: true,
		Infer: inferConv,
		MACs: func(_ *Node, in, out []*Info) int64 {
			if !in[1].Ranked || len(in[1].Shape) < 2 {
				return 0
			}
			perOutput := int64(1)
			for _, d := range in[1].Shape[1:] {
				perOutput = mul(perOutput, max(d.N, 0))
			}
			return mul(out[0].count(), perOutput)
		},
		Eval:  evalConv,
		Bound: boundConv,
	}
}

func convWindow(n *Node, kernel []int64) (*window, error) {
	if given := n.Ints("kernel_shape"); given != nil {
		if fmt.Sprint(given) != fmt.Sprint(kernel) {
			return nil, fmt.Errorf("attribute kernel_shape is %v, the weight's kernel %v", given, kernel)
		}
	}
	return windowOf(n, kernel)
}

func inferConv(n *Node, in []*Info) ([]*Info, error) {
	x, w := in[0], in[1]
	if err := sameType(in...); err != nil {
		return nil, err
	}
	if !w.Ranked || !x.Ranked {
		return unranked(x.Type), nil
	}
	if len(w.Shape) < 3 || len(w.Shape) != len(x.Shape) {
		return nil, fmt.Errorf("input is %s, weight %s: want (N, C, spatial...) and (M, C/group, kernel...) of one rank", x.Shape, w.Shape)
	}
	group := n.Int("group")
	m, c := w.Shape[0], x.Shape[1]
	if group < 1 || m.IsKnown() && m.N%group != 0 {
		return nil, fmt.Errorf("group %d does not divide the weight's %s output channels", group, m)
	}
	if c.IsKnown() && w.Shape[1].IsKnown() && c.N != mul(w.Shape[1].N, group) {
		return nil, fmt.Errorf("weight is %s with group %d, so it wants %d input channels; the input %s has %s",
			w.Shape, group, mul(w.Shape[1].N, group), x.Shape, c)
	}
	if len(in) > 2 {
		if err := in[2].wantShape("bias", onnx.Shape{m}); err != nil {
			return nil, err
		}
	}
	out := onnx.Shape{x.Shape[0], m}
	kernel := make([]int64, len(w.Shape)-2)
	for i, d := range w.Shape[2:] {
		if !d.IsKnown() {
			for range kernel {
				out = append(out, onnx.UnknownDim)
			}
			return ranked(x.Type, out), nil
		}
		kernel[i] = d.N
	}
	win, err := convWindow(n, kernel)
	if err != nil {
		return nil, err
	}
	spatial, err := win.outputs(x.Shape[2:])
	if err != nil {
		return nil, err
	}
	return ranked(x.Type, append(out, spatial...)), nil
}

func evalConv(n *Node, in []*Array) ([]*Array, error) {
	c, err := ConvOf(n, in)
	if err != nil {
		return nil, err
	}
	for i := range c.N {
		for m := range c.M {
			for o := range c.OutSize {
				c.Y.F[(i*c.M+m)*c.OutSize+o] = c.output(i, m, o)
			}
		}
	}
	return []*Array{c.Y}, nil
}

// Convolution is a Conv node applied to concrete arrays: its sizes and where each
// tap of the kernel falls, for engines that compute it in another order.
type Convolution struct {
	X, W, B, Y      *Array // B may be nil; Y is zeros to begin with
	N, C, M         int    // images, input channels, output channels
	CGroup, MGroup  int    // channels of one group
	InSize, OutSize int    // positions in one channel
	Taps            int    // positions in the kernel

	geometry geometry3
}

// ConvOf checks the arrays against the node and returns the convolution.
func ConvOf(n *Node, in []*Array) (*Convolution, error) {
	x, w := in[0], in[1]
	if !x.float() || !w.float() || len(x.Shape) != len(w.Shape) || len(x.Shape) < 3 {
		return nil, fmt.Errorf("input %v and weight %v do not fit", x.Shape, w.Shape)
	}
	group := int(n.Int("group"))
	c := &Convolution{X: x, W: w, N: x.Shape[0], C: x.Shape[1], M: w.Shape[0], CGroup: w.Shape[1]}
	if group < 1 || c.M%group != 0 || c.C != c.CGroup*group {
		return nil, fmt.Errorf("weight is %v with group %d, so it wants %d input channels; the input %v has %d",
			w.Shape, group, c.CGroup*group, x.Shape, c.C)
	}
	c.MGroup = c.M / group
	if len(in) > 2 && in[2] != nil {
		c.B = in[2]
		if len(c.B.F) != c.M {
			return nil, fmt.Errorf("bias has %d elements, want %d", len(c.B.F), c.M)
		}
	}
	kernel := make([]int64, len(w.Shape)-2)
	for i, d := range w.Shape[2:] {
		kernel[i] = int64(d)
	}
	win, err := convWindow(n, kernel)
	if err != nil {
		return nil, err
	}
	if c.geometry, err = win.geometry(x.Shape[2:]); err != nil {
		return nil, err
	}
	g := &c.geometry
	c.InSize, c.OutSize, c.Taps = g.inSize(), g.outSize(), product(w.Shape[2:])
	if c.Y, err = NewArray(x.Type, g.outShape(c.N, c.M, len(kernel))...); err != nil {
		return nil, err
	}
	return c, nil
}

// output computes one element: the bias and the products of every tap.
func (c *Convolution) output(image, m, position int) float64 {
	sum := 0.0
	if c.B != nil {
		sum = c.B.F[m]
	}
	g := &c.geometry
	o := [3]int{position / (g.out[1] * g.out[2]), position / g.out[2] % g.out[1], position % g.out[2]}
	first := m / c.MGroup * c.CGroup
	for ch := range c.CGroup {
		x := c.X.F[(image*c.C+first+ch)*c.InSize:]
		w := c.W.F[(m*c.CGroup+ch)*c.Taps:]
		g.each(o, func(tap, offset int) { sum += x[offset] * w[tap] })
	}
	return sum
}

// boundConv follows the partial sums of every element in the definition's order.
func boundConv(n *Node, in, out []*Array, r Rounding) []float64 {
	b := make([]float64, out[0].Len())
	c, err := ConvOf(n, in)
	if err != nil {
		return b // the evaluation said so
	}
	g, row := &c.geometry, c.CGroup*c.Taps
	for at := range b {
		image, m, position := at/c.OutSize/c.M, at/c.OutSize%c.M, at%c.OutSize
		o := [3]int{position / (g.out[1] * g.out[2]), position / g.out[2] % g.out[1], position % g.out[2]}
		sum, peak, norm2 := 0.0, 0.0, 0.0
		for ch := range c.CGroup {
			x := c.X.F[(image*c.C+m/c.MGroup*c.CGroup+ch)*c.InSize:]
			w := c.W.F[m*row+ch*c.Taps:]
			g.each(o, func(tap, offset int) {
				t := x[offset] * w[tap]
				sum += t
				norm2 += t * t
				peak = max(peak, math.Abs(sum))
			})
		}
		b[at] = c.Limit(r, m, out[0].F[at], peak, norm2, Irregular(c.W.F[m*row:(m+1)*row]))
	}
	return b
}

// Limit bounds the error of y, an element of output channel m, from the peak of its
// partial sums and the sum of its squared products, both without the bias.
func (c *Convolution) Limit(r Rounding, m int, y, peak, norm2 float64, irregular bool) float64 {
	terms := c.CGroup * c.Taps
	if c.B != nil {
		terms++
		norm2 += c.B.F[m] * c.B.F[m]
	}
	return r.Sum(terms, y, max(peak, math.Abs(y)), norm2, irregular)
}

// Columns fills dst with the patches of one image and group under the output positions
// from lo to hi: row k = (channel, tap), column = position, rows stride elements apart;
// outside the input it is zero. dst has CGroup*Taps*stride elements.
func (c *Convolution) Columns(dst []float64, stride, image, group, lo, hi int) {
	clear(dst)
	for ch := range c.CGroup {
		x := c.X.F[(image*c.C+group*c.CGroup+ch)*c.InSize:][:c.InSize]
		for tap := range c.Taps {
			c.column(dst[(ch*c.Taps+tap)*stride:], x, tap, lo, hi)
		}
	}
}

// column fills dst with what lies under one tap at the positions lo to hi of one channel, where that
// is inside.
func (c *Convolution) column(dst, x []float64, tap, lo, hi int) {
	g := &c.geometry
	k1, k2 := int(g.axis[1].kernel), int(g.axis[2].kernel)
	w := g.axis[2]
	step, first := int(w.stride), int(int64(tap%k2)*w.dilation-w.begin)
	for p := lo; p < hi; {
		column := p % g.out[2]
		run := min(hi-p, g.out[2]-column)
		d, okD := g.at(0, p/(g.out[1]*g.out[2]), tap/k2/k1)
		h, okH := g.at(1, p/g.out[2]%g.out[1], tap/k2%k1)
		if okD && okH {
			row := x[(d*g.in[1]+h)*g.in[2]:][:g.in[2]]
			for i, at := 0, column*step+first; i < run; i, at = i+1, at+step {
				if at >= 0 && at < len(row) {
					dst[p-lo+i] = row[at]
				}
			}
		}
		p += run
	}
}
