/* The tail loss probe of RFC 8985, section 7: when it goes, what it is, and what its answer means. What the same RFC
 * finds lost is in test_rack.c. A connection has measured R and may have ten segments in flight; its retransmission
 * timeout is a second where nothing else is said. */
#include "recovering.h"

#define PTO  (2 * R)
#define NEAR ((tfsm_time)100)

/* No probe waits, but the retransmission timer. */
#define expect_no_probe(f) want_no_probe(HERE(f))
static void want_no_probe(const struct fixture *f)
{
    if (tfsm_deadline(&f->tcb) <= f->now + PTO + MAX_ACK_DELAY) {
        complain(f, "deadline from here", tfsm_deadline(&f->tcb) - f->now, f->tcb.rto);
    }
}

/* The timer went off that retransmits. */
#define expect_timed_out(f, at) (expect_sent(f, at, 1000), want_timed_out(HERE(f)))
static void want_timed_out(const struct fixture *f)
{
    if ((f->tcb.flags & TFSM_M_LOSS) == 0 || f->tcb.cwnd != MSS) {
        complain(f, "window after a timeout", f->tcb.cwnd, MSS);
    }
}

/* So many segments out and the last of them once more. */
static struct fixture *probed(void **state, uint32_t n)
{
    struct fixture *f = timed(state);
    burst(f, n);
    expire(f);
    expect_sent(f, 1000 * (n - 1), 1000);
    expect_nothing(f);
    return f;
}

/* The timers that go off until something is sent, which is the answer. */
static struct tfsm_segment expire_until_sent(struct fixture *f)
{
    struct tfsm_segment s = {0};
    for (int i = 0; i < 3; i++) {
        expire(f);
        if (take(f, &s)) {
            return s;
        }
    }
    fail();
    return s;
}

static void expect_windows(const struct fixture *f, uint32_t cwnd, uint32_t ssthresh)
{
    assert_int_equal(f->tcb.cwnd, cwnd);
    assert_int_equal(f->tcb.ssthresh, ssthresh);
}

/* ---- when ---- */

/* RFC8985:7.2c, RFC8985:7.2a, RFC8985:5.4a */
static void test_tlp_after_twice_srtt(void **state)
{
    struct fixture *f = timed(state);
    expect_deadline(f, TFSM_NEVER);
    burst(f, 2);
    expect_deadline(f, zero + PTO);
    at(f, R / 2);
    acked(f, 2000);
    expect_deadline(f, TFSM_NEVER);
    assert_int_equal(f->tcb.srtt, 75 * MS);
    burst(f, 2);
    expect_deadline(f, f->now + 150 * MS);
}

/* RFC8985:7.2e: a segment alone may be one whose ACK is delayed. */
static void test_tlp_one_segment_may_be_acknowledged_late(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 1);
    expect_deadline(f, zero + PTO + MAX_ACK_DELAY);
    burst(f, 1);
    expect_deadline(f, zero + PTO);
    at(f, R);
    acked(f, 1000);
    expect_deadline(f, zero + R + PTO + MAX_ACK_DELAY);
}

/* RFC8985:7.2a: new text starts it anew, */
static void test_tlp_new_text_starts_it_anew(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 2);
    at(f, 50 * MS);
    burst(f, 1);
    expect_deadline(f, zero + 50 * MS + PTO);
}

/* RFC8985:7.2a: and an ACK of something new, */
static void test_tlp_progress_starts_it_anew(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 4);
    at(f, R);
    acked(f, 1000);
    expect_deadline(f, zero + R + PTO);
    in_a(f, 10 * MS);
    acked(f, 1100);
    expect_deadline(f, zero + R + 10 * MS + PTO);
}

/* RFC8985:7.2a: and no other. */
static void test_tlp_nothing_else_starts_it_anew(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 3);
    at(f, R);
    acked(f, 0);
    expect_deadline(f, zero + PTO);
    acked_with_text(f, 0);
    expect_ack(f);
    expect_deadline(f, zero + PTO);
    f->peer.wnd -= 1000;
    acked(f, 0);
    expect_deadline(f, zero + PTO);
}

/* RFC8985:7.2f: never later than the timeout would be; it goes instead of that. */
static void test_tlp_no_later_than_the_timeout(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.rto_min = 200 * MS;
    reach_timed(f);
    assert_true(f->tcb.rto == 240 * MS);
    burst(f, 1);
    expect_deadline(f, zero + 240 * MS);
    expire(f);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    assert_int_equal(f->tcb.flags & TFSM_M_LOSS, 0);
    assert_int_equal(f->tcb.cwnd, 10000);
    expect_deadline(f, f->now + 240 * MS);
}

/* RFC8985:7.2f: which new text does not put off (RFC6298:5.1), */
static void test_tlp_the_timeout_is_not_put_off(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.rto_min = 200 * MS;
    reach_timed(f);
    burst(f, 2);
    expect_deadline(f, zero + PTO);
    at(f, 150 * MS);
    burst(f, 1);
    expect_deadline(f, zero + 240 * MS);
    expire(f);
    expect_sent(f, 2000, 1000);
}

