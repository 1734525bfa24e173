/* The header codec: one IPv4 or IPv6 packet in octets to a struct tfsm_packet and back. Everything
 * a stranger can put on the wire passes through here first, so every index is checked against the
 * end of the header it belongs to before it is used, and every loop moves forward. What comes in is
 * normalised: writing what was parsed gives a packet that parses to the same members again. */
#include "tfsm.h"

#define IPV4_HEADER    20u
#define IPV6_HEADER    40u
#define TCP_HEADER     20u
#define OPTIONS_MAX    40u    /* what a data offset of 15 leaves for options */
#define LENGTH_MAX     65535u /* of the IPv4 total length and of the IPv6 payload length */
#define EXTENSIONS_MAX 8u     /* IPv6 extension headers skipped; honest packets have one or two */
#define WSCALE_MAX     14u    /* RFC7323:2.3 */

/* IP protocol numbers, which are also IPv6 next header values. */
#define PROTOCOL_HOP_BY_HOP  0u
#define PROTOCOL_TCP         6u
#define PROTOCOL_ROUTING     43u
#define PROTOCOL_FRAGMENT    44u
#define PROTOCOL_DESTINATION 60u
#define IPV4_DONT_FRAGMENT   0x4000u
#define IPV4_FRAGMENT_MASK   0x3fffu /* more fragments, and the fragment offset */

#define KIND_END            0u
#define KIND_NOP            1u
#define KIND_MSS            2u
#define KIND_WSCALE         3u
#define KIND_SACK_PERMITTED 4u
#define KIND_SACK           5u
#define KIND_TIMESTAMPS     8u
#define KINDS               9u

/* The options we know, by kind: the bit each stands for, and its legal lengths: least, least + step
 * .. most. */
static const struct shape {
    uint8_t bit;
    uint8_t least;
    uint8_t most;
    uint8_t step;
} known[KINDS] = {
    [KIND_MSS] = {TFSM_OPT_MSS, 4, 4, 1},
    [KIND_WSCALE] = {TFSM_OPT_WSCALE, 3, 3, 1},
    [KIND_SACK_PERMITTED] = {TFSM_OPT_SACK_PERMITTED, 2, 2, 1},
    [KIND_SACK] = {TFSM_OPT_SACK, 10, 2 + 8 * TFSM_SACK_MAX, 8},
    [KIND_TIMESTAMPS] = {TFSM_OPT_TIMESTAMPS, 10, 10, 1},
};

/* Where the TCP segment lies in the packet: octets [at, end). */
struct place {
    size_t at;
    size_t end;
};

static uint16_t get16(const uint8_t *octets)
{
    return (uint16_t)(((uint32_t)octets[0] << 8) | octets[1]);
}

static uint32_t get32(const uint8_t *octets)
{
    return ((uint32_t)get16(octets) << 16) | get16(octets + 2);
}

static void put16(uint8_t *octets, uint32_t value)
{
    octets[0] = (uint8_t)((value >> 8) & 0xffu);
    octets[1] = (uint8_t)(value & 0xffu);
}

static void put32(uint8_t *octets, uint32_t value)
{
    put16(octets, value >> 16);
    put16(octets + 2, value & 0xffffu);
}

static void copy(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
    }
}

/* Add 16-bit words to an Internet checksum; an odd last octet counts as if a zero followed (RFC
 * 9293 3.1). A packet has less than 2^15 + 32 words, so 32 bits never overflow and folding can
 * wait. */
static uint32_t sum_octets(uint32_t sum, const uint8_t *octets, size_t n)
{
    size_t even = n & ~(size_t)1;
    for (size_t i = 0; i < even; i += 2) {
        sum += get16(octets + i);
    }
    if (even != n) {
        sum += (uint32_t)octets[even] << 8;
    }
    return sum;
}

/* End-around carry: the second fold takes in what the first left over. */
static uint32_t fold(uint32_t sum)
{
    sum = (sum & 0xffffu) + (sum >> 16);
    return (sum & 0xffffu) + (sum >> 16);
}

static size_t address_octets(const struct tfsm_address *address)
{
    return address->family == 4 ? 4 : 16;
}

/* The pseudo header of a segment of n octets. One function for both families: they differ in where
 * zeros stand. */
static uint32_t sum_pseudo(const struct tfsm_packet *packet, size_t n)
{
    uint32_t sum = PROTOCOL_TCP + (uint32_t)n;
    sum = sum_octets(sum, packet->src.octets, address_octets(&packet->src));
    return sum_octets(sum, packet->dst.octets, address_octets(&packet->dst));
}

