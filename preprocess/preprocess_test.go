package preprocess_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"alexctl/fault"
	"alexctl/preprocess"
	"alexctl/preprocess/turbojpeg"
)

// golden is what Pillow and torchvision make of the images in testdata; see
// testdata/make_golden.py.
type golden struct {
	Resize []struct {
		File          string
		Width, Height int
		SHA256        string
	}
	Decode []struct {
		File      string
		Tolerance int
	}
	Tensor []struct {
		File         string
		Resize, Crop int
		SHA256       string
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func read(t *testing.T, name string) *preprocess.Image {
	t.Helper()
	m, err := preprocess.Decode(mustRead(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return m
}

// TestResizeEqualsPillow compares bit by bit.
func TestResizeEqualsPillow(t *testing.T) {
	for _, c := range readGolden(t).Resize {
		m, err := read(t, c.File).Resize(c.Width, c.Height)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(m.Pix); hex.EncodeToString(sum[:]) != c.SHA256 {
			t.Errorf("%s to %dx%d differs from Pillow", c.File, c.Width, c.Height)
		}
	}
}

// TestDecodeEqualsPillow compares decoded pixels. JPEG and lossy WebP allow the few
// steps by which inverse transforms differ; repeating chroma samples instead of
// interpolating them would differ by dozens.
func TestDecodeEqualsPillow(t *testing.T) {
	kinds, err := os.ReadFile("testdata/kinds.json")
	if err != nil {
		t.Fatal(err)
	}
	list := readGolden(t).Decode
	if err := json.Unmarshal(kinds, &list); err != nil {
		t.Fatal(err)
	}
	for _, c := range append(readGolden(t).Decode, list...) {
		// libjpeg's kinds are those that Go's decoder does not know.
		if libjpeg := strings.Contains(c.File, "sampling_") || strings.Contains(c.File, "arithmetic"); libjpeg && turbojpeg.Available() != nil {
			_, err := preprocess.Decode(mustRead(t, c.File))
			if fault.KindOf(err) != fault.Unsupported || !strings.Contains(err.Error(), "needs libjpeg-turbo") {
				t.Errorf("%s: error is %v", c.File, err)
			}
			continue
		}
		// The same library as Pillow's reads all but CMYK; orientation is held against what was stored.
		if exact := regexp.MustCompile(`^(kinds/)?(ycc|gray|tiny|progressive|no_tables|adobe_rgb|restart).*\.jpg$`); exact.MatchString(c.File) && turbojpeg.Available() == nil {
			c.Tolerance = 0
		}
		got, want := read(t, c.File), read(t, c.File+".expected.png")
		if got.Width != want.Width || got.Height != want.Height {
			t.Errorf("%s: %dx%d, want %dx%d", c.File, got.Width, got.Height, want.Width, want.Height)
			continue
		}
		worst := 0
		for i := range want.Width * want.Height {
			for k := range 3 {
				a := got.Pix[i*got.Channels+k%got.Channels]
				b := want.Pix[i*want.Channels+k%want.Channels]
				worst = max(worst, int(a)-int(b), int(b)-int(a))
			}
		}
		if worst > c.Tolerance {
			t.Errorf("%s: a pixel differs by %d, at most %d allowed", c.File, worst, c.Tolerance)
		}
	}
}

// TestTensorEqualsTorchvision compares Resize, CenterCrop, ToTensor and Normalize
// bit by bit.
func TestTensorEqualsTorchvision(t *testing.T) {
	for _, c := range readGolden(t).Tensor {
		s := preprocess.ImageNet(3, c.Resize, c.Crop)
		x := make([]float32, s.Len())
		if err := s.Apply(read(t, c.File), x); err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		for _, v := range x {
			if err := binary.Write(h, binary.LittleEndian, math.Float32bits(v)); err != nil {
				t.Fatal(err)
			}
		}
		if hex.EncodeToString(h.Sum(nil)) != c.SHA256 {
			t.Errorf("%s, Resize(%d), CenterCrop(%d) differs from torchvision", c.File, c.Resize, c.Crop)
		}
	}
}

// TestLoad wants Load to do what Decode and Apply do, for every format and for crops
// that drop much or little of the image.
func TestLoad(t *testing.T) {
	specs := []*preprocess.Spec{preprocess.ImageNet(3, 256, 227), preprocess.ImageNet(3, 20, 9), preprocess.Plain(1, 31), preprocess.ImageNet(3, 30, 60), preprocess.MeanPixel(3, "BGR", "exact", 40, 31)}
	specs = append(specs, &preprocess.Spec{Version: 1, Color: "RGB", Resize: "none", Height: 11, Width: 7, Divisor: 255, Mean: []float64{0, 0, 0}, Std: []float64{1, 1, 1}})
	for _, c := range readGolden(t).Decode {
		m := read(t, c.File)
		for _, s := range specs {
			want, got := make([]float32, s.Len()), make([]float32, s.Len())
			if err := s.Apply(m, want); err != nil {
				t.Fatal(err)
			}
			if err := s.Load(mustRead(t, c.File), got); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s with %s: Load differs from Decode and Apply (%v)", c.File, s.JSON(), err)
			}
		}
	}
}

// TestColorOrder checks channel order and means on one red pixel.
func TestColorOrder(t *testing.T) {
	red := &preprocess.Image{Width: 1, Height: 1, Channels: 3, Pix: []uint8{200, 100, 50}}
	for _, c := range []struct {
		spec *preprocess.Spec
		want []float32
	}{
		{preprocess.Plain(3, 1), []float32{200. / 255, 100. / 255, 50. / 255}},
		{preprocess.MeanPixel(3, "BGR", "exact", 1, 1), []float32{50 - 104.007, 100 - 116.669, 200 - 122.679}},
		{preprocess.MeanPixel(3, "RGB", "short", 1, 1), []float32{200 - 122.679, 100 - 116.669, 50 - 104.007}},
		{preprocess.Plain(1, 1), []float32{124. / 255}}, // (200*19595 + 100*38470 + 50*7471 + 32768) / 65536
	} {
		x := make([]float32, c.spec.Len())
		if err := c.spec.Apply(red, x); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if math.Abs(float64(x[i]-c.want[i])) > 1e-5 {
				t.Errorf("%s: %v, want %v", c.spec.JSON(), x, c.want)
				break
			}
		}
	}
}

func TestRefusedImages(t *testing.T) {
	huge := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01\x00\x00\x00\x01\x00\x00\x08\x02\x00\x00\x00\xe3\xe6\xa7\xb4")
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "empty"},
		"text":      {[]byte("hello, this is no image"), "known format"},
		"huge":      {huge, "65536x65536"},
		"truncated": {mustRead(t, "photo.png")[:2000], "broken PNG"},
	} {
		if _, err := preprocess.Decode(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
	strip := &preprocess.Image{Width: 1, Height: 1 << 20, Channels: 3, Pix: make([]uint8, 3<<20)}
	s := preprocess.ImageNet(3, 256, 224)
	if err := s.Apply(strip, make([]float32, s.Len())); err == nil {
		t.Error("a strip of 1x1048576 was resized to 256x268435456")
	}
}

func mustRead(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSpecRoundTrip(t *testing.T) {
	for _, s := range []*preprocess.Spec{preprocess.Plain(1, 32), preprocess.ImageNet(3, 256, 227), preprocess.MeanPixel(3, "BGR", "exact", 256, 227)} {
		got, err := preprocess.ParseSpec(s.JSON())
		if err != nil || fmt.Sprint(got) != fmt.Sprint(s) {
			t.Errorf("%s became %v (%v)", s.JSON(), got, err)
		}
	}
	for _, bad := range []string{"", "{}", `{"version":1,"color":"RGB","resize":"short","size":1000000,"height":1,"width":1,"divisor":1,"mean":[0,0,0],"std":[1,1,1]}`} {
		if _, err := preprocess.ParseSpec(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
