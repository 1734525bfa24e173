/* How far the reading of a capture is, on a terminal: one line of standard error that is written anew a few times a second and
 * is gone at the end. Where standard error is no terminal there is none. */
#ifndef HARNESS_PROGRESS_H
#define HARNESS_PROGRESS_H

#include "capture.h"

struct progress {
    bool wanted;
    bool shown;
    const char *what; /* "reading" */
    const char *path;
    uint64_t size; /* octets of the file; 0: nobody knows */
    uint64_t packets;
    uint64_t began; /* nanoseconds */
    uint64_t last;
};

/* *path and *what stay where they are. */
void progress_begin(struct progress *progress, const char *what, const char *path);

/* A packet was read. */
void progress_packet(struct progress *progress, const struct capture_packet *packet);

/* Clear the line. */
void progress_end(struct progress *progress);

#endif
