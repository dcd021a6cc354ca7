// Package op defines the ONNX operators that alexctl understands: one file an
// operator, with its attributes and their defaults by opset, its shape rule, its
// cost and a plain float64 evaluation. That evaluation is the definition which
// every engine and kernel is held to: written to be obviously right, not fast.
//
// Opsets 7 to 28 are understood, and of those before what opset 7 defines in the same way. Floating-point elements are evaluated in
// float64, whatever their declared type; integers and booleans exactly, in the
// width of their type.
package op

import (
	"errors"
	"fmt"
	"slices"

	"alexctl/fault"
	"alexctl/onnx"
)

// The standard operator set versions that this package understands.
const (
	MinOpset = 7
	MaxOpset = 28
)

// Spec is what is known of one operator.
type Spec struct {
	Type    string
	Since   []int64 // the versions in which it changed, up to MaxOpset
	Inputs  Arity
	Outputs Arity
	Earlier []Earlier // where an earlier opset had other inputs or outputs, oldest first
	Attrs   []Attr

	// Params are the inputs that hold learned parameters when they are initializers.
	Params []Param
	// Moves says that the operator only moves elements: shapes flow through it
	// even where some of their dimensions are symbols.
	Moves bool

	// Product is which sum of products the operator is, if any. Engines may cut its operands.
	Product ProductKind
	// Activation is the function that makes scores of what a classifier's last layer computed.
	Activation Activation
	// InOrder says that the elements of the first output are those of the first input, in
	// their order: only the shape changes, if anything.
	InOrder bool
	// ChannelsFirst says that the first input is (N, C, spatial...).
	ChannelsFirst bool
	// Permutes says that the attribute perm orders the axes anew.
	Permutes bool
	// Passes reports whether a node hands its first input on as it is; nil for never.
	Passes func(n *onnx.Node) bool
	// NonNegative says that no engine makes a result negative where the definition's is not.
	NonNegative bool
	// Random says that in training the results are drawn at random.
	Random bool
	// Statistics are the inputs that training updates without a gradient: there the operator
	// computes with the statistics of the batch instead.
	Statistics []Param
	// Without returns what the first output would be if a parameter of the node did nothing,
	// and the parameter's name; nil where no parameter can hide.
	Without func(n *Node, x []float64) (y []float64, parameter string)

	// FloatOnly says that the first input must be floating point.
	FloatOnly bool
	// Indices are the inputs that hold sizes, axes or positions: INT64, and with NarrowIndices
	// INT32 too.
	Indices       []int
	NarrowIndices bool
	// Heavy keeps the operator from being evaluated while shapes are inferred: its
	// work does not follow from the size of its output.
	Heavy bool

	// Infer returns what is known of the outputs before running.
	Infer func(n *Node, in []*Info) ([]*Info, error)
	// MACs counts multiply-accumulate operations; nil where there are none.
	MACs func(n *Node, in, out []*Info) int64
	// Eval is the definition. Inputs left out are nil; it must not change them.
	Eval func(n *Node, in []*Array) ([]*Array, error)
	// Bound returns, for each element of the first output, how far rounding may move it
	// from out, the definition's result for in. nil where the operator only moves or
	// selects elements: its results are exact. Only for floating-point outputs.
	Bound func(n *Node, in, out []*Array, r Rounding) []float64
	// Undefined reports which elements of an integer output ONNX does not define; nil where
	// all are.
	Undefined func(n *Node, in []*Array) []bool
	// BoundRest returns those of the outputs after the first, where they are not exact.
	BoundRest func(n *Node, in, out []*Array, r Rounding) [][]float64
}

// Param is an input that holds something learned, with the name that it has in the state
// of the PyTorch module.
type Param struct {
	Input int
	Name  string
}

// ProductKind is a kind of sum of products.
type ProductKind int

// The sums of products.
const (
	NoProduct     ProductKind = iota
	ConvProduct               // a window over its input
	AffineProduct             // alpha * A B + beta * C
	MatrixProduct             // A B, broadcast over the first axes
)

// Activation is what a classifier's output went through.
type Activation int

// The activations of outputs.
const (
	NoActivation Activation = iota
	SoftmaxActivation
	LogSoftmaxActivation
	SigmoidActivation
)

// Passes reports whether a node hands its first input on as it is.
func Passes(n *onnx.Node) bool {
	s := SpecOf(n)
	return s != nil && s.Passes != nil && len(n.Inputs) > 0 && s.Passes(n)
}

// SpecOf returns the operator of a node by its name and domain, or nil where it is not
// understood here.
func SpecOf(n *onnx.Node) *Spec {
	if !onnx.IsStandardDomain(n.Domain) {
		return nil
	}
	return Find(n.OpType)
}

