package kerneltest

import (
	"math/rand/v2"

	"alexctl/kernel"
)

// Cases returns at least 20 shapes of every kernel: awkward ones first, then
// random ones.
func Cases(r *rand.Rand) map[string][]Case {
	cases := map[string][]Case{}
	add := func(name string, c Case) { cases[name] = append(cases[name], c) }
	for i := range 26 {
		add("Conv", convCase(r, i))
		add("MaxPool", same(poolOf(r, i), apart))
		pool := poolOf(r, i)
		add("AveragePool", same(kernel.AveragePool{N: pool.N, C: pool.C, Window: pool.Window, IncludePad: i%2 == 0}, normal))
		add("LRN", same(kernel.LRN{Rows: 1 + r.IntN(9), C: 1 + r.IntN(12), Size: 1 + r.IntN(7), Alpha: 0.1 + r.Float64(),
			Beta: []float64{0.75, 0.5, 1, 0.6}[i%4], Bias: 1 + r.Float64()}, normal))
		d := kernel.Dense{N: 1 + r.IntN(6), In: 1 + r.IntN(30), Out: 1 + r.IntN(20), Bias: i%2 == 0}
		add("Dense", same(d, normal))
		d.Clamp = kernel.Rectifier
		add("DenseReLU", Case{d, []Input{positive, away}})
		add("MatMul", same(matMulOf(r, i), normal))
		b := kernel.BatchNorm{Rows: 2 + r.IntN(30), C: 1 + r.IntN(6), Epsilon: 1e-2, Momentum: 0.9, Training: i%2 == 0}
		add("BatchNorm", Case{b, []Input{normal, normal, normal, normal, positive}})
		addElementwise(r, i, add)
		b.Clamp = kernel.Clamp{Lo: -0.6875, Hi: 0.875}
		add("BatchNormClamp", Case{b, []Input{normal, normal, normal, normal, positive}})
		add("LayerNorm", same(kernel.LayerNorm{Rows: 1 + r.IntN(9), C: 2 + r.IntN(12), Epsilon: 1e-2, Bias: i%2 == 0}, normal))
		outer, part := 1+r.IntN(5), 1+r.IntN(7)
		add("Concat", same(kernel.Concat{Outer: outer, Parts: []int{part, 1 + r.IntN(4), 1 + r.IntN(9)}[:1+i%3]}, normal))
		add("Cut", same(kernel.Cut{Outer: outer, Width: part + i%4, From: i % 4 / 2, Part: part}, normal))
		add("Depthwise", depthwiseCase(r, i))
		step := uint64(i)
		add("Dropout", same(kernel.Dropout{N: 1 + r.IntN(50), Ratio: 0.1 * float64(i%10), Key: 7, Step: &step}, normal))
		s := kernel.Softmax{Outer: 1 + r.IntN(4), C: 1 + r.IntN(9), Inner: 1 + r.IntN(3)}
		if s.C > 1 { // one class: every gradient is zero
			add("Softmax", same(s, normal))
			s.Log = true
			add("LogSoftmax", same(s, normal))
		} else {
			add("Softmax", same(kernel.Softmax{Outer: 2, C: 2 + i, Inner: 1}, normal))
			add("LogSoftmax", same(kernel.Softmax{Outer: 2, C: 2 + i, Inner: 1, Log: true}, normal))
		}
		c := kernel.CrossEntropy{N: 1 + r.IntN(7), C: 2 + r.IntN(9), Smoothing: 0.1 * float64(i%3)}
		add("CrossEntropy", Case{c, []Input{normal, labels(c.C)}})
		add("Move", same(moveOf(r, i), normal))
		add("Layout", same(kernel.Layout{N: 1 + r.IntN(3), C: 1 + r.IntN(20), Positions: 1 + r.IntN(40)}, normal))
		add("Mean", same(meanOf(r), normal))
	}
	return cases
}

