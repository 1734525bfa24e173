/* The header codec: one IPv4 or IPv6 packet in octets to a struct tfsm_packet and back. Everything
 * a stranger can put on the wire passes through here first, so every index is checked against the
 * end of the header it belongs to before it is used, and every loop moves forward. A piece of a packet
 * is two places in it, from which and up to which: then a bound is what a place is compared with, and
 * never a difference of two. What comes in is normalised: writing what was parsed gives a packet that
 * parses to the same members again. */
#include "engine.h"

#define IPV4_HEADER    20u
#define IPV6_HEADER    40u
#define TCP_HEADER     20u
#define LENGTH_MAX     65535u /* of the IPv4 total length and of the IPv6 payload length */
#define EXTENSIONS_MAX 8u     /* IPv6 extension headers skipped; honest packets have one or two */

#define HEADERS_V4 (IPV4_HEADER + TCP_HEADER)
#define HEADERS_V6 (IPV6_HEADER + TCP_HEADER)
#define ECN_MASK   3u /* the ECN field, in the lower bits of the traffic class */

/* IP protocol numbers, which are also IPv6 next header values. */
#define PROTOCOL_HOP_BY_HOP  0u
#define PROTOCOL_ICMP        1u
#define PROTOCOL_TCP         6u
#define PROTOCOL_ROUTING     43u
#define PROTOCOL_FRAGMENT    44u
#define PROTOCOL_DESTINATION 60u
#define IPV4_DONT_FRAGMENT   0x4000u /* flags, in the lower half of the header's second word */
#define IPV4_FRAGMENT_MASK   0x3fffu /* more fragments, and the fragment offset */
#define IPV4_OFFSET_MASK     0x1fffu
#define IPV6_OFFSET_MASK     0xfff8u /* in the fragment header */

#define KIND_END            0u
#define KIND_NOP            1u
#define KIND_MSS            2u
#define KIND_WSCALE         3u
#define KIND_SACK_PERMITTED 4u
#define KIND_SACK           5u
#define KIND_TIMESTAMPS     8u
#define KIND_USER_TIMEOUT   28u
#define KIND_FAST_OPEN      34u

#define FAST_OPEN_REQUEST 2u /* length without a cookie */
#define COOKIE_MIN        4u
#define TIMEOUT_MASK      0x7fffu /* the user timeout without its granularity */

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

/* ---- the Internet checksum ----
 * A sum of 16-bit words with end-around carry comes out the same, but for the order of its octets, whichever octet of a
 * word counts as the lower (RFC 1071 2): so words are as long as they can be, the first octet is the lowest, and only
 * numbers of ours are turned round. */

/* End-around carry. */
TFSM_WRAPS static inline uint64_t plus(uint64_t sum, uint64_t word)
{
    sum += word;
    return sum + (sum < word ? 1u : 0u);
}

/* A number of 16 bits, as it stands in a packet. */
static inline uint64_t turned(uint32_t number)
{
    return (uint64_t)(number & 0xffu) << 8 | ((number >> 8) & 0xffu);
}

#if defined(__OPTIMIZE_SIZE__)
/* By short words: little code. The first octet stands at an even place. An odd last octet counts as if a zero followed
 * (RFC 9293 3.1). [RFC9293:3.1b] */
static uint64_t sum_octets(uint64_t sum, const uint8_t *octets, size_t at, size_t end)
{
    uint32_t small = 0; /* of less than 2^15 words and a few */
    for (; at < end; at++) {
        small += (at & 1u) == 0 ? octets[at] : (uint32_t)octets[at] << 8;
    }
    return sum + small;
}
#else
/* An odd last octet counts as if a zero followed (RFC 9293 3.1). [RFC9293:3.1b] */
static uint64_t sum_octets(uint64_t sum, const uint8_t *octets, size_t at, size_t end)
{
    for (; at + 40 <= end; at += 40) {
        sum = plus(sum, load64(octets + at));
        sum = plus(sum, load64(octets + at + 8));
        sum = plus(sum, load64(octets + at + 16));
        sum = plus(sum, load64(octets + at + 24));
        sum = plus(sum, load64(octets + at + 32));
    }
    for (; at + 8 <= end; at += 8) {
        sum = plus(sum, load64(octets + at));
    }
    if (at + 4 <= end) {
        sum = plus(sum, load32(octets + at));
        at += 4;
    }
    if (at < end) {
        uint64_t rest = octets[at];
        rest |= at + 1 < end ? (uint64_t)octets[at + 1] << 8 : 0u;
        rest |= at + 2 < end ? (uint64_t)octets[at + 2] << 16 : 0u;
        sum = plus(sum, rest);
    }
    return sum;
}
#endif

