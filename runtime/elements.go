package runtime

import (
	"fmt"
	"unsafe"

	"alexctl/onnx"
)

// elements is a slice of one of the Go types that a tensor holds.
type elements interface {
	raw() []byte
	floats() []float64
	ints() []int64
}

// holder makes the slices of one of these Go types.
type holder interface {
	zeros(n int) any
	convert(v []int64) any
	elements(data any) elements // nil if data is another slice
}

// holders has the Go type of each element type. FLOAT16 and BFLOAT16 are held as their bits,
// which New takes for UINT16.
var holders = []struct {
	elem onnx.DataType
	holder
}{
	{onnx.Float, of[float32]{}}, {onnx.Double, of[float64]{}}, {onnx.Bool, ofBool{}},
	{onnx.Int8, of[int8]{}}, {onnx.Int16, of[int16]{}}, {onnx.Int32, of[int32]{}}, {onnx.Int64, of[int64]{}},
	{onnx.Uint8, of[uint8]{}}, {onnx.Uint16, of[uint16]{}}, {onnx.Uint32, of[uint32]{}}, {onnx.Uint64, of[uint64]{}},
	{onnx.Float16, of[uint16]{}}, {onnx.BFloat16, of[uint16]{}},
}

func holderOf(t onnx.DataType) (holder, error) {
	for _, h := range holders {
		if h.elem == t {
			return h, nil
		}
	}
	return nil, fmt.Errorf("a tensor cannot hold elements of type %s", t)
}

// elementsOf returns data as elements, and the type that a tensor of them has; nil if a
// tensor cannot hold data.
func elementsOf(data any) (elements, onnx.DataType) {
	for _, h := range holders {
		if d := h.elements(data); d != nil {
			return d, h.elem
		}
	}
	return nil, 0
}

// Zeros returns the slice that a tensor of type t with n elements holds, all zero.
func Zeros(t onnx.DataType, n int) (any, error) {
	h, err := holderOf(t)
	if err != nil {
		return nil, err
	}
	return h.zeros(n), nil
}

// FromInts returns the values as the slice that a tensor of the integer or BOOL type t holds.
func FromInts(t onnx.DataType, v []int64) (any, error) {
	h, err := holderOf(t)
	if err != nil || t.IsFloat() {
		return nil, fmt.Errorf("%s is not an integer type", t)
	}
	return h.convert(v), nil
}

// FromFloats returns the values as the slice that a tensor of type t, which is floating point,
// holds. DOUBLE shares them.
func FromFloats(t onnx.DataType, v []float64) any {
	switch t {
	case onnx.Double:
		return v
	case onnx.Float16:
		return each(v, onnx.Float16FromFloat64)
	case onnx.BFloat16:
		return each(v, onnx.BFloat16FromFloat64)
	}
	return convert[float64, float32](v)
}

type number interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

type of[T number] struct{}

func (of[T]) zeros(n int) any       { return make([]T, n) }
func (of[T]) convert(v []int64) any { return convert[int64, T](v) }

func (of[T]) elements(data any) elements {
	if d, ok := data.([]T); ok {
		return numbers[T](d)
	}
	return nil
}

type ofBool struct{}

func (ofBool) zeros(n int) any       { return make([]bool, n) }
func (ofBool) convert(v []int64) any { return each(v, func(x int64) bool { return x != 0 }) }

func (ofBool) elements(data any) elements {
	if d, ok := data.([]bool); ok {
		return truths(d)
	}
	return nil
}

// numbers are elements of a numeric type.
type numbers[T number] []T

func (d numbers[T]) raw() []byte       { return rawBytes(d) }
func (d numbers[T]) floats() []float64 { return convert[T, float64](d) }
func (d numbers[T]) ints() []int64     { return convert[T, int64](d) }

// truths are elements of type BOOL: 0 and 1 as numbers.
type truths []bool

func (d truths) raw() []byte       { return rawBytes(d) }
func (d truths) floats() []float64 { return convert[uint8, float64](d.raw()) }
func (d truths) ints() []int64     { return convert[uint8, int64](d.raw()) }

func convert[T, U number](in []T) []U {
	out := make([]U, len(in))
	for i, v := range in {
		out[i] = U(v)
	}
	return out
}

func each[T, U any](in []T, f func(T) U) []U {
	out := make([]U, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func rawBytes[T any](d []T) []byte {
	if len(d) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&d[0])), len(d)*int(unsafe.Sizeof(d[0])))
}
