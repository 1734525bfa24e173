/* What fuzz_wire does with a packet. See packet_program.h. */
#include "packet_program.h"

#include <stdlib.h>
#include <string.h>

#include "repair.h"
#include "same.h"

#define TCP    6u
#define ICMP   1u
#define ICMPV6 58u

/* What is not given back when a property is broken is nobody's matter: that ends everything. */
#define NEED(holds, property)                                                                      \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            return (property);                                                                     \
        }                                                                                          \
    } while (0)

static uint8_t *block(size_t n)
{
    uint8_t *octets = malloc(n > 0 ? n : 1);
    if (octets == NULL) {
        abort();
    }
    return octets;
}

/* All but text_at: options are normalised, so the text may have moved. */
static bool same_packet(const struct tfsm_packet *a, const struct tfsm_packet *b)
{
    return a->src.family == b->src.family && a->dst.family == b->dst.family &&
           memcmp(a->src.octets, b->src.octets, sizeof a->src.octets) == 0 &&
           memcmp(a->dst.octets, b->dst.octets, sizeof a->dst.octets) == 0 &&
           a->src_port == b->src_port && a->dst_port == b->dst_port && a->hops == b->hops &&
           a->traffic_class == b->traffic_class && a->reserved == b->reserved &&
           memcmp(a->cookie, b->cookie, sizeof a->cookie) == 0 &&
           same_segment(&a->segment, &b->segment);
}

/* What every parsed packet promises, whoever sent it. */
static const char *check_parsed(const struct tfsm_packet *p, size_t n)
{
    const struct tfsm_segment *seg = &p->segment;
    uint32_t text = seg->len;
    text -= (seg->flags & TFSM_SYN) != 0 ? 1u : 0u;
    text -= (seg->flags & TFSM_FIN) != 0 ? 1u : 0u;
    NEED(p->text_at <= n && text <= n - p->text_at, "the text lies in the packet");
    NEED(p->src.family == p->dst.family, "both addresses are of one family");
    NEED(p->reserved <= 15, "there are four reserved bits");
    NEED(seg->wscale <= 14, "a shift is at most 14 (RFC7323:2.3g)");
    NEED(seg->sacks <= TFSM_SACK_MAX, "no more SACK blocks than there is room for");
    NEED((seg->sacks > 0) == ((seg->options & TFSM_OPT_SACK) != 0), "SACK has blocks");
    NEED(seg->ecn == (p->traffic_class & 3u), "the ECN field is in the traffic class");
    bool timed = (seg->options & TFSM_OPT_USER_TIMEOUT) != 0;
    NEED(timed == ((seg->user_timeout & 0x7fffu) != 0), "no reserved timeout (RFC5482:3.4b)");
    bool open = (seg->options & TFSM_OPT_FAST_OPEN) != 0;
    NEED(!open || (seg->flags & TFSM_SYN) != 0, "Fast Open comes with a SYN (RFC7413:4.1.1b)");
    NEED(open || seg->cookie_len == 0, "no cookie without its option");
    NEED(seg->cookie_len % 2 == 0 && seg->cookie_len != 2 && seg->cookie_len <= TFSM_COOKIE_MAX,
         "a cookie has 4 to 16 octets, an even number (RFC7413:4.1.1a)");
    for (size_t i = seg->cookie_len; i < TFSM_COOKIE_MAX; i++) {
        NEED(p->cookie[i] == 0, "nothing behind the cookie");
    }
    return NULL;
}

static const char *check_round_trip(const uint8_t *octets, size_t n,
                                    const struct tfsm_packet *first)
{
    struct tfsm_packet second;
    struct tfsm_packet third;
    const uint8_t *text = octets + first->text_at;
    uint8_t *out = block(n);
    memset(out, 0xa5, n);
    size_t written = tfsm_write(first, text, out, n);
    NEED(written > 0, "what was parsed can be written, and never gets longer");
    uint8_t *exact = block(written);
    memcpy(exact, out, written);
    free(out);
    NEED(tfsm_parse(exact, written, &second) == TFSM_WIRE_OK, "what was written can be parsed");
    NEED(same_packet(first, &second), "parse, write, parse is parse");
    size_t left = written - second.text_at;
    NEED(memcmp(text, exact + second.text_at, left) == 0, "the text survives");
    out = block(written);
    NEED(tfsm_write(&second, exact + second.text_at, out, written - 1) == 0,
         "no room is no packet");
    NEED(tfsm_write(&second, exact + second.text_at, out, written) == written,
         "same length when written again");
    NEED(memcmp(out, exact, written) == 0, "same octets when written again");
    NEED(tfsm_parse(out, written, &third) == TFSM_WIRE_OK && third.text_at == second.text_at,
         "the text stays where it is");
    free(out);
    free(exact);
    return NULL;
}

