package op

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"alexctl/onnx"
)

// fold is how a reduction takes an axis away: start is the result of no elements, take adds one,
// and finish, where not nil, makes the result of so many.
type fold struct {
	start  func(t onnx.DataType) (float64, int64)
	take   func(sum, v float64) float64
	takeI  func(sum, v int64, t onnx.DataType) int64
	finish func(sum float64, count int) float64
	// axesSince is the opset in which the axes became an input.
	axesSince int64
}

// reduction returns the Spec of an operator that reduces over the named axes, or over all of
// them; with keepdims they stay with size one.
func reduction(name string, since []int64, f fold, b bound) *Spec {
	return &Spec{
		Type: name, Since: since, Indices: []int{1},
		Inputs: Arity{1, 2}, Outputs: Arity{1, 1},
		Earlier: []Earlier{{Until: f.axesSince - 1, Inputs: Arity{1, 1}, Outputs: Arity{1, 1}}},
		Attrs:   []Attr{intsAttr("axes").until(f.axesSince - 1), intAttr("keepdims", 1), intAttr("noop_with_empty_axes", 0).since(f.axesSince)},
		Infer:   func(n *Node, in []*Info) ([]*Info, error) { return inferReduction(n, f.axesSince, in) },
		Eval:    f.eval,
		Bound:   b,
	}
}

func inferReduction(n *Node, since int64, in []*Info) ([]*Info, error) {
	x := in[0]
	axes, _, known, err := axesInfo(n, since, in)
	if err != nil {
		return nil, err
	}
	if !known || !x.Ranked {
		return unranked(x.Type), nil
	}
	reduced, err := reducedAxes(n, axes, len(x.Shape))
	if err != nil {
		return nil, err
	}
	out := onnx.Shape{}
	for i, d := range x.Shape {
		switch {
		case !slices.Contains(reduced, i):
			out = append(out, d)
		case n.Int("keepdims") != 0:
			out = append(out, onnx.Known(1))
		}
	}
	return ranked(x.Type, out), nil
}

// reducedAxes returns the axes to reduce over: all where none is named, unless
// noop_with_empty_axes asks for none.
func reducedAxes(n *Node, axes []int64, rank int) ([]int, error) {
	if len(axes) > 0 {
		return axesOf(axes, rank)
	}
	var all []int
	if n.Int("noop_with_empty_axes") == 0 {
		for i := range rank {
			all = append(all, i)
		}
	}
	return all, nil
}

// reducing returns the shape of the result, how many elements each is made of, and where in it
// each element of x goes.
func reducing(n *Node, since int64, in []*Array) (shape []int, count int, to func(i int) int, err error) {
	x := in[0]
	axes, _, err := axesInput(n, since, in)
	if err != nil {
		return nil, 0, nil, err
	}
	reduced, err := reducedAxes(n, axes, len(x.Shape))
	if err != nil {
		return nil, 0, nil, err
	}
	kept := append([]int{}, x.Shape...)
	shape, count = []int{}, 1
	for i, d := range x.Shape {
		if slices.Contains(reduced, i) {
			kept[i] = 1
			count *= d
			if n.Int("keepdims") == 0 {
				continue
			}
		}
		shape = append(shape, kept[i])
	}
	return shape, count, broadcastIndex(kept, x.Shape), nil
}

func (f fold) eval(n *Node, in []*Array) ([]*Array, error) {
	x := in[0]
	shape, count, to, err := reducing(n, f.axesSince, in)
	if err != nil {
		return nil, err
	}
	y, err := NewArray(x.Type, shape...)
	if err != nil {
		return nil, err
	}
	if !x.float() && f.takeI == nil {
		return nil, fmt.Errorf("input is %s, want floating point", x.Type)
	}
	if f.start != nil {
		first, firstI := f.start(x.Type)
		for i := range y.F {
			y.F[i] = first
		}
		for i := range y.I {
			y.I[i] = firstI
		}
	}
	for i, v := range x.F {
		y.F[to(i)] = f.take(y.F[to(i)], v)
	}
	for i, v := range x.I {
		y.I[to(i)] = wrap(f.takeI(y.I[to(i)], v, x.Type), x.Type)
	}
	for i := range y.F {
		if f.finish != nil {
			y.F[i] = f.finish(y.F[i], count)
		}
	}
	return []*Array{y}, nil
}

