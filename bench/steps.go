package main

import (
	"context"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"alexctl/builder"
	rungorgonia "alexctl/runtime/gorgonia"
	"alexctl/train"
)

// The update that everyone makes: SGD with momentum and decay.
const (
	stepRate     = 0.001
	stepMomentum = 0.9
	stepDecay    = 5e-4
	stepThreads  = 2
)

// ourStep returns alexctl's training step.
func ourStep(w workload, kernels, precision string) (func() error, error) {
	v, err := builder.Find(w.variant)
	if err != nil {
		return nil, err
	}
	m, err := v.Build(builder.Options{Input: w.side})
	if err != nil {
		return nil, err
	}
	c := train.Default()
	c.Optimizer, c.LR, c.Momentum, c.WeightDecay = "sgd", stepRate, stepMomentum, stepDecay
	s, err := train.NewStepper(m, c, rungorgonia.Kernels{Set: kernels, Precision: precision, Threads: stepThreads}, w.batch)
	if err != nil {
		return nil, err
	}
	return func() error { return s.Step(context.Background()) }, nil
}

func randomValues(n int) []float32 {
	r := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// stockStep returns the step of the CIFAR form out of Gorgonia's own operators, as
// its examples build networks. Convolutions have no bias there.
func stockStep(w workload) (func() error, error) {
	g := gorgonia.NewGraph()
	var weights gorgonia.Nodes
	weight := func(shape ...int) *gorgonia.Node {
		n := gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(string(rune('a'+len(weights)))),
			gorgonia.WithInit(gorgonia.GlorotU(0.1)))
		weights = append(weights, n)
		return n
	}
	x := gorgonia.NewTensor(g, tensor.Float32, 4, gorgonia.WithShape(w.batch, 3, w.side, w.side), gorgonia.WithName("images"),
		gorgonia.WithValue(tensor.New(tensor.WithShape(w.batch, 3, w.side, w.side), tensor.WithBacking(randomValues(w.batch*3*w.side*w.side)))))
	conv := func(n *gorgonia.Node, in, out, stride int, pool bool) *gorgonia.Node {
		n = gorgonia.Must(gorgonia.Rectify(gorgonia.Must(gorgonia.Conv2d(n, weight(out, in, 3, 3), tensor.Shape{3, 3}, []int{1, 1}, []int{stride, stride}, []int{1, 1}))))
		if pool {
			n = gorgonia.Must(gorgonia.MaxPool2D(n, tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))
		}
		return n
	}
	n := conv(x, 3, 64, 2, true)
	n = conv(n, 64, 192, 1, true)
	n = conv(n, 192, 384, 1, false)
	n = conv(n, 384, 256, 1, false)
	n = conv(n, 256, 256, 1, true)
	n = gorgonia.Must(gorgonia.Reshape(n, tensor.Shape{w.batch, 1024}))
	for _, size := range [][2]int{{1024, 4096}, {4096, 4096}} {
		n = gorgonia.Must(gorgonia.Dropout(n, 0.5))
		n = gorgonia.Must(gorgonia.Rectify(gorgonia.Must(gorgonia.Mul(n, weight(size[0], size[1])))))
	}
	n = gorgonia.Must(gorgonia.SoftMax(gorgonia.Must(gorgonia.Mul(n, weight(4096, 10)))))
	target := make([]float32, w.batch*10)
	for i := range w.batch {
		target[10*i+i%10] = 1
	}
	y := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(w.batch, 10), gorgonia.WithName("labels"),
		gorgonia.WithValue(tensor.New(tensor.WithShape(w.batch, 10), tensor.WithBacking(target))))
	loss := gorgonia.Must(gorgonia.Neg(gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.HadamardProd(gorgonia.Must(gorgonia.Log(n)), y))))))
	if _, err := gorgonia.Grad(loss, weights...); err != nil {
		return nil, err
	}
	vm := gorgonia.NewTapeMachine(g, gorgonia.BindDualValues(weights...))
	solver := gorgonia.NewMomentum(gorgonia.WithLearnRate(stepRate), gorgonia.WithMomentum(stepMomentum), gorgonia.WithL2Reg(stepDecay))
	return func() error {
		if err := vm.RunAll(); err != nil {
			return err
		}
		vm.Reset()
		return solver.Step(gorgonia.NodesToValueGrads(weights))
	}, nil
}
