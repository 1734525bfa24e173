/* The members of packetdrill's interface: each takes the lock, makes the call, lets the endpoint
 * send and tell what came of it, and answers as a system call does. */
#include "socket_internal.h"

#include <fcntl.h>
#include <stdarg.h>

static struct sockets *enter(void *userdata)
{
    struct sockets *s = userdata;
    pthread_mutex_lock(&s->lock);
    if (s->woken && pthread_equal(s->woken_thread, pthread_self()) != 0) {
        s->woken = false; /* its time is now again */
    }
    s->asked = 0;
    return s;
}

/* Whoever waits looks at what the call changed before the driver goes on. */
static ssize_t leave(struct sockets *s, ssize_t result)
{
    drive_endpoint(s);
    if (pthread_equal(s->driver, pthread_self()) != 0) {
        wait_until_quiet(s, NULL);
    } else {
        pthread_cond_broadcast(&s->news);
    }
    pthread_mutex_unlock(&s->lock);
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

static int leave_int(struct sockets *s, int result)
{
    return (int)leave(s, result);
}

static int call_socket(void *userdata, int domain, int type, int protocol)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_socket(s, domain, type, protocol));
}

static int call_bind(void *userdata, int fd, const struct sockaddr *address, socklen_t size)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_bind(s, fd, address, size));
}

static int call_listen(void *userdata, int fd, int backlog)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_listen(s, fd, backlog));
}

static int call_accept(void *userdata, int fd, struct sockaddr *address, socklen_t *size)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_accept(s, fd, address, size));
}

static int call_connect(void *userdata, int fd, const struct sockaddr *address, socklen_t size)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_connect(s, fd, address, size));
}

static ssize_t call_readv(void *userdata, int fd, const struct iovec *pieces, int count)
{
    struct sockets *s = enter(userdata);
    return leave(s, count < 0 ? -EINVAL : do_read(s, fd, pieces, (size_t)count));
}

static ssize_t call_read(void *userdata, int fd, void *octets, size_t n)
{
    struct iovec piece = {octets, n};
    return call_readv(userdata, fd, &piece, 1);
}

/* A stream has no address to tell: recvfrom(2) leaves it empty. */
static ssize_t call_recvfrom(void *userdata, int fd, void *octets, size_t n, int flags,
                             struct sockaddr *address, socklen_t *size)
{
    struct sockets *s = enter(userdata);
    struct iovec piece = {octets, n};
    ssize_t result = do_receive(s, fd, &piece, 1, flags);
    if (result >= 0 && address != NULL && size != NULL) {
        *size = 0;
    }
    return leave(s, result);
}

static ssize_t call_recv(void *userdata, int fd, void *octets, size_t n, int flags)
{
    return call_recvfrom(userdata, fd, octets, n, flags, NULL, NULL);
}

static ssize_t call_recvmsg(void *userdata, int fd, struct msghdr *message, int flags)
{
    struct sockets *s = enter(userdata);
    if (message == NULL) {
        return leave(s, -EFAULT);
    }
    return leave(s, do_receive_message(s, fd, message, flags));
}

static ssize_t call_writev(void *userdata, int fd, const struct iovec *pieces, int count)
{
    struct sockets *s = enter(userdata);
    return leave(s, count < 0 ? -EINVAL : do_write(s, fd, pieces, (size_t)count));
}

/* A piece to send is only read, but struct iovec is for both ways. */
static struct iovec to_send(const void *octets, size_t n)
{
    union {
        const void *read;
        void *written;
    } same = {.read = octets};
    return (struct iovec){same.written, n};
}

static ssize_t call_write(void *userdata, int fd, const void *octets, size_t n)
{
    struct iovec piece = to_send(octets, n);
    return call_writev(userdata, fd, &piece, 1);
}

static ssize_t call_sendto(void *userdata, int fd, const void *octets, size_t n, int flags,
                           const struct sockaddr *address, socklen_t size)
{
    struct sockets *s = enter(userdata);
    struct iovec piece = to_send(octets, n);
    return leave(s, do_send(s, fd, &piece, 1, flags, address, size));
}

static ssize_t call_send(void *userdata, int fd, const void *octets, size_t n, int flags)
{
    return call_sendto(userdata, fd, octets, n, flags, NULL, 0);
}

static ssize_t call_sendmsg(void *userdata, int fd, const struct msghdr *message, int flags)
{
    struct sockets *s = enter(userdata);
    if (message == NULL) {
        return leave(s, -EFAULT);
    }
    return leave(s, do_send(s, fd, message->msg_iov, message->msg_iovlen, flags, message->msg_name,
                            message->msg_namelen));
}

static int call_fcntl(void *userdata, int fd, int command, ...)
{
    struct sockets *s = enter(userdata);
    va_list arguments;
    va_start(arguments, command);
    int argument = command == F_SETFL || command == F_SETFD ? va_arg(arguments, int) : 0;
    va_end(arguments);
    return leave_int(s, do_fcntl(s, fd, command, argument));
}

