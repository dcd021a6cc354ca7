//go:build onednn && cgo && linux && (amd64 || arm64)

package onednn

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"alexctl/fault"
)

// TestWithoutLibrary runs this test's program where the library is another, or none: the kernels
// are not there, and nothing else happens.
func TestWithoutLibrary(t *testing.T) {
	if os.Getenv("TEST_WITHOUT_LIBRARY") != "" {
		_, err := New(1, Float32)
		if fault.KindOf(err) != fault.Environment || !strings.Contains(err.Error(), LibraryEnv) {
			t.Errorf("%v", err)
		}
		if BFloat16Unit() != "" {
			t.Error("it computes in bfloat16")
		}
		return
	}
	text := t.TempDir() + "/libdnnl.so"
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, library := range []string{"/nowhere/libdnnl.so", text, "libc.so.6"} {
		c := exec.Command(os.Args[0], "-test.run=^TestWithoutLibrary$")
		c.Env = append(os.Environ(), "TEST_WITHOUT_LIBRARY=1", LibraryEnv+"="+library)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", library, err, out)
		}
	}
}
