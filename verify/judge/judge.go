// Package judge compares a tensor with what it should be, element by element, within a bound
// for each: what comparing engines and comparing models have in common.
package judge

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

// Judged is a tensor compared with what it should be.
type Judged struct {
	Worst   int     // index of the element with the largest margin, -1 for none
	Error   float64 // of this element, as what follows
	Bound   float64
	Margin  float64
	Got     float64
	Want    float64
	MaxAbs  float64 // the largest |got - want| of all elements
	Scale   float64 // the largest |want|
	Squares float64 // the sum of (got - want)^2
	Length  int
	Open    int       // elements whose bound is not finite
	Margins []float64 // of every element, where they were asked for
}

// Element is where a tensor is worst.
type Element struct {
	Margin Number `json:"margin"`
	Error  Number `json:"error"`
	Bound  Number `json:"bound"`
	Index  []int  `json:"index"`
	Got    Number `json:"got"`
	Want   Number `json:"want"`
	Input  int    `json:"input"`
}

// Output is the difference of one output, over all inputs that were run.
type Output struct {
	Name   string `json:"name"`
	MaxAbs Number `json:"max_abs"`
	Scaled Number `json:"scaled"`
	RMS    Number `json:"rms"`
	Bound  Number `json:"bound"`  // at the worst element
	Margin Number `json:"margin"` // error / bound of the worst element: above 1 is a mismatch
	Index  []int  `json:"index"`  // of that element
	Got    Number `json:"got"`
	Want   Number `json:"want"`
	Input  int    `json:"input"` // the number of the input that showed it
}

// errShape says that a tensor cannot be compared element by element.
var errShape = errors.New("its shape differs")

// Compare compares got with want element by element. A nil bound allows no error. Never an
// average: what counts is the worst element. An error says why the two cannot be compared.
func Compare(got *runtime.Tensor, want reference.Value, bound func(i int) float64, all bool) (Judged, error) {
	j := Judged{Worst: -1}
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
	j.Length = len(values)
	if all {
		j.Margins = make([]float64, len(values))
	}
	for i, w := range want.F {
		b := 0.0
		if bound != nil {
			b = bound(i)
		}
		if math.IsInf(b, 1) && !math.IsInf(w, 0) && !math.IsNaN(w) {
			j.Open++
		}
		margin, e := marginOf(values[i], w, b, largest)
		if all {
			j.Margins[i] = margin
		}
		if !math.IsNaN(e) && !math.IsInf(e, 0) {
			j.Squares += e * e
		}
		if !math.IsInf(w, 0) && !math.IsNaN(w) {
			j.Scale = max(j.Scale, math.Abs(w))
		}
		j.MaxAbs = max(j.MaxAbs, e)
		if margin > j.Margin || j.Worst < 0 {
			j.Worst, j.Margin, j.Error, j.Bound, j.Got, j.Want = i, margin, e, b, values[i], w
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

func judgeInts(got *runtime.Tensor, want reference.Value) (Judged, error) {
	j := Judged{Worst: -1}
	values, err := got.Ints()
	if err != nil {
		return j, err
	}
	if len(values) != len(want.I) {
		return j, fmt.Errorf("%w: it has %d elements, the reference's %d", errShape, len(values), len(want.I))
	}
	j.Length = len(values)
	for i, w := range want.I {
		j.Scale = max(j.Scale, math.Abs(float64(w)))
		if values[i] == w {
			continue
		}
		if want.Open != nil && want.Open[i] {
			j.Open++
			continue
		}
		e := math.Abs(float64(values[i]) - float64(w))
		j.MaxAbs = max(j.MaxAbs, e)
		j.Squares += e * e
		if j.Worst < 0 {
			j.Worst, j.Margin, j.Error, j.Got, j.Want = i, math.Inf(1), e, float64(values[i]), float64(w)
		}
	}
	return j, nil
}

// Scaled is max|a-b| / max|reference|.
func (j Judged) Scaled() float64 {
	switch {
	case j.MaxAbs == 0:
		return 0
	case math.IsInf(j.MaxAbs, 1):
		return j.MaxAbs
	}
	return j.MaxAbs / j.Scale
}

// RMS is the root of the mean square of the errors.
func (j Judged) RMS() float64 { return math.Sqrt(j.Squares / float64(max(1, j.Length))) }

// Element returns the worst element, of a tensor of this shape in this input.
func (j Judged) Element(shape []int, input int) Element {
	return Element{Number(j.Margin), Number(j.Error), Number(j.Bound), IndexOf(j.Worst, shape), Number(j.Got), Number(j.Want), input}
}

// Apart is the element of a tensor that could not be compared.
func Apart(input int) Element {
	inf := Number(math.Inf(1))
	return Element{Margin: inf, Error: inf, Index: []int{}, Got: Number(math.NaN()), Want: Number(math.NaN()), Input: input}
}

// IndexOf returns the coordinates of element i.
func IndexOf(i int, shape []int) []int {
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

// Within reads a value's derived bounds.
func Within(v reference.Value) func(i int) float64 {
	if v.Bound == nil {
		return nil
	}
	return func(i int) float64 { return v.Bound[i] }
}

// IllConditioned is how far rounding may move an output, by its largest value, before
// agreement says nothing any more. Networks of the family are below 1e-4.
const IllConditioned = 0.5

// Sensitivity is the largest bound by the largest value.
func Sensitivity(v reference.Value) float64 {
	bound, scale := 0.0, 0.0
	for i, b := range v.Bound {
		bound = max(bound, b)
		if x := math.Abs(v.F[i]); !math.IsInf(x, 0) && !math.IsNaN(x) {
			scale = max(scale, x)
		}
	}
	if bound == 0 || math.IsNaN(bound) || scale == 0 {
		return 0
	}
	return bound / scale
}

// AllNaN reports whether a value is nothing but NaN.
func AllNaN(v reference.Value) bool {
	for _, x := range v.F {
		if !math.IsNaN(x) {
			return false
		}
	}
	return len(v.F) > 0
}
