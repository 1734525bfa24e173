/* Pipes, and splice() between a pipe and a socket: there for scripts that read or write a socket
 * through one. */
#include "socket_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Both ends: whoever looks at the other one has news. */
static void touch_ends(struct sockets *s, const struct pipe *pipe)
{
    for (struct file *file = s->files; file != NULL; file = file->next) {
        if (file->pipe == pipe) {
            file_touch(s, file);
        }
    }
}

void pipe_end(struct sockets *s, struct file *file)
{
    struct pipe *pipe = file->pipe;
    if (pipe == NULL) {
        return;
    }
    *(file->kind == FILE_PIPE_READ ? &pipe->readers : &pipe->writers) -= 1;
    touch_ends(s, pipe);
    if (pipe->readers == 0 && pipe->writers == 0) {
        free(pipe);
    }
    file->pipe = NULL;
}

static void undo(struct sockets *s, struct file *file, int fd)
{
    if (fd >= 0) {
        do_close(s, fd);
    } else if (file != NULL) {
        file_hold(file);
        file_release(s, file);
    }
}

int do_pipe(struct sockets *s, int fds[2])
{
    struct file *ends[2] = {file_create(s, FILE_PIPE_READ), file_create(s, FILE_PIPE_WRITE)};
    struct pipe *pipe = calloc(1, sizeof *pipe);
    int opened[2] = {-ENFILE, -ENFILE};
    if (ends[0] != NULL && ends[1] != NULL && pipe != NULL) {
        opened[0] = fd_allocate(s, ends[0]);
        opened[1] = fd_allocate(s, ends[1]);
    }
    if (opened[0] < 0 || opened[1] < 0) {
        undo(s, ends[0], opened[0]);
        undo(s, ends[1], opened[1]);
        free(pipe);
        return opened[1];
    }
    for (unsigned i = 0; i < 2; i++) {
        ends[i]->pipe = pipe;
        fds[i] = opened[i];
    }
    pipe->readers = 1;
    pipe->writers = 1;
    return 0;
}

static size_t copy_from_pipe(struct pipe *pipe, uint8_t *octets, size_t n)
{
    n = n < pipe->count ? n : pipe->count;
    for (size_t i = 0; i < n; i++) {
        octets[i] = pipe->octets[(pipe->first + i) % PIPE_ROOM];
    }
    pipe->first = (pipe->first + n) % PIPE_ROOM;
    pipe->count -= n;
    return n;
}

static size_t copy_to_pipe(struct pipe *pipe, const uint8_t *octets, size_t n)
{
    n = n < PIPE_ROOM - pipe->count ? n : PIPE_ROOM - pipe->count;
    for (size_t i = 0; i < n; i++) {
        pipe->octets[(pipe->first + pipe->count + i) % PIPE_ROOM] = octets[i];
    }
    pipe->count += n;
    return n;
}

/* Wait until there is something to read (or room to write); 0, or why not. */
static int await(struct sockets *s, struct file *file, bool nonblocking)
{
    struct pipe *pipe = file->pipe;
    bool reads = file->kind == FILE_PIPE_READ;
    struct waiter waiter;
    int result = 0;
    wait_begin(s, &waiter, TFSM_NEVER);
    while (result == 0 && (reads ? pipe->count == 0 && pipe->writers > 0
                                 : pipe->count == PIPE_ROOM && pipe->readers > 0)) {
        result = nonblocking ? -EAGAIN : wait_more(s, &waiter);
    }
    wait_end(s, &waiter);
    return result;
}

ssize_t pipe_read(struct sockets *s, struct file *file, const struct iovec *pieces, size_t count,
                  bool nonblocking)
{
    size_t total = 0;
    file_hold(file);
    int error = await(s, file, nonblocking);
    for (size_t i = 0; i < count && error == 0; i++) {
        total += copy_from_pipe(file->pipe, pieces[i].iov_base, pieces[i].iov_len);
    }
    if (total > 0) {
        touch_ends(s, file->pipe);
    }
    file_release(s, file);
    return error != 0 ? error : (ssize_t)total;
}

/* One piece after the other; a blocking write() takes all. */
ssize_t pipe_write(struct sockets *s, struct file *file, const struct iovec *pieces, size_t count,
                   bool nonblocking)
{
    size_t total = 0;
    int error = 0;
    file_hold(file);
    for (size_t i = 0; i < count && error == 0; i++) {
        size_t done = 0;
        while (done < pieces[i].iov_len && error == 0) {
            error = file->pipe->readers == 0 ? -EPIPE : await(s, file, nonblocking);
            if (error == 0 && file->pipe->readers > 0) {
                done += copy_to_pipe(file->pipe, (const uint8_t *)pieces[i].iov_base + done,
                                     pieces[i].iov_len - done);
                touch_ends(s, file->pipe);
            }
        }
        total += done;
    }
    file_release(s, file);
    return error != 0 && total == 0 ? error : (ssize_t)total;
}

