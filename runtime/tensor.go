package runtime

import (
	"fmt"
	"reflect"

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
			return each(d, decode), nil
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
	if t.Type == onnx.Bool { // a file may hold more than 0 and 1
		d := make([]int64, n)
		if err := t.Int64s(d, 0); err != nil {
			return nil, err
		}
		out.Data, err = FromInts(t.Type, d)
		return out, err
	}
	if out.Data, err = Zeros(t.Type, int(n)); err != nil {
		return nil, err
	}
	return out, t.ReadRaw(out.Raw(), 0)
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
