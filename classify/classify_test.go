package classify_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"alexctl/classify"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/preprocess"
	"alexctl/runtime"
	"alexctl/runtime/reference"
	"alexctl/signature"
)

// means is a classifier whose scores are the means of the three channels, with an activation
// behind them; of channels last where that is wanted.
func means(t testing.TB, activation string, last bool) *onnx.Model {
	t.Helper()
	n := onnx.Symbol("N")
	g := &onnx.Graph{Name: "means", Outputs: []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, onnx.Shape{n, onnx.Known(3)})}}}
	first, shape := "x", onnx.Shape{n, onnx.Known(3), onnx.Known(4), onnx.Known(4)}
	if last {
		first, shape = "first", onnx.Shape{n, onnx.Known(4), onnx.Known(4), onnx.Known(3)}
		g.Nodes = append(g.Nodes, &onnx.Node{OpType: "Transpose", Inputs: []string{"x"}, Outputs: []string{first}, Attributes: []*onnx.Attribute{onnx.IntsAttr("perm", 0, 3, 1, 2)}})
	}
	g.Inputs = []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, shape)}}
	g.Nodes = append(g.Nodes, &onnx.Node{OpType: "GlobalAveragePool", Inputs: []string{first}, Outputs: []string{"p"}}, &onnx.Node{OpType: "Flatten", Inputs: []string{"p"}, Outputs: []string{"f"}})
	if activation == "" {
		g.Outputs[0].Name = "f"
	} else {
		g.Nodes = append(g.Nodes, &onnx.Node{OpType: activation, Inputs: []string{"f"}, Outputs: []string{"y"}})
	}
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
}

