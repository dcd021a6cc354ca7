package op

import (
	"errors"
	"fmt"

	"alexctl/onnx"
)

// maxWindow bounds kernel sizes, strides, dilations and pads.
const maxWindow = 1 << 30

// maxTaps bounds the positions of a kernel that is evaluated.
const maxTaps = 1 << 22

// windowAttrs are the attributes that Conv and the pools share.
func windowAttrs() []Attr {
	return []Attr{stringAttr("auto_pad", "NOTSET"), intsAttr("kernel_shape"), intsAttr("strides"), intsAttr("pads")}
}

// axisWindow is a window that slides along one spatial axis.
type axisWindow struct {
	kernel, stride, dilation int64
	begin, end               int64 // pads
}

// window is a sliding window over the spatial axes.
type window struct {
	axes    []axisWindow
	autoPad string
	ceil    bool
}

// windowOf reads the window of a node; kernel is the kernel shape.
func windowOf(n *Node, kernel []int64) (*window, error) {
	w := &window{autoPad: n.Text("auto_pad"), ceil: n.Int("ceil_mode") != 0, axes: make([]axisWindow, len(kernel))}
	rank := len(kernel)
	if rank < 1 || rank > 3 {
		return nil, n.unsupported("%d spatial axes, 1 to 3 are supported", rank)
	}
	strides, dilations, pads := n.Ints("strides"), n.Ints("dilations"), n.Ints("pads")
	for _, a := range []struct {
		name string
		list []int64
		want int
		min  int64
	}{{"kernel_shape", kernel, rank, 1}, {"strides", strides, rank, 1}, {"dilations", dilations, rank, 1}, {"pads", pads, 2 * rank, 0}} {
		if a.list != nil && len(a.list) != a.want {
			return nil, fmt.Errorf("attribute %s is %v, want %d numbers", a.name, a.list, a.want)
		}
		for _, v := range a.list {
			if v < a.min || v > maxWindow {
				return nil, fmt.Errorf("attribute %s is %v, want numbers from %d", a.name, a.list, a.min)
			}
		}
	}
	switch w.autoPad {
	case "NOTSET":
	case "SAME_UPPER", "SAME_LOWER", "VALID":
		for _, p := range pads {
			if p != 0 {
				return nil, fmt.Errorf("both auto_pad %s and pads %v are given", w.autoPad, pads)
			}
		}
	default:
		return nil, fmt.Errorf("auto_pad is %q, want NOTSET, SAME_UPPER, SAME_LOWER or VALID", w.autoPad)
	}
	for i := range w.axes {
		a := &w.axes[i]
		*a = axisWindow{kernel: kernel[i], stride: 1, dilation: 1}
		if strides != nil {
			a.stride = strides[i]
		}
		if dilations != nil {
			a.dilation = dilations[i]
		}
		if pads != nil {
			a.begin, a.end = pads[i], pads[rank+i]
		}
	}
	return w, nil
}

// extent is how many elements the dilated kernel spans.
func (a axisWindow) extent() int64 { return (a.kernel-1)*a.dilation + 1 }

// resolve returns the window of axis i over an input of size in, with auto_pad
// turned into pads, and the output size.
func (w *window) resolve(i int, in int64) (axisWindow, int64, error) {
	a := w.axes[i]
	if in > 1<<40 {
		return a, 0, fmt.Errorf("spatial dimension of %d", in)
	}
	switch w.autoPad {
	case "VALID":
		a.begin, a.end = 0, 0
	case "SAME_UPPER", "SAME_LOWER":
		out := (in + a.stride - 1) / a.stride
		total := max(0, (out-1)*a.stride+a.extent()-in)
		a.begin, a.end = total/2, total-total/2
		if w.autoPad == "SAME_LOWER" {
			a.begin, a.end = a.end, a.begin
		}
		return a, out, nil
	}
	room := in + a.begin + a.end - a.extent()
	if w.ceil && room+a.stride > 0 {
		// The last window may reach past the end, but must start before it.
		out := (room+a.stride-1)/a.stride + 1
		if (out-1)*a.stride >= in+a.begin {
			out--
		}
		return a, out, nil
	}
	if room < 0 {
		return a, 0, fmt.Errorf("the window spans %d, the padded input only %d", a.extent(), in+a.begin+a.end)
	}
	return a, room/a.stride + 1, nil
}

