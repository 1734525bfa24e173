/* What the files of the prose share: the segment that is read, and what has come of it so far. */
#ifndef PROPERTIES_PROSE_INTERNAL_H
#define PROPERTIES_PROSE_INTERNAL_H

#include "prose.h"
#include "seq.h"

/* What is being read: the connection, the segment, and what has come of it so far. */
struct reading {
    const struct tfsm_tcb *tcb;
    const struct tfsm_config *cfg;
    const struct tfsm_event *ev;
    const struct tfsm_segment *seg;
    bool no_text; /* the window is closed: ACK, URG and RST are heard, no more */
    struct prose_verdict v;
};

static inline bool has(const struct reading *r, unsigned flag)
{
    return (r->seg->flags & flag) != 0;
}

static inline bool follows(const struct reading *r, uint32_t profile)
{
    return (r->cfg->profile & profile) != 0;
}

static inline bool remembers(const struct reading *r, uint32_t memory)
{
    return (r->tcb->flags & memory) != 0;
}

static inline bool one_of(enum tfsm_state state, unsigned set)
{
    return (set >> state & 1) != 0;
}

#define ONE(state)  (1u << TFSM_##state)
#define STILL_READS (ONE(ESTABLISHED) | ONE(FIN_WAIT_1) | ONE(FIN_WAIT_2))

/* Our SYN is not acknowledged. CLOSE goes from SYN-RECEIVED to FIN-WAIT-1 at once (3.10.4), so that this
 * is so there, too, and the ACK that ends it is the one of SYN-RECEIVED. */
static inline bool is_half_open(const struct reading *r)
{
    return r->tcb->state == TFSM_SYN_RECEIVED ||
           (r->tcb->state == TFSM_FIN_WAIT_1 && r->tcb->snd_una == r->tcb->iss);
}

static inline void ends_in(struct reading *r, const char *section)
{
    r->v.section = section;
}

/* The reset of RFC 9293 3.5.2 and 3.10.7.1: its numbers are chosen so that whoever sent the segment
 * finds it acceptable. */
static inline void send_reset(struct reading *r)
{
    if (has(r, TFSM_ACK)) {
        r->v.reply = PROSE_RST;
        r->v.rst_seq = r->seg->ack;
    } else {
        r->v.reply = PROSE_RST_ACK;
        r->v.rst_seq = 0;
        r->v.rst_ack = seq_add(r->seg->seq, r->seg->len);
    }
}

static inline void send_ack(struct reading *r)
{
    r->v.reply = PROSE_ACK;
}

/* An ACK that RFC 5961 7 lets a limiter drop. What it drops are replies to segments without text
 * (design, invariant 6). */
static inline void send_limited_ack(struct reading *r)
{
    send_ack(r);
    r->v.free |= PROSE_FREE_LIMITED;
}

static inline void enter_closed(struct reading *r, unsigned signal)
{
    r->v.state = TFSM_CLOSED;
    r->v.signals |= signal;
    if (r->v.reply == PROSE_ACK) {
        r->v.reply = PROSE_NOTHING; /* of a connection that is gone there is nothing to say */
    }
}

/* The right edge of the receive window. */
uint32_t prose_window_edge(const struct reading *r);

/* The sixth, seventh and eighth step of 3.10.7.4. */
void prose_sixth_to_eighth(struct reading *r);

/* 3.10.7.4 whole. */
void prose_other_states(struct reading *r);

#endif
