/* What can be known of a TUN device without one (harness/stacks/tun/tun.h): names, addresses, and
 * the address of the kernel's end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tun.h"

static void test_tun_names(void **state)
{
    (void)state;
    static const char *const good[] = {"tun0", "a", "fifteen-letters", "a.b", "T_1"};
    static const char *const bad[] = {
        "", "sixteen-letters!", "a/b", ".", "..", "a b", "a:0", "tun%d", "a\tb", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_null(tun_name_complaint(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_non_null(tun_name_complaint(bad[i]));
    }
}

static void test_tun_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"192.0.2.2/24", "10.0.0.1/8",     "192.0.2.0/31",
                                       "192.0.2.9/32", "2001:db8::2/64", "fe80::1/128"};
    static const char *const bad[] = {
        "192.0.2.2",
        "192.0.2.2/",
        "192.0.2.2/0",
        "192.0.2.2/33",
        "192.0.2.2/024x",
        "192.0.2/24",
        "192.0.2.0/24",
        "192.0.2.255/24",
        "127.0.0.2/8",
        "224.0.0.1/4",
        "0.0.0.0/8",
        "2001:db8::/64",
        "2001:db8::2/129",
        "ff02::1/64",
        "::/64",
        "192.0.2.2/-1",
        "192.0.2.2/9999999999",
        "/24",
        "2001:db8::2/64/64",
        "0000000000000000000000000000000000000000000000000000000000000000000000/24"};
    struct endpoint_local local;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const char *complaint = tun_read_address(good[i], &local);
        if (complaint != NULL) {
            fail_msg("%s %s", good[i], complaint);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (tun_read_address(bad[i], &local) == NULL) {
            fail_msg("%s is taken", bad[i]);
        }
    }
}

static void test_tun_lowest_other_host(void **state)
{
    (void)state;
    static const struct {
        const char *ours;
        const char *host; /* null: there is none */
    } cases[] = {{"192.0.2.2/24", "192.0.2.1"},
                 {"192.0.2.1/24", "192.0.2.2"},
                 {"192.0.2.77/28", "192.0.2.65"},
                 {"192.0.2.4/31", "192.0.2.5"},
                 {"192.0.2.5/31", "192.0.2.4"},
                 {"192.0.2.5/32", NULL},
                 {"10.255.255.254/8", "10.0.0.1"},
                 {"2001:db8::2/64", "2001:db8::1"},
                 {"2001:db8::1/64", "2001:db8::2"},
                 {"2001:db8::5/127", "2001:db8::4"},
                 {"2001:db8:1:ffff::9/49", "2001:db8:1:8000::1"},
                 {"2001:db8::5/128", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct endpoint_local ours;
        struct tfsm_address host;
        struct tfsm_address wanted;
        assert_null(tun_read_address(cases[i].ours, &ours));
        assert_int_equal(tun_choose_host(&ours, &host), cases[i].host != NULL);
        if (cases[i].host != NULL) {
            assert_null(tun_read_host(cases[i].host, &wanted));
            if (memcmp(wanted.octets, host.octets, sizeof wanted.octets) != 0) {
                fail_msg("%s", cases[i].ours);
            }
            assert_true(tun_same_network(&ours.address, &host, ours.prefix));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tun_names),
        cmocka_unit_test(test_tun_addresses),
        cmocka_unit_test(test_tun_lowest_other_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
