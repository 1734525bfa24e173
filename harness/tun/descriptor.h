/* A descriptor that was handed to us, read and written without ever waiting. O_NONBLOCK belongs to
 * the open file, which others share: a shell, or our own standard error on the same terminal. So it
 * is not set on what was handed to us. */
#ifndef HARNESS_DESCRIPTOR_H
#define HARNESS_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct descriptor {
    int fd;      /* to wait for; ours to close only where it is another one */
    int given;   /* as it was handed over */
    short event; /* POLLIN or POLLOUT */
    bool socket;
    bool file; /* never waits */
};

/* Of a pipe and a terminal another open file is made, with O_NONBLOCK; with a socket each call says
 * that it will not wait; all others are asked whether they are ready. */
struct descriptor descriptor_reading(int fd);
struct descriptor descriptor_writing(int fd);
void descriptor_close(struct descriptor *descriptor);

/* As read() and write() with O_NONBLOCK: -1 and EAGAIN instead of waiting. May take fewer. */
ssize_t descriptor_read(const struct descriptor *descriptor, void *octets, size_t n);
ssize_t descriptor_write(const struct descriptor *descriptor, const void *octets, size_t n);

/* Wait until it is ready, so many milliseconds at most. */
bool descriptor_wait(const struct descriptor *descriptor, int milliseconds);

#endif
