package preprocess

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/tiff"

	"alexctl/fault"
)

// unread are the endings of pictures that are not read, in lower case.
var unread = []string{
	".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".j2k", ".psd", ".svg", ".pnm", ".ppm", ".pgm", ".pbm",
	".ico", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".exr", ".tga",
}

// others are formats that people have, and that are not read, by their first bytes.
func others() []format {
	return []format{
		{name: "HEIC", magic: []string{"????ftypheic", "????ftypheix", "????ftyphevc", "????ftyphevx", "????ftypheim", "????ftypheis", "????ftypmif1", "????ftypmsf1"}},
		{name: "AVIF", magic: []string{"????ftypavif", "????ftypavis"}},
		{name: "BigTIFF", magic: []string{"II+\x00", "MM\x00+"}},
		{name: "JPEG XL", magic: []string{"\xff\x0a", "\x00\x00\x00\x0cJXL \r\n\x87\n"}},
		{name: "JPEG 2000", magic: []string{"\x00\x00\x00\x0cjP  \r\n\x87\n", "\xff\x4f\xff\x51"}},
		{name: "Photoshop", magic: []string{"8BPS"}},
		{name: "PDF", magic: []string{"%PDF-"}},
		{name: "SVG", magic: []string{"<svg"}},
		{name: "PNM", magic: netpbm()},
		{name: "icon", magic: []string{"\x00\x00\x01\x00"}},
		{name: "Canon raw", magic: []string{"????ftypcrx "}},
		{name: "video", magic: []string{"????ftypmp4", "????ftypisom", "????ftypqt", "\x1a\x45\xdf\xa3", "RIFF????AVI "}},
		{name: "OpenEXR", magic: []string{"\x76\x2f\x31\x01"}},
	}
}

// netpbm are the beginnings of PNM files: a number and any white space.
func netpbm() []string {
	var out []string
	for _, digit := range "1234567" {
		for _, space := range "\n\r\t " {
			out = append(out, "P"+string(digit)+string(space))
		}
	}
	return out
}

// drawing reports an SVG behind what an XML file begins with.
func drawing(b []byte) bool {
	return bytes.HasPrefix(b, []byte("<?xml")) && bytes.Contains(b[:min(len(b), 4096)], []byte("<svg"))
}

// convertHint says what to do with a picture of a kind that is not read.
var convertHint = fault.Hint{Text: "convert it to PNG or JPEG first, with any program that shows it"}

// unknown is the error of a file that is of none of the formats that are read.
func unknown(b []byte) error {
	for _, f := range others() {
		if f.matches(b) {
			return notRead(f.name)
		}
	}
	if drawing(b) {
		return notRead("SVG")
	}
	return errors.New("not an image in a known format (JPEG, PNG, GIF, BMP, WebP, TIFF)")
}

func notRead(kind string) error {
	return fault.New(fault.Unsupported, "%s is not read (only JPEG, PNG, GIF, BMP, WebP, TIFF)", kind).Hint(convertHint)
}

// failed is the error of a decoder, which either does not know a kind of its format or found
// the file broken.
func (f format) failed(err error) error {
	var (
		ofJPEG jpeg.UnsupportedError
		ofPNG  png.UnsupportedError
		ofTIFF tiff.UnsupportedError
	)
	if errors.As(err, &ofJPEG) || errors.As(err, &ofPNG) || errors.As(err, &ofTIFF) || fault.KindOf(err) == fault.Unsupported {
		return fault.New(fault.Unsupported, "a kind of %s image that is not read: %w", f.name, err).Hint(convertHint)
	}
	return fmt.Errorf("broken %s image: %w", f.name, err)
}
