// Command alexctl builds, checks, verifies and runs AlexNet-family models as ONNX.
//
// It does its work in a process of its own, where the system can do that: a process that dies,
// in a C library or because memory ran out, ends with a code of Go's or the system's, which
// means something else here. The one that was started says so and ends with the code for it.
package main

import (
	"os"

	"alexctl/cmd"
)

func main() {
	if code, done := supervise(os.Args); done {
		os.Exit(code)
	}
	w := asWorker()
	code := cmd.Main(os.Args[1:], os.Stdin, os.Stdout, w.errors)
	w.end(code)
	os.Exit(code)
}
