package op

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"alexctl/onnx"
)

// einsum is Einsum-12: the sum over the indices that the output lacks of the products of the
// elements that the equation names, with ... for axes that broadcast. Equals torch.einsum.
func einsum() *Spec {
	return &Spec{
		Type: "Einsum", Since: []int64{12}, Heavy: true,
		Inputs: Arity{1, many}, Outputs: Arity{1, 1},
		Attrs: []Attr{{Name: "equation", Kind: onnx.AttrString, Required: true}},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if err := sameType(in...); err != nil {
				return nil, err
			}
			shapes := make([]onnx.Shape, len(in))
			for i, x := range in {
				if !x.Ranked {
					return unranked(in[0].Type), nil
				}
				shapes[i] = x.Shape
			}
			e, err := parseEinsum(n.Text("equation"), shapes)
			if err != nil {
				return nil, err
			}
			var out onnx.Shape
			for _, index := range e.output {
				out = append(out, e.sizes[index])
			}
			return ranked(in[0].Type, out), nil
		},
		MACs: func(n *Node, in, _ []*Info) int64 {
			shapes := make([]onnx.Shape, len(in))
			for i, x := range in {
				shapes[i] = x.Shape
			}
			e, err := parseEinsum(n.Text("equation"), shapes)
			if err != nil || len(in) < 2 {
				return 0
			}
			count := int64(1)
			for _, d := range e.sizes {
				count = mul(count, max(d.N, 1))
			}
			return count
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			e, y, err := einsumOf(n, in)
			if err != nil {
				return nil, err
			}
			e.each(in, func(at int, places []int) {
				if y.float() {
					p := 1.0
					for i, x := range in {
						p *= x.F[places[i]]
					}
					y.F[at] += p
					return
				}
				p := int64(1)
				for i, x := range in {
					p *= x.I[places[i]]
				}
				y.I[at] = wrap(y.I[at]+p, y.Type)
			})
			return []*Array{y}, nil
		},
		Bound: func(n *Node, in, out []*Array, r Rounding) []float64 {
			b := make([]float64, out[0].Len())
			e, _, err := einsumOf(n, in)
			if err != nil {
				return b // the evaluation said so
			}
			absolute, squares, terms := make([]float64, len(b)), make([]float64, len(b)), make([]int, len(b))
			e.each(in, func(at int, places []int) {
				p := 1.0
				for i, x := range in {
					p *= x.F[places[i]]
				}
				absolute[at] += math.Abs(p)
				squares[at] += p * p
				terms[at]++
			})
			irregular := Irregular(in[len(in)-1].F)
			for i := range b {
				// Engines multiply operands two by two: each product is rounded.
				b[i] = r.Sum(terms[i], out[0].F[i], absolute[i], squares[i], irregular) + float64(len(in))*max(r.Unit, r.Store)*absolute[i]
			}
			return b
		},
	}
}

// summation is a parsed equation: the indices of each operand and of the output, and their sizes.
// The axes of an ellipsis are indices whose names no letter has.
type summation struct {
	operands [][]string
	output   []string
	order    []string // the output's indices, and then those that are summed over
	sizes    map[string]onnx.Dim
}

