/* The peer of whatever is measured: makes packets, and reads from what comes back no more than it needs for the next. */
#include "driver.h"

#include "seq.h"
#include "tfsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL   100u
#define PACKETS 64u
#define SPAN    2048u /* octets of a packet at most */

const struct bench_plan bench_plans[CASES] = {
    {"ack", PACKETS, false},           {"100 octets", PACKETS, false},
    {"1460 octets", PACKETS, false},   {"out of order", PACKETS, false},
    {"connection", CONNECTIONS, true}, {"syn", CONNECTIONS, false}};

/* One connection, as the peer sees it. */
struct peer {
    uint32_t seq; /* next to send */
    uint32_t ack; /* next expected */
    uint32_t stamp;
    unsigned round; /* of this place: the ports go on */
};

static struct peer peers[CONNECTIONS];
static unsigned last_flags; /* of what came last */
static unsigned came;
static bool six;
static bool stamped;
static uint32_t clock_ms = 1000;

static uint8_t octets[PACKETS][SPAN];
static struct parcel parcels[PACKETS];
static unsigned whose[PACKETS];
static const uint8_t text[1500] = {1, 2, 3, 5, 8, 13, 21, 34};

static void require(bool holds, const char *subject, const char *what)
{
    if (!holds) {
        fprintf(stderr, "bench: %s: %s\n", subject, what);
        exit(1);
    }
}

static struct tfsm_address address(bool server)
{
    struct tfsm_address v4 = {4, {192, 0, 2, server ? 1 : 2}};
    struct tfsm_address v6 = {6, {0x20, 1, 0x0d, 0xb8}};
    v6.octets[15] = server ? 1 : 2;
    return six ? v6 : v4;
}

/* ---- what comes back ---- */

#define HEADERS 128u
#define LOGGED  512u

static struct {
    uint8_t octets[HEADERS];
} logged[LOGGED];
static unsigned logged_count;

static void keep(const void *sent, size_t n)
{
    if (logged_count < LOGGED) {
        memcpy(logged[logged_count++].octets, sent, n < HEADERS ? n : HEADERS);
    }
}

void driver_sent_measured(const void *sent, size_t n);

__attribute__((noinline)) void driver_sent_measured(const void *sent, size_t n)
{
    keep(sent, n);
}

void (*driver_sent)(const void *octets, size_t n) = keep;

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t read16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

/* TSval, where there is one. */
static void read_stamp(const uint8_t *tcp, struct peer *peer)
{
    const uint8_t *end = tcp + (tcp[12] >> 4) * 4;
    const uint8_t *at = tcp + 20;
    while (at < end && at[0] != 0) {
        if (at[0] == 8) {
            peer->stamp = read32(at + 2);
        }
        at += at[0] == 1 || at[1] < 2 ? 1 : at[1];
    }
}

static void read_one(const uint8_t *ip)
{
    bool v6 = ip[0] >> 4 == 6;
    const uint8_t *tcp = ip + (v6 ? 40 : 20);
    uint32_t length = (v6 ? read16(ip + 4) : read16(ip + 2) - 20u) - (tcp[12] >> 4) * 4u;
    struct peer *peer = &peers[(read16(tcp + 2) - CLIENT_PORT) % CONNECTIONS];
    last_flags = tcp[13];
    length += (last_flags & TFSM_SYN) != 0;
    length += (last_flags & TFSM_FIN) != 0;
    uint32_t end = seq_add(read32(tcp + 4), length);
    peer->ack = (last_flags & TFSM_SYN) != 0 ? end : seq_max(peer->ack, end);
    read_stamp(tcp, peer);
    came++;
}

/* Read what the subject has sent since. */
static void read_all(void)
{
    for (unsigned i = 0; i < logged_count; i++) {
        read_one(logged[i].octets);
    }
    logged_count = 0;
}

/* ---- what is sent ---- */

static void make(const struct subject *subject, unsigned slot, unsigned i, unsigned flags,
                 uint32_t seq, uint32_t length)
{
    struct peer *peer = &peers[i];
    struct tfsm_packet packet = {.src = address(false),
                                 .dst = address(true),
                                 .src_port =
                                     (uint16_t)(CLIENT_PORT + peer->round * CONNECTIONS + i),
                                 .dst_port = SERVER_PORT,
                                 .hops = 64};
    struct tfsm_segment *seg = &packet.segment;
    seg->flags = (uint8_t)flags;
    seg->seq = seq;
    seg->ack = (flags & TFSM_ACK) != 0 ? peer->ack : 0;
    seg->wnd = 65535;
    seg->len = length + ((flags & TFSM_SYN) != 0) + ((flags & TFSM_FIN) != 0);
    if ((flags & TFSM_SYN) != 0) {
        seg->options = TFSM_OPT_MSS;
        seg->mss = six ? 1440 : 1460;
    }
    if (stamped) {
        seg->options |= TFSM_OPT_TIMESTAMPS;
        seg->ts_val = clock_ms;
        seg->ts_ecr = peer->stamp;
    }
    parcels[slot].octets = octets[slot];
    parcels[slot].n = tfsm_write(&packet, text, octets[slot], SPAN);
    whose[slot] = i;
    if (subject->wrap != NULL) {
        subject->wrap(&parcels[slot]);
    }
}

void driver_arrive(const struct subject *subject, const unsigned *of, const struct parcel *these,
                   unsigned count)
{
    driver_sent = driver_sent_measured;
    for (unsigned k = 0; k < count; k++) {
        subject->arrive(of[k], &these[k]);
    }
    driver_sent = keep;
}

