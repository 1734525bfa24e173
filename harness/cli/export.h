/* What `tcpfsm export` makes of a fuzz input: a capture (export_pcap.c, whose packets export_packet.c
 * makes) and a script (export_script.c). Each is written to a file that has no name yet. */
#ifndef HARNESS_EXPORT_H
#define HARNESS_EXPORT_H

#include <stdio.h>

#include "inputs.h"

#define EXPORT_ERROR  440     /* octets of a reason, its end included */
#define EXPORT_PACKET 0x11000 /* octets: more than an IP packet has */

struct export_input {
    const struct input_target *target;
    const uint8_t *octets;
    size_t size;
};

/* ---- export_packet.c ---- */

/* Where the stream of a segment begins: the sequence number of its first octet. */
struct export_stream {
    bool known;
    uint32_t first;
};

/* The octets of a segment on the wire. Its text says where in the stream it stands, so that the same place has the same
 * octets however often it is sent. What no packet can bear is left out: SACK blocks beyond the room for options.
 * done  octets of its text that packets before bore; what this one bears is added. Where that is not all of it, another
 *       is to be made. 0 at first
 * Returns the length. */
size_t export_segment(const struct tfsm_packet *packet, const struct export_stream *stream,
                      uint32_t *done, uint8_t octets[EXPORT_PACKET]);

/* An ICMP message of such a meaning, from the other end. Returns the length. */
size_t export_icmp(const struct tfsm_icmp_message *message, uint8_t octets[EXPORT_PACKET]);

/* ---- export_pcap.c ---- */

/* Write a capture of an input's packets, with what happened between as comments.
 * result   what the run came to; of fuzz_wire the violation alone
 * packets  how many there are
 * Returns false where it cannot be written; error says why. */
bool export_pcap(const struct export_input *input, FILE *to, struct run_result *result,
                 size_t *packets, char error[EXPORT_ERROR]);

#endif
