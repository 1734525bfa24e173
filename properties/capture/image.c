/* Capture files in memory. See image.h. */
#include "image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void image_put(struct image *image, const void *octets, size_t n)
{
    assert_true(n <= sizeof image->octets - image->size);
    memcpy(image->octets + image->size, octets, n);
    image->size += n;
}

void image_put16(struct image *image, uint16_t number)
{
    image_put(image, &number, sizeof number);
}

void image_put32(struct image *image, uint32_t number)
{
    image_put(image, &number, sizeof number);
}

void image_file_header(struct image *image, uint32_t link)
{
    image_put32(image, 0xa1b2c3d4u);
    image_put16(image, 2);
    image_put16(image, 4);
    image_put32(image, 0);
    image_put32(image, 0);
    image_put32(image, 65535);
    image_put32(image, link);
}

/* Write the first octets of it to a file. */
static void write_file(const struct image *image, size_t size, char *path)
{
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_true(write(descriptor, image->octets, size) == (ssize_t)size);
    close(descriptor);
}

bool image_read(const struct image *image, size_t size, struct capture *capture,
                char error[CAPTURE_ERROR])
{
    char path[] = P_tmpdir "/test_capture.XXXXXX";
    write_file(image, size, path);
    bool read = capture_read(path, capture, error);
    unlink(path);
    return read;
}

bool image_stream(const struct image *image, size_t size, capture_seen *seen, void *user,
                  char error[CAPTURE_ERROR])
{
    char path[] = P_tmpdir "/test_capture.XXXXXX";
    write_file(image, size, path);
    bool read = capture_stream(path, seen, user, error);
    unlink(path);
    return read;
}

uint32_t image_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}
