/* Carrying out event programs: see run.h. The network of a pair is an array of segments in flight;
 * the fuzzer chooses which of them arrives, is lost or is copied, and when the program ends the
 * network heals: everything arrives, both users read and close, and both ends must come to CLOSED.
 */
#include "run.h"
#include "coverage.h"
#include "seq.h"

#include <string.h>

#define FLIGHT_MAX 64   /* segments in flight; more are lost */
#define DRAIN_MAX  16   /* segments drawn from an endpoint at a time: a small interface queue */
#define BUDGET     1500 /* events of one run, the healing included */
#define FLUSH_MAX  200  /* deliveries of one FLUSH */

struct in_flight {
    struct tfsm_segment segment;
    unsigned to;
    uint32_t incarnation; /* of the sender */
};

struct endpoint {
    struct tfsm_tcb tcb;
    struct monitor monitor;
    struct tfsm_config cfg;
    uint32_t iss;         /* for the next incarnation */
    uint32_t ts_offset;   /* where its timestamp clock starts */
    uint32_t incarnation; /* how many there were */
    unsigned signals;     /* all the user was told in this incarnation */
    bool has_more;        /* the last drain stopped at DRAIN_MAX */
};

struct run {
    enum run_mode mode;
    struct endpoint end[2];
    struct in_flight flight[FLIGHT_MAX];
    unsigned in_flight;
    unsigned hold; /* records during which output is not drawn */
    bool tainted;  /* a stranger or an old incarnation had a word: streams need not agree */
    uint32_t peer_iss;
    uint8_t verdict;    /* of the last step */
    uint32_t iss_after; /* with TFSM_V_REOPEN */
    uint32_t ack_shift; /* of absolute acknowledgment numbers, in a shifted run */
    tfsm_time now;
    uint64_t digest; /* of everything that must not depend on origins */
    struct run_result result;
    run_log *log;
    void *user;
};

TFSM_WRAPS static void mix(struct run *run, uint64_t value)
{
    run->digest = (run->digest ^ value) * UINT64_C(0x100000001b3);
    run->digest ^= run->digest >> 29;
}

static void note_violation(struct run *run, unsigned end, const char *id, const char *requirement)
{
    if (run->result.violation.id == NULL) {
        run->result.violation = (struct violation){id, requirement, end};
    }
}

static void note_monitor(struct run *run, unsigned end)
{
    const struct violation *violation = &run->end[end].monitor.violation;
    if (violation->id != NULL) {
        note_violation(run, end, violation->id, violation->requirement);
    }
}

static bool broken(const struct run *run)
{
    return run->result.violation.id != NULL;
}

static void hit(struct run *run, unsigned rule)
{
    run->result.rules[rule / 64] |= UINT64_C(1) << (rule % 64);
    coverage_rule(rule);
    mix(run, rule);
}

static void say(struct run *run, const char *text)
{
    struct run_line line = {.kind = RUN_NOTE, .now = run->now, .text = text};
    if (run->log != NULL) {
        run->log(run->user, &line);
    }
}

static void say_lost(struct run *run, unsigned to, const struct tfsm_segment *segment)
{
    struct run_line line = {.kind = RUN_LOST,
                            .end = to,
                            .now = run->now,
                            .segment = segment,
                            .after = &run->end[to].tcb};
    if (run->log != NULL) {
        run->log(run->user, &line);
    }
}

static void send_off(struct run *run, unsigned to, const struct tfsm_segment *segment)
{
    if (run->in_flight == FLIGHT_MAX) {
        say_lost(run, to, segment);
        return;
    }
    run->flight[run->in_flight++] = (struct in_flight){*segment, to, run->end[1 - to].incarnation};
}

/* Everything an endpoint wants to send now goes into the network; in a trace it is only looked at.
 */
