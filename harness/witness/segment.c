/* What one segment shows by itself, and by what the SYNs agreed to. */
#include "internal.h"

enum option_kind {
    KIND_END,
    KIND_NOP,
    KIND_MSS,
    KIND_WSCALE,
    KIND_SACK_PERMITTED,
    KIND_SACK,
    KIND_TIMESTAMPS = 8
};

#define AE 1u /* a reserved bit that RFC 9768 gives a meaning */

#define OPTIONS_MOST  40u
#define OVERSIZE_MOST 3u
#define UNHEARD_MOST  16u /* segments of new text that nobody sends unheard */
#define WRONG_TIMES   3u  /* wrong by as much, the same segment or, */
#define WRONG_ALIKE   4u  /* whichever, */
#define WRONG_IN_ROW  10u /* and by whatever: no way damages everything */

static void raise(struct witness *w, enum witness_clause clause, const struct heard *heard,
                  int64_t a, int64_t b, int64_t c)
{
    witness_raise(w, clause, heard, nothing, nothing, a, b, c);
}

/* A wrong checksum may be damage of the way. The same segment, wrong by as much, time and again is not, nor is everything that is
 * sent; if checksums in this capture mean anything. */
void witness_judge_checksum(struct witness *w, const struct witness_packet *packet)
{
    const struct tfsm_segment *segment = packet->segment;
    bool alike = w->wrong.number != 0 && w->wrong_error == packet->error;
    bool same = w->wrong.number != 0 && w->wrong_seq == segment->seq &&
                w->wrong_len == segment->len && w->wrong_flags == segment->flags;
    w->wrong_times = same ? w->wrong_times + 1 : 1;
    w->wrong_alike = alike ? w->wrong_alike + 1 : 1;
    w->wrong_first =
        w->wrong_in_a_row++ == 0 ? (struct sight){packet->number, packet->at} : w->wrong_first;
    tfsm_time lasts = packet->at - w->wrong_first.at; /* long enough to be acknowledged? */
    bool always = (w->wrong_times >= WRONG_TIMES && lasts > 2 * SECOND) ||
                  (w->wrong_alike >= WRONG_ALIKE && lasts > 5 * SECOND) ||
                  (w->wrong_in_a_row >= WRONG_IN_ROW && lasts > 5 * SECOND);
    if (always && w->wrong_passed && w->near && w->court->checked && !w->court->untrue &&
        !w->wrong_taken) {
        struct heard heard = {.packet = packet, .segment = segment, .sound = true};
        witness_raise(w, WITNESS_CHECKSUM, &heard, w->wrong, nothing, 0, 0, 0);
    }
    if (!w->wrong_waits && segment->len > 0) {
        w->wrong_waits = true;
        w->wrong_after = seq_add(segment->seq, segment->len);
    }
    w->wrong = (struct sight){packet->number, packet->at};
    w->wrong_seq = segment->seq;
    w->wrong_len = segment->len;
    w->wrong_flags = segment->flags;
    w->wrong_error = packet->error;
}

/* The peer has taken such a segment: it acknowledges one, or goes on sending, which nobody does whom no acknowledgment reaches. It
 * was right, then, when it came there: whoever recorded it saw what a network card was still to finish. */
void witness_note_taken(struct witness *w, const struct heard *heard)
{
    if (w->wrong.number == 0) {
        return;
    }
    w->wrong_unheard += heard->fresh && text_of(heard) > 0;
    bool acked =
        w->wrong_waits && has(heard, TFSM_ACK) && !seq_lt(heard->segment->ack, w->wrong_after);
    w->court->untrue =
        w->court->untrue || acked; /* whoever wrote this capture changed octets, and not the sums */
    w->wrong_passed = !acked;
    w->wrong_waits = w->wrong_waits && !acked;
    w->wrong_taken = w->wrong_taken || acked || w->wrong_unheard > UNHEARD_MOST;
}

/* ---- options, octet by octet ---- */

static void judge_size(struct witness *w, const struct heard *heard, enum witness_clause clause,
                       unsigned length, unsigned right)
{
    if (length != right) {
        raise(w, clause, heard, length, 0, 0);
    }
}

