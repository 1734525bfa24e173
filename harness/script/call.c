/* System calls of a script: made through the interface without ever blocking, and held against what
 * the script says of them. A call that blocks is tried again whenever something has happened. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "run_internal.h"

#define ARGUMENTS_MOST 8
#define POLL_MOST      64
#define IOV_MOST       64

/* What became of one try. */
enum attempt {
    CALL_DONE,  /* answer is filled in */
    CALL_WAITS, /* it would block */
    CALL_WRONG  /* and the complaint is made */
};

struct answer {
    int64_t value;
    int error; /* errno, with -1 */
};

struct arguments {
    const struct script_value *value[ARGUMENTS_MOST];
    int64_t number[ARGUMENTS_MOST]; /* of those that are numbers */
    unsigned count;
};

typedef enum attempt handler(struct runner *runner, const struct arguments *a,
                             struct answer *answer);

static enum attempt answered(struct answer *answer, int64_t value)
{
    answer->value = value;
    answer->error = value < 0 ? errno : 0;
    return CALL_DONE;
}

static bool is_dots(const struct script_value *value)
{
    return value->kind == SCRIPT_DOTS;
}

/* ---- never blocking ---- */

/* Make a descriptor non-blocking; returns its flags as they were, or -1 where nothing is to be put
 * back. */
static int unblock(struct runner *runner, int fd)
{
    int flags = runner->stack->fcntl(runner->user, fd, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK) != 0 ||
        runner->stack->fcntl(runner->user, fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return -1;
    }
    return flags;
}

static void block_again(struct runner *runner, int fd, int flags)
{
    int error = errno;
    if (flags >= 0) {
        runner->stack->fcntl(runner->user, fd, F_SETFL, flags);
    }
    errno = error;
}

/* The answer of a call that was made without blocking: it waits where its descriptor would. */
static enum attempt unless_blocked(struct answer *answer, int64_t value, int flags)
{
    answered(answer, value);
    return flags >= 0 && value < 0 && answer->error == EAGAIN ? CALL_WAITS : CALL_DONE;
}

/* ---- addresses ---- */

struct socket_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

static void fill_address(struct runner *runner, const struct tfsm_address *from, uint16_t port,
                         struct socket_address *out)
{
    memset(out, 0, sizeof *out);
    if (from->family == 4 && !runner->options->mapped) {
        struct sockaddr_in *in = (struct sockaddr_in *)&out->storage;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, from->octets, 4);
        out->size = sizeof *in;
        return;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->storage;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    out->size = sizeof *in6;
    if (from->family == 4) {
        memset(in6->sin6_addr.s6_addr + 10, 0xff, 2);
        memcpy(in6->sin6_addr.s6_addr + 12, from->octets, 4);
    } else {
        memcpy(&in6->sin6_addr, from->octets, 16);
    }
}

/* inet_addr("192.0.2.1"), inet_pton(AF_INET6, "2001:db8::1"), INADDR_ANY or the string alone. */
static bool read_host(struct runner *runner, const struct script_value *value, void *out,
                      int family)
{
    const struct script_value *text = value;
    if (value->kind == SCRIPT_APPLY &&
        (strcmp(value->text, "inet_addr") == 0 || strcmp(value->text, "inet_pton") == 0)) {
        text = value->first;
        while (text != NULL && text->kind != SCRIPT_STRING) {
            text = text->next;
        }
    }
    if (text != NULL && text->kind == SCRIPT_NAME && strcmp(text->text, "INADDR_ANY") == 0) {
        memset(out, 0, family == AF_INET ? 4 : 16);
        return true;
    }
    if (text == NULL || text->kind != SCRIPT_STRING || inet_pton(family, text->text, out) != 1) {
        return run_bad(runner, value->line, "this is no address of the family");
    }
    return true;
}

static bool read_address(struct runner *runner, const struct script_value *value,
                         struct socket_address *out)
{
    const struct script_value *family = run_member(value, "sa_family", 0);
    int64_t number = AF_INET;
    int64_t port = 0;
    memset(out, 0, sizeof *out);
    if (value->kind != SCRIPT_STRUCT) {
        return run_bad(runner, value->line, "an address is `...' or {sa_family=..., ...}");
    }
    if (family != NULL && !run_number(runner, family, &number)) {
        return false;
    }
    bool v6 = number == AF_INET6;
    const struct script_value *port_value = run_member(value, v6 ? "sin6_port" : "sin_port", 99);
    const struct script_value *host = run_member(value, v6 ? "sin6_addr" : "sin_addr", 99);
    if (port_value != NULL && !run_number(runner, port_value, &port)) {
        return false;
    }
    if (port < 0 || port > 65535) {
        return run_bad(runner, value->line, "port %" PRId64 " is not in 0..65535", port);
    }
    if (v6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->storage;
        *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
        out->size = sizeof *in6;
        return host == NULL || read_host(runner, host, &in6->sin6_addr, AF_INET6);
    }
    struct sockaddr_in *in = (struct sockaddr_in *)&out->storage;
    *in =
        (struct sockaddr_in){.sin_family = (sa_family_t)number, .sin_port = htons((uint16_t)port)};
    out->size = sizeof *in;
    return host == NULL || read_host(runner, host, &in->sin_addr, AF_INET);
}