// Wide returns operators with more channels and positions than are computed at once, which
// finite differences would take too long for.
func Wide() map[string][]Case {
	axis := func(in, size, stride, begin, end int) kernel.Axis {
		return kernel.Axis{In: in, Out: (in+begin+end-size)/stride + 1, Kernel: size, Stride: stride, Dilation: 1, Begin: begin, End: end}
	}
	window := func(rows, columns kernel.Axis) kernel.Window {
		w, err := kernel.NewWindow(rows, columns)
		if err != nil {
			panic(err)
		}
		return w
	}
	return map[string][]Case{
		"Wide": {
			same(kernel.Dense{N: 37, In: 700, Out: 310, Bias: true}, normal),
			same(kernel.MatMul{M: 90, N: 330, K: 270, ABatch: []int{0}, BBatch: []int{0}, TransB: true}, normal),
			same(kernel.MatMul{M: 330, N: 50, K: 270, ABatch: []int{0}, BBatch: []int{0}, TransA: true}, normal),
			same(kernel.Conv{N: 40, C: 70, M: 100, Group: 1, Bias: true, Window: window(axis(3, 4, 1, 1, 2), axis(30, 4, 1, 2, 1))}, normal),
			same(kernel.Conv{N: 33, C: 2 * 52, M: 2 * 117, Group: 2, Window: window(axis(9, 3, 2, 1, 1), axis(10, 3, 2, 0, 1))}, normal),
			same(kernel.Conv{N: 17, C: 33, M: 65, Group: 1, Bias: true, Clamp: kernel.Rectifier, Window: window(axis(5, 1, 1, 0, 0), axis(4, 1, 1, 0, 0))}, normal),
		},
		"Rows": {
			same(kernel.Conv{N: 1, C: 70, M: 100, Group: 1, Bias: true, Fixed: true, Window: window(axis(9, 1, 1, 0, 0), axis(7, 1, 1, 0, 0))}, normal),
			same(kernel.Conv{N: 2, C: 40, M: 330, Group: 1, Bias: true, Clamp: kernel.Rectifier, Window: window(axis(5, 1, 1, 0, 0), axis(3, 1, 1, 0, 0))}, normal),
			same(kernel.Conv{N: 3, C: 2 * 20, M: 2 * 37, Group: 2, Window: window(axis(11, 3, 2, 1, 0), axis(8, 3, 2, 0, 1))}, normal),
			same(kernel.Conv{N: 1, C: 3, M: 33, Group: 1, Bias: true, Window: window(axis(30, 7, 2, 3, 3), axis(23, 5, 3, 1, 2))}, normal),
			same(kernel.Conv{N: 1, C: 64, M: 50, Group: 1, Bias: true, Fixed: true, Window: window(axis(21, 3, 1, 1, 1), axis(17, 3, 1, 1, 1))}, normal),
			same(kernel.Conv{N: 3, C: 2 * 25, M: 2 * 70, Group: 2, Clamp: kernel.Rectifier, Window: window(axis(12, 3, 1, 1, 0), axis(13, 3, 1, 0, 2))}, normal),
			same(kernel.Conv{N: 2, C: 31, M: 49, Group: 1, Bias: true, Window: window(axis(14, 5, 1, 2, 2), axis(19, 5, 1, 1, 3))}, normal),
		},
		"Winograd": {
			same(kernel.Conv{N: 40, C: 70, M: 100, Group: 1, Bias: true, Window: window(axis(6, 3, 1, 1, 1), axis(30, 3, 1, 1, 1))}, normal),
			same(kernel.Conv{N: 33, C: 2 * 52, M: 2 * 117, Group: 2, Window: window(axis(9, 5, 1, 2, 2), axis(9, 5, 1, 2, 2))}, normal),
			same(kernel.Conv{N: 17, C: 2 * 21, M: 2 * 19, Group: 2, Bias: true, Clamp: kernel.Rectifier, Window: window(axis(17, 3, 1, 0, 0), axis(8, 3, 1, 1, 2))}, normal),
			same(kernel.Conv{N: 16, C: 300, M: 51, Group: 1, Clamp: kernel.Rectifier, Window: window(axis(8, 3, 1, 0, 2), axis(7, 3, 1, 1, 1))}, normal),
			same(kernel.Conv{N: 25, C: 17, M: 130, Group: 1, Bias: true, Clamp: kernel.Rectifier, Window: window(axis(12, 5, 1, 0, 0), axis(13, 5, 1, 1, 2))}, normal),
			same(kernel.Conv{N: 19, C: 48, M: 16, Group: 1, Window: window(axis(11, 5, 1, 5, 4), axis(16, 5, 1, 6, 0))}, normal),
		},
	}
}

// away draws numbers of both signs so far from zero that sums with positive ones
// are, as far as can be, clear of zero.
func away(r *rand.Rand, n int) []float64 {
	x := normal(r, n)
	sign := 1.0
	for i := range x {
		x[i] = sign * (0.5 + r.Float64())
		sign = -sign
	}
	return x
}

func labels(classes int) Input {
	return func(r *rand.Rand, n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(r.IntN(classes))
		}
		return x
	}
}

// axisOf returns an axis whose windows reach the input: with strides larger than the
// kernel, uneven pads and dilation.
func axisOf(r *rand.Rand, ceil bool) kernel.Axis {
	a := kernel.Axis{In: 1 + r.IntN(7), Kernel: 1 + r.IntN(3), Stride: 1 + r.IntN(4), Dilation: 1 + r.IntN(2)}
	extent := (a.Kernel-1)*a.Dilation + 1
	a.Begin, a.End = r.IntN(a.Kernel), r.IntN(a.Kernel)
	if a.Dilation > 1 {
		a.Begin = 0 // so that no window sees nothing but pads
	}
	a.In = max(a.In, extent)
	room := a.In + a.Begin + a.End - extent
	a.Out = room/a.Stride + 1
	if ceil {
		a.Out = (room+a.Stride-1)/a.Stride + 1
		if (a.Out-1)*a.Stride >= a.In+a.Begin {
			a.Out--
		}
	}
	return a
}

