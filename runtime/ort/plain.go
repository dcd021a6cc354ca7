package ort

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// sources are what ONNX Runtime puts before what it has to say: a place in its source code, and
// the C++ function or the macro's word there; and the kind of the status.
var sources = regexp.MustCompile(`(?:[^\s:]*/)?\w+\.(?:cc|cpp|cu|cuh|h|hpp):\d+ (?:[^()"]*\([^()]*\)(?: const)? |\w+ )|\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : `)

// systemError is how ONNX Runtime says what the system told it.
var systemError = regexp.MustCompile(`system error number (\d+)`)

// plain returns an error of ONNX Runtime without the places in its source code. What the system
// told it is in the error's chain.
func plain(err error) error {
	text := strings.Join(strings.Fields(sources.ReplaceAllString(err.Error(), "")), " ")
	if m := systemError.FindStringSubmatch(text); m != nil {
		if number, err := strconv.Atoi(m[1]); err == nil {
			return fmt.Errorf("%s: %w", text, syscall.Errno(number))
		}
	}
	return errors.New(text)
}
