/* Policy at both ends of its range: every field of struct tfsm_config, of struct tfsm_listener_policy
 * and of struct tfsm_event that is policy takes its least value, its greatest and some in between,
 * alone and two at a time, while connections live through all that can happen to one. Numbers are
 * clamped, never trusted: whatever they are, every call leaves a TCB in order, every segment can be
 * written and reads back as it was, no drain is without end, and no timeout leaves a deadline behind
 * that has passed.
 *
 * A field without a row here is noticed: the rows of the config cover every octet of it, and the
 * policy of listeners is initialised by position. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "seq.h"
#include "tfsm.h"
#include "tfsm_listener.h"

#define SECOND      ((tfsm_time)1000000)
#define FAR         ((tfsm_time)1 << 62) /* no test waits that long */
#define LENGTH(a)   (sizeof(a) / sizeof((a)[0]))
#define PROFILE_ALL 0xfffu
#define PACKET_ROOM (40u + 65535u)
#define TIMEOUTS    60u    /* that are waited for in one life */
#define SOME        4000u  /* octets: a few segments */
#define BULK        70000u /* more than any segment holds */

/* ---- the fields ---- */

enum place { IN_CONFIG, IN_EVENT, IN_POLICY };

struct field {
    const char *name;
    enum place place;
    size_t at;
    size_t size;
    uint64_t between[8]; /* besides 0, 1 and the greatest; 0: no more */
};

#define FIELD(place, owner, member, ...)                                                           \
    {                                                                                              \
#member, place, offsetof(struct owner, member), sizeof(((struct owner *)NULL)->member),    \
            __VA_ARGS__                                                                            \
    }
#define CONFIG(member, ...) FIELD(IN_CONFIG, tfsm_config, member, {__VA_ARGS__})
#define EVENT(member, ...)  FIELD(IN_EVENT, tfsm_event, member, {__VA_ARGS__})
#define POLICY(member, ...) FIELD(IN_POLICY, tfsm_listener_policy, member, {__VA_ARGS__})

#define MICROSECONDS 2, 1000, SECOND, 86400 * SECOND, UINT64_MAX / 2, UINT64_MAX / 2 + 1
#define SIZES        2, 12, 13, 536, 1460, 65495, 65496, 65515
#define BUFFERS      2, 100, 65535, 65536, TFSM_BUFF_MAX, TFSM_BUFF_MAX + 1u, 0x7fffffff, 0x80000000

static const struct field fields[] = {
    CONFIG(profile, TFSM_WSCALE, TFSM_CONGESTION, TFSM_TIMESTAMPS, TFSM_SACK, TFSM_NODELAY,
           TFSM_USER_TIMEOUT, PROFILE_ALL, PROFILE_ALL & ~(unsigned)TFSM_CONGESTION),
    CONFIG(rcv_buff, BUFFERS),
    CONFIG(snd_buff, BUFFERS),
    CONFIG(mss, SIZES),
    CONFIG(mss_default, SIZES),
    CONFIG(mss_floor, SIZES),
    CONFIG(rcv_wscale, 2, 14, TFSM_WSCALE_FITS, 16),
    CONFIG(syn_retries, 2, 3),
    CONFIG(retries, 2, 3),
    CONFIG(r1, 2, 3),
    CONFIG(initial_window, 2, 4),
    CONFIG(keepalive_tries, 2, 3),
    CONFIG(challenge_limit, 2, 10),
    CONFIG(challenge_every, MICROSECONDS),
    CONFIG(rto_initial, MICROSECONDS),
    CONFIG(rto_min, MICROSECONDS),
    CONFIG(rto_max, MICROSECONDS),
    CONFIG(msl, MICROSECONDS),
    CONFIG(user_timeout, MICROSECONDS),
    CONFIG(ack_delay, MICROSECONDS),
    CONFIG(keepalive_idle, MICROSECONDS),
    CONFIG(keepalive_every, MICROSECONDS),
    CONFIG(uto_advertised, MICROSECONDS, 32767 * SECOND + 1),
    CONFIG(uto_least, MICROSECONDS),
    CONFIG(uto_most, MICROSECONDS),
    EVENT(mss, SIZES),
    EVENT(cookie_len, 2, 3, 4, 5, 8, 15, 16, 17),
    EVENT(iss, 0x7fffffff, 0x80000000, 0xfffffff0),
    EVENT(ts_offset, 0x7fffffff, 0x80000000, 0xfffffff0),
    POLICY(cookies, TFSM_COOKIES_WHEN_FULL, TFSM_COOKIES_ALWAYS),
    POLICY(overflow, TFSM_OVERFLOW_RESET),
    POLICY(recycle, 0),
    POLICY(at_once, 0),
    POLICY(fast_open, 2, 3),
    POLICY(syn_ack_retries, 2, 5),
};

