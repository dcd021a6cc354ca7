package reference

import (
	"math"
	"math/rand/v2"

	"alexctl/onnx/op"
)

// samples is how many times the model is computed with errors put in.
const samples = 3

// member 0 is the model without errors, those after it have them. Members share an array
// that no error reaches.
type members [1 + samples]*op.Array

func (m *members) shared() bool {
	for _, x := range m[1:] {
		if x != m[0] {
			return false
		}
	}
	return true
}

func shareOf(x *op.Array) *members {
	var m members
	for k := range m {
		m[k] = x
	}
	return &m
}

func (m *members) bytes() int64 {
	if m.shared() {
		return 8 * int64(m[0].Len())
	}
	return 8 * (1 + samples) * int64(m[0].Len())
}

// disturb puts errors into an output of all members but the first.
func disturb(n *op.Node, m *members, bound []float64, random *rand.Rand) {
	if bound == nil {
		return
	}
	positive := n.Spec.NonNegative
	shared := m.shared()
	for k := 1; k < len(m); k++ {
		if shared {
			c := *m[0]
			c.F = append([]float64{}, m[0].F...)
			m[k] = &c
		}
		y := m[k].F
		for i, b := range bound {
			before := y[i]
			switch {
			case math.IsInf(b, 1):
				y[i] = math.Inf(1) // whatever comes of it has no bound
				continue
			case k < samples:
				y[i] += random.NormFloat64() * b / op.Deviations
			case random.Uint64()&1 == 0:
				y[i] += b
			default:
				y[i] -= b
			}
			if positive && before >= 0 {
				y[i] = max(y[i], 0)
			}
		}
	}
}

// deviation returns how far the errors moved each element, or all of its image (its index
// along the first axis).
func deviation(m *members) []float64 {
	y := m[0]
	images := 1
	if len(y.Shape) > 1 && y.Shape[0] > 0 {
		images = y.Shape[0]
	}
	out := make([]float64, len(y.F))
	size := len(y.F) / images
	for i := range images {
		total := 0.0
		for j := i * size; j < (i+1)*size; j++ {
			for k, x := range m[1:] {
				d := math.Abs(x.F[j] - y.F[j])
				if k+1 < samples {
					d *= op.Deviations
				}
				if math.IsNaN(d) {
					if x.F[j] == y.F[j] || math.IsNaN(y.F[j]) { // Inf - Inf, or not a number anyway
						continue
					}
					d = math.Inf(1)
				}
				if out[j] = max(out[j], d); !math.IsInf(d, 1) {
					total += d * d
				}
			}
		}
		mean := math.Sqrt(total / float64(max(1, size)*samples))
		for j := i * size; j < (i+1)*size; j++ {
			out[j] = max(out[j], mean)
		}
	}
	return out
}
