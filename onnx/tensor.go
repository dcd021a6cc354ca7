package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Tensor is a TensorProto: a named constant. Its elements stay where they are (a
// file, memory, a generator) until they are asked for.
type Tensor struct {
	Name      string
	DocString string
	Type      DataType
	Dims      []int64
	Metadata  []Property
	External  *ExternalData // where the data was found, nil for data inside the model

	data    io.ReaderAt // the elements in little-endian order, packed as raw_data
	size    int64       // bytes of data
	strings [][]byte    // the elements of a STRING tensor
	fields  int         // how many data fields the file had that hold something: one is right
	// redundant says that there were others, which are empty.
	redundant bool
	sparse    *sparse // of a sparse initializer: what data is made of
	fault     error   // why the data cannot be read
	unknown   raw
}

// NewTensor returns a tensor over data, which yields the elements little-endian
// and packed, as raw_data holds them. It reads data only when asked to, possibly
// from several goroutines at once.
func NewTensor(name string, t DataType, dims []int64, data io.ReaderAt) (*Tensor, error) {
	size, err := byteSize(t, dims)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", name, err)
	}
	return &Tensor{Name: name, Type: t, Dims: dims, data: data, size: size, fields: 1}, nil
}

// FromFloat32s returns a FLOAT tensor with a copy of v.
func FromFloat32s(name string, dims []int64, v []float32) (*Tensor, error) {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return FromBytes(name, Float, dims, b)
}

// FromInt64s returns an INT64 tensor with a copy of v.
func FromInt64s(name string, dims []int64, v []int64) (*Tensor, error) {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, uint64(x))
	}
	return FromBytes(name, Int64, dims, b)
}

// FromBytes returns a tensor over b, which holds the elements as raw_data does
// and must not change afterwards.
func FromBytes(name string, t DataType, dims []int64, b []byte) (*Tensor, error) {
	out, err := NewTensor(name, t, dims, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	if out.size != int64(len(b)) {
		return nil, fmt.Errorf("tensor %q: %d bytes of data, %s%v needs %d", name, len(b), t, dims, out.size)
	}
	return out, nil
}

// byteSize returns how many bytes the packed elements take.
func byteSize(t DataType, dims []int64) (int64, error) {
	n, err := ElementCount(dims)
	if err != nil {
		return 0, err
	}
	bits := t.Bits()
	if bits == 0 {
		return 0, fmt.Errorf("elements of type %s have no fixed size", t)
	}
	if n > (1<<62)/bits {
		return 0, fmt.Errorf("shape %v is too large", dims)
	}
	return (n*bits + 7) / 8, nil
}

// Len returns the number of elements.
func (t *Tensor) Len() (int64, error) { return ElementCount(t.Dims) }

// String returns the type and shape as FLOAT[96 3 11 11].
func (t *Tensor) String() string { return fmt.Sprintf("%s%v", t.Type, t.Dims) }

// problem says what is wrong with the tensor's own description, or nil.
func (t *Tensor) problem() error {
	if !t.Type.Valid() {
		return fmt.Errorf("data type %s is not an ONNX element type", t.Type)
	}
	if t.fault != nil {
		return t.fault
	}
	if t.sparse != nil {
		return t.sparse.readable()
	}
	n, err := t.Len()
	if err != nil {
		return err
	}
	if t.fields > 1 {
		return errors.New("data is given in more than one field; want exactly one of raw_data and the typed fields")
	}
	if t.Type == String {
		if int64(len(t.strings)) != n {
			return fmt.Errorf("%d strings, shape %v needs %d", len(t.strings), t.Dims, n)
		}
		return nil
	}
	want, err := byteSize(t.Type, t.Dims)
	if err != nil {
		return err
	}
	if t.fields == 0 && want > 0 {
		return fmt.Errorf("no data, shape %v needs %d bytes", t.Dims, want)
	}
	if t.size != want {
		return fmt.Errorf("%d bytes of data, %s needs %d", t.size, t, want)
	}
	return nil
}

// Validate reports what is wrong with the tensor: an unknown type, data missing,
// of the wrong length or out of reach.
func (t *Tensor) Validate() error {
	if err := t.problem(); err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return nil
}

// ReadRaw copies len(p) bytes of the packed little-endian elements, beginning at
// byte off.
func (t *Tensor) ReadRaw(p []byte, off int64) error {
	if err := t.Validate(); err != nil {
		return err
	}
	return t.readRaw(p, off)
}

func (t *Tensor) readRaw(p []byte, off int64) error {
	if len(p) == 0 {
		return nil
	}
	if off < 0 || off > t.size || int64(len(p)) > t.size-off {
		return fmt.Errorf("tensor %q: bytes %d to %d asked for, it has %d", t.Name, off, off+int64(len(p)), t.size)
	}
	n, err := t.data.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("tensor %q: reading its data: %w (was the file cut short?)", t.Name, err)
}

// chunkBytes is how much raw data is converted at a time: small enough to stay in
// the processor's cache.
const chunkBytes = 64 << 10

// each reads count elements of width bytes each, beginning at element from, and
// calls put with the index of the first element in a chunk and its bytes.
func (t *Tensor) each(from, count int64, width int64, put func(at int64, b []byte)) error {
	if err := t.Validate(); err != nil {
		return err
	}
	buf := make([]byte, min(count*width, chunkBytes))
	for at := int64(0); at < count; {
		n := min(count-at, int64(len(buf))/width)
		b := buf[:n*width]
		if err := t.readRaw(b, (from+at)*width); err != nil {
			return err
		}
		put(at, b)
		at += n
	}
	return nil
}

// Float32s copies len(dst) elements of a FLOAT tensor, beginning at element from.
func (t *Tensor) Float32s(dst []float32, from int64) error {
	if t.Type != Float {
		return fmt.Errorf("tensor %q: %s read as FLOAT", t.Name, t.Type)
	}
	return t.each(from, int64(len(dst)), 4, func(at int64, b []byte) {
		for i := range len(b) / 4 {
			dst[int(at)+i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	})
}

// Float64s copies len(dst) elements of a FLOAT, DOUBLE, FLOAT16 or BFLOAT16
// tensor, beginning at element from. The conversion is exact.
func (t *Tensor) Float64s(dst []float64, from int64) error {
	return decoded(t, floatDecoders, "floating point", dst, from)
}

var floatDecoders = map[DataType]func([]byte) float64{
	Float:    func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) },
	Double:   func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) },
	Float16:  func(b []byte) float64 { return Float16ToFloat64(binary.LittleEndian.Uint16(b)) },
	BFloat16: func(b []byte) float64 { return BFloat16ToFloat64(binary.LittleEndian.Uint16(b)) },
}

