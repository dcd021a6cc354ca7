package card

import (
	"bufio"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"alexctl/fault"
	"alexctl/internal/regular"
)

// maxLabels bounds a label file: no model has as many classes.
const maxLabels = 1 << 20

// ReadLabels reads a file with one label per line; blank lines at the end are dropped. A file that
// is none is fault.Invalid.
func ReadLabels(path string) (labels []string, err error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "labels: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if !utf8.Valid(s.Bytes()) {
			return nil, fault.New(fault.Invalid, "labels: %s: line %d is not UTF-8", path, len(labels)+1)
		}
		text := s.Text()
		if len(labels) == 0 {
			text = strings.TrimPrefix(text, "\ufeff") // a byte order mark
		}
		if labels = append(labels, strings.TrimSpace(text)); len(labels) > maxLabels {
			return nil, fault.New(fault.Invalid, "labels: %s has more than %d lines", path, maxLabels)
		}
	}
	if s.Err() != nil {
		return nil, fault.New(fault.Invalid, "labels: %s: %w", path, s.Err())
	}
	for len(labels) > 0 && labels[len(labels)-1] == "" {
		labels = labels[:len(labels)-1]
	}
	if len(labels) > 0 && strings.ContainsAny(labels[0][:min(1, len(labels[0]))], "[{") && json.Valid([]byte(strings.Join(labels, "\n"))) {
		return nil, fault.New(fault.Invalid, "labels: %s looks like JSON: want a text file with one label per line, in class order", path)
	}
	for i, l := range labels {
		if l == "" {
			return nil, fault.New(fault.Invalid, "labels: %s: line %d is empty", path, i+1)
		}
	}
	if len(labels) == 0 {
		return nil, fault.New(fault.Invalid, "labels: %s is empty", path)
	}
	return labels, nil
}
