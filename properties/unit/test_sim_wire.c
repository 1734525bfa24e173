/* The wire of the simulation, of the TUN device and of the relay (harness/sim/wire.h), in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire.h"

#define PLACES 64
#define MOST   100 /* octets */

static struct wire *wire;
static struct wire_network network;

/* The network is filled in after this. */
static void start(uint64_t seed)
{
    network = (struct wire_network){.hold = 1};
    wire = wire_create(PLACES, MOST);
    assert_non_null(wire);
    wire_begin(wire, &network, seed);
}

static int stop(void **state)
{
    (void)state;
    wire_destroy(wire);
    wire = NULL;
    return 0;
}

static void put(uint8_t number, tfsm_time now)
{
    uint8_t octets[10];
    memset(octets, number, sizeof octets);
    wire_send(wire, number % 2, octets, sizeof octets, now);
}

/* The number of the packet that arrives next, which is whole; it is taken off. */
static uint8_t take(tfsm_time at)
{
    const struct wire_packet *packet = wire_first(wire);
    assert_non_null(packet);
    assert_int_equal(packet->at, at);
    assert_int_equal(packet->size, 10);
    uint8_t number = packet->octets[0];
    for (unsigned i = 0; i < packet->size; i++) {
        assert_int_equal(packet->octets[i], number);
    }
    assert_int_equal(packet->to, number % 2);
    wire_drop(wire);
    return number;
}

static void test_wire_packets_arrive_in_order_of_time_then_of_sending(void **state)
{
    (void)state;
    start(1);
    for (uint8_t i = 0; i < 50; i++) {
        put(i, 1000 - (tfsm_time)i / 10 * 100);
    }
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(take(600 + i / 10 * 100), 40 - i / 10 * 10 + i % 10);
    }
    assert_null(wire_first(wire));
}

static void test_wire_delay_and_jitter(void **state)
{
    (void)state;
    start(1);
    network.delay = 500;
    put(1, 100);
    assert_int_equal(take(600), 1);
    network.jitter = 50;
    bool differs = false;
    for (uint8_t i = 0; i < 40; i++) {
        put(i, 0);
    }
    for (tfsm_time last = 500; wire_first(wire) != NULL; wire_drop(wire)) {
        const struct wire_packet *packet = wire_first(wire);
        assert_true(packet->at >= last && packet->at < 550);
        differs = differs || packet->at != 500;
        last = packet->at;
    }
    assert_true(differs);
}

static void test_wire_stalled_packets_keep_their_order(void **state)
{
    (void)state;
    start(1);
    network.delay = 100;
    network.stall = 1000;
    network.stall_from = 150;
    network.stall_to = 1;
    put(1, 0);   /* has arrived by then */
    put(3, 60);  /* arrives a stall later */
    put(4, 60);  /* goes the other way */
    put(5, 150); /* is the last that is late */
    put(7, 151); /* waits for that */
    put(9, 1200);
    assert_int_equal(take(100), 1);
    assert_int_equal(take(160), 4);
    assert_int_equal(take(1160), 3);
    assert_int_equal(take(1250), 5);
    assert_int_equal(take(1250), 7);
    assert_int_equal(take(1300), 9);
    assert_null(wire_first(wire));
}

static void test_wire_stall_waits_for_something_to_be_late(void **state)
{
    (void)state;
    start(1);
    network.delay = 100;
    network.stall = 1000;
    network.stall_from = 150;
    network.stall_to = 1;
    put(1, 400);
    put(3, 401);
    assert_int_equal(take(1500), 1);
    assert_int_equal(take(1500), 3);
}

static void test_wire_certain_chances(void **state)
{
    (void)state;
    start(1);
    network.loss = 1000;
    put(1, 0);
    assert_null(wire_first(wire));
    assert_int_equal(wire_counted(wire)->lost, 1);
    network.loss = 0;
    network.copy = 1000;
    put(2, 0);
    assert_int_equal(take(0), 2);
    assert_int_equal(take(0), 2);
    assert_null(wire_first(wire));
    assert_int_equal(wire_counted(wire)->copied, 1);
    assert_int_equal(wire_counted(wire)->sent, 2);
}

static void test_wire_corruption_flips_one_bit(void **state)
{
    (void)state;
    start(1);
    network.corrupt = 1000;
    for (unsigned turn = 0; turn < 100; turn++) {
        unsigned flipped = 0;
        put(0, 0);
        for (unsigned bit = 0; bit < 80; bit++) {
            flipped += wire_first(wire)->octets[bit / 8] >> (bit % 8) & 1u;
        }
        assert_int_equal(flipped, 1);
        wire_drop(wire);
    }
    assert_int_equal(wire_counted(wire)->corrupted, 100);
}

static void test_wire_what_is_held_up_is_overtaken(void **state)
{
    (void)state;
    start(1);
    network.reorder = 1000;
    network.hold = 100;
    put(1, 0);
    network.reorder = 0;
    put(2, 0);
    assert_int_equal(take(0), 2);
    assert_true(wire_first(wire)->at >= 1 && wire_first(wire)->at <= 100);
    assert_int_equal(wire_counted(wire)->reordered, 1);
}

