/* What can be read off a connection between two events: when time has something to do, and what STATUS tells. */
#include "engine.h"

tfsm_time tfsm_deadline(const struct tfsm_tcb *tcb)
{
    /* An acknowledgment that is owed waits no more: TIMEOUT has nothing to do for it. */
    tfsm_time at_ack = has(tcb->owed, TFSM_OWE_ACK) ? 0 : tcb->at_ack;
    const tfsm_time at[] = {tcb->at_rtx,  tcb->at_persist, tcb->at_2msl,
                            tcb->at_user, at_ack,          tcb->at_keepalive};
    tfsm_time first = TFSM_NEVER;
    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
        if (at[i] != 0 && at[i] < first) {
            first = at[i];
        }
    }
    return first;
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
