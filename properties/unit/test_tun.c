/* What can be known of a TUN device without one (harness/tun/tun.h): names, addresses, and
 * the address of the kernel's end; and the descriptors beside it, which must never hold it up
 * (descriptor.h, outlet.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "descriptor.h"
#include "outlet.h"
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

/* Two ends of something: neither reading nor writing waits, and the open file is as it was. */
static void expect_no_waiting(const int end[2])
{
    static uint8_t octets[65536];
    struct descriptor reading = descriptor_reading(end[0]);
    struct descriptor writing = descriptor_writing(end[1]);
    assert_int_equal(descriptor_read(&reading, octets, 1), -1);
    assert_int_equal(errno, EAGAIN);
    size_t written = 0;
    ssize_t n = 0;
    while ((n = descriptor_write(&writing, octets, sizeof octets)) > 0) {
        written += (size_t)n;
        assert_true(written < 100000000);
    }
    assert_int_equal(errno, EAGAIN);
    assert_false(descriptor_wait(&writing, 0));
    size_t read_all = 0;
    while ((n = descriptor_read(&reading, octets, sizeof octets)) > 0) {
        read_all += (size_t)n;
    }
    assert_int_equal(read_all, written);
    assert_true(descriptor_wait(&writing, 0));
    descriptor_close(&writing);
    descriptor_close(&reading);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(fcntl(end[i], F_GETFL) & O_NONBLOCK, 0);
        close(end[i]);
    }
}

static void test_descriptor_of_a_pipe_and_a_socket(void **state)
{
    (void)state;
    int end[2];
    assert_int_equal(pipe(end), 0);
    expect_no_waiting(end);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, end), 0);
    expect_no_waiting(end);
}

static void test_descriptor_of_a_terminal(void **state)
{
    (void)state;
    uint8_t octets[4];
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        skip();
    }
    int end = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(end >= 0);
    struct descriptor reading = descriptor_reading(end);
    assert_int_equal(descriptor_read(&reading, octets, sizeof octets), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(write(master, "ab\n", 3), 3);
    assert_int_equal(descriptor_read(&reading, octets, sizeof octets), 3);
    assert_int_equal(fcntl(end, F_GETFL) & O_NONBLOCK, 0);
    descriptor_close(&reading);
    struct descriptor other = descriptor_reading(master); /* is not made another terminal */
    assert_int_equal(other.fd, master);
    close(end);
    close(master);
}

/* Lines are whole; those that are missing are counted where they are missing. */
static void test_outlet_drops_lines_that_nobody_reads(void **state)
{
    (void)state;
    int end[2];
    static char text[4000000];
    size_t have = 0;
    assert_int_equal(pipe(end), 0);
    assert_int_not_equal(fcntl(end[0], F_SETFL, O_NONBLOCK), -1);
    struct outlet *outlet = outlet_create(end[1]);
    assert_non_null(outlet);
    for (unsigned i = 0; i < 100000; i++) {
        fprintf(outlet_stream(outlet), "line %u of many, and none is cut in two\n", i);
    }
    assert_false(outlet_finish(outlet, 0));
    assert_true(outlet_dropped(outlet) > 10000);
    for (unsigned rounds = 0; rounds < 1000; rounds++) {
        ssize_t n = read(end[0], text + have, sizeof text - 1 - have);
        have += n > 0 ? (size_t)n : 0;
        bool rest = outlet_drain(outlet);
        if (n <= 0 && !rest) {
            break;
        }
    }
    fprintf(outlet_stream(outlet), "line 100000 is the last\n");
    assert_true(outlet_finish(outlet, 0));
    have += (size_t)read(end[0], text + have, sizeof text - 1 - have);
    unsigned long lines = 0;
    unsigned long missing = 0;
    for (const char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        unsigned long number;
        if (sscanf(line, "-- %lu lines dropped", &number) == 1) {
            missing += number;
        } else {
            assert_int_equal(sscanf(line, "line %lu ", &number), 1);
            assert_int_equal(number, lines + missing);
            lines++;
        }
    }
    assert_int_equal(lines + missing, 100001);
    assert_int_equal(missing, outlet_dropped(outlet));
    close(end[0]);
    fprintf(outlet_stream(outlet), "too late\n");
    fflush(outlet_stream(outlet));
    assert_int_equal(outlet_errno(outlet), EPIPE);
    outlet_destroy(outlet);
    close(end[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tun_names),
        cmocka_unit_test(test_tun_addresses),
        cmocka_unit_test(test_tun_lowest_other_host),
        cmocka_unit_test(test_descriptor_of_a_pipe_and_a_socket),
        cmocka_unit_test(test_descriptor_of_a_terminal),
        cmocka_unit_test(test_outlet_drops_lines_that_nobody_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