/* IPv4 options are skipped unread: none of them changes what the segment means. */
static enum tfsm_wire_result parse_ipv4(const uint8_t *octets, size_t n, struct tfsm_packet *out,
                                        struct place *tcp)
{
    if (n < IPV4_HEADER) {
        return TFSM_WIRE_SHORT;
    }
    size_t header = (octets[0] & 0x0fu) * 4u;
    size_t total = get16(octets + 2);
    if (header < IPV4_HEADER) {
        return TFSM_WIRE_IP_HEADER;
    }
    if (header > n) {
        return TFSM_WIRE_SHORT;
    }
    if (total < header || total > n || fold(sum_octets(0, octets, header)) != 0xffffu) {
        return TFSM_WIRE_IP_HEADER;
    }
    if ((get16(octets + 6) & IPV4_FRAGMENT_MASK) != 0) {
        return TFSM_WIRE_FRAGMENT;
    }
    if (octets[9] != PROTOCOL_TCP) {
        return TFSM_WIRE_PROTOCOL;
    }
    out->src.family = 4;
    out->dst.family = 4;
    copy(out->src.octets, octets + 12, 4);
    copy(out->dst.octets, octets + 16, 4);
    out->traffic_class = octets[1];
    out->hops = octets[8];
    tcp->at = header;
    tcp->end = total;
    return TFSM_WIRE_OK;
}

/* Walk the extension headers up to TCP. A hop-by-hop header is legal in the first place only (RFC
 * 8200 4.1). A routing header that still has hops to go means that the packet is not at its
 * destination: the address the checksum covers is not the one in the IP header. */
static enum tfsm_wire_result skip_extensions(const uint8_t *octets, struct place *tcp)
{
    uint8_t next = octets[6];
    for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
        if (next == PROTOCOL_TCP) {
            return TFSM_WIRE_OK;
        }
        if (next == PROTOCOL_FRAGMENT) {
            return TFSM_WIRE_FRAGMENT;
        }
        bool skipped = next == PROTOCOL_ROUTING || next == PROTOCOL_DESTINATION ||
                       (next == PROTOCOL_HOP_BY_HOP && i == 0);
        if (!skipped) {
            return TFSM_WIRE_PROTOCOL;
        }
        if (tcp->end - tcp->at < 8) {
            return TFSM_WIRE_SHORT;
        }
        const uint8_t *extension = octets + tcp->at;
        size_t length = (extension[1] + 1u) * 8u;
        if (length > tcp->end - tcp->at) {
            return TFSM_WIRE_SHORT;
        }
        if (next == PROTOCOL_ROUTING && extension[3] != 0) {
            return TFSM_WIRE_PROTOCOL;
        }
        next = extension[0];
        tcp->at += length;
    }
    return next == PROTOCOL_TCP ? TFSM_WIRE_OK : TFSM_WIRE_PROTOCOL;
}

/* A payload length of zero announces a jumbogram (RFC 2675), which nobody sends: it ends within a
 * header here. */
static enum tfsm_wire_result parse_ipv6(const uint8_t *octets, size_t n, struct tfsm_packet *out,
                                        struct place *tcp)
{
    if (n < IPV6_HEADER) {
        return TFSM_WIRE_SHORT;
    }
    size_t payload = get16(octets + 4);
    if (payload > n - IPV6_HEADER) {
        return TFSM_WIRE_IP_HEADER;
    }
    out->src.family = 6;
    out->dst.family = 6;
    copy(out->src.octets, octets + 8, 16);
    copy(out->dst.octets, octets + 24, 16);
    out->traffic_class = (uint8_t)((get16(octets) >> 4) & 0xffu);
    out->hops = octets[7];
    tcp->at = IPV6_HEADER;
    tcp->end = IPV6_HEADER + payload;
    return skip_extensions(octets, tcp);
}

/* Fill in one option whose length was found legal. A shift above 14 counts as 14 (RFC7323:2.3). */
static void take_option(const uint8_t *option, size_t length, struct tfsm_segment *seg)
{
    switch (option[0]) {
    case KIND_MSS:
        seg->mss = get16(option + 2);
        return;
    case KIND_WSCALE:
        seg->wscale = option[2] > WSCALE_MAX ? (uint8_t)WSCALE_MAX : option[2];
        return;
    case KIND_TIMESTAMPS:
        seg->ts_val = get32(option + 2);
        seg->ts_ecr = get32(option + 6);
        return;
    case KIND_SACK:
        seg->sacks = (uint16_t)((length - 2) / 8);
        for (size_t i = 0; i < seg->sacks; i++) {
            seg->sack[i].left = get32(option + 2 + 8 * i);
            seg->sack[i].right = get32(option + 6 + 8 * i);
        }
        return;
    case KIND_SACK_PERMITTED: /* it has no value */
        return;
    }
}

