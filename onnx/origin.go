package onnx

import (
	"crypto/sha256"
	"fmt"
	"os"
)

// origin is the file that a model was opened from, and what both were then.
type origin struct {
	path string
	file os.FileInfo
	sum  [sha256.Size]byte
}

// Path returns the file that the model was opened from, while both are what they were: a
// model that was changed since, also in a field, and a file that was replaced or written to,
// have "".
func (m *Model) Path() string {
	if m.origin.path == "" || m.fingerprint() != m.origin.sum {
		return ""
	}
	now, err := os.Stat(m.origin.path)
	if err != nil || !os.SameFile(now, m.origin.file) || now.Size() != m.origin.file.Size() || !now.ModTime().Equal(m.origin.file.ModTime()) {
		return ""
	}
	return m.origin.path
}

// fingerprint is a digest of everything in the model but the data of its tensors, of which
// it has the place.
func (m *Model) fingerprint() [sha256.Size]byte {
	h := sha256.New()
	for _, p := range (&encoder{}).message(m.fields).pieces { // a digest takes everything
		if p.b != nil {
			_, _ = h.Write(p.b)
			continue
		}
		if d, ok := p.src.(tensorData); ok {
			_, _ = fmt.Fprintf(h, "%p %v", d.t.data, d.t.External)
		} else {
			_, _ = fmt.Fprintf(h, "%p", p.src)
		}
		_, _ = fmt.Fprintf(h, " %d %d", p.off, p.n)
	}
	return [sha256.Size]byte(h.Sum(nil))
}
