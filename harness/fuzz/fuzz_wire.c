/* Fuzz target for the header codec. The first octet of the input says what is done to the rest,
 * which is the packet: with bit 0 its checksums are made right, so that the fuzzer is not stuck
 * before them, with bit 1 its IP length as well. What can be parsed is written and parsed again,
 * and has to be the same member by member. Both parse and write happen in heap blocks of the exact
 * size, where AddressSanitizer sees an octet too many. Input beyond INPUT_MAX is cut off. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tfsm.h"

#define INPUT_MAX 2048u

#define REPAIR_CHECKSUMS 0x01u
#define REPAIR_LENGTHS   0x02u /* has no effect without the other */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool holds, const char *property)
{
    if (!holds) {
        fprintf(stderr, "fuzz_wire: %s\n", property);
        abort();
    }
}

static uint8_t *block(size_t n)
{
    uint8_t *octets = malloc(n > 0 ? n : 1);
    need(octets != NULL, "out of memory");
    return octets;
}

static unsigned checksum(unsigned sum, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 == 0 ? octets[i] * 256u : octets[i];
    }
    return sum;
}

static void seal(uint8_t *octets, unsigned sum)
{
    sum = sum % 0xffffu; /* the same number as folding gives, but for the two zeros */
    octets[0] = (uint8_t)((0xffffu - sum) / 256u);
    octets[1] = (uint8_t)((0xffffu - sum) % 256u);
}

/* Repair the TCP checksum of a segment that runs from `at` to `end`, if one fits there. The n
 * octets of addresses go into the pseudo header. */
static void repair_tcp(uint8_t *packet, size_t at, size_t end, const uint8_t *addresses, size_t n)
{
    if (at + 20 > end) {
        return;
    }
    packet[at + 16] = 0;
    packet[at + 17] = 0;
    unsigned sum = 6u + (unsigned)(end - at);
    sum = checksum(sum, addresses, n);
    seal(packet + at + 16, checksum(sum, packet + at, end - at));
}

static void repair_v4(uint8_t *packet, size_t n, unsigned how)
{
    size_t header = (packet[0] & 0x0fu) * 4u;
    if (n < 20 || header < 20 || header > n) {
        return;
    }
    if ((how & REPAIR_LENGTHS) != 0) {
        packet[2] = (uint8_t)(n / 256);
        packet[3] = (uint8_t)(n % 256);
    }
    packet[10] = 0;
    packet[11] = 0;
    seal(packet + 10, checksum(0, packet, header));
    size_t end = packet[2] * 256u + packet[3];
    repair_tcp(packet, header, end < n ? end : n, packet + 12, 8);
}

static void repair_v6(uint8_t *packet, size_t n, unsigned how)
{
    if (n < 40) {
        return;
    }
    if ((how & REPAIR_LENGTHS) != 0) {
        packet[4] = (uint8_t)((n - 40) / 256);
        packet[5] = (uint8_t)((n - 40) % 256);
    }
    size_t end = 40 + packet[4] * 256u + packet[5];
    end = end < n ? end : n;
    size_t at = 40;
    uint8_t next = packet[6];
    while (next != 6 && at + 8 <= end) {
        next = packet[at];
        at += (packet[at + 1] + 1u) * 8u;
    }
    repair_tcp(packet, at, end, packet + 8, 32);
}

static bool same_segment(const struct tfsm_segment *a, const struct tfsm_segment *b)
{
    for (size_t i = 0; i < TFSM_SACK_MAX; i++) {
        if (a->sack[i].left != b->sack[i].left || a->sack[i].right != b->sack[i].right) {
            return false;
        }
    }
    return a->seq == b->seq && a->ack == b->ack && a->len == b->len && a->wnd == b->wnd &&
           a->up == b->up && a->flags == b->flags && a->security == b->security &&
           a->options == b->options && a->wscale == b->wscale && a->mss == b->mss &&
           a->sacks == b->sacks && a->ts_val == b->ts_val && a->ts_ecr == b->ts_ecr &&
           a->text_offset == b->text_offset && a->rule == b->rule;
}

