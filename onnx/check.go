package onnx

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is something wrong in a model: where it is and what it is.
type Problem struct {
	Where   string `json:"where"`
	Problem string `json:"problem"`
}

// String returns the problem as "where: what".
func (p Problem) String() string { return p.Where + ": " + p.Problem }

// newestIR is the newest IR version that this package was written for.
const newestIR = 14

// Check reports what is structurally wrong with the model: missing or duplicate
// names, values used before they are made, cycles, malformed attributes, tensors
// whose data does not fit their shape. warnings are what breaks a rule too, but what every
// engine puts up with. Package op checks what operators mean.
func Check(m *Model) (problems, warnings []Problem) {
	c := &checker{ir: m.IRVersion}
	c.model(m)
	return c.problems, c.warnings
}

type checker struct {
	ir       int64
	imported map[string]bool // domains of the operator sets in force, and of functions
	problems []Problem
	warnings []Problem
}

func (c *checker) warn(where, format string, args ...any) {
	c.warnings = append(c.warnings, Problem{where, fmt.Sprintf(format, args...)})
}

// tensor reports what is wrong with a tensor.
func (c *checker) tensor(where string, t *Tensor) {
	if err := t.problem(); err != nil {
		c.add(where, "%v", err)
	} else if t.redundant {
		c.warn(where, "it has an empty data field beside the one that holds its data")
	}
}

func (c *checker) add(where, format string, args ...any) {
	c.problems = append(c.problems, Problem{where, fmt.Sprintf(format, args...)})
}

func (c *checker) model(m *Model) {
	switch {
	case m.IRVersion <= 0:
		c.add("model", "ir_version is missing")
	case m.IRVersion > newestIR:
		c.add("model", "ir_version %d is newer than %d, the newest known", m.IRVersion, newestIR)
	}
	c.operatorSets("model", m.OperatorSets)
	for _, f := range m.Functions {
		c.imported[f.Domain] = true
	}
	keys := map[string]bool{}
	for _, p := range m.Metadata {
		if keys[p.Key] {
			c.add("model", "metadata key %q appears twice", p.Key)
		}
		keys[p.Key] = true
	}
	if m.Graph.Name == "" {
		c.add("graph", "the graph has no name")
	}
	c.graph("graph", m.Graph, nil)
	c.functions(m.Functions)
}

func (c *checker) operatorSets(where string, sets []OperatorSet) {
	if len(sets) == 0 {
		c.add(where, "opset_import is missing")
	}
	c.imported = map[string]bool{}
	seen := map[string]bool{}
	for _, s := range sets {
		domain := domainName(s.Domain)
		if seen[domain] {
			c.warn(where, "operator set %q is imported twice: engines take the last, version %d", domain, s.Version)
		}
		if s.Version <= 0 {
			c.add(where, "operator set %q has version %d", domain, s.Version)
		}
		seen[domain] = true
		c.imported[domain] = true
	}
}

// domainName returns the one name of a domain: the standard one has two.
func domainName(domain string) string {
	if IsStandardDomain(domain) {
		return "ai.onnx"
	}
	return domain
}

func (c *checker) functions(list []*Function) {
	seen := map[[3]string]bool{}
	for _, f := range list {
		where := "function " + f.Domain + "." + f.Name
		key := [3]string{f.Domain, f.Name, f.Overload}
		if f.Name == "" {
			c.add(where, "the function has no name")
		}
		if seen[key] {
			c.add(where, "defined twice")
		}
		seen[key] = true
		c.operatorSets(where, f.OperatorSets)
		for _, other := range list {
			c.imported[other.Domain] = true
		}
		s := &scope{names: map[string]string{}}
		for _, in := range f.Inputs {
			c.define(where, s, in, "input")
		}
		c.attributes(where, f.AttributeDefaults, s)
		c.nodes(where, f.Nodes, s)
		for _, out := range f.Outputs {
			if !s.has(out) {
				c.add(where, "output %q is made by no node", out)
			}
		}
	}
}

// scope is the names defined so far in a graph, with what defined each.
type scope struct {
	names map[string]string
	outer *scope
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if _, ok := s.names[name]; ok {
			return true
		}
	}
	return false
}

