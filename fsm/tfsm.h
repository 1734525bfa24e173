/* tfsm: a TCP endpoint as a pure, table-driven state machine (RFC 9293).
 *
 * The machine has no clock, no randomness, no memory but the TCB it is given, and never sees an
 * octet of payload: time, initial sequence numbers and policy come in as values, and text is spoken
 * of as ranges. One event at a time goes in through tfsm_step(); afterwards tfsm_output() is called
 * until it returns false, each true being one segment to put on the wire; tfsm_deadline() says when
 * to feed the next TFSM_EV_TIMEOUT. That is all.
 *
 * Every function is total: any TCB reached through these functions, any config and any event give a
 * defined outcome in bounded time, and nothing is touched but what the pointers name. Pointers must
 * not be null. */
#ifndef TFSM_H
#define TFSM_H

#include "tfsm_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TFSM_COOKIE_MAX 16 /* octets of a Fast Open cookie (RFC7413:4.1.1) */
#define TFSM_VERSION    "0.1.0"

/* Feed one event to a connection.
 * tcb   the connection; a zeroed one is CLOSED
 * cfg   policy, read only; out-of-range numbers are clamped, never trusted, and so is what an event
 *       brings of policy: mss, cookie_len. A time of 0 that would let none pass counts as one
 *       microsecond, a least above a most as the most. A receive buffer that shrinks while a
 *       connection is open takes nothing back: a window that was announced stays until text has
 *       filled it (RFC9293:SHLD-14), and the embedder needs room for that.
 * ev    the event; only the fields of its kind are read
 * fx    what the embedder must do now; written whole, but that of fx->text only the first fx->text_count are
 * Returns TFSM_DONE, or an error, and then nothing but *fx is written. A segment that is refused is
 * TFSM_DONE too: fx->verdict says TFSM_V_DROP, and nothing changes but what is owed in reply and
 * the reply limiter. Nor does anything with TFSM_V_REOPEN: in TIME-WAIT a SYN has come for a listener
 * (RFC9293:MAY-2). The connection is still there, for the SYN may be an old duplicate; the next
 * incarnation, whose ISN comes after fx->iss_after, is half open beside it, and tfsm_is_for_next()
 * says which segments are whose. Feed TFSM_EV_ABORT when the third segment has come, and not before.
 * Source: RFC 9293 3.10. */
enum tfsm_result tfsm_step(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                           const struct tfsm_event *ev, struct tfsm_effects *fx);

/* The same, by an engine that also says which rules have fired. It is another object of the library: an image that
 * never calls it does not hold it.
 * trace  written: the rules in the order in which they fired; none with TFSM_E_INVALID */
enum tfsm_result tfsm_step_traced(struct tfsm_tcb *tcb, const struct tfsm_config *cfg,
                                  const struct tfsm_event *ev, struct tfsm_effects *fx,
                                  struct tfsm_trace *trace);

/* Of two incarnations of a connection, one in TIME-WAIT and the next in SYN-RECEIVED, which a segment is
 * for. The next one's is what it takes by its numbers: its third segment, a RST, and the SYN that would
 * open it anew; and what lies in its window and means nothing to the other. The rest is for the one in
 * TIME-WAIT: its peer's FIN that comes again, old duplicates, an older SYN.
 * waiting, next  in these states, each with its policy
 * ev             TFSM_EV_SEGMENT
 * Returns true when it is for the next. Source: RFC9293:MAY-2b. */
bool tfsm_is_for_next(const struct tfsm_tcb *waiting, const struct tfsm_config *waiting_cfg,
                      const struct tfsm_tcb *next, const struct tfsm_config *next_cfg,
                      const struct tfsm_event *ev);

/* Octets of a TCB and the room behind it for so many ranges; of 0, with what it has by itself. */
#define TFSM_TCB_SIZE(ranges)                                                                      \
    (sizeof(struct tfsm_tcb) +                                                                     \
     ((ranges) > 0 ? TFSM_OOO_SLOTS((size_t)(ranges)) * sizeof(struct tfsm_range) +                \
                         TFSM_SENT_SLOTS((size_t)(ranges)) * sizeof(struct tfsm_sent)              \
                   : 0))

/* The type of such a TCB, for who knows the number when he compiles: its member tcb is what everybody is given. */
#define TFSM_ROOMY_TCB(ranges)                                                                     \
    union {                                                                                        \
        struct tfsm_tcb tcb;                                                                       \
        uint8_t octets[TFSM_TCB_SIZE(ranges)];                                                     \
    }

