package onnx_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alexctl/fault"
	"alexctl/onnx"
)

// zipped makes an archive of names.
func zipped(t *testing.T, names ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestForeignFormats wants files of other kinds named as what they are, with what to do.
func TestForeignFormats(t *testing.T) {
	for name, c := range map[string]struct{ content, says, hint string }{
		"a.pth":         {zipped(t, "alexnet/data.pkl", "alexnet/data/0", "alexnet/version"), "a checkpoint of PyTorch", "torch.onnx.export"},
		"script.pt":     {zipped(t, "m/data.pkl", "m/code/__torch__.py"), "a TorchScript model", "torch.jit.load"},
		"program.pt2":   {zipped(t, "p/archive_format", "p/models/model.json"), "torch.export saved", "torch.export.load"},
		"old.pth":       {"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M", "a pickle", "torch.onnx.export"},
		"a.safetensors": {"\x40\x00\x00\x00\x00\x00\x00\x00{\"w\":{\"dtype\":\"F32\"}}", "safetensors", "torch.onnx.export"},
		"a.h5":          {"\x89HDF\r\n\x1a\n\x00\x00", "HDF5", "--keras"},
		"a.keras":       {zipped(t, "metadata.json", "config.json", "model.weights.h5"), "a Keras model", "model.export"},
		"a.tflite":      {"\x1c\x00\x00\x00TFL3\x00\x00", "TensorFlow Lite", "--tflite"},
		"a.ort":         {"\x1c\x00\x00\x00ORTM\x00\x00", "ONNX Runtime's own format", "ONNX file"},
		"a.gguf":        {"GGUF\x03\x00\x00\x00", "GGUF", "language model"},
		"a.onnx.gz":     {"\x1f\x8b\x08\x00\x00\x00", "gzip", "gunzip"},
		"pointer":       {"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "Git LFS", "git lfs pull"},
		"page":          {"\n<!DOCTYPE html>\n<html>", "a web page", "download"},
		"a.npz":         {zipped(t, "x.npy"), "NumPy arrays", "--inputs"},
		"a.zip":         {zipped(t, "readme.txt"), "an archive", "unpack"},
		"a.png":         {"\x89PNG\r\n\x1a\n\x00", "a picture", "--images"},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := onnx.Open(path)
		if fault.KindOf(err) != fault.Unsupported || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v (%v)", name, err, fault.KindOf(err))
			continue
		}
		if hints := fault.Hints(err); len(hints) != 1 || !strings.Contains(hints[0].Text, c.hint) {
			t.Errorf("%s: hints %+v", name, hints)
		}
	}
	for name, content := range map[string]string{"text": "hello", "empty": "", "zeros": strings.Repeat("\x00", 600), "cut": "PK\x03\x04"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := onnx.Open(path); err == nil || fault.KindOf(err) == fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}
