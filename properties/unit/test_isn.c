/* Unit tests of the initial sequence numbers and timestamp offsets: SipHash-2-4 against its authors'
 * reference vectors, the clock component, and what the hash has to keep apart; and of the hash that
 * tables have, SipHash-1-3. Statistics are in properties/rapidcheck/prop_isn.cpp. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "listener.h"
#include "tfsm.h"

static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const struct tfsm_address here = {4, {192, 0, 2, 1}};
static const struct tfsm_address there = {4, {198, 51, 100, 2}};

static uint32_t isn_at(tfsm_time now)
{
    return tfsm_isn(key, &here, 49152, &there, 80, now);
}

static uint32_t offset_of(const struct tfsm_address *local, uint16_t local_port,
                          const struct tfsm_address *remote, uint16_t remote_port)
{
    return tfsm_timestamp_offset(key, local, local_port, remote, remote_port);
}

/* The input of vector n is the octets 0, 1 .. n-1, in a block of exactly n octets. */
static void test_siphash_reference_vectors(void **state)
{
    (void)state;
    static const uint64_t vectors[] = {
        0x726fdb47dd0e0e31u, 0x74f839c593dc67fdu, 0x0d6c8009d9a94f5au, 0x85676696d7fb7e2du,
        0xcf2794e0277187b7u, 0x18765564cd99a68du, 0xcbc9466e58fee3ceu, 0xab0200f58b01d137u,
        0x93f5f5799a932462u, 0x9e0082df0ba9e4b0u, 0x7a5dbbc594ddb9f3u, 0xf4b32f46226bada7u,
        0x751e8fbc860ee5fbu, 0x14ea5627c0843d90u, 0xf723ca908e7af2eeu, 0xa129ca6149be45e5u,
    };
    for (size_t n = 0; n < sizeof vectors / sizeof vectors[0]; n++) {
        uint8_t *octets = malloc(n + 1);
        assert_non_null(octets);
        for (size_t i = 0; i < n; i++) {
            octets[i + 1] = (uint8_t)i;
        }
        assert_true(tfsm_siphash(key, octets + 1, n) == vectors[n]);
        free(octets);
    }
}

static void test_siphash_length_counts(void **state)
{
    (void)state;
    static const uint8_t zeros[300];
    for (size_t n = 1; n < sizeof zeros; n++) {
        assert_true(tfsm_siphash(key, zeros, n) != tfsm_siphash(key, zeros, n - 1));
    }
}

static void test_siphash_every_octet_counts(void **state)
{
    (void)state;
    uint8_t octets[40] = {0};
    uint8_t other[16];
    uint64_t before = tfsm_siphash(key, octets, sizeof octets);
    for (size_t i = 0; i < sizeof octets; i++) {
        octets[i] = 0x80;
        assert_true(tfsm_siphash(key, octets, sizeof octets) != before);
        octets[i] = 0;
    }
    for (size_t i = 0; i < sizeof key; i++) {
        memcpy(other, key, sizeof key);
        other[i] ^= 0x80;
        assert_true(tfsm_siphash(other, octets, sizeof octets) != before);
    }
}

/* F of RFC 6528 is the low half of a hash of both sockets, each field in its place (RFC9293:SHLD-1,
 * RFC6528:3a). The other half is where timestamps start (RFC7323:7.1): nobody learns one from
 * the other (RFC9293:MUST-9, RFC6528:3b). */
static void test_isn_and_offset_are_halves_of_the_hash(void **state)
{
    (void)state;
    static const uint8_t v4[12] = {192, 0, 2, 1, 198, 51, 100, 2, 0xc0, 0x00, 0x00, 0x50};
    static const uint8_t v6[36] = {1,  2,  3,  4,  5,  6,  7,  8,  9,    10,   11,   12,
                                   13, 14, 15, 16, 17, 18, 19, 20, 21,   22,   23,   24,
                                   25, 26, 27, 28, 29, 30, 31, 32, 0x12, 0x34, 0x56, 0x78};
    struct tfsm_address local = {6, {0}};
    struct tfsm_address remote = {6, {0}};
    memcpy(local.octets, v6, 16);
    memcpy(remote.octets, v6 + 16, 16);
    assert_int_equal(isn_at(0), (uint32_t)(tfsm_siphash(key, v4, sizeof v4) & UINT32_MAX));
    assert_int_equal(tfsm_isn(key, &local, 0x1234, &remote, 0x5678, 0),
                     (uint32_t)(tfsm_siphash(key, v6, sizeof v6) & UINT32_MAX));
    assert_int_equal(offset_of(&here, 49152, &there, 80),
                     (uint32_t)(tfsm_siphash(key, v4, sizeof v4) >> 32));
    assert_int_equal(offset_of(&local, 0x1234, &remote, 0x5678),
                     (uint32_t)(tfsm_siphash(key, v6, sizeof v6) >> 32));
}

/* RFC9293:MUST-8 */
static void test_seed_is_isn_and_offset(void **state)
{
    (void)state;
    struct tfsm_event event = {.now = 123456789};
    tfsm_seed(key, &here, 49152, &there, 80, &event);
    assert_int_equal(event.iss, isn_at(123456789));
    assert_int_equal(event.ts_offset, offset_of(&here, 49152, &there, 80));
}

