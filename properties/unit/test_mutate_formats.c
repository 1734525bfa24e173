/* The cutting and the mutator of what is not made of records of decode.h alone: programs of a listener and of
 * an endpoint, and packets. */
#include "fixture.h"

#include "host.h"
#include "listen.h"
#include "mutate.h"
#include "run.h"
#include "wire.h"

#include <stdlib.h>

#define SEEDS 400u

void *afl_custom_init(void *afl, unsigned seed);
void afl_custom_deinit(void *data);
unsigned afl_custom_fuzz_count(void *data, const uint8_t *octets, size_t size);
size_t afl_custom_fuzz(void *data, uint8_t *octets, size_t size, uint8_t **out, uint8_t *other,
                       size_t other_size, size_t max);
int32_t afl_custom_init_trim(void *data, uint8_t *octets, size_t size);
size_t afl_custom_trim(void *data, uint8_t **out);
int32_t afl_custom_post_trim(void *data, unsigned char success);

static const enum layout_format formats[] = {LAYOUT_LISTENER, LAYOUT_ENDPOINT};

struct input {
    enum layout_format format;
    uint8_t octets[PROGRAM_MAX];
    size_t size;
};

static struct cut cut;
static struct cut cut_after;
static struct input before;
static struct input other;
static struct input after;

/* So many records, drawn. */
static void make(struct input *input, enum layout_format format, unsigned records, uint64_t seed)
{
    memset(input, 0, sizeof *input);
    input->format = format;
    input->size = layout_of(format)->header;
    for (unsigned i = 0; i < records; i++) {
        input->size = mutate_by(MUTATE_INSERT, format, input->octets, input->size,
                                sizeof input->octets, NULL, 0, seed * 1000 + i);
    }
}

static bool mutated(enum mutation mutation, const struct input *from, uint64_t seed,
                    struct input *to)
{
    *to = *from;
    to->size = mutate_by(mutation, from->format, to->octets, from->size, sizeof to->octets,
                         other.octets, other.size, seed);
    return to->size != 0;
}

static const uint8_t *record_of(const struct cut *of, unsigned i)
{
    return of->octets + of->spans[i].at;
}

static bool same_record(const struct cut *a, unsigned i, const struct cut *b, unsigned j)
{
    return a->spans[i].size == b->spans[j].size &&
           memcmp(record_of(a, i), record_of(b, j), a->spans[i].size) == 0;
}

static bool is_in(const struct cut *record, unsigned i, const struct cut *among)
{
    for (unsigned j = 0; j < among->count; j++) {
        if (same_record(record, i, among, j)) {
            return true;
        }
    }
    return false;
}

