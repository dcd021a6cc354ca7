package onnx

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// typedData gathers the typed data fields of one tensor. Floating-point data in
// one packed run is already in the layout of raw_data and stays in the file.
type typedData struct {
	packed span   // the one packed run, while there is only one
	values []byte // everything else, in the layout of raw_data
}

func (d *decoder) tensor(s span, depth int, t *Tensor) error {
	var data typedData
	var external []Property
	isExternal := false
	seen, filled := map[protowire.Number]bool{}, map[protowire.Number]bool{}
	dataField := func(f field) {
		seen[f.num] = true
		filled[f.num] = filled[f.num] || f.num == 6 || f.typ != protowire.BytesType || f.body.len() > 0
	}
	// The data type may follow the data, so integers are gathered in a second pass.
	var integers []field
	err := d.message(s, depth, func(f field) {
		switch f.num {
		case 1:
			d.ints(f, &t.Dims)
		case 2:
			var v int64
			d.int64(f, &v)
			t.Type = DataType(v)
		case 4, 10:
			dataField(f)
			d.floats(f, &data)
		case 5, 7, 11:
			dataField(f)
			integers = append(integers, f)
			d.count(f)
		case 6:
			dataField(f)
			var b []byte
			d.count(f)
			d.bytes(f, &b)
			t.strings = append(t.strings, b)
		case 8:
			d.string(f, &t.Name)
		case 9:
			dataField(f)
			if d.want(f, protowire.BytesType) {
				t.data, t.size = &section{d.src, f.body.off}, f.body.len()
			}
		case 12:
			d.string(f, &t.DocString)
		case 13:
			d.properties(f, depth, &external)
		case 14:
			isExternal = f.value == 1
		case 16:
			d.properties(f, depth, &t.Metadata)
		default:
			d.keep(f, &t.unknown)
		}
	})
	if err != nil {
		return err
	}
	for _, f := range integers {
		d.integers(f, t.Type, &data)
	}
	if d.err != nil {
		return d.err
	}
	given := len(seen)
	if t.fields = len(filled); t.fields == 0 {
		t.fields = min(1, given)
	}
	switch {
	case isExternal:
		given++
		t.fields = len(filled) + 1
		t.External, t.fault = parseExternal(external)
	case data.packed.len() > 0:
		t.data, t.size = &section{d.src, data.packed.off}, data.packed.len()
	case seen[4] || seen[10] || len(integers) > 0:
		t.data, t.size = bytes.NewReader(data.values), int64(len(data.values))
	}
	t.redundant = given > t.fields
	if want := typedField(t.Type); t.fault == nil && want != 0 {
		for _, n := range []protowire.Number{4, 5, 6, 7, 10, 11} {
			if filled[n] && n != want {
				t.fault = fmt.Errorf("data of type %s in field %d, want field %d or raw_data", t.Type, n, want)
			}
		}
	}
	return nil
}

func (d *decoder) properties(f field, depth int, v *[]Property) {
	entries(&coder{d: d, f: f, depth: depth}, f.num, "metadata_props", v)
}

// section is a part of a source, beginning at off.
type section struct {
	src interface {
		ReadAt(p []byte, off int64) (int, error)
	}
	off int64
}

func (s *section) ReadAt(p []byte, off int64) (int, error) { return s.src.ReadAt(p, s.off+off) }

// typedField returns the number of the typed field that holds elements of t.
func typedField(t DataType) protowire.Number {
	switch t {
	case Float, Complex64:
		return 4
	case Double, Complex128:
		return 10
	case Int64:
		return 7
	case Uint64, Uint32:
		return 11
	case String:
		return 6
	}
	return 5
}

// floats gathers float_data or double_data.
func (d *decoder) floats(f field, data *typedData) {
	if f.typ == protowire.BytesType && data.packed.len() == 0 && len(data.values) == 0 {
		data.packed = f.body
		return
	}
	if data.packed.len() > 0 { // a second run: gather both
		b, err := d.copy(data.packed)
		if err != nil {
			d.fail(err)
			return
		}
		data.values, data.packed = b, span{}
	}
	typ, width := protowire.Fixed32Type, 4
	if f.num == 10 {
		typ, width = protowire.Fixed64Type, 8
	}
	d.numbers(f, typ, func(v uint64) { data.values = appendElement(data.values, v, width) })
}

// integers gathers int32_data, int64_data or uint64_data as elements of type t.
func (d *decoder) integers(f field, t DataType, data *typedData) {
	width := int(t.Bits() / 8)
	if width == 0 || width > 8 {
		width = 1 // 4-bit types: each number holds one byte of two elements
	}
	d.numbers(f, protowire.VarintType, func(v uint64) { data.values = appendElement(data.values, v, width) })
}

func appendElement(b []byte, v uint64, width int) []byte {
	var e [8]byte
	binary.LittleEndian.PutUint64(e[:], v)
	return append(b, e[:width]...)
}
