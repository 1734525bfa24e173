/* Time: retransmission, giving up, the user timeout, probing a closed window, TIME-WAIT, and the
 * deadline function that says which comes next. Nothing here sleeps: time is an argument. */
#include "fixture.h"

/* The intervals of a timer that backs off: RTO, doubled each time, bounded. */
static tfsm_time interval(unsigned n)
{
    tfsm_time t = RTO;
    for (unsigned i = 0; i < n && t < RTO_MAX; i++) {
        t *= 2;
    }
    return t < RTO_MAX ? t : RTO_MAX;
}

/* One segment of text in flight, sent now. */
static struct fixture *with_text(void **state, uint32_t len)
{
    struct fixture *f = in_established(state);
    user_send(f, len);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = len);
    expect_nothing(f);
    return f;
}

/* ---- retransmission ---- */

/* RFC6298:5.1 */
static void test_timers_rtx_is_armed_by_the_segment(void **state)
{
    struct fixture *f = in_established(state);
    expect_deadline(f, TFSM_NEVER);
    user_send(f, 100);
    f->now += SECOND / 2;
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expect_deadline(f, f->now + RTO);
}

static void test_timers_rtx_a_pure_ack_arms_nothing(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 5);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC6298:5 */
static void test_timers_rtx_before_its_time_nothing_happens(void **state)
{
    struct fixture *f = with_text(state, 100);
    after(f, RTO - 1);
    expect_unchanged(f);
    expect_nothing(f);
}

/* A TIMEOUT that comes early, or for nothing, does nothing, in any state and at any count of tries:
 * neither sends again (RFC9293:MUST-22) nor gives up (RFC9293:MUST-20b). [RFC9293:3.10.8b] */
static void test_timers_early_timeout_does_nothing(void **state)
{
    for (int s = 0; s < TFSM_STATES; s++) {
        struct fixture *f = fresh(state);
        struct tfsm_segment out;
        reach(f, (enum tfsm_state)s);
        for (unsigned i = 0; i < 10 && tfsm_deadline(&f->tcb) != TFSM_NEVER; i++) {
            after(f, tfsm_deadline(&f->tcb) - f->now - 1);
            expect_unchanged(f);
            expect_nothing(f);
            after(f, 1);
            (void)drain(f, &out, 1);
        }
    }
}

/* RFC6298:5.4: the earliest segment that is not acknowledged, and that one only.
 * [RFC9293:3.10.8b] */
static void test_timers_rtx_sends_the_first_segment_again(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 3000);
    assert_int_equal(drain(f, &out, 1), 3);
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    expire(f);
    out = expect_segment(f, .flags = TFSM_ACK, .seq = 1001, .ack = 1, .len = MSS);
    assert_true(out.text_offset == 1000);
    expect_nothing(f);
}

/* RFC6298:5.5, RFC6298:5.6, RFC9293:MUST-19; 5.7's bound is rto_max. */
static void test_timers_rtx_backs_off_and_is_bounded(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.retries = 10;
    reach_established(f);
    user_send(f, 100);
    for (unsigned i = 0; i < 8; i++) {
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
        expect_deadline(f, f->now + interval(i));
        expire(f);
    }
}

/* RFC9293:MUST-21, B83: the bound is a bound, and no reason to give up; nor does the doubling
 * overflow. */
static void test_timers_rtx_many_retries_stay_bounded(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.retries = 255;
    reach_established(f);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    for (unsigned i = 0; i < 255; i++) {
        expect_deadline(f, f->now + interval(i));
        expire(f);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* RFC9293:MUST-20b: so many retransmissions, then the end; nothing is sent at the end. */
static void test_timers_rtx_gives_up_after_r2(void **state)
{
    struct fixture *f = with_text(state, 100);
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        expect_signals(f, 0);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
        expect_nothing(f);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    expect_nothing(f);
}

/* RFC9293:MUST-21 */
static void test_timers_rtx_without_retries_gives_up_at_once(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.retries = 0;
    reach_established(f);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* An answer starts the count anew. */
static void test_timers_rtx_count_starts_anew_after_progress(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 2000);
    (void)drain(f, &out, 1);
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        (void)drain(f, &out, 1);
    }
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    (void)drain(f, &out, 1);
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        expect_state(f, TFSM_ESTABLISHED);
        (void)drain(f, &out, 1);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* B82 (a), RFC6298:5.3: a partial ACK restarts the timer and does not switch it off. */
static void test_timers_rtx_partial_ack_restarts_the_timer(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 2000);
    (void)drain(f, &out, 1);
    f->now += RTO / 2;
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    expect_deadline(f, f->now + RTO);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1001, .ack = 1, .len = 1000);
}

