/* Event programs for two hosts. Each end is an endpoint with its user; the network between them is
 * an array of packets in flight, and the program chooses which of them arrives, is lost or is
 * copied. When the program ends the network heals: everything arrives, both users read and close,
 * and everything must end.
 *
 * Both ends have one address and one port, so that one connection is open at a time; the latest is
 * the one that the user's calls mean. Octet k of a stream depends on the end, the incarnation and
 * k: streams are cut out of one table, and what an endpoint sends or hands to its user is compared
 * with that. A packet in flight needs no octets of its own. */
#include "endpoint.h"
#include "run_internal.h"
#include "seq.h"
#include "whole.h"

#include <stdalign.h>
#include <string.h>

#define FLIGHT_MAX  64       /* packets in flight; more are lost */
#define BUDGET      1500     /* events of one run, the healing included */
#define FLUSH_MAX   200      /* deliveries of one FLUSH */
#define CONNECTIONS 4        /* of an endpoint: the latest, and what is left of those before */
#define RESETS      16       /* answers to segments of no connection that can wait */
#define RING        0x40000u /* octets; larger buffers are clamped to this */
#define SMALL_PARTS 0x24000u /* octets of an endpoint but for its rings: more than enough */
#define PORT        1000u    /* of end 0; end 1 has the next */
#define ISN_TICK    4u       /* microseconds from one ISN to the next */
#define PERIOD      65521u   /* of a stream, octets: a prime, so that no ring divides it */
#define TEXT_MAX    65536u   /* octets looked at in one piece */
#define STRANGER    2u       /* who is neither end */
#define UNOPENED    (1u << TFSM_CLOSED | 1u << TFSM_LISTEN)

/* A connection as this end knows it. Its slot in the endpoint has the same index. */
struct pair_connection {
    endpoint_handle handle; /* 0: none was there yet */
    const struct tfsm_tcb *tcb;
    uint32_t incarnation; /* 0: not open yet */
    uint32_t peer;        /* the incarnation whose SYN it took, 0 none or a stranger's */
    bool closed;          /* the user closed or aborted */
    bool deaf;            /* for good: it must end whatever the peer does */
    uint64_t sent;        /* octets the user handed over */
    uint64_t read;        /* and took */
    /* What another than its peer could do to it, by knowing the numbers. */
    bool touched;        /* something that was not refused */
    bool una_foreign;    /* an acknowledgment: */
    uint32_t una_there;  /* up to here */
    uint64_t text_there; /* text taken, up to this offset */
    struct monitor monitor;
};

struct pair_end {
    unsigned index;
    struct endpoint *endpoint;
    tfsm_time ahead;          /* this host's clock, of the run's */
    endpoint_handle listener; /* 0 none */
    endpoint_handle current;  /* whom the user's calls mean, 0 none */
    struct pair_connection connection[CONNECTIONS];
    struct pair_connection *latest; /* the last one to leave CLOSED and LISTEN, null none */
    struct pair_connection *spoke;  /* who made the last segment drawn, null none */
    uint32_t incarnation;           /* how many there were */
    uint32_t arriving;              /* the sender's, of what is arriving; 0 a stranger's */
    bool has_more;                  /* the last drain stopped early */
    bool aborting;                  /* the user calls ABORT */
    bool opened;                    /* what arrives has completed a handshake */
    bool waiting_ended;             /* and has had a connection in TIME-WAIT aborted */
    struct tfsm_tcb listening;      /* what a log shows of the listener */
    struct tfsm_tcb half_open;      /* and of what it has half open: there is one peer */
    uint32_t half_open_incarnation;
    uint32_t half_open_peer; /* the incarnation whose SYN it took */
};

struct in_flight {
    struct tfsm_packet packet;
    unsigned to;
    uint32_t incarnation; /* of the sender */
    uint32_t number;      /* for who captures it */
};

struct pair {
    struct run_account run;
    struct tfsm_config cfg[2];
    struct pair_end end[2];
    struct in_flight flight[FLIGHT_MAX];
    uint8_t order[FLIGHT_MAX]; /* places in flight[]: those in use, oldest first, then the rest */
    unsigned in_flight;
    unsigned hold;  /* records during which output is not drawn */
    unsigned ticks; /* that the clock owes: incarnations that have begun */
    bool mixed; /* a stranger or an old incarnation had more than an acknowledgment to say: streams
                      need not agree */
};

/* Large; one run at a time. */
static struct pair pair;
static alignas(64) uint8_t memory[2][SMALL_PARTS + CONNECTIONS * 2 * (size_t)RING];
static uint8_t stream[PERIOD + TEXT_MAX];
static uint8_t user_buffer[TEXT_MAX];

/* ---- streams ---- */

TFSM_WRAPS static void make_streams(void)
{
    uint64_t x = UINT64_C(0x9e3779b97f4a7c15);
    if (stream[0] != 0) {
        return;
    }
    for (unsigned i = 0; i < PERIOD; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        stream[i] = (uint8_t)(x >> 32 & 0xffu);
    }
    stream[0] = 1;
    memcpy(stream + PERIOD, stream, PERIOD);
    memcpy(stream + 2 * PERIOD, stream, TEXT_MAX - PERIOD);
}

/* The octets of a stream from an offset on, TEXT_MAX of them. */
static const uint8_t *stream_at(unsigned from, uint32_t incarnation, uint64_t offset)
{
    return stream + (offset + from * 20011u + incarnation % PERIOD * UINT64_C(7919)) % PERIOD;
}

static uint32_t text_of(const struct tfsm_segment *segment)
{
    return segment->len - ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) -
           ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
}

/* ---- clocks and addresses ---- */