/* As listen.h and host.h have them, written out: what a record begins with, and how long it is. */
static void test_layout_of_every_record(void **state)
{
    (void)state;
    static const struct {
        enum layout_format format;
        uint8_t octets[3]; /* the rest is ones */
        size_t size;
    } records[] = {{LAYOUT_LISTENER, {LISTEN_SYN, 0xff}, 2},
                   {LAYOUT_LISTENER, {LISTEN_SYN | 0x10, 0xff}, 4},
                   {LAYOUT_LISTENER, {LISTEN_SYN | 0xb0, 0xff}, 6},
                   {LAYOUT_LISTENER, {LISTEN_AGAIN, 0xff}, 2},
                   {LAYOUT_LISTENER, {LISTEN_AGAIN | 0xb0, 0xff}, 5},
                   {LAYOUT_LISTENER, {LISTEN_THIRD, 0x07}, 2},
                   {LAYOUT_LISTENER, {LISTEN_THIRD, 0x3f}, 4},
                   {LAYOUT_LISTENER, {LISTEN_THIRD | 0x30, 0xff}, 8},
                   {LAYOUT_LISTENER, {LISTEN_RST | 0xf0, 0xff}, 2},
                   {LAYOUT_LISTENER, {LISTEN_SYN_IN | 0xf0, 0xff}, 2},
                   {LAYOUT_LISTENER, {LISTEN_COOKIE | 0x80, 0xff, 0x07}, 3},
                   {LAYOUT_LISTENER, {LISTEN_COOKIE | 0x30, 0xff, 0xff}, 7},
                   {LAYOUT_LISTENER, {LISTEN_PROGRAM, 0xff, RECORD_HOLD}, 3},
                   {LAYOUT_LISTENER, {LISTEN_PROGRAM, 0xff, RECORD_SEGMENT}, 6},
                   {LAYOUT_LISTENER, {LISTEN_ICMP, 0x07}, 2},
                   {LAYOUT_LISTENER, {LISTEN_ICMP, TFSM_ICMP_TOO_BIG << 3}, 4},
                   {LAYOUT_LISTENER, {LISTEN_ICMP, 0xe0 | TFSM_ICMP_TOO_BIG << 3}, 6},
                   {LAYOUT_LISTENER, {LISTEN_TIME | 0x80}, 1},
                   {LAYOUT_LISTENER, {LISTEN_TIME | 0x10}, 2},
                   {LAYOUT_LISTENER, {LISTEN_TIME | 0x20}, 2},
                   {LAYOUT_LISTENER, {LISTEN_TIME | 0x30}, 2},
                   {LAYOUT_LISTENER, {LISTEN_TIME | 0x60}, 1},
                   {LAYOUT_LISTENER, {LISTEN_TIME | 0x70}, 3},
                   {LAYOUT_LISTENER, {LISTEN_HOLD | 0xf0}, 1},
                   {LAYOUT_LISTENER, {LISTEN_ACCEPT | 0xf0}, 1},
                   {LAYOUT_LISTENER, {LISTEN_FLOW | 0xf0}, 2},
                   {LAYOUT_LISTENER, {LISTEN_POLICY | 0xf0}, 2},
                   {LAYOUT_LISTENER, {LISTEN_ROTATE | 0xf0}, 1},
                   {LAYOUT_LISTENER, {LISTEN_CLOSE | 0xf0}, 2},
                   {LAYOUT_LISTENER, {LISTEN_DRAW | 0xf0}, 1},
                   {LAYOUT_ENDPOINT, {HOST_EXACT, 0xff}, 2},
                   {LAYOUT_ENDPOINT, {HOST_EXACT | 0x10, 0xff}, 4},
                   {LAYOUT_ENDPOINT, {HOST_EXACT | 0xe0, 0xff}, 5},
                   {LAYOUT_ENDPOINT, {HOST_SEGMENT, 0xff, RECORD_SEGMENT}, 6},
                   {LAYOUT_ENDPOINT, {HOST_SEGMENT | 0xf0, 0xff, RECORD_SEGMENT}, 11},
                   {LAYOUT_ENDPOINT, {HOST_SYN, 0xff}, 3},
                   {LAYOUT_ENDPOINT, {HOST_SYN | 0xf0, 0xff}, 8},
                   {LAYOUT_ENDPOINT, {HOST_RAW | 0xf0, 0}, 2},
                   {LAYOUT_ENDPOINT, {HOST_RAW, 0xff}, 257},
                   {LAYOUT_ENDPOINT, {HOST_ICMP | 0x80, 0xff, 0xff}, 3},
                   {LAYOUT_ENDPOINT, {HOST_ICMP | 0x70, 0xff, 0xff}, 7},
                   {LAYOUT_ENDPOINT, {HOST_AGAIN | 0xe0}, 1},
                   {LAYOUT_ENDPOINT, {HOST_AGAIN | 0x10}, 3},
                   {LAYOUT_ENDPOINT, {HOST_CONNECT | 0xf0}, 2},
                   {LAYOUT_ENDPOINT, {HOST_SELF | 0xf0}, 1},
                   {LAYOUT_ENDPOINT, {HOST_LISTEN | 0xf0}, 2},
                   {LAYOUT_ENDPOINT, {HOST_USER | 0x30}, 4},
                   {LAYOUT_ENDPOINT, {HOST_USER | 0x40}, 2},
                   {LAYOUT_ENDPOINT, {HOST_TIME | 0xc0}, 1},
                   {LAYOUT_ENDPOINT, {HOST_TIME | 0x10}, 2},
                   {LAYOUT_ENDPOINT, {HOST_TIME | 0x20}, 2},
                   {LAYOUT_ENDPOINT, {HOST_TIME | 0x30}, 3},
                   {LAYOUT_ENDPOINT, {HOST_HOLD | 0xf0}, 1},
                   {LAYOUT_ENDPOINT, {HOST_LOOP | 0xf0}, 1},
                   {LAYOUT_ENDPOINT, {HOST_FLUSH | 0xf0}, 1},
                   {LAYOUT_ENDPOINT, {HOST_ACCEPT | 0xf0}, 1},
                   {LAYOUT_ENDPOINT, {HOST_TALK | 0xf0}, 1}};
    unsigned kinds[LAYOUT_FORMATS] = {0};
    for (unsigned i = 0; i < sizeof records / sizeof records[0]; i++) {
        uint8_t octets[400];
        memset(octets, 0xff, sizeof octets);
        memcpy(octets, records[i].octets, sizeof records[i].octets);
        assert_int_equal(layout_next(records[i].format, octets, sizeof octets, 0), records[i].size);
        for (size_t size = 1; size < records[i].size; size++) { /* it may be cut off anywhere */
            assert_int_equal(layout_next(records[i].format, octets, size, 0), size);
        }
        kinds[records[i].format] |= 1u << (octets[0] & 15);
    }
    assert_int_equal(kinds[LAYOUT_LISTENER], 0xffff);
    assert_int_equal(kinds[LAYOUT_ENDPOINT], 0xffff);
}

