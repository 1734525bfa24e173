/* Unit tests of ICMP errors: two messages whose octets were put together by hand, the meaning of
 * every type and code, and every way in which a message can be cut off, damaged or about something
 * else. Messages that a test bends are sealed again with lengths and checksums computed here. Parsing
 * always happens in a heap block of the exact size, so that AddressSanitizer sees an octet read too
 * many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tfsm.h"

/* A router at 203.0.113.9 tells 192.0.2.1 port 49152 that an MTU of 1400 is on the way to
 * 198.51.100.2 port 80. It quotes eight octets of the segment, as RFC 792 has it, of a packet of
 * 1500. */
static const uint8_t golden_v4[] = {
    0x45, 0xc0, 0x00, 0x38, 0x12, 0x34, 0x00, 0x00, 0xfe, 0x01, 0xab, 0xc5, 0xcb, 0x00,
    0x71, 0x09, 0xc0, 0x00, 0x02, 0x01, 0x03, 0x04, 0xdf, 0x97, 0x00, 0x00, 0x05, 0x78,
    0x45, 0x00, 0x05, 0xdc, 0x00, 0x00, 0x40, 0x00, 0x31, 0x06, 0x57, 0xe5, 0xc0, 0x00,
    0x02, 0x01, 0xc6, 0x33, 0x64, 0x02, 0xc0, 0x00, 0x00, 0x50, 0x89, 0xab, 0xcd, 0xef,
};

/* fe80::99 tells 2001:db8::1 that nobody listens on port 50000; it quotes the whole segment. */
static const uint8_t golden_v6[] = {
    0x60, 0x00, 0x00, 0x00, 0x00, 0x49, 0x3a, 0xff, 0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x99, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x01, 0x04, 0x75, 0xdd, 0x00,
    0x00, 0x00, 0x00, 0x60, 0x00, 0x00, 0x00, 0x00, 0x19, 0x06, 0x3f, 0x20, 0x01, 0x0d, 0xb8,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d,
    0xb8, 0x00, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00, 0x06, 0x01, 0xbb,
    0xc3, 0x50, 0xff, 0xff, 0xff, 0xfe, 0x80, 0x00, 0x00, 0x01, 0x50, 0x18, 0x02, 0x00, 0xbe,
    0xef, 0x00, 0x00, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
};

/* Where things are in them. */
enum {
    V4_ICMP = 20,
    V4_QUOTED = 28,
    V4_SEGMENT = 48,
    V6_ICMP = 40,
    V6_QUOTED = 48,
    V6_SEGMENT = 88,
};

static const struct tfsm_icmp_message wanted_v4 = {
    .meaning = TFSM_ICMP_TOO_BIG,
    .local = {4, {192, 0, 2, 1}},
    .remote = {4, {198, 51, 100, 2}},
    .local_port = 49152,
    .remote_port = 80,
    .seq = 0x89abcdef,
    .mss = 1360,
};