/* RFC6298:5.2 */
static void test_timers_rtx_last_ack_stops_the_timer(void **state)
{
    struct fixture *f = with_text(state, 100);
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC6298:5.1: sending more does not push the timer away. */
static void test_timers_rtx_new_text_does_not_restart_the_timer(void **state)
{
    struct fixture *f = with_text(state, 100);
    tfsm_time deadline = f->now + RTO;
    f->now += RTO / 2;
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 101, .ack = 1, .len = 100);
    expect_deadline(f, deadline);
}

/* Invariant 1 of history: what is refused, and what acknowledges nothing new, leaves the timer. */
static void test_timers_rtx_duplicate_ack_leaves_the_timer(void **state)
{
    struct fixture *f = with_text(state, 100);
    tfsm_time deadline = f->now + RTO;
    f->now += RTO / 2;
    arrive(f, .flags = TFSM_ACK);
    expect_deadline(f, deadline);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_deadline(f, deadline);
    arrive(f, .flags = TFSM_RST, .seq = 5);
    expect_deadline(f, deadline);
}

/* RFC9293:MUST-58: acknowledged while the retransmission was still owed: it is not sent. */
static void test_timers_rtx_acknowledged_before_it_left_is_not_sent(void **state)
{
    struct fixture *f = with_text(state, 100);
    expire(f);
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    expect_nothing(f);
    expect_deadline(f, TFSM_NEVER);
}

/* A segment that was cut small before may be sent again at full size: the same octets, in order. */
static void test_timers_rtx_repackages_the_same_octets(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 300);
    (void)drain(f, &out, 1);
    user_send(f, 300);
    (void)drain(f, &out, 1);
    expire(f);
    out = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 600);
    assert_true(out.text_offset == 0);
}

/* After the timer went off, ACKs of a part call for the next hole without waiting for the timer. */
static void test_timers_rtx_recovery_goes_on_with_each_ack(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 3000);
    (void)drain(f, &out, 1);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = MSS);
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1001, .ack = 1, .len = MSS);
    arrive(f, .flags = TFSM_ACK, .ack = 2000);
    expect_nothing(f);
    expect_deadline(f, TFSM_NEVER);
}

/* An ACK of all that was out when the timer went off ends the recovery. */
static void test_timers_rtx_recovery_ends_where_it_began(void **state)
{
    struct fixture *f = with_text(state, 100);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    user_send(f, 50);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 101, .ack = 1, .len = 50);
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    expect_nothing(f);
}

/* B82 (b), RFC6298:5.5: the doubled timeout stays until text that was sent once is acknowledged. */
static void test_timers_rtx_back_off_outlives_the_retransmission(void **state)
{
    struct fixture *f = with_text(state, 100);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 101, .ack = 1, .len = 100);
    expect_deadline(f, f->now + 2 * RTO);
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 201, .ack = 1, .len = 100);
    expect_deadline(f, f->now + RTO);
}

/* A challenge and a text that must be answered do not displace the retransmission that is owed. */
static void test_timers_rtx_owed_survives_other_debts(void **state)
{
    struct fixture *f = with_text(state, 100);
    expire(f);
    arrive(f, .flags = TFSM_RST, .seq = 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expect_nothing(f);
    expire(f);
    arrive(f, .flags = TFSM_ACK, .text = 5);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 6, .len = 100);
    expect_nothing(f);
}

/* ---- SYN ---- */