/* ---- splice ---- */

static bool is_pipe_end(const struct file *file)
{
    return file->kind == FILE_PIPE_READ || file->kind == FILE_PIPE_WRITE;
}

/* From a socket into a pipe: no more than there is room for is taken. Others may fill the pipe
 * while the socket is waited for: then again. */
static ssize_t splice_in(struct sockets *s, int from, struct file *to, size_t n, int flags,
                         bool nonblocking)
{
    uint8_t first;
    struct iovec look = {&first, 1};
    ssize_t got = 1;
    do {
        int error = to->pipe->readers == 0 ? -EPIPE : await(s, to, nonblocking);
        got = error != 0 ? error : do_receive(s, from, &look, 1, flags | MSG_PEEK);
    } while (got > 0 && to->pipe->count == PIPE_ROOM);
    size_t room = PIPE_ROOM - to->pipe->count;
    struct iovec piece = {.iov_len = n < room ? n : room};
    if (got <= 0) {
        return got;
    }
    uint8_t *octets = malloc(piece.iov_len > 0 ? piece.iov_len : 1);
    if (octets == NULL) {
        return -ENOMEM;
    }
    piece.iov_base = octets;
    got = do_receive(s, from, &piece, 1, flags | MSG_DONTWAIT);
    if (got > 0) {
        copy_to_pipe(to->pipe, octets, (size_t)got);
        touch_ends(s, to->pipe);
    }
    free(octets);
    return got;
}

/* What the target takes now of what the pipe holds now; -EAGAIN where either has to be waited for.
 */
static ssize_t splice_some(struct sockets *s, struct file *from, int to, size_t n, int flags)
{
    struct file *target = file_of(s, to);
    struct pipe *pipe = from->pipe;
    size_t whole = PIPE_ROOM - pipe->first;
    size_t length = n < pipe->count ? n : pipe->count;
    length = length < whole ? length : whole; /* up to where it wraps */
    if (length == 0) {
        return pipe->writers > 0 ? -EAGAIN : 0;
    }
    if (target == NULL) {
        return -EBADF;
    }
    struct iovec piece = {pipe->octets + pipe->first, length};
    ssize_t put = target->kind == FILE_PIPE_WRITE
                      ? pipe_write(s, target, &piece, 1, true)
                      : do_send(s, to, &piece, 1, flags | MSG_DONTWAIT, NULL, 0);
    if (put > 0) {
        pipe->first = (pipe->first + (size_t)put) % PIPE_ROOM;
        pipe->count -= (size_t)put;
        touch_ends(s, pipe);
    }
    return put;
}

/* From a pipe into a socket or another pipe: what is not taken stays in the pipe, for whoever reads
 * it meanwhile. */
static ssize_t splice_out(struct sockets *s, struct file *from, int to, size_t n, int flags,
                          bool nonblocking)
{
    struct waiter waiter;
    bool waits = !nonblocking && (flags & MSG_DONTWAIT) == 0;
    wait_begin(s, &waiter, TFSM_NEVER);
    ssize_t put = splice_some(s, from, to, n, flags);
    while (put == -EAGAIN && waits) {
        int waited = wait_more(s, &waiter);
        put = waited != 0 ? waited : splice_some(s, from, to, n, flags);
    }
    wait_end(s, &waiter);
    return put;
}

ssize_t do_splice(struct sockets *s, int from, off_t *from_offset, int to, off_t *to_offset,
                  size_t n, unsigned flags)
{
    struct file *source = file_of(s, from);
    struct file *target = file_of(s, to);
    if (source == NULL || target == NULL || source->kind == FILE_PIPE_WRITE ||
        target->kind == FILE_PIPE_READ) {
        return -EBADF;
    }
    if (source->kind == FILE_EPOLL || target->kind == FILE_EPOLL ||
        (!is_pipe_end(source) && !is_pipe_end(target)) ||
        (source->pipe != NULL && source->pipe == target->pipe)) {
        return -EINVAL;
    }
    if (from_offset != NULL || to_offset != NULL) {
        return -ESPIPE;
    }
    bool nonblocking = (flags & SPLICE_F_NONBLOCK) != 0;
    int socket_flags = nonblocking ? MSG_DONTWAIT : 0;
    if (n == 0) {
        return 0;
    }
    file_hold(source);
    file_hold(target);
    ssize_t result =
        source->kind == FILE_SOCKET
            ? splice_in(s, from, target, n, socket_flags, nonblocking || target->nonblocking)
            : splice_out(s, source, to, n, socket_flags, nonblocking || source->nonblocking);
    file_release(s, target);
    file_release(s, source);
    return result;
}
