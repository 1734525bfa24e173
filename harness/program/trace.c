/* Event programs that are a peer: one bare TCB is what they speak to. See run.h. */
#include "whole.h"
#include "run_internal.h"
#include "seq.h"
#include "speak.h"

/* Where a run begins to count: in a shifted run everywhere else. */
struct origins {
    uint32_t
        ours; /* of our sequence numbers and timestamps; if it is not 0 the clock is shifted, too */
    uint32_t peer;  /* of the peer's sequence numbers */
    uint32_t stamp; /* of the peer's timestamps */
};

/* Of the clock: whole ticks of that of timestamps, and whole grains of send times (flight_grain()), which are of the clock
 * itself; of its lowest 32 bits some change. */
#define CLOCK_SHIFT (UINT64_C(125) << 26)

struct trace {
    struct run_account run;
    TFSM_ROOMY_TCB(PROGRAM_RANGES);
    struct monitor monitor;
    struct tfsm_config cfg;
    uint32_t iss;       /* for the next incarnation */
    uint32_t ts_offset; /* where its timestamp clock starts */
    uint32_t peer_iss;
    unsigned hold;      /* records during which output is not drawn */
    uint8_t verdict;    /* of the last step */
    uint32_t iss_after; /* with TFSM_V_REOPEN */
    struct origins origins;
    bool rst_known;   /* a RST is owed whose numbers come from a connection */
    uint32_t rst_iss; /* and can be told from where each side of that began to count */
    uint32_t rst_peer;
    uint64_t digest; /* of everything that must not depend on origins */
};

TFSM_WRAPS static void mix(struct trace *trace, uint64_t value)
{
    trace->digest = (trace->digest ^ value) * UINT64_C(0x100000001b3);
    trace->digest ^= trace->digest >> 29;
}

static void hit(struct trace *trace, unsigned rule)
{
    run_hit(&trace->run, rule);
    mix(trace, rule);
}

/* A RST that is owed from now on has its numbers from the segment that called for it, or from the
 * connection that ends; where there is none they have no origin. Where one is owed already, the two
 * may look the same. */
static void note_rst(struct trace *trace, const struct tfsm_tcb *before)
{
    bool open = before->state != TFSM_CLOSED && before->state != TFSM_LISTEN;
    if ((trace->tcb.owed & TFSM_OWE_RST) == 0) {
        return;
    }
    if ((before->owed & TFSM_OWE_RST) != 0) {
        trace->rst_known = trace->rst_known && open && trace->rst_iss == before->iss;
        return;
    }
    trace->rst_known = open;
    trace->rst_iss = before->iss;
    trace->rst_peer = knows_peer(before) ? before->irs : trace->origins.peer;
}

/* The numbers of a segment that is sent, from where each side began to count. */
static void mix_numbers(struct trace *trace, const struct tfsm_segment *segment)
{
    const struct tfsm_tcb *tcb = &trace->tcb;
    bool ack = (segment->flags & TFSM_ACK) != 0;
    bool echo = ack && (segment->options & TFSM_OPT_TIMESTAMPS) != 0;
    if ((segment->flags & TFSM_RST) != 0) {
        if (trace->rst_known) {
            mix(trace, ack ? segment->seq : seq_distance(trace->rst_iss, segment->seq));
            mix(trace, ack ? seq_distance(trace->rst_peer, segment->ack) : 0);
        }
        return;
    }
    mix(trace, seq_distance(tcb->iss, segment->seq));
    mix(trace, (ack ? seq_distance(tcb->irs, segment->ack) : 0) | (uint64_t)segment->up << 32);
    mix(trace, echo ? seq_distance(trace->origins.stamp, segment->ts_ecr) : 0);
    for (unsigned i = 0; (segment->options & TFSM_OPT_SACK) != 0 && i < segment->sacks; i++) {
        mix(trace, (uint64_t)seq_distance(tcb->irs, segment->sack[i].left) << 32 |
                       seq_distance(tcb->irs, segment->sack[i].right));
    }
}

/* A bare TCB has no addresses; those of a pair are as good as any. */
static struct tfsm_packet envelope(bool sent)
{
    const struct tfsm_address ours = {.family = 4, .octets = {192, 0, 2, 1}};
    const struct tfsm_address theirs = {.family = 4, .octets = {192, 0, 2, 2}};
    return (struct tfsm_packet){.src = sent ? ours : theirs,
                                .dst = sent ? theirs : ours,
                                .src_port = sent ? 1000 : 1001,
                                .dst_port = sent ? 1001 : 1000,
                                .hops = 64,
                                .cookie = {0xc0, 0x0c, 0x1e}};
}

