// Package turbojpeg decodes JPEG with libjpeg-turbo, through its TurboJPEG API, where the library
// is installed. It is looked for when it is first needed and never required: a program without it
// has Go's decoder. Its pixels are those of Pillow and so of torchvision, bit by bit, and it takes
// a fifth of the time of Go's.
package turbojpeg

import "fmt"

// LibraryEnv is the environment variable that names the library (its file, or None).
const LibraryEnv = "ALEXCTL_TURBOJPEG_LIB"

// None as the library's name leaves it out.
const None = "none"

// Scaled returns so many eighths of a width or a height, as the library has them.
func Scaled(n, eighths int) int { return (n*eighths + 7) / 8 }

// Decode decodes a JPEG of a size in pixels, the width first, to a width and a height, which are
// those or eighths of them as Scaled has them, as interleaved RGB (channels 3) or luma (1) of 8
// bits, rows without padding. The caller has bounded both: an image that the library finds to be of
// another size is an error before it is decoded, and nothing is written beyond
// width*height*channels bytes whatever the file holds. Anything odd in the data is an error, also
// what the library would only warn of.
func Decode(b []byte, size [2]int, width, height, channels int) ([]uint8, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	scaled := false
	for eighths := 1; eighths <= 8; eighths++ {
		scaled = scaled || width == Scaled(size[0], eighths) && height == Scaled(size[1], eighths)
	}
	if len(b) == 0 || min(size[0], size[1]) < 1 || max(size[0], size[1]) > 65535 || !scaled || channels != 1 && channels != 3 {
		return nil, fmt.Errorf("a JPEG of %d bytes and %dx%d to %dx%dx%d", len(b), size[0], size[1], width, height, channels)
	}
	return decode(b, size, width, height, channels)
}
