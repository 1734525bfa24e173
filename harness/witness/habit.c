/* What is done with what came: acknowledgments that are heeded, timestamps that are too old, congestion that is told or heard of,
 * text that waits out of order, RSTs, and how much a timeout lets out. Most of it is practice only: stacks differ, and not all of
 * them are wrong. */
#include "internal.h"

#define AT_ONCE        (10 * MILLISECOND)
#define NO_RACE        (200 * MILLISECOND) /* what is sent again so late is no race with an answer */
#define ROUND_TRIPS    4u
#define BURST_SEGMENTS 10u
#define BURST_OCTETS   16384u
#define BARE_MOST      4u
#define ECE_MOST       6u
#define CWR_WAITS      10u /* acknowledgments with ECE, and segments of new text without CWR */
#define UNHEEDED_MOST  4u
#define UNHEEDED_AFTER SECOND
#define OLD_MOST       2u
#define ANSWERED_MOST  3u
#define IDLE           (500 * MILLISECOND)

static bool is_alone(const struct heard *heard)
{
    return heard->end == heard->seq && has(heard, TFSM_ACK) && !has(heard, TFSM_RST);
}

/* Both SYNs offered ECN as RFC 3168 has it. */
static bool tells_congestion(const struct witness *w)
{
    return w->near && agreed_is_known(w) && w->out.ecn_plain && w->in.ecn_plain;
}

/* ---- what a timeout lets out ---- */

/* One segment goes again, and more only when the peer has said something. */
static void judge_burst(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    const struct front *front = &w->front;
    uint64_t una = w->in.ack;
    bool again = text_of(heard) > 0 && !heard->fresh;
    bool covers = again && heard->seq <= una && heard->end > una && front->seq == una;
    uint64_t most = (uint64_t)BURST_SEGMENTS * (w->in.mss != 0 ? w->in.mss : 536u);
    if (!w->near || !again) {
        return;
    }
    /* whatever the peer said last, other timers than that for all were over long before */
    tfsm_time silence = NO_RACE + ROUND_TRIPS * w->round_trip;
    if (covers && una != 0 && since(heard, front->last) > silence &&
        since(heard, w->in.last) > silence) {
        h->timed_out = true;
        h->burst = 0;
        h->timeout = sight_of(heard);
    } else if (h->timed_out && since(heard, h->timeout) < AT_ONCE) {
        h->burst += text_of(heard);
        if (h->burst > most && h->burst > BURST_OCTETS) {
            witness_raise(w, WITNESS_TIMEOUT_BURST, heard, h->timeout, nothing, (int64_t)h->burst,
                          0, 0);
            h->timed_out = false;
        }
    }
}

/* ---- what waits out of order ---- */

static void judge_bare(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    bool whole = (heard->packet->known & WITNESS_WHOLE) != 0;
    if (h->gap == 0 || heard->ack < h->gap || since(heard, h->gap_seen) < AT_ONCE) {
        return;
    }
    if (heard->ack > h->gap || bears(heard, TFSM_OPT_SACK) || !whole) {
        h->gap = 0;
    } else if (is_alone(heard) && ++h->bare >= BARE_MOST) {
        witness_raise(w, WITNESS_SACK_MISSING, heard, h->gap_seen, nothing, h->bare,
                      counted(&w->in, h->gap), 0);
        h->gap = 0;
    }
}

static void note_gap(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    uint64_t next = w->out.ack;
    bool waits = next != 0 && heard->fresh && heard->sound && text_of(heard) > 0 &&
                 heard->seq > next && spans_miss(&w->in.seen, next, next + 1);
    bool stamped = bears(heard, TFSM_OPT_TIMESTAMPS);
    bool old = stamped ? w->in.stamped && seq_lt(heard->segment->ts_val, w->in.ts_val)
                       : agreed(w, TFSM_OPT_TIMESTAMPS);
    bool takes = w->out.edge_known && heard->end <= w->out.edge && has(heard, TFSM_ACK) && !old;
    if (w->near && w->out.plain && waits && takes && h->gap != next &&
        agreed(w, TFSM_OPT_SACK_PERMITTED)) {
        h->gap = next;
        h->bare = 0;
        h->gap_seen = sight_of(heard);
    }
}

/* ---- congestion that is told ---- */