static void drain(struct run *run, unsigned end)
{
    struct endpoint *self = &run->end[end];
    struct tfsm_segment segment;
    self->has_more = true;
    for (unsigned i = 0; i < DRAIN_MAX && !broken(run); i++) {
        struct tfsm_tcb before = self->tcb;
        if (!tfsm_output(&self->tcb, &self->cfg, run->now, &segment)) {
            self->has_more = false;
            hit(run, TFSM_RULE_OUT_NOTHING); /* the one row whose answer is false */
            monitor_drained(&self->monitor, &self->cfg, &self->tcb, run->now);
            break;
        }
        hit(run, segment.rule);
        mix(run, segment.flags | (uint64_t)segment.len << 8 | (uint64_t)segment.wnd << 40);
        monitor_output(&self->monitor, &self->cfg, &before, run->now, &segment, &self->tcb);
        struct run_line line = {.kind = RUN_SENDS,
                                .end = end,
                                .now = run->now,
                                .segment = &segment,
                                .after = &self->tcb};
        if (run->log != NULL) {
            run->log(run->user, &line);
        }
        if (run->mode == RUN_PAIR) {
            send_off(run, 1 - end, &segment);
        }
    }
    note_monitor(run, end);
}

/* Text that arrives at the peer of its sender must be the octets that the sender meant. */
static void check_stream(struct run *run, unsigned end, const struct tfsm_event *ev,
                         const struct tfsm_effects *fx)
{
    for (unsigned i = 0; i < fx->text_count; i++) {
        if (fx->text[i].offset != ev->segment.text_offset + fx->text[i].at) {
            note_violation(run, end, "STREAM",
                           "RFC9293:2.2 the stream delivered is the stream sent");
        }
    }
}

static enum tfsm_result feed(struct run *run, unsigned end, struct tfsm_event *ev)
{
    struct endpoint *self = &run->end[end];
    struct tfsm_tcb before = self->tcb;
    struct tfsm_effects fx;
    ev->now = run->now;
    ev->iss = self->iss;
    ev->ts_offset = self->ts_offset;
    ev->listener = true;
    enum tfsm_result result = tfsm_step(&self->tcb, &self->cfg, ev, &fx);
    run->result.events++;
    run->verdict = fx.verdict;
    run->iss_after = fx.iss_after;
    for (unsigned i = 0; i < fx.fired_count; i++) {
        hit(run, fx.fired[i]);
    }
    mix(run, (uint64_t)self->tcb.state | (uint64_t)self->tcb.owed << 8 |
                 (uint64_t)fx.signals << 16 | (uint64_t)fx.delivered << 32);
    const unsigned unopened = 1u << TFSM_CLOSED | 1u << TFSM_LISTEN;
    if ((unopened >> before.state & 1) != 0 && (unopened >> self->tcb.state & 1) == 0) {
        self->incarnation++;
        self->signals = 0;
        self->iss = seq_add(self->iss, 1000003); /* as if the ISN clock had ticked */
    }
    self->signals |= fx.signals;
    monitor_step(&self->monitor, &self->cfg, &before, ev, result, &fx, &self->tcb);
    note_monitor(run, end);
    if (run->mode == RUN_PAIR && ev->kind == TFSM_EV_SEGMENT && !run->tainted) {
        check_stream(run, end, ev, &fx);
    }
    struct run_line line = {.kind = ev->kind == TFSM_EV_SEGMENT   ? RUN_ARRIVES
                                    : ev->kind == TFSM_EV_TIMEOUT ? RUN_TIMEOUT
                                                                  : RUN_CALL,
                            .end = end,
                            .now = run->now,
                            .ev = ev,
                            .result = result,
                            .fx = &fx,
                            .before = &before,
                            .after = &self->tcb};
    if (run->log != NULL) {
        run->log(run->user, &line);
    }
    if (run->hold == 0 && !broken(run)) {
        drain(run, end);
    }
    return result;
}

/* A segment arrives. One that ends TIME-WAIT for a new incarnation goes to a listener, which is the
 * same endpoint opened anew. */
