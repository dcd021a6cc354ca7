// Package data reads labelled images: datasets by name and folders of images, splits
// of them, augmentation, and a loader that makes batches ahead of their use, always
// in the same order. Files are untrusted: sizes are bounded before anything of their
// size is allocated, and archives are read in place, never unpacked.
package data

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"alexctl/fault"
	"alexctl/internal/nearest"
	"alexctl/preprocess"
)

// Dataset is labelled images. Image may be called from several goroutines at once.
type Dataset interface {
	Len() int
	// Label returns the class of image i, an index into Set.Classes.
	Label(i int) int
	Image(i int) (*preprocess.Image, error)
}

// Set is a dataset with its classes and its training and test part.
type Set struct {
	Name    string
	Origin  string // the files it was read from
	Classes []string
	Train   Dataset
	Test    Dataset // nil where there is none
	Folder  bool    // whether it was opened as an image folder
	Drawn   bool    // whether Test was drawn from images that were not set apart
	Augment string  // what training does with it by default, see ParseAugment
	// Notes say what was found and is not used, or used otherwise than its name says.
	Notes []string
}

// Options says where datasets are looked for.
type Options struct {
	// Dir, where not "", is the folder that holds the dataset's files.
	Dir string
	// Cache is the folder that Fetch writes to: a folder for each dataset.
	Cache string
	// Seed draws what has to be drawn: the test part of a folder that has none.
	Seed uint64
	// ByClass draws the same part of each class; runs of old drew from all images at once.
	ByClass bool
	// Images bound what decoding the images of a folder takes.
	Images preprocess.Limits
}

// source is a dataset that is known by name.
type source struct {
	name    string
	summary string
	places  []string     // folders where packages put it
	files   []Remote     // what Fetch downloads
	wanted  string       // the names of its files, as an error says them
	other   []fault.Hint // how to get it besides fetching it
	open    func(o Options, dir string) (*Set, error)
	within  bool // it needs no files
}

// sources returns every dataset. A new one is a file and a line here.
func sources() []source {
	return []source{sampleSource(), fashionSource(), mnistSource(), cifarSource(), syntheticSource()}
}

// Names returns the names of the datasets, each with what it is.
func Names() [][2]string {
	var out [][2]string
	for _, s := range sources() {
		out = append(out, [2]string{s.name, s.summary})
	}
	return out
}

// MissingError says that a dataset is not on this machine.
type MissingError struct {
	Name   string
	Looked []string // folders
	Wanted string   // what was looked for there
	Help   []fault.Hint
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("dataset %s is not installed (looked in %s for %s)", e.Name, strings.Join(e.Looked, ", "), e.Wanted)
}

// Kind returns fault.Environment.
func (e *MissingError) Kind() fault.Kind { return fault.Environment }

// Hints says how to get it.
func (e *MissingError) Hints() []fault.Hint { return e.Help }

// ErrUnknown says that a name is neither a dataset nor a folder.
var ErrUnknown = fault.New(fault.Usage, "neither a dataset nor a folder")

// find returns the dataset of a name. also is what the name might have been instead.
func find(name, also string) (source, error) {
	var names []string
	for _, s := range sources() {
		if s.name == name {
			return s, nil
		}
		names = append(names, s.name)
	}
	near := nearest.Hint(name, names)
	if i := slices.IndexFunc(names, func(s string) bool { return strings.HasPrefix(s, name) }); near == "" && len(name) > 2 && i >= 0 {
		near = ", did you mean " + names[i] + "?"
	}
	return source{}, fmt.Errorf("%q: %w%s (datasets: %s%s)", name, ErrUnknown, near, strings.Join(names, ", "), also)
}

// Open reads the dataset of this name, or the image folder at this path. Files that are not
// what they should be are fault.Invalid.
func Open(ctx context.Context, name string, o Options) (_ *Set, err error) {
	defer fault.Default(&err, fault.Invalid)
	s, err := find(name, "; or a folder with a folder of images for each class")
	if err != nil {
		info, statErr := os.Stat(name)
		switch {
		case statErr == nil && info.IsDir():
			return openFolder(ctx, name, o)
		case statErr == nil:
			return nil, fault.New(fault.Usage, "%s is a file: name a folder with a folder of images for each class, or a dataset", name)
		case !errors.Is(statErr, fs.ErrNotExist):
			return nil, statErr
		case strings.ContainsAny(name, `/\.`): // no dataset is called so
			return nil, fault.New(fault.Invalid, "%s: there is no such folder", name)
		}
		return nil, err
	}
	if s.within {
		return s.open(o, "")
	}
	places := append([]string{}, s.places...)
	if o.Cache != "" {
		places = append([]string{filepath.Join(o.Cache, name)}, places...)
	}
	if o.Dir != "" {
		places = []string{o.Dir}
	}
	for _, dir := range places {
		set, err := s.open(o, dir)
		if errors.Is(err, errNotHere) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("dataset %s: %w", name, err)
		}
		return set, nil
	}
	return nil, &MissingError{name, places, s.wanted, append([]fault.Hint{{Text: "download it", Option: fault.Fetch, Value: name}}, s.other...)}
}

// errNotHere says that a folder holds no dataset.
var errNotHere = errors.New("not here")

// pixels is images of one size in memory, interleaved.
type pixels struct {
	width, height, channels int
	pix                     []uint8
	labels                  []uint8
}

