//go:build cgo && linux

#include "turbo.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

// Of turbojpeg.h; they are part of the library's binary interface.
enum { PIXELS_RGB = 0, PIXELS_GRAY = 6 };
enum { ACCURATE_DCT = 4096, STOP_ON_WARNING = 8192 };

static void *(*init_decompress)(void);
static int (*decompress)(void *, const unsigned char *, unsigned long, unsigned char *, int, int,
                         int, int, int);
static int (*header)(void *, const unsigned char *, unsigned long, int *, int *, int *, int *);
static char *(*error_text)(void *);
static int (*destroy)(void *);

char *tj_load(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    return strdup(dlerror());
  }
  init_decompress = (void *(*)(void))dlsym(library, "tjInitDecompress");
  decompress = (int (*)(void *, const unsigned char *, unsigned long, unsigned char *, int, int,
                        int, int, int))dlsym(library, "tjDecompress2");
  header = (int (*)(void *, const unsigned char *, unsigned long, int *, int *, int *, int *))dlsym(
      library, "tjDecompressHeader3");
  error_text = (char *(*)(void *))dlsym(library, "tjGetErrorStr2");
  destroy = (int (*)(void *))dlsym(library, "tjDestroy");
  if (!init_decompress || !decompress || !header || !error_text || !destroy) {
    return strdup("it lacks functions of libjpeg-turbo 2.0");
  }
  return NULL;
}

int tj_decode(const unsigned char *bytes, unsigned long n, unsigned char *pixels, int own_width,
              int own_height, int width, int height, int channels, char *message, int size) {
  message[0] = 0;
  void *handle = init_decompress();
  if (handle == NULL) {
    return -1;
  }
  // It fails on samplings that have no name there, after it has told the size.
  int found_width = -1, found_height = -1, sampling, colours;
  header(handle, bytes, n, &found_width, &found_height, &sampling, &colours);
  if (found_width != own_width || found_height != own_height) {
    snprintf(message, size, "the image is of %dx%d", found_width, found_height);
    destroy(handle);
    return -1;
  }
  int rc = decompress(handle, bytes, n, pixels, width, width * channels, height,
                      channels == 1 ? PIXELS_GRAY : PIXELS_RGB, ACCURATE_DCT | STOP_ON_WARNING);
  if (rc != 0) {
    snprintf(message, size, "%s", error_text(handle));
  }
  destroy(handle);
  return rc;
}
