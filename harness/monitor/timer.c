/* Timers: the retransmission timeout, its back-off and its end, probes of a closed window,
 * keep-alives, and the patience of the user. */
#include "internal.h"
#include "seq.h"

#define SECOND UINT64_C(1000000)

/* ---- bounds ---- */

/* The timeout stays within its bounds, whatever was measured. */
static void check_rto(struct monitor *monitor, const struct tfsm_config *cfg,
                      const struct tfsm_tcb *after)
{
    if (IN(after, NO_CONNECTION)) {
        return;
    }
    tfsm_time least = cfg->rto_min < cfg->rto_max ? cfg->rto_min : cfg->rto_max;
    least = least < cfg->rto_initial ? least : cfg->rto_initial;
    tfsm_time most = cfg->rto_max > cfg->rto_initial ? cfg->rto_max : cfg->rto_initial;
    most = most > AFTER_SYN ? most : AFTER_SYN;
    if (after->rto < least || after->rto > most) {
        fails_by(monitor, "RTO_BOUNDS",
                 "RFC6298:2.4, RFC6298:2.5 the timeout keeps within its bounds",
                 after->rto < least ? least : most, after->rto);
    }
}

/* How long the user waits at most, 0 for ever: RFC 5482 3.1 where options are exchanged. */
static tfsm_time most_patience(const struct monitor *monitor, const struct tfsm_config *cfg,
                               const struct tfsm_tcb *tcb)
{
    tfsm_time time = cfg->user_timeout;
    if ((cfg->profile & TFSM_USER_TIMEOUT) == 0 || !monitor->connected) {
        return time;
    }
    if (time == 0) {
        tfsm_time minutes = (tcb->uto_peer & 0x8000u) != 0 ? 60 : 1;
        tfsm_time peer = (tcb->uto_peer & 0x7fffu) * minutes * SECOND;
        time = peer > cfg->uto_advertised ? peer : cfg->uto_advertised;
    }
    if (time == 0) {
        return 0;
    }
    time = time > cfg->uto_least ? time : cfg->uto_least;
    time = time < cfg->uto_most ? time : cfg->uto_most;
    tfsm_time rto = tcb->rto > cfg->rto_max ? tcb->rto : cfg->rto_max; /* however backed off */
    return time > rto ? time : rto + 1;
}

/* The user's timeout, by a clock of our own: from when something was to be acknowledged first, or
 * some of it was, or when the user lost his patience and chose a timeout. */
static void check_patience(struct monitor *monitor, const struct tfsm_config *cfg,
                           const struct tfsm_tcb *before, const struct tfsm_event *ev,
                           const struct tfsm_tcb *after)
{
    uint32_t end = seq_add(after->snd_end, after->flags & TFSM_M_CLOSE ? 1 : 0);
    tfsm_time patience = most_patience(monitor, cfg, after);
    bool waits = IN(after, ~(NO_CONNECTION | BIT(TIME_WAIT))) && after->snd_una != end;
    bool moved = before->snd_una != after->snd_una || before->iss != after->iss;
    if (waits && monitor->pending && !moved && !monitor->retimed && ev->kind == TFSM_EV_TIMEOUT &&
        patience > 0 && ev->now < TFSM_NEVER - 1 && ev->now - monitor->pending_from > patience) {
        fails(monitor, "USER_TIMEOUT", "RFC9293:3.10.8 the user timeout ends the connection");
    }
    if (waits && (!monitor->pending || moved || monitor->patient)) {
        monitor->pending_from = ev->now;
    }
    monitor->pending = waits;
    monitor->patient = patience == 0;
}

void timer_bounds(struct monitor *monitor, const struct tfsm_config *cfg,
                  const struct tfsm_tcb *before, const struct tfsm_event *ev,
                  const struct tfsm_tcb *after)
{
    check_rto(monitor, cfg, after);
    check_patience(monitor, cfg, before, ev, after);
}

/* ---- timeouts ---- */

/* Whoever waits for a deadline that does not move waits for ever, and never for anything else. At
 * the end of time itself all deadlines are one. */
void timer_progress(struct monitor *monitor, const struct tfsm_tcb *before,
                    const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    bool due = tfsm_deadline(before) <= ev->now;
    if (due && !monitor->retimed && ev->now < TFSM_NEVER / 2 && tfsm_deadline(after) <= ev->now) {
        fails(monitor, "NO_PROGRESS",
              "RFC9293:3.10.8 a timeout that is due moves its deadline or ends it");
    }
}

/* A keep-alive asks after silence, and only when nothing is outstanding. */
static void check_keepalive(struct monitor *monitor, const struct tfsm_config *cfg,
                            const struct tfsm_tcb *before, tfsm_time now)
{
    tfsm_time from = monitor->asked ? monitor->asked_at : monitor->heard;
    tfsm_time least = monitor->asked ? cfg->keepalive_every : cfg->keepalive_idle;
    if (cfg->keepalive_idle == 0 || before->snd_una != before->snd_nxt ||
        (now < TFSM_NEVER - 1 && now - from < least)) {
        fails(monitor, "KEEPALIVE_EARLY",
              "RFC9293:MUST-26 a keep-alive goes out only after silence, with nothing outstanding");
    }
    monitor->asked = true;
    monitor->asked_at = now;
}

