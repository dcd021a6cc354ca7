package preprocess_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"alexctl/preprocess"
)

// A picture becomes a tensor (C, Height, Width) as torchvision's evaluation transform makes it.
func ExampleSpec_Load() {
	m := image.NewGray(image.Rect(0, 0, 300, 200)) // black
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	s := preprocess.ImageNet(3, 256, 224)
	x := make([]float32, s.Len())
	if err := s.Load(b.Bytes(), x); err != nil {
		panic(err)
	}
	fmt.Printf("%d %.4f\n", len(x), x[0]) // (0 - 0.485) / 0.229
	// Output: 150528 -2.1179
}
