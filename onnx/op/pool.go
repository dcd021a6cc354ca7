package op

import (
	"fmt"

	"alexctl/onnx"
)

func inferPool(n *Node, in []*Info) ([]*Info, error) {
	x := in[0]
	w, err := windowOf(n, n.Ints("kernel_shape"))
	if err != nil {
		return nil, err
	}
	out := unranked(x.Type)
	if x.Ranked {
		if len(x.Shape) != len(w.axes)+2 {
			return nil, fmt.Errorf("input is %s, want (N, C, spatial...) with %d spatial axes", x.Shape, len(w.axes))
		}
		spatial, err := w.outputs(x.Shape[2:])
		if err != nil {
			return nil, err
		}
		out = ranked(x.Type, append(onnx.Shape{x.Shape[0], x.Shape[1]}, spatial...))
	}
	if n.Wants(1) { // MaxPool's Indices
		out = append(out, &Info{Type: onnx.Int64, Ranked: out[0].Ranked, Shape: out[0].Shape})
	}
	return out, nil
}

// poolGeometry checks an input (N, C, spatial...) and returns the window over it.
func poolGeometry(n *Node, x *Array) (geometry3, error) {
	w, err := windowOf(n, n.Ints("kernel_shape"))
	if err != nil {
		return geometry3{}, err
	}
	if len(x.Shape) != len(w.axes)+2 {
		return geometry3{}, fmt.Errorf("input is %v, want %d spatial axes", x.Shape, len(w.axes))
	}
	return w.geometry(x.Shape[2:])
}

func poolAttrs() []Attr {
	a := append(windowAttrs(), intAttr("ceil_mode", 0).since(10))
	a[1] = a[1].required() // kernel_shape
	return a
}
