package op

import (
	"fmt"
	"math"
	"slices"

	"alexctl/onnx"
)

// resize is Resize-10, -11, -13, -18, -19: the input in another size, along each axis by the nearest
// element, linearly between two or by cubics between four, where coordinate_transformation_mode says
// which places of the input the elements of the output stand at. The sizes are given, or scales; since
// 18 of the named axes only, and with antialias over as many elements as the shrinking takes together:
// those beyond the edges are the edges, which ONNX Runtime 1.29 leaves out instead. Equals torch.nn.functional.interpolate.
func resize() *Spec {
	return &Spec{
		Type: "Resize", Since: []int64{10, 11, 13, 18, 19}, Heavy: true,
		Inputs: Arity{1, 4}, Outputs: Arity{1, 1},
		Earlier: []Earlier{{Until: 10, Inputs: Arity{2, 2}, Outputs: Arity{1, 1}}},
		Attrs: []Attr{
			stringAttr("mode", "nearest"),
			stringAttr("coordinate_transformation_mode", "half_pixel").since(11), stringAttr("nearest_mode", "round_prefer_floor").since(11),
			floatAttr("cubic_coeff_a", -0.75).since(11), floatAttr("extrapolation_value", 0).since(11), intAttr("exclude_outside", 0).since(11),
			intAttr("antialias", 0).since(18), {Name: "axes", Kind: onnx.AttrInts, From: 18}, stringAttr("keep_aspect_ratio_policy", "stretch").since(18),
		},
		Infer: inferResize,
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			r, err := resizingOf(n, in)
			if err != nil {
				return nil, err
			}
			y, err := r.apply(in[0], false)
			return []*Array{y}, err
		},
		Bound: boundResize,
	}
}

// upsample is Upsample-7, -9: Resize by scales, with coordinates that are only divided by them. The
// scales are an attribute before opset 9. It is not in opset 10 and later.
func upsample() *Spec {
	s := resize()
	s.Type, s.Since = "Upsample", []int64{7, 9, 10}
	s.Inputs, s.Earlier = Arity{2, 2}, []Earlier{{Until: 8, Inputs: Arity{1, 1}, Outputs: Arity{1, 1}}}
	s.Attrs = []Attr{stringAttr("mode", "nearest"), {Name: "scales", Kind: onnx.AttrFloats, Until: 8, Required: true}}
	infer := s.Infer
	s.Infer = func(n *Node, in []*Info) ([]*Info, error) {
		if n.Opset > 9 {
			return nil, fmt.Errorf("operator Upsample exists up to opset 9, the model's is %d: Resize is in its place", n.Opset)
		}
		return infer(n, in)
	}
	return s
}

// resizeInput returns an input that says the size: 1 is the region, 2 the scales, 3 the sizes.
func resizeInput[T any](n *Node, in []T, what int) (input T, ok bool) {
	if n.Opset < 11 { // Upsample too
		what--
	}
	if what < len(in) && what < len(n.Inputs) && n.Inputs[what] != "" {
		return in[what], true
	}
	return input, false
}

