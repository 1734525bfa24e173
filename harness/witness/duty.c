/* What the subject has to do within a time: acknowledge, send again and ever more slowly, probe a closed window, stay for late
 * FINs. Who does nothing at all may be dead: a duty is missed only by somebody who does something else. */
#include "internal.h"

#define ACK_MOST (550 * MILLISECOND) /* half a second, and what a busy machine adds */
#define ACK_LAZY                                                                                   \
    (100 * MILLISECOND)      /* nobody who acknowledges every second segment takes so long */
#define ACK_OLD       65535u /* an older one may be refused (RFC5961:5.2) */
#define LAZY_MOST     3u
#define COPIES_TOLD   6u
#define LOST_LEAST    (150 * MILLISECOND)
#define LOST_ANSWERED (5 * MILLISECOND)
#define COPIES        4u
#define TIMER_LEAST   (100 * MILLISECOND)
/* From a minute on a timeout need not grow (RFC6298:2.5); small stacks stop sooner. */
#define TIMER_MOST (20 * SECOND)
#define PERSIST_LEAST                                                                              \
    (4 * SECOND) /* BSD probes every five seconds at first, whatever the timeout */
#define PROBES_MOST  9u
#define LATE_MOST    3u
#define LATE_LONGEST (60 * SECOND) /* later than that the clock was set */
#define LONGEST      (600 * SECOND)
#define PATIENCE     (120 * SECOND)
#define FIRST_PATIENCE                                                                             \
    (20 * SECOND) /* as long as no timer has gone off: three seconds is the longest first timeout */
#define PROBE_PATIENCE  (10 * SECOND) /* the same of a closed window, where five is the longest */
#define SILENCE         (6 * SECOND)
#define SILENT_COPIES   5u
#define PASSED_MOST     4u
#define PASSED_TIME     (3 * SECOND)
#define UNTOLD_MOST     2u
#define RIGHT_AFTER     (3 * MILLISECOND)
#define LINGERS         (20 * SECOND) /* nobody's two MSL are less */
#define OUTSIDE_APART   SECOND        /* answers may be limited */
#define OUTSIDE_MOST    3u
#define OUTSIDE_SILENT  4u
#define STORM           50u
#define FLIGHT_SEGMENTS 16u
#define FLIGHT_OCTETS   24576u

static int64_t milliseconds(tfsm_time time)
{
    return (int64_t)(time / MILLISECOND);
}

/* ---- acknowledgments ---- */

static void judge_late(struct witness *w, const struct heard *heard)
{
    tfsm_time took = since(heard, w->owed.seen);
    w->timely += !w->owed.again;
    if (w->owed.again || took <= ACK_MOST || took > LATE_LONGEST || w->gaps) {
        return;
    }
    /* once may be a machine that stood still, and of many a few are missing in the capture */
    w->late++;
    if (w->late >= LATE_MOST && w->late * 2 >= w->timely) {
        witness_raise(w, WITNESS_ACK_LATE, heard, w->owed.seen, nothing, milliseconds(took), 0, 0);
    }
}

/* So often it came, and did not come damaged each time. */
static void raise_unanswered(struct witness *w, const struct heard *heard)
{
    struct heard sound = *heard;
    sound.sound = true;
    witness_raise(w, w->owed.fin ? WITNESS_FIN_UNANSWERED : WITNESS_TEXT_UNANSWERED, &sound,
                  w->owed.seen, nothing, w->owed.copies, 0, 0);
    w->owed.open = false;
}

/* What was passed over when it came first, and is acknowledged as soon as it comes again: it was lost behind this place. */
static bool was_lost(const struct witness *w, const struct heard *heard)
{
    const struct owed_ack *owed = &w->owed;
    return owed->copies > 1 && since(heard, owed->seen) > LOST_LEAST &&
           since(heard, w->in.last) < LOST_ANSWERED;
}

