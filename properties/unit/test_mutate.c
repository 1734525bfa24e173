/* The mutator of programs of a trace and a pair (of others test_mutate_formats.c): what it leaves whole, that each kind does what its name says, and the
 * trim of AFL++. */
#include "fixture.h"

#include "mutate.h"

#define SEEDS 400u

void *afl_custom_init(void *afl, unsigned seed);
void afl_custom_deinit(void *data);
int32_t afl_custom_init_trim(void *data, uint8_t *octets, size_t size);
size_t afl_custom_trim(void *data, uint8_t **out);
int32_t afl_custom_post_trim(void *data, unsigned char success);

/* A program, and what it says. */
struct said {
    uint8_t octets[PROGRAM_MAX];
    size_t size;
    unsigned count;
    struct record records[PROGRAM_EVENTS];
};

static void listen_to(struct said *said)
{
    struct program program;
    struct program_config config;
    program_open(&program, said->octets, said->size, &config);
    said->count = 0;
    while (said->count < PROGRAM_EVENTS && program_next(&program, &said->records[said->count])) {
        said->count++;
    }
}

/* A call, a segment, time, and what the network does, each with something to know it by. */
static void make(struct said *said, unsigned mark)
{
    const struct record records[] = {
        {.kind = RECORD_CALL, .call = TFSM_EV_OPEN, .active = true, .remote = true},
        {.kind = RECORD_SEGMENT, .flags = TFSM_ACK, .len = 100, .wnd = (uint16_t)(1000 + mark)},
        {.kind = RECORD_TIME, .delay = 1001 + mark},
        {.kind = RECORD_DELIVER, .index = (uint8_t)(mark & 15)},
        {.kind = RECORD_SEGMENT, .flags = TFSM_FIN, .len = 7, .wnd = (uint16_t)(2000 + mark)}};
    memset(said, 0, sizeof *said);
    said->size = PROGRAM_HEADER;
    for (unsigned i = 0; i < sizeof records / sizeof records[0]; i++) {
        said->size +=
            record_write(&records[i], said->octets + said->size, sizeof said->octets - said->size);
    }
    listen_to(said);
    assert_int_equal(said->count, sizeof records / sizeof records[0]);
}

static bool same(const struct record *a, const struct record *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* How many records of a are in b, in their order. */
static unsigned common(const struct said *a, const struct said *b)
{
    unsigned found = 0;
    unsigned at = 0;
    for (unsigned i = 0; i < a->count; i++) {
        unsigned place = at;
        while (place < b->count && !same(&a->records[i], &b->records[place])) {
            place++;
        }
        if (place < b->count) {
            found++;
            at = place + 1;
        }
    }
    return found;
}

static void mutated(enum mutation mutation, const struct said *from, const struct said *other,
                    uint64_t seed, struct said *to)
{
    *to = *from;
    to->size = mutate_by(mutation, LAYOUT_RECORDS, to->octets, from->size, sizeof to->octets,
                         other->octets, other->size, seed);
    assert_true(to->size >= PROGRAM_HEADER);
    listen_to(to);
}

static struct said before;
static struct said other;
static struct said after;

static void test_mutate_moves_whole_records(void **state)
{
    (void)state;
    unsigned of_other = 0;
    make(&before, 1);
    make(&other, 2);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        mutated(MUTATE_INSERT, &before, &other, seed, &after);
        assert_int_equal(after.count, before.count + 1);
        assert_int_equal(common(&before, &after), before.count);
        mutated(MUTATE_DELETE, &before, &other, seed, &after);
        assert_true(after.count < before.count);
        assert_int_equal(common(&after, &before), after.count);
        mutated(MUTATE_REPEAT, &before, &other, seed, &after);
        assert_true(after.count > before.count);
        assert_int_equal(common(&before, &after), before.count);
        mutated(MUTATE_SWAP, &before, &other, seed, &after);
        assert_int_equal(after.count, before.count);
        assert_int_equal(common(&before, &after), before.count - 1);
        mutated(MUTATE_SPLICE, &before, &other, seed, &after);
        of_other += common(&other, &after) > 1; /* the OPEN is the same in both */
        for (unsigned i = 0; i < after.count; i++) {
            bool known = false;
            for (unsigned j = 0; j < before.count; j++) {
                known |= same(&after.records[i], &before.records[j]) ||
                         same(&after.records[i], &other.records[j]);
            }
            assert_true(known);
        }
    }
    assert_true(of_other > SEEDS / 4);
}

/* Of the records at most one has changed, and only in what is meant. */
static void test_mutate_changes_one_thing(void **state)
{
    (void)state;
    unsigned changes[MUTATIONS] = {0};
    make(&before, 1);
    for (unsigned mutation = MUTATE_SEQUENCE; mutation < MUTATIONS; mutation++) {
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            mutated((enum mutation)mutation, &before, &before, seed, &after);
            assert_int_equal(after.count, before.count);
            for (unsigned i = 0; i < before.count; i++) {
                struct record *is = &after.records[i];
                const struct record *was = &before.records[i];
                changes[mutation] += !same(is, was);
                if (mutation == MUTATE_SEQUENCE || mutation == MUTATE_OPTIONS) {
                    assert_int_equal(is->flags, was->flags);
                    assert_int_equal(is->len, was->len);
                } else if (mutation == MUTATE_FLAGS) {
                    is->flags = was->flags;
                    assert_true(same(is, was));
                } else if (mutation == MUTATE_TIME) {
                    assert_true(same(is, was) || is->kind == RECORD_TIME);
                }
            }
        }
        bool header = memcmp(before.octets, after.octets, PROGRAM_HEADER) != 0;
        assert_true(mutation == MUTATE_HEADER || !header);
        assert_true(changes[mutation] > SEEDS / 2 || mutation == MUTATE_HEADER);
        assert_true(changes[mutation] <= SEEDS);
    }
    assert_int_equal(changes[MUTATE_HEADER], 0);
}

