//go:build cgo && linux

package turbojpeg

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "turbo.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"

	"alexctl/fault"
)

// library is the file of libjpeg-turbo 2 and 3, as Debian's libturbojpeg0 and Fedora's turbojpeg
// install it.
const library = "libturbojpeg.so.0"

// load finds the library, once: there is one in a process.
var load = sync.OnceValue(func() error {
	path := os.Getenv(LibraryEnv)
	switch path {
	case None:
		return fault.New(fault.Environment, "libjpeg-turbo is left out, as %s says", LibraryEnv)
	case "":
		path = library
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if reason := C.tj_load(name); reason != nil {
		defer C.free(unsafe.Pointer(reason))
		return fault.New(fault.Environment, "libjpeg-turbo is not here (%s)", C.GoString(reason))
	}
	return nil
})

// Available says why libjpeg-turbo cannot be used, nil where it can.
func Available() error { return load() }

func decode(b []byte, size [2]int, width, height, channels int) ([]uint8, error) {
	out := make([]uint8, width*height*channels)
	message := make([]byte, 200)
	rc := C.tj_decode((*C.uchar)(unsafe.Pointer(&b[0])), C.ulong(len(b)), (*C.uchar)(unsafe.Pointer(&out[0])),
		C.int(size[0]), C.int(size[1]), C.int(width), C.int(height), C.int(channels), (*C.char)(unsafe.Pointer(&message[0])), C.int(len(message)))
	if rc == 0 {
		return out, nil
	}
	for i, c := range message {
		if c == 0 {
			message = message[:i]
			break
		}
	}
	if len(message) == 0 {
		return nil, errors.New("libjpeg-turbo has no memory")
	}
	return nil, fmt.Errorf("libjpeg-turbo: %s", message)
}