/* RFC9293:MUST-22 */
static void test_timers_syn_backs_off_and_is_refused_in_the_end(void **state)
{
    struct fixture *f = in_syn_sent(state);
    for (unsigned i = 0; i < SYN_RETRIES; i++) {
        expect_deadline(f, f->now + interval(i));
        expire(f);
        expect_signals(f, 0);
        struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
        assert_int_equal(s.options, TFSM_OPT_MSS);
        assert_int_equal(s.wnd, BUFF);
        expect_nothing(f);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    expect_nothing(f);
}

/* RFC9293:MUST-20b, RFC9293:MUST-22 */
static void test_timers_syn_ack_active_gives_up(void **state)
{
    struct fixture *f = in_syn_received_active(state);
    for (unsigned i = 0; i < SYN_RETRIES; i++) {
        expire(f);
        (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    expect_nothing(f);
}

/* RFC9293:MUST-20b, MUST-22, B13: the listener is free again, and nobody is told of a connection that never
 * was. */
static void test_timers_syn_ack_passive_returns_to_listen(void **state)
{
    struct fixture *f = in_listen(state);
    struct tfsm_tcb listener = f->tcb;
    arrive(f, .flags = TFSM_SYN, .text = 10);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    for (unsigned i = 0; i < SYN_RETRIES; i++) {
        expect_deadline(f, f->now + interval(i));
        expire(f);
        (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    }
    expire(f);
    expect_state(f, TFSM_LISTEN);
    expect_signals(f, 0);
    expect_nothing(f);
    assert_memory_equal(&f->tcb, &listener, sizeof listener);
}

/* B10: a segment that is refused does not send the SYN again out of turn. */
static void test_timers_syn_bad_ack_costs_no_retry(void **state)
{
    struct fixture *f = in_syn_sent(state);
    for (int i = 0; i < 20; i++) {
        arrive(f, .flags = TFSM_ACK, .ack = 500);
        expect_rejected(f);
    }
    expect_deadline(f, f->now + RTO);
    assert_int_equal(f->tcb.tries, 0);
}

/* The retries spent on the SYN are not held against the text. */
static void test_timers_syn_retries_do_not_count_for_text(void **state)
{
    struct fixture *f = in_syn_sent(state);
    struct tfsm_segment out;
    for (unsigned i = 0; i < SYN_RETRIES; i++) {
        expire(f);
        (void)drain(f, &out, 1);
    }
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    (void)drain(f, &out, 1);
    user_send(f, 10);
    (void)drain(f, &out, 1);
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        expect_state(f, TFSM_ESTABLISHED);
        (void)drain(f, &out, 1);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* RFC6298:5.7: after a SYN timed out, text starts with three seconds. */
static void test_timers_syn_timed_out_makes_text_start_with_three_seconds(void **state)
{
    struct fixture *f = in_syn_sent(state);
    struct tfsm_segment out;
    expire(f);
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    user_send(f, 10);
    (void)drain(f, &out, 1);
    expect_deadline(f, f->now + 3 * SECOND);
}

/* CLOSE in SYN-RECEIVED: SYN and FIN are both out; the SYN comes first, and both get through. */
static void test_timers_syn_and_fin_are_sent_again_in_order(void **state)
{
    struct fixture *f = in_syn_received(state);
    struct tfsm_segment out[2];
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    expire(f);
    size_t n = drain(f, out, 2);
    assert_in_range(n, 1, 2);
    assert_int_equal(out[0].flags & (TFSM_SYN | TFSM_ACK), TFSM_SYN | TFSM_ACK);
    assert_int_equal(out[0].seq, f->iss);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_signals(f, TFSM_SIG_CONNECTED);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
}

/* ---- FIN ---- */

static void test_timers_fin_gives_up_in_every_state_that_waits_for_it(void **state)
{
    static const enum tfsm_state waits[] = {TFSM_FIN_WAIT_1, TFSM_CLOSING, TFSM_LAST_ACK};
    for (size_t i = 0; i < 3; i++) {
        struct fixture *f = fresh(state);
        reach(f, waits[i]);
        for (unsigned n = 0; n < RETRIES; n++) {
            struct tfsm_segment s;
            expect_deadline(f, f->now + interval(n));
            expire(f);
            expect_state(f, waits[i]);
            assert_true(take(f, &s));
            assert_int_equal(s.flags, TFSM_FIN | TFSM_ACK);
            expect_nothing(f);
        }
        expire(f);
        expect_gone(f, TFSM_SIG_TIMED_OUT);
        expect_nothing(f);
    }
}

/* ---- the user timeout (RFC9293:3.10.8) ---- */

#define USER_TIMEOUT (5 * SECOND)

static struct fixture *with_user_timeout(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.user_timeout = USER_TIMEOUT;
    f->cfg.retries = 100;
    f->cfg.syn_retries = 100;
    return f;
}

/* Go from deadline to deadline until the connection is gone; returns when. */
static tfsm_time time_of_end(struct fixture *f)
{
    struct tfsm_segment out;
    for (int i = 0; i < 1000 && f->tcb.state != TFSM_CLOSED; i++) {
        expire(f);
        if (f->tcb.state != TFSM_CLOSED) {
            (void)drain(f, &out, 1);
        }
    }
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    return f->now;
}

/* RFC9293:3.10.8a */
static void test_timers_user_timeout_ends_text_unanswered(void **state)
{
    struct fixture *f = with_user_timeout(state);
    struct tfsm_segment out;
    reach_established(f);
    tfsm_time start = f->now;
    user_send(f, 100);
    (void)drain(f, &out, 1);
    assert_true(time_of_end(f) == start + USER_TIMEOUT);
    expect_nothing(f);
}

/* RFC9293:3.10.8a */
static void test_timers_user_timeout_ends_a_syn_unanswered(void **state)
{
    struct fixture *f = with_user_timeout(state);
    tfsm_time start = f->now;
    reach_syn_sent(f);
    assert_true(time_of_end(f) == start + USER_TIMEOUT);
}

static void test_timers_user_timeout_ends_a_fin_unanswered(void **state)
{
    struct fixture *f = with_user_timeout(state);
    tfsm_time start = f->now;
    reach_last_ack(f);
    assert_true(time_of_end(f) == start + USER_TIMEOUT);
}

static void test_timers_user_timeout_starts_anew_with_progress(void **state)
{
    struct fixture *f = with_user_timeout(state);
    struct tfsm_segment out;
    reach_established(f);
    user_send(f, 2000);
    (void)drain(f, &out, 1);
    f->now += RTO / 2;
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    tfsm_time progress = f->now;
    assert_true(time_of_end(f) == progress + USER_TIMEOUT);
}

static void test_timers_user_timeout_is_not_moved_by_a_duplicate_ack(void **state)
{
    struct fixture *f = with_user_timeout(state);
    struct tfsm_segment out;
    reach_established(f);
    tfsm_time start = f->now;
    user_send(f, 100);
    (void)drain(f, &out, 1);
    f->now += RTO / 2;
    arrive(f, .flags = TFSM_ACK, .text = 10);
    (void)drain(f, &out, 1);
    assert_true(time_of_end(f) == start + USER_TIMEOUT);
}

static void test_timers_user_timeout_runs_only_while_something_is_unacknowledged(void **state)
{
    struct fixture *f = with_user_timeout(state);
    struct tfsm_segment out;
    reach_established(f);
    expect_deadline(f, TFSM_NEVER);
    user_send(f, 100);
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    expect_deadline(f, TFSM_NEVER);
    after(f, 100 * USER_TIMEOUT);
    expect_state(f, TFSM_ESTABLISHED);
}

static void test_timers_user_timeout_leaves_time_wait_alone(void **state)
{
    struct fixture *f = with_user_timeout(state);
    reach_time_wait(f);
    expect_deadline(f, f->now + 2 * MSL);
}

/* B64: elapsed time counts, also while every probe of a closed window is answered. */
static void test_timers_user_timeout_ends_answered_probes(void **state)
{
    struct fixture *f = with_user_timeout(state);
    struct tfsm_segment out;
    reach_established(f);
    tfsm_time start = f->now;
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, 100);
    (void)drain(f, &out, 1);
    for (int i = 0; i < 100 && f->tcb.state == TFSM_ESTABLISHED; i++) {
        expire(f);
        if (f->tcb.state == TFSM_ESTABLISHED && drain(f, &out, 1) > 0) {
            arrive(f, .flags = TFSM_ACK);
        }
    }
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    assert_in_range(f->now, start + USER_TIMEOUT, start + USER_TIMEOUT + RTO);
}

/* ---- probing a closed window ---- */

/* The peer's window is zero and text waits. */
static struct fixture *with_window_closed(void **state, uint32_t len)
{
    struct fixture *f = in_established(state);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, len);
    expect_nothing(f);
    return f;
}

/* RFC9293:MUST-36, SHLD-29, B58: the first probe after a retransmission timeout; at least one
 * octet. */
static void test_timers_probe_is_one_octet_after_rto(void **state)
{
    struct fixture *f = with_window_closed(state, 100);
    expect_deadline(f, f->now + RTO);
    expire(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    assert_true(s.text_offset == 0);
    expect_nothing(f);
}

/* RFC9293:SHLD-30; B61: the probe is the same octet each time. */
static void test_timers_probe_backs_off_and_is_bounded(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.retries = 20;
    reach_established(f);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, 100);
    expect_nothing(f);
    for (unsigned i = 0; i < 8; i++) {
        expect_deadline(f, f->now + interval(i));
        expire(f);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
        expect_nothing(f);
    }
}

/* Nobody answers: R2 holds for probes too. */
static void test_timers_probe_unanswered_gives_up(void **state)
{
    struct fixture *f = with_window_closed(state, 100);
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        expect_signals(f, 0);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* RFC9293:MUST-37: as long as probes are answered the connection stays; SHLD-30: the interval
 * grows. */
static void test_timers_probe_answered_keeps_the_connection(void **state)
{
    struct fixture *f = with_window_closed(state, 100);
    for (unsigned i = 0; i < 100; i++) {
        expect_deadline(f, f->now + interval(i));
        expire(f);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
        arrive(f, .flags = TFSM_ACK);
        expect_signals(f, 0);
        expect_nothing(f);
    }
    expect_state(f, TFSM_ESTABLISHED);
}

/* B61: the peer may take the octet and keep its window shut; the next octet is the next probe. */
static void test_timers_probe_accepted_goes_on_with_the_next_octet(void **state)
{
    struct fixture *f = with_window_closed(state, 100);
    for (uint32_t i = 0; i < 10; i++) {
        expire(f);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + i, .ack = 1, .len = 1);
        arrive(f, .flags = TFSM_ACK, .ack = 1);
        assert_int_equal(f->fx.acknowledged, 1);
        expect_nothing(f);
    }
}

static void test_timers_probe_stops_when_the_window_opens(void **state)
{
    struct fixture *f = with_window_closed(state, 100);
    f->peer.wnd = PEER_WND;
    arrive(f, .flags = TFSM_ACK);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expect_nothing(f);
    expect_deadline(f, f->now + RTO);
}

/* The interval of the probes is no measure of the path: text begins with the plain timeout. */
static void test_timers_probe_back_off_ends_when_the_window_opens(void **state)
{
    struct fixture *f = with_window_closed(state, 100);
    for (int i = 0; i < 3; i++) {
        expire(f);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
        arrive(f, .flags = TFSM_ACK);
    }
    f->peer.wnd = PEER_WND;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 2, .ack = 1, .len = 99);
    expect_deadline(f, f->now + RTO);
}

/* RFC9293:MUST-37: closing the window is an answer too; the tries before it do not count. */
static void test_timers_probe_count_starts_when_the_window_closes(void **state)
{
    struct fixture *f = with_text(state, 100);
    struct tfsm_segment out;
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        (void)drain(f, &out, 1);
    }
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        expect_state(f, TFSM_ESTABLISHED);
        (void)drain(f, &out, 1);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* The window changes between the timeout and the output: what is sent fits the new window. */
static void test_timers_probe_and_retransmission_change_places(void **state)
{
    struct fixture *f = with_text(state, 100);
    expire(f);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    expect_nothing(f);
    expire(f);
    f->peer.wnd = PEER_WND;
    arrive(f, .flags = TFSM_ACK); /* what the timer gave up for lost goes as soon as it may */
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expect_nothing(f);
    expect_deadline(f, f->now + RTO);
}

/* The probe's octet is out; when the window opens it is sent again, with what follows it. */
static void test_timers_probe_octet_lost_is_sent_again_when_the_window_opens(void **state)
{
    struct fixture *f = with_window_closed(state, 100);
    struct tfsm_segment out[4];
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    f->peer.wnd = PEER_WND;
    arrive(f, .flags = TFSM_ACK);
    (void)drain(f, out, 4);
    assert_int_equal(f->sent, f->iss + 101);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
}

/* A FIN waits behind a closed window like any octet, and is a probe itself. */
static void test_timers_probe_may_be_the_fin(void **state)
{
    struct fixture *f = in_established(state);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    user_close(f);
    expect_state(f, TFSM_FIN_WAIT_1);
    struct tfsm_segment out;
    if (drain(f, &out, 1) == 0) {
        expire(f);
        assert_int_equal(drain(f, &out, 1), 1);
    }
    assert_int_equal(out.flags, TFSM_FIN | TFSM_ACK);
    assert_int_equal(out.seq, f->iss + 1);
    assert_int_equal(out.len, 1);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_deadline(f, TFSM_NEVER);
}

static void test_timers_probe_text_then_fin(void **state)
{
    struct fixture *f = with_window_closed(state, 1);
    user_close(f);
    expect_nothing(f);
    expire(f);
    struct tfsm_segment s;
    assert_true(take(f, &s));
    assert_int_equal(s.seq, f->iss + 1);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = s.len);
    if (f->tcb.state == TFSM_FIN_WAIT_1) {
        expire(f);
        (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 2, .ack = 1, .len = 1);
        arrive(f, .flags = TFSM_ACK, .ack = 1);
    }
    expect_state(f, TFSM_FIN_WAIT_2);
}

/* RFC9293:MUST-35, SHLD-17: the window shrinks to nothing with text in flight: probing, no time-out
 * while the probes are answered. */
static void test_timers_probe_replaces_retransmission(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 2000);
    (void)drain(f, &out, 1);
    f->peer.wnd = 0;
    f->now += RTO / 2;
    arrive(f, .flags = TFSM_ACK);
    for (unsigned i = 0; i < 5 * RETRIES; i++) {
        expire(f);
        assert_int_equal(drain(f, &out, 1), 1);
        assert_int_equal(out.seq, f->iss + 1);
        arrive(f, .flags = TFSM_ACK);
    }
    expect_state(f, TFSM_ESTABLISHED);
    f->peer.wnd = PEER_WND;
    arrive(f, .flags = TFSM_ACK);
    struct tfsm_segment again[4];
    size_t n = drain(f, again, 4);
    if (n == 0) {
        expire(f);
        n = drain(f, again, 4);
    }
    assert_in_range(n, 1, 4);
    assert_int_equal(again[0].seq, f->iss + 1);
    assert_int_equal(again[0].len, MSS);
}

