/* HyStart++ (RFC 9406): the first slow start ends before a loss, where the round trip grows. Here
 * each flight is sent at one moment and answered a round trip later, segment by segment, so that a
 * flight is a round, but for what went out with its last ACK. Time stamps measure, in
 * milliseconds. */
#include "flow.h"

#define HYSTART ((uint32_t)(TFSM_HYSTART | TFSM_TIMESTAMPS))
#define SAMPLES 8u  /* N_RTT_SAMPLE */
#define ROUNDS  5u  /* CSS_ROUNDS */
#define FLIGHT  16u /* the first */
#define STAMPED (MSS - 12)

/* ---- rounds ---- */

static struct fixture *slow_start(void **state, uint32_t bits, tfsm_time rtt)
{
    struct fixture *f = flow(state, bits);
    f->cfg.initial_window = FLIGHT;
    path_open(f, rtt);
    flow_fill(f);
    assert_int_equal(path_send(f), FLIGHT);
    return f;
}

/* One ACK, with the buffer full: what it adds, in quarters of a segment. */
static unsigned quarters(struct fixture *f)
{
    uint32_t quarter = ((f->cfg.profile & TFSM_TIMESTAMPS) != 0 ? STAMPED : MSS) / 4;
    uint32_t before = f->tcb.cwnd;
    flow_fill(f);
    path_answer(f);
    uint32_t grown = f->tcb.cwnd - before;
    assert_int_equal(grown % quarter, 0);
    return grown / quarter;
}

/* A whole flight by this round trip from now on; whether every ACK has added so much. */
static bool flight(struct fixture *f, tfsm_time rtt, unsigned each)
{
    size_t n = path.count;
    bool all = true;
    path.rtt = rtt;
    for (size_t i = 0; i < n; i++) {
        all = quarters(f) == each && all;
    }
    return all;
}

/* So many flights by this round trip, all in slow start. */
static void flights(struct fixture *f, unsigned n, tfsm_time rtt)
{
    for (unsigned i = 0; i < n; i++) {
        assert_true(flight(f, rtt, 4));
    }
}

/* It grew to this one: whether slow start has ended within three flights, where two full rounds
 * lie. */
static bool ends_by(struct fixture *f, tfsm_time rtt)
{
    path.rtt = rtt;
    for (unsigned i = 0; i < 4; i++) {
        if (!flight(f, rtt, 4)) {
            return true;
        }
    }
    return false;
}

/* ---- leaving slow start ---- */

/* RFC9438:4.10b, RFC9406:4.2b: a round trip that stays ends nothing, and the window doubles. */
static void test_hystart_steady_path_doubles(void **state)
{
    struct fixture *f = slow_start(state, HYSTART, 40 * MS);
    for (unsigned i = 0; i < 7; i++) {
        uint32_t before = f->tcb.cwnd;
        assert_true(flight(f, 40 * MS, 4));
        assert_in_range(f->tcb.cwnd, 2 * before - 2 * MSS, 2 * before);
    }
    assert_true(f->tcb.ssthresh >= TFSM_BUFF_MAX);
}

/* [RFC 9406 4.2] RttThresh is an eighth of the last round's least, but 4 ms at least and 16 ms at
 * most. */
static const struct {
    tfsm_time least;
    tfsm_time threshold;
} thresholds[] = {{1 * MS, 4 * MS},    {8 * MS, 4 * MS},   {32 * MS, 4 * MS},
                  {40 * MS, 5 * MS},   {80 * MS, 10 * MS}, {120 * MS, 15 * MS},
                  {128 * MS, 16 * MS}, {400 * MS, 16 * MS}};

/* RFC9438:4.10b, RFC9406:4.2b, RFC9406:4.2c, RFC9406:4.3a: by the threshold more, and slow start is over. */
static void test_hystart_threshold_ends_slow_start(void **state)
{
    for (size_t i = 0; i < sizeof thresholds / sizeof *thresholds; i++) {
        struct fixture *f = slow_start(state, HYSTART, thresholds[i].least);
        flights(f, 2, thresholds[i].least);
        assert_true(ends_by(f, thresholds[i].least + thresholds[i].threshold));
        assert_true(f->tcb.ssthresh >= TFSM_BUFF_MAX); /* it grows on, a quarter as fast */
    }
}

