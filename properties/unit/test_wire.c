/* Unit tests of the header codec: three packets whose octets were put together by hand, every answer
 * tfsm_parse() can give, every way an option can be wrong, and every reason for tfsm_write() to
 * refuse. Packets that a test bends are sealed again with checksums computed here, in another way
 * than the codec does it. Parsing always happens in a heap block of the exact size, so that
 * AddressSanitizer sees an octet read too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tfsm.h"

/* The codec's, for the engine. */
size_t tfsm_options_length(const struct tfsm_segment *seg);

/* <SYN> from 192.0.2.1:49152 to 198.51.100.2:80 with MSS 1460, SACK-permitted, timestamps and a
 * shift of 7. */
static const uint8_t golden_v4[] = {
    0x45, 0x12, 0x00, 0x3c, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x4e, 0x73, 0xc0, 0x00, 0x02,
    0x01, 0xc6, 0x33, 0x64, 0x02, 0xc0, 0x00, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04, 0x00, 0x00,
    0x00, 0x00, 0xa0, 0xc2, 0xfa, 0xf0, 0x84, 0x73, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4, 0x04,
    0x02, 0x08, 0x0a, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x03, 0x03, 0x07, 0x00,
};

/* <FIN,PSH,ACK,URG> with five octets of text, two SACK blocks and reserved bits, from 2001:db8::1
 * port 443. */
static const uint8_t golden_v6[] = {
    0x6a, 0x50, 0x00, 0x00, 0x00, 0x35, 0x06, 0xff, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x01, 0x00, 0x02,
    0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00, 0x06, 0x01, 0xbb, 0xc3, 0x50, 0xff, 0xff, 0xff, 0xfe,
    0x80, 0x00, 0x00, 0x01, 0xc5, 0x39, 0x00, 0x01, 0x7a, 0xb6, 0x00, 0x03, 0x08, 0x0a, 0xde, 0xad,
    0xbe, 0xef, 0x00, 0xc0, 0xff, 0xee, 0x05, 0x12, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x20, 0x00,
    0xff, 0xff, 0xff, 0xf0, 0x00, 0x00, 0x00, 0x10, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
};

/* <SYN> with five octets of text in a packet marked CE: a user timeout of five minutes and a Fast
 * Open cookie of eight octets besides the customary options. */
static const uint8_t golden_fast_open[] = {
    0x45, 0x2b, 0x00, 0x51, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x4e, 0x45, 0xc0, 0x00,
    0x02, 0x01, 0xc6, 0x33, 0x64, 0x02, 0xc0, 0x00, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04,
    0x00, 0x00, 0x00, 0x00, 0xe0, 0x02, 0xfa, 0xf0, 0xe8, 0xfd, 0x00, 0x00, 0x02, 0x04,
    0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
    0x03, 0x03, 0x07, 0x1c, 0x04, 0x80, 0x05, 0x22, 0x0a, 0xc0, 0x0c, 0x1e, 0x01, 0x02,
    0x03, 0x04, 0x05, 0x00, 0x00, 0x00, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
};

static const uint8_t hello[] = {'h', 'e', 'l', 'l', 'o'};

static struct tfsm_packet golden_v4_packet(void)
{
    return (struct tfsm_packet){
        .src = {4, {192, 0, 2, 1}},
        .dst = {4, {198, 51, 100, 2}},
        .src_port = 49152,
        .dst_port = 80,
        .hops = 64,
        .traffic_class = 0x12,
        .text_at = 60,
        .segment = {.seq = 0x01020304,
                    .len = 1,
                    .wnd = 64240,
                    .flags = TFSM_SYN | TFSM_ECE | TFSM_CWR,
                    .options = TFSM_OPT_MSS | TFSM_OPT_WSCALE | TFSM_OPT_TIMESTAMPS |
                               TFSM_OPT_SACK_PERMITTED,
                    .wscale = 7,
                    .ecn = TFSM_ECT_0,
                    .mss = 1460,
                    .ts_val = 0x11223344,
                    .ts_ecr = 0x55667788},
    };
}

static struct tfsm_packet golden_v6_packet(void)
{
    return (struct tfsm_packet){
        .src = {6, {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        .dst = {6, {0x20, 1, 0x0d, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6}},
        .src_port = 443,
        .dst_port = 50000,
        .hops = 255,
        .traffic_class = 0xa5,
        .reserved = 5,
        .text_at = 88,
        .segment = {.seq = 0xfffffffe,
                    .ack = 0x80000001,
                    .len = 6,
                    .wnd = 1,
                    .up = 3,
                    .flags = TFSM_FIN | TFSM_PSH | TFSM_ACK | TFSM_URG,
                    .options = TFSM_OPT_TIMESTAMPS | TFSM_OPT_SACK,
                    .ecn = TFSM_ECT_1,
                    .sacks = 2,
                    .ts_val = 0xdeadbeef,
                    .ts_ecr = 0x00c0ffee,
                    .sack = {{0x1000, 0x2000}, {0xfffffff0, 0x10}}},
    };
}

static struct tfsm_packet golden_fast_open_packet(void)
{
    struct tfsm_packet packet = golden_v4_packet();
    packet.traffic_class = 0x2b;
    packet.text_at = 76;
    static const uint8_t cookie[] = {0xc0, 0x0c, 0x1e, 1, 2, 3, 4, 5};
    memcpy(packet.cookie, cookie, sizeof cookie);
    packet.segment.len = 6;
    packet.segment.flags = TFSM_SYN;
    packet.segment.options |= TFSM_OPT_USER_TIMEOUT | TFSM_OPT_FAST_OPEN;
    packet.segment.ecn = TFSM_CE;
    packet.segment.cookie_len = sizeof cookie;
    packet.segment.user_timeout = 0x8005;
    packet.segment.ts_val = 1;
    packet.segment.ts_ecr = 0;
    return packet;
}

static void assert_same_segment(const struct tfsm_segment *a, const struct tfsm_segment *b)
{
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->ack, b->ack);
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->wnd, b->wnd);
    assert_int_equal(a->up, b->up);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->security, b->security);
    assert_int_equal(a->options, b->options);
    assert_int_equal(a->wscale, b->wscale);
    assert_int_equal(a->ecn, b->ecn);
    assert_int_equal(a->cookie_len, b->cookie_len);
    assert_int_equal(a->user_timeout, b->user_timeout);
    assert_int_equal(a->mss, b->mss);
    assert_int_equal(a->sacks, b->sacks);
    assert_int_equal(a->ts_val, b->ts_val);
    assert_int_equal(a->ts_ecr, b->ts_ecr);
    for (size_t i = 0; i < TFSM_SACK_MAX; i++) {
        assert_int_equal(a->sack[i].left, b->sack[i].left);
        assert_int_equal(a->sack[i].right, b->sack[i].right);
    }
    assert_true(a->text_offset == b->text_offset);
    assert_int_equal(a->rule, b->rule);
}

static void assert_same_packet(const struct tfsm_packet *a, const struct tfsm_packet *b)
{
    assert_int_equal(a->src.family, b->src.family);
    assert_int_equal(a->dst.family, b->dst.family);
    assert_memory_equal(a->src.octets, b->src.octets, sizeof a->src.octets);
    assert_memory_equal(a->dst.octets, b->dst.octets, sizeof a->dst.octets);
    assert_int_equal(a->src_port, b->src_port);
    assert_int_equal(a->dst_port, b->dst_port);
    assert_int_equal(a->hops, b->hops);
    assert_int_equal(a->traffic_class, b->traffic_class);
    assert_int_equal(a->reserved, b->reserved);
    assert_int_equal(a->text_at, b->text_at);
    assert_memory_equal(a->cookie, b->cookie, sizeof a->cookie);
    assert_same_segment(&a->segment, &b->segment);
}

/* Parse in a block of exactly n octets. *out starts as garbage: the parser has to write all of it.
 */