// sums is the fold of a sum of what each of the elements comes to.
func sums(since int64, each func(float64) float64, eachI func(int64) int64, finish func(sum float64, count int) float64) fold {
	f := fold{axesSince: since, take: func(sum, v float64) float64 { return sum + each(v) }, finish: finish}
	if eachI != nil {
		f.takeI = func(sum, v int64, _ onnx.DataType) int64 { return sum + eachI(v) }
	}
	return f
}

func itself[T any](v T) T { return v }

func square[T float64 | int64](v T) T { return v * v }

func absoluteInt(v int64) int64 { return max(v, -v) }

// boundSum is the bound of a sum of what the elements come to, which are off by so many units
// themselves.
func boundSum(since int64, each func(float64) float64) bound {
	return func(n *Node, in, out []*Array, r Rounding) []float64 {
		of := func(f func(float64) float64) []float64 {
			y, err := sums(since, f, nil, nil).eval(n, in)
			if err != nil {
				return make([]float64, out[0].Len())
			}
			return y[0].F
		}
		terms := len(in[0].F) / max(1, out[0].Len())
		total, absolute, squares := of(each), of(func(v float64) float64 { return math.Abs(each(v)) }), of(func(v float64) float64 { return square(each(v)) })
		b := make([]float64, len(absolute))
		for i := range b {
			// The largest partial sum is not looked for: it is at most the sum of the absolute values.
			b[i] = r.Sum(terms, total[i], absolute[i], squares[i], terms < fewValues) + 2*max(r.Unit, r.Store)*absolute[i]
		}
		return b
	}
}

// reduceSum is ReduceSum-1, -11, -13: the sum. Equals torch.sum.
func reduceSum() *Spec {
	return reduction("ReduceSum", []int64{1, 11, 13}, sums(13, itself[float64], itself[int64], nil), boundSum(13, itself[float64]))
}

// reduceL1 is ReduceL1-1, -11, -13, -18: the sum of the absolute values.
func reduceL1() *Spec {
	s := reduction("ReduceL1", []int64{1, 11, 13, 18}, sums(18, math.Abs, absoluteInt, nil), boundSum(18, math.Abs))
	s.NonNegative = true
	return s
}

// reduceSumSquare is ReduceSumSquare-1, -11, -13, -18: the sum of the squares.
func reduceSumSquare() *Spec {
	s := reduction("ReduceSumSquare", []int64{1, 11, 13, 18}, sums(18, square[float64], square[int64], nil), boundSum(18, square[float64]))
	s.NonNegative = true
	return s
}

// reduceL2 is ReduceL2-1, -11, -13, -18: the square root of the sum of the squares.
func reduceL2() *Spec {
	f := sums(18, square[float64], nil, func(sum float64, _ int) float64 { return math.Sqrt(sum) })
	squares := boundSum(18, square[float64])
	s := reduction("ReduceL2", []int64{1, 11, 13, 18}, f, func(n *Node, in, out []*Array, r Rounding) []float64 {
		return throughRoot(squares(n, in, out, r), out[0].F, r)
	})
	s.FloatOnly, s.NonNegative = true, true
	return s
}

// throughRoot is the bound of square roots y of sums with a bound.
func throughRoot(b, y []float64, r Rounding) []float64 {
	unit := max(r.Unit, r.Store)
	for i, v := range y {
		if v > 0 {
			b[i] = min(b[i]/(2*v), math.Sqrt(b[i])) + 2*unit*v + r.Tiny
		} else {
			b[i] = math.Sqrt(b[i])
		}
	}
	return b
}