func picture(t testing.TB, c color.Color) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 4, 4))
	for i := range 16 {
		m.Set(i%4, i/4, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func newClassifier(t testing.TB, m *onnx.Model, o classify.Options) *classify.Classifier {
	t.Helper()
	if o.Preprocess == "" {
		o.Preprocess = "plain"
	}
	c, err := classify.New(t.Context(), m, reference.Engine{Threads: 1}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestActivations holds probabilities to their definitions, for both layouts.
func TestActivations(t *testing.T) {
	x := []float64{1, 0, 0.2} // the means of the channels
	softmax := func(i int) float64 {
		return math.Exp(x[i]) / (math.Exp(x[0]) + math.Exp(x[1]) + math.Exp(x[2]))
	}
	for _, last := range []bool{false, true} {
		for activation, want := range map[string]func(i int) float64{
			"": softmax, "Softmax": softmax, "LogSoftmax": softmax,
			"Sigmoid": func(i int) float64 { return 1 / (1 + math.Exp(-x[i])) },
		} {
			c := newClassifier(t, means(t, activation, last), classify.Options{Labels: []string{"red", "green", "blue"}})
			p, err := c.Reader(t.Context(), bytes.NewReader(picture(t, color.RGBA{255, 0, 51, 255})), 3)
			if err != nil || len(p) != 3 || p[0].Label != "red" || p[1].Label != "blue" || p[2].Label != "green" {
				t.Fatalf("%q, channels last %t: %+v, %v", activation, last, p, err)
			}
			for _, q := range p { // pixels are float32
				if e := math.Abs(q.Probability - want(q.Index)); e > 1e-7 {
					t.Errorf("%q: class %d has the probability %g, want %g", activation, q.Index, q.Probability, want(q.Index))
				}
			}
		}
	}
}

// TestManyGoroutines classifies from many goroutines at once.
func TestManyGoroutines(t *testing.T) {
	c := newClassifier(t, means(t, "Softmax", false), classify.Options{Runs: 3})
	pictures := [][]byte{picture(t, color.RGBA{255, 0, 0, 255}), picture(t, color.RGBA{0, 255, 0, 255}), picture(t, color.RGBA{0, 0, 255, 255})}
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			m, err := preprocess.Decode(pictures[i%3])
			if err != nil {
				t.Error(err)
				return
			}
			if p, err := c.Image(context.Background(), m, 1); err != nil || p[0].Index != i%3 {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	wg.Wait()
}

// TestFiles wants results in order, broken files named and the others done.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for i, b := range [][]byte{picture(t, color.RGBA{255, 0, 0, 255}), []byte("no image"), picture(t, color.RGBA{0, 0, 255, 255}), nil, picture(t, color.RGBA{0, 255, 0, 255})} {
		files = append(files, filepath.Join(dir, string(rune('a'+i))+".png"))
		if b != nil {
			if err := os.WriteFile(files[i], b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, batch := range []int{1, 2, 3, 16} {
		c := newClassifier(t, means(t, "Softmax", false), classify.Options{Batch: batch})
		want, i := []int{0, -1, 2, -1, 1}, 0
		for r, err := range c.Files(t.Context(), files, nil, 1) {
			if err != nil {
				t.Fatal(err)
			}
			if r.File != files[i] || (r.Err != nil) != (want[i] < 0) || r.Err == nil && r.Predictions[0].Index != want[i] {
				t.Errorf("batch %d, file %d: %+v", batch, i, r)
			}
			if r.Err != nil && fault.KindOf(r.Err) != fault.Invalid {
				t.Errorf("the kind of %v is %s", r.Err, fault.KindOf(r.Err))
			}
			i++
		}
		if i != len(files) {
			t.Errorf("batch %d: %d results", batch, i)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := newClassifier(t, means(t, "Softmax", false), classify.Options{})
	for _, err := range c.Files(ctx, files, nil, 1) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("an interrupted call yields %v", err)
		}
	}
}

// TestLooksLikeProbabilities refuses to take softmax of what already sums to 1.
func TestLooksLikeProbabilities(t *testing.T) {
	m := means(t, "Softmax", false)
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: "Sqrt", Inputs: []string{"y"}, Outputs: []string{"r"}},
		&onnx.Node{OpType: "Mul", Inputs: []string{"r", "r"}, Outputs: []string{"z"}})
	m.Graph.Outputs[0].Name = "z"
	c := newClassifier(t, m, classify.Options{})
	b := picture(t, color.RGBA{255, 0, 51, 255})
	if _, err := c.Reader(t.Context(), bytes.NewReader(b), 1); fault.KindOf(err) != fault.Usage || len(fault.Hints(err)) == 0 {
		t.Errorf("error is %v", err)
	}
	said := newClassifier(t, m, classify.Options{Signature: signature.Options{Activation: "softmax"}})
	if p, err := said.Reader(t.Context(), bytes.NewReader(b), 1); err != nil || p[0].Index != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

// refuses is an engine that does not take the model.
type refuses struct{ reference.Engine }

func (refuses) Prepare(context.Context, *onnx.Model) (runtime.Session, error) {
	return nil, errors.New("not this one")
}

func TestAnEngineThatRefuses(t *testing.T) {
	c, err := classify.New(t.Context(), means(t, "", false), refuses{}, classify.Options{Preprocess: "plain"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reader(t.Context(), bytes.NewReader(picture(t, color.White)), 1); fault.KindOf(err) != fault.Invalid {
		t.Errorf("error is %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// TestContextOfNew has the context that New was called with end: the classifier works on.
func TestContextOfNew(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, err := classify.New(ctx, means(t, "", false), reference.Engine{Threads: 1}, classify.Options{Preprocess: "plain", Signature: signature.Options{Activation: "logits"}})
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Reader(t.Context(), bytes.NewReader(picture(t, color.White)), 1); err != nil {
		t.Error(err)
	}
	for _, k := range []int{0, -3} {
		for r, err := range c.Files(t.Context(), []string{"-"}, bytes.NewReader(picture(t, color.White)), k) {
			if fault.KindOf(err) != fault.Usage {
				t.Errorf("the %d best: %+v, %v", k, r, err)
			}
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
