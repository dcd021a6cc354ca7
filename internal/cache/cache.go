// Package cache is where this program keeps what it installed and fetched for a user.
package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Env is the environment variable that names the folder.
const Env = "ALEXCTL_CACHE"

// possible reports whether a folder is there, or can be: a service's home may be named and not be,
// where the service may not make it.
func possible(dir string) bool {
	for {
		if _, err := os.Stat(dir); err == nil {
			return true
		} else if !errors.Is(err, fs.ErrNotExist) {
			return false
		}
		above := filepath.Dir(dir)
		if _, err := os.Stat(above); err == nil {
			return writable(above)
		}
		if above == dir {
			return false
		}
		dir = above
	}
}

// Dir returns the folder: Env, or alexctl in the user's folder of caches, or, for a user without
// one, as services are, a folder among the temporary files that is this user's alone. temporary
// reports the last; the error says what is wrong with it.
func Dir() (dir string, temporary bool, err error) {
	if dir := os.Getenv(Env); dir != "" {
		dir, err = filepath.Abs(dir)
		return dir, false, err
	}
	if base, err := os.UserCacheDir(); err == nil && possible(base) {
		return filepath.Join(base, "alexctl"), false, nil
	}
	dir = filepath.Join(os.TempDir(), fmt.Sprintf("alexctl-cache-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return "", true, err
	}
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return "", true, err
	case !info.IsDir() || !private(info): // libraries are loaded from it
		return "", true, fmt.Errorf("%s is not a folder that only this user can write to", dir)
	}
	return dir, true, nil
}
