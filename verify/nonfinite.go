package verify

import (
	"fmt"
	"math"

	"alexctl/runtime/reference"
)

// Nonfinite is an output of which elements are NaN or infinite in the reference. What an engine
// makes of them says nothing about it, and nothing can be done with them.
type Nonfinite struct {
	Output   string `json:"output"`
	Elements int    `json:"elements"` // over all inputs
	Of       int    `json:"of"`
	// From is the first value, in the graph's order, that is not finite: an input of the model,
	// or what Node, an Op, makes.
	From string `json:"from"`
	Node string `json:"node,omitempty"`
	Op   string `json:"op,omitempty"`
}

// String says where the numbers end.
func (n Nonfinite) String() string {
	from := fmt.Sprintf("input %q on", n.From)
	if n.Op != "" {
		from = fmt.Sprintf("layer %s (%s) on", n.Node, n.Op)
	}
	return fmt.Sprintf("output %q: %d of %d elements are NaN or infinite in the reference, from %s: that an engine agrees there proves nothing",
		n.Output, n.Elements, n.Of, from)
}

// nonfinite counts the elements of a value that are no finite numbers.
func nonfinite(values []float64) int {
	n := 0
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			n++
		}
	}
	return n
}

// watch remembers the first value that is not finite.
func (c *comparison) watch(v reference.Value) {
	if c.broken == "" && nonfinite(v.F) > 0 {
		c.broken = v.Name
	}
}

// nonfiniteOutputs reports the outputs that are not finite, and from which value on.
func (c *comparison) nonfiniteOutputs() error {
	for _, in := range c.inputs {
		for _, v := range c.model.Graph.DataInputs() {
			x := in[v.Name]
			if x == nil || !x.Type.IsFloat() {
				continue
			}
			values, err := x.Float64s()
			if err != nil {
				return err
			}
			if nonfinite(values) > 0 {
				c.broken = v.Name
			}
		}
	}
	for _, expected := range c.expected { // they differ in their bounds only
		for _, v := range c.model.Graph.Outputs {
			n := Nonfinite{Output: v.Name, From: c.broken}
			for _, e := range expected {
				n.Elements += nonfinite(e[v.Name].F)
				n.Of += len(e[v.Name].F)
			}
			if n.Elements == 0 {
				continue
			}
			if maker := c.index.Maker(c.broken); maker != nil {
				n.Node, n.Op = maker.Label(), maker.OpType
			}
			c.report.Nonfinite = append(c.report.Nonfinite, n)
		}
		break
	}
	c.report.NonfiniteAllowed = c.AllowNonfinite && len(c.report.Nonfinite) > 0
	c.report.OK = c.report.OK && (len(c.report.Nonfinite) == 0 || c.AllowNonfinite)
	return nil
}