static enum tfsm_wire_result parse_exact(const uint8_t *octets, size_t n, struct tfsm_packet *out)
{
    uint8_t *block = malloc(n == 0 ? 1 : n);
    assert_non_null(block);
    memcpy(block, octets, n);
    memset(out, 0xa5, sizeof *out);
    enum tfsm_wire_result result = tfsm_parse(n == 0 ? block + 1 : block, n, out);
    free(block);
    return result;
}

static void assert_parses_as(enum tfsm_wire_result wanted, const uint8_t *octets, size_t n)
{
    struct tfsm_packet out;
    assert_int_equal(parse_exact(octets, n, &out), wanted);
}

/* An Internet checksum octet by octet, folded at every step. */
static unsigned checksum(unsigned sum, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 == 0 ? octets[i] * 256u : octets[i];
        sum = sum > 0xffff ? sum - 0xffff : sum;
    }
    return sum;
}

static void set16(uint8_t *octets, unsigned value)
{
    octets[0] = (uint8_t)(value / 256 % 256);
    octets[1] = (uint8_t)(value % 256);
}

/* Make length and checksums of a packet right again; its TCP header is at `at`. */
static void seal(uint8_t *octets, size_t at, size_t n)
{
    unsigned sum = checksum(0, (const uint8_t[]){0, 6}, 2);
    uint8_t length[2];
    set16(length, (unsigned)(n - at));
    sum = checksum(sum, length, 2);
    if (octets[0] >> 4 == 4) {
        set16(octets + 2, (unsigned)n);
        set16(octets + 10, 0);
        set16(octets + 10, 0xffff - checksum(0, octets, (octets[0] & 0x0fu) * 4u));
        sum = checksum(sum, octets + 12, 8);
    } else {
        set16(octets + 4, (unsigned)(n - 40));
        sum = checksum(sum, octets + 8, 32);
    }
    set16(octets + at + 16, 0);
    set16(octets + at + 16, 0xffff - checksum(sum, octets + at, n - at));
}

/* A sealed IPv4 packet whose TCP header ends in these octets of options, a multiple of four. */
struct bent {
    uint8_t octets[128];
    size_t n;
};

static struct bent with_flags(unsigned flags, const uint8_t *options, size_t n)
{
    struct bent bent = {.n = 40 + n};
    assert_true(n % 4 == 0 && n <= 40);
    memcpy(bent.octets, golden_v4, 40);
    bent.octets[32] = (uint8_t)((5 + n / 4) << 4);
    bent.octets[33] = (uint8_t)flags;
    if (n > 0) {
        memcpy(bent.octets + 40, options, n);
    }
    seal(bent.octets, 20, bent.n);
    return bent;
}

static struct bent with_options(const uint8_t *options, size_t n)
{
    return with_flags(TFSM_ACK, options, n);
}

static enum tfsm_wire_result parse_flags(unsigned flags, const uint8_t *options, size_t n,
                                         struct tfsm_packet *out)
{
    struct bent bent = with_flags(flags, options, n);
    enum tfsm_wire_result result = parse_exact(bent.octets, bent.n, out);
    assert_int_equal(out->text_at, 40 + n);
    return result;
}

static enum tfsm_wire_result parse_options(const uint8_t *options, size_t n,
                                           struct tfsm_segment *seg)
{
    struct tfsm_packet out;
    enum tfsm_wire_result result = parse_flags(TFSM_ACK, options, n, &out);
    *seg = out.segment;
    return result;
}

/* ---- packets by hand ---- */

/* RFC2018:2b, RFC9293:3.1b */
static void test_parse_golden_v4(void **state)
{
    (void)state;
    struct tfsm_packet out;
    struct tfsm_packet wanted = golden_v4_packet();
    assert_int_equal(parse_exact(golden_v4, sizeof golden_v4, &out), TFSM_WIRE_OK);
    assert_same_packet(&out, &wanted);
}

/* RFC2018:3b, RFC9293:3.1b */
static void test_parse_golden_v6(void **state)
{
    (void)state;
    struct tfsm_packet out;
    struct tfsm_packet wanted = golden_v6_packet();
    assert_int_equal(parse_exact(golden_v6, sizeof golden_v6, &out), TFSM_WIRE_OK);
    assert_same_packet(&out, &wanted);
    assert_memory_equal(golden_v6 + out.text_at, hello, sizeof hello);
}

/* RFC7413:9 */
static void test_parse_golden_fast_open(void **state)
{
    (void)state;
    struct tfsm_packet out;
    struct tfsm_packet wanted = golden_fast_open_packet();
    assert_int_equal(parse_exact(golden_fast_open, sizeof golden_fast_open, &out), TFSM_WIRE_OK);
    assert_same_packet(&out, &wanted);
    assert_memory_equal(golden_fast_open + out.text_at, hello, sizeof hello);
}

/* Padded with a zero (RFC9293:MUST-69); the identification is zero, whatever is sent and however
 * often (RFC9293:MAY-4). [RFC3168:5.3a; RFC2018:2b] */
static void test_write_golden_v4(void **state)
{
    (void)state;
    uint8_t octets[sizeof golden_v4];
    struct tfsm_packet packet = golden_v4_packet();
    memset(octets, 0xff, sizeof octets);
    assert_int_equal(tfsm_write(&packet, NULL, octets, sizeof octets), sizeof golden_v4);
    assert_memory_equal(octets, golden_v4, sizeof golden_v4);
}

/* RFC2018:3b, RFC9293:3.1b */
static void test_write_golden_v6(void **state)
{
    (void)state;
    uint8_t octets[sizeof golden_v6];
    struct tfsm_packet packet = golden_v6_packet();
    memset(octets, 0xff, sizeof octets);
    assert_int_equal(tfsm_write(&packet, hello, octets, sizeof octets), sizeof golden_v6);
    assert_memory_equal(octets, golden_v6, sizeof golden_v6);
}

/* RFC9293:MUST-14, RFC5482:3.3b, RFC7413:9 */
static void test_write_golden_fast_open(void **state)
{
    (void)state;
    uint8_t octets[sizeof golden_fast_open];
    struct tfsm_packet packet = golden_fast_open_packet();
    memset(octets, 0xff, sizeof octets);
    assert_int_equal(tfsm_write(&packet, hello, octets, sizeof octets), sizeof octets);
    assert_memory_equal(octets, golden_fast_open, sizeof octets);
}

static void test_parse_length_counts_syn_fin_and_text(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        for (size_t text = 0; text < 3; text++) {
            struct tfsm_packet out;
            struct bent bent = with_options(NULL, 0);
            bent.octets[33] = (uint8_t)flags;
            bent.n += text;
            seal(bent.octets, 20, bent.n);
            assert_int_equal(parse_exact(bent.octets, bent.n, &out), TFSM_WIRE_OK);
            assert_int_equal(out.segment.flags, flags);
            assert_int_equal(out.segment.len, text + (flags & 1) + (flags >> 1 & 1));
            assert_int_equal(out.text_at, 40);
        }
    }
}

/* RFC9293:3.1a */
static void test_parse_reserved_bits_are_kept(void **state)
{
    (void)state;
    for (unsigned reserved = 0; reserved < 16; reserved++) {
        struct tfsm_packet out;
        struct bent bent = with_options(NULL, 0);
        bent.octets[32] |= (uint8_t)reserved;
        seal(bent.octets, 20, bent.n);
        assert_int_equal(parse_exact(bent.octets, bent.n, &out), TFSM_WIRE_OK);
        assert_int_equal(out.reserved, reserved);
    }
}

/* ---- what is not a segment ---- */

static void test_parse_every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof golden_v4; n++) {
        assert_parses_as(n < 20 ? TFSM_WIRE_SHORT : TFSM_WIRE_IP_HEADER, golden_v4, n);
    }
    for (size_t n = 0; n < sizeof golden_v6; n++) {
        assert_parses_as(n < 40 ? TFSM_WIRE_SHORT : TFSM_WIRE_IP_HEADER, golden_v6, n);
    }
}

