package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// WithInitializers returns a copy of the graph with new data for the named
// initializers. It is the one gate for weights: every name must be an initializer
// of the graph, of the same type and shape; all that is wrong is reported at once.
func (g *Graph) WithInitializers(w map[string]*Tensor) (*Graph, error) {
	return g.withInitializers(w, func(old, t *Tensor) error {
		if t.Type != old.Type || !slices.Equal(t.Dims, old.Dims) {
			return fmt.Errorf("%s: is %s, want %s", old.Name, t, old)
		}
		return nil
	})
}

// WithRetyped is WithInitializers for tensors that may have another type and shape: what the
// graph declares of these names, as an input or in value_info, is declared anew. What follows
// from them elsewhere is not: a pass that calls this checks the model afterwards.
func (g *Graph) WithRetyped(w map[string]*Tensor) (*Graph, error) {
	c, err := g.withInitializers(w, func(*Tensor, *Tensor) error { return nil })
	if err != nil {
		return nil, err
	}
	declare := func(list []*Value) []*Value {
		list = slices.Clone(list)
		for i, v := range list {
			t := w[v.Name]
			if t == nil || v.Type == nil {
				continue
			}
			own := *v
			own.Type = TensorType(t.Type, FixedShape(t.Dims...))
			own.Type.Denotation = v.Type.Denotation
			list[i] = &own
		}
		return list
	}
	c.Inputs, c.ValueInfo = declare(c.Inputs), declare(c.ValueInfo)
	return c, nil
}

func (g *Graph) withInitializers(w map[string]*Tensor, fits func(old, t *Tensor) error) (*Graph, error) {
	c := *g
	c.Initializers = slices.Clone(g.Initializers)
	var errs []error
	used := map[string]bool{}
	for i, old := range c.Initializers {
		t, ok := w[old.Name]
		if !ok {
			continue
		}
		used[old.Name] = true
		if err := errors.Join(fits(old, t), t.Validate()); err != nil {
			errs = append(errs, err)
			continue
		}
		replacement := *t
		replacement.Name, replacement.DocString, replacement.Metadata = old.Name, old.DocString, old.Metadata
		c.Initializers[i] = &replacement
	}
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if !used[name] {
			errs = append(errs, fmt.Errorf("%s: the graph has no initializer of this name", name))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &c, nil
}
