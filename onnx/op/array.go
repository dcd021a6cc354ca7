package op

import (
	"fmt"
	"math"
	"slices"

	"alexctl/onnx"
)

// MaxElements bounds the size of an Array, so that a hostile model cannot ask for
// more memory than any real one needs: 2 GiB in float64.
const MaxElements = 1 << 28

// Array is a tensor under evaluation, in row-major order. Floating-point types
// keep their elements in F, integers and booleans in I (UINT64 as its bits).
type Array struct {
	Type  onnx.DataType
	Shape []int
	F     []float64
	I     []int64
}

// NewArray returns an array of zeros.
func NewArray(t onnx.DataType, shape ...int) (*Array, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return nil, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if d > 0 && n > MaxElements/d {
			return nil, fmt.Errorf("shape %v has more than %d elements", shape, MaxElements)
		}
		n *= d
	}
	a := &Array{Type: t, Shape: slices.Clone(shape)}
	switch {
	case t.IsFloat():
		a.F = make([]float64, n)
	case t.IsInteger() || t == onnx.Bool:
		a.I = make([]int64, n)
	default:
		return nil, fmt.Errorf("elements of type %s cannot be evaluated", t)
	}
	return a, nil
}

// FromTensor returns the elements of t.
func FromTensor(t *onnx.Tensor) (*Array, error) {
	if err := t.Validate(); err != nil { // before allocating what it claims to hold
		return nil, err
	}
	shape := make([]int, len(t.Dims))
	for i, d := range t.Dims {
		shape[i] = int(d)
	}
	a, err := NewArray(t.Type, shape...)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if a.F != nil {
		return a, t.Float64s(a.F, 0)
	}
	return a, t.Int64s(a.I, 0)
}

// Len returns the number of elements.
func (a *Array) Len() int { return product(a.Shape) }

// float reports whether the elements are in F.
func (a *Array) float() bool { return a.Type.IsFloat() }

// reshaped returns the same elements with another shape of the same size.
func (a *Array) reshaped(shape ...int) *Array {
	return &Array{Type: a.Type, Shape: shape, F: a.F, I: a.I}
}

// ints returns the elements of an integer array that lists numbers, such as axes.
func (a *Array) ints() ([]int64, error) {
	if a.float() {
		return nil, fmt.Errorf("a list of numbers is %s, want integers", a.Type)
	}
	return a.I, nil
}

// gather returns an array of the given shape whose element i is a's element at(i).
func (a *Array) gather(shape []int, at func(i int) int) (*Array, error) {
	out, err := NewArray(a.Type, shape...)
	if err != nil {
		return nil, err
	}
	for i := range out.F {
		out.F[i] = a.F[at(i)]
	}
	for i := range out.I {
		out.I[i] = a.I[at(i)]
	}
	return out, nil
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// stridesOf returns how many elements apart neighbours along each axis lie.
func stridesOf(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// wrap reduces v to the range of the integer type t, in two's complement.
func wrap(v int64, t onnx.DataType) int64 {
	switch t {
	case onnx.Int8:
		return int64(int8(v))
	case onnx.Int16:
		return int64(int16(v))
	case onnx.Int32:
		return int64(int32(v))
	case onnx.Uint8:
		return int64(uint8(v))
	case onnx.Uint16:
		return int64(uint16(v))
	case onnx.Uint32:
		return int64(uint32(v))
	case onnx.Bool:
		if v != 0 {
			return 1
		}
	}
	return v
}

// compareInt orders two integers of type t.
func compareInt(a, b int64, t onnx.DataType) int {
	if t == onnx.Uint64 {
		switch x, y := uint64(a), uint64(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// round returns v rounded to the nearest number of the float type t.
func round(v float64, t onnx.DataType) float64 {
	switch t {
	case onnx.Float:
		return float64(float32(v))
	case onnx.Float16:
		return onnx.Float16ToFloat64(onnx.Float16FromFloat64(v))
	case onnx.BFloat16:
		return onnx.BFloat16ToFloat64(onnx.BFloat16FromFloat64(v))
	}
	return v
}

// axisOf returns the axis as an index, counting a negative one from the end.
func axisOf(axis int64, rank int) (int, error) {
	a := axis
	if a < 0 {
		a += int64(rank)
	}
	if a < 0 || a >= int64(rank) {
		return 0, fmt.Errorf("axis %d of a value of rank %d", axis, rank)
	}
	return int(a), nil
}

// axesOf returns the axes as indices, each at most once.
func axesOf(axes []int64, rank int) ([]int, error) {
	if len(axes) > maxRank {
		return nil, fmt.Errorf("%d axes, at most %d are supported", len(axes), maxRank)
	}
	out := make([]int, len(axes))
	for i, x := range axes {
		a, err := axisOf(x, rank)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out[:i], a) {
			return nil, fmt.Errorf("axis %d is named twice", x)
		}
		out[i] = a
	}
	return out, nil
}

// floatToInt converts v to the integer type t, toward zero. What does not fit is
// undefined in ONNX; here it is cut to 64 bits and then wraps to the type.
func floatToInt(v float64, t onnx.DataType) int64 {
	switch {
	case math.IsNaN(v):
		return 0
	case t == onnx.Uint64 && v >= 0x1p63:
		return int64(uint64(min(v, 0x1p64-2048)))
	case v >= 0x1p63:
		return wrap(math.MaxInt64, t)
	case v <= -0x1p63:
		return wrap(math.MinInt64, t)
	}
	return wrap(int64(v), t)
}

func intToFloat(v int64, t onnx.DataType) float64 {
	if t == onnx.Uint64 {
		return float64(uint64(v))
	}
	return float64(v)
}
