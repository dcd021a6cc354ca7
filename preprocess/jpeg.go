package preprocess

import (
	"fmt"
	"image"
	"image/jpeg"
	"io"
)

// maxScans bounds the scans of a progressive JPEG, each of which goes over the whole image:
// encoders write about ten, and a small file may hold thousands.
const maxScans = 100

// decodeJPEG decodes a JPEG of a bounded number of scans.
func decodeJPEG(r io.Reader) (image.Image, error) {
	seeker, ok := r.(io.ReadSeeker)
	if !ok {
		return nil, fmt.Errorf("a %T cannot be read twice", r)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if n := scansOf(b); n > maxScans {
		return nil, fmt.Errorf("%d scans, at most %d are decoded", n, maxScans)
	}
	if _, err := seeker.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return jpeg.Decode(seeker)
}

// scansOf counts the scans of a JPEG by its markers, as far as they can be followed.
func scansOf(b []byte) int {
	const (
		startOfScan = 0xda
		endOfImage  = 0xd9
	)
	n := 0
	for at := 2; at+4 <= len(b); {
		if b[at] != 0xff { // compressed data, in which a marker stands out
			at++
			continue
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
