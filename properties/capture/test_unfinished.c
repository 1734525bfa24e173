/* Captures as people record them: on the host that sends, where checksums and lengths are left to
 * the network card; cut off after so many octets; in every variant of the format. What was sent is
 * taken, and counted by what is assumed of it; what is left out is counted by why.
 *
 * usage: test_unfinished CAPTURE    (a sound one; IPv4 or IPv6) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"

#define RAW 101u

static struct capture original;

/* One packet of a file: what is there of it, and how long it was. */
static void put_packet(struct image *image, tfsm_time time, const uint8_t *octets, size_t n,
                       size_t wire)
{
    image_put32(image, (uint32_t)(time / 1000000));
    image_put32(image, (uint32_t)(time % 1000000));
    image_put32(image, (uint32_t)n);
    image_put32(image, (uint32_t)wire);
    image_put(image, octets, n);
}

static bool is_v6(void)
{
    return original.segments[0].packet.src.family == 6;
}

static size_t ip_header(void)
{
    return is_v6() ? 40 : 20;
}

static const uint8_t *packet_of(const struct capture_segment *segment)
{
    return original.octets + segment->at;
}

/* Octets up to where the text begins. */
static size_t headers_of(const struct capture_segment *segment)
{
    return segment->packet.text_at;
}

static unsigned sum_up(unsigned sum, const uint8_t *octets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 == 0 ? octets[i] * 256u : octets[i];
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* What a stack writes into the checksum for the card to go on with. */
static void leave_to_card(uint8_t *packet, size_t n, bool with_length)
{
    size_t at = ip_header();
    unsigned sum = 6 + (with_length ? (unsigned)(n - at) : 0);
    sum = sum_up(sum, packet + (is_v6() ? 8 : 12), is_v6() ? 32 : 8);
    packet[at + 16] = (uint8_t)(sum >> 8);
    packet[at + 17] = (uint8_t)sum;
}

static void set_length(uint8_t *packet, size_t length)
{
    size_t number = is_v6() && length > 0 ? length - 40 : length;
    packet[is_v6() ? 4 : 2] = (uint8_t)(number >> 8);
    packet[is_v6() ? 5 : 3] = (uint8_t)number;
    if (!is_v6()) {
        packet[10] = packet[11] = 0;
        unsigned sum = sum_up(0, packet, 20);
        packet[10] = (uint8_t)((0xffff - sum) >> 8);
        packet[11] = (uint8_t)(0xffff - sum);
    }
}

static void read_all(const struct image *image, struct capture *capture)
{
    char error[CAPTURE_ERROR] = "";
    if (!image_read(image, image->size, capture, error)) {
        fail_msg("%s", error);
    }
}

static bool same_segment(const struct tfsm_segment *a, const struct tfsm_segment *b)
{
    return a->seq == b->seq && a->ack == b->ack && a->len == b->len && a->flags == b->flags &&
           a->wnd == b->wnd && a->options == b->options && a->ts_val == b->ts_val &&
           a->ts_ecr == b->ts_ecr && a->mss == b->mss && a->wscale == b->wscale &&
           a->sacks == b->sacks;
}

/* Every segment of the original, with the same assumption. */
static void assert_taken(const struct capture *capture, unsigned assumed)
{
    assert_int_equal(capture->count, original.count);
    assert_int_equal(capture->connection_count, original.connection_count);
    for (size_t i = 0; i < capture->count; i++) {
        assert_true(same_segment(&capture->segments[i].packet.segment,
                                 &original.segments[i].packet.segment));
        assert_true(capture->segments[i].time == original.segments[i].time);
        assert_int_equal(capture->segments[i].assumed, assumed);
    }
    for (unsigned i = 0; i < CAPTURE_ASSUMPTIONS; i++) {
        assert_int_equal(capture->assumed[i], (assumed >> i & 1u) != 0 ? original.count : 0);
    }
    for (unsigned i = 0; i < CAPTURE_REASONS; i++) {
        assert_int_equal(capture->left[i], 0);
    }
}

/* A change to a packet; returns its new length. */
typedef size_t change(uint8_t *packet, size_t n);

static void changed(struct image *image, change *how)
{
    image->size = 0;
    image_file_header(image, RAW);
    for (size_t i = 0; i < original.count; i++) {
        const struct capture_segment *segment = &original.segments[i];
        uint8_t packet[4096];
        assert_true(segment->size <= sizeof packet - 64);
        memcpy(packet, packet_of(segment), segment->size);
        size_t n = how(packet, segment->size);
        put_packet(image, segment->time, packet, n, n);
    }
}

static void check_taken(change *how, unsigned assumed)
{
    static struct image image;
    struct capture capture;
    changed(&image, how);
    read_all(&image, &capture);
    assert_taken(&capture, assumed);
    capture_free(&capture);
}

static void check_left(change *how, enum capture_reason reason)
{
    static struct image image;
    struct capture capture;
    char error[CAPTURE_ERROR] = "";
    changed(&image, how);
    assert_false(image_read(&image, image.size, &capture, error));
    assert_non_null(strstr(error, capture_reason_text(reason)));
    bool others = reason == CAPTURE_NOT_IP || reason == CAPTURE_NOT_TCP;
    assert_int_equal(strstr(error, "that can be taken") == NULL, others);
    assert_int_equal(capture.left[reason], original.count);
    capture_free(&capture);
}

/* ---- left to the network card ---- */

static size_t offload(uint8_t *packet, size_t n)
{
    leave_to_card(packet, n, true);
    return n;
}

static size_t offload_without_length(uint8_t *packet, size_t n)
{
    leave_to_card(packet, n, false);
    return n;
}

static void test_checksum_of_the_pseudo_header(void **state)
{
    (void)state;
    check_taken(offload, 1u << CAPTURE_OFFLOAD);
    check_taken(offload_without_length, 1u << CAPTURE_OFFLOAD);
}

static size_t spoil(uint8_t *packet, size_t n)
{
    packet[ip_header() + 16] ^= 0x40;
    return n;
}

static size_t spoil_offloaded(uint8_t *packet, size_t n)
{
    leave_to_card(packet, n, true);
    return spoil(packet, n);
}

static void test_checksum_wrong(void **state)
{
    (void)state;
    check_left(spoil, CAPTURE_BAD_CHECKSUM);
    check_left(spoil_offloaded, CAPTURE_BAD_CHECKSUM);
}

static size_t no_length(uint8_t *packet, size_t n)
{
    set_length(packet, 0);
    return n;
}

static size_t no_length_offloaded(uint8_t *packet, size_t n)
{
    set_length(packet, 0);
    leave_to_card(packet, n, false);
    return n;
}

static void test_length_left_to_the_card(void **state)
{
    (void)state;
    check_taken(no_length, 1u << CAPTURE_NO_LENGTH);
    check_taken(no_length_offloaded, 1u << CAPTURE_NO_LENGTH | 1u << CAPTURE_OFFLOAD);
}

static size_t no_ip_checksum(uint8_t *packet, size_t n)
{
    packet[10] = packet[11] = 0;
    return n;
}

static size_t bad_ip_checksum(uint8_t *packet, size_t n)
{
    packet[10] ^= 0x20;
    return n;
}

static void test_ipv4_checksum_left_to_the_card(void **state)
{
    (void)state;
    if (!is_v6()) {
        check_taken(no_ip_checksum, 1u << CAPTURE_NO_IP_CHECKSUM);
        check_left(bad_ip_checksum, CAPTURE_BAD_IP);
    }
}

/* More text than 16 bits count, as cards take it of Linux. */
static void test_super_segment(void **state)
{
    static struct image image;
    static uint8_t packet[100000];
    static const size_t lengths[] = {20000, 65535, 65536, 99999};
    const struct capture_segment *segment = &original.segments[original.count - 1];
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct capture capture;
        size_t n = lengths[i];
        memset(packet, 0x5a, sizeof packet);
        memcpy(packet, packet_of(segment), headers_of(segment));
        set_length(packet, n <= 65535 ? n : 0);
        leave_to_card(packet, n, true);
        image.size = 0;
        image_file_header(&image, RAW);
        put_packet(&image, segment->time, packet, n, n);
        read_all(&image, &capture);
        assert_int_equal(capture.count, 1);
        assert_int_equal(capture_text(&capture.segments[0].packet.segment),
                         n - headers_of(segment));
        assert_int_equal(capture.segments[0].packet.segment.seq, segment->packet.segment.seq);
        assert_true(capture.segments[0].size <= CAPTURE_KEPT);
        capture_free(&capture);
    }
}

