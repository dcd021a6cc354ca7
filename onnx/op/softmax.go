package op

import (
	"errors"
	"math"
)

// softmax is Softmax-1, -11, -13: exp(x) / sum exp(x) along axis. Before opset 13
// the axes from axis on count as one. Equals torch.nn.Softmax(dim=axis).
func softmax() *Spec {
	s := normalizer("Softmax", func(x, y []float64, largest, sum float64) {
		for i, v := range x {
			y[i] = math.Exp(v-largest) / sum
		}
	}, func(x, p, b []float64, largest, sum float64, r Rounding) {
		spread := r.spread(x, largest, sum)
		for i, v := range x {
			if b[i] = r.Tiny; p[i] > 0 { // not for -Inf
				b[i] += p[i] * max(r.Unit, r.Store) * (2*(largest-v) + spread)
			}
		}
	})
	s.Activation, s.NonNegative = SoftmaxActivation, true
	return s
}

// logSoftmax is LogSoftmax-1, -11, -13: x - log(sum exp(x)) along axis.
func logSoftmax() *Spec {
	s := normalizer("LogSoftmax", func(x, y []float64, largest, sum float64) {
		for i, v := range x {
			y[i] = v - largest - math.Log(sum)
		}
	}, func(x, y, b []float64, largest, sum float64, r Rounding) {
		spread := r.spread(x, largest, sum)
		for i, v := range x {
			b[i] = max(r.Unit, r.Store) * (2*(largest-v) + 2*math.Abs(math.Log(sum)) + math.Abs(y[i]) + spread)
		}
	})
	s.Activation = LogSoftmaxActivation
	return s
}

// spread is the relative error of sum exp(x - largest), in units: an exponential is wrong
// by its rounded argument and by a few units, the sum of n of them by sqrt(n) in all.
func (r Rounding) spread(x []float64, largest, sum float64) float64 {
	mean := 0.0
	for _, v := range x {
		if v < largest { // not for -Inf, whose exponential is 0
			mean += math.Exp(v-largest) / sum * min(largest-v, math.MaxFloat32)
		}
	}
	return 2*mean + Deviations*math.Sqrt(float64(len(x))) + 12
}

// normalizer is an operator on rows; write gets a row, its largest element and
// the sum of exp(x - largest); bound gets the results besides.
func normalizer(name string, write func(x, y []float64, largest, sum float64), bound func(x, y, b []float64, largest, sum float64, r Rounding)) *Spec {
	return &Spec{
		Type: name, Since: []int64{1, 11, 13}, FloatOnly: true,
		Inputs: Arity{1, 1}, Outputs: Arity{1, 1},
		Attrs: []Attr{intAttr("axis", 1).until(12), intAttr("axis", -1).since(13)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			if in[0].Ranked {
				if _, err := axisOf(n.Int("axis"), len(in[0].Shape)); err != nil {
					return nil, err
				}
			}
			return sameAs(n, in)
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			x := in[0]
			if !x.float() {
				return nil, errors.New("want floating point")
			}
			if _, err := axisOf(n.Int("axis"), len(x.Shape)); err != nil {
				return nil, err
			}
			y, err := NewArray(x.Type, x.Shape...)
			if err != nil {
				return nil, err
			}
			rows(n, x, func(row []float64, index func(i int) int, largest, sum float64) {
				out := make([]float64, len(row))
				write(row, out, largest, sum)
				for i, v := range out {
					y.F[index(i)] = v
				}
			})
			return []*Array{y}, nil
		},
		Bound: func(n *Node, in, out []*Array, r Rounding) []float64 {
			b := make([]float64, len(in[0].F))
			rows(n, in[0], func(row []float64, index func(i int) int, largest, sum float64) {
				y, limits := make([]float64, len(row)), make([]float64, len(row))
				for i := range y {
					y[i] = out[0].F[index(i)]
				}
				bound(row, y, limits, largest, sum, r)
				for i, v := range limits {
					b[index(i)] = v
				}
			})
			return b
		},
	}
}

// rows calls f with each row of x along the node's axis, where its elements lie in x,
// the largest of them and the sum of exp(x - largest).
func rows(n *Node, x *Array, f func(row []float64, index func(i int) int, largest, sum float64)) {
	axis, err := axisOf(n.Int("axis"), len(x.Shape))
	if err != nil || len(x.F) == 0 {
		return
	}
	length, inner := x.Shape[axis], product(x.Shape[axis+1:])
	if n.Opset < 13 {
		length, inner = length*inner, 1
	}
	row := make([]float64, length)
	for start := range len(x.F) / length {
		base := start/inner*length*inner + start%inner
		index := func(i int) int { return base + i*inner }
		largest := math.Inf(-1)
		for i := range row {
			row[i] = x.F[index(i)]
			largest = math.Max(largest, row[i])
		}
		sum := 0.0
		for _, v := range row {
			sum += math.Exp(v - largest)
		}
		f(row, index, largest, sum)
	}
}
