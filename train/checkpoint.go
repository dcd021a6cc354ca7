package train

import (
	"bufio"
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

	"alexctl/runtime/gorgonia"
)

// A checkpoint is a file of: a line that names the format, the length of the header
// (8 bytes, little-endian), the header in JSON, the elements of its tensors one after
// the other as little-endian float32, and the SHA-256 of everything before it. It is
// written beside its name, synced and renamed, so that a name always stands for a
// whole file.
const checkpointMagic = "alexctl checkpoint 1\n"

// maxHeader bounds the header of a checkpoint that is read.
const maxHeader = 64 << 20

// position is where a run stands: everything that a step depends on besides the
// tensors. Generators need no state, because all they draw follows from the seed and
// these numbers.
type position struct {
	Epoch   int `json:"epoch"`   // the epoch under way, from 0
	InEpoch int `json:"step"`    // its steps that are done
	Steps   int `json:"steps"`   // steps of the run that are done
	Updates int `json:"updates"` // of the optimizer

	LossSum float64 `json:"loss_sum"` // of the steps of this epoch
	Correct int     `json:"correct"`

	Best      float64 `json:"best"`       // validation accuracy; -1 before the first
	BestEpoch int     `json:"best_epoch"` // from 1
	BestFile  string  `json:"best_file"`  // the checkpoint of that epoch
	Finished  bool    `json:"finished"`
}

// header describes the tensors of a checkpoint.
type header struct {
	Position position     `json:"position"`
	Config   Config       `json:"config"`
	Tensors  []tensorInfo `json:"tensors"`
}

// tensorInfo names a tensor: "weight NAME", "state NAME", "first NAME" or "second NAME".
type tensorInfo struct {
	Name   string `json:"name"`
	Length int    `json:"length"`
}

// named is a tensor of a checkpoint, in memory.
type named struct {
	name string
	data []float32
}

// tensors returns everything that a checkpoint holds of a run.
func tensors(t *gorgonia.Trainer[float32], o *Optimizer[float32]) []named {
	var list []named
	for i, p := range t.Parameters() {
		list = append(list, named{"weight " + p.Name, p.Data}, named{"first " + p.Name, o.first[i]})
		if o.second != nil {
			list = append(list, named{"second " + p.Name, o.second[i]})
		}
	}
	for _, p := range t.State() {
		list = append(list, named{"state " + p.Name, p.Data})
	}
	return list
}

// checkpointName tells how many epochs and steps are done.
func checkpointName(p position) string {
	return fmt.Sprintf("epoch-%04d-step-%09d.ckpt", p.Epoch, p.Steps)
}

// writeCheckpoint writes a checkpoint to dir and returns its name.
func writeCheckpoint(dir string, h header, list []named) (name string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	name = checkpointName(h.Position)
	target := filepath.Join(dir, name)
	f, err := os.CreateTemp(dir, name+".*.tmp")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("checkpoint %s: %w", target, err), ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	if err := f.Chmod(0o644); err != nil {
		return "", err
	}
	digest := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, digest), 1<<20)
	for _, t := range list {
		h.Tensors = append(h.Tensors, tensorInfo{t.name, len(t.data)})
	}
	text, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	if _, err := w.WriteString(checkpointMagic); err != nil {
		return "", err
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return "", err
	}
	for _, t := range list {
		if err := writeFloats(w, t.data); err != nil {
			return "", err
		}
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	if _, err := f.Write(digest.Sum(nil)); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	if err := os.Rename(f.Name(), target); err != nil {
		return "", err
	}
	return name, syncDir(dir)
}

// syncDir makes a rename last through a power failure, where the system can do that.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // not every system and file system can
	return d.Close()
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
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

// readCheckpoint reads a checkpoint into the tensors of list, which it must have all
// of, and no others. Nothing is changed unless the whole file is sound (it is read
// twice, first for its digest) and accepted.
func readCheckpoint(path string, list []named, accepts func(header) error) (h header, err error) {
	fail := func(err error) (header, error) { return h, fmt.Errorf("checkpoint %s: %w", path, err) }
	f, err := os.Open(path)
	if err != nil {
		return h, err
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
	if err := accepts(h); err != nil {
		return fail(err)
	}
	byName := map[string][]float32{}
	for _, t := range list {
		byName[t.name] = t.data
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
	return h, nil
}

// checkDigest compares the digest at the end with the rest.
func checkDigest(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	body := info.Size() - sha256.Size
	if body < int64(len(checkpointMagic))+8 {
		return fmt.Errorf("%d bytes are no checkpoint", info.Size())
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
		return errors.New("its checksum is wrong: it is damaged, or not a checkpoint; an older one serves, and without any the run has to begin anew in another folder")
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

// checkpoints lists the checkpoints in dir, the oldest first.
func checkpoints(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(globEscape(dir), "epoch-*.ckpt"))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(names, func(a, b string) int {
		_, stepA, _ := strings.Cut(filepath.Base(a), "-step-")
		_, stepB, _ := strings.Cut(filepath.Base(b), "-step-")
		if c := strings.Compare(stepA, stepB); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return names, nil
}

// globEscape keeps a folder's name from being taken for a pattern.
func globEscape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

// prune removes all but the last two checkpoints and the best, and what an
// interrupted write left behind.
func prune(dir, best string) error {
	names, err := checkpoints(dir)
	if err != nil {
		return err
	}
	var errs []error
	for i, name := range names {
		if i < len(names)-2 && filepath.Base(name) != best {
			errs = append(errs, os.Remove(name))
		}
	}
	left, err := filepath.Glob(filepath.Join(globEscape(dir), "*.tmp"))
	for _, name := range left {
		errs = append(errs, os.Remove(name))
	}
	return errors.Join(append(errs, err)...)
}
