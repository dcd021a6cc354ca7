// Package classify runs classifiers of images: an image or a tensor goes in, classes come out,
// on any engine. A Plan says how images become a model's input and its output classes; a
// Classifier is a plan with an engine. Both may be used by many goroutines at once.
package classify

import (
	"context"
	"io"
	"slices"

	"alexctl/card"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/preprocess"
	"alexctl/runtime"
	"alexctl/signature"
)

// Limits on what a model may ask for at once.
const (
	MaxBatch         = 4096
	maxBatchElements = 1 << 28 // 1 GiB of float32
)

// Options answer what a model does not say; their zero values leave it to the model.
type Options struct {
	Preprocess string   // how images become the input, as preprocess.Named takes it
	Labels     []string // by class index
	Signature  signature.Options
	// Images bound what decoding takes, all images at once.
	Images preprocess.Limits
	// Batch is how many images run at once where the model leaves that open; 0 means 16.
	Batch int
	// Runs is how many batches run at once, on a processor each; 0 means 1, on all of them.
	Runs int
}

// Plan is how images go into a classifier and classes come out.
type Plan struct {
	Signature *signature.Signature
	Spec      *preprocess.Spec
	Labels    []string // by class index; nil where nothing names them
	Untrained bool     // the model says that its weights were never trained
	// Overridden is how the model itself says that images are preprocessed, where it is done
	// otherwise; else nil.
	Overridden *preprocess.Spec

	batch int // fixed by the model, or 0
}

// NewPlan looks at a model's input, output and card. A model that takes no images is
// fault.Invalid; what only the caller can say (preprocessing, which output, what it holds) is
// fault.Usage.
func NewPlan(m *onnx.Model, o Options) (_ *Plan, err error) {
	defer fault.Default(&err, fault.Invalid)
	c, err := card.Read(m)
	if err != nil {
		return nil, err
	}
	p := &Plan{Spec: c.Spec, Labels: c.Labels, Untrained: c.Trained == card.Untrained}
	if p.Signature, err = signature.Of(m, o.Signature); err != nil {
		return nil, err
	}
	in := p.Signature.Input
	if in.Batch.IsKnown() {
		if in.Batch.N < 1 || in.Batch.N > MaxBatch {
			return nil, fault.New(fault.Invalid, "the model takes batches of %s, want 1 to %d", in.Batch, MaxBatch)
		}
		p.batch = int(in.Batch.N)
	}
	if o.Preprocess != "" {
		own := p.Spec
		if p.Spec, err = in.Named(o.Preprocess); err != nil {
			return nil, err
		}
		if own != nil && own.String() != p.Spec.String() {
			p.Overridden = own
		}
	}
	if p.Spec == nil {
		return nil, fault.New(fault.Usage, "the model does not say how images are preprocessed").
			Hint(fault.Hint{Text: "imagenet, plain, caffe or a JSON spec", Option: fault.Preprocess})
	}
	if err := in.Fits(p.Spec); err != nil {
		return nil, err
	}
	if p.batch*p.Spec.Len() > maxBatchElements {
		return nil, fault.New(fault.Invalid, "a batch of %s images of %dx%d does not fit", in.Batch, p.Spec.Height, p.Spec.Width)
	}
	if o.Images.Room == nil {
		o.Images.Room = preprocess.NewRoom(preprocess.MaxBytes)
	}
	p.Spec = p.Spec.Within(o.Images)
	if o.Labels != nil {
		p.Labels = o.Labels
	}
	return p, nil
}

// BatchSize returns how many images to run at once: what the model fixes, or what is
// wanted, as far as it fits.
func (p *Plan) BatchSize(wanted int) int {
	if p.batch > 0 {
		return p.batch
	}
	return max(1, min(wanted, maxBatchElements/p.Spec.Len()))
}

// Room returns memory for n images, and for those that a model with a fixed batch wants
// besides.
func (p *Plan) Room(n int) []float32 { return make([]float32, max(n, p.batch)*p.Spec.Len()) }

// slot is the place of image i in memory of Room.
func (p *Plan) slot(data []float32, i int) []float32 {
	return data[i*p.Spec.Len() : (i+1)*p.Spec.Len()]
}

// Put preprocesses an image into place i of memory of Room.
func (p *Plan) Put(m *preprocess.Image, data []float32, i int) error {
	return p.ordered(p.slot(data, i), p.Spec.Apply(m, p.slot(data, i)))
}

// LoadFile decodes and preprocesses an image file into place i of memory of Room.
func (p *Plan) LoadFile(file string, data []float32, i int) error {
	return p.ordered(p.slot(data, i), p.Spec.LoadFile(file, p.slot(data, i)))
}

// LoadFrom is LoadFile on what r yields.
func (p *Plan) LoadFrom(r io.Reader, data []float32, i int) error {
	return p.ordered(p.slot(data, i), p.Spec.LoadFrom(r, p.slot(data, i)))
}

// ordered brings an image into the order of axes that the model takes.
func (p *Plan) ordered(image []float32, err error) error {
	if err == nil && p.Signature.Input.Layout == signature.NHWC {
		p.Spec.ChannelsLast(image)
	}
	return err
}

// Images are pictures by their number, as a data set holds them.
type Images interface {
	Image(i int) (*preprocess.Image, error)
}

// Batch returns the model's input for the images of these numbers. An image that cannot be read
// is fault.Invalid.
func (p *Plan) Batch(ctx context.Context, images Images, numbers []int) (runtime.Tensors, error) {
	data := p.Room(len(numbers))
	for i, k := range numbers {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		image, err := images.Image(k)
		if err == nil {
			err = p.Put(image, data, i)
		}
		if err != nil {
			return nil, fault.As(fault.Invalid, err)
		}
	}
	return p.Tensors(len(numbers), data), nil
}

// Spread returns n numbers of images, over all of those that there are: they may be in the
// order of their classes.
func Spread(n, images int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i * images / n
	}
	return numbers
}

// Tensors returns the model's input for n images in memory of Room.
func (p *Plan) Tensors(n int, data []float32) runtime.Tensors {
	n = max(n, p.batch)
	in := p.Signature.Input
	return runtime.Tensors{in.Name: {Type: onnx.Float, Shape: in.Shape(n, p.Spec.Channels(), p.Spec.Height, p.Spec.Width), Data: data[:n*p.Spec.Len()]}}
}

// Classes returns how many classes the model tells apart, or 0 where it does not say.
func (p *Plan) Classes() int {
	if p.one() && len(p.Labels) != 1 {
		return 2 // it is the one, or it is not
	}
	return p.Signature.Output.Scores
}

// one reports whether the output is one probability an image.
func (p *Plan) one() bool {
	return p.Signature.Output.Scores == 1 && slices.Contains([]signature.Activation{signature.Sigmoid, signature.SigmoidLogits}, p.Signature.Output.Activation)
}
