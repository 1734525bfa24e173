/* Reading captures: the same packets come out whatever link they were taken on and whichever format
 * the file has; a file cut anywhere but between two packets is refused with a reason; a damaged
 * file is refused or read, and whatever is read can be grouped, replayed and made into seeds.
 *
 * usage: test_read CAPTURE    (a sound one, Ethernet, classic pcap, without VLAN tags) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"
#include "seed.h"

static const char *original_path;
static struct capture original;

static void load(struct image *image)
{
    FILE *file = fopen(original_path, "rb");
    assert_non_null(file);
    image->size = fread(image->octets, 1, sizeof image->octets, file);
    fclose(file);
}

/* ---- link types ---- */

/* A link header as it stands before an IP packet. */
struct link {
    uint32_t type; /* as files number them */
    uint8_t header[24];
    size_t size;
    size_t ethertype_at; /* 0: none */
};

static const struct link links[] = {
    {1, {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, 14, 12},                /* Ethernet */
    {1, {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 7}, 18, 16}, /* a VLAN tag */
    {1, {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xa8, 0, 7, 0x81, 0, 0, 8}, 22, 20}, /* two */
    {101, {0}, 0, 0},                                                                   /* raw IP */
    {228, {0}, 0, 0},                                                            /* raw IPv4 */
    {113, {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1}, 16, 14},                         /* Linux cooked */
    {276, {0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1}, 20, SIZE_MAX}, /* version 2 */
    {113, {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0, 0, 7}, 20, 18},    /* with a tag */
    {276, {0x81, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0, 7}, 24, 22},
    {0, {2, 0, 0, 0}, 4, 0},   /* BSD loopback */
    {0, {0, 0, 0, 2}, 4, 0},   /* of a machine of the other byte order */
    {108, {0, 0, 0, 2}, 4, 0}, /* OpenBSD loopback */
};

static void put_packet(struct image *image, const struct link *link,
                       const struct capture_segment *segment)
{
    struct link copy = *link;
    size_t at = link->ethertype_at == SIZE_MAX ? 0 : link->ethertype_at; /* SLL2 has it in front */
    if (link->ethertype_at != 0) {
        copy.header[at] = 0x08;
        copy.header[at + 1] = 0x00;
    }
    image_put(image, copy.header, link->size);
    image_put(image, original.octets + segment->at, segment->size);
}

static void write_pcap(struct image *image, const struct link *link)
{
    image_file_header(image, link->type);
    for (size_t i = 0; i < original.count; i++) {
        const struct capture_segment *segment = &original.segments[i];
        image_put32(image, (uint32_t)(segment->time / 1000000));
        image_put32(image, (uint32_t)(segment->time % 1000000));
        image_put32(image, (uint32_t)(link->size + segment->size));
        image_put32(image, (uint32_t)(link->size + segment->size));
        put_packet(image, link, segment);
    }
}

static void write_pcapng(struct image *image, const struct link *link)
{
    static const uint32_t section[] = {0x0a0d0d0au, 28,          0x1a2b3c4du, 1,
                                       0xffffffffu, 0xffffffffu, 28};
    image_put(image, section, sizeof section);
    image_put32(image, 1); /* interface description */
    image_put32(image, 20);
    image_put16(image, (uint16_t)link->type);
    image_put16(image, 0);
    image_put32(image, 65535);
    image_put32(image, 20);
    for (size_t i = 0; i < original.count; i++) {
        const struct capture_segment *segment = &original.segments[i];
        uint32_t size = (uint32_t)(link->size + segment->size);
        uint32_t padding = (4 - size % 4) % 4;
        image_put32(image, 6); /* enhanced packet */
        image_put32(image, 32 + size + padding);
        image_put32(image, 0);
        image_put32(image, (uint32_t)(segment->time >> 32));
        image_put32(image, (uint32_t)segment->time);
        image_put32(image, size);
        image_put32(image, size);
        put_packet(image, link, segment);
        image_put(image, "\0\0\0", padding);
        image_put32(image, 32 + size + padding);
    }
}

/* Everything of the original, and nothing else. */
static void assert_same(const struct capture *capture)
{
    assert_int_equal(capture->count, original.count);
    assert_int_equal(capture->connection_count, original.connection_count);
    for (size_t i = 0; i < capture->count; i++) {
        const struct capture_segment *ours = &capture->segments[i];
        const struct capture_segment *theirs = &original.segments[i];
        assert_true(ours->time == theirs->time);
        assert_int_equal(ours->size, theirs->size);
        assert_int_equal(ours->sender, theirs->sender);
        assert_memory_equal(capture->octets + ours->at, original.octets + theirs->at, ours->size);
    }
}

static void check_links(void (*write_image)(struct image *image, const struct link *link))
{
    static struct image image;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        struct capture capture;
        char error[CAPTURE_ERROR] = "";
        image.size = 0;
        write_image(&image, &links[i]);
        if (!image_read(&image, image.size, &capture, error)) {
            fail_msg("link type %u: %s", links[i].type, error);
        }
        assert_same(&capture);
        capture_free(&capture);
    }
}

static void test_pcap_every_link(void **state)
{
    (void)state;
    check_links(write_pcap);
}

static void test_pcapng_every_link(void **state)
{
    (void)state;
    check_links(write_pcapng);
}

