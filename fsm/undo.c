/* Whether a loss was none, and what follows: the ACK echoes a timestamp from before the text went again (RFC 3522), all
 * that went again came twice (RFC 3708), or new text is acknowledged before it (RFC 5682). Then the window is given back
 * (RFC 4015, RFC 9438 4.9), and nothing more goes again.
 *
 * Readings of the texts that are taken here:
 * - RFC 3708 marks every segment that went again. Here it is ranges, a few of them: where more would be needed, or one
 *   goes a third time, what came twice tells nothing of this window. What comes twice without ever having gone again says
 *   that the network doubles segments, and then that tells nothing in this connection any more.
 * - The window that is given back is the one before the cut, or what it has grown to since (RFC9438:4.9): what is in
 *   flight then is acknowledged already, so that no burst follows but what slow start would send. */
#include "flight.h"

/* [RFC9438:4.9.2b; RFC4015:3.1a; RFC5682:6] */
void tfsm_undo_begin(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    bool before = losing(tcb); /* one cut upon another: the first may have been right */
    tcb->loss &= ~UNDO_STATE;
    tcb->undo_count = 0;
    tcb->undo_una = tcb->snd_una;
    if (!profile(cfg, TFSM_UNDO) || before) {
        return;
    }
    tcb->loss |= TFSM_L_UNDO | TFSM_L_UNDO_WAITS;
    bool tells = (remembered(tcb) & TFSM_L_DOUBLES) == 0 && sack_agreed(tcb);
    for (unsigned i = 0; i < run_count(tcb) && tells;
         i++) { /* what is lost again goes a third time */
        tells = (sent(tcb)[i].at & (TFSM_LOST | TFSM_AGAIN)) != (TFSM_LOST | TFSM_AGAIN);
    }
    tcb->loss |= tells ? TFSM_L_UNDO_TWICE : 0u;
    tcb->undo_cwnd = tcb->cwnd;
    tcb->undo_ssthresh = tcb->ssthresh;
    tcb->undo_w_max = tcb->w_max;
    tcb->undo_k = tcb->cubic_k;
    tcb->undo_est = tcb->w_est;
    tcb->undo_prior = tcb->cwnd_prior;
    tcb->undo_from = tcb->cubic_from;
}

/* Ranges that are remembered. */
static unsigned again_count(const struct tfsm_tcb *tcb)
{
    return min32(tcb->undo_count, TFSM_UNDO_MAX);
}

/* One more range, or none: what touches one that is there becomes a part of it. Returns whether there was room. */
static bool note(struct tfsm_tcb *tcb, struct tfsm_range range)
{
    unsigned count = again_count(tcb);
    for (unsigned i = 0; i < count; i++) {
        if (tcb->undo_again[i].right == range.left) {
            tcb->undo_again[i].right = range.right;
            return true;
        }
    }
    if (count == TFSM_UNDO_MAX) {
        return false;
    }
    tcb->undo_again[count] = range;
    tcb->undo_count = (uint8_t)(count + 1);
    return true;
}

/* [RFC3522:3.2a; RFC3708:3e, RFC3708:3f] */
void tfsm_undo_resent(struct tfsm_tcb *tcb, uint32_t left, uint32_t octets, tfsm_time now)
{
    if ((remembered(tcb) & TFSM_L_UNDO_WAITS) != 0 && stamps_agreed(tcb)) {
        tcb->undo_ts = timestamp(tcb, now);
        tcb->loss |= TFSM_L_UNDO_TS;
    }
    tcb->loss &= ~(uint32_t)TFSM_L_UNDO_WAITS;
    struct tfsm_range range = {left, seq_add(left, octets)};
    bool thrice = false;
    for (unsigned i = 0; i < again_count(tcb); i++) {
        thrice = thrice || (seq_lt(range.left, tcb->undo_again[i].right) &&
                            seq_lt(tcb->undo_again[i].left, range.right));
    }
    if (thrice || !note(tcb, range)) {
        tcb->loss &= ~(uint32_t)TFSM_L_UNDO_TWICE;
    }
}

/* The range that holds another, or again_count(). */
static unsigned holder(const struct tfsm_tcb *tcb, struct tfsm_range range)
{
    unsigned i = 0;
    while (i < again_count(tcb) && !(seq_le(tcb->undo_again[i].left, range.left) &&
                                     seq_le(range.right, tcb->undo_again[i].right))) {
        i++;
    }
    return i;
}

