/* Carrying out host programs: see host.h. Here are the wire, the clock, the user, and the account
 * of what a packet may change and whom it may make speak. */
#include "host.h"
#include "endpoint.h"
#include "record_layout.h"
#include "machine.h"
#include "seq.h"
#include "whole.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CONNECTIONS    6u
#define HALF_OPEN      6u /* which of them a record means: the last half-open one */
#define NOBODY         7u /* none: what the log shows of segments that met no connection */
#define LISTENERS      3u
#define RING           4096u
#define MEMORY         0x20000u /* octets of an endpoint: more than enough */
#define OUTPUT         0x11000u /* of a packet */
#define FLIGHT_MAX     32u      /* packets on their way to ourselves; more are lost */
#define FLUSH_MAX      400u
#define BUDGET         2000u /* events of one run, the end included */
#define TUPLES         600u  /* that were ever heard of */
#define PERIOD         4093u /* of every stream, octets: a prime, so that no ring divides it */
#define SECOND         UINT64_C(1000000)
#define ACK_DELAY_MOST UINT64_C(499999) /* no acknowledgment waits longer (RFC9293:MUST-40) */
#define LAST           (TFSM_NEVER / 2) /* beyond, deadlines may all be one */
#define UNOPENED       (1u << TFSM_CLOSED | 1u << TFSM_LISTEN)

/* A connection of the endpoint, in the slot of the same index. */
struct connection {
    endpoint_handle handle; /* 0: none was there yet */
    const struct tfsm_tcb *tcb;
    struct host_tuple tuple;
    bool aborted;   /* by the user */
    bool exact;     /* to itself, the first of its kind, and nobody else has spoken for it */
    uint64_t sent;  /* octets the user handed over */
    uint64_t read;  /* and took */
    uint32_t heard; /* signals, all told */
    struct monitor monitor;
};

struct in_flight {
    size_t n;
    uint32_t number; /* for who captures it */
    uint8_t octets[HOST_PACKET];
};

/* What stood before a packet came. */
struct before {
    struct whole whole[CONNECTIONS]; /* its TCB */
    endpoint_handle handle[CONNECTIONS];
    uint32_t half_open[LISTENERS];
    uint64_t counted[LISTENERS][TFSM_LISTENER_COUNTS];
};

struct host {
    struct run_account run;
    struct program program;
    struct endpoint *ep;
    size_t size; /* of its memory, octets */
    unsigned local_count;
    struct tfsm_config cfg[2];
    struct connection connection[CONNECTIONS];
    struct tfsm_tcb half_open;
    struct host_tuple half_open_tuple;
    endpoint_handle listener[LISTENERS];
    struct host_tuple listening[LISTENERS];
    uint32_t peer_iss;
    unsigned hold;   /* records during which output is not drawn */
    bool lazy;       /* accepting takes a record */
    bool has_more;   /* the last drain stopped early */
    bool lossless;   /* nothing to ourselves was lost, and nobody let time go by */
    bool everybody;  /* whoever was ever heard of may speak now */
    unsigned spoken; /* how many tuples may speak now */
    struct host_tuple may_speak[FLIGHT_MAX];
    unsigned known; /* tuples that were ever heard of */
    struct host_tuple ever[TUPLES];
    bool arriving; /* a packet is being given to the endpoint */
    struct host_tuple from;
    unsigned answers;  /* packets drawn since the last arrival */
    unsigned dataless; /* of them without text, SYN and FIN */
    bool spoilt;       /* the packet being made, or the last one, is spoilt */
    size_t last;       /* length of the last packet that a record made */
    uint8_t last_octets[HOST_PACKET];
    unsigned in_flight;
    uint8_t order[FLIGHT_MAX]; /* places in flight[]: those in use, oldest first, then the rest */
    struct in_flight flight[FLIGHT_MAX];
    struct before before;
};

static struct host host;
static alignas(64) uint8_t memory[MEMORY];
static uint8_t shadow[MEMORY];
static uint8_t output[OUTPUT];
static uint8_t given[HOST_PACKET]; /* a packet lies at its end: what reads on is seen */
static uint8_t stream[2 * PERIOD + RING];
static uint8_t reading[RING];

/* ---- reading and telling ---- */

static APART void say_host(const struct run_host *call)
{
    run_host(&host.run, NOBODY, call);
}

static void tell_host(enum run_host_kind kind, endpoint_handle handle, enum tfsm_result result)
{
    if (host.run.log != NULL) {
        struct run_host call = {.kind = kind, .handle = handle, .result = result};
        say_host(&call);
    }
}

static uint8_t take(void)
{
    struct program *program = &host.program;
    return program->at < program->size ? program->octets[program->at++] : 0;
}

static uint16_t take16(void)
{
    uint16_t low = take();
    return (uint16_t)(low | take() << 8);
}

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
    char text[200];
    va_list list;
    if (host.run.log != NULL) {
        va_start(list, format);
        vsnprintf(text, sizeof text, format, list);
        va_end(list);
        run_note(&host.run, text);
    }
}

static void fails(unsigned end, const char *id, const char *requirement)
{
    run_violates(&host.run, end, id, requirement);
}

static void make_stream(void)
{
    if (stream[1] != 0) {
        return;
    }
    for (uint32_t i = 0; i < sizeof stream; i++) {
        uint32_t k = i % PERIOD;
        stream[i] = (uint8_t)((k * 167u + k / 251u + 1u) & 0xffu);
    }
}

static const uint8_t *stream_at(uint64_t offset)
{
    return stream + offset % PERIOD;
}

static bool is_open(const struct tfsm_tcb *tcb)
{
    return (UNOPENED >> tcb->state & 1) == 0;
}

/* ---- whom the host knows ---- */

static void know(const struct host_tuple *tuple)
{
    for (unsigned i = 0; i < host.known; i++) {
        if (host_same_tuple(&host.ever[i], tuple)) {
            return;
        }
    }
    if (host.known < TUPLES) {
        host.ever[host.known++] = *tuple;
    }
}

/* Something was asked of this connection: it may speak until all has been said. */
static void let_speak(const struct host_tuple *tuple)
{
    know(tuple);
    if (host.spoken < FLIGHT_MAX) {
        host.may_speak[host.spoken++] = *tuple;
    } else {
        host.everybody = true;
    }
}

