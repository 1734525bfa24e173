/* What the files of the endpoint share and nobody else needs: the pieces the calls are put together from. */
#ifndef HARNESS_ENDPOINT_INTERNAL_H
#define HARNESS_ENDPOINT_INTERNAL_H

#include "slots.h"
#include "seq.h"

#include <string.h>

static inline uint32_t ep_min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline struct ep_slot *ep_slot(const struct endpoint *ep, uint32_t index)
{
    return (struct ep_slot *)(void *)(ep->slots + (size_t)index * ep->stride);
}

static inline const struct tfsm_config *ep_family_policy(const struct endpoint *ep, unsigned family)
{
    return &ep->policy[family == 6];
}

static inline const struct tfsm_config *ep_policy(const struct endpoint *ep, uint32_t slot)
{
    return ep_slot(ep, slot)->own_policy ? &ep->cold[slot].policy
                                         : ep_family_policy(ep, ep_slot(ep, slot)->tuple.family);
}

static inline uint8_t *ep_send_ring(const struct endpoint *ep, uint32_t slot)
{
    return ep->rings + (size_t)slot * ((size_t)ep->send_ring + ep->receive_ring);
}

static inline uint8_t *ep_receive_ring(const struct endpoint *ep, uint32_t slot)
{
    return ep_send_ring(ep, slot) + ep->send_ring;
}

/* Octets for the user; a deaf one gets none. */
static inline uint32_t ep_readable(const struct ep_slot *slot)
{
    return slot->deaf ? 0 : seq_sub(slot->delivered, slot->read);
}

/* Octets that endpoint_send() would take. */
static inline uint32_t ep_writable(const struct endpoint *ep, uint32_t slot)
{
    uint32_t held = seq_sub(ep_slot(ep, slot)->queued, ep_slot(ep, slot)->acknowledged);
    uint32_t room = ep_policy(ep, slot)->snd_buff;
    return held < room ? room - held : 0;
}

static inline endpoint_handle ep_handle(uint32_t generation, uint32_t index)
{
    return (endpoint_handle)generation << 32 | index;
}

/* The place of a handle's connection or listener, whichever of those that were in it is meant. */
static inline uint32_t ep_index_of(endpoint_handle handle)
{
    return (uint32_t)(handle & UINT32_MAX);
}

/* ---- lists ---- */

/* The node of a slot, or of connections + a listener. */
static inline struct ep_node *ep_node(const struct endpoint *ep, uint32_t node)
{
    return node < ep->connections ? &ep_slot(ep, node)->node
                                  : &ep->listeners[node - ep->connections].node;
}

/* Doubly linked lists through the nodes: to append and to remove costs the same however long the
 * list is. */
static inline bool ep_is_on(const struct endpoint *ep, enum ep_list_kind kind, uint32_t node)
{
    return ep_node(ep, node)->link[kind].prev != 0;
}

/* Nothing happens when the node is on a list of this kind. at: where it is. */
static inline void ep_append_at(struct endpoint *ep, struct ep_list *list, enum ep_list_kind kind,
                                uint32_t node, struct ep_node *at)
{
    struct ep_link *link = &at->link[kind];
    if (link->prev != 0) {
        return;
    }
    *link = (struct ep_link){.next = 0, .prev = list->tail != 0 ? list->tail : EP_FIRST};
    if (list->tail != 0) {
        ep_node(ep, list->tail - 1)->link[kind].next = node + 1;
    } else {
        list->head = node + 1;
    }
    list->tail = node + 1;
}

static inline void ep_append(struct endpoint *ep, struct ep_list *list, enum ep_list_kind kind,
                             uint32_t node)
{
    ep_append_at(ep, list, kind, node, ep_node(ep, node));
}

/* Nothing happens when it is on none. */
static inline void ep_remove(struct endpoint *ep, struct ep_list *list, enum ep_list_kind kind,
                             uint32_t node)
{
    struct ep_link *link = &ep_node(ep, node)->link[kind];
    if (link->prev == 0) {
        return;
    }
    if (link->prev == EP_FIRST) {
        list->head = link->next;
    } else {
        ep_node(ep, link->prev - 1)->link[kind].next = link->next;
    }
    if (link->next == 0) {
        list->tail = link->prev == EP_FIRST ? 0 : link->prev;
    } else {
        ep_node(ep, link->next - 1)->link[kind].prev = link->prev;
    }
    *link = (struct ep_link){0, 0};
}

/* The first leaves a list that is not empty. */
static inline uint32_t ep_take_first(struct endpoint *ep, struct ep_list *list,
                                     enum ep_list_kind kind)
{
    uint32_t node = list->head - 1;
    struct ep_link *link = &ep_node(ep, node)->link[kind];
    list->head = link->next;
    if (link->next != 0) {
        ep_node(ep, link->next - 1)->link[kind].prev = EP_FIRST;
    } else {
        list->tail = 0;
    }
    *link = (struct ep_link){0, 0};
    return node;
}

