/* What reports stand on: a verdict counts ends and not charges, an excerpt is of the packets that prove and of a few around them,
 * remarks come to the packets they are of, and a copy in pcapng holds the packets as they were. */
#include "fixture.h"
#include "excerpt.h"
#include "pcapng.h"
#include "remarks.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAW_IP   101u
#define ETHERNET 1u
#define FRAME    2048u
#define START    1700000000123456789u /* nanoseconds */

struct folder {
    char path[64];
    char file[96];
};

static int make_folder(void **state)
{
    static struct folder folder;
    snprintf(folder.path, sizeof folder.path, "/tmp/test_report.XXXXXX");
    assert_non_null(mkdtemp(folder.path));
    snprintf(folder.file, sizeof folder.file, "%s/out.pcapng", folder.path);
    *state = &folder;
    return 0;
}

static int remove_folder(void **state)
{
    const struct folder *folder = *state;
    unlink(folder->file);
    return rmdir(folder->path); /* fails where something was left */
}

/* ---- packets ---- */

/* One of a connection, the ports of which tell connections apart; reserved bits as given. */
static size_t make_packet(uint8_t *octets, unsigned port, bool back, uint32_t seq, uint8_t flags,
                          uint8_t reserved)
{
    struct tfsm_packet packet = {.src = {.family = 4, .octets = {192, 0, 2, back ? 2 : 1}},
                                 .dst = {.family = 4, .octets = {192, 0, 2, back ? 1 : 2}},
                                 .src_port = (uint16_t)(back ? 80 : port),
                                 .dst_port = (uint16_t)(back ? port : 80),
                                 .hops = 64,
                                 .reserved = reserved,
                                 .segment = {.seq = seq, .ack = 1, .wnd = 1000, .flags = flags}};
    packet.segment.len = (flags & TFSM_SYN) != 0 ? 1 : 0;
    size_t n = tfsm_write(&packet, NULL, octets, FRAME);
    assert_true(n > 0);
    return n;
}

static struct capture_packet frame_of(const uint8_t *octets, size_t n, uint64_t number)
{
    return (struct capture_packet){.frame = octets,
                                   .frame_size = n,
                                   .frame_wire = n,
                                   .recorded = START + number * 1000000,
                                   .link = RAW_IP,
                                   .snapshot = 65535};
}

static void write_packet(struct pcapng *out, const uint8_t *octets, size_t n, uint64_t number)
{
    struct capture_packet packet = frame_of(octets, n, number);
    pcapng_packet(out, &packet);
}

/* Two connections that take turns: those of port 1000 have the odd numbers. The SYNs come first; reserved bits are set in
 * one packet of each five of both from 21 on. */
static void write_two(const char *path, unsigned packets)
{
    char error[CAPTURE_ERROR];
    uint8_t octets[FRAME];
    struct pcapng *out = pcapng_open(path, error);
    assert_non_null(out);
    for (unsigned i = 1; i <= packets; i++) {
        unsigned turn = (i - 1) / 2; /* of its connection */
        size_t n = make_packet(octets, i % 2 == 1 ? 1000 : 1001, turn % 2 == 1, 500 + turn / 2,
                               turn == 0 ? TFSM_SYN : TFSM_ACK, i > 20 && turn % 5 == 0 ? 4 : 0);
        write_packet(out, octets, n, i);
    }
    assert_true(pcapng_close(out, error));
}

/* ---- the copy ---- */

struct expected {
    uint8_t octets[3][FRAME];
    size_t size[3];
    unsigned count;
};

static bool compare(void *user, const struct capture_packet *packet)
{
    struct expected *expected = user;
    unsigned i = expected->count++;
    assert_true(i < 3);
    assert_int_equal(packet->number, i + 1);
    assert_int_equal(packet->frame_size, expected->size[i]);
    assert_int_equal(packet->frame_wire, expected->size[i] + 7);
    assert_memory_equal(packet->frame, expected->octets[i], expected->size[i]);
    assert_true(packet->recorded == START + i);
    assert_int_equal(packet->link, RAW_IP);
    assert_int_equal(packet->snapshot, 4321);
    return true;
}