static bool is_among(const struct host_tuple *tuples, unsigned count,
                     const struct host_tuple *tuple)
{
    for (unsigned i = 0; i < count; i++) {
        if (host_same_tuple(&tuples[i], tuple)) {
            return true;
        }
    }
    return false;
}

static bool is_self(const struct host_tuple *tuple)
{
    return host_same_address(&tuple->local, &tuple->remote) &&
           tuple->local_port == tuple->remote_port;
}

/* Somebody else has spoken for a connection of ours to ourselves. */
static void taint(const struct host_tuple *tuple)
{
    struct host_tuple other = host_mirror(tuple);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct connection *c = &host.connection[i];
        if (host_same_tuple(&c->tuple, tuple) || host_same_tuple(&c->tuple, &other)) {
            c->exact = false;
        }
    }
}

/* ---- what the core does, watched ---- */

static unsigned index_of(endpoint_handle handle)
{
    return (unsigned)(handle & UINT32_MAX) % CONNECTIONS;
}

static void tell_event(const struct endpoint_watched *what)
{
    struct run_line line = {.kind = run_kind_of(what->event),
                            .end = what->connection != 0 ? index_of(what->connection) : NOBODY,
                            .now = host.run.now,
                            .ev = what->event,
                            .result = what->result,
                            .fx = what->effects,
                            .trace = machine_trace(what->effects),
                            .before = what->before,
                            .after = what->after};
    run_tell(&host.run, &line);
}

/* A handle that is new, of a connection opened just now or of one that was half open. What tuple it
 * has, the call or the packet says. */
static void meet(struct connection *c, const struct endpoint_watched *what)
{
    memset(c, 0, sizeof *c);
    c->handle = what->connection;
    c->tcb = what->after;
    c->tuple = host.from;
    if (is_open(what->before)) {
        monitor_adopt(&c->monitor, what->before);
    }
}

static void watch_connection(const struct endpoint_watched *what)
{
    unsigned index = index_of(what->connection);
    struct connection *c = &host.connection[index];
    if (c->handle != what->connection) {
        meet(c, what);
    }
    if (host.arriving && !host_same_tuple(&c->tuple, &host.from)) {
        fails(index, "OTHER_CONNECTION",
              "RFC9293:3.4, RFC9293:MUST-54 a packet is for the connection of its addresses and "
              "ports, and for no other");
    }
    if (what->event != NULL) {
        c->heard |= what->effects->signals;
        monitor_step(&c->monitor, what->policy, what->before, what->event, what->result,
                     what->effects, what->after);
    } else if (what->segment != NULL) {
        monitor_output(&c->monitor, what->policy, what->before, what->now, what->segment,
                       what->after);
    } else {
        monitor_drained(&c->monitor, what->policy, what->after, what->now);
    }
    run_ask_monitor(&host.run, index, &c->monitor);
}

static void watch(void *user, const struct endpoint_watched *what)
{
    (void)user;
    if (what->event == NULL) {
        run_hit(&host.run, what->segment != NULL ? what->segment->rule : TFSM_RULE_OUT_NOTHING);
    } else {
        host.run.result.events++;
        const struct tfsm_trace *trace = machine_trace(what->effects);
        for (unsigned i = 0; i < trace->count; i++) {
            run_hit(&host.run, trace->fired[i]);
        }
    }
    if (what->before == NULL) {
        return;
    }
    if (what->connection != 0) {
        watch_connection(what);
    } else if (what->event != NULL && is_open(what->after) && host.arriving) {
        copy_members(&host.half_open, what->after);
        host.half_open_tuple = host.from;
    }
    if (host.run.log != NULL && what->event != NULL) {
        tell_event(what);
    }
}

/* ---- output ---- */

static void tell_sent(const struct host_tuple *tuple, const struct tfsm_segment *segment)
{
    static const struct tfsm_tcb none;
    struct run_line line = {
        .kind = RUN_SENDS, .end = NOBODY, .now = host.run.now, .segment = segment, .after = &none};
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (host.connection[i].handle != 0 && host_same_tuple(&host.connection[i].tuple, tuple)) {
            line.end = i;
            line.after = host.connection[i].tcb;
        }
    }
    run_tell(&host.run, &line);
}

/* To ourselves: it comes back. */
static void send_to_self(const uint8_t *octets, size_t n)
{
    if (host.in_flight == FLIGHT_MAX || n > HOST_PACKET) {
        host.lossless = false;
        return;
    }
    struct in_flight *newest = &host.flight[host.order[host.in_flight++]];
    newest->number = host.run.wires;
    newest->n = n;
    memcpy(newest->octets, octets, n);
}

static void sent(const uint8_t *octets, size_t n)
{
    struct tfsm_packet packet;
    if (host.run.log != NULL) {
        struct run_wire wire = {
            .sent = true, .number = ++host.run.wires, .octets = octets, .size = n};
        run_wire(&host.run, NOBODY, &wire);
    }
    if (tfsm_parse(octets, n, &packet) != TFSM_WIRE_OK) {
        fails(NOBODY, "OUTPUT_UNSOUND", "RFC9293:MUST-2, RFC9293:3.1 what goes out can be read");
        return;
    }
    struct host_tuple tuple = {packet.src, packet.dst, packet.src_port, packet.dst_port};
    host.answers++;
    host.dataless += packet.segment.len == 0;
    if (!host_is_local(&packet.src, host.local_count)) {
        fails(NOBODY, "SOURCE_NOT_OURS", "RFC9293:MUST-44 what goes out comes from this host");
    }
    if (host_is_no_source(&packet.dst, host.local_count)) {
        fails(NOBODY, "SENT_TO_MANY",
              "RFC9293:MUST-46, RFC9293:MUST-57 nothing goes to who is not one host");
    }
    bool expected = host.everybody ? is_among(host.ever, host.known, &tuple)
                                   : is_among(host.may_speak, host.spoken, &tuple);
    if (!expected && host.known < TUPLES) {
        fails(NOBODY, "ANSWER_ASTRAY",
              "RFC9293:3.5.2 an answer goes to where the packet came from, and who was not asked "
              "says nothing");
    }
    tell_sent(&tuple, &packet.segment);
    if (host_is_local(&packet.dst, host.local_count)) {
        send_to_self(octets, n);
    }
}