/* The address of an argument; `...` is the stack's own, or the peer's. */
static bool address_of(struct runner *runner, const struct script_value *value, bool ours,
                       struct socket_address *out)
{
    if (is_dots(value)) {
        fill_address(runner, ours ? run_local(runner) : run_remote(runner),
                     ours ? runner->options->bind_port : runner->options->connect_port, out);
        return true;
    }
    return read_address(runner, value, out);
}

/* ---- octets ---- */

/* What a write writes: the stream goes on, or a string of the script. */
static bool fill_text(struct runner *runner, const struct script_value *value, int64_t fd,
                      int64_t done, size_t n)
{
    const struct descriptor *descriptor = run_descriptor(runner, fd);
    uint64_t at = descriptor != NULL ? descriptor->written : 0;
    if (n > sizeof runner->text) {
        return run_bad(runner, value->line, "more than %zu octets at a time", sizeof runner->text);
    }
    if (value->kind == SCRIPT_STRING) {
        size_t length = (size_t)value->number;
        size_t skip = (size_t)done < length ? (size_t)done : length;
        size_t copied = length - skip < n ? length - skip : n;
        memset(runner->text, 0, n);
        memcpy(runner->text, value->text + skip, copied);
        runner->foreign = true;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        runner->text[i] = run_octet(true, at + i);
    }
    return is_dots(value) || run_bad(runner, value->line, "octets are `...' or a string");
}

static void wrote(struct runner *runner, int64_t fd, int64_t n)
{
    struct descriptor *descriptor = run_descriptor(runner, fd);
    if (descriptor != NULL && n > 0) {
        descriptor->written += (uint64_t)n;
        runner->mixed = runner->mixed || descriptor->pipe;
    }
}

/* What a read has read is what the peer sent there. */
static bool text_holds(struct runner *runner, const struct script_value *value, int64_t fd,
                       const uint8_t *octets, int64_t n, bool peek)
{
    struct descriptor *descriptor = run_descriptor(runner, fd);
    if (descriptor == NULL || n <= 0 || (descriptor->pipe && runner->mixed)) {
        return true;
    }
    if (value->kind == SCRIPT_STRING) {
        size_t length = (size_t)value->number;
        if (length != (size_t)n || memcmp(octets, value->text, length) != 0) {
            return run_failed(runner, "other octets were read");
        }
    }
    for (int64_t i = 0; i < n && is_dots(value); i++) {
        if (octets[i] != run_octet(false, descriptor->read + (uint64_t)i)) {
            return run_failed(runner,
                              "octet %" PRIu64 " of the stream is not the one that was sent",
                              descriptor->read + (uint64_t)i);
        }
    }
    descriptor->read += peek ? 0 : (uint64_t)n;
    return true;
}

/* ---- sockets ---- */

static enum attempt call_socket(struct runner *runner, const struct arguments *a,
                                struct answer *answer)
{
    int domain = runner->options->ipv6 || runner->options->mapped ? AF_INET6 : AF_INET;
    domain = is_dots(a->value[0]) ? domain : (int)a->number[0];
    return answered(
        answer, runner->stack->socket(runner->user, domain, (int)a->number[1], (int)a->number[2]));
}

static enum attempt call_bind(struct runner *runner, const struct arguments *a,
                              struct answer *answer)
{
    struct socket_address address;
    if (!address_of(runner, a->value[1], true, &address)) {
        return CALL_WRONG;
    }
    return answered(answer, runner->stack->bind(runner->user, run_fd(runner, a->number[0]),
                                                (struct sockaddr *)&address.storage, address.size));
}

static enum attempt call_listen(struct runner *runner, const struct arguments *a,
                                struct answer *answer)
{
    return answered(answer, runner->stack->listen(runner->user, run_fd(runner, a->number[0]),
                                                  (int)a->number[1]));
}

static enum attempt call_accept(struct runner *runner, const struct arguments *a,
                                struct answer *answer)
{
    struct socket_address address = {.size = sizeof address.storage};
    int fd = run_fd(runner, a->number[0]);
    int flags = unblock(runner, fd);
    int64_t value =
        runner->stack->accept(runner->user, fd, (struct sockaddr *)&address.storage, &address.size);
    block_again(runner, fd, flags);
    return unless_blocked(answer, value, flags);
}

/* What became of a connection attempt that goes on, if anything. */
static enum attempt connected(struct runner *runner, int fd, struct answer *answer)
{
    struct pollfd poll = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;
    if (runner->stack->poll(runner->user, &poll, 1, 0) <= 0) {
        return CALL_WAITS;
    }
    runner->stack->getsockopt(runner->user, fd, SOL_SOCKET, SO_ERROR, &error, &size);
    answer->value = error != 0 ? -1 : 0;
    answer->error = error;
    return CALL_DONE;
}

static enum attempt call_connect(struct runner *runner, const struct arguments *a,
                                 struct answer *answer)
{
    struct socket_address address;
    int fd = run_fd(runner, a->number[0]);
    if (runner->pending.begun) {
        return connected(runner, fd, answer);
    }
    if (!address_of(runner, a->value[1], false, &address)) {
        return CALL_WRONG;
    }
    int flags = unblock(runner, fd);
    int64_t value =
        runner->stack->connect(runner->user, fd, (struct sockaddr *)&address.storage, address.size);
    block_again(runner, fd, flags);
    answered(answer, value);
    if (flags < 0 || value == 0 || answer->error != EINPROGRESS) {
        return CALL_DONE;
    }
    runner->pending.begun = true;
    return connected(runner, fd, answer);
}

