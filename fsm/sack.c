/* Selective acknowledgment: the scoreboard of what the peer holds, what follows from it (RFC 6675
 * 4), and our own reports (RFC 2018 4, RFC 2883 4). The scoreboard is a small array of ranges; what
 * does not fit is forgotten, which costs a retransmission and nothing else. Positions are offsets
 * from SND.UNA, which cannot wrap. */
#include "engine.h"

static uint32_t offset(const struct tfsm_tcb *tcb, uint32_t seq)
{
    return seq_distance(tcb->snd_una, seq);
}

static uint32_t range_length(struct tfsm_range range)
{
    return seq_distance(range.left, range.right);
}

/* Octets in [from, to), offsets from SND.UNA, that the peer does not hold. */
static uint32_t not_held(const struct tfsm_tcb *tcb, uint32_t from, uint32_t to)
{
    uint32_t octets = to > from ? to - from : 0;
    for (unsigned i = 0; i < sacked_count(tcb); i++) {
        uint32_t left = max32(offset(tcb, tcb->sacked[i].left), from);
        uint32_t right = min32(offset(tcb, tcb->sacked[i].right), to);
        octets -= right > left ? min32(right - left, octets) : 0;
    }
    return octets;
}

/* Up to which offset everything not held is lost by IsLost(): three ranges, or more than two
 * segments' worth, lie above. It is monotone: what is below something lost is lost. [RFC6675:4a;
 * RFC6675:4k] */
static uint32_t sack_lost_below(const struct tfsm_tcb *tcb)
{
    uint32_t octets = 0;
    for (unsigned above = 1; above <= sacked_count(tcb); above++) {
        unsigned i = sacked_count(tcb) - above;
        octets += range_length(tcb->sacked[i]);
        if (above >= DUP_THRESH || octets > (DUP_THRESH - 1) * smss(tcb)) {
            return offset(tcb, tcb->sacked[i].left);
        }
    }
    return 0;
}

/* Up to which offset everything not held is taken for lost. */
static uint32_t lost_below(const struct tfsm_tcb *tcb)
{
    if (has(tcb->flags, TFSM_M_LOSS)) {
        return offset(tcb, tcb->snd_recover);
    }
    if (CAN(TFSM_SACK) && has(tcb->flags, TFSM_M_RECOVERY | TFSM_M_SACK)) {
        return sack_lost_below(tcb);
    }
    return 0;
}

/* HighRxt as an offset: what was sent again since the loss. */
static uint32_t resent(const struct tfsm_tcb *tcb)
{
    return losing(tcb) && seq_lt(tcb->snd_una, tcb->snd_rtx) ? offset(tcb, tcb->snd_rtx) : 0;
}

/* [RFC6675:4c, RFC6675:5i; RFC6675:4l, RFC6675:5n] */
uint32_t tfsm_pipe(const struct tfsm_tcb *tcb)
{
    uint32_t flight = in_flight(tcb);
    if (has(tcb->flags, TFSM_M_RECOVERY) && !sack_agreed(tcb)) {
        return flight; /* the window is inflated instead */
    }
    return not_held(tcb, min32(lost_below(tcb), flight), flight) +
           not_held(tcb, 0, min32(resent(tcb), flight));
}

bool tfsm_front_is_lost(const struct tfsm_tcb *tcb)
{
    return sack_lost_below(tcb) > 0;
}

/* The first octets at or after `from` and before `to` that are not held, at most SMSS of them. */
static bool first_hole(const struct tfsm_tcb *tcb, uint32_t from, uint32_t to,
                       struct tfsm_range *out)
{
    for (unsigned i = 0; i < sacked_count(tcb); i++) {
        uint32_t left = offset(tcb, tcb->sacked[i].left);
        uint32_t right = offset(tcb, tcb->sacked[i].right);
        if (from < left) {
            to = min32(to, left);
            break;
        }
        from = max32(from, right);
    }
    if (from >= to) {
        return false;
    }
    out->left = seq_add(tcb->snd_una, from);
    out->right = seq_add(out->left, min32(to - from, smss(tcb)));
    return true;
}

/* Rule 4: the last octets outstanding that are not held. [RFC6675:4h] */
static bool last_hole(const struct tfsm_tcb *tcb, struct tfsm_range *out)
{
    uint32_t right = in_flight(tcb);
    unsigned i = sacked_count(tcb);
    if (i > 0 && offset(tcb, tcb->sacked[i - 1].right) >= right) {
        i--;
        right = offset(tcb, tcb->sacked[i].left);
    }
    uint32_t left = i > 0 ? offset(tcb, tcb->sacked[i - 1].right) : 0;
    left = max32(left, right > smss(tcb) ? right - smss(tcb) : 0);
    out->left = seq_add(tcb->snd_una, left);
    out->right = seq_add(tcb->snd_una, right);
    return left < right;
}

