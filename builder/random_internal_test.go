package builder

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

// quantileTolerance allows a few roundings in the evaluation of the polynomials.
const quantileTolerance = 2e-15

// TestNormalQuantile compares with quantiles found by mpmath in 40 digits.
func TestNormalQuantile(t *testing.T) {
	for _, c := range []struct{ p, want float64 }{
		{1.1102230246251565e-16, -8.2095361516013868556},
		{1e-12, -7.0344838253011319326},
		{1e-09, -5.9978070150076868614},
		{1e-05, -4.2648907939228246102},
		{0.01, -2.3263478740408410931},
		{0.0749, -1.4402382675279636631},
		{0.0751, -1.4388253927525399824},
		{0.3, -0.52440051270804081597},
		{0.4999, -0.00025066283008800749239},
		{0.5001, 0.00025066283008800749239},
		{0.7, 0.52440051270804065631},
		{0.93, 1.475791028179171099},
		{0.999, 3.0902323061678132778},
	} {
		if got := normalQuantile(c.p); math.Abs(got-c.want) > quantileTolerance*math.Abs(c.want) {
			t.Errorf("quantile of %g is %.17g, want %.17g", c.p, got, c.want)
		}
	}
}

func TestNaturalLog(t *testing.T) {
	for _, x := range []float64{0x1p-53, 1e-10, 0.1, 0.70710678, 0.7071068, 0.99999, 1, 1.41421, 2, 1e10} {
		if got, want := naturalLog(x), math.Log(x); math.Abs(got-want) > 4e-16*math.Abs(want) {
			t.Errorf("ln %g is %.17g, want %.17g", x, got, want)
		}
	}
}

// TestMoments checks mean and deviation of a million elements of each distribution.
func TestMoments(t *testing.T) {
	const n = 1 << 20
	for _, c := range []struct {
		d    distribution
		want float64
	}{{normal(0.01), 0.01}, {uniform(0.5), 0.5 / math.Sqrt(3)}} {
		g := &generator{key: streamKey(1, "w"), d: c.d}
		sum, squares := 0.0, 0.0
		elements := make([]byte, 4*n)
		g.fill(elements, 0)
		for i := range n {
			v := float64(math.Float32frombits(binary.LittleEndian.Uint32(elements[4*i:])))
			sum += v
			squares += v * v
		}
		// Five standard errors of the mean and the deviation.
		if mean := sum / n; math.Abs(mean) > 5*c.want/math.Sqrt(n) {
			t.Errorf("%v: mean %g", c.d, mean)
		}
		if std := math.Sqrt(squares / n); math.Abs(std/c.want-1) > 5/math.Sqrt(2*n) {
			t.Errorf("%v: deviation %g, want %g", c.d, std, c.want)
		}
	}
}

// TestAnyPart wants any part of a parameter to be the same as in the whole.
func TestAnyPart(t *testing.T) {
	g := &generator{key: streamKey(2, "w"), d: normal(1)}
	whole := make([]byte, 4*5000)
	if _, err := g.ReadAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 4*1500)
	if _, err := g.ReadAt(part, 4*2222); err != nil || !bytes.Equal(part, whole[4*2222:][:len(part)]) {
		t.Errorf("a part differs from the whole (%v)", err)
	}
}

func BenchmarkUniform(b *testing.B) { benchmarkFill(b, uniform(0.01)) }
func BenchmarkNormal(b *testing.B)  { benchmarkFill(b, normal(0.01)) }

func benchmarkFill(b *testing.B, d distribution) {
	g := &generator{key: 1, d: d}
	p := make([]byte, 1<<20)
	b.SetBytes(1 << 20)
	for b.Loop() {
		if _, err := g.ReadAt(p, 0); err != nil {
			b.Fatal(err)
		}
	}
}
