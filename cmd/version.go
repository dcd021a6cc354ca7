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
		Args:    atMost(0),
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.printJSON(map[string]any{
					"version": version, "go": goruntime.Version(), "platform": goruntime.GOOS + "/" + goruntime.GOARCH,
					"revision": revision(), "cgo": ort.Cgo, "onnxruntime": ort.Version,
					"opset_read": []int{op.MinOpset, op.MaxOpset}, "opset_written": []int{builder.MinOpset, builder.MaxOpset},
				})
			}
			return a.print("alexctl %s\nreads opsets %d to %d, writes %d to %d, wants ONNX Runtime %s\n", buildDescription(),
				op.MinOpset, op.MaxOpset, builder.MinOpset, builder.MaxOpset, ort.Version)
		},
	}
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
