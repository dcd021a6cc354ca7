package train_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alexctl/internal/hashed"
	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/runtime/gorgonia"
	"alexctl/train"
)

const (
	// exactFamilies is the largest scaled difference from PyTorch in float64: batch normalization over
	// 16 numbers a channel, as the last layers have here, multiplies rounding by some hundred a layer.
	exactFamilies = 1e-8
	// attributeFamilies is for what ONNX keeps as float32 and PyTorch in float64: the momentum of
	// running statistics, and the sixth of HardSigmoid and HardSwish, by which all of MobileNetV3 goes.
	attributeFamilies = 4e-6
	// singleFamilies is that of the first loss in float32, for the same reason.
	singleFamilies = 1e-3
)

// unzipped returns what a file holds.
func unzipped(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// family opens PyTorch's export of a network for training, with hashed weights.
func family(t *testing.T, name string) *onnx.Model {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".onnx")
	if err := os.WriteFile(path, unzipped(t, "testdata/families/"+name+".onnx.gz"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	if m, err = hashed.Fill(m); err != nil {
		t.Fatal(err)
	}
	if m, _, err = train.Prepare(m); err != nil {
		t.Fatal(err)
	}
	return m
}

// familySteps trains as make_families.py does.
func familySteps[T kernel.Float](t *testing.T, name string, r torchRun) torchSteps {
	t.Helper()
	trainer, err := gorgonia.NewTrainer[T](family(t, name), gorgonia.TrainOptions{Batch: r.Batch, NoDropout: true, Kernels: gorgonia.Kernels{Set: "plain"}})
	if err != nil {
		t.Fatal(err)
	}
	c := train.Default()
	c.Optimizer, c.Momentum, c.WeightDecay, c.Threads = "sgd", 0.9, 5e-4, 2
	return follow(t, trainer, r, train.NewOptimizer(c, trainer.Parameters(), trainer.Pool()), 1e-3)
}

// TestFamiliesEqualPyTorch trains one member of each family of convolutional networks for three
// steps, as PyTorch exported them for training: losses, gradients, parameters and running statistics
// are PyTorch's.
func TestFamiliesEqualPyTorch(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	var runs []struct {
		Network string `json:"network"`
		torchRun
	}
	if err := json.Unmarshal(unzipped(t, "testdata/families.json.gz"), &runs); err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		t.Run(r.Network, func(t *testing.T) {
			exact := familySteps[float64](t, r.Network, r.torchRun)
			if e := worstLoss(exact.Losses, r.Float64.Losses); !(e <= exactFamilies) {
				t.Errorf("losses in float64 %v, want %v: scaled error %.3g", exact.Losses, r.Float64.Losses, e)
			}
			for what, both := range map[string][2]map[string]torchSample{"gradient": {exact.Gradients, r.Float64.Gradients}, "final value": {exact.Final, r.Float64.Final}} {
				if len(both[0]) != len(both[1]) {
					t.Errorf("%d parameters have a %s, PyTorch has %d", len(both[0]), what, len(both[1]))
				}
				worst := 0.0
				for name, want := range both[1] {
					const nothing = 1e-12 // a gradient that is only rounding, as that of a bias before a batch normalization
					e, most := want.error(both[0][name].Values), exactFamilies
					if strings.Contains(name, ".running_") || r.Network == "mobilenet_v3_small" {
						most = attributeFamilies
					} else if want.Largest > nothing {
						worst = math.Max(worst, e)
					}
					if want.Largest > nothing && !(e <= most) {
						t.Errorf("%s of %s in float64: scaled error %.3g", what, name, e)
					}
				}
				t.Logf("%s: scaled error %.3g", what, worst)
			}
			single := familySteps[float32](t, r.Network, r.torchRun)
			if e := worstLoss(single.Losses[:1], r.Float64.Losses[:1]); !(e <= singleFamilies) {
				t.Errorf("the first loss in float32: scaled error %.3g", e)
			}
		})
	}
}
