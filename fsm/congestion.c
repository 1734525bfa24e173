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
#include "flight.h"

#define IW10        10u
#define IW10_OCTETS 14600u /* whatever the segment size (RFC6928:2a) */
/* What any initial window may be: its loss says nothing of this one (RFC6928:2g). */
#define IW_LITTLE 4096u
#define LIMITED   2u /* segments that limited transmit sends (RFC 5681 3.2 step 1) */

/* What has left us and not come back, but for what limited transmit added (RFC 5681 3.2).
 * [RFC5681:3.2h] */
static uint32_t flight_size(const struct tfsm_tcb *tcb)
{
    uint32_t flight = in_flight(tcb);
    return flight > tcb->limited ? flight - tcb->limited : 0;
}

/* What a sign of congestion leaves of so many octets, in hundredths: a half, CUBIC seven tenths, and of ECE more.
 * [RFC9438:4.6b; RFC8511:3a, RFC8511:3.1a, 3.1b, RFC8511:4] */
static uint32_t left_of(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg, uint32_t octets,
                        bool ece)
{
    bool abe = ece && profile(cfg, TFSM_ABE) && tcb->cwnd > tcb->ssthresh;
    uint32_t part = profile(cfg, TFSM_CUBIC) ? (abe ? 85 : 70) : abe ? 80 : 50;
    return part == 50 ? octets / 2 : octets / 100 * part + octets % 100 * part / 100;
}

/* max(FlightSize / 2, 2*SMSS): equation 4 of RFC 5681, and CUBIC's. [RFC5681:3.1j, 3.2g, 4.3a; RFC5681:3.1o;
 * RFC9438:4.6c, 4.6d, 4.6g; RFC9406:4.2g; RFC8511:3.1a; RFC7661:4.4g, 4.4h] */
static uint32_t cut_flight(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, bool timeout)
{
    /* in a recovery CWND is what it lets out */
    uint32_t window = has(tcb->flags, TFSM_M_RECOVERY) ? tcb->ssthresh : tcb->cwnd;
    bool unused = !timeout && profile(cfg, TFSM_CWV) && !tfsm_is_validated(tcb) &&
                  flight_size(tcb) < tcb->cwnd / 2;
    uint32_t left = unused ? tfsm_unvalidated_cut(tcb, flight_size(tcb)) : 0;
    if (cfg->initial_window == IW10 && in_flight(tcb) > IW_LITTLE &&
        (tcb->first_flight > 0 || tcb->snd_octets <= IW10_OCTETS)) {
        remember_loss(tcb, TFSM_L_IW_LOST);
    }
    if (profile(cfg, TFSM_CUBIC)) { /* a window that was not used says nothing of the network */
        tfsm_cubic_cut(tcb, unused ? min32(window, bounded(tcb->cwv_flight)) : window);
    }
    if (unused) {
        return max32(left, 2 * smss(tcb));
    }
    return max32(left_of(tcb, cfg, flight_size(tcb), false), 2 * smss(tcb));
}

/* IW (RFC5681:3.1), RFC 6928's, or as many segments as the profile says. [RFC5681:3.1b; RFC6928:1, RFC6928:2a,
 * RFC6928:2b] */
static uint32_t initial_window(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    uint32_t size = smss(tcb);
    if (cfg->initial_window == IW10 && (remembered(tcb) & TFSM_L_IW_LOST) == 0) {
        return min32(IW10 * size, max32(2 * size, IW10_OCTETS));
    }
    if (cfg->initial_window > 0 && cfg->initial_window != IW10) {
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
        /* a probe that went again is on its way twice [RFC8985:9.3e] */
        pipe = limited && sack ? pipe : in_flight(tcb) + (sack ? tcb->snd_both : 0);
        limit += limited && !sack ? (uint64_t)min32(tcb->dup_acks, LIMITED) * smss(tcb) : 0;
    }
    if (has(tcb->flags, TFSM_M_RECOVERY | TFSM_M_SACK)) {
        text = max32(text, smss(tcb)); /* room for a whole segment, or none [RFC6675:5j] */
    }
    return pipe == 0 || (uint64_t)pipe + text <= limit;
}

