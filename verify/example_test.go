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
	v, err := builder.Find("cifar")
	if err != nil {
		panic(err)
	}
	m, err := v.Build(builder.Options{})
	if err != nil {
		panic(err)
	}
	in, err := verify.RandomInputs(m.Graph, verify.InputOptions{Batch: 1})
	if err != nil {
		panic(err)
	}
	r, err := verify.Compare(context.Background(), m, []runtime.Engine{gorgonia.Engine{}}, []runtime.Tensors{in}, verify.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println(r.OK, r.Results[0].Status, r.Results[0].Outputs[0].Name, r.Results[0].Outputs[0].Margin < 1)
	// Output: true pass logits true
}
