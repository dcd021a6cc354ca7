//go:build unix

package regular_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"alexctl/internal/regular"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	name := func(s string) string { return filepath.Join(dir, s) }
	if err := os.WriteFile(name("file"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", name("link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(name("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, ok := range map[string]bool{name("file"): true, name("link"): true, name("pipe"): false, dir: false, "/dev/zero": false, name("none"): false} {
		b, err := regular.Read(path, 5)
		if (err == nil) != ok || ok && string(b) != "12345" {
			t.Errorf("%s: %q, %v", path, b, err)
		}
	}
	if _, err := regular.Read(name("file"), 4); err == nil {
		t.Error("more than the limit is read")
	}
}
