package main_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestDependencies compares the list in docs/dependencies.md with what a program without cgo is
// linked of.
func TestDependencies(t *testing.T) {
	c := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var linked []string
	for module := range strings.FieldsSeq(string(out)) {
		if module != "alexctl" {
			linked = append(linked, module)
		}
	}
	slices.Sort(linked)
	linked = slices.Compact(linked)
	text, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if name, ok := strings.CutPrefix(cells[0], "| "); ok && len(cells) == 2 && strings.Contains(name, ".") {
			listed = append(listed, name)
		}
	}
	slices.Sort(listed)
	if !slices.Equal(linked, listed) {
		t.Errorf("linked\n%s\nlisted\n%s", strings.Join(linked, "\n"), strings.Join(listed, "\n"))
	}
}
