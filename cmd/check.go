package cmd

import (
	"errors"

	"github.com/spf13/cobra"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

func (a *app) checkCommand() *cobra.Command {
	var strict bool
	var model modelFlag
	c := &cobra.Command{
		Use:   "check [model]",
		Short: "Check a model: structure, operators, shapes, data",
		Long: `Check a model: names, types, topological order and cycles, attributes, the data of
every tensor (its size, and that it holds numbers), and the shape of every value through
all operators that alexctl knows. Nodes with other operators are listed as unchecked. What breaks a rule that every engine
tolerates is a warning, and with --strict a problem.`,
		Example: `  alexctl check alexnet.onnx
  alexctl check --strict alexnet.onnx`,
		Args: oneModel(""),
		RunE: func(_ *cobra.Command, args []string) error {
			args, err := model.arguments(args)
			if err != nil {
				return err
			}
			return a.check(args, strict)
		},
	}
	model.register(c)
	c.Flags().BoolVar(&strict, "strict", false, "treat warnings as problems")
	return c
}

// checked is the JSON result of check.
type checked struct {
	OK        bool           `json:"ok"`
	Problems  []onnx.Problem `json:"problems"`
	Warnings  []onnx.Problem `json:"warnings,omitempty"`
	Unchecked []onnx.Problem `json:"unchecked,omitempty"`
}

func (a *app) check(args []string, strict bool) (err error) {
	m, path, err := openModel(args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	decide(m) // what is in the branches is checked too
	f := op.Check(m)
	problems, warnings := onnx.CheckData(m)
	f.Problems, f.Warnings = append(f.Problems, problems...), append(f.Warnings, warnings...)
	if strict {
		f.Problems, f.Warnings = append(f.Problems, f.Warnings...), nil
	}
	r := checked{OK: len(f.Problems) == 0, Problems: append([]onnx.Problem{}, f.Problems...), Warnings: f.Warnings, Unchecked: f.Unchecked}
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
		return reported{fault.Finding}
	}
	return nil
}

// maxPrinted is how many problems are printed, and how many lines of a table.
const maxPrinted = 10_000

func (a *app) printChecked(path string, r checked) error {
	for _, list := range []struct {
		what     string
		problems []onnx.Problem
	}{{"", r.Problems}, {"warning: ", r.Warnings}, {"unchecked: ", op.Grouped(r.Unchecked)}} {
		printed := 0
		for i, p := range list.problems {
			if op.FollowsFrom(p) {
				continue // another node's line says why
			}
			if printed++; printed > maxPrinted {
				if err := a.print("%s... and up to %d more (--json has them all)\n", list.what, len(list.problems)-i); err != nil {
					return err
				}
				break
			}
			if err := a.print("%s%s\n", list.what, p); err != nil {
				return err
			}
		}
	}
	verdict := "no problems found"
	if !r.OK {
		verdict = counted(len(r.Problems), "problem")
	}
	if len(r.Warnings) > 0 {
		verdict += ", " + counted(len(r.Warnings), "warning")
	}
	switch {
	case len(r.Unchecked) == 1 && r.Unchecked[0].Where == "model":
		verdict += ", operators not checked"
	case len(r.Unchecked) > 0:
		verdict += ", " + counted(len(r.Unchecked), "node") + " not checked"
	}
	return a.print("%s: %s\n", path, verdict)
}
