/* Packets of an export as octets: see export.h. A run knows its segments; here they get text, and where a
 * segment is longer than any IP packet they become several. */
#include <string.h>

#include "export.h"
#include "host.h"
#include "seq.h"

#define CELL      16u /* octets of text that say one number */
#define TEXT_MOST (UINT16_MAX - 20u - 60u)

static uint32_t controls(const struct tfsm_segment *segment)
{
    return ((segment->flags & TFSM_SYN) != 0 ? 1u : 0u) +
           ((segment->flags & TFSM_FIN) != 0 ? 1u : 0u);
}

/* Text in cells of 16 octets, each of which says where it begins. */
static void write_text(uint32_t from, uint32_t n, bool relative, uint8_t *text)
{
    char cell[CELL + 1] = "";
    uint32_t shown = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = seq_add(from, i);
        if (i == 0 || at % CELL == 0) {
            shown = at - at % CELL;
            snprintf(cell, sizeof cell, relative ? "octet %09u\n" : "seq 0x%08x \n",
                     relative ? shown % 1000000000u : shown);
        }
        text[i] = (uint8_t)cell[at % CELL];
    }
}

size_t export_segment(const struct tfsm_packet *packet, const struct export_stream *stream,
                      uint32_t *done, uint8_t octets[EXPORT_PACKET])
{
    static uint8_t text[TEXT_MOST];
    struct tfsm_packet piece = *packet;
    struct tfsm_segment *segment = &piece.segment;
    uint32_t left = packet->segment.len - controls(&packet->segment) - *done;
    uint32_t n = left < TEXT_MOST ? left : TEXT_MOST;
    uint32_t first = seq_add(packet->segment.seq, (segment->flags & TFSM_SYN) != 0 ? 1 : 0);
    if (*done > 0) {
        segment->seq = seq_add(first, *done);
        segment->flags &= (uint8_t) ~(unsigned)TFSM_SYN;
        segment->up = (uint16_t)(segment->up > *done ? segment->up - *done : 0);
    }
    if (n < left) {
        segment->flags &= (uint8_t) ~(unsigned)(TFSM_FIN | TFSM_PSH);
    }
    segment->len = n + controls(segment);
    uint32_t from = seq_add(first, *done);
    write_text(stream->known ? seq_distance(stream->first, from) : from, n, stream->known, text);
    *done += n;
    size_t size = tfsm_write(&piece, text, octets, EXPORT_PACKET);
    while (size == 0 && segment->sacks > 0) {
        segment->sacks--;
        segment->options &= (uint8_t) ~(segment->sacks > 0 ? 0u : (unsigned)TFSM_OPT_SACK);
        size = tfsm_write(&piece, text, octets, EXPORT_PACKET);
    }
    while (size == 0 && segment->options != 0) { /* options that a bare TCB takes together */
        segment->options &= (uint8_t)(segment->options - 1u);
        size = tfsm_write(&piece, text, octets, EXPORT_PACKET);
    }
    return size;
}

/* A type and code that mean this. */
static void choose_type(unsigned family, const struct tfsm_icmp_message *message, unsigned *type,
                        unsigned *code)
{
    static const uint8_t usual[2][TFSM_ICMPS][2] = {
        {[TFSM_ICMP_SOFT] = {3, 1},
         [TFSM_ICMP_HARD] = {3, 3},
         [TFSM_ICMP_TOO_BIG] = {3, 4},
         [TFSM_ICMP_IGNORE] = {4, 0}},
        {[TFSM_ICMP_SOFT] = {1, 0},
         [TFSM_ICMP_HARD] = {1, 4},
         [TFSM_ICMP_TOO_BIG] = {2, 0},
         [TFSM_ICMP_IGNORE] = {3, 1}},
    };
    *type = usual[family == 6][message->meaning % TFSM_ICMPS][0];
    *code = usual[family == 6][message->meaning % TFSM_ICMPS][1];
}

size_t export_icmp(const struct tfsm_icmp_message *message, uint8_t octets[EXPORT_PACKET])
{
    uint8_t quoted[80];
    unsigned family = message->local.family;
    unsigned type;
    unsigned code;
    struct tfsm_packet about = {.src = message->local,
                                .dst = message->remote,
                                .src_port = message->local_port,
                                .dst_port = message->remote_port,
                                .hops = 64,
                                .segment = {.seq = message->seq, .flags = TFSM_ACK}};
    size_t n = tfsm_write(&about, NULL, quoted, sizeof quoted);
    choose_type(family, message, &type, &code);
    size_t size = host_icmp(&message->remote, &message->local, type, code, quoted, n, octets);
    uint32_t mtu = message->mss == 0 ? 0 : message->mss + (family == 4 ? 40u : 60u);
    mtu = message->meaning != TFSM_ICMP_TOO_BIG ? 0 : mtu < UINT16_MAX ? mtu : UINT16_MAX;
    size_t at = family == 4 ? 20 : 40;
    octets[at + 6] = (uint8_t)(mtu >> 8);
    octets[at + 7] = (uint8_t)(mtu & 0xffu);
    host_seal(octets, size);
    return size;
}
