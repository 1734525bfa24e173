/* The calls of the user, and the news. Every call first finds what its handle names; a stale one
 * names nothing. */
#include "internal.h"

/* The connection of a handle, or EP_NONE. Who has not been accepted yet has no handle. */
static uint32_t slot_of(const struct endpoint *ep, endpoint_handle handle)
{
    uint32_t index = ep_index_of(handle);
    if (index >= ep->used_slots || ep_slot(ep, index)->node.generation != handle >> 32) {
        return EP_NONE;
    }
    uint8_t owner = ep_slot(ep, index)->owner;
    return owner == EP_USER || owner == EP_USER_CLOSED ? index : EP_NONE;
}

static endpoint_handle slot_handle(const struct endpoint *ep, uint32_t index)
{
    return ep_handle(ep_slot(ep, index)->node.generation, index);
}

/* ---- options ---- */

struct endpoint_options endpoint_defaults(const struct endpoint *ep, unsigned family)
{
    return (struct endpoint_options){.policy = *ep_family_policy(ep, family),
                                     .hops = ep->hops,
                                     .traffic_class = ep->traffic_class};
}

/* What the application may choose, before and after OPEN: Nagle (RFC9293:MUST-17), R2
 * (RFC9293:MUST-21), keep-alive (RFC9293:MUST-24), TTL (RFC9293:MUST-49), Diffserv (RFC9293:MUST-48,
 * RFC9293:SHLD-21), what it hears (RFC9293:SHLD-20). Without options of its own a connection shares
 * the endpoint's policy, which stays in the cache. */
static void set_options(struct endpoint *ep, uint32_t index, const struct endpoint_options *options)
{
    struct ep_slot *slot = ep_slot(ep, index);
    if (options != NULL) {
        slot->own_policy = true;
        slot->hops = options->hops;
        slot->traffic_class = options->traffic_class;
        ep->cold[index].policy = options->policy;
        ep->cold[index].mute = options->mute;
        ep_clamp(ep, slot->tuple.family, &ep->cold[index].policy);
    }
}

/* The core puts timers in line with a policy when it is fed an event: one that says nothing. A
 * buffer that grew may have room for the peer, and for the user. */
enum tfsm_result endpoint_set(struct endpoint *ep, endpoint_handle handle,
                              const struct endpoint_options *options, tfsm_time now)
{
    uint32_t index = slot_of(ep, handle);
    uint32_t listener = ep_listener_of(ep, handle);
    if (listener != EP_NONE) {
        ep_set_listener_options(ep, &ep->listeners[listener], options);
        return TFSM_DONE;
    }
    if (index == EP_NONE) {
        return TFSM_E_NO_CONNECTION;
    }
    struct ep_slot *slot = ep_slot(ep, index);
    struct tfsm_event event = {.kind = TFSM_EV_TIMEOUT, .now = now};
    struct tfsm_event window = {.kind = TFSM_EV_RECEIVE, .now = now};
    struct tfsm_effects fx;
    uint32_t before = ep_policy(ep, index)->rcv_buff;
    if (slot->untold) {
        ep_tell_core(ep, index, now);
    }
    set_options(ep, index, options);
    ep_feed(ep, index, &event, NULL, &fx);
    if (ep->cold[index].policy.rcv_buff > before) {
        ep_feed(ep, index, &window, NULL, &fx);
    }
    bool sends = slot->owner == EP_USER && slot->tcb.state != TFSM_CLOSED;
    if (sends && slot->wants_room && ep_writable(ep, index) > 0) {
        slot->wants_room = false;
        ep_tell(ep, index, ENDPOINT_WRITABLE);
    }
    ep_settle(ep, index);
    return TFSM_DONE;
}

enum tfsm_result endpoint_get(const struct endpoint *ep, endpoint_handle handle,
                              struct endpoint_options *out)
{
    uint32_t index = slot_of(ep, handle);
    uint32_t listener = ep_listener_of(ep, handle);
    if (listener != EP_NONE) {
        const struct ep_listener *named = &ep->listeners[listener];
        *out = (struct endpoint_options){.policy = *ep_listener_policy(ep, named),
                                         .hops = named->hops,
                                         .traffic_class = named->traffic_class,
                                         .mute = named->mute};
        return TFSM_DONE;
    }
    if (index == EP_NONE) {
        return TFSM_E_NO_CONNECTION;
    }
    const struct ep_slot *slot = ep_slot(ep, index);
    *out = (struct endpoint_options){.policy = *ep_policy(ep, index),
                                     .hops = slot->hops,
                                     .traffic_class = slot->traffic_class,
                                     .mute = ep->cold[index].mute};
    return TFSM_DONE;
}

