package cmd

import (
	"context"
	"fmt"
	goruntime "runtime"
	"strings"
	"sync"

	"alexctl/runtime"
)

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

// inference classifies files in batches and prints the results in the files' order.
// While one batch runs, another is read.
type inference struct {
	app       *app
	predictor *predictor
	labels    []string
	options   inferOptions

	size    int // images in a batch
	ahead   int // batches in work at once
	loaders int // images of one batch that are read at once

	buffers chan []float32
	turn    chan struct{} // held by the batches that run, as many as may at once
	loaded  chan struct{} // closed when session is there
	session runtime.Session
	failed  int
}

// newInference plans for workers batches that run at once.
func newInference(a *app, p *predictor, labels []string, o inferOptions, workers int) *inference {
	r := &inference{app: a, predictor: p, labels: labels, options: o, size: p.batchSize(o.batch),
		ahead: workers, loaders: 1, turn: make(chan struct{}, workers), loaded: make(chan struct{})}
	if workers == 1 { // all processors run one batch; beside it, another is read
		r.ahead, r.loaders = 2, min(goruntime.GOMAXPROCS(0), 4)
	}
	r.buffers = make(chan []float32, r.ahead+1)
	return r
}

// decoded is an image that was read, or why it could not be.
type decoded struct {
	file string
	err  error
}

// outcome is a batch with the predictions of the images in it that could be read.
type outcome struct {
	batch []decoded
	found [][]prediction
	err   error
}

// start begins to read the files. The results come in order.
func (r *inference) start(ctx context.Context, files []string) <-chan chan outcome {
	results := make(chan chan outcome, r.ahead-1) // one more is being waited for
	go func() {
		defer close(results)
		for len(files) > 0 {
			batch := files[:min(r.size, len(files))]
			files = files[len(batch):]
			result := make(chan outcome, 1)
			select {
			case <-ctx.Done():
				return
			case results <- result:
				go func() { result <- r.run(ctx, batch) }()
			}
		}
	}()
	return results
}

// ready lets the batches that were read run.
func (r *inference) ready(s runtime.Session) {
	r.session = s
	close(r.loaded)
}

// run reads and classifies a batch.
func (r *inference) run(ctx context.Context, files []string) outcome {
	data := r.buffer()
	defer func() {
		select {
		case r.buffers <- data:
		default:
		}
	}()
	o := outcome{batch: r.load(ctx, files, data)}
	images, length := 0, r.predictor.spec.Len()
	for i, d := range o.batch {
		if d.err == nil { // close the gaps that broken images leave
			if i > images {
				copy(data[images*length:], data[i*length:(i+1)*length])
			}
			images++
		}
	}
	select {
	case <-ctx.Done():
		o.err = ctx.Err()
		return o
	case <-r.loaded:
	}
	if images == 0 {
		return o
	}
	in := r.predictor.batchOf(images, data)
	r.turn <- struct{}{}
	out, err := r.session.Run(ctx, in)
	<-r.turn
	if err != nil {
		o.err = prepareFailure(ctx, err)
		return o
	}
	o.found, o.err = r.predictor.predictions(out, images, r.options.top, r.labels)
	return o
}

// buffer returns room for a batch: one that an earlier batch has done with, or a new one.
func (r *inference) buffer() []float32 {
	select {
	case b := <-r.buffers:
		return b
	default:
		return make([]float32, r.size*r.predictor.spec.Len())
	}
}

// load reads the files of a batch into data, each into its place.
func (r *inference) load(ctx context.Context, files []string, data []float32) []decoded {
	batch := make([]decoded, len(files))
	slots := make(chan struct{}, r.loaders)
	var wg sync.WaitGroup
	for i, file := range files {
		batch[i].file = file
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if batch[i].err = ctx.Err(); batch[i].err == nil {
				length := r.predictor.spec.Len()
				batch[i].err = r.predictor.load(file, r.app.stdin, data[i*length:(i+1)*length])
			}
		})
	}
	wg.Wait()
	return batch
}

// print prints the results as they come, and ends with what is wrong.
func (r *inference) print(ctx context.Context, results <-chan chan outcome, count int) error {
	bar := r.app.progress(count, "images")
	for result := range results {
		var o outcome
		select { // an image that never ends, on the standard input, must not hold up Ctrl-C
		case <-ctx.Done():
			return ctx.Err()
		case o = <-result:
		}
		if o.err == nil {
			o.err = r.printBatch(o)
		}
		if o.err != nil {
			return o.err
		}
		bar.add(len(o.batch))
	}
	bar.done()
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.failed > 0 {
		r.app.say("%d of %d images could not be classified", r.failed, count)
		return silent(exitInput)
	}
	return nil
}

func (r *inference) printBatch(o outcome) error {
	for _, d := range o.batch {
		if d.err != nil {
			if err := r.printError(d); err != nil {
				return err
			}
			continue
		}
		if err := r.printOne(d.file, o.found[0]); err != nil {
			return err
		}
		o.found = o.found[1:]
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

func (r *inference) printOne(file string, list []prediction) error {
	if r.app.json {
		provider := ""
		if r.options.engine == "ort" {
			provider = r.options.provider
		}
		return r.app.printJSON(inferred{file, list, r.options.engine, provider})
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
