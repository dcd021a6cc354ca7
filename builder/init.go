package builder

import (
	"fmt"
	"math"
	"strings"

	"alexctl/internal/nearest"
)

// layer is what an initialization depends on.
type layer struct {
	number      int // 1 to 5 for convolutions, 6 to 8 for fully connected layers
	convolution bool
	fanIn       int64 // inputs of one output
}

// distribution is how the elements of a parameter are drawn.
type distribution struct {
	kind  int
	scale float64
}

const (
	constantKind = iota // every element is scale
	uniformKind         // uniform from -scale to scale
	normalKind          // normal with standard deviation scale
)

func constant(v float64) distribution  { return distribution{constantKind, v} }
func normal(std float64) distribution  { return distribution{normalKind, std} }
func uniform(lim float64) distribution { return distribution{uniformKind, lim} }

// scheme gives the distributions of a layer's weight and bias.
type scheme func(layer) (weight, bias distribution)

func schemeFor(name string, source scheme) (scheme, error) {
	schemes := map[string]scheme{"source": source, "he": he, "paper": paperScheme, "zeros": zeros}
	if s, ok := schemes[name]; ok {
		return s, nil
	}
	names := []string{"source", "he", "paper", "zeros"}
	return nil, fmt.Errorf("unknown initialization %q%s (known: %s)", name, nearest.Hint(name, names), strings.Join(names, ", "))
}

// torchDefault is what torch.nn.Conv2d and Linear do: both parameters uniform
// within 1/sqrt(fan_in).
func torchDefault(l layer) (weight, bias distribution) {
	lim := 1 / math.Sqrt(float64(l.fanIn))
	return uniform(lim), uniform(lim)
}

// he is He et al. 2015, section 2.2: normal with deviation sqrt(2/fan_in), biases
// 0; the last layer has no rectifier behind it and starts small.
func he(l layer) (weight, bias distribution) {
	if l.number == 8 {
		return normal(0.01), constant(0)
	}
	return normal(math.Sqrt(2 / float64(l.fanIn))), constant(0)
}

// paperScheme is Krizhevsky et al. 2012, section 5: normal with deviation 0.01,
// biases 1 in the second, fourth and fifth convolution and the hidden fully
// connected layers, otherwise 0.
func paperScheme(l layer) (weight, bias distribution) {
	switch l.number {
	case 2, 4, 5, 6, 7:
		return normal(0.01), constant(1)
	}
	return normal(0.01), constant(0)
}

func zeros(layer) (weight, bias distribution) { return constant(0), constant(0) }
