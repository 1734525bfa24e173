/* The header codec, outwards: segments with every set of options, written into memory that begins and ends where the room does,
 * from text that does so, too. */
/* eva: -eva-precision 0 -eva-auto-loop-unroll 64 -eva-alloc-builtin fresh -eva-no-alloc-returns-null
 * -eva-slevel-function put_rare_options:20 */
/* sources: wire.c */
#include <stdlib.h>

#include "arbitrary.h"
#include "engine.h"

#define PACKET_MOST 70000u /* more than any packet has */
#define TEXT_MOST   65495u /* with these headers a packet is as long as one of IPv4 can be */

/* What is summed up was written, in whatever room: of long text an analysis does not see that, so there the room was written
 * beforehand. */
static void write_into(struct tfsm_packet *packet, size_t text_length, size_t room)
{
    uint8_t *text = malloc(text_length);
    uint8_t *octets = malloc(room);
    any_octets(text, text_length);
    if (text_length == TEXT_MOST) {
        any_octets(octets, room);
    }
    packet->segment.len = ((packet->segment.flags & TFSM_SYN) != 0 ? 1u : 0u) + (uint32_t)text_length;
    (void)tfsm_write(packet, text, octets, room);
    free(text);
    free(octets);
}

/* What options a segment has and how long they are is told; all else is arbitrary. */
static void write_one(uint8_t family, uint8_t flags, uint8_t options, uint8_t sacks,
                      uint8_t cookie_len, uint16_t user_timeout)
{
    struct tfsm_packet packet;
    any_packet(&packet);
    packet.src.family = family;
    packet.dst.family = family;
    packet.segment.options = options;
    packet.segment.flags = flags;
    packet.segment.sacks = sacks;
    packet.segment.cookie_len = cookie_len;
    packet.segment.user_timeout = user_timeout;
    size_t headers = (family == 4 ? 20u : 40u) + 20u + tfsm_options_length(&packet.segment);
    write_into(&packet, 3, headers + 3);
}

/* Every number of SACK blocks and cookies of some lengths, the first that there is no room for too. */
static void write_lengths(uint8_t options)
{
    const uint8_t flags = (options & TFSM_OPT_FAST_OPEN) != 0 ? TFSM_SYN : TFSM_ACK;
    const uint8_t sacks_most = (options & TFSM_OPT_SACK) != 0 ? TFSM_SACK_MAX + 1 : 0;
    const uint8_t cookie_most = (options & TFSM_OPT_FAST_OPEN) != 0 ? TFSM_COOKIE_MAX + 8 : 0;
    //@ loop unroll 10;
    for (uint8_t sacks = 0; sacks <= sacks_most; sacks++) {
        //@ loop unroll 20;
        for (uint8_t cookie_len = 0; cookie_len <= cookie_most; cookie_len += 8) {
            write_one(4, flags, options, sacks, cookie_len, 1);
        }
    }
}

/* Every set of options; of IPv6 those that are left out of what is written, too. */
/* assumes: in a segment that is written its length agrees with its text and its flags, and the lengths of text 0, 3 and 65495 stand for the others, as do cookies of 0, 8
 * and 16 octets (4 with IPv6), the flags SYN and ACK, and IPv6 with one length of each option */
static void write_all(void)
{
    //@ loop unroll 128;
    for (unsigned options = 0; options < 128; options++) {
        write_lengths((uint8_t)options);
        write_one(6, TFSM_SYN, (uint8_t)options, 1, 4, 1);
        write_one(6, TFSM_ACK, (uint8_t)options, 0, 0, 0x8000);
    }
}

/* Whatever a packet says of itself, nothing of it fits into no room. */
static void write_nowhere(void)
{
    struct tfsm_packet packet;
    any_packet(&packet);
    (void)tfsm_write(&packet, NULL, NULL, 0);
}

/* Without options: as long as a packet of IPv4 can be, into room for more, and what is not written. */
static void write_edges(uint8_t family)
{
    const size_t headers = (family == 4 ? 20u : 40u) + 20u;
    struct tfsm_packet packet;
    any_packet(&packet);
    packet.src.family = family;
    packet.dst.family = family;
    packet.segment.options = 0;
    packet.segment.flags = TFSM_ACK;
    write_into(&packet, TEXT_MOST, PACKET_MOST);
    write_into(&packet, 0, headers);
    write_into(&packet, 0, headers - 1);
    packet.segment.flags = TFSM_SYN | TFSM_FIN;
    packet.segment.len = 1; /* less than these count */
    (void)tfsm_write(&packet, NULL, NULL, 0);
}

int main(void)
{
    write_all();
    write_nowhere();
    write_edges(4);
    write_edges(6);
    write_edges(5); /* is none */
    return 0;
}