/* The 16 bits that a sum comes to: a number plus itself with its halves changed about has the sum of both, and what was
 * carried from it, in its upper half. */
TFSM_WRAPS static inline uint32_t fold(uint64_t sum)
{
    sum += sum >> 32 | sum << 32;
    uint32_t half = (uint32_t)(sum >> 32);
    half += half >> 16 | half << 16;
    return half >> 16;
}

/* Write the checksum of what sums up to this. */
static void put_checksum(uint8_t *octets, uint64_t sum)
{
    uint32_t checksum = 0xffffu - fold(sum);
    octets[0] = (uint8_t)(checksum & 0xffu);
    octets[1] = (uint8_t)(checksum >> 8);
}

/* A header of five words, of IPv4 or of TCP, without options: what most packets have. */
static inline uint64_t sum_header(uint64_t sum, const uint8_t *header)
{
#if defined(__OPTIMIZE_SIZE__)
    return sum_octets(sum, header, 0, IPV4_HEADER);
#else
    return plus(plus(plus(sum, load64(header)), load64(header + 8)), load32(header + 16));
#endif
}

/* The pseudo header of a message of n octets behind an IP header. The families differ in where the addresses
 * stand, and in where zeros do. [RFC9293:3.1b] */
static ALONG uint64_t sum_pseudo(const uint8_t *ip, unsigned protocol, size_t n)
{
    uint64_t sum = turned(protocol) + turned((uint32_t)n);
#if defined(__OPTIMIZE_SIZE__)
    return ip[0] >> 4 == 4 ? sum_octets(sum, ip, 12, 20) : sum_octets(sum, ip, 8, 40);
#else
    if (ip[0] >> 4 == 4) {
        return plus(sum, load64(ip + 12));
    }
    sum = plus(plus(sum, load64(ip + 8)), load64(ip + 16));
    return plus(plus(sum, load64(ip + 24)), load64(ip + 32));
#endif
}

/* Whether the checksum in what an IP header announces is right. Of the protocols here only ICMP over
 * IPv4 has no pseudo header. */
bool tfsm_checksum_holds(const uint8_t *ip, unsigned protocol, size_t at, size_t end)
{
    uint64_t pseudo = protocol == PROTOCOL_ICMP ? 0 : sum_pseudo(ip, protocol, end - at);
    return fold(sum_octets(pseudo, ip, at, end)) == 0xffffu;
}

/* The sum of a TCP segment of at least a header, and its pseudo header. */
static ALONG uint64_t sum_tcp(const uint8_t *ip, size_t at, size_t end)
{
    uint64_t sum = sum_header(sum_pseudo(ip, PROTOCOL_TCP, end - at), ip + at);
    return at + TCP_HEADER < end ? sum_octets(sum, ip, at + TCP_HEADER, end) : sum;
}

/* IPv4 options are skipped unread: none of them changes what the segment means
 * (RFC9293:MUST-50). The header that an ICMP error quotes was changed on its way by routers that
 * need not have mended its checksum, and is cut off anywhere: neither checksum nor total length is
 * read there. Only the first fragment holds the ports. */
