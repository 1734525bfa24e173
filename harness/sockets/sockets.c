/* The ground that sockets stand on: descriptors, the clock, the queue of packets that went out, and
 * how a call waits. Time passes only when somebody says so, so the same calls give the same
 * packets. */
#include "layout.h"
#include "socket_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TURNS_MOST   1000000u /* deadlines without a packet, one after the other */
#define STUCK_MOST   10000u   /* and at one moment: only a faulty machine has more */
#define PACKETS_MOST 100000u  /* at one moment, likewise */
#define QUEUED_MOST                                                                                \
    200000u /* packets that nobody takes: settings can make a timer of a microsecond */

/* ---- files ---- */

struct file *file_create(struct sockets *s, enum file_kind kind)
{
    struct file *file = calloc(1, sizeof *file);
    if (file != NULL) {
        file->kind = kind;
        file->next = s->files;
        s->files = file;
    }
    return file;
}

/* Descriptors are real ones, so that the process can have none of the same number for anything else, and
 * packetdrill can close what a script left open. All are of a file that is ours alone. */
static int open_reserve(void)
{
    int low = memfd_create("tcpfsm", MFD_CLOEXEC);
    int high = low >= 0 ? fcntl(low, F_DUPFD_CLOEXEC, HIGH_FD) : -1;
    if (high >= 0) {
        close(low);
    }
    return high >= 0 ? high : low;
}

/* Whether the number is still ours: it can have been closed without us, and opened anew. */
static bool is_reserved(const struct sockets *s, int fd)
{
    struct stat ours;
    struct stat its;
    return fstat(s->reserve, &ours) == 0 && fstat(fd, &its) == 0 && ours.st_dev == its.st_dev &&
           ours.st_ino == its.st_ino;
}

void fd_free(struct sockets *s, int fd)
{
    struct file *file = s->fds[fd];
    s->fds[fd] = NULL;
    if (is_reserved(s, fd)) {
        close(fd);
    }
    epoll_forget(s, file); /* whoever still waits for it */
    file_release(s, file);
}

int fd_allocate(struct sockets *s, struct file *file)
{
    int fd = fcntl(s->reserve, F_DUPFD_CLOEXEC, FIRST_FD);
    if (fd < 0 || fd >= FDS) {
        close(fd);
        return -EMFILE;
    }
    if (s->fds[fd] != NULL) { /* somebody has closed the number, as close(2) allows */
        struct file *gone = s->fds[fd];
        s->fds[fd] = NULL;
        epoll_forget(s, gone);
        file_release(s, gone);
    }
    s->fds[fd] = file;
    file->holders++;
    return fd;
}

struct file *file_of(const struct sockets *s, int fd)
{
    return fd >= 0 && fd < FDS ? s->fds[fd] : NULL;
}

struct file *socket_of(const struct sockets *s, int fd, int *error)
{
    struct file *file = file_of(s, fd);
    *error = file == NULL ? -EBADF : -ENOTSOCK;
    return file != NULL && file->kind == FILE_SOCKET ? file : NULL;
}

void file_hold(struct file *file)
{
    file->holders++;
}

static void file_end(struct sockets *s, struct file *file)
{
    struct file **link = &s->files;
    epoll_forget(s, file);
    if (file->kind == FILE_SOCKET) {
        sock_end(s, file);
    } else if (file->kind == FILE_EPOLL) {
        epoll_end(file);
    } else {
        pipe_end(s, file);
    }
    while (*link != file) {
        link = &(*link)->next;
    }
    *link = file->next;
    free(file);
}

void file_release(struct sockets *s, struct file *file)
{
    if (--file->holders == 0) {
        file_end(s, file);
    }
}

void file_touch(struct sockets *s, struct file *file)
{
    file->activity++;
    s->generation++;
}

/* ---- waiting ---- */

static bool is_driver(const struct sockets *s)
{
    return pthread_equal(s->driver, pthread_self()) != 0;
}

void wait_until_quiet(struct sockets *s, const struct waiter *self)
{
    bool quiet = false;
    pthread_cond_broadcast(&s->news);
    while (!quiet) {
        quiet = true;
        for (const struct waiter *at = s->waiters; at != NULL; at = at->next) {
            quiet = quiet && (at == self || at->seen == s->generation);
        }
        if (!quiet) {
            pthread_cond_wait(&s->quiet, &s->lock);
        }
    }
}

/* timeout in microseconds, TFSM_NEVER: none */
void wait_begin(struct sockets *s, struct waiter *waiter, tfsm_time timeout)
{
    bool ends = timeout < TFSM_NEVER - s->clock;
    *waiter = (struct waiter){.deadline = ends ? s->clock + timeout : TFSM_NEVER,
                              .seen = s->generation,
                              .next = s->waiters};
    s->waiters = waiter;
}

