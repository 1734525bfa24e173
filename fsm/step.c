/* The engine: finds the list for an event, walks its steps, fires the first matching row of each.
 * There is no protocol in here; that stands in the tables. */
#include "engine.h"

/* Which list an event starts in. */
static unsigned first_row(const struct tfsm_tcb *tcb, const struct tfsm_event *ev)
{
    switch (ev->kind) {
    case TFSM_EV_OPEN:
        return TFSM_LIST_OPEN;
    case TFSM_EV_SEND:
        return TFSM_LIST_SEND;
    case TFSM_EV_RECEIVE:
        return TFSM_LIST_RECEIVE;
    case TFSM_EV_CLOSE:
        return TFSM_LIST_CLOSE;
    case TFSM_EV_ABORT:
        return TFSM_LIST_ABORT;
    case TFSM_EV_TIMEOUT:
        return TFSM_LIST_TIMEOUT;
    case TFSM_EV_ICMP:
        return TFSM_LIST_ICMP;
    case TFSM_EV_SEGMENT:
    case TFSM_EVENTS:
        break;
    }
    if (tcb->state == TFSM_CLOSED) {
        return TFSM_LIST_CLOSED;
    }
    if (tcb->state == TFSM_LISTEN) {
        return TFSM_LIST_LISTEN;
    }
    return tcb->state == TFSM_SYN_SENT ? TFSM_LIST_SYN_SENT : TFSM_LIST_OTHER_STATES;
}

/* What can be no event: an unknown kind, or a segment that is none. */
static bool is_event(const struct tfsm_event *ev)
{
    const struct tfsm_segment *seg = &ev->segment;
    if ((unsigned)ev->kind >= TFSM_EVENTS) {
        return false;
    }
    if (ev->kind != TFSM_EV_SEGMENT) {
        return true;
    }
    return is_sound(seg);
}

static enum tfsm_result result_of(uint8_t verdict)
{
    switch ((enum tfsm_verdict)verdict) {
    case TFSM_V_EXISTS:
        return TFSM_E_CONNECTION_EXISTS;
    case TFSM_V_NO_CONNECTION:
        return TFSM_E_NO_CONNECTION;
    case TFSM_V_CLOSING:
        return TFSM_E_CONNECTION_CLOSING;
    case TFSM_V_NO_REMOTE:
        return TFSM_E_REMOTE_UNSPECIFIED;
    case TFSM_V_NO_ROOM:
        return TFSM_E_INSUFFICIENT_RESOURCES;
    case TFSM_V_NEXT:
    case TFSM_V_GOTO_6:
    case TFSM_V_STOP:
    case TFSM_V_DROP:
    case TFSM_V_REOPEN:
    case TFSM_VERDICT_COUNT:
        break;
    }
    return TFSM_DONE;
}

/* The row after a step is done with: the first of the next step, or of the sixth. */
static unsigned next_row(unsigned id, const struct tfsm_rule *fired)
{
    if (fired->verdict == TFSM_V_GOTO_6) {
        return TFSM_LIST_FROM_6;
    }
    while (id < TFSM_RULES && tfsm_rules[id].step == fired->step) {
        id++;
    }
    return id;
}

enum tfsm_result tfsm_step(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                           const struct tfsm_event *ev, struct tfsm_effects *fx)
{
    *fx = (struct tfsm_effects){0};
    if (!is_event(ev) || tcb->state >= TFSM_STATES) {
        return TFSM_E_INVALID;
    }
    unsigned id = first_row(tcb, ev);
    struct tfsm_facts facts = tfsm_take_facts(tcb, cfg, ev);
    /* Each turn goes on to the next row or fires one. Steps come in order, but for the way to the
     * sixth: that no two rows lead to each other is not left to the table. */
    while (id < TFSM_RULES && fx->fired_count < TFSM_FIRED_MAX) {
        const struct tfsm_rule *row = TFSM_ROW(id);
        if (!matches(row, tcb, &facts)) {
            id++;
            continue;
        }
        fx->fired[fx->fired_count++] = (uint16_t)id;
        fx->verdict = row->verdict;
        if (row->actions[0] != TFSM_ACTION_IGNORE || row->next != TFSM_STAY) {
            tfsm_act(tcb, cfg, ev, row, fx);
            tcb->state = row->next != TFSM_STAY ? row->next : tcb->state;
            TFSM_AFTER_ROW(id, tcb);
            facts = tfsm_take_facts(tcb, cfg, ev);
        }
        if (row->verdict != TFSM_V_NEXT && row->verdict != TFSM_V_GOTO_6) {
            break;
        }
        id = next_row(id, row);
    }
    enum tfsm_result result = result_of(fx->verdict);
    if (result == TFSM_DONE) {
        tfsm_settle(tcb, cfg, ev->now);
    }
    return result;
}

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
