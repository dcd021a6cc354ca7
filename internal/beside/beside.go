// Package beside writes files and folders that appear when they are whole: beside their name,
// synced, and then renamed. After a failure there is what was there before, or nothing.
package beside

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// File is a file that is being written beside its name.
type File struct {
	*os.File
	target string
	name   string // beside the target; "" for a file without a name
	done   bool
}

// Target returns the file that is written where path is named: what a link leads to, and not
// the link. A folder, a device and a pipe are refused.
func Target(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil: // nothing is there, or a link that leads nowhere, which is replaced
		return path, nil //nolint:nilerr // what keeps it from being looked at keeps it from being written too
	case info.IsDir():
		return "", fmt.Errorf("writing %s: it is a folder", path)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("writing %s: it is not a regular file", path)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", path, err)
	}
	return target, nil
}

// Create begins a file that Commit will give its name. Whoever calls it defers Discard.
func Create(target string) (*File, error) {
	target, err := Target(target)
	if err != nil {
		return nil, err
	}
	removeAbandoned(target)
	if f := unnamed(filepath.Dir(target)); f != nil {
		return &File{File: f, target: target}, nil
	}
	// Not os.CreateTemp, whose files only their owner may read.
	name := temporary(target)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", target, cause(err))
	}
	return &File{File: f, target: target, name: name}, nil
}

// temporary returns the name of a temporary file or folder for a target.
func temporary(target string) string {
	return filepath.Join(filepath.Dir(target), fmt.Sprintf(".%s.%08x.tmp", filepath.Base(target), rand.Uint32()))
}

// abandonedAfter is when something temporary is taken for that of a program that was killed.
const abandonedAfter = time.Hour

// removeAbandoned removes what is temporary of the same target and old.
func removeAbandoned(target string) {
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), "."+filepath.Base(target)+".")
		info, err := e.Info()
		if ours && err == nil && len(rest) == len("00000000.tmp") && strings.HasSuffix(rest, ".tmp") && time.Since(info.ModTime()) > abandonedAfter {
			_ = os.RemoveAll(filepath.Join(filepath.Dir(target), e.Name())) // it stays until the next call
		}
	}
}

// Commit syncs the file and gives it its name.
func (f *File) Commit() error {
	err := f.Sync()
	if err == nil && f.name == "" { // a name of its own first: only a rename replaces what is there
		name := temporary(f.target)
		if err = call(f.File, name); err == nil {
			f.name = name
		}
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.name, f.target)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", f.target, err)
	}
	f.done = true
	return SyncFolder(filepath.Dir(f.target))
}

// Discard removes a file that was not committed.
func (f *File) Discard() {
	if !f.done {
		_ = f.Close() // it may be closed already
		if f.name != "" {
			_ = os.Remove(f.name)
		}
	}
}

// Write has f write the file at path.
func Write(path string, f func(io.Writer) error) error {
	file, err := Create(path)
	if err != nil {
		return err
	}
	defer file.Discard()
	if err := f(file); err != nil {
		return err
	}
	return file.Commit()
}

// Folder has f fill a folder that then gets the name path, where nothing may be yet.
func Folder(path string, f func(dir string) error) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("writing %s: it exists already", path)
	}
	path = filepath.Clean(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	removeAbandoned(path)
	work := temporary(path)
	if err := os.Mkdir(work, 0o777); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	err := f(work)
	if err == nil {
		err = syncAll(work)
	}
	if err == nil {
		err = os.Rename(work, path)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(work))
	}
	return SyncFolder(filepath.Dir(path))
}

// syncAll syncs the files of a folder.
func syncAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path) //nolint:gosec // a folder that this process has just made
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// SyncFolder makes renames in a folder last through a power failure, where the system can
// do that.
func SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // not every system and file system can
	return d.Close()
}

// Possible reports why nothing could be written at path, before the work for it, or nil.
func Possible(path string) error {
	path, err := Target(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".alexctl-*")
	if err != nil {
		return fmt.Errorf("nothing can be written to %s: %w", filepath.Dir(path), cause(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// cause returns an error without the name of the file beside the one that was meant.
func cause(err error) error {
	var of *os.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// Rename syncs a file that was written under another name and gives it its name.
func Rename(from, to string) error {
	to, err := Target(to)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(from, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(to))
}
