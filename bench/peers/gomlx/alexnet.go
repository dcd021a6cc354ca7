package main

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/support/xslices"
)

// Hyper-parameters of SGD, with PyTorch's meaning of them.
const (
	learningRate = 0.001
	momentum     = 0.9
	weightDecay  = 5e-4
)

const classes = 10

// convLayers are the 3x3 convolutions with padding 1, each followed by ReLU.
var convLayers = []struct {
	in, out, stride int
	pool            bool // A 2x2 max pool comes after ReLU.
}{
	{3, 64, 2, true},
	{64, 192, 1, true},
	{192, 384, 1, false},
	{384, 256, 1, false},
	{256, 256, 1, true},
}

// denseSizes are the sizes before, between and after the dense layers. ReLU
// follows all but the last. The network's dropout before the first two is left
// out: its work would be too little to see.
var denseSizes = []int{2 * 2 * 256, 4096, 4096, classes}

// initialise draws the parameters and a batch of images (N, 32, 32, 3) with
// their labels (N), the same ones at every call. The parameters are the weight,
// then the bias of each layer. A convolution's weight is (9 taps, in, out), a
// dense layer's (in, out), as GoMLX has them.
func initialise[T float32 | float64](batch int) (params []*tensors.Tensor, images, labels *tensors.Tensor) {
	rng := rand.New(rand.NewPCG(1, 2))
	normal := func(deviation float64, dims ...int) *tensors.Tensor {
		t := tensors.FromShape(shapes.Make(dtypes.FromGenericsType[T](), dims...))
		tensors.MustMutableFlatData(t, func(flat []T) {
			for i := range flat {
				flat[i] = T(deviation * rng.NormFloat64())
			}
		})
		return t
	}
	for _, l := range convLayers {
		deviation := math.Sqrt(2 / float64(9*l.in))
		params = append(params, normal(deviation, 9, l.in, l.out), normal(0.01, l.out))
	}
	for i, out := range denseSizes[1:] {
		deviation := math.Sqrt(2 / float64(denseSizes[i]))
		params = append(params, normal(deviation, denseSizes[i], out), normal(0.01, out))
	}
	images = normal(1, batch, 32, 32, 3)
	drawn := make([]int32, batch)
	for i := range drawn {
		drawn[i] = rng.Int32N(classes)
	}
	return params, images, tensors.FromFlatDataAndDimensions(drawn, batch)
}

// shifts returns nine copies of x (N, H, W, C), one for each tap of a 3x3 kernel
// with padding 1 and the given stride, as (N, H/stride, W/stride, 9, C): what is
// known as im2col. Mirrored, the taps run from the last to the first.
//
// The padding is a Concatenate with zeros as the Go backend has no Pad.
func shifts(x *graph.Node, stride int, mirrored bool) *graph.Node {
	for axis := 1; axis <= 2; axis++ {
		border := x.Shape().Clone()
		border.Dimensions[axis] = 1
		zeros := graph.Zeros(x.Graph(), border)
		x = graph.Concatenate([]*graph.Node{zeros, x, zeros}, axis)
	}
	dims := x.Shape().Dimensions
	span := func(tap, size int) graph.SliceAxisSpec {
		return graph.AxisRange(tap, tap+size-2).Stride(stride)
	}
	var taps []*graph.Node
	for i := range 3 {
		for j := range 3 {
			taps = append(taps, graph.Slice(x, graph.AxisRange(), span(i, dims[1]), span(j, dims[2])))
		}
	}
	if mirrored {
		slices.Reverse(taps)
	}
	all := graph.Concatenate(taps, 3)
	d := all.Shape().Dimensions
	return graph.Reshape(all, d[0], d[1], d[2], 9, dims[3])
}

// dot is DotGeneral without batch axes: it contracts axes a of x with axes b of y.
func dot(x *graph.Node, a []int, y *graph.Node, b []int) *graph.Node {
	return graph.DotGeneral(x, a, nil, y, b, nil)
}

