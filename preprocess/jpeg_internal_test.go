package preprocess

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestScans counts the scans of photographs, and refuses an image that repeats one a thousand
// times: each would be decoded over the whole image.
func TestScans(t *testing.T) {
	files, err := filepath.Glob("../testdata/images/*.jpg")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := scansOf(b); n < 1 || n > 12 {
			t.Errorf("%s has %d scans", file, n)
		}
	}
	m := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		m.Set(i%64, i/64, color.Gray{Y: uint8(i)})
	}
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, m, nil); err != nil {
		t.Fatal(err)
	}
	b := buf.Bytes()
	if n := scansOf(b); n != 1 {
		t.Errorf("%d scans, want 1", n)
	}
	at := bytes.LastIndex(b, []byte{0xff, 0xda})
	scan := b[at : len(b)-2]
	many := append(append([]byte{}, b[:at]...), bytes.Repeat(scan, 1000)...)
	many = append(many, 0xff, 0xd9)
	if _, err := Decode(many); err == nil || !strings.Contains(err.Error(), "1000 scans, at most 100 are decoded") {
		t.Errorf("error is %v", err)
	}
	for _, hostile := range [][]byte{nil, {0xff}, {0xff, 0xd8, 0xff, 0xda}, {0xff, 0xd8, 0xff, 0xda, 0, 0}, binary.BigEndian.AppendUint64([]byte{0xff, 0xd8}, 1<<63)} {
		scansOf(hostile)
	}
}
