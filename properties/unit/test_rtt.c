/* The round trip and the timeout made of it: RFC 6298, and the measurements that timestamps allow
 * (RFC 7323 section 4). Sequences of round trips are chosen so that RFC 6298's formulas give whole
 * microseconds; where they do not, a model in floating point is the judge. */
#include "fixture.h"

#define MS        ((tfsm_time)1000)
#define MINUTE    (60 * SECOND)
#define GRAIN     (10 * MS) /* no clock that anybody would use is coarser */
#define WIDE      60000u    /* a peer's window, where the window must not limit */
#define CONGESTED (PROFILE | TFSM_CONGESTION)

/* Nothing is rounded up and hardly anything cut off, so that the formulas show. */
static struct fixture *unbounded(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rto_min = 1;
    f->cfg.rto_max = MINUTE;
    f->cfg.retries = 20;
    return f;
}

/* The SYN is answered after so long: the first measurement. */
static void reach_measured(struct fixture *f, tfsm_time rtt)
{
    reach_syn_sent(f);
    f->now += rtt;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_ack(f);
}

static struct fixture *measured(void **state, tfsm_time rtt)
{
    struct fixture *f = unbounded(state);
    reach_measured(f, rtt);
    return f;
}

/* Some text leaves. */
static void send_text(struct fixture *f, uint32_t len)
{
    struct tfsm_segment out;
    user_send(f, len);
    assert_int_equal(drain(f, &out, 1), (len + MSS - 1) / MSS);
}

/* Some text leaves, and is acknowledged after so long. */
static void round_trip(struct fixture *f, tfsm_time rtt)
{
    send_text(f, 100);
    f->now += rtt;
    arrive(f, .flags = TFSM_ACK, .ack = 100);
}

static void expect_estimate(const struct fixture *f, tfsm_time srtt, tfsm_time rttvar,
                            tfsm_time rto)
{
    assert_int_equal(f->tcb.srtt, srtt);
    assert_int_equal(f->tcb.rttvar, rttvar);
    assert_int_equal(f->tcb.rto, rto);
}

/* The last step measured nothing. */
static void expect_no_sample(const struct fixture *f)
{
    assert_int_equal(f->tcb.srtt, f->before.srtt);
    assert_int_equal(f->tcb.rttvar, f->before.rttvar);
}

/* ---- the numbers ---- */

/* RFC6298:2.1: one second, and longer after each timeout. */
static void test_rtt_before_any_measurement_one_second(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->cfg.rto_initial = tfsm_config_default().rto_initial;
    reach_syn_sent(f);
    expect_deadline(f, f->now + SECOND);
    expire(f);
    (void)drain(f, &out, 1);
    expect_deadline(f, f->now + 2 * SECOND);
}

/* RFC6298:2.1, RFC6298:2.4, RFC6298:2.5: whatever the policy is called. */
static void test_rtt_named_policies_keep_the_bounds(void **state)
{
    static const char *const names[] = {"rfc9293", "rfc793", "minimal"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct tfsm_config cfg;
        assert_true(tfsm_config_named(names[i], &cfg));
        assert_true(cfg.rto_initial >= SECOND);
        assert_true(cfg.rto_min >= SECOND);
        assert_true(cfg.rto_max >= MINUTE);
    }
}

/* RFC6298:2.2 */
static void test_rtt_first_measurement(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    expect_estimate(f, 800 * MS, 400 * MS, 2400 * MS);
}

/* RFC6298:2.2: the SYN,ACK is timed by the ACK that opens the connection. */
static void test_rtt_first_measurement_passive(void **state)
{
    struct fixture *f = unbounded(state);
    reach_syn_received(f);
    f->now += 300 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_estimate(f, 300 * MS, 150 * MS, 900 * MS);
}

/* RFC6298:2.2: the segment after a SYN that was sent twice is the first that counts. */
static void test_rtt_first_measurement_may_be_text(void **state)
{
    struct fixture *f = unbounded(state);
    struct tfsm_segment out;
    reach_syn_sent(f);
    expire(f);
    (void)drain(f, &out, 1);
    f->now += 200 * MS;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    (void)drain(f, &out, 1);
    round_trip(f, 600 * MS);
    expect_estimate(f, 600 * MS, 300 * MS, 1800 * MS);
}

/* RFC6298:2.3a, RFC6298:2.3b, RFC6298:2.3c: up, down, and as before. */
static void test_rtt_later_measurements(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    round_trip(f, 1600 * MS);
    expect_estimate(f, 900 * MS, 500 * MS, 2900 * MS);
    round_trip(f, 100 * MS);
    expect_estimate(f, 800 * MS, 575 * MS, 3100 * MS);
    round_trip(f, 800 * MS);
    expect_estimate(f, 800 * MS, 431250, 2525 * MS);
}

