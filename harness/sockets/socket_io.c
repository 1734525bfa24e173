/* Reading and writing: recv and send with their flags, read and write of sockets and pipes. */
#include "socket_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/errqueue.h>

#define TCP_INQ_MESSAGE 36 /* TCP_CM_INQ, which older headers lack */
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

/* Octets that pieces hold; -EINVAL when more than a call may take. */
static ssize_t total_of(const struct iovec *pieces, size_t count)
{
    size_t total = 0;
    if (count > IOV_MAX) {
        return -EINVAL;
    }
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].iov_len > (size_t)SSIZE_MAX - total) {
            return -EINVAL;
        }
        total += pieces[i].iov_len;
    }
    return (ssize_t)total;
}

/* The part of pieces after so many octets: piece *index from *offset on. */
static void skip(const struct iovec *pieces, size_t count, size_t octets, size_t *index,
                 size_t *offset)
{
    *index = 0;
    while (*index < count && octets >= pieces[*index].iov_len) {
        octets -= pieces[*index].iov_len;
        ++*index;
    }
    *offset = octets;
}

/* ---- receive ---- */

/* Octets that nobody wants: MSG_TRUNC. */
static size_t discard(struct sockets *s, struct sock *sock, size_t n)
{
    uint8_t waste[4096];
    size_t total = 0;
    size_t taken = 1;
    while (total < n && taken > 0) {
        size_t want = n - total < sizeof waste ? n - total : sizeof waste;
        endpoint_receive(s->ep, sock->connection, waste, want, time_of(s), &taken);
        total += taken;
    }
    return total;
}

/* At most n octets of what is there, after those that were taken before. */
static size_t take(struct sockets *s, struct sock *sock, const struct iovec *pieces, size_t count,
                   size_t before, size_t n)
{
    size_t index;
    size_t offset;
    size_t total = 0;
    for (skip(pieces, count, before, &index, &offset); index < count && total < n;
         index++, offset = 0) {
        size_t taken = 0;
        size_t room = pieces[index].iov_len - offset;
        size_t want = room < n - total ? room : n - total;
        if (want > 0) {
            endpoint_receive(s->ep, sock->connection, (uint8_t *)pieces[index].iov_base + offset,
                             want, time_of(s), &taken);
        }
        total += taken;
        if (taken < want) {
            break;
        }
    }
    return total;
}

/* The endpoint shows its octets in one piece. */
static size_t peek(struct sockets *s, struct sock *sock, const struct iovec *pieces, size_t count,
                   size_t n)
{
    uint32_t readable = endpoint_readable(s->ep, sock->connection);
    uint8_t *octets = malloc(readable > 0 ? readable : 1);
    if (octets == NULL) {
        return 0;
    }
    n = n < readable ? n : readable;
    n = endpoint_peek(s->ep, sock->connection, octets, n);
    size_t done = 0;
    for (size_t i = 0; i < count && done < n; i++) {
        size_t length = pieces[i].iov_len < n - done ? pieces[i].iov_len : n - done;
        if (length > 0) {
            memcpy(pieces[i].iov_base, octets + done, length);
        }
        done += length;
    }
    free(octets);
    return n;
}

/* Nothing more is there: 1 to wait for it, 0 for the end of the stream, or an error. */
static int receive_state(struct sock *sock, bool nothing_yet)
{
    if (sock->phase == PHASE_NONE || sock->phase == PHASE_LISTENING) {
        int error = sock_take_error(sock);
        return error != 0 ? -error : -ENOTCONN;
    }
    if (sock->peer_closed) {
        return 0;
    }
    if (sock->error != 0) {
        return nothing_yet ? -sock_take_error(sock) : 0;
    }
    if (sock->read_shut) {
        return 0;
    }
    if (sock->over) {
        return sock->phase == PHASE_CONNECTING ? -ENOTCONN : 0;
    }
    return 1;
}

/* How far a read may go: what follows urgent data never comes in one buffer with it
 * (RFC9293:3.9.1.3). */
static size_t urgent_octets(const struct sockets *s, const struct sock *sock)
{
    struct endpoint_status_block status;
    bool known =
        sock->connection != 0 && endpoint_status(s->ep, sock->connection, &status) == TFSM_DONE;
    return known && status.tcp.urgent_in > 0 ? status.tcp.urgent_in : SIZE_MAX;
}

struct reading {
    const struct iovec *pieces;
    size_t count;
    size_t total;
    int flags;
    bool nonblocking;
};

