package main

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
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
// follows all but the last.
var denseSizes = []int{2 * 2 * 256, 4096, 4096, classes}

// parameterDims returns the dimensions of the parameters in the order in which
// the graph takes them: the weight, then the bias of each layer. A convolution's
// weight is (out, 9 taps, in), a dense layer's (out, in).
func parameterDims() (dims [][]int) {
	for _, l := range convLayers {
		dims = append(dims, []int{l.out, 9, l.in}, []int{l.out})
	}
	for i, in := range denseSizes[:len(denseSizes)-1] {
		dims = append(dims, []int{denseSizes[i+1], in}, []int{denseSizes[i+1]})
	}
	return dims
}

// initialise draws the parameters and a batch of images (N, 32, 32, 3) with
// their labels (N), the same ones at every call.
func initialise[T float32 | float64](batch int) (params []*tensors.Tensor, images, labels *tensors.Tensor) {
	rng := rand.New(rand.NewPCG(1, 2))
	normal := func(deviation float64, dims ...int) *tensors.Tensor {
		flat := make([]T, volume(dims))
		for i := range flat {
			flat[i] = T(deviation * rng.NormFloat64())
		}
		return tensors.FromFlatDataAndDimensions(flat, dims...)
	}
	for _, dims := range parameterDims() {
		deviation := 0.01 // Of a bias.
		if fanIn := volume(dims[1:]); fanIn > 1 {
			deviation = math.Sqrt(2 / float64(fanIn))
		}
		params = append(params, normal(deviation, dims...))
	}
	images = normal(1, batch, 32, 32, 3)
	drawn := make([]int32, batch)
	for i := range drawn {
		drawn[i] = rng.Int32N(classes)
	}
	return params, images, tensors.FromFlatDataAndDimensions(drawn, batch)
}

func volume(dims []int) int {
	v := 1
	for _, d := range dims {
		v *= d
	}
	return v
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

// addBias adds a bias to the last axis of x.
func addBias(x, bias *graph.Node) *graph.Node {
	return graph.Add(x, graph.ExpandLeftToRank(bias, x.Rank()))
}

// biasGradient sums over all axes but the last.
func biasGradient(dy *graph.Node) *graph.Node {
	channels := dy.Shape().Dimensions[dy.Rank()-1]
	return graph.ReduceSum(graph.Reshape(dy, -1, channels), 0)
}

// relu is a maximum with zero.
func relu(x *graph.Node) *graph.Node {
	return graph.Max(x, graph.ScalarZero(x.Graph(), x.DType()))
}

// masked is dy where the mask holds and zero elsewhere.
func masked(mask, dy *graph.Node) *graph.Node {
	return graph.Where(mask, dy, graph.ScalarZero(dy.Graph(), dy.DType()))
}

// reluGradient takes the gradient of relu's result y to that of its operand.
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

// maxPoolGradient sends dy to the elements that equal their window's maximum and
// weaves the parts together again. Elements that tie get it all of them; behind
// ReLU only zeros tie in practice, to which reluGradient then gives nothing.
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

// lossAndGradients builds the forward and the backward pass.
//
// GoMLX's own are all the operations (graph.X), the soft-max and its gradient,
// and the scheduling of the operations over the threads. Composed by hand are
//   - the convolutions, as im2col and DotGeneral: the Go backend's ConvGeneral is
//     a plain loop on one thread, and its gradient needs Reverse, which is absent;
//   - the max pools: the gradient of ReduceWindow needs SelectAndScatter, absent;
//   - the gradients of dense layers: GoMLX's own for Dot and DotGeneral multiply
//     by broadcasting, which takes N x in x out values, and then sum;
//   - by consequence the whole backward pass below the logits.
func lossAndGradients(images, labels *graph.Node, params []*graph.Node) (loss *graph.Node, gradients []*graph.Node) {
	// backward holds the layers' backward passes, each of which takes the gradient
	// of the layer's result, sets its parameters' and returns that of its operand.
	var backward []func(dy *graph.Node) *graph.Node
	gradients = make([]*graph.Node, len(params))

	y := images
	for i, l := range convLayers {
		weight, bias := params[2*i], params[2*i+1]
		columns := shifts(y, l.stride, false)
		activation := relu(addBias(dot(columns, []int{3, 4}, weight, []int{1, 2}), bias))
		backward = append(backward, func(dy *graph.Node) *graph.Node {
			dy = reluGradient(activation, dy)
			gradients[2*i] = dot(dy, []int{0, 1, 2}, columns, []int{0, 1, 2})
			gradients[2*i+1] = biasGradient(dy)
			if i == 0 {
				return nil // The images need no gradient.
			}
			// The gradient of a convolution with stride 1 is the convolution with
			// the mirrored kernel.
			return dot(shifts(dy, 1, true), []int{3, 4}, weight, []int{1, 0})
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
		y = addBias(dot(x, []int{1}, weight, []int{1}), bias)
		last := i == len(params)-2
		if !last {
			y = relu(y)
		}
		activation := y
		backward = append(backward, func(dy *graph.Node) *graph.Node {
			if !last {
				dy = reluGradient(activation, dy)
			}
			gradients[i] = dot(dy, []int{0}, x, []int{0})
			gradients[i+1] = biasGradient(dy)
			return dot(dy, []int{1}, weight, []int{0})
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
// SGD is composed by hand as GoMLX's optimisers belong to its context package,
// which wants the gradients from graph.Gradient.
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

// A trainer trains the network on one batch over and over.
type trainer[T float32 | float64] struct {
	backend        backends.Backend
	exec           *graph.Exec
	images, labels *tensors.Tensor
	state          []*tensors.Tensor // Parameters, then velocities.
}

func newTrainer[T float32 | float64](backend backends.Backend, batch int) *trainer[T] {
	params, images, labels := initialise[T](batch)
	t := &trainer[T]{backend, graph.MustNewExec(backend, trainStep), images, labels, params}
	for _, p := range params {
		t.state = append(t.state, tensors.FromShape(p.Shape()))
	}
	return t
}

// step does one training step and returns the loss before it. The state's
// buffers are donated, so that the update needs no copies.
func (t *trainer[T]) step() float64 {
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
	return float64(outputs[0].Value().(T))
}
