package builder_test

import (
	"fmt"

	"alexctl/builder"
	"alexctl/onnx/op"
)

// A variant is built for other classes; its weights are made while they are read.
func ExampleVariant_Build() {
	v := must(builder.Find("paper"))
	m := must(v.Build(builder.Options{Classes: 10, Seed: 1}))
	s := op.Summarize(m)
	fmt.Println(m.Graph.Outputs[0].Type, s.Parameters, s.MACs)
	// Output: FLOAT[N 10] 56909194 720351776
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