/* One look at what there is; returns octets in all so far. */
static size_t read_more(struct sockets *s, struct sock *sock, const struct reading *r, size_t got)
{
    uint32_t readable = endpoint_readable(s->ep, sock->connection);
    if ((r->flags & MSG_PEEK) != 0) {
        if ((r->flags & MSG_TRUNC) != 0) {
            return readable < r->total ? readable : r->total;
        }
        return peek(s, sock, r->pieces, r->count, r->total);
    }
    size_t urgent = urgent_octets(s, sock);
    size_t n = r->total - got < urgent ? r->total - got : urgent;
    if ((r->flags & MSG_TRUNC) != 0) {
        return got + discard(s, sock, n);
    }
    return got + take(s, sock, r->pieces, r->count, got, n);
}

static ssize_t receive(struct sockets *s, struct file *file, const struct reading *r)
{
    struct sock *sock = &file->sock;
    struct waiter waiter;
    size_t least = (size_t)sock->choices.receive_least;
    size_t target = (r->flags & MSG_WAITALL) != 0 || r->total < least ? r->total : least;
    target = target > 0 ? target : 1;
    size_t got = 0;
    ssize_t result = 1;
    tfsm_time timeout = sock->choices.receive_timeout;
    wait_begin(s, &waiter, timeout > 0 ? timeout : TFSM_NEVER);
    while (result == 1) {
        bool urgent = urgent_octets(s, sock) != SIZE_MAX;
        got = read_more(s, sock, r, got);
        bool ended = urgent && got > 0 && urgent_octets(s, sock) == SIZE_MAX;
        bool none_wanted = r->total == 0 && endpoint_readable(s->ep, sock->connection) > 0;
        if (got >= target || none_wanted || ended) {
            break;
        }
        result = receive_state(sock, got == 0);
        if (result == 1 && r->nonblocking) {
            result = -EAGAIN;
        }
        if (result == 1) {
            int waited = wait_more(s, &waiter);
            result = waited == 0 ? 1 : waited == -ETIME ? -EAGAIN : waited;
        }
    }
    wait_end(s, &waiter);
    return got > 0 || result == 1 ? (ssize_t)got : result;
}

static int tell_completions(struct sockets *s, struct sock *sock, struct msghdr *message);

ssize_t do_receive(struct sockets *s, int fd, const struct iovec *pieces, size_t count, int flags)
{
    int error;
    struct file *file = socket_of(s, fd, &error);
    ssize_t total = total_of(pieces, count);
    if (file == NULL || total < 0) {
        return file == NULL ? error : total;
    }
    if ((flags & MSG_OOB) != 0) { /* urgent data is in line, as RFC 6093 wants it */
        return -EINVAL;
    }
    if ((flags & MSG_ERRQUEUE) != 0) { /* taken from the queue, and nobody is told what it says */
        struct msghdr nowhere = {.msg_control = NULL};
        return tell_completions(s, &file->sock, &nowhere);
    }
    struct reading reading = {.pieces = pieces,
                              .count = count,
                              .total = (size_t)total,
                              .flags = flags,
                              .nonblocking = file->nonblocking || (flags & MSG_DONTWAIT) != 0};
    file_hold(file);
    ssize_t result = receive(s, file, &reading);
    file_release(s, file);
    return result;
}

/* ---- receive, with control messages ---- */

/* A control message, cut to the room there is: cmsg(3). MSG_CTRUNC says that it was. */
static void tell(struct msghdr *message, int level, int type, const void *data, size_t n)
{
    size_t room = message->msg_control != NULL ? message->msg_controllen : 0;
    if (room < CMSG_LEN(n)) {
        message->msg_flags |= MSG_CTRUNC;
        n = room > CMSG_LEN(0) ? room - CMSG_LEN(0) : 0;
    }
    message->msg_controllen = 0;
    if (n == 0) {
        return;
    }
    size_t space = room < CMSG_SPACE(n) ? room : CMSG_SPACE(n);
    struct cmsghdr *header = message->msg_control;
    memset(header, 0, space);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(n);
    memcpy(CMSG_DATA(header), data, n);
    message->msg_controllen = space;
}

/* Completions of MSG_ZEROCOPY: from which send to which; all were copied. Nobody is the offender. */
static int tell_completions(struct sockets *s, struct sock *sock, struct msghdr *message)
{
    struct {
        struct sock_extended_err what;
        struct sockaddr_in6 offender;
    } error = {.what = {.ee_origin = SO_EE_ORIGIN_ZEROCOPY, .ee_code = SO_EE_CODE_ZEROCOPY_COPIED}};
    bool six = sock->family == AF_INET6;
    uint32_t sends;
    error.what.ee_info = zerocopy_done(s, sock, &sends);
    error.what.ee_data = error.what.ee_info + sends - 1;
    if (sends == 0) {
        return -EAGAIN;
    }
    message->msg_namelen = 0;
    message->msg_flags = MSG_ERRQUEUE;
    tell(message, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVERR : IP_RECVERR, &error,
         sizeof error.what + (six ? sizeof error.offender : sizeof(struct sockaddr_in)));
    zerocopy_told(sock, sends);
    return 0;
}

