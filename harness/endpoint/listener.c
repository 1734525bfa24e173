/* Listeners: one tfsm_listener each, in arrays of the endpoint. What a half-open connection is and
 * when it becomes one the core decides; here a connection gets its slot when the handshake is
 * through, or early by Fast Open, and waits there until the user accepts it. */
#include "internal.h"
#include "tfsm_table.h"

uint32_t ep_listener_of(const struct endpoint *ep, endpoint_handle handle)
{
    uint32_t index = ep_index_of(handle) ^ EP_IS_LISTENER;
    bool known = index < ep->used_listeners && ep->listeners[index].used &&
                 ep->listeners[index].node.generation == handle >> 32;
    return known ? index : EP_NONE;
}

/* ---- OPEN, passive ---- */

void ep_set_listener_options(struct endpoint *ep, struct ep_listener *listener,
                             const struct endpoint_options *options)
{
    if (options != NULL) {
        listener->own_policy = true;
        listener->policy = options->policy;
        listener->hops = options->hops;
        listener->traffic_class = options->traffic_class;
        listener->mute = options->mute;
        ep_clamp(ep, listener->tuple.family, &listener->policy);
    }
}

/* The local address and port of a listener as a tuple; false when there can be none. */
static bool listening_tuple(const struct endpoint *ep, const struct endpoint_listening *listen,
                            struct ep_tuple *tuple)
{
    const struct tfsm_address *local = &listen->local;
    struct tfsm_address nobody = {.family = local->family};
    bool any = (local->family == 4 || local->family == 6) && ep_is_zero(local);
    if (listen->port == 0 || listen->backlog == 0 || (!any && !ep_is_ours(ep, local))) {
        return false;
    }
    *tuple = ep_tuple_of(local, listen->port, &nobody, 0);
    return true;
}

static uint32_t allocate_listener(struct endpoint *ep)
{
    uint32_t index = ep->used_listeners;
    if (ep->free_listeners != 0) {
        index = ep->free_listeners - 1;
        ep->free_listeners = ep->listeners[index].chain;
    } else if (ep->used_listeners < ep->listener_count) {
        ep->used_listeners++;
    } else {
        return EP_NONE;
    }
    uint32_t generation = seq_add(ep->listeners[index].node.generation, 1);
    ep->listeners[index] = (struct ep_listener){
        .used = true,
        .node = {.at = TFSM_NEVER, .generation = generation != 0 ? generation : 1},
        .hops = ep->hops,
        .traffic_class = ep->traffic_class};
    return index;
}

/* Each listener has secrets of its own. */
static void secret_of(const struct endpoint *ep, uint32_t index, uint8_t secret[16])
{
    ep_derive_key(ep->cookie_key, "listener", ep_listener_handle(ep, index), secret);
}

static void open_core(struct endpoint *ep, uint32_t index, const struct endpoint_listening *listen)
{
    size_t first = (size_t)index * ep->backlog;
    uint32_t backlog = ep_min(listen->backlog, ep->backlog);
    struct tfsm_listening listening = {
        .entries = ep->entries + first,
        .entry_count = backlog,
        .waiting = ep->accept_queue + first,
        .waiting_count = backlog,
        .spent = ep->spent + (size_t)index * ep->spent_count,
        .spent_count = ep->spent_count,
        .work = &ep->work,
        .port = listen->port,
        .policy = listen->policy != NULL ? *listen->policy : tfsm_listener_policy_default()};
    memset(listening.entries, 0, backlog * sizeof *listening.entries);
    memset(listening.spent, 0, ep->spent_count * sizeof *listening.spent);
    memcpy(listening.isn_key, ep->key, sizeof listening.isn_key);
    memcpy(listening.fast_open_secret, ep->fast_before, sizeof listening.fast_open_secret);
    secret_of(ep, index, listening.secret);
    (void)tfsm_listener_open(&ep->listeners[index].core, &listening); /* all of it was checked */
    tfsm_listener_rotate_fast_open(&ep->listeners[index].core, ep->fast_key);
}

