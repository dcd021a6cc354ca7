package verify

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/preprocess"
	"alexctl/runtime"
)

// InputOptions says what random inputs look like.
type InputOptions struct {
	Seed  uint64
	Batch int              // for a symbolic first dimension
	Dims  map[string]int64 // sizes of other symbolic dimensions
	// Spec, for a model of images, makes the values those of random pixels.
	Spec *preprocess.Spec
	// Sets is how many sets of inputs will be drawn, which together have to fit; 0 is one.
	Sets int
	// Ranges are, by input, what uniform values lie between; "" is for inputs without one of
	// their own.
	Ranges map[string]Range
}

// Range is where random values lie.
type Range struct{ Low, High float64 }

// ParseRange reads LOW:HIGH, or NAME=LOW:HIGH.
func ParseRange(s string) (name string, r Range, err error) {
	rest := s
	if i := strings.LastIndex(s, "="); i >= 0 {
		name, rest = s[:i], s[i+1:]
	}
	low, high, ok := strings.Cut(rest, ":")
	a, errA := strconv.ParseFloat(low, 64)
	b, errB := strconv.ParseFloat(high, 64)
	if !ok || errA != nil || errB != nil || !(a < b) || max(-a, b) > math.MaxFloat32/2 {
		return "", Range{}, fault.New(fault.Usage, "range %q: want LOW:HIGH or INPUT=LOW:HIGH, the first the smaller one, within what float32 holds", s)
	}
	return name, Range{a, b}, nil
}

// rangeOf returns the range of an input, and whether it has one.
func (o InputOptions) rangeOf(name string) (Range, bool) {
	if r, ok := o.Ranges[name]; ok {
		return r, true
	}
	r, ok := o.Ranges[""]
	return r, ok
}

// RandomInputs returns seeded random values for every input that the graph must be
// fed: normal ones, or normalized random pixels where a Spec is given.
func RandomInputs(g *onnx.Graph, o InputOptions) (_ runtime.Tensors, err error) {
	defer fault.Default(&err, fault.Usage)
	r := rand.New(rand.NewPCG(o.Seed, 0x616c6578))
	in := runtime.Tensors{}
	if err := o.bound(g); err != nil {
		return nil, err
	}
	for _, v := range g.DataInputs() {
		shape, n, err := inputShape(v, o)
		if err != nil {
			return nil, err
		}
		t := &runtime.Tensor{Type: v.Type.Elem, Shape: shape}
		if v.Type.Elem.IsFloat() {
			values := make([]float64, n)
			limits, limited := o.rangeOf(v.Name)
			for i := range values {
				if limited {
					values[i] = limits.Low + (limits.High-limits.Low)*r.Float64()
				} else {
					values[i] = o.value(r, shape, i)
				}
			}
			t.Data = runtime.FromFloats(v.Type.Elem, values)
		} else {
			values := make([]int64, n)
			low, high := int64(0), int64(1)
			if limits, limited := o.rangeOf(v.Name); limited {
				low, high = int64(math.Ceil(limits.Low)), int64(math.Floor(limits.High))
				if low > high || math.Abs(limits.Low) > 1<<62 || math.Abs(limits.High) > 1<<62 {
					return nil, fmt.Errorf("input %q is %s: no whole number of at most 2^62 lies between %g and %g", v.Name, v.Type, limits.Low, limits.High)
				}
			}
			for i := range values {
				values[i] = low + int64(r.Uint64N(uint64(high)-uint64(low)+1)) // wraps as it should
			}
			if t.Data, err = runtime.FromInts(v.Type.Elem, values); err != nil {
				return nil, fmt.Errorf("input %q: %w", v.Name, err)
			}
		}
		in[v.Name] = t
	}
	return in, nil
}

// value returns element i of an input of the given shape.
func (o InputOptions) value(r *rand.Rand, shape []int, i int) float64 {
	if o.Spec == nil || len(shape) != 4 || shape[1] != o.Spec.Channels() {
		return r.NormFloat64()
	}
	c := i / (shape[2] * shape[3]) % shape[1]
	return (float64(r.IntN(256))/o.Spec.Divisor - o.Spec.Mean[c]) / o.Spec.Std[c]
}

// maxInputElements bounds the inputs that are made for a model from a stranger, all together.
const maxInputElements = 1 << 27

// bound refuses, before anything is made, inputs that would take too much memory.
func (o InputOptions) bound(g *onnx.Graph) error {
	total := 0
	for _, v := range g.DataInputs() {
		_, n, err := inputShape(v, o)
		if err != nil {
			return err
		}
		if total += max(1, n); total > maxInputElements/max(1, o.Sets) {
			if o.Sets > 1 {
				return fault.New(fault.Usage, "%d sets of inputs have more than %d elements: draw fewer", o.Sets, maxInputElements)
			}
			return fault.New(fault.Unsupported, "the inputs, up to %q, have more than %d elements", v.Name, maxInputElements)
		}
	}
	return nil
}

func inputShape(v *onnx.Value, o InputOptions) (shape []int, n int, err error) {
	if !v.Type.IsTensor() || v.Type.Shape == nil {
		return nil, 0, fmt.Errorf("input %q has no known rank: random values cannot be drawn for it", v.Name)
	}
	n = 1
	for i, d := range *v.Type.Shape {
		size := d.N
		if !d.IsKnown() {
			given, ok := o.Dims[d.Param]
			switch {
			case ok && d.Param != "":
				size = given
			case i == 0:
				size = int64(o.Batch)
			case o.Spec != nil && len(*v.Type.Shape) == 4:
				size = int64([]int{o.Batch, o.Spec.Channels(), o.Spec.Height, o.Spec.Width}[i])
			case d.Param == "":
				return nil, 0, fault.New(fault.Usage, "input %q is %s: axis %d has no name and no size, so random values cannot be drawn", v.Name, v.Type, i).
					Hint(fault.Hint{Text: "give them", Option: fault.Inputs})
			default:
				return nil, 0, fault.New(fault.Usage, "input %q is %s: the size of %q is open", v.Name, v.Type, d).
					Hint(fault.Hint{Text: fmt.Sprintf("give a size for %q", d.String()), Option: fault.Dims, Value: d.String() + "=N"})
			}
		}
		if size < 0 || size > 0 && int64(n) > maxInputElements/size {
			return nil, 0, fmt.Errorf("input %q of %s has more than %d elements", v.Name, v.Type, maxInputElements)
		}
		n *= int(size)
		shape = append(shape, int(size))
	}
	return shape, n, nil
}
