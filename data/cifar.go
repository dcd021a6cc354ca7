package data

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"alexctl/fault"
	"alexctl/internal/pickle"
	"alexctl/internal/regular"
)

// Sizes of CIFAR-10 (Krizhevsky 2009): a record is a label and three planes.
const (
	cifarSide   = 32
	cifarPlane  = cifarSide * cifarSide
	cifarImage  = 3 * cifarPlane
	cifarRecord = 1 + cifarImage
	// maxCIFARFile bounds each file: the pickles are a few per cent larger than the
	// 30,730,000 bytes of a binary batch.
	maxCIFARFile = 64 << 20
	// maxCIFARArchive bounds an archive, unpacked.
	maxCIFARArchive = 512 << 20
)

func cifarSource() source {
	const at = "https://www.cs.toronto.edu/~kriz/"
	return source{
		name:    "cifar10",
		summary: "CIFAR-10: 50,000 + 10,000 coloured 32x32 images of 10 kinds of things, binary or Python form",
		wanted:  "cifar-10-binary.tar.gz or cifar-10-python.tar.gz, or what is in them: data_batch_1.bin and its like, or data_batch_1",
		other:   []fault.Hint{{Text: "name its folder or that of its archive", Option: fault.DataDir}},
		files:   []Remote{{at + "cifar-10-binary.tar.gz", 170052171, "c32a1d4ab5d03f1284b67883e8d87530"}},
		open:    openCIFAR,
	}
}

// cifarForm is one of the two forms that CIFAR-10 comes in.
type cifarForm struct {
	archive, folder string
	train           []string
	test, meta      string
	parse           func(name string, b []byte) (*pixels, error)
	classes         func(b []byte) ([]string, error)
}

func cifarForms() []cifarForm {
	batches := func(suffix string) (list []string) {
		for i := range 5 {
			list = append(list, fmt.Sprintf("data_batch_%d%s", i+1, suffix))
		}
		return list
	}
	return []cifarForm{
		{"cifar-10-binary.tar.gz", "cifar-10-batches-bin", batches(".bin"), "test_batch.bin", "batches.meta.txt", parseCIFARBinary, classesOfText},
		{"cifar-10-python.tar.gz", "cifar-10-batches-py", batches(""), "test_batch", "batches.meta", parseCIFARPickle, classesOfPickle},
	}
}

// openCIFAR looks in dir for either form: its files, a folder of them, or the archive.
func openCIFAR(_ Options, dir string) (*Set, error) {
	for _, form := range cifarForms() {
		for _, place := range []string{dir, filepath.Join(dir, form.folder)} {
			if _, err := os.Stat(filepath.Join(place, form.test)); err == nil {
				files, err := form.readFolder(place)
				if err != nil {
					return nil, err
				}
				return form.set(place, files)
			}
		}
		archive := filepath.Join(dir, form.archive)
		if _, err := os.Stat(archive); err == nil {
			files, err := form.readArchive(archive)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", archive, err)
			}
			return form.set(archive, files)
		}
	}
	return nil, errNotHere
}

func (c cifarForm) wanted() []string { return append(slices.Clone(c.train), c.test, c.meta) }

func (c cifarForm) readFolder(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range c.wanted() {
		f, err := regular.Open(filepath.Join(dir, name))
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("%s is missing", filepath.Join(dir, name))
			}
			return nil, err
		}
		b, err := readBounded(f, name)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		files[name] = b
	}
	return files, nil
}

func readBounded(r io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxCIFARFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(b) > maxCIFARFile {
		return nil, fmt.Errorf("%s: more than %d bytes", name, maxCIFARFile)
	}
	return b, nil
}

// readArchive reads the files from the archive without unpacking it. A name that
// leads out of the archive is a sign of a forged one.
func (c cifarForm) readArchive(name string) (files map[string][]byte, err error) {
	f, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("not a gzip file: %w", err)
	}
	limited := &io.LimitedReader{R: z, N: maxCIFARArchive}
	t := tar.NewReader(limited)
	files = map[string][]byte{}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if limited.N <= 0 {
			return nil, fmt.Errorf("it unpacks to more than %d bytes", maxCIFARArchive)
		}
		if err != nil {
			return nil, err
		}
		clean := path.Clean(h.Name)
		if path.IsAbs(h.Name) || clean == ".." || strings.HasPrefix(clean, "../") {
			return nil, fmt.Errorf("it holds a file that leads out of it: %q", h.Name)
		}
		base := path.Base(clean)
		if h.Typeflag != tar.TypeReg || !slices.Contains(c.wanted(), base) {
			continue
		}
		if files[base] != nil {
			return nil, fmt.Errorf("it holds %s twice", base)
		}
		if files[base], err = readBounded(t, base); err != nil {
			if limited.N <= 0 {
				err = fmt.Errorf("it unpacks to more than %d bytes", maxCIFARArchive)
			}
			return nil, err
		}
	}
	for _, w := range c.wanted() {
		if files[w] == nil {
			return nil, fmt.Errorf("it holds no %s", w)
		}
	}
	return files, nil
}

