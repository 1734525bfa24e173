/* See descriptor.h. */
#include "descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opening the master's end of a terminal again would make another terminal, and of other devices
 * nobody knows what it does. */
static bool can_be_opened_again(int fd, const struct stat *status)
{
    unsigned number;
    return S_ISFIFO(status->st_mode) ||
           (S_ISCHR(status->st_mode) && isatty(fd) != 0 && ioctl(fd, TIOCGPTN, &number) != 0);
}

static struct descriptor take(int fd, int mode, short event)
{
    struct descriptor descriptor = {.fd = fd, .given = fd, .event = event};
    struct stat status;
    char path[32];
    if (fstat(fd, &status) != 0) {
        return descriptor;
    }
    descriptor.socket = S_ISSOCK(status.st_mode);
    descriptor.file = S_ISREG(status.st_mode);
    if (can_be_opened_again(fd, &status)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int again = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        descriptor.fd = again >= 0 ? again : fd;
    }
    return descriptor;
}

struct descriptor descriptor_reading(int fd)
{
    return take(fd, O_RDONLY, POLLIN);
}

struct descriptor descriptor_writing(int fd)
{
    return take(fd, O_WRONLY, POLLOUT);
}

void descriptor_close(struct descriptor *descriptor)
{
    if (descriptor->fd != descriptor->given) {
        close(descriptor->fd);
        descriptor->fd = descriptor->given;
    }
}

bool descriptor_wait(const struct descriptor *descriptor, int milliseconds)
{
    struct pollfd one = {.fd = descriptor->fd, .events = descriptor->event};
    return descriptor->file || poll(&one, 1, milliseconds) > 0;
}

/* Whether a call might wait; with errno for who is told to come back. */
static bool would_wait(const struct descriptor *descriptor)
{
    bool asks = descriptor->fd == descriptor->given && !descriptor->socket && !descriptor->file;
    if (asks && !descriptor_wait(descriptor, 0)) {
        errno = EAGAIN;
        return true;
    }
    return false;
}

ssize_t descriptor_read(const struct descriptor *descriptor, void *octets, size_t n)
{
    if (descriptor->socket) {
        return recv(descriptor->fd, octets, n, MSG_DONTWAIT);
    }
    return would_wait(descriptor) ? -1 : read(descriptor->fd, octets, n);
}

/* A pipe that is ready has room for PIPE_BUF octets. */
ssize_t descriptor_write(const struct descriptor *descriptor, const void *octets, size_t n)
{
    bool bounded = descriptor->fd == descriptor->given && !descriptor->file && n > PIPE_BUF;
    if (descriptor->socket) {
        return send(descriptor->fd, octets, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return would_wait(descriptor) ? -1 : write(descriptor->fd, octets, bounded ? PIPE_BUF : n);
}
