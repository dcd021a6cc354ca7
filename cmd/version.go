package cmd

import (
	"fmt"
	goruntime "runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"alexctl/builder"
	"alexctl/onnx/op"
	"alexctl/runtime/ort"
)

// version is this program's version.
const version = "0.1.0"

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version",
		Long:    "Show the version of alexctl and of what it was built with.",
		Example: `  alexctl version`,
		Args:    noArguments,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.printJSON(versions{
					Version: version, Go: goruntime.Version(), Platform: goruntime.GOOS + "/" + goruntime.GOARCH,
					Revision: revision(), Cgo: ort.Cgo, ORT: ort.Version,
					OpsetRead: [2]int{op.MinOpset, op.MaxOpset}, OpsetWritten: [2]int{builder.MinOpset, builder.MaxOpset},
				})
			}
			return a.print("alexctl %s\nreads opsets %d to %d, writes %d to %d, wants ONNX Runtime %s\n", buildDescription(),
				op.MinOpset, op.MaxOpset, builder.MinOpset, builder.MaxOpset, ort.Version)
		},
	}
}

// versions is the JSON result of version.
type versions struct {
	Version      string `json:"version"`
	Go           string `json:"go"`
	Platform     string `json:"platform"`
	Revision     string `json:"revision"`
	Cgo          bool   `json:"cgo"`
	ORT          string `json:"onnxruntime"`   // that setup installs
	OpsetRead    [2]int `json:"opset_read"`    // from, to
	OpsetWritten [2]int `json:"opset_written"` // from, to
}

func buildDescription() string {
	cgo := "with cgo"
	if !ort.Cgo {
		cgo = "without cgo"
	}
	s := fmt.Sprintf("%s, %s, %s/%s, %s", version, goruntime.Version(), goruntime.GOOS, goruntime.GOARCH, cgo)
	if r := revision(); r != "" {
		s += ", revision " + r
	}
	return s
}

// revision returns the source revision that the Go toolchain recorded, or "".
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return ""
}