static const struct tfsm_icmp_message wanted_v6 = {
    .meaning = TFSM_ICMP_HARD,
    .local = {6, {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
    .remote = {6, {0x20, 1, 0x0d, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6}},
    .local_port = 443,
    .remote_port = 50000,
    .seq = 0xfffffffe,
};

/* A message to bend. */
struct bent {
    uint8_t octets[512];
    size_t n;
};

static struct bent bend(const uint8_t *octets, size_t n)
{
    struct bent bent = {.n = n};
    memcpy(bent.octets, octets, n);
    return bent;
}

static struct bent bend_v4(void)
{
    return bend(golden_v4, sizeof golden_v4);
}

static struct bent bend_v6(void)
{
    return bend(golden_v6, sizeof golden_v6);
}

/* Room for n more octets at a place, zeroed. */
static void insert(struct bent *bent, size_t at, size_t n)
{
    assert_true(bent->n + n <= sizeof bent->octets);
    memmove(bent->octets + at + n, bent->octets + at, bent->n - at);
    memset(bent->octets + at, 0, n);
    bent->n += n;
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

/* Make the outer length and the checksums right again; the ICMP header is at `at`. */
static void seal_at(struct bent *bent, size_t at)
{
    uint8_t *octets = bent->octets;
    unsigned sum = 0;
    if (octets[0] >> 4 == 4) {
        set16(octets + 2, (unsigned)bent->n);
        set16(octets + 10, 0);
        set16(octets + 10, 0xffff - checksum(0, octets, (octets[0] & 0x0fu) * 4u));
    } else {
        set16(octets + 4, (unsigned)(bent->n - 40));
        sum = checksum(58, octets + 8, 32);
        sum = checksum(
            sum,
            (const uint8_t[]){(uint8_t)((bent->n - at) / 256), (uint8_t)((bent->n - at) % 256)}, 2);
    }
    if (bent->n >= at + 4) {
        set16(octets + at + 2, 0);
        set16(octets + at + 2, 0xffff - checksum(sum, octets + at, bent->n - at));
    }
}

static void seal(struct bent *bent)
{
    seal_at(bent, bent->octets[0] >> 4 == 4 ? V4_ICMP : V6_ICMP);
}

static void assert_same(const struct tfsm_icmp_message *a, const struct tfsm_icmp_message *b)
{
    assert_int_equal(a->meaning, b->meaning);
    assert_int_equal(a->local.family, b->local.family);
    assert_int_equal(a->remote.family, b->remote.family);
    assert_memory_equal(a->local.octets, b->local.octets, 16);
    assert_memory_equal(a->remote.octets, b->remote.octets, 16);
    assert_int_equal(a->local_port, b->local_port);
    assert_int_equal(a->remote_port, b->remote_port);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(a->mss, b->mss);
}

/* Parse in a block of exactly n octets, twice over different garbage: the parser has to write all of
 * *out, whatever it answers. */
static enum tfsm_wire_result parse_exact(const uint8_t *octets, size_t n,
                                         struct tfsm_icmp_message *out)
{
    struct tfsm_icmp_message again;
    uint8_t *block = malloc(n == 0 ? 1 : n);
    assert_non_null(block);
    memcpy(block, octets, n);
    memset(out, 0xa5, sizeof *out);
    memset(&again, 0x5a, sizeof again);
    enum tfsm_wire_result result = tfsm_parse_icmp(n == 0 ? block + 1 : block, n, out);
    assert_int_equal(tfsm_parse_icmp(n == 0 ? block + 1 : block, n, &again), result);
    assert_same(out, &again);
    free(block);
    return result;
}

static void assert_parses_as(enum tfsm_wire_result wanted, const struct bent *bent)
{
    struct tfsm_icmp_message out;
    assert_int_equal(parse_exact(bent->octets, bent->n, &out), wanted);
}

/* Sealed or not, it is taken and says what the golden one of its family says. */
static void assert_taken(const struct bent *bent)
{
    struct tfsm_icmp_message out;
    assert_int_equal(parse_exact(bent->octets, bent->n, &out), TFSM_WIRE_OK);
    assert_same(&out, bent->octets[0] >> 4 == 4 ? &wanted_v4 : &wanted_v6);
}

/* ---- messages by hand ---- */

/* RFC9293:MUST-54 */
static void test_parse_golden(void **state)
{
    (void)state;
    struct bent v4 = bend_v4();
    struct bent v6 = bend_v6();
    assert_taken(&v4);
    assert_taken(&v6);
    seal(&v4);
    seal(&v6);
    assert_memory_equal(v4.octets, golden_v4, sizeof golden_v4);
    assert_memory_equal(v6.octets, golden_v6, sizeof golden_v6);
}

/* What tfsm_write() writes, quoted whole: the source is the local end (RFC9293:MUST-54). */
static void test_parse_quote_of_what_is_written(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        struct tfsm_icmp_message out;
        struct bent v4 = bend_v4();
        struct bent v6 = bend_v6();
        struct tfsm_packet packet = {.src = wanted_v4.local,
                                     .dst = wanted_v4.remote,
                                     .src_port = 49152,
                                     .dst_port = 80,
                                     .hops = 64,
                                     .segment = {.seq = 0x89abcdef, .len = 2}};
        packet.segment.flags = (uint8_t)flags;
        v4.n = V4_QUOTED + tfsm_write(&packet, golden_v4, v4.octets + V4_QUOTED, 100);
        packet.src = wanted_v6.local;
        packet.dst = wanted_v6.remote;
        packet.dst_port = (uint16_t)(flags * 257);
        v6.n = V6_QUOTED + tfsm_write(&packet, golden_v4, v6.octets + V6_QUOTED, 100);
        seal(&v4);
        seal(&v6);
        assert_taken(&v4);
        assert_int_equal(parse_exact(v6.octets, v6.n, &out), TFSM_WIRE_OK);
        assert_int_equal(out.local_port, 49152);
        assert_int_equal(out.remote_port, flags * 257);
        assert_int_equal(out.seq, 0x89abcdef);
    }
}

/* ---- types and codes ---- */

/* What RFC 9293 3.9.2.2 and the registries say, as a list rather than as the codec's tables. */
struct row {
    unsigned family;
    unsigned type;
    unsigned first; /* codes first .. last */
    unsigned last;
    enum tfsm_icmp meaning;
};

/* clang-format off */
static const struct row rows[] = {
    {4, 3, 0, 1, TFSM_ICMP_SOFT},    /* net, host */
    {4, 3, 2, 3, TFSM_ICMP_HARD},    /* protocol, port */
    {4, 3, 4, 4, TFSM_ICMP_TOO_BIG}, /* hard to a TCP without path MTU discovery: RFC 5927 5.2 */
    {4, 3, 5, 5, TFSM_ICMP_SOFT},    /* source route failed */
    {4, 3, 6, 15, TFSM_ICMP_SOFT},   /* unknown to RFC 9293 */
    {4, 11, 0, 255, TFSM_ICMP_SOFT}, /* time exceeded */
    {4, 12, 0, 255, TFSM_ICMP_SOFT}, /* parameter problem */
    {6, 1, 0, 0, TFSM_ICMP_SOFT},    /* no route */
    {6, 1, 1, 2, TFSM_ICMP_SOFT},    /* unknown to RFC 9293 */
    {6, 1, 3, 3, TFSM_ICMP_SOFT},    /* address */
    {6, 1, 4, 4, TFSM_ICMP_HARD},    /* port */
    {6, 1, 5, 6, TFSM_ICMP_SOFT},    /* unknown to RFC 9293 */
    {6, 2, 0, 255, TFSM_ICMP_TOO_BIG},
    {6, 3, 0, 255, TFSM_ICMP_SOFT},  /* time exceeded */
    {6, 4, 0, 255, TFSM_ICMP_SOFT},  /* parameter problem: 0, 1 and 2 are named */
};
/* clang-format on */

static enum tfsm_icmp listed(unsigned family, unsigned type, unsigned code)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        if (row->family == family && row->type == type && row->first <= code && code <= row->last) {
            return row->meaning;
        }
    }
    return TFSM_ICMP_IGNORE; /* source quench is not in the list */
}

