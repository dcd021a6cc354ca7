package vector

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkNormalize(b *testing.B) {
	l := Normalization{5, 2e-5, 0.75, 1}
	r := rand.New(rand.NewPCG(1, 1))
	for _, c := range []int{96, 256} {
		x, y, dx, dy, scratch := random(r, c), random(r, c), random(r, c), random(r, c), make([]float32, l.Scratch(c))
		b.Run(fmt.Sprint(c), func(b *testing.B) {
			b.SetBytes(int64(8 * c))
			for b.Loop() {
				Normalize(l, y, x, scratch)
			}
		})
		b.Run(fmt.Sprint("gradient ", c), func(b *testing.B) {
			b.SetBytes(int64(16 * c))
			for b.Loop() {
				NormalizeGradient(l, dx, dy, y, x, scratch)
			}
		})
	}
}
