package data

import (
	"fmt"
	"math"
)

// syntheticSource draws images that a network can learn to tell apart: stripes, whose
// direction and colour follow the class, under noise.
func syntheticSource() source {
	return source{
		name:    "synthetic",
		summary: "2,000 + 500 coloured 32x32 images of stripes in 10 directions, drawn from the seed",
		within:  true,
		open: func(o Options, _ string) (*Set, error) {
			const classes = 10
			names := make([]string, classes)
			for c := range names {
				names[c] = fmt.Sprintf("%d degrees", c*180/classes)
			}
			return &Set{Name: "synthetic", Origin: fmt.Sprintf("seed %d", o.Seed), Classes: names,
				Train: stripes(o.Seed, "train", 2000, classes), Test: stripes(o.Seed, "test", 500, classes), Augment: "none"}, nil
		},
	}
}

func stripes(seed uint64, purpose string, n, classes int) *pixels {
	const side = 32
	p := &pixels{width: side, height: side, channels: 3, pix: make([]uint8, n*side*side*3), labels: make([]uint8, n)}
	for i := range n {
		g := stream(seed, purpose, i)
		class := i % classes
		p.labels[i] = uint8(class)
		sin, cos := math.Sincos(math.Pi * float64(class) / float64(classes))
		phase, period := 2*math.Pi*g.float(), 5+3*g.float()
		for y := range side {
			for x := range side {
				wave := math.Sin(phase + 2*math.Pi*(float64(x)*cos+float64(y)*sin)/period)
				for c := range 3 {
					tint := 40 * math.Cos(2*math.Pi*(float64(class)/float64(classes)+float64(c)/3))
					v := 128 + 60*wave + tint + 25*g.normal()
					p.pix[((i*side+y)*side+x)*3+c] = uint8(min(max(v, 0), 255))
				}
			}
		}
	}
	return p
}
