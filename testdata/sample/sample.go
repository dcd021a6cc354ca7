// Package sample holds 2,000 training and 500 test images of Fashion-MNIST, so that
// training works without any file: the first 200 and 50 of each class. The images
// are Zalando's, under the MIT licence in LICENSE; make/main.go made the files.
package sample

import _ "embed"

// The files, in IDX form, gzipped.
var (
	//go:embed train-images-idx3-ubyte.gz
	TrainImages []byte
	//go:embed train-labels-idx1-ubyte.gz
	TrainLabels []byte
	//go:embed t10k-images-idx3-ubyte.gz
	TestImages []byte
	//go:embed t10k-labels-idx1-ubyte.gz
	TestLabels []byte
)