/* A note is heard: the record behind each of any octets is carried out. */
static void hear(void *user, const struct run_line *line)
{
    unsigned *heard = user;
    *heard += line->kind == RUN_NOTE && strncmp(line->text, "policy: ", 8) == 0;
}

/* Records end where they are said to, whatever has happened before them: a policy behind each is one
 * policy more. */
static void test_layout_is_kept_to(void **state)
{
    (void)state;
    uint64_t random = 3;
    for (unsigned op = 0; op < 256; op++) {
        unsigned heard = 0;
        uint8_t octets[PROGRAM_HEADER + LISTEN_HEADER + 200] = {0};
        size_t at = PROGRAM_HEADER + LISTEN_HEADER;
        octets[at] = (uint8_t)op;
        for (size_t i = at + 1; i < sizeof octets; i++) {
            octets[i] = (uint8_t)(sim_draw(&random) >> 40);
        }
        size_t end = layout_next(LAYOUT_LISTENER, octets, sizeof octets, at);
        octets[end] = LISTEN_POLICY;
        octets[end + 1] = 0;
        run_program(RUN_LISTENER, octets, end + 2, hear, &heard);
        bool itself = (op & 15) == LISTEN_POLICY || (op & 15) == LISTEN_CLOSE;
        assert_int_equal(heard, itself ? 3 : 2); /* one of the beginning */
    }
}

