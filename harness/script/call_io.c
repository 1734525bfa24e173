/* Calls that read and write. What is written is a numbered stream, and what is read is held against
 * the peer's: run_octet(). A string of the script is taken as it is. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include <linux/errqueue.h>

#include "call.h"

#define PARCELS_MOST 64
#define MSG_FAST     0x20000000 /* MSG_FASTOPEN, which not every header has */

/* ---- octets ---- */

/* What is read or written at once: pieces of `...` or of a string. */
struct parcel {
    const struct script_value *value;
    size_t n;
};

struct load {
    struct parcel parcels[PARCELS_MOST];
    unsigned count;
    size_t total;
};

static bool add_parcel(struct runner *runner, struct load *load, const struct script_value *value,
                       int64_t n)
{
    if (!is_dots(value) && value->kind != SCRIPT_STRING) {
        return run_bad(runner, value->line, "octets are `...' or a string");
    }
    if (load->count == PARCELS_MOST) {
        return run_bad(runner, value->line, "more than %d pieces", PARCELS_MOST);
    }
    if (n < 0 || (size_t)n > sizeof runner->text - load->total) {
        return run_bad(runner, value->line, "more than %zu octets at a time", sizeof runner->text);
    }
    load->parcels[load->count++] = (struct parcel){value, (size_t)n};
    load->total += (size_t)n;
    return true;
}

/* One buffer and its length. */
static bool one_parcel(struct runner *runner, const struct arguments *a, struct load *load)
{
    *load = (struct load){.count = 0};
    return add_parcel(runner, load, a->value[1], a->number[2]);
}

/* [{..., 10}, {"abc", 3}], and how many the call says there are. */
static bool many_parcels(struct runner *runner, const struct script_value *list, int64_t count,
                         struct load *load)
{
    *load = (struct load){.count = 0};
    if (list->kind != SCRIPT_LIST) {
        return run_bad(runner, list->line, "pieces are [{..., LENGTH}, ...]");
    }
    for (const struct script_value *piece = list->first; piece != NULL; piece = piece->next) {
        int64_t n;
        if (!run_members(runner, piece, "* iov_base iov_len")) {
            return false;
        }
        const struct script_value *base = run_member(piece, "iov_base", 0);
        const struct script_value *length = run_member(piece, "iov_len", 1);
        if (base == NULL || length == NULL) {
            return run_bad(runner, piece->line, "a piece is {..., LENGTH}");
        }
        if (!run_number(runner, length, &n) || !add_parcel(runner, load, base, n)) {
            return false;
        }
    }
    return load->count == count ||
           run_bad(runner, list->line, "%u pieces, and the call says %" PRId64, load->count, count);
}

/* Octet i of a string, zeros behind it. */
static uint8_t octet_of(const struct script_value *string, size_t i)
{
    return i < (size_t)string->number ? (uint8_t)string->text[i] : 0;
}

/* The octets to write, from `done` on, to runner->text: the stream goes on, or strings. */
static void fill_text(struct runner *runner, const struct load *load,
                      const struct descriptor *descriptor, size_t done)
{
    uint64_t stream = descriptor != NULL ? descriptor->written - done : 0;
    size_t at = 0;
    for (unsigned p = 0; p < load->count; p++) {
        const struct parcel *parcel = &load->parcels[p];
        for (size_t i = 0; i < parcel->n; i++, at++) {
            if (at >= done) {
                runner->text[at - done] = is_dots(parcel->value) ? run_octet(true, stream + at)
                                                                 : octet_of(parcel->value, i);
            }
        }
    }
}

