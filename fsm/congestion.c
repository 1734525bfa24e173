/* How much may be in the network: slow start, congestion avoidance, fast recovery (RFC 5681, RFC
 * 6582), and what ECN says (RFC 3168). The congestion window is kept whether or not the profile
 * obeys it for new text; what was lost is always sent again at its pace, or a timeout would answer
 * congestion with a burst.
 *
 * Readings of the texts that are taken here:
 * - ECE halves the window as a loss would, down to one segment; the threshold stays at two, and at one segment new
 *   text waits for the timer (RFC 3168 6.1.2). A FIN alone goes all the same.
 * - ECE is heard again once CWR is acknowledged, not once what was in flight at the cut is: the ACK of that may have
 *   left before CWR came.
 * - A loss that is noticed after ECE has cut the window sets the threshold by what is in flight then, though it be of
 *   the same flight: RFC 5681 3.2 step 2 is a MUST, the "only once" of RFC 3168 6.1.2 a should.
 * - Text that limited transmit has sent does not count for the threshold while it is in flight, also where something
 *   new was acknowledged since (RFC 5681 3.2 step 2). Of several bursts of it the last ends the account, which may
 *   make the threshold lower than it need be, and never higher.
 * - The bound of segments in the initial window (RFC 5681 3.1) holds until something is acknowledged, and after a
 *   pause again.
 * - Every partial acknowledgment restarts the timer, not the first alone (RFC 6582 3.2): what each sends again must
 *   not go once more before a timeout (RFC 6298 5, a MUST). So does whatever sends the front again.
 * - At the end of a recovery slow start goes on to ssthresh where the window is below it (RFC 6582 3.2 step 3 (1)),
 *   where RFC 5681 4.3 speaks of congestion avoidance. */
#include "engine.h"

#define LIMITED 2u /* segments that limited transmit sends (RFC 5681 3.2 step 1) */

/* What has left us and not come back, but for what limited transmit added (RFC 5681 3.2).
 * [RFC5681:3.2h] */
static uint32_t flight_size(const struct tfsm_tcb *tcb)
{
    uint32_t flight = in_flight(tcb);
    return flight > tcb->limited ? flight - tcb->limited : 0;
}

/* max(FlightSize / 2, 2*SMSS): equation 4 of RFC 5681. [RFC5681:3.1j, 3.2g, 4.3a; RFC5681:3.1o] */
static uint32_t half_flight(const struct tfsm_tcb *tcb)
{
    return max32(flight_size(tcb) / 2, 2 * smss(tcb));
}

/* IW (RFC5681:3.1), or as many segments as the profile says. [RFC5681:3.1b] */
static uint32_t initial_window(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    uint32_t size = smss(tcb);
    if (cfg->initial_window > 0) {
        return cfg->initial_window * size;
    }
    return size > 2190 ? 2 * size : size > 1095 ? 3 * size : 4 * size;
}

/* [RFC5681:3, 3.1a, 3.2d, 3.2e, 3.2f; RFC6675:5e, RFC6675:5j; RFC5681:2a, RFC5681:3.1n] */
bool tfsm_cwnd_allows(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg, uint32_t text,
                      bool fresh)
{
    bool limited = profile(cfg, TFSM_LIMITED_TRANSMIT) && tcb->dup_acks > 0;
    uint32_t pipe = tfsm_pipe(tcb);
    uint64_t limit = tcb->cwnd;
    if (fresh && ece_waits(tcb)) {
        return false;
    }
    if (fresh && !profile(cfg, TFSM_CONGESTION)) {
        return true;
    }
    if (fresh && tcb->first_flight == 1 && in_flight(tcb) > 0 && tcb->dup_acks == 0 &&
        !losing(tcb)) {
        return false; /* so many segments, however small [RFC5681:3.1b] */
    }
    if (fresh && !losing(tcb)) {
        /* With SACK what the duplicates report has left the network, and makes room by itself. */
        bool sack = sack_agreed(tcb);
        pipe = limited && sack ? pipe : in_flight(tcb);
        limit += limited && !sack ? (uint64_t)min32(tcb->dup_acks, LIMITED) * smss(tcb) : 0;
    }
    if (has(tcb->flags, TFSM_M_RECOVERY | TFSM_M_SACK)) {
        text = max32(text, smss(tcb)); /* room for a whole segment, or none [RFC6675:5j] */
    }
    return pipe == 0 || (uint64_t)pipe + text <= limit;
}

/* Until something is acknowledged the window is a number of segments as well as of octets, and small
 * ones count whole (RFC5681:3.1, RFC5681:4.1). */
