/* What waits in the socket layer for more, or for somebody: text of TCP_CORK and MSG_MORE for a full
 * segment, the completions of MSG_ZEROCOPY for who asks for them, connections of TCP_DEFER_ACCEPT
 * for text. All as tcp(7) has it; the endpoint knows of none of it. */
#include "socket_internal.h"

#include <stdlib.h>
#include <string.h>

#define HELD_ROOM 65536u
#define CEILING   200000u /* microseconds that text is held: tcp(7) */

static bool known(const struct sockets *s, const struct sock *sock,
                  struct endpoint_status_block *status)
{
    return sock->connection != 0 && sock->phase == PHASE_CONNECTED &&
           endpoint_status(s->ep, sock->connection, status) == TFSM_DONE;
}

uint32_t sock_unsent(const struct sockets *s, const struct sock *sock)
{
    struct endpoint_status_block status;
    return known(s, sock, &status)
               ? status.tcp.queued - status.tcp.unacknowledged + (uint32_t)sock->held.n
               : 0;
}

uint32_t sock_queued(const struct sockets *s, const struct sock *sock)
{
    struct endpoint_status_block status;
    return known(s, sock, &status) ? status.tcp.queued + (uint32_t)sock->held.n : 0;
}

bool sock_readable(const struct sockets *s, const struct sock *sock, uint32_t readable)
{
    const struct tfsm_tcb *tcb = endpoint_tcb(s->ep, sock->connection);
    bool full = tcb != NULL && tcb->rcv_wnd <= sock->options[0].policy.mss;
    return readable >= (uint32_t)sock->choices.receive_least || (readable > 0 && full);
}

bool sock_wants_text(const struct sockets *s, const struct sock *sock)
{
    uint32_t most = sock->choices.notsent_most;
    return most == 0 || sock_unsent(s, sock) < most;
}

/* ---- text ---- */

void held_flush(struct sockets *s, struct sock *sock)
{
    struct held *held = &sock->held;
    size_t sent = 0;
    if (held->n > 0 && sock->connection != 0) {
        endpoint_send(s->ep, sock->connection, held->octets, held->n, false, time_of(s), &sent);
        held->n -= sent;
        memmove(held->octets, held->octets + sent, held->n);
    }
}

/* Nothing is held that the send buffer had no room for: it goes whenever it is to go. */
static size_t room_for(const struct sockets *s, const struct sock *sock, size_t most)
{
    struct endpoint_status_block status;
    size_t room = known(s, sock, &status) ? status.writable : 0;
    room = room > sock->held.n ? room - sock->held.n : 0;
    return room < most ? room : most;
}

enum tfsm_result held_send(struct sockets *s, struct sock *sock, const uint8_t *octets, size_t n,
                           bool urgent, bool more, size_t *taken)
{
    struct held *held = &sock->held;
    size_t size = (size_t)sock_segment_size(s, sock);
    bool holds = more && !urgent && sock->phase == PHASE_CONNECTED;
    *taken = 0;
    if (urgent) { /* whatever is corked */
        held_flush(s, sock);
    }
    if (held->octets == NULL && holds) {
        held->octets = malloc(HELD_ROOM);
    }
    if (held->octets == NULL || (!holds && held->n == 0)) {
        enum tfsm_result result =
            endpoint_send(s->ep, sock->connection, octets, n, urgent, time_of(s), taken);
        sock->written += *taken;
        return result;
    }
    while (*taken < n) {
        size_t missing = held->n < size ? size - held->n : 0;
        size_t part = room_for(s, sock, missing < n - *taken ? missing : n - *taken);
        memcpy(held->octets + held->n, octets + *taken, part);
        held->due = held->n == 0 ? s->clock + CEILING : held->due;
        held->n += part;
        *taken += part;
        sock->written += part;
        if (held->n >= size) {
            held_flush(s, sock);
        }
        if (part == 0 && (held->n >= size || room_for(s, sock, 1) == 0)) {
            break;
        }
    }
    if (!holds) {
        held_flush(s, sock);
    }
    return TFSM_DONE;
}

/* ---- completions ---- */

void zerocopy_sent(struct sock *sock)
{
    struct zerocopy *zc = &sock->zerocopy;
    if (zc->count < ZEROCOPY_MOST) {
        zc->runs[zc->count++] = (struct zerocopy_run){.sends = 0};
    } /* else it is told together with the one before */
    zc->runs[zc->count - 1].sends++;
    zc->runs[zc->count - 1].end = sock->written;
}

uint32_t zerocopy_done(const struct sockets *s, const struct sock *sock, uint32_t *sends)
{
    const struct zerocopy *zc = &sock->zerocopy;
    bool known = sock->over || sock->phase == PHASE_CONNECTED;
    uint64_t acknowledged = sock->written - sock_queued(s, sock);
    *sends = 0;
    for (unsigned i = 0; i < zc->count && known; i++) {
        if (!sock->over && zc->runs[i].end > acknowledged) {
            break;
        }
        *sends += zc->runs[i].sends;
    }
    return zc->first;
}

