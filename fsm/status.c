/* What can be read off a connection between two events: when time has something to do, and what STATUS tells. */
#include "engine.h"

/* The earlier of two deadlines, of which 0 is none. */
TFSM_WRAPS static inline tfsm_time sooner(tfsm_time a, tfsm_time b)
{
    return a - 1 < b - 1 ? a : b;
}

tfsm_time tfsm_deadline(const struct tfsm_tcb *tcb)
{
    /* An acknowledgment that is owed waits no more: TIMEOUT has nothing to do for it. */
    tfsm_time at_ack = has(tcb->owed, TFSM_OWE_ACK) ? 0 : tcb->at_ack;
    tfsm_time first = sooner(tcb->at_rtx, at_ack);
    first = sooner(first, sooner(tcb->at_persist, tcb->at_2msl));
    first = sooner(first, sooner(tcb->at_user, tcb->at_keepalive));
    first = sooner(first, CAN(TFSM_RACK) ? tcb->at_early : 0);
    return first != 0 ? first : TFSM_NEVER;
}

/* [RFC9293:MUST-33; RFC9293:3.10.6a] */
enum tfsm_result tfsm_status(const struct tfsm_tcb *tcb, struct tfsm_status_block *out)
{
    if (tcb->state == TFSM_CLOSED || tcb->state >= TFSM_STATES) {
        return TFSM_E_NO_CONNECTION;
    }
    uint32_t queued = send_queue(tcb);
    bool urgent = has(tcb->flags, TFSM_M_URGENT) && seq_lt(tcb->snd_una, tcb->snd_up);
    uint32_t syn = has(tcb->flags, TFSM_M_SYN_ACKED) ? 0 : 1;
    uint32_t consumed = user_at(tcb);
    bool warned = has(tcb->flags, TFSM_M_URGENT_TOLD) && seq_lt(consumed, tcb->rcv_up);
    *out = (struct tfsm_status_block){
        .state = (enum tfsm_state)tcb->state,
        .queued = queued,
        .unacknowledged = queued - min32(unsent(tcb), queued),
        .readable = tcb->rcv_user,
        .urgent_out = urgent ? seq_distance(tcb->snd_una, tcb->snd_up) - syn : 0,
        .urgent_in = warned ? seq_distance(consumed, tcb->rcv_up) : 0,
        .send_window = tcb->snd_wnd,
        .receive_window = tcb->rcv_wnd,
        .cwnd = tcb->cwnd,
        .ssthresh = tcb->ssthresh,
        .srtt = has(tcb->flags, TFSM_M_MEASURED) ? tcb->srtt : 0,
        .rto = tcb->rto,
    };
    return TFSM_DONE;
}