/* RFC6298:2.3a: with the SRTT of before; the other order would give 475 ms. */
static void test_rtt_variance_is_moved_before_the_mean(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    round_trip(f, 1600 * MS);
    assert_int_equal(f->tcb.rttvar, 500 * MS);
}

/* RFC6298:2.3a, RFC6298:2.3b, RFC6298:2.3c: many of them, against the formulas. */
static void test_rtt_long_history_follows_the_formulas(void **state)
{
    struct fixture *f = measured(state, 123457);
    double srtt = 123457;
    double rttvar = srtt / 2;
    uint32_t random = 7;
    for (unsigned i = 0; i < 300; i++) {
        random = random * 1664525u + 1013904223u;
        double rtt = 50000 + (random >> 12) % 150000;
        round_trip(f, (tfsm_time)rtt);
        rttvar = 0.75 * rttvar + 0.25 * (srtt > rtt ? srtt - rtt : rtt - srtt);
        srtt = 0.875 * srtt + 0.125 * rtt;
        /* whole microseconds: at most one is lost each time, of which 7/8 or 3/4 stay */
        assert_true((double)f->tcb.srtt > srtt - 9 && (double)f->tcb.srtt < srtt + 9);
        assert_true((double)f->tcb.rttvar > rttvar - 9 && (double)f->tcb.rttvar < rttvar + 9);
        assert_int_equal(f->tcb.rto, f->tcb.srtt + 4 * f->tcb.rttvar);
    }
}

/* RFC6298:2.4: 100 + 4*50 ms */
static void test_rtt_short_timeout_is_raised_to_the_minimum(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rto_min = tfsm_config_default().rto_min;
    reach_measured(f, 100 * MS);
    expect_estimate(f, 100 * MS, 50 * MS, SECOND);
    send_text(f, 100);
    expect_deadline(f, f->now + SECOND);
}

/* RFC6298:2.4: only what is shorter. */
static void test_rtt_minimum_leaves_longer_timeouts_alone(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rto_min = 300 * MS;
    reach_measured(f, 100 * MS);
    assert_int_equal(f->tcb.rto, 300 * MS);
    f = fresh(state);
    f->cfg.rto_min = 300 * MS + 1;
    reach_measured(f, 100 * MS);
    assert_int_equal(f->tcb.rto, 300 * MS + 1);
    f = fresh(state);
    f->cfg.rto_min = 300 * MS - 1;
    reach_measured(f, 100 * MS);
    assert_int_equal(f->tcb.rto, 300 * MS);
}

/* RFC6298:2.5: 900 + 4*450 ms would be more. */
static void test_rtt_long_timeout_is_cut_to_the_maximum(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rto_max = 2 * SECOND;
    reach_measured(f, 900 * MS);
    assert_int_equal(f->tcb.rto, 2 * SECOND);
    send_text(f, 100);
    expect_deadline(f, f->now + 2 * SECOND);
}

/* RFC6298:2.5: a round trip beyond what 32 bits of microseconds hold does not come back short. */
static void test_rtt_absurd_round_trip_gives_the_maximum(void **state)
{
    static const tfsm_time trips[] = {4294967296, 4294967297, 4295000000,    8589934592,
                                      2147483648, 3000000000, 86400 * SECOND};
    for (size_t i = 0; i < sizeof trips / sizeof trips[0]; i++) {
        struct fixture *f = measured(state, trips[i]);
        assert_int_equal(f->tcb.rto, MINUTE);
        round_trip(f, trips[i]);
        assert_int_equal(f->tcb.rto, MINUTE);
    }
}

/* RFC6298:4, RFC6298:2.2: the grain is added where the variance is nothing, also of the first. */
static void test_rtt_first_variance_of_zero_counts_as_the_grain(void **state)
{
    for (tfsm_time rtt = 0; rtt <= 1; rtt++) {
        struct fixture *f = unbounded(state);
        f->cfg.rto_min = 0;
        reach_measured(f, rtt);
        assert_int_equal(f->tcb.srtt, rtt);
        assert_true(f->tcb.rto > f->tcb.srtt);
        assert_true(f->tcb.rto <= f->tcb.srtt + GRAIN);
    }
}

/* RFC6298:4, RFC6298:2.3c: no timeout equals the mean, however steady the path. */
static void test_rtt_variance_of_zero_counts_as_the_grain(void **state)
{
    struct fixture *f = measured(state, 200 * MS);
    for (unsigned i = 0; i < 200; i++) {
        round_trip(f, 200 * MS);
        assert_true(f->tcb.rto > f->tcb.srtt);
    }
    assert_int_equal(f->tcb.srtt, 200 * MS);
    assert_true(f->tcb.rto <= f->tcb.srtt + GRAIN);
}

/* The user can ask for both. */
static void test_rtt_status_tells(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    struct tfsm_status_block block;
    assert_int_equal(tfsm_status(&f->tcb, &block), TFSM_DONE);
    assert_int_equal(block.srtt, 800 * MS);
    assert_int_equal(block.rto, 2400 * MS);
}