static void test_pcap_foreign_link(void **state)
{
    static struct image image;
    struct capture capture;
    char error[CAPTURE_ERROR] = "";
    const struct link usb = {189, {0}, 0, 0};
    (void)state;
    image.size = 0;
    write_pcap(&image, &usb);
    assert_false(image_read(&image, image.size, &capture, error));
    assert_non_null(strstr(error, "link type 189 (USB_LINUX)"));
    capture_free(&capture);
}

/* ---- cut and damaged files ---- */

static void test_pcap_cut_anywhere(void **state)
{
    static struct image image;
    (void)state;
    load(&image);
    size_t border = 24; /* where a packet begins or the file ends */
    for (size_t size = 0; size <= image.size; size++) {
        struct capture capture;
        char error[CAPTURE_ERROR] = "";
        if (size > border) {
            uint32_t length;
            memcpy(&length, image.octets + border + 8, sizeof length);
            border += 16 + length;
        }
        bool whole = size == border && size > 24;
        if (image_read(&image, size, &capture, error) != whole) {
            fail_msg("%zu of %zu octets: %s", size, image.size,
                     whole ? error : "read as if it were whole");
        }
        assert_true(whole || error[0] != '\0');
        capture_free(&capture);
    }
}

/* All that anybody does with a capture. */
static void use(const struct capture *capture)
{
    static struct seed_program program;
    for (size_t i = 0; i < capture->count; i++) { /* bad options are no reason to leave one out */
        assert_true(capture->segments[i].connection < capture->connection_count);
    }
    for (size_t i = 0; i < capture->connection_count; i++) {
        for (unsigned end = 0; end < 2; end++) {
            struct capture_side side;
            struct capture_replay replay;
            if (capture_side(capture, i, end, &side) == CAPTURE_SIDE_OK) {
                capture_replay(&side, &replay);
                assert_int_equal(replay.clause, TFSM_OK);
            }
            capture_side_free(&side);
            seed_trace(capture, i, end, &program);
        }
        seed_pair(capture, i, &program);
    }
}

/* Make the TCP checksum of an IPv4 packet without options right again, so that damage gets beyond
 * the codec. */
static void repair(uint8_t *ip, size_t size)
{
    uint32_t sum = 6 + (uint32_t)size - 20;
    ip[36] = 0;
    ip[37] = 0;
    for (size_t i = 12; i < size; i++) {
        sum += i % 2 == 0 ? ip[i] * 256u : ip[i];
    }
    sum = 0xffff - sum % 0xffff;
    ip[36] = (uint8_t)(sum >> 8);
    ip[37] = (uint8_t)sum;
}

static void test_pcap_damaged_anywhere(void **state)
{
    static struct image image;
    static const uint8_t damages[] = {0x01, 0x10, 0x80, 0xff};
    unsigned read = 0;
    (void)state;
    load(&image);
    for (size_t at = 0; at < image.size; at++) {
        for (size_t i = 0; i < sizeof damages; i++) {
            struct capture capture;
            char error[CAPTURE_ERROR] = "";
            image.octets[at] ^= damages[i];
            if (image_read(&image, image.size, &capture, error)) {
                use(&capture);
                read++;
            }
            capture_free(&capture);
            image.octets[at] ^= damages[i];
        }
    }
    assert_true(read > 0);
}

/* Damage to what the TCP header says, with the checksum right. */
static void test_segments_damaged_anywhere(void **state)
{
    static struct image image;
    static const uint8_t damages[] = {0x01, 0x02, 0x10, 0x80, 0xff};
    size_t packets = 0;
    size_t tried = original.count * 16 * sizeof damages;
    (void)state;
    for (size_t i = 0; i < original.count; i++) {
        struct capture_segment *segment = &original.segments[i];
        uint8_t *ip = original.octets + segment->at;
        uint8_t before[40];
        assert_true(segment->size >= sizeof before && ip[0] == 0x45);
        memcpy(before, ip, sizeof before);
        for (size_t at = 24; at < 40;
             at++) { /* all of it but the ports; the checksum is repaired */
            for (size_t j = 0; j < sizeof damages; j++) {
                struct capture capture;
                char error[CAPTURE_ERROR] = "";
                ip[at] ^= damages[j];
                repair(ip, segment->size);
                image.size = 0;
                write_pcap(&image, &links[3]);
                if (image_read(&image, image.size, &capture, error)) {
                    packets += capture.count;
                    use(&capture);
                }
                capture_free(&capture);
                memcpy(ip, before, sizeof before);
            }
        }
    }
    /* Nearly every damaged segment got through; a damaged data offset does not. */
    assert_true(packets > tried * original.count - tried / 8);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcap_every_link),
        cmocka_unit_test(test_pcapng_every_link),
        cmocka_unit_test(test_pcap_foreign_link),
        cmocka_unit_test(test_pcap_cut_anywhere),
        cmocka_unit_test(test_pcap_damaged_anywhere),
        cmocka_unit_test(test_segments_damaged_anywhere),
    };
    char error[CAPTURE_ERROR];
    if (argc != 2 || !capture_read(argv[1], &original, error)) {
        fprintf(stderr, "usage: test_read CAPTURE\n");
        return EXIT_FAILURE;
    }
    original_path = argv[1];
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    capture_free(&original);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