static void judge_ece(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    bool spoken = w->in.ecn_spoken && w->out.ecn_spoken;
    if (has(heard, TFSM_SYN) || has(heard, TFSM_RST)) {
        return;
    }
    if (w->near && agreed_is_known(w) && !spoken &&
        (heard->segment->flags & (TFSM_ECE | TFSM_CWR)) != 0) {
        witness_raise(w, WITNESS_ECN_NOT_AGREED, heard, w->in.syn_seen, w->out.syn_seen, 0, 0, 0);
    }
    if (tells_congestion(w) && has(heard, TFSM_ECE) && !h->ce && heard->ack > w->out.ack &&
        heard->ack > h->cwr_end && ++h->ece >= ECE_MOST) {
        witness_raise(w, WITNESS_ECE_UNFOUNDED, heard, h->cwr_seen, nothing, h->ece, 0, 0);
        h->ce = true;
    }
}

/* What was not seen may have been marked. */
static void note_ce(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    bool missed = heard->end > heard->seq && heard->seq > w->in.end;
    if (heard->segment->ecn == TFSM_CE || missed) {
        h->ce = true;
    } else if (has(heard, TFSM_CWR) && !has(heard, TFSM_SYN) && heard->fresh && heard->sound &&
               text_of(heard) > 0 && (h->ce || h->cwr_end == 0)) {
        h->ce = false;
        h->ece = 0;
        h->cwr_end = heard->end;
        h->cwr_seen = sight_of(heard);
    }
}

/* ---- congestion that is heard of ---- */

static void judge_cwr(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    bool missed = heard->end > heard->seq && heard->seq > w->out.end;
    if (has(heard, TFSM_CWR) || missed) {
        h->ece_heard = 0;
    } else if (h->ece_heard > 0 && heard->fresh && text_of(heard) > 0) {
        h->plain++;
        if (h->plain >= CWR_WAITS && h->ece_heard >= CWR_WAITS) {
            witness_raise(w, WITNESS_CWR_MISSING, heard, h->ece_heard_seen, nothing, h->ece_heard,
                          h->plain, 0);
            h->ece_heard = 0;
        }
    }
}

static void note_heard_ece(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    bool tells = tells_congestion(w) && has(heard, TFSM_ECE | TFSM_ACK) && !has(heard, TFSM_SYN) &&
                 !has(heard, TFSM_RST);
    if (!tells || !heard->sound || heard->ack <= w->in.ack || heard->ack > w->out.end) {
        return;
    }
    if (h->ece_heard++ == 0) {
        h->plain = 0;
        h->ece_heard_seen = sight_of(heard);
    }
}

/* ---- acknowledgments that were heard ---- */

/* Who acknowledges text has looked at what its segment acknowledges before. */
static void judge_heeded(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    if (h->told_end != 0 && heard->ack >= h->told_end && !has(heard, TFSM_RST)) {
        if (h->told_ack > h->heard_ack) {
            h->heard_ack = h->told_ack;
            h->heard_seen = sight_of(heard);
            h->unheeded = 0;
        }
        h->told_end = 0;
    }
    bool again = text_of(heard) > 1 && !has(heard, TFSM_SYN) && heard->end <= h->heard_ack;
    if (again && since(heard, h->heard_seen) > UNHEEDED_AFTER && ++h->unheeded >= UNHEEDED_MOST) {
        witness_raise(w, WITNESS_ACK_IGNORED, heard, h->heard_seen, nothing, h->unheeded,
                      counted(&w->out, h->heard_ack), 0);
        h->unheeded = 0;
    }
}

static void note_told(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    bool tells = heard->fresh && heard->seq == w->out.ack && text_of(heard) > 0 &&
                 has(heard, TFSM_ACK) && !has(heard, TFSM_SYN) && !has(heard, TFSM_RST);
    if (h->told_end != 0 && heard->seq < h->told_end && heard->ack < h->told_ack) {
        h->told_ack = heard->ack; /* it may be this that is taken */
    } else if (w->near && tells && heard->sound && heard->ack <= w->out.end && h->told_end == 0) {
        h->told_end = heard->end;
        h->told_ack = heard->ack;
    }
}

/* ---- timestamps that are too old ---- */