func inferResize(n *Node, in []*Info) ([]*Info, error) {
	x := in[0]
	if !x.Ranked {
		return unranked(x.Type), nil
	}
	out := unknownDims(len(x.Shape))
	arrays := make([]*Array, len(in))
	for i, p := range in {
		if i > 0 && p != nil {
			arrays[i] = p.known()
		}
	}
	given, _ := resizeInput(n, arrays, 2)
	sizes, bySize := resizeInput(n, in, 3)
	bySize = bySize && n.Opset >= 11
	if !bySize && given == nil && !n.Has("scales") {
		return ranked(x.Type, out), nil
	}
	if bySize && sizes.Const == nil {
		return ranked(x.Type, out), nil
	}
	axes, err := resizeAxes(n, len(x.Shape))
	if err != nil {
		return nil, err
	}
	if !bySize {
		scales, err := scalesOf(n, given, len(axes))
		if err != nil {
			return nil, err
		}
		copy(out, x.Shape)
		for k, axis := range axes {
			switch {
			case scales[k] == 1:
			case x.Shape[axis].IsKnown():
				out[axis] = onnx.Known(int64(math.Floor(float64(x.Shape[axis].N) * scales[k])))
			default:
				out[axis] = onnx.UnknownDim
			}
		}
		return ranked(x.Type, out), nil
	}
	entries, err := sizes.dims(n.symbols)
	if err != nil {
		return nil, err
	}
	if len(entries) != len(axes) {
		return nil, fmt.Errorf("%d sizes for %d axes", len(entries), len(axes))
	}
	copy(out, x.Shape)
	for k, axis := range axes {
		out[axis] = entries[k].dim
		if n.Text("keep_aspect_ratio_policy") != "stretch" && n.Opset >= 18 {
			out[axis] = onnx.UnknownDim
		}
	}
	return ranked(x.Type, out), nil
}

// resizeAxes returns the axes that are resized.
func resizeAxes(n *Node, rank int) ([]int, error) {
	if n.Has("axes") {
		return axesOf(n.Ints("axes"), rank)
	}
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = i
	}
	return axes, nil
}

// scalesOf reads so many scales.
func scalesOf(n *Node, a *Array, want int) ([]float64, error) {
	var list []float64
	if at := n.Attribute("scales"); at != nil {
		for _, v := range at.Floats {
			list = append(list, float64(v))
		}
	} else if a != nil {
		if !a.float() {
			return nil, fmt.Errorf("scales are %s, want floating point", a.Type)
		}
		list = a.F
	}
	if len(list) != want {
		return nil, fmt.Errorf("%d scales, want %d", len(list), want)
	}
	for _, v := range list {
		if !(v > 0 && v <= maxWindow) {
			return nil, fmt.Errorf("a scale of %g", v)
		}
	}
	return list, nil
}

// resizing is a Resize of an array of a shape: along each axis, what elements of the input each
// element of the output is made of.
type resizing struct {
	shape []int
	taps  [][]tapped // by axis, then by output position; nil for an axis that stays
	fill  float64
	near  bool // whether elements are taken and not mixed
}

