/* What was no loss: F-RTO finds out that a timeout was spurious (RFC 5682), timestamps (Eifel, RFC
 * 3522) and D-SACK (RFC 3708) that nothing of what went again was lost; then nothing more goes
 * again, and the window comes back (RFC 4015, RFC 9438 4.9). Most tests start with ten segments in
 * flight, which is the congestion window of a slow start; with timestamps a segment bears 988
 * octets, else 1000. */
#include "flow.h"

#define RTT     (100 * MS)
#define SPIKE   (1500 * MS)
#define TEN     10u
#define NEWER   (20 * MSS) /* so many octets wait behind what is in flight */
#define STAMPED (MSS - 12)
#define HIGH    TFSM_BUFF_MAX /* ssthresh before the first loss is no less */

#define FRTO  ((uint32_t)(TFSM_FRTO | TFSM_UNDO))
#define EIFEL ((uint32_t)(TFSM_UNDO | TFSM_TIMESTAMPS))
#define DSACK ((uint32_t)(TFSM_UNDO | TFSM_SACK))

/* ---- connections ---- */

/* Octets of text of a whole segment. */
static uint32_t whole(const struct fixture *f)
{
    return (f->cfg.profile & TFSM_TIMESTAMPS) != 0 ? STAMPED : MSS;
}

/* Ten segments went out just now, and so many octets wait. */
static struct fixture *ten_out(void **state, uint32_t bits, uint32_t more)
{
    struct fixture *f = flow(state, bits);
    flow_open(f, RTT);
    user_send(f, TEN * whole(f));
    assert_int_equal(flow_sent(f), TEN);
    if (more > 0) {
        user_send(f, more);
    }
    assert_true(f->tcb.ssthresh >= HIGH);
    return f;
}

/* The timer goes off: the front goes again, and nothing else. */
static void time_out(struct fixture *f)
{
    expire(f);
    (void)expect_octets(f, octets_acked(f), whole(f));
    expect_nothing(f);
    assert_int_equal(f->tcb.cwnd, whole(f));
}

/* Ten out, and the timer has gone off. */
static struct fixture *timed_out(void **state, uint32_t bits, uint32_t more)
{
    struct fixture *f = ten_out(state, bits, more);
    time_out(f);
    assert_true(f->tcb.ssthresh < HIGH);
    return f;
}

static void expect_windows(const struct fixture *f, uint32_t cwnd, uint32_t ssthresh)
{
    assert_int_equal(f->tcb.cwnd, cwnd);
    assert_int_equal(f->tcb.ssthresh, ssthresh);
}

/* As before the loss, give or take what the ACK itself adds; nothing is taken for lost. */
static void expect_restored(const struct fixture *f)
{
    assert_in_range(f->tcb.cwnd, TEN * whole(f), (TEN + 2) * MSS);
    assert_true(f->tcb.ssthresh >= HIGH);
    assert_false(recovers(f));
}

/* The cut stands. */
static void expect_cut(const struct fixture *f)
{
    bool cubic = (f->cfg.profile & TFSM_CUBIC) != 0;
    assert_in_range(f->tcb.ssthresh, 2 * whole(f), TEN * MSS * (cubic ? 7 : 6) / 10);
}

/* What is sent, if anything, was never sent before: how much of it. */
static size_t only_new(struct fixture *f)
{
    uint32_t from = f->tcb.snd_nxt;
    struct tfsm_segment s;
    size_t n = 0;
    while (take(f, &s)) {
        assert_true(s.len == 0 || seq_le(from, s.seq));
        n += s.len > 0 ? 1u : 0u;
    }
    return n;
}

/* ---- F-RTO without SACK: RFC 5682 2.1 ---- */

/* RFC5682:2.1a: as any timeout. */
static void test_undo_frto_timeout_sends_the_front(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    expect_windows(f, MSS, TEN * MSS / 2);
}

/* RFC5682:2.1f, RFC5682:2.1h: two new segments go, and no old one. */
static void test_undo_frto_first_ack_lets_out_new_text(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    answer(f, .ack = 1000);
    (void)expect_octets(f, 10000, 1000);
    (void)expect_octets(f, 11000, 1000);
    expect_nothing(f);
}

/* RFC5682:2.1h: an ACK for two, as of a peer that delays them, is no other. */
static void test_undo_frto_first_ack_may_cover_more(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    answer(f, .ack = 2000);
    (void)expect_octets(f, 10000, 1000);
    (void)expect_octets(f, 11000, 1000);
    expect_nothing(f);
    answer(f, .ack = 4000);
    expect_restored(f);
    assert_true(only_new(f) > 0);
}

/* RFC5682:2.1h: one, if there is no more. */
static void test_undo_frto_first_ack_lets_out_the_only_new_segment(void **state)
{
    struct fixture *f = timed_out(state, FRTO, MSS);
    answer(f, .ack = 1000);
    (void)expect_octets(f, 10000, 1000);
    expect_nothing(f);
    answer(f, .ack = 2000);
    expect_restored(f);
    expect_nothing(f);
}

/* RFC5682:2.1l, RFC5682:4a, RFC5682:4c: none of what was in flight goes again, new text goes on,
 * and the window is what it was. */
static void test_undo_frto_second_ack_tells(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 2000);
    expect_restored(f);
    (void)only_new(f);
    for (uint32_t ack = 3000; ack <= 10000; ack += 1000) {
        answer(f, .ack = ack);
        assert_true(only_new(f) > 0);
    }
}

/* RFC5682:4b: the same without undo: nothing goes again, and the windows stay as the timeout and
 * the ACKs have left them. */
static void test_undo_frto_alone_gives_no_window_back(void **state)
{
    struct fixture *f = timed_out(state, TFSM_FRTO, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 2000);
    assert_false(recovers(f));
    (void)only_new(f);
    for (uint32_t ack = 3000; ack <= 10000; ack += 1000) {
        answer(f, .ack = ack);
        (void)only_new(f);
        assert_int_equal(f->tcb.ssthresh, TEN * MSS / 2);
        assert_true(f->tcb.cwnd <= TEN * MSS / 2 + 2 * MSS);
    }
}

/* RFC5682:2.1l: with recover at SND.UNA three duplicates are a loss again. */
static void test_undo_frto_spurious_lets_fast_retransmit_begin(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    answer(f, .ack = 1000);
    (void)only_new(f);
    answer(f, .ack = 2000);
    (void)only_new(f);
    for (unsigned i = 0; i < 3; i++) {
        assert_true((f->tcb.flags & TFSM_M_RECOVERY) == 0);
        answer(f, .ack = 2000);
    }
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    (void)expect_octets(f, 2000, 1000);
}

/* RFC5682:2.1k: the window is three segments at most, and nothing is told for spurious any more. */
static void test_undo_frto_second_ack_duplicate(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    for (unsigned i = 0; i < 2; i++) {
        answer(f, .ack = 1000);
        assert_true(f->tcb.cwnd <= 3 * MSS);
        expect_cut(f);
        (void)flow_sent(f);
    }
    answer(f, .ack = 2000);
    assert_true(f->tcb.cwnd <= 4 * MSS);
    expect_cut(f);
}

