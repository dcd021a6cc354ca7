package onednn_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"alexctl/kernel"
	"alexctl/kernel/onednn"
)

// BenchmarkConv compares the output of convolutions of few images, as one request has them, in Go
// and by oneDNN.
func BenchmarkConv(b *testing.B) {
	axis := func(in, size, stride, pad int) kernel.Axis {
		return kernel.Axis{In: in, Out: (in+2*pad-size)/stride + 1, Kernel: size, Stride: stride, Dilation: 1, Begin: pad, End: pad}
	}
	conv := func(n, c, m, group, in, size, stride int) kernel.Conv {
		w, _ := kernel.NewWindow(axis(in, size, stride, size/2), axis(in, size, stride, size/2))
		return kernel.Conv{N: n, C: c, M: m, Group: group, Bias: true, Fixed: true, Clamp: kernel.Rectifier, Window: w}
	}
	plain := kernel.Plain[float32](kernel.Goroutines(2))
	dnn, err := onednn.New(2, onednn.Float32)
	if err != nil {
		b.Skip(err)
	}
	for _, s := range []kernel.Conv{
		conv(1, 3, 64, 1, 224, 7, 2), conv(1, 64, 64, 1, 56, 3, 1), conv(1, 128, 128, 1, 28, 3, 1), conv(1, 256, 256, 1, 14, 3, 1), conv(1, 512, 512, 1, 7, 3, 1),
		conv(1, 64, 256, 1, 56, 1, 1), conv(1, 256, 64, 1, 56, 1, 1), conv(1, 1024, 256, 1, 14, 1, 1), conv(1, 512, 2048, 1, 7, 1, 1), conv(1, 2048, 512, 1, 7, 1, 1),
		conv(1, 256, 256, 1, 56, 3, 1), conv(1, 96, 96, 96, 112, 3, 2), conv(1, 384, 384, 384, 14, 3, 1), conv(1, 16, 96, 1, 112, 1, 1), conv(1, 128, 256, 1, 56, 1, 2),
		conv(32, 256, 64, 1, 56, 1, 1), conv(32, 64, 256, 1, 56, 1, 1), conv(32, 96, 96, 96, 112, 3, 2), conv(32, 16, 96, 1, 112, 1, 1), conv(32, 16, 64, 1, 55, 3, 1), conv(32, 3, 64, 1, 224, 3, 2),
	} {
		sizes, out := s.Sizes()
		r := rand.New(rand.NewPCG(1, 1))
		in := make([][]float32, len(sizes))
		for i, n := range sizes {
			in[i] = make([]float32, n)
			for k := range in[i] {
				in[i][k] = r.Float32() - 0.5
			}
		}
		y := make([]float32, out)
		for _, set := range []kernel.Set[float32]{plain, dnn} {
			b.Run(fmt.Sprintf("n%d-c%d-m%d-g%d-%d-k%d-s%d/%s", s.N, s.C, s.M, s.Group, s.Window[2].In, s.Window[2].Kernel, s.Window[2].Stride, set.Name()[:5]), func(b *testing.B) {
				p, err := set.Plan(s)
				if err != nil {
					b.Fatal(err)
				}
				p.Forward(y, in...)
				set.Pool().Do(func() {
					for b.Loop() {
						p.Forward(y, in...)
					}
				})
				b.ReportMetric(2*float64(out)*float64(sizes[1]/s.M)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
