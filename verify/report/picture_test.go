package report_test

import (
	"strings"
	"testing"

	"alexctl/preprocess"
	"alexctl/verify"
	"alexctl/verify/report"
)

// TestPictures puts pictures of awkward sizes on the page, which names them and loads nothing.
func TestPictures(t *testing.T) {
	r := report.Report{Report: &verify.Report{OK: true, Results: []verify.Result{}}}
	for name, size := range map[string][3]int{"wide<b>.png": {300, 2, 3}, "high.png": {1, 500, 1}, "small.png": {1, 1, 3}} {
		m := &preprocess.Image{Width: size[0], Height: size[1], Channels: size[2], Pix: make([]uint8, size[0]*size[1]*size[2])}
		p, err := report.NewPicture(name, m)
		if err != nil {
			t.Fatal(err)
		}
		r.Pictures = append(r.Pictures, p)
	}
	var b strings.Builder
	if err := report.HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), `src="data:image/png;base64,`); n != 3 || !strings.Contains(b.String(), "wide&lt;b&gt;.png") || strings.Contains(b.String(), "ZgotmplZ") {
		t.Errorf("%d pictures in\n%s", n, b.String())
	}
}