/* [RFC6675:4d, RFC6675:4f, RFC6675:4g, RFC6675:4j] */
bool tfsm_next_hole(const struct tfsm_tcb *tcb, enum tfsm_hole kind, struct tfsm_range *out)
{
    const uint32_t sack = TFSM_M_RECOVERY | TFSM_M_SACK;
    switch (kind) {
    case TFSM_HOLE_LOST:
        return first_hole(tcb, resent(tcb), min32(lost_below(tcb), in_flight(tcb)), out);
    case TFSM_HOLE_UNSURE:
        return CAN(TFSM_SACK) && has(tcb->flags, sack) && sacked_count(tcb) > 0 &&
               first_hole(tcb, resent(tcb), offset(tcb, tcb->sacked[sacked_count(tcb) - 1].left),
                          out);
    case TFSM_HOLE_LAST:
        /* Only after an acknowledgment has passed what was sent again first, and once. */
        return CAN(TFSM_SACK) && has(tcb->flags, sack) && !has(tcb->flags, TFSM_M_AGAIN) &&
               has(tcb->flags, TFSM_M_PASSED) && last_hole(tcb, out);
    }
    return false;
}

/* A block that speaks of text in flight: not of a duplicate (RFC 2883), nor of what was never
 * sent. The octet of our FIN may be in it. [RFC2883:4f; RFC2883:5] */
static bool block_is_sound(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                           struct tfsm_range block)
{
    uint32_t left = offset(tcb, block.left);
    uint32_t right = offset(tcb, block.right);
    return left > 0 && left < right && right <= in_flight(tcb) && seq_lt(seg->ack, block.left);
}

static bool is_held(const struct tfsm_tcb *tcb, struct tfsm_range block)
{
    for (unsigned i = 0; i < tcb->sacked_count; i++) {
        if (offset(tcb, tcb->sacked[i].left) <= offset(tcb, block.left) &&
            offset(tcb, block.right) <= offset(tcb, tcb->sacked[i].right)) {
            return true;
        }
    }
    return false;
}

static unsigned block_count(const struct tfsm_segment *seg)
{
    return has(seg->options, TFSM_OPT_SACK) ? min32(seg->sacks, TFSM_SACK_MAX) : 0;
}

bool tfsm_sack_is_news(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    for (unsigned i = 0; i < block_count(seg); i++) {
        if (block_is_sound(tcb, seg, seg->sack[i]) && !is_held(tcb, seg->sack[i])) {
            return true;
        }
    }
    return false;
}

#define ROOM (TFSM_SACKED_MAX + TFSM_SACK_MAX) /* for all that one ACK can bring */

/* Put a block among ranges that are in order; those it touches become one with it. Returns how many
 * there are then. */
static unsigned hold(struct tfsm_range ranges[ROOM], unsigned count, struct tfsm_range block)
{
    unsigned first = 0; /* [first, end) touch it */
    while (first < count && seq_lt(ranges[first].right, block.left)) {
        first++;
    }
    unsigned end = first;
    while (end < count && !seq_lt(block.right, ranges[end].left)) {
        block.left = seq_min(block.left, ranges[end].left);
        block.right = seq_max(block.right, ranges[end].right);
        end++;
    }
    if (end == first) { /* it touches none: the ones behind it make room */
        for (unsigned i = count; i > first; i--) {
            ranges[i] = ranges[i - 1];
        }
        ranges[first] = block;
        return count + 1;
    }
    ranges[first] = block;
    for (unsigned i = end; i < count; i++) {
        ranges[first + 1 + i - end] = ranges[i];
    }
    return count - (end - first) + 1;
}

/* Only when every block is in its place, and SND.UNA has taken away what it reached, is it known what
 * there is no room for. Then the highest ranges go: the lower ones are about what is sent again
 * first. [RFC6675:5a, 5.1c; RFC2018:5a] */
void tfsm_sack_take(struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    struct tfsm_range ranges[ROOM];
    unsigned count = tcb->sacked_count;
    for (unsigned i = 0; i < count; i++) {
        ranges[i] = tcb->sacked[i];
    }
    for (unsigned i = 0; i < block_count(seg); i++) {
        if (block_is_sound(tcb, seg, seg->sack[i])) {
            count = hold(ranges, count, seg->sack[i]);
        }
    }
    tcb->sacked_count = (uint8_t)min32(count, TFSM_SACKED_MAX);
    for (unsigned i = 0; i < TFSM_SACKED_MAX; i++) {
        tcb->sacked[i] = i < tcb->sacked_count ? ranges[i] : (struct tfsm_range){0, 0};
    }
}

void tfsm_sack_trim(struct tfsm_tcb *tcb)
{
    unsigned count = 0;
    for (unsigned i = 0; i < tcb->sacked_count; i++) {
        struct tfsm_range have = tcb->sacked[i];
        if (seq_lt(tcb->snd_una, have.left)) {
            tcb->sacked[count++] = have;
        }
        /* A range that SND.UNA has reached would have been acknowledged with it: the peer has
         * forgotten it (RFC2018:8), and so do we. */
    }
    for (unsigned i = count; i < tcb->sacked_count; i++) {
        tcb->sacked[i] = (struct tfsm_range){0, 0};
    }
    tcb->sacked_count = (uint8_t)count;
}

