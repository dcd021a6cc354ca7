package ort

import (
	"errors"
	"regexp"
	"strings"
)

// sources are what ONNX Runtime puts before what it has to say: a place in its source code, and
// the C++ function or the macro's word there; and the kind of the status.
var sources = regexp.MustCompile(`(?:[^\s:]*/)?\w+\.(?:cc|cpp|cu|cuh|h|hpp):\d+ (?:[^()"]*\([^()]*\)(?: const)? |\w+ )|\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : `)

// plain returns an error of ONNX Runtime without the places in its source code.
func plain(err error) error {
	text := sources.ReplaceAllString(err.Error(), "")
	return errors.New(strings.Join(strings.Fields(text), " "))
}