/* RFC8985:7.2f: and progress does (RFC6298:5.3). */
static void test_tlp_the_timeout_is_put_off_by_progress(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.rto_min = 200 * MS;
    reach_timed(f);
    burst(f, 2);
    at(f, R);
    acked(f, 1000);
    assert_true(f->tcb.rto < 240 * MS);
    expect_deadline(f, zero + R + f->tcb.rto);
    expire(f);
    expect_sent(f, 1000, 1000);
}

/* The SYN went twice: no round trip is known. */
static struct fixture *unmeasured(void **state)
{
    struct fixture *f = offering(state);
    struct tfsm_segment s;
    reach_syn_sent(f);
    expire(f);
    assert_int_equal(drain(f, &s, 1), 1);
    f->now += R;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_ack(f);
    zero = f->now;
    assert_int_equal(f->tcb.srtt, 0);
    assert_true(f->tcb.rto == 3 * SECOND);
    return f;
}

/* RFC8985:7.3a, RFC8985:7.3b, RFC8985:7.3c: where no round trip was measured no probe goes, but the retransmission timer
 * off, which nothing puts off. */
static void test_tlp_without_a_round_trip(void **state)
{
    struct fixture *f = unmeasured(state);
    burst(f, 1);
    expect_deadline(f, zero + 3 * SECOND);
    in_a(f, SECOND);
    burst(f, 1);
    expect_deadline(f, zero + 3 * SECOND);
    expire(f);
    expect_timed_out(f, 0);
}

/* ---- when not ---- */

/* RFC8985:4e, RFC8985:4a: not without RACK, nor without SACK. */
static void test_tlp_not_without_rack(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct fixture *f = offering(state);
        if (i == 0) {
            f->cfg.profile &= ~(uint32_t)TFSM_RACK;
        } else if (i == 1) {
            f->cfg.profile &= ~(uint32_t)TFSM_SACK;
        } else {
            f->peer.options = TFSM_OPT_MSS;
        }
        reach_timed(f);
        burst(f, 2);
        expect_deadline(f, zero + RTO);
        at(f, R);
        acked(f, 1000);
        expect_deadline(f, zero + R + RTO);
        expire(f);
        expect_timed_out(f, 1000);
    }
}

/* RFC8985:7.2b: not in fast recovery, be there new text or progress; again behind it. */
static void test_tlp_not_in_fast_recovery(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {1000, 5000}, {6000, 10000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 5000, 1000);
    expect_nothing(f);
    expect_no_probe(f);
    burst(f, 2);
    expect_no_probe(f);
    in_a(f, R);
    sacked(f, 5000, {6000, 10000});
    expect_recovery(f);
    expect_no_probe(f);
    acked(f, 10000);
    expect_no_recovery(f);
    expect_deadline(f, f->now + PTO);
}

/* RFC8985:7.2b: nor where nothing is told by SACK any more, and text of that recovery is out. */
static void test_tlp_not_in_fast_recovery_without_sack(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {1000, 4000});
    expect_sent(f, 0, 1000);
    in_a(f, MS);
    acked(f, 4000);
    expect_recovery(f);
    assert_int_equal(f->tcb.snd_held, 0);
    expect_no_probe(f);
    expire(f);
    expect_timed_out(f, 4000);
}

/* A path of a tenth of a millisecond, and clocks of timestamps that tick once in one. */
static struct fixture *near(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.profile |= TFSM_TIMESTAMPS;
    f->cfg.rto_min = SECOND / 5;
    f->peer.options |= TFSM_OPT_TIMESTAMPS;
    f->peer.ts_val = 70000;
    open_active(f);
    struct tfsm_segment s;
    assert_true(take(f, &s));
    f->now += NEAR;
    f->peer.ts_ecr = s.ts_val;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    assert_int_equal(drain(f, &s, 1), 1);
    assert_int_equal(f->tcb.srtt, 0);
    return f;
}

/* RFC8985:4d, RFC8985:7.2c: SRTT is nothing there, and a probe waits for two round trips all the same. */
static void test_tlp_nearer_than_a_tick(void **state)
{
    struct fixture *f = near(state);
    struct tfsm_segment s;
    user_send(f, 2 * MSS);
    (void)drain(f, &s, 1);
    assert_int_equal(f->tcb.min_rtt, NEAR);
    expect_deadline(f, f->now + 2 * NEAR);
}

