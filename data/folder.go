package data

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"alexctl/preprocess"
)

// imageSuffixes are the files that count as images, as in torchvision's ImageFolder
// without .pgm and .ppm, which are not decoded here.
var imageSuffixes = []string{".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif"}

// Limits of an image folder.
const (
	maxFolderImages  = 1 << 24
	maxFolderClasses = 1 << 16
	maxDepth         = 32 // of folders in a class; links may go round in circles
)

// folder is a folder with a folder of images for each class, as torchvision's
// ImageFolder: classes are the names in the order of their code points, images
// are found at any depth, links are followed. Unlike there, images are turned
// upright by their EXIF orientation, as they are at inference, and names that begin
// with a dot are passed over.
type folder struct {
	files  []string
	labels []int
}

func (f *folder) Len() int        { return len(f.files) }
func (f *folder) Label(i int) int { return f.labels[i] }

func (f *folder) Image(i int) (*preprocess.Image, error) {
	info, err := os.Stat(f.files[i])
	if err != nil {
		return nil, err
	}
	if info.Size() > preprocess.MaxFileBytes {
		return nil, fmt.Errorf("%s: %d bytes, at most %d are read", f.files[i], info.Size(), preprocess.MaxFileBytes)
	}
	b, err := os.ReadFile(f.files[i])
	if err != nil {
		return nil, err
	}
	m, err := preprocess.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (remove or replace it)", f.files[i], err)
	}
	return m, nil
}

// openFolder reads ROOT/CLASS/..., or ROOT/train/CLASS/... with ROOT/test or
// ROOT/val beside it. Where there is no test part, a fifth of the images becomes it.
func openFolder(root string, o Options) (*Set, error) {
	set := &Set{Name: filepath.Base(root), Origin: root, Folder: true, Augment: "crop,flip"}
	train := filepath.Join(root, "train")
	if info, err := os.Stat(train); err != nil || !info.IsDir() {
		all, classes, err := scan(root)
		if err != nil {
			return nil, err
		}
		set.Classes = classes
		set.takeTest(all, o.Seed)
		return set, nil
	}
	all, classes, err := scan(train)
	if err != nil {
		return nil, err
	}
	set.Train, set.Classes = all, classes
	for _, name := range []string{"test", "val"} {
		dir := filepath.Join(root, name)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			continue
		}
		test, testClasses, err := scan(dir)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(classes, testClasses) {
			return nil, fmt.Errorf("%s has the classes %s, %s has %s", train, brief(classes), dir, brief(testClasses))
		}
		set.Test = test
		return set, nil
	}
	set.takeTest(all, o.Seed)
	return set, nil
}

// testPart is the part of a folder's images that tests, where it has no images for it.
const testPart = 0.2

// takeTest takes a test part from a folder that has none.
func (s *Set) takeTest(all Dataset, seed uint64) {
	s.Train, s.Test, s.Drawn = all, nil, true
	if rest, taken := Split(all, testPart, seed); taken.Len() > 0 {
		s.Train, s.Test = rest, taken
	}
}

func brief(names []string) string {
	if len(names) > 6 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:6], ", "), len(names)-6)
	}
	return strings.Join(names, ", ")
}

// scan lists the classes and images under dir.
func scan(dir string) (*folder, []string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	f := &folder{}
	var classes []string
	for _, e := range entries { // sorted by name
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.IsDir() || hidden(e.Name()) {
			continue
		}
		before := len(f.files)
		if err := f.add(path, len(classes), 0); err != nil {
			return nil, nil, err
		}
		if len(f.files) == before {
			return nil, nil, fmt.Errorf("class %s has no image (%s)", path, strings.Join(imageSuffixes, " "))
		}
		classes = append(classes, e.Name())
		if len(classes) > maxFolderClasses {
			return nil, nil, fmt.Errorf("%s has more than %d classes", dir, maxFolderClasses)
		}
	}
	if len(classes) < 2 {
		return nil, nil, fmt.Errorf("%s: want a folder with images for each of at least two classes, there are %d: name the folder that holds them, ROOT of ROOT/CLASS/IMAGE.png", dir, len(classes))
	}
	return f, classes, nil
}

// hidden reports a name that systems and editors hide, such as .ipynb_checkpoints and
// ._1.png.
func hidden(name string) bool { return strings.HasPrefix(name, ".") }

func (f *folder) add(dir string, class, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%s: more than %d folders deep", dir, maxDepth)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if hidden(e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		directory := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			directory = info.IsDir()
		}
		if directory {
			if err := f.add(path, class, depth+1); err != nil {
				return err
			}
			continue
		}
		if slices.Contains(imageSuffixes, strings.ToLower(filepath.Ext(path))) {
			f.files, f.labels = append(f.files, path), append(f.labels, class)
		}
		if len(f.files) > maxFolderImages {
			return fmt.Errorf("more than %d images", maxFolderImages)
		}
	}
	return nil
}