static void test_parse_ip_length_that_cuts_the_tcp_header(void **state)
{
    (void)state;
    for (size_t n = 20; n < 40; n++) {
        uint8_t octets[60];
        memcpy(octets, golden_v4, 60);
        set16(octets + 2, (unsigned)n);
        set16(octets + 10, 0);
        set16(octets + 10, 0xffff - checksum(0, octets, 20));
        assert_parses_as(TFSM_WIRE_SHORT, octets, n);
        assert_parses_as(TFSM_WIRE_SHORT, octets, 60);
    }
    for (unsigned payload = 0; payload < 20; payload++) {
        uint8_t octets[sizeof golden_v6];
        memcpy(octets, golden_v6, sizeof octets);
        set16(octets + 4, payload);
        assert_parses_as(TFSM_WIRE_SHORT, octets, sizeof octets);
    }
}

static void test_parse_version(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 16; version++) {
        uint8_t octets[sizeof golden_v6];
        memcpy(octets, golden_v6, sizeof octets);
        octets[0] = (uint8_t)(version << 4 | 5);
        if (version != 4 && version != 6) {
            assert_parses_as(TFSM_WIRE_VERSION, octets, sizeof octets);
            assert_parses_as(TFSM_WIRE_VERSION, octets, 1);
        }
    }
}

static void test_parse_v4_header_length(void **state)
{
    (void)state;
    for (unsigned words = 0; words < 5; words++) {
        struct bent bent = with_options(NULL, 0);
        bent.octets[0] = (uint8_t)(0x40 | words);
        set16(bent.octets + 10, 0);
        set16(bent.octets + 10, 0xffff - checksum(0, bent.octets, words * 4));
        assert_parses_as(TFSM_WIRE_IP_HEADER, bent.octets, bent.n);
    }
    struct bent bent = with_options(NULL, 0);
    bent.octets[0] = 0x4f;
    assert_parses_as(TFSM_WIRE_SHORT, bent.octets, bent.n);
}

static void test_parse_v4_total_length(void **state)
{
    (void)state;
    static const unsigned wrong[] = {0, 1, 19, 41, 65535};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct bent bent = with_options(NULL, 0);
        set16(bent.octets + 2, wrong[i]);
        set16(bent.octets + 10, 0);
        set16(bent.octets + 10, 0xffff - checksum(0, bent.octets, 20));
        assert_parses_as(TFSM_WIRE_IP_HEADER, bent.octets, bent.n);
    }
}

static void test_parse_v4_header_checksum(void **state)
{
    (void)state;
    for (size_t bit = 8; bit < 20 * 8; bit++) { /* the first octet says how long the header is */
        uint8_t octets[sizeof golden_v4];
        memcpy(octets, golden_v4, sizeof octets);
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_parses_as(TFSM_WIRE_IP_HEADER, octets, sizeof octets);
    }
}

static void test_parse_v6_payload_length(void **state)
{
    (void)state;
    uint8_t octets[sizeof golden_v6];
    memcpy(octets, golden_v6, sizeof octets);
    set16(octets + 4, sizeof octets - 40 + 1);
    assert_parses_as(TFSM_WIRE_IP_HEADER, octets, sizeof octets);
    set16(octets + 4, 65535);
    assert_parses_as(TFSM_WIRE_IP_HEADER, octets, sizeof octets);
}

static void test_parse_v4_fragment(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 16; bit++) {
        struct bent bent = with_options(NULL, 0);
        set16(bent.octets + 6, 1u << bit);
        seal(bent.octets, 20, bent.n);
        assert_parses_as(bit < 14 ? TFSM_WIRE_FRAGMENT : TFSM_WIRE_OK, bent.octets, bent.n);
    }
}

static void test_parse_v4_protocol(void **state)
{
    (void)state;
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        struct bent bent = with_options(NULL, 0);
        bent.octets[9] = (uint8_t)protocol;
        seal(bent.octets, 20, bent.n);
        assert_parses_as(protocol == 6 ? TFSM_WIRE_OK : TFSM_WIRE_PROTOCOL, bent.octets, bent.n);
    }
}

/* RFC9293:MUST-50 */
static void test_parse_v4_options_are_skipped(void **state)
{
    (void)state;
    for (size_t words = 1; words <= 10; words++) {
        uint8_t octets[sizeof golden_v4 + 40];
        struct tfsm_packet out;
        struct tfsm_packet wanted = golden_v4_packet();
        memcpy(octets, golden_v4, 20);
        memset(octets + 20, 0x07, words * 4);
        memcpy(octets + 20 + words * 4, golden_v4 + 20, 40);
        octets[0] = (uint8_t)(0x45 + words);
        seal(octets, 20 + words * 4, sizeof golden_v4 + words * 4);
        assert_int_equal(parse_exact(octets, sizeof golden_v4 + words * 4, &out), TFSM_WIRE_OK);
        wanted.text_at += (uint32_t)(words * 4);
        assert_same_packet(&out, &wanted);
    }
}

/* ---- IPv6 extension headers ---- */

/* The golden packet with extension headers of 8 octets between its IPv6 and its TCP header; the
 * last next header value is what the TCP header is called. */
struct chain {
    uint8_t octets[sizeof golden_v6 + 16 * 8];
    size_t at;
    size_t n;
};

static struct chain with_chain(const uint8_t *next, size_t count, uint8_t last)
{
    struct chain chain = {.at = 40 + 8 * count, .n = sizeof golden_v6 + 8 * count};
    assert_true(count <= 16);
    memcpy(chain.octets, golden_v6, 40);
    chain.octets[6] = count == 0 ? last : next[0];
    for (size_t i = 0; i < count; i++) {
        chain.octets[40 + 8 * i] = i + 1 == count ? last : next[i + 1];
    }
    memcpy(chain.octets + chain.at, golden_v6 + 40, sizeof golden_v6 - 40);
    seal(chain.octets, chain.at, chain.n);
    return chain;
}

static void test_parse_v6_extensions_are_skipped(void **state)
{
    (void)state;
    static const uint8_t next[] = {0, 60, 43, 60, 43, 43, 60, 60};
    for (size_t count = 0; count <= sizeof next; count++) {
        struct tfsm_packet out;
        struct tfsm_packet wanted = golden_v6_packet();
        struct chain chain = with_chain(next, count, 6);
        assert_int_equal(parse_exact(chain.octets, chain.n, &out), TFSM_WIRE_OK);
        wanted.text_at += (uint32_t)(8 * count);
        assert_same_packet(&out, &wanted);
    }
}

static void test_parse_v6_long_extension_is_skipped(void **state)
{
    (void)state;
    static const uint8_t next[] = {60, 60, 60};
    struct tfsm_packet out;
    struct tfsm_packet wanted = golden_v6_packet();
    struct chain chain = with_chain(next, 3, 6);
    chain.octets[40] = 6; /* one header of 24 octets instead of three of 8 */
    chain.octets[41] = 2;
    assert_int_equal(parse_exact(chain.octets, chain.n, &out), TFSM_WIRE_OK);
    wanted.text_at += 24;
    assert_same_packet(&out, &wanted);
}

static void test_parse_v6_extension_beyond_the_end(void **state)
{
    (void)state;
    static const uint8_t next[] = {60};
    struct chain chain = with_chain(next, 1, 6);
    for (unsigned length = 0; length < 256; length++) {
        struct tfsm_packet out;
        chain.octets[41] = (uint8_t)length;
        enum tfsm_wire_result result = parse_exact(chain.octets, chain.n, &out);
        if ((length + 1) * 8 + 20 > chain.n - 40) {
            assert_int_equal(result, TFSM_WIRE_SHORT);
        } else {
            assert_int_not_equal(result, TFSM_WIRE_SHORT);
        }
    }
    for (unsigned payload = 0; payload < 8; payload++) {
        set16(chain.octets + 4, payload);
        assert_parses_as(TFSM_WIRE_SHORT, chain.octets, 40 + payload);
    }
}

