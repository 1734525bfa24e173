/* Delayed acknowledgments: when one may wait, for how long, and what does not let it wait (RFC 9293
 * 3.8.6.3, RFC 5681 4.2). The bare profile of the fixture acknowledges at once; here it waits. */
#include "fixture.h"

#define DELAY (SECOND / 5)
#define HALF  (SECOND / 2)

static struct fixture *with_delay(void **state, tfsm_time delay, enum tfsm_state which)
{
    struct fixture *f = fresh(state);
    f->cfg.ack_delay = delay;
    reach(f, which);
    return f;
}

static struct fixture *established(void **state)
{
    return with_delay(state, DELAY, TFSM_ESTABLISHED);
}

/* So many full-sized segments, all acknowledged; the last waits no more. */
static void take_segments(struct fixture *f, unsigned n)
{
    struct tfsm_segment out;
    for (unsigned i = 0; i < n; i++) {
        arrive(f, .flags = TFSM_ACK, .text = MSS);
        (void)drain(f, &out, 1);
    }
    if (f->tcb.at_ack != 0) {
        expire(f);
        expect_ack(f);
    }
}

/* One segment of text whose acknowledgment waits. */
static struct fixture *waiting(void **state)
{
    struct fixture *f = established(state);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 100);
    expect_nothing(f);
    expect_deadline(f, f->now + DELAY);
    return f;
}

/* ---- it waits ---- */

