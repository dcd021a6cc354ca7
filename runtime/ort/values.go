//go:build cgo

package ort

import (
	"errors"
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// values are the ONNX Runtime values of one call, to be destroyed at its end.
type values struct {
	all     []ort.Value
	results []func() // copy the results of scalar outputs into their tensors
}

func (v *values) keep(x ort.Value) {
	if x != nil {
		v.all = append(v.all, x)
	}
}

func (v *values) destroy() error {
	var errs []error
	for _, x := range v.all {
		errs = append(errs, x.Destroy())
	}
	return errors.Join(errs...)
}

// finish copies scalar results, which the binding keeps apart from our slices.
func (v *values) finish() {
	for _, f := range v.results {
		f()
	}
}

// elementTypes maps ONNX's element types to ONNX Runtime's.
var elementTypes = map[onnx.DataType]ort.TensorElementDataType{
	onnx.Float:    ort.TensorElementDataTypeFloat,
	onnx.Double:   ort.TensorElementDataTypeDouble,
	onnx.Float16:  ort.TensorElementDataTypeFloat16,
	onnx.BFloat16: ort.TensorElementDataTypeBFloat16,
	onnx.Int8:     ort.TensorElementDataTypeInt8,
	onnx.Int16:    ort.TensorElementDataTypeInt16,
	onnx.Int32:    ort.TensorElementDataTypeInt32,
	onnx.Int64:    ort.TensorElementDataTypeInt64,
	onnx.Uint8:    ort.TensorElementDataTypeUint8,
	onnx.Uint16:   ort.TensorElementDataTypeUint16,
	onnx.Uint32:   ort.TensorElementDataTypeUint32,
	onnx.Uint64:   ort.TensorElementDataTypeUint64,
	onnx.Bool:     ort.TensorElementDataTypeBool,
}

// wrap returns an ONNX Runtime value over the tensor's own memory, to be read from
// or, for an output, written to.
func (v *values) wrap(t *runtime.Tensor, output bool) (ort.Value, error) {
	elem, ok := elementTypes[t.Type]
	if !ok {
		return nil, fmt.Errorf("elements of type %s cannot be passed to ONNX Runtime", t.Type)
	}
	if len(t.Shape) == 0 {
		return v.wrapScalar(t, output)
	}
	shape := make(ort.Shape, len(t.Shape))
	for i, d := range t.Shape {
		shape[i] = int64(d)
	}
	raw := t.Raw()
	if len(raw) == 0 {
		raw = make([]byte, 1) // the binding refuses no bytes, ONNX Runtime does not read it
	}
	x, err := ort.NewCustomDataTensor(shape, raw, elem)
	if err != nil {
		return nil, err
	}
	v.keep(x)
	return x, nil
}

// wrapScalar wraps a tensor of rank 0, for which the binding has a type of its own.
func (v *values) wrapScalar(t *runtime.Tensor, output bool) (ort.Value, error) {
	for _, as := range []func(*values, any, bool) (ort.Value, error){
		scalar[float32], scalar[float64], scalar[bool],
		scalar[int8], scalar[int16], scalar[int32], scalar[int64],
		scalar[uint8], scalar[uint32], scalar[uint64],
	} {
		if x, err := as(v, t.Data, output); x != nil || err != nil {
			return x, err
		}
	}
	return nil, fmt.Errorf("a scalar of type %s cannot be passed to ONNX Runtime", t.Type)
}

// scalar wraps data if its one element is a T, otherwise it returns nil.
func scalar[T ort.TensorData](v *values, data any, output bool) (ort.Value, error) {
	d, ok := data.([]T)
	if !ok {
		return nil, nil //nolint:nilnil // nil is the answer for another type
	}
	s, err := ort.NewScalar(d[0])
	if err != nil {
		return nil, err
	}
	v.keep(s)
	if output {
		v.results = append(v.results, func() { d[0] = s.GetData() })
	}
	return s, nil
}

// plan is what is known of the outputs for inputs of certain shapes.
type plan struct {
	inputs  string // the shapes
	outputs []*op.Info
}

// planFor returns the plan for the inputs. It keeps the last one: a session mostly
// sees one shape, and finding the shapes reads parts of the model.
func (s *session) planFor(inputs runtime.Tensors) *plan {
	key := fmt.Sprint(inputs.Shapes())
	s.planMu.Lock()
	defer s.planMu.Unlock()
	if s.plan != nil && s.plan.inputs == key {
		return s.plan
	}
	index := onnx.NewIndex(s.model.Graph)
	inferred := op.Infer(s.model, inputs.Shapes())
	s.plan = &plan{inputs: key, outputs: make([]*op.Info, len(s.outputs))}
	for i, name := range s.outputs {
		if index.Maker(name) != nil { // not an input or initializer passed through: those are not written to
			s.plan.outputs[i] = inferred.Values[name]
		}
	}
	return s.plan
}

// allocate makes the outputs whose shapes follow from the inputs; the others are
// nil and left to ONNX Runtime.
func (s *session) allocate(v *values, inputs runtime.Tensors) ([]ort.Value, []*runtime.Tensor, error) {
	out := make([]ort.Value, len(s.outputs))
	tensors := make([]*runtime.Tensor, len(s.outputs))
	for i, info := range s.planFor(inputs).outputs {
		if info == nil {
			continue
		}
		shape, ok := info.Fixed()
		if !ok || stale(s.model.Graph.Outputs[i].Type, shape) {
			continue
		}
		t, err := zeros(info.Type, shape)
		if err == nil {
			out[i], err = v.wrap(t, true)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("output %q: %w", s.outputs[i], err)
		}
		tensors[i] = t
	}
	return out, tensors, nil
}

// stale reports whether an output is declared in another shape than it has: ONNX Runtime
// passes over that where it makes the output itself, and not where it is given one.
func stale(declared *onnx.Type, shape []int) bool {
	if !declared.IsTensor() || declared.Shape == nil {
		return false
	}
	if len(*declared.Shape) != len(shape) {
		return true
	}
	for i, d := range *declared.Shape {
		if d.IsKnown() && int(d.N) != shape[i] {
			return true
		}
	}
	return false
}

// zeros returns a tensor of the given type and shape.
func zeros(t onnx.DataType, shape []int) (*runtime.Tensor, error) {
	n := 1
	for _, d := range shape {
		if d > 0 && n > op.MaxElements/d {
			return nil, fmt.Errorf("%v has more than %d elements", shape, op.MaxElements)
		}
		n *= d
	}
	data, err := runtime.Zeros(t, n)
	return &runtime.Tensor{Type: t, Shape: shape, Data: data}, err
}

// unwrap returns the tensor of an output that ONNX Runtime allocated; the binding
// has copied it into Go memory already.
func unwrap(x ort.Value) (*runtime.Tensor, error) {
	for _, as := range []func(ort.Value) (*runtime.Tensor, error){
		tensor[float32], tensor[float64], tensor[bool],
		tensor[int8], tensor[int16], tensor[int32], tensor[int64],
		tensor[uint8], tensor[uint16], tensor[uint32], tensor[uint64],
	} {
		if t, err := as(x); t != nil || err != nil {
			return t, err
		}
	}
	return nil, fmt.Errorf("ONNX Runtime returned %T, which is not supported", x)
}

// tensor returns x as a tensor if its elements are T, otherwise nil.
func tensor[T ort.TensorData](x ort.Value) (*runtime.Tensor, error) {
	t, ok := x.(*ort.Tensor[T])
	if !ok {
		return nil, nil //nolint:nilnil // nil is the answer for another type
	}
	return runtime.New(dims(t.GetShape()), t.GetData())
}

func dims(s ort.Shape) []int {
	out := make([]int, len(s))
	for i, d := range s {
		out[i] = int(d)
	}
	return out
}
