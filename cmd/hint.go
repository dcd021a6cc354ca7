package cmd

import (
	"strings"

	"alexctl/fault"
)

// words are what the options that libraries recommend are called here.
var words = map[fault.Option]string{
	fault.Activation:   "--activation",
	fault.Against:      "alexctl verify MODEL --against OTHER",
	fault.Augment:      "--augment",
	fault.Batch:        "--batch",
	fault.Check:        "alexctl check",
	fault.ClassMap:     "--class-map",
	fault.Clip:         "--clip",
	fault.Data:         "--data",
	fault.DataDir:      "--data-dir",
	fault.Device:       "--device",
	fault.Dims:         "--dim",
	fault.Doctor:       "alexctl doctor",
	fault.ExternalData: "--external-data",
	fault.Fetch:        "alexctl data fetch",
	fault.Force:        "--force",
	fault.From:         "alexctl setup --from FILE",
	fault.Images:       "--images",
	fault.Init:         "--init",
	fault.Inputs:       "--inputs",
	fault.Layout:       "--layout",
	fault.LR:           "--lr",
	fault.MaxMemory:    "--max-memory",
	fault.MaxPixels:    "--max-pixels",
	fault.Optimizer:    "--optimizer",
	fault.OrtLibrary:   "--ort-lib",
	fault.Output:       "--output",
	fault.Preprocess:   "--preprocess",
	fault.ReplaceHead:  "--replace-head",
	fault.Resume:       "alexctl train --resume",
	fault.RunFolder:    "--run",
	fault.Setup:        "alexctl setup",
	fault.SetupCUDA:    "alexctl setup --cuda",
	fault.ValueRange:   "--value-range",
	fault.Variant:      "--variant",
}

// wordsOf are those that a command calls something else.
var wordsOf = map[string]map[fault.Option]string{
	"train": {fault.Output: "--scores"}, // --output is the file there
}

// hint writes what to do as flags and commands, as the command at hand knows them.
func hint(command string, h fault.Hint) string {
	if h.Option == "" {
		return h.Text
	}
	s, other := wordsOf[command][h.Option]
	if !other {
		s = words[h.Option]
	}
	if h.Value != "" {
		value := h.Value
		if h.Option == fault.Resume || h.Option == fault.Fetch {
			value = shellWord(value)
		}
		s += " " + value
	}
	return strings.TrimSpace(s + ": " + h.Text)
}

// hintsOf writes all of them in one line.
func hintsOf(command string, list []fault.Hint) string {
	var lines []string
	for _, h := range list {
		lines = append(lines, hint(command, h))
	}
	return strings.Join(lines, "; ")
}
