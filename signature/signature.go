// Package signature says what a classifier's input and output mean: in which order the axes
// of its images are, and whether its output holds logits, probabilities or their logarithms.
// Training, the replacing of heads and inference all ask here. What the model's card says or
// its graph shows is taken; what cannot be known is asked for and never guessed in silence.
package signature

import (
	"fmt"
	"slices"
	"strings"

	"alexctl/card"
	"alexctl/fault"
	"alexctl/internal/nearest"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// Activation is what a classifier's output went through.
type Activation string

// The activations.
const (
	Logits     Activation = "logits" // none: softmax makes probabilities of them
	Softmax    Activation = "softmax"
	LogSoftmax Activation = "log-softmax"
	Sigmoid    Activation = "sigmoid" // each score is the probability of one thing
	// SigmoidLogits are scores that a sigmoid makes such probabilities of.
	SigmoidLogits Activation = "sigmoid-logits"
)

// Activations are the names that Options.Activation takes.
var Activations = []string{string(Logits), string(Softmax), string(LogSoftmax), string(Sigmoid), string(SigmoidLogits)}

// Options answer what a model does not say; "" leaves it to the model.
type Options struct {
	Output     string // the name of the output that holds the scores
	Activation string
	Layout     string // of the images, NCHW or NHWC
}

// Signature is what a classifier takes and gives.
type Signature struct {
	Input  Input
	Output Output
}

// Output is the output that holds a classifier's scores.
type Output struct {
	Name       string
	Logits     string // the value that holds the logits: Name, or what its activation is of
	Activation Activation
	Scores     int // an image; 0 where the model does not say
	// Assumed says that neither the card nor the graph tells what the scores are: they are
	// taken for logits.
	Assumed bool
	// Others are outputs that were passed over.
	Others []string
}

// Of returns the signature of a classifier of images. A model that is none is
// fault.Invalid, a question that only the caller can answer fault.Usage.
func Of(m *onnx.Model, o Options) (*Signature, error) {
	c, err := card.Read(m)
	if err != nil {
		return nil, err
	}
	if c.Output == nil {
		c.Output = &card.Output{}
	}
	s := &Signature{}
	x, inferred := onnx.NewIndex(m.Graph), op.Infer(m, nil)
	if s.Input, err = inputOf(x, inferred, o.Layout, c.Output.Layout); err != nil {
		return nil, err
	}
	s.Output, err = outputOf(x, inferred, o, c)
	return s, err
}

// OutputOf returns what a model's output means, whatever its input is.
func OutputOf(m *onnx.Model, o Options) (Output, error) {
	c, err := card.Read(m)
	if err != nil {
		return Output{}, err
	}
	if c.Output == nil {
		c.Output = &card.Output{}
	}
	return outputOf(onnx.NewIndex(m.Graph), op.Infer(m, nil), o, c)
}

func outputOf(x *onnx.Index, inferred *op.Inferred, o Options, c *card.Card) (Output, error) {
	out, err := chooseOutput(x, inferred, o.Output, c.Output.Name)
	if err != nil {
		return out, err
	}
	out.Scores = scores(inferred.Values[out.Name])
	var a op.Activation
	out.Logits, a = op.Scores(x, out.Name)
	said, ofCard := o.Activation, c.Output.Activation
	if c.Output.Name != "" && c.Output.Name != out.Name {
		ofCard = "" // it speaks of another output
	}
	switch {
	case said != "":
		out.Activation = Activation(said)
	case ofCard != "":
		if out.Activation = Activation(ofCard); !slices.Contains(Activations, ofCard) {
			return out, fault.New(fault.Invalid, "the model's own metadata calls the activation of its output %q: want %s", ofCard, strings.Join(Activations, ", "))
		}
	default:
		out.Activation = map[op.Activation]Activation{
			op.SoftmaxActivation: Softmax, op.LogSoftmaxActivation: LogSoftmax, op.SigmoidActivation: Sigmoid, op.NoActivation: Logits,
		}[a]
		if !op.OverClasses(x, inferred, out.Name) {
			return out, fault.New(fault.Usage, "output %q goes through a %s that does not sum over the classes of an image", out.Name, out.Activation).
				Hint(fault.Hint{Text: "say what it holds", Option: fault.Activation, Value: strings.Join(Activations, "|")})
		}
		if a == op.NoActivation {
			if out.Assumed = c.Variant == ""; out.Assumed {
				err = assumable(x, out)
			}
		}
	}
	if !slices.Contains(Activations, string(out.Activation)) {
		return out, fault.New(fault.Usage, "unknown activation %q%s (activations: %s)", out.Activation,
			nearest.Hint(string(out.Activation), Activations), strings.Join(Activations, ", "))
	}
	if a == op.NoActivation || out.Activation == Logits { // the graph does not show the logits, or these are they
		out.Logits = out.Name
	}
	return out, err
}

// assumable refuses to take scores for logits where that would surely be wrong.
func assumable(x *onnx.Index, out Output) error {
	ask := fault.Hint{Text: "say what it holds", Option: fault.Activation, Value: strings.Join(Activations, "|")}
	if out.Scores == 1 {
		return fault.New(fault.Usage, "output %q is one score per image, and nothing declares what it means: a softmax of one score is always 1", out.Name).Hint(ask)
	}
	if n := x.Maker(out.Name); n != nil && op.SpecOf(n) == nil {
		return fault.New(fault.Usage, "output %q is made by %s (node %q), which does not show what the scores mean", out.Name, n.OpType, n.Label()).Hint(ask)
	}
	return nil
}

// chooseOutput returns the output that holds the scores: the one that is asked for, that the
// card names, or the only one that can.
func chooseOutput(x *onnx.Index, inferred *op.Inferred, asked, named string) (Output, error) {
	var names, able []string
	for _, v := range x.Graph().Outputs {
		names = append(names, v.Name)
		if couldBeScores(inferred.Values[v.Name]) {
			able = append(able, v.Name)
		}
	}
	chosen := ""
	switch {
	case asked != "":
		if chosen = asked; !slices.Contains(names, asked) {
			return Output{}, fault.New(fault.Usage, "the model has no output %q%s (outputs: %s)", asked, nearest.Hint(asked, names), strings.Join(names, ", "))
		}
	case slices.Contains(names, named):
		chosen = named
	case len(names) == 1:
		chosen = names[0]
	case len(able) == 1:
		chosen = able[0]
	case len(names) == 0:
		return Output{}, fault.New(fault.Invalid, "the model has no output")
	default:
		return Output{}, fault.New(fault.Usage, "the model has the outputs %s, and nothing says which holds the scores of the classes", strings.Join(names, ", ")).
			Hint(fault.Hint{Text: "name it", Option: fault.Output, Value: names[0]})
	}
	if i := inferred.Values[chosen]; !mayBeScores(i) {
		return Output{}, fault.New(fault.Unsupported, "output %q is %s, which is not a score for each class (N, classes)", chosen, i)
	}
	return Output{Name: chosen, Others: slices.DeleteFunc(names, func(n string) bool { return n == chosen })}, nil
}

// mayBeScores reports whether nothing shows that a value is none: another type than floats, or
// more than one axis besides that of the images.
func mayBeScores(i *op.Info) bool {
	if i == nil {
		return true
	}
	if i.Type != onnx.Undefined && !i.Type.IsFloat() {
		return false
	}
	axes := 0
	for _, d := range i.Shape[min(1, len(i.Shape)):] {
		if d.IsKnown() && d.N != 1 {
			axes++
		}
	}
	return !i.Ranked || len(i.Shape) > 0 && axes <= 1
}

// couldBeScores reports whether a value may be a row of scores for each image.
func couldBeScores(i *op.Info) bool {
	return i != nil && i.Type.IsFloat() && (!i.Ranked || len(i.Shape) == 2 || len(i.Shape) == 4 && scores(i) > 0)
}

// scores returns how many scores a value has for each image, or 0 where that is not known.
func scores(i *op.Info) int {
	if i == nil || !i.Ranked || len(i.Shape) < 2 {
		return 0
	}
	n := 1
	for _, d := range i.Shape[1:] {
		if !d.IsKnown() {
			return 0
		}
		if d.N != 1 && n != 1 {
			return 0 // a map of scores
		}
		n *= int(d.N)
	}
	return n
}

// String says what the output is, for people.
func (o Output) String() string { return fmt.Sprintf("output %q, %s", o.Name, o.Activation) }
