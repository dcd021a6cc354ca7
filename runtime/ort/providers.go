//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// provider is an execution provider of ONNX Runtime. A new one is a row in
// providers.
type provider struct {
	name string
	// record is what a profile calls it.
	record string
	// check finds out before loading whether the provider can be used with the
	// library; nil if that is certain.
	check func(Library) error
	// attach adds the provider to the options of a session; nil for the CPU, which
	// is always there.
	attach func(*ort.SessionOptions, Config) error
}

func providers() []provider {
	return []provider{
		{name: "cpu", record: "CPUExecutionProvider"},
		{name: "cuda", record: "CUDAExecutionProvider", check: checkCUDA, attach: attachCUDA},
	}
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

func attachCUDA(o *ort.SessionOptions, c Config) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	settings := map[string]string{
		"device_id": strconv.Itoa(c.Device),
		// TF32 keeps 10 bits of the fraction, and is ONNX Runtime's default.
		"use_tf32":               "0",
		"cudnn_conv_algo_search": strings.ToUpper(c.Search),
	}
	if c.TF32 {
		settings["use_tf32"] = "1"
	}
	if c.MemoryLimit > 0 {
		settings["gpu_mem_limit"] = strconv.FormatInt(c.MemoryLimit, 10)
	}
	err = cuda.Update(settings)
	if err == nil {
		err = o.AppendExecutionProviderCUDA(cuda)
	}
	if err == nil && !c.Fallback {
		// Without this, nodes that the provider cannot take would run on the CPU.
		err = o.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1")
	}
	return errors.Join(err, cuda.Destroy())
}
