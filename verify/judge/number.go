package judge

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Number is a float64 that JSON can carry: NaN and the infinities are strings.
type Number float64

// MarshalJSON writes a number, or "NaN", "Inf" or "-Inf".
func (n Number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if math.IsInf(v, 1) {
			s = "Inf"
		}
		return json.Marshal(s)
	}
	return json.Marshal(v)
}

// String writes a number with three digits, as tables and reports show it.
func (n Number) String() string { return fmt.Sprintf("%.3g", float64(n)) }
