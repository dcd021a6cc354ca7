package data

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"alexctl/fault"
	"alexctl/preprocess"
)

// Augment is what training does to images that inference does not. Its zero value is
// nothing.
type Augment struct {
	Flip  bool // mirror half of the images
	Pad   int  // move by up to this many pixels, black coming in: pad-and-crop
	Crop  bool // take the window anywhere on the resized image, as the AlexNet paper's 224 of 256
	Color bool // shift colours along their principal components (Krizhevsky 2012, section 4.1)
}

// maxPad bounds Augment.Pad.
const maxPad = 64

// ParseAugment reads a list such as "flip,pad=2"; "none" is nothing.
func ParseAugment(text string) (_ Augment, err error) {
	defer fault.Default(&err, fault.Usage)
	var a Augment
	for word := range strings.SplitSeq(text, ",") {
		name, number, given := strings.Cut(strings.TrimSpace(word), "=")
		switch {
		case (name == "none" || name == "") && !given:
		case name == "flip" && !given:
			a.Flip = true
		case name == "crop" && !given:
			a.Crop = true
		case name == "color" && !given:
			a.Color = true
		case name == "pad" && given:
			n, err := strconv.Atoi(number)
			if err != nil || n < 1 || n > maxPad {
				return a, fmt.Errorf("augmentation %q: want pad=1 to pad=%d", word, maxPad)
			}
			a.Pad = n
		default:
			return a, fmt.Errorf("unknown augmentation %q: want flip, pad=N, crop, color or none, separated by commas", word)
		}
	}
	return a, nil
}

// String returns what ParseAugment reads.
func (a Augment) String() string {
	var words []string
	for _, w := range []struct {
		on   bool
		text string
	}{{a.Flip, "flip"}, {a.Pad > 0, fmt.Sprintf("pad=%d", a.Pad)}, {a.Crop, "crop"}, {a.Color, "color"}} {
		if w.on {
			words = append(words, w.text)
		}
	}
	if words == nil {
		return "none"
	}
	return strings.Join(words, ",")
}

// Transform turns an image into what the model sees.
type Transform struct {
	Spec    *preprocess.Spec
	Augment Augment
	// Colors are the principal components of the colours, for Augment.Color.
	Colors *Components
	// ChannelsLast makes tensors (H, W, C), for models that take them so.
	ChannelsLast bool
}

// Components are the principal components of a dataset's colours: the eigenvectors
// of their covariance, and the square roots of the eigenvalues, in units of the
// spec's Divisor.
type Components struct {
	Vectors   [3][3]float64 `json:"vectors"` // by component
	Deviation [3]float64    `json:"deviation"`
}

// colorScale is the standard deviation of the factors that components are added
// with, as in the paper.
const colorScale = 0.1

// Plain writes the tensor of an image as inference sees it.
func (t *Transform) Plain(m *preprocess.Image, dst []float32) error {
	return t.ordered(dst, t.Spec.Apply(m, dst))
}

// ordered brings a tensor (C, H, W) into the order that is wanted.
func (t *Transform) ordered(dst []float32, err error) error {
	if err == nil && t.ChannelsLast {
		t.Spec.ChannelsLast(dst)
	}
	return err
}

// apply writes the tensor of an image, augmented by what g draws.
func (t *Transform) apply(m *preprocess.Image, g generator, dst []float32) error {
	return t.ordered(dst, t.augmented(m, g, dst))
}

// augmented writes the tensor (C, H, W).
func (t *Transform) augmented(m *preprocess.Image, g generator, dst []float32) error {
	canvas, err := t.Spec.Canvas(m)
	if err != nil {
		return err
	}
	top, left := t.Spec.Centre(canvas)
	a := t.Augment
	if a.Crop {
		if room := canvas.Height - t.Spec.Height; room > 0 {
			top = g.intn(room + 1)
		}
		if room := canvas.Width - t.Spec.Width; room > 0 {
			left = g.intn(room + 1)
		}
	}
	if a.Pad > 0 {
		top += g.intn(2*a.Pad+1) - a.Pad
		left += g.intn(2*a.Pad+1) - a.Pad
	}
	if err := t.Spec.Window(canvas, top, left, dst); err != nil {
		return err
	}
	if a.Flip && g.next()>>63 == 1 {
		for row := range slices.Chunk(dst, t.Spec.Width) {
			slices.Reverse(row)
		}
	}
	if a.Color && t.Colors != nil {
		t.shiftColors(g, dst)
	}
	return nil
}

// shiftColors adds to every pixel the components, each times a number that is drawn
// once for the image.
func (t *Transform) shiftColors(g generator, dst []float32) {
	var shift [3]float64
	for k, v := range t.Colors.Vectors {
		alpha := colorScale * g.normal() * t.Colors.Deviation[k]
		for c := range 3 {
			shift[c] += alpha * v[c]
		}
	}
	plane := t.Spec.Height * t.Spec.Width
	for c := range 3 {
		s := float32(shift[c] / t.Spec.Std[c])
		for i := range dst[c*plane:][:plane] {
			dst[c*plane+i] += s
		}
	}
}
