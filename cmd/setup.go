package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"alexctl/fault"
	"alexctl/internal/cache"
	"alexctl/internal/regular"
	"alexctl/runtime/ort"
)

type setupOptions struct {
	from     string
	cuda     bool
	cudaFrom string
}

func (a *app) setupCommand() *cobra.Command {
	var o setupOptions
	c := &cobra.Command{
		Use:   "setup",
		Short: "Install ONNX Runtime for this user",
		Long: fmt.Sprintf(`Install ONNX Runtime %s into this user's cache folder, from npm's package
onnxruntime-node, whose digest is pinned. No code of the package is run. An existing
installation is kept, and what an interrupted call leaves behind is removed by the next.

The package is fetched over HTTPS from the registry that npm is configured for: by the
environment variable NPM_CONFIG_REGISTRY, by an .npmrc, or as npm says; where that does
not do, by npm. Without either, fetch the package elsewhere (npm pack
onnxruntime-node@%s) and give the file with --from, or use --engine gorgonia, which needs
nothing.`, ort.Version, ort.Version),
		Example: `  alexctl setup
  alexctl setup --from onnxruntime-node-` + ort.Version + `.tgz
  alexctl setup --cuda`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.setup(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "a tarball of the npm package, instead of npm")
	f.BoolVar(&o.cuda, "cuda", false, "also install the CUDA execution provider (Linux on x86-64)")
	f.StringVar(&o.cudaFrom, "cuda-from", "", "a tarball of the CUDA provider's npm package, instead of npm")
	return c
}

// installed is the JSON result of setup.
type installed struct {
	Version string   `json:"version"`
	Dir     string   `json:"dir"`
	Files   []string `json:"files"`
	Fetched bool     `json:"fetched"` // false where everything was there already
}

func (a *app) setup(ctx context.Context, o setupOptions) error {
	dir, err := ort.CacheDir()
	if err != nil {
		return fault.As(fault.Environment, err)
	}
	if folder, temporary, err := cache.Dir(); err == nil && temporary {
		a.say("note: this user has no home folder, so %s is used, which may be gone tomorrow (%s names another)", folder, cache.Env)
	}
	core, err := ort.CorePackage()
	if err != nil {
		return fault.As(fault.Environment, err)
	}
	r := installed{Version: ort.Version, Dir: dir}
	if err := a.install(ctx, core, dir, o.from, &r); err != nil {
		return err
	}
	if o.cuda || o.cudaFrom != "" {
		cuda, err := ort.CUDAPackage()
		if err != nil {
			return err
		}
		if err := a.install(ctx, cuda, dir, o.cudaFrom, &r); err != nil {
			return err
		}
	}
	if a.json {
		err = a.printJSON(r)
	} else {
		err = a.print("ONNX Runtime %s is in %s\n", r.Version, r.Dir)
	}
	a.next("alexctl doctor")
	return err
}

func (a *app) install(ctx context.Context, p ort.Package, dir, from string, r *installed) error {
	for _, f := range p.Files {
		r.Files = append(r.Files, f.Name())
	}
	if from != "" { // also where it would not be read
		f, err := regular.Open(from)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			return fault.As(fault.Invalid, err)
		}
	}
	if p.Installed(dir) {
		if from != "" {
			a.say("note: %s is installed already, so %s is not used", p.Purpose, from)
		}
		return nil
	}
	r.Fetched = true
	return p.Install(ctx, dir, from, quietWriter{a})
}

// quietWriter is stderr, unless --quiet.
type quietWriter struct{ a *app }

func (w quietWriter) Write(p []byte) (int, error) {
	if w.a.quiet {
		return len(p), nil
	}
	return w.a.stderr.Write(p)
}
