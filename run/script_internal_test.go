package run

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"gonum.org/v1/plot"

	"alexctl/train"
)

// names are classes in scripts of both fonts, and of neither.
var names = []string{"cat", "Katze groß", "кошка", "猫と犬", "고양이", "قطة", "γάτα", "แมว", "🐈"}

// TestNamed wants each class drawn by its name, or by its number where no font knows it.
func TestNamed(t *testing.T) {
	p := plot.New()
	script := anyScript{p.TextHandler}
	got := script.named(names, p.X.Tick.Label.Font)
	for i, name := range names[:7] {
		if got[i] != name {
			t.Errorf("%s is drawn as %s", name, got[i])
		}
	}
	for i, want := range map[int]string{7: "class 7", 8: "class 8"} {
		if got[i] != want {
			t.Errorf("%s is drawn as %s", names[i], got[i])
		}
	}
	for _, name := range []string{"cat", "猫と犬", "قطة"} {
		w, h, _ := script.Box(name, p.X.Tick.Label.Font)
		if !(w > 0 && h > 0 && w < 200) {
			t.Errorf("%s takes %v x %v", name, w, h)
		}
	}
}

// TestConfusionInAnyScript draws names that the plot's own font lacks: where their labels are, there
// is more ink than without them, and as much for another word of the script.
func TestConfusionInAnyScript(t *testing.T) {
	ink := func(classes []string) int {
		dir := t.TempDir()
		if keep := os.Getenv("ALEXCTL_KEEP_PICTURES"); keep != "" {
			dir = keep
		}
		e := &train.Evaluation{Images: len(classes), Confusion: make([][]int, len(classes))}
		for i := range e.Confusion {
			e.Confusion[i] = make([]int, len(classes))
			e.Confusion[i][i] = 1
		}
		if err := (record{dir}).Tested(e, classes); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, "confusion.png"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close() //nolint:errcheck // it was read
		m, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		return dark(m)
	}
	blank, japanese, arabic, english := ink([]string{"　", "　"}), ink([]string{"猫と犬猫と犬", "ねこ猫ねこ猫"}), ink([]string{"قطة كلب قطة", "كلب قطة كلب"}), ink([]string{"cat or cat", "dog or dog"})
	for name, n := range map[string]int{"Japanese": japanese, "Arabic": arabic, "English": english} {
		if n-blank < 200 {
			t.Errorf("%s: %d dark pixels, %d without names", name, n, blank)
		}
	}
	ink(names)
}

func dark(m image.Image) int {
	n := 0
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			if color.GrayModel.Convert(m.At(x, y)).(color.Gray).Y < 96 {
				n++
			}
		}
	}
	return n
}