static tfsm_time clock_of(const struct pair_end *self)
{
    tfsm_time most = TFSM_NEVER - 1 - self->ahead;
    return (pair.run.now < most ? pair.run.now : most) + self->ahead;
}

/* A clock has come to its end: intervals are over at once, and no two ISNs differ. */
static bool clock_stands(void)
{
    return clock_of(&pair.end[0]) >= TFSM_NEVER - 1 || clock_of(&pair.end[1]) >= TFSM_NEVER - 1;
}

static struct tfsm_address address_of(unsigned end)
{
    return (struct tfsm_address){.family = 4, .octets = {192, 0, 2, (uint8_t)(end + 1)}};
}

static uint16_t port_of(unsigned end)
{
    return (uint16_t)(PORT + end);
}

/* ---- who is there ---- */

static bool is_open(const struct tfsm_tcb *tcb)
{
    return (UNOPENED >> tcb->state & 1) == 0;
}

static struct pair_connection *connection_of(struct pair_end *self, endpoint_handle handle)
{
    return &self->connection[(handle & UINT32_MAX) % CONNECTIONS];
}

/* A half-open connection belongs to the listener: no handle names it yet. */
static bool is_half_open(const struct pair_end *self)
{
    return endpoint_half_open(self->endpoint, self->listener) > 0;
}

/* The TCB of an end, as one sees it who knows of one connection: the latest, else what is half
 * open, else the listener. */
static const struct tfsm_tcb *tcb_of(const struct pair_end *self)
{
    bool reopens = self->latest != NULL && self->latest->tcb->state == TFSM_TIME_WAIT &&
                   is_half_open(self); /* the peer has done with the one before */
    if (self->latest != NULL && !reopens && (is_open(self->latest->tcb) || self->listener == 0)) {
        return self->latest->tcb;
    }
    return is_half_open(self) ? &self->half_open : &self->listening;
}

/* Forget a handle that names nothing any more. */
static endpoint_handle current_of(struct pair_end *self)
{
    if (self->current != 0 && endpoint_tcb(self->endpoint, self->current) == NULL) {
        self->current = 0;
    }
    return self->current;
}

/* ---- what the core does, watched ---- */

static APART void tell_event(unsigned end, const struct endpoint_watched *what)
{
    struct run_line line = {.kind = run_kind_of(what->event),
                            .end = end,
                            .now = pair.run.now,
                            .ev = what->event,
                            .result = what->result,
                            .fx = what->effects,
                            .trace = machine_trace(what->effects),
                            .before = what->before,
                            .after = what->after};
    run_tell(&pair.run, &line);
}

/* An incarnation begins. The clock will tick before anything else happens, so that the next has
 * another ISN: else old duplicates could not be told from its own segments, and nothing below would
 * be sure. */
static uint32_t begin_incarnation(struct pair_end *self)
{
    if (clock_stands()) {
        pair.mixed = true;
    } else {
        pair.ticks++;
    }
    return ++self->incarnation;
}

/* A segment met the listener: an incarnation may begin as a half-open connection. */
static void watch_listener(struct pair_end *self, const struct endpoint_watched *what)
{
    if (!is_open(what->before) && is_open(what->after)) {
        self->half_open_incarnation = begin_incarnation(self);
        self->half_open_peer = self->arriving;
    }
    copy_members(&self->half_open, what->after);
}

/* A handle that is new: of a connection opened just now, or of one that was half open. */
static void meet(struct pair_end *self, struct pair_connection *connection,
                 const struct endpoint_watched *what)
{
    memset(connection, 0, sizeof *connection);
    connection->handle = what->connection;
    connection->tcb = what->after;
    if (is_open(what->before)) {
        connection->incarnation = self->half_open_incarnation;
        connection->peer = self->half_open_peer;
        self->latest = connection;
        monitor_adopt(&connection->monitor, what->before);
    }
}

/* Text that arrives at the peer of its sender has its place in the stream. */
static void check_places(unsigned end, const struct endpoint_watched *what)
{
    for (unsigned i = 0; i < what->effects->text_count && !pair.mixed; i++) {
        const struct tfsm_text *text = &what->effects->text[i];
        if (text->offset != what->event->segment.text_offset + text->at) {
            run_violates(&pair.run, end, "STREAM",
                         "RFC9293:2.2 the stream delivered is the stream sent");
        }
    }
}

static void lose_time_wait(const struct pair_end *self)
{
    run_violates(&pair.run, self->index, "TIME_WAIT_LOST",
                 "RFC9293:MAY-2b TIME-WAIT ends by its timer, a RST, ABORT, or when the next "
                 "incarnation is established");
}

/* A segment may end TIME-WAIT: a RST, another label, and a SYN where that resets (RFC 793). */
static bool may_end_time_wait(const struct endpoint_watched *what)
{
    const struct tfsm_segment *segment = &what->event->segment;
    bool rfc793 = (what->policy->profile & TFSM_RFC5961) == 0 &&
                  what->effects->verdict != TFSM_V_REOPEN && (segment->flags & TFSM_SYN) != 0;
    return (segment->flags & TFSM_RST) != 0 || segment->security != what->before->security ||
           rfc793;
}

/* Where a connection has left TIME-WAIT. If the endpoint has aborted it, not its user, what arrives
 * must have brought another about. */
static void check_time_wait(struct pair_end *self, const struct endpoint_watched *what)
{
    if (what->before->state != TFSM_TIME_WAIT || what->after->state == TFSM_TIME_WAIT) {
        return;
    }
    enum tfsm_event_kind kind = what->event->kind;
    bool due = kind == TFSM_EV_TIMEOUT && what->now >= what->before->at_2msl;
    self->waiting_ended = kind == TFSM_EV_ABORT && !self->aborting;
    if (kind != TFSM_EV_ABORT && !due && (kind != TFSM_EV_SEGMENT || !may_end_time_wait(what))) {
        lose_time_wait(self);
    }
}

