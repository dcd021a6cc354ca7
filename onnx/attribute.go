package onnx

import (
	"bytes"
	"context"
)

// IntAttr returns an INT attribute.
func IntAttr(name string, v int64) *Attribute { return &Attribute{Name: name, Type: AttrInt, Int: v} }

// IntsAttr returns an INTS attribute.
func IntsAttr(name string, v ...int64) *Attribute {
	return &Attribute{Name: name, Type: AttrInts, Ints: v}
}

// FloatAttr returns a FLOAT attribute.
func FloatAttr(name string, v float32) *Attribute {
	return &Attribute{Name: name, Type: AttrFloat, Float: v}
}

// StringAttr returns a STRING attribute.
func StringAttr(name, v string) *Attribute {
	return &Attribute{Name: name, Type: AttrString, String: []byte(v)}
}

// TensorAttr returns a TENSOR attribute.
func TensorAttr(name string, t *Tensor) *Attribute {
	return &Attribute{Name: name, Type: AttrTensor, Tensor: t}
}

// present returns the kinds of value that the attribute holds: as read from a
// file, or, for one made or given another kind in memory, the kind that Type says.
func (a *Attribute) present() []AttributeType {
	switch {
	case a.set == nil && a.RefName != "": // made here, to refer to a function's
		return nil
	case a.set == nil || a.Type != a.read:
		return []AttributeType{a.Type}
	}
	var kinds []AttributeType
	for k := AttrFloat; k <= AttrTypeProtos; k++ {
		if a.set[k] {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// Subgraphs returns the graphs that the attribute holds.
func (a *Attribute) Subgraphs() []*Graph {
	if a.Graph != nil {
		return append([]*Graph{a.Graph}, a.Graphs...)
	}
	return a.Graphs
}

// Same reports whether two attributes say the same, by their encoding.
func (a *Attribute) Same(b *Attribute) (bool, error) {
	var encoded [2]bytes.Buffer
	for i, x := range []*Attribute{a, b} {
		if err := stream(context.Background(), &encoded[i], (&encoder{}).message(x.fields).pieces); err != nil {
			return false, err
		}
	}
	return bytes.Equal(encoded[0].Bytes(), encoded[1].Bytes()), nil
}