static void test_parse_v6_chain_is_bounded(void **state)
{
    (void)state;
    static const uint8_t next[] = {60, 60, 60, 60, 60, 60, 60, 60, 60, 60};
    struct chain eight = with_chain(next, 8, 6);
    struct chain nine = with_chain(next, 9, 6);
    assert_parses_as(TFSM_WIRE_OK, eight.octets, eight.n);
    assert_parses_as(TFSM_WIRE_PROTOCOL, nine.octets, nine.n);
}

static void test_parse_v6_hop_by_hop_comes_first_or_not_at_all(void **state)
{
    (void)state;
    static const uint8_t first[] = {0, 60};
    static const uint8_t second[] = {60, 0};
    struct chain good = with_chain(first, 2, 6);
    struct chain bad = with_chain(second, 2, 6);
    assert_parses_as(TFSM_WIRE_OK, good.octets, good.n);
    assert_parses_as(TFSM_WIRE_PROTOCOL, bad.octets, bad.n);
}

static void test_parse_v6_routing_with_hops_to_go(void **state)
{
    (void)state;
    static const uint8_t next[] = {43};
    struct chain chain = with_chain(next, 1, 6);
    chain.octets[43] = 1; /* segments left */
    assert_parses_as(TFSM_WIRE_PROTOCOL, chain.octets, chain.n);
}

static void test_parse_v6_fragment(void **state)
{
    (void)state;
    static const uint8_t next[] = {60, 44};
    struct chain atomic = with_chain(next + 1, 1, 6);
    struct chain later = with_chain(next, 2, 6);
    assert_parses_as(TFSM_WIRE_FRAGMENT, atomic.octets, atomic.n);
    assert_parses_as(TFSM_WIRE_FRAGMENT, later.octets, later.n);
}

static void test_parse_v6_protocol(void **state)
{
    (void)state;
    static const uint8_t next[] = {60};
    for (unsigned last = 0; last < 256; last++) {
        struct chain chain = with_chain(next, 1, (uint8_t)last);
        if (last != 6 && last != 43 && last != 44 && last != 60) {
            assert_parses_as(TFSM_WIRE_PROTOCOL, chain.octets, chain.n);
        }
    }
}

/* ---- the TCP header ---- */

static void test_parse_data_offset(void **state)
{
    (void)state;
    for (unsigned words = 0; words < 16; words++) {
        for (size_t text = 0; text < 45; text++) {
            struct bent bent = with_options(NULL, 0);
            bent.octets[32] = (uint8_t)(words << 4);
            bent.n += text;
            seal(bent.octets, 20, bent.n);
            bool fits = words >= 5 && words * 4 <= 20 + text;
            assert_parses_as(fits ? TFSM_WIRE_OK : TFSM_WIRE_DATA_OFFSET, bent.octets, bent.n);
        }
    }
}

static void assert_flips_are_caught(const uint8_t *golden, size_t at, size_t n)
{
    for (size_t bit = 8 * at; bit < 8 * n; bit++) {
        uint8_t octets[128];
        struct tfsm_packet out;
        memcpy(octets, golden, n);
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum tfsm_wire_result result = parse_exact(octets, n, &out);
        if (bit / 8 == at + 12) {
            assert_true(result == TFSM_WIRE_CHECKSUM || result == TFSM_WIRE_DATA_OFFSET);
        } else {
            assert_int_equal(result, TFSM_WIRE_CHECKSUM);
        }
    }
}

/* RFC9293:MUST-3 */
static void test_parse_checksum_catches_every_bit(void **state)
{
    (void)state;
    assert_flips_are_caught(golden_v4, 20, sizeof golden_v4);
    assert_flips_are_caught(golden_v6, 40, sizeof golden_v6);
}

static void test_parse_checksum_covers_the_addresses(void **state)
{
    (void)state;
    for (size_t i = 8; i < 40; i++) {
        uint8_t octets[sizeof golden_v6];
        memcpy(octets, golden_v6, sizeof octets);
        octets[i] ^= 0x10;
        assert_parses_as(TFSM_WIRE_CHECKSUM, octets, sizeof octets);
    }
    for (size_t i = 12; i < 20; i++) {
        uint8_t octets[sizeof golden_v4];
        memcpy(octets, golden_v4, sizeof octets);
        octets[i] ^= 0x10;
        set16(octets + 10, 0);
        set16(octets + 10, 0xffff - checksum(0, octets, 20));
        assert_parses_as(TFSM_WIRE_CHECKSUM, octets, sizeof octets);
    }
}

static void test_parse_link_padding_is_ignored(void **state)
{
    (void)state;
    for (size_t padding = 1; padding < 20; padding++) {
        uint8_t octets[sizeof golden_v6 + 20];
        struct tfsm_packet out;
        struct tfsm_packet wanted_v4 = golden_v4_packet();
        struct tfsm_packet wanted_v6 = golden_v6_packet();
        memset(octets, 0x5a, sizeof octets);
        memcpy(octets, golden_v4, sizeof golden_v4);
        assert_int_equal(parse_exact(octets, sizeof golden_v4 + padding, &out), TFSM_WIRE_OK);
        assert_same_packet(&out, &wanted_v4);
        memcpy(octets, golden_v6, sizeof golden_v6);
        assert_int_equal(parse_exact(octets, sizeof golden_v6 + padding, &out), TFSM_WIRE_OK);
        assert_same_packet(&out, &wanted_v6);
    }
}

/* ---- options ---- */

/* Whether an option of this kind and length is taken, said once more and in another way than in the
 * codec. The others of a legal length are passed over, whether their kind is known or not. */
static bool taken(unsigned kind, unsigned length, bool syn)
{
    static const uint8_t cookies[] = {2, 6, 8, 10, 12, 14, 16, 18};
    switch (kind) {
    case 2:
    case 28:
        return length == 4;
    case 3:
        return length == 3;
    case 4:
        return length == 2;
    case 5:
        return length == 10 || length == 18 || length == 26 || length == 34;
    case 8:
        return length == 10;
    case 34:
        return syn && memchr(cookies, (int)length, sizeof cookies) != NULL;
    default:
        return false;
    }
}

/* RFC9293:MUST-6, RFC9293:MUST-7, RFC7413:4.1.1b. Behind the option stands another, which is read
 * whenever there is telling where it starts. */
static void test_option_every_kind_and_length(void **state)
{
    (void)state;
    for (unsigned i = 2 * 512; i < 256 * 512; i++) {
        struct tfsm_packet out;
        uint8_t options[40];
        unsigned kind = i / 512;
        unsigned length = i / 2 % 256;
        bool syn = i % 2 != 0;
        bool legal = length >= 2 && length <= 40;
        unsigned behind = kind == 4 ? 3 : 4; /* a shift of 1, or SACK-permitted */
        unsigned size = kind == 4 ? 3 : 2;
        unsigned bit = kind == 4 ? TFSM_OPT_WSCALE : TFSM_OPT_SACK_PERMITTED;
        bool room = legal && length + size <= 40;
        memset(options, 1, sizeof options);
        options[0] = (uint8_t)kind;
        options[1] = (uint8_t)length;
        if (room) {
            options[length] = (uint8_t)behind;
            options[length + 1] = (uint8_t)size;
        }
        assert_int_equal(parse_flags(syn ? TFSM_SYN : TFSM_ACK, options, 40, &out),
                         legal ? TFSM_WIRE_OK : TFSM_WIRE_OPTION);
        assert_int_equal((out.segment.options & ~bit) != 0, legal && taken(kind, length, syn));
        assert_int_equal((out.segment.options & bit) != 0, room);
    }
}

