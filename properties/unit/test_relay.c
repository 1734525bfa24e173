/* The wire between two devices (harness/tun/relay.h). A pair of sockets that keeps packets apart stands for a
 * device and the kernel behind it, so that this needs neither root nor TUN; but for what ends it, time is
 * virtual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"

#define MTU    1000
#define MILLI  1000 /* microseconds */
#define FLIGHT 20   /* packets that a socket holds for sure */

static struct wire_network network;
static struct relay *relay;
static int near[2];
static int far[2];
static unsigned ticks;

static void tick(void *user, tfsm_time now)
{
    (void)now;
    ++*(unsigned *)user;
}

/* The network may be changed after this. */
static void start_until(uint64_t seed, tfsm_time until)
{
    char error[RELAY_ERROR];
    network = (struct wire_network){.hold = 1};
    for (unsigned i = 0; i < 2; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
        near[i] = pair[0];
        far[i] = pair[1];
    }
    ticks = 0;
    struct relay_config config = {.tun = {near[0], near[1]},
                                  .name = {"left", "right"},
                                  .mtu = MTU,
                                  .network = &network,
                                  .seed = seed,
                                  .until = until,
                                  .user = &ticks,
                                  .every = until != TFSM_NEVER ? 10 * MILLI : 0,
                                  .tick = tick};
    relay = relay_create(&config, error);
    assert_non_null(relay);
}

static void start(uint64_t seed)
{
    start_until(seed, TFSM_NEVER);
}

static int stop(void **state)
{
    (void)state;
    relay_destroy(relay);
    relay = NULL;
    for (unsigned i = 0; i < 2; i++) {
        close(near[i]);
        close(far[i]);
    }
    return 0;
}

/* The kernel behind a device sends a packet that bears a number. */
static void put(unsigned from, unsigned number, size_t size)
{
    uint8_t octets[MTU + 1];
    memset(octets, (int)(number * 7 & 0xff), sizeof octets);
    memcpy(octets, &number, sizeof number);
    assert_int_equal(send(far[from], octets, size, 0), size);
}

/* The one that the kernel behind a device gets, or 0: no number is that. */
static unsigned get(unsigned at, size_t size)
{
    uint8_t octets[MTU + 1];
    unsigned number;
    if (recv(far[at], octets, sizeof octets, 0) != (ssize_t)size) {
        return 0;
    }
    memcpy(&number, octets, sizeof number);
    for (size_t i = sizeof number; i < size; i++) {
        assert_int_equal(octets[i], number * 7 & 0xff);
    }
    return number;
}

static void test_relay_packets_pass_both_ways_as_they_are(void **state)
{
    (void)state;
    start(1);
    for (unsigned i = 1; i <= FLIGHT; i++) {
        put(i % 2, i, 40 + i);
    }
    relay_turn(relay, 0);
    for (unsigned i = 1; i <= FLIGHT; i++) {
        assert_int_equal(get(1 - i % 2, 40 + i), i);
    }
    assert_int_equal(get(0, 40), 0);
    assert_int_equal(get(1, 40), 0);
    assert_true(relay_deadline(relay) == TFSM_NEVER);
}

static void test_relay_delay_is_kept_and_what_is_late_goes_at_once(void **state)
{
    (void)state;
    start(1);
    network.delay = 10 * MILLI;
    put(0, 1, 100);
    relay_turn(relay, MILLI);
    put(0, 2, 100);
    relay_turn(relay, 2 * MILLI);
    assert_int_equal(relay_deadline(relay), 11 * MILLI);
    relay_turn(relay, 11 * MILLI - 1);
    assert_int_equal(get(1, 100), 0);
    relay_turn(relay, 11 * MILLI);
    assert_int_equal(get(1, 100), 1);
    assert_int_equal(get(1, 100), 0);
    assert_int_equal(relay_deadline(relay), 12 * MILLI);
    for (unsigned i = 3; i <= FLIGHT; i++) {
        put(0, i, 100);
        relay_turn(relay, 11 * MILLI + i);
    }
    relay_turn(relay, 500 * MILLI);
    for (unsigned i = 2; i <= FLIGHT; i++) {
        assert_int_equal(get(1, 100), i);
    }
}

