package kernel

import (
	"cmp"
	"slices"

	"alexctl/kernel/gemm"
	"alexctl/kernel/vector"
)

// DirectConv computes a convolution without patches of the input. For each tap of the
// kernel and each position of the output, the channels of all images at the position
// under the tap are a matrix, one row an image, and are multiplied by the weights of the
// tap where they lie. Taps that reach into the pads cost nothing: with a kernel of 3 on a
// map of 4x4 that is 31% of all products.
type DirectConv[T Float] struct {
	Conv
	workers workers
	links   [][]link // by tap, in the order of both positions
	// first is by output and by input position the first tap that reaches it, or -1.
	firstOut, firstIn []int32

	weights  []T // (Group, taps, C/Group, M/Group)
	turned   []T // (Group, taps, M/Group, C/Group), for the gradient of the input
	gradient []T // of weights
	each     []directWorker[T]
}

// link is a position of the input under a tap at a position of the output.
type link struct{ in, out int32 }

type directWorker[T Float] struct {
	scratch scratch[T]
	columns []T // weights of 8 filters
}

// NewDirectConv prepares a convolution that is Direct, on a pool.
func NewDirectConv[T Float](s Conv, p Pool) *DirectConv[T] {
	c := &DirectConv[T]{
		Conv: s, workers: workers{p},
		links:    make([][]link, s.Window.taps()),
		firstOut: slices.Repeat([]int32{-1}, s.Window.out()),
		firstIn:  slices.Repeat([]int32{-1}, s.Window.in()),
		weights:  make([]T, s.M*s.k()),
		each:     make([]directWorker[T], p.Size()),
	}
	for out := range s.Window.out() {
		s.Window.each(out, func(tap, in int) { c.links[tap] = append(c.links[tap], link{int32(in), int32(out)}) })
	}
	for tap, links := range c.links {
		for _, l := range links {
			if c.firstOut[l.out] < 0 {
				c.firstOut[l.out] = int32(tap)
			}
			if c.firstIn[l.in] < 0 {
				c.firstIn[l.in] = int32(tap)
			}
		}
	}
	return c
}

// chunkElements is about how many elements of the result are computed together: they
// should stay in the second-level cache while all taps are added up in them.
const chunkElements = 1 << 16

// positions calls f for parts of n positions, each worker's a chunk at a time; channels is
// how many elements a position has in one image and group.
func (c *DirectConv[T]) positions(n, channels int, f func(w *directWorker[T], lo, hi int)) {
	chunk := max(1, chunkElements/(c.N*channels))
	c.workers.run(n, func(worker, lo, hi int) {
		for ; lo < hi; lo += chunk {
			f(&c.each[worker], lo, min(hi, lo+chunk))
		}
	})
}

// between returns the links whose position, as at says, is from lo to hi.
func between(links []link, at func(link) int32, lo, hi int) []link {
	find := func(p int) int {
		i, _ := slices.BinarySearchFunc(links, int32(p), func(l link, p int32) int { return cmp.Compare(at(l), p) })
		return i
	}
	return links[find(lo):find(hi)]
}

// beta is 0 for the first product of several, which overwrites.
func beta[T Float](first bool) T {
	if first {
		return 0
	}
	return 1
}

// Output computes y from x, w and b.
func (c *DirectConv[T]) Output(y []T, in ...[]T) {
	c.pack(in[1])
	mg, cg, size, out := c.M/c.Group, c.C/c.Group, c.Window.in()*c.C, c.Window.out()*c.M
	c.positions(c.Window.out(), mg, func(w *directWorker[T], lo, hi int) {
		for g := range c.Group {
			for tap, links := range c.links {
				weights := matrix[T]{c.weights[(g*len(c.links)+tap)*cg*mg:], mg, false}
				for _, l := range between(links, func(l link) int32 { return l.out }, lo, hi) {
					x := matrix[T]{in[0][int(l.in)*c.C+g*cg:], size, false}
					w.scratch.product(c.N, mg, cg, x, weights, beta[T](c.firstOut[l.out] == int32(tap)), y[int(l.out)*c.M+g*mg:], out)
				}
			}
		}
		for n := range c.N {
			for p := lo; p < hi; p++ {
				if c.firstOut[p] < 0 { // nothing but pads
					clear(y[n*out+p*c.M:][:c.M])
				}
			}
			part := y[n*out+lo*c.M : n*out+hi*c.M]
			if c.Bias {
				addRows(part, in[2])
			}
			if c.ReLU {
				vector.Rectify(part)
			}
		}
	})
}