static void begin_flight(struct tfsm_tcb *tcb)
{
    uint32_t size = smss(tcb);
    uint32_t segments = tcb->cwnd / size + (tcb->cwnd % size > 0);
    tcb->first_flight =
        tcb->first_flight > 0 ? min32(tcb->first_flight, segments + 1) : segments + 1;
}

/* The connection opens. A SYN that had to be sent again, by the timer or because the peer's came again,
 * says that the network is full (RFC5681:3.1). [RFC5681:3.1c, 3.1d, 3.1f] */
void tfsm_cwnd_open(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    bool syn_lost = tcb->snd_recover != tcb->iss;
    tcb->cwnd = syn_lost ? smss(tcb) : initial_window(tcb, cfg);
    tcb->ssthresh = CWND_MAX;
    begin_flight(tcb);
}

/* After a pause the window says nothing about the network any more (RFC5681:4.1). */
void tfsm_cwnd_restart(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    tcb->cwnd = min32(tcb->cwnd, initial_window(tcb, cfg));
    tcb->cwnd_acked = 0;
    begin_flight(tcb);
}

/* One more segment has left the network (RFC5681:3.2 step 4). [RFC5681:3.2j] */
void tfsm_cwnd_inflate(struct tfsm_tcb *tcb)
{
    tcb->cwnd = bounded((uint64_t)tcb->cwnd + smss(tcb));
}

/* Segments become smaller, and the window as many of them (RFC5681:3.1e). Until one of the new size is
 * sent nobody can say that it is too big (RFC5927:7.2a). [RFC5927:7.2e] */
void tfsm_mss_down(struct tfsm_tcb *tcb, uint16_t mss)
{
    uint32_t segments = max32(tcb->cwnd / smss(tcb), 1);
    tcb->snd_mss = (uint16_t)min32(tcb->snd_mss, mss);
    tcb->mss_sent = 0;
    tcb->mss_acked = (uint16_t)min32(tcb->mss_acked, mss);
    tcb->mss_asked = 0;
    tcb->cwnd = segments * smss(tcb);
    tcb->cwnd_acked = 0;
}

/* What is in flight was sent before the cut: ECE for it asks for nothing more, and the peer goes on
 * saying it until CWR has come (RFC3168:6.1.2b). */
static void note_cut(struct tfsm_tcb *tcb)
{
    if (ecn_agreed(tcb)) {
        tcb->snd_cwr = tcb->snd_nxt;
        tcb->flags |= TFSM_M_CWR | TFSM_M_CUT;
    }
}

/* The network asks for less: as for a loss, but nothing is to be sent again (RFC3168:6.1.2). Half of
 * the window goes, and where less was out, as the peer's window or the user had it, half of that; the
 * ACK that says so has acknowledged `acked` octets of it. Where less than a segment is left to give,
 * new text waits for the retransmission timer, which begins anew. [RFC3168:6.1.2a, 6.1.2b, 6.1.2d] */
void tfsm_cwnd_cut(struct tfsm_tcb *tcb, uint32_t acked)
{
    uint32_t size = smss(tcb);
    uint32_t used = min32(tcb->cwnd, bounded((uint64_t)flight_size(tcb) + acked));
    if (tcb->cwnd <= size) {
        tcb->flags |= TFSM_M_ECE_WAIT;
        tcb->at_rtx = 0;
    }
    tcb->ssthresh = max32(used / 2, 2 * size);
    tcb->cwnd = max32(min32(tcb->cwnd / 2, tcb->ssthresh), size);
    tcb->cwnd_acked = 0;
    note_cut(tcb);
}

/* Three duplicates: the segment at SND.UNA is lost (RFC5681:3.2 steps 2 and 3, RFC6675:5 step 4).
 * Without SACK the window is inflated by the segments that caused them. [RFC5681:3.2i;
 * RFC6675:5f; RFC2018:5.1a; RFC6582:6c] */
void tfsm_fast_retransmit(struct tfsm_tcb *tcb)
{
    bool sack = sack_agreed(tcb);
    /* What was sent again in the last recovery, and is in flight still, is not sent again for the first time: of a scaled
     * window that has shrunk it has only what shows (RFC7323:2.4f). */
    bool again = tcb->snd_rtx != tcb->snd_una && snd_shift(tcb) > 0;
    tcb->ssthresh = half_flight(tcb);
    tcb->cwnd = bounded((uint64_t)tcb->ssthresh + (sack ? 0 : DUP_THRESH * smss(tcb)));
    tcb->cwnd_acked = 0;
    tcb->snd_recover = tcb->snd_nxt;
    tcb->snd_rtx = tcb->snd_una;
    tcb->flags &= ~(uint32_t)RECOVERY_FLAGS;
    tcb->flags |= TFSM_M_RECOVERY | (again ? TFSM_M_AGAIN : 0u);
    tcb->at_rtx = 0; /* what is sent now must not be sent again too early (RFC6298:5) */
    note_cut(tcb);
    tcb->owed |= TFSM_OWE_RTX;
}

