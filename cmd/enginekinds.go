package cmd

import (
	"fmt"
	"strconv"
	"strings"

	"alexctl/internal/table"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/onnxgo"
	"alexctl/runtime/ort"
)

// engineKind is an engine that commands can be asked for. A new one is a row in engineKinds.
type engineKind struct {
	name string
	// settings are the KEY=VALUE that it takes, each as help shows it: "tf32=0|1" or "threads".
	settings []string
	// make returns the engines of a name with its settings.
	make func(a *app, s *settingReader, f engineFlags, threads int, record bool) ([]runtime.Engine, error)
}

func engineKinds() []engineKind {
	return []engineKind{
		{"ort", []string{"opt=off|basic|extended|all", "threads", "device", "tf32=0|1", "mem=BYTES", "algo=default|heuristic|exhaustive", "fallback=0|1"}, makeOrt},
		{"gorgonia", []string{"kernels=plain|onednn", "precision=float32|bf16", "threads"},
			func(a *app, s *settingReader, _ engineFlags, threads int, _ bool) ([]runtime.Engine, error) {
				k := a.kernels(s.values["kernels"], s.values["precision"], s.number("threads", threads))
				return []runtime.Engine{gorgonia.Engine{Kernels: k}}, k.Valid()
			}},
		{"reference", []string{"threads"},
			func(a *app, s *settingReader, _ engineFlags, _ int, _ bool) ([]runtime.Engine, error) {
				return []runtime.Engine{a.reference(s.number("threads", a.threads))}, nil
			}},
		{"onnx-go", nil,
			func(*app, *settingReader, engineFlags, int, bool) ([]runtime.Engine, error) {
				return []runtime.Engine{onnxgo.Engine{}}, nil
			}},
	}
}

// Title returns the name.
func (k engineKind) Title() string { return k.name }

// engineNames are the names of the engines.
func engineNames() []string { return table.Names(engineKinds()) }

// keys are the names of the settings.
func (k engineKind) keys() []string {
	var keys []string
	for _, s := range k.settings {
		key, _, _ := strings.Cut(s, "=")
		keys = append(keys, key)
	}
	return keys
}

// engineHelp is the list of engines with their settings, for the help of verify.
func engineHelp() string {
	var lines []string
	for _, k := range engineKinds() {
		line := "  " + k.name
		if k.name == "ort" {
			line += ":" + strings.Join(ort.Providers(), "|")
		}
		if len(k.settings) > 0 {
			line += "  " + strings.Join(k.settings, ", ")
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// makeOrt returns ONNX Runtime: two engines where no optimization is named.
func makeOrt(a *app, s *settingReader, f engineFlags, threads int, record bool) ([]runtime.Engine, error) {
	c := ort.Config{
		Provider: s.provider, Threads: s.number("threads", threads), Device: s.number("device", f.device), TF32: s.number("tf32", 0) != 0,
		MemoryLimit: int64(s.number("mem", 0)), Search: s.values["algo"], Fallback: s.number("fallback", 0) != 0, Record: record,
	}
	levels := []string{"off", "all"}
	if s.values["opt"] != "" {
		levels = []string{s.values["opt"]}
	}
	var engines []runtime.Engine
	for _, c.Optimization = range levels {
		e, err := a.ort(c)
		if err != nil {
			return nil, err
		}
		engines = append(engines, e)
	}
	return engines, nil
}

// settingReader reads the settings of an engine and remembers what was wrong with one.
type settingReader struct {
	provider string
	values   map[string]string
	err      error
}

// most are the largest values of settings that are numbers; memory has none.
var most = map[string]int{"threads": maxThreads, "device": 255, "tf32": 1, "fallback": 1}

func (s *settingReader) number(key string, otherwise int) int {
	text, ok := s.values[key]
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if limit, limited := most[key]; err != nil || n < 0 || limited && n > limit {
		s.err = usage("%s=%s: want a whole number%s", key, text, map[bool]string{true: fmt.Sprintf(" from 0 to %d", limit)}[limited])
	}
	return n
}