/* RFC8985:6.2j: and the reordering window, which has grown, is of that round trip. */
static void test_tlp_reordering_nearer_than_a_tick(void **state)
{
    struct fixture *f = near(state);
    struct tfsm_segment s;
    user_send(f, 2 * f->tcb.snd_mss);
    assert_true(take(f, &s));
    uint32_t first = s.seq;
    assert_true(take(f, &s));
    f->now += NEAR;
    f->tcb.reo_mult = 3;
    f->tcb.reo_persist = 16;
    f->tcb.loss |= TFSM_L_REORDERED;
    struct tfsm_segment ack = an_ack(f, 0, (const struct block[]){{0, 0}}, 0);
    ack.options |= TFSM_OPT_TIMESTAMPS | TFSM_OPT_SACK;
    ack.ts_val = f->peer.ts_val;
    ack.ts_ecr = s.ts_val;
    ack.sacks = 1;
    ack.sack[0] = (struct tfsm_range){s.seq, seq_add(s.seq, s.len)};
    assert_true(seq_lt(first, s.seq));
    arrive_segment(f, &ack);
    assert_in_range(tfsm_deadline(&f->tcb), f->now + NEAR, f->now + 2 * NEAR);
}

/* RFC7661:4.4.1c: the cut for what a probe has made good is whole: no recovery follows at whose end more would go. */
static void test_tlp_cut_of_an_unused_window_is_whole(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.profile |= TFSM_CWV;
    reach_timed(f);
    struct tfsm_segment s;
    for (uint32_t n = 1; n <= 40; n++) { /* more than the window lets out by itself */
        user_send(f, 10 * MSS);
        (void)drain(f, &s, 1);
        f->now += R;
        acked(f, 10000 * n);
        (void)drain(f, &s, 1);
    }
    uint32_t b = una(f);
    f->now += 40 * R; /* of which little was used lately */
    for (uint32_t n = 0; n < 40; n++) {
        burst(f, 1);
        f->now += R;
        acked(f, b += 1000);
    }
    burst(f, 2);
    f->now += R;
    acked(f, b + 1000);
    expire(f);
    expect_sent(f, b + 1000, 1000);
    burst(f, 1);
    in_a(f, R);
    acked(f, b + 3000);
    assert_true(f->tcb.ssthresh < WIDE);
    assert_int_equal(f->tcb.loss & TFSM_L_UNVALIDATED, 0);
}

/* RFC8985:7.2b: nor in the recovery after a timeout. */
static void test_tlp_not_after_a_timeout(void **state)
{
    struct fixture *f = probed(state, 4);
    expire(f);
    expect_timed_out(f, 0);
    expect_no_probe(f);
    in_a(f, R);
    acked(f, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 1000);
    expect_no_probe(f);
    in_a(f, R);
    acked(f, 3000);
    expect_sent(f, 3000, 1000);
    expect_no_probe(f);
    in_a(f, R);
    acked(f, 4000);
    expect_deadline(f, TFSM_NEVER);
    burst(f, 2);
    expect_no_probe(f); /* nothing was measured since the last */
    in_a(f, R);
    acked(f, 6000);
    burst(f, 2);
    expect_deadline(f, f->now + PTO);
}

/* RFC8985:7.2b, RFC8985:8a: nor while SACK has told of something: the reordering timer runs, whatever is acknowledged or
 * sent meanwhile. */
static void test_tlp_not_with_sack(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 5);
    at(f, R);
    sacked(f, 0, {4000, 5000});
    expect_due(f, zero + R + QUARTER);
    at(f, R + MS);
    burst(f, 1);
    expect_due(f, zero + R + QUARTER);
    at(f, R + 2 * MS);
    sacked(f, 1000, {4000, 5000});
    expect_due(f, zero + R + 2 * MS + QUARTER); /* the round trip is longer */
    expire(f);
    expect_recovery(f);
    expect_sent(f, 1000, 1000);
}

/* RFC8985:8a: nor with a closed window: the peer's window is asked for, at the time of that. */
static void test_tlp_not_with_a_closed_window(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 2);
    at(f, R);
    f->peer.wnd = 0;
    acked(f, 2000);
    user_send(f, 2000);
    expect_nothing(f);
    expect_no_probe(f);
    expire(f);
    expect_sent(f, 2000, 1);
    expect_nothing(f);
    in_a(f, R);
    acked(f, 2000);
    expect_no_probe(f);
    f->peer.wnd = WIDE;
    acked(f, 2000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 2);
    in_a(f, R);
    acked(f, 4000);
    burst(f, 2);
    expect_deadline(f, f->now + PTO);
}

/* ---- what ---- */

/* RFC8985:7.3e, RFC8985:7.3f, RFC8985:7.3h: the last that was sent, and the retransmission timer, whole. */
static void test_tlp_sends_the_last_segment_again(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 3);
    expire(f);
    assert_true(f->now == zero + PTO);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    assert_int_equal(in_flight(f), 3000);
    expect_windows(f, 10000, f->before.ssthresh);
    expect_deadline(f, f->now + RTO);
}

/* RFC8985:7.3e: what goes ends where all that was sent ends, whatever the segments were, and holds the last of them. */
static void test_tlp_sends_what_was_sent_last(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 2500);
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 500);
    expire(f);
    struct tfsm_segment s;
    assert_true(take(f, &s));
    assert_int_equal(seq_add(s.seq, s.len), f->tcb.snd_nxt);
    assert_in_range(s.len, 500, 1000);
    expect_nothing(f);
}

