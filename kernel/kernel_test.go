package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"alexctl/kernel"
)

const (
	// float64Tolerance is the largest scaled difference, max|a-b| / max|b|, between a
	// gradient and central differences in float64 with a step of 1e-5, whose own
	// error is about 1e-10 of the values here.
	float64Tolerance = 1e-7
	// float32Tolerance is the same between float32 and float64: sums of a few
	// thousand products.
	float32Tolerance = 1e-5
	step             = 1e-5
)

// input draws an input of n elements.
type input func(r *rand.Rand, n int) []float64

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

type kernelCase struct {
	spec   kernel.Spec
	inputs []input // the last one serves all that follow
}

// same is a case whose inputs are all drawn the same way.
func same(s kernel.Spec, in input) kernelCase { return kernelCase{s, []input{in}} }

func scaled(got, want []float64) float64 {
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

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func garbage[T kernel.Float](n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(math.NaN())
	}
	return x
}

// check holds a kernel's gradients against central differences in float64, and its
// float32 results against its float64 ones.
func check(t *testing.T, c kernelCase, r *rand.Rand) {
	t.Helper()
	plan, err := kernel.Plain[float64](2).Plan(c.spec)
	if err != nil {
		t.Fatal(err)
	}
	plan32, err := kernel.Plain[float32](2).Plan(c.spec)
	if err != nil {
		t.Fatal(err)
	}
	sizes, out := c.spec.Sizes()
	in, in32 := make([][]float64, len(sizes)), make([][]float32, len(sizes))
	for i, n := range sizes {
		in[i] = c.inputs[min(i, len(c.inputs)-1)](r, n)
		in32[i] = narrow(in[i])
		in[i] = widen(in32[i]) // the same numbers for both
	}
	up := normal(r, out)
	up32 := narrow(up)
	up = widen(up32)
	clones := func() [][]float64 { // a BatchNorm changes its statistics
		x := make([][]float64, len(in))
		for i := range in {
			x[i] = append([]float64{}, in[i]...)
		}
		return x
	}
	loss := func() float64 {
		y := garbage[float64](out)
		plan.Forward(y, clones()...)
		sum := 0.0
		for i, v := range y {
			sum += v * up[i]
		}
		return sum
	}
	y, y32 := garbage[float64](out), garbage[float32](out)
	plan.Forward(y, clones()...)
	plan32.Forward(y32, in32...)
	if e := scaled(widen(y32), y); !(e <= float32Tolerance) {
		t.Errorf("forward in float32: scaled error %.3g", e)
	}
	for i := range in {
		if !c.spec.Differentiable(i) {
			continue
		}
		dx, dx32 := garbage[float64](len(in[i])), garbage[float32](len(in[i]))
		plan.Backward(i, dx, up, y, in...)
		plan32.Backward(i, dx32, up32, y32, in32...)
		if e := scaled(widen(dx32), dx); !(e <= float32Tolerance) {
			t.Errorf("gradient of input %d in float32: scaled error %.3g", i, e)
		}
		numeric := make([]float64, len(dx))
		for k, v := range in[i] {
			in[i][k] = v + step
			above := loss()
			in[i][k] = v - step
			numeric[k] = (above - loss()) / (2 * step)
			in[i][k] = v
		}
		if e := scaled(dx, numeric); !(e <= float64Tolerance) {
			t.Errorf("gradient of input %d: scaled error %.3g against central differences", i, e)
		}
		plan.Forward(y, clones()...) // for the next gradient
	}
}

func TestGradients(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for name, cases := range kernelCases(r) {
		t.Run(name, func(t *testing.T) {
			if len(cases) < 20 {
				t.Errorf("%d shapes, want at least 20", len(cases))
			}
			for i, c := range cases {
				t.Run(fmt.Sprint(i), func(t *testing.T) { check(t, c, rand.New(rand.NewPCG(5, uint64(i)))) })
			}
		})
	}
}

