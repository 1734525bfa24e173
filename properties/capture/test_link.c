/* Link types: in a frame of each, written out by hand, the IP packet is found where it is; a frame cut
 * anywhere before it is refused; what carries no IP is counted for what it is; no mutation of any is
 * read beyond its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image.h"
#include "internal.h"

#define HEADER_MAX 256u

static const char segment4[] = "4500 0028 0000 4000 4006 b6cc c0000201 c0000202" /* IPv4 */
                               "0400 0050 000003e8 00000000 5002 ea60 3946 0000";
static const char segment6[] = "6000 0000 0014 0640"
                               "20010db8 0000000000000000 00000001"
                               "20010db8 0000000000000000 00000002"
                               "0400 0050 000003e8 00000000 5002 ea60 61d5 0000";

/* Headers in front of IP. XX*N is an octet so many times. */
#define MACS "02*6 04*6 "
#define SNAP "aaaa03 000000 0800 "
#define WIFI "0802 0000 02*6 04*6 06*6 1000" SNAP
#define QOS  "8802 0000 02*6 04*6 06*6 1000 0000"

/* clang-format off */
static const struct sample {
    int link;
    int version; /* of IP */
    const char *what;
    const char *header;
} samples[] = {
    {0,   4, "NULL",                        "02000000"},
    {0,   4, "NULL, big-endian",            "00000002"},
    {0,   6, "NULL",                        "1e000000"},
    {1,   4, "Ethernet",                    MACS "0800"},
    {1,   6, "Ethernet",                    MACS "86dd"},
    {1,   4, "a VLAN",                      MACS "8100 0007 0800"},
    {1,   4, "three of them",               MACS "88a8 0007 9100 0008 8100 0009 0800"},
    {1,   4, "VN-Tag and VLAN",             MACS "8926 00000000 8100 0007 0800"},
    {1,   4, "EDSA",                        MACS "dada 0000 00000000 0800"},
    {1,   4, "802.3, SNAP",                 MACS "0030" SNAP},
    {1,   4, "802.3, SNAP of 802.1H",       MACS "0030 aaaa03 0000f8 0800"},
    {1,   4, "802.3, LLC",                  MACS "002b 060603"},
    {1,   4, "802.3, bridged",              MACS "0040 aaaa03 0080c2 0007" MACS "0800"},
    {1,   4, "PPPoE",                       MACS "8864 1100 0001 002a 0021"},
    {1,   6, "PPPoE, compressed, in VLAN",  MACS "8100 0007 8864 1100 0001 002a 57"},
    {1,   4, "MPLS",                        MACS "8847 00010040 00010140"},
    {1,   6, "MPLS, multicast",             MACS "8848 00010140"},
    {1,   4, "PPP by ethertype",            MACS "880b 0021"},
    {6,   4, "Token Ring",                  "1040" MACS SNAP},
    {6,   4, "Token Ring, routed",          "1040 02*6 84 04*5 0630 001f 0020" SNAP},
    {7,   4, "ARCNET, RFC 1051",            "0102 f0"},
    {7,   4, "ARCNET, RFC 1201",            "0102 d4 00 0001"},
    {7,   4, "ARCNET, filled up",           "0102 d4 ff ffff d4 00 0001"},
    {8,   4, "SLIP",                        "00*16"},
    {9,   4, "PPP",                         "ff03 0021"},
    {9,   4, "PPP without address",         "0021"},
    {9,   4, "PPP without anything",        "21"},
    {9,   6, "PPP",                         "ff03 57"},
    {9,   4, "PPP, MPLS",                   "ff03 0281 00010140"},
    {10,  4, "FDDI",                        "50" MACS SNAP},
    {11,  4, "ATM, SNAP",                   SNAP},
    {11,  4, "ATM, bridged",                "aaaa03 0080c2 0007 0000" MACS "0800"},
    {11,  4, "ATM, NLPID",                  "fefe03 cc"},
    {11,  6, "ATM, NLPID without LLC",      "03 8e"},
    {12,  4, "RAW",                         ""},
    {14,  4, "RAW",                         ""},
    {15,  4, "SLIP of BSD/OS",              "00*24"},
    {16,  4, "PPP of BSD/OS",               "00*5 0021 00*17"},
    {19,  4, "CLIP, SNAP",                  SNAP},
    {50,  4, "PPP, serial",                 "ff03 0021"},
    {50,  4, "Cisco, serial",               "0f00 0800"},
    {51,  4, "PPPoE alone",                 "1100 0001 002a 0021"},
    {100, 4, "ATM, SNAP",                   SNAP},
    {101, 4, "RAW",                         ""},
    {101, 6, "RAW",                         ""},
    {102, 4, "SLIP of BSD/OS",              "00*24"},
    {103, 6, "PPP of BSD/OS",               "00*5 0057 00*17"},
    {104, 4, "Cisco HDLC",                  "0f00 0800"},
    {104, 6, "Cisco HDLC, multicast",       "8f00 86dd"},
    {105, 4, "802.11",                      WIFI},
    {105, 4, "802.11, QoS",                 QOS SNAP},
    {105, 4, "802.11, everything",          "8883 0000 02*6 04*6 06*6 1000 88*6 0000 00000000" SNAP},
    {106, 4, "CLIP, SNAP",                  SNAP},
    {106, 4, "CLIP",                        ""},
    {107, 4, "Frame Relay",                 "1841 03 cc"},
    {107, 6, "Frame Relay, four octets",    "18402001 03 8e"},
    {107, 4, "Frame Relay, Cisco",          "1841 0800"},
    {107, 4, "Frame Relay, SNAP",           "1841 03 00 80 000000 0800"},
    {107, 4, "Frame Relay, bridged",        "1841 03 00 80 0080c2 0007" MACS "0800"},
    {108, 4, "LOOP",                        "00000002"},
    {109, 4, "ENC",                         "02000000 00000100 00000000"},
    {112, 4, "HDLC of NetBSD",              "0f00 0800"},
    {113, 4, "cooked",                      "0000 0001 0006 02*6 0000 0800"},
    {113, 4, "cooked, VLAN",                "0000 0001 0006 02*6 0000 8100 0007 0800"},
    {113, 4, "cooked, LLC",                 "0000 0001 0006 02*6 0000 0004" SNAP},
    {113, 4, "cooked, radiotap",            "0000 0323 0006 02*6 0000 0003 0000 0800 00000000" WIFI},
    {113, 4, "cooked, Frame Relay",         "0000 0302 0006 02*6 0000 0003 1841 03cc"},
    {117, 4, "PFLOG",                       "3d02 0000 00*60"},
    {119, 4, "Prism",                       "44000000 90000000 00*136 " WIFI},
    {119, 4, "AVS by the number of Prism",  "80211001 00000040 00*56 " WIFI},
    {122, 4, "Fibre Channel",               "00*16 " SNAP},
    {127, 4, "radiotap",                    "0000 0800 00000000" WIFI},
    {127, 4, "radiotap, padded",            "0000 1100 03000000 00*8 20" QOS "0000" SNAP},
    {127, 4, "radiotap, more, padded",      "0000 0d00 02000080 00000000 20" QOS "0000" SNAP},
    {127, 4, "radiotap, more, time",        "0000 1a00 03000080 00000000 00*8 20 00*4 20" QOS SNAP},
    {129, 4, "ARCNET of Linux, RFC 1051",   "0102 0000 f0"},
    {129, 4, "ARCNET of Linux, RFC 1201",   "0102 0000 d4 00 0001"},
    {138, 4, "FireWire",                    "00*16 0800"},
    {163, 4, "AVS",                         "80211001 00000040 00*56 " WIFI},
    {166, 4, "PPP, pppd",                   "0103 0021"},
    {192, 4, "PPI, 802.11",                 "0000 0800 69000000" WIFI},
    {192, 4, "PPI, Ethernet",               "0000 0c00 01000000 00*4 " MACS "0800"},
    {204, 4, "PPP with direction",          "00 ff03 0021"},
    {205, 4, "Cisco HDLC with direction",   "01 0f00 0800"},
    {206, 4, "Frame Relay with direction",  "01 1841 03cc"},
    {219, 4, "MPLS alone",                  "00010140"},
    {226, 4, "ipnet",                       "0102 00*22"},
    {228, 4, "IPV4",                        ""},
    {229, 6, "IPV6",                        ""},
    {239, 4, "NFLOG",                       "0200 0000 0800 0100 00000000 0500 0a00 6c 00*3 2c00 0900"},
    {239, 4, "NFLOG, big-endian",           "0200 0000 0008 0001 00000000 0005 000a 6c 00*3 002c 0009"},
    {242, 4, "InfiniBand",                  "0800 0000"},
    {242, 4, "InfiniBand, address",         "00*20 0800 0000"},
    {242, 6, "InfiniBand, routed",          "00*40 86dd 0000"},
    {258, 4, "PKTAP, Ethernet",             "6c000000 01000000 01000000 00*96 " MACS "0800"},
    {258, 4, "PKTAP, raw",                  "6c000000 01000000 0c000000 00*96"},
    {274, 4, "preamble",                    "55*7 d5" MACS "0800"},
    {276, 4, "cooked 2",                    "0800 0000 00000003 0001 0006 02*6 0000"},
    {276, 4, "cooked 2, VLAN",              "8100 0000 00000003 0001 0006 02*6 0000 0007 0800"},
    {281, 4, "Broadcom tag",                MACS "00*4 0800"},
    {282, 4, "Broadcom tag in front",       "00*4 " MACS "0800"},
    {284, 4, "DSA",                         MACS "c0*4 0800"},
    {285, 4, "EDSA",                        MACS "dada 0000 c0*4 0800"},
};

