package kernel

import (
	"fmt"
	"slices"

	"alexctl/kernel/vector"
)

// Elementwise is a short program that computes each element of the output from the elements of
// the inputs in the same place: a chain of ONNX's elementwise operators in one pass over memory.
// Inputs repeat along the axes where they have one element, as ONNX broadcasts them.
type Elementwise struct {
	Dims   [3]int    // of the output; axes along which all inputs behave alike are one
	Inputs []Along   // by input: along which axes it has elements
	Steps  []Step    // the last one makes the output
	Fixed  []float64 // numbers that steps read, after the inputs
}

// Along says along which axes an input has elements of its own; along others it repeats.
type Along [3]bool

// full is an input that has all elements of the output.
var full = Along{true, true, true}

// Step computes elements from one or two operands: input i is operand i, fixed number j operand
// len(Inputs)+j, and what step k made operand len(Inputs)+len(Fixed)+k.
type Step struct {
	Function string // an operator of ONNX, or one of those below
	A, B     int    // B where the function has two operands
	P, Q     float64
}

// Functions that are not ONNX's by name.
const (
	// AffineFunction is A P + Q.
	AffineFunction = "Affine"
	// ClampFunction is A, at least P and at most Q. At P and Q its gradient is 0, as
	// torch.nn.Hardtanh's.
	ClampFunction = "Clamp"
)

// Sizes returns the elements of the inputs and of y.
func (s Elementwise) Sizes() (in []int, out int) {
	for _, a := range s.Inputs {
		in = append(in, s.elements(a))
	}
	return in, s.elements(full)
}

func (s Elementwise) elements(a Along) int {
	n := 1
	for k, along := range a {
		if along {
			n *= s.Dims[k]
		}
	}
	return n
}

// Differentiable is true for every input.
func (s Elementwise) Differentiable(int) bool { return true }

// operands is how many operands there are before those that steps make.
func (s Elementwise) operands() int { return len(s.Inputs) + len(s.Fixed) }

// Check reports functions that are not known and operands that are not there.
func (s Elementwise) Check() error {
	if len(s.Steps) == 0 || s.Dims[0] < 1 || s.Dims[1] < 1 || s.Dims[2] < 1 {
		return fmt.Errorf("%d steps on %v elements", len(s.Steps), s.Dims)
	}
	for k, step := range s.Steps {
		f := findFunction(step.Function)
		if f == nil {
			return fmt.Errorf("no kernel for the function %q", step.Function)
		}
		for _, o := range step.operands(f) {
			if o < 0 || o >= s.operands()+k {
				return fmt.Errorf("step %d reads operand %d of %d", k, o, s.operands()+k)
			}
		}
	}
	return nil
}

func (s Step) operands(f *function) []int {
	if f.binary {
		return []int{s.A, s.B}
	}
	return []int{s.A}
}

// Reads reports what the gradient of input i is made from: everything that leads to the output,
// which is only linear in some.
func (s Elementwise) Reads(i int) Reads {
	if s.PassesAll(i) {
		return Reads{}
	}
	r := Reads{Inputs: make([]bool, len(s.Inputs))}
	reached := s.reached(i)
	var read func(o int)
	read = func(o int) {
		switch {
		case o < len(s.Inputs):
			r.Inputs[o] = true
		case o == s.operands()+len(s.Steps)-1:
			r.Output = true
		case o >= s.operands():
			step := s.Steps[o-s.operands()]
			for _, o := range step.operands(findFunction(step.Function)) {
				read(o)
			}
		}
	}
	for k, step := range s.Steps {
		if !reached[s.operands()+k] {
			continue
		}
		f := findFunction(step.Function)
		list := step.operands(f)
		if f.usesY {
			read(s.operands() + k)
		}
		for at, o := range list {
			if reached[o] {
				for with, other := range list {
					if f.uses[at]&(1<<with) != 0 {
						read(other)
					}
				}
			}
		}
	}
	return r
}

// reached reports by operand whether it depends on input i.
func (s Elementwise) reached(i int) []bool {
	r := make([]bool, s.operands()+len(s.Steps))
	r[i] = true
	for k, step := range s.Steps {
		for _, o := range step.operands(findFunction(step.Function)) {
			r[s.operands()+k] = r[s.operands()+k] || r[o]
		}
	}
	return r
}

// PassesAll reports whether the gradient of input i is that of the output as it is.
func (s Elementwise) PassesAll(i int) bool { return s.through(i) == len(s.Steps)-1 }

// Alike reports whether the gradients of two inputs are the same.
func (s Elementwise) Alike(i, j int) bool { return s.through(i) >= 0 && s.through(i) == s.through(j) }

