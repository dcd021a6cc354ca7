package cmd

import (
	"context"
	"os/exec"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
)

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Show what is installed, what is missing and how to get it",
		Long: `Show which engines and providers can be used here and what the others lack. The exit
code is 0 where ONNX Runtime works on the CPU, otherwise 3.`,
		Example: `  alexctl doctor`,
		Args:    atMost(0),
		RunE:    func(c *cobra.Command, _ []string) error { return a.doctor(c.Context()) },
	}
}

// finding is one line of doctor's result.
type finding struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Needed bool   `json:"needed"` // whether alexctl's main job needs it
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// diagnosis is the JSON result of doctor.
type diagnosis struct {
	OK       bool      `json:"ok"`
	Findings []finding `json:"findings"`
}

func (a *app) doctor(ctx context.Context) error {
	d := diagnosis{OK: true}
	add := func(f finding) {
		d.Findings = append(d.Findings, f)
		d.OK = d.OK && (f.OK || !f.Needed)
	}
	add(finding{What: "alexctl", OK: true, Detail: buildDescription()})
	add(a.findLibrary())
	add(a.findProvider(ctx, "cpu", true))
	add(a.findProvider(ctx, "cuda", false))
	add(findNPM())
	add(findKernels())
	var err error
	if a.json {
		err = a.printJSON(d)
	} else {
		err = a.printDiagnosis(d)
	}
	if err != nil {
		return err
	}
	if !d.OK {
		return silent(exitEnvironment)
	}
	a.next("alexctl build --input 227 -o %s", defaultModel)
	return nil
}

func (a *app) findLibrary() finding {
	f := finding{What: "ONNX Runtime", Needed: true}
	if !ort.Cgo {
		f.Detail, f.Hint = "this alexctl was built without cgo and cannot load it", "build it with CGO_ENABLED=1 and a C compiler"
		return f
	}
	l, err := ort.FindLibrary(a.ortLib)
	if err != nil {
		f.Detail, f.Hint = err.Error(), "run: alexctl setup"
		return f
	}
	version, err := ort.LibraryVersion(l)
	if err != nil {
		f.Detail, f.Hint = err.Error(), "run: alexctl setup"
		return f
	}
	sum, err := l.SHA256()
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	f.OK = true
	if core, err := ort.CorePackage(); err == nil && l.FoundBy == "alexctl setup" && sum != core.Files[0].SHA256 {
		f.OK, f.Hint = false, "the file is not the one that was installed; run: alexctl setup"
	}
	f.Detail = "version " + version + ", " + l.Path + " (found by: " + l.FoundBy + "), sha256 " + sum[:16] + "..."
	return f
}

func (a *app) findProvider(ctx context.Context, name string, needed bool) finding {
	f := finding{What: "provider " + name, Needed: needed}
	e, err := a.ort(ort.Config{Provider: name})
	if err == nil {
		err = e.Check(ctx)
	}
	if err != nil {
		f.Detail = err.Error()
		if name == "cuda" {
			f.Hint = "with an NVIDIA GPU, CUDA 13 and cuDNN 9 run: alexctl setup --cuda"
		}
		return f
	}
	f.OK, f.Detail = true, "usable"
	if name == "cuda" {
		if missing := ort.CUDAMissing(); len(missing) > 0 {
			f.OK, f.Detail = false, "installed, but cannot be loaded: no "+strings.Join(missing, ", ")
			f.Hint = "install the NVIDIA driver, CUDA 13 and cuDNN 9"
			return f
		}
		f.Detail = "installed, and its libraries can be loaded; a device is tried when a model is"
	}
	return f
}

// findKernels says what computes when a model is trained, and whether it could be faster.
func findKernels() finding {
	f := finding{What: "training kernels", OK: true, Hint: gorgonia.FasterKernels()}
	f.Detail = strings.TrimPrefix(gorgonia.Engine{}.Settings(), "kernels=")
	if f.Hint != "" {
		f.Hint = "faster ones: " + f.Hint
		return f
	}
	bf16, err := gorgonia.Kernels{Precision: "bf16"}.Name()
	if err != nil {
		bf16 = "no"
	}
	f.Detail += ", bfloat16: " + bf16
	return f
}

func findNPM() finding {
	f := finding{What: "npm"}
	path, err := exec.LookPath("npm")
	if err != nil {
		f.Detail, f.Hint = "not installed; alexctl setup fetches ONNX Runtime with it", "install Node.js, or use: alexctl setup --from FILE"
		return f
	}
	f.OK, f.Detail = true, path
	return f
}

func (a *app) printDiagnosis(d diagnosis) error {
	t := newTable(table.Row{"", "what", "detail"})
	for _, f := range d.Findings {
		mark := "ok"
		if !f.OK {
			mark = "missing"
		}
		detail := f.Detail
		if f.Hint != "" {
			detail += "\n" + f.Hint
		}
		t.AppendRow(table.Row{mark, f.What, detail})
	}
	return a.printTable(t)
}
