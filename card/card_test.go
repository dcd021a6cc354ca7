package card_test

import (
	"reflect"
	"testing"

	"alexctl/card"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/preprocess"
)

// TestCardComesBack writes everything that a card can say and reads it.
func TestCardComesBack(t *testing.T) {
	seed, accuracy := uint64(7), 0.5
	c := &card.Card{
		Variant: "cifar", Source: "a paper", Init: "he", Seed: &seed, Trained: card.Trained, Spec: preprocess.Plain(3, 32), Labels: []string{"cat", "ein Wörtchen"},
		Output:   &card.Output{Name: "y", Activation: "logits", Layout: "NCHW"},
		Training: &card.Training{Data: "sample", Epoch: 3, Images: 10, Kernels: "plain", Model: "m", Recipe: []byte(`{"seed":9}`), TestAccuracy: &accuracy, TestImages: 4},
	}
	m := &onnx.Model{Graph: &onnx.Graph{}}
	m.SetProperty("someone.else", "stays")
	if err := c.Write(m); err != nil {
		t.Fatal(err)
	}
	got, err := card.Read(m)
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%+v, %v, want %+v", got, err, c)
	}
	if got.Training.Split().Seed != 9 || (*card.Training)(nil).Split() != nil {
		t.Errorf("seed %d", got.Training.Split().Seed)
	}
	if err := (&card.Card{Variant: "pwc"}).Write(m); err != nil { // the rest stays
		t.Fatal(err)
	}
	if got, err := card.Read(m); err != nil || got.Variant != "pwc" || got.Labels[0] != "cat" {
		t.Errorf("%+v, %v", got, err)
	}
	if v, ok := m.Property("someone.else"); !ok || v != "stays" {
		t.Error("another's metadata are gone")
	}
}

func TestBadCards(t *testing.T) {
	for key, c := range map[string]struct {
		value string
		kind  fault.Kind
	}{
		"alexctl.card":       {"2", fault.Unsupported},
		"alexctl.labels":     {"{", fault.Invalid},
		"alexctl.preprocess": {`{"version":9}`, fault.Invalid},
		"alexctl.seed":       {"-1", fault.Invalid},
		"alexctl.output":     {"[]", fault.Invalid},
		"alexctl.training":   {"3", fault.Invalid},
	} {
		m := &onnx.Model{Graph: &onnx.Graph{}}
		m.SetProperty(key, c.value)
		m.SetProperty("alexctl.variant", "cifar")
		got, err := card.Read(m)
		if fault.KindOf(err) != c.kind || err == nil {
			t.Errorf("%s: error is %v", key, err)
		}
		if c.kind == fault.Invalid && got.Variant != "cifar" {
			t.Errorf("%s: what else the card says is lost", key)
		}
	}
	if err := (&card.Card{Labels: []string{"\xff"}}).Write(&onnx.Model{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a label that is not UTF-8: %v", err)
	}
}
