package runtimetest

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alexctl/onnx"
	"alexctl/runtime"
)

// newestDir names the folder with the newest node tests of the onnx package, as make_node_tests.py
// writes them.
const newestDir = "ALEXCTL_NODE_TESTS"

// newestList names those that are left out, with the reason behind the name.
//
//go:embed newest.txt
var newestList string

// Newest runs the newest node tests of the onnx package that are of operators that are understood
// here, where they have been written to a folder, and says how many they are.
func Newest(t *testing.T, e runtime.Engine) {
	dir := os.Getenv(newestDir)
	if dir == "" {
		t.Skip("the newest node tests are not here: runtime/runtimetest/make_node_tests.py writes them for " + newestDir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "model.onnx"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", dir, err)
	}
	left := map[string]bool{}
	for line := range strings.Lines(newestList) {
		if name, _, _ := strings.Cut(line, " "); !strings.HasPrefix(name, "#") {
			left[strings.TrimSpace(name)] = true
		}
	}
	known, ran := 0, 0
	for _, file := range files {
		test := filepath.Base(filepath.Dir(file))
		m, err := onnx.Open(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if understood(m) && ordinary(m) {
			known++
			if !left[test] {
				ran++
				t.Run(test, func(t *testing.T) {
					if err := officialTest(t, e, m, filepath.Dir(file)); err != nil {
						t.Fatal(err)
					}
				})
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	if known == 0 {
		t.Error("none is of operators that are understood")
	}
	t.Logf("%d of %d tests are of operators that are understood, %d of them ran", known, len(files), ran)
}

// ordinary reports whether all inputs and outputs are tensors of types that this module has: not
// sequences, and not numbers of less than eight bits.
func ordinary(m *onnx.Model) bool {
	for _, v := range append(append([]*onnx.Value{}, m.Graph.Inputs...), m.Graph.Outputs...) {
		if !v.Type.IsTensor() || !v.Type.Elem.IsFloat() && !v.Type.Elem.IsInteger() && v.Type.Elem != onnx.Bool || v.Type.Elem.Bits() < 8 {
			return false
		}
	}
	return true
}
