package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// WithGraph returns a copy of the model around another graph. The copy reads its
// tensors from the same files and must not be used after m is closed.
func (m *Model) WithGraph(g *Graph) *Model {
	c := *m
	c.Graph = g
	c.closers = nil
	c.path = ""
	c.Metadata = slices.Clone(m.Metadata)
	return &c
}

// WithOutputs returns a copy of the graph in which the named values are outputs
// too, after the present ones: how intermediate results become visible to any
// engine. Their types are left for shape inference unless value_info has them.
func (g *Graph) WithOutputs(names ...string) (*Graph, error) {
	types := map[string]*Value{}
	for _, v := range g.ValueInfo {
		types[v.Name] = v
	}
	known := map[string]bool{}
	for _, n := range g.Nodes {
		for _, o := range n.Outputs {
			known[o] = true
		}
	}
	c := *g
	c.Outputs = slices.Clone(g.Outputs)
	listed := map[string]bool{}
	for _, v := range g.Outputs {
		listed[v.Name] = true
	}
	for _, name := range names {
		if !known[name] || name == "" {
			return nil, fmt.Errorf("no node of the graph makes a value called %q", name)
		}
		if listed[name] {
			continue
		}
		listed[name] = true
		if v, ok := types[name]; ok {
			c.Outputs = append(c.Outputs, v)
		} else {
			c.Outputs = append(c.Outputs, &Value{Name: name})
		}
	}
	return &c, nil
}

// Between returns a copy of the graph with only the nodes from lo to hi. What they read
// of other nodes and of the graph's inputs becomes an input, what others read of them and
// the graph's outputs become outputs; typeOf gives their types.
func (g *Graph) Between(lo, hi int, typeOf func(name string) *Type) *Graph {
	c := &Graph{Name: g.Name, Nodes: g.Nodes[lo:hi:hi]}
	inside, read := map[string]bool{}, map[string]bool{}
	for _, n := range c.Nodes {
		for _, name := range n.Inputs {
			read[name] = true
		}
		for _, name := range n.Outputs {
			inside[name] = true
		}
	}
	initializer := map[string]bool{}
	for _, t := range g.Initializers {
		initializer[t.Name] = true
		if read[t.Name] {
			c.Initializers = append(c.Initializers, t)
		}
	}
	listed := map[string]bool{}
	for _, n := range c.Nodes {
		for _, name := range n.Inputs {
			if name != "" && !inside[name] && !initializer[name] && !listed[name] {
				listed[name] = true
				c.Inputs = append(c.Inputs, &Value{Name: name, Type: typeOf(name)})
			}
		}
	}
	wanted := map[string]bool{}
	for _, v := range g.Outputs {
		wanted[v.Name] = true
	}
	for _, n := range g.Nodes[hi:] {
		for _, name := range n.Inputs {
			wanted[name] = true
		}
	}
	for _, n := range c.Nodes {
		for _, name := range n.Outputs {
			if name != "" && wanted[name] {
				c.Outputs = append(c.Outputs, &Value{Name: name, Type: typeOf(name)})
			}
		}
	}
	return c
}

// WithInitializers returns a copy of the graph with new data for the named
// initializers. It is the one gate for weights: every name must be an initializer
// of the graph, of the same type and shape; all that is wrong is reported at once.
func (g *Graph) WithInitializers(w map[string]*Tensor) (*Graph, error) {
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
		if t.Type != old.Type || !slices.Equal(t.Dims, old.Dims) {
			errs = append(errs, fmt.Errorf("%s: is %s, want %s", old.Name, t, old))
			continue
		}
		if err := t.Validate(); err != nil {
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
