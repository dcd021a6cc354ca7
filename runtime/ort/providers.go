//go:build cgo

package ort

import (
	"bytes"
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

// cudaLibraries are what the CUDA provider consists of; they must lie beside the
// library and be of exactly its version, because another one ends the process.
var cudaLibraries = []string{"libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"}

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

// holdsVersion returns an error unless the file contains Version as a C string, as
// the provider does that was built for it.
func holdsVersion(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	want := []byte("\x00" + Version + "\x00")
	buf := make([]byte, 1<<20)
	kept := 0 // bytes of the last part, so that a match may span two
	for {
		n, err := f.Read(buf[kept:])
		if bytes.Contains(buf[:kept+n], want) {
			return f.Close()
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%s is not the CUDA provider of ONNX Runtime %s", path, Version), f.Close())
		}
		all := kept + n
		kept = min(all, len(want))
		copy(buf, buf[all-kept:all])
	}
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