static ALONG enum tfsm_wire_result parse_ipv4(const uint8_t *octets, size_t at, size_t *end,
                                              unsigned protocol, bool quoted,
                                              struct tfsm_packet *out)
{
    if (at + IPV4_HEADER > *end) {
        return TFSM_WIRE_SHORT;
    }
    const uint8_t *ip = octets + at;
    size_t text_at = at + (ip[0] & 0x0fu) * 4u;
    size_t total = at + get16(ip + 2);
    if (text_at < at + IPV4_HEADER) {
        return TFSM_WIRE_IP_HEADER;
    }
    if (text_at > *end) {
        return TFSM_WIRE_SHORT;
    }
    if (!quoted &&
        (total < text_at || total > *end ||
         fold(text_at == at + IPV4_HEADER ? sum_header(0, ip)
                                          : sum_octets(0, octets, at, text_at)) != 0xffffu)) {
        return TFSM_WIRE_IP_HEADER;
    }
    if ((get16(ip + 6) & (quoted ? IPV4_OFFSET_MASK : IPV4_FRAGMENT_MASK)) != 0) {
        return TFSM_WIRE_FRAGMENT;
    }
    if (ip[9] != protocol) {
        return TFSM_WIRE_PROTOCOL;
    }
    out->src.family = 4;
    out->dst.family = 4;
    copy_octets(out->src.octets, ip + 12, 4);
    copy_octets(out->dst.octets, ip + 16, 4);
    out->traffic_class = ip[1];
    out->hops = ip[8];
    out->text_at = (uint32_t)text_at;
    *end = quoted ? *end : total;
    return TFSM_WIRE_OK;
}

/* Step over the extension header of this kind at *at; *next becomes the kind of what follows. A
 * routing header that still has hops to go means that the packet is not at its destination: the
 * address the checksum covers is not the one in the IP header. The first fragment may be quoted; the
 * fragment header has no length field. */
static enum tfsm_wire_result skip_extension(const uint8_t *octets, size_t end, unsigned kind,
                                            size_t *at, unsigned *next)
{
    if (*at + 8 > end) {
        return TFSM_WIRE_SHORT;
    }
    const uint8_t *extension = octets + *at;
    if (kind == PROTOCOL_FRAGMENT && (get16(extension + 2) & IPV6_OFFSET_MASK) != 0) {
        return TFSM_WIRE_FRAGMENT;
    }
    *at += kind == PROTOCOL_FRAGMENT ? 8u : (extension[1] + 1u) * 8u;
    if (*at > end) {
        return TFSM_WIRE_SHORT;
    }
    if (kind == PROTOCOL_ROUTING && extension[3] != 0) {
        return TFSM_WIRE_PROTOCOL;
    }
    *next = extension[0];
    return TFSM_WIRE_OK;
}

/* Walk the extension headers from *at up to the protocol wanted. A hop-by-hop header is legal in the first
 * place only (RFC 8200 4.1). */
static enum tfsm_wire_result skip_extensions(const uint8_t *octets, size_t end, unsigned next,
                                             unsigned protocol, bool quoted, size_t *at)
{
    for (unsigned i = 0; i < EXTENSIONS_MAX && next != protocol; i++) {
        if (next == PROTOCOL_FRAGMENT && !quoted) {
            return TFSM_WIRE_FRAGMENT;
        }
        bool skipped = next == PROTOCOL_ROUTING || next == PROTOCOL_DESTINATION ||
                       next == PROTOCOL_FRAGMENT || (next == PROTOCOL_HOP_BY_HOP && i == 0);
        if (!skipped) {
            return TFSM_WIRE_PROTOCOL;
        }
        enum tfsm_wire_result result = skip_extension(octets, end, next, at, &next);
        if (result != TFSM_WIRE_OK) {
            return result;
        }
    }
    return next == protocol ? TFSM_WIRE_OK : TFSM_WIRE_PROTOCOL;
}

/* A payload length of zero announces a jumbogram (RFC 2675), which nobody sends: it ends within a
 * header here. */
static enum tfsm_wire_result parse_ipv6(const uint8_t *octets, size_t at, size_t *end,
                                        unsigned protocol, bool quoted, struct tfsm_packet *out)
{
    if (at + IPV6_HEADER > *end) {
        return TFSM_WIRE_SHORT;
    }
    const uint8_t *ip = octets + at;
    size_t text_at = at + IPV6_HEADER;
    size_t total = quoted ? *end : text_at + get16(ip + 4);
    if (total > *end) {
        return TFSM_WIRE_IP_HEADER;
    }
    *end = total;
    out->src.family = 6;
    out->dst.family = 6;
    copy_octets(out->src.octets, ip + 8, 16);
    copy_octets(out->dst.octets, ip + 24, 16);
    out->traffic_class = (uint8_t)((get16(ip) >> 4) & 0xffu);
    out->hops = ip[7];
    enum tfsm_wire_result result =
        skip_extensions(octets, total, ip[6], protocol, quoted, &text_at);
    out->text_at = (uint32_t)text_at;
    return result;
}