/* A frame says that it was longer than any card makes them: that is damage, and no length. */
static void test_no_segment_is_as_long_as_a_frame_may_claim(void **state)
{
    static struct image image;
    static const uint32_t claims[] = {(1u << 20) + 1, 0x7fffffffu, 0xffffffffu};
    const struct capture_segment *segment = &original.segments[0];
    (void)state;
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        struct capture capture;
        char error[CAPTURE_ERROR] = "";
        uint8_t packet[4096];
        memcpy(packet, packet_of(segment), segment->size);
        set_length(packet, 0);
        image.size = 0;
        image_file_header(&image, RAW);
        put_packet(&image, segment->time, packet, segment->size, claims[i]);
        assert_false(image_read(&image, image.size, &capture, error));
        assert_int_equal(capture.left[CAPTURE_BAD_IP], 1);
        capture_free(&capture);
    }
}

/* ---- times ---- */

/* A clock that was set back, or damage: time stands still, the order is the file's, and it is said. */
static void test_a_time_before_the_last_one(void **state)
{
    static struct image image;
    struct capture capture;
    (void)state;
    assert_true(original.count >= 3);
    image.size = 0;
    image_file_header(&image, RAW);
    for (size_t i = 0; i < original.count; i++) {
        const struct capture_segment *segment = &original.segments[i];
        tfsm_time time = i == 1 ? 5 : segment->time;
        put_packet(&image, time, packet_of(segment), segment->size, segment->size);
    }
    read_all(&image, &capture);
    assert_int_equal(capture.count, original.count);
    assert_true(capture.segments[1].time == original.segments[0].time);
    assert_true(capture.segments[2].time == original.segments[2].time);
    assert_int_equal(capture.assumed[CAPTURE_NO_TIME], 1);
    assert_int_equal(capture.segments[1].assumed, 1u << CAPTURE_NO_TIME);
    capture_free(&capture);
}

