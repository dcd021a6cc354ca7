//go:build onednn && cgo && linux && (amd64 || arm64)

package onednn

// #cgo LDFLAGS: -ldl -static-libstdc++ -static-libgcc
// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"unsafe"

	"alexctl/fault"
)

// LibraryEnv is the environment variable that names oneDNN's library.
const LibraryEnv = "ALEXCTL_ONEDNN_LIB"

// load finds oneDNN, once: there is one in a process.
var load = sync.OnceValue(func() error {
	if err := yield(); err != nil {
		return fault.As(fault.Environment, err)
	}
	var reasons []string
	for _, path := range places() {
		name := C.CString(path)
		reason := C.od_load(name)
		C.free(unsafe.Pointer(name))
		if reason == nil {
			return nil
		}
		reasons = append(reasons, C.GoString(reason))
	}
	return fault.New(fault.Environment, "oneDNN %d is not here (%s): install it, name its library in %s, or in alexctl's source folder run: make onednn",
		int(C.od_major()), reasons[0], LibraryEnv)
})

// OpenMP's threads wait for each other in a loop before they sleep. On a machine that others use
// too, who is waited for may not be running: a training step took 1.7 times as long beside a
// busy program as without one, and 1.0 times with a short loop, which costs nothing alone.
var waiting = []string{"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}

const spins = "1000"

// yield makes OpenMP's threads wait in a short loop, unless the environment says how they wait.
func yield() error {
	for _, name := range waiting {
		if _, set := os.LookupEnv(name); set {
			return nil
		}
	}
	return os.Setenv(waiting[0], spins) // which OpenMP reads when it is loaded
}

// places are where the library may be: as the environment says, or with the system's loader,
// beside the program, and where make onednn puts it for this user.
func places() []string {
	if path := os.Getenv(LibraryEnv); path != "" {
		return []string{path}
	}
	name := fmt.Sprintf("libdnnl.so.%d", int(C.od_major()))
	list := []string{name}
	if program, err := os.Executable(); err == nil {
		list = append(list, filepath.Join(filepath.Dir(program), name))
	}
	base := os.Getenv("XDG_CACHE_HOME")
	if home, err := os.UserHomeDir(); base == "" && err == nil {
		base = filepath.Join(home, ".cache")
	}
	if filepath.IsAbs(base) {
		found, _ := filepath.Glob(filepath.Join(base, "alexctl", "onednn", "*", "lib", name))
		slices.Sort(found)
		slices.Reverse(found) // the newest first
		list = append(list, found...)
	}
	return slices.DeleteFunc(list, func(path string) bool { // what is there, or with the loader
		_, err := os.Stat(path)
		return filepath.IsAbs(path) && err != nil
	})
}
