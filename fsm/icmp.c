/* ICMP errors: what a type and code mean to a connection, and which segment of ours a message
 * quotes. Whoever guesses the two ends of a connection can forge one, and it may quote as little as
 * 28 octets, so all that is looked at is what every honest one holds: the checksum, the addresses
 * and ports quoted, SEG.SEQ, which the engine holds against what is in flight (RFC 5927 4.1), and an
 * MTU within reason. */
#include "engine.h"

#define PROTOCOL_ICMP   1u
#define PROTOCOL_TCP    6u
#define PROTOCOL_ICMPV6 58u

#define ICMP_HEADER 8u /* type, code, checksum and a word that depends on the type */
#define TCP_QUOTED  8u /* ports and SEG.SEQ: all that RFC 792 promises of a segment (RFC5927:3) */

#define V4_UNREACHABLE       3u
#define V4_SOURCE_QUENCH     4u
#define V4_TIME_EXCEEDED     11u
#define V4_PARAMETER_PROBLEM 12u
#define V6_UNREACHABLE       1u
#define V6_TOO_BIG           2u
#define V6_TIME_EXCEEDED     3u
#define V6_PARAMETER_PROBLEM 4u

#define V4_CODES 16u /* of destination unreachable */
#define V6_CODES 7u

/* No path has a smaller MTU (RFC 791 3.2, RFC 8200 5). */
#define V4_MTU_LEAST 68u
#define V6_MTU_LEAST 1280u

/* Destination unreachable, by code. RFC 9293 says what 0..5 are (RFC9293:MUST-56,
 * RFC9293:SHLD-26), but too big is no error where path MTU discovery is done (RFC 5927 5.2). It does
 * not speak of the others. Those of 6..8, 11 and 12 say as 0 and 1 do that there is no way to a
 * network or host. Those of a policy (9, 10, 13..15) are soft because the policy may be that of one
 * path among several or change again, and because a connection that it really forbids ends by its
 * own timers: aborting is what a forger would want. */
static const uint8_t unreachable_v4[V4_CODES] = {
    [0] = TFSM_ICMP_SOFT,    /* net */
    [1] = TFSM_ICMP_SOFT,    /* host */
    [2] = TFSM_ICMP_HARD,    /* protocol */
    [3] = TFSM_ICMP_HARD,    /* port */
    [4] = TFSM_ICMP_TOO_BIG, /* fragmentation needed and DF set */
    [5] = TFSM_ICMP_SOFT,    /* source route failed */
    [6] = TFSM_ICMP_SOFT,    /* destination network unknown */
    [7] = TFSM_ICMP_SOFT,    /* destination host unknown */
    [8] = TFSM_ICMP_SOFT,    /* source host isolated */
    [9] = TFSM_ICMP_SOFT,    /* network administratively prohibited */
    [10] = TFSM_ICMP_SOFT,   /* host administratively prohibited */
    [11] = TFSM_ICMP_SOFT,   /* network, for this type of service */
    [12] = TFSM_ICMP_SOFT,   /* host, for this type of service */
    [13] = TFSM_ICMP_SOFT,   /* communication administratively prohibited */
    [14] = TFSM_ICMP_SOFT,   /* host precedence violation */
    [15] = TFSM_ICMP_SOFT,   /* precedence cutoff in effect */
};

/* The same of ICMPv6: RFC 9293 names 0 and 3. RFC 5927 5.1 would have 1 as hard, which is a policy
 * as above. */
static const uint8_t unreachable_v6[V6_CODES] = {
    [0] = TFSM_ICMP_SOFT, /* no route */
    [1] = TFSM_ICMP_SOFT, /* administratively prohibited */
    [2] = TFSM_ICMP_SOFT, /* beyond scope of source address */
    [3] = TFSM_ICMP_SOFT, /* address */
    [4] = TFSM_ICMP_HARD, /* port */
    [5] = TFSM_ICMP_SOFT, /* source address failed policy */
    [6] = TFSM_ICMP_SOFT, /* reject route */
};

static enum tfsm_icmp meaning_v4(unsigned type, unsigned code)
{
    switch (type) {
    case V4_UNREACHABLE:
        return code < V4_CODES ? (enum tfsm_icmp)unreachable_v4[code] : TFSM_ICMP_IGNORE;
    case V4_TIME_EXCEEDED: /* RFC9293:MUST-56 */
    case V4_PARAMETER_PROBLEM:
        return TFSM_ICMP_SOFT;
    case V4_SOURCE_QUENCH: /* RFC9293:MUST-55, RFC5927:6.2 */
        return TFSM_ICMP_IGNORE;
    }
    return TFSM_ICMP_IGNORE;
}