/* Some of it is acknowledged, and what follows is lost too (RFC6582:3.2 step 3): deflate the
 * window by what has left it, and let one segment out. [RFC6582:3.2d; RFC5681:4.3b, 4.3e] */
void tfsm_partial_ack(struct tfsm_tcb *tcb, uint32_t acked)
{
    uint32_t size = smss(tcb);
    uint32_t left = tcb->cwnd > acked ? tcb->cwnd - acked : 0;
    tcb->cwnd = max32(bounded((uint64_t)left + (acked >= size ? size : 0)), size);
    tcb->owed |= TFSM_OWE_RTX;
}

/* All of it is acknowledged (RFC6582:3.2 step 3, RFC6675:5 step A): end, without a burst.
 * [RFC6582:3.2c, RFC6582:6a; RFC5681:3.2l, 4.3c; RFC6675:5g, RFC6675:5h] */
void tfsm_recovered(struct tfsm_tcb *tcb)
{
    uint32_t size = smss(tcb);
    bool sack = sack_agreed(tcb);
    uint32_t calm = bounded((uint64_t)max32(in_flight(tcb), size) + size);
    tcb->cwnd_acked = 0;
    tcb->cwnd = max32(sack ? tcb->ssthresh : min32(tcb->ssthresh, calm), size);
    tcb->flags &= ~(uint32_t)RECOVERY_FLAGS;
}

/* All that is outstanding is to be sent again, some of it perhaps not for the first time. */
static void start_over(struct tfsm_tcb *tcb)
{
    bool again = has(tcb->flags, TFSM_M_AGAIN) || tcb->snd_rtx != tcb->snd_una;
    tcb->flags &= ~(uint32_t)RECOVERY_FLAGS;
    tcb->flags |= TFSM_M_LOSS | (again ? TFSM_M_AGAIN : 0u);
    tcb->snd_rtx = tcb->snd_una;
}

/* The timer went off: everything sent is lost, and the network knows us no more (RFC5681:3.1
 * equation 4 and LW). The peer may have forgotten what it reported by SACK (RFC2018:8).
 * [RFC5681:3.1j, 3.1k, 3.1l, 4.3d; RFC2018:5b, 5.1b; RFC6582:3.2f; RFC6675:5.1a] */
void tfsm_timed_out(struct tfsm_tcb *tcb)
{
    /* A segment that was sent again by the timer says nothing new; one that fast recovery had sent
     * again is the second sign of congestion (RFC5681:4.3d). */
    if (tcb->tries <= 1) {
        uint32_t half = half_flight(tcb);
        uint32_t again = max32(tcb->ssthresh / 2, 2 * smss(tcb));
        tcb->ssthresh = has(tcb->flags, TFSM_M_RECOVERY) ? min32(half, again) : half;
    }
    tcb->cwnd = smss(tcb);
    tcb->cwnd_acked = 0;
    tcb->dup_acks = 0;
    tcb->limited = 0;
    for (unsigned i = 0; i < TFSM_SACKED_MAX; i++) {
        tcb->sacked[i] = (struct tfsm_range){0, 0};
    }
    tcb->sacked_count = 0;
    tcb->flags &= ~(uint32_t)TFSM_M_ECE_WAIT;
    start_over(tcb);
    note_cut(tcb);
}

/* What is outstanding did not get through, and not for congestion: the peer did not take the text of
 * our SYN, or a router could not pass it on. [RFC7413:4.2.2f, RFC7323:5.7] */
void tfsm_resend(struct tfsm_tcb *tcb)
{
    if (tcb->snd_una == tcb->snd_nxt) {
        return;
    }
    if (has(tcb->flags, TFSM_M_RECOVERY)) { /* its inflation ends with it (RFC5681:3.2l) */
        tcb->cwnd = max32(min32(tcb->cwnd, tcb->ssthresh), smss(tcb));
    }
    tcb->flags &= ~(uint32_t)TFSM_M_TIMING;
    start_over(tcb);
    tcb->snd_recover = tcb->snd_nxt;
    tcb->at_rtx = 0;
}
