// Package preprocess turns image files into the tensors that models take, by a
// written-down specification that travels in the model: training and inference
// cannot disagree about it. Image files are untrusted: their sizes are bounded
// before anything is decoded.
package preprocess

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Limits on the sizes in a Spec, which comes from a model that may be a stranger's.
const (
	MaxSide = 1 << 14 // to resize to
	MaxCrop = 1 << 12 // what the model sees
)

// Spec says how an image becomes a tensor (1, C, Height, Width): decode, orient by
// EXIF, convert to the colour order, resize, take the centre, then
// (pixel/Divisor - Mean[c]) / Std[c] in float32.
type Spec struct {
	Version int `json:"version"`
	// Color is the order of the channels: "RGB", "BGR" or "L" (luma, one channel).
	Color string `json:"color"`
	// Resize is "short" (the short side becomes Size, as torchvision's
	// Resize(int)), "exact" (Size by Size, whatever the aspect) or "none". Resizing
	// is Pillow's bilinear with antialiasing.
	Resize string `json:"resize"`
	Size   int    `json:"size,omitempty"`
	// Height and Width are the centre crop that remains, as torchvision's
	// CenterCrop; a smaller image is padded with black.
	Height int `json:"height"`
	Width  int `json:"width"`
	// Divisor scales pixels, which are 0 to 255.
	Divisor float64 `json:"divisor"`
	// Mean and Std have one number a channel, in the order of Color.
	Mean []float64 `json:"mean"`
	Std  []float64 `json:"std"`

	limits Limits
}

// Within returns the spec with other limits on the images that Load decodes.
func (s *Spec) Within(l Limits) *Spec {
	within := *s
	within.limits = l
	return &within
}

// Channels returns the number of channels: 3, or 1 for luma.
func (s *Spec) Channels() int {
	if s.Color == "L" {
		return 1
	}
	return 3
}

// String says in words what is done with an image.
func (s *Spec) String() string {
	resize := "no resizing"
	switch s.Resize {
	case "short":
		resize = fmt.Sprintf("short side to %d", s.Size)
	case "exact":
		resize = fmt.Sprintf("resized to %dx%d", s.Size, s.Size)
	}
	return fmt.Sprintf("%s, centre %dx%d, %s, (pixel/%g - %.4g) / %.4g", resize, s.Height, s.Width, s.Color, s.Divisor, s.Mean, s.Std)
}

// Validate reports everything that is wrong with the spec.
func (s *Spec) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.Version != 1 {
		bad("version %d is not known, 1 is", s.Version)
	}
	if !slices.Contains([]string{"RGB", "BGR", "L"}, s.Color) {
		bad("color is %q, want RGB, BGR or L", s.Color)
	}
	if !slices.Contains([]string{"short", "exact", "none"}, s.Resize) {
		bad("resize is %q, want short, exact or none", s.Resize)
	}
	if s.Resize != "none" && (s.Size < 1 || s.Size > MaxSide) {
		bad("size is %d, want 1 to %d", s.Size, MaxSide)
	}
	if s.Height < 1 || s.Width < 1 || s.Height > MaxCrop || s.Width > MaxCrop {
		bad("the crop is %dx%d, want sides of 1 to %d", s.Height, s.Width, MaxCrop)
	}
	if !(s.Divisor > 0) || math.IsInf(s.Divisor, 0) {
		bad("divisor is %v, want a positive number", s.Divisor)
	}
	if len(s.Mean) != s.Channels() || len(s.Std) != s.Channels() {
		bad("%d means and %d deviations, color %s wants %d of each", len(s.Mean), len(s.Std), s.Color, s.Channels())
	}
	for _, v := range s.Std {
		if !(v > 0) || math.IsInf(v, 0) {
			bad("a deviation is %v, want positive numbers", v)
		}
	}
	for _, v := range s.Mean {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			bad("a mean is %v", v)
		}
	}
	return errors.Join(errs...)
}

// JSON returns the spec as it is written into a model.
func (s *Spec) JSON() string {
	b, err := json.Marshal(s)
	if err != nil { // only NaN and Inf cannot be written, and Validate refuses them
		return "{}"
	}
	return string(b)
}

// ParseSpec reads what JSON wrote.
func ParseSpec(text string) (*Spec, error) {
	s := &Spec{}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, fmt.Errorf("preprocessing: %w", err)
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("preprocessing: %w", err)
	}
	return s, nil
}

// The channel statistics that models of the family were trained with.
var (
	imageNetMean = []float64{0.485, 0.456, 0.406}
	imageNetStd  = []float64{0.229, 0.224, 0.225}
	// caffeMeanBGR is the mean pixel of ILSVRC-2012 in Caffe's BGR order.
	caffeMeanBGR = []float64{104.007, 116.669, 122.679}
)

// average returns the mean of three numbers: how a statistic of three channels
// becomes one of luma.
func average(v []float64) []float64 { return []float64{(v[0] + v[1] + v[2]) / 3} }

// Plain is pixels from 0 to 1, the short side resized to the input size.
func Plain(channels, side int) *Spec {
	s := &Spec{Version: 1, Color: "RGB", Resize: "short", Size: side, Height: side, Width: side,
		Divisor: 255, Mean: []float64{0, 0, 0}, Std: []float64{1, 1, 1}}
	if channels == 1 {
		s.Color, s.Mean, s.Std = "L", []float64{0}, []float64{1}
	}
	return s
}

// ImageNet is torchvision's evaluation transform: the short side resized to resize,
// the centre of side by side, ImageNet's mean and standard deviation.
func ImageNet(channels, resize, side int) *Spec {
	s := Plain(channels, side)
	s.Size, s.Mean, s.Std = resize, imageNetMean, imageNetStd
	if channels == 1 {
		s.Mean, s.Std = average(imageNetMean), average(imageNetStd)
	}
	return s
}

// MeanPixel subtracts ImageNet's mean pixel and leaves the range 0 to 255: Caffe's
// way with order "BGR" and resize mode "exact", the AlexNet paper's with "RGB" and
// "short".
func MeanPixel(channels int, order, mode string, resize, side int) *Spec {
	s := &Spec{Version: 1, Color: order, Resize: mode, Size: resize, Height: side, Width: side, Divisor: 1,
		Mean: slices.Clone(caffeMeanBGR), Std: []float64{1, 1, 1}}
	if order == "RGB" {
		slices.Reverse(s.Mean)
	}
	if channels == 1 {
		s.Color, s.Mean, s.Std = "L", average(caffeMeanBGR), []float64{1}
	}
	return s
}