/* Which errors are soft (RFC9293:MUST-56), which are hard (RFC9293:SHLD-26) and which are none
 * (RFC9293:MUST-55, RFC5927:6.2). */
static void test_meaning_of_every_type_and_code(void **state)
{
    (void)state;
    for (unsigned family = 0; family < 16; family++) {
        for (unsigned i = 0; i < 65536; i++) {
            assert_int_equal(tfsm_icmp_meaning(family, i / 256, i % 256),
                             listed(family, i / 256, i % 256));
        }
    }
}

static void test_meaning_beyond_an_octet(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        unsigned type = i / 256;
        unsigned code = i % 256;
        assert_int_equal(tfsm_icmp_meaning(4, type + 256, code), TFSM_ICMP_IGNORE);
        assert_int_equal(tfsm_icmp_meaning(6, type + 256, code), TFSM_ICMP_IGNORE);
        assert_int_equal(tfsm_icmp_meaning(4, 3, code + 16 + 256 * type), TFSM_ICMP_IGNORE);
        assert_int_equal(tfsm_icmp_meaning(6, 1, code + 7 + 256 * type), TFSM_ICMP_IGNORE);
    }
    assert_int_equal(tfsm_icmp_meaning(4, 3, UINT32_MAX), TFSM_ICMP_IGNORE);
    assert_int_equal(tfsm_icmp_meaning(6, 1, UINT32_MAX), TFSM_ICMP_IGNORE);
}

