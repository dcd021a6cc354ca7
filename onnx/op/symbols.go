package op

import (
	"fmt"

	"alexctl/onnx"
)

// symbolBase is where the numbers that stand for symbolic dimensions begin, going
// down: no real dimension or index is as small.
const symbolBase = -(int64(1) << 50)

// shapeSymbols lets shapes with symbolic dimensions flow as INT64 data through
// operators that only move elements: each symbol is a number that no real shape
// holds, and is turned back into the symbol where a shape is read.
type shapeSymbols struct{ dims []onnx.Dim }

// encode returns a shape as INT64 data, and whether any of it stands for a symbol.
func (s *shapeSymbols) encode(shape onnx.Shape) (*Array, bool) {
	a := &Array{Type: onnx.Int64, Shape: []int{len(shape)}, I: make([]int64, len(shape))}
	partial := false
	for i, d := range shape {
		if d.IsKnown() {
			a.I[i] = d.N
			continue
		}
		partial = true
		a.I[i] = symbolBase - int64(len(s.dims))
		s.dims = append(s.dims, d)
	}
	return a, partial
}

// within reports whether an element of a value stands for a symbol.
func (s *shapeSymbols) within(a *Array) bool {
	for _, v := range a.I {
		if symbol := symbolBase - v; symbol >= 0 && symbol < int64(len(s.dims)) {
			return true
		}
	}
	return false
}

// shapeEntry is one element of a shape given as data.
type shapeEntry struct {
	known  bool
	number int64
	dim    onnx.Dim // the dimension it means, if not -1 or 0
}

// dims returns the elements of a shape given as data.
func (i *Info) dims(s *shapeSymbols) ([]shapeEntry, error) {
	values, err := i.Const.ints()
	if err != nil {
		return nil, err
	}
	if len(values) > maxRank {
		return nil, fmt.Errorf("a shape of %d dimensions, at most %d are supported", len(values), maxRank)
	}
	out := make([]shapeEntry, len(values))
	for k, v := range values {
		symbol := symbolBase - v
		switch {
		case symbol >= 0 && i.partial && symbol < int64(len(s.dims)):
			out[k].dim = s.dims[symbol]
		case v > 1<<50 || v < -(1<<50):
			return nil, fmt.Errorf("a shape holds the dimension %d", v)
		default:
			out[k] = shapeEntry{known: true, number: v, dim: onnx.Dim{N: max(v, -1)}}
		}
	}
	return out, nil
}
