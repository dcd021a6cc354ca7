package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"golang.org/x/image/tiff"
)

// Tags of a TIFF directory (TIFF 6.0, Technical Note 2).
const (
	tagWidth, tagHeight          = 256, 257
	tagCompression, tagColours   = 259, 262
	tagStrips, tagStripBytes     = 273, 279
	tagRowsPerStrip              = 278
	tagPlanes                    = 284
	tagTileWidth, tagTileHeight  = 322, 323
	tagTiles, tagTileBytes       = 324, 325
	tagTables                    = 347
	compressionJPEG, rgbColours  = 7, 2
	endOfTables, startOfTables   = 2, 2 // bytes of the markers around JPEG tables
	group3, group4, blackIsZero  = 3, 4, 1
	maxTIFFEntries, maxTIFFParts = 1 << 12, 1 << 20
)

// unfax mends what the library makes of a fax whose zeros are black: it turns them around.
func unfax(m *image.Gray) {
	for i, v := range m.Pix {
		m.Pix[i] = ^v
	}
}

// byteOrder reads and writes numbers.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// directory is the first directory of a TIFF.
type directory struct {
	b      []byte
	order  byteOrder
	values map[int][]byte // an entry of 12 bytes, by its tag
}

func readDirectory(b []byte) (*directory, error) {
	if len(b) < 8 {
		return nil, errors.New("the TIFF ends early")
	}
	d := &directory{b: b, order: binary.LittleEndian, values: map[int][]byte{}}
	if b[0] == 'M' {
		d.order = binary.BigEndian
	}
	at := int(d.order.Uint32(b[4:]))
	if at < 8 || at > len(b)-2 {
		return nil, errors.New("the TIFF's directory lies beyond its end")
	}
	for i := range min(int(d.order.Uint16(b[at:])), maxTIFFEntries) {
		if e := at + 2 + 12*i; e+12 <= len(b) {
			d.values[int(d.order.Uint16(b[e:]))] = b[e : e+12]
		}
	}
	return d, nil
}

// bytes returns the values of a tag, and how many bytes each takes.
func (d *directory) bytes(tag int) (data []byte, size int) {
	e := d.values[tag]
	if e == nil {
		return nil, 0
	}
	kind, n := d.order.Uint16(e[2:]), int64(d.order.Uint32(e[4:]))
	sizes := map[uint16]int{1: 1, 3: 2, 4: 4, 7: 1, 6: 1, 8: 2, 9: 4} // whole numbers, and bytes of any meaning
	if size = sizes[kind]; size == 0 || n > maxTIFFParts {
		return nil, 0
	}
	length := n * int64(size)
	if length <= 4 {
		return e[8 : 8+length], size
	}
	at := int64(d.order.Uint32(e[8:]))
	if at+length > int64(len(d.b)) {
		return nil, 0
	}
	return d.b[at : at+length], size
}

func (d *directory) numbers(tag int) []int {
	data, size := d.bytes(tag)
	var out []int
	for ; size > 0 && len(data) >= size; data = data[size:] {
		switch size {
		case 1:
			out = append(out, int(data[0]))
		case 2:
			out = append(out, int(d.order.Uint16(data)))
		default:
			out = append(out, int(d.order.Uint32(data)))
		}
	}
	return out
}

// number returns the first value of a tag, or what it is where there is none.
func (d *directory) number(tag, otherwise int) int {
	if n := d.numbers(tag); len(n) > 0 {
		return n[0]
	}
	return otherwise
}

// unsupported reports that the library does not know the kind.
func unsupported(err error) bool {
	var u tiff.UnsupportedError
	return errors.As(err, &u)
}

// configTIFF returns the size of the first image of a TIFF.
func configTIFF(b []byte) (image.Config, error) {
	d, err := readDirectory(b)
	if err != nil {
		return image.Config{}, err
	}
	if d.number(tagCompression, 1) != compressionJPEG {
		c, err := tiff.DecodeConfig(bytes.NewReader(b))
		if s := d.samplesOf(); unsupported(err) && s != nil {
			return s.config(), nil
		}
		return c, err
	}
	return image.Config{Width: d.number(tagWidth, 0), Height: d.number(tagHeight, 0)}, nil
}

