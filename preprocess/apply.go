package preprocess

import (
	"fmt"
	"math"
)

// Len returns the number of elements of one image's tensor.
func (s *Spec) Len() int { return s.Channels() * s.Height * s.Width }

// Apply writes the tensor of one image, (C, Height, Width), to dst.
func (s *Spec) Apply(m *Image, dst []float32) error {
	if len(dst) != s.Len() {
		return fmt.Errorf("room for %d elements, the image takes %d", len(dst), s.Len())
	}
	m = m.colored(s.Channels())
	var err error
	switch s.Resize {
	case "short":
		if w, h := shortSide(m.Width, m.Height, s.Size); w != m.Width || h != m.Height {
			m, err = m.Resize(w, h)
		}
	case "exact":
		m, err = m.Resize(s.Size, s.Size)
	}
	if err != nil {
		return err
	}
	s.normalize(m, dst)
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

// normalize crops the centre, orders the channels and normalizes, in float32 and in
// torchvision's order of operations: ToTensor divides, Normalize subtracts and
// divides.
func (s *Spec) normalize(m *Image, dst []float32) {
	top, left := centre(m.Height, s.Height), centre(m.Width, s.Width)
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
		plane := dst[c*s.Height*s.Width:][:s.Height*s.Width]
		for y := range s.Height {
			for x := range s.Width {
				sy, sx := y+top, x+left
				v := uint8(0)
				if sy >= 0 && sy < m.Height && sx >= 0 && sx < m.Width {
					v = m.Pix[(sy*m.Width+sx)*channels+from]
				}
				plane[y*s.Width+x] = table[v]
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
