package op

import (
	"errors"
	"fmt"
	"math"

	"alexctl/onnx"
)

// gemm is Gemm-7, -9, -11, -13: alpha*A'*B' + beta*C, where ' transposes if transA
// or transB says so and C broadcasts to (M, N). torch.nn.Linear is Gemm with
// transB=1, weight (out, in) as B and its bias as C.
func gemm() *Spec {
	return &Spec{
		Type: "Gemm", Since: []int64{1, 6, 7, 9, 11, 13},
		Inputs: Arity{2, 3}, Outputs: Arity{1, 1},
		Earlier: []Earlier{{Until: 10, Inputs: Arity{3, 3}, Outputs: Arity{1, 1}}},
		Attrs:   []Attr{floatAttr("alpha", 1), floatAttr("beta", 1), intAttr("transA", 0), intAttr("transB", 0)},
		Params:  []Param{{1, "weight"}, {2, "bias"}},
		Product: AffineProduct,
		Infer:   inferGemm,
		MACs: func(n *Node, in, out []*Info) int64 {
			if !in[1].Ranked || len(in[1].Shape) != 2 {
				return 0
			}
			k := in[1].Shape[0]
			if n.Int("transB") != 0 {
				k = in[1].Shape[1]
			}
			return mul(out[0].count(), max(k.N, 0))
		},
		Eval:  evalGemm,
		Bound: boundGemm,
	}
}

func inferGemm(n *Node, in []*Info) ([]*Info, error) {
	a, b := in[0], in[1]
	if err := sameType(in...); err != nil {
		return nil, err
	}
	if err := errors.Join(a.wantRank("input A", 2), b.wantRank("input B", 2)); err != nil {
		return nil, err
	}
	if !a.Ranked || !b.Ranked {
		return unranked(a.Type), nil
	}
	m, k, k2, width := a.Shape[0], a.Shape[1], b.Shape[0], b.Shape[1]
	if n.Int("transA") != 0 {
		m, k = k, m
	}
	if n.Int("transB") != 0 {
		k2, width = width, k2
	}
	if k.Conflicts(k2) {
		return nil, fmt.Errorf("input A is %s and B %s with transA=%d transB=%d: inner dimensions %s and %s differ",
			a.Shape, b.Shape, n.Int("transA"), n.Int("transB"), k, k2)
	}
	out := onnx.Shape{m, width}
	if len(in) > 2 && in[2] != nil && in[2].Ranked {
		full, err := broadcastShapes(in[2].Shape, out)
		if err != nil || len(full) != 2 || full[0].Conflicts(m) || full[1].Conflicts(width) {
			return nil, fmt.Errorf("input C is %s, which does not broadcast to %s", in[2].Shape, out)
		}
	}
	return ranked(a.Type, out), nil
}

// Product is a Gemm node applied to concrete arrays.
type Product struct {
	A, B, C, Y     *Array // C may be nil; Y is zeros to begin with
	M, K, N        int
	Alpha, Beta    float64
	aRow, aCol     int // how far apart the elements of a row and column of A' lie
	bRow, bCol     int
	cIndex         func(i int) int
	TransA, TransB bool
}

// ProductOf checks the arrays against the node and returns the product.
func ProductOf(n *Node, in []*Array) (*Product, error) {
	a, b := in[0], in[1]
	if len(a.Shape) != 2 || len(b.Shape) != 2 || a.Type != b.Type {
		return nil, fmt.Errorf("input A is %s%v and B %s%v, want matrices of one type", a.Type, a.Shape, b.Type, b.Shape)
	}
	p := &Product{A: a, B: b, M: a.Shape[0], K: a.Shape[1], N: b.Shape[1],
		aRow: a.Shape[1], aCol: 1, bRow: b.Shape[1], bCol: 1,
		Alpha: n.Float("alpha"), Beta: n.Float("beta"),
		TransA: n.Int("transA") != 0, TransB: n.Int("transB") != 0}
	inner := b.Shape[0]
	if p.TransA {
		p.M, p.K, p.aRow, p.aCol = p.K, p.M, p.aCol, p.aRow
	}
	if p.TransB {
		inner, p.N, p.bRow, p.bCol = p.N, inner, p.bCol, p.bRow
	}
	if inner != p.K {
		return nil, fmt.Errorf("input A is %v and B %v: inner dimensions %d and %d differ", a.Shape, b.Shape, p.K, inner)
	}
	var err error
	if p.Y, err = NewArray(a.Type, p.M, p.N); err != nil {
		return nil, err
	}
	if len(in) > 2 && in[2] != nil {
		p.C = in[2]
		full, err := Broadcast(p.C.Shape, p.Y.Shape)
		if err != nil || len(full) != 2 || full[0] != p.M || full[1] != p.N || p.C.Type != a.Type {
			return nil, fmt.Errorf("input C is %s%v, which does not broadcast to %v", p.C.Type, p.C.Shape, p.Y.Shape)
		}
		p.cIndex = broadcastIndex(p.C.Shape, p.Y.Shape)
	}
	return p, nil
}