/* Give a connection room for more ranges out of order than it has by itself, of what arrives and of what is sent.
 * tcb     CLOSED, the first of TFSM_TCB_SIZE(ranges) octets of the embedder's: what is behind it is the connection's
 *         from now on, through all its incarnations, and whoever copies the one copies the other, as many octets as
 *         tfsm_tcb_size() says
 * ranges  8 is about what a TCB has by itself, 64 do for most paths; 0 takes the room away
 * Returns false, and changes nothing, for a TCB that is not CLOSED, for more than TFSM_ROOM_MAX ranges, and in a build for
 * one profile that does not list TFSM_BUILD_ROOM. A cost that grows with the room is paid where text is lost or out of
 * order, and nowhere else. */
bool tfsm_make_room(struct tfsm_tcb *tcb, unsigned ranges);

/* Copy a connection to a TCB that has room of its own, more or less of it: one that a listener has opened, say.
 * Returns false, and writes nothing, where its ranges do not fit. */
bool tfsm_copy(struct tfsm_tcb *to, const struct tfsm_tcb *from);

/* Octets of a TCB and the room behind it. */
size_t tfsm_tcb_size(const struct tfsm_tcb *tcb);

/* The ranges out of order, tcb->ooo_count of them: sorted, disjoint, not adjacent, all at or behind RCV.NXT. Beyond the
 * room there is, what would be a range of its own is not taken; what begins at RCV.NXT or touches a range always is. */
const struct tfsm_range *tfsm_out_of_order(const struct tfsm_tcb *tcb);

/* What is remembered of what is in flight, tcb->sent_count runs: the first begins at SND.UNA, each other at the end of
 * the one before it. */
const struct tfsm_sent *tfsm_sent_runs(const struct tfsm_tcb *tcb);

/* Take the next segment the connection wants to send.
 * now   microseconds; timers are armed from it
 * out   written whole when the answer is true: the segment, the offset of its text in our stream,
 *       the rule behind it
 * A TCB holds one RST. Before the connection is open, and in CLOSED, where every segment may call for one,
 * call this after each event, or where tcb->owed has TFSM_OWE_RST: of two RSTs owed the later one is sent.
 * Returns false when nothing is owed and nothing may be sent. Each true brings that nearer: SND.NXT
 * moves or a debt is paid. Call it after a batch of events rather than after each, and
 * acknowledgments are aggregated (RFC9293:MUST-58, RFC9293:MUST-59). */
bool tfsm_output(struct tfsm_tcb *tcb, const struct tfsm_config *cfg, tfsm_time now,
                 struct tfsm_segment *out);

/* Whether it is plain at a look that tfsm_output() would return false, whatever policy and time: for who keeps a line of
 * connections to ask. Where this is false it may be so all the same. */
bool tfsm_has_nothing(const struct tfsm_tcb *tcb);

/* The earliest time at which TFSM_EV_TIMEOUT has something to do, or TFSM_NEVER. That is so, too, of a
 * connection that waits for its peer and may do so for ever: enum tfsm_state says what ends
 * FIN-WAIT-2. */
tfsm_time tfsm_deadline(const struct tfsm_tcb *tcb);

/* The first broken invariant of a TCB, or TFSM_OK. Holds after every tfsm_step() and tfsm_output().
 */
enum tfsm_clause tfsm_check(const struct tfsm_tcb *tcb);

/* What the user may know of a connection. out is written whole when the answer is TFSM_DONE; in
 * CLOSED it is TFSM_E_NO_CONNECTION. Source: RFC 9293 3.10.6, MUST-33. */
enum tfsm_result tfsm_status(const struct tfsm_tcb *tcb, struct tfsm_status_block *out);

/* Policies with a name, all for IPv4 and 64 KiB buffers:
 * rfc9293  the default: RFC 9293 and everything that every real stack carries
 * today    the same with what hosts of today do when something is lost: RACK-TLP, PRR, F-RTO and undo, CUBIC with
 *          HyStart++, ABE, quick acknowledgments, a first window of ten segments, timeouts of 200 ms at least
 * rfc793   what RFC 793 could know: no RFC 5961, no option but the MSS, no shield against ICMP;
 *          congestion control stays, for the network is shared
 * minimal  the least that RFC 9293 allows: no option but the MSS, acknowledgments at once
 * Returns false when there is none of that name; then *out is not written. */
bool tfsm_config_named(const char *name, struct tfsm_config *out);