/* RFC9406:4.2c, RFC9406:4.3a: by a millisecond less it goes on. */
static void test_hystart_less_than_the_threshold_ends_nothing(void **state)
{
    for (size_t i = 0; i < sizeof thresholds / sizeof *thresholds; i++) {
        struct fixture *f = slow_start(state, HYSTART, thresholds[i].least);
        flights(f, 2, thresholds[i].least);
        assert_false(ends_by(f, thresholds[i].least + thresholds[i].threshold - MS));
    }
}

/* A segment each 4 ms, over a path of 40 ms that after a while takes up to 20 ms more. Whether
 * slow start has ended. */
static bool ends_at_a_pace(struct fixture *f, bool always_more)
{
    bool ended = false;
    path_open(f, 40 * MS);
    for (unsigned i = 0; i < 500; i++) {
        tfsm_time at = f->now - f->now % (4 * MS) + 4 * MS;
        while (path.count > 0 && path.line[path.first].due <= at) {
            uint32_t before = f->tcb.cwnd;
            path_answer(f);
            ended = ended || f->tcb.cwnd != before + STAMPED;
        }
        f->now = at;
        /* what comes within 20 ms arrives at once, so that each fifth is not late at all */
        tfsm_time late = always_more ? 20 * MS : (20 * MS - at % (20 * MS)) % (20 * MS);
        path.rtt = 40 * MS + (i < 100 ? 0 : late);
        user_send(f, STAMPED);
        assert_int_equal(path_send(f), 1);
    }
    return ended;
}

/* RFC9406:4.2b: the least of a round counts: one of five shows that the path is what it was. */
static void test_hystart_least_of_a_round_counts(void **state)
{
    assert_false(ends_at_a_pace(flow(state, HYSTART), false));
    assert_true(ends_at_a_pace(flow(state, HYSTART), true));
}

/* RFC9406:4.2a: what is compared is the round before: a path that grows longer by a little each
 * round goes on. */
static void test_hystart_compares_with_the_last_round(void **state)
{
    struct fixture *f = slow_start(state, HYSTART, 40 * MS);
    flights(f, 2, 40 * MS);
    for (unsigned i = 1; i <= 5; i++) {
        assert_true(flight(f, 40 * MS + i * 2 * MS, 4));
    }
}

/* RFC9406:4.3a: eight samples at least. The peer's window lets out n segments, so that a round has
 * n samples at most, and one less where the next round begins before the answer to its last has
 * let out another. */
static void test_hystart_needs_eight_samples(void **state)
{
    for (unsigned n = SAMPLES - 4; n <= SAMPLES + 4; n++) {
        struct fixture *f = flow(state, HYSTART);
        f->peer.wscale = 0;
        f->peer.wnd = (uint16_t)(n * STAMPED);
        path_open(f, 40 * MS);
        flow_fill(f);
        (void)path_send(f);
        bool ended = false;
        for (unsigned i = 0; i < 20 * n; i++) {
            path.rtt = i < 5 * n ? 40 * MS : 80 * MS;
            ended = quarters(f) != 4 || ended;
        }
        assert_true(n >= SAMPLES || !ended);
        assert_true(n <= SAMPLES || ended);
    }
}

/* RFC9406:4.2b: in the very first round there is nothing to compare with. */
static void test_hystart_first_round_ends_nothing(void **state)
{
    struct fixture *f = slow_start(state, HYSTART, 10 * MS);
    path.count = 0; /* what is on the way was answered late */
    path.first = 0;
    f->now += 200 * MS;
    for (uint32_t n = 1; n <= FLIGHT; n++) {
        uint32_t before = f->tcb.cwnd;
        answer(f, .ack = n * STAMPED, .echo = f->now - 200 * MS);
        assert_int_equal(f->tcb.cwnd, before + STAMPED);
    }
}

/* RFC9406:4.3b: without pacing an ACK adds eight segments at most (L), and no more than it
 * acknowledges. */
static void test_hystart_a_stretched_ack_adds_eight_segments_at_most(void **state)
{
    for (uint32_t n = 1; n <= FLIGHT; n++) {
        struct fixture *f = slow_start(state, HYSTART, 40 * MS);
        uint32_t before = f->tcb.cwnd;
        f->now += 40 * MS;
        answer(f, .ack = n * STAMPED, .echo = f->now - 40 * MS);
        assert_in_range(f->tcb.cwnd, before + STAMPED, before + (n < 8 ? n : 8) * STAMPED);
    }
}

