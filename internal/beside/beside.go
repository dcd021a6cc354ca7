// Package beside writes files that appear when they are whole: beside their name, and then
// renamed.
package beside

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Write has f write the file at path. After an error there is the old file, or none.
func Write(path string, f func(io.Writer) error) (err error) {
	t, err := os.CreateTemp(filepath.Dir(path), ".alexctl-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(t.Name()))
		}
	}()
	if err := errors.Join(f(t), t.Chmod(0o644), t.Close()); err != nil {
		return err
	}
	return os.Rename(t.Name(), path)
}
