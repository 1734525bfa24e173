/* Calls that read and write. What is written is a numbered stream, and what is read is held against the
 * peer's: run_octet(). */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "call.h"

#define IOV_MOST 64

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
    int blocking = (flags & MSG_DONTWAIT) != 0 ? -1 : call_unblock(runner, fd);
    if (blocking >= 0 && (flags & MSG_WAITALL) != 0 && !all_there(runner, fd, n)) {
        call_block_again(runner, fd, blocking);
        return CALL_WAITS;
    }
    int64_t value = flags == 0 ? runner->stack->read(runner->user, fd, octets, n)
                               : runner->stack->recv(runner->user, fd, octets, n, flags);
    call_block_again(runner, fd, blocking);
    enum attempt attempt = call_unless_blocked(answer, value, blocking);
    if (attempt == CALL_DONE && (flags & MSG_TRUNC) == 0 &&
        !text_holds(runner, a->value[1], a->number[0], octets, value, (flags & MSG_PEEK) != 0)) {
        return CALL_WRONG;
    }
    return attempt;
}

enum attempt call_read(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return read_octets(runner, a, (size_t)a->number[2], 0, answer);
}

enum attempt call_recv(struct runner *runner, const struct arguments *a, struct answer *answer)
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
    int blocking = (flags & MSG_DONTWAIT) != 0 ? -1 : call_unblock(runner, fd);
    int64_t value;
    if (to != NULL) {
        value = runner->stack->sendto(runner->user, fd, runner->text, left, flags,
                                      (const struct sockaddr *)&to->storage, to->size);
    } else {
        value = flags == 0 ? runner->stack->write(runner->user, fd, runner->text, left)
                           : runner->stack->send(runner->user, fd, runner->text, left, flags);
    }
    call_block_again(runner, fd, blocking);
    enum attempt attempt = call_unless_blocked(answer, value, blocking);
    wrote(runner, a->number[0], value);
    if (attempt == CALL_WAITS || value < 0) {
        return attempt;
    }
    *done += value;
    answer->value = *done;
    return blocking >= 0 && *done < (int64_t)n ? CALL_WAITS : CALL_DONE;
}

enum attempt call_write(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return write_octets(runner, a, (size_t)a->number[2], 0, NULL, answer);
}

enum attempt call_send(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return write_octets(runner, a, (size_t)a->number[2], (int)a->number[3], NULL, answer);
}

enum attempt call_sendto(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct socket_address address;
    const struct script_value *to = a->value[4];
    bool null = to->kind == SCRIPT_NAME && strcmp(to->text, "NULL") == 0;
    if (!null && !call_address(runner, to, false, &address)) {
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
    int blocking = (flags & MSG_DONTWAIT) != 0 ? -1 : call_unblock(runner, fd);
    int64_t value;
    if (message) {
        value = writes ? stack->sendmsg(runner->user, fd, &header, flags)
                       : stack->recvmsg(runner->user, fd, &header, flags);
    } else {
        value = writes ? stack->writev(runner->user, fd, pieces, count)
                       : stack->readv(runner->user, fd, pieces, count);
    }
    call_block_again(runner, fd, blocking);
    enum attempt attempt = call_unless_blocked(answer, value, blocking);
    if (writes) {
        wrote(runner, a->number[0], value);
    } else if (attempt == CALL_DONE && !text_holds(runner, &dots, a->number[0], runner->text, value,
                                                   (flags & MSG_PEEK) != 0)) {
        return CALL_WRONG;
    }
    return attempt;
}

enum attempt call_readv(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return in_pieces(runner, a, a->value[1], false, 0, false, answer);
}

enum attempt call_writev(struct runner *runner, const struct arguments *a, struct answer *answer)
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

enum attempt call_recvmsg(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return message(runner, a, false, answer);
}

enum attempt call_sendmsg(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return message(runner, a, true, answer);
}

/* ---- pipe and splice ---- */

enum attempt call_pipe(struct runner *runner, const struct arguments *a, struct answer *answer)
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
    call_answered(answer, runner->stack->pipe(runner->user, fds));
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
enum attempt call_splice(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    int from = run_fd(runner, a->number[0]);
    int to = run_fd(runner, a->number[2]);
    call_answered(answer,
                  runner->stack->splice(runner->user, from, NULL, to, NULL, (size_t)a->number[4],
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