/* A deadline, and the microseconds beside it; every edge of the window; every option. */
static void test_mutate_reaches_every_edge(void **state)
{
    (void)state;
    unsigned beside = 0;
    unsigned seqs = 0;
    unsigned acks = 0;
    unsigned options = 0;
    unsigned flags = 0;
    make(&before, 1);
    for (uint64_t seed = 0; seed < 10 * SEEDS; seed++) {
        mutated(MUTATE_TIME, &before, &before, seed, &after);
        if (after.records[2].to_deadline) {
            beside |= 1u << (after.records[2].beside + 1);
        }
        mutated(MUTATE_SEQUENCE, &before, &before, seed, &after);
        seqs |= 1u << after.records[1].seq_base;
        acks |= 1u << after.records[1].ack_base;
        mutated(MUTATE_OPTIONS, &before, &before, seed, &after);
        options |= after.records[1].options;
        mutated(MUTATE_FLAGS, &before, &before, seed, &after);
        flags |= after.records[1].flags;
    }
    assert_int_equal(beside, 7);
    assert_int_equal(seqs, (1u << SEQ_BASES) - 1);
    assert_int_equal(acks, (1u << ACK_BASES) - 1);
    assert_int_equal(options, 0x7f);
    assert_int_equal(flags, 0xff);
}

/* Any octets, any room: nothing is written beyond it, and the same seed does the same. */
static void test_mutate_stands_anything(void **state)
{
    (void)state;
    static uint8_t octets[2][PROGRAM_MAX + 1];
    uint64_t random = 7;
    unsigned done = 0;
    for (uint64_t seed = 0; seed < 20 * SEEDS; seed++) {
        size_t size = (size_t)(seed * 37 % 700);
        enum layout_format format = (enum layout_format)(seed % LAYOUT_FORMATS);
        size_t room = size + (size_t)(seed % 100) + layout_of(format)->header + MUTATE_LEAST;
        for (size_t i = 0; i < size; i++) {
            random = random * UINT64_C(6364136223846793005) + 1;
            octets[0][i] = (uint8_t)(random >> 40);
        }
        memcpy(octets[1], octets[0], size);
        octets[0][room] = 0xa5;
        size_t n = mutate(format, octets[0], size, room, octets[1], size, seed);
        bool roomy = room >= size + layout_of(format)->header + LAYOUT_RECORD_MAX;
        assert_true((n >= layout_of(format)->header && n <= room) || (n == 0 && !roomy));
        done += n != 0;
        assert_int_equal(octets[0][room], 0xa5);
        uint8_t copy[PROGRAM_MAX];
        memcpy(copy, octets[1], size);
        assert_int_equal(mutate(format, copy, size, room, octets[1], size, seed), n);
        assert_memory_equal(copy, octets[0],
                            n != 0 ? n : size); /* nothing is done where it says so */
    }
    assert_true(done > 19 * SEEDS);
    assert_int_equal(
        mutate(LAYOUT_RECORDS, octets[0], 10, PROGRAM_HEADER + MUTATE_LEAST - 1, NULL, 0, 1), 0);
    assert_int_equal(mutate(LAYOUT_RECORDS, octets[0], 200, 199, NULL, 0, 1), 0);
}

/* What a record that was read is written as reads the same; the deadline's neighbours included. */
static void test_mutate_time_is_written_as_read(void **state)
{
    (void)state;
    for (int beside = -1; beside <= 1; beside++) {
        struct record record = {.kind = RECORD_TIME, .to_deadline = true, .beside = (int8_t)beside};
        memset(&before, 0, sizeof before);
        before.size = PROGRAM_HEADER + record_write(&record, before.octets + PROGRAM_HEADER, 80);
        listen_to(&before);
        assert_int_equal(before.count, 1);
        assert_true(same(&before.records[0], &record));
    }
}

static bool has_fin(const struct said *said)
{
    for (unsigned i = 0; i < said->count; i++) {
        if (said->records[i].kind == RECORD_SEGMENT && said->records[i].flags == TFSM_FIN) {
            return true;
        }
    }
    return false;
}

/* A finding that needs the FIN and nothing else is trimmed to that. */
static void test_mutate_trim_takes_out_whole_events(void **state)
{
    (void)state;
    void *mutator = afl_custom_init(NULL, 1);
    make(&before, 3);
    int32_t steps = afl_custom_init_trim(mutator, before.octets, before.size);
    unsigned rounds = 0;
    after = before;
    for (int32_t step = 0; step < steps; rounds++) {
        uint8_t *out;
        other.size = afl_custom_trim(mutator, &out);
        memcpy(other.octets, out, other.size);
        listen_to(&other);
        bool still = has_fin(&other);
        if (still) {
            after = other;
        }
        step = afl_custom_post_trim(mutator, still);
        assert_true(rounds < 200);
    }
    afl_custom_deinit(mutator);
    assert_int_equal(after.count, 1);
    assert_int_equal(after.records[0].flags, TFSM_FIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutate_moves_whole_records),
        cmocka_unit_test(test_mutate_changes_one_thing),
        cmocka_unit_test(test_mutate_reaches_every_edge),
        cmocka_unit_test(test_mutate_stands_anything),
        cmocka_unit_test(test_mutate_time_is_written_as_read),
        cmocka_unit_test(test_mutate_trim_takes_out_whole_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
