// Package scratch makes temporary folders that outlive their process only until another one
// looks: each is locked by its owner, and Sweep removes those whose owner is gone.
package scratch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"alexctl/fault"
)

const (
	prefix = "alexctl-scratch-"
	// owner is the file in a folder that its process holds locked.
	owner = ".owner"
)

// Folder is a temporary folder.
type Folder struct {
	Path string
	lock *os.File
}

// New makes a folder among the system's temporary files.
func New() (*Folder, error) {
	dir, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, fault.New(fault.Environment, "no temporary files can be made in %s: %w (TMPDIR names another folder)", os.TempDir(), err)
	}
	f, err := os.OpenFile(filepath.Join(dir, owner), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		_, err = TryLock(f)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Folder{dir, f}, nil
}

// Remove removes the folder with what is in it.
func (f *Folder) Remove() error { return errors.Join(os.RemoveAll(f.Path), f.lock.Close()) }

// Sweep removes the folders of processes of this user that are gone. What cannot be removed
// stays: it is nobody's business here.
func Sweep() {
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !e.IsDir() {
			continue
		}
		dir := filepath.Join(os.TempDir(), e.Name())
		if info, err := e.Info(); err == nil && own(info) && abandoned(dir) {
			_ = os.RemoveAll(dir)
		}
	}
}

// abandoned reports whether the process that made the folder is gone. One without an owner may
// be just made, or another program's.
func abandoned(dir string) bool {
	f, err := os.OpenFile(filepath.Join(dir, owner), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	free, err := TryLock(f)
	return f.Close() == nil && err == nil && free
}
