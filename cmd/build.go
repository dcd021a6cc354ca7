package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"alexctl/builder"
	"alexctl/card"
	"alexctl/onnx"
	"alexctl/onnx/op"
)

type buildOptions struct {
	builder.Options
	variant  string
	output   string
	labels   string
	external bool
	force    bool
}

func (a *app) buildCommand() *cobra.Command {
	var o buildOptions
	c := &cobra.Command{
		Use:   "build",
		Short: "Build an AlexNet variant as an ONNX model",
		Long: `Build an AlexNet variant as an ONNX model with newly initialized weights.

The same flags give the same bytes on every machine. Without --variant the input
size picks one: 32 cifar, 224 torchvision, 227 zhihu.

Variants:
` + variantList(),
		Example: `  alexctl build --input 227 -o alexnet.onnx
  alexctl build --variant paper --lrn-alpha text --classes 10 --labels pets.txt
  alexctl build --variant cifar --channels 1 --init he --seed 3 -o fashion.onnx`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.build(c, o) },
	}
	f := c.Flags()
	f.StringVar(&o.variant, "variant", "", "which network (default: the one that the input size implies)")
	f.IntVar(&o.Input, "input", 0, "height and width of the input (default: the variant's own, or 227)")
	f.StringVarP(&o.output, "output", "o", defaultModel, "the file to write")
	forceFlag(f, &o.force)
	f.IntVar(&o.Classes, "classes", 0, "number of classes (default: the variant's own, or the number of labels)")
	f.IntVar(&o.Channels, "channels", 3, "input channels: 1 or 3")
	f.IntVar(&o.Batch, "batch", 0, "a fixed batch size (default: symbolic, any size)")
	f.Int64Var(&o.Opset, "opset", builder.DefaultOpset, "ONNX opset, 13 to 21")
	f.StringVar(&o.LRN, "lrn", "", "write LRN as the operator (op) or as average pooling (averagepool) (default: as the source)")
	f.BoolVar(&o.LRNWithinChannel, "lrn-within-channel", false, "normalize within each channel, not across channels")
	f.StringVar(&o.LRNAlpha, "lrn-alpha", "", "paper variant: alpha as in the authors' program (code) or the text (text) (default code)")
	f.StringVar(&o.Init, "init", "source", "initial weights: source, he, paper or zeros")
	f.Uint64Var(&o.Seed, "seed", 0, "seed of the initial weights")
	f.BoolVar(&o.Softmax, "softmax", false, "end in probabilities instead of logits")
	f.StringVar(&o.labels, "labels", "", "file with one label per line, in class order")
	f.BoolVar(&o.external, "external-data", false, "put the weights into a second file, OUTPUT.data")
	f.BoolVar(&o.NoGroups, "no-groups", false, "write grouped convolutions as plain ones with zeros between the groups")
	return c
}

func variantList() string {
	var b strings.Builder
	for _, v := range builder.Variants() {
		fmt.Fprintf(&b, "  %-12s %s\n", v.Name, v.Summary)
	}
	return strings.TrimRight(b.String(), "\n")
}

// built is the JSON result of build.
type built struct {
	Path       string `json:"path"`
	Variant    string `json:"variant"`
	Input      int    `json:"input"`
	Classes    int    `json:"classes"`
	Parameters int64  `json:"parameters"`
	MACs       int64  `json:"macs"`
	Opset      int64  `json:"opset"`
	SHA256     string `json:"sha256"`
	Bytes      int64  `json:"bytes"`
}

func (a *app) build(c *cobra.Command, o buildOptions) error {
	v, err := a.pickVariant(c, &o)
	if err != nil {
		return err
	}
	if o.labels != "" {
		if o.Labels, err = card.ReadLabels(o.labels); err != nil {
			return err
		}
		if !c.Flags().Changed("classes") {
			o.Classes = len(o.Labels)
		}
	}
	for _, name := range []string{"input", "classes"} {
		if f := c.Flags().Lookup(name); f.Changed && f.Value.String() == "0" {
			return usage("--%s 0: want at least 1", name)
		}
	}
	m, err := v.Build(o.Options)
	if err != nil {
		return err
	}
	summary := op.Summarize(m)
	if o.output == "" || o.output == "-" {
		return usage("-o %q: name a file", o.output)
	}
	if err := replaceable(o.output, o.force); err != nil {
		return err
	}
	w, err := m.WriteFile(c.Context(), o.output, onnx.WriteOptions{ExternalData: o.external})
	if err != nil {
		return err
	}
	r := built{Path: o.output, Variant: v.Name, Input: o.Input, Classes: o.Classes,
		Parameters: summary.Parameters, MACs: summary.MACs / int64(max(o.Batch, 1)), Opset: o.Opset, SHA256: w.SHA256, Bytes: w.Bytes}
	if r.Input == 0 {
		r.Input = v.Input
	}
	if r.Classes == 0 {
		r.Classes = v.Classes
	}
	if a.json {
		err = a.printJSON(r)
	} else {
		err = a.prose("%s: %s, input %dx%d, %d classes, %s parameters, %s MACs per image, opset %d, %s bytes\nsha256 %s\n",
			r.Path, r.Variant, r.Input, r.Input, r.Classes, thousands(r.Parameters), thousands(r.MACs), r.Opset, thousands(r.Bytes), r.SHA256)
	}
	argument := ""
	if o.output != defaultModel {
		argument = " " + shellWord(o.output)
	}
	a.next("alexctl verify%s", argument)
	return err
}

// pickVariant returns the variant that is named, or that the input size stands for.
func (a *app) pickVariant(c *cobra.Command, o *buildOptions) (builder.Variant, error) {
	if o.variant != "" {
		return builder.Find(o.variant)
	}
	side := o.Input
	if !c.Flags().Changed("input") {
		side = 227
	}
	v, why, err := builder.ForInput(side)
	if err != nil {
		return v, err
	}
	a.say("variant %s: %s", v.Name, why)
	return v, nil
}