static void drain(void)
{
    host.has_more = true;
    for (unsigned i = 0; i < RUN_DRAIN_MAX && !run_broken(&host.run); i++) {
        size_t n = endpoint_output(host.ep, host.run.now, output, sizeof output);
        if (n == 0) {
            host.has_more = false;
            host.everybody = false;
            host.spoken = 0;
            return;
        }
        sent(output, n);
    }
}

/* News are read; connections are accepted at once, or when the program says so. */
static void accept_all(void)
{
    for (unsigned i = 0; i < LISTENERS; i++) {
        endpoint_handle handle = 0;
        while (endpoint_accept(host.ep, host.listener[i], &handle) == TFSM_DONE && handle != 0) {
            if (host.run.log != NULL) {
                struct run_host call = {
                    .kind = RUN_HOST_ACCEPT, .handle = handle, .listener = host.listener[i]};
                say_host(&call);
            }
        }
    }
}

static void settle(void)
{
    endpoint_handle handle;
    uint32_t news;
    while (endpoint_next(host.ep, &handle, &news)) {
    }
    if (!host.lazy) {
        accept_all();
    }
    if (host.hold == 0 && !run_broken(&host.run)) {
        drain();
    }
    const char *wrong = endpoint_check(host.ep);
    if (wrong != NULL) {
        fails(NOBODY, "ENDPOINT_BOOKS", wrong);
    }
}

/* ---- packets, and what they may do ---- */

/* Which listener a packet can be for: any of its port and family, the exact one or not. */
static bool is_for_listener(unsigned i, const struct host_tuple *tuple)
{
    return host.listening[i].local.family == tuple->local.family &&
           host.listening[i].local_port == tuple->local_port;
}

static void remember(void)
{
    struct before *before = &host.before;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        before->handle[i] = host.connection[i].handle;
        if (host.connection[i].handle != 0) {
            copy_tcb(&before->whole[i], host.connection[i].tcb);
        }
    }
    for (unsigned i = 0; i < LISTENERS; i++) {
        before->half_open[i] = endpoint_half_open(host.ep, host.listener[i]);
        memset(before->counted[i], 0, sizeof before->counted[i]);
        if (host.listener[i] != 0) {
            endpoint_listener_counted(host.ep, host.listener[i], before->counted[i]);
        }
    }
}

/* A sound packet: all but the connection, or the listener, of its addresses and ports is as it
 * was. */
static void check_touched(void)
{
    static const char requirement[] =
        "RFC9293:3.4, RFC9293:MUST-41 a packet changes the connection or the listener of its "
        "addresses and ports, and no other";
    struct before *before = &host.before;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        const struct connection *c = &host.connection[i];
        if (before->handle[i] != 0 && before->handle[i] == c->handle &&
            !host_same_tuple(&c->tuple, &host.from) && !same_tcb(c->tcb, &before->whole[i].tcb)) {
            fails(i, "OTHER_CONNECTION", requirement);
        }
    }
    for (unsigned i = 0; i < LISTENERS; i++) {
        uint64_t counted[TFSM_LISTENER_COUNTS] = {0};
        if (host.listener[i] == 0 || is_for_listener(i, &host.from)) {
            continue;
        }
        endpoint_listener_counted(host.ep, host.listener[i], counted);
        if (endpoint_half_open(host.ep, host.listener[i]) != before->half_open[i] ||
            memcmp(counted, before->counted[i], sizeof counted) != 0) {
            fails(NOBODY, "OTHER_CONNECTION", requirement);
        }
    }
}

/* Whether octets are as they were. What lies between the members of a structure counts, too, and nobody has
 * set it: MemorySanitizer must not ask what it means. */
#if defined(__clang__)
__attribute__((no_sanitize("memory")))
#endif
static bool
is_as_it_was(size_t from, size_t end)
{
    bool same = true;
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
    for (size_t i = from; i < end; i++) {
        same = same && memory[i] == shadow[i];
    }
    return same;
#endif
#endif
    same = memcmp(memory + from, shadow + from, end - from) == 0;
    return same;
}

/* A packet that is none: all memory of the endpoint is as it was, but for what it counts. */
static void check_untouched(const char *why)
{
    size_t at = (size_t)((const uint8_t *)endpoint_counted(host.ep) - memory);
    size_t end = at + sizeof(struct endpoint_counters);
    if (!is_as_it_was(0, at) || !is_as_it_was(end, host.size)) {
        fails(NOBODY, "UNSOUND_BUT_CHANGED", why);
    }
}

/* Nothing was owed before: what comes now answers this packet. */
static void check_answers(bool quiet)
{
    bool known = false;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        known = known || (host.connection[i].handle != 0 &&
                          host_same_tuple(&host.connection[i].tuple, &host.from));
    }
    if (quiet && (host.dataless > 1 || (!known && host.answers > 1))) {
        fails(NOBODY, "ANSWERS_UNBOUNDED",
              "RFC9293:3.5.2, RFC9293:MUST-58 a packet has one answer, besides the text that it "
              "lets go");
    }
}

/* Whose a packet is, as the codec sees it. Returns false where it is nobody's. */
static bool read_tuple(const uint8_t *octets, size_t n, struct host_tuple *tuple)
{
    struct tfsm_packet packet;
    struct tfsm_icmp_message message;
    enum tfsm_wire_result segment = tfsm_parse(octets, n, &packet);
    if (segment == TFSM_WIRE_OK || segment == TFSM_WIRE_OPTION) { /* it goes without the others */
        *tuple = (struct host_tuple){packet.dst, packet.src, packet.dst_port, packet.src_port};
        return true;
    }
    if (tfsm_parse_icmp(octets, n, &message) == TFSM_WIRE_OK) {
        *tuple = (struct host_tuple){message.local, message.remote, message.local_port,
                                     message.remote_port};
        return true;
    }
    return false;
}

