package cmd

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"alexctl/internal/nearest"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/onnxgo"
	"alexctl/runtime/ort"
	"alexctl/runtime/reference"
)

// engineNames are the engines that commands can be asked for.
var engineNames = []string{"ort", "gorgonia", "reference", "onnx-go"}

// engineFlags choose one engine.
type engineFlags struct {
	engine   string
	provider string
	device   int
	kernels  string
	threads  int // of one run; 0 for --threads
}

func (f *engineFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.engine, "engine", "ort", "engine: "+strings.Join(engineNames, ", "))
	c.Flags().StringVar(&f.provider, "provider", "cpu", "ONNX Runtime's execution provider: cpu or cuda")
	c.Flags().IntVar(&f.device, "device", 0, "index of the accelerator")
	kernelsFlag(c.Flags(), &f.kernels)
}

// kernelsFlag registers --kernels.
func kernelsFlag(f *pflag.FlagSet, kernels *string) {
	f.StringVar(kernels, "kernels", "", "what computes Gorgonia's operators: "+strings.Join(gorgonia.KernelSets, " or ")+" (default: onednn where it is built in)")
}

// engine returns the engine that the flags choose.
func (a *app) engine(f engineFlags) (runtime.Engine, error) {
	if !slices.Contains(engineNames, f.engine) {
		return nil, usage("unknown engine %q: want %s", f.engine, strings.Join(engineNames, ", "))
	}
	if f.engine != "ort" && f.provider != "cpu" {
		return nil, usage("the %s engine runs on the CPU, not on %q", f.engine, f.provider)
	}
	if f.kernels != "" && f.engine != "gorgonia" {
		return nil, usage("--kernels is for --engine gorgonia")
	}
	if f.kernels != "" && !slices.Contains(gorgonia.KernelSets, f.kernels) {
		return nil, usage("unknown kernels %q: want %s", f.kernels, strings.Join(gorgonia.KernelSets, " or "))
	}
	switch f.engine {
	case "reference":
		return reference.Engine{Threads: a.threads}, nil
	case "onnx-go":
		return onnxgo.Engine{}, nil
	case "gorgonia":
		return gorgonia.Engine{Kernels: gorgonia.Kernels{Set: f.kernels, Threads: a.threads}}, nil
	}
	threads := a.threads
	if f.threads > 0 {
		threads = f.threads
	}
	return a.ort(ort.Config{Provider: f.provider, Threads: threads, Device: f.device})
}

func (a *app) ort(c ort.Config) (*ort.Engine, error) {
	c.Library = a.ortLib
	if program, err := os.Executable(); err == nil {
		c.Probe = []string{program, "doctor", "--probe", c.Provider, "--device", strconv.Itoa(c.Device)}
	}
	e, err := ort.New(c)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return e, nil
}

// verifyThreads is how many threads an engine computes with in a comparison: one, unless
// --threads says otherwise, so that the order of sums hangs on nothing but the model.
func (a *app) verifyThreads() int { return max(1, a.threads) }

// verifyEngines returns the engines that verify compares with the reference: ONNX
// Runtime with its graph optimizations off and on, for each provider.
func (a *app) verifyEngines(providers []string, device int) ([]runtime.Engine, error) {
	var engines []runtime.Engine
	for _, p := range providers {
		more, err := a.bothLevels(ort.Config{Provider: p, Threads: a.verifyThreads(), Device: device, Record: true})
		if err != nil {
			return nil, err
		}
		engines = append(engines, more...)
	}
	if len(engines) == 0 {
		return nil, usage("no provider to verify: want --providers cpu, cuda or both")
	}
	return engines, nil
}

// bothLevels returns ONNX Runtime with its graph optimizations off and on.
func (a *app) bothLevels(c ort.Config) ([]runtime.Engine, error) {
	var engines []runtime.Engine
	for _, level := range []string{"off", "all"} {
		c.Optimization = level
		e, err := a.ort(c)
		if err != nil {
			return nil, err
		}
		engines = append(engines, e)
	}
	return engines, nil
}

// setting is a KEY=VALUE behind an engine, which belongs to it and not to the next.
var setting = regexp.MustCompile(`^[a-z0-9]+=[^@]*$`)

