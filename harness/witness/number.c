/* Sequence and acknowledgment numbers and windows over time. What goes back is charged only where something else
 * says that it was sent later: a higher acknowledgment, a newer timestamp, text that is new. What names something that the peer
 * never sent is in doubt until the peer shows that he did not: recordings lose packets. */
#include "internal.h"

#define RETRANSMITS_AFTER (150 * MILLISECOND) /* no timer goes off sooner after an acknowledgment */
#define ON_ITS_WAY        (2 * SECOND)        /* nobody keeps a packet for so long */
#define REORDERED         (10 * MILLISECOND)
#define RETORTS           5u
#define UPDATES_ARRIVE    (200 * MILLISECOND)
#define DENIALS           3u
/* Further off a block is of a firewall that rewrites numbers, and not these. */
#define FARTHEST   ((uint64_t)1 << 20)
#define PROBE_TEXT 1u

/* ---- order ---- */

/* Whether it was sent after a segment with that TSval. */
bool witness_is_newer(const struct way *out, const struct heard *heard, bool stamped,
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
    return witness_is_newer(out, heard, out->ack_stamped, out->ack_ts) || next;
}

/* ---- what goes back ---- */

static void judge_ack_back(struct witness *w, const struct heard *heard)
{
    if (heard->ack != 0 && heard->ack < w->out.ack && w->out.ack_sound && !has(heard, TFSM_SYN) &&
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
    bool later = heard->ack > out->edge_ack ||
                 (heard->ack == out->edge_ack &&
                  witness_is_newer(out, heard, out->edge_stamped, out->edge_ts));
    if (edge + rounded < out->edge && later) {
        witness_raise(w, WITNESS_EDGE_BACK, heard, out->edge_seen, nothing, counted(&w->in, edge),
                      counted(&w->in, out->edge), 0);
    }
}

/* ---- what it says of its own ---- */

/* An ACK alone is numbered with what is sent next. If that is more than was sent, the recording has lost some; unless what is
 * next goes right then, sooner than anything is sent again, by a segment that acknowledges more. */
static void judge_sent_ahead(struct witness *w, const struct heard *heard)
{
    struct way *out = &w->out;
    bool alone = heard->end == heard->seq && heard->ack != 0;
    bool next = heard->fresh && heard->seq == out->sent;
    /* where anything of it gets lost before it comes here, what looks new may be sent again */
    if (!w->near || !out->plain || w->timed_out || w->gaps) {
        return;
    }
    if (alone && heard->seq > out->sent && out->sent != 0) {
        w->ahead = (struct doubt){.open = true,
                                  .number = heard->seq,
                                  .known = heard->ack,
                                  .said = w->ahead.said,
                                  .sound = heard->sound,
                                  .seen = sight_of(heard)};
    } else if (w->ahead.open && next && heard->seq < w->ahead.number &&
               heard->ack > w->ahead.known &&
               heard->packet->at - w->ahead.seen.at < RETRANSMITS_AFTER) {
        w->ahead.open = false;
        if (++w->ahead.said > (w->court->vantage == WITNESS_NEAR ? 1u : 2u)) {
            witness_raise(w, WITNESS_NUMBER_AHEAD, heard, w->ahead.seen, nothing,
                          counted(out, w->ahead.number), counted(out, heard->seq), 0);
        }
    }
}

/* ---- what was never sent ---- */

/* Take it into doubt, or say it once more. */
void witness_suspect(struct doubt *doubt, const struct witness *w, const struct heard *heard,
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
    doubt->said_at = heard->packet->at;
}

void witness_convict(struct witness *w, enum witness_clause clause, struct doubt *doubt,
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
    if (!w->in.spoken || !w->in.begun || (w->in.syn && !w->out.syn)) {
        return; /* or it speaks of an older connection yet */
    }
    if (heard->ack > w->in.end && !has(heard, TFSM_SYN)) {
        witness_suspect(&w->ack, w, heard, heard->ack, w->in.end);
        if (is_beyond_all(w, heard->ack)) {
            witness_convict(w, WITNESS_ACK_AHEAD, &w->ack, NULL, counted(&w->in, heard->ack),
                            counted(&w->in, w->in.end));
        }
    }
    bool whole = (heard->packet->known & WITNESS_WHOLE) != 0;
    for (unsigned i = 0; whole && i < heard->segment->sacks; i++) {
        uint64_t right = w->in.end + (uint64_t)(int64_t)(int32_t)seq_sub(
                                         heard->segment->sack[i].right, (uint32_t)w->in.end);
        if (right > w->in.end && right < w->in.end + FARTHEST) {
            witness_suspect(&w->sack, w, heard, right, w->in.end);
            if (is_beyond_all(w, right)) {
                witness_convict(w, WITNESS_SACK_AHEAD, &w->sack, NULL, counted(&w->in, right),
                                counted(&w->in, w->in.end));
            }
        }
    }
}

/* ---- the peer's window ---- */

static void judge_window(struct witness *w, const struct heard *heard)
{
    bool known = w->in.edge_known && agreed_is_known(w);
    if (!known || text_of(heard) <= PROBE_TEXT || heard->text_end <= w->in.edge || !heard->fresh) {
        return;
    }
    witness_suspect(&w->window, w, heard, heard->text_end, heard->text_from);
}

/* ---- SYNs ---- */

/* It acknowledges a SYN that was never sent, unless the capture has missed it: the peer will tell. */
static void judge_syn_ack_number(struct witness *w, const struct heard *heard)
{
    uint64_t first = w->in.zero + 1;
    if (w->in.syn && has(heard, TFSM_SYN | TFSM_ACK) &&
        (heard->ack < first || heard->ack > w->in.syn_end)) {
        w->syn_ack = (struct doubt){
            .open = true, .number = heard->ack, .sound = heard->sound, .seen = sight_of(heard)};
    }
}

/* He sends his SYN again, or the RST that is the answer to such a number. */
static void settle_syn_ack(struct witness *w, const struct heard *heard)
{
    bool again = has(heard, TFSM_SYN) && heard->seq == w->in.zero;
    bool reset = has(heard, TFSM_RST) && heard->segment->seq == (uint32_t)w->syn_ack.number;
    if (w->syn_ack.open && (again || reset)) {
        witness_convict(w, WITNESS_SYN_ACK_NUMBER, &w->syn_ack, heard,
                        counted(&w->in, w->syn_ack.number), 0);
    }
}

/* Another SYN,ACK for the same SYN of the peer's, who has acknowledged the first, and heard more of it or is heard of further. */
static void judge_syn_moved(struct witness *w, const struct heard *heard)
{
    uint64_t first = w->in.zero + 1;
    bool same = w->in.syn && (heard->ack == first ? w->out.plain
                                                  : heard->ack > first && heard->ack <= w->in.end);
    if (w->out.syn && has(heard, TFSM_SYN | TFSM_ACK) && same && heard->seq != w->out.zero &&
        w->in.ack > w->out.zero) {
        witness_raise(w, WITNESS_SYN_MOVED, heard, w->out.syn_seen, nothing,
                      counted(&w->out, heard->seq), 0, 0);
    }
}

/* ---- urgent text ---- */

/* The user marks the end of what is urgent, and that only ever moves on. */
static void judge_urgent(struct witness *w, const struct heard *heard)
{
    struct way *out = &w->out;
    uint64_t end = heard->seq + heard->segment->up;
    if (!has(heard, TFSM_URG)) {
        if (heard->segment->up != 0) {
            witness_raise(w, WITNESS_URGENT_STRAY, heard, nothing, nothing, heard->segment->up, 0,
                          0);
        }
        return;
    }
    bool later = w->near && heard->fresh && heard->seq >= out->end;
    if (later && heard->seq < out->urgent && end < out->urgent) {
        witness_raise(w, WITNESS_URGENT_BACK, heard, out->urgent_seen, nothing, counted(out, end),
                      counted(out, out->urgent), 0);
    }
    if (end > out->urgent) {
        out->urgent = end;
        out->urgent_seen = sight_of(heard);
    }
}

/* The FIN ends the text: what is urgent ends before it, by either reading of where the pointer points. */
static void judge_urgent_end(struct witness *w, const struct heard *heard)
{
    if (has(heard, TFSM_FIN) && !w->out.fin && w->out.urgent > heard->end) {
        witness_raise(w, WITNESS_URGENT_BEYOND, heard, w->out.urgent_seen, nothing,
                      counted(&w->out, w->out.urgent), counted(&w->out, heard->end - 1), 0);
    }
}

/* ---- the FIN ---- */

static void judge_fin(struct witness *w, const struct heard *heard)
{
    const struct way *out = &w->out;
    if (!out->fin || !out->fin_sound) {
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
        return;
    }
    judge_syn_ack_number(w, heard);
    judge_syn_moved(w, heard);
    judge_urgent(w, heard);
    judge_urgent_end(w, heard);
    judge_fin(w, heard);
    judge_sent_ahead(w, heard);
    judge_ack_back(w, heard);
    judge_edge(w, heard);
    judge_ahead(w, heard);
    judge_window(w, heard);
}

/* ---- the peer speaks ---- */

/* What the peer sends now says that it has sent nothing up to what the subject named. */
static bool denies(const struct witness *w, struct doubt *doubt, const struct heard *heard)
{
    tfsm_time since = heard->packet->at - doubt->seen.at;
    bool alone = heard->end == heard->seq; /* an ACK: numbered with what is sent next */
    bool before = alone && heard->seq < doubt->number;
    /* by one it asks whether the peer is there */
    bool asks = heard->seq + 1 == w->in.end || heard->seq + 1 == doubt->number;
    bool retort = before && heard->packet->at - doubt->said_at < RETRANSMITS_AFTER;
    if (is_beyond_all(w, doubt->number) ||
        (has(heard, TFSM_FIN) && doubt->number > heard->end && since > REORDERED)) {
        return true;
    }
    doubt->retorts += retort && since > REORDERED;
    if (doubt->retorts >= RETORTS) {
        return true;
    }
    /* it comes after what the subject said, and not only in this recording, or at least was not sent before */
    bool after = heard->ack > doubt->out_end && since > REORDERED;
    if (before && !asks && (after || since > ON_ITS_WAY)) {
        return true;
    }
    /* new text from where all was known, across what the subject named, later than taps that are merged would have it, and sooner
     * than a timer goes off */
    bool whole = (heard->packet->known & WITNESS_CHECKED) != 0;
    return whole && heard->fresh && heard->seq == doubt->known && heard->end > doubt->number &&
           since > REORDERED && since < RETRANSMITS_AFTER;
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
    /* where the capture is known to miss packets, once is not enough */
    unsigned enough = w->missed ? DENIALS : 1;
    bool denied = denies(w, doubt, heard) && ++doubt->refuted >= enough;
    /* what is below a SACK block is sent again by right */
    bool deaf = clause == WITNESS_ACK_AHEAD && goes_on(doubt, heard);
    bool said = heard->end == heard->seq && heard->seq >= doubt->number && heard->sound;
    if ((denied && (heard->sound || doubt->denied_once)) || deaf) {
        witness_convict(w, clause, doubt, heard, counted(&w->in, doubt->number),
                        counted(&w->in, doubt->known));
    } else if (denied) {
        doubt->denied_once = true;
    } else if (said || (heard->end > doubt->known && heard->fresh)) {
        doubt->open = false; /* the recording has lost something, or it came late */
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
        return;
    }
    /* what was sent before a window update comes sooner than that after it */
    doubt->denied += heard->packet->at - doubt->seen.at > UPDATES_ARRIVE;
    if ((heard->ack > doubt->known && heard->sound) || doubt->denied >= DENIALS) {
        witness_convict(w, WITNESS_WINDOW_EXCEEDED, doubt, heard, counted(&w->out, doubt->number),
                        counted(&w->out, edge));
    }
}

void witness_settle_doubts(struct witness *w, const struct heard *heard)
{
    settle_ahead(w, WITNESS_ACK_AHEAD, &w->ack, heard);
    settle_ahead(w, WITNESS_SACK_AHEAD, &w->sack, heard);
    settle_window(w, heard);
    settle_syn_ack(w, heard);
}
