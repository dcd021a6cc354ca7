package onnx_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"alexctl/onnx"
)

// nodeTests is where Debian's libonnx-testdata keeps the official node tests.
const nodeTests = "/usr/lib/*/libonnx-testdata/data/node"

func TestRoundTripOfficialModels(t *testing.T) {
	files, _ := filepath.Glob("/usr/*/*/libonnx-testdata/data/node/*/model.onnx")
	more, _ := filepath.Glob("/usr/share/libonnx-testdata/data/node/*/model.onnx")
	files = append(files, more...)
	if len(files) == 0 {
		t.Skip("Debian's libonnx-testdata is not installed")
	}
	t.Log(len(files))
	for _, f := range files {
		m, err := onnx.Open(f)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		out := filepath.Join(t.TempDir(), "m.onnx")
		w, err := m.WriteFile(context.Background(), out, onnx.WriteOptions{})
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		b, _ := os.ReadFile(out)
		if int64(len(b)) != w.Bytes {
			t.Errorf("%s: %d bytes written, said %d", f, len(b), w.Bytes)
		}
		if p := onnx.Check(m); len(p) > 0 {
			t.Errorf("%s: %v", f, p)
		}
		m.Close()
	}
}