/* So many went out. What came from strings is not looked at on the wire. */
static void note_written(struct runner *runner, const struct load *load,
                         struct descriptor *descriptor, size_t done, int64_t n)
{
    if (descriptor == NULL || n <= 0) {
        return;
    }
    uint64_t stream = descriptor->written - done;
    size_t end = done + (size_t)n;
    size_t at = 0;
    for (unsigned p = 0; p < load->count; at += load->parcels[p++].n) {
        size_t from = at > done ? at : done;
        size_t to = at + load->parcels[p].n < end ? at + load->parcels[p].n : end;
        if (!is_dots(load->parcels[p].value) && from < to && !descriptor->pipe) {
            run_foreign(runner, stream + from, to - from);
        }
    }
    descriptor->written += (uint64_t)n;
    runner->mixed = runner->mixed || descriptor->pipe;
}

/* What a read has read, in runner->octets, is what the peer sent there. */
static bool text_holds(struct runner *runner, const struct load *load,
                       struct descriptor *descriptor, int64_t n, int flags)
{
    if (descriptor == NULL || n <= 0) {
        return true;
    }
    bool looks = (flags & MSG_TRUNC) == 0 && !(descriptor->pipe && runner->mixed);
    size_t at = 0;
    for (unsigned p = 0; p < load->count && looks; p++) {
        const struct parcel *parcel = &load->parcels[p];
        for (size_t i = 0; i < parcel->n && at < (size_t)n; i++, at++) {
            uint8_t expected = is_dots(parcel->value) ? run_octet(false, descriptor->read + at)
                                                      : octet_of(parcel->value, i);
            if (runner->octets[at] != expected) {
                return run_failed(
                    runner, "octet %" PRIu64 " of the stream is not the one that was %s",
                    descriptor->read + at, is_dots(parcel->value) ? "sent" : "expected");
            }
        }
    }
    descriptor->read += (flags & MSG_PEEK) != 0 ? 0 : (uint64_t)n;
    return true;
}