static void feed_segment(struct run *run, unsigned end, const struct tfsm_segment *segment)
{
    struct tfsm_event ev = {.kind = TFSM_EV_SEGMENT, .segment = *segment};
    feed(run, end, &ev);
    if (run->verdict == TFSM_V_REOPEN && !broken(run)) {
        struct tfsm_event open = {.kind = TFSM_EV_OPEN, .security = segment->security};
        run->end[end].iss = seq_add(run->iss_after, 1);
        feed(run, end, &open);
        if (!broken(run)) {
            feed(run, end, &ev);
        }
    }
}

static enum tfsm_result feed_call(struct run *run, unsigned end, enum tfsm_event_kind kind,
                                  uint32_t len)
{
    struct tfsm_event ev = {.kind = kind, .len = len};
    return feed(run, end, &ev);
}

/* ---- the network of a pair ---- */

static void remove_flight(struct run *run, unsigned index)
{
    run->in_flight--;
    memmove(&run->flight[index], &run->flight[index + 1],
            (run->in_flight - index) * sizeof run->flight[0]);
}

/* The index-th segment on its way to an end, or in_flight when there is none. */
static unsigned find_flight(const struct run *run, unsigned to, unsigned index)
{
    unsigned count = 0;
    for (unsigned i = 0; i < run->in_flight; i++) {
        count += run->flight[i].to == to;
    }
    if (count == 0) {
        return run->in_flight;
    }
    index %= count;
    for (unsigned i = 0; i < run->in_flight; i++) {
        if (run->flight[i].to != to) {
            continue;
        }
        if (index == 0) {
            return i;
        }
        index--;
    }
    return run->in_flight;
}

static void deliver(struct run *run, unsigned index, bool keep)
{
    struct in_flight arrival = run->flight[index];
    if (!keep) {
        remove_flight(run, index);
    }
    if (arrival.incarnation != run->end[1 - arrival.to].incarnation) {
        run->tainted = true; /* an old duplicate: the two streams may mix, as RFC 9293 3.4.3 says */
    }
    feed_segment(run, arrival.to, &arrival.segment);
}

static void lose(struct run *run, unsigned index)
{
    say_lost(run, run->flight[index].to, &run->flight[index].segment);
    remove_flight(run, index);
}

/* Everything in flight arrives in order, and the answers too. With no time passing and no call made
 * this must end: text is finite, and replies to segments without text are limited. */
static void flush(struct run *run)
{
    unsigned dataless = 0;
    unsigned useful = 0;
    for (unsigned i = 0; i < FLUSH_MAX && run->in_flight > 0 && !broken(run); i++) {
        if (run->flight[0].segment.len == 0) {
            dataless++;
        } else {
            useful++;
        }
        deliver(run, 0, false);
    }
    bool clock_stands =
        run->now >= TFSM_NEVER - 1; /* every interval of the limiter is over at once */
    if (!clock_stands && dataless > 2 * useful + 2 * FLIGHT_MAX + 2u * 10u) {
        note_violation(run, 0, "REPLY_STORM",
                       "RFC5961:7 two ends do not answer each other for ever");
    }
}

/* ---- time ---- */

static tfsm_time next_deadline(const struct run *run)
{
    tfsm_time first = tfsm_deadline(&run->end[0].tcb);
    tfsm_time second = run->mode == RUN_PAIR ? tfsm_deadline(&run->end[1].tcb) : TFSM_NEVER;
    return first < second ? first : second;
}

static void pass_time(struct run *run, tfsm_time to)
{
    struct tfsm_event ev = {.kind = TFSM_EV_TIMEOUT};
    run->now = to > run->now ? to : run->now;
    for (unsigned end = 0; end < 2 && !broken(run); end++) {
        if (end == 0 || run->mode == RUN_PAIR) {
            feed(run, end, &ev);
        }
    }
}

static void to_deadline(struct run *run)
{
    tfsm_time next = next_deadline(run);
    pass_time(run, next != TFSM_NEVER ? next : run->now);
}

/* ---- records ---- */