/* A fifth of them, roughly. */
static void test_wire_chances_are_of_what_is_said(void **state)
{
    (void)state;
    start(7);
    network.out_of = 1000000;
    network.loss = 200000;
    for (unsigned i = 0; i < 10000; i++) {
        put(2, 0);
        if (wire_first(wire) != NULL) {
            wire_drop(wire);
        }
    }
    assert_in_range(wire_counted(wire)->lost, 1800, 2200);
}

static void test_wire_has_places_and_a_most(void **state)
{
    (void)state;
    uint8_t large[MOST + 1] = {0};
    start(1);
    for (uint8_t i = 0; i < PLACES; i++) {
        put(i, i);
    }
    put(200, 0);
    assert_int_equal(wire_counted(wire)->overflow, 1);
    for (uint8_t i = 0; i < PLACES; i++) {
        assert_int_equal(take(i), i);
    }
    wire_send(wire, 0, large, sizeof large, 0);
    assert_null(wire_first(wire));
    wire_send(wire, 0, large, MOST, 0);
    assert_int_equal(wire_first(wire)->size, MOST);
}

static void test_wire_link_has_a_rate_and_a_queue(void **state)
{
    (void)state;
    start(1);
    network.rate = 1000; /* ten octets are ten milliseconds */
    network.queue = 25;
    for (uint8_t i = 0; i < 8; i += 2) {
        put(i, 0);
    }
    put(1, 0); /* the other way is free */
    assert_int_equal(take(10000), 0);
    assert_int_equal(take(10000), 1);
    assert_int_equal(take(20000), 2);
    assert_int_equal(take(30000), 4);
    assert_null(wire_first(wire)); /* more than 25 octets were waiting */
    assert_int_equal(wire_counted(wire)->dropped, 1);
    assert_int_equal(wire_counted(wire)->overflow, 0);
}

/* Three of ten octets take ten microseconds, not three times three; and an idle link owes nobody a part. */
static void test_wire_link_keeps_parts_of_a_microsecond(void **state)
{
    (void)state;
    start(1);
    network.rate = 3000000;
    for (uint8_t i = 0; i < 58; i += 2) {
        put(i, 0);
    }
    for (unsigned i = 0; i < 29; i++) {
        assert_int_equal(take(10 * (i + 1) / 3), 2 * i);
    }
    put(2, 1000);
    assert_int_equal(take(1003), 2);
}

/* A hundred octets in a tenth of a microsecond: ten arrive in each. */
static void test_wire_link_is_no_faster_than_it_is(void **state)
{
    (void)state;
    uint8_t octets[MOST] = {0};
    start(1);
    network.rate = 1000000000;
    for (unsigned i = 0; i < PLACES; i++) {
        assert_int_equal(wire_waiting(wire, 0, 0), i * MOST);
        wire_send(wire, 0, octets, MOST, 0);
    }
    for (unsigned i = 0; i < PLACES; i++, wire_drop(wire)) {
        assert_int_equal(wire_first(wire)->at, (i + 1) / 10);
    }
}

static void test_wire_swallows_what_is_too_large(void **state)
{
    (void)state;
    uint8_t octets[MOST] = {0};
    start(1);
    network.swallow = 50;
    for (size_t size = 49; size <= 52; size++) {
        wire_send(wire, 0, octets, size, 0);
    }
    assert_int_equal(wire_count(wire), 2);
    assert_int_equal(wire_counted(wire)->sent, 4);
    assert_int_equal(wire_counted(wire)->swallowed, 2);
    assert_int_equal(wire_counted(wire)->lost, 0);
    assert_int_equal(wire_first(wire)->size, 49);
    wire_drop(wire);
    assert_int_equal(wire_first(wire)->size, 50);
    network.swallow = 0; /* nothing is too large */
    wire_send(wire, 0, octets, MOST, 0);
    assert_int_equal(wire_count(wire), 2);
}

static void test_wire_queue_drops_who_finds_too_much_before_him(void **state)
{
    (void)state;
    start(1);
    network.rate = 1000000; /* an octet a microsecond */
    network.queue = 20;
    assert_int_equal(wire_waiting(wire, 0, 0), 0);
    put(2, 0); /* finds 0 */
    put(4, 0); /* 10 */
    put(6, 0); /* 20 */
    assert_int_equal(wire_counted(wire)->waited, 20);
    assert_int_equal(wire_waiting(wire, 0, 0), 30);
    assert_int_equal(wire_counted(wire)->dropped, 0);
    put(8, 0); /* 30 */
    assert_int_equal(wire_counted(wire)->dropped, 1);
    put(10, 9); /* 21 */
    assert_int_equal(wire_counted(wire)->dropped, 2);
    put(12, 10); /* 20 */
    assert_int_equal(wire_counted(wire)->dropped, 2);
    assert_int_equal(wire_counted(wire)->waited, 30);
    assert_int_equal(wire_waiting(wire, 1, 10), 0); /* the other way */
    assert_int_equal(take(10), 2);
    assert_int_equal(take(20), 4);
    assert_int_equal(take(30), 6);
    assert_int_equal(take(40), 12); /* what was dropped took no time */
    assert_null(wire_first(wire));
    assert_int_equal(wire_waiting(wire, 0, 41), 0);
}

