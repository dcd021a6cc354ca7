package op

import (
	"fmt"
	"math"

	"alexctl/onnx"
)

// comparison returns the Spec of an operator that compares two inputs of one type, broadcast:
// onFloat for floating point, onInt for integers in the order of their type.
func comparison(name string, since []int64, onFloat func(a, b float64) bool, onInt func(order int) bool) *Spec {
	return &Spec{
		Type: name, Since: since,
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			out, err := inferArithmetic(n, in)
			if err == nil {
				out[0].Type = onnx.Bool
			}
			return out, err
		},
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			a, b := in[0], in[1]
			if a.Type != b.Type {
				return nil, fmt.Errorf("inputs are %s and %s, want one type", a.Type, b.Type)
			}
			return truths(a, b, func(p, q int) bool {
				if a.float() {
					return onFloat(a.F[p], b.F[q])
				}
				return onInt(compareInt(a.I[p], b.I[q], a.Type))
			})
		},
	}
}

// truths returns f of the elements of a and b, broadcast.
func truths(a, b *Array, f func(p, q int) bool) ([]*Array, error) {
	shape, err := Broadcast(a.Shape, b.Shape)
	if err != nil {
		return nil, err
	}
	y, err := NewArray(onnx.Bool, shape...)
	if err != nil {
		return nil, err
	}
	return []*Array{y}, pairs(a, b, func(i, p, q int) {
		if f(p, q) {
			y.I[i] = 1
		}
	})
}

// equal is Equal-7, -11, -13, -19.
func equal() *Spec {
	return comparison("Equal", []int64{1, 7, 11, 13, 19}, func(a, b float64) bool { return a == b }, func(o int) bool { return o == 0 })
}

// less is Less-7, -9, -13.
func less() *Spec {
	return comparison("Less", []int64{1, 7, 9, 13}, func(a, b float64) bool { return a < b }, func(o int) bool { return o < 0 })
}

// lessOrEqual is LessOrEqual-12, -16.
func lessOrEqual() *Spec {
	return comparison("LessOrEqual", []int64{12, 16}, func(a, b float64) bool { return a <= b }, func(o int) bool { return o <= 0 })
}

// greater is Greater-7, -9, -13.
func greater() *Spec {
	return comparison("Greater", []int64{1, 7, 9, 13}, func(a, b float64) bool { return a > b }, func(o int) bool { return o > 0 })
}

// greaterOrEqual is GreaterOrEqual-12, -16.
func greaterOrEqual() *Spec {
	return comparison("GreaterOrEqual", []int64{12, 16}, func(a, b float64) bool { return a >= b }, func(o int) bool { return o >= 0 })
}

// ofTruths returns what infers an operator of truth values from what infers it of any type.
func ofTruths(infer func(*Node, []*Info) ([]*Info, error)) func(*Node, []*Info) ([]*Info, error) {
	return func(n *Node, in []*Info) ([]*Info, error) {
		if in[0].Type != onnx.Bool {
			return nil, fmt.Errorf("input is %s, want BOOL", in[0].Type)
		}
		return infer(n, in)
	}
}

// logical returns the Spec of an operator on two truth values, broadcast.
func logical(name string, f func(a, b bool) bool) *Spec {
	s := comparison(name, []int64{1, 7}, nil, nil)
	s.Infer = ofTruths(s.Infer)
	s.Eval = func(_ *Node, in []*Array) ([]*Array, error) {
		a, b := in[0], in[1]
		if a.Type != onnx.Bool || b.Type != onnx.Bool {
			return nil, fmt.Errorf("inputs are %s and %s, want BOOL", a.Type, b.Type)
		}
		return truths(a, b, func(p, q int) bool { return f(a.I[p] != 0, b.I[q] != 0) })
	}
	return s
}

// and is And-7.
func and() *Spec { return logical("And", func(a, b bool) bool { return a && b }) }

// or is Or-7.
func or() *Spec { return logical("Or", func(a, b bool) bool { return a || b }) }

// xor is Xor-7.
func xor() *Spec { return logical("Xor", func(a, b bool) bool { return a != b }) }

// question returns the Spec of an operator that answers with a truth value for each number.
func question(name string, since []int64, attrs []Attr, f func(n *Node, v float64) bool) *Spec {
	return &Spec{
		Type: name, Since: since, FloatOnly: true, Attrs: attrs,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			out, err := sameAs(n, in)
			out[0].Type = onnx.Bool
			return out, err
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			y, err := NewArray(onnx.Bool, in[0].Shape...)
			if err != nil {
				return nil, err
			}
			for i, v := range in[0].F {
				if f(n, v) {
					y.I[i] = 1
				}
			}
			return []*Array{y}, nil
		},
	}
}

// isNaN is IsNaN-9, -13, -20.
func isNaN() *Spec {
	return question("IsNaN", []int64{9, 13, 20}, nil, func(_ *Node, v float64) bool { return v != v })
}

// isInf is IsInf-10, -20, of either sign or of one of them.
func isInf() *Spec {
	return question("IsInf", []int64{10, 20}, []Attr{intAttr("detect_negative", 1), intAttr("detect_positive", 1)}, func(n *Node, v float64) bool {
		return math.IsInf(v, 1) && n.Int("detect_positive") != 0 || math.IsInf(v, -1) && n.Int("detect_negative") != 0
	})
}

// where is Where-9, -16: X where the condition holds, otherwise Y, all three broadcast. Equals
// torch.where.
func where() *Spec {
	return &Spec{
		Type: "Where", Since: []int64{9, 16}, Moves: true,
		Inputs: Arity{3, 3}, Outputs: Arity{1, 1},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if in[0].Type != onnx.Bool {
				return nil, fmt.Errorf("the condition is %s, want BOOL", in[0].Type)
			}
			out, err := inferArithmetic(n, in[1:])
			if err != nil || !out[0].Ranked || !in[0].Ranked {
				return unranked(in[1].Type), err
			}
			return inferBroadcast(n, []*Info{out[0], in[0]})
		},
		Eval: func(_ *Node, in []*Array) ([]*Array, error) {
			c, a, b := in[0], in[1], in[2]
			if c.Type != onnx.Bool || a.Type != b.Type {
				return nil, fmt.Errorf("inputs are %s, %s and %s, want BOOL and one type", c.Type, a.Type, b.Type)
			}
			shape, err := Broadcast(a.Shape, b.Shape)
			if err != nil {
				return nil, err
			}
			if shape, err = Broadcast(shape, c.Shape); err != nil {
				return nil, err
			}
			ac, aa, ab := broadcastIndex(c.Shape, shape), broadcastIndex(a.Shape, shape), broadcastIndex(b.Shape, shape)
			y, err := NewArray(a.Type, shape...)
			if err != nil {
				return nil, err
			}
			for i := range product(shape) {
				from, at := b, ab
				if c.I[ac(i)] != 0 {
					from, at = a, aa
				}
				if y.float() {
					y.F[i] = from.F[at(i)]
				} else {
					y.I[i] = from.I[at(i)]
				}
			}
			return []*Array{y}, nil
		},
	}
}
