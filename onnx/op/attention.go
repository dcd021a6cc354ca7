package op

import (
	"fmt"
	"math"

	"alexctl/onnx"
)

// attention is Attention-23, -24 without a cache of keys and values: softmax(scale Q K' + mask) V for
// each head, as (N, heads, L, E) or (N, L, heads E). Equals
// torch.nn.functional.scaled_dot_product_attention.
func attention() *Spec {
	return &Spec{
		Type: "Attention", Since: []int64{23, 24}, FloatOnly: true, Heavy: true,
		Inputs: Arity{3, 7}, Outputs: Arity{1, 4},
		Attrs: []Attr{intAttr("is_causal", 0), intAttr("kv_num_heads", 0), intAttr("q_num_heads", 0), intAttr("qk_matmul_output_mode", 0),
			floatAttr("scale", 0), floatAttr("softcap", 0), intAttr("softmax_precision", 0), intAttr("left_window_size", -1).since(25), intAttr("right_window_size", -1).since(25)},
		Infer: func(n *Node, in []*Info) ([]*Info, error) {
			for i := range 3 {
				if optional(in, 4+i) != nil {
					return nil, n.unsupported("attention with past keys and values is not supported")
				}
			}
			if len(n.Outputs) > 1 || n.Opset >= 25 && (n.Int("left_window_size") >= 0 || n.Int("right_window_size") >= 0) {
				return nil, n.unsupported("attention with further outputs or a window is not supported")
			}
			q, v := in[0], in[2]
			if !q.Ranked || !v.Ranked {
				return unranked(q.Type), nil
			}
			if len(q.Shape) != len(v.Shape) || len(q.Shape) != 3 && len(q.Shape) != 4 {
				return nil, fmt.Errorf("inputs Q %s and V %s: want three or four axes", q.Shape, v.Shape)
			}
			out := append(onnx.Shape{}, q.Shape...)
			if len(q.Shape) == 3 && (n.Int("q_num_heads") < 1 || n.Int("kv_num_heads") < 1) {
				return nil, fmt.Errorf("q_num_heads is %d and kv_num_heads %d: with three axes, both are wanted", n.Int("q_num_heads"), n.Int("kv_num_heads"))
			}
			last := v.Shape[len(v.Shape)-1]
			if len(q.Shape) == 3 && n.Int("kv_num_heads") > 0 && last.IsKnown() {
				last = onnx.Known(last.N / n.Int("kv_num_heads") * n.Int("q_num_heads"))
			}
			out[len(out)-1] = last
			return ranked(q.Type, out), nil
		},
		MACs: func(n *Node, in, out []*Info) int64 {
			k := in[1]
			if !in[0].Ranked || !k.Ranked || len(k.Shape) < 3 {
				return 0
			}
			keys := max(k.Shape[len(k.Shape)-2].N, 1)
			return mul(keys, in[0].count()) + mul(keys, out[0].count())
		},
		Eval: func(n *Node, in []*Array) ([]*Array, error) {
			a, err := attentionOf(n, in)
			if err != nil {
				return nil, err
			}
			err = a.each(func(query, _ []float64, weights []float64, head int, at, image int) {
				for e := range a.width {
					sum := 0.0
					for j, w := range weights {
						sum += w * a.v.F[a.value(head, image, j)+e]
					}
					a.y.F[at+e] = sum
				}
			})
			return []*Array{a.y}, err
		},
		Bound: boundAttention,
	}
}

// boundAttention follows the errors of the scores through the softmax into the mean of the values.
func boundAttention(n *Node, in, out []*Array, r Rounding) []float64 {
	b := make([]float64, out[0].Len())
	a, err := attentionOf(n, in)
	if err != nil {
		return b
	}
	unit := max(r.Unit, r.Store)
	_ = a.each(func(query, scores, weights []float64, head int, at, image int) {
		largest := math.Inf(-1)
		for _, s := range scores {
			largest = math.Max(largest, s)
		}
		off, mean := make([]float64, len(scores)), 0.0 // of the scores, relative to their exponentials
		for j := range scores {
			if weights[j] == 0 {
				continue
			}
			peak, squares, sum := 0.0, 0.0, 0.0
			for i, q := range query {
				t := q * a.k.F[a.key(head, image, j)+i] * a.scale
				sum += t
				peak = max(peak, math.Abs(sum))
				squares += t * t
			}
			off[j] = r.Sum(len(query), sum, peak, squares, false) + unit*(8+4*math.Abs(scores[j])+2*math.Abs(scores[j]-largest))
			mean += weights[j] * off[j]
		}
		for e := range a.width {
			moved, squares, peak, sum := 0.0, 0.0, 0.0, 0.0
			for j, w := range weights {
				t := w * a.v.F[a.value(head, image, j)+e]
				moved += math.Abs(t) * (off[j] + mean)
				sum += t
				peak = max(peak, math.Abs(sum))
				squares += t * t
			}
			b[at+e] = moved + r.Sum(len(weights), out[0].F[at+e], peak, squares, false)
		}
	})
	return b
}

// attentionLayer is an Attention node applied to arrays.
type attentionLayer struct {
	n                    *Node
	q, k, v, mask, y     *Array
	batch, heads, shared int // heads of queries, and of keys and values
	queries, keys        int
	size, width          int // of a query, and of a value
	scale                float64
	flat                 bool // (N, L, heads E)
}

