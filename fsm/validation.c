/* How much of the congestion window was used lately, and what a window is worth of which little was (RFC 7661). It takes
 * the place of the restart after a pause (RFC 5681 4.1): a window is kept over a pause of some minutes, and does not grow
 * by what it did not let out.
 *
 * Readings of the text that are taken here:
 * - pipeACK is the greatest of the samples, one a round trip, of between half a period and a whole one: two halves are
 *   kept, and the older is dropped when the newer is full. A time without samples counts as samples of nothing.
 * - A loss with half of the window in flight finds it used, whatever the samples say: in slow start they are of the round
 *   trip before, when the window was half as large.
 * - ECE asks for the same as a loss, with nothing sent again.
 * - Of PRR the window after a loss in this phase is the target. */
#include "flight.h"

#define PERIOD_LEAST 1000000u            /* microseconds (RFC7661:4.2) */
#define KEPT         UINT64_C(300000000) /* the non-validated period, microseconds (RFC7661:4.4.3) */

/* [RFC7661:4.2d, 4.2e] */
static uint32_t pipe_ack(const struct tfsm_tcb *tcb)
{
    return max32(tcb->cwv_peak, tcb->cwv_before);
}

/* Before the first sample all is as it was. [RFC7661:4.1, 4.2g, 4.3, 4.4a, 4.4b] */
bool tfsm_is_validated(const struct tfsm_tcb *tcb)
{
    return (remembered(tcb) & TFSM_L_SAMPLING) == 0 || pipe_ack(tcb) >= tcb->cwnd / 2;
}

static void begin_sample(struct tfsm_tcb *tcb, uint32_t ack, tfsm_time now)
{
    if (tcb->cwv_at == 0) {
        tcb->cwv_half = now;
        tcb->cwv_since = now;
    }
    tcb->cwv_una = ack;
    tcb->cwv_at = now + 1;
}

static tfsm_time half_period(const struct tfsm_tcb *tcb)
{
    return max32(3 * min32(tcb->srtt, UINT32_MAX / 4), PERIOD_LEAST) / 2;
}

/* Nothing was acknowledged in a whole period. */
static void age(struct tfsm_tcb *tcb, tfsm_time now)
{
    if (now < tcb->cwv_half || now - tcb->cwv_half >= 2 * half_period(tcb)) {
        tcb->cwv_before = 0;
        tcb->cwv_peak = 0;
        tcb->cwv_half = now;
    }
}

/* SND.UNA moves to a number. Returns whether it is so long since the window was used that it ages, which tfsm_cwnd_restart()
 * makes it. [RFC7661:4.2a, 4.2c, 4.2d, 4.2f, 4.2h] */
bool tfsm_pipe_sample(struct tfsm_tcb *tcb, uint32_t ack, tfsm_time now)
{
    if (has(tcb->flags, TFSM_M_RECOVERY) || !has(tcb->flags, TFSM_M_MEASURED) || tcb->cwv_at == 0) {
        begin_sample(tcb, ack, now);
        return false;
    }
    if (now + 1 < tcb->cwv_at || now + 1 - tcb->cwv_at < tcb->srtt) {
        return false;
    }
    uint32_t octets = seq_distance(tcb->cwv_una, ack);
    age(tcb, now);
    if (now - tcb->cwv_half >= half_period(tcb)) {
        tcb->cwv_before = tcb->cwv_peak;
        tcb->cwv_peak = 0;
        tcb->cwv_half = now;
    }
    bool first = (remembered(tcb) & TFSM_L_SAMPLING) == 0; /* until now it was */
    tcb->cwv_peak = max32(tcb->cwv_peak, octets < TFSM_SEQ_HALF ? octets : 0);
    remember_loss(tcb, TFSM_L_SAMPLING);
    begin_sample(tcb, ack, now);
    if (first || tfsm_is_validated(tcb)) {
        tcb->cwv_since = now;
    }
    return now >= tcb->cwv_since && now - tcb->cwv_since > KEPT;
}

/* What a loss leaves where the window is not validated: half of what was used. [RFC7661:4.4g, 4.4.1a, 4.4.1b] */
uint32_t tfsm_unvalidated_cut(struct tfsm_tcb *tcb, uint32_t flight)
{
    tcb->cwv_flight = max32(pipe_ack(tcb), flight);
    tcb->cwv_resent = 0;
    remember_loss(tcb, TFSM_L_UNVALIDATED);
    return bounded(tcb->cwv_flight) / 2;
}

/* And at the end of that recovery, less what was lost. [RFC7661:4.2g, 4.4.1c, 4.4.1e, 4.4.1f, 4.4.1g] */
void tfsm_unvalidated_end(struct tfsm_tcb *tcb)
{
    if ((remembered(tcb) & TFSM_L_UNVALIDATED) != 0) {
        uint32_t left = bounded(tcb->cwv_flight) - min32(tcb->cwv_resent, bounded(tcb->cwv_flight));
        tcb->ssthresh = max32(left / 2, 2 * smss(tcb));
        tcb->cwnd = max32(left / 2, smss(tcb));
    }
    forget_loss(tcb, TFSM_L_UNVALIDATED | TFSM_L_SAMPLING);
    tcb->cwv_peak = 0;
    tcb->cwv_before = 0;
}

/* Text is about to go: a window that was not used for so long is worth half. [RFC7661:4.4i, 4.4.3a, 4.4.3b, 4.5.2] */
void tfsm_window_ages(struct tfsm_tcb *tcb, uint32_t initial, tfsm_time now)
{
    age(tcb, now);
    for (unsigned i = 0; i < 32 && !tfsm_is_validated(tcb) && tcb->cwnd > initial &&
                         now >= tcb->cwv_since && now - tcb->cwv_since > KEPT;
         i++) {
        tcb->ssthresh = max32(tcb->ssthresh, bounded((uint64_t)tcb->cwnd * 3 / 4));
        tcb->cwnd = min32(tcb->cwnd, max32(tcb->cwnd / 2, initial));
        tcb->cwv_since += KEPT;
    }
}
