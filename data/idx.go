package data

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"alexctl/internal/regular"
)

// Limits of IDX files: far beyond MNIST's, within what fits.
const (
	maxImages    = 1 << 24
	maxImageSide = 1 << 12
	maxIDXBytes  = 1 << 28 // five times the largest of MNIST
)

// Magic numbers of IDX files of bytes: the last digit is the number of dimensions.
const (
	idxImages = 0x803
	idxLabels = 0x801
)

// idxFolders are where the files may lie below the folder that is named: torchvision keeps them
// in the last three.
var idxFolders = []string{"", "raw", "MNIST/raw", "FashionMNIST/raw"}

// idxWanted says what idxPlaces are.
const idxWanted = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, " +
	"also with .idx for -idx, with .gz, or in raw, MNIST/raw or FashionMNIST/raw"

// idxPlaces are the files that name may be: NAME or, with a dot, NAME's other spelling, plain or
// gzipped.
func idxPlaces(dir, name string) []string {
	var places []string
	for _, folder := range idxFolders {
		for _, n := range []string{name, strings.Replace(name, "-idx", ".idx", 1)} {
			for _, ending := range []string{"", ".gz"} {
				places = append(places, filepath.Join(dir, filepath.FromSlash(folder), n+ending))
			}
		}
	}
	return places
}

// idxFile opens the file called name in dir, under any of its usual names.
func idxFile(dir, name string) (*os.File, error) {
	for _, place := range idxPlaces(dir, name) {
		f, err := regular.Open(place)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, errNotHere
}

// readIDX reads a file of dims dimensions, gzipped or not: the sizes and the bytes.
func readIDX(r io.Reader, name string, magic uint32, dims int) (sizes []int, content []byte, err error) {
	fail := func(format string, args ...any) ([]int, []byte, error) {
		return nil, nil, fmt.Errorf("%s: "+format, append([]any{name}, args...)...)
	}
	in := bufio.NewReaderSize(r, 1<<16)
	if start, err := in.Peek(2); err == nil && start[0] == 0x1f && start[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fail("it begins like gzip but is not: %w", err)
		}
		in = bufio.NewReaderSize(z, 1<<16)
	}
	header := make([]byte, 4+4*dims)
	n, err := io.ReadFull(in, header)
	if got := binary.BigEndian.Uint32(header); n >= 4 && got != magic {
		return fail("it begins with %#08x, an IDX file of bytes in %d dimensions with %#08x", got, dims, magic)
	}
	if err != nil {
		return fail("the header of %d bytes is cut short at byte %d: %w", len(header), n, err)
	}
	total := 1
	for i := range dims {
		n := int(binary.BigEndian.Uint32(header[4+4*i:]))
		most := maxImageSide
		if i == 0 {
			most = maxImages
		}
		if n < 1 || n > most {
			return fail("dimension %d is %d, want 1 to %d", i, n, most)
		}
		sizes = append(sizes, n)
		if total *= n; total > maxIDXBytes {
			return fail("it says that it holds more than %d bytes", maxIDXBytes)
		}
	}
	content, err = readExactly(in, total)
	if err != nil {
		return fail("at byte %d of %d: %w", len(header)+len(content), len(header)+total, err)
	}
	return sizes, content, nil
}

// readExactly reads n bytes, after which there must be none. What is there is read
// before as much as n says is allocated.
func readExactly(r io.Reader, n int) ([]byte, error) {
	b := make([]byte, 0, min(n, 1<<20))
	for len(b) < n {
		b = slices.Grow(b, min(max(len(b), 1), n-len(b)))
		k, err := io.ReadFull(r, b[len(b):min(cap(b), n)])
		b = b[:len(b)+k]
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return b, fmt.Errorf("cut short: the header says that %d bytes follow, there are %d", n, len(b))
		}
		if err != nil {
			return b, err
		}
	}
	if k, err := io.ReadFull(r, make([]byte, 1)); k > 0 {
		return b, fmt.Errorf("it goes on after the %d bytes that its header says", n)
	} else if !errors.Is(err, io.EOF) {
		return b, err
	}
	return b, nil
}

// readPair reads images and their labels.
func readPair(images, labels io.Reader, imagesName, labelsName string, classes int) (*pixels, error) {
	size, pix, err := readIDX(images, imagesName, idxImages, 3)
	if err != nil {
		return nil, err
	}
	count, lab, err := readIDX(labels, labelsName, idxLabels, 1)
	if err != nil {
		return nil, err
	}
	if size[0] != count[0] {
		return nil, fmt.Errorf("%s holds %d images, %s %d labels", imagesName, size[0], labelsName, count[0])
	}
	return &pixels{width: size[2], height: size[1], channels: 1, pix: pix, labels: lab}, checkLabels(lab, classes, labelsName)
}

// openPair reads a pair of files in dir.
func openPair(dir, images, labels string, classes int) (p *pixels, err error) {
	x, err := idxFile(dir, images)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	y, err := idxFile(dir, labels)
	if err != nil {
		if errors.Is(err, errNotHere) {
			err = fmt.Errorf("%s is in %s, %s is not", images, dir, labels)
		}
		return nil, err
	}
	defer func() { err = errors.Join(err, y.Close()) }()
	return readPair(x, y, filepath.Join(dir, images), filepath.Join(dir, labels), classes)
}

// openMNIST reads the four files that MNIST and its successors have.
func openMNIST(name, dir string, classes []string) (*Set, error) {
	train, err := openPair(dir, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", len(classes))
	if err != nil {
		return nil, err
	}
	test, err := openPair(dir, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", len(classes))
	if err != nil {
		if errors.Is(err, errNotHere) {
			err = fmt.Errorf("%s holds the training images and no test images", dir)
		}
		return nil, err
	}
	if train.width != test.width || train.height != test.height {
		return nil, fmt.Errorf("training images are %dx%d, test images %dx%d", train.width, train.height, test.width, test.height)
	}
	return &Set{Name: name, Origin: dir, Classes: classes, Train: train, Test: test}, nil
}
