/* A listener between two walls, and peers who knock: what the tests of tfsm_listener.h share. Every
 * call goes through here and is watched: tfsm_listener_check() finds nothing, the counters add up
 * as their comment says, the memory around the two arrays stays as it was, and a seat is written
 * only when there is a connection. */
#ifndef LISTENING_H
#define LISTENING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "seq.h"
#include "tfsm.h"
#include "tfsm_listener.h"

#define SECOND       ((tfsm_time)1000000)
#define PORT         80u
#define PEER_WND     5000u
#define PEER_MSS     1400u
#define ENTRIES_ROOM 300u
#define WAITING_ROOM 300u
#define WALL         0xc3
#define PERIOD       ((tfsm_time)67108864) /* of the clock of SYN cookies: 2^24 ticks of 4 us */

struct house {
    struct tfsm_listener l;
    struct tfsm_config cfg;
    struct tfsm_tcb work;
    struct tfsm_listening from;
    struct tfsm_entry entries[ENTRIES_ROOM + 2];
    uint64_t waiting[WAITING_ROOM + 2];
    uint8_t family;
    bool no_seat;
    const uint32_t *iss_after;
    tfsm_time now;
    uint64_t id;         /* of the next seat */
    struct tfsm_tcb tcb; /* the last connection made */
    struct tfsm_arrival arrival;
    struct tfsm_effects fx; /* of the last timeout or ICMP message */
};

/* Somebody at another host, and what it believes of the connection. */
struct peer {
    struct tfsm_address address;
    struct tfsm_address local;
    uint16_t port;
    uint32_t irs; /* its ISN */
    uint32_t iss; /* ours, once it is known */
};

/* Both families: the argument of a test is one of these. */
static uint8_t families[] = {4, 6};
#define OF_FAMILY(test, suffix, i)                                                                 \
    {                                                                                              \
#test suffix, test, NULL, NULL, &families[i]                                               \
    }
#define BOTH(test) OF_FAMILY(test, "_v4", 0), OF_FAMILY(test, "_v6", 1)

static inline uint8_t family_of(void **state)
{
    return *(const uint8_t *)*state;
}

/* ---- the watch ---- */

static inline uint64_t count_of(const struct house *h, enum tfsm_listener_counter which)
{
    return h->l.counters[which];
}

static inline void walls_stand(const struct house *h)
{
    const uint8_t *octets = (const uint8_t *)h->entries;
    const size_t end = sizeof h->entries[0] * (1 + h->from.entry_count);
    for (size_t i = 0; i < sizeof h->entries; i++) {
        if (i < sizeof h->entries[0] || i >= end) {
            assert_int_equal(octets[i], WALL);
        }
    }
    octets = (const uint8_t *)h->waiting;
    for (size_t i = 0; i < sizeof h->waiting; i++) {
        if (i < sizeof h->waiting[0] || i >= sizeof h->waiting[0] * (1 + h->from.waiting_count)) {
            assert_int_equal(octets[i], WALL);
        }
    }
}

static inline void sums_hold(const struct house *h)
{
    assert_int_equal(count_of(h, TFSM_COUNT_SYN),
                     count_of(h, TFSM_COUNT_ENTRY) + count_of(h, TFSM_COUNT_COOKIE_SENT) +
                         count_of(h, TFSM_COUNT_EARLY) + count_of(h, TFSM_COUNT_SYN_QUEUE_FULL) +
                         count_of(h, TFSM_COUNT_SYN_ACCEPT_FULL) +
                         count_of(h, TFSM_COUNT_SYN_NO_SEAT) + count_of(h, TFSM_COUNT_SYN_REFUSED));
    assert_int_equal(
        count_of(h, TFSM_COUNT_ENTRY),
        count_of(h, TFSM_COUNT_ESTABLISHED) + count_of(h, TFSM_COUNT_ENTRY_RESET) +
            count_of(h, TFSM_COUNT_ENTRY_SYN) + count_of(h, TFSM_COUNT_ENTRY_TIMED_OUT) +
            count_of(h, TFSM_COUNT_ENTRY_UNREACHABLE) + count_of(h, TFSM_COUNT_ENTRY_RECYCLED) +
            count_of(h, TFSM_COUNT_ENTRY_OVERFLOW) + count_of(h, TFSM_COUNT_ENTRY_COOKIE) +
            count_of(h, TFSM_COUNT_ENTRY_CLOSED) + h->l.entry_count);
    assert_true(h->l.entry_count <= h->from.entry_count);
    assert_true(h->l.waiting_count <= h->from.waiting_count);
}

