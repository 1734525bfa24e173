/* CUBIC: the window as a function of the time since it was cut (RFC 9438), and HyStart++: the first slow start ends before
 * something is lost, when round trips grow longer (RFC 9406). Windows are octets, times milliseconds where they are
 * cubed; there is no floating point.
 *
 * Readings of the texts that are taken here:
 * - An ACK of two segments counts as two where the window grows towards its target, as with congestion avoidance by
 *   octets (RFC 5681 3.1): the text counts ACKs, and was written for one a segment.
 * - Where the window was not used up it stays, and the time does not count (RFC9438:5.8).
 * - A window that is cut to more than the last maximum begins a stage at its own level.
 * - HyStart++ measures each round trip with what timestamps or one timed segment tell, and needs eight of them in a
 *   round: without timestamps it never ends slow start. */
#include "flight.h"

#define SCALE       1000000000u        /* of cubed milliseconds to cubed seconds */
#define STAGE_MAX   (INT64_C(1) << 20) /* milliseconds from the plateau: no window grows so long */
#define MIN_THRESH  4000u              /* microseconds (RFC 9406 4.3) */
#define MAX_THRESH  16000u
#define SAMPLES     8u /* of a round trip in a round */
#define CSS_DIVISOR 4u
#define CSS_ROUNDS  5u
#define BURST       8u /* segments that one ACK may add where nothing is paced: L */

/* The greatest number whose cube is no more, of a number below 2^63. */
static uint32_t cube_root(uint64_t number)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 20; bit > 0; bit >>= 1) {
        uint64_t next = root | bit;
        if (next * next * next <= number) {
            root = next;
        }
    }
    return (uint32_t)root;
}

/* W_cubic, so many milliseconds after a stage has begun. [RFC9438:4.2b, 4.1, 5.1a, 5.1b] */
static uint32_t cubic_at(const struct tfsm_tcb *tcb, uint64_t ms)
{
    int64_t d =
        (int64_t)(ms < (uint64_t)STAGE_MAX ? ms : (uint64_t)STAGE_MAX) - (int64_t)tcb->cubic_k;
    d = d < -STAGE_MAX ? -STAGE_MAX : d;
    uint64_t off = (uint64_t)(d < 0 ? -d : d);
    uint64_t octets = off * off * off / 1000000 * smss(tcb) / 1000 * 4 / 10; /* C is 0.4 */
    if (d < 0) {
        return octets < tcb->w_max ? tcb->w_max - (uint32_t)octets : 0;
    }
    return bounded(tcb->w_max + octets);
}

/* [RFC9438:4.2c, 4.3b, 4.8b, 4.8c] */
static void begin_stage(struct tfsm_tcb *tcb, tfsm_time now)
{
    tcb->cubic_from = now + 1;
    tcb->w_est = tcb->cwnd;
    tcb->w_acked = 0;
    tcb->cwnd_acked = 0;
    if (tcb->w_max <= tcb->cwnd) {
        tcb->w_max = tcb->cwnd;
        tcb->cubic_k = 0;
    } else { /* K is the cube root of (W_max - cwnd) / C, in segments and seconds */
        uint64_t off = (uint64_t)(tcb->w_max - tcb->cwnd) * 5 / 2;
        uint64_t cube = off * (SCALE / 1000) / smss(tcb) * 1000;
        uint64_t k =
            cube_root(cube); /* rounded up: the function begins no higher than the window is */
        tcb->cubic_k = (uint32_t)(k * k * k < cube ? k + 1 : k);
    }
    tcb->cwnd_prior = max32(tcb->cwnd_prior, tcb->cwnd);
}

/* The window that Reno would have: one segment a window, and less, until it has caught up. What an ACK leaves of an octet
 * is for the next. [RFC9438:4.3c, 4.3d, 4.3e] */
static void grow_estimate(struct tfsm_tcb *tcb, uint32_t acked)
{
    uint64_t window = max32(tcb->cwnd, 1);
    window = tcb->w_est < tcb->cwnd_prior ? window * 17 / 9 : window;
    uint64_t share = (uint64_t)acked * smss(tcb) + tcb->w_acked;
    tcb->w_acked = (uint32_t)(share % window);
    tcb->w_est = bounded(tcb->w_est + share / window);
}

/* [RFC9438:4.2e] */
void tfsm_cubic_waits(struct tfsm_tcb *tcb, tfsm_time now)
{
    if (tcb->cubic_from != 0 && now > tcb->cubic_last) {
        tcb->cubic_from = later(tcb->cubic_from, now - tcb->cubic_last);
    }
    tcb->cubic_last = now;
}

