/* Lengths and checksums made right. See repair.h. */
#include "repair.h"

#define TCP    6u
#define ICMP   1u
#define ICMPV6 58u

unsigned internet_sum(unsigned sum, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 == 0 ? octets[i] * 256u : octets[i];
    }
    return sum;
}

unsigned internet_fold(unsigned sum)
{
    return sum == 0 ? 0 : (sum - 1) % 0xffffu + 1; /* the number that end-around carries lead to */
}

unsigned pseudo_sum(const uint8_t *packet, unsigned protocol, size_t n)
{
    bool v4 = packet[0] >> 4 == 4;
    unsigned sum = protocol + (unsigned)(n >> 16) + (unsigned)(n & 0xffffu);
    return internet_sum(sum, packet + (v4 ? 12 : 8), v4 ? 8 : 32);
}

static void seal(uint8_t *octets, unsigned sum)
{
    unsigned rest = 0xffffu - internet_fold(sum);
    octets[0] = (uint8_t)(rest / 256u);
    octets[1] = (uint8_t)(rest % 256u);
}

/* Repair the checksum of the message of this protocol that runs from `at` to `end`, if one fits
 * there. ICMP over IPv4 has no pseudo header. */
static void repair_message(uint8_t *packet, unsigned protocol, size_t at, size_t end)
{
    size_t field = at + (protocol == TCP ? 16u : 2u);
    if (at + (protocol == TCP ? 20u : 8u) > end) {
        return;
    }
    packet[field] = 0;
    packet[field + 1] = 0;
    unsigned sum = protocol == ICMP ? 0 : pseudo_sum(packet, protocol, end - at);
    seal(packet + field, internet_sum(sum, packet + at, end - at));
}

static void repair_v4(uint8_t *packet, size_t n, bool lengths)
{
    size_t header = (packet[0] & 0x0fu) * 4u;
    if (n < 20 || header < 20 || header > n) {
        return;
    }
    if (lengths) {
        packet[2] = (uint8_t)(n >> 8 & 0xffu);
        packet[3] = (uint8_t)(n & 0xffu);
    }
    packet[10] = 0;
    packet[11] = 0;
    seal(packet + 10, internet_sum(0, packet, header));
    size_t end = packet[2] * 256u + packet[3];
    repair_message(packet, packet[9] == ICMP ? ICMP : TCP, header, end < n ? end : n);
}

static void repair_v6(uint8_t *packet, size_t n, bool lengths)
{
    if (n < 40) {
        return;
    }
    if (lengths) {
        packet[4] = (uint8_t)((n - 40) >> 8 & 0xffu);
        packet[5] = (uint8_t)((n - 40) & 0xffu);
    }
    size_t end = 40 + packet[4] * 256u + packet[5];
    end = end < n ? end : n;
    size_t at = 40;
    uint8_t next = packet[6];
    while (next != TCP && next != ICMPV6 && at + 8 <= end) {
        next = packet[at];
        at += (packet[at + 1] + 1u) * 8u;
    }
    repair_message(packet, next == ICMPV6 ? ICMPV6 : TCP, at, end);
}

void packet_repair(uint8_t *packet, size_t n, bool lengths)
{
    if (n > 0 && packet[0] >> 4 == 4) {
        repair_v4(packet, n, lengths);
    } else if (n > 0 && packet[0] >> 4 == 6) {
        repair_v6(packet, n, lengths);
    }
}