/* ---- what is asked for before it is needed ---- */

#if defined(__GNUC__)
#define EP_FETCH(address) __builtin_prefetch(address)
#define EP_INLINE         static inline __attribute__((always_inline)) /* on the way of each segment */
#else
#define EP_FETCH(address) ((void)(address))
#define EP_INLINE         static inline
#endif

/* A processor asks for lines one after the other where it has to understand each to know of the next; these it can have
 * all at once: what a segment touches of a slot, see struct tfsm_tcb. */
static inline void ep_fetch_slot(const struct endpoint *ep, uint32_t slot, uint32_t text)
{
    const struct ep_slot *at = ep_slot(ep, slot);
    EP_FETCH(at);
    EP_FETCH(&at->node);
    EP_FETCH(&at->tcb.snd_wnd);
    EP_FETCH(&at->tcb.at_persist);
    if (text == 0) { /* it acknowledges, most likely */
        EP_FETCH(&at->tcb.snd_recover);
    } else { /* passes through the first of the ranges behind the TCB */
        EP_FETCH(&at->tcb + 1);
    }
}

/* And where text in order will go. */
static inline void ep_fetch_ring(const struct endpoint *ep, uint32_t slot, uint32_t text)
{
    const uint8_t *ring = ep_receive_ring(ep, slot);
    uint32_t at = ep_slot(ep, slot)->delivered & (ep->receive_ring - 1);
    EP_FETCH(ring + at);
    if (at % EP_LINE + text > EP_LINE) {
        EP_FETCH(ring + (at | (EP_LINE - 1)) + 1);
    }
}

/* ---- demux.c ---- */

static inline void ep_put_address(uint8_t to[16], unsigned family, const uint8_t octets[16])
{
    if (family == 4) {
        memcpy(to, octets, 4);
        memset(to + 4, 0, 12);
    } else {
        memcpy(to, octets, 16);
    }
}

/* The tuple of a connection; octets beyond an IPv4 address are not taken over. */
static inline struct ep_tuple ep_tuple_of(const struct tfsm_address *local, uint16_t local_port,
                                          const struct tfsm_address *remote, uint16_t remote_port)
{
    struct ep_tuple tuple;
    ep_put_address(tuple.local, local->family, local->octets);
    ep_put_address(tuple.remote, local->family, remote->octets);
    tuple.local_port = local_port;
    tuple.remote_port = remote_port;
    tuple.family = local->family;
    return tuple;
}

static inline uint64_t ep_word(const uint8_t *octets)
{
    uint64_t word;
    memcpy(&word, octets, sizeof word);
    return word;
}

static inline bool ep_same_tuple(const struct ep_tuple *a, const struct ep_tuple *b)
{
    uint64_t differ = (ep_word(a->local) ^ ep_word(b->local)) |
                      (ep_word(a->local + 8) ^ ep_word(b->local + 8)) |
                      (ep_word(a->remote) ^ ep_word(b->remote)) |
                      (ep_word(a->remote + 8) ^ ep_word(b->remote + 8));
    return differ == 0 && a->local_port == b->local_port && a->remote_port == b->remote_port &&
           a->family == b->family;
}

static inline struct tfsm_address ep_address(const struct ep_tuple *tuple, bool local)
{
    struct tfsm_address address = {.family = (uint8_t)tuple->family};
    memcpy(address.octets, local ? tuple->local : tuple->remote, sizeof address.octets);
    return address;
}

/* Only what counts goes in; nobody outside sees it, so that it is the hash for tables. */
static inline uint32_t ep_hash_of(const struct endpoint *ep, unsigned family, const uint8_t *local,
                                  uint16_t local_port, const uint8_t *remote, uint16_t remote_port)
{
    return (uint32_t)(sip_tuple(ep->demux, family, local, local_port, remote, remote_port, 1) &
                      UINT32_MAX);
}

static inline uint32_t ep_hash(const struct endpoint *ep, const struct ep_tuple *tuple)
{
    return ep_hash_of(ep, tuple->family, tuple->local, tuple->local_port, tuple->remote,
                      tuple->remote_port);
}

#define EP_NONE UINT32_MAX
/* Index of the connection with this tuple, or EP_NONE. */
uint32_t ep_find(const struct endpoint *ep, const struct ep_tuple *tuple, uint32_t hash);
/* The one that it probably is, by the hash alone: no slot is looked at. */
uint32_t ep_guess(const struct endpoint *ep, uint32_t hash);
void ep_enter(struct endpoint *ep, uint32_t slot);
void ep_leave(struct endpoint *ep, uint32_t slot);

