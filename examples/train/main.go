// Command train builds a network, trains it on the sample of images that is part of alexctl,
// and writes it as ONNX when the float64 reference and Gorgonia agree on real images:
// train OUTPUT.onnx [IMAGES].
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"

	"alexctl/builder"
	"alexctl/data"
	"alexctl/export"
	"alexctl/run"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/train"
)

func main() {
	images := 0 // all
	if len(os.Args) > 2 {
		var err error
		if images, err = strconv.Atoi(os.Args[2]); err != nil {
			log.Fatal(err)
		}
	}
	if err := learn(context.Background(), os.Args[1], images); err != nil {
		log.Fatal(err)
	}
}

func learn(ctx context.Context, output string, images int) (err error) {
	set, err := data.Open(context.Background(), "sample", data.Options{})
	if err != nil {
		return err
	}
	variant, err := builder.Find("cifar")
	if err != nil {
		return err
	}
	model, err := variant.Build(builder.Options{Classes: len(set.Classes), Channels: 1, Labels: set.Classes, Init: "he"})
	if err != nil {
		return err
	}
	recipe := train.Default()
	recipe.Epochs = 1
	r, err := run.Prepare(model, set, run.Options{Recipe: recipe, Name: "variant cifar", Data: "sample", Limit: images, Output: output,
		Dir: filepath.Join(filepath.Dir(output), "run")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	t, err := r.Begin(func(e train.Event) {
		if e, ok := e.(*train.EpochEvent); ok {
			fmt.Printf("epoch %d: loss %.3f\n", e.Epoch, e.TrainLoss)
		}
	})
	if err != nil {
		return err
	}
	if err := r.Create(ctx); err != nil {
		return err
	}
	result, err := t.Fit(ctx, false)
	if err != nil {
		return err
	}
	trained, err := r.Trained(result)
	if err != nil {
		return err
	}
	proved, err := export.Write(ctx, trained, export.Options{Path: output, Engines: []runtime.Engine{gorgonia.Engine{}}, Images: set.Test})
	if err != nil {
		return err
	}
	fmt.Printf("%s: verified %t, %.1f%% of the test images right\n", filepath.Base(proved.Path), proved.Report.OK, 100*result.Test.Accuracy())
	return nil
}
