package train

import (
	"fmt"
	"math"

	"alexctl/internal/table"
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

// OptimizerKind is an optimizer that a recipe can name, with the learning rate and the weight
// decay that it usually has. A new one is a row in Optimizers, and its update.
type OptimizerKind struct {
	Name            string
	LR, WeightDecay float64

	nesterov  bool // the momentum is applied to the gradient too
	moments   bool // it divides by second moments, as Adam does
	decoupled bool // the decay is not a part of the gradient (Loshchilov and Hutter 2019)
}

// Optimizers returns them, the plainest first.
func Optimizers() []OptimizerKind {
	return []OptimizerKind{
		{Name: "sgd", LR: 0.01, WeightDecay: 5e-4},
		{Name: "nesterov", LR: 0.05, WeightDecay: 5e-4, nesterov: true},
		{Name: "adam", LR: 5e-4, moments: true},
		{Name: "adamw", LR: 1e-3, WeightDecay: 0.01, moments: true, decoupled: true},
	}
}

// Title returns the name.
func (k OptimizerKind) Title() string { return k.Name }

// Optimizer updates parameters from their gradients, each in one pass. sgd and
// nesterov equal torch.optim.SGD, adam and adamw torch.optim.Adam and AdamW, with
// their defaults.
type Optimizer[T kernel.Float] struct {
	kind     OptimizerKind
	momentum float64
	decay    float64
	clip     float64
	pool     kernel.Pool
	params   []*gorgonia.Parameter[T]
	blocks   []block
	steps    int     // updates so far
	rate     float64 // of the one that has begun
	update   func(block, []T)
	sums     []float64 // by worker: of the squares of gradients
	// first holds the velocities of sgd and the first moments of adam, second the
	// second moments.
	first, second [][]T
}

// block is a part of a parameter that stays in the first caches while it is updated.
type block struct{ param, lo, hi int }

const blockElements = 4096

// NewOptimizer returns an optimizer of the parameters that computes on a pool.
func NewOptimizer[T kernel.Float](c Config, params []*gorgonia.Parameter[T], p kernel.Pool) *Optimizer[T] {
	kind, _ := table.Find(Optimizers(), "optimizer", c.Optimizer) // Check has seen it
	o := &Optimizer[T]{
		kind: kind, momentum: c.Momentum, decay: c.WeightDecay, clip: c.Clip,
		pool: p, params: params, sums: make([]float64, p.Size()),
	}
	for i, p := range params {
		o.first = append(o.first, make([]T, len(p.Data)))
		if o.kind.moments {
			o.second = append(o.second, make([]T, len(p.Data)))
		}
		for lo := 0; lo < len(p.Data); lo += blockElements {
			o.blocks = append(o.blocks, block{i, lo, min(lo+blockElements, len(p.Data))})
		}
	}
	return o
}

// Begin begins an update of the parameters with a learning rate. Between it and End,
// Take may be given parts of gradients as they are made.
func (o *Optimizer[T]) Begin(rate float64) {
	o.steps++
	o.rate = rate
	o.prepare(1)
	clear(o.sums)
}

// prepare makes update change parameters by gradients times scale.
func (o *Optimizer[T]) prepare(scale float64) {
	o.update = o.sgd(scale)
	if o.kind.moments {
		o.update = o.adam(scale)
	}
}

// Streams reports whether the optimizer can take parts of gradients: with a clip it must
// see all of them first.
func (o *Optimizer[T]) Streams() bool { return o.clip == 0 }

// Take updates the elements from lo on of a parameter. Each worker of the pool may call
// it at the same time, for parts that do not overlap.
func (o *Optimizer[T]) Take(worker, param, lo int, part []T) {
	for len(part) > 0 {
		n := min(len(part), blockElements)
		o.sums[worker] += o.apply(block{param, lo, lo + n}, part[:n])
		part, lo = part[n:], lo+n
	}
}

// apply updates a block and returns the sum of the squares of its gradient. Where that is
// no finite number, the block stays as it is.
func (o *Optimizer[T]) apply(b block, g []T) float64 {
	sum := vector.SquareSum(g)
	if finite(sum) {
		o.update(b, g)
	}
	return sum
}

// End updates the parameters that were not taken in parts, those with a gradient, and
// returns the Euclidean norm of all gradients together. Where that is larger than the
// clip, the gradients are scaled down to it, as by torch.nn.utils.clip_grad_norm_. Where
// it is no finite number, the gradients that are not finite have changed nothing, and,
// with a clip, none has.
func (o *Optimizer[T]) End(grads [][]T) (norm float64, err error) {
	if len(grads) != len(o.params) {
		return 0, fmt.Errorf("%d gradients for %d parameters", len(grads), len(o.params))
	}
	for i, p := range o.params {
		if grads[i] != nil && len(grads[i]) != len(p.Data) {
			return 0, fmt.Errorf("parameter %s has %d elements, its gradient %d", p.Name, len(p.Data), len(grads[i]))
		}
	}
	if o.clip == 0 {
		return o.sum(grads, o.apply), nil
	}
	norm = o.sum(grads, func(_ block, g []T) float64 { return vector.SquareSum(g) })
	if !finite(norm) {
		return norm, nil
	}
	o.prepare(min(1, o.clip/(norm+1e-6)))
	o.sum(grads, o.apply)
	return norm, nil
}

// sum calls f for all blocks that have a gradient and returns the root of what it and the
// parts that were taken sum up to.
func (o *Optimizer[T]) sum(grads [][]T, f func(block, []T) float64) float64 {
	o.pool.Run(len(o.blocks), func(worker, lo, hi int) {
		total := 0.0
		for _, b := range o.blocks[lo:hi] {
			if g := grads[b.param]; g != nil {
				total += f(b, g[b.lo:b.hi])
			}
		}
		o.sums[worker] += total
	})
	total := 0.0
	for _, s := range o.sums {
		total += s
	}
	clear(o.sums)
	return math.Sqrt(total)
}

func (o *Optimizer[T]) sgd(scale float64) func(b block, g []T) {
	s := vector.SGD{Scale: scale, Decay: o.decay, Momentum: o.momentum, Rate: o.rate, Nesterov: o.kind.nesterov}
	return func(b block, g []T) {
		vector.UpdateSGD(s, o.params[b.param].Data[b.lo:b.hi], g, o.first[b.param][b.lo:b.hi])
	}
}

func (o *Optimizer[T]) adam(scale float64) func(b block, g []T) {
	a := vector.Adam{
		Scale: scale, Decay: o.decay, Keep: 1, Beta1: beta1, Beta2: beta2, Epsilon: epsilon,
		Rate: o.rate / (1 - math.Pow(beta1, float64(o.steps))),
		Root: 1 / math.Sqrt(1-math.Pow(beta2, float64(o.steps))),
	}
	if o.kind.decoupled {
		a.Keep, a.Decay = 1-o.rate*o.decay, 0
	}
	return func(b block, g []T) {
		vector.UpdateAdam(a, o.params[b.param].Data[b.lo:b.hi], g, o.first[b.param][b.lo:b.hi], o.second[b.param][b.lo:b.hi])
	}
}
