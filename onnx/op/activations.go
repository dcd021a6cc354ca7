package op

import (
	"fmt"
	"math"
)

// withAttrs is a function whose attributes say what it is.
func withAttrs(name string, since []int64, attrs []Attr, of func(n *Node) func(float64) float64, b bound) *Spec {
	s := function(name, since, nil, b)
	s.Attrs = attrs
	s.Eval = func(n *Node, in []*Array) ([]*Array, error) { return mapped(in[0], of(n)) }
	return s
}

// scaledBound is the bound of a function that engines put together from parts: so many units of
// what the parts are, besides a few of the result.
func scaledBound(parts func(n *Node, x float64) float64) bound {
	return func(n *Node, in, out []*Array, r Rounding) []float64 {
		unit := max(r.Unit, r.Store)
		b := make([]float64, len(out[0].F))
		for i, y := range out[0].F {
			if b[i] = r.Tiny; y-y == 0 {
				b[i] += unit * (8*math.Abs(y) + parts(n, in[0].F[i]))
			}
		}
		return b
	}
}

// elu is Elu-6, -22: x, below zero alpha (exp(x) - 1). Equals torch.nn.ELU.
func elu() *Spec {
	return withAttrs("Elu", []int64{1, 6, 22}, []Attr{floatAttr("alpha", 1)}, func(n *Node) func(float64) float64 {
		alpha := n.Float("alpha")
		return func(x float64) float64 {
			if x < 0 {
				return alpha * math.Expm1(x)
			}
			return x
		}
	}, scaledBound(func(n *Node, x float64) float64 { return belowZero(x, 4*math.Abs(n.Float("alpha"))) }))
}

// belowZero is v for x below zero, where some engines take one from an exponential.
func belowZero(x, v float64) float64 {
	if x < 0 {
		return v
	}
	return 0
}

// celu is Celu-12: max(0, x) + min(0, alpha (exp(x / alpha) - 1)). Equals torch.nn.CELU.
func celu() *Spec {
	return withAttrs("Celu", []int64{12}, []Attr{floatAttr("alpha", 1)}, func(n *Node) func(float64) float64 {
		alpha := n.Float("alpha")
		return func(x float64) float64 {
			return math.Max(0, x) + math.Min(0, alpha*math.Expm1(x/alpha))
		}
	}, scaledBound(func(n *Node, x float64) float64 { return belowZero(x, 4*math.Abs(n.Float("alpha"))) }))
}

// selu is Selu-6, -22: gamma x, below zero gamma alpha (exp(x) - 1). Equals torch.nn.SELU.
func selu() *Spec {
	attrs := []Attr{floatAttr("alpha", 1.67326319217681884765625), floatAttr("gamma", 1.05070102214813232421875)}
	return withAttrs("Selu", []int64{1, 6, 22}, attrs, func(n *Node) func(float64) float64 {
		alpha, gamma := n.Float("alpha"), n.Float("gamma")
		return func(x float64) float64 {
			if x > 0 {
				return gamma * x
			}
			return gamma * alpha * math.Expm1(x)
		}
	}, scaledBound(func(n *Node, x float64) float64 { return belowZero(x, 4*math.Abs(n.Float("alpha")*n.Float("gamma"))) }))
}

// leakyRelu is LeakyRelu-6, -16: x, below zero alpha x. Equals torch.nn.LeakyReLU.
func leakyRelu() *Spec {
	return withAttrs("LeakyRelu", []int64{1, 6, 16}, []Attr{floatAttr("alpha", 0.01)}, func(n *Node) func(float64) float64 {
		alpha := n.Float("alpha")
		return func(x float64) float64 {
			if x < 0 {
				return alpha * x
			}
			return x
		}
	}, twoUlps)
}

// hardSigmoid is HardSigmoid-6, -22: max(0, min(1, alpha x + beta)). Equals torch.nn.Hardsigmoid
// with alpha 1/6 and beta 0.5.
func hardSigmoid() *Spec {
	s := withAttrs("HardSigmoid", []int64{1, 6, 22}, []Attr{floatAttr("alpha", 0.2), floatAttr("beta", 0.5)}, func(n *Node) func(float64) float64 {
		alpha, beta := n.Float("alpha"), n.Float("beta")
		return func(x float64) float64 { return math.Max(0, math.Min(1, alpha*x+beta)) }
	}, scaledBound(func(n *Node, x float64) float64 {
		return 2 * min(math.Abs(n.Float("alpha")*x)+math.Abs(n.Float("beta")), 2+2*math.Abs(n.Float("beta")))
	}))
	s.NonNegative = true
	return s
}

