// Package ort runs models on ONNX Runtime, through the bindings of
// yalue/onnxruntime_go. What is asked for is what runs: a provider that cannot be
// had is an error, never a silent fallback to another.
//
// ONNX Runtime is a C library that a process loads once; which one is fixed by the
// first engine that is used. It is never unloaded, because calls into an unloaded
// library would end the process.
package ort

import (
	"fmt"
	"strings"

	"alexctl/internal/nearest"
	"alexctl/runtime"
)

// Config says how ONNX Runtime is used.
type Config struct {
	// Library is the path of the library; "" searches for it (see FindLibrary).
	Library string
	// Provider is "cpu" or "cuda"; "" is cpu.
	Provider string
	// Optimization is "off", "basic", "extended" or "all"; "" is all.
	Optimization string
	// Threads is the number of threads that compute one operator; 0 leaves it to
	// ONNX Runtime: one a core.
	Threads int
	// Device is the index of the accelerator.
	Device int
}

// Engine is ONNX Runtime with one configuration.
type Engine struct {
	config   Config
	provider provider
}

var _ runtime.Engine = (*Engine)(nil)

// New returns an engine, or an error that names what is wrong with the
// configuration. It does not touch the library.
func New(c Config) (*Engine, error) {
	if c.Provider == "" {
		c.Provider = "cpu"
	}
	if c.Optimization == "" {
		c.Optimization = "all"
	}
	p, err := findProvider(c.Provider)
	if err != nil {
		return nil, err
	}
	if _, ok := optimizations[c.Optimization]; !ok {
		return nil, fmt.Errorf("optimization %q: want off, basic, extended or all", c.Optimization)
	}
	if c.Threads < 0 {
		return nil, fmt.Errorf("%d threads", c.Threads)
	}
	return &Engine{c, p}, nil
}

// Name returns the provider and the settings: "ort:cpu@opt=all,threads=1".
func (e *Engine) Name() string { return "ort:" + e.config.Provider + "@" + e.Settings() }

// Settings returns the settings as in Name.
func (e *Engine) Settings() string {
	s := "opt=" + e.config.Optimization
	if e.config.Threads > 0 {
		s += fmt.Sprintf(",threads=%d", e.config.Threads)
	}
	return s
}

// Provider returns the execution provider asked for.
func (e *Engine) Provider() string { return e.config.Provider }

func (e *Engine) unavailable(reason, hint string) error {
	return &runtime.UnavailableError{Engine: "ort:" + e.config.Provider, Reason: reason, Hint: hint}
}

// optimizations maps the names of graph optimization levels to GraphOptimizationLevel.
var optimizations = map[string]int{"off": 0, "basic": 1, "extended": 2, "all": 99}

func findProvider(name string) (provider, error) {
	var names []string
	for _, p := range providers() {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return provider{}, fmt.Errorf("unknown execution provider %q%s (providers: %s)", name, nearest.Hint(name, names), strings.Join(names, ", "))
}

const setupHint = "run: alexctl setup"
