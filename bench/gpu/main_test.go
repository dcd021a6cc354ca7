package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alexctl/runtime/ort"
	"alexctl/runtime/runtimetest"
	"alexctl/verify"
)

// TestOnTheCPU runs the suite up to the device: on the CPU, at a batch that is larger than
// what is compared.
func TestOnTheCPU(t *testing.T) {
	if testing.Short() {
		t.Skip("it verifies a network of 20 million weights")
	}
	e, err := ort.New(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	runtimetest.Need(t, e)
	r, err := suite{provider: "cpu", variants: []string{"cifar"}, batches: []int{1, 2 * sample}, seconds: 0.01}.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK || len(r.Runs) != 2 {
		t.Fatalf("%+v", r)
	}
	for _, x := range r.Runs {
		if x.Status != verify.Pass || len(x.Kinds) == 0 || x.PerSecond <= 0 || x.Placement["CPUExecutionProvider"] == 0 || len(x.Placement) != 1 {
			t.Errorf("%+v", x)
		}
	}
	path := filepath.Join(t.TempDir(), "r.json")
	if err := write(path, r); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || !json.Valid(b) {
		t.Errorf("%v: %s", err, b)
	}
}

// TestWithoutGPU wants the reason why there is nothing to run, and each piece with it.
func TestWithoutGPU(t *testing.T) {
	e, err := ort.New(ort.Config{Provider: "cuda"})
	if err != nil {
		t.Fatal(err)
	}
	if e.Check(t.Context()) == nil {
		t.Skip("there may be a GPU here")
	}
	r, err := suite{provider: "cuda", variants: []string{"cifar"}, batches: []int{1}}.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.OK || !strings.Contains(r.Reason, "ort:cuda cannot be used") || len(r.Pieces) == 0 || r.Pieces[0].Name != "core" {
		t.Errorf("%+v", r)
	}
}