/* ---- what is measured ---- */

/* RFC6298:3b: one measurement a round trip at least, here with several segments in each. */
static void test_rtt_every_round_trip_is_measured(void **state)
{
    struct fixture *f = measured(state, 100 * MS);
    for (unsigned i = 0; i < 20; i++) {
        uint32_t srtt = f->tcb.srtt;
        send_text(f, 4 * MSS);
        f->now += 90 * MS - i * MS;
        for (unsigned k = 0; k < 4; k++) {
            arrive(f, .flags = TFSM_ACK, .ack = MSS);
        }
        assert_true(f->tcb.srtt < srtt);
    }
}

/* RFC6298:3b: nor does it take an empty pipe to begin one. */
static void test_rtt_steady_flow_is_measured(void **state)
{
    struct fixture *f = measured(state, 100 * MS);
    send_text(f, 4 * MSS);
    for (unsigned i = 0; i < 40; i++) {
        uint32_t srtt = f->tcb.srtt;
        for (unsigned k = 0; k < 4; k++) {
            f->now += (20 + i) * MS;
            arrive(f, .flags = TFSM_ACK, .ack = MSS);
            send_text(f, MSS);
        }
        assert_true(i == 0 || f->tcb.srtt != srtt);
    }
}

/* RFC6298:3b: one ACK for the whole flight measures its first segment or another, no mixture. */
static void test_rtt_cumulative_ack_measures(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    send_text(f, 3 * MSS);
    f->now += 1600 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = 3 * MSS);
    expect_estimate(f, 900 * MS, 500 * MS, 2900 * MS);
}

/* RFC6298:3b: an ACK on a segment with text measures, too. */
static void test_rtt_ack_with_text_measures(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    send_text(f, 100);
    f->now += 1600 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = 100, .text = 10);
    expect_estimate(f, 900 * MS, 500 * MS, 2900 * MS);
}

/* An ACK that acknowledges nothing new measures nothing. */
static void test_rtt_duplicate_ack_measures_nothing(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    send_text(f, 100);
    f->now += 1000 * MS;
    arrive(f, .flags = TFSM_ACK);
    expect_no_sample(f);
    f->now += 600 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    expect_estimate(f, 900 * MS, 500 * MS, 2900 * MS);
}

/* ---- Karn ---- */

/* RFC6298:3a */
static void test_rtt_retransmitted_by_timer_is_not_measured(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    struct tfsm_segment out;
    send_text(f, 100);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    f->now += 50 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    expect_no_sample(f);
    assert_int_equal(f->tcb.srtt, 800 * MS);
}

/* RFC6298:3a: nor does its ACK, met while the retransmission is still owed, spoil the next. */
static void test_rtt_measuring_goes_on_after_a_retransmission(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    struct tfsm_segment out;
    send_text(f, 100);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    round_trip(f, 1600 * MS);
    expect_estimate(f, 900 * MS, 500 * MS, 2900 * MS);
}

/* RFC6298:3a: the SYN is no exception. */
static void test_rtt_retransmitted_syn_is_not_measured(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    reach_syn_sent(f);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    f->now += 50 * MS;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    assert_int_equal(f->tcb.srtt, 0);
    assert_false((f->tcb.flags & TFSM_M_MEASURED) != 0);
}

/* RFC6298:3a */
static void test_rtt_retransmitted_syn_ack_is_not_measured(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    reach_syn_received(f);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    f->now += 50 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    assert_int_equal(f->tcb.srtt, 0);
    assert_false((f->tcb.flags & TFSM_M_MEASURED) != 0);
}

/* RFC6298:3a, RFC9293:MUST-18: a SYN,ACK sent again because the SYN came again. */
static void test_rtt_syn_ack_asked_for_twice_is_not_measured(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    reach_syn_received(f);
    f->now += 500 * MS;
    arrive(f, .flags = TFSM_SYN, .seq = -1);
    size_t again = drain(f, &out, 1);
    bool repeated = again > 0 && (out.flags & TFSM_SYN) != 0;
    f->now += 50 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    assert_true(!repeated || f->tcb.srtt == 0);
    assert_true(repeated || f->tcb.srtt == 550 * MS);
}

/* RFC6298:3a, RFC9293:MUST-18: the SYN,ACK of a simultaneous open is our SYN once more, and the answer may
 * be to either. */
static void test_rtt_simultaneous_open_is_not_measured(void **state)
{
    struct fixture *f = unbounded(state);
    struct tfsm_segment out;
    reach_syn_sent(f);
    f->now += 500 * MS;
    arrive(f, .flags = TFSM_SYN);
    assert_int_equal(drain(f, &out, 1), 1);
    f->now += 50 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_no_sample(f);
    round_trip(f, 80 * MS); /* and the text after it is */
    expect_estimate(f, 80 * MS, 40 * MS, 240 * MS);
}