/* All but text_at: options are normalised, so the text may have moved. */
static bool same_packet(const struct tfsm_packet *a, const struct tfsm_packet *b)
{
    return a->src.family == b->src.family && a->dst.family == b->dst.family &&
           memcmp(a->src.octets, b->src.octets, sizeof a->src.octets) == 0 &&
           memcmp(a->dst.octets, b->dst.octets, sizeof a->dst.octets) == 0 &&
           a->src_port == b->src_port && a->dst_port == b->dst_port && a->hops == b->hops &&
           a->traffic_class == b->traffic_class && a->reserved == b->reserved &&
           same_segment(&a->segment, &b->segment);
}

/* What every parsed packet promises, whoever sent it. */
static void check_parsed(const struct tfsm_packet *p, size_t n)
{
    const struct tfsm_segment *seg = &p->segment;
    uint32_t text = seg->len;
    text -= (seg->flags & TFSM_SYN) != 0 ? 1u : 0u;
    text -= (seg->flags & TFSM_FIN) != 0 ? 1u : 0u;
    need(p->text_at <= n && text <= n - p->text_at, "the text lies in the packet");
    need(p->src.family == p->dst.family, "both addresses are of one family");
    need(p->reserved <= 15, "there are four reserved bits");
    need(seg->wscale <= 14, "a shift is at most 14 (RFC7323:2.3)");
    need(seg->sacks <= TFSM_SACK_MAX, "no more SACK blocks than there is room for");
    need((seg->sacks > 0) == ((seg->options & TFSM_OPT_SACK) != 0), "SACK has blocks");
}

static void check_round_trip(const uint8_t *octets, size_t n, const struct tfsm_packet *first)
{
    struct tfsm_packet second;
    struct tfsm_packet third;
    const uint8_t *text = octets + first->text_at;
    uint8_t *out = block(n);
    memset(out, 0xa5, n);
    size_t written = tfsm_write(first, text, out, n);
    need(written > 0, "what was parsed can be written, and never gets longer");
    uint8_t *exact = block(written);
    memcpy(exact, out, written);
    free(out);
    need(tfsm_parse(exact, written, &second) == TFSM_WIRE_OK, "what was written can be parsed");
    need(same_packet(first, &second), "parse, write, parse is parse");
    size_t left = written - second.text_at;
    need(memcmp(text, exact + second.text_at, left) == 0, "the text survives");
    out = block(written);
    need(tfsm_write(&second, exact + second.text_at, out, written - 1) == 0,
         "no room is no packet");
    need(tfsm_write(&second, exact + second.text_at, out, written) == written,
         "same length when written again");
    need(memcmp(out, exact, written) == 0, "same octets when written again");
    need(tfsm_parse(out, written, &third) == TFSM_WIRE_OK && third.text_at == second.text_at,
         "the text stays where it is");
    free(out);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tfsm_packet packet;
    if (size == 0) {
        return 0;
    }
    unsigned how = data[0];
    size_t n = (size < INPUT_MAX ? size : INPUT_MAX) - 1;
    uint8_t *octets = block(n);
    memcpy(octets, data + 1, n);
    if ((how & REPAIR_CHECKSUMS) != 0 && n > 0) {
        if (octets[0] >> 4 == 4) {
            repair_v4(octets, n, how);
        } else if (octets[0] >> 4 == 6) {
            repair_v6(octets, n, how);
        }
    }
    memset(&packet, 0xa5, sizeof packet);
    enum tfsm_wire_result result = tfsm_parse(octets, n, &packet);
    need(result < TFSM_WIRE_RESULTS, "the answer is one of those there are");
    if (result == TFSM_WIRE_OK || result == TFSM_WIRE_OPTION) {
        check_parsed(&packet, n);
        check_round_trip(octets, n, &packet);
    }
    free(octets);
    return 0;
}