/* In pieces: compilers make a loop of more than 128 octets. */
static inline void clear(struct tfsm_packet *out)
{
    out->src = (struct tfsm_address){0};
    out->dst = (struct tfsm_address){0};
    out->src_port = 0;
    out->dst_port = 0;
    out->hops = 0;
    out->traffic_class = 0;
    out->reserved = 0;
    out->text_at = 0;
    for (size_t i = 0; i < TFSM_COOKIE_MAX; i++) {
        out->cookie[i] = 0;
    }
}

/* Parse an IP packet, or what an ICMP error quotes of one, up to the protocol wanted. Its envelope
 * goes into *out, which is written whole; *end is where the octets end, and then where what it carries
 * does, which begins at out->text_at. The traffic class is as it came (RFC9293:MAY-9). */
static ALONG enum tfsm_wire_result parse_ip(const uint8_t *octets, size_t at, size_t *end,
                                            unsigned protocol, bool quoted, struct tfsm_packet *out)
{
    enum tfsm_wire_result result = TFSM_WIRE_VERSION;
    clear(out);
    if (at >= *end) {
        return TFSM_WIRE_SHORT;
    }
    if (octets[at] >> 4 == 4) {
        result = parse_ipv4(octets, at, end, protocol, quoted, out);
    } else if (octets[at] >> 4 == 6) {
        result = parse_ipv6(octets, at, end, protocol, quoted, out);
    }
    return result;
}

enum tfsm_wire_result tfsm_parse_ip(const uint8_t *octets, size_t at, size_t *end,
                                    unsigned protocol, bool quoted, struct tfsm_packet *out)
{
    out->segment = (struct tfsm_segment){0};
    return parse_ip(octets, at, end, protocol, quoted, out);
}

/* Whether a Fast Open cookie may be so long; a request has none. */
static bool may_be_cookie(size_t n)
{
    return n <= TFSM_COOKIE_MAX && n % 2 == 0 && (n == 0 || n >= COOKIE_MIN);
}

/* Whether an option is to be taken: of two the first counts. Then it is there. */
PART bool takes(struct tfsm_segment *seg, uint8_t option)
{
    bool first = IS_KNOWN(option) && (seg->options & option) == 0;
    seg->options |= first ? option : 0;
    return first;
}

/* Take an option that ends at `end`; its value is read from there backwards. One of a known kind that
 * is not as long as its kind is passed over as an unknown one is: where the next option starts it says
 * all the same. RFC 7413 asks for that of Fast Open (RFC7413:4.1.1b), and without a SYN, too; of
 * the others RFC 9293 asks no more than to cope (RFC9293:MUST-7), and who drops the segment drops it
 * again whenever it comes. RFC 5482 wants a user timeout of zero ignored, in seconds or minutes
 * (RFC5482:3.4b). A shift above 14 counts as 14 (RFC7323:2.3g). [RFC2018:2b, RFC2018:3b, RFC7413:9] */
static void take_option(const uint8_t *end, unsigned kind, size_t length, struct tfsm_packet *out,
                        struct tfsm_segment *seg)
{
    size_t n = length - 2; /* of what it says */
    switch (kind) {
    case KIND_MSS: /* RFC9293:MUST-14 */
        if (n == 2 && takes(seg, TFSM_OPT_MSS)) {
            seg->mss = get16(end - 2);
        }
        return;
    case KIND_WSCALE:
        if (n == 1 && takes(seg, TFSM_OPT_WSCALE)) {
            seg->wscale = end[-1] > SHIFT_MAX ? (uint8_t)SHIFT_MAX : end[-1];
        }
        return;
    case KIND_SACK_PERMITTED:
        if (n == 0) {
            (void)takes(seg, TFSM_OPT_SACK_PERMITTED);
        }
        return;
    case KIND_TIMESTAMPS:
        if (n == 8 && takes(seg, TFSM_OPT_TIMESTAMPS)) {
            seg->ts_val = get32(end - 8);
            seg->ts_ecr = get32(end - 4);
        }
        return;
    case KIND_SACK:
        if (n > 0 && n <= 8 * TFSM_SACK_MAX && n % 8 == 0 && takes(seg, TFSM_OPT_SACK)) {
            seg->sacks = (uint8_t)(n / 8);
            for (size_t i = n / 8; i > 0; i--, end -= 8) {
                seg->sack[i - 1].left = get32(end - 8);
                seg->sack[i - 1].right = get32(end - 4);
            }
        }
        return;
    case KIND_USER_TIMEOUT:
        if (n == 2 && (get16(end - 2) & TIMEOUT_MASK) != 0 && takes(seg, TFSM_OPT_USER_TIMEOUT)) {
            seg->user_timeout = get16(end - 2);
        }
        return;
    case KIND_FAST_OPEN:
        if (may_be_cookie(n) && (seg->flags & TFSM_SYN) != 0 && takes(seg, TFSM_OPT_FAST_OPEN)) {
            seg->cookie_len = (uint8_t)n;
            for (; n > 0; n--, end--) {
                out->cookie[n - 1] = end[-1];
            }
        }
        return;
    }
}

