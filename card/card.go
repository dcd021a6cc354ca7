// Package card is what a model says about itself beyond ONNX: the alexctl.* entries of its
// metadata, typed. Everyone who reads or writes one of them does it here.
package card

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/preprocess"
)

// Version is the version of the card that is written. A card that names none is of version 1,
// and version 1 names none; a newer one than this is not read.
const Version = 1

// The keys of the metadata.
const (
	versionKey    = "alexctl.card"
	variantKey    = "alexctl.variant"
	sourceKey     = "alexctl.source"
	initKey       = "alexctl.init"
	seedKey       = "alexctl.seed"
	trainedKey    = "alexctl.trained"
	preprocessKey = "alexctl.preprocess"
	labelsKey     = "alexctl.labels"
	outputKey     = "alexctl.output"
	trainingKey   = "alexctl.training"
)

// Card is what a model says about itself. The zero value of a field says nothing.
type Card struct {
	Variant string           // the variant that was built
	Source  string           // where the variant is defined
	Init    string           // how its weights were drawn
	Seed    *uint64          // and from which seed
	Trained State            // whether training has changed the weights
	Spec    *preprocess.Spec // how images become the input
	Labels  []string         // by class index
	Output  *Output          // what the scores mean
	// Training is how the model was trained.
	Training *Training
}

// State is whether a model was trained.
type State string

// The states of a model's weights.
const (
	Unknown   State = ""
	Untrained State = "no" // freshly drawn
	Trained   State = "yes"
)

// Output is what a classifier's output means.
type Output struct {
	Name       string `json:"name"`
	Activation string `json:"activation"` // logits, softmax, log-softmax or sigmoid
	Layout     string `json:"layout"`     // of the images: NCHW or NHWC
}

// Training is the story of a run.
type Training struct {
	Data         string          `json:"data"`
	Epoch        int             `json:"epoch"`  // whose weights they are, from 1
	Images       int             `json:"images"` // it was trained with
	Kernels      string          `json:"kernels"`
	Model        string          `json:"model"`  // what it began with
	Recipe       json.RawMessage `json:"recipe"` // train.Config
	TestAccuracy *float64        `json:"test_accuracy,omitempty"`
	TestImages   int             `json:"test_images,omitempty"`
}

// Split is how a run took its images apart.
type Split struct {
	Seed uint64 `json:"seed"`
	By   string `json:"split"` // as train.Config has it
}

// Split returns how the run took its images apart; nil where there was none that says so.
func (t *Training) Split() *Split {
	var s Split
	if t == nil || json.Unmarshal(t.Recipe, &s) != nil {
		return nil
	}
	return &s
}

// Read returns a model's card. An entry that cannot be understood is fault.Invalid, a card of
// a later version fault.Unsupported; what other entries say is returned all the same.
func Read(m *onnx.Model) (*Card, error) {
	c := &Card{}
	var failed error
	bad := func(key string, err error) {
		if failed == nil && err != nil {
			failed = fault.New(fault.Invalid, "metadata %s: %w", key, err)
		}
	}
	decode := func(key, text string, to any) { bad(key, json.Unmarshal([]byte(text), to)) }
	for _, p := range m.Metadata {
		switch p.Key {
		case versionKey:
			if v, err := strconv.Atoi(p.Value); err != nil || v > Version {
				return c, fault.New(fault.Unsupported, "metadata %s: the card is of version %q, %d is the newest that is read", p.Key, p.Value, Version)
			}
		case variantKey:
			c.Variant = p.Value
		case sourceKey:
			c.Source = p.Value
		case initKey:
			c.Init = p.Value
		case seedKey:
			seed, err := strconv.ParseUint(p.Value, 10, 64)
			c.Seed = &seed
			bad(p.Key, err)
		case trainedKey:
			c.Trained = State(p.Value)
		case preprocessKey:
			var err error
			c.Spec, err = preprocess.ParseSpec(p.Value)
			bad(p.Key, err)
		case labelsKey:
			decode(p.Key, p.Value, &c.Labels)
		case outputKey:
			c.Output = &Output{}
			decode(p.Key, p.Value, c.Output)
		case trainingKey:
			c.Training = &Training{}
			decode(p.Key, p.Value, c.Training)
		}
	}
	return c, failed
}

// Write puts the card into a model's metadata. What the card does not say stays as it is.
func (c *Card) Write(m *onnx.Model) error {
	for _, l := range c.Labels {
		if !utf8.ValidString(l) {
			return fault.New(fault.Invalid, "label %q is not UTF-8", l)
		}
	}
	entry := func(key, value string, said bool) {
		if said {
			m.SetProperty(key, value)
		}
	}
	entry(variantKey, c.Variant, c.Variant != "")
	entry(sourceKey, c.Source, c.Source != "")
	entry(initKey, c.Init, c.Init != "")
	if c.Seed != nil {
		entry(seedKey, strconv.FormatUint(*c.Seed, 10), true)
	}
	entry(trainedKey, string(c.Trained), c.Trained != Unknown)
	if c.Spec != nil {
		entry(preprocessKey, c.Spec.JSON(), true)
	}
	for _, e := range []struct {
		key   string
		value any
		said  bool
	}{{labelsKey, c.Labels, c.Labels != nil}, {outputKey, c.Output, c.Output != nil}, {trainingKey, c.Training, c.Training != nil}} {
		if !e.said {
			continue
		}
		text, err := json.Marshal(e.value)
		if err != nil {
			return fmt.Errorf("metadata %s: %w", e.key, err)
		}
		entry(e.key, string(text), true)
	}
	return nil
}
