package preprocess

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"alexctl/fault"
)

// Limits of a folder of images.
const (
	maxFolderImages = 1 << 24
	maxFolderDepth  = 32
	maxFolders      = 1 << 16
)

// Extensions are the names that image files end in, in lower case, as the decoders say.
func Extensions() []string {
	var out []string
	for _, f := range formats() {
		out = append(out, f.extensions...)
	}
	return out
}

// Hidden reports a name that systems and editors hide, such as .ipynb_checkpoints and
// ._1.png.
func Hidden(name string) bool { return strings.HasPrefix(name, ".") }

// Folder returns the image files in a folder, at any depth, in the order of their names. What
// counts is how a name ends. Hidden names are passed over, links within the folder are
// followed, and one that leads back to a folder that holds it is fault.Invalid.
func Folder(root string) ([]string, error) {
	w := &walk{extensions: Extensions()}
	if err := w.folder(filepath.Clean(root)); err != nil {
		return nil, fault.As(fault.Invalid, err)
	}
	return w.files, nil
}

type walk struct {
	extensions []string
	files      []string
	within     []os.FileInfo // the folders that hold the present one, and itself
	folders    int           // visited, some of them perhaps by several links
}

func (w *walk) folder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	for _, outer := range w.within {
		if os.SameFile(outer, info) {
			return fmt.Errorf("%s: the link leads back to a folder that holds it", dir)
		}
	}
	if len(w.within) > maxFolderDepth {
		return fmt.Errorf("%s: more than %d folders deep", dir, maxFolderDepth)
	}
	if w.folders++; w.folders > maxFolders {
		return fmt.Errorf("%s: more than %d folders, counting those that links lead to again", dir, maxFolders)
	}
	w.within = append(w.within, info)
	defer func() { w.within = w.within[:len(w.within)-1] }()
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return err
	}
	for _, e := range entries {
		if Hidden(e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		switch {
		case err == nil && info.IsDir():
			if err := w.folder(path); err != nil {
				return err
			}
		case slices.Contains(w.extensions, strings.ToLower(filepath.Ext(path))): // a link to nowhere is an image that cannot be read
			w.files = append(w.files, path)
		}
		if len(w.files) > maxFolderImages {
			return fmt.Errorf("%s: more than %d images", dir, maxFolderImages)
		}
	}
	return nil
}

// Files returns the files among the paths and the images in the folders among them, in order.
// A folder without images is returned itself, so that reading it says so.
func Files(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		if info, err := os.Stat(path); path == "-" || err != nil || !info.IsDir() {
			files = append(files, path) // one that is missing is reported when it is read
			continue
		}
		inside, err := Folder(path)
		if err != nil {
			return nil, err
		}
		if len(inside) == 0 {
			inside = []string{path}
		}
		files = append(files, inside...)
	}
	return files, nil
}
