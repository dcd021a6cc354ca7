package preprocess

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"maps"
	"slices"

	"golang.org/x/image/tiff"
)

// Tags and values of the kinds that the library does not know.
const (
	tagBits, tagSamples = 258, 277
	tagFillOrder        = 266
	tagPredictor        = 317
	whiteIsZero, cmyk   = 0, 5
	differences         = 2 // of the predictor
	maxSamples          = 8
	typeLong            = 4
)

// samples is a TIFF of 8-bit samples side by side of which the library knows the compression, and
// not what they mean: grey or colours with further samples, such as alpha, and CMYK.
type samples struct {
	*directory
	n, colours    int // samples of a pixel, and what they are
	width, height int
}

// samplesOf returns nil for an image of another kind.
func (d *directory) samplesOf() *samples {
	s := &samples{d, d.number(tagSamples, 1), d.number(tagColours, -1), d.number(tagWidth, 0), d.number(tagHeight, 0)}
	bits := d.numbers(tagBits)
	least := map[int]int{whiteIsZero: 1, blackIsZero: 1, rgbColours: 3, cmyk: 4}[s.colours]
	if least == 0 || s.n < least || s.n > maxSamples || d.number(tagPlanes, 1) != 1 || len(bits) != s.n || slices.ContainsFunc(bits, func(n int) bool { return n != 8 }) {
		return nil
	}
	if s.width < 1 || s.height < 1 || s.width > MaxPixels || s.height > MaxPixels {
		return nil
	}
	return s
}

// config says what it takes to decode.
func (s *samples) config() image.Config {
	c := image.Config{ColorModel: color.NRGBAModel, Width: s.width, Height: s.height}
	if s.n > 4 {
		c.ColorModel = color.NRGBA64Model
	}
	return c
}

// decode has the library decode the samples of each row as so many grey pixels, and makes colours
// of them.
func (s *samples) decode() (image.Image, error) {
	m, err := tiff.Decode(bytes.NewReader(s.grey()))
	if err != nil {
		return nil, err
	}
	g, ok := m.(*image.Gray)
	if !ok || g.Rect.Dx() != s.n*s.width || g.Rect.Dy() != s.height {
		return nil, errors.New("its rows are of another length than its width says")
	}
	out := image.NewNRGBA(image.Rect(0, 0, s.width, s.height))
	across := s.n * s.number(tagTileWidth, s.width) // the predictor begins anew in each tile
	predicted := s.number(tagPredictor, 1) == differences
	for y := range s.height {
		row := g.Pix[y*g.Stride : y*g.Stride+s.n*s.width]
		for from := 0; predicted && from < len(row); from += across {
			for x := from + s.n; x < min(from+across, len(row)); x++ {
				row[x] += row[x-s.n]
			}
		}
		for x := range s.width {
			p := row[x*s.n : (x+1)*s.n]
			out.SetNRGBA(x, y, s.colour(p))
		}
	}
	return out, nil
}

func (s *samples) colour(p []uint8) color.NRGBA {
	switch s.colours {
	case rgbColours:
		return color.NRGBA{R: p[0], G: p[1], B: p[2], A: 255}
	case cmyk:
		paper := 255 - p[3]
		ink := func(v uint8) uint8 { // as Pillow rounds it
			t := int(v)*int(paper) + 128
			return paper - uint8((t>>8+t)>>8)
		}
		return color.NRGBA{R: ink(p[0]), G: ink(p[1]), B: ink(p[2]), A: 255}
	case whiteIsZero:
		return color.NRGBA{R: ^p[0], G: ^p[0], B: ^p[0], A: 255}
	}
	return color.NRGBA{R: p[0], G: p[0], B: p[0], A: 255}
}

// grey returns the file with another directory at its end, by which the same data are a grey
// image that is as many times as wide as there are samples.
func (s *samples) grey() []byte {
	entries := map[int][]byte{
		tagWidth: s.entry(tagWidth, s.n*s.width), tagHeight: s.entry(tagHeight, s.height), tagBits: s.entry(tagBits, 8),
		tagCompression: s.entry(tagCompression, s.number(tagCompression, 1)), tagColours: s.entry(tagColours, blackIsZero), tagSamples: s.entry(tagSamples, 1),
	}
	if w := s.number(tagTileWidth, 0); w > 0 {
		entries[tagTileWidth] = s.entry(tagTileWidth, s.n*w)
	}
	for _, tag := range []int{tagFillOrder, tagStrips, tagRowsPerStrip, tagStripBytes, tagTileHeight, tagTiles, tagTileBytes} {
		if e := s.values[tag]; e != nil {
			entries[tag] = e
		}
	}
	out := append(slices.Clone(s.b), make([]byte, len(s.b)%2)...)
	s.order.PutUint32(out[4:], uint32(len(out)))
	out = s.order.AppendUint16(out, uint16(len(entries)))
	for _, tag := range slices.Sorted(maps.Keys(entries)) {
		out = append(out, entries[tag]...)
	}
	return append(out, 0, 0, 0, 0)
}

// entry is one of a directory, with a value.
func (s *samples) entry(tag, value int) []byte {
	e := s.order.AppendUint16(nil, uint16(tag))
	e = s.order.AppendUint16(e, typeLong)
	e = s.order.AppendUint32(e, 1)
	return s.order.AppendUint32(e, uint32(value))
}
