package cmd

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/runtime/reference"
)

// engineNames are the engines that commands can be asked for.
var engineNames = []string{"ort", "gorgonia", "reference"}

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
	e, err := ort.New(c)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return e, nil
}

// verifyEngines returns the engines that verify compares with the reference: ONNX
// Runtime with its graph optimizations off and on, for each provider.
func (a *app) verifyEngines(providers []string, device int) ([]runtime.Engine, error) {
	threads := a.threads
	if threads == 0 {
		threads = 1 // the order of sums then depends on nothing but the model
	}
	var engines []runtime.Engine
	for _, p := range providers {
		for _, level := range []string{"off", "all"} {
			e, err := a.ort(ort.Config{Provider: p, Optimization: level, Threads: threads, Device: device})
			if err != nil {
				return nil, err
			}
			engines = append(engines, e)
		}
	}
	if len(engines) == 0 {
		return nil, usage("no provider to verify: want --providers cpu, cuda or both")
	}
	return engines, nil
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