static inline void books_balance(const struct house *h)
{
    const char *wrong = tfsm_listener_check(&h->l, &h->cfg);
    if (wrong) {
        fail_msg("tfsm_listener_check: %s", wrong);
    }
    sums_hold(h);
}

/* ---- setting up ---- */

static inline struct tfsm_config house_config(uint8_t family)
{
    struct tfsm_config cfg = tfsm_config_default();
    cfg.mss = tfsm_mss(1500, family);
    cfg.mss_default = family == 4 ? 536 : 1220;
    cfg.mss_floor = 64;
    cfg.rto_initial = 1 * SECOND;
    cfg.rto_max = 120 * SECOND;
    cfg.initial_window = 0;
    cfg.challenge_limit = 100;
    cfg.user_timeout = 0;
    return cfg;
}

/* Everything but the call of tfsm_listener_open(). */
static inline void house_build(struct house *h, uint8_t family, uint32_t entries, uint32_t waiting)
{
    assert_true(entries <= ENTRIES_ROOM && waiting <= WAITING_ROOM);
    memset(h, 0, sizeof *h);
    memset(h->entries, WALL, sizeof h->entries);
    memset(h->waiting, WALL, sizeof h->waiting);
    memset(h->entries + 1, 0, sizeof h->entries[0] * entries);
    h->family = family;
    h->cfg = house_config(family);
    h->now = 5 * SECOND;
    h->id = 1000;
    h->from.entries = h->entries + 1;
    h->from.entry_count = entries;
    h->from.waiting = h->waiting + 1;
    h->from.waiting_count = waiting;
    h->from.work = &h->work;
    h->from.port = PORT;
    h->from.policy = tfsm_listener_policy_default();
    for (uint8_t i = 0; i < 16; i++) {
        h->from.isn_key[i] = (uint8_t)(0x10 + i);
        h->from.secret[i] = (uint8_t)(0xa0 + 3 * i);
        h->from.fast_open_secret[i] = (uint8_t)(0x50 + 5 * i);
    }
}

static inline void house_open(struct house *h)
{
    assert_true(tfsm_listener_open(&h->l, &h->from));
    books_balance(h);
}

static inline void house_with(struct house *h, uint8_t family, uint32_t entries, uint32_t waiting,
                              enum tfsm_cookies cookies)
{
    house_build(h, family, entries, waiting);
    h->from.policy.cookies = (uint8_t)cookies;
    house_open(h);
}

/* The nth stranger. */
static inline struct peer peer_of(const struct house *h, uint32_t n)
{
    struct peer p = {.port = (uint16_t)(40000 + n % 20000), .irs = 0x51000000u + 7919u * n};
    p.address.family = h->family;
    p.local.family = h->family;
    if (h->family == 4) {
        const uint8_t address[4] = {198, 51, (uint8_t)(100 + n / 200), (uint8_t)(1 + n % 200)};
        const uint8_t local[4] = {192, 0, 2, 1};
        memcpy(p.address.octets, address, sizeof address);
        memcpy(p.local.octets, local, sizeof local);
    } else {
        const uint8_t prefix[4] = {0x20, 0x01, 0x0d, 0xb8};
        memcpy(p.address.octets, prefix, sizeof prefix);
        memcpy(p.local.octets, prefix, sizeof prefix);
        p.address.octets[4] = 0xaa;
        p.address.octets[14] = (uint8_t)(n >> 8);
        p.address.octets[15] = (uint8_t)n;
        p.local.octets[15] = 1;
    }
    return p;
}

static inline uint32_t isn_of_host(const struct house *h, const struct peer *p, tfsm_time now)
{
    return tfsm_isn(h->from.isn_key, &p->local, PORT, &p->address, p->port, now);
}

/* ---- what peers send ---- */

/* Bare of options, with the label of the listener. */
static inline struct tfsm_packet packet_of(const struct house *h, const struct peer *p,
                                           uint8_t flags, uint32_t seq, uint32_t ack, uint32_t text)
{
    struct tfsm_packet k = {
        .src = p->address, .dst = p->local, .src_port = p->port, .dst_port = PORT, .hops = 64};
    k.segment.flags = flags;
    k.segment.seq = seq;
    k.segment.ack = ack;
    k.segment.len = text + ((flags & TFSM_SYN) != 0) + ((flags & TFSM_FIN) != 0);
    k.segment.wnd = PEER_WND;
    k.segment.security = h->from.security;
    return k;
}

static inline struct tfsm_packet syn_of(const struct house *h, const struct peer *p)
{
    struct tfsm_packet k = packet_of(h, p, TFSM_SYN, p->irs, 0, 0);
    k.segment.options = TFSM_OPT_MSS;
    k.segment.mss = PEER_MSS;
    return k;
}