/* RFC9293:SHLD-18, RFC5681:4.2a */
static void test_ack_delay_text_alone_waits(void **state)
{
    struct fixture *f = waiting(state);
    after(f, DELAY - 1);
    expect_unchanged(f);
    expect_nothing(f);
    after(f, 1);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* The timeout has nothing left to do once the acknowledgment is owed, drawn or not: who waited for its
 * deadline again would wait for ever. */
static void test_ack_delay_timeout_is_over_when_the_ack_is_owed(void **state)
{
    struct fixture *f = waiting(state);
    after(f, DELAY);
    expect_deadline(f, TFSM_NEVER);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC9293:SHLD-18: a full-sized segment is no reason to hurry, if it is the first. */
static void test_ack_delay_full_segment_alone_waits(void **state)
{
    struct fixture *f = established(state);
    arrive(f, .flags = TFSM_ACK, .text = MSS);
    expect_nothing(f);
    expire(f);
    expect_ack(f);
}

/* RFC9293:SHLD-18: in every state that takes text. */
static void test_ack_delay_every_state_that_takes_text(void **state)
{
    static const enum tfsm_state takes[] = {TFSM_ESTABLISHED, TFSM_FIN_WAIT_1, TFSM_FIN_WAIT_2};
    for (size_t i = 0; i < 3; i++) {
        struct fixture *f = with_delay(state, DELAY, takes[i]);
        arrive(f, .flags = TFSM_ACK, .text = 100);
        expect_delivered(f, 100);
        expect_nothing(f);
        expect_deadline(f, f->now + DELAY);
        expire(f);
        expect_ack(f);
        expect_state(f, takes[i]);
    }
}

/* RFC9293:SHLD-18: the ACK of our SYN-ACK may bring text along; the connection is open, and the
 * text waits like any other. */
static void test_ack_delay_text_that_completes_the_handshake_waits(void **state)
{
    struct fixture *f = with_delay(state, DELAY, TFSM_SYN_RECEIVED);
    arrive(f, .flags = TFSM_ACK, .ack = 1, .text = 100);
    expect_signals(f, TFSM_SIG_CONNECTED);
    expect_delivered(f, 100);
    expect_nothing(f);
    expect_deadline(f, f->now + DELAY);
}

/* RFC9293:SHLD-18: 0 is the way not to wait. */
static void test_ack_delay_of_zero_does_not_wait(void **state)
{
    struct fixture *f = with_delay(state, 0, TFSM_ESTABLISHED);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC9293:SHLD-18: what brings nothing has nothing to be acknowledged. */
static void test_ack_delay_nothing_waits_for_an_ack_alone(void **state)
{
    struct fixture *f = established(state);
    arrive(f, .flags = TFSM_ACK);
    expect_nothing(f);
    expect_deadline(f, TFSM_NEVER);
}

/* ---- less than half a second ---- */

/* RFC9293:MUST-40, RFC5681:4.2b: whatever the configuration says. */
static void test_ack_delay_is_less_than_half_a_second(void **state)
{
    static const tfsm_time asked[] = {HALF - 1,       HALF,       HALF + 1,
                                      10 * SECOND,    UINT32_MAX, (tfsm_time)INT64_MAX,
                                      UINT64_MAX - 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct fixture *f = with_delay(state, asked[i], TFSM_ESTABLISHED);
        arrive(f, .flags = TFSM_ACK, .text = 100);
        assert_true(tfsm_deadline(&f->tcb) > f->now);
        assert_true(tfsm_deadline(&f->tcb) < f->now + HALF);
        expire(f);
        expect_ack(f);
    }
}

/* RFC9293:MUST-40: what was asked for, if it is allowed. */
static void test_ack_delay_is_as_configured(void **state)
{
    static const tfsm_time asked[] = {1, 1000, SECOND / 25, SECOND / 4, HALF - 1};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct fixture *f = with_delay(state, asked[i], TFSM_ESTABLISHED);
        arrive(f, .flags = TFSM_ACK, .text = 100);
        expect_deadline(f, f->now + asked[i]);
    }
}

/* RFC9293:MUST-40, RFC5681:4.2b: half a second counts from the first octet that waits: a trickle
 * of octets does not push the acknowledgment away. */
static void test_ack_delay_counts_from_the_first_segment(void **state)
{
    struct fixture *f = waiting(state);
    struct tfsm_segment out;
    tfsm_time first = f->now;
    while (f->now < first + DELAY) {
        f->now += DELAY / 10;
        arrive(f, .flags = TFSM_ACK, .text = 1);
        if (drain(f, &out, 1) > 0) {
            assert_int_equal(out.flags, TFSM_ACK);
            return;
        }
        expect_deadline(f, first + DELAY);
    }
    fail();
}

/* RFC9293:MUST-40: an ACK of the peer, which acknowledges nothing new, does not push it away. */
static void test_ack_delay_is_not_pushed_away_by_an_ack(void **state)
{
    struct fixture *f = waiting(state);
    tfsm_time deadline = f->now + DELAY;
    f->now += DELAY / 2;
    arrive(f, .flags = TFSM_ACK);
    expect_nothing(f);
    expect_deadline(f, deadline);
    expire(f);
    expect_ack(f);
}

/* RFC9293:MUST-40: a SEND that may not go out yet does not push it away. */
static void test_ack_delay_is_not_pushed_away_by_text_that_waits(void **state)
{
    struct fixture *f = established(state);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_nothing(f);
    tfsm_time deadline = f->now + DELAY;
    f->now += DELAY / 2;
    user_send(f, 10);
    expect_nothing(f);
    expect_deadline(f, deadline);
    expire(f);
    expect_ack(f);
}

/* A late TIMEOUT sends one acknowledgment for all of the time lost. */
static void test_ack_delay_late_timeout_sends_one(void **state)
{
    struct fixture *f = waiting(state);
    after(f, 1000 * SECOND);
    expect_ack(f);
    after(f, 0);
    expect_unchanged(f);
    expect_nothing(f);
}

/* ---- every second segment ---- */

/* RFC9293:SHLD-19, RFC5681:4.2c */
static void test_ack_delay_second_full_segment_is_acknowledged(void **state)
{
    struct fixture *f = established(state);
    arrive(f, .flags = TFSM_ACK, .text = MSS);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .text = MSS);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC9293:SHLD-19, RFC5681:4.2c, RFC5681:4.2d: a stream of twenty segments gets ten, no more. */
static void test_ack_delay_stream_gets_every_second(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    size_t acks = 0;
    f->cfg.ack_delay = DELAY;
    f->cfg.rcv_buff = 60000;
    reach_established(f);
    for (unsigned i = 1; i <= 20; i++) {
        arrive(f, .flags = TFSM_ACK, .text = MSS);
        acks += drain(f, &out, 1);
        assert_int_equal(acks, i / 2);
        f->now += SECOND / 1000;
    }
}

/* RFC9293:SHLD-18, RFC9293:3.8.6.2.2: a window that opens does not call for a segment of its own
 * while an ACK waits: a user who reads each segment at once gets as many acknowledgments, not
 * twice as many. */
static void test_ack_delay_stream_that_is_read_gets_every_second(void **state)
{
    struct fixture *f = established(state);
    struct tfsm_segment out;
    size_t acks = 0;
    for (unsigned i = 1; i <= 20; i++) {
        arrive(f, .flags = TFSM_ACK, .text = MSS);
        user_receive(f, MSS);
        acks += drain(f, &out, 1);
        f->now += SECOND / 1000;
    }
    assert_int_equal(acks, 10);
}

/* RFC9293:SHLD-19: twice the MSS, in however many segments. */
static void test_ack_delay_twice_the_mss_in_small_pieces_is_acknowledged(void **state)
{
    static const uint32_t pieces[] = {1, 10, 100, 300, 400, 500, 536, 999};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct fixture *f = established(state);
        struct tfsm_segment out;
        uint32_t got = 0;
        size_t acks = 0;
        while (acks == 0) {
            arrive(f, .flags = TFSM_ACK, .text = pieces[i]);
            got += pieces[i];
            acks = drain(f, &out, 1);
            assert_true(acks == 1 || got < 2 * MSS);
        }
        assert_int_equal(out.ack, f->irs + 1 + got);
        expect_deadline(f, TFSM_NEVER);
    }
}

/* RFC5681:4.2: every second segment counts whatever its size, so that a peer whose segments are
 * smaller than our MSS sees no stretched ACKs. */
static void test_ack_delay_second_small_segment_is_acknowledged(void **state)
{
    struct fixture *f = waiting(state);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC9293:SHLD-19: twice the MSS in one piece, as receive offload hands it up. */
static void test_ack_delay_segments_put_together_are_acknowledged(void **state)
{
    static const uint32_t sizes[] = {2 * MSS, 2 * MSS + 1, 5 * MSS};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fixture *f = established(state);
        arrive(f, .flags = TFSM_ACK, .text = sizes[i]);
        expect_ack(f);
        expect_deadline(f, TFSM_NEVER);
    }
}

/* RFC9293:SHLD-19: after an acknowledgment the count starts anew. */
static void test_ack_delay_count_starts_anew_after_the_timer(void **state)
{
    struct fixture *f = waiting(state);
    expire(f);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = MSS);
    expect_nothing(f);
    expect_deadline(f, f->now + DELAY);
}

