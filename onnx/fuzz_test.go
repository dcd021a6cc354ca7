package onnx_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

// FuzzOpen reads arbitrary bytes as a model, checks it and writes what can be
// written: what comes back must read the same.
func FuzzOpen(f *testing.F) {
	files, _ := filepath.Glob("/usr/share/libonnx-testdata/data/node/*/model.onnx")
	for i, name := range files {
		if b, err := os.ReadFile(name); err == nil && i%9 == 0 && len(b) < 5000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { fuzzModel(t, b) })
}

// fuzzModel reads, checks, infers, summarizes and writes b as a model.
func fuzzModel(t *testing.T, b []byte) {
	m, err := onnx.Parse(b)
	if err != nil {
		return
	}
	op.Check(m)
	op.Summarize(m)
	first, err := m.Bytes()
	if err != nil {
		return
	}
	again, err := onnx.Parse(first)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v", err)
	}
	second, err := again.Bytes()
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("writing twice differs (%v)", err)
	}
}
