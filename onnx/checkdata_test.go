package onnx_test

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"alexctl/onnx"
)

// TestCheckData plants numbers that are none, or hardly, in an initializer, a Constant and a
// branch of If, and wants each named with its first place; what is in order is not.
func TestCheckData(t *testing.T) {
	tensor := func(name string, dims []int64, v ...float32) *onnx.Tensor {
		x, err := onnx.FromFloat32s(name, dims, v)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	nan, inf, tiny := float32(math.NaN()), float32(math.Inf(-1)), float32(1e-45)
	branch := &onnx.Graph{Name: "branch", Initializers: []*onnx.Tensor{tensor("inner", []int64{2}, 1, nan)}}
	m := &onnx.Model{Graph: &onnx.Graph{
		Initializers: []*onnx.Tensor{
			tensor("fine", []int64{3}, 0, 1, math.MaxFloat32),
			tensor("limit", []int64{}, inf),
			tensor("weights", []int64{2, 3}, 0, 1, 2, inf, nan, nan),
			tensor("small", []int64{3}, tiny, 0, tiny),
		},
		Nodes: []*onnx.Node{
			{Name: "c", OpType: "Constant", Outputs: []string{"v"}, Attributes: []*onnx.Attribute{onnx.TensorAttr("value", tensor("", []int64{2}, inf, 1))}},
			{Name: "i", OpType: "If", Inputs: []string{"p"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{{Name: "then_branch", Type: onnx.AttrGraph, Graph: branch}}},
		},
	}}
	problems, warnings := onnx.CheckData(m)
	want := []string{
		`initializer "weights": 2 of 6 elements are NaN, the first at [1 1]; 1 of 6 elements is infinite, the first at [1 0]`,
		`node "c" (Constant), attribute "value": 1 of 2 elements is infinite, the first at [0]`,
		`initializer "inner": 1 of 2 elements is NaN, the first at [1]`,
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("problems:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(warnings) != 1 || warnings[0].String() != `initializer "small": 2 of 3 elements are subnormal, the first at [0]` {
		t.Errorf("warnings %v", warnings)
	}
}

// TestCheckDataOfEveryType reads the exponents of each floating-point type where they are.
func TestCheckDataOfEveryType(t *testing.T) {
	for _, c := range []struct {
		typ  onnx.DataType
		b    []byte // two elements, little-endian: 1 and another
		want string
	}{
		{onnx.Float16, []byte{0x00, 0x3c, 0x00, 0x7e}, "NaN"},
		{onnx.Float16, []byte{0x00, 0x3c, 0x00, 0x7c}, "infinite"},
		{onnx.Float16, []byte{0x00, 0x3c, 0x01, 0x00}, "subnormal"},
		{onnx.Float16, []byte{0x00, 0x3c, 0xff, 0x7b}, ""},
		{onnx.BFloat16, []byte{0x80, 0x3f, 0xc0, 0x7f}, "NaN"},
		{onnx.BFloat16, []byte{0x80, 0x3f, 0x80, 0xff}, "infinite"},
		{onnx.BFloat16, []byte{0x80, 0x3f, 0x01, 0x00}, "subnormal"},
		{onnx.Double, append(float64Bytes(1), float64Bytes(math.NaN())...), "NaN"},
		{onnx.Double, append(float64Bytes(1), float64Bytes(math.Inf(1))...), "infinite"},
		{onnx.Double, append(float64Bytes(1), float64Bytes(5e-324)...), "subnormal"},
		{onnx.Double, append(float64Bytes(1), float64Bytes(math.MaxFloat64)...), ""},
		{onnx.Int32, []byte{1, 0, 0, 0, 0, 0, 0xc0, 0x7f}, ""},
	} {
		x, err := onnx.FromBytes("w", c.typ, []int64{2}, c.b)
		if err != nil {
			t.Fatal(err)
		}
		problems, warnings := onnx.CheckData(&onnx.Model{Graph: &onnx.Graph{Initializers: []*onnx.Tensor{x}}})
		said := ""
		for _, p := range append(problems, warnings...) {
			said += p.Problem
		}
		if (said == "") != (c.want == "") || !strings.Contains(said, c.want) {
			t.Errorf("%s %x: %q, want %q", c.typ, c.b, said, c.want)
		}
	}
}

func float64Bytes(v float64) []byte {
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))
}
