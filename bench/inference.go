package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"alexctl/onnx"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
)

// inference compares running a model on tensors that are ready: ONNX Runtime through
// alexctl, from Node and from Python, Gorgonia with the kernels over oneDNN, and PyTorch at
// its best. Two threads each.
func (b *bench) inference(ctx context.Context) error {
	torch, python := b.has(ctx, "torch, torchvision"), b.has(ctx, "onnxruntime")
	for _, w := range b.of([]workload{{"cifar", 32, 128}, {"pwc", 227, 1}, {"pwc", 227, 32}, {"zhihu", 227, 1}, {"zhihu", 227, 32}, {"torchvision", 224, 32}}) {
		model := filepath.Join(b.dir, w.variant+".onnx")
		if _, err := measure(ctx, b.alexctl, "build", "--variant", w.variant, "-q", "-o", model); err != nil {
			return err
		}
		var racers []racer
		for _, engine := range []string{"ort", "onednn", "plain"} {
			name := "alexctl, ONNX Runtime " + ort.Version
			if engine != "ort" {
				name = "alexctl, Gorgonia, " + engine
			}
			r, err := ours(name, "infer:"+engine, append(w.args(), model)...)
			if err != nil {
				return err
			}
			racers = append(racers, r)
		}
		at := []string{model, strconv.Itoa(w.side), strconv.Itoa(w.batch)}
		racers = append(racers, racer{"ONNX Runtime " + ort.Version + ", Node", append([]string{"node", peer("ort_infer.cjs")}, at...)})
		if python {
			racers = append(racers, racer{"ONNX Runtime, Python", append([]string{b.python, peer("ort_infer.py")}, at...)})
		}
		if torch {
			var settings []racer
			for _, form := range []string{"contiguous", "channels_last"} {
				for _, mode := range []string{"eager", "compile"} {
					settings = append(settings, racer{fmt.Sprintf("PyTorch %s, %s", mode, form),
						append([]string{b.python, peer("torch_infer.py"), form, mode}, w.args()...)})
				}
			}
			racers = append(racers, best(ctx, w.String(), settings)...)
		}
		if err := b.race(ctx, w.String(), w.batch, racers); err != nil {
			return err
		}
	}
	return nil
}

// ourInference returns a run of a model by one of our engines.
func ourInference(w workload, engine, path string) (func() error, error) {
	var e runtime.Engine = gorgonia.Engine{Kernels: gorgonia.Kernels{Set: engine, Threads: stepThreads}}
	if engine == "ort" {
		var err error
		if e, err = ort.New(ort.Config{Threads: stepThreads}); err != nil {
			return nil, err
		}
	}
	m, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := e.Prepare(context.Background(), m)
	if err != nil {
		return nil, err
	}
	x := runtime.Tensors{m.Graph.DataInputs()[0].Name: {Type: onnx.Float, Shape: []int{w.batch, 3, w.side, w.side},
		Data: randomValues(w.batch * 3 * w.side * w.side)}}
	return func() error {
		_, err := s.Run(context.Background(), x)
		return err
	}, nil
}
