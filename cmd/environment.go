package cmd

import (
	"fmt"
	goruntime "runtime"
	"strings"

	"golang.org/x/sys/cpu"

	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/verify"
)

// commandLine is how the command was called.
func (a *app) commandLine() string {
	words := []string{"alexctl"}
	for _, w := range a.args {
		if !strings.HasPrefix(w, "-") || shellWord(w) != "./"+w {
			w = shellWord(w) // flags stay as they are
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

// commandWith is the command as it was called, with more words.
func (a *app) commandWith(more string) string { return a.commandLine() + " " + more }

// environment says what a comparison was made with.
func (a *app) environment() []verify.Fact {
	facts := []verify.Fact{
		{Name: "alexctl", Value: buildDescription()},
		{Name: "system", Value: fmt.Sprintf("%s/%s, %d processors, %s", goruntime.GOOS, goruntime.GOARCH, goruntime.NumCPU(), instructions())},
		{Name: "Gorgonia's kernels", Value: strings.TrimPrefix(gorgonia.Engine{}.Settings(), "kernels=")},
	}
	l, err := ort.FindLibrary(a.ortLib)
	if err != nil {
		return facts
	}
	version, err := ort.LibraryVersion(l)
	if err != nil {
		return append(facts, verify.Fact{Name: "ONNX Runtime", Value: err.Error()})
	}
	value := version + ", found by " + l.FoundBy
	if sum, err := l.SHA256(); err == nil {
		value += ", sha256 " + sum
	}
	return append(facts, verify.Fact{Name: "ONNX Runtime", Value: value})
}

// instructions are the vectors that the processor has.
func instructions() string {
	switch {
	case cpu.X86.HasAVX512F:
		return "AVX-512"
	case cpu.X86.HasAVX2:
		return "AVX2"
	}
	return "no AVX2"
}