/* The pieces as the stack takes them, from `done` on. */
static int vector(uint8_t *octets, const struct load *load, size_t done,
                  struct iovec pieces[PARCELS_MOST])
{
    int count = 0;
    size_t at = 0;
    for (unsigned p = 0; p < load->count; at += load->parcels[p++].n) {
        size_t end = at + load->parcels[p].n;
        size_t from = at > done ? at : done;
        size_t n = from < end ? end - from : 0;
        pieces[count++] = (struct iovec){octets + (n > 0 ? from - done : 0), n};
    }
    return count;
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

/* A read may wait for more than an octet: SO_RCVLOWAT. The stack knows when it has waited enough. */
static bool has_least(struct runner *runner, int fd)
{
    int least = 1;
    socklen_t size = sizeof least;
    runner->stack->getsockopt(runner->user, fd, SOL_SOCKET, SO_RCVLOWAT, &least, &size);
    return least > 1;
}

/* What poll() says of a descriptor now, the events asked for and those that are always told. */
static short ready_for(struct runner *runner, int fd, short events)
{
    struct pollfd poll = {.fd = fd, .events = events};
    return runner->stack->poll(runner->user, &poll, 1, 0) > 0 ? poll.revents : 0;
}

enum way { PLAIN, ADDRESSED, IN_PIECES, AS_MESSAGE };

/* What comes with a message besides its text. */
struct told {
    int flags;
    size_t size; /* octets of control messages */
    _Alignas(max_align_t) char control[512];
};

/* A way to read; `from` and `told` are written by those that know an address or flags. */
static int64_t read_by(struct runner *runner, int fd, enum way way, const struct load *load,
                       int flags, struct socket_address *from, struct told *told)
{
    const struct packetdrill_interface *stack = runner->stack;
    struct iovec pieces[PARCELS_MOST];
    struct msghdr header = {.msg_iov = pieces};
    int count = vector(runner->octets, load, 0, pieces);
    int64_t value;
    switch (way) {
    case PLAIN:
        return flags == 0 ? stack->read(runner->user, fd, runner->octets, load->total)
                          : stack->recv(runner->user, fd, runner->octets, load->total, flags);
    case ADDRESSED:
        from->size = sizeof from->storage;
        return stack->recvfrom(runner->user, fd, runner->octets, load->total, flags,
                               (struct sockaddr *)&from->storage, &from->size);
    case IN_PIECES:
        return stack->readv(runner->user, fd, pieces, count);
    case AS_MESSAGE:
        header.msg_iovlen = (size_t)count;
        header.msg_control = told->control;
        header.msg_controllen = sizeof told->control;
        value = stack->recvmsg(runner->user, fd, &header, flags);
        told->flags = header.msg_flags;
        told->size = header.msg_controllen < sizeof told->control ? header.msg_controllen : 0;
        return value;
    }
    return -1;
}

static enum attempt read_octets(struct runner *runner, const struct arguments *a, enum way way,
                                const struct load *load, int flags, struct socket_address *from,
                                struct told *told, struct answer *answer)
{
    int fd = run_fd(runner, a->number[0]);
    bool never = (flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) != 0; /* the error queue has it or not */
    int blocking = never ? -1 : call_unblock(runner, fd);
    bool whole = (flags & MSG_WAITALL) != 0;
    if (blocking >= 0 && (whole ? !all_there(runner, fd, load->total)
                                : has_least(runner, fd) && ready_for(runner, fd, POLLIN) == 0)) {
        call_block_again(runner, fd, blocking);
        return call_waits(runner, fd, SO_RCVTIMEO, answer);
    }
    int64_t value = read_by(runner, fd, way, load, flags, from, told);
    call_block_again(runner, fd, blocking);
    enum attempt attempt = call_unless_blocked(runner, fd, SO_RCVTIMEO, value, blocking, answer);
    if (attempt == CALL_DONE &&
        !text_holds(runner, load, run_descriptor(runner, a->number[0]), value, flags)) {
        return CALL_WRONG;
    }
    return attempt;
}

static enum attempt read_one(struct runner *runner, const struct arguments *a, int flags,
                             struct answer *answer)
{
    struct load load;
    return one_parcel(runner, a, &load)
               ? read_octets(runner, a, PLAIN, &load, flags, NULL, NULL, answer)
               : CALL_WRONG;
}

enum attempt call_read(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return read_one(runner, a, 0, answer);
}

enum attempt call_recv(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return read_one(runner, a, (int)a->number[3], answer);
}

enum attempt call_recvfrom(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct load load;
    struct socket_address from;
    memset(&from, 0, sizeof from);
    if (!one_parcel(runner, a, &load)) {
        return CALL_WRONG;
    }
    enum attempt attempt =
        read_octets(runner, a, ADDRESSED, &load, (int)a->number[3], &from, NULL, answer);
    bool wrong = attempt == CALL_DONE && answer->value >= 0 &&
                 !call_address_holds(runner, a->value[4], a->value[5], &from);
    return wrong ? CALL_WRONG : attempt;
}

enum attempt call_readv(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct load load;
    return many_parcels(runner, a->value[1], a->number[2], &load)
               ? read_octets(runner, a, IN_PIECES, &load, 0, NULL, NULL, answer)
               : CALL_WRONG;
}

/* ---- write ---- */

/* A way to write; `to` may be null. */
static int64_t write_by(struct runner *runner, int fd, enum way way, const struct load *load,
                        size_t done, int flags, const struct socket_address *to)
{
    const struct packetdrill_interface *stack = runner->stack;
    struct iovec pieces[PARCELS_MOST];
    struct msghdr header = {.msg_iov = pieces};
    struct socket_address name;
    int count = vector(runner->text, load, done, pieces);
    size_t left = load->total - done;
    switch (way) {
    case PLAIN:
        return flags == 0 ? stack->write(runner->user, fd, runner->text, left)
                          : stack->send(runner->user, fd, runner->text, left, flags);
    case ADDRESSED:
        return stack->sendto(runner->user, fd, runner->text, left, flags,
                             (const struct sockaddr *)&to->storage, to->size);
    case IN_PIECES:
        return stack->writev(runner->user, fd, pieces, count);
    case AS_MESSAGE:
        header.msg_iovlen = (size_t)count;
        if (to != NULL) {
            name = *to;
            header.msg_name = &name.storage;
            header.msg_namelen = name.size;
        }
        return stack->sendmsg(runner->user, fd, &header, flags);
    }
    return -1;
}

/* A write that blocks goes on until all is taken. One that opens a connection waits for that, too,
 * and goes on as any other once the SYN is out. */
static enum attempt write_octets(struct runner *runner, const struct arguments *a, enum way way,
                                 const struct load *load, int flags,
                                 const struct socket_address *to, struct answer *answer)
{
    bool opens = (flags & MSG_FAST) != 0 && !runner->pending.begun;
    if ((flags & MSG_FAST) != 0 && runner->pending.begun) {
        flags &= ~MSG_FAST;
        way = PLAIN;
    }
    int fd = run_fd(runner, a->number[0]);
    struct descriptor *descriptor = run_descriptor(runner, a->number[0]);
    int64_t *done = &runner->pending.done;
    if (*done > 0 && !runner->pending.begun &&
        (ready_for(runner, fd, POLLOUT) & POLLHUP) != 0) { /* its error is for the next */
        answer->value = *done;
        return CALL_DONE;
    }
    fill_text(runner, load, descriptor, (size_t)*done);
    int blocking = (flags & MSG_DONTWAIT) != 0 ? -1 : call_unblock(runner, fd);
    int64_t value = write_by(runner, fd, way, load, (size_t)*done, flags, to);
    call_block_again(runner, fd, blocking);
    runner->opens = runner->opens || opens;
    bool opening = value < 0 ? errno == EINPROGRESS : opens;
    runner->pending.begun = opening || runner->pending.begun;
    note_written(runner, load, descriptor, (size_t)*done, value);
    if (opening && blocking >= 0) {
        *done += value > 0 ? value : 0;
        return call_waits(runner, fd, SO_SNDTIMEO, answer);
    }
    enum attempt attempt = call_unless_blocked(runner, fd, SO_SNDTIMEO, value, blocking, answer);
    if (attempt == CALL_WAITS) {
        return attempt;
    }
    *done += value > 0 ? value : 0;
    if (value < 0) { /* what went out before the time was over counts, once there is a connection */
        answer->value = *done > 0 && !runner->pending.begun ? *done : answer->value;
        return CALL_DONE;
    }
    answer->value = *done;
    return blocking >= 0 && *done < (int64_t)load->total
               ? call_waits(runner, fd, SO_SNDTIMEO, answer)
               : CALL_DONE;
}

static enum attempt write_one(struct runner *runner, const struct arguments *a, int flags,
                              const struct socket_address *to, struct answer *answer)
{
    struct load load;
    return one_parcel(runner, a, &load)
               ? write_octets(runner, a, to != NULL ? ADDRESSED : PLAIN, &load, flags, to, answer)
               : CALL_WRONG;
}

enum attempt call_write(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return write_one(runner, a, 0, NULL, answer);
}

enum attempt call_send(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    return write_one(runner, a, (int)a->number[3], NULL, answer);
}

enum attempt call_sendto(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct socket_address address;
    bool null = call_is_null(a->value[4]);
    if (!null && !call_address(runner, a->value[4], false, &address)) {
        return CALL_WRONG;
    }
    return write_one(runner, a, (int)a->number[3], null ? NULL : &address, answer);
}

enum attempt call_writev(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct load load;
    return many_parcels(runner, a->value[1], a->number[2], &load)
               ? write_octets(runner, a, IN_PIECES, &load, 0, NULL, answer)
               : CALL_WRONG;
}

/* ---- messages ---- */

/* {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0, msg_control=[{...}]} */
static bool read_message(struct runner *runner, const struct script_value *message,
                         struct load *load)
{
    if (!run_members(runner, message,
                     "msg_name msg_namelen msg_iov msg_flags msg_control msg_controllen")) {
        return false;
    }
    const struct script_value *list = run_member(message, "msg_iov", 99);
    int64_t count = 0;
    for (const struct script_value *piece = list != NULL ? list->first : NULL; piece != NULL;
         piece = piece->next) {
        count++;
    }
    return list != NULL ? many_parcels(runner, list, count, load)
                        : run_bad(runner, message->line, "a message needs msg_iov");
}

/* The data of a control message: a number, or an error that was queued. */
static bool data_holds(struct runner *runner, const struct script_value *data,
                       const struct cmsghdr *header)
{
    static const char *const names[] = {"ee_errno", "ee_origin", "ee_type",
                                        "ee_code",  "ee_info",   "ee_data"};
    struct sock_extended_err error = {.ee_errno = 0};
    int64_t expected;
    size_t size = header->cmsg_len - CMSG_LEN(0);
    int number = 0;
    if (is_dots(data)) {
        return true;
    }
    if (data->kind != SCRIPT_STRUCT) {
        memcpy(&number, CMSG_DATA(header), size < sizeof number ? size : sizeof number);
        return run_number(runner, data, &expected) &&
               (number == expected ||
                run_failed(runner, "cmsg_data is %d, expected %" PRId64, number, expected));
    }
    if (!run_members(runner, data, "ee_errno ee_origin ee_type ee_code ee_info ee_data")) {
        return false;
    }
    memcpy(&error, CMSG_DATA(header), size < sizeof error ? size : sizeof error);
    const uint32_t actual[] = {error.ee_errno, error.ee_origin, error.ee_type,
                               error.ee_code,  error.ee_info,   error.ee_data};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct script_value *member = run_member(data, names[i], 99);
        if (member == NULL || is_dots(member)) {
            continue;
        }
        if (!run_number(runner, member, &expected)) {
            return false;
        }
        if (actual[i] != expected) {
            return run_failed(runner, "%s is %" PRIu32 ", expected %" PRId64, names[i], actual[i],
                              expected);
        }
    }
    return true;
}

