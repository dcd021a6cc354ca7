package signature

import (
	"slices"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/preprocess"
)

// Layout is the order of the axes of a batch of images.
type Layout string

// The layouts.
const (
	NCHW Layout = "NCHW" // channels first, as PyTorch has them
	NHWC Layout = "NHWC" // channels last, as TensorFlow and Keras have them
)

// Layouts are the names that Options.Layout takes.
var Layouts = []string{string(NCHW), string(NHWC)}

// Input is the input that takes a batch of images.
type Input struct {
	Name                           string
	Type                           *onnx.Type
	Layout                         Layout
	Batch, Channels, Height, Width onnx.Dim
}

// Shape returns the shape of n images.
func (i Input) Shape(n, channels, height, width int) []int {
	if i.Layout == NHWC {
		return []int{n, height, width, channels}
	}
	return []int{n, channels, height, width}
}

// ImagesOf returns the only input of a model of images, in any layout, or fault.Invalid.
func ImagesOf(m *onnx.Model) (*onnx.Value, error) {
	inputs := m.Graph.DataInputs()
	if len(inputs) != 1 || !inputs[0].Type.IsTensor() || inputs[0].Type.Shape == nil || len(*inputs[0].Type.Shape) != 4 || inputs[0].Type.Elem != onnx.Float {
		return nil, fault.New(fault.Invalid, "the model does not take one FLOAT image batch (N, C, H, W)")
	}
	return inputs[0], nil
}

func inputOf(x *onnx.Index, inferred *op.Inferred, asked, named string) (Input, error) {
	v, err := ImagesOf(&onnx.Model{Graph: x.Graph()})
	if err != nil {
		return Input{}, err
	}
	i := Input{Name: v.Name, Type: v.Type}
	if i.Layout, err = layoutOf(x, inferred, v, asked, named); err != nil {
		return i, err
	}
	d := *v.Type.Shape
	i.Batch, i.Channels, i.Height, i.Width = d[0], d[1], d[2], d[3]
	if i.Layout == NHWC {
		i.Channels, i.Height, i.Width = d[3], d[1], d[2]
	}
	return i, nil
}

// layoutOf returns the layout that is asked for or that the card names, that the operators
// behind the input want, or that its sizes show.
func layoutOf(x *onnx.Index, inferred *op.Inferred, v *onnx.Value, asked, named string) (Layout, error) {
	for _, said := range []string{asked, named} {
		switch {
		case slices.Contains(Layouts, said):
			return Layout(said), nil
		case said != "":
			return "", fault.New(fault.Usage, "unknown layout %q: want NCHW or NHWC", said)
		}
	}
	if l := wanted(x, inferred, v.Name); l != "" {
		return l, nil
	}
	d := *v.Type.Shape
	channels := func(d onnx.Dim) bool { return d.N == 1 || d.N == 3 }
	switch first, last := channels(d[1]), channels(d[3]); {
	case first && !last:
		return NCHW, nil
	case last && !first:
		return NHWC, nil
	}
	return "", fault.New(fault.Usage, "input %q is %s, and nothing says which axis holds the channels", v.Name, v.Type).
		Hint(fault.Hint{Text: "name the layout", Option: fault.Layout, Value: "NCHW|NHWC"})
}

// wanted follows the input, through operators that keep its shape, to the first that has an
// order of axes.
func wanted(x *onnx.Index, inferred *op.Inferred, name string) Layout {
	follow, seen := []string{name}, map[string]bool{name: true}
	for len(follow) > 0 {
		name, follow = follow[0], follow[1:]
		for _, u := range x.Uses(name) {
			if u.At >= len(inferred.Nodes) {
				continue
			}
			n := inferred.Nodes[u.At]
			if n.Node == nil || len(n.Out) == 0 || u.Input != 0 && !slices.Equal(n.Raw.Inputs, []string{name}) {
				continue
			}
			switch perm := n.Node.Permutation(); {
			case n.Node.Spec.ChannelsFirst:
				return NCHW
			case slices.Equal(perm, []int64{0, 3, 1, 2}):
				return NHWC
			case perm != nil:
				continue
			}
			in, out := inferred.Values[name], n.Out[0]
			if o := n.Raw.Outputs[0]; in != nil && in.Ranked && out.Ranked && len(in.Shape) == len(out.Shape) && !seen[o] {
				seen[o] = true
				follow = append(follow, o)
			}
		}
	}
	return ""
}

// Named returns a preprocessing by name, or from JSON, for the input: see preprocess.Named. An
// input whose sizes are open is taken for 3 channels of 224.
func (i Input) Named(given string) (*preprocess.Spec, error) {
	channels, side := 3, 224
	if i.Channels.IsKnown() {
		channels = int(i.Channels.N)
	}
	if i.Height.IsKnown() {
		side = int(i.Height.N)
	}
	return preprocess.Named(given, channels, side)
}

// Fits reports why a preprocessing does not make what the input takes.
func (i Input) Fits(s *preprocess.Spec) error {
	for k, d := range []onnx.Dim{i.Channels, i.Height, i.Width} {
		if n := []int{s.Channels(), s.Height, s.Width}[k]; d.IsKnown() && int(d.N) != n {
			return fault.New(fault.Invalid, "preprocessing makes images of %d channels, %dx%d; the model takes %s (%s)", s.Channels(), s.Height, s.Width, i.Type, i.Layout)
		}
	}
	return nil
}
