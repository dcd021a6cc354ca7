package preprocess

import (
	"bytes"
	"fmt"
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
	const (
		startOfScan = 0xda
		endOfImage  = 0xd9
	)
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