/* A message that is not an error is none of ours; a source quench is one and means nothing
 * (RFC9293:MUST-55). Only too big tells an MTU. */
static void test_parse_every_type_and_code(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 65536; i++) {
        struct tfsm_icmp_message out;
        struct bent messages[2] = {bend_v4(), bend_v6()};
        for (size_t k = 0; k < 2; k++) {
            unsigned family = k == 0 ? 4 : 6;
            unsigned type = i / 256;
            struct tfsm_icmp_message wanted = k == 0 ? wanted_v4 : wanted_v6;
            size_t at = k == 0 ? V4_ICMP : V6_ICMP;
            messages[k].octets[at] = (uint8_t)type;
            messages[k].octets[at + 1] = (uint8_t)(i % 256);
            set16(messages[k].octets + at + 6, 1400);
            seal(&messages[k]);
            bool error = k == 0 ? type == 3 || type == 4 || type == 11 || type == 12
                                : type >= 1 && type <= 4;
            assert_int_equal(parse_exact(messages[k].octets, messages[k].n, &out),
                             error ? TFSM_WIRE_OK : TFSM_WIRE_PROTOCOL);
            if (error) {
                wanted.meaning = listed(family, type, i % 256);
                wanted.mss = wanted.meaning == TFSM_ICMP_TOO_BIG ? (k == 0 ? 1360 : 1340) : 0;
                assert_same(&out, &wanted);
            }
        }
    }
}

/* No MTU below what every path takes is believed (RFC5927:7). */
static void test_mss_of_the_mtu_told_v4(void **state)
{
    (void)state;
    for (unsigned mtu = 0; mtu < 65536; mtu++) {
        struct tfsm_icmp_message out;
        struct bent bent = bend_v4();
        set16(bent.octets + V4_ICMP + 4, 0xffff); /* these two octets are not part of it */
        set16(bent.octets + V4_ICMP + 6, mtu);
        seal(&bent);
        assert_int_equal(parse_exact(bent.octets, bent.n, &out), TFSM_WIRE_OK);
        assert_int_equal(out.mss, mtu == 0 ? 0 : mtu < 68 ? 28 : mtu - 40);
    }
}

/* RFC8201:4c, RFC8201:5.2e: less than 1280 counts as that. */
static void test_mss_of_the_mtu_told_v6(void **state)
{
    (void)state;
    static const struct {
        uint32_t mtu;
        uint16_t mss;
    } mtus[] = {{0, 0},         {1, 0},         {60, 0},        {1279, 0},
                {1280, 1220},   {1281, 1221},   {1500, 1440},   {65535, 65475},
                {65536, 65476}, {65575, 65515}, {65576, 65515}, {UINT32_MAX, 65515}};
    for (size_t i = 0; i < sizeof mtus / sizeof mtus[0]; i++) {
        struct tfsm_icmp_message out;
        struct bent bent = bend_v6();
        bent.octets[V6_ICMP] = 2;
        set16(bent.octets + V6_ICMP + 4, mtus[i].mtu >> 16);
        set16(bent.octets + V6_ICMP + 6, mtus[i].mtu & 0xffff);
        seal(&bent);
        assert_int_equal(parse_exact(bent.octets, bent.n, &out), TFSM_WIRE_OK);
        /* RFC8201:4b: one that tells less than every link takes is dropped */
        assert_int_equal(out.meaning, mtus[i].mss > 0 ? TFSM_ICMP_TOO_BIG : TFSM_ICMP_IGNORE);
        assert_int_equal(out.mss, mtus[i].mss);
    }
}

/* ---- cut off or damaged ---- */

static void test_parse_every_truncation_on_the_way(void **state)
{
    (void)state;
    struct bent v4 = bend_v4();
    struct bent v6 = bend_v6();
    for (v4.n = 0; v4.n < sizeof golden_v4; v4.n++) {
        assert_parses_as(v4.n < 20 ? TFSM_WIRE_SHORT : TFSM_WIRE_IP_HEADER, &v4);
    }
    for (v6.n = 0; v6.n < sizeof golden_v6; v6.n++) {
        assert_parses_as(v6.n < 40 ? TFSM_WIRE_SHORT : TFSM_WIRE_IP_HEADER, &v6);
    }
}