/* A packet comes in. crafted: it is not what the host sent, and number is 0. */
static void give(const uint8_t *octets, size_t n, bool crafted, uint32_t number)
{
    struct host_tuple tuple = {.local_port = 0};
    if (host.run.log != NULL) {
        struct run_wire wire = {.spoilt = crafted && host.spoilt,
                                .flown = !crafted,
                                .number = number,
                                .octets = octets,
                                .size = n};
        run_wire(&host.run, NOBODY, &wire);
    }
    const char *why = host_is_unsound(octets, n, host.local_count);
    bool quiet = host.hold == 0 && !host.has_more && host.spoken == 0 && !host.everybody;
    if (!read_tuple(octets, n, &tuple) && why == NULL) {
        why = "RFC9293:3.9.2 what cannot be read is no segment and no error";
    }
    uint8_t *place = given + sizeof given - n;
    memcpy(place, octets, n);
    host.from = tuple;
    if (why != NULL) {
        memcpy(shadow, memory, host.size);
        note("a packet of %zu octets that is none: %s", n, why);
    } else {
        remember();
        let_speak(&tuple);
    }
    if (why == NULL && crafted) {
        taint(&tuple);
    }
    host.answers = 0;
    host.dataless = 0;
    host.arriving = true;
    endpoint_input(host.ep, place, n, host.run.now);
    host.arriving = false;
    if (why != NULL) {
        check_untouched(why);
    } else {
        check_touched();
    }
    settle();
    if (why == NULL && !run_broken(&host.run)) {
        check_answers(quiet);
    }
}

/* ---- crafted packets ---- */

/* The connection that a record means, as a TCB and a tuple. Of none, somebody towards a
 * listener. */
static const struct tfsm_tcb *meant(unsigned who, struct host_tuple *tuple)
{
    static const struct tfsm_tcb none;
    if (who < CONNECTIONS && host.connection[who].handle != 0) {
        *tuple = host.connection[who].tuple;
        return host.connection[who].tcb;
    }
    if (who == HALF_OPEN && is_open(&host.half_open)) {
        *tuple = host.half_open_tuple;
        return &host.half_open;
    }
    uint8_t prefix;
    *tuple = (struct host_tuple){.local = host_local(who & 2u, &prefix),
                                 .local_port = host_port(0),
                                 .remote_port = host_port(1)};
    tuple->remote = host_address(tuple->local.family, who & 1u);
    return &none;
}

#define OWN_SPOIL 1u /* own bits of what makes a packet: how and where follow */
#define OWN_FROM  2u /* another source follows */
#define OWN_TO    4u /* another destination follows */
#define OWN_PORTS 8u /* other ports follow */

static void spoil_and_give(uint8_t *octets, size_t n, unsigned own)
{
    if (own & OWN_SPOIL) {
        host.spoilt = true;
        unsigned how = take();
        n = host_spoil(octets, n, how, take());
    }
    memcpy(host.last_octets, octets, n);
    host.last = n;
    give(octets, n, true, 0);
}

/* A segment in an envelope, that of its connection or another. */
static void send_segment(const struct host_tuple *tuple, struct tfsm_segment *segment, unsigned own)
{
    static uint8_t octets[HOST_PACKET];
    struct tfsm_packet packet = {.src = tuple->remote,
                                 .dst = tuple->local,
                                 .src_port = tuple->remote_port,
                                 .dst_port = tuple->local_port,
                                 .hops = 64,
                                 .cookie = {0xc0, 0x0c, 0x1e}};
    uint32_t ends =
        ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) + ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
    if (segment->len > RING + ends) {
        segment->len = RING + ends;
    }
    segment->security = 0;
    packet.segment = *segment;
    packet.src = own & OWN_FROM ? host_address(packet.src.family, take()) : packet.src;
    packet.dst = own & OWN_TO ? host_address(packet.dst.family, take()) : packet.dst;
    if (own & OWN_PORTS) {
        unsigned ports = take();
        packet.src_port = ports & 0x80u ? packet.src_port : host_port(ports & 3u);
        packet.dst_port = ports & 0x40u ? packet.dst_port : host_port(ports >> 2 & 3u);
    }
    size_t n = tfsm_write(&packet, stream_at(0), octets, sizeof octets);
    if (n > 0) {
        host.spoilt = false;
        spoil_and_give(octets, n, own);
    }
}

static void stamp(const struct tfsm_tcb *tcb, struct tfsm_segment *segment)
{
    if ((tcb->flags & TFSM_M_TIMESTAMPS) != 0 || (segment->options & TFSM_OPT_TIMESTAMPS) != 0) {
        segment->options |= TFSM_OPT_TIMESTAMPS;
        segment->ts_val = seq_add(tcb->ts_recent, 1);
        segment->ts_ecr = timestamp_now(tcb, host.run.now);
    }
}

static void offer(unsigned how, struct tfsm_segment *segment)
{
    segment->mss = 1400;
    segment->wscale = 3;
    segment->options = how & 1u ? TFSM_OPT_MSS : 0;
    segment->options |= how & 2u ? TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED : 0;
    segment->options |= how & 4u ? TFSM_OPT_TIMESTAMPS : 0;
}

/* What a peer says who knows all numbers: this is what reaches deep states. */
static void exact_record(unsigned own)
{
    static const uint8_t flags[16] = {TFSM_ACK,
                                      TFSM_ACK,
                                      TFSM_ACK | TFSM_FIN,
                                      TFSM_RST,
                                      TFSM_SYN | TFSM_ACK,
                                      TFSM_SYN,
                                      TFSM_ACK | TFSM_PSH,
                                      TFSM_ACK,
                                      TFSM_ACK,
                                      TFSM_ACK | TFSM_URG,
                                      TFSM_RST | TFSM_ACK,
                                      TFSM_SYN | TFSM_ACK,
                                      TFSM_ACK,
                                      TFSM_ACK | TFSM_FIN,
                                      TFSM_ACK,
                                      TFSM_ACK | TFSM_ECE};
    static const uint16_t texts[16] = {0, 10, 0, 0, 0, 0, 1000, 0, 100, 20, 0, 0, 3000, 30, 1, 5};
    struct host_tuple tuple;
    unsigned octet = take();
    unsigned how = octet >> 3 & 15u;
    const struct tfsm_tcb *tcb = meant(octet & 7u, &tuple);
    struct tfsm_segment segment = {.seq = how == 8 ? seq_add(tcb->rcv_nxt, 200) : tcb->rcv_nxt,
                                   .ack = how == 14 ? tcb->snd_una : tcb->snd_nxt,
                                   .flags = flags[how],
                                   .wnd = how == 7 ? 0 : 20000,
                                   .up = 10,
                                   .len = texts[how]};
    segment.len += (segment.flags & (TFSM_SYN | TFSM_FIN)) != 0 ? 1u : 0u;
    if ((segment.flags & TFSM_SYN) != 0) {
        segment.seq = how == 11 ? tcb->rcv_nxt : host.peer_iss;
        offer(octet >> 7 ? 7 : 0, &segment);
    }
    stamp(tcb, &segment);
    send_segment(&tuple, &segment, own);
}