/* ---- cut off ---- */

static void cut_at(struct image *image, size_t most)
{
    image->size = 0;
    image_file_header(image, RAW);
    for (size_t i = 0; i < original.count; i++) {
        const struct capture_segment *segment = &original.segments[i];
        size_t n = segment->size < most ? segment->size : most;
        put_packet(image, segment->time, packet_of(segment), n, segment->size);
    }
}

/* Behind the fixed part of the TCP header a packet is a segment, whatever is missing. */
static void test_cut_anywhere(void **state)
{
    static struct image image;
    (void)state;
    for (size_t most = 1; most <= 200; most++) {
        struct capture capture;
        char error[CAPTURE_ERROR] = "";
        cut_at(&image, most);
        bool read = image_read(&image, image.size, &capture, error);
        assert_int_equal(read, most >= ip_header() + 20);
        if (!read) {
            assert_non_null(strstr(error, "cut off within the headers"));
            assert_int_equal(capture.left[CAPTURE_CUT_HEADER], original.count);
            capture_free(&capture);
            continue;
        }
        assert_int_equal(capture.count, original.count);
        assert_int_equal(capture.connection_count, original.connection_count);
        for (size_t i = 0; i < capture.count; i++) {
            const struct capture_segment *whole = &original.segments[i];
            const struct tfsm_segment *ours = &capture.segments[i].packet.segment;
            bool options = most >= headers_of(whole);
            unsigned assumed = most >= whole->size ? 0u
                               : options           ? 1u << CAPTURE_CUT
                                                   : 1u << CAPTURE_CUT_OPTIONS;
            assert_int_equal(capture.segments[i].assumed, assumed);
            assert_int_equal(ours->seq, whole->packet.segment.seq);
            assert_int_equal(ours->len, whole->packet.segment.len);
            assert_int_equal(ours->wnd, whole->packet.segment.wnd);
            assert_true(!options || same_segment(ours, &whole->packet.segment));
            assert_true((ours->options & ~(unsigned)whole->packet.segment.options) == 0);
        }
        capture_free(&capture);
    }
}

/* ---- what is no segment ---- */