ssize_t do_receive_message(struct sockets *s, int fd, struct msghdr *message, int flags)
{
    int error;
    struct file *file = socket_of(s, fd, &error);
    if (file == NULL) {
        return error;
    }
    if ((flags & MSG_ERRQUEUE) != 0) {
        return tell_completions(s, &file->sock, message);
    }
    file_hold(file); /* it may wait, and its number become another's */
    ssize_t result = do_receive(s, fd, message->msg_iov, message->msg_iovlen, flags);
    if (result >= 0) {
        message->msg_namelen = 0;
        message->msg_flags = 0;
    }
    if (result >= 0 && file->sock.choices.inq) {
        int left = (int)endpoint_readable(s->ep, file->sock.connection);
        bool end = left == 0 && file->sock.peer_closed;
        left = end ? 1 : left; /* the end of the stream counts, as on Linux */
        tell(message, IPPROTO_TCP, TCP_INQ_MESSAGE, &left, sizeof left);
    } else if (result >= 0) {
        message->msg_controllen = 0;
    }
    file_release(s, file);
    return result;
}

/* ---- send ---- */

/* Whether a socket takes octets now: 1 for yes, 0 to wait, or an error, which stays pending where
 * something was sent: then nobody is told of it yet. */
static int send_state(const struct sockets *s, struct sock *sock, bool nothing_yet)
{
    if (sock->error != 0) {
        return nothing_yet ? -sock_take_error(sock) : -sock->error;
    }
    if (sock->write_shut || sock->phase == PHASE_NONE || sock->phase == PHASE_LISTENING ||
        sock->over) {
        return -EPIPE;
    }
    return sock->phase == PHASE_CONNECTING && !s->settings.steps ? 0 : 1;
}

/* As much as there is room for, after what was sent before. */
static ssize_t put(struct sockets *s, struct sock *sock, const struct iovec *pieces, size_t count,
                   size_t before, bool urgent, bool more)
{
    size_t index;
    size_t offset;
    size_t last = count;
    ssize_t total = 0;
    while (last > 0 && pieces[last - 1].iov_len == 0) {
        last--;
    }
    for (skip(pieces, count, before, &index, &offset); index < last; index++, offset = 0) {
        size_t taken = 0;
        size_t want = pieces[index].iov_len - offset;
        const uint8_t *octets = (const uint8_t *)pieces[index].iov_base + offset;
        enum tfsm_result result =
            want > 0 ? held_send(s, sock, octets, want, urgent && index + 1 == last, more, &taken)
                     : TFSM_DONE;
        if (result != TFSM_DONE) {
            return total > 0 ? total : -EPIPE;
        }
        total += (ssize_t)taken;
        if (taken < want) {
            break;
        }
    }
    return total;
}

struct writing {
    const struct iovec *pieces;
    size_t count;
    size_t total;
    size_t done;
    bool urgent;
    bool more; /* is to come: TCP_CORK, MSG_MORE */
    bool nonblocking;
};

static ssize_t send_all(struct sockets *s, struct file *file, struct writing *w)
{
    struct sock *sock = &file->sock;
    struct waiter waiter;
    ssize_t result = 0;
    tfsm_time timeout = sock->choices.send_timeout;
    wait_begin(s, &waiter, timeout > 0 ? timeout : TFSM_NEVER);
    while (w->done < w->total || result == 0) {
        result = send_state(s, sock, w->done == 0);
        if (result == 1 && w->total > 0 && !sock_wants_text(s, sock)) {
            result = 0;
        } else if (result == 1) {
            result = put(s, sock, w->pieces, w->count, w->done, w->urgent, w->more);
            w->done += result > 0 ? (size_t)result : 0;
            if (w->done == w->total) {
                break;
            }
        }
        if (result >= 0 && w->nonblocking) {
            result = -EAGAIN;
        }
        if (result >= 0) {
            int waited = wait_more(s, &waiter);
            result = waited == -ETIME ? -EAGAIN : waited;
        }
        if (result < 0) {
            break;
        }
    }
    wait_end(s, &waiter);
    return w->done > 0 || result >= 0 ? (ssize_t)w->done : result;
}

