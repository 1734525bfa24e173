/* How the one block of memory of an endpoint is laid out: connections ("slots") and listeners live in arrays and name each
 * other by index; 0 in a link is none, so that zeroed memory is an empty endpoint. What a segment touches lies together, and
 * what few do lies elsewhere. */
#ifndef HARNESS_ENDPOINT_SLOTS_H
#define HARNESS_ENDPOINT_SLOTS_H

#include "endpoint.h"
#include "sip.h"

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
    struct tfsm_tcb tcb; /* and the room behind it */
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

/* A packet that waits. One that an entry of a listener has said goes out only if that is there yet. */
struct ep_answer {
    struct tfsm_packet packet;
    uint32_t entry; /* tfsm_arrival.entry, 0: nobody's */
    uint32_t listener;
    uint32_t generation; /* which of those that were in this place */
};

/* Answers to what arrived wait here, the oldest first. */
struct ep_ring {
    struct ep_answer *answers;
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
    uint32_t ranges; /* that a connection has room for */
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
    uint32_t last;       /* whose the segment before was: most come in trains */
    uint32_t free_listeners;
    uint32_t used_listeners;
    uint32_t closing_listeners;
    uint32_t exact_listeners; /* that name a local address */
    struct ep_ring resets;    /* answers to segments of no connection */
    struct ep_ring syn_acks;  /* with a SYN cookie, or of an entry */
    uint32_t spent_count;
    size_t packet_most;
    endpoint_watcher *watcher;
    void *watcher_user;
    struct endpoint_counters counters;
    uint64_t closed_counters[TFSM_LISTENER_COUNTS]; /* of listeners that are closed */
    /* the arrays, in the same block */
    struct endpoint_local *locals;
    uint8_t *slots; /* ep_slot(): each starts a cache line */
    size_t stride;  /* octets of a slot, with the room behind its TCB */
    /* With as much room: for what a watcher is shown of before, and for trying something out. */
    struct tfsm_tcb *spare;
    struct ep_cold *cold; /* of each slot */
    struct ep_due *due;   /* a heap of four children each, the earliest first */
    uint32_t *places;     /* of each slot, then of listeners: where in the heap it stands */
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

#endif