/* A segment that is not of the peer whose SYN this connection took. */
static void note_foreign(struct pair_connection *connection, const struct endpoint_watched *what)
{
    const struct tfsm_effects *fx = what->effects;
    connection->touched = connection->touched || fx->verdict != TFSM_V_DROP;
    if (what->after->snd_una != what->before->snd_una) {
        connection->una_foreign = true;
        connection->una_there = what->after->snd_una;
    }
    for (unsigned i = 0; i < fx->text_count; i++) {
        uint64_t right = fx->text[i].offset + fx->text[i].len;
        connection->text_there = right > connection->text_there ? right : connection->text_there;
    }
}

static void watch_connection(struct pair_end *self, const struct endpoint_watched *what)
{
    const unsigned without_irs = UNOPENED | 1u << TFSM_SYN_SENT;
    struct pair_connection *connection = connection_of(self, what->connection);
    if (connection->handle != what->connection) {
        meet(self, connection, what);
        self->opened = what->before->state == TFSM_SYN_RECEIVED;
    }
    struct monitor *monitor = &connection->monitor;
    if (what->event == NULL && what->segment != NULL) {
        self->spoke = connection;
        monitor_output(monitor, what->policy, what->before, what->now, what->segment, what->after);
    } else if (what->event == NULL) {
        monitor_drained(monitor, what->policy, what->after, what->now);
    } else {
        if (!is_open(what->before) && is_open(what->after)) {
            connection->incarnation = begin_incarnation(self);
            self->latest = connection;
        }
        if ((without_irs >> what->before->state & 1) != 0 &&
            (without_irs >> what->after->state & 1) == 0) {
            connection->peer = self->arriving;
        }
        check_time_wait(self, what);
        monitor_step(monitor, what->policy, what->before, what->event, what->result, what->effects,
                     what->after);
        if (what->event->kind == TFSM_EV_SEGMENT) {
            check_places(self->index, what);
        }
        if (what->event->kind == TFSM_EV_SEGMENT && self->arriving != connection->peer) {
            note_foreign(connection, what);
        }
    }
    run_ask_monitor(&pair.run, self->index, monitor);
}

static void watch(void *user, const struct endpoint_watched *what)
{
    struct pair_end *self = user;
    if (what->event == NULL) {
        run_hit(&pair.run, what->segment != NULL ? what->segment->rule : TFSM_RULE_OUT_NOTHING);
    } else {
        pair.run.result.events++;
        const struct tfsm_trace *trace = machine_trace(what->effects);
        for (unsigned i = 0; i < trace->count; i++) {
            run_hit(&pair.run, trace->fired[i]);
        }
    }
    if (what->before == NULL) {
        return;
    }
    if (what->connection != 0) {
        watch_connection(self, what);
    } else if (what->event != NULL && self->listener != 0) {
        watch_listener(self, what);
    }
    if (pair.run.log == NULL || what->event == NULL) {
        return;
    }
    /* What becomes of connections that the user has left is the endpoint's own affair. */
    bool old = what->connection != 0 && self->latest != NULL &&
               connection_of(self, what->connection) != self->latest;
    if (!old) {
        tell_event(self->index, what);
    }
}

/* A call that reaches no connection, as a log shows it: what the core would say of this TCB. */
static APART void show_call(struct pair_end *self, struct tfsm_event *event,
                            const struct tfsm_tcb *tcb, enum tfsm_result result)
{
    struct tfsm_effects fx;
    static struct whole before;
    static struct whole after;
    if (pair.run.log == NULL) {
        return;
    }
    copy_tcb(&before, tcb);
    copy_tcb(&after, tcb);
    event->now = clock_of(self);
    if (tfsm_step(&after.tcb, &pair.cfg[self->index], event, &fx) != result) {
        copy_tcb(&after, &before.tcb); /* the endpoint has reasons of its own */
        memset(&fx, 0, sizeof fx);
    }
    struct run_line line = {.kind = RUN_CALL,
                            .end = self->index,
                            .now = pair.run.now,
                            .ev = event,
                            .result = result,
                            .fx = &fx,
                            .trace = machine_trace(&fx),
                            .before = &before.tcb,
                            .after = &after.tcb};
    run_tell(&pair.run, &line);
    if (tcb == &self->listening) {
        self->listening = after.tcb;
    }
}

/* ---- the network ---- */

static APART void say_lost(unsigned to, const struct tfsm_segment *segment, uint32_t number)
{
    struct run_wire wire = {.number = number};
    struct run_line line = {.kind = RUN_LOST,
                            .end = to,
                            .now = pair.run.now,
                            .segment = segment,
                            .after = tcb_of(&pair.end[to]),
                            .wire = &wire};
    run_tell(&pair.run, &line);
}

static APART void say_sent(const struct pair_end *self, const struct tfsm_packet *packet)
{
    struct run_wire wire = {.sent = true, .number = ++pair.run.wires, .packet = packet};
    run_wire(&pair.run, self->index, &wire);
    const struct tfsm_tcb *after =
        self->spoke != NULL && self->spoke == self->latest ? self->spoke->tcb : tcb_of(self);
    struct run_line line = {.kind = RUN_SENDS,
                            .end = self->index,
                            .now = pair.run.now,
                            .segment = &packet->segment,
                            .after = after};
    run_tell(&pair.run, &line);
}

