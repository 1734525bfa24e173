/* The initial window of ten segments (RFC 6928), which the policy of today has and the default has
 * not. */
#include "flow.h"

#define RTT  (100 * MS)
#define MUCH 200000u

/* The policy of that name, with a peer who takes whatever comes. */
static struct fixture *policy(void **state, const char *name)
{
    struct fixture *f = flow(state, 0);
    assert_true(tfsm_config_named(name, &f->cfg));
    f->cfg.snd_buff = MUCH;
    f->cfg.rcv_wscale = 0;
    return f;
}

static struct fixture *of_size(void **state, const char *name, uint16_t mss)
{
    struct fixture *f = policy(state, name);
    f->cfg.mss = mss;
    f->peer.mss = mss;
    return f;
}

/* Octets that go at once, and how many segments bear them. */
static uint32_t first_flight(struct fixture *f, size_t *segments)
{
    user_send(f, MUCH);
    *segments = flow_sent(f);
    return in_flight(f);
}

/* RFC6928:2a: octets at most. */
static uint32_t bound(uint32_t mss)
{
    uint32_t most = 2 * mss > 14600 ? 2 * mss : 14600;
    return 10 * mss < most ? 10 * mss : most;
}

/* RFC6928:2a, RFC6928:2c: ten segments of any usual size, whatever the handshake. */
static void test_initial_window_is_ten_segments(void **state)
{
    static const uint16_t sizes[] = {100, 536, 1000, 1220, 1460};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = 0;
        struct fixture *f = of_size(state, "today", sizes[i]);
        flow_open(f, RTT);
        assert_true(first_flight(f, &n) <= bound(sizes[i]));
        assert_int_equal(n, 10);
        assert_true(f->tcb.cwnd <= bound(sizes[i]));
    }
}

/* RFC6928:2a, RFC6928:2c: nor does the ACK of our SYN,ACK add to it. */
static void test_initial_window_of_who_is_called(void **state)
{
    size_t n = 0;
    struct fixture *f = of_size(state, "today", 1460);
    f->cfg.profile &= ~(uint32_t)TFSM_TIMESTAMPS;
    reach_established_passive(f);
    arrive(f, .flags = TFSM_ACK);
    assert_int_equal(first_flight(f, &n), 14600);
    assert_int_equal(n, 10);
}

/* RFC6928:1, RFC6928:2b: it can be set, and be less. */
static void test_initial_window_can_be_set(void **state)
{
    for (uint8_t window = 1; window <= 10; window++) {
        size_t n = 0;
        struct fixture *f = of_size(state, "today", 1460);
        f->cfg.initial_window = window;
        flow_open(f, RTT);
        (void)first_flight(f, &n);
        assert_int_equal(n, window);
    }
}

/* RFC6928:12e, RFC5681:3.1b: who has not asked for it has RFC 5681's. */
static void test_initial_window_of_the_default_is_the_old_one(void **state)
{
    size_t n = 0;
    struct fixture *f = of_size(state, "rfc9293", 1460);
    flow_open(f, RTT);
    assert_true(first_flight(f, &n) <= 4380);
    assert_int_equal(n, 3);
}

/* RFC6928:2f, RFC5681:3.1l: after a timeout the window is one segment. */
static void test_initial_window_is_not_that_of_a_timeout(void **state)
{
    size_t n = 0;
    struct fixture *f = of_size(state, "today", 1460);
    flow_open(f, RTT);
    (void)first_flight(f, &n);
    for (unsigned i = 0; i < 5 && (f->tcb.flags & TFSM_M_LOSS) == 0;
         i++) { /* a probe may come first */
        expire(f);
        (void)flow_sent(f);
    }
    assert_true((f->tcb.flags & TFSM_M_LOSS) != 0);
    assert_int_equal(f->tcb.cwnd, 1448);
}

/* RFC6928:2e, RFC5681:4.1: a pause brings the window back to it at most, where it is not kept. */
static void test_initial_window_bounds_that_after_a_pause(void **state)
{
    struct fixture *f = policy(state, "today");
    f->cfg.profile &= ~(uint32_t)TFSM_CWV;
    f->cfg.mss = MSS;
    path_open(f, RTT);
    for (unsigned i = 0; i < 3; i++) {
        path_round(f);
    }
    while (path.count > 0) {
        path_answer(f);
    }
    assert_true(f->tcb.cwnd > 20 * MSS);
    f->now += 2 * SECOND;
    size_t n = 0;
    (void)first_flight(f, &n);
    assert_in_range(n, 1, 10);
}