static int call_ioctl(void *userdata, int fd, unsigned long request, ...)
{
    struct sockets *s = enter(userdata);
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return leave_int(s, do_ioctl(s, fd, request, argument));
}

static int call_close(void *userdata, int fd)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_close(s, fd));
}

static int call_shutdown(void *userdata, int fd, int how)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_shutdown(s, fd, how));
}

static int call_getsockopt(void *userdata, int fd, int level, int name, void *value,
                           socklen_t *size)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_getsockopt(s, fd, level, name, value, size));
}

static int call_setsockopt(void *userdata, int fd, int level, int name, const void *value,
                           socklen_t size)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_setsockopt(s, fd, level, name, value, size));
}

static int call_poll(void *userdata, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_poll(s, fds, count, timeout_ms));
}

static int call_netdev_send(void *userdata, const void *packet, size_t n)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, packet == NULL || n == 0 ? -EINVAL : do_input(s, packet, n));
}

static int call_netdev_receive(void *userdata, void *packet, size_t *n, long long *time_us)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_next_packet(s, packet, n, time_us));
}

static int call_usleep(void *userdata, useconds_t us)
{
    struct sockets *s = enter(userdata);
    advance_clock(s, s->clock + us, NULL);
    return leave_int(s, 0);
}

/* To a thread whose call has just stopped waiting it is still the time of that. The driver who asks again
 * and again, and does nothing else, waits for the time to come, as packetdrill does for the last
 * microseconds before an event: then asking takes a microsecond. */
static int call_gettimeofday(void *userdata, struct timeval *now, struct timezone *zone)
{
    struct sockets *s = userdata;
    pthread_mutex_lock(&s->lock);
    bool woken = s->woken && pthread_equal(s->woken_thread, pthread_self()) != 0;
    if (!woken && pthread_equal(s->driver, pthread_self()) != 0 && ++s->asked > SPIN_CALLS) {
        s->asked = SPIN_CALLS;
        advance_clock(s, s->clock + 1, NULL);
    }
    int64_t us = EPOCH + (int64_t)(woken ? s->woken_at : s->clock);
    pthread_mutex_unlock(&s->lock);
    if (now != NULL) {
        *now = (struct timeval){(time_t)(us / 1000000), (suseconds_t)(us % 1000000)};
    }
    if (zone != NULL) {
        *zone = (struct timezone){0, 0};
    }
    return 0;
}

static int call_epoll_create(void *userdata, int size)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_epoll_create(s, size));
}

static int call_epoll_ctl(void *userdata, int epfd, int operation, int fd,
                          struct epoll_event *event)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_epoll_ctl(s, epfd, operation, fd, event));
}

static int call_epoll_wait(void *userdata, int epfd, struct epoll_event *events, int most,
                           int timeout_ms)
{
    struct sockets *s = enter(userdata);
    return leave_int(s, do_epoll_wait(s, epfd, events, most, timeout_ms));
}

static int call_pipe(void *userdata, int fds[2])
{
    struct sockets *s = enter(userdata);
    return leave_int(s, fds == NULL ? -EFAULT : do_pipe(s, fds));
}

static int call_splice(void *userdata, int from, off_t *from_offset, int to, off_t *to_offset,
                       size_t n, unsigned flags)
{
    struct sockets *s = enter(userdata);
    return (int)leave(s, do_splice(s, from, from_offset, to, to_offset, n, flags));
}

static void call_free(void *userdata)
{
    sockets_destroy(userdata);
}

void sockets_interface(struct sockets *sockets, struct packetdrill_interface *ifc)
{
    *ifc = (struct packetdrill_interface){.userdata = sockets,
                                          .free = call_free,
                                          .socket = call_socket,
                                          .bind = call_bind,
                                          .listen = call_listen,
                                          .accept = call_accept,
                                          .connect = call_connect,
                                          .read = call_read,
                                          .readv = call_readv,
                                          .recv = call_recv,
                                          .recvfrom = call_recvfrom,
                                          .recvmsg = call_recvmsg,
                                          .write = call_write,
                                          .writev = call_writev,
                                          .send = call_send,
                                          .sendto = call_sendto,
                                          .sendmsg = call_sendmsg,
                                          .fcntl = call_fcntl,
                                          .ioctl = call_ioctl,
                                          .close = call_close,
                                          .shutdown = call_shutdown,
                                          .getsockopt = call_getsockopt,
                                          .setsockopt = call_setsockopt,
                                          .poll = call_poll,
                                          .netdev_send = call_netdev_send,
                                          .netdev_receive = call_netdev_receive,
                                          .usleep = call_usleep,
                                          .gettimeofday = call_gettimeofday,
                                          .epoll_create = call_epoll_create,
                                          .epoll_ctl = call_epoll_ctl,
                                          .epoll_wait = call_epoll_wait,
                                          .pipe = call_pipe,
                                          .splice = call_splice};
}
