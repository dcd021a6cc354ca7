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
	fault.Optimizer:    "--optimizer",
	fault.OrtLibrary:   "--ort-lib",
	fault.Output:       "--output, or for train --scores,",
	fault.Preprocess:   "--preprocess",
	fault.ReplaceHead:  "--replace-head",
	fault.Resume:       "alexctl train --resume",
	fault.RunFolder:    "--run",
	fault.Setup:        "alexctl setup",
	fault.SetupCUDA:    "alexctl setup --cuda",
	fault.ValueRange:   "--value-range",
	fault.Variant:      "--variant",
}

// hint writes what to do as flags and commands.
func hint(h fault.Hint) string {
	if h.Option == "" {
		return h.Text
	}
	s := words[h.Option]
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
func hintsOf(list []fault.Hint) string {
	var lines []string
	for _, h := range list {
		lines = append(lines, hint(h))
	}
	return strings.Join(lines, "; ")
}
