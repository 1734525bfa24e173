/* From an IP packet to a segment. What is sound by the core's own codec is taken as it is. What is
 * recorded on the sending host, or cut off, cannot be: there the network card was still to write
 * checksum and lengths, and text is missing. Then its headers alone are made sound and read by the
 * codec, once nothing speaks against the assumption. See capture.h. */
#include <string.h>

#include "engine.h"
#include "internal.h"
#include "repair.h"

#define TCP         6u
#define TCP_HEADER  20u
#define IPV6_HEADER 40u

#define HEADERS_MOST 4096u /* of IP with its extensions, and TCP: more than the codec steps over */

#define PACKET_MOST ((size_t)1 << 20) /* what no card cuts up: BIG TCP has half of it */

#define MORE_FRAGMENTS 0x20u /* in the seventh octet of an IPv4 header */

/* IP in IP (RFC 2003, RFC 2473), GRE, ESP, AH, EtherIP, L2TP. */
static bool is_tunnel(unsigned protocol)
{
    static const uint8_t tunnels[] = {4, 41, 47, 50, 51, 97, 115};
    return memchr(tunnels, (int)protocol, sizeof tunnels) != NULL;
}

/* Why the codec refuses what there is of a packet. */
static enum capture_reason reason_of(enum tfsm_wire_result result, const uint8_t *octets, size_t n,
                                     bool cut)
{
    switch (result) {
    case TFSM_WIRE_SHORT:
        return cut ? CAPTURE_CUT_HEADER : CAPTURE_BAD_IP;
    case TFSM_WIRE_VERSION:
        return CAPTURE_NOT_IP;
    case TFSM_WIRE_FRAGMENT:
        return CAPTURE_FRAGMENT;
    case TFSM_WIRE_PROTOCOL:
        if (octets[0] >> 4 == 4 ? n > 9 && is_tunnel(octets[9]) : n > 6 && is_tunnel(octets[6])) {
            return CAPTURE_TUNNEL;
        }
        return CAPTURE_NOT_TCP;
    case TFSM_WIRE_DATA_OFFSET:
        return CAPTURE_BAD_TCP;
    case TFSM_WIRE_CHECKSUM:
        return CAPTURE_BAD_CHECKSUM;
    case TFSM_WIRE_IP_HEADER:
    case TFSM_WIRE_OK:
    case TFSM_WIRE_OPTION:
    case TFSM_WIRE_RESULTS:
        break;
    }
    return CAPTURE_BAD_IP;
}

/* The length that an IP header announces; where it announces none, the network card was to cut the
 * packet up, or it is a jumbogram (RFC 2675): then that of the frame. */
static size_t announced(const uint8_t *octets, size_t wire, unsigned *assumed)
{
    bool v4 = octets[0] >> 4 == 4;
    size_t length = v4 ? get16(octets + 2) : get16(octets + 4);
    if (length == 0) {
        *assumed |= 1u << CAPTURE_NO_LENGTH;
        return wire;
    }
    return v4 ? length : IPV6_HEADER + length;
}

/* Whether the checksum of an IPv4 header is right, or was left to the network card. */
static bool header_holds(const uint8_t *octets, unsigned *assumed)
{
    if (octets[0] >> 4 != 4 ||
        internet_fold(internet_sum(0, octets, (octets[0] & 0x0fu) * 4u)) == 0xffffu) {
        return true;
    }
    *assumed |= 1u << CAPTURE_NO_IP_CHECKSUM;
    return get16(octets + 10) == 0;
}

/* Whether the checksum of a whole TCP message is right, or that of the pseudo header alone, which is
 * where the network card begins; some begin without the length. */
static bool message_holds(const uint8_t *packet, size_t at, size_t n, unsigned *assumed)
{
    const uint8_t *tcp = packet + at;
    unsigned pseudo = pseudo_sum(packet, TCP, n);
    if (n <= UINT16_MAX && internet_fold(internet_sum(pseudo, tcp, n)) == 0xffffu) {
        return true;
    }
    *assumed |= 1u << CAPTURE_OFFLOAD;
    return get16(tcp + 16) == internet_fold(pseudo) ||
           get16(tcp + 16) == internet_fold(pseudo_sum(packet, TCP, 0));
}

/* Read the headers, which end after `size` octets and are there up to `n`, as those of a segment
 * without text. Zeros in the place of what is missing end the options. */
static enum tfsm_wire_result read_headers(const uint8_t *octets, size_t n, size_t size,
                                          struct tfsm_packet *out)
{
    uint8_t headers[HEADERS_MOST] = {0};
    if (size > sizeof headers) {
        return TFSM_WIRE_IP_HEADER;
    }
    memcpy(headers, octets, n < size ? n : size);
    packet_repair(headers, size, true);
    return tfsm_parse(headers, size, out);
}

/* Take a packet that is not sound as it is. */
static bool take_unfinished(const uint8_t *octets, size_t n, size_t wire, struct tfsm_packet *out,
                            unsigned *assumed, enum capture_reason *reason)
{
    size_t end = n;
    /* Read as if it were quoted, nothing beyond the headers counts, and no checksum. */
    enum tfsm_wire_result result = tfsm_parse_ip(octets, 0, &end, TCP, true, out);
    *reason = reason_of(result, octets, n, n < wire);
    if (result != TFSM_WIRE_OK) {
        return false;
    }
    if (octets[0] >> 4 == 4 && (octets[6] & MORE_FRAGMENTS) != 0) {
        *reason = CAPTURE_FRAGMENT;
        return false;
    }
    size_t at = out->text_at;
    size_t total = announced(octets, wire, assumed);
    *reason = CAPTURE_BAD_IP;
    if (total > wire || total > PACKET_MOST || total < at || !header_holds(octets, assumed)) {
        return false;
    }
    size_t there = n < total ? n : total;
    *reason = there < total ? CAPTURE_CUT_HEADER : CAPTURE_BAD_TCP;
    if (there < at + TCP_HEADER) {
        return false;
    }
    size_t header = (octets[at + 12] >> 4) * 4u;
    *reason = CAPTURE_BAD_TCP;
    if (header < TCP_HEADER || header > total - at) {
        return false;
    }
    bool holds = true;
    if (there < total) {
        *assumed |= there < at + header ? 1u << CAPTURE_CUT_OPTIONS : 1u << CAPTURE_CUT;
    } else {
        holds = message_holds(octets, at, total - at, assumed);
    }
    result = read_headers(octets, there, at + header, out);
    *reason = holds ? reason_of(result, octets, n, false) : CAPTURE_BAD_CHECKSUM;
    out->segment.len += (uint32_t)(total - at - header);
    return holds && (result == TFSM_WIRE_OK || result == TFSM_WIRE_OPTION);
}

bool packet_take(const uint8_t *octets, size_t n, size_t wire, struct tfsm_packet *out,
                 unsigned *assumed, enum capture_reason *reason)
{
    enum tfsm_wire_result result = tfsm_parse(octets, n, out);
    *assumed = 0;
    return result == TFSM_WIRE_OK || result == TFSM_WIRE_OPTION ||
           take_unfinished(octets, n, wire, out, assumed, reason);
}
