package preprocess

import (
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/bits"

	"alexctl/fault"
)

// bitmap is the header of a BMP. No library reads all of the kinds that Pillow does and gives
// five bits the same value.
type bitmap struct {
	width, height int
	topDown       bool
	bits          int
	compression   uint32
	masks         [3]uint32 // of red, green and blue
	palette       color.Palette
	data          []byte
}

// Compressions of a BMP (BITMAPINFOHEADER).
const (
	bmpRaw       = 0
	bmpRLE8      = 1
	bmpRLE4      = 2
	bmpBitFields = 3
	bmpAlpha     = 6 // bit fields with one for alpha
)

var errShortBMP = errors.New("the BMP ends early")

func configBMP(b []byte) (image.Config, error) {
	m, err := readBMP(b)
	if err != nil {
		return image.Config{}, err
	}
	return image.Config{Width: m.width, Height: m.height}, nil
}

// readBMP reads the headers, of Windows and of OS/2, and the palette.
func readBMP(b []byte) (*bitmap, error) {
	if len(b) < 26 {
		return nil, errShortBMP
	}
	le := binary.LittleEndian
	size, offset := int(le.Uint32(b[14:])), int(le.Uint32(b[10:]))
	if len(b) < 14+size || offset > len(b) {
		return nil, errShortBMP
	}
	m, entry, colours := &bitmap{}, 4, 0
	if size == 12 {
		m.width, m.height, m.bits = int(le.Uint16(b[18:])), int(le.Uint16(b[20:])), int(le.Uint16(b[24:]))
		entry = 3
	} else {
		m.width, m.height, m.bits = int(int32(le.Uint32(b[18:]))), int(int32(le.Uint32(b[22:]))), int(le.Uint16(b[28:]))
		if m.height < 0 {
			m.height, m.topDown = -m.height, true
		}
	}
	if size >= 40 {
		m.compression, colours = le.Uint32(b[30:]), int(le.Uint32(b[46:]))
	}
	at := 14 + size
	switch m.compression {
	case bmpRaw:
		m.masks = [3]uint32{0xff0000, 0xff00, 0xff}
		if m.bits == 16 {
			m.masks = [3]uint32{0x7c00, 0x3e0, 0x1f}
		}
	case bmpBitFields, bmpAlpha:
		if len(b) < 66 {
			return nil, errShortBMP
		}
		m.masks = [3]uint32{le.Uint32(b[54:]), le.Uint32(b[58:]), le.Uint32(b[62:])}
		if size == 40 { // the masks follow the header
			at += 12
		}
	}
	known := map[[2]int]bool{{1, bmpRaw}: true, {4, bmpRaw}: true, {8, bmpRaw}: true, {16, bmpRaw}: true, {24, bmpRaw}: true, {32, bmpRaw}: true,
		{8, bmpRLE8}: true, {4, bmpRLE4}: true, {16, bmpBitFields}: true, {32, bmpBitFields}: true, {16, bmpAlpha}: true, {32, bmpAlpha}: true}
	if !known[[2]int{m.bits, int(m.compression)}] {
		return nil, fault.New(fault.Unsupported, "%d bits a pixel with compression %d", m.bits, m.compression)
	}
	if m.bits <= 8 {
		if colours <= 0 || colours > 1<<m.bits {
			colours = 1 << m.bits
		}
		for i := 0; i < colours && at+entry*(i+1) <= min(len(b), max(offset, at)); i++ {
			p := b[at+entry*i:]
			m.palette = append(m.palette, color.RGBA{p[2], p[1], p[0], 255})
		}
	}
	m.data = b[offset:]
	return m, nil
}

func decodeBMP(b []byte) (image.Image, error) {
	m, err := readBMP(b)
	if err != nil {
		return nil, err
	}
	switch {
	case m.compression == bmpRLE8 || m.compression == bmpRLE4:
		return m.runs()
	case m.bits <= 8:
		return m.indexed()
	}
	return m.direct()
}

// row returns the number of the row that is stored as the i-th.
func (m *bitmap) row(i int) int {
	if m.topDown {
		return i
	}
	return m.height - 1 - i
}

// rows calls f with each stored row, which takes a multiple of 4 bytes.
func (m *bitmap) rows(f func(y int, row []byte)) error {
	length := (m.width*m.bits + 31) / 32 * 4
	if len(m.data) < length*(m.height-1)+(m.width*m.bits+7)/8 {
		return errShortBMP
	}
	for i := range m.height {
		f(m.row(i), m.data[i*length:])
	}
	return nil
}

func (m *bitmap) indexed() (image.Image, error) {
	out := image.NewPaletted(image.Rect(0, 0, m.width, m.height), m.palette)
	err := m.rows(func(y int, row []byte) {
		for x := range m.width {
			at := x * m.bits
			out.Pix[y*out.Stride+x] = row[at/8] >> (8 - m.bits - at%8) & (1<<m.bits - 1)
		}
	})
	return out, err
}

// direct reads pixels that are colours themselves. Fields of less than 8 bits are scaled as
// Pillow scales them: the largest value is 255.
func (m *bitmap) direct() (image.Image, error) {
	var shift [3]int
	var most [3]uint32
	for k, mask := range m.masks {
		if mask == 0 {
			return nil, errors.New("a colour without bits")
		}
		shift[k] = bits.TrailingZeros32(mask)
		most[k] = mask >> shift[k]
		if most[k]&(most[k]+1) != 0 {
			return nil, fmt.Errorf("the bits %#x of a colour are not side by side", mask)
		}
	}
	out := image.NewNRGBA(image.Rect(0, 0, m.width, m.height))
	size := m.bits / 8
	err := m.rows(func(y int, row []byte) {
		for x := range m.width {
			v := uint32(0)
			for i := range size {
				v |= uint32(row[x*size+i]) << (8 * i)
			}
			p := out.Pix[y*out.Stride+4*x:]
			for k, mask := range m.masks {
				p[k] = uint8(uint64(v&mask>>shift[k]) * 255 / uint64(most[k]))
			}
			p[3] = 255
		}
	})
	return out, err
}

// runs decodes run-length encoded rows. What runs leave out has index 0, and what goes beyond
// a row is cut off.
func (m *bitmap) runs() (image.Image, error) {
	out := image.NewPaletted(image.Rect(0, 0, m.width, m.height), m.palette)
	x, y := 0, 0
	put := func(index byte) {
		if x < m.width && y < m.height {
			out.Pix[m.row(y)*out.Stride+x] = index
			x++
		}
	}
	nibble := func(b byte, i int) byte {
		if m.compression == bmpRLE8 {
			return b
		}
		return b >> (4 - 4*(i%2)) & 15
	}
	for b := m.data; len(b) >= 2; {
		n, v := int(b[0]), b[1]
		b = b[2:]
		switch {
		case n > 0:
			for i := range n {
				put(nibble(v, i))
			}
		case v == 0:
			x, y = 0, y+1
		case v == 1:
			return out, nil
		case v == 2:
			if len(b) < 2 {
				return nil, errShortBMP
			}
			x, y, b = x+int(b[0]), y+int(b[1]), b[2:]
		default: // pixels as they are, to a multiple of 2 bytes
			each := 1
			if m.compression == bmpRLE4 {
				each = 2
			}
			length := (int(v) + each - 1) / each
			if len(b) < length {
				return nil, errShortBMP
			}
			for i := range int(v) {
				put(nibble(b[i/each], i))
			}
			b = b[min(length+length%2, len(b)):]
		}
	}
	if y < m.height-1 || x < m.width && y < m.height {
		return nil, errShortBMP
	}
	return out, nil
}