static uint64_t greatest(const struct field *field)
{
    bool logical = field->place == IN_POLICY &&
                   (strcmp(field->name, "recycle") == 0 || strcmp(field->name, "at_once") == 0);
    return logical ? 1 : UINT64_MAX >> (64 - 8 * field->size);
}

/* The nth value of a field; false: there is none. */
static bool value_of(const struct field *field, unsigned n, uint64_t *value)
{
    *value = n == 0 ? 0 : n == 1 ? greatest(field) : n == 2 ? 1 : 0;
    if (n < 3) {
        return true;
    }
    *value = n - 3 < LENGTH(field->between) ? field->between[n - 3] : 0;
    return *value != 0;
}

static void put(void *owner, const struct field *field, uint64_t value)
{
    uint8_t *to = (uint8_t *)owner + field->at;
    uint8_t u8 = (uint8_t)value;
    uint16_t u16 = (uint16_t)value;
    uint32_t u32 = (uint32_t)value;
    switch (field->size) {
    case 1:
        memcpy(to, &u8, 1);
        return;
    case 2:
        memcpy(to, &u16, 2);
        return;
    case 4:
        memcpy(to, &u32, 4);
        return;
    default:
        memcpy(to, &value, 8);
        return;
    }
}

/* ---- one life ---- */

enum role { ACTIVE, PASSIVE, SIMULTANEOUS, FAST_ACTIVE, FAST_PASSIVE, ROLES };

/* How the peer is, and what the field under test stands in. */
struct base {
    const char *name;
    uint32_t profile;
    bool mss_told;
    uint16_t mss;
    tfsm_time start;
};

static const struct base bases[] = {
    {"all options", PROFILE_ALL & ~(unsigned)TFSM_CONGESTION, true, 65535, 0},
    {"no options", 0, true, 65535, FAR / 2},
    {"congestion", PROFILE_ALL, false, 0, (tfsm_time)0xfffffff0 * 1000},
    {"tiny segments", PROFILE_ALL, true, 0, 12345},
};

struct life {
    struct tfsm_tcb tcb;
    struct tfsm_config cfg;
    struct tfsm_listener_policy policy;
    struct tfsm_event given; /* mss, cookie_len, iss and ts_offset of every event */
    struct tfsm_effects fx;
    const struct base *base;
    tfsm_time now;
    uint8_t family;
    enum role role;
    uint32_t wnd;   /* of the peer, as in the header */
    uint32_t stamp; /* our last TSval */
    char what[200];
};

static uint8_t text[65536];
static uint8_t packet[PACKET_ROOM];
static uint64_t written;

static void demand(const struct life *life, bool holds, const char *what)
{
    if (!holds) {
        fail_msg("%s; %s, role %d, IPv%u: %s (%s, %s)", life->what, life->base->name,
                 (int)life->role, life->family, what, tfsm_state_name(life->tcb.state),
                 tfsm_clause_name(tfsm_check(&life->tcb)));
    }
}

static struct life a_life(const struct base *base, enum role role, uint8_t family)
{
    struct life life = {.cfg = tfsm_config_default(),
                        .policy = tfsm_listener_policy_default(),
                        .given = {.iss = 1000, .cookie_len = 8},
                        .base = base,
                        .now = base->start,
                        .family = family,
                        .role = role,
                        .wnd = 65535};
    life.cfg.profile = base->profile;
    life.cfg.rcv_buff = 300000;
    life.cfg.snd_buff = 300000;
    life.cfg.mss = tfsm_mss(1500, family);
    life.cfg.initial_window = 10;
    life.cfg.keepalive_idle = TFSM_KEEPALIVE_IDLE;
    life.cfg.uto_advertised = 300 * SECOND;
    life.policy.fast_open = 10;
    strcpy(life.what, "as it comes");
    return life;
}

static void set(struct life *life, const struct field *field, uint64_t value)
{
    void *owner = field->place == IN_CONFIG  ? (void *)&life->cfg
                  : field->place == IN_EVENT ? (void *)&life->given
                                             : (void *)&life->policy;
    put(owner, field, value);
}

