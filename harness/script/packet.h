/* Packets of a script, on the wire and in words. A codec of its own, so that the stack's is not
 * believed: it keeps the order and the padding of options, and can make what is not sound. */
#ifndef HARNESS_SCRIPT_PACKET_H
#define HARNESS_SCRIPT_PACKET_H

#include "script.h"
#include "tfsm.h"

#define PACKET_MOST    65600 /* octets of a packet, and some */
#define PACKET_OPTIONS 41

/* A packet taken apart. Numbers are those of the wire. */
struct packet {
    struct tfsm_address source;
    struct tfsm_address destination;
    uint16_t source_port;
    uint16_t destination_port;
    uint8_t tos;
    uint8_t ttl;
    uint32_t label; /* flow label of IPv6 */
    uint8_t flags;
    uint8_t reserved;
    bool addressed; /* in words with its addresses */
    bool secret;    /* with a security label of RFC 1108; written to IPv4 headers, and not read */
    uint16_t window;
    uint16_t urgent;
    uint32_t seq;
    uint32_t ack;
    struct script_option options[PACKET_OPTIONS]; /* in their order, NOPs and all */
    unsigned option_count;
    const uint8_t *text;
    uint32_t length; /* octets of text */
};

/* Take an outgoing TCP packet apart. Returns null, or what is not sound in it. */
const char *packet_read(const uint8_t *octets, size_t n, struct packet *out);

/* Octets of a list of options as it stands, without padding. Fast Open cookies must be filled in.
 */
size_t packet_options_length(const struct script_option *options);

/* Make a segment of a script for the wire; `packet` has addresses, ports and numbers, the rest
 * comes from the segment, `options` are the segment's with numbers of the wire.
 * Returns its length, or 0 when it does not fit. */
size_t packet_write(const struct packet *packet, const struct script_option *options,
                    const uint8_t *text, uint8_t octets[PACKET_MOST]);

/* An ICMP error that quotes a segment of ours: source and destination in `quoted` are those of the
 * segment. */
size_t packet_write_icmp(const struct script_icmp *icmp, const struct packet *quoted,
                         uint8_t octets[PACKET_MOST]);

/* A packet in the notation of a script, numbers as they are in it. */
void packet_words(const struct packet *packet, bool inbound, bool ports, char *words, size_t room);

#endif
