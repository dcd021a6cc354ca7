package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"alexctl/fault"
	"alexctl/internal/table"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
)

// defaultEngineHelp says which engine is used where none is named.
const defaultEngineHelp = "(default: ort where ONNX Runtime is installed, otherwise gorgonia)"

// engineFlags choose engines.
type engineFlags struct {
	engines   string
	providers []string
	device    int
	kernels   string
}

// register adds the flags that choose one engine.
func (f *engineFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.engines, "engine", "", "engine, with settings as for verify: "+strings.Join(engineNames(), ", ")+" "+defaultEngineHelp)
	f.registerOrt(c)
	kernelsFlag(c.Flags(), &f.kernels)
}

// registerOrt adds the flags that choose where ONNX Runtime runs.
func (f *engineFlags) registerOrt(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.providers, "provider", nil, "ONNX Runtime's execution provider: "+strings.Join(ort.Providers(), ", ")+" (default: cpu)")
	c.Flags().IntVar(&f.device, "device", 0, "index of the accelerator")
}

// kernelsFlag registers --kernels.
func kernelsFlag(f *pflag.FlagSet, kernels *string) {
	f.StringVar(kernels, "kernels", "", "kernels of the Gorgonia engine: "+strings.Join(gorgonia.KernelSets, " or ")+" (default: onednn where it is built in)")
}

// engineSpec is an engine as it was named: NAME[:PROVIDER][@KEY=VALUE,...].
type engineSpec struct {
	text     string
	name     string
	provider string
	settings map[string]string
}

// setting is a KEY=VALUE behind an engine, which belongs to it and not to the next.
var setting = regexp.MustCompile(`^[a-z0-9]+=[^@]*$`)

// parseSpecs reads a list such as reference,ort:cpu@opt=all,threads=2,gorgonia.
func parseSpecs(list string) ([]engineSpec, error) {
	var parts []string
	for _, part := range strings.Split(list, ",") {
		if last := len(parts) - 1; setting.MatchString(part) && last >= 0 && strings.Contains(parts[last], "@") {
			parts[last] += "," + part
			continue
		}
		parts = append(parts, part)
	}
	var specs []engineSpec
	for _, part := range parts {
		s, err := parseSpec(part)
		if err != nil {
			return nil, err
		}
		specs = append(specs, s)
	}
	return specs, nil
}

func parseSpec(text string) (engineSpec, error) {
	head, tail, settled := strings.Cut(text, "@")
	s := engineSpec{text: text, settings: map[string]string{}}
	var provided bool
	s.name, s.provider, provided = strings.Cut(head, ":")
	kind, err := table.Find(engineKinds(), "engine", s.name)
	if err != nil {
		return s, usage("--engine: %w", err)
	}
	if provided && s.provider != "cpu" && s.name != "ort" {
		return s, usage("--engine %s: the %s engine runs on the cpu only", text, s.name)
	}
	for _, pair := range strings.Split(tail, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !settled {
			break
		}
		if !ok || !slices.Contains(kind.keys(), key) {
			return s, usage("--engine %s: %q is no setting of %s (settings: %s)", text, pair, s.name, strings.Join(kind.settings, ", "))
		}
		s.settings[key] = value
	}
	return s, nil
}

// specs returns the engines that the flags name; where they name none, the one that is here,
// which is said, and why another is not.
func (a *app) specs(ctx context.Context, f engineFlags) (specs []engineSpec, absent string, err error) {
	for _, p := range f.providers {
		if p == "" {
			return nil, "", usage("--provider is empty: want %s", strings.Join(ort.Providers(), " or "))
		}
	}
	if f.engines != "" {
		specs, err = parseSpecs(f.engines)
	} else if specs = []engineSpec{{name: "ort"}}; f.providers == nil && f.device == 0 && a.ortLib == "" && !libraryNamed() && f.kernels == "" {
		if specs, absent, err = a.whatIsHere(ctx); err == nil && absent != "" {
			_, err = fmt.Fprintf(a.stderr, "%s\n", wrapped("note: the engine is "+specs[0].name+": "+printable(absent), widthOf(a.stderr))) // even with --quiet: another than usual
		}
	}
	if err != nil {
		return nil, "", err
	}
	var each []engineSpec // an engine of ONNX Runtime for each provider
	for _, s := range specs {
		switch {
		case s.name != "ort" && (len(f.providers) > 0 && !slices.Equal(f.providers, []string{"cpu"}) || f.device != 0):
			return nil, "", usage("the %s engine runs on the CPU, not on %q", s.name, strings.Join(f.providers, ","))
		case f.kernels != "" && s.name != "gorgonia":
			return nil, "", usage("--kernels is for --engine gorgonia")
		case f.kernels != "" && !slices.Contains(gorgonia.KernelSets, f.kernels):
			return nil, "", usage("unknown kernels %q: want %s", f.kernels, strings.Join(gorgonia.KernelSets, " or "))
		case f.kernels != "":
			s = s.with("kernels", f.kernels)
		}
		if s.name != "ort" || s.provider != "" || len(f.providers) == 0 {
			each = append(each, s)
			continue
		}
		for _, s.provider = range f.providers {
			each = append(each, s)
		}
	}
	return each, absent, nil
}

