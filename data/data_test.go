package data_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"alexctl/data"
	"alexctl/fault"
)

// idx returns an IDX file.
func idx(magic uint32, content []byte, sizes ...uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, magic)
	for _, s := range sizes {
		b = binary.BigEndian.AppendUint32(b, s)
	}
	return append(b, content...)
}

func zipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func write(t *testing.T, dir string, files map[string][]byte) string {
	t.Helper()
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mnist returns the four files of a dataset of 3 + 2 images of 4 by 2 pixels.
func mnist() map[string][]byte {
	pix := make([]byte, 3*8)
	for i := range pix {
		pix[i] = byte(i)
	}
	return map[string][]byte{
		"train-images-idx3-ubyte": idx(0x803, pix, 3, 2, 4),
		"train-labels-idx1-ubyte": idx(0x801, []byte{7, 0, 9}, 3),
		"t10k-images-idx3-ubyte":  idx(0x803, pix[:16], 2, 2, 4),
		"t10k-labels-idx1-ubyte":  idx(0x801, []byte{1, 2}, 2),
	}
}

func TestMNIST(t *testing.T) {
	for _, gz := range []bool{false, true} {
		files := map[string][]byte{}
		for name, b := range mnist() {
			if gz {
				name, b = name+".gz", zipped(t, b)
			}
			files[name] = b
		}
		set, err := data.Open(t.Context(), "mnist", data.Options{Dir: write(t, t.TempDir(), files)})
		if err != nil {
			t.Fatal(err)
		}
		m, err := set.Train.Image(1)
		if err != nil {
			t.Fatal(err)
		}
		if set.Train.Len() != 3 || set.Test.Len() != 2 || set.Train.Label(2) != 9 || m.Width != 4 || m.Height != 2 || m.Pix[0] != 8 {
			t.Errorf("gzip %t: %d + %d images, label %d, image %+v", gz, set.Train.Len(), set.Test.Len(), set.Train.Label(2), m)
		}
	}
}

func TestBadMNIST(t *testing.T) {
	for name, c := range map[string]struct {
		file    string
		content []byte // nil removes the file
		want    string
	}{
		"truncated images":  {"train-images-idx3-ubyte", mnist()["train-images-idx3-ubyte"][:30], "cut short"},
		"truncated header":  {"train-images-idx3-ubyte", []byte{0, 0, 8}, "header"},
		"empty":             {"train-labels-idx1-ubyte", []byte{}, "header"},
		"too long":          {"train-labels-idx1-ubyte", append(mnist()["train-labels-idx1-ubyte"], 1), "goes on"},
		"labels as images":  {"train-images-idx3-ubyte", mnist()["train-labels-idx1-ubyte"], "begins with"},
		"too few labels":    {"train-labels-idx1-ubyte", idx(0x801, []byte{1, 2}, 2), "3 images"},
		"label out of list": {"train-labels-idx1-ubyte", idx(0x801, []byte{1, 2, 10}, 3), "label 10"},
		"huge":              {"train-images-idx3-ubyte", idx(0x803, nil, 1<<31, 28, 28), "dimension 0"},
		"large claim":       {"train-images-idx3-ubyte", idx(0x803, nil, 1<<20, 4000, 4000), "more than"},
		"zero":              {"train-images-idx3-ubyte", idx(0x803, nil, 0, 28, 28), "dimension 0"},
		"other size":        {"t10k-images-idx3-ubyte", idx(0x803, make([]byte, 18), 2, 3, 3), "3x3"},
		"no labels":         {"train-labels-idx1-ubyte", nil, "is not"},
		"no test images":    {"t10k-images-idx3-ubyte", nil, "no test images"},
		"broken gzip":       {"train-images-idx3-ubyte", []byte{0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8}, "train-images"},
		"cut gzip":          {"train-images-idx3-ubyte", zipped(t, mnist()["train-images-idx3-ubyte"])[:30], "train-images"},
	} {
		files := mnist()
		files[c.file] = c.content
		if c.content == nil {
			delete(files, c.file)
		}
		_, err := data.Open(t.Context(), "mnist", data.Options{Dir: write(t, t.TempDir(), files)})
		var missing *data.MissingError
		if err == nil || errors.As(err, &missing) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
	_, err := data.Open(t.Context(), "mnist", data.Options{Dir: t.TempDir()})
	var missing *data.MissingError
	if !errors.As(err, &missing) {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := data.Open(t.Context(), "mnits", data.Options{}); !errors.Is(err, data.ErrUnknown) || !strings.Contains(err.Error(), "mnist") {
		t.Errorf("a misspelt name: %v", err)
	}
}

// record is one image of CIFAR's binary form: planes of red, green and blue.
func record(label, red, green, blue byte) []byte {
	b := []byte{label}
	for _, v := range []byte{red, green, blue} {
		b = append(b, bytes.Repeat([]byte{v}, 1024)...)
	}
	return b
}

func cifarBinary() map[string][]byte {
	files := map[string][]byte{"batches.meta.txt": []byte("airplane\nautomobile\nbird\n\n")}
	for i := range 5 {
		files[fmt.Sprintf("data_batch_%d.bin", i+1)] = append(record(byte(i%3), byte(i), 2, 3), record(1, 4, 5, 6)...)
	}
	files["test_batch.bin"] = record(2, 7, 8, 9)
	return files
}

// archive returns a gzipped tar of files, in their order.
func archive(t *testing.T, names []string, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return zipped(t, b.Bytes())
}

func cifarArchive(t *testing.T, change func(map[string][]byte)) []byte {
	files := map[string][]byte{}
	for name, b := range cifarBinary() {
		files["cifar-10-batches-bin/"+name] = b
	}
	if change != nil {
		change(files)
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return archive(t, names, files)
}

func TestCIFARBinary(t *testing.T) {
	places := map[string]map[string][]byte{"files": cifarBinary(), "folder": {}, "archive": {"cifar-10-binary.tar.gz": cifarArchive(t, nil)}}
	for name, b := range cifarBinary() {
		places["folder"]["cifar-10-batches-bin/"+name] = b
	}
	for place, files := range places {
		set, err := data.Open(t.Context(), "cifar10", data.Options{Dir: write(t, t.TempDir(), files)})
		if err != nil {
			t.Fatalf("%s: %v", place, err)
		}
		m, err := set.Train.Image(8)
		if err != nil {
			t.Fatal(err)
		}
		if set.Train.Len() != 10 || set.Test.Len() != 1 || set.Train.Label(8) != 1 || set.Test.Label(0) != 2 || len(set.Classes) != 3 ||
			m.Channels != 3 || m.Pix[0] != 4 || m.Pix[1] != 2 || m.Pix[3071] != 3 {
			t.Errorf("%s: %d + %d images, classes %v, pixels %v", place, set.Train.Len(), set.Test.Len(), set.Classes, m.Pix[:4])
		}
	}
}

func TestBadCIFAR(t *testing.T) {
	// Gzip files one after the other are one: 600 times a mebibyte of zeros.
	bomb := bytes.Repeat(zipped(t, make([]byte, 1<<20)), 600)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"escaping path": {cifarArchive(t, func(f map[string][]byte) { f["../../evil"] = []byte("x") }), "leads out"},
		"absolute path": {cifarArchive(t, func(f map[string][]byte) { f["/etc/evil"] = []byte("x") }), "leads out"},
		"cut record":    {cifarArchive(t, func(f map[string][]byte) { f["cifar-10-batches-bin/data_batch_2.bin"] = []byte{1, 2, 3} }), "whole records"},
		"bad label":     {cifarArchive(t, func(f map[string][]byte) { f["cifar-10-batches-bin/test_batch.bin"] = record(3, 1, 1, 1) }), "label 3"},
		"missing batch": {cifarArchive(t, func(f map[string][]byte) { delete(f, "cifar-10-batches-bin/data_batch_5.bin") }), "no data_batch_5.bin"},
		"twice":         {cifarArchive(t, func(f map[string][]byte) { f["other/test_batch.bin"] = record(0, 1, 1, 1) }), "twice"},
		"no gzip":       {[]byte("something else"), "gzip"},
		"cut archive":   {cifarArchive(t, nil)[:200], "cifar-10-binary.tar.gz"},
		"bomb":          {bomb, "cifar-10-binary.tar.gz"},
		"large file":    {cifarArchive(t, func(f map[string][]byte) { f["cifar-10-batches-bin/test_batch.bin"] = make([]byte, 65<<20) }), "more than"},
	} {
		_, err := data.Open(t.Context(), "cifar10", data.Options{Dir: write(t, t.TempDir(), map[string][]byte{"cifar-10-binary.tar.gz": c.content})})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

// TestCIFARPython reads files that Python wrote (testdata/make_cifar.py): protocol 2
// as NumPy under Python 2 pickled the published batches, and what Python 3 makes.
func TestCIFARPython(t *testing.T) {
	for _, dir := range []string{"python2", "python3"} {
		set, err := data.Open(t.Context(), "cifar10", data.Options{Dir: filepath.Join("testdata", dir)})
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		m, err := set.Test.Image(1)
		if err != nil {
			t.Fatal(err)
		}
		// Element k of image i is (37 i + 11 k) mod 256, planes of 1024.
		for _, at := range []struct{ pixel, channel int }{{0, 0}, {0, 2}, {1023, 1}} {
			want := uint8(37 + 11*(at.channel*1024+at.pixel))
			if got := m.Pix[3*at.pixel+at.channel]; got != want {
				t.Errorf("%s: pixel %d, channel %d is %d, want %d", dir, at.pixel, at.channel, got, want)
			}
		}
		if set.Train.Len() != 10 || set.Train.Label(3) != 0 || set.Train.Label(1) != 1 || set.Classes[1] != "automobile" {
			t.Errorf("%s: %d images, label %d, classes %v", dir, set.Train.Len(), set.Train.Label(3), set.Classes)
		}
	}
}

func pngFile(t *testing.T, width, height int, c color.Color) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		m.Set(i%width, i/width, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFolder(t *testing.T) {
	red, blue := pngFile(t, 8, 6, color.RGBA{255, 0, 0, 255}), pngFile(t, 8, 6, color.RGBA{0, 0, 255, 255})
	dir := write(t, t.TempDir(), map[string][]byte{
		"train/b/1.png": blue, "train/b/deep/2.PNG": blue, "train/a/1.png": red, "train/a/2.png": red, "train/a/readme.txt": nil,
		"test/a/1.png": red, "test/b/1.png": blue, "notes.txt": nil,
	})
	if err := os.Symlink(filepath.Join(dir, "train", "a"), filepath.Join(dir, "train", "b", "linked")); err != nil {
		t.Fatal(err)
	}
	set, err := data.Open(t.Context(), dir, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if set.Train.Len() != 6 || set.Test.Len() != 2 || !slices.Equal(set.Classes, []string{"a", "b"}) || set.Test.Label(1) != 1 {
		t.Errorf("%d + %d images, classes %v", set.Train.Len(), set.Test.Len(), set.Classes)
	}
	flat := t.TempDir()
	for i := range 10 {
		write(t, flat, map[string][]byte{fmt.Sprintf("x/%d.png", i): red, fmt.Sprintf("y/%d.png", i): blue})
	}
	first, err := data.Open(t.Context(), flat, data.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if first.Train.Len() != 16 || first.Test.Len() != 4 {
		t.Errorf("%d + %d images, want a fifth to test", first.Train.Len(), first.Test.Len())
	}
}

func TestBadFolders(t *testing.T) {
	good := pngFile(t, 4, 4, color.Black)
	for name, c := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"no classes":    {map[string][]byte{"1.png": good}, "at least two classes"},
		"one class":     {map[string][]byte{"a/1.png": good}, "at least two classes"},
		"empty class":   {map[string][]byte{"a/1.png": good, "b/readme": nil}, "no image"},
		"other classes": {map[string][]byte{"train/a/1.png": good, "train/b/1.png": good, "test/a/1.png": good, "test/c/1.png": good}, "classes"},
	} {
		if _, err := data.Open(t.Context(), write(t, t.TempDir(), c.files), data.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
	loop := write(t, t.TempDir(), map[string][]byte{"a/1.png": good, "b/1.png": good})
	if err := os.Symlink(filepath.Join(loop, "a"), filepath.Join(loop, "a", "again")); err != nil {
		t.Fatal(err)
	}
	if _, err := data.Open(t.Context(), loop, data.Options{}); err == nil {
		t.Error("a folder that holds itself was read")
	}
	leaves := write(t, t.TempDir(), map[string][]byte{"a/1.png": good, "b/1.png": good, "b/2.png": good})
	for from, to := range map[string]string{
		filepath.Join(leaves, "a", "out"): filepath.Join(loop, "b"), filepath.Join(leaves, "a", "2.png"): filepath.Join(loop, "b", "1.png"),
		filepath.Join(leaves, "c"): filepath.Join(loop, "b"), filepath.Join(leaves, "a", "3.png"): filepath.Join(leaves, "b", "2.png"),
	} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	within, err := data.Open(t.Context(), leaves, data.Options{})
	if err != nil || within.Train.Len()+within.Test.Len() != 4 || !slices.Equal(within.Classes, []string{"a", "b"}) {
		t.Errorf("links out of the folder: %+v, %v", within, err)
	} else if notes := strings.Join(within.Notes, "\n"); !strings.Contains(notes, "lead out of the folder: ") {
		t.Errorf("what was not followed: %q", notes)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := data.Open(ended, leaves, data.Options{}); fault.KindOf(err) != fault.Interrupted {
		t.Errorf("interrupted: %v", err)
	}
	broken := write(t, t.TempDir(), map[string][]byte{"a/1.png": []byte("no image"), "b/1.png": good})
	set, err := data.Open(t.Context(), broken, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range set.Train.Len() {
		if _, err := set.Train.Image(i); err != nil && !strings.Contains(err.Error(), "1.png") {
			t.Errorf("a broken image is not named: %v", err)
		}
	}
}

func TestSample(t *testing.T) {
	set, err := data.Open(t.Context(), "sample", data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if set.Train.Len() != 2000 || set.Test.Len() != 500 || len(set.Classes) != 10 {
		t.Errorf("%d + %d images of %d classes", set.Train.Len(), set.Test.Len(), len(set.Classes))
	}
	count := make([]int, 10)
	for i := range set.Train.Len() {
		count[set.Train.Label(i)]++
	}
	for c, n := range count {
		if n != 200 {
			t.Errorf("class %d has %d images", c, n)
		}
	}
}

// TestClassLinks links classes to nowhere, which is said, and to each other, which is refused.
func TestClassLinks(t *testing.T) {
	grey := pngFile(t, 8, 6, color.RGBA{99, 99, 99, 255})
	dir := write(t, t.TempDir(), map[string][]byte{"cat/0.png": grey, "dog/0.png": grey})
	if err := os.Symlink("gone", filepath.Join(dir, "bird")); err != nil {
		t.Skip(err)
	}
	set, err := data.Open(t.Context(), dir, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(set.Notes, "\n"); len(set.Classes) != 2 || !strings.Contains(notes, "nothing is there: "+filepath.Join(dir, "bird")) {
		t.Errorf("%d classes, %s", len(set.Classes), notes)
	}
	if err := os.Symlink("cat", filepath.Join(dir, "kitten")); err != nil {
		t.Fatal(err)
	}
	if _, err := data.Open(t.Context(), dir, data.Options{}); err == nil || !strings.Contains(err.Error(), "kitten is the same folder as "+filepath.Join(dir, "cat")) {
		t.Errorf("error is %v", err)
	}
}

// TestRunsAreNoClasses trains in a folder that holds the runs of earlier trainings, with plots.
func TestRunsAreNoClasses(t *testing.T) {
	grey := pngFile(t, 8, 6, color.RGBA{99, 99, 99, 255})
	files := map[string][]byte{"cat/0.png": grey, "dog/0.png": grey, "config/config.json": nil, "config/0.png": grey}
	for _, run := range []string{"runs/a/", "runs/b/", "alone/"} {
		for _, name := range []string{"config.json", "metrics.jsonl", "start.onnx"} {
			files[run+name] = nil
		}
		files[run+"loss.png"] = grey
	}
	dir := write(t, t.TempDir(), files)
	set, err := data.Open(t.Context(), dir, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := "runs of training: " + filepath.Join(dir, "alone") + ", " + filepath.Join(dir, "runs")
	write(t, dir, map[string][]byte{"bird/.hidden": nil})
	if _, err := data.Open(t.Context(), dir, data.Options{}); err == nil || !strings.Contains(err.Error(), "bird has no image") {
		t.Errorf("a class of nothing but hidden files: %v", err)
	}
	if notes := strings.Join(set.Notes, "\n"); !slices.Equal(set.Classes, []string{"cat", "config", "dog"}) || !strings.Contains(notes, want) {
		t.Errorf("classes %v, notes %s", set.Classes, notes)
	}
}