// addBias adds a bias along the last axis of x.
func addBias(x, bias *graph.Node) *graph.Node {
	return graph.Add(x, graph.ExpandLeftToRank(bias, x.Rank()))
}

// biasGradient sums over all axes but the last.
func biasGradient(dy *graph.Node) *graph.Node {
	return graph.ReduceSum(dy, xslices.Iota(0, dy.Rank()-1)...)
}

// masked is x where the mask holds and zero elsewhere.
func masked(mask, x *graph.Node) *graph.Node {
	return graph.Where(mask, x, graph.ScalarZero(x.Graph(), x.DType()))
}

// relu is the greater of x and zero.
func relu(x *graph.Node) *graph.Node {
	return graph.Max(x, graph.ScalarZero(x.Graph(), x.DType()))
}

// reluGradient returns the gradient of relu's operand from its result y.
func reluGradient(y, dy *graph.Node) *graph.Node {
	return masked(graph.GreaterThan(y, graph.ScalarZero(y.Graph(), y.DType())), dy)
}

// maxPool takes the maximum of each 2x2 window of x (N, H, W, C), as that of four
// strided parts of x. It returns the parts too, which the gradient needs.
func maxPool(x *graph.Node) (y *graph.Node, parts []*graph.Node) {
	for i := range 2 {
		for j := range 2 {
			parts = append(parts, graph.Slice(x, graph.AxisRange(),
				graph.AxisRange(i).Stride(2), graph.AxisRange(j).Stride(2)))
		}
	}
	y = graph.Max(graph.Max(parts[0], parts[1]), graph.Max(parts[2], parts[3]))
	return y, parts
}

// maxPoolGradient passes dy to the elements that equal their window's maximum y
// and weaves the parts together again. Of elements that tie each gets all of it,
// but next to none do except for zeros, whose gradient ReLU's then drops.
func maxPoolGradient(y *graph.Node, parts []*graph.Node, dy *graph.Node) *graph.Node {
	d := y.Shape().Dimensions
	var rows []*graph.Node
	for i := range 2 {
		var columns []*graph.Node
		for j := range 2 {
			dx := masked(graph.Equal(parts[2*i+j], y), dy)
			columns = append(columns, graph.Reshape(dx, d[0], d[1], d[2], 1, d[3]))
		}
		rows = append(rows, graph.Reshape(graph.Concatenate(columns, 3), d[0], d[1], 1, 2*d[2], d[3]))
	}
	return graph.Reshape(graph.Concatenate(rows, 2), d[0], 2*d[1], 2*d[2], d[3])
}

