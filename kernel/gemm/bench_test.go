package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// BenchmarkProduct multiplies matrices of the sizes of the CIFAR form's layers, on
// one goroutine, on every kernel and on Gonum's.
func BenchmarkProduct(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range []struct {
		name           string
		m, n, k        int
		transA, transB bool
	}{
		{"convolution", 256, 384, 1728, false, true},
		{"small map", 16, 256, 3456, false, false},
		{"dense", 128, 4096, 4096, false, true},
		{"dense weights", 4096, 4096, 128, true, false},
		{"dense input", 128, 4096, 4096, false, false},
	} {
		x := newMatrix(r, p.transA, p.m, p.k, 0)
		y := newMatrix(r, p.transB, p.k, p.n, 0)
		c := newMatrix(r, false, p.m, p.n, 0)
		run := func(name string, f func()) {
			b.Run(fmt.Sprintf("%s/%s", p.name, name), func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(2*float64(p.m)*float64(p.n)*float64(p.k)*float64(b.N)/float64(b.Elapsed()), "GF/s")
			})
		}
		for _, kn := range available() {
			var s Scratch
			run(kn.name, func() {
				kn.product(&s, p.transA, p.transB, p.m, p.n, p.k, 1, x.data, x.ld, y.data, y.ld, 0, c.data, c.ld)
			})
		}
		letter := map[bool]blas.Transpose{false: blas.NoTrans, true: blas.Trans}
		run("gonum on all cores", func() {
			gonum.Implementation{}.Sgemm(letter[p.transA], letter[p.transB], p.m, p.n, p.k, 1, x.data, x.ld, y.data, y.ld, 0, c.data, c.ld)
		})
	}
}