/* RFC5682:2.1g: what follows a duplicate is slow start as ever, and is not told for spurious. */
static void test_undo_frto_first_ack_duplicate(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    answer(f, .ack = 0);
    expect_nothing(f);
    answer(f, .ack = 1000);
    (void)expect_octets(f, 1000, 1000);
    (void)expect_octets(f, 2000, 1000);
    expect_nothing(f);
    answer(f, .ack = 2000);
    expect_windows(f, 3 * MSS, TEN * MSS / 2);
    (void)expect_octets(f, 3000, 1000);
}

/* RFC5682:2.1g: there is no step 3, so that the next ACK tells nothing. */
static void test_undo_frto_first_ack_of_all(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    answer(f, .ack = 10000);
    assert_true(f->tcb.cwnd <= 2 * MSS);
    (void)flow_sent(f);
    answer(f, .ack = 11000);
    assert_true(f->tcb.cwnd <= 3 * MSS);
    expect_cut(f);
}

/* RFC5682:2.1g: text that Nagle's algorithm holds back is not there to be sent, and what is lost goes on. */
static void test_undo_frto_without_text_that_may_go(void **state)
{
    for (uint32_t sack = 0; sack <= TFSM_SACK; sack += TFSM_SACK) {
        struct fixture *f = ten_out(state, FRTO | sack, 0);
        f->cfg.profile &= ~(uint32_t)TFSM_NODELAY;
        user_send(f, MSS / 2);
        expect_nothing(f);
        time_out(f);
        answer(f, .ack = 1000);
        (void)expect_octets(f, 1000, 1000);
        (void)expect_octets(f, 2000, 1000);
    }
}

/* RFC5682:2.1g: nor after an ACK for a part of what went again. */
static void test_undo_frto_first_ack_of_a_part(void **state)
{
    static const uint32_t parts[] = {1, 500, 999};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct fixture *f = timed_out(state, FRTO, NEWER);
        answer(f, .ack = parts[i]);
        struct tfsm_segment s;
        while (take(f, &s)) {
            assert_true(s.text_offset < 10000);
        }
        answer(f, .ack = 1000);
        while (take(f, &s)) {
            assert_true(s.text_offset < 10000);
        }
        answer(f, .ack = 2000);
        expect_cut(f);
        assert_true(f->tcb.cwnd < TEN * MSS / 2);
    }
}

/* RFC5682:2.1j, RFC5682:Ab: slow start sends the rest again, in its order, and nothing else goes. */
static void test_undo_frto_without_new_text(void **state)
{
    struct fixture *f = timed_out(state, FRTO, 0);
    answer(f, .ack = 1000);
    (void)expect_octets(f, 1000, 1000);
    (void)expect_octets(f, 2000, 1000);
    expect_nothing(f);
    answer(f, .ack = 2000);
    expect_windows(f, 3 * MSS, TEN * MSS / 2);
}

/* RFC5682:2.1d: text from the peer, a window that opens: neither is an answer, in no step. */
static void test_undo_frto_passes_over_what_is_no_answer(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    answer(f, .ack = 0, .text = 10);
    (void)only_new(f);
    f->peer.wnd -= 1;
    answer(f, .ack = 0);
    expect_nothing(f);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 1000, .text = 10);
    assert_int_equal(only_new(f), 0);
    f->peer.wnd += 1;
    answer(f, .ack = 1000);
    expect_nothing(f);
    answer(f, .ack = 2000);
    expect_restored(f);
}

/* RFC5682:2.1e: a timeout in the slow start that the one before began tells nothing. */
static void test_undo_frto_not_within_the_recovery_of_a_timeout(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    answer(f, .ack = 0);
    answer(f, .ack = 1000);
    (void)flow_sent(f);
    time_out(f);
    answer(f, .ack = 2000);
    (void)expect_octets(f, 2000, 1000);
    (void)flow_sent(f);
    answer(f, .ack = 3000);
    (void)expect_octets(f, 4000, 1000);
    expect_cut(f);
}

/* RFC5682:2.1e: nor one between the new text and its answer, which went back to slow start. */
static void test_undo_frto_not_after_a_step_that_failed(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 1000);
    (void)flow_sent(f);
    time_out(f);
    answer(f, .ack = 2000);
    struct tfsm_segment s;
    assert_true(take(f, &s));
    assert_true(s.text_offset < 10000);
    (void)flow_sent(f);
    answer(f, .ack = 3000);
    expect_cut(f);
}

/* RFC5682:6: a timeout in a fast recovery, spurious or not. */
static void test_undo_frto_in_fast_recovery_gives_no_window_back(void **state)
{
    struct fixture *f = ten_out(state, FRTO, NEWER);
    for (unsigned i = 0; i < 3; i++) {
        answer(f, .ack = 0);
    }
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    (void)flow_sent(f);
    time_out(f);
    answer(f, .ack = 1000);
    (void)flow_sent(f);
    answer(f, .ack = 2000);
    (void)flow_sent(f);
    expect_cut(f);
    assert_true(f->tcb.cwnd <= TEN * MSS / 2);
}

/* RFC5682:2: nothing of it without the bit: slow start sends the rest again. */
static void test_undo_frto_off(void **state)
{
    struct fixture *f = timed_out(state, TFSM_UNDO, NEWER);
    answer(f, .ack = 1000);
    (void)expect_octets(f, 1000, 1000);
    (void)expect_octets(f, 2000, 1000);
    answer(f, .ack = 2000);
    expect_windows(f, 3 * MSS, TEN * MSS / 2);
}

/* ---- F-RTO with SACK: RFC 5682 3.1 ---- */

/* RFC5682:3.1d, RFC5682:3.1e, RFC5682:3.1h, RFC5682:3.1j */
static void test_undo_frto_sack_first_ack_lets_out_new_text(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    assert_int_equal(f->tcb.snd_held, 0);
    answer(f, .ack = 1000);
    (void)expect_octets(f, 10000, 1000);
    (void)expect_octets(f, 11000, 1000);
    expect_nothing(f);
}

/* RFC5682:3.1n, RFC5682:3.1p */
static void test_undo_frto_sack_second_ack_tells(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 2000);
    expect_restored(f);
    (void)only_new(f);
    for (uint32_t ack = 3000; ack <= 10000; ack += 1000) {
        answer(f, .ack = ack);
        assert_true(only_new(f) > 0);
    }
}

/* RFC5682:3.1m, RFC5682:3.1o: what arrives is the new text, so that the old was lost. */
static void test_undo_frto_sack_beyond_tells_of_loss(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 1000, .blocks = {{10000, 11000}});
    assert_true(f->tcb.cwnd <= 3 * MSS);
    expect_cut(f);
    (void)expect_octets(f, 1000, 1000);
    (void)flow_sent(f);
    answer(f, .ack = 2000, .blocks = {{10000, 12000}});
    expect_cut(f);
    assert_true(f->tcb.cwnd <= 4 * MSS);
}