static void judge_owed(struct witness *w, const struct heard *heard)
{
    struct owed_ack *owed = &w->owed;
    if (!owed->open || heard->ack == 0 || has(heard, TFSM_RST) || has(heard, TFSM_SYN)) {
        return;
    }
    if (heard->ack > owed->from) {
        w->lossy = w->lossy || was_lost(w, heard);
        judge_late(w, heard);
        bool lazy = owed->full > 2 && !owed->again && since(heard, owed->second) > ACK_LAZY;
        w->lazy += lazy;
        if (lazy && w->lazy >= LAZY_MOST) { /* an ACK or two may be lost even near by */
            witness_raise(w, WITNESS_ACK_SECOND, heard, owed->seen, owed->second, owed->full, 0, 0);
        }
        owed->open = false;
        bool room = heard->ack + window_of(w, &w->out, heard) > w->in.fin_at;
        if (w->in.fin && heard->ack == w->in.fin_at &&
            room) { /* what came with the FIN, and not that */
            *owed = (struct owed_ack){.open = true,
                                      .again = true,
                                      .fin = true,
                                      .from = heard->ack,
                                      .copies = 1,
                                      .seen = w->in.fin_seen};
        }
        return;
    }
    owed->answered = true;
    owed->again =
        owed->again ||
        heard->ack < owed->from; /* it says less than it has said before: no measure of anything */
    owed->silent += owed->copies > 1;
    unsigned copies = w->court->vantage == WITNESS_TOLD ? COPIES_TOLD : COPIES;
    if (owed->copies >= copies && owed->silent > copies - COPIES + 1) {
        raise_unanswered(w, heard);
    }
}

static bool is_up(const struct witness *w)
{
    return w->out.spoken && w->out.ack != 0 && !w->out.reset && !w->in.reset;
}

/* Who says nothing at all may be dead, unless the capture is said to be his. Before his third segment he may have refused ours. */
static void judge_silence(struct witness *w, const struct heard *heard)
{
    struct owed_ack *owed = &w->owed;
    if (owed->copies < SILENT_COPIES || owed->silent > 0 || since(heard, owed->seen) <= SILENCE ||
        !w->out.plain) {
        return;
    }
    if (w->court->vantage == WITNESS_NEAR) {
        raise_unanswered(w, heard);
    } else if (!owed->dead) {
        owed->dead = true;
        witness_raise(w, WITNESS_SILENT, heard, owed->seen, nothing, owed->copies, 0, 0);
    }
}

/* Nothing in it gives the subject a reason to drop it. */
static bool is_proper(const struct witness *w, const struct heard *heard)
{
    bool stamped = bears(heard, TFSM_OPT_TIMESTAMPS);
    bool old = stamped && w->in.stamped && seq_lt(heard->segment->ts_val, w->in.ts_val);
    bool missing = !stamped && agreed(w, TFSM_OPT_TIMESTAMPS);
    return has(heard, TFSM_ACK) && !old && !missing && heard->ack <= w->out.end &&
           heard->ack + ACK_OLD >= w->in.ack;
}

/* The peer sends something that calls for an acknowledgment. */
static void note_owed(struct witness *w, const struct heard *heard)
{
    struct owed_ack *owed = &w->owed;
    uint64_t next = w->out.ack;                              /* what the subject waits for */
    bool ended = w->in.fin && heard->end > w->in.fin_at + 1; /* nothing is taken behind a FIN */
    bool room = heard->end <= w->out.ack + w->out.wnd; /* by the last window, too, and for a FIN */
    bool takes = w->out.edge_known && heard->end <= w->out.edge && room &&
                 heard->end > heard->seq && !ended && !w->in.fin_moves;
    bool proper = is_proper(w, heard);
    bool astray = w->broke[WITNESS_ACK_BACK] + w->broke[WITNESS_ACK_AHEAD] >
                  0; /* it says more or less than it means */
    if (!w->near || !is_up(w) || has(heard, TFSM_SYN) || has(heard, TFSM_RST) || !takes ||
        !proper || astray) {
        return;
    }
    bool full = text_of(heard) >= 536 && text_of(heard) == w->full;
    if (owed->open && heard->seq <= owed->from && heard->end > owed->from) {
        owed->copies++;
        owed->again = true;
        judge_silence(w, heard);
    } else if (owed->open) {
        owed->again = owed->again || !heard->fresh;
        owed->full += full;
        owed->second = full && owed->full == 2 ? sight_of(heard) : owed->second;
    } else if (heard->fresh && heard->seq <= next && heard->end > next) {
        *owed = (struct owed_ack){.open = true,
                                  .fin = text_of(heard) == 0,
                                  .from = next,
                                  .copies = 1,
                                  .full = full,
                                  .seen = sight_of(heard)};
    }
}

/* ---- retransmission ---- */

