package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"alexctl/fault"
	"alexctl/internal/table"
)

// provider is an execution provider of ONNX Runtime. A new one is a row in providers, and a
// case in attach.
type provider struct {
	name string
	// record is what a profile calls it.
	record      string
	accelerator *accelerator // nil for the CPU, which is always there
}

// accelerator is what a provider other than the CPU needs.
type accelerator struct {
	// check finds out before loading whether the provider can be used with the library;
	// nil if that is certain. help is what to do where it cannot.
	check func(Library) error
	help  fault.Hint
	// options are those of the provider for a configuration.
	options func(Config) map[string]string
}

// Title returns the name.
func (p provider) Title() string { return p.name }

func providers() []provider {
	return []provider{
		{name: "cpu", record: "CPUExecutionProvider"},
		{name: "cuda", record: "CUDAExecutionProvider", accelerator: &accelerator{
			check: checkCUDA, help: fault.Hint{Text: "install the provider", Option: fault.SetupCUDA}, options: optionsCUDA,
		}},
	}
}

// findProvider returns the provider of a name. What ONNX Runtime and other programs call one is
// suggested.
func findProvider(name string) (provider, error) {
	list := providers()
	for _, p := range list {
		if strings.EqualFold(name, p.record) || p.accelerator != nil && strings.EqualFold(name, "gpu") {
			return provider{}, fmt.Errorf("unknown execution provider %q, did you mean %s?", name, p.name)
		}
	}
	return table.Find(list, "execution provider", name)
}

func checkCUDA(l Library) error {
	version, err := LibraryVersion(l)
	if err != nil {
		return err
	}
	if version != Version {
		return fmt.Errorf("ONNX Runtime is %s, the CUDA provider belongs to %s", version, Version)
	}
	for _, name := range cudaLibraries {
		if _, err := os.Stat(filepath.Join(filepath.Dir(l.Path), name)); err != nil {
			return fmt.Errorf("the CUDA provider is not installed: %w", err)
		}
	}
	return holdsVersion(filepath.Join(filepath.Dir(l.Path), cudaLibraries[1]))
}

func optionsCUDA(c Config) map[string]string {
	options := map[string]string{
		"device_id": strconv.Itoa(c.Device),
		// TF32 keeps 10 bits of the fraction, and is ONNX Runtime's default.
		"use_tf32":               "0",
		"cudnn_conv_algo_search": strings.ToUpper(c.Search),
	}
	if c.TF32 {
		options["use_tf32"] = "1"
	}
	if c.MemoryLimit > 0 {
		options["gpu_mem_limit"] = strconv.FormatInt(c.MemoryLimit, 10)
	}
	return options
}