// define adds name to the scope, or reports that it is taken.
func (c *checker) define(where string, s *scope, name, what string) {
	if by, ok := s.names[name]; ok {
		c.add(where, "the name %q is used twice: %s and %s", name, by, what)
		return
	}
	if s.outer.has(name) {
		c.add(where, "the name %q (%s) is one of the graph outside too", name, what)
	}
	s.names[name] = what
}

func (c *checker) graph(where string, g *Graph, outer *scope) {
	s := &scope{names: map[string]string{}, outer: outer}
	inputs := map[string]*Value{}
	for i, v := range g.Inputs {
		c.value(fmt.Sprintf("%s input[%d] %q", where, i, v.Name), v, outer == nil)
		c.define(where, s, v.Name, "graph input")
		inputs[v.Name] = v
	}
	initializers := map[string]bool{}
	var bare []string // initializers that are no inputs, where they must be
	for i, t := range g.Initializers {
		at := fmt.Sprintf("initializer %q", t.Name)
		if t.Name == "" {
			c.add(fmt.Sprintf("initializer[%d]", i), "it has no name")
		}
		if initializers[t.Name] {
			c.add(at, "two initializers have this name")
			continue
		}
		initializers[t.Name] = true
		c.tensor(at, t)
		in, isInput := inputs[t.Name]
		switch {
		case isInput:
			c.defaultFits(at, in, t)
		case c.ir > 0 && c.ir <= 3:
			bare = append(bare, t.Name)
			c.define(where, s, t.Name, "initializer")
		default:
			c.define(where, s, t.Name, "initializer")
		}
	}
	if len(bare) > 0 {
		c.add(where, "initializers that are not a graph input too, which IR version %d demands: %s", c.ir, brief(bare))
	}
	c.nodes(where, g.Nodes, s)
	if len(g.Outputs) == 0 {
		c.add(where, "the graph has no output")
	}
	outputs := map[string]bool{}
	for i, v := range g.Outputs {
		at := fmt.Sprintf("%s output[%d] %q", where, i, v.Name)
		c.value(at, v, outer == nil)
		if outputs[v.Name] {
			c.add(at, "two outputs have this name")
		}
		outputs[v.Name] = true
		if v.Name != "" && !s.has(v.Name) {
			c.add(at, "it is made by no node")
		}
	}
	for i, v := range g.ValueInfo {
		if v.Name == "" {
			c.add(fmt.Sprintf("%s value_info[%d]", where, i), "it has no name")
		}
	}
}

// brief lists names, but not too many.
func brief(names []string) string {
	const most = 4
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%q and %d more", names[:most], more)
	}
	return fmt.Sprintf("%q", names)
}

// defaultFits checks an initializer against the graph input of the same name.
func (c *checker) defaultFits(where string, in *Value, t *Tensor) {
	if in.Type == nil || !in.Type.IsTensor() || in.Type.Shape == nil {
		return
	}
	ok := in.Type.Elem == t.Type && len(*in.Type.Shape) == len(t.Dims)
	if ok {
		for i, d := range *in.Type.Shape {
			ok = ok && (d.N < 0 || d.N == t.Dims[i])
		}
	}
	if !ok {
		c.add(where, "it is %s, the graph input of this name is %s", t, in.Type)
	}
}

// value checks a graph input or output. Those of the main graph must be typed.
func (c *checker) value(where string, v *Value, typed bool) {
	if v.Name == "" {
		c.add(where, "it has no name")
	}
	if !typed && v.Type == nil {
		return
	}
	switch {
	case v.Type == nil:
		c.add(where, "it has no type")
	case !v.Type.IsTensor():
	case !v.Type.Elem.Valid():
		c.add(where, "element type %s is not an ONNX element type", v.Type.Elem)
	case v.Type.Shape == nil && typed:
		c.add(where, "it has no shape field (one with unknown dimensions would do)")
	}
}

