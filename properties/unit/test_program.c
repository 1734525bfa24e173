/* What the header of a program chooses: where the clock starts, and how much room a connection has. */
#include "fixture.h"

#include "decode.h"
#include "host.h"
#include "run.h"

static tfsm_time start_of(unsigned octet)
{
    uint8_t header[PROGRAM_HEADER] = {0};
    struct program program;
    struct program_config config;
    header[5] = (uint8_t)octet;
    program_open(&program, header, sizeof header, &config);
    return config.start;
}

/* Microseconds until the clock, counted in ticks of `tick` microseconds, turns over `bits` bits. */
static tfsm_time rest_of(tfsm_time start, unsigned bits, tfsm_time tick)
{
    tfsm_time round = (UINT64_C(1) << bits) * tick;
    return round - start % round;
}

static bool begins_near(unsigned bits, tfsm_time tick)
{
    for (unsigned octet = PROGRAM_STARTS << 4; octet < (PROGRAM_STARTS + 1) << 4; octet++) {
        tfsm_time start = start_of(octet);
        if (start > 0 && start < (UINT64_C(1) << bits) * tick &&
            rest_of(start, bits, tick) <= 60000000) {
            return true;
        }
    }
    return false;
}

static void test_program_start_near_every_turn(void **state)
{
    (void)state;
    assert_true(begins_near(31, 1000));
    assert_true(begins_near(32, 1000));
    assert_true(begins_near(31, 1));
    assert_true(begins_near(32, 1));
    assert_true(begins_near(34, 1));
}

/* Programs written before there were more than four starts mean what they meant. */
static void test_program_start_by_two_bits_elsewhere(void **state)
{
    (void)state;
    for (unsigned octet = 0; octet < 256; octet++) {
        if (octet >> 4 != PROGRAM_STARTS) {
            assert_int_equal(start_of(octet), start_of(octet & 3));
        }
    }
    assert_int_equal(start_of(0), 0);
}

/* And so do those written before a connection could have room of its own. */
static void test_program_chooses_the_room(void **state)
{
    (void)state;
    for (unsigned octet = 0; octet < 256; octet++) {
        uint8_t header[PROGRAM_HEADER] = {[6] = (uint8_t)octet};
        struct program program;
        struct program_config config;
        program_open(&program, header, sizeof header, &config);
        assert_int_equal(config.ranges, octet < 128 ? 0 : PROGRAM_RANGES);
    }
}

static void see_room(void *user, const struct run_line *line)
{
    unsigned *most = user;
    if (line->after != NULL && line->after->room > *most) {
        *most = line->after->room;
    }
}

static void test_program_runs_in_that_room(void **state)
{
    static const enum run_mode modes[] = {RUN_TRACE, RUN_PAIR, RUN_ENDPOINT};
    static const struct record open = {
        .kind = RECORD_CALL, .call = TFSM_EV_OPEN, .active = true, .remote = true};
    (void)state;
    for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        for (unsigned roomy = 0; roomy < 2; roomy++) {
            uint8_t octets[PROGRAM_HEADER + 1 + RECORD_MAX] = {[6] = roomy ? 0x80 : 0};
            unsigned most = 0;
            if (modes[i] == RUN_ENDPOINT) {
                octets[PROGRAM_HEADER + HOST_HEADER] = HOST_CONNECT;
            } else {
                record_write(&open, octets + PROGRAM_HEADER, RECORD_MAX);
            }
            struct run_result result =
                run_program(modes[i], octets, sizeof octets, see_room, &most);
            assert_null(result.violation.id);
            assert_true(result.events > 0);
            assert_int_equal(most, roomy ? PROGRAM_RANGES : 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program_start_near_every_turn),
        cmocka_unit_test(test_program_start_by_two_bits_elsewhere),
        cmocka_unit_test(test_program_chooses_the_room),
        cmocka_unit_test(test_program_runs_in_that_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
