package vector

import (
	"math"
	"testing"
)

// TestFunctions holds the functions of float32 against float64's over everything that they may be
// given, in units of the last place of the result.
func TestFunctions(t *testing.T) {
	for _, f := range []struct {
		name   string
		do     func(y, x []float32)
		exact  func(float64) float64
		units  float64 // of the last place
		lo, hi float64
	}{
		{"Exp", Exp[float32], math.Exp, 2, -110, 90},
		{"Sigmoid", Sigmoid[float32], func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 4, -88, 100},
		{"Erf", Erf[float32], math.Erf, 3, -6, 6},
		{"Root", Root[float32], math.Sqrt, 0.5, 0, 1e6},
	} {
		t.Run(f.name, func(t *testing.T) {
			const n = 400_000
			x, y := make([]float32, n), make([]float32, n)
			for i := range x {
				x[i] = float32(f.lo + (f.hi-f.lo)*float64(i)/n)
				if i%4 == 0 {
					x[i] = float32(math.Ldexp(float64(x[i]), -i%40))
				}
			}
			f.do(y, x)
			worst, at := 0.0, float32(0)
			for i := range x {
				want := f.exact(float64(x[i]))
				unit := float64(math.Nextafter32(float32(math.Abs(want)), math.MaxFloat32)) - float64(float32(math.Abs(want)))
				if math.IsInf(float64(float32(want)), 0) {
					if !math.IsInf(float64(y[i]), 1) {
						t.Fatalf("of %g is %g, want infinity", x[i], y[i])
					}
					continue
				}
				if e := math.Abs(float64(y[i])-want) / unit; !(e <= worst) {
					worst, at = e, x[i]
				}
			}
			t.Logf("worst: %.2f units, at %g", worst, at)
			if !(worst <= f.units) {
				t.Errorf("is off by %.2f units at %g, want at most %g", worst, at, f.units)
			}
		})
	}
	nan := []float32{float32(math.NaN())}
	for name, f := range map[string]func(y, x []float32){"Exp": Exp[float32], "Sigmoid": Sigmoid[float32], "Erf": Erf[float32]} {
		y := make([]float32, 32)
		for i := range y {
			y[i] = nan[0]
		}
		f(y, y)
		for i, v := range y {
			if v == v {
				t.Errorf("%s of NaN is %g, number %d", name, v, i)
			}
		}
	}
}
