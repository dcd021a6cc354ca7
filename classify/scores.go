package classify

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"alexctl/fault"
	"alexctl/runtime"
	"alexctl/signature"
)

// Prediction is one class of one image.
type Prediction struct {
	Index       int     `json:"index"`
	Label       string  `json:"label"` // "" where nothing names the class
	Probability float64 `json:"probability"`
}

// NotNumbersError says that a model's scores for an image are no prediction: a probability
// that comes of them is not a number.
type NotNumbersError struct {
	Output string
	Class  int
	Score  float64
}

func (e *NotNumbersError) Error() string {
	return fmt.Sprintf("the probability of class %d is not a number: its score in output %q is %g", e.Class, e.Output, e.Score)
}

// Kind returns fault.Finding.
func (e *NotNumbersError) Kind() fault.Kind { return fault.Finding }

// Hints says how to find out why.
func (e *NotNumbersError) Hints() []fault.Hint {
	return []fault.Hint{{Text: "see which weights are not numbers", Option: fault.Check}}
}

// rows returns the scores of each image of a batch, and how many each has.
func (p *Plan) rows(out runtime.Tensors, n int) (scores []float64, each int, err error) {
	name := p.Signature.Output.Name
	t := out[name]
	if t == nil {
		return nil, 0, fault.New(fault.Internal, "the engine did not return output %q", name)
	}
	if scores, err = t.Float64s(); err != nil {
		return nil, 0, err
	}
	if len(t.Shape) < 2 || t.Shape[0] != max(n, p.batch) || len(scores) == 0 {
		return nil, 0, fault.New(fault.Invalid, "output %q is %s, want a row of scores for each image", name, t)
	}
	return scores, len(scores) / t.Shape[0], nil
}

// Predictions returns the k most probable classes of each of the n images that out was
// computed for, the most probable first. A model of one probability has one class, or, with
// two labels, two. Where a score is no number the error is NotNumbersError.
func (p *Plan) Predictions(out runtime.Tensors, n, k int) ([][]Prediction, error) {
	all, failed, err := p.predictions(out, n, k)
	return all, errors.Join(append([]error{err}, failed...)...)
}

// predictions is Predictions with an error for each image.
func (p *Plan) predictions(out runtime.Tensors, n, k int) (all [][]Prediction, failed []error, err error) {
	defer fault.Default(&err, fault.Invalid)
	if k < 1 {
		return nil, nil, fault.New(fault.Usage, "the %d most probable classes: want at least 1", k)
	}
	scores, each, err := p.rows(out, n)
	if err != nil {
		return nil, nil, err
	}
	classes := each
	if p.one() && len(p.Labels) == 2 {
		classes = 2
	}
	if p.Labels != nil && len(p.Labels) != classes {
		return nil, nil, fault.New(fault.Invalid, "the model has %d classes, and not %d, as there are labels", classes, len(p.Labels))
	}
	if p.Signature.Output.Assumed && distributions(scores[:n*each], each) {
		return nil, nil, fault.New(fault.Usage, "the scores of output %q, whose meaning nothing declares, are not negative and sum to 1: they look like probabilities, not logits", p.Signature.Output.Name).
			Hint(fault.Hint{Text: "say what it holds", Option: fault.Activation, Value: strings.Join(signature.Activations, "|")})
	}
	all, failed = make([][]Prediction, n), make([]error, n)
	for i := range all {
		row := p.probabilities(scores[i*each : (i+1)*each])
		if slices.ContainsFunc(row, math.IsNaN) {
			failed[i] = p.notNumbers(scores[i*each : (i+1)*each])
			continue
		}
		if classes > each {
			row = []float64{1 - row[0], row[0]}
		}
		all[i] = top(row, k, p.Labels)
	}
	return all, failed, nil
}

// notNumbers names the first of an image's scores that is no number.
func (p *Plan) notNumbers(scores []float64) error {
	class := max(0, slices.IndexFunc(scores, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }))
	return &NotNumbersError{p.Signature.Output.Name, class, scores[class]}
}

// LogScores returns a row for each image of a batch as logits or, what serves as well for a
// loss, logarithms of probabilities.
func (p *Plan) LogScores(out runtime.Tensors, images, classes int) (_ []float32, err error) {
	defer fault.Default(&err, fault.Invalid)
	scores, each, err := p.rows(out, images)
	if err != nil {
		return nil, err
	}
	for row := range slices.Chunk(scores[:images*each], each) {
		if slices.ContainsFunc(row, math.IsNaN) {
			return nil, p.notNumbers(row)
		}
	}
	log := func(v float64) float32 { return float32(math.Log(math.Max(v, math.SmallestNonzeroFloat32))) }
	var rows []float32
	for row := range slices.Chunk(scores, each) {
		if p.one() && classes == 2 {
			v := p.probabilities(row)[0]
			rows = append(rows, log(1-v), log(v))
			continue
		}
		for _, v := range row {
			switch p.Signature.Output.Activation {
			case signature.Softmax, signature.Sigmoid:
				rows = append(rows, log(v))
			default:
				rows = append(rows, float32(v))
			}
		}
	}
	if len(rows) != len(scores)/each*classes {
		return nil, fault.New(fault.Invalid, "output %q is %s, want a row of %d scores for each image", p.Signature.Output.Name, out[p.Signature.Output.Name], classes)
	}
	return rows, nil
}

// probabilities turns a row of the output into probabilities.
func (p *Plan) probabilities(row []float64) []float64 {
	out := make([]float64, len(row))
	each := func(f func(float64) float64) []float64 {
		for i, v := range row {
			out[i] = f(v)
		}
		return out
	}
	switch p.Signature.Output.Activation {
	case signature.Softmax, signature.Sigmoid:
		return row
	case signature.LogSoftmax:
		return each(math.Exp)
	case signature.SigmoidLogits:
		return each(func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })
	}
	largest, sum := math.Inf(-1), 0.0
	for _, v := range row {
		largest = math.Max(largest, v)
	}
	each(func(v float64) float64 {
		e := math.Exp(v - largest)
		sum += e
		return e
	})
	for i := range out {
		out[i] /= sum
	}
	return out
}

// distributions reports whether every row is one of probabilities that sum to 1. Logits are
// that by chance almost never.
func distributions(scores []float64, each int) bool {
	const nearly = 1e-4 // what a sum of rounded probabilities may be off
	for row := range slices.Chunk(scores, each) {
		sum := 0.0
		for _, v := range row {
			if !(v >= 0) {
				return false
			}
			sum += v
		}
		if math.Abs(sum-1) > nearly {
			return false
		}
	}
	return true
}

// top returns the k largest probabilities, the lower index first among equals.
func top(probabilities []float64, k int, labels []string) []Prediction {
	var out []Prediction
	for i, v := range probabilities {
		at := len(out)
		for at > 0 && v > out[at-1].Probability {
			at--
		}
		if at == k {
			continue
		}
		q := Prediction{Index: i, Probability: v}
		if labels != nil {
			q.Label = labels[i]
		}
		out = slices.Insert(out[:min(len(out), k-1)], at, q)
	}
	return out
}
