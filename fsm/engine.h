/* What the engine's files share and nobody else needs: small readings of a TCB, and the pieces
 * step.c puts together. */
#ifndef TFSM_ENGINE_H
#define TFSM_ENGINE_H

#include "seq.h"
#include "tfsm.h"
#include "tfsm_table.h"

/* A test build may put a faulty row in the place of a right one (properties/mutants/). */
#ifdef TFSM_FAULT
const struct tfsm_rule *tfsm_fault_rule(unsigned id);
#define TFSM_ROW(id) tfsm_fault_rule(id)
#else
#define TFSM_ROW(id) (&tfsm_rules[id])
#endif

/* Set of states; membership is a mask. */
#define IN_STATE(tcb, mask) (((1u << (unsigned)(tcb)->state) & (mask)) != 0)
#define STATE_BIT(state)    (1u << (unsigned)TFSM_##state)
/* States with sequence numbers of ours that may be unacknowledged. */
#define STATES_SENDING                                                                             \
    (STATE_BIT(ESTABLISHED) | STATE_BIT(FIN_WAIT_1) | STATE_BIT(CLOSE_WAIT) | STATE_BIT(CLOSING) | \
     STATE_BIT(LAST_ACK))
#define STATES_RECEIVING (STATE_BIT(ESTABLISHED) | STATE_BIT(FIN_WAIT_1) | STATE_BIT(FIN_WAIT_2))

static inline bool has(uint32_t set, uint32_t bits)
{
    return (set & bits) == bits;
}

/* A row matches: state, needed facts, forbidden facts. */
static inline bool matches(const struct tfsm_rule *row, const struct tfsm_tcb *tcb,
                           tfsm_facts facts)
{
    return IN_STATE(tcb, row->states) && (facts & row->need) == row->need &&
           (facts & row->forbid) == 0;
}

static inline uint32_t min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t max32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* now + delay, where a delay is at least 1 so that time moves, and the sum is never TFSM_NEVER. */
static inline tfsm_time later(tfsm_time now, tfsm_time delay)
{
    const tfsm_time last = TFSM_NEVER - 1;
    delay = delay > 0 ? delay : 1;
    return now < last && delay < last - now ? now + delay : last;
}

/* Sequence number after everything we will ever send, as far as is known: the queue and the FIN. */
static inline uint32_t send_limit(const struct tfsm_tcb *tcb)
{
    return seq_add(tcb->snd_end, has(tcb->flags, TFSM_M_CLOSE) ? 1 : 0);
}

/* Octets from SND.UNA to SND.NXT. */
static inline uint32_t in_flight(const struct tfsm_tcb *tcb)
{
    return seq_distance(tcb->snd_una, tcb->snd_nxt);
}

/* Our FIN has been sent at least once. */
static inline bool fin_sent(const struct tfsm_tcb *tcb)
{
    return has(tcb->flags, TFSM_M_CLOSE) && tcb->snd_nxt == seq_add(tcb->snd_end, 1);
}

/* Text octets queued and not yet sent. */
static inline uint32_t unsent(const struct tfsm_tcb *tcb)
{
    return fin_sent(tcb) ? 0 : seq_distance(tcb->snd_nxt, tcb->snd_end);
}

/* Octets of text that could be sent now, were they worth it: min(D, U) of RFC 9293 3.8.6.2.1. */
static inline uint32_t sendable(const struct tfsm_tcb *tcb)
{
    uint32_t flight = in_flight(tcb);
    return min32(unsent(tcb), tcb->snd_wnd > flight ? tcb->snd_wnd - flight : 0);
}

/* The sender's silly window avoidance (RFC9293:MUST-38): a full segment, or half the greatest
 * window seen, or all there is. With nagle the last two only when nothing is in flight
 * (RFC9293:SHLD-7). */
static inline bool worth_sending(const struct tfsm_tcb *tcb, bool nagle)
{
    uint32_t text = sendable(tcb);
    if (text >= tcb->snd_mss) {
        return true;
    }
    return text > 0 && (!nagle || in_flight(tcb) == 0) &&
           (text == unsent(tcb) || text >= max32(tcb->snd_wnd_max / 2, 1));
}

/* The peer's window is closed while something waits, or with nothing in flight it is too small to
 * be worth a segment: then a timer, not an acknowledgment, makes the next segment, and
 * retransmission rests. */
static inline bool must_probe(const struct tfsm_tcb *tcb)
{
    if (!IN_STATE(tcb, STATES_SENDING) || !has(tcb->flags, TFSM_M_SYN_ACKED)) {
        return false;
    }
    return tcb->snd_wnd == 0 ? tcb->snd_una != send_limit(tcb)
                             : in_flight(tcb) == 0 && unsent(tcb) > 0 && !worth_sending(tcb, true);
}

/* Something sent is not acknowledged, and the window allows to send it again. */
static inline bool must_retransmit(const struct tfsm_tcb *tcb)
{
    return tcb->snd_una != tcb->snd_nxt && !must_probe(tcb);
}

/* Room in the receive buffer beyond what is delivered and not taken. */
static inline uint32_t receive_room(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    uint32_t buff = min32(cfg->rcv_buff, TFSM_BUFF_MAX);
    return buff > tcb->rcv_user ? buff - tcb->rcv_user : 0;
}

/* The window to offer: the right edge stays where it is until it can move by a worthwhile amount,
 * half the buffer or one segment (RFC9293:MUST-39), and it never moves left (RFC9293:SHLD-14).
 * While a SYN-ACK may have to be sent again, whose window is not scaled, it stays where that can
 * show it. */
static inline bool window_opens(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg)
{
    uint32_t room = receive_room(tcb, cfg);
    uint32_t step = min32(max32(min32(cfg->rcv_buff, TFSM_BUFF_MAX) / 2, 1), max32(cfg->mss, 1));
    uint32_t grain = 1u << tcb->rcv_wscale;
    return has(tcb->flags, TFSM_M_SYN_ACKED) && room > tcb->rcv_wnd &&
           room - tcb->rcv_wnd >= max32(step, grain);
}

static inline bool is_syn(const struct tfsm_segment *seg)
{
    return has(seg->flags, TFSM_SYN);
}

/* Sequence number of the first octet of text. */
static inline uint32_t text_left(const struct tfsm_segment *seg)
{
    return seq_add(seg->seq, is_syn(seg) ? 1 : 0);
}

/* Octets of text; SEG.LEN was checked before. */
static inline uint32_t text_length(const struct tfsm_segment *seg)
{
    return seg->len - (is_syn(seg) ? 1u : 0u) - (has(seg->flags, TFSM_FIN) ? 1u : 0u);
}

/* The part of a segment's text that lies in the window and before the peer's FIN; empty when left =
 * right. */
struct tfsm_range tfsm_text_in_window(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg);

/* Run the actions of a row. ev is null for timeouts' rows that need none; fx is written. */
void tfsm_act(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, const struct tfsm_event *ev,
              tfsm_actions actions, struct tfsm_effects *fx);

/* Bring timers and debts in line with the rest of the TCB; the last thing step and output do. */
void tfsm_settle(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now);

#endif
