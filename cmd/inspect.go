package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alexctl/card"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

func (a *app) inspectCommand() *cobra.Command {
	var model modelFlag
	c := &cobra.Command{
		Use:   "inspect [model]",
		Short: "Show a model's layers, shapes, parameters and operations",
		Long: `Show a model's inputs, outputs and metadata, and for each layer its output shape,
learned parameters, multiply-accumulate operations (MACs) and attributes, without those that
change nothing (strides of 1, pads of 0). A symbolic dimension counts as one.`,
		Example: `  alexctl inspect alexnet.onnx`,
		Args:    oneModel(""),
		RunE: func(_ *cobra.Command, args []string) error {
			args, err := model.arguments(args)
			if err != nil {
				return err
			}
			return a.inspect(args)
		},
	}
	model.register(c)
	return c
}

// inspected is the JSON result of inspect.
type inspected struct {
	IRVersion  int64             `json:"ir_version"`
	Opset      int64             `json:"opset"`
	Inputs     []inspectedValue  `json:"inputs"`
	Outputs    []inspectedValue  `json:"outputs"`
	Parameters int64             `json:"parameters"`
	MACs       int64             `json:"macs"`
	Layers     []inspectedLayer  `json:"layers"`
	Metadata   map[string]string `json:"metadata"`
	Partial    bool              `json:"partial"` // the totals lack layers that are not understood
}

type inspectedValue struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []any  `json:"shape"` // numbers, and names of symbolic dimensions
}

type inspectedLayer struct {
	Name        string `json:"name"`
	Op          string `json:"op"`
	Settings    string `json:"settings"` // the attributes, without those that change nothing
	OutputShape []any  `json:"output_shape"`
	Parameters  int64  `json:"parameters"`
	MACs        int64  `json:"macs"`
}

func (a *app) inspect(args []string) (err error) {
	m, path, err := openModel(args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	s := op.Summarize(m)
	if a.json {
		r := inspected{IRVersion: m.IRVersion, Opset: m.Opset(), Inputs: values(m.Graph.DataInputs()), Outputs: values(m.Graph.Outputs),
			Parameters: s.Parameters, MACs: s.MACs, Partial: s.Partial, Layers: []inspectedLayer{}, Metadata: map[string]string{}}
		for _, l := range s.Layers {
			var shape []any // null where it is not known
			if l.OutputShape != nil {
				shape = dims(l.OutputShape)
			}
			r.Layers = append(r.Layers, inspectedLayer{l.Name, l.Op, l.Settings, shape, l.Parameters, l.MACs})
		}
		for _, p := range m.Metadata {
			r.Metadata[p.Key] = p.Value
		}
		return a.printJSON(r)
	}
	if err := a.printInspected(path, m, s); err != nil {
		return err
	}
	a.next("alexctl verify %s", shellWord(path))
	return nil
}

func values(list []*onnx.Value) []inspectedValue {
	out := []inspectedValue{}
	for _, v := range list {
		i := inspectedValue{Name: v.Name, Shape: []any{}}
		if v.Type.IsTensor() {
			i.DType = v.Type.Elem.String()
			if v.Type.Shape != nil {
				i.Shape = dims(*v.Type.Shape)
			}
		}
		out = append(out, i)
	}
	return out
}

func dims(s onnx.Shape) []any {
	out := []any{}
	for _, d := range s {
		if d.IsKnown() {
			out = append(out, d.N)
		} else {
			out = append(out, d.String())
		}
	}
	return out
}

func (a *app) printInspected(path string, m *onnx.Model, s op.Summary) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: IR version %d, opset %d\n", path, m.IRVersion, m.Opset())
	for _, v := range m.Graph.DataInputs() {
		fmt.Fprintf(&b, "input   %s %s\n", v.Name, v.Type)
	}
	for _, v := range m.Graph.Outputs {
		fmt.Fprintf(&b, "output  %s %s\n", v.Name, v.Type)
	}
	if c, err := card.Read(m); err == nil && c.Spec != nil {
		fmt.Fprintf(&b, "images  %s\n", c.Spec)
	}
	for _, p := range m.Metadata {
		fmt.Fprintf(&b, "%s  %s\n", p.Key, shorten(p.Value))
	}
	if err := a.prose("%s\n", b.String()); err != nil {
		return err
	}
	t := newTable(table.Row{"layer", "op", "attributes", "output shape", "parameters", "MACs"}, "parameters", "MACs").wrapping("MACs")
	for _, l := range s.Layers {
		shape := "?"
		if l.OutputShape != nil {
			shape = l.OutputShape.String()
		}
		t.AppendRow(table.Row{l.Name, l.Op, l.Settings, shape, blankZero(l.Parameters), blankZero(l.MACs)})
	}
	t.AppendFooter(table.Row{"total", "", "", "", thousands(s.Parameters), thousands(s.MACs)})
	if err := a.printTable(t); err != nil {
		return err
	}
	if s.Partial {
		return a.print("the totals leave out the layers that alexctl does not understand (see: alexctl check)\n")
	}
	return nil
}

func blankZero(n int64) string {
	if n == 0 {
		return ""
	}
	return thousands(n)
}

// shorten cuts a long metadata value for the screen.
func shorten(s string) string {
	const most = 100
	r := []rune(strings.ReplaceAll(s, "\n", " "))
	if len(r) > most {
		return string(r[:most]) + "..."
	}
	return string(r)
}