/* The peer's SYN offers whatever we do. */
static void accept_offers(uint32_t profile, struct tfsm_segment *segment)
{
    segment->options |= profile & TFSM_TIMESTAMPS ? TFSM_OPT_TIMESTAMPS : 0;
    segment->options |= profile & TFSM_SACK ? TFSM_OPT_SACK_PERMITTED : 0;
    if ((profile & TFSM_ECN) != 0) {
        segment->flags |= segment->flags & TFSM_ACK ? TFSM_ECE : TFSM_ECE | TFSM_CWR;
    }
}

/* In a trace the network records speak for a peer that knows the exact numbers, which is what
 * reaches deep states. */
static void peer_speaks(struct run *run, const struct record *record)
{
    static const uint16_t lengths[16] = {0,    1,    2,    3,    8, 64, 100, 536,
                                         1000, 1460, 2000, 4096, 0, 0,  10,  30};
    static const uint8_t openers[4] = {TFSM_SYN, TFSM_SYN | TFSM_ACK, TFSM_RST,
                                       TFSM_RST | TFSM_ACK};
    const struct tfsm_tcb *tcb = &run->end[0].tcb;
    uint32_t profile = run->end[0].cfg.profile;
    struct tfsm_segment segment = {.seq = tcb->rcv_nxt,
                                   .ack = tcb->snd_nxt,
                                   .flags = TFSM_ACK,
                                   .wnd = 65535,
                                   .security = tcb->security};
    if (record->kind == RECORD_COPY) {
        segment.flags = openers[record->index & 3];
        if ((segment.flags & TFSM_SYN) != 0) {
            segment.seq = record->index & 4 ? tcb->rcv_nxt : run->peer_iss;
            segment.len = 1;
            segment.options = record->index & 8 ? TFSM_OPT_MSS | TFSM_OPT_WSCALE : 0;
            segment.mss = 1400;
            segment.wscale = 7;
            accept_offers(profile, &segment);
        }
    } else {
        segment.len = lengths[record->index];
        segment.wnd = record->index == 12 ? 0 : 65535;
        if (record->index == 13) { /* a duplicate: something before it was lost */
            uint32_t flight = seq_distance(tcb->snd_una, tcb->snd_nxt);
            segment.ack = tcb->snd_una;
            segment.options = tcb->flags & TFSM_M_SACK && flight > 1 ? TFSM_OPT_SACK : 0;
            segment.sacks = 1;
            segment.sack[0].left = seq_add(tcb->snd_una, 1 + flight / 4);
            segment.sack[0].right = seq_add(tcb->snd_una, 1 + flight / 4 + flight / 2);
        }
        segment.ecn = record->index == 14 ? TFSM_CE : 0;
        segment.flags |= record->index == 15 ? TFSM_ECE | TFSM_CWR : 0;
        if (record->kind == RECORD_DROP) {
            segment.flags |= TFSM_FIN;
            segment.len++;
        }
    }
    if ((tcb->flags & TFSM_M_TIMESTAMPS) != 0 || (segment.options & TFSM_OPT_TIMESTAMPS) != 0) {
        segment.options |= TFSM_OPT_TIMESTAMPS;
        segment.ts_val = seq_add(tcb->ts_recent, 1);
        segment.ts_ecr = seq_sub(timestamp_now(tcb, run->now), 2);
    }
    feed_segment(run, 0, &segment);
}

static void network_record(struct run *run, const struct record *record)
{
    if (run->mode == RUN_TRACE && record->kind == RECORD_FLUSH) {
        to_deadline(run);
    } else if (run->mode == RUN_TRACE) {
        peer_speaks(run, record);
    } else if (record->kind == RECORD_FLUSH) {
        flush(run);
    } else {
        unsigned index = find_flight(run, record->end, record->index);
        if (index == run->in_flight) {
            return;
        }
        if (record->kind == RECORD_DROP) {
            lose(run, index);
        } else {
            deliver(run, index, record->kind == RECORD_COPY);
        }
    }
}

