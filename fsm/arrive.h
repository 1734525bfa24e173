/* What listener_arrive.c and listener_syn.c share: a segment on its way, and what either may make of
 * it. */
#ifndef TFSM_ARRIVE_H
#define TFSM_ARRIVE_H

#include "listener.h"

/* A segment on its way: from whom, and as an event. The TCB that it meets is unfolded, restored or opened in
 * l->work: stacks are small. */
struct tfsm_visit {
    struct tfsm_ends ends;
    struct tfsm_event event;
};

/* What of a segment's flags tells where it goes. */
#define OPENING (TFSM_SYN | TFSM_ACK | TFSM_RST)

/* ---- the accept queue ---- */

static inline bool accept_full(const struct tfsm_listener *l)
{
    return l->waiting_count >= l->waiting_most;
}

static inline void await_accept(struct tfsm_listener *l, uint64_t id)
{
    /* the sum of two numbers below 2^32 */
    uint64_t at = ((uint64_t)l->waiting_first + l->waiting_count++) % l->waiting_most;
    l->waiting[at] = id;
}

/* ---- the TCB in l->work ---- */

/* What a passive OPEN leaves of a fresh TCB. */
static inline void open_passive(const struct tfsm_listener *l, struct tfsm_tcb *tcb)
{
    clear_tcb(tcb);
    tcb->state = TFSM_LISTEN;
    tcb->flags = TFSM_M_PASSIVE;
    tcb->security = l->security;
}

static inline bool is_open(const struct tfsm_tcb *tcb)
{
    return !IN_STATE(tcb, STATE_BIT(CLOSED) | STATE_BIT(LISTEN) | STATE_BIT(SYN_RECEIVED));
}

/* ---- listener_arrive.c ---- */

/* What the TCB in l->work has to say, if anything: an answer to the segment. cookie: its ISN is
 * one. */
void tfsm_arrive_answer(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                        const struct tfsm_packet *packet, const struct tfsm_visit *at, bool cookie,
                        struct tfsm_arrival *out);
/* LISTEN's answer to a segment that it does not take. */
void tfsm_arrive_at_listen(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                           const struct tfsm_packet *packet, struct tfsm_visit *at,
                           struct tfsm_arrival *out);
/* The handshake is through. Returns whether there is room for the connection; then it has its
 * seat. */
bool tfsm_arrive_seated(struct tfsm_listener *l, const struct tfsm_tcb *tcb,
                        const struct tfsm_seat *seat, struct tfsm_arrival *out);

/* An entry that is asked to speaks at once, unless a RST goes before. Who is no entry any more owes
 * nothing. */
static ALONG void answer_at_once(const struct tfsm_listener *l, const struct tfsm_config *cfg,
                                 uint32_t place, const struct tfsm_packet *packet,
                                 const struct tfsm_visit *at, struct tfsm_arrival *out)
{
    if (l->policy.at_once && !out->answers) {
        tfsm_arrive_answer(l, cfg, packet, at, entry_at(l, place)->cookie, out);
        out->entry = out->answers ? place : NO_ENTRY;
    }
}

/* ---- listener_syn.c ---- */

/* A SYN of no entry. */
void tfsm_arrive_syn(struct tfsm_listener *l, const struct tfsm_config *cfg,
                     const struct tfsm_packet *packet, struct tfsm_visit *at,
                     const struct tfsm_seat *seat, const uint32_t *iss_after,
                     struct tfsm_arrival *out);

#endif
