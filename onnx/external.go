package onnx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// ExternalData says where the elements of a tensor lie outside the model file.
type ExternalData struct {
	Location string // relative to the model's directory, with slashes
	Offset   int64
	Length   int64 // -1 where the file does not say
	Checksum string
}

func parseExternal(entries []Property) (*ExternalData, error) {
	e := &ExternalData{Length: -1}
	for _, p := range entries {
		var err error
		switch p.Key {
		case "location":
			e.Location = p.Value
		case "offset":
			e.Offset, err = strconv.ParseInt(p.Value, 10, 64)
		case "length":
			e.Length, err = strconv.ParseInt(p.Value, 10, 64)
			if err == nil && e.Length < 0 {
				err = fmt.Errorf("negative length")
			}
		case "checksum":
			e.Checksum = p.Value
		}
		if err != nil {
			return e, fmt.Errorf("external data: %s %q is not a number: %w", p.Key, p.Value, err)
		}
	}
	if e.Location == "" {
		return e, fmt.Errorf("external data: no location")
	}
	if e.Offset < 0 {
		return e, fmt.Errorf("external data: negative offset %d", e.Offset)
	}
	return e, nil
}

// locateExternal opens the external data of the model's tensors under dir. What
// cannot be reached is recorded in the tensor, so that the rest of the model can
// still be inspected.
func (m *Model) locateExternal(dir string) {
	var root *os.Root
	type opened struct {
		file *os.File
		size int64
		err  error
	}
	files := map[string]opened{}
	open := func(location string) opened {
		if o, ok := files[location]; ok {
			return o
		}
		var o opened
		if root == nil {
			if root, o.err = os.OpenRoot(dir); o.err != nil {
				return o
			}
			m.closers = append(m.closers, root)
		}
		o.file, o.size, o.err = openExternal(root, location)
		if o.file != nil {
			m.closers = append(m.closers, o.file)
		}
		files[location] = o
		return o
	}
	for _, t := range m.allTensors() {
		if t.External == nil || t.fault != nil {
			continue
		}
		o := open(t.External.Location)
		if o.err != nil {
			t.fault = o.err
			continue
		}
		t.setExternal(o.file, o.size)
	}
}

// openExternal opens a file under root, which refuses absolute paths, ".." and
// links that lead outside.
func openExternal(root *os.Root, location string) (*os.File, int64, error) {
	path := filepath.FromSlash(location)
	if !filepath.IsLocal(path) {
		return nil, 0, fmt.Errorf("external data %q lies outside the model's directory", location)
	}
	info, err := root.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", location)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("external data %q: %w", location, cause(err))
	}
	f, err := root.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("external data %q: %w", location, cause(err))
	}
	return f, info.Size(), nil
}

// cause drops the operation and the path that the os package puts before an error.
func cause(err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (t *Tensor) setExternal(src io.ReaderAt, size int64) {
	e := t.External
	length := e.Length
	if length < 0 {
		length = size - e.Offset
		if want, err := byteSize(t.Type, t.Dims); err == nil && want < length {
			length = want
		}
	}
	if e.Offset > size || length > size-e.Offset {
		t.fault = fmt.Errorf("external data %q: bytes %d to %d wanted, the file has %d",
			e.Location, e.Offset, e.Offset+length, size)
		return
	}
	t.data, t.size = &section{src, e.Offset}, length
}
