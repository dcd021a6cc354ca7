package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"alexctl/builder"
	"alexctl/data"
	"alexctl/preprocess"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/signature"
	"alexctl/train"
)

// completed is what a shell is told of a flag or of the arguments: values, and folders where
// those will do too; or how the files end; folders where there is neither.
type completed struct {
	values  func() []string
	folders bool
	files   []string // endings without the dot
}

func fixed(values ...string) completed { return completed{values: func() []string { return values }} }

func endings(list ...string) completed { return completed{files: list} }

// flagValues are those of the flags, by name, or by command and name where a flag of that name
// means something else in others.
func flagValues() map[string]completed {
	var variants, optimizers []string
	for _, v := range builder.Variants() {
		variants = append(variants, v.Name)
	}
	for _, k := range train.Optimizers() {
		optimizers = append(optimizers, k.Name)
	}
	return map[string]completed{
		"activation": fixed(signature.Activations...),
		"against":    endings("onnx"),
		"augment":    fixed("flip", "pad=4", "crop", "color", "none"),
		"class-map":  {files: []string{"json"}},
		"data":       {values: datasets, folders: true},
		"data-dir":   {},
		"engine":     fixed(engineNames()...),
		"init":       fixed("source", "he", "paper", "zeros"),
		"inputs":     endings("npz", "npy"),
		"images":     endings(imageEndings()...),
		"kernels":    fixed(append(slices.Clone(gorgonia.KernelSets), autoKernels)...),
		"labels":     endings("txt"),
		"layout":     fixed(signature.Layouts...),
		"lrn":        fixed("op", "averagepool"),
		"lrn-alpha":  fixed("code", "text"),
		"model":      endings("onnx"),
		"optimizer":  fixed(optimizers...),
		"ort-lib":    endings("so", "dylib", "dll"),
		"part":       fixed("test", "train", "all"),
		"precision":  fixed(gorgonia.Precisions...),
		"preprocess": fixed(preprocess.Names...),
		"provider":   fixed(ort.Providers()...),
		"report":     endings("html", "md", "json", "xml"),
		"resume":     {values: runs},
		"run":        {},
		"schedule":   fixed(train.Schedules()...),
		"variant":    fixed(variants...),

		"build output":    endings("onnx"),
		"train output":    endings("onnx"),
		"train class-map": fixed("order"),
	}
}

// argumentValues are those of the arguments, by command.
func argumentValues() map[string]completed {
	model := endings("onnx")
	return map[string]completed{
		"bench": model, "check": model, "eval": model, "inspect": model, "verify": model,
		"infer": endings(imageEndings()...), "fetch": {values: datasets},
	}
}

func imageEndings() []string {
	var out []string
	for _, e := range preprocess.Extensions() {
		out = append(out, strings.TrimPrefix(e, "."))
	}
	return out
}

func datasets() []string {
	var out []string
	for _, d := range data.Names() {
		out = append(out, d[0])
	}
	return out
}

// runs are the folders of runs that are here, the newest first.
func runs() []string {
	found, _ := filepath.Glob(filepath.Join("runs", "*", "config.json"))
	for i, path := range found {
		found[i] = filepath.Dir(path)
	}
	slices.SortStableFunc(found, func(x, y string) int { return modified(y) - modified(x) })
	return found
}

// modified is when a file was last changed, in seconds; 0 where that cannot be said.
func modified(path string) int {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return int(info.ModTime().Unix())
}

// complete tells shells the values of flags and arguments.
func complete(c *cobra.Command) {
	flags := flagValues()
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { completeFlag(c, f.Name, flags) })
	c.PersistentFlags().VisitAll(func(f *pflag.Flag) { completeFlag(c, f.Name, flags) })
	if v, ok := argumentValues()[c.Name()]; ok && c.ValidArgsFunction == nil {
		c.ValidArgsFunction = v.of
	}
	for _, sub := range c.Commands() {
		complete(sub)
	}
}

func completeFlag(c *cobra.Command, name string, flags map[string]completed) {
	v, ok := flags[c.Name()+" "+name]
	if !ok {
		v, ok = flags[name]
	}
	if ok {
		_ = c.RegisterFlagCompletionFunc(name, v.of) // it fails only for a flag that is not there
	}
}

// of is what cobra asks for. Values may be several, behind commas and with settings of their own.
func (v completed) of(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	switch {
	case v.files != nil:
		return v.files, cobra.ShellCompDirectiveFilterFileExt
	case v.values == nil:
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	given := strings.Split(before, ",")
	var out []string
	for _, s := range v.values() {
		if strings.HasPrefix(before+s, typed) && !slices.Contains(given, s) {
			out = append(out, before+s)
		}
	}
	if v.folders {
		found, _ := filepath.Glob(typed + "*")
		for _, path := range found {
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				out = append(out, path)
			}
		}
	}
	if len(out) == 0 { // a folder of images, or a spec
		return nil, cobra.ShellCompDirectiveDefault
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