static void same_segment(const struct life *life, const struct tfsm_segment *a,
                         const struct tfsm_segment *b)
{
    uint8_t has = a->options;
    demand(life,
           a->seq == b->seq && a->ack == b->ack && a->len == b->len && a->wnd == b->wnd &&
               a->up == b->up && a->flags == b->flags && a->ecn == b->ecn && has == b->options,
           "a segment reads back as it was");
    demand(life, (has & TFSM_OPT_MSS) == 0 || a->mss == b->mss, "and its MSS");
    demand(life, (has & TFSM_OPT_WSCALE) == 0 || a->wscale == b->wscale, "and its window scale");
    demand(life,
           (has & TFSM_OPT_TIMESTAMPS) == 0 || (a->ts_val == b->ts_val && a->ts_ecr == b->ts_ecr),
           "and its timestamps");
    demand(life, (has & TFSM_OPT_USER_TIMEOUT) == 0 || a->user_timeout == b->user_timeout,
           "and its user timeout");
    demand(life, (has & TFSM_OPT_FAST_OPEN) == 0 || a->cookie_len == b->cookie_len,
           "and its cookie");
    demand(life,
           (has & TFSM_OPT_SACK) == 0 ||
               (a->sacks == b->sacks && memcmp(a->sack, b->sack, sizeof a->sack) == 0),
           "and its blocks");
}

/* What the machine hands out can be put on the wire. */
static void write_packet(const struct life *life, const struct tfsm_packet *out)
{
    struct tfsm_packet back;
    size_t n = tfsm_write(out, text, packet, sizeof packet);
    demand(life, n > 0, "every segment can be written");
    demand(life, tfsm_parse(packet, n, &back) == TFSM_WIRE_OK, "and parsed");
    same_segment(life, &out->segment, &back.segment);
    written++;
}

static struct tfsm_address address(uint8_t family, uint8_t last)
{
    struct tfsm_address a = {.family = family, .octets = {192, 0, 2, last}};
    if (family == 6) {
        a.octets[15] = last;
    }
    return a;
}

static tfsm_time lesser(tfsm_time a, tfsm_time b)
{
    return a < b ? a : b;
}

/* Octets, and one for our SYN. */
static uint32_t queued(const struct tfsm_tcb *tcb)
{
    bool all = tcb->snd_una == seq_add(tcb->snd_end, 1); /* our FIN, too */
    return all ? 0 : seq_distance(tcb->snd_una, tcb->snd_end);
}

/* What a segment tells of the policy is what can be told of it. */
static void honest(const struct life *life, const struct tfsm_segment *out)
{
    const tfsm_time uto_most = 0x7fff * 60 * SECOND;
    if ((out->options & TFSM_OPT_MSS) != 0) {
        demand(life, out->mss >= 1 && out->mss <= TFSM_MSS_MAX, "an MSS that a packet holds");
    }
    if ((out->options & TFSM_OPT_USER_TIMEOUT) != 0) {
        bool minutes = (out->user_timeout & 0x8000) != 0;
        tfsm_time told = (minutes ? 60 : 1) * SECOND * (out->user_timeout & 0x7fffu);
        demand(life, told >= lesser(life->cfg.uto_advertised, uto_most),
               "a user timeout that is no less than ours");
    }
}

/* Times that the policy bounds lie within. */
static void timers_in_bounds(const struct life *life)
{
    const struct tfsm_tcb *tcb = &life->tcb;
    const struct tfsm_config *cfg = &life->cfg;
    tfsm_time most = cfg->rto_max > 0 ? cfg->rto_max : 1;
    demand(life, tcb->at_rtx <= life->now || tcb->at_rtx - life->now <= most,
           "a timeout is no longer than RTO's upper bound");
    demand(life, tcb->at_persist <= life->now || tcb->at_persist - life->now <= most,
           "nor is a probe's");
    demand(life, tcb->at_ack <= life->now || tcb->at_ack - life->now < SECOND / 2,
           "an ACK waits less than half a second (RFC9293:MUST-40)");
    if ((tcb->flags & TFSM_M_MEASURED) != 0) {
        demand(life, tcb->rto >= lesser(cfg->rto_min, cfg->rto_max),
               "what is measured is no shorter than RTO's lower bound");
    }
    demand(life, queued(tcb) <= lesser(cfg->snd_buff, TFSM_BUFF_MAX) + 1, "the send buffer holds");
    demand(life, tcb->rcv_user <= lesser(cfg->rcv_buff, TFSM_BUFF_MAX), "the receive buffer holds");
}

static bool take(struct life *life, struct tfsm_segment *out)
{
    if (!tfsm_output(&life->tcb, &life->cfg, life->now, out)) {
        return false;
    }
    demand(life, tfsm_check(&life->tcb) == TFSM_OK, "a TCB is in order after output");
    struct tfsm_packet envelope = {.src = address(life->family, 1),
                                   .dst = address(life->family, 2),
                                   .src_port = 4000,
                                   .dst_port = 80,
                                   .segment = *out};
    write_packet(life, &envelope);
    honest(life, out);
    timers_in_bounds(life);
    life->stamp = out->ts_val;
    return true;
}