/* Quoting less is the right of whoever sends it, down to eight octets of the segment (RFC5927:3).
 * More than that is not read. */
static void test_parse_every_truncation_by_the_sender(void **state)
{
    (void)state;
    struct bent v4 = bend_v4();
    for (v4.n = V4_ICMP; v4.n < sizeof golden_v4; v4.n++) {
        seal(&v4);
        assert_parses_as(TFSM_WIRE_SHORT, &v4);
    }
    for (size_t n = V6_ICMP; n <= sizeof golden_v6; n++) {
        struct bent v6 = bend_v6();
        v6.n = n;
        seal(&v6);
        if (n < V6_SEGMENT + 8) {
            assert_parses_as(TFSM_WIRE_SHORT, &v6);
        } else {
            assert_taken(&v6);
            memset(v6.octets + V6_SEGMENT + 8, 0xff, n - V6_SEGMENT - 8);
            seal(&v6);
            assert_taken(&v6);
        }
    }
}

static void test_parse_checksum_catches_every_bit(void **state)
{
    (void)state;
    for (size_t bit = V4_ICMP * 8; bit < sizeof golden_v4 * 8; bit++) {
        struct bent bent = bend_v4();
        bent.octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_parses_as(TFSM_WIRE_CHECKSUM, &bent);
    }
    for (size_t bit = V6_ICMP * 8; bit < sizeof golden_v6 * 8; bit++) {
        struct bent bent = bend_v6();
        bent.octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_parses_as(TFSM_WIRE_CHECKSUM, &bent);
    }
}

/* ICMPv6 has a pseudo header, ICMP has none. */
static void test_parse_checksum_covers_the_addresses_of_v6(void **state)
{
    (void)state;
    for (size_t i = 8; i < 40; i++) {
        struct bent bent = bend_v6();
        bent.octets[i] ^= 0x10;
        assert_parses_as(TFSM_WIRE_CHECKSUM, &bent);
    }
    for (size_t i = 12; i < 20; i++) {
        struct bent bent = bend_v4();
        bent.octets[i] ^= 0x10;
        assert_parses_as(TFSM_WIRE_IP_HEADER, &bent);
        seal(&bent);
        assert_memory_equal(bent.octets + V4_ICMP, golden_v4 + V4_ICMP, sizeof golden_v4 - V4_ICMP);
        assert_taken(&bent);
    }
}

static void test_parse_link_padding_is_ignored(void **state)
{
    (void)state;
    for (size_t padding = 1; padding < 20; padding++) {
        struct bent v4 = bend_v4();
        struct bent v6 = bend_v6();
        memset(v4.octets + v4.n, 0x5a, padding);
        memset(v6.octets + v6.n, 0x5a, padding);
        v4.n += padding;
        v6.n += padding;
        assert_taken(&v4);
        assert_taken(&v6);
    }
}

/* ---- the outer header ---- */

static void test_parse_outer_version(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 16; version++) {
        struct bent bent = bend_v6();
        bent.octets[0] = (uint8_t)(version << 4 | 5);
        bent.octets[V6_QUOTED] = (uint8_t)(version << 4);
        seal(&bent);
        if (version != 4 && version != 6) {
            assert_parses_as(TFSM_WIRE_VERSION, &bent);
        }
    }
}

static void test_parse_outer_protocol(void **state)
{
    (void)state;
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        struct bent v4 = bend_v4();
        struct bent v6 = bend_v6();
        v4.octets[9] = (uint8_t)protocol;
        v6.octets[6] = (uint8_t)protocol;
        seal(&v4);
        assert_parses_as(protocol == 1 ? TFSM_WIRE_OK : TFSM_WIRE_PROTOCOL, &v4);
        if (protocol != 0 && protocol != 43 && protocol != 44 && protocol != 60) {
            assert_parses_as(protocol == 58 ? TFSM_WIRE_OK : TFSM_WIRE_PROTOCOL, &v6);
        }
    }
}

