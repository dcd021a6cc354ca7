package npy

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

// written returns a .npy file with any header.
func written(version byte, header string, data string) string {
	b := []byte(magic)
	b = append(b, version, 0)
	if version > 1 {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	}
	return string(b) + header + data
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want *Array
		err  string
	}{
		"float32":      {written(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n", "abcdefgh"), &Array{"f4", []int{1, 2}, []byte("abcdefgh")}, ""},
		"scalar":       {written(2, "{'descr': '|b1', 'fortran_order': False, 'shape': (), }", "\x01"), &Array{"b1", []int{}, []byte{1}}, ""},
		"empty":        {written(3, "{'shape': (0, 5), 'fortran_order': False, 'descr': '<i8'}", ""), &Array{"i8", []int{0, 5}, []byte{}}, ""},
		"big-endian":   {written(1, "{'descr': '>u2', 'fortran_order': False, 'shape': (2,), }", "abcd"), &Array{"u2", []int{2}, []byte("badc")}, ""},
		"fortran":      {written(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", "abcdefgh"), nil, "ascontiguousarray"},
		"objects":      {written(1, "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "x"), nil, "plain array"},
		"records":      {written(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "x"), nil, "plain array"},
		"strings":      {written(1, "{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }", "x"), nil, "plain array"},
		"complex":      {written(1, "{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }", "x"), nil, "not supported"},
		"huge":         {written(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", ""), nil, "too large"},
		"more than is": {written(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000,), }", "abcd"), nil, "the file has 4"},
		"trailing":     {written(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "abcdefgh"), nil, "more bytes follow"},
		"no header":    {magic + "\x01\x00\xff\xff{", nil, "cut short"},
		"long header":  {magic + "\x02\x00\xff\xff\xff\xff{", nil, "at most"},
		"no magic":     {"hello", nil, "not a .npy"},
	} {
		got, err := Read(strings.NewReader(c.file), int64(len(c.file)))
		if c.err == "" && (err != nil || !reflect.DeepEqual(got, c.want)) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestArchive(t *testing.T) {
	arrays := map[string]*Array{"a": {"f4", []int{2}, []byte("abcdefgh")}, "b/c": {"i8", []int{}, make([]byte, 8)}}
	var b bytes.Buffer
	if err := WriteArchive(&b, arrays); err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(b.Bytes())
	got, err := ReadArchive(r, int64(b.Len()), 1<<20)
	if err != nil || !reflect.DeepEqual(got, arrays) {
		t.Errorf("%+v, %v", got, err)
	}
	damaged := bytes.Clone(b.Bytes())
	damaged[bytes.Index(damaged, []byte("abcdefgh"))] ^= 1
	if _, err := ReadArchive(bytes.NewReader(damaged), int64(len(damaged)), 1<<20); err == nil || !strings.Contains(err.Error(), `array "a": the elements are damaged: zip: checksum error`) {
		t.Errorf("error is %v", err)
	}
	if _, err := ReadArchive(r, int64(b.Len()), 100); err == nil || !strings.Contains(err.Error(), "more than is allowed") {
		t.Errorf("error is %v", err)
	}
}

// FuzzRead wants an array whose bytes fit its shape, or an error.
func FuzzRead(f *testing.F) {
	f.Add([]byte(written(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }", "abcdefgh")))
	f.Add([]byte(written(2, "{'descr': '>i2', 'fortran_order': False, 'shape': (3,), }", "abcdef")))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		n := sizes[a.Type]
		for _, d := range a.Shape {
			n *= d
		}
		if n != len(a.Data) {
			t.Errorf("%d bytes for %s%v", len(a.Data), a.Type, a.Shape)
		}
	})
}