/* All there is to send; every segment bears an octet that is new or comes again, or pays a debt. */
static void drain(struct life *life)
{
    const struct tfsm_tcb *tcb = &life->tcb;
    uint64_t left = 2 * (uint64_t)queued(tcb) + 64;
    struct tfsm_segment out;
    while (take(life, &out)) {
        demand(life, left-- > 0, "a drain comes to an end");
    }
}

static enum tfsm_result feed(struct life *life, struct tfsm_event event)
{
    event.now = life->now;
    event.iss = life->given.iss;
    event.ts_offset = life->given.ts_offset;
    event.cookie_len = life->given.cookie_len;
    event.mss = life->given.mss;
    event.remote = true;
    bool waited = life->tcb.state == TFSM_TIME_WAIT;
    enum tfsm_result result = tfsm_step(&life->tcb, &life->cfg, &event, &life->fx);
    demand(life, tfsm_check(&life->tcb) == TFSM_OK, "a TCB is in order after an event");
    demand(life, result != TFSM_E_INVALID, "an event is one");
    timers_in_bounds(life);
    if (life->tcb.state == TFSM_TIME_WAIT && !waited) {
        demand(life, life->tcb.at_2msl - life->now >= lesser(life->cfg.msl, FAR),
               "TIME-WAIT is no shorter than an MSL");
    }
    return result;
}

/* Go to the next deadline; false: there is none that anybody would wait for. */
static bool expire(struct life *life)
{
    tfsm_time at = tfsm_deadline(&life->tcb);
    if (at >= FAR) {
        return false;
    }
    life->now = at > life->now ? at : life->now;
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_TIMEOUT});
    drain(life);
    demand(life, tfsm_deadline(&life->tcb) > life->now, "after a timeout the next one lies ahead");
    return true;
}

static void wait_long(struct life *life)
{
    for (unsigned i = 0; i < TIMEOUTS && expire(life); i++) {
    }
}

/* ---- the peer ---- */

/* Offsets from what the connection awaits. */
struct arrival {
    uint8_t flags;
    int32_t seq;
    int32_t ack; /* from SND.NXT */
    uint32_t text;
    struct tfsm_range sack;
    bool fast;
    uint8_t ecn;
};

static struct tfsm_segment segment_of(const struct life *life, const struct arrival *what)
{
    const struct tfsm_tcb *tcb = &life->tcb;
    bool syn = (what->flags & TFSM_SYN) != 0;
    bool fin = (what->flags & TFSM_FIN) != 0;
    struct tfsm_segment s = {.seq = syn ? 500 : seq_add(tcb->rcv_nxt, (uint32_t)what->seq),
                             .ack = seq_add(tcb->snd_nxt, (uint32_t)what->ack),
                             .len = what->text + syn + fin,
                             .wnd = (uint16_t)life->wnd,
                             .flags = what->flags,
                             .ecn = what->ecn,
                             .options = TFSM_OPT_TIMESTAMPS,
                             .ts_val = (uint32_t)(life->now / 1000 + 77),
                             .ts_ecr = life->stamp};
    if (syn) {
        s.options |= TFSM_OPT_WSCALE | TFSM_OPT_SACK_PERMITTED | TFSM_OPT_USER_TIMEOUT;
        s.options |= life->base->mss_told ? TFSM_OPT_MSS : 0;
        s.mss = life->base->mss;
        s.wscale = 7;
        s.user_timeout = 200;
        s.flags |= (what->flags & TFSM_ACK) != 0 ? TFSM_ECE : TFSM_ECE | TFSM_CWR;
    }
    if (what->fast) {
        s.options |= TFSM_OPT_FAST_OPEN;
        s.cookie_len = 8;
    }
    if (what->sack.left != what->sack.right) {
        s.options |= TFSM_OPT_SACK;
        s.sacks = 1;
        s.sack[0] = what->sack;
    }
    return s;
}

static void arrive_as(struct life *life, struct arrival what)
{
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_SEGMENT,
                                         .fast_open = what.fast,
                                         .segment = segment_of(life, &what)});
    drain(life);
}

#define arrive(life, ...) arrive_as((life), (struct arrival){__VA_ARGS__})

/* So much, or what fits the buffer; where segments are tiny not too many of them. */
static void send(struct life *life, uint32_t octets)
{
    uint32_t lengths[] = {life->tcb.snd_mss < 500 ? 300 : octets, 100, 1};
    for (unsigned i = 0; i < LENGTH(lengths); i++) {
        if (feed(life, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = lengths[i]}) == TFSM_DONE) {
            break;
        }
    }
    drain(life);
}