/* RFC8985:7.3d, RFC8985:9.3d, RFC8985:7.3h: new text where there is any, one segment, whatever the congestion window
 * says. */
static void test_tlp_sends_new_text(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 13000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 10);
    expire(f);
    assert_true(f->now == zero + PTO);
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
    expect_deadline(f, f->now + RTO);
    expect_windows(f, 10000, f->before.ssthresh);
}

/* RFC8985:7.3d, RFC8985:9.3e: it is outstanding as all else is, and the next ACK lets out so much less. */
static void test_tlp_new_text_counts(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 20000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 10);
    expire(f);
    expect_sent(f, 10000, 1000);
    assert_int_equal(in_flight(f), 11000);
    in_a(f, 10 * MS);
    acked(f, 1000);
    assert_int_equal(f->tcb.cwnd, 11000);
    expect_sent(f, 11000, 1000);
    expect_nothing(f);
}

/* RFC8985:9.3e: in a recovery an old segment that goes once more is on its way twice, until it is heard of. */
static void test_tlp_an_old_segment_counts_twice_in_recovery(void **state)
{
    struct fixture *f = probed(state, 10);
    in_a(f, MS);
    sacked(f, 0, {1000, 4000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    user_send(f, 5000);
    sacked(f, 0, {1000, 7000}); /* three, two of the probe's, and the first: the window is five */
    expect_nothing(f);
    sacked(f, 0, {1000, 8000});
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
    sacked(f, 0, {1000, 8000}, {9000, 10000});
    expect_sent(f, 11000, 1000);
    expect_sent(f, 12000, 1000);
    expect_nothing(f);
}

/* RFC8985:7.3d: text that waits for company is new text. */
static void test_tlp_new_text_may_be_small(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.profile &= ~(uint32_t)TFSM_NODELAY;
    reach_timed(f);
    user_send(f, 1100);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    expire(f);
    expect_sent(f, 1000, 100);
    expect_nothing(f);
}

/* RFC8985:7.3e: where the peer's window is full the last that was sent goes. */
static void test_tlp_new_text_keeps_to_the_window(void **state)
{
    struct fixture *f = offering(state);
    f->peer.wnd = 5000;
    reach_timed(f);
    user_send(f, 8000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 5);
    expect_deadline(f, zero + PTO);
    expire(f);
    expect_sent(f, 4000, 1000);
    expect_nothing(f);
}

/* RFC8985:7.3e: of the last segment, of which the window reaches a few octets, those; where options leave it less room than
 * it had, too. */
static void test_tlp_sends_what_the_window_reaches(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 2);
    f->peer.wnd = MSS + 10;
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 10); /* out of order: SACK takes 12 octets */
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    expire(f);
    expect_sent(f, MSS, 10);
    expect_nothing(f);
}

/* RFC8985:7.3e, RFC8985:7.2a: or all of it: what ends at SND.NXT goes, a FIN. */
static void test_tlp_the_last_segment_is_a_fin(void **state)
{
    for (int close_wait = 0; close_wait < 2; close_wait++) {
        struct fixture *f = timed(state);
        if (close_wait != 0) {
            arrive(f, .flags = TFSM_FIN | TFSM_ACK);
            expect_ack(f);
        }
        burst(f, 2);
        at(f, MS);
        user_close(f);
        struct tfsm_segment s;
        assert_true(take(f, &s));
        assert_int_equal(s.len, 1);
        expect_deadline(f, zero + MS + PTO);
        expire(f);
        assert_true(take(f, &s));
        assert_int_equal(s.flags & TFSM_FIN, TFSM_FIN);
        assert_int_equal(seq_add(s.seq, s.len), f->tcb.snd_nxt);
        expect_nothing(f);
        expect_deadline(f, f->now + RTO);
    }
}

/* RFC8985:7.3d: new text may bear it. */
static void test_tlp_new_text_bears_a_fin(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 11000);
    user_close(f);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 10);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 10001, .ack = 1, .len = 1001);
    expect_nothing(f);
}

/* RFC8985:7.3e: text that goes again is no text that may be marked (RFC3168:6.1.5a); new text is. */
static void test_tlp_ecn(void **state)
{
    for (uint32_t more = 0; more < 2; more++) {
        struct fixture *f = offering(state);
        f->cfg.profile |= TFSM_ECN;
        reach_syn_sent(f);
        f->now += R;
        arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_ECE, .ack = 1);
        struct tfsm_segment s;
        assert_int_equal(drain(f, &s, 1), 1);
        user_send(f, 10000 + 1000 * more);
        assert_int_equal(drain(f, &s, 1), 10);
        assert_int_equal(s.ecn, TFSM_ECT_0);
        expire(f);
        assert_true(take(f, &s));
        assert_int_equal(s.ecn, more != 0 ? TFSM_ECT_0 : TFSM_NOT_ECT);
    }
}