/* Read options, in whatever segment (RFC9293:MUST-5) and at whatever alignment (RFC9293:MUST-64);
 * false at the first illegal length (RFC9293:MUST-7), with the options before it taken. That is a
 * length of 0 or 1, or beyond the header: there is no telling then where the next option starts
 * (RFC9293:MUST-4, RFC9293:MUST-6, RFC9293:MUST-68). Each turn moves on, so there are no more
 * turns than octets. */
APART static bool parse_options(const uint8_t *octets, size_t at, size_t end,
                                struct tfsm_packet *out, struct tfsm_segment *seg)
{
    while (at < end) {
        uint8_t kind = octets[at];
        if (kind == KIND_END) {
            return true;
        }
        if (kind == KIND_NOP) {
            at++;
            continue;
        }
        if (at + 2 > end) {
            return false;
        }
        size_t length = octets[at + 1];
        at += length;
        if (length < 2 || at > end) {
            return false;
        }
        take_option(octets + at, kind, length, out, seg);
    }
    return true;
}

/* The octets of sequence space that are not text. */
static uint32_t controls(const struct tfsm_segment *seg)
{
    return ((seg->flags & TFSM_SYN) != 0 ? 1u : 0u) + ((seg->flags & TFSM_FIN) != 0 ? 1u : 0u);
}

/* Parse the octets from out->text_at to the end. [RFC9293:3.1a] */
static ALONG enum tfsm_wire_result parse_tcp(const uint8_t *octets, size_t end,
                                             struct tfsm_packet *out, struct tfsm_segment *seg)
{
    size_t at = out->text_at;
    if (at + TCP_HEADER > end) {
        return TFSM_WIRE_SHORT;
    }
    const uint8_t *tcp = octets + at;
    size_t text_at = at + (tcp[12] >> 4) * 4u;
    if (text_at < at + TCP_HEADER || text_at > end) {
        return TFSM_WIRE_DATA_OFFSET;
    }
    if (fold(sum_tcp(octets, at, end)) != 0xffffu) { /* RFC9293:MUST-3 */
        return TFSM_WIRE_CHECKSUM;
    }
    out->src_port = get16(tcp);
    out->dst_port = get16(tcp + 2);
    out->reserved = tcp[12] & 0x0fu;
    out->text_at = (uint32_t)text_at;
    seg->seq = get32(tcp + 4);
    seg->ack = get32(tcp + 8);
    seg->flags = tcp[13];
    seg->wnd = get16(tcp + 14); /* RFC9293:MUST-1 */
    seg->up = get16(tcp + 18);
    seg->len = (uint32_t)(end - text_at) + controls(seg);
    bool legal =
        text_at == at + TCP_HEADER || parse_options(octets, at + TCP_HEADER, text_at, out, seg);
    return legal ? TFSM_WIRE_OK : TFSM_WIRE_OPTION;
}

enum tfsm_wire_result tfsm_parse_segment(const uint8_t *octets, size_t n,
                                         struct tfsm_packet *envelope, struct tfsm_segment *segment)
{
    size_t end = n;
    clear_segment(segment);
    enum tfsm_wire_result result = parse_ip(octets, 0, &end, PROTOCOL_TCP, false, envelope);
    segment->ecn = envelope->traffic_class & ECN_MASK; /* it belongs to the segment, too */
    return result == TFSM_WIRE_OK ? parse_tcp(octets, end, envelope, segment) : result;
}