/* From CLOSED to ESTABLISHED in the way of the role. */
static void open_up(struct life *life)
{
    bool active = life->role == ACTIVE || life->role == SIMULTANEOUS || life->role == FAST_ACTIVE;
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_OPEN,
                                         .active = active,
                                         .fast_open = life->role == FAST_ACTIVE});
    if (life->role == FAST_ACTIVE) {
        (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = BULK});
    }
    drain(life);
    life->now += 1000;
    if (life->role == ACTIVE || life->role == FAST_ACTIVE) {
        arrive(life, .flags = TFSM_SYN | TFSM_ACK);
        return;
    }
    bool fast = life->role == FAST_PASSIVE;
    arrive(life, .flags = TFSM_SYN, .fast = fast, .text = fast ? 1000 : 0);
    if (fast) {
        send(life, SOME);
    }
    life->now += 1000;
    arrive(life, .flags = TFSM_ACK);
}

/* ---- what happens to a connection ---- */

static void stage_bulk(struct life *life)
{
    send(life, BULK);
    for (unsigned i = 0; i < 4; i++) {
        life->now += 1000;
        arrive(life, .flags = TFSM_ACK);
    }
    send(life, BULK);
}

static void stage_receive(struct life *life)
{
    const int32_t places[] = {3000, 9000, 6000, 6000, 0, -2000, 1000};
    for (unsigned i = 0; i < LENGTH(places); i++) {
        arrive(life, .flags = TFSM_ACK, .seq = places[i], .text = 1500, .ecn = TFSM_CE);
    }
    arrive(life, .flags = TFSM_ACK, .text = 65495 - 12);
    (void)expire(life);
    arrive(life, .flags = TFSM_ACK, .text = 1);
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_RECEIVE, .len = 1});
    drain(life);
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_RECEIVE, .len = UINT32_MAX});
    drain(life);
    for (unsigned i = 0; i < 20; i++) { /* none of them welcome */
        arrive(life, .flags = TFSM_ACK, .seq = -1);
    }
}

static void stage_loss(struct life *life)
{
    send(life, BULK / 2);
    for (unsigned i = 0; i < 5; i++) {
        uint32_t una = life->tcb.snd_una;
        uint32_t flight = seq_distance(una, life->tcb.snd_nxt);
        uint32_t left = flight / 2 + i;
        struct tfsm_range sack = {una, una};
        if (left < flight) {
            sack = (struct tfsm_range){seq_add(una, left), seq_add(una, left + 1)};
        }
        arrive(life, .flags = TFSM_ACK | (i == 0 ? TFSM_ECE : 0), .ack = -(int32_t)flight,
               .sack = sack);
    }
    uint32_t flight = seq_distance(life->tcb.snd_una, life->tcb.snd_nxt);
    arrive(life, .flags = TFSM_ACK, .ack = -(int32_t)(flight / 2));
    (void)expire(life);
    arrive(life, .flags = TFSM_ACK);
}

static void stage_timeout(struct life *life)
{
    send(life, SOME);
    for (unsigned i = 0; i < 3; i++) {
        (void)expire(life);
    }
    arrive(life, .flags = TFSM_ACK);
    send(life, SOME);
    wait_long(life);
}

static void stage_zero_window(struct life *life)
{
    life->wnd = 0;
    arrive(life, .flags = TFSM_ACK);
    send(life, SOME);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t flight = seq_distance(life->tcb.snd_una, life->tcb.snd_nxt);
        (void)expire(life);
        arrive(life, .flags = TFSM_ACK, .ack = -(int32_t)flight);
    }
    life->wnd = 1; /* too small to be worth a segment */
    arrive(life, .flags = TFSM_ACK);
    (void)expire(life);
    life->wnd = 65535;
    arrive(life, .flags = TFSM_ACK);
    life->wnd = 0;
    arrive(life, .flags = TFSM_ACK);
    wait_long(life);
}

static void stage_keepalive(struct life *life)
{
    arrive(life, .flags = TFSM_ACK);
    (void)expire(life);
    (void)expire(life);
    arrive(life, .flags = TFSM_ACK);
    wait_long(life);
}

static void stage_too_big(struct life *life)
{
    send(life, SOME);
    for (unsigned i = 0; i < 2; i++) {
        (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_ICMP,
                                             .icmp = TFSM_ICMP_TOO_BIG,
                                             .segment = {.seq = life->tcb.snd_una}});
        drain(life);
        (void)expire(life);
        arrive(life, .flags = TFSM_ACK);
    }
}

