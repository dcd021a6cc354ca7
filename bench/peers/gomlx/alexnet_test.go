package main

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
)

// testBatch is the smallest batch for which GoMLX multiplies matrices as it does
// for large ones, except in the last layer.
const testBatch = 5

// newExec returns an executor for the loss followed, if so wanted, by the
// gradients of the parameters, and its inputs.
func newExec[T float32 | float64](t *testing.T, withGradients bool) (exec *graph.Exec, inputs []any) {
	exec = graph.MustNewExec(newBackend(t), func(in []*graph.Node) []*graph.Node {
		loss, gradients := lossAndGradients(in[0], in[1], in[2:])
		if !withGradients {
			return []*graph.Node{loss}
		}
		return append([]*graph.Node{loss}, gradients...)
	})
	params, images, labels := initialise[T](testBatch)
	inputs = []any{images, labels}
	for _, p := range params {
		inputs = append(inputs, p)
	}
	return exec, inputs
}

func newBackend(t *testing.T) backends.Backend {
	backend, err := simplego.New("parallelism=2")
	if err != nil {
		t.Fatal(err)
	}
	return backend
}

// flat copies the values of a tensor of type T.
func flat[T float32 | float64](t *tensors.Tensor) []float64 {
	var values []float64
	tensors.MustConstFlatData(t, func(data []T) {
		for _, v := range data {
			values = append(values, float64(v))
		}
	})
	return values
}

// plainLoss is the network and its loss in plain Go loops.
func plainLoss(params [][]float64, images []float64, labels []int32) float64 {
	var total float64
	for n, label := range labels {
		size, channels, x := 32, 3, images[n*32*32*3:][:32*32*3]
		for i, l := range convLayers {
			weight, bias := params[2*i], params[2*i+1]
			out := size / l.stride
			y := make([]float64, out*out*l.out)
			for p := range y {
				r, c, o := p/l.out/out, p/l.out%out, p%l.out
				sum := bias[o]
				for tap := range 9 {
					h, w := r*l.stride+tap/3-1, c*l.stride+tap%3-1
					if h < 0 || h >= size || w < 0 || w >= size {
						continue
					}
					for k, v := range x[(h*size+w)*channels:][:channels] {
						sum += v * weight[(tap*channels+k)*l.out+o]
					}
				}
				y[p] = max(sum, 0)
			}
			x, size, channels = y, out, l.out
			if l.pool {
				y = make([]float64, len(x)/4)
				for p, v := range x {
					r, c, k := p/channels/size, p/channels%size, p%channels
					q := (r/2*size/2+c/2)*channels + k
					y[q] = max(y[q], v)
				}
				x, size = y, size/2
			}
		}
		for i := 2 * len(convLayers); i < len(params); i += 2 {
			y := make([]float64, len(params[i+1]))
			for o := range y {
				y[o] = params[i+1][o]
				for k, v := range x {
					y[o] += v * params[i][k*len(y)+o]
				}
				if i < len(params)-2 {
					y[o] = max(y[o], 0)
				}
			}
			x = y
		}
		var sum float64
		for _, v := range x {
			sum += math.Exp(v)
		}
		total += math.Log(sum) - x[label]
	}
	return total / float64(len(labels))
}

func TestLossAgainstPlainLoops(t *testing.T) {
	exec, inputs := newExec[float64](t, false)
	var params [][]float64
	for _, p := range inputs[2:] {
		params = append(params, flat[float64](p.(*tensors.Tensor)))
	}
	labels := tensors.MustCopyFlatData[int32](inputs[1].(*tensors.Tensor))
	want := plainLoss(params, flat[float64](inputs[0].(*tensors.Tensor)), labels)
	got := exec.MustExec1(inputs...).Value().(float64)
	t.Logf("loss %.12f, want %.12f", got, want)
	if !(math.Abs(got-want) < 1e-10*want) {
		t.Error("the loss is wrong")
	}
}

