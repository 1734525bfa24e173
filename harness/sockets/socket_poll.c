/* What a file is ready for, and the calls that wait for it: poll(2) and epoll(7). Timeouts are
 * measured on the clock of the stack. */
#include "socket_internal.h"

#include <stdlib.h>

/* A stream socket can be written when a third of its buffer is free, as on Linux. */
static bool has_room(const struct endpoint_status_block *status)
{
    return status->writable > 0 && status->writable >= status->tcp.queued / 2;
}

static uint32_t connection_ready(const struct sockets *s, const struct sock *sock)
{
    struct endpoint_status_block status;
    bool known =
        sock->connection != 0 && endpoint_status(s->ep, sock->connection, &status) == TFSM_DONE;
    bool writable =
        sock->write_shut || sock->over || !known || (has_room(&status) && sock_wants_text(s, sock));
    uint32_t ready = writable ? POLLOUT | POLLWRNORM : 0;
    if (known && sock_readable(s, sock, status.readable)) {
        ready |= POLLIN | POLLRDNORM;
    }
    if (known && status.tcp.urgent_in > 0) {
        ready |= POLLPRI;
    }
    return ready;
}

/* Completions are in the error queue. */
static bool has_completions(const struct sockets *s, const struct sock *sock)
{
    uint32_t sends;
    zerocopy_done(s, sock, &sends);
    return sends > 0;
}

static uint32_t socket_ready(struct sockets *s, struct sock *sock)
{
    bool closed = sock->phase == PHASE_NONE || sock->over;
    bool no_reading = sock->peer_closed || sock->read_shut || sock->over;
    uint32_t ready = sock->error != 0 || has_completions(s, sock) ? POLLERR : 0;
    if (sock->phase == PHASE_LISTENING) {
        return sock_acceptable(s, sock) ? POLLIN | POLLRDNORM : 0;
    }
    if (closed || (no_reading && sock->write_shut)) {
        ready |= POLLHUP;
    }
    if (no_reading) {
        ready |= POLLIN | POLLRDNORM | POLLRDHUP;
    }
    if (sock->phase == PHASE_DEFERRED) {
        return ready | POLLOUT | POLLWRNORM;
    }
    if (sock->phase == PHASE_CONNECTING && !sock->over) {
        return ready;
    }
    return ready | connection_ready(s, sock);
}

static uint32_t pipe_ready(const struct file *file)
{
    const struct pipe *pipe = file->pipe;
    if (file->kind == FILE_PIPE_READ) {
        return (pipe->count > 0 ? POLLIN | POLLRDNORM : 0u) | (pipe->writers == 0 ? POLLHUP : 0u);
    }
    return (pipe->count < PIPE_ROOM ? POLLOUT | POLLWRNORM : 0u) |
           (pipe->readers == 0 ? POLLERR : 0u);
}

/* POLLIN and the like; EPOLLIN and its kin have the same values. */
static uint32_t ready_for(struct sockets *s, struct file *file)
{
    switch (file->kind) {
    case FILE_SOCKET:
        return socket_ready(s, &file->sock);
    case FILE_PIPE_READ:
    case FILE_PIPE_WRITE:
        return pipe_ready(file);
    case FILE_EPOLL:
        for (const struct interest *at = file->interests; at != NULL; at = at->next) {
            uint32_t told = ready_for(s, at->file) & (at->events | EPOLLERR | EPOLLHUP);
            if (told != 0 && !at->disabled) {
                return POLLIN | POLLRDNORM;
            }
        }
        break;
    }
    return 0;
}

/* Microseconds of a timeout in milliseconds, negative for ever. */
static tfsm_time patience(int timeout_ms)
{
    return timeout_ms < 0 ? TFSM_NEVER : (tfsm_time)timeout_ms * 1000;
}

/* ---- poll ---- */

static int look(struct sockets *s, struct pollfd *fds, nfds_t count)
{
    int found = 0;
    for (nfds_t i = 0; i < count; i++) {
        fds[i].revents = 0;
        if (fds[i].fd < 0) {
            continue;
        }
        struct file *file = file_of(s, fds[i].fd);
        uint32_t wanted = (uint32_t)(fds[i].events & 0x7fff) | POLLERR | POLLHUP;
        uint32_t ready = file != NULL ? ready_for(s, file) & wanted : POLLNVAL;
        fds[i].revents = (short)(ready & 0x7fff);
        found += ready != 0;
    }
    return found;
}

int do_poll(struct sockets *s, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct waiter waiter;
    int found;
    if (count > FDS) {
        return -EINVAL;
    }
    if (fds == NULL && count > 0) {
        return -EFAULT;
    }
    wait_begin(s, &waiter, patience(timeout_ms));
    while ((found = look(s, fds, count)) == 0 && timeout_ms != 0) {
        int waited = wait_more(s, &waiter);
        if (waited != 0) {
            found = waited == -ETIME ? 0 : waited;
            break;
        }
    }
    wait_end(s, &waiter);
    return found;
}