/* RFC9293:MUST-58, RFC9293:MUST-59: a batch is acknowledged once, and then nothing waits. */
static void test_ack_delay_batch_is_acknowledged_once(void **state)
{
    struct fixture *f = established(state);
    for (unsigned i = 0; i < 5; i++) {
        arrive(f, .flags = TFSM_ACK, .text = MSS);
    }
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* ---- at once ---- */

/* RFC5681:3.2a: text beyond a gap is answered at once. */
static void test_ack_delay_text_above_a_gap_is_acknowledged(void **state)
{
    struct fixture *f = established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 100);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .seq = 200, .text = 100);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC5681:3.2a: also while another acknowledgment waits, which goes with it. */
static void test_ack_delay_text_above_a_gap_does_not_wait_with_another(void **state)
{
    struct fixture *f = waiting(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 100);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC5681:3.2a: a FIN above a gap shows the gap as well as text does. */
static void test_ack_delay_fin_above_a_gap_is_acknowledged(void **state)
{
    struct fixture *f = established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 100);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC5681:3.2b */
static void test_ack_delay_text_that_fills_a_gap_is_acknowledged(void **state)
{
    struct fixture *f = established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 100);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 200);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC5681:3.2b: filling a gap, in part or whole: at its left end, in its middle, at its right
 * end. */
static void test_ack_delay_text_that_fills_part_of_a_gap_is_acknowledged(void **state)
{
    static const int64_t where[] = {0, 40, 90};
    for (size_t i = 0; i < 3; i++) {
        struct fixture *f = established(state);
        arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 100);
        expect_ack(f);
        arrive(f, .flags = TFSM_ACK, .seq = where[i], .text = 10);
        expect_ack(f);
        expect_deadline(f, TFSM_NEVER);
    }
}

