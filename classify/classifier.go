package classify

import (
	"context"
	"errors"
	"io"
	"iter"
	goruntime "runtime"
	"sync"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/preprocess"
	"alexctl/runtime"
)

// Classifier is a plan with an engine.
type Classifier struct {
	*Plan
	size  int // images in a batch
	runs  int // batches that run at once
	turns chan struct{}

	cancel  context.CancelFunc // of the loading
	loaded  chan struct{}      // closed when session or failed is there
	session runtime.Session
	failed  error
	rooms   sync.Pool // of []float32, for size images
}

// New plans for the model and begins to load it on the engine; the first call that needs it
// waits. The model must stay open until Close.
func New(ctx context.Context, m *onnx.Model, e runtime.Engine, o Options) (*Classifier, error) {
	p, err := NewPlan(m, o)
	if err != nil {
		return nil, err
	}
	if err := e.Check(ctx); err != nil {
		return nil, err
	}
	if o.Batch == 0 {
		o.Batch = 16
	}
	c := &Classifier{Plan: p, size: p.BatchSize(o.Batch), runs: max(1, o.Runs), loaded: make(chan struct{})}
	c.turns = make(chan struct{}, c.runs)
	c.rooms.New = func() any { return p.Room(c.size) }
	// The loading ends with Close, and not with a context that is only that of this call.
	ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(c.loaded)
		defer fault.Recover(&c.failed)
		c.session, c.failed = e.Prepare(ctx, m)
	}()
	return c, nil
}

// Session returns what runs the model, once it is loaded, or nil.
func (c *Classifier) Session() runtime.Session {
	select {
	case <-c.loaded:
		return c.session
	default:
		return nil
	}
}

// Ready waits until the model is loaded and returns why that failed, or nil.
func (c *Classifier) Ready(ctx context.Context) error {
	select {
	case <-c.loaded:
		return c.failed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close waits for the loading and for running calls, and frees what the engine holds.
func (c *Classifier) Close() error {
	c.cancel()
	<-c.loaded
	if c.session == nil {
		return nil
	}
	return c.session.Close()
}

// Run computes the model's outputs for n images in memory of Room.
func (c *Classifier) Run(ctx context.Context, n int, data []float32) (_ runtime.Tensors, err error) {
	defer fault.Default(&err, fault.Invalid)
	if err := c.Ready(ctx); err != nil {
		return nil, err
	}
	select {
	case c.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-c.turns }()
	return c.session.Run(ctx, c.Tensors(n, data))
}

// Image classifies one image and returns its k most probable classes.
func (c *Classifier) Image(ctx context.Context, m *preprocess.Image, k int) ([]Prediction, error) {
	return c.single(ctx, k, func(data []float32) error { return c.Put(m, data, 0) })
}

// Reader classifies the image file that r yields.
func (c *Classifier) Reader(ctx context.Context, r io.Reader, k int) ([]Prediction, error) {
	return c.single(ctx, k, func(data []float32) error { return c.LoadFrom(r, data, 0) })
}

// File classifies one image file.
func (c *Classifier) File(ctx context.Context, file string, k int) ([]Prediction, error) {
	return c.single(ctx, k, func(data []float32) error { return c.LoadFile(file, data, 0) })
}

func (c *Classifier) single(ctx context.Context, k int, fill func(data []float32) error) ([]Prediction, error) {
	if k < 1 {
		return nil, fault.New(fault.Usage, "the %d most probable classes: want at least 1", k)
	}
	data := c.Room(1)
	if err := fill(data); err != nil {
		return nil, err
	}
	out, err := c.Run(ctx, 1, data)
	if err != nil {
		return nil, err
	}
	all, err := c.Predictions(out, 1, k)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Result is what became of one file.
type Result struct {
	File        string
	Predictions []Prediction
	Err         error // why the file could not be read, or the model's answer is none
}

// Files classifies files in batches and yields the results in their order; "-" is stdin. While
// one batch runs, others are read. A file that cannot be read has its error in its Result; an
// error beside it ends everything.
func (c *Classifier) Files(ctx context.Context, files []string, stdin io.Reader, k int) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for result := range c.start(ctx, files, stdin, k) {
			var o outcome
			select { // an image that never ends, on the standard input, must not hold up an interrupt
			case <-ctx.Done():
				yield(Result{}, ctx.Err())
				return
			case o = <-result:
			}
			if o.err != nil {
				yield(Result{}, o.err)
				return
			}
			for _, r := range o.results {
				if !yield(r, nil) {
					return
				}
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Result{}, err)
		}
	}
}

// outcome is what became of a batch.
type outcome struct {
	results []Result
	err     error
}

// start begins to read the files, as many batches ahead as are worth it. The results come in
// order.
func (c *Classifier) start(ctx context.Context, files []string, stdin io.Reader, k int) <-chan chan outcome {
	ahead, loaders := c.runs, 1
	if c.runs == 1 { // all processors run one batch; beside it, another is read
		ahead, loaders = 2, min(goruntime.GOMAXPROCS(0), 4)
	}
	results := make(chan chan outcome, ahead-1) // one more is being waited for
	go func() {
		defer close(results)
		for len(files) > 0 {
			batch := files[:min(c.size, len(files))]
			files = files[len(batch):]
			result := make(chan outcome, 1)
			select {
			case <-ctx.Done():
				return
			case results <- result:
				go func() { result <- c.batch(ctx, batch, stdin, k, loaders) }()
			}
		}
	}()
	return results
}

// batch reads and classifies some files.
func (c *Classifier) batch(ctx context.Context, files []string, stdin io.Reader, k, loaders int) (o outcome) {
	defer fault.Recover(&o.err)
	data, ok := c.rooms.Get().([]float32)
	if !ok {
		return outcome{err: errors.New("no memory for a batch")}
	}
	defer c.rooms.Put(data) //nolint:staticcheck // the header of a slice is small beside its images
	o = outcome{results: make([]Result, len(files))}
	slots := make(chan struct{}, loaders)
	var wg sync.WaitGroup
	for i, file := range files {
		o.results[i].File = file
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			defer fault.Recover(&o.results[i].Err)
			if o.results[i].Err = ctx.Err(); o.results[i].Err != nil {
				return
			}
			if file == "-" {
				o.results[i].Err = c.LoadFrom(stdin, data, i)
			} else {
				o.results[i].Err = c.LoadFile(file, data, i)
			}
		})
	}
	wg.Wait()
	images := 0
	for i, r := range o.results {
		if r.Err == nil { // close the gaps that broken images leave
			if i > images {
				copy(c.slot(data, images), c.slot(data, i))
			}
			images++
		}
	}
	if err := ctx.Err(); err != nil {
		return outcome{err: err}
	}
	if images == 0 {
		o.err = c.Ready(ctx)
		return o
	}
	out, err := c.Run(ctx, images, data)
	if err == nil {
		var found [][]Prediction
		var failed []error
		found, failed, err = c.predictions(out, images, k)
		for i := range o.results {
			if err == nil && o.results[i].Err == nil {
				o.results[i].Predictions, o.results[i].Err = found[0], failed[0]
				found, failed = found[1:], failed[1:]
			}
		}
	}
	o.err = err
	return o
}