/* RFC6298:3: where no SYN was out before, the SYN,ACK is the first, and is measured. */
static void test_rtt_simultaneous_open_first_segment_is_measured(void **state)
{
    struct fixture *f = unbounded(state);
    struct tfsm_segment out;
    open_active(f);
    arrive(f, .flags = TFSM_SYN);
    assert_int_equal(drain(f, &out, 1), 1);
    f->now += 50 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_estimate(f, 50 * MS, 25 * MS, 150 * MS);
}

/* RFC6298:3a: a segment behind the front that recovery sends again. */
static void test_rtt_retransmitted_behind_the_front_is_not_measured(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    send_text(f, MSS);
    f->now += 10 * MS;
    send_text(f, MSS);
    f->now += 10 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = MSS); /* ends the measurement of the first */
    send_text(f, MSS);                        /* begins that of the third */
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + MSS, .ack = 1, .len = MSS);
    f->now += 10 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = MSS);
    expect_no_sample(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + 2 * MSS, .ack = 1, .len = MSS);
    f->now += 10 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = MSS);
    expect_no_sample(f);
}

/* RFC9293:MUST-18, RFC6298:3a: a third duplicate ACK retransmits, too. */
static void test_rtt_fast_retransmitted_is_not_measured(void **state)
{
    struct fixture *f = unbounded(state);
    struct tfsm_segment out;
    f->cfg.profile = CONGESTED;
    f->cfg.initial_window = 4;
    reach_measured(f, 800 * MS);
    send_text(f, 4 * MSS);
    f->now += 100 * MS;
    for (unsigned i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK);
    }
    assert_int_equal(drain(f, &out, 1), 1);
    f->now += 100 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = 4 * MSS);
    expect_no_sample(f);
    assert_int_equal(f->tcb.srtt, 800 * MS);
}

/* RFC6298:3a: the octet that probed a closed window until it opened. */
static void test_rtt_probed_octet_is_not_measured(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    struct tfsm_segment out;
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK, .text = 1);
    (void)drain(f, &out, 1);
    user_send(f, 100);
    expect_nothing(f);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    f->now += 10 * MS;
    f->peer.wnd = PEER_WND;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_no_sample(f);
}

/* ---- the timer ---- */

/* RFC6298:5.1: text starts it, with the timeout that was measured. */
static void test_rtt_timer_starts_with_text(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    expect_deadline(f, TFSM_NEVER);
    f->now += SECOND;
    send_text(f, 100);
    expect_deadline(f, f->now + 2400 * MS);
}

/* RFC6298:5.1: only if it does not run. */
static void test_rtt_timer_that_runs_is_left_alone(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    send_text(f, 100);
    tfsm_time deadline = f->now + 2400 * MS;
    f->now += SECOND;
    send_text(f, 100);
    expect_deadline(f, deadline);
}

/* RFC6298:5.2 */
static void test_rtt_timer_stops_when_all_is_acknowledged(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    send_text(f, 2 * MSS);
    arrive(f, .flags = TFSM_ACK, .ack = 2 * MSS - 1);
    assert_true(tfsm_deadline(&f->tcb) != TFSM_NEVER);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC6298:5.3: with the timeout that the same ACK gave: SRTT 762.5, RTTVAR 375 ms. */
static void test_rtt_timer_restarts_with_new_ack(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    send_text(f, 2 * MSS);
    f->now += 500 * MS;
    arrive(f, .flags = TFSM_ACK, .ack = MSS);
    expect_deadline(f, f->now + 2262500);
    f->now += SECOND;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_deadline(f, f->now + f->tcb.rto);
    assert_true(f->tcb.rto >= 2262500 - SECOND);
}

/* RFC6298:5.4 */
static void test_rtt_timer_retransmits_the_earliest(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    send_text(f, 3 * MSS);
    arrive(f, .flags = TFSM_ACK, .ack = MSS);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + MSS, .ack = 1, .len = MSS);
    expect_nothing(f);
}

/* RFC6298:5.5, RFC6298:5.6, RFC6298:2.5: doubled from what was measured, up to the maximum. */
static void test_rtt_timer_backs_off(void **state)
{
    static const tfsm_time waits[] = {2400, 4800, 9600, 19200, 38400, 60000, 60000, 60000};
    struct fixture *f = measured(state, 800 * MS);
    user_send(f, 100);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
        expect_deadline(f, f->now + waits[i] * MS);
        after(f, waits[i] * MS - 1);
        expect_nothing(f);
        after(f, 1);
    }
}

/* RFC6298:5.5, RFC6298:5.3: the ACK of what was retransmitted measures nothing: the timeout stays
 * doubled. */
