/* A host's TCP around the core: the worked example of embedding. It finds the connection of a
 * packet, keeps the octets in rings, the deadlines in a heap and the listeners in a table, and
 * leaves every decision of the protocol to tfsm_step() and tfsm_output().
 *
 * Like the core it does no I/O, has no clock and never blocks: packets and the time come in as
 * arguments, packets go out through endpoint_output(). One allocation is made at the start and its
 * size is known before; nothing is allocated afterwards. What one call costs does not depend on the
 * number of connections, but for the logarithm in the heap of deadlines.
 *
 * A driver does this, for ever:
 *
 *     wait for a packet or until endpoint_deadline()
 *     now = the clock
 *     for each packet: endpoint_input(ep, octets, n, now), or for all of them endpoint_burst()
 *     endpoint_timeout(ep, now)
 *     while (endpoint_next(ep, &handle, &news)): the application reads, writes, closes
 *     while ((n = endpoint_output(ep, now, octets, room)) > 0): send them
 *
 * Taking all packets before the output lets one acknowledgment answer several segments
 * (RFC9293:MUST-58, RFC9293:MUST-59).
 *
 * Connections and listeners are named by handles. A handle that is stale names nothing: the call
 * answers TFSM_E_NO_CONNECTION and touches no other connection. Results are the core's; where a
 * call has an error of its own its comment says so. An endpoint is not safe to be used by two
 * threads at a time. */
#ifndef HARNESS_ENDPOINT_H
#define HARNESS_ENDPOINT_H

#include "tfsm_listener.h"