/* ---- epoll ---- */

int do_epoll_create(struct sockets *s, int size)
{
    if (size <= 0) {
        return -EINVAL;
    }
    struct file *file = file_create(s, FILE_EPOLL);
    int fd = file != NULL ? fd_allocate(s, file) : -ENOMEM;
    if (fd < 0 && file != NULL) {
        file_hold(file);
        file_release(s, file);
    }
    return fd;
}

static struct interest **find(struct file *epoll, int fd)
{
    struct interest **link = &epoll->interests;
    while (*link != NULL && (*link)->fd != fd) {
        link = &(*link)->next;
    }
    return link;
}

static void unlink_at(struct interest **link)
{
    struct interest *gone = *link;
    *link = gone->next;
    free(gone);
}

static int add(struct interest **end, struct file *file, int fd, const struct epoll_event *event)
{
    struct interest *interest = calloc(1, sizeof *interest);
    if (interest == NULL) {
        return -ENOMEM;
    }
    interest->file = file;
    interest->fd = fd;
    interest->events = event->events;
    interest->data = event->data;
    *end = interest;
    return 0;
}

int do_epoll_ctl(struct sockets *s, int epfd, int operation, int fd, struct epoll_event *event)
{
    struct file *epoll = file_of(s, epfd);
    struct file *file = file_of(s, fd);
    if (epoll == NULL || file == NULL) {
        return -EBADF;
    }
    if (operation != EPOLL_CTL_DEL && event == NULL) {
        return -EFAULT;
    }
    if (epoll->kind != FILE_EPOLL || epoll == file) {
        return -EINVAL;
    }
    if (file->kind == FILE_EPOLL) {
        return -ELOOP; /* sets do not nest here */
    }
    struct interest **link = find(epoll, fd);
    s->generation++; /* who waits on the set looks again */
    switch (operation) {
    case EPOLL_CTL_ADD:
        return *link != NULL ? -EEXIST : add(link, file, fd, event);
    case EPOLL_CTL_MOD:
        if (*link == NULL) {
            return -ENOENT;
        }
        (*link)->events = event->events;
        (*link)->data = event->data;
        (*link)->disabled = false;
        (*link)->reported = 0;
        return 0;
    case EPOLL_CTL_DEL:
        if (*link == NULL) {
            return -ENOENT;
        }
        unlink_at(link);
        return 0;
    default:
        return -EINVAL;
    }
}

/* What a member has to tell now; with EPOLLET only once for each thing that happened. */
static uint32_t to_tell(struct sockets *s, const struct interest *interest)
{
    uint32_t wanted = interest->events | EPOLLERR | EPOLLHUP;
    bool old =
        (interest->events & EPOLLET) != 0 && interest->reported == interest->file->activity + 1;
    return interest->disabled || old ? 0 : ready_for(s, interest->file) & wanted;
}

/* Those that were told go to the end of the set: the others have their turn next time. */
static int collect(struct sockets *s, struct file *epoll, struct epoll_event *events, int most)
{
    struct interest *told = NULL;
    struct interest **told_end = &told;
    struct interest **link = &epoll->interests;
    int count = 0;
    while (*link != NULL) {
        struct interest *at = *link;
        uint32_t ready = count < most ? to_tell(s, at) : 0;
        if (ready == 0) {
            link = &at->next;
            continue;
        }
        events[count++] = (struct epoll_event){.events = ready, .data = at->data};
        at->reported = at->file->activity + 1;
        at->disabled = (at->events & EPOLLONESHOT) != 0;
        *link = at->next;
        at->next = NULL;
        *told_end = at;
        told_end = &at->next;
    }
    *link = told;
    return count;
}

int do_epoll_wait(struct sockets *s, int epfd, struct epoll_event *events, int most, int timeout_ms)
{
    struct file *epoll = file_of(s, epfd);
    struct waiter waiter;
    int found;
    if (epoll == NULL) {
        return -EBADF;
    }
    if (epoll->kind != FILE_EPOLL || most <= 0) {
        return -EINVAL;
    }
    if (events == NULL) {
        return -EFAULT;
    }
    file_hold(epoll);
    wait_begin(s, &waiter, patience(timeout_ms));
    while ((found = collect(s, epoll, events, most)) == 0 && timeout_ms != 0) {
        int waited = wait_more(s, &waiter);
        if (waited != 0) {
            found = waited == -ETIME ? 0 : waited;
            break;
        }
    }
    wait_end(s, &waiter);
    file_release(s, epoll);
    return found;
}

void epoll_forget(struct sockets *s, const struct file *file)
{
    for (struct file *epoll = s->files; epoll != NULL; epoll = epoll->next) {
        struct interest **link = &epoll->interests;
        while (*link != NULL) {
            if ((*link)->file == file) {
                unlink_at(link);
            } else {
                link = &(*link)->next;
            }
        }
    }
}

void epoll_end(struct file *file)
{
    while (file->interests != NULL) {
        unlink_at(&file->interests);
    }
}
