package verify

import (
	"slices"

	"alexctl/runtime"
	"alexctl/runtime/reference"
)

// Decision is whether an engine decides as the reference does, on real images.
type Decision struct {
	Output string `json:"output"`
	Images int    `json:"images"`
	// Classes is how many there are: with five or fewer the set of five says nothing.
	Classes int    `json:"classes"`
	Top1    int    `json:"top1"` // images with the same best class
	Top5    int    `json:"top5"` // images with the same five best classes, in any order
	Flips   []Flip `json:"flips"`
}

// Five reports whether the set of the five best classes says something.
func (d *Decision) Five() bool { return d.Classes > 5 }

// Flip is an image whose best class, or set of five, differs.
type Flip struct {
	Image   int    `json:"image"` // its number over all inputs
	Rank    int    `json:"rank"`  // 1 or 5
	Want    int    `json:"want"`  // the reference's class
	Got     int    `json:"got"`   // the engine's in its place
	Gap     Number `json:"gap"`   // by how much the reference prefers its class
	Bound   Number `json:"bound"` // twice the cumulative bound: a smaller gap may be rounding
	Excused bool   `json:"excused"`
}

// decide compares the classes of every image. A flip where the reference's gap is larger
// than twice the bound is a finding.
func (c *comparison) decide(r *Result, got []runtime.Tensors, expected []expectation) {
	name := c.model.Graph.Outputs[0].Name
	d := &Decision{Output: name, Flips: []Flip{}}
	for i := range expected {
		want := expected[i][name]
		if want.F == nil || len(want.Shape) < 2 || want.Shape[0] == 0 || len(want.F) == 0 {
			c.unchecked("decisions: output %q is no row of scores for each image", name)
			return
		}
		if got[i][name] == nil {
			return // the outputs say so
		}
		values, err := got[i][name].Float64s()
		if err != nil || len(values) != len(want.F) {
			return // the outputs say so
		}
		images := want.Shape[0]
		if c.Images != nil {
			images = min(images, c.Images[i])
		}
		d.compare(values, want, images)
	}
	r.Decision = d
	for _, f := range d.Flips {
		if !f.Excused {
			r.fail("image %d is class %d in the reference and %d here: the reference's gap of %.3g is more than rounding explains (%.3g)",
				f.Image, f.Want, f.Got, float64(f.Gap), float64(f.Bound))
		}
	}
}

// compare compares the first images of one input.
func (d *Decision) compare(got []float64, want reference.Value, images int) {
	classes := len(want.F) / want.Shape[0]
	d.Classes = classes
	for image := range images {
		lo, hi := image*classes, (image+1)*classes
		y, x := want.F[lo:hi], got[lo:hi]
		a, b := best(y, 5), best(x, 5)
		if a[0] == b[0] {
			d.Top1++
		} else {
			d.flip(1, a[0], b[0], lo, want)
		}
		same := true
		for _, class := range a {
			if !slices.Contains(b, class) {
				same = false
				for _, other := range b {
					if !slices.Contains(a, other) {
						d.flip(5, class, other, lo, want)
						break
					}
				}
			}
		}
		if same {
			d.Top5++
		}
		d.Images++
	}
}

func (d *Decision) flip(rank, want, got, at int, v reference.Value) {
	f := Flip{Image: d.Images, Rank: rank, Want: want, Got: got, Gap: Number(v.F[at+want] - v.F[at+got])}
	if v.Bound != nil {
		f.Bound = Number(2 * max(v.Bound[at+want], v.Bound[at+got]))
	}
	f.Excused = f.Gap < f.Bound
	d.Flips = append(d.Flips, f)
}

// best returns the indices of the k largest values, the lower index first among equals.
func best(v []float64, k int) []int {
	index := make([]int, len(v))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(a, b int) int {
		switch {
		case v[a] > v[b]:
			return -1
		case v[a] < v[b]:
			return 1
		}
		return 0
	})
	return index[:min(k, len(index))]
}
