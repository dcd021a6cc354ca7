// Package run is the folder of a training run: its settings, which images it learns from, the
// model before the first step, metrics and pictures of them, and checkpoints. Package train
// computes; this one remembers.
package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"alexctl/fault"
	"alexctl/train"
)

// ErrLocked says that another process is working on a run.
var ErrLocked = fault.New(fault.Environment, "another process is working on this run")

// Folder is the folder of a run that this process works on, and no other.
type Folder struct {
	dir    string
	unlock func() error
	fresh  bool // whether the lock's file was made now
}

// Claim makes the folder where it is missing and keeps other processes from it until Close.
// It fails with ErrLocked where another one has it.
func Claim(dir string) (_ *Folder, err error) {
	defer fault.Default(&err, fault.Environment)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	_, locked := os.Lstat(filepath.Join(dir, lockFile))
	unlock, err := lock(dir)
	if err != nil {
		return nil, err
	}
	f := &Folder{dir, unlock, errors.Is(locked, fs.ErrNotExist)}
	if _, err := os.Lstat(filepath.Join(dir, configFile)); err != nil {
		return f, nil //nolint:nilerr // not a run's yet, so what is in it is someone else's
	}
	if err := removeTemporary(dir); err != nil { // by a process that was killed
		return nil, errors.Join(err, unlock())
	}
	return f, nil
}

// refuse leaves a folder that is not to be this run's as it was found.
func (f *Folder) refuse() error {
	var err error
	if f.fresh {
		err = os.Remove(filepath.Join(f.dir, lockFile))
	}
	return errors.Join(err, f.unlock())
}

// Close lets others work on the run.
func (f *Folder) Close() error { return f.unlock() }

// Memory returns what package train keeps in the folder.
func (f *Folder) Memory() train.Memory { return memory(f.dir) }

func memory(dir string) train.Memory {
	return train.Memory{Checkpoints: checkpoints{filepath.Join(dir, checkpointFolder)}, Record: record{dir}}
}

// Files in a run's folder.
const (
	configFile       = "config.json"
	startFile        = "start.onnx" // the model before the first step
	lockFile         = ".lock"
	checkpointFolder = "checkpoints"
)

// empty reports why a folder cannot be that of a new run.
func (f *Folder) empty() error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	other := false
	for _, e := range entries {
		if e.Name() == configFile {
			return fault.New(fault.Usage, "%s holds a run already", f.dir).Hint(fault.Hint{Text: "continue it", Option: fault.Resume, Value: f.dir})
		}
		other = other || e.Name() != lockFile
	}
	if other {
		return fault.New(fault.Usage, "%s is not empty and holds no run", f.dir).Hint(fault.Hint{Text: "name another folder", Option: fault.RunFolder})
	}
	return nil
}

// freeFolder returns a folder that is not there yet: runs/NAME-DATE, or the same with a number.
func freeFolder(name string) string {
	base := filepath.Join("runs", name+"-"+time.Now().Format("20060102-150405"))
	for i, dir := 2, base; ; i++ {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) || i > 1000 {
			return dir
		}
		dir = fmt.Sprintf("%s-%d", base, i)
	}
}

// HasCheckpoint reports whether the run in a folder can go on.
func HasCheckpoint(dir string) bool {
	names, err := checkpoints{filepath.Join(dir, checkpointFolder)}.List()
	return err == nil && len(names) > 0
}