/* ---- one ---- */

/* RFC8985:7.3a, RFC8985:7.3b, RFC8985:7.3h: none while another is not accounted for, whatever was sent since. */
static void test_tlp_one_at_a_time(void **state)
{
    struct fixture *f = probed(state, 3);
    tfsm_time then = f->now;
    in_a(f, R / 2);
    burst(f, 1);
    struct tfsm_segment s = expire_until_sent(f);
    assert_int_equal(seq_distance(f->iss, s.seq), 1);
    want_timed_out(HERE(f));
    assert_true(f->now >= then + RTO);
}

/* RFC8985:7.3a, RFC8985:7.3b, RFC8985:7.3g: nor by an ACK of less, if the probe was new text. */
static void test_tlp_one_at_a_time_of_new_text(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 11000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 10);
    expire(f);
    expect_sent(f, 10000, 1000);
    in_a(f, R);
    acked(f, 9000);
    s = expire_until_sent(f);
    assert_int_equal(seq_distance(f->iss, s.seq), 9001);
    want_timed_out(HERE(f));
}

/* RFC8985:7.3g: an ACK of all but the probe does not answer it; one of it does. */
static void test_tlp_answer_to_new_text(void **state)
{
    for (uint32_t ack = 10000; ack <= 11000; ack += 1000) {
        struct fixture *f = timed(state);
        user_send(f, 11000);
        struct tfsm_segment s;
        assert_int_equal(drain(f, &s, 1), 10);
        expire(f);
        expect_sent(f, 10000, 1000);
        in_a(f, R);
        acked(f, ack);
        assert_int_equal((f->tcb.loss & TFSM_L_PROBE) != 0, ack == 10000);
    }
}

/* RFC8985:7.4.2a, RFC8985:7.3a: once that is acknowledged another may go, a round trip having been measured. */
static void test_tlp_another_after_new_text(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 12000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 10);
    at(f, R);
    acked(f, 1000);
    (void)drain(f, &s, 1); /* the rest */
    user_send(f, 10000);
    assert_int_equal(drain(f, &s, 1), 0);
    expire(f);
    expect_sent(f, 12000, 1000);
    expect_nothing(f);
    in_a(f, R);
    acked(f, 13000);
    assert_true(f->tcb.ssthresh > WIDE);
    assert_int_equal(drain(f, &s, 1), 9);
    expect_deadline(f, f->now + 2 * f->tcb.srtt);
    expire(f);
    expect_sent(f, 21000, 1000);
}

/* RFC8985:7.3a, RFC8985:7.3b: nor without a round trip since the last: the ACK of text that went twice measures none. */
static void test_tlp_needs_a_round_trip(void **state)
{
    for (int measured = 0; measured < 2; measured++) {
        struct fixture *f = probed(state, 1);
        uint32_t b = 1000;
        in_a(f, R / 2);
        acked(f, b);
        acked(f, b); /* and the probe's */
        assert_int_equal(f->tcb.srtt, R);
        if (measured != 0) {
            burst(f, 1);
            in_a(f, R);
            b += 1000;
            acked(f, b);
        }
        burst(f, 1);
        struct tfsm_segment s = expire_until_sent(f);
        assert_int_equal(seq_distance(f->iss, s.seq), 1 + b);
        assert_int_equal(f->tcb.flags & TFSM_M_LOSS, measured != 0 ? 0 : TFSM_M_LOSS);
    }
}

/* RFC8985:7.3h: what follows is the retransmission timer, and its first timeout: a probe is no try, and backs nothing
 * off. */
static void test_tlp_then_the_timeout(void **state)
{
    struct fixture *f = probed(state, 3);
    tfsm_time rto = RTO;
    for (unsigned i = 0; i < RETRIES; i++) {
        expect_deadline(f, f->now + rto);
        expire(f);
        expect_timed_out(f, 0);
        expect_nothing(f);
        rto *= 2;
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* RFC8985:5.4a, RFC8985:8a: a path of no length takes no endless number of timers. */
static void test_tlp_no_round_trip_at_all(void **state)
{
    struct fixture *f = offering(state);
    struct tfsm_segment s;
    reach_established(f);
    burst(f, 3);
    for (unsigned i = 0; i < 2 + RETRIES; i++) {
        expire(f);
        (void)drain(f, &s, 1);
    }
    expect_state(f, TFSM_CLOSED);
}

/* ---- what its answer means ---- */

/* RFC8985:7.4.1, RFC8985:7.1, RFC8985:7.3f: the example of section 3.4: of four segments three are lost, and one of them
 * twice. */
static void test_tlp_the_example(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 4);
    at(f, R);
    acked(f, 1000);
    expect_deadline(f, zero + R + PTO);
    expire(f);
    expect_sent(f, 3000, 1000);
    expect_nothing(f);
    in_a(f, R);
    sacked(f, 1000, {3000, 4000});
    expect_recovery(f);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    in_a(f, R);
    sacked(f, 1000, {2000, 4000});
    expect_sent(f, 1000, 1000);
    expect_nothing(f);
    in_a(f, R);
    acked(f, 4000);
    expect_no_recovery(f);
    expect_deadline(f, TFSM_NEVER);
    uint32_t ssthresh = f->tcb.ssthresh;
    burst(f, 2);
    in_a(f, R);
    acked(f, 6000);
    assert_int_equal(f->tcb.ssthresh, ssthresh);
}

/* RFC8985:7.4.1: new text shows losses as well. */
static void test_tlp_new_text_shows_losses(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 11000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 10);
    expire(f);
    expect_sent(f, 10000, 1000);
    in_a(f, R);
    sacked(f, 0, {10000, 11000});
    expect_recovery(f);
    for (uint32_t i = 0; i < 5; i++) { /* half of eleven */
        expect_sent(f, 1000 * i, 1000);
    }
    expect_nothing(f);
    expect_lost(f, 5000);
}

