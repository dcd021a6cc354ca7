//go:build !cgo

package ort

import (
	"context"

	"alexctl/fault"
	"alexctl/onnx"
	"alexctl/runtime"
)

// Check says that this build has no ONNX Runtime.
func (e *Engine) Check(context.Context) error {
	return e.unavailable("this program was built without cgo", fault.Hint{Text: "build it with CGO_ENABLED=1 and a C compiler"})
}

// Prepare fails as Check does.
func (e *Engine) Prepare(ctx context.Context, _ *onnx.Model) (runtime.Session, error) {
	return nil, e.Check(ctx)
}

// LibraryVersion fails: this build cannot load a library.
func LibraryVersion(Library) (string, error) {
	return "", (&Engine{config: Config{Provider: "cpu"}}).Check(context.Background())
}

// Cgo says that this build can load ONNX Runtime.
const Cgo = false

// unloadable returns nil: this build cannot tell.
func unloadable([]string) []string { return nil }
