/* What the subject has to do within a time: acknowledge, stay for late FINs, tell of congestion; again.c has what is sent once
 * more. Who does nothing at all may be dead: a duty is missed only by somebody who does something else. */
#include "internal.h"

#define ACK_MOST (550 * MILLISECOND) /* half a second, and what a busy machine adds */
/* Nobody who acknowledges every second segment takes so long. */
#define ACK_LAZY       (100 * MILLISECOND)
#define ACK_OLD        65535u /* an older one may be refused (RFC5961:5.2) */
#define LAZY_MOST      3u
#define COPIES_TOLD    6u
#define LOST_LEAST     (150 * MILLISECOND)
#define LOST_ANSWERED  (5 * MILLISECOND)
#define COPIES         4u
#define LATE_MOST      3u
#define LATE_LONGEST   (60 * SECOND) /* later than that the clock was set */
#define SILENCE        (6 * SECOND)
#define SILENT_COPIES  5u
#define UNTOLD_MOST    2u
#define LINGERS        (20 * SECOND) /* nobody's two MSL are less */
#define OUTSIDE_APART  SECOND        /* answers may be limited */
#define OUTSIDE_MOST   3u
#define OUTSIDE_SILENT 4u
#define STORM          50u

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

/* ---- the rest ---- */

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
    witness_judge_again(w, heard);
    judge_time_wait(w, heard);
    judge_idle(w, heard);
    judge_ece(w, heard);
    judge_outside(w, heard);
}

void witness_note_duties(struct witness *w, const struct heard *heard)
{
    witness_note_again(w, heard);
    w->fin_again = has(heard, TFSM_FIN) && w->in.fin && heard->end == w->in.fin_at + 1;
    if (text_of(heard) > w->full) {
        w->full = text_of(heard);
    }
    note_owed(w, heard);
    note_ece(w, heard);
    note_outside(w, heard);
}
