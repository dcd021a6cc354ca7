package op

import (
	"fmt"
	"math"

	"alexctl/onnx"
)

// Limits returns the smallest and the largest number of an integer type of up to 32 bits.
func Limits(t onnx.DataType) (lo, hi float64, ok bool) {
	switch t {
	case onnx.Int8:
		return math.MinInt8, math.MaxInt8, true
	case onnx.Uint8:
		return 0, math.MaxUint8, true
	case onnx.Int16:
		return math.MinInt16, math.MaxInt16, true
	case onnx.Uint16:
		return 0, math.MaxUint16, true
	case onnx.Int32:
		return math.MinInt32, math.MaxInt32, true
	}
	return 0, 0, false
}

// quantized returns v in units of scale, to the nearest whole number (of two the even one), from
// zero on, and at the ends of the type where it is beyond them.
func quantized(v, scale, zero float64, t onnx.DataType) int64 {
	lo, hi, _ := Limits(t)
	q := math.RoundToEven(v/scale) + zero
	if q != q { //nolint:gocritic // NaN
		return int64(zero)
	}
	return int64(math.Max(lo, math.Min(hi, q)))
}

// tied reports whether v in units of scale lies so near to the middle of two whole numbers that an
// engine's rounding may take the other one: its quotient is right to so many units.
func tied(v, scale float64, units float64) bool {
	q := v / scale
	_, part := math.Modf(math.Abs(q))
	return math.Abs(part-0.5) <= units*0x1p-24*(math.Abs(q)+1)
}

// perAxis returns, for each element of a value, which element of a scale or a zero point is its
// own: the only one, that of its place along the axis, or that of its block along it.
func perAxis(n *Node, shape []int, scale *Array) (func(i int) int, error) {
	if scale.Len() == 1 && len(scale.Shape) <= 1 {
		return func(int) int { return 0 }, nil
	}
	axis, err := axisOf(n.Int("axis"), len(shape))
	if err != nil {
		return nil, err
	}
	inner := product(shape[axis+1:])
	size := shape[axis]
	block := int(n.Int("block_size"))
	if block <= 0 {
		if len(scale.Shape) != 1 || scale.Len() != size {
			return nil, fmt.Errorf("the scale is %v for a value %v: want one, or %d along axis %d", scale.Shape, shape, size, axis)
		}
		return func(i int) int { return i / inner % size }, nil
	}
	blocks := (size + block - 1) / block
	if len(scale.Shape) != len(shape) || scale.Shape[axis] != blocks || scale.Len() != product(shape)/max(size, 1)*blocks {
		return nil, fmt.Errorf("the scale is %v for a value %v in blocks of %d along axis %d", scale.Shape, shape, block, axis)
	}
	return func(i int) int { return (i/inner/size*blocks+i/inner%size/block)*inner + i%inner }, nil
}

// zeroAt returns an element of a zero point, 0 where there is none.
func zeroAt(zero *Array, i int) float64 {
	if zero == nil {
		return 0
	}
	return float64(zero.I[i])
}

// optional returns an input that may be left out.
func optional[T any](in []*T, i int) *T {
	if i >= len(in) {
		return nil
	}
	return in[i]
}

// quantization is what QuantizeLinear and DequantizeLinear read besides the value: by element of it, which
// element of the scale and of the zero point, which may be nil, is its own.
type quantization struct {
	scale, zero *Array
	at          func(i int) int
}

func quantizationOf(n *Node, in []*Array) (*quantization, error) {
	q := &quantization{scale: in[1], zero: optional(in, 2)}
	var err error
	if q.at, err = perAxis(n, in[0].Shape, q.scale); err != nil {
		return nil, err
	}
	if q.zero != nil && q.zero.Len() != q.scale.Len() {
		return nil, fmt.Errorf("the scale is %v and the zero point %v", q.scale.Shape, q.zero.Shape)
	}
	return q, nil
}

// of returns the scale and the zero point of element i.
func (q *quantization) of(i int) (scale, zero float64) {
	return q.scale.F[q.at(i)], zeroAt(q.zero, q.at(i))
}

// quantizedType is the type that a QuantizeLinear makes: its zero point's, given where there is one, or the
// one that is asked for.
func quantizedType(n *Node, zero onnx.DataType) onnx.DataType {
	to := onnx.DataType(n.Int("output_dtype"))
	switch {
	case zero != onnx.Undefined:
		return zero
	case to != onnx.Undefined:
		return to
	}
	return onnx.Uint8
}

