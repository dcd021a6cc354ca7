package op

import (
	"fmt"

	"alexctl/onnx"
)

// lessZero returns a quantized value without its zero point, in float64, which holds it exactly: one
// zero point, or one for each place along an axis of its own.
func lessZero(x, zero *Array, axis int) (*Array, error) {
	y, err := NewArray(onnx.Double, x.Shape...)
	if err != nil {
		return nil, err
	}
	for i, v := range x.I {
		y.F[i] = float64(v)
	}
	switch {
	case zero == nil:
	case zero.Len() == 1:
		for i := range y.F {
			y.F[i] -= float64(zero.I[0])
		}
	case axis >= 0 && axis < len(x.Shape) && zero.Len() == x.Shape[axis]:
		inner := product(x.Shape[axis+1:])
		for i := range y.F {
			y.F[i] -= float64(zero.I[i/inner%x.Shape[axis]])
		}
	default:
		return nil, fmt.Errorf("the zero point is %v for a value %v", zero.Shape, x.Shape)
	}
	return y, nil
}

// whole returns sums of products as INT32.
func whole(x *Array) (*Array, error) {
	y, err := NewArray(onnx.Int32, x.Shape...)
	if err != nil {
		return nil, err
	}
	for i, v := range x.F {
		y.I[i] = wrap(int64(v), onnx.Int32)
	}
	return y, nil
}

// asFloats returns what is known of values as if they were floating point, for shape rules.
func asFloats(in ...*Info) []*Info {
	out := make([]*Info, len(in))
	for i, x := range in {
		if x != nil {
			out[i] = &Info{Type: onnx.Float, Ranked: x.Ranked, Shape: x.Shape}
		}
	}
	return out
}

func convMACs(at int) func(n *Node, in, out []*Info) int64 {
	return func(n *Node, in, out []*Info) int64 { return conv().MACs(n, []*Info{in[0], in[at]}, out) }
}

// convInteger is ConvInteger-10: Conv of x and w less their zero points, exactly, in INT32.
func convInteger() *Spec {
	return &Spec{
		Type: "ConvInteger", Since: []int64{10}, Heavy: true, ChannelsFirst: true,
		Inputs: Arity{2, 4}, Outputs: Arity{1, 1},
		Attrs:  append(windowAttrs(), intsAttr("dilations"), intAttr("group", 1)),
		Params: []Param{{1, "weight"}},
		MACs:   convMACs(1),
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			out, err := inferConv(n, asFloats(in[:2]...))
			if err == nil {
				out[0].Type = onnx.Int32
			}
			return out, err
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			sums, err := integerConv(n, in[0], in[1], optional(in, 2), optional(in, 3), nil)
			if err != nil {
				return nil, err
			}
			y, err := whole(sums)
			return []*Array{y}, err
		},
	}
}

// integerConv returns the sums of a convolution of quantized values.
func integerConv(n *Node, x, w, xZero, wZero, bias *Array) (*Array, error) {
	a, err := lessZero(x, xZero, -1)
	if err != nil {
		return nil, err
	}
	b, err := lessZero(w, wZero, 0)
	if err != nil {
		return nil, err
	}
	in := []*Array{a, b}
	if bias != nil {
		c, err := lessZero(bias, nil, -1)
		if err != nil {
			return nil, err
		}
		in = append(in, c)
	}
	out, err := evalConv(n, in)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// requantizing is what QLinearConv and QLinearMatMul have in common: sums, what one of them is worth
// by element, and the scale and zero point of the output.
type requantizing struct {
	sums        *Array
	worth       func(i int) float64
	scale, zero *Array
}

func (q *requantizing) eval() ([]*Array, error) {
	y, err := NewArray(q.zero.Type, q.sums.Shape...)
	if err != nil {
		return nil, err
	}
	for i, v := range q.sums.F {
		y.I[i] = quantized(v*q.worth(i), q.scale.F[0], float64(q.zero.I[0]), q.zero.Type)
	}
	return []*Array{y}, nil
}

// undefined finds results that rounding may move by one: engines multiply by a scale that they have
// rounded several times.
func (q *requantizing) undefined() []bool {
	return anyOf(q.sums.Len(), func(i int) bool { return tied(q.sums.F[i]*q.worth(i), q.scale.F[0], 8) })
}

// requantized is an operator of that kind.
func requantized(s *Spec, of func(n *Node, in []*Array) (*requantizing, error)) *Spec {
	s.Eval = func(n *Node, in []*Array) ([]*Array, error) {
		q, err := of(n, in)
		if err != nil {
			return nil, err
		}
		if q.scale.Len() != 1 || q.zero.Len() != 1 {
			return nil, fmt.Errorf("the output's scale is %v and its zero point %v: want one number", q.scale.Shape, q.zero.Shape)
		}
		return q.eval()
	}
	s.Undefined = func(n *Node, in []*Array) []bool {
		q, err := of(n, in)
		if err != nil {
			return nil
		}
		return q.undefined()
	}
	return s
}

// qLinearConv is QLinearConv-10: ConvInteger with a bias in units of x_scale w_scale, whose result is
// quantized with y_scale and y_zero_point.
func qLinearConv() *Spec {
	return requantized(&Spec{
		Type: "QLinearConv", Since: []int64{10}, Heavy: true, ChannelsFirst: true,
		Inputs: Arity{8, 9}, Outputs: Arity{1, 1},
		Attrs:  append(windowAttrs(), intsAttr("dilations"), intAttr("group", 1)),
		Params: []Param{{3, "weight"}, {8, "bias"}},
		MACs:   convMACs(3),
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			list := []*Info{in[0], in[3]}
			if b := optional(in, 8); b != nil {
				list = append(list, b)
			}
			out, err := inferConv(n, asFloats(list...))
			if err == nil {
				out[0].Type = in[7].Type
			}
			return out, err
		},
	}, func(n *Node, in []*Array) (*requantizing, error) {
		sums, err := integerConv(n, in[0], in[3], in[2], in[5], optional(in, 8))
		if err != nil {
			return nil, err
		}
		x, w := in[1], in[4]
		m, inner := sums.Shape[1], product(sums.Shape[2:])
		if x.Len() != 1 || w.Len() != 1 && w.Len() != m {
			return nil, fmt.Errorf("the scales are %v and %v: want one, and one or one for each of %d channels", x.Shape, w.Shape, m)
		}
		return &requantizing{sums, func(i int) float64 { return x.F[0] * w.F[i/inner%m%w.Len()] }, in[6], in[7]}, nil
	})
}

