/* Two incarnations of one connection: one waits in TIME-WAIT while the next, that a newer SYN has
 * opened, is not yet through its handshake (RFC 9293 3.6.1). Whose a segment is the table says, asked
 * about copies of both. */
#include "facts.h"

/* What a segment would come to. A copy takes it. */
static struct tfsm_effects try_on(struct tfsm_tcb tcb, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev)
{
    struct tfsm_effects fx;
    if (tfsm_step(&tcb, cfg, ev, &fx) != TFSM_DONE) {
        fx.verdict = TFSM_V_DROP;
    }
    return fx;
}

/* It lies in the window, whatever was found wrong with it later: the walk came past the first step, and not for what
 * that lets by from outside. Of what is no segment no rule speaks. */
static bool in_window(const struct tfsm_tcb *tcb, const struct tfsm_event *ev,
                      const struct tfsm_effects *fx)
{
    return fx->rule > TFSM_RULE_SEQ_BAD_MUTE && fx->rule < TFSM_RULES &&
           seq_acceptable(tcb, &ev->segment);
}

/* [RFC9293:MAY-2b] */
bool tfsm_is_for_next(const struct tfsm_tcb *waiting, const struct tfsm_config *waiting_cfg,
                      const struct tfsm_tcb *next, const struct tfsm_config *next_cfg,
                      const struct tfsm_event *ev)
{
    struct tfsm_event asked = *ev;
    asked.listener = true;
    struct tfsm_effects fx = try_on(*next, next_cfg, &asked);
    if (fx.verdict != TFSM_V_DROP) {
        return true;
    }
    struct tfsm_effects old = try_on(*waiting, waiting_cfg, &asked);
    return old.verdict == TFSM_V_REOPEN || (old.verdict == TFSM_V_DROP && in_window(next, ev, &fx));
}
