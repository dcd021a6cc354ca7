package data

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"alexctl/internal/regular"
	"alexctl/preprocess"
)

// maxFolderClasses bounds an image folder.
const maxFolderClasses = 1 << 16

// folder is a folder with a folder of images for each class, as torchvision's
// ImageFolder: classes are the names in the order of their code points, images
// are found at any depth, links within the root are followed. Unlike there, images are turned
// upright by their EXIF orientation, as they are at inference, and names that begin
// with a dot are passed over.
type folder struct {
	files   []string
	limits  preprocess.Limits // of decoding
	labels  []int
	dir     string // the root, or a part in it
	hidden  int
	other   map[string]int // files that are no images, by how their names end
	loose   []string       // files that are in no class
	outside []string       // links that lead out of the root, which are not followed
	nowhere []string       // what cannot be looked at: links that lead nowhere
	runs    []string       // folders of training runs, whose pictures are plots
}

// notes say what is there and is not used.
func (f *folder) notes() []string {
	var parts []string
	for _, ending := range slices.Sorted(maps.Keys(f.other)) {
		of := ending
		if of == "" {
			of = "without an ending"
		}
		parts = append(parts, fmt.Sprintf("%d %s", f.other[ending], of))
	}
	if f.hidden > 0 {
		parts = append(parts, fmt.Sprintf("%d hidden", f.hidden))
	}
	var notes []string
	if len(parts) > 0 {
		notes = append(notes, fmt.Sprintf("not used in %s, because they are no images that are read (pictures of other kinds have to be converted to PNG or JPEG): %s", f.dir, Brief(parts)))
	}
	if len(f.loose) > 0 {
		notes = append(notes, "not used, because they lie in the folder of no class: "+Brief(f.loose))
	}
	if len(f.outside) > 0 {
		notes = append(notes, "not followed, because they are links that lead out of the folder: "+Brief(f.outside))
	}
	if len(f.runs) > 0 {
		notes = append(notes, "not used, because they are runs of training: "+Brief(f.runs))
	}
	if len(f.nowhere) > 0 {
		notes = append(notes, "not used, because nothing is there: "+Brief(f.nowhere))
	}
	return notes
}

func (f *folder) Len() int        { return len(f.files) }
func (f *folder) Label(i int) int { return f.labels[i] }

// name is the path in the folder, the same wherever that is.
func (f *folder) name(i int) string {
	within, err := filepath.Rel(f.dir, f.files[i])
	if err != nil {
		within = f.files[i]
	}
	return filepath.ToSlash(within)
}

func (f *folder) Image(i int) (*preprocess.Image, error) {
	b, err := regular.Read(f.files[i], preprocess.MaxFileBytes)
	if err != nil {
		return nil, &ImageError{f.files[i], err}
	}
	m, err := f.limits.Decode(b)
	if err != nil {
		return nil, &ImageError{f.files[i], err}
	}
	return m, nil
}

// openFolder reads ROOT/CLASS/..., or ROOT/train/CLASS/... with ROOT/test or ROOT/val beside it,
// under any of their usual names. Where there is no test part, a fifth of the images becomes it.
func openFolder(ctx context.Context, root string, o Options) (*Set, error) {
	set := &Set{Name: filepath.Base(root), Origin: root, Folder: true, Augment: "crop,flip"}
	if o.Images.Room == nil {
		o.Images.Room = preprocess.NewRoom(preprocess.MaxBytes)
	}
	found, notes, err := parts(root)
	if err != nil {
		return nil, err
	}
	set.Notes = notes
	train, split := found["train"]
	if !split {
		train = root
	}
	all, classes, err := scan(ctx, root, train, o.Images)
	if err != nil {
		return nil, err
	}
	set.Train, set.Classes, set.Notes = all, classes, append(set.Notes, all.notes()...)
	for _, role := range []string{"test", "val"} {
		dir := found[role]
		if dir == "" {
			continue
		}
		test, testClasses, err := scan(ctx, root, dir, o.Images)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(classes, testClasses) {
			return nil, fmt.Errorf("%s has the classes %s, %s has %s", train, Brief(classes), dir, Brief(testClasses))
		}
		set.Test, set.Notes = test, append(set.Notes, test.notes()...)
		return set, nil
	}
	set.takeTest(all, o)
	return set, nil
}