/* More than any buffer holds: only what it takes is asked of the machine, not of the wire. */
static void stage_much(struct life *life)
{
    const uint32_t lengths[] = {UINT32_MAX, 0x80000000, 0x7fffffff, TFSM_BUFF_MAX + 1u,
                                TFSM_BUFF_MAX};
    struct tfsm_segment out;
    for (unsigned i = 0; i < LENGTH(lengths); i++) {
        (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = lengths[i]});
        for (unsigned k = 0; k < 3 && take(life, &out); k++) {
        }
    }
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_ABORT});
}

static void stage_urgent(struct life *life)
{
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = 100, .urgent = true});
    drain(life);
    send(life, SOME);
    arrive(life, .flags = TFSM_ACK);
}

static void stage_close_first(struct life *life)
{
    send(life, SOME);
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_CLOSE});
    drain(life);
    for (unsigned i = 0; i < 20 && life->tcb.state == TFSM_FIN_WAIT_1; i++) {
        arrive(life, .flags = TFSM_ACK);
    }
    arrive(life, .flags = TFSM_ACK, .text = 100);
    arrive(life, .flags = TFSM_ACK | TFSM_FIN);
    arrive(life, .flags = TFSM_ACK | TFSM_FIN, .seq = -1);
}

static void stage_close_second(struct life *life)
{
    arrive(life, .flags = TFSM_ACK | TFSM_FIN, .text = 100);
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_CLOSE});
    drain(life);
    (void)expire(life);
    arrive(life, .flags = TFSM_ACK);
}

static void stage_close_both(struct life *life)
{
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_CLOSE});
    drain(life);
    arrive(life, .flags = TFSM_ACK | TFSM_FIN, .ack = -1);
    arrive(life, .flags = TFSM_ACK);
}

static void stage_deaf(struct life *life)
{
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_CLOSE, .deaf = true});
    drain(life);
    arrive(life, .flags = TFSM_ACK);
}

static void stage_abort(struct life *life)
{
    send(life, SOME);
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_ABORT});
    drain(life);
    demand(life, life->tcb.state == TFSM_CLOSED, "ABORT ends a connection");
}

static const struct {
    const char *name;
    void (*run)(struct life *life);
} stages[] = {
    {"bulk", stage_bulk},
    {"receive", stage_receive},
    {"loss", stage_loss},
    {"timeout", stage_timeout},
    {"zero window", stage_zero_window},
    {"keep-alive", stage_keepalive},
    {"too big", stage_too_big},
    {"much", stage_much},
    {"urgent", stage_urgent},
    {"close first", stage_close_first},
    {"close second", stage_close_second},
    {"close both", stage_close_both},
    {"deaf", stage_deaf},
    {"abort", stage_abort},
};

static void finish(struct life *life)
{
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_CLOSE});
    drain(life);
    life->wnd = 65535;
    for (unsigned i = 0; i < 4; i++) {
        arrive(life, .flags = TFSM_ACK);
    }
    arrive(life, .flags = TFSM_ACK | TFSM_FIN);
    wait_long(life);
}

/* Nobody answers. */
static void live_unanswered(struct life *life)
{
    bool active = life->role == ACTIVE || life->role == FAST_ACTIVE;
    (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_OPEN,
                                         .active = active,
                                         .fast_open = life->role == FAST_ACTIVE});
    if (active) {
        (void)feed(life, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = 1000});
        drain(life);
    } else {
        arrive(life, .flags = TFSM_SYN, .fast = life->role == FAST_PASSIVE);
    }
    wait_long(life);
}

/* One connection for each thing that can happen to it. */
static void live(const struct life *like)
{
    struct life life = *like;
    live_unanswered(&life);
    for (size_t i = 0; i < LENGTH(stages); i++) {
        life = *like;
        strcat(life.what, ", ");
        strcat(life.what, stages[i].name);
        open_up(&life);
        stages[i].run(&life);
        finish(&life);
    }
}

/* ---- a listener ---- */

#define ENTRIES 3u
#define PEERS   6u

struct house {
    struct tfsm_listener l;
    struct tfsm_entry entries[ENTRIES];
    struct tfsm_spent spent[8];
    struct tfsm_tcb work;
    uint64_t waiting[2];
    uint32_t isn[PEERS]; /* what each peer was told */
};

static void listener_says(struct life *life, struct house *h, const struct tfsm_packet *out)
{
    write_packet(life, out);
    if ((out->segment.flags & TFSM_SYN) != 0) {
        h->isn[out->dst_port % PEERS] = out->segment.seq;
        life->stamp = out->segment.ts_val;
    }
}

