package kernel

import (
	"fmt"
	"math"
)

// Unary is an operator on each of N elements by itself.
type Unary struct {
	N        int
	Function string  // Relu, Sigmoid, Tanh, Sqrt, Clip or Identity
	Min, Max float64 // of Clip
}

// Sizes returns the elements of x and y.
func (s Unary) Sizes() (in []int, out int) { return []int{s.N}, s.N }

// Differentiable is true.
func (s Unary) Differentiable(int) bool { return true }

// Check reports a function that is not known.
func (s Unary) Check() error {
	if unaryFunctions[float64](s) == nil {
		return fmt.Errorf("no kernel for the function %q", s.Function)
	}
	return nil
}

// function is f and its derivative, given x and y = f(x).
type function[T Float] struct {
	f          func(x T) T
	derivative func(x, y T) T
}

// unaryFunctions returns the function that s names, or nil.
func unaryFunctions[T Float](s Unary) *function[T] {
	step := func(inside bool) T {
		if inside {
			return 1
		}
		return 0
	}
	switch s.Function {
	case "Relu":
		return &function[T]{
			func(x T) T { return max(x, 0) },
			func(_, y T) T { return step(y > 0) },
		}
	case "Identity":
		return &function[T]{func(x T) T { return x }, func(_, _ T) T { return 1 }}
	case "Sigmoid":
		return &function[T]{
			func(x T) T { return T(1 / (1 + math.Exp(-float64(x)))) },
			func(_, y T) T { return y * (1 - y) },
		}
	case "Tanh":
		return &function[T]{
			func(x T) T { return T(math.Tanh(float64(x))) },
			func(_, y T) T { return 1 - y*y },
		}
	case "Sqrt":
		return &function[T]{
			func(x T) T { return T(math.Sqrt(float64(x))) },
			func(_, y T) T { return 0.5 / y },
		}
	case "Clip":
		lo, hi := T(s.Min), T(s.Max)
		return &function[T]{
			func(x T) T { return min(max(x, lo), hi) },
			func(x, _ T) T { return step(x >= lo && x <= hi) },
		}
	}
	return nil
}

type unary[T Float] struct {
	Unary
	function[T]
	workers workers
}

func newUnary[T Float](s Unary, k workers) *unary[T] {
	return &unary[T]{s, *unaryFunctions[T](s), k}
}

func (u *unary[T]) Forward(y []T, in ...[]T) {
	x := in[0]
	u.workers.elements(u.N, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y[i] = u.f(x[i])
		}
	})
}

func (u *unary[T]) Backward(_ int, dx, dy, y []T, in ...[]T) {
	x := in[0]
	u.workers.elements(u.N, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			dx[i] = dy[i] * u.derivative(x[i], y[i])
		}
	})
}

// Binary is an arithmetic operator on two inputs that broadcast to N elements.
type Binary struct {
	N        int
	Operator string // Add, Sub, Mul, Div or Pow
	// A and B say which element of each input belongs to each of the output; nil
	// where it is the one in the same place.
	A, B         []int32
	ASize, BSize int
	BConstant    bool // b has no gradient: a negative base of Pow then has one
}

// Sizes returns the elements of a, b and y.
func (s Binary) Sizes() (in []int, out int) { return []int{s.ASize, s.BSize}, s.N }

// Differentiable is true, for b unless it is constant.
func (s Binary) Differentiable(i int) bool { return i == 0 || !s.BConstant }

// Check reports indices that do not fit.
func (s Binary) Check() error {
	if binaryOperators[float64](s.Operator) == nil {
		return fmt.Errorf("no kernel for the operator %q", s.Operator)
	}
	for _, x := range []struct {
		index []int32
		size  int
	}{{s.A, s.ASize}, {s.B, s.BSize}} {
		if x.index == nil && x.size != s.N || x.index != nil && len(x.index) != s.N {
			return fmt.Errorf("an input of %d elements for an output of %d", x.size, s.N)
		}
		if err := checkIndex(x.index, x.size); err != nil {
			return err
		}
	}
	return nil
}

func checkIndex(index []int32, size int) error {
	for _, i := range index {
		if i < 0 || int(i) >= size {
			return fmt.Errorf("element %d of %d", i, size)
		}
	}
	return nil
}

// operator is f(a, b) and its two derivatives, given y = f(a, b).
type operator[T Float] struct {
	f  func(a, b T) T
	da func(a, b, y T) T
	db func(a, b, y T) T
}

func binaryOperators[T Float](name string) *operator[T] {
	one := func(_, _, _ T) T { return 1 }
	switch name {
	case "Add":
		return &operator[T]{func(a, b T) T { return a + b }, one, one}
	case "Sub":
		return &operator[T]{func(a, b T) T { return a - b }, one, func(_, _, _ T) T { return -1 }}
	case "Mul":
		return &operator[T]{
			func(a, b T) T { return a * b },
			func(_, b, _ T) T { return b },
			func(a, _, _ T) T { return a },
		}
	case "Div":
		return &operator[T]{
			func(a, b T) T { return a / b },
			func(_, b, _ T) T { return 1 / b },
			func(_, b, y T) T { return -y / b },
		}
	case "Pow":
		pow := func(a, b T) T { return T(math.Pow(float64(a), float64(b))) }
		return &operator[T]{
			pow,
			func(a, b, _ T) T { return b * pow(a, b-1) },
			func(a, _, y T) T { return y * T(math.Log(float64(a))) },
		}
	}
	return nil
}

type binary[T Float] struct {
	Binary
	operator[T]
	workers workers
	sum     []float64 // of a gradient that is shared
}

func newBinary[T Float](s Binary, k workers) *binary[T] {
	return &binary[T]{Binary: s, operator: *binaryOperators[T](s.Operator), workers: k}
}

func at(index []int32, i int) int {
	if index == nil {
		return i
	}
	return int(index[i])
}

func (p *binary[T]) Forward(y []T, in ...[]T) {
	a, b := in[0], in[1]
	p.workers.elements(p.N, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y[i] = p.f(a[at(p.A, i)], b[at(p.B, i)])
		}
	})
}

func (p *binary[T]) Backward(input int, dx, dy, y []T, in ...[]T) {
	a, b := in[0], in[1]
	index, derivative := p.A, p.da
	if input == 1 {
		index, derivative = p.B, p.db
	}
	if index == nil {
		p.workers.elements(p.N, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				dx[i] = dy[i] * derivative(a[at(p.A, i)], b[at(p.B, i)], y[i])
			}
		})
		return
	}
	// Several elements of the output share one of the input: one goroutine adds
	// them, in float64, because a bias may be shared by very many.
	exact := binaryOperators[float64](p.Operator)
	wide := exact.da
	if input == 1 {
		wide = exact.db
	}
	p.sum = grow(p.sum, len(dx))
	clear(p.sum)
	for i := range p.N {
		p.sum[index[i]] += float64(dy[i]) * wide(float64(a[at(p.A, i)]), float64(b[at(p.B, i)]), float64(y[i]))
	}
	for i, v := range p.sum {
		dx[i] = T(v)
	}
}