// quantizeLinear is QuantizeLinear-10, -13, -19, -21, -23, -24: x / y_scale to the nearest whole number,
// plus y_zero_point, at the ends of the integer type where it is beyond them. Equals
// torch.quantize_per_tensor and quantize_per_channel.
func quantizeLinear() *Spec {
	return &Spec{
		Type: "QuantizeLinear", Since: []int64{10, 13, 19, 21, 23, 24, 25},
		Inputs: Arity{2, 3}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("axis", 1).since(13), intAttr("saturate", 1).since(19), intAttr("block_size", 0).since(21),
			intAttr("output_dtype", 0).since(21), intAttr("precision", 0).since(23)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			zero := onnx.Undefined
			if z := optional(in, 2); z != nil {
				zero = z.Type
			}
			to := quantizedType(n, zero)
			if _, _, ok := Limits(to); !ok {
				return nil, n.unsupported("quantization to %s is not supported", to)
			}
			out, err := sameAs(n, in)
			out[0].Type = to
			return out, err
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			q, err := quantizationOf(n, in)
			if err != nil {
				return nil, err
			}
			zero := onnx.Undefined
			if q.zero != nil {
				zero = q.zero.Type
			}
			y, err := NewArray(quantizedType(n, zero), x.Shape...)
			if err != nil {
				return nil, err
			}
			for i := range y.I {
				scale, zero := q.of(i)
				y.I[i] = quantized(x.number(i), scale, zero, y.Type)
			}
			return []*Array{y}, nil
		},
		Undefined: func(n *Node, in []*Array) []bool {
			at, err := perAxis(n, in[0].Shape, in[1])
			if err != nil {
				return nil
			}
			return anyOf(in[0].Len(), func(i int) bool { return tied(in[0].number(i), in[1].F[at(i)], 4) })
		},
	}
}

// anyOf returns for which of n elements f holds, nil for none.
func anyOf(n int, f func(i int) bool) []bool {
	var out []bool
	for i := range n {
		if f(i) {
			if out == nil {
				out = make([]bool, n)
			}
			out[i] = true
		}
	}
	return out
}

// dequantizeLinear is DequantizeLinear-10, -13, -19, -21, -23, -24: (x - x_zero_point) x_scale.
func dequantizeLinear() *Spec {
	return &Spec{
		Type: "DequantizeLinear", Since: []int64{10, 13, 19, 21, 23, 24, 25},
		Inputs: Arity{2, 3}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("axis", 1).since(13), intAttr("block_size", 0).since(21), intAttr("output_dtype", 0).since(23)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if _, _, ok := Limits(in[0].Type); !ok {
				return nil, n.unsupported("quantized values of type %s are not supported", in[0].Type)
			}
			out, err := sameAs(n, in)
			out[0].Type = in[1].Type
			if to := onnx.DataType(n.Int("output_dtype")); to != onnx.Undefined {
				out[0].Type = to
			}
			return out, err
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			q, err := quantizationOf(n, in)
			if err != nil {
				return nil, err
			}
			to := q.scale.Type
			if t := onnx.DataType(n.Int("output_dtype")); t != onnx.Undefined {
				to = t
			}
			y, err := NewArray(to, x.Shape...)
			if err != nil {
				return nil, err
			}
			for i := range y.F {
				scale, zero := q.of(i)
				y.F[i] = (x.number(i) - zero) * scale
			}
			return []*Array{y}, nil
		},
		Bound: twoUlps,
	}
}

// dynamicQuantizeLinear is DynamicQuantizeLinear-11: x in 256 steps from its smallest to its largest
// element, or zero; with the step and the place of zero as further outputs.
func dynamicQuantizeLinear() *Spec {
	steps := func(x *Array) (scale, zero float64) {
		lo, hi := 0.0, 0.0
		for _, v := range x.F {
			lo, hi = math.Min(lo, v), math.Max(hi, v)
		}
		scale = float64(float32((hi - lo) / 255))
		if scale == 0 {
			return 1, 0 // nothing but zeros
		}
		return scale, math.Max(0, math.Min(255, math.RoundToEven(-lo/scale)))
	}
	return &Spec{
		Type: "DynamicQuantizeLinear", Since: []int64{11}, FloatOnly: true,
		Inputs: Arity{1, 1}, Outputs: Arity{3, 3},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			out, err := sameAs(n, in)
			out[0].Type = onnx.Uint8
			return append(out, &Info{Type: onnx.Float, Ranked: true}, &Info{Type: onnx.Uint8, Ranked: true}), err
		},
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			y, err := NewArray(onnx.Uint8, in[0].Shape...)
			if err != nil {
				return nil, err
			}
			scale, zero := steps(in[0])
			for i, v := range in[0].F {
				y.I[i] = quantized(v, scale, zero, onnx.Uint8)
			}
			return []*Array{y, {Type: onnx.Float, Shape: []int{}, F: []float64{scale}}, {Type: onnx.Uint8, Shape: []int{}, I: []int64{int64(zero)}}}, nil
		},
		Undefined: func(_ *Node, in []*Array) []bool {
			scale, _ := steps(in[0])
			return anyOf(in[0].Len(), func(i int) bool { return tied(in[0].F[i], scale, 8) })
		},
		BoundRest: func(_ *Node, _, out []*Array, _ Rounding) [][]float64 {
			return [][]float64{{4 * 0x1p-24 * math.Abs(out[1].F[0])}, nil}
		},
	}
}