static APART void tell_wire(const struct trace *trace, const struct tfsm_segment *segment,
                            bool sent)
{
    struct tfsm_packet packet = envelope(sent);
    struct run_wire wire = {.sent = sent, .packet = &packet};
    packet.segment = *segment;
    run_wire(&trace->run, 0, &wire);
}

static APART void tell_icmp(const struct trace *trace, const struct tfsm_event *ev)
{
    struct tfsm_packet packet = envelope(true);
    struct tfsm_icmp_message message = {.meaning = ev->icmp,
                                        .local = packet.src,
                                        .remote = packet.dst,
                                        .local_port = packet.src_port,
                                        .remote_port = packet.dst_port,
                                        .seq = ev->segment.seq,
                                        .mss = ev->mss};
    struct run_wire wire = {.icmp = &message};
    run_wire(&trace->run, 0, &wire);
}

static APART void tell_sent(const struct trace *trace, const struct tfsm_segment *segment)
{
    tell_wire(trace, segment, true);
    struct run_line line = {
        .kind = RUN_SENDS, .now = trace->run.now, .segment = segment, .after = &trace->tcb};
    run_tell(&trace->run, &line);
}

static APART void tell_event(const struct trace *trace, const struct tfsm_event *ev,
                             enum tfsm_result result, const struct tfsm_effects *fx,
                             const struct tfsm_tcb *before)
{
    struct run_line line = {.kind = run_kind_of(ev),
                            .now = trace->run.now,
                            .ev = ev,
                            .result = result,
                            .fx = fx,
                            .trace = machine_trace(fx),
                            .before = before,
                            .after = &trace->tcb};
    run_tell(&trace->run, &line);
}

/* Everything there is to send now is looked at. */
static void drain(struct trace *trace)
{
    static struct whole before; /* for the sanitizers' sake not in a frame */
    static struct tfsm_segment segment;
    for (unsigned i = 0; i < RUN_DRAIN_MAX && !run_broken(&trace->run); i++) {
        bool says = !tfsm_has_nothing(&trace->tcb);
        if (says) {
            copy_tcb(&before, &trace->tcb);
            says = tfsm_output(&trace->tcb, &trace->cfg, trace->run.now, &segment);
        }
        if (!says) {
            hit(trace, TFSM_RULE_OUT_NOTHING); /* the one row whose answer is false */
            monitor_drained(&trace->monitor, &trace->cfg, &trace->tcb, trace->run.now);
            break;
        }
        hit(trace, segment.rule);
        mix(trace, segment.flags | (uint64_t)segment.len << 8 | (uint64_t)segment.wnd << 40);
        mix_numbers(trace, &segment);
        monitor_output(&trace->monitor, &trace->cfg, &before.tcb, trace->run.now, &segment,
                       &trace->tcb);
        if (trace->run.log != NULL) {
            tell_sent(trace, &segment);
        }
    }
    run_ask_monitor(&trace->run, 0, &trace->monitor);
}

static void feed(struct trace *trace, struct tfsm_event *ev)
{
    const unsigned unopened = 1u << TFSM_CLOSED | 1u << TFSM_LISTEN;
    static struct whole before;
    static struct tfsm_effects fx;
    copy_tcb(&before, &trace->tcb);
    ev->now = trace->run.now;
    ev->iss = trace->iss;
    ev->ts_offset = trace->ts_offset;
    ev->listener = true;
    if (ev->kind == TFSM_EV_SEGMENT && (ev->segment.options & TFSM_OPT_FAST_OPEN) != 0) {
        /* A long cookie is as good as checked, a short one calls for another. */
        ev->fast_open = ev->segment.cookie_len >= 8;
        ev->cookie_len = ev->fast_open ? 0 : 8;
    }
#ifdef HARNESS_PROFILE
    if ((HARNESS_PROFILE & TFSM_BUILD_FAST_OPEN) == 0) {
        ev->fast_open = false;
        ev->cookie_len = 0;
    }
#endif
    enum tfsm_result result = tfsm_step(&trace->tcb, &trace->cfg, ev, &fx);
    trace->run.result.events++;
    trace->verdict = fx.verdict;
    trace->iss_after = fx.iss_after;
    const struct tfsm_trace *fired = machine_trace(&fx);
    for (unsigned i = 0; i < fired->count; i++) {
        hit(trace, fired->fired[i]);
    }
    mix(trace, (uint64_t)trace->tcb.state | (uint64_t)trace->tcb.owed << 8 |
                   (uint64_t)fx.signals << 16 | (uint64_t)fx.delivered << 32);
    if ((unopened >> before.tcb.state & 1) != 0 && (unopened >> trace->tcb.state & 1) == 0) {
        trace->iss = seq_add(trace->iss, 1000003); /* as if the ISN clock had ticked */
    }
    note_rst(trace, &before.tcb);
    monitor_step(&trace->monitor, &trace->cfg, &before.tcb, ev, result, &fx, &trace->tcb);
    run_ask_monitor(&trace->run, 0, &trace->monitor);
    if (trace->run.log != NULL) {
        tell_event(trace, ev, result, &fx, &before.tcb);
    }
    if (trace->hold == 0 && !run_broken(&trace->run)) {
        drain(trace);
    }
}