static void segment_record(unsigned own)
{
    struct host_tuple tuple;
    struct record record;
    const struct tfsm_tcb *tcb = meant(take() & 7u, &tuple);
    if (program_next(&host.program, &record)) {
        record.kind = RECORD_SEGMENT; /* of another kind it has all fields zero */
        struct tfsm_segment segment = record_segment(&record, tcb, host.run.now);
        send_segment(&tuple, &segment, own);
    }
}

static void syn_record(unsigned own)
{
    uint8_t prefix;
    unsigned octet = take();
    struct host_tuple tuple = {.local = host_local(octet & 7u, &prefix),
                               .local_port = host_port(octet >> 5 & 1u),
                               .remote_port = host_port(octet >> 6 & 3u)};
    tuple.remote = host_address(tuple.local.family, octet >> 3 & 3u);
    struct tfsm_segment segment = {
        .seq = host.peer_iss, .flags = TFSM_SYN, .len = 1, .wnd = 20000, .up = 0};
    host.peer_iss = seq_add(host.peer_iss, 0x10001u);
    offer(take(), &segment);
    send_segment(&tuple, &segment, own);
}

static void raw_record(unsigned own)
{
    static uint8_t octets[HOST_PACKET];
    struct program *program = &host.program;
    size_t n = take();
    size_t left = program->at < program->size ? program->size - program->at : 0;
    n = n < left ? n : left;
    if (n > 0) {
        memcpy(octets, program->octets + program->at, n);
        program->at += n;
    }
    if (own & 2u) {
        host_seal(octets, n);
    }
    memcpy(host.last_octets, octets, n);
    host.last = n;
    host.spoilt = true;
    give(octets, n, true, 0);
}

/* An ICMP message about a segment that a connection sends, or might have sent. */
static void icmp_record(unsigned own)
{
    static uint8_t quoted[HOST_PACKET];
    static uint8_t octets[HOST_PACKET];
    static const uint8_t types[2][8] = {{3, 3, 11, 12, 4, 5, 8, 3}, {1, 2, 3, 4, 1, 128, 0, 2}};
    struct host_tuple tuple;
    struct record record = {.call = RECORD_ICMP};
    unsigned octet = take();
    unsigned about = take();
    const struct tfsm_tcb *tcb = meant(octet & 7u, &tuple);
    record.ack_base = about & 15u;
    struct tfsm_packet packet = {.src = tuple.local,
                                 .dst = tuple.remote,
                                 .src_port = tuple.local_port,
                                 .dst_port = tuple.remote_port,
                                 .hops = 60,
                                 .segment = {.flags = TFSM_ACK, .wnd = 1000}};
    packet.segment.seq = record_event(&record, tcb).segment.seq;
    size_t n = tfsm_write(&packet, NULL, quoted, sizeof quoted);
    n = about & 0x80u && n > 12 ? n - 12 : n;
    struct tfsm_address from = tuple.remote;
    struct tfsm_address to = tuple.local;
    from = own & OWN_FROM ? host_address(from.family, take()) : from;
    to = own & OWN_TO ? host_address(to.family, take()) : to;
    unsigned type = types[to.family == 6][octet >> 3 & 7u];
    if (n > 0) {
        n = host_icmp(&from, &to, type, about >> 4 & 7u, quoted, n, octets);
        host.spoilt = false;
        spoil_and_give(octets, n, own);
    }
}

static void again_record(unsigned own)
{
    static uint8_t octets[HOST_PACKET];
    memcpy(octets, host.last_octets, host.last);
    spoil_and_give(octets, host.last, own);
}

/* ---- the user ---- */

static bool has_user(unsigned index)
{
    return host.connection[index].handle != 0 &&
           endpoint_tcb(host.ep, host.connection[index].handle) != NULL;
}

/* handle 0: it was not opened. */
static void opened(endpoint_handle handle, enum tfsm_result result, bool fast, size_t taken)
{
    if (handle == 0) {
        note("the user opens a connection: %s", tfsm_result_name(result));
        return;
    }
    struct endpoint_status_block status;
    struct connection *c = &host.connection[index_of(handle)];
    if (endpoint_status(host.ep, handle, &status) == TFSM_DONE) {
        c->tuple =
            (struct host_tuple){status.local, status.remote, status.local_port, status.remote_port};
    }
    /* Of an earlier one, a segment may be about, with numbers that this one takes for its own. */
    c->exact =
        is_self(&c->tuple) && host.known < TUPLES && !is_among(host.ever, host.known, &c->tuple);
    c->sent = taken;
    let_speak(&c->tuple);
    if (host.run.log != NULL) {
        struct run_host call = {.kind = RUN_HOST_CONNECT,
                                .handle = handle,
                                .result = result,
                                .n = fast ? 100 : 0,
                                .taken = taken,
                                .fast = fast,
                                .knows = c->tcb->cookie_len > 0,
                                .local = c->tuple.local,
                                .remote = c->tuple.remote,
                                .local_port = c->tuple.local_port,
                                .remote_port = c->tuple.remote_port};
        say_host(&call);
    }
}

static void open_to(const struct endpoint_open *open, bool fast)
{
    endpoint_handle handle = 0;
    size_t taken = 0;
    enum tfsm_result result = fast ? endpoint_connect_fast(host.ep, open, stream_at(0), 100,
                                                           host.run.now, &handle, &taken)
                                   : endpoint_connect(host.ep, open, host.run.now, &handle);
    opened(handle, result, fast, taken);
    settle();
}

