package verify_test

import (
	"flag"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"alexctl/builder"
	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/onnxgo"
	"alexctl/runtime/ort"
	"alexctl/runtime/runtimetest"
	"alexctl/verify"
)

var calibrate = flag.Bool("calibrate", false, "compare every variant at its full size, three seeds, batches of 1, 2 and 5 (half an hour)")

// everyEngine is ONNX Runtime at all its levels, Gorgonia with all its kernels and onnx-go.
func everyEngine(t *testing.T) []runtime.Engine {
	t.Helper()
	var list []runtime.Engine
	for _, level := range []string{"off", "basic", "extended", "all"} {
		e, err := ort.New(ort.Config{Optimization: level, Threads: 1, Record: true})
		if err != nil {
			t.Fatal(err)
		}
		runtimetest.Need(t, e)
		list = append(list, e)
	}
	list = append(list, gorgonia.Engine{Kernels: gorgonia.Kernels{Set: "plain"}})
	if gorgonia.FasterKernels() == "" {
		list = append(list, gorgonia.Engine{Kernels: gorgonia.Kernels{Set: "onednn"}})
	}
	return list
}

// margins are the worst local margins, by operator and engine.
type margins map[string]map[string]float64

func (m margins) add(x verify.Result) {
	engine := x.Engine
	if x.Engine == "ort" || x.Engine == "gorgonia" { // by level, by kernels
		engine, _, _ = strings.Cut(x.Engine+" "+x.Settings[strings.Index(x.Settings, "=")+1:], ",")
		engine, _, _ = strings.Cut(engine, "-")
	}
	for _, k := range x.Kinds {
		if m[k.Op] == nil {
			m[k.Op] = map[string]float64{}
		}
		m[k.Op][engine] = max(m[k.Op][engine], float64(k.Margin))
	}
}

// rows are the table's.
func (m margins) rows() []string {
	columns := []string{"ort off", "ort basic", "ort extended", "ort all", "gorgonia plain", "gorgonia onednn", "onnx-go"}
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	rows := []string{"| operator | " + strings.Join(columns, " | ") + " |", "|---|---|---|---|---|---|---|---|"}
	for _, name := range names {
		row := "| " + name + " |"
		for _, c := range columns {
			cell := "–"
			if v, ok := m[name][c]; ok {
				cell = fmt.Sprintf("%.2g", v)
				if v == 0 {
					cell = "exact"
				}
			}
			row += " " + cell + " |"
		}
		rows = append(rows, row)
	}
	return rows
}

// TestEveryVariant compares every engine with the reference on every variant: at small
// inputs with narrow dense layers, one batch size each, or, with -calibrate, at full size,
// three seeds each, which makes the table in docs/verification.md.
func TestEveryVariant(t *testing.T) {
	if slow || testing.Short() {
		t.Skip("it runs seven variants on seven engines")
	}
	found := margins{}
	for k, v := range builder.Variants() {
		for i, size := range []int{1, 2, 5} {
			for _, pixels := range []bool{false, true} {
				if !*calibrate && (i != k%3 || pixels != (k%2 == 1)) {
					continue // one batch size and range for each
				}
				m := calibrated(t, v)
				o := verify.InputOptions{Batch: size, Spec: nil}
				if pixels {
					o.Ranges = map[string]verify.Range{"": {Low: 0, High: 255}}
				}
				var inputs []runtime.Tensors
				for seed := range 3 {
					o.Seed = uint64(seed)
					in, err := verify.RandomInputs(m.Graph, o)
					if err != nil {
						t.Fatal(err)
					}
					inputs = append(inputs, in)
				}
				if !*calibrate {
					inputs = inputs[i : i+1]
				}
				engines := everyEngine(t)
				if v.Name == "cifar" || v.Name == "torchvision" {
					engines = append(engines, onnxgo.Engine{})
				}
				r, err := verify.Compare(t.Context(), m, engines, inputs, verify.Options{})
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range r.Results {
					if x.Engine == "onnx-go" && v.Name == "torchvision" && !*calibrate {
						if x.Status != verify.Skipped { // its adaptive pool, at another size than its own
							t.Errorf("onnx-go runs torchvision at 67: %s", x.Status)
						}
						continue
					}
					if x.Status != verify.Pass {
						t.Errorf("%s, batch %d, pixels %v: %s %s: %s", v.Name, size, pixels, x.Name(), x.Status, x.Reason)
					}
					found.add(x)
				}
				if *calibrate {
					t.Logf("%s, batch %d, pixels %v done", v.Name, size, pixels)
				}
			}
		}
	}
	for op, engines := range found {
		for engine, v := range engines {
			if v >= 1 || math.IsNaN(v) {
				t.Errorf("%s on %s: margin %g", op, engine, v)
			}
		}
	}
	t.Log("\n" + strings.Join(found.rows(), "\n"))
	if *calibrate && !t.Failed() {
		writeTable(t, "margins", found.rows())
	}
}

// calibrated builds a variant: as it is, with He's weights on disk, or small.
func calibrated(t *testing.T, v builder.Variant) *onnx.Model {
	t.Helper()
	if !*calibrate {
		o := small6
		if v.Name == "cifar" {
			o = small
		}
		return sources{}.of(t, mistake{variant: v.Name, options: o})
	}
	m, err := v.Build(builder.Options{Init: "he", Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if _, err := m.WriteFile(t.Context(), path, onnx.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	file, err := onnx.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}