void zerocopy_told(struct sock *sock, uint32_t sends)
{
    struct zerocopy *zc = &sock->zerocopy;
    unsigned runs = 0;
    zc->first += sends;
    while (sends > 0 && runs < zc->count) {
        sends -= zc->runs[runs++].sends;
    }
    zc->count -= runs;
    memmove(zc->runs, zc->runs + runs, zc->count * sizeof zc->runs[0]);
}

/* ---- connections ---- */

static endpoint_handle take(struct sockets *s, const struct sock *listener)
{
    endpoint_handle handle = 0;
    for (unsigned i = 0; i < 2 && handle == 0; i++) {
        if (listener->listeners[1 - i] != 0) {
            endpoint_accept(s->ep, listener->listeners[1 - i], &handle);
        }
    }
    return handle;
}

static bool is_ready(const struct sockets *s, const struct deferred *deferred)
{
    struct endpoint_status_block status;
    return s->clock >= deferred->until || endpoint_readable(s->ep, deferred->handle) > 0 ||
           endpoint_status(s->ep, deferred->handle, &status) != TFSM_DONE ||
           status.tcp.state != TFSM_ESTABLISHED;
}

/* A connection that was reset before anybody had it is nobody's. */
static bool is_gone(const struct sockets *s, const struct deferred *deferred)
{
    struct endpoint_status_block status;
    return endpoint_status(s->ep, deferred->handle, &status) != TFSM_DONE ||
           status.tcp.state == TFSM_CLOSED;
}

static struct deferred **find_ready(const struct sockets *s, struct sock *listener)
{
    struct deferred **link = &listener->deferred;
    while (*link != NULL && !is_ready(s, *link)) {
        link = &(*link)->next;
    }
    return link;
}

bool deferred_acceptable(struct sockets *s, struct sock *listener)
{
    struct deferred **last = &listener->deferred;
    endpoint_handle handle;
    int waiting = 0;
    int backlog = listener->backlog < 0 ? -listener->backlog : listener->backlog;
    while (*last != NULL) {
        struct deferred *one = *last;
        if (is_gone(s, one)) {
            *last = one->next;
            endpoint_release(s->ep, one->handle, time_of(s));
            free(one);
        } else {
            last = &one->next;
            waiting++;
        }
    }
    while (waiting < backlog && (handle = take(s, listener)) != 0) {
        waiting++;
        struct deferred *one = malloc(sizeof *one);
        if (one == NULL) {
            endpoint_abort(s->ep, handle, time_of(s));
            endpoint_release(s->ep, handle, time_of(s));
            break;
        }
        tfsm_time patience = (tfsm_time)listener->choices.defer_accept * 1000000;
        *one = (struct deferred){.handle = handle, .until = s->clock + patience};
        *last = one;
        last = &one->next;
    }
    return *find_ready(s, listener) != NULL;
}

endpoint_handle deferred_accept(struct sockets *s, struct sock *listener)
{
    if (!deferred_acceptable(s, listener)) {
        return 0;
    }
    struct deferred **link = find_ready(s, listener);
    struct deferred *one = *link;
    endpoint_handle handle = one->handle;
    *link = one->next;
    free(one);
    return handle;
}

void deferred_end(struct sockets *s, struct sock *listener)
{
    while (listener->deferred != NULL) {
        struct deferred *one = listener->deferred;
        listener->deferred = one->next;
        endpoint_abort(s->ep, one->handle, time_of(s));
        endpoint_release(s->ep, one->handle, time_of(s));
        free(one);
    }
}

bool deferred_owns(const struct sock *listener, endpoint_handle handle)
{
    for (const struct deferred *one = listener->deferred; one != NULL; one = one->next) {
        if (one->handle == handle) {
            return true;
        }
    }
    return false;
}

/* ---- time ---- */

tfsm_time waits_deadline(const struct sockets *s)
{
    tfsm_time next = TFSM_NEVER;
    for (const struct file *file = s->files; file != NULL; file = file->next) {
        const struct sock *sock = &file->sock;
        if (file->kind != FILE_SOCKET) {
            continue;
        }
        if (sock->held.n > 0 && sock->held.due > s->clock && sock->held.due < next) {
            next = sock->held.due;
        }
        for (const struct deferred *one = sock->deferred; one != NULL; one = one->next) {
            next = one->until > s->clock && one->until < next ? one->until : next;
        }
    }
    return next;
}

void waits_timeout(struct sockets *s)
{
    for (struct file *file = s->files; file != NULL; file = file->next) {
        struct sock *sock = &file->sock;
        if (file->kind == FILE_SOCKET && sock->held.n > 0 && s->clock >= sock->held.due) {
            held_flush(s, sock);
        }
        if (file->kind == FILE_SOCKET && sock->deferred != NULL) {
            file_touch(s, file);
        }
    }
}