/* RFC5682:3.1i: two segments at most, and no step 3: slow start goes on from there, one segment with each ACK. */
static void test_undo_frto_sack_first_ack_of_all(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    answer(f, .ack = 10000);
    assert_true(f->tcb.cwnd <= 2 * MSS);
    for (uint32_t n = 1; n <= 3; n++) {
        (void)flow_sent(f);
        answer(f, .ack = (TEN + n) * MSS);
        assert_int_equal(f->tcb.cwnd, (2 + n) * MSS);
        expect_cut(f);
    }
}

/* RFC5682:3.1i: so that what the next tells of new text is no answer of step 3, which would leave three segments. */
static void test_undo_frto_sack_no_third_step_after_an_ack_of_all(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    answer(f, .ack = 10000);
    (void)expect_octets(f, 10000, 1000);
    (void)expect_octets(f, 11000, 1000);
    expect_nothing(f);
    answer(f, .ack = 10000, .blocks = {{11000, 12000}});
    assert_int_equal(f->tcb.cwnd, 2 * MSS);
    expect_cut(f);
}

/* RFC5682:3.1a, RFC5682:3.1g, RFC5682:3.1j: duplicates before the first ACK of something new are passed over. */
static void test_undo_frto_sack_duplicates_are_passed_over(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    answer(f, .ack = 0, .blocks = {{1000, 2000}});
    expect_nothing(f);
    answer(f, .ack = 2000);
    (void)expect_octets(f, 10000, 1000);
    (void)expect_octets(f, 11000, 1000);
    answer(f, .ack = 3000);
    expect_restored(f);
}

/* RFC5682:3.1k: neither without new text. */
static void test_undo_frto_sack_without_new_text(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, 0);
    answer(f, .ack = 1000);
    (void)expect_octets(f, 1000, 1000);
    (void)flow_sent(f);
    answer(f, .ack = 2000);
    expect_windows(f, 3 * MSS, TEN * MSS / 2);
}

/* RFC5682:3.1b, RFC5682:2.1c, RFC5682:3.1f: not in a recovery that goes on. */
static void test_undo_frto_sack_not_in_fast_recovery(void **state)
{
    struct fixture *f = ten_out(state, FRTO | TFSM_SACK, NEWER);
    for (uint32_t right = 2000; right <= 4000; right += 1000) {
        answer(f, .ack = 0, .blocks = {{1000, right}});
    }
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    (void)expect_octets(f, 0, 1000);
    (void)flow_sent(f);
    time_out(f);
    answer(f, .ack = 4000);
    struct tfsm_segment s;
    assert_true(take(f, &s));
    assert_true(s.text_offset < 10000);
    (void)flow_sent(f);
    answer(f, .ack = 5000);
    expect_cut(f);
    assert_true(f->tcb.cwnd <= TEN * MSS / 2);
}

/* RFC5682:3.1l: what is neither a duplicate nor moves SND.UNA. */
static void test_undo_frto_sack_passes_over_what_is_no_answer(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 1000, .text = 10);
    assert_int_equal(only_new(f), 0);
    answer(f, .ack = 2000);
    expect_restored(f);
}

/* ---- Eifel: RFC 3522, RFC 4015 ---- */

/* RFC3522:3.2c, RFC4015:3.1a, RFC4015:3.1b, RFC9438:4.9.2c, RFC5682:4a: the ACK echoes what was sent before the timeout, so
 * that the first sending has arrived: both windows are as they were, and nothing goes again. */
static void test_undo_eifel_timeout(void **state)
{
    struct fixture *f = ten_out(state, EIFEL, NEWER);
    tfsm_time first = f->now;
    time_out(f);
    f->now += RTT;
    answer(f, .ack = STAMPED, .echo = first);
    expect_restored(f);
    (void)only_new(f);
    for (uint32_t n = 2; n <= TEN; n++) {
        answer(f, .ack = n * STAMPED, .echo = first);
        assert_true(only_new(f) > 0);
    }
}

/* The front is late, and three duplicates have come; it went again RTT after it went first. */
static struct fixture *fast_retransmitted(void **state, uint32_t bits)
{
    struct fixture *f = ten_out(state, bits, NEWER);
    tfsm_time first = f->now;
    uint32_t size = whole(f);
    f->now += RTT;
    for (uint32_t n = 2; n <= 4; n++) {
        answer(f, .ack = 0, .echo = first - RTT, .blocks = {{size, n * size}});
    }
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    (void)expect_octets(f, 0, size);
    expect_nothing(f);
    return f;
}

/* RFC9438:4.9.2a, RFC3522:3.2c, RFC4015:3.1a: a recovery that duplicates began is ended, too. */
static void test_undo_eifel_fast_retransmit(void **state)
{
    for (uint32_t sack = 0; sack <= TFSM_SACK; sack += TFSM_SACK) {
        struct fixture *f = fast_retransmitted(state, EIFEL | sack);
        tfsm_time first = f->now - RTT;
        f->now += RTT / 10;
        answer(f, .ack = 4 * STAMPED, .echo = first);
        expect_restored(f);
        assert_true(only_new(f) > 0);
    }
}

/* RFC8985:3.3.2b: what was overtaken has come: from now on time waits for what is overtaken; where losses are told otherwise
 * nothing is noted. */
static void test_undo_shows_reordering(void **state)
{
    for (uint32_t rack = 0; rack <= TFSM_RACK; rack += TFSM_RACK) {
        struct fixture *f = fast_retransmitted(state, EIFEL | TFSM_SACK | rack);
        tfsm_time first = f->now - RTT;
        assert_int_equal(f->tcb.loss & TFSM_L_REORDERED, 0);
        f->now += RTT / 10;
        answer(f, .ack = 4 * STAMPED, .echo = first);
        expect_restored(f);
        assert_int_equal((f->tcb.loss & TFSM_L_REORDERED) != 0, rack != 0);
    }
}

/* RFC3522:3.2c: the echo of what went again says nothing of what went first. */
static void test_undo_eifel_new_echo_is_no_sign(void **state)
{
    struct fixture *f = timed_out(state, EIFEL, NEWER);
    tfsm_time again = f->now;
    f->now += RTT;
    answer(f, .ack = STAMPED, .echo = again);
    assert_true(f->tcb.cwnd <= 2 * STAMPED);
    expect_cut(f);
    (void)expect_octets(f, STAMPED, STAMPED);

    f = fast_retransmitted(state, EIFEL | TFSM_SACK);
    again = f->now;
    f->now += RTT;
    answer(f, .ack = 4 * STAMPED, .echo = again);
    expect_cut(f);
    f->now += RTT;
    answer(f, .ack = TEN * STAMPED, .echo = again);
    expect_cut(f);
    assert_true(f->tcb.cwnd <= TEN * MSS / 2);
}

/* RFC3522:3.2b: the first ACK of something new after the retransmission decides, whatever
 * comes later. */
