package op

import (
	"errors"
	"math"
)

// clip is Clip-6, -11, -12, -13: min(max(x, low), high); low and high are
// attributes before opset 11 and optional scalar inputs since. Equals
// torch.clamp; with 0 and 6 torch.nn.ReLU6.
func clip() *Spec {
	return &Spec{
		Type: "Clip", Since: []int64{1, 6, 11, 12, 13},
		Inputs: Arity{1, 3}, Outputs: Arity{1, 1},
		Earlier: []Earlier{{Until: 10, Inputs: Arity{1, 1}, Outputs: Arity{1, 1}}},
		Attrs:   []Attr{floatAttr("min", -math.MaxFloat32).until(10), floatAttr("max", math.MaxFloat32).until(10)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if err := sameType(in...); err != nil {
				return nil, err
			}
			return sameAs(n, in)
		},
		Eval: evalClip,
	}
}

func evalClip(n *Node, in []*Array) ([]*Array, error) {
	x := in[0]
	y, err := NewArray(x.Type, x.Shape...)
	if err != nil {
		return nil, err
	}
	copy(y.F, x.F)
	copy(y.I, x.I)
	if n.Opset < 11 {
		for i := range y.F {
			y.F[i] = math.Min(math.Max(y.F[i], n.Float("min")), n.Float("max"))
		}
		return []*Array{y}, nil
	}
	for k, sign := range []int{1, -1} {
		if k+1 >= len(in) || in[k+1] == nil {
			continue
		}
		bound := in[k+1]
		if bound.Len() != 1 || bound.Type != x.Type {
			return nil, errors.New("min and max must be scalars of the input's type")
		}
		for i := range y.F {
			if float64(sign)*(y.F[i]-bound.F[0]) < 0 {
				y.F[i] = bound.F[0]
			}
		}
		for i := range y.I {
			if sign*compareInt(y.I[i], bound.I[0], y.Type) < 0 {
				y.I[i] = bound.I[0]
			}
		}
	}
	return []*Array{y}, nil
}