/* What comes out ends where its last record does; what was not meant is as it was. */
static void test_mutate_keeps_records_whole(void **state)
{
    (void)state;
    for (unsigned f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        unsigned between = 0; /* records of the other program in ours, and its end behind ours */
        unsigned behind = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            make(&before, formats[f], 12, seed);
            make(&other, formats[f], 12, seed + SEEDS);
            layout_cut(formats[f], before.octets, before.size, &cut);
            assert_int_equal(cut.count, 12);
            for (unsigned mutation = 0; mutation < MUTATIONS; mutation++) {
                if (!mutated((enum mutation)mutation, &before, seed, &after)) {
                    continue;
                }
                layout_cut(formats[f], after.octets, after.size, &cut_after);
                const struct span *last = &cut_after.spans[cut_after.count - 1];
                assert_true(cut_after.count == 0 || last->at + last->size == after.size);
                unsigned changed = 0;
                for (unsigned i = 0; i < cut_after.count; i++) {
                    changed += !is_in(&cut_after, i, &cut);
                }
                if (mutation == MUTATE_SPLICE) {
                    bool in_ours = cut_after.count > 0 && same_record(&cut, 0, &cut_after, 0) &&
                                   same_record(&cut, 11, &cut_after, cut_after.count - 1);
                    layout_cut(formats[f], other.octets, other.size, &cut);
                    unsigned theirs = 0;
                    for (unsigned i = 0; i < cut_after.count; i++) {
                        theirs += is_in(&cut_after, i, &cut);
                    }
                    assert_true(theirs >= changed);
                    between += in_ours && theirs > 0;
                    behind += !in_ours && theirs > 0;
                    layout_cut(formats[f], before.octets, before.size, &cut);
                } else if (mutation == MUTATE_DELETE || mutation == MUTATE_REPEAT ||
                           mutation == MUTATE_SWAP || mutation == MUTATE_HEADER) {
                    assert_int_equal(changed, 0);
                } else {
                    assert_true(changed <= 1);
                    assert_int_equal(cut_after.count, cut.count + (mutation == MUTATE_INSERT));
                }
                if (mutation >= MUTATE_SEQUENCE && mutation < MUTATE_HEADER) {
                    for (unsigned i = 0; i < cut.count; i++) { /* of the same kind */
                        assert_int_equal(record_of(&cut, i)[0] & 15,
                                         record_of(&cut_after, i)[0] & 15);
                    }
                }
                bool header =
                    memcmp(before.octets, after.octets, layout_of(formats[f])->header) != 0;
                assert_true(mutation == MUTATE_HEADER || !header);
            }
        }
        assert_true(between > SEEDS / 4 && behind > SEEDS / 4);
    }
}

/* Every kind of record is drawn; of every kind each bit of each field but a packet's can change, for the
 * mutation that it is about; and to no other kind. */
static void test_mutate_reaches_every_field(void **state)
{
    (void)state;
    for (unsigned f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        size_t header = layout_of(formats[f])->header;
        for (unsigned op = 0; op < 256; op++) {
            uint8_t changed[8] = {0};
            before = (struct input){.format = formats[f]};
            before.octets[header] = (uint8_t)op;
            before.size = layout_next(formats[f], before.octets, header + 8, header);
            for (uint64_t seed = 0; seed < 12 * SEEDS / 4; seed++) {
                enum mutation mutation = (enum mutation)(MUTATE_SEQUENCE + seed % 6);
                if (mutated(mutation, &before, seed, &after)) {
                    for (size_t i = 0; i < 8; i++) {
                        changed[i] |= after.octets[header + i] ^ before.octets[header + i];
                    }
                }
            }
            unsigned kind = op & 15;
            bool only = formats[f] == LAYOUT_ENDPOINT && kind == HOST_RAW;
            assert_int_equal(changed[0], 0xf0); /* its own bits, and never the kind */
            for (size_t i = 1; i < before.size - header && !only; i++) {
                assert_int_not_equal(changed[i], 0);
            }
        }
    }
}