/* Where the next packet is to be put: its place in flight, if there is one. */
static struct tfsm_packet *next_packet(void)
{
    static struct tfsm_packet lost;
    return pair.in_flight < FLIGHT_MAX ? &pair.flight[pair.order[pair.in_flight]].packet : &lost;
}

/* The packet is where it is to be put. */
static void send_off(struct pair_end *self, const struct tfsm_packet *packet)
{
    unsigned to = 1 - self->index;
    if (pair.run.log != NULL) {
        say_sent(self, packet);
    }
    if (pair.in_flight == FLIGHT_MAX) {
        say_lost(to, &packet->segment, pair.run.wires);
        return;
    }
    struct in_flight *newest = &pair.flight[pair.order[pair.in_flight++]];
    newest->to = to;
    newest->number = pair.run.wires;
    newest->incarnation = self->spoke != NULL ? self->spoke->incarnation : self->incarnation;
}

/* What goes out bears the octets that its numbers stand for. */
static void check_octets(struct pair_end *self, const struct tfsm_segment *segment,
                         const struct endpoint_piece text[2])
{
    uint32_t length = text_of(segment);
    bool right = text[0].len + text[1].len == length && (length == 0 || self->spoke != NULL);
    if (right && length > 0) {
        const uint8_t *meant =
            stream_at(self->index, self->spoke->incarnation, segment->text_offset);
        right = memcmp(text[0].octets, meant, text[0].len) == 0 &&
                memcmp(text[1].octets, meant + text[0].len, text[1].len) == 0;
    }
    if (!right) {
        run_violates(&pair.run, self->index, "OCTETS_SENT",
                     "RFC9293:3.4 a segment bears the octets that its numbers stand for");
    }
}

/* Everything an end wants to send now goes into the network. */
static void drain(struct pair_end *self)
{
    static struct endpoint_piece text[2];
    self->has_more = true;
    for (unsigned i = 0; i < RUN_DRAIN_MAX && !run_broken(&pair.run); i++) {
        struct tfsm_packet *packet = next_packet();
        self->spoke = NULL;
        if (!endpoint_take(self->endpoint, clock_of(self), packet, text)) {
            self->has_more = false;
            return;
        }
        check_octets(self, &packet->segment, text);
        send_off(self, packet);
    }
}

/* ---- the user ---- */

static APART void say_host(const struct pair_end *self, const struct run_host *host)
{
    run_host(&pair.run, self->index, host);
}

static void tell_host(const struct pair_end *self, enum run_host_kind kind, uint64_t handle,
                      enum tfsm_result result)
{
    if (pair.run.log != NULL) {
        struct run_host host = {.kind = kind, .handle = handle, .result = result};
        host.knows = endpoint_readable(self->endpoint, handle) > 0;
        say_host(self, &host);
    }
}

/* RECEIVE, compared with what the peer's user handed over. */
static void read_octets(struct pair_end *self, uint32_t most)
{
    size_t taken = 0;
    struct pair_connection *connection = connection_of(self, self->current);
    endpoint_receive(self->endpoint, self->current, user_buffer, most, clock_of(self), &taken);
    const uint8_t *meant = stream_at(1 - self->index, connection->peer, connection->read);
    connection->read += taken;
    if (pair.run.log != NULL) {
        struct run_host host = {
            .kind = RUN_HOST_RECEIVE, .handle = self->current, .n = most, .taken = taken};
        say_host(self, &host);
    }
    if (!pair.mixed && taken > 0 && memcmp(user_buffer, meant, taken) != 0) {
        run_violates(&pair.run, self->index, "STREAM",
                     "RFC9293:2.2 the stream delivered is the stream sent");
    }
}

static void read_all(struct pair_end *self)
{
    uint32_t readable = endpoint_readable(self->endpoint, current_of(self));
    while (readable > 0 && !run_broken(&pair.run)) {
        read_octets(self, readable < TEXT_MAX ? readable : TEXT_MAX);
        readable = endpoint_readable(self->endpoint, current_of(self));
    }
}

/* The user turns to another connection; the one before is over. */
static void turn_to(struct pair_end *self, endpoint_handle handle)
{
    read_all(self);
    if (current_of(self) != 0) {
        tell_host(self, RUN_HOST_RELEASE, self->current, TFSM_DONE);
        endpoint_release(self->endpoint, self->current, clock_of(self));
    }
    self->current = handle;
}

/* News: connections are accepted at once. */
static void attend(struct pair_end *self)
{
    endpoint_handle handle;
    uint32_t news;
    while (endpoint_next(self->endpoint, &handle, &news)) {
        while ((news & ENDPOINT_ACCEPTABLE) != 0 &&
               endpoint_accept(self->endpoint, self->listener, &handle) == TFSM_DONE &&
               handle != 0) {
            if (pair.run.log != NULL) {
                struct run_host host = {.kind = RUN_HOST_ACCEPT,
                                        .handle = handle,
                                        .listener = self->listener,
                                        .result = TFSM_DONE};
                say_host(self, &host);
            }
            turn_to(self, handle);
        }
    }
}

/* What follows whatever was asked of an endpoint. */
static void settle(struct pair_end *self)
{
    attend(self);
    if (pair.hold == 0 && !run_broken(&pair.run)) {
        drain(self);
    }
}