/* Eight segments more, and the first of them is acknowledged: the ACK beyond the probe. */
static void go_beyond(struct fixture *f)
{
    uint32_t b = una(f);
    burst(f, 8);
    in_a(f, R);
    acked(f, b + 1000);
}

/* What becomes of the windows by it: nothing but growth, or what a fast recovery makes of eight segments in flight, or
 * of the seven that are left. */
#define expect_no_cut(f) (go_beyond(HERE(f)), want_no_cut(f))
static void want_no_cut(const struct fixture *f)
{
    if (f->tcb.ssthresh < WIDE || f->tcb.cwnd <= f->before.cwnd) {
        complain(f, "ssthresh", f->tcb.ssthresh, WIDE);
    }
}

#define expect_cut(f) (go_beyond(HERE(f)), want_cut(f))
static void want_cut(struct fixture *f)
{
    if (f->tcb.ssthresh < 3500 || f->tcb.ssthresh > 4000 || f->tcb.cwnd != f->tcb.ssthresh) {
        complain(f, "ssthresh", f->tcb.ssthresh, 4000);
    }
    expect_no_recovery(f);
    expect_nothing(f);
    expect_lost(f, 0);
}

/* RFC8985:7.4.2b: what came twice was not lost. */
static void test_tlp_dsack_of_the_probe(void **state)
{
    struct fixture *f = probed(state, 3);
    in_a(f, R);
    sacked(f, 3000, {2000, 3000});
    expect_no_cut(f);
}

/* RFC8985:7.4.2b: that may come after the first ACK, */
static void test_tlp_dsack_of_the_probe_later(void **state)
{
    struct fixture *f = probed(state, 3);
    in_a(f, MS);
    acked(f, 3000);
    in_a(f, R);
    sacked(f, 3000, {2000, 3000});
    expect_no_cut(f);
}

/* RFC8985:7.4.2b: or with one beyond. */
static void test_tlp_dsack_of_the_probe_beyond(void **state)
{
    struct fixture *f = probed(state, 3);
    burst(f, 1);
    in_a(f, R);
    sacked(f, 4000, {2000, 3000});
    want_no_cut(f);
    expect_no_cut(f);
}

/* RFC8985:7.4.2c: a peer that cannot say so sends a duplicate; whether anything is outstanding by then or not. */
static void test_tlp_duplicate_of_the_probe(void **state)
{
    for (int busy = 0; busy < 2; busy++) {
        struct fixture *f = probed(state, 3);
        in_a(f, MS);
        acked(f, 3000);
        if (busy != 0) {
            burst(f, 1);
        }
        in_a(f, R);
        acked(f, 3000);
        if (busy != 0) {
            acked(f, 4000);
        }
        expect_no_cut(f);
    }
}

/* RFC8985:7.4.2d, RFC8985:7.4.2e, RFC8985:7.4.2f: one ACK for both: text or probe was lost, or an ACK; the window is cut
 * as by a fast recovery, and nothing else. */
static void test_tlp_one_ack_for_both(void **state)
{
    struct fixture *f = probed(state, 3);
    in_a(f, R);
    acked(f, 3000);
    assert_true(f->tcb.ssthresh > WIDE);
    expect_cut(f);
}

/* RFC8985:7.4.2e, RFC8985:7.4.2f: it may be the ACK beyond itself. */
static void test_tlp_no_ack_but_one_beyond(void **state)
{
    struct fixture *f = probed(state, 3);
    burst(f, 6); /* and the probe makes ten */
    in_a(f, R);
    acked(f, 4000);
    assert_in_range(f->tcb.ssthresh, 2500, 5000);
    assert_int_equal(f->tcb.cwnd, f->tcb.ssthresh);
    expect_no_recovery(f);
    expect_nothing(f);
}

