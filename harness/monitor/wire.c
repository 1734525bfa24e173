/* What shows on the wire: the segments that a monitored TCB takes and gives are put before a witness who knows nothing of the TCB.
 * What he charges at MUST is a broken invariant, too; and where the true machine is charged he is wrong. */
#include "internal.h"
#include "witness.h"

static void take_charge(void *user, const struct witness_charge *charge)
{
    struct monitor *monitor = user;
    if (witness_level(charge->clause) == WITNESS_MUST) {
        fails(monitor, witness_name(charge->clause), witness_demand(charge->clause));
    }
}

/* Of all monitors: he sees no octets, so that nothing of one run reaches the next. */
static struct witness_court court = {.vantage = WITNESS_NEAR, .charge = take_charge};

bool monitor_let_witness(struct monitor *monitor)
{
    if (monitor->witness == NULL) {
        monitor->witness = witness_new(&court, monitor);
    }
    return monitor->witness != NULL;
}

void monitor_dismiss_witness(struct monitor *monitor)
{
    witness_free(monitor->witness);
    monitor->witness = NULL;
}

static void show(struct monitor *monitor, bool sent, tfsm_time now,
                 const struct tfsm_segment *segment)
{
    const struct witness_packet packet = {.number = ++monitor->packets,
                                          .at = now,
                                          .segment = segment,
                                          .known = WITNESS_WHOLE | WITNESS_CHECKED | WITNESS_SOUND,
                                          .family = 4};
    witness_packet(monitor->witness, sent, &packet);
}

void wire_step(struct monitor *monitor, const struct tfsm_tcb *before, const struct tfsm_event *ev,
               const struct tfsm_tcb *after)
{
    bool was_open = IN(before, ~NO_CONNECTION);
    if (monitor->witness == NULL || (!was_open && IN(after, NO_CONNECTION))) {
        return; /* there is no connection to be judged */
    }
    if (!was_open) {
        witness_restart(monitor->witness);
    }
    if (ev->kind == TFSM_EV_SEGMENT && ev->segment.security == before->security) {
        show(monitor, false, ev->now, &ev->segment);
    }
}

/* The numbers of a RST are reset.c's affair: it may be owed for an incarnation that is gone. */
void wire_output(struct monitor *monitor, tfsm_time now, const struct tfsm_segment *segment)
{
    if (monitor->witness != NULL && monitor->open && (segment->flags & TFSM_RST) == 0) {
        show(monitor, true, now, segment);
    }
}
