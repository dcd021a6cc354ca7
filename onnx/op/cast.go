package op

import (
	"fmt"
	"math"

	"alexctl/onnx"
)

// cast is Cast-6, -9, -13, -19, -21 between numbers and booleans. A float type is
// rounded to when the source is wider or an integer; integers are cut toward zero
// and wrap.
func cast() *Spec {
	return &Spec{
		Type: "Cast", Since: []int64{1, 6, 9, 13, 19, 21}, InOrder: true,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("to", 0).required(), intAttr("saturate", 1).since(19), {Name: "round_mode", Kind: onnx.AttrString, Default: "up", From: 24}},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			to := onnx.DataType(n.Int("to"))
			if !to.Valid() {
				return nil, fmt.Errorf("attribute to is %d, which is not an element type", n.Int("to"))
			}
			out, err := sameAs(n, in)
			out[0].Type = to
			if to == onnx.Int64 && in[0].Type == onnx.Int64 { // keeps symbols
				out[0].Const, out[0].partial = in[0].Const, in[0].partial
			}
			return out, err
		},
		Undefined: undefinedCast,
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			to := onnx.DataType(n.Int("to"))
			y, err := NewArray(to, x.Shape...)
			if err != nil {
				return nil, err
			}
			narrower := !x.float() || to.Bits() < x.Type.Bits() || to != x.Type && to.Bits() == x.Type.Bits()
			for i := range y.F {
				y.F[i] = x.number(i)
				if narrower {
					y.F[i] = round(y.F[i], to)
				}
			}
			for i := range y.I {
				switch {
				case to == onnx.Bool:
					if v := x.number(i); v != 0 || math.IsNaN(v) {
						y.I[i] = 1
					}
				case x.float():
					y.I[i] = floatToInt(x.F[i], to)
				default:
					y.I[i] = wrap(x.I[i], to)
				}
			}
			return []*Array{y}, nil
		},
	}
}

// undefinedCast finds numbers that an integer type does not hold.
func undefinedCast(n *Node, in []*Array) []bool {
	x, to := in[0], onnx.DataType(n.Int("to"))
	if !x.float() || !to.IsInteger() {
		return nil
	}
	var out []bool
	for i, v := range x.F {
		if v = math.Trunc(v); v-v == 0 && intToFloat(floatToInt(v, to), to) == v {
			continue
		}
		if out == nil {
			out = make([]bool, len(x.F))
		}
		out[i] = true
	}
	return out
}