// parseEinsum reads an equation for operands of the given shapes.
func parseEinsum(equation string, shapes []onnx.Shape) (*summation, error) {
	fail := func(format string, args ...any) (*summation, error) {
		return nil, fmt.Errorf("equation %q: %s", equation, fmt.Sprintf(format, args...))
	}
	left, right, explicit := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(shapes) {
		return fail("it has %d operands, the node %d", len(terms), len(shapes))
	}
	e := &summation{sizes: map[string]onnx.Dim{}}
	broad := 0 // axes of the longest ellipsis
	seen := map[string]int{}
	for i, term := range terms {
		if strings.Count(term, "...") > 1 {
			return fail("operand %d has two ellipses", i)
		}
		letters := len(strings.ReplaceAll(term, "...", ""))
		dots := len(shapes[i]) - letters
		if !strings.Contains(term, "...") && dots != 0 || dots < 0 {
			return fail("operand %d is %s, which %q does not fit", i, shapes[i], term)
		}
		broad = max(broad, dots)
		e.operands = append(e.operands, nil)
		for rest := term; rest != ""; {
			if strings.HasPrefix(rest, "...") {
				for k := range dots {
					e.operands[i] = append(e.operands[i], fmt.Sprint(dots-k)) // counted from the last one
				}
				rest = rest[3:]
				continue
			}
			if c := rest[0]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return fail("%q is no index", rest[:1])
			}
			e.operands[i] = append(e.operands[i], rest[:1])
			seen[rest[:1]]++
			rest = rest[1:]
		}
		for axis, index := range e.operands[i] {
			d := shapes[i][axis]
			have, ok := e.sizes[index]
			one := index[0] <= '9' && (ok && have.IsKnown() && have.N == 1 || d.IsKnown() && d.N == 1)
			switch {
			case !ok, !have.IsKnown() && d.IsKnown() && !one, one && have.IsKnown() && have.N == 1:
				e.sizes[index] = d
			case have.Conflicts(d) && !one:
				return fail("index %q is %s and %s", index, have, d)
			}
		}
	}
	var dots []string
	for k := broad; k > 0; k-- {
		dots = append(dots, fmt.Sprint(k))
	}
	if !explicit {
		e.output = slices.Clone(dots)
		for c := 'A'; c <= 'z'; c++ {
			if seen[string(c)] == 1 {
				e.output = append(e.output, string(c))
			}
		}
	}
	if strings.Count(right, "...") > 1 {
		return fail("the output has two ellipses")
	}
	for right != "" {
		if strings.HasPrefix(right, "...") {
			e.output, right = append(e.output, dots...), right[3:]
			continue
		}
		if seen[right[:1]] == 0 || slices.Contains(e.output, right[:1]) {
			return fail("the output's %q is not one index of the operands", right[:1])
		}
		e.output, right = append(e.output, right[:1]), right[1:]
	}
	e.order = slices.Clone(e.output)
	for _, list := range e.operands {
		for _, index := range list {
			if !slices.Contains(e.order, index) {
				e.order = append(e.order, index)
			}
		}
	}
	return e, nil
}

// einsumOf parses the equation for arrays, and makes room for the output.
func einsumOf(n *Node, in []*Array) (*summation, *Array, error) {
	shapes := make([]onnx.Shape, len(in))
	for i, x := range in {
		for _, d := range x.Shape {
			shapes[i] = append(shapes[i], onnx.Known(int64(d)))
		}
	}
	e, err := parseEinsum(n.Text("equation"), shapes)
	if err != nil {
		return nil, nil, err
	}
	const most = 1 << 34 // products, which take minutes
	products := int64(1)
	for _, d := range e.sizes {
		if products = mul(products, d.N); products > most {
			return nil, nil, fmt.Errorf("equation %q multiplies more than %d times", n.Text("equation"), int64(most))
		}
	}
	var shape []int
	for _, index := range e.output {
		shape = append(shape, int(e.sizes[index].N))
	}
	y, err := NewArray(in[0].Type, shape...)
	return e, y, err
}

// each calls f for every combination of indices, with the place in the output and in each operand.
func (e *summation) each(in []*Array, f func(at int, places []int)) {
	sizes, steps := make([]int, len(e.order)), make([][]int, len(e.order))
	total, step := 1, 1
	for k := len(e.order) - 1; k >= 0; k-- {
		sizes[k], steps[k] = int(e.sizes[e.order[k]].N), make([]int, len(in)+1)
		total *= sizes[k]
		if k < len(e.output) {
			steps[k][len(in)] = step
			step *= sizes[k]
		}
	}
	for i, list := range e.operands {
		step := 1
		for axis := len(list) - 1; axis >= 0; axis-- {
			if in[i].Shape[axis] > 1 { // otherwise it broadcasts
				steps[slices.Index(e.order, list[axis])][i] += step
			}
			step *= in[i].Shape[axis]
		}
	}
	places, count := make([]int, len(in)+1), make([]int, len(sizes))
	for range total {
		f(places[len(in)], places[:len(in)])
		for k := len(sizes) - 1; k >= 0; k-- {
			count[k]++
			for i, s := range steps[k] {
				places[i] += s
			}
			if count[k] < sizes[k] {
				break
			}
			for i, s := range steps[k] {
				places[i] -= s * sizes[k]
			}
			count[k] = 0
		}
	}
}
