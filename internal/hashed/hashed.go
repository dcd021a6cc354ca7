// Package hashed makes the weights and inputs that tests share with PyTorch scripts
// (verify/testdata/make_logits.py, train/testdata/make_training.py): both compute
// them from an integer hash, with values that float32 holds exactly, so that golden
// files hold results only.
package hashed

import (
	"hash/crc32"
	"math"

	"alexctl/builder"
	"alexctl/onnx"
)

// Number returns number i of the sequence called name: in [-1, 1), a multiple of 2^-23.
func Number(name string, i int) float32 {
	h := uint32(i)*0x9e3779b1 + crc32.ChecksumIEEE([]byte(name))
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	h ^= h >> 16
	return float32(h>>8)/(1<<23) - 1
}

// Numbers returns the first n numbers of the sequence called name, times scale.
func Numbers(name string, n int, scale float32) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = Number(name, i) * scale
	}
	return v
}

// Parameter returns the tensor of a parameter: He-scaled, by the power of two next to
// sqrt(6/fan_in), or, for a bias, by 1/16.
func Parameter(name string, dims []int64) (*onnx.Tensor, error) {
	n, err := onnx.ElementCount(dims)
	if err != nil {
		return nil, err
	}
	scale := 1. / 16
	if len(dims) > 1 {
		scale = math.Exp2(math.RoundToEven(math.Log2(math.Sqrt(6 / float64(n/dims[0])))))
	}
	return onnx.FromFloat32s(name, dims, Numbers(name, int(n), float32(scale)))
}

// Model builds a variant with hashed parameters.
func Model(variant string, o builder.Options) (*onnx.Model, error) {
	v, err := builder.Find(variant)
	if err != nil {
		return nil, err
	}
	o.Init = "zeros"
	m, err := v.Build(o)
	if err != nil {
		return nil, err
	}
	weights := map[string]*onnx.Tensor{}
	for _, w := range m.Graph.Initializers {
		if len(w.Dims) > 0 && w.Type == onnx.Float {
			if weights[w.Name], err = Parameter(w.Name, w.Dims); err != nil {
				return nil, err
			}
		}
	}
	g, err := m.Graph.WithInitializers(weights)
	if err != nil {
		return nil, err
	}
	return m.WithGraph(g), nil
}
