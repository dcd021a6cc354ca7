// Command alexctl builds, checks, verifies and runs AlexNet-family models as ONNX.
package main

import (
	"os"

	"alexctl/cmd"
)

func main() {
	os.Exit(cmd.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
