package op

import "math"

// globalAveragePool is GlobalAveragePool-1, -22: the mean of each channel.
func globalAveragePool() *Spec {
	return globalPool("GlobalAveragePool", []int64{1, 22}, nil, func(_ *Node, channel []float64) float64 {
		sum := 0.0
		for _, v := range channel {
			sum += v
		}
		return sum / float64(len(channel))
	}, func(_ *Node, in, out []*Array, r Rounding) []float64 {
		b := make([]float64, out[0].Len())
		size := product(in[0].Shape[2:])
		for c := range b {
			sum := 0.0
			for _, v := range in[0].F[c*size : (c+1)*size] {
				sum += math.Abs(v)
			}
			b[c] = r.average(size, sum/float64(size))
		}
		return b
	})
}