/* ---- OPEN ---- */

/* The 4-tuple that a call asks for. */
static enum tfsm_result choose_tuple(struct endpoint *ep, const struct endpoint_open *open,
                                     struct ep_tuple *tuple)
{
    struct tfsm_address local = open->local;
    if (open->remote.family == 0 || open->remote_port == 0 || ep_is_zero(&open->remote)) {
        return TFSM_E_REMOTE_UNSPECIFIED;
    }
    if (!ep_is_host(ep, &open->remote)) { /* RFC9293:MUST-46 */
        return TFSM_E_INVALID;
    }
    /* RFC9293:MUST-43, RFC9293:MUST-44 */
    bool known = local.family == 0 ? ep_choose_local(ep, &open->remote, &local)
                                   : ep_is_ours(ep, &local) && local.family == open->remote.family;
    if (!known || tfsm_address_is_loopback(&local) != tfsm_address_is_loopback(&open->remote)) {
        return TFSM_E_INVALID;
    }
    *tuple = ep_tuple_of(&local, open->local_port, &open->remote, open->remote_port);
    if (open->local_port == 0) {
        return ep_choose_port(ep, tuple) ? TFSM_DONE : TFSM_E_INSUFFICIENT_RESOURCES;
    }
    bool exists = ep_find(ep, tuple, ep_hash(ep, tuple)) != EP_NONE || ep_is_half_open(ep, tuple);
    return exists ? TFSM_E_CONNECTION_EXISTS : TFSM_DONE;
}

/* The addresses chosen here stay those of the connection (RFC9293:MUST-45). */
static enum tfsm_result connect(struct endpoint *ep, const struct endpoint_open *open, bool fast,
                                tfsm_time now, endpoint_handle *handle)
{
    struct ep_tuple tuple;
    *handle = 0;
    enum tfsm_result result = choose_tuple(ep, open, &tuple);
    if (result != TFSM_DONE) {
        return result;
    }
    uint32_t index = ep_allocate(ep, &tuple, ep_hash(ep, &tuple), EP_USER);
    if (index == EP_NONE) {
        return TFSM_E_INSUFFICIENT_RESOURCES;
    }
    struct tfsm_tcb *tcb = &ep_slot(ep, index)->tcb;
    memset(tcb, 0, sizeof *tcb);
    tfsm_make_room(tcb, ep->ranges);
    struct tfsm_event event = {.kind = TFSM_EV_OPEN, .now = now, .active = true, .remote = true};
    struct tfsm_effects fx;
    set_options(ep, index, open->options);
    ep_seed(ep, &tuple, &event);
    if (fast) {
        ep_recall_cookie(ep, index, &event);
    }
    result = ep_feed(ep, index, &event, NULL, &fx);
    *handle = slot_handle(ep, index);
    return result;
}

enum tfsm_result endpoint_connect(struct endpoint *ep, const struct endpoint_open *open,
                                  tfsm_time now, endpoint_handle *handle)
{
    return connect(ep, open, false, now, handle);
}

/* Only who calls this gets a Fast Open (RFC7413:2, RFC7413:6.1). The text is queued before the SYN
 * goes out, so that it can go along. */
enum tfsm_result endpoint_connect_fast(struct endpoint *ep, const struct endpoint_open *open,
                                       const uint8_t *text, size_t n, tfsm_time now,
                                       endpoint_handle *handle, size_t *taken)
{
    size_t ignored = 0;
    taken = taken != NULL ? taken : &ignored;
    *taken = 0;
    enum tfsm_result result = connect(ep, open, true, now, handle);
    return result == TFSM_DONE && n > 0 ? endpoint_send(ep, *handle, text, n, false, now, taken)
                                        : result;
}

bool endpoint_knows_cookie(const struct endpoint *ep, const struct endpoint_open *open,
                           tfsm_time now)
{
    struct tfsm_address local = open->local;
    if (open->remote.family != 4 && open->remote.family != 6) {
        return false;
    }
    if (local.family == 0 && !ep_choose_local(ep, &open->remote, &local)) {
        return false;
    }
    struct ep_tuple tuple = ep_tuple_of(&local, 0, &open->remote, open->remote_port);
    return ep_knows_cookie(ep, &tuple, now);
}

