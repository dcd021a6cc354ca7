package preprocess

import (
	"image"
	"image/color"
)

// studio is a WebP image's YCbCr, which has luma from 16 to 235 and chroma from 16
// to 240. The decoder hands it out as if it had JPEG's full range.
type studio struct{ *image.YCbCr }

// jfifRow converts one row with JPEG's full-range matrix.
func jfifRow(dst, luma, cb, cr []uint8) {
	for x, y := range luma {
		p := dst[3*x : 3*x+3 : 3*x+3]
		p[0], p[1], p[2] = color.YCbCrToRGB(y, cb[x], cr[x])
	}
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
func (m *Image) fromYCbCr(s *image.YCbCr, convertRow func(dst, luma, cb, cr []uint8)) {
	b := s.Rect
	sameOrigin := b.Min.X == 0 && b.Min.Y == 0
	var up upsampler
	switch s.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		up = upsampler{h: 2, v: 2}
	case image.YCbCrSubsampleRatio422:
		up = upsampler{h: 2, v: 1}
	case image.YCbCrSubsampleRatio440:
		up = upsampler{h: 1, v: 2}
	}
	up.width, up.height = m.Width, m.Height
	// libjpeg does not interpolate very narrow images.
	repeat := up.h == 0 || !sameOrigin || up.h == 2 && up.chromaWidth() <= 2
	cb, cr := make([]uint8, m.Width+1), make([]uint8, m.Width+1)
	sums := make([]int, up.chromaWidth())
	for y := range m.Height {
		if repeat {
			for x := range m.Width {
				c := s.COffset(b.Min.X+x, b.Min.Y+y)
				cb[x], cr[x] = s.Cb[c], s.Cr[c]
			}
		} else {
			up.row(cb, sums, s.Cb, s.CStride, y)
			up.row(cr, sums, s.Cr, s.CStride, y)
		}
		luma := s.Y[s.YOffset(b.Min.X, b.Min.Y+y):][:m.Width]
		convertRow(m.Pix[3*y*m.Width:], luma, cb, cr)
	}
}

// upsampler interpolates chroma planes that are h times narrower and v times lower.
type upsampler struct{ h, v, width, height int }

func (u upsampler) chromaWidth() int {
	if u.h == 0 {
		return 0
	}
	return (u.width + u.h - 1) / u.h
}

func (u upsampler) chromaHeight() int { return (u.height + u.v - 1) / u.v }

// row fills dst with row y of the interpolated plane. Each sample is 3/4 of the
// nearest chroma sample and 1/4 of the next one, along each axis that is
// subsampled; the rounding alternates, as in libjpeg's jdsample.c.
func (u upsampler) row(dst []uint8, sums []int, plane []uint8, stride, y int) {
	near := plane[y/u.v*stride:]
	for i := range sums {
		sums[i] = int(near[i])
	}
	bits := 0 // sums are 2^bits times the sample
	if u.v == 2 {
		bits = 2
		other := y/2 - 1 + 2*(y%2)
		far := plane[min(max(other, 0), u.chromaHeight()-1)*stride:]
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
	last := len(sums) - 1
	for i, v := range sums {
		left, right := v, v
		if i > 0 {
			left = sums[i-1]
		}
		if i < last {
			right = sums[i+1]
		}
		dst[2*i] = uint8((3*v + left + low) >> (bits + 2))
		dst[2*i+1] = uint8((3*v + right + high) >> (bits + 2))
	}
}