func attentionOf(n *Node, in []*Array) (*attentionLayer, error) {
	a := &attentionLayer{n: n, q: in[0], k: in[1], v: in[2], mask: optional(in, 3), flat: len(in[0].Shape) == 3}
	for _, x := range in[:3] {
		if len(x.Shape) != len(a.q.Shape) || len(x.Shape) != 3 && len(x.Shape) != 4 {
			return nil, fmt.Errorf("inputs Q %v, K %v and V %v: want three or four axes", a.q.Shape, a.k.Shape, a.v.Shape)
		}
	}
	a.batch = a.q.Shape[0]
	if a.flat {
		a.heads, a.shared = int(n.Int("q_num_heads")), int(n.Int("kv_num_heads"))
		if a.heads < 1 || a.shared < 1 || a.q.Shape[2]%a.heads != 0 || a.k.Shape[2]%a.shared != 0 || a.v.Shape[2]%a.shared != 0 {
			return nil, fmt.Errorf("%d and %d heads for Q %v, K %v and V %v", a.heads, a.shared, a.q.Shape, a.k.Shape, a.v.Shape)
		}
		a.queries, a.keys, a.size, a.width = a.q.Shape[1], a.k.Shape[1], a.q.Shape[2]/a.heads, a.v.Shape[2]/a.shared
	} else {
		a.heads, a.shared, a.queries, a.keys, a.size, a.width = a.q.Shape[1], a.k.Shape[1], a.q.Shape[2], a.k.Shape[2], a.q.Shape[3], a.v.Shape[3]
	}
	if a.k.Shape[0] != a.batch || a.v.Shape[0] != a.batch || !a.flat && (a.v.Shape[1] != a.shared || a.v.Shape[2] != a.keys || a.k.Shape[3] != a.size) ||
		a.shared < 1 || a.heads%a.shared != 0 || a.k.Len() != a.batch*a.shared*a.keys*a.size || a.v.Len() != a.batch*a.shared*a.keys*a.width {
		return nil, fmt.Errorf("inputs Q %v, K %v and V %v, with %d and %d heads", a.q.Shape, a.k.Shape, a.v.Shape, a.heads, a.shared)
	}
	if a.scale = n.Float("scale"); !n.Has("scale") {
		a.scale = 1 / math.Sqrt(float64(a.size))
	}
	shape := []int{a.batch, a.heads, a.queries, a.width}
	if a.flat {
		shape = []int{a.batch, a.queries, a.heads * a.width}
	}
	var err error
	a.y, err = NewArray(a.q.Type, shape...)
	return a, err
}

// place returns where a row of a head lies.
func (a *attentionLayer) place(image, head, heads, row, rows, size int) int {
	if a.flat {
		return ((image*rows+row)*heads + head) * size
	}
	return ((image*heads+head)*rows + row) * size
}

// key and value return where those at a place begin, for a head of an image of keys.
func (a *attentionLayer) key(head, image, j int) int {
	return a.place(image, head/(a.heads/a.shared), a.shared, j, a.keys, a.size)
}

func (a *attentionLayer) value(head, image, j int) int {
	return a.place(image, head/(a.heads/a.shared), a.shared, j, a.keys, a.width)
}

// each calls f for every query of every head: with its scores, the weights that they become, and
// where its result lies.
func (a *attentionLayer) each(f func(query, scores, weights []float64, head int, at, image int)) error {
	var masked func(i int) int
	if a.mask != nil {
		full := []int{a.batch, a.heads, a.queries, a.keys}
		if b, err := Broadcast(a.mask.Shape, full); err != nil || product(b) != product(full) {
			return fmt.Errorf("the mask %v does not fit scores %v", a.mask.Shape, full)
		}
		masked = broadcastIndex(a.mask.Shape, full)
	}
	limit := a.n.Float("softcap")
	scores, weights := make([]float64, a.keys), make([]float64, a.keys)
	for image := range a.batch {
		for head := range a.heads {
			for row := range a.queries {
				query := a.q.F[a.place(image, head, a.heads, row, a.queries, a.size):][:a.size]
				largest, sum := math.Inf(-1), 0.0
				for j := range scores {
					s := 0.0
					for i, v := range query {
						s += v * a.k.F[a.key(head, image, j)+i]
					}
					s *= a.scale
					if limit > 0 {
						s = limit * math.Tanh(s/limit)
					}
					if masked != nil {
						switch at := masked(((image*a.heads+head)*a.queries+row)*a.keys + j); {
						case a.mask.float():
							s += a.mask.F[at]
						case a.mask.I[at] == 0:
							s = math.Inf(-1)
						}
					}
					if a.n.Int("is_causal") != 0 && j > row {
						s = math.Inf(-1)
					}
					scores[j] = s
					largest = math.Max(largest, s)
				}
				for j, s := range scores {
					weights[j] = math.Exp(s - largest)
					sum += weights[j]
				}
				for j := range weights {
					weights[j] /= sum
					if math.IsInf(largest, -1) { // nothing may be attended to
						weights[j] = 0
					}
				}
				f(query, scores, weights, head, a.place(image, head, a.heads, row, a.queries, a.width), image)
			}
		}
	}
	return nil
}
