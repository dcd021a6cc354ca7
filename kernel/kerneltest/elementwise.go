package kerneltest

import (
	"math/rand/v2"

	"alexctl/kernel"
)

// addElementwise adds programs of one step of every function, and the chains that networks have.
func addElementwise(r *rand.Rand, i int, add func(name string, c Case)) {
	dims := [3]int{1 + r.IntN(3), 1 + r.IntN(5), 1 + r.IntN(9)}
	if i%7 == 6 { // more than is computed at once
		dims = [3]int{1, 1, 1}
		dims[i/7%3] = 1100
	}
	full := kernel.Along{true, true, true}
	one := func(inputs []kernel.Along, fixed []float64, in []Input, steps ...kernel.Step) Case {
		return Case{kernel.Elementwise{Dims: dims, Inputs: inputs, Fixed: fixed, Steps: steps}, in}
	}
	for _, f := range []string{"Sigmoid", "Exp", "Erf", "Abs", "Softplus", "Softsign", "Sin", "Cos", "Expm1"} {
		add(f, one([]kernel.Along{full}, nil, []Input{within}, kernel.Step{Function: f}))
	}
	for _, f := range []string{"Sqrt", "Log", "Reciprocal"} {
		add(f, one([]kernel.Along{full}, nil, []Input{positive}, kernel.Step{Function: f}))
	}
	add("Tanh", one([]kernel.Along{full}, nil, []Input{normal}, kernel.Step{Function: "Tanh"}))
	add("Affine", one([]kernel.Along{full}, nil, []Input{normal}, kernel.Step{Function: kernel.AffineFunction, P: -0.7, Q: 0.3}))
	add("Clamp", one([]kernel.Along{full}, nil, []Input{within}, kernel.Step{Function: kernel.ClampFunction, P: -0.2578125, Q: 0.515625}))
	repeats := []kernel.Along{full, {false, false, true}, {true, false, true}, {true, true, false}, {true, false, false}, {false, true, true}, {false, true, false}, {}}
	other := repeats[i%len(repeats)]
	for _, f := range []string{"Add", "Sub", "Mul", "Div", "Pow"} {
		sides := []kernel.Along{full, other}
		if i%16 >= 8 {
			sides = []kernel.Along{other, full}
		}
		add(f, one(sides, nil, []Input{positive}, kernel.Step{Function: f, B: 1}))
	}
	add("Outer", one([]kernel.Along{{true, true, false}, {false, false, true}}, nil, []Input{normal}, kernel.Step{Function: "Mul", B: 1}))
	add("PowConstant", one([]kernel.Along{full}, []float64{2}, []Input{within}, kernel.Step{Function: "Pow", B: 1}))
	add("Residual", one([]kernel.Along{full, full, full}, nil, []Input{within},
		kernel.Step{Function: "Add", B: 1}, kernel.Step{Function: "Add", A: 3, B: 2}, kernel.Step{Function: kernel.ClampFunction, A: 4, P: -50, Q: 50}))
	add("SumThenErf", one([]kernel.Along{full, full}, nil, []Input{normal}, kernel.Step{Function: "Add", B: 1}, kernel.Step{Function: "Erf", A: 2}))
	long := one([]kernel.Along{full, {}, {false, false, true}}, nil, []Input{normal}, kernel.Step{Function: "Mul", B: 1}, kernel.Step{Function: "Add", A: 3, B: 2})
	if i == 5 { // rows that end in a narrow block
		s, _ := long.Spec.(kernel.Elementwise)
		s.Dims = [3]int{1, 2, 1300}
		long.Spec = s
	}
	add("Bias", long)
	add("Negative", one([]kernel.Along{full}, nil, []Input{within}, kernel.Step{Function: "Negative"}))
	add("HardSwish", one([]kernel.Along{full}, nil, []Input{within},
		kernel.Step{Function: kernel.AffineFunction, P: 1. / 6, Q: 0.5}, kernel.Step{Function: kernel.ClampFunction, A: 1, Q: 1}, kernel.Step{Function: "Mul", A: 0, B: 2}))
	add("SiLU", one([]kernel.Along{full}, nil, []Input{normal}, kernel.Step{Function: "Sigmoid"}, kernel.Step{Function: "Mul", A: 0, B: 1}))
	add("Gelu", one([]kernel.Along{full}, []float64{0.5}, []Input{normal},
		kernel.Step{Function: kernel.AffineFunction, P: 0.70710678}, kernel.Step{Function: "Erf", A: 2}, kernel.Step{Function: kernel.AffineFunction, A: 3, P: 1, Q: 1},
		kernel.Step{Function: "Mul", A: 0, B: 4}, kernel.Step{Function: "Mul", A: 5, B: 1}))
	add("Excitation", one([]kernel.Along{full, {true, false, true}}, nil, []Input{within},
		kernel.Step{Function: kernel.AffineFunction, A: 1, P: 0.2, Q: 0.5}, kernel.Step{Function: kernel.ClampFunction, A: 2, P: -9, Q: 9}, kernel.Step{Function: "Mul", A: 0, B: 3}))
}

// within draws numbers around zero that lie apart from it and from each other.
func within(r *rand.Rand, n int) []float64 {
	x := apart(r, n)
	most := 0.0
	for _, v := range x {
		most = max(most, v, -v)
	}
	for i := range x {
		x[i] *= 4 / most
	}
	return x
}
