package data_test

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"alexctl/data"
)

// folderOf writes a folder with so many images of each class.
func folderOf(t *testing.T, counts ...int) string {
	t.Helper()
	root := t.TempDir()
	for c, n := range counts {
		dir := filepath.Join(root, fmt.Sprintf("class%d", c))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.png", i)))
			if err != nil {
				t.Fatal(err)
			}
			if err := png.Encode(f, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func count(d data.Dataset, classes int) []int {
	n := make([]int, classes)
	if d != nil {
		for i := range d.Len() {
			n[d.Label(i)]++
		}
	}
	return n
}

// TestSplitByClass wants each class in each part, five images of it where there are enough, and
// the same parts of the same seed.
func TestSplitByClass(t *testing.T) {
	for _, c := range []struct{ counts, test []int }{
		{[]int{20, 20, 20}, []int{5, 5, 5}},
		{[]int{100, 20, 8}, []int{20, 5, 2}},
		{[]int{1, 3, 4}, []int{0, 1, 1}}, // of one nothing can be held out
		{[]int{26, 40}, []int{5, 8}},
	} {
		root := folderOf(t, c.counts...)
		set, err := data.Open(t.Context(), root, data.Options{Seed: 4, ByClass: true})
		if err != nil {
			t.Fatal(err)
		}
		got, rest := count(set.Test, len(c.counts)), count(set.Train, len(c.counts))
		for k, n := range c.counts {
			if got[k] != c.test[k] || rest[k] != n-c.test[k] {
				t.Errorf("%v: %v to test, %v to train, want %v to test", c.counts, got, rest, c.test)
			}
		}
		again, err := data.Open(t.Context(), root, data.Options{Seed: 4, ByClass: true})
		if err != nil {
			t.Fatal(err)
		}
		x, errX := data.Fingerprint(set.Train)
		y, errY := data.Fingerprint(again.Train)
		if errX != nil || errY != nil || x != y {
			t.Errorf("%v: another part of the same seed: %v, %v", c.counts, errX, errY)
		}
	}
}

// TestSplitStays adds, removes and renames images: what was trained with is not taken for the
// test part, but for a few.
func TestSplitStays(t *testing.T) {
	root := folderOf(t, 30, 30, 30)
	parts := func() map[string]bool { // whether an image tests, by its name
		set, err := data.Open(t.Context(), root, data.Options{Seed: 2, ByClass: true})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, d := range []data.Dataset{set.Train, set.Test} {
			for i := range d.Len() {
				out[data.NameOf(d, i)] = d == set.Test
			}
		}
		return out
	}
	before := parts()
	rename := func(from, to string) {
		if err := os.Rename(filepath.Join(root, from), filepath.Join(root, to)); err != nil {
			t.Fatal(err)
		}
	}
	rename("class0/0.png", "class0/zz.png")
	rename("class1/7.png", "class1/aa.png")
	if err := os.Remove(filepath.Join(root, "class2/3.png")); err != nil {
		t.Fatal(err)
	}
	moved := 0
	for name, tests := range parts() {
		if was, known := before[name]; known && !was && tests {
			moved++
		}
	}
	if len(before) != 90 || moved > 3 {
		t.Errorf("%d images, %d that were trained with test now", len(before), moved)
	}
}