static bool does_not_double(const struct front *front, tfsm_time least)
{
    const tfsm_time *i = front->interval;
    bool bounded = i[0] < TIMER_MOST && i[1] < TIMER_MOST && i[2] < TIMER_MOST;
    return bounded && i[0] >= least && 2 * i[1] < 3 * i[0] && 2 * i[2] < 3 * i[1] &&
           i[1] >= least && i[2] >= least;
}

/* It was sent once more: how long after the last time, if the peer was silent. */
static tfsm_time note_interval(struct front *front, const struct heard *heard)
{
    tfsm_time interval = since(heard, front->last);
    if (front->silent > 0) {
        front->interval[0] = front->interval[1];
        front->interval[1] = front->interval[2];
        front->interval[2] = interval;
    }
    front->silent++;
    return interval;
}

static void judge_again(struct witness *w, const struct heard *heard)
{
    struct front *front = &w->front;
    bool syn = has(heard, TFSM_SYN);
    bool silent = front->silent > 0;
    tfsm_time interval = note_interval(front, heard);
    front->again++;
    w->timed_out = true;
    /* the first of text may be a probe for a lost tail, which is no timeout */
    if (!w->court->icmp && (syn || w->in.wnd > 0) && front->silent >= (syn ? 4u : 5u) &&
        does_not_double(front, TIMER_LEAST)) {
        witness_raise(w, syn ? WITNESS_SYN_BACKOFF : WITNESS_BACKOFF, heard, front->first,
                      front->last, milliseconds(front->interval[0]),
                      milliseconds(front->interval[1]), milliseconds(interval));
    }
    if (w->near && silent && !syn && w->round_trip != 0 && interval < w->round_trip / 2) {
        witness_raise(w, WITNESS_SENT_AGAIN_EARLY, heard, front->last, nothing,
                      milliseconds(interval), 0, 0);
    }
}

/* Whoever answers a probe leaves the window closed: probes need not be silent to be too many. */
static void judge_probes(struct witness *w, const struct heard *heard)
{
    struct front *probes = &w->probes;
    bool closed = w->in.edge_known && w->in.wnd == 0 && agreed_is_known(w);
    bool probe = closed && text_of(heard) == 1 && heard->seq == w->in.ack;
    if (!probe) {
        if (heard->end > heard->seq || !closed) {
            *probes = (struct front){.seq = 0};
        }
        return;
    }
    if (probes->seq != heard->seq || probes->silent == 0) {
        *probes = (struct front){.seq = heard->seq, .silent = 1, .first = sight_of(heard)};
    } else {
        note_interval(probes, heard);
        bool soon = probes->interval[2] < PERSIST_LEAST || probes->silent >= PROBES_MOST;
        if (soon && probes->silent >= 5 && does_not_double(probes, 0)) {
            witness_raise(w, WITNESS_PROBE_BACKOFF, heard, probes->first, probes->last,
                          milliseconds(probes->interval[0]), milliseconds(probes->interval[1]),
                          milliseconds(probes->interval[2]));
        }
    }
    probes->last = sight_of(heard);
}

/* The peer has spoken after all that time, and did not acknowledge it: no acknowledgment is missing in the capture. */
static bool waits_still(const struct witness *w, tfsm_time patience)
{
    tfsm_time waited = w->in.last.at > w->front.last.at ? w->in.last.at - w->front.last.at : 0;
    return waited > patience && waited < LONGEST && !w->gaps;
}

static void judge_front(struct witness *w, const struct heard *heard)
{
    struct front *front = &w->front;
    uint64_t seq = w->in.ack != 0 ? w->in.ack : w->out.zero;
    bool covers = heard->seq <= seq && heard->end > seq;
    bool waits = w->out.end > seq && front->seq == seq && front->last.number != 0;
    tfsm_time patience = w->timed_out ? PATIENCE : FIRST_PATIENCE;
    /* with more behind it, perhaps */
    bool again = spans_hold(&w->out.seen, seq, seq + 1);
    if (w->in.ack == 0 && !has(heard, TFSM_SYN)) {
        return; /* nobody knows what is acknowledged */
    }
    if (covers && waits && again) {
        judge_again(w, heard);
        front->last = sight_of(heard);
    } else if (covers) {
        *front = (struct front){.seq = seq,
                                .sent = true,
                                .silent = 1,
                                .first = sight_of(heard),
                                .last = sight_of(heard)};
    } else if (waits && heard->end > heard->seq && heard->seq < seq) {
        front->last = sight_of(heard); /* it has not heard of the last acknowledgment */
    } else if (waits && w->near && spans_hold(&w->out.seen, seq, seq + 1) && seq < w->in.edge &&
               w->in.wnd > 0 && waits_still(w, patience) && !has(heard, TFSM_RST)) {
        witness_raise(w, WITNESS_NOT_SENT_AGAIN, heard, front->first, front->last,
                      milliseconds(since(heard, front->last)), 0, 0);
    }
}

