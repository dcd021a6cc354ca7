package ort

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"alexctl/onnx"
	"alexctl/runtime"
)

// probeTime is how long a provider may take to start: CUDA compiles kernels when it meets a
// new device.
const probeTime = 3 * time.Minute

// ProbeResult is what a probing process writes to its standard output, as JSON.
type ProbeResult struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
}

// Probe tries the engine's provider in this process: it makes a session of a small model
// with a convolution, LRN, a pool and a product, which needs all the libraries that an
// AlexNet does, and runs it once. A wrong library may end the process.
func (e *Engine) Probe(ctx context.Context) error {
	c := e.config
	c.Probe = nil
	direct, err := New(c)
	if err != nil {
		return err
	}
	m, in, err := probeModel()
	if err != nil {
		return err
	}
	s, err := direct.Prepare(ctx, m)
	if err != nil {
		return err
	}
	_, err = s.Run(ctx, in)
	return errors.Join(err, s.Close())
}

// probe runs Config.Probe and waits for its verdict.
func (e *Engine) probe(ctx context.Context, l Library) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	words := e.config.Probe(l.Path)
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.WaitDelay = 2 * time.Second
	var complaint strings.Builder
	c.Stderr = &complaint
	out, err := c.Output()
	if ctx.Err() != nil {
		return fmt.Errorf("trying it took longer than %s", probeTime)
	}
	var result ProbeResult
	if json.Unmarshal(out, &result) == nil && (result.OK || result.Reason != "") {
		if result.OK {
			return nil
		}
		return errors.New(result.Reason)
	}
	if err == nil {
		err = errors.New("it said nothing")
	}
	reason := fmt.Sprintf("loading it crashed the process (%v): its libraries do not match each other or this system", err)
	if text := strings.TrimSpace(complaint.String()); text != "" {
		line, _, _ := strings.Cut(text, "\n")
		reason += "; its last output: " + line
	}
	return errors.New(reason)
}

// probeModel is one of each kind of layer that an AlexNet has.
func probeModel() (*onnx.Model, runtime.Tensors, error) {
	weights := func(name string, dims ...int64) *onnx.Tensor {
		n := int64(1)
		for _, d := range dims {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(i%7)/7 - 0.4
		}
		t, err := onnx.FromFloat32s(name, dims, v)
		if err != nil {
			panic(err) // the sizes are those above
		}
		return t
	}
	ints := func(name string, v ...int64) *onnx.Attribute {
		return &onnx.Attribute{Name: name, Type: onnx.AttrInts, Ints: v}
	}
	g := &onnx.Graph{
		Name: "probe",
		Nodes: []*onnx.Node{
			{Name: "conv", OpType: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"c"}, Attributes: []*onnx.Attribute{ints("kernel_shape", 3, 3)}},
			{Name: "norm", OpType: "LRN", Inputs: []string{"c"}, Outputs: []string{"n"}, Attributes: []*onnx.Attribute{{Name: "size", Type: onnx.AttrInt, Int: 3}}},
			{Name: "pool", OpType: "MaxPool", Inputs: []string{"n"}, Outputs: []string{"p"}, Attributes: []*onnx.Attribute{ints("kernel_shape", 2, 2), ints("strides", 2, 2)}},
			{Name: "flatten", OpType: "Flatten", Inputs: []string{"p"}, Outputs: []string{"f"}},
			{Name: "fc", OpType: "Gemm", Inputs: []string{"f", "v"}, Outputs: []string{"y"}},
		},
		Initializers: []*onnx.Tensor{weights("w", 4, 3, 3, 3), weights("v", 36, 2)},
		Inputs:       []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, 3, 8, 8))}},
		Outputs:      []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, onnx.FixedShape(1, 2))}},
	}
	x := make([]float32, 3*8*8)
	for i := range x {
		x[i] = float32(i % 5)
	}
	t, err := runtime.New([]int{1, 3, 8, 8}, x)
	m := &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
	return m, runtime.Tensors{"x": t}, err
}