static enum attempt call_shutdown(struct runner *runner, const struct arguments *a,
                                  struct answer *answer)
{
    return answered(answer, runner->stack->shutdown(runner->user, run_fd(runner, a->number[0]),
                                                    (int)a->number[1]));
}

/* ---- close ---- */

static bool lingers(struct runner *runner, int fd, struct linger *linger)
{
    socklen_t size = sizeof *linger;
    return runner->stack->getsockopt(runner->user, fd, SOL_SOCKET, SO_LINGER, linger, &size) == 0 &&
           linger->l_onoff != 0 && linger->l_linger > 0;
}

/* Whether the peer has all that was written and our FIN. */
static bool is_flushed(struct runner *runner, int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    runner->stack->getsockopt(runner->user, fd, IPPROTO_TCP, TCP_INFO, &info, &size);
    /* FIN-WAIT-1, LAST-ACK and CLOSING wait for the acknowledgment of our FIN. */
    return info.tcpi_state != 4 && info.tcpi_state != 9 && info.tcpi_state != 11;
}

static void forget(struct runner *runner, int64_t script)
{
    struct descriptor *descriptor = run_descriptor(runner, script);
    if (descriptor != NULL) {
        runner->socket = runner->socket == descriptor->stack ? -1 : runner->socket;
        *descriptor = (struct descriptor){.used = false};
    }
}

/* With SO_LINGER close() waits for the peer: here the FIN goes out first, and the descriptor goes
 * when it is acknowledged or the time is over. */