/* Nothing is asked of other listeners or of connections (RFC9293:MUST-41, RFC9293:MUST-42). */
enum tfsm_result endpoint_listen(struct endpoint *ep, const struct endpoint_listening *listen,
                                 endpoint_handle *handle)
{
    struct ep_tuple tuple;
    *handle = 0;
    if (!listening_tuple(ep, listen, &tuple)) {
        return TFSM_E_INVALID;
    }
    if (ep_find_same_listener(ep, &tuple) != EP_NONE) {
        return TFSM_E_CONNECTION_EXISTS;
    }
    uint32_t index = allocate_listener(ep);
    if (index == EP_NONE) {
        return TFSM_E_INSUFFICIENT_RESOURCES;
    }
    struct ep_listener *listener = &ep->listeners[index];
    listener->tuple = tuple;
    ep_set_listener_options(ep, listener, listen->options);
    open_core(ep, index, listen);
    ep_enter_listener(ep, index);
    *handle = ep_listener_handle(ep, index);
    return TFSM_DONE;
}

enum tfsm_result endpoint_get_listener(const struct endpoint *ep, endpoint_handle handle,
                                       struct tfsm_listener_policy *out)
{
    uint32_t index = ep_listener_of(ep, handle);
    if (index == EP_NONE) {
        return TFSM_E_NO_CONNECTION;
    }
    *out = ep->listeners[index].core.policy;
    out->at_once = false; /* that is for the endpoint to say */
    return TFSM_DONE;
}

enum tfsm_result endpoint_set_listener(struct endpoint *ep, endpoint_handle handle,
                                       const struct tfsm_listener_policy *policy)
{
    uint32_t index = ep_listener_of(ep, handle);
    if (index == EP_NONE) {
        return TFSM_E_NO_CONNECTION;
    }
    ep->listeners[index].core.policy = *policy;
    return TFSM_DONE;
}

void endpoint_rotate(struct endpoint *ep, const uint8_t secret[16], tfsm_time now)
{
    memcpy(ep->cookie_key, secret, sizeof ep->cookie_key);
    for (uint32_t i = 0; i < ep->used_listeners; i++) {
        if (ep->listeners[i].used) {
            uint8_t own[16];
            secret_of(ep, i, own);
            tfsm_listener_rotate(&ep->listeners[i].core, own, now);
        }
    }
}

void endpoint_rotate_fast_open(struct endpoint *ep, const uint8_t secret[16])
{
    memcpy(ep->fast_before, ep->fast_key, sizeof ep->fast_before);
    memcpy(ep->fast_key, secret, sizeof ep->fast_key);
    for (uint32_t i = 0; i < ep->used_listeners; i++) {
        if (ep->listeners[i].used) {
            tfsm_listener_rotate_fast_open(&ep->listeners[i].core, secret);
        }
    }
}

/* ---- accepting, closing ---- */

enum tfsm_result endpoint_accept(struct endpoint *ep, endpoint_handle listener,
                                 endpoint_handle *handle)
{
    uint32_t at = ep_listener_of(ep, listener);
    *handle = 0;
    if (at == EP_NONE) {
        return TFSM_E_NO_CONNECTION;
    }
    if (tfsm_listener_accept(&ep->listeners[at].core, handle)) {
        uint32_t index = ep_index_of(*handle);
        ep_slot(ep, index)->owner = EP_USER;
        ep_tell(ep, index, 0); /* what came while it waited */
    }
    return TFSM_DONE;
}

static void free_listener(struct endpoint *ep, uint32_t index)
{
    struct ep_listener *listener = &ep->listeners[index];
    for (unsigned i = 0; i < TFSM_LISTENER_COUNTS; i++) {
        ep->closed_counters[i] += listener->core.counters[i];
    }
    ep_unschedule(ep, ep_listener_node(ep, index));
    ep_remove(ep, &ep->dirty, EP_DIRTY, ep_listener_node(ep, index));
    listener->closing = false;
    ep->closing_listeners--;
    listener->chain = ep->free_listeners;
    ep->free_listeners = index + 1;
}

/* Connections that a listener has not handed out go with it: nobody would ever read them. Its place
 * is free once every half-open one was told. */
void ep_close_listener(struct endpoint *ep, uint32_t index, tfsm_time now)
{
    struct ep_listener *listener = &ep->listeners[index];
    uint64_t id;
    listener->used = false;
    while (tfsm_listener_accept(&listener->core, &id)) {
        struct tfsm_event event = {.kind = TFSM_EV_ABORT, .now = now};
        struct tfsm_effects fx;
        uint32_t waiting = ep_index_of(id);
        ep_slot(ep, waiting)->owner = EP_NOBODY;
        ep_feed(ep, waiting, &event, NULL, &fx);
        ep_settle(ep, waiting);
    }
    tfsm_listener_close(&listener->core);
    ep_leave_listener(ep, index);
    ep_remove(ep, &ep->ready, EP_READY, ep_listener_node(ep, index));
    listener->closing = true;
    ep->closing_listeners++;
    ep_unschedule(ep, ep_listener_node(ep, index)); /* nobody waits for an answer any more */
    if (tfsm_listener_owes(&listener->core)) {
        ep_append(ep, &ep->dirty, EP_DIRTY, ep_listener_node(ep, index));
    } else {
        free_listener(ep, index);
    }
}