/* RFC5681:3.2b: the first of two gaps is filled, the second is still there. */
static void test_ack_delay_text_that_fills_one_of_two_gaps_is_acknowledged(void **state)
{
    struct fixture *f = established(state);
    struct tfsm_segment out;
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 100);
    arrive(f, .flags = TFSM_ACK, .seq = 300, .text = 100);
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 200);
    expect_ack(f);
}

/* RFC9293:3.10.7.4: a segment that is not acceptable is answered, for the peer did not get our
 * acknowledgment. */
static void test_ack_delay_text_come_twice_is_acknowledged(void **state)
{
    struct fixture *f = waiting(state);
    arrive(f, .flags = TFSM_ACK, .seq = -100, .text = 100);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC9293:3.10.7.4: the FIN is acknowledged at once. */
static void test_ack_delay_fin_is_acknowledged(void **state)
{
    static const enum tfsm_state from[] = {TFSM_ESTABLISHED, TFSM_FIN_WAIT_1, TFSM_FIN_WAIT_2};
    for (size_t i = 0; i < 3; i++) {
        for (uint32_t text = 0; text <= 10; text += 10) {
            struct fixture *f = with_delay(state, DELAY, from[i]);
            arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = text);
            expect_ack(f);
            assert_true(f->tcb.at_ack == 0);
        }
    }
}

/* RFC9293:3.10.7.4u, RFC9293:3.6b, RFC9293:MUST-12: a FIN behind a gap is told and moves the state only with
 * the text that fills it; then it is acknowledged at once, though that text alone could wait. */
static void test_ack_delay_fin_behind_a_gap_counts_once_it_is_filled(void **state)
{
    static const struct {
        enum tfsm_state from, to;
    } cases[] = {{TFSM_ESTABLISHED, TFSM_CLOSE_WAIT},
                 {TFSM_FIN_WAIT_1, TFSM_CLOSING},
                 {TFSM_FIN_WAIT_2, TFSM_TIME_WAIT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture *f = with_delay(state, DELAY, cases[i].from);
        arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 100);
        expect_signals(f, 0);
        expect_state(f, cases[i].from);
        expect_ack(f);
        arrive(f, .flags = TFSM_ACK, .text = 100);
        expect_delivered(f, 100);
        expect_signals(f, TFSM_SIG_PEER_CLOSED);
        expect_state(f, cases[i].to);
        expect_ack(f);
    }
}

/* The FIN's acknowledgment covers the text whose own was waiting. */
static void test_ack_delay_fin_takes_along_what_waits(void **state)
{
    struct fixture *f = waiting(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC5961:3.2c, RFC5961:4.2a: a challenge ACK goes at once, and acknowledges what waits. */
static void test_ack_delay_challenge_goes_at_once(void **state)
{
    struct fixture *f = waiting(state);
    arrive(f, .flags = TFSM_RST, .seq = 1);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
    f = waiting(state);
    arrive(f, .flags = TFSM_SYN);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC9293:3.10.7.3: the SYN-ACK is acknowledged at once: the peer cannot open before. */
static void test_ack_delay_syn_ack_is_acknowledged(void **state)
{
    struct fixture *f = with_delay(state, DELAY, TFSM_SYN_SENT);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC9293:3.8.6.1: a window probe of one octet is answered at once, or the peer backs off. */
static void test_ack_delay_probe_of_a_closed_window_is_answered(void **state)
{
    struct fixture *f = established(state);
    take_segments(f, BUFF / MSS);
    assert_int_equal(right_edge(f), 0);
    arrive(f, .flags = TFSM_ACK, .text = 1);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* ---- company ---- */

/* RFC9293:3.10.7.4: text of ours takes the acknowledgment along. */
static void test_ack_delay_rides_on_text(void **state)
{
    struct fixture *f = waiting(state);
    user_send(f, 50);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 101, .len = 50);
    expect_nothing(f);
    expect_deadline(f, f->now + RTO);
}

static void test_ack_delay_rides_on_the_fin(void **state)
{
    struct fixture *f = waiting(state);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 101, .len = 1);
    expect_nothing(f);
    expect_deadline(f, f->now + RTO);
}

static void test_ack_delay_rides_on_a_retransmission(void **state)
{
    struct fixture *f = established(state);
    user_send(f, 50);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 50);
    f->now += RTO - DELAY / 2;
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_nothing(f);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 101, .len = 50);
    expect_nothing(f);
    assert_true(f->tcb.at_ack == 0);
}

/* RFC9293:3.8.6.2.2: a window that opens wide is told at once, with the acknowledgment. */
static void test_ack_delay_rides_on_a_window_update(void **state)
{
    struct fixture *f = established(state);
    take_segments(f, 8);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_nothing(f);
    user_receive(f, BUFF);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* ---- the end ---- */

/* A connection that is gone acknowledges nothing. */
static void test_ack_delay_ends_with_the_connection(void **state)
{
    struct fixture *f = waiting(state);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_RESET);
    expect_nothing(f);
    f = waiting(state);
    user_abort(f);
    expect_gone(f, TFSM_SIG_RESET);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 1);
    expect_nothing(f);
}