static bool control_holds(struct runner *runner, const struct script_value *control,
                          const struct cmsghdr *header)
{
    int64_t expected;
    if (!run_members(runner, control, "cmsg_level cmsg_type cmsg_data")) {
        return false;
    }
    const struct script_value *level = run_member(control, "cmsg_level", 99);
    const struct script_value *type = run_member(control, "cmsg_type", 99);
    const struct script_value *data = run_member(control, "cmsg_data", 99);
    if (level == NULL || type == NULL || data == NULL) {
        return run_bad(runner, control->line, "a control message has level, type and data");
    }
    if (header == NULL) {
        return run_failed(runner, "a control message is missing");
    }
    if (!run_number(runner, level, &expected)) {
        return false;
    }
    if (header->cmsg_level != expected) {
        return run_failed(runner, "cmsg_level is %d, expected %" PRId64, header->cmsg_level,
                          expected);
    }
    if (!run_number(runner, type, &expected)) {
        return false;
    }
    return header->cmsg_type == expected ? data_holds(runner, data, header)
                                         : run_failed(runner, "cmsg_type is %d, expected %" PRId64,
                                                      header->cmsg_type, expected);
}

/* All of them, in their order. */
static bool controls_hold(struct runner *runner, const struct script_value *list, struct told *told)
{
    struct msghdr message = {.msg_control = told->control, .msg_controllen = told->size};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (list->kind != SCRIPT_LIST) {
        return run_bad(runner, list->line, "msg_control is a list of {...}");
    }
    for (const struct script_value *one = list->first; one != NULL; one = one->next) {
        if (!control_holds(runner, one, header)) {
            return false;
        }
        header = CMSG_NXTHDR(&message, header);
    }
    return header == NULL ||
           run_failed(runner, "a control message of level %d and type %d is not expected",
                      header->cmsg_level, header->cmsg_type);
}