/* RFC9293:MUST-4, RFC9293:MUST-5, RFC9293:MUST-14, RFC7413:4.1.1b */
static void test_option_in_any_segment(void **state)
{
    (void)state;
    static const uint8_t options[] = {2, 4, 0x04, 0xb0, 4, 2, 3, 3, 9, 28, 4, 0, 7, 34, 2, 0};
    for (unsigned flags = 0; flags < 256; flags++) {
        struct tfsm_packet out;
        unsigned syn = (flags & TFSM_SYN) != 0 ? TFSM_OPT_FAST_OPEN : 0;
        assert_int_equal(parse_flags(flags, options, sizeof options, &out), TFSM_WIRE_OK);
        assert_int_equal(out.segment.options, TFSM_OPT_MSS | TFSM_OPT_SACK_PERMITTED |
                                                  TFSM_OPT_WSCALE | TFSM_OPT_USER_TIMEOUT | syn);
        assert_int_equal(out.segment.mss, 1200);
        assert_int_equal(out.segment.wscale, 9);
        assert_int_equal(out.segment.user_timeout, 7);
    }
}

/* RFC9293:MUST-7 */
static void test_option_beyond_the_header(void **state)
{
    (void)state;
    static const uint8_t kinds[][2] = {{2, 4},  {3, 3},  {4, 2},  {5, 10}, {8, 10},
                                       {28, 4}, {34, 6}, {34, 7}, {253, 4}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (size_t left = 2; left <= 12;
             left++) { /* octets from the option to the end of the header */
            struct tfsm_segment seg;
            uint8_t options[12];
            memset(options, 1, sizeof options);
            options[12 - left] = kinds[i][0];
            options[13 - left] = kinds[i][1];
            bool fine = kinds[i][1] <= left;
            assert_int_equal(parse_options(options, 12, &seg),
                             fine ? TFSM_WIRE_OK : TFSM_WIRE_OPTION);
        }
    }
}

/* RFC9293:MUST-7, RFC9293:MUST-68 */
static void test_option_without_a_length(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++) {
        struct tfsm_segment seg;
        uint8_t options[4] = {1, 1, 1, (uint8_t)kind};
        assert_int_equal(parse_options(options, 4, &seg),
                         kind < 2 ? TFSM_WIRE_OK : TFSM_WIRE_OPTION);
        assert_int_equal(seg.options, 0);
    }
}

/* RFC9293:MUST-4 */
static void test_option_end_ends(void **state)
{
    (void)state;
    static const uint8_t options[] = {3, 3, 5, 0, 2, 4, 5, 0xb4, 2, 0, 0xff, 0xff};
    struct tfsm_segment seg;
    assert_int_equal(parse_options(options, sizeof options, &seg), TFSM_WIRE_OK);
    assert_int_equal(seg.options, TFSM_OPT_WSCALE);
    assert_int_equal(seg.wscale, 5);
    assert_int_equal(seg.mss, 0);
}

/* RFC9293:MUST-6 */
static void test_option_unknown_is_skipped(void **state)
{
    (void)state;
    static const uint8_t options[] = {254, 5, 2, 4, 9, 2, 4, 0x02, 0x18, 253, 2, 1};
    struct tfsm_segment seg;
    assert_int_equal(parse_options(options, sizeof options, &seg), TFSM_WIRE_OK);
    assert_int_equal(seg.options, TFSM_OPT_MSS);
    assert_int_equal(seg.mss, 536);
}

/* RFC9293:MUST-4, RFC9293:MUST-64 */
static void test_option_at_any_alignment(void **state)
{
    (void)state;
    for (size_t at = 0; at <= 30; at++) {
        struct tfsm_segment seg;
        uint8_t options[40];
        static const uint8_t timestamps[] = {8, 10, 0x80, 2, 3, 4, 0x85, 6, 7, 8};
        memset(options, 1, sizeof options);
        memcpy(options + at, timestamps, sizeof timestamps);
        assert_int_equal(parse_options(options, 40, &seg), TFSM_WIRE_OK);
        assert_int_equal(seg.options, TFSM_OPT_TIMESTAMPS);
        assert_int_equal(seg.ts_val, 0x80020304);
        assert_int_equal(seg.ts_ecr, 0x85060708);
    }
}

static void test_option_twice_the_first_counts(void **state)
{
    (void)state;
    static const uint8_t options[] = {2, 4, 0, 1, 2, 4,  0, 2, 3, 3, 1, 3, 3, 2, 8, 10, 0, 0, 0, 1,
                                      0, 0, 0, 2, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4, 1, 1,  1, 1, 1, 1};
    static const uint8_t sacks[] = {5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 5, 18, 0, 0, 0, 3,
                                    0, 0,  0, 4, 0, 0, 0, 5, 0, 0, 0, 6,  4, 2, 4, 2};
    struct tfsm_segment seg;
    assert_int_equal(parse_options(options, sizeof options, &seg), TFSM_WIRE_OK);
    assert_int_equal(seg.mss, 1);
    assert_int_equal(seg.wscale, 1);
    assert_int_equal(seg.ts_val, 1);
    assert_int_equal(seg.ts_ecr, 2);
    assert_int_equal(parse_options(sacks, sizeof sacks, &seg), TFSM_WIRE_OK);
    assert_int_equal(seg.options, TFSM_OPT_SACK | TFSM_OPT_SACK_PERMITTED);
    assert_int_equal(seg.sacks, 1);
    assert_int_equal(seg.sack[0].left, 1);
    assert_int_equal(seg.sack[0].right, 2);
    assert_int_equal(seg.sack[1].left, 0);
}

static void test_option_twice_the_second_illegal(void **state)
{
    (void)state;
    static const uint8_t options[] = {2, 4, 0, 1, 2, 1, 0, 1};
    struct tfsm_segment seg;
    assert_int_equal(parse_options(options, sizeof options, &seg), TFSM_WIRE_OPTION);
    assert_int_equal(seg.mss, 1);
}

/* One of another length is none of its kind: the first that is one counts. */
static void test_option_twice_the_first_of_another_length(void **state)
{
    (void)state;
    static const uint8_t options[] = {2, 3, 9, 2, 4, 0, 7, 2, 4, 0, 8, 1};
    struct tfsm_segment seg;
    assert_int_equal(parse_options(options, sizeof options, &seg), TFSM_WIRE_OK);
    assert_int_equal(seg.options, TFSM_OPT_MSS);
    assert_int_equal(seg.mss, 7);
}

/* RFC9293:MUST-7. With every illegal length, of a known kind and of an unknown one: what came before
 * is kept, what comes behind is not read, all else is there. */
static void test_option_illegal_keeps_what_came_before(void **state)
{
    (void)state;
    static const uint8_t bad[][2] = {{3, 0},  {3, 1},  {3, 9},   {3, 255},
                                     {34, 0}, {28, 1}, {253, 0}, {253, 9}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t options[] = {2, 4, 5, 0xb4, bad[i][0], bad[i][1], 7, 1, 4, 2, 1, 1};
        struct tfsm_packet out;
        struct bent bent = with_options(options, sizeof options);
        struct tfsm_packet wanted = golden_v4_packet();
        bent.octets[33] = TFSM_SYN | TFSM_FIN;
        bent.n += 7;
        seal(bent.octets, 20, bent.n);
        wanted.segment = (struct tfsm_segment){.seq = 0x01020304,
                                               .len = 9,
                                               .wnd = 64240,
                                               .flags = TFSM_SYN | TFSM_FIN,
                                               .options = TFSM_OPT_MSS,
                                               .ecn = TFSM_ECT_0,
                                               .mss = 1460};
        wanted.text_at = 52;
        assert_int_equal(parse_exact(bent.octets, bent.n, &out), TFSM_WIRE_OPTION);
        assert_same_packet(&out, &wanted);
    }
}

/* RFC7323:2.3g */
static void test_option_wscale_above_14_counts_as_14(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 256; shift++) {
        struct tfsm_segment seg;
        uint8_t options[4] = {3, 3, (uint8_t)shift, 0};
        assert_int_equal(parse_options(options, 4, &seg), TFSM_WIRE_OK);
        assert_int_equal(seg.options, TFSM_OPT_WSCALE);
        assert_int_equal(seg.wscale, shift < 14 ? shift : 14);
    }
}