static void call_record(struct run *run, const struct record *record)
{
    unsigned end = run->mode == RUN_PAIR ? record->end : 0;
    struct tfsm_event ev = record_event(record, &run->end[end].tcb);
    if (record->ack_base == ACK_ABSOLUTE || record->ack_base == ACK_ZERO) {
        ev.segment.seq = seq_add(ev.segment.seq, run->ack_shift);
    }
    feed(run, end, &ev);
}

static void segment_record(struct run *run, const struct record *record)
{
    unsigned end = run->mode == RUN_PAIR ? record->end : 0;
    struct tfsm_segment segment = record_segment(record, &run->end[end].tcb, run->now);
    if (record->ack_base == ACK_ABSOLUTE || record->ack_base == ACK_ZERO) {
        segment.ack = seq_add(segment.ack, run->ack_shift);
    }
    run->tainted = true;
    feed_segment(run, end, &segment);
}

static void do_record(struct run *run, const struct record *record)
{
    switch ((enum record_kind)record->kind) {
    case RECORD_SEGMENT:
        segment_record(run, record);
        break;
    case RECORD_CALL:
        call_record(run, record);
        break;
    case RECORD_TIME:
        if (record->to_deadline) {
            to_deadline(run);
        } else {
            pass_time(run, run->now < TFSM_NEVER / 2 ? run->now + record->delay : run->now);
        }
        break;
    case RECORD_HOLD:
        run->hold = record->index + 2u;
        break;
    case RECORD_DELIVER:
    case RECORD_DROP:
    case RECORD_COPY:
    case RECORD_FLUSH:
        network_record(run, record);
        break;
    }
    if (run->hold > 0 && --run->hold == 0) {
        drain(run, 0);
        if (run->mode == RUN_PAIR) {
            drain(run, 1);
        }
    }
}

/* ---- the end of a program ---- */

/* Under silence every state but these ends by itself. */
static void check_silence(struct run *run)
{
    const unsigned patient = 1u << TFSM_CLOSED | 1u << TFSM_LISTEN | 1u << TFSM_ESTABLISHED |
                             1u << TFSM_CLOSE_WAIT | 1u << TFSM_FIN_WAIT_2;
    unsigned rounds = 0;
    say(run, "the program ends; from here there is only time");
    while (tfsm_deadline(&run->end[0].tcb) != TFSM_NEVER && rounds++ < 64 && !broken(run)) {
        to_deadline(run);
    }
    if (!broken(run) && (rounds > 64 || (patient >> run->end[0].tcb.state & 1) == 0)) {
        note_violation(run, 0, "ENDS_BY_ITSELF",
                       "RFC9293:3.10.8 under silence this state ends by itself");
    }
}

/* What a user does who wants to be done: read everything, close. */
static void finish_user(struct run *run, unsigned end)
{
    const struct tfsm_tcb *tcb = &run->end[end].tcb;
    if (tcb->rcv_user > 0) {
        feed_call(run, end, TFSM_EV_RECEIVE, tcb->rcv_user);
    }
    if (tcb->state != TFSM_CLOSED && (tcb->flags & TFSM_M_CLOSE) == 0 && !broken(run)) {
        feed_call(run, end, TFSM_EV_CLOSE, 0);
    }
}

/* What one end sent is what the other got, if nobody else spoke and neither end was cut off. */
static bool stream_complete(const struct run *run, unsigned to)
{
    const struct endpoint *sender = &run->end[1 - to];
    const struct endpoint *receiver = &run->end[to];
    return receiver->tcb.rcv_octets >= sender->monitor.queued || receiver->tcb.state == TFSM_CLOSED;
}

/* In FIN-WAIT-2 with a peer that is gone there is nothing to wait for, and RFC 9293 has no timer
 * for it: the user aborts. */
static bool abort_widow(struct run *run)
{
    for (unsigned end = 0; end < 2; end++) {
        if (run->end[end].tcb.state == TFSM_FIN_WAIT_2 &&
            run->end[1 - end].tcb.state == TFSM_CLOSED) {
            feed_call(run, end, TFSM_EV_ABORT, 0);
            return true;
        }
    }
    return false;
}

