package verify

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"alexctl/fault"
	"alexctl/internal/npy"
	"alexctl/internal/regular"
	"alexctl/onnx"
	"alexctl/runtime"
)

// maxFile bounds a file of inputs.
const maxFile = 1 << 30

// Recorded are inputs that were read from files, with the outputs that belong to them where
// those were there too.
type Recorded struct {
	Inputs  runtime.Tensors
	Outputs runtime.Tensors
}

// ReadInputs reads the inputs of a graph from a file or folder: an .npz archive by input
// names, an .npy file for a model of one input, one of ONNX's test_data_set folders, or a
// folder of those.
func ReadInputs(path string, g *onnx.Graph) (_ []Recorded, err error) {
	defer fault.Default(&err, fault.Invalid)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	var r Recorded
	switch {
	case info.IsDir():
		return readDataSets(path, g)
	case strings.EqualFold(filepath.Ext(path), ".npz"):
		r.Inputs, err = readArchive(path, g)
	case strings.EqualFold(filepath.Ext(path), ".npy"):
		r.Inputs, err = readArray(path, g)
	default:
		err = errors.New("want an .npz or .npy file or a test_data_set folder")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return []Recorded{r}, nil
}

// open calls f with a file and its size.
func open(path string, f func(file *os.File, size int64) error) (err error) {
	file, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return f(file, info.Size())
}

// setInputs returns the inputs that a folder's files are of: those that are no initializers, as ONNX's
// own runner counts them, or, where there are as many files, all.
func setInputs(dir string, g *onnx.Graph) []*onnx.Value {
	if files, err := filepath.Glob(filepath.Join(dir, "input_*.pb")); err == nil && len(files) == len(g.Inputs) {
		return g.Inputs
	}
	return g.DataInputs()
}

func readArchive(path string, g *onnx.Graph) (runtime.Tensors, error) {
	var arrays map[string]*npy.Array
	var names []string
	err := open(path, func(f *os.File, size int64) (err error) {
		arrays, names, err = npy.ReadArchive(f, size, maxFile, func(name string) bool {
			return slices.ContainsFunc(g.Inputs, func(v *onnx.Value) bool { return v.Name == name })
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	in := runtime.Tensors{}
	for name, a := range arrays {
		for _, v := range g.Inputs {
			if v.Name == name {
				if in[name], err = fromArray(a, v.Type.Elem); err != nil {
					return nil, fmt.Errorf("array %q: %w", name, err)
				}
			}
		}
	}
	for _, v := range g.DataInputs() {
		if in[v.Name] == nil {
			return nil, fmt.Errorf("it has no array for input %q (%s); it has %s", v.Name, v.Type, strings.Join(names, ", "))
		}
	}
	return in, nil
}

func readArray(path string, g *onnx.Graph) (runtime.Tensors, error) {
	inputs := g.DataInputs()
	if len(inputs) != 1 {
		return nil, fmt.Errorf("the model has %d inputs, an .npy file is one: use an .npz archive", len(inputs))
	}
	var a *npy.Array
	err := open(path, func(f *os.File, size int64) (err error) {
		a, err = npy.Read(f, size)
		return err
	})
	if err != nil {
		return nil, err
	}
	t, err := fromArray(a, inputs[0].Type.Elem)
	return runtime.Tensors{inputs[0].Name: t}, err
}

// arrayTypes are numpy's types and ONNX's.
var arrayTypes = map[string]onnx.DataType{
	"f2": onnx.Float16, "f4": onnx.Float, "f8": onnx.Double, "b1": onnx.Bool,
	"i1": onnx.Int8, "i2": onnx.Int16, "i4": onnx.Int32, "i8": onnx.Int64,
	"u1": onnx.Uint8, "u2": onnx.Uint16, "u4": onnx.Uint32, "u8": onnx.Uint64,
}

// fromArray returns an array as a tensor. numpy makes float64 unless told otherwise, so
// that becomes the float type that the model wants; nothing else is converted.
func fromArray(a *npy.Array, want onnx.DataType) (*runtime.Tensor, error) {
	dims := make([]int64, len(a.Shape))
	for i, d := range a.Shape {
		dims[i] = int64(d)
	}
	have := arrayTypes[a.Type]
	if have == onnx.Uint16 && want == onnx.BFloat16 { // numpy has no bfloat16: its bits
		have = want
	}
	x, err := onnx.FromBytes("", have, dims, a.Data)
	if err != nil {
		return nil, err
	}
	t, err := runtime.FromONNX(x)
	if err != nil || have == want || have != onnx.Double || !want.IsFloat() {
		return t, err
	}
	values, err := t.Float64s()
	return &runtime.Tensor{Type: want, Shape: t.Shape, Data: runtime.FromFloats(want, values)}, err
}

// WriteArrays writes tensors as an .npz archive.
func WriteArrays(w io.Writer, tensors runtime.Tensors) error {
	arrays := map[string]*npy.Array{}
	for name, t := range tensors {
		kind := ""
		for k, v := range arrayTypes {
			if v == t.Type || t.Type == onnx.BFloat16 && v == onnx.Uint16 {
				kind = k
			}
		}
		if kind == "" {
			return fmt.Errorf("%q is %s, which numpy does not have", name, t.Type)
		}
		arrays[name] = &npy.Array{Type: kind, Shape: t.Shape, Data: t.Raw()}
	}
	return npy.WriteArchive(w, arrays)
}

// readDataSets reads one test_data_set folder, or every one in a folder.
func readDataSets(path string, g *onnx.Graph) ([]Recorded, error) {
	folders := []string{path}
	if inside, err := filepath.Glob(filepath.Join(escape(path), "test_data_set_*")); err == nil && len(inside) > 0 {
		folders = inside
	}
	var all []Recorded
	for _, dir := range folders {
		in, err := readSet(dir, "input", setInputs(dir, g))
		if err != nil {
			return nil, err
		}
		for _, v := range g.DataInputs() {
			if in[v.Name] == nil {
				return nil, fmt.Errorf("%s: there is no file for input %q", dir, v.Name)
			}
		}
		out, err := readSet(dir, "output", g.Outputs)
		if err != nil {
			return nil, err
		}
		all = append(all, Recorded{in, out})
	}
	return all, nil
}

// escape keeps a folder's name from being read as a pattern.
func escape(path string) string {
	return strings.NewReplacer("*", "\\*", "?", "\\?", "[", "\\[").Replace(path)
}

// readSet reads input_0.pb, or input0.pb as ONNX Runtime's tools write it, and so on.
func readSet(dir, kind string, values []*onnx.Value) (runtime.Tensors, error) {
	out := runtime.Tensors{}
	for i, v := range values {
		for _, name := range []string{fmt.Sprintf("%s_%d.pb", kind, i), fmt.Sprintf("%s%d.pb", kind, i)} {
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err == nil && info.Size() > maxFile {
				err = errors.New("it is larger than 2 GiB")
			}
			var t *runtime.Tensor
			if err == nil {
				t, err = readTensor(path, v.Type)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			out[v.Name] = t
			break
		}
	}
	return out, nil
}

func readTensor(path string, want *onnx.Type) (*runtime.Tensor, error) {
	b, err := regular.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	if !want.IsTensor() {
		return nil, fmt.Errorf("the model wants %s there", want)
	}
	x, err := onnx.ParseTensor(b)
	if err != nil {
		return nil, err
	}
	t, err := runtime.FromONNX(x)
	if err == nil && want.Elem == onnx.BFloat16 && t.Type == onnx.Uint16 {
		t.Type = onnx.BFloat16 // as ONNX's own tests have it
	}
	return t, err
}

// WriteDataSet writes a test_data_set folder.
func WriteDataSet(dir string, g *onnx.Graph, in, out runtime.Tensors) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	write := func(kind string, values []*onnx.Value, tensors runtime.Tensors) error {
		for i, v := range values {
			t := tensors[v.Name]
			if t == nil {
				continue
			}
			x, err := t.ToONNX(v.Name)
			if err != nil {
				return fmt.Errorf("%s %q: %w", kind, v.Name, err)
			}
			b, err := x.Encode()
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s_%d.pb", kind, i)), b, 0o644)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return errors.Join(write("input", g.Inputs, in), write("output", g.Outputs, out))
}