static void test_pcapng_holds_the_packets_as_they_were(void **state)
{
    const struct folder *folder = *state;
    char error[CAPTURE_ERROR];
    struct expected expected = {.count = 0};
    struct pcapng *out = pcapng_open(folder->file, error);
    assert_non_null(out);
    assert_int_not_equal(access(folder->file, F_OK), 0);
    expected.size[0] = make_packet(expected.octets[0], 1000, false, 1, TFSM_SYN, 0);
    expected.size[1] = 5; /* no IP at all, and no multiple of four */
    memset(expected.octets[1], 0xee, 5);
    expected.size[2] = make_packet(expected.octets[2], 1000, true, 1, TFSM_ACK, 0);
    for (unsigned i = 0; i < 3; i++) {
        struct capture_packet packet = frame_of(expected.octets[i], expected.size[i], 0);
        packet.recorded = START + i;
        packet.frame_wire = expected.size[i] + 7;
        packet.snapshot = 4321;
        pcapng_comment(out, i == 1 ? "five!" : "");
        pcapng_packet(out, &packet);
    }
    assert_true(pcapng_close(out, error));
    assert_true(capture_stream(folder->file, compare, &expected, error));
    assert_int_equal(expected.count, 3);
}

static uint32_t word_at(const uint8_t *octets, size_t at)
{
    uint32_t word;
    memcpy(&word, octets + at, sizeof word);
    return word;
}

static uint16_t half_at(const uint8_t *octets, size_t at)
{
    uint16_t half;
    memcpy(&half, octets + at, sizeof half);
    return half;
}

static size_t read_back(const char *path, uint8_t *octets, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(octets, 1, room, file);
    fclose(file);
    return n;
}

static bool note_link(void *user, const struct capture_packet *packet)
{
    unsigned *links = user;
    assert_int_equal(packet->frame_size, 5);
    links[packet->number - 1] = packet->link;
    return true;
}

/* libpcap reads no file with several link types; so this looks at the blocks themselves, and reads them by our own means. */
static void test_pcapng_has_an_interface_for_each_link_type(void **state)
{
    const struct folder *folder = *state;
    static const unsigned links[] = {RAW_IP, ETHERNET, RAW_IP};
    static const uint32_t types[] = {0x0a0d0d0a, 1, 6, 1, 6, 6};
    static const uint32_t interfaces[] = {0, 1, 0};
    static uint8_t octets[4096];
    char error[CAPTURE_ERROR];
    struct pcapng *out = pcapng_open(folder->file, error);
    assert_non_null(out);
    for (unsigned i = 0; i < 3; i++) {
        struct capture_packet packet = frame_of((const uint8_t *)"abcde", 5, i);
        packet.link = links[i];
        pcapng_packet(out, &packet);
    }
    assert_true(pcapng_close(out, error));
    size_t n = read_back(folder->file, octets, sizeof octets);
    size_t at = 0;
    unsigned packets = 0;
    for (unsigned block = 0; block < 6; block++) {
        assert_true(at + 12 <= n);
        uint32_t size = word_at(octets, at + 4);
        assert_int_equal(word_at(octets, at), types[block]);
        assert_int_equal(word_at(octets, at + size - 4), size);
        if (types[block] == 1) {
            assert_int_equal(half_at(octets, at + 8), packets == 0 ? RAW_IP : ETHERNET);
        } else if (types[block] == 6) {
            assert_int_equal(word_at(octets, at + 8), interfaces[packets++]);
        }
        at += size;
    }
    assert_int_equal(at, n);
    unsigned read[3] = {0};
    assert_true(capture_stream(folder->file, note_link, read, error));
    assert_memory_equal(read, links, sizeof links);
}

