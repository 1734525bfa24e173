/* pcapng as others write it: of either byte order, times of any resolution, interfaces that differ, blocks of the old kinds. What
 * is damaged is refused with a word that says what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"

#define RAW_IP   101u
#define ETHERNET 1u
#define USB      220u

static bool swapped;
static struct image image;

static void put16(uint16_t number)
{
    image_put16(&image, swapped ? __builtin_bswap16(number) : number);
}

static void put32(uint32_t number)
{
    image_put32(&image, swapped ? __builtin_bswap32(number) : number);
}

static void put_section(void)
{
    put32(0x0a0d0d0au);
    put32(28);
    put32(0x1a2b3c4du);
    put16(1);
    put16(0);
    put32(UINT32_MAX);
    put32(UINT32_MAX);
    put32(28);
}

static void put_interface(unsigned link, uint32_t snapshot, uint8_t resolution, int64_t offset)
{
    uint64_t seconds = (uint64_t)offset;
    put32(1);
    put32(20 + 8 + 12 + 4);
    put16((uint16_t)link);
    put16(0);
    put32(snapshot);
    put16(9); /* resolution */
    put16(1);
    image_put(&image, &(uint8_t[4]){resolution}, 4);
    put16(14); /* offset */
    put16(8);
    seconds = swapped ? __builtin_bswap64(seconds) : seconds;
    image_put(&image, &seconds, 8);
    put32(0);
    put32(20 + 8 + 12 + 4);
}

static size_t make_packet(uint8_t octets[64])
{
    const struct tfsm_packet packet = {.src = {.family = 4, .octets = {192, 0, 2, 1}},
                                       .dst = {.family = 4, .octets = {192, 0, 2, 2}},
                                       .src_port = 1000,
                                       .dst_port = 80,
                                       .hops = 64,
                                       .segment = {.flags = TFSM_SYN, .len = 1}};
    return tfsm_write(&packet, NULL, octets, 64);
}

/* A SYN behind as many octets of link header; its type: 6 as it is today, 2 as it was, 3 without a time. */
static void put_packet(uint32_t type, uint32_t interface, uint64_t ticks, bool ethernet)
{
    static const uint8_t header[14] = {[12] = 0x08};
    uint8_t octets[64];
    uint32_t size = (uint32_t)make_packet(octets);
    uint32_t all = size + (ethernet ? 14 : 0);
    uint32_t padding = (4 - all % 4) % 4;
    uint32_t block = all + padding + (type == 3 ? 16 : 32);
    put32(type);
    put32(block);
    if (type == 6) {
        put32(interface);
    } else if (type == 2) {
        put16((uint16_t)interface);
        put16(7); /* dropped before it */
    }
    if (type != 3) {
        put32((uint32_t)(ticks >> 32));
        put32((uint32_t)ticks);
        put32(all);
    }
    put32(all);
    image_put(&image, header, ethernet ? 14 : 0);
    image_put(&image, octets, size);
    image_put(&image, "\0\0\0", padding);
    put32(block);
}

static void begin(bool other_order)
{
    swapped = other_order;
    image.size = 0;
    put_section();
}

static void read_all(struct capture *capture, size_t segments)
{
    char error[CAPTURE_ERROR] = "";
    if (!image_read(&image, image.size, capture, error)) {
        fail_msg("%s", error);
    }
    assert_int_equal(capture->count, segments);
}

static void test_pcapng_times_of_any_resolution(void **state)
{
    static const struct {
        uint8_t resolution;
        uint64_t ticks;
        int64_t offset;
        tfsm_time time; /* microseconds */
    } times[] = {
        {6, 1700000000123456, 0, 1700000000123456},
        {9, 1700000000123456789, 0, 1700000000123456},
        {3, 1700000000123, 0, 1700000000123000},
        {0, 1700000000, 0, 1700000000000000},
        {12, 1700000123456789, 0, 1700000123},
        {40, 1700000000123456789, 0, 0},
        {0x80 | 10, UINT64_C(1700000000) << 10 | 512, 0, 1700000000500000},
        {0x80 | 32, UINT64_C(1700000000) << 32 | UINT64_C(1) << 30, 0, 1700000000250000},
        {0x80 | 60, UINT64_C(3) << 58, 0, 750000},
        {0x80 | 100, UINT64_MAX, 0, 0},
        {6, 123456, 1700000000, 1700000000123456},
        {6, 1700000000123456, -1700000000, 123456},
        {6, 5, -1, 0},
        {0, UINT64_MAX, INT64_MAX, UINT64_MAX / 1000},
        {0, 1, INT64_MIN, 0},
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof times / sizeof times[0]; i++) {
        struct capture capture;
        begin(i % 2 == 1);
        put_interface(RAW_IP, 65535, times[i / 2].resolution, times[i / 2].offset);
        put_packet(6, 0, times[i / 2].ticks, false);
        read_all(&capture, 1);
        if (capture.segments[0].time != times[i / 2].time) {
            fail_msg("time %zu is %llu", i / 2, (unsigned long long)capture.segments[0].time);
        }
        capture_free(&capture);
    }
}

