package gorgonia

import (
	"context"
	"fmt"
	"math"
	"strings"
	"unsafe"

	"gorgonia.org/gorgonia"

	"alexctl/kernel"
)

// machine runs a graph: each operator once, after those that it reads. It does for us what
// Gorgonia's tape machine does, with what our graphs allow: a whole run stays on one goroutine,
// which is where the kernels of a C library want to be called, and since the graph is static all
// values have their places in one piece of memory, which those that are not needed any more leave
// to later ones.
type machine[T kernel.Float] struct {
	kernels kernel.Set[T]
	run     *run
	steps   []instruction
	at      map[*gorgonia.Node]int // the place of a node's value
	value   []gorgonia.Value
	kept    map[int]bool // places whose values outlive a run

	planned  bool
	elements int               // of the memory, once it is planned
	places   map[int]*interval // by result
	memory   []T
}

// instruction is an operator with the places of its operands and its result.
type instruction struct {
	op       gorgonia.Op
	operands []int
	result   int
	args     []gorgonia.Value
}

// housed is an operator whose result lies where the machine says.
type housed[T kernel.Float] interface {
	// size returns the elements of the result; 0 where it has none.
	size() int
	// house says where the result lies.
	house(data []T)
	// reads reports whether operand i is read.
	reads(i int) bool
}

// newMachine prepares to compute some nodes of a graph, and what they need.
func newMachine[T kernel.Float](g *gorgonia.ExprGraph, r *run, s kernel.Set[T], targets ...*gorgonia.Node) (*machine[T], error) {
	m := &machine[T]{kernels: s, run: r, at: map[*gorgonia.Node]int{}, kept: map[int]bool{}}
	for _, n := range targets {
		at, err := m.add(g, n)
		if err != nil {
			return nil, err
		}
		m.kept[at] = true
	}
	return m, nil
}

// add returns the place of a node's value. Operators come after their operands, and
// otherwise in the order in which they are asked for.
func (m *machine[T]) add(g *gorgonia.ExprGraph, n *gorgonia.Node) (int, error) {
	if at, ok := m.at[n]; ok {
		return at, nil
	}
	var s instruction
	var children gorgonia.Nodes
	if n.Op() != nil {
		for list := g.From(n.ID()); list.Next(); {
			child, _ := list.Node().(*gorgonia.Node)
			children = append(children, child)
			at, err := m.add(g, child)
			if err != nil {
				return 0, err
			}
			s.operands = append(s.operands, at)
		}
	}
	s.op, s.result = n.Op(), len(m.value)
	m.at[n], m.value = s.result, append(m.value, n.Value())
	if s.op != nil && n.Value() == nil { // otherwise it is a constant
		var err error
		if s.op, err = m.ours(s.op, n, children); err != nil {
			return 0, err
		}
		s.args = make([]gorgonia.Value, len(s.operands))
		m.steps = append(m.steps, s)
	}
	return s.result, nil
}

// ours replaces what Gorgonia adds by itself, the sum of the gradients of a value that is used
// more than once, by an operator of ours.
func (m *machine[T]) ours(o gorgonia.Op, n *gorgonia.Node, children gorgonia.Nodes) (gorgonia.Op, error) {
	if _, ok := o.(interface{ layer() *operator }); ok || len(children) != 2 || !strings.HasPrefix(fmt.Sprint(o), "+") {
		return o, nil
	}
	size := n.Shape().TotalSize()
	for _, c := range children {
		if c.Shape().TotalSize() != size {
			return o, nil
		}
	}
	spec := kernel.Sum{N: size, Inputs: len(children)}
	plan, err := m.kernels.Plan(spec)
	if err != nil {
		return nil, err
	}
	f := &forward[T]{plan: plan, spec: spec, elements: size, args: make([][]T, len(children)), needs: make([]bool, len(children))}
	f.operator = m.run.newOperator("gradients", "Sum", dtype[T](), n.Shape().Clone(), children)
	return f, nil
}

// of returns the value that a node had in the last run.
func (m *machine[T]) of(n *gorgonia.Node) gorgonia.Value { return m.value[m.at[n]] }

// plan finds the places of all values.
func (m *machine[T]) plan() {
	if m.planned {
		return
	}
	m.planned = true
	intervals, read := map[int]*interval{}, map[int]int{}
	for i, s := range m.steps {
		h, ok := s.op.(housed[T])
		for k, at := range s.operands {
			if !ok || h.reads(k) {
				read[at] = i
			}
		}
		if ok && h.size() > 0 {
			intervals[s.result] = &interval{size: h.size(), first: i, last: i}
		}
	}
	var list []*interval
	for _, s := range m.steps {
		v := intervals[s.result]
		if v == nil {
			continue
		}
		v.last = max(v.last, read[s.result])
		if m.kept[s.result] {
			v.last = math.MaxInt
		}
		list = append(list, v)
	}
	m.elements = place(list)
	m.places = intervals
}

// bytes returns the size of the memory that the values take together.
func (m *machine[T]) bytes() int64 {
	m.plan()
	return int64(m.elements) * int64(unsafe.Sizeof(*new(T)))
}

// fits refuses a graph whose values take more than so many bytes, before any is made.
func (m *machine[T]) fits(memory int64) error {
	if memory == 0 {
		memory = DefaultMemory
	}
	if n := m.bytes(); n > memory {
		return &UnsupportedError{"", fmt.Sprintf("its values take %d MiB at a time, more than %d: try a smaller batch", n>>20, memory>>20)}
	}
	return nil
}

// house gives all values their places.
func (m *machine[T]) house() {
	if m.memory != nil {
		return
	}
	m.plan()
	m.memory = make([]T, max(1, m.elements))
	for _, s := range m.steps {
		if h, ok := s.op.(housed[T]); ok && m.places[s.result] != nil {
			v := m.places[s.result]
			h.house(m.memory[v.at:][:v.size:v.size])
		}
	}
}

// compute runs the graph once.
func (m *machine[T]) compute(ctx context.Context) (err error) {
	m.house()
	m.run.ctx, m.run.err = ctx, nil
	m.kernels.Pool().Do(func() { err = m.all() })
	if m.run.err != nil {
		return m.run.err
	}
	return err
}

func (m *machine[T]) all() (err error) {
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