// outputs applies the window to the spatial dimensions of shape.
func (w *window) outputs(spatial onnx.Shape) (onnx.Shape, error) {
	if len(spatial) != len(w.axes) {
		return nil, fmt.Errorf("the kernel has %d axes, the input %d spatial ones", len(w.axes), len(spatial))
	}
	out := make(onnx.Shape, len(spatial))
	for i, d := range spatial {
		out[i] = onnx.UnknownDim
		if !d.IsKnown() {
			continue
		}
		_, n, err := w.resolve(i, d.N)
		if err != nil {
			return nil, fmt.Errorf("spatial axis %d of %s: %w", i, spatial, err)
		}
		if n <= 0 {
			return nil, fmt.Errorf("spatial axis %d of %s: no output is left", i, spatial)
		}
		out[i] = onnx.Known(n)
	}
	return out, nil
}

// geometry3 is a window over three spatial axes, the leading ones of size 1 where
// the operator has fewer: one loop nest serves one to three dimensions.
type geometry3 struct {
	axis    [3]axisWindow
	in, out [3]int
}

func (w *window) geometry(spatial []int) (geometry3, error) {
	var g geometry3
	lead := 3 - len(w.axes)
	if len(spatial) != len(w.axes) {
		return g, errors.New("the input has another rank than the kernel")
	}
	for i := range 3 {
		if i < lead {
			g.axis[i], g.in[i], g.out[i] = axisWindow{kernel: 1, stride: 1, dilation: 1}, 1, 1
			continue
		}
		a, out, err := w.resolve(i-lead, int64(spatial[i-lead]))
		if err != nil {
			return g, err
		}
		g.axis[i], g.in[i], g.out[i] = a, spatial[i-lead], int(out)
	}
	if mul(g.axis[0].kernel, g.axis[1].kernel, g.axis[2].kernel) > maxTaps {
		return g, fmt.Errorf("a kernel of more than %d positions", maxTaps)
	}
	return g, nil
}

// outShape returns the output shape for n images of c channels.
func (g *geometry3) outShape(n, c, rank int) []int {
	return append([]int{n, c}, g.out[3-rank:]...)
}

// at returns the input position under tap k of the window at output o along axis
// i, and whether it is inside the input.
func (g *geometry3) at(i, o, k int) (int, bool) {
	a := g.axis[i]
	p := int64(o)*a.stride - a.begin + int64(k)*a.dilation
	return int(p), p >= 0 && p < int64(g.in[i])
}

// each calls f for every tap of the window at output position o (d, h, w) that
// lies inside the input, with the tap's index in the kernel and the offset in one
// channel of the input.
func (g *geometry3) each(o [3]int, f func(tap, offset int)) {
	k := [3]int{int(g.axis[0].kernel), int(g.axis[1].kernel), int(g.axis[2].kernel)}
	for kd := range k[0] {
		d, okD := g.at(0, o[0], kd)
		for kh := range k[1] {
			h, okH := g.at(1, o[1], kh)
			for kw := range k[2] {
				if w, okW := g.at(2, o[2], kw); okD && okH && okW {
					f((kd*k[1]+kh)*k[2]+kw, (d*g.in[1]+h)*g.in[2]+w)
				}
			}
		}
	}
}

// positions calls f for every output position with its index in one channel.
func (g *geometry3) positions(f func(index int, o [3]int)) {
	index := 0
	for d := range g.out[0] {
		for h := range g.out[1] {
			for w := range g.out[2] {
				f(index, [3]int{d, h, w})
				index++
			}
		}
	}
}

func (g *geometry3) inSize() int  { return g.in[0] * g.in[1] * g.in[2] }
func (g *geometry3) outSize() int { return g.out[0] * g.out[1] * g.out[2] }

// Axis is the window of a Conv or pool node along one spatial axis, with the sizes
// of its input and output.
type Axis struct {
	In, Out, Kernel, Stride, Dilation int
	Begin, End                        int // pads
}

// WindowOf returns the window of a Conv or pool node over an input of the given
// spatial sizes; kernel is the kernel's shape. auto_pad has become pads.
func WindowOf(n *Node, spatial, kernel []int) ([]Axis, error) {
	sizes := make([]int64, len(kernel))
	for i, k := range kernel {
		sizes[i] = int64(k)
	}
	w, err := windowOf(n, sizes)
	if err != nil {
		return nil, err
	}
	if len(spatial) != len(kernel) {
		return nil, fmt.Errorf("the kernel has %d axes, the input %d spatial ones", len(kernel), len(spatial))
	}
	axes := make([]Axis, len(kernel))
	for i, size := range spatial {
		a, out, err := w.resolve(i, int64(size))
		if err != nil {
			return nil, err
		}
		axes[i] = Axis{size, int(out), int(a.kernel), int(a.stride), int(a.dilation), int(a.begin), int(a.end)}
	}
	return axes, nil
}
