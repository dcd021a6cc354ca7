package classify_test

import (
	"context"
	"fmt"

	"alexctl/builder"
	"alexctl/classify"
	"alexctl/runtime/gorgonia"
)

// A picture goes in, classes come out.
func ExampleClassifier_File() {
	v := must(builder.Find("cifar"))
	m := must(v.Build(builder.Options{Classes: 2, Labels: []string{"cat", "dog"}, Init: "he", Seed: 2}))
	c := must(classify.New(context.Background(), m, gorgonia.Engine{}, classify.Options{}))
	defer func() { _ = c.Close() }()
	found := must(c.File(context.Background(), "../testdata/images/cat.jpg", 2))
	fmt.Println(len(found), found[0].Probability > found[1].Probability, c.Untrained)
	// Output: 2 true true
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
