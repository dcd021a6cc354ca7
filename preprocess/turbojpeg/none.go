//go:build !(cgo && linux)

package turbojpeg

import (
	"errors"

	"alexctl/fault"
)

// Available says why libjpeg-turbo cannot be used, nil where it can.
func Available() error {
	return fault.New(fault.Environment, "this alexctl was built without cgo, or not for Linux, and cannot load libjpeg-turbo")
}

func decode([]byte, [2]int, int, int, int) ([]uint8, error) {
	return nil, errors.New("no libjpeg-turbo")
}