/* Where n octets of options can be read to their end, whatever their kinds. */
static bool options_end(const uint8_t *options, size_t n)
{
    size_t at = 0;
    for (size_t turn = 0; turn < n && at < n && options[at] != 0; turn++) {
        size_t length = options[at] == 1 ? 1 : at + 1 < n ? options[at + 1] : 0;
        if (length > n - at || length < (options[at] == 1 ? 1u : 2u)) {
            return false;
        }
        at += length;
    }
    return true;
}

/* Only an option that does not say where the next one starts is illegal (RFC9293:MUST-7). Behind
 * extension headers the TCP header is not looked for. */
static const char *check_options(const uint8_t *octets, const struct tfsm_packet *p, bool legal)
{
    bool v4 = octets[0] >> 4 == 4;
    size_t at = v4 ? (octets[0] & 0x0fu) * 4u : 40;
    if (v4 || octets[6] == TCP) {
        NEED(options_end(octets + at + 20, p->text_at - at - 20) == legal,
             "an option is illegal by its length alone");
    }
    return NULL;
}

static bool same_address(const struct tfsm_address *a, const struct tfsm_address *b)
{
    return a->family == b->family && memcmp(a->octets, b->octets, sizeof a->octets) == 0;
}

/* All of it but the meaning and the MSS, which belong to the message and not to the packet quoted.
 */
static bool same_quoted(const struct tfsm_icmp_message *a, const struct tfsm_icmp_message *b)
{
    return same_address(&a->local, &b->local) && same_address(&a->remote, &b->remote) &&
           a->local_port == b->local_port && a->remote_port == b->remote_port && a->seq == b->seq;
}

/* Parse as ICMP, twice into what was not the same before. */
static const char *parse_icmp(const uint8_t *octets, size_t n, struct tfsm_icmp_message *out,
                              bool *is_error)
{
    struct tfsm_icmp_message again;
    memset(out, 0xa5, sizeof *out);
    memset(&again, 0x5a, sizeof again);
    enum tfsm_wire_result result = tfsm_parse_icmp(octets, n, out);
    NEED(tfsm_parse_icmp(octets, n, &again) == result, "the same answer twice");
    NEED(result < TFSM_WIRE_OPTION, "the answer is one of those there are for ICMP");
    *is_error = result == TFSM_WIRE_OK;
    if (!*is_error) {
        return NULL;
    }
    NEED(same_quoted(out, &again) && out->meaning == again.meaning && out->mss == again.mss,
         "the same message twice");
    uint8_t family = out->local.family;
    NEED(family == octets[0] >> 4 && out->remote.family == family, "the families agree");
    NEED(out->meaning < TFSM_ICMPS, "the meaning is one of those there are");
    NEED(out->mss == 0 || out->meaning == TFSM_ICMP_TOO_BIG, "only too big tells an MSS");
    NEED(out->mss == 0 ? out->meaning != TFSM_ICMP_TOO_BIG || family == 4
                       : out->mss >= (family == 4 ? 28 : 1220),
         "no MTU below what every path takes (RFC5927:7)");
    return NULL;
}

/* An ICMP error around the first n octets of a packet, in a block of its own. Only what a parser
 * looks at is filled in. */
static uint8_t *quote(const uint8_t *packet, size_t n, unsigned type, unsigned code, size_t *length)
{
    bool v4 = packet[0] >> 4 == 4;
    size_t at = v4 ? 20 : 40;
    *length = at + 8 + n;
    uint8_t *out = block(*length);
    memset(out, 0, at + 8);
    out[0] = v4 ? 0x45 : 0x60;
    out[v4 ? 9 : 6] = v4 ? ICMP : ICMPV6;
    memcpy(out + (v4 ? 16 : 24), packet + (v4 ? 12 : 8), v4 ? 4 : 16); /* back to its source */
    out[at] = (uint8_t)type;
    out[at + 1] = (uint8_t)code;
    memcpy(out + at + 8, packet, n);
    packet_repair(out, *length, true);
    return out;
}

