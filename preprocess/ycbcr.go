package preprocess

import (
	"image"
)

// studio is a WebP image's YCbCr, which has luma from 16 to 235 and chroma from 16
// to 240. The decoder hands it out as if it had JPEG's full range.
type studio struct{ *image.YCbCr }

// jfifRow converts one row with JPEG's full-range matrix, as color.YCbCrToRGB does.
func jfifRow(dst, luma, cb, cr []uint8) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	dst = dst[:3*len(luma)]
	for x, v := range luma {
		y := int32(v) * 0x10101
		u, w := int32(cb[x])-128, int32(cr[x])-128
		p := dst[3*x : 3*x+3 : 3*x+3]
		p[0] = clip16(y + 91881*w)
		p[1] = clip16(y - 22554*u - 46802*w)
		p[2] = clip16(y + 116130*u)
	}
}

// clip16 returns v, which has 16 fractional bits, as a pixel.
func clip16(v int32) uint8 {
	if uint32(v)&0xff000000 == 0 {
		return uint8(v >> 16)
	}
	return uint8(^(v >> 31)) // 0 below the range, 255 above it
}

// studioRow converts one row with BT.601's matrix for the narrow range, in libwebp's
// fixed-point arithmetic.
func studioRow(dst, luma, cb, cr []uint8) {
	scale := func(v uint8, factor int) int { return int(v) * factor >> 8 }
	clip := func(v int) uint8 { return uint8(min(max(v>>6, 0), 255)) }
	for x, v := range luma {
		y, u, w := scale(v, 19077), cb[x], cr[x]
		p := dst[3*x : 3*x+3 : 3*x+3]
		p[0] = clip(y + scale(w, 26149) - 14234)
		p[1] = clip(y - scale(u, 6419) - scale(w, 13320) + 8708)
		p[2] = clip(y + scale(u, 33050) - 17685)
	}
}

// fromYCbCr converts with the chroma interpolated by the triangle filter of
// libjpeg ("fancy upsampling"), which Pillow and so PyTorch see; Go's own
// conversion repeats chroma samples instead.
// Only the part is converted.
func (m *Image) fromYCbCr(s *image.YCbCr, part rectangle, convertRow func(dst, luma, cb, cr []uint8)) {
	b := s.Rect
	var up upsampler
	switch s.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		up = upsampler{h: 2, v: 2}
	case image.YCbCrSubsampleRatio422:
		up = upsampler{h: 2, v: 1}
	case image.YCbCrSubsampleRatio440:
		up = upsampler{h: 1, v: 2}
	}
	// libjpeg does not interpolate very narrow images.
	chroma, height := 0, 0
	if up.h > 0 && b.Min.X == 0 && b.Min.Y == 0 {
		chroma, height = (m.Width+up.h-1)/up.h, (m.Height+up.v-1)/up.v
	}
	repeat := chroma == 0 || up.h == 2 && chroma <= 2
	// The chroma samples of the part, with one more on either side, where there is
	// one, because the interpolation treats the first and last as the image's edge.
	c0, c1 := 0, chroma
	x0, x1 := part.x0, part.x1
	if !repeat {
		c0, c1 = max(part.x0/up.h-1, 0), min((part.x1+up.h-1)/up.h+1, chroma)
		x0, x1 = c0*up.h, min(c1*up.h, m.Width)
	}
	cb, cr := make([]uint8, x1-x0+1), make([]uint8, x1-x0+1)
	sums := make([]int, c1-c0)
	for y := part.y0; y < part.y1; y++ {
		if repeat {
			for x := x0; x < x1; x++ {
				c := s.COffset(b.Min.X+x, b.Min.Y+y)
				cb[x-x0], cr[x-x0] = s.Cb[c], s.Cr[c]
			}
		} else {
			near, far := up.rows(y, height)
			up.row(cb, sums, s.Cb[near*s.CStride+c0:], s.Cb[far*s.CStride+c0:], y)
			up.row(cr, sums, s.Cr[near*s.CStride+c0:], s.Cr[far*s.CStride+c0:], y)
		}
		luma := s.Y[s.YOffset(b.Min.X+x0, b.Min.Y+y):][:x1-x0]
		convertRow(m.Pix[3*(y*m.Width+x0):], luma, cb, cr)
	}
}

// upsampler interpolates chroma planes that are h times narrower and v times lower.
type upsampler struct{ h, v int }

// rows returns the two chroma rows that row y is made from, of height rows.
func (u upsampler) rows(y, height int) (near, far int) {
	if u.v == 1 {
		return y, y
	}
	return y / 2, min(max(y/2-1+2*(y%2), 0), height-1)
}

// row fills dst with row y of the interpolated plane, from the nearest chroma row and
// the next one. Each sample is 3/4 of the nearest chroma sample and 1/4 of the next
// one, along each axis that is subsampled; the rounding alternates, as in libjpeg's
// jdsample.c.
func (u upsampler) row(dst []uint8, sums []int, near, far []uint8, y int) {
	far, near = far[:len(sums)], near[:len(sums)]
	bits := 2 * (u.v - 1) // sums are 2^bits times the sample
	if bits == 0 {
		for i := range sums {
			sums[i] = int(near[i])
		}
	} else {
		for i := range sums {
			sums[i] = 3*int(near[i]) + int(far[i])
		}
	}
	if u.h == 1 {
		bias := 1 + y%2
		for i, v := range sums {
			dst[i] = uint8((v + bias) >> 2)
		}
		return
	}
	low, high := 1, 2 // rounding of the left and the right sample
	if bits == 2 {
		low, high = 8, 7
	}
	// The edges have no sample beyond them: they count twice.
	last := len(sums) - 1
	shift := uint(bits + 2)
	dst[0] = uint8((4*sums[0] + low) >> shift)
	dst[2*last+1] = uint8((4*sums[last] + high) >> shift)
	this := sums[0]
	for i, next := range sums[1:] {
		pair := dst[2*i+1 : 2*i+3 : 2*i+3]
		pair[0] = uint8((3*this + next + high) >> shift)
		pair[1] = uint8((3*next + this + low) >> shift)
		this = next
	}
}
