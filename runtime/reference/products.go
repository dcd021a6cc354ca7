package reference

import (
	"context"
	"fmt"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

type panicError struct{ value any }

func (e panicError) Error() string {
	return fmt.Sprintf("the inputs do not fit the operator: %v", e.value)
}

// columnsPerJob is how many output positions a convolution job computes: few
// enough that their patches stay in the processor's cache.
const columnsPerJob = 32

// conv computes a convolution as products of the weights with patches of the input.
func (s *session) conv(ctx context.Context, n *op.Node, in []*op.Array) ([]*op.Array, error) {
	c, err := op.ConvOf(n, in)
	if err != nil {
		return nil, err
	}
	if c.Y.Len() == 0 {
		return []*op.Array{c.Y}, nil
	}
	groups := c.M / c.MGroup
	blocks := (c.OutSize + columnsPerJob - 1) / columnsPerJob
	k := c.CGroup * c.Taps
	err = s.workers.each(ctx, c.N*groups*blocks, func(job int, scratch *scratch) error {
		return guarded(func() error {
			image, group, block := job/blocks/groups, job/blocks%groups, job%blocks
			lo := block * columnsPerJob
			hi := min(lo+columnsPerJob, c.OutSize)
			width := hi - lo
			patches := scratch.floats(k * width)
			c.Columns(patches, image, group, lo, hi)
			for m := group * c.MGroup; m < (group+1)*c.MGroup; m += 4 {
				rows := min(4, (group+1)*c.MGroup-m)
				for p := 0; p < width; p += 2 {
					var sums [4][2]float64
					panel(&sums, c.W.F[m*k:], k, rows, patches, width, p)
					for i := range rows {
						bias := 0.0
						if c.B != nil {
							bias = c.B.F[m+i]
						}
						at := (image*c.M+m+i)*c.OutSize + lo + p
						c.Y.F[at] = sums[i][0] + bias
						if p+1 < width {
							c.Y.F[at+1] = sums[i][1] + bias
						}
					}
				}
			}
			return nil
		})
	})
	return []*op.Array{c.Y}, err
}

// panel computes the products of up to four rows of w (each of k elements) with
// two columns, p and p+1, of x (k rows of width elements).
func panel(sums *[4][2]float64, w []float64, k, rows int, x []float64, width, p int) {
	second := p + 1
	if second >= width {
		second = p
	}
	if rows < 4 {
		for i := range rows {
			for q, v := range w[i*k : (i+1)*k] {
				sums[i][0] += v * x[q*width+p]
				sums[i][1] += v * x[q*width+second]
			}
		}
		return
	}
	w0, w1, w2, w3 := w[:k], w[k:2*k], w[2*k:3*k], w[3*k:4*k]
	var a0, a1, b0, b1, c0, c1, d0, d1 float64
	at := p
	step := second - p
	for q := range w0 {
		u, v := x[at], x[at+step]
		a0 += w0[q] * u
		a1 += w0[q] * v
		b0 += w1[q] * u
		b1 += w1[q] * v
		c0 += w2[q] * u
		c1 += w2[q] * v
		d0 += w3[q] * u
		d1 += w3[q] * v
		at += width
	}
	*sums = [4][2]float64{{a0, a1}, {b0, b1}, {c0, c1}, {d0, d1}}
}

// rowsPerJob is how many rows of a dense layer's weight are read at a time.
const rowsPerJob = 16

// dense computes a Gemm whose B' is a weight of the model in rows (transB=1),
// reading the weight a few rows at a time.
func (s *session) dense(ctx context.Context, n *op.Node, w *onnx.Tensor, values map[string]*op.Array) ([]*op.Array, error) {
	var in []*op.Array
	for i, name := range n.Inputs {
		if i == 1 {
			in = append(in, &op.Array{Type: w.Type, Shape: []int{int(w.Dims[0]), int(w.Dims[1])}})
			continue
		}
		a, err := s.value(name, values)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", n.Label(), err)
		}
		in = append(in, a)
	}
	return n.Guard(func() ([]*op.Array, error) {
		p, err := op.ProductOf(n, in)
		if err != nil {
			return nil, err
		}
		return s.rowProducts(ctx, p, func(dst []float64, row int) error {
			return w.Float64s(dst, int64(row)*int64(p.K))
		})
	})
}

// rowProducts computes Y for a product whose B' is available by rows: read fills
// dst with whole rows of B, beginning at row.
func (s *session) rowProducts(ctx context.Context, p *op.Product, read func(dst []float64, row int) error) ([]*op.Array, error) {
	jobs := (p.N + rowsPerJob - 1) / rowsPerJob
	err := s.workers.each(ctx, jobs, func(job int, scratch *scratch) error {
		return guarded(func() error {
			lo := job * rowsPerJob
			hi := min(lo+rowsPerJob, p.N)
			rows := scratch.floats((hi - lo) * p.K)
			if err := read(rows, lo); err != nil {
				return err
			}
			for m := range p.M {
				x := p.A.F[m*p.K : (m+1)*p.K]
				for j := lo; j < hi; j++ {
					i := m*p.N + j
					p.Y.F[i] = p.Finish(i, dot(x, rows[(j-lo)*p.K:][:p.K]))
				}
			}
			return nil
		})
	})
	return []*op.Array{p.Y}, err
}

// dot returns the product of two vectors of one length, in four partial sums.
func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + (s2 + s3)
}

// matMul computes a MatMul whose right operand is a matrix: all rows of the left
// one, over all its leading axes, times that matrix.
func (s *session) matMul(ctx context.Context, n *op.Node, in []*op.Array) ([]*op.Array, error) {
	a, b := in[0], in[1]
	k, width := b.Shape[0], b.Shape[1]
	if a.Shape[len(a.Shape)-1] != k || a.F == nil {
		return n.Spec.Eval(n, in) // which says what is wrong
	}
	shape := append(append([]int{}, a.Shape[:len(a.Shape)-1]...), width)
	y, err := op.NewArray(a.Type, shape...)
	if err != nil || y.Len() == 0 {
		return []*op.Array{y}, err
	}
	rows := y.Len() / width
	err = s.workers.each(ctx, rows, func(row int, _ *scratch) error {
		return guarded(func() error {
			x, out := a.F[row*k:(row+1)*k], y.F[row*width:(row+1)*width]
			for q, v := range x {
				for j, w := range b.F[q*width : (q+1)*width] {
					out[j] += v * w
				}
			}
			return nil
		})
	})
	return []*op.Array{y}, err
}