/* Whether an error that quotes the first n octets is taken. */
static const char *parse_quote(const uint8_t *octets, size_t n, unsigned type, unsigned code,
                               struct tfsm_icmp_message *out, bool *taken)
{
    size_t length = 0;
    uint8_t *error = quote(octets, n, type, code, &length);
    const char *broken = parse_icmp(error, length, out, taken);
    free(error);
    return broken;
}

/* An error about what was parsed tells whose it is, down to SEG.SEQ (RFC5927:3), and one octet less
 * is too little. */
static const char *check_quoted(const uint8_t *octets, size_t n, const struct tfsm_packet *p,
                                unsigned code)
{
    struct tfsm_icmp_message all;
    struct tfsm_icmp_message least;
    unsigned family = p->src.family;
    unsigned type = family == 4 ? 3 : 1;
    bool taken = false;
    const char *broken = parse_quote(octets, n, type, code, &all, &taken);
    NEED(broken == NULL, broken);
    NEED(taken, "what can be parsed can be quoted");
    NEED(all.meaning == tfsm_icmp_meaning(family, type, code), "one meaning for type and code");
    NEED(same_address(&all.local, &p->src) && all.local_port == p->src_port &&
             same_address(&all.remote, &p->dst) && all.remote_port == p->dst_port &&
             all.seq == p->segment.seq,
         "an ICMP error names the segment it quotes (RFC9293:MUST-54)");
    size_t at = family == 4 ? (octets[0] & 0x0fu) * 4u : 40;
    if (family == 4 || octets[6] == TCP) { /* else there are extension headers */
        broken = parse_quote(octets, at + 8, type, code, &least, &taken);
        NEED(broken == NULL, broken);
        NEED(taken, "eight octets are enough");
        NEED(same_quoted(&all, &least), "less quoted is the same segment");
        broken = parse_quote(octets, at + 7, type, code, &least, &taken);
        NEED(broken == NULL, broken);
        NEED(!taken, "seven octets are too few");
    }
    return NULL;
}

static const char *check(const uint8_t *octets, size_t n, unsigned code,
                         struct packet_result *result)
{
    const struct tfsm_packet *packet = &result->packet;
    const char *broken = NULL;
    memset(&result->packet, 0xa5, sizeof result->packet);
    result->parsed = tfsm_parse(octets, n, &result->packet);
    NEED(result->parsed < TFSM_WIRE_RESULTS, "the answer is one of those there are");
    if (result->parsed == TFSM_WIRE_OK || result->parsed == TFSM_WIRE_OPTION) {
        broken = check_parsed(packet, n);
        NEED(broken == NULL, broken);
        broken = check_options(octets, packet, result->parsed == TFSM_WIRE_OK);
        NEED(broken == NULL, broken);
        broken = check_round_trip(octets, n, packet);
        NEED(broken == NULL, broken);
        broken = check_quoted(octets, n, packet, code);
        NEED(broken == NULL, broken);
    }
    broken = parse_icmp(octets, n, &result->message, &result->is_error);
    NEED(broken == NULL, broken);
    NEED(!result->is_error || result->parsed == TFSM_WIRE_PROTOCOL, "no packet is TCP and ICMP");
    return NULL;
}

void packet_run(const uint8_t *data, size_t size, struct packet_result *result)
{
    unsigned how = size > 0 ? data[0] : 0;
    size_t n = size > 0 ? (size < WIRE_INPUT_MAX ? size : WIRE_INPUT_MAX) - 1 : 0;
    uint8_t *octets = block(n);
    *result = (struct packet_result){.size = n};
    if (n > 0) {
        memcpy(octets, data + 1, n);
    }
    if ((how & WIRE_REPAIR_CHECKSUMS) != 0) {
        packet_repair(octets, n, (how & WIRE_REPAIR_LENGTHS) != 0);
    }
    memcpy(result->octets, octets, n);
    result->broken = check(octets, n, how >> WIRE_CODE_SHIFT, result);
    free(octets);
}
