/* Sequence and acknowledgment numbers, windows and timestamps over time. What goes back is charged only where something else
 * says that it was sent later: a higher acknowledgment, a newer timestamp, text that is new. What names something that the peer
 * never sent is in doubt until the peer shows that he did not: recordings lose packets. */
#include "internal.h"

#define RETRANSMITS_AFTER (150 * MILLISECOND) /* no timer goes off sooner after an acknowledgment */
#define DENIALS           3u
#define PROBE_TEXT        1u
#define BEFORE_CAPTURE    200000u /* ticks that a SYN may have had before the first that was seen */

/* ---- order ---- */

/* Whether it was sent after a segment with that TSval. */
static bool is_newer(const struct way *out, const struct heard *heard, bool stamped,
                     uint32_t ts_val)
{
    return bears(heard, TFSM_OPT_TIMESTAMPS) && stamped && !out->unsteady &&
           seq_lt(ts_val, heard->segment->ts_val);
}

/* Whether it was sent after the subject's greatest acknowledgment. */
static bool after_ack(const struct witness *w, const struct heard *heard)
{
    const struct way *out = &w->out;
    /* an ACK without text is numbered with what is sent next */
    bool next =
        out->ack_seq != 0 && heard->fresh && heard->seq >= out->ack_seq && heard->seq >= out->end;
    return is_newer(out, heard, out->ack_stamped, out->ack_ts) || next;
}

/* ---- what goes back ---- */

static void judge_ack_back(struct witness *w, const struct heard *heard)
{
    if (heard->ack != 0 && heard->ack < w->out.ack && !has(heard, TFSM_SYN) &&
        after_ack(w, heard)) {
        witness_raise(w, WITNESS_ACK_BACK, heard, w->out.ack_seen, nothing,
                      counted(&w->in, heard->ack), counted(&w->in, w->out.ack), 0);
    }
}

static void judge_edge(struct witness *w, const struct heard *heard)
{
    const struct way *out = &w->out;
    if (heard->ack == 0 || has(heard, TFSM_SYN) || !agreed_is_known(w) || !out->edge_known) {
        return;
    }
    uint64_t edge = heard->ack + window_of(w, out, heard);
    uint64_t rounded = ((uint64_t)1 << shift_of(w, out)) - 1;
    bool later =
        heard->ack > out->edge_ack ||
        (heard->ack == out->edge_ack && is_newer(out, heard, out->edge_stamped, out->edge_ts));
    if (edge + rounded < out->edge && later) {
        witness_raise(w, WITNESS_EDGE_BACK, heard, out->edge_seen, nothing, counted(&w->in, edge),
                      counted(&w->in, out->edge), 0);
    }
}

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

/* ---- what was never sent ---- */

/* Take it into doubt, or say it once more. */
static void suspect(struct doubt *doubt, const struct witness *w, const struct heard *heard,
                    uint64_t number, uint64_t known)
{
    if (!doubt->open || number > doubt->number) {
        unsigned said = doubt->open ? doubt->said : 0;
        *doubt = (struct doubt){.open = true,
                                .number = number,
                                .known = known,
                                .out_end = w->out.end,
                                .said = said,
                                .sound = heard->sound,
                                .seen = sight_of(heard)};
    }
    doubt->said++;
}

static void convict(struct witness *w, enum witness_clause clause, struct doubt *doubt,
                    const struct heard *proof, int64_t said, int64_t known)
{
    struct witness_packet packet = {.number = doubt->seen.number, .at = doubt->seen.at};
    struct heard guilty = {.packet = &packet, .sound = doubt->sound};
    witness_raise(w, clause, &guilty, proof != NULL ? sight_of(proof) : nothing, nothing, said,
                  known, 0);
    doubt->open = false;
}

/* The peer's FIN is the last number there is. */
static bool is_beyond_all(const struct witness *w, uint64_t number)
{
    return w->in.fin && number > w->in.fin_at + 1;
}

