package op

import (
	"errors"
	"fmt"
	"math"
)

// lrn is LRN-1, -13, local response normalization across channels:
//
//	y[n,c,...] = x[n,c,...] / (bias + alpha/size * sum x[n,i,...]^2)^beta
//
// with i from max(0, c - floor((size-1)/2)) to min(C-1, c + ceil((size-1)/2)).
// For an odd size it equals torch.nn.LocalResponseNorm(size, alpha, beta, k=bias);
// for an even one PyTorch's window is the mirror image. The AlexNet paper, section
// 3.3, does not divide alpha by size.
func lrn() *Spec {
	return &Spec{
		Type: "LRN", Since: []int64{1, 13}, FloatOnly: true, ChannelsFirst: true,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("size", 0).required(), floatAttr("alpha", 1e-4), floatAttr("beta", 0.75), floatAttr("bias", 1)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if n.Int("size") < 1 {
				return nil, fmt.Errorf("size is %d, want at least 1", n.Int("size"))
			}
			if in[0].Ranked && len(in[0].Shape) < 2 {
				return nil, fmt.Errorf("input is %s, want (N, C, ...)", in[0].Shape)
			}
			return sameAs(n, in)
		},
		Eval:  evalLRN,
		Bound: boundLRN,
		Without: func(n *Node, x []float64) ([]float64, string) {
			y, factor := make([]float64, len(x)), math.Pow(n.Float("bias"), -n.Float("beta"))
			for i, v := range x {
				y[i] = v * factor
			}
			return y, "alpha"
		},
	}
}

func evalLRN(n *Node, in []*Array) ([]*Array, error) {
	x := in[0]
	size := int(n.Int("size"))
	if size < 1 || len(x.Shape) < 2 || !x.float() {
		return nil, errors.New("want floating point (N, C, ...) and a size of at least 1")
	}
	y, err := NewArray(x.Type, x.Shape...)
	if err != nil {
		return nil, err
	}
	alpha, beta, bias := n.Float("alpha"), n.Float("beta"), n.Float("bias")
	channels, plane := x.Shape[1], product(x.Shape[2:])
	for image := range x.Shape[0] {
		for c := range channels {
			lo, hi := max(0, c-(size-1)/2), min(channels-1, c+size/2)
			for p := range plane {
				sum := 0.0
				for i := lo; i <= hi; i++ {
					v := x.F[(image*channels+i)*plane+p]
					sum += v * v
				}
				at := (image*channels+c)*plane + p
				y.F[at] = x.F[at] / math.Pow(bias+alpha/float64(size)*sum, beta)
			}
		}
	}
	return []*Array{y}, nil
}

// boundLRN allows for a sum of squares that slides over the channels: an error made
// where the sum was large stays in it. d = bias + alpha/size*sum has the relative error
// δ, and y = x / d^beta one of beta*δ and that of a power computed as exp(beta*ln d).
func boundLRN(n *Node, in, out []*Array, r Rounding) []float64 {
	x, y := in[0], out[0]
	size := int(n.Int("size"))
	alpha, beta, bias := math.Abs(n.Float("alpha"))/float64(size), math.Abs(n.Float("beta")), n.Float("bias")
	channels, plane := x.Shape[1], product(x.Shape[2:])
	unit := max(r.Unit, r.Store)
	b := make([]float64, y.Len())
	for image := range x.Shape[0] {
		for p := range plane {
			at := func(c int) int { return (image*channels+c)*plane + p }
			sum, largest := 0.0, 0.0
			for c := range min(size/2, channels) {
				sum += x.F[at(c)] * x.F[at(c)]
			}
			for c := range channels {
				if i := c + size/2; i < channels {
					sum += x.F[at(i)] * x.F[at(i)]
				}
				if i := c - (size-1)/2 - 1; i >= 0 {
					sum -= x.F[at(i)] * x.F[at(i)]
				}
				largest = max(largest, sum)
				d := math.Abs(bias + alpha*sum)
				delta := unit * (Deviations*math.Sqrt(2*(float64(c)+float64(size)))*alpha*largest/d + 4)
				if largest > r.Largest { // the sum may be infinite
					b[at(c)] = math.Inf(1)
					continue
				}
				b[at(c)] = math.Abs(y.F[at(c)])*(beta*delta+unit*(10+2*beta*math.Abs(math.Log(d)))) + r.Tiny
			}
		}
	}
	return b
}
