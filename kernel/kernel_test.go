package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"alexctl/kernel"
	"alexctl/kernel/kerneltest"
)

const (
	// float64Tolerance is the largest scaled difference, max|a-b| / max|b|, between a
	// gradient and central differences in float64 with a step of 1e-5, whose own
	// error is about 1e-10 of the values here.
	float64Tolerance = 1e-7
	step             = 1e-5
)

// check holds a kernel's gradients against central differences in float64.
func check(t *testing.T, c kerneltest.Case, r *rand.Rand) {
	t.Helper()
	plan, err := kernel.Plain[float64](kernel.Goroutines(2)).Plan(c.Spec)
	if err != nil {
		t.Fatal(err)
	}
	in32, up32 := c.Draw(r)
	in, up := make([][]float64, len(in32)), kerneltest.Widen(up32)
	for i := range in32 {
		in[i] = kerneltest.Widen(in32[i])
	}
	clones := func() [][]float64 { // a BatchNorm changes its statistics
		x := make([][]float64, len(in))
		for i := range in {
			x[i] = append([]float64{}, in[i]...)
		}
		return x
	}
	loss := func() float64 {
		y := kerneltest.Garbage[float64](len(up))
		plan.Forward(y, clones()...)
		sum := 0.0
		for i, v := range y {
			sum += v * up[i]
		}
		return sum
	}
	for i := range in {
		if !c.Spec.Differentiable(i) {
			continue
		}
		y, dx := kerneltest.Garbage[float64](len(up)), kerneltest.Garbage[float64](len(in[i]))
		plan.Forward(y, clones()...)
		plan.Backward(i, dx, kerneltest.Upstream(c.Spec, up, y), y, in...)
		numeric := make([]float64, len(dx))
		for k, v := range in[i] {
			in[i][k] = v + step
			above := loss()
			in[i][k] = v - step
			numeric[k] = (above - loss()) / (2 * step)
			in[i][k] = v
		}
		if e := kerneltest.Scaled(dx, numeric); !(e <= float64Tolerance) {
			t.Errorf("gradient of input %d: scaled error %.3g against central differences", i, e)
		}
	}
}

func TestGradients(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for name, cases := range kerneltest.Cases(r) {
		t.Run(name, func(t *testing.T) {
			if len(cases) < 20 {
				t.Errorf("%d shapes, want at least 20", len(cases))
			}
			for i, c := range cases {
				if testing.Short() && i%4 != 0 {
					continue
				}
				t.Run(fmt.Sprint(i), func(t *testing.T) { check(t, c, rand.New(rand.NewPCG(5, uint64(i)))) })
			}
		})
	}
}

// TestPlain holds float32 against float64.
func TestPlain(t *testing.T) {
	kerneltest.Run(t, func(threads int) kernel.Set[float32] { return kernel.Plain[float32](kernel.Goroutines(threads)) }, kerneltest.Tolerance)
}

func uniform(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 0.5 + r.Float32()
	}
	return x
}

func TestDropout(t *testing.T) {
	const n = 200_000
	for _, ratio := range []float64{0, 0.2, 0.5, 0.8} {
		step := uint64(3)
		p, err := kernel.Plain[float32](kernel.Goroutines(2)).Plan(kernel.Dropout{N: n, Ratio: ratio, Key: 9, Step: &step})
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 1))
		x, dy := uniform(r, n), uniform(r, n)
		y, dx := make([]float32, n), make([]float32, n)
		p.Forward(y, x)
		p.Backward(0, dx, dy, y, x)
		kept, scale := 0, float32(1/(1-ratio))
		for i := range y {
			switch {
			case y[i] == 0 && dx[i] == 0:
			case y[i] == x[i]*scale && dx[i] == dy[i]*scale:
				kept++
			default:
				t.Fatalf("ratio %g: element %d: %g became %g, its gradient %g became %g", ratio, i, x[i], y[i], dy[i], dx[i])
			}
		}
		// Five standard deviations of a binomial distribution.
		if d := math.Abs(float64(kept)/n - (1 - ratio)); d > 5*math.Sqrt(ratio*(1-ratio)/n) {
			t.Errorf("ratio %g: %g are kept", ratio, float64(kept)/n)
		}
		first := append([]float32{}, y...)
		step++
		p.Forward(y, x)
		if same := kerneltest.Scaled(kerneltest.Widen(first), kerneltest.Widen(y)) == 0; same != (ratio == 0) {
			t.Errorf("ratio %g: the next step drops the same: %t", ratio, same)
		}
		step--
		p.Forward(y, x)
		if kerneltest.Scaled(kerneltest.Widen(first), kerneltest.Widen(y)) != 0 {
			t.Errorf("ratio %g: the same step drops others", ratio)
		}
	}
}

