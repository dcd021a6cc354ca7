//go:build cgo && !windows

package ort

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// The first two members of OrtApiBase, which no version may change.
typedef struct {
	const void *(*get_api)(uint32_t version);
	const char *(*get_version_string)(void);
} api_base;

// library_version returns the version that the library at path reports. On failure
// it returns NULL and sets *error, which may be static.
static const char *library_version(const char *path, const char **error) {
	void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	if (handle == NULL) {
		*error = dlerror();
		return NULL;
	}
	const api_base *(*get_base)(void) = (const api_base *(*)(void))dlsym(handle, "OrtGetApiBase");
	if (get_base == NULL) {
		*error = "it does not export OrtGetApiBase, so it is not ONNX Runtime";
		return NULL;
	}
	const api_base *base = get_base();
	if (base == NULL || base->get_version_string == NULL) {
		*error = "OrtGetApiBase returned nothing";
		return NULL;
	}
	return base->get_version_string();
}
static const char *load_error(const char *name) {
	return dlopen(name, RTLD_LAZY | RTLD_LOCAL) == NULL ? dlerror() : NULL;
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// unloadable returns those of the libraries that the system's loader does not load.
func unloadable(names []string) []string {
	var missing []string
	for _, name := range names {
		c := C.CString(name)
		if C.load_error(c) != nil {
			missing = append(missing, name)
		}
		C.free(unsafe.Pointer(c))
	}
	return missing
}

// LibraryVersion loads the library and returns the version that it reports. A damaged one is
// fault.Environment and is not loaded.
func LibraryVersion(l Library) (string, error) {
	if err := withoutTelemetry(); err != nil {
		return "", err
	}
	if err := l.sound(); err != nil {
		return "", err
	}
	path := C.CString(l.Path)
	defer C.free(unsafe.Pointer(path))
	var reason *C.char
	v := C.library_version(path, &reason)
	if v == nil {
		return "", fmt.Errorf("%s: %s", l.Path, C.GoString(reason))
	}
	return C.GoString(v), nil
}