bool endpoint_port_used(const struct endpoint *ep, const struct tfsm_address *local, uint16_t port)
{
    for (uint32_t i = 0; i < ep->used_slots; i++) {
        const struct ep_slot *slot = ep_slot(ep, i);
        struct tfsm_address own = ep_address(&slot->tuple, true);
        bool same =
            own.family == local->family &&
            (ep_is_zero(local) || memcmp(own.octets, local->octets, sizeof own.octets) == 0);
        if (slot->owner != EP_FREE && slot->hashed && slot->tuple.local_port == port && same) {
            return true;
        }
    }
    return false;
}

/* ---- SEND and RECEIVE ---- */

/* The octets may be in the ring before the core agrees: nobody looks there. */
static void copy_out_to_ring(struct endpoint *ep, uint32_t index, const uint8_t *octets, uint32_t n)
{
    uint8_t *ring = ep_send_ring(ep, index);
    uint32_t at = ep_slot(ep, index)->queued & (ep->send_ring - 1);
    uint32_t first = ep_min(n, ep->send_ring - at);
    memcpy(ring + at, octets, first);
    if (first < n) {
        memcpy(ring, octets + first, n - first);
    }
}

enum tfsm_result endpoint_send(struct endpoint *ep, endpoint_handle handle, const uint8_t *octets,
                               size_t n, bool urgent, tfsm_time now, size_t *taken)
{
    uint32_t index = slot_of(ep, handle);
    *taken = 0;
    if (index == EP_NONE) {
        return TFSM_E_NO_CONNECTION;
    }
    struct ep_slot *slot = ep_slot(ep, index);
    uint32_t room = ep_writable(ep, index);
    uint32_t length = n < room ? (uint32_t)n : room;
    struct tfsm_event event = {
        .kind = TFSM_EV_SEND, .now = now, .len = length, .urgent = urgent && length > 0};
    struct tfsm_effects fx;
    if (length > 0) {
        copy_out_to_ring(ep, index, octets, length);
    }
    enum tfsm_result result = ep_feed(ep, index, &event, NULL, &fx);
    if (result ==
        TFSM_E_INSUFFICIENT_RESOURCES) { /* the buffer was made smaller than what it holds */
        slot->wants_room = n > 0;
        return TFSM_DONE;
    }
    if (result == TFSM_DONE) {
        slot->queued = seq_add(slot->queued, length);
        slot->wants_room = length < n;
        *taken = length;
    }
    return result;
}

static void copy_to_user(const struct endpoint *ep, uint32_t index, uint8_t *octets, uint32_t n)
{
    const uint8_t *ring = ep_receive_ring(ep, index);
    uint32_t at = ep_slot(ep, index)->read & (ep->receive_ring - 1);
    uint32_t first = ep_min(n, ep->receive_ring - at);
    memcpy(octets, ring + at, first);
    if (first < n) {
        memcpy(octets + first, ring, n - first);
    }
}

/* Whether the core need not hear at once of what was read, but before it speaks: an acknowledgment is owed, or waits and
 * the peer can go on until then, and will tell of the window as it is then. Nothing else depends on it but the end of
 * urgent data, and of the stream. */
static bool can_wait(const struct endpoint *ep, uint32_t index)
{
    const struct tfsm_tcb *tcb = &ep_slot(ep, index)->tcb;
    const uint32_t receiving =
        1u << TFSM_ESTABLISHED | 1u << TFSM_FIN_WAIT_1 | 1u << TFSM_FIN_WAIT_2;
    if ((1u << tcb->state & receiving) == 0 ||
        (tcb->flags & (TFSM_M_URGENT_TOLD | TFSM_M_PEER_FIN)) != 0) {
        return false;
    }
    return (tcb->owed & TFSM_OWE_ACK) != 0 ||
           (tcb->at_ack != 0 && tcb->rcv_wnd > 2u * ep_policy(ep, index)->mss + 1);
}

/* What was delivered is the user's whatever became of the connection: the core hears of it only to
 * open the window, and where there is none any more its answer does not matter. */