static void connect_record(unsigned own)
{
    unsigned octet = take();
    unsigned family = own & 1u ? 6 : 4;
    struct endpoint_open open = {.remote = host_address(family, octet & 15u),
                                 .remote_port = host_port(octet >> 4 & 3u),
                                 .local_port = octet & 0x40u ? host_port(octet >> 7) : 0};
    if (own & 4u) {
        open.local = host_address(family, own & 8u ? 3 : 2);
    }
    open_to(&open, (own & 2u) != 0);
}

/* The same address and port at both ends: every segment comes back (RFC9293:MUST-10). */
static void self_record(unsigned own)
{
    uint8_t prefix;
    struct tfsm_address local = host_local(own & 7u, &prefix);
    uint16_t port = host_port(1 + (own >> 3));
    struct endpoint_open open = {
        .local = local, .remote = local, .local_port = port, .remote_port = port};
    open_to(&open, false);
}

static void listen_record(unsigned own)
{
    unsigned octet = take();
    unsigned index = octet % LISTENERS;
    uint8_t prefix;
    struct tfsm_listener_policy policy = tfsm_listener_policy_default();
    if (host.listener[index] != 0) {
        note("listener %u closes", index);
        tell_host(RUN_HOST_CLOSE, host.listener[index], TFSM_DONE);
        endpoint_close(host.ep, host.listener[index], host.run.now);
        host.listener[index] = 0;
        host.everybody = true;
        settle();
        return;
    }
    struct endpoint_listening listening = {.local = host_local(own & 7u, &prefix),
                                           .port = host_port(octet >> 2 & 1u),
                                           .backlog = 1u + (octet >> 3 & 1u),
                                           .policy = &policy};
    if (own & 8u) {
        memset(listening.local.octets, 0, sizeof listening.local.octets);
    }
    policy.cookies = (uint8_t)(octet >> 4 & 3u) % 3u;
    policy.overflow = octet & 0x40u ? TFSM_OVERFLOW_RESET : TFSM_OVERFLOW_DROP;
    policy.fast_open = octet >> 7;
    host.listening[index] =
        (struct host_tuple){.local = listening.local, .local_port = listening.port};
    if (endpoint_listen(host.ep, &listening, &host.listener[index]) == TFSM_DONE) {
        if (host.run.log != NULL) {
            struct run_host call = {.kind = RUN_HOST_LISTEN,
                                    .handle = host.listener[index],
                                    .n = listening.backlog,
                                    .local = listening.local,
                                    .local_port = listening.port,
                                    .policy = &policy};
            say_host(&call);
        }
        note("listener %u opens at port %u", index, listening.port);
    }
}

static void send_text(struct connection *c, size_t n, bool urgent)
{
    size_t taken = 0;
    n = n < RING ? n : RING;
    enum tfsm_result result =
        endpoint_send(host.ep, c->handle, stream_at(c->sent), n, urgent, host.run.now, &taken);
    c->sent += taken;
    if (host.run.log != NULL) {
        struct run_host call = {.kind = RUN_HOST_SEND,
                                .handle = c->handle,
                                .result = result,
                                .n = n,
                                .taken = taken,
                                .urgent = urgent};
        say_host(&call);
    }
}

/* What a connection to itself reads is what it said. */
static void read_text(struct connection *c, size_t n)
{
    size_t taken = 0;
    n = n < RING ? n : RING;
    endpoint_receive(host.ep, c->handle, reading, n, host.run.now, &taken);
    if (host.run.log != NULL) {
        struct run_host call = {
            .kind = RUN_HOST_RECEIVE, .handle = c->handle, .n = n, .taken = taken};
        say_host(&call);
    }
    if (c->exact && taken > 0 && memcmp(reading, stream_at(c->read), taken) != 0) {
        fails(index_of(c->handle), "STREAM", "RFC9293:2.2 the stream delivered is the stream sent");
    }
    c->read += taken;
}

static void user_calls(unsigned index, unsigned call, size_t n)
{
    struct connection *c = &host.connection[index];
    let_speak(&c->tuple);
    switch (call & 7u) {
    case 0:
    case 1:
        send_text(c, n, (call & 1u) != 0);
        break;
    case 2:
    case 3:
        read_text(c, n);
        break;
    case 4: /* before it is open that is an end, too */
        c->aborted = c->aborted || c->tcb->state == TFSM_SYN_SENT;
        tell_host(RUN_HOST_CLOSE, c->handle, endpoint_close(host.ep, c->handle, host.run.now));
        break;
    case 5:
        c->aborted = true; /* deaf: what is unread resets it */
        tell_host(RUN_HOST_CLOSE_DEAF, c->handle, TFSM_DONE);
        endpoint_close_deaf(host.ep, c->handle, host.run.now);
        break;
    case 6:
        c->aborted = true;
        tell_host(RUN_HOST_ABORT, c->handle, TFSM_DONE);
        endpoint_abort(host.ep, c->handle, host.run.now);
        break;
    default:
        c->aborted = true;
        tell_host(RUN_HOST_RELEASE, c->handle, TFSM_DONE);
        endpoint_release(host.ep, c->handle, host.run.now);
        break;
    }
}

static void user_record(unsigned own)
{
    unsigned index = take() % CONNECTIONS;
    size_t n = (own & 7u) < 4 ? take16() : 0;
    if (has_user(index)) {
        user_calls(index, own, n);
        settle();
    }
}

static void talk_record(unsigned own)
{
    unsigned index = own % CONNECTIONS;
    if (has_user(index)) {
        user_calls(index, 0, 700);
        user_calls(index, 2, RING);
        settle();
    }
}

/* ---- ourselves as the peer ---- */

static const struct in_flight *flying(unsigned index)
{
    return &host.flight[host.order[index]];
}

static void remove_flight(unsigned index)
{
    uint8_t place = host.order[index];
    host.in_flight--;
    memmove(&host.order[index], &host.order[index + 1], host.in_flight - index);
    host.order[host.in_flight] = place;
}

