/* Unit tests of which ISNs of a capture count: those of SYN and SYN,ACK, once an incarnation, under the host that chose them. */
#include "fixture.h"
#include "isns.h"

#include <stdlib.h>

enum { CLIENT, SERVER };

struct wire {
    struct isns isns;
    tfsm_time now;
    uint16_t client_port;
    uint32_t ts; /* with the segment, where it is not zero */
};

static const struct tfsm_address addresses[] = {{4, {198, 51, 100, 1}}, {4, {192, 0, 2, 1}}};

static void send_as(struct wire *wire, unsigned from, const struct tfsm_address *ends,
                    struct tfsm_segment segment)
{
    struct capture_packet packet = {.taken = true, .time = wire->now += 1000};
    const uint16_t port[2] = {wire->client_port, 80};
    segment.options = wire->ts != 0 ? TFSM_OPT_TIMESTAMPS : 0;
    segment.ts_val = wire->ts;
    packet.packet = (struct tfsm_packet){.src = ends[from],
                                         .dst = ends[1 - from],
                                         .src_port = port[from],
                                         .dst_port = port[1 - from],
                                         .segment = segment};
    assert_true(isns_packet(&wire->isns, &packet));
}

static void sends(struct wire *wire, unsigned from, uint8_t flags, uint32_t seq, uint32_t ack)
{
    send_as(wire, from, addresses, (struct tfsm_segment){.flags = flags, .seq = seq, .ack = ack});
}

static void finish(struct wire *wire)
{
    isns_free(&wire->isns);
}

static void test_isns_counts_both_ends(void **state)
{
    (void)state;
    struct wire wire = {.client_port = 1024};
    sends(&wire, CLIENT, TFSM_SYN, 100, 0);
    sends(&wire, SERVER, TFSM_SYN | TFSM_ACK, 7000, 101);
    sends(&wire, CLIENT, TFSM_ACK, 101, 7001);
    assert_int_equal(wire.isns.n, 2);
    struct isn_seen *seen = isns_sorted(&wire.isns);
    assert_int_equal(seen[0].isn, 7000); /* 192.0.2.1 stands before 198.51.100.1 */
    assert_int_equal(seen[0].port, 80);
    assert_int_equal(seen[1].isn, 100);
    assert_int_equal(seen[1].peer_port, 80);
    assert_int_equal(isns_of_host(seen, 2), 1);
    free(seen);
    finish(&wire);
}

static void test_isns_counts_no_retransmission(void **state)
{
    (void)state;
    struct wire wire = {.client_port = 1024};
    for (unsigned i = 0; i < 3; i++) {
        sends(&wire, CLIENT, TFSM_SYN, 100, 0);
        sends(&wire, SERVER, TFSM_SYN | TFSM_ACK, 7000, 101);
    }
    assert_int_equal(wire.isns.n, 2);
    finish(&wire);
}

static void test_isns_counts_the_same_number_after_a_close(void **state)
{
    (void)state;
    struct wire wire = {.client_port = 1024};
    sends(&wire, CLIENT, TFSM_SYN, 100, 0);
    sends(&wire, SERVER, TFSM_SYN | TFSM_ACK, 7000, 101);
    sends(&wire, CLIENT, TFSM_FIN | TFSM_ACK, 101, 7001);
    sends(&wire, CLIENT, TFSM_SYN, 100, 0);
    assert_int_equal(wire.isns.n, 2); /* one FIN closes nothing */
    sends(&wire, SERVER, TFSM_FIN | TFSM_ACK, 7001, 102);
    sends(&wire, CLIENT, TFSM_SYN, 100, 0);
    sends(&wire, SERVER, TFSM_SYN | TFSM_ACK, 7000, 101);
    assert_int_equal(wire.isns.n, 4);
    finish(&wire);
}

/* A RST that does not acknowledge the SYN is none of this connection: the SYN comes again. */
static void test_isns_closes_by_a_rst_that_is_right(void **state)
{
    (void)state;
    struct wire wire = {.client_port = 1024};
    sends(&wire, CLIENT, TFSM_SYN, 100, 0);
    sends(&wire, SERVER, TFSM_RST | TFSM_ACK, 0, 77);
    sends(&wire, CLIENT, TFSM_SYN, 100, 0);
    assert_int_equal(wire.isns.n, 1);
    sends(&wire, SERVER, TFSM_RST | TFSM_ACK, 0, 101);
    sends(&wire, CLIENT, TFSM_SYN, 100, 0);
    assert_int_equal(wire.isns.n, 2);
    finish(&wire);
}

static void test_isns_knows_a_late_duplicate_by_its_timestamp(void **state)
{
    (void)state;
    struct wire wire = {.client_port = 1024, .ts = 5};
    sends(&wire, CLIENT, TFSM_SYN, 100, 0);
    sends(&wire, SERVER, TFSM_RST | TFSM_ACK, 0, 101);
    sends(&wire, CLIENT, TFSM_SYN, 100, 0);
    assert_int_equal(wire.isns.n, 1);
    wire.ts = 6;
    sends(&wire, CLIENT, TFSM_SYN, 100, 0);
    assert_int_equal(wire.isns.n, 2);
    finish(&wire);
}

/* Captured on both sides of a translator the server answers twice, to two peers. */
static void test_isns_counts_once_what_was_rewritten(void **state)
{
    (void)state;
    struct wire wire = {.client_port = 1024};
    const struct tfsm_address inside[] = {{4, {10, 0, 0, 1}}, addresses[SERVER]};
    struct tfsm_segment answer = {.flags = TFSM_SYN | TFSM_ACK, .seq = 7000, .ack = 101};
    send_as(&wire, SERVER, addresses, answer);
    send_as(&wire, SERVER, inside, answer);
    assert_int_equal(wire.isns.n, 1);
    assert_int_equal(wire.isns.rewritten, 1);
    answer.ack = 909; /* another client, and the same number: that is the server's fault */
    wire.client_port = 1025;
    send_as(&wire, SERVER, inside, answer);
    assert_int_equal(wire.isns.n, 2);
    finish(&wire);
}

static void test_isns_counts_once_what_two_files_show(void **state)
{
    (void)state;
    struct wire wire = {.client_port = 1024};
    for (unsigned file = 0; file < 2; file++) {
        sends(&wire, CLIENT, TFSM_SYN, 100, 0);
        sends(&wire, SERVER, TFSM_RST | TFSM_ACK, 0, 101);
        isns_next_file(&wire.isns);
    }
    assert_int_equal(wire.isns.n, 1);
    finish(&wire);
}

static void test_isns_finds_tuples_among_many(void **state)
{
    (void)state;
    struct wire wire = {.now = 0};
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 5000; i++) {
            wire.client_port = (uint16_t)(1024 + i);
            sends(&wire, CLIENT, TFSM_SYN, 100 + i, 0);
        }
    }
    assert_int_equal(wire.isns.n, 5000);
    finish(&wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isns_counts_both_ends),
        cmocka_unit_test(test_isns_counts_no_retransmission),
        cmocka_unit_test(test_isns_counts_the_same_number_after_a_close),
        cmocka_unit_test(test_isns_closes_by_a_rst_that_is_right),
        cmocka_unit_test(test_isns_knows_a_late_duplicate_by_its_timestamp),
        cmocka_unit_test(test_isns_counts_once_what_was_rewritten),
        cmocka_unit_test(test_isns_counts_once_what_two_files_show),
        cmocka_unit_test(test_isns_finds_tuples_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
