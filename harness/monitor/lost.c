/* When something may be taken for lost (RFC 8985, RFC 6675), by the account of what is in flight in flight.c; and with RACK
 * nothing else goes again. */
#include "internal.h"
#include "seq.h"

#define DUP_THRESH 3u

/* Three duplicates' worth: so many segments are reported, or so many ACKs told something new. */
static bool many_held(const struct monitor *monitor, const struct tfsm_tcb *before,
                      const struct tfsm_tcb *after)
{
    unsigned segments = 0;
    uint32_t octets = 0;
    for (unsigned i = 0; i < monitor->in_flight.count; i++) {
        if (monitor->flight[i].held) {
            uint32_t length = seq_distance(flight_left(monitor, i), monitor->flight[i].right);
            segments += (length - 1) / monitor->flight[i].least + 1;
            octets += length;
        }
    }
    return segments >= DUP_THRESH || octets > (DUP_THRESH - 1) * segment_size(after) ||
           monitor->in_flight.told >= DUP_THRESH || before->dup_acks >= DUP_THRESH;
}

/* At least so long text may be late that went before what has arrived. */
static tfsm_time reordering(const struct monitor *monitor, const struct tfsm_tcb *before,
                            const struct tfsm_tcb *after)
{
    const struct flight_account *account = &monitor->in_flight;
    if (!account->measured || after->srtt == 0 ||
        (!account->reordered && (losing(before) || many_held(monitor, before, after)))) {
        return 0;
    }
    tfsm_time window = account->min_rtt / 4 * (account->wide + 1u);
    return window < after->srtt ? window : after->srtt;
}

/* The run of a TCB that a number lies in; where it is behind them all its end is TCB's, and of its fate nothing is known. */
static struct tfsm_sent run_at(const struct tfsm_tcb *tcb, uint32_t seq)
{
    const struct tfsm_sent *runs = tfsm_sent_runs(tcb);
    uint32_t at = seq_distance(tcb->snd_una, seq);
    unsigned first = 0;
    unsigned end = tcb->sent_count;
    while (first < end) {
        unsigned middle = first + (end - first) / 2;
        if (at < seq_distance(tcb->snd_una, runs[middle].right)) {
            end = middle;
        } else {
            first = middle + 1;
        }
    }
    return first < tcb->sent_count ? runs[first] : (struct tfsm_sent){tcb->snd_nxt, 0};
}

/* RACK step 5: something sent later has arrived, and so much time has passed as that took, and the reordering window;
 * when the retransmission timer goes off (6.3) the front is lost, and what is as old as that. */
static void check_time(struct monitor *monitor, const struct tfsm_event *ev, bool timer, bool front,
                       tfsm_time window, const struct flight_range *range)
{
    const struct flight_account *account = &monitor->in_flight;
    /* of the same moment, as finely as that is kept, numbers tell */
    bool later = account->arrived &&
                 (range->from < account->rack_at || (range->from - account->rack_at < ROUNDED &&
                                                     seq_lt(range->right, account->rack_end)));
    tfsm_time rtt = account->arrived ? account->rack_rtt : 0;
    tfsm_time due = range->from + rtt + (timer ? 0 : window);
    if (timer && (front || !account->arrived)) {
        return;
    }
    if (!timer && !later) {
        fails(monitor, "LOST_UNTOLD",
              "RFC8985:6.2 nothing is lost before something that was sent later has arrived");
    } else if (due > ev->now && due - ev->now > ROUNDED) { /* time ends somewhere */
        fails_by(monitor, "LOST_EARLY",
                 "RFC8985:6.2 what is late is lost when a round trip and the reordering window "
                 "have passed",
                 due, ev->now);
    }
}

/* IsLost() of RFC 6675 4. */
static void check_held(struct monitor *monitor, const struct tfsm_tcb *after, uint32_t right)
{
    uint32_t octets = 0;
    unsigned ranges = 0;
    bool within = false;
    for (unsigned i = 0; i < monitor->in_flight.count; i++) {
        bool counts = monitor->flight[i].held && seq_le(right, flight_left(monitor, i));
        ranges += counts && !within;
        octets += counts ? seq_distance(flight_left(monitor, i), monitor->flight[i].right) : 0;
        within = counts;
    }
    if (ranges < DUP_THRESH && octets <= (DUP_THRESH - 1) * segment_size(after)) {
        fails(monitor, "LOST_UNTOLD",
              "RFC6675:4a nothing is lost below fewer than three ranges that arrived, or two "
              "segments' worth");
    }
}

/* These numbers were not taken for lost before. */
static void check_lost(struct monitor *monitor, const struct tfsm_config *cfg,
                       const struct tfsm_tcb *before, const struct tfsm_event *ev,
                       const struct tfsm_tcb *after, struct tfsm_range lost, bool known)
{
    bool timer = timer_goes_off(before, ev, after);
    tfsm_time window = reordering(monitor, before, after);
    if (!flight_by_time(monitor, cfg, after)) {
        if (!timer) {
            check_held(monitor, after, lost.right);
        }
        return;
    }
    for (unsigned i = 0; i < monitor->in_flight.count; i++) {
        uint32_t left = flight_left(monitor, i);
        const struct flight_range *range = &monitor->flight[i];
        if (seq_lt(left, lost.right) && seq_lt(lost.left, range->right) && !range->held &&
            !(timer && !known) && !range->told) {
            /* text of the same moment has one time */
            bool front = lost.left == after->snd_una || range->from == monitor->flight[0].from;
            check_time(monitor, ev, timer, front, window, range);
        }
    }
}

void lost_step(struct monitor *monitor, const struct tfsm_config *cfg,
               const struct tfsm_tcb *before, const struct tfsm_event *ev,
               const struct tfsm_tcb *after)
{
    const struct tfsm_sent *runs = tfsm_sent_runs(after);
    for (unsigned i = 0; i < after->sent_count; i++) {
        struct tfsm_range lost = {i > 0 ? runs[i - 1].right : after->snd_una, runs[i].right};
        while ((runs[i].at & TFSM_LOST) != 0 && seq_lt(lost.left, runs[i].right)) {
            struct tfsm_sent was = run_at(before, lost.left);
            lost.right = seq_min(runs[i].right, was.right);
            if (!seq_lt(lost.left, lost.right)) {
                return;
            }
            if ((was.at & TFSM_LOST) == 0) {
                check_lost(monitor, cfg, before, ev, after, lost,
                           (was.at & ~(uint32_t)TFSM_FATES) != 0);
            }
            lost.left = lost.right;
        }
    }
}

/* With RACK nothing goes again but what is taken for lost, the front when a timer or a message asks for it, and a probe. */
void lost_output(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, const struct tfsm_segment *seg)
{
    const struct tfsm_sent *runs = tfsm_sent_runs(before);
    unsigned i = 0;
    if (!flight_by_time(monitor, cfg, before) || before->at_persist != 0 ||
        (before->owed & TFSM_OWE_RTX) != 0 || seg->rule == TFSM_RULE_OUT_TAIL_AGAIN) {
        return;
    }
    while (i < before->sent_count && seq_le(runs[i].right, seg->seq)) {
        i++;
    }
    if (i == before->sent_count || (runs[i].at & TFSM_LOST) == 0) {
        fails(monitor, "RESENT_UNLOST",
              "RFC8985:9.2 with RACK nothing goes again but what is taken for lost");
    }
}
