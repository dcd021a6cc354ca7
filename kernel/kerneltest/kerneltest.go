// Package kerneltest has the tests that every set of kernels must pass.
package kerneltest

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"alexctl/kernel"
)

// Tolerance is the largest scaled difference, max|a-b| / max|b|, between float32 and
// float64: sums of a few thousand products.
const Tolerance = 1e-5

// Input draws an input of n elements.
type Input func(r *rand.Rand, n int) []float64

func normal(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

func positive(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = 0.5 + 1.5*r.Float64()
	}
	return x
}

// apart draws numbers in random order that lie at least 0.005 from zero and from each
// other: clear of the kinks of ReLU, Clip and MaxPool by much more than the step.
func apart(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i, p := range r.Perm(n) {
		x[i] = (float64(p) - float64(n)/2 + 0.25) * max(0.02, 4/float64(n))
	}
	return x
}

// Case is an operator with its sizes and how its inputs are drawn.
type Case struct {
	Spec   kernel.Spec
	Inputs []Input // the last one serves all that follow
}

// Draw returns inputs of the case, and a gradient of its output.
func (c Case) Draw(r *rand.Rand) (in [][]float32, dy []float32) {
	sizes, out := c.Spec.Sizes()
	for i, n := range sizes {
		in = append(in, narrow(c.Inputs[min(i, len(c.Inputs)-1)](r, n)))
	}
	return in, narrow(normal(r, out))
}

// same is a case whose inputs are all drawn the same way.
func same(s kernel.Spec, in Input) Case { return Case{s, []Input{in}} }

// Scaled returns the largest difference, as a part of the largest number wanted.
func Scaled(got, want []float64) float64 {
	worst, scale := 0.0, 0.0
	for i, w := range want {
		worst = math.Max(worst, math.Abs(got[i]-w))
		scale = math.Max(scale, math.Abs(w))
	}
	if worst == 0 {
		return 0
	}
	return worst / scale
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// Widen returns x in float64.
func Widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// Garbage returns n NaNs, to be overwritten.
func Garbage[T kernel.Float](n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(math.NaN())
	}
	return x
}

// Run holds a set of kernels in float32 against the kernels in float64, whose gradients
// are held against finite differences elsewhere. tolerance is for all but one thing:
// the same number of threads gives the same bits.
func Run(t *testing.T, set func(threads int) kernel.Set[float32], tolerance float64) {
	two, three := set(2), set(3)
	all := Cases(rand.New(rand.NewPCG(4, 2)))
	maps.Copy(all, Wide())
	for name, cases := range all {
		t.Run(name, func(t *testing.T) {
			for i, c := range cases {
				if testing.Short() && i%4 != 0 {
					continue
				}
				t.Run(fmt.Sprint(i), func(t *testing.T) {
					in, dy := c.Draw(rand.New(rand.NewPCG(6, uint64(i))))
					wide := make([][]float64, len(in))
					for k := range in {
						wide[k] = Widen(in[k])
					}
					got, other, again := results(t, two, c, in, dy, nil), results(t, three, c, in, dy, nil), results(t, three, c, in, dy, nil)
					// The gradients belong to the output that was made: what a rectifier
					// passes may depend on its last bits.
					want := results(t, kernel.Plain[float64](kernel.Goroutines(1)), c, wide, Widen(dy), Widen(got[0]))
					for k := range want {
						if e := Scaled(Widen(got[k]), want[k]); !(e <= tolerance) {
							t.Errorf("result %d differs from float64's by %g", k, e)
						}
						if e := Scaled(Widen(other[k]), want[k]); !(e <= tolerance) {
							t.Errorf("result %d differs from float64's by %g, on three threads", k, e)
						}
						if Scaled(Widen(again[k]), Widen(other[k])) != 0 {
							t.Errorf("result %d differs between two runs", k)
						}
					}
				})
			}
		})
	}
}

// results returns the output of a kernel and the gradients that it has there, or, unless
// it is nil, where the output is as given. The buffers that they go to hold something else
// before, and the plan has done the same with other numbers, of which it must keep nothing.
func results[T kernel.Float](t *testing.T, set kernel.Set[T], c Case, in [][]T, dy, given []T) [][]T {
	t.Helper()
	p, err := set.Plan(c.Spec)
	if err != nil {
		t.Fatal(err)
	}
	if given == nil {
		before, up := c.Draw(rand.New(rand.NewPCG(7, 7)))
		other := convert[T](before)
		if s, ok := c.Spec.(kernel.Conv); ok && s.Fixed {
			other[1] = in[1]
		}
		pass(p, c.Spec, other, convert[T]([][]float32{up})[0], nil)
	}
	return pass(p, c.Spec, in, dy, given)
}

// pass is one Forward and all Backwards of a plan.
func pass[T kernel.Float](p kernel.Plan[T], s kernel.Spec, in [][]T, dy, given []T) [][]T {
	mine := make([][]T, len(in)) // a BatchNorm changes its statistics
	for k := range in {
		mine[k] = append([]T{}, in[k]...)
	}
	y := Garbage[T](len(dy))
	p.Forward(y, mine...)
	out := [][]T{y}
	if given != nil {
		y = given
	}
	up := Upstream(s, dy, y)
	for k := range in {
		if s.Differentiable(k) {
			dx := Garbage[T](len(in[k]))
			read, made, reads := make([][]T, len(mine)), y, s.Reads(k)
			if !reads.Output { // what is not read may hold anything
				made = Garbage[T](len(y))
			}
			for i := range read {
				read[i] = mine[i]
				if i >= len(reads.Inputs) || !reads.Inputs[i] {
					read[i] = Garbage[T](len(mine[i]))
				}
			}
			p.Backward(k, dx, up, made, read...)
			out = append(out, dx)
		}
	}
	return out
}

// Upstream returns the gradient that reaches the sums of a layer whose output may be clamped.
func Upstream[T kernel.Float](s kernel.Spec, dy, y []T) []T {
	c, ok := s.(kernel.Clamped)
	if !ok || !c.Clamping().On() {
		return dy
	}
	up := make([]T, len(dy))
	for i, v := range y {
		if float64(v) > c.Clamping().Lo && float64(v) < c.Clamping().Hi {
			up[i] = dy[i]
		}
	}
	return up
}

func convert[T kernel.Float](x [][]float32) [][]T {
	y := make([][]T, len(x))
	for i := range x {
		for _, v := range x[i] {
			y[i] = append(y[i], T(v))
		}
	}
	return y
}
