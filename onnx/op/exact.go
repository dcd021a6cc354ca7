package op

import (
	"fmt"
	"math"

	"alexctl/onnx"
)

// exact returns the Spec of an operator that maps each number to one that every engine makes
// alike: onFloat for floating point, onInt for integers, nil where the operator has none.
func exact(name string, since []int64, onFloat func(float64) float64, onInt func(v int64, t onnx.DataType) int64) *Spec {
	return &Spec{
		Type: name, Since: since, FloatOnly: onInt == nil,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Infer: sameAs,
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			if !x.float() && onInt == nil {
				return nil, fmt.Errorf("input is %s, want floating point", x.Type)
			}
			y, err := NewArray(x.Type, x.Shape...)
			if err != nil {
				return nil, err
			}
			for i, v := range x.F {
				y.F[i] = onFloat(v)
			}
			for i, v := range x.I {
				y.I[i] = wrap(onInt(v, x.Type), x.Type)
			}
			return []*Array{y}, nil
		},
	}
}

// absolute is Abs-6, -13: |x|; of the smallest integer of a type it is itself.
func absolute() *Spec {
	s := exact("Abs", []int64{1, 6, 13}, math.Abs, func(v int64, t onnx.DataType) int64 {
		if v < 0 && t != onnx.Uint64 {
			return -v
		}
		return v
	})
	s.NonNegative = true
	return s
}

// negate is Neg-6, -13: -x.
func negate() *Spec {
	return exact("Neg", []int64{1, 6, 13}, func(v float64) float64 { return -v }, func(v int64, _ onnx.DataType) int64 { return -v })
}

// sign is Sign-9, -13: -1, 0 or 1. Equals torch.sign.
func sign() *Spec {
	return exact("Sign", []int64{9, 13}, func(v float64) float64 {
		switch {
		case v > 0:
			return 1
		case v < 0:
			return -1
		}
		return v * 0 // NaN stays
	}, func(v int64, t onnx.DataType) int64 { return int64(compareInt(v, 0, t)) })
}

// floor is Floor-6, -13: the largest whole number that is not above x.
func floor() *Spec { return exact("Floor", []int64{1, 6, 13}, math.Floor, nil) }

// ceil is Ceil-6, -13: the smallest whole number that is not below x.
func ceil() *Spec { return exact("Ceil", []int64{1, 6, 13}, math.Ceil, nil) }

// roundEven is Round-11, -22: the nearest whole number, of two the even one. Equals torch.round.
func roundEven() *Spec { return exact("Round", []int64{11, 22}, math.RoundToEven, nil) }

// thresholdedRelu is ThresholdedRelu-10, -22: x where it is above alpha, otherwise 0.
func thresholdedRelu() *Spec {
	s := exact("ThresholdedRelu", []int64{1, 10, 22}, nil, nil)
	s.Attrs = []Attr{floatAttr("alpha", 1)}
	s.Eval = func(n *Node, in []*Array) ([]*Array, error) {
		alpha := n.Float("alpha")
		return mapped(in[0], func(v float64) float64 {
			if v > alpha || v != v {
				return v
			}
			return 0
		})
	}
	return s
}

// not is Not-1: the other truth value.
func not() *Spec {
	s := exact("Not", []int64{1}, nil, func(v int64, _ onnx.DataType) int64 { return 1 - v })
	s.Infer = ofTruths(s.Infer)
	return s
}

// mapped applies f to each element of a floating-point array.
func mapped(x *Array, f func(float64) float64) ([]*Array, error) {
	if !x.float() {
		return nil, fmt.Errorf("input is %s, want floating point", x.Type)
	}
	y, err := NewArray(x.Type, x.Shape...)
	if err != nil {
		return nil, err
	}
	for i, v := range x.F {
		y.F[i] = f(v)
	}
	return []*Array{y}, nil
}