/* ---- quick acknowledgments, a choice of the policy ---- */

/* A gap that was seen, and is filled: 100 octets came at once, and so may what follows. */
static struct fixture *mended(void **state, bool quick)
{
    struct fixture *f = established(state);
    f->cfg.profile |= quick ? TFSM_QUICK_ACK : 0u;
    arrive(f, .flags = TFSM_ACK, .seq = 50, .text = 50);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 50);
    expect_delivered(f, 100);
    expect_ack(f);
    return f;
}

/* Segments in order that are acknowledged at once, until one waits. */
static unsigned quick_ones(struct fixture *f)
{
    for (unsigned n = 0;; n++) {
        arrive(f, .flags = TFSM_ACK, .text = 10);
        expect_delivered(f, 10);
        if (f->tcb.at_ack != 0) {
            expect_nothing(f);
            expect_deadline(f, f->now + DELAY);
            after(f, DELAY);
            expect_ack(f);
            return n;
        }
        expect_ack(f);
        expect_deadline(f, TFSM_NEVER);
    }
}

/* RFC5681:4.2c: that which fills the gap is one of them. After them it is as it was. */
static void test_ack_delay_quick_after_a_gap(void **state)
{
    struct fixture *f = mended(state, true);
    assert_int_equal(quick_ones(f), TFSM_QUICK_ACKS - 1);
    assert_int_equal(quick_ones(f), 0);
}

/* The count starts anew at each sign of a loss, and does not grow beyond its start. */
static void test_ack_delay_quick_counts_from_the_last_gap(void **state)
{
    struct fixture *f = mended(state, true);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .seq = 50, .text = 50);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 50);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 50);
    expect_delivered(f, 150);
    expect_ack(f);
    assert_int_equal(quick_ones(f), TFSM_QUICK_ACKS - 1);
}

/* RFC2883:4a: nor is it otherwise where text comes in vain, all of it or a part: our acknowledgment was not seen. */
static void test_ack_delay_quick_after_text_in_vain(void **state)
{
    for (int64_t back = 50; back <= 100; back += 50) {
        struct fixture *f = fresh(state);
        f->cfg.ack_delay = DELAY;
        f->cfg.profile |= TFSM_QUICK_ACK | TFSM_SACK;
        f->peer.options |= TFSM_OPT_SACK_PERMITTED;
        reach(f, TFSM_ESTABLISHED);
        arrive(f, .flags = TFSM_ACK, .text = 100);
        expect_nothing(f);
        arrive(f, .flags = TFSM_ACK, .seq = -back, .text = 100);
        struct tfsm_segment out;
        assert_int_equal(drain(f, &out, 1), 1);
        assert_int_equal(out.sacks, 1);
        assert_int_equal(quick_ones(f), back == 100 ? TFSM_QUICK_ACKS : TFSM_QUICK_ACKS - 1);
    }
}

