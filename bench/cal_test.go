package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"alexctl/internal/hashed"
	"alexctl/builder"
	"alexctl/preprocess"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/ort"
	"alexctl/runtime/reference"
	"alexctl/verify"
)

func TestCal(t *testing.T) {
	var engines []runtime.Engine
	for _, l := range []string{"off", "all"} {
		e, _ := ort.New(ort.Config{Optimization: l, Threads: 1})
		engines = append(engines, e)
	}
	engines = append(engines, gorgonia.Engine{Kernels: gorgonia.Kernels{Set: "plain"}}, reference.Engine{})
	for _, name := range []string{"cifar", "pwc", "zhihu", "torchvision"} {
		m, err := hashed.Model(name, builder.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, pixel := range []bool{false, true} {
			o := verify.InputOptions{Seed: 1, Batch: 1}
			if pixel {
				o.Spec = &preprocess.Spec{}
				*o.Spec = *preprocess.Plain(3, 227)
				o.Spec.Divisor = 1
			}
			in, err := verify.RandomInputs(m.Graph, o)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			r, err := verify.Compare(context.Background(), m, engines, []runtime.Tensors{in}, verify.Options{Layers: true})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println(name, pixel, r.OK, r.Timing, time.Since(start), r.Unchecked)
			for _, x := range r.Results {
				fmt.Printf("  %s %s %s load %.2f run %.3f\n", x.Name(), x.Status, x.Reason, x.Load, x.Run)
				for _, k := range x.Kinds {
					fmt.Printf("    %s:%.2g", k.Op, float64(k.Margin))
				}
				c := 0.0
				for _, l := range x.Layers {
					c = max(c, float64(l.Cumulative.Margin))
				}
				fmt.Printf("\n    out scaled %.2g margin %.3g worst cumulative %.3g\n", float64(x.Outputs[0].Scaled), float64(x.Outputs[0].Margin), c)
			}
		}
	}
}
