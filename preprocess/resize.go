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
// the image shrinks (antialiasing), for the outputs from lo up to hi. Conversions keep
// products from being fused, so that every processor computes the same weights.
func bilinear(in, out, lo, hi int) filter {
	scale := float64(in) / float64(out)
	widen := math.Max(scale, 1)
	f := filter{first: make([]int, hi-lo), weights: make([][]int32, hi-lo)}
	for i := lo; i < hi; i++ {
		centre := float64((float64(i) + 0.5) * scale)
		first := max(int(centre-widen+0.5), 0)
		last := min(int(centre+widen+0.5), in)
		w := make([]float64, last-first)
		total := 0.0
		for k := range w {
			w[k] = math.Max(0, 1-math.Abs(float64((float64(k+first)-centre+0.5)*(1/widen))))
			total += w[k]
		}
		f.first[i-lo], f.weights[i-lo] = first, make([]int32, len(w))
		for k := range w {
			if total != 0 {
				w[k] *= 1 / total
			}
			f.weights[i-lo][k] = int32(0.5 + float64(w[k]*(1<<precisionBits)))
		}
	}
	return f
}

// span returns the input positions that the filter reads.
func (f filter) span() (lo, hi int) {
	lo = f.first[0]
	for i, first := range f.first {
		lo, hi = min(lo, first), max(hi, first+len(f.weights[i]))
	}
	return lo, hi
}

// rectangle is a part of an image: columns from x0 up to x1, rows from y0 up to y1.
type rectangle struct{ x0, y0, x1, y1 int }

// Resize returns the image in another size, bit-equal to Pillow 13's
// resize((width, height), BILINEAR): along rows and along columns, rounded to 8 bits
// in between. Rows come first, except where the height shrinks by more than twice
// what the width does; Pillow before version 13 always began with rows.
func (m *Image) Resize(width, height int) (*Image, error) {
	return m.resizePart(width, height, rectangle{0, 0, width, height})
}

// resizable refuses a size that takes too much, between its two steps too.
func resizable(fromWidth, fromHeight, width, height int) error {
	if width < 1 || height < 1 || width > MaxPixels/height || fromHeight > MaxPixels/width || fromWidth > MaxPixels/height {
		return fmt.Errorf("resizing %dx%d to %dx%d makes more than %d million pixels", fromWidth, fromHeight, width, height, MaxPixels/1_000_000)
	}
	return nil
}

// resizePart returns a part of what Resize returns, without computing the rest.
func (m *Image) resizePart(width, height int, part rectangle) (*Image, error) {
	if err := resizable(m.Width, m.Height, width, height); err != nil {
		return nil, err
	}
	rows := bilinear(m.Width, width, part.x0, part.x1)
	columns := bilinear(m.Height, height, part.y0, part.y1)
	if width == m.Width {
		rows = identity(part.x0, part.x1)
	}
	if height == m.Height {
		columns = identity(part.y0, part.y1)
	}
	if shrink := m.Height - height; shrink > 0 && shrink > 2*(m.Width-width) {
		lo, hi := rows.span()
		return m.resizeColumns(columns, lo, hi).resizeRows(rows, lo, 0, part.y1-part.y0), nil
	}
	lo, hi := columns.span()
	return m.resizeRows(rows, 0, lo, hi).resizeColumnsFrom(columns, lo), nil
}

// identity is the filter of an axis that keeps its size: no pass, only a cut.
func identity(lo, hi int) filter {
	f := filter{first: make([]int, hi-lo), weights: make([][]int32, hi-lo)}
	one := []int32{1 << precisionBits}
	for i := range f.first {
		f.first[i], f.weights[i] = lo+i, one
	}
	return f
}

// resizeRows applies the filter along the rows from y0 up to y1. The image's first
// column is column x0 of what the filter counts.
func (m *Image) resizeRows(f filter, x0, y0, y1 int) *Image {
	width := len(f.first)
	out := &Image{Width: width, Height: y1 - y0, Channels: m.Channels, Pix: make([]uint8, width*(y1-y0)*m.Channels)}
	at := 0
	for y := y0; y < y1; y++ {
		row := m.Pix[y*m.Width*m.Channels:][:m.Width*m.Channels]
		for x, weights := range f.weights {
			first := f.first[x] - x0
			if m.Channels == 1 {
				sum := int32(1 << (precisionBits - 1))
				for k, w := range weights {
					sum += w * int32(row[first+k])
				}
				out.Pix[at] = clip8(sum)
				at++
				continue
			}
			taps(out.Pix[at:at+3:at+3], row[3*first:3*(first+len(weights))], weights)
			at += 3
		}
	}
	return out
}

