package preprocess

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"

	"alexctl/preprocess/turbojpeg"
)

// maxScans bounds the scans of a progressive JPEG, each of which goes over the whole image:
// encoders write about ten, and a small file may hold thousands.
const maxScans = 100

// boundScans refuses a JPEG of more scans.
func boundScans(b []byte) error {
	if n := scansOf(b); n > maxScans {
		return fmt.Errorf("%d scans, at most %d are decoded", n, maxScans)
	}
	return nil
}

// scansOf counts the scans of a JPEG by its markers, as far as they can be followed.
func scansOf(b []byte) int {
	n := 0
	for at := 2; at+4 <= len(b); {
		next := bytes.IndexByte(b[at:], 0xff) // in compressed data a marker stands out
		if at += next; next < 0 || at+4 > len(b) {
			return n
		}
		switch marker := b[at+1]; {
		case marker == endOfImage:
			return n
		case marker == 0xff: // a fill byte
			at++
		case marker == 0 || marker >= 0xd0 && marker <= 0xd7 || marker == 1: // of the data, or without a length
			at += 2
		default:
			if marker == startOfScan {
				n++
			}
			at += 2 + max(2, int(b[at+2])<<8|int(b[at+3]))
		}
	}
	return n
}

// adobeMarker is an APP14 segment that says that the colours were not transformed.
const adobeMarker = "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"

// decodeJPEG decodes a JPEG, also one that leaves out what other readers take for granted: with
// libjpeg-turbo where it is installed, and with Go's decoder where it is not or where it finds
// anything odd. What is broken is so for both.
func decodeJPEG(b []byte) (image.Image, error) {
	b = mendJPEG(b)
	m, odd := decodeTurbo(b)
	if odd == nil {
		return m, nil
	}
	return decodeGo(b, odd)
}

// decodeTurbo decodes with libjpeg-turbo.
func decodeTurbo(b []byte) (image.Image, error) {
	f := frameOf(b)
	return f.decode(b, f.width, f.height)
}

// decode decodes with libjpeg-turbo to the frame's size, or to eighths of it.
func (f frame) decode(b []byte, width, height int) (image.Image, error) {
	if !f.turbo() {
		return nil, errors.New("not of a kind that libjpeg-turbo is given")
	}
	pix, err := turbojpeg.Decode(b, [2]int{f.width, f.height}, width, height, f.channels())
	if err != nil {
		return nil, err
	}
	return interleaved{&Image{Width: width, Height: height, Channels: f.channels(), Pix: pix}}, nil
}

// decodeGo decodes with Go's decoder, unless that sees another image than was measured. Where it
// does not know the kind, what kept libjpeg-turbo from decoding it is said too.
func decodeGo(b []byte, odd error) (image.Image, error) {
	f := frameOf(b)
	c, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, needsTurbo(f, err, odd)
	}
	if f.turbo() && (c.Width != f.width || c.Height != f.height) {
		return nil, fmt.Errorf("it says that it is of %dx%d, and of %dx%d", f.width, f.height, c.Width, c.Height)
	}
	m, err := jpeg.Decode(bytes.NewReader(b))
	return m, needsTurbo(f, err, odd)
}

// needsTurbo adds to the error of an image whose kind Go's decoder does not know what would read
// it, or why libjpeg-turbo does not.
func needsTurbo(f frame, err, odd error) error {
	var unknown jpeg.UnsupportedError
	switch {
	case !errors.As(err, &unknown) || !f.turbo():
		return err
	case turbojpeg.Available() != nil:
		return fmt.Errorf("%w, which needs libjpeg-turbo: install it (libturbojpeg0 on Debian)", err)
	case odd != nil:
		return odd // it is of a kind that is read, and broken
	}
	return err
}

// Limits of an image that is decoded to a smaller size: each scan goes over all of it.
const (
	maxReduced = 1 << 29 // pixels
	maxPasses  = 1 << 32 // pixels times scans
)