func TestBadSpecs(t *testing.T) {
	step := uint64(0)
	for name, s := range map[string]kernel.Spec{
		"groups":        kernel.Conv{N: 1, C: 3, M: 4, Group: 2, Window: kernel.Window{}},
		"window":        kernel.MaxPool{N: 1, C: 1},
		"batch":         kernel.Dense{N: 0, In: 3, Out: 4},
		"too large":     kernel.Dense{N: 1 << 20, In: 1 << 20, Out: 1},
		"function":      kernel.Elementwise{Dims: [3]int{1, 1, 3}, Inputs: []kernel.Along{{true, true, true}}, Steps: []kernel.Step{{Function: "Relo"}}},
		"operand":       kernel.Elementwise{Dims: [3]int{1, 1, 3}, Inputs: []kernel.Along{{true, true, true}}, Steps: []kernel.Step{{Function: "Add", B: 1}}},
		"no steps":      kernel.Elementwise{Dims: [3]int{1, 1, 3}, Inputs: []kernel.Along{{true, true, true}}},
		"concat":        kernel.Concat{Outer: 2},
		"cut":           kernel.Cut{Outer: 1, Width: 3, From: 2, Part: 2},
		"clamp":         kernel.ClampGradient{N: 3},
		"sum":           kernel.Sum{N: 3, Inputs: 1},
		"layer norm":    kernel.LayerNorm{Rows: 1},
		"move":          kernel.Move{In: []int{3}, Out: 2, Index: []int32{0, 3}},
		"ratio":         kernel.Dropout{N: 3, Ratio: 1, Step: &step},
		"no step":       kernel.Dropout{N: 3, Ratio: 0.5},
		"smoothing":     kernel.CrossEntropy{N: 1, C: 3, Smoothing: 1},
		"mean":          kernel.Mean{Index: []int32{0, 0, 1}, Out: 2, Count: 2},
		"size":          kernel.LRN{Rows: 1, C: 3},
		"softmax":       kernel.Softmax{Outer: 1, C: 0, Inner: 1},
		"batch of them": kernel.MatMul{M: 1, N: 1, K: 1, ABatch: []int{0}, BBatch: nil},
	} {
		if _, err := kernel.Plain[float32](kernel.Goroutines(1)).Plan(s); err == nil {
			t.Errorf("%s: %+v was accepted", name, s)
		}
	}
}

// TestCrossEntropyIsStable has logits whose exponentials overflow.
func TestCrossEntropyIsStable(t *testing.T) {
	p, err := kernel.Plain[float32](kernel.Goroutines(1)).Plan(kernel.CrossEntropy{N: 2, C: 3})
	if err != nil {
		t.Fatal(err)
	}
	logits, labels := []float32{1000, 0, -1000, -5000, -4000, -4000}, []float32{1, 2}
	loss, dx := []float32{0}, make([]float32, 6)
	p.Forward(loss, logits, labels)
	p.Backward(0, dx, []float32{1}, loss, logits, labels)
	if want := (1000 + math.Log(2)) / 2; math.Abs(float64(loss[0])-want) > 1e-4 {
		t.Errorf("loss %g, want %g", loss[0], want)
	}
	for i, want := range []float32{0.5, -0.5, 0, 0, 0.25, -0.25} {
		if dx[i] != want {
			t.Errorf("gradient %d is %g, want %g", i, dx[i], want)
		}
	}
}