static void judge_ahead(struct witness *w, const struct heard *heard)
{
    if (!w->in.spoken || !w->in.begun) {
        return;
    }
    if (heard->ack > w->in.end && !has(heard, TFSM_SYN)) {
        suspect(&w->ack, w, heard, heard->ack, w->in.end);
        if (is_beyond_all(w, heard->ack)) {
            convict(w, WITNESS_ACK_AHEAD, &w->ack, NULL, counted(&w->in, heard->ack),
                    counted(&w->in, w->in.end));
        }
    }
    for (unsigned i = 0; i < heard->segment->sacks; i++) {
        uint64_t right = w->in.end + (uint64_t)(int64_t)(int32_t)seq_sub(
                                         heard->segment->sack[i].right, (uint32_t)w->in.end);
        if (right > w->in.end && right < w->in.end + TFSM_SEQ_HALF / 2) {
            suspect(&w->sack, w, heard, right, w->in.end);
            if (is_beyond_all(w, right)) {
                convict(w, WITNESS_SACK_AHEAD, &w->sack, NULL, counted(&w->in, right),
                        counted(&w->in, w->in.end));
            }
        }
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
        suspect(&w->echo, w, heard, echo, w->in.end);
    }
}

/* ---- the peer's window ---- */

static void judge_window(struct witness *w, const struct heard *heard)
{
    bool known = w->in.edge_known && agreed_is_known(w);
    if (!known || text_of(heard) <= PROBE_TEXT || heard->text_end <= w->in.edge || !heard->fresh) {
        return;
    }
    suspect(&w->window, w, heard, heard->text_end, heard->text_from);
}

/* ---- the SYN,ACK and RSTs ---- */

static void judge_syn_ack_number(struct witness *w, const struct heard *heard)
{
    uint64_t first = w->in.zero + 1;
    if (w->in.syn && has(heard, TFSM_SYN | TFSM_ACK) &&
        (heard->ack < first || heard->ack > w->in.syn_end)) {
        witness_raise(w, WITNESS_SYN_ACK_NUMBER, heard, w->in.syn_seen, nothing,
                      counted(&w->in, heard->ack), 0, 0);
    }
}

/* The numbers that a RST has where nobody is. */
static bool answers(const struct tfsm_segment *rst, const struct tfsm_segment *asked)
{
    if ((asked->flags & TFSM_ACK) != 0) {
        return rst->seq == asked->ack;
    }
    return rst->seq == 0 && (rst->flags & TFSM_ACK) != 0 &&
           rst->ack == seq_add(asked->seq, asked->len);
}

/* The subject has said nothing but RST: there is no connection. */
static void judge_rst_of_nobody(struct witness *w, const struct heard *heard)
{
    const struct tfsm_segment *rst = heard->segment;
    bool known = w->near && !w->out.spoken && w->in.syn && w->asked_count > 0 &&
                 w->asked_count <= sizeof w->asked / sizeof w->asked[0];
    if (!known) {
        return;
    }
    for (unsigned i = 0; i < w->asked_count; i++) {
        if (answers(rst, &w->asked[i]) && (w->asked[i].flags & TFSM_RST) == 0) {
            return;
        }
    }
    const struct tfsm_segment *asked = &w->asked[w->asked_count - 1];
    if ((asked->flags & TFSM_RST) != 0) {
        if (answers(rst, asked)) {
            witness_raise(w, WITNESS_RST_FOR_RST, heard, w->in.last, nothing, 0, 0, 0);
        }
        return;
    }
    bool acked = (asked->flags & TFSM_ACK) != 0;
    uint32_t number = acked ? asked->ack : 0;
    if (rst->seq != number) {
        witness_raise(w, WITNESS_RST_NUMBER, heard, w->in.last, nothing, rst->seq, number, 0);
    } else if (!acked) {
        uint32_t zero = (uint32_t)w->in.zero;
        witness_raise(w, WITNESS_RST_ACK, heard, w->in.last, nothing,
                      has(heard, TFSM_ACK) ? seq_distance(zero, rst->ack) : 0,
                      seq_distance(zero, seq_add(asked->seq, asked->len)), 0);
    }
}

/* ---- the FIN ---- */

static void judge_fin(struct witness *w, const struct heard *heard)
{
    const struct way *out = &w->out;
    if (!out->fin) {
        return;
    }
    if (has(heard, TFSM_FIN) && heard->end != out->fin_at + 1) {
        witness_raise(w, WITNESS_FIN_MOVED, heard, out->fin_seen, nothing,
                      counted(out, heard->end - 1), counted(out, out->fin_at), 0);
    } else if (heard->text_end > out->fin_at && text_of(heard) > PROBE_TEXT) {
        witness_raise(w, WITNESS_TEXT_AFTER_FIN, heard, out->fin_seen, nothing,
                      counted(out, heard->text_end), counted(out, out->fin_at), 0);
    }
}