static void test_isn_clock_ticks_every_four_microseconds(void **state)
{
    (void)state;
    for (tfsm_time now = 0; now < 4000; now++) {
        assert_int_equal((uint32_t)(((uint64_t)isn_at(0) + now / 4) & UINT32_MAX), isn_at(now));
    }
}

static void test_isn_clock_wraps(void **state)
{
    (void)state;
    static const tfsm_time turn = (tfsm_time)1 << 34; /* about 4.8 hours */
    assert_int_equal(isn_at(turn), isn_at(0));
    assert_int_equal(isn_at(turn + 4), isn_at(4));
    assert_int_equal((uint32_t)(((uint64_t)isn_at(turn - 1) + 1) & UINT32_MAX), isn_at(turn));
    assert_int_equal((uint32_t)(((uint64_t)isn_at(UINT64_MAX) + 1) & UINT32_MAX), isn_at(0));
}

static void test_isn_other_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof key; i++) {
        uint8_t other[16];
        memcpy(other, key, sizeof key);
        other[i] ^= 1;
        assert_int_not_equal(tfsm_isn(other, &here, 49152, &there, 80, 0), isn_at(0));
    }
}

static void test_isn_other_tuple(void **state)
{
    (void)state;
    uint32_t before = isn_at(0);
    for (size_t i = 0; i < 4; i++) {
        struct tfsm_address local = here;
        struct tfsm_address remote = there;
        local.octets[i] ^= 1;
        remote.octets[i] ^= 1;
        assert_int_not_equal(tfsm_isn(key, &local, 49152, &there, 80, 0), before);
        assert_int_not_equal(tfsm_isn(key, &here, 49152, &remote, 80, 0), before);
    }
    for (unsigned bit = 0; bit < 16; bit++) {
        assert_int_not_equal(tfsm_isn(key, &here, (uint16_t)(49152 ^ 1u << bit), &there, 80, 0),
                             before);
        assert_int_not_equal(tfsm_isn(key, &here, 49152, &there, (uint16_t)(80 ^ 1u << bit), 0),
                             before);
    }
}

static void test_isn_every_octet_of_a_v6_address_counts(void **state)
{
    (void)state;
    struct tfsm_address a = {6, {0x20, 1, 0x0d, 0xb8}};
    struct tfsm_address b = {6, {0x20, 1, 0x0d, 0xb8, 1}};
    uint32_t before = tfsm_isn(key, &a, 1, &b, 2, 0);
    for (size_t i = 0; i < 16; i++) {
        a.octets[i] ^= 1;
        assert_int_not_equal(tfsm_isn(key, &a, 1, &b, 2, 0), before);
        a.octets[i] ^= 1;
        b.octets[i] ^= 1;
        assert_int_not_equal(tfsm_isn(key, &a, 1, &b, 2, 0), before);
        b.octets[i] ^= 1;
    }
}

static void test_isn_the_two_ends_differ(void **state)
{
    (void)state;
    assert_int_not_equal(tfsm_isn(key, &there, 80, &here, 49152, 0), isn_at(0));
    assert_int_not_equal(tfsm_isn(key, &there, 49152, &here, 80, 0), isn_at(0));
    assert_int_not_equal(tfsm_isn(key, &here, 80, &there, 49152, 0), isn_at(0));
}

static void test_isn_family_counts(void **state)
{
    (void)state;
    const struct tfsm_address here_mapped = {
        6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}};
    const struct tfsm_address there_mapped = {
        6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 2}};
    const struct tfsm_address here_six = {6, {192, 0, 2, 1}};
    const struct tfsm_address there_six = {6, {198, 51, 100, 2}};
    assert_int_not_equal(tfsm_isn(key, &here_mapped, 49152, &there_mapped, 80, 0), isn_at(0));
    assert_int_not_equal(tfsm_isn(key, &here_six, 49152, &there_six, 80, 0), isn_at(0));
}

static void test_isn_octets_beyond_a_v4_address_do_not_count(void **state)
{
    (void)state;
    struct tfsm_address local = here;
    struct tfsm_address remote = there;
    memset(local.octets + 4, 0xee, 12);
    memset(remote.octets + 4, 0xdd, 12);
    assert_int_equal(tfsm_isn(key, &local, 49152, &remote, 80, 0), isn_at(0));
}

