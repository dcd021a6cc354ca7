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
	"slices"
	"strings"
	"sync"

	"alexctl/fault"
	"alexctl/internal/table"
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
	// TF32 lets an accelerator cut the operands of products to 10 bits of fraction.
	TF32 bool
	// MemoryLimit bounds the bytes that the accelerator's arena takes; 0 does not.
	MemoryLimit int64
	// HostMemory bounds the bytes of a model's values, which are counted before a run; 0 does
	// not.
	HostMemory int64
	// Search is how cuDNN's convolution algorithms are chosen: "default", which takes a direct
	// one and gives the same bits each run, "heuristic", which is up to 2.7 times as fast, or
	// "exhaustive", which tries them all. "" is heuristic, and default where Optimization is off.
	Search string
	// Fallback lets ONNX Runtime run nodes on the CPU that the provider does not take. A
	// Placement then shows which.
	Fallback bool
	// Record has sessions keep a profile, from which Placement is read.
	Record bool
	// Probe returns the command that tries an accelerator's provider with the library at this
	// path, as the method Probe does, and ends with its error on the standard output: a wrong
	// library ends a process, which had better be another one. nil tries nothing before a
	// session is made.
	Probe func(library string) []string
}

// Engine is ONNX Runtime with one configuration.
type Engine struct {
	config   Config
	provider provider
	probed   sync.Once
	probeErr error
}

var (
	_ runtime.Engine      = (*Engine)(nil)
	_ runtime.Approximate = (*Engine)(nil)
)

// New returns an engine, or an error that names what is wrong with the
// configuration, which is fault.Usage. It does not touch the library.
func New(c Config) (_ *Engine, err error) {
	defer fault.Default(&err, fault.Usage)
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
	if p.accelerator == nil && (c.Device != 0 || c.TF32 || c.MemoryLimit != 0 || c.Search != "" || c.Fallback) {
		return nil, fmt.Errorf("device, tf32, mem, algo and fallback are settings of an accelerator, not of the %s", p.name)
	}
	switch {
	case p.accelerator == nil:
	case c.Search == "" && c.Optimization == "off":
		c.Search = searches[0]
	case c.Search == "":
		c.Search = searches[1]
	case !slices.Contains(searches, c.Search):
		return nil, fmt.Errorf("convolution algorithm search %q: want %s", c.Search, strings.Join(searches, ", "))
	}
	return &Engine{config: c, provider: p}, nil
}

// Name returns the provider and the settings: "ort:cpu@opt=all,threads=1".
func (e *Engine) Name() string { return "ort:" + e.config.Provider + "@" + e.Settings() }

// Settings returns the settings as in Name.
func (e *Engine) Settings() string {
	s := "opt=" + e.config.Optimization
	c := e.config
	if c.Threads > 0 {
		s += fmt.Sprintf(",threads=%d", c.Threads)
	}
	if e.provider.accelerator == nil {
		return s
	}
	tf32 := 0
	if c.TF32 {
		tf32 = 1
	}
	s += fmt.Sprintf(",tf32=%d", tf32)
	if c.Device != 0 {
		s += fmt.Sprintf(",device=%d", c.Device)
	}
	if c.MemoryLimit > 0 {
		s += fmt.Sprintf(",mem=%d", c.MemoryLimit)
	}
	s += ",algo=" + c.Search
	if c.Fallback {
		s += ",fallback=1"
	}
	return s
}

// searches are the ways, the plainest first, to choose cuDNN's algorithms.
var searches = []string{"default", "heuristic", "exhaustive"}

// tf32 is the unit roundoff of TF32's operands.
const tf32 = 0x1p-11

// Arithmetic returns how the provider computes: an accelerator may cut operands, and choose
// algorithms that work in a transformed domain.
func (e *Engine) Arithmetic(int) runtime.Arithmetic {
	a := runtime.Arithmetic{Searched: e.config.Search != "" && e.config.Search != searches[0]}
	if e.config.TF32 {
		a.Operand = tf32
	}
	return a
}

// Provider returns the execution provider asked for.
func (e *Engine) Provider() string { return e.config.Provider }

func (e *Engine) unavailable(reason string, help ...fault.Hint) error {
	return &runtime.UnavailableError{Engine: "ort:" + e.config.Provider, Reason: reason, Help: help}
}

// optimizations maps the names of graph optimization levels to GraphOptimizationLevel.
var optimizations = map[string]int{"off": 0, "basic": 1, "extended": 2, "all": 99}

// What helps where something is missing.
var (
	setupHint  = fault.Hint{Text: "install it for this user", Option: fault.Setup}
	doctorHint = fault.Hint{Text: "see what is missing", Option: fault.Doctor}
)

// Providers returns the names of the execution providers.
func Providers() []string { return table.Names(providers()) }