/* Only the policy that asks for it has it; a choice that is taken back lets the rest come. */
static void test_ack_delay_quick_is_a_choice(void **state)
{
    struct fixture *f = mended(state, false);
    assert_int_equal(quick_ones(f), 0);
    f = mended(state, true);
    f->cfg.profile &= ~(uint32_t)TFSM_QUICK_ACK;
    assert_int_equal(quick_ones(f), TFSM_QUICK_ACKS - 1);
    f = established(state);
    f->cfg.profile |= TFSM_QUICK_ACK;
    assert_int_equal(quick_ones(f), 0);
    struct tfsm_config today;
    assert_true(tfsm_config_named("today", &today));
    assert_true((today.profile & TFSM_QUICK_ACK) != 0);
    assert_int_equal(tfsm_config_default().profile & TFSM_QUICK_ACK, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ack_delay_text_alone_waits),
        cmocka_unit_test(test_ack_delay_timeout_is_over_when_the_ack_is_owed),
        cmocka_unit_test(test_ack_delay_full_segment_alone_waits),
        cmocka_unit_test(test_ack_delay_every_state_that_takes_text),
        cmocka_unit_test(test_ack_delay_text_that_completes_the_handshake_waits),
        cmocka_unit_test(test_ack_delay_of_zero_does_not_wait),
        cmocka_unit_test(test_ack_delay_nothing_waits_for_an_ack_alone),
        cmocka_unit_test(test_ack_delay_is_less_than_half_a_second),
        cmocka_unit_test(test_ack_delay_is_as_configured),
        cmocka_unit_test(test_ack_delay_counts_from_the_first_segment),
        cmocka_unit_test(test_ack_delay_is_not_pushed_away_by_an_ack),
        cmocka_unit_test(test_ack_delay_is_not_pushed_away_by_text_that_waits),
        cmocka_unit_test(test_ack_delay_late_timeout_sends_one),
        cmocka_unit_test(test_ack_delay_second_full_segment_is_acknowledged),
        cmocka_unit_test(test_ack_delay_stream_gets_every_second),
        cmocka_unit_test(test_ack_delay_stream_that_is_read_gets_every_second),
        cmocka_unit_test(test_ack_delay_twice_the_mss_in_small_pieces_is_acknowledged),
        cmocka_unit_test(test_ack_delay_second_small_segment_is_acknowledged),
        cmocka_unit_test(test_ack_delay_segments_put_together_are_acknowledged),
        cmocka_unit_test(test_ack_delay_count_starts_anew_after_the_timer),
        cmocka_unit_test(test_ack_delay_batch_is_acknowledged_once),
        cmocka_unit_test(test_ack_delay_text_above_a_gap_is_acknowledged),
        cmocka_unit_test(test_ack_delay_text_above_a_gap_does_not_wait_with_another),
        cmocka_unit_test(test_ack_delay_text_that_fills_a_gap_is_acknowledged),
        cmocka_unit_test(test_ack_delay_text_that_fills_part_of_a_gap_is_acknowledged),
        cmocka_unit_test(test_ack_delay_text_that_fills_one_of_two_gaps_is_acknowledged),
        cmocka_unit_test(test_ack_delay_text_come_twice_is_acknowledged),
        cmocka_unit_test(test_ack_delay_fin_is_acknowledged),
        cmocka_unit_test(test_ack_delay_fin_behind_a_gap_counts_once_it_is_filled),
        cmocka_unit_test(test_ack_delay_fin_takes_along_what_waits),
        cmocka_unit_test(test_ack_delay_challenge_goes_at_once),
        cmocka_unit_test(test_ack_delay_syn_ack_is_acknowledged),
        cmocka_unit_test(test_ack_delay_probe_of_a_closed_window_is_answered),
        cmocka_unit_test(test_ack_delay_rides_on_text),
        cmocka_unit_test(test_ack_delay_rides_on_the_fin),
        cmocka_unit_test(test_ack_delay_rides_on_a_retransmission),
        cmocka_unit_test(test_ack_delay_rides_on_a_window_update),
        cmocka_unit_test(test_ack_delay_ends_with_the_connection),
        cmocka_unit_test(test_ack_delay_fin_above_a_gap_is_acknowledged),
        cmocka_unit_test(test_ack_delay_quick_after_a_gap),
        cmocka_unit_test(test_ack_delay_quick_counts_from_the_last_gap),
        cmocka_unit_test(test_ack_delay_quick_after_text_in_vain),
        cmocka_unit_test(test_ack_delay_quick_is_a_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
