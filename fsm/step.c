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

/* What can be no event: an unknown kind, a SEG.LEN that does not hold its own SYN and FIN or is
 * longer than a packet. */
static bool is_event(const struct tfsm_event *ev)
{
    const struct tfsm_segment *seg = &ev->segment;
    if ((unsigned)ev->kind >= TFSM_EVENTS) {
        return false;
    }
    if (ev->kind != TFSM_EV_SEGMENT) {
        return true;
    }
    uint32_t controls = (is_syn(seg) ? 1u : 0u) + (has(seg->flags, TFSM_FIN) ? 1u : 0u);
    return seg->len >= controls && seg->len - controls <= UINT16_MAX;
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
    if (!is_event(ev) || (unsigned)tcb->state >= TFSM_STATES) {
        return TFSM_E_INVALID;
    }
    unsigned id = first_row(tcb, ev);
    tfsm_facts facts = tfsm_take_facts(tcb, cfg, ev);
    while (id < TFSM_RULES) {
        const struct tfsm_rule *row = TFSM_ROW(id);
        if (!matches(row, tcb, facts)) {
            id++;
            continue;
        }
        if (fx->fired_count < TFSM_FIRED_MAX) {
            fx->fired[fx->fired_count++] = (uint16_t)id;
        }
        fx->verdict = row->verdict;
        if (row->actions != TFSM_ACTION(IGNORE) || row->next != TFSM_STAY) {
            tfsm_act(tcb, cfg, ev, row->actions, fx);
            tcb->state = row->next != TFSM_STAY ? (enum tfsm_state)row->next : tcb->state;
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
    const tfsm_time at[] = {tcb->at_rtx, tcb->at_persist, tcb->at_2msl, tcb->at_user};
    tfsm_time first = TFSM_NEVER;
    for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
        if (at[i] != 0 && at[i] < first) {
            first = at[i];
        }
    }
    return first;
}

struct tfsm_config tfsm_config_default(void)
{
    const tfsm_time second = 1000000;
    return (struct tfsm_config){
        .profile = TFSM_RFC5961 | TFSM_WSCALE,
        .rcv_buff = 65535,
        .snd_buff = 65535,
        .mss = 1460,
        .mss_default = 536,
        .mss_floor = 64,
        .syn_retries = 7, /* 1 + 2 + 4 + ... + 60 + 60 s: more than 3 minutes (RFC9293:MUST-23) */
        .retries = 8,     /* more than 100 s (RFC9293:SHLD-11) */
        .rto_initial = second, /* RFC6298:2.1 */
        .rto_max = 60 * second,
        .msl = 120 * second, /* RFC9293:3.4.2 */
        .user_timeout = 0,
        .challenge_limit = 10, /* RFC5961:7 */
        .challenge_every = 5 * second,
    };
}
