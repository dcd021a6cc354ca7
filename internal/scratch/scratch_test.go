//go:build unix

package scratch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"alexctl/internal/scratch"
)

// TestSweep has a process make a folder and be killed: the folder goes at the next look, that
// of a living one stays.
func TestSweep(t *testing.T) {
	if os.Getenv("SCRATCH_CHILD") != "" {
		f, err := scratch.New()
		if err == nil {
			err = os.WriteFile(filepath.Join(f.Path, "large"), make([]byte, 1<<20), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		return
	}
	t.Setenv("TMPDIR", t.TempDir())
	mine, err := scratch.New()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestSweep$")
	c.Env = append(os.Environ(), "SCRATCH_CHILD=1")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	folders := func() int {
		list, err := filepath.Glob(filepath.Join(os.TempDir(), "alexctl-scratch-*", "large"))
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	for folders() == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	scratch.Sweep()
	if folders() != 1 {
		t.Error("the folder of a living process was removed")
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	other := filepath.Join(os.TempDir(), "alexctl-scratch-of-another-program")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	scratch.Sweep()
	if folders() != 0 {
		t.Error("the folder of a killed process is still there")
	}
	for _, dir := range []string{mine.Path, other} {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("it is gone: %v", err)
		}
	}
	if err := mine.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine.Path); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}