/* Nobody else would move the clock. */
static int drive_alone(struct sockets *s, struct waiter *waiter)
{
    for (unsigned turn = 0; turn < TURNS_MOST; turn++) {
        uint64_t generation = s->generation;
        tfsm_time next = next_deadline(s);
        if (next == TFSM_NEVER) {
            return -EDEADLK;
        }
        advance_clock(s, next, waiter);
        if (s->generation != generation || s->clock >= waiter->deadline) {
            return 0;
        }
    }
    return -EDEADLK;
}

int wait_more(struct sockets *s, struct waiter *waiter)
{
    uint64_t generation = s->generation;
    drive_endpoint(s);
    if (s->closing) {
        return -EBADF;
    }
    if (s->clock >= waiter->deadline) {
        return -ETIME;
    }
    if (s->generation != generation) {
        return 0;
    }
    if (is_driver(s)) {
        return drive_alone(s, waiter);
    }
    waiter->seen = s->generation;
    pthread_cond_broadcast(&s->quiet);
    while (waiter->seen == s->generation) {
        pthread_cond_wait(&s->news, &s->lock);
    }
    return 0;
}

void wait_end(struct sockets *s, struct waiter *waiter)
{
    struct waiter **link = &s->waiters;
    while (*link != waiter) {
        link = &(*link)->next;
    }
    *link = waiter->next;
    if (!is_driver(s)) {
        s->woken = true;
        s->woken_thread = pthread_self();
        s->woken_at = s->clock;
    }
    pthread_cond_broadcast(&s->quiet);
}

/* ---- packets and time ---- */

static void queue_packet(struct sockets *s, size_t n)
{
    struct queued *packet = malloc(sizeof *packet + n);
    if (packet == NULL) {
        return; /* as lost on the wire */
    }
    s->stuck = s->stuck || ++s->queued == QUEUED_MOST;
    packet->next = NULL;
    packet->at = s->clock;
    packet->n = n;
    memcpy(packet->octets, s->scratch, n);
    *(s->last != NULL ? &s->last->next : &s->first) = packet;
    s->last = packet;
}

static void give_news(struct sockets *s, endpoint_handle handle, uint32_t news)
{
    for (struct file *file = s->files; file != NULL; file = file->next) {
        const struct sock *sock = &file->sock;
        if (file->kind == FILE_SOCKET &&
            (sock->connection == handle || sock->listeners[0] == handle ||
             sock->listeners[1] == handle)) {
            sock_news(s, file, news);
            return;
        }
        if (file->kind == FILE_SOCKET && deferred_owns(sock, handle)) {
            file_touch(s, file);
            return;
        }
    }
}

void drive_endpoint(struct sockets *s)
{
    endpoint_handle handle;
    uint32_t news;
    size_t n;
    unsigned sent = 0;
    struct tfsm_packet sent_packet;
    unsigned most = s->settings.steps ? s->asked_for : PACKETS_MOST;
    while (sent++ < most && (n = endpoint_output(s->ep, time_of(s), s->scratch, s->room)) > 0) {
        n = layout_options(s->scratch, n, s->room);
        if (tfsm_parse(s->scratch, n, &sent_packet) == TFSM_WIRE_OK) {
            count_packet(s, &sent_packet, true);
        }
        queue_packet(s, n);
    }
    while (endpoint_next(s->ep, &handle, &news)) {
        give_news(s, handle, news);
    }
    for (struct file *file = s->files; file != NULL; file = file->next) {
        if (file->kind == FILE_SOCKET && file->sock.phase == PHASE_LISTENING) {
            sock_refresh_backlog(s, &file->sock);
        }
    }
}

/* Of the endpoint, on the clock here. */
static tfsm_time timer_deadline(struct sockets *s)
{
    tfsm_time at = endpoint_deadline(s->ep);
    if (at == TFSM_NEVER || s->stuck) {
        return TFSM_NEVER;
    }
    return at > CLOCK_START ? at - CLOCK_START : 0;
}

tfsm_time next_deadline(struct sockets *s)
{
    tfsm_time next = timer_deadline(s);
    tfsm_time waits = waits_deadline(s);
    next = waits < next ? waits : next;
    for (const struct waiter *at = s->waiters; at != NULL; at = at->next) {
        next = at->deadline < next ? at->deadline : next;
    }
    return next;
}

/* The clock of a host whose driver sleeps until the script has something for it: who stays where he is
 * has come there. */
static void step_clock(struct sockets *s, tfsm_time to)
{
    if (to > s->clock) {
        s->clock = to;
        s->generation++;
        return;
    }
    endpoint_timeout(s->ep, time_of(s));
    waits_timeout(s);
    drive_endpoint(s);
    wait_until_quiet(s, NULL);
}