static enum tfsm_result call_connect(struct pair_end *self, const struct record *record)
{
    endpoint_handle handle = 0;
    enum tfsm_result result;
    size_t taken = 0;
    struct endpoint_open open = {.local_port = port_of(self->index),
                                 .remote_port = port_of(1 - self->index)};
    if (record->remote) {
        open.remote = address_of(1 - self->index);
    }
    if (record->fast_open) {
        const uint8_t *text = stream_at(self->index, self->incarnation + 1, 0);
        result = endpoint_connect_fast(self->endpoint, &open, text, record->mss % 2048u,
                                       clock_of(self), &handle, &taken);
        if (handle != 0) {
            connection_of(self, handle)->sent = taken;
        }
    } else {
        result = endpoint_connect(self->endpoint, &open, clock_of(self), &handle);
    }
    if (handle != 0 && pair.run.log != NULL) {
        struct run_host host = {.kind = RUN_HOST_CONNECT,
                                .handle = handle,
                                .result = result,
                                .n = record->fast_open ? record->mss % 2048u : 0,
                                .taken = taken,
                                .fast = record->fast_open,
                                .knows = endpoint_tcb(self->endpoint, handle)->cookie_len > 0,
                                .local = address_of(self->index),
                                .remote = open.remote,
                                .local_port = open.local_port,
                                .remote_port = open.remote_port};
        say_host(self, &host);
    }
    if (handle != 0) {
        turn_to(self, handle);
    }
    return result;
}

static enum tfsm_result call_listen(struct pair_end *self)
{
    struct tfsm_listener_policy policy = tfsm_listener_policy_default();
    struct endpoint_listening listening = {.local = address_of(self->index),
                                           .port = port_of(self->index),
                                           .backlog = 2,
                                           .policy = &policy};
    policy.fast_open = 2;
    enum tfsm_result result = endpoint_listen(self->endpoint, &listening, &self->listener);
    if (pair.run.log != NULL) {
        struct run_host host = {.kind = RUN_HOST_LISTEN,
                                .handle = self->listener,
                                .result = result,
                                .n = listening.backlog,
                                .local = listening.local,
                                .local_port = listening.port,
                                .policy = &policy};
        say_host(self, &host);
    }
    return result;
}

/* An endpoint knows no labels of security; the call that asks for one has the user of an open
 * connection choose other options instead: half the send buffer. */
static void call_halve(struct pair_end *self)
{
    struct endpoint_options options;
    if (endpoint_get(self->endpoint, self->current, &options) == TFSM_DONE) {
        run_note(&pair.run, "the user halves the send buffer");
        options.policy.snd_buff /= 2;
        if (pair.run.log != NULL) {
            struct run_host host = {
                .kind = RUN_HOST_SHRINK, .handle = self->current, .n = options.policy.snd_buff};
            say_host(self, &host);
        }
        endpoint_set(self->endpoint, self->current, &options, clock_of(self));
    }
}

static void call_open(struct pair_end *self, const struct record *record, struct tfsm_event *event)
{
    if (record->security != 0 && current_of(self) != 0) {
        call_halve(self);
    } else if (record->active) {
        enum tfsm_result result = call_connect(self, record);
        if (result != TFSM_DONE) {
            show_call(self, event, tcb_of(self), result);
        }
    } else if (self->listener != 0) {
        show_call(self, event, &self->listening, TFSM_E_CONNECTION_EXISTS);
    } else {
        show_call(self, event, &self->listening, call_listen(self));
    }
}

/* CLOSE, deaf or not, and ABORT: of the connection, else of the listener. */
static void call_end(struct pair_end *self, struct tfsm_event *event)
{
    endpoint_handle handle = current_of(self);
    tfsm_time now = clock_of(self);
    if (handle == 0 && self->listener != 0) {
        tell_host(self, RUN_HOST_CLOSE, self->listener, TFSM_DONE);
        endpoint_close(self->endpoint, self->listener, now);
        self->listener = 0;
        show_call(self, event, &self->listening, TFSM_DONE);
    } else if (handle == 0) {
        show_call(self, event, &self->listening, TFSM_E_NO_CONNECTION);
    } else {
        connection_of(self, handle)->closed = true;
        connection_of(self, handle)->deaf = event->deaf;
        if (event->kind == TFSM_EV_ABORT) {
            self->aborting = true;
            tell_host(self, RUN_HOST_ABORT, handle, TFSM_DONE);
            endpoint_abort(self->endpoint, handle, now);
            self->aborting = false;
        } else if (event->deaf) {
            tell_host(self, RUN_HOST_CLOSE_DEAF, handle, TFSM_DONE);
            endpoint_close_deaf(self->endpoint, handle, now);
        } else {
            enum tfsm_result result = endpoint_close(self->endpoint, handle, now);
            tell_host(self, RUN_HOST_CLOSE, handle, result);
        }
    }
}

static void call_send(struct pair_end *self, struct tfsm_event *event)
{
    size_t taken = 0;
    struct pair_connection *connection = connection_of(self, current_of(self));
    if (self->current == 0) {
        show_call(self, event, &self->listening,
                  self->listener != 0 ? TFSM_E_REMOTE_UNSPECIFIED : TFSM_E_NO_CONNECTION);
        return;
    }
    enum tfsm_result result =
        endpoint_send(self->endpoint, self->current,
                      stream_at(self->index, connection->incarnation, connection->sent), event->len,
                      event->urgent, clock_of(self), &taken);
    connection->sent += taken;
    if (pair.run.log != NULL) {
        struct run_host host = {.kind = RUN_HOST_SEND,
                                .handle = self->current,
                                .result = result,
                                .n = event->len,
                                .taken = taken,
                                .urgent = event->urgent};
        say_host(self, &host);
    }
}

static void call_icmp(struct pair_end *self, struct tfsm_event *event)
{
    struct tfsm_icmp_message message = {.meaning = event->icmp,
                                        .local = address_of(self->index),
                                        .remote = address_of(1 - self->index),
                                        .local_port = port_of(self->index),
                                        .remote_port = port_of(1 - self->index),
                                        .seq = event->segment.seq,
                                        .mss = event->mss};
    if (pair.run.log != NULL) {
        struct run_wire wire = {.icmp = &message};
        run_wire(&pair.run, self->index, &wire);
    }
    if (!is_open(tcb_of(self))) {
        show_call(self, event, tcb_of(self), TFSM_DONE);
    }
    endpoint_icmp(self->endpoint, &message, clock_of(self));
}