static void judge_old(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    if (h->old_end != 0 && heard->ack >= h->old_end && !has(heard, TFSM_RST)) {
        if (++h->old_taken >= OLD_MOST) {
            witness_raise(w, WITNESS_OLD_TAKEN, heard, h->old_seen, nothing, h->old_ts, h->echoed,
                          0);
        }
        h->old_end = 0;
    }
    if (bears(heard, TFSM_OPT_TIMESTAMPS) && has(heard, TFSM_ACK) && !has(heard, TFSM_RST) &&
        w->in.stamped && !seq_lt(w->in.ts_val, heard->segment->ts_ecr) &&
        (!h->echoes || seq_lt(h->echoed, heard->segment->ts_ecr))) {
        h->echoes = true;
        h->echoed = heard->segment->ts_ecr;
    }
}

/* One tick is no age: some let that pass. */
static void note_old(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    bool stamped = h->echoes && agreed(w, TFSM_OPT_TIMESTAMPS) && bears(heard, TFSM_OPT_TIMESTAMPS);
    bool old = stamped && seq_lt(heard->segment->ts_val + 1u, h->echoed);
    bool next = heard->fresh && heard->seq == w->out.ack && text_of(heard) > 0;
    if (heard->seq < h->old_end && heard->end > heard->seq && !old) {
        h->old_end = 0; /* it may be this that is acknowledged */
    } else if (w->near && w->out.plain && old && next && !has(heard, TFSM_RST)) {
        h->old_end = heard->end;
        h->old_ts = heard->segment->ts_val;
        h->old_seen = sight_of(heard);
    }
}

/* ---- what came when nothing else did ---- */

/* An ACK that says nothing new comes back at once: it is the answer, if that happens again and again. */
static void judge_answer(struct witness *w, const struct heard *heard)
{
    struct habits *h = &w->habits;
    bool answers = h->blind.number != 0 && h->blind.number == w->before.number &&
                   since(heard, h->blind) < AT_ONCE;
    bool same = is_alone(heard) && heard->ack == w->out.ack && heard->seq == w->out.end &&
                window_of(w, &w->out, heard) == w->out.wnd;
    if (answers && same && ++h->answered >= ANSWERED_MOST) {
        witness_raise(w, WITNESS_RST_ANSWERED, heard, h->blind, nothing, h->answered, 0, 0);
        h->answered = 0;
    }
    h->blind = nothing;
}

static void note_blind(struct witness *w, const struct heard *heard)
{
    const struct way *out = &w->out;
    bool idle = since(heard, w->in.last) > IDLE && since(heard, out->last) > IDLE &&
                since(heard, w->before) > IDLE;
    bool up = w->near && out->plain && out->edge_known && !out->fin && !out->reset &&
              agreed_is_known(w) && w->in.ack == out->end;
    bool outside = heard->seq + 1 < out->ack || heard->seq > out->edge;
    if (has(heard, TFSM_RST) && up && idle && outside) {
        w->habits.blind = sight_of(heard);
    }
}

/* The first SYN asked, and this is no copy of it that the network made. */
static void judge_fast_open(struct witness *w, const struct heard *heard)
{
    if (has(heard, TFSM_SYN) && !has(heard, TFSM_ACK) && bears(heard, TFSM_OPT_FAST_OPEN) &&
        w->near && w->out.syn && (w->out.offered & TFSM_OPT_FAST_OPEN) != 0 &&
        heard->seq == w->out.zero && since(heard, w->out.syn_seen) > NO_RACE) {
        witness_raise(w, WITNESS_FAST_OPEN_AGAIN, heard, w->out.syn_seen, nothing,
                      (int64_t)(since(heard, w->out.syn_seen) / MILLISECOND), 0, 0);
    }
}

void witness_judge_habits(struct witness *w, const struct heard *heard)
{
    judge_burst(w, heard);
    judge_bare(w, heard);
    judge_ece(w, heard);
    judge_cwr(w, heard);
    judge_heeded(w, heard);
    judge_old(w, heard);
    judge_answer(w, heard);
    judge_fast_open(w, heard);
}

void witness_note_habits(struct witness *w, const struct heard *heard)
{
    w->habits.timed_out = false;
    note_gap(w, heard);
    note_ce(w, heard);
    note_heard_ece(w, heard);
    note_told(w, heard);
    note_old(w, heard);
    note_blind(w, heard);
}
