/* A capture file as a stream: as it is, or what gzip made of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef TFSM_ZLIB
#include <zlib.h>
#endif

#include "internal.h"

#ifdef TFSM_ZLIB
struct packed {
    gzFile file;
    bool *damaged;
};

/* The end of a file that ends too early is an error here: libpcap takes any end between two packets
 * for a good one. */
static ssize_t unpack(void *cookie, char *octets, size_t n)
{
    const struct packed *packed = cookie;
    int error = Z_OK;
    int got = gzread(packed->file, octets, n < (1u << 30) ? (unsigned)n : 1u << 30);
    gzerror(packed->file, &error);
    if (got < 0 || (got == 0 && error != Z_OK && error != Z_STREAM_END)) {
        *packed->damaged = true;
        errno = EBADMSG;
        return -1;
    }
    return got;
}

static int finish(void *cookie)
{
    struct packed *packed = cookie;
    int closed = gzclose(packed->file);
    free(packed);
    return closed == Z_OK ? 0 : -1;
}

static FILE *open_packed(int descriptor, bool *damaged, char *error)
{
    static const cookie_io_functions_t functions = {.read = unpack, .close = finish};
    struct packed *packed = malloc(sizeof *packed);
    gzFile unpacked = packed != NULL ? gzdopen(descriptor, "rb") : NULL;
    FILE *file = NULL;
    if (unpacked != NULL) {
        *packed = (struct packed){unpacked, damaged};
        file = fopencookie(packed, "rb", functions);
    }
    if (file == NULL) {
        if (unpacked != NULL) {
            gzclose(unpacked);
        } else {
            close(descriptor);
        }
        free(packed);
        capture_fail(error, "out of memory");
    }
    return file;
}
#else
static FILE *open_packed(int descriptor, bool *damaged, char *error)
{
    (void)damaged;
    close(descriptor);
    capture_fail(error, "packed by gzip, and this was built without zlib (zlib1g-dev)");
    return NULL;
}
#endif

FILE *file_open(const char *path, bool *damaged, int *source, char error[CAPTURE_ERROR])
{
    struct stat status = {0};
    unsigned char magic[2] = {0, 0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        capture_fail(error, "%s", strerror(errno));
        return NULL;
    }
    bool known = fstat(fileno(file), &status) == 0;
    bool directory = known && S_ISDIR(status.st_mode);
    if (directory || (known && S_ISREG(status.st_mode) && status.st_size == 0)) {
        fclose(file);
        capture_fail(error, directory ? "is a directory" : "is empty");
        return NULL;
    }
    /* What is no regular file cannot be looked at twice, and is taken as it is. */
    if (S_ISREG(status.st_mode) && pread(fileno(file), magic, 2, 0) == 2 && magic[0] == 0x1f &&
        magic[1] == 0x8b) {
        int descriptor = dup(fileno(file));
        fclose(file);
        if (descriptor < 0) {
            capture_fail(error, "%s", strerror(errno));
            return NULL;
        }
        *source = descriptor;
        return open_packed(descriptor, damaged, error);
    }
    *source = fileno(file);
    return file;
}
