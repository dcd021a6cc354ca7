// Calls of libjpeg-turbo's TurboJPEG API, version 2, which is loaded when the program runs.

// tj_load loads the library and returns NULL, or says why not, in memory that the caller frees.
char *tj_load(const char *path);

// tj_decode decodes n bytes, an image of own_width x own_height pixels, to width x height pixels of
// 3 channels (RGB) or 1 and returns 0. On an error or a warning, and for an image of another size,
// it returns -1 and writes a message, of at most size bytes with its NUL; the message is empty
// where there is no memory.
int tj_decode(const unsigned char *bytes, unsigned long n, unsigned char *pixels, int own_width,
              int own_height, int width, int height, int channels, char *message, int size);
