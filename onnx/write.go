package onnx

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	goruntime "runtime"

	"alexctl/fault"
	"alexctl/internal/beside"
)

// MaxFile is the size that protobuf allows a message, and so a model file whose
// data is inside it: 2 GiB less one byte.
const MaxFile = 1<<31 - 1

// ErrTooLarge says that a model does not fit one file.
var ErrTooLarge = fault.New(fault.Usage, "the model is larger than the 2 GiB that a file may have").
	Hint(fault.Hint{Text: "put its weights into external data", Option: fault.ExternalData})

const (
	// externalFrom is the size in bytes from which a tensor is moved to the
	// separate file; smaller ones stay readable in the model.
	externalFrom = 1024
	// externalAlign is the alignment that the format recommends, so that the
	// data can be mapped into memory.
	externalAlign = 4096
)

// WriteOptions says how a model is written.
type WriteOptions struct {
	// ExternalData puts the initializers into a second file, PATH.data. Both files are
	// complete before either gets its name, but a failure between the two renames
	// leaves an old model beside new data.
	ExternalData bool
}

// Written describes a model file that was written.
type Written struct {
	SHA256 string // of the model file, in hexadecimal
	Bytes  int64  // of the model file
}

// Encode returns the tensor as a TensorProto, such as the files of ONNX's test data sets.
func (t *Tensor) Encode() ([]byte, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	msg := (&encoder{}).tensor(t, false)
	if msg.n > MaxFile {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, ErrTooLarge)
	}
	var b bytes.Buffer
	err := stream(context.Background(), &b, msg.pieces)
	return b.Bytes(), err
}

// WriteFile writes the model to path. It writes beside path and renames at the
// end: after an error, the old file is still there, or none. Data is streamed:
// neither the file nor a tensor is in memory as a whole. A tensor whose data cannot be read
// is fault.Invalid, a file that cannot be written fault.Environment.
func (m *Model) WriteFile(ctx context.Context, path string, o WriteOptions) (_ Written, err error) {
	defer fault.Default(&err, fault.Environment)
	for _, t := range m.allTensors() {
		if err := t.Validate(); err != nil {
			return Written{}, fault.New(fault.Invalid, "writing %s: %w", path, err)
		}
	}
	e := &encoder{}
	var moved []piece
	if o.ExternalData {
		e.data = filepath.Base(path) + ".data"
		end := int64(0)
		e.place = func(t *Tensor) (int64, bool) {
			if t.size < externalFrom {
				return 0, false
			}
			if pad := (externalAlign - end%externalAlign) % externalAlign; pad > 0 {
				moved = append(moved, piece{b: make([]byte, pad), n: pad})
				end += pad
			}
			at := end
			moved = append(moved, piece{src: tensorData{t}, n: t.size})
			end += t.size
			return at, true
		}
	}
	msg := e.message(m.fields)
	if msg.n > MaxFile {
		return Written{}, fmt.Errorf("writing %s: %w (%d bytes)", path, ErrTooLarge, msg.n)
	}
	var data *beside.File
	if o.ExternalData {
		if data, err = beside.Create(path + ".data"); err != nil {
			return Written{}, err
		}
		defer data.Discard()
		if err := stream(ctx, data, moved); err != nil {
			return Written{}, fmt.Errorf("writing %s.data: %w", path, err)
		}
	}
	f, err := beside.Create(path)
	if err != nil {
		return Written{}, err
	}
	defer f.Discard()
	sum := sha256.New()
	if err := stream(ctx, &hashed{f, sum}, msg.pieces); err != nil {
		return Written{}, fmt.Errorf("writing %s: %w", path, err)
	}
	if data != nil {
		if err := data.Commit(); err != nil {
			return Written{}, err
		}
	}
	if err := f.Commit(); err != nil {
		return Written{}, err
	}
	return Written{SHA256: hex.EncodeToString(sum.Sum(nil)), Bytes: msg.n}, nil
}

// Bytes returns the encoded model. It holds everything in memory: for models of
// a few nodes, such as those that verification cuts out.
func (m *Model) Bytes() ([]byte, error) {
	for _, t := range m.allTensors() {
		if err := t.Validate(); err != nil {
			return nil, err
		}
	}
	msg := (&encoder{}).message(m.fields)
	if msg.n > MaxFile {
		return nil, ErrTooLarge
	}
	w := &sliceWriter{b: make([]byte, 0, msg.n)}
	err := stream(context.Background(), w, msg.pieces)
	return w.b, err
}

type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// hashed writes to w and, at the same time, to a hash.
type hashed struct {
	w   io.Writer
	sum hash.Hash
}

func (h *hashed) Write(p []byte) (int, error) {
	done := make(chan struct{})
	go func() {
		_, _ = h.sum.Write(p) // a hash never fails
		close(done)
	}()
	n, err := h.w.Write(p)
	<-done
	return n, err
}

// streamChunk is how much is read at a time: large enough to be worth a
// goroutine where the data is generated.
const streamChunk = 1 << 20

type chunk struct {
	b        []byte
	reusable bool // b is one of the stream's own buffers
	err      error
}

// stream writes the pieces in order, reading a few chunks ahead in parallel.
func stream(ctx context.Context, w io.Writer, pieces []piece) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := goruntime.GOMAXPROCS(0) + 1
	queue := make(chan chan chunk, workers)
	free := make(chan []byte, workers+2)
	go func() {
		defer close(queue)
		for _, p := range pieces {
			for at := int64(0); at < p.n; at += streamChunk {
				n := min(streamChunk, p.n-at)
				result := make(chan chunk, 1)
				select {
				case <-ctx.Done():
					return
				case queue <- result:
				}
				if p.b != nil {
					result <- chunk{b: p.b[at : at+n]}
					continue
				}
				go func() { result <- p.read(at, n, free) }()
			}
		}
	}()
	for result := range queue {
		c := <-result
		if c.err != nil {
			return c.err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := w.Write(c.b); err != nil {
			return err
		}
		if c.reusable {
			select {
			case free <- c.b[:streamChunk]:
			default:
			}
		}
	}
	return ctx.Err()
}

// read returns n bytes of the piece, in a buffer from free where there is one.
func (p piece) read(at, n int64, free chan []byte) (c chunk) {
	defer fault.Recover(&c.err)
	var b []byte
	select {
	case b = <-free:
	default:
		b = make([]byte, streamChunk)
	}
	b = b[:n]
	got, err := p.src.ReadAt(b, p.off+at)
	if got == len(b) {
		return chunk{b: b, reusable: true}
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return chunk{err: err}
}
