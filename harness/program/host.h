/* Host programs: one endpoint with listeners, connections and a user, on a wire where anything can
 * come along: sound segments relative to its connections, packets that do not parse, packets from
 * and to addresses that no host has, ICMP errors, and what the host sends to itself. host_packet.c
 * makes packets, spoils them and judges them without asking the codec; host.c carries a program out
 * and keeps an account of what a packet may do.
 *
 * A program is the header of any program (decode.h: the policies of IPv4 and of IPv6, origins) and
 * HOST_HEADER more octets, then records. Of the first octet of a record the low four bits are its
 * kind, the others its own. How long a record is it says itself (record_layout.h). Any string of octets
 * is a program: what is missing reads as zero. */
#ifndef HARNESS_HOST_H
#define HARNESS_HOST_H

#include "run_internal.h"

#include <stddef.h>

#define HOST_HEADER 1 /* octets after those of PROGRAM_HEADER */

#define HOST_ADDRESSES 16   /* of each family that a packet can bear */
#define HOST_LOCALS    5    /* of them, ours: the last two only where the program says so */
#define HOST_PORTS     4    /* of either end */
#define HOST_PACKET    4608 /* octets: room for a packet that is made here */

/* What a record asks for. */
enum host_kind {
    HOST_EXACT,   /* a segment that fits a connection exactly */
    HOST_SEGMENT, /* a record of decode.h follows: any segment, relative to a connection */
    HOST_SYN,     /* a SYN from somebody to somebody */
    HOST_RAW,     /* octets that are no packet, or with right checksums may be one */
    HOST_ICMP,    /* an ICMP message that quotes what a connection sends */
    HOST_AGAIN,   /* the last packet once more */
    HOST_CONNECT, /* the user opens */
    HOST_SELF,    /* the user opens a connection to its own end */
    HOST_LISTEN,  /* the user listens, or does no longer */
    HOST_USER,    /* the user of a connection calls */
    HOST_TIME,    /* time passes */
    HOST_HOLD,    /* output is not drawn for a number of records */
    HOST_LOOP,    /* what the host sent to itself arrives, is lost or copied */
    HOST_FLUSH,   /* all of that arrives, and the answers */
    HOST_ACCEPT,  /* the user accepts, where the program made it wait */
    HOST_TALK     /* the user of a connection sends a little, and reads */
};

/* Whose a packet is, seen from here. */
struct host_tuple {
    struct tfsm_address local;
    struct tfsm_address remote;
    uint16_t local_port;
    uint16_t remote_port;
};

/* ---- host_packet.c ---- */

/* Addresses of others and of ours, good and bad. family is 4 or 6. */
struct tfsm_address host_address(unsigned family, unsigned index);
/* Ours: three, or with the loopbacks all. */
struct tfsm_address host_local(unsigned index, uint8_t *prefix);
uint16_t host_port(unsigned index);

bool host_same_address(const struct tfsm_address *a, const struct tfsm_address *b);
bool host_same_tuple(const struct host_tuple *a, const struct host_tuple *b);
/* The same from the other end. */
struct host_tuple host_mirror(const struct host_tuple *tuple);

/* One of the first `count` local addresses. */
bool host_is_local(const struct tfsm_address *address, unsigned count);
/* No packet may come from there: nobody, everybody, or this host itself where it is not ours
 * (RFC9293:MUST-63, RFC1122:3.2.1.3). */
bool host_is_no_source(const struct tfsm_address *address, unsigned count);

/* Make right what the lengths of a packet cover: its checksums. */
void host_seal(uint8_t *octets, size_t n);

/* Spoil a packet: how of what, and where. Some ways leave it sound. Returns its length, at most
 * HOST_PACKET, which is the room. */
size_t host_spoil(uint8_t *octets, size_t n, unsigned how, unsigned where);

/* An ICMP message from a to b that quotes the first `quoted` octets of a packet. Returns its
 * length. */
size_t host_icmp(const struct tfsm_address *a, const struct tfsm_address *b, unsigned type,
                 unsigned code, const uint8_t *packet, size_t quoted, uint8_t *octets);

/* Why nobody may act on a packet, as RFC 791, 1122, 8200 and 9293 have it, or null when this cannot
 * tell. count: of local addresses. */
const char *host_is_unsound(const uint8_t *octets, size_t n, unsigned count);

#endif
