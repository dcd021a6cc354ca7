package onnx

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf8"

	"alexctl/fault"
)

// foreignHead is how much of a file is looked at to tell what it is, and maxForeignNames how
// many names of an archive.
const (
	foreignHead     = 512
	maxForeignNames = 1 << 12
	maxForeignZip   = 1 << 16 // bytes of an archive's directory
)

// What to do with a file of another kind.
const (
	fromPyTorch    = "export the network itself in Python: torch.onnx.export(model.eval(), example, \"model.onnx\")"
	fromTensorFlow = "convert it in Python with tf2onnx: python -m tf2onnx.convert"
)

// foreigner is a kind of file that people take for a model in ONNX.
type foreigner struct {
	kind, advice string
	is           func(head []byte) bool
}

func beginning(prefix string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(prefix)) }
}

// marked finds a FlatBuffers identifier.
func marked(id string) func([]byte) bool {
	return func(head []byte) bool { return len(head) >= 8 && string(head[4:8]) == id }
}

func foreigners() []foreigner {
	return []foreigner{
		{"weights in safetensors, without a network", fromPyTorch, safetensors},
		{"an HDF5 file, such as Keras writes", fromTensorFlow + " --keras model.h5 --output model.onnx", beginning("\x89HDF\r\n\x1a\n")},
		{"a TensorFlow Lite model", fromTensorFlow + " --tflite model.tflite --output model.onnx", marked("TFL3")},
		{"a model in ONNX Runtime's own format (ORT)", "use the ONNX file that it was made from", marked("ORTM")},
		{"a GGUF model", "it holds a language model, which is beyond this program", beginning("GGUF")},
		{"a pickle, such as PyTorch wrote before 1.6", fromPyTorch, func(head []byte) bool {
			return len(head) > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5 && !bytes.HasPrefix(head, []byte("\x80\x02\x08"))
		}},
		{"compressed with gzip", "unpack it first: gunzip", beginning("\x1f\x8b")},
		{"compressed with xz", "unpack it first: unxz", beginning("\xfd7zXZ\x00")},
		{"compressed with Zstandard", "unpack it first: unzstd", beginning("\x28\xb5\x2f\xfd")},
		{"a Git LFS pointer, and not the file that it stands for", "fetch that: git lfs pull", beginning("version https://git-lfs")},
		{"a web page", "download the file itself (on a hosting page: the raw file)", page},
		{"an XML file, such as OpenVINO's", "use the ONNX file that it was made from", beginning("<?xml")},
		{"JSON", "a description of a model, as it may be, does for no model: name an .onnx file", beginning("{\"")},
		{"a NumPy array", "it is an input (--inputs), and no model", beginning("\x93NUMPY")},
		{"a picture", "name a model, and pictures where they belong: alexctl infer --model MODEL PICTURE, verify MODEL --images PICTURE", func(head []byte) bool {
			return beginning("\x89PNG")(head) || beginning("\xff\xd8\xff")(head) || beginning("GIF8")(head)
		}},
	}
}

func safetensors(head []byte) bool {
	return len(head) > 10 && head[8] == '{' && head[9] == '"' && binary.LittleEndian.Uint64(head) < 100<<20
}

// prose reports text: in UTF-8, but for a character that the head cuts, and without what no text
// holds.
func prose(head []byte) bool {
	for at := 0; at < len(head); {
		r, size := utf8.DecodeRune(head[at:])
		if r == utf8.RuneError && len(head)-at >= utf8.UTFMax || r < ' ' && !strings.ContainsRune("\t\n\r\f", r) {
			return false
		}
		at += size
	}
	return len(head) > 0
}

func page(head []byte) bool {
	s := strings.ToLower(strings.TrimSpace(string(head)))
	return strings.HasPrefix(s, "<!doctype html") || strings.HasPrefix(s, "<html")
}

// foreign says what a file is that cannot be read as ONNX, as fault.Unsupported with what to do;
// nil where that cannot be told.
func foreign(src io.ReaderAt, size int64) error {
	head := make([]byte, min(size, foreignHead))
	n, _ := src.ReadAt(head, 0) // what cannot be read is not known
	head = head[:n]
	kind, advice := "", ""
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		kind, advice = archive(src, size)
	}
	for _, f := range foreigners() {
		if kind == "" && f.is(head) {
			kind, advice = f.kind, f.advice
		}
	}
	if kind == "" && prose(head) {
		return fault.New(fault.Invalid, "it is not ONNX but a text file").Hint(fault.Hint{Text: "name an .onnx file"})
	}
	if kind == "" {
		return nil
	}
	return fault.New(fault.Unsupported, "it is not ONNX but %s", kind).Hint(fault.Hint{Text: advice})
}

// archive says what a zip file holds, from the names in it.
func archive(src io.ReaderAt, size int64) (kind, advice string) {
	kind, advice = "an archive (zip)", "unpack it first, and name the .onnx file in it"
	r, err := zip.NewReader(&bounded{src, maxForeignZip}, size)
	if err != nil {
		return kind, advice
	}
	for _, f := range r.File[:min(len(r.File), maxForeignNames)] {
		name := f.Name
		if _, rest, ok := strings.Cut(name, "/"); ok { // behind the archive's own name
			name = rest
		}
		switch {
		case strings.HasPrefix(name, "code/"):
			return "a TorchScript model", "load it in Python with torch.jit.load and export it: torch.onnx.export(model, example, \"model.onnx\")"
		case strings.HasSuffix(name, "archive_format"), strings.HasPrefix(name, "models/"), strings.HasPrefix(name, "serialized_exported_program"):
			return "a program that torch.export saved", "load it in Python with torch.export.load and export it: torch.onnx.export(program, dynamo=True).save(\"model.onnx\")"
		case name == "data.pkl":
			kind, advice = "a checkpoint of PyTorch: weights, and mostly no network", fromPyTorch
		case strings.HasSuffix(f.Name, "model.weights.h5"):
			return "a Keras model", "export it in Python: model.export(\"model.onnx\", format=\"onnx\")"
		case strings.HasSuffix(f.Name, ".mlmodel"):
			return "a Core ML model", "use the ONNX file that it was made from"
		case strings.HasSuffix(f.Name, ".npy"):
			kind, advice = "NumPy arrays", "they are inputs (--inputs), and no model"
		}
	}
	return kind, advice
}

// bounded reads so many bytes in all and no more: what an archive says of its directory is not
// to be believed.
type bounded struct {
	src  io.ReaderAt
	left int
}

func (b *bounded) ReadAt(p []byte, at int64) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return b.src.ReadAt(p, at)
}