static size_t fragment(uint8_t *packet, size_t n)
{
    if (is_v6()) {
        memmove(packet + 48, packet + 40, n - 40);
        memset(packet + 40, 0, 8);
        packet[40] = packet[6];
        packet[6] = 44;
        packet[43] = 1; /* more fragments */
        n += 8;
    } else {
        packet[6] = 0x20;
    }
    set_length(packet, n);
    return n;
}

static size_t with_protocol(uint8_t *packet, size_t n, uint8_t protocol)
{
    packet[is_v6() ? 6 : 9] = protocol;
    set_length(packet, n);
    return n;
}

static size_t gre(uint8_t *packet, size_t n)
{
    return with_protocol(packet, n, 47);
}

static size_t udp(uint8_t *packet, size_t n)
{
    return with_protocol(packet, n, 17);
}

static size_t version_5(uint8_t *packet, size_t n)
{
    packet[0] = 0x55;
    return n;
}

static size_t short_header(uint8_t *packet, size_t n)
{
    packet[ip_header() + 12] = 0x40;
    return n;
}

static size_t longer_than_its_frame(uint8_t *packet, size_t n)
{
    set_length(packet, n + 1);
    return n;
}

static void test_left_out_and_why(void **state)
{
    (void)state;
    check_left(fragment, CAPTURE_FRAGMENT);
    check_left(gre, CAPTURE_TUNNEL);
    check_left(udp, CAPTURE_NOT_TCP);
    check_left(version_5, CAPTURE_NOT_IP);
    check_left(short_header, CAPTURE_BAD_TCP);
    check_left(longer_than_its_frame, CAPTURE_BAD_IP);
}

/* ---- variants of the format ---- */

static void swap32(uint8_t *octets)
{
    uint8_t swapped[4] = {octets[3], octets[2], octets[1], octets[0]};
    memcpy(octets, swapped, 4);
}

/* Every number in the other byte order. */
static void swap_file(struct image *image)
{
    uint8_t *at = image->octets;
    uint32_t n;
    swap32(at); /* the magic */
    uint8_t version[4] = {at[5], at[4], at[7], at[6]};
    memcpy(at + 4, version, 4);
    for (unsigned i = 8; i < 24; i += 4) {
        swap32(at + i);
    }
    for (size_t packet = 24; packet < image->size; packet += 16 + n) {
        memcpy(&n, at + packet + 8, sizeof n);
        for (unsigned i = 0; i < 16; i += 4) {
            swap32(at + packet + i);
        }
    }
}

/* Nanoseconds: the magic number says so, and what is below a microsecond is not kept. */
static void to_nanoseconds(struct image *image)
{
    static const uint32_t magic = 0xa1b23c4du;
    uint32_t n;
    memcpy(image->octets, &magic, sizeof magic);
    for (size_t packet = 24; packet < image->size; packet += 16 + n) {
        uint32_t fraction;
        memcpy(&fraction, image->octets + packet + 4, sizeof fraction);
        fraction = fraction * 1000 + 999;
        memcpy(image->octets + packet + 4, &fraction, sizeof fraction);
        memcpy(&n, image->octets + packet + 8, sizeof n);
    }
}

static void test_every_variant_of_pcap(void **state)
{
    static struct image image;
    (void)state;
    for (unsigned variant = 0; variant < 4; variant++) {
        struct capture capture;
        cut_at(&image, SIZE_MAX);
        if ((variant & 1) != 0) {
            to_nanoseconds(&image);
        }
        if ((variant & 2) != 0) {
            swap_file(&image);
        }
        read_all(&image, &capture);
        assert_taken(&capture, 0);
        capture_free(&capture);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum_of_the_pseudo_header),
        cmocka_unit_test(test_checksum_wrong),
        cmocka_unit_test(test_length_left_to_the_card),
        cmocka_unit_test(test_ipv4_checksum_left_to_the_card),
        cmocka_unit_test(test_super_segment),
        cmocka_unit_test(test_no_segment_is_as_long_as_a_frame_may_claim),
        cmocka_unit_test(test_a_time_before_the_last_one),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_left_out_and_why),
        cmocka_unit_test(test_every_variant_of_pcap),
    };
    char error[CAPTURE_ERROR];
    if (argc != 2 || !capture_read(argv[1], &original, error)) {
        fprintf(stderr, "usage: test_unfinished CAPTURE\n");
        return EXIT_FAILURE;
    }
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    capture_free(&original);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
