package main

import "testing"

// TestRepeats wants equal images to have equal results, up to another order of sums, and more
// where operands are cut.
func TestRepeats(t *testing.T) {
	for name, c := range map[string]struct {
		last    float32 // of an image that should be 2
		operand float64
		ok      bool
	}{
		"equal":               {2, 0, true},
		"another order":       {2 + 1e-5, 0, true},
		"wrong":               {2 + 1e-3, 0, false},
		"another TF32 number": {2 + 1e-3, 0x1p-11, true},
		"wrong with TF32":     {2 + 1e-2, 0x1p-11, false},
	} {
		err := repeats([]float32{1, 2, 1, 2, 1, c.last}, 3, 1, c.operand)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
