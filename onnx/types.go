package onnx

import (
	"fmt"
	"strconv"
	"strings"
)

// DataType is an element type, numbered as TensorProto.DataType.
type DataType int32

// The element types of TensorProto.DataType.
const (
	Undefined DataType = iota
	Float
	Uint8
	Int8
	Uint16
	Int16
	Int32
	Int64
	String
	Bool
	Float16
	Double
	Uint32
	Uint64
	Complex64
	Complex128
	BFloat16
	Float8E4M3FN
	Float8E4M3FNUZ
	Float8E5M2
	Float8E5M2FNUZ
	Uint4
	Int4
	Float4E2M1
	Float8E8M0
	Uint2
	Int2
)

// dataTypes lists the ONNX name and the size of one element in bits; the size
// is 0 for types whose elements are not of one size.
var dataTypes = [...]struct {
	name string
	bits int64
}{
	Undefined: {"UNDEFINED", 0}, Float: {"FLOAT", 32}, Uint8: {"UINT8", 8}, Int8: {"INT8", 8},
	Uint16: {"UINT16", 16}, Int16: {"INT16", 16}, Int32: {"INT32", 32}, Int64: {"INT64", 64},
	String: {"STRING", 0}, Bool: {"BOOL", 8}, Float16: {"FLOAT16", 16}, Double: {"DOUBLE", 64},
	Uint32: {"UINT32", 32}, Uint64: {"UINT64", 64}, Complex64: {"COMPLEX64", 64},
	Complex128: {"COMPLEX128", 128}, BFloat16: {"BFLOAT16", 16},
	Float8E4M3FN: {"FLOAT8E4M3FN", 8}, Float8E4M3FNUZ: {"FLOAT8E4M3FNUZ", 8},
	Float8E5M2: {"FLOAT8E5M2", 8}, Float8E5M2FNUZ: {"FLOAT8E5M2FNUZ", 8},
	Uint4: {"UINT4", 4}, Int4: {"INT4", 4}, Float4E2M1: {"FLOAT4E2M1", 4},
	Float8E8M0: {"FLOAT8E8M0", 8}, Uint2: {"UINT2", 2}, Int2: {"INT2", 2},
}

// Valid reports whether t is a type that this package knows, other than UNDEFINED.
func (t DataType) Valid() bool { return t > Undefined && int(t) < len(dataTypes) }

// String returns the ONNX name of the type, such as FLOAT.
func (t DataType) String() string {
	if t < 0 || int(t) >= len(dataTypes) {
		return "DataType(" + strconv.Itoa(int(t)) + ")"
	}
	return dataTypes[t].name
}

// Bits returns the size of one element in bits, 0 for STRING and unknown types.
func (t DataType) Bits() int64 {
	if t < 0 || int(t) >= len(dataTypes) {
		return 0
	}
	return dataTypes[t].bits
}

// IsFloat reports whether t is FLOAT, DOUBLE, FLOAT16 or BFLOAT16: the types
// evaluated in float64.
func (t DataType) IsFloat() bool {
	return t == Float || t == Double || t == Float16 || t == BFloat16
}

// IsInteger reports whether t is a signed or unsigned integer of 8 to 64 bits.
func (t DataType) IsInteger() bool {
	switch t {
	case Uint8, Int8, Uint16, Int16, Int32, Int64, Uint32, Uint64:
		return true
	}
	return false
}

// Dim is one dimension: a size (N ≥ 0), a symbol (N = -1, Param its name) or
// unknown (N = -1, Param empty).
type Dim struct {
	N          int64
	Param      string
	Denotation string

	unknown raw
}

// Known returns the dimension of size n.
func Known(n int64) Dim { return Dim{N: n} }

// Symbol returns the symbolic dimension called name.
func Symbol(name string) Dim { return Dim{N: -1, Param: name} }

// UnknownDim is a dimension of which nothing is known.
var UnknownDim = Dim{N: -1}

// IsKnown reports whether the size is a number.
func (d Dim) IsKnown() bool { return d.N >= 0 }

// Same reports whether both dimensions are known to be equal: the same number or
// the same symbol.
func (d Dim) Same(e Dim) bool { return d.N == e.N && d.Param == e.Param && (d.N >= 0 || d.Param != "") }

// Conflicts reports whether both are numbers that differ.
func (d Dim) Conflicts(e Dim) bool { return d.N >= 0 && e.N >= 0 && d.N != e.N }

// String returns the number, the symbol's name or "?".
func (d Dim) String() string {
	switch {
	case d.N >= 0:
		return strconv.FormatInt(d.N, 10)
	case d.Param != "":
		return d.Param
	}
	return "?"
}

// Shape is a list of dimensions, outermost first. A nil *Shape in a Type means
// that even the rank is unknown.
type Shape []Dim

// String returns the shape as [N 3 227 227].
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = d.String()
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// FixedShape returns the shape with the given sizes.
func FixedShape(dims ...int64) Shape {
	s := make(Shape, len(dims))
	for i, n := range dims {
		s[i] = Known(n)
	}
	return s
}

// Type is the type of a value. For a tensor Elem is its element type and Shape,
// where the rank is known, its dimensions. Sequences, maps, optionals and sparse
// tensors are kept in their encoded form: Elem is then Undefined.
type Type struct {
	Elem       DataType
	Shape      *Shape
	Denotation string

	empty         bool // read from a file that says no type at all
	other         raw  // the encoded fields of a type that is not a tensor
	unknown       raw
	tensorUnknown raw // of the tensor_type inside
	shapeUnknown  raw // of the shape inside that
}

// IsTensor reports whether the type is a dense tensor.
func (t *Type) IsTensor() bool { return t != nil && len(t.other) == 0 && !t.empty }

// TensorType returns the type of a dense tensor.
func TensorType(elem DataType, shape Shape) *Type { return &Type{Elem: elem, Shape: &shape} }

// String returns the type as FLOAT[N 3 227 227].
func (t *Type) String() string {
	switch {
	case t == nil:
		return "no type"
	case !t.IsTensor():
		return "not a tensor"
	case t.Shape == nil:
		return t.Elem.String()
	}
	return t.Elem.String() + t.Shape.String()
}

// Property is one key and value of a metadata_props list.
type Property struct {
	Key, Value string
	unknown    raw
}

// OperatorSet names a version of an operator set; the standard one has the
// domain "" (or, in some files, "ai.onnx").
type OperatorSet struct {
	Domain  string
	Version int64
	unknown raw
}

// ElementCount returns the product of dims, or an error where one is negative or
// the product does not fit an int64.
func ElementCount(dims []int64) (int64, error) {
	n := int64(1)
	for _, d := range dims {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", dims)
		}
		if d > 0 && n > (1<<62)/d {
			return 0, fmt.Errorf("shape %v has more elements than an int64 counts", dims)
		}
		n *= d
	}
	return n, nil
}
