package onnx

import (
	"crypto/sha256"
	"fmt"
	"os"
)

// origin is the file that a model was opened from, with those of its external data, and what
// they and the model were then.
type origin struct {
	path  string
	files []originFile
	sum   [sha256.Size]byte
}

type originFile struct {
	path string
	info os.FileInfo
}

// asItWas reports whether the file was neither replaced nor written to.
func (f originFile) asItWas() bool {
	now, err := os.Stat(f.path)
	return err == nil && os.SameFile(now, f.info) && now.Size() == f.info.Size() && now.ModTime().Equal(f.info.ModTime())
}

// Path returns the file that the model was opened from, while both are what they were: a
// model that was changed since, also in a field, and one whose file or external data were
// replaced or written to, have "".
func (m *Model) Path() string {
	if m.origin.path == "" || m.fingerprint() != m.origin.sum {
		return ""
	}
	for _, f := range m.origin.files {
		if !f.asItWas() {
			return ""
		}
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
