package data

import (
	"bytes"

	"alexctl/testdata/sample"
)

// sampleSource is 2,000 + 500 images of Fashion-MNIST that are part of the program:
// training works without any file.
func sampleSource() source {
	return source{
		name:    "sample",
		summary: "2,000 + 500 images of Fashion-MNIST, part of the program",
		within:  true,
		open: func(Options, string) (*Set, error) {
			read := func(images, labels []byte) (*pixels, error) {
				return readPair(bytes.NewReader(images), bytes.NewReader(labels), "sample images", "sample labels", len(fashionClasses))
			}
			train, err := read(sample.TrainImages, sample.TrainLabels)
			if err != nil {
				return nil, err
			}
			test, err := read(sample.TestImages, sample.TestLabels)
			if err != nil {
				return nil, err
			}
			return &Set{Name: "sample", Origin: "the program", Classes: fashionClasses, Train: train, Test: test, Augment: "flip"}, nil
		},
	}
}