static void test_relay_rate_and_queue_are_of_either_way(void **state)
{
    (void)state;
    start(1);
    network.rate = 1000000; /* an octet a microsecond */
    network.queue = 1000;
    for (unsigned i = 1; i <= 5; i++) {
        put(0, i, 400);
        put(1, i, 500);
    }
    relay_turn(relay, 0);
    assert_int_equal(relay_waited(relay, 0), 1200);
    assert_int_equal(relay_waited(relay, 0), 0);
    assert_int_equal(relay_waited(relay, 1), 1500);
    assert_int_equal(relay_deadline(relay), 400);
    relay_turn(relay, 1199);
    assert_int_equal(get(1, 400), 1);
    assert_int_equal(get(1, 400), 2);
    assert_int_equal(get(1, 400), 0);
    relay_turn(relay, 10 * MILLI);
    assert_int_equal(get(1, 400), 3);
    assert_int_equal(get(1, 400), 0); /* the fourth would have found 1200 */
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(get(0, 500), i);
    }
    assert_int_equal(get(0, 500), 0);
    assert_int_equal(relay_counted(relay, 0).wire.dropped, 2);
    assert_int_equal(relay_counted(relay, 1).wire.dropped, 2);
}

#define MANY 200

/* Which of so many packets come through, with so many the other way for each of them. */
static void run_lossy(uint64_t seed, unsigned from, unsigned others, bool came[MANY])
{
    start(seed);
    network.loss = 300;
    network.copy = 100;
    memset(came, 0, MANY * sizeof *came);
    for (unsigned i = 0; i < MANY; i++) {
        for (unsigned j = 0; j < others; j++) {
            put(1 - from, i + 1, 60);
        }
        put(from, i + 1, 100);
        relay_turn(relay, i);
        for (unsigned number = get(1 - from, 100); number > 0; number = get(1 - from, 100)) {
            came[number - 1] = true;
        }
        while (get(from, 60) > 0) {
        }
    }
    stop(NULL);
}

static void test_relay_loss_is_of_the_seed_and_the_order_that_way(void **state)
{
    (void)state;
    bool first[MANY];
    bool other[MANY];
    unsigned lost = 0;
    run_lossy(5, 0, 0, first);
    for (unsigned i = 0; i < MANY; i++) {
        lost += !first[i];
    }
    assert_in_range(lost, 30, 80);
    run_lossy(5, 0, 3, other);
    assert_memory_equal(first, other, sizeof first);
    run_lossy(6, 0, 0, other);
    assert_memory_not_equal(first, other, sizeof first);
    run_lossy(5, 1, 0, other);
    assert_memory_not_equal(first, other, sizeof first);
}

static void test_relay_every_packet_is_accounted_for(void **state)
{
    (void)state;
    unsigned came[2] = {0, 0};
    start(9);
    network.loss = 100;
    network.copy = 100;
    network.delay = 50;
    network.jitter = 100;
    network.rate = 20000000;
    network.queue = 800;
    for (unsigned i = 0; i < MANY; i++) {
        put(0, i + 1, 100);
        put(0, i + 1, i % 10 == 0 ? MTU + 1 : 200);
        put(1, i + 1, 300);
        relay_turn(relay, (tfsm_time)i * 10);
        for (unsigned at = 0; at < 2; at++) {
            uint8_t octets[MTU];
            while (recv(far[at], octets, sizeof octets, 0) > 0) {
                came[at]++;
            }
        }
    }
    for (unsigned from = 0; from < 2; from++) {
        struct relay_counters counted = relay_counted(relay, from);
        const struct wire_counters *wire = &counted.wire;
        assert_int_equal(counted.packets_in, from == 0 ? 2 * MANY : MANY);
        assert_int_equal(counted.packets_out, came[1 - from]);
        assert_int_equal(wire->sent, counted.packets_in);
        assert_true(wire->lost > 0 && wire->copied > 0 && wire->dropped > 0 && counted.left > 0);
        assert_int_equal(counted.packets_in + wire->copied, counted.packets_out + counted.left +
                                                                wire->lost + wire->dropped +
                                                                wire->overflow);
    }
    assert_in_range(relay_counted(relay, 0).wire.overflow, MANY / 10,
                    MANY / 10 + 10); /* too large */
}