/* [RFC9438:4.6f, 4.10a, 5.8; RFC7661:4.3, 4.4d, 4.4e, 4.4f, 4.5.3; RFC9406:4.3c; RFC9293:MAY-18] */
bool tfsm_cwnd_grow_otherwise(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, uint32_t acked,
                              tfsm_time now)
{
    bool cubic = profile(cfg, TFSM_CUBIC);
    bool slow = tcb->cwnd < tcb->ssthresh || (cubic && tcb->cwnd == tcb->ssthresh);
    bool used = (remembered(tcb) & TFSM_L_FULL) != 0;
    /* a window of which little was used grows only where it was used up just now (RFC7661:4.4) */
    if (profile(cfg, TFSM_CWV) && !tfsm_is_validated(tcb) && !used) {
        tfsm_cubic_waits(tcb, now);
        return true;
    }
    if (slow && profile(cfg, TFSM_HYSTART) && tcb->ssthresh == CWND_MAX) {
        tfsm_hystart_grow(tcb, acked);
        return true;
    }
    if (!slow && cubic && !used) {
        tfsm_cubic_waits(tcb, now);
        return true;
    }
    if (!slow && cubic) {
        tfsm_cubic_grow(tcb, acked, now);
        return true;
    }
    if (slow && tcb->cwnd >= tcb->ssthresh) {
        tcb->cwnd = bounded((uint64_t)tcb->cwnd + min32(acked, smss(tcb)));
        return true;
    }
    return false;
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
 * says that the network is full (RFC5681:3.1); with ten segments to begin with only a second one does (RFC6928:2d).
 * [RFC5681:3.1c, 3.1d, 3.1f; RFC6928:2c, 2d] */
void tfsm_cwnd_open(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    bool syn_lost = tcb->snd_recover != tcb->iss && (cfg->initial_window != IW10 || tcb->tries > 1);
    tcb->cwnd = syn_lost ? smss(tcb) : initial_window(tcb, cfg);
    tcb->ssthresh = CWND_MAX;
    begin_flight(tcb);
}

/* After a pause the window says nothing about the network any more (RFC5681:4.1). [RFC6928:2e; RFC7661:4.4c] */
void tfsm_cwnd_restart(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now)
{
    uint32_t before = tcb->cwnd;
    if (profile(cfg, TFSM_CWV)) {
        tfsm_window_ages(tcb, initial_window(tcb, cfg), now);
    } else {
        tcb->cwnd = min32(before, initial_window(tcb, cfg));
        tcb->cwnd_acked = 0;
        begin_flight(tcb);
    }
    if (CAN(TFSM_CUBIC) && tcb->cwnd < before) {
        tcb->cubic_from = 0; /* of a smaller window the curve is another */
    }
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
    forget_loss(tcb, TFSM_L_ECE_CUT);
    if (ecn_agreed(tcb)) {
        tcb->snd_cwr = tcb->snd_nxt;
        tcb->flags |= TFSM_M_CWR | TFSM_M_CUT;
    }
}

/* The network asks for less: as for a loss, but nothing is to be sent again (RFC3168:6.1.2). Half of
 * the window goes, and where less was out, as the peer's window or the user had it, half of that; the
 * ACK that says so has acknowledged `acked` octets of it. Where less than a segment is left to give,
 * new text waits for the retransmission timer, which begins anew. [RFC3168:6.1.2a, 6.1.2b, 6.1.2d;
 * RFC8511:3a, RFC8511:3b, RFC8511:3.1c; RFC9438:4.6d, 4.6i, 4.6j, 4.6k; RFC9406:4.2g] */
void tfsm_cwnd_cut(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, uint32_t acked)
{
    uint32_t size = smss(tcb);
    uint32_t used = min32(tcb->cwnd, bounded((uint64_t)flight_size(tcb) + acked));
    if (tcb->cwnd <= size) {
        tcb->flags |= TFSM_M_ECE_WAIT;
        tcb->at_rtx = 0;
    }
    if (profile(cfg, TFSM_CUBIC)) {
        tfsm_cubic_cut(tcb, tcb->cwnd);
    }
    uint32_t left = left_of(tcb, cfg, tcb->cwnd, true);
    tcb->ssthresh = max32(left_of(tcb, cfg, used, true), 2 * size);
    tcb->cwnd = max32(min32(left, tcb->ssthresh), size);
    tcb->cwnd_acked = 0;
    note_cut(tcb);
    remember_loss(tcb, profile(cfg, TFSM_ABE) ? TFSM_L_ECE_CUT : 0u);
}

/* A loss was made good before anybody noticed it: the window is lowered all the same. [RFC8985:7.4.2f] */
void tfsm_cwnd_lower(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now)
{
    tcb->ssthresh = cut_flight(tcb, cfg, false);
    tcb->cwnd = max32(min32(tcb->cwnd, tcb->ssthresh), smss(tcb));
    tcb->cwnd_acked = 0;
    tcb->cut_at = again_time(now);
    forget_loss(tcb, TFSM_L_UNVALIDATED); /* no recovery follows at whose end something is left */
    note_cut(tcb);
}

/* What a recovery leaves. ABE answers once a round trip: a loss behind ECE that has cut the window lowers it no more. [RFC8511:4.2b] */
static uint32_t recovery_cut(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    bool heeded = profile(cfg, TFSM_ABE) && has(tcb->flags, TFSM_M_CUT) &&
                  (remembered(tcb) & TFSM_L_ECE_CUT) != 0 && seq_lt(tcb->snd_una, tcb->snd_cwr) &&
                  tcb->cwnd <= tcb->ssthresh;
    return heeded ? max32(tcb->ssthresh, 2 * smss(tcb)) : cut_flight(tcb, cfg, false);
}

/* Of what is in flight something went again before: in the last recovery, or as a probe. It matters where a scaled window may
 * shrink. */
static bool went_again(const struct tfsm_tcb *tcb)
{
    bool shrinks = snd_shift(tcb) > 0;
    bool again = shrinks && tcb->snd_rtx != tcb->snd_una;
    for (unsigned i = 0; CAN(TFSM_RACK) && shrinks && !again && i < run_count(tcb); i++) {
        again = has(sent(tcb)[i].at, TFSM_AGAIN);
    }
    return again;
}

/* What was sent again in the last one, and is in flight still, is not sent again for the first time: of a scaled window
 * that has shrunk it has only what shows (RFC7323:2.4f). */
void tfsm_recovery_begin(struct tfsm_tcb *tcb)
{
    bool again = went_again(tcb);
    if (CAN(TFSM_PRR)) {
        tcb->prr_delivered = 0;
        tcb->prr_out = 0;
        tcb->prr_flight = in_flight(tcb);
    }
    tcb->snd_recover = tcb->snd_nxt;
    tcb->snd_rtx = tcb->snd_una;
    tcb->flags &= ~(uint32_t)RECOVERY_FLAGS;
    tcb->flags |= TFSM_M_RECOVERY | (again ? TFSM_M_AGAIN : 0u);
    tcb->cwnd_acked = 0;
    tcb->at_rtx = 0; /* what is sent now must not be sent again too early (RFC6298:5) */
}

/* Text is lost by the time that has passed: fast recovery begins, or, where what was sent again is lost, too, begins
 * anew with half of what was left. The first that is lost goes at once, if it is the front. [RFC8985:6.2t, 7.1, 9.3c;
 * RFC6937:3a; RFC9438:4.6a] */
void tfsm_rack_recover(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now)
{
    const uint32_t over =
        TFSM_L_LOST_AGAIN | TFSM_L_PROBE | TFSM_L_PROBE_OLD | TFSM_L_OWE_PROBE | TFSM_L_MTU_MENDS;
    bool anew = has(tcb->flags, TFSM_M_RECOVERY);
    if (CAN(TFSM_UNDO)) {
        tfsm_undo_begin(tcb, cfg);
    }
    uint32_t half = anew ? cut_flight(tcb, cfg, false) : recovery_cut(tcb, cfg);
    tcb->ssthresh = anew ? min32(half, max32(tcb->ssthresh / 2, 2 * smss(tcb))) : half;
    tcb->cwnd = profile(cfg, TFSM_PRR) ? bounded(max32(tfsm_pipe(tcb), smss(tcb))) : tcb->ssthresh;
    tfsm_recovery_begin(tcb);
    tcb->loss &= ~over;
    tcb->cut_at = again_time(now);
    note_cut(tcb);
    tcb->owed |= has(sent(tcb)[0].at, TFSM_LOST) ? TFSM_OWE_RTX : 0u;
}

/* What an ACK in fast recovery lets out: while more is in the network than the new window holds, in proportion to what
 * has arrived; then, up to that window, what has arrived and one segment (PRR-SSRB). It is told by CWND.
 * [RFC6937:3b, RFC6937:3c, RFC6937:3d, RFC6937:3e, RFC6937:3i, RFC6937:6, RFC6937:8; RFC9438:4.6h] */
void tfsm_prr(struct tfsm_tcb *tcb)
{
    uint32_t sum = seq_add(tcb->snd_una, tcb->snd_held);
    bool back = seq_lt(sum, tcb->prr_last); /* a range was forgotten, and will be reported again */
    uint32_t now = back ? 0 : seq_distance(tcb->prr_last, sum);
    uint32_t lost = back ? seq_distance(sum, tcb->prr_last) : 0;
    tcb->prr_last = sum;
    if (!has(tcb->flags, TFSM_M_RECOVERY)) {
        return;
    }
    tcb->prr_delivered = bounded((uint64_t)tcb->prr_delivered + now);
    tcb->prr_delivered -= min32(lost, tcb->prr_delivered);
    uint32_t pipe = tfsm_pipe(tcb);
    uint32_t owed = tcb->prr_delivered > tcb->prr_out ? tcb->prr_delivered - tcb->prr_out : 0;
    uint64_t lets = 0;
    if (pipe > tcb->ssthresh) {
        uint64_t flight = max32(tcb->prr_flight, 1);
        uint64_t share = ((uint64_t)tcb->prr_delivered * tcb->ssthresh + flight - 1) / flight;
        lets = share > tcb->prr_out ? share - tcb->prr_out : 0;
    } else {
        lets = (uint64_t)max32(owed, now) + smss(tcb);
        lets = lets < tcb->ssthresh - pipe ? lets : tcb->ssthresh - pipe;
    }
    tcb->cwnd = max32(bounded(pipe + lets), smss(tcb));
}

/* Three duplicates: the segment at SND.UNA is lost (RFC5681:3.2 steps 2 and 3, RFC6675:5 step 4).
 * Without SACK the window is inflated by the segments that caused them. [RFC5681:3.2i;
 * RFC6675:5f; RFC2018:5.1a; RFC6582:6c; RFC9438:4.6a] */
void tfsm_fast_retransmit(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    bool sack = sack_agreed(tcb);
    if (CAN(TFSM_UNDO)) {
        tfsm_undo_begin(tcb, cfg);
    }
    tcb->ssthresh = recovery_cut(tcb, cfg);
    tcb->cwnd = bounded((uint64_t)tcb->ssthresh + (sack ? 0 : DUP_THRESH * smss(tcb)));
    tfsm_recovery_begin(tcb);
    if (CAN(TFSM_PRR)) { /* the policy may have it before this recovery ends */
        tcb->prr_last = seq_add(tcb->snd_una, tcb->snd_held);
    }
    forget_loss(tcb, TFSM_L_MTU_MENDS);
    note_cut(tcb);
    tcb->owed |= TFSM_OWE_RTX;
    if (sack) {
        tfsm_flight_clear(tcb, TFSM_LOST | TFSM_AGAIN | TFSM_BOTH);
        tfsm_sack_mark_lost(tcb);
    }
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
void tfsm_recovered(struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    uint32_t size = smss(tcb);
    bool sack = sack_agreed(tcb);
    uint32_t calm = bounded((uint64_t)max32(in_flight(tcb), size) + size);
    tcb->cwnd_acked = 0;
    bool whole = sack || (remembered(tcb) & TFSM_L_MTU_MENDS) != 0;
    tcb->cwnd = max32(whole ? tcb->ssthresh : min32(tcb->ssthresh, calm), size);
    tcb->flags &= ~(uint32_t)RECOVERY_FLAGS;
    if (CAN(TFSM_CWV)) {
        tfsm_unvalidated_end(tcb);
    }
    if (CAN(TFSM_PMTU)) {
        tfsm_mtu_mended(tcb);
    }
    if (rack_runs(tcb, cfg)) {
        tfsm_rack_calms(tcb);
    } else if (sack) {
        tfsm_flight_clear(tcb, TFSM_LOST | TFSM_AGAIN | TFSM_BOTH);
    }
}

/* All that is outstanding is to be sent again, some of it perhaps not for the first time. */
static void start_over(struct tfsm_tcb *tcb, bool all)
{
    bool again = has(tcb->flags, TFSM_M_AGAIN) || tcb->snd_rtx != tcb->snd_una || went_again(tcb);
    tcb->flags &= ~(uint32_t)RECOVERY_FLAGS;
    tcb->flags |= TFSM_M_LOSS | (again ? TFSM_M_AGAIN : 0u);
    forget_loss(tcb, TFSM_L_MTU_MENDS | TFSM_L_UNVALIDATED);
    tcb->snd_rtx = tcb->snd_una;
    if (all && sack_agreed(tcb)) {
        tfsm_flight_mark(tcb, tcb->snd_una, tcb->snd_nxt, TFSM_ALL_LOST, 0);
        tfsm_flight_fit(tcb);
    }
}

/* The timer went off: everything sent is lost, and the network knows us no more (RFC5681:3.1
 * equation 4 and LW). The peer may have forgotten what it reported by SACK (RFC2018:8).
 * [RFC5681:3.1j, 3.1k, 3.1l, 4.3d; RFC2018:5b, 5.1b; RFC6582:3.2f; RFC6675:5.1a; RFC6928:2f; RFC8985:7.1;
 * RFC9438:4.8a, 4.8b; RFC7661:4.4h; RFC5682:2.1a, 2.1b, 2.1c, 2.1e, 3.1b, 3.1c, 3.1d, 3.1e, 3.1f, RFC5682:6] */
void tfsm_timed_out(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now)
{
    bool rack = rack_runs(tcb, cfg);
    bool first = tcb->tries <= 1 && !losing(tcb);
    bool same = tcb->tries > 1; /* nothing was acknowledged since the last */
    bool looked = (remembered(tcb) & TFSM_L_FRTO_1) != 0;
    forget_loss(tcb, TFSM_L_FRTO_1 | TFSM_L_FRTO_2);
    if (CAN(TFSM_UNDO) && first) {
        tfsm_undo_begin(tcb, cfg);
    }
    if (first || same) { /* again for the same segment, too */
        remember_loss(tcb, profile(cfg, TFSM_FRTO) && (first || looked) ? TFSM_L_FRTO_1 : 0u);
    } else { /* some of what went again is lost again: no accident */
        forget_loss(tcb, UNDO_STATE);
    }
    /* A segment that was sent again by the timer says nothing new; one that fast recovery had sent
     * again is the second sign of congestion (RFC5681:4.3d). */
    if (tcb->tries <= 1) {
        uint32_t half = cut_flight(tcb, cfg, true);
        uint32_t again = max32(tcb->ssthresh / 2, 2 * smss(tcb));
        tcb->ssthresh = has(tcb->flags, TFSM_M_RECOVERY) ? min32(half, again) : half;
    }
    tcb->cwnd = smss(tcb);
    if (CAN(TFSM_CUBIC)) {
        tcb->w_max = 0; /* the next stage begins at its own level (RFC9438:4.8) */
    }
    tcb->cwnd_acked = 0;
    tcb->dup_acks = 0;
    tcb->limited = 0;
    if (rack) {
        tfsm_rack_timed_out(tcb, now);
        tcb->cut_at = again_time(now);
    } else if (sack_agreed(tcb)) {
        tfsm_flight_clear(tcb, TFSM_FATES);
    }
    forget_loss(tcb, TFSM_L_LOST_AGAIN | TFSM_L_PROBE | TFSM_L_PROBE_OLD | TFSM_L_OWE_PROBE |
                         TFSM_L_UNVALIDATED);
    tcb->flags &= ~(uint32_t)TFSM_M_ECE_WAIT;
    start_over(tcb, !rack);
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
    forget_loss(tcb, TFSM_L_FRTO_1 | TFSM_L_FRTO_2); /* all of it goes, whatever the timeout was */
    start_over(tcb, true);
    tcb->snd_recover = tcb->snd_nxt;
    tcb->at_rtx = 0;
}