// decodeTIFF decodes the first image of a TIFF, also one of JPEG strips or tiles, which the
// library does not know.
func decodeTIFF(b []byte) (image.Image, error) {
	d, err := readDirectory(b)
	if err != nil {
		return nil, err
	}
	if c := d.number(tagCompression, 1); c != compressionJPEG {
		m, err := tiff.Decode(bytes.NewReader(b))
		if s := d.samplesOf(); unsupported(err) && s != nil {
			return s.decode()
		}
		if g, ok := m.(*image.Gray); ok && err == nil && (c == group3 || c == group4) && d.number(tagColours, 0) == blackIsZero {
			unfax(g)
		}
		return m, err
	}
	if d.number(tagPlanes, 1) != 1 {
		return nil, tiff.UnsupportedError("JPEG of separate planes")
	}
	full := image.NewNRGBA(image.Rect(0, 0, d.number(tagWidth, 0), d.number(tagHeight, 0)))
	offsets, lengths := d.numbers(tagStrips), d.numbers(tagStripBytes)
	w, h := full.Rect.Dx(), min(d.number(tagRowsPerStrip, full.Rect.Dy()), full.Rect.Dy())
	if offsets == nil {
		offsets, lengths = d.numbers(tagTiles), d.numbers(tagTileBytes)
		w, h = d.number(tagTileWidth, 0), d.number(tagTileHeight, 0)
	}
	if w < 1 || h < 1 || w > MaxPixels/h || w%8 > 0 && w != full.Rect.Dx() || h%8 > 0 && h != full.Rect.Dy() {
		return nil, fmt.Errorf("parts of %dx%d", w, h)
	}
	across := (full.Rect.Dx() + w - 1) / w
	want := across * ((full.Rect.Dy() + h - 1) / h)
	if len(offsets) < want || len(lengths) < want {
		return nil, fmt.Errorf("%d parts, want %d", min(len(offsets), len(lengths)), want)
	}
	sum := 0
	for _, n := range lengths[:want] {
		if sum += n; n < 4 || sum > len(b) {
			return nil, errors.New("its parts are larger than the file")
		}
	}
	tables, _ := d.bytes(tagTables)
	if len(tables) > startOfTables+endOfTables {
		tables = tables[startOfTables : len(tables)-endOfTables]
	}
	for i, at := range offsets[:want] {
		if at < 0 || at > len(b)-lengths[i] {
			return nil, fmt.Errorf("part %d lies beyond the end of the file", i)
		}
		m, err := d.part(b[at:at+lengths[i]], tables, w, h)
		if err != nil {
			return nil, fmt.Errorf("part %d: %w", i, err)
		}
		paint(full, m, image.Pt(i%across*w, i/across*h))
	}
	return full, nil
}

// part decodes a strip or tile of at most w x h, and what JPEG adds to fill its blocks.
func (d *directory) part(b, tables []byte, w, h int) (*Image, error) {
	file := []byte("\xff\xd8")
	if d.number(tagColours, 0) == rgbColours {
		file = append(file, adobeMarker...)
	}
	file = append(append(file, tables...), b[2:]...)
	if err := boundScans(file); err != nil {
		return nil, err
	}
	c, err := configJPEG(file)
	if err != nil {
		return nil, err
	}
	const block = 32 // the largest unit of JPEG's blocks
	if c.Width < 1 || c.Height < 1 || c.Width > w+block || c.Height > h+block {
		return nil, fmt.Errorf("JPEG of %dx%d, want at most %dx%d", c.Width, c.Height, w, h)
	}
	m, err := decodeJPEG(file)
	if err != nil {
		return nil, err
	}
	return convert(m, rectangle{0, 0, c.Width, c.Height}), nil
}