static void test_timers_probe_no_text_no_probe(void **state)
{
    struct fixture *f = in_established(state);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    expect_deadline(f, TFSM_NEVER);
    expect_nothing(f);
}

/* RFC9293:MUST-38, MUST-60, B59: a window too small to be worth it, and nothing in flight: a timer
 * forces it (3.8.6.2.1 (4)). / */
static void test_timers_probe_small_window_is_not_a_deadlock(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out[4];
    f->peer.wnd = 10;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, 3000);
    size_t n = drain(f, out, 4);
    for (int i = 0; i < 3 && n == 0; i++) {
        expire(f);
        n = drain(f, out, 4);
    }
    assert_int_equal(n, 1);
    assert_int_equal(out[0].seq, f->iss + 1);
    assert_in_range(out[0].len, 1, 10);
}

/* ---- TIME-WAIT ---- */

/* RFC9293:MUST-13 */
static void test_timers_2msl_is_the_only_timer_of_time_wait(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .ack = 1);
    expect_ack(f);
    expect_deadline(f, f->now + 2 * MSL);
    expire(f);
    expect_gone(f, TFSM_SIG_CLOSED);
}

static void test_timers_2msl_of_zero_ends_at_the_next_timeout(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.msl = 0;
    reach_fin_wait_2(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_ack(f);
    expect_state(f, TFSM_TIME_WAIT);
    assert_true(tfsm_deadline(&f->tcb) <= f->now + SECOND);
    after(f, SECOND);
    expect_gone(f, TFSM_SIG_CLOSED);
}

/* ---- deadlines ---- */

static void test_timers_deadline_is_the_earliest(void **state)
{
    struct fixture *f = with_user_timeout(state);
    struct tfsm_segment out;
    f->cfg.user_timeout = RTO / 2;
    reach_established(f);
    user_send(f, 10);
    (void)drain(f, &out, 1);
    expect_deadline(f, f->now + RTO / 2);
    f->cfg.user_timeout = USER_TIMEOUT;
    arrive(f, .flags = TFSM_ACK, .ack = 10);
    user_send(f, 10);
    (void)drain(f, &out, 1);
    expect_deadline(f, f->now + RTO);
}

/* Late: retransmission and user timeout are both overdue. The end wins; it is told once. */
static void test_timers_several_due_at_once(void **state)
{
    struct fixture *f = with_user_timeout(state);
    struct tfsm_segment out;
    reach_established(f);
    user_send(f, 10);
    (void)drain(f, &out, 1);
    after(f, 1000 * SECOND);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    expect_nothing(f);
}

/* Time was lost: one retransmission for all of it, and the next a full interval from now. */
static void test_timers_late_timeout_retransmits_once(void **state)
{
    struct fixture *f = with_text(state, 100);
    after(f, 1000 * SECOND);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expect_nothing(f);
    expect_deadline(f, f->now + 2 * RTO);
    after(f, 0);
    expect_unchanged(f);
    expect_nothing(f);
}

/* Every state that waits for something of ours has a deadline; the others have none. */
static void test_timers_deadline_of_every_state(void **state)
{
    static const bool runs[TFSM_STATES] = {
        [TFSM_SYN_SENT] = true, [TFSM_SYN_RECEIVED] = true, [TFSM_FIN_WAIT_1] = true,
        [TFSM_CLOSING] = true,  [TFSM_LAST_ACK] = true,     [TFSM_TIME_WAIT] = true,
    };
    for (int s = 0; s < TFSM_STATES; s++) {
        struct fixture *f = fresh(state);
        reach(f, (enum tfsm_state)s);
        assert_int_equal(tfsm_deadline(&f->tcb) != TFSM_NEVER, runs[s]);
    }
}

/* Invariant 10 of history: under silence every state but these four ends by itself. */
static void test_timers_silence_ends_what_must_end(void **state)
{
    for (int s = 0; s < TFSM_STATES; s++) {
        struct fixture *f = fresh(state);
        struct tfsm_segment out;
        reach(f, (enum tfsm_state)s);
        for (int i = 0; i < 100 && tfsm_deadline(&f->tcb) != TFSM_NEVER; i++) {
            expire(f);
            (void)drain(f, &out, 1);
        }
        bool stays = s == TFSM_LISTEN || s == TFSM_ESTABLISHED || s == TFSM_CLOSE_WAIT ||
                     s == TFSM_FIN_WAIT_2;
        enum tfsm_state end = s == TFSM_SYN_RECEIVED ? TFSM_LISTEN : TFSM_CLOSED;
        expect_state(f, stays ? (enum tfsm_state)s : end);
    }
}

/* ---- any epoch ---- */

/* A whole life that begins at the given time. */
static void live_and_die(void **state, tfsm_time start)
{
    struct fixture *f = fresh(state);
    f->now = start;
    reach_established(f);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expect_deadline(f, start + RTO);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expect_deadline(f, start + 3 * RTO);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .ack = 100);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 101, .ack = 2, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_gone(f, TFSM_SIG_CLOSED);
}

