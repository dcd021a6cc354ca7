package op

import (
	"errors"
	"fmt"
	"math"

	"alexctl/onnx"
)

// convTranspose is ConvTranspose-1, -11, -22: X (N, C, spatial...), W (C, M/group, kernel...), B (M)
// to Y (N, M, spatial...): what a Conv of these strides, pads and dilations would have taken to make
// X. Equals torch.nn.ConvTranspose1d to ConvTranspose3d.
func convTranspose() *Spec {
	return &Spec{
		Type: "ConvTranspose", Since: []int64{1, 11, 22}, FloatOnly: true,
		Inputs: Arity{2, 3}, Outputs: Arity{1, 1}, Heavy: true,
		Attrs:         append(windowAttrs(), intsAttr("dilations"), intAttr("group", 1), intsAttr("output_padding"), intsAttr("output_shape")),
		Params:        []Param{{1, "weight"}, {2, "bias"}},
		ChannelsFirst: true,
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x, w := in[0], in[1]
			if err := sameType(in...); err != nil {
				return nil, err
			}
			if !x.Ranked || !w.Ranked {
				return unranked(x.Type), nil
			}
			if len(w.Shape) < 3 || len(w.Shape) != len(x.Shape) {
				return nil, fmt.Errorf("input is %s, weight %s: want (N, C, spatial...) and (C, M/group, kernel...) of one rank", x.Shape, w.Shape)
			}
			if x.Shape[1].Conflicts(w.Shape[0]) {
				return nil, fmt.Errorf("weight is %s for an input %s", w.Shape, x.Shape)
			}
			out := onnx.Shape{x.Shape[0], onnx.UnknownDim}
			if w.Shape[1].IsKnown() {
				out[1] = onnx.Known(mul(w.Shape[1].N, max(n.Int("group"), 0)))
			}
			kernel, known := make([]int64, len(w.Shape)-2), true
			for i, d := range w.Shape[2:] {
				known = known && d.IsKnown()
				kernel[i] = d.N
			}
			for i, d := range x.Shape[2:] {
				if !known || !d.IsKnown() {
					out = append(out, onnx.UnknownDim)
					continue
				}
				a, err := transposedAxis(n, kernel, i, d.N)
				if err != nil {
					return nil, err
				}
				out = append(out, onnx.Known(a.out))
			}
			return ranked(x.Type, out), nil
		},
		MACs: func(_ *Node, in, _ []*Info) int64 {
			if !in[1].Ranked || len(in[1].Shape) < 2 {
				return 0
			}
			each := int64(1)
			for _, d := range in[1].Shape[1:] {
				each = mul(each, max(d.N, 0))
			}
			return mul(in[0].count(), each)
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			y, err := transposed(n, in, func(_ int, sum *float64, x, w float64) { *sum += x * w })
			if err != nil {
				return nil, err
			}
			return []*Array{y}, nil
		},
		Bound: func(n *Node, in, out []*Array, r Rounding) []float64 {
			terms := make([]int, out[0].Len())
			absolute, err := transposed(n, in, func(at int, sum *float64, x, w float64) {
				*sum += math.Abs(x * w)
				terms[at]++
			})
			squares, err2 := transposed(n, in, func(_ int, sum *float64, x, w float64) { *sum += square(x * w) })
			b := make([]float64, out[0].Len())
			if err != nil || err2 != nil {
				return b
			}
			irregular := Irregular(in[1].F)
			for i := range b {
				bias := 0.0
				if len(in) > 2 && in[2] != nil {
					bias = math.Abs(in[2].F[i/product(out[0].Shape[2:])%out[0].Shape[1]])
				}
				b[i] = r.Sum(terms[i]+1, out[0].F[i], absolute.F[i]+2*bias, squares.F[i]+2*bias*bias, irregular)
			}
			return b
		},
	}
}

// transposedWindow is an axis of a ConvTranspose.
type transposedWindow struct {
	kernel, stride, dilation, begin, out int64
}