enum tfsm_wire_result tfsm_parse(const uint8_t *octets, size_t n, struct tfsm_packet *out)
{
    return tfsm_parse_segment(octets, n, out, &out->segment);
}

/* An option of SACK without a block says nothing and would be illegal: it is left out. */
static bool has_sack(const struct tfsm_segment *seg)
{
    return bears(seg, TFSM_OPT_SACK) && seg->sacks > 0;
}

/* Without a SYN it would be ignored (RFC 7413 4.1.1): it is left out. */
static bool has_fast_open(const struct tfsm_segment *seg)
{
    return bears(seg, TFSM_OPT_FAST_OPEN) && (seg->flags & TFSM_SYN) != 0;
}

/* A user timeout of zero must not be sent (RFC5482:3.4a): it is left out. */
static bool has_user_timeout(const struct tfsm_segment *seg)
{
    return bears(seg, TFSM_OPT_USER_TIMEOUT) && (seg->user_timeout & TIMEOUT_MASK) != 0;
}

/* Octets of the options, padded to a word. Options are written without the customary NOPs, so
 * whatever came in one header goes out in one header: together they never get longer. */
size_t tfsm_options_length(const struct tfsm_segment *seg)
{
    const unsigned rare = TFSM_OPT_USER_TIMEOUT | TFSM_OPT_FAST_OPEN | TFSM_OPT_SACK;
    size_t n = (bears(seg, TFSM_OPT_MSS) ? 4u : 0u) + (bears(seg, TFSM_OPT_WSCALE) ? 3u : 0u) +
               (bears(seg, TFSM_OPT_SACK_PERMITTED) ? 2u : 0u) +
               (bears(seg, TFSM_OPT_TIMESTAMPS) ? 10u : 0u);
    if ((seg->options & rare) != 0) {
        n += has_user_timeout(seg) ? 4u : 0u;
        n += has_fast_open(seg) ? FAST_OPEN_REQUEST + seg->cookie_len : 0u;
        n += has_sack(seg) ? 2u + 8u * seg->sacks : 0u;
    }
    return (n + 3u) & ~(size_t)3;
}

/* Whether the options, of so many octets, fit together, and those that vary in length have one they may
 * have (RFC7413:4.1.1a). More SACK blocks than there are would not fit anyway: said here, it is plain
 * where it bounds an index. */
static bool can_put_options(const struct tfsm_segment *seg, size_t n)
{
    return (!has_sack(seg) || seg->sacks <= TFSM_SACK_MAX) &&
           (!has_fast_open(seg) || may_be_cookie(seg->cookie_len)) && n <= OPTIONS_MAX;
}

