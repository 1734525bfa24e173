/* tfsm_step(), and what can be read off a connection between two events. */
#define TRACE
#define PASS
#define FIRED(rule) ((void)0)
#include "step.h"

enum tfsm_result tfsm_step(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                           const struct tfsm_event *ev, struct tfsm_effects *fx)
{
    return step(tcb, cfg, ev, fx);
}
