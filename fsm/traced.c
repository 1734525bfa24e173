/* tfsm_step_traced(): the same engine, made once more, so that who asks for no trace pays nothing for it. */
#include "engine.h"

static void note(struct tfsm_trace *trace, unsigned rule)
{
    if (trace->count < TFSM_FIRED_MAX) {
        trace->fired[trace->count++] = (uint16_t)rule;
    }
}

#define TRACE       , struct tfsm_trace *trace
#define PASS        , trace
#define FIRED(rule) note(trace, TFSM_RULE_##rule)
#include "step.h"

enum tfsm_result tfsm_step_traced(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev, struct tfsm_effects *fx,
                                  struct tfsm_trace *trace)
{
    trace->count = 0;
    return step(tcb, cfg, ev, fx, trace);
}