// reduceLogSum is ReduceLogSum-1, -11, -13, -18: the logarithm of the sum.
func reduceLogSum() *Spec {
	f := sums(18, itself[float64], nil, func(sum float64, _ int) float64 { return math.Log(sum) })
	inner := boundSum(18, itself[float64])
	s := reduction("ReduceLogSum", []int64{1, 11, 13, 18}, f, func(n *Node, in, out []*Array, r Rounding) []float64 {
		b := inner(n, in, out, r)
		for i, y := range out[0].F {
			b[i] = b[i]/math.Exp(y) + max(r.Unit, r.Store)*(4*math.Abs(y)+2)
		}
		return b
	})
	s.FloatOnly = true
	return s
}

// reduceLogSumExp is ReduceLogSumExp-1, -11, -13, -18: the logarithm of the sum of the
// exponentials. Equals torch.logsumexp.
func reduceLogSumExp() *Spec {
	s := reduction("ReduceLogSumExp", []int64{1, 11, 13, 18}, fold{axesSince: 18}, nil)
	s.FloatOnly = true
	s.Eval = func(n *Node, in []*Array) ([]*Array, error) {
		if !in[0].float() {
			return nil, fmt.Errorf("input is %s, want floating point", in[0].Type)
		}
		largest, err := extreme(18, math.Max, -1).eval(n, in)
		if err != nil {
			return nil, err
		}
		_, _, to, err := reducing(n, 18, in)
		if err != nil {
			return nil, err
		}
		total := make([]float64, largest[0].Len())
		for i, v := range in[0].F {
			if l := largest[0].F[to(i)]; !math.IsInf(l, 0) {
				v -= l
			}
			total[to(i)] += math.Exp(v)
		}
		for i, l := range largest[0].F {
			if largest[0].F[i] = math.Log(total[i]); !math.IsInf(l, 0) {
				largest[0].F[i] += l
			}
		}
		return largest, nil
	}
	s.Bound = func(n *Node, in, out []*Array, r Rounding) []float64 {
		terms := float64(len(in[0].F) / max(1, out[0].Len()))
		b := make([]float64, out[0].Len())
		_, _, to, err := reducing(n, 18, in)
		if err != nil {
			return b
		}
		largest := make([]float64, len(b))
		for i, v := range in[0].F { // an exponential of what was not made smaller before
			largest[to(i)] = max(largest[to(i)], math.Abs(v))
		}
		for i, y := range out[0].F {
			b[i] = max(r.Unit, r.Store) * (4*math.Abs(y) + 4*largest[i] + Deviations*math.Sqrt(terms) + 12)
		}
		return b
	}
	return s
}

// extreme is the fold of a largest or smallest element; sign is -1 for the largest.
func extreme(since int64, pick func(a, b float64) float64, sign int) fold {
	return fold{
		axesSince: since,
		start: func(t onnx.DataType) (float64, int64) {
			lo, hi := limitsOf(t)
			if sign < 0 {
				return math.Inf(-1), lo
			}
			return math.Inf(1), hi
		},
		take: pick,
		takeI: func(sum, v int64, t onnx.DataType) int64 {
			if compareInt(v, sum, t)*sign < 0 {
				return v
			}
			return sum
		},
	}
}

// limitsOf returns the smallest and the largest integer of a type.
func limitsOf(t onnx.DataType) (lo, hi int64) {
	switch t {
	case onnx.Bool:
		return 0, 1
	case onnx.Uint64:
		return 0, -1
	case onnx.Uint8, onnx.Uint16, onnx.Uint32:
		return 0, 1<<t.Bits() - 1
	case onnx.Int8, onnx.Int16, onnx.Int32:
		return -1 << (t.Bits() - 1), 1<<(t.Bits()-1) - 1
	}
	return math.MinInt64, math.MaxInt64
}