static enum tfsm_icmp meaning_v6(unsigned type, unsigned code)
{
    switch (type) {
    case V6_UNREACHABLE:
        return code < V6_CODES ? (enum tfsm_icmp)unreachable_v6[code] : TFSM_ICMP_IGNORE;
    case V6_TOO_BIG:
        return TFSM_ICMP_TOO_BIG;
    case V6_TIME_EXCEEDED: /* RFC9293:MUST-56 */
    case V6_PARAMETER_PROBLEM:
        return TFSM_ICMP_SOFT;
    }
    return TFSM_ICMP_IGNORE;
}

enum tfsm_icmp tfsm_icmp_meaning(unsigned family, unsigned type, unsigned code)
{
    if (family == 4) {
        return meaning_v4(type, code);
    }
    return family == 6 ? meaning_v6(type, code) : TFSM_ICMP_IGNORE;
}

/* Types that quote the packet they are about, to the end of the message. */
static bool is_error(unsigned family, unsigned type)
{
    if (family == 4) {
        return type == V4_UNREACHABLE || type == V4_SOURCE_QUENCH || type == V4_TIME_EXCEEDED ||
               type == V4_PARAMETER_PROBLEM;
    }
    return type >= V6_UNREACHABLE && type <= V6_PARAMETER_PROBLEM;
}

/* The MTU is the forger's easiest lever (RFC5927:7): on IPv4 one below what every path must take counts as that; on IPv6 the
 * message is dropped. A router older than RFC 1191 tells none. [RFC8201:4b, RFC8201:4c, 5.2e] */
static void hear_mtu(unsigned family, const uint8_t *icmp, struct tfsm_icmp_message *out)
{
    uint32_t mtu = family == 4 ? get16(icmp + 6) : get32(icmp + 4);
    if (family == 6 && mtu < V6_MTU_LEAST) {
        out->meaning = TFSM_ICMP_IGNORE;
        return;
    }
    if (family == 6 || mtu > 0) {
        out->mss = tfsm_mss(mtu > V4_MTU_LEAST ? mtu : V4_MTU_LEAST, family);
    }
}

/* The segment quoted. It may be cut off after SEG.SEQ (RFC5927:3), so its TCP checksum cannot be
 * checked. It is ours: its source is the local end (RFC9293:MUST-54). */
static enum tfsm_wire_result parse_quoted(const uint8_t *octets, size_t at, size_t end,
                                          unsigned family, struct tfsm_icmp_message *out)
{
    struct tfsm_packet quoted;
    if (at < end && octets[at] >> 4 != family) {
        return TFSM_WIRE_VERSION;
    }
    enum tfsm_wire_result result = tfsm_parse_ip(octets, at, &end, PROTOCOL_TCP, true, &quoted);
    if (result != TFSM_WIRE_OK) {
        return result;
    }
    at = quoted.text_at;
    if (at + TCP_QUOTED > end) {
        return TFSM_WIRE_SHORT;
    }
    const uint8_t *tcp = octets + at;
    out->local = quoted.src;
    out->remote = quoted.dst;
    out->local_port = get16(tcp);
    out->remote_port = get16(tcp + 2);
    out->seq = get32(tcp + 4);
    return TFSM_WIRE_OK;
}

enum tfsm_wire_result tfsm_parse_icmp(const uint8_t *octets, size_t n,
                                      struct tfsm_icmp_message *out)
{
    struct tfsm_packet outer;
    size_t end = n;
    *out = (struct tfsm_icmp_message){0};
    if (n == 0) {
        return TFSM_WIRE_SHORT;
    }
    unsigned family = octets[0] >> 4;
    unsigned protocol = family == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    enum tfsm_wire_result result = tfsm_parse_ip(octets, 0, &end, protocol, false, &outer);
    if (result != TFSM_WIRE_OK) {
        return result;
    }
    size_t at = outer.text_at;
    if (at + ICMP_HEADER > end) {
        return TFSM_WIRE_SHORT;
    }
    const uint8_t *icmp = octets + at;
    if (!tfsm_checksum_holds(octets, protocol, at, end)) {
        return TFSM_WIRE_CHECKSUM;
    }
    if (!is_error(family, icmp[0])) {
        return TFSM_WIRE_PROTOCOL;
    }
    out->meaning = tfsm_icmp_meaning(family, icmp[0], icmp[1]);
    if (out->meaning == TFSM_ICMP_TOO_BIG) {
        hear_mtu(family, icmp, out);
    }
    return parse_quoted(octets, at + ICMP_HEADER, end, family, out);
}
