package kernel

import "alexctl/kernel/vector"

// Depthwise reports whether each channel is convolved by itself, with one filter, on a map that is not
// too large to be listed.
func (s Conv) Depthwise() bool {
	const manyLinks = 1 << 22 // pairs of positions that are listed
	return s.C == s.Group && s.M == s.C && s.C > 1 && s.Window.taps()*s.Window.out() <= manyLinks
}

// depthwiseConv computes a convolution of each channel by itself: at each position, the channels
// under each tap times the tap's weights. Taps in the pads cost nothing.
type depthwiseConv[T Float] struct {
	Conv
	workers       workers
	output, input tapList // for the output, and for the gradient of the input
	weights       []T     // (taps, C)
	each          []depthwiseWorker[T]
}

// tapList lists, for each position of a result, where the channels under its taps begin in the
// source, and which taps they are, times the number of channels.
type tapList struct{ at, under [][]int32 }

// depthwiseWorker is what one part of the work uses.
type depthwiseWorker[T Float] struct {
	products []T       // (taps, C)
	sums     []float64 // the same, of more positions
}

func newDepthwiseConv[T Float](s Conv, k workers) *depthwiseConv[T] {
	c := &depthwiseConv[T]{Conv: s, workers: k, weights: make([]T, s.M*s.k()), each: make([]depthwiseWorker[T], k.Size())}
	out := s.Window.out()
	c.output = tapList{make([][]int32, out), make([][]int32, out)}
	for o := range out {
		s.Window.each(o, func(tap, at int) { c.output.add(o, at*s.C, tap*s.C) })
	}
	return c
}

// backward lists the taps of the input's gradient, once.
func (c *depthwiseConv[T]) backward() {
	if c.input.at != nil {
		return
	}
	in := c.Window.in()
	c.input = tapList{make([][]int32, in), make([][]int32, in)}
	for o := range c.Window.out() {
		c.Window.each(o, func(tap, at int) { c.input.add(at, o*c.C, tap*c.C) })
	}
}

func (l *tapList) add(position, at, under int) {
	l.at[position] = append(l.at[position], int32(at))
	l.under[position] = append(l.under[position], int32(under))
}

// turn writes the weights (C, taps) as (taps, C).
func (c *depthwiseConv[T]) turn(w []T) {
	taps := c.Window.taps()
	for ch := range c.C {
		for t := range taps {
			c.weights[t*c.C+ch] = w[ch*taps+t]
		}
	}
}

// Output computes y from x, w and b.
func (c *depthwiseConv[T]) Output(y []T, in ...[]T) {
	c.turn(in[1])
	out, size := c.Window.out(), c.Window.in()*c.C
	c.workers.run(c.N*out, func(_, lo, hi int) {
		for o := lo; o < hi; o++ {
			row := y[o*c.C:][:c.C]
			if c.Bias {
				copy(row, in[2])
			} else {
				clear(row)
			}
			vector.AddTaps(row, in[0][o/out*size:][:size], c.weights, c.output.at[o%out], c.output.under[o%out])
			clampRows(c.Clamp, row)
		}
	})
}

// InputGradient computes dx from the gradient of the sums and w.
func (c *depthwiseConv[T]) InputGradient(dx, up, w []T) {
	c.turn(w)
	c.backward()
	in, size := c.Window.in(), c.Window.out()*c.C
	c.workers.run(c.N*in, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			row := dx[i*c.C:][:c.C]
			clear(row)
			vector.AddTaps(row, up[i/in*size:][:size], c.weights, c.input.at[i%in], c.input.under[i%in])
		}
	})
}

// WeightGradient computes dw from the gradient of the sums and x. The products of a few positions
// are added in T, the rest in float64.
func (c *depthwiseConv[T]) WeightGradient(dw, up, x []T) {
	const few = 128
	n, out, size := len(c.weights), c.Window.out(), c.Window.in()*c.C
	for i := range c.each {
		c.each[i].products, c.each[i].sums = grow(c.each[i].products, n), grow(c.each[i].sums, n)
		clear(c.each[i].sums)
	}
	c.workers.run(c.N*out, func(worker, lo, hi int) {
		w := &c.each[worker]
		for ; lo < hi; lo += few {
			clear(w.products)
			for o := lo; o < min(hi, lo+few); o++ {
				vector.AddTapProducts(w.products, up[o*c.C:][:c.C], x[o/out*size:][:size], c.output.at[o%out], c.output.under[o%out])
			}
			vector.WidenAdd(w.sums, w.products)
		}
	})
	taps := c.Window.taps()
	for ch := range c.C {
		for t := range taps {
			sum := 0.0
			for i := range c.each {
				sum += c.each[i].sums[t*c.C+ch]
			}
			dw[ch*taps+t] = T(sum)
		}
	}
}
