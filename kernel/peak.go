package kernel

import "time"

// Peak measures how many floating-point operations a second a set of kernels reaches at
// best: Rate for a kernel of 4, which none computes by way of Winograd's tiles.
func Peak(s Set[float32]) (float64, error) { return Rate(s, 4) }

// Rate measures how many floating-point operations a second a set of kernels reaches on a
// large convolution: 256 to 256 channels, 28x28 in and out, batch 32, forward. They are
// counted by the definition, with those in the pads, also where it is computed with fewer.
// It is the best of several runs.
func Rate(s Set[float32], kernel int) (float64, error) {
	const runs = 8
	a := Axis{In: 28, Out: 28, Kernel: kernel, Stride: 1, Dilation: 1, Begin: (kernel - 1) / 2, End: kernel / 2}
	w, err := NewWindow(a, a)
	if err != nil {
		return 0, err
	}
	c := Conv{N: 32, C: 256, M: 256, Group: 1, Window: w}
	p, err := s.Plan(c)
	if err != nil {
		return 0, err
	}
	sizes, out := c.Sizes()
	x, weights, y := make([]float32, sizes[0]), make([]float32, sizes[1]), make([]float32, out)
	for _, v := range [][]float32{x, weights} {
		for i := range v {
			v[i] = float32(i%7) - 3
		}
	}
	best := time.Duration(0)
	s.Pool().Do(func() {
		for range runs {
			began := time.Now()
			p.Forward(y, x, weights)
			if d := time.Since(began); best == 0 || d < best {
				best = d
			}
		}
	})
	return 2 * float64(out) * float64(c.k()) / best.Seconds(), nil
}
