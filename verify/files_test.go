package verify_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"alexctl/internal/npy"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/verify"
)

// fileGraph takes a float image and an optional list of numbers.
func fileGraph() *onnx.Graph {
	return &onnx.Graph{
		Inputs:  []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(2, 3))}, {Name: "n", Type: onnx.TensorType(onnx.Int64, onnx.FixedShape(2))}},
		Outputs: []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1))}},
	}
}

func TestInputFiles(t *testing.T) {
	g := fileGraph()
	in := runtime.Tensors{"x": {Type: onnx.Float, Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}}, "n": {Type: onnx.Int64, Shape: []int{2}, Data: []int64{7, -8}}}
	out := runtime.Tensors{"y": {Type: onnx.Float, Shape: []int{1}, Data: []float32{9}}}
	dir := t.TempDir()
	one, other := filepath.Join(dir, "test_data_set_0"), filepath.Join(dir, "test_data_set_1")
	for _, set := range []string{one, other} {
		if err := verify.WriteDataSet(set, g, in, out); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"input_0.pb", "input_1.pb", "output_0.pb"} { // as ONNX Runtime names them
		if err := os.Rename(filepath.Join(other, name), filepath.Join(other, strings.ReplaceAll(name, "_", ""))); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := verify.WriteArrays(&b, in); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "x.npz")
	if err := os.WriteFile(archive, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, sets := range map[string]int{one: 1, other: 1, dir: 2, archive: 1} {
		got, err := verify.ReadInputs(path, g)
		if err != nil || len(got) != sets {
			t.Fatalf("%s: %+v, %v", path, got, err)
		}
		for _, r := range got {
			if !reflect.DeepEqual(r.Inputs, in) || path != archive && !reflect.DeepEqual(r.Outputs, out) {
				t.Errorf("%s: %v %v", path, r.Inputs, r.Outputs)
			}
		}
	}
	// numpy's float64 becomes what the model wants; other types stay what they are.
	double := npy.Array{Type: "f8", Shape: []int{2}, Data: make([]byte, 16)}
	b.Reset()
	if err := double.Write(&b); err != nil {
		t.Fatal(err)
	}
	single := filepath.Join(dir, "x.npy")
	if err := os.WriteFile(single, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	g.Inputs = g.Inputs[:1]
	if got, err := verify.ReadInputs(single, g); err != nil || got[0].Inputs["x"].Type != onnx.Float {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestBadInputFiles has what strangers may send.
func TestBadInputFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty := filepath.Join(dir, "empty")
	if err := os.MkdirAll(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "nowhere.npz"):                        "no such file",
		file("x.txt", "hello"):                                   "want an .npz or .npy file",
		file("x.npz", "PK\x03\x04 broken"):                       "not an .npz archive",
		filepath.Dir(file("set/input_0.pb", "\xff\xff\xff\xff")): "not a TensorProto",
		empty: `there is no file for input "x"`,
	} {
		if got, err := verify.ReadInputs(path, fileGraph()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, error %v, want %q", path, got, err, want)
		}
	}
}
