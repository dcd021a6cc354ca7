package vector

import "testing"

// TestSpreadFollowsFromTheTransforms wants the points 2 and -2, which leave more rounding
// errors than 2 and -1/2, to spread them more: a changed transform changes the bound.
func TestSpreadFollowsFromTheTransforms(t *testing.T) {
	for kernel, want := range map[int][2]float64{3: {1.6, 1.7}, 5: {7.7, 7.9}} {
		if s := Spread(kernel); s < want[0] || s > want[1] {
			t.Errorf("the spread for %dx%d is %.3f, want %g to %g", kernel, kernel, s, want[0], want[1])
		}
	}
	of := func(o Operand) [][]float32 { return Transform{Of: o, Kernel: 3}.matrix() }
	wider := [][]float32{{1, 0, -1, 0}, {0, 2, 2, 0}, {0, -2, 2, 0}, {0, -1, 0, 1}}
	if s := spread(wider, of(Filter), of(Output)); s <= Spread(3) {
		t.Errorf("with a transform of larger numbers the spread is %.3f, not above %.3f", s, Spread(3))
	}
}
