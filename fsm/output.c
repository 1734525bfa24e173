/* The one door out: asks the output list what goes next and makes that segment. The list is generated from the rows
 * (walk_output.inc, by ci/engine). */
#include "actions.h"
#include "emit.h"
#include "states.h"

#define FACT(name) fact_##name(tcb, cfg, NULL, NULL)
#define IN(mask)   (((1u << tcb->state) & (mask)) != 0)
#define EMITS(id, name)                                                                            \
    do {                                                                                           \
        begin(tcb, TFSM_RULE_##id, out);                                                           \
        act_##name(tcb, cfg, now, out);                                                            \
        return true;                                                                               \
    } while (0)

APART static void begin(const struct tfsm_tcb *tcb, uint16_t rule, struct tfsm_segment *out)
{
    clear_segment(out);
    out->rule = rule;
    out->security = tcb->security;
}

static bool walk_OUTPUT(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                        struct tfsm_segment *out)
{
#include "walk_output.inc"
}

/* Then no row but the last can match. */
bool tfsm_has_nothing(const struct tfsm_tcb *tcb)
{
    return has_nothing(tcb);
}

APART static bool make_segment(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                               struct tfsm_segment *out)
{
    if (!walk_OUTPUT(tcb, cfg, now, out)) {
        return false;
    }
    settle(tcb, cfg, now);
    return true;
}

bool tfsm_output(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                 struct tfsm_segment *out)
{
    return !has_nothing(tcb) && tcb->state < TFSM_STATES && make_segment(tcb, cfg, now, out);
}
