// Calls of libjpeg-turbo's TurboJPEG API, version 2, which is loaded when the program runs.

// tj_load loads the library and returns NULL, or says why not.
const char *tj_load(const char *path);

// tj_decode decodes n bytes to width x height pixels of 3 channels (RGB) or 1 and returns 0. On an
// error or a warning it returns -1 and writes a message, of at most size bytes with its NUL; the
// message is empty where there is no memory.
int tj_decode(const unsigned char *bytes, unsigned long n, unsigned char *pixels, int width,
              int height, int channels, char *message, int size);