enum tfsm_result endpoint_receive(struct endpoint *ep, endpoint_handle handle, uint8_t *octets,
                                  size_t n, tfsm_time now, size_t *taken)
{
    uint32_t index = slot_of(ep, handle);
    *taken = 0;
    if (index == EP_NONE) {
        return TFSM_E_NO_CONNECTION;
    }
    struct ep_slot *slot = ep_slot(ep, index);
    uint32_t readable = ep_readable(slot);
    uint32_t length = n < readable ? (uint32_t)n : readable;
    if (length > 0) {
        copy_to_user(ep, index, octets, length);
        slot->read = seq_add(slot->read, length);
        *taken = length;
        if (can_wait(ep, index)) {
            slot->untold = true;
            return TFSM_DONE;
        }
    }
    struct tfsm_event event; /* only what a RECEIVE has is written: nothing else is read */
    struct tfsm_effects fx;
    event.kind = TFSM_EV_RECEIVE;
    event.now = now;
    event.len = slot->untold ? seq_sub(slot->tcb.rcv_user, ep_readable(slot)) : length;
    slot->untold = false;
    enum tfsm_result result = ep_feed(ep, index, &event, NULL, &fx);
    ep_settle(ep, index);
    return readable > 0 ? TFSM_DONE : result;
}

size_t endpoint_peek(const struct endpoint *ep, endpoint_handle handle, uint8_t *octets, size_t n)
{
    uint32_t index = slot_of(ep, handle);
    uint32_t readable = index != EP_NONE ? ep_readable(ep_slot(ep, index)) : 0;
    uint32_t length = n < readable ? (uint32_t)n : readable;
    if (length > 0) {
        copy_to_user(ep, index, octets, length);
    }
    return length;
}

uint32_t endpoint_readable(const struct endpoint *ep, endpoint_handle handle)
{
    uint32_t index = slot_of(ep, handle);
    return index != EP_NONE ? ep_readable(ep_slot(ep, index)) : 0;
}

/* ---- CLOSE and ABORT ---- */

/* Nobody waits for what the peer does any more: it must not take for ever. */
static void orphan(struct endpoint *ep, uint32_t index)
{
    struct ep_slot *slot = ep_slot(ep, index);
    tfsm_time own = ep_policy(ep, index)->user_timeout;
    slot->owner = EP_NOBODY;
    slot->deaf = true;
    if (ep->orphan_timeout > 0 && (own == 0 || own > ep->orphan_timeout)) {
        if (!slot->own_policy) {
            ep->cold[index].policy = *ep_policy(ep, index);
            slot->own_policy = true;
        }
        ep->cold[index].policy.user_timeout = ep->orphan_timeout;
    }
}

/* CLOSE or ABORT, and the user has one call less to make: an ended connection needs no more. A call
 * that the core refuses changes nothing, but where the connection is over or CLOSE waits in
 * SYN-RECEIVED: ep_feed() makes that a deaf one as soon as the core takes it. */
static enum tfsm_result end(struct endpoint *ep, endpoint_handle handle,
                            const struct tfsm_event *event, enum ep_owner owner, bool deaf)
{
    uint32_t index = slot_of(ep, handle);
    uint32_t listener = ep_listener_of(ep, handle);
    if (listener != EP_NONE) {
        ep_close_listener(ep, listener, event->now);
        return TFSM_DONE;
    }
    if (index == EP_NONE) {
        return TFSM_E_NO_CONNECTION;
    }
    struct ep_slot *slot = ep_slot(ep, index);
    struct tfsm_effects fx;
    if (slot->untold) {
        ep_tell_core(ep, index, event->now);
    }
    if (owner == EP_NOBODY) {
        orphan(ep, index);
    }
    enum tfsm_result result = ep_feed(ep, index, event, NULL, &fx);
    if (result == TFSM_DONE || slot->tcb.state == TFSM_CLOSED ||
        slot->tcb.state == TFSM_SYN_RECEIVED) {
        slot->owner = (uint8_t)owner;
        slot->deaf = slot->deaf || deaf;
    }
    if (owner == EP_NOBODY && result != TFSM_DONE) { /* timers in line with the policy */
        struct tfsm_event settle = {.kind = TFSM_EV_TIMEOUT, .now = event->now};
        ep_feed(ep, index, &settle, NULL, &fx);
    }
    ep_settle(ep, index);
    return result;
}

enum tfsm_result endpoint_close(struct endpoint *ep, endpoint_handle handle, tfsm_time now)
{
    struct tfsm_event event = {.kind = TFSM_EV_CLOSE, .now = now};
    return end(ep, handle, &event, EP_USER_CLOSED, false);
}