// set puts the batches together.
func (c cifarForm) set(origin string, files map[string][]byte) (*Set, error) {
	classes, err := c.classes(files[c.meta])
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", origin, c.meta, err)
	}
	join := func(names []string) (*pixels, error) {
		all := &pixels{width: cifarSide, height: cifarSide, channels: 3}
		for _, name := range names {
			p, err := c.parse(name, files[name])
			if err == nil {
				err = checkLabels(p.labels, len(classes), name)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", origin, err)
			}
			all.pix, all.labels = append(all.pix, p.pix...), append(all.labels, p.labels...)
		}
		return all, nil
	}
	train, err := join(c.train)
	if err != nil {
		return nil, err
	}
	test, err := join([]string{c.test})
	if err != nil {
		return nil, err
	}
	return &Set{Name: "cifar10", Origin: origin, Classes: classes, Train: train, Test: test, Augment: "flip,pad=4"}, nil
}

// interleave writes three planes as pixels.
func interleave(dst, planes []uint8) {
	for i := range cifarPlane {
		for c := range 3 {
			dst[3*i+c] = planes[c*cifarPlane+i]
		}
	}
}

func parseCIFARBinary(name string, b []byte) (*pixels, error) {
	if len(b) == 0 || len(b)%cifarRecord != 0 {
		return nil, fmt.Errorf("%s: %d bytes are not whole records of %d", name, len(b), cifarRecord)
	}
	n := len(b) / cifarRecord
	p := &pixels{pix: make([]uint8, n*cifarImage), labels: make([]uint8, n)}
	for i := range n {
		record := b[i*cifarRecord:][:cifarRecord]
		p.labels[i] = record[0]
		interleave(p.pix[i*cifarImage:], record[1:])
	}
	return p, nil
}

func classesOfText(b []byte) ([]string, error) {
	var names []string
	for line := range strings.Lines(string(b)) {
		if s := strings.TrimSpace(line); s != "" {
			names = append(names, s)
		}
	}
	return checkClasses(names)
}

func checkClasses(names []string) ([]string, error) {
	if len(names) < 2 || len(names) > 256 {
		return nil, fmt.Errorf("%d class names, want 2 to 256", len(names))
	}
	return names, nil
}

// parseCIFARPickle reads the dictionary of a Python batch: data, an array of (n,
// 3072) bytes, and labels.
func parseCIFARPickle(name string, b []byte) (*pixels, error) {
	v, err := pickle.Read(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d, ok := v.(*pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("%s: it holds %T, want a dictionary with data and labels", name, v)
	}
	raw, err := arrayBytes(d.Get("data"))
	if err != nil {
		return nil, fmt.Errorf("%s: data: %w", name, err)
	}
	labels, err := integers(d.Get("labels"))
	if err != nil {
		return nil, fmt.Errorf("%s: labels: %w", name, err)
	}
	n := len(labels)
	if n == 0 || len(raw) != n*cifarImage {
		return nil, fmt.Errorf("%s: %d labels and %d bytes of images, want %d for each", name, n, len(raw), cifarImage)
	}
	p := &pixels{pix: make([]uint8, n*cifarImage), labels: make([]uint8, n)}
	for i, label := range labels {
		if label < 0 || label > 255 {
			return nil, fmt.Errorf("%s: label %d is %d", name, i, label)
		}
		p.labels[i] = uint8(label)
		interleave(p.pix[i*cifarImage:], raw[i*cifarImage:][:cifarImage])
	}
	return p, nil
}

func classesOfPickle(b []byte) ([]string, error) {
	v, err := pickle.Read(b)
	if err != nil {
		return nil, err
	}
	d, ok := v.(*pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("it holds %T, want a dictionary", v)
	}
	list, ok := d.Get("label_names").(*pickle.List)
	if !ok {
		return nil, errors.New("it has no list label_names")
	}
	var names []string
	for _, item := range list.Items {
		switch s := item.(type) {
		case string:
			names = append(names, s)
		case []byte:
			names = append(names, string(s))
		default:
			return nil, fmt.Errorf("a class name is %T", item)
		}
	}
	return checkClasses(names)
}
