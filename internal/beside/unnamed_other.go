//go:build !linux

package beside

import (
	"errors"
	"os"
)

// unnamed returns nil: there are no files without a name here.
func unnamed(string) *os.File { return nil }

func call(*os.File, string) error { return errors.ErrUnsupported }
