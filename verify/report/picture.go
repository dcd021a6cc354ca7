package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/png"

	"alexctl/preprocess"
)

// Picture is an input image, small enough for a page of many.
type Picture struct {
	Name string
	png  []byte
}

// pictureSide is the longer side of a picture.
const pictureSide = 96

// NewPicture makes an image small.
func NewPicture(name string, m *preprocess.Image) (Picture, error) {
	w, h := pictureSide, max(1, pictureSide*m.Height/m.Width)
	if m.Height > m.Width {
		w, h = max(1, pictureSide*m.Width/m.Height), pictureSide
	}
	small, err := m.Resize(w, h)
	if err != nil {
		return Picture{}, fmt.Errorf("%s: %w", name, err)
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		for c := range 3 {
			out.Pix[4*i+c] = small.Pix[i*small.Channels+c%small.Channels]
		}
		out.Pix[4*i+3] = 255
	}
	var b bytes.Buffer
	if err := png.Encode(&b, out); err != nil {
		return Picture{}, err
	}
	return Picture{name, b.Bytes()}, nil
}

// Source is the picture as a page has it in itself.
func (p Picture) Source() template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(p.png)) //nolint:gosec // of bytes that were encoded here
}