static enum attempt call_close(struct runner *runner, const struct arguments *a,
                               struct answer *answer)
{
    int fd = run_fd(runner, a->number[0]);
    struct linger linger;
    struct pending *pending = &runner->pending;
    if (pending->begun || lingers(runner, fd, &linger)) {
        if (!pending->begun) {
            pending->begun = true;
            pending->due = run_now(runner) + (int64_t)linger.l_linger * 1000000;
            runner->stack->shutdown(runner->user, fd, SHUT_WR);
        }
        if (!is_flushed(runner, fd) && run_now(runner) < pending->due) {
            return CALL_WAITS;
        }
        linger = (struct linger){0, 0};
        runner->stack->setsockopt(runner->user, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    answered(answer, runner->stack->close(runner->user, fd));
    if (answer->value == 0) {
        forget(runner, a->number[0]);
    }
    return CALL_DONE;
}

/* ---- read ---- */

/* Whether MSG_WAITALL has what it waits for: all, or what is left before the end. */
static bool all_there(struct runner *runner, int fd, size_t n)
{
    int readable = 0;
    struct pollfd end = {.fd = fd, .events = (short)0x2000 /* POLLRDHUP */};
    if (runner->stack->ioctl(runner->user, fd, FIONREAD, &readable) != 0 || (size_t)readable >= n) {
        return true;
    }
    return runner->stack->poll(runner->user, &end, 1, 0) > 0;
}

/* All the ways to read come to this. */
static enum attempt read_octets(struct runner *runner, const struct arguments *a, size_t n,
                                int flags, struct answer *answer)
{
    int fd = run_fd(runner, a->number[0]);
    uint8_t *octets = runner->octets;
    if (n > sizeof runner->octets) {
        run_bad(runner, runner->event->line, "more than %zu octets at a time",
                sizeof runner->octets);
        return CALL_WRONG;
    }
    int blocking = (flags & MSG_DONTWAIT) != 0 ? -1 : unblock(runner, fd);
    if (blocking >= 0 && (flags & MSG_WAITALL) != 0 && !all_there(runner, fd, n)) {
        block_again(runner, fd, blocking);
        return CALL_WAITS;
    }
    int64_t value = flags == 0 ? runner->stack->read(runner->user, fd, octets, n)
                               : runner->stack->recv(runner->user, fd, octets, n, flags);
    block_again(runner, fd, blocking);
    enum attempt attempt = unless_blocked(answer, value, blocking);
    if (attempt == CALL_DONE && (flags & MSG_TRUNC) == 0 &&
        !text_holds(runner, a->value[1], a->number[0], octets, value, (flags & MSG_PEEK) != 0)) {
        return CALL_WRONG;
    }
    return attempt;
}

static enum attempt call_read(struct runner *runner, const struct arguments *a,
                              struct answer *answer)
{
    return read_octets(runner, a, (size_t)a->number[2], 0, answer);
}

static enum attempt call_recv(struct runner *runner, const struct arguments *a,
                              struct answer *answer)
{
    return read_octets(runner, a, (size_t)a->number[2], (int)a->number[3], answer);
}

/* ---- write ---- */

/* Where the octets go; null for a connected socket. */
static enum attempt write_octets(struct runner *runner, const struct arguments *a, size_t n,
                                 int flags, const struct socket_address *to, struct answer *answer)
{
    int fd = run_fd(runner, a->number[0]);
    int64_t *done = &runner->pending.done;
    size_t left = n - (size_t)*done;
    if (!fill_text(runner, a->value[1], a->number[0], *done, left)) {
        return CALL_WRONG;
    }
    int blocking = (flags & MSG_DONTWAIT) != 0 ? -1 : unblock(runner, fd);
    int64_t value;
    if (to != NULL) {
        value = runner->stack->sendto(runner->user, fd, runner->text, left, flags,
                                      (const struct sockaddr *)&to->storage, to->size);
    } else {
        value = flags == 0 ? runner->stack->write(runner->user, fd, runner->text, left)
                           : runner->stack->send(runner->user, fd, runner->text, left, flags);
    }
    block_again(runner, fd, blocking);
    enum attempt attempt = unless_blocked(answer, value, blocking);
    wrote(runner, a->number[0], value);
    if (attempt == CALL_WAITS || value < 0) {
        return attempt;
    }
    *done += value;
    answer->value = *done;
    return blocking >= 0 && *done < (int64_t)n ? CALL_WAITS : CALL_DONE;
}

static enum attempt call_write(struct runner *runner, const struct arguments *a,
                               struct answer *answer)
{
    return write_octets(runner, a, (size_t)a->number[2], 0, NULL, answer);
}

static enum attempt call_send(struct runner *runner, const struct arguments *a,
                              struct answer *answer)
{
    return write_octets(runner, a, (size_t)a->number[2], (int)a->number[3], NULL, answer);
}

static enum attempt call_sendto(struct runner *runner, const struct arguments *a,
                                struct answer *answer)
{
    struct socket_address address;
    const struct script_value *to = a->value[4];
    bool null = to->kind == SCRIPT_NAME && strcmp(to->text, "NULL") == 0;
    if (!null && !address_of(runner, to, false, &address)) {
        return CALL_WRONG;
    }
    return write_octets(runner, a, (size_t)a->number[2], (int)a->number[3], null ? NULL : &address,
                        answer);
}

/* ---- several pieces ---- */

/* The lengths of [{..., 10}, {..., 20}]. */
static bool read_pieces(struct runner *runner, const struct script_value *list,
                        struct iovec pieces[IOV_MOST], int *count)
{
    size_t used = 0;
    *count = 0;
    if (list->kind != SCRIPT_LIST) {
        return run_bad(runner, list->line, "pieces are [{..., LENGTH}, ...]");
    }
    for (const struct script_value *piece = list->first; piece != NULL; piece = piece->next) {
        const struct script_value *length =
            piece->kind == SCRIPT_STRUCT ? run_member(piece, "iov_len", 1) : NULL;
        int64_t n;
        if (length == NULL || *count == IOV_MOST) {
            return run_bad(runner, piece->line, "up to %d pieces of {..., LENGTH}", IOV_MOST);
        }
        if (!run_number(runner, length, &n)) {
            return false;
        }
        if (n < 0 || (size_t)n > sizeof runner->text - used) {
            return run_bad(runner, piece->line, "a piece of %" PRId64 " octets", n);
        }
        pieces[*count] = (struct iovec){runner->text + used, (size_t)n};
        used += (size_t)n;
        (*count)++;
    }
    return true;
}

static size_t total(const struct iovec *pieces, int count)
{
    size_t n = 0;
    for (int i = 0; i < count; i++) {
        n += pieces[i].iov_len;
    }
    return n;
}

static const struct script_value dots = {.kind = SCRIPT_DOTS};

/* readv(), writev(), recvmsg() and sendmsg(). A write of several pieces is not continued. */
static enum attempt in_pieces(struct runner *runner, const struct arguments *a,
                              const struct script_value *list, bool message, int flags, bool writes,
                              struct answer *answer)
{
    struct iovec pieces[IOV_MOST];
    int count;
    int fd = run_fd(runner, a->number[0]);
    if (!read_pieces(runner, list, pieces, &count)) {
        return CALL_WRONG;
    }
    size_t n = total(pieces, count);
    if (writes && !fill_text(runner, &dots, a->number[0], 0, n)) {
        return CALL_WRONG;
    }
    struct msghdr header = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
    const struct packetdrill_interface *stack = runner->stack;
    int blocking = (flags & MSG_DONTWAIT) != 0 ? -1 : unblock(runner, fd);
    int64_t value;
    if (message) {
        value = writes ? stack->sendmsg(runner->user, fd, &header, flags)
                       : stack->recvmsg(runner->user, fd, &header, flags);
    } else {
        value = writes ? stack->writev(runner->user, fd, pieces, count)
                       : stack->readv(runner->user, fd, pieces, count);
    }
    block_again(runner, fd, blocking);
    enum attempt attempt = unless_blocked(answer, value, blocking);
    if (writes) {
        wrote(runner, a->number[0], value);
    } else if (attempt == CALL_DONE && !text_holds(runner, &dots, a->number[0], runner->text, value,
                                                   (flags & MSG_PEEK) != 0)) {
        return CALL_WRONG;
    }
    return attempt;
}

static enum attempt call_readv(struct runner *runner, const struct arguments *a,
                               struct answer *answer)
{
    return in_pieces(runner, a, a->value[1], false, 0, false, answer);
}

static enum attempt call_writev(struct runner *runner, const struct arguments *a,
                                struct answer *answer)
{
    return in_pieces(runner, a, a->value[1], false, 0, true, answer);
}

static enum attempt message(struct runner *runner, const struct arguments *a, bool writes,
                            struct answer *answer)
{
    const struct script_value *list =
        a->value[1]->kind == SCRIPT_STRUCT ? run_member(a->value[1], "msg_iov", 99) : NULL;
    if (list == NULL) {
        run_bad(runner, a->value[1]->line, "a message needs msg_iov");
        return CALL_WRONG;
    }
    return in_pieces(runner, a, list, true, (int)a->number[2], writes, answer);
}

static enum attempt call_recvmsg(struct runner *runner, const struct arguments *a,
                                 struct answer *answer)
{
    return message(runner, a, false, answer);
}

static enum attempt call_sendmsg(struct runner *runner, const struct arguments *a,
                                 struct answer *answer)
{
    return message(runner, a, true, answer);
}

/* ---- options ---- */

/* {onoff=1, linger=5}, {tv_sec=1, tv_usec=0}: two numbers. */
static bool two_numbers(struct runner *runner, const struct script_value *value, int64_t pair[2])
{
    static const char *const names[][2] = {
        {"onoff", "linger"}, {"l_onoff", "l_linger"}, {"tv_sec", "tv_usec"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct script_value *first = run_member(value, names[i][0], 99);
        const struct script_value *second = run_member(value, names[i][1], 99);
        if (first != NULL && second != NULL) {
            return run_number(runner, first, &pair[0]) && run_number(runner, second, &pair[1]);
        }
    }
    return run_bad(runner, value->line, "this structure is not known");
}

static enum attempt call_setsockopt(struct runner *runner, const struct arguments *a,
                                    struct answer *answer)
{
    const struct script_value *value = a->value[3];
    int fd = run_fd(runner, a->number[0]);
    int level = (int)a->number[1];
    int name = (int)a->number[2];
    socklen_t size = (socklen_t)a->number[4];
    union {
        int number;
        struct linger linger;
        struct timeval time;
        char text[256];
    } octets;
    int64_t pair[2];
    int64_t number;
    memset(&octets, 0, sizeof octets);
    if (size > sizeof octets) {
        run_bad(runner, value->line, "an option of more than %zu octets", sizeof octets);
        return CALL_WRONG;
    }
    if (value->kind == SCRIPT_STRING) {
        size_t n = (size_t)value->number < sizeof octets ? (size_t)value->number : sizeof octets;
        memcpy(octets.text, value->text, n);
    } else if (value->kind == SCRIPT_STRUCT) {
        if (!two_numbers(runner, value, pair)) {
            return CALL_WRONG;
        }
        if (name == SO_LINGER) {
            octets.linger = (struct linger){(int)pair[0], (int)pair[1]};
        } else {
            octets.time = (struct timeval){pair[0], pair[1]};
        }
    } else {
        if (!run_number(runner, value, &number)) {
            return CALL_WRONG;
        }
        octets.number = (int)number;
    }
    return answered(answer,
                    runner->stack->setsockopt(runner->user, fd, level, name, &octets, size));
}

/* One field of TCP_INFO after the other. */
static bool info_holds(struct runner *runner, const struct script_value *value,
                       const struct tcp_info *info)
{
    for (const struct script_value *member = value->first; member != NULL; member = member->next) {
        int64_t actual;
        int64_t expected;
        if (member->field == NULL || !run_info_field(info, member->field, &actual)) {
            return run_bad(runner, member->line, "TCP_INFO has no field '%.40s'",
                           member->field != NULL ? member->field : "");
        }
        if (is_dots(member)) {
            continue;
        }
        if (!run_number(runner, member, &expected)) {
            return false;
        }
        if (actual != expected) {
            return run_failed(runner, "%s is %" PRId64 ", expected %" PRId64, member->field, actual,
                              expected);
        }
    }
    return true;
}

static bool option_holds(struct runner *runner, const struct script_value *value, int level,
                         int name, const void *octets, socklen_t size)
{
    int64_t expected;
    int64_t pair[2];
    int number = 0;
    if (is_dots(value)) {
        return true;
    }
    if (value->kind == SCRIPT_STRING) {
        bool same = strncmp(octets, value->text, size) == 0;
        return same || run_failed(runner, "the option is not \"%.40s\"", value->text);
    }
    if (value->kind == SCRIPT_STRUCT && level == IPPROTO_TCP && name == TCP_INFO) {
        return info_holds(runner, value, octets);
    }
    if (value->kind == SCRIPT_STRUCT) {
        struct linger linger;
        struct timeval time;
        memcpy(&linger, octets, sizeof linger);
        memcpy(&time, octets, sizeof time);
        int64_t first = name == SO_LINGER ? linger.l_onoff : time.tv_sec;
        int64_t second = name == SO_LINGER ? linger.l_linger : time.tv_usec;
        return two_numbers(runner, value, pair) &&
               ((first == pair[0] && second == pair[1]) ||
                run_failed(runner, "the option is {%" PRId64 ", %" PRId64 "}", first, second));
    }
    memcpy(&number, octets, size < sizeof number ? size : sizeof number);
    if (!run_number(runner, value, &expected)) {
        return false;
    }
    if (number == (int)expected) {
        return true;
    }
    if (level == SOL_SOCKET && name == SO_ERROR) {
        return run_failed(runner, "the option is %d %s, expected %" PRId64, number,
                          number != 0 ? run_errno_name(number) : "", expected);
    }
    return run_failed(runner, "the option is %d, expected %" PRId64, number, expected);
}

static enum attempt call_getsockopt(struct runner *runner, const struct arguments *a,
                                    struct answer *answer)
{
    int fd = run_fd(runner, a->number[0]);
    int level = (int)a->number[1];
    int name = (int)a->number[2];
    const struct script_value *length = a->value[4];
    int64_t room = 4;
    int64_t octets[64] = {0};
    bool info = level == IPPROTO_TCP && name == TCP_INFO;
    bool pair = level == SOL_SOCKET && name == SO_LINGER;
    if (info || a->value[3]->kind == SCRIPT_STRING || is_dots(a->value[3])) {
        room = sizeof(struct tcp_info);
    } else if (pair) {
        room = sizeof(struct linger);
    }
    if (!is_dots(length) && !info && !run_number(runner, length, &room)) {
        return CALL_WRONG;
    }
    if (room < 0 || room > (int64_t)sizeof octets) {
        run_bad(runner, length->line, "an option of %" PRId64 " octets", room);
        return CALL_WRONG;
    }
    socklen_t size = (socklen_t)room;
    answered(answer, runner->stack->getsockopt(runner->user, fd, level, name, octets, &size));
    if (answer->value == 0 && !option_holds(runner, a->value[3], level, name, octets, size)) {
        return CALL_WRONG;
    }
    return CALL_DONE;
}

/* ---- fcntl and ioctl ---- */

static enum attempt call_fcntl(struct runner *runner, const struct arguments *a,
                               struct answer *answer)
{
    int argument = a->count > 2 ? (int)a->number[2] : 0;
    return answered(answer, runner->stack->fcntl(runner->user, run_fd(runner, a->number[0]),
                                                 (int)a->number[1], argument));
}

static enum attempt call_ioctl(struct runner *runner, const struct arguments *a,
                               struct answer *answer)
{
    int value = 0;
    int64_t expected = 0;
    bool given = a->count > 2 && !is_dots(a->value[2]);
    if (given && !run_number(runner, a->value[2], &expected)) {
        return CALL_WRONG;
    }
    value = (int)expected;
    answered(answer, runner->stack->ioctl(runner->user, run_fd(runner, a->number[0]),
                                          (unsigned long)a->number[1], &value));
    if (answer->value >= 0 && given && value != (int)expected) {
        run_failed(runner, "ioctl tells %d, expected %" PRId64, value, expected);
        return CALL_WRONG;
    }
    return CALL_DONE;
}

/* ---- poll and epoll ---- */

/* A wait that found nothing goes on until its time is over. */
static enum attempt waits(struct runner *runner, int64_t value, int64_t timeout_ms,
                          struct answer *answer)
{
    struct pending *pending = &runner->pending;
    answered(answer, value);
    if (value != 0 || timeout_ms == 0) {
        return CALL_DONE;
    }
    if (!pending->begun) {
        pending->begun = true;
        pending->due = timeout_ms > 0 ? run_now(runner) + timeout_ms * 1000 : INT64_MAX;
    }
    return run_now(runner) < pending->due ? CALL_WAITS : CALL_DONE;
}

static bool member_number(struct runner *runner, const struct script_value *structure,
                          const char *name, int64_t *number)
{
    const struct script_value *member =
        structure->kind == SCRIPT_STRUCT ? run_member(structure, name, 99) : NULL;
    *number = 0;
    if (member == NULL) {
        return run_bad(runner, structure->line, "a structure with %s is needed", name);
    }
    return run_number(runner, member, number);
}

static enum attempt call_poll(struct runner *runner, const struct arguments *a,
                              struct answer *answer)
{
    struct pollfd fds[POLL_MOST];
    int64_t expected[POLL_MOST];
    unsigned n = 0;
    if (a->value[0]->kind != SCRIPT_LIST) {
        run_bad(runner, a->value[0]->line, "poll() takes [{fd=..., events=..., revents=...}, ...]");
        return CALL_WRONG;
    }
    for (const struct script_value *one = a->value[0]->first; one != NULL; one = one->next, n++) {
        int64_t fd;
        int64_t events;
        if (n == POLL_MOST) {
            run_bad(runner, one->line, "more than %d descriptors", POLL_MOST);
            return CALL_WRONG;
        }
        if (!member_number(runner, one, "fd", &fd) ||
            !member_number(runner, one, "events", &events) ||
            !member_number(runner, one, "revents", &expected[n])) {
            return CALL_WRONG;
        }
        fds[n] =
            (struct pollfd){.fd = fd < 0 ? (int)fd : run_fd(runner, fd), .events = (short)events};
    }
    int64_t value = runner->stack->poll(runner->user, fds, n, 0);
    enum attempt attempt = waits(runner, value, a->number[2], answer);
    for (unsigned i = 0; i < n && attempt == CALL_DONE && value >= 0; i++) {
        if (fds[i].revents != (short)expected[i]) {
            run_failed(runner, "revents %u is 0x%x, expected 0x%x", i, (unsigned)fds[i].revents,
                       (unsigned)expected[i]);
            return CALL_WRONG;
        }
    }
    return attempt;
}

/* What epoll carries with an event: a number under any of its names. */
static bool event_data(struct runner *runner, const struct script_value *structure, uint64_t *data)
{
    static const char *const names[] = {"fd", "ptr", "u32", "u64"};
    *data = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct script_value *member = run_member(structure, names[i], 99);
        int64_t number;
        if (member != NULL) {
            bool sound = run_number(runner, member, &number);
            *data = (uint64_t)number;
            return sound;
        }
    }
    return true;
}

static enum attempt call_epoll_create(struct runner *runner, const struct arguments *a,
                                      struct answer *answer)
{
    return answered(answer, runner->stack->epoll_create(runner->user, (int)a->number[0]));
}

static enum attempt call_epoll_ctl(struct runner *runner, const struct arguments *a,
                                   struct answer *answer)
{
    struct epoll_event event = {0};
    int64_t events = 0;
    uint64_t data = 0;
    bool given = a->count > 3 && a->value[3]->kind == SCRIPT_STRUCT;
    if (given && (!member_number(runner, a->value[3], "events", &events) ||
                  !event_data(runner, a->value[3], &data))) {
        return CALL_WRONG;
    }
    event.events = (uint32_t)events;
    event.data.u64 = data;
    return answered(answer, runner->stack->epoll_ctl(runner->user, run_fd(runner, a->number[0]),
                                                     (int)a->number[1],
                                                     run_fd(runner, a->number[2]), &event));
}

static bool event_holds(struct runner *runner, const struct script_value *expected,
                        const struct epoll_event *actual)
{
    int64_t events;
    uint64_t data;
    if (is_dots(expected)) {
        return true;
    }
    if (!member_number(runner, expected, "events", &events) ||
        !event_data(runner, expected, &data)) {
        return false;
    }
    if (actual->events != (uint32_t)events || actual->data.u64 != data) {
        return run_failed(runner, "event 0x%x of %" PRIu64 ", expected 0x%x of %" PRIu64,
                          actual->events, (uint64_t)actual->data.u64, (unsigned)events, data);
    }
    return true;
}

static enum attempt call_epoll_wait(struct runner *runner, const struct arguments *a,
                                    struct answer *answer)
{
    struct epoll_event events[POLL_MOST];
    int64_t most = a->number[2] < POLL_MOST ? a->number[2] : POLL_MOST;
    int64_t value =
        runner->stack->epoll_wait(runner->user, run_fd(runner, a->number[0]), events, (int)most, 0);
    enum attempt attempt = waits(runner, value, a->number[3], answer);
    const struct script_value *expected = a->value[1];
    bool list = expected->kind == SCRIPT_LIST;
    expected = list ? expected->first : expected;
    for (int64_t i = 0; i < value && attempt == CALL_DONE && expected != NULL; i++) {
        if (!event_holds(runner, expected, &events[i])) {
            return CALL_WRONG;
        }
        expected = list ? expected->next : NULL;
    }
    return attempt;
}

/* ---- pipe and splice ---- */

static enum attempt call_pipe(struct runner *runner, const struct arguments *a,
                              struct answer *answer)
{
    const struct script_value *list = a->value[0];
    int fds[2];
    int64_t numbers[2];
    if (list->kind != SCRIPT_LIST || list->first == NULL || list->first->next == NULL ||
        !run_number(runner, list->first, &numbers[0]) ||
        !run_number(runner, list->first->next, &numbers[1])) {
        run_bad(runner, list->line, "pipe() takes [FD, FD]");
        return CALL_WRONG;
    }
    answered(answer, runner->stack->pipe(runner->user, fds));
    if (answer->value == 0 && (!run_new_fd(runner, (int)numbers[0], fds[0]) ||
                               !run_new_fd(runner, (int)numbers[1], fds[1]))) {
        return CALL_WRONG;
    }
    for (unsigned i = 0; i < 2 && answer->value == 0; i++) {
        run_descriptor(runner, numbers[i])->pipe = true;
    }
    return CALL_DONE;
}

/* The octets stay in their order: counters move with them. */
static enum attempt call_splice(struct runner *runner, const struct arguments *a,
                                struct answer *answer)
{
    int from = run_fd(runner, a->number[0]);
    int to = run_fd(runner, a->number[2]);
    answered(answer, runner->stack->splice(runner->user, from, NULL, to, NULL, (size_t)a->number[4],
                                           (unsigned)a->number[5] | 2u /* SPLICE_F_NONBLOCK */));
    struct descriptor *source = run_descriptor(runner, a->number[0]);
    struct descriptor *sink = run_descriptor(runner, a->number[2]);
    if (answer->value > 0 && source != NULL && sink != NULL) {
        source->read += (uint64_t)answer->value;
        sink->written += (uint64_t)answer->value;
        runner->foreign = true; /* what the peer sent goes back to it */
    }
    return CALL_DONE;
}

/* ---- which call it is ---- */

/* What an argument is: n a number, d a number or `...`, * anything. A `?` begins what may be left
 * out. */
static const struct {
    const char *name;
    const char *arguments;
    handler *make;
    bool makes_fd;
} calls[] = {
    {"socket", "dnn", call_socket, true},
    {"bind", "n*d", call_bind, false},
    {"listen", "nn", call_listen, false},
    {"accept", "n**", call_accept, true},
    {"connect", "n*d", call_connect, false},
    {"shutdown", "nn", call_shutdown, false},
    {"close", "n", call_close, false},
    {"read", "n*n", call_read, false},
    {"recv", "n*nn", call_recv, false},
    {"recvfrom", "n*nn**", call_recv, false},
    {"readv", "n*n", call_readv, false},
    {"recvmsg", "n*n", call_recvmsg, false},
    {"write", "n*n", call_write, false},
    {"send", "n*nn", call_send, false},
    {"sendto", "n*nn*d", call_sendto, false},
    {"writev", "n*n", call_writev, false},
    {"sendmsg", "n*n", call_sendmsg, false},
    {"setsockopt", "nnn*n", call_setsockopt, false},
    {"getsockopt", "nnn**", call_getsockopt, false},
    {"fcntl", "nn?n", call_fcntl, false},
    {"ioctl", "nn?*", call_ioctl, false},
    {"poll", "*nn", call_poll, false},
    {"epoll_create", "n", call_epoll_create, true},
    {"epoll_ctl", "nnn?*", call_epoll_ctl, false},
    {"epoll_wait", "n*nn", call_epoll_wait, false},
    {"pipe", "*", call_pipe, false},
    {"splice", "n*n*nn", call_splice, false},
};

static bool read_arguments(struct runner *runner, const struct script_call *call, const char *kinds,
                           struct arguments *a)
{
    const struct script_value *value = call->arguments;
    bool optional = false;
    *a = (struct arguments){.count = 0};
    for (; *kinds != '\0'; kinds++) {
        if (*kinds == '?') {
            optional = true;
            continue;
        }
        if (value == NULL && optional) {
            return true;
        }
        if (value == NULL) {
            return run_bad(runner, runner->event->line, "%s() lacks an argument", call->name);
        }
        bool number = *kinds == 'n' || (*kinds == 'd' && !is_dots(value));
        if (number && !run_number(runner, value, &a->number[a->count])) {
            return false;
        }
        a->value[a->count++] = value;
        value = value->next;
    }
    return value == NULL ||
           run_bad(runner, runner->event->line, "%s() has too many arguments", call->name);
}

/* Lengths go to the stack as sizes: a negative one would be a huge one. */
static bool sizes_hold(struct runner *runner, const struct script_call *call, const char *kinds,
                       const struct arguments *a)
{
    bool octets = kinds[0] == 'n' && kinds[1] == '*' && kinds[2] == 'n';
    if (octets && a->number[2] < 0) {
        return run_bad(runner, runner->event->line, "%s() of %" PRId64 " octets", call->name,
                       a->number[2]);
    }
    return true;
}

static void words_of(int64_t value, int error, char *words, size_t room)
{
    if (value < 0 && error != 0) {
        snprintf(words, room, "%" PRId64 " %s", value, run_errno_name(error));
    } else {
        snprintf(words, room, "%" PRId64, value);
    }
}

/* The answer against what the script says. New descriptors may have any number. */
static bool answer_holds(struct runner *runner, const struct script_call *call, bool makes_fd,
                         const struct answer *answer)
{
    const struct script_value *result = call->result;
    int error = call->error != NULL ? run_errno(call->error) : 0;
    char actual[64];
    char expected[64];
    if (call->error != NULL && error == 0) {
        return run_bad(runner, runner->event->line, "errno '%.40s' is not known", call->error);
    }
    if (is_dots(result)) {
        return true;
    }
    bool same =
        makes_fd && result->number >= 0 ? answer->value >= 0 : answer->value == result->number;
    if (!same || (answer->value < 0 && error != 0 && error != answer->error)) {
        words_of(answer->value, answer->error, actual, sizeof actual);
        words_of(result->number, error, expected, sizeof expected);
        return run_failed(runner, "%s() = %s, expected %s", call->name, actual, expected);
    }
    if (makes_fd && answer->value >= 0) {
        bool socket = strcmp(call->name, "epoll_create") != 0;
        runner->socket = socket ? (int)answer->value : runner->socket;
        return run_new_fd(runner, (int)result->number, (int)answer->value);
    }
    return true;
}

/* One try of a call, and its answer looked at when there is one. `waits` tells that there is none. */
static bool attempt_call(struct runner *runner, const struct script_call *call, bool *waiting)
{
    struct arguments a;
    struct answer answer = {0};
    *waiting = false;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(call->name, calls[i].name) != 0) {
            continue;
        }
        if (!read_arguments(runner, call, calls[i].arguments, &a) ||
            !sizes_hold(runner, call, calls[i].arguments, &a)) {
            return false;
        }
        enum attempt attempt = calls[i].make(runner, &a, &answer);
        *waiting = attempt == CALL_WAITS;
        return attempt == CALL_WAITS ||
               (attempt == CALL_DONE && answer_holds(runner, call, calls[i].makes_fd, &answer));
    }
    return run_bad(runner, runner->event->line, "system call '%.40s' is not known", call->name);
}