/* The third segment, from the next octet on, with so much text. */
static inline struct tfsm_packet third_of(const struct house *h, const struct peer *p,
                                          uint32_t text)
{
    return packet_of(h, p, TFSM_ACK, seq_add(p->irs, 1), seq_add(p->iss, 1), text);
}

/* What a listener sends has no reserved bits set (RFC 9293 3.1) and was not read from a packet. */
static inline void is_plain_packet(const struct tfsm_packet *k)
{
    assert_int_equal(k->reserved, 0);
    assert_int_equal(k->text_at, 0);
}

/* No rule fired, and there is nothing to do. */
static inline void met_no_tcb(const struct house *h)
{
    const struct tfsm_effects *fx = &h->arrival.effects;
    assert_int_equal(fx->signals, 0);
    assert_int_equal(fx->rule, 0);
    assert_int_equal(fx->verdict, 0);
    assert_int_equal(fx->text_count, 0);
    assert_int_equal(fx->delivered, 0);
    assert_int_equal(fx->acknowledged, 0);
    assert_int_equal(fx->taken, 0);
    assert_int_equal(fx->iss_after, 0);
}

/* SYNs for which there was no room. */
static inline uint64_t without_room(const struct house *h)
{
    return count_of(h, TFSM_COUNT_SYN_QUEUE_FULL) + count_of(h, TFSM_COUNT_SYN_ACCEPT_FULL) +
           count_of(h, TFSM_COUNT_SYN_NO_SEAT);
}

static inline enum tfsm_arrival_kind send_packet(struct house *h, const struct tfsm_packet *k)
{
    struct tfsm_tcb room;
    struct tfsm_tcb before;
    memset(&room, 0xa5, sizeof room);
    before = room;
    memset(&h->arrival, 0xa5, sizeof h->arrival);
    const struct tfsm_seat seat = {.tcb = &room, .id = h->id};
    const uint32_t waiting = h->l.waiting_count;
    const uint64_t dropped = without_room(h);
    tfsm_listener_segment(&h->l, &h->cfg, k, h->now, h->no_seat ? NULL : &seat, h->iss_after,
                          &h->arrival);
    books_balance(h);
    if (h->arrival.kind == TFSM_ARRIVAL_CONNECTION) {
        assert_false(h->no_seat);
        assert_int_equal(h->l.waiting_count, waiting + 1);
        assert_int_equal(tfsm_check(&room), TFSM_OK);
        h->tcb = room;
        h->id++;
    } else {
        assert_true(h->arrival.kind == TFSM_ARRIVAL_TAKEN ||
                    h->arrival.kind == TFSM_ARRIVAL_INVALID);
        assert_int_equal(h->l.waiting_count, waiting);
        assert_memory_equal(&room, &before, sizeof room);
    }
    if (h->arrival.kind == TFSM_ARRIVAL_INVALID || without_room(h) > dropped) {
        assert_false(h->arrival.answers);
        met_no_tcb(h);
    }
    if (h->arrival.answers) {
        const struct tfsm_packet *a = &h->arrival.answer;
        assert_memory_equal(&a->dst, &k->src, sizeof a->dst);
        assert_memory_equal(&a->src, &k->dst, sizeof a->src);
        assert_int_equal(a->dst_port, k->src_port);
        assert_int_equal(a->src_port, k->dst_port);
        is_plain_packet(a);
    }
    return h->arrival.kind;
}

/* The segment was dealt with, and there is no answer. */
static inline void taken(struct house *h, const struct tfsm_packet *k)
{
    assert_int_equal(send_packet(h, k), TFSM_ARRIVAL_TAKEN);
    assert_false(h->arrival.answers);
}

/* Answered with <SEQ=SEG.ACK><CTL=RST> (RFC 9293 3.10.7.2). */
static inline void answered_by_reset(struct house *h, const struct tfsm_packet *k)
{
    assert_int_equal(send_packet(h, k), TFSM_ARRIVAL_TAKEN);
    assert_true(h->arrival.answers);
    assert_int_equal(h->arrival.answer.segment.flags, TFSM_RST);
    assert_int_equal(h->arrival.answer.segment.seq, k->segment.ack);
    assert_int_equal(h->arrival.answer.segment.len, 0);
}

static inline void connects(struct house *h, const struct tfsm_packet *k)
{
    assert_int_equal(send_packet(h, k), TFSM_ARRIVAL_CONNECTION);
}

