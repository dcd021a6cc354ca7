package data

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"alexctl/preprocess"
)

// SpecFor returns how the images of a dataset become a model's input of channels by
// height by width, without normalization: images of nearly that size are put in the
// middle on black (28x28 in 32x32, as everyone does), squares are resized, and
// others have their short side resized a little larger than what is cut out.
func SpecFor(d Dataset, channels, height, width int) (*preprocess.Spec, error) {
	if channels != 1 && channels != 3 {
		return nil, fmt.Errorf("the model takes %d channels, images have 1 or 3", channels)
	}
	m, err := d.Image(0)
	if err != nil {
		return nil, err
	}
	s := preprocess.Plain(channels, height)
	s.Height, s.Width = height, width
	const border = 8 // how much black around an image of nearly the right size
	switch dh, dw := height-m.Height, width-m.Width; {
	case uniform(d) && dh >= 0 && dw >= 0 && dh <= border && dw <= border:
		s.Resize, s.Size = "none", 0
	case uniform(d) && m.Height == m.Width && height == width:
		s.Resize, s.Size = "exact", height
	default:
		s.Resize, s.Size = "short", (max(height, width)*256+112)/224
	}
	return s, s.Validate()
}

// uniform reports whether all images of a dataset have one size: all but those of
// folders.
func uniform(d Dataset) bool {
	switch d := d.(type) {
	case *part:
		return uniform(d.Dataset)
	case *relabelled:
		return uniform(d.Dataset)
	case *together:
		return uniform(d.a) && uniform(d.b)
	case *folder:
		return false
	}
	return true
}

// statisticsImages is how many images statistics are of: all of a dataset like
// MNIST, evenly spaced ones of a larger one.
const statisticsImages = 100_000

// maxStatisticsPixels bounds the work on large images.
const maxStatisticsPixels = 1 << 28

// Normalize sets the spec's mean and deviation to those of the images as it makes
// them, and returns the principal components of their colours, nil for grey ones.
func Normalize(d Dataset, s *preprocess.Spec) (*Components, error) {
	n := d.Len()
	if n == 0 {
		return nil, errors.New("a dataset without images")
	}
	count := max(1, min(n, statisticsImages, maxStatisticsPixels/s.Len()))
	channels := s.Channels()
	plain := *s
	plain.Mean, plain.Std = make([]float64, channels), make([]float64, channels)
	for c := range channels {
		plain.Std[c] = 1
	}
	x := make([]float32, s.Len())
	plane := s.Height * s.Width
	var sum [3]float64
	var product [3][3]float64
	for k := range count {
		m, err := d.Image(k * n / count)
		if err != nil {
			return nil, err
		}
		if err := plain.Apply(m, x); err != nil {
			return nil, err
		}
		for i := range plane {
			for a := range channels {
				va := float64(x[a*plane+i])
				sum[a] += va
				for b := a; b < channels; b++ {
					product[a][b] += va * float64(x[b*plane+i])
				}
			}
		}
	}
	total := float64(count) * float64(plane)
	covariance := mat.NewSymDense(3, nil)
	for a := range channels {
		for b := a; b < channels; b++ {
			covariance.SetSym(a, b, product[a][b]/total-sum[a]/total*sum[b]/total)
		}
	}
	s.Mean, s.Std = make([]float64, channels), make([]float64, channels)
	for c := range channels {
		// Five digits, so that everyone can write them down.
		s.Mean[c] = math.Round(sum[c]/total*1e5) / 1e5
		s.Std[c] = math.Round(math.Sqrt(max(0, covariance.At(c, c)))*1e5) / 1e5
		if s.Std[c] == 0 {
			return nil, fmt.Errorf("channel %d of the images is %g everywhere: there is nothing to learn from", c, s.Mean[c])
		}
	}
	if channels == 1 {
		return nil, nil
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(covariance, true) {
		return nil, errors.New("the covariance of the colours has no eigenvectors")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	out := &Components{}
	for k, v := range eigen.Values(nil) {
		out.Deviation[k] = math.Sqrt(max(0, v))
		for c := range 3 {
			out.Vectors[k][c] = vectors.At(c, k)
		}
	}
	return out, nil
}