static void test_pcapng_leaves_nothing_where_it_fails(void **state)
{
    const struct folder *folder = *state;
    char error[CAPTURE_ERROR] = "";
    char nowhere[128];
    snprintf(nowhere, sizeof nowhere, "%s/nowhere/out", folder->path);
    assert_null(pcapng_open(nowhere, error));
    assert_string_equal(error, "No such file or directory");
    pcapng_discard(pcapng_open(folder->file, error));
    assert_int_not_equal(access(folder->file, F_OK), 0);
    assert_int_equal(mkdir(folder->file, 0777), 0); /* cannot be replaced */
    struct pcapng *out = pcapng_open(folder->file, error);
    assert_non_null(out);
    assert_false(pcapng_close(out, error));
    assert_string_equal(error, "Is a directory");
    assert_int_equal(rmdir(folder->file), 0);
}

/* ---- remarks ---- */

static struct witness_charge charge_at(uint64_t first, uint64_t second, uint64_t guilty)
{
    struct witness_charge charge = {.clause = WITNESS_ACK_LATE, .number = {700}};
    if (first != 0) {
        charge.proof[charge.proofs++] = first;
    }
    if (second != 0) {
        charge.proof[charge.proofs++] = second;
    }
    charge.proof[charge.proofs++] = guilty;
    return charge;
}

static void expect_remark(struct remarks *remarks, uint64_t packet, const char *wanted)
{
    char text[REMARK_SIZE] = "";
    assert_true(remarks_next(remarks, packet, text));
    assert_non_null(strstr(text, wanted));
}

static void test_remarks_come_to_their_packets(void **state)
{
    (void)state;
    char text[REMARK_SIZE];
    struct remarks *remarks = remarks_new(0);
    const struct witness_charge charges[] = {charge_at(7, 4, 9), charge_at(0, 0, 4),
                                             charge_at(2, 0, 4), charge_at(0, 0, 8)};
    for (unsigned i = 0; i < 4; i++) {
        assert_true(remarks_charge(remarks, &charges[i]));
    }
    remarks_sort(remarks);
    assert_int_equal(remarks_count(remarks), 7);
    assert_false(remarks_next(remarks, 1, text));
    expect_remark(remarks, 2, " ACK_LATE: see packet 4");
    assert_false(remarks_next(remarks, 3, text));
    expect_remark(remarks, 4, " ACK_LATE: see packet 9");
    expect_remark(remarks, 4, " ACK_LATE: the acknowledgment took 700 ms");
    expect_remark(remarks, 4, "(see packet 2)");
    assert_false(remarks_next(remarks, 4, text));
    /* 7 and 8 are not asked for */
    expect_remark(remarks, 9, "(see packets 7 and 4)");
    assert_false(remarks_next(remarks, 10, text));
    remarks_free(remarks);
}

static void test_remarks_beyond_the_most_are_counted(void **state)
{
    (void)state;
    struct remarks *remarks = remarks_new(200);
    for (uint64_t i = 0; i < 150; i++) {
        const struct witness_charge charge = charge_at(i + 1, 0, i + 2);
        assert_true(remarks_charge(remarks, &charge));
    }
    assert_int_equal(remarks_count(remarks), 200);
    assert_int_equal(remarks_left(remarks), 100);
    remarks_free(remarks);
}

/* ---- verdict and excerpt ---- */

static void test_verdict_counts_each_end_once(void **state)
{
    const struct folder *folder = *state;
    static struct verdict verdict;
    char error[CAPTURE_ERROR];
    const struct verdict_question question = {.vantage = WITNESS_FAR};
    write_two(folder->file, 60);
    assert_true(verdict_reach(folder->file, &question, &verdict, error));
    const struct verdict_count *count = &verdict.count[WITNESS_RESERVED];
    assert_int_equal(verdict.packets, 60);
    assert_int_equal(verdict.connections, 2);
    assert_int_equal(count->times, 8); /* turns 10, 15, 20 and 25 of both */
    assert_int_equal(count->ends, 4);
    assert_int_equal(count->connections, 2);
    assert_int_equal(verdict_examples(&verdict, WITNESS_RESERVED), VERDICT_EXAMPLES);
    assert_int_equal(verdict_demands(&verdict), 1);
    assert_int_equal(verdict.guilty_count, 2);
}

