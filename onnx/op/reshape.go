package op

import (
	"errors"
	"fmt"

	"alexctl/onnx"
)

// reshape is Reshape-5, -13, -14, -19, -21: the same elements in another shape. In
// the shape input, -1 stands for what is left and 0 for the input's own dimension,
// or, with allowzero, for zero. Equals torch.reshape.
func reshape() *Spec {
	return &Spec{
		Type: "Reshape", Since: []int64{1, 5, 13, 14, 19, 21}, Indices: []int{1}, InOrder: true,
		Inputs: Arity{2, 2}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("allowzero", 0).since(14)},
		Infer: inferReshape,
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			want, err := in[1].ints()
			if err != nil {
				return nil, err
			}
			shape := make([]int, len(want))
			for i, d := range want {
				if d > MaxElements {
					return nil, fmt.Errorf("dimension %d", d)
				}
				shape[i] = int(d)
				if d == 0 && n.Int("allowzero") == 0 {
					if i >= len(x.Shape) {
						return nil, fmt.Errorf("dimension %d is 0, the input %v has no such axis", i, x.Shape)
					}
					shape[i] = x.Shape[i]
				}
			}
			if err := fillRest(shape, x.Len()); err != nil {
				return nil, fmt.Errorf("input %v to %v: %w", x.Shape, want, err)
			}
			return []*Array{x.reshaped(shape...)}, nil
		},
	}
}

// fillRest replaces the one -1 in shape so that the product is total.
func fillRest(shape []int, total int) error {
	rest, n := -1, 1
	for i, d := range shape {
		switch {
		case d == -1 && rest >= 0:
			return errors.New("more than one -1")
		case d == -1:
			rest = i
		case d < 0:
			return fmt.Errorf("dimension %d", d)
		default:
			n = int(mul(int64(n), int64(d)))
		}
	}
	if rest >= 0 && n > 0 && total%n == 0 {
		shape[rest] = total / n
		return nil
	}
	if rest >= 0 || n != total {
		return fmt.Errorf("%d elements do not fit", total)
	}
	return nil
}

func inferReshape(n *Node, in []*Info) ([]*Info, error) {
	x, want := in[0], in[1]
	if err := want.wantRank("shape", 1); err != nil {
		return nil, err
	}
	if want.Const == nil {
		if want.Ranked && len(want.Shape) == 1 && want.Shape[0].IsKnown() && want.Shape[0].N < 64 {
			out := make(onnx.Shape, want.Shape[0].N)
			for i := range out {
				out[i] = onnx.UnknownDim
			}
			return ranked(x.Type, out), nil
		}
		return unranked(x.Type), nil
	}
	sizes, err := want.dims(n.symbols)
	if err != nil {
		return nil, err
	}
	out := make(onnx.Shape, len(sizes))
	rest := -1
	for i, d := range sizes {
		out[i] = d.dim
		switch {
		case d.number == 0 && d.known && n.Int("allowzero") == 0:
			out[i] = onnx.UnknownDim
			if x.Ranked {
				if i >= len(x.Shape) {
					return nil, fmt.Errorf("shape's dimension %d is 0, the input %s has no such axis", i, x.Shape)
				}
				out[i] = x.Shape[i]
			}
		case d.known && d.number == -1:
			if rest >= 0 {
				return nil, errors.New("shape has more than one -1")
			}
			rest = i
			out[i] = onnx.UnknownDim
		case d.known && d.number < -1:
			return nil, fmt.Errorf("shape has the dimension %d", d.number)
		}
	}
	if x.Ranked {
		if err := balance(x.Shape, out, rest); err != nil {
			return nil, err
		}
	}
	return ranked(x.Type, out), nil
}

// balance finds the dimension at rest from the sizes of in, or checks that both
// shapes have the same number of elements where that is known.
func balance(in, out onnx.Shape, rest int) error {
	// Cancel symbols that stand on both sides.
	left, right := append(onnx.Shape{}, in...), onnx.Shape{}
	for i, d := range out {
		if i == rest {
			continue
		}
		found := false
		if !d.IsKnown() {
			for k, e := range left {
				if d.Same(e) {
					left = append(left[:k:k], left[k+1:]...)
					found = true
					break
				}
			}
		}
		if !found {
			right = append(right, d)
		}
	}
	a, b := productDim(left), productDim(right)
	switch {
	case rest >= 0 && a.IsKnown() && b.IsKnown():
		if b.N == 0 || a.N%b.N != 0 {
			return fmt.Errorf("%s does not reshape to %s: %s elements are not a multiple of %s", in, out, a, b)
		}
		out[rest] = onnx.Known(a.N / b.N)
	case rest >= 0 && b.N == 1 && b.IsKnown():
		out[rest] = a
	case rest >= 0 && b.IsKnown():
		// one symbol times numbers, over the same numbers
		symbol, n, ok := oneSymbol(left)
		if ok && n == b.N {
			out[rest] = symbol
		}
	case rest < 0 && a.Conflicts(b):
		return fmt.Errorf("%s does not reshape to %s: %s elements to %s", in, out, a, b)
	case rest < 0:
		symbol, n, ok := oneSymbol(left)
		if ok && symbol.Param != "" && b.IsKnown() && (n == 0 || b.N%n != 0) {
			return fmt.Errorf("%s does not reshape to %s", in, out)
		}
	}
	return nil
}

// oneSymbol splits dims into its only symbol and the product of the numbers.
func oneSymbol(dims onnx.Shape) (symbol onnx.Dim, n int64, ok bool) {
	n = 1
	for _, d := range dims {
		switch {
		case d.IsKnown():
			n = mul(n, d.N)
		case ok:
			return symbol, n, false
		default:
			symbol, ok = d, true
		}
	}
	return symbol, n, ok
}
