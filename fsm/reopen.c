/* Two incarnations of one connection: one waits in TIME-WAIT while the next, that a newer SYN has
 * opened, is not yet through its handshake (RFC 9293 3.6.1). Whose a segment is the table says, asked
 * about copies of both. */
#include "facts.h"
#include "listener.h"

/* What a segment comes to. */
static struct tfsm_effects try_on(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev)
{
    struct tfsm_effects fx;
    if (tfsm_step(tcb, cfg, ev, &fx) != TFSM_DONE) {
        fx.verdict = TFSM_V_DROP;
    }
    return fx;
}

/* It lay in the window, whatever was found wrong with it later: the walk came past the first step, and not for what
 * that lets by from outside. Of what is no segment no rule speaks. */
static bool in_window(bool acceptable, const struct tfsm_effects *fx)
{
    return fx->rule > TFSM_RULE_SEQ_BAD_MUTE && fx->rule < TFSM_RULES && acceptable;
}

/* A connection without the text out of order and the runs in flight, which decide nothing here: there is no room for them
 * behind a copy. */
static void copy_alone(struct tfsm_tcb *to, const struct tfsm_tcb *from)
{
    *to = *from;
    to->room = 0;
    to->ooo_count = 0;
    to->sent_count = 0;
}

bool tfsm_is_for_next_in(struct tfsm_tcb *next, const struct tfsm_config *next_cfg,
                         const struct tfsm_tcb *waiting, const struct tfsm_config *waiting_cfg,
                         struct tfsm_event *ev)
{
    bool acceptable = seq_acceptable(next, &ev->segment);
    ev->listener = true;
    struct tfsm_effects fx = try_on(next, next_cfg, ev);
    if (fx.verdict != TFSM_V_DROP) {
        return true;
    }
    bool inside = in_window(acceptable, &fx);
    copy_alone(next, waiting);
    fx = try_on(next, waiting_cfg, ev);
    return fx.verdict == TFSM_V_REOPEN || (fx.verdict == TFSM_V_DROP && inside);
}

/* [RFC9293:MAY-2b] */
bool tfsm_is_for_next(const struct tfsm_tcb *waiting, const struct tfsm_config *waiting_cfg,
                      const struct tfsm_tcb *next, const struct tfsm_config *next_cfg,
                      const struct tfsm_event *ev)
{
    struct tfsm_tcb tcb;
    struct tfsm_event event = *ev;
    copy_alone(&tcb, next);
    return tfsm_is_for_next_in(&tcb, next_cfg, waiting, waiting_cfg, &event);
}
