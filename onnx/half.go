package onnx

import "math"

// Float16ToFloat64 returns the value of an IEEE 754 binary16 number, exactly.
func Float16ToFloat64(h uint16) float64 {
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 0x1f:
		if fraction != 0 {
			return math.NaN()
		}
		v = math.Inf(1)
	default:
		v = math.Ldexp(fraction+1024, exponent-25)
	}
	if h>>15 != 0 {
		return -v
	}
	return v
}

// Float16FromFloat64 returns the binary16 number nearest to v, ties to even.
func Float16FromFloat64(v float64) uint16 {
	sign := uint16(math.Float64bits(v) >> 48 & 0x8000)
	a := math.Abs(v)
	switch {
	case math.IsNaN(v):
		return sign | 0x7e00
	case a >= 65520: // halfway between the largest number, 65504, and 65536
		return sign | 0x7c00
	case a < 0x1p-14: // subnormal: a multiple of 2^-24, and 0x400 is the first normal
		return sign | uint16(math.RoundToEven(math.Ldexp(a, 24)))
	}
	fraction, exponent := math.Frexp(a) // a = fraction * 2^exponent, fraction in [0.5, 1)
	m := uint16(math.RoundToEven(math.Ldexp(fraction, 11)))
	return sign | (uint16(exponent+13)<<10 + m) // m carries the leading one into the exponent
}

// BFloat16ToFloat64 returns the value of a bfloat16 number, exactly.
func BFloat16ToFloat64(h uint16) float64 {
	return float64(math.Float32frombits(uint32(h) << 16))
}

// BFloat16FromFloat64 returns the bfloat16 number nearest to v, ties to even.
func BFloat16FromFloat64(v float64) uint16 {
	if math.IsNaN(v) {
		return 0x7fc0
	}
	// Rounding twice could go wrong, so the first rounding is to odd.
	f := float32(v)
	bits := math.Float32bits(f)
	if float64(f) != v && !math.IsInf(float64(f), 0) {
		if math.Abs(float64(f)) > math.Abs(v) {
			bits--
		}
		bits |= 1
	}
	return uint16((uint64(bits) + 0x7fff + uint64(bits>>16&1)) >> 16)
}