enum tfsm_result endpoint_close_deaf(struct endpoint *ep, endpoint_handle handle, tfsm_time now)
{
    struct tfsm_event event = {.kind = TFSM_EV_CLOSE, .now = now, .deaf = true};
    return end(ep, handle, &event, EP_USER_CLOSED, true);
}

enum tfsm_result endpoint_abort(struct endpoint *ep, endpoint_handle handle, tfsm_time now)
{
    struct tfsm_event event = {.kind = TFSM_EV_ABORT, .now = now};
    return end(ep, handle, &event, EP_USER_CLOSED, true);
}

enum tfsm_result endpoint_release(struct endpoint *ep, endpoint_handle handle, tfsm_time now)
{
    uint32_t index = slot_of(ep, handle);
    if (index != EP_NONE) {
        ep_remove(ep, &ep->ready, EP_READY, index);
    } else if (ep_listener_of(ep, handle) == EP_NONE) {
        return TFSM_E_NO_CONNECTION;
    }
    struct tfsm_event event = {.kind = TFSM_EV_CLOSE, .now = now, .deaf = true};
    end(ep, handle, &event, EP_NOBODY, true); /* where it is closed already the core says so */
    return TFSM_DONE;
}

/* ---- STATUS and news ---- */

enum tfsm_result endpoint_status(const struct endpoint *ep, endpoint_handle handle,
                                 struct endpoint_status_block *out)
{
    uint32_t index = slot_of(ep, handle);
    if (index == EP_NONE) {
        return TFSM_E_NO_CONNECTION;
    }
    const struct ep_slot *slot = ep_slot(ep, index);
    *out = (struct endpoint_status_block){.local = ep_address(&slot->tuple, true),
                                          .remote = ep_address(&slot->tuple, false),
                                          .local_port = slot->tuple.local_port,
                                          .remote_port = slot->tuple.remote_port,
                                          .readable = ep_readable(slot),
                                          .writable = ep_writable(ep, index),
                                          .user_timeout = slot->tcb.uto_peer,
                                          .received_class = slot->received_class};
    if (tfsm_status(&slot->tcb, &out->tcp) != TFSM_DONE) {
        out->tcp = (struct tfsm_status_block){.state = TFSM_CLOSED};
    } else if (slot->untold) {
        out->tcp.readable = ep_readable(slot);
    }
    return TFSM_DONE;
}

/* Read and clear what is on no list any more; the last news of a connection that is over lets its slot go. */
static uint32_t take_news(struct endpoint *ep, uint32_t index)
{
    uint32_t news = ep_slot(ep, index)->news;
    ep_slot(ep, index)->news = 0;
    ep_settle(ep, index);
    return news;
}

/* The user is not called: he asks (RFC9293:MUST-47). */
bool endpoint_next(struct endpoint *ep, endpoint_handle *handle, uint32_t *news)
{
    if (ep->ready.head == 0) {
        return false;
    }
    uint32_t node = ep_take_first(ep, &ep->ready, EP_READY);
    if (node < ep->connections) {
        *handle = slot_handle(ep, node);
        *news = take_news(ep, node);
        return true;
    }
    *handle = ep_listener_handle(ep, node - ep->connections);
    *news = ENDPOINT_ACCEPTABLE;
    return true;
}

enum tfsm_result endpoint_news(struct endpoint *ep, endpoint_handle handle, uint32_t *news)
{
    uint32_t index = slot_of(ep, handle);
    uint32_t listener = ep_listener_of(ep, handle);
    if (listener != EP_NONE) {
        ep_remove(ep, &ep->ready, EP_READY, ep_listener_node(ep, listener));
        *news = ep->listeners[listener].core.waiting_count > 0 ? ENDPOINT_ACCEPTABLE : 0;
        return TFSM_DONE;
    }
    if (index == EP_NONE) {
        return TFSM_E_NO_CONNECTION;
    }
    ep_remove(ep, &ep->ready, EP_READY, index);
    *news = take_news(ep, index);
    return TFSM_DONE;
}

const struct tfsm_tcb *endpoint_tcb(const struct endpoint *ep, endpoint_handle handle)
{
    uint32_t index = slot_of(ep, handle);
    return index != EP_NONE ? &ep_slot(ep, index)->tcb : NULL;
}