static void test_mutate_draws_every_kind(void **state)
{
    (void)state;
    /* own bits of time: at the deadline, before it and after it */
    static const unsigned near[] = {1u | 1u << 6 | 1u << 8, 1u | 1u << 4 | 1u << 8};
    for (unsigned f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        unsigned kinds = 0;
        unsigned times = 0;
        unsigned seqs = 0;
        unsigned flags = 0;
        unsigned options = 0;
        for (uint64_t seed = 0; seed < 20 * SEEDS; seed++) {
            make(&before, formats[f], 1, seed);
            layout_cut(formats[f], before.octets, before.size, &cut);
            uint8_t first = record_of(&cut, 0)[0];
            struct program program = {cut.octets, sizeof cut.octets, cut.spans[0].at + 2};
            struct record record;
            kinds |= 1u << (first & 15);
            if ((first & 15) == (f == 0 ? LISTEN_TIME : HOST_TIME)) {
                times |= 1u << (first >> 4);
            }
            if ((first & 15) == (f == 0 ? (unsigned)LISTEN_PROGRAM : (unsigned)HOST_SEGMENT)) {
                program_next(&program, &record);
                seqs |= record.kind == RECORD_SEGMENT ? 1u << record.seq_base : 0;
                flags |= record.flags;
                options |= record.options;
                assert_true(record.kind == RECORD_SEGMENT || f == 0);
            }
        }
        assert_int_equal(kinds, 0xffff);
        assert_int_equal(times & near[f], near[f]);
        assert_int_equal(seqs, (1u << SEQ_BASES) - 1);
        assert_int_equal(flags, 0xff);
        assert_int_equal(options, 0x7f);
    }
}

/* A record that does not fit is not written, and nothing is done. */
static void test_mutate_inserts_what_fits(void **state)
{
    (void)state;
    for (unsigned format = 0; format < LAYOUT_FORMATS; format++) {
        size_t header = layout_of((enum layout_format)format)->header;
        unsigned fits = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            uint8_t octets[64] = {0};
            size_t n = mutate_by(MUTATE_INSERT, (enum layout_format)format, octets, header,
                                 header + MUTATE_LEAST, NULL, 0, seed);
            assert_true(n == 0 || n > header);
            fits += n != 0;
        }
        assert_true(format == LAYOUT_WIRE ? fits == 0 : fits > SEEDS / 4 && fits < SEEDS);
    }
}

/* Options of a packet, of which n octets are known; returns a bit for each kind below 35, and in bits 62 and
 * 63 that some is none and that some is too long. */
static uint64_t options_of(const uint8_t *octets, size_t n)
{
    uint64_t kinds = 0;
    size_t at = (octets[0] >> 4 == 4 ? 20u : 40u) + 20;
    size_t end = at - 20 + (octets[at - 8] >> 4) * 4u;
    while (at < end && end <= n) {
        size_t length = octets[at] <= 1 ? 1 : octets[at + 1];
        kinds |= octets[at] < 35 ? UINT64_C(1) << octets[at] : 0;
        if (length == 0 || length > end - at) {
            return kinds | UINT64_C(1) << (length == 0 ? 62 : 63);
        }
        at += length;
    }
    return kinds;
}

/* In a packet alone, and in one that a program of an endpoint bears: every option comes and goes, right and
 * wrong, and most of what comes out can be read. */
static void test_mutate_options_of_packets(void **state)
{
    (void)state;
    static const uint8_t all[] = {0, 1, 2, 3, 4, 5, 8, 19, 28, 29, 34, 62, 63};
    uint64_t wanted = 0;
    for (unsigned i = 0; i < sizeof all; i++) {
        wanted |= UINT64_C(1) << all[i];
    }
    for (unsigned raw = 0; raw < 2; raw++) {
        enum layout_format format = raw ? LAYOUT_ENDPOINT : LAYOUT_WIRE;
        size_t at = layout_of(format)->header + (raw ? 2u : 0u);
        uint64_t kinds = 0;
        unsigned sound = 0;
        unsigned results = 0;
        for (unsigned run = 0; run < 40; run++) {
            before = (struct input){.format = format, .size = at};
            before.octets[at - 2 * raw] = HOST_RAW | 0x20;
            before.size += 1 - raw; /* an octet is no packet yet */
            for (uint64_t seed = 0; seed < 50; seed++) {
                struct tfsm_packet packet;
                assert_true(mutated(MUTATE_OPTIONS, &before, run * 100 + seed, &after));
                before = after;
                size_t n = before.size - at;
                assert_true(!raw || before.octets[at - 1] == n);
                kinds |= options_of(before.octets + at, n);
                enum tfsm_wire_result result = tfsm_parse(before.octets + at, n, &packet);
                results |= 1u << result;
                sound += result == TFSM_WIRE_OK || result == TFSM_WIRE_OPTION;
            }
        }
        assert_true((kinds & wanted) == wanted);
        assert_true((results >> TFSM_WIRE_OK & 1) == 1 && (results >> TFSM_WIRE_OPTION & 1) == 1);
        assert_true(sound > 40 * 50 / 3);
    }
}

