package preprocess

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"alexctl/fault"
	"alexctl/preprocess/turbojpeg"
)

// TestTurboDamage changes and cuts JPEGs: what is broken for Go's decoder alone is so with
// libjpeg-turbo too, and what both read is nearly equal.
func TestTurboDamage(t *testing.T) {
	if err := turbojpeg.Available(); err != nil {
		t.Skip(err)
	}
	files, err := filepath.Glob("testdata/*.jpg")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	const rounds = 60
	rng := rand.New(rand.NewPCG(14, 1))
	fine := 0
	for _, file := range files {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for round := range rounds {
			b := append([]byte{}, whole...)
			switch round % 3 {
			case 0:
				b = b[:2+rng.IntN(len(b)-2)]
			case 1:
				b[2+rng.IntN(len(b)-2)] ^= byte(1 + rng.IntN(255))
			default:
				at := 2 + rng.IntN(len(b)-2)
				b = append(b[:at:at], b[at+min(len(b)-at, rng.IntN(20)):]...)
			}
			if scansOf(b) > maxScans {
				continue
			}
			_, odd := decodeTurbo(mendJPEG(b))
			_, plain := decodeGo(mendJPEG(b), odd)
			if plain != nil && odd == nil && !strings.Contains(plain.Error(), "unsupported") {
				t.Errorf("%s, round %d: libjpeg-turbo reads what Go's decoder finds broken: %v", file, round, plain)
			}
			if odd == nil {
				fine++
			}
			if _, err := (Limits{Pixels: fuzzPixels}).Decode(b); plain == nil && err != nil && fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s, round %d: %v", file, round, err)
			}
		}
	}
	if fine < len(files) {
		t.Errorf("libjpeg-turbo read %d of %d", fine, rounds*len(files))
	}
}

// TestReduced decodes JPEGs that are too large for the memory to a smaller size, which looks the
// same, and says so.
func TestReduced(t *testing.T) {
	if err := turbojpeg.Available(); err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		file  string
		bytes float64 // a pixel that are allowed
		part  float64 // of the width that is wanted at least, and not all of it
	}{{"rocket.jpg", 3.1, 1}, {"rocket.jpg", 2, 0.75}, {"rocket.jpg", 0.1, 0.125}, {"astronaut.jpg", 1, 0.5}} {
		b, err := os.ReadFile(filepath.Join("../testdata/images", c.file))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		m, err := Limits{Bytes: int64(c.bytes * float64(whole.Width*whole.Height)), Reduced: func(s string) { said = s }}.Decode(b)
		if err != nil {
			t.Errorf("%s in %g bytes a pixel: %v", c.file, c.bytes, err)
			continue
		}
		if part := float64(m.Width) / float64(whole.Width); part < c.part || c.part < 1 && part == 1 {
			t.Errorf("%s in %g bytes a pixel: %d of %d columns", c.file, c.bytes, m.Width, whole.Width)
		}
		if (said != "") != (m.Width < whole.Width) {
			t.Errorf("%s of %d columns in %d, and %q is said", c.file, whole.Width, m.Width, said)
		}
		x, y := make([]float32, 64), make([]float32, 64)
		if err := errors.Join(Plain(1, 8).Apply(whole, x), Plain(1, 8).Apply(m, y)); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			const near = 0.06 // of white: the sizes end in other fractions of a pixel
			if math.Abs(float64(x[i]-y[i])) > near {
				t.Errorf("%s in %g bytes a pixel: %g at %d, %g of the whole", c.file, c.bytes, y[i], i, x[i])
				break
			}
		}
	}
	b, err := os.ReadFile("testdata/progressive.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Limits{Bytes: 100}).Decode(b); err == nil {
		t.Error("coefficients were decoded in 100 bytes")
	}
}

// TestTurboBounds gives the library less room than the image says it takes, and more.
func TestTurboBounds(t *testing.T) {
	if err := turbojpeg.Available(); err != nil {
		t.Skip(err)
	}
	b, err := os.ReadFile("testdata/ycc420.jpg")
	if err != nil {
		t.Fatal(err)
	}
	f := frameOf(b)
	for _, size := range [][2]int{{1, 1}, {f.width - 1, f.height}, {f.width, 1}, {2 * f.width, 2 * f.height}} {
		pix, err := turbojpeg.Decode(b, size[0], size[1], 3)
		if err == nil && len(pix) != 3*size[0]*size[1] {
			t.Errorf("%v: %d bytes", size, len(pix))
		}
	}
	for _, wrong := range [][]byte{nil, {0xff}, {0xff, 0xd8, 0xff, 0xd9}} {
		if _, err := turbojpeg.Decode(wrong, 4, 4, 3); err == nil {
			t.Errorf("%x was decoded", wrong)
		}
	}
	if _, err := turbojpeg.Decode(b, 1<<20, 1<<20, 3); err == nil {
		t.Error("an image of 2^40 pixels was allocated")
	}
}
