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
	got, _, err := ReadArchive(r, int64(b.Len()), 1<<20, all)
	if err != nil || !reflect.DeepEqual(got, arrays) {
		t.Errorf("%+v, %v", got, err)
	}
	damaged := bytes.Clone(b.Bytes())
	damaged[bytes.Index(damaged, []byte("abcdefgh"))] ^= 1
	if _, _, err := ReadArchive(bytes.NewReader(damaged), int64(len(damaged)), 1<<20, all); err == nil || !strings.Contains(err.Error(), `array "a": the elements are damaged: zip: checksum error`) {
		t.Errorf("error is %v", err)
	}
	if _, _, err := ReadArchive(r, int64(b.Len()), 100, all); err == nil || !strings.Contains(err.Error(), "more than is allowed") {
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

func all(string) bool { return true }

// TestUnwantedArrays passes over an array that nobody asked for, however large it says it is.
func TestUnwantedArrays(t *testing.T) {
	var b bytes.Buffer
	large := &Array{Type: "u1", Shape: []int{1 << 20}, Data: make([]byte, 1<<20)}
	small := &Array{Type: "u1", Shape: []int{1}, Data: []byte{7}}
	if err := WriteArchive(&b, map[string]*Array{"large": large, "small": small}); err != nil {
		t.Fatal(err)
	}
	got, names, err := ReadArchive(bytes.NewReader(b.Bytes()), int64(b.Len()), 1000, func(name string) bool { return name == "small" })
	if err != nil || len(got) != 1 || got["small"].Data[0] != 7 || len(names) != 2 {
		t.Errorf("%v, %v, %v", got, names, err)
	}
}

// TestVersions reads the versions that there are, and no other.
func TestVersions(t *testing.T) {
	var b bytes.Buffer
	if err := (&Array{Type: "u1", Shape: []int{1}, Data: []byte{7}}).Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, v := range [][2]byte{{0, 0}, {4, 0}, {1, 1}, {255, 0}} {
		file := bytes.Clone(b.Bytes())
		file[6], file[7] = v[0], v[1]
		if _, err := Read(bytes.NewReader(file), int64(len(file))); err == nil || !strings.Contains(err.Error(), "of version") {
			t.Errorf("version %v: %v", v, err)
		}
	}
}
