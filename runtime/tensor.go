package runtime

import (
	"fmt"
	"slices"
	"unsafe"

	"alexctl/onnx"
)

// Tensors are named values.
type Tensors map[string]*Tensor

// Tensor is a value in row-major order. Data is a slice of the Go type of its
// elements: []float32 for FLOAT, []float64 for DOUBLE, []uint16 for FLOAT16 and
// BFLOAT16 (the bits), []bool for BOOL, []int64 for INT64 and so on.
type Tensor struct {
	Type  onnx.DataType
	Shape []int
	Data  any
}

// New returns a tensor over data, whose Go type gives the element type.
func New(shape []int, data any) (*Tensor, error) {
	t := &Tensor{Shape: shape, Data: data}
	n := 0
	switch d := data.(type) {
	case []float32:
		t.Type, n = onnx.Float, len(d)
	case []float64:
		t.Type, n = onnx.Double, len(d)
	case []int8:
		t.Type, n = onnx.Int8, len(d)
	case []int16:
		t.Type, n = onnx.Int16, len(d)
	case []int32:
		t.Type, n = onnx.Int32, len(d)
	case []int64:
		t.Type, n = onnx.Int64, len(d)
	case []uint8:
		t.Type, n = onnx.Uint8, len(d)
	case []uint16:
		t.Type, n = onnx.Uint16, len(d)
	case []uint32:
		t.Type, n = onnx.Uint32, len(d)
	case []uint64:
		t.Type, n = onnx.Uint64, len(d)
	case []bool:
		t.Type, n = onnx.Bool, len(d)
	default:
		return nil, fmt.Errorf("a tensor cannot hold %T", data)
	}
	want := 1
	for _, d := range shape {
		want *= d
	}
	if n != want {
		return nil, fmt.Errorf("%d elements, shape %v needs %d", n, shape, want)
	}
	return t, nil
}

// String returns the type and shape as FLOAT[1 3 227 227].
func (t *Tensor) String() string { return fmt.Sprintf("%s%v", t.Type, t.Shape) }

// Float64s returns the elements of a numeric tensor in float64: the tensor's own
// slice if it is one, otherwise a new one. INT64 and UINT64 may lose precision.
func (t *Tensor) Float64s() ([]float64, error) {
	switch d := t.Data.(type) {
	case []float64:
		return d, nil
	case []float32:
		return widen(d), nil
	case []int8:
		return widen(d), nil
	case []int16:
		return widen(d), nil
	case []int32:
		return widen(d), nil
	case []int64:
		return widen(d), nil
	case []uint8:
		return widen(d), nil
	case []uint16:
		switch t.Type {
		case onnx.Float16:
			return convert(d, onnx.Float16ToFloat64), nil
		case onnx.BFloat16:
			return convert(d, onnx.BFloat16ToFloat64), nil
		}
		return widen(d), nil
	case []uint32:
		return widen(d), nil
	case []uint64:
		return widen(d), nil
	case []bool:
		return convert(d, func(b bool) float64 {
			if b {
				return 1
			}
			return 0
		}), nil
	}
	return nil, fmt.Errorf("a tensor of %T has no numbers", t.Data)
}

