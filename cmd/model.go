package cmd

import (
	"errors"
	"fmt"

	"alexctl/builder"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/preprocess"
)

// openModel opens the model named by the first argument, or the default one.
func openModel(args []string) (*onnx.Model, string, error) {
	path := defaultModel
	if len(args) > 0 {
		path = args[0]
	}
	m, err := onnx.Open(path)
	if err != nil {
		if missing(err) && len(args) == 0 {
			return nil, path, invalid(fmt.Errorf("%s is not here: build one (alexctl build --input 227 -o %s) or name a model", path, path))
		}
		return nil, path, invalid(err)
	}
	return m, path, nil
}

// openSound opens a model that must pass the check, for commands that run it.
func openSound(args []string) (*onnx.Model, string, error) {
	m, path, err := openModel(args)
	if err != nil {
		return nil, path, err
	}
	if problems, _ := op.Check(m); len(problems) > 0 {
		err := fmt.Errorf("%s is not a valid model: %s", path, problems[0])
		if len(problems) > 1 {
			err = fmt.Errorf("%w, and %d more problems", err, len(problems)-1)
		}
		return nil, path, errors.Join(invalid(fmt.Errorf("%w (see: alexctl check %s)", err, path)), m.Close())
	}
	return m, path, nil
}

// modelSpec returns the preprocessing in the model's metadata, or nil.
func modelSpec(m *onnx.Model) (*preprocess.Spec, error) {
	text, ok := m.Property(preprocess.MetadataKey)
	if !ok {
		return nil, nil
	}
	s, err := preprocess.ParseSpec(text)
	if err != nil {
		return nil, invalid(err)
	}
	return s, nil
}

// warnUntrained says that a built model has never been trained.
func (a *app) warnUntrained(m *onnx.Model) {
	if v, _ := m.Property(builder.TrainedKey); v == "no" {
		a.say("note: this model was never trained: its weights are random and its predictions mean nothing")
	}
}