/* Read n octets of options; false at the first illegal length, with the options before it taken. An
 * unknown option needs a legal length too, or there is no telling where the next one starts
 * (RFC9293:MUST-6, RFC9293:MUST-68). */
static bool parse_options(const uint8_t *options, size_t n, struct tfsm_segment *seg)
{
    size_t at = 0;
    while (at < n) {
        uint8_t kind = options[at];
        if (kind == KIND_END) {
            return true;
        }
        if (kind == KIND_NOP) {
            at++;
            continue;
        }
        if (n - at < 2) {
            return false;
        }
        size_t length = options[at + 1];
        if (length < 2 || length > n - at) {
            return false;
        }
        if (kind < KINDS && known[kind].bit != 0) {
            const struct shape *shape = &known[kind];
            if (length < shape->least || length > shape->most ||
                (length - shape->least) % shape->step != 0) {
                return false;
            }
            if ((seg->options & shape->bit) == 0) {
                seg->options |= shape->bit;
                take_option(options + at, length, seg);
            }
        }
        at += length;
    }
    return true;
}

/* The octets of sequence space that are not text. */
static uint32_t controls(const struct tfsm_segment *seg)
{
    return ((seg->flags & TFSM_SYN) != 0 ? 1u : 0u) + ((seg->flags & TFSM_FIN) != 0 ? 1u : 0u);
}

static enum tfsm_wire_result parse_tcp(const uint8_t *octets, const struct place *place,
                                       struct tfsm_packet *out)
{
    const uint8_t *tcp = octets + place->at;
    size_t n = place->end - place->at;
    if (n < TCP_HEADER) {
        return TFSM_WIRE_SHORT;
    }
    size_t header = (tcp[12] >> 4) * 4u;
    if (header < TCP_HEADER || header > n) {
        return TFSM_WIRE_DATA_OFFSET;
    }
    if (fold(sum_octets(sum_pseudo(out, n), tcp, n)) != 0xffffu) {
        return TFSM_WIRE_CHECKSUM;
    }
    struct tfsm_segment *seg = &out->segment;
    out->src_port = get16(tcp);
    out->dst_port = get16(tcp + 2);
    out->reserved = tcp[12] & 0x0fu;
    out->text_at = (uint32_t)(place->at + header);
    seg->seq = get32(tcp + 4);
    seg->ack = get32(tcp + 8);
    seg->flags = tcp[13];
    seg->wnd = get16(tcp + 14);
    seg->up = get16(tcp + 18);
    seg->len = (uint32_t)(n - header) + controls(seg);
    bool legal = parse_options(tcp + TCP_HEADER, header - TCP_HEADER, seg);
    return legal ? TFSM_WIRE_OK : TFSM_WIRE_OPTION;
}

enum tfsm_wire_result tfsm_parse(const uint8_t *octets, size_t n, struct tfsm_packet *out)
{
    struct place tcp = {0, 0};
    enum tfsm_wire_result result = TFSM_WIRE_VERSION;
    *out = (struct tfsm_packet){0};
    if (n == 0) {
        return TFSM_WIRE_SHORT;
    }
    if (octets[0] >> 4 == 4) {
        result = parse_ipv4(octets, n, out, &tcp);
    } else if (octets[0] >> 4 == 6) {
        result = parse_ipv6(octets, n, out, &tcp);
    }
    return result == TFSM_WIRE_OK ? parse_tcp(octets, &tcp, out) : result;
}

/* An option of SACK without a block says nothing and would be illegal: it is left out. */
static bool has_sack(const struct tfsm_segment *seg)
{
    return (seg->options & TFSM_OPT_SACK) != 0 && seg->sacks > 0;
}

/* Octets of the options, padded to a word. Options are written without the customary NOPs, so
 * whatever came in one header goes out in one header: together they never get longer. */
static size_t options_length(const struct tfsm_segment *seg)
{
    size_t n = 0;
    for (size_t kind = 0; kind < KINDS; kind++) {
        if (kind != KIND_SACK && (seg->options & known[kind].bit) != 0) {
            n += known[kind].least;
        }
    }
    if (has_sack(seg)) {
        n += 2u + 8u * (size_t)seg->sacks;
    }
    return (n + 3u) & ~(size_t)3;
}

