package op

import (
	"fmt"

	"alexctl/onnx"
)

// Info is what is known of a value before the model runs.
type Info struct {
	Type   onnx.DataType
	Ranked bool // whether Shape is known, at least as symbols
	Shape  onnx.Shape

	// Const is the value, where it follows from the model alone and is small.
	Const *Array
	// partial says that some elements of Const stand for symbols: see shapeSymbols.
	partial bool
}

// String returns the type and shape as FLOAT[N 3 227 227].
func (i *Info) String() string {
	if i == nil {
		return "nothing"
	}
	if !i.Ranked {
		return i.Type.String() + " of unknown rank"
	}
	return i.Type.String() + i.Shape.String()
}

// Fixed returns the shape as numbers, and false if a dimension is not known.
func (i *Info) Fixed() ([]int, bool) {
	if !i.Ranked {
		return nil, false
	}
	out := make([]int, len(i.Shape))
	for k, d := range i.Shape {
		if !d.IsKnown() {
			return nil, false
		}
		out[k] = int(d.N)
	}
	return out, true
}

// Known returns the value where it follows from the model alone, and is small; else nil.
func (i *Info) Known() *Array { return i.known() }

// known returns the constant value if all of it is known.
func (i *Info) known() *Array {
	if i == nil || i.partial {
		return nil
	}
	return i.Const
}

func ranked(t onnx.DataType, shape onnx.Shape) []*Info {
	return []*Info{{Type: t, Ranked: true, Shape: shape}}
}

// unknownDims is a shape of which only the rank is known.
func unknownDims(rank int) onnx.Shape {
	out := make(onnx.Shape, rank)
	for i := range out {
		out[i] = onnx.UnknownDim
	}
	return out
}

func unranked(t onnx.DataType) []*Info { return []*Info{{Type: t}} }

// sameAs is the shape rule of operators whose output is like their first input.
func sameAs(_ *Node, in []*Info) ([]*Info, error) {
	return []*Info{{Type: in[0].Type, Ranked: in[0].Ranked, Shape: in[0].Shape}}, nil
}

// wantRank returns an error if the rank of i is known and not n.
func (i *Info) wantRank(what string, n int) error {
	if i.Ranked && len(i.Shape) != n {
		return fmt.Errorf("%s is %s, want rank %d", what, i, n)
	}
	return nil
}

// wantShape returns an error where a known dimension of i differs from want.
func (i *Info) wantShape(what string, want onnx.Shape) error {
	if i == nil || !i.Ranked {
		return nil
	}
	ok := len(i.Shape) == len(want)
	for k := 0; ok && k < len(want); k++ {
		ok = !i.Shape[k].Conflicts(want[k])
	}
	if !ok {
		return fmt.Errorf("%s is %s, want %s", what, i.Shape, want)
	}
	return nil
}

// sameType returns an error unless all inputs that are there have one type.
func sameType(in ...*Info) error {
	for _, i := range in[1:] {
		if i != nil && i.Type != in[0].Type {
			return fmt.Errorf("inputs are of types %s and %s, want one type", in[0].Type, i.Type)
		}
	}
	return nil
}

// mul multiplies counts and saturates, for sizes that come from a file.
func mul(factors ...int64) int64 {
	n := int64(1)
	for _, f := range factors {
		if f > 0 && n > (1<<62)/f {
			return 1 << 62
		}
		n *= f
	}
	return n
}

// count returns the number of elements with symbolic dimensions counted as one.
func (i *Info) count() int64 {
	n := int64(1)
	for _, d := range i.Shape {
		if d.IsKnown() {
			n = mul(n, d.N)
		}
	}
	return n
}

// Declared returns what is known as the type of a value, or nil where nothing is.
func (i *Info) Declared() *onnx.Type {
	if i == nil || i.Type == onnx.Undefined {
		return nil
	}
	t := &onnx.Type{Elem: i.Type}
	if i.Ranked {
		t.Shape = &i.Shape
	}
	return t
}
