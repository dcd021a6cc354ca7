package preprocess

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"

	"alexctl/fault"
	"alexctl/internal/regular"
)

// Image is a decoded image, upright, in 8 bits a channel, interleaved: RGB, or one
// channel of luma.
type Image struct {
	Width, Height int
	Channels      int // 3 or 1
	Pix           []uint8
}

// format is an image file format.
type format struct {
	name       string
	extensions []string // in lower case
	magic      []string // ? matches any byte
	config     func([]byte) (image.Config, error)
	decode     func([]byte) (image.Image, error)
	exif       func([]byte) []byte // the EXIF data in the file, nil where there is none
	bound      func([]byte) error  // refuses what would take too long to decode; nil for nothing
	// reduce says how small an image that takes more than so many bytes is to be decoded, and what
	// that takes; nil where the format has one size only.
	reduce func(b []byte, c image.Config, most int64) (smaller image.Config, bytes int64, ok bool)
}

// formats are the formats that are read, told apart by their first bytes and not
// by the file's name.
func formats() []format {
	return []format{
		{"JPEG", []string{".jpg", ".jpeg", ".jpe", ".jfif"}, []string{"\xff\xd8"}, configJPEG, decodeJPEG, exifOfJPEG, boundScans, reduceJPEG},
		{"PNG", []string{".png"}, []string{"\x89PNG\r\n\x1a\n"}, reading(png.DecodeConfig), reading(png.Decode), exifOfPNG, nil, nil},
		{"GIF", []string{".gif"}, []string{"GIF87a", "GIF89a"}, configGIF, decodeGIF, noEXIF, nil, nil},
		{"BMP", []string{".bmp", ".dib"}, bitmaps(), configBMP, decodeBMP, noEXIF, nil, nil},
		{"WebP", []string{".webp"}, []string{"RIFF????WEBPVP8"}, configWebP, decodeWebP, exifOfWebP, nil, nil},
		{"TIFF", []string{".tif", ".tiff"}, []string{"II*\x00", "MM\x00*"}, configTIFF, decodeTIFF, func(b []byte) []byte { return b }, nil, nil},
	}
}

// reading makes a function of bytes of one that reads them.
func reading[T any](f func(io.Reader) (T, error)) func([]byte) (T, error) {
	return func(b []byte) (T, error) { return f(bytes.NewReader(b)) }
}

// bitmaps are the beginnings of BMP files: of each length that their second header may have.
func bitmaps() []string {
	var out []string
	for _, n := range []byte{12, 16, 40, 52, 56, 64, 108, 124} {
		out = append(out, "BM????????????"+string([]byte{n, 0, 0, 0}))
	}
	return out
}

func noEXIF([]byte) []byte { return nil }

func (f format) matches(b []byte) bool {
	for _, m := range f.magic {
		if len(b) < len(m) {
			continue
		}
		ok := true
		for i := range len(m) {
			ok = ok && (m[i] == '?' || m[i] == b[i])
		}
		if ok {
			return true
		}
	}
	return false
}

// LoadFile is Load on a file.
func (s *Spec) LoadFile(path string, dst []float32) (err error) {
	defer fault.Default(&err, fault.Invalid)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if _, err := os.ReadDir(path); err != nil {
			return err
		}
		return errors.New("a folder that holds no images")
	}
	f, err := regular.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(s.LoadFrom(f, dst), f.Close())
}

// LoadFrom is Load on what r yields.
func (s *Spec) LoadFrom(r io.Reader, dst []float32) (err error) {
	defer fault.Default(&err, fault.Invalid)
	b, err := io.ReadAll(io.LimitReader(r, MaxFileBytes+1))
	if err != nil {
		return err
	}
	if len(b) > MaxFileBytes {
		return fmt.Errorf("the file is larger than %d MiB, the most that is read", MaxFileBytes>>20)
	}
	return s.Load(b, dst)
}

// Decode decodes a JPEG, PNG, GIF (its first frame), BMP, WebP or TIFF image, turned
// upright by its EXIF orientation. An alpha channel
// is dropped, as by Pillow's convert("RGB"); of 16 bits the upper 8 are kept. What cannot be
// decoded is fault.Invalid, and what is of a kind that is not read fault.Unsupported.
func Decode(b []byte) (_ *Image, err error) {
	return Limits{}.Decode(b)
}

// Decode is Decode within other limits.
func (l Limits) Decode(b []byte) (_ *Image, err error) {
	defer fault.Default(&err, fault.Invalid)
	return l.decode(b, nil)
}

// wanted says which part of an upright image of a size is wanted (the rest may stay black), or
// what is wrong with the size.
type wanted func(width, height int) (rectangle, error)

// decode is Decode of a part of the image, where needed is not nil.
func (l Limits) decode(b []byte, needed wanted) (img *Image, err error) {
	if len(b) == 0 {
		return nil, errors.New("the file is empty")
	}
	for _, f := range formats() {
		if f.matches(b) {
			defer func() {
				// A decoder that meets a case it does not expect must not end the program.
				if r := recover(); r != nil {
					img, err = nil, fmt.Errorf("broken %s image: %v", f.name, r)
				}
			}()
			return f.read(b, l, needed)
		}
	}
	return nil, unknown(b)
}

