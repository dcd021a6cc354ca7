package kernel

import (
	"cmp"
	"slices"
)

// run is a number of neighbouring taps of one row of the kernel and the positions under
// them, for one position of a result.
type run struct {
	dst, src int32 // positions
	tap, n   int32 // the first tap, and how many
	first    bool  // of all runs for dst
}

// runs lists them by kernel row, in the order of dst.
type runs [][]run

// newRuns lists the runs that make the output of a convolution, or the gradient of its
// input. Then the taps of each row are counted backwards, so that positions that follow
// each other are under taps that do.
func newRuns(w *Window, gradient bool) runs {
	width, taps, dst := w[2].Kernel, w.taps(), w.out()
	list := make(runs, taps/width)
	if gradient {
		dst = w.in()
	}
	at := make([][]run, dst) // of one tap each
	for out := range w.out() {
		w.each(out, func(tap, in int) {
			if gradient {
				row := tap / width
				at[in] = append(at[in], run{int32(in), int32(out), int32(row*width + width - 1 - tap%width), 1, false})
			} else {
				at[out] = append(at[out], run{int32(out), int32(in), int32(tap), 1, false})
			}
		})
	}
	for _, all := range at {
		slices.SortFunc(all, func(a, b run) int { return cmp.Compare(a.tap, b.tap) })
		var last *run
		for i, r := range all {
			row := int(r.tap) / width
			if last != nil && int(last.tap)/width == row && last.tap+last.n == r.tap && last.src+last.n == r.src {
				last.n++
				continue
			}
			r.first = i == 0
			list[row] = append(list[row], r)
			last = &list[row][len(list[row])-1]
		}
	}
	return list
}

// unreached lists the positions of n that no run makes.
func (all runs) unreached(n int) []int {
	var list []int
	reached := make([]bool, n)
	for _, row := range all {
		for _, r := range row {
			reached[r.dst] = true
		}
	}
	for p, ok := range reached {
		if !ok {
			list = append(list, p)
		}
	}
	return list
}

// between returns the runs of a row for the positions lo to hi.
func between(row []run, lo, hi int) []run {
	find := func(p int) int {
		i, _ := slices.BinarySearchFunc(row, int32(p), func(r run, p int32) int { return cmp.Compare(r.dst, p) })
		return i
	}
	return row[find(lo):find(hi)]
}

// newSteps lists for each tap the positions of output (dst) and input (src) that it joins,
// as runs along both. None is longer than chunk positions or crosses a multiple of it in a
// row of the output.
func newSteps(w *Window, chunk int) runs {
	list := make(runs, w.taps())
	for out := range w.out() {
		w.each(out, func(tap, in int) {
			l := len(list[tap])
			if l > 0 && out%w[2].Out%chunk != 0 {
				if last := &list[tap][l-1]; last.dst+last.n == int32(out) && last.src+last.n == int32(in) {
					last.n++
					return
				}
			}
			list[tap] = append(list[tap], run{int32(out), int32(in), int32(tap), 1, l == 0})
		})
	}
	return list
}
