//go:build unix

package cache_test

import (
	"os"
	"path/filepath"
	"testing"

	"alexctl/internal/cache"
)

// TestDir goes through what names the folder, and refuses one that others can write to.
func TestDir(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{cache.Env, "XDG_CACHE_HOME", "HOME"} {
		t.Setenv(name, "")
	}
	t.Setenv("TMPDIR", root)
	dir, temporary, err := cache.Dir()
	if err != nil || !temporary || filepath.Dir(dir) != root {
		t.Fatalf("%s, %v, %v", dir, temporary, err)
	}
	if again, _, err := cache.Dir(); again != dir || err != nil {
		t.Errorf("%s, %v", again, err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // what must not be
		t.Fatal(err)
	}
	if _, _, err := cache.Dir(); err == nil {
		t.Error("a folder that others can write to is used")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, dir); err != nil {
		t.Fatal(err)
	}
	if _, _, err := cache.Dir(); err == nil {
		t.Error("a link is used")
	}
	t.Setenv("HOME", root)
	if dir, temporary, err := cache.Dir(); err != nil || temporary || dir != filepath.Join(root, ".cache", "alexctl") {
		t.Errorf("%s, %v, %v", dir, temporary, err)
	}
	t.Setenv(cache.Env, filepath.Join(root, "mine"))
	if dir, temporary, err := cache.Dir(); err != nil || temporary || dir != filepath.Join(root, "mine") {
		t.Errorf("%s, %v, %v", dir, temporary, err)
	}
}
