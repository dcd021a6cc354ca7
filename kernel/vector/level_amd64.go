package vector

import "golang.org/x/sys/cpu"

// lanes is how many numbers of float32 a vector has here; 0 without vectors.
var lanes = width()

func width() int {
	switch {
	case !cpu.X86.HasAVX2 || !cpu.X86.HasFMA:
		return 0
	case cpu.X86.HasAVX512F:
		return 16
	}
	return 8
}

func rectify(y []float32) {
	if lanes == 16 {
		rectify512(y)
	} else {
		rectify256(y)
	}
}

func add(y, x []float32) {
	if lanes == 16 {
		add512(y, x)
	} else {
		add256(y, x)
	}
}

func addRectify(y, x []float32) {
	if lanes == 16 {
		addRectify512(y, x)
	} else {
		addRectify256(y, x)
	}
}

func square(y, x []float32) {
	if lanes == 16 {
		square512(y, x)
	} else {
		square256(y, x)
	}
}

func mask(to, dy, y []float32) {
	if lanes == 16 {
		mask512(to, dy, y)
	} else {
		mask256(to, dy, y)
	}
}

func widenAdd(x []float32, sum []float64) {
	if lanes == 16 {
		widenAdd512(x, sum)
	} else {
		widenAdd256(x, sum)
	}
}

func squareSum(x []float32, sums []float64) {
	if lanes == 16 {
		squareSum512(x, sums)
	} else {
		squareSum256(x, sums)
	}
}

func sgd(nesterov bool, w, g, u []float32, scale, decay, momentum, rate float32) {
	switch {
	case lanes == 16 && nesterov:
		nesterov512(w, g, u, scale, decay, momentum, rate)
	case lanes == 16:
		sgd512(w, g, u, scale, decay, momentum, rate)
	case nesterov:
		nesterov256(w, g, u, scale, decay, momentum, rate)
	default:
		sgd256(w, g, u, scale, decay, momentum, rate)
	}
}

func adam(w, g, m, s []float32, scale, decay, keep, b1, rest1, b2, rest2, rate, root, epsilon float32) {
	if lanes == 16 {
		adam512(w, g, m, s, scale, decay, keep, b1, rest1, b2, rest2, rate, root, epsilon)
	} else {
		adam256(w, g, m, s, scale, decay, keep, b1, rest1, b2, rest2, rate, root, epsilon)
	}
}

func maxPool(y, x []float32, at []int32) {
	if lanes == 16 {
		maxPool512(y, x, at)
	} else {
		maxPool256(y, x, at)
	}
}

func maxPoolGradient(dy, y, dx, x []float32, at []int32) {
	if lanes == 16 {
		maxPoolGradient512(dy, y, dx, x, at)
	} else {
		maxPoolGradient256(dy, y, dx, x, at)
	}
}

func lrn(y, x, square []float32, size int, alpha, bias float32) {
	if lanes == 16 {
		lrn512(y, x, square, size, alpha, bias)
	} else {
		lrn256(y, x, square, size, alpha, bias)
	}
}

func lrnGradient(term, power, dy, y, square []float32, size int, alpha, bias float32) {
	if lanes == 16 {
		lrnGradient512(term, power, dy, y, square, size, alpha, bias)
	} else {
		lrnGradient256(term, power, dy, y, square, size, alpha, bias)
	}
}

func lrnFinish(dx, dy, power, x, term []float32, size int, factor float32) {
	if lanes == 16 {
		lrnFinish512(dx, dy, power, x, term, size, factor)
	} else {
		lrnFinish256(dx, dy, power, x, term, size, factor)
	}
}

func dots(sum, w, x []float64) {
	if lanes == 16 {
		dots512(sum, w, x)
	} else {
		dots256(sum, w, x)
	}
}

func tallies(sum, square, peak, w, x []float64) {
	if lanes == 16 {
		tallies512(sum, square, peak, w, x)
	} else {
		tallies256(sum, square, peak, w, x)
	}
}

func transform(t Transform, dst, src []float32, to, from []int, n int) {
	switch wide := lanes == 16; t {
	case Transform{Input, 3}:
		if wide {
			input3512(dst, src, to, from, n)
		} else {
			input3256(dst, src, to, from, n)
		}
	case Transform{Output, 3}:
		if wide {
			output3512(dst, src, to, from, n)
		} else {
			output3256(dst, src, to, from, n)
		}
	case Transform{OutputAdjoint, 3}:
		if wide {
			output3Adjoint512(dst, src, to, from, n)
		} else {
			output3Adjoint256(dst, src, to, from, n)
		}
	case Transform{Filter, 3}:
		if wide {
			filter3512(dst, src, to, from, n)
		} else {
			filter3256(dst, src, to, from, n)
		}
	case Transform{FilterAdjoint, 3}:
		if wide {
			filter3Adjoint512(dst, src, to, from, n)
		} else {
			filter3Adjoint256(dst, src, to, from, n)
		}
	case Transform{Input, 5}:
		if wide {
			input5512(dst, src, to, from, n)
		} else {
			input5256(dst, src, to, from, n)
		}
	case Transform{Output, 5}:
		if wide {
			output5512(dst, src, to, from, n)
		} else {
			output5256(dst, src, to, from, n)
		}
	case Transform{OutputAdjoint, 5}:
		if wide {
			output5Adjoint512(dst, src, to, from, n)
		} else {
			output5Adjoint256(dst, src, to, from, n)
		}
	case Transform{Filter, 5}:
		if wide {
			filter5512(dst, src, to, from, n)
		} else {
			filter5256(dst, src, to, from, n)
		}
	case Transform{FilterAdjoint, 5}:
		if wide {
			filter5Adjoint512(dst, src, to, from, n)
		} else {
			filter5Adjoint256(dst, src, to, from, n)
		}
	}
}