// through returns up to which step the gradient of input i is passed on as it is: the input is
// whole, is read once, and so are the sums that it is added to. It is -1 where the first step
// that reads it does something else.
func (s Elementwise) through(i int) int {
	if s.Inputs[i] != full {
		return -1
	}
	operand, at := i, -1
	for {
		readers := 0
		next := -1
		for k, step := range s.Steps {
			for _, o := range step.operands(findFunction(step.Function)) {
				if o == operand {
					readers++
					next = k
				}
			}
		}
		if readers != 1 || s.Steps[next].Function != "Add" {
			return at
		}
		at, operand = next, s.operands()+next
	}
}

// blockElements is how many elements are computed by all steps before the next: those of all
// operands should stay in the first-level cache.
const blockElements = 1 << 10

// elementwise computes one.
type elementwise[T Float] struct {
	Elementwise
	functions []*function
	workers   workers
	rows      int // of the last axis in a block
	width     int // of the last axis in a block
	each      []elementwiseWorker[T]
}

// elementwiseWorker is what one part of the work uses.
type elementwiseWorker[T Float] struct {
	values [][]T // by operand: a block of it
	own    [][]T // by operand: room for a block
	grads  [][]T // by operand: a block of its gradient
	held   []int // by operand: the block that own holds, where it is the same for others; -1 for none
	sums   []float64
	rows   [][]T // room for functions
}

func newElementwise[T Float](s Elementwise, k workers) *elementwise[T] {
	e := &elementwise[T]{Elementwise: s.flat(), workers: k, each: make([]elementwiseWorker[T], k.Size())}
	for _, step := range s.Steps {
		e.functions = append(e.functions, findFunction(step.Function))
	}
	e.width = min(e.Dims[2], blockElements)
	e.rows = max(1, min(e.Dims[1], blockElements/e.width))
	return e
}

// flat returns the program over one long row where no input but numbers repeats.
func (s Elementwise) flat() Elementwise {
	for _, a := range s.Inputs {
		if a != full && a != (Along{}) {
			return s
		}
	}
	s.Dims = [3]int{1, 1, s.elements(full)}
	return s
}

// prepare makes room for a worker, once.
func (e *elementwise[T]) prepare(w *elementwiseWorker[T]) {
	n := e.operands() + len(e.Steps)
	if w.values == nil {
		w.values, w.own, w.grads, w.held = make([][]T, n), make([][]T, n), make([][]T, n), make([]int, n)
		w.rows = make([][]T, 2)
		for i := range w.rows {
			w.rows[i] = make([]T, e.rows*e.width)
		}
		for j, v := range e.Fixed {
			at := len(e.Inputs) + j
			w.own[at] = make([]T, e.rows*e.width)
			for i := range w.own[at] {
				w.own[at][i] = T(v)
			}
		}
	}
	for i := range w.held {
		w.held[i] = -1
	}
}

// room returns a block of buffers, made when it is first asked for.
func room[T any](buffers [][]T, i, n, most int) []T {
	if buffers[i] == nil {
		buffers[i] = make([]T, most)
	}
	return buffers[i][:n]
}

// block is a part of the output: some rows along the second axis, or a part of one row.
type block struct {
	outer, middle, rows, inner, width int
}

func (b block) elements() int { return b.rows * b.width }

// blocks calls f for all blocks, split among the workers.
func (e *elementwise[T]) blocks(f func(w *elementwiseWorker[T], worker int, b block)) {
	across := (e.Dims[2] + e.width - 1) / e.width
	down := (e.Dims[1] + e.rows - 1) / e.rows
	n := e.Dims[0] * down * across
	part := func(worker, lo, hi int) {
		w := &e.each[worker]
		e.prepare(w)
		for u := lo; u < hi; u++ {
			b := block{outer: u / across / down, middle: u / across % down * e.rows, inner: u % across * e.width}
			b.rows, b.width = min(e.rows, e.Dims[1]-b.middle), min(e.width, e.Dims[2]-b.inner)
			f(w, worker, b)
		}
	}
	if e.elements(full) < small {
		part(0, 0, n)
		return
	}
	e.workers.run(n, part)
}

// at returns where a block of an input begins.
func (e *elementwise[T]) at(a Along, b block) int {
	i, step := 0, 1
	for k, v := range []int{b.inner, b.middle, b.outer} {
		if axis := 2 - k; a[axis] {
			i += v * step
			step *= e.Dims[axis]
		}
	}
	return i
}

// load returns a block of an input: the input's own memory where it is in one piece there,
// otherwise a copy.
func (e *elementwise[T]) load(w *elementwiseWorker[T], i int, x []T, b block) []T {
	a, n, at := e.Inputs[i], b.elements(), e.at(e.Inputs[i], b)
	if a[2] && (a[1] || b.rows == 1) {
		return x[at:][:n]
	}
	own := room(w.own, i, e.rows*e.width, e.rows*e.width)
	if !a[1] && !a[2] && w.held[i] != at { // one number, whatever the block's size
		w.held[i] = at
		for c := range own {
			own[c] = x[at]
		}
	}
	if !a[1] && w.held[i] == at { // a block of fewer rows is the beginning of one of more
		return own[:n]
	}
	rows := b.rows
	if !a[1] {
		rows, w.held[i] = e.rows, at
	}
	for r := range rows {
		row := own[r*b.width:][:b.width]
		from := at
		if a[1] {
			from += r * e.stride(a)
		}
		if a[2] {
			copy(row, x[from:])
			continue
		}
		for c := range row {
			row[c] = x[from]
		}
	}
	return own[:n]
}