/* ---- what arrives ---- */

/* After a listener was touched: its deadline, its place in line. */
static void note_listener(struct endpoint *ep, uint32_t index)
{
    struct ep_listener *listener = &ep->listeners[index];
    if (!listener->closing) {
        ep_schedule(ep, ep_listener_node(ep, index), &listener->node,
                    tfsm_listener_deadline(&listener->core));
    }
    if (tfsm_listener_owes(&listener->core)) {
        ep_append_at(ep, &ep->dirty, EP_DIRTY, ep_listener_node(ep, index), &listener->node);
    }
}

/* The listener for a packet that comes in. An entry stays where it is when a listener for exactly its
 * address opens after it was made for one that takes any; a cookie does not. */
static uint32_t listener_for(const struct endpoint *ep, const struct ep_tuple *tuple,
                             const struct tfsm_packet *packet)
{
    uint32_t first = ep_find_listener(ep, tuple);
    if (first == EP_NONE || ep->exact_listeners == 0) {
        return first;
    }
    struct ep_tuple any = *tuple;
    memset(any.local, 0, sizeof any.local);
    uint32_t other = ep_find_listener(ep, &any);
    if (other != EP_NONE && other != first &&
        tfsm_listener_holds(&ep->listeners[other].core, packet)) {
        return other;
    }
    return first;
}

bool ep_is_half_open(const struct endpoint *ep, const struct ep_tuple *tuple)
{
    struct tfsm_packet packet = {.src = ep_address(tuple, false),
                                 .dst = ep_address(tuple, true),
                                 .src_port = tuple->remote_port,
                                 .dst_port = tuple->local_port};
    uint32_t at = listener_for(ep, tuple, &packet);
    for (uint32_t i = 0; i < ep->used_listeners && ep->closing_listeners > 0; i++) {
        if (ep->listeners[i].closing && ep->listeners[i].core.port == tuple->local_port &&
            tfsm_listener_holds(&ep->listeners[i].core, &packet)) {
            return true; /* its RST is still to go out */
        }
    }
    return at != EP_NONE && tfsm_listener_holds(&ep->listeners[at].core, &packet);
}

/* The handshake is through, or the text of a Fast Open may be read: the connection gets its slot and
 * waits to be accepted. Accepting it tells that it is connected. */
static uint32_t present(struct endpoint *ep, uint32_t at, const struct ep_tuple *tuple,
                        uint32_t hash, const struct tfsm_packet *packet)
{
    const struct ep_listener *listener = &ep->listeners[at];
    uint32_t index = ep_allocate(ep, tuple, hash, EP_WAITING);
    struct ep_slot *slot = ep_slot(ep, index);
    slot->hops = listener->hops;
    slot->traffic_class = listener->traffic_class;
    slot->received_class = packet->traffic_class; /* RFC9293:MAY-9 */
    slot->own_policy = listener->own_policy;
    if (listener->own_policy) {
        ep->cold[index].policy = listener->policy;
    }
    ep->cold[index].mute = listener->mute;
    ep->cold[index].listener = at;
    ep->cold[index].listener_generation = listener->node.generation;
    return index;
}

static void start_connection(struct endpoint *ep, uint32_t index, struct tfsm_effects *fx,
                             const uint8_t *text)
{
    struct ep_slot *slot = ep_slot(ep, index);
    slot->early = (fx->signals & TFSM_SIG_EARLY) != 0;
    fx->signals &= (uint16_t) ~(unsigned)(TFSM_SIG_CONNECTED | TFSM_SIG_EARLY);
    ep_carry_out(ep, index, fx, text);
    ep_append(ep, &ep->dirty, EP_DIRTY, index);
    ep_append(ep, &ep->ready, EP_READY, ep_listener_node(ep, ep->cold[index].listener));
    ep_schedule_slot(ep, index);
    ep_settle(ep, index);
}

