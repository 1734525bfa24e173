/* What the files of the endpoint share and nobody else needs: how the one block of memory is laid
 * out, and the pieces the calls are put together from. Connections ("slots") and listeners live in
 * arrays and name each other by index; 0 in a link is none, so that zeroed memory is an empty
 * endpoint. */
#ifndef HARNESS_ENDPOINT_INTERNAL_H
#define HARNESS_ENDPOINT_INTERNAL_H

#include "endpoint.h"
#include "seq.h"
#include "sip.h"

#include <string.h>

/* Addresses and ports, every unused octet zero: two are equal when their octets are. */
struct ep_tuple {
    uint8_t local[16];
    uint8_t remote[16]; /* zero in a listener's */
    uint16_t local_port;
    uint16_t remote_port;
    uint16_t family; /* 4 or 6 */
};

/* ---- lists ---- */

/* The lists a slot or a listener can be on, one of each kind at a time. */
enum ep_list_kind {
    EP_DIRTY, /* may have something to say; listeners, too */
    EP_READY, /* has news for the user; listeners, too */
    EP_LISTS
};

struct ep_link {
    uint32_t next; /* node + 1, 0 at the end */
    uint32_t prev; /* node + 1, EP_FIRST at the start, 0: not on the list */
};
#define EP_FIRST UINT32_MAX

struct ep_list {
    uint32_t head; /* node + 1, 0 none */
    uint32_t tail;
};

/* What a slot and a listener have in common, and lists and deadlines work on. */
struct ep_node {
    struct ep_link link[EP_LISTS]; /* of what is free: link[EP_DIRTY].next is the next that is */
    tfsm_time at;        /* of its entry in the heap of deadlines, TFSM_NEVER: it has none */
    uint32_t generation; /* which of those that were in this place */
    uint32_t hash;       /* of the tuple */
};

/* ---- slots and listeners ---- */

/* Whose a slot is. */
enum ep_owner {
    EP_FREE,
    EP_WAITING, /* its listener's, until it is accepted */
    EP_USER,
    EP_USER_CLOSED, /* the user has closed, and may read */
    EP_NOBODY       /* released: free when the core is done */
};

#define EP_LINE 64u /* octets of a cache line */

/* What a segment touches of a connection, and nothing else: the first line is what it is found by and what changes in
 * it, the next begins with the node and goes on with the members of the TCB that each segment reads, which stand first
 * in it. Octets of each stream are counted modulo 2^32: rings are indexed by them, and no more than a ring lies between
 * two of them. */
struct ep_slot {
    _Alignas(EP_LINE) struct ep_tuple tuple;
    uint8_t owner; /* enum ep_owner */
    uint8_t hops;
    uint8_t traffic_class;
    uint8_t received_class;
    bool hashed : 1;       /* found by its tuple: until the core is CLOSED */
    bool own_policy : 1;   /* that of its ep_cold rather than the endpoint's */
    bool wants_room : 1;   /* endpoint_send() took less than it was given */
    bool deaf : 1;         /* the user will not read */
    bool early : 1;        /* opened by Fast Open, and its listener counts it as pending */
    bool untold : 1;       /* the core has not heard of all that was read */
    uint32_t news;         /* not told yet */
    uint32_t queued;       /* taken from the user */
    uint32_t acknowledged; /* and no longer needed */
    uint32_t delivered;    /* in order from the peer */
    uint32_t read;         /* and handed to the user */
    struct ep_node node;
    struct tfsm_tcb tcb;
};

/* The rest of a connection. */
struct ep_cold {
    uint32_t listener; /* with early: its listener, and which of those that were in this place */
    uint32_t listener_generation;
    uint32_t mute;
    uint8_t cookie[TFSM_COOKIE_MAX]; /* for the SYN of a Fast Open */
    struct tfsm_config policy;
};

/* A cell of the hash table of connections: the whole hash stands beside the slot, so that a search looks at no slot but
 * the right one, and a cell can be moved without asking its slot. */
struct ep_cell {
    uint32_t hash;
    uint32_t slot; /* + 1; 0: empty */
};

struct ep_listener {
    struct ep_tuple tuple; /* local part; all octets zero: any address of the family */
    bool used;             /* somebody has its handle */
    bool closing;          /* closed, and half-open connections are still to be told */
    bool own_policy;
    uint8_t hops;
    uint8_t traffic_class;
    struct ep_node node;
    uint32_t chain; /* next listener + 1 of this hash bucket */
    uint32_t mute;
    struct tfsm_config policy;
    struct tfsm_listener core;
};

/* What is known of a peer's Fast Open (RFC7413:4.1.3): one cookie for a pair of addresses. */
struct ep_cookie {
    struct ep_tuple tuple; /* ports zero */
    uint8_t len;           /* octets, 0: not in use */
    uint8_t octets[TFSM_COOKIE_MAX];
    uint16_t mss;
    tfsm_time kept; /* when it came */
};

/* A port of a peer towards which Fast Open rests (RFC7413:4.1.3.1), and when that is over; 0 or past:
 * not in use. Where one had to make room before its time, every port that has its first place here
 * rests instead. */
struct ep_refusal {
    struct ep_tuple tuple; /* the local port zero */
    tfsm_time until;
    tfsm_time crowded; /* until when all of them rest */
};