// fit returns the axis with an output as large as its input, pads and kernel say.
func fit(a kernel.Axis) kernel.Axis {
	a.In = min(a.In, 4)
	a.In = max(a.In, (a.Kernel-1)*a.Dilation+1)
	a.Out = (a.In+a.Begin+a.End-(a.Kernel-1)*a.Dilation-1)/a.Stride + 1
	return a
}

func windowOf(r *rand.Rand, i int, ceil bool) kernel.Window {
	axes := make([]kernel.Axis, 1+(i+1)%3)
	for k := range axes {
		axes[k] = axisOf(r, ceil)
	}
	w, err := kernel.NewWindow(axes...)
	if err != nil {
		panic(err)
	}
	return w
}

func convCase(r *rand.Rand, i int) Case {
	s := kernel.Conv{N: 1 + r.IntN(3), Group: 1 + i%3, Bias: i%2 == 0, Window: windowOf(r, i, false)}
	s.C, s.M = s.Group*(1+r.IntN(3)), s.Group*(1+r.IntN(3))
	switch i {
	case 0: // one of everything
		w, _ := kernel.NewWindow(kernel.Axis{In: 1, Out: 1, Kernel: 1, Stride: 1, Dilation: 1})
		s = kernel.Conv{N: 1, C: 1, M: 1, Group: 1, Window: w}
	case 1: // AlexNet's first
		a := kernel.Axis{In: 15, Out: 2, Kernel: 11, Stride: 4, Dilation: 1}
		w, _ := kernel.NewWindow(a, a)
		s = kernel.Conv{N: 2, C: 3, M: 4, Group: 1, Bias: true, Window: w}
	case 2: // depthwise
		a := kernel.Axis{In: 5, Out: 3, Kernel: 3, Stride: 2, Dilation: 1, Begin: 1, End: 1}
		w, _ := kernel.NewWindow(a, a)
		s = kernel.Conv{N: 3, C: 6, M: 6, Group: 6, Bias: true, Window: w}
	}
	if i >= 20 { // enough images and channels to be computed without patches
		s.N, s.Group = 16+i%2, 1+i%2
		s.C, s.M = s.Group*(16+3*(i%3)), s.Group*(16+5*(i%4))
		a, b := axisOf(r, false), axisOf(r, false)
		a.Kernel, b.Kernel = min(a.Kernel, 2), min(b.Kernel, 2)
		s.Window, _ = kernel.NewWindow(fit(a), fit(b))
	}
	if i%4 == 3 {
		s.Clamp = []kernel.Clamp{kernel.Rectifier, {Lo: -2.5, Hi: 6}}[i/4%2]
		return Case{s, []Input{normal, normal}}
	}
	return same(s, normal)
}

func poolOf(r *rand.Rand, i int) kernel.MaxPool {
	return kernel.MaxPool{N: 1 + r.IntN(3), C: 1 + r.IntN(4), Window: windowOf(r, i, i%3 == 0)}
}

func matMulOf(r *rand.Rand, i int) kernel.MatMul {
	s := kernel.MatMul{M: 1 + r.IntN(5), N: 1 + r.IntN(5), K: 1 + r.IntN(6), TransA: i%2 == 0, TransB: i%3 == 0}
	for k := range 1 + r.IntN(4) {
		s.ABatch = append(s.ABatch, k)
		s.BBatch = append(s.BBatch, k%2)
	}
	return s
}

// depthwiseCase is a convolution of each channel by itself.
func depthwiseCase(r *rand.Rand, i int) Case {
	s := kernel.Conv{N: 1 + r.IntN(3), C: 2 + r.IntN(18), Bias: i%2 == 0, Window: windowOf(r, i, false)}
	s.M, s.Group = s.C, s.C
	if i%4 == 1 {
		s.Clamp = kernel.Clamp{Lo: -0.375, Hi: 0.875}
	}
	return same(s, normal)
}

func moveOf(r *rand.Rand, i int) kernel.Move {
	n := 1 + r.IntN(30)
	if i%4 == 0 {
		return kernel.Move{In: []int{n}, Out: n}
	}
	s := kernel.Move{Out: 1 + r.IntN(40)}
	total := 0
	for range 1 + i%3 {
		s.In = append(s.In, 1+r.IntN(10))
		total += s.In[len(s.In)-1]
	}
	for range s.Out { // some twice, some never, and zeros
		s.Index = append(s.Index, int32(r.IntN(total+1)-1))
	}
	return s
}

func meanOf(r *rand.Rand) kernel.Mean {
	s := kernel.Mean{Out: 1 + r.IntN(6), Count: 1 + r.IntN(6)}
	for i := range s.Out * s.Count {
		s.Index = append(s.Index, int32(i%s.Out))
	}
	return s
}
