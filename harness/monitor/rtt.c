/* The round trip: when which numbers went out for the first time, whether they went out again, and
 * which timestamps they bore. SRTT, RTTVAR and the timeout move by the formulas of RFC 6298 and RFC
 * 7323, from a measurement that can be one, and where there is one they must. */
#include "internal.h"
#include "seq.h"

#include <string.h>

#define GRANULARITY  1000u                  /* microseconds: a tick of the timestamp clock */
#define LONGEST      (UINT32_MAX / 16)      /* microseconds: longer round trips count as this */
#define HALF_CLOCK   (UINT64_C(1000) << 31) /* microseconds: beyond, echoes cannot be ordered */
#define MOST_SAMPLES 1000                   /* a window: more would leave no weight at all */

void rtt_adopt(struct monitor *monitor, const struct tfsm_tcb *tcb)
{
    monitor->rtt.unsure = true;
    monitor->rtt.begun = true;
    monitor->rtt.astray = true;
    monitor->rtt.next = tcb->snd_nxt;
}

static bool same_estimate(const struct tfsm_tcb *a, const struct tfsm_tcb *b)
{
    return a->srtt == b->srtt && a->rttvar == b->rttvar && a->rto == b->rto &&
           ((a->flags ^ b->flags) & TFSM_M_MEASURED) == 0;
}

/* ---- what goes out ---- */

/* A range goes out for the first time. */
static void note_range(struct rtt_account *rtt, const struct tfsm_segment *seg, uint32_t end)
{
    unsigned i = rtt->count < RTT_RANGES ? rtt->count++ : RTT_RANGES - 1;
    /* Where there is no room the last range grows, and is as young as what was added. */
    rtt->sent[i].end = end;
    rtt->sent[i].ts_val = seg->ts_val;
}

static void note_fresh(struct monitor *monitor, const struct tfsm_tcb *before, tfsm_time now,
                       const struct tfsm_segment *seg, uint32_t left)
{
    struct rtt_account *rtt = &monitor->rtt;
    uint32_t end = seq_add(seg->seq, seg->len);
    uint32_t timed = end;
    bool syn = (seg->flags & TFSM_SYN) != 0;
    if (left == before->snd_una && !syn) { /* nothing is outstanding */
        rtt->ts_first = seg->ts_val;
        rtt->first_at = now;
    }
    if (syn) { /* the text of a Fast Open may be acknowledged later */
        timed = seq_add(left, 1);
        note_range(rtt, seg, timed);
    }
    if (timed != end || !syn) {
        note_range(rtt, seg, end);
    }
    if (left == seg->seq && (!rtt->timing || rtt->again || rtt->disturbed)) {
        rtt->timing = true;
        rtt->again = false;
        /* A SYN whose timer goes off before it is out may count as sent again. */
        rtt->disturbed = syn && rtt->syn_timed_out && !monitor->duty.passive;
        rtt->astray = rtt->astray || rtt->disturbed;
        rtt->timed_left = left;
        rtt->timed_end = timed;
        rtt->timed_from = now;
        rtt->timed_ts = seg->ts_val;
    }
}

void rtt_output(struct monitor *monitor, const struct tfsm_tcb *before, tfsm_time now,
                const struct tfsm_segment *seg, const struct tfsm_tcb *after)
{
    struct rtt_account *rtt = &monitor->rtt;
    uint32_t end = seq_add(seg->seq, seg->len);
    if (!same_estimate(before, after)) {
        fails(monitor, "RTT_UNFOUNDED", "RFC6298:2 what goes out measures nothing");
    }
    if ((seg->flags & TFSM_RST) != 0) {
        return;
    }
    if (!rtt->begun) {
        rtt->begun = true;
        rtt->next = monitor->iss;
    }
    rtt->ts_last = seg->ts_val;
    if (seg->len == 0) {
        return;
    }
    if (seq_lt(seg->seq, rtt->next)) {
        bool overlaps = seq_lt(seg->seq, rtt->timed_end) && seq_lt(rtt->timed_left, end);
        rtt->again = rtt->again || (rtt->timing && overlaps);
        rtt->disturbed = true;
    }
    if (seq_lt(rtt->next, end)) {
        note_fresh(monitor, before, now, seg, seq_max(seg->seq, rtt->next));
        rtt->next = end;
    }
}