/* What is no IP, and for what it counts. */
static const struct other {
    int link;
    enum capture_reason reason;
    const char *what;
    const char *frame;
} others[] = {
    {1,   CAPTURE_NOT_IP,       "ARP",                      MACS "0806 00*28"},
    {1,   CAPTURE_NOT_IP,       "spanning tree",            MACS "0026 424203 00*35"},
    {1,   CAPTURE_NOT_IP,       "Novell",                   MACS "0030 ffff 00*46"},
    {1,   CAPTURE_NOT_IP,       "PPPoE discovery",          MACS "8863 1109 0000 0000"},
    {1,   CAPTURE_NOT_IP,       "PPPoE, LCP",               MACS "8864 1100 0001 000a c021 01010008"},
    {1,   CAPTURE_NOT_IP,       "LLC, a connection",        MACS "0030 aaaa05 000000 0800 45*40"},
    {1,   CAPTURE_NOT_IP,       "a pseudowire",             MACS "8847 00010140 00*60"},
    {1,   CAPTURE_SEALED,       "MACsec",                   MACS "88e5 00*60"},
    {6,   CAPTURE_NOT_IP,       "Token Ring's own",         "1000" MACS SNAP "45*40"},
    {7,   CAPTURE_FRAGMENT,     "ARCNET, a piece",          "0102 d4 01 0001 00*40"},
    {9,   CAPTURE_SEALED,       "PPP, RFC 1144",            "ff03 002d 00*40"},
    {10,  CAPTURE_NOT_IP,       "FDDI's own",               "41" MACS SNAP "45*40"},
    {51,  CAPTURE_NOT_IP,       "PPPoE discovery",          "1109 0000 0000 0021 45*40"},
    {105, CAPTURE_NOT_IP,       "a beacon",                 "8000 0000 02*6 04*6 06*6 0000 00*40"},
    {105, CAPTURE_NOT_IP,       "an acknowledgment",        "d400 0000 02*6"},
    {105, CAPTURE_NOT_IP,       "no data",                  "4801 0000 02*6 04*6 06*6 0000"},
    {105, CAPTURE_SEALED,       "encrypted",                "0842 0000 02*6 04*6 06*6 1000 00*60"},
    {105, CAPTURE_SEALED,       "several in one",           "8802 0000 02*6 04*6 06*6 1000 8000 00*60"},
    {105, CAPTURE_FRAGMENT,     "a first piece",            "0806 0000 02*6 04*6 06*6 1000" SNAP "00*60"},
    {105, CAPTURE_FRAGMENT,     "a last piece",             "0802 0000 02*6 04*6 06*6 1100" SNAP "00*60"},
    {107, CAPTURE_NOT_IP,       "Frame Relay, management",  "0001 0308 00*20"},
    {113, CAPTURE_NOT_IP,       "cooked, netlink",          "0000 0338 0000 00*8 0800 45*40"},
    {127, CAPTURE_NOT_IP,       "radiotap, too short",      "0000 0400" WIFI "45*40"},
    {127, CAPTURE_CUT_HEADER,   "radiotap alone, more",     "0000 0800 03000080"},
    {127, CAPTURE_CUT_HEADER,   "radiotap alone, flags",    "0000 0800 02000000"},
    {192, CAPTURE_NOT_IP,       "PPI, too short",           "0000 0400 00000000 45*60"},
    {192, CAPTURE_LINK, "PPI, USB",                 "0000 0800 bd000000 00*60"},
    {239, CAPTURE_NOT_IP,       "NFLOG without end",        "0200 0000 0000 0100 00*60"},
    {242, CAPTURE_NOT_IP,       "InfiniBand, ARP",          "0806 0000 00*60"},
    {258, CAPTURE_NOT_IP,       "PKTAP, too short",         "08000000 01000000 00000000 45*40"},
    {258, CAPTURE_NOT_IP,       "PKTAP, nothing",           "6c000000 00000000 0c000000 00*96 45*40"},
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static unsigned nibble(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* Append what a text stands for. */
static size_t put_text(uint8_t *octets, size_t n, const char *text)
{
    while (*text != '\0') {
        if (*text == ' ') {
            text++;
            continue;
        }
        uint8_t octet = (uint8_t)(nibble(text[0]) * 16 + nibble(text[1]));
        char *end = (char *)(uintptr_t)(text + 2);
        unsigned long times = *end == '*' ? strtoul(end + 1, &end, 10) : 1;
        for (unsigned long i = 0; i < times; i++) {
            assert_true(n < HEADER_MAX);
            octets[n++] = octet;
        }
        text = end;
    }
    return n;
}

static void put_record(struct image *image, const uint8_t *octets, size_t n, size_t wire)
{
    image_put32(image, 1000000000);
    image_put32(image, 0);
    image_put32(image, (uint32_t)n);
    image_put32(image, (uint32_t)wire);
    image_put(image, octets, n);
}

/* What has to come of the packets of a file: the first may be taken. */
struct expectation {
    const char *what;
    int link;
    bool taken;
    size_t at;
    enum capture_reason reason;
    size_t seen;
};

static bool expect(void *user, const struct capture_packet *packet)
{
    struct expectation *expected = user;
    bool taken = expected->taken && packet->number == 1;
    expected->seen++;
    if (packet->taken != taken ||
        (taken && (packet->octets != packet->frame + expected->at || packet->assumed != 0)) ||
        (!taken && packet->reason != expected->reason)) {
        fail_msg("link type %d, %s, packet %llu of %zu octets: %s, IP at %td", expected->link,
                 expected->what, (unsigned long long)packet->number, packet->frame_size,
                 packet->taken ? "taken" : capture_reason_text(packet->reason),
                 packet->taken ? packet->octets - packet->frame : -1);
    }
    return true;
}

static void check_file(const struct image *image, struct expectation *expected, size_t packets)
{
    char error[CAPTURE_ERROR] = "";
    if (!image_stream(image, image->size, expect, expected, error)) {
        fail_msg("link type %d, %s: %s", expected->link, expected->what, error);
    }
    assert_int_equal(expected->seen, packets);
}

static size_t put_sample(const struct sample *sample, uint8_t *octets, size_t *header)
{
    *header = put_text(octets, 0, sample->header);
    return put_text(octets, *header, sample->version == 4 ? segment4 : segment6);
}

/* Whole, then cut everywhere before IP and within its header. */
static void test_segment_in_every_link(void **state)
{
    static struct image image;
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        const struct sample *sample = &samples[i];
        uint8_t octets[HEADER_MAX];
        size_t header;
        size_t n = put_sample(sample, octets, &header);
        struct expectation expected = {.what = sample->what,
                                       .link = sample->link,
                                       .taken = true,
                                       .at = header,
                                       .reason = CAPTURE_CUT_HEADER};
        image.size = 0;
        image_file_header(&image, (uint32_t)sample->link);
        put_record(&image, octets, n, n);
        for (size_t cut = 0; cut < header + 20; cut++) {
            put_record(&image, octets, cut, n);
        }
        check_file(&image, &expected, 1 + header + 20);
    }
}

static void test_others_in_links(void **state)
{
    static struct image image;
    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        const struct other *other = &others[i];
        uint8_t octets[HEADER_MAX];
        size_t n = put_text(octets, 0, other->frame);
        struct expectation expected = {
            .what = other->what, .link = other->link, .reason = other->reason};
        image.size = 0;
        image_file_header(&image, (uint32_t)other->link);
        put_record(&image, octets, n, n);
        check_file(&image, &expected, 1);
    }
}

