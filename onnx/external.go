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

// locateExternal opens the external data of the tensors of the model at path. What
// cannot be reached is recorded in the tensor, so that the rest of the model can
// still be inspected. It returns the files that were opened.
func (m *Model) locateExternal(path string) (data []originFile) {
	type opened struct {
		file *os.File
		size int64
		err  error
	}
	files := map[string]opened{}
	folders := dataFolders(path)
	for _, t := range m.allTensors() {
		if t.External == nil || t.fault != nil {
			continue
		}
		o, known := files[t.External.Location]
		if !known {
			var from originFile
			if o.file, from, o.err = openExternal(folders, t.External.Location); o.err == nil {
				o.size = from.info.Size()
				m.closers, data = append(m.closers, o.file), append(data, from)
			}
			files[t.External.Location] = o
		}
		if t.fault = o.err; o.err == nil {
			t.setExternal(o.file, o.size)
		}
	}
	return data
}

// dataFolders are where the external data of a model may lie: the model's folder and, where
// the model is a link, as in the cache of a model hub, the folder of the file that it leads
// to. ONNX Runtime looks there too.
func dataFolders(path string) []string {
	folders := []string{filepath.Dir(path)}
	if real, err := filepath.EvalSymlinks(path); err == nil && filepath.Dir(real) != folders[0] {
		folders = append(folders, filepath.Dir(real))
	}
	return folders
}

// openExternal opens a file in one of the folders. Absolute paths, "..", and links that lead
// out of all of them are refused.
func openExternal(folders []string, location string) (*os.File, originFile, error) {
	path := filepath.FromSlash(location)
	if !filepath.IsLocal(path) {
		return nil, originFile{}, fmt.Errorf("external data %q lies outside the model's directory", location)
	}
	var failed error
	for _, from := range folders {
		real, err := filepath.EvalSymlinks(filepath.Join(from, path))
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		for _, folder := range folders {
			f, info, err := openWithin(folder, real)
			if err == nil {
				return f, originFile{real, info}, nil
			}
			if !errors.Is(err, errOutside) {
				return nil, originFile{}, fmt.Errorf("external data %q: %w", location, cause(err))
			}
		}
		return nil, originFile{}, fmt.Errorf("external data %q: %w", location, errOutside)
	}
	return nil, originFile{}, fmt.Errorf("external data %q: %w", location, cause(failed))
}

var errOutside = errors.New("a link leads outside the model's directory")

// openWithin opens the regular file at a path without links, if it is in the folder.
func openWithin(folder, path string) (f *os.File, info os.FileInfo, err error) {
	if folder, err = filepath.EvalSymlinks(folder); err != nil {
		return nil, nil, err
	}
	inside, err := filepath.Rel(folder, path)
	if err != nil || !filepath.IsLocal(inside) {
		return nil, nil, errOutside
	}
	root, err := os.OpenRoot(folder) // which refuses links that were put there since
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if info, err = root.Stat(inside); err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() { // before opening: opening a pipe would wait for a writer
		return nil, nil, errors.New("not a regular file")
	}
	f, err = root.Open(inside)
	return f, info, err
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
