package kernel

import "time"

// Peak measures how many floating-point operations a second a set of kernels reaches on a
// large convolution: 256 to 256 channels, 28x28, kernel 4, pads 1 and 2, batch 32, forward.
// Those with the pads are counted. It is the best of several runs. Of a kernel of 3 or 5,
// Winograd's filtering would leave out more than half of the operations.
func Peak(s Set[float32]) (float64, error) {
	const runs = 8
	a := Axis{In: 28, Out: 28, Kernel: 4, Stride: 1, Dilation: 1, Begin: 1, End: 2}
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
