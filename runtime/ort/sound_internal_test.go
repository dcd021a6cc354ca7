package ort

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	goruntime "runtime"
	"testing"
	"time"

	"alexctl/fault"
)

// TestDamagedLibrary cuts and changes libraries.
func TestDamagedLibrary(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("it cuts an ELF file")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) Library {
		path := filepath.Join(t.TempDir(), "lib.so")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return Library{Path: path, FoundBy: "the system"}
	}
	if err := write(b).sound(); err != nil {
		t.Errorf("a whole file: %v", err)
	}
	for name, cut := range map[string][]byte{
		"4 KiB missing": b[:len(b)-4096], "one byte missing": b[:len(b)-1], "the first MiB": b[:1<<20], "a head": b[:40], "nothing": nil, "text": []byte("hello"),
	} {
		if err := write(cut).sound(); fault.KindOf(err) != fault.Environment {
			t.Errorf("%s: %v", name, err)
		}
	}

	sum := sha256.Sum256(b)
	want := hex.EncodeToString(sum[:])
	l := write(b)
	if err := l.pinned(want); err != nil {
		t.Fatal(err)
	}
	stamp, err := os.Stat(l.Path + stampEnding)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.pinned(want); err != nil {
		t.Error(err)
	}
	if again, err := os.Stat(l.Path + stampEnding); err != nil || !os.SameFile(stamp, again) {
		t.Errorf("the digest was computed again: %v", err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(l.Path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(l.Path, later, later); err != nil {
		t.Fatal(err)
	}
	if err := l.pinned(want); fault.KindOf(err) != fault.Environment || len(fault.Hints(err)) == 0 {
		t.Errorf("a changed library: %v", err)
	}
}