struct ep_due {
    tfsm_time at;  /* never later than the connection's tfsm_deadline() */
    uint32_t node; /* a slot, or connections + a listener */
};

/* Packets that nothing else remembers wait here, the oldest first. */
struct ep_ring {
    struct tfsm_packet *packets;
    uint32_t most;
    uint32_t first;
    uint32_t count;
};

struct endpoint {
    uint32_t connections;
    uint32_t listener_count;
    uint32_t backlog;
    uint32_t local_count;
    uint32_t local_room; /* for so many more */
    uint32_t cookie_count;
    uint32_t send_ring;
    uint32_t receive_ring;
    uint32_t cell_mask;            /* of connections */
    uint32_t listener_bucket_mask; /* of listeners */
    uint16_t port_first;
    uint16_t port_last;
    uint32_t ports_given; /* ephemeral ports handed out, all told */
    uint8_t key[16];
    struct sip demux; /* where a derived key starts: hashes of tuples say nothing about ISNs */
    uint8_t port_key[16];
    uint8_t cookie_key[16]; /* of the secrets of listeners: endpoint_rotate() */
    uint8_t fast_key[16];   /* of Fast Open cookies: endpoint_rotate_fast_open() */
    uint8_t fast_before[16];
    uint8_t hops;
    uint8_t traffic_class;
    unsigned turn; /* whose it is in endpoint_take() */
    bool drop_syn_fin;
    bool locals_grew; /* an address was added: what was looked at before may be wrong now */
    tfsm_time fast_open_pause;
    tfsm_time orphan_timeout;
    struct tfsm_config policy[2]; /* IPv4, IPv6 */
    struct ep_list dirty;
    struct ep_list ready;
    uint32_t due_count;
    uint32_t free_slots; /* first + 1, chained */
    uint32_t used_slots; /* slots from here on were never used */
    uint32_t free_listeners;
    uint32_t used_listeners;
    uint32_t closing_listeners;
    uint32_t exact_listeners; /* that name a local address */
    struct ep_ring resets;    /* answers to segments of no connection */
    struct ep_ring syn_acks;  /* with a SYN cookie */
    uint32_t spent_count;
    size_t packet_most;
    endpoint_watcher *watcher;
    void *watcher_user;
    struct endpoint_counters counters;
    uint64_t closed_counters[TFSM_LISTENER_COUNTS]; /* of listeners that are closed */
    /* the arrays, in the same block */
    struct endpoint_local *locals;
    struct ep_slot *slots; /* each starts a cache line */
    struct ep_cold *cold;  /* of each slot */
    struct ep_due *due;    /* a heap of four children each, the earliest first */
    uint32_t *places;      /* of each slot, then of listeners: where in the heap it stands */
    struct ep_cell *cells;
    uint32_t *listener_buckets;
    struct ep_listener *listeners;
    struct tfsm_entry *entries; /* backlog of each listener */
    uint64_t *accept_queue;     /* likewise */
    struct tfsm_spent *spent;   /* spent_count of each listener */
    struct tfsm_tcb work;       /* of all listeners, to work in */
    struct ep_cookie *cookies;
    struct ep_refusal *refusals; /* EP_REFUSALS for each place of a cookie */
    uint8_t *scratch;            /* for a text that wraps around its ring */
    uint8_t *rings;              /* of each slot: send, receive */
};

static inline uint32_t ep_min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline const struct tfsm_config *ep_family_policy(const struct endpoint *ep, unsigned family)
{
    return &ep->policy[family == 6];
}

static inline const struct tfsm_config *ep_policy(const struct endpoint *ep, uint32_t slot)
{
    return ep->slots[slot].own_policy ? &ep->cold[slot].policy
                                      : ep_family_policy(ep, ep->slots[slot].tuple.family);
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
    uint32_t held = seq_sub(ep->slots[slot].queued, ep->slots[slot].acknowledged);
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
    return node < ep->connections ? &ep->slots[node].node
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
static inline void ep_fetch_slot(const struct endpoint *ep, uint32_t slot)
{
    const struct ep_slot *at = &ep->slots[slot];
    EP_FETCH(at);
    EP_FETCH(&at->node);
    EP_FETCH(&at->tcb.snd_wnd);
    EP_FETCH(&at->tcb.at_persist);
    EP_FETCH(&at->tcb.snd_recover);
}

/* And where text in order will go. */
static inline void ep_fetch_ring(const struct endpoint *ep, uint32_t slot)
{
    const uint8_t *ring = ep_receive_ring(ep, slot);
    uint32_t at = ep->slots[slot].delivered & (ep->receive_ring - 1);
    EP_FETCH(ring + at);
    EP_FETCH(ring + (at | (EP_LINE - 1)) + 1);
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
    ep_schedule(ep, slot, &ep->slots[slot].node, tfsm_deadline(&ep->slots[slot].tcb));
}

/* ---- connection.c ---- */

/* A slot for a tuple that is not in use, with the endpoint's defaults; EP_NONE when none is free. Its TCB is as it was:
 * that of a slot that is free may be written before. */
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
    if (ep->slots[slot].tcb.state == TFSM_CLOSED) {
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

/* Let a packet wait; returns false when there is no place. */
bool ep_wait(struct ep_ring *ring, const struct tfsm_packet *packet);
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