/* [RFC9438:4.2a, 4.2d, 4.3a, 4.4, 4.5] */
void tfsm_cubic_grow(struct tfsm_tcb *tcb, uint32_t acked, tfsm_time now)
{
    if (tcb->cubic_from == 0 || now + 1 < tcb->cubic_from) {
        begin_stage(tcb, now);
    } else if (now > tcb->cubic_last && now - tcb->cubic_last > 2 * (tfsm_time)tcb->srtt) {
        tfsm_cubic_waits(tcb, now); /* a pause in between */
    }
    tcb->cubic_last = now;
    grow_estimate(tcb, acked);
    uint64_t ms = now >= tcb->cubic_from ? (now + 1 - tcb->cubic_from) / 1000 : 0;
    if (cubic_at(tcb, ms) < tcb->w_est) {
        /* never faster than slow start */
        tcb->cwnd = max32(tcb->cwnd, min32(tcb->w_est, bounded((uint64_t)tcb->cwnd + acked)));
        return;
    }
    uint32_t target = cubic_at(tcb, ms + tcb->srtt / 1000);
    target = min32(target, bounded((uint64_t)tcb->cwnd + tcb->cwnd / 2));
    if (target <= tcb->cwnd) {
        return;
    }
    /* (target - cwnd) / cwnd of what is acknowledged, and what that leaves is for the next */
    uint64_t share = (uint64_t)(target - tcb->cwnd) * acked + tcb->cwnd_acked;
    uint32_t window = max32(tcb->cwnd, 1);
    tcb->cwnd_acked = (uint32_t)(share % window);
    tcb->cwnd = min32(bounded(window + share / window), target);
}

/* [RFC9438:4.6e, 4.7a, 4.7b, 4.7c] */
void tfsm_cubic_cut(struct tfsm_tcb *tcb, uint32_t window)
{
    bool shrinks = window < tcb->w_max; /* others have come: make room for them */
    tcb->cwnd_prior = window;
    tcb->w_max = shrinks ? window / 20 * 17 + window % 20 * 17 / 20 : window;
    tcb->cubic_from = 0;
}

/* ---- HyStart++ ---- */

/* [RFC9406:4.2a] */
static void begin_round(struct tfsm_tcb *tcb)
{
    tcb->hy_end = tcb->snd_nxt;
    tcb->hy_last = tcb->hy_least;
    tcb->hy_least = UINT32_MAX;
    tcb->hy_samples = 0;
}

/* What an ACK adds in the first slow start. [RFC9406:4.2b, 4.2c, 4.2d, 4.2e, 4.2f, 4.3a, 4.3b; RFC9438:4.10b, 4.10d] */
void tfsm_hystart_grow(struct tfsm_tcb *tcb, uint32_t acked)
{
    uint32_t more = min32(acked, BURST * smss(tcb));
    if (tcb->hy_samples == 0 && tcb->hy_least == 0) { /* the first */
        tcb->hy_least = UINT32_MAX;
        begin_round(tcb);
    }
    if (tcb->rtt_last != 0) { /* of this ACK */
        tcb->hy_least = min32(tcb->hy_least, tcb->rtt_last);
        tcb->hy_samples = (uint8_t)min32(tcb->hy_samples + 1u, UINT8_MAX);
        tcb->rtt_last = 0;
    }
    if (tcb->hy_samples >= SAMPLES && tcb->hy_last != UINT32_MAX) {
        uint32_t thresh = min32(max32(tcb->hy_last / 8, MIN_THRESH), MAX_THRESH);
        uint32_t more_than = tcb->hy_least > tcb->hy_last ? tcb->hy_least - tcb->hy_last : 0;
        if (tcb->hy_css == 0 && more_than >= thresh) {
            tcb->hy_base = tcb->hy_least;
            tcb->hy_css = 1;
        } else if (tcb->hy_css > 0 && tcb->hy_least < tcb->hy_base) {
            tcb->hy_css = 0; /* it was a passing delay */
        }
    }
    tcb->cwnd = bounded((uint64_t)tcb->cwnd + (tcb->hy_css > 0 ? more / CSS_DIVISOR : more));
    if (!seq_lt(tcb->snd_una, tcb->hy_end)) {
        begin_round(tcb);
        tcb->hy_css = (uint8_t)(tcb->hy_css + (tcb->hy_css > 0));
        if (tcb->hy_css > CSS_ROUNDS) {
            tcb->ssthresh = max32(tcb->cwnd, 2 * smss(tcb));
            tcb->cwnd_prior = tcb->cwnd;
        }
    }
}
