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
	v, err := builder.Find("cifar")
	if err != nil {
		panic(err)
	}
	set, err := data.Open("sample", data.Options{})
	if err != nil {
		panic(err)
	}
	m, err := v.Build(builder.Options{Classes: len(set.Classes), Channels: 1})
	if err != nil {
		panic(err)
	}
	recipe := train.Default()
	recipe.Epochs, recipe.Batch = 1, 10
	in := train.Inputs{Train: data.Limit(set.Train, 20, 0), Classes: set.Classes, Transform: &data.Transform{Spec: preprocess.Plain(1, 32)}}
	r, err := train.New(m, in, recipe, train.Memory{}, func(train.Event) {})
	if err != nil {
		panic(err)
	}
	result, err := r.Fit(context.Background(), false)
	if err != nil {
		panic(err)
	}
	fmt.Println(result.Epoch, len(result.Weights), result.Epochs[0].TrainLoss > 0)
	// Output: 1 16 true
}