static void test_parse_outer_fragment(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 16; bit++) {
        struct bent bent = bend_v4();
        set16(bent.octets + 6, 1u << bit);
        seal(&bent);
        assert_parses_as(bit < 14 ? TFSM_WIRE_FRAGMENT : TFSM_WIRE_OK, &bent);
    }
    struct bent v6 = bend_v6();
    insert(&v6, V6_ICMP, 8);
    v6.octets[6] = 44;
    v6.octets[V6_ICMP] = 58;
    seal_at(&v6, V6_ICMP + 8);
    assert_parses_as(TFSM_WIRE_FRAGMENT, &v6);
}

static void test_parse_outer_options_and_extensions_are_skipped(void **state)
{
    (void)state;
    for (size_t words = 1; words <= 10; words++) {
        struct bent bent = bend_v4();
        insert(&bent, V4_ICMP, words * 4);
        bent.octets[0] = (uint8_t)(0x45 + words);
        memset(bent.octets + V4_ICMP, 7, words * 4);
        seal_at(&bent, V4_ICMP + words * 4);
        assert_taken(&bent);
    }
    struct bent v6 = bend_v6();
    insert(&v6, V6_ICMP, 24);
    v6.octets[6] = 0;
    v6.octets[V6_ICMP] = 60;
    v6.octets[V6_ICMP + 8] = 58;
    v6.octets[V6_ICMP + 9] = 1;
    seal_at(&v6, V6_ICMP + 24);
    assert_taken(&v6);
}

/* ---- the packet quoted ---- */

static void test_parse_quoted_version(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 16; version++) {
        struct bent v4 = bend_v4();
        struct bent v6 = bend_v6();
        v4.octets[V4_QUOTED] = (uint8_t)(version << 4 | 5);
        v6.octets[V6_QUOTED] = (uint8_t)(version << 4);
        seal(&v4);
        seal(&v6);
        assert_parses_as(version == 4 ? TFSM_WIRE_OK : TFSM_WIRE_VERSION, &v4);
        assert_parses_as(version == 6 ? TFSM_WIRE_OK : TFSM_WIRE_VERSION, &v6);
    }
}

static void test_parse_quoted_protocol(void **state)
{
    (void)state;
    for (unsigned protocol = 0; protocol < 256; protocol++) {
        struct bent v4 = bend_v4();
        struct bent v6 = bend_v6();
        v4.octets[V4_QUOTED + 9] = (uint8_t)protocol;
        v6.octets[V6_QUOTED + 6] = (uint8_t)protocol;
        seal(&v4);
        seal(&v6);
        assert_parses_as(protocol == 6 ? TFSM_WIRE_OK : TFSM_WIRE_PROTOCOL, &v4);
        if (protocol != 0 && protocol != 43 && protocol != 44 && protocol != 60) {
            assert_parses_as(protocol == 6 ? TFSM_WIRE_OK : TFSM_WIRE_PROTOCOL, &v6);
        }
    }
}

static void test_parse_quoted_v4_header_length(void **state)
{
    (void)state;
    for (size_t words = 0; words < 16; words++) {
        struct bent bent = bend_v4();
        bent.octets[V4_QUOTED] = (uint8_t)(0x40 + words);
        seal(&bent);
        if (words < 5) {
            assert_parses_as(TFSM_WIRE_IP_HEADER, &bent);
            continue;
        }
        assert_parses_as(words == 5 ? TFSM_WIRE_OK : TFSM_WIRE_SHORT, &bent);
        insert(&bent, V4_SEGMENT, (words - 5) * 4);
        memset(bent.octets + V4_SEGMENT, 0x99, (words - 5) * 4);
        seal(&bent);
        assert_taken(&bent);
    }
}

/* Routers change the header and cut the packet off: its checksum and lengths are not read, nor is
 * anything else that does not tell whose it is. */
static void test_parse_quoted_header_that_is_wrong(void **state)
{
    (void)state;
    static const size_t unread_v4[] = {1, 2, 3, 4, 5, 8, 10, 11};
    static const size_t unread_v6[] = {1, 2, 3, 4, 5, 7};
    for (unsigned value = 0; value < 256; value++) {
        for (size_t i = 0; i < sizeof unread_v4 / sizeof unread_v4[0]; i++) {
            struct bent bent = bend_v4();
            bent.octets[V4_QUOTED + unread_v4[i]] = (uint8_t)value;
            seal(&bent);
            assert_taken(&bent);
        }
        for (size_t i = 0; i < sizeof unread_v6 / sizeof unread_v6[0]; i++) {
            struct bent bent = bend_v6();
            bent.octets[V6_QUOTED + unread_v6[i]] = (uint8_t)value;
            seal(&bent);
            assert_taken(&bent);
        }
    }
}

