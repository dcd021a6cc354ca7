package runtimetest

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
)

// officialDir is where Debian's libonnx-testdata puts ONNX's node tests.
const officialDir = "/usr/share/libonnx-testdata/data/node"

// officialList names every official node test of the operators and opsets that
// package op understands, one a line; one that engines leave out has their names,
// or "all", and the reason behind its own.
//
//go:embed official.txt
var officialList string

// Tolerances of the official tests: ONNX's own backend runner allows a relative
// error of 1e-3 and an absolute one of 1e-7. Here the scaled error must stay within
// what float32 arithmetic explains, and within half precision's for FLOAT16.
const (
	officialTolerance = 1e-5
	halfTolerance     = 1e-3
)

// Official runs ONNX's node tests on an engine, called name in the list. It fails
// if what there is to run differs from the list.
func Official(t *testing.T, e runtime.Engine, name string) {
	OfficialExcept(t, e, name, func(error) bool { return false })
}

// OfficialExcept is Official for an engine that refuses what it cannot do: those tests are
// left out, and counted.
func OfficialExcept(t *testing.T, e runtime.Engine, name string, refused func(error) bool) {
	Need(t, e)
	refusals := 0
	ran := EachOfficial(t, name, func(t *testing.T, m *onnx.Model, dir string) {
		if err := officialTest(t, e, m, dir); err != nil {
			if !refused(err) {
				t.Fatal(err)
			}
			refusals++
		}
	})
	t.Logf("%d official node tests ran, %d were refused", ran-refusals, refusals)
}

// EachOfficial calls f with each of ONNX's node tests that the list does not leave out for
// the engine called name, as a test of its own, and returns how many there were.
func EachOfficial(t *testing.T, name string, f func(t *testing.T, m *onnx.Model, dir string)) (ran int) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(officialDir, "*", "model.onnx"))
	if err != nil || len(found) == 0 {
		t.Skip("ONNX's node tests are not here: install Debian's libonnx-testdata")
	}
	listed, leftOut := officialTests(name)
	const most = 85
	if len(leftOut) > most {
		t.Errorf("%d tests are left out, at most %d may be", len(leftOut), most)
	}
	var present []string
	for _, file := range found {
		test := filepath.Base(filepath.Dir(file))
		m, err := onnx.Open(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if understood(m) {
			present = append(present, test)
			if leftOut[test] == "" {
				ran++
				t.Run(test, func(t *testing.T) { f(t, m, filepath.Dir(file)) })
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(present)
	slices.Sort(listed)
	if !slices.Equal(present, listed) {
		t.Errorf("the tests present differ from official.txt: missing there %v, not present %v",
			minus(present, listed), minus(listed, present))
	}
	return ran
}

// officialTests reads the list: every test, and why some are left out for an engine.
func officialTests(name string) (listed []string, leftOut map[string]string) {
	leftOut = map[string]string{}
	for line := range strings.Lines(officialList) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		listed = append(listed, fields[0])
		if len(fields) > 2 && (fields[1] == "all" || slices.Contains(strings.Split(fields[1], ","), name)) {
			leftOut[fields[0]] = strings.Join(fields[2:], " ")
		}
	}
	return listed, leftOut
}

func minus(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// understood reports whether the model uses only operators and an opset of package op.
func understood(m *onnx.Model) bool {
	if m.Opset() < op.MinOpset || m.Opset() > op.MaxOpset || len(m.Functions) > 0 {
		return false
	}
	for _, n := range m.Graph.Nodes {
		if !onnx.IsStandardDomain(n.Domain) || op.Find(n.OpType) == nil {
			return false
		}
	}
	return true
}

func officialTest(t *testing.T, e runtime.Engine, m *onnx.Model, dir string) error {
	s, err := e.Prepare(t.Context(), m)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	sets, err := filepath.Glob(filepath.Join(dir, "test_data_set_*"))
	if err != nil || len(sets) == 0 {
		t.Fatalf("no data sets: %v", err)
	}
	for _, set := range sets {
		in := runtime.Tensors{}
		for i, v := range m.Graph.Inputs {
			if x := readValue(t, set, "input", i, v.Type.Elem); x != nil {
				in[v.Name] = x
			}
		}
		out, err := s.Run(t.Context(), in)
		if err != nil {
			return err
		}
		for i, v := range m.Graph.Outputs {
			compareOfficial(t, v.Name, out[v.Name], readValue(t, set, "output", i, v.Type.Elem))
		}
	}
	return nil
}

// readValue reads one file of a data set, or returns nil for an input that has none.
// The official files hold BFLOAT16 values as UINT16, so declared decides.
func readValue(t *testing.T, dir, kind string, i int, declared onnx.DataType) *runtime.Tensor {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%s_%d.pb", kind, i)))
	if err != nil {
		if os.IsNotExist(err) && kind == "input" {
			return nil
		}
		t.Fatal(err)
	}
	x, err := onnx.ParseTensor(b)
	if err != nil {
		t.Fatal(err)
	}
	v, err := runtime.FromONNX(x)
	if err != nil {
		t.Fatal(err)
	}
	if declared == onnx.BFloat16 && v.Type == onnx.Uint16 {
		v.Type = onnx.BFloat16
	}
	return v
}

func compareOfficial(t *testing.T, name string, got, want *runtime.Tensor) {
	t.Helper()
	if got == nil || fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		t.Errorf("output %q is %v, want %v", name, got, want)
		return
	}
	if want.Type.IsInteger() || want.Type == onnx.Bool {
		a, err := got.Ints()
		b, _ := want.Ints()
		if err != nil || got.Type != want.Type || !slices.Equal(a, b) {
			t.Errorf("output %q is %s %v, want %s %v (%v)", name, got, a, want, b, err)
		}
		return
	}
	a, err := got.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := want.Float64s()
	tolerance := officialTolerance
	if want.Type == onnx.Float16 || want.Type == onnx.BFloat16 {
		tolerance = halfTolerance
	}
	if e := Compare(a, b).Scaled; e > tolerance {
		t.Errorf("output %q: scaled error %.3g, at most %g allowed", name, e, tolerance)
	}
}
