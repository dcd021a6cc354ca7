package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"alexctl/internal/pickle"
)

// ndarray is a NumPy array as a pickle describes it: its elements in C order, and NumPy's name
// of their type.
type ndarray struct {
	dtype string
	bytes []byte
}

// arrayOf reads an array that numpy.core.multiarray._reconstruct makes, whose state is (version,
// shape, dtype, Fortran order, elements), or, as NumPy writes it with protocol 5,
// numpy.core.numeric._frombuffer of (elements, dtype, shape, order).
func arrayOf(v any) (a ndarray, err error) {
	c, ok := v.(*pickle.Call)
	if !ok {
		return a, fmt.Errorf("it is %T, want a NumPy array", v)
	}
	f, ok := c.Function.(pickle.Global)
	var dtype, elements any
	switch {
	case !ok || !strings.HasPrefix(f.Module, "numpy."):
	case f.Name == "_frombuffer" && len(c.Args) == 4:
		if c.Args[3] != "C" {
			return a, errors.New("it is in Fortran order")
		}
		elements, dtype = c.Args[0], c.Args[1]
	case f.Name == "_reconstruct":
		state, ok := c.State.(pickle.Tuple)
		if !ok || len(state) != 5 {
			return a, errors.New("an array without its state")
		}
		if fortran, _ := state[3].(bool); fortran {
			return a, errors.New("it is in Fortran order")
		}
		dtype, elements = state[2], state[4]
	}
	if elements == nil {
		return a, fmt.Errorf("it is made by %s, want a NumPy array", pickle.Describe(c.Function))
	}
	if d, ok := dtype.(*pickle.Call); ok && len(d.Args) > 0 {
		a.dtype, _ = d.Args[0].(string)
	}
	switch b := elements.(type) {
	case []byte:
		a.bytes = b
	case string: // Python 2
		a.bytes = []byte(b)
	default:
		return a, fmt.Errorf("its elements are %T", elements)
	}
	return a, nil
}

// arrayBytes returns the elements of an array of bytes.
func arrayBytes(v any) ([]byte, error) {
	a, err := arrayOf(v)
	if err == nil && a.dtype != "u1" {
		err = errors.New("its elements are not bytes (dtype u1)")
	}
	return a.bytes, err
}

// integers returns a list of integers, or an array of little-endian ones.
func integers(v any) ([]int64, error) {
	if list, ok := v.(*pickle.List); ok {
		out := make([]int64, len(list.Items))
		for i, item := range list.Items {
			if out[i], ok = item.(int64); !ok {
				return nil, fmt.Errorf("number %d is %s", i, pickle.Describe(item))
			}
		}
		return out, nil
	}
	a, err := arrayOf(v)
	if err != nil {
		return nil, fmt.Errorf("want a list or an array of integers: %w", err)
	}
	width := map[string]int{"u1": 1, "i1": 1, "i2": 2, "u2": 2, "i4": 4, "u4": 4, "i8": 8, "u8": 8}[a.dtype]
	if width == 0 || len(a.bytes)%width != 0 {
		return nil, fmt.Errorf("the %d bytes of an array of %s are no integers", len(a.bytes), a.dtype)
	}
	out := make([]int64, len(a.bytes)/width)
	for i := range out {
		var b [8]byte // labels are small: a sign would be wrong anyway
		copy(b[:], a.bytes[i*width:(i+1)*width])
		out[i] = int64(binary.LittleEndian.Uint64(b[:]))
	}
	return out, nil
}