/* Nothing of it without the bit: slow start is RFC 5681's. [RFC9438:4.10c] */
static void test_hystart_off(void **state)
{
    struct fixture *f = slow_start(state, TFSM_TIMESTAMPS, 40 * MS);
    flights(f, 2, 40 * MS);
    assert_false(ends_by(f, 100 * MS));
}

/* ---- conservative slow start ---- */

/* The round trip was 40 ms and is 60: the ACK that ends slow start has just come. */
static struct fixture *conservative(void **state, uint32_t bits)
{
    struct fixture *f = slow_start(state, HYSTART | bits, 40 * MS);
    flights(f, 2, 40 * MS);
    path.rtt = 60 * MS;
    unsigned n = 0;
    while (quarters(f) == 4) {
        assert_true(n++ < 1000);
    }
    return f;
}

/* RFC9406:4.2d, RFC9406:4.3a: a quarter of what is acknowledged. */
static void test_hystart_css_grows_by_a_quarter(void **state)
{
    struct fixture *f = conservative(state, 0);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(quarters(f), 1);
    }
}

/* Rounds from the ACK on that has just come, as RFC 9406 counts them: one ends with the ACK of
 * what was SND.NXT when it began. How many end until growth is no more a quarter; the round that
 * goes on counts. */
static unsigned rounds_of_css(struct fixture *f)
{
    uint32_t end = f->tcb.hy_end;
    for (unsigned rounds = 0; rounds < 20;) {
        uint32_t before = f->tcb.cwnd;
        uint32_t next = f->tcb.snd_nxt;
        flow_fill(f);
        path_answer(f);
        if (seq_le(end, f->tcb.snd_una)) {
            rounds++;
            end = next;
        }
        if (f->tcb.cwnd - before != STAMPED / 4) {
            return rounds;
        }
    }
    fail();
    return 0;
}

/* RFC9406:4.2f, RFC9406:4.2a, RFC9406:4.3a: five rounds, the one in which it began among them; then congestion avoidance, with
 * ssthresh = cwnd. */
static void test_hystart_css_lasts_five_rounds(void **state)
{
    for (uint32_t cubic = 0; cubic <= TFSM_CUBIC; cubic += TFSM_CUBIC) {
        struct fixture *f = conservative(state, cubic);
        assert_int_equal(rounds_of_css(f), ROUNDS);
        assert_in_range(f->tcb.ssthresh, f->tcb.cwnd - MSS, f->tcb.cwnd);
    }
}

/* RFC9438:4.10d: with CUBIC there was no loss: cwnd_prior is the window, K is zero and W_max what
 * it begins with. */
static void test_hystart_hands_over_to_cubic(void **state)
{
    struct fixture *f = conservative(state, TFSM_CUBIC);
    (void)rounds_of_css(f);
    uint32_t ssthresh = f->tcb.ssthresh;
    assert_in_range(f->tcb.cwnd_prior, ssthresh - MSS, ssthresh + MSS);
    flow_fill(f);
    path_answer(f);
    flow_fill(f);
    path_answer(f);
    assert_int_equal(f->tcb.cubic_k, 0);
    assert_in_range(f->tcb.w_max, ssthresh - MSS, ssthresh + MSS);
    assert_in_range(f->tcb.cwnd, ssthresh, ssthresh + 2 * MSS);
    assert_int_equal(f->tcb.ssthresh, ssthresh);
}

/* RFC9406:4.2e: the round trip is what it was: slow start goes on, and may end again. */
static void test_hystart_shorter_round_trip_resumes_slow_start(void **state)
{
    struct fixture *f = conservative(state, 0);
    path.rtt = 40 * MS;
    unsigned n = 0;
    while (quarters(f) == 1) {
        assert_true(n++ < 1000);
    }
    assert_true(f->tcb.ssthresh >= TFSM_BUFF_MAX);
    flights(f, 2, 40 * MS);
    assert_true(ends_by(f, 60 * MS));
}

/* RFC9406:4.2e: shorter than where it began, by a millisecond only, is enough. */
static void test_hystart_baseline_is_where_css_began(void **state)
{
    struct fixture *f = conservative(state, 0);
    path.rtt = 59 * MS;
    unsigned n = 0;
    while (quarters(f) == 1) {
        assert_true(n++ < 1000);
    }
    assert_true(f->tcb.ssthresh >= TFSM_BUFF_MAX);
    assert_true(flight(f, 59 * MS, 4));
}