// TestThreadsAgree computes with other numbers of goroutines: sums may be taken in
// another order, and nothing else may differ; the same number gives the same bits.
func TestThreadsAgree(t *testing.T) {
	for name, cases := range kernelCases(rand.New(rand.NewPCG(4, 2))) {
		for i, c := range cases {
			r := rand.New(rand.NewPCG(6, uint64(i)))
			sizes, out := c.spec.Sizes()
			in := make([][]float32, len(sizes))
			for k, n := range sizes {
				in[k] = narrow(c.inputs[min(k, len(c.inputs)-1)](r, n))
			}
			up := narrow(normal(r, out))
			run := func(threads int) [][]float64 {
				p, err := kernel.Plain[float32](threads).Plan(c.spec)
				if err != nil {
					t.Fatal(err)
				}
				mine := make([][]float32, len(in))
				for k := range in {
					mine[k] = append([]float32{}, in[k]...)
				}
				y := garbage[float32](out)
				p.Forward(y, mine...)
				results := [][]float64{widen(y)}
				for k := range in {
					if c.spec.Differentiable(k) {
						dx := garbage[float32](len(in[k]))
						p.Backward(k, dx, up, y, mine...)
						results = append(results, widen(dx))
					}
				}
				return results
			}
			one, three, again := run(1), run(3), run(3)
			for k := range one {
				if e := scaled(three[k], one[k]); !(e <= float32Tolerance) {
					t.Errorf("%s %d: result %d differs by %g with three goroutines", name, i, k, e)
				}
				if scaled(again[k], three[k]) != 0 {
					t.Errorf("%s %d: result %d differs between two runs", name, i, k)
				}
			}
		}
	}
}

func TestDropout(t *testing.T) {
	const n = 200_000
	for _, ratio := range []float64{0, 0.2, 0.5, 0.8} {
		step := uint64(3)
		p, err := kernel.Plain[float32](2).Plan(kernel.Dropout{N: n, Ratio: ratio, Key: 9, Step: &step})
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 1))
		x, dy := narrow(positive(r, n)), narrow(positive(r, n))
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
		if same := scaled(widen(first), widen(y)) == 0; same != (ratio == 0) {
			t.Errorf("ratio %g: the next step drops the same: %t", ratio, same)
		}
		step--
		p.Forward(y, x)
		if scaled(widen(first), widen(y)) != 0 {
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
		"function":      kernel.Unary{N: 3, Function: "Relo"},
		"operator":      kernel.Binary{N: 3, Operator: "Mod", ASize: 3, BSize: 3},
		"index":         kernel.Binary{N: 3, Operator: "Add", ASize: 3, BSize: 2, B: []int32{0, 1, 2}},
		"move":          kernel.Move{In: []int{3}, Out: 2, Index: []int32{0, 3}},
		"ratio":         kernel.Dropout{N: 3, Ratio: 1, Step: &step},
		"no step":       kernel.Dropout{N: 3, Ratio: 0.5},
		"smoothing":     kernel.CrossEntropy{N: 1, C: 3, Smoothing: 1},
		"mean":          kernel.Mean{Index: []int32{0, 0, 1}, Out: 2, Count: 2},
		"size":          kernel.LRN{Rows: 1, C: 3},
		"softmax":       kernel.Softmax{Outer: 1, C: 0, Inner: 1},
		"batch of them": kernel.MatMul{M: 1, N: 1, K: 1, ABatch: []int{0}, BBatch: nil},
	} {
		if _, err := kernel.Plain[float32](1).Plan(s); err == nil {
			t.Errorf("%s: %+v was accepted", name, s)
		}
	}
}

// TestCrossEntropyIsStable has logits whose exponentials overflow.
func TestCrossEntropyIsStable(t *testing.T) {
	p, err := kernel.Plain[float32](1).Plan(kernel.CrossEntropy{N: 2, C: 3})
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
