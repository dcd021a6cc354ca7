package data_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"alexctl/data"
)

func loader(t *testing.T, augment string, workers int) *data.Loader {
	t.Helper()
	set, err := data.Open(t.Context(), "synthetic", data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := data.ParseAugment(augment)
	if err != nil {
		t.Fatal(err)
	}
	d := data.Limit(set.Train, 50, 0)
	spec, err := data.SpecFor(d, 3, 32, 32)
	if err != nil {
		t.Fatal(err)
	}
	colors, err := data.Normalize(d, spec)
	if err != nil {
		t.Fatal(err)
	}
	return &data.Loader{Data: d, Transform: &data.Transform{Spec: spec, Augment: a, Colors: colors}, Batch: 8, Seed: 5, Workers: workers}
}

// epoch returns all images and labels of an epoch from a step on.
func epoch(t *testing.T, l *data.Loader, number, from int) (images []float32, labels []int) {
	t.Helper()
	for b, err := range l.Epoch(t.Context(), number, from) {
		if err != nil {
			t.Fatal(err)
		}
		images, labels = append(images, b.Images...), append(labels, b.Labels...)
	}
	return images, labels
}

// TestLoaderOrder wants the same batches whatever the number of workers, and from
// the middle of an epoch on.
func TestLoaderOrder(t *testing.T) {
	const augment = "flip,pad=3,color"
	one, labels := epoch(t, loader(t, augment, 1), 2, 0)
	if len(labels) != 48 {
		t.Fatalf("%d images, want 6 batches of 8", len(labels))
	}
	four, _ := epoch(t, loader(t, augment, 4), 2, 0)
	if !slices.Equal(one, four) {
		t.Error("four workers make other batches than one")
	}
	rest, _ := epoch(t, loader(t, augment, 3), 2, 4)
	if !slices.Equal(one[4*8*3*1024:], rest) {
		t.Error("an epoch from its fourth step on differs")
	}
	other, _ := epoch(t, loader(t, augment, 1), 3, 0)
	if slices.Equal(one, other) {
		t.Error("two epochs are the same")
	}
	plain, _ := epoch(t, loader(t, "none", 1), 2, 0)
	if slices.Equal(one, plain) {
		t.Error("augmentation does nothing")
	}
}

func TestLoaderOrdered(t *testing.T) {
	l := loader(t, "flip", 2)
	var labels []int
	for b, err := range l.Ordered(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		labels = append(labels, b.Labels[:b.Count]...)
	}
	if len(labels) != 50 {
		t.Fatalf("%d images, want all 50", len(labels))
	}
	for i, label := range labels {
		if label != l.Data.Label(i) {
			t.Fatalf("image %d has the label %d, want %d", i, label, l.Data.Label(i))
		}
	}
	for range l.Ordered(t.Context()) { // leaving early must not leave goroutines waiting
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range l.Ordered(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
	}
}

// TestAugmentations looks at each by itself.
func TestAugmentations(t *testing.T) {
	l := loader(t, "none", 1)
	plain := map[int][]float32{}
	for i := range l.Data.Len() {
		m, err := l.Data.Image(i)
		if err != nil {
			t.Fatal(err)
		}
		plain[i] = make([]float32, l.Transform.Spec.Len())
		if err := l.Transform.Plain(m, plain[i]); err != nil {
			t.Fatal(err)
		}
	}
	flipped, same := 0, 0
	images, _ := epoch(t, loader(t, "flip", 1), 0, 0)
	for x := range slices.Chunk(images, 3*1024) {
		mirror := slices.Clone(x)
		for row := range slices.Chunk(mirror, 32) {
			slices.Reverse(row)
		}
		for _, p := range plain {
			switch {
			case slices.Equal(p, x):
				same++
			case slices.Equal(p, mirror):
				flipped++
			}
		}
	}
	if same+flipped != 48 || flipped < 10 || same < 10 {
		t.Errorf("%d images are mirrored and %d are not, of 48", flipped, same)
	}
	for _, bad := range []string{"flap", "pad", "pad=0", "pad=x", "flip=2"} {
		if _, err := data.ParseAugment(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	a, err := data.ParseAugment("color, pad=2,flip,crop")
	if err != nil || a.String() != "flip,pad=2,crop,color" {
		t.Errorf("%s, %v", a, err)
	}
}

func TestSplit(t *testing.T) {
	set, err := data.Open(t.Context(), "sample", data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rest, val := data.Split(set.Train, 0.1, 3)
	if rest.Len() != 1800 || val.Len() != 200 {
		t.Fatalf("%d and %d images", rest.Len(), val.Len())
	}
	_, again := data.Split(set.Train, 0.1, 3)
	_, other := data.Split(set.Train, 0.1, 4)
	same, differ := true, false
	for i := range val.Len() {
		a, _ := val.Image(i)
		b, _ := again.Image(i)
		c, _ := other.Image(i)
		same = same && bytes.Equal(a.Pix, b.Pix)
		differ = differ || !bytes.Equal(a.Pix, c.Pix)
	}
	if !same || !differ {
		t.Errorf("the same seed gives the same part: %t; another seed another: %t", same, differ)
	}
}

// TestNormalization compares with figures that are known: Fashion-MNIST's pixels have
// the mean 0.2860 and deviation 0.3530; the sample is a balanced part of them.
func TestNormalization(t *testing.T) {
	set, err := data.Open(t.Context(), "sample", data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := data.SpecFor(set.Train, 1, 32, 32)
	if err != nil {
		t.Fatal(err)
	}
	if spec.Resize != "none" {
		t.Errorf("28x28 images are resized to 32x32: %s", spec.JSON())
	}
	if _, err := data.Normalize(set.Train, spec); err != nil {
		t.Fatal(err)
	}
	if math.Abs(spec.Mean[0]-0.219) > 0.01 || math.Abs(spec.Std[0]-0.332) > 0.01 {
		t.Errorf("mean %g, deviation %g; all of Fashion-MNIST, padded, has 0.219 and 0.332", spec.Mean[0], spec.Std[0])
	}
	sum, square, n := 0.0, 0.0, 0.0
	l := &data.Loader{Data: set.Train, Transform: &data.Transform{Spec: spec}, Batch: 100}
	for b, err := range l.Ordered(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range b.Images {
			sum, square, n = sum+float64(v), square+float64(v)*float64(v), n+1
		}
	}
	if math.Abs(sum/n) > 1e-3 || math.Abs(square/n-1) > 1e-3 {
		t.Errorf("normalized, the mean is %g and the mean square %g", sum/n, square/n)
	}
}

// server serves a file of a dataset, without its second half the first time.
type server struct {
	content []byte
	ranges  bool
	cut     bool
	asked   []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.Header.Get("Range"))
	if s.cut {
		s.cut = false
		w.Header().Set("Content-Length", "5148")
		_, _ = w.Write(s.content[:len(s.content)/2])
		return
	}
	if !s.ranges {
		_, _ = w.Write(s.content)
		return
	}
	http.ServeContent(w, r, "file", time.Time{}, bytes.NewReader(s.content))
}

func TestFetch(t *testing.T) {
	content := bytes.Repeat([]byte("fashion "), 700)[:5148]
	sum := md5.Sum(content)
	remote := data.Remote{Size: 5148, MD5: hex.EncodeToString(sum[:])}
	for _, ranges := range []bool{true, false} {
		s := &server{content: content, ranges: ranges, cut: true}
		web := httptest.NewServer(s)
		defer web.Close()
		remote.URL = web.URL + "/t10k-labels-idx1-ubyte.gz"
		dir := t.TempDir()
		if err := data.FetchFile(t.Context(), remote, dir, func(string, int64, int64) {}); err == nil {
			t.Fatal("half a file was accepted")
		}
		if _, err := os.Stat(filepath.Join(dir, "t10k-labels-idx1-ubyte.gz")); err == nil {
			t.Fatal("half a file got its name")
		}
		last := int64(0)
		if err := data.FetchFile(t.Context(), remote, dir, func(_ string, done, _ int64) { last = done }); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "t10k-labels-idx1-ubyte.gz"))
		if err != nil || !bytes.Equal(got, content) || last != 5148 {
			t.Errorf("ranges %t: %d bytes, progress %d, %v", ranges, len(got), last, err)
		}
		if len(s.asked) != 2 || s.asked[1] == "" {
			t.Errorf("asked for the ranges %q", s.asked)
		}
		if err := data.FetchFile(t.Context(), remote, dir, func(string, int64, int64) {}); err != nil || len(s.asked) != 2 {
			t.Errorf("a file that is there is fetched again: %v, %q", err, s.asked)
		}
	}
}

func TestFetchRefuses(t *testing.T) {
	content := make([]byte, 5148)
	for name, s := range map[string]*server{
		"another file": {content: content},
		"too long":     {content: append(content, 1)},
		"too short":    {content: content[:100]},
	} {
		web := httptest.NewServer(s)
		defer web.Close()
		dir := t.TempDir()
		remote := data.Remote{URL: web.URL + "/x.gz", Size: 5148, MD5: "bb300cfdad3c16e7a12a480ee83cd310"}
		if err := data.FetchFile(t.Context(), remote, dir, func(string, int64, int64) {}); err == nil {
			t.Errorf("%s was accepted", name)
		} else if name == "another file" && !errors.Is(err, data.ErrDigest) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "x.gz")); err == nil {
			t.Errorf("%s got its name", name)
		}
	}
}
