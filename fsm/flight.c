/* The list of what is in flight: finding, cutting, marking and joining its runs, and counting the octets of each
 * fate. */
#include "flight.h"

unsigned tfsm_run_count(const struct tfsm_tcb *tcb)
{
    return run_count_here(tcb);
}

unsigned tfsm_run_of(const struct tfsm_tcb *tcb, uint32_t seq)
{
    const struct tfsm_sent *runs = sent(tcb);
    uint32_t at = offset(tcb, seq);
    unsigned first = 0;
    unsigned end = run_count(tcb);
    while (first < end) {
        unsigned middle = (first + end) / 2;
        if (at < offset(tcb, runs[middle].right)) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    return end;
}

/* So many octets get or lose the fates that a run has. */
static void count(struct tfsm_tcb *tcb, uint32_t fates, uint32_t octets, bool more)
{
    uint32_t *const counts[] = {&tcb->snd_held, &tcb->snd_lost, &tcb->snd_both};
    static const uint32_t of[] = {TFSM_HELD, TFSM_LOST, TFSM_BOTH};
    for (unsigned i = 0; i < 3; i++) {
        if (has(fates, of[i])) {
            *counts[i] = more ? *counts[i] + octets : *counts[i] - min32(octets, *counts[i]);
        }
    }
}

static void set_run(struct tfsm_tcb *tcb, unsigned i, uint32_t at)
{
    struct tfsm_sent *runs = sent_runs(tcb);
    uint32_t octets = run_length(tcb, i);
    count(tcb, runs[i].at, octets, false);
    runs[i].at = at;
    count(tcb, at, octets, true);
}

static void remove_runs(struct tfsm_tcb *tcb, unsigned first, unsigned end)
{
    struct tfsm_sent *runs = sent_runs(tcb);
    unsigned count = run_count(tcb);
    tcb->sent_count = (uint16_t)(count - (end - first));
    for (unsigned i = first; i < count; i++) {
        const struct tfsm_sent behind = end < count ? runs[end++] : (struct tfsm_sent){0, 0};
        runs[i] = behind;
    }
}

/* See to it that a run begins at a number, which is at most SND.NXT: at most one run more. Returns which, or
 * how many there are where it is behind them all. */
static unsigned cut(struct tfsm_tcb *tcb, uint32_t seq)
{
    struct tfsm_sent *runs = sent_runs(tcb);
    unsigned count = run_count(tcb);
    unsigned i = tfsm_run_of(tcb, seq);
    if (run_left(tcb, i) == seq || count >= sent_slots(tcb)) {
        return i;
    }
    /* of what lies behind them all nothing is known */
    struct tfsm_sent run = {seq, i < count ? runs[i].at : 0};
    for (unsigned k = i; k <= count; k++) {
        struct tfsm_sent next = runs[k];
        runs[k] = run;
        run = next;
    }
    tcb->sent_count = (uint16_t)(count + 1);
    return i + 1;
}

/* Runs in [first, end) and those beside them that are alike become one, and of what is behind the last that has a fate
 * nothing need be known. */
static void tidy(struct tfsm_tcb *tcb, unsigned first, unsigned end)
{
    struct tfsm_sent *runs = sent_runs(tcb);
    unsigned last = min32(end + 1, run_count(tcb));
    unsigned kept = first > 0 ? first - 1 : 0;
    for (unsigned i = kept; i < last && kept < last; kept++) {
        struct tfsm_sent run = runs[i++];
        for (; i < last && runs[i].at == run.at; i++) {
            run.right = runs[i].right;
        }
        runs[kept] = run;
    }
    if (last > kept) {
        remove_runs(tcb, kept, last);
    }
    for (unsigned i = run_count(tcb); i > 0 && runs[i - 1].at == 0; i--) {
        remove_runs(tcb, i - 1, i);
    }
}

/* What becomes of a run that the peer was not known to hold. [RFC8985:6.1a, 6.1b, 6.2s] */
static uint32_t changed(uint32_t at, enum tfsm_happened what, uint32_t now)
{
    switch (what) {
    case TFSM_IS_HELD:
        return TFSM_HELD;
    case TFSM_IS_LOST: /* of what went twice the other may still come */
        return has(at, TFSM_AGAIN) ? at & ~(uint32_t)TFSM_BOTH : at | TFSM_LOST;
    case TFSM_ALL_LOST:
        return (at & ~(uint32_t)TFSM_BOTH) | TFSM_LOST;
    case TFSM_IS_SENT:
        return now;
    case TFSM_IS_RESENT:
        return now | TFSM_AGAIN | (has(at, TFSM_LOST) ? 0u : TFSM_BOTH);
    }
    return at;
}

/* [RFC8985:4b] */
void tfsm_flight_mark(struct tfsm_tcb *tcb, uint32_t left, uint32_t right, enum tfsm_happened what,
                      uint32_t now)
{
    if (offset(tcb, left) >= offset(tcb, right) || run_count(tcb) + 2u > sent_slots(tcb)) {
        return;
    }
    unsigned first = cut(tcb, left);
    unsigned end = cut(tcb, right);
    for (unsigned i = first; i < end && i < run_count(tcb); i++) {
        if (!is_held(sent_runs(tcb)[i])) {
            set_run(tcb, i, changed(sent_runs(tcb)[i].at, what, now));
        }
    }
    tidy(tcb, first, end);
}

/* [RFC8985:6.2c] */
void tfsm_flight_held(struct tfsm_tcb *tcb, uint32_t left, uint32_t right,
                      const struct tfsm_event *ev)
{
    for (unsigned i = tfsm_run_of(tcb, left); ev != NULL && i < run_count(tcb); i++) {
        struct tfsm_sent run = sent(tcb)[i];
        if (!seq_lt(run_left(tcb, i), right)) {
            break;
        }
        if (!is_held(run)) {
            run.right = seq_min(run.right, right);
            tfsm_rack_deliver(tcb, ev, run);
        }
    }
    tfsm_flight_mark(tcb, left, right, TFSM_IS_HELD, 0);
}

/* With its time, which tells whether what went again is lost, too. [RFC8985:6.2s] */
void tfsm_run_lost(struct tfsm_tcb *tcb, unsigned i)
{
    uint32_t at = sent(tcb)[i].at;
    forget_loss(tcb, has(at, TFSM_AGAIN) ? TFSM_L_UNDO_TWICE : 0u); /* it goes a third time */
    set_run(tcb, i, is_held(sent(tcb)[i]) ? TFSM_LOST : changed(at, TFSM_ALL_LOST, 0));
}

void tfsm_flight_tidy(struct tfsm_tcb *tcb)
{
    tidy(tcb, 0, run_count(tcb));
}

/* Which of the runs that have the same fate as the one before them is the nearest to it in time, or 0. */
static unsigned nearest(const struct tfsm_tcb *tcb)
{
    const struct tfsm_sent *runs = sent(tcb);
    unsigned best = 0;
    uint32_t least = UINT32_MAX;
    for (unsigned i = 1; i < run_count(tcb); i++) {
        uint32_t apart = seq_lt(runs[i - 1].at, runs[i].at)
                             ? seq_distance(runs[i - 1].at, runs[i].at)
                             : seq_distance(runs[i].at, runs[i - 1].at);
        if ((runs[i - 1].at & TFSM_FATES) == (runs[i].at & TFSM_FATES) && apart < least) {
            least = apart;
            best = i;
        }
    }
    return best;
}

/* Make the times of what went once coarser, if they may be: more of it is one run. */
static bool coarsen(struct tfsm_tcb *tcb)
{
    struct tfsm_sent *runs = sent_runs(tcb);
    uint32_t rtt = tcb->min_rtt > 0 ? min32(tcb->min_rtt, tcb->srtt) : tcb->srtt;
    unsigned bits = grain_bits(tcb);
    if (bits >= TFSM_GRAIN_MOST || rtt >> (bits + 3) == 0) {
        return false;
    }
    tcb->grain = (uint8_t)(bits + 1);
    for (unsigned i = 0; i < run_count(tcb); i++) {
        if ((runs[i].at & (TFSM_EXACT | TFSM_AGAIN)) == TFSM_EXACT) {
            runs[i].at |= flight_grain(tcb) & ~(uint32_t)TFSM_STEP;
        }
    }
    tidy(tcb, 0, run_count(tcb));
    return true;
}

void tfsm_flight_fit(struct tfsm_tcb *tcb)
{
    for (unsigned count = run_count(tcb); count > sent_most(tcb); count = run_count(tcb)) {
        if (coarsen(tcb)) {
            continue;
        }
        struct tfsm_sent *runs = sent_runs(tcb);
        unsigned last = count - 1;
        unsigned i = nearest(tcb);
        if (i > 0) { /* the later time is true of both: each was sent before that */
            uint32_t at = seq_lt(runs[i - 1].at, runs[i].at) ? runs[i].at : runs[i - 1].at;
            runs[i - 1].at = runs[i].at = at & ~(uint32_t)TFSM_EXACT;
        } else {
            for (i = last; i > 0 && !is_held(runs[i]);) {
                i--;
            }
            i = is_held(runs[i]) ? i : last;
            if (i < last) { /* when what the peer held went nobody knows any more */
                runs[i + 1].at &= ~(uint32_t)TFSM_EXACT;
            }
            set_run(tcb, i, i < last ? runs[i + 1].at : 0);
        }
        tidy(tcb, i > 0 ? i - 1 : 0, i + 2);
    }
}

/* [RFC8985:6.2c, 6.2h] */
void tfsm_flight_acked(struct tfsm_tcb *tcb, uint32_t ack, const struct tfsm_event *ev)
{
    struct tfsm_sent *runs = sent_runs(tcb);
    uint32_t moved = offset(tcb, ack);
    unsigned gone = 0;
    tcb->rack_latest = 0;
    for (unsigned i = 0; i < run_count(tcb) && offset(tcb, run_left(tcb, i)) < moved; i++) {
        struct tfsm_sent run = runs[i];
        bool whole = offset(tcb, run.right) <= moved;
        run.right = whole ? run.right : ack;
        count(tcb, run.at, seq_distance(run_left(tcb, i), run.right), false);
        gone += whole;
        if (ev != NULL && !is_held(run)) {
            tfsm_rack_deliver(tcb, ev, run);
        }
    }
    remove_runs(tcb, 0, gone);
    if (run_count(tcb) > 0 && is_held(runs[0])) {
        count(tcb, TFSM_HELD, seq_distance(ack, runs[0].right), false);
        runs[0].at = 0;
        tidy(tcb, 0, 1);
    }
}

void tfsm_set_grain(struct tfsm_tcb *tcb, unsigned bits)
{
    uint32_t before = flight_grain(tcb);
    tcb->grain = (uint8_t)bits;
    uint32_t finer = before - min32(flight_grain(tcb), before);
    tcb->rack_rtt += min32(finer, UINT32_MAX - tcb->rack_rtt);
}

/* Text that goes out within a grain is one run, so that a flight has no more runs than a connection has room for beside
 * those of losses: a flight of some round trips without a queue yet counts for one. What was sent in coarse grains is
 * waited for so long: they get finer only when nothing of it is in flight. [RFC8985:4d] */
static void choose_grain(struct tfsm_tcb *tcb)
{
    uint32_t part = tcb->srtt >> (room_of(tcb) < 32 ? 3 : 5);
    part = tcb->min_rtt > 0 ? min32(part, tcb->min_rtt >> 3) : part;
    unsigned bits = in_flight(tcb) > 0 ? grain_bits(tcb) : 0;
    while (bits < TFSM_GRAIN_MOST && part >> bits > 1) {
        bits++;
    }
    tfsm_set_grain(tcb, bits);
}

/* [RFC8985:6.1a, RFC8985:4c] */
void tfsm_flight_sent(struct tfsm_tcb *tcb, uint32_t left, uint32_t right, tfsm_time now)
{
    choose_grain(tcb);
    struct tfsm_sent *runs = sent_runs(tcb);
    uint32_t at = run_time(now, flight_grain(tcb));
    unsigned count = run_count(tcb);
    bool follows = run_left(tcb, count) == left;
    if (follows && count > 0 && runs[count - 1].at == at) {
        runs[count - 1].right = right;
    } else if (follows && count < sent_most(tcb)) {
        runs[count] = (struct tfsm_sent){right, at};
        tcb->sent_count = (uint16_t)(count + 1);
    } else {
        tfsm_flight_mark(tcb, left, right, TFSM_IS_SENT, at);
        tfsm_flight_fit(tcb);
    }
}

void tfsm_flight_clear(struct tfsm_tcb *tcb, uint32_t fates)
{
    for (unsigned i = 0; i < run_count(tcb); i++) {
        set_run(tcb, i, sent_runs(tcb)[i].at & ~fates);
    }
    tidy(tcb, 0, run_count(tcb));
}