func (f format) read(b []byte, l Limits, needed wanted) (*Image, error) {
	c, err := f.config(b)
	if err != nil {
		return nil, f.failed(err)
	}
	if c.Width < 1 || c.Height < 1 {
		return nil, fmt.Errorf("%s image of %dx%d", f.name, c.Width, c.Height)
	}
	size, err := l.check(f, b, c)
	reduced := false
	if err != nil && f.reduce != nil && !l.tooMany(c) { // for the memory, and not for whoever named a number
		if smaller, takes, ok := f.reduce(b, c, l.most()); ok {
			if l.Reduced != nil && smaller != c {
				l.Reduced(fmt.Sprintf("a %s image of %dx%d is decoded to %dx%d: it is too large for the memory that images may take", f.name, c.Width, c.Height, smaller.Width, smaller.Height))
			}
			c, size, err, reduced = smaller, takes, nil, true
		}
	}
	if err != nil {
		return nil, err
	}
	turned := orientation(f.exif(b))
	part := rectangle{0, 0, c.Width, c.Height}
	if needed != nil {
		w, h := c.Width, c.Height
		if turned >= 5 { // the axes are swapped
			w, h = h, w
		}
		region, err := needed(w, h)
		if err != nil {
			return nil, err
		}
		if turned == 1 {
			part = region
		}
	}
	if f.bound != nil {
		if err := f.bound(b); err != nil {
			return nil, fmt.Errorf("%s image: %w", f.name, err)
		}
	}
	defer l.Room.take(size)()
	decode := f.decode
	if reduced {
		decode = func(b []byte) (image.Image, error) { return decodeReduced(b, c.Width, c.Height) }
	}
	src, err := decode(b)
	if err != nil {
		return nil, f.failed(err)
	}
	if got := src.Bounds().Size(); got != (image.Point{X: c.Width, Y: c.Height}) {
		return nil, fmt.Errorf("%s image of %dx%d that says it is of %dx%d", f.name, got.X, got.Y, c.Width, c.Height)
	}
	return convert(src, part).orient(turned), nil
}

// convert copies an image of any kind, or at least the part of it.
func convert(src image.Image, part rectangle) *Image {
	b := src.Bounds()
	out := &Image{Width: b.Dx(), Height: b.Dy(), Channels: 3}
	switch s := src.(type) {
	case interleaved:
		return s.Image
	case *image.Gray:
		out.Channels = 1
		out.Pix = make([]uint8, out.Width*out.Height)
		for y := range out.Height {
			copy(out.Pix[y*out.Width:(y+1)*out.Width], s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):])
		}
		return out
	case *image.Gray16:
		out.Channels = 1
		out.Pix = make([]uint8, out.Width*out.Height)
		for i := range out.Pix {
			out.Pix[i] = s.Pix[s.PixOffset(b.Min.X+i%out.Width, b.Min.Y+i/out.Width)]
		}
		return out
	}
	out.Pix = make([]uint8, 3*out.Width*out.Height)
	switch s := src.(type) {
	case *image.YCbCr:
		out.fromYCbCr(s, part, jfifRow)
	case studio:
		out.fromYCbCr(s.YCbCr, part, studioRow)
	case *image.NRGBA:
		out.fromRows(func(y int) []uint8 { return s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):] }, 4, 1)
	case *image.NRGBA64:
		out.fromRows(func(y int) []uint8 { return s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):] }, 8, 2)
	case *image.RGBA:
		if !s.Opaque() { // its colours are multiplied by alpha
			out.fromAny(src)
			break
		}
		out.fromRows(func(y int) []uint8 { return s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):] }, 4, 1)
	case *image.RGBA64:
		if !s.Opaque() {
			out.fromAny(src)
			break
		}
		out.fromRows(func(y int) []uint8 { return s.Pix[s.PixOffset(b.Min.X, b.Min.Y+y):] }, 8, 2)
	case *image.Paletted:
		out.fromPaletted(s)
	default:
		out.fromAny(src)
	}
	return out
}

// interleaved is what a decoder made as it is wanted.
type interleaved struct{ *Image }

func (interleaved) ColorModel() color.Model   { return color.NRGBAModel }
func (m interleaved) Bounds() image.Rectangle { return image.Rect(0, 0, m.Width, m.Height) }
func (m interleaved) At(x, y int) color.Color {
	p := m.Pix[(y*m.Width+x)*m.Channels:]
	return color.NRGBA{R: p[0], G: p[1%m.Channels], B: p[2%m.Channels], A: 255}
}

// fromRows copies the first three channels of rows of pixels of stride bytes, whose
// channels are step bytes apart, the upper byte first.
func (m *Image) fromRows(row func(y int) []uint8, stride, step int) {
	at := 0
	for y := range m.Height {
		r := row(y)
		for x := range m.Width {
			p := r[x*stride:]
			m.Pix[at], m.Pix[at+1], m.Pix[at+2] = p[0], p[step], p[2*step]
			at += 3
		}
	}
}

func (m *Image) fromPaletted(s *image.Paletted) {
	palette := make([][3]uint8, 256) // an index beyond the palette is black
	for i, c := range s.Palette {
		palette[i%256] = opaque(c)
	}
	for i := range m.Width * m.Height {
		c := palette[s.Pix[s.PixOffset(s.Rect.Min.X+i%m.Width, s.Rect.Min.Y+i/m.Width)]]
		copy(m.Pix[3*i:], c[:])
	}
}

func (m *Image) fromAny(s image.Image) {
	b := s.Bounds()
	for i := range m.Width * m.Height {
		c := opaque(s.At(b.Min.X+i%m.Width, b.Min.Y+i/m.Width))
		copy(m.Pix[3*i:], c[:])
	}
}

// opaque returns the colour without its alpha.
func opaque(c color.Color) [3]uint8 {
	if n, ok := c.(color.NRGBA); ok {
		return [3]uint8{n.R, n.G, n.B}
	}
	n, ok := color.NRGBAModel.Convert(c).(color.NRGBA)
	if !ok {
		return [3]uint8{}
	}
	return [3]uint8{n.R, n.G, n.B}
}