static void test_undo_eifel_first_ack_decides(void **state)
{
    struct fixture *f = ten_out(state, EIFEL, NEWER);
    tfsm_time first = f->now;
    time_out(f);
    tfsm_time again = f->now;
    f->now += RTT;
    answer(f, .ack = STAMPED, .echo = again);
    (void)flow_sent(f);
    for (uint32_t n = 2; n <= 5; n++) {
        answer(f, .ack = n * STAMPED, .echo = first);
        (void)flow_sent(f);
        expect_cut(f);
        assert_true(f->tcb.cwnd < TEN * MSS);
    }
}

/* RFC3522:3.2b: a duplicate acknowledges nothing new, and decides nothing. */
static void test_undo_eifel_duplicates_decide_nothing(void **state)
{
    for (int old = 0; old < 2; old++) {
        struct fixture *f = ten_out(state, EIFEL, NEWER);
        tfsm_time first = f->now;
        time_out(f);
        tfsm_time again = f->now;
        answer(f, .ack = 0, .echo = first);
        answer(f, .ack = 0, .echo = again);
        expect_cut(f);
        expect_nothing(f);
        answer(f, .ack = STAMPED, .echo = old != 0 ? first : again);
        if (old != 0) {
            expect_restored(f);
        } else {
            expect_cut(f);
        }
    }
}

/* RFC3522:3.2a: of several retransmissions the first one's time counts: what it echoes is not
 * older. */
static void test_undo_eifel_echo_of_the_first_of_two_retransmissions(void **state)
{
    struct fixture *f = timed_out(state, EIFEL, NEWER);
    tfsm_time again = f->now;
    time_out(f);
    f->now += RTT;
    answer(f, .ack = STAMPED, .echo = again);
    expect_cut(f);
    assert_true(f->tcb.cwnd <= 2 * STAMPED);
}

/* No timestamps, no Eifel: and none where the bit is off. */
static void test_undo_eifel_needs_timestamps_and_the_bit(void **state)
{
    struct fixture *f = timed_out(state, TFSM_UNDO, NEWER);
    answer(f, .ack = 1000, .echo = f->now - RTO);
    expect_windows(f, 2 * MSS, TEN * MSS / 2);

    f = timed_out(state, TFSM_TIMESTAMPS, NEWER);
    answer(f, .ack = STAMPED, .echo = f->now - RTO);
    expect_cut(f);
    (void)expect_octets(f, STAMPED, STAMPED);
}

/* RFC9438:4.9.2c: ssthresh comes back to what it was, not to what a connection begins with. */
static void test_undo_eifel_restores_a_threshold(void **state)
{
    struct fixture *f = fast_retransmitted(state, EIFEL | TFSM_SACK);
    f->now += RTT;
    answer(f, .ack = TEN * STAMPED, .echo = f->now - RTT);
    assert_false(recovers(f));
    uint32_t ssthresh = f->tcb.ssthresh;
    flow_fill(f);
    (void)flow_sent(f);
    for (unsigned i = 0; i < 12; i++) {
        f->now += RTT;
        answer(f, .ack = octets_acked(f) + STAMPED, .echo = f->now - RTT);
        (void)flow_sent(f);
    }
    assert_int_equal(f->tcb.ssthresh, ssthresh);
    uint32_t cwnd = f->tcb.cwnd;
    assert_true(cwnd > ssthresh);
    tfsm_time first = f->now;
    expire(f);
    (void)flow_sent(f);
    assert_int_equal(f->tcb.cwnd, STAMPED);
    answer(f, .ack = octets_acked(f) + STAMPED, .echo = first);
    assert_in_range(f->tcb.cwnd, cwnd, cwnd + MSS);
    assert_int_equal(f->tcb.ssthresh, ssthresh);
}

/* ---- D-SACK: RFC 3708 ---- */

/* The originals arrive, the front last of four. */
static void originals_arrive(struct fixture *f)
{
    for (uint32_t ack = 4000; ack <= 10000; ack += 1000) {
        answer(f, .ack = ack);
        (void)flow_sent(f);
    }
    expect_cut(f);
}

/* RFC3708:3a, RFC3708:3d, RFC3708:3i, RFC9438:4.9.2a: all that went again has come twice. */
static void test_undo_dsack_all_doubled(void **state)
{
    struct fixture *f = fast_retransmitted(state, DSACK);
    originals_arrive(f);
    assert_false(recovers(f));
    answer(f, .ack = 10000, .blocks = {{0, 1000}});
    assert_true(f->tcb.cwnd >= TEN * MSS);
    assert_true(f->tcb.ssthresh >= HIGH);
}

/* RFC3708:3i: the same with the D-SACK on the ACK that ends the recovery. */
static void test_undo_dsack_on_the_last_ack(void **state)
{
    struct fixture *f = fast_retransmitted(state, DSACK);
    answer(f, .ack = 4000);
    (void)flow_sent(f);
    answer(f, .ack = 10000, .blocks = {{0, 1000}});
    assert_true(f->tcb.cwnd >= TEN * MSS);
    assert_true(f->tcb.ssthresh >= HIGH);
    assert_false(recovers(f));
}

/* Two segments are taken for lost and go again: the first and the third. */
static struct fixture *two_went_again(void **state, uint32_t bits)
{
    struct fixture *f = ten_out(state, bits, NEWER);
    f->now += RTT;
    answer(f, .ack = 0, .blocks = {{1000, 2000}});
    answer(f, .ack = 0, .blocks = {{3000, 4000}, {1000, 2000}});
    for (uint32_t right = 5000; right <= 9000; right += 1000) {
        answer(f, .ack = 0, .blocks = {{3000, right}, {1000, 2000}});
    }
    (void)expect_octets(f, 0, 1000);
    (void)expect_octets(f, 2000, 1000);
    (void)flow_sent(f);
    return f;
}

/* RFC3708:3j: one that was not doubled may have been lost. RFC3708:3i: with the second it is
 * known. */
static void test_undo_dsack_one_not_doubled(void **state)
{
    struct fixture *f = two_went_again(state, DSACK);
    answer(f, .ack = 2000, .blocks = {{3000, 9000}});
    answer(f, .ack = 10000);
    (void)flow_sent(f);
    answer(f, .ack = 10000, .blocks = {{0, 1000}});
    expect_cut(f);
    assert_true(f->tcb.cwnd <= TEN * MSS / 2);
    answer(f, .ack = 10000, .blocks = {{2000, 3000}});
    assert_true(f->tcb.cwnd >= TEN * MSS);
    assert_true(f->tcb.ssthresh >= HIGH);
}

/* RFC3708:3j: the first was lost, the other not. */
static void test_undo_dsack_one_lost_undoes_nothing(void **state)
{
    struct fixture *f = two_went_again(state, DSACK);
    answer(f, .ack = 2000, .blocks = {{3000, 9000}});
    answer(f, .ack = 10000);
    answer(f, .ack = 10000, .blocks = {{2000, 3000}});
    for (uint32_t ack = 11000; ack <= 13000; ack += 1000) {
        (void)flow_sent(f);
        answer(f, .ack = ack);
        expect_cut(f);
    }
}

