/* Loss and congestion: when the window of RFC 5681 opens and closes, ECE as RFC 3168 asks for it,
 * and what goes out within it. */
#include "internal.h"
#include "seq.h"

static uint32_t segment_size(const struct tfsm_tcb *tcb)
{
    uint32_t options = tcb->flags & TFSM_M_TIMESTAMPS ? 12 : 0;
    return tcb->snd_mss > options ? tcb->snd_mss - options : 1;
}

/* ---- what comes in ---- */

/* RFC 5681 2: nothing new in it, and something outstanding. */
void congestion_duplicate(struct monitor *monitor, const struct tfsm_tcb *before,
                          const struct tfsm_segment *seg)
{
    bool repeated = (seg->flags & (TFSM_ACK | TFSM_SYN | TFSM_FIN)) == TFSM_ACK && seg->len == 0 &&
                    seg->ack == before->snd_una && before->snd_una != before->snd_nxt &&
                    before->snd_wnd > 0 && /* else it answers a probe, and nothing was lost */
                    (uint32_t)seg->wnd << before->snd_wscale == before->snd_wnd;
    if (repeated) {
        monitor->duplicates++;
    } else if ((seg->flags & TFSM_ACK) != 0 && seq_lt(before->snd_una, seg->ack)) {
        monitor->duplicates = 0;
    }
}

/* The congestion window: opens by a segment an acknowledgment at most, closes to one segment when
 * the timer goes off, and to half of what is in flight when a loss is noticed. */
static void check_congestion(struct monitor *monitor, const struct tfsm_tcb *before,
                             const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    uint32_t size = segment_size(after);
    uint32_t flight = seq_distance(before->snd_una, before->snd_nxt);
    bool losing = (before->flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) != 0;
    bool timed_out = ev->kind == TFSM_EV_TIMEOUT && before->at_rtx != 0 &&
                     after->at_rtx != before->at_rtx &&
                     flight > 0; /* else it was only waited, as ECE asks */
    if ((before->flags & TFSM_M_SYN_ACKED) == 0 || !IN(after, SYNCHRONIZED)) {
        return;
    }
    if (timed_out && after->cwnd != size) {
        fails_by(monitor, "LOSS_WINDOW", "RFC5681:3.1k after a timeout the window is one segment",
                 size, after->cwnd);
    }
    if (timed_out && monitor->timeouts == 0 &&
        after->ssthresh > (flight / 2 > 2 * size ? flight / 2 : 2 * size)) {
        fails_by(monitor, "SSTHRESH", "RFC5681:3.1j the threshold is half of what was in flight",
                 (flight / 2 > 2 * size ? flight / 2 : 2 * size), after->ssthresh);
    }
    if (!timed_out && ev->kind != TFSM_EV_ICMP && after->cwnd > before->cwnd &&
        after->cwnd - before->cwnd > size && !losing && (after->flags & TFSM_M_RECOVERY) == 0) {
        fails_by(monitor, "WINDOW_GROWTH",
                 "RFC5681:3.1h the window grows by one segment an acknowledgment at most",
                 before->cwnd + size, after->cwnd);
    }
    if (!losing && (after->flags & TFSM_M_RECOVERY) != 0 && !monitor->sack &&
        monitor->duplicates < 3) {
        fails_by(
            monitor, "RECOVERY_EARLY",
            "RFC5681:3.2c without SACK three duplicate acknowledgments tell of a loss, no fewer", 3,
            monitor->duplicates);
    }
    if (!losing && (after->flags & TFSM_M_RECOVERY) != 0 &&
        after->cwnd > (flight / 2 > 2 * size ? flight / 2 : 2 * size) + 3 * size) {
        fails_by(monitor, "RECOVERY_WINDOW", "RFC5681:3.2g a loss halves the window",
                 (flight / 2 > 2 * size ? flight / 2 : 2 * size) + 3 * size, after->cwnd);
    }
}

/* ECE lowered the window. */
static void check_cut(struct monitor *monitor, const struct tfsm_tcb *before,
                      const struct tfsm_segment *seg, const struct tfsm_tcb *after)
{
    uint32_t flight = seq_distance(before->snd_una, before->snd_nxt);
    uint32_t size = segment_size(after);
    if (monitor->cut && seq_le(seg->ack, monitor->cut_seq)) {
        fails(monitor, "CUT_TWICE", "RFC3168:6.1.2b ECE lowers the window once in a flight");
    }
    if (after->ssthresh > (flight / 2 > 2 * size ? flight / 2 : 2 * size)) {
        fails_by(monitor, "ECE_CUT", "RFC3168:6.1.2a ECE leaves no more than a loss would",
                 (flight / 2 > 2 * size ? flight / 2 : 2 * size), after->ssthresh);
    }
}

/* ECE lowers the window as a loss would, and once for what was in flight together: the peer says it
 * until CWR comes. */