/* ---- what a measurement makes of the estimate ---- */

static int64_t off_by(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* The estimate after a measurement, by RFC 6298 2 with the weights of RFC 7323 appendix G; a
 * division may round either way. */
static bool follows(const struct tfsm_tcb *before, const struct tfsm_tcb *after, bool stamped,
                    uint64_t measured)
{
    int64_t r = (int64_t)(measured < LONGEST ? measured : LONGEST);
    if ((after->flags & TFSM_M_MEASURED) == 0) {
        return false;
    }
    if ((before->flags & TFSM_M_MEASURED) == 0) {
        return after->srtt == r && after->rttvar == r / 2;
    }
    uint32_t size = before->snd_mss; /* the same ACK may tell of a path that takes larger ones */
    size = stamped ? (size > 12 ? size - 12 : 1) : size;
    uint32_t flight = seq_distance(before->snd_una, before->snd_nxt);
    int64_t samples = 1;
    if (stamped && flight > 2 * size) {
        samples = (flight + 2 * (int64_t)size - 1) / (2 * (int64_t)size);
        samples = samples < MOST_SAMPLES ? samples : MOST_SAMPLES;
    }
    int64_t off = off_by(before->srtt, r);
    int64_t var = (4 * samples - 1) * before->rttvar + off;
    int64_t mean = (8 * samples - 1) * before->srtt + r;
    return off_by(4 * samples * after->rttvar, var) <= 4 * samples &&
           off_by(8 * samples * after->srtt, mean) <= 8 * samples;
}

/* RTO from SRTT and RTTVAR, within its bounds, and after a SYN that was lost not too short. */
static tfsm_time timeout_of(const struct tfsm_config *cfg, const struct tfsm_tcb *tcb)
{
    tfsm_time var = 4 * (tfsm_time)tcb->rttvar;
    tfsm_time rto = tcb->srtt + (var > GRANULARITY ? var : GRANULARITY);
    rto = rto > cfg->rto_min ? rto : cfg->rto_min;
    return rto < cfg->rto_max ? rto : cfg->rto_max;
}

static tfsm_time after_syn(const struct monitor *monitor, const struct tfsm_tcb *before,
                           tfsm_time rto)
{
    bool lost = before->snd_una == before->iss && monitor->rtt.syn_timed_out;
    return lost && rto < AFTER_SYN ? AFTER_SYN : rto;
}

/* ---- what comes in ---- */

/* Nothing was measured. */
static APART bool left_alone(const struct monitor *monitor, const struct tfsm_tcb *before,
                             const struct tfsm_tcb *after)
{
    struct tfsm_tcb left;
    copy_members(&left, before);
    left.rto = after_syn(monitor, before, before->rto);
    return same_estimate(&left, after);
}

/* Something is acknowledged: which measurements it allows, and which it calls for. */
static void check_sample(struct monitor *monitor, const struct tfsm_config *cfg,
                         const struct tfsm_tcb *before, const struct tfsm_event *ev,
                         const struct tfsm_tcb *after)
{
    struct rtt_account *rtt = &monitor->rtt;
    const struct tfsm_segment *seg = &ev->segment;
    uint32_t clock = seq_add((uint32_t)(ev->now / 1000 & UINT32_MAX), after->ts_offset);
    bool echoes = monitor->timestamps && (seg->options & TFSM_OPT_TIMESTAMPS) != 0;
    bool ordered = ev->now - rtt->first_at < HALF_CLOCK;
    bool may_echo = echoes && (!ordered || seq_distance(rtt->ts_first, seg->ts_ecr) <=
                                               seq_distance(rtt->ts_first, clock));
    bool must_echo = echoes && ordered && rtt->count > 0 &&
                     seq_distance(rtt->sent[0].ts_val, seg->ts_ecr) <=
                         seq_distance(rtt->sent[0].ts_val, rtt->ts_last);
    bool timed = rtt->timing && seq_le(rtt->timed_end, seg->ack) && !rtt->again;
    uint64_t echo = (uint64_t)seq_distance(seg->ts_ecr, clock) * GRANULARITY;
    tfsm_time rto = after_syn(monitor, before, timeout_of(cfg, after));
    bool taken =
        after->rto == rto &&
        ((may_echo && follows(before, after, monitor->timestamps, echo)) ||
         (timed && follows(before, after, monitor->timestamps, ev->now - rtt->timed_from)));
    if (taken) {
        return;
    }
    if (!left_alone(monitor, before, after)) {
        fails(monitor, "RTT_UNFOUNDED",
              "RFC6298:2.3, RFC6298:3, RFC7323:4.1 the timeout follows from what was sent once, or "
              "from an echo of what is outstanding");
    } else if (must_echo || (timed && !rtt->disturbed)) {
        fails(monitor, "RTT_NOT_TAKEN",
              "RFC6298:3, RFC7323:4.1 a round trip that can be measured is measured");
    }
}

/* What SEG.ACK covers is not outstanding any more. */
static void forget_acked(struct rtt_account *rtt, uint32_t ack)
{
    unsigned gone = 0;
    while (gone < rtt->count && seq_le(rtt->sent[gone].end, ack)) {
        gone++;
    }
    if (gone > 0) {
        rtt->count -= gone;
        memmove(rtt->sent, rtt->sent + gone, rtt->count * sizeof rtt->sent[0]);
    }
    rtt->timing = rtt->timing && !seq_le(rtt->timed_end, ack);
}

/* What was timed is acknowledged: the rest went out later, and so did what an echo of now on can
 * come from. */
static void move_first(struct rtt_account *rtt, const struct tfsm_tcb *after)
{
    if (rtt->timing && !rtt->again && !rtt->disturbed && !rtt->astray &&
        seq_le(rtt->timed_end, after->snd_una)) {
        rtt->ts_first = rtt->timed_ts;
        rtt->first_at = rtt->timed_from;
    }
    rtt->astray = rtt->astray && after->snd_una != after->snd_nxt;
}

void rtt_step(struct monitor *monitor, const struct tfsm_config *cfg, const struct tfsm_tcb *before,
              const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    struct rtt_account *rtt = &monitor->rtt;
    if (IN(after, NO_CONNECTION)) {
        return;
    }
    if (IN(before, NO_CONNECTION)) {
        /* The opening is as good as the SYN, which follows at once. */
        rtt->ts_first = seq_add((uint32_t)(ev->now / 1000 & UINT32_MAX), after->ts_offset);
        rtt->first_at = ev->now;
        if (after->rto != cfg->rto_initial || (after->flags & TFSM_M_MEASURED) != 0) {
            fails(monitor, "RTT_UNFOUNDED",
                  "RFC6298:2.1 before a measurement RTO is the initial one");
        }
        return;
    }
    bool timeout = ev->kind == TFSM_EV_TIMEOUT;
    bool resends = timer_goes_off(before, ev, after);
    rtt->probed =
        before->at_persist != 0 && (rtt->probed || (timeout && ev->now >= before->at_persist));
    if (before->snd_una == after->snd_una) {
        bool again = ev->kind == TFSM_EV_SEGMENT && after->tries != before->tries; /* the SYN's */
        rtt->syn_timed_out =
            rtt->syn_timed_out || ((resends || again) && after->snd_una == after->iss);
        if (!same_estimate(before, after)) {
            fails(monitor, "RTT_UNFOUNDED", "RFC6298:2 only what is acknowledged is measured");
        }
    } else {
        if (!rtt->unsure) {
            check_sample(monitor, cfg, before, ev, after);
        }
        rtt->unsure = false;
        move_first(rtt, after);
        forget_acked(rtt, after->snd_una);
    }
    /* What is to be sent again may be timed no longer: the timer went off, the window opens after a
     * probe, the path is narrower, or the peer has taken the SYN without its text. */
    bool opens = rtt->probed && after->at_persist == 0;
    bool partial = before->state == TFSM_SYN_SENT && after->snd_una != after->snd_nxt;
    bool disturbs = resends || opens || partial || before->snd_mss != after->snd_mss;
    rtt->disturbed = rtt->disturbed || disturbs;
    rtt->astray = (rtt->astray || disturbs) && after->snd_una != after->snd_nxt;
}
