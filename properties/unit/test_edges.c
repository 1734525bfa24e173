/* Where two mechanisms meet: windows that open in the middle of something, policies that change in
 * mid connection, messages that come during recovery. */
#include "fixture.h"

#define WIDE 60000u

/* A connection with congestion control and room for `segments` of them. */
static struct fixture *wide(void **state, uint32_t more)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_CONGESTION | more;
    f->cfg.snd_buff = 100000;
    f->cfg.initial_window = 20;
    f->peer.wnd = WIDE;
    reach_established(f);
    return f;
}

/* RFC9293:3.8.6.1: the octet of a probe that was not taken goes again as soon as the window opens,
 * with what is queued behind it, and nothing is held against the network. */
static void test_edges_probe_octet_goes_with_what_follows(void **state)
{
    struct fixture *f = wide(state, 0);
    f->cfg.profile &= ~(uint32_t)TFSM_NODELAY;
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, 500);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK);
    uint32_t cwnd = f->tcb.cwnd;
    f->peer.wnd = WIDE;
    arrive(f, .flags = TFSM_ACK);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 500);
    expect_nothing(f);
    assert_int_equal(f->tcb.cwnd, cwnd);
}

/* RFC5681:4.1: a closed window is a pause, too: no burst follows it. */
static void test_edges_no_burst_after_a_closed_window(void **state)
{
    struct fixture *f = wide(state, 0);
    struct tfsm_segment out[64];
    f->tcb.cwnd = 50 * MSS; /* as it might have grown */
    f->cfg.initial_window = 4;
    user_send(f, MSS);
    assert_int_equal(drain(f, out, 64), 1);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK, .ack = MSS);
    user_send(f, 50 * MSS);
    for (unsigned i = 0; i < 5; i++) {
        expire(f);
        (void)drain(f, out, 64);
        arrive(f, .flags = TFSM_ACK);
    }
    f->peer.wnd = WIDE;
    arrive(f, .flags = TFSM_ACK);
    assert_in_range(drain(f, out, 64), 1, 4);
}

/* RFC5482:3.1: a peer that changes its mind every second puts nothing off. */
static void test_edges_user_timeout_is_not_put_off_by_options(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_USER_TIMEOUT;
    f->cfg.user_timeout = 10 * SECOND;
    f->cfg.uto_least = 2 * SECOND;
    reach_established(f);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, 100);
    for (unsigned i = 0; i < 12 && f->tcb.state == TFSM_ESTABLISHED; i++) {
        struct tfsm_segment segment = segment_of(f, (struct from_peer){.flags = TFSM_ACK});
        struct tfsm_segment out;
        segment.options |= TFSM_OPT_USER_TIMEOUT;
        segment.user_timeout = (uint16_t)(100 + i % 2);
        arrive_segment(f, &segment);
        after(f, SECOND);
        (void)drain(f, &out, 1);
    }
    expect_state(f, TFSM_CLOSED);
}

/* RFC5482:3.1: who has agreed on an hour waits for an hour, however often it is in vain. */
static void test_edges_adopted_user_timeout_outlasts_r2(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->cfg.profile |= TFSM_USER_TIMEOUT;
    f->cfg.uto_most = 7200 * SECOND;
    f->peer.options |= TFSM_OPT_USER_TIMEOUT;
    f->peer.user_timeout = 3600;
    reach_established(f);
    user_send(f, 100);
    tfsm_time start = f->now;
    while (f->tcb.state == TFSM_ESTABLISHED && f->now - start < 7200 * SECOND) {
        (void)drain(f, &out, 1);
        f->now = tfsm_deadline(&f->tcb);
        (void)call(f, .kind = TFSM_EV_TIMEOUT);
    }
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    assert_true(f->now - start == 3600 * SECOND);
}

/* RFC7323:2.2b, RFC7323:3.2h: what our SYN offered counts, not what the profile says when the answer
 * comes. */
static void test_edges_profile_changes_after_the_syn(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_TIMESTAMPS | TFSM_SACK;
    f->cfg.rcv_buff = BUFF;
    f->peer.options |= TFSM_OPT_TIMESTAMPS | TFSM_OPT_SACK_PERMITTED;
    reach_syn_sent(f);
    f->cfg.profile &= ~(uint32_t)(TFSM_TIMESTAMPS | TFSM_SACK);
    f->cfg.rcv_buff = 100;
    struct tfsm_segment syn =
        segment_of(f, (struct from_peer){.flags = TFSM_SYN | TFSM_ACK, .ack = 1});
    syn.options = TFSM_OPT_MSS | TFSM_OPT_TIMESTAMPS | TFSM_OPT_SACK_PERMITTED;
    syn.mss = MSS;
    arrive_segment(f, &syn);
    struct tfsm_segment ack = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 0);
    assert_int_equal(ack.options, TFSM_OPT_TIMESTAMPS);
    assert_int_equal(ack.wnd, BUFF);
    assert_true((f->tcb.flags & TFSM_M_SACK) != 0);
}

/* RFC5681:3.2l: a message that ends fast recovery ends its inflation, too. */
static void test_edges_too_big_in_recovery_deflates(void **state)
{
    struct fixture *f = wide(state, 0);
    struct tfsm_segment out[64];
    user_send(f, 60 * MSS);
    assert_int_equal(drain(f, out, 64), 20);
    for (unsigned i = 0; i < 15; i++) {
        arrive(f, .flags = TFSM_ACK);
    }
    (void)drain(f, out, 64);
    (void)call(f, .kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_TOO_BIG, .mss = MSS - 10,
               .segment = {.seq = f->tcb.snd_una});
    assert_true(f->tcb.cwnd <= f->tcb.ssthresh);
}

/* RFC9293:MUST-16: a message never makes segments larger than the peer takes. */
static void test_edges_too_big_never_raises_the_mss(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->cfg.mss_floor = 1;
    f->cfg.profile |= TFSM_TIMESTAMPS;
    f->peer.options |= TFSM_OPT_TIMESTAMPS;
    f->peer.mss = 2;
    reach_syn_sent(f);
    struct tfsm_segment syn =
        segment_of(f, (struct from_peer){.flags = TFSM_SYN | TFSM_ACK, .ack = 1});
    syn.options = TFSM_OPT_MSS | TFSM_OPT_TIMESTAMPS;
    syn.mss = 2;
    arrive_segment(f, &syn);
    user_send(f, 10);
    (void)drain(f, &out, 1);
    (void)call(f, .kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_TOO_BIG, .mss = 12,
               .segment = {.seq = f->tcb.snd_una});
    assert_int_equal(f->tcb.snd_mss, 2);
}

/* RFC9293:MUST-39: a buffer larger than the window field can show opens nothing: who reads in answer
 * to each segment must not answer each with one more. */
static void test_edges_buffer_beyond_the_field_announces_nothing(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rcv_buff = 262144;
    reach_established(f);
    for (unsigned i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK);
        user_receive(f, 1000);
        expect_nothing(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges_probe_octet_goes_with_what_follows),
        cmocka_unit_test(test_edges_no_burst_after_a_closed_window),
        cmocka_unit_test(test_edges_user_timeout_is_not_put_off_by_options),
        cmocka_unit_test(test_edges_adopted_user_timeout_outlasts_r2),
        cmocka_unit_test(test_edges_profile_changes_after_the_syn),
        cmocka_unit_test(test_edges_too_big_in_recovery_deflates),
        cmocka_unit_test(test_edges_too_big_never_raises_the_mss),
        cmocka_unit_test(test_edges_buffer_beyond_the_field_announces_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
