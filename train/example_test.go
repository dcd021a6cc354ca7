package train_test

import (
	"context"
	"fmt"

	"alexctl/builder"
	"alexctl/data"
	"alexctl/preprocess"
	"alexctl/train"
)

// A network learns for one epoch; nothing is kept but the result.
func ExampleRun_Fit() {
	v := must(builder.Find("cifar"))
	set := must(data.Open(context.Background(), "sample", data.Options{}))
	m := must(v.Build(builder.Options{Classes: len(set.Classes), Channels: 1}))
	recipe := train.Default()
	recipe.Epochs, recipe.Batch = 1, 10
	in := train.Inputs{Train: data.Limit(set.Train, 20, 0), Classes: set.Classes, Transform: &data.Transform{Spec: preprocess.Plain(1, 32)}}
	r := must(train.New(m, in, recipe, train.Memory{}, func(train.Event) {}))
	result := must(r.Fit(context.Background(), false))
	fmt.Println(result.Epoch, len(result.Weights), result.Epochs[0].TrainLoss > 0)
	// Output: 1 16 true
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
