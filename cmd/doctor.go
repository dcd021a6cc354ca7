package cmd

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alexctl/fault"
	"alexctl/preprocess/turbojpeg"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
)

func (a *app) doctorCommand() *cobra.Command {
	var probe string
	var device int
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Show what is installed, what is missing and how to get it",
		Long: `Show which engines and providers can be used here and what the others lack. CUDA is
tried in a process of its own, because libraries that do not match each other crash the process that
loads them. The exit code is 0 where ONNX Runtime works on the CPU, otherwise 3.`,
		Example: `  alexctl doctor`,
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if probe != "" {
				return a.probe(c.Context(), probe, device)
			}
			return a.doctor(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&probe, "probe", "", "try one provider in this process and print the result as JSON")
	f.IntVar(&device, "device", 0, "index of the accelerator for --probe")
	for _, name := range []string{"probe", "device"} { // what the other process is called with
		if err := f.MarkHidden(name); err != nil {
			panic(err) // the flag is the one above
		}
	}
	return c
}

// probe tries a provider in this process, which it may end.
func (a *app) probe(ctx context.Context, provider string, device int) error {
	e, err := a.ort(ort.Config{Provider: provider, Device: device})
	if err != nil {
		return err
	}
	r := ort.ProbeResult{OK: true}
	if err := e.Probe(ctx); err != nil {
		r = ort.ProbeResult{Reason: err.Error()}
		var unavailable *runtime.UnavailableError
		if errors.As(err, &unavailable) {
			r.Reason = unavailable.Reason
		}
	}
	if err := a.printJSON(r); err != nil {
		return err
	}
	if !r.OK {
		return reported{fault.Environment}
	}
	return nil
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
	for _, f := range a.findCUDA(ctx) {
		add(f)
	}
	add(findTelemetry())
	add(findRegistry())
	add(findKernels())
	add(findDecoder())
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
		return reported{fault.Environment}
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
	repair := "run: alexctl setup"
	switch {
	case a.ortLib != "":
		repair = "--ort-lib: name a library that works, or leave it out"
	case os.Getenv(ort.LibraryEnv) != "":
		repair = "unset " + ort.LibraryEnv + ", or let it name a library that works"
	}
	l, err := ort.FindLibrary(a.ortLib)
	if err != nil {
		f.Detail, f.Hint = err.Error(), repair
		return f
	}
	version, err := ort.LibraryVersion(l)
	if err != nil {
		f.Detail, f.Hint = err.Error(), repair
		return f
	}
	sum, err := l.SHA256()
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	f.OK = true
	if core, err := ort.CorePackage(); err == nil && l.FoundBy == ort.FoundInstalled && sum != core.Files[0].SHA256 {
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
		f.Detail, f.Hint = err.Error(), hintsOf("doctor", fault.Hints(err))
		return f
	}
	f.OK, f.Detail = true, "usable"
	return f
}

// findCUDA looks at each piece that the CUDA provider needs, and tries it when all are there.
func (a *app) findCUDA(ctx context.Context) []finding {
	var list []finding
	for _, p := range ort.CUDAPieces(a.ortLib) {
		list = append(list, finding{What: "cuda: " + p.Name, OK: p.OK, Detail: p.Detail, Hint: hintsOf("doctor", p.Help)})
		if !p.OK && p.First {
			return list // nothing is known of the others without it
		}
	}
	for _, f := range list {
		if !f.OK {
			return append(list, finding{What: "provider cuda", Detail: "not tried: " + f.What + " is missing"})
		}
	}
	return append(list, a.findProvider(ctx, "cuda", false))
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

// findDecoder says what decodes JPEGs.
func findDecoder() finding {
	f := finding{What: "JPEG decoder", OK: true, Detail: "libjpeg-turbo"}
	if err := turbojpeg.Available(); err != nil {
		f.Detail, f.Hint = "Go's: "+err.Error(), "five times faster, and the pixels of Pillow: install libturbojpeg0 (Debian) or turbojpeg (Fedora)"
	}
	return f
}

// findTelemetry says whether ONNX Runtime may report to its maker.
func findTelemetry() finding {
	f := finding{What: "telemetry", OK: true, Detail: "off: ONNX Runtime is loaded with " + ort.TelemetryEnv + "=1"}
	if ort.Telemetry() {
		f.Detail, f.Hint = "on: ONNX Runtime may report to its maker", "leave out --allow-telemetry, and unset "+ort.TelemetryEnv
	}
	return f
}

// findRegistry says where setup would fetch from.
func findRegistry() finding {
	f := finding{What: "registry"}
	if f.Detail, f.OK = ort.Registry(); !f.OK {
		f.Detail, f.Hint = "the registry that npm is configured for is no http or https address", "name another in NPM_CONFIG_REGISTRY"
		return f
	}
	if f.Detail != "" {
		return f
	}
	path, err := exec.LookPath("npm")
	if f.Detail = "as npm says: " + path; err != nil {
		f.OK, f.Detail = false, "none is named, and npm is not installed; alexctl setup fetches from it"
		f.Hint = "name it in NPM_CONFIG_REGISTRY, install Node.js, or use: alexctl setup --from FILE"
	}
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
