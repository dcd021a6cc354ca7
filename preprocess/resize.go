package preprocess

import (
	"fmt"
	"math"
)

// precisionBits is the precision of the filter's fixed-point weights, as in
// Pillow's Resample.c: 32 bits less 8 for the pixel and 2 for the sum.
const precisionBits = 32 - 8 - 2

// filter holds, for each output position, the weights of the input positions from
// first on.
type filter struct {
	first   []int
	weights [][]int32
}

// bilinear returns Pillow's triangle filter from in to out positions, widened when
// the image shrinks (antialiasing). Conversions keep products from being fused, so
// that every processor computes the same weights.
func bilinear(in, out int) filter {
	scale := float64(in) / float64(out)
	widen := math.Max(scale, 1)
	f := filter{first: make([]int, out), weights: make([][]int32, out)}
	for i := range out {
		centre := float64((float64(i) + 0.5) * scale)
		lo := max(int(centre-widen+0.5), 0)
		hi := min(int(centre+widen+0.5), in)
		w := make([]float64, hi-lo)
		total := 0.0
		for k := range w {
			w[k] = math.Max(0, 1-math.Abs(float64((float64(k+lo)-centre+0.5)*(1/widen))))
			total += w[k]
		}
		f.first[i], f.weights[i] = lo, make([]int32, len(w))
		for k := range w {
			if total != 0 {
				w[k] *= 1 / total
			}
			f.weights[i][k] = int32(0.5 + float64(w[k]*(1<<precisionBits)))
		}
	}
	return f
}

// Resize returns the image in another size, bit-equal to Pillow 13's
// resize((width, height), BILINEAR): along rows and along columns, rounded to 8 bits
// in between. Rows come first, except where the height shrinks by more than twice
// what the width does; Pillow before version 13 always began with rows.
func (m *Image) Resize(width, height int) (*Image, error) {
	if width < 1 || height < 1 || width > MaxPixels/height || m.Height > MaxPixels/width {
		return nil, fmt.Errorf("resizing %dx%d to %dx%d makes more than %d million pixels", m.Width, m.Height, width, height, MaxPixels/1_000_000)
	}
	if shrink := m.Height - height; shrink > 0 && shrink > 2*(m.Width-width) {
		return m.resizeColumns(height).resizeRows(width), nil
	}
	return m.resizeRows(width).resizeColumns(height), nil
}

func (m *Image) resizeRows(width int) *Image {
	if width == m.Width {
		return m
	}
	f := bilinear(m.Width, width)
	out := &Image{Width: width, Height: m.Height, Channels: m.Channels, Pix: make([]uint8, width*m.Height*m.Channels)}
	at := 0
	for y := range m.Height {
		row := m.Pix[y*m.Width*m.Channels:][:m.Width*m.Channels]
		for x, weights := range f.weights {
			if m.Channels == 1 {
				sum := int32(1 << (precisionBits - 1))
				for k, w := range weights {
					sum += w * int32(row[f.first[x]+k])
				}
				out.Pix[at] = clip8(sum)
				at++
				continue
			}
			r, g, b := int32(1<<(precisionBits-1)), int32(1<<(precisionBits-1)), int32(1<<(precisionBits-1))
			p := row[3*f.first[x]:]
			for k, w := range weights {
				q := p[3*k : 3*k+3 : 3*k+3]
				r += w * int32(q[0])
				g += w * int32(q[1])
				b += w * int32(q[2])
			}
			out.Pix[at], out.Pix[at+1], out.Pix[at+2] = clip8(r), clip8(g), clip8(b)
			at += 3
		}
	}
	return out
}

func (m *Image) resizeColumns(height int) *Image {
	if height == m.Height {
		return m
	}
	f := bilinear(m.Height, height)
	stride := m.Width * m.Channels
	out := &Image{Width: m.Width, Height: height, Channels: m.Channels, Pix: make([]uint8, height*stride)}
	sums := make([]int32, stride)
	for y, weights := range f.weights {
		for i := range sums {
			sums[i] = 1 << (precisionBits - 1)
		}
		for k, w := range weights {
			for i, v := range m.Pix[(f.first[y]+k)*stride:][:stride] {
				sums[i] += w * int32(v)
			}
		}
		row := out.Pix[y*stride:][:stride]
		for i, s := range sums {
			row[i] = clip8(s)
		}
	}
	return out
}

func clip8(sum int32) uint8 { return uint8(min(max(sum>>precisionBits, 0), 255)) }