/* RFC3708:3e, RFC3708:3f: what went again twice tells nothing. */
static void test_undo_dsack_sent_again_twice(void **state)
{
    struct fixture *f = timed_out(state, DSACK, NEWER);
    time_out(f);
    answer(f, .ack = 1000);
    (void)flow_sent(f);
    answer(f, .ack = 10000);
    (void)flow_sent(f);
    for (unsigned i = 0; i < 2; i++) {
        answer(f, .ack = 10000, .blocks = {{0, 1000}});
        expect_cut(f);
    }
    answer(f, .ack = 10000, .blocks = {{1000, 2000}});
    answer(f, .ack = 10000, .blocks = {{2000, 3000}});
    expect_cut(f);
}

/* RFC3708:3g, RFC3708:3h: the same while a recovery goes on. */
static void test_undo_dsack_of_another_in_the_recovery(void **state)
{
    struct fixture *f = fast_retransmitted(state, DSACK);
    answer(f, .ack = 4000, .blocks = {{2000, 3000}});
    originals_arrive(f);
    answer(f, .ack = 10000, .blocks = {{0, 1000}});
    expect_cut(f);
}

/* RFC3708:2: without the bit a D-SACK tells the window nothing. */
static void test_undo_dsack_needs_the_bit(void **state)
{
    struct fixture *f = fast_retransmitted(state, TFSM_SACK);
    originals_arrive(f);
    answer(f, .ack = 10000, .blocks = {{0, 1000}});
    expect_cut(f);
}

/* ---- a path that is late, and one that loses ---- */

/* Congestion control and loss recovery of hosts of today. */
static uint32_t of_today(void)
{
    struct tfsm_config cfg;
    assert_true(tfsm_config_named("today", &cfg));
    return cfg.profile &
           (uint32_t)(TFSM_RACK | TFSM_PRR | TFSM_FRTO | TFSM_UNDO | TFSM_CUBIC | TFSM_HYSTART |
                      TFSM_ABE | TFSM_CWV | TFSM_SACK | TFSM_TIMESTAMPS);
}

static size_t variants(uint32_t *bits)
{
    static const uint32_t options[] = {0, TFSM_SACK, TFSM_TIMESTAMPS, TFSM_SACK | TFSM_TIMESTAMPS};
    size_t n = 0;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        bits[n++] = FRTO | options[i];
        bits[n++] = FRTO | options[i] | TFSM_CUBIC;
        bits[n++] = FRTO | options[i] | TFSM_LIMITED_TRANSMIT | TFSM_CWV;
    }
    bits[n++] = of_today();
    bits[n++] = of_today() & ~(uint32_t)TFSM_TIMESTAMPS;
    return n;
}

/* RFC5682:4a, RFC5682:2.1h, RFC5682:2.1l, RFC9438:4.9.1a: ten segments are 1.5 s late: no more
 * than two go needlessly, and the window is as it was, with timestamps and without. */
static void test_undo_delay_spike(void **state)
{
    uint32_t bits[16];
    size_t n = variants(bits);
    for (size_t i = 0; i < n; i++) {
        struct fixture *f = flow(state, bits[i]);
        path_open(f, RTT);
        flow_fill(f);
        assert_int_equal(path_send(f), TEN);
        uint32_t cwnd = f->tcb.cwnd;
        uint32_t ssthresh = f->tcb.ssthresh;
        uint32_t out = octets_sent(f);
        path_delay(SPIKE);
        for (bool timed = false; octets_acked(f) < out;) {
            assert_true(path_step(f));
            assert_true(recovers(f) || !timed || f->tcb.cwnd >= cwnd); /* at once */
            timed = timed || recovers(f);
        }
        assert_in_range(path.again, 1, 2);
        assert_true(f->tcb.cwnd >= cwnd);
        assert_true(f->tcb.ssthresh >= ssthresh);
        assert_false(recovers(f));
        /* and what comes twice now, and the spike itself, are no reason for more */
        for (unsigned k = 0; k < 3; k++) {
            path_round(f);
        }
        assert_true(path.again <= 2);
        assert_true(f->tcb.cwnd >= cwnd);
        assert_true(f->tcb.ssthresh >= ssthresh);
    }
}

/* Of ten segments these are lost, a bit each. What was cut stays so, whatever comes back. */
static void lose(void **state, uint32_t bits, unsigned lost)
{
    struct fixture *f = flow(state, bits);
    path_open(f, RTT);
    for (unsigned k = 0; k < TEN; k++) {
        path.lose = lost >> k & 1;
        user_send(f, whole(f));
        assert_int_equal(path_send(f), 1);
    }
    flow_fill(f);
    (void)path_send(f);
    bool cut = false;
    for (unsigned k = 0; octets_acked(f) < 4 * TEN * MSS; k++) {
        assert_true(k < 1000);
        assert_true(path_step(f));
        assert_true(!cut || f->tcb.ssthresh < HIGH);
        cut = f->tcb.ssthresh < HIGH;
    }
    assert_true(cut);
}

/* RFC5682:2.1k, RFC5682:3.1m, RFC3708:3j: a real loss is never undone, whichever of ten are
 * lost. */
static void test_undo_real_loss_stays_one(void **state)
{
    uint32_t bits[16];
    size_t n = variants(bits);
    for (size_t i = 0; i < n; i++) {
        for (unsigned lost = 1; lost < 1u << TEN; lost++) {
            lose(state, bits[i], lost);
        }
    }
}

/* RFC5682:2.1k: all ten are lost, and one timeout is enough: slow start has all again within some
 * round trips. */
static void test_undo_frto_real_loss_takes_one_timeout(void **state)
{
    for (uint32_t sack = 0; sack <= TFSM_SACK; sack += TFSM_SACK) {
        struct fixture *f = flow(state, FRTO | sack);
        path_open(f, RTT);
        flow_fill(f);
        path.lose = TEN;
        assert_int_equal(path_send(f), TEN);
        tfsm_time sent = f->now;
        while (octets_acked(f) < TEN * MSS) {
            assert_true(path_step(f));
        }
        assert_true(f->now - sent <= RTO + 8 * RTT);
    }
}

/* RFC5682:3.1n: a duplicate that tells of something sent before the timeout. */
static void test_undo_frto_sack_block_below_tells(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 1000, .blocks = {{2000, 3000}});
    expect_restored(f);
}

/* RFC5682:3.1n: of an event that counts more blocks than there can be, those that there are. */
static void test_undo_frto_sack_counts_blocks_that_are_there(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_ACK});
    uint32_t one = seq_add(f->iss, 1);
    for (unsigned i = 0; i < TFSM_SACK_MAX; i++) {
        s.sack[i] = (struct tfsm_range){seq_add(one, 2000), seq_add(one, 3000)};
    }
    s.text_offset = seq_add(one, 11000) * UINT64_C(0x100000001); /* what is behind them */
    s.ack = seq_add(one, 1000);
    s.options = TFSM_OPT_SACK;
    s.sacks = TFSM_SACK_MAX + 1;
    arrive_segment(f, &s);
    expect_restored(f);
}

