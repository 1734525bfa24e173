/* Packet programs: the inputs of fuzz_wire, and what is done with them. The first octet says what is
 * done to the rest, which is a packet: with bit 0 its checksums are made right, so that a fuzzer is
 * not stuck before them, with bit 1 its IP length as well; the other bits are the code of an ICMP
 * error that quotes the packet. What can be parsed is written and parsed again, and has to be the
 * same member by member; an ICMP error that quotes it has to lead back to it. Parse and write happen
 * in heap blocks of the exact size, where AddressSanitizer sees an octet too many. */
#ifndef HARNESS_PACKET_PROGRAM_H
#define HARNESS_PACKET_PROGRAM_H

#include "tfsm.h"

#define WIRE_INPUT_MAX        2048u /* octets of an input that are looked at */
#define WIRE_REPAIR_CHECKSUMS 0x01u
#define WIRE_REPAIR_LENGTHS   0x02u /* has no effect without the other */
#define WIRE_CODE_SHIFT       2u

/* What came of an input. */
struct packet_result {
    uint8_t octets[WIRE_INPUT_MAX]; /* the packet, repaired if that was asked for */
    size_t size;
    enum tfsm_wire_result parsed;
    struct tfsm_packet packet; /* where it is TFSM_WIRE_OK or TFSM_WIRE_OPTION */
    bool is_error;             /* it is an ICMP error about a TCP segment */
    struct tfsm_icmp_message message;
    const char *broken; /* the first property that does not hold, or null */
};

/* Run an input of fuzz_wire.
 * data    size octets, of which WIRE_INPUT_MAX count
 * result  written whole */
void packet_run(const uint8_t *data, size_t size, struct packet_result *result);

#endif
