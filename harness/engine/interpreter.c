/* Finds the list for an event, walks its steps, fires the first matching row of each. There is no protocol in here: facts
 * and actions are the product's own, and everything else stands in the rows. */
#include "interpreter.h"

#include "actions.h"
#include "emit.h"

typedef bool fact(const struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                  const struct tfsm_event *ev, const struct tfsm_segment *seg);

static fact *const facts[TFSM_FACT_COUNT] = {
#define F(name, text, holds, source) fact_##name,
#include "facts.inc"
#undef F
};

/* All that a row asks of a set of facts is so. */
static bool holds(const struct tfsm_facts *asked, bool wanted, const struct tfsm_tcb *tcb,
                  const struct tfsm_config *cfg, const struct tfsm_event *ev)
{
    const struct tfsm_segment *seg = ev != NULL ? &ev->segment : NULL;
    for (unsigned i = 0; i < TFSM_FACT_COUNT; i++) {
        if (tfsm_facts_have(asked, (enum tfsm_fact_index)i) &&
            facts[i](tcb, cfg, ev, seg) != wanted) {
            return false;
        }
    }
    return true;
}

static bool matches(const struct tfsm_rule *row, const struct tfsm_tcb *tcb,
                    const struct tfsm_config *cfg, const struct tfsm_event *ev)
{
    return IN_STATE(tcb, row->states) && holds(&row->need, true, tcb, cfg, ev) &&
           holds(&row->forbid, false, tcb, cfg, ev);
}

/* Which list an event starts in. */
static unsigned first_row(const struct tfsm_tcb *tcb, const struct tfsm_event *ev)
{
    static const unsigned lists[TFSM_EVENTS] = {
        [TFSM_EV_OPEN] = TFSM_LIST_OPEN,       [TFSM_EV_SEND] = TFSM_LIST_SEND,
        [TFSM_EV_RECEIVE] = TFSM_LIST_RECEIVE, [TFSM_EV_CLOSE] = TFSM_LIST_CLOSE,
        [TFSM_EV_ABORT] = TFSM_LIST_ABORT,     [TFSM_EV_TIMEOUT] = TFSM_LIST_TIMEOUT,
        [TFSM_EV_ICMP] = TFSM_LIST_ICMP};
    if (ev->kind != TFSM_EV_SEGMENT) {
        return lists[ev->kind];
    }
    if (tcb->state == TFSM_CLOSED) {
        return TFSM_LIST_CLOSED;
    }
    if (tcb->state == TFSM_LISTEN) {
        return TFSM_LIST_LISTEN;
    }
    return tcb->state == TFSM_SYN_SENT ? TFSM_LIST_SYN_SENT : TFSM_LIST_OTHER_STATES;
}

/* One action; those that make a segment do nothing here. */
static void act(unsigned action, struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                const struct tfsm_event *ev, struct tfsm_effects *fx)
{
    switch ((enum tfsm_action_index)action) {
#define A(name, text, statement)                                                                   \
    case TFSM_ACTION_##name:                                                                       \
        act_##name(tcb, cfg, ev, &ev->segment, fx);                                                \
        break;
#define E(name, text, statement)                                                                   \
    case TFSM_ACTION_##name:                                                                       \
        break;
#include "actions.inc"
#undef A
#undef E
    case TFSM_ACTION_COUNT:
        break;
    }
}

/* The row after a step is done with: the first of the next step, or of the sixth. */
static unsigned next_row(const struct table *table, unsigned id)
{
    const struct tfsm_rule *fired = &table->rows[id];
    if (fired->verdict == TFSM_V_GOTO_6) {
        return TFSM_LIST_FROM_6;
    }
    while (id < TFSM_RULES && table->rows[id].step == fired->step) {
        id++;
    }
    return id;
}

enum tfsm_result interpreter_step(const struct table *table, struct tfsm_tcb *tcb,
                                  const struct tfsm_config *cfg, const struct tfsm_event *ev,
                                  struct tfsm_effects *fx, struct tfsm_trace *trace)
{
    *fx = (struct tfsm_effects){.rule = TFSM_RULES};
    trace->count = 0;
    if (!is_event(ev) || tcb->state >= TFSM_STATES) {
        return TFSM_E_INVALID;
    }
    unsigned id = first_row(tcb, ev);
    /* Each turn goes on to the next row or fires one. Steps come in order, but for the way to the
     * sixth: that no two rows lead to each other is not left to the table. */
    while (id < TFSM_RULES && trace->count < TFSM_FIRED_MAX) {
        const struct tfsm_rule *row = &table->rows[id];
        if (!matches(row, tcb, cfg, ev)) {
            id++;
            continue;
        }
        trace->fired[trace->count++] = (uint16_t)id;
        fx->rule = (uint16_t)id;
        fx->verdict = row->verdict;
        for (unsigned i = 0; i < TFSM_ROW_ACTIONS && row->actions[i] != TFSM_ACTION_IGNORE; i++) {
            act(row->actions[i], tcb, cfg, ev, fx);
        }
        tcb->state = row->next != TFSM_STAY ? row->next : tcb->state;
        if (table->after != NULL &&
            (row->actions[0] != TFSM_ACTION_IGNORE || row->next != TFSM_STAY)) {
            table->after(id, tcb);
        }
        if (row->verdict != TFSM_V_NEXT && row->verdict != TFSM_V_GOTO_6) {
            break;
        }
        id = next_row(table, id);
    }
    enum tfsm_result result = result_of((enum tfsm_verdict)fx->verdict);
    if (result == TFSM_DONE) {
        tfsm_settle(tcb, cfg, ev->now);
    }
    return result;
}

/* Make the segment of a row. */
static void emit(unsigned action, struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                 tfsm_time now, struct tfsm_segment *out)
{
    switch ((enum tfsm_action_index)action) {
#define A(name, text, statement)                                                                   \
    case TFSM_ACTION_##name:                                                                       \
        break;
#define E(name, text, statement)                                                                   \
    case TFSM_ACTION_##name:                                                                       \
        act_##name(tcb, cfg, now, out);                                                            \
        break;
#include "actions.inc"
#undef A
#undef E
    case TFSM_ACTION_COUNT:
        break;
    }
}

bool interpreter_output(const struct table *table, struct tfsm_tcb *tcb,
                        const struct tfsm_config *cfg, tfsm_time now, struct tfsm_segment *out)
{
    unsigned id = TFSM_LIST_OUTPUT;
    if (tcb->state >= TFSM_STATES) {
        return false;
    }
    while (id < TFSM_RULES && !matches(&table->rows[id], tcb, cfg, NULL)) {
        id++;
    }
    /* With the true rows the last one matches everything. */
    if (id == TFSM_RULES || table->rows[id].verdict == TFSM_V_DROP) {
        return false;
    }
    *out = (struct tfsm_segment){.rule = (uint16_t)id, .security = tcb->security};
    emit(table->rows[id].actions[0], tcb, cfg, now, out);
    if (table->after != NULL) {
        table->after(id, tcb);
    }
    tfsm_settle(tcb, cfg, now);
    return true;
}
