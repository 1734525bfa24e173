/* Timestamps: the clock of the subject, and what it echoes of the peer's. */
#include "internal.h"

#define BEFORE_CAPTURE 200000u /* ticks that a SYN may have had before the first that was seen */
#define TAPS_APART     (200 * MILLISECOND)
#define FAR_AHEAD      10000u /* ticks */
#define STANDS_MOST    (20 * SECOND)
#define STALE_UNSURE   4u /* where what was to be echoed may have come damaged */
#define STALE_MOST     2u /* echoes of that kind are one too many */

static void judge_clock(struct witness *w, const struct heard *heard)
{
    const struct way *out = &w->out;
    if (!bears(heard, TFSM_OPT_TIMESTAMPS) || !out->stamped || !agreed(w, TFSM_OPT_TIMESTAMPS)) {
        return;
    }
    if (seq_lt(heard->segment->ts_val, out->ts_val) && heard->ack > out->ts_ack &&
        out->ts_ack != 0) {
        witness_raise(w, WITNESS_TSVAL_BACK, heard, out->ts_seen, nothing, heard->segment->ts_val,
                      out->ts_val, 0);
    }
}

/* It ticks at least once a second (RFC7323:5.4), and what is new does not wait on the way for so long. */
static void judge_standing(struct witness *w, const struct heard *heard)
{
    const struct way *out = &w->out;
    if (bears(heard, TFSM_OPT_TIMESTAMPS) && out->stamped && out->plain && heard->fresh &&
        heard->sound && heard->segment->ts_val == out->ts_val &&
        heard->packet->at - out->ts_seen.at > STANDS_MOST) {
        witness_raise(w, WITNESS_TSVAL_STANDS, heard, out->ts_seen, nothing, out->ts_val,
                      (int64_t)((heard->packet->at - out->ts_seen.at) / MILLISECOND), 0);
    }
}

/* ---- echoes ---- */

static void judge_first_echo(struct witness *w, const struct heard *heard)
{
    bool stamped =
        w->in.syn && w->in.stamped && w->in.ts_first != 0 && w->in.ts_val == w->in.ts_first;
    if (has(heard, TFSM_SYN | TFSM_ACK) && bears(heard, TFSM_OPT_TIMESTAMPS) && stamped &&
        heard->segment->ts_ecr == 0) {
        witness_raise(w, WITNESS_ECHO_ZERO, heard, w->in.syn_seen, nothing, w->in.ts_first, 0, 0);
    }
}

static void judge_echo(struct witness *w, const struct heard *heard)
{
    uint32_t echo = heard->segment->ts_ecr;
    if (!bears(heard, TFSM_OPT_TIMESTAMPS) || !has(heard, TFSM_ACK) || has(heard, TFSM_RST) ||
        echo == 0 || !agreed(w, TFSM_OPT_TIMESTAMPS) || !w->in.stamped) {
        return;
    }
    if (seq_lt(echo, seq_sub(w->in.ts_first, BEFORE_CAPTURE))) {
        witness_raise(w, WITNESS_ECHO_OF_NOTHING, heard, w->in.syn_seen, nothing, echo, 0, 0);
    } else if (seq_lt(w->in.ts_val, echo)) {
        witness_suspect(&w->echo, w, heard, echo, w->in.end);
    }
}

/* What moved RCV.NXT is echoed: the first segment that came at or before the last acknowledgment and ended behind it, or one
 * that is newer. */
static void judge_stale(struct witness *w, const struct heard *heard)
{
    struct due_echo *due = &w->due_echo;
    if (!due->open || !bears(heard, TFSM_OPT_TIMESTAMPS) || !has(heard, TFSM_ACK) ||
        has(heard, TFSM_RST) || heard->ack <= w->out.ack) {
        return;
    }
    if (heard->ack >= due->end && seq_lt(heard->segment->ts_ecr, due->ts_val) &&
        ++due->stale >= (due->sound ? STALE_MOST : STALE_UNSURE)) {
        witness_raise(w, WITNESS_ECHO_STALE, heard, due->seen, nothing, heard->segment->ts_ecr,
                      due->ts_val, 0);
    }
    due->open = false;
}

void witness_judge_stamps(struct witness *w, const struct heard *heard)
{
    judge_clock(w, heard);
    judge_standing(w, heard);
    judge_first_echo(w, heard);
    judge_echo(w, heard);
    judge_stale(w, heard);
}

/* ---- the peer speaks ---- */

static void settle_echo(struct witness *w, const struct heard *heard)
{
    if (!w->echo.open || !bears(heard, TFSM_OPT_TIMESTAMPS) || has(heard, TFSM_RST)) {
        return;
    }
    uint32_t said = (uint32_t)w->echo.number;
    /* taps that are merged may show it before what it echoes, but not by much */
    bool late = heard->packet->at - w->echo.seen.at > TAPS_APART;
    bool far = seq_distance(w->in.ts_val, said) > FAR_AHEAD;
    if (!seq_lt(heard->segment->ts_val, said)) {
        w->echo.open = false;
    } else if (heard->sound && (late || far) &&
               ((heard->fresh && heard->seq >= w->echo.known) || heard->ack > w->echo.out_end)) {
        witness_convict(w, WITNESS_ECHO_OF_NOTHING, &w->echo, heard, said, 0);
    }
}

static void note_due(struct witness *w, const struct heard *heard)
{
    struct due_echo *due = &w->due_echo;
    bool moves = heard->fresh && heard->seq <= w->out.ack && heard->end > w->out.ack;
    bool takes = w->out.edge_known && heard->end <= w->out.edge;
    const unsigned card = heard->packet->known & (WITNESS_SOUND | WITNESS_CHECKED);
    if (card == WITNESS_SOUND) {
        return; /* put together by a network card, perhaps, of several with stamps of their own */
    }
    bool old = heard->ack < w->in.ack; /* Linux takes the text, and not the stamp */
    if (old || w->gaps || due->open || !w->near || !w->out.plain || !moves || !takes ||
        has(heard, TFSM_SYN) || has(heard, TFSM_RST) || !has(heard, TFSM_ACK) ||
        !agreed(w, TFSM_OPT_TIMESTAMPS) || !bears(heard, TFSM_OPT_TIMESTAMPS) ||
        seq_lt(heard->segment->ts_val, w->in.ts_val)) {
        return;
    }
    due->open = true;
    due->sound = heard->sound;
    due->ts_val = heard->segment->ts_val;
    due->end = heard->end;
    due->seen = sight_of(heard);
}

void witness_note_stamps(struct witness *w, const struct heard *heard)
{
    settle_echo(w, heard);
    note_due(w, heard);
}
