package cmd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"alexctl/builder"
	"alexctl/onnx"
	"alexctl/runtime"
)

type inferOptions struct {
	engineFlags
	model      string
	top        int
	batch      int
	labels     string
	preprocess string
}

func (a *app) inferCommand() *cobra.Command {
	var o inferOptions
	c := &cobra.Command{
		Use:   "infer IMAGE|FOLDER|-...",
		Short: "Classify images",
		Long: `Classify images: JPEG, PNG, GIF, BMP, WebP or TIFF files, folders of them, or - for
the standard input. Images are preprocessed as the model's metadata says, or as
--preprocess says; a softmax is applied if the model does not end in one. A broken
image is reported, the others are still classified, and the exit code is 4.`,
		Example: `  alexctl infer image.png
  alexctl infer --model resnet.onnx --preprocess imagenet --labels imagenet.txt photos/
  alexctl infer --json photos/ > predictions.jsonl`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("no image named: alexctl infer IMAGE|FOLDER|-...")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.infer(c.Context(), args, o) },
	}
	o.register(c)
	f := c.Flags()
	f.StringVarP(&o.model, "model", "m", defaultModel, "the model")
	f.IntVarP(&o.top, "top", "k", 5, "how many classes to show")
	f.IntVar(&o.batch, "batch", 16, "how many images to run at once")
	f.StringVar(&o.labels, "labels", "", "file with one label a line (default: the model's own)")
	f.StringVar(&o.preprocess, "preprocess", "", "imagenet, plain, caffe or a JSON spec (default: the model's own)")
	return c
}

func (a *app) infer(ctx context.Context, args []string, o inferOptions) (err error) {
	if o.provider == "" {
		return usage("--provider is empty: want cpu or cuda")
	}
	if o.top < 1 || o.batch < 1 || o.batch > maxBatch {
		return usage("--top must be at least 1 and --batch 1 to %d", maxBatch)
	}
	if _, err := a.engine(o.engineFlags); err != nil {
		return err
	}
	var named []string
	if o.model != defaultModel {
		named = []string{o.model}
	}
	m, _, err := openSound(named)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	p, err := newPredictor(m, o.preprocess)
	if err != nil {
		return err
	}
	labels, err := inferLabels(m, o.labels)
	if err != nil {
		return err
	}
	files, err := imageFiles(args)
	if err != nil {
		return err
	}
	size := p.batchSize(o.batch)
	engine, workers, err := a.inferEngine(o, (len(files)+size-1)/size)
	if err != nil {
		return err
	}
	if err := engine.Check(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	run := newInference(a, p, labels, o, workers)
	results := run.start(ctx, files) // the first images are read while the model loads
	session, err := engine.Prepare(ctx, m)
	if err != nil {
		return prepareFailure(ctx, err)
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	a.warnUntrained(m)
	run.ready(session)
	if err := run.print(ctx, results, len(files)); err != nil {
		return err
	}
	a.next("alexctl verify %s --images %s", shellWord(o.model), shellWord(files[0]))
	return nil
}

// inferEngine returns the engine and how many batches to run at once. Many images are
// classified fastest by ONNX Runtime when each processor runs a batch of its own; a
// single batch when all of them share it.
func (a *app) inferEngine(o inferOptions, batches int) (runtime.Engine, int, error) {
	f := o.engineFlags
	if f.engine == "ort" && f.provider == "cpu" && batches > 1 {
		workers := min(goruntime.GOMAXPROCS(0), batches)
		f.threads = 1
		e, err := a.engine(f)
		return e, workers, err
	}
	e, err := a.engine(f)
	return e, 1, err
}

// prepareFailure gives a model that an engine refuses its exit code.
func prepareFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return invalid(err)
}

func inferLabels(m *onnx.Model, file string) ([]string, error) {
	if file != "" {
		return readLabels(file)
	}
	labels, err := builder.Labels(m)
	if err != nil {
		return nil, invalid(err)
	}
	return labels, nil
}

// imageExtensions are the names that are taken for images in a folder.
var imageExtensions = []string{".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"}

// imageFiles returns the files named and the images in the folders named, in order.
func imageFiles(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if arg == "-" || err != nil || !info.IsDir() {
			files = append(files, arg) // one that is missing is reported when it is read
			continue
		}
		before := len(files)
		// The separator makes it follow a link to a folder.
		err = filepath.WalkDir(arg+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !d.IsDir() && slices.Contains(imageExtensions, strings.ToLower(filepath.Ext(path))) {
				files = append(files, filepath.Clean(path))
			}
			return nil
		})
		if err != nil {
			return nil, invalid(err)
		}
		if len(files) == before {
			files = append(files, arg) // reported when it is read
		}
	}
	return files, nil
}
