package preprocess

import (
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