/* Its octets are copied by whom it is given to before its place is used again. */
static void come_back(unsigned index, bool keep)
{
    const struct in_flight *arrival = flying(index);
    if (!keep) {
        remove_flight(index);
    }
    give(arrival->octets, arrival->n, false, arrival->number);
}

static void loop_record(unsigned own)
{
    if (host.in_flight == 0) {
        return;
    }
    unsigned index = (own & 3u) % host.in_flight;
    host.lossless = host.lossless && index == 0 && own >> 2 == 0;
    if (own >> 2 == 1) {
        note("a packet to ourselves is lost");
        remove_flight(index);
    } else {
        come_back(index, own >> 2 == 2);
    }
}

/* How many replies to segments without text there may be while no time passes: a budget for each
 * kind of segment, at each end that has a peer here. */
static uint32_t replies_at_once(void)
{
    uint32_t limit = host.cfg[0].challenge_limit > host.cfg[1].challenge_limit
                         ? host.cfg[0].challenge_limit
                         : host.cfg[1].challenge_limit;
    uint32_t ends = 0;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        const struct connection *c = &host.connection[i];
        ends += c->handle != 0 && host_is_local(&c->tuple.remote, host.local_count);
    }
    for (unsigned i = 0; i < LISTENERS; i++) {
        ends += host.listener[i] != 0 ? endpoint_half_open(host.ep, host.listener[i]) : 0;
    }
    return ends * TFSM_REPLY_CLASSES * limit;
}

/* Octets that have arrived or were acknowledged: what moves this is no idle talk. */
static uint64_t progress(void)
{
    uint64_t octets = 0;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        const struct connection *c = &host.connection[i];
        octets += c->handle != 0 ? c->tcb->snd_octets + c->tcb->rcv_octets : 0;
    }
    return octets;
}

/* Everything comes back in order, and the answers. With no time passing and no call made this must
 * end: text is finite, what was on its way draws a RST each, and replies to segments without text are
 * limited. At the end of time every interval of the limiter is over. */
static void flush(void)
{
    uint32_t dataless = 0;
    uint32_t useful = 0;
    for (unsigned i = 0; i < FLUSH_MAX && host.in_flight > 0 && !run_broken(&host.run); i++) {
        struct tfsm_packet packet;
        bool parsed = tfsm_parse(flying(0)->octets, flying(0)->n, &packet) == TFSM_WIRE_OK;
        bool bears = parsed && packet.segment.len > 0;
        uint64_t octets = progress();
        come_back(0, false);
        bool moved = progress() != octets;
        useful += bears || (parsed && moved);
        dataless += parsed && !bears && !moved;
    }
    if (host.run.now < LAST && dataless > 2 * (useful + FLIGHT_MAX) + replies_at_once()) {
        fails(NOBODY, "REPLY_STORM", "RFC5961:7 this host does not answer itself for ever");
    }
}

/* ---- time ---- */

static void pass_time(tfsm_time to)
{
    host.run.now = to > host.run.now ? to : host.run.now;
    host.everybody = true;
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        if (host.connection[i].handle != 0) {
            know(&host.connection[i].tuple);
        }
    }
    tell_host(RUN_HOST_TIME, 0, TFSM_DONE);
    endpoint_timeout(host.ep, host.run.now);
    run_progresses(&host.run, NOBODY, endpoint_deadline(host.ep), host.run.now);
    settle();
}

static void pass_by(tfsm_time delay)
{
    host.lossless = false;
    pass_time(host.run.now < LAST ? host.run.now + delay : host.run.now);
}

/* To the next deadline, a microsecond before it, or one after it. */
static void to_deadline(unsigned where)
{
    int beside = where == 1 ? -1 : where == 2 ? 1 : 0;
    host.lossless = false;
    pass_time(run_beside(endpoint_deadline(host.ep), beside, host.run.now));
}

static void time_record(unsigned own)
{
    if ((own & 3u) == 0) {
        to_deadline(own >> 2);
    } else if ((own & 3u) == 1) {
        pass_by(take() * (SECOND / 1000));
    } else if ((own & 3u) == 2) {
        pass_by(take() * (SECOND / 4));
    } else {
        pass_by(take16() * SECOND);
    }
}

/* ---- the program ---- */

static void read_record(void)
{
    uint8_t op = take();
    unsigned own = op >> 4;
    switch ((enum host_kind)(op & 15u)) {
    case HOST_EXACT:
        exact_record(own);
        break;
    case HOST_SEGMENT:
        segment_record(own);
        break;
    case HOST_SYN:
        syn_record(own);
        break;
    case HOST_RAW:
        raw_record(own);
        break;
    case HOST_ICMP:
        icmp_record(own);
        break;
    case HOST_AGAIN:
        again_record(own);
        break;
    case HOST_CONNECT:
        connect_record(own);
        break;
    case HOST_SELF:
        self_record(own);
        break;
    case HOST_LISTEN:
        listen_record(own);
        break;
    case HOST_USER:
        user_record(own);
        break;
    case HOST_TIME:
        time_record(own);
        break;
    case HOST_HOLD:
        host.hold = own + 2;
        break;
    case HOST_LOOP:
        loop_record(own);
        break;
    case HOST_FLUSH:
        flush();
        break;
    case HOST_ACCEPT:
        accept_all();
        settle();
        break;
    case HOST_TALK:
        talk_record(own);
        break;
    }
}

/* Nothing is read beyond the end of a record, and what is of no use in it is passed over. */
static void do_record(void)
{
    struct program *program = &host.program;
    size_t size = program->size;
    program->size = layout_next(LAYOUT_ENDPOINT, program->octets, size, program->at);
    read_record();
    program->at = program->size;
    program->size = size;
    if (host.hold > 0 && --host.hold == 0 && !run_broken(&host.run)) {
        drain();
    }
}

/* ---- the end of a program ---- */

/* Users of connections to ourselves read and close once these are open, the others abort. */
static void finish_users(void)
{
    for (unsigned i = 0; i < CONNECTIONS && !run_broken(&host.run); i++) {
        struct connection *c = &host.connection[i];
        if (!has_user(i) || (c->exact && c->tcb->state == TFSM_SYN_SENT)) {
            continue;
        }
        if (c->exact && !c->aborted) {
            user_calls(i, 2, RING);
            user_calls(i, 4, 0);
        } else {
            user_calls(i, 7, 0);
        }
        settle();
    }
}