/* A segment arrives. One that opens a new incarnation from TIME-WAIT goes to a listener. Here is
 * room for one TCB only: the old connection is ended at once, as it would be with the third
 * segment, and the same TCB listens. pair.c and listen.c keep both. */
static void feed_segment(struct trace *trace, const struct tfsm_segment *segment)
{
    struct tfsm_event ev = {.kind = TFSM_EV_SEGMENT, .segment = *segment};
    if (trace->run.log != NULL) {
        tell_wire(trace, segment, false);
    }
    feed(trace, &ev);
    if (trace->verdict == TFSM_V_REOPEN && !run_broken(&trace->run)) {
        struct tfsm_event abort = {.kind = TFSM_EV_ABORT};
        struct tfsm_event open = {.kind = TFSM_EV_OPEN, .security = segment->security};
        trace->iss = seq_add(trace->iss_after, 1);
        feed(trace, &abort);
        if (!run_broken(&trace->run)) {
            feed(trace, &open);
        }
        if (!run_broken(&trace->run)) {
            feed(trace, &ev);
        }
    }
}

/* ---- time ---- */

static void pass_time(struct trace *trace, tfsm_time to)
{
    struct tfsm_event ev = {.kind = TFSM_EV_TIMEOUT};
    trace->run.now = to > trace->run.now ? to : trace->run.now;
    feed(trace, &ev);
}

static void to_deadline(struct trace *trace, int beside)
{
    pass_time(trace, run_beside(tfsm_deadline(&trace->tcb), beside, trace->run.now));
}

/* ---- records ---- */

/* The peer's timestamp that was taken last, or where its clock began. */
static uint32_t last_stamp(const struct trace *trace)
{
    bool agreed = (trace->tcb.flags & TFSM_M_TIMESTAMPS) != 0;
    return agreed ? trace->tcb.ts_recent : trace->origins.stamp;
}

/* The network records speak for a peer that knows the exact numbers, which is what
 * reaches deep states. */
static void peer_speaks(struct trace *trace, const struct record *record)
{
    const struct speaker peer = {.nxt = knows_peer(&trace->tcb) ? trace->tcb.rcv_nxt
                                                                : trace->origins.peer,
                                 .iss = trace->peer_iss,
                                 .stamp = last_stamp(trace)};
    struct tfsm_segment segment =
        speak(record, &trace->tcb, trace->cfg.profile, &peer, trace->run.now);
    feed_segment(trace, &segment);
}

static void call_record(struct trace *trace, const struct record *record)
{
    struct tfsm_event ev = record_event(record, &trace->tcb);
    if (record->ack_base == ACK_ABSOLUTE || record->ack_base == ACK_ZERO) {
        ev.segment.seq = seq_add(ev.segment.seq, trace->origins.ours);
    }
    if (ev.kind == TFSM_EV_ICMP && trace->run.log != NULL) {
        tell_icmp(trace, &ev);
    }
    feed(trace, &ev);
}

/* What a record measures from nothing is measured from the origins. */
static void segment_record(struct trace *trace, const struct record *record)
{
    const struct tfsm_tcb *tcb = &trace->tcb;
    struct tfsm_segment segment = record_segment(record, tcb, trace->run.now);
    bool no_fin = record->seq_base == SEQ_PEER_FIN && (tcb->flags & TFSM_M_PEER_FIN) == 0;
    if (record->ack_base == ACK_ABSOLUTE || record->ack_base == ACK_ZERO) {
        segment.ack = seq_add(segment.ack, trace->origins.ours);
    }
    if (record->seq_base == SEQ_ABSOLUTE || record->seq_base == SEQ_ZERO || no_fin ||
        !knows_peer(tcb)) {
        segment.seq = seq_add(segment.seq, trace->origins.peer);
    }
    if ((tcb->flags & TFSM_M_TIMESTAMPS) == 0) {
        segment.ts_val = seq_add(segment.ts_val, trace->origins.stamp);
    }
    feed_segment(trace, &segment);
}