/* What the device takes later is late, and neither lost nor out of order. */
static void test_relay_device_without_room(void **state)
{
    (void)state;
    unsigned sent = 0;
    unsigned came = 0;
    start(1);
    while (relay_counted(relay, 0).deferred == 0) {
        put(0, ++sent, 900);
        relay_turn(relay, 0);
        assert_true(sent < 100000);
    }
    for (unsigned i = 0; i < FLIGHT; i++) {
        put(0, ++sent, 900);
        relay_turn(relay, 0);
    }
    assert_true(relay_deadline(relay) == TFSM_NEVER); /* its room is waited for */
    assert_int_equal(relay_counted(relay, 0).left, FLIGHT + 1);
    while (came < sent) {
        unsigned number = get(1, 900);
        if (number == 0) {
            relay_turn(relay, 0);
            number = get(1, 900);
        }
        assert_int_equal(number, ++came);
    }
    assert_int_equal(relay_counted(relay, 0).left, 0);
}

/* It goes on reading, without waiting, until there is nothing left. */
static void test_relay_reads_so_much_in_a_turn(void **state)
{
    (void)state;
    start(1);
    network.delay = 1;
    unsigned sent = 0;
    uint8_t octets[20] = {0};
    while (sent < 300 && send(far[0], octets, sizeof octets, 0) > 0) {
        sent++;
    }
    relay_turn(relay, 5);
    assert_int_equal(relay_counted(relay, 0).packets_in, sent < 256 ? sent : 256);
    assert_int_equal(relay_deadline(relay), sent < 256 ? 6 : 0);
    relay_turn(relay, 5);
    assert_int_equal(relay_counted(relay, 0).packets_in, sent);
    assert_int_equal(relay_deadline(relay), 6);
}

/* ---- ends, by the clock ---- */

/* However late it began: on a busy machine there may be no time for a tick. */
static void test_relay_ends_when_it_is_time(void **state)
{
    (void)state;
    char error[RELAY_ERROR];
    tfsm_time until = waiting_now() + 55 * MILLI;
    start_until(1, until);
    tfsm_time began = waiting_now();
    assert_true(relay_run(relay, error));
    assert_true(waiting_now() >= until);
    assert_true(ticks <= 5);
    assert_true(ticks > 0 || began + 10 * MILLI >= until);
}

static void test_relay_ends_when_a_signal_asks(void **state)
{
    (void)state;
    static const int numbers[] = {SIGINT, SIGTERM};
    char error[RELAY_ERROR];
    for (unsigned i = 0; i < 2; i++) {
        tfsm_time until = waiting_now() + 20000 * MILLI;
        start_until(1, until);
        raise(numbers[i]);
        assert_true(relay_run(relay, error));
        assert_true(waiting_now() < until);
        stop(NULL);
    }
    start(1);
}

static void test_relay_ends_when_a_device_is_gone(void **state)
{
    (void)state;
    char error[RELAY_ERROR] = "";
    tfsm_time until = waiting_now() + 20000 * MILLI;
    start_until(1, until);
    close(near[1]);
    put(0, 1, 100); /* the socket does not wake us, as a device does */
    assert_false(relay_run(relay, error));
    assert_true(waiting_now() < until);
    assert_string_equal(error, "right: the device is gone: Bad file descriptor");
    near[1] = dup(near[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_relay_packets_pass_both_ways_as_they_are, stop),
        cmocka_unit_test_teardown(test_relay_delay_is_kept_and_what_is_late_goes_at_once, stop),
        cmocka_unit_test_teardown(test_relay_rate_and_queue_are_of_either_way, stop),
        cmocka_unit_test(test_relay_loss_is_of_the_seed_and_the_order_that_way),
        cmocka_unit_test_teardown(test_relay_every_packet_is_accounted_for, stop),
        cmocka_unit_test_teardown(test_relay_device_without_room, stop),
        cmocka_unit_test_teardown(test_relay_reads_so_much_in_a_turn, stop),
        cmocka_unit_test_teardown(test_relay_ends_when_it_is_time, stop),
        cmocka_unit_test_teardown(test_relay_ends_when_a_signal_asks, stop),
        cmocka_unit_test_teardown(test_relay_ends_when_a_device_is_gone, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
