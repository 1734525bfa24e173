/* Writes a capture of ISNs as one of the generators makes them: SYN, SYN,ACK and RST of many connections to one server, whose
 * numbers they are. The clients draw theirs by chance. */
#include "isn_generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_MOST 128u
#define MOST        1000000u

static void put(uint32_t number)
{
    for (unsigned i = 0; i < 4; i++) {
        putchar((int)(number >> (8 * i) & 0xffu));
    }
}

static void write_packet(const struct isn_seen *seen, bool answer, uint8_t flags, uint32_t seq,
                         uint32_t ack)
{
    uint8_t octets[PACKET_MOST];
    struct tfsm_packet packet = {.src = answer ? seen->address : seen->peer,
                                 .dst = answer ? seen->peer : seen->address,
                                 .src_port = answer ? seen->port : seen->peer_port,
                                 .dst_port = answer ? seen->peer_port : seen->port,
                                 .hops = 64,
                                 .segment = {.seq = seq, .ack = ack, .flags = flags, .wnd = 65535}};
    packet.segment.len = (flags & TFSM_SYN) != 0;
    size_t n = tfsm_write(&packet, NULL, octets, sizeof octets);
    put((uint32_t)(seen->at / 1000000));
    put((uint32_t)(seen->at % 1000000));
    put((uint32_t)n);
    put((uint32_t)n);
    fwrite(octets, n, 1, stdout);
}

static void write_capture(const struct isn_seen *seen, size_t n)
{
    static const uint32_t header[] = {0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 101}; /* raw IP */
    uint64_t from = 1;
    for (size_t i = 0; i < sizeof header / sizeof header[0]; i++) {
        put(header[i]);
    }
    for (size_t i = 0; i < n; i++) {
        from = from * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t client = (uint32_t)((from ^ from >> 29) >> 32);
        write_packet(&seen[i], false, TFSM_SYN, client, 0);
        write_packet(&seen[i], true, TFSM_SYN | TFSM_ACK, seen[i].isn, client + 1);
        write_packet(&seen[i], false, TFSM_RST, client + 1, 0);
    }
}

static int help(FILE *to, int status)
{
    fprintf(to, "usage: isn_samples GENERATOR COUNT [SEED]    (a capture on standard output)\n\n");
    for (const struct isn_generator *it = isn_generators; it->name != NULL; it++) {
        fprintf(to, "  %-14s%s\n", it->name, it->what);
    }
    return status;
}

int main(int argc, char **argv)
{
    const struct isn_generator *generator = argc > 1 ? isn_generator(argv[1]) : NULL;
    unsigned long n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    struct isn_traffic traffic = {argc > 3 ? strtoul(argv[3], NULL, 10) : 1, 200, 1000000};
    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        return help(stdout, 0);
    }
    struct isn_seen *seen = n > 0 && n <= MOST ? calloc(n, sizeof *seen) : NULL;
    if (generator == NULL || seen == NULL || argc > 4) {
        free(seen);
        return help(stderr, 2);
    }
    isn_generate(generator, &traffic, seen, n);
    write_capture(seen, n);
    free(seen);
    return fflush(stdout) == 0 ? 0 : 2;
}
