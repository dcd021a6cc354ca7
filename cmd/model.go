package cmd

import (
	"errors"
	"fmt"
	"io/fs"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

// openModel opens the model named by the first argument, or the default one.
func openModel(args []string) (*onnx.Model, string, error) {
	path := defaultModel
	if len(args) > 0 {
		path = args[0]
	}
	m, err := onnx.Open(path)
	if errors.Is(err, fs.ErrNotExist) && len(args) == 0 {
		return nil, path, fault.New(fault.Invalid, "%s does not exist: build it (alexctl build --input 227 -o %s) or name another model", path, path)
	}
	return m, path, err
}

// openSound opens a model that must pass the check, for commands that run it.
func openSound(args []string) (*onnx.Model, string, error) {
	m, path, err := openModel(args)
	if err != nil {
		return nil, path, err
	}
	if problems := op.Check(m).Problems; len(problems) > 0 {
		text := fmt.Sprintf("%s is not a valid model: %s", path, problems[0])
		if len(problems) > 1 {
			text += fmt.Sprintf(", and %d more problems", len(problems)-1)
		}
		return nil, path, errors.Join(fault.New(fault.Invalid, "%s (see: alexctl check %s)", text, shellWord(path)), m.Close())
	}
	return m, path, nil
}

// named returns the arguments that name a model.
func named(path string) []string {
	if path == defaultModel {
		return nil
	}
	return []string{path}
}
