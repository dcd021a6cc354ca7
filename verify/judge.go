package verify

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/runtime"
	"alexctl/runtime/reference"
)

// judged is a tensor compared with what it should be.
type judged struct {
	worst   int // index of the element with the largest margin, -1 for none
	error   float64
	bound   float64
	margin  float64
	got     float64
	want    float64
	maxAbs  float64
	scale   float64 // largest |want|
	squares float64
	length  int
	open    int       // elements whose bound is not finite
	margins []float64 // of every element, where they were asked for
}

// errShape says that a tensor cannot be compared element by element.
var errShape = errors.New("its shape differs")

// judge compares got with want element by element. A nil bound allows no error. Never an
// average: what counts is the worst element.
func judge(got *runtime.Tensor, want reference.Value, bound func(i int) float64, all bool) (judged, error) {
	j := judged{worst: -1, margin: 0}
	if got == nil {
		return j, errors.New("the engine did not return it")
	}
	if !slices.Equal(got.Shape, want.Shape) && len(got.Shape)+len(want.Shape) > 0 {
		return j, fmt.Errorf("%w: it is %v, the reference's %v", errShape, got.Shape, want.Shape)
	}
	// The reference, which may be an engine too, hands out float64.
	exact := got.Type == onnx.Double && want.Type.IsFloat()
	if got.Type != want.Type && !exact {
		return j, fmt.Errorf("its elements are %s, the model's %s", got.Type, want.Type)
	}
	if want.F == nil {
		return judgeInts(got, want)
	}
	largest := op.RoundingOf(want.Type).Largest
	values, err := got.Float64s()
	if err != nil {
		return j, err
	}
	if len(values) != len(want.F) {
		return j, fmt.Errorf("%w: it has %d elements, the reference's %d", errShape, len(values), len(want.F))
	}
	j.length = len(values)
	if all {
		j.margins = make([]float64, len(values))
	}
	for i, w := range want.F {
		b := 0.0
		if bound != nil {
			b = bound(i)
		}
		if math.IsInf(b, 1) && !math.IsInf(w, 0) && !math.IsNaN(w) {
			j.open++
		}
		margin, e := marginOf(values[i], w, b, largest)
		if all {
			j.margins[i] = margin
		}
		if !math.IsNaN(e) && !math.IsInf(e, 0) {
			j.squares += e * e
		}
		if !math.IsInf(w, 0) && !math.IsNaN(w) {
			j.scale = max(j.scale, math.Abs(w))
		}
		j.maxAbs = max(j.maxAbs, e)
		if margin > j.margin || j.worst < 0 {
			j.worst, j.margin, j.error, j.bound, j.got, j.want = i, margin, e, b, values[i], w
		}
	}
	return j, nil
}

// marginOf returns error / bound and the error. Two NaN are equal, as are infinities of
// one sign, and an infinity where the value may be above the largest of its type; anything
// not finite on one side only is a mismatch. Of a number with an infinite bound nothing can
// be said, and nothing is.
func marginOf(got, want, bound, largest float64) (margin, e float64) {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return 0, 0
	}
	if math.IsInf(got, 0) && math.Abs(want)+bound > largest && math.Signbit(got) == math.Signbit(want) {
		return 0, 0
	}
	if e = math.Abs(got - want); math.IsNaN(e) {
		e = math.Inf(1)
	}
	switch {
	case math.IsInf(bound, 1) && !math.IsInf(want, 0) && !math.IsNaN(want):
		return 0, e
	case math.IsInf(e, 0) || math.IsNaN(bound) || bound == 0:
		return math.Inf(1), e
	}
	return e / bound, e
}

func judgeInts(got *runtime.Tensor, want reference.Value) (judged, error) {
	j := judged{worst: -1}
	values, err := got.Ints()
	if err != nil {
		return j, err
	}
	if len(values) != len(want.I) {
		return j, fmt.Errorf("%w: it has %d elements, the reference's %d", errShape, len(values), len(want.I))
	}
	j.length = len(values)
	for i, w := range want.I {
		j.scale = max(j.scale, math.Abs(float64(w)))
		if values[i] == w {
			continue
		}
		if want.Open != nil && want.Open[i] {
			j.open++
			continue
		}
		e := math.Abs(float64(values[i]) - float64(w))
		j.maxAbs = max(j.maxAbs, e)
		j.squares += e * e
		if j.worst < 0 {
			j.worst, j.margin, j.error, j.got, j.want = i, math.Inf(1), e, float64(values[i]), float64(w)
		}
	}
	return j, nil
}

// scaled is max|a-b| / max|reference|.
func (j judged) scaled() float64 {
	switch {
	case j.maxAbs == 0:
		return 0
	case math.IsInf(j.maxAbs, 1):
		return j.maxAbs
	}
	return j.maxAbs / j.scale
}

func (j judged) element(shape []int, input int) Element {
	return Element{Number(j.margin), Number(j.error), Number(j.bound), indexOf(j.worst, shape), Number(j.got), Number(j.want), input}
}

// apart is the element of a tensor that could not be compared.
func apart(input int) Element {
	inf := Number(math.Inf(1))
	return Element{Margin: inf, Error: inf, Index: []int{}, Got: Number(math.NaN()), Want: Number(math.NaN()), Input: input}
}

// indexOf returns the coordinates of element i.
func indexOf(i int, shape []int) []int {
	if i < 0 {
		return []int{}
	}
	out := make([]int, len(shape))
	for k := len(shape) - 1; k >= 0; k-- {
		if shape[k] > 0 {
			out[k] = i % shape[k]
			i /= shape[k]
		}
	}
	return out
}

// within reads a value's derived bounds.
func within(v reference.Value) func(i int) float64 {
	if v.Bound == nil {
		return nil
	}
	return func(i int) float64 { return v.Bound[i] }
}
