/* What is acknowledged or received is never taken back: SND.UNA and RCV.NXT move forward where an action moves them, by less
 * than half of the sequence space. Rows move SND.UNA only where ACK_NEW holds, and the action makes it SEG.ACK, which is
 * open; RCV.NXT moves where text is delivered (order.c), and over a FIN. */
/* claims: SND.UNA and RCV.NXT never go back */
/* skipped: advance_una */
#include "ranges.h"
#include "actions.h"

/*@ assigns \nothing;
    ensures \result <==> (set & bits) == bits; */
static inline bool has(uint32_t set, uint32_t bits);

/*@ assigns \nothing;
    ensures \result == (a < b ? a : b); */
static inline uint32_t min32(uint32_t a, uint32_t b);

/*@ requires \valid_read(tcb);
    assigns \nothing;
    ensures \result == tcb->snd_nxt - tcb->snd_una ||
        \result == tcb->snd_nxt - tcb->snd_una + 4294967296; */
static inline uint32_t in_flight(const struct tfsm_tcb *tcb);

/* SND.UNA =< SND.NXT is the clause SEND_ORDER. */
/*@ requires \valid_read(tcb) && \valid_read(seg);
    requires far(tcb->snd_una, tcb->snd_nxt) <= 0x7fffffff;
    assigns \nothing;
    ensures \result ==> far(tcb->snd_una, seg->ack) <= far(tcb->snd_una, tcb->snd_nxt); */
static inline bool ack_is_fresh(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg);

/*@ requires \valid_read(tcb) && \valid_read(seg);
    requires far(tcb->snd_una, tcb->snd_nxt) <= 0x7fffffff;
    assigns \nothing;
    ensures forward: \result ==> 0 < far(tcb->snd_una, seg->ack) <= 0x7fffffff;
    ensures sent: \result ==> far(tcb->snd_una, seg->ack) <= far(tcb->snd_una, tcb->snd_nxt); */
static inline bool fact_ACK_NEW(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                const struct tfsm_event *ev, const struct tfsm_segment *seg);

/*@ requires \valid(tcb);
    assigns tcb->rcv_nxt, tcb->rcv_wnd;
    ensures forward: far(\old(tcb->rcv_nxt), tcb->rcv_nxt) == 1;
    ensures window: tcb->rcv_wnd == (\old(tcb->rcv_wnd) > 0 ? \old(tcb->rcv_wnd) - 1 : 0); */
static inline void advance_over_fin(struct tfsm_tcb *tcb);

/*@ requires \valid(tcb) && \valid_read(ev) && \valid_read(&ev->segment) && \valid(fx);
    requires 0 < far(tcb->snd_una, ev->segment.ack) <= 0x7fffffff;
    assigns *tcb, *fx;
    ensures tcb->snd_una == ev->segment.ack; */
static inline void advance_una(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                               const struct tfsm_event *ev, struct tfsm_effects *fx);