static void listener_in_order(struct life *life, struct house *h)
{
    struct tfsm_packet out;
    unsigned left = 8 * ENTRIES;
    while (tfsm_listener_output(&h->l, &life->cfg, life->now, &out)) {
        listener_says(life, h, &out);
        demand(life, left-- > 0, "a listener has said all in the end");
    }
    const char *wrong = tfsm_listener_check(&h->l, &life->cfg);
    demand(life, wrong == NULL, wrong != NULL ? wrong : "");
}

static void listener_hears(struct life *life, struct house *h, uint16_t peer, struct arrival what)
{
    struct tfsm_tcb tcb;
    struct tfsm_arrival arrival;
    const struct tfsm_seat seat = {.tcb = &tcb, .id = peer};
    struct tfsm_packet in = {.src = address(life->family, 2),
                             .dst = address(life->family, 1),
                             .src_port = (uint16_t)(600u + peer),
                             .dst_port = 80,
                             .segment = segment_of(life, &what)};
    if ((what.flags & TFSM_SYN) == 0) {
        in.segment.seq = 501;
        in.segment.ack = seq_add(h->isn[in.src_port % PEERS], 1);
    }
    tfsm_listener_segment(&h->l, &life->cfg, &in, life->now, &seat, NULL, &arrival);
    if (arrival.answers) {
        listener_says(life, h, &arrival.answer);
    }
    if (arrival.kind == TFSM_ARRIVAL_CONNECTION) {
        demand(life, tfsm_check(&tcb) == TFSM_OK, "a new connection is in order");
        life->tcb = tcb;
        drain(life);
        send(life, SOME);
        memset(&life->tcb, 0, sizeof life->tcb);
        tfsm_listener_early_over(&h->l, peer % 2 == 0, life->now);
    }
    listener_in_order(life, h);
}

static void listener_waits(struct life *life, struct house *h, unsigned most)
{
    for (unsigned i = 0; i < most; i++) {
        struct tfsm_effects fx;
        tfsm_time at = tfsm_listener_deadline(&h->l);
        unsigned left = 8 * ENTRIES;
        if (at >= FAR) {
            return;
        }
        life->now = at > life->now ? at : life->now;
        while (tfsm_listener_timeout(&h->l, &life->cfg, life->now, &fx)) {
            demand(life, left-- > 0, "the timeouts of one moment come to an end");
            listener_in_order(life, h);
        }
        demand(life, tfsm_listener_deadline(&h->l) > life->now,
               "after a timeout the next one of a listener lies ahead");
    }
}

static void live_listening(const struct life *like)
{
    struct life life = *like;
    struct house h = {.isn = {0}};
    const struct tfsm_listening with = {.entries = h.entries,
                                        .entry_count = ENTRIES,
                                        .waiting = h.waiting,
                                        .waiting_count = LENGTH(h.waiting),
                                        .spent = h.spent,
                                        .spent_count = LENGTH(h.spent),
                                        .work = &h.work,
                                        .port = 80,
                                        .policy = life.policy};
    uint64_t id;
    strcat(life.what, ", a listener");
    demand(&life, tfsm_listener_open(&h.l, &with), "a listener opens");
    for (uint16_t round = 0; round < 2; round++) {
        for (uint16_t peer = 0; peer < PEERS; peer++) {
            listener_hears(&life, &h, peer,
                           (struct arrival){.flags = TFSM_SYN, .fast = peer % 2 == 1, .text = 10});
        }
        listener_waits(&life, &h, 2);
        for (uint16_t peer = 0; peer < PEERS; peer += 2) {
            listener_hears(&life, &h, peer, (struct arrival){.flags = TFSM_ACK, .text = 10});
        }
        (void)tfsm_listener_accept(&h.l, &id);
        listener_waits(&life, &h, TIMEOUTS);
    }
    for (uint16_t peer = 0; peer < PEERS; peer++) {
        listener_hears(&life, &h, peer, (struct arrival){.flags = TFSM_SYN});
    }
    tfsm_listener_close(&h.l);
    struct tfsm_packet out;
    while (tfsm_listener_output(&h.l, &life.cfg, life.now, &out)) {
        write_packet(&life, &out);
    }
    demand(&life, h.l.entry_count == 0, "a listener that closed keeps nothing");
}

/* ---- the tests ---- */

