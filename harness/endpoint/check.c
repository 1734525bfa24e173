/* The endpoint's own invariants, for tests and fuzzers: a walk over everything. */
#include "internal.h"

static bool is_over(const struct ep_slot *slot)
{
    return slot->tcb.state == TFSM_CLOSED;
}

static bool is_receiving(const struct tfsm_tcb *tcb)
{
    return tcb->state == TFSM_ESTABLISHED || tcb->state == TFSM_FIN_WAIT_1 ||
           tcb->state == TFSM_FIN_WAIT_2;
}

/* What the core has not heard of would bring about nothing now, and the window is still to be told. */
static bool may_wait(const struct endpoint *ep, uint32_t index)
{
    const struct ep_slot *slot = ep_slot(ep, index);
    struct tfsm_event event = {.kind = TFSM_EV_RECEIVE,
                               .len = seq_sub(slot->tcb.rcv_user, ep_readable(slot))};
    struct tfsm_effects fx;
    struct tfsm_tcb *told = ep->spare;
    memcpy(told, &slot->tcb, tfsm_tcb_size(&slot->tcb));
    enum tfsm_result result = tfsm_step(told, ep_policy(ep, index), &event, &fx);
    bool speaks = (told->owed & TFSM_OWE_ACK) != 0 || told->at_ack != 0;
    told->rcv_user = slot->tcb.rcv_user;
    return result == TFSM_DONE && speaks && fx.taken == event.len &&
           memcmp(told, &slot->tcb, tfsm_tcb_size(&slot->tcb)) == 0;
}

static const char *check_slot(const struct endpoint *ep, uint32_t index)
{
    const struct ep_slot *slot = ep_slot(ep, index);
    enum tfsm_clause clause = tfsm_check(&slot->tcb);
    bool over = is_over(slot);
    if (clause != TFSM_OK) {
        return tfsm_clause_name(clause);
    }
    if (slot->hashed == over) {
        return "a connection is found by its tuple exactly until it is over";
    }
    if (!over && ep_find(ep, &slot->tuple, slot->node.hash) != index) {
        return "a tuple leads to its one connection";
    }
    if (!over && slot->tcb.state != TFSM_TIME_WAIT && ep_is_half_open(ep, &slot->tuple)) {
        return "a connection that is not in TIME-WAIT is not half open as well";
    }
    if (!over && slot->node.hash != ep_hash(ep, &slot->tuple)) {
        return "the hash is that of the tuple";
    }
    if (seq_sub(slot->queued, slot->acknowledged) > ep->send_ring) {
        return "what is not acknowledged fits the send ring";
    }
    if (seq_sub(slot->delivered, slot->read) > ep->receive_ring) {
        return "what is not read fits the receive ring";
    }
    if (!ep_is_on(ep, EP_DIRTY, index) && slot->tcb.owed != 0) {
        return "who owes the peer something is in line for output";
    }
    if (slot->untold && !over && !may_wait(ep, index)) {
        return "the core hears at once of reading that it can answer";
    }
    if (!slot->untold && !over && !slot->deaf && is_receiving(&slot->tcb) &&
        slot->tcb.rcv_user != ep_readable(slot)) {
        return "the core knows what was read";
    }
    bool user = slot->owner == EP_USER || slot->owner == EP_USER_CLOSED;
    if (ep_is_on(ep, EP_READY, index) != (user && slot->news != 0)) {
        return "who has news is on the ready list";
    }
    bool handshake = slot->tcb.state == TFSM_SYN_RECEIVED || slot->tcb.state == TFSM_FIN_WAIT_1;
    if (slot->early && (!handshake || (slot->tcb.flags & TFSM_M_SYN_ACKED) != 0)) {
        return "a Fast Open is pending exactly until its handshake is through";
    }
    return NULL;
}

/* Where a node says it is due, the heap says so, too. */
static bool is_in_heap(const struct endpoint *ep, uint32_t node)
{
    tfsm_time at = ep_node(ep, node)->at;
    uint32_t place = ep->places[node];
    return at == TFSM_NEVER || (place < ep->due_count && ep->due[place].node == node);
}

static const char *check_timers(const struct endpoint *ep)
{
    for (uint32_t i = 0; i < ep->due_count; i++) {
        const struct ep_due *due = &ep->due[i];
        if (ep->places[due->node] != i || ep_node(ep, due->node)->at != due->at) {
            return "a deadline knows its place";
        }
        if (i > 0 && due->at < ep->due[(i - 1) / 4].at) {
            return "no deadline is before its parent's";
        }
    }
    for (uint32_t i = 0; i < ep->used_slots; i++) {
        const struct ep_slot *slot = ep_slot(ep, i);
        if (slot->owner != EP_FREE && slot->node.at > tfsm_deadline(&slot->tcb)) {
            return "no deadline is missed";
        }
        if (!is_in_heap(ep, i)) {
            return "who has a deadline is in the heap";
        }
    }
    return NULL;
}