static void heal_round(struct run *run)
{
    for (unsigned end = 0; end < 2 && !broken(run); end++) {
        finish_user(run, end);
        drain(run, end);
    }
    flush(run);
}

/* The network heals: from here nothing is lost, and both ends must come to CLOSED, unless one of
 * them has no receive buffer at all and so cannot even take a FIN, or the clock has reached its
 * end. */
static void heal(struct run *run)
{
    say(run, "the network heals; both users read everything and close");
    run->hold = 0;
    while (run->result.events < BUDGET && !broken(run)) {
        heal_round(run);
        if (run->in_flight > 0 || run->end[0].has_more || run->end[1].has_more) {
            continue;
        }
        if (run->end[0].tcb.state == TFSM_CLOSED && run->end[1].tcb.state == TFSM_CLOSED) {
            return;
        }
        if (run->end[0].tcb.state == TFSM_LISTEN || run->end[1].tcb.state == TFSM_LISTEN) {
            continue; /* a newer SYN has opened a listener, which its user closes too */
        }
        for (unsigned end = 0; end < 2 && !run->tainted; end++) {
            if (run->end[end].tcb.state == TFSM_TIME_WAIT && !stream_complete(run, end)) {
                note_violation(run, end, "STREAM_LOST",
                               "RFC9293:2.2 nothing is lost when both ends close");
            }
        }
        if (run->end[0].cfg.rcv_buff == 0 || run->now >= TFSM_NEVER - 1) {
            return;
        }
        if (next_deadline(run) != TFSM_NEVER) {
            to_deadline(run);
        } else if (!abort_widow(run) && !broken(run)) {
            note_violation(run, 0, "NEVER_CLOSED",
                           "RFC9293:3.6 when both users close both ends reach CLOSED");
        }
    }
}

static struct run_result run_once(enum run_mode mode, const uint8_t *octets, size_t size,
                                  uint32_t shift, run_log *log, void *user, uint64_t *digest,
                                  bool *shifted)
{
    struct run run = {.mode = mode, .log = log, .user = user, .ack_shift = shift};
    struct program program;
    struct program_config config;
    struct record record;
    coverage_begin();
    program_open(&program, octets, size, &config);
    for (unsigned end = 0; end < 2; end++) {
        run.end[end].cfg = config.cfg[end];
        run.end[end].iss = seq_add(config.iss[end], end == 0 ? shift : 0);
        run.end[end].ts_offset = seq_add(config.ts_offset[end], end == 0 ? shift : 0);
    }
    run.peer_iss = config.iss[1];
    run.now = config.start + shift / 1000 * 1000; /* whole ticks of the timestamp clock */
    for (unsigned i = 0; i < PROGRAM_EVENTS && !broken(&run) && program_next(&program, &record);
         i++) {
        do_record(&run, &record);
    }
    if (!broken(&run)) {
        run.hold = 0;
        if (mode == RUN_PAIR) {
            heal(&run);
        } else {
            drain(&run, 0);
            check_silence(&run);
        }
    }
    *digest = run.digest;
    *shifted = config.shifted;
    return run.result;
}

struct run_result run_program(enum run_mode mode, const uint8_t *octets, size_t size, run_log *log,
                              void *user)
{
    uint64_t digest = 0;
    uint64_t other = 0;
    bool shifted = false;
    struct run_result result = run_once(mode, octets, size, 0, log, user, &digest, &shifted);
    if (shifted && mode == RUN_TRACE && result.violation.id == NULL) {
        struct run_result moved =
            run_once(mode, octets, size, 0x7ffffff5u, NULL, NULL, &other, &shifted);
        result.events += moved.events;
        if (digest != other || moved.violation.id != NULL) {
            result.violation = (struct violation){
                "TRANSLATION",
                "RFC9293:3.4 shifting ISS and the clock shifts the trace and changes nothing else",
                0};
        }
    }
    return result;
}