/* What is needed of a program is one record: that is what its trim leaves. */
static void test_trim_takes_out_whole_records(void **state)
{
    (void)state;
    static const char *const targets[] = {"fuzz_listener", "fuzz_endpoint"};
    for (unsigned f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        assert_int_equal(setenv("TFSM_TARGET", targets[f], 1), 0);
        void *mutator = afl_custom_init(NULL, 1);
        make(&before, formats[f], 30, 7);
        layout_cut(formats[f], before.octets, before.size, &cut);
        assert_int_equal(cut.count, 30);
        assert_true(!is_in(&cut, 11, &(struct cut){.count = 0}));
        int32_t steps = afl_custom_init_trim(mutator, before.octets, before.size);
        size_t left = before.size;
        unsigned rounds = 0;
        for (int32_t step = 0; step < steps; rounds++) {
            uint8_t *out;
            size_t n = afl_custom_trim(mutator, &out);
            layout_cut(formats[f], out, n, &cut_after);
            bool still = is_in(&cut, 11, &cut_after);
            left = still ? n : left;
            for (unsigned i = 0; i < cut_after.count; i++) {
                assert_true(is_in(&cut_after, i, &cut));
            }
            step = afl_custom_post_trim(mutator, still);
            assert_true(rounds < 200);
        }
        afl_custom_deinit(mutator);
        assert_int_equal(left, layout_of(formats[f])->header + cut.spans[11].size);
    }
    unsetenv("TFSM_TARGET");
}

/* AFL++ is told how often, no more than it has room for, and of no target that has no records. */
static void test_afl_takes_turns(void **state)
{
    (void)state;
    uint8_t octets[64] = {0};
    uint8_t *out;
    assert_int_equal(setenv("TFSM_TARGET", "fuzz_script", 1), 0);
    assert_null(afl_custom_init(NULL, 1));
    assert_int_equal(setenv("TFSM_TARGET", "fuzz_endpoint", 1), 0);
    void *mutator = afl_custom_init(NULL, 1);
    unsigned turns = afl_custom_fuzz_count(mutator, octets, sizeof octets);
    unsigned differ = 0;
    assert_true(turns > 0);
    for (unsigned i = 0; i < 50 * turns; i++) {
        size_t max = 1 + i % 100;
        size_t n = afl_custom_fuzz(mutator, octets, i % 64, &out, octets, 64, max);
        assert_true(n <= max);
        differ += n != i % 64 || memcmp(out, octets, n) != 0;
    }
    assert_true(differ > 40 * turns);
    afl_custom_deinit(mutator);
    unsetenv("TFSM_TARGET");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout_of_every_record),
        cmocka_unit_test(test_layout_is_kept_to),
        cmocka_unit_test(test_mutate_keeps_records_whole),
        cmocka_unit_test(test_mutate_reaches_every_field),
        cmocka_unit_test(test_mutate_draws_every_kind),
        cmocka_unit_test(test_mutate_inserts_what_fits),
        cmocka_unit_test(test_mutate_options_of_packets),
        cmocka_unit_test(test_trim_takes_out_whole_records),
        cmocka_unit_test(test_afl_takes_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