/* Write the options in their canonical order; the padding is there already, as zeros. */
static void put_options(uint8_t *at, const struct tfsm_segment *seg)
{
    if ((seg->options & TFSM_OPT_MSS) != 0) {
        at[0] = KIND_MSS;
        at[1] = 4;
        put16(at + 2, seg->mss);
        at += 4;
    }
    if ((seg->options & TFSM_OPT_SACK_PERMITTED) != 0) {
        at[0] = KIND_SACK_PERMITTED;
        at[1] = 2;
        at += 2;
    }
    if ((seg->options & TFSM_OPT_TIMESTAMPS) != 0) {
        at[0] = KIND_TIMESTAMPS;
        at[1] = 10;
        put32(at + 2, seg->ts_val);
        put32(at + 6, seg->ts_ecr);
        at += 10;
    }
    if ((seg->options & TFSM_OPT_WSCALE) != 0) {
        at[0] = KIND_WSCALE;
        at[1] = 3;
        at[2] = seg->wscale;
        at += 3;
    }
    if (has_sack(seg)) {
        at[0] = KIND_SACK;
        at[1] = (uint8_t)(2u + 8u * seg->sacks);
        for (size_t i = 0; i < seg->sacks; i++) {
            put32(at + 2 + 8 * i, seg->sack[i].left);
            put32(at + 6 + 8 * i, seg->sack[i].right);
        }
    }
}

/* Don't-fragment is set and the identification is zero, as RFC 6864 allows for packets that are
 * never fragmented. */
static void put_ipv4(uint8_t *octets, const struct tfsm_packet *packet, size_t total)
{
    octets[0] = 0x45;
    octets[1] = packet->traffic_class;
    put16(octets + 2, (uint32_t)total);
    put16(octets + 6, IPV4_DONT_FRAGMENT);
    octets[8] = packet->hops;
    octets[9] = PROTOCOL_TCP;
    copy(octets + 12, packet->src.octets, 4);
    copy(octets + 16, packet->dst.octets, 4);
    put16(octets + 10, 0xffffu - fold(sum_octets(0, octets, IPV4_HEADER)));
}

static void put_ipv6(uint8_t *octets, const struct tfsm_packet *packet, size_t payload)
{
    put16(octets, 0x6000u | ((uint32_t)packet->traffic_class << 4));
    put16(octets + 4, (uint32_t)payload);
    octets[6] = PROTOCOL_TCP;
    octets[7] = packet->hops;
    copy(octets + 8, packet->src.octets, 16);
    copy(octets + 24, packet->dst.octets, 16);
}

/* The TCP header but its checksum. */
static void put_tcp(uint8_t *tcp, const struct tfsm_packet *packet, size_t header)
{
    const struct tfsm_segment *seg = &packet->segment;
    put16(tcp, packet->src_port);
    put16(tcp + 2, packet->dst_port);
    put32(tcp + 4, seg->seq);
    put32(tcp + 8, seg->ack);
    tcp[12] = (uint8_t)((header / 4) << 4 | (packet->reserved & 0x0fu));
    tcp[13] = seg->flags;
    put16(tcp + 14, seg->wnd);
    put16(tcp + 18, seg->up);
    put_options(tcp + TCP_HEADER, seg);
}

size_t tfsm_write(const struct tfsm_packet *packet, const uint8_t *text, uint8_t *octets,
                  size_t room)
{
    const struct tfsm_segment *seg = &packet->segment;
    uint8_t family = packet->src.family;
    if ((family != 4 && family != 6) || packet->dst.family != family) {
        return 0;
    }
    /* Each number is held against its bound before it is added, so that no sum can wrap. */
    if (has_sack(seg) && seg->sacks > TFSM_SACK_MAX) {
        return 0;
    }
    size_t options = options_length(seg);
    if (options > OPTIONS_MAX) {
        return 0;
    }
    if (seg->len < controls(seg) || seg->len - controls(seg) > LENGTH_MAX) {
        return 0;
    }
    size_t text_length = seg->len - controls(seg);
    size_t ip_header = family == 4 ? IPV4_HEADER : IPV6_HEADER;
    size_t tcp_header = TCP_HEADER + options;
    size_t payload = tcp_header + text_length;
    size_t length = ip_header + payload;
    if ((family == 4 ? length : payload) > LENGTH_MAX || length > room) {
        return 0;
    }
    uint8_t *tcp = octets + ip_header;
    for (size_t i = 0; i < ip_header + tcp_header; i++) {
        octets[i] = 0;
    }
    if (family == 4) {
        put_ipv4(octets, packet, length);
    } else {
        put_ipv6(octets, packet, payload);
    }
    put_tcp(tcp, packet, tcp_header);
    copy(tcp + tcp_header, text, text_length);
    put16(tcp + 16, 0xffffu - fold(sum_octets(sum_pseudo(packet, payload), tcp, payload)));
    return length;
}
