// Command man writes alexctl's manual pages, alexctl.1 and one for each command, to a folder:
//
//	go run ./scripts/man FOLDER
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra/doc"

	"alexctl/cmd"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: man FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "man:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return doc.GenManTree(cmd.Manual(), &doc.GenManHeader{Title: "ALEXCTL", Section: "1", Source: "alexctl"}, dir)
}
