package preprocess

import (
	"bytes"
	"errors"
	"image"
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
// libjpeg-turbo too.
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
	if _, err := (Limits{Pixels: 100}).Decode(b); err == nil {
		t.Error("more pixels than are allowed were decoded")
	}
}

// TestTurboSizes gives the library images of another size than it is told, and sizes that it
// cannot scale to: nothing is decoded.
func TestTurboSizes(t *testing.T) {
	if err := turbojpeg.Available(); err != nil {
		t.Skip(err)
	}
	b, err := os.ReadFile("testdata/ycc420.jpg")
	if err != nil {
		t.Fatal(err)
	}
	f := frameOf(b)
	own := [2]int{f.width, f.height}
	for _, eighths := range []int{8, 5, 1} {
		w, h := turbojpeg.Scaled(f.width, eighths), turbojpeg.Scaled(f.height, eighths)
		if pix, err := turbojpeg.Decode(b, own, w, h, 3); err != nil || len(pix) != 3*w*h || pix[len(pix)-1] == 0 && pix[len(pix)-2] == 0 {
			t.Errorf("%d eighths: %d bytes, %v", eighths, len(pix), err)
		}
	}
	for _, size := range [][2]int{{1, 1}, {f.width - 1, f.height}, {f.width, 1}, {2 * f.width, 2 * f.height}, {8 * f.width, 8 * f.height}, {0, 0}, {-1, 4}, {1 << 20, 1 << 20}} {
		if _, err := turbojpeg.Decode(b, size, size[0], size[1], 3); err == nil {
			t.Errorf("an image of %v is decoded as one of %v", own, size)
		}
		if _, err := turbojpeg.Decode(b, own, size[0], size[1], 3); err == nil {
			t.Errorf("an image of %v is decoded to %v", own, size)
		}
	}
	for _, wrong := range [][]byte{nil, {0xff}, {0xff, 0xd8, 0xff, 0xd9}} {
		if _, err := turbojpeg.Decode(wrong, [2]int{4, 4}, 4, 4, 3); err == nil {
			t.Errorf("%x was decoded", wrong)
		}
	}
}

// TestTwoFrames hides a frame where one decoder passes over it and another does not: what is
// decoded is what was measured, with either decoder.
func TestTwoFrames(t *testing.T) {
	small, err := os.ReadFile("testdata/ycc420.jpg")
	if err != nil {
		t.Fatal(err)
	}
	large := func(marker byte) []byte {
		return []byte{0xff, marker, 0, 17, 8, 0xff, 0xff, 0xff, 0xff, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0}
	}
	hide := func(between []byte) []byte {
		return append(append(append([]byte{}, small[:2]...), between...), small[2:]...)
	}
	length := func(n int) []byte { return []byte{byte(n >> 8), byte(n)} }
	for name, b := range map[string][]byte{
		"a marker of zero":          hide(append(append([]byte{0xff, 0}, length(2+19)...), large(startOfFrame2)...)),
		"a restart marker":          hide(append(append([]byte{0xff, restart0}, length(2+19)...), large(startOfFrame2)...)),
		"two restart markers":       hide(append([]byte{0xff, restart0, 0xff, restart0, 0xff, 0xfe, 0, 21}, large(startOfFrame2)...)),
		"the start of an image":     hide(append(append([]byte{0xff, 0xd8}, length(2+19)...), large(startOfFrame2)...)),
		"the end of an image":       hide(append(append([]byte{0xff, endOfImage}, length(2+19)...), large(startOfFrame2)...)),
		"what belongs to nothing":   hide(append([]byte{1, 2, 3}, large(startOfFrame2)...)),
		"a frame before it":         hide(large(startOfFrame2)),
		"a lossless frame":          hide(large(0xc3)),
		"a frame that is too short": hide([]byte{0xff, startOfFrame2, 0, 4, 8, 0xff}),
		"a comment":                 hide(append([]byte{0xff, 0xfe, 0, 21}, large(startOfFrame2)...)),
	} {
		m, err := Limits{Pixels: fuzzPixels}.Decode(b)
		if err == nil && (m.Width != frameOf(small).width || m.Height != frameOf(small).height) {
			t.Errorf("%s: decoded to %dx%d", name, m.Width, m.Height)
		}
		if f := frameOf(b); name != "a comment" && f.turbo() {
			t.Errorf("%s: libjpeg-turbo is given a frame of %dx%d", name, f.width, f.height)
		} else if name == "a comment" && (!f.turbo() || err != nil) {
			t.Errorf("%s: %v", name, err)
		}
		for _, decode := range []func([]byte) (image.Image, error){decodeTurbo, func(b []byte) (image.Image, error) { return decodeGo(b, nil) }} {
			if m, err := decode(b); err == nil && m.Bounds().Dx() > 1000 {
				t.Errorf("%s: %v was decoded", name, m.Bounds())
			}
		}
	}
}

// TestScansApart wants the memory for coefficients counted where each component has a scan of its
// own.
func TestScansApart(t *testing.T) {
	b, err := os.ReadFile("testdata/ycc444.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if f := frameOf(b); !f.together || f.bytes() != 6 {
		t.Errorf("%+v takes %g bytes a pixel", f, f.bytes())
	}
	apart := append([]byte{}, b...)
	apart[bytes.Index(b, []byte{0xff, startOfScan})+4] = 1 // components of the first scan
	if f := frameOf(apart); f.together || f.bytes() != 12 {
		t.Errorf("%+v takes %g bytes a pixel", f, f.bytes())
	}
}