/* The default policy: rfc9293. */
struct tfsm_config tfsm_config_default(void);

/* The MSS that fits an MTU, for tfsm_config.mss: without the fixed headers of IP and TCP, never
 * below 1 (RFC9293:MUST-67, RFC9293:SHLD-6). family is 4 or 6. */
uint16_t tfsm_mss(uint32_t mtu, unsigned family);

/* ---- wire.c: the header codec ---- */

struct tfsm_address {
    uint8_t family;     /* 4 or 6 */
    uint8_t octets[16]; /* network order; an IPv4 address is in the first four, the rest zero */
};

/* A segment with its envelope. */
struct tfsm_packet {
    struct tfsm_address src;
    struct tfsm_address dst;
    uint16_t src_port;
    uint16_t dst_port;
    uint8_t hops;          /* TTL or hop limit */
    uint8_t traffic_class; /* Diffserv field in the upper six bits (RFC9293:MUST-48); the ECN field
                              below is segment.ecn: written from there, read into both */
    uint8_t reserved;      /* the header's reserved bits, 0..15: ignored on arrival, sent as zero by
                              everybody sane */
    uint32_t text_at;      /* after tfsm_parse(): where in the packet the text starts, octets */
    uint8_t cookie[TFSM_COOKIE_MAX]; /* with TFSM_OPT_FAST_OPEN: segment.cookie_len octets */
    struct tfsm_segment segment;
};

/* Why a packet is not a TCP segment for us. */
enum tfsm_wire_result {
    TFSM_WIRE_OK,
    TFSM_WIRE_SHORT,     /* ends within a header */
    TFSM_WIRE_VERSION,   /* neither IPv4 nor IPv6 */
    TFSM_WIRE_IP_HEADER, /* IPv4 header length, total length, header checksum or IPv6 payload length
                            is wrong */
    TFSM_WIRE_FRAGMENT,  /* a fragment: reassembly is not done here */
    TFSM_WIRE_PROTOCOL,  /* not TCP */
    TFSM_WIRE_DATA_OFFSET, /* data offset below 5 or beyond the segment */
    TFSM_WIRE_CHECKSUM,    /* TCP checksum (RFC9293:MUST-3) */
    TFSM_WIRE_OPTION,      /* an option's length is illegal (RFC9293:MUST-7): 0, 1, or beyond the
                              header. Options before it are filled in, the rest of them is not read,
                              everything else is there */
    TFSM_WIRE_RESULTS
};

/* Parse one IPv4 or IPv6 packet that holds a whole TCP segment.
 * octets, n  the packet, from its IP header; octets beyond the IP length (link padding) are ignored
 * out        written whole; meaningful when the answer is TFSM_WIRE_OK or TFSM_WIRE_OPTION
 * Unknown options are skipped (RFC9293:MUST-6), and so is one of a known kind that is not as long as its
 * kind; of an option that comes twice the first counts. What TFSM_WIRE_OPTION comes with is a segment
 * all the same, and should be fed as it is: who wrote it wrong sends it wrong again, so that no
 * connection survives its being dropped. Source: RFC 9293 3.1, 3.2; RFC 7323 2.2, 3.2; RFC 2018 2, 3;
 * RFC 791; RFC 8200. */
enum tfsm_wire_result tfsm_parse(const uint8_t *octets, size_t n, struct tfsm_packet *out);

/* The same, with the segment where it is wanted, in an event say; of *envelope everything is written but its segment. */
enum tfsm_wire_result tfsm_parse_segment(const uint8_t *octets, size_t n,
                                         struct tfsm_packet *envelope,
                                         struct tfsm_segment *segment);

/* Write a packet: IP header, TCP header, options, text, both checksums.
 * packet   families must agree; segment.len minus SYN and FIN is the length of the text
 * text     that many octets, not read when there are none; they are not in *octets
 * octets   room for the packet
 * room     how much of it
 * Returns the length of the packet in octets, or 0 when it does not fit the room, the options do
 * not fit 40 octets, the packet does not fit its IP length field, or the families are not both 4 or
 * both 6; then nothing is written. Padding of options is zero (RFC9293:MUST-69); the checksum is
 * always computed (RFC9293:MUST-2). */
size_t tfsm_write(const struct tfsm_packet *packet, const uint8_t *text, uint8_t *octets,
                  size_t room);