/* RFC5682:3.1m: an ACK beyond what was in flight, too: all that was told is that the new text
 * arrived. */
static void test_undo_frto_sack_ack_beyond_tells_nothing(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 11000);
    assert_true(f->tcb.cwnd <= 3 * MSS);
    expect_cut(f);
}

/* RFC5682:2.1k: and what is unacknowledged goes again. */
static void test_undo_frto_second_ack_duplicate_sends_old_text(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 1000);
    (void)expect_octets(f, 1000, 1000);
    (void)flow_sent(f);
    /* and it goes on so, to the end of what was in flight */
    uint32_t again = 2000;
    for (uint32_t ack = 2000; ack < 10000; ack += 1000) {
        struct tfsm_segment s;
        answer(f, .ack = ack);
        while (take(f, &s)) {
            again = s.text_offset < 10000 ? (uint32_t)s.text_offset + s.len : again;
        }
        expect_cut(f);
    }
    assert_int_equal(again, 10000);
}

/* RFC5682:3.1m: a duplicate that tells nothing new. */
static void test_undo_frto_sack_duplicate_without_news(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 1000);
    assert_true(f->tcb.cwnd <= 3 * MSS);
    expect_cut(f);
    (void)expect_octets(f, 1000, 1000);
}

/* RFC5682:2.1j */
static void test_undo_frto_with_the_peers_window_shut(void **state)
{
    struct fixture *f = flow(state, FRTO);
    f->peer.wscale = 0;
    f->peer.wnd = TEN * MSS;
    flow_open(f, RTT);
    user_send(f, 2 * TEN * MSS);
    assert_int_equal(flow_sent(f), TEN);
    time_out(f);
    f->peer.wnd = (TEN - 1) * MSS; /* he has not read it: the edge stays */
    answer(f, .ack = 1000);
    (void)expect_octets(f, 1000, 1000);
    (void)expect_octets(f, 2000, 1000);
    expect_nothing(f);
    f->peer.wnd = (TEN - 2) * MSS;
    answer(f, .ack = 2000);
    expect_windows(f, 3 * MSS, TEN * MSS / 2);
}

/* RFC5682:2.1b: the steps begin again, also for the same segment; what comes back is the window
 * before the first. */
static void test_undo_frto_times_out_again(void **state)
{
    struct fixture *f = timed_out(state, FRTO, NEWER);
    time_out(f);
    answer(f, .ack = 1000);
    (void)expect_octets(f, 10000, 1000);
    (void)expect_octets(f, 11000, 1000);
    expect_nothing(f);
    answer(f, .ack = 2000);
    expect_restored(f);
    (void)only_new(f); /* the window is full, or all but */
    answer(f, .ack = 3000);
    assert_true(only_new(f) > 0);
}

/* RFC5682:3.1c */
static void test_undo_frto_sack_times_out_again(void **state)
{
    struct fixture *f = timed_out(state, FRTO | TFSM_SACK, NEWER);
    time_out(f);
    answer(f, .ack = 1000);
    assert_int_equal(only_new(f), 2);
    answer(f, .ack = 2000);
    expect_restored(f);
}

/* RFC3522:3.2a: and what is older is, after however many. */
static void test_undo_eifel_after_two_timeouts(void **state)
{
    struct fixture *f = ten_out(state, EIFEL, NEWER);
    tfsm_time first = f->now;
    time_out(f);
    time_out(f);
    f->now += RTT;
    answer(f, .ack = STAMPED, .echo = first);
    expect_restored(f);
}

/* RFC4015:3.1c: an ACK that bears ECE gives nothing back. */
static void test_undo_eifel_not_with_ece(void **state)
{
    struct fixture *f = ten_out(state, EIFEL | TFSM_ECN, NEWER);
    tfsm_time first = f->now;
    time_out(f);
    f->now += RTT;
    answer(f, .ack = STAMPED, .echo = first, .flags = TFSM_ECE);
    expect_cut(f);
    assert_true(f->tcb.cwnd <= TEN * MSS / 2);
}

/* RFC4015:3.1c, RFC3708:3a: what came twice is noted all the same, of the network and of what the peer tells. */
static void test_undo_barred_hears_of_what_came_twice(void **state)
{
    struct fixture *f = ten_out(state, EIFEL | TFSM_SACK | TFSM_ECN, NEWER);
    tfsm_time first = f->now;
    time_out(f);
    f->now += RTT;
    answer(f, .ack = TEN * STAMPED, .echo = first, .flags = TFSM_ECE, .blocks = {{0, STAMPED}});
    expect_cut(f);
    assert_int_equal(f->tcb.loss & (TFSM_L_UNDO | TFSM_L_UNDO_TS | TFSM_L_UNDO_TWICE), 0);
    assert_true((f->tcb.loss & TFSM_L_TWICE) != 0);
}

/* RFC3522:3.2d: all ACKs of the flight are lost, and what went again is the first that is
 * answered: a peer that reports what came twice says so. */
static void test_undo_eifel_not_with_a_dsack(void **state)
{
    struct fixture *f = ten_out(state, EIFEL | TFSM_SACK, NEWER);
    tfsm_time first = f->now;
    time_out(f);
    f->now += RTT;
    answer(f, .ack = TEN * STAMPED, .echo = first, .blocks = {{0, STAMPED}});
    expect_cut(f);
    assert_true(f->tcb.cwnd < TEN * MSS / 2);
}

/* RFC3522:3.2d: nor, of a peer that has never reported such, if it covers all that is
 * outstanding: it may be that. */
static void test_undo_eifel_not_with_an_ack_of_all(void **state)
{
    struct fixture *f = ten_out(state, EIFEL, NEWER);
    tfsm_time first = f->now;
    time_out(f);
    f->now += RTT;
    answer(f, .ack = TEN * STAMPED, .echo = first);
    expect_cut(f);
    assert_true(f->tcb.cwnd < TEN * MSS / 2);
}

/* RFC3708:3i, RFC3708:3k: one that comes while the recovery goes on counts, too. */
static void test_undo_dsack_within_the_recovery(void **state)
{
    struct fixture *f = fast_retransmitted(state, DSACK);
    answer(f, .ack = 4000);
    (void)flow_sent(f);
    answer(f, .ack = 6000, .blocks = {{0, 1000}});
    (void)flow_sent(f);
    for (uint32_t ack = 7000; ack <= 10000; ack += 1000) {
        answer(f, .ack = ack);
        (void)flow_sent(f);
    }
    assert_true(f->tcb.cwnd >= TEN * MSS);
    assert_true(f->tcb.ssthresh >= HIGH);
}

/* RFC3708:3j: of one told twice, because the network has doubled the answer or what went again,
 * the other is not known. */