func resizingOf(n *Node, in []*Array) (*resizing, error) {
	x := in[0]
	if !x.float() && n.Text("mode") != "nearest" {
		return nil, fmt.Errorf("input is %s, want floating point", x.Type)
	}
	axes, err := resizeAxes(n, len(x.Shape))
	if err != nil {
		return nil, err
	}
	given, _ := resizeInput(n, in, 2)
	sizes, bySize := resizeInput(n, in, 3)
	r := &resizing{shape: slices.Clone(x.Shape), taps: make([][]tapped, len(x.Shape)), fill: n.Float("extrapolation_value"), near: n.Text("mode") == "nearest"}
	var scales []float64
	if bySize && n.Opset >= 11 {
		if scales, err = r.bySizes(n, sizes, axes); err != nil {
			return nil, err
		}
	} else {
		if scales, err = scalesOf(n, given, len(axes)); err != nil {
			return nil, err
		}
		for k, axis := range axes {
			size := math.Floor(float64(x.Shape[axis]) * scales[k])
			if size > MaxElements {
				return nil, fmt.Errorf("a size of %g", size)
			}
			r.shape[axis] = int(size)
		}
	}
	if _, err := NewArray(x.Type, r.shape...); err != nil { // before as many taps are made
		return nil, err
	}
	region, _ := resizeInput(n, in, 1)
	for k, axis := range axes {
		lo, hi := 0.0, 1.0
		if region != nil && len(region.F) == 2*len(axes) {
			lo, hi = region.F[k], region.F[k+len(axes)]
		}
		if r.taps[axis], err = tapsOf(n, x.Shape[axis], r.shape[axis], scales[k], lo, hi); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// bySizes sets the shape and returns the scales that it comes to.
func (r *resizing) bySizes(n *Node, sizes *Array, axes []int) ([]float64, error) {
	list, err := sizesOf(sizes)
	if err != nil {
		return nil, err
	}
	if len(list) != len(axes) {
		return nil, fmt.Errorf("%d sizes for %d axes", len(list), len(axes))
	}
	scales := make([]float64, len(axes))
	for k, axis := range axes {
		scales[k] = float64(list[k]) / float64(max(1, r.shape[axis]))
	}
	if policy := n.Text("keep_aspect_ratio_policy"); n.Opset >= 18 && policy != "stretch" {
		scale := slices.Min(scales)
		if policy == "not_smaller" {
			scale = slices.Max(scales)
		} else if policy != "not_larger" {
			return nil, fmt.Errorf("keep_aspect_ratio_policy %q, want stretch, not_larger or not_smaller", policy)
		}
		for k, axis := range axes {
			scales[k], list[k] = scale, int(math.Floor(scale*float64(r.shape[axis])+0.5))
		}
	}
	for k, axis := range axes {
		r.shape[axis] = list[k]
	}
	return scales, nil
}

// apply resizes x, or, with absolute, adds up the absolute values of what each element is made of.
func (r *resizing) apply(x *Array, absolute bool) (*Array, error) {
	cur := x
	shape := slices.Clone(x.Shape)
	for axis, taps := range r.taps {
		if taps == nil {
			continue
		}
		inner, before := product(shape[axis+1:]), shape[axis]
		shape[axis] = r.shape[axis]
		next, err := NewArray(x.Type, shape...)
		if err != nil {
			return nil, err
		}
		for i := range next.Len() {
			t := taps[i/inner%shape[axis]]
			base := i/(inner*shape[axis])*before*inner + i%inner
			if r.near && !next.float() {
				next.I[i] = cur.I[base+t.at[0]*inner]
				continue
			}
			for k, at := range t.at {
				v := t.weights[k] * cur.F[base+at*inner]
				if absolute {
					v = math.Abs(v)
				}
				next.F[i] += v
			}
		}
		cur = next
	}
	if cur == x {
		return x.reshaped(r.shape...), nil
	}
	for axis, taps := range r.taps {
		inner := product(r.shape[axis+1:])
		for i := range cur.F {
			if taps != nil && taps[i/inner%r.shape[axis]].outside {
				cur.F[i] = r.fill
			}
		}
	}
	return cur, nil
}

// boundResize allows for weights that follow from rounded places. Where the nearest element is
// taken, nothing is said of those that stand where another one is as near.
func boundResize(n *Node, in, out []*Array, r Rounding) []float64 {
	b := make([]float64, out[0].Len())
	z, err := resizingOf(n, in)
	if err != nil {
		return b
	}
	unit := max(r.Unit, r.Store)
	if z.near {
		for axis, taps := range z.taps {
			inner := product(z.shape[axis+1:])
			for i := range b {
				if taps == nil {
					break
				}
				if t := taps[i/inner%z.shape[axis]]; t.edge < 8*r.Unit*float64(in[0].Shape[axis]+1) && t.edge != 0 {
					b[i] = math.Inf(1)
				}
			}
		}
		return b
	}
	absolute, err := z.apply(&Array{Type: in[0].Type, Shape: in[0].Shape, F: absolutes(in[0].F)}, true)
	if err != nil {
		return b
	}
	longest := 1
	for axis, taps := range z.taps {
		if taps != nil {
			longest = max(longest, in[0].Shape[axis], z.shape[axis])
		}
	}
	terms := 1.0
	for _, taps := range z.taps {
		if len(taps) > 0 {
			terms *= float64(len(taps[0].at) + 2)
		}
	}
	for i, v := range absolute.F {
		b[i] = unit*(2*terms+8)*v + 16*r.Unit*float64(longest)*v + r.Tiny
	}
	return b
}

func absolutes(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = math.Abs(v)
	}
	return out
}