/* An ICMP error that quotes a TCP segment of ours. */
struct tfsm_icmp_message {
    enum tfsm_icmp meaning;
    struct tfsm_address local; /* source of the segment quoted */
    struct tfsm_address remote;
    uint16_t local_port;
    uint16_t remote_port;
    uint32_t seq; /* SEG.SEQ of the segment quoted: for tfsm_event.segment.seq */
    /* too big: for tfsm_event.mss, from the MTU the message tells; 0 if it does not. One below what every IPv6 link takes
       means TFSM_ICMP_IGNORE (RFC8201:4b) */
    uint16_t mss;
};

/* What a type and code mean (RFC 9293 3.9.2.2, RFC 1122 4.2.3.9, RFC 4443). family is 4 or 6. */
enum tfsm_icmp tfsm_icmp_meaning(unsigned family, unsigned type, unsigned code);

/* Parse one ICMP packet over IPv4, or ICMPv6 over IPv6, that quotes a TCP segment.
 * octets, n  the packet, from its IP header
 * out        written whole; meaningful when the answer is TFSM_WIRE_OK
 * Checksum wrong, not an error, or no TCP header with ports and SEG.SEQ quoted: as tfsm_parse().
 * Source: RFC 792, RFC 4443, RFC 5927 3. */
enum tfsm_wire_result tfsm_parse_icmp(const uint8_t *octets, size_t n,
                                      struct tfsm_icmp_message *out);

/* Whether a connection may have this address at its other end, or a segment this source or
 * destination: false for the unspecified address and the rest of 0/8, multicast and the limited
 * broadcast, and for a family that is neither 4 nor 6 (RFC9293:MUST-46, RFC9293:MUST-57,
 * RFC9293:MUST-63). The rest of 240/4 is true: it is reserved, not barred, and some use it. Whether an
 * address is the broadcast of a local network only the embedder can know. */
bool tfsm_address_is_unicast(const struct tfsm_address *address);

/* Whether it is one of the host's own, 127/8 or ::1. A segment or a connection has such an address at
 * both ends or at none: no other host has one (RFC9293:MUST-63, RFC 1122 3.2.1.3, RFC 4291 2.5.3). */
bool tfsm_address_is_loopback(const struct tfsm_address *address);

/* ---- isn.c: initial sequence numbers ---- */

/* An initial sequence number: a 4-microsecond clock plus SipHash-2-4 of the connection's addresses
 * and ports under a secret key. Two peers asking about the same tuple at times t and t+4k get
 * numbers k apart; nothing else relates two tuples (RFC9293:MUST-8, RFC9293:SHLD-1, RFC9293:MUST-9,
 * RFC6528:3). key      16 secret octets, from the embedder's entropy, kept for the life of the host
 * now      microseconds */
uint32_t tfsm_isn(const uint8_t key[16], const struct tfsm_address *local, uint16_t local_port,
                  const struct tfsm_address *remote, uint16_t remote_port, tfsm_time now);

/* Where the timestamp clock of a connection starts: SipHash-2-4 of its addresses and ports under a
 * secret key. Strangers learn nothing of the uptime, and the clock of a tuple never goes back from
 * one incarnation to the next, which RFC 6191 needs (RFC7323:7.1, RFC6191:3). */
uint32_t tfsm_timestamp_offset(const uint8_t key[16], const struct tfsm_address *local,
                               uint16_t local_port, const struct tfsm_address *remote,
                               uint16_t remote_port);

/* Both at once: event->iss and event->ts_offset, at the time of the event. */
void tfsm_seed(const uint8_t key[16], const struct tfsm_address *local, uint16_t local_port,
               const struct tfsm_address *remote, uint16_t remote_port, struct tfsm_event *event);

/* SipHash-2-4 of n octets under a key: 64 bits. */
uint64_t tfsm_siphash(const uint8_t key[16], const uint8_t *octets, size_t n);

/* ---- names.c: what to print; RFC 9293's spelling ---- */

const char *tfsm_state_name(enum tfsm_state state);              /* "SYN-SENT" */
const char *tfsm_event_name(enum tfsm_event_kind kind);          /* "CLOSE" */
const char *tfsm_result_name(enum tfsm_result result);           /* "error: connection closing" */
const char *tfsm_signal_name(enum tfsm_signal signal);           /* one bit: "connection reset" */
const char *tfsm_clause_name(enum tfsm_clause clause);           /* "RTX_TIMER" */
const char *tfsm_clause_text(enum tfsm_clause clause);           /* the requirement it stands for */
const char *tfsm_wire_result_name(enum tfsm_wire_result result); /* "data offset" */

#ifdef __cplusplus
}
#endif

#endif