static void judge_option(struct witness *w, const struct heard *heard, const uint8_t *option,
                         unsigned length)
{
    bool syn = has(heard, TFSM_SYN);
    switch (option[0]) {
    case KIND_MSS:
        judge_size(w, heard, WITNESS_MSS_SIZE, length, 4);
        if (!syn) {
            raise(w, WITNESS_MSS_PLACE, heard, 0, 0, 0);
        }
        break;
    case KIND_WSCALE:
        judge_size(w, heard, WITNESS_WSCALE_SIZE, length, 3);
        if (!syn) {
            raise(w, WITNESS_WSCALE_PLACE, heard, 0, 0, 0);
        } else if (length == 3 && option[2] > WSCALE_MOST) {
            raise(w, WITNESS_WSCALE_SHIFT, heard, option[2], 0, 0);
        }
        break;
    case KIND_SACK_PERMITTED:
        judge_size(w, heard, WITNESS_SACK_PERMITTED_SIZE, length, 2);
        if (!syn) {
            raise(w, WITNESS_SACK_PERMITTED_PLACE, heard, 0, 0, 0);
        }
        break;
    case KIND_SACK:
        if (length < 10 || length > 34 || length % 8 != 2) {
            raise(w, WITNESS_SACK_SIZE, heard, length, 0, 0);
        }
        break;
    case KIND_TIMESTAMPS:
        judge_size(w, heard, WITNESS_TIMESTAMPS_SIZE, length, 10);
        break;
    default:
        break;
    }
}

/* Returns whether they can be told apart. */
static bool judge_options(struct witness *w, const struct heard *heard)
{
    const uint8_t *octets = heard->packet->options;
    unsigned n = heard->packet->option_octets;
    unsigned at = 0;
    while (at < n && octets[at] != KIND_END) {
        if (octets[at] == KIND_NOP) {
            at++;
            continue;
        }
        unsigned length = at + 1 < n ? octets[at + 1] : 0;
        if (length < 2 || length > n - at) {
            raise(w, WITNESS_OPTION_LENGTH, heard, octets[at], length, n - at);
            return false;
        }
        judge_option(w, heard, octets + at, length);
        at += length;
    }
    for (; at < n; at++) {
        if (octets[at] != 0) {
            raise(w, WITNESS_OPTION_PADDING, heard, 0, 0, 0);
            return false;
        }
    }
    return true;
}

/* ---- flags and fields ---- */

static void judge_flags(struct witness *w, const struct heard *heard)
{
    bool open = w->out.syn && w->in.syn;
    if ((heard->packet->reserved & ~AE) != 0) {
        raise(w, WITNESS_RESERVED, heard, heard->packet->reserved, 0, 0);
    }
    if (open && (heard->segment->flags & (TFSM_SYN | TFSM_RST | TFSM_ACK)) == 0) {
        raise(w, WITNESS_NO_ACK, heard, 0, 0, 0);
    }
    if (has(heard, TFSM_SYN) && (heard->segment->flags & (TFSM_FIN | TFSM_RST)) != 0) {
        raise(w, WITNESS_FLAGS_AT_ODDS, heard, 0, 0, 0);
    }
    if (bears(heard, TFSM_OPT_TIMESTAMPS) && !has(heard, TFSM_ACK) && !has(heard, TFSM_RST) &&
        heard->segment->ts_ecr != 0) {
        raise(w, WITNESS_ECHO_WITHOUT_ACK, heard, 0, 0, 0);
    }
}

static void judge_blocks(struct witness *w, const struct heard *heard)
{
    for (unsigned i = 0; i < heard->segment->sacks; i++) {
        const struct tfsm_range *block = &heard->segment->sack[i];
        if (!seq_lt(block->left, block->right)) {
            uint32_t zero = (uint32_t)w->in.zero;
            raise(w, WITNESS_SACK_BLOCK, heard, seq_distance(zero, block->left),
                  seq_distance(zero, block->right), 0);
        } else if (has(heard, TFSM_ACK) && !seq_lt(heard->segment->ack, block->left) &&
                   seq_lt(heard->segment->ack, block->right)) {
            uint32_t zero = (uint32_t)w->in.zero;
            raise(w, WITNESS_SACK_OF_NEXT, heard, seq_distance(zero, block->left),
                  seq_distance(zero, heard->segment->ack), 0);
        }
    }
}

/* ---- what was agreed ---- */

static void judge_syn_ack(struct witness *w, const struct heard *heard)
{
    if (!w->in.syn || !w->in.syn_whole) {
        return;
    }
    if (bears(heard, TFSM_OPT_WSCALE) && (w->in.tried & TFSM_OPT_WSCALE) == 0) {
        witness_raise(w, WITNESS_WSCALE_UNASKED, heard, w->in.syn_seen, nothing, 0, 0, 0);
    }
    if (bears(heard, TFSM_OPT_TIMESTAMPS) && (w->in.tried & TFSM_OPT_TIMESTAMPS) == 0) {
        witness_raise(w, WITNESS_TIMESTAMPS_UNASKED, heard, w->in.syn_seen, nothing, 0, 0, 0);
    }
}

