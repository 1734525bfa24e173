/* Tail loss probes (RFC 8985 7): one at a time, when nothing has come back for as long as they have to wait, and only while
 * nothing is known to be lost or out of order. */
#include "internal.h"
#include "seq.h"

#define UNMEASURED UINT64_C(1000000) /* microseconds: PTO before a round trip was measured */

static void check_time(struct monitor *monitor, const struct tfsm_tcb *before,
                       const struct tfsm_event *ev)
{
    tfsm_time pto =
        (before->flags & TFSM_M_MEASURED) != 0 ? 2 * (tfsm_time)before->srtt : UNMEASURED;
    tfsm_time due = monitor->tail.from + pto;
    due = due < before->at_rtx ? due : before->at_rtx; /* no later than the retransmission timer */
    if (ev->kind != TFSM_EV_TIMEOUT || before->at_rtx == 0 ||
        (monitor->tail.known && ev->now < TFSM_NEVER / 2 && ev->now < due)) {
        fails_by(monitor, "TAIL_EARLY",
                 "RFC8985:7.2 a probe waits for two round trips, or for a second before one was "
                 "measured",
                 due, ev->now);
    }
}

/* A probe is to go out, or goes. */
static void check_place(struct monitor *monitor, const struct tfsm_config *cfg,
                        const struct tfsm_tcb *tcb)
{
    if (!flight_by_time(monitor, cfg, tcb) || losing(tcb) || monitor->held_count > 0 ||
        tcb->at_persist != 0 || tcb->snd_una == tcb->snd_nxt) {
        fails(monitor, "TAIL_UNFIT",
              "RFC8985:7.2 no probe in recovery, while something is reported, without SACK, or of "
              "nothing");
    }
    if (monitor->tail.out) {
        fails(monitor, "TAIL_TWICE",
              "RFC8985:7.3 no second probe before what was in flight at the first is acknowledged");
    }
}

void tail_step(struct monitor *monitor, const struct tfsm_config *cfg,
               const struct tfsm_tcb *before, const struct tfsm_event *ev,
               const struct tfsm_tcb *after)
{
    struct tail_account *tail = &monitor->tail;
    if ((after->loss & ~before->loss & TFSM_L_OWE_PROBE) != 0) {
        check_time(monitor, before, ev);
        check_place(monitor, cfg, before);
    }
    if (before->snd_una != after->snd_una || (before->flags & TFSM_M_SYN_ACKED) == 0) {
        tail->known = true;
        tail->from = ev->now;
    }
    tail->out = tail->out && !losing(after) && seq_lt(after->snd_una, tail->end) &&
                IN(after, ~NO_CONNECTION);
}

void tail_output(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_segment *seg,
                 const struct tfsm_tcb *after)
{
    bool fresh = seg->rule == TFSM_RULE_OUT_TAIL;
    uint32_t end = seq_add(seg->seq, seg->len);
    if (!fresh && seg->rule != TFSM_RULE_OUT_TAIL_AGAIN) {
        if (seg->len > 0 && seq_lt(before->snd_nxt, end)) {
            monitor->tail.known = true;
            monitor->tail.from = now;
        }
        return;
    }
    if (losing(before) || monitor->tail.out) { /* the rest was asked when it was due */
        check_place(monitor, cfg, before);
    }
    bool shut = seq_distance(before->snd_una, before->snd_nxt) >
                before->snd_wnd; /* the last does not fit */
    if (fresh ? seg->seq != before->snd_nxt : end != before->snd_nxt && !shut) {
        fails(monitor, "TAIL_PLACE",
              "RFC8985:7.3 a probe is text that was never sent, or the last that was");
    }
    monitor->tail.out = true;
    monitor->tail.end = after->snd_nxt;
}