// Row returns row i of A', in dst where it does not lie in one piece.
func (p *Product) Row(dst []float64, i int) []float64 {
	if !p.TransA {
		return p.A.F[i*p.K : (i+1)*p.K]
	}
	dst = dst[:p.K]
	for k := range dst {
		dst[k] = p.A.F[i+k*p.aCol]
	}
	return dst
}

// Block copies rows k0 to k1 and columns j0 to j1 of B' to dst, whose rows are stride
// elements apart.
func (p *Product) Block(dst []float64, stride, k0, k1, j0, j1 int) {
	for k := k0; k < k1; k++ {
		for j := j0; j < j1; j++ {
			dst[(k-k0)*stride+j-j0] = p.B.F[k*p.bRow+j*p.bCol]
		}
	}
}

// Finish returns alpha*dot + beta*C for element i of Y.
func (p *Product) Finish(i int, dot float64) float64 {
	v := p.Alpha * dot
	if p.C != nil {
		v += p.Beta * p.C.F[p.cIndex(i)]
	}
	return v
}

func evalGemm(n *Node, in []*Array) ([]*Array, error) {
	p, err := ProductOf(n, in)
	if err != nil {
		return nil, err
	}
	for i := range p.Y.Len() {
		row, col := i/p.N*p.aRow, i%p.N*p.bCol
		if p.Y.float() {
			dot := 0.0
			for k := range p.K {
				dot += p.A.F[row+k*p.aCol] * p.B.F[col+k*p.bRow]
			}
			p.Y.F[i] = p.Finish(i, dot)
			continue
		}
		dot := int64(0)
		for k := range p.K {
			dot += p.A.I[row+k*p.aCol] * p.B.I[col+k*p.bRow]
		}
		v := int64(p.Alpha) * dot
		if p.C != nil {
			v += int64(p.Beta) * p.C.I[p.cIndex(i)]
		}
		p.Y.I[i] = wrap(v, p.Y.Type)
	}
	return []*Array{p.Y}, nil
}

// boundGemm follows the partial sums of every element in the definition's order.
func boundGemm(n *Node, in, out []*Array, r Rounding) []float64 {
	b := make([]float64, out[0].Len())
	p, err := ProductOf(n, in)
	if err != nil {
		return b // the evaluation said so
	}
	column := make([]float64, p.K)
	for j := range p.N {
		for k := range column {
			column[k] = p.B.F[j*p.bCol+k*p.bRow]
		}
		irregular := Irregular(column)
		for i := range p.M {
			sum, peak, norm2 := 0.0, 0.0, 0.0
			for k, w := range column {
				t := p.A.F[i*p.aRow+k*p.aCol] * w
				sum += t
				norm2 += t * t
				peak = max(peak, math.Abs(sum))
			}
			at := i*p.N + j
			b[at] = p.Limit(r, at, out[0].F[at], peak, norm2, irregular)
		}
	}
	return b
}

// Limit bounds the error of y, element i of the product, from the peak of the partial
// sums of A'*B' and the sum of its squared products.
func (p *Product) Limit(r Rounding, i int, y, peak, norm2 float64, irregular bool) float64 {
	alpha, c := math.Abs(p.Alpha), 0.0
	if p.C != nil {
		c = p.Beta * p.C.F[p.cIndex(i)]
	}
	b := r.Sum(p.K+1, y, max(alpha*peak, math.Abs(y)), alpha*alpha*norm2+c*c, irregular)
	if p.Alpha != 1 || p.Beta != 1 { // two more products
		b += 2 * r.Unit * (math.Abs(y-c) + math.Abs(c))
	}
	return b
}
