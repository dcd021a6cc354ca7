package op_test

import (
	"testing"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

func TestSettings(t *testing.T) {
	ints := func(name string, v ...int64) *onnx.Attribute {
		return &onnx.Attribute{Name: name, Type: onnx.AttrInts, Ints: v}
	}
	for want, c := range map[string]struct {
		attributes []*onnx.Attribute
		weight     []int64
	}{
		"": {},
		"kernel_shape=11x11 strides=4 pads=2 group=2": {attributes: []*onnx.Attribute{
			ints("kernel_shape", 11, 11), ints("strides", 4, 4), ints("pads", 2, 2, 2, 2), ints("dilations", 1, 1), onnx.IntAttr("group", 2)}},
		"kernel_shape=3x5 pads=0,1,0,1": {attributes: []*onnx.Attribute{ints("pads", 0, 1, 0, 1), onnx.IntAttr("group", 1)}, weight: []int64{4, 3, 3, 5}},
		"size=5 alpha=0.0001":           {attributes: []*onnx.Attribute{onnx.IntAttr("size", 5), {Name: "alpha", Type: onnx.AttrFloat, Float: 1e-4}}},
		"auto_pad=SAME_UPPER":           {attributes: []*onnx.Attribute{{Name: "auto_pad", Type: onnx.AttrString, String: []byte("SAME_UPPER")}}},
		"transB=1":                      {attributes: []*onnx.Attribute{onnx.IntAttr("transB", 1)}},
	} {
		if got := op.Settings(&onnx.Node{OpType: "X", Attributes: c.attributes}, nil, c.weight); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