// stride is how far the elements of two rows of an input are apart.
func (e *elementwise[T]) stride(a Along) int {
	if a[2] {
		return e.Dims[2]
	}
	return 1
}

// compute computes the steps up to a number of a block; the last one goes to y.
func (e *elementwise[T]) compute(w *elementwiseWorker[T], b block, steps int, y []T, in [][]T) {
	for i, x := range in {
		w.values[i] = e.load(w, i, x, b)
	}
	n := b.elements()
	for j := range e.Fixed {
		w.values[len(in)+j] = w.own[len(in)+j][:n]
	}
	for k, step := range e.Steps[:steps] {
		o := e.operands() + k
		to := y
		if k < len(e.Steps)-1 {
			to = room(w.own, o, n, e.rows*e.width)
		}
		arguments := arguments[T]{y: to, a: w.values[step.A], p: T(step.P), q: T(step.Q), room: w.rows}
		if e.functions[k].binary {
			arguments.b = w.values[step.B]
		}
		forward(e.functions[k], arguments)
		w.values[o] = to
	}
}

// output returns where a block lies in the output.
func (e *elementwise[T]) output(y []T, b block) []T { return y[e.at(full, b):][:b.elements()] }

func (e *elementwise[T]) Forward(y []T, in ...[]T) {
	e.blocks(func(w *elementwiseWorker[T], _ int, b block) { e.compute(w, b, len(e.Steps), e.output(y, b), in) })
}

func (e *elementwise[T]) Backward(i int, dx, dy, y []T, in ...[]T) {
	reached, whole := e.reached(i), e.Inputs[i] == full
	reads := e.Reads(i)
	recompute := slices.Contains(reads.Inputs, true)
	if !whole {
		for k := range e.each {
			e.each[k].sums = grow(e.each[k].sums, len(dx))
			clear(e.each[k].sums)
		}
	}
	e.blocks(func(w *elementwiseWorker[T], _ int, b block) {
		n, last := b.elements(), e.operands()+len(e.Steps)-1
		if recompute {
			e.compute(w, b, len(e.Steps)-1, nil, in)
		}
		w.values[last] = e.output(y, b)
		for o := range w.grads {
			w.grads[o] = w.grads[o][:0]
		}
		if whole {
			w.grads[i] = e.output(dx, b)[:0]
		}
		up := e.output(dy, b)
		for k := len(e.Steps) - 1; k >= 0; k-- {
			o := e.operands() + k
			if !reached[o] {
				continue
			}
			if o != last {
				up = w.grads[o]
			}
			step := e.Steps[k]
			arguments := arguments[T]{y: w.values[o], a: w.values[step.A], p: T(step.P), q: T(step.Q), room: w.rows}
			if e.functions[k].binary {
				arguments.b = w.values[step.B]
			}
			for at, operand := range step.operands(e.functions[k]) {
				if !reached[operand] {
					continue
				}
				first := len(w.grads[operand]) == 0
				if cap(w.grads[operand]) < n {
					w.grads[operand] = make([]T, e.rows*e.width)
				}
				w.grads[operand] = w.grads[operand][:n]
				arguments.to = w.grads[operand]
				if !first {
					arguments.to = w.rows[1][:n]
				}
				backward(e.functions[k], at, up, arguments)
				if !first {
					vector.Add(w.grads[operand], arguments.to)
				}
			}
		}
		if len(w.grads[i]) == 0 {
			w.grads[i] = room(w.grads, i, n, e.rows*e.width)
			clear(w.grads[i]) // no step reads it
		}
		if whole {
			w.grads[i] = nil
			return
		}
		e.fold(w.sums, w.grads[i], i, b)
	})
	if !whole {
		for c := range dx {
			sum := 0.0
			for k := range e.each {
				sum += e.each[k].sums[c]
			}
			dx[c] = T(sum)
		}
	}
}

// fold adds the gradient of a block to that of an input that repeats, in float64: a bias may be
// shared by very many.
func (e *elementwise[T]) fold(sums []float64, grad []T, i int, b block) {
	a, at := e.Inputs[i], e.at(e.Inputs[i], b)
	for r := range b.rows {
		row, to := grad[r*b.width:][:b.width], at
		if a[1] {
			to += r * e.stride(a)
		}
		if a[2] {
			vector.WidenAdd(sums[to:], row)
			continue
		}
		for _, v := range row {
			sums[to] += float64(v)
		}
	}
}