static void call_record(const struct record *record)
{
    struct pair_end *self = &pair.end[record->end];
    struct tfsm_event event = record_event(record, tcb_of(self));
    event.security = 0;
    switch (event.kind) {
    case TFSM_EV_OPEN:
        call_open(self, record, &event);
        break;
    case TFSM_EV_SEND:
        call_send(self, &event);
        break;
    case TFSM_EV_RECEIVE:
        if (current_of(self) != 0) {
            read_octets(self, event.len);
        } else {
            show_call(self, &event, &self->listening,
                      self->listener != 0 ? TFSM_DONE : TFSM_E_NO_CONNECTION);
        }
        break;
    case TFSM_EV_CLOSE:
    case TFSM_EV_ABORT:
        call_end(self, &event);
        break;
    case TFSM_EV_ICMP:
        call_icmp(self, &event);
        break;
    case TFSM_EV_SEGMENT:
    case TFSM_EV_TIMEOUT:
    case TFSM_EVENTS:
        break;
    }
    settle(self);
}

/* ---- arrivals ---- */

static struct in_flight *flying(unsigned index)
{
    return &pair.flight[pair.order[index]];
}

/* The index-th packet on its way to an end, or in_flight when there is none. */
static unsigned find_flight(unsigned to, unsigned index)
{
    unsigned count = 0;
    for (unsigned i = 0; i < pair.in_flight; i++) {
        count += flying(i)->to == to;
    }
    if (count == 0) {
        return pair.in_flight;
    }
    index %= count;
    for (unsigned i = 0; i < pair.in_flight; i++) {
        if (flying(i)->to == to && index-- == 0) {
            return i;
        }
    }
    return pair.in_flight;
}

static void remove_flight(unsigned index)
{
    uint8_t place = pair.order[index];
    pair.in_flight--;
    memmove(&pair.order[index], &pair.order[index + 1], pair.in_flight - index);
    pair.order[pair.in_flight] = place;
}

/* Somebody else than the peer's latest connection has spoken: then streams may mix, as RFC 9293
 * 3.4.3 says, unless it was an acknowledgment or a RST, which put nothing into them. */
static void taint(const struct tfsm_segment *segment)
{
    pair.mixed = pair.mixed || segment->len > 0;
}

/* A packet reaches an end. number: of what an end sent, else 0 */
static void hand_in(struct pair_end *self, const struct tfsm_packet *packet, const uint8_t *text,
                    uint32_t number)
{
    if (pair.run.log != NULL) {
        struct run_wire wire = {.flown = number > 0, .number = number, .packet = packet};
        run_wire(&pair.run, self->index, &wire);
    }
    self->opened = false;
    self->waiting_ended = false;
    endpoint_segment(self->endpoint, packet, text, clock_of(self));
    if (self->waiting_ended && !self->opened) {
        lose_time_wait(self);
    }
}

static void pass_time(tfsm_time to);

/* Let the clock tick, and what falls due meanwhile happen. */
static void catch_up(void)
{
    while (pair.ticks > 0 && !run_broken(&pair.run)) {
        tfsm_time to = pair.run.now + pair.ticks * (tfsm_time)ISN_TICK;
        pair.ticks = 0;
        pass_time(to);
    }
}

static void deliver(unsigned index, bool keep)
{
    const struct in_flight *arrival = flying(index);
    const struct tfsm_segment *segment = &arrival->packet.segment;
    struct pair_end *self = &pair.end[arrival->to];
    unsigned from = 1 - arrival->to;
    if (arrival->incarnation != pair.end[from].incarnation) {
        taint(segment); /* an old duplicate */
    }
    self->arriving = arrival->incarnation;
    hand_in(self, &arrival->packet, stream_at(from, arrival->incarnation, segment->text_offset),
            arrival->number);
    if (!keep) {
        remove_flight(index);
    }
    settle(self);
    catch_up();
}

static void segment_record(const struct record *record)
{
    struct pair_end *self = &pair.end[record->end];
    struct tfsm_packet packet = {.src = address_of(1 - record->end),
                                 .dst = address_of(record->end),
                                 .src_port = port_of(1 - record->end),
                                 .dst_port = port_of(record->end),
                                 .cookie = {0xc0, 0x0c, 0x1e},
                                 .segment = record_segment(record, tcb_of(self), clock_of(self))};
    taint(&packet.segment);
    self->arriving = 0;
    hand_in(self, &packet, stream_at(STRANGER, 0, 0), 0);
    settle(self);
}

/* Everything in flight arrives in order, and the answers too. With no time passing and no call made
 * this must end: text is finite, and replies to segments without text are limited. */
static void flush(void)
{
    unsigned dataless = 0;
    unsigned useful = 0;
    for (unsigned i = 0; i < FLUSH_MAX && pair.in_flight > 0 && !run_broken(&pair.run); i++) {
        if (flying(0)->packet.segment.len == 0) {
            dataless++;
        } else {
            useful++;
        }
        deliver(0, false);
    }
    if (!clock_stands() && dataless > 2 * useful + 2 * FLIGHT_MAX + 2u * 10u) {
        run_violates(&pair.run, 0, "REPLY_STORM",
                     "RFC5961:7 two ends do not answer each other for ever");
    }
}