// parseEngines reads a list such as reference,ort:cpu@opt=all,threads=2,gorgonia.
func (a *app) parseEngines(list string) ([]runtime.Engine, error) {
	var parts []string
	for _, part := range strings.Split(list, ",") {
		if last := len(parts) - 1; setting.MatchString(part) && last >= 0 && strings.Contains(parts[last], "@") {
			parts[last] += "," + part
			continue
		}
		parts = append(parts, part)
	}
	var engines []runtime.Engine
	for _, part := range parts {
		more, err := a.parseEngine(part)
		if err != nil {
			return nil, err
		}
		engines = append(engines, more...)
	}
	return engines, nil
}

// engineSettings are the settings of each engine.
var engineSettings = map[string][]string{
	"ort":       {"opt", "threads", "device", "tf32", "mem", "algo", "fallback"},
	"gorgonia":  {"kernels", "precision", "threads"},
	"reference": {"threads"},
	"onnx-go":   {},
}

// parseEngine reads NAME[:PROVIDER][@KEY=VALUE,...]. ONNX Runtime without opt is two
// engines: optimizations off and on.
func (a *app) parseEngine(s string) ([]runtime.Engine, error) {
	head, tail, settled := strings.Cut(s, "@")
	name, provider, provided := strings.Cut(head, ":")
	if !slices.Contains(engineNames, name) {
		return nil, usage("--engines: unknown engine %q%s (engines: %s)", name, nearest.Hint(name, engineNames), strings.Join(engineNames, ", "))
	}
	if provided && provider != "cpu" && name != "ort" {
		return nil, usage("--engines %s: the %s engine runs on the cpu only", s, name)
	}
	settings := map[string]string{}
	for _, pair := range strings.Split(tail, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !settled {
			break
		}
		if !ok || !slices.Contains(engineSettings[name], key) {
			return nil, usage("--engines %s: %q is no setting of %s (settings: %s)", s, pair, name, strings.Join(engineSettings[name], ", "))
		}
		settings[key] = value
	}
	engines, err := a.settled(name, provider, settings)
	if err != nil {
		return nil, usage("--engines %s: %v", s, err)
	}
	return engines, nil
}

// settled returns the engines of a name with settings.
func (a *app) settled(name, provider string, settings map[string]string) ([]runtime.Engine, error) {
	var failed error
	number := func(key string, otherwise int) int {
		text, ok := settings[key]
		if !ok {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			failed = usage("%s=%s is not a number", key, text)
		}
		return n
	}
	threads := number("threads", a.verifyThreads())
	switch name {
	case "reference":
		return []runtime.Engine{reference.Engine{Threads: number("threads", a.threads)}}, failed
	case "onnx-go":
		return []runtime.Engine{onnxgo.Engine{}}, nil
	case "gorgonia":
		k := gorgonia.Kernels{Set: settings["kernels"], Precision: settings["precision"], Threads: threads}
		if k.Set != "" && !slices.Contains(gorgonia.KernelSets, k.Set) {
			return nil, usage("unknown kernels %q: want %s", k.Set, strings.Join(gorgonia.KernelSets, " or "))
		}
		if k.Set == "plain" && k.Precision == "bf16" {
			return nil, usage("precision=bf16 takes kernels=onednn, not plain")
		}
		if k.Precision != "" && !slices.Contains(gorgonia.Precisions, k.Precision) {
			return nil, usage("unknown precision %q: want %s", k.Precision, strings.Join(gorgonia.Precisions, " or "))
		}
		return []runtime.Engine{gorgonia.Engine{Kernels: k}}, failed
	}
	c := ort.Config{
		Provider: provider, Optimization: settings["opt"], Threads: threads, Device: number("device", 0), TF32: number("tf32", 0) != 0,
		MemoryLimit: int64(number("mem", 0)), Search: settings["algo"], Fallback: number("fallback", 0) != 0, Record: true,
	}
	if c.Provider == "" {
		c.Provider = "cpu"
	}
	if failed != nil {
		return nil, failed
	}
	if c.Optimization == "" {
		return a.bothLevels(c)
	}
	e, err := a.ort(c)
	return []runtime.Engine{e}, err
}

// parseDims reads NAME=N pairs.
func parseDims(list []string) (map[string]int64, error) {
	out := map[string]int64{}
	for _, s := range list {
		name, number, ok := strings.Cut(s, "=")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || !ok || name == "" || n < 1 {
			return nil, usage("--dim %q: want NAME=N", s)
		}
		out[name] = n
	}
	return out, nil
}
