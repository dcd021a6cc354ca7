package vector

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// widths are the vectors of this processor, and none.
func widths() []int {
	w := []int{0}
	for _, n := range []int{8, 16} {
		if n <= width() {
			w = append(w, n)
		}
	}
	return w
}

// lengths are around multiples of every width.
var lengths = []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 48, 96, 100, 257}

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func positive(r *rand.Rand, n int) []float32 {
	x := random(r, n)
	for i := range x {
		x[i] = float32(math.Abs(float64(x[i])))
	}
	return x
}

// odd is random numbers with some that comparisons treat in their own ways. NaNs are all
// the same one: which of two survives an addition is up to the processor.
func odd(r *rand.Rand, n int) []float32 {
	x := random(r, n)
	for i := range x {
		switch r.IntN(8) {
		case 0:
			x[i] = float32(math.NaN())
		case 1:
			x[i] = float32(math.Inf(r.IntN(2)*2 - 1))
		case 2:
			x[i] = 0
		case 3:
			x[i] = 1
		}
	}
	return x
}

// TestSameBits runs every loop in vectors of every width and without: all numbers that
// come out must have the same bits.
func TestSameBits(t *testing.T) {
	defer func(n int) { lanes = n }(lanes)
	at := []int32{300, 0, 900, 600}
	loops := map[string]func(r *rand.Rand, n int) []float32{
		"Rectify": func(r *rand.Rand, n int) []float32 { y := odd(r, n); Rectify(y); return y },
		"AddRectify": func(r *rand.Rand, n int) []float32 {
			y := odd(r, n)
			AddRectify(y, random(r, n))
			return y
		},
		"Add": func(r *rand.Rand, n int) []float32 { y := random(r, n); Add(y, random(r, n)); return y },
		"Mask": func(r *rand.Rand, n int) []float32 {
			to := odd(r, n)
			Mask(to, odd(r, n), odd(r, n))
			return to
		},
		"WidenAdd": func(r *rand.Rand, n int) []float32 {
			sum, out := make([]float64, n), make([]float32, n)
			for range 3 {
				WidenAdd(sum, random(r, n))
			}
			for i, v := range sum {
				out[i] = float32(v)
			}
			return out
		},
		"SGD": func(r *rand.Rand, n int) []float32 {
			w, g, u := random(r, n), random(r, n), random(r, n)
			UpdateSGD(SGD{Scale: 0.9, Decay: 5e-4, Momentum: 0.9, Rate: 0.1}, w, g, u)
			return append(w, u...)
		},
		"Nesterov": func(r *rand.Rand, n int) []float32 {
			w, g, u := random(r, n), random(r, n), random(r, n)
			UpdateSGD(SGD{Scale: 0.9, Decay: 5e-4, Momentum: 0.9, Rate: 0.1, Nesterov: true}, w, g, u)
			return append(w, u...)
		},
		"Adam": func(r *rand.Rand, n int) []float32 {
			w, g, m, s := random(r, n), random(r, n), random(r, n), positive(r, n)
			UpdateAdam(Adam{Scale: 0.9, Decay: 1e-4, Keep: 0.99, Beta1: 0.9, Beta2: 0.999, Rate: 1e-3, Root: 1.5, Epsilon: 1e-8}, w, g, m, s)
			return append(append(w, m...), s...)
		},
		"MaxPool": func(r *rand.Rand, n int) []float32 {
			y := random(r, n)
			MaxPool(y, odd(r, n+900), at)
			return y
		},
		"MaxPoolGradient": func(r *rand.Rand, n int) []float32 {
			x, y, dx, dy := odd(r, n+900), random(r, n), random(r, n+900), random(r, n)
			MaxPool(y, x, at)
			MaxPoolGradient(dx, x, y, dy, at, make([]bool, n))
			return dx
		},
	}
	for name, f := range map[string]func(y, a, b []float32){
		"Sum": Sum[float32], "Difference": Difference[float32], "Times": Times[float32], "AddTimes": AddTimes[float32], "Quotient": Quotient[float32],
	} {
		loops[name] = func(r *rand.Rand, n int) []float32 {
			y := random(r, n)
			f(y, random(r, n), random(r, n))
			return y
		}
	}
	for name, f := range map[string]func(y, x []float32){
		"Exp": Exp[float32], "Sigmoid": Sigmoid[float32], "Erf": Erf[float32], "RoundEven": RoundEven[float32], "Root": func(y, x []float32) { Times(y, x, x); Root(y, y) },
		"Affine": func(y, x []float32) { Affine(y, x, 0.3, -0.7) }, "Clamp": func(y, x []float32) { Clamp(y, x, -0.5, 0.75) },
	} {
		loops[name] = func(r *rand.Rand, n int) []float32 {
			y, x := random(r, n), random(r, n)
			if name == "Clamp" {
				x = odd(r, n)
			}
			for i := range x {
				if i%3 == 0 {
					x[i] *= 60 // beyond what Exp holds
				}
			}
			f(y, x)
			return y
		}
	}
	statistics := map[string]func(r *rand.Rand, n int, wide [][]float64) []float32{
		"Moments": func(r *rand.Rand, n int, w [][]float64) []float32 {
			Moments(random(r, n), w[0], w[1], w[2])
			return nil
		},
		"Comoments": func(r *rand.Rand, n int, w [][]float64) []float32 {
			Comoments(random(r, n), random(r, n), w[0], w[1], w[2])
			return nil
		},
	}
	for name, f := range statistics {
		loops[name] = func(r *rand.Rand, n int) []float32 {
			var wide [][]float64
			for range 3 {
				w := make([]float64, n)
				for i := range w {
					w[i] = r.NormFloat64()
				}
				wide = append(wide, w)
			}
			f(r, n, wide)
			var out []float32
			for _, w := range wide {
				for _, v := range w {
					out = append(out, float32(v), float32(v-float64(float32(v))))
				}
			}
			return out
		}
	}
	loops["Between"] = func(r *rand.Rand, n int) []float32 {
		to := random(r, n)
		Between(to, random(r, n), odd(r, n), -0.5, 0.75)
		return to
	}
	loops["Standardize"] = func(r *rand.Rand, n int) []float32 {
		y := random(r, n)
		Standardize(y, random(r, n), random(r, n), random(r, n), random(r, n))
		return y
	}
	loops["StandardizeGradient"] = func(r *rand.Rand, n int) []float32 {
		y := random(r, n)
		StandardizeGradient(y, random(r, n), random(r, n), random(r, n), random(r, n), random(r, n), random(r, n))
		return y
	}
	loops["AddTaps"] = func(r *rand.Rand, n int) []float32 {
		y := random(r, n)
		AddTaps(y, random(r, n+900), random(r, n+900), at, []int32{0, 7, 900, 3})
		return y
	}
	loops["AddTapProducts"] = func(r *rand.Rand, n int) []float32 {
		dw := random(r, n+900)
		AddTapProducts(dw, random(r, n), random(r, n+900), at, []int32{0, 300, 900, 600}) // apart
		return dw
	}
	for _, l := range []Normalization{{5, 2e-5, 0.75, 1}, {4, 0.1, 0.75, 2}, {1, 0.3, 0.75, 0.5}, {9, 0.2, 0.5, 1}, {3, 0.2, 0.6, 1}} {
		loops[fmt.Sprintf("Normalize %+v", l)] = func(r *rand.Rand, n int) []float32 {
			y, x := random(r, n), random(r, n)
			Normalize(l, y, x, random(r, l.Scratch(n)))
			return y
		}
		loops[fmt.Sprintf("NormalizeGradient %+v", l)] = func(r *rand.Rand, n int) []float32 {
			dx, dy, y, x := random(r, n), random(r, n), random(r, n), random(r, n)
			NormalizeGradient(l, dx, dy, y, x, random(r, l.Scratch(n)))
			return dx
		}
	}
	for i := range 10 {
		t := Transform{Operand(i / 2), 3 + i%2*2}
		loops[fmt.Sprintf("%+v", t)] = func(r *rand.Rand, n int) []float32 {
			side, size := t.sides()
			to, from := r.Perm(side*side), r.Perm(size*size)
			for k := range to {
				to[k] *= n
			}
			for k := range from {
				from[k] *= n
			}
			dst := make([]float32, n*side*side)
			t.Apply(dst, random(r, n*size*size), to, from, n)
			return dst
		}
	}
	for name, loop := range loops {
		for _, n := range lengths {
			lanes = 0
			want := loop(rand.New(rand.NewPCG(1, uint64(n))), n)
			for _, lanes = range widths() {
				got := loop(rand.New(rand.NewPCG(1, uint64(n))), n)
				for i := range want {
					if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
						t.Errorf("%s of %d in vectors of %d: number %d is %g, want %g", name, n, lanes, i, got[i], want[i])
						break
					}
				}
			}
		}
	}
}