void witness_judge_numbers(struct witness *w, const struct heard *heard)
{
    if (has(heard, TFSM_RST)) {
        judge_rst_of_nobody(w, heard);
        return;
    }
    judge_syn_ack_number(w, heard);
    judge_fin(w, heard);
    judge_ack_back(w, heard);
    judge_edge(w, heard);
    judge_clock(w, heard);
    judge_ahead(w, heard);
    judge_echo(w, heard);
    judge_window(w, heard);
}

/* ---- the peer speaks ---- */

/* What the peer sends now says that it has sent nothing up to what the subject named. */
static bool denies(const struct witness *w, const struct doubt *doubt, const struct heard *heard)
{
    bool alone = heard->end == heard->seq; /* an ACK: numbered with what is sent next */
    bool asks = heard->seq + 1 == w->in.end;
    bool knows = heard->ack > doubt->out_end; /* it comes after what the subject said */
    if (is_beyond_all(w, doubt->number) || (has(heard, TFSM_FIN) && doubt->number > heard->end)) {
        return true;
    }
    if (alone && knows && !asks && heard->seq < doubt->number) {
        return true;
    }
    /* new text from where all was known, across what the subject named, sooner than a timer goes off */
    return heard->fresh && heard->seq == doubt->known && heard->end > doubt->number &&
           heard->packet->at - doubt->seen.at < RETRANSMITS_AFTER;
}

/* It sends again what was acknowledged, and again. */
static bool goes_on(struct doubt *doubt, const struct heard *heard)
{
    bool again = !heard->fresh && text_of(heard) > 0 && heard->end <= doubt->known;
    if (again && heard->packet->at - doubt->denied_seen.at > RETRANSMITS_AFTER) {
        doubt->denied++;
        doubt->denied_seen = sight_of(heard);
    }
    return doubt->denied >= DENIALS && doubt->said >= DENIALS;
}

static void settle_ahead(struct witness *w, enum witness_clause clause, struct doubt *doubt,
                         const struct heard *heard)
{
    if (!doubt->open) {
        return;
    }
    bool denied = denies(w, doubt, heard);
    if ((denied && (heard->sound || doubt->denied_once)) || goes_on(doubt, heard)) {
        convict(w, clause, doubt, heard, counted(&w->in, doubt->number),
                counted(&w->in, doubt->known));
    } else if (denied) {
        doubt->denied_once = true;
    } else if (heard->end > doubt->known && heard->fresh) {
        doubt->open = false; /* the recording has lost something, or it came late */
    }
}

static void settle_echo(struct witness *w, const struct heard *heard)
{
    if (!w->echo.open || !bears(heard, TFSM_OPT_TIMESTAMPS) || has(heard, TFSM_RST)) {
        return;
    }
    uint32_t said = (uint32_t)w->echo.number;
    if (!seq_lt(heard->segment->ts_val, said)) {
        w->echo.open = false;
    } else if (heard->sound &&
               ((heard->fresh && heard->seq >= w->echo.known) || heard->ack > w->echo.out_end)) {
        convict(w, WITNESS_ECHO_OF_NOTHING, &w->echo, heard, said, 0);
    }
}

static void settle_window(struct witness *w, const struct heard *heard)
{
    struct doubt *doubt = &w->window;
    if (!doubt->open || heard->ack == 0 || has(heard, TFSM_SYN) || has(heard, TFSM_RST)) {
        return;
    }
    uint64_t edge = heard->ack + window_of(w, &w->in, heard);
    if (edge >= doubt->number) {
        doubt->open = false;
    } else if ((heard->ack > doubt->known && heard->sound) || ++doubt->denied >= DENIALS) {
        convict(w, WITNESS_WINDOW_EXCEEDED, doubt, heard, counted(&w->out, doubt->number),
                counted(&w->out, edge));
    }
}

void witness_settle_doubts(struct witness *w, const struct heard *heard)
{
    settle_ahead(w, WITNESS_ACK_AHEAD, &w->ack, heard);
    settle_ahead(w, WITNESS_SACK_AHEAD, &w->sack, heard);
    settle_echo(w, heard);
    settle_window(w, heard);
}
