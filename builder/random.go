package builder

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// source returns the elements of the parameter called name.
func (n *net) source(name string, d distribution) io.ReaderAt {
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

// element returns element i.
func (g *generator) element(i int64) float32 {
	switch g.d.kind {
	case uniformKind:
		// 24 bits, centred: -1 + 2^-24, -1 + 3*2^-24, ..., exact in float64.
		u := float64(2*int64(mix(g.key+uint64(i)*golden)>>40)+1-1<<24) * 0x1p-24
		return float32(float64(u * g.d.scale))
	case normalKind:
		u := mix(g.key + uint64(i)*golden)
		p := float64(float64(2*(u>>12)+1) * 0x1p-53) // in (0, 1), exact
		return float32(float64(normalQuantile(p) * g.d.scale))
	}
	return float32(g.d.scale)
}

// ReadAt fills p with the elements' bytes from off on. There is no end: the tensor
// around it knows its size.
func (g *generator) ReadAt(p []byte, off int64) (int, error) {
	return readElements(p, off, g.element)
}

// readElements writes float32 elements little-endian from byte offset off on.
func readElements(p []byte, off int64, element func(int64) float32) (int, error) {
	if off%4 != 0 || len(p)%4 != 0 {
		return 0, fmt.Errorf("generated weights are read in whole elements, not %d bytes at %d", len(p), off)
	}
	first := off / 4
	for i := range len(p) / 4 {
		binary.LittleEndian.PutUint32(p[4*i:], math.Float32bits(element(first+int64(i))))
	}
	return len(p), nil
}

// blockDiagonal is the weight of a grouped convolution written as a plain one: (out,
// in*groups, taps), zero where the channel is not of the output's group.
type blockDiagonal struct {
	source                io.ReaderAt
	groups, out, in, taps int64
}

// ReadAt fills p with the elements' bytes from off on.
func (b *blockDiagonal) ReadAt(p []byte, off int64) (int, error) {
	var cell [4]byte
	var failed error
	n, err := readElements(p, off, func(i int64) float32 {
		row, channel, tap := i/(b.in*b.groups*b.taps), i/b.taps%(b.in*b.groups), i%b.taps
		group := row / (b.out / b.groups)
		if channel/b.in != group {
			return 0
		}
		at := (row*b.in+channel-group*b.in)*b.taps + tap
		if _, err := b.source.ReadAt(cell[:], 4*at); err != nil {
			failed = err
		}
		return math.Float32frombits(binary.LittleEndian.Uint32(cell[:]))
	})
	if failed != nil {
		return 0, failed
	}
	return n, err
}