static void test_verdict_order_keeps_demands_together(void **state)
{
    (void)state;
    enum witness_clause order[WITNESS_CLAUSES];
    unsigned seen[WITNESS_CLAUSES] = {0};
    verdict_order(order);
    for (unsigned i = 0; i < WITNESS_CLAUSES; i++) {
        seen[order[i]]++;
        assert_int_equal(seen[order[i]], 1);
        assert_true(i == 0 || witness_level(order[i]) >= witness_level(order[i - 1]));
        for (unsigned k = 0; k + 1 < i; k++) { /* not the one before: then none before that */
            bool same = witness_level(order[i]) == witness_level(order[k]) &&
                        strcmp(witness_demand(order[i]), witness_demand(order[k])) == 0;
            assert_true(!same ||
                        strcmp(witness_demand(order[i - 1]), witness_demand(order[i])) == 0);
        }
    }
}

static void expect_lines(const struct excerpt *excerpt, const uint64_t *numbers,
                         const uint64_t *skipped, unsigned count)
{
    assert_int_equal(excerpt->count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(excerpt->lines[i].number, numbers[i]);
        assert_int_equal(excerpt->lines[i].skipped, skipped[i]);
    }
}

/* Proofs at 9, 41 and 43 of the connection with the odd numbers: what is between them is left out, nothing comes twice. */
static void test_excerpt_shows_proofs_and_what_is_around_them(void **state)
{
    const struct folder *folder = *state;
    static struct excerpt excerpts[2];
    static const uint64_t numbers[] = {5, 7, 9, 11, 37, 39, 41, 43, 45};
    static const uint64_t skipped[] = {2, 0, 0, 0, 12, 0, 0, 0, 0};
    static const uint64_t others[] = {2, 4};
    static const uint64_t none[] = {0, 0};
    char error[CAPTURE_ERROR];
    write_two(folder->file, 60);
    for (unsigned i = 0; i < 2; i++) {
        const struct docket_case the_case = {.address = {{.family = 4, .octets = {192, 0, 2, 1}},
                                                         {.family = 4, .octets = {192, 0, 2, 2}}},
                                             .port = {(uint16_t)(1000 + i), 80}};
        excerpts[i] = (struct excerpt){.of = {.the_case = the_case}};
    }
    excerpts[0].of.charge = charge_at(9, 41, 43);
    excerpts[1].of.charge = charge_at(0, 0, 2);
    assert_true(excerpt_take(folder->file, excerpts, 2, NULL, NULL, error));
    expect_lines(&excerpts[0], numbers, skipped, 9);
    expect_lines(&excerpts[1], others, none, 2);
    assert_true(excerpts[0].lines[2].proof && excerpts[0].lines[6].proof &&
                excerpts[0].lines[7].proof);
    assert_int_equal(excerpts[0].lines[0].sender, 0);
    assert_int_equal(excerpts[0].lines[1].sender, 1);
    assert_true(excerpts[0].origin_known[0] && excerpts[0].origin[0] == 500);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(test_pcapng_holds_the_packets_as_they_were),
        in_folder(test_pcapng_has_an_interface_for_each_link_type),
        in_folder(test_pcapng_leaves_nothing_where_it_fails),
        in_folder(test_remarks_come_to_their_packets),
        in_folder(test_remarks_beyond_the_most_are_counted),
        in_folder(test_verdict_counts_each_end_once),
        in_folder(test_verdict_order_keeps_demands_together),
        in_folder(test_excerpt_shows_proofs_and_what_is_around_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