/* RFC8985:7.4.2e, RFC8985:7.4.2f: once, for with it the record has ended. */
static void test_tlp_one_cut(void **state)
{
    struct fixture *f = probed(state, 3);
    in_a(f, R);
    acked(f, 3000);
    expect_cut(f);
    uint32_t ssthresh = f->tcb.ssthresh;
    in_a(f, MS);
    acked(f, 8000);
    in_a(f, MS);
    acked(f, 11000);
    assert_int_equal(f->tcb.ssthresh, ssthresh);
    assert_true(f->tcb.cwnd >= ssthresh);
}

/* RFC8985:7.4.2d: a D-SACK of something else is no sign, */
static void test_tlp_dsack_of_another(void **state)
{
    struct fixture *f = probed(state, 3);
    in_a(f, R);
    sacked(f, 3000, {0, 1000});
    expect_cut(f);
}

/* RFC8985:7.4.2d: nor is an ACK that bears text, */
static void test_tlp_an_ack_with_text_is_no_duplicate(void **state)
{
    struct fixture *f = probed(state, 3);
    in_a(f, R);
    acked(f, 3000);
    acked_with_text(f, 3000);
    expect_ack(f);
    expect_cut(f);
}

/* RFC8985:7.4.2d: or one below the end of the probe, however often it comes. */
static void test_tlp_an_ack_below_the_probe(void **state)
{
    struct fixture *f = probed(state, 3);
    in_a(f, R / 2);
    acked(f, 2000);
    acked(f, 2000);
    acked(f, 2000);
    in_a(f, R / 2);
    acked(f, 3000);
    expect_cut(f);
}

/* RFC8985:7.4.2a: new text that came is no sign of a loss. */
static void test_tlp_new_text_that_came(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 11000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 10);
    expire(f);
    expect_sent(f, 10000, 1000);
    in_a(f, R);
    acked(f, 11000);
    want_no_cut(f);
    expect_no_cut(f);
}

/* RFC8985:7.1: a timeout forgets the probe, and what it would have meant. */
static void test_tlp_a_timeout_forgets_the_probe(void **state)
{
    struct fixture *f = probed(state, 10);
    expire(f);
    expect_timed_out(f, 0);
    assert_int_equal(f->tcb.ssthresh, 5000);
    in_a(f, R);
    acked(f, 10000);
    expect_nothing(f);
    burst(f, 1);
    in_a(f, R);
    acked(f, 11000);
    assert_int_equal(f->tcb.ssthresh, 5000);
}

/* RFC8985:7.1: and so does a recovery: what the probe showed is answered once. */
static void test_tlp_a_recovery_forgets_the_probe(void **state)
{
    struct fixture *f = probed(state, 10);
    in_a(f, R);
    sacked(f, 0, {1000, 10000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    assert_int_equal(f->tcb.ssthresh, 5000);
    in_a(f, R);
    acked(f, 10000);
    expect_no_recovery(f);
    burst(f, 2);
    in_a(f, R);
    acked(f, 11000);
    assert_int_equal(f->tcb.ssthresh, 5000);
}

/* RFC8985:7.4.2f: as by any cut, the peer is told (RFC3168:6.1.2). */
static void test_tlp_a_cut_is_told(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.profile |= TFSM_ECN;
    reach_syn_sent(f);
    f->now += R;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_ECE, .ack = 1);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 1);
    burst(f, 3);
    expire(f);
    expect_sent(f, 2000, 1000);
    in_a(f, R);
    acked(f, 3000);
    expect_cut(f);
    acked(f, 11000);
    user_send(f, 2000);
    assert_true(take(f, &s));
    assert_int_equal(s.flags & TFSM_CWR, TFSM_CWR);
    assert_true(take(f, &s));
    assert_int_equal(s.flags & TFSM_CWR, 0);
}

/* RFC8985:7.2c, RFC8985:7.2e: two small segments are two. */
static void test_tlp_two_small_segments_are_two(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 100);
    expect_sent(f, 0, 100);
    user_send(f, 100);
    expect_sent(f, 100, 100);
    expect_deadline(f, zero + PTO);
}

/* RFC8985:7.3e: as it was, be it small. */
static void test_tlp_the_last_segment_is_small(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 2500);
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 500);
    expire(f);
    expect_sent(f, 2000, 500);
    expect_nothing(f);
}

/* RFC8985:7.3e: one that is small among small ones. */
static void test_tlp_one_of_small_segments(void **state)
{
    struct fixture *f = timed(state);
    for (uint32_t i = 0; i < 5; i++) {
        user_send(f, 100);
        expect_sent(f, 100 * i, 100);
    }
    expire(f);
    expect_sent(f, 400, 100);
    expect_nothing(f);
}

/* RFC8985:9.3e: an old segment that goes once more is on its way twice. */
static void test_tlp_an_old_segment_counts_twice(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    expire(f);
    expect_sent(f, 9000, 1000);
    user_send(f, 5000);
    expect_nothing(f);
    in_a(f, 10 * MS);
    acked(f,
          1000); /* the window is eleven segments, and ten are on their way: nine and the probe */
    expect_sent(f, 10000, 1000);
    expect_nothing(f);
}

