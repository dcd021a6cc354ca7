package gorgonia

import (
	"context"
	"fmt"

	"gorgonia.org/gorgonia"

	"alexctl/kernel"
)

// machine runs a graph: each operator once, after those that it reads. It does for us what
// Gorgonia's tape machine does, with what our graphs allow: operators own their outputs, so
// nothing is allocated for them, and a whole run stays on one goroutine, which is where the
// kernels of a C library want to be called.
type machine struct {
	pool  kernel.Pool
	run   *run
	steps []instruction
	at    map[*gorgonia.Node]int // the place of a node's value
	value []gorgonia.Value
}

// instruction is an operator with the places of its operands and its result.
type instruction struct {
	op       gorgonia.Op
	operands []int
	result   int
	args     []gorgonia.Value
}

// newMachine prepares to compute some nodes of a graph, and what they need.
func newMachine(g *gorgonia.ExprGraph, r *run, p kernel.Pool, targets ...*gorgonia.Node) *machine {
	m := &machine{pool: p, run: r, at: map[*gorgonia.Node]int{}}
	for _, n := range targets {
		m.add(g, n)
	}
	return m
}

// add returns the place of a node's value. Operators come after their operands, and
// otherwise in the order in which they are asked for.
func (m *machine) add(g *gorgonia.ExprGraph, n *gorgonia.Node) int {
	if at, ok := m.at[n]; ok {
		return at
	}
	var s instruction
	if n.Op() != nil {
		for children := g.From(n.ID()); children.Next(); {
			child, _ := children.Node().(*gorgonia.Node)
			s.operands = append(s.operands, m.add(g, child))
		}
	}
	s.op, s.result = n.Op(), len(m.value)
	m.at[n], m.value = s.result, append(m.value, n.Value())
	if s.op != nil && n.Value() == nil { // otherwise it is a constant
		s.args = make([]gorgonia.Value, len(s.operands))
		m.steps = append(m.steps, s)
	}
	return s.result
}

// of returns the value that a node had in the last run.
func (m *machine) of(n *gorgonia.Node) gorgonia.Value { return m.value[m.at[n]] }

// compute runs the graph once.
func (m *machine) compute(ctx context.Context) (err error) {
	m.run.ctx, m.run.err = ctx, nil
	m.pool.Do(func() { err = m.all() })
	if m.run.err != nil {
		return m.run.err
	}
	return err
}

func (m *machine) all() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &InternalError{fmt.Sprint(p)}
		}
	}()
	for i := range m.steps {
		s := &m.steps[i]
		for k, at := range s.operands {
			s.args[k] = m.value[at]
		}
		if m.value[s.result], err = s.op.Do(s.args...); err != nil {
			return err
		}
	}
	return nil
}
