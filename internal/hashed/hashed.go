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

// Fill makes initializers of the inputs of a model after its first one, which stand for weights that
// were left out of its file: a parameter each, and for what BatchNormalization reads, 1 more for a
// scale, and the statistics of standard normal numbers.
func Fill(m *onnx.Model) (*onnx.Model, error) {
	reads := map[string]int{} // by value: which input of a BatchNormalization it is
	for _, n := range m.Graph.Nodes {
		if n.OpType == "BatchNormalization" {
			for i, in := range n.Inputs {
				reads[in] = i
			}
		}
	}
	g := *m.Graph
	g.Inputs = m.Graph.Inputs[:1]
	for _, v := range m.Graph.Inputs[1:] {
		var dims []int64
		for _, d := range *v.Type.Shape {
			dims = append(dims, d.N)
		}
		t, err := Parameter(v.Name, dims)
		if err == nil && reads[v.Name] != 2 && reads[v.Name] != 0 {
			data := make([]float32, dims[0])
			switch reads[v.Name] {
			case 1:
				err = t.Float32s(data, 0)
				for i := range data {
					data[i]++
				}
			case 4:
				for i := range data {
					data[i] = 1
				}
			}
			if err == nil {
				t, err = onnx.FromFloat32s(v.Name, dims, data)
			}
		}
		if err != nil {
			return nil, err
		}
		g.Initializers = append(g.Initializers, t)
	}
	return m.WithGraph(&g), nil
}
