// Package npy reads and writes numpy's arrays: .npy files (format 1.0 to 3.0 of NEP 1) and
// .npz archives of them. Files are untrusted: a size is compared with what is there before
// anything of that size is allocated.
package npy

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Array is an array in row-major order.
type Array struct {
	// Type is numpy's, without the byte order: f2, f4, f8, i1 to i8, u1 to u8 or b1.
	Type  string
	Shape []int
	Data  []byte // little-endian
}

// MaxBytes bounds the elements of one array.
const MaxBytes = 1 << 31

const (
	magic     = "\x93NUMPY"
	maxHeader = 1 << 16
	maxRank   = 32 // numpy's own
	maxArrays = 1 << 12
)

// sizes are the bytes of one element.
var sizes = map[string]int{"f2": 2, "f4": 4, "f8": 8, "i1": 1, "i2": 2, "i4": 4, "i8": 8, "u1": 1, "u2": 2, "u4": 4, "u8": 8, "b1": 1}

var (
	descr   = regexp.MustCompile(`'descr'\s*:\s*'([<>|=])([a-z][0-9])'`)
	fortran = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	shape   = regexp.MustCompile(`'shape'\s*:\s*\(([0-9, ]*)\)`)
)

// Read reads one .npy file. size is how many bytes r has.
func Read(r io.Reader, size int64) (*Array, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || string(start[:6]) != magic {
		return nil, errors.New("not a .npy file")
	}
	if start[6] < 1 || start[6] > 3 || start[7] != 0 {
		return nil, fmt.Errorf("a .npy file of version %d.%d: 1.0, 2.0 and 3.0 are read", start[6], start[7])
	}
	width := 2
	if start[6] > 1 {
		width = 4
	}
	var length [4]byte
	if _, err := io.ReadFull(r, length[:width]); err != nil {
		return nil, errors.New("the header is cut short")
	}
	n := int64(binary.LittleEndian.Uint32(length[:]))
	if n > maxHeader {
		return nil, fmt.Errorf("the header claims %d bytes, at most %d are read", n, maxHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, errors.New("the header is cut short")
	}
	a, swapped, count, err := parse(string(header))
	if err != nil {
		return nil, err
	}
	if rest := size - int64(len(start)) - int64(width) - n; count > rest {
		return nil, fmt.Errorf("shape %v takes %d bytes, the file has %d", a.Shape, count, max(rest, 0))
	}
	// Not at once: the size that an archive declares may be a lie.
	b := bytes.NewBuffer(make([]byte, 0, min(count, 1<<20)))
	if _, err := io.CopyN(b, r, count); err != nil {
		return nil, fmt.Errorf("the elements are cut short or damaged: %w", err)
	}
	a.Data = b.Bytes()
	// Reading to the end has an archive compare its checksum.
	switch n, err := r.Read(make([]byte, 1)); {
	case n > 0:
		return nil, fmt.Errorf("more bytes follow than shape %v takes", a.Shape)
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("the elements are damaged: %w", err)
	}
	for i, w := 0, sizes[a.Type]; swapped && i < len(a.Data); i += w {
		slices.Reverse(a.Data[i : i+w])
	}
	return a, nil
}

// parse reads the header and returns the array's bytes.
func parse(header string) (a *Array, swapped bool, bytes int64, err error) {
	d, f, s := descr.FindStringSubmatch(header), fortran.FindStringSubmatch(header), shape.FindStringSubmatch(header)
	if d == nil || f == nil || s == nil {
		return nil, false, 0, fmt.Errorf("the header %.80q is not that of a plain array of numbers", header)
	}
	if f[1] == "True" {
		return nil, false, 0, errors.New("it is in Fortran's order: save numpy.ascontiguousarray(x)")
	}
	a = &Array{Type: d[2], Shape: []int{}}
	bytes = int64(sizes[a.Type])
	if bytes == 0 {
		return nil, false, 0, fmt.Errorf("elements of type %s are not supported", a.Type)
	}
	for _, text := range strings.Split(s[1], ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 48)
		if err != nil || len(a.Shape) == maxRank || n > 0 && bytes > MaxBytes/n {
			return nil, false, 0, fmt.Errorf("shape (%s) is too large", s[1])
		}
		bytes *= n
		a.Shape = append(a.Shape, int(n))
	}
	return a, d[1] == ">", bytes, nil
}

// Write writes one .npy file.
func (a *Array) Write(w io.Writer) error {
	order := "<"
	if sizes[a.Type] == 1 {
		order = "|"
	}
	dims := make([]string, len(a.Shape))
	for i, d := range a.Shape {
		dims[i] = strconv.Itoa(d) + ","
	}
	header := fmt.Sprintf("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }", order, a.Type, strings.Join(dims, " "))
	const before = len(magic) + 4
	pad := 64 - (before+len(header)+1)%64
	header += strings.Repeat(" ", pad%64) + "\n"
	var b bytes.Buffer
	b.WriteString(magic + "\x01\x00")
	b.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(header))))
	b.WriteString(header)
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	_, err := w.Write(a.Data)
	return err
}

// ReadArchive reads those arrays of an .npz archive that are wanted, by name, in all of at most
// limit bytes, and returns the names of all that there are.
func ReadArchive(r io.ReaderAt, size, limit int64, wanted func(name string) bool) (out map[string]*Array, names []string, err error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, nil, fmt.Errorf("not an .npz archive: %w", err)
	}
	if len(z.File) > maxArrays {
		return nil, nil, fmt.Errorf("%d arrays, at most %d are read", len(z.File), maxArrays)
	}
	out = map[string]*Array{}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(path.Clean(f.Name), ".npy")
		if !ok {
			continue
		}
		names = append(names, name)
		if !wanted(name) {
			continue
		}
		n := int64(f.UncompressedSize64)
		if n < 0 || n > limit {
			return nil, nil, fmt.Errorf("array %q: the archive unpacks to more than is allowed", name)
		}
		limit -= n
		a, err := readMember(f, n)
		if err != nil {
			return nil, nil, fmt.Errorf("array %q: %w", name, err)
		}
		out[name] = a
	}
	return out, names, nil
}

func readMember(f *zip.File, size int64) (a *Array, err error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return Read(r, size)
}

// WriteArchive writes arrays as an .npz archive, in the order of their names.
func WriteArchive(w io.Writer, arrays map[string]*Array) error {
	z := zip.NewWriter(w)
	var names []string
	for name := range arrays {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err == nil {
			err = arrays[name].Write(f)
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}