/* In memory of its own, so that a sanitizer sees who reads beyond its end. */
static bool is_found(int link, const uint8_t *octets, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    size_t at = 0;
    enum capture_reason reason = CAPTURE_REASONS;
    assert_non_null(copy);
    memcpy(copy, octets, n);
    bool found = link_find_ip(link_of((uint32_t)link), copy, n, &at, &reason);
    assert_true(at <= n && (found || reason < CAPTURE_REASONS));
    free(copy);
    return found;
}

static void test_nothing_beyond_the_end(void **state)
{
    uint8_t octets[HEADER_MAX];
    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        for (size_t n = put_text(octets, 0, others[i].frame); n > 0; n--) {
            is_found(others[i].link, octets, n);
        }
    }
}

static void test_mutated_frames(void **state)
{
    uint32_t random = 1;
    unsigned found = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(samples) * 200; i++) {
        const struct sample *sample = &samples[i % COUNT(samples)];
        uint8_t octets[HEADER_MAX];
        size_t header;
        size_t n = put_sample(sample, octets, &header);
        for (uint32_t changes = 1 + image_random(&random) % 3; changes > 0; changes--) {
            octets[image_random(&random) % n] = (uint8_t)image_random(&random);
        }
        n = image_random(&random) % 2 == 0 ? n : image_random(&random) % n;
        found += is_found(sample->link, octets, n);
    }
    assert_true(found > COUNT(samples) * 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_in_every_link),
        cmocka_unit_test(test_others_in_links),
        cmocka_unit_test(test_nothing_beyond_the_end),
        cmocka_unit_test(test_mutated_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