// TestFlush has moments and velocities below the smallest normal number: they become 0.
func TestFlush(t *testing.T) {
	if lanes == 0 {
		t.Skip("no vectors")
	}
	const n = 50 // three whole vectors, or six, and what is left over
	w, g, m, s, u := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range m {
		m[i], s[i], u[i] = 0x1p-126, 0x1p-126, 0x1p-126
	}
	UpdateSGD(SGD{Scale: 1, Momentum: 0.9, Rate: 0.1}, w, g, u)
	UpdateAdam(Adam{Scale: 1, Keep: 1, Beta1: 0.9, Beta2: 0.999, Rate: 1e-3, Root: 1, Epsilon: 1e-8}, w, g, m, s)
	for i := range m {
		if m[i] != 0 || s[i] != 0 || u[i] != 0 {
			t.Fatalf("moments %d are %g and %g, the velocity is %g", i, m[i], s[i], u[i])
		}
	}
	if x := m[0] + 0x1p-126; x/2 == 0 {
		t.Error("the processor still flushes afterwards")
	}
}

func TestSquareSum(t *testing.T) {
	defer func(n int) { lanes = n }(lanes)
	for _, lanes = range widths() {
		for _, n := range lengths {
			x, want := random(rand.New(rand.NewPCG(2, uint64(n))), n), 0.0
			for _, v := range x {
				want += float64(v) * float64(v)
			}
			if got := SquareSum(x); math.Abs(got-want) > 1e-14*want { // the order of a few hundred additions
				t.Errorf("%d numbers in vectors of %d: %g, want %g", n, lanes, got, want)
			}
		}
	}
	if !math.IsNaN(SquareSum([]float32{1, float32(math.NaN())})) {
		t.Error("a NaN does not show in the sum")
	}
}

// TestOffsets has offsets that lead out of x: a panic, and nothing read there.
func TestOffsets(t *testing.T) {
	for _, o := range []int32{-1, 1, 1000} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("offset %d was accepted", o)
				}
			}()
			MaxPool(make([]float32, 64), make([]float32, 64), []int32{o})
		}()
	}
}