/* What was sent first was not seen. It may be that the recording has missed it, but not each time that it is sent again. */
static void judge_hole(struct witness *w, const struct heard *heard)
{
    struct hole *hole = &w->hole;
    uint64_t front = w->in.ack;
    bool passes = heard->seq > front && text_of(heard) > 0 && !heard->fresh;
    if (!w->near || !w->out.syn || w->court->fragments || front == 0 || !passes ||
        front >= w->in.edge || spans_hold(&w->out.seen, front, front + 1)) {
        return;
    }
    if (hole->seq != front) {
        *hole = (struct hole){.seq = front, .first = sight_of(heard)};
    }
    bool waits = w->in.last.at > hole->first.at; /* the peer has spoken, and still asks for it */
    if (++hole->passed >= PASSED_MOST && since(heard, hole->first) > PASSED_TIME && waits) {
        witness_raise(w, WITNESS_FRONT_PASSED_OVER, heard, hole->first, nothing, hole->passed,
                      counted(&w->out, front), 0);
        *hole = (struct hole){.seq = 0};
    }
}

static void judge_flight(struct witness *w, const struct heard *heard)
{
    uint64_t first = w->out.zero + 1;
    bool alone = w->near && w->out.syn && w->in.ack != 0 && w->in.ack <= first;
    uint64_t flight = octets_between(first, heard->text_end);
    uint64_t most = (uint64_t)FLIGHT_SEGMENTS * (w->in.mss != 0 ? w->in.mss : 536u);
    if (alone && heard->fresh && flight > FLIGHT_OCTETS && flight > most) {
        witness_raise(w, WITNESS_FIRST_FLIGHT, heard, w->out.syn_seen, nothing, (int64_t)flight, 0,
                      0);
    }
}

/* ---- the rest ---- */

/* That there was something to send shows when the window opens and it goes at once. */
static void judge_probe(struct witness *w, const struct heard *heard)
{
    bool opened = !w->before_sent && w->in.wnd > 0 && since(heard, w->before) < RIGHT_AFTER &&
                  w->in.end_seen.number != w->before.number;
    if (w->closed_from.number == 0) {
        return;
    }
    tfsm_time closed = w->before.at - w->closed_from.at;
    /* it had filled the window, and the peer asks for nothing: it has waited for that */
    bool waited = w->closed_full && !w->timed_out;
    if (w->near && !w->gaps && opened && heard->fresh && text_of(heard) > 1 &&
        closed > (waited ? PROBE_PATIENCE : PATIENCE)) {
        witness_raise(w, WITNESS_NO_PROBE, heard, w->closed_from, w->before, milliseconds(closed),
                      0, 0);
    }
    w->closed_from = nothing;
}

static void judge_time_wait(struct witness *w, const struct heard *heard)
{
    bool lingers =
        w->close_seen.number != 0 && w->closed_first && since(heard, w->close_seen) < LINGERS;
    if (w->near && has(heard, TFSM_RST) && lingers && w->fin_again && !w->before_sent &&
        since(heard, w->before) < SECOND) {
        /* RFC 793 and RFC 9293 let a RST end TIME-WAIT */
        witness_raise(w, w->in.reset ? WITNESS_TIME_WAIT_RESET : WITNESS_TIME_WAIT, heard,
                      w->close_seen, w->before, milliseconds(since(heard, w->close_seen)), 0, 0);
    }
}

static void judge_idle(struct witness *w, const struct heard *heard)
{
    bool news = heard->end > heard->seq || heard->ack > w->out.ack || has(heard, TFSM_RST);
    if (news || !w->before_sent || since(heard, (struct sight){1, w->idle_from}) > SECOND) {
        w->idle = 0;
        w->idle_from = heard->packet->at;
    } else if (++w->idle == STORM) {
        witness_raise(w, WITNESS_STORM, heard, nothing, nothing, STORM, 0, 0);
    }
}