// Param returns the name of the parameter that input i is, or "".
func (s *Spec) Param(i int) string {
	for _, p := range append(slices.Clone(s.Params), s.Statistics...) {
		if p.Input == i {
			return p.Name
		}
	}
	return ""
}

// version returns the opset in which the operator became what it is in the given one, 0 where it is
// not known.
func (s *Spec) version(opset int64) int64 {
	v := int64(0)
	for _, since := range s.Since {
		if since <= opset {
			v = since
		}
	}
	return v
}

// Arity is how many inputs or outputs an operator takes.
type Arity struct{ Min, Max int }

// Earlier is the arity of an operator up to and including an opset.
type Earlier struct {
	Until           int64
	Inputs, Outputs Arity
}

// arity returns how many inputs and outputs the operator takes in an opset.
func (s *Spec) arity(opset int64) (inputs, outputs Arity) {
	for _, e := range s.Earlier {
		if opset <= e.Until {
			return e.Inputs, e.Outputs
		}
	}
	return s.Inputs, s.Outputs
}

// many stands for "any number" in an Arity.
const many = 1 << 30

// Attr is one attribute of an operator.
type Attr struct {
	Name     string
	Kind     onnx.AttributeType
	Default  any   // int64, float32 or string; nil for none
	From     int64 // the first opset that has it; 0 for all
	Until    int64 // the last opset that has it; 0 for all
	Required bool
}

func intAttr(name string, def int64) Attr {
	return Attr{Name: name, Kind: onnx.AttrInt, Default: def}
}

func floatAttr(name string, def float32) Attr {
	return Attr{Name: name, Kind: onnx.AttrFloat, Default: def}
}

func stringAttr(name, def string) Attr {
	return Attr{Name: name, Kind: onnx.AttrString, Default: def}
}

func intsAttr(name string) Attr { return Attr{Name: name, Kind: onnx.AttrInts} }

func (a Attr) since(opset int64) Attr { a.From = opset; return a }
func (a Attr) until(opset int64) Attr { a.Until = opset; return a }
func (a Attr) required() Attr         { a.Required = true; return a }

func (a Attr) in(opset int64) bool {
	return opset >= a.From && (a.Until == 0 || opset <= a.Until)
}

// Node is a node seen as an application of its operator.
type Node struct {
	*onnx.Node
	Spec  *Spec
	Opset int64

	symbols *shapeSymbols // during shape inference
}

// Bind returns the node as an application of the operator it names, or an error
// if that is not understood here or the node does not fit it.
func Bind(n *onnx.Node, opset int64) (*Node, error) {
	b, err := bind(n, opset)
	if err != nil {
		if unsupported := (*UnsupportedError)(nil); !errors.As(err, &unsupported) {
			err = fmt.Errorf("node %q (%s): %w", n.Label(), n.OpType, err)
		}
		return nil, err
	}
	return b, nil
}

// bind is Bind with errors that do not name the node.
func bind(n *onnx.Node, opset int64) (*Node, error) {
	s, err := lookup(n, opset)
	if err != nil {
		return nil, err
	}
	b := &Node{Node: n, Spec: s, Opset: max(opset, MinOpset)}
	if err := b.fits(); err != nil && opset < MinOpset {
		return nil, &UnsupportedError{n.Label(), fmt.Sprintf("operator %s of opset %d is not supported: %v", n.OpType, opset, err)}
	} else if err != nil {
		return b, err
	}
	return b, nil
}

// UnsupportedError says that a node is beyond this package, though it may be
// valid ONNX.
type UnsupportedError struct{ Node, Reason string }

// unsupported says that this use of the operator is beyond this package.
func (n *Node) unsupported(format string, args ...any) error {
	return &UnsupportedError{n.Label(), fmt.Sprintf(format, args...)}
}

func (e *UnsupportedError) Error() string { return fmt.Sprintf("node %q: %s", e.Node, e.Reason) }

// Kind returns fault.Unsupported.
func (e *UnsupportedError) Kind() fault.Kind { return fault.Unsupported }

func lookup(n *onnx.Node, opset int64) (*Spec, error) {
	if !onnx.IsStandardDomain(n.Domain) {
		return nil, &UnsupportedError{n.Label(), fmt.Sprintf("operator %s of domain %q is not supported", n.OpType, n.Domain)}
	}
	if opset > MaxOpset {
		return nil, &UnsupportedError{n.Label(), fmt.Sprintf("opset %d is not supported, up to %d are", opset, MaxOpset)}
	}
	if s := Find(n.OpType); s != nil {
		if opset < s.Since[0] && s.Since[0] > MinOpset {
			return nil, fmt.Errorf("operator %s exists since opset %d, the model's is %d", n.OpType, s.Since[0], opset)
		}
		if opset < MinOpset && s.version(opset) != s.version(MinOpset) {
			return nil, &UnsupportedError{n.Label(), fmt.Sprintf("operator %s of opset %d is not supported: it is another one since opset %d", n.OpType, opset, s.version(MinOpset))}
		}
		return s, nil
	}
	if !isStandard(n.OpType) {
		return nil, fmt.Errorf("%s is not an operator of ONNX%s", n.OpType, suggestion(n.OpType))
	}
	return nil, &UnsupportedError{n.Label(), fmt.Sprintf("operator %s is not supported", n.OpType)}
}

