// Package onnx holds an ONNX model in memory and reads and writes its file
// format: all of ModelProto, so that any file survives Open and WriteFile with
// its meaning unchanged.
//
// Tensors are not loaded when a file is opened. Each keeps its place in the file
// and copies out what is asked for; a file that another program cuts short while
// it is open therefore ends in an error and never in a fault.
//
// Source: onnx.proto of ONNX 1.16 (IR version 10) and the fields added since.
package onnx

import (
	"errors"
	"io"
	"slices"
)

// Model is a ModelProto. Its tensors may read from an open file until Close.
type Model struct {
	IRVersion       int64
	OperatorSets    []OperatorSet
	ProducerName    string
	ProducerVersion string
	Domain          string
	ModelVersion    int64
	DocString       string
	Graph           *Graph
	Metadata        []Property
	Functions       []*Function

	unknown raw // training_info, configuration and fields not known here
	closers []io.Closer
	origin  origin
}

// Graph is a GraphProto. Treat one that has been handed out as immutable: package pass
// rewrites copies.
type Graph struct {
	Name         string
	DocString    string
	Nodes        []*Node
	Initializers []*Tensor
	Inputs       []*Value
	Outputs      []*Value
	ValueInfo    []*Value
	Metadata     []Property

	unknown raw // quantization annotations and the rest
}

// Node is a NodeProto: one operator applied to named values. An empty input name
// stands for an optional input left out.
type Node struct {
	Name       string
	OpType     string
	Domain     string
	Overload   string
	DocString  string
	Inputs     []string
	Outputs    []string
	Attributes []*Attribute
	Metadata   []Property

	unknown raw
}

// Function is a FunctionProto: an operator defined by other operators.
type Function struct {
	Name              string
	Domain            string
	Overload          string
	DocString         string
	Inputs            []string
	Outputs           []string
	AttributeNames    []string
	AttributeDefaults []*Attribute
	Nodes             []*Node
	OperatorSets      []OperatorSet
	ValueInfo         []*Value
	Metadata          []Property

	unknown raw
}

// Value is a ValueInfoProto: the name and type of a graph input, output or
// intermediate result.
type Value struct {
	Name      string
	Type      *Type
	DocString string
	Metadata  []Property

	unknown raw
}

// AttributeType is the kind of value an attribute holds, numbered as
// AttributeProto.AttributeType.
type AttributeType int32

// The kinds of AttributeProto.AttributeType.
const (
	AttrUndefined AttributeType = iota
	AttrFloat
	AttrInt
	AttrString
	AttrTensor
	AttrGraph
	AttrFloats
	AttrInts
	AttrStrings
	AttrTensors
	AttrGraphs
	AttrSparseTensor
	AttrSparseTensors
	AttrTypeProto
	AttrTypeProtos
)

var attributeTypeNames = [...]string{"UNDEFINED", "FLOAT", "INT", "STRING", "TENSOR", "GRAPH", "FLOATS", "INTS",
	"STRINGS", "TENSORS", "GRAPHS", "SPARSE_TENSOR", "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS"}

// String returns the ONNX name of the kind.
func (t AttributeType) String() string {
	if t < 0 || int(t) >= len(attributeTypeNames) {
		return "UNKNOWN"
	}
	return attributeTypeNames[t]
}

// Attribute is an AttributeProto: a named constant of a node. Type says which of
// the fields holds the value. Sparse tensors and type protos are kept encoded.
type Attribute struct {
	Name      string
	Type      AttributeType
	DocString string
	RefName   string // the attribute of the enclosing function that gives the value

	Float   float32
	Int     int64
	String  []byte
	Tensor  *Tensor
	Graph   *Graph
	Floats  []float32
	Ints    []int64
	Strings [][]byte
	Tensors []*Tensor
	Graphs  []*Graph

	set     map[AttributeType]bool // the value fields present in the file
	read    AttributeType          // Type, as it was in the file
	unknown raw
}

// Close releases the files that the model's tensors read from. Reading one of
// them afterwards is an error.
func (m *Model) Close() error {
	var errs []error
	for _, c := range m.closers {
		errs = append(errs, c.Close())
	}
	m.closers = nil
	return errors.Join(errs...)
}

// Opset returns the version of the standard operator set that the model imports,
// or 0 if it imports none.
func (m *Model) Opset() int64 { return OpsetOf(m.OperatorSets) }

// OpsetOf returns the version of the standard operator set in sets, or 0. Where it is there twice,
// as some converters write it, the last one counts, as it does for engines.
func OpsetOf(sets []OperatorSet) (version int64) {
	for _, s := range sets {
		if IsStandardDomain(s.Domain) {
			version = s.Version
		}
	}
	return version
}

// IsStandardDomain reports whether domain names ONNX's own operators.
func IsStandardDomain(domain string) bool { return domain == "" || domain == "ai.onnx" }

// Property returns the value of the model's metadata key, and whether it is there.
func (m *Model) Property(key string) (string, bool) {
	for _, p := range m.Metadata {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

// SetProperty sets the model's metadata key to value, replacing an earlier one.
func (m *Model) SetProperty(key, value string) {
	for i := range m.Metadata {
		if m.Metadata[i].Key == key {
			m.Metadata[i].Value = value
			return
		}
	}
	m.Metadata = append(m.Metadata, Property{Key: key, Value: value})
}

// Initializer returns the initializer called name, or nil.
func (g *Graph) Initializer(name string) *Tensor {
	for _, t := range g.Initializers {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// DataInputs returns the graph inputs that a caller must feed: those without an
// initializer of the same name, which would be their default.
func (g *Graph) DataInputs() []*Value {
	defaults := make(map[string]bool, len(g.Initializers))
	for _, t := range g.Initializers {
		defaults[t.Name] = true
	}
	return slices.DeleteFunc(slices.Clone(g.Inputs), func(v *Value) bool { return defaults[v.Name] })
}

// Label returns how messages name the node: its name, or its operator and first
// output where it has none.
func (n *Node) Label() string {
	switch {
	case n.Name != "":
		return n.Name
	case len(n.Outputs) > 0:
		return n.OpType + "->" + n.Outputs[0]
	}
	return n.OpType
}

// Attribute returns the attribute called name, or nil.
func (n *Node) Attribute(name string) *Attribute {
	for _, a := range n.Attributes {
		if a.Name == name {
			return a
		}
	}
	return nil
}
