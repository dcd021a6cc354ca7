package op

import (
	"errors"
	"math"
)

// softmax is Softmax-1, -11, -13: exp(x) / sum exp(x) along axis. Before opset 13
// the axes from axis on count as one. Equals torch.nn.Softmax(dim=axis).
func softmax() *Spec {
	return normalizer("Softmax", func(x, y []float64, largest, sum float64) {
		for i, v := range x {
			y[i] = math.Exp(v-largest) / sum
		}
	})
}

// logSoftmax is LogSoftmax-1, -11, -13: x - log(sum exp(x)) along axis.
func logSoftmax() *Spec {
	return normalizer("LogSoftmax", func(x, y []float64, largest, sum float64) {
		for i, v := range x {
			y[i] = v - largest - math.Log(sum)
		}
	})
}

// normalizer is an operator on rows; write gets a row, its largest element and
// the sum of exp(x - largest).
func normalizer(name string, write func(x, y []float64, largest, sum float64)) *Spec {
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
			axis, err := axisOf(n.Int("axis"), len(x.Shape))
			if err != nil {
				return nil, err
			}
			y, err := NewArray(x.Type, x.Shape...)
			if err != nil {
				return nil, err
			}
			length, inner := x.Shape[axis], product(x.Shape[axis+1:])
			if n.Opset < 13 {
				length, inner = length*inner, 1
			}
			if len(x.F) == 0 {
				return []*Array{y}, nil
			}
			row, out := make([]float64, length), make([]float64, length)
			for start := range len(x.F) / length {
				base := start/inner*length*inner + start%inner
				largest := math.Inf(-1)
				for i := range row {
					row[i] = x.F[base+i*inner]
					largest = math.Max(largest, row[i])
				}
				sum := 0.0
				for _, v := range row {
					sum += math.Exp(v - largest)
				}
				write(row, out, largest, sum)
				for i, v := range out {
					y.F[base+i*inner] = v
				}
			}
			return []*Array{y}, nil
		},
	}
}