bool run_call(struct runner *runner, const struct script_event *event, int64_t end)
{
    const struct script_call *call = event->call;
    bool waiting;
    if (runner->pending.call != NULL) {
        return run_failed(runner, "%s() of line %u still blocks", runner->pending.call->name,
                          runner->pending.event->line);
    }
    runner->pending = (struct pending){.call = NULL};
    if (!attempt_call(runner, call, &waiting)) {
        return false;
    }
    if (waiting && !call->blocks) {
        return run_failed(runner, "%s() blocks; what it waits for needs a time: START...END",
                          call->name);
    }
    if (call->blocks && !waiting && end > run_now(runner) + runner->options->tolerance) {
        return run_failed(runner, "%s() does not block", call->name);
    }
    if (waiting) {
        runner->pending.call = call;
        runner->pending.event = event;
        runner->pending.end = end;
    }
    return true;
}

bool run_pending(struct runner *runner, bool last)
{
    struct pending *pending = &runner->pending;
    const struct script_event *event = runner->event;
    bool waiting;
    if (pending->call == NULL) {
        return true;
    }
    runner->event = pending->event;
    const char *name = pending->call->name;
    bool sound = attempt_call(runner, pending->call, &waiting);
    int64_t now = run_now(runner);
    int64_t tolerance = runner->options->tolerance;
    if (sound && waiting && (last || now > pending->end + tolerance)) {
        sound = run_failed(runner, "%s() still blocks", name);
    } else if (sound && !waiting && now < pending->end - tolerance) {
        sound = run_failed(
            runner, "%s() comes back at %" PRId64 ".%06" PRId64 ", expected %" PRId64 ".%06" PRId64,
            name, now / 1000000, now % 1000000, pending->end / 1000000, pending->end % 1000000);
    }
    if (!waiting) {
        pending->call = NULL;
    }
    runner->event = sound ? event : runner->event;
    return sound;
}
