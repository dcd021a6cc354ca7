package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"alexctl/classify"
	"alexctl/data"
	"alexctl/fault"
	"alexctl/kernel/onednn"
	"alexctl/onnx"
	"alexctl/onnx/op"
	"alexctl/run"
	"alexctl/runtime"
	"alexctl/runtime/gorgonia"
	"alexctl/runtime/onnxgo"
	"alexctl/runtime/ort"
	"alexctl/train"
	"alexctl/verify"
)

// TestExitCodes lists every error type of ours with its exit code.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{reported{fault.Finding}, 1},
		{reported{fault.Environment}, 3},
		{reported{fault.Invalid}, 4},
		{usage("wrong flag"), 2},
		{fault.New(fault.Finding, "a mismatch"), 1},
		{fault.New(fault.Usage, "no such option"), 2},
		{fault.New(fault.Environment, "no library"), 3},
		{fault.New(fault.Unsupported, "no such operator"), 3},
		{fault.New(fault.Invalid, "not a model"), 4},
		{fault.New(fault.Interrupted, "stopped"), 130},
		{fault.New(fault.Internal, "a slip"), 70},
		{errors.New("no kind"), 70},
		{fmt.Errorf("file: %w", fs.ErrNotExist), 70}, // whoever opens a file says what it was for
		{context.Canceled, 130},
		{fault.As(fault.Invalid, context.Canceled), 130},
		{fault.As(fault.Invalid, syscall.ENOSPC), 3},
		{fault.As(fault.Invalid, syscall.EMFILE), 3},
		{fmt.Errorf("running: %w", context.DeadlineExceeded), 130},
		{fault.As(fault.Environment, context.DeadlineExceeded), 3}, // a network's timeout
		{fault.As(fault.Usage, fault.New(fault.Invalid, "the outermost kind counts")), 2},
		{errors.Join(fault.New(fault.Invalid, "the first counts"), fault.New(fault.Usage, "x")), 4},
		{&op.UnsupportedError{Node: "n", Reason: "x"}, 3},
		{&gorgonia.UnsupportedError{Node: "n", Reason: "x"}, 3},
		{&fault.Panic{Value: "a slip"}, 70},
		{&gorgonia.InternalError{Reason: "x"}, 70},
		{&onnxgo.RefusedError{Where: "n", Reason: "x"}, 3},
		{&runtime.UnavailableError{Engine: "e", Reason: "x"}, 3},
		{runtime.ErrClosed, 70},
		{ort.ErrNoLibrary, 3},
		{ort.ErrPackage, 4},
		{onednn.ErrMissing, 3},
		{onednn.ErrPrecision, 3},
		{&data.MissingError{Name: "d"}, 3},
		{data.ErrUnknown, 2},
		{data.ErrNothingToFetch, 2},
		{data.ErrDigest, 4},
		{onnx.ErrTooLarge, 2},
		{run.ErrLocked, 3},
		{verify.ErrNoGradient, 3},
		{&classify.NotNumbersError{Output: "y"}, 1},
		{&train.DataError{Err: errors.New("x")}, 4},
		{&train.DivergedError{Epoch: 1, Step: 1}, 1},
	} {
		var b strings.Builder
		if got := exitCode(&b, "verify", c.err); got != c.code {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.code)
		}
	}
}

// TestHintsAreFlags wants what a library recommends as flags of the command line.
func TestHintsAreFlags(t *testing.T) {
	var b strings.Builder
	err := fmt.Errorf("training: %w", &train.DivergedError{Epoch: 1, Step: 2, Where: "fc"})
	exitCode(&b, "verify", err)
	if s := b.String(); !strings.Contains(s, "hint: --clip 1: clipped gradients") || !strings.HasPrefix(s, "alexctl: training: training diverged in epoch 1, step 2") {
		t.Errorf("printed %q", s)
	}
}
