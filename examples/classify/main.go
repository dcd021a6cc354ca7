// Command classify says what a picture shows: classify MODEL PICTURE.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"alexctl/classify"
	"alexctl/onnx"
	"alexctl/runtime/gorgonia"
)

func main() {
	m, err := onnx.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	c, err := classify.New(context.Background(), m, gorgonia.Engine{}, classify.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.File(context.Background(), os.Args[2], 3))
}