static void test_timers_any_epoch_will_do(void **state)
{
    static const tfsm_time epochs[] = {0, 1, UINT32_MAX, (tfsm_time)INT64_MAX - SECOND,
                                       UINT64_MAX - 1000 * SECOND};
    for (size_t i = 0; i < sizeof epochs / sizeof epochs[0]; i++) {
        live_and_die(state, epochs[i]);
    }
}

/* At the end of time, TFSM_NEVER - 1, deadlines stop growing: none lies in the past, and none is
 * forgotten. */
static void test_timers_end_of_time(void **state)
{
    static const tfsm_time before_end[] = {1, 2, SECOND, RTO + 1, 2 * RTO};
    for (size_t i = 0; i < sizeof before_end / sizeof before_end[0]; i++) {
        struct fixture *f = fresh(state);
        struct tfsm_segment out;
        f->now = UINT64_MAX - before_end[i];
        open_active(f);
        (void)drain(f, &out, 1);
        assert_true(tfsm_deadline(&f->tcb) >= f->now);
        arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
        user_send(f, 10);
        (void)drain(f, &out, 1);
        assert_true(f->tcb.at_rtx != 0);
        assert_true(tfsm_deadline(&f->tcb) >= f->now);
        f->now = UINT64_MAX - 1;
        after(f, 0);
        (void)drain(f, &out, 1);
        assert_true(f->tcb.state == TFSM_ESTABLISHED);
        assert_true(tfsm_deadline(&f->tcb) == f->now);
    }
}