bool timer_goes_off(const struct tfsm_tcb *before, const struct tfsm_event *ev,
                    const struct tfsm_tcb *after)
{
    bool early = before->at_early != 0 && ev->now >= before->at_early;
    bool probe = early && (before->loss & TFSM_L_REORDERING) == 0;
    bool recovers = early && (after->flags & (TFSM_M_RECOVERY | TFSM_M_LOSS)) == TFSM_M_RECOVERY;
    return ev->kind == TFSM_EV_TIMEOUT && before->at_rtx != 0 && ev->now >= before->at_rtx &&
           !probe && !recovers && before->snd_una != before->snd_nxt;
}

/* Back-off doubles, is bounded, and gives up after R2 and not before. */
static void check_timeout(struct monitor *monitor, const struct tfsm_config *cfg,
                          const struct tfsm_tcb *before, const struct tfsm_event *ev,
                          const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    bool rtx = timer_goes_off(before, ev, after);
    bool probe = before->at_persist != 0 && ev->now >= before->at_persist;
    bool user = before->at_user != 0 && ev->now >= before->at_user;
    if (before->state == TFSM_TIME_WAIT && before->at_2msl != 0 && ev->now >= before->at_2msl &&
        after->state != TFSM_CLOSED) {
        fails(monitor, "TIME_WAIT_FOR_EVER", "RFC9293:3.10.8 TIME-WAIT ends after 2MSL");
    }
    if (user && after->state != TFSM_CLOSED && after->state != TFSM_LISTEN) {
        fails(monitor, "USER_TIMEOUT", "RFC9293:3.10.8 the user timeout ends the connection");
    }
    bool keepalive = before->at_keepalive != 0 && ev->now >= before->at_keepalive;
    bool ends = (fx->signals & TFSM_SIG_TIMED_OUT) != 0 || after->state == TFSM_LISTEN;
    if (ends && before->state != TFSM_LISTEN && !rtx && !probe && !user && !keepalive) {
        fails(monitor, "TIMED_OUT_EARLY", "RFC9293:3.10.8 only a timer that is due gives up");
    }
    if ((!rtx && !probe) || user) {
        return;
    }
    unsigned r2 = monitor->connected ? cfg->retries : cfg->syn_retries;
    bool gave_up = (fx->signals & TFSM_SIG_TIMED_OUT) != 0 || after->state == TFSM_LISTEN;
    bool patient = (cfg->profile & TFSM_USER_TIMEOUT) != 0 && monitor->connected &&
                   before->at_user != 0; /* what was told decides, not R2 */
    tfsm_time rto = before->rto < cfg->rto_max ? before->rto : cfg->rto_max;
    if (rtx && !gave_up && monitor->front_known && monitor->front_seq == before->snd_una &&
        ev->now >= monitor->front_sent && ev->now - monitor->front_sent < rto &&
        before->at_rtx < TFSM_NEVER - 1) {
        fails(monitor, "RTX_EARLY",
              "RFC6298:5 the timer sends nothing again within a timeout of when it went out last");
    }
    if (rtx && gave_up != (monitor->timeouts >= r2) && !patient) {
        fails(monitor, "GIVE_UP_AT_R2",
              "RFC9293:MUST-20 give up after R2 retransmissions, not before");
    }
    monitor->timeouts++;
    if (rtx && !gave_up) {
        bool told = (fx->signals & TFSM_SIG_ADVICE) != 0;
        monitor->held_count = 0; /* the peer may have forgotten it (RFC 2018 8) */
        if (told != (cfg->r1 > 0 && monitor->timeouts >= cfg->r1)) {
            fails(monitor, "R1_TOLD",
                  "RFC9293:SHLD-9, RFC9293:MUST-20a from R1 retransmissions on the user is told");
        }
    }
    if (gave_up) {
        return;
    }
    monitor->owes_una = true;
    tfsm_time next = rtx ? after->at_rtx : after->at_persist;
    tfsm_time interval = next - ev->now;
    tfsm_time rto_max = cfg->rto_max > 0 ? cfg->rto_max : 1;
    if (rtx && monitor->interval != 0 && next < TFSM_NEVER - 1 && interval != rto_max &&
        interval / 2 != monitor->interval && interval != 1) {
        fails_by(monitor, "BACK_OFF", "RFC6298:5.5 the timeout doubles, up to its bound",
                 2 * monitor->interval, interval);
    }
    if (interval > rto_max) {
        fails_by(monitor, "BACK_OFF", "RFC6298:2.5 the timeout is bounded", rto_max, interval);
    }
    bool small = after->snd_wnd > 0; /* not closed: the override timeout goes before */
    if (probe && small && (after->flags & TFSM_M_ECE_WAIT) == 0 && interval > SECOND &&
        next < TFSM_NEVER - 1) {
        fails_by(monitor, "OVERRIDE", "RFC9293:3.8.6.2.1 a small window is used within a second",
                 SECOND, interval);
    }
    if (probe && !small && monitor->probe_interval != 0 && next < TFSM_NEVER - 1 &&
        interval != rto_max && interval / 2 != monitor->probe_interval && interval != 1) {
        fails_by(monitor, "PROBE_BACK_OFF", "RFC9293:SHLD-30 the interval between probes doubles",
                 2 * monitor->probe_interval, interval);
    }
    monitor->interval = rtx ? interval : 0;
    monitor->probe_interval = probe && !small ? interval : 0;
}

void timer_timeout(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, const struct tfsm_event *ev,
                   const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    if (after->keepalives > before->keepalives) {
        check_keepalive(monitor, cfg, before, ev->now);
    }
    check_timeout(monitor, cfg, before, ev, fx, after);
}

/* ---- what goes out ---- */

void timer_output(struct monitor *monitor, tfsm_time now, const struct tfsm_segment *seg)
{
    monitor->front_known = true;
    monitor->front_seq = seg->seq;
    monitor->front_sent = now;
}