// testPart is the part of a folder's images that tests, where it has no images for it.
const testPart = 0.2

// takeTest takes a test part from a folder that has none.
func (s *Set) takeTest(all Dataset, o Options) {
	s.Train, s.Test, s.Drawn = all, nil, true
	draw := Split
	if o.ByClass {
		draw = SplitByClass
	}
	if rest, taken := draw(all, testPart, o.Seed); taken.Len() > 0 {
		s.Train, s.Test = rest, taken
	}
}

// runFiles are what every folder of a training run has.
var runFiles = []string{"config.json", "metrics.jsonl", "start.onnx"}

// holdsRuns reports whether a folder is that of a training run, or holds nothing but such.
func holdsRuns(dir string) bool {
	isRun := func(dir string) bool {
		for _, name := range runFiles {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				return false
			}
		}
		return true
	}
	if isRun(dir) {
		return true
	}
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // it was read only
	const few = 8                    // the first name of a class's says enough
	for found := false; ; {
		entries, err := f.ReadDir(few)
		for _, e := range entries {
			switch {
			case preprocess.Hidden(e.Name()):
			case isRun(filepath.Join(dir, e.Name())):
				found = true
			default:
				return false
			}
		}
		if err != nil { // the end
			return found
		}
	}
}

// Brief lists names, not all of many.
func Brief(names []string) string {
	if len(names) > 6 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:6], ", "), len(names)-6)
	}
	return strings.Join(names, ", ")
}

// scan lists the classes and images under dir, the root or a part in it.
func scan(ctx context.Context, root, dir string, limits preprocess.Limits) (*folder, []string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	f := &folder{dir: dir, limits: limits, other: map[string]int{}}
	var classes []string
	var folders []os.FileInfo   // of the classes
	for _, e := range entries { // sorted by name
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		switch {
		case preprocess.Hidden(e.Name()):
			f.hidden++
			continue
		case err != nil:
			f.nowhere = append(f.nowhere, path)
			continue
		case !info.IsDir():
			f.loose = append(f.loose, path)
			continue
		}
		if e.Type()&os.ModeSymlink != 0 && preprocess.Outside(root, path) {
			f.outside = append(f.outside, path)
			continue
		}
		if holdsRuns(path) {
			f.runs = append(f.runs, path)
			continue
		}
		if i := slices.IndexFunc(folders, func(other os.FileInfo) bool { return os.SameFile(info, other) }); i >= 0 {
			return nil, nil, fmt.Errorf("%s is the same folder as %s: an image would be in two classes", path, filepath.Join(dir, classes[i]))
		}
		found, err := preprocess.Folder(ctx, root, path)
		if err != nil {
			return nil, nil, err
		}
		images := found.Images
		f.outside, f.hidden = append(f.outside, found.Outside...), f.hidden+found.Hidden
		for ending, n := range found.Other {
			f.other[ending] += n
		}
		if len(images) == 0 {
			return nil, nil, fmt.Errorf("class %s has no image (%s)", path, strings.Join(preprocess.Extensions(), " "))
		}
		f.files = append(f.files, images...)
		f.labels = append(f.labels, slices.Repeat([]int{len(classes)}, len(images))...)
		classes, folders = append(classes, e.Name()), append(folders, info)
		if len(classes) > maxFolderClasses {
			return nil, nil, fmt.Errorf("%s has more than %d classes", dir, maxFolderClasses)
		}
	}
	if len(classes) < 2 {
		return nil, nil, fmt.Errorf("%s: want a folder with images for each of at least two classes, there are %d: name the folder that holds them, ROOT of ROOT/CLASS/IMAGE.png", dir, len(classes))
	}
	return f, classes, nil
}
