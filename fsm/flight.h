/* What is in flight, as a list of runs: octets of ours that stand side by side, went out alike and had the same fate
 * since. RFC 6675 calls it the scoreboard. Octets of each fate are counted as they get it, so that nobody has to walk
 * the list to know how much is in the network; the list itself is walked where something is lost, and grows with the
 * room a connection has. Positions are offsets from SND.UNA, which cannot wrap.
 *
 * What is behind the last run was sent and nothing is known of it. So a list may end anywhere, and is empty while
 * nothing is lost. */
#ifndef TFSM_FLIGHT_H
#define TFSM_FLIGHT_H

#include "engine.h"

/* A position in what is in flight. */
static inline uint32_t offset(const struct tfsm_tcb *tcb, uint32_t seq)
{
    return seq_distance(tcb->snd_una, seq);
}

static inline bool is_held(struct tfsm_sent run)
{
    return (run.at & TFSM_HELD) != 0;
}

/* Where run i begins. */
static inline uint32_t run_left(const struct tfsm_tcb *tcb, unsigned i)
{
    return i > 0 ? sent(tcb)[i - 1].right : tcb->snd_una;
}

static inline uint32_t run_length(const struct tfsm_tcb *tcb, unsigned i)
{
    return seq_distance(run_left(tcb, i), sent(tcb)[i].right);
}

/* Bits of the clock that the times of runs leave out. */
static inline unsigned grain_bits(const struct tfsm_tcb *tcb)
{
    return min32(tcb->grain, TFSM_GRAIN_MOST);
}

/* How late the time of a run may be: microseconds, one less than a power of two, and at least what a step is. */
static inline uint32_t flight_grain(const struct tfsm_tcb *tcb)
{
    return ((1u << grain_bits(tcb)) - 1) | TFSM_STEP;
}

/* What RACK.rtt may be too little by grows with it, and does not shrink until it is measured anew. */
void tfsm_set_grain(struct tfsm_tcb *tcb, unsigned bits);

/* A time as runs have it, never 0: of new text, and of what is sent again, which has its own. */
static inline uint32_t run_time(tfsm_time now, uint32_t grain)
{
    return (((uint32_t)(now & UINT32_MAX) | grain) & ~(uint32_t)TFSM_STEP) | TFSM_EXACT;
}

static inline uint32_t again_time(tfsm_time now)
{
    return run_time(now, TFSM_STEP);
}

/* What can happen to octets in flight. */
enum tfsm_happened {
    TFSM_IS_HELD,  /* the peer reports them by SACK */
    TFSM_IS_LOST,  /* what arrived says that they are lost, if they were not sent again since */
    TFSM_ALL_LOST, /* they are to be sent again, whatever is known of them */
    TFSM_IS_SENT,
    TFSM_IS_RESENT
};

/* It happens to what lies in [left, right) and is not held. The range is in flight. So many marks as an ACK has blocks
 * may come before tfsm_flight_fit().
 * now  of what is sent: as run_time() tells it; else not read */
void tfsm_flight_mark(struct tfsm_tcb *tcb, uint32_t left, uint32_t right, enum tfsm_happened what,
                      uint32_t now);

/* The peer reports [left, right). ev: as of tfsm_rack_deliver(); null without RACK. */
void tfsm_flight_held(struct tfsm_tcb *tcb, uint32_t left, uint32_t right,
                      const struct tfsm_event *ev);

/* Text at [left, right), up to SND.NXT, was sent for the first time. */
void tfsm_flight_sent(struct tfsm_tcb *tcb, uint32_t left, uint32_t right, tfsm_time now);

/* Only when every mark is in its place is it known what there is no room for. Then times get coarser, up to a quarter of a round
 * trip, so that more of what was sent is one run; then of runs with the same fate the two become one that were sent in the
 * nearest moments, whose time tells nothing of what arrives from then on; where there are no such the highest range held is taken for
 * what is behind it, for the lower ones are about what is sent again first; and where none is, the highest run for one
 * of which nothing is known. */
void tfsm_flight_fit(struct tfsm_tcb *tcb);

/* Run i is lost; and afterwards, runs that are alike are to become one. */
void tfsm_run_lost(struct tfsm_tcb *tcb, unsigned i);
void tfsm_flight_tidy(struct tfsm_tcb *tcb);

/* SND.UNA is about to move: what is before the new one is forgotten. A range held that it reaches would have been
 * acknowledged with it: the peer has forgotten it (RFC2018:8), and so do we.
 * ev  with RACK: it hears of what is delivered; else null */
void tfsm_flight_acked(struct tfsm_tcb *tcb, uint32_t ack, const struct tfsm_event *ev);

/* Take fates from all of it. */
void tfsm_flight_clear(struct tfsm_tcb *tcb, uint32_t fates);

#endif
