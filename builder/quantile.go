package builder

import "math"

// Coefficients of algorithm AS 241, PPND16 (Wichura 1988), highest power first.
var (
	centreNumerator = [8]float64{2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
		4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080}
	centreDenominator = [8]float64{5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
		2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1}
	middleNumerator = [8]float64{7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
		1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734}
	middleDenominator = [8]float64{1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
		1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1}
	farNumerator = [8]float64{2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
		2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720}
	farDenominator = [8]float64{2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
		7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1}
)

// normalQuantile returns the x below which a standard normal variable lies with
// probability p, for 0 < p < 1, to about 1e-15.
func normalQuantile(p float64) float64 {
	q := p - 0.5
	if math.Abs(q) <= 0.425 {
		r := 0.180625 - float64(q*q)
		return float64(q*polynomial(&centreNumerator, r)) / polynomial(&centreDenominator, r)
	}
	tail := p
	if q > 0 {
		tail = 1 - p
	}
	r := math.Sqrt(-naturalLog(tail))
	var x float64
	if r <= 5 {
		r -= 1.6
		x = polynomial(&middleNumerator, r) / polynomial(&middleDenominator, r)
	} else {
		r -= 5
		x = polynomial(&farNumerator, r) / polynomial(&farDenominator, r)
	}
	if q < 0 {
		return -x
	}
	return x
}

// polynomial evaluates by Horner's rule, with every product rounded.
func polynomial(c *[8]float64, x float64) float64 {
	v := c[0]
	v = float64(v*x) + c[1]
	v = float64(v*x) + c[2]
	v = float64(v*x) + c[3]
	v = float64(v*x) + c[4]
	v = float64(v*x) + c[5]
	v = float64(v*x) + c[6]
	return float64(v*x) + c[7]
}

// naturalLog returns ln x for a positive normal x. Not math.Log, which some
// processors compute with instructions of their own: with m in [sqrt(1/2), sqrt 2),
// ln(m 2^e) = e ln 2 + 2 atanh((m-1)/(m+1)).
func naturalLog(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m *= 2
		e--
	}
	s := (m - 1) / (m + 1)
	square := float64(s * s)
	sum := 0.0
	for k := 23; k >= 1; k -= 2 { // |s| < 0.172, so the next term is below 1e-20
		sum = float64(sum*square) + 1/float64(k)
	}
	return float64(float64(e)*math.Ln2) + float64(2*float64(s*sum))
}