static void test_undo_dsack_of_one_told_twice(void **state)
{
    struct fixture *f = two_went_again(state, DSACK);
    answer(f, .ack = 2000, .blocks = {{3000, 9000}});
    answer(f, .ack = 10000);
    (void)flow_sent(f);
    answer(f, .ack = 10000, .blocks = {{0, 1000}});
    answer(f, .ack = 10000, .blocks = {{0, 1000}});
    expect_cut(f);
}

/* RFC3708:3b, RFC3708:3c: a whole window of ACKs was lost, which is congestion on the way back. */
static void test_undo_dsack_at_snd_una(void **state)
{
    struct fixture *f = timed_out(state, DSACK, NEWER);
    answer(f, .ack = 10000, .blocks = {{0, 1000}});
    expect_cut(f);
    assert_true(f->tcb.cwnd < TEN * MSS / 2);
    (void)flow_sent(f);
    answer(f, .ack = 11000);
    expect_cut(f);
}

/* RFC3708:3g, RFC3708:3h: the network doubles, and from then on D-SACK tells nothing on this
 * connection. */
static void test_undo_dsack_never_sent_again(void **state)
{
    struct fixture *f = flow(state, DSACK);
    flow_open(f, RTT);
    user_send(f, 5 * MSS);
    (void)flow_sent(f);
    answer(f, .ack = 5000);
    answer(f, .ack = 5000, .blocks = {{2000, 3000}});
    user_send(f, TEN * MSS);
    assert_int_equal(flow_sent(f), TEN);
    for (uint32_t right = 7000; right <= 9000; right += 1000) {
        answer(f, .ack = 5000, .blocks = {{6000, right}});
    }
    (void)expect_octets(f, 5000, 1000);
    answer(f, .ack = 9000);
    answer(f, .ack = 15000);
    uint32_t ssthresh = f->tcb.ssthresh;
    assert_true(ssthresh < HIGH);
    answer(f, .ack = 15000, .blocks = {{5000, 6000}});
    assert_int_equal(f->tcb.ssthresh, ssthresh);
    assert_true(f->tcb.cwnd <= ssthresh + MSS);
}

/* RFC3708:3g, RFC3708:3h: and after it. */
static void test_undo_dsack_of_another_after_the_recovery(void **state)
{
    struct fixture *f = fast_retransmitted(state, DSACK);
    originals_arrive(f);
    answer(f, .ack = 10000, .blocks = {{2000, 3000}});
    expect_cut(f);
    answer(f, .ack = 10000, .blocks = {{0, 1000}});
    expect_cut(f);
}

/* RFC3708:3g: nor does one of what an earlier recovery had sent again: it ends nothing. What is of this one tells. */
static void test_undo_dsack_of_an_earlier_recovery(void **state)
{
    struct fixture *f = ten_out(state, DSACK, NEWER);
    f->now += RTT;
    answer(f, .ack = 4000);
    (void)flow_sent(f);
    uint32_t cwnd = f->tcb.cwnd;
    f->tcb.loss |= TFSM_L_RESENT; /* the first of it went again before */
    for (uint32_t right = 6000; right <= 8000; right += 1000) {
        answer(f, .ack = 4000, .blocks = {{5000, right}});
    }
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    (void)flow_sent(f);
    assert_true(f->tcb.ssthresh < HIGH);
    answer(f, .ack = 4000, .blocks = {{2000, 3000}, {5000, 8000}});
    assert_true(f->tcb.ssthresh < HIGH);
    answer(f, .ack = 8000);
    (void)flow_sent(f);
    answer(f, .ack = f->tcb.snd_nxt - f->iss - 1);
    answer(f, .ack = f->tcb.snd_una - f->iss - 1, .blocks = {{4000, 5000}});
    assert_true(f->tcb.ssthresh >= HIGH);
    assert_true(f->tcb.cwnd >= cwnd);
}

/* ---- nothing went again yet ---- */

#define LATER ((uint32_t)(TFSM_UNDO | TFSM_SACK | TFSM_RACK))

/* Three ACKs take the front for lost, and what comes behind them goes in before anything can go out. */
static struct fixture *lost_and_not_sent(void **state, uint32_t bits)
{
    struct fixture *f = ten_out(state, bits, NEWER);
    f->now += RTT;
    for (uint32_t right = 2000; right <= 4000; right += 1000) {
        answer(f, .ack = 0, .blocks = {{1000, right}});
    }
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    expect_cut(f);
    return f;
}

/* RFC3708:3i, RFC9438:4.9.2a: what was taken for lost comes, and nothing had gone again: the window is what it was. */
static void test_undo_what_was_lost_comes_first(void **state)
{
    static const uint32_t more[] = {0, TFSM_PRR, TFSM_CUBIC, TFSM_PRR | TFSM_CUBIC | TFSM_CWV};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        struct fixture *f = lost_and_not_sent(state, LATER | more[i]);
        answer(f, .ack = 4000);
        expect_windows(f, TEN * MSS, f->tcb.undo_ssthresh);
        expect_restored(f);
        assert_int_equal(only_new(f), 4);
    }
}

/* Duplicates leave open what else is lost: only time tells that nothing is. */
static void test_undo_what_was_lost_comes_first_without_rack(void **state)
{
    struct fixture *f = lost_and_not_sent(state, DSACK);
    answer(f, .ack = 4000);
    expect_cut(f);
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
}

/* A part of what was taken for lost is none of it: the front comes, and the third segment is missed still. */
static void test_undo_a_part_of_what_was_lost_comes_first(void **state)
{
    struct fixture *f = ten_out(state, LATER, NEWER);
    f->now += RTT;
    answer(f, .ack = 0, .blocks = {{1000, 2000}});
    answer(f, .ack = 0, .blocks = {{3000, 4000}, {1000, 2000}});
    answer(f, .ack = 0, .blocks = {{3000, 5000}, {1000, 2000}});
    assert_int_equal(f->tcb.snd_lost, 2000);
    answer(f, .ack = 2000, .blocks = {{3000, 5000}});
    expect_cut(f);
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    answer(f, .ack = 5000);
    expect_restored(f);
}

/* A probe has sent the last segment again; then one that is newer shows losses, of which it is one, or is not. */
static struct fixture *lost_behind_a_probe(void **state, bool with_it)
{
    struct fixture *f = ten_out(state, LATER, 0);
    f->now += RTT;
    answer(f, .ack = 1000);
    expire(f);
    (void)expect_octets(f, 9000, 1000);
    expect_nothing(f);
    f->now += RTT / 2;
    user_send(f, MSS);
    (void)expect_octets(f, 10000, 1000);
    f->now += RTT;
    for (uint32_t right = 10400; right <= 11000; right += 300) {
        answer(f, .ack = 1000, .blocks = {{with_it ? 10000 : 9000, right}});
    }
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    assert_int_equal(f->tcb.snd_lost, with_it ? 9000 : 8000);
    answer(f, .ack = 11000);
    return f;
}