// fits checks the node's inputs, outputs and attributes against the operator.
func (n *Node) fits() error {
	fail := fmt.Errorf
	inputs, outputs := n.Spec.arity(n.Opset)
	if got, want := len(n.Inputs), inputs; got < want.Min || got > want.Max {
		return fail("%d inputs, want %s in opset %d", got, want, n.Opset)
	}
	required := inputs.Min
	if inputs.Max == many { // every input of a variadic operator is one of its elements
		required = len(n.Inputs)
	}
	for i, in := range n.Inputs[:required] {
		if in == "" {
			return fail("input %d is required and left out", i)
		}
	}
	if got, want := len(n.Outputs), outputs; got < want.Min || got > want.Max {
		return fail("%d outputs, want %s in opset %d", got, want, n.Opset)
	}
	for _, a := range n.Attributes {
		i := slices.IndexFunc(n.Spec.Attrs, func(s Attr) bool { return s.Name == a.Name && s.in(n.Opset) })
		switch {
		case i < 0:
			return fail("it has no attribute called %q in opset %d", a.Name, n.Opset)
		case a.RefName != "":
			return fail("attribute %q refers to a function's attribute", a.Name)
		case a.Type != n.Spec.Attrs[i].Kind && a.Type != onnx.AttrUndefined:
			return fail("attribute %q is %s, want %s", a.Name, a.Type, n.Spec.Attrs[i].Kind)
		}
	}
	for _, s := range n.Spec.Attrs {
		if s.Required && s.in(n.Opset) && n.Attribute(s.Name) == nil {
			return fail("attribute %q is required", s.Name)
		}
	}
	return nil
}

// AnyNumber reports that there may be as many as there are: each then means something.
func (a Arity) AnyNumber() bool { return a.Max == many }

func (a Arity) String() string {
	switch {
	case a.Min == a.Max:
		return fmt.Sprint(a.Min)
	case a.Max == many:
		return fmt.Sprintf("at least %d", a.Min)
	}
	return fmt.Sprintf("%d to %d", a.Min, a.Max)
}

// Has reports whether the node gives the attribute itself.
func (n *Node) Has(name string) bool { return n.Attribute(name) != nil }

func (n *Node) fallback(name string) any {
	for _, s := range n.Spec.Attrs {
		if s.Name == name && s.in(n.Opset) {
			return s.Default
		}
	}
	return nil
}

// Int returns the INT attribute or its default (0 where it has none).
func (n *Node) Int(name string) int64 {
	if a := n.Attribute(name); a != nil {
		return a.Int
	}
	v, _ := n.fallback(name).(int64)
	return v
}

// Float returns the FLOAT attribute or its default.
func (n *Node) Float(name string) float64 {
	if a := n.Attribute(name); a != nil {
		return float64(a.Float)
	}
	v, _ := n.fallback(name).(float32)
	return float64(v)
}

// Text returns the STRING attribute or its default.
func (n *Node) Text(name string) string {
	if a := n.Attribute(name); a != nil {
		return string(a.String)
	}
	v, _ := n.fallback(name).(string)
	return v
}

// Ints returns the INTS attribute, nil where the node does not give it.
func (n *Node) Ints(name string) []int64 {
	if a := n.Attribute(name); a != nil {
		return a.Ints
	}
	return nil
}

// Wants reports whether the node has output i.
func (n *Node) Wants(i int) bool { return i < len(n.Outputs) && n.Outputs[i] != "" }

// Evaluate applies the node to in, by the definition.
func (n *Node) Evaluate(in []*Array) (out []*Array, err error) {
	return n.Guard(func() ([]*Array, error) { return n.Spec.Eval(n, in) })
}

// Guard runs an evaluation and names the node in its error. A model that breaks
// an operator's rules in a way that only the evaluation meets (elements of another
// type than declared) ends in an error too.
func (n *Node) Guard(eval func() ([]*Array, error)) (out []*Array, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the inputs do not fit the operator: %v", r)
		}
		if err != nil {
			out, err = nil, fmt.Errorf("node %q (%s): %w", n.Label(), n.OpType, err)
		}
	}()
	return eval()
}

// Same reports whether an operator is the same one in two opsets. One that is not understood here is
// not known to be.
func Same(name string, a, b int64) bool {
	s := Find(name)
	return s != nil && s.version(a) == s.version(b)
}