// with returns the engine with a setting, unless it has it.
func (s engineSpec) with(key, value string) engineSpec {
	if s.settings[key] == "" {
		settings := map[string]string{key: value}
		for k, v := range s.settings {
			settings[k] = v
		}
		s.settings = settings
	}
	return s
}

// whatIsHere returns ONNX Runtime where it can be used, and otherwise Gorgonia with the reason.
func (a *app) whatIsHere(ctx context.Context) ([]engineSpec, string, error) {
	e, err := a.ort(ort.Config{})
	if err != nil {
		return nil, "", err
	}
	err = e.Check(ctx)
	switch {
	case err == nil:
		return []engineSpec{{name: "ort"}}, "", nil
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	}
	return []engineSpec{{name: "gorgonia"}}, fmt.Sprintf("ONNX Runtime is not used: %s (to install it: alexctl setup)", reasonOf(err)), nil
}

// reasonOf is why an engine cannot be used, without its name.
func reasonOf(err error) string {
	var unavailable *runtime.UnavailableError
	if errors.As(err, &unavailable) {
		return unavailable.Reason
	}
	return err.Error()
}

// libraryNamed reports whether the environment names a library that is to be used: then another
// engine does not take its place in silence. A program without cgo has no use for one.
func libraryNamed() bool { return ort.Cgo && os.Getenv(ort.LibraryEnv) != "" }

// engine returns the one engine that the flags choose. threads is how many one run computes
// with, 0 for --threads.
func (a *app) engine(ctx context.Context, f engineFlags, threads int) (runtime.Engine, error) {
	specs, _, err := a.specs(ctx, f)
	if err != nil {
		return nil, err
	}
	if len(specs) != 1 {
		return nil, usage("--engine %s: name one engine and one provider", f.engines)
	}
	if threads == 0 {
		threads = a.threads
	}
	engines, err := a.make(specs[0].with("opt", "all"), f, threads, false)
	if err != nil {
		return nil, err
	}
	return engines[0], nil
}

// engineName is what JSON calls an engine, and the provider, which only ONNX Runtime has.
func engineName(e runtime.Engine) (name, provider string) {
	name, _, _ = strings.Cut(e.Name(), ":")
	if o, ok := e.(*ort.Engine); ok {
		provider = o.Provider()
	}
	return name, provider
}

// verifyThreads is how many threads an engine computes with in a comparison: one, unless
// --threads says otherwise, so that the order of sums depends on nothing but the model.
func (a *app) verifyThreads() int { return max(1, a.threads) }

// compared returns the engines that verify compares with the reference, ONNX Runtime with its
// graph optimizations off and on, and what is not compared because it is not here.
func (a *app) compared(ctx context.Context, f engineFlags) (engines []runtime.Engine, absent string, err error) {
	specs, absent, err := a.specs(ctx, f)
	if err != nil {
		return nil, "", err
	}
	for _, s := range specs {
		more, err := a.make(s, f, a.verifyThreads(), true)
		if err != nil {
			return nil, "", err
		}
		engines = append(engines, more...)
	}
	return engines, absent, nil
}

// make returns the engines of a name with settings: two for ONNX Runtime without opt.
func (a *app) make(s engineSpec, f engineFlags, threads int, record bool) (_ []runtime.Engine, err error) {
	defer func() {
		if fault.Default(&err, fault.Usage); err != nil && s.text != "" {
			err = fault.New(fault.KindOf(err), "--engine %s: %w", s.text, err)
		}
	}()
	kind, err := table.Find(engineKinds(), "engine", s.name)
	if err != nil {
		return nil, err
	}
	settings := &settingReader{provider: s.provider, values: s.settings}
	engines, err := kind.make(a, settings, f, threads, record)
	if settings.err != nil {
		return nil, settings.err
	}
	return engines, err
}

func (a *app) ort(c ort.Config) (*ort.Engine, error) {
	c.Library, c.HostMemory = a.ortLib, a.memory()
	if program, err := os.Executable(); err == nil {
		c.Probe = func(library string) []string {
			return []string{program, "doctor", "--probe", c.Provider, "--device", strconv.Itoa(c.Device), "--ort-lib", library}
		}
	}
	return ort.New(c)
}

// parseDims reads NAME=N pairs.
func parseDims(list []string) (map[string]int64, error) {
	out := map[string]int64{}
	for _, s := range list {
		name, number, ok := strings.Cut(s, "=")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || !ok || name == "" || n < 1 {
			return nil, usage("--dim %q: want NAME=N", s)
		}
		out[name] = n
	}
	return out, nil
}

// absentNote says in a report which engine was not there.
func absentNote(absent string) []string {
	if absent == "" {
		return nil
	}
	return []string{fmt.Sprintf("ort: %s", absent)}
}
