// Command layers draws the packages of this module and their imports, in the order of the
// layers, into ARCHITECTURE.md, and refuses an arrow that points up.
//
//	go run ./scripts/layers          write the drawing
//	go run ./scripts/layers -check   fail where it is not what the imports are
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// layers are the packages from the top down: each may import those below it.
var layers = []string{
	"cmd/alexctl", "cmd", "bench/gpu", "bench/models", "bench", "verify/report", "export", "classify", "diff", "run", "train", "verify", "verify/judge",
	"runtime/ort", "runtime/gorgonia", "runtime/onnxgo", "runtime/runtimetest", "runtime/reference", "runtime",
	"kernel/onednn", "kernel/kerneltest", "kernel", "kernel/gemm", "kernel/vector",
	"data", "internal/hashed", "builder", "signature", "onnx/pass", "card", "onnx/op", "onnx", "preprocess", "preprocess/turbojpeg",
	"internal/beside", "internal/cache", "internal/digest", "internal/machine", "internal/table", "internal/nearest", "internal/npy", "internal/pickle", "internal/regular", "internal/scratch", "internal/splitmix", "testdata/sample", "fault",
}

// apart are programs that stand beside the house.
var apart = []string{"testdata/sample/make", "scripts/fuzzcli", "scripts/layers", "scripts/man"}

const (
	module = "alexctl/"
	file   = "ARCHITECTURE.md"
	begin  = "<!-- layers: go run ./scripts/layers -->\n"
	end    = "<!-- end of layers -->\n"
)

func main() {
	check := flag.Bool("check", false, "fail where the drawing in "+file+" is stale")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "layers:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	drawing, err := draw()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(text), begin)
	old, tail, closed := strings.Cut(rest, end)
	switch {
	case !ok || !closed:
		return fmt.Errorf("%s has no place for the drawing", file)
	case old == drawing:
		return nil
	case check:
		return fmt.Errorf("the drawing in %s is stale: go run ./scripts/layers", file)
	}
	return os.WriteFile(file, []byte(head+begin+drawing+end+tail), 0o644)
}

// draw returns the drawing, or what is wrong with the imports.
func draw() (string, error) {
	list := exec.Command("go", "list", "-tags=onednn", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	list.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=1", "GOOS=linux", "GOARCH=amd64") // the same drawing everywhere
	out, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name := strings.TrimPrefix(words[0], module)
		if slices.Contains(apart, name) {
			continue
		}
		at := slices.Index(layers, name)
		if at < 0 {
			return "", fmt.Errorf("package %s has no place in the layers", name)
		}
		imports[name] = nil
		for _, w := range words[1:] {
			below, ours := strings.CutPrefix(w, module)
			if !ours {
				continue
			}
			if !slices.Contains(layers, below) {
				return "", fmt.Errorf("package %s, which %s imports, has no place in the layers", below, name)
			}
			if slices.Index(layers, below) <= at {
				return "", fmt.Errorf("%s imports %s, which is not below it", name, below)
			}
			imports[name] = append(imports[name], below)
		}
	}
	var b strings.Builder
	b.WriteString("```\n")
	for _, name := range layers {
		list, ok := imports[name]
		if !ok {
			continue
		}
		slices.SortFunc(list, func(a, b string) int { return slices.Index(layers, a) - slices.Index(layers, b) })
		fmt.Fprintf(&b, "%s\n", strings.TrimRight(fmt.Sprintf("%-20s %s", name, strings.Join(list, " ")), " "))
	}
	b.WriteString("```\n")
	return b.String(), nil
}
