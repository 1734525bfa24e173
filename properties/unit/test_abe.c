/* Alternative backoff with ECN (RFC 8511) and the congestion control of RFC 5681: ECE leaves eight
 * tenths, a loss half as ever. With CUBIC see test_cubic.c. */
#include "flow.h"

#define RTT (100 * MS)
#define ABE ((uint32_t)(TFSM_ABE | TFSM_ECN | TFSM_SACK))

/* So many segments in flight, which is the window of a slow start. */
static struct fixture *in_slow_start(void **state, uint32_t bits, uint8_t n)
{
    struct fixture *f = flow(state, bits);
    f->cfg.initial_window = n;
    flow_open(f, RTT);
    flow_fill(f);
    assert_int_equal(flow_sent(f), n);
    return f;
}

static void lose(struct fixture *f)
{
    uint32_t ack = octets_acked(f);
    for (unsigned i = 2; i <= 4; i++) {
        answer(f, .ack = ack, .blocks = {{ack + MSS, ack + i * MSS}});
    }
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    (void)flow_sent(f);
}

/* A segment is acknowledged, and as much goes out as may. */
static void progress(struct fixture *f)
{
    answer(f, .ack = octets_acked(f) + MSS);
    flow_fill(f);
    (void)flow_sent(f);
}

/* A loss has made ssthresh half of n, and the window has grown beyond it by a segment; all of it
 * is in flight. */
static struct fixture *in_avoidance(void **state, uint32_t bits, uint8_t n)
{
    struct fixture *f = in_slow_start(state, bits, n);
    f->now += RTT;
    lose(f);
    f->now += RTT;
    answer(f, .ack = octets_sent(f));
    assert_int_equal(f->tcb.ssthresh, n * MSS / 2);
    flow_fill(f);
    (void)flow_sent(f);
    f->now += RTT;
    while (f->tcb.cwnd <= f->tcb.ssthresh) {
        progress(f);
    }
    return f;
}

static void marked(struct fixture *f)
{
    answer(f, .ack = octets_acked(f), .flags = TFSM_ECE);
}

/* RFC8511:3a, RFC8511:3b: 0.8 of what is in flight. */
static void test_abe_ece_leaves_eight_tenths(void **state)
{
    static const uint8_t flights[] = {8, 10, 20, 100};
    for (size_t i = 0; i < sizeof flights; i++) {
        struct fixture *f = in_avoidance(state, ABE, flights[i]);
        uint32_t flight = in_flight(f);
        marked(f);
        assert_in_range(f->tcb.ssthresh, flight * 4 / 5 - 1, flight * 4 / 5);
        assert_int_equal(f->tcb.cwnd, f->tcb.ssthresh);
    }
}

/* RFC8511:3a: two segments at least, and RFC8511:3b: the window is no more; RFC8511:3.1c: it may be less, down to one. */
static void test_abe_ece_leaves_two_segments(void **state)
{
    struct fixture *f = in_avoidance(state, ABE, 4);
    for (unsigned i = 0; i < 8; i++) {
        f->now += RTT;
        answer(f, .ack = octets_sent(f), .flags = TFSM_ECE);
        assert_true(f->tcb.ssthresh >= 2 * MSS);
        assert_true(f->tcb.cwnd <= f->tcb.ssthresh);
        (void)flow_sent(f);
    }
    assert_int_equal(f->tcb.ssthresh, 2 * MSS);
    assert_int_equal(f->tcb.cwnd, MSS);
}

/* RFC8511:3.1a: a loss leaves half. */
static void test_abe_loss_as_ever(void **state)
{
    struct fixture *f = in_avoidance(state, ABE, 20);
    uint32_t flight = in_flight(f);
    lose(f);
    assert_in_range(f->tcb.ssthresh, flight / 2 - 1, flight / 2);
    assert_true(f->tcb.cwnd <= f->tcb.ssthresh);
}

/* RFC8511:3.1a: and a timeout does as ever. */
static void test_abe_timeout_as_ever(void **state)
{
    struct fixture *f = in_avoidance(state, ABE, 20);
    uint32_t flight = in_flight(f);
    expire(f);
    assert_in_range(f->tcb.ssthresh, flight / 2 - 1, flight / 2);
    assert_int_equal(f->tcb.cwnd, MSS);
}

/* RFC8511:4.2a: once in a round trip. */
static void test_abe_once_in_a_round_trip(void **state)
{
    struct fixture *f = in_avoidance(state, ABE, 20);
    marked(f);
    uint32_t ssthresh = f->tcb.ssthresh;
    uint32_t out = octets_sent(f);
    while (octets_acked(f) + MSS < out) {
        answer(f, .ack = octets_acked(f) + MSS, .flags = TFSM_ECE);
        assert_int_equal(f->tcb.ssthresh, ssthresh);
        assert_true(f->tcb.cwnd >= ssthresh);
        flow_fill(f);
        (void)flow_sent(f);
    }
}

/* RFC8511:4.2c: and in each, where it goes on. */
static void test_abe_in_each_round_trip(void **state)
{
    struct fixture *f = in_avoidance(state, ABE, 40);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t flight = in_flight(f);
        marked(f);
        assert_in_range(f->tcb.ssthresh, flight * 4 / 5 - 1, flight * 4 / 5);
        f->now += RTT;
        while (f->tcb.flags & TFSM_M_CUT) {
            progress(f);
        }
    }
}

/* RFC3168:6.1.2a: without the bit, half. */
static void test_abe_off(void **state)
{
    struct fixture *f = in_avoidance(state, ABE & ~(uint32_t)TFSM_ABE, 20);
    uint32_t flight = in_flight(f);
    marked(f);
    assert_in_range(f->tcb.ssthresh, flight / 2 - 1, flight / 2);
}

/* RFC8511:3: without ECN agreed ECE is noise. */
static void test_abe_without_ecn(void **state)
{
    struct fixture *f = in_avoidance(state, TFSM_ABE | TFSM_SACK, 20);
    uint32_t ssthresh = f->tcb.ssthresh;
    marked(f);
    assert_int_equal(f->tcb.ssthresh, ssthresh);
}

/* RFC8511:4.2b: the window was lowered already in this round trip: a loss in it lowers it no
 * more. */
static void test_abe_loss_in_the_same_round_trip(void **state)
{
    struct fixture *f = in_avoidance(state, ABE, 20);
    marked(f);
    uint32_t ssthresh = f->tcb.ssthresh;
    lose(f);
    assert_int_equal(f->tcb.ssthresh, ssthresh);
}

/* RFC8511:4: not in slow start. */
static void test_abe_not_in_slow_start(void **state)
{
    struct fixture *f = in_slow_start(state, ABE, 20);
    marked(f);
    assert_int_equal(f->tcb.ssthresh, 10 * MSS);
    assert_int_equal(f->tcb.cwnd, 10 * MSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_abe_ece_leaves_eight_tenths),
        cmocka_unit_test(test_abe_ece_leaves_two_segments),
        cmocka_unit_test(test_abe_loss_as_ever),
        cmocka_unit_test(test_abe_timeout_as_ever),
        cmocka_unit_test(test_abe_once_in_a_round_trip),
        cmocka_unit_test(test_abe_in_each_round_trip),
        cmocka_unit_test(test_abe_off),
        cmocka_unit_test(test_abe_without_ecn),
        cmocka_unit_test(test_abe_loss_in_the_same_round_trip),
        cmocka_unit_test(test_abe_not_in_slow_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