/* RFC2018:3b */
static void test_option_sack_blocks(void **state)
{
    (void)state;
    for (size_t blocks = 1; blocks <= 4; blocks++) {
        struct tfsm_segment seg;
        uint8_t options[36] = {5, (uint8_t)(2 + 8 * blocks)};
        for (size_t i = 0; i < 8 * blocks; i++) {
            options[2 + i] = (uint8_t)(0x81 + i);
        }
        assert_int_equal(parse_options(options, 36, &seg), TFSM_WIRE_OK);
        assert_int_equal(seg.options, TFSM_OPT_SACK);
        assert_int_equal(seg.sacks, blocks);
        for (uint32_t i = 0; i < TFSM_SACK_MAX; i++) {
            assert_int_equal(seg.sack[i].left, i < blocks ? 0x81828384 + i * 0x08080808 : 0);
            assert_int_equal(seg.sack[i].right, i < blocks ? 0x85868788 + i * 0x08080808 : 0);
        }
    }
}

/* RFC5482:3.3b, RFC5482:3.4b */
static void test_option_user_timeout(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 65536; value++) {
        struct tfsm_segment seg;
        uint8_t options[4] = {28, 4, (uint8_t)(value >> 8), (uint8_t)(value & 0xff)};
        assert_int_equal(parse_options(options, 4, &seg), TFSM_WIRE_OK);
        assert_int_equal(seg.options, value % 0x8000 != 0 ? TFSM_OPT_USER_TIMEOUT : 0);
        assert_int_equal(seg.user_timeout, value % 0x8000 != 0 ? value : 0);
    }
}

/* What is ignored is not there: the next one of its kind is the first. */
static void test_option_user_timeout_reserved_then_not(void **state)
{
    (void)state;
    static const uint8_t options[] = {28, 4, 0x80, 0, 28, 4, 0, 1, 28, 4, 0, 2};
    struct tfsm_segment seg;
    assert_int_equal(parse_options(options, sizeof options, &seg), TFSM_WIRE_OK);
    assert_int_equal(seg.options, TFSM_OPT_USER_TIMEOUT);
    assert_int_equal(seg.user_timeout, 1);
}

/* RFC7413:4.1.1a */
static void test_option_fast_open_cookie(void **state)
{
    (void)state;
    for (unsigned length = 0; length <= 16; length += length == 0 ? 4 : 2) {
        struct tfsm_packet out;
        uint8_t options[20] = {34, (uint8_t)(2 + length)};
        uint8_t wanted[TFSM_COOKIE_MAX] = {0};
        memset(options + 2, 1, sizeof options - 2);
        for (unsigned i = 0; i < length; i++) {
            options[2 + i] = (uint8_t)(0xf0 + i);
            wanted[i] = (uint8_t)(0xf0 + i);
        }
        assert_int_equal(parse_flags(TFSM_SYN | TFSM_ACK, options, 20, &out), TFSM_WIRE_OK);
        assert_int_equal(out.segment.options, TFSM_OPT_FAST_OPEN);
        assert_int_equal(out.segment.cookie_len, length);
        assert_memory_equal(out.cookie, wanted, sizeof wanted);
    }
}

/* An illegal one is ignored, and what comes after it is not: RFC7413:4.1.1b. */
static void test_option_fast_open_illegal_is_ignored(void **state)
{
    (void)state;
    for (unsigned length = 2; length <= 30; length++) {
        struct tfsm_packet out;
        uint8_t options[40];
        unsigned after = length + 6;
        memset(options, 1, sizeof options);
        memcpy(options, (const uint8_t[]){34, (uint8_t)length}, 2);
        memcpy(options + length, (const uint8_t[]){34, 6, 2, 3, 4, 5, 3, 3, 2}, 9);
        assert_int_equal(options[after], 3);
        assert_int_equal(parse_flags(TFSM_SYN, options, 40, &out), TFSM_WIRE_OK);
        assert_int_equal(out.segment.options, TFSM_OPT_FAST_OPEN | TFSM_OPT_WSCALE);
        assert_int_equal(out.segment.wscale, 2);
        bool first = taken(34, length, true);
        assert_int_equal(out.segment.cookie_len, first ? length - 2 : 4);
        assert_int_equal(out.cookie[0], first ? (length > 2 ? 1 : 0) : 2);
        assert_int_equal(parse_flags(TFSM_ACK, options, 40, &out), TFSM_WIRE_OK);
        assert_int_equal(out.segment.options, TFSM_OPT_WSCALE);
        assert_int_equal(out.segment.cookie_len, 0);
        assert_int_equal(out.cookie[0], 0);
    }
}

/* ---- writing ---- */

/* Write into a canary of the given room; nothing may change when the answer is 0. */
static size_t write_guarded(const struct tfsm_packet *packet, const uint8_t *text, size_t room)
{
    uint8_t *octets = malloc(room + 1);
    assert_non_null(octets);
    memset(octets, 0xcc, room + 1);
    size_t n = tfsm_write(packet, text, octets, room);
    assert_true(n <= room);
    for (size_t i = n; i <= room; i++) {
        assert_int_equal(octets[i], 0xcc);
    }
    free(octets);
    return n;
}

static void test_write_room(void **state)
{
    (void)state;
    struct tfsm_packet v4 = golden_v4_packet();
    struct tfsm_packet v6 = golden_v6_packet();
    for (size_t room = 0; room < 150; room++) {
        assert_int_equal(write_guarded(&v4, NULL, room), room < 60 ? 0 : 60);
        assert_int_equal(write_guarded(&v6, hello, room), room < 93 ? 0 : 93);
    }
}

static void test_write_families(void **state)
{
    (void)state;
    for (unsigned src = 0; src < 256; src++) {
        for (unsigned dst = 0; dst < 256; dst++) {
            struct tfsm_packet packet = golden_v4_packet();
            uint8_t octets[128];
            packet.src.family = (uint8_t)src;
            packet.dst.family = (uint8_t)dst;
            bool fine = src == dst && (src == 4 || src == 6);
            size_t wanted = fine ? (src == 4 ? 60u : 80u) : 0u;
            assert_int_equal(tfsm_write(&packet, NULL, octets, sizeof octets), wanted);
        }
    }
}

static void test_write_packet_too_long(void **state)
{
    (void)state;
    static uint8_t text[65536];
    struct tfsm_packet v4 = golden_v4_packet();
    struct tfsm_packet v6 = golden_v6_packet();
    v4.segment.len = 65535 - 60 + 1; /* the SYN */
    v6.segment.len = 65535 - 48 + 1; /* the FIN; the IPv6 header does not count */
    memset(text, 0xff, sizeof text);
    assert_int_equal(write_guarded(&v4, text, 70000), 65535);
    assert_int_equal(write_guarded(&v6, text, 70000), 65575);
    v4.segment.len++;
    v6.segment.len++;
    assert_int_equal(write_guarded(&v4, text, 70000), 0);
    assert_int_equal(write_guarded(&v6, text, 70000), 0);
    v4.segment.len = UINT32_MAX;
    v6.segment.len = UINT32_MAX;
    assert_int_equal(write_guarded(&v4, text, 70000), 0);
    assert_int_equal(write_guarded(&v6, text, 70000), 0);
}

static void test_write_longest_packet_parses(void **state)
{
    (void)state;
    static uint8_t text[65535];
    static uint8_t octets[65575];
    struct tfsm_packet out;
    struct tfsm_packet packet = golden_v6_packet();
    memset(text, 0xff, sizeof text); /* the greatest sum a checksum can meet */
    memset(packet.src.octets, 0xff, 16);
    memset(packet.dst.octets, 0xff, 16);
    packet.segment.len = 65535 - 48 + 1;
    assert_int_equal(tfsm_write(&packet, text, octets, sizeof octets), sizeof octets);
    assert_int_equal(parse_exact(octets, sizeof octets, &out), TFSM_WIRE_OK);
    assert_same_packet(&out, &packet);
    uint8_t written[2] = {octets[56], octets[57]};
    seal(octets, 40, sizeof octets);
    assert_memory_equal(written, octets + 56, 2);
}