/* Another connection starts elsewhere, with another key so does every one; the ends differ, too. */
static void test_offset_other_key_or_tuple(void **state)
{
    (void)state;
    const struct tfsm_address here_six = {6, {192, 0, 2, 1}};
    const struct tfsm_address there_six = {6, {198, 51, 100, 2}};
    uint32_t before = offset_of(&here, 49152, &there, 80);
    for (size_t i = 0; i < sizeof key; i++) {
        uint8_t other[16];
        memcpy(other, key, sizeof key);
        other[i] ^= 1;
        assert_int_not_equal(tfsm_timestamp_offset(other, &here, 49152, &there, 80), before);
    }
    for (size_t i = 0; i < 4; i++) {
        struct tfsm_address local = here;
        struct tfsm_address remote = there;
        local.octets[i] ^= 1;
        remote.octets[i] ^= 1;
        assert_int_not_equal(offset_of(&local, 49152, &there, 80), before);
        assert_int_not_equal(offset_of(&here, 49152, &remote, 80), before);
    }
    for (unsigned bit = 0; bit < 16; bit++) {
        assert_int_not_equal(offset_of(&here, (uint16_t)(49152 ^ 1u << bit), &there, 80), before);
        assert_int_not_equal(offset_of(&here, 49152, &there, (uint16_t)(80 ^ 1u << bit)), before);
    }
    assert_int_not_equal(offset_of(&there, 80, &here, 49152), before);
    assert_int_not_equal(offset_of(&here_six, 49152, &there_six, 80), before);
}

/* The next incarnation starts where this one did, whatever the embedder left behind an address
 * (RFC6191:3). */
static void test_offset_of_a_tuple_stays(void **state)
{
    (void)state;
    struct tfsm_address local = here;
    struct tfsm_address remote = there;
    uint32_t before = offset_of(&here, 49152, &there, 80);
    memset(local.octets + 4, 0xee, 12);
    memset(remote.octets + 4, 0xdd, 12);
    assert_int_equal(offset_of(&local, 49152, &remote, 80), before);
}

/* ---- the hash of tables ---- */

/* SipHash-1-3 of local address, remote address, local port and remote port as on the wire. The
 * numbers are those of a SipHash written from its paper in Python, which agrees with the reference
 * vectors above for 2-4 and with hash() of CPython, whose key is zero under PYTHONHASHSEED=0, for
 * 1-3. */
static void test_table_hash_vectors(void **state)
{
    (void)state;
    const struct tfsm_address v4_remote = {4, {198, 51, 100, 7}};
    const struct tfsm_address v6_local = {6, {0x20, 1, 0x0d, 0xb8, [15] = 1}};
    const struct tfsm_address v6_remote = {6, {0x20, 1, 0x0d, 0xb8, [15] = 2}};
    assert_true(tfsm_hash_for_table(key, &here, 80, &v4_remote, 49152) == 0xa2e8c0941cd709f4u);
    assert_true(tfsm_hash_for_table(key, &v6_local, 80, &v6_remote, 49152) == 0x237b76747544ce8au);
}

/* Nobody who lacks the key, or has another tuple, knows where an entry is. */
static void test_table_hash_other_key_or_tuple(void **state)
{
    (void)state;
    static const uint8_t octets_of[] = {4, 16};
    for (size_t family = 0; family < 2; family++) {
        struct tfsm_address local = here;
        struct tfsm_address remote = there;
        uint8_t other[16];
        local.family = remote.family = family == 0 ? 4 : 6;
        const uint64_t before = tfsm_hash_for_table(key, &local, 80, &remote, 49152);
        assert_true(tfsm_hash_for_table(key, &remote, 49152, &local, 80) != before);
        for (size_t i = 0; i < sizeof key; i++) {
            memcpy(other, key, sizeof key);
            other[i] ^= 1;
            assert_true(tfsm_hash_for_table(other, &local, 80, &remote, 49152) != before);
        }
        for (size_t i = 0; i < octets_of[family]; i++) {
            local.octets[i] ^= 1;
            assert_true(tfsm_hash_for_table(key, &local, 80, &remote, 49152) != before);
            local.octets[i] ^= 1;
            remote.octets[i] ^= 1;
            assert_true(tfsm_hash_for_table(key, &local, 80, &remote, 49152) != before);
            remote.octets[i] ^= 1;
        }
        for (unsigned bit = 0; bit < 16; bit++) {
            const uint16_t our = (uint16_t)(80 ^ 1u << bit);
            const uint16_t its = (uint16_t)(49152 ^ 1u << bit);
            assert_true(tfsm_hash_for_table(key, &local, our, &remote, 49152) != before);
            assert_true(tfsm_hash_for_table(key, &local, 80, &remote, its) != before);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_reference_vectors),
        cmocka_unit_test(test_siphash_length_counts),
        cmocka_unit_test(test_siphash_every_octet_counts),
        cmocka_unit_test(test_isn_and_offset_are_halves_of_the_hash),
        cmocka_unit_test(test_seed_is_isn_and_offset),
        cmocka_unit_test(test_isn_clock_ticks_every_four_microseconds),
        cmocka_unit_test(test_isn_clock_wraps),
        cmocka_unit_test(test_isn_other_key),
        cmocka_unit_test(test_isn_other_tuple),
        cmocka_unit_test(test_isn_every_octet_of_a_v6_address_counts),
        cmocka_unit_test(test_isn_the_two_ends_differ),
        cmocka_unit_test(test_isn_family_counts),
        cmocka_unit_test(test_isn_octets_beyond_a_v4_address_do_not_count),
        cmocka_unit_test(test_offset_other_key_or_tuple),
        cmocka_unit_test(test_offset_of_a_tuple_stays),
        cmocka_unit_test(test_table_hash_vectors),
        cmocka_unit_test(test_table_hash_other_key_or_tuple),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