static void test_rtt_back_off_outlasts_an_ack_without_measurement(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    struct tfsm_segment out;
    send_text(f, 2 * MSS);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    arrive(f, .flags = TFSM_ACK, .ack = MSS);
    (void)drain(f, &out, 1);
    expect_deadline(f, f->now + 4800 * MS);
    arrive(f, .flags = TFSM_ACK, .ack = MSS);
    f->now += SECOND;
    send_text(f, 100);
    expect_deadline(f, f->now + 4800 * MS);
}

/* RFC6298:5.5: a window that closes and opens again before anything probed it measures nothing. */
static void test_rtt_back_off_outlasts_a_closed_window(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    struct tfsm_segment out;
    send_text(f, 100);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    user_send(f, 100);
    expect_nothing(f);
    f->peer.wnd = PEER_WND;
    arrive(f, .flags = TFSM_ACK);
    assert_int_equal(drain(f, &out, 1), 1);
    expect_deadline(f, f->now + 4800 * MS);
}

/* RFC6298:5.5: the next measurement makes it anew: SRTT 900, RTTVAR 500 ms. */
static void test_rtt_back_off_ends_with_a_measurement(void **state)
{
    struct fixture *f = measured(state, 800 * MS);
    struct tfsm_segment out;
    send_text(f, 100);
    for (unsigned i = 0; i < 2; i++) {
        expire(f);
        assert_int_equal(drain(f, &out, 1), 1);
    }
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    round_trip(f, 1600 * MS);
    send_text(f, 100);
    expect_deadline(f, f->now + 2900 * MS);
}

/* RFC6298:5.7: the SYN was lost. One timeout or several: three seconds. */
static void test_rtt_text_after_a_lost_syn_waits_three_seconds(void **state)
{
    for (unsigned lost = 1; lost <= SYN_RETRIES; lost++) {
        struct fixture *f = fresh(state);
        struct tfsm_segment out;
        reach_syn_sent(f);
        for (unsigned i = 0; i < lost; i++) {
            expire(f);
            assert_int_equal(drain(f, &out, 1), 1);
        }
        arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
        expect_ack(f);
        send_text(f, 100);
        expect_deadline(f, f->now + 3 * SECOND);
        expire(f);
        assert_int_equal(drain(f, &out, 1), 1);
        expect_deadline(f, f->now + 6 * SECOND);
    }
}

/* RFC6298:5.7: the SYN,ACK, or what acknowledges it, was lost. */
static void test_rtt_text_after_a_lost_syn_ack_waits_three_seconds(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    reach_syn_received(f);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    send_text(f, 100);
    expect_deadline(f, f->now + 3 * SECOND);
}

/* RFC6298:5.7: text that came with the opening, sent in the same breath. */
static void test_rtt_text_queued_before_the_lost_syn_waits_three_seconds(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    reach_syn_sent(f);
    user_send(f, 100);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expect_deadline(f, f->now + 3 * SECOND);
}

/* RFC6298:5.7, RFC6298:2.2: until a measurement says better. */
static void test_rtt_three_seconds_end_with_a_measurement(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    reach_syn_sent(f);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_ack(f);
    round_trip(f, 600 * MS);
    send_text(f, 100);
    expect_deadline(f, f->now + 1800 * MS);
}

/* RFC6298:5.7: not where nothing was lost. */
static void test_rtt_text_after_a_good_handshake_does_not_wait_three_seconds(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rto_min = SECOND;
    reach_measured(f, 100 * MS);
    send_text(f, 100);
    expect_deadline(f, f->now + SECOND);
}

/* RFC6298:5.7, RFC6298:5.5: an initial timeout that is no less than three seconds is not shortened;
 * it was doubled, and stays so until there is a measurement. [RFC6298:2.1b] */
static void test_rtt_longer_initial_timeout_is_not_cut_to_three_seconds(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->cfg.rto_initial = 5 * SECOND;
    f->cfg.rto_max = MINUTE;
    reach_syn_sent(f);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_ack(f);
    send_text(f, 100);
    expect_deadline(f, f->now + 10 * SECOND);
}

/* RFC6298:5: a fast retransmission counts as the previous transmission, too. */
static void test_rtt_timer_waits_a_timeout_after_fast_retransmit(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile = CONGESTED;
    f->cfg.initial_window = 4;
    reach_established(f);
    send_text(f, 4 * MSS);
    f->now += RTO - 100 * MS;
    for (unsigned i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK);
    }
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = MSS);
    after(f, RTO - 1);
    expect_nothing(f);
    after(f, 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = MSS);
}

/* When each segment was sent last. */
struct sendings {
    tfsm_time at[64];
};

static void note_sendings(struct fixture *f, struct sendings *sent)
{
    struct tfsm_segment out;
    while (take(f, &out)) {
        assert_true(out.len == MSS && out.text_offset / MSS < 64);
        sent->at[out.text_offset / MSS] = f->now;
    }
}

/* RFC6298:5: whatever the order of ACKs and timeouts, no timer sends a segment again within one
 * timeout of its last sending. [RFC6298:1] */