/* What a watcher sees of a segment that met a listener: the TCB it met, and what became of that. */
static void show_arrival(const struct endpoint *ep, uint32_t at, const struct tfsm_packet *packet,
                         tfsm_time now, uint32_t index, const struct tfsm_tcb *before,
                         const struct tfsm_arrival *arrival)
{
    const struct ep_listener *listener = &ep->listeners[at];
    const struct tfsm_config *policy = ep_listener_policy(ep, listener);
    bool made = arrival->kind == TFSM_ARRIVAL_CONNECTION;
    struct tfsm_tcb kept;
    tfsm_listener_peek(&listener->core, policy, packet, now, &kept);
    if (made) { /* what it was is shown in the room that it has now */
        memset(ep->spare, 0, sizeof *ep->spare);
        tfsm_make_room(ep->spare, ep->ranges);
        tfsm_copy(ep->spare, before);
        before = ep->spare;
    }
    const struct tfsm_tcb *after = made ? &ep_slot(ep, index)->tcb : &kept;
    struct tfsm_event event = {.kind = TFSM_EV_SEGMENT,
                               .now = now,
                               .iss = after->iss,
                               .ts_offset = after->ts_offset,
                               .fast_open = (arrival->effects.signals & TFSM_SIG_EARLY) != 0,
                               .cookie_len = after->cookie_len,
                               .segment = packet->segment};
    struct endpoint_watched what = {
        .connection = made ? ep_handle(ep_slot(ep, index)->node.generation, index) : 0,
        .now = now,
        .policy = policy,
        .before = before,
        .after = after,
        .event = &event,
        .effects = &arrival->effects};
    ep->watcher(ep->watcher_user, &what);
}

/* And of what a half-open connection says. */
static void show_segment(const struct endpoint *ep, const struct tfsm_config *policy, tfsm_time now,
                         const struct tfsm_segment *segment)
{
    struct endpoint_watched what = {.now = now, .policy = policy, .segment = segment};
    ep->watcher(ep->watcher_user, &what);
}

/* A peer begins anew with a listener before one that has closed could tell it so: what that still had to
 * say is not for the new connection, and has its numbers if the clock of ISNs has not ticked. */
static void forget_before(struct endpoint *ep, const struct tfsm_packet *packet)
{
    for (uint32_t i = 0; i < ep->used_listeners; i++) {
        struct ep_listener *before = &ep->listeners[i];
        if (before->closing && before->core.port == packet->dst_port &&
            tfsm_listener_forget(&before->core, packet) && !tfsm_listener_owes(&before->core)) {
            free_listener(ep, i);
        }
    }
}

/* Copies of a SYN come together: what the last answer that waits says need not be said again. */
static bool is_said(const struct ep_ring *ring, uint32_t at, const struct tfsm_arrival *arrival)
{
    const struct tfsm_segment *segment = &arrival->answer.segment;
    if (ring->count == 0 || arrival->entry == 0) {
        return false;
    }
    const struct ep_answer *last = &ring->answers[(ring->first + ring->count - 1) % ring->most];
    return last->entry == arrival->entry && last->listener == at &&
           last->packet.segment.seq == segment->seq && last->packet.segment.ack == segment->ack &&
           last->packet.segment.flags == segment->flags;
}

/* A RST, a SYN-ACK, or whatever else a half-open connection has to say. */
static void answer_later(struct endpoint *ep, uint32_t at, const struct tfsm_arrival *arrival)
{
    if ((arrival->answer.segment.flags & TFSM_RST) != 0) {
        ep->counters.resets_lost += ep_wait(&ep->resets, &arrival->answer) == NULL;
    } else if (!is_said(&ep->syn_acks, at, arrival)) {
        struct ep_answer *answer = ep_wait(&ep->syn_acks, &arrival->answer);
        ep->counters.syn_acks_lost += answer == NULL;
        if (answer != NULL) {
            answer->entry = arrival->entry;
            answer->listener = at;
            answer->generation = ep->listeners[at].node.generation;
        }
    }
}

/* The handshake of its next incarnation is through: now the old connection may go (RFC9293:MAY-2b). */
static void end_waiting(struct endpoint *ep, uint32_t index, tfsm_time now)
{
    struct tfsm_event event = {.kind = TFSM_EV_ABORT, .now = now};
    struct tfsm_effects fx;
    ep_feed(ep, index, &event, NULL, &fx);
    ep_settle(ep, index);
}