/* MSG_FASTOPEN, and the first octets after a deferred connect(). With a cookie the octets go along
 * in the SYN; without one it asks for a cookie, and they follow later. */
static ssize_t open_fast(struct sockets *s, struct file *file, struct writing *w)
{
    struct sock *sock = &file->sock;
    int error = sock_connect(s, file, true);
    if (error != 0) {
        return error;
    }
    const struct tfsm_tcb *tcb = endpoint_tcb(s->ep, sock->connection);
    if (tcb != NULL && tcb->cookie_len > 0) {
        ssize_t taken = put(s, sock, w->pieces, w->count, 0, false, false);
        w->done = taken > 0 ? (size_t)taken : 0;
        drive_endpoint(s);
        if (w->nonblocking) {
            return (ssize_t)w->done;
        }
    }
    if (w->nonblocking) {
        return -EINPROGRESS;
    }
    error = sock_await_connection(s, file);
    if (error == 0 && sock->phase != PHASE_CONNECTED) { /* refused, or nobody answered */
        error = -sock_take_error(sock);
        sock_disconnect(s, sock, false);
        error = error != 0 ? error : -ECONNABORTED;
    }
    if (error == 0 && w->done < w->total) {
        return send_all(s, file, w);
    }
    return error != 0 ? error : (ssize_t)w->done;
}

/* sendto() with MSG_FASTOPEN is connect() and send() in one. */
static ssize_t send_fast(struct sockets *s, struct file *file, struct writing *w,
                         const struct sockaddr *address, socklen_t size)
{
    struct sock *sock = &file->sock;
    if (sock->phase == PHASE_CONNECTING) {
        return -EALREADY;
    }
    if (sock->phase != PHASE_NONE) {
        return sock->phase == PHASE_LISTENING ? -EOPNOTSUPP : send_all(s, file, w);
    }
    if (address == NULL) {
        return -EINVAL;
    }
    struct endpoint_open open = {0};
    int error = address_in(sock, address, size, &open.remote, &open.remote_port);
    if (error != 0) {
        return error;
    }
    if (sock->family == AF_INET6 && open.remote.family == 4 && sock->choices.v6only) {
        return -ENETUNREACH;
    }
    sock->remote = open;
    return open_fast(s, file, w);
}

ssize_t do_send(struct sockets *s, int fd, const struct iovec *pieces, size_t count, int flags,
                const struct sockaddr *address, socklen_t size)
{
    int error;
    struct file *file = socket_of(s, fd, &error);
    ssize_t total = total_of(pieces, count);
    ssize_t result;
    if (file == NULL || total < 0) {
        return file == NULL ? error : total;
    }
    struct writing w = {.pieces = pieces,
                        .count = count,
                        .total = (size_t)total,
                        .urgent = (flags & MSG_OOB) != 0,
                        .more = file->sock.choices.cork || (flags & MSG_MORE) != 0,
                        .nonblocking = file->nonblocking || (flags & MSG_DONTWAIT) != 0};
    file_hold(file);
    if ((flags & MSG_FASTOPEN) != 0) {
        result = send_fast(s, file, &w, address, size);
    } else if (file->sock.phase == PHASE_DEFERRED) {
        result = open_fast(s, file, &w);
    } else {
        result = send_all(s, file, &w);
    }
    if (result > 0 && (flags & MSG_ZEROCOPY) != 0 && file->sock.choices.zerocopy) {
        zerocopy_sent(&file->sock);
    }
    file_release(s, file);
    return result;
}

/* ---- read, write ---- */

ssize_t do_read(struct sockets *s, int fd, const struct iovec *pieces, size_t count)
{
    struct file *file = file_of(s, fd);
    if (file == NULL || file->kind == FILE_PIPE_WRITE) {
        return -EBADF;
    }
    if (file->kind == FILE_PIPE_READ) {
        return pipe_read(s, file, pieces, count, file->nonblocking);
    }
    return file->kind == FILE_SOCKET ? do_receive(s, fd, pieces, count, 0) : -EINVAL;
}

ssize_t do_write(struct sockets *s, int fd, const struct iovec *pieces, size_t count)
{
    struct file *file = file_of(s, fd);
    if (file == NULL || file->kind == FILE_PIPE_READ) {
        return -EBADF;
    }
    if (file->kind == FILE_PIPE_WRITE) {
        return pipe_write(s, file, pieces, count, file->nonblocking);
    }
    return file->kind == FILE_SOCKET ? do_send(s, fd, pieces, count, 0, NULL, 0) : -EINVAL;
}
