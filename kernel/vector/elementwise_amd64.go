package vector

// The loops over numbers by themselves, for the vectors of this processor.

func sumOf(y []float32, a []float32, b []float32) {
	if lanes == 16 {
		sum512(y, a, b)
	} else {
		sum256(y, a, b)
	}
}

func differenceOf(y []float32, a []float32, b []float32) {
	if lanes == 16 {
		difference512(y, a, b)
	} else {
		difference256(y, a, b)
	}
}

func timesOf(y []float32, a []float32, b []float32) {
	if lanes == 16 {
		times512(y, a, b)
	} else {
		times256(y, a, b)
	}
}

func quotientOf(y []float32, a []float32, b []float32) {
	if lanes == 16 {
		quotient512(y, a, b)
	} else {
		quotient256(y, a, b)
	}
}

func addTimes(y []float32, a []float32, b []float32) {
	if lanes == 16 {
		addTimes512(y, a, b)
	} else {
		addTimes256(y, a, b)
	}
}

func affine(y []float32, x []float32, p float32, q float32) {
	if lanes == 16 {
		affine512(y, x, p, q)
	} else {
		affine256(y, x, p, q)
	}
}

func clamp(y []float32, x []float32, lo float32, hi float32) {
	if lanes == 16 {
		clamp512(y, x, lo, hi)
	} else {
		clamp256(y, x, lo, hi)
	}
}

func between(to []float32, dy []float32, y []float32, lo float32, hi float32) {
	if lanes == 16 {
		between512(to, dy, y, lo, hi)
	} else {
		between256(to, dy, y, lo, hi)
	}
}

func root(y []float32, x []float32) {
	if lanes == 16 {
		root512(y, x)
	} else {
		root256(y, x)
	}
}

func roundEven(y []float32, x []float32) {
	if lanes == 16 {
		roundEven512(y, x)
	} else {
		roundEven256(y, x)
	}
}

func expOf(y []float32, x []float32) {
	if lanes == 16 {
		exp512(y, x)
	} else {
		exp256(y, x)
	}
}

func sigmoid(y []float32, x []float32) {
	if lanes == 16 {
		sigmoid512(y, x)
	} else {
		sigmoid256(y, x)
	}
}

func erfOf(y []float32, x []float32) {
	if lanes == 16 {
		erf512(y, x)
	} else {
		erf256(y, x)
	}
}

func moments(x []float32, shift []float64, sum []float64, square []float64) {
	if lanes == 16 {
		moments512(x, shift, sum, square)
	} else {
		moments256(x, shift, sum, square)
	}
}

func comoments(dy []float32, x []float32, shift []float64, sum []float64, product []float64) {
	if lanes == 16 {
		comoments512(dy, x, shift, sum, product)
	} else {
		comoments256(dy, x, shift, sum, product)
	}
}

func standardize(y []float32, x []float32, mean []float32, scale []float32, bias []float32) {
	if lanes == 16 {
		standardize512(y, x, mean, scale, bias)
	} else {
		standardize256(y, x, mean, scale, bias)
	}
}

func standardizeGradient(dx []float32, dy []float32, x []float32, mean []float32, scale []float32, offset []float32, slope []float32) {
	if lanes == 16 {
		standardizeGradient512(dx, dy, x, mean, scale, offset, slope)
	} else {
		standardizeGradient256(dx, dy, x, mean, scale, offset, slope)
	}
}

func addTaps(y []float32, x []float32, w []float32, at []int32, under []int32) {
	if lanes == 16 {
		addTaps512(y, x, w, at, under)
	} else {
		addTaps256(y, x, w, at, under)
	}
}

func addTapProducts(dy []float32, x []float32, dw []float32, at []int32, under []int32) {
	if lanes == 16 {
		addTapProducts512(dy, x, dw, at, under)
	} else {
		addTapProducts256(dy, x, dw, at, under)
	}
}