static void test_write_length_shorter_than_its_syn_and_fin(void **state)
{
    (void)state;
    struct tfsm_packet packet = golden_v4_packet();
    packet.segment.len = 0;
    assert_int_equal(write_guarded(&packet, NULL, 200), 0);
    packet.segment.flags = TFSM_SYN | TFSM_FIN;
    packet.segment.len = 1;
    assert_int_equal(write_guarded(&packet, NULL, 200), 0);
    packet.segment.len = 2;
    assert_int_equal(write_guarded(&packet, NULL, 200), 60);
}

static void test_write_options_that_do_not_fit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 128 * 4 * 9; i++) {
        struct tfsm_packet packet = golden_v4_packet();
        unsigned options = i % 128;
        unsigned blocks = 1 + i / 128 % 4;
        unsigned cookie = i / 512 == 0 ? 0 : 2 + 2 * (i / 512); /* none, 4 .. 18 */
        packet.segment.options = (uint8_t)options;
        packet.segment.sacks = (uint8_t)blocks;
        packet.segment.cookie_len = (uint8_t)cookie;
        packet.segment.user_timeout = 1;
        size_t n = (options & TFSM_OPT_MSS ? 4u : 0u) + (options & TFSM_OPT_WSCALE ? 3u : 0u) +
                   (options & TFSM_OPT_TIMESTAMPS ? 10u : 0u) +
                   (options & TFSM_OPT_SACK_PERMITTED ? 2u : 0u) +
                   (options & TFSM_OPT_SACK ? 2u + 8 * blocks : 0u) +
                   (options & TFSM_OPT_USER_TIMEOUT ? 4u : 0u) +
                   (options & TFSM_OPT_FAST_OPEN ? 2u + cookie : 0u);
        size_t padded = (n + 3) / 4 * 4;
        bool refused = n > 40 || ((options & TFSM_OPT_FAST_OPEN) != 0 && cookie > 16);
        assert_int_equal(tfsm_options_length(&packet.segment), padded);
        assert_int_equal(write_guarded(&packet, NULL, 200), refused ? 0 : 40 + padded);
    }
}

/* RFC7413:4.1.1a */
static void test_write_cookie_of_illegal_length(void **state)
{
    (void)state;
    for (unsigned length = 0; length < 256; length++) {
        struct tfsm_packet packet = golden_v4_packet();
        packet.segment.options = TFSM_OPT_FAST_OPEN;
        packet.segment.cookie_len = (uint8_t)length;
        bool fine = length == 0 || (length >= 4 && length <= 16 && length % 2 == 0);
        assert_int_equal(write_guarded(&packet, NULL, 400), fine ? 40 + (5 + length) / 4 * 4 : 0);
    }
}

static void test_write_fast_open_without_syn_is_left_out(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        struct tfsm_packet packet = golden_v4_packet();
        bool syn = (flags & TFSM_SYN) != 0;
        packet.segment.flags = (uint8_t)flags;
        packet.segment.len = 2;
        packet.segment.options = TFSM_OPT_FAST_OPEN;
        packet.segment.cookie_len = syn ? 4 : 3; /* what is left out need not be legal */
        size_t text = 2 - (flags & 1) - (flags >> 1 & 1);
        assert_int_equal(tfsm_options_length(&packet.segment), syn ? 8 : 0);
        assert_int_equal(write_guarded(&packet, hello, 200), (syn ? 48 : 40) + text);
    }
}

/* RFC5482:3.4a */
static void test_write_reserved_user_timeout_is_left_out(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 65536; value++) {
        struct tfsm_packet packet = golden_v4_packet();
        packet.segment.options = TFSM_OPT_USER_TIMEOUT;
        packet.segment.user_timeout = (uint16_t)value;
        size_t length = value % 0x8000 != 0 ? 4 : 0;
        assert_int_equal(tfsm_options_length(&packet.segment), length);
        assert_int_equal(write_guarded(&packet, NULL, 200), 40 + length);
    }
}

/* Six bits are the embedder's, passed on unchanged, two the segment's; so is the TTL the
 * embedder's: RFC9293:MUST-48, RFC9293:SHLD-22, RFC9293:MUST-49, RFC9293:MAY-9, RFC3168:5. */
static void test_write_traffic_class_ecn_and_hops(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256 * 8; i++) {
        struct tfsm_packet packets[2] = {golden_v4_packet(), golden_v6_packet()};
        for (size_t k = 0; k < 2; k++) {
            uint8_t octets[128];
            struct tfsm_packet out;
            unsigned wanted = (i / 8 & 0xfc) + (i & 3);
            packets[k].traffic_class = (uint8_t)(i / 8);
            packets[k].hops = (uint8_t)(255 - i / 8);
            packets[k].segment.ecn = (uint8_t)(i % 8); /* two bits of it */
            size_t n = tfsm_write(&packets[k], hello, octets, sizeof octets);
            assert_int_equal(parse_exact(octets, n, &out), TFSM_WIRE_OK);
            assert_int_equal(out.traffic_class, wanted);
            assert_int_equal(out.segment.ecn, i & 3);
            assert_int_equal(out.hops, 255 - i / 8);
            assert_int_equal(k == 0 ? octets[1] : (octets[0] & 15) * 16 + octets[1] / 16, wanted);
            assert_int_equal(octets[k == 0 ? 8 : 7], 255 - i / 8);
        }
    }
}

static void test_write_too_many_sack_blocks(void **state)
{
    (void)state;
    static const uint8_t blocks[] = {5, 6, 30, 31, 32, 64, 255};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        struct tfsm_packet packet = golden_v4_packet();
        packet.segment.options = TFSM_OPT_SACK;
        packet.segment.sacks = blocks[i];
        assert_int_equal(write_guarded(&packet, NULL, 1000000), 0);
    }
}

static void test_write_sack_without_a_block_is_left_out(void **state)
{
    (void)state;
    struct tfsm_packet packet = golden_v4_packet();
    packet.segment.options = TFSM_OPT_SACK;
    packet.segment.sacks = 0;
    assert_int_equal(write_guarded(&packet, NULL, 200), 40);
}

static void test_write_reserved_has_four_bits(void **state)
{
    (void)state;
    uint8_t octets[60];
    struct tfsm_packet out;
    struct tfsm_packet packet = golden_v4_packet();
    packet.reserved = 0xff;
    assert_int_equal(tfsm_write(&packet, NULL, octets, sizeof octets), 60);
    assert_int_equal(parse_exact(octets, 60, &out), TFSM_WIRE_OK);
    assert_int_equal(out.reserved, 15);
    assert_int_equal(out.text_at, 60);
}

/* Going through all values of one word meets every way a sum can carry, and the checksum of zero,
 * which TCP does not take for "no checksum" (RFC9293:MUST-2). A window is never negative
 * (RFC9293:MUST-1). */
static void test_write_every_checksum(void **state)
{
    (void)state;
    bool zero = false;
    for (unsigned wnd = 0; wnd <= 65535; wnd++) {
        uint8_t octets[60];
        struct tfsm_packet out;
        struct tfsm_packet packet = golden_v4_packet();
        packet.segment.wnd = (uint16_t)wnd;
        assert_int_equal(tfsm_write(&packet, NULL, octets, sizeof octets), 60);
        assert_int_equal(tfsm_parse(octets, 60, &out), TFSM_WIRE_OK);
        assert_int_equal(out.segment.wnd, wnd);
        zero = zero || (octets[36] == 0 && octets[37] == 0);
    }
    assert_true(zero);
}

/* ---- addresses and sizes ---- */

