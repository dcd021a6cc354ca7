package op

import (
	"fmt"
	"math"
	"slices"

	"alexctl/onnx"
)

// variadic returns the Spec of an operator that takes one or more inputs of one type, broadcast,
// two at a time.
func variadic(name string, since []int64, onFloat func(a, b float64) float64, onInt func(a, b int64, t onnx.DataType) int64) *Spec {
	return &Spec{
		Type: name, Since: since,
		Inputs: Arity{1, many}, Outputs: Arity{1, 1},
		Infer: sum().Infer,
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			y := in[0]
			for _, b := range in[1:] {
				if b.Type != y.Type {
					return nil, fmt.Errorf("inputs are %s and %s, want one type", y.Type, b.Type)
				}
				a := y
				var err error
				if y, err = broadcast(a, b); err != nil {
					return nil, err
				}
				err = pairs(a, b, func(i, p, q int) {
					if a.float() {
						y.F[i] = onFloat(a.F[p], b.F[q])
					} else {
						y.I[i] = onInt(a.I[p], b.I[q], a.Type)
					}
				})
				if err != nil {
					return nil, err
				}
			}
			return []*Array{{Type: y.Type, Shape: y.Shape, F: slices.Clone(y.F), I: slices.Clone(y.I)}}, nil
		},
	}
}

// maximum is Max-8, -12, -13: the largest of the inputs, element by element; NaN where one is.
func maximum() *Spec {
	return variadic("Max", []int64{1, 6, 8, 12, 13}, math.Max, func(a, b int64, t onnx.DataType) int64 {
		if compareInt(a, b, t) > 0 {
			return a
		}
		return b
	})
}

// minimum is Min-8, -12, -13: the smallest of the inputs, element by element; NaN where one is.
func minimum() *Spec {
	return variadic("Min", []int64{1, 6, 8, 12, 13}, math.Min, func(a, b int64, t onnx.DataType) int64 {
		if compareInt(a, b, t) < 0 {
			return a
		}
		return b
	})
}

// meanOf is Mean-8, -13: the mean of the inputs, element by element.
func meanOf() *Spec {
	s := sum()
	s.Type = "Mean"
	add, bound := s.Eval, s.Bound
	s.Eval = func(n *Node, in []*Array) ([]*Array, error) {
		out, err := add(n, in)
		if err != nil {
			return nil, err
		}
		for i := range out[0].F {
			out[0].F[i] /= float64(len(in))
		}
		return out, nil
	}
	s.Bound = func(n *Node, in, out []*Array, r Rounding) []float64 {
		b := bound(n, in, out, r)
		unit := max(r.Unit, r.Store)
		for i := range b {
			b[i] = b[i]/float64(len(in)) + 2*unit*math.Abs(out[0].F[i]) + r.Tiny
		}
		return b
	}
	return s
}

// modulo is Mod-10, -13, -28: the remainder of a division, with the sign of the divisor, or with fmod,
// which floating point needs before opset 28, with that of the dividend. Equals numpy.mod and numpy.fmod.
func modulo() *Spec {
	s := arithmetic("Mod", nil, nil)
	s.Since = []int64{10, 13, 28}
	s.Attrs = []Attr{intAttr("fmod", 0)}
	s.Bound = nil // both are exact
	infer := s.Infer
	s.Infer = func(n *Node, in []*Info) ([]*Info, error) {
		if in[0].Type.IsFloat() && n.Int("fmod") == 0 && n.Opset < 28 {
			return nil, fmt.Errorf("fmod must be 1 for floating point")
		}
		return infer(n, in)
	}
	s.Eval = func(n *Node, in []*Array) ([]*Array, error) {
		c := n.Int("fmod") != 0
		onFloat := math.Mod
		if !c {
			onFloat = floorMod
		}
		return arithmetic("Mod", onFloat, func(a, b int64, t onnx.DataType) (int64, error) {
			if b == 0 {
				return 0, fmt.Errorf("division by zero")
			}
			if t == onnx.Uint64 {
				return int64(uint64(a) % uint64(b)), nil
			}
			if b == -1 {
				return 0, nil // also of the smallest integer
			}
			m := a % b
			if !c && m != 0 && (m < 0) != (b < 0) {
				m += b
			}
			return m, nil
		}).Eval(n, in)
	}
	return s
}

// floorMod is the remainder with the sign of the divisor.
func floorMod(a, b float64) float64 {
	m := math.Mod(a, b)
	switch {
	case m != m: //nolint:gocritic // NaN
		return m
	case m == 0:
		return math.Copysign(0, b)
	case m < 0 != (b < 0):
		if math.IsInf(b, 0) {
			return b
		}
		return m + b
	}
	return m
}

// bitShift is BitShift-11, -28 of integers, unsigned before opset 28, by as many bits as the second input
// says. A negative number stays one when it is shifted to the right.
func bitShift() *Spec {
	s := arithmetic("BitShift", nil, nil)
	s.Since = []int64{11, 28}
	s.Attrs = []Attr{{Name: "direction", Kind: onnx.AttrString, Required: true}}
	s.Bound = nil
	infer := s.Infer
	s.Infer = func(n *Node, in []*Info) ([]*Info, error) {
		if !shiftable(n, in[0].Type) {
			return nil, fmt.Errorf("input is %s, want an unsigned integer", in[0].Type)
		}
		if d := n.Text("direction"); d != "LEFT" && d != "RIGHT" {
			return nil, fmt.Errorf("direction is %q, want LEFT or RIGHT", d)
		}
		return infer(n, in)
	}
	s.Eval = func(n *Node, in []*Array) ([]*Array, error) {
		if !shiftable(n, in[0].Type) {
			return nil, fmt.Errorf("input is %s, want an unsigned integer", in[0].Type)
		}
		left := n.Text("direction") == "LEFT"
		return arithmetic("BitShift", nil, func(a, b int64, t onnx.DataType) (int64, error) {
			by := uint64(b)
			switch {
			case !left && !unsigned(t):
				return a >> min(by, 63), nil
			case by >= uint64(t.Bits()):
				return 0, nil
			case left:
				return int64(uint64(a) << by), nil
			}
			return int64(uint64(a) >> by), nil
		}).Eval(n, in)
	}
	return s
}

// shiftable reports whether numbers of a type can be shifted in a node's opset.
func shiftable(n *Node, t onnx.DataType) bool { return unsigned(t) || n.Opset >= 28 && t.IsInteger() }

func unsigned(t onnx.DataType) bool {
	return t == onnx.Uint8 || t == onnx.Uint16 || t == onnx.Uint32 || t == onnx.Uint64
}
