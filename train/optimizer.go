package train

import (
	"fmt"
	"math"

	"alexctl/kernel"
	"alexctl/kernel/vector"
	"alexctl/runtime/gorgonia"
)

// Moments of adam and adamw, and what keeps them from dividing by zero.
const (
	beta1   = 0.9
	beta2   = 0.999
	epsilon = 1e-8
)

// Optimizer updates parameters from their gradients, each in one pass. sgd and
// nesterov equal torch.optim.SGD, adam and adamw torch.optim.Adam and AdamW, with
// their defaults.
type Optimizer[T kernel.Float] struct {
	kind     string
	momentum float64
	decay    float64
	clip     float64
	pool     kernel.Pool
	params   []*gorgonia.Parameter[T]
	blocks   []block
	sums     []float64 // by worker: of the squares of gradients
	steps    int       // updates so far
	// first holds the velocities of sgd and the first moments of adam, second the
	// second moments.
	first, second [][]T
}

// block is a part of a parameter that stays in the first caches while it is updated.
type block struct{ param, lo, hi int }

const blockElements = 4096

// NewOptimizer returns an optimizer of the parameters that computes on a pool.
func NewOptimizer[T kernel.Float](c Config, params []*gorgonia.Parameter[T], p kernel.Pool) *Optimizer[T] {
	o := &Optimizer[T]{
		kind: c.Optimizer, momentum: c.Momentum, decay: c.WeightDecay, clip: c.Clip,
		pool: p, params: params, sums: make([]float64, p.Size()),
	}
	for i, p := range params {
		o.first = append(o.first, make([]T, len(p.Data)))
		if o.adaptive() {
			o.second = append(o.second, make([]T, len(p.Data)))
		}
		for lo := 0; lo < len(p.Data); lo += blockElements {
			o.blocks = append(o.blocks, block{i, lo, min(lo+blockElements, len(p.Data))})
		}
	}
	return o
}

func (o *Optimizer[T]) adaptive() bool { return o.kind == "adam" || o.kind == "adamw" }

// Update changes the parameters by their gradients and returns the Euclidean norm of all
// gradients together. Where that is larger than the clip, the gradients are scaled down to
// it, as by torch.nn.utils.clip_grad_norm_. Where it is no finite number, the gradients
// that are not finite have changed nothing, and, with a clip, none has.
func (o *Optimizer[T]) Update(grads [][]T, rate float64) (norm float64, err error) {
	if len(grads) != len(o.params) {
		return 0, fmt.Errorf("%d gradients for %d parameters", len(grads), len(o.params))
	}
	for i, p := range o.params {
		if len(grads[i]) != len(p.Data) {
			return 0, fmt.Errorf("parameter %s has %d elements, its gradient %d", p.Name, len(p.Data), len(grads[i]))
		}
	}
	scale := 1.0
	if o.clip > 0 {
		norm = o.norm(grads, func(block) {})
		if math.IsNaN(norm) || math.IsInf(norm, 0) {
			return norm, nil
		}
		scale = min(1, o.clip/(norm+1e-6))
	}
	o.steps++
	update := o.sgd(scale, rate)
	if o.adaptive() {
		update = o.adam(scale, rate)
	}
	all := o.norm(grads, func(b block) { update(b, grads[b.param][b.lo:b.hi]) })
	if o.clip == 0 {
		norm = all
	}
	return norm, nil
}

// norm returns the norm of the gradients and, of each block whose gradients are finite,
// calls f when they have just been read.
func (o *Optimizer[T]) norm(grads [][]T, f func(block)) float64 {
	clear(o.sums)
	o.pool.Run(len(o.blocks), func(worker, lo, hi int) {
		total := 0.0
		for _, b := range o.blocks[lo:hi] {
			sum := vector.SquareSum(grads[b.param][b.lo:b.hi])
			total += sum
			if !math.IsNaN(sum) && !math.IsInf(sum, 0) {
				f(b)
			}
		}
		o.sums[worker] = total
	})
	total := 0.0
	for _, s := range o.sums {
		total += s
	}
	return math.Sqrt(total)
}

func (o *Optimizer[T]) sgd(scale, rate float64) func(b block, g []T) {
	s := vector.SGD{Scale: scale, Decay: o.decay, Momentum: o.momentum, Rate: rate, Nesterov: o.kind == "nesterov"}
	return func(b block, g []T) {
		vector.UpdateSGD(s, o.params[b.param].Data[b.lo:b.hi], g, o.first[b.param][b.lo:b.hi])
	}
}

func (o *Optimizer[T]) adam(scale, rate float64) func(b block, g []T) {
	a := vector.Adam{
		Scale: scale, Decay: o.decay, Keep: 1, Beta1: beta1, Beta2: beta2, Epsilon: epsilon,
		Rate: rate / (1 - math.Pow(beta1, float64(o.steps))),
		Root: 1 / math.Sqrt(1-math.Pow(beta2, float64(o.steps))),
	}
	if o.kind == "adamw" {
		a.Keep, a.Decay = 1-rate*o.decay, 0
	}
	return func(b block, g []T) {
		vector.UpdateAdam(a, o.params[b.param].Data[b.lo:b.hi], g, o.first[b.param][b.lo:b.hi], o.second[b.param][b.lo:b.hi])
	}
}
