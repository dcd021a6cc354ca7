package op

import (
	"fmt"
	"math"

	"alexctl/onnx"
)

// globalPool returns the Spec of an operator that makes one number of each channel of each image.
func globalPool(name string, since []int64, attrs []Attr, of func(n *Node, channel []float64) float64, b bound) *Spec {
	s := &Spec{
		Type: name, Since: since, FloatOnly: true, ChannelsFirst: true, Attrs: attrs, Bound: b,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Infer: func(_ *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			if !x.Ranked {
				return unranked(x.Type), nil
			}
			if len(x.Shape) < 2 {
				return nil, fmt.Errorf("input is %s, want (N, C, spatial...)", x.Shape)
			}
			out := onnx.Shape{x.Shape[0], x.Shape[1]}
			for range x.Shape[2:] {
				out = append(out, onnx.Known(1))
			}
			return ranked(x.Type, out), nil
		},
	}
	s.Eval = func(n *Node, in []*Array) ([]*Array, error) {
		x := in[0]
		if len(x.Shape) < 2 || !x.float() {
			return nil, fmt.Errorf("input is %s%v, want floating point (N, C, spatial...)", x.Type, x.Shape)
		}
		shape := []int{x.Shape[0], x.Shape[1]}
		for range x.Shape[2:] {
			shape = append(shape, 1)
		}
		y, err := NewArray(x.Type, shape...)
		if err != nil {
			return nil, err
		}
		size := product(x.Shape[2:])
		for c := range y.F {
			y.F[c] = of(n, x.F[c*size:(c+1)*size])
		}
		return []*Array{y}, nil
	}
	return s
}

// globalMaxPool is GlobalMaxPool-1, -22: the largest element of each channel. Equals
// torch.nn.AdaptiveMaxPool2d(1).
func globalMaxPool() *Spec {
	return globalPool("GlobalMaxPool", []int64{1, 22}, nil, func(_ *Node, channel []float64) float64 {
		largest := math.Inf(-1)
		for _, v := range channel {
			largest = math.Max(largest, v)
		}
		return largest
	}, nil)
}

// globalLpPool is GlobalLpPool-2, -22: the p-th root of the sum of the p-th powers of the absolute
// values of each channel.
func globalLpPool() *Spec {
	return globalPool("GlobalLpPool", []int64{1, 2, 22}, []Attr{intAttr("p", 2)}, func(n *Node, channel []float64) float64 {
		sum := 0.0
		for _, v := range channel {
			sum += math.Pow(math.Abs(v), float64(n.Int("p")))
		}
		return math.Pow(sum, 1/float64(n.Int("p")))
	}, func(n *Node, in, out []*Array, r Rounding) []float64 {
		return boundLp(n, out, product(in[0].Shape[2:]), r)
	})
}

// boundLp is the bound of a root of so many powers, all of which are positive.
func boundLp(n *Node, out []*Array, terms int, r Rounding) []float64 {
	return r.single(out[0].F, func(i int) float64 {
		return float64(terms) + 16 + 2*math.Abs(math.Log(max(out[0].F[i], 1e-300)))*float64(max(n.Int("p"), 1))
	})
}

// lpPool is LpPool-2, -11, -18, -22: the p-th root of the sum of the p-th powers of the absolute
// values under a sliding window. Equals torch.nn.LPPool2d.
func lpPool() *Spec {
	s := averagePool()
	s.Type, s.Since = "LpPool", []int64{1, 2, 11, 18, 22}
	s.Attrs = append(windowAttrs(), intAttr("p", 2), Attr{Name: "dilations", Kind: onnx.AttrInts, From: 18}, intAttr("ceil_mode", 0).since(18))
	for i, a := range s.Attrs {
		if a.Name == "kernel_shape" {
			s.Attrs[i].Required = true
		}
	}
	s.NonNegative = true
	s.Eval = func(n *Node, in []*Array) ([]*Array, error) {
		x, p := in[0], float64(n.Int("p"))
		if !x.float() || len(x.Shape) < 3 {
			return nil, fmt.Errorf("input is %s%v, want floating point (N, C, spatial...)", x.Type, x.Shape)
		}
		w, err := windowOf(n, n.Ints("kernel_shape"))
		if err != nil {
			return nil, err
		}
		g, err := w.geometry(x.Shape[2:])
		if err != nil {
			return nil, err
		}
		y, err := NewArray(x.Type, g.outShape(x.Shape[0], x.Shape[1], len(x.Shape)-2)...)
		if err != nil {
			return nil, err
		}
		size, count := g.inSize(), g.outSize()
		for i := range y.F {
			at := i % count
			sum, channel := 0.0, x.F[i/count*size:]
			g.each([3]int{at / (g.out[1] * g.out[2]), at / g.out[2] % g.out[1], at % g.out[2]}, func(_, offset int) {
				sum += math.Pow(math.Abs(channel[offset]), p)
			})
			y.F[i] = math.Pow(sum, 1/p)
		}
		return []*Array{y}, nil
	}
	s.Bound = func(n *Node, _, out []*Array, r Rounding) []float64 {
		terms := 1
		for _, k := range n.Ints("kernel_shape") {
			terms *= int(k)
		}
		return boundLp(n, out, terms, r)
	}
	return s
}
