package run

import (
	"alexctl/card"
	"alexctl/data"
	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/signature"
	"alexctl/train"
)

// Parts returns the images that a recipe trains with, of which limit are used or, where it is 0,
// all, and those that it holds out; nil where there are none.
func Parts(set *data.Set, c train.Config, limit int) (rest, held data.Dataset) {
	rest = set.Train
	if limit > 0 {
		rest = data.Limit(rest, limit, c.Seed)
	}
	if c.ValSplit == 0 {
		return rest, nil
	}
	draw := data.Split
	if c.Split == train.ByClass {
		draw = data.SplitByClass
	}
	if rest, held = draw(rest, c.ValSplit, c.Seed); held.Len() == 0 {
		held = nil
	}
	return rest, held
}

// split takes the images apart, the same way for the same recipe.
func (r *Run) split(set *data.Set) error {
	r.Inputs = train.Inputs{Test: set.Test, Classes: set.Classes}
	r.Inputs.Train, r.Inputs.Val = Parts(set, r.Recipe, r.Limit)
	if r.Inputs.Train.Len() == 0 {
		return fault.New(fault.Usage, "no image is left to train with")
	}
	if r.Recipe.Patience > 0 && r.Inputs.Val == nil {
		return fault.New(fault.Usage, "patience needs validation images, and %g of %d images leaves none", r.Recipe.ValSplit, r.Inputs.Train.Len())
	}
	if r.Inputs.Test != nil && r.Inputs.Test.Len() == 0 {
		r.Inputs.Test = nil
	}
	r.Images = r.Inputs.Train.Len()
	var err error
	r.Fingerprint, err = data.Fingerprint(r.Inputs.Train)
	return err
}

// fit chooses the batch size and the preprocessing, and writes the classes and the
// preprocessing on the model's card.
func (r *Run) fit(own *card.Card, o Options) error {
	labelled := &card.Card{Labels: r.Classes}
	if err := labelled.Write(r.model); err != nil {
		return err
	}
	given := o.Signature
	given.Output, given.Activation = r.output.Name, string(r.output.Activation)
	sig, err := signature.Of(r.model, given)
	if err != nil {
		return err
	}
	r.output, r.layout = sig.Output, sig.Input.Layout
	if err := r.fitBatch(sig.Input, o); err != nil {
		return err
	}
	augment, err := data.ParseAugment(r.Recipe.Augment)
	if err != nil {
		return err
	}
	if err := r.chooseSpec(sig.Input, own, augment, o); err != nil {
		return err
	}
	r.transform(augment)
	if err := (&card.Card{Spec: r.Spec}).Write(r.model); err != nil {
		return err
	}
	if err := sig.Input.Fits(r.Spec); err != nil {
		return err
	}
	r.Kernels = Kernels(r.Recipe)
	return r.verifiable()
}

// transform makes images what the model sees.
func (r *Run) transform(augment data.Augment) {
	r.Inputs.Logits = r.output.Logits
	r.Inputs.Transform = &data.Transform{Spec: r.Spec, Augment: augment, Colors: r.Colors, ChannelsLast: r.layout == signature.NHWC}
}

// fitBatch takes the batch size of a model that has only one, and of data that have
// no more images.
func (r *Run) fitBatch(in signature.Input, o Options) error {
	n := r.Inputs.Train.Len()
	if d := in.Batch; d.IsKnown() {
		if d.N < 1 || d.N > int64(n) {
			return fault.New(fault.Invalid, "the model takes batches of %d and no others, and there are %d images to train with", d.N, n)
		}
		if int(d.N) != r.Recipe.Batch {
			o.note("the model takes batches of %d only, so training uses that size", d.N)
		}
		r.Recipe.Batch = int(d.N)
	}
	if r.Recipe.Batch > n {
		o.note("only %d images to train with: the batch size becomes %d", n, n)
		r.Recipe.Batch = n
	}
	return nil
}

// chooseSpec says how images become the model's input: as the caller says, as the model
// does, or, for one that is fresh or does not say, as the images suggest.
func (r *Run) chooseSpec(in signature.Input, own *card.Card, augment data.Augment, o Options) (err error) {
	sizes := []onnx.Dim{in.Channels, in.Height, in.Width}
	switch {
	case o.Preprocess != "":
		if r.Spec, err = in.Named(o.Preprocess); err != nil {
			return err
		}
	case own.Spec != nil && own.Trained != card.Untrained:
		o.note("the model says how images are preprocessed, and that is kept")
		r.Spec = own.Spec
	default:
		for _, d := range sizes {
			if !d.IsKnown() {
				return fault.New(fault.Invalid, "input %q is %s: its channels, height and width must be fixed", in.Name, in.Type)
			}
		}
		if r.Spec, err = data.SpecFor(r.Inputs.Train, int(in.Channels.N), int(in.Height.N), int(in.Width.N)); err != nil {
			return err
		}
		if r.Colors, err = data.Normalize(r.Inputs.Train, r.Spec); err != nil {
			return err
		}
	}
	if augment.Color && r.Colors == nil {
		scratch := *r.Spec
		if r.Colors, err = data.Normalize(r.Inputs.Train, &scratch); err != nil {
			return err
		}
		if r.Colors == nil {
			return fault.New(fault.Usage, "the augmentation color is for colour images, and the model takes grey ones")
		}
	}
	return nil
}