static void judge_ece(struct witness *w, const struct heard *heard)
{
    struct due_ece *due = &w->due_ece;
    if (!due->open || has(heard, TFSM_RST) || heard->ack < due->end) {
        return;
    }
    due->untold = has(heard, TFSM_ECE) ? 0 : due->untold + 1;
    if (due->untold >= UNTOLD_MOST) {
        witness_raise(w, WITNESS_ECE_MISSING, heard, due->seen, nothing, 0, 0, 0);
        due->open = false;
    }
}

static void note_ece(struct witness *w, const struct heard *heard)
{
    struct due_ece *due = &w->due_ece;
    bool moves = heard->fresh && heard->seq == w->out.ack && w->out.edge_known &&
                 heard->end <= w->out.edge && text_of(heard) > 0;
    bool agreed_to = w->out.ecn_plain && w->in.ecn_plain;
    if (has(heard, TFSM_CWR)) {
        due->open = false;
    } else if (!due->open && w->near && heard->sound && agreed_to && moves && is_up(w) &&
               heard->segment->ecn == TFSM_CE) {
        *due = (struct due_ece){.open = true, .end = heard->end, .seen = sight_of(heard)};
    }
}

static void raise_outside(struct witness *w, const struct heard *heard)
{
    witness_raise(w, WITNESS_OUTSIDE_UNANSWERED, heard, w->outside_from, w->outside_seen,
                  w->outside, 0, 0);
    w->outside = 0;
    w->outside_open = false;
}

static void judge_outside(struct witness *w, const struct heard *heard)
{
    /* this may be the answer to the last one, if it comes soon */
    bool late = since(heard, w->outside_seen) > OUTSIDE_APART;
    if (!w->gaps && w->outside >= OUTSIDE_MOST + !late && w->outside_open &&
        !has(heard, TFSM_RST)) {
        raise_outside(w, heard);
    }
    w->outside = 0;
    w->outside_open = false;
}

static void note_outside(struct witness *w, const struct heard *heard)
{
    bool old = heard->seq < w->out.ack && heard->end <= w->out.ack;
    bool beyond = w->out.edge_known && heard->seq >= w->out.edge && text_of(heard) > 0;
    bool outside = (old || beyond) && !has(heard, TFSM_RST) && !has(heard, TFSM_SYN);
    bool closed = w->out.fin || w->in.fin;
    if (!w->near || !is_up(w) || !outside || closed) {
        return;
    }
    if (w->outside_open && since(heard, w->outside_seen) > OUTSIDE_APART) {
        w->outside++;
    } else if (!w->outside_open) {
        w->outside = 1;
        w->outside_from = sight_of(heard);
    }
    w->outside_open = true;
    w->outside_seen = sight_of(heard);
    if (w->outside >= OUTSIDE_SILENT && w->court->vantage == WITNESS_NEAR) {
        raise_outside(w, heard);
    }
}

void witness_judge_duties(struct witness *w, const struct heard *heard)
{
    judge_owed(w, heard);
    judge_front(w, heard);
    judge_probes(w, heard);
    judge_hole(w, heard);
    judge_flight(w, heard);
    judge_probe(w, heard);
    judge_time_wait(w, heard);
    judge_idle(w, heard);
    judge_ece(w, heard);
    judge_outside(w, heard);
}

void witness_note_duties(struct witness *w, const struct heard *heard)
{
    uint64_t acked = heard->ack;
    w->fin_again = has(heard, TFSM_FIN) && w->in.fin && heard->end == w->in.fin_at + 1;
    if (acked > w->front.seq && w->front.last.number != 0) {
        tfsm_time took = since(heard, w->front.last);
        bool once = w->front.again == 0 && w->front.sent;
        w->round_trip =
            once && took > 0 && (w->round_trip == 0 || took < w->round_trip) ? took : w->round_trip;
        /* what waits behind waits from now on */
        w->front = (struct front){.seq = acked, .first = sight_of(heard), .last = sight_of(heard)};
    }
    w->front.silent = 0;
    if (text_of(heard) > w->full) {
        w->full = text_of(heard);
    }
    note_owed(w, heard);
    note_ece(w, heard);
    note_outside(w, heard);
}
