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
	v, err := builder.Find("cifar")
	if err != nil {
		panic(err)
	}
	m, err := v.Build(builder.Options{Classes: 2, Labels: []string{"cat", "dog"}, Init: "he", Seed: 2})
	if err != nil {
		panic(err)
	}
	c, err := classify.New(context.Background(), m, gorgonia.Engine{}, classify.Options{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = c.Close() }()
	found, err := c.File(context.Background(), "../testdata/images/cat.jpg", 2)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(found), found[0].Probability > found[1].Probability, c.Untrained)
	// Output: 2 true true
}
