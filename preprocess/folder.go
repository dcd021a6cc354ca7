package preprocess

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// Listing is what a folder of images holds.
type Listing struct {
	// Images are the image files, at any depth, in the order of their names. What counts is
	// how a name ends.
	Images []string
	// Hidden is how many names were passed over, and Other how many files of other kinds, by
	// how their names end.
	Hidden int
	Other  map[string]int
	// Unread are those of the others whose names end as pictures do that are not read.
	Unread []string
	// Outside are links that lead out of the folder; they are not followed.
	Outside []string
}

// Folder lists the images in dir, a folder in root or root itself. Hidden names are passed over.
// Links within root are followed, and one that leads back to a folder that holds it is
// fault.Invalid.
func Folder(ctx context.Context, root, dir string) (*Listing, error) {
	home, err := resolved(root)
	if err != nil {
		return nil, fault.As(fault.Invalid, err)
	}
	w := &walk{ctx: ctx, home: home, extensions: Extensions(), found: &Listing{Other: map[string]int{}}}
	if err := w.folder(filepath.Clean(dir)); err != nil {
		return nil, fault.As(fault.Invalid, err)
	}
	return w.found, nil
}

// Outside reports whether path is a link that leads out of the folder root. One that leads
// nowhere does not.
func Outside(root, path string) bool {
	home, err := resolved(root)
	return err == nil && outside(home, path)
}

// resolved returns a path from the file system's root and without links.
func resolved(path string) (string, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(whole)
}

func outside(home, path string) bool {
	to, err := resolved(path)
	if err != nil {
		return false
	}
	within, err := filepath.Rel(home, to)
	return err != nil || !filepath.IsLocal(within)
}

type walk struct {
	ctx        context.Context
	home       string // the root, without links
	extensions []string
	found      *Listing
	within     []os.FileInfo // the folders that hold the present one, and itself
	folders    int           // visited, some of them perhaps by several links
}

func (w *walk) folder(dir string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
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
			w.found.Hidden++
			continue
		}
		path := filepath.Join(dir, e.Name())
		if e.Type()&os.ModeSymlink != 0 && outside(w.home, path) {
			w.found.Outside = append(w.found.Outside, path)
			continue
		}
		folder := e.IsDir()
		if e.Type()&os.ModeSymlink != 0 {
			info, err := os.Stat(path)
			folder = err == nil && info.IsDir()
		}
		switch {
		case folder:
			err := w.folder(path)
			if errors.Is(err, fs.ErrPermission) { // which whoever reads it is told
				w.found.Images, err = append(w.found.Images, path), nil
			}
			if err != nil {
				return err
			}
		case slices.Contains(w.extensions, strings.ToLower(filepath.Ext(path))): // a link to nowhere is an image that cannot be read
			w.found.Images = append(w.found.Images, path)
		default:
			ending := strings.ToLower(filepath.Ext(path))
			if w.found.Other[ending]++; slices.Contains(unread, ending) {
				w.found.Unread = append(w.found.Unread, path)
			}
		}
		if len(w.found.Images) > maxFolderImages {
			return fmt.Errorf("%s: more than %d images", dir, maxFolderImages)
		}
	}
	return nil
}

// Files lists the files among the paths and the images in the folders among them, in order. Of
// a folder without images, the pictures of other kinds are listed, or the folder itself, so that
// reading them says so. What is hidden or of other kinds is not counted.
func Files(ctx context.Context, paths []string) (*Listing, error) {
	all := &Listing{}
	for _, path := range paths {
		if info, err := os.Stat(path); path == "-" || err != nil || !info.IsDir() {
			all.Images = append(all.Images, path) // one that is missing is reported when it is read
			continue
		}
		inside, err := Folder(ctx, path, path)
		if err != nil {
			return nil, err
		}
		if len(inside.Images) == 0 {
			if inside.Images, inside.Unread = inside.Unread, nil; len(inside.Images) == 0 {
				inside.Images = []string{path}
			}
		}
		all.Images, all.Outside = append(all.Images, inside.Images...), append(all.Outside, inside.Outside...)
		all.Unread = append(all.Unread, inside.Unread...)
	}
	return all, nil
}