static void network_record(const struct record *record)
{
    if (record->kind == RECORD_FLUSH) {
        flush();
        return;
    }
    unsigned index = find_flight(record->end, record->index);
    if (index == pair.in_flight) {
        return;
    }
    if (record->kind == RECORD_DROP) {
        say_lost(record->end, &flying(index)->packet.segment, flying(index)->number);
        remove_flight(index);
    } else {
        deliver(index, record->kind == RECORD_COPY);
    }
}

/* ---- time ---- */

/* The next deadline of an end, by the clock of the run. */
static tfsm_time deadline_of(struct pair_end *self)
{
    tfsm_time at = endpoint_deadline(self->endpoint);
    if (at == TFSM_NEVER) {
        return at;
    }
    return at > self->ahead ? at - self->ahead : 0;
}

static tfsm_time next_deadline(void)
{
    tfsm_time first = deadline_of(&pair.end[0]);
    tfsm_time second = deadline_of(&pair.end[1]);
    return first < second ? first : second;
}

static void pass_time(tfsm_time to)
{
    pair.run.now = to > pair.run.now ? to : pair.run.now;
    for (unsigned end = 0; end < 2 && !run_broken(&pair.run); end++) {
        struct pair_end *self = &pair.end[end];
        tfsm_time now = clock_of(self);
        tell_host(self, RUN_HOST_TIME, 0, TFSM_DONE);
        endpoint_timeout(self->endpoint, now);
        run_progresses(&pair.run, end, endpoint_deadline(self->endpoint), now);
        settle(self);
    }
}

static void to_deadline(int beside)
{
    pass_time(run_beside(next_deadline(), beside, pair.run.now));
}

static void do_record(const struct record *record)
{
    tfsm_time now = pair.run.now;
    switch ((enum record_kind)record->kind) {
    case RECORD_SEGMENT:
        segment_record(record);
        break;
    case RECORD_CALL:
        call_record(record);
        break;
    case RECORD_TIME:
        if (record->to_deadline) {
            to_deadline(record->beside);
        } else {
            pass_time(now < TFSM_NEVER / 2 ? now + record->delay : now);
        }
        break;
    case RECORD_HOLD:
        pair.hold = record->index + 2u;
        break;
    case RECORD_DELIVER:
    case RECORD_DROP:
    case RECORD_COPY:
    case RECORD_FLUSH:
        network_record(record);
        break;
    }
    catch_up();
    if (pair.hold > 0 && --pair.hold == 0) {
        drain(&pair.end[0]);
        drain(&pair.end[1]);
    }
}

/* ---- the end of a program ---- */

/* What a user does who wants to be done: read everything, close. A listener stays while a
 * connection is half open: closing it would abort that. */
static void finish_user(struct pair_end *self)
{
    read_all(self);
    struct tfsm_event event = {.kind = TFSM_EV_CLOSE};
    bool done = current_of(self) == 0 ? self->listener == 0 || is_half_open(self)
                                      : connection_of(self, self->current)->closed;
    if (!done && !run_broken(&pair.run)) {
        call_end(self, &event);
    }
    settle(self);
}

/* Both users are done, and the endpoint with them. */
static bool is_over(const struct pair_end *self)
{
    const struct endpoint_counters *counters = endpoint_counted(self->endpoint);
    return self->listener == 0 && counters->opened == counters->freed;
}

/* The connection at the other end whose SYN this one took, or null: nobody's, or gone long
 * since. */
static const struct pair_connection *partner_of(const struct pair_end *self,
                                                const struct pair_connection *connection)
{
    const struct pair_end *peer = &pair.end[1 - self->index];
    for (unsigned i = 0; i < CONNECTIONS && connection->peer != 0; i++) {
        if (peer->connection[i].handle != 0 &&
            peer->connection[i].incarnation == connection->peer) {
            return &peer->connection[i];
        }
    }
    return NULL;
}

/* What one end sent is what the other got, where nobody else had a word. */
static void check_complete(struct pair_end *self)
{
    if (current_of(self) == 0) {
        return;
    }
    const struct pair_connection *connection = connection_of(self, self->current);
    const struct pair_connection *partner = partner_of(self, connection);
    if (connection->tcb->state == TFSM_TIME_WAIT && partner != NULL && !connection->touched &&
        !partner->touched && connection->tcb->rcv_octets < partner->sent) {
        run_violates(&pair.run, self->index, "STREAM_LOST",
                     "RFC9293:2.2 nothing is lost when both ends close");
    }
}

/* In FIN-WAIT-2 RFC 9293 has no timer, and the peer's FIN will not come where the peer is gone, or
 * where a stranger had the numbers: it has acknowledged for this end what never came, so that the
 * peer sends it no more, or given it text where the peer's FIN has its place. */
static bool may_wait(const struct pair_end *self, const struct pair_connection *connection)
{
    const struct tfsm_tcb *tcb = connection->tcb;
    const struct pair_connection *partner = partner_of(self, connection);
    if (tcb->state != TFSM_FIN_WAIT_2 || connection->deaf) { /* who is deaf has a timer */
        return false;
    }
    return partner == NULL || !is_open(partner->tcb) ||
           (partner->una_foreign && seq_lt(tcb->rcv_nxt, partner->una_there)) ||
           (connection->text_there > partner->sent && tcb->rcv_octets > partner->sent);
}

/* Nothing will happen any more. The user of an end that may wait for ever aborts; returns false
 * when there is an end that may not, or none. */
static bool abort_waiting(void)
{
    struct tfsm_event abort = {.kind = TFSM_EV_ABORT};
    struct pair_end *waiting = NULL;
    for (unsigned end = 0; end < 2; end++) {
        struct pair_end *self = &pair.end[end];
        if (!is_open(tcb_of(self))) {
            continue;
        }
        if (current_of(self) == 0 || !may_wait(self, connection_of(self, self->current))) {
            return false;
        }
        waiting = self;
    }
    if (waiting != NULL) {
        call_end(waiting, &abort);
        settle(waiting);
    }
    return waiting != NULL;
}

