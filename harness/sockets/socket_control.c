/* fcntl and ioctl: whether a descriptor blocks, and what is in the queues of a socket. */
#include "socket_internal.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

int do_fcntl(struct sockets *s, int fd, int command, int argument)
{
    struct file *file = file_of(s, fd);
    if (file == NULL) {
        return -EBADF;
    }
    int access = file->kind == FILE_PIPE_READ    ? O_RDONLY
                 : file->kind == FILE_PIPE_WRITE ? O_WRONLY
                                                 : O_RDWR;
    switch (command) {
    case F_GETFL:
        return access | (file->nonblocking ? O_NONBLOCK : 0);
    case F_SETFL:
        file->nonblocking = (argument & O_NONBLOCK) != 0;
        return 0;
    case F_GETFD:
        return file->close_on_exec ? FD_CLOEXEC : 0;
    case F_SETFD:
        file->close_on_exec = (argument & FD_CLOEXEC) != 0;
        return 0;
    default:
        return -EINVAL;
    }
}

/* The next octet to read is the last one of the urgent data. */
static int at_mark(const struct sockets *s, const struct sock *sock)
{
    struct endpoint_status_block status;
    return sock->connection != 0 &&
           endpoint_status(s->ep, sock->connection, &status) == TFSM_DONE &&
           status.tcp.urgent_in == 1;
}

static int socket_ioctl(const struct sockets *s, const struct sock *sock, unsigned long request,
                        int *value)
{
    bool listening = sock->phase == PHASE_LISTENING;
    switch (request) {
    case FIONREAD:
        *value = (int)endpoint_readable(s->ep, sock->connection);
        return listening ? -EINVAL : 0;
    case SIOCOUTQ:
    case SIOCOUTQNSD:
        *value = (int)(request == SIOCOUTQNSD ? sock_unsent(s, sock) : sock_queued(s, sock));
        return listening ? -EINVAL : 0;
    case SIOCATMARK:
        *value = at_mark(s, sock);
        return 0;
    default:
        return -ENOTTY;
    }
}

int do_ioctl(struct sockets *s, int fd, unsigned long request, void *argument)
{
    struct file *file = file_of(s, fd);
    int value = 0;
    int result = -ENOTTY;
    if (file == NULL) {
        return -EBADF;
    }
    if (argument == NULL) {
        return -EFAULT;
    }
    if (request == FIONBIO) {
        memcpy(&value, argument, sizeof value);
        file->nonblocking = value != 0;
        return 0;
    }
    if (file->kind == FILE_SOCKET) {
        result = socket_ioctl(s, &file->sock, request, &value);
    } else if (file->pipe != NULL && request == FIONREAD) {
        value = (int)file->pipe->count;
        result = 0;
    }
    if (result == 0) {
        memcpy(argument, &value, sizeof value);
    }
    return result;
}
