package verify_test

import (
	"math"
	"testing"

	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/verify"
)

// cut is an engine that cuts the weights of products to fewer bits, as hardware does with
// their operands, and says so or not.
type cut struct {
	faulty
	operand float64
}

func (e cut) Arithmetic(int) runtime.Arithmetic { return runtime.Arithmetic{Operand: e.operand} }

// fraction keeps so many bits of the fraction, to nearest.
func fraction(bits int) func([]int64, []float32) []float32 {
	return func(_ []int64, v []float32) []float32 {
		for i, x := range v {
			m, e := math.Frexp(float64(x))
			v[i] = float32(math.Ldexp(math.RoundToEven(math.Ldexp(m, bits+1)), e-bits-1))
		}
		return v
	}
}

// TestCutOperands has engines with the operands of TF32, float16 and bfloat16: right by the
// bounds of that arithmetic, which they approach, and wrong by those of float32.
func TestCutOperands(t *testing.T) {
	if slow {
		t.Skip("it runs networks of 20 million weights")
	}
	m := sources{}.of(t, mistake{variant: "cifar", options: small})
	in := faultInputs(t, m)
	for name, c := range map[string]struct {
		bits int
		unit float64
	}{"TF32, float16": {10, 0x1p-11}, "bfloat16": {7, 0x1p-8}} {
		plant := func(p *patch) {
			for _, n := range p.m.Graph.Nodes {
				if n.OpType == "Conv" || n.OpType == "Gemm" {
					p.weight(n.Inputs[1], fraction(c.bits))
				}
			}
		}
		e := cut{faulty{gorgonia.Engine{Kernels: gorgonia.Kernels{Set: "plain"}}, t, plant}, c.unit}
		for _, said := range []bool{true, false} {
			if !said {
				e.operand = 0
			}
			r, err := verify.Compare(t.Context(), m, []runtime.Engine{e}, in, verify.Options{})
			if err != nil {
				t.Fatal(err)
			}
			x := r.Results[0]
			if r.OK != said {
				t.Errorf("%s, said %v: %s %s", name, said, x.Status, x.Reason)
			}
			for _, k := range x.Kinds {
				if said && !k.Exact && (float64(k.Margin) < tightest || k.Margin >= 1) {
					t.Errorf("%s: the worst margin of %s is %g", name, k.Op, float64(k.Margin))
				}
			}
			if x.Outputs[0].Margin > 1 == said {
				t.Errorf("%s, said %v: the margin of the logits is %g", name, said, float64(x.Outputs[0].Margin))
			}
		}
	}
}
