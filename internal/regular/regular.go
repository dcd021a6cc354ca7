// Package regular opens files that a user named: regular ones only. A pipe would wait for a
// writer, and a device may never end.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// errIrregular says that something is there, and no file with contents.
var errIrregular = errors.New("not a regular file")

// missingError says that nothing is at a path.
type missingError struct{ path string }

func (e missingError) Error() string   { return e.path + " does not exist" }
func (missingError) Is(err error) bool { return err == fs.ErrNotExist } //nolint:errorlint // as the interface asks

// Open opens a regular file, or the one that a link leads to.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path) // before opening: opening a pipe would wait for a writer
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, missingError{path}
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, and %w", path, errIrregular)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: %w", path, errIrregular)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() { // it may have been exchanged
		err = fmt.Errorf("%s: %w", path, errIrregular)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Read reads a regular file of at most limit bytes.
func Read(path string, limit int64) (_ []byte, err error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s: more than %d bytes", path, limit)
	}
	return b, err
}
