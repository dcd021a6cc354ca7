// Package builder builds the AlexNet family as ONNX graphs: one file a variant,
// over a small API (net) that reads like a drawing of the network. Weights are made
// while the model is written, from a seed; the same options give the same bytes on
// every machine.
package builder

import (
	"fmt"
	"slices"

	"alexctl/card"
	"alexctl/fault"
	"alexctl/internal/table"
	"alexctl/onnx"
	"alexctl/preprocess"
)

// The opsets that can be written.
const (
	MinOpset     = 13
	MaxOpset     = 21
	DefaultOpset = 13
)

// Limits of Options: beyond them no network of the family makes sense.
const (
	maxInput   = 4096
	maxClasses = 1 << 20
	maxBatch   = 1 << 16
)

// Options chooses what is built. The zero value of a field is the variant's own.
type Options struct {
	Input    int // height and width of the input
	Classes  int
	Channels int   // 1 or 3
	Batch    int   // a fixed batch size; 0 leaves it symbolic, N
	Opset    int64 // MinOpset to MaxOpset
	// LRN is how local response normalization is written: "op" (the LRN operator)
	// or "averagepool" (AveragePool over the channels and arithmetic).
	LRN string
	// LRNWithinChannel normalizes over a window in each channel, not across them:
	// the other branch of the Zhihu form's LRN class.
	LRNWithinChannel bool
	// LRNAlpha is how the paper variant reads its alpha: "code" (alpha/n, as its
	// authors' program) or "text" (alpha, as the paper).
	LRNAlpha string
	Init     string // "source", "he", "paper" or "zeros"
	Seed     uint64
	Softmax  bool     // ends in probabilities, not logits
	Labels   []string // one a class
	// NoGroups writes grouped convolutions as plain ones whose weights are zero
	// outside the groups: the same function.
	NoGroups bool
}

// Variant is one network of the family.
type Variant struct {
	Name    string
	Summary string
	Source  string // where it is defined
	Input   int    // its own input size
	Classes int
	LRN     string // how its source writes LRN: "op", "averagepool", or "" for none

	draw       func(n *net)
	init       scheme
	preprocess func(channels, side int) *preprocess.Spec
}

// Title returns the name.
func (v Variant) Title() string { return v.Name }

// Variants returns every variant. A new one is a file and a line here.
func Variants() []Variant {
	return []Variant{cifar(), pwc(), zhihu(), paper(), caffe(), caffenet(), torchvision()}
}

// Find returns the variant called name, or an error that suggests a near miss.
func Find(name string) (Variant, error) {
	v, err := table.Find(Variants(), "variant", name)
	return v, fault.As(fault.Usage, err)
}

// ForInput returns the variant that an input size stands for, and why.
func ForInput(side int) (Variant, string, error) {
	switch side {
	case 32:
		return cifar(), "32 is the size of CIFAR images", nil
	case 224:
		return torchvision(), "224 is torchvision's input size", nil
	case 227:
		return zhihu(), "227 is the unpadded AlexNet's input size, and zhihu its grouped form", nil
	}
	return Variant{}, "", fault.New(fault.Usage, "input size %d does not say which variant is meant (32, 224 and 227 do)", side).
		Hint(fault.Hint{Text: "name one", Option: fault.Variant})
}

// complete fills in the variant's own values and checks the rest.
func (v Variant) complete(o Options) (Options, error) {
	fill := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	fill(&o.Input, v.Input)
	fill(&o.Classes, v.Classes)
	fill(&o.Channels, 3)
	if o.Opset == 0 {
		o.Opset = DefaultOpset
	}
	if o.Init == "" {
		o.Init = "source"
	}
	switch {
	case o.Channels != 1 && o.Channels != 3:
		return o, fmt.Errorf("%d channels, want 1 or 3", o.Channels)
	case o.Classes < 1 || o.Classes > maxClasses:
		return o, fmt.Errorf("%d classes, want 1 to %d", o.Classes, maxClasses)
	case o.Batch < 0 || o.Batch > maxBatch:
		return o, fmt.Errorf("batch %d, want 1 to %d, or 0 for a symbolic one", o.Batch, maxBatch)
	case o.Opset < MinOpset || o.Opset > MaxOpset:
		return o, fmt.Errorf("opset %d, want %d to %d", o.Opset, MinOpset, MaxOpset)
	case o.Input < 1 || o.Input > maxInput:
		return o, fmt.Errorf("input %d, want 1 to %d", o.Input, maxInput)
	case o.Labels != nil && len(o.Labels) != o.Classes:
		return o, fmt.Errorf("%d labels for %d classes", len(o.Labels), o.Classes)
	case !slices.Contains([]string{"", "op", "averagepool"}, o.LRN):
		return o, fmt.Errorf("lrn %q, want op or averagepool", o.LRN)
	case v.LRN == "" && (o.LRN != "" || o.LRNWithinChannel):
		return o, fmt.Errorf("variant %s has no local response normalization", v.Name)
	case o.LRN == "op" && o.LRNWithinChannel:
		return o, fmt.Errorf("ONNX's LRN operator works across channels: within a channel, use averagepool")
	case o.LRNAlpha != "" && v.Name != "paper":
		return o, fmt.Errorf("only the paper variant has two readings of alpha, %s has one", v.Name)
	case !slices.Contains([]string{"", "code", "text"}, o.LRNAlpha):
		return o, fmt.Errorf("lrn alpha %q, want code or text", o.LRNAlpha)
	}
	if o.LRN == "" {
		o.LRN = v.LRN
	}
	return o, nil
}

// Build returns the model. Its weights are generated when they are read. Options that cannot
// be are fault.Usage.
func (v Variant) Build(o Options) (_ *onnx.Model, err error) {
	defer fault.Default(&err, fault.Usage)
	o, err = v.complete(o)
	if err != nil {
		return nil, err
	}
	init, err := schemeFor(o.Init, v.init)
	if err != nil {
		return nil, err
	}
	n := newNet(o, init)
	v.draw(n)
	n.output()
	if n.err != nil {
		if n.collapsed {
			return nil, fmt.Errorf("variant %s does not take input %d: %w; sizes from %d work", v.Name, o.Input, n.err, v.smallest(o))
		}
		return nil, n.err
	}
	n.graph.Name = "alexnet_" + v.Name
	m := &onnx.Model{
		IRVersion:    irVersion(o.Opset),
		OperatorSets: []onnx.OperatorSet{{Version: o.Opset}},
		ProducerName: "alexctl",
		Graph:        n.graph,
		DocString:    v.Summary + " Source: " + v.Source,
	}
	c := &card.Card{Variant: v.Name, Source: v.Source, Init: o.Init, Seed: &o.Seed, Trained: card.Untrained,
		Spec: v.preprocess(o.Channels, o.Input), Labels: o.Labels}
	return m, c.Write(m)
}

// smallest returns the smallest input size that does not collapse; every larger one
// works too.
func (v Variant) smallest(o Options) int {
	for o.Input = 1; o.Input < maxInput; o.Input++ {
		n := newNet(o, zeros)
		if v.draw(n); n.err == nil {
			break
		}
	}
	return o.Input
}

// irVersion returns the IR version that an opset belongs to.
func irVersion(opset int64) int64 {
	switch {
	case opset <= 14:
		return 7
	case opset <= 18:
		return 8
	case opset <= 20:
		return 9
	}
	return 10
}