func (c *checker) nodes(where string, nodes []*Node, s *scope) {
	made := map[string]bool{}
	for _, n := range nodes {
		for _, o := range n.Outputs {
			made[o] = true
		}
	}
	cyclic := cycle(nodes)
	named := map[string]bool{}
	for i, n := range nodes {
		at := fmt.Sprintf("node %q (%s)", n.Label(), n.OpType)
		if n.OpType == "" {
			c.add(fmt.Sprintf("%s node[%d] %q", where, i, n.Name), "it has no op_type")
		}
		domain := domainName(n.Domain)
		if len(c.imported) > 0 && !c.imported[domain] {
			c.add(at, "the operator set %q is not imported", domain)
		}
		if n.Name != "" && named[n.Name] {
			c.warn(at, "two nodes have this name")
		}
		named[n.Name] = true
		for _, in := range n.Inputs {
			switch {
			case in == "" || s.has(in):
			case cyclic[n]:
				c.add(at, "input %q depends on the node's own output: the graph has a cycle", in)
			case made[in]:
				c.add(at, "input %q is made by a later node: nodes must be in topological order", in)
			default:
				c.add(at, "input %q is neither a graph input, an initializer nor made by a node", in)
			}
		}
		c.attributes(at, n.Attributes, s)
		for _, o := range n.Outputs {
			if o != "" {
				c.define(at, s, o, "output of node "+n.Label())
			}
		}
	}
}

func (c *checker) attributes(where string, list []*Attribute, s *scope) {
	seen := map[string]bool{}
	for _, a := range list {
		at := fmt.Sprintf("%s attribute %q", where, a.Name)
		if a.Name == "" {
			c.add(at, "it has no name")
		}
		if seen[a.Name] {
			c.add(at, "two attributes have this name")
		}
		seen[a.Name] = true
		kinds := a.present()
		switch {
		case a.RefName != "":
			if len(kinds) > 0 {
				c.add(at, "it refers to %q and has a value too", a.RefName)
			}
		case len(kinds) > 1:
			c.add(at, "it has values of several kinds: %v", kinds)
		case c.ir >= 2 && a.Type == AttrUndefined:
			c.add(at, "it has no type, which IR version %d demands", c.ir)
		case len(kinds) == 1 && a.Type != AttrUndefined && kinds[0] != a.Type:
			c.add(at, "its type is %s, its value %s", a.Type, kinds[0])
		}
		for _, t := range append(slices.Clone(a.Tensors), a.Tensor) {
			if t == nil {
				continue
			}
			c.tensor(at, t)
		}
		for _, g := range a.Subgraphs() {
			c.graph(strings.TrimSpace(at), g, s)
		}
	}
}

// cycle returns the nodes that lie on a cycle or depend on one: those that remain
// when every node whose inputs are available is taken away, again and again, and
// then every node that nothing remaining needs.
func cycle(nodes []*Node) map[*Node]bool {
	maker := map[string]*Node{}
	for _, n := range nodes {
		for _, o := range n.Outputs {
			if o != "" {
				maker[o] = n
			}
		}
	}
	users := map[*Node][]*Node{}
	waits := map[*Node]int{}
	for _, n := range nodes {
		for _, in := range n.Inputs {
			if m := maker[in]; m != nil {
				users[m] = append(users[m], n)
				waits[n]++
			}
		}
	}
	left := map[*Node]bool{}
	for _, n := range nodes {
		left[n] = true
	}
	peel(left, waits, users)
	// Nodes downstream of a cycle are not on it: take away, again and again, those
	// that no node left uses.
	used := map[*Node]int{}
	makers := map[*Node][]*Node{}
	for n := range left {
		for _, u := range users[n] {
			if left[u] {
				used[n]++
				makers[u] = append(makers[u], n)
			}
		}
	}
	peel(left, used, makers)
	return left
}

// peel removes the nodes whose count is zero, lowers the count of the nodes next to
// each of them, and goes on until every count left is above zero.
func peel(left map[*Node]bool, count map[*Node]int, next map[*Node][]*Node) {
	var ready []*Node
	for n := range left {
		if count[n] == 0 {
			ready = append(ready, n)
		}
	}
	for len(ready) > 0 {
		n := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		delete(left, n)
		for _, m := range next[n] {
			if count[m]--; count[m] == 0 {
				ready = append(ready, m)
			}
		}
	}
}