/* The listener for a connection: the exact local address goes before any address. */
uint32_t ep_find_listener(const struct endpoint *ep, const struct ep_tuple *tuple);
/* The listener of exactly this address, or EP_NONE. */
uint32_t ep_find_same_listener(const struct endpoint *ep, const struct ep_tuple *tuple);
void ep_enter_listener(struct endpoint *ep, uint32_t listener);
void ep_leave_listener(struct endpoint *ep, uint32_t listener);

static inline bool ep_is_zero(const struct tfsm_address *address)
{
    static const uint8_t zero[16];
    return memcmp(address->octets, zero, address->family == 4 ? 4 : 16) == 0;
}

/* Whether this is the address of one host that is not a broadcast of ours. */
bool ep_is_host(const struct endpoint *ep, const struct tfsm_address *address);
bool ep_is_ours(const struct endpoint *ep, const struct tfsm_address *address);
/* A segment from a host to us, by a look that says no to some of them. */
bool ep_plainly_holds(const struct endpoint *ep, const struct tfsm_address *src,
                      const struct tfsm_address *dst);
/* The local address to reach a remote from; false when there is none of its family. */
bool ep_choose_local(const struct endpoint *ep, const struct tfsm_address *remote,
                     struct tfsm_address *local);
/* Fill in a local port that makes the tuple unique; false when there is none. */
bool ep_choose_port(struct endpoint *ep, struct ep_tuple *tuple);

/* ---- timer.c ---- */

/* A deadline is earlier than the entry of the node in the heap, or there is none yet. */
void ep_advance(struct endpoint *ep, uint32_t node, tfsm_time at);
void ep_unschedule(struct endpoint *ep, uint32_t node);

/* Take note of the deadline of a connection or a listener: where it moves away nothing is to be done. */
static inline void ep_schedule(struct endpoint *ep, uint32_t node, const struct ep_node *itself,
                               tfsm_time at)
{
    if (at < itself->at) {
        ep_advance(ep, node, at);
    }
}

static inline void ep_schedule_slot(struct endpoint *ep, uint32_t slot)
{
    ep_schedule(ep, slot, &ep_slot(ep, slot)->node, tfsm_deadline(&ep_slot(ep, slot)->tcb));
}

/* ---- connection.c ---- */

/* A slot for a tuple that is not in use, with the endpoint's defaults; EP_NONE when none is free. Its TCB has the room of
 * a connection, and else is as it was. */
uint32_t ep_allocate(struct endpoint *ep, const struct ep_tuple *tuple, uint32_t hash,
                     enum ep_owner owner);
/* Options as a connection may have them. */
void ep_clamp(const struct endpoint *ep, unsigned family, struct tfsm_config *policy);

/* tfsm_step() and tfsm_output(), watched where somebody watches. */
enum tfsm_result ep_step_watched(const struct endpoint *ep, endpoint_handle handle,
                                 struct tfsm_tcb *tcb, const struct tfsm_config *policy,
                                 const struct tfsm_event *event, struct tfsm_effects *fx);
bool ep_pull_watched(const struct endpoint *ep, endpoint_handle handle, struct tfsm_tcb *tcb,
                     const struct tfsm_config *policy, tfsm_time now, struct tfsm_segment *out);

static inline enum tfsm_result ep_step(const struct endpoint *ep, endpoint_handle handle,
                                       struct tfsm_tcb *tcb, const struct tfsm_config *policy,
                                       const struct tfsm_event *event, struct tfsm_effects *fx)
{
    return ep->watcher == NULL ? tfsm_step(tcb, policy, event, fx)
                               : ep_step_watched(ep, handle, tcb, policy, event, fx);
}

static inline bool ep_pull(const struct endpoint *ep, endpoint_handle handle, struct tfsm_tcb *tcb,
                           const struct tfsm_config *policy, tfsm_time now,
                           struct tfsm_segment *out)
{
    return ep->watcher == NULL ? tfsm_output(tcb, policy, now, out)
                               : ep_pull_watched(ep, handle, tcb, policy, now, out);
}

/* Feed an event to a connection and carry out its effects; text is that of a segment. The slot is
 * not freed: ep_settle() after that, when nobody needs it any more. */
enum tfsm_result ep_feed(struct endpoint *ep, uint32_t slot, const struct tfsm_event *event,
                         const uint8_t *text, struct tfsm_effects *fx);
/* The core hears of what was read, where it has not yet. */
void ep_tell_core(struct endpoint *ep, uint32_t slot, tfsm_time now);
/* What a connection owes the rest of the endpoint once an event is dealt with: free what is over. */
void ep_let_go(struct endpoint *ep, uint32_t slot);

