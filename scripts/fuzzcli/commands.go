package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// calls are what is run, with flags that may be left out and values for them.
var calls = [][]string{
	{"check", "m.onnx"},
	{"inspect", "m.onnx"},
	{"verify", "m.onnx"},
	{"verify", "m.onnx", "--layers"},
	{"verify", "m.onnx", "--engine", "gorgonia"},
	{"verify", "m.onnx", "--gradients"},
	{"verify", "m.onnx", "--images", "one.jpg", "--preprocess", "plain"},
	{"verify", "m.onnx", "--against", "m.onnx"},
	{"verify", "m.onnx", "--report", "out.html", "--report", "out.xml"},
	{"infer", "-m", "m.onnx", "--preprocess", "plain", "one.jpg", "folder"},
	{"infer", "-m", "m.onnx", "--preprocess", "plain", "--engine", "gorgonia", "folder"},
	{"eval", "m.onnx", "--preprocess", "plain", "--data", "folder", "--engine", "gorgonia"},
	{"bench", "m.onnx", "--seconds", "0.1", "--no-peak", "--batch", "1"},
	{"train", "-m", "m.onnx", "--data", "folder", "--preprocess", "plain", "--epochs", "1", "--run", "out.run", "-o", "out.onnx"},
	{"train", "--variant", "cifar", "--data", "fashion-mnist", "--data-dir", "data", "--epochs", "1", "--limit", "4", "--batch", "2", "--dry-run"},
	{"train", "--variant", "cifar", "--data", "cifar10", "--data-dir", "data", "--epochs", "1", "--limit", "4", "--batch", "2", "--dry-run"},
}

// flags are added, with one of the values.
var flags = map[string][]string{
	"--batch":       {"0", "-1", "1", "7", "99999999", "9223372036854775807"}, // a large one takes its time
	"--threads":     nil,
	"--limit":       nil,
	"--seed":        nil,
	"--top":         nil,
	"--device":      nil,
	"--dim":         {"N=0", "N=1", "N=9223372036854775807", "=", "N=-1"},
	"--value-range": {"0:1", "1:0", "-1e300:1e300", "nan:nan", "x=0:1", ":"},
	"--tolerance":   {"scaled:0", "scaled:-1", "atol:1,rtol:nan", "z=scaled:1e-3", "much"},
	"--max-pixels":  {"0.001", "-1", "nan", "1e9"},
	"--max-memory":  {"64MiB", "1", "", "1e30GiB"},
	"--engine":      {"reference", "onnx-go", "ort@threads=100000000", "ort@opt=all", "gorgonia@precision=bf16", ",", "ort:cuda"},
	"--activation":  {"softmax", "logits", "nothing"},
	"--layout":      {"NHWC", "NCHW", ""},
	"--preprocess":  {"imagenet", "{", `{"version":1}`, "caffe"},
	"--labels":      {"m.onnx", "missing", "one.jpg"},
	"--inputs":      {"m.onnx", "data", "missing.npz"},
	"--json":        {},
	"--quiet":       {},
}

// command chooses a call and adds flags, most of which are wrong.
func command(r *rand.Rand) []string {
	args := slices.Clone(calls[r.IntN(len(calls))])
	var names []string
	for name := range flags {
		names = append(names, name)
	}
	slices.Sort(names)
	for r.IntN(3) == 0 {
		name := names[r.IntN(len(names))]
		values := flags[name]
		switch {
		case values == nil:
			args = append(args, fmt.Sprintf("%s=%d", name, extremes[r.IntN(len(extremes))]))
		case len(values) == 0:
			args = append(args, name)
		default:
			args = append(args, name+"="+values[r.IntN(len(values))])
		}
	}
	return args
}
