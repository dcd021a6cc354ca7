package op

import (
	"fmt"
	"math"

	"alexctl/onnx"
)

// globalAveragePool is GlobalAveragePool-1, -22: the mean of each channel.
func globalAveragePool() *Spec {
	return &Spec{
		Type: "GlobalAveragePool", Since: []int64{1, 22}, FloatOnly: true, ChannelsFirst: true,
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
		Bound: func(_ *Node, in, out []*Array, r Rounding) []float64 {
			b := make([]float64, out[0].Len())
			size := product(in[0].Shape[2:])
			for c := range b {
				sum := 0.0
				for _, v := range in[0].F[c*size : (c+1)*size] {
					sum += math.Abs(v)
				}
				b[c] = r.average(size, sum/float64(size))
			}
			return b
		},
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
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
				sum := 0.0
				for _, v := range x.F[c*size : (c+1)*size] {
					sum += v
				}
				y.F[c] = sum / float64(size)
			}
			return []*Array{y}, nil
		},
	}
}
