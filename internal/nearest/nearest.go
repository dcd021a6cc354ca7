// Package nearest finds the name that someone probably meant.
package nearest

import "strings"

// Of returns the candidate with the smallest edit distance to name, or "" if more
// than a third of its letters, and one, would have to change.
func Of(name string, candidates []string) string {
	if name == "" || len(name) > 64 {
		return ""
	}
	best, bestDistance := "", len(name)/3+2
	lower := strings.ToLower(name)
	for _, c := range candidates {
		if difference := len(name) - len(c); difference >= bestDistance || -difference >= bestDistance {
			continue // so many have to be deleted or inserted
		}
		if d := distance(lower, strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// Hint returns ", did you mean X?" for the candidate nearest to name, or "" if none is
// near.
func Hint(name string, candidates []string) string {
	if near := Of(name, candidates); near != "" {
		return ", did you mean " + near + "?"
	}
	return ""
}

// distance is how many bytes to insert, delete, replace or swap with a neighbour
// turn a into b (the optimal string alignment distance).
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