/* Write the options that only some segments have, at the end. */
static void put_rare_options(uint8_t *at, const struct tfsm_packet *packet)
{
    const struct tfsm_segment *seg = &packet->segment;
    if (has_user_timeout(seg)) {
        at[0] = KIND_USER_TIMEOUT; /* RFC5482:3.3b */
        at[1] = 4;
        put16(at + 2, seg->user_timeout);
        at += 4;
    }
    if (has_fast_open(seg)) {
        at[0] = KIND_FAST_OPEN;
        at[1] = (uint8_t)(FAST_OPEN_REQUEST + seg->cookie_len);
        copy_octets(at + 2, packet->cookie, seg->cookie_len);
        at += at[1];
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

/* Write the options in their canonical order, into n octets, which are more than none; what is left of the last word is
 * zero (RFC9293:MUST-69). */
static void put_options(uint8_t *at, const struct tfsm_packet *packet, size_t n)
{
    const struct tfsm_segment *seg = &packet->segment;
    put32(at + n - 4, 0);
    if (bears(seg, TFSM_OPT_MSS)) { /* RFC9293:MUST-14 */
        at[0] = KIND_MSS;
        at[1] = 4;
        put16(at + 2, seg->mss);
        at += 4;
    }
    if (bears(seg, TFSM_OPT_SACK_PERMITTED)) {
        at[0] = KIND_SACK_PERMITTED;
        at[1] = 2;
        at += 2;
    }
    if (bears(seg, TFSM_OPT_TIMESTAMPS)) {
        at[0] = KIND_TIMESTAMPS;
        at[1] = 10;
        put32(at + 2, seg->ts_val);
        put32(at + 6, seg->ts_ecr);
        at += 10;
    }
    if (bears(seg, TFSM_OPT_WSCALE)) {
        at[0] = KIND_WSCALE;
        at[1] = 3;
        at[2] = seg->wscale;
        at += 3;
    }
    put_rare_options(at, packet);
}

/* The embedder's six bits as they are (RFC9293:MUST-48, RFC9293:SHLD-22), and the connection's two
 * (RFC 3168 5). */
static uint8_t traffic_class(const struct tfsm_packet *packet)
{
    return (uint8_t)((packet->traffic_class & ~ECN_MASK) | (packet->segment.ecn & ECN_MASK));
}

/* Don't-fragment is set and the identification is zero, as RFC 6864 allows for packets that are
 * never fragmented: what is sent again has the identification it had (RFC9293:MAY-4).
 * [RFC3168:5.3a] */
static void put_ipv4(uint8_t *octets, const struct tfsm_packet *packet, size_t total)
{
    octets[0] = 0x45;
    octets[1] = traffic_class(packet);
    put16(octets + 2, (uint32_t)total);
    put32(octets + 4, IPV4_DONT_FRAGMENT);
    octets[8] = packet->hops; /* RFC9293:MUST-49 */
    octets[9] = PROTOCOL_TCP;
    put16(octets + 10, 0);
    copy_octets(octets + 12, packet->src.octets, 4);
    copy_octets(octets + 16, packet->dst.octets, 4);
    put_checksum(octets + 10, sum_header(0, octets));
}

static void put_ipv6(uint8_t *octets, const struct tfsm_packet *packet, size_t payload)
{
    put32(octets, 0x60000000u | ((uint32_t)traffic_class(packet) << 20));
    put16(octets + 4, (uint32_t)payload);
    octets[6] = PROTOCOL_TCP;
    octets[7] = packet->hops; /* RFC9293:MUST-49 */
    copy_octets(octets + 8, packet->src.octets, 16);
    copy_octets(octets + 24, packet->dst.octets, 16);
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
    put16(tcp + 16, 0);
    put16(tcp + 18, seg->up);
    if (header > TCP_HEADER) {
        put_options(tcp + TCP_HEADER, packet, header - TCP_HEADER);
    }
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
    size_t options = options_length(seg);
    if (!can_put_options(seg, options)) {
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
    if (family == 4) {
        put_ipv4(octets, packet, length);
    } else {
        put_ipv6(octets, packet, payload);
    }
    put_tcp(tcp, packet, tcp_header);
    copy_octets(tcp + tcp_header, text, text_length);
    /* RFC9293:MUST-2 */
    put_checksum(tcp + 16, sum_tcp(octets, ip_header, length));
    return length;
}

/* No packet here is longer than its length field can say, so an MTU beyond that counts as that: an
 * MSS of 65535 would mean jumbograms to the peer (RFC 2675 5.1). [RFC9293:3.7.1a] */
uint16_t tfsm_mss(uint32_t mtu, unsigned family)
{
    uint32_t headers = family == 4 ? HEADERS_V4 : HEADERS_V6;
    uint32_t most = family == 4 ? LENGTH_MAX : IPV6_HEADER + LENGTH_MAX;
    mtu = mtu < most ? mtu : most;
    return mtu > headers ? (uint16_t)(mtu - headers) : 1; /* RFC9293:MUST-67 */
}

static size_t address_octets(const struct tfsm_address *address)
{
    return address->family == 4 ? 4 : 16;
}

bool tfsm_address_is_unicast(const struct tfsm_address *address)
{
    uint8_t any = 0;
    uint8_t all = 0xff;
    size_t n = address_octets(address);
    for (size_t i = 0; i < n; i++) {
        any |= address->octets[i];
        all &= address->octets[i];
    }
    if (address->family == 4) {
        return address->octets[0] != 0 && all != 0xff && address->octets[0] >> 4 != 0xe;
    }
    return address->family == 6 && any != 0 && address->octets[0] != 0xff;
}

bool tfsm_address_is_loopback(const struct tfsm_address *address)
{
    uint8_t any = 0;
    if (address->family == 4) {
        return address->octets[0] == 127;
    }
    for (size_t i = 0; i < 15; i++) {
        any |= address->octets[i];
    }
    return address->family == 6 && any == 0 && address->octets[15] == 1;
}
