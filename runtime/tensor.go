package runtime

import (
	"fmt"
	"reflect"
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

// elements is a slice of one of the Go types that a tensor holds.
type elements interface {
	raw() []byte
	floats() []float64
	ints() []int64
}

// numbers are elements of a numeric type.
type numbers[T number] []T

type number interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

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

// elementsOf returns data as elements, and the type that a tensor of them has; nil if a
// tensor cannot hold data.
func elementsOf(data any) (elements, onnx.DataType) {
	switch d := data.(type) {
	case []float32:
		return numbers[float32](d), onnx.Float
	case []float64:
		return numbers[float64](d), onnx.Double
	case []int8:
		return numbers[int8](d), onnx.Int8
	case []int16:
		return numbers[int16](d), onnx.Int16
	case []int32:
		return numbers[int32](d), onnx.Int32
	case []int64:
		return numbers[int64](d), onnx.Int64
	case []uint8:
		return numbers[uint8](d), onnx.Uint8
	case []uint16:
		return numbers[uint16](d), onnx.Uint16
	case []uint32:
		return numbers[uint32](d), onnx.Uint32
	case []uint64:
		return numbers[uint64](d), onnx.Uint64
	case []bool:
		return truths(d), onnx.Bool
	}
	return nil, 0
}

// New returns a tensor over data, whose Go type gives the element type.
func New(shape []int, data any) (*Tensor, error) {
	d, elem := elementsOf(data)
	if d == nil {
		return nil, fmt.Errorf("a tensor cannot hold %T", data)
	}
	n, want := reflect.ValueOf(data).Len(), 1
	for _, d := range shape {
		want *= d
	}
	if n != want {
		return nil, fmt.Errorf("%d elements, shape %v needs %d", n, shape, want)
	}
	return &Tensor{Type: elem, Shape: shape, Data: data}, nil
}

// String returns the type and shape as FLOAT[1 3 227 227].
func (t *Tensor) String() string { return fmt.Sprintf("%s%v", t.Type, t.Shape) }

// Float64s returns the elements of a numeric tensor in float64: the tensor's own
// slice if it is one, otherwise a new one. INT64 and UINT64 may lose precision.
func (t *Tensor) Float64s() ([]float64, error) {
	switch d := t.Data.(type) {
	case []float64:
		return d, nil
	case []uint16:
		if decode := halves[t.Type]; decode != nil {
			out := make([]float64, len(d))
			for i, v := range d {
				out[i] = decode(v)
			}
			return out, nil
		}
	}
	if d, _ := elementsOf(t.Data); d != nil {
		return d.floats(), nil
	}
	return nil, fmt.Errorf("a tensor of %T has no numbers", t.Data)
}

// halves decode the types whose elements are the bits of a floating-point number.
var halves = map[onnx.DataType]func(uint16) float64{onnx.Float16: onnx.Float16ToFloat64, onnx.BFloat16: onnx.BFloat16ToFloat64}

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
	if d, _ := elementsOf(t.Data); d != nil {
		return d.raw()
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
		return convert[int64, int8](v), nil
	case onnx.Int16:
		return convert[int64, int16](v), nil
	case onnx.Int32:
		return convert[int64, int32](v), nil
	case onnx.Int64:
		return slices.Clone(v), nil
	case onnx.Uint8:
		return convert[int64, uint8](v), nil
	case onnx.Uint16:
		return convert[int64, uint16](v), nil
	case onnx.Uint32:
		return convert[int64, uint32](v), nil
	case onnx.Uint64:
		return convert[int64, uint64](v), nil
	case onnx.Bool:
		out := make([]bool, len(v))
		for i, x := range v {
			out[i] = x != 0
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s is not an integer type", t)
}

// Ints returns the elements of an integer or BOOL tensor; UINT64 keeps its bits.
func (t *Tensor) Ints() ([]int64, error) {
	if d, ok := t.Data.([]int64); ok {
		return d, nil
	}
	if d, elem := elementsOf(t.Data); d != nil && !t.Type.IsFloat() && !elem.IsFloat() {
		return d.ints(), nil
	}
	return nil, fmt.Errorf("%s is not an integer tensor", t)
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
	return convert[float64, float32](v)
}