/* A field that nobody wrote a row for leaves octets uncovered. */
static void test_policy_every_field_has_a_row(void **state)
{
    (void)state;
    static uint8_t covered[sizeof(struct tfsm_config)];
    for (size_t i = 0; i < LENGTH(fields); i++) {
        for (size_t n = 0; fields[i].place == IN_CONFIG && n < fields[i].size; n++) {
            assert_int_equal(covered[fields[i].at + n]++, 0);
        }
    }
    /* Between what has one octet and what has eight there is nothing. */
    size_t hole = offsetof(struct tfsm_config, challenge_limit) + 1;
    for (; hole < offsetof(struct tfsm_config, challenge_every); hole++) {
        assert_int_equal(covered[hole]++, 0);
    }
    for (size_t i = 0; i < sizeof covered; i++) {
        if (covered[i] != 1) {
            fail_msg("octet %zu of struct tfsm_config is in no row of fields[]", i);
        }
    }
    /* By position, and all of them: one more does not compile. It wants a row above. */
    const struct tfsm_listener_policy policy = {1, 2, true, true, 3, 4};
    size_t sum = sizeof policy.cookies + sizeof policy.overflow + sizeof policy.recycle +
                 sizeof policy.at_once + sizeof policy.fast_open + sizeof policy.syn_ack_retries;
    for (size_t i = 0; i < LENGTH(fields); i++) {
        sum -= fields[i].place == IN_POLICY ? fields[i].size : 0;
    }
    assert_int_equal(sum, 0);
}

/* Every role over both families, and every base with every role. */
static void live_everywhere(const struct field *field, uint64_t value)
{
    for (unsigned i = 0; i < LENGTH(bases) * ROLES; i++) {
        enum role role = (enum role)(i % ROLES);
        const struct base *base = &bases[i / ROLES];
        struct life life = a_life(base, role, (i / ROLES + i) % 2 == 0 ? 4 : 6);
        set(&life, field, value);
        snprintf(life.what, sizeof life.what, "%s=%" PRIu64, field->name, value);
        if (field->place != IN_POLICY) {
            live(&life);
        }
        if (role == PASSIVE) {
            live_listening(&life);
            life.family = life.family == 4 ? 6 : 4;
            live_listening(&life);
        }
    }
}

static void test_policy_each_field_at_its_ends_and_between(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(fields); i++) {
        uint64_t value;
        for (unsigned n = 0; value_of(&fields[i], n, &value); n++) {
            live_everywhere(&fields[i], value);
        }
    }
    assert_true(written > 0);
}

/* A least above a most, an MSS below its floor, no time to wait and no try left: two fields at a time,
 * each at one of its ends. */
static void test_policy_two_fields_at_their_ends(void **state)
{
    (void)state;
    unsigned turn = 0;
    for (size_t i = 0; i < LENGTH(fields); i++) {
        for (size_t j = 0; j < i; j++) {
            for (unsigned ends = 0; ends < 4; ends++, turn++) {
                enum role role = (enum role)(turn % ROLES);
                uint8_t family = turn / ROLES % 2 == 0 ? 4 : 6;
                struct life life = a_life(&bases[turn / (2 * ROLES) % LENGTH(bases)], role, family);
                uint64_t a = ends % 2 == 0 ? 0 : greatest(&fields[i]);
                uint64_t b = ends / 2 == 0 ? 0 : greatest(&fields[j]);
                set(&life, &fields[i], a);
                set(&life, &fields[j], b);
                snprintf(life.what, sizeof life.what, "%s=%" PRIu64 ", %s=%" PRIu64, fields[i].name,
                         a, fields[j].name, b);
                live(&life);
                live_listening(&life);
            }
        }
    }
}

/* What the smallest input was: a receiver, a window and a policy that would all take 65535 octets in a
 * segment, which no packet holds. */
static void test_policy_no_mss_is_more_than_a_packet_holds(void **state)
{
    (void)state;
    for (uint8_t family = 4; family <= 6; family += 2) {
        for (size_t b = 0; b < 2; b++) {
            struct life life = a_life(&bases[b], ACTIVE, family);
            struct tfsm_segment out = {0};
            life.cfg.mss = 65535;
            (void)feed(&life, (struct tfsm_event){.kind = TFSM_EV_OPEN, .active = true});
            assert_true(take(&life, &out));
            assert_int_equal(out.mss, 65495);
            arrive(&life, .flags = TFSM_SYN | TFSM_ACK);
            assert_int_equal(life.tcb.snd_mss, 65495);
            (void)feed(&life, (struct tfsm_event){.kind = TFSM_EV_SEND, .len = BULK});
            assert_true(take(&life, &out));
            assert_int_equal(out.len, 65495 - (bases[b].profile != 0 ? 12 : 0));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_every_field_has_a_row),
        cmocka_unit_test(test_policy_no_mss_is_more_than_a_packet_holds),
        cmocka_unit_test(test_policy_each_field_at_its_ends_and_between),
        cmocka_unit_test(test_policy_two_fields_at_their_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