static void check_ece(struct monitor *monitor, const struct tfsm_tcb *before,
                      const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    const uint32_t losing = TFSM_M_RECOVERY | TFSM_M_LOSS;
    bool timed_out = ev->kind == TFSM_EV_TIMEOUT && (after->flags & TFSM_M_LOSS) != 0 &&
                     before->at_rtx != 0 && ev->now >= before->at_rtx;
    bool recovers = (before->flags & losing) == 0 && (after->flags & TFSM_M_RECOVERY) != 0;
    bool ece = monitor->ecn && (before->flags & TFSM_M_SYN_ACKED) != 0 &&
               ev->kind == TFSM_EV_SEGMENT && (ev->segment.flags & TFSM_ECE) != 0 &&
               ((before->flags | after->flags) & losing) == 0 && after->cwnd < before->cwnd &&
               before->at_persist == 0; /* else it may be a pause that ends */
    if (ece) {
        check_cut(monitor, before, &ev->segment, after);
    }
    if (ece || recovers || timed_out) {
        monitor->cut = true;
        monitor->cut_seq = monitor->snd_max;
    } else if (seq_lt(monitor->cut_seq, after->snd_una)) {
        monitor->cut = false;
    }
}

void congestion_step(struct monitor *monitor, const struct tfsm_tcb *before,
                     const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    check_congestion(monitor, before, ev, after);
    check_ece(monitor, before, ev, after);
}

/* ---- what goes out ---- */

/* New text goes out only while the network has room for it, by our own account: what is in flight
 * and the peer does not hold. */
static void check_pipe(struct monitor *monitor, const struct tfsm_config *cfg,
                       const struct tfsm_tcb *before, const struct tfsm_segment *seg)
{
    uint32_t flight = seq_distance(before->snd_una, before->snd_nxt);
    bool losing = (before->flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) != 0;
    if ((cfg->profile & TFSM_CONGESTION) == 0 || losing || seg->seq != before->snd_nxt ||
        flight == 0 || before->at_persist != 0 || (before->flags & TFSM_M_SYN_ACKED) == 0) {
        return;
    }
    uint64_t room = (uint64_t)before->cwnd + 2u * segment_size(before);
    for (unsigned i = 0; i < monitor->held_count; i++) {
        room += seq_distance(monitor->held[i].left, monitor->held[i].right);
    }
    if ((uint64_t)flight + text_of(seg) > room) {
        fails_by(monitor, "BEYOND_CWND",
                 "RFC5681:3 new text keeps within the congestion window and limited transmit", room,
                 (uint64_t)flight + text_of(seg));
    }
}

/* The initial window is a number of segments, too; with duplicate acknowledgments limited transmit
 * begins. */
static void check_first_flight(struct monitor *monitor, const struct tfsm_config *cfg,
                               const struct tfsm_tcb *before, const struct tfsm_segment *seg)
{
    uint32_t size = segment_size(before);
    uint32_t most = cfg->initial_window > 0 ? cfg->initial_window
                    : size > 2190           ? 2
                    : size > 1095           ? 3
                                            : 4;
    if (seg->seq != before->snd_nxt || before->at_persist != 0 || (seg->flags & TFSM_SYN) != 0) {
        return;
    }
    monitor->flight_first++;
    if ((cfg->profile & TFSM_CONGESTION) != 0 && monitor->flight_first > most &&
        before->snd_octets == 0 && before->snd_una != before->snd_nxt && before->dup_acks == 0 &&
        (before->flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) == 0) {
        fails_by(monitor, "FIRST_FLIGHT", "RFC5681:3.1b the initial window is so many segments",
                 most, monitor->flight_first);
    }
}

/* The rescue retransmission bears the highest octet that the peer does not hold, as far as the
 * window reaches. It may go on from there with octets that were never sent: RFC 6675 asks for one
 * segment which includes that octet, and there is room for a whole one, or it would not go. */
static void check_rescue(struct monitor *monitor, const struct tfsm_tcb *before,
                         const struct tfsm_segment *seg)
{
    uint32_t end = seq_add(seg->seq, seg->len);
    bool highest = seq_lt(seg->seq, before->snd_nxt) && seq_le(before->snd_nxt, end);
    for (unsigned i = 0; i < before->sacked_count; i++) {
        highest = highest || (end == before->sacked[i].left && i + 1u == before->sacked_count &&
                              before->sacked[i].right == before->snd_nxt);
    }
    if (!highest && seq_distance(before->snd_una, before->snd_nxt) <= before->snd_wnd) {
        fails(monitor, "RESCUE_HIGHEST",
              "RFC6675:4h the rescue retransmission bears the highest octet not reported");
    }
}

void congestion_output(struct monitor *monitor, const struct tfsm_config *cfg,
                       const struct tfsm_tcb *before, const struct tfsm_segment *seg,
                       const struct tfsm_tcb *after)
{
    if (text_of(seg) > 0) {
        check_pipe(monitor, cfg, before, seg);
        check_first_flight(monitor, cfg, before, seg);
    }
    if ((after->flags & ~before->flags & TFSM_M_AGAIN) != 0) {
        check_rescue(monitor, before, seg);
    }
}