static inline void ep_settle(struct endpoint *ep, uint32_t slot)
{
    if (ep_slot(ep, slot)->tcb.state == TFSM_CLOSED) {
        ep_let_go(ep, slot);
    }
}
/* Something to tell the user. */
void ep_tell(struct endpoint *ep, uint32_t slot, uint32_t news);
/* Carry out what the core asks for after an event. */
void ep_carry_out(struct endpoint *ep, uint32_t slot, const struct tfsm_effects *fx,
                  const uint8_t *text);
/* The handle of the next connection; 0: there is no slot for it. waiting: EP_NONE, or the one in
 * TIME-WAIT that is aborted before. */
endpoint_handle ep_next_handle(const struct endpoint *ep, uint32_t waiting);
/* Which ISN and timestamp clock a connection opened now would have. */
void ep_seed(const struct endpoint *ep, const struct ep_tuple *tuple, struct tfsm_event *event);

/* ---- listener.c ---- */

/* Let a packet wait. Returns where it does, or null when there is no place. */
struct ep_answer *ep_wait(struct ep_ring *ring, const struct tfsm_packet *packet);
/* A listener has a half-open connection with this tuple. */
bool ep_is_half_open(const struct endpoint *ep, const struct ep_tuple *tuple);
/* A segment for a listener. Returns false when there is none. iss_after: null, or there is a connection
 * in TIME-WAIT with this tuple, which the new one takes the place of; this was its last number. */
bool ep_to_listener(struct endpoint *ep, const struct tfsm_packet *packet, uint32_t hash,
                    const uint8_t *text, tfsm_time now, const uint32_t *iss_after);
bool ep_icmp_to_listener(struct endpoint *ep, const struct tfsm_icmp_message *message,
                         tfsm_time now);
/* Whether a listener could take a connection in place of this one in TIME-WAIT. */
bool ep_could_reopen(const struct endpoint *ep, uint32_t slot);
/* Whether a segment for this one in TIME-WAIT is for its next incarnation, which is half open. */
bool ep_is_for_next(const struct endpoint *ep, uint32_t slot, const struct tfsm_packet *packet,
                    tfsm_time now);
void ep_listener_timeout(struct endpoint *ep, uint32_t listener, tfsm_time now);
bool ep_take_from_listener(struct endpoint *ep, uint32_t listener, tfsm_time now,
                           struct tfsm_packet *packet);
void ep_close_listener(struct endpoint *ep, uint32_t listener, tfsm_time now);
/* A Fast Open may be through, or have ended, by an event with these signals. */
void ep_early_over(struct endpoint *ep, uint32_t slot, const struct tfsm_event *event,
                   uint32_t signals);
/* The listener that a handle names, or EP_NONE. */
uint32_t ep_listener_of(const struct endpoint *ep, endpoint_handle handle);
/* Take what the application chose for a listener's connections. */
void ep_set_listener_options(struct endpoint *ep, struct ep_listener *listener,
                             const struct endpoint_options *options);

/* In the index of a handle. */
#define EP_IS_LISTENER 0x80000000u

static inline endpoint_handle ep_listener_handle(const struct endpoint *ep, uint32_t index)
{
    return ep_handle(ep->listeners[index].node.generation, index | EP_IS_LISTENER);
}

/* Where a listener stands among the nodes. */
static inline uint32_t ep_listener_node(const struct endpoint *ep, uint32_t index)
{
    return ep->connections + index;
}

static inline const struct tfsm_config *ep_listener_policy(const struct endpoint *ep,
                                                           const struct ep_listener *listener)
{
    return listener->own_policy ? &listener->policy : ep_family_policy(ep, listener->tuple.family);
}

/* A key for one use from another. */
void ep_derive_key(const uint8_t from[16], const char use[8], uint64_t number, uint8_t key[16]);

/* ---- cookie.c ---- */

#define EP_REFUSALS 4u

/* The SYN of a Fast Open is on its way. */
static inline bool ep_is_opening_fast(const struct ep_slot *slot)
{
    return slot->tcb.state == TFSM_SYN_SENT && (slot->tcb.flags & TFSM_M_FAST_OPEN) != 0;
}

/* Whether to ask for a Fast Open, and with which cookie: fills in the event and the slot. */
void ep_recall_cookie(const struct endpoint *ep, uint32_t slot, struct tfsm_event *event);
/* Whether a cookie for the other end is known and may be used now. */
bool ep_knows_cookie(const struct endpoint *ep, const struct ep_tuple *tuple, tfsm_time now);
/* The SYN-ACK of a Fast Open: keep the cookie, or that there is none. */
void ep_keep_cookie(struct endpoint *ep, uint32_t slot, const struct tfsm_packet *packet,
                    bool text_refused, tfsm_time now);
/* A Fast Open came to nothing. */
void ep_refuse_cookie(struct endpoint *ep, uint32_t slot, tfsm_time now);

#endif
