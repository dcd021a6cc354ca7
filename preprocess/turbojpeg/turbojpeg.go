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

// Decode decodes a JPEG whose header says this width and height, in pixels, or of which they are
// eighths as Scaled has them, to interleaved RGB (channels 3) or luma (1) of 8 bits, rows without
// padding. The caller has bounded them: nothing is written beyond width*height*channels bytes
// whatever the file holds. Anything odd in the data is an error, also what the library would only
// warn of.
func Decode(b []byte, width, height, channels int) ([]uint8, error) {
	if err := Available(); err != nil {
		return nil, err
	}
	if len(b) == 0 || width < 1 || height < 1 || width > 65535 || height > 65535 || channels != 1 && channels != 3 {
		return nil, fmt.Errorf("a JPEG of %d bytes to %dx%dx%d", len(b), width, height, channels)
	}
	return decode(b, width, height, channels)
}