// transposedAxis resolves spatial axis i of a ConvTranspose over an input of a size.
func transposedAxis(n *Node, kernel []int64, i int, size int64) (transposedWindow, error) {
	// The attributes are those of a window, but that pads are taken away.
	w, err := windowOf(n, kernel)
	if err != nil {
		return transposedWindow{}, err
	}
	for _, list := range []string{"output_padding", "output_shape"} {
		for _, v := range n.Ints(list) {
			if v < 0 || v > maxWindow {
				return transposedWindow{}, fmt.Errorf("%s is %v", list, n.Ints(list))
			}
		}
		if v := n.Ints(list); v != nil && len(v) != len(kernel) && (list != "output_shape" || len(v) != len(kernel)+2) {
			return transposedWindow{}, fmt.Errorf("%s is %v, want %d numbers", list, v, len(kernel))
		}
	}
	if size > 1<<40 {
		return transposedWindow{}, fmt.Errorf("spatial dimension of %d", size)
	}
	a, extra := w.axes[i], int64(0)
	if p := n.Ints("output_padding"); p != nil {
		extra = p[i]
	}
	full := (size-1)*a.stride + a.extent() + extra
	t := transposedWindow{kernel: a.kernel, stride: a.stride, dilation: a.dilation, begin: a.begin, out: full - a.begin - a.end}
	wanted := int64(-1)
	if s := n.Ints("output_shape"); s != nil {
		wanted = s[len(s)-len(kernel)+i]
	} else if w.autoPad == "SAME_UPPER" || w.autoPad == "SAME_LOWER" {
		wanted = size * a.stride
	}
	if wanted >= 0 {
		total := max(full-wanted, 0)
		t.begin, t.out = total/2, wanted
		if w.autoPad != "SAME_UPPER" && total%2 == 1 {
			t.begin = total - total/2
		}
	}
	if t.out <= 0 {
		return t, errors.New("no output is left")
	}
	return t, nil
}

// transposed goes over all products of a ConvTranspose and adds them up as take says.
func transposed(n *Node, in []*Array, take func(at int, sum *float64, x, w float64)) (*Array, error) {
	x, w := in[0], in[1]
	group := int(n.Int("group"))
	if !x.float() || !w.float() || len(x.Shape) != len(w.Shape) || len(x.Shape) < 3 || group < 1 || x.Shape[1] != w.Shape[0] || x.Shape[1]%group != 0 {
		return nil, fmt.Errorf("input %v and weight %v with group %d do not fit", x.Shape, w.Shape, group)
	}
	rank := len(x.Shape) - 2
	kernel := make([]int64, rank)
	for i := range kernel {
		kernel[i] = int64(w.Shape[2+i])
	}
	m := w.Shape[1] * group
	shape := []int{x.Shape[0], m}
	axes := make([]transposedWindow, rank)
	for i := range axes {
		var err error
		if axes[i], err = transposedAxis(n, kernel, i, int64(x.Shape[2+i])); err != nil {
			return nil, err
		}
		if axes[i].out > MaxElements {
			return nil, fmt.Errorf("spatial dimension of %d", axes[i].out)
		}
		shape = append(shape, int(axes[i].out))
	}
	y, err := NewArray(x.Type, shape...)
	if err != nil {
		return nil, err
	}
	taps, inSize, outSize := product(w.Shape[2:]), product(x.Shape[2:]), product(shape[2:])
	if len(in) > 2 && in[2] != nil {
		if len(in[2].F) != m {
			return nil, fmt.Errorf("bias has %d elements, want %d", len(in[2].F), m)
		}
		for i := range y.F {
			y.F[i] = in[2].F[i/outSize%m]
		}
	}
	inStrides, tapStrides, outStrides := stridesOf(x.Shape[2:]), stridesOf(w.Shape[2:]), stridesOf(shape[2:])
	perGroup := x.Shape[1] / group
	for p := range inSize {
		for tap := range taps {
			to := 0
			for k, a := range axes {
				o := int64(p/inStrides[k]%x.Shape[2+k])*a.stride + int64(tap/tapStrides[k]%w.Shape[2+k])*a.dilation - a.begin
				if o < 0 || o >= a.out {
					to = -1
					break
				}
				to += int(o) * outStrides[k]
			}
			if to < 0 {
				continue
			}
			for image := range x.Shape[0] {
				for c := range x.Shape[1] {
					v := x.F[(image*x.Shape[1]+c)*inSize+p]
					for k := range w.Shape[1] {
						at := (image*m+c/perGroup*w.Shape[1]+k)*outSize + to
						take(at, &y.F[at], v, w.F[(c*w.Shape[1]+k)*taps+tap])
					}
				}
			}
		}
	}
	return y, nil
}
