package builder

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"

	"alexctl/internal/splitmix"
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
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash takes everything
	return splitmix.Mix(h.Sum64() ^ splitmix.Mix(seed+splitmix.Golden))
}

// fill writes the elements from first on to p, whose length is a multiple of four.
func (g *generator) fill(p []byte, first int64) {
	at := g.key + uint64(first)*splitmix.Golden
	switch g.d.kind {
	case uniformKind:
		for ; len(p) >= 4; p = p[4:] {
			// 24 bits, centred: -1 + 2^-24, -1 + 3*2^-24, ..., exact in float64.
			u := float64(2*int64(splitmix.Mix(at)>>40)+1-1<<24) * 0x1p-24
			put(p, float64(u*g.d.scale))
			at += splitmix.Golden
		}
	case normalKind:
		for ; len(p) >= 4; p = p[4:] {
			q := float64(float64(2*(splitmix.Mix(at)>>12)+1) * 0x1p-53) // in (0, 1), exact
			put(p, float64(normalQuantile(q)*g.d.scale))
			at += splitmix.Golden
		}
	default:
		for ; len(p) >= 4; p = p[4:] {
			put(p, g.d.scale)
		}
	}
}

// put writes v as a little-endian float32.
func put(p []byte, v float64) { binary.LittleEndian.PutUint32(p, math.Float32bits(float32(v))) }

// ReadAt fills p with the elements' bytes from off on. There is no end: the tensor
// around it knows its size.
func (g *generator) ReadAt(p []byte, off int64) (int, error) {
	if err := wholeElements(p, off); err != nil {
		return 0, err
	}
	g.fill(p, off/4)
	return len(p), nil
}

// wholeElements refuses to split an element, which nobody asks for.
func wholeElements(p []byte, off int64) error {
	if off%4 != 0 || len(p)%4 != 0 {
		return fmt.Errorf("generated weights are read in whole elements, not %d bytes at %d", len(p), off)
	}
	return nil
}

// blockDiagonal is the weight of a grouped convolution written as a plain one: (out,
// in*groups, taps), zero where the channel is not of the output's group.
type blockDiagonal struct {
	source                *generator
	groups, out, in, taps int64
}

// ReadAt fills p with the elements' bytes from off on.
func (b *blockDiagonal) ReadAt(p []byte, off int64) (int, error) {
	if err := wholeElements(p, off); err != nil {
		return 0, err
	}
	clear(p)
	for i := 0; i < len(p); i += 4 {
		at := off/4 + int64(i/4)
		row, channel, tap := at/(b.in*b.groups*b.taps), at/b.taps%(b.in*b.groups), at%b.taps
		group := row / (b.out / b.groups)
		if channel/b.in == group {
			b.source.fill(p[i:i+4], (row*b.in+channel-group*b.in)*b.taps+tap)
		}
	}
	return len(p), nil
}