// taps writes one pixel: the weighted sum of the pixels in p. Shrinking to less than
// half takes three or four of them, so these are written out.
func taps(dst, p []uint8, w []int32) {
	const half = int32(1 << (precisionBits - 1))
	switch {
	case len(w) == 3 && len(p) >= 9:
		p = p[:9]
		dst[0] = clip8(half + w[0]*int32(p[0]) + w[1]*int32(p[3]) + w[2]*int32(p[6]))
		dst[1] = clip8(half + w[0]*int32(p[1]) + w[1]*int32(p[4]) + w[2]*int32(p[7]))
		dst[2] = clip8(half + w[0]*int32(p[2]) + w[1]*int32(p[5]) + w[2]*int32(p[8]))
	case len(w) == 4 && len(p) >= 12:
		p = p[:12]
		dst[0] = clip8(half + w[0]*int32(p[0]) + w[1]*int32(p[3]) + w[2]*int32(p[6]) + w[3]*int32(p[9]))
		dst[1] = clip8(half + w[0]*int32(p[1]) + w[1]*int32(p[4]) + w[2]*int32(p[7]) + w[3]*int32(p[10]))
		dst[2] = clip8(half + w[0]*int32(p[2]) + w[1]*int32(p[5]) + w[2]*int32(p[8]) + w[3]*int32(p[11]))
	default:
		r, g, b := half, half, half
		for k, v := range w {
			q := p[3*k : 3*k+3 : 3*k+3]
			r += v * int32(q[0])
			g += v * int32(q[1])
			b += v * int32(q[2])
		}
		dst[0], dst[1], dst[2] = clip8(r), clip8(g), clip8(b)
	}
}

// resizeColumns applies the filter along the columns from x0 up to x1.
func (m *Image) resizeColumns(f filter, x0, x1 int) *Image {
	cut := m
	if x0 > 0 || x1 < m.Width {
		cut = &Image{Width: x1 - x0, Height: m.Height, Channels: m.Channels}
		for y := range m.Height {
			cut.Pix = append(cut.Pix, m.Pix[(y*m.Width+x0)*m.Channels:(y*m.Width+x1)*m.Channels]...)
		}
	}
	return cut.resizeColumnsFrom(f, 0)
}

// resizeColumnsFrom applies the filter along all columns. The image's first row is
// row y0 of what the filter counts.
func (m *Image) resizeColumnsFrom(f filter, y0 int) *Image {
	height := len(f.first)
	stride := m.Width * m.Channels
	out := &Image{Width: m.Width, Height: height, Channels: m.Channels, Pix: make([]uint8, height*stride)}
	sums := make([]int32, stride)
	for y, weights := range f.weights {
		row := func(k int) []uint8 { return m.Pix[(f.first[y]-y0+k)*stride:][:stride] }
		dst := out.Pix[y*stride:][:stride]
		const half = int32(1 << (precisionBits - 1))
		switch w := weights; len(w) {
		case 3:
			a, b, c := row(0)[:len(dst)], row(1)[:len(dst)], row(2)[:len(dst)]
			for i := range dst {
				dst[i] = clip8(half + w[0]*int32(a[i]) + w[1]*int32(b[i]) + w[2]*int32(c[i]))
			}
		case 4:
			a, b, c, d := row(0)[:len(dst)], row(1)[:len(dst)], row(2)[:len(dst)], row(3)[:len(dst)]
			for i := range dst {
				dst[i] = clip8(half + w[0]*int32(a[i]) + w[1]*int32(b[i]) + w[2]*int32(c[i]) + w[3]*int32(d[i]))
			}
		default:
			for i := range sums {
				sums[i] = half
			}
			for k, v := range w {
				for i, p := range row(k) {
					sums[i] += v * int32(p)
				}
			}
			for i, s := range sums {
				dst[i] = clip8(s)
			}
		}
	}
	return out
}

// clip8 returns a sum as a pixel. Weights are not negative and add up to about one, so
// it is at most a rounding above 255.
func clip8(sum int32) uint8 { return uint8(min(sum>>precisionBits, 255)) }
