package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"

	"alexctl/onnx"
)

// seeds are what is damaged.
type seeds struct {
	pictures [][]byte
	data     map[string][]byte // by name: files of datasets
}

// readSeeds reads the files in the source folder that tests use.
func readSeeds() (*seeds, error) {
	s := &seeds{data: map[string][]byte{}}
	err := errors.Join(
		eachFile(func(_ string, b []byte) { s.pictures = append(s.pictures, b) }, "preprocess/testdata/kinds/*.*", "testdata/images/*.jpg"),
		eachFile(func(name string, b []byte) { s.data[name] = b }, "testdata/sample/*.gz", "data/testdata/python3/*"))
	if err == nil && (len(s.pictures) == 0 || len(s.data) == 0) {
		err = errors.New("no seeds: run it in the source folder")
	}
	return s, err
}

// eachFile calls f for the files that the patterns name.
func eachFile(f func(name string, b []byte), patterns ...string) error {
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return err
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			f(filepath.Base(file), b)
		}
	}
	return nil
}

// next makes files in dir/work and chooses a call.
func (s *seeds) next(r *rand.Rand, dir string) (attempt, error) {
	work := filepath.Join(dir, "work")
	write := func(name string, b []byte) error {
		path := filepath.Join(work, name)
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o600))
	}
	m := model(r)
	changes := r.IntN(4)
	for range changes {
		change(r, m)
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return attempt{}, err
	}
	path := filepath.Join(work, "m.onnx")
	b := []byte("no model")
	if _, err := m.WriteFile(ctx, path, onnx.WriteOptions{}); err == nil {
		if b, err = os.ReadFile(path); err != nil {
			return attempt{}, err
		}
	}
	if r.IntN(3) == 0 {
		b = damaged(r, b)
	}
	if err := write("m.onnx", b); err != nil {
		return attempt{}, err
	}
	for _, name := range []string{"one.jpg", "folder/a/1.png", "folder/a/2.gif", "folder/b/3.bmp", "folder/b/4.tif"} {
		b := s.pictures[r.IntN(len(s.pictures))]
		if r.IntN(2) == 0 {
			b = damaged(r, b)
		}
		if err := write(name, b); err != nil {
			return attempt{}, err
		}
	}
	for name, b := range s.data {
		if r.IntN(3) == 0 {
			b = damaged(r, b)
		}
		if err := write("data/"+name, b); err != nil {
			return attempt{}, err
		}
	}
	return attempt{dir: dir, args: command(r)}, nil
}

// damaged changes, cuts, repeats or exchanges some bytes.
func damaged(r *rand.Rand, b []byte) []byte {
	b = append([]byte(nil), b...)
	for range 1 + r.IntN(8) {
		if len(b) < 4 {
			return b
		}
		at := r.IntN(len(b) - 3)
		if r.IntN(2) == 0 { // heads are where the sizes are
			at = r.IntN(min(len(b)-3, 64))
		}
		switch r.IntN(6) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = []byte{0, 1, 0x7f, 0x80, 0xff}[r.IntN(5)]
		case 2:
			copy(b[at:], []byte{0xff, 0xff, 0xff, 0x7f})
		case 3:
			b = b[:at]
		case 4:
			b = append(b, b[at:min(len(b), at+1+r.IntN(64))]...)
		case 5:
			b = append(b[:at], b[at+1:]...)
		}
	}
	return b
}