static inline bool holds(const struct house *h, const struct peer *p)
{
    const struct tfsm_packet k = packet_of(h, p, TFSM_ACK, 0, 0, 0);
    const bool yes = tfsm_listener_holds(&h->l, &k);
    struct tfsm_tcb tcb;
    assert_int_equal(tfsm_listener_peek(&h->l, &h->cfg, &k, h->now, &tcb), yes);
    return yes;
}

/* The TCB behind an entry, which must be there. */
static inline struct tfsm_tcb behind(const struct house *h, const struct peer *p)
{
    const struct tfsm_packet k = packet_of(h, p, TFSM_ACK, 0, 0, 0);
    struct tfsm_tcb tcb;
    memset(&tcb, 0xa5, sizeof tcb);
    assert_true(tfsm_listener_peek(&h->l, &h->cfg, &k, h->now, &tcb));
    assert_int_equal(tfsm_check(&tcb), TFSM_OK);
    assert_int_equal(tcb.state, TFSM_SYN_RECEIVED);
    return tcb;
}

/* ---- what the listener sends ---- */

static inline bool draw(struct house *h, struct tfsm_packet *out)
{
    uint8_t before[sizeof *out];
    memset(out, 0xa5, sizeof *out);
    memcpy(before, out, sizeof *out);
    const bool owes = tfsm_listener_owes(&h->l);
    const bool got = tfsm_listener_output(&h->l, &h->cfg, h->now, out);
    if (got) {
        assert_true(owes);
        assert_int_equal(out->src_port, PORT);
        is_plain_packet(out);
    } else {
        assert_memory_equal(out, before, sizeof before);
        assert_false(tfsm_listener_owes(&h->l));
    }
    books_balance(h);
    return got;
}

static inline void quiet(struct house *h)
{
    struct tfsm_packet k;
    assert_false(draw(h, &k));
}

static inline bool goes_to(const struct tfsm_packet *k, const struct peer *p)
{
    return memcmp(&k->dst, &p->address, sizeof k->dst) == 0 &&
           memcmp(&k->src, &p->local, sizeof k->src) == 0 && k->dst_port == p->port &&
           k->src_port == PORT;
}

/* The next packet out goes to this peer. */
static inline struct tfsm_packet drawn(struct house *h, const struct peer *p)
{
    struct tfsm_packet k;
    assert_true(draw(h, &k));
    assert_true(goes_to(&k, p));
    return k;
}

/* The next packet out is this peer's SYN-ACK: <SEQ=ISS><ACK=IRS+1><CTL=SYN,ACK>, nothing else. */
static inline struct tfsm_packet syn_ack_drawn(struct house *h, const struct peer *p)
{
    struct tfsm_packet k = drawn(h, p);
    assert_int_equal(k.segment.flags & ~(TFSM_ECE | TFSM_PSH), TFSM_SYN | TFSM_ACK);
    assert_int_equal(k.segment.ack, seq_add(p->irs, 1));
    assert_int_equal(k.segment.len, 1);
    assert_true(k.segment.options & TFSM_OPT_MSS);
    assert_int_equal(k.segment.mss, h->cfg.mss);
    return k;
}

/* A SYN, and its SYN-ACK out: half open. */
static inline struct tfsm_packet half_open(struct house *h, struct peer *p)
{
    const struct tfsm_packet syn = syn_of(h, p);
    taken(h, &syn);
    assert_true(holds(h, p));
    struct tfsm_packet k = syn_ack_drawn(h, p);
    p->iss = k.segment.seq;
    quiet(h);
    return k;
}

static inline bool time_passes(struct house *h)
{
    const tfsm_time due = tfsm_listener_deadline(&h->l);
    const bool did = tfsm_listener_timeout(&h->l, &h->cfg, h->now, &h->fx);
    assert_int_equal(did, due <= h->now);
    books_balance(h);
    return did;
}

static inline bool icmp(struct house *h, const struct peer *p, enum tfsm_icmp meaning, uint32_t seq)
{
    const struct tfsm_icmp_message m = {.meaning = meaning,
                                        .local = p->local,
                                        .remote = p->address,
                                        .local_port = PORT,
                                        .remote_port = p->port,
                                        .seq = seq};
    const bool ours = tfsm_listener_icmp(&h->l, &h->cfg, &m, h->now, &h->fx);
    books_balance(h);
    return ours;
}

static inline void accepted(struct house *h, uint64_t want)
{
    uint64_t id = ~want;
    assert_true(tfsm_listener_accept(&h->l, &id));
    assert_int_equal(id, want);
    books_balance(h);
}

static inline void none_waits(struct house *h)
{
    uint64_t id = 77;
    assert_false(tfsm_listener_accept(&h->l, &id));
}

#endif