/* Only the first fragment says whose it is. */
static void test_parse_quoted_v4_fragment(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 16; bit++) {
        struct bent bent = bend_v4();
        set16(bent.octets + V4_QUOTED + 6, 1u << bit);
        seal(&bent);
        assert_parses_as(bit < 13 ? TFSM_WIRE_FRAGMENT : TFSM_WIRE_OK, &bent);
    }
}

/* The golden message with extension headers of 8 octets in the packet it quotes. */
static struct bent with_chain(const uint8_t *next, size_t count, uint8_t last)
{
    struct bent bent = bend_v6();
    insert(&bent, V6_SEGMENT, 8 * count);
    bent.octets[V6_QUOTED + 6] = count == 0 ? last : next[0];
    for (size_t i = 0; i < count; i++) {
        bent.octets[V6_SEGMENT + 8 * i] = i + 1 == count ? last : next[i + 1];
    }
    seal(&bent);
    return bent;
}

static void test_parse_quoted_extensions_are_skipped(void **state)
{
    (void)state;
    static const uint8_t next[] = {0, 60, 43, 44, 60, 43, 44, 60};
    for (size_t count = 0; count <= sizeof next; count++) {
        struct bent bent = with_chain(next, count, 6);
        assert_taken(&bent);
        bent.n = V6_SEGMENT + 8 * count + 8;
        seal(&bent);
        assert_taken(&bent);
        while (bent.n-- > V6_QUOTED) {
            seal(&bent);
            assert_parses_as(TFSM_WIRE_SHORT, &bent);
        }
    }
}

static void test_parse_quoted_long_extension_is_skipped(void **state)
{
    (void)state;
    static const uint8_t next[] = {60, 60, 60};
    struct bent bent = with_chain(next, 3, 6);
    bent.octets[V6_SEGMENT] = 6; /* one header of 24 octets instead of three of 8 */
    bent.octets[V6_SEGMENT + 1] = 2;
    seal(&bent);
    assert_taken(&bent);
    for (unsigned length = 0; length < 256; length++) {
        struct tfsm_icmp_message out;
        bent.octets[V6_SEGMENT + 1] = (uint8_t)length;
        seal(&bent);
        bool fits = (length + 1) * 8 + 8 <= bent.n - V6_SEGMENT;
        assert_int_equal(parse_exact(bent.octets, bent.n, &out),
                         fits ? TFSM_WIRE_OK : TFSM_WIRE_SHORT);
    }
}

static void test_parse_quoted_v6_fragment(void **state)
{
    (void)state;
    static const uint8_t next[] = {60, 44};
    for (unsigned bit = 0; bit < 16; bit++) {
        struct bent bent = with_chain(next, 2, 6);
        set16(bent.octets + V6_SEGMENT + 10, 1u << bit);
        seal(&bent);
        assert_parses_as(bit < 3 ? TFSM_WIRE_OK : TFSM_WIRE_FRAGMENT, &bent);
    }
    for (unsigned value = 0; value < 256; value++) { /* the second octet is no length there */
        struct bent bent = with_chain(next, 2, 6);
        bent.octets[V6_SEGMENT + 9] = (uint8_t)value;
        seal(&bent);
        assert_taken(&bent);
    }
}

static void test_parse_quoted_chain_is_bounded(void **state)
{
    (void)state;
    static const uint8_t next[] = {60, 60, 60, 60, 44, 44, 44, 44, 44};
    struct bent eight = with_chain(next, 8, 6);
    struct bent nine = with_chain(next, 9, 6);
    assert_taken(&eight);
    assert_parses_as(TFSM_WIRE_PROTOCOL, &nine);
}

static void test_parse_quoted_hop_by_hop_comes_first_or_not_at_all(void **state)
{
    (void)state;
    static const uint8_t second[] = {60, 0};
    struct bent bent = with_chain(second, 2, 6);
    assert_parses_as(TFSM_WIRE_PROTOCOL, &bent);
}

