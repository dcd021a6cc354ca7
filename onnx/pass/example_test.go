package pass_test

import (
	"fmt"

	"alexctl/builder"
	"alexctl/onnx/pass"
)

// Passes are applied one after the other, and the model is checked after each.
func ExampleRun() {
	v := must(builder.Find("cifar"))
	m := must(v.Build(builder.Options{}))
	stripped, reports, err := pass.Run(m, pass.Strip(), pass.ReplaceHead{Classes: 3})
	if err != nil {
		panic(err)
	}
	for _, r := range reports {
		fmt.Printf("%s: %d changes\n", r.Pass, len(r.Changes))
	}
	fmt.Println(m.Graph.Outputs[0].Type, stripped.Graph.Outputs[0].Type)
	// Output:
	// strip: 3 changes
	// head: 1 changes
	// FLOAT[N 10] FLOAT[N 3]
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