void advance_clock(struct sockets *s, tfsm_time to, const struct waiter *self)
{
    unsigned turns = 0; /* since the clock moved */
    if (s->settings.steps) {
        step_clock(s, to);
        return;
    }
    for (bool last = false; !last;) {
        tfsm_time next = next_deadline(s);
        tfsm_time at = next < to ? next : to;
        last = next > to;
        if (at > s->clock) {
            s->clock = at;
            s->generation++;
            turns = 0;
        }
        s->stuck = s->stuck || ++turns == STUCK_MOST;
        endpoint_timeout(s->ep, time_of(s));
        waits_timeout(s);
        drive_endpoint(s);
        wait_until_quiet(s, self);
        last = last || (self != NULL && s->clock >= self->deadline);
    }
}

/* An ICMP error bears its errno in type and code, which the endpoint does not hand on. */
static void look_at_icmp(struct sockets *s, const uint8_t *packet, size_t n,
                         struct tfsm_icmp_message *quoted)
{
    struct tfsm_icmp_message message;
    if (tfsm_parse_icmp(packet, n, &message) != TFSM_WIRE_OK) {
        return;
    }
    bool six = packet[0] >> 4 == 6;
    size_t header = six ? 40 : (size_t)(packet[0] & 0x0f) * 4;
    if (n < header + 2) {
        return; /* IPv6 with headers in between: its errno is nobody's */
    }
    s->icmp_errno = address_error(six ? 6 : 4, packet[header], packet[header + 1]);
    s->icmp_mtu = message.mss > 0 ? message.mss + (six ? 60u : 40u) : 0;
    *quoted = message;
}

/* The connection that a message is about. */
static struct sock *sock_quoted(struct sockets *s, const struct tfsm_icmp_message *message)
{
    for (struct file *file = s->files; file != NULL && s->icmp_mtu > 0; file = file->next) {
        struct endpoint_status_block status;
        struct sock *sock = &file->sock;
        if (file->kind == FILE_SOCKET && sock->phase == PHASE_CONNECTED &&
            endpoint_status(s->ep, sock->connection, &status) == TFSM_DONE &&
            status.local_port == message->local_port &&
            status.remote_port == message->remote_port &&
            memcmp(&status.remote, &message->remote, sizeof message->remote) == 0) {
            return sock;
        }
    }
    return NULL;
}

/* In CLOSING and LAST-ACK a RST ends the connection, and RFC 9293 3.10.7.4 tells nobody; tcp(7) does. The
 * socket that a RST would meet there. */
static struct sock *sock_reset_late(struct sockets *s, const struct tfsm_packet *packet)
{
    if ((packet->segment.flags & TFSM_RST) == 0) {
        return NULL;
    }
    for (struct file *file = s->files; file != NULL; file = file->next) {
        struct endpoint_status_block status;
        struct sock *sock = &file->sock;
        if (file->kind == FILE_SOCKET && sock->phase == PHASE_CONNECTED &&
            endpoint_status(s->ep, sock->connection, &status) == TFSM_DONE &&
            status.local_port == packet->dst_port && status.remote_port == packet->src_port &&
            memcmp(&status.remote, &packet->src, sizeof packet->src) == 0 &&
            (status.tcp.state == TFSM_CLOSING || status.tcp.state == TFSM_LAST_ACK)) {
            return sock;
        }
    }
    return NULL;
}

/* The endpoint tells of room that it lacked, and not of what was acknowledged besides. */
static void look_for_room(struct sockets *s)
{
    for (struct file *file = s->files; file != NULL; file = file->next) {
        const struct sock *sock = &file->sock;
        if (file->kind == FILE_SOCKET &&
            (sock->choices.notsent_most > 0 || sock->zerocopy.count > 0)) {
            file_touch(s, file);
        }
    }
}

/* The codec reads no option of IP; a label of RFC 1108 matters to a connection (RFC9293:3.10.7.4g). */
static bool is_labelled(const uint8_t *packet, size_t n)
{
    return n >= 24 && packet[0] >> 4 == 4 && (packet[0] & 15) > 5 && packet[20] == 130;
}

