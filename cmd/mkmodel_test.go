package cmd_test

import (
	"context"
	"fmt"
	"math"
	"os"

	"alexctl/onnx"
)

// mkmodel writes a small model that is broken in one way: mkmodel KIND FILE.
func mkmodel(args []string) int {
	m, err := smallModel(args[0])
	if err == nil {
		_, err = m.WriteFile(context.Background(), args[1], onnx.WriteOptions{ExternalData: args[0] == "external"})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func smallModel(kind string) (*onnx.Model, error) {
	weight := func(dims ...int64) (*onnx.Tensor, error) {
		n, err := onnx.ElementCount(dims)
		if err != nil {
			return nil, err
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(i%7-3) / 8
		}
		return onnx.FromFloat32s("w", dims, v)
	}
	w, err := weight(16, 3, 5, 5)
	if err != nil {
		return nil, err
	}
	n, known := onnx.Symbol("N"), onnx.Known
	conv := &onnx.Node{Name: "conv", OpType: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"c"}}
	pool := &onnx.Node{Name: "pool", OpType: "GlobalAveragePool", Inputs: []string{"c"}, Outputs: []string{"p"}}
	flat := &onnx.Node{Name: "flat", OpType: "Flatten", Inputs: []string{"p"}, Outputs: []string{"y"}}
	m := &onnx.Model{IRVersion: 7, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: &onnx.Graph{
		Name:         "small",
		Nodes:        []*onnx.Node{conv, pool, flat},
		Initializers: []*onnx.Tensor{w},
		Inputs:       []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, known(3), known(16), known(16)})}},
		Outputs:      []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, known(16)})}},
	}}
	switch kind {
	case "sound", "external":
	case "classifier", "nan": // three classes; the score of one is not a number
		weights := make([]float32, 48)
		if kind == "nan" {
			weights[16] = float32(math.NaN())
		}
		head, err := onnx.FromFloat32s("head", []int64{3, 16}, weights)
		if err != nil {
			return nil, err
		}
		m.Graph.Initializers = append(m.Graph.Initializers, head)
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "head", OpType: "Gemm", Inputs: []string{"y", "head"}, Outputs: []string{"z"}, Attributes: []*onnx.Attribute{onnx.IntAttr("transB", 1)}})
		m.Graph.Outputs = []*onnx.Value{{Name: "z", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, known(3)})}}
	case "softmax":
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "soft", OpType: "Softmax", Inputs: []string{"y"}, Outputs: []string{"s"}})
		m.Graph.Outputs[0].Name = "s"
	case "cancels": // in float32 a part of the output is lost
		t, err := onnx.FromFloat32s("large", nil, []float32{1e10})
		if err != nil {
			return nil, err
		}
		m.Graph.Initializers = append(m.Graph.Initializers, t)
		m.Graph.Nodes = append(m.Graph.Nodes,
			&onnx.Node{Name: "up", OpType: "Add", Inputs: []string{"y", "large"}, Outputs: []string{"u"}},
			&onnx.Node{Name: "down", OpType: "Sub", Inputs: []string{"u", "large"}, Outputs: []string{"v"}},
			&onnx.Node{Name: "sum", OpType: "Add", Inputs: []string{"v", "y"}, Outputs: []string{"z"}})
		m.Graph.Outputs[0].Name = "z"
	case "ungraded": // Cast has no gradient here
		m.Graph.Nodes = append(m.Graph.Nodes,
			&onnx.Node{Name: "wide", OpType: "Cast", Inputs: []string{"y"}, Outputs: []string{"d"}, Attributes: []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Double))}},
			&onnx.Node{Name: "narrow", OpType: "Cast", Inputs: []string{"d"}, Outputs: []string{"z"}, Attributes: []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float))}})
		m.Graph.Outputs[0].Name = "z"
	case "training": // Dropout that drops, as PyTorch exports it
		ratio, err := onnx.FromFloat32s("ratio", nil, []float32{0.5})
		if err != nil {
			return nil, err
		}
		mode, err := onnx.FromBytes("mode", onnx.Bool, nil, []byte{1})
		if err != nil {
			return nil, err
		}
		m.Graph.Initializers = append(m.Graph.Initializers, ratio, mode)
		m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{Name: "drop", OpType: "Dropout", Inputs: []string{"y", "ratio", "mode"}, Outputs: []string{"z", "mask"}})
		m.Graph.Outputs[0].Name = "z"
	case "operator":
		pool.OpType = "GlobalAvergePool"
	case "unsupported":
		flat.OpType = "Hardmax"
		m.Graph.Outputs[0].Type = onnx.TensorType(onnx.Float, onnx.Shape{n, known(16), known(1), known(1)})
	case "opset":
		m.OperatorSets[0].Version = 35
	case "group":
		conv.Attributes = []*onnx.Attribute{onnx.IntAttr("group", 2)}
	case "cycle":
		conv.Inputs[0] = "p"
	case "dims": // a symbolic height and width
		m.Graph.Inputs[0].Type = onnx.TensorType(onnx.Float, onnx.Shape{n, known(3), onnx.Symbol("H"), onnx.Symbol("W")})
	default:
		return nil, fmt.Errorf("unknown kind %q", kind)
	}
	return m, nil
}
