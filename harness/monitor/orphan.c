/* The end of a connection whose user has left, by a clock of our own: nobody is there who could end
 * it, and so it has to end by itself. */
#include "internal.h"
#include "seq.h"

static tfsm_time sum_of(tfsm_time a, tfsm_time b)
{
    return a < TFSM_NEVER - b ? a + b : TFSM_NEVER;
}

/* How long nothing may happen before the machine gives up: all tries, each after its timeout, and
 * some that recovery begins anew. The timer that runs may be from before the last measurement. */
static tfsm_time patience_of(const struct tfsm_config *cfg, const struct tfsm_tcb *tcb,
                             tfsm_time now)
{
    unsigned tries = cfg->retries > cfg->syn_retries ? cfg->retries : cfg->syn_retries;
    tfsm_time most = cfg->rto_max > 0 ? cfg->rto_max : 1;
    tfsm_time each = tcb->rto > 0 ? tcb->rto : 1;
    tfsm_time next = tcb->at_rtx > tcb->at_persist ? tcb->at_rtx : tcb->at_persist;
    tfsm_time sum = next > now ? next - now : 0;
    sum = sum < most ? sum : most;
    for (unsigned i = 0; i < tcb->backoff && each < most; i++) {
        each = sum_of(each, each);
    }
    for (unsigned i = 0; i < tries + 4; i++) {
        each = each < most ? each : most;
        sum = sum_of(sum, each);
        each = sum_of(each, each);
    }
    return sum;
}

/* When an orphan is over if nothing moves from now on. */
static tfsm_time orphan_end(const struct tfsm_config *cfg, const struct tfsm_tcb *tcb,
                            tfsm_time now)
{
    bool agreed = (cfg->profile & TFSM_USER_TIMEOUT) != 0 &&
                  tcb->at_user != 0; /* what was told decides, not R2 */
    if (IN(tcb, BIT(TIME_WAIT) | BIT(FIN_WAIT_2))) {
        return sum_of(now, cfg->msl > 0 ? sum_of(cfg->msl, cfg->msl) : 1);
    }
    return agreed ? TFSM_NEVER : sum_of(now, patience_of(cfg, tcb, now));
}

/* Nobody is there who could end it. */
static bool is_orphan(const struct monitor *monitor, const struct tfsm_tcb *tcb)
{
    const unsigned ending = BIT(CLOSING) | BIT(LAST_ACK) | BIT(TIME_WAIT);
    return IN(tcb, ending) ||
           (monitor->duty.deaf && IN(tcb, BIT(SYN_RECEIVED) | BIT(FIN_WAIT_1) | BIT(FIN_WAIT_2)));
}

/* What the peer may do that gives an orphan more time: acknowledge something, open or close the
 * window, answer a probe (RFC 9293 MUST-37), or send its FIN again in TIME-WAIT. */
static bool moves(const struct monitor *monitor, const struct tfsm_tcb *before,
                  const struct tfsm_event *ev, const struct tfsm_effects *fx,
                  const struct tfsm_tcb *after)
{
    bool answered =
        ev->kind == TFSM_EV_SEGMENT && before->at_persist != 0 && fx->verdict != TFSM_V_DROP;
    bool fin_again = before->state == TFSM_TIME_WAIT && ev->kind == TFSM_EV_SEGMENT &&
                     (ev->segment.flags & TFSM_FIN) != 0 &&
                     seq_add(ev->segment.seq, ev->segment.len) == before->rcv_nxt;
    bool other = before->snd_mss != after->snd_mss || before->uto_peer != after->uto_peer;
    return !monitor->duty.orphan || before->state != after->state ||
           before->snd_una != after->snd_una || answered || other ||
           (before->at_persist != 0) != (after->at_persist != 0) || fin_again;
}

void orphan_step(struct monitor *monitor, const struct tfsm_config *cfg,
                 const struct tfsm_tcb *before, const struct tfsm_event *ev,
                 const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    struct duty_account *duty = &monitor->duty;
    bool late = ev->kind == TFSM_EV_TIMEOUT && tfsm_deadline(before) < ev->now;
    if (ev->kind == TFSM_EV_ABORT && after->state != TFSM_CLOSED) {
        fails(monitor, "ORPHAN_LIVES", "RFC9293:3.10.5 ABORT ends the connection");
    }
    if (!is_orphan(monitor, after)) {
        duty->orphan = false;
        return;
    }
    /* Where output was not drawn since the last event, what is to be waited for has not begun. */
    bool waits = IN(after, BIT(FIN_WAIT_2) | BIT(TIME_WAIT));
    if (moves(monitor, before, ev, fx, after) || (!duty->drained && !waits)) {
        duty->orphan = true;
        duty->orphan_by = orphan_end(cfg, after, ev->now);
    } else if (late) { /* a deadline that was looked at late moves those after it */
        duty->orphan_by = sum_of(duty->orphan_by, ev->now - tfsm_deadline(before));
    }
    if (ev->kind == TFSM_EV_TIMEOUT && ev->now >= duty->orphan_by && ev->now < TFSM_NEVER - 1) {
        fails(monitor, "ORPHAN_LIVES",
              "RFC9293:3.10.8, RFC9293:MUST-20 a connection that its user has left ends");
    }
    duty->drained = false;
}

void orphan_output(struct monitor *monitor, const struct tfsm_config *cfg,
                   const struct tfsm_tcb *before, tfsm_time now, const struct tfsm_tcb *after)
{
    if (before->snd_nxt != after->snd_nxt ||
        (before->at_persist != 0) != (after->at_persist != 0)) {
        monitor->duty.orphan_by = orphan_end(cfg, after, now);
    }
}

void orphan_drained(struct monitor *monitor, const struct tfsm_tcb *tcb)
{
    if (is_orphan(monitor, tcb) && monitor->duty.orphan_by < TFSM_NEVER - 1 &&
        tfsm_deadline(tcb) > monitor->duty.orphan_by) {
        fails(monitor, "ORPHAN_LIVES",
              "RFC9293:3.10.8 a connection that its user has left waits for an end");
    }
}
