/* The engine, once for each of the two objects that are made of it: with a trace of the rules that fire (traced.c)
 * and without (step.c). What it walks is generated from the rows (walk.inc, by ci/engine): there is no protocol in
 * here. Who includes this file defines TRACE, the parameter that takes the trace, PASS, which hands it on, and FIRED,
 * which is called where a row fires. */
#include "actions.h"

/* What a walk came to: the rule that ended it, and its verdict. */
#define ENDS(rule, verdict) (TFSM_RULE_##rule | (unsigned)TFSM_V_##verdict << 16)
#define RULE_OF(end)        ((end)&0xffffu)
#define VERDICT_OF(end)     ((end) >> 16)

#define WALK(list)                                                                                 \
    SMALL_APART static unsigned walk_##list(                                                       \
        struct tfsm_tcb *tcb, const struct tfsm_config *cfg, const struct tfsm_event *ev,          \
        const struct tfsm_segment *seg, struct tfsm_effects *fx TRACE)
#define GO_ON(list) return walk_##list(tcb, cfg, ev, seg, fx PASS)
#define IN(mask)    (((1u << tcb->state) & (mask)) != 0)
#define FACT(name)  fact_##name(tcb, cfg, ev, seg)
#define ACT(name)   act_##name(tcb, cfg, ev, seg, fx)
#define TO(next)    tcb->state = TFSM_##next
#define UNUSED      ((void)cfg, (void)ev, (void)seg, (void)fx)
#include "states.h"
#include "walk.inc"

/* In ESTABLISHED, a segment with ACK, and of the other flags none but PSH. It is most segments: they have the rows of the
 * other states to themselves, less those that they cannot come to. */
static inline bool is_plain(const struct tfsm_tcb *tcb, const struct tfsm_segment *seg)
{
    const unsigned flags =
        TFSM_SYN | TFSM_RST | TFSM_FIN | TFSM_URG | TFSM_ECE | TFSM_CWR | TFSM_ACK;
    return tcb->state == TFSM_ESTABLISHED && (seg->flags & flags) == TFSM_ACK &&
           seg->security == tcb->security && seg->len <= UINT16_MAX;
}

/* Which list an event starts in. */
APART static unsigned walk(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                           const struct tfsm_event *ev, struct tfsm_effects *fx TRACE)
{
    const struct tfsm_segment *seg = &ev->segment;
    switch (ev->kind) {
    case TFSM_EV_OPEN:
        GO_ON(OPEN);
    case TFSM_EV_SEND:
        GO_ON(SEND);
    case TFSM_EV_RECEIVE:
        GO_ON(RECEIVE);
    case TFSM_EV_CLOSE:
        GO_ON(CLOSE);
    case TFSM_EV_ABORT:
        GO_ON(ABORT);
    case TFSM_EV_TIMEOUT:
        GO_ON(TIMEOUT);
    case TFSM_EV_ICMP:
        GO_ON(ICMP);
    case TFSM_EV_SEGMENT:
    case TFSM_EVENTS:
        break;
    }
    if (tcb->state == TFSM_CLOSED) {
        GO_ON(CLOSED);
    }
    if (tcb->state == TFSM_LISTEN) {
        GO_ON(LISTEN);
    }
    if (tcb->state == TFSM_SYN_SENT) {
        GO_ON(SYN_SENT);
    }
    GO_ON(OTHER_STATES);
}

static enum tfsm_result step(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                             const struct tfsm_event *ev, struct tfsm_effects *fx TRACE)
{
    clear_effects(fx);
    const struct tfsm_segment *seg = &ev->segment;
    unsigned end;
    if (!SMALL && ev->kind == TFSM_EV_SEGMENT && is_plain(tcb, seg)) {
        end = seg->len == 0 ? walk_PLAIN_ACK(tcb, cfg, ev, seg, fx PASS)
                            : walk_PLAIN_TEXT(tcb, cfg, ev, seg, fx PASS);
    } else if (is_event(ev) && tcb->state < TFSM_STATES) {
        end = walk(tcb, cfg, ev, fx PASS);
    } else {
        fx->rule = TFSM_RULES;
        fx->verdict = 0;
        return TFSM_E_INVALID;
    }
    fx->rule = (uint16_t)RULE_OF(end);
    fx->verdict = (uint8_t)VERDICT_OF(end);
    if (VERDICT_OF(end) >= TFSM_V_EXISTS) {
        return result_of((enum tfsm_verdict)VERDICT_OF(end));
    }
    settle(tcb, cfg, ev->now);
    return TFSM_DONE;
}
