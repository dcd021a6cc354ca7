package verify_test

import (
	"context"
	"fmt"

	"alexctl/builder"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/verify"
)

// An engine is compared with the float64 reference: every output and every layer, within what
// rounding explains.
func ExampleCompare() {
	v := must(builder.Find("cifar"))
	m := must(v.Build(builder.Options{}))
	in := must(verify.RandomInputs(m.Graph, verify.InputOptions{Batch: 1}))
	r := must(verify.Compare(context.Background(), m, []runtime.Engine{gorgonia.Engine{}}, []runtime.Tensors{in}, verify.Options{}))
	fmt.Println(r.OK, r.Results[0].Status, r.Results[0].Outputs[0].Name, r.Results[0].Outputs[0].Margin < 1)
	// Output: true pass logits true
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
