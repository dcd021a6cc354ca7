package vector

// Moments adds x - shift to sum and its square to square, in float64.
func Moments[T number](x []T, shift, sum, square []float64) {
	n := whole[T](len(x))
	shift, sum, square = shift[:len(x)], sum[:len(x)], square[:len(x)]
	if n > 0 {
		moments(as32(x[:n]), shift, sum, square)
	}
	for i := n; i < len(x); i++ {
		d := float64(x[i]) - shift[i]
		sum[i] += d
		square[i] += float64(d * d)
	}
}

// Comoments adds dy to sum and dy (x - shift) to product, in float64.
func Comoments[T number](dy, x []T, shift, sum, product []float64) {
	n := whole[T](len(dy))
	x, shift, sum, product = x[:len(dy)], shift[:len(dy)], sum[:len(dy)], product[:len(dy)]
	if n > 0 {
		comoments(as32(dy[:n]), as32(x[:n]), shift, sum, product)
	}
	for i := n; i < len(dy); i++ {
		d := float64(x[i]) - shift[i]
		sum[i] += float64(dy[i])
		product[i] += float64(float64(dy[i]) * d)
	}
}

// Standardize sets y to (x - mean) scale + bias.
func Standardize[T number](y, x, mean, scale, bias []T) {
	n := whole[T](len(y))
	x, mean, scale, bias = x[:len(y)], mean[:len(y)], scale[:len(y)], bias[:len(y)]
	if n > 0 {
		standardize(as32(y[:n]), as32(x[:n]), as32(mean[:n]), as32(scale[:n]), as32(bias[:n]))
	}
	for i := n; i < len(y); i++ {
		y[i] = (x[i]-mean[i])*scale[i] + bias[i]
	}
}

// StandardizeGradient sets dx to (dy - offset - (x - mean) slope) scale.
func StandardizeGradient[T number](dx, dy, x, mean, scale, offset, slope []T) {
	n := whole[T](len(dx))
	dy, x, mean = dy[:len(dx)], x[:len(dx)], mean[:len(dx)]
	scale, offset, slope = scale[:len(dx)], offset[:len(dx)], slope[:len(dx)]
	if n > 0 {
		standardizeGradient(as32(dx[:n]), as32(dy[:n]), as32(x[:n]), as32(mean[:n]), as32(scale[:n]), as32(offset[:n]), as32(slope[:n]))
	}
	for i := n; i < len(dx); i++ {
		dx[i] = (dy[i] - offset[i] - (x[i]-mean[i])*slope[i]) * scale[i]
	}
}

// AddTaps adds to y the products of x[at[k]:] and w[under[k]:] over all k, number by number.
func AddTaps[T number](y, x, w []T, at, under []int32) {
	n := whole[T](len(y))
	under = under[:len(at)]
	if n > 0 && len(at) > 0 {
		checkOffsets(x, at, n)
		checkOffsets(w, under, n)
		addTaps(as32(y[:n]), as32(x), as32(w), at, under)
	} else {
		n = 0
	}
	if n == len(y) {
		return
	}
	rest := y[n:]
	for k, o := range at {
		weights := w[int(under[k])+n:][:len(rest)]
		for c, v := range x[int(o)+n:][:len(rest)] {
			rest[c] += v * weights[c]
		}
	}
}

// AddTapProducts adds the product of dy and x[at[k]:] to dw[under[k]:], number by number, for
// all k.
func AddTapProducts[T number](dw, dy, x []T, at, under []int32) {
	n := whole[T](len(dy))
	under = under[:len(at)]
	if n > 0 && len(at) > 0 {
		checkOffsets(x, at, n)
		checkOffsets(dw, under, n)
		addTapProducts(as32(dy[:n]), as32(x), as32(dw), at, under)
	} else {
		n = 0
	}
	if n == len(dy) {
		return
	}
	up := dy[n:]
	for k, o := range at {
		to := dw[int(under[k])+n:][:len(up)]
		for c, v := range x[int(o)+n:][:len(up)] {
			to[c] += v * up[c]
		}
	}
}
