/* Afterwards: brings timers and debts in line with the rest of a connection, whatever an event or a segment has changed.
 * Who knows that little has changed comes here by way of settle(), which is quicker. */
#include "settle.h"

#define OVERRIDE 1000000 /* microseconds a small window is waited for (RFC 9293 3.8.6.2.1) */

/* The user timeout, 0 if there is none: what the user asked for, else what the two ends tell each other
 * (RFC5482:3.1). Where the option is used it keeps within bounds, whosever it is, and above the
 * retransmission timeout. That is for synchronized states: an open the user may give up as he likes.
 * [RFC5482:3a, RFC5482:3e, 3.1a, 3.1c, 3.1d, 3.1f, 3.2a, 3.3a; RFC5482:3.3d] */
static tfsm_time user_timeout(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    tfsm_time peer = uto_time(tcb->uto_peer);
    tfsm_time told = peer > cfg->uto_advertised ? peer : cfg->uto_advertised;
    tfsm_time time = cfg->user_timeout > 0 ? cfg->user_timeout : told;
    tfsm_time rto = backed_off(tcb, cfg);
    if (!profile(cfg, TFSM_USER_TIMEOUT) || !has(tcb->flags, TFSM_M_SYN_ACKED) || time == 0) {
        return cfg->user_timeout;
    }
    time = uto_bounded(cfg, time);
    return time > rto ? time : later(rto, 1);
}

#define PROBE_ACK_DELAY 200000u /* TLP.max_ack_delay: what one segment may wait for company */

/* The probe timer: after two round trips, and where one segment is out also what its acknowledgment may wait, no later
 * than the retransmission timer. [RFC8985:7.2c, 7.2e, 7.2f] */
static tfsm_time probe_time(const struct tfsm_tcb *tcb, tfsm_time now)
{
    bool alone = in_flight(tcb) <= (tcb->last_len > 0 ? tcb->last_len : smss(tcb));
    /* of echoes SRTT may be less than any round trip was */
    tfsm_time pto = 2 * (tfsm_time)max32(tcb->srtt, tcb->min_rtt) + (alone ? PROBE_ACK_DELAY : 0);
    tfsm_time at = later(now, pto);
    return at < tcb->at_rtx ? at : tcb->at_rtx;
}

/* Of the timer that goes before that of retransmissions. Where the one of reordering runs it is rack.c's. That of a probe
 * runs only if a probe may go: else it would put off the retransmission timer, again and again where text follows.
 * [RFC8985:7.2a, 7.2b, 7.3a, 7.3b, 7.3c, 5.4a, 5.4b, RFC8985:8a] */
void tfsm_settle_early(struct tfsm_tcb *tcb, tfsm_time now)
{
    bool runs =
        tcb->at_rtx != 0 && tcb->snd_una != tcb->snd_nxt && !has(tcb->flags, TFSM_M_PROBING);
    bool tail = runs && !losing(tcb) && tcb->snd_held == 0 && (remembered(tcb) & TFSM_L_PROBE) == 0;
    if ((remembered(tcb) & TFSM_L_REORDERING) != 0 ? !runs : !tail) {
        tcb->at_early = 0;
        forget_loss(tcb, TFSM_L_REORDERING);
    }
    const uint32_t asked = TFSM_L_RESTART | TFSM_L_REORDERING | TFSM_L_SAMPLED;
    if (tail && (remembered(tcb) & asked) == (TFSM_L_RESTART | TFSM_L_SAMPLED)) {
        tcb->at_early = probe_time(tcb, now);
    }
    forget_loss(tcb, TFSM_L_RESTART);
    if ((remembered(tcb) & TFSM_L_OWE_PROBE) != 0 && !(tail && tail_fits(tcb))) {
        forget_loss(tcb, TFSM_L_OWE_PROBE);
    }
}

/* [RFC6298:5, 5.1, 5.2; RFC9293:SHLD-29, MUST-27; RFC5482:4.2; RFC6298:1] */
void tfsm_settle(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now)
{
    bool open = !IN_STATE(tcb, STATE_BIT(CLOSED) | STATE_BIT(LISTEN) | STATE_BIT(TIME_WAIT));
    bool probing = must_probe(tcb);
    bool silent = IN_STATE(tcb, STATES_IDLE) && tcb->snd_una == tcb->snd_nxt && !probing;
    if (has(tcb->flags, TFSM_M_PROBING) != probing) {
        /* Another timer takes over, and counts from the beginning. The timeout stays what it was,
         * backed off perhaps, but for what probes have added. */
        tcb->tries = 0;
        tcb->backoff = has(tcb->flags, TFSM_M_PROBED) ? 0 : tcb->backoff;
        tcb->flags ^= TFSM_M_PROBING;
        tcb->flags &= ~(uint32_t)TFSM_M_PROBED;
    }
    if (!IN_STATE(tcb, STATES_SENDING)) {
        tcb->flags &= ~(uint32_t)TFSM_M_ECE_WAIT;
    }
    bool outstanding = open && must_retransmit(tcb);
    bool waits = ece_waits(tcb); /* beside a closed window, too, and after it */
    bool hurries = tcb->snd_wnd > 0 && !waits;
    tfsm_time rto = backed_off(tcb, cfg);
    keep_timer(&tcb->at_rtx, outstanding || (waits && !probing), now, rto);
    keep_timer(&tcb->at_persist, probing, now, hurries && rto > OVERRIDE ? OVERRIDE : rto);
    tfsm_time patience = user_timeout(tcb, cfg);
    bool waiting = open && patience > 0 && tcb->snd_una != send_limit(tcb);
    tcb->user_from = !waiting ? 0 : tcb->at_user == 0 ? now : tcb->user_from;
    tcb->at_user = waiting ? later(tcb->user_from, patience) : 0;
    /* A user who will not read waits for the peer's FIN no longer than TIME-WAIT would last. */
    if (tcb->state != TFSM_TIME_WAIT) {
        keep_timer(&tcb->at_2msl, tcb->state == TFSM_FIN_WAIT_2 && has(tcb->flags, TFSM_M_DEAF),
                   now, two_msl(cfg));
    }
    /* Where user timeouts are told, silence must last longer than ours (RFC5482:4.2). */
    bool adopted = profile(cfg, TFSM_USER_TIMEOUT) && patience >= cfg->keepalive_idle;
    tfsm_time idle = adopted ? later(patience, 1) : cfg->keepalive_idle;
    keep_timer(&tcb->at_keepalive, silent && cfg->keepalive_idle > 0, now,
               tcb->keepalives > 0 ? cfg->keepalive_every : idle);
    if (!silent) {
        tcb->keepalives = 0;
        tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_KEEPALIVE;
    }
    if (!outstanding) {
        tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_RTX;
    }
    if (!probing) {
        tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_PROBE;
    }
    if (early_matters(tcb)) {
        tfsm_settle_early(tcb, now);
    }
}
