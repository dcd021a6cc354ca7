package train

import (
	"fmt"
	"math"

	"alexctl/kernel"
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
	threads  int
	params   []*gorgonia.Parameter[T]
	steps    int // updates so far
	// first holds the velocities of sgd and the first moments of adam, second the
	// second moments.
	first, second [][]T
}

// NewOptimizer returns an optimizer of the parameters.
func NewOptimizer[T kernel.Float](c Config, params []*gorgonia.Parameter[T]) *Optimizer[T] {
	o := &Optimizer[T]{kind: c.Optimizer, momentum: c.Momentum, decay: c.WeightDecay, clip: c.Clip, threads: max(1, c.Threads), params: params}
	for _, p := range params {
		o.first = append(o.first, make([]T, len(p.Data)))
		if o.adaptive() {
			o.second = append(o.second, make([]T, len(p.Data)))
		}
	}
	return o
}

func (o *Optimizer[T]) adaptive() bool { return o.kind == "adam" || o.kind == "adamw" }

// Norm returns the Euclidean norm of all gradients together.
func (o *Optimizer[T]) Norm(grads [][]T) float64 {
	sums := make([]float64, o.threads)
	for _, g := range grads {
		kernel.Parallel(o.threads, len(g), func(worker, lo, hi int) {
			sum := 0.0
			for _, v := range g[lo:hi] {
				sum += float64(v) * float64(v)
			}
			sums[worker] += sum
		})
	}
	total := 0.0
	for _, s := range sums {
		total += s
	}
	return math.Sqrt(total)
}

// Update changes the parameters by their gradients, whose norm is given: where it is
// larger than the clip, the gradients are scaled down to that, as by
// torch.nn.utils.clip_grad_norm_.
func (o *Optimizer[T]) Update(grads [][]T, norm, rate float64) error {
	if len(grads) != len(o.params) {
		return fmt.Errorf("%d gradients for %d parameters", len(grads), len(o.params))
	}
	o.steps++
	scale := T(1)
	if o.clip > 0 {
		scale = T(min(1, o.clip/(norm+1e-6)))
	}
	for i, p := range o.params {
		if len(grads[i]) != len(p.Data) {
			return fmt.Errorf("parameter %s has %d elements, its gradient %d", p.Name, len(p.Data), len(grads[i]))
		}
		kernel.Parallel(o.threads, len(p.Data), func(_, lo, hi int) {
			w, g, m := p.Data[lo:hi], grads[i][lo:hi], o.first[i][lo:hi]
			if o.adaptive() {
				o.adam(w, g, m, o.second[i][lo:hi], scale, rate)
			} else {
				o.sgd(w, g, m, scale, rate)
			}
		})
	}
	return nil
}

func (o *Optimizer[T]) sgd(w, g, velocity []T, scale T, rate float64) {
	momentum, decay, lr := T(o.momentum), T(o.decay), T(rate)
	nesterov := o.kind == "nesterov"
	for i, v := range g {
		v = v*scale + decay*w[i]
		u := v
		if o.momentum > 0 {
			if o.steps > 1 {
				u = momentum*velocity[i] + v
			}
			velocity[i] = u
			if nesterov {
				u = v + momentum*u
			}
		}
		w[i] -= lr * u
	}
}

func (o *Optimizer[T]) adam(w, g, m, v []T, scale T, rate float64) {
	correct1 := 1 - math.Pow(beta1, float64(o.steps))
	correct2 := math.Sqrt(1 - math.Pow(beta2, float64(o.steps)))
	lr, root := T(rate/correct1), T(1/correct2)
	keep, decay := T(1), T(o.decay)
	if o.kind == "adamw" {
		keep, decay = T(1-rate*o.decay), 0
	}
	b1, b2, rest1, rest2 := T(beta1), T(beta2), T(1-beta1), T(1-beta2)
	for i, x := range g {
		x = x*scale + decay*w[i]
		m[i] = b1*m[i] + rest1*x
		v[i] = b2*v[i] + rest2*x*x
		w[i] = w[i]*keep - lr*m[i]/(T(math.Sqrt(float64(v[i])))*root+epsilon)
	}
}
