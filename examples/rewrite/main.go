// Command rewrite reads a model, takes out its Dropout nodes and what nobody reads, shows a value
// in the middle as an output too, and writes it: rewrite IN.onnx OUT.onnx [VALUE].
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"alexctl/onnx"
	"alexctl/onnx/pass"
)

func main() {
	if err := rewrite(context.Background(), os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		log.Fatal(err)
	}
}

func rewrite(ctx context.Context, in, out string, values []string) (err error) {
	m, err := onnx.Open(in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	changed, reports, err := pass.Run(m, pass.Strip(), pass.Prune(), pass.Expose{Values: values})
	if err != nil {
		return err
	}
	for _, r := range reports {
		for _, c := range r.Changes {
			fmt.Printf("%s: %s: %s\n", r.Pass, c.Where, c.What)
		}
	}
	_, err = changed.WriteFile(ctx, out, onnx.WriteOptions{})
	return err
}