static void test_rtt_timer_never_retransmits_early(void **state)
{
    uint32_t random = 1;
    for (unsigned run = 0; run < 200; run++) {
        struct fixture *f = measured(state, 100 * MS);
        struct sendings sent = {0};
        unsigned queued = 0;
        for (unsigned i = 0; f->tcb.snd_octets < 60 * MSS; i++) {
            assert_true(i < 10000);
            random = random * 1664525u + 1013904223u;
            unsigned choice = random >> 28;
            tfsm_time wait = (random >> 8) % (400 * MS);
            if (choice < 6 && queued < 60 && queued < f->tcb.snd_octets / MSS + 5) {
                user_send(f, MSS);
                queued++;
            } else if (choice < 10 && in_flight(f) > 0) {
                arrive(f, .flags = TFSM_ACK, .ack = MSS);
            } else if (tfsm_deadline(&f->tcb) <= f->now + wait) {
                tfsm_time rto = f->tcb.rto;
                f->now = tfsm_deadline(&f->tcb);
                assert_true(f->now - sent.at[f->tcb.snd_octets / MSS] >= rto);
                after(f, 0);
            } else {
                f->now += wait;
            }
            note_sendings(f, &sent);
        }
    }
}

/* ---- timestamps ---- */

/* An ACK that echoes this. */
static void arrive_echo(struct fixture *f, int64_t ack, uint32_t text, uint32_t ecr)
{
    struct tfsm_segment s =
        segment_of(f, (struct from_peer){.flags = TFSM_ACK, .ack = ack, .text = text});
    s.options |= TFSM_OPT_TIMESTAMPS;
    s.ts_val = ++f->peer.ts_val;
    s.ts_ecr = ecr;
    arrive_segment(f, &s);
}

/* Text leaves; what was its TSval? */
static uint32_t send_stamped(struct fixture *f, uint32_t len)
{
    struct tfsm_segment out;
    user_send(f, len);
    assert_int_equal(drain(f, &out, 1), 1);
    assert_true((out.options & TFSM_OPT_TIMESTAMPS) != 0);
    return out.ts_val;
}

/* Both sides stamp; the SYN is answered after so long. */
static void reach_stamped(struct fixture *f, tfsm_time rtt, uint32_t ts_offset)
{
    struct tfsm_segment out;
    f->cfg.profile |= TFSM_TIMESTAMPS;
    f->peer.options |= TFSM_OPT_TIMESTAMPS;
    f->peer.ts_val = 5000;
    fixture_done(HERE(f),
                 &(struct tfsm_event){
                     .kind = TFSM_EV_OPEN, .active = true, .remote = true, .ts_offset = ts_offset});
    assert_true(take(f, &out));
    f->now += rtt;
    f->peer.ts_ecr = out.ts_val;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    assert_int_equal(drain(f, &out, 1), 1);
    expect_state(f, TFSM_ESTABLISHED);
}

static struct fixture *stamped(void **state, tfsm_time rtt)
{
    struct fixture *f = unbounded(state);
    reach_stamped(f, rtt, 0);
    return f;
}

/* RFC7323:4.1a: equal times, equal ticks, of a millisecond. */
static void test_rtt_timestamp_clock_is_proportional_to_time(void **state)
{
    static const tfsm_time waits[] = {1, 10, 250, 1000, 60000};
    struct fixture *f = stamped(state, 100 * MS);
    uint32_t last = send_stamped(f, 10);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        arrive_echo(f, 10, 0, last);
        f->now += waits[i] * MS;
        uint32_t next = send_stamped(f, 10);
        assert_int_equal(next - last, waits[i]);
        last = next;
    }
}

/* RFC6298:2.2, RFC6298:2.3a */
static void test_rtt_timestamps_measure_as_the_clock_does(void **state)
{
    struct fixture *f = stamped(state, 800 * MS);
    expect_estimate(f, 800 * MS, 400 * MS, 2400 * MS);
    uint32_t echo = send_stamped(f, 100);
    f->now += 1600 * MS;
    arrive_echo(f, 100, 0, echo);
    expect_estimate(f, 900 * MS, 500 * MS, 2900 * MS);
}

/* RFC6298:4: the grain of what timestamps measure is a tick of theirs, a millisecond. */
static void test_rtt_grain_of_timestamps(void **state)
{
    struct fixture *f = stamped(state, 200 * MS);
    for (unsigned i = 0; i < 200; i++) {
        uint32_t echo = send_stamped(f, 100);
        f->now += 200 * MS;
        arrive_echo(f, 100, 0, echo);
    }
    assert_int_equal(f->tcb.srtt, 200 * MS);
    assert_true(f->tcb.rto >= 201 * MS && f->tcb.rto <= 200 * MS + GRAIN);
}

