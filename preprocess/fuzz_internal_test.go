package preprocess

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fuzzPixels keeps single inputs quick; the limit works as that on bytes does.
const fuzzPixels = 1 << 18

// FuzzPreprocess decodes arbitrary bytes and makes a small tensor of them.
func FuzzPreprocess(f *testing.F) {
	files, _ := filepath.Glob("testdata/*")
	kinds, _ := filepath.Glob("testdata/kinds/*")
	files = append(files, kinds...)
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil && !strings.HasSuffix(name, ".json") && !strings.HasSuffix(name, ".py") {
			f.Add(b)
		}
	}
	s := ImageNet(3, 24, 16)
	x, again := make([]float32, s.Len()), make([]float32, s.Len())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Limits{Pixels: fuzzPixels}.Decode(b)
		if err != nil {
			return
		}
		if len(m.Pix) != m.Width*m.Height*m.Channels || len(m.Pix) > 3*fuzzPixels {
			t.Fatalf("%dx%d image with %d bytes", m.Width, m.Height, len(m.Pix))
		}
		if s.Apply(m, x) != nil { // an extreme aspect ratio
			return
		}
		if err := s.Load(b, again); err != nil || !slices.Equal(x, again) {
			t.Fatalf("Load differs from Decode and Apply (%v)", err)
		}
	})
}
