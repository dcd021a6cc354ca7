package preprocess_test

import (
	"os"
	"testing"

	"alexctl/preprocess"
)

// BenchmarkDecode decodes a JPEG of 640x427, BenchmarkApply makes a tensor of it.
func BenchmarkDecode(b *testing.B) {
	data, err := os.ReadFile("../testdata/images/rocket.jpg")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := preprocess.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	data, err := os.ReadFile("../testdata/images/rocket.jpg")
	if err != nil {
		b.Fatal(err)
	}
	m, err := preprocess.Decode(data)
	if err != nil {
		b.Fatal(err)
	}
	s := preprocess.ImageNet(3, 256, 227)
	x := make([]float32, s.Len())
	for b.Loop() {
		if err := s.Apply(m, x); err != nil {
			b.Fatal(err)
		}
	}
}
