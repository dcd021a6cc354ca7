package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"alexctl/onnx"
	"alexctl/preprocess"
	"alexctl/runtime"
)

// predictor knows how images go into a classifier and classes come out of it.
type predictor struct {
	model  *onnx.Model
	input  *onnx.Value
	output *onnx.Value
	spec   *preprocess.Spec
	batch  int // fixed by the model, or 0
	// scores says what the output holds: logits, probabilities or their logarithms.
	scores string
}

// imageInput returns the only input of a model of images and its shape.
func imageInput(m *onnx.Model) (*onnx.Value, onnx.Shape, error) {
	inputs := m.Graph.DataInputs()
	if len(inputs) != 1 || !inputs[0].Type.IsTensor() || inputs[0].Type.Shape == nil || len(*inputs[0].Type.Shape) != 4 || inputs[0].Type.Elem != onnx.Float {
		return nil, nil, invalid(fmt.Errorf("the model does not take one FLOAT image batch (N, C, H, W)"))
	}
	return inputs[0], *inputs[0].Type.Shape, nil
}

// newPredictor looks at the model's input and output. given names the preprocessing;
// "" takes the model's own.
func newPredictor(m *onnx.Model, given string) (*predictor, error) {
	p := &predictor{model: m}
	input, shape, err := imageInput(m)
	if err != nil {
		return nil, err
	}
	p.input, p.output = input, m.Graph.Outputs[0]
	if shape[0].IsKnown() {
		if shape[0].N < 1 || shape[0].N > maxBatch {
			return nil, invalid(fmt.Errorf("the model takes batches of %s, want 1 to %d", shape[0], maxBatch))
		}
		p.batch = int(shape[0].N)
	}
	if given != "" {
		p.spec, err = namedSpec(given, shape)
	} else if p.spec, err = modelSpec(m); err == nil && p.spec == nil {
		err = usage("the model does not say how images are preprocessed: give --preprocess imagenet, plain, caffe or a JSON spec")
	}
	if err != nil {
		return nil, err
	}
	for i, n := range []int{p.spec.Channels(), p.spec.Height, p.spec.Width} {
		if d := shape[i+1]; d.IsKnown() && int(d.N) != n {
			return nil, invalid(fmt.Errorf("preprocessing makes images of %d channels, %dx%d; the model takes %s", p.spec.Channels(), p.spec.Height, p.spec.Width, shape))
		}
	}
	if p.batch*p.spec.Len() > maxBatchElements {
		return nil, invalid(fmt.Errorf("a batch of %s images of %dx%d does not fit", shape[0], p.spec.Height, p.spec.Width))
	}
	p.scores = scoresOf(m.Graph, p.output.Name)
	return p, nil
}

// Limits on what a model may ask for at once.
const (
	maxBatch         = 4096
	maxBatchElements = 1 << 28 // 1 GiB of float32
)

// batchSize returns how many images to run at once: what the model fixes, or what is
// wanted, as far as it fits.
func (p *predictor) batchSize(wanted int) int {
	if p.batch > 0 {
		return p.batch
	}
	return max(1, min(wanted, maxBatchElements/p.spec.Len()))
}

// namedSpec returns a preprocessing by name for the model's input shape, or parses
// JSON.
func namedSpec(given string, shape onnx.Shape) (*preprocess.Spec, error) {
	if strings.HasPrefix(strings.TrimSpace(given), "{") {
		s, err := preprocess.ParseSpec(given)
		if err != nil {
			return nil, usage("--preprocess: %v", err)
		}
		return s, nil
	}
	channels, side := 3, 224
	if shape[1].IsKnown() {
		channels = int(shape[1].N)
	}
	if shape[2].IsKnown() {
		side = int(shape[2].N)
	}
	var s *preprocess.Spec
	resize := (side*256 + 112) / 224
	switch given {
	case "imagenet":
		s = preprocess.ImageNet(channels, resize, side)
	case "plain":
		s = preprocess.Plain(channels, side)
	case "caffe":
		s = preprocess.MeanPixel(channels, "BGR", "exact", (side*256+113)/227, side)
	default:
		return nil, usage("--preprocess %q: want imagenet, plain, caffe or a JSON spec", given)
	}
	if channels != 1 && channels != 3 {
		return nil, invalid(fmt.Errorf("the model takes %d channels, images have 1 or 3", channels))
	}
	if err := s.Validate(); err != nil {
		return nil, invalid(fmt.Errorf("the model's input is %s: %w", shape, err))
	}
	return s, nil
}

