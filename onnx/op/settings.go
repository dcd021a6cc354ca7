package op

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"alexctl/onnx"
)

// plain are the values of attributes that need no mention: they change nothing.
var plain = map[string][]string{
	"strides": {"1"}, "dilations": {"1"}, "pads": {"0"}, "group": {"1"}, "auto_pad": {"NOTSET"}, "ceil_mode": {"0"}, "storage_order": {"0"},
}

// maxSetting bounds what is shown of an attribute.
const maxSetting = 60

// Settings describes a node by its attributes, in ONNX's names and without those that change
// nothing: "kernel_shape=11x11 strides=4 pads=2 group=2". weight is the shape of a
// convolution's kernel where no attribute says it, or nil; bound is the node as this package
// knows it, with its defaults, or nil.
func Settings(n *onnx.Node, bound *Node, weight []int64) string {
	var out []string
	if n.Attribute("kernel_shape") == nil && len(weight) > 2 {
		out = append(out, "kernel_shape="+sizes("kernel_shape", weight[2:]))
	}
	for _, a := range n.Attributes {
		text := ""
		switch a.Type {
		case onnx.AttrInt:
			text = strconv.FormatInt(a.Int, 10)
		case onnx.AttrInts:
			text = sizes(a.Name, a.Ints)
		case onnx.AttrFloat:
			text = strconv.FormatFloat(float64(a.Float), 'g', -1, 32)
		case onnx.AttrFloats:
			text = fmt.Sprint(a.Floats[:min(len(a.Floats), 8)])
		case onnx.AttrString:
			text = string(a.String)
		case onnx.AttrTensor:
			text = fmt.Sprintf("%s%v", a.Tensor.Type, a.Tensor.Dims)
		default:
			text = "..."
		}
		if len(text) > maxSetting {
			text = strings.ToValidUTF8(text[:maxSetting], "") + "..."
		}
		if bound != nil && a.Type != onnx.AttrInts && fmt.Sprint(bound.fallback(a.Name)) == text {
			continue
		}
		if !slices.Contains(plain[a.Name], text) {
			out = append(out, a.Name+"="+text)
		}
	}
	return strings.Join(out, " ")
}

// sizes writes one number for equal ones, but all sides of a kernel: "11x11", "4", "0,1,0,1".
func sizes(name string, v []int64) string {
	parts := make([]string, 0, len(v))
	for _, n := range v[:min(len(v), 16)] {
		parts = append(parts, strconv.FormatInt(n, 10))
	}
	if name == "kernel_shape" {
		return strings.Join(parts, "x")
	}
	if len(parts) > 1 && !slices.ContainsFunc(v, func(n int64) bool { return n != v[0] }) {
		return parts[0]
	}
	return strings.Join(parts, ",")
}