/* An empty segment just before what is next asks whether the peer is there; old stacks made such by hand. */
static bool asks(const struct witness *w, const struct heard *heard)
{
    return text_of(heard) <= 1 && !has(heard, TFSM_FIN) && heard->seq + 1 == w->out.end;
}

static void judge_agreed(struct witness *w, const struct heard *heard)
{
    bool stamped = bears(heard, TFSM_OPT_TIMESTAMPS);
    if (has(heard, TFSM_RST) || has(heard, TFSM_SYN)) {
        return;
    }
    bool bare = agreed(w, TFSM_OPT_TIMESTAMPS) && !stamped && !asks(w, heard);
    w->bare += bare;
    if (bare && w->bare > 1) {
        witness_raise(w, WITNESS_TIMESTAMPS_MISSING, heard, w->in.syn_seen, w->out.syn_seen, 0, 0,
                      0);
    }
    if (agreed_is_known(w) && stamped && (w->in.tried & w->out.tried & TFSM_OPT_TIMESTAMPS) == 0) {
        witness_raise(w, WITNESS_TIMESTAMPS_NOT_AGREED, heard, w->in.syn_seen, w->out.syn_seen, 0,
                      0, 0);
    }
    if (w->in.syn && w->in.syn_whole && bears(heard, TFSM_OPT_SACK) &&
        (w->in.tried & TFSM_OPT_SACK_PERMITTED) == 0) {
        witness_raise(w, WITNESS_SACK_NOT_PERMITTED, heard, w->in.syn_seen, nothing, 0, 0, 0);
    }
    if (agreed_is_known(w) && !(w->in.ecn_tried && w->out.ecn_tried) && text_of(heard) > 0 &&
        (heard->segment->ecn == TFSM_ECT_0 || heard->segment->ecn == TFSM_ECT_1)) {
        witness_raise(w, WITNESS_ECT_NOT_AGREED, heard, w->in.syn_seen, w->out.syn_seen, 0, 0, 0);
    }
}

/* A network card that cuts up what is larger, or puts together what is smaller, leaves no whole checksum behind. */
static void judge_size_of_text(struct witness *w, const struct heard *heard)
{
    if (!w->in.syn || !w->in.syn_whole || (heard->packet->known & WITNESS_CHECKED) == 0) {
        return;
    }
    uint16_t otherwise = heard->packet->family == 6 ? 1220 : 536;
    uint64_t most = w->in.mss != 0 ? w->in.mss : otherwise;
    uint64_t text = text_of(heard);
    w->ordinary = text <= most && text > w->ordinary ? text : w->ordinary;
    w->oversize += text > most;
    /* who sends full segments sends no larger ones: these are several that a card has put together, and somebody has made the sum
     * right */
    bool merged = w->ordinary + OPTIONS_MOST >= most;
    if (text > most && (merged || w->oversize < OVERSIZE_MOST)) {
        return;
    }
    if (text > most) {
        witness_raise(w, WITNESS_MSS_EXCEEDED, heard, w->in.syn_seen, nothing, (int64_t)text,
                      (int64_t)most, 0);
    } else if (!has(heard, TFSM_SYN) && text + heard->packet->option_octets > most) {
        witness_raise(w, WITNESS_MSS_OPTIONS, heard, w->in.syn_seen, nothing,
                      (int64_t)(text + heard->packet->option_octets), (int64_t)most, 0);
    }
}

/* RFC 8311 lets experiments mark what RFC 3168 does not. */
static void judge_mark(struct witness *w, const struct heard *heard)
{
    bool marked = heard->segment->ecn == TFSM_ECT_0 || heard->segment->ecn == TFSM_ECT_1;
    if (marked && (text_of(heard) == 0 || (!heard->fresh && heard->end > heard->seq))) {
        raise(w, WITNESS_ECT_PLACE, heard, 0, 0, 0);
    }
}

void witness_judge_segment(struct witness *w, const struct heard *heard)
{
    bool whole = (heard->packet->known & WITNESS_WHOLE) != 0;
    judge_flags(w, heard);
    judge_mark(w, heard);
    if (!whole) {
        return;
    }
    bool legible = judge_options(w, heard);
    judge_blocks(w, heard);
    if (has(heard, TFSM_SYN | TFSM_ACK)) {
        judge_syn_ack(w, heard);
    }
    if (legible) {
        judge_agreed(w, heard);
    }
    judge_size_of_text(w, heard);
}
