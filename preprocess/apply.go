package preprocess

import (
	"fmt"
	"math"
	"slices"
)

// Len returns the number of elements of one image's tensor.
func (s *Spec) Len() int { return s.Channels() * s.Height * s.Width }

// ChannelsLast turns the tensor of one image from (C, Height, Width) into (Height, Width, C),
// in place.
func (s *Spec) ChannelsLast(image []float32) {
	channels, plane := s.Channels(), s.Height*s.Width
	if channels == 1 {
		return
	}
	first := slices.Clone(image[:channels*plane])
	for p := range plane {
		for c := range channels {
			image[p*channels+c] = first[c*plane+p]
		}
	}
}

// Load decodes an image file and writes its tensor, as Decode and Apply do, without
// the work on what the crop drops.
func (s *Spec) Load(b []byte, dst []float32) error {
	m, err := s.limits.decode(b, func(width, height int) (rectangle, error) {
		_, part := s.plan(width, height)
		w, h := s.resized(width, height)
		if w == width && h == height {
			return part, nil
		}
		if err := resizable(width, height, w, h); err != nil {
			return part, err
		}
		if part.x0 < part.x1 && part.y0 < part.y1 {
			rows, columns := bilinear(width, w, part.x0, part.x1), bilinear(height, h, part.y0, part.y1)
			part.x0, part.x1 = rows.span()
			part.y0, part.y1 = columns.span()
		}
		return part, nil
	})
	if err != nil {
		return err
	}
	return s.Apply(m, dst)
}

// resized returns the size that an image is resized to.
func (s *Spec) resized(width, height int) (w, h int) {
	switch s.Resize {
	case "short":
		return shortSide(width, height, s.Size)
	case "exact":
		return s.Size, s.Size
	}
	return width, height
}

// plan returns where the crop begins in the resized image, and the part of it that
// the crop keeps.
func (s *Spec) plan(width, height int) (origin [2]int, part rectangle) {
	w, h := s.resized(width, height)
	top, left := centre(h, s.Height), centre(w, s.Width)
	part = rectangle{x0: max(left, 0), y0: max(top, 0), x1: min(left+s.Width, w), y1: min(top+s.Height, h)}
	return [2]int{top, left}, part
}

// Apply writes the tensor of one image, (C, Height, Width), to dst.
func (s *Spec) Apply(m *Image, dst []float32) error {
	if len(dst) != s.Len() {
		return fmt.Errorf("room for %d elements, the image takes %d", len(dst), s.Len())
	}
	m = m.colored(s.Channels())
	width, height := s.resized(m.Width, m.Height)
	origin, part := s.plan(m.Width, m.Height) // only that part is computed
	top, left := origin[0], origin[1]
	if width == m.Width && height == m.Height {
		s.normalize(m, top, left, dst)
		return nil
	}
	m, err := m.resizePart(width, height, part)
	if err != nil {
		return err
	}
	s.normalize(m, top-part.y0, left-part.x0, dst)
	return nil
}

// shortSide returns the size with the short side made size, and the long one cut
// to an integer, as torchvision's Resize(int) does.
func shortSide(w, h, size int) (width, height int) {
	if w <= h {
		return size, size * h / w
	}
	return size * w / h, size
}

// centre returns where a crop of size want begins in an axis of size have: half the
// rest, rounded half to even as by Python's round. It is negative, by the floor,
// where the image is smaller and padding comes first.
func centre(have, want int) int {
	if have < want {
		return -((want - have) / 2)
	}
	return int(math.RoundToEven(float64(have-want) / 2))
}

// Canvas returns the image in the spec's colours and resized, before anything is cut:
// what training takes its windows from.
func (s *Spec) Canvas(m *Image) (*Image, error) {
	m = m.colored(s.Channels())
	width, height := s.resized(m.Width, m.Height)
	if width == m.Width && height == m.Height {
		return m, nil
	}
	return m.Resize(width, height)
}

// Centre returns where the window begins that inference cuts from a canvas; negative
// where the canvas is smaller.
func (s *Spec) Centre(canvas *Image) (top, left int) {
	return centre(canvas.Height, s.Height), centre(canvas.Width, s.Width)
}

// Window writes the window of a canvas that begins at (top, left), black outside the
// canvas, to dst as Apply does. Window(Canvas(m), Centre) is Apply(m).
func (s *Spec) Window(canvas *Image, top, left int, dst []float32) error {
	if len(dst) != s.Len() || canvas.Channels != s.Channels() {
		return fmt.Errorf("room for %d elements and %d channels, the spec makes %d of %d", len(dst), canvas.Channels, s.Len(), s.Channels())
	}
	s.normalize(canvas, top, left, dst)
	return nil
}

// normalize writes the window of the image that begins at (top, left), black outside
// it, in the order of the channels, normalized in float32 in torchvision's order of
// operations: ToTensor divides, Normalize subtracts and divides.
func (s *Spec) normalize(m *Image, top, left int, dst []float32) {
	channels := s.Channels()
	for c := range channels {
		from := c
		if s.Color == "BGR" {
			from = 2 - c
		}
		// A pixel has 256 values: compute each once.
		var table [256]float32
		for v := range table {
			scaled := float32(float32(v) / float32(s.Divisor))
			table[v] = float32(scaled-float32(s.Mean[c])) / float32(s.Std[c])
		}
		for y := range s.Height {
			row := dst[(c*s.Height+y)*s.Width:][:s.Width]
			sy := y + top
			if sy < 0 || sy >= m.Height {
				for x := range row {
					row[x] = table[0]
				}
				continue
			}
			src := m.Pix[sy*m.Width*channels:][:m.Width*channels]
			for x := range row {
				v := uint8(0)
				if at := (x+left)*channels + from; at >= 0 && at < len(src) && x+left >= 0 {
					v = src[at]
				}
				row[x] = table[v]
			}
		}
	}
}

// colored returns the image with one or three channels: luma by ITU-R 601 in
// Pillow's integer arithmetic, or the luma three times.
func (m *Image) colored(channels int) *Image {
	if m.Channels == channels {
		return m
	}
	out := &Image{Width: m.Width, Height: m.Height, Channels: channels, Pix: make([]uint8, m.Width*m.Height*channels)}
	for i := range m.Width * m.Height {
		if channels == 1 {
			p := m.Pix[3*i:]
			out.Pix[i] = uint8((int(p[0])*19595 + int(p[1])*38470 + int(p[2])*7471 + 1<<15) >> 16)
			continue
		}
		for c := range 3 {
			out.Pix[3*i+c] = m.Pix[i]
		}
	}
	return out
}
