/* Selective acknowledgment: what follows from the scoreboard (RFC 6675 4), which flight.c keeps, and our own reports (RFC
 * 2018 4, RFC 2883 4). What does not fit the scoreboard is forgotten, which costs a retransmission and nothing else. */
#include "flight.h"

/* Up to which offset everything not held is lost by IsLost(): three ranges, or more than two
 * segments' worth, lie above. It is monotone: what is below something lost is lost. [RFC6675:4a;
 * RFC6675:4k] */
static uint32_t sack_lost_below(const struct tfsm_tcb *tcb)
{
    uint32_t octets = 0;
    unsigned ranges = 0;
    for (unsigned i = run_count(tcb); i > 0; i--) {
        if (is_held(sent(tcb)[i - 1])) {
            octets += run_length(tcb, i - 1);
            ranges++;
            if (ranges >= DUP_THRESH || octets > (DUP_THRESH - 1) * smss(tcb)) {
                return offset(tcb, run_left(tcb, i - 1));
            }
        }
    }
    return 0;
}

void tfsm_sack_mark_lost(struct tfsm_tcb *tcb)
{
    uint32_t right = seq_add(tcb->snd_una, sack_lost_below(tcb));
    tfsm_flight_mark(tcb, tcb->snd_una, right, TFSM_IS_LOST, 0);
    tfsm_flight_fit(tcb);
}

/* HighRxt as an offset: what was sent again since the loss. */
static uint32_t resent(const struct tfsm_tcb *tcb)
{
    return losing(tcb) && seq_lt(tcb->snd_una, tcb->snd_rtx) ? offset(tcb, tcb->snd_rtx) : 0;
}

/* Without SACK fast recovery inflates the window instead of counting what has left the network, and after a timeout
 * everything sent until then is lost. [RFC6675:4c, RFC6675:5i; RFC6675:4l, RFC6675:5n; RFC8985:9.3e;
 * RFC6937:3g] */
uint32_t tfsm_pipe(const struct tfsm_tcb *tcb)
{
    uint32_t flight = in_flight(tcb);
    if (sack_agreed(tcb)) {
        return flight - tcb->snd_held - tcb->snd_lost + tcb->snd_both;
    }
    if (!has(tcb->flags, TFSM_M_LOSS)) {
        return flight;
    }
    return flight - min32(offset(tcb, tcb->snd_recover), flight) + min32(resent(tcb), flight);
}

bool tfsm_front_is_lost(const struct tfsm_tcb *tcb)
{
    return sack_lost_below(tcb) > 0;
}

/* Octets between two offsets as a range, at most SMSS of them: the first, or the last. */
static bool hole_between(const struct tfsm_tcb *tcb, uint32_t from, uint32_t to, bool last,
                         struct tfsm_range *out)
{
    if (from >= to) {
        return false;
    }
    uint32_t octets = min32(to - from, smss(tcb));
    out->left = seq_add(tcb->snd_una, last ? to - octets : from);
    out->right = seq_add(out->left, octets);
    return true;
}

/* Rules 1 and 3: the first that is lost, or that is not held below something that is, and that was not sent again. */
static bool first_hole(const struct tfsm_tcb *tcb, bool lost, struct tfsm_range *out)
{
    unsigned end = run_count(tcb);
    while (!lost && end > 0 && !is_held(sent(tcb)[end - 1])) {
        end--;
    }
    for (unsigned i = 0; i < end; i++) {
        uint32_t fates = sent(tcb)[i].at & TFSM_FATES;
        if (lost ? has(fates, TFSM_LOST) : fates == 0) {
            uint32_t left = offset(tcb, run_left(tcb, i));
            return hole_between(tcb, left, left + run_length(tcb, i), false, out);
        }
    }
    return false;
}

/* Rule 4: the last octets outstanding that are not held. [RFC6675:4h] */
static bool last_hole(const struct tfsm_tcb *tcb, struct tfsm_range *out)
{
    uint32_t right = in_flight(tcb);
    unsigned i = run_count(tcb);
    if (i > 0 && is_held(sent(tcb)[i - 1]) && offset(tcb, sent(tcb)[i - 1].right) == right) {
        i--;
        right = offset(tcb, run_left(tcb, i));
    }
    while (i > 0 && !is_held(sent(tcb)[i - 1])) {
        i--;
    }
    return hole_between(tcb, offset(tcb, run_left(tcb, i)), right, true, out);
}

