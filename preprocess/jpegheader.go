package preprocess

import (
	"bytes"
	"image"
	"image/color"
)

// Markers of a JPEG (ITU-T T.81, table B.1).
const (
	startOfFrame0  = 0xc0 // baseline
	startOfFrame2  = 0xc2 // progressive
	startOfFrame9  = 0xc9 // sequential, with arithmetic coding
	startOfFrame10 = 0xca // progressive, with arithmetic coding
	huffmanTables  = 0xc4
	startOfScan    = 0xda
	endOfImage     = 0xd9
	application14  = 0xee
)

// frame is what a JPEG says before its first scan.
type frame struct {
	marker        byte // of the frame's header; 0 where there is none
	width, height int
	sampling      [][2]int // of each component, along rows and columns
	tables, adobe bool     // whether it has Huffman tables, and Adobe's marker
}

// frameOf reads the header of a JPEG as far as it can be followed.
func frameOf(b []byte) frame {
	var f frame
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker, length := b[at+1], int(b[at+2])<<8|int(b[at+3])
		if marker == 0xff { // a fill byte
			at++
			continue
		}
		if marker == startOfScan || length < 2 || at+2+length > len(b) {
			break
		}
		segment := b[at+4 : at+2+length]
		switch {
		case marker == huffmanTables:
			f.tables = true
		case marker == application14 && bytes.HasPrefix(segment, []byte("Adobe")):
			f.adobe = true
		case (marker >= startOfFrame0 && marker <= startOfFrame2 || marker == startOfFrame9 || marker == startOfFrame10) && len(segment) > 5:
			f.marker = marker
			f.height, f.width = int(segment[1])<<8|int(segment[2]), int(segment[3])<<8|int(segment[4])
			f.sampling = nil
			for k := 7; k < min(len(segment), 6+3*int(segment[5])); k += 3 {
				f.sampling = append(f.sampling, [2]int{int(segment[k] >> 4), int(segment[k] & 15)})
			}
		}
		at += 2 + length
	}
	return f
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

// coefficients is what a pixel takes, of 16 bits each, where they are kept until the last scan.
func (f frame) coefficients() float64 {
	if !f.progressive() {
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
	if f.progressive() || f.marker == 0 {
		planes += 4 * planes // coefficients of 32 bits
	}
	return planes + 3
}