/* RFC7323:4.1a: the clock may come round between a segment and its echo. */
static void test_rtt_timestamp_clock_comes_round(void **state)
{
    struct fixture *f = unbounded(state);
    uint32_t now = (uint32_t)(f->now / MS);
    reach_stamped(f, 800 * MS, UINT32_MAX - now - 900);
    uint32_t echo = send_stamped(f, 100);
    f->now += 1600 * MS;
    arrive_echo(f, 100, 0, echo);
    expect_estimate(f, 900 * MS, 500 * MS, 2900 * MS);
}

/* RFC6298:3a: with timestamps it is known which of the two was answered: the second. */
static void test_rtt_timestamps_measure_a_retransmission(void **state)
{
    struct fixture *f = stamped(state, 800 * MS);
    struct tfsm_segment out;
    (void)send_stamped(f, 100);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    f->now += 1600 * MS;
    arrive_echo(f, 100, 0, out.ts_val);
    expect_estimate(f, 900 * MS, 500 * MS, 2900 * MS);
    (void)send_stamped(f, 100);
    expect_deadline(f, f->now + 2900 * MS);
}

/* RFC6298:3a: or the first, which was only slow. |800 - 4000| / 4 + 300 = 1100 ms. */
static void test_rtt_timestamps_measure_a_needless_retransmission(void **state)
{
    struct fixture *f = stamped(state, 800 * MS);
    struct tfsm_segment out;
    uint32_t echo = send_stamped(f, 100);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    f->now += 1600 * MS;
    arrive_echo(f, 100, 0, echo);
    expect_estimate(f, 1200 * MS, 1100 * MS, 5600 * MS);
}

/* RFC7323:4.1b: an old echo on the peer's text says how long the peer was silent. */
static void test_rtt_echo_without_progress_measures_nothing(void **state)
{
    struct fixture *f = stamped(state, 800 * MS);
    uint32_t echo = send_stamped(f, 100);
    f->now += 800 * MS;
    arrive_echo(f, 100, 0, echo);
    f->now += 30 * SECOND;
    arrive_echo(f, 0, 10, echo);
    expect_no_sample(f);
    echo = send_stamped(f, 100);
    f->now += SECOND;
    arrive_echo(f, 0, 0, echo);
    expect_no_sample(f);
    arrive_echo(f, 0, 10, echo);
    expect_no_sample(f);
}

/* RFC7323:4.2: four ACKs a round trip, with eight segments in flight, move the estimate about as
 * far as one measurement of RFC 6298 would: an eighth of the way, not 1 - (7/8)^4 = 0.41 of it. */
static void test_rtt_many_echoes_count_as_one_round_trip(void **state)
{
    struct fixture *f = unbounded(state);
    struct tfsm_segment out;
    uint32_t echo[4];
    f->cfg.snd_buff = WIDE;
    f->peer.wnd = WIDE;
    reach_stamped(f, 100 * MS, 0);
    uint32_t pair = 2 * (MSS - 12u); /* the text of two segments with the option */
    for (unsigned k = 0; k < 4; k++) {
        user_send(f, pair);
        assert_int_equal(drain(f, &out, 1), 2);
        echo[k] = out.ts_val;
        f->now += 25 * MS;
    }
    f->now += 100 * MS; /* the path got longer: 200 ms for every pair */
    for (unsigned k = 0; k < 4; k++) {
        arrive_echo(f, pair, 0, echo[k]);
        user_send(f, pair);
        assert_int_equal(drain(f, &out, 1), 2);
        f->now += 25 * MS;
    }
    assert_true(f->tcb.srtt > (100 + 5) * MS);
    assert_true(f->tcb.srtt < (100 + 20) * MS);
}

/* RFC 7323 appendix G: the flight in pairs of segments, rounded up: two full segments are one sample a
 * window, as much as RFC 6298 has, and one octet more makes two of it. */
static void test_rtt_echoes_are_counted_in_pairs(void **state)
{
    for (uint32_t more = 0; more <= 1; more++) {
        struct fixture *f = unbounded(state);
        struct tfsm_segment out;
        f->cfg.snd_buff = WIDE;
        f->peer.wnd = WIDE;
        reach_stamped(f, 80 * MS, 0);
        uint32_t text = 2 * (MSS - 12u) + more;
        user_send(f, text);
        assert_int_equal(drain(f, &out, 1), 2 + more);
        f->now += 160 * MS;
        arrive_echo(f, text, 0, out.ts_val);
        assert_int_equal(f->tcb.srtt, (more > 0 ? 85 : 90) * MS);
    }
}