// lossAndGradients builds the forward and the backward pass, in NHWC.
//
// GoMLX's own are all the operations (graph.X), the soft-max and its gradient,
// and the scheduling of the operations over the threads. Composed by hand are
//   - the convolutions, as im2col and DotGeneral: the Go backend's ConvGeneral is
//     a plain loop on one thread, and its gradient needs Reverse, which the
//     backend lacks;
//   - the max pools, as the backend lacks SelectAndScatter for their gradient;
//   - the gradients of dense layers, as those that GoMLX has for Dot and DotGeneral
//     multiply by broadcasting, to N x in x out values, and sum these;
//   - hence the whole backward pass below the logits.
func lossAndGradients(images, labels *graph.Node, params []*graph.Node) (loss *graph.Node, gradients []*graph.Node) {
	// backward holds the layers' backward passes, each of which takes the gradient
	// of the layer's result, sets its parameters' and returns that of its operand.
	var backward []func(dy *graph.Node) *graph.Node
	gradients = make([]*graph.Node, len(params))

	y := images
	for i, l := range convLayers {
		weight, bias := params[2*i], params[2*i+1]
		columns := shifts(y, l.stride, false)
		activation := relu(addBias(dot(columns, []int{3, 4}, weight, []int{0, 1}), bias))
		backward = append(backward, func(dy *graph.Node) *graph.Node {
			dy = reluGradient(activation, dy)
			gradients[2*i] = dot(columns, []int{0, 1, 2}, dy, []int{0, 1, 2})
			gradients[2*i+1] = biasGradient(dy)
			if i == 0 {
				return nil // The images need no gradient.
			}
			// The gradient of a convolution with stride 1 is the convolution with
			// the mirrored kernel.
			return dot(shifts(dy, 1, true), []int{3, 4}, weight, []int{0, 2})
		})
		y = activation
		if l.pool {
			pooled, parts := maxPool(activation)
			backward = append(backward, func(dy *graph.Node) *graph.Node {
				return maxPoolGradient(pooled, parts, dy)
			})
			y = pooled
		}
	}

	unflattened := y.Shape().Dimensions
	backward = append(backward, func(dy *graph.Node) *graph.Node {
		return graph.Reshape(dy, unflattened...)
	})
	y = graph.Reshape(y, -1, denseSizes[0])

	for i := 2 * len(convLayers); i < len(params); i += 2 {
		x, weight, bias := y, params[i], params[i+1]
		y = addBias(dot(x, []int{1}, weight, []int{0}), bias)
		last := i == len(params)-2
		if !last {
			y = relu(y)
		}
		activation := y
		backward = append(backward, func(dy *graph.Node) *graph.Node {
			if !last {
				dy = reluGradient(activation, dy)
			}
			gradients[i] = dot(x, []int{0}, dy, []int{0})
			gradients[i+1] = biasGradient(dy)
			return dot(dy, []int{1}, weight, []int{1})
		})
	}

	target := graph.OneHot(labels, classes, y.DType())
	perImage := graph.ReduceSum(graph.Mul(target, graph.LogSoftmax(y)), 1)
	loss = graph.Neg(graph.ReduceAllMean(perImage))
	dy := graph.Gradient(loss, y)[0]
	for _, pass := range slices.Backward(backward) {
		dy = pass(dy)
	}
	return loss, gradients
}

// trainStep builds a training step. It takes images, labels, the parameters and
// their velocities, and returns the loss, the new parameters and velocities.
//
// SGD is composed by hand as GoMLX's own has neither momentum nor weight decay.
func trainStep(inputs []*graph.Node) []*graph.Node {
	state := inputs[2:]
	params, velocities := state[:len(state)/2], state[len(state)/2:]
	loss, gradients := lossAndGradients(inputs[0], inputs[1], params)
	outputs := make([]*graph.Node, 1+len(state))
	outputs[0] = loss
	for i, w := range params {
		g := graph.Add(gradients[i], graph.MulScalar(w, weightDecay))
		v := graph.Add(graph.MulScalar(velocities[i], momentum), g)
		outputs[1+i] = graph.Sub(w, graph.MulScalar(v, learningRate))
		outputs[1+len(params)+i] = v
	}
	return outputs
}

// A trainer trains the network on one batch over and over. It measures float32;
// float64 is for the tests.
type trainer[T float32 | float64] struct {
	backend        backends.Backend
	exec           *graph.Exec
	images, labels *tensors.Tensor
	state          []*tensors.Tensor // The parameters, then their velocities.
}

func newTrainer[T float32 | float64](backend backends.Backend, batch int) *trainer[T] {
	params, images, labels := initialise[T](batch)
	t := &trainer[T]{backend, graph.MustNewExec(backend, trainStep), images, labels, params}
	for _, p := range params {
		t.state = append(t.state, tensors.FromShape(p.Shape()))
	}
	return t
}

// step does one training step and returns the loss that it started from. It
// donates the state's buffers to the backend, which so can use them again.
func (t *trainer[T]) step() (loss T) {
	inputs := []any{t.images, t.labels}
	for _, s := range t.state {
		donated, err := graph.DonateTensorBuffer(s, t.backend, 0)
		if err != nil {
			panic(err)
		}
		inputs = append(inputs, donated)
	}
	outputs := t.exec.MustExec(inputs...)
	t.state = outputs[1:]
	return tensors.ToScalar[T](outputs[0])
}