func (p *pixels) Len() int        { return len(p.labels) }
func (p *pixels) Label(i int) int { return int(p.labels[i]) }

func (p *pixels) Image(i int) (*preprocess.Image, error) {
	n := p.width * p.height * p.channels
	return &preprocess.Image{Width: p.width, Height: p.height, Channels: p.channels, Pix: p.pix[i*n : (i+1)*n]}, nil
}

// checkLabels reports a label that is not a class.
func checkLabels(labels []uint8, classes int, where string) error {
	for i, l := range labels {
		if int(l) >= classes {
			return fmt.Errorf("%s: image %d has the label %d, there are %d classes", where, i, l, classes)
		}
	}
	return nil
}

// Relabel returns the dataset with other numbers for its classes.
func Relabel(d Dataset, classes []int) Dataset { return &relabelled{d, classes} }

type relabelled struct {
	Dataset
	classes []int
}

func (r *relabelled) Label(i int) int { return r.classes[r.Dataset.Label(i)] }

// Together returns the images of two datasets, one after the other.
func Together(a, b Dataset) Dataset { return &together{a, b} }

type together struct{ a, b Dataset }

func (t *together) Len() int { return t.a.Len() + t.b.Len() }

func (t *together) Label(i int) int {
	if i < t.a.Len() {
		return t.a.Label(i)
	}
	return t.b.Label(i - t.a.Len())
}

func (t *together) Image(i int) (*preprocess.Image, error) {
	if i < t.a.Len() {
		return t.a.Image(i)
	}
	return t.b.Image(i - t.a.Len())
}

// part is some images of a dataset.
type part struct {
	Dataset
	index []int
}

func (p *part) Len() int        { return len(p.index) }
func (p *part) Label(i int) int { return p.Dataset.Label(p.index[i]) }

func (p *part) Image(i int) (*preprocess.Image, error) { return p.Dataset.Image(p.index[i]) }

// Limit returns n images: the first ones, or, of a folder, whose images lie in the
// order of their classes, n drawn at random, the same for the same seed.
func Limit(d Dataset, n int, seed uint64) Dataset {
	if n >= d.Len() {
		return d
	}
	p := &part{d, make([]int, n)}
	for i := range p.index {
		p.index[i] = i
	}
	if !uniform(d) {
		copy(p.index, permutation(d.Len(), stream(seed, "limit")))
		slices.Sort(p.index)
	}
	return p
}

// Fingerprint tells whether a dataset is the same as before: a digest of all labels
// and of some images.
func Fingerprint(d Dataset) (_ string, err error) {
	defer fault.Default(&err, fault.Invalid)
	h := sha256.New()
	n := d.Len()
	labels := make([]byte, 0, 4*n)
	for i := range n {
		labels = binary.LittleEndian.AppendUint32(labels, uint32(d.Label(i)))
	}
	_, _ = h.Write(labels) // a digest takes everything
	const some = 32
	for k := range min(some, n) {
		m, err := d.Image(k * n / min(some, n))
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintf(h, "%d %d %d", m.Width, m.Height, m.Channels)
		_, _ = h.Write(m.Pix)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fewOfClass is how many images of a class are held out at least, of a quarter of them at most:
// one of few says little.
const fewOfClass = 5

// SplitByClass is Split with the same fraction of each class, and of a small class at least five
// images or a quarter of it. What is held out hangs on each image's name alone: where others come
// or go, most of it stays so, and what was trained with is not taken for it.
func SplitByClass(d Dataset, fraction float64, seed uint64) (rest, taken Dataset) {
	byClass, ranks := map[int][]int{}, make([]uint64, d.Len())
	for i := range ranks {
		byClass[d.Label(i)] = append(byClass[d.Label(i)], i)
		g := stream(seed, "split "+nameOf(d, i))
		ranks[i] = g.next()
	}
	a, b := &part{d, nil}, &part{d, nil}
	for _, images := range byClass {
		slices.SortStableFunc(images, func(x, y int) int { return cmp.Compare(ranks[x], ranks[y]) })
		n := len(images)
		count := max(int(fraction*float64(n)+0.5), min(fewOfClass, n/4))
		a.index, b.index = append(a.index, images[count:]...), append(b.index, images[:count]...)
	}
	slices.Sort(a.index)
	slices.Sort(b.index)
	return a, b
}

// nameOf is what an image is known by: its path in a folder, otherwise its number.
func nameOf(d Dataset, i int) string {
	switch d := d.(type) {
	case *folder:
		return d.name(i)
	case *part:
		return nameOf(d.Dataset, d.index[i])
	}
	return strconv.Itoa(i)
}

// Split divides a dataset at random, the same for the same seed: the second part has
// the given fraction of the images, in the order of the dataset.
func Split(d Dataset, fraction float64, seed uint64) (rest, taken Dataset) {
	n := d.Len()
	count := int(fraction*float64(n) + 0.5)
	in := make([]bool, n)
	for _, i := range permutation(n, stream(seed, "split"))[:count] {
		in[i] = true
	}
	a, b := &part{d, nil}, &part{d, nil}
	for i, t := range in {
		if t {
			b.index = append(b.index, i)
		} else {
			a.index = append(a.index, i)
		}
	}
	return a, b
}