/* SND.WL2 is what SND.UNA was before this segment: a duplicate that begins there, and no SACK besides, says
 * that ACKs were lost and nothing else. [RFC3708:3a, RFC3708:3b, RFC3708:3c, RFC3708:3d, RFC3708:3g, RFC3708:3h,
 * RFC3708:3j, RFC3708:3k] */
void tfsm_undo_twice(struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    struct tfsm_range twice = {0, 0};
    if (!tfsm_tells_twice(tcb, seg, &twice)) {
        return;
    }
    tcb->loss |= TFSM_L_TWICE;
    if ((remembered(tcb) & TFSM_L_RESENT) == 0) {
        tcb->loss |= TFSM_L_DOUBLES;
    }
    if ((remembered(tcb) & TFSM_L_UNDO) != 0 && seq_le(twice.right, tcb->undo_una)) {
        return; /* it went again before the window was cut, and tells nothing of what did since */
    }
    unsigned count = again_count(tcb);
    unsigned i = holder(tcb, twice);
    bool silent = seg->sacks == 1 && tcb->snd_held == 0 && twice.left == tcb->snd_wl2;
    if ((remembered(tcb) & TFSM_L_UNDO) == 0 || silent || i >= count) {
        tcb->loss &= ~(uint32_t)TFSM_L_UNDO_TWICE;
        return;
    }
    struct tfsm_range whole = tcb->undo_again[i];
    tcb->loss &= i == 0 ? ~(uint32_t)TFSM_L_UNDO_TS : UINT32_MAX; /* the echo would be of that */
    tcb->undo_again[i] = tcb->undo_again[count - 1];
    tcb->undo_count = (uint8_t)(count - 1);
    bool noted =
        (whole.left == twice.left || note(tcb, (struct tfsm_range){whole.left, twice.left})) &&
        (twice.right == whole.right || note(tcb, (struct tfsm_range){twice.right, whole.right}));
    tcb->loss &= noted ? UINT32_MAX : ~(uint32_t)TFSM_L_UNDO_TWICE;
}

/* [RFC5682:2.1l, 3.1p, RFC5682:4a, RFC5682:4b, RFC5682:4c; RFC4015:3.1b; RFC9438:4.9.2c, 4.9.2d] */
void tfsm_undo(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    const uint32_t over =
        UNDO_STATE | TFSM_L_FRTO_1 | TFSM_L_FRTO_2 | TFSM_L_LOST_AGAIN | TFSM_L_UNVALIDATED;
    if (has(tcb->flags, TFSM_M_RECOVERY)) { /* its inflation ends with it (RFC6582:3.2c) */
        /* what was overtaken has come: the next is waited for [RFC8985:3.3.2b] */
        remember_loss(tcb, rack_runs(tcb, cfg) ? TFSM_L_REORDERED : 0u);
        tcb->cwnd = max32(min32(tcb->cwnd, tcb->ssthresh), smss(tcb));
    }
    bool late =
        profile(cfg, TFSM_CUBIC) && tcb->cwnd > tcb->undo_cwnd; /* it has its own way since */
    if ((remembered(tcb) & TFSM_L_UNDO) != 0 && !late) {
        tcb->cwnd = max32(tcb->cwnd, bounded(tcb->undo_cwnd));
        tcb->ssthresh = max32(tcb->ssthresh, bounded(tcb->undo_ssthresh));
        tcb->w_max = tcb->undo_w_max;
        tcb->cubic_k = tcb->undo_k;
        tcb->w_est = tcb->undo_est;
        tcb->cwnd_prior = tcb->undo_prior;
        tcb->cubic_from = tcb->undo_from;
    }
    tcb->cwnd_acked = 0;
    tcb->backoff = 0;
    tcb->loss &= ~over;
    tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_RTX;
    if (losing(tcb)) {
        tcb->flags &= ~(uint32_t)(RECOVERY_FLAGS | TFSM_M_LOSS);
        tcb->snd_recover = seq_sub(tcb->snd_una, 1);
    }
    if (sack_agreed(tcb)) {
        tfsm_flight_clear(tcb, TFSM_LOST | (rack_runs(tcb, cfg) ? 0u : TFSM_AGAIN | TFSM_BOTH));
    }
}
