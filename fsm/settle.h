/* What keeps timers and debts in line with the rest of a connection: the last thing that an event does, and a segment
 * that goes out. */
#ifndef TFSM_SETTLE_H
#define TFSM_SETTLE_H

#include "flight.h"

static inline tfsm_time two_msl(const struct tfsm_config *cfg)
{
    return cfg->msl < TFSM_NEVER / 2 ? 2 * cfg->msl : TFSM_NEVER;
}

/* Arm a deadline that should run and does not, stop one that should not. */
static inline void keep_timer(tfsm_time *at, bool wanted, tfsm_time now, tfsm_time delay)
{
    if (!wanted) {
        *at = 0;
    } else if (*at == 0) {
        *at = later(now, delay);
    }
}

/* RTO * 2^backoff, at most rto_max (RFC6298:5.5). After 64 turns at most it can double no more. */
static inline tfsm_time backed_off(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    tfsm_time rto = tcb->rto > 0 ? tcb->rto : 1;
    for (unsigned i = 0; i < tcb->backoff && rto < cfg->rto_max; i++) {
        rto = rto < TFSM_NEVER / 2 ? 2 * rto : TFSM_NEVER;
    }
    return rto < cfg->rto_max ? rto : cfg->rto_max;
}

#define EARLY (TFSM_L_RESTART | TFSM_L_REORDERING | TFSM_L_OWE_PROBE)

/* There is something to do for the timer that goes before that of retransmissions, or it runs. */
static inline bool early_matters(const struct tfsm_tcb *tcb)
{
    return CAN(TFSM_RACK) && (tcb->at_early != 0 || (remembered(tcb) & EARLY) != 0);
}

/* Then: starts it, or stops it. */
void tfsm_settle_early(struct tfsm_tcb *tcb, tfsm_time now);

/* States in which a connection without a word to say may ask whether the peer is still there. */
#define STATES_IDLE (STATE_BIT(ESTABLISHED) | STATE_BIT(FIN_WAIT_2) | STATE_BIT(CLOSE_WAIT))

/* All of it, of any connection. */
void tfsm_settle(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now);

/* The keep-alive timer runs where it should: while nothing is outstanding, if it is asked for. */
static inline bool keepalive_stands(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    if ((tcb->at_keepalive | cfg->keepalive_idle) == 0) {
        return true;
    }
    bool asks = tcb->snd_una == tcb->snd_nxt && IN_STATE(tcb, STATES_IDLE);
    return (tcb->at_keepalive != 0) == (asks && cfg->keepalive_idle > 0);
}

/* Whether the retransmission timer is all that may have to change: text can flow, or our SYN is not yet acknowledged, no
 * other timer runs or should, and no debt hangs on one. */
static inline bool is_quiet(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    const uint32_t flags = TFSM_M_PROBING | TFSM_M_ECE_WAIT | TFSM_M_SYN_ACKED;
    const uint8_t owed = TFSM_OWE_PROBE | TFSM_OWE_KEEPALIVE;
    if ((tcb->at_persist | tcb->at_2msl | tcb->at_user | tcb->user_from | cfg->user_timeout) != 0 ||
        (tcb->owed & owed) != 0 || tcb->keepalives != 0 || !keepalive_stands(tcb, cfg)) {
        return false;
    }
    if (IN_STATE(tcb, STATES_SENDING)) {
        return (tcb->flags & flags) == TFSM_M_SYN_ACKED && tcb->snd_wnd > 0 &&
               (tcb->snd_una != tcb->snd_nxt || tcb->snd_nxt == send_limit(tcb)) &&
               !profile(cfg, TFSM_USER_TIMEOUT);
    }
    return IN_STATE(tcb, STATE_BIT(SYN_SENT) | STATE_BIT(SYN_RECEIVED)) &&
           (tcb->flags & flags) == 0;
}

/* The same by the shortest way. */
static inline void settle(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now)
{
    if (SMALL || !is_quiet(tcb, cfg)) {
        tfsm_settle(tcb, cfg, now);
        return;
    }
    if (tcb->snd_una == tcb->snd_nxt) {
        tcb->at_rtx = 0;
        tcb->owed &= (uint8_t) ~(unsigned)TFSM_OWE_RTX;
    } else if (tcb->at_rtx == 0) {
        tcb->at_rtx = later(now, backed_off(tcb, cfg));
    }
    if (early_matters(tcb)) {
        tfsm_settle_early(tcb, now);
    }
}

#endif
