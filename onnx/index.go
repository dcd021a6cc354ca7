package onnx

import "slices"

// Use is a place where a value is read.
type Use struct {
	// Node reads the value; it may stand in a subgraph. nil stands for an output of the
	// graph, or of a subgraph.
	Node *Node
	// Input is the number of the input, or of the output where Node is nil.
	Input int
	// Top is the node of the indexed graph that reads the value or holds the subgraph that does;
	// nil for an output of the graph.
	Top *Node
	// At is the number of the node of the indexed graph that reads the value or holds the
	// subgraph that does; for an output of the graph it is the number of nodes.
	At int
}

// Index says who makes and who reads each value of a graph, also in the subgraphs of If, Loop
// and Scan. It is of the graph as it was: one that is changed needs a new one.
type Index struct {
	graph        *Graph
	makers       map[string]int
	uses         map[string][]Use
	initializers map[string]*Tensor
	inputs       map[string]*Value
	outputs      map[string]*Value
}

// NewIndex indexes a graph, in time linear in its size.
func NewIndex(g *Graph) *Index {
	x := &Index{graph: g, makers: map[string]int{}, uses: map[string][]Use{}, initializers: map[string]*Tensor{},
		inputs: map[string]*Value{}, outputs: map[string]*Value{}}
	for _, t := range g.Initializers {
		x.initializers[t.Name] = t
	}
	for _, v := range g.Inputs {
		x.inputs[v.Name] = v
	}
	for i, n := range g.Nodes {
		n.reads(func(u Use, name string) {
			u.Top, u.At = n, i
			x.uses[name] = append(x.uses[name], u)
		})
		for _, o := range n.Outputs {
			if o != "" {
				x.makers[o] = i
			}
		}
	}
	for i, v := range g.Outputs {
		x.outputs[v.Name] = v
		x.uses[v.Name] = append(x.uses[v.Name], Use{Input: i, At: len(g.Nodes)})
	}
	return x
}

// reads calls f for each value that the node reads, and that its subgraphs read from
// outside of themselves.
func (n *Node) reads(f func(u Use, name string)) {
	for i, in := range n.Inputs {
		if in != "" {
			f(Use{Node: n, Input: i}, in)
		}
	}
	for _, a := range n.Attributes {
		for _, g := range a.Subgraphs() {
			own := g.Defined()
			outer := func(u Use, name string) {
				if !own[name] {
					f(u, name)
				}
			}
			for _, inner := range g.Nodes {
				inner.reads(outer)
			}
			for i, v := range g.Outputs {
				outer(Use{Input: i}, v.Name)
			}
		}
	}
}

// Defined returns the names that a graph defines: its inputs, initializers and the outputs of
// its nodes.
func (g *Graph) Defined() map[string]bool {
	names := map[string]bool{}
	for _, v := range g.Inputs {
		names[v.Name] = true
	}
	for _, t := range g.Initializers {
		names[t.Name] = true
	}
	for _, n := range g.Nodes {
		for _, o := range n.Outputs {
			names[o] = true
		}
	}
	return names
}

// Graph returns the graph that is indexed.
func (x *Index) Graph() *Graph { return x.graph }

// Maker returns the node that makes a value, or nil for inputs, initializers and names that
// nothing makes.
func (x *Index) Maker(name string) *Node {
	if i, ok := x.makers[name]; ok {
		return x.graph.Nodes[i]
	}
	return nil
}

// MadeAt returns the number of the node that makes a value, or -1.
func (x *Index) MadeAt(name string) int {
	if i, ok := x.makers[name]; ok {
		return i
	}
	return -1
}

// Uses returns the places where a value is read, in the order of the nodes, the outputs of
// the graph last.
func (x *Index) Uses(name string) []Use { return x.uses[name] }

// Used reports whether anything reads a value.
func (x *Index) Used(name string) bool { return len(x.uses[name]) > 0 }

// Initializer returns the initializer called name, or nil.
func (x *Index) Initializer(name string) *Tensor { return x.initializers[name] }

// Input returns the graph input called name, or nil.
func (x *Index) Input(name string) *Value { return x.inputs[name] }

// Output returns the graph output called name, or nil.
func (x *Index) Output(name string) *Value { return x.outputs[name] }

// Has reports whether the graph has a value of this name.
func (x *Index) Has(name string) bool {
	_, made := x.makers[name]
	return made || x.initializers[name] != nil || x.inputs[name] != nil
}

// Back walks from a value to the node that makes it and on, through the input that next
// returns, until next returns -1 or nothing makes the value. It returns the last value. A
// graph that goes round in circles ends the walk.
func (x *Index) Back(name string, next func(n *Node) int) string {
	for range x.graph.Nodes {
		n := x.Maker(name)
		if n == nil {
			break
		}
		i := next(n)
		if i < 0 || i >= len(n.Inputs) || n.Inputs[i] == "" {
			break
		}
		name = n.Inputs[i]
	}
	return name
}

// Reading returns a copy of the node that reads other values: names maps old to new ones. In
// subgraphs a name that they define themselves stays; Defines tells where a new name would
// mean another value.
func (n *Node) Reading(names map[string]string) *Node {
	c := *n
	c.Inputs = slices.Clone(n.Inputs)
	for i, in := range c.Inputs {
		if to, ok := names[in]; ok {
			c.Inputs[i] = to
		}
	}
	c.Attributes = slices.Clone(n.Attributes)
	for i, a := range c.Attributes {
		if len(a.Subgraphs()) == 0 {
			continue
		}
		copied := *a
		if a.Graph != nil {
			copied.Graph = a.Graph.reading(names)
		}
		copied.Graphs = slices.Clone(a.Graphs)
		for k, g := range copied.Graphs {
			copied.Graphs[k] = g.reading(names)
		}
		c.Attributes[i] = &copied
	}
	return &c
}

func (g *Graph) reading(names map[string]string) *Graph {
	own, left := g.Defined(), map[string]string{}
	for from, to := range names {
		if !own[from] {
			left[from] = to
		}
	}
	c := *g
	c.Nodes = slices.Clone(g.Nodes)
	for i, n := range c.Nodes {
		c.Nodes[i] = n.Reading(left)
	}
	c.Outputs = slices.Clone(g.Outputs)
	for i, v := range c.Outputs {
		if to, ok := left[v.Name]; ok {
			renamed := *v
			renamed.Name = to
			c.Outputs[i] = &renamed
		}
	}
	return &c
}

// Defines reports whether a subgraph of the node, or one within it, defines a value of this
// name.
func (n *Node) Defines(name string) bool {
	for _, a := range n.Attributes {
		for _, g := range a.Subgraphs() {
			if g.Defined()[name] || slices.ContainsFunc(g.Nodes, func(inner *Node) bool { return inner.Defines(name) }) {
				return true
			}
		}
	}
	return false
}

// Reads returns the values that the node reads, and those that its subgraphs read from
// outside of themselves, each once.
func (n *Node) Reads() []string {
	var names []string
	seen := map[string]bool{}
	n.reads(func(_ Use, name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	})
	return names
}
