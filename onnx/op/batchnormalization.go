package op

import (
	"errors"
	"fmt"
	"math"

	"alexctl/onnx"
)

// batchNormalization is BatchNormalization-7, -9, -14, -15:
//
//	y = (x - mean) / sqrt(var + epsilon) * scale + B
//
// per channel of X (N, C, ...). With training_mode (since 14), mean and var are the
// batch's own, and the second and third output are the running ones, updated as
// running*momentum + batch*(1-momentum) with the population variance. Equals
// torch.nn.BatchNorm1d to BatchNorm3d in evaluation, whose momentum is 1 less this one.
func batchNormalization() *Spec {
	return &Spec{
		Type: "BatchNormalization", Since: []int64{1, 6, 7, 9, 14, 15}, FloatOnly: true, ChannelsFirst: true,
		Inputs: Arity{5, 5}, Outputs: Arity{1, 5},
		Attrs:      []Attr{floatAttr("epsilon", 1e-5), floatAttr("momentum", 0.9), intAttr("spatial", 1).until(8), intAttr("training_mode", 0).since(14)},
		Params:     []Param{{1, "weight"}, {2, "bias"}},
		Statistics: []Param{{3, "running_mean"}, {4, "running_var"}},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			x := in[0]
			if n.Opset < 9 && n.Int("spatial") == 0 {
				return nil, n.unsupported("spatial=0 is not supported")
			}
			if len(n.Outputs) > 1 && n.Int("training_mode") == 0 {
				return nil, n.unsupported("more than one output without training_mode is not supported")
			}
			channels := onnx.Shape{onnx.UnknownDim}
			if x.Ranked {
				if len(x.Shape) < 2 {
					return nil, fmt.Errorf("input is %s, want (N, C, ...)", x.Shape)
				}
				channels = onnx.Shape{x.Shape[1]}
			}
			for i, name := range []string{"scale", "bias", "mean", "variance"} {
				if err := in[i+1].wantShape(name, channels); err != nil {
					return nil, err
				}
			}
			out, err := sameAs(n, in)
			if n.Wants(1) {
				out = append(out, in[3], in[4])
			}
			return out, err
		},
		Eval:  evalBatchNormalization,
		Bound: boundBatchNormalization, BoundRest: boundRunning,
	}
}

func evalBatchNormalization(n *Node, in []*Array) ([]*Array, error) {
	x := in[0]
	if !x.float() || len(x.Shape) < 2 {
		return nil, errors.New("want floating point (N, C, ...)")
	}
	channels, plane := x.Shape[1], product(x.Shape[2:])
	for _, p := range in[1:] {
		if len(p.F) != channels {
			return nil, fmt.Errorf("a parameter has %d elements, want %d", len(p.F), channels)
		}
	}
	mean, variance := in[3], in[4]
	training := n.Int("training_mode") != 0
	if training {
		mean, variance = batchStatistics(x)
	}
	y, err := NewArray(x.Type, x.Shape...)
	if err != nil {
		return nil, err
	}
	epsilon := n.Float("epsilon")
	for i, v := range x.F {
		c := i / plane % channels
		y.F[i] = (v-mean.F[c])/math.Sqrt(variance.F[c]+epsilon)*in[1].F[c] + in[2].F[c]
	}
	if !training {
		return []*Array{y}, nil
	}
	momentum := n.Float("momentum")
	running := func(old, batch *Array) *Array {
		r := &Array{Type: old.Type, Shape: old.Shape, F: make([]float64, len(old.F))}
		for c := range r.F {
			r.F[c] = old.F[c]*momentum + batch.F[c]*(1-momentum)
		}
		return r
	}
	return []*Array{y, running(in[3], mean), running(in[4], variance)}, nil
}

// batchStatistics returns each channel's mean and population variance.
func batchStatistics(x *Array) (mean, variance *Array) {
	channels, plane := x.Shape[1], product(x.Shape[2:])
	count := float64(x.Shape[0] * plane)
	mean = &Array{Type: x.Type, Shape: []int{channels}, F: make([]float64, channels)}
	variance = &Array{Type: x.Type, Shape: []int{channels}, F: make([]float64, channels)}
	for i, v := range x.F {
		mean.F[i/plane%channels] += v / count
	}
	for i, v := range x.F {
		d := v - mean.F[i/plane%channels]
		variance.F[i/plane%channels] += d * d / count
	}
	return mean, variance
}

// boundBatchNormalization allows for the folded form too, x*a + (B - mean*a) with
// a = scale / sqrt(var + epsilon): ten operations an element at most. In training the mean and the
// variance are an engine's own, and off by what their sums are.
func boundBatchNormalization(n *Node, in, out []*Array, r Rounding) []float64 {
	x, scale, bias, mean, variance := in[0], in[1], in[2], in[3], in[4]
	const terms = 10
	channels, plane := x.Shape[1], product(x.Shape[2:])
	epsilon, unit := n.Float("epsilon"), max(r.Unit, r.Store)
	b := make([]float64, len(out[0].F))
	if n.Int("training_mode") != 0 {
		of := make([]moments, channels)
		for c := range of {
			var row []float64
			for image := range x.Shape[0] {
				row = append(row, x.F[(image*channels+c)*plane:][:plane]...)
			}
			of[c] = momentsOf(row)
			of[c].rounded(r, epsilon)
		}
		for i, v := range x.F {
			c := i / plane % channels
			b[i] = of[c].limit(r, v, out[0].F[i], scale.F[c], bias.F[c])
		}
		return b
	}
	for i, v := range x.F {
		c := i / plane % channels
		a := math.Abs(scale.F[c]) / math.Sqrt(variance.F[c]+epsilon)
		before := max(a, 1/math.Sqrt(variance.F[c]+epsilon)) // with the scale, or not yet
		if before*(math.Abs(v)+math.Abs(mean.F[c])) > r.Largest {
			b[i] = math.Inf(1)
			continue
		}
		b[i] = terms*unit*(a*(math.Abs(v)+math.Abs(mean.F[c]))+math.Abs(bias.F[c])) + r.Tiny
	}
	return b
}

// boundRunning is for the running mean and variance: sums over a batch, of x and of x*x as
// an engine may take the variance, and a few operations on them.
func boundRunning(n *Node, in, out []*Array, r Rounding) [][]float64 {
	x := in[0]
	channels, plane := x.Shape[1], product(x.Shape[2:])
	count := float64(x.Shape[0] * plane)
	sums := [2][]float64{make([]float64, channels), make([]float64, channels)}
	for i, v := range x.F {
		c := i / plane % channels
		sums[0][c] += math.Abs(v) / count
		sums[1][c] += v * v / count
	}
	unit := max(r.Unit, r.Store)
	var rest [][]float64
	for k, y := range out[1:] {
		b := make([]float64, len(y.F))
		for c := range b {
			b[c] = unit*((1-n.Float("momentum"))*(Deviations*math.Sqrt(count)+8)*sums[k][c]+4*math.Abs(in[3+k].F[c])) + r.Tiny
		}
		rest = append(rest, b)
	}
	return rest
}