// reduceMax is ReduceMax-1, -11, -12, -13, -18, -20: the largest element. Equals torch.amax.
func reduceMax() *Spec {
	return reduction("ReduceMax", []int64{1, 11, 12, 13, 18, 20}, extreme(18, math.Max, -1), nil)
}

// reduceMin is ReduceMin-1, -11, -12, -13, -18, -20: the smallest element. Equals torch.amin.
func reduceMin() *Spec {
	return reduction("ReduceMin", []int64{1, 11, 12, 13, 18, 20}, extreme(18, math.Min, 1), nil)
}

// reduceProd is ReduceProd-1, -11, -13, -18: the product. Equals torch.prod over each axis.
func reduceProd() *Spec {
	f := fold{
		axesSince: 18,
		start:     func(onnx.DataType) (float64, int64) { return 1, 1 },
		take:      func(sum, v float64) float64 { return sum * v },
		takeI:     func(sum, v int64, _ onnx.DataType) int64 { return sum * v },
	}
	return reduction("ReduceProd", []int64{1, 11, 13, 18}, f, func(_ *Node, in, out []*Array, r Rounding) []float64 {
		terms := float64(len(in[0].F) / max(1, out[0].Len()))
		return r.single(out[0].F, func(int) float64 { return terms + 2 })
	})
}

// argument returns the Spec of an operator that names the position of an extreme along an axis.
func argument(name string, better func(order int) bool) *Spec {
	return &Spec{
		Type: name, Since: []int64{1, 11, 12, 13},
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("axis", 0), intAttr("keepdims", 1), intAttr("select_last_index", 0).since(12)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			if !x.Ranked {
				return unranked(onnx.Int64), nil
			}
			axis, err := axisOf(n.Int("axis"), len(x.Shape))
			if err != nil {
				return nil, err
			}
			out := append(onnx.Shape{}, x.Shape[:axis]...)
			if n.Int("keepdims") != 0 {
				out = append(out, onnx.Known(1))
			}
			return ranked(onnx.Int64, append(out, x.Shape[axis+1:]...)), nil
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			axis, err := axisOf(n.Int("axis"), len(x.Shape))
			if err != nil {
				return nil, err
			}
			length, inner := x.Shape[axis], product(x.Shape[axis+1:])
			shape := append([]int{}, x.Shape[:axis]...)
			if n.Int("keepdims") != 0 {
				shape = append(shape, 1)
			}
			y, err := NewArray(onnx.Int64, append(shape, x.Shape[axis+1:]...)...)
			if err != nil {
				return nil, err
			}
			if length == 0 && y.Len() > 0 {
				return nil, errors.New("an extreme of no elements")
			}
			for i := range y.I {
				at := func(k int) int { return i/inner*length*inner + k*inner + i%inner }
				best := 0
				for k := 1; k < length; k++ {
					o := x.order(at(k), at(best))
					if better(o) || o == 0 && n.Int("select_last_index") != 0 {
						best = k
					}
				}
				y.I[i] = int64(best)
			}
			return []*Array{y}, nil
		},
	}
}

// order compares two elements.
func (a *Array) order(i, k int) int {
	if !a.float() {
		return compareInt(a.I[i], a.I[k], a.Type)
	}
	switch {
	case a.F[i] < a.F[k]:
		return -1
	case a.F[i] > a.F[k]:
		return 1
	}
	return 0
}

// argMax is ArgMax-1, -11, -12, -13: where the largest element lies, the first of equal ones.
// Equals torch.argmax.
func argMax() *Spec { return argument("ArgMax", func(o int) bool { return o > 0 }) }

// argMin is ArgMin-1, -11, -12, -13: where the smallest element lies, the first of equal ones.
func argMin() *Spec { return argument("ArgMin", func(o int) bool { return o < 0 }) }