/* Length of a list, or EP_NONE when its links disagree or lead in a circle. */
static uint32_t measure(const struct endpoint *ep, const struct ep_list *list,
                        enum ep_list_kind kind)
{
    uint32_t most = ep->connections + ep->listener_count;
    uint32_t before = EP_FIRST;
    uint32_t count = 0;
    for (uint32_t at = list->head; at != 0; at = ep_node(ep, at - 1)->link[kind].next) {
        if (count++ == most || ep_node(ep, at - 1)->link[kind].prev != before) {
            return EP_NONE;
        }
        before = at;
    }
    return list->tail == (before == EP_FIRST ? 0 : before) ? count : EP_NONE;
}

static const char *check_lists(const struct endpoint *ep)
{
    if (measure(ep, &ep->dirty, EP_DIRTY) == EP_NONE ||
        measure(ep, &ep->ready, EP_READY) == EP_NONE) {
        return "the links of a list agree";
    }
    return NULL;
}

/* Connections that wait are their listeners'; Fast Opens that are pending are counted. */
static const char *check_listener(const struct endpoint *ep, uint32_t index)
{
    const struct ep_listener *listener = &ep->listeners[index];
    const struct tfsm_listener *core = &listener->core;
    const char *wrong = tfsm_listener_check(core, ep_listener_policy(ep, listener));
    uint32_t early = 0;
    for (uint32_t i = 0; i < core->waiting_count; i++) {
        uint32_t at = (core->waiting_first + i) % core->waiting_most;
        uint32_t slot = ep_index_of(core->waiting[at]);
        if (slot >= ep->used_slots || ep_slot(ep, slot)->owner != EP_WAITING ||
            ep_slot(ep, slot)->node.generation != core->waiting[at] >> 32) {
            return "who is in the accept queue waits to be accepted";
        }
    }
    for (uint32_t i = 0; i < ep->used_slots; i++) {
        const struct ep_slot *slot = ep_slot(ep, i);
        early += slot->owner != EP_FREE && slot->early && ep->cold[i].listener == index &&
                 ep->cold[i].listener_generation == listener->node.generation;
    }
    if (wrong == NULL && listener->used && early != core->early) {
        return "a listener counts its Fast Opens";
    }
    uint32_t node = ep_listener_node(ep, index);
    if (wrong == NULL && listener->used && listener->node.at > tfsm_listener_deadline(core)) {
        return "no deadline of a half-open connection is missed";
    }
    if (wrong == NULL && !is_in_heap(ep, node)) {
        return "a listener with a deadline is in the heap";
    }
    if (wrong == NULL && tfsm_listener_owes(core) && !ep_is_on(ep, EP_DIRTY, node)) {
        return "a listener that owes something is in line for output";
    }
    return wrong;
}

static const char *check_listeners(const struct endpoint *ep)
{
    const char *wrong = NULL;
    uint64_t waiting = 0;
    for (uint32_t i = 0; i < ep->used_listeners && wrong == NULL; i++) {
        if (ep->listeners[i].used || ep->listeners[i].closing) {
            wrong = check_listener(ep, i);
            waiting += ep->listeners[i].core.waiting_count;
        }
    }
    for (uint32_t i = 0; i < ep->used_slots; i++) {
        waiting -= ep_slot(ep, i)->owner == EP_WAITING;
    }
    return wrong == NULL && waiting != 0 ? "who waits is in an accept queue" : wrong;
}

/* Every cell between the one a hash names and the one it is in is taken. */
static const char *check_cells(const struct endpoint *ep)
{
    uint32_t taken = 0;
    for (uint32_t i = 0; i <= ep->cell_mask; i++) {
        const struct ep_cell *cell = &ep->cells[i];
        if (cell->slot == 0) {
            continue;
        }
        taken++;
        if (cell->slot > ep->used_slots || !ep_slot(ep, cell->slot - 1)->hashed ||
            ep_slot(ep, cell->slot - 1)->node.hash != cell->hash) {
            return "a cell names a connection with its hash";
        }
        for (uint32_t at = cell->hash & ep->cell_mask; at != i; at = (at + 1) & ep->cell_mask) {
            if (ep->cells[at].slot == 0) {
                return "no empty cell stands before a connection";
            }
        }
    }
    for (uint32_t i = 0; i < ep->used_slots; i++) {
        taken -= ep_slot(ep, i)->hashed;
    }
    return taken != 0 ? "who is found by a tuple has one cell" : NULL;
}

const char *endpoint_check(const struct endpoint *ep)
{
    const char *wrong = NULL;
    uint64_t used = 0;
    for (uint32_t i = 0; i < ep->used_slots && wrong == NULL; i++) {
        if (ep_slot(ep, i)->owner != EP_FREE) {
            used++;
            wrong = check_slot(ep, i);
        }
    }
    if (wrong == NULL && ep->counters.opened - ep->counters.freed != used) {
        wrong = "every connection that was opened is in use or was freed";
    }
    wrong = wrong != NULL ? wrong : check_cells(ep);
    wrong = wrong != NULL ? wrong : check_timers(ep);
    wrong = wrong != NULL ? wrong : check_listeners(ep);
    return wrong != NULL ? wrong : check_lists(ep);
}
