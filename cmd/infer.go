package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// inferred is one line of infer's JSON result.
type inferred struct {
	Image       string       `json:"image"`
	Predictions []prediction `json:"predictions"`
	Engine      string       `json:"engine"`
	Provider    string       `json:"provider"`
}

type inferredError struct {
	Image string `json:"image"`
	Error string `json:"error"`
}

func (a *app) infer(ctx context.Context, args []string, o inferOptions) (err error) {
	if o.top < 1 || o.batch < 1 || o.batch > maxBatch {
		return usage("--top must be at least 1 and --batch 1 to %d", maxBatch)
	}
	engine, err := a.engine(o.engineFlags)
	if err != nil {
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
	if err := engine.Check(ctx); err != nil {
		return err
	}
	session, err := engine.Prepare(ctx, m)
	if err != nil {
		return prepareFailure(ctx, err)
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	a.warnUntrained(m)
	run := &inference{app: a, predictor: p, session: session, labels: labels, options: o, engine: o.engine}
	if o.engine == "ort" {
		run.provider = o.provider
	}
	return run.all(ctx, files)
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
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !d.IsDir() && slices.Contains(imageExtensions, strings.ToLower(filepath.Ext(path))) {
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return nil, invalid(err)
		}
		if len(files) == before {
			return nil, invalid(fmt.Errorf("%s holds no images (%s)", arg, strings.Join(imageExtensions, ", ")))
		}
	}
	return files, nil
}

// inference classifies files in order: while one batch runs, the next decodes.
type inference struct {
	app       *app
	predictor *predictor
	session   runtime.Session
	labels    []string
	options   inferOptions
	engine    string
	provider  string
	failed    int
}

// decoded is an image that was read, or why it could not be.
type decoded struct {
	file string
	x    []float32
	err  error
}

func (r *inference) all(ctx context.Context, files []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	size := r.predictor.batchSize(r.options.batch)
	bar := r.app.progress(len(files), "images")
	queue := r.decode(ctx, files, size)
	var batch []decoded
	flush := func() error {
		err := r.run(ctx, batch)
		bar.add(len(batch))
		batch = batch[:0]
		return err
	}
	for next := range queue {
		select { // an image that never ends, on the standard input, must not hold up Ctrl-C
		case <-ctx.Done():
			return ctx.Err()
		case d := <-next:
			batch = append(batch, d)
		}
		if len(batch) == size {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(batch) > 0 {
		if err := flush(); err != nil {
			return err
		}
	}
	bar.done()
	if r.failed > 0 {
		r.app.say("%d of %d images could not be classified", r.failed, len(files))
		return silent(exitInput)
	}
	return nil
}

// decode reads the files on as many goroutines as there are processors, about one batch
// ahead, and delivers them in order.
func (r *inference) decode(ctx context.Context, files []string, size int) <-chan chan decoded {
	queue := make(chan chan decoded, size+decoders())
	slots := make(chan struct{}, decoders())
	go func() {
		defer close(queue)
		for _, file := range files {
			result := make(chan decoded, 1)
			select {
			case <-ctx.Done():
				return
			case queue <- result:
			}
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				d := decoded{file: file, err: ctx.Err()}
				if d.err == nil {
					d.x, d.err = r.predictor.load(file, r.app.stdin)
				}
				result <- d
			}()
		}
	}()
	return queue
}

// run classifies a batch and prints its results in order.
func (r *inference) run(ctx context.Context, batch []decoded) error {
	var images [][]float32
	for _, d := range batch {
		if d.err == nil {
			images = append(images, d.x)
		}
	}
	var found [][]prediction
	if len(images) > 0 {
		out, err := r.session.Run(ctx, r.predictor.batchOf(images))
		if err != nil {
			return prepareFailure(ctx, err)
		}
		if found, err = r.predictor.predictions(out, len(images), r.options.top, r.labels); err != nil {
			return err
		}
	}
	for _, d := range batch {
		if d.err != nil {
			if err := r.printError(d); err != nil {
				return err
			}
			continue
		}
		if err := r.print(d.file, found[0]); err != nil {
			return err
		}
		found = found[1:]
	}
	return nil
}

func (r *inference) printError(d decoded) error {
	r.failed++
	text := strings.TrimPrefix(d.err.Error(), "stat "+d.file+": ")
	if r.app.json {
		return r.app.printJSON(inferredError{d.file, text})
	}
	return r.app.complain("%s: %s", d.file, text)
}

func (r *inference) print(file string, list []prediction) error {
	if r.app.json {
		return r.app.printJSON(inferred{file, list, r.engine, r.provider})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", file)
	for _, q := range list {
		label := q.Label
		if label == "" {
			label = fmt.Sprintf("class %d", q.Index)
		}
		fmt.Fprintf(&b, "  %6.2f%%  %s\n", 100*q.Probability, label)
	}
	return r.app.print("%s", b.String())
}
