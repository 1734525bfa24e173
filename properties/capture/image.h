/* Capture files in memory, as the tests of this folder make them. */
#ifndef PROPERTIES_CAPTURE_IMAGE_H
#define PROPERTIES_CAPTURE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "capture.h"

#define IMAGE_MAX 262144

struct image {
    uint8_t octets[IMAGE_MAX];
    size_t size;
};

void image_put(struct image *image, const void *octets, size_t n);

/* In the byte order of this machine. */
void image_put16(struct image *image, uint16_t number);
void image_put32(struct image *image, uint32_t number);

/* The header of a pcap file with microseconds. */
void image_file_header(struct image *image, uint32_t link);

/* Write the first octets of it to a file and read that as a capture. */
bool image_read(const struct image *image, size_t size, struct capture *capture,
                char error[CAPTURE_ERROR]);

/* The same, packet by packet. */
bool image_stream(const struct image *image, size_t size, capture_seen *seen, void *user,
                  char error[CAPTURE_ERROR]);

/* The next of a row of numbers, below 2^24, which is the same everywhere. */
uint32_t image_random(uint32_t *state);

#endif
