package builder

import (
	"encoding/binary"
	"fmt"
	"math"
)

// source returns the elements of the parameter called name.
func (n *net) source(name string, d distribution) *generator {
	return &generator{key: streamKey(n.options.Seed, name), d: d}
}

// generator makes the elements of a parameter, little-endian float32, each from its
// index alone: any part can be made at any time, in parallel, with the same result.
//
// The same bits on every processor: only integer arithmetic, exactly rounded
// float64 operations, and an explicit conversion around every product, which the Go
// specification says keeps it from being fused with a sum.
type generator struct {
	key uint64
	d   distribution
}

// streamKey is the start of the sequence for one parameter: the FNV-1a hash of its
// name, mixed with the seed.
func streamKey(seed uint64, name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return mix(h ^ mix(seed+golden))
}

const golden = 0x9e3779b97f4a7c15

// mix is the output function of SplitMix64 (Steele, Lea and Flood 2014).
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// fill writes the elements from first on.
func (g *generator) fill(dst []float32, first int64) {
	at := g.key + uint64(first)*golden
	switch g.d.kind {
	case uniformKind:
		for i := range dst {
			// 24 bits, centred: -1 + 2^-24, -1 + 3*2^-24, ..., exact in float64.
			u := float64(2*int64(mix(at)>>40)+1-1<<24) * 0x1p-24
			dst[i] = float32(float64(u * g.d.scale))
			at += golden
		}
	case normalKind:
		for i := range dst {
			p := float64(float64(2*(mix(at)>>12)+1) * 0x1p-53) // in (0, 1), exact
			dst[i] = float32(float64(normalQuantile(p) * g.d.scale))
			at += golden
		}
	default:
		for i := range dst {
			dst[i] = float32(g.d.scale)
		}
	}
}

// ReadAt fills p with the elements' bytes from off on. There is no end: the tensor
// around it knows its size.
func (g *generator) ReadAt(p []byte, off int64) (int, error) {
	return readElements(p, off, g.fill)
}

// readElements writes float32 elements little-endian from byte offset off on.
func readElements(p []byte, off int64, fill func(dst []float32, first int64)) (int, error) {
	if off%4 != 0 || len(p)%4 != 0 {
		return 0, fmt.Errorf("generated weights are read in whole elements, not %d bytes at %d", len(p), off)
	}
	var block [1024]float32
	for done := 0; done < len(p); {
		v := block[:min(len(block), (len(p)-done)/4)]
		fill(v, (off+int64(done))/4)
		for i, x := range v {
			binary.LittleEndian.PutUint32(p[done+4*i:], math.Float32bits(x))
		}
		done += 4 * len(v)
	}
	return len(p), nil
}

// blockDiagonal is the weight of a grouped convolution written as a plain one: (out,
// in*groups, taps), zero where the channel is not of the output's group.
type blockDiagonal struct {
	source                *generator
	groups, out, in, taps int64
}

// ReadAt fills p with the elements' bytes from off on.
func (b *blockDiagonal) ReadAt(p []byte, off int64) (int, error) {
	return readElements(p, off, func(dst []float32, first int64) {
		for i := range dst {
			at := first + int64(i)
			row, channel, tap := at/(b.in*b.groups*b.taps), at/b.taps%(b.in*b.groups), at%b.taps
			group := row / (b.out / b.groups)
			dst[i] = 0
			if channel/b.in == group {
				b.source.fill(dst[i:i+1], (row*b.in+channel-group*b.in)*b.taps+tap)
			}
		}
	})
}
