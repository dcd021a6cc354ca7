package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"alexctl/internal/scratch"
)

// lock keeps other processes from working on the run in dir until unlock is called or
// this process ends. It does nothing where the system has no such locks.
func lock(dir string) (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	free, err := scratch.TryLock(f)
	if err == nil && !free {
		err = fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}
