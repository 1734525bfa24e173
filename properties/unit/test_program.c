/* Where programs begin: the octet of the header that picks the start of the clock. */
#include "fixture.h"

#include "decode.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program_start_near_every_turn),
        cmocka_unit_test(test_program_start_by_two_bits_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
