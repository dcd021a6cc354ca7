package preprocess

import (
	"bytes"
	"image"
	"image/color"
)

// Markers of a JPEG (ITU-T T.81, table B.1).
const (
	startOfFrame0    = 0xc0 // baseline
	startOfFrame2    = 0xc2 // progressive
	startOfFrame9    = 0xc9 // sequential, with arithmetic coding
	startOfFrame10   = 0xca // progressive, with arithmetic coding
	startOfFrame15   = 0xcf
	huffmanTables    = 0xc4
	extension        = 0xc8
	arithmeticTables = 0xcc
	restart0         = 0xd0 // and seven more, the start and the end of an image: they have no length
	endOfImage       = 0xd9
	startOfScan      = 0xda
	application14    = 0xee
)

// frame is what a JPEG says before its first scan.
type frame struct {
	marker        byte // of the frame's header; 0 where there is none
	precision     int  // bits of a sample
	width, height int
	sampling      [][2]int // of each component, along rows and columns
	tables, adobe bool     // whether it has Huffman tables, and Adobe's marker
	together      bool     // whether the first scan holds all components
}

// frameOf reads the header of a JPEG. Decoders pass over what does not belong in one, each in its
// own way, and may so come to different frames: where there is any such thing, or no single
// frame and a scan behind it, the frame is the zero one.
func frameOf(b []byte) frame {
	var f frame
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker, length := b[at+1], int(b[at+2])<<8|int(b[at+3])
		if marker == 0xff { // a fill byte
			at++
			continue
		}
		if marker < startOfFrame0 || marker >= restart0 && marker <= endOfImage || length < 2 || at+2+length > len(b) {
			return frame{}
		}
		segment := b[at+4 : at+2+length]
		switch {
		case marker == startOfScan:
			f.together = len(segment) > 0 && int(segment[0]) == len(f.sampling)
			if f.marker == 0 {
				return frame{}
			}
			return f
		case marker == huffmanTables:
			f.tables = true
		case marker == application14 && bytes.HasPrefix(segment, []byte("Adobe")):
			f.adobe = true
		case frameMarker(marker):
			if f.marker != 0 || len(segment) < 6 || len(segment) != 6+3*int(segment[5]) {
				return frame{}
			}
			f.marker, f.precision = marker, int(segment[0])
			f.height, f.width = int(segment[1])<<8|int(segment[2]), int(segment[3])<<8|int(segment[4])
			for k := 7; k < len(segment); k += 3 {
				f.sampling = append(f.sampling, [2]int{int(segment[k] >> 4), int(segment[k] & 15)})
			}
		}
		at += 2 + length
	}
	return frame{}
}

// frameMarker reports the marker of a frame's header, of any kind.
func frameMarker(m byte) bool {
	return m >= startOfFrame0 && m <= startOfFrame15 && m != huffmanTables && m != extension && m != arithmeticTables
}

// turbo reports whether libjpeg-turbo knows images of this kind.
func (f frame) turbo() bool {
	known := f.marker >= startOfFrame0 && f.marker <= startOfFrame2 || f.marker == startOfFrame9 || f.marker == startOfFrame10
	return known && f.precision == 8 && f.channels() != 0
}

func (f frame) progressive() bool { return f.marker == startOfFrame2 || f.marker == startOfFrame10 }

// channels are those of the image: 1 or 3, or 0 where it is of another kind.
func (f frame) channels() int {
	if n := len(f.sampling); n == 1 || n == 3 {
		return n
	}
	return 0
}

// config is what an image of one or three components is.
func (f frame) config() image.Config {
	c := image.Config{ColorModel: color.YCbCrModel, Width: f.width, Height: f.height}
	if f.channels() == 1 {
		c.ColorModel = color.GrayModel
	}
	return c
}

// coefficients is what a pixel takes in libjpeg-turbo, of 16 bits each, where they are kept until
// the last scan.
func (f frame) coefficients() float64 {
	if !f.progressive() && f.together {
		return 0
	}
	return 2 * f.planes()
}

// planes is how many samples a pixel has: by the largest sampling, less than one for components
// that have fewer.
func (f frame) planes() float64 {
	largest, sum := 0, 0
	for _, s := range f.sampling {
		largest, sum = max(largest, s[0]*s[1]), sum+s[0]*s[1]
	}
	switch {
	case largest == 0 || len(f.sampling) > 4:
		return 4
	case len(f.sampling) == 1:
		return 1
	}
	return float64(sum) / float64(largest)
}

// bytes is what decoding a pixel takes: each component by its sampling, its coefficients where the
// frame is progressive, and the Image.
func (f frame) bytes() float64 {
	planes := f.planes()
	switch {
	case f.progressive() || f.marker == 0:
		planes += 4 * planes // coefficients of 32 bits
	default:
		planes += f.coefficients()
	}
	return planes + 3
}
