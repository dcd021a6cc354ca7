//go:build onednn && linux && (amd64 || arm64)

#include "functions.h"
#include "common.h"

#include <cstdlib>
#include <dlfcn.h>

// Where the functions are, for the stubs.
#define PLACE(name) __attribute__((visibility("hidden"))) void *od_at_##name;
extern "C" {
OD_OPENMP(PLACE)
OD_BOTH(PLACE)
OD_OF_2(PLACE)
OD_OF_3(PLACE)
}

static const char *find(void *library, const char *name, void **place) {
  *place = dlsym(library, name);
  return *place != nullptr ? nullptr : dlerror();
}

int od_major(void) { return DNNL_VERSION_MAJOR; }

const char *od_load(const char *path) {
  void *openmp = dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL);
  if (openmp == nullptr) {
    return dlerror();
  }
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return dlerror();
  }
  const char *missing = nullptr;
#define FROM_OPENMP(name) missing = missing ? missing : find(openmp, #name, &od_at_##name);
#define FROM_LIBRARY(name) missing = missing ? missing : find(library, #name, &od_at_##name);
  OD_OPENMP(FROM_OPENMP)
  OD_BOTH(FROM_LIBRARY)
#if DNNL_VERSION_MAJOR >= 3
  OD_OF_3(FROM_LIBRARY)
#else
  OD_OF_2(FROM_LIBRARY)
#endif
  if (missing != nullptr) {
    return missing;
  }
  if (dnnl_version()->major != DNNL_VERSION_MAJOR) {
    return od::fail("it is of another major version than this program was built with");
  }
  return nullptr;
}