static void test_wire_what_finds_no_place_takes_no_time(void **state)
{
    (void)state;
    start(1);
    network.rate = 1000000;
    for (unsigned i = 0; i < PLACES + 1; i++) {
        put(2, 0);
    }
    assert_int_equal(wire_count(wire), PLACES);
    assert_int_equal(wire_counted(wire)->overflow, 1);
    take(10);
    put(2, 0);
    for (unsigned i = 2; i <= PLACES + 1; i++) {
        take(10 * (tfsm_time)i);
    }
    assert_int_equal(wire_count(wire), 0);
}

/* The link comes first, then chance, then the delay. */
static void test_wire_link_is_before_loss_and_delay(void **state)
{
    (void)state;
    start(1);
    network.rate = 1000000;
    network.delay = 500;
    network.loss = 1000;
    put(2, 0);
    network.loss = 0;
    put(4, 0);
    assert_int_equal(wire_waiting(wire, 0, 0), 20);
    assert_int_equal(take(520), 4);
    assert_int_equal(wire_counted(wire)->lost, 1);
}

/* Of any sizes, at any times: without jitter nobody overtakes. */
static void test_wire_order_is_kept_without_jitter(void **state)
{
    (void)state;
    uint8_t octets[MOST] = {0};
    start(3);
    network.rate = 7000000;
    network.delay = 20000;
    network.loss = 100;
    tfsm_time now = 0;
    unsigned last = 0;
    unsigned came = 0;
    for (unsigned i = 1; i < 256; i++) {
        now += wire_draw(wire) % 20;
        octets[0] = (uint8_t)i;
        wire_send(wire, 0, octets, (size_t)(1 + wire_draw(wire) % MOST), now);
        if (wire_count(wire) == PLACES || i == 255) {
            for (; wire_first(wire) != NULL; wire_drop(wire)) {
                assert_true(wire_first(wire)->octets[0] > last);
                last = wire_first(wire)->octets[0];
                came++;
            }
        }
    }
    assert_int_equal(came, 255 - wire_counted(wire)->lost);
    assert_in_range(wire_counted(wire)->lost, 10, 45);
}

static void test_wire_same_seed_same_fate(void **state)
{
    (void)state;
    uint64_t fate[3] = {0};
    for (unsigned turn = 0; turn < 3; turn++) {
        start(turn < 2 ? 5 : 6);
        network.loss = 300;
        network.jitter = 100;
        for (uint8_t i = 0; i < 60; i++) {
            put(i, i);
        }
        for (; wire_first(wire) != NULL; wire_drop(wire)) {
            fate[turn] =
                (fate[turn] * 31 + wire_first(wire)->at * 257 + wire_first(wire)->octets[0]) &
                UINT32_MAX;
        }
        wire_destroy(wire);
        wire = NULL;
    }
    assert_int_equal(fate[0], fate[1]);
    assert_int_not_equal(fate[0], fate[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_wire_packets_arrive_in_order_of_time_then_of_sending, stop),
        cmocka_unit_test_teardown(test_wire_delay_and_jitter, stop),
        cmocka_unit_test_teardown(test_wire_stalled_packets_keep_their_order, stop),
        cmocka_unit_test_teardown(test_wire_stall_waits_for_something_to_be_late, stop),
        cmocka_unit_test_teardown(test_wire_certain_chances, stop),
        cmocka_unit_test_teardown(test_wire_corruption_flips_one_bit, stop),
        cmocka_unit_test_teardown(test_wire_what_is_held_up_is_overtaken, stop),
        cmocka_unit_test_teardown(test_wire_chances_are_of_what_is_said, stop),
        cmocka_unit_test_teardown(test_wire_has_places_and_a_most, stop),
        cmocka_unit_test_teardown(test_wire_link_has_a_rate_and_a_queue, stop),
        cmocka_unit_test_teardown(test_wire_link_keeps_parts_of_a_microsecond, stop),
        cmocka_unit_test_teardown(test_wire_link_is_no_faster_than_it_is, stop),
        cmocka_unit_test_teardown(test_wire_swallows_what_is_too_large, stop),
        cmocka_unit_test_teardown(test_wire_queue_drops_who_finds_too_much_before_him, stop),
        cmocka_unit_test_teardown(test_wire_what_finds_no_place_takes_no_time, stop),
        cmocka_unit_test_teardown(test_wire_link_is_before_loss_and_delay, stop),
        cmocka_unit_test_teardown(test_wire_order_is_kept_without_jitter, stop),
        cmocka_unit_test_teardown(test_wire_same_seed_same_fate, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