/* RFC9406:4.2e: longer, or as long, is not. */
static void test_hystart_longer_round_trip_resumes_nothing(void **state)
{
    struct fixture *f = conservative(state, 0);
    path.rtt = 90 * MS;
    assert_int_equal(rounds_of_css(f), ROUNDS);
    assert_true(f->tcb.ssthresh < TFSM_BUFF_MAX);
}

/* RFC9406:4.2g: a loss ends it: ssthresh is what the loss makes it. */
static void test_hystart_loss_ends_it(void **state)
{
    struct fixture *f = conservative(state, TFSM_SACK);
    flow_fill(f);
    path.lose = 1;
    path_answer(f);
    while (f->tcb.ssthresh >= TFSM_BUFF_MAX) {
        flow_fill(f);
        path_answer(f);
    }
    uint32_t ssthresh = f->tcb.ssthresh;
    while (recovers(f)) {
        path_answer(f);
    }
    assert_true(f->tcb.cwnd <= ssthresh + MSS);
    for (unsigned i = 0; i < 10; i++) {
        path_round(f);
        assert_int_equal(f->tcb.ssthresh, ssthresh);
    }
    /* ten round trips of congestion avoidance */
    assert_true(f->tcb.cwnd <= ssthresh + 12 * MSS);
}

/* RFC9406:4.2g: and so does ECE. */
static void test_hystart_ece_ends_it(void **state)
{
    struct fixture *f = flow(state, HYSTART | TFSM_ECN);
    f->cfg.initial_window = FLIGHT;
    path_open(f, 40 * MS);
    flow_fill(f);
    assert_int_equal(flow_sent(f), FLIGHT);
    f->now += 40 * MS;
    answer(f, .ack = STAMPED, .echo = f->now - 40 * MS, .flags = TFSM_ECE);
    assert_in_range(f->tcb.ssthresh, FLIGHT * STAMPED / 2 - 1, FLIGHT * STAMPED / 2);
    assert_true(f->tcb.cwnd <= f->tcb.ssthresh);
}

/* RFC9406:4.3c: only the first slow start: after a timeout it is RFC 5681's, whatever the round
 * trip does. */
static void test_hystart_is_for_the_first_slow_start(void **state)
{
    struct fixture *f = slow_start(state, HYSTART, 40 * MS);
    flights(f, 2, 40 * MS);
    path.count = 0; /* all is lost */
    while (path.count == 0) {
        assert_true(path_step(f));
    }
    assert_true(f->tcb.ssthresh < TFSM_BUFF_MAX);
    f->tcb.ssthresh = 1u << 26;
    while (recovers(f)) {
        path_answer(f);
    }
    path_round(f);
    flights(f, 2, 40 * MS);
    assert_false(ends_by(f, 100 * MS));
    assert_true(f->tcb.cwnd < f->tcb.ssthresh);
}

/* RFC9406:4.3a: without timestamps a round trip in flight is measured once, and once is not eight
 * times. [RFC6298:3b] */
static void test_hystart_one_measurement_is_one_sample(void **state)
{
    struct fixture *f = slow_start(state, TFSM_HYSTART, 40 * MS);
    flights(f, 2, 40 * MS);
    assert_false(ends_by(f, 80 * MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hystart_steady_path_doubles),
        cmocka_unit_test(test_hystart_threshold_ends_slow_start),
        cmocka_unit_test(test_hystart_less_than_the_threshold_ends_nothing),
        cmocka_unit_test(test_hystart_least_of_a_round_counts),
        cmocka_unit_test(test_hystart_compares_with_the_last_round),
        cmocka_unit_test(test_hystart_needs_eight_samples),
        cmocka_unit_test(test_hystart_first_round_ends_nothing),
        cmocka_unit_test(test_hystart_a_stretched_ack_adds_eight_segments_at_most),
        cmocka_unit_test(test_hystart_off),
        cmocka_unit_test(test_hystart_css_grows_by_a_quarter),
        cmocka_unit_test(test_hystart_css_lasts_five_rounds),
        cmocka_unit_test(test_hystart_hands_over_to_cubic),
        cmocka_unit_test(test_hystart_shorter_round_trip_resumes_slow_start),
        cmocka_unit_test(test_hystart_baseline_is_where_css_began),
        cmocka_unit_test(test_hystart_longer_round_trip_resumes_nothing),
        cmocka_unit_test(test_hystart_loss_ends_it),
        cmocka_unit_test(test_hystart_ece_ends_it),
        cmocka_unit_test(test_hystart_is_for_the_first_slow_start),
        cmocka_unit_test(test_hystart_one_measurement_is_one_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
