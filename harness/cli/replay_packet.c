/* `tcpfsm replay` of an input of fuzz_wire: the packet in octets and in words, and what the codec
 * makes of it. The words are those of the scripts' own codec, which is not the core's. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "packet.h"
#include "packet_program.h"
#include "replay.h"

#define ROW 16u

static void print_octets(const uint8_t *octets, size_t n)
{
    for (size_t at = 0; at < n; at += ROW) {
        printf("%04zx ", at);
        for (size_t i = at; i < n && i < at + ROW; i++) {
            printf("%s%02x", i % 2 == 0 ? " " : "", octets[i]);
        }
        putchar('\n');
    }
}

static void print_address(const char *what, const struct tfsm_address *address, uint16_t port)
{
    char text[INET6_ADDRSTRLEN] = "?";
    inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->octets, text, sizeof text);
    printf(address->family == 4 ? "%s%s:%u" : "%s[%s]:%u", what, text, port);
}

/* Why no word is said of what is not sound: its options may be anything. */
static void print_words(const struct packet_result *result)
{
    static struct packet packet;
    char words[2048];
    const char *unsound = packet_read(result->octets, result->size, &packet);
    if (unsound != NULL) {
        printf("not sound: %s\n", unsound);
        return;
    }
    packet_words(&packet, true, false, words, sizeof words);
    printf("%s\n", words);
}

static void print_message(const struct tfsm_icmp_message *message)
{
    static const char *const meanings[TFSM_ICMPS] = {
        [TFSM_ICMP_SOFT] = "soft error",
        [TFSM_ICMP_HARD] = "hard error",
        [TFSM_ICMP_TOO_BIG] = "too big",
        [TFSM_ICMP_IGNORE] = "to be ignored",
    };
    printf("as ICMP: %s", meanings[message->meaning]);
    print_address(", about the segment from ", &message->local, message->local_port);
    print_address(" to ", &message->remote, message->remote_port);
    printf(", seq %" PRIu32, message->seq);
    if (message->mss > 0) {
        printf(", MSS %u", message->mss);
    }
    putchar('\n');
}

int replay_packet(const uint8_t *input, size_t size)
{
    static struct packet_result result;
    unsigned how = input[0];
    packet_run(input, size, &result);
    printf("%zu octets, checksums %s, IP length %s\n", result.size,
           (how & WIRE_REPAIR_CHECKSUMS) != 0 ? "made right" : "as they come",
           (how & WIRE_REPAIR_CHECKSUMS) != 0 && (how & WIRE_REPAIR_LENGTHS) != 0 ? "made right"
                                                                                  : "as it comes");
    print_octets(result.octets, result.size);
    printf("as TCP: %s\n", tfsm_wire_result_name(result.parsed));
    if (result.parsed == TFSM_WIRE_OK || result.parsed == TFSM_WIRE_OPTION) {
        print_address("from ", &result.packet.src, result.packet.src_port);
        print_address(" to ", &result.packet.dst, result.packet.dst_port);
        printf("\n");
        print_words(&result);
    }
    if (result.is_error) {
        print_message(&result.message);
    }
    if (result.broken != NULL) {
        printf("does not hold: %s\n", result.broken);
        return CLI_FINDING;
    }
    printf("every property of the codec holds\n");
    return CLI_FINE;
}