bool ep_to_listener(struct endpoint *ep, const struct tfsm_packet *packet, uint32_t hash,
                    const uint8_t *text, tfsm_time now, const uint32_t *iss_after)
{
    struct ep_tuple tuple =
        ep_tuple_of(&packet->dst, packet->dst_port, &packet->src, packet->src_port);
    uint32_t at = listener_for(ep, &tuple, packet);
    if (at == EP_NONE) {
        return false;
    }
    struct ep_listener *listener = &ep->listeners[at];
    const struct tfsm_config *policy = ep_listener_policy(ep, listener);
    struct tfsm_tcb tcb; /* without room of its own */
    struct tfsm_tcb before;
    struct tfsm_arrival arrival;
    uint32_t waiting = iss_after != NULL ? ep_find(ep, &tuple, hash) : EP_NONE;
    endpoint_handle next = ep_next_handle(ep, waiting);
    struct tfsm_seat seat = {&tcb, next};
    if (ep->watcher != NULL) {
        tfsm_listener_peek(&listener->core, policy, packet, now, &before);
    }
    /* What an entry says at once waits in the ring, and costs no second turn; where that is full the entry waits. */
    listener->core.policy.at_once = ep->syn_acks.count < ep->syn_acks.most;
    tfsm_listener_segment(&listener->core, policy, packet, now, seat.id != 0 ? &seat : NULL,
                          iss_after, &arrival);
    if (arrival.kind == TFSM_ARRIVAL_INVALID) {
        ep->counters.invalid++;
        return true;
    }
    ep->counters.segments_in++;
    ep->counters.refused += arrival.effects.verdict == TFSM_V_DROP;
    uint32_t index = EP_NONE;
    if (arrival.kind == TFSM_ARRIVAL_CONNECTION) {
        if (waiting != EP_NONE) {
            end_waiting(ep, waiting, now);
        }
        index = present(ep, at, &tuple, hash, packet);
        /* It fits: of one segment there is a range at most. */
        (void)tfsm_copy(&ep_slot(ep, index)->tcb, &tcb);
    }
    if (ep->watcher != NULL) {
        show_arrival(ep, at, packet, now, index, &before, &arrival);
        if (arrival.answers && tfsm_listener_holds(&listener->core, packet)) {
            show_segment(ep, policy, now, &arrival.answer.segment);
        }
    }
    if (index != EP_NONE) {
        start_connection(ep, index, &arrival.effects, text);
    }
    if (ep->closing_listeners > 0 &&
        (index != EP_NONE || tfsm_listener_holds(&listener->core, packet))) {
        forget_before(ep, packet);
    }
    if (arrival.answers) {
        arrival.answer.hops = listener->hops;
        arrival.answer.traffic_class = listener->traffic_class;
        answer_later(ep, at, &arrival);
    }
    note_listener(ep, at);
    return true;
}

/* A listener that closed in the meantime counts no more. */
void ep_early_over(struct endpoint *ep, uint32_t index, const struct tfsm_event *event,
                   uint32_t signals)
{
    struct ep_slot *slot = ep_slot(ep, index);
    struct ep_listener *listener = &ep->listeners[ep->cold[index].listener];
    if ((signals & (TFSM_SIG_CONNECTED | TFSM_SIG_ENDS)) == 0) {
        return;
    }
    slot->early = false;
    if (listener->used && listener->node.generation == ep->cold[index].listener_generation) {
        bool reset = event->kind == TFSM_EV_SEGMENT &&
                     (signals & (TFSM_SIG_RESET | TFSM_SIG_CONNECTED)) == TFSM_SIG_RESET;
        tfsm_listener_early_over(&listener->core, reset, event->now);
    }
}

bool ep_could_reopen(const struct endpoint *ep, uint32_t slot)
{
    uint32_t index = ep_find_listener(ep, &ep_slot(ep, slot)->tuple);
    return index != EP_NONE && ep_next_handle(ep, slot) != 0 &&
           tfsm_listener_has_room(&ep->listeners[index].core);
}

bool ep_is_for_next(const struct endpoint *ep, uint32_t index, const struct tfsm_packet *packet,
                    tfsm_time now)
{
    const struct ep_slot *slot = ep_slot(ep, index);
    uint32_t at = listener_for(ep, &slot->tuple, packet);
    return at != EP_NONE &&
           tfsm_listener_claims(&ep->listeners[at].core, ep_listener_policy(ep, &ep->listeners[at]),
                                packet, now, &slot->tcb, ep_policy(ep, index));
}

