package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestCompletion asks for values as a shell does.
func TestCompletion(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(filepath.Join("runs", "one"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("runs", "one", "config.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"clean", filepath.Join("photos", "cats")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string]string{
		"build --variant p":           "pwc paper :4",
		"train --resume ":             "runs/one :4",
		"train --data fash":           "fashion-mnist :4",
		"train --data photos/":        "photos/cats :4",
		"train --data c":              "cifar10 clean :4",
		"train --data nothing/":       ":0",
		"eval --output lo":            ":0",
		"build --output ":             "onnx :8",
		"train --class-map ":          "order :4",
		"verify --engine ort,o":       "ort,onnx-go :4",
		"verify --engine ort,gor":     "ort,gorgonia :4",
		"eval --part t":               "test train :4",
		"train --optimizer adam":      "adam adamw :4",
		"infer --kernels p":           "plain :4",
		"train --kernels a":           "auto :4",
		"verify ":                     "onnx :8",
		"infer --model ":              "onnx :8",
		"data fetch cifar":            "cifar10 :4",
		"verify --report ":            "html md json xml :8",
		"train --run ":                ":16",
		"inspect --activation logits": ":0",
		"completion ba":               "bash :4",
	} {
		var out, errs strings.Builder
		args := append([]string{cobra.ShellCompNoDescRequestCmd}, strings.Split(line, " ")...)
		code := Main(args, strings.NewReader(""), &out, &errs)
		if got := strings.Join(strings.Fields(out.String()), " "); code != 0 || got != want {
			t.Errorf("%s: %q, want %q (exit code %d)", line, got, want, code)
		}
	}
}

// TestEveryValueHasAFlag wants no flag in the list that no command has.
func TestEveryValueHasAFlag(t *testing.T) {
	var flags, commands []string
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		commands = append(commands, c.Name())
		c.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
		c.PersistentFlags().VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit((&app{}).root())
	for name := range flagValues() {
		command, flag, of := strings.Cut(name, " ")
		if !of {
			command, flag = "", name
		}
		if !slices.Contains(flags, flag) || of && !slices.Contains(commands, command) {
			t.Errorf("no command has --%s", name)
		}
	}
	for name := range argumentValues() {
		if !slices.Contains(commands, name) {
			t.Errorf("there is no command %s", name)
		}
	}
}