// InputGradient computes dx from the gradient of the sums and w.
func (c *DirectConv[T]) InputGradient(dx, up, w []T) {
	c.turn(w)
	mg, cg, size, out := c.M/c.Group, c.C/c.Group, c.Window.in()*c.C, c.Window.out()*c.M
	c.positions(c.Window.in(), cg, func(w *directWorker[T], lo, hi int) {
		for g := range c.Group {
			for tap, links := range c.links {
				weights := matrix[T]{c.turned[(g*len(c.links)+tap)*cg*mg:], cg, false}
				for _, l := range between(links, func(l link) int32 { return l.in }, lo, hi) {
					dy := matrix[T]{up[int(l.out)*c.M+g*mg:], out, false}
					w.scratch.product(c.N, cg, mg, dy, weights, beta[T](c.firstIn[l.in] == int32(tap)), dx[int(l.in)*c.C+g*cg:], size)
				}
			}
		}
		for p := lo; p < hi; p++ {
			if c.firstIn[p] >= 0 {
				continue
			}
			for n := range c.N { // no window sees it
				clear(dx[n*size+p*c.C:][:c.C])
			}
		}
	})
}

// WeightGradient computes dw from the gradient of the sums and x. It splits the work by
// the input's channels.
func (c *DirectConv[T]) WeightGradient(dw, up, x []T) {
	mg, cg, size, out := c.M/c.Group, c.C/c.Group, c.Window.in()*c.C, c.Window.out()*c.M
	c.gradient = grow(c.gradient, len(c.weights))
	c.workers.run(cg, func(worker, lo, hi int) {
		for g := range c.Group {
			for tap, links := range c.links {
				to := c.gradient[(g*len(c.links)+tap)*cg*mg+lo*mg:][:(hi-lo)*mg]
				if len(links) == 0 {
					clear(to)
				}
				for i, l := range links {
					x := matrix[T]{x[int(l.in)*c.C+g*cg+lo:], size, true}
					dy := matrix[T]{up[int(l.out)*c.M+g*mg:], out, false}
					c.each[worker].scratch.product(hi-lo, mg, c.N, x, dy, beta[T](i == 0), to, mg)
				}
			}
		}
	})
	c.unpack(dw)
}

// filters is how many filters are packed together: a vector of 8.
const filters = 8

// columns calls f for every group and up to 8 filters of it, with scratch for (channels,
// taps) rows of 8.
func (c *DirectConv[T]) columns(f func(g, m, n int, rows []T)) {
	mg := c.M / c.Group
	blocks := (mg + filters - 1) / filters
	c.workers.run(c.Group*blocks, func(worker, lo, hi int) {
		w := &c.each[worker]
		w.columns = grow(w.columns, c.k()*filters)
		for b := lo; b < hi; b++ {
			m := b % blocks * filters
			f(b/blocks, m, min(filters, mg-m), w.columns)
		}
	})
}

// pack writes the weights (M, C/Group, taps) as (Group, taps, C/Group, M/Group).
func (c *DirectConv[T]) pack(w []T) {
	mg, cg, taps, k := c.M/c.Group, c.C/c.Group, len(c.links), c.k()
	c.columns(func(g, m, n int, rows []T) {
		gemm.Transpose(rows, filters, w[(g*mg+m)*k:], k, n, k)
		for ch := range cg {
			for t := range taps {
				copyFilters(c.weights[((g*taps+t)*cg+ch)*mg+m:], rows[(ch*taps+t)*filters:], n)
			}
		}
	})
}

// unpack writes the gradient in the order of the weights.
func (c *DirectConv[T]) unpack(dw []T) {
	mg, cg, taps, k := c.M/c.Group, c.C/c.Group, len(c.links), c.k()
	c.columns(func(g, m, n int, rows []T) {
		for ch := range cg {
			for t := range taps {
				copyFilters(rows[(ch*taps+t)*filters:], c.gradient[((g*taps+t)*cg+ch)*mg+m:], n)
			}
		}
		gemm.Transpose(dw[(g*mg+m)*k:], k, rows, filters, k, n)
	})
}

// copyFilters copies n elements, 8 at once where it can.
func copyFilters[T Float](dst, src []T, n int) {
	if n == filters {
		*(*[filters]T)(dst) = *(*[filters]T)(src)
		return
	}
	copy(dst[:n], src[:n])
}

// turn writes the weights (M, C/Group, taps) as (Group, taps, M/Group, C/Group).
func (c *DirectConv[T]) turn(w []T) {
	mg, cg, taps, k := c.M/c.Group, c.C/c.Group, len(c.links), c.k()
	c.turned = grow(c.turned, len(c.weights))
	c.workers.run(c.M, func(_, lo, hi int) {
		for m := lo; m < hi; m++ {
			at := (m/mg*taps*mg + m%mg) * cg
			gemm.Transpose(c.turned[at:], mg*cg, w[m*k:], taps, cg, taps)
		}
	})
}
