/* The round trip and the retransmission timeout that follows from it (RFC 6298): from timestamps
 * where both sides have them (RFC 7323 4), else from one segment at a time that was sent once. */
#ifndef TFSM_RTT_H
#define TFSM_RTT_H

#include "engine.h"

#define GRANULARITY 1000u /* microseconds: a tick of the timestamp clock */

/* What one of so many samples adds; of one alone it is a shift. */
static inline uint32_t part(uint32_t off, uint32_t gain, uint32_t samples)
{
    return samples == 1 ? off / gain : off / (gain * samples);
}

#define MIN_RTT_LASTS UINT64_C(300000000) /* microseconds */

/* The least round trip of some minutes: paths change. [RFC8985:6.2a, 6.2b] */
static inline void least_rtt(struct tfsm_tcb *tcb, uint32_t rtt, tfsm_time now)
{
    bool old = now >= tcb->min_rtt_at && now - tcb->min_rtt_at > MIN_RTT_LASTS;
    if (tcb->min_rtt_at == 0 || rtt <= tcb->min_rtt || old) {
        tcb->min_rtt = max32(rtt, 1);
        tcb->min_rtt_at = now > 0 ? now : 1;
    }
}

/* A measurement, as a TCB has it. */
static inline uint32_t bounded_rtt(uint64_t rtt)
{
    return rtt < UINT32_MAX / 16 ? (uint32_t)rtt : UINT32_MAX / 16;
}

/* SRTT, RTTVAR and RTO from a measurement in microseconds (RFC6298:2.2, RFC6298:2.3). Timestamps
 * measure with every acknowledgment, so that each counts for less, or a window would forget the
 * one before (RFC7323:4.2, appendix G). [RFC6298:2.3a, 2.3b, 2.3c, 2.4, 2.5, RFC6298:4;
 * RFC9293:MUST-18] */
static inline void take_sample(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, uint64_t rtt)
{
    uint32_t r = bounded_rtt(rtt);
    tcb->rtt_last = max32(r, 1);
    uint32_t samples = 1;
    if (stamps_agreed(tcb)) {
        uint32_t both = 2 * smss(tcb); /* two segments an acknowledgment */
        samples = max32(in_flight(tcb) / both + (in_flight(tcb) % both > 0 ? 1 : 0), 1);
        samples = min32(samples, 1000);
    }
    if (!has(tcb->flags, TFSM_M_MEASURED)) {
        tcb->srtt = r;
        tcb->rttvar = r / 2;
        tcb->flags |= TFSM_M_MEASURED;
    } else {
        uint32_t off = tcb->srtt > r ? tcb->srtt - r : r - tcb->srtt;
        tcb->rttvar = off > tcb->rttvar ? tcb->rttvar + part(off - tcb->rttvar, 4, samples)
                                        : tcb->rttvar - part(tcb->rttvar - off, 4, samples);
        tcb->srtt =
            r > tcb->srtt ? tcb->srtt + part(off, 8, samples) : tcb->srtt - part(off, 8, samples);
    }
    tfsm_time rto = (tfsm_time)tcb->srtt + max32(GRANULARITY, 4 * tcb->rttvar);
    rto = rto > cfg->rto_min ? rto : cfg->rto_min;
    tcb->rto = rto < cfg->rto_max ? rto : cfg->rto_max;
}

/* Start to time a round trip with a segment that ends before `end`, if none is being timed. [RFC6298:3b] */
static inline void rtt_start(struct tfsm_tcb *tcb, tfsm_time now, uint32_t end)
{
    if (has(tcb->flags, TFSM_M_TIMING)) {
        return;
    }
    tcb->flags |= TFSM_M_TIMING;
    tcb->rtt_seq = end;
    tcb->rtt_from = now;
}

/* An echo of a TSval that we sent since the oldest of what was in flight went out. The peer echoes
 * what brought it to SEG.ACK, or something later, and whatever else comes back is not of ours. */
static inline bool echo_is_ours(const struct tfsm_tcb *tcb, const struct tfsm_event *ev)
{
    if (!stamps_agreed(tcb) || !bears(&ev->segment, TFSM_OPT_TIMESTAMPS)) {
        return false;
    }
    uint32_t span = seq_distance(tcb->ts_oldest, timestamp(tcb, ev->now));
    return span < TFSM_SEQ_HALF && /* else the clock went back */
           seq_in(ev->segment.ts_ecr, tcb->ts_oldest, span + 1);
}

/* SEG.ACK acknowledges something new: end the measurement, or take the timestamp echoed, if it can be
 * of what is acknowledged. To be called before SND.UNA moves. Returns whether there was a sample.
 * [RFC7323:4.1b; RFC7323:3.2c] */
static inline bool rtt_end(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                           const struct tfsm_event *ev)
{
    const struct tfsm_segment *seg = &ev->segment;
    bool timing = has(tcb->flags, TFSM_M_TIMING) && seq_le(tcb->rtt_seq, seg->ack);
    bool echo = echo_is_ours(tcb, ev);
    if (timing) {
        tcb->flags &= ~(uint32_t)TFSM_M_TIMING;
        if (stamps_agreed(tcb)) {
            tcb->ts_oldest = timestamp(tcb, tcb->rtt_from); /* the rest went out later */
        }
    }
    uint64_t rtt = 0;
    if (echo) {
        rtt = (uint64_t)seq_distance(seg->ts_ecr, timestamp(tcb, ev->now)) * GRANULARITY;
    } else if (timing && ev->now >= tcb->rtt_from) {
        rtt = ev->now - tcb->rtt_from;
    } else {
        return false;
    }
    if (sack_agreed(tcb) && profile(cfg, TFSM_RACK)) {
        /* of less than a tick an echo tells no more than that; what was timed is as fine as the clock (RFC8985:4d) */
        bool exact = timing && ev->now >= tcb->rtt_from;
        uint64_t echoed = rtt > 0 ? rtt : GRANULARITY;
        least_rtt(tcb, bounded_rtt(exact ? ev->now - tcb->rtt_from : echoed), ev->now);
        tcb->loss |= TFSM_L_SAMPLED;
    }
    take_sample(tcb, cfg, rtt);
    return true;
}

#endif