/* RFC3708:3e, RFC3708:3f: of what had gone twice nobody knows which has come. */
static void test_undo_what_was_lost_had_gone_twice(void **state)
{
    struct fixture *f = lost_behind_a_probe(state, false);
    assert_true(f->tcb.ssthresh >= HIGH);
    assert_true(f->tcb.cwnd >= 11 * MSS);
    f = lost_behind_a_probe(state, true);
    assert_true(f->tcb.ssthresh < HIGH);
    assert_true(f->tcb.cwnd < 11 * MSS);
}

/* RFC4015:3.1b, RFC9438:4.9.2d: a window that has come back by itself keeps no SSTHRESH that was wrong; of CUBIC one that has
 * gone beyond has its own way since. */
static void test_undo_gives_ssthresh_back_to_a_window_that_is_back(void **state)
{
    for (uint32_t cubic = 0; cubic <= TFSM_CUBIC; cubic += TFSM_CUBIC) {
        for (uint32_t beyond = 0; beyond <= 2; beyond++) {
            struct fixture *f = fast_retransmitted(state, DSACK | cubic);
            originals_arrive(f);
            f->tcb.cwnd = TEN * MSS + beyond;
            uint32_t ssthresh = f->tcb.ssthresh;
            answer(f, .ack = 10000, .blocks = {{0, 1000}});
            bool late = cubic != 0 && beyond > 0;
            expect_windows(f, TEN * MSS + beyond, late ? ssthresh : f->tcb.undo_ssthresh);
            assert_true(late || f->tcb.ssthresh >= HIGH);
            assert_int_equal(f->tcb.loss & TFSM_L_UNDO, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undo_frto_timeout_sends_the_front),
        cmocka_unit_test(test_undo_frto_first_ack_lets_out_new_text),
        cmocka_unit_test(test_undo_frto_first_ack_may_cover_more),
        cmocka_unit_test(test_undo_frto_first_ack_lets_out_the_only_new_segment),
        cmocka_unit_test(test_undo_frto_second_ack_tells),
        cmocka_unit_test(test_undo_frto_alone_gives_no_window_back),
        cmocka_unit_test(test_undo_frto_spurious_lets_fast_retransmit_begin),
        cmocka_unit_test(test_undo_frto_second_ack_duplicate),
        cmocka_unit_test(test_undo_frto_first_ack_duplicate),
        cmocka_unit_test(test_undo_frto_first_ack_of_all),
        cmocka_unit_test(test_undo_frto_first_ack_of_a_part),
        cmocka_unit_test(test_undo_frto_without_text_that_may_go),
        cmocka_unit_test(test_undo_frto_without_new_text),
        cmocka_unit_test(test_undo_frto_passes_over_what_is_no_answer),
        cmocka_unit_test(test_undo_frto_not_within_the_recovery_of_a_timeout),
        cmocka_unit_test(test_undo_frto_not_after_a_step_that_failed),
        cmocka_unit_test(test_undo_frto_in_fast_recovery_gives_no_window_back),
        cmocka_unit_test(test_undo_frto_off),
        cmocka_unit_test(test_undo_frto_sack_first_ack_lets_out_new_text),
        cmocka_unit_test(test_undo_frto_sack_second_ack_tells),
        cmocka_unit_test(test_undo_frto_sack_beyond_tells_of_loss),
        cmocka_unit_test(test_undo_frto_sack_first_ack_of_all),
        cmocka_unit_test(test_undo_frto_sack_no_third_step_after_an_ack_of_all),
        cmocka_unit_test(test_undo_frto_sack_duplicates_are_passed_over),
        cmocka_unit_test(test_undo_frto_sack_without_new_text),
        cmocka_unit_test(test_undo_frto_sack_not_in_fast_recovery),
        cmocka_unit_test(test_undo_frto_sack_passes_over_what_is_no_answer),
        cmocka_unit_test(test_undo_eifel_timeout),
        cmocka_unit_test(test_undo_eifel_fast_retransmit),
        cmocka_unit_test(test_undo_shows_reordering),
        cmocka_unit_test(test_undo_eifel_new_echo_is_no_sign),
        cmocka_unit_test(test_undo_eifel_first_ack_decides),
        cmocka_unit_test(test_undo_eifel_duplicates_decide_nothing),
        cmocka_unit_test(test_undo_eifel_echo_of_the_first_of_two_retransmissions),
        cmocka_unit_test(test_undo_eifel_needs_timestamps_and_the_bit),
        cmocka_unit_test(test_undo_eifel_restores_a_threshold),
        cmocka_unit_test(test_undo_dsack_all_doubled),
        cmocka_unit_test(test_undo_dsack_on_the_last_ack),
        cmocka_unit_test(test_undo_dsack_one_not_doubled),
        cmocka_unit_test(test_undo_dsack_one_lost_undoes_nothing),
        cmocka_unit_test(test_undo_dsack_sent_again_twice),
        cmocka_unit_test(test_undo_dsack_of_another_in_the_recovery),
        cmocka_unit_test(test_undo_dsack_needs_the_bit),
        cmocka_unit_test(test_undo_delay_spike),
        cmocka_unit_test(test_undo_real_loss_stays_one),
        cmocka_unit_test(test_undo_frto_real_loss_takes_one_timeout),
        cmocka_unit_test(test_undo_frto_sack_block_below_tells),
        cmocka_unit_test(test_undo_frto_sack_counts_blocks_that_are_there),
        cmocka_unit_test(test_undo_frto_sack_ack_beyond_tells_nothing),
        cmocka_unit_test(test_undo_frto_second_ack_duplicate_sends_old_text),
        cmocka_unit_test(test_undo_frto_sack_duplicate_without_news),
        cmocka_unit_test(test_undo_frto_with_the_peers_window_shut),
        cmocka_unit_test(test_undo_frto_times_out_again),
        cmocka_unit_test(test_undo_frto_sack_times_out_again),
        cmocka_unit_test(test_undo_eifel_after_two_timeouts),
        cmocka_unit_test(test_undo_eifel_not_with_ece),
        cmocka_unit_test(test_undo_barred_hears_of_what_came_twice),
        cmocka_unit_test(test_undo_eifel_not_with_a_dsack),
        cmocka_unit_test(test_undo_eifel_not_with_an_ack_of_all),
        cmocka_unit_test(test_undo_dsack_within_the_recovery),
        cmocka_unit_test(test_undo_dsack_of_one_told_twice),
        cmocka_unit_test(test_undo_dsack_at_snd_una),
        cmocka_unit_test(test_undo_dsack_never_sent_again),
        cmocka_unit_test(test_undo_dsack_of_another_after_the_recovery),
        cmocka_unit_test(test_undo_dsack_of_an_earlier_recovery),
        cmocka_unit_test(test_undo_what_was_lost_comes_first),
        cmocka_unit_test(test_undo_what_was_lost_comes_first_without_rack),
        cmocka_unit_test(test_undo_a_part_of_what_was_lost_comes_first),
        cmocka_unit_test(test_undo_what_was_lost_had_gone_twice),
        cmocka_unit_test(test_undo_gives_ssthresh_back_to_a_window_that_is_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
