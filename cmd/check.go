package cmd

import (
	"errors"

	"github.com/spf13/cobra"

	"alexctl/onnx"
	"alexctl/onnx/op"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [model]",
		Short: "Check a model: structure, operators, shapes, data",
		Long: `Check a model: names, types, topological order and cycles, attributes, the data of
every tensor, and the shape of every value through all operators that alexctl knows.
Nodes with other operators are listed as unchecked.`,
		Example: `  alexctl check alexnet.onnx`,
		Args:    atMost(1),
		RunE:    func(_ *cobra.Command, args []string) error { return a.check(args) },
	}
}

// checked is the JSON result of check.
type checked struct {
	OK        bool           `json:"ok"`
	Problems  []onnx.Problem `json:"problems"`
	Unchecked []onnx.Problem `json:"unchecked,omitempty"`
}

func (a *app) check(args []string) (err error) {
	m, path, err := openModel(args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	problems, unchecked := op.Check(m)
	r := checked{OK: len(problems) == 0, Problems: problems, Unchecked: unchecked}
	if r.Problems == nil {
		r.Problems = []onnx.Problem{}
	}
	if a.json {
		err = a.printJSON(r)
	} else {
		err = a.printChecked(path, r)
	}
	if err != nil {
		return err
	}
	a.next("alexctl inspect %s", shellWord(path))
	if !r.OK {
		return silent(exitFinding)
	}
	return nil
}

func (a *app) printChecked(path string, r checked) error {
	for _, p := range r.Problems {
		if err := a.print("%s\n", p); err != nil {
			return err
		}
	}
	for _, p := range r.Unchecked {
		if op.FollowsFrom(p) {
			continue // another node's line says why
		}
		if err := a.print("unchecked: %s\n", p); err != nil {
			return err
		}
	}
	verdict := "no problems found"
	if !r.OK {
		verdict = counted(len(r.Problems), "problem")
	}
	if len(r.Unchecked) > 0 {
		verdict += ", " + counted(len(r.Unchecked), "node") + " not checked"
	}
	return a.print("%s: %s\n", path, verdict)
}