enum attempt call_recvmsg(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct load load;
    struct told told = {.flags = 0};
    int64_t expected;
    if (!read_message(runner, a->value[1], &load)) {
        return CALL_WRONG;
    }
    const struct script_value *flags = run_member(a->value[1], "msg_flags", 99);
    const struct script_value *control = run_member(a->value[1], "msg_control", 99);
    enum attempt attempt =
        read_octets(runner, a, AS_MESSAGE, &load, (int)a->number[2], NULL, &told, answer);
    if (attempt != CALL_DONE || answer->value < 0) {
        return attempt;
    }
    if (flags != NULL && !is_dots(flags)) {
        if (!run_number(runner, flags, &expected)) {
            return CALL_WRONG;
        }
        if (expected != told.flags) {
            run_failed(runner, "msg_flags is 0x%x, expected 0x%" PRIx64, (unsigned)told.flags,
                       (uint64_t)expected);
            return CALL_WRONG;
        }
    }
    return control == NULL || is_dots(control) || controls_hold(runner, control, &told)
               ? CALL_DONE
               : CALL_WRONG;
}

/* With MSG_FASTOPEN `...` is the peer's address; else a connected socket needs none. */
enum attempt call_sendmsg(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    struct load load;
    struct socket_address address;
    if (!read_message(runner, a->value[1], &load)) {
        return CALL_WRONG;
    }
    const struct script_value *name = run_member(a->value[1], "msg_name", 99);
    bool opens = (a->number[2] & MSG_FAST) != 0;
    bool given = name != NULL && !call_is_null(name) && (opens || !is_dots(name));
    if (given && !call_address(runner, name, false, &address)) {
        return CALL_WRONG;
    }
    return write_octets(runner, a, AS_MESSAGE, &load, (int)a->number[2], given ? &address : NULL,
                        answer);
}

