/* The wire of the simulation and of the TUN device (harness/sim/wire.h). */
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
    assert_int_equal(wire_counted(wire)->overflow, 1);
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
        cmocka_unit_test_teardown(test_wire_certain_chances, stop),
        cmocka_unit_test_teardown(test_wire_corruption_flips_one_bit, stop),
        cmocka_unit_test_teardown(test_wire_what_is_held_up_is_overtaken, stop),
        cmocka_unit_test_teardown(test_wire_chances_are_of_what_is_said, stop),
        cmocka_unit_test_teardown(test_wire_has_places_and_a_most, stop),
        cmocka_unit_test_teardown(test_wire_link_has_a_rate_and_a_queue, stop),
        cmocka_unit_test_teardown(test_wire_same_seed_same_fate, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
