package preprocess

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"alexctl/fault"
)

func pngOf(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestLimits holds images to limits by bytes and by pixels, before they are decoded.
func TestLimits(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	baseline := b.Bytes()
	progressive := bytes.Replace(baseline, []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1)
	deep := pngOf(t, image.NewNRGBA64(image.Rect(0, 0, 64, 48)))
	for name, c := range map[string]struct {
		file []byte
		each float64
	}{
		"JPEG 4:2:0":         {baseline, 1.5 + 3},
		"progressive":        {progressive, 1.5 + 6 + 3},
		"JPEG of no frame":   {[]byte("\xff\xd8\xff\xd9"), 23},
		"cut in the frame":   {baseline[:len(baseline)/20], 23},
		"PNG of 16 bits":     {deep, 11},
		"PNG, grey":          {pngOf(t, image.NewGray(image.Rect(0, 0, 64, 48))), 2},
		"PNG with a palette": {pngOf(t, image.NewPaletted(image.Rect(0, 0, 64, 48), color.Palette{color.Black, color.White})), 4},
	} {
		for _, f := range formats() {
			if !f.matches(c.file) {
				continue
			}
			var m color.Model
			if conf, err := f.config(c.file); err == nil {
				m = conf.ColorModel
			}
			if got := f.bytesOf(c.file, m); got != c.each {
				t.Errorf("%s: %g bytes a pixel, want %g", name, got, c.each)
			}
		}
	}
	size := int64(11 * 64 * 48)
	if _, err := (Limits{Bytes: size}).Decode(deep); err != nil {
		t.Errorf("what just fits: %v", err)
	}
	for name, l := range map[string]Limits{"bytes": {Bytes: size - 1}, "pixels": {Pixels: 64*48 - 1}} {
		_, err := l.Decode(deep)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "64x48") || len(fault.Hints(err)) != 1 || fault.Hints(err)[0].Option != fault.MaxPixels {
			t.Errorf("%s: %v, %+v", name, err, fault.Hints(err))
		}
	}
	if _, err := (Limits{Bytes: 1 << 10, Pixels: 1 << 20}).Decode(deep); err != nil {
		t.Errorf("pixels that were allowed: %v", err)
	}
	// A strip of a row is refused for what it becomes, before it is decoded.
	strip := pngOf(t, image.NewGray(image.Rect(0, 0, 1<<20, 1)))
	s := ImageNet(3, 256, 224)
	cut := strip[:len(strip)/2]
	if err := s.Load(cut, make([]float32, s.Len())); err == nil || !strings.Contains(err.Error(), "resizing 1048576x1 to 268435456x256") {
		t.Errorf("a strip: %v", err)
	}
}

// TestRoom decodes one image at a time where two do not fit, and one that does not fit alone.
func TestRoom(t *testing.T) {
	r := NewRoom(100)
	var now atomic.Int64
	var wg sync.WaitGroup
	for _, n := range []int64{60, 60, 30, 500, 60, 100} {
		wg.Go(func() {
			defer r.take(n)()
			if sum := now.Add(n); sum > 100 && sum != 500 {
				t.Errorf("%d bytes at once", sum)
			}
			time.Sleep(2 * time.Millisecond)
			now.Add(-n)
		})
	}
	wg.Wait()
	if r.taken != 0 {
		t.Errorf("%d left", r.taken)
	}
	var none *Room
	none.take(5)()
}
