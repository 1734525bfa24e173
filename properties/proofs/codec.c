/* The header codec, inwards: packets of any octets, each in memory that begins and ends where the packet does, and what else may
 * be asked of octets that came. */
/* eva: -eva-precision 1 -eva-auto-loop-unroll 64 -eva-alloc-builtin fresh -eva-no-alloc-returns-null
 * -eva-split-return-function parse_ip:0,parse_ipv4:0,parse_ipv6:0,skip_extension:0,skip_extensions:0,may_be_cookie:0 */
/* sources: wire.c icmp.c */
#include <stdlib.h>

#include "arbitrary.h"

#define PARSED_MOST 160u   /* every length up to this: IPv4 and TCP with the largest headers are 120 octets */
#define PACKET_MOST 70000u /* more than any packet has */

static void parse(size_t n, uint8_t first)
{
    struct tfsm_packet packet;
    struct tfsm_icmp_message message;
    uint8_t *octets = malloc(n);
    any_octets(octets, n);
    if (n > 0) {
        octets[0] = first;
    }
    (void)tfsm_parse(octets, n, &packet);
    (void)tfsm_parse_icmp(octets, n, &message);
    free(octets);
}

/* Any first octet, but what is IPv4, IPv6 or neither is told apart beforehand. */
static void parse_each(size_t n)
{
    parse(n, (uint8_t)any_from(0, 0x3f));
    parse(n, (uint8_t)any_from(0x40, 0x4f));
    parse(n, (uint8_t)any_from(0x50, 0x5f));
    parse(n, (uint8_t)any_from(0x60, 0x6f));
    parse(n, (uint8_t)any_from(0x70, 0xff));
}

/* assumes: of the lengths of a packet each up to 160, and 1500, 17000 (IPv6 with as many extension headers as are walked, of
 * the largest size) and 70000 stand for the others */
static void parse_all(void)
{
    //@ loop unroll 200;
    for (size_t n = 0; n <= PARSED_MOST; n++) {
        parse_each(n);
    }
    parse_each(1500);
    parse_each(17000);
    parse_each(PACKET_MOST);
}

static void ask(void)
{
    struct tfsm_address address;
    any_address(&address);
    (void)tfsm_address_is_unicast(&address);
    (void)tfsm_address_is_loopback(&address);
    (void)tfsm_mss(any32(), any32());
    (void)tfsm_icmp_meaning(any32(), any32(), any32());
}

int main(void)
{
    ask();
    parse_all();
    return 0;
}
