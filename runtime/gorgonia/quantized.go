package gorgonia

import (
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// quantized computes a QuantizeLinear in floating point, as whole numbers, where nobody but
// DequantizeLinear reads what it makes, and such a DequantizeLinear: as models in QDQ form have them
// around every layer. Scales and zero points are constant numbers.
func (l *lowering[T]) quantized(n *op.Node, in []*value, out *op.Info) (*value, error) {
	scale, ok := number(in[1])
	zero := 0.0
	to := out.Type
	if len(in) > 2 && in[2] != nil {
		z, known := integer(in[2])
		zero, ok, to = z, ok && known, in[2].typ
	}
	lo, hi, limited := op.Limits(to)
	x := l.operand(n.Inputs[0], in[0], fixed(out))
	var o *operand
	switch {
	case !ok:
		return nil, errNoKernel
	case n.OpType == "DequantizeLinear":
		if !in[0].whole {
			return nil, errNoKernel
		}
		o = affine(affine(x, 1, -zero), scale, 0)
	case !limited || !l.onlyDequantized(n.Outputs[0]):
		return nil, errNoKernel
	default:
		o = clampTo(affine(of("Round", of("Div", x, &operand{number: scale}), nil), 1, zero), lo, hi)
	}
	return &value{typ: onnx.Float, shape: fixed(out), needs: in[0].needs, formula: o.formula, label: n.Label(), kind: n.OpType,
		whole: n.OpType == "QuantizeLinear"}, nil
}

// onlyDequantized reports whether all who read a value are DequantizeLinear, and there are some.
func (l *lowering[T]) onlyDequantized(name string) bool {
	uses := l.index.Uses(name)
	for _, u := range uses {
		if u.Node == nil || u.Node.OpType != "DequantizeLinear" {
			return false
		}
	}
	return len(uses) > 0 && !l.outputs[name]
}
