package run

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"alexctl/fault"
	"alexctl/internal/beside"
	"alexctl/internal/regular"
	"alexctl/train"
)

// A checkpoint is a file of: a line that names the format, the length of the header
// (8 bytes, little-endian), the header in JSON, the elements of its tensors one after
// the other as little-endian float32, and the SHA-256 of everything before it. It is
// written beside its name, synced and renamed, so that a name always stands for a
// whole file.
const checkpointMagic = "alexctl checkpoint 1\n"

// maxHeader bounds the header of a checkpoint that is read.
const maxHeader = 64 << 20

// header describes the tensors of a checkpoint.
type header struct {
	train.Header
	Tensors []tensorInfo `json:"tensors"`
}

// tensorInfo names a tensor.
type tensorInfo struct {
	Name   string `json:"name"`
	Length int    `json:"length"`
}

// checkpoints are the checkpoints in a folder.
type checkpoints struct{ dir string }

var _ train.Checkpoints = checkpoints{}

// Write writes a checkpoint and removes those that are no longer needed.
func (c checkpoints) Write(h train.Header, list []train.Tensor) (string, error) {
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return "", err
	}
	name := train.CheckpointName(h.Position)
	target := filepath.Join(c.dir, name)
	full := header{Header: h}
	for _, t := range list {
		full.Tensors = append(full.Tensors, tensorInfo{t.Name, len(t.Data)})
	}
	text, err := json.Marshal(full)
	if err != nil {
		return "", err
	}
	err = beside.Write(target, func(f io.Writer) error {
		digest := sha256.New()
		w := bufio.NewWriterSize(io.MultiWriter(f, digest), 1<<20)
		if _, err := w.WriteString(checkpointMagic); err != nil {
			return err
		}
		if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
			return err
		}
		for _, t := range list {
			if err := writeFloats(w, t.Data); err != nil {
				return err
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		_, err := f.Write(digest.Sum(nil))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("checkpoint %s: %w", target, err)
	}
	keep := 2 // the newest may be damaged
	if h.Position.Finished || h.Position.Epoch >= h.Config.Epochs {
		keep = 1
	}
	best := ""
	if h.Config.Patience > 0 {
		best = h.Position.BestFile
	}
	return name, c.prune(keep, best)
}

func writeFloats(w io.Writer, data []float32) error {
	const part = 1 << 14
	b := make([]byte, 0, 4*part)
	for chunk := range slices.Chunk(data, part) {
		b = b[:0]
		for _, v := range chunk {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// Read reads the file twice, first for its digest.
func (c checkpoints) Read(name string, list []train.Tensor, accepts func(train.Header) error) (_ train.Header, err error) {
	path := filepath.Join(c.dir, filepath.Base(name))
	var h header
	fail := func(err error) (train.Header, error) {
		return h.Header, fault.New(fault.Invalid, "checkpoint %s: %w", path, err)
	}
	f, err := regular.Open(path)
	if err != nil {
		return fail(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := checkDigest(f); err != nil {
		return fail(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fail(err)
	}
	r := bufio.NewReaderSize(f, 1<<20)
	if h, err = readHeader(r); err != nil {
		return fail(err)
	}
	if err := accepts(h.Header); err != nil {
		return fail(err)
	}
	byName := map[string][]float32{}
	for _, t := range list {
		byName[t.Name] = t.Data
	}
	if len(h.Tensors) != len(list) {
		return fail(fmt.Errorf("it holds %d tensors, the model and the optimizer have %d", len(h.Tensors), len(list)))
	}
	for _, t := range h.Tensors {
		if data, ok := byName[t.Name]; !ok || len(data) != t.Length {
			return fail(fmt.Errorf("it holds %q of %d elements, the model and the optimizer have %d", t.Name, t.Length, len(data)))
		}
	}
	for _, t := range h.Tensors {
		if err := readFloats(r, byName[t.Name]); err != nil {
			return fail(err)
		}
	}
	return h.Header, nil
}

// checkDigest compares the digest at the end with the rest.
func checkDigest(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	body := info.Size() - sha256.Size
	if body < int64(len(checkpointMagic))+8 {
		return fmt.Errorf("%d bytes are too few for a checkpoint", info.Size())
	}
	digest := sha256.New()
	if _, err := io.Copy(digest, io.LimitReader(f, body)); err != nil {
		return err
	}
	want := make([]byte, sha256.Size)
	if _, err := io.ReadFull(f, want); err != nil {
		return err
	}
	if !slices.Equal(digest.Sum(nil), want) {
		return errors.New("its checksum is wrong: it is damaged, or not a checkpoint; an older one can be used; without any, start a new run in another folder")
	}
	return nil
}

func readHeader(r io.Reader) (h header, err error) {
	start := make([]byte, len(checkpointMagic)+8)
	if _, err := io.ReadFull(r, start); err != nil {
		return h, err
	}
	if !strings.HasPrefix(string(start), checkpointMagic) {
		return h, errors.New("not a checkpoint of this version")
	}
	size := binary.LittleEndian.Uint64(start[len(checkpointMagic):])
	if size > maxHeader {
		return h, fmt.Errorf("a header of %d bytes", size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, err
	}
	return h, json.Unmarshal(text, &h)
}

func readFloats(r io.Reader, dst []float32) error {
	const part = 1 << 14
	b := make([]byte, 4*part)
	for chunk := range slices.Chunk(dst, part) {
		raw := b[:4*len(chunk)]
		if _, err := io.ReadFull(r, raw); err != nil {
			return err
		}
		for i := range chunk {
			chunk[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	}
	return nil
}

// List returns the names of the checkpoints, the newest first.
func (c checkpoints) List() ([]string, error) {
	names, err := filepath.Glob(filepath.Join(globEscape(c.dir), "epoch-*.ckpt"))
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		names[i] = filepath.Base(name)
	}
	steps := func(name string) string {
		_, s, _ := strings.Cut(name, "-step-")
		return s
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(strings.Compare(steps(b), steps(a)), strings.Compare(b, a))
	})
	return names, nil
}

// globEscape keeps a folder's name from being taken for a pattern.
func globEscape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

// prune removes all but the newest checkpoints, which are so many, and the best, and what an
// interrupted write left behind.
func (c checkpoints) prune(keep int, best string) error {
	names, err := c.List()
	if err != nil {
		return err
	}
	var errs []error
	for i, name := range names {
		if i >= keep && name != best {
			errs = append(errs, os.Remove(filepath.Join(c.dir, name)))
		}
	}
	return errors.Join(append(errs, removeTemporary(c.dir))...)
}

// removeTemporary removes what a process that was killed left in a folder.
func removeTemporary(dir string) error {
	left, err := filepath.Glob(filepath.Join(globEscape(dir), ".*.tmp"))
	errs := []error{err}
	for _, name := range left {
		errs = append(errs, os.Remove(name))
	}
	return errors.Join(errs...)
}
