package kernel

import (
	"math"

	"alexctl/kernel/vector"
)

// function is an elementwise function of one or two operands. Those that networks use most have
// loops in vectors; the others are given by their value and derivative.
type function struct {
	binary bool
	kind   kind
	// What the gradients read: by operand, a bit for each operand; and whether the result.
	uses  [2]uint
	usesY bool

	f, derivative func(x float64) float64 // of one operand, without a loop in vectors
}

type kind int

const (
	scalarKind kind = iota // by f and derivative
	addKind
	subKind
	mulKind
	divKind
	powKind
	affineKind
	clampKind
	sigmoidKind
	expKind
	erfKind
	sqrtKind
	tanhKind
	roundKind
)

const (
	readsA = 1 << iota
	readsB
)

// findFunction returns the function of a step, or nil.
func findFunction(name string) *function {
	if f, ok := functions[name]; ok {
		return &f
	}
	return nil
}

// functions has them by name: ONNX's operators, Affine and Clamp.
var functions = map[string]function{
	"Add":          {binary: true, kind: addKind},
	"Sub":          {binary: true, kind: subKind},
	"Mul":          {binary: true, kind: mulKind, uses: [2]uint{readsB, readsA}},
	"Div":          {binary: true, kind: divKind, uses: [2]uint{readsB, readsB}, usesY: true},
	"Pow":          {binary: true, kind: powKind, uses: [2]uint{readsA | readsB, readsA}, usesY: true},
	AffineFunction: {kind: affineKind},
	ClampFunction:  {kind: clampKind, usesY: true},
	"Sigmoid":      {kind: sigmoidKind, usesY: true},
	"Exp":          {kind: expKind, usesY: true},
	"Erf":          {kind: erfKind, uses: [2]uint{readsA}},
	"Sqrt":         {kind: sqrtKind, usesY: true},
	"Tanh":         {kind: tanhKind, usesY: true},
	"Round":        {kind: roundKind}, // with the gradient of the identity, as quantization is trained through
	"Abs": scalar(math.Abs, func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return 0
	}),
	// The part below zero, which torch.nn.LeakyReLU and its kin take the slope from at zero too.
	"Negative": scalar(func(x float64) float64 { return math.Min(x, 0) }, func(x float64) float64 {
		if x > 0 {
			return 0
		}
		return 1
	}),
	"Log":        scalar(math.Log, func(x float64) float64 { return 1 / x }),
	"Reciprocal": scalar(func(x float64) float64 { return 1 / x }, func(x float64) float64 { return -1 / (x * x) }),
	"Softplus": scalar(func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) },
		func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }),
	"Softsign": scalar(func(x float64) float64 { return x / (1 + math.Abs(x)) },
		func(x float64) float64 { return 1 / ((1 + math.Abs(x)) * (1 + math.Abs(x))) }),
	"Sin":   scalar(math.Sin, math.Cos),
	"Cos":   scalar(math.Cos, func(x float64) float64 { return -math.Sin(x) }),
	"Expm1": scalar(math.Expm1, math.Exp),
}

func scalar(f, derivative func(float64) float64) function {
	return function{f: f, derivative: derivative, uses: [2]uint{readsA}}
}

// arguments is what a function computes on: blocks of as many elements.
type arguments[T Float] struct {
	y, a, b []T
	p, q    T
	to      []T   // where a gradient goes
	room    [][]T // blocks to work in; the second may be to
}

// forward sets y.
func forward[T Float](f *function, x arguments[T]) {
	switch f.kind {
	case addKind:
		vector.Sum(x.y, x.a, x.b)
	case subKind:
		vector.Difference(x.y, x.a, x.b)
	case mulKind:
		vector.Times(x.y, x.a, x.b)
	case divKind:
		vector.Quotient(x.y, x.a, x.b)
	case powKind:
		for i, a := range x.a {
			x.y[i] = T(math.Pow(float64(a), float64(x.b[i])))
		}
	case affineKind:
		vector.Affine(x.y, x.a, x.p, x.q)
	case clampKind:
		vector.Clamp(x.y, x.a, x.p, x.q)
	case sigmoidKind:
		vector.Sigmoid(x.y, x.a)
	case expKind:
		vector.Exp(x.y, x.a)
	case erfKind:
		vector.Erf(x.y, x.a)
	case sqrtKind:
		vector.Root(x.y, x.a)
	case roundKind:
		vector.RoundEven(x.y, x.a)
	case tanhKind:
		for i, a := range x.a {
			x.y[i] = T(math.Tanh(float64(a)))
		}
	case scalarKind:
		for i, a := range x.a {
			x.y[i] = T(f.f(float64(a)))
		}
	}
}

// backward makes x.to the gradient of an operand, 0 or 1, from that of the result, up.
func backward[T Float](f *function, operand int, up []T, x arguments[T]) {
	to := x.to
	work := x.room[0][:len(up)]
	switch f.kind {
	case addKind, roundKind:
		copy(to, up)
	case subKind:
		vector.Affine(to, up, 1-2*T(operand), 0)
	case mulKind:
		vector.Times(to, up, [][]T{x.b, x.a}[operand])
	case divKind:
		vector.Quotient(to, up, x.b)
		if operand == 1 {
			vector.Times(to, to, x.y)
			vector.Affine(to, to, -1, 0)
		}
	case powKind:
		powGradient(operand, up, x)
	case affineKind:
		vector.Affine(to, up, x.p, 0)
	case clampKind:
		vector.Between(to, up, x.y, x.p, x.q)
	case sigmoidKind: // y (1 - y)
		vector.Affine(work, x.y, -1, 1)
		vector.Times(work, work, x.y)
		vector.Times(to, up, work)
	case expKind:
		vector.Times(to, up, x.y)
	case erfKind: // 2 / sqrt(pi) exp(-x^2)
		vector.Times(work, x.a, x.a)
		vector.Affine(work, work, -1, 0)
		vector.Exp(work, work)
		vector.Affine(work, work, 2/T(math.Sqrt(math.Pi)), 0)
		vector.Times(to, up, work)
	case sqrtKind:
		vector.Affine(work, x.y, 2, 0)
		vector.Quotient(to, up, work)
	case tanhKind: // 1 - y^2
		vector.Times(work, x.y, x.y)
		vector.Affine(work, work, -1, 1)
		vector.Times(to, up, work)
	case scalarKind:
		for i, a := range x.a {
			to[i] = T(float64(up[i]) * f.derivative(float64(a)))
		}
	}
}

func powGradient[T Float](operand int, up []T, x arguments[T]) {
	for i, a := range x.a {
		base, exponent := float64(a), float64(x.b[i])
		d := exponent * math.Pow(base, exponent-1)
		if operand == 1 {
			d = float64(x.y[i]) * math.Log(base)
		}
		if base == 0 && (operand == 1 && exponent >= 0 || operand == 0 && exponent == 0) {
			d = 0 // as torch.pow has it
		}
		x.to[i] = T(float64(up[i]) * d)
	}
}