/* Whether an end may give up before, or just when, an acknowledgment comes that the other delays: timeouts double, but
 * stay short where they are bounded. */
static bool is_impatient(const struct tfsm_config *cfg)
{
    tfsm_time timeout = cfg->rto_min > 0 ? cfg->rto_min : 1;
    tfsm_time all = 0;
    for (unsigned i = 0; i <= cfg->retries && all < ACK_DELAY_MOST; i++) {
        all += timeout;
        timeout = timeout * 2 < cfg->rto_max ? timeout * 2 : cfg->rto_max;
    }
    return all <= (cfg->ack_delay < ACK_DELAY_MOST ? cfg->ack_delay : ACK_DELAY_MOST);
}

/* Nobody but ourselves had a hand in it, nothing was lost and nobody aborted: then it opened,
 * carried the text and closed in good order, or gave up where it is told to be so impatient. */
static void check_self(const struct connection *c)
{
    const struct tfsm_config *cfg = &host.cfg[c->tuple.local.family == 6];
    const uint32_t bad = TFSM_SIG_RESET | TFSM_SIG_REFUSED | TFSM_SIG_TIMED_OUT;
    if ((c->heard & TFSM_SIG_TIMED_OUT) != 0 && is_impatient(cfg)) {
        return;
    }
    if (c->handle == 0 || !c->exact || c->aborted || !host.lossless || cfg->rcv_buff == 0) {
        return;
    }
    if ((c->heard & bad) != 0 || (c->heard & TFSM_SIG_CONNECTED) == 0 ||
        (c->heard & TFSM_SIG_CLOSED) == 0 || c->read != c->sent) {
        fails(index_of(c->handle), "SELF_CONNECTION",
              "RFC9293:MUST-10 a connection to itself opens, carries text and closes");
    }
}

/* From here nothing is lost, and everything ends. */
static void finish(void)
{
    note("the program ends; from here nothing is lost, and the user is done");
    host.hold = 0;
    drain();
    for (unsigned i = 0; i < LISTENERS; i++) {
        if (host.listener[i] != 0) {
            tell_host(RUN_HOST_CLOSE, host.listener[i], TFSM_DONE);
            endpoint_close(host.ep, host.listener[i], host.run.now);
            host.listener[i] = 0;
            host.everybody = true;
        }
    }
    settle();
    flush();
    for (unsigned rounds = 0; !run_broken(&host.run); rounds++) {
        finish_users(); /* whose calls alone, refused perhaps, move nothing on */
        uint32_t events = host.run.result.events;
        flush();
        if (rounds >= BUDGET || host.run.result.events >= BUDGET || host.run.now >= LAST) {
            return;
        }
        if (host.run.result.events != events || host.in_flight > 0 || host.has_more) {
            continue;
        }
        if (endpoint_deadline(host.ep) == TFSM_NEVER) {
            break;
        }
        pass_time(endpoint_deadline(host.ep));
    }
    const struct endpoint_counters *counters = endpoint_counted(host.ep);
    if (counters->opened != counters->freed) {
        fails(NOBODY, "NEVER_CLOSED", "RFC9293:3.6 when the user is done everything ends");
    }
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        check_self(&host.connection[i]);
    }
}

/* ---- the beginning ---- */

static void open_host(const uint8_t *octets, size_t size)
{
    struct program_config program;
    struct endpoint_local locals[HOST_LOCALS];
    struct endpoint_config config = endpoint_config_default();
    program_open(&host.program, octets, size, &program);
    unsigned how = take();
    host.lazy = (how & 1u) != 0;
    host.local_count = how & 2u ? HOST_LOCALS : HOST_LOCALS - 2;
    host.lossless = true;
    host.run.now = program.start;
    host.peer_iss = program.iss[1];
    for (unsigned i = 0; i < host.local_count; i++) {
        locals[i].address = host_local(i, &locals[i].prefix);
    }
    memset(config.key, (int)program.iss[0] & 0xff, sizeof config.key);
    config.locals = locals;
    config.local_count = host.local_count;
    config.connections = how & 4u ? 2 : CONNECTIONS;
    config.listeners = LISTENERS;
    config.backlog = 2;
    config.ranges = program.ranges;
    config.send_ring = RING;
    config.receive_ring = RING;
    config.resets = how & 8u ? 1 : 8;
    config.syn_acks = how & 8u ? 1 : 8;
    config.spent = 2;
    config.cookies = 2;
    config.policy4 = program.cfg[0];
    config.policy6 = program.cfg[1];
    host.cfg[0] = program.cfg[0];
    host.cfg[1] = program.cfg[1];
    host.size = endpoint_size(&config);
    if (host.size > sizeof memory) {
        fails(NOBODY, "MEMORY", "MEMORY in host.c is too small");
        return;
    }
    memset(memory, 0, host.size);
    host.ep = endpoint_place(&config, memory);
    endpoint_watch(host.ep, watch, NULL);
    if (host.run.log != NULL) {
        struct run_host call = {.kind = RUN_HOST_BEGINS, .clock = host.run.now, .config = &config};
        say_host(&call);
    }
    if (endpoint_packet_most(host.ep) > sizeof output) {
        fails(NOBODY, "MEMORY", "OUTPUT in host.c is too small");
    }
}

struct run_result run_endpoint(const uint8_t *octets, size_t size, run_log *log, void *user)
{
    memset(&host, 0, offsetof(struct host, flight));
    host.run.log = log;
    host.run.user = user;
    for (unsigned i = 0; i < FLIGHT_MAX; i++) {
        host.order[i] = (uint8_t)i;
    }
    make_stream();
    coverage_begin();
    open_host(octets, size);
    for (unsigned i = 0; i < PROGRAM_EVENTS && !run_broken(&host.run); i++) {
        if (host.program.at >= host.program.size) {
            break;
        }
        do_record();
    }
    if (!run_broken(&host.run)) {
        finish();
    }
    return host.run.result;
}
