/* Packets as octets, made sound: what a fuzzer, or an importer of packets that nobody finished,
 * does so that a parser looks behind the checksums. Written apart from the core's codec, so that
 * one cannot hide a fault of the other. */
#ifndef HARNESS_REPAIR_H
#define HARNESS_REPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Add n octets to an Internet checksum that is not folded yet; an odd last one counts as if a zero
 * followed (RFC 1071). No more than 65,535 words fit. */
unsigned internet_sum(unsigned sum, const uint8_t *octets, size_t n);

/* A sum folded to 16 bits, not complemented: 1..65535, and 0 for nothing but zeros. */
unsigned internet_fold(unsigned sum);

/* The sum of the pseudo header of a message of n octets (RFC9293:3.1, RFC 8200 8.1).
 * packet  begins with a whole IP header, of which the addresses count */
unsigned pseudo_sum(const uint8_t *packet, unsigned protocol, size_t n);

/* Make the checksums of an IP packet right: that of the IPv4 header, and that of the TCP or ICMP
 * message in it as far as its header is there.
 * packet   n octets; what is neither IPv4 nor IPv6, or too short, stays as it is
 * lengths  set the length in the IP header to n, too */
void packet_repair(uint8_t *packet, size_t n, bool lengths);

#endif