/* [RFC2883:4b; RFC2883:4g, RFC2883:4h] */
struct tfsm_range tfsm_text_twice(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    struct tfsm_range text = {text_left(seg), seq_add(text_left(seg), text_length(seg))};
    struct tfsm_range none = {tcb->rcv_nxt, tcb->rcv_nxt};
    if (text_length(seg) == 0) {
        return none;
    }
    if (seq_lt(text.left, tcb->rcv_nxt)) {
        uint32_t first = seq_add(tcb->irs, 1); /* nothing before it is of this incarnation */
        if (tcb->rcv_octets < TFSM_SEQ_HALF) {
            text.left = seq_max(text.left, first);
        }
        text.right = seq_min(text.right, tcb->rcv_nxt);
        return seq_lt(text.left, text.right) ? text : none;
    }
    uint32_t left = seq_distance(tcb->rcv_nxt, text.left);
    uint32_t right = left < TFSM_SEQ_HALF ? left + text_length(seg) : 0; /* too far to be ordered */
    for (unsigned i = 0; i < tcb->ooo_count; i++) {
        uint32_t first = max32(seq_distance(tcb->rcv_nxt, tcb->ooo[i].left), left);
        uint32_t last = min32(seq_distance(tcb->rcv_nxt, tcb->ooo[i].right), right);
        if (first < last) {
            return (struct tfsm_range){seq_add(tcb->rcv_nxt, first), seq_add(tcb->rcv_nxt, last)};
        }
    }
    return none;
}

/* The range that holds a number, or ooo_count. */
static unsigned range_of(const struct tfsm_tcb *tcb, uint32_t seq)
{
    unsigned i = 0;
    while (i < tcb->ooo_count && !seq_in(seq, tcb->ooo[i].left, range_length(tcb->ooo[i]))) {
        i++;
    }
    return i;
}

void tfsm_sack_renew(struct tfsm_tcb *tcb, uint32_t seq)
{
    uint32_t recent[TFSM_OOO_SLOTS] = {seq};
    uint32_t listed = 1u << range_of(tcb, seq); /* bit i: ooo[i] is in the list */
    unsigned count = 1;
    for (unsigned i = 0; i < TFSM_OOO_SLOTS && count < TFSM_OOO_SLOTS; i++) {
        unsigned range = range_of(tcb, tcb->rcv_recent[i]);
        if (range < tcb->ooo_count && (listed >> range & 1u) == 0) {
            listed |= 1u << range;
            recent[count++] = tcb->rcv_recent[i];
        }
    }
    for (unsigned i = 0; i < TFSM_OOO_SLOTS; i++) {
        tcb->rcv_recent[i] = recent[i];
    }
}

/* A block is a claim to hold the text, and what is told is never dropped: text that found no place is
 * not told of. That the newest segment must be told of although it will be dropped (RFC 2018 8) binds who
 * drops what it has told of. [RFC2018:8b]
 *
 * First what came twice, then the ranges, those that grew last first, so that each is told several
 * times (RFC2018:4). [RFC2018:3, RFC2018:4a, RFC2018:4b, RFC2018:4c,
 * RFC2018:4e, RFC2018:4f, RFC2018:4g; RFC2883:4a, RFC2883:4c, RFC2883:4d, RFC2883:4e] */
void tfsm_sack_report(struct tfsm_tcb *tcb, size_t room, struct tfsm_segment *out)
{
    unsigned most = room < 10 ? 0 : min32((uint32_t)((room - 2) / 8), TFSM_SACK_MAX);
    unsigned count = 0;
    uint32_t told = 0; /* bit i: ooo[i] is among the blocks */
    if (!sack_agreed(tcb)) {
        return;
    }
    if (has(tcb->flags, TFSM_M_DSACK)) { /* now or not at all: it is about the last segment */
        if (count < most) {
            out->sack[count++] = tcb->dsack;
        }
        tcb->flags &= ~(uint32_t)TFSM_M_DSACK;
        tcb->dsack = (struct tfsm_range){0, 0};
    }
    for (unsigned k = 0; k < TFSM_OOO_SLOTS && count < most; k++) {
        unsigned i = range_of(tcb, tcb->rcv_recent[k]);
        /* Text of a SYN waits at RCV.NXT for the handshake: SEG.ACK says nothing of it, and a block
         * must not touch SEG.ACK. */
        if (i < tcb->ooo_count && (told >> i & 1u) == 0 && tcb->ooo[i].left != tcb->rcv_nxt) {
            told |= 1u << i;
            out->sack[count++] = tcb->ooo[i];
        }
    }
    if (count > 0) {
        out->options |= TFSM_OPT_SACK;
        out->sacks = (uint8_t)count;
    }
}