#ifdef __cplusplus
extern "C" {
#endif

struct endpoint; /* everything; its size is endpoint_size() */

/* A connection or a listener; 0 is none. No value comes back before 2^32 others of its place. */
typedef uint64_t endpoint_handle;

/* ---- configuration ---- */

/* An address of the host. The prefix tells which address is the broadcast of its network. */
struct endpoint_local {
    struct tfsm_address address;
    uint8_t prefix; /* bits of the network, 0..32 or 0..128 */
};

struct endpoint_config {
    uint8_t key[16]; /* secret octets from the host's entropy, kept for its life */
    const struct endpoint_local *locals; /* the host's addresses, copied by endpoint_create() */
    uint32_t local_count;                /* at least 1 */
    uint32_t local_room;  /* for so many more, endpoint_add_local(); 0..ENDPOINT_MOST */
    uint32_t connections; /* at most so many at a time, 1..ENDPOINT_MOST */
    uint32_t listeners;   /* likewise, 0..ENDPOINT_MOST */
    /* The longest queues a listener can have: half-open connections, and those that wait to be
     * accepted; 1..ENDPOINT_MOST. More is cut to this, as listen(2) does. */
    uint32_t backlog;
    /* Ranges of text out of order that a connection remembers, in either direction: tfsm_make_room(). 0: what a TCB has
     * by itself; 1..TFSM_ROOM_MAX: so many, for 24 octets each, and a cache line more that text touches. */
    uint32_t ranges;
    uint32_t send_ring;    /* octets a connection can hold for its peer, a power of two */
    uint32_t receive_ring; /* octets it can hold for its user, a power of two */
    uint32_t resets; /* answers to segments of no connection that can wait, 0..ENDPOINT_MOST */
    /* SYN-ACKs that can wait: of one with a SYN cookie nothing else knows, so this should hold what
     * comes in between two turns of output; half-open connections wait elsewhere where this is full;
     * 0..ENDPOINT_MOST. */
    uint32_t syn_acks;
    /* Places for spent SYN cookies, of each listener: tfsm_listening.spent_count; 0..ENDPOINT_MOST. */
    uint32_t spent;
    /* Peers whose Fast Open cookie is remembered, 0..ENDPOINT_MOST. Four times as many ports that
     * answered badly are told apart; where more do, others may rest with them, but none is forgotten. */
    uint32_t cookies;
    uint16_t port_first; /* ephemeral ports, both included; port_first is at least 1 */
    uint16_t port_last;
    uint8_t hops;          /* TTL or hop limit where the application does not say */
    uint8_t traffic_class; /* Diffserv in the upper six bits, likewise */
    bool
        drop_syn_fin; /* a segment with both SYN and FIN is dropped before anybody looks at it: no TCP
                          sends one but T/TCP did (RFC 1644), and scanners do */
    tfsm_time fast_open_pause;  /* how long Fast Open rests towards a port that answered badly */
    tfsm_time orphan_timeout;   /* user timeout of a released connection, where its own is 0 or
                                   longer: else a peer with a window of 0 holds its place for ever;
                                   0: none */
    struct tfsm_config policy4; /* for connections over IPv4; buffers are clamped to the rings */
    struct tfsm_config policy6; /* and over IPv6 */
};

#define ENDPOINT_MOST      0x1000000u
#define ENDPOINT_RING_MOST 0x20000000u /* the largest power of two that TFSM_BUFF_MAX holds */

/* A configuration to start from: the profile `today` on Ethernet (MTU 1500), 64 connections, 8
 * listeners with a backlog of up to 128, 256 ranges, rings of 65536 octets, the ephemeral ports of RFC
 * 6335. The key is zero and there are no addresses: both must be filled in. */
struct endpoint_config endpoint_config_default(void);

/* Octets of memory that a configuration needs, or 0 when it makes no sense. */
size_t endpoint_size(const struct endpoint_config *config);

/* Build an endpoint in memory of the caller, for those who have no heap.
 * memory  aligned for any object, zeroed, endpoint_size() octets; the caller gives it back
 * Returns null when the configuration makes no sense. */
struct endpoint *endpoint_place(const struct endpoint_config *config, void *memory);

/* The same from the heap: the only allocation that is ever made. Returns null when there is not
 * enough memory or the configuration makes no sense. */
struct endpoint *endpoint_create(const struct endpoint_config *config);

/* The host has another address from now on. One that it has already is fine, and keeps its prefix.
 * Returns TFSM_E_INVALID for what no host can have (RFC9293:MUST-63), and
 * TFSM_E_INSUFFICIENT_RESOURCES where endpoint_config.local_room is used up. */
enum tfsm_result endpoint_add_local(struct endpoint *ep, const struct endpoint_local *local);

/* Give back what endpoint_create() took. Peers are not told; abort first if they should be. */
void endpoint_destroy(struct endpoint *ep);

/* ---- user calls (RFC 9293 3.9.1, 3.10.1 to 3.10.6) ---- */

/* What the application can choose for a connection, before it opens and at any time after. */
struct endpoint_options {
    struct tfsm_config policy; /* Nagle (RFC9293:MUST-17), R1 and R2 (RFC9293:MUST-21), keep-alive
                                  (RFC9293:MUST-24), user timeout ...; buffers are clamped to the
                                  rings, the MSS to the endpoint's */
    uint8_t hops;              /* TTL or hop limit (RFC9293:MUST-49) */
    uint8_t traffic_class;     /* Diffserv (RFC9293:MUST-48, RFC9293:SHLD-21) */
    uint32_t mute; /* news not to be told: TFSM_SIG_ADVICE, TFSM_SIG_SOFT_ERROR and the like; ends
                      are always told (RFC9293:SHLD-20) */
};

/* The endpoint's own choice for a family, 4 or 6: a copy to change and pass on. */
struct endpoint_options endpoint_defaults(const struct endpoint *ep, unsigned family);

struct endpoint_open {
    struct tfsm_address local; /* family 0: the endpoint chooses (RFC9293:MUST-43, MUST-44) */
    struct tfsm_address remote;
    uint16_t local_port; /* 0: an ephemeral one */
    uint16_t remote_port;
    const struct endpoint_options *options; /* null: the defaults */
};

/* OPEN, active. now in microseconds. *handle is written, 0 with an error. The address chosen stays
 * that of the connection (RFC9293:MUST-45).
 * TFSM_E_REMOTE_UNSPECIFIED      no remote address or port
 * TFSM_E_INVALID                 the remote is not one host (RFC9293:MUST-46), the local address is
 *                                not ours, or the families differ
 * TFSM_E_CONNECTION_EXISTS       the four are in use, TIME-WAIT and half-open included
 * TFSM_E_INSUFFICIENT_RESOURCES  no connection or no ephemeral port is free */
enum tfsm_result endpoint_connect(struct endpoint *ep, const struct endpoint_open *open,
                                  tfsm_time now, endpoint_handle *handle);

/* The same with Fast Open (RFC 7413): the first octets go along, in the SYN where a cookie of the
 * peer is known, else the SYN asks for one and they follow later. The peer may get what is in the
 * SYN twice (RFC7413:2.1): the application must stand that.
 * text, n  octets to send; *taken (may be null) is how many found room */
enum tfsm_result endpoint_connect_fast(struct endpoint *ep, const struct endpoint_open *open,
                                       const uint8_t *text, size_t n, tfsm_time now,
                                       endpoint_handle *handle, size_t *taken);

/* Whether endpoint_connect_fast() would put text into the SYN now: a cookie is known. */
bool endpoint_knows_cookie(const struct endpoint *ep, const struct endpoint_open *open,
                           tfsm_time now);

/* Whether a connection that is not over has this local port, released ones and TIME-WAIT included.
 * local  its address; all octets zero: any of this family. Costs a walk over all connections. */
bool endpoint_port_used(const struct endpoint *ep, const struct tfsm_address *local, uint16_t port);

struct endpoint_listening {
    struct tfsm_address local; /* one of ours; all octets zero: any of this family */
    uint16_t port;             /* 1..65535 */
    uint32_t backlog;          /* connections that may be half open, and as many that may wait for
                                  endpoint_accept(); at least 1 */
    const struct tfsm_listener_policy *policy; /* what to do when these are used up, cookies, Fast
                                                  Open; null: tfsm_listener_policy_default() */
    const struct endpoint_options *options;    /* of the connections; null: the defaults */
};

/* OPEN, passive. Any number of listeners may share a port when their local addresses differ; the
 * one that names the address goes before the one that takes any (RFC9293:MUST-42), and none is
 * disturbed by another or by connections that were opened through it (RFC9293:MUST-41). A newer SYN
 * from the other end of a connection in TIME-WAIT is taken, too (RFC9293:MAY-2); that connection is
 * over, and its user hears so, when the handshake of the next is through, and goes on where it fails.
 * TFSM_E_INVALID                 the address is not ours, or the port or the backlog is 0
 * TFSM_E_CONNECTION_EXISTS       this address and port have a listener
 * TFSM_E_INSUFFICIENT_RESOURCES  no listener is free */
enum tfsm_result endpoint_listen(struct endpoint *ep, const struct endpoint_listening *listen,
                                 endpoint_handle *handle);

/* What a listener does when its queues are full, cookies and Fast Open: read it and change it, at any
 * time; at_once is the endpoint's own. */
enum tfsm_result endpoint_get_listener(const struct endpoint *ep, endpoint_handle listener,
                                       struct tfsm_listener_policy *out);
enum tfsm_result endpoint_set_listener(struct endpoint *ep, endpoint_handle listener,
                                       const struct tfsm_listener_policy *policy);

/* Other secrets for the SYN cookies of every listener, made from this one, 16 octets of the host's
 * entropy. Cookies on their way stay good: tfsm_listener_rotate(). */
void endpoint_rotate(struct endpoint *ep, const uint8_t secret[16], tfsm_time now);

/* Another secret for the Fast Open cookies, which all listeners share: clients keep one for an address
 * (RFC7413:4.1.3). Those made with the one before stay good until the next call. */
void endpoint_rotate_fast_open(struct endpoint *ep, const uint8_t secret[16]);

/* Take a connection that came in through a listener, the oldest first. *handle is 0 when none
 * waits. One that has ended since is handed out as well: its news tell. One that Fast Open brought
 * can be accepted before its handshake is through; TFSM_SIG_CONNECTED tells when it is. */
enum tfsm_result endpoint_accept(struct endpoint *ep, endpoint_handle listener,
                                 endpoint_handle *handle);

/* SEND. Octets are copied, as many as there is room for.
 * urgent  the last octet taken ends urgent data
 * taken   written; when it is less than n, ENDPOINT_WRITABLE is told once there is room
 * TFSM_E_CONNECTION_CLOSING after endpoint_close(). */
enum tfsm_result endpoint_send(struct endpoint *ep, endpoint_handle handle, const uint8_t *octets,
                               size_t n, bool urgent, tfsm_time now, size_t *taken);

/* RECEIVE. Takes at most n octets, in order; *taken is written.
 * When there are none: TFSM_DONE, more may come; TFSM_E_CONNECTION_CLOSING, the peer has sent all
 * (end of stream); TFSM_E_NO_CONNECTION, the connection is over. Octets that came before an end are
 * handed out all the same. */
enum tfsm_result endpoint_receive(struct endpoint *ep, endpoint_handle handle, uint8_t *octets,
                                  size_t n, tfsm_time now, size_t *taken);

/* Copy what endpoint_receive() would hand out, and take nothing.
 * n  room, octets
 * Returns how many were copied; 0 for a stale handle. */
size_t endpoint_peek(const struct endpoint *ep, endpoint_handle handle, uint8_t *octets, size_t n);

/* Octets that endpoint_receive() would hand out now; 0 for a stale handle. */
uint32_t endpoint_readable(const struct endpoint *ep, endpoint_handle handle);

/* CLOSE: nothing more to send. The user may go on reading (RFC 9293 3.6). The handle stays good
 * until the connection is over, every octet is read and the end was told; then its place is free
 * without another call. Of a listener: connections that it has not handed out are aborted, and the
 * handle is stale at once. */
enum tfsm_result endpoint_close(struct endpoint *ep, endpoint_handle handle, tfsm_time now);

/* CLOSE, and the user will not read either (half-duplex close, RFC9293:MAY-1): octets unread or
 * still to come reset the connection (RFC9293:SHLD-3). The handle as in endpoint_close().
 * TFSM_E_CONNECTION_CLOSING after endpoint_close() where the peer has closed, too: what is unread
 * can still be read. Also while a CLOSE waits in SYN-RECEIVED: then it holds once that goes out. */
enum tfsm_result endpoint_close_deaf(struct endpoint *ep, endpoint_handle handle, tfsm_time now);

/* ABORT: the peer is reset, what was not sent or read is lost. The handle as in endpoint_close(). */
enum tfsm_result endpoint_abort(struct endpoint *ep, endpoint_handle handle, tfsm_time now);

/* The user is done with a handle whatever becomes of the connection, and hears nothing more of it:
 * endpoint_close_deaf() where it is not closed yet, and the handle is stale at once. Every handle
 * may end this way. From now on the orphan timeout of the configuration holds. */
enum tfsm_result endpoint_release(struct endpoint *ep, endpoint_handle handle, tfsm_time now);

struct endpoint_status_block {
    struct tfsm_status_block tcp; /* RFC 9293 3.10.6; only the state when that is CLOSED */
    struct tfsm_address local;
    struct tfsm_address remote;
    uint16_t local_port;
    uint16_t remote_port;
    uint32_t readable;      /* octets endpoint_receive() has */
    uint32_t writable;      /* octets endpoint_send() would take */
    uint16_t user_timeout;  /* the peer's user timeout option as it came, 0 none (RFC 5482) */
    uint8_t received_class; /* traffic class of the last segment that came (RFC9293:MAY-9) */
};

/* STATUS. *out is written when the answer is TFSM_DONE. */
enum tfsm_result endpoint_status(const struct endpoint *ep, endpoint_handle handle,
                                 struct endpoint_status_block *out);

/* Read and change what the application can choose; what changes holds from now on. Of a listener:
 * for the connections that come. */
enum tfsm_result endpoint_get(const struct endpoint *ep, endpoint_handle handle,
                              struct endpoint_options *out);
enum tfsm_result endpoint_set(struct endpoint *ep, endpoint_handle handle,
                              const struct endpoint_options *options, tfsm_time now);

/* ---- news (RFC9293:MUST-47) ---- */

/* What is told besides enum tfsm_signal, in the same set of bits. */
enum endpoint_news_bit {
    ENDPOINT_READABLE = 0x10000,  /* octets have come */
    ENDPOINT_WRITABLE = 0x20000,  /* room for what endpoint_send() did not take */
    ENDPOINT_ACCEPTABLE = 0x40000 /* of a listener: connections wait; take all there are */
};

/* The next connection or listener with news, each once until there is more to tell. Reads the news
 * and clears them. Returns false when there is none, and then writes nothing. A handle whose
 * connection is over and was closed by its user may be stale already: the end is the last news. */
bool endpoint_next(struct endpoint *ep, endpoint_handle *handle, uint32_t *news);

/* Read and clear the news of one. */
enum tfsm_result endpoint_news(struct endpoint *ep, endpoint_handle handle, uint32_t *news);

/* ---- packets and time ---- */

/* A packet comes in: TCP or ICMP, over IPv4 or IPv6. What is not a sound segment for us is dropped
 * in silence and counted. now in microseconds. Source: RFC 9293 3.10.7, 3.9.2.2, 3.9.2.3. */
void endpoint_input(struct endpoint *ep, const uint8_t *octets, size_t n, tfsm_time now);

struct endpoint_packet {
    const uint8_t *octets;
    size_t n;
};

/* Packets that came together: as endpoint_input() of one after the other, to the last bit of it, but what each touches
 * of memory is asked for before the first is taken. Where there are so many connections that a segment finds its own in
 * no cache this is several times faster, and elsewhere it costs nothing. */
void endpoint_burst(struct endpoint *ep, const struct endpoint_packet *packets, size_t count,
                    tfsm_time now);

/* endpoint_input() for who has no octets to parse. text has as many octets as packet->segment.len says
 * without SYN and FIN; packet->text_at is not read. */
void endpoint_segment(struct endpoint *ep, const struct tfsm_packet *packet, const uint8_t *text,
                      tfsm_time now);

/* And for ICMP. */
void endpoint_icmp(struct endpoint *ep, const struct tfsm_icmp_message *message, tfsm_time now);

/* The largest packet that endpoint_output() can make, octets. */
size_t endpoint_packet_most(const struct endpoint *ep);

/* Take the next packet to send, connections in turn.
 * room  of octets, at least endpoint_packet_most()
 * Returns its length, or 0 when there is nothing to send or the room is too small. */
size_t endpoint_output(struct endpoint *ep, tfsm_time now, uint8_t *octets, size_t room);

/* A piece of the text of a packet; it may point into a ring and is good until the next call. */
struct endpoint_piece {
    const uint8_t *octets;
    uint32_t len;
};

/* The same without the codec: the packet, and its text in up to two pieces. Returns false when
 * there is nothing to send. */
bool endpoint_take(struct endpoint *ep, tfsm_time now, struct tfsm_packet *packet,
                   struct endpoint_piece text[2]);

/* When to call endpoint_timeout() next, or TFSM_NEVER. */
tfsm_time endpoint_deadline(struct endpoint *ep);

/* Time passes: feeds TFSM_EV_TIMEOUT to every connection that is due, and to no other. */
void endpoint_timeout(struct endpoint *ep, tfsm_time now);

/* ---- looking in ---- */

/* What happened, all told; never reset. */
struct endpoint_counters {
    uint64_t segments_in;  /* segments that reached a connection or a listener, or were answered as
                              CLOSED does */
    uint64_t segments_out; /* packets handed out, resets for no connection included */
    uint64_t unparsed[TFSM_WIRE_RESULTS]; /* dropped by tfsm_parse(), by its answer */
    /* taken with the options before one of an illegal length: neither dropped, for the peer
     * sends the same again, nor reset, which before the acceptability test would help whoever
     * guesses a 4-tuple (RFC9293:MUST-7) */
    uint64_t options_cut;
    uint64_t source_refused;      /* from an address that is no single host's (RFC9293:MUST-63) */
    uint64_t destination_refused; /* to broadcast or multicast (RFC9293:MUST-57) */
    uint64_t not_ours;            /* to an address of somebody else */
    uint64_t syn_fin;             /* dropped by drop_syn_fin */
    uint64_t invalid;             /* no event: text longer than a packet, SEG.LEN too short */
    uint64_t refused;             /* the core's TFSM_V_DROP: not acceptable, a duplicate ... */
    uint64_t unexpected;          /* for no connection and no listener */
    uint64_t resets_lost;         /* answers that found no place to wait */
    uint64_t syn_acks_lost;       /* and SYN-ACKs with a cookie */
    uint64_t unwritten;           /* packets that tfsm_write() refused; always 0 */
    uint64_t icmp_in;             /* ICMP errors handed to their connection (RFC9293:MUST-54) */
    uint64_t icmp_unknown;        /* ICMP errors for no connection, dropped */
    uint64_t opened;              /* connections that got a place, active and passive */
    uint64_t freed;               /* and that gave it back */
};

const struct endpoint_counters *endpoint_counted(const struct endpoint *ep);

/* What happened at a listener, or with 0 for a handle at all of them, those that are closed included:
 * every SYN that was dropped, and why. */
enum tfsm_result endpoint_listener_counted(const struct endpoint *ep, endpoint_handle listener,
                                           uint64_t counters[TFSM_LISTENER_COUNTS]);

/* How many half-open connections a listener has; 0 for a stale handle. */
uint32_t endpoint_half_open(const struct endpoint *ep, endpoint_handle listener);

/* The TCB of a connection, with what is behind it (tfsm_tcb_size()), or null for a stale handle: for
 * those who watch. RCV.USER may hold what was read since it last spoke: the core hears of that when it
 * does again. */
const struct tfsm_tcb *endpoint_tcb(const struct endpoint *ep, endpoint_handle handle);

/* One call of the core, for who watches: tests, monitors, fuzzers. */
struct endpoint_watched {
    /* 0: a TCB of the moment, for a segment of no connection, or one that stands for a half-open
     * connection. */
    endpoint_handle connection;
    tfsm_time now;
    const struct tfsm_config *policy;
    /* With what is behind them (tfsm_tcb_size()), and with as much room; null where time or output
     * concerned a half-open one. */
    const struct tfsm_tcb *before;
    const struct tfsm_tcb *after;
    const struct tfsm_event *event;     /* tfsm_step(); null for tfsm_output() */
    enum tfsm_result result;            /* tfsm_step() */
    const struct tfsm_effects *effects; /* tfsm_step() */
    const struct tfsm_segment *segment; /* tfsm_output(): what went out; null when it said false */
};

/* Call this after every tfsm_step() and tfsm_output(); null: nobody. Only with a watcher are TCBs
 * copied. It must not call the endpoint. */
typedef void endpoint_watcher(void *user, const struct endpoint_watched *what);
void endpoint_watch(struct endpoint *ep, endpoint_watcher *watcher, void *user);

/* What is wrong with the endpoint's own books, or null: every invariant of every TCB, the tables,
 * the heap and the lists. Costs a walk over everything: for tests and fuzzers. */
const char *endpoint_check(const struct endpoint *ep);

#ifdef __cplusplus
}
#endif

#endif
