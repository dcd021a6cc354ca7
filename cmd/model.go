package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/onnx/pass"
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
	decide(m)
	if problems := op.Check(m).Problems; len(problems) > 0 {
		text := fmt.Sprintf("%s is not a valid model: %s", path, problems[0])
		if len(problems) > 1 {
			text += fmt.Sprintf(", and %d more problems", len(problems)-1)
		}
		return nil, path, errors.Join(fault.New(fault.Invalid, "%s (see: alexctl check %s)", text, shellWord(path)), m.Close())
	}
	return m, path, nil
}

// openRunnable is openSound for commands that run a model and do not train it: one that was
// exported for training, with what is random or not yet a number in it, is taken as the inference
// graph that it will be, which is said.
func (a *app) openRunnable(args []string) (*onnx.Model, string, error) {
	m, path, err := openSound(args)
	if err != nil || !forTraining(m) {
		return m, path, err
	}
	if i, reports, err := pass.Run(m, pass.Inference()); err == nil && len(reports[0].Changes) > 0 {
		m.Graph, m.IRVersion = i.Graph, i.IRVersion
		a.say("note: %s was exported for training: it is taken as the inference graph that it will be", path)
	}
	return m, path, nil
}

// forTraining reports whether a model cannot be run because it is that of training: Dropout drops, or
// BatchNormalization takes the statistics of its batch.
func forTraining(m *onnx.Model) bool {
	values := sync.OnceValue(func() map[string]*op.Info { return op.Infer(m, nil).Values }) // seldom needed
	return slices.ContainsFunc(m.Graph.Nodes, func(n *onnx.Node) bool {
		s := op.SpecOf(n)
		switch {
		case s == nil:
			return false
		case s.Random && s.Inputs.Max == 1:
			return true
		case s.Random && len(n.Inputs) > 2 && n.Inputs[2] != "":
			mode := values()[n.Inputs[2]].Known()
			return mode != nil && len(mode.I) == 1 && mode.I[0] != 0
		}
		return s.Statistics != nil && (len(n.Outputs) > 1 && m.Opset() < 14 || n.Attribute("training_mode") != nil && n.Attribute("training_mode").Int != 0)
	})
}

// decide puts the bodies of a model's functions in the place of their calls, and branches in the place
// of the If nodes whose conditions follow from it.
func decide(m *onnx.Model) {
	for _, p := range []pass.Pass{pass.Inline(), pass.Decide(), pass.Inline()} { // branches may call functions too
		if d, reports, err := pass.Run(m, p); err == nil && len(reports[0].Changes) > 0 {
			m.Graph, m.IRVersion, m.Functions, m.OperatorSets = d.Graph, d.IRVersion, d.Functions, d.OperatorSets
		}
	}
}

// modelFlag is a model that is an argument, and may be --model too, as it is in infer and train.
type modelFlag struct{ model string }

func (o *modelFlag) register(c *cobra.Command) {
	c.Flags().StringVarP(&o.model, "model", "m", "", "the model, as the argument")
}

// arguments returns those that name the model.
func (o *modelFlag) arguments(args []string) ([]string, error) {
	switch {
	case o.model != "" && len(args) > 0:
		return nil, usage("%s and --model %s: name one model", args[0], o.model)
	case o.model != "":
		return []string{o.model}, nil
	}
	return args, nil
}

// oneModel takes at most one argument, the model, and says where others belong.
func oneModel(others string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage("%s, at most one model: %s%s", counted(len(args), "argument"), c.UseLine(), others)
		}
		return nil
	}
}

// named returns the arguments that name a model.
func named(path string) []string {
	if path == defaultModel {
		return nil
	}
	return []string{path}
}
