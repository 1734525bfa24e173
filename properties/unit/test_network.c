/* What a simulated network does, as text (harness/sim/network.h): what is read, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "network.h"

#define GIGA UINT64_C(1000000000)

static void test_network_amounts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t amount;
    } good[] = {{"1", 1},
                {"0001", 1},
                {"1000", 1000},
                {"1k", 1000},
                {"1.5k", 1500},
                {"64k", 64000},
                {"0.001k", 1},
                {"2.000", 2},
                {"1.234M", 1234000},
                {".5k", 500},
                {"5.k", 5000},
                {"100G", 100 * GIGA},
                {"99.999G", 99999000000},
                {"100000000000", 100 * GIGA}};
    static const char *const bad[] = {"",
                                      "0",
                                      "k",
                                      ".",
                                      ".k",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1K",
                                      "1kk",
                                      "1.5",
                                      "1.2.3",
                                      "1.2345k",
                                      "0.0001k",
                                      "1m",
                                      "1e3",
                                      "0x10",
                                      "101G",
                                      "100000000001",
                                      "100.001G",
                                      "18446744073709551616",
                                      "18446744073709551615",
                                      "18446744073709552",
                                      "99999999999999999999999999G"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t amount = 0;
        if (!network_read_amount(good[i].text, 1, 100 * GIGA, &amount)) {
            fail_msg("%s is not taken", good[i].text);
        }
        assert_int_equal(amount, good[i].amount);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t amount = 7;
        if (network_read_amount(bad[i], 1, 100 * GIGA, &amount)) {
            fail_msg("%s is taken", bad[i]);
        }
        assert_int_equal(amount, 7);
    }
}

static void test_network_rates_are_octets(void **state)
{
    (void)state;
    uint64_t rate = 0;
    assert_null(network_read_rate("10M", &rate));
    assert_int_equal(rate, 1250000);
    assert_null(network_read_rate("1k", &rate));
    assert_int_equal(rate, 125);
    assert_null(network_read_rate("100G", &rate));
    assert_int_equal(rate, 12500000000);
    assert_non_null(network_read_rate("999", &rate));
    assert_non_null(network_read_rate("100.001G", &rate));
    assert_int_equal(rate, 12500000000);
}

static void test_network_queues(void **state)
{
    (void)state;
    uint32_t queue = 0;
    assert_null(network_read_queue("1", &queue));
    assert_int_equal(queue, 1);
    assert_null(network_read_queue("1G", &queue));
    assert_int_equal(queue, GIGA);
    assert_non_null(network_read_queue("0", &queue));
    assert_non_null(network_read_queue("1.001G", &queue));
    assert_non_null(network_read_queue("10p", &queue));
    assert_int_equal(queue, GIGA);
}

static void test_network_sizes(void **state)
{
    (void)state;
    uint32_t swallow = 0;
    assert_null(network_read_swallow("68", &swallow));
    assert_int_equal(swallow, 68);
    assert_null(network_read_swallow("1.4k", &swallow));
    assert_int_equal(swallow, 1400);
    assert_null(network_read_swallow("65535", &swallow));
    assert_non_null(network_read_swallow("67", &swallow));
    assert_non_null(network_read_swallow("65536", &swallow));
    assert_non_null(network_read_swallow("many", &swallow));
    assert_int_equal(swallow, 65535);
}

static void test_network_delays_and_percentages(void **state)
{
    (void)state;
    tfsm_time delay = 0;
    tfsm_time jitter = 0;
    unsigned chance = 0;
    assert_null(network_read_delay("20", &delay, &jitter));
    assert_int_equal(delay, 20000);
    assert_int_equal(jitter, 0);
    assert_null(network_read_delay("0.5:60000", &delay, &jitter));
    assert_int_equal(delay, 500);
    assert_int_equal(jitter, 60000000);
    assert_non_null(network_read_delay("1:60000.001", &delay, &jitter));
    assert_non_null(network_read_delay("1:", &delay, &jitter));
    assert_int_equal(delay, 500);
    assert_null(network_read_percent("0.0001", &chance));
    assert_int_equal(chance, 1);
    assert_null(network_read_percent("100", &chance));
    assert_int_equal(chance, NETWORK_OUT_OF);
    assert_non_null(network_read_percent("100.0001", &chance));
    assert_non_null(network_read_percent("4294967296", &chance));
    assert_non_null(network_read_percent("1844674407370955161.6", &chance));
    assert_int_equal(chance, NETWORK_OUT_OF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network_amounts),
        cmocka_unit_test(test_network_rates_are_octets),
        cmocka_unit_test(test_network_queues),
        cmocka_unit_test(test_network_sizes),
        cmocka_unit_test(test_network_delays_and_percentages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