/* Its destination is not the other end of a connection. */
static void test_parse_quoted_routing_with_hops_to_go(void **state)
{
    (void)state;
    static const uint8_t next[] = {43};
    struct bent bent = with_chain(next, 1, 6);
    bent.octets[V6_SEGMENT + 3] = 1; /* segments left */
    seal(&bent);
    assert_parses_as(TFSM_WIRE_PROTOCOL, &bent);
}

/* Every octet of addresses, ports and SEG.SEQ is in the answer. */
static void test_parse_quoted_every_octet_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < 16; i++) {
        struct tfsm_icmp_message out;
        struct bent bent = bend_v4();
        bent.octets[V4_QUOTED + 12 + i] ^= 0xff;
        seal(&bent);
        assert_int_equal(parse_exact(bent.octets, bent.n, &out), TFSM_WIRE_OK);
        assert_int_equal(out.local.octets[i % 4] == wanted_v4.local.octets[i % 4], i >= 4);
        assert_int_equal(out.remote.octets[i % 4] == wanted_v4.remote.octets[i % 4],
                         i < 4 || i >= 8);
        assert_int_equal(out.local_port == wanted_v4.local_port, i != 8 && i != 9);
        assert_int_equal(out.remote_port == wanted_v4.remote_port, i != 10 && i != 11);
        assert_int_equal(out.seq == wanted_v4.seq, i < 12);
    }
    for (size_t i = 0; i < 40; i++) {
        struct tfsm_icmp_message out;
        struct bent bent = bend_v6();
        bent.octets[V6_QUOTED + 8 + i] ^= 0xff;
        seal(&bent);
        assert_int_equal(parse_exact(bent.octets, bent.n, &out), TFSM_WIRE_OK);
        assert_int_equal(out.local.octets[i % 16] == wanted_v6.local.octets[i % 16], i >= 16);
        assert_int_equal(out.remote.octets[i % 16] == wanted_v6.remote.octets[i % 16],
                         i < 16 || i >= 32);
        assert_int_equal(out.local_port == wanted_v6.local_port, i != 32 && i != 33);
        assert_int_equal(out.remote_port == wanted_v6.remote_port, i != 34 && i != 35);
        assert_int_equal(out.seq == wanted_v6.seq, i < 36);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_golden),
        cmocka_unit_test(test_parse_quote_of_what_is_written),
        cmocka_unit_test(test_meaning_of_every_type_and_code),
        cmocka_unit_test(test_meaning_beyond_an_octet),
        cmocka_unit_test(test_parse_every_type_and_code),
        cmocka_unit_test(test_mss_of_the_mtu_told_v4),
        cmocka_unit_test(test_mss_of_the_mtu_told_v6),
        cmocka_unit_test(test_parse_every_truncation_on_the_way),
        cmocka_unit_test(test_parse_every_truncation_by_the_sender),
        cmocka_unit_test(test_parse_checksum_catches_every_bit),
        cmocka_unit_test(test_parse_checksum_covers_the_addresses_of_v6),
        cmocka_unit_test(test_parse_link_padding_is_ignored),
        cmocka_unit_test(test_parse_outer_version),
        cmocka_unit_test(test_parse_outer_protocol),
        cmocka_unit_test(test_parse_outer_fragment),
        cmocka_unit_test(test_parse_outer_options_and_extensions_are_skipped),
        cmocka_unit_test(test_parse_quoted_version),
        cmocka_unit_test(test_parse_quoted_protocol),
        cmocka_unit_test(test_parse_quoted_v4_header_length),
        cmocka_unit_test(test_parse_quoted_header_that_is_wrong),
        cmocka_unit_test(test_parse_quoted_v4_fragment),
        cmocka_unit_test(test_parse_quoted_extensions_are_skipped),
        cmocka_unit_test(test_parse_quoted_long_extension_is_skipped),
        cmocka_unit_test(test_parse_quoted_v6_fragment),
        cmocka_unit_test(test_parse_quoted_chain_is_bounded),
        cmocka_unit_test(test_parse_quoted_hop_by_hop_comes_first_or_not_at_all),
        cmocka_unit_test(test_parse_quoted_routing_with_hops_to_go),
        cmocka_unit_test(test_parse_quoted_every_octet_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
