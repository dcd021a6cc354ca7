package ort

import (
	"errors"
	"testing"
)

// TestPlain takes C++ out of what ONNX Runtime says. The texts are its own, from a machine with
// one GPU and from one without.
func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		`/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_execution_provider_info.cc:62 static onnxruntime::CUDAExecutionProviderInfo onnxruntime::CUDAExecutionProviderInfo::FromProviderOptions(const onnxruntime::ProviderOptions&) [ONNXRuntimeError] : 1 : FAIL : provider_options_utils.h:187 Parse Failed to parse provider option "device_id": cuda_execution_provider_info.cc:70 operator() Invalid device ID: 9, must be between 0 (inclusive) and 1 (exclusive).`: `Failed to parse provider option "device_id": Invalid device ID: 9, must be between 0 (inclusive) and 1 (exclusive).`,
		"Error creating C session from file: Exception during initialization: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:359 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Available memory of 0 is smaller than requested bytes of 67108864\n":                                                                                                                                                                              "Error creating C session from file: Exception during initialization: Available memory of 0 is smaller than requested bytes of 67108864",
		"/onnxruntime_src/onnxruntime/core/session/provider_bridge_ort.cc:1988 onnxruntime::Provider& onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file: No such file or directory":                                                                                                                                                       "Failed to load library libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file: No such file or directory",
		"Load model from a.onnx failed: node 3 (conv) of conv.h has 2 inputs": "Load model from a.onnx failed: node 3 (conv) of conv.h has 2 inputs",
	} {
		if got := plain(errors.New(text)).Error(); got != want {
			t.Errorf("%s\n got  %s\n want %s", text, got, want)
		}
	}
}