/* ---- ICMP, time, output ---- */

/* What the core did to a half-open connection, for who watches the rules it fires. */
static void show_effects(const struct endpoint *ep, const struct tfsm_config *policy,
                         const struct tfsm_event *event, const struct tfsm_effects *fx)
{
    if (ep->watcher != NULL) {
        struct endpoint_watched what = {
            .now = event->now, .policy = policy, .event = event, .effects = fx};
        ep->watcher(ep->watcher_user, &what);
    }
}

bool ep_icmp_to_listener(struct endpoint *ep, const struct tfsm_icmp_message *message,
                         tfsm_time now)
{
    struct tfsm_packet packet = {.src = message->remote,
                                 .dst = message->local,
                                 .src_port = message->remote_port,
                                 .dst_port = message->local_port};
    if (message->local.family != message->remote.family) {
        return false;
    }
    struct ep_tuple tuple = ep_tuple_of(&packet.dst, packet.dst_port, &packet.src, packet.src_port);
    uint32_t at = listener_for(ep, &tuple, &packet);
    struct tfsm_effects fx;
    if (at == EP_NONE) {
        return false;
    }
    struct ep_listener *listener = &ep->listeners[at];
    const struct tfsm_config *policy = ep_listener_policy(ep, listener);
    if (!tfsm_listener_icmp(&listener->core, policy, message, now, &fx)) {
        return false;
    }
    struct tfsm_event event = {.kind = TFSM_EV_ICMP, .now = now, .icmp = message->meaning};
    show_effects(ep, policy, &event, &fx);
    note_listener(ep, at);
    return true;
}

/* No more turns than there are entries: at the end of time one may stay due. */
void ep_listener_timeout(struct endpoint *ep, uint32_t index, tfsm_time now)
{
    struct ep_listener *listener = &ep->listeners[index];
    const struct tfsm_config *policy = ep_listener_policy(ep, listener);
    struct tfsm_event event = {.kind = TFSM_EV_TIMEOUT, .now = now};
    struct tfsm_effects fx;
    for (uint32_t turns = listener->core.entry_count;
         turns > 0 && tfsm_listener_timeout(&listener->core, policy, now, &fx); turns--) {
        show_effects(ep, policy, &event, &fx);
    }
    note_listener(ep, index);
}

bool ep_take_from_listener(struct endpoint *ep, uint32_t index, tfsm_time now,
                           struct tfsm_packet *packet)
{
    struct ep_listener *listener = &ep->listeners[index];
    const struct tfsm_config *policy = ep_listener_policy(ep, listener);
    bool taken = tfsm_listener_output(&listener->core, policy, now, packet);
    if (taken) {
        packet->hops = listener->hops;
        packet->traffic_class = listener->traffic_class;
    }
    if (taken && ep->watcher != NULL) {
        show_segment(ep, policy, now, &packet->segment);
    }
    note_listener(ep, index);
    if (listener->closing && !tfsm_listener_owes(&listener->core)) {
        free_listener(ep, index);
    }
    return taken;
}

/* ---- looking in ---- */

enum tfsm_result endpoint_listener_counted(const struct endpoint *ep, endpoint_handle handle,
                                           uint64_t counters[TFSM_LISTENER_COUNTS])
{
    uint32_t index = ep_listener_of(ep, handle);
    if (index != EP_NONE) {
        memcpy(counters, ep->listeners[index].core.counters, sizeof ep->closed_counters);
        return TFSM_DONE;
    }
    if (handle != 0) {
        return TFSM_E_NO_CONNECTION;
    }
    memcpy(counters, ep->closed_counters, sizeof ep->closed_counters);
    for (uint32_t i = 0; i < ep->used_listeners; i++) {
        const struct ep_listener *listener = &ep->listeners[i];
        for (unsigned j = 0; j < TFSM_LISTENER_COUNTS && (listener->used || listener->closing);
             j++) {
            counters[j] += listener->core.counters[j];
        }
    }
    return TFSM_DONE;
}

uint32_t endpoint_half_open(const struct endpoint *ep, endpoint_handle handle)
{
    uint32_t index = ep_listener_of(ep, handle);
    return index != EP_NONE ? ep->listeners[index].core.entry_count : 0;
}
