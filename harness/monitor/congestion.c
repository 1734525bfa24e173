/* Loss and congestion: when the window of RFC 5681 opens and closes, ECE as RFC 3168 asks for it,
 * and what goes out within it. */
#include "internal.h"
#include "seq.h"

/* What a sign of congestion may leave at most of what was in flight: half of it, with CUBIC seven tenths, and with ABE
 * more where it is ECE (RFC5681:3.1j, RFC9438:4.6, RFC8511:3). */
static uint32_t left_at_most(const struct tfsm_config *cfg, const struct tfsm_tcb *tcb,
                             uint32_t flight, bool ece)
{
    bool cubic = (cfg->profile & TFSM_CUBIC) != 0;
    uint64_t part = ece && (cfg->profile & TFSM_ABE) != 0 ? (cubic ? 85 : 80) : cubic ? 70 : 50;
    uint32_t left = (uint32_t)(flight * part / 100);
    uint32_t least = 2 * segment_size(tcb);
    return left > least ? left : least;
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
static void check_congestion(struct monitor *monitor, const struct tfsm_config *cfg,
                             const struct tfsm_tcb *before, const struct tfsm_event *ev,
                             const struct tfsm_tcb *after)
{
    uint32_t size = segment_size(after);
    uint32_t flight = seq_distance(before->snd_una, before->snd_nxt);
    bool losing = (before->flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) != 0;
    bool timed_out = timer_goes_off(before, ev, after);
    if ((before->flags & TFSM_M_SYN_ACKED) == 0 || !IN(after, SYNCHRONIZED)) {
        return;
    }
    if (timed_out && after->cwnd != size) {
        fails_by(monitor, "LOSS_WINDOW", "RFC5681:3.1k after a timeout the window is one segment",
                 size, after->cwnd);
    }
    if (timed_out && monitor->timeouts == 0 &&
        after->ssthresh > left_at_most(cfg, after, flight, false)) {
        fails_by(monitor, "SSTHRESH",
                 "RFC5681:3.1j, RFC9438:4.8a the threshold is half of what was in flight, or seven "
                 "tenths",
                 left_at_most(cfg, after, flight, false), after->ssthresh);
    }
    bool mends = (before->loss & ~after->loss & TFSM_L_MTU_OUT) != 0 && monitor->path_tried;
    if (!losing && (after->flags & TFSM_M_RECOVERY) != 0 && !monitor->sack &&
        monitor->duplicates < 3 && !(mends && ev->kind == TFSM_EV_ICMP)) {
        fails_by(
            monitor, "RECOVERY_EARLY",
            "RFC5681:3.2c without SACK three duplicate acknowledgments tell of a loss, no fewer", 3,
            monitor->duplicates);
    }
    /* with PRR the window says what goes out now, and the threshold what it comes to */
    const uint32_t prr = TFSM_PRR | TFSM_RACK;
    uint32_t window = monitor->sack && (cfg->profile & prr) == prr ? after->ssthresh : after->cwnd;
    if (mends) { /* RFC4821:7.6.2 what tried the path is lost and nothing else: the window stays */
        return;
    }
    /* RFC7661:4.4.1 of a window that was not used half of what was: less than half of it was */
    bool unused =
        (cfg->profile & TFSM_CWV) != 0 && (after->loss & ~before->loss & TFSM_L_UNVALIDATED) != 0;
    uint32_t most = left_at_most(cfg, after, flight, false);
    most = unused && before->cwnd / 4 > most ? before->cwnd / 4 : most;
    bool heeded = (cfg->profile & TFSM_ABE) != 0 && monitor->cut && monitor->cut_by_ece &&
                  seq_lt(before->snd_una, monitor->cut_seq) &&
                  after->ssthresh <= before->ssthresh; /* RFC8511:4.2 */
    /* a larger segment than the path takes was lost, and is no sign of congestion (RFC4821:7.5) */
    bool tried =
        (before->loss & ~after->loss & TFSM_L_MTU_OUT) != 0 && window <= before->cwnd + 3 * size;
    if (!heeded && !tried && !losing && (after->flags & TFSM_M_RECOVERY) != 0 &&
        window > most + 3 * size) {
        fails_by(monitor, "RECOVERY_WINDOW", "RFC5681:3.2g a loss halves the window",
                 most + 3 * size, window);
    }
}

/* ECE lowered the window. */
static void check_cut(struct monitor *monitor, const struct tfsm_config *cfg,
                      const struct tfsm_tcb *before, const struct tfsm_segment *seg,
                      const struct tfsm_tcb *after)
{
    uint32_t flight = seq_distance(before->snd_una, before->snd_nxt);
    if (monitor->cut && seq_le(seg->ack, monitor->cut_seq)) {
        fails(monitor, "CUT_TWICE", "RFC3168:6.1.2b ECE lowers the window once in a flight");
    }
    if (after->ssthresh > left_at_most(cfg, after, flight, true)) {
        fails_by(monitor, "ECE_CUT", "RFC3168:6.1.2a ECE leaves no more than a loss would",
                 left_at_most(cfg, after, flight, true), after->ssthresh);
    }
}

/* ECE lowers the window as a loss would, and once for what was in flight together: the peer says it
 * until CWR comes. */
static void check_ece(struct monitor *monitor, const struct tfsm_config *cfg,
                      const struct tfsm_tcb *before, const struct tfsm_event *ev,
                      const struct tfsm_tcb *after)
{
    const uint32_t losing = TFSM_M_RECOVERY | TFSM_M_LOSS;
    bool timed_out = (after->flags & TFSM_M_LOSS) != 0 && timer_goes_off(before, ev, after);
    bool recovers = (before->flags & losing) == 0 && (after->flags & TFSM_M_RECOVERY) != 0;
    /* what a tail loss probe has made good counts as a loss of its own (RFC8985:7.4.2) */
    bool helped = monitor->tail.out && ev->kind == TFSM_EV_SEGMENT &&
                  seq_lt(monitor->tail.end, after->snd_una) && after->ssthresh != before->ssthresh;
    bool ece = !helped && monitor->ecn && (before->flags & TFSM_M_SYN_ACKED) != 0 &&
               ev->kind == TFSM_EV_SEGMENT && (ev->segment.flags & TFSM_ECE) != 0 &&
               ((before->flags | after->flags) & losing) == 0 && after->cwnd < before->cwnd &&
               before->at_persist == 0; /* else it may be a pause that ends */
    if (ece) {
        check_cut(monitor, cfg, before, &ev->segment, after);
    }
    if (ece || recovers || timed_out || helped) {
        monitor->cut = true;
        monitor->cut_by_ece = ece;
        monitor->cut_seq = monitor->snd_max;
    } else if (seq_lt(monitor->cut_seq, after->snd_una)) {
        monitor->cut = false;
    }
}

void congestion_step(struct monitor *monitor, const struct tfsm_config *cfg,
                     const struct tfsm_tcb *before, const struct tfsm_event *ev,
                     const struct tfsm_tcb *after)
{
    check_congestion(monitor, cfg, before, ev, after);
    check_ece(monitor, cfg, before, ev, after);
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
    uint32_t from =
        monitor->held_more ? seq_max(monitor->held_from, before->snd_una) : before->snd_nxt;
    uint32_t end = monitor->held_more ? seq_max(monitor->held_end, from) : from;
    for (unsigned i = 0; i < monitor->held_count; i++) {
        uint32_t right = monitor->held[i].right;
        end = monitor->held_more ? seq_max(end, right) : end;
        room += seq_lt(monitor->held[i].left, from)
                    ? seq_distance(monitor->held[i].left, seq_min(right, from))
                    : 0;
    }
    room += seq_distance(from, end);
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
    unsigned last = before->sent_count;
    const struct tfsm_sent *runs = tfsm_sent_runs(before);
    if (last > 1 && runs[last - 1].at == TFSM_HELD && runs[last - 1].right == before->snd_nxt) {
        highest = highest || end == runs[last - 2].right;
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
    if (text_of(seg) > 0 &&
        seg->rule != TFSM_RULE_OUT_TAIL) { /* one beyond it is allowed (RFC8985:9.3d) */
        check_pipe(monitor, cfg, before, seg);
        check_first_flight(monitor, cfg, before, seg);
    }
    if ((after->flags & ~before->flags & TFSM_M_AGAIN) != 0) {
        check_rescue(monitor, before, seg);
    }
}
