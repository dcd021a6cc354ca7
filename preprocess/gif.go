package preprocess

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
)

// gifFrame is the first image of a GIF. The standard library's reader gives transparent
// entries of the palette no colour, and refuses surplus data and frames beyond the canvas.
type gifFrame struct {
	canvas    image.Rectangle
	area      image.Rectangle // of the frame, which makes the canvas larger where it goes beyond it
	palette   color.Palette
	fill      uint8 // what the canvas is outside of the frame, an index as Pillow has it
	interlace bool
	width     int    // of the codes at the beginning, in bits
	data      []byte // sub-blocks
}

var errShortGIF = fmt.Errorf("the GIF ends early: %w", io.ErrUnexpectedEOF)

func configGIF(b []byte) (image.Config, error) {
	f, err := readGIF(b)
	if err != nil {
		return image.Config{}, err
	}
	return image.Config{ColorModel: f.palette, Width: f.canvas.Dx(), Height: f.canvas.Dy()}, nil
}

// readGIF reads a GIF up to the data of its first image (GIF89a specification).
func readGIF(b []byte) (*gifFrame, error) {
	if len(b) < 13 {
		return nil, errShortGIF
	}
	f := &gifFrame{canvas: image.Rect(0, 0, int(binary.LittleEndian.Uint16(b[6:])), int(binary.LittleEndian.Uint16(b[8:])))}
	global, rest, err := colours(b[13:], b[10])
	if err != nil {
		return nil, err
	}
	for len(rest) > 0 {
		kind := rest[0]
		rest = rest[1:]
		switch kind {
		case 0x21: // an extension
			if len(rest) > 5 && rest[0] == 0xf9 && rest[1] == 4 && rest[2]&1 != 0 {
				f.fill = rest[5] // the transparent index
			}
			if rest, err = skipBlocks(rest[min(1, len(rest)):]); err != nil {
				return nil, err
			}
		case 0x2c:
			return f, f.image(rest, global)
		case 0x3b:
			return nil, errors.New("the GIF holds no image")
		case 0: // an empty block more than there should be
		default:
			return nil, fmt.Errorf("unknown block %#02x in the GIF", kind)
		}
	}
	return nil, errShortGIF
}

// image reads an image descriptor and finds the image's data.
func (f *gifFrame) image(b []byte, global color.Palette) error {
	if len(b) < 9 {
		return errShortGIF
	}
	at := func(i int) int { return int(binary.LittleEndian.Uint16(b[i:])) }
	f.area = image.Rect(at(0), at(2), at(0)+at(4), at(2)+at(6))
	f.canvas.Max.X, f.canvas.Max.Y = max(f.canvas.Max.X, f.area.Max.X), max(f.canvas.Max.Y, f.area.Max.Y)
	f.interlace = b[8]&0x40 != 0
	local, rest, err := colours(b[9:], b[8])
	if err != nil {
		return err
	}
	if f.palette = local; f.palette == nil {
		f.palette = global
	}
	if f.palette == nil { // grey, as Pillow has it
		for i := range 256 {
			f.palette = append(f.palette, color.RGBA{uint8(i), uint8(i), uint8(i), 255})
		}
	}
	if len(rest) < 1 {
		return errShortGIF
	}
	if f.width = int(rest[0]); f.width < 2 || f.width > 8 {
		return fmt.Errorf("codes of %d bits in the GIF, want 2 to 8", f.width)
	}
	f.data = rest[1:]
	return nil
}

// colours reads the colour table that flags announce, or nil.
func colours(b []byte, flags byte) (color.Palette, []byte, error) {
	if flags&0x80 == 0 {
		return nil, b, nil
	}
	n := 2 << (flags & 7)
	if len(b) < 3*n {
		return nil, nil, errShortGIF
	}
	var p color.Palette
	for i := range n {
		p = append(p, color.RGBA{b[3*i], b[3*i+1], b[3*i+2], 255})
	}
	return p, b[3*n:], nil
}

func skipBlocks(b []byte) ([]byte, error) {
	for len(b) > 0 {
		n := int(b[0])
		if n == 0 {
			return b[1:], nil
		}
		b = b[min(1+n, len(b)):]
	}
	return nil, errShortGIF
}

// blocks reads the content of sub-blocks.
type blocks struct{ rest, block []byte }

func (s *blocks) Read(p []byte) (int, error) {
	for len(s.block) == 0 {
		if len(s.rest) == 0 || s.rest[0] == 0 {
			return 0, io.EOF
		}
		n := min(1+int(s.rest[0]), len(s.rest))
		s.block, s.rest = s.rest[1:n], s.rest[n:]
	}
	n := copy(p, s.block)
	s.block = s.block[n:]
	return n, nil
}

// decodeGIF decodes the first frame onto the whole canvas. What follows it is not looked at.
func decodeGIF(b []byte) (image.Image, error) {
	f, err := readGIF(b)
	if err != nil {
		return nil, err
	}
	m := image.NewPaletted(f.canvas, f.palette)
	if f.fill != 0 {
		copy(m.Pix, bytes.Repeat([]byte{f.fill}, len(m.Pix)))
	}
	codes := lzw.NewReader(&blocks{rest: f.data}, lzw.LSB, f.width)
	for y := range rowsOf(f.area.Dy(), f.interlace) {
		at := m.PixOffset(f.area.Min.X, f.area.Min.Y+y)
		if _, err := io.ReadFull(codes, m.Pix[at:at+f.area.Dx()]); err != nil {
			return nil, fmt.Errorf("the image's data end early: %w", errors.Join(err, codes.Close()))
		}
	}
	return m, codes.Close()
}

// rowsOf yields the rows in the order in which they are stored.
func rowsOf(height int, interlace bool) func(yield func(y int) bool) {
	passes := [][2]int{{0, 1}}
	if interlace {
		passes = [][2]int{{0, 8}, {4, 8}, {2, 4}, {1, 2}}
	}
	return func(yield func(y int) bool) {
		for _, p := range passes {
			for y := p[0]; y < height; y += p[1] {
				if !yield(y) {
					return
				}
			}
		}
	}
}
