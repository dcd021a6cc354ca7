package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"alexctl/preprocess"
)

// partNames are what the parts of a dataset are called, in lower case, by role.
var partNames = map[string]string{
	"train": "train", "training": "train", "trainset": "train",
	"test": "test", "testing": "test", "testset": "test",
	"val": "val", "valid": "val", "validation": "val", "dev": "val", "eval": "val",
}

// parts are the folders of a dataset's parts by role; empty where the root holds classes. notes
// say what looks like a part and is none, and what is not used.
func parts(root string) (found map[string]string, notes []string, err error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, nil, err
	}
	found = map[string]string{}
	var called, others []string
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		if info, err := os.Stat(path); err != nil || !info.IsDir() || preprocess.Hidden(e.Name()) {
			continue
		}
		role := partNames[strings.ToLower(e.Name())]
		if role == "" { // a class, most often, which may be long to list
			others = append(others, e.Name())
			continue
		}
		holds, err := holdsClasses(path)
		switch {
		case err != nil:
			return nil, nil, err
		case !holds: // a class may be called train
			called = append(called, e.Name())
		case found[role] != "":
			return nil, nil, fmt.Errorf("%s and %s are both a part for %s: rename one", found[role], path, role)
		default:
			found[role] = path
		}
	}
	if found["train"] == "" {
		for _, path := range found {
			called = append(called, filepath.Base(path))
		}
		if slices.Sort(called); len(called) > 0 {
			notes = append(notes, fmt.Sprintf("%s has no part for training, so %s is taken for a class", root, strings.Join(called, ", ")))
		}
		return nil, notes, nil
	}
	if others = append(others, called...); len(others) > 0 {
		notes = append(notes, fmt.Sprintf("%s is split into parts; not used: %s", root, Brief(others)))
	}
	if found["test"] != "" && found["val"] != "" {
		notes = append(notes, fmt.Sprintf("%s tests; %s is not used (validation takes its images from the training part)", found["test"], found["val"]))
	}
	return found, notes, nil
}

// holdsClasses reports whether a folder holds folders, and no images beside them.
func holdsClasses(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	folders := 0
	for _, e := range entries {
		if preprocess.Hidden(e.Name()) {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // a link that leads nowhere
		}
		if info.IsDir() {
			folders++
		} else if slices.Contains(preprocess.Extensions(), strings.ToLower(filepath.Ext(e.Name()))) {
			return false, nil
		}
	}
	return folders > 0, nil
}