// integerProduct returns the sums of a product of quantized matrices: zero points are one, one for
// each row of the left or for each column of the right one.
func integerProduct(n *Node, a, b, aZero, bZero *Array) (*Array, error) {
	left, err := lessZero(a, aZero, len(a.Shape)-2)
	if err != nil {
		return nil, err
	}
	right, err := lessZero(b, bZero, len(b.Shape)-1)
	if err != nil {
		return nil, err
	}
	out, err := evalMatMul(n, []*Array{left, right})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// matMulInteger is MatMulInteger-10: MatMul of A and B less their zero points, exactly, in INT32.
func matMulInteger() *Spec {
	return &Spec{
		Type: "MatMulInteger", Since: []int64{10}, Heavy: true,
		Inputs: Arity{2, 4}, Outputs: Arity{1, 1},
		Params: []Param{{1, "weight"}},
		MACs:   matMul().MACs,
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			out, err := inferMatMul(n, asFloats(in[:2]...))
			if err == nil {
				out[0].Type = onnx.Int32
			}
			return out, err
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			sums, err := integerProduct(n, in[0], in[1], optional(in, 2), optional(in, 3))
			if err != nil {
				return nil, err
			}
			y, err := whole(sums)
			return []*Array{y}, err
		},
	}
}

// qLinearMatMul is QLinearMatMul-10, -21: MatMulInteger whose result is quantized with y_scale and
// y_zero_point.
func qLinearMatMul() *Spec {
	return requantized(&Spec{
		Type: "QLinearMatMul", Since: []int64{10, 21}, Heavy: true,
		Inputs: Arity{8, 8}, Outputs: Arity{1, 1},
		Params: []Param{{3, "weight"}},
		MACs:   func(n *Node, in, out []*Info) int64 { return matMul().MACs(n, []*Info{in[0], in[3]}, out) },
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			out, err := inferMatMul(n, asFloats(in[0], in[3]))
			if err == nil {
				out[0].Type = in[7].Type
			}
			return out, err
		},
	}, func(n *Node, in []*Array) (*requantizing, error) {
		sums, err := integerProduct(n, in[0], in[3], in[2], in[5])
		if err != nil {
			return nil, err
		}
		rows, columns := 1, 1
		if r := len(sums.Shape); r > 0 && len(in[3].Shape) > 1 {
			columns = sums.Shape[r-1]
		}
		if len(in[0].Shape) > 1 {
			rows = in[0].Shape[len(in[0].Shape)-2]
		}
		a, b := in[1], in[4]
		if a.Len() != 1 && a.Len() != rows || b.Len() != 1 && b.Len() != columns {
			return nil, fmt.Errorf("the scales are %v and %v for products of %v and %v", a.Shape, b.Shape, in[0].Shape, in[3].Shape)
		}
		return &requantizing{sums, func(i int) float64 { return a.F[i/columns%rows%a.Len()] * b.F[i%columns%b.Len()] }, in[6], in[7]}, nil
	})
}