type number interface {
	~float32 | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

func widen[T number](in []T) []float64 {
	return convert(in, func(v T) float64 { return float64(v) })
}

func convert[T any](in []T, f func(T) float64) []float64 {
	out := make([]float64, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

// FromONNX copies a tensor of a model or a test data set.
func FromONNX(t *onnx.Tensor) (*Tensor, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	n, err := t.Len()
	if err != nil {
		return nil, err
	}
	out := &Tensor{Type: t.Type, Shape: make([]int, len(t.Dims))}
	for i, d := range t.Dims {
		out.Shape[i] = int(d)
	}
	switch t.Type {
	case onnx.Float:
		d := make([]float32, n)
		out.Data, err = d, t.Float32s(d, 0)
	case onnx.Double:
		d := make([]float64, n)
		out.Data, err = d, t.Float64s(d, 0)
	case onnx.Float16, onnx.BFloat16:
		raw := make([]byte, 2*n)
		err = t.ReadRaw(raw, 0)
		d := make([]uint16, n)
		for i := range d {
			d[i] = uint16(raw[2*i]) | uint16(raw[2*i+1])<<8
		}
		out.Data = d
	default:
		d := make([]int64, n)
		if err = t.Int64s(d, 0); err == nil {
			out.Data, err = FromInts(t.Type, d)
		}
	}
	return out, err
}

// ToONNX returns the tensor under a name, over the same memory.
func (t *Tensor) ToONNX(name string) (*onnx.Tensor, error) {
	dims := make([]int64, len(t.Shape))
	for i, d := range t.Shape {
		dims[i] = int64(d)
	}
	return onnx.FromBytes(name, t.Type, dims, t.Raw())
}

// Raw returns the memory of the elements, in the processor's byte order: little-endian on
// every system that alexctl runs on.
func (t *Tensor) Raw() []byte {
	switch d := t.Data.(type) {
	case []float32:
		return rawBytes(d)
	case []float64:
		return rawBytes(d)
	case []int8:
		return rawBytes(d)
	case []int16:
		return rawBytes(d)
	case []int32:
		return rawBytes(d)
	case []int64:
		return rawBytes(d)
	case []uint8:
		return d
	case []uint16:
		return rawBytes(d)
	case []uint32:
		return rawBytes(d)
	case []uint64:
		return rawBytes(d)
	case []bool:
		return rawBytes(d)
	}
	return nil
}

func rawBytes[T any](d []T) []byte {
	if len(d) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&d[0])), len(d)*int(unsafe.Sizeof(d[0])))
}

// FromInts returns the slice that a Tensor of the integer or BOOL type t holds.
func FromInts(t onnx.DataType, v []int64) (any, error) {
	switch t {
	case onnx.Int8:
		return narrow[int8](v), nil
	case onnx.Int16:
		return narrow[int16](v), nil
	case onnx.Int32:
		return narrow[int32](v), nil
	case onnx.Int64:
		return slices.Clone(v), nil
	case onnx.Uint8:
		return narrow[uint8](v), nil
	case onnx.Uint16:
		return narrow[uint16](v), nil
	case onnx.Uint32:
		return narrow[uint32](v), nil
	case onnx.Uint64:
		return narrow[uint64](v), nil
	case onnx.Bool:
		out := make([]bool, len(v))
		for i, x := range v {
			out[i] = x != 0
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s is not an integer type", t)
}

func narrow[T int8 | int16 | int32 | uint8 | uint16 | uint32 | uint64](v []int64) []T {
	out := make([]T, len(v))
	for i, x := range v {
		out[i] = T(x)
	}
	return out
}

// Ints returns the elements of an integer or BOOL tensor; UINT64 keeps its bits.
func (t *Tensor) Ints() ([]int64, error) {
	switch d := t.Data.(type) {
	case []int8:
		return wide(d), nil
	case []int16:
		return wide(d), nil
	case []int32:
		return wide(d), nil
	case []int64:
		return d, nil
	case []uint8:
		return wide(d), nil
	case []uint16:
		if t.Type == onnx.Uint16 {
			return wide(d), nil
		}
	case []uint32:
		return wide(d), nil
	case []uint64:
		return wide(d), nil
	case []bool:
		out := make([]int64, len(d))
		for i, b := range d {
			if b {
				out[i] = 1
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s is not an integer tensor", t)
}

func wide[T int8 | int16 | int32 | uint8 | uint16 | uint32 | uint64](v []T) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

// FromFloats returns the values as the slice that a tensor of type t, which is floating point,
// holds. DOUBLE shares them.
func FromFloats(t onnx.DataType, v []float64) any {
	switch t {
	case onnx.Double:
		return v
	case onnx.Float16, onnx.BFloat16:
		out := make([]uint16, len(v))
		for i, x := range v {
			if t == onnx.Float16 {
				out[i] = onnx.Float16FromFloat64(x)
			} else {
				out[i] = onnx.BFloat16FromFloat64(x)
			}
		}
		return out
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}
