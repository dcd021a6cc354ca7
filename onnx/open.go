package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"alexctl/fault"
	"alexctl/internal/regular"
)

// Open reads the model in the file at path. Tensors keep reading from the file
// until Close. An error, of kind fault.Invalid, says at which byte of the file and in which
// part of the model something is wrong; a file that is recognised as of another kind is
// fault.Unsupported.
func Open(path string) (_ *Model, err error) {
	defer fault.Default(&err, fault.Invalid)
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	m, err := read(f, info.Size())
	if err != nil {
		if other := foreign(f, info.Size()); other != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", path, other), f.Close())
		}
		return nil, errors.Join(fmt.Errorf("%s: not a readable ONNX model: %w", path, err), f.Close())
	}
	m.closers = append(m.closers, f)
	data := m.locateExternal(path)
	m.origin = origin{path: path, files: append(data, originFile{path, info}), sum: m.fingerprint()}
	return m, nil
}

// Parse reads a model from b, which must not change while the model is in use.
// External data is out of reach for such a model.
func Parse(b []byte) (_ *Model, err error) {
	defer fault.Default(&err, fault.Invalid)
	m, err := read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	for _, t := range m.allTensors() {
		if t.External != nil && t.fault == nil {
			t.fault = errors.New("external data of a model that was not opened from a file")
		}
	}
	return m, nil
}

func read(src io.ReaderAt, size int64) (*Model, error) {
	if size == 0 {
		return nil, errors.New("the file is empty")
	}
	d := &decoder{cursor: &cursor{src: src, size: size}}
	m := &Model{}
	if err := d.read(span{0, size}, 0, m.fields); err != nil {
		return nil, err
	}
	if m.Graph == nil {
		return nil, errors.New("it holds no graph")
	}
	return m, nil
}

// ParseTensor reads a TensorProto, such as the files of ONNX's test data sets.
func ParseTensor(b []byte) (*Tensor, error) {
	d := &decoder{cursor: &cursor{src: bytes.NewReader(b), size: int64(len(b))}}
	t := &Tensor{}
	if err := d.tensor(span{0, int64(len(b))}, 0, t); err != nil {
		return nil, fmt.Errorf("not a TensorProto: %w", err)
	}
	if t.External != nil {
		return nil, errors.New("a TensorProto on its own cannot have external data")
	}
	return t, t.Validate()
}

// allTensors returns every tensor of the model: initializers and attributes, in
// graphs, their subgraphs and functions.
func (m *Model) allTensors() []*Tensor {
	var out []*Tensor
	var walk func([]*Node)
	graph := func(g *Graph) {
		out = append(out, g.Initializers...)
		walk(g.Nodes)
	}
	attributes := func(list []*Attribute) {
		for _, a := range list {
			if a.Tensor != nil {
				out = append(out, a.Tensor)
			}
			out = append(out, a.Tensors...)
			for _, g := range a.Subgraphs() {
				graph(g)
			}
		}
	}
	walk = func(nodes []*Node) {
		for _, n := range nodes {
			attributes(n.Attributes)
		}
	}
	if m.Graph != nil {
		graph(m.Graph)
	}
	for _, f := range m.Functions {
		attributes(f.AttributeDefaults)
		walk(f.Nodes)
	}
	return out
}
