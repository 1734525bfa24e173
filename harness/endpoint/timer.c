/* Deadlines: a heap of (time, connection or listener) in which a parent is not later than its four children. A
 * deadline that moves away, as the retransmission timer does with every acknowledgment, leaves its
 * entry where it is; when that comes to the top it is put right. So most segments cost no move at
 * all, and none costs more than O(log n). Where everybody stands in the heap is kept in an array of its own: what moves
 * there touches no other connection. */
#include "internal.h"

#define CHILDREN 4u

static tfsm_time deadline_of(const struct endpoint *ep, uint32_t node)
{
    return node < ep->connections
               ? tfsm_deadline(&ep_slot(ep, node)->tcb)
               : tfsm_listener_deadline(&ep->listeners[node - ep->connections].core);
}

static void put(struct endpoint *ep, uint32_t place, struct ep_due due)
{
    ep->due[place] = due;
    ep->places[due.node] = place;
}

static void move_up(struct endpoint *ep, uint32_t place)
{
    struct ep_due due = ep->due[place];
    while (place > 0 && due.at < ep->due[(place - 1) / CHILDREN].at) {
        put(ep, place, ep->due[(place - 1) / CHILDREN]);
        place = (place - 1) / CHILDREN;
    }
    put(ep, place, due);
}

static void move_down(struct endpoint *ep, uint32_t place)
{
    struct ep_due due = ep->due[place];
    for (;;) {
        uint32_t first = place * CHILDREN + 1;
        uint32_t best = first;
        if (first >= ep->due_count) {
            break;
        }
        for (uint32_t i = first + 1; i < first + CHILDREN && i < ep->due_count; i++) {
            best = ep->due[i].at < ep->due[best].at ? i : best;
        }
        if (due.at <= ep->due[best].at) {
            break;
        }
        put(ep, place, ep->due[best]);
        place = best;
    }
    put(ep, place, due);
}

void ep_advance(struct endpoint *ep, uint32_t node, tfsm_time at)
{
    struct ep_node *advanced = ep_node(ep, node);
    uint32_t place = advanced->at == TFSM_NEVER ? ep->due_count++ : ep->places[node];
    advanced->at = at;
    ep->due[place] = (struct ep_due){at, node};
    move_up(ep, place);
}

void ep_unschedule(struct endpoint *ep, uint32_t node)
{
    uint32_t place = ep->places[node];
    if (ep_node(ep, node)->at == TFSM_NEVER) {
        return;
    }
    ep_node(ep, node)->at = TFSM_NEVER;
    struct ep_due last = ep->due[--ep->due_count];
    if (last.node != node) {
        put(ep, place, last);
        move_up(ep, place);
        move_down(ep, ep->places[last.node]);
    }
}

/* The top tells the truth after this. Each turn puts one entry right for good, or until its
 * connection moves its deadline again. */
tfsm_time endpoint_deadline(struct endpoint *ep)
{
    while (ep->due_count > 0) {
        struct ep_due *top = &ep->due[0];
        tfsm_time at = deadline_of(ep, top->node);
        if (at == top->at) {
            return at;
        }
        if (at == TFSM_NEVER) {
            ep_unschedule(ep, top->node);
        } else {
            top->at = at;
            ep_node(ep, top->node)->at = at;
            move_down(ep, 0);
        }
    }
    return TFSM_NEVER;
}

/* No more turns than there are deadlines: at the end of time one may stay due. */
void endpoint_timeout(struct endpoint *ep, tfsm_time now)
{
    for (uint32_t turns = ep->due_count; turns > 0 && endpoint_deadline(ep) <= now; turns--) {
        struct tfsm_event event = {.kind = TFSM_EV_TIMEOUT, .now = now};
        struct tfsm_effects fx;
        if (ep->due_count == 0) {
            return; /* now is TFSM_NEVER, and so was the deadline */
        }
        uint32_t slot = ep->due[0].node;
        if (slot >= ep->connections) {
            ep_listener_timeout(ep, slot - ep->connections, now);
            continue;
        }
        bool fast = ep_is_opening_fast(ep_slot(ep, slot));
        ep_feed(ep, slot, &event, NULL, &fx);
        if (fast && (fx.signals & TFSM_SIG_TIMED_OUT) != 0) {
            ep_refuse_cookie(ep, slot, now);
        }
        ep_settle(ep, slot);
    }
}
