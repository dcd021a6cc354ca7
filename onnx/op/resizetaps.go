package op

import (
	"errors"
	"fmt"
	"math"
)

// tapped are the elements of the input along an axis that one of the output is made of.
type tapped struct {
	at      []int
	weights []float64
	outside bool // it stands outside of the region, and has the extrapolation's value
	edge    float64
}

// place returns where in an axis of size the output's element i of length stands.
func place(n *Node, i, size, length int, scale, lo, hi float64) (float64, error) {
	x := float64(i)
	mode := "asymmetric" // of opsets before 11
	if n.Opset >= 11 {
		mode = n.Text("coordinate_transformation_mode")
	}
	switch mode {
	case "asymmetric":
		return x / scale, nil
	case "half_pixel":
		return (x+0.5)/scale - 0.5, nil
	case "half_pixel_symmetric":
		adjustment := float64(length) / (scale * float64(size))
		center := float64(size) / 2
		return center*(1-adjustment) + (x+0.5)/scale - 0.5, nil
	case "pytorch_half_pixel":
		if length == 1 {
			return 0, nil
		}
		return (x+0.5)/scale - 0.5, nil
	case "align_corners":
		if length == 1 {
			return 0, nil
		}
		return x * float64(size-1) / float64(length-1), nil
	case "tf_half_pixel_for_nn":
		return (x + 0.5) / scale, nil
	case "tf_crop_and_resize":
		if length == 1 {
			return 0.5 * (lo + hi) * float64(size-1), nil
		}
		return lo*float64(size-1) + x*(hi-lo)*float64(size-1)/float64(length-1), nil
	}
	return 0, fmt.Errorf("coordinate_transformation_mode %q is not known", mode)
}

func tapsOf(n *Node, size, length int, scale, lo, hi float64) ([]tapped, error) {
	crop := n.Opset >= 11 && n.Text("coordinate_transformation_mode") == "tf_crop_and_resize"
	if scale == 1 && size == length && !crop {
		return nil, nil
	}
	if size == 0 && length > 0 {
		return nil, errors.New("an axis without elements cannot be resized")
	}
	out := make([]tapped, length)
	for i := range out {
		x, err := place(n, i, size, length, scale, lo, hi)
		if err != nil {
			return nil, err
		}
		t := &out[i]
		t.outside = crop && (x < 0 || x > float64(size-1))
		if n.Text("mode") == "nearest" {
			err = t.nearest(n, x, size)
		} else {
			err = t.mixed(n, x, size, scale)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// nearest takes one element, and remembers how near the place is to where another would be taken.
func (t *tapped) nearest(n *Node, x float64, size int) error {
	mode := "floor" // of opsets before 11
	if n.Opset >= 11 {
		mode = n.Text("nearest_mode")
	}
	var at float64
	switch mode {
	case "floor":
		at, t.edge = math.Floor(x), math.Abs(x-math.Round(x))
	case "ceil":
		at, t.edge = math.Ceil(x), math.Abs(x-math.Round(x))
	case "round_prefer_floor":
		at, t.edge = math.Ceil(x-0.5), math.Abs(x-math.Floor(x)-0.5)
	case "round_prefer_ceil":
		at, t.edge = math.Floor(x+0.5), math.Abs(x-math.Floor(x)-0.5)
	default:
		return fmt.Errorf("nearest_mode %q is not known", mode)
	}
	t.at, t.weights = []int{int(min(max(at, 0), float64(size-1)))}, []float64{1}
	return nil
}

// mixed takes elements with weights, those beyond the edges as the edges.
func (t *tapped) mixed(n *Node, x float64, size int, scale float64) error {
	reach, kernel := 1.0, func(d float64) float64 { return max(0, 1-math.Abs(d)) }
	switch n.Text("mode") {
	case "linear":
	case "cubic":
		a := n.Float("cubic_coeff_a")
		reach, kernel = 2, func(d float64) float64 {
			switch d = math.Abs(d); {
			case d <= 1:
				return ((a+2)*d-(a+3))*d*d + 1
			case d < 2:
				return ((a*d-5*a)*d+8*a)*d - 4*a
			}
			return 0
		}
	default:
		return fmt.Errorf("mode %q, want nearest, linear or cubic", n.Text("mode"))
	}
	shrink := 1.0
	if n.Opset >= 18 && n.Int("antialias") != 0 {
		shrink = min(1, scale)
	}
	sum := 0.0
	first, last := math.Floor(x-reach/shrink), math.Ceil(x+reach/shrink)
	if last-first > maxTaps {
		return fmt.Errorf("an element made of %g", last-first)
	}
	for k := first; k <= last; k++ {
		w := kernel((k - x) * shrink)
		inside := k >= 0 && k < float64(size)
		if w == 0 || !inside && n.Opset >= 11 && n.Int("exclude_outside") != 0 {
			continue
		}
		sum += w
		t.at, t.weights = append(t.at, int(min(max(k, 0), float64(size-1)))), append(t.weights, w)
	}
	if sum == 0 {
		return nil
	}
	for i := range t.weights {
		t.weights[i] /= sum
	}
	return nil
}
