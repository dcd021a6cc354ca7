package builder_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"alexctl/builder"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// published holds each variant's parameters and multiply-accumulate operations by
// layer, conv1 to fc8, computed independently (PyTorch forward hooks where PyTorch
// has the network).
var published = map[string]struct{ parameters, macs [8]int64 }{
	"cifar": {[8]int64{1792, 110784, 663936, 884992, 590080, 4198400, 16781312, 40970},
		[8]int64{442368, 7077888, 10616832, 14155776, 9437184, 4194304, 16777216, 40960}},
	"pwc": {[8]int64{34944, 614656, 885120, 1327488, 884992, 37752832, 16781312, 4097000},
		[8]int64{105415200, 447897600, 149520384, 224280576, 149520384, 37748736, 16777216, 4096000}},
	"zhihu": {[8]int64{34944, 307456, 885120, 1327488, 884992, 37752832, 16781312, 4097000},
		[8]int64{105415200, 223948800, 149520384, 224280576, 149520384, 37748736, 16777216, 4096000}},
	"paper": {[8]int64{34944, 307456, 885120, 663936, 442624, 37752832, 16781312, 4097000},
		[8]int64{105415200, 223948800, 149520384, 112140288, 74760192, 37748736, 16777216, 4096000}},
	"caffe": {[8]int64{34944, 307456, 885120, 663936, 442624, 37752832, 16781312, 4097000},
		[8]int64{105415200, 223948800, 149520384, 112140288, 74760192, 37748736, 16777216, 4096000}},
	"caffenet": {[8]int64{34944, 307456, 885120, 663936, 442624, 37752832, 16781312, 4097000},
		[8]int64{105415200, 223948800, 149520384, 112140288, 74760192, 37748736, 16777216, 4096000}},
	"torchvision": {[8]int64{23296, 307392, 663936, 884992, 590080, 37752832, 16781312, 4097000},
		[8]int64{70276800, 223948800, 112140288, 149520384, 99680256, 37748736, 16777216, 4096000}},
}

func build(t *testing.T, name string, o builder.Options) *onnx.Model {
	t.Helper()
	v, err := builder.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := v.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParametersAndMACs(t *testing.T) {
	for _, v := range builder.Variants() {
		want, ok := published[v.Name]
		if !ok {
			t.Errorf("%s: no published counts", v.Name)
			continue
		}
		layers := op.Summarize(build(t, v.Name, builder.Options{})).Layers
		layers = slices.DeleteFunc(layers, func(l op.Layer) bool { return l.Parameters == 0 && l.MACs == 0 })
		if len(layers) != 8 {
			t.Errorf("%s: %d layers with parameters or operations, want 8", v.Name, len(layers))
			continue
		}
		for i, l := range layers {
			if l.Parameters != want.parameters[i] || l.MACs != want.macs[i] {
				t.Errorf("%s %s: %d parameters and %d MACs, want %d and %d", v.Name, l.Name,
					l.Parameters, l.MACs, want.parameters[i], want.macs[i])
			}
		}
	}
}

// TestEveryOptionChecks builds every variant in every form, which must pass the check.
func TestEveryOptionChecks(t *testing.T) {
	for _, v := range builder.Variants() {
		forms := []builder.Options{{}, {Opset: 17}, {Opset: 21}, {Classes: 10, Channels: 1, Batch: 4, Softmax: true}, {NoGroups: true}}
		if v.LRN != "" {
			forms = append(forms, builder.Options{LRN: "op"}, builder.Options{LRN: "averagepool"}, builder.Options{LRNWithinChannel: true, LRN: "averagepool"})
		}
		for _, o := range forms {
			m := build(t, v.Name, o)
			if f := op.Check(m); len(f.Problems)+len(f.Warnings)+len(f.Unchecked) > 0 {
				t.Errorf("%s %+v: %v %v", v.Name, o, f.Problems, f.Unchecked)
			}
		}
	}
}

// TestSmallestInput has the sizes at which the closed forms of the shape chains
// become positive.
func TestSmallestInput(t *testing.T) {
	for name, smallest := range map[string]int{"cifar": 15, "pwc": 67, "zhihu": 67, "paper": 36, "caffe": 39, "caffenet": 39, "torchvision": 63} {
		v, _ := builder.Find(name)
		if _, err := v.Build(builder.Options{Input: smallest}); err != nil {
			t.Errorf("%s at %d: %v", name, smallest, err)
		}
		_, err := v.Build(builder.Options{Input: smallest - 1})
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("sizes from %d work", smallest)) {
			t.Errorf("%s at %d: error is %v", name, smallest-1, err)
		}
	}
}