/* The network heals: from here nothing is lost, and everything must end, unless an end has no
 * receive buffer at all and so cannot even take a FIN, or a clock has reached its end. */
static void heal(void)
{
    run_note(&pair.run, "the network heals; both users read everything and close");
    pair.hold = 0;
    for (unsigned rounds = 0; rounds < BUDGET && !run_broken(&pair.run); rounds++) {
        uint32_t events = pair.run.result.events;
        if (events >= BUDGET) {
            return;
        }
        finish_user(&pair.end[0]);
        finish_user(&pair.end[1]);
        flush();
        if (pair.run.result.events != events || pair.in_flight > 0 || pair.end[0].has_more ||
            pair.end[1].has_more) {
            continue;
        }
        if (is_over(&pair.end[0]) && is_over(&pair.end[1])) {
            return;
        }
        check_complete(&pair.end[0]);
        check_complete(&pair.end[1]);
        if (pair.cfg[0].rcv_buff == 0 || pair.cfg[1].rcv_buff == 0 || clock_stands()) {
            return;
        }
        if (next_deadline() != TFSM_NEVER) {
            to_deadline(0);
        } else if (!abort_waiting()) {
            run_violates(&pair.run, 0, "NEVER_CLOSED",
                         "RFC9293:3.6 when both users close both ends reach CLOSED");
        }
    }
}

static void check_books(void)
{
    for (unsigned end = 0; end < 2; end++) {
        const char *wrong = endpoint_check(pair.end[end].endpoint);
        if (wrong != NULL) {
            run_violates(&pair.run, end, "ENDPOINT_BOOKS", wrong);
        }
    }
}

/* ---- the beginning ---- */

/* What has to be zero before endpoint_place(): all that lies before the rings, of which nobody
 * reads an octet that was not written. How much that is endpoint_size() says of the smallest
 * rings. */
static void clear(const struct endpoint_config *config, uint8_t *place)
{
    struct endpoint_config small = *config;
    small.send_ring = 1;
    small.receive_ring = 1;
    memset(place, 0, endpoint_size(&small));
}

/* An ISN is a hash plus the clock: the host's clock is set so that the first ISN is the one that
 * the program asks for. Programs that begin where the clock itself turns over keep that instead. */
static tfsm_time choose_clock(const struct endpoint_config *config, unsigned end, tfsm_time start,
                              uint32_t wanted)
{
    const tfsm_time round = UINT64_C(1) << 62; /* 0 and this are nowhere in particular */
    struct tfsm_address local = address_of(end);
    struct tfsm_address remote = address_of(1 - end);
    uint32_t isn = tfsm_isn(config->key, &local, port_of(end), &remote, port_of(1 - end), start);
    return start % round == 0 ? (tfsm_time)seq_distance(isn, wanted) * ISN_TICK : 0;
}

/* Rings as large as the buffers need, so that they turn over often. */
static uint32_t ring_for(uint32_t buffer)
{
    uint32_t ring = 1;
    while (ring < buffer && ring < RING) {
        ring *= 2;
    }
    return ring;
}

static void open_end(unsigned end, const struct program_config *program)
{
    struct pair_end *self = &pair.end[end];
    struct endpoint_local local = {address_of(end), 24};
    struct endpoint_config config = endpoint_config_default();
    memset(config.key, (int)(17 + end), sizeof config.key);
    config.locals = &local;
    config.local_count = 1;
    config.connections = CONNECTIONS;
    config.listeners = 2; /* one may still have a word to say when the next opens */
    config.backlog = 2;
    config.ranges = program->ranges;
    config.send_ring = ring_for(program->cfg[end].snd_buff);
    config.receive_ring = ring_for(program->cfg[end].rcv_buff);
    config.resets = RESETS;
    config.cookies = 1;
    config.policy4 = program->cfg[end];
    config.policy6 = program->cfg[end];
    pair.cfg[end] = program->cfg[end];
    *self = (struct pair_end){.index = end};
    self->ahead = choose_clock(&config, end, program->start, program->iss[end]);
    if (endpoint_size(&config) > sizeof memory[end]) {
        run_violates(&pair.run, end, "MEMORY", "SMALL_PARTS in pair.c is too small");
        return;
    }
    clear(&config, memory[end]);
    self->endpoint = endpoint_place(&config, memory[end]);
    if (pair.run.log != NULL) {
        struct run_host host = {.kind = RUN_HOST_BEGINS, .clock = clock_of(self)};
        run_host(&pair.run, end, &host);
    }
    endpoint_watch(self->endpoint, watch, self);
}

struct run_result run_pair(const uint8_t *octets, size_t size, run_log *log, void *user)
{
    struct program program;
    struct program_config config;
    struct record record;
    make_streams();
    coverage_begin();
    program_open(&program, octets, size, &config);
    pair.run = (struct run_account){.now = config.start, .log = log, .user = user};
    for (unsigned i = 0; i < FLIGHT_MAX; i++) {
        pair.order[i] = (uint8_t)i;
    }
    pair.in_flight = 0;
    pair.hold = 0;
    pair.mixed = false;
    open_end(0, &config);
    open_end(1, &config);
    for (unsigned i = 0;
         i < PROGRAM_EVENTS && !run_broken(&pair.run) && program_next(&program, &record); i++) {
        do_record(&record);
    }
    if (!run_broken(&pair.run)) {
        check_books();
        heal();
    }
    if (!run_broken(&pair.run)) {
        check_books();
    }
    return pair.run.result;
}