int do_input(struct sockets *s, const void *packet, size_t n)
{
    struct tfsm_icmp_message quoted = {.mss = 0};
    struct tfsm_packet parsed;
    enum tfsm_wire_result result = tfsm_parse(packet, n, &parsed);
    struct sock *late = result == TFSM_WIRE_OK ? sock_reset_late(s, &parsed) : NULL;
    if (result == TFSM_WIRE_OK || result == TFSM_WIRE_OPTION) {
        count_packet(s, &parsed, false);
    }
    look_at_icmp(s, packet, n, &quoted);
    if (!s->settings.steps) {
        endpoint_timeout(s->ep, time_of(s));
    }
    struct sock *sock = sock_quoted(s, &quoted);
    uint16_t before = sock != NULL ? endpoint_tcb(s->ep, sock->connection)->snd_mss : 0;
    if (sock == NULL || sock_discovers(sock)) {
        if (result == TFSM_WIRE_OK && is_labelled(packet, n)) {
            parsed.segment.security = 1;
            endpoint_segment(s->ep, &parsed, (const uint8_t *)packet + parsed.text_at, time_of(s));
        } else {
            endpoint_input(s->ep, packet, n, time_of(s));
        }
    }
    /* A path MTU is what the connection believes: it knows which messages are forged (RFC5927:7).
     */
    if (sock != NULL && endpoint_tcb(s->ep, sock->connection)->snd_mss < before) {
        sock->path_mtu = s->icmp_mtu < sock_mtu(s, sock) ? s->icmp_mtu : sock->path_mtu;
    }
    drive_endpoint(s);
    look_for_room(s);
    if (late != NULL && late->over && late->error == 0) {
        late->error = ECONNRESET;
    }
    wait_until_quiet(s, NULL);
    s->icmp_errno = 0;
    s->icmp_mtu = 0;
    return 0;
}

/* A thread of packetdrill's may be about to make a call that was started already. Real time, and
 * only where the process would end otherwise. */
static bool others_bring_something(struct sockets *s)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    for (unsigned i = 0; i < 20 && s->first == NULL && next_deadline(s) == TFSM_NEVER; i++) {
        pthread_mutex_unlock(&s->lock);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&s->lock);
    }
    return s->first != NULL || next_deadline(s) != TFSM_NEVER;
}

/* packetdrill would ask for ever. */
static void end_for_nothing_can_come(const struct sockets *s)
{
    fprintf(stderr,
            "tcpfsm: a packet is awaited at %llu.%06llu s, but none is queued and no timer runs\n",
            (unsigned long long)(s->clock / 1000000), (unsigned long long)(s->clock % 1000000));
    exit(1);
}

int do_next_packet(struct sockets *s, void *packet, size_t *n, long long *time_us)
{
    s->asked_for = s->first == NULL;
    drive_endpoint(s);
    s->asked_for = 0;
    for (unsigned turn = 0; s->first == NULL; turn++) {
        tfsm_time next = s->settings.steps ? TFSM_NEVER : next_deadline(s);
        if (next != TFSM_NEVER && turn < TURNS_MOST) {
            advance_clock(s, next, NULL);
        } else if (s->settings.idle_returns) {
            *n = 0;
            return 0;
        } else if (turn == TURNS_MOST || !others_bring_something(s)) {
            end_for_nothing_can_come(s);
        }
    }
    struct queued *first = s->first;
    if (first->n > *n) {
        return -EMSGSIZE;
    }
    memcpy(packet, first->octets, first->n);
    *n = first->n;
    *time_us = (long long)(EPOCH + (int64_t)first->at);
    s->first = first->next;
    s->queued--;
    s->last = s->first != NULL ? s->last : NULL;
    free(first);
    return 0;
}

/* ---- the whole ---- */

struct sockets *sockets_create(const struct settings *settings)
{
    struct settings own = *settings;
    struct endpoint *ep = endpoint_create(settings_finish(&own));
    size_t room = ep != NULL ? endpoint_packet_most(ep) + 40 : 0; /* options may be padded */
    struct sockets *s = ep != NULL ? calloc(1, sizeof *s + room) : NULL;
    if (s == NULL) {
        endpoint_destroy(ep);
        return NULL;
    }
    s->ep = ep;
    s->room = room;
    s->settings = own;
    s->settings.endpoint.locals = s->settings.locals;
    s->driver = pthread_self();
    s->reserve = open_reserve();
    if (s->reserve < 0) {
        endpoint_destroy(ep);
        free(s);
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->news, NULL);
    pthread_cond_init(&s->quiet, NULL);
    return s;
}

void sockets_destroy(struct sockets *s)
{
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    while (s->waiters != NULL) {
        s->generation++;
        pthread_cond_broadcast(&s->news);
        pthread_cond_wait(&s->quiet, &s->lock);
    }
    for (int fd = FIRST_FD; fd < FDS; fd++) {
        if (s->fds[fd] != NULL) {
            fd_free(s, fd);
        }
    }
    close(s->reserve);
    count_end(s);
    while (s->first != NULL) {
        struct queued *first = s->first;
        s->first = first->next;
        free(first);
    }
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->news);
    pthread_cond_destroy(&s->quiet);
    endpoint_destroy(s->ep);
    free(s);
}

struct endpoint *sockets_endpoint(void *userdata)
{
    return ((struct sockets *)userdata)->ep;
}
