package cmd

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"alexctl/fault"
)

// TestEveryKindHasACode wants an exit code that is not 0 for each kind of error.
func TestEveryKindHasACode(t *testing.T) {
	for _, k := range fault.Kinds() {
		if codes[k] == 0 {
			t.Errorf("the kind %s has no exit code", k)
		}
	}
	if got := exitCode(&strings.Builder{}, "verify", fault.New(fault.Kind(len(fault.Kinds())), "of a kind that nobody gave a code")); got != 70 {
		t.Errorf("an unknown kind ends with %d", got)
	}
}

// TestEveryOptionHasWords wants each option that a library may recommend in the list of them,
// with a name on the command line whose flags and commands there are.
func TestEveryOptionHasWords(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../fault/option.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		declared++
		if !slices.Contains(fault.Options(), fault.Option(text)) {
			t.Errorf("fault.Options forgets %s", v.Names[0])
		}
		return true
	})
	if declared == 0 || declared != len(words) || declared != len(fault.Options()) {
		t.Errorf("%d options, %d in the list, %d with words", declared, len(fault.Options()), len(words))
	}
	flags, commands := namesOf(t)
	for _, o := range fault.Options() {
		said := words[o]
		if said == "" {
			t.Errorf("option %q has no words", o)
		}
		if rest, ok := strings.CutPrefix(said, "alexctl "); ok && !slices.ContainsFunc(commands, func(c string) bool { return c == rest || strings.HasPrefix(rest, c+" ") }) {
			t.Errorf("%q: there is no such command", said)
		}
		for _, word := range strings.Fields(said) {
			if name, ok := strings.CutPrefix(strings.Trim(word, ","), "--"); ok && !slices.Contains(flags, name) {
				t.Errorf("%q: no command has the flag --%s", said, name)
			}
		}
	}
}

// namesOf returns the flags and the commands that there are.
func namesOf(t *testing.T) (flags, commands []string) {
	t.Helper()
	eachCommand(func(c *cobra.Command) {
		commands = append(commands, strings.TrimPrefix(c.CommandPath(), "alexctl "))
		for _, set := range []*pflag.FlagSet{c.Flags(), c.PersistentFlags()} {
			set.VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
		}
	})
	return flags, commands
}

func eachCommand(visit func(*cobra.Command)) {
	var down func(*cobra.Command)
	down = func(c *cobra.Command) {
		visit(c)
		for _, sub := range c.Commands() {
			down(sub)
		}
	}
	down((&app{}).root())
}

// TestEveryCommandHasAnExample wants one in the help of each command that does something, and
// the command in README's table.
func TestEveryCommandHasAnExample(t *testing.T) {
	readme := readFile(t, "../README.md")
	eachCommand(func(c *cobra.Command) {
		if c.RunE == nil && c.Run == nil || c.Hidden || c.Name() == "alexctl" || c.Name() == "completion" {
			return
		}
		if strings.TrimSpace(c.Example) == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		if !strings.Contains(readme, "| `"+c.CommandPath()) {
			t.Errorf("README's table of commands lacks %s", c.CommandPath())
		}
	})
}

// TestEveryEngineIsMade makes each engine of the table by its name, with each setting known to
// the list in docs/verification.md.
func TestEveryEngineIsMade(t *testing.T) {
	doc := readFile(t, "../docs/verification.md")
	for _, k := range engineKinds() {
		s, err := parseSpec(k.name)
		if err != nil {
			t.Fatal(err)
		}
		engines, err := (&app{}).make(s, engineFlags{}, 1, false)
		if err != nil || len(engines) == 0 {
			t.Fatalf("%s: %v", k.name, err)
		}
		for _, e := range engines {
			if name, _ := engineName(e); name != k.name {
				t.Errorf("the engine %s is made as %s", k.name, name)
			}
		}
		if !strings.Contains(doc, "| `"+k.name) {
			t.Errorf("docs/verification.md lacks the engine %s", k.name)
		}
		for _, key := range k.keys() {
			if !strings.Contains(doc, key) {
				t.Errorf("docs/verification.md lacks %s's setting %s", k.name, key)
			}
		}
	}
	if _, err := (&app{}).make(engineSpec{name: "none"}, engineFlags{}, 1, false); fault.KindOf(err) != fault.Usage {
		t.Errorf("an engine that is not in the table: %v", err)
	}
}

// TestEveryProviderIsMeant asks for two providers where one engine is named: both are meant.
func TestEveryProviderIsMeant(t *testing.T) {
	for engines, want := range map[string]string{
		"ort":                         "ort:cpu ort:cuda",
		"ort:cuda":                    "ort:cuda",
		"ort@opt=off,ort:cpu@opt=all": "ort:cpu ort:cuda ort:cpu",
	} {
		specs, _, err := (&app{}).specs(context.Background(), engineFlags{engines: engines, providers: []string{"cpu", "cuda"}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range specs {
			got = append(got, s.name+":"+s.provider)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("--engine %s --provider cpu,cuda: %v, want %s", engines, got, want)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