// scoresOf looks back from an output, through nodes that only move elements, for
// the node that made the scores.
func scoresOf(g *onnx.Graph, name string) string {
	maker := map[string]*onnx.Node{}
	for _, n := range g.Nodes {
		for _, o := range n.Outputs {
			maker[o] = n
		}
	}
	for range g.Nodes {
		n := maker[name]
		if n == nil || !onnx.IsStandardDomain(n.Domain) || len(n.Inputs) == 0 {
			break
		}
		switch n.OpType {
		case "Softmax":
			return "probabilities"
		case "LogSoftmax":
			return "logarithms"
		case "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Dropout":
			name = n.Inputs[0]
			continue
		}
		break
	}
	return "logits"
}

// load reads and preprocesses one image into dst; "-" is the standard input.
func (p *predictor) load(file string, stdin io.Reader, dst []float32) error {
	if file == "-" {
		return p.spec.LoadFrom(stdin, dst)
	}
	return p.spec.LoadFile(file, dst)
}

// batchOf returns the model's input for n images that lie in data one after the
// other; data has room for those that a model with a fixed batch wants besides.
func (p *predictor) batchOf(n int, data []float32) runtime.Tensors {
	n = max(n, p.batch)
	data = data[:n*p.spec.Len()]
	return runtime.Tensors{p.input.Name: {Type: onnx.Float, Shape: []int{n, p.spec.Channels(), p.spec.Height, p.spec.Width}, Data: data}}
}

// prediction is one class of one image.
type prediction struct {
	Index       int     `json:"index"`
	Label       string  `json:"label"`
	Probability float64 `json:"probability"`
}

// predictions returns the k most probable classes of each of n images.
func (p *predictor) predictions(out runtime.Tensors, n, k int, labels []string) ([][]prediction, error) {
	t := out[p.output.Name]
	scores, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	if len(t.Shape) < 2 || t.Shape[0] != max(n, p.batch) || len(scores) == 0 {
		return nil, invalid(fmt.Errorf("output %q is %s, want a row of scores for each image", p.output.Name, t))
	}
	classes := len(scores) / t.Shape[0]
	if labels != nil && len(labels) != classes {
		return nil, invalid(fmt.Errorf("%d labels for %d classes", len(labels), classes))
	}
	all := make([][]prediction, n)
	for i := range all {
		all[i] = topK(p.probabilities(scores[i*classes:(i+1)*classes]), k, labels)
	}
	return all, nil
}

// logScores returns the output for a batch as logits or, what serves as well for a
// loss, logarithms of probabilities.
func (p *predictor) logScores(out runtime.Tensors, classes int) ([]float32, error) {
	t := out[p.output.Name]
	scores, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	if len(t.Shape) < 2 || len(scores) != t.Shape[0]*classes {
		return nil, invalid(fmt.Errorf("output %q is %s, want a row of %d scores for each image", p.output.Name, t, classes))
	}
	logits := make([]float32, len(scores))
	for i, v := range scores {
		if p.scores == "probabilities" {
			v = math.Log(math.Max(v, math.SmallestNonzeroFloat32))
		}
		logits[i] = float32(v)
	}
	return logits, nil
}

// probabilities turns a row of the output into probabilities.
func (p *predictor) probabilities(row []float64) []float64 {
	switch p.scores {
	case "probabilities":
		return row
	case "logarithms":
		out := make([]float64, len(row))
		for i, v := range row {
			out[i] = math.Exp(v)
		}
		return out
	}
	largest := math.Inf(-1)
	for _, v := range row {
		largest = math.Max(largest, v)
	}
	out := make([]float64, len(row))
	sum := 0.0
	for i, v := range row {
		out[i] = math.Exp(v - largest)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// topK returns the k largest probabilities, the lower index first among equals.
func topK(probabilities []float64, k int, labels []string) []prediction {
	var out []prediction
	for i, v := range probabilities {
		at := len(out)
		for at > 0 && (v > out[at-1].Probability || math.IsNaN(out[at-1].Probability) && !math.IsNaN(v)) {
			at--
		}
		if at == k {
			continue
		}
		q := prediction{Index: i, Probability: v}
		if labels != nil {
			q.Label = labels[i]
		}
		out = slices.Insert(out[:min(len(out), k-1)], at, q)
	}
	return out
}

// MarshalJSON writes a probability that is not a number as a string.
func (q prediction) MarshalJSON() ([]byte, error) {
	type plain prediction
	if math.IsNaN(q.Probability) || math.IsInf(q.Probability, 0) {
		return json.Marshal(struct {
			Index       int    `json:"index"`
			Label       string `json:"label"`
			Probability string `json:"probability"`
		}{q.Index, q.Label, fmt.Sprint(q.Probability)})
	}
	return json.Marshal(plain(q))
}