// Int64s copies len(dst) elements of an integer or BOOL tensor, beginning at
// element from. UINT64 values keep their bits.
func (t *Tensor) Int64s(dst []int64, from int64) error {
	return decoded(t, intDecoders, "integers", dst, from)
}

// decoded copies elements with the decoder of the tensor's type.
func decoded[T any](t *Tensor, decoders map[DataType]func([]byte) T, as string, dst []T, from int64) error {
	decode, ok := decoders[t.Type]
	if !ok {
		return fmt.Errorf("tensor %q: %s read as %s", t.Name, t.Type, as)
	}
	width := t.Type.Bits() / 8
	return t.each(from, int64(len(dst)), width, func(at int64, b []byte) {
		for i := range len(b) / int(width) {
			dst[int(at)+i] = decode(b[i*int(width):])
		}
	})
}

var intDecoders = map[DataType]func([]byte) int64{
	Bool: func(b []byte) int64 {
		if b[0] != 0 {
			return 1
		}
		return 0
	},
	Int8:   func(b []byte) int64 { return int64(int8(b[0])) },
	Uint8:  func(b []byte) int64 { return int64(b[0]) },
	Int16:  func(b []byte) int64 { return int64(int16(binary.LittleEndian.Uint16(b))) },
	Uint16: func(b []byte) int64 { return int64(binary.LittleEndian.Uint16(b)) },
	Int32:  func(b []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(b))) },
	Uint32: func(b []byte) int64 { return int64(binary.LittleEndian.Uint32(b)) },
	Int64:  func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) },
	Uint64: func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) },
}

// Strings returns a copy of the elements of a STRING tensor.
func (t *Tensor) Strings() ([]string, error) {
	if t.Type != String {
		return nil, fmt.Errorf("tensor %q: %s read as STRING", t.Name, t.Type)
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	out := make([]string, len(t.strings))
	for i, s := range t.strings {
		out[i] = string(s)
	}
	return out, nil
}