/* RFC9293:MUST-67, RFC9293:3.7.1a */
static void test_mss_of_an_mtu(void **state)
{
    (void)state;
    static const struct {
        uint32_t mtu;
        uint16_t v4;
        uint16_t v6;
    } rows[] = {
        {0, 1, 1},
        {1, 1, 1},
        {40, 1, 1},
        {41, 1, 1},
        {42, 2, 1},
        {60, 20, 1},
        {61, 21, 1},
        {62, 22, 2},
        {68, 28, 8},
        {576, 536, 516},
        {1280, 1240, 1220},
        {1500, 1460, 1440},
        {9000, 8960, 8940},
        {65535, 65495, 65475},
        {65536, 65495, 65476},
        {65575, 65495, 65515},
        {65576, 65495, 65515},
        {UINT32_MAX, 65495, 65515},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(tfsm_mss(rows[i].mtu, 4), rows[i].v4);
        assert_int_equal(tfsm_mss(rows[i].mtu, 6), rows[i].v6);
    }
}

/* The largest segment of that MSS makes a packet of that MTU. */
static void test_mss_fits_the_mtu(void **state)
{
    (void)state;
    static uint8_t text[65535];
    struct tfsm_packet v4 = golden_v4_packet();
    struct tfsm_packet v6 = golden_v6_packet();
    v4.segment.options = 0;
    v4.segment.flags = TFSM_ACK;
    v6.segment.options = 0;
    v6.segment.flags = TFSM_ACK;
    for (uint32_t mtu = 61; mtu < 70000; mtu += 997) {
        v4.segment.len = tfsm_mss(mtu, 4);
        v6.segment.len = tfsm_mss(mtu, 6);
        assert_int_equal(write_guarded(&v4, text, 70000), mtu < 65535 ? mtu : 65535);
        assert_int_equal(write_guarded(&v6, text, 70000), mtu < 65575 ? mtu : 65575);
    }
}

/* RFC9293:MUST-46, RFC9293:MUST-57, RFC9293:MUST-63 */
static void test_address_is_unicast(void **state)
{
    (void)state;
    static const struct {
        struct tfsm_address address;
        bool unicast;
    } rows[] = {
        {{4, {0, 0, 0, 0}}, false},
        {{4, {0, 0, 0, 0, 1}}, false}, /* the fifth octet is no part of it */
        {{4, {0, 0, 0, 1}}, false},
        {{4, {0, 255, 255, 255}}, false},
        {{4, {1, 0, 0, 0}}, true},
        {{4, {127, 0, 0, 1}}, true},
        {{4, {223, 255, 255, 255}}, true},
        {{4, {224, 0, 0, 0}}, false},
        {{4, {239, 255, 255, 255}}, false},
        {{4, {240, 0, 0, 0}}, true},
        {{4, {255, 255, 255, 254}}, true},
        {{4, {255, 255, 255, 255}}, false},
        {{4, {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
         false},
        {{6, {0}}, false},
        {{6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, true},
        {{6, {0, 1}}, true},
        {{6, {0xfe, 0xff}}, true},
        {{6, {0xff}}, false},
        {{6, {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, false},
        {{6, {224, 0, 0, 1}}, true},
        {{0, {192, 0, 2, 1}}, false},
        {{5, {192, 0, 2, 1}}, false},
        {{255, {192, 0, 2, 1}}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(tfsm_address_is_unicast(&rows[i].address), rows[i].unicast);
    }
}

/* RFC9293:MUST-63 */
static void test_address_is_loopback(void **state)
{
    (void)state;
    static const struct {
        struct tfsm_address address;
        bool loopback;
    } rows[] = {
        {{4, {127, 0, 0, 1}}, true},
        {{4, {127, 255, 255, 254}}, true},
        {{4, {126, 0, 0, 1}}, false},
        {{4, {128, 0, 0, 1}}, false},
        {{4, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, false},
        {{6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, true},
        {{6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}}, false},
        {{6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1}}, false},
        {{6, {127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, false},
        {{0, {127, 0, 0, 1}}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(tfsm_address_is_loopback(&rows[i].address), rows[i].loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_golden_v4),
        cmocka_unit_test(test_parse_golden_v6),
        cmocka_unit_test(test_parse_golden_fast_open),
        cmocka_unit_test(test_write_golden_v4),
        cmocka_unit_test(test_write_golden_v6),
        cmocka_unit_test(test_write_golden_fast_open),
        cmocka_unit_test(test_parse_length_counts_syn_fin_and_text),
        cmocka_unit_test(test_parse_reserved_bits_are_kept),
        cmocka_unit_test(test_parse_every_truncation_is_refused),
        cmocka_unit_test(test_parse_ip_length_that_cuts_the_tcp_header),
        cmocka_unit_test(test_parse_version),
        cmocka_unit_test(test_parse_v4_header_length),
        cmocka_unit_test(test_parse_v4_total_length),
        cmocka_unit_test(test_parse_v4_header_checksum),
        cmocka_unit_test(test_parse_v6_payload_length),
        cmocka_unit_test(test_parse_v4_fragment),
        cmocka_unit_test(test_parse_v4_protocol),
        cmocka_unit_test(test_parse_v4_options_are_skipped),
        cmocka_unit_test(test_parse_v6_extensions_are_skipped),
        cmocka_unit_test(test_parse_v6_long_extension_is_skipped),
        cmocka_unit_test(test_parse_v6_extension_beyond_the_end),
        cmocka_unit_test(test_parse_v6_chain_is_bounded),
        cmocka_unit_test(test_parse_v6_hop_by_hop_comes_first_or_not_at_all),
        cmocka_unit_test(test_parse_v6_routing_with_hops_to_go),
        cmocka_unit_test(test_parse_v6_fragment),
        cmocka_unit_test(test_parse_v6_protocol),
        cmocka_unit_test(test_parse_data_offset),
        cmocka_unit_test(test_parse_checksum_catches_every_bit),
        cmocka_unit_test(test_parse_checksum_covers_the_addresses),
        cmocka_unit_test(test_parse_link_padding_is_ignored),
        cmocka_unit_test(test_option_every_kind_and_length),
        cmocka_unit_test(test_option_in_any_segment),
        cmocka_unit_test(test_option_beyond_the_header),
        cmocka_unit_test(test_option_without_a_length),
        cmocka_unit_test(test_option_end_ends),
        cmocka_unit_test(test_option_unknown_is_skipped),
        cmocka_unit_test(test_option_at_any_alignment),
        cmocka_unit_test(test_option_twice_the_first_counts),
        cmocka_unit_test(test_option_twice_the_second_illegal),
        cmocka_unit_test(test_option_twice_the_first_of_another_length),
        cmocka_unit_test(test_option_illegal_keeps_what_came_before),
        cmocka_unit_test(test_option_wscale_above_14_counts_as_14),
        cmocka_unit_test(test_option_sack_blocks),
        cmocka_unit_test(test_option_user_timeout),
        cmocka_unit_test(test_option_user_timeout_reserved_then_not),
        cmocka_unit_test(test_option_fast_open_cookie),
        cmocka_unit_test(test_option_fast_open_illegal_is_ignored),
        cmocka_unit_test(test_write_room),
        cmocka_unit_test(test_write_families),
        cmocka_unit_test(test_write_packet_too_long),
        cmocka_unit_test(test_write_longest_packet_parses),
        cmocka_unit_test(test_write_length_shorter_than_its_syn_and_fin),
        cmocka_unit_test(test_write_options_that_do_not_fit),
        cmocka_unit_test(test_write_cookie_of_illegal_length),
        cmocka_unit_test(test_write_fast_open_without_syn_is_left_out),
        cmocka_unit_test(test_write_reserved_user_timeout_is_left_out),
        cmocka_unit_test(test_write_traffic_class_ecn_and_hops),
        cmocka_unit_test(test_write_too_many_sack_blocks),
        cmocka_unit_test(test_write_sack_without_a_block_is_left_out),
        cmocka_unit_test(test_write_reserved_has_four_bits),
        cmocka_unit_test(test_write_every_checksum),
        cmocka_unit_test(test_mss_of_an_mtu),
        cmocka_unit_test(test_mss_fits_the_mtu),
        cmocka_unit_test(test_address_is_unicast),
        cmocka_unit_test(test_address_is_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
