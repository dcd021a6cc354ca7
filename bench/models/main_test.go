package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"alexctl/internal/hashed"
	"alexctl/onnx"
	"alexctl/onnx/pass"
	"alexctl/runtime/ort"
	"alexctl/runtime/runtimetest"
)

// networks are PyTorch's exports for training, without their weights, with what PyTorch counts.
const networks = "../../train/testdata"

func unzipped(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFamilies tries one small network of each family, at inference, and counts as PyTorch's hooks do.
func TestFamilies(t *testing.T) {
	e, err := ort.New(ort.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	runtimetest.Need(t, e)
	var runs []struct {
		Network string `json:"network"`
		counts
	}
	if err := json.Unmarshal(unzipped(t, filepath.Join(networks, "families.json.gz")), &runs); err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		runs = runs[1:3]
	}
	for _, r := range runs {
		t.Run(r.Network, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "m.onnx")
			if err := os.WriteFile(path, unzipped(t, filepath.Join(networks, "families", r.Network+".onnx.gz")), 0o600); err != nil {
				t.Fatal(err)
			}
			m, err := onnx.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = m.Close() }()
			if m, err = hashed.Fill(m); err != nil {
				t.Fatal(err)
			}
			if m, _, err = pass.Run(m, pass.Inference()); err != nil {
				t.Fatal(err)
			}
			l, err := try(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			l.name = r.Network
			t.Log(l.row(r.counts))
			if !l.good() || l.parameters != r.Parameters || l.macs != r.MACs {
				t.Errorf("%s, want both engines to pass, %d parameters and %d products", l.row(r.counts), r.Parameters, r.MACs)
			}
		})
	}
}
