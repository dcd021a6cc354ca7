package vector

import (
	"math"
	"math/rand/v2"
	"testing"
)

// tallyRounding is how far float64 sums in another order, or fused, may be apart.
const tallyRounding = 1e-13

// TestTallies compares both loops with sums number by number, over lengths around the
// period of the peaks, beginning with what is there already.
func TestTallies(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, k := range []int{0, 1, 2, 15, 16, 17, 31, 32, 33, 100} {
		fill := func(n int) []float64 {
			v := make([]float64, n)
			for i := range v {
				v[i] = r.NormFloat64()
			}
			return v
		}
		w, x := fill(k), fill(k*Columns)
		start := fill(Columns)
		dot, sum, square, peak := clone(start), clone(start), fill(Columns), make([]float64, Columns)
		for c := range square {
			square[c] = math.Abs(square[c])
		}
		before := clone(square)
		Dots(dot, w, x)
		Tallies(sum, square, peak, w, x)
		for c := range Columns {
			s, n, p := start[c], before[c], 0.0
			for q, v := range w {
				p0 := v * x[q*Columns+c]
				s, n = s+p0, n+p0*p0
				if q%16 == 15 {
					p = max(p, math.Abs(s))
				}
			}
			p = max(p, math.Abs(s))
			for what, d := range map[string]float64{"dot": dot[c] - s, "sum": sum[c] - s, "square": square[c] - n, "peak": peak[c] - p} {
				if math.Abs(d) > tallyRounding*(1+n) {
					t.Errorf("%d rows, column %d: %s is off by %g", k, c, what, d)
				}
			}
		}
	}
}

func clone(x []float64) []float64 { return append([]float64{}, x...) }
