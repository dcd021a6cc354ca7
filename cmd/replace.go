package cmd

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"alexctl/card"
	"alexctl/fault"
	"alexctl/onnx"
)

// forceFlag registers --force.
func forceFlag(f *pflag.FlagSet, force *bool) {
	f.BoolVar(force, "force", false, "replace a file that holds a trained model, or something else")
}

// replaceable refuses to write over a model that training made, which may have taken days, and
// over a file that is no model, unless that is forced. Models that were built may be replaced.
func replaceable(path string, force bool) error {
	info, err := os.Stat(path)
	if force || err != nil || !info.Mode().IsRegular() {
		return nil //nolint:nilerr // whoever writes it says what is wrong
	}
	m, err := onnx.Open(path)
	if err != nil {
		if info.Size() == 0 {
			return nil
		}
		return fault.New(fault.Usage, "-o %s: it is there, and holds no model that can be read", path).Hint(otherName, replaceIt)
	}
	c, err := card.Read(m)
	if closing := m.Close(); closing != nil {
		return fault.As(fault.Environment, closing)
	}
	if err != nil || c.Trained != card.Trained && c.Training == nil {
		return nil //nolint:nilerr // not one that training made
	}
	return fault.New(fault.Usage, "-o %s: it holds a trained model", path).Hint(otherName, replaceIt)
}

var (
	otherName = fault.Hint{Text: "name another file with -o"}
	replaceIt = fault.Hint{Text: "replace it", Option: fault.Force}
)

// free returns the name, or, where it may not be replaced, the next one with a number, which is
// said.
func (a *app) free(path string) string {
	name := path
	for i := 2; replaceable(name, false) != nil; i++ {
		name = strings.TrimSuffix(path, ".onnx") + fmt.Sprintf("-%d.onnx", i)
	}
	if name != path {
		a.say("%s is there already: this model will be %s", path, name)
	}
	return name
}