/* ---- pipe and splice ---- */

enum attempt call_pipe(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    const struct script_value *list = a->value[0];
    int fds[2];
    int64_t numbers[2];
    if (list->kind != SCRIPT_LIST || list->first == NULL || list->first->next == NULL ||
        list->first->next->next != NULL) {
        run_bad(runner, list->line, "pipe() takes [FD, FD]");
        return CALL_WRONG;
    }
    if (!run_number(runner, list->first, &numbers[0]) ||
        !run_number(runner, list->first->next, &numbers[1])) {
        return CALL_WRONG;
    }
    call_answered(answer, runner->stack->pipe(runner->user, fds));
    for (unsigned i = 0; i < 2 && answer->value == 0; i++) {
        if (!run_new_fd(runner, (int)numbers[i], fds[i])) {
            return CALL_WRONG;
        }
        run_descriptor(runner, numbers[i])->pipe = true;
    }
    return CALL_DONE;
}

/* Octets keep their order, but not their place: those that go to the peer are not looked at. */
enum attempt call_splice(struct runner *runner, const struct arguments *a, struct answer *answer)
{
    int from = run_fd(runner, a->number[0]);
    int to = run_fd(runner, a->number[2]);
    int64_t value = runner->stack->splice(runner->user, from, NULL, to, NULL, (size_t)a->number[4],
                                          (unsigned)a->number[5] | 2u /* SPLICE_F_NONBLOCK */);
    struct descriptor *source = run_descriptor(runner, a->number[0]);
    struct descriptor *sink = run_descriptor(runner, a->number[2]);
    call_answered(answer, value);
    if (value > 0 && source != NULL && sink != NULL) {
        source->read += (uint64_t)value;
        if (!sink->pipe) {
            run_foreign(runner, sink->written, (uint64_t)value);
        }
        sink->written += (uint64_t)value;
    }
    return CALL_DONE;
}