// reduceJPEG returns the largest size of eighths of the image's that takes no more than most
// bytes: its transform can leave out the fine detail, and so the memory for it. Only libjpeg-turbo
// does so.
func reduceJPEG(b []byte, c image.Config, most int64) (image.Config, int64, bool) {
	f := frameOf(b)
	pixels := int64(c.Width) * int64(c.Height)
	if !f.turbo() || turbojpeg.Available() != nil || pixels > maxReduced || pixels*int64(scansOf(b)) > maxPasses {
		return c, 0, false
	}
	// Of all eighths too: the library takes less than Go's decoder, by which images are measured.
	for eighths := 8; eighths > 0; eighths-- {
		smaller := c
		smaller.Width, smaller.Height = turbojpeg.Scaled(c.Width, eighths), turbojpeg.Scaled(c.Height, eighths)
		bytes := int64(f.channels())*int64(smaller.Width)*int64(smaller.Height) + int64(f.coefficients()*float64(pixels))
		if bytes <= most {
			return smaller, bytes, true
		}
	}
	return c, 0, false
}

// decodeReduced decodes to a size that reduceJPEG returned.
func decodeReduced(b []byte, width, height int) (image.Image, error) {
	b = mendJPEG(b)
	return frameOf(b).decode(b, width, height)
}

func configJPEG(b []byte) (image.Config, error) {
	f := frameOf(b)
	if f.turbo() && turbojpeg.Available() == nil {
		return f.config(), nil
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(mendJPEG(b)))
	return c, needsTurbo(f, err, nil)
}

// mendJPEG gives a JPEG what libjpeg assumes where it is missing: the Huffman tables of the
// standard, which the frames of motion JPEG leave out, and that four components are CMYK.
func mendJPEG(b []byte) []byte {
	f := frameOf(b)
	add := ""
	if !f.tables && (f.marker == startOfFrame0 || f.marker == startOfFrame0+1) {
		add += standardTables()
	}
	if !f.adobe && len(f.sampling) == 4 {
		add += adobeMarker
	}
	if add == "" {
		return b
	}
	return append(append(append(make([]byte, 0, len(b)+len(add)), b[:2]...), add...), b[2:]...)
}

// standardTables are the DHT segments of the tables K.3 to K.6 of ITU-T T.81.
func standardTables() string {
	const (
		counts0 = "\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00"
		counts1 = "\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00"
		sizes   = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"
		luma    = "\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d" +
			"\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07\x22\x71\x14\x32\x81\x91\xa1\x08\x23\x42\xb1\xc1\x15\x52\xd1\xf0" +
			"\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19\x1a\x25\x26\x27\x28\x29\x2a\x34\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48\x49" +
			"\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x83\x84\x85\x86\x87\x88\x89" +
			"\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3\xc4\xc5" +
			"\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe1\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa"
		chroma = "\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77" +
			"\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71\x13\x22\x32\x81\x08\x14\x42\x91\xa1\xb1\xc1\x09\x23\x33\x52\xf0" +
			"\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1\x17\x18\x19\x1a\x26\x27\x28\x29\x2a\x35\x36\x37\x38\x39\x3a\x43\x44\x45\x46\x47\x48" +
			"\x49\x4a\x53\x54\x55\x56\x57\x58\x59\x5a\x63\x64\x65\x66\x67\x68\x69\x6a\x73\x74\x75\x76\x77\x78\x79\x7a\x82\x83\x84\x85\x86\x87" +
			"\x88\x89\x8a\x92\x93\x94\x95\x96\x97\x98\x99\x9a\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xc2\xc3" +
			"\xc4\xc5\xc6\xc7\xc8\xc9\xca\xd2\xd3\xd4\xd5\xd6\xd7\xd8\xd9\xda\xe2\xe3\xe4\xe5\xe6\xe7\xe8\xe9\xea\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa"
	)
	out := ""
	for i, table := range []string{counts0 + sizes, luma, counts1 + sizes, chroma} {
		length := 3 + len(table)
		out += "\xff\xc4" + string([]byte{byte(length >> 8), byte(length), byte(i%2<<4 | i/2)}) + table
	}
	return out
}