/* [RFC6675:4d, RFC6675:4f, RFC6675:4g, RFC6675:4j] */
bool tfsm_next_hole(const struct tfsm_tcb *tcb, enum tfsm_hole kind, struct tfsm_range *out)
{
    const uint32_t sack = TFSM_M_RECOVERY | TFSM_M_SACK;
    switch (kind) {
    case TFSM_HOLE_LOST:
        if (sack_agreed(tcb)) {
            return tcb->snd_lost > 0 && first_hole(tcb, true, out);
        }
        return has(tcb->flags, TFSM_M_LOSS) &&
               hole_between(tcb, resent(tcb), min32(offset(tcb, tcb->snd_recover), in_flight(tcb)),
                            false, out);
    case TFSM_HOLE_UNSURE:
        return CAN(TFSM_SACK) && has(tcb->flags, sack) && first_hole(tcb, false, out);
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

static bool is_known(const struct tfsm_tcb *tcb, struct tfsm_range block)
{
    unsigned i = tfsm_run_of(tcb, block.left);
    return i < run_count(tcb) && is_held(sent(tcb)[i]) && !seq_lt(sent(tcb)[i].right, block.right);
}

static unsigned block_count(const struct tfsm_segment *seg)
{
    return has(seg->options, TFSM_OPT_SACK) ? min32(seg->sacks, TFSM_SACK_MAX) : 0;
}

bool tfsm_sack_is_news(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    for (unsigned i = 0; i < block_count(seg); i++) {
        if (block_is_sound(tcb, seg, seg->sack[i]) && !is_known(tcb, seg->sack[i])) {
            return true;
        }
    }
    return false;
}

/* The lowest block that is sound and begins after an offset, the longest of them, or block_count(). */
static unsigned next_block(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg,
                           uint32_t after)
{
    const unsigned count = block_count(seg);
    unsigned best = count;
    for (unsigned i = 0; i < count; i++) {
        uint32_t left = offset(tcb, seg->sack[i].left);
        if (!block_is_sound(tcb, seg, seg->sack[i]) || left <= after) {
            continue;
        }
        if (best < count) {
            uint32_t other = offset(tcb, seg->sack[best].left);
            bool longer = left == other && seq_lt(seg->sack[best].right, seg->sack[i].right);
            best = left < other || longer ? i : best;
        } else {
            best = i;
        }
    }
    return best;
}

/* In the order of their numbers, for what is seen to be out of order is so between two ACKs.
 * [RFC6675:5a, 5.1c; RFC2018:5a] */
void tfsm_sack_take(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                    const struct tfsm_event *ev)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool rack = rack_runs(tcb, cfg);
    /* else SND.UNA has just moved, and something was delivered already; an ACK may be an old one, too */
    if (tcb->snd_wl2 == seg->ack || seg->ack != tcb->snd_una) {
        tcb->rack_latest = 0;
    }
    unsigned i = next_block(tcb, seg, 0);
    while (i < block_count(seg)) {
        tfsm_flight_held(tcb, seg->sack[i].left, seg->sack[i].right, rack ? ev : NULL);
        i = next_block(tcb, seg, offset(tcb, seg->sack[i].left));
    }
    tfsm_flight_fit(tcb);
    if (has(tcb->flags, TFSM_M_RECOVERY) && !rack) {
        tfsm_sack_mark_lost(tcb);
    }
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
    for (unsigned i = 0; i < ooo_count(tcb); i++) {
        uint32_t first = max32(seq_distance(tcb->rcv_nxt, ooo(tcb)[i].left), left);
        uint32_t last = min32(seq_distance(tcb->rcv_nxt, ooo(tcb)[i].right), right);
        if (first < last) {
            return (struct tfsm_range){seq_add(tcb->rcv_nxt, first), seq_add(tcb->rcv_nxt, last)};
        }
    }
    return none;
}

/* The range that holds a number, or ooo_count(). */
static unsigned range_of(const struct tfsm_tcb *tcb, uint32_t seq)
{
    uint32_t at = seq_distance(tcb->rcv_nxt, seq);
    unsigned first = 0;
    unsigned end = ooo_count(tcb);
    while (first < end) {
        unsigned middle = (first + end) / 2;
        if (at < seq_distance(tcb->rcv_nxt, ooo(tcb)[middle].right)) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    bool in = end < ooo_count(tcb) && at >= seq_distance(tcb->rcv_nxt, ooo(tcb)[end].left);
    return in ? end : ooo_count(tcb);
}

static bool is_among(const uint16_t *ranges, unsigned count, unsigned range)
{
    for (unsigned i = 0; i < count; i++) {
        if (ranges[i] == range) {
            return true;
        }
    }
    return false;
}

void tfsm_sack_renew(struct tfsm_tcb *tcb, uint32_t seq)
{
    uint32_t recent[TFSM_RECENT_MAX] = {seq};
    uint16_t listed[TFSM_RECENT_MAX] = {(uint16_t)range_of(tcb, seq)};
    unsigned count = 1;
    for (unsigned i = 0; i < TFSM_RECENT_MAX && count < TFSM_RECENT_MAX; i++) {
        unsigned range = range_of(tcb, tcb->rcv_recent[i]);
        if (range < ooo_count(tcb) && !is_among(listed, count, range)) {
            listed[count] = (uint16_t)range;
            recent[count++] = tcb->rcv_recent[i];
        }
    }
    for (unsigned i = 0; i < TFSM_RECENT_MAX; i++) {
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
    uint16_t told[TFSM_SACK_MAX] = {0}; /* which ranges the blocks are */
    const unsigned ranges = ooo_count(tcb);
    if (!sack_agreed(tcb)) {
        return;
    }
    if (has(tcb->flags, TFSM_M_DSACK)) { /* now or not at all: it is about the last segment */
        if (count < most) {
            told[count] = (uint16_t)ranges; /* none of them */
            out->sack[count++] = tcb->dsack;
        }
        tcb->flags &= ~(uint32_t)TFSM_M_DSACK;
        tcb->dsack = (struct tfsm_range){0, 0};
    }
    /* Where few are remembered in the order in which they grew, the lowest follow, which are wanted first. */
    for (unsigned k = 0; k < TFSM_RECENT_MAX + TFSM_SACK_MAX && count < most; k++) {
        unsigned i = k < TFSM_RECENT_MAX ? range_of(tcb, tcb->rcv_recent[k]) : k - TFSM_RECENT_MAX;
        /* Text of a SYN waits at RCV.NXT for the handshake: SEG.ACK says nothing of it, and a block
         * must not touch SEG.ACK. */
        if (i < ranges && ooo(tcb)[i].left != tcb->rcv_nxt && !is_among(told, count, i)) {
            told[count] = (uint16_t)i;
            out->sack[count++] = ooo(tcb)[i];
        }
    }
    if (count > 0) {
        out->options |= TFSM_OPT_SACK;
        out->sacks = (uint8_t)count;
    }
}
