// Command models tries models of other hands, and prints one line of a table for each: whether check
// leaves a node unchecked, the worst margins of ONNX Runtime and of Gorgonia over all outputs and
// layers, and whether its parameters and products are those that PyTorch counts. bench/models/run calls
// it with torchvision's networks, as PyTorch exports them, and the small models of the onnx package.
//
//	go run ./bench/models [-counts count.json] MODEL.onnx ...
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/onnx/pass"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/verify"
)

// counts is what PyTorch counts of a network.
type counts struct {
	Parameters int64 `json:"parameters"`
	MACs       int64 `json:"macs"`
}

func main() {
	file := flag.String("counts", "", "JSON with what PyTorch counts, by the name before the first hyphen of a file's")
	flag.Parse()
	known := map[string]counts{}
	if *file != "" {
		b, err := os.ReadFile(*file)
		if err == nil {
			err = json.Unmarshal(b, &known)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "models:", err)
			os.Exit(1)
		}
	}
	fmt.Println("| model | nodes | unchecked | ONNX Runtime | its layers | Gorgonia | its layers | parameters | MACs | seconds |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	bad := 0
	for _, path := range flag.Args() {
		name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".onnx"), "-")
		l, err := tryFile(context.Background(), path)
		if err != nil {
			l = &line{problem: err.Error()}
		}
		l.name = strings.TrimSuffix(filepath.Base(path), ".onnx")
		fmt.Println(l.row(known[name]))
		if !l.good() {
			bad++
		}
	}
	if bad > 0 {
		fmt.Fprintf(os.Stderr, "models: %d of %d are not as they should be\n", bad, flag.NArg())
		os.Exit(1)
	}
}

// line is what was found of one model.
type line struct {
	name             string
	nodes, unchecked int
	engines          []engineLine
	parameters, macs int64
	took             time.Duration
	problem          string
}

// engineLine is the worst margin of an engine's outputs, and of its layers by themselves.
type engineLine struct {
	status, reason  string
	outputs, layers float64
}

// good reports whether every node was checked and both engines passed.
func (l *line) good() bool {
	ok := l.problem == "" && l.unchecked == 0
	for _, e := range l.engines {
		ok = ok && e.status == verify.Pass && e.outputs < 1 && e.layers < 1
	}
	return ok
}

// row is the line as one of a table.
func (l *line) row(want counts) string {
	if l.problem != "" {
		return fmt.Sprintf("| %s | %s |", l.name, l.problem)
	}
	cells := []string{l.name, fmt.Sprint(l.nodes), fmt.Sprint(l.unchecked)}
	for _, e := range l.engines {
		if e.status != verify.Pass {
			cells = append(cells, e.status, e.reason)
			continue
		}
		cells = append(cells, fmt.Sprintf("%.2g", e.outputs), fmt.Sprintf("%.2g", e.layers))
	}
	return "| " + strings.Join(append(cells, against(l.parameters, want.Parameters), against(l.macs, want.MACs), fmt.Sprintf("%.1f", l.took.Seconds())), " | ") + " |"
}

// against says a count, and by how much it differs from the one that is known.
func against(got, want int64) string {
	switch {
	case want == 0:
		return fmt.Sprint(got)
	case got == want:
		return fmt.Sprintf("%d =", got)
	}
	return fmt.Sprintf("%d (%+d)", got, got-want)
}

// tryFile opens a model and tries it.
func tryFile(ctx context.Context, path string) (_ *line, err error) {
	m, err := onnx.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return try(ctx, m)
}

// try puts the bodies of functions and decided branches in their places, as the command line does, checks a model, counts its parameters and compares both engines with the reference.
func try(ctx context.Context, m *onnx.Model) (*line, error) {
	began := time.Now()
	m, _, err := pass.Run(m, pass.Inline(), pass.Decide())
	if err != nil {
		return nil, err
	}
	found := op.Check(m)
	if err := found.Invalid(); err != nil {
		return nil, err
	}
	l := &line{nodes: len(m.Graph.Nodes), unchecked: len(found.Unchecked)}
	summary := op.Summarize(m)
	l.parameters, l.macs = summary.Parameters, summary.MACs
	inputs, err := verify.RandomInputs(m.Graph, verify.InputOptions{Batch: 1, Seed: 1})
	if err != nil {
		return nil, err
	}
	o, err := ort.New(ort.Config{Optimization: "all", Threads: 1})
	if err != nil {
		return nil, err
	}
	report, err := verify.Compare(ctx, m, []runtime.Engine{o, gorgonia.Engine{}}, []runtime.Tensors{inputs}, verify.Options{})
	if err != nil {
		return nil, err
	}
	for _, r := range report.Results {
		e := engineLine{status: r.Status, reason: r.Reason}
		for _, out := range r.Outputs {
			e.outputs = max(e.outputs, float64(out.Margin))
		}
		for _, k := range r.Kinds {
			e.layers = max(e.layers, float64(k.Margin))
		}
		l.engines = append(l.engines, e)
	}
	l.took = time.Since(began)
	return l, nil
}