/* An echo of what was never sent measures nothing sensible, and does no harm. */
static void test_rtt_echo_from_the_future_does_no_harm(void **state)
{
    struct fixture *f = stamped(state, 100 * MS);
    uint32_t echo = send_stamped(f, 100);
    f->now += 100 * MS;
    arrive_echo(f, 100, 0, echo + 100000);
    assert_true(f->tcb.srtt <= 100 * MS);
    assert_true(f->tcb.rto > 0 && f->tcb.rto <= SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rtt_before_any_measurement_one_second),
        cmocka_unit_test(test_rtt_named_policies_keep_the_bounds),
        cmocka_unit_test(test_rtt_first_measurement),
        cmocka_unit_test(test_rtt_first_measurement_passive),
        cmocka_unit_test(test_rtt_first_measurement_may_be_text),
        cmocka_unit_test(test_rtt_later_measurements),
        cmocka_unit_test(test_rtt_variance_is_moved_before_the_mean),
        cmocka_unit_test(test_rtt_long_history_follows_the_formulas),
        cmocka_unit_test(test_rtt_short_timeout_is_raised_to_the_minimum),
        cmocka_unit_test(test_rtt_minimum_leaves_longer_timeouts_alone),
        cmocka_unit_test(test_rtt_long_timeout_is_cut_to_the_maximum),
        cmocka_unit_test(test_rtt_absurd_round_trip_gives_the_maximum),
        cmocka_unit_test(test_rtt_first_variance_of_zero_counts_as_the_grain),
        cmocka_unit_test(test_rtt_variance_of_zero_counts_as_the_grain),
        cmocka_unit_test(test_rtt_status_tells),
        cmocka_unit_test(test_rtt_every_round_trip_is_measured),
        cmocka_unit_test(test_rtt_steady_flow_is_measured),
        cmocka_unit_test(test_rtt_cumulative_ack_measures),
        cmocka_unit_test(test_rtt_ack_with_text_measures),
        cmocka_unit_test(test_rtt_duplicate_ack_measures_nothing),
        cmocka_unit_test(test_rtt_retransmitted_by_timer_is_not_measured),
        cmocka_unit_test(test_rtt_measuring_goes_on_after_a_retransmission),
        cmocka_unit_test(test_rtt_retransmitted_syn_is_not_measured),
        cmocka_unit_test(test_rtt_retransmitted_syn_ack_is_not_measured),
        cmocka_unit_test(test_rtt_syn_ack_asked_for_twice_is_not_measured),
        cmocka_unit_test(test_rtt_simultaneous_open_is_not_measured),
        cmocka_unit_test(test_rtt_simultaneous_open_first_segment_is_measured),
        cmocka_unit_test(test_rtt_retransmitted_behind_the_front_is_not_measured),
        cmocka_unit_test(test_rtt_fast_retransmitted_is_not_measured),
        cmocka_unit_test(test_rtt_probed_octet_is_not_measured),
        cmocka_unit_test(test_rtt_timer_starts_with_text),
        cmocka_unit_test(test_rtt_timer_that_runs_is_left_alone),
        cmocka_unit_test(test_rtt_timer_stops_when_all_is_acknowledged),
        cmocka_unit_test(test_rtt_timer_restarts_with_new_ack),
        cmocka_unit_test(test_rtt_timer_retransmits_the_earliest),
        cmocka_unit_test(test_rtt_timer_backs_off),
        cmocka_unit_test(test_rtt_back_off_outlasts_an_ack_without_measurement),
        cmocka_unit_test(test_rtt_back_off_outlasts_a_closed_window),
        cmocka_unit_test(test_rtt_back_off_ends_with_a_measurement),
        cmocka_unit_test(test_rtt_text_after_a_lost_syn_waits_three_seconds),
        cmocka_unit_test(test_rtt_text_after_a_lost_syn_ack_waits_three_seconds),
        cmocka_unit_test(test_rtt_text_queued_before_the_lost_syn_waits_three_seconds),
        cmocka_unit_test(test_rtt_three_seconds_end_with_a_measurement),
        cmocka_unit_test(test_rtt_text_after_a_good_handshake_does_not_wait_three_seconds),
        cmocka_unit_test(test_rtt_longer_initial_timeout_is_not_cut_to_three_seconds),
        cmocka_unit_test(test_rtt_timer_waits_a_timeout_after_fast_retransmit),
        cmocka_unit_test(test_rtt_timer_never_retransmits_early),
        cmocka_unit_test(test_rtt_timestamp_clock_is_proportional_to_time),
        cmocka_unit_test(test_rtt_timestamps_measure_as_the_clock_does),
        cmocka_unit_test(test_rtt_grain_of_timestamps),
        cmocka_unit_test(test_rtt_timestamp_clock_comes_round),
        cmocka_unit_test(test_rtt_timestamps_measure_a_retransmission),
        cmocka_unit_test(test_rtt_timestamps_measure_a_needless_retransmission),
        cmocka_unit_test(test_rtt_echo_without_progress_measures_nothing),
        cmocka_unit_test(test_rtt_many_echoes_count_as_one_round_trip),
        cmocka_unit_test(test_rtt_echoes_are_counted_in_pairs),
        cmocka_unit_test(test_rtt_echo_from_the_future_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