static void test_pcapng_interfaces_that_differ(void **state)
{
    struct capture capture;
    (void)state;
    begin(false);
    put_interface(RAW_IP, 65535, 6, 0);
    put_interface(ETHERNET, 96, 9, 0);
    put_interface(USB, 0, 6, 0);
    put_packet(6, 1, 1000000000, true);
    put_packet(6, 0, 2000000, false);
    put_packet(6, 2, 2500000, true);
    swapped = true; /* another section, of interfaces of its own */
    put_section();
    put_interface(ETHERNET, 0, 6, 0);
    put_packet(6, 0, 3000000, true);
    read_all(&capture, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(capture.segments[i].time == (i + 1) * 1000000);
    }
    assert_int_equal(capture.packets, 4);
    assert_int_equal(capture.left[CAPTURE_LINK], 1);
    capture_free(&capture);
}

static void test_pcapng_blocks_of_the_old_kinds(void **state)
{
    struct capture capture;
    (void)state;
    begin(false);
    put_interface(ETHERNET, 65535, 6, 0);
    put_packet(2, 0, 4000000, true);
    put_packet(3, 0, 0, true);
    put32(5); /* statistics: nothing that is read here */
    put32(12);
    put32(12);
    put_packet(6, 0, 5000000, true);
    read_all(&capture, 3);
    assert_true(capture.segments[0].time == 4000000);
    assert_true(capture.segments[1].time == 4000000); /* it has none of its own */
    assert_int_equal(capture.assumed[CAPTURE_NO_TIME], 1);
    capture_free(&capture);
}

static void refuse(const char *words)
{
    struct capture capture;
    char error[CAPTURE_ERROR] = "";
    assert_false(image_read(&image, image.size, &capture, error));
    if (strstr(error, words) == NULL) {
        fail_msg("not '%s', but '%s'", words, error);
    }
    capture_free(&capture);
}

static void test_pcapng_damaged(void **state)
{
    (void)state;
    begin(false);
    put_packet(6, 0, 0, false);
    refuse("interface 0 is nowhere described (packet 1)");
    begin(false);
    put_interface(USB, 0, 6, 0);
    put_packet(6, 0, 0, true);
    refuse("link type 220");
    begin(false);
    put_interface(RAW_IP, 0, 6, 0);
    put_packet(6, 0, 0, false);
    put_packet(6, 0, 0, false);
    image.octets[image.size - 2] = 1;
    refuse("(packet 2)");
    begin(false);
    put_interface(RAW_IP, 0, 6, 0);
    put_packet(6, 0, 0, false);
    image.octets[image.size - 4 - 40 - 8] += 4; /* what was recorded of 40 octets */
    refuse("a packet of 44 octets in a block that has room for 40 (packet 1)");
    begin(false);
    put_interface(RAW_IP, 0, 6, 0);
    put32(6);
    put32(UINT32_MAX - 3);
    refuse("a block of 4294967292 octets (packet 1)");
    begin(false);
    put32(5);
    put32(14);
    image_put(&image, "\0\0", 2);
    put32(14);
    refuse("a block of 14 octets (packet 1)");
    begin(false);
    put32(1);
    put32(12);
    put32(12);
    refuse("an interface that is cut off (packet 1)");
    begin(false);
    put_interface(RAW_IP, 0, 6, 0);
    put_packet(6, 0, 0, false);
    size_t whole = image.size;
    put_packet(6, 0, 0, false);
    for (image.size--; image.size > whole; image.size--) {
        refuse("ends within a block (packet 2)");
    }
    struct capture capture;
    read_all(&capture, 1);
    capture_free(&capture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcapng_times_of_any_resolution),
        cmocka_unit_test(test_pcapng_interfaces_that_differ),
        cmocka_unit_test(test_pcapng_blocks_of_the_old_kinds),
        cmocka_unit_test(test_pcapng_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