// hardSwish is HardSwish-14, -22: x max(0, min(1, x / 6 + 0.5)). Equals torch.nn.Hardswish.
func hardSwish() *Spec {
	return function("HardSwish", []int64{14, 22}, func(x float64) float64 { return x * math.Max(0, math.Min(1, x/6+0.5)) },
		scaledBound(func(_ *Node, x float64) float64 {
			if math.Abs(x) > 4 { // beyond where the line ends, and by how much it may be off
				return 0
			}
			return 4 * math.Abs(x)
		}))
}

// mish is Mish-18, -22: x tanh(log(1 + exp(x))). Equals torch.nn.Mish.
func mish() *Spec {
	return function("Mish", []int64{18, 22}, func(x float64) float64 {
		return x * math.Tanh(math.Max(x, 0)+math.Log1p(math.Exp(-math.Abs(x))))
	}, scaledBound(func(_ *Node, x float64) float64 { return 8 * math.Abs(x) }))
}

// gelu is Gelu-20: x / 2 (1 + erf(x / sqrt(2))), or its approximation by tanh. Equals
// torch.nn.GELU.
func gelu() *Spec {
	return withAttrs("Gelu", []int64{20}, []Attr{stringAttr("approximate", "none")}, func(n *Node) func(float64) float64 {
		if n.Text("approximate") == "tanh" {
			return func(x float64) float64 {
				return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
			}
		}
		return func(x float64) float64 { return 0.5 * x * (1 + math.Erf(x/math.Sqrt2)) }
	}, scaledBound(func(_ *Node, x float64) float64 { return 8 * math.Abs(x) }))
}

// swish is Swish-24: x / (1 + exp(-alpha x)). Equals torch.nn.SiLU with alpha 1.
func swish() *Spec {
	return withAttrs("Swish", []int64{24}, []Attr{floatAttr("alpha", 1)}, func(n *Node) func(float64) float64 {
		alpha := n.Float("alpha")
		return func(x float64) float64 { return x / (1 + math.Exp(-alpha*x)) }
	}, scaledBound(func(n *Node, x float64) float64 { return math.Abs(x) * (4 + 2*math.Abs(n.Float("alpha")*x)) }))
}

// shrink is Shrink-9: x + bias below -lambd, x - bias above lambd, otherwise 0. Equals
// torch.nn.Hardshrink (bias 0) and torch.nn.Softshrink (bias lambd).
func shrink() *Spec {
	s := withAttrs("Shrink", []int64{9}, []Attr{floatAttr("lambd", 0.5), floatAttr("bias", 0)}, func(n *Node) func(float64) float64 {
		lambd, bias := n.Float("lambd"), n.Float("bias")
		return func(x float64) float64 {
			switch {
			case x < -lambd:
				return x + bias
			case x > lambd:
				return x - bias
			}
			return 0
		}
	}, twoUlps)
	return s
}

// preluOf is PRelu-7, -9, -16: x, below zero slope x, where the slope is broadcast to x. Equals
// torch.nn.PReLU.
func preluOf() *Spec {
	return &Spec{
		Type: "PRelu", Since: []int64{1, 6, 7, 9, 16}, Params: []Param{{1, "weight"}},
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if err := sameType(in...); err != nil {
				return nil, err
			}
			if in[0].Ranked && in[1].Ranked {
				wide, err := broadcastShapes(in[0].Shape, in[1].Shape)
				if err != nil {
					return nil, err
				}
				if err := in[0].wantShape("the slope makes it", wide); err != nil {
					return nil, err
				}
			}
			return sameAs(n, in)
		},
		Bound: twoUlps,
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			x, slope := in[0], in[1]
			if x.Type != slope.Type {
				return nil, fmt.Errorf("inputs are %s and %s, want one type", x.Type, slope.Type)
			}
			y, err := NewArray(x.Type, x.Shape...)
			if err != nil {
				return nil, err
			}
			if wide, err := Broadcast(x.Shape, slope.Shape); err != nil || product(wide) != x.Len() {
				return nil, fmt.Errorf("a slope of %v for %v", slope.Shape, x.Shape)
			}
			at := broadcastIndex(slope.Shape, x.Shape)
			for i, v := range x.F {
				if y.F[i] = v; v < 0 {
					y.F[i] = v * slope.F[at(i)]
				}
			}
			for i, v := range x.I {
				if y.I[i] = v; compareInt(v, 0, x.Type) < 0 {
					y.I[i] = wrap(v*slope.I[at(i)], x.Type)
				}
			}
			return []*Array{y}, nil
		},
	}
}