/* RFC8985:7.3e: a FIN is part of the last segment. */
static void test_tlp_the_last_segment_bears_a_fin(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 2000);
    user_close(f);
    expect_sent(f, 0, 1000);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1001, .ack = 1, .len = 1001);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1001, .ack = 1, .len = 1001);
    expect_nothing(f);
}

/* RFC8985:7.4.2d: or tells a new window, */
static void test_tlp_an_ack_with_a_window_is_no_duplicate(void **state)
{
    struct fixture *f = probed(state, 3);
    in_a(f, R);
    acked(f, 3000);
    f->peer.wnd -= 1000;
    acked(f, 3000);
    expect_cut(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tlp_after_twice_srtt),
        cmocka_unit_test(test_tlp_one_segment_may_be_acknowledged_late),
        cmocka_unit_test(test_tlp_new_text_starts_it_anew),
        cmocka_unit_test(test_tlp_progress_starts_it_anew),
        cmocka_unit_test(test_tlp_nothing_else_starts_it_anew),
        cmocka_unit_test(test_tlp_no_later_than_the_timeout),
        cmocka_unit_test(test_tlp_the_timeout_is_not_put_off),
        cmocka_unit_test(test_tlp_the_timeout_is_put_off_by_progress),
        cmocka_unit_test(test_tlp_without_a_round_trip),
        cmocka_unit_test(test_tlp_not_without_rack),
        cmocka_unit_test(test_tlp_not_in_fast_recovery),
        cmocka_unit_test(test_tlp_not_in_fast_recovery_without_sack),
        cmocka_unit_test(test_tlp_answer_to_new_text),
        cmocka_unit_test(test_tlp_not_after_a_timeout),
        cmocka_unit_test(test_tlp_cut_of_an_unused_window_is_whole),
        cmocka_unit_test(test_tlp_reordering_nearer_than_a_tick),
        cmocka_unit_test(test_tlp_nearer_than_a_tick),
        cmocka_unit_test(test_tlp_not_with_sack),
        cmocka_unit_test(test_tlp_not_with_a_closed_window),
        cmocka_unit_test(test_tlp_sends_the_last_segment_again),
        cmocka_unit_test(test_tlp_sends_what_was_sent_last),
        cmocka_unit_test(test_tlp_sends_new_text),
        cmocka_unit_test(test_tlp_new_text_counts),
        cmocka_unit_test(test_tlp_an_old_segment_counts_twice_in_recovery),
        cmocka_unit_test(test_tlp_new_text_may_be_small),
        cmocka_unit_test(test_tlp_new_text_keeps_to_the_window),
        cmocka_unit_test(test_tlp_sends_what_the_window_reaches),
        cmocka_unit_test(test_tlp_the_last_segment_is_a_fin),
        cmocka_unit_test(test_tlp_new_text_bears_a_fin),
        cmocka_unit_test(test_tlp_ecn),
        cmocka_unit_test(test_tlp_one_at_a_time),
        cmocka_unit_test(test_tlp_one_at_a_time_of_new_text),
        cmocka_unit_test(test_tlp_another_after_new_text),
        cmocka_unit_test(test_tlp_needs_a_round_trip),
        cmocka_unit_test(test_tlp_then_the_timeout),
        cmocka_unit_test(test_tlp_no_round_trip_at_all),
        cmocka_unit_test(test_tlp_the_example),
        cmocka_unit_test(test_tlp_new_text_shows_losses),
        cmocka_unit_test(test_tlp_dsack_of_the_probe),
        cmocka_unit_test(test_tlp_dsack_of_the_probe_later),
        cmocka_unit_test(test_tlp_dsack_of_the_probe_beyond),
        cmocka_unit_test(test_tlp_duplicate_of_the_probe),
        cmocka_unit_test(test_tlp_one_ack_for_both),
        cmocka_unit_test(test_tlp_no_ack_but_one_beyond),
        cmocka_unit_test(test_tlp_one_cut),
        cmocka_unit_test(test_tlp_dsack_of_another),
        cmocka_unit_test(test_tlp_an_ack_with_text_is_no_duplicate),
        cmocka_unit_test(test_tlp_an_ack_below_the_probe),
        cmocka_unit_test(test_tlp_new_text_that_came),
        cmocka_unit_test(test_tlp_a_timeout_forgets_the_probe),
        cmocka_unit_test(test_tlp_a_recovery_forgets_the_probe),
        cmocka_unit_test(test_tlp_a_cut_is_told),
        cmocka_unit_test(test_tlp_two_small_segments_are_two),
        cmocka_unit_test(test_tlp_the_last_segment_is_small),
        cmocka_unit_test(test_tlp_one_of_small_segments),
        cmocka_unit_test(test_tlp_an_old_segment_counts_twice),
        cmocka_unit_test(test_tlp_the_last_segment_bears_a_fin),
        cmocka_unit_test(test_tlp_an_ack_with_a_window_is_no_duplicate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
