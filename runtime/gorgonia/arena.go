package gorgonia

import (
	"cmp"
	"slices"
)

// interval is what a value needs of memory: so many elements, from the step that makes it to the
// last one that reads it.
type interval struct {
	size        int
	first, last int
	at          int // where it lies
}

// place finds where each interval lies so that no two that are alive together overlap, the largest
// first, each in the smallest gap that holds it; and returns how many elements that takes.
func place(list []*interval) int {
	order := slices.Clone(list)
	slices.SortStableFunc(order, func(a, b *interval) int { return cmp.Compare(b.size, a.size) })
	var placed []*interval // by where they begin
	total := 0
	for _, v := range order {
		const line = 16 // elements of a line of the cache
		best, room, end := -1, 0, 0
		for _, p := range placed {
			if p.last < v.first || v.last < p.first {
				continue
			}
			if gap := p.at - end; gap >= v.size && (best < 0 || gap < room) {
				best, room = end, gap
			}
			end = max(end, (p.at+p.size+line-1)/line*line)
		}
		if best < 0 {
			best = end
		}
		v.at = best
		total = max(total, best+v.size)
		i, _ := slices.BinarySearchFunc(placed, v, func(a, b *interval) int { return cmp.Compare(a.at, b.at) })
		placed = slices.Insert(placed, i, v)
	}
	return total
}
