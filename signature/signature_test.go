package signature_test

import (
	"testing"

	"alexctl/card"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/signature"
)

// classifier is a model of one dense layer with nodes behind it: operators that each read what
// the one before makes.
func classifier(t testing.TB, classes int64, input onnx.Shape, behind ...*onnx.Node) *onnx.Model {
	t.Helper()
	w, err := onnx.FromFloat32s("w", []int64{classes, 12}, make([]float32, 12*classes))
	if err != nil {
		t.Fatal(err)
	}
	g := &onnx.Graph{Name: "g", Initializers: []*onnx.Tensor{w}, Inputs: []*onnx.Value{{Name: "x", Type: onnx.TensorType(onnx.Float, input)}}}
	last := "x"
	add := func(n *onnx.Node) {
		n.Inputs = append([]string{last}, n.Inputs...)
		last = n.OpType + "_y"
		n.Outputs = []string{last}
		g.Nodes = append(g.Nodes, n)
	}
	add(&onnx.Node{OpType: "Flatten"})
	add(&onnx.Node{OpType: "Gemm", Inputs: []string{"w"}, Attributes: []*onnx.Attribute{onnx.IntAttr("transB", 1)}})
	for _, n := range behind {
		add(n)
	}
	g.Outputs = []*onnx.Value{{Name: last, Type: onnx.TensorType(onnx.Float, onnx.Shape{onnx.Symbol("N"), onnx.Known(classes)})}}
	return &onnx.Model{IRVersion: 8, OperatorSets: []onnx.OperatorSet{{Version: 13}}, Graph: g}
}

func images(dims ...int64) onnx.Shape {
	return append(onnx.Shape{onnx.Symbol("N")}, onnx.FixedShape(dims...)...)
}