static void do_record(struct trace *trace, const struct record *record)
{
    tfsm_time now = trace->run.now;
    switch ((enum record_kind)record->kind) {
    case RECORD_SEGMENT:
        segment_record(trace, record);
        break;
    case RECORD_CALL:
        call_record(trace, record);
        break;
    case RECORD_TIME:
        if (record->to_deadline) {
            to_deadline(trace, record->beside);
        } else {
            pass_time(trace, now < TFSM_NEVER / 2 ? now + record->delay : now);
        }
        break;
    case RECORD_HOLD:
        trace->hold = record->index + 2u;
        break;
    case RECORD_FLUSH:
        to_deadline(trace, 0);
        break;
    case RECORD_DELIVER:
    case RECORD_DROP:
    case RECORD_COPY:
        peer_speaks(trace, record);
        break;
    }
    if (trace->hold > 0 && --trace->hold == 0) {
        drain(trace);
    }
}

/* Under silence every state but these ends by itself; those where it is the peer's turn do if it is
 * asked by keep-alives, and FIN-WAIT-2 also if the user will not read. */
static void check_silence(struct trace *trace)
{
    const unsigned over = 1u << TFSM_CLOSED | 1u << TFSM_LISTEN;
    const unsigned waits = 1u << TFSM_ESTABLISHED | 1u << TFSM_CLOSE_WAIT | 1u << TFSM_FIN_WAIT_2;
    bool deaf = trace->tcb.state == TFSM_FIN_WAIT_2 && (trace->tcb.flags & TFSM_M_DEAF) != 0;
    const unsigned patient = trace->cfg.keepalive_idle == 0 && !deaf ? over | waits : over;
    unsigned rounds = 0;
    /* A user timeout that is told, and takes the place of R2, may be days: that end is not waited
     * for. */
    bool long_wait = (trace->cfg.profile & TFSM_USER_TIMEOUT) != 0 && trace->tcb.at_user != 0 &&
                     (trace->tcb.flags & TFSM_M_SYN_ACKED) != 0;
    run_note(&trace->run, "the program ends; from here there is only time");
    while (tfsm_deadline(&trace->tcb) != TFSM_NEVER && rounds++ < 64 && !run_broken(&trace->run)) {
        to_deadline(trace, 0);
    }
    if (long_wait && rounds > 64) {
        return;
    }
    if (rounds > 64 || (patient >> trace->tcb.state & 1) == 0) {
        run_violates(&trace->run, 0, "ENDS_BY_ITSELF",
                     "RFC9293:3.10.8 under silence this state ends by itself");
    }
}

static struct run_result run_once(const uint8_t *octets, size_t size, const struct origins *origins,
                                  run_log *log, void *user, uint64_t *digest, bool *shifted)
{
    uint32_t shift = origins->ours;
    static struct trace trace;
    trace = (struct trace){.run = {.log = log, .user = user}, .origins = *origins};
    struct program program;
    struct program_config config;
    struct record record;
    coverage_begin();
    program_open(&program, octets, size, &config);
    tfsm_make_room(&trace.tcb, config.ranges);
    trace.cfg = config.cfg[0];
    trace.iss = seq_add(config.iss[0], shift);
    trace.ts_offset = seq_add(config.ts_offset[0], shift);
    trace.peer_iss = seq_add(config.iss[1], origins->peer);
    trace.origins.stamp = seq_add(config.peer_stamp, origins->stamp);
    trace.run.now = config.start + (shift > 0 ? CLOCK_SHIFT : 0);
    for (unsigned i = 0;
         i < PROGRAM_EVENTS && !run_broken(&trace.run) && program_next(&program, &record); i++) {
        do_record(&trace, &record);
    }
    if (!run_broken(&trace.run)) {
        trace.hold = 0;
        drain(&trace);
        check_silence(&trace);
    }
    *digest = trace.digest;
    *shifted = config.shifted;
    return trace.run.result;
}

struct run_result run_trace(const uint8_t *octets, size_t size, run_log *log, void *user)
{
    static const struct origins here = {0, 0, 0};
    static const struct origins there = {0x7ffffff5u, 0x80000009u, 0x7ffffff9u};
    uint64_t digest = 0;
    uint64_t other = 0;
    bool shifted = false;
    struct run_result result = run_once(octets, size, &here, log, user, &digest, &shifted);
    if (shifted && result.violation.id == NULL) {
        struct run_result moved = run_once(octets, size, &there, NULL, NULL, &other, &shifted);
        result.events += moved.events;
        if (moved.violation.id != NULL) { /* some checks are made in one run of four */
            result.violation = moved.violation;
        } else if (digest != other) {
            result.violation = (struct violation){
                .id = "TRANSLATION",
                .requirement =
                    "RFC9293:3.4 shifting ISS, IRS and the clocks of both ends shifts the "
                    "trace and changes nothing else"};
        }
    }
    return result;
}
