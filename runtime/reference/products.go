package reference

import (
	"context"
	"fmt"

	"alexctl/kernel/vector"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

type panicError struct{ value any }

func (e panicError) Error() string {
	return fmt.Sprintf("the inputs do not fit the operator: %v", e.value)
}

// limits asks for bounds beside the results of a product: how far rounding may move each.
type limits struct {
	rounding op.Rounding
	rows     int         // how many images, or rows of the left operand, have them
	bound    []float64   // of those
	rest     [][]float64 // of the outputs after the first
	open     []bool      // which elements of the first output have no definition
}

// rowsAtOnce bounds the tallies that one goroutine holds.
const rowsAtOnce = 1024

// all returns the bounds of every output.
func (l *limits) all() [][]float64 { return append([][]float64{l.bound}, l.rest...) }

// depth is how many products are added before the next output: few enough that the
// columns they share stay in the processor's cache.
const depth = 128

// tally are the sums of one row and a block of columns.
type tally struct{ sum, square, peak [vector.Columns]float64 }

func (t *tally) add(w, x []float64, limited bool) {
	if limited {
		vector.Tallies(t.sum[:], t.square[:], t.peak[:], w, x)
	} else {
		vector.Dots(t.sum[:], w, x)
	}
}

// conv computes a convolution as products of the weights with patches of the input.
func (s *session) conv(ctx context.Context, n *op.Node, in []*op.Array, l *limits) ([]*op.Array, error) {
	c, err := op.ConvOf(n, in)
	if err != nil {
		return nil, err
	}
	if l != nil {
		l.rows = min(l.rows, c.N)
		l.bound = make([]float64, l.rows*c.M*c.OutSize)
	}
	if c.Y.Len() == 0 {
		return []*op.Array{c.Y}, nil
	}
	k := c.CGroup * c.Taps
	if int64(k)*vector.Columns*8*int64(s.workers.n) > s.memory {
		return nil, fmt.Errorf("a kernel of %d taps takes more memory than is allowed", k)
	}
	irregular := make([]bool, c.M)
	if l != nil {
		for m := range irregular {
			irregular[m] = op.Irregular(c.W.F[m*k : (m+1)*k])
		}
	}
	groups := c.M / c.MGroup
	blocks := (c.OutSize + vector.Columns - 1) / vector.Columns
	err = s.workers.each(ctx, c.N*groups*blocks, func(job int, scratch *scratch) error {
		return guarded(func() error {
			image, group, block := job/blocks/groups, job/blocks%groups, job%blocks
			lo := block * vector.Columns
			hi := min(lo+vector.Columns, c.OutSize)
			limited := l != nil && image < l.rows
			patches := scratch.floats(k * vector.Columns)
			c.Columns(patches, vector.Columns, image, group, lo, hi)
			for first := group * c.MGroup; first < (group+1)*c.MGroup; first += rowsAtOnce {
				tallies := scratch.clear(min(rowsAtOnce, (group+1)*c.MGroup-first))
				for q := 0; q < k; q += depth {
					end := min(q+depth, k)
					for i := range tallies {
						w := c.W.F[(first+i)*k:]
						tallies[i].add(w[q:end], patches[q*vector.Columns:], limited)
					}
				}
				for i := range tallies {
					finishRow(c, l, &tallies[i], image, first+i, lo, hi, irregular)
				}
			}
			return nil
		})
	})
	return []*op.Array{c.Y}, err
}

// finishRow adds the bias to the sums of one output channel and bounds them.
func finishRow(c *op.Convolution, l *limits, t *tally, image, m, lo, hi int, irregular []bool) {
	bias := 0.0
	if c.B != nil {
		bias = c.B.F[m]
	}
	at := (image*c.M + m) * c.OutSize
	for p := lo; p < hi; p++ {
		y := t.sum[p-lo] + bias
		c.Y.F[at+p] = y
		if l != nil && image < l.rows {
			l.bound[at+p] = c.Limit(l.rounding, m, y, t.peak[p-lo], t.square[p-lo], irregular[m])
		}
	}
}

// right is the right operand of a product of matrices, (K, N).
type right interface {
	// open prepares columns lo to hi; copy then copies rows of them to dst, whose rows
	// have vector.Columns elements.
	open(lo, hi int, scratch *scratch) (copy func(dst []float64, k0, k1 int), err error)
}

// product computes rows of a (m, k) with b (k, n), 32 columns at a time, and gives each
// element to finish, with its tally.
func (s *session) product(ctx context.Context, m, k, n int, row func(i int) []float64, b right, l *limits, finish func(i, j int, t *tally, column int, irregular bool)) error {
	jobs := (n + vector.Columns - 1) / vector.Columns
	return s.workers.each(ctx, jobs, func(job int, scratch *scratch) error {
		return guarded(func() error {
			lo := job * vector.Columns
			hi := min(lo+vector.Columns, n)
			fill, err := b.open(lo, hi, scratch)
			if err != nil {
				return err
			}
			block := scratch.block()
			for first := 0; first < m; first += rowsAtOnce {
				tallies := scratch.clear(min(rowsAtOnce, m-first))
				var few [vector.Columns]values
				for q := 0; q < k; q += depth {
					end := min(q+depth, k)
					fill(block, q, end)
					for i := range tallies {
						tallies[i].add(row(first + i)[q:end], block, l != nil && first+i < l.rows)
					}
					for c := 0; l != nil && c < hi-lo; c++ {
						few[c].see(block[c:], end-q)
					}
				}
				for i := range tallies {
					for j := lo; j < hi; j++ {
						finish(first+i, j, &tallies[i], j-lo, !few[j-lo].many)
					}
				}
			}
			return nil
		})
	})
}

// values says whether a column takes many values: whether one of its parts does, by
// op.Irregular.
type values struct{ many bool }

// see looks at the next n elements of a column.
func (v *values) see(column []float64, n int) {
	if v.many {
		return
	}
	var part [depth]float64
	for i := range n {
		part[i] = column[i*vector.Columns]
	}
	v.many = !op.Irregular(part[:n])
}

// rowWeight is a weight whose rows are the columns of the right operand (transB=1),
// read from the model when they are needed.
type rowWeight struct {
	t *onnx.Tensor
	k int
}

func (w rowWeight) open(lo, hi int, scratch *scratch) (func([]float64, int, int), error) {
	rows := scratch.floats((hi - lo) * w.k)
	if err := w.t.Float64s(rows, int64(lo)*int64(w.k)); err != nil {
		return nil, err
	}
	return func(dst []float64, k0, k1 int) {
		for c := range hi - lo {
			for q, v := range rows[c*w.k+k0 : c*w.k+k1] {
				dst[q*vector.Columns+c] = v
			}
		}
	}, nil
}

// operand is a right operand in memory; of takes it a block at a time.
type operand struct {
	of func(dst []float64, stride, k0, k1, j0, j1 int)
}

func (o operand) open(lo, hi int, _ *scratch) (func([]float64, int, int), error) {
	return func(dst []float64, k0, k1 int) { o.of(dst, vector.Columns, k0, k1, lo, hi) }, nil
}

// gemm computes a Gemm. weight is its B where that is a weight in rows (transB=1), which
// is read a few rows at a time.
func (s *session) gemm(ctx context.Context, n *op.Node, in []*op.Array, weight *onnx.Tensor, l *limits) ([]*op.Array, error) {
	p, err := op.ProductOf(n, in)
	if err != nil {
		return nil, err
	}
	var b right = operand{p.Block}
	if weight != nil {
		b = rowWeight{weight, p.K}
	}
	rows := make([][]float64, p.M)
	for i := range rows {
		var buf []float64
		if p.TransA {
			buf = make([]float64, p.K)
		}
		rows[i] = p.Row(buf, i)
	}
	if l != nil {
		l.rows = min(l.rows, p.M)
		l.bound = make([]float64, l.rows*p.N)
	}
	err = s.product(ctx, p.M, p.K, p.N, func(i int) []float64 { return rows[i] }, b, l, func(i, j int, t *tally, c int, irregular bool) {
		at := i*p.N + j
		p.Y.F[at] = p.Finish(at, t.sum[c])
		if l != nil && i < l.rows {
			l.bound[at] = p.Limit(l.rounding, at, p.Y.F[at], t.peak[c], t.square[c], irregular)
		}
	})
	return []*op.Array{p.Y}, err
}

// matMul computes a MatMul whose right operand is a matrix: all rows of the left
// one, over all its leading axes, times that matrix.
func (s *session) matMul(ctx context.Context, in []*op.Array, l *limits) ([]*op.Array, error) {
	a, b := in[0], in[1]
	k, width := b.Shape[0], b.Shape[1]
	shape := append(append([]int{}, a.Shape[:len(a.Shape)-1]...), width)
	y, err := op.NewArray(a.Type, shape...)
	if err != nil {
		return nil, err
	}
	rows := 0
	if width > 0 {
		rows = y.Len() / width
	}
	if l != nil {
		l.rows = min(l.rows, rows)
		l.bound = make([]float64, l.rows*width)
	}
	block := operand{func(dst []float64, stride, k0, k1, j0, j1 int) {
		for q := k0; q < k1; q++ {
			copy(dst[(q-k0)*stride:], b.F[q*width+j0:q*width+j1])
		}
	}}
	err = s.product(ctx, rows, k, width, func(i int) []float64 { return a.F[i*k : (i+1)*k] }, block, l, func(i, j int, t *tally, c int, irregular bool) {
		at := i*width + j
		y.F[at] = t.sum[c]
		if l != nil && i < l.rows {
			l.bound[at] = l.rounding.Sum(k, t.sum[c], t.peak[c], t.square[c], irregular)
		}
	})
	return []*op.Array{y}, err
}
