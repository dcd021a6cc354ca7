package gorgonia

import (
	"fmt"
	"slices"

	"alexctl/kernel"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Parameter is a float initializer of a model, in ONNX's layout.
type Parameter[T kernel.Float] struct {
	Name string
	Dims []int64
	Data []T

	trained bool // whether an operator learns it
}

// Store holds the float initializers of a model while graphs use them: training and
// evaluation are two graphs that share one.
type Store[T kernel.Float] struct {
	fixed  bool // whether nothing changes them
	list   []*Parameter[T]
	byName map[string]*Parameter[T]
}

// newStore reads the initializers that are FLOAT.
func newStore[T kernel.Float](m *onnx.Model) (*Store[T], error) {
	s := &Store[T]{byName: map[string]*Parameter[T]{}}
	trained := trainable(m)
	for _, t := range m.Graph.Initializers {
		if t.Type != onnx.Float {
			continue
		}
		if err := t.Validate(); err != nil {
			return nil, err
		}
		n, err := t.Len()
		if err != nil {
			return nil, err
		}
		p := &Parameter[T]{Name: t.Name, Dims: t.Dims, Data: make([]T, n), trained: trained[t.Name]}
		if err := read(t, p.Data); err != nil {
			return nil, fmt.Errorf("initializer %q: %w", t.Name, err)
		}
		s.list = append(s.list, p)
		s.byName[t.Name] = p
	}
	return s, nil
}

// read fills dst with the elements of a FLOAT tensor.
func read[T kernel.Float](t *onnx.Tensor, dst []T) error {
	switch d := any(dst).(type) {
	case []float32:
		return t.Float32s(d, 0)
	case []float64:
		return t.Float64s(d, 0)
	}
	return nil
}

func (s *Store[T]) get(name string) *Parameter[T] { return s.byName[name] }

// data returns the elements of an initializer: shared, so that a change is seen by
// every graph.
func (s *Store[T]) data(t *onnx.Tensor) (any, error) {
	if p := s.byName[t.Name]; p != nil {
		return p.Data, nil
	}
	return nil, fmt.Errorf("initializer %q is not in the store", t.Name)
}

// trainable returns the initializers that are learned: those of rank 1 and more that
// reach a Conv, Gemm, MatMul, Add or BatchNormalization as a parameter, through
// nodes that only move elements. A number, such as the constant of a formula, is not
// learned.
func trainable(m *onnx.Model) map[string]bool {
	learned := map[string]bool{}
	source := map[string]string{} // by value: the initializer that it holds
	for _, t := range m.Graph.Initializers {
		if t.Type == onnx.Float && len(t.Dims) > 0 {
			source[t.Name] = t.Name
		}
	}
	for _, n := range m.Graph.Nodes {
		if !onnx.IsStandardDomain(n.Domain) || len(n.Inputs) == 0 {
			continue
		}
		switch n.OpType {
		case "Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze":
			if s := source[n.Inputs[0]]; s != "" && len(n.Outputs) > 0 {
				source[n.Outputs[0]] = s
			}
		}
		spec := op.Find(n.OpType)
		if spec == nil {
			continue
		}
		for i, in := range n.Inputs {
			if s := source[in]; s != "" && slices.ContainsFunc(spec.Params, func(p op.Param) bool { return p.Input == i }) {
				learned[s] = true
			}
		}
	}
	return learned
}