/* What goes at once when a pause has brought the window back, once a hundred segments have gone since the last; of these so
 * many were lost, the first ones, or those behind so many that arrived. */
static size_t after_a_pause(struct fixture *f, unsigned arrive, unsigned lost)
{
    size_t n = 0;
    user_send(f, arrive * f->cfg.mss);
    (void)path_send(f);
    path.lose = lost;
    user_send(f, 100 * f->cfg.mss);
    (void)path_send(f);
    while (f->tcb.snd_una != f->tcb.snd_end) {
        assert_true(path_step(f));
    }
    assert_true(f->tcb.cwnd >= 12 * f->cfg.mss);
    f->now += 100 * SECOND;
    user_send(f, 100 * f->cfg.mss);
    n = path_send(f);
    while (f->tcb.snd_una != f->tcb.snd_end) {
        assert_true(path_step(f));
    }
    f->now += 100 * SECOND;
    return n;
}

/* RFC6928:2g: where ten segments at once were too many, be it at the beginning or after a pause, a pause leaves RFC 3390's; but
 * not where they were no more than that. */
static void test_initial_window_that_was_lost_is_not_tried_again(void **state)
{
    const struct {
        uint16_t mss;
        size_t left;
    } sizes[] = {{300, 10}, {536, 4}, {1000, 4}, {1460, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (unsigned later = 0; later < 2; later++) {
            for (unsigned arrive = 0; arrive + later < 3; arrive += 2) {
                struct fixture *f = of_size(state, "today", sizes[i].mss);
                f->cfg.profile &= ~(uint32_t)TFSM_CWV;
                path_open(f, RTT);
                for (unsigned n = 0; n < later; n++) {
                    assert_int_equal(after_a_pause(f, 0, 0), 10);
                }
                assert_int_equal(after_a_pause(f, arrive, 1), sizes[i].left);
                assert_int_equal(after_a_pause(f, 0, 0), sizes[i].left);
            }
        }
    }
}

/* RFC6928:9: each ACK of something new restarts the timer with the RTO of now. */
static void test_initial_window_acks_restart_the_timer(void **state)
{
    size_t n = 0;
    struct fixture *f = of_size(state, "today", 1460);
    flow_open(f, RTT);
    tfsm_time sent = f->now;
    (void)first_flight(f, &n);
    for (uint32_t i = 1; i <= 5; i++) {
        f->now += 10 * MS;
        answer(f, .ack = i * 1448, .echo = sent);
        (void)flow_sent(f);
        assert_int_equal(f->tcb.at_rtx, f->now + f->tcb.rto);
    }
}

/* RFC6928:2a: of large segments fewer: 14600 octets, or two. */
static void test_initial_window_of_large_segments(void **state)
{
    static const uint16_t sizes[] = {1461, 2190, 4380, 7300, 9000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = 0;
        struct fixture *f = of_size(state, "today", sizes[i]);
        flow_open(f, RTT);
        assert_true(f->tcb.cwnd <= bound(sizes[i]));
        assert_true(first_flight(f, &n) <= bound(sizes[i]));
        assert_true(n >= 2);
    }
}

/* RFC6928:2d: one SYN sent again, and no more sign of loss, makes it no less. */
static void test_initial_window_after_one_lost_syn(void **state)
{
    size_t n = 0;
    struct fixture *f = of_size(state, "today", 1460);
    f->cfg.profile &= ~(uint32_t)TFSM_TIMESTAMPS;
    reach_syn_sent(f);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK);
    (void)first_flight(f, &n);
    assert_int_equal(n, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial_window_is_ten_segments),
        cmocka_unit_test(test_initial_window_of_who_is_called),
        cmocka_unit_test(test_initial_window_can_be_set),
        cmocka_unit_test(test_initial_window_of_the_default_is_the_old_one),
        cmocka_unit_test(test_initial_window_is_not_that_of_a_timeout),
        cmocka_unit_test(test_initial_window_bounds_that_after_a_pause),
        cmocka_unit_test(test_initial_window_that_was_lost_is_not_tried_again),
        cmocka_unit_test(test_initial_window_acks_restart_the_timer),
        cmocka_unit_test(test_initial_window_of_large_segments),
        cmocka_unit_test(test_initial_window_after_one_lost_syn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
