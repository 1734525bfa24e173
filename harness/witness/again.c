/* What is sent again: the front, when nothing acknowledges it, and ever more slowly; into a closed window, to ask whether it is
 * open; and not all at once. Who does nothing at all may be dead: a duty is missed only by somebody who does something else. */
#include "internal.h"

#define TIMER_LEAST (100 * MILLISECOND)
/* From a minute on a timeout need not grow (RFC6298:2.5); small stacks stop sooner. */
#define TIMER_MOST (20 * SECOND)
/* BSD probes every five seconds at first, whatever the timeout. */
#define PERSIST_LEAST (4 * SECOND)
#define PROBES_MOST   9u
#define LONGEST       (600 * SECOND)
#define PATIENCE      (120 * SECOND)
/* As long as no timer has gone off, unless round trips are long: three seconds is the longest timeout before one is measured. */
#define FIRST_PATIENCE  (20 * SECOND)
#define PROBE_PATIENCE  (10 * SECOND) /* the same of a closed window, where five is the longest */
#define RTO_MOST        5u            /* round trips: SRTT, and four times RTTVAR (RFC6298:2.3) */
#define PASSED_MOST     4u
#define PASSED_TIME     (3 * SECOND)
#define RIGHT_AFTER     (3 * MILLISECOND)
#define FLIGHT_SEGMENTS 16u
#define FLIGHT_OCTETS   24576u

/* New text goes out. */
static void time_text(struct witness *w, const struct heard *heard)
{
    struct answer_time *it = &w->answer_time;
    if (heard->end == heard->seq || heard->end <= w->out.sent || has(heard, TFSM_RST)) {
        return;
    }
    if (!it->waits) {
        it->waits = true;
        it->first = heard->packet->at;
        it->split = heard->end;
    } else if (!it->more) {
        it->more = true;
        it->behind = heard->packet->at;
    }
}

/* Something is acknowledged: no round trip that the subject can have measured by that is longer. */
static void time_answer(struct witness *w, const struct heard *heard)
{
    struct answer_time *it = &w->answer_time;
    if (!it->waits || heard->ack <= w->in.ack || has(heard, TFSM_RST)) {
        return;
    }
    tfsm_time took = heard->packet->at - it->first;
    it->longest = took > it->longest ? took : it->longest;
    if (heard->ack >= it->split) {
        it->waits = it->more && heard->ack < w->out.sent;
        it->more = false;
        it->first = it->behind;
        it->split = w->out.sent;
    }
}

/* How long a timer may run that was not backed off. No timeout need be lower than what was measured makes it (RFC6298:2), and of
 * what was measured before the capture begins nobody knows. */
static tfsm_time patience_of(const struct witness *w, tfsm_time least)
{
    bool unknown = w->timed_out || !w->out.syn;
    tfsm_time patience = unknown ? PATIENCE : least;
    tfsm_time most = RTO_MOST * w->answer_time.longest;
    return most > patience ? most : patience;
}

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
    tfsm_time patience = patience_of(w, FIRST_PATIENCE);
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

/* That there was something to send shows when the window opens and it goes at once. */
static void judge_probe(struct witness *w, const struct heard *heard)
{
    bool opened = !w->before_sent && w->in.wnd > 0 && since(heard, w->before) < RIGHT_AFTER &&
                  w->in.end_seen.number != w->before.number;
    if (w->closed_from.number == 0) {
        return;
    }
    tfsm_time closed = w->before.at - w->closed_from.at;
    /* where it had filled the window, and the peer asks for nothing, it has waited for that */
    tfsm_time patience = patience_of(w, w->closed_full ? PROBE_PATIENCE : PATIENCE);
    if (w->near && !w->gaps && opened && heard->fresh && text_of(heard) > 1 && closed > patience) {
        witness_raise(w, WITNESS_NO_PROBE, heard, w->closed_from, w->before, milliseconds(closed),
                      0, 0);
    }
    w->closed_from = nothing;
}

void witness_judge_again(struct witness *w, const struct heard *heard)
{
    judge_front(w, heard);
    time_text(w, heard);
    judge_probes(w, heard);
    judge_hole(w, heard);
    judge_flight(w, heard);
    judge_probe(w, heard);
}

void witness_note_again(struct witness *w, const struct heard *heard)
{
    uint64_t acked = heard->ack;
    time_answer(w, heard);
    if (acked > w->front.seq && w->front.last.number != 0) {
        tfsm_time took = since(heard, w->front.last);
        bool once = w->front.again == 0 && w->front.sent;
        w->round_trip =
            once && took > 0 && (w->round_trip == 0 || took < w->round_trip) ? took : w->round_trip;
        /* what waits behind waits from now on */
        w->front = (struct front){.seq = acked, .first = sight_of(heard), .last = sight_of(heard)};
    }
    w->front.silent = 0;
}