// TestOtherInputs checks features of the last convolution at sizes around the
// natural one, where rounding up and down differ.
func TestOtherInputs(t *testing.T) {
	for _, c := range []struct {
		variant  string
		input    int
		features int64
	}{
		{"cifar", 31, 1024}, {"cifar", 46, 1024}, {"cifar", 47, 256 * 9}, {"cifar", 28, 256},
		{"zhihu", 227, 9216}, {"zhihu", 258, 9216}, {"zhihu", 226, 256 * 25},
		{"paper", 196, 9216}, {"paper", 224, 9216}, {"paper", 227, 9216}, {"paper", 228, 256 * 49},
		{"caffe", 199, 9216}, {"caffe", 230, 9216}, {"caffe", 198, 256 * 25},
		{"torchvision", 63, 9216}, {"torchvision", 224, 9216}, {"torchvision", 300, 9216},
	} {
		m := build(t, c.variant, builder.Options{Input: c.input})
		for _, n := range m.Graph.Nodes {
			if n.OpType == "Gemm" {
				if got := m.Graph.Initializer(n.Inputs[1]).Dims[1]; got != c.features {
					t.Errorf("%s at %d: %d features, want %d", c.variant, c.input, got, c.features)
				}
				break
			}
		}
	}
}

func TestRefusedOptions(t *testing.T) {
	for name, c := range map[string]struct {
		variant string
		o       builder.Options
		want    string
	}{
		"lrn":      {"cifar", builder.Options{LRN: "op"}, "no local response normalization"},
		"within":   {"zhihu", builder.Options{LRN: "op", LRNWithinChannel: true}, "across channels"},
		"alpha":    {"zhihu", builder.Options{LRNAlpha: "text"}, "only the paper"},
		"channels": {"zhihu", builder.Options{Channels: 2}, "2 channels"},
		"opset":    {"zhihu", builder.Options{Opset: 12}, "13 to 21"},
		"labels":   {"zhihu", builder.Options{Labels: []string{"a"}}, "1 labels for 1000 classes"},
		"init":     {"zhihu", builder.Options{Init: "hee"}, "did you mean he?"},
	} {
		v, err := builder.Find(c.variant)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = v.Build(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

// TestBytes pins the exact bytes of every variant, which must not depend on the
// machine. Small inputs and few classes keep it quick; every initialization occurs.
func TestBytes(t *testing.T) {
	for _, c := range []struct {
		variant, init, sha string
	}{
		{"cifar", "source", "bcec256a55780a21b2ae1a86390c071ef6a95e4b438e1b9106fb27a0641f3dbe"},
		{"pwc", "source", "862a303dd86e75e326ee9fdbd0f2f70461e3565e7c6593ce80a0e59380f78f3c"},
		{"zhihu", "he", "6b4d508b2cf47b7e3c54e9770470011f65ebf345656cc2692ecf32e20403d0e4"},
		{"paper", "source", "57eddfafc469485d3fb1e372e45ec2d2805168a5da6a23fa8ef335a31298956d"},
		{"caffe", "source", "1d618216841bbc2f7799277a218ec19bd26e0d4fdc163770b3f88596d1f768ce"},
		{"caffenet", "paper", "9e4a0adc4a191f74e43ead4b66db0d7c7f51bf8a501ee944c1f1f57a208b58e9"},
		{"torchvision", "zeros", "55514732cb87c906ff7f0c80f09280e0f6630cdf6e7e5d0d664e5981e22c2b88"},
	} {
		v, _ := builder.Find(c.variant)
		m := build(t, c.variant, builder.Options{Input: max(67, v.Input/4), Classes: 10, Init: c.init, Seed: 7})
		w, err := m.WriteFile(context.Background(), filepath.Join(t.TempDir(), "m.onnx"), onnx.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if w.SHA256 != c.sha {
			t.Errorf("{%q, %q, %q}", c.variant, c.init, w.SHA256)
		}
	}
}