static void one(const struct subject *subject, unsigned i, unsigned flags, uint32_t seq,
                uint32_t length)
{
    make(subject, 0, i, flags, seq, length);
    subject->arrive(i, &parcels[0]);
    read_all();
}

static void open_all(const struct subject *subject)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        struct peer *peer = &peers[i];
        uint32_t isn = 0x10000u * (i + 1);
        one(subject, i, TFSM_SYN, isn, 0);
        require(last_flags == (TFSM_SYN | TFSM_ACK), subject->name, "no SYN-ACK");
        peer->seq = isn + 1;
        one(subject, i, TFSM_ACK, peer->seq, 0);
    }
}

void driver_start(const struct subject *subject, bool ipv6, bool stamps)
{
    six = ipv6;
    stamped = stamps;
    for (unsigned i = 0; i < CONNECTIONS;
         i++) { /* ports go on: half-open ones of the last run may be there */
        peers[i] = (struct peer){.round = (peers[i].round + 1) % 3000};
    }
    subject->start(ipv6, stamps);
    open_all(subject);
}

static void tick(const struct subject *subject, unsigned milliseconds)
{
    clock_ms += milliseconds;
    subject->tick(1000u * milliseconds);
    read_all();
}

/* ---- the cases ---- */

static void run_ack(const struct subject *subject, bench_stage *measured)
{
    for (unsigned k = 0; k < PACKETS; k++) {
        unsigned i = k % CONNECTIONS;
        unsigned before = came;
        if (k > 0 && i == 0) {
            measured(subject, whose, parcels, CONNECTIONS);
            read_all();
        }
        tick(subject, i == 0 ? 1 : 0);
        subject->send(i, SMALL);
        read_all();
        require(came == before + 1, subject->name, "nothing sent that could be acknowledged");
        make(subject, i, i, TFSM_ACK, peers[i].seq, 0);
    }
    measured(subject, whose, parcels, CONNECTIONS);
    read_all();
}

static void run_text(const struct subject *subject, bench_stage *measured, uint32_t length)
{
    unsigned before = came;
    for (unsigned k = 0; k < PACKETS; k++) {
        unsigned i = k / 2 % CONNECTIONS; /* two in a row for each */
        make(subject, k, i, TFSM_ACK | TFSM_PSH, peers[i].seq, length);
        peers[i].seq += length;
    }
    measured(subject, whose, parcels, PACKETS);
    read_all();
    require(came - before == PACKETS / 2, subject->name,
            "not every second segment is acknowledged");
    tick(subject, 1);
}

static void run_out_of_order(const struct subject *subject, bench_stage *measured)
{
    unsigned before = came;
    for (unsigned k = 0; k < PACKETS; k++) {
        unsigned i = k / 8 % CONNECTIONS;
        unsigned place = (k + 1) % 8; /* 1 to 7, then 0 */
        make(subject, k, i, TFSM_ACK | TFSM_PSH, peers[i].seq + place * SMALL, SMALL);
        peers[i].seq += place == 0 ? 8 * SMALL : 0;
    }
    measured(subject, whose, parcels, PACKETS);
    read_all();
    require(came - before >= PACKETS - 8, subject->name, "text out of order is not acknowledged");
    tick(subject, 1);
}

/* Whoever is there goes, without being measured. */
static void reset_all(const struct subject *subject)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        one(subject, i, TFSM_RST, peers[i].seq, 0);
        peers[i].round++;
        peers[i].round %= 3000;
    }
    tick(subject, 1); /* who is gone listens anew */
}

static void stage(const struct subject *subject, bench_stage *measured, unsigned flags)
{
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        make(subject, i, i, flags, peers[i].seq, 0);
    }
    measured(subject, whose, parcels, CONNECTIONS);
    read_all();
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        peers[i].seq += (flags & (TFSM_SYN | TFSM_FIN)) != 0;
    }
}

/* SYN, ACK, FIN, and the ACK of the subject's own FIN. */
static void run_connection(const struct subject *subject, bench_stage *measured)
{
    reset_all(subject);
    stage(subject, measured, TFSM_SYN);
    require(last_flags == (TFSM_SYN | TFSM_ACK), subject->name, "no SYN-ACK");
    stage(subject, measured, TFSM_ACK);
    stage(subject, measured, TFSM_FIN | TFSM_ACK);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        subject->close(i);
    }
    read_all();
    require((last_flags & TFSM_FIN) != 0, subject->name, "no FIN");
    stage(subject, measured, TFSM_ACK);
    tick(subject, 1);
}

static void run_syn(const struct subject *subject, bench_stage *measured)
{
    reset_all(subject);
    stage(subject, measured, TFSM_SYN);
    require(last_flags == (TFSM_SYN | TFSM_ACK), subject->name, "no SYN-ACK");
    reset_all(subject); /* nobody is left half open */
}

void driver_run(const struct subject *subject, enum bench_case which, bench_stage *measured)
{
    switch (which) {
    case CASE_ACK:
        run_ack(subject, measured);
        break;
    case CASE_SMALL:
        run_text(subject, measured, SMALL);
        break;
    case CASE_FULL:
        run_text(subject, measured, six ? 1440 : 1460);
        break;
    case CASE_OUT_OF_ORDER:
        run_out_of_order(subject, measured);
        break;
    case CASE_CONNECTION:
        run_connection(subject, measured);
        break;
    case CASE_SYN:
        run_syn(subject, measured);
        break;
    case CASES:
        break;
    }
}

const struct subject *driver_subject(const char *name)
{
    const struct subject *const subjects[] = {&subject_core, &subject_listener, &subject_endpoint,
                                              &subject_lwip};
    for (unsigned i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        if (strcmp(subjects[i]->name, name) == 0) {
            return subjects[i];
        }
    }
    return NULL;
}