func TestActivations(t *testing.T) {
	nchw := images(3, 2, 2)
	for name, c := range map[string]struct {
		m       *onnx.Model
		o       signature.Options
		want    signature.Activation
		logits  string
		assumed bool
		kind    fault.Kind // where the question is the caller's
	}{
		"logits":              {m: classifier(t, 5, nchw), want: signature.Logits, logits: "Gemm_y", assumed: true},
		"softmax":             {m: classifier(t, 5, nchw, &onnx.Node{OpType: "Softmax"}), want: signature.Softmax, logits: "Gemm_y"},
		"log-softmax":         {m: classifier(t, 5, nchw, &onnx.Node{OpType: "LogSoftmax"}), want: signature.LogSoftmax, logits: "Gemm_y"},
		"softmax and no-op":   {m: classifier(t, 5, nchw, &onnx.Node{OpType: "Softmax"}, &onnx.Node{OpType: "Identity"}), want: signature.Softmax, logits: "Gemm_y"},
		"softmax, then a map": {m: classifier(t, 5, nchw, &onnx.Node{OpType: "Softmax"}, &onnx.Node{OpType: "Sqrt"}), want: signature.Logits, logits: "Sqrt_y", assumed: true},
		"softmax over images": {m: classifier(t, 5, nchw, &onnx.Node{OpType: "Softmax", Attributes: []*onnx.Attribute{onnx.IntAttr("axis", 0)}}), kind: fault.Usage},
		"the same, said":      {m: classifier(t, 5, nchw, &onnx.Node{OpType: "Softmax", Attributes: []*onnx.Attribute{onnx.IntAttr("axis", 0)}}), o: signature.Options{Activation: "softmax"}, want: signature.Softmax, logits: "Gemm_y"},
		"softmax over axis 1": {m: classifier(t, 5, nchw, &onnx.Node{OpType: "Softmax", Attributes: []*onnx.Attribute{onnx.IntAttr("axis", 1)}}), want: signature.Softmax, logits: "Gemm_y"},
		"numbers of classes":  {m: classifier(t, 5, nchw, &onnx.Node{OpType: "ArgMax", Attributes: []*onnx.Attribute{onnx.IntAttr("axis", 1)}}), kind: fault.Unsupported},
		"one sigmoid":         {m: classifier(t, 1, nchw, &onnx.Node{OpType: "Sigmoid"}), want: signature.Sigmoid, logits: "Gemm_y"},
		"many sigmoids":       {m: classifier(t, 5, nchw, &onnx.Node{OpType: "Sigmoid"}), want: signature.Sigmoid, logits: "Gemm_y"},
		"one score":           {m: classifier(t, 1, nchw), kind: fault.Usage},
		"one score, said":     {m: classifier(t, 1, nchw), o: signature.Options{Activation: "sigmoid-logits"}, want: signature.SigmoidLogits, logits: "Gemm_y"},
		"unknown operator":    {m: classifier(t, 5, nchw, &onnx.Node{OpType: "Hardmax"}), kind: fault.Usage},
		"said":                {m: classifier(t, 5, nchw), o: signature.Options{Activation: "softmax"}, want: signature.Softmax, logits: "Gemm_y"},
		"no such activation":  {m: classifier(t, 5, nchw), o: signature.Options{Activation: "sofmax"}, kind: fault.Usage},
	} {
		s, err := signature.Of(c.m, c.o)
		if c.kind != 0 {
			if fault.KindOf(err) != c.kind || err == nil {
				t.Errorf("%s: error is %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if o := s.Output; o.Activation != c.want || o.Logits != c.logits || o.Assumed != c.assumed {
			t.Errorf("%s: %+v, want %s of %s", name, o, c.want, c.logits)
		}
	}
}

func TestCardSpeaks(t *testing.T) {
	m := classifier(t, 5, images(3, 2, 2))
	if err := (&card.Card{Output: &card.Output{Name: "Gemm_y", Activation: "softmax", Layout: "NCHW"}}).Write(m); err != nil {
		t.Fatal(err)
	}
	s, err := signature.Of(m, signature.Options{})
	if err != nil || s.Output.Activation != signature.Softmax || s.Output.Assumed {
		t.Errorf("%+v, %v", s, err)
	}
	// What it says of one output is not said of another.
	other := classifier(t, 5, images(3, 2, 2), &onnx.Node{OpType: "Softmax"})
	other.Graph.Outputs = append(other.Graph.Outputs, &onnx.Value{Name: "Gemm_y", Type: onnx.TensorType(onnx.Float, images(5))})
	if err := (&card.Card{Output: &card.Output{Name: "Gemm_y", Activation: "logits", Layout: "NCHW"}}).Write(other); err != nil {
		t.Fatal(err)
	}
	if s, err := signature.Of(other, signature.Options{Output: "Softmax_y"}); err != nil || s.Output.Activation != signature.Softmax {
		t.Errorf("the other output: %+v, %v", s, err)
	}
	if s, err := signature.Of(other, signature.Options{}); err != nil || s.Output.Activation != signature.Logits || s.Output.Name != "Gemm_y" {
		t.Errorf("its own output: %+v, %v", s, err)
	}
	odd := classifier(t, 5, images(3, 2, 2))
	if err := (&card.Card{Output: &card.Output{Name: "Gemm_y", Activation: "foo", Layout: "NCHW"}}).Write(odd); err != nil {
		t.Fatal(err)
	}
	if _, err := signature.Of(odd, signature.Options{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an activation that is none: %v", err)
	}
	built := classifier(t, 5, images(3, 2, 2))
	if err := (&card.Card{Variant: "cifar"}).Write(built); err != nil {
		t.Fatal(err)
	}
	if s, err := signature.Of(built, signature.Options{}); err != nil || s.Output.Assumed {
		t.Errorf("the output of a variant is assumed: %+v, %v", s, err)
	}
}

// TestMaps refuses an output of a score for each place.
func TestMaps(t *testing.T) {
	m := classifier(t, 5, images(3, 2, 2))
	m.Graph.Nodes = []*onnx.Node{{OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}}
	m.Graph.Initializers = nil
	m.Graph.Outputs = []*onnx.Value{{Name: "y", Type: onnx.TensorType(onnx.Float, images(3, 2, 2))}}
	if _, err := signature.Of(m, signature.Options{}); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("a map of scores: %v", err)
	}
	if _, err := signature.Of(m, signature.Options{Output: "y", Activation: "logits"}); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("a map of scores that is named: %v", err)
	}
}

func TestSeveralOutputs(t *testing.T) {
	m := classifier(t, 5, images(3, 2, 2), &onnx.Node{OpType: "Softmax"})
	m.Graph.Outputs = append(m.Graph.Outputs, &onnx.Value{Name: "Gemm_y", Type: onnx.TensorType(onnx.Float, images(5))})
	if _, err := signature.Of(m, signature.Options{}); fault.KindOf(err) != fault.Usage || len(fault.Hints(err)) == 0 {
		t.Errorf("two outputs that hold scores: error is %v", err)
	}
	s, err := signature.Of(m, signature.Options{Output: "Gemm_y"})
	if err != nil || s.Output.Activation != signature.Logits || len(s.Output.Others) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := signature.Of(m, signature.Options{Output: "Gem_y"}); fault.KindOf(err) != fault.Usage {
		t.Errorf("no such output: error is %v", err)
	}
	m.Graph.Outputs[1] = &onnx.Value{Name: "Flatten_y", Type: onnx.TensorType(onnx.Float, images(12))}
	m.Graph.Outputs[1].Type.Elem = onnx.Float
	m.Graph.Nodes = append(m.Graph.Nodes, &onnx.Node{OpType: "Shape", Inputs: []string{"x"}, Outputs: []string{"size"}})
	m.Graph.Outputs[1] = &onnx.Value{Name: "size", Type: onnx.TensorType(onnx.Int64, onnx.FixedShape(4))}
	if s, err := signature.Of(m, signature.Options{}); err != nil || s.Output.Name != "Softmax_y" {
		t.Errorf("one of two outputs can hold scores: %+v, %v", s, err)
	}
}

func TestLayouts(t *testing.T) {
	transposed := func(dims ...int64) *onnx.Model {
		m := classifier(t, 5, images(dims...))
		m.Graph.Nodes[0].Inputs[0] = "t"
		m.Graph.Nodes = append([]*onnx.Node{{OpType: "Transpose", Inputs: []string{"x"}, Outputs: []string{"t"}, Attributes: []*onnx.Attribute{onnx.IntsAttr("perm", 0, 3, 1, 2)}}}, m.Graph.Nodes...)
		return m
	}
	for name, c := range map[string]struct {
		m    *onnx.Model
		o    signature.Options
		want signature.Layout // "" where it is asked for
	}{
		"channels first":      {m: classifier(t, 5, images(3, 2, 2)), want: signature.NCHW},
		"channels last":       {m: classifier(t, 5, images(2, 2, 3)), want: signature.NHWC},
		"both could be":       {m: classifier(t, 5, images(3, 4, 1)), want: ""},
		"said":                {m: classifier(t, 5, images(3, 4, 1)), o: signature.Options{Layout: "NHWC"}, want: signature.NHWC},
		"the graph shows it":  {m: transposed(1, 4, 3), want: signature.NHWC},
		"no such":             {m: classifier(t, 5, images(3, 2, 2)), o: signature.Options{Layout: "CHWN"}, want: ""},
		"an option outranks":  {m: transposed(3, 4, 1), o: signature.Options{Layout: "NCHW"}, want: signature.NCHW},
		"neither could be it": {m: classifier(t, 5, images(2, 2, 2)), want: ""},
	} {
		s, err := signature.Of(c.m, c.o)
		if c.want == "" {
			if fault.KindOf(err) != fault.Usage {
				t.Errorf("%s: error is %v", name, err)
			}
			continue
		}
		if err != nil || s.Input.Layout != c.want {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	if _, err := signature.Of(classifier(t, 5, onnx.Shape{onnx.Symbol("N"), onnx.Known(12)}), signature.Options{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a model without images: %v", err)
	}
}
