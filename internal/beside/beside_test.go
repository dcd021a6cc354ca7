package beside_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"testing"

	"alexctl/internal/beside"
)

// TestWrite has a write fail half-way: the old file stays, and nothing beside it.
func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	text := func(s string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, failed := io.WriteString(w, s)
			return errors.Join(failed, err)
		}
	}
	if err := beside.Write(path, text("old", nil)); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := beside.Write(path, text("ne", broken)); !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "old" {
		t.Errorf("the file holds %q, %v", b, err)
	}
}

// TestNothingIsLeftOfTheKilled looks beside a file that is being written: where the system has
// files without names there is nothing to be left behind.
func TestNothingIsLeftOfTheKilled(t *testing.T) {
	dir := t.TempDir()
	f, err := beside.Create(filepath.Join(dir, "a.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Discard()
	if _, err := io.WriteString(f, "text"); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 && goruntime.GOOS == "linux" && f.Name() == dir {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || entries[0].Name() != "a.txt" {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	info, err := os.Stat(filepath.Join(dir, "a.txt"))
	if err != nil || info.Size() != 4 || info.Mode().Perm()&0o600 != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}
