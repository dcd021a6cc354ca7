package verify

import (
	"math"
	"strconv"
	"strings"

	"alexctl/fault"
	"alexctl/runtime/reference"
)

// Tolerance allows errors of a chosen size, instead of those that rounding explains.
type Tolerance struct {
	Output string // "" is for every output without one of its own
	// Scaled allows Scaled * max|reference| of the output; Atol and Rtol allow
	// Atol + Rtol*|reference| of the element. The two are not mixed.
	Scaled     float64
	Atol, Rtol float64
}

// ParseTolerance reads "scaled:1e-5", "atol:1e-6,rtol:1e-4" (either may be left out), or
// one of them behind the name of an output: "logits=scaled:1e-4".
func ParseTolerance(s string) (Tolerance, error) {
	var t Tolerance
	fail := fault.New(fault.Usage, "tolerance %q: want [OUTPUT=]scaled:X or [OUTPUT=]atol:X,rtol:Y", s)
	rules := s
	if i := strings.LastIndex(s, "="); i >= 0 {
		t.Output, rules = s[:i], s[i+1:]
		if t.Output == "" {
			return t, fail
		}
	}
	seen := map[string]bool{}
	for _, part := range strings.Split(rules, ",") {
		key, text, ok := strings.Cut(part, ":")
		v, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil || v < 0 || math.IsInf(v, 0) || math.IsNaN(v) || seen[key] {
			return t, fail
		}
		seen[key] = true
		switch key {
		case "scaled":
			t.Scaled = v
		case "atol":
			t.Atol = v
		case "rtol":
			t.Rtol = v
		default:
			return t, fail
		}
	}
	if seen["scaled"] && len(seen) > 1 {
		return t, fail
	}
	return t, nil
}

// bounds returns what the tolerance allows for each element.
func (t Tolerance) bounds(want reference.Value) func(i int) float64 {
	if t.Scaled > 0 {
		scale := 0.0
		for _, v := range want.F {
			if !math.IsInf(v, 0) && !math.IsNaN(v) {
				scale = max(scale, math.Abs(v))
			}
		}
		return func(int) float64 { return t.Scaled * scale }
	}
	return func(i int) float64 { return t.Atol + t.Rtol*math.Abs(want.F[i]) }
}

// toleranceFor returns the tolerance of an output, or nil for the derived bounds.
func (o *Options) toleranceFor(output string) *Tolerance {
	var found *Tolerance
	for i, t := range o.Tolerances {
		if t.Output == output {
			return &o.Tolerances[i]
		}
		if t.Output == "" {
			found = &o.Tolerances[i]
		}
	}
	return found
}