// TestGradientsAgainstDifferences compares the derivative along a random
// direction in each parameter with central differences of the loss, in float64.
func TestGradientsAgainstDifferences(t *testing.T) {
	const epsilon = 1e-7 // With 1e-6 some ReLUs and maxima already switch in between.
	exec, inputs := newExec[float64](t, true)
	gradients := exec.MustExec(inputs...)[1:]
	exec, inputs = newExec[float64](t, false)
	for i, gradient := range gradients {
		direction := flat[float64](gradient)
		rng := rand.New(rand.NewPCG(3, uint64(i)))
		var got, norm float64
		for k, g := range direction {
			norm += g * g
			direction[k] = rng.NormFloat64()
			got += g * direction[k]
		}
		param := inputs[2+i].(*tensors.Tensor)
		lossAt := func(step float64) float64 {
			moved := tensors.FromShape(param.Shape())
			values := flat[float64](param)
			tensors.MustMutableFlatData(moved, func(data []float64) {
				for k := range data {
					data[k] = values[k] + step*direction[k]
				}
			})
			in := append([]any{}, inputs...)
			in[2+i] = moved
			return exec.MustExec1(in...).Value().(float64)
		}
		want := (lossAt(epsilon) - lossAt(-epsilon)) / (2 * epsilon)
		t.Logf("parameter %2d %v: %.9f, want %.9f (norm %.4f)", i, param.Shape().Dimensions, got, want, math.Sqrt(norm))
		if !(math.Abs(got-want) < 1e-6*math.Sqrt(norm)) {
			t.Error("the gradient is wrong")
		}
	}
}

// difference returns the norm of a - b relative to that of b.
func difference(a, b []float64) float64 {
	var d, n float64
	for i := range b {
		d += (a[i] - b[i]) * (a[i] - b[i])
		n += b[i] * b[i]
	}
	return math.Sqrt(d / n)
}

// TestFloat32 compares the loss and all gradients in float32 with float64.
func TestFloat32(t *testing.T) {
	exec, inputs := newExec[float32](t, true)
	got := exec.MustExec(inputs...)
	exec, inputs = newExec[float64](t, true)
	for i, want := range exec.MustExec(inputs...) {
		d := difference(flat[float32](got[i]), flat[float64](want))
		t.Logf("output %2d: relative difference %.1e", i, d)
		if !(d < 1e-5) {
			t.Error("float32 is wrong")
		}
	}
}

// TestStepAgainstPlainSGD compares three training steps with SGD in plain loops,
// in float64.
func TestStepAgainstPlainSGD(t *testing.T) {
	trainer := newTrainer[float64](newBackend(t), testBatch)
	exec, inputs := newExec[float64](t, true)
	velocities := make([][]float64, len(inputs)-2)
	for range 3 {
		outputs := exec.MustExec(inputs...)
		got, want := trainer.step(), tensors.ToScalar[float64](outputs[0])
		t.Logf("loss %.12f, want %.12f", got, want)
		if !(math.Abs(got-want) < 1e-10*want) {
			t.Error("the loss is wrong")
		}
		for i, gradient := range outputs[1:] {
			g := flat[float64](gradient)
			if velocities[i] == nil {
				velocities[i] = make([]float64, len(g))
			}
			tensors.MustMutableFlatData(inputs[2+i].(*tensors.Tensor), func(w []float64) {
				for k := range w {
					velocities[i][k] = momentum*velocities[i][k] + g[k] + weightDecay*w[k]
					w[k] -= learningRate * velocities[i][k]
				}
			})
		}
	}
	for i, v := range velocities {
		dw := difference(flat[float64](trainer.state[i]), flat[float64](inputs[2+i].(*tensors.Tensor)))
		dv := difference(flat[float64](trainer.state[len(velocities)+i]), v)
		t.Logf("parameter %2d: relative difference %.1e, of its velocity %.1e", i, dw, dv)
		if !(dw < 1e-10 && dv < 1e-10) {
			t.Error("the update is wrong")
		}
	}
}
