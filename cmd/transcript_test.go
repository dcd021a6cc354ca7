package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shapes replace what differs from run to run and from machine to machine.
var shapes = []struct {
	of *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`kernels=\S+`), "kernels=K"},
	{regexp.MustCompile(`^ +[0-9.]+%  .*`), "P%"},
	{regexp.MustCompile(`\b[0-9a-f]{16,64}\b`), "H"},
	{regexp.MustCompile(`[0-9]+(m[0-9]+)?s left`), "T left"},
	{regexp.MustCompile(`[0-9][0-9,.]*(e[-+]?[0-9]+)?`), "N"},
	{regexp.MustCompile(`─+`), "-"},
	{regexp.MustCompile(` +`), " "},
}

func shapeOf(line string) string {
	for _, s := range shapes {
		line = s.of.ReplaceAllString(line, s.by)
	}
	return strings.TrimSpace(line)
}

// TestTranscripts runs the commands that README.md shows with what they print, and wants every
// line of it in what they print now, in order and but for the numbers.
func TestTranscripts(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains")
	}
	needsORT(t)
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	testdata, err := filepath.Abs("../testdata")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(testdata, filepath.Join(dir, "testdata")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".demo"), 0o755); err != nil {
		t.Fatal(err)
	}
	commands, output := 0, []string{}
	within := false
	for line := range strings.Lines(string(readme)) {
		line = strings.TrimRight(line, "\n")
		command, runs := strings.CutPrefix(line, "$ ./")
		switch {
		case strings.HasPrefix(line, "```"):
			within, output = false, nil
		case runs:
			commands++
			code, out := shell(t, dir, os.Environ(), command)
			if code != 0 {
				t.Fatalf("%s: exit code %d\n%s", command, code, out)
			}
			within, output = true, strings.Split(out, "\n")
		case !within || strings.TrimSpace(line) == "" || strings.TrimSpace(line) == "...":
		default:
			found := false
			for i, got := range output {
				if shapeOf(got) == shapeOf(line) {
					found, output = true, output[i+1:]
					break
				}
			}
			if !found {
				t.Errorf("README.md shows a line that is not printed: %s", line)
			}
		}
	}
	if commands < 5 {
		t.Errorf("%d commands in the transcripts", commands)
	}
}
