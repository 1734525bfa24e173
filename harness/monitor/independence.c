/* What decides nothing: the core takes the same event once more, with other flags, and must come to
 * the same. Nobody else here lets the core take a step. */
#include "internal.h"

APART bool monitor_comes_to(const struct tfsm_config *cfg, const struct tfsm_tcb *before,
                            const struct tfsm_event *ev, const struct tfsm_tcb *after)
{
    static struct whole meant; /* for the sanitizers' sake not in a frame */
    struct tfsm_effects fx;
    copy_tcb(&meant, before);
    tfsm_step(&meant.tcb, cfg, ev, &fx);
    return same(&meant.tcb, after);
}

/* PSH, ECE and CWR, which mean nothing to this machine, do not change what it does. */
APART void independence_of_flags(struct monitor *monitor, const struct tfsm_config *cfg,
                                 const struct tfsm_tcb *before, const struct tfsm_event *ev,
                                 const struct tfsm_tcb *after)
{
    static struct whole again;
    struct tfsm_event other = *ev;
    struct tfsm_effects fx;
    copy_tcb(&again, before);
    other.segment.flags ^= TFSM_PSH;
    if ((cfg->profile & TFSM_ECN) == 0) {
        other.segment.flags ^= TFSM_ECE | TFSM_CWR;
    }
    tfsm_step(&again.tcb, cfg, &other, &fx);
    if (same(&again.tcb, after)) {
        return;
    }
    /* A listener may have made less of a segment than it says: it is asked of the core alone. */
    if (!monitor_comes_to(cfg, before, ev, &again.tcb)) {
        fails(monitor, "FLAG_DEPENDENCE", "RFC9293:3.10.7 PSH, ECE and CWR decide nothing");
    }
}

/* Two outcomes are the same but for what is urgent. */
static APART bool same_tcb_but_urgent(const struct tfsm_tcb *a, const struct tfsm_tcb *b)
{
    const uint32_t told = TFSM_M_URGENT_TOLD;
    static struct whole bare;
    copy_tcb(&bare, b);
    bare.tcb.rcv_up = a->rcv_up;
    bare.tcb.flags = (b->flags & ~told) | (a->flags & told);
    return same(a, &bare.tcb);
}

static bool same_but_urgent(const struct tfsm_tcb *a, const struct tfsm_effects *fx,
                            const struct tfsm_tcb *b, const struct tfsm_effects *effects)
{
    return (same(a, b) || same_tcb_but_urgent(a, b)) &&
           ((fx->signals ^ effects->signals) & ~TFSM_SIG_URGENT) == 0 &&
           fx->text_count == effects->text_count && fx->delivered == effects->delivered &&
           fx->acknowledged == effects->acknowledged;
}

/* The core, alone with this event, comes to the same but for what is urgent. */
static APART bool comes_to_but_urgent(const struct tfsm_config *cfg, const struct tfsm_tcb *before,
                                      const struct tfsm_event *ev, const struct tfsm_tcb *after,
                                      const struct tfsm_effects *effects)
{
    static struct whole meant;
    struct tfsm_effects plain;
    copy_tcb(&meant, before);
    tfsm_step(&meant.tcb, cfg, ev, &plain);
    return same_but_urgent(&meant.tcb, &plain, after, effects);
}

/* URG changes nothing but what the user hears of urgent data. A listener may have made less of the
 * segment than it says: where they differ the core alone is asked. */
APART void independence_of_urgent(struct monitor *monitor, const struct tfsm_config *cfg,
                                  const struct tfsm_tcb *before, const struct tfsm_event *ev,
                                  const struct tfsm_effects *fx, const struct tfsm_tcb *after)
{
    static struct whole again;
    struct tfsm_event other = *ev;
    struct tfsm_effects effects;
    copy_tcb(&again, before);
    other.segment.flags ^= TFSM_URG;
    tfsm_step(&again.tcb, cfg, &other, &effects);
    if (same_but_urgent(after, fx, &again.tcb, &effects)) {
        return;
    }
    if (!comes_to_but_urgent(cfg, before, ev, &again.tcb, &effects)) {
        fails(monitor, "FLAG_DEPENDENCE",
              "RFC9293:3.10.7.4 URG decides nothing but what is urgent");
    }
}
