package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"

	"golang.org/x/image/webp"
)

// animation is the first frame of an animated WebP, as a file of its own.
type animation struct {
	canvas image.Rectangle
	at     image.Point // of the frame
	still  []byte
}

// animated returns the first frame of an animated WebP, or nil for another one (WebP Container
// Specification).
func animated(b []byte) (*animation, error) {
	if len(b) < 30 || string(b[12:16]) != "VP8X" || b[20]&2 == 0 {
		return nil, nil
	}
	a := &animation{canvas: image.Rect(0, 0, 1+three(b[24:]), 1+three(b[27:]))}
	for at := 30; at+8 <= len(b); {
		length := int(binary.LittleEndian.Uint32(b[at+4:]))
		if length > len(b)-at-8 {
			break
		}
		if frame := b[at+8 : at+8+length]; string(b[at:at+4]) == "ANMF" && length > 24 {
			a.at = image.Pt(2*three(frame), 2*three(frame[3:]))
			chunks := frame[16:]
			if string(chunks[:4]) == "ALPH" { // which a file has only beside an extended header
				head := append([]byte("VP8X\x0a\x00\x00\x00\x10\x00\x00\x00"), frame[6:12]...)
				chunks = append(head, chunks...)
			}
			a.still = append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(chunks))), "WEBP"...)
			a.still = append(a.still, chunks...)
			return a, nil
		}
		at += 8 + length + length%2
	}
	return nil, errors.New("an animation without a frame")
}

func three(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

func configWebP(b []byte) (image.Config, error) {
	a, err := animated(b)
	if err != nil {
		return image.Config{}, err
	}
	if a == nil {
		return webp.DecodeConfig(bytes.NewReader(b))
	}
	c, err := webp.DecodeConfig(bytes.NewReader(a.still))
	if size := image.Rect(0, 0, c.Width, c.Height).Add(a.at); err == nil && !size.In(a.canvas) {
		return c, errors.New("the first frame goes beyond the canvas")
	}
	c.Width, c.Height = a.canvas.Dx(), a.canvas.Dy()
	return c, err
}

// decodeWebP decodes an image, or the first frame of an animation on its canvas. The YCbCr of
// lossy images, with or without alpha, is marked as narrow.
func decodeWebP(b []byte) (image.Image, error) {
	a, err := animated(b)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return decodeStill(b)
	}
	m, err := decodeStill(a.still)
	if err != nil || m.Bounds() == a.canvas {
		return m, err
	}
	size := m.Bounds().Size()
	return onCanvas(a.canvas, convert(m, rectangle{0, 0, size.X, size.Y}), a.at), nil
}

func decodeStill(b []byte) (image.Image, error) {
	m, err := webp.Decode(bytes.NewReader(b))
	switch s := m.(type) {
	case *image.YCbCr:
		return studio{s}, err
	case *image.NYCbCrA:
		return studio{&s.YCbCr}, err
	}
	return m, err
}

// onCanvas returns a canvas that is black but for a picture, as far as the canvas goes.
func onCanvas(canvas image.Rectangle, m *Image, at image.Point) *image.NRGBA {
	full := image.NewNRGBA(canvas)
	paint(full, m, at)
	return full
}

// paint puts a picture on a canvas, as far as the canvas goes.
func paint(full *image.NRGBA, m *Image, at image.Point) {
	area := image.Rect(0, 0, m.Width, m.Height).Add(at).Intersect(full.Rect)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			from, to := m.Pix[((y-at.Y)*m.Width+x-at.X)*m.Channels:], full.Pix[full.PixOffset(x, y):]
			to[0], to[1], to[2], to[3] = from[0], from[m.Channels/2], from[m.Channels-1], 255
		}
	}
}
