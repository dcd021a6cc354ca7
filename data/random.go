package data

import (
	"math"

	"alexctl/internal/splitmix"
)

// generator draws numbers that follow from its start alone (SplitMix64; Steele, Lea
// and Flood 2014): each image of each epoch has one of its own, so that nothing
// depends on how many goroutines load.
type generator uint64

// stream starts a generator for a purpose, and numbers such as an epoch and an image.
func stream(seed uint64, purpose string, numbers ...int) generator {
	z := splitmix.Mix(seed + splitmix.Golden)
	for _, b := range []byte(purpose) {
		z = splitmix.Mix(z ^ uint64(b) + splitmix.Golden)
	}
	for _, n := range numbers {
		z = splitmix.Mix(z ^ uint64(n) + splitmix.Golden)
	}
	return generator(z)
}

func (g *generator) next() uint64 {
	*g += splitmix.Golden
	return splitmix.Mix(uint64(*g))
}

// intn draws from 0 to n-1. The bias of one in 2^40 for the sizes here is not seen.
func (g *generator) intn(n int) int { return int(g.next() >> 1 % uint64(n)) }

// float draws from [0, 1).
func (g *generator) float() float64 { return float64(g.next()>>11) * 0x1p-53 }

// normal draws from the standard normal distribution (Box and Muller 1958).
func (g *generator) normal() float64 {
	return math.Sqrt(-2*math.Log(1-g.float())) * math.Cos(2*math.Pi*g.float())
}

// permutation returns 0 to n-1 in random order (Fisher and Yates).
func permutation(n int, g generator) []int {
	p := make([]int, n)
	for i := range p {
		j := g.intn(i + 1)
		p[i] = p[j]
		p[j] = i
	}
	return p
}