static void test_timers_end_of_time_in_time_wait(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    struct tfsm_segment out;
    f->now = UINT64_MAX - 1;
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    (void)drain(f, &out, 1);
    expect_state(f, TFSM_TIME_WAIT);
    assert_true(f->tcb.at_2msl >= f->now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_rtx_is_armed_by_the_segment),
        cmocka_unit_test(test_timers_rtx_a_pure_ack_arms_nothing),
        cmocka_unit_test(test_timers_rtx_before_its_time_nothing_happens),
        cmocka_unit_test(test_timers_early_timeout_does_nothing),
        cmocka_unit_test(test_timers_rtx_sends_the_first_segment_again),
        cmocka_unit_test(test_timers_rtx_backs_off_and_is_bounded),
        cmocka_unit_test(test_timers_rtx_many_retries_stay_bounded),
        cmocka_unit_test(test_timers_rtx_gives_up_after_r2),
        cmocka_unit_test(test_timers_rtx_without_retries_gives_up_at_once),
        cmocka_unit_test(test_timers_rtx_count_starts_anew_after_progress),
        cmocka_unit_test(test_timers_rtx_partial_ack_restarts_the_timer),
        cmocka_unit_test(test_timers_rtx_last_ack_stops_the_timer),
        cmocka_unit_test(test_timers_rtx_new_text_does_not_restart_the_timer),
        cmocka_unit_test(test_timers_rtx_duplicate_ack_leaves_the_timer),
        cmocka_unit_test(test_timers_rtx_acknowledged_before_it_left_is_not_sent),
        cmocka_unit_test(test_timers_rtx_repackages_the_same_octets),
        cmocka_unit_test(test_timers_rtx_recovery_goes_on_with_each_ack),
        cmocka_unit_test(test_timers_rtx_recovery_ends_where_it_began),
        cmocka_unit_test(test_timers_rtx_back_off_outlives_the_retransmission),
        cmocka_unit_test(test_timers_rtx_owed_survives_other_debts),
        cmocka_unit_test(test_timers_syn_backs_off_and_is_refused_in_the_end),
        cmocka_unit_test(test_timers_syn_ack_active_gives_up),
        cmocka_unit_test(test_timers_syn_ack_passive_returns_to_listen),
        cmocka_unit_test(test_timers_syn_bad_ack_costs_no_retry),
        cmocka_unit_test(test_timers_syn_retries_do_not_count_for_text),
        cmocka_unit_test(test_timers_syn_timed_out_makes_text_start_with_three_seconds),
        cmocka_unit_test(test_timers_syn_and_fin_are_sent_again_in_order),
        cmocka_unit_test(test_timers_fin_gives_up_in_every_state_that_waits_for_it),
        cmocka_unit_test(test_timers_user_timeout_ends_text_unanswered),
        cmocka_unit_test(test_timers_user_timeout_ends_a_syn_unanswered),
        cmocka_unit_test(test_timers_user_timeout_ends_a_fin_unanswered),
        cmocka_unit_test(test_timers_user_timeout_starts_anew_with_progress),
        cmocka_unit_test(test_timers_user_timeout_is_not_moved_by_a_duplicate_ack),
        cmocka_unit_test(test_timers_user_timeout_runs_only_while_something_is_unacknowledged),
        cmocka_unit_test(test_timers_user_timeout_leaves_time_wait_alone),
        cmocka_unit_test(test_timers_user_timeout_ends_answered_probes),
        cmocka_unit_test(test_timers_probe_is_one_octet_after_rto),
        cmocka_unit_test(test_timers_probe_backs_off_and_is_bounded),
        cmocka_unit_test(test_timers_probe_unanswered_gives_up),
        cmocka_unit_test(test_timers_probe_answered_keeps_the_connection),
        cmocka_unit_test(test_timers_probe_accepted_goes_on_with_the_next_octet),
        cmocka_unit_test(test_timers_probe_stops_when_the_window_opens),
        cmocka_unit_test(test_timers_probe_back_off_ends_when_the_window_opens),
        cmocka_unit_test(test_timers_probe_count_starts_when_the_window_closes),
        cmocka_unit_test(test_timers_probe_and_retransmission_change_places),
        cmocka_unit_test(test_timers_probe_octet_lost_is_sent_again_when_the_window_opens),
        cmocka_unit_test(test_timers_probe_may_be_the_fin),
        cmocka_unit_test(test_timers_probe_text_then_fin),
        cmocka_unit_test(test_timers_probe_replaces_retransmission),
        cmocka_unit_test(test_timers_probe_no_text_no_probe),
        cmocka_unit_test(test_timers_probe_small_window_is_not_a_deadlock),
        cmocka_unit_test(test_timers_2msl_is_the_only_timer_of_time_wait),
        cmocka_unit_test(test_timers_2msl_of_zero_ends_at_the_next_timeout),
        cmocka_unit_test(test_timers_deadline_is_the_earliest),
        cmocka_unit_test(test_timers_several_due_at_once),
        cmocka_unit_test(test_timers_late_timeout_retransmits_once),
        cmocka_unit_test(test_timers_deadline_of_every_state),
        cmocka_unit_test(test_timers_silence_ends_what_must_end),
        cmocka_unit_test(test_timers_any_epoch_will_do),
        cmocka_unit_test(test_timers_end_of_time),
        cmocka_unit_test(test_timers_end_of_time_in_time_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
