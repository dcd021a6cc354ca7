// Package examples tests the programs in its folders as a user would run them.
package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program builds an example.
func program(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-o", path, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", filepath.Base(name), args, err, out)
	}
	return string(out)
}

// TestExamples trains a model, classifies a picture with it and rewrites it.
func TestExamples(t *testing.T) {
	dir := t.TempDir()
	model, short := filepath.Join(dir, "m.onnx"), filepath.Join(dir, "short.onnx")
	if s := output(t, program(t, "train"), model, "100"); !strings.Contains(s, "m.onnx: verified true") {
		t.Errorf("train says %s", s)
	}
	if s := output(t, program(t, "classify"), model, "../testdata/sample/ankle-boot.png"); strings.Count(s, "{") != 3 || !strings.Contains(s, "<nil>") {
		t.Errorf("classify says %s", s)
	}
	if s := output(t, program(t, "rewrite"), model, short, "pool1"); !strings.Contains(s, "strip: dropout1") || !strings.Contains(s, "expose: pool1") {
		t.Errorf("rewrite says %s", s)
	}
	if info, err := os.Stat(short); err != nil || info.Size() == 0 {
		t.Error(err)
	}
}

// TestShort wants the first example to stay as short as it is said to be.
func TestShort(t *testing.T) {
	b, err := os.ReadFile("classify/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), "\n"); n > 25 {
		t.Errorf("classify has %d lines", n)
	}
}
