/* Windows: which segment may change SND.WND, what a window that shrinks does, scaling and when it
 * is in effect, the right edge we announce, and the silly window syndrome on both sides (RFC
 * 9293 3.8.6). */
#include "fixture.h"

/* ---- SND.WND, SND.WL1, SND.WL2: RFC9293:3.10.7.4 fifth ---- */

/* 300 octets in flight, and the peer has sent ten octets: SND.WL1 = IRS+1, SND.WL2 = ISS+1. */
static struct fixture *with_history(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, 300);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 300);
    arrive(f, .flags = TFSM_ACK, .ack = 100, .text = 10);
    expect_ack(f);
    assert_int_equal(f->tcb.snd_wl1, f->irs + 1);
    assert_int_equal(f->tcb.snd_wl2, f->iss + 101);
    return f;
}

/* RFC9293:3.10.7.4o */
static void test_window_newer_seq_updates(void **state)
{
    struct fixture *f = with_history(state);
    f->peer.wnd = 1234;
    arrive(f, .flags = TFSM_ACK);
    assert_int_equal(f->tcb.snd_wnd, 1234);
    assert_int_equal(f->tcb.snd_wl1, f->irs + 11);
    assert_int_equal(f->tcb.snd_wl2, f->iss + 101);
}

/* RFC9293:3.10.7.4o */
static void test_window_same_seq_newer_ack_updates(void **state)
{
    struct fixture *f = with_history(state);
    arrive(f, .flags = TFSM_ACK);
    f->peer.wnd = 1234;
    arrive(f, .flags = TFSM_ACK, .ack = 50);
    assert_int_equal(f->tcb.snd_wnd, 1234);
    assert_int_equal(f->tcb.snd_wl2, f->iss + 151);
}

static void test_window_same_seq_same_ack_updates(void **state)
{
    struct fixture *f = with_history(state);
    arrive(f, .flags = TFSM_ACK);
    f->peer.wnd = 1234;
    arrive(f, .flags = TFSM_ACK);
    assert_int_equal(f->tcb.snd_wnd, 1234);
}

/* RFC9293:3.10.7.4o */
static void test_window_same_seq_older_ack_does_not_update(void **state)
{
    struct fixture *f = with_history(state);
    arrive(f, .flags = TFSM_ACK, .ack = 50);
    f->peer.wnd = 1234;
    arrive(f, .flags = TFSM_ACK, .ack = -50);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
}

/* B38: reordered segments: the one that was sent earlier says nothing new. [RFC9293:3.10.7.4o] */
static void test_window_older_seq_does_not_update(void **state)
{
    struct fixture *f = with_history(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 10);
    assert_int_equal(f->tcb.snd_wl1, f->irs + 111);
    f->peer.wnd = 1234;
    arrive(f, .flags = TFSM_ACK);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
    assert_int_equal(f->tcb.snd_wl1, f->irs + 111);
    arrive(f, .flags = TFSM_ACK, .ack = -50, .text = 5);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
}

/* RFC 9293 3.8.6: one that acknowledges more was sent later, though it repeats older text: its
 * window is taken, or SND.UNA would carry the old one beyond the edge the peer allows. */
static void test_window_older_seq_newer_ack_does_not_move_the_edge_out(void **state)
{
    struct fixture *f = with_history(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 10);
    f->peer.wnd = 1234;
    arrive(f, .flags = TFSM_ACK, .ack = 200);
    assert_int_equal(f->fx.acknowledged, 200);
    assert_int_equal(f->tcb.snd_wnd, 1234);
}

/* Invariant 1 of history: not from a segment that is refused. */
static void test_window_refused_segment_does_not_update(void **state)
{
    struct fixture *f = with_history(state);
    f->peer.wnd = 1234;
    arrive(f, .flags = TFSM_ACK, .ack = 201);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .seq = -1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_RST, .seq = 1);
    expect_challenged(f);
}

static void test_window_update_lets_more_out(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, BUFF);
    (void)drain(f, &out, 1);
    f->peer.wnd = 7000;
    arrive(f, .flags = TFSM_ACK);
    assert_int_equal(drain(f, &out, 1), 2);
    assert_int_equal(f->sent, f->iss + 1 + 7000);
}

/* ---- shrinking: RFC9293:MUST-34, SHLD-15 ---- */

/* RFC9293:MUST-34, SHLD-15, RFC7323:2.4a, RFC7323:2.4d, B65: SND.UNA + SND.WND < SND.NXT. */
static void test_window_shrunk_below_what_is_in_flight_sends_nothing_new(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, BUFF);
    (void)drain(f, &out, 1);
    f->peer.wnd = 500;
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    expect_nothing(f);
    assert_int_equal(f->tcb.snd_wnd, 500);
    arrive(f, .flags = TFSM_ACK, .ack = 3000);
    expect_nothing(f);
    f->peer.wnd = PEER_WND;
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    assert_int_equal(drain(f, &out, 1), 5);
}

/* RFC9293:MUST-34: the FIN takes a place in the window, too. */
static void test_window_shrunk_below_what_is_in_flight_sends_no_fin(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 3 * MSS);
    assert_int_equal(drain(f, &out, 1), 3);
    f->peer.wnd = MSS;
    arrive(f, .flags = TFSM_ACK, .seq = 0);
    user_close(f);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 2 * MSS); /* full to the last octet */
    expect_nothing(f);
    f->peer.wnd = MSS + 1;
    arrive(f, .flags = TFSM_ACK, .ack = 0);
    (void)expect_segment(f, .flags = TFSM_ACK | TFSM_FIN, .seq = 1 + 3 * MSS, .ack = 1, .len = 1);
}

/* RFC9293:SHLD-16: what is within the window is sent again, and MAY-7 allows the rest. */
static void test_window_shrunk_text_is_sent_again(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, 3000);
    (void)drain(f, &out, 1);
    f->peer.wnd = 400;
    arrive(f, .flags = TFSM_ACK);
    expire(f);
    assert_true(take(f, &out));
    assert_int_equal(out.seq, f->iss + 1);
    assert_in_range(out.len, 400, MSS);
    expect_nothing(f);
}

static void test_window_greatest_is_remembered(void **state)
{
    struct fixture *f = in_established(state);
    f->peer.wnd = 60000;
    arrive(f, .flags = TFSM_ACK);
    f->peer.wnd = 10;
    arrive(f, .flags = TFSM_ACK);
    assert_int_equal(f->tcb.snd_wnd_max, 60000);
}

/* RFC9293:MUST-1: a window is unsigned. */
static void test_window_largest_is_unsigned(void **state)
{
    struct fixture *f = in_established(state);
    f->peer.wnd = 65535;
    arrive(f, .flags = TFSM_ACK);
    assert_int_equal(f->tcb.snd_wnd, 65535);
}

/* ---- the sender's silly window: RFC9293:MUST-38 ---- */

/* RFC9293:MUST-38 */
static void test_window_sws_small_opening_sends_nothing(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, BUFF);
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_ACK, .ack = 10);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 989);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 5001, .ack = 1, .len = MSS);
    expect_nothing(f);
}

/* RFC9293:MUST-38, MUST-60: (4): nothing in flight, so no ACK will come: a timer overrides, within
 * the window. B59 */
static void test_window_sws_small_window_and_nothing_in_flight_waits_for_a_timer(void **state)
{
    struct fixture *f = in_established(state);
    f->peer.wnd = 10;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, 3000);
    expect_nothing(f);
    expire(f);
    struct tfsm_segment out;
    assert_int_equal(drain(f, &out, 1), 1);
    assert_int_equal(out.seq, f->iss + 1);
    assert_in_range(out.len, 1, 10);
}

/* The back-off of the timer that a silly window waits for ends with the wait: what then goes out was never lost. */
static void test_window_sws_back_off_does_not_outlive_the_wait(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    f->peer.wnd = 10;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, 5000);
    (void)drain(f, &out, 1);
    for (unsigned i = 0; i < 3; i++) {
        expire(f);
    }
    f->peer.wnd = PEER_WND;
    arrive(f, .flags = TFSM_ACK);
    (void)drain(f, &out, 1);
    expect_deadline(f, f->now + RTO);
}

/* RFC9293:MUST-34, SHLD-15: below what is in flight there is no usable window, however small a text
 * would do. */
static void test_window_sws_negative_usable_window_sends_nothing(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, 500);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 500);
    f->peer.wnd = 499;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, 1);
    expect_nothing(f);
    f->peer.wnd = 501;
    arrive(f, .flags = TFSM_ACK);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 501, .ack = 1, .len = 1);
}

/* RFC9293:MUST-38: (2): all that is queued fits. */
static void test_window_sws_everything_queued_goes(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, 3);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 3);
}

/* RFC9293:MUST-38: (3): half of the greatest window, though that is less than an MSS.
 * [RFC9293:3.8.6.2.1a] */
static void test_window_sws_half_of_a_small_window_is_enough(void **state)
{
    struct fixture *f = fresh(state);
    f->peer.wnd = 600;
    reach_established(f);
    user_send(f, 3000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 600);
    expect_nothing(f);
    f->peer.wnd = 300;
    arrive(f, .flags = TFSM_ACK, .ack = 600);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 601, .ack = 1, .len = 300);
    expect_nothing(f);
}

/* RFC9293:3.8.6.2.1a: less than half is not, and then a second is enough to wait, however long the
 * retransmission timeout. */
static void test_window_sws_less_than_half_waits_a_second(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->peer.wnd = 600;
    f->cfg.rto_min = 3 * RTO;
    reach_established(f);
    user_send(f, 3000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 600);
    f->peer.wnd = 299;
    arrive(f, .flags = TFSM_ACK, .ack = 600);
    expect_nothing(f);
    expect_deadline(f, f->now + SECOND);
    expire(f);
    assert_int_equal(drain(f, &out, 1), 1);
    assert_int_equal(out.seq, f->iss + 601);
    assert_in_range(out.len, 1, 299);
}

/* RFC9293:MUST-38: (3) again: what is in flight uses up its part of the window. */
static void test_window_sws_half_of_the_window_beside_text_in_flight(void **state)
{
    struct fixture *f = fresh(state);
    f->peer.wnd = 700;
    reach_established(f);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    user_send(f, 3000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 101, .ack = 1, .len = 600);
    expect_nothing(f);
}

/* ---- Nagle's algorithm: RFC9293:SHLD-7, MUST-17 ---- */

static struct fixture *with_nagle(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile = TFSM_RFC5961;
    reach_established(f);
    user_send(f, 10);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    return f;
}

/* RFC9293:SHLD-7, SHLD-27, MAY-16 */
static void test_window_nagle_small_text_waits_for_the_ack(void **state)
{
    struct fixture *f = with_nagle(state);
    user_send(f, 20);
    expect_nothing(f);
    user_send(f, 30);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 10);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 11, .ack = 1, .len = 50);
    expect_nothing(f);
}

/* RFC9293:SHLD-7 */
static void test_window_nagle_part_of_the_ack_is_not_enough(void **state)
{
    struct fixture *f = with_nagle(state);
    user_send(f, 20);
    arrive(f, .flags = TFSM_ACK, .ack = 9);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 11, .ack = 1, .len = 20);
}

/* RFC9293:SHLD-7, SHLD-28 */
static void test_window_nagle_full_segment_goes(void **state)
{
    struct fixture *f = with_nagle(state);
    user_send(f, MSS + 5);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 11, .ack = 1, .len = MSS);
    expect_nothing(f);
}

/* The FIN is no reason to wait: with no text left it goes at once. */
static void test_window_nagle_fin_alone_goes(void **state)
{
    struct fixture *f = with_nagle(state);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 11, .ack = 1, .len = 1);
    expect_nothing(f);
}

/* RFC9293:MUST-60: What waits is not forgotten when the ACK is lost: the timer sends the first text
 * again. */
static void test_window_nagle_text_goes_after_retransmission(void **state)
{
    struct fixture *f = with_nagle(state);
    struct tfsm_segment out;
    user_send(f, 20);
    user_close(f);
    expect_nothing(f);
    expire(f);
    assert_true(take(f, &out));
    assert_int_equal(out.seq, f->iss + 1);
    arrive(f, .flags = TFSM_ACK, .ack = out.len);
    (void)drain(f, &out, 1);
    assert_int_equal(f->sent, f->iss + 1 + 31);
    assert_true(f->sent_fin);
}

/* RFC9293:MUST-17 */
static void test_window_nagle_can_be_disabled(void **state)
{
    struct fixture *f = in_established(state);
    for (uint32_t i = 0; i < 5; i++) {
        user_send(f, 10);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + 10 * i, .ack = 1, .len = 10);
    }
}

/* ---- scaling: RFC 7323 2 ---- */

#define MEGA 1048576u

static struct fixture *scaling(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_WSCALE;
    f->cfg.rcv_buff = MEGA;
    f->peer.options = TFSM_OPT_MSS | TFSM_OPT_WSCALE;
    f->peer.wscale = 3;
    return f;
}

/* RFC7323:2.2e, RFC7323:2.3b, B68 (a): the window of a SYN is never scaled. */
static void test_window_scale_is_offered(void **state)
{
    struct fixture *f = scaling(state);
    open_active(f);
    struct tfsm_segment syn = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(syn.options, TFSM_OPT_MSS | TFSM_OPT_WSCALE);
    assert_in_range((uint64_t)65535u << syn.wscale, MEGA, 2 * MEGA);
    assert_int_equal(syn.wnd, 65535);
}

static void test_window_scale_is_not_offered_without_the_profile(void **state)
{
    struct fixture *f = in_closed(state);
    f->cfg.rcv_buff = MEGA;
    open_active(f);
    struct tfsm_segment syn = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(syn.options, TFSM_OPT_MSS);
    assert_int_equal(syn.wnd, 65535);
}

/* RFC7323:2.2b, RFC7323:2.3c, RFC7323:2.3d, RFC7323:2.3e */
static void test_window_scale_both_ways_active(void **state)
{
    struct fixture *f = scaling(state);
    reach_established(f);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
    assert_int_equal(f->tcb.snd_wscale, 3);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND << 3);
    assert_int_equal(f->tcb.snd_wnd_max, PEER_WND << 3);
    struct tfsm_segment ack = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 11);
    assert_in_range((uint32_t)ack.wnd << f->tcb.rcv_wscale, MEGA - 10 - 63, MEGA);
}

/* RFC7323:2.2e, RFC7323:2.3a, RFC7323:2.3d */
static void test_window_scale_both_ways_passive(void **state)
{
    struct fixture *f = scaling(state);
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS | TFSM_OPT_WSCALE);
    assert_int_equal(s.wnd, 65535);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND << 3);
}

/* RFC7323:2.2e, RFC7323:2.3a, RFC7323:2.3d */
static void test_window_scale_both_ways_simultaneous(void **state)
{
    struct fixture *f = scaling(state);
    reach_syn_sent(f);
    arrive(f, .flags = TFSM_SYN);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options & TFSM_OPT_WSCALE, TFSM_OPT_WSCALE);
    assert_int_equal(s.wnd, 65535);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND << 3);
}

/* RFC7323:2.2b, RFC7323:2.3c: Both sides must offer it. */
static void test_window_scale_not_offered_by_the_peer_is_off(void **state)
{
    struct fixture *f = scaling(state);
    f->peer.options = TFSM_OPT_MSS;
    reach_established(f);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
    assert_int_equal(f->tcb.snd_wscale, 0);
    assert_int_equal(f->tcb.rcv_wscale, 0);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 11);
    assert_in_range(f->tcb.rcv_wnd, 60000, 65535);
}

/* RFC7323:2.2c */
static void test_window_scale_not_offered_by_the_peer_is_not_answered(void **state)
{
    struct fixture *f = scaling(state);
    f->peer.options = TFSM_OPT_MSS;
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
}

/* RFC7323:2.2b, RFC7323:2.3c */
static void test_window_scale_not_offered_by_us_is_off(void **state)
{
    struct fixture *f = scaling(state);
    f->cfg.profile = PROFILE;
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
    assert_int_equal(f->tcb.rcv_wscale, 0);
}

/* RFC7323:2.3g, RFC9293:REC-1, B68 (b): a shift beyond 14 is taken as 14. */
static void test_window_scale_beyond_14_is_14(void **state)
{
    static const uint8_t shifts[] = {14, 15, 118, 255};
    for (size_t i = 0; i < sizeof shifts; i++) {
        struct fixture *f = scaling(state);
        f->peer.wscale = shifts[i];
        f->peer.wnd = 65535;
        reach_established(f);
        arrive(f, .flags = TFSM_ACK);
        assert_int_equal(f->tcb.snd_wnd, 65535u << 14);
    }
}

/* RFC7323:2.2d: The option counts in a SYN only. */
static void test_window_scale_outside_a_syn_is_ignored(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_ACK});
    s.options = TFSM_OPT_WSCALE | TFSM_OPT_MSS;
    s.wscale = 7;
    s.mss = 9;
    arrive_segment(f, &s);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
    assert_int_equal(f->tcb.snd_mss, MSS);
}

static void test_window_scale_survives_retransmission(void **state)
{
    struct fixture *f = scaling(state);
    reach_syn_received(f);
    expire(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS | TFSM_OPT_WSCALE);
    assert_int_equal(s.wnd, 65535);
}

/* RFC9293:SHLD-14, RFC7323:2.4c: Odd amounts of text under a scale: the fixture watches that the
 * edge does not recede. */
static void test_window_scale_rounding_keeps_the_edge(void **state)
{
    struct fixture *f = scaling(state);
    struct tfsm_segment out;
    reach_established(f);
    for (uint32_t i = 0; i < 300; i++) {
        arrive(f, .flags = TFSM_ACK, .text = 1 + i % 13);
        (void)drain(f, &out, 1);
        user_receive(f, i % 7);
        (void)drain(f, &out, 1);
    }
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC7323:2.3f */
static void test_window_scale_largest_buffer(void **state)
{
    struct fixture *f = scaling(state);
    f->cfg.rcv_buff = TFSM_BUFF_MAX;
    reach_established(f);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    struct tfsm_segment ack = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 11);
    assert_int_equal(f->tcb.rcv_wscale, 14);
    assert_in_range(ack.wnd, 65534, 65535);
}

/* RFC7323:2.3f: whatever the embedder says of its buffer. */
static void test_window_scale_of_a_buffer_too_large(void **state)
{
    struct fixture *f = scaling(state);
    f->cfg.rcv_buff = UINT32_MAX;
    open_active(f);
    struct tfsm_segment syn = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(syn.wscale, 14);
}

/* ---- RCV.WND ---- */

/* The right edge stays while text arrives and nobody reads. */
static void test_window_closes_as_the_buffer_fills(void **state)
{
    struct fixture *f = in_established(state);
    for (uint32_t i = 1; i <= 10; i++) {
        arrive(f, .flags = TFSM_ACK, .text = BUFF / 10);
        struct tfsm_segment s =
            expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + i * (BUFF / 10));
        assert_int_equal(s.wnd, BUFF - i * (BUFF / 10));
    }
}

/* B62: reading a full buffer empty must be announced, or the peer waits for ever. */
static void test_window_zero_then_receive_announces(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = BUFF);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, 0);
    user_receive(f, BUFF);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, BUFF);
    expect_nothing(f);
}

/* RFC9293:MUST-39, B67: not before an MSS or half the buffer is free. [RFC9293:3.8.6.2.2a] */
static void test_window_sws_small_reads_announce_nothing(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = BUFF);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    for (int i = 0; i < 9; i++) {
        user_receive(f, 111);
        expect_nothing(f);
    }
    user_receive(f, 1);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, MSS);
    expect_nothing(f);
}

/* RFC9293:MUST-39: 999 octets free: an ACK that goes out anyway does not move the edge either. */
static void test_window_sws_holds_for_every_ack(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = BUFF);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    user_receive(f, MSS - 1);
    arrive(f, .flags = TFSM_ACK, .text = 1);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, 0);
}

/* RFC9293:MUST-39, RFC9293:3.8.6.2.2a */
static void test_window_sws_half_of_a_small_buffer_is_enough(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rcv_buff = 100;
    reach_established(f);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 101);
    user_receive(f, 49);
    expect_nothing(f);
    user_receive(f, 1);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 101);
    assert_int_equal(s.wnd, 50);
}

/* Octets that were read at once need no update of their own: the next ACK carries it. */
static void test_window_read_at_once_stays_wide_open(void **state)
{
    struct fixture *f = in_established(state);
    for (uint32_t i = 1; i <= 30; i++) {
        arrive(f, .flags = TFSM_ACK, .text = MSS);
        user_receive(f, MSS);
        struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + i * MSS);
        assert_int_equal(s.wnd, BUFF);
        expect_nothing(f);
    }
}

/* RFC9293:SHLD-14, RFC7323:2.4b: the embedder shrinks the buffer; the edge stays where it was
 * promised. [RFC9293:3.10.7.4s] */
static void test_window_smaller_buffer_keeps_the_edge(void **state)
{
    struct fixture *f = in_established(state);
    f->cfg.rcv_buff = 100;
    arrive(f, .flags = TFSM_ACK, .text = 10);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 11);
    assert_int_equal(s.wnd, BUFF - 10);
    arrive(f, .flags = TFSM_ACK, .text = BUFF - 10);
    expect_delivered(f, BUFF - 10);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, 0);
    user_receive(f, BUFF);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, 100);
}

static void test_window_larger_buffer_is_announced(void **state)
{
    struct fixture *f = in_established(state);
    f->cfg.rcv_buff = 3 * BUFF;
    arrive(f, .flags = TFSM_ACK, .text = 10);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 11);
    assert_int_equal(s.wnd, 3 * BUFF - 10);
}

/* ---- two machines ---- */

struct pair {
    struct fixture a;
    struct fixture b;
};

/* Deliver everything until nobody says anything; returns how many segments that took. */
static size_t settle(struct pair *p)
{
    struct tfsm_segment there[20];
    struct tfsm_segment back[20];
    size_t n = 0;
    size_t last = 1;
    while (last > 0 && n < 500) {
        size_t goes = drain(&p->a, there, 20);
        size_t comes = drain(&p->b, back, 20);
        for (size_t i = 0; i < goes; i++) {
            arrive_segment(&p->b, &there[i]);
        }
        for (size_t i = 0; i < comes; i++) {
            arrive_segment(&p->a, &back[i]);
        }
        last = goes + comes;
        n += last;
    }
    return n;
}

/* Time goes to the next deadline of either; both hear of it. */
static void both_expire(struct pair *p)
{
    tfsm_time first = tfsm_deadline(&p->a.tcb);
    tfsm_time second = tfsm_deadline(&p->b.tcb);
    tfsm_time when = first < second ? first : second;
    assert_true(when != TFSM_NEVER);
    after(&p->a, when - p->a.now);
    after(&p->b, when - p->b.now);
}

/* Each has filled the other's buffer and has as much again to send. */
static struct pair *both_closed(void **state)
{
    static struct pair p;
    p.a = *fresh(state);
    p.b = p.a;
    p.b.iss = p.a.irs;
    p.b.irs = p.a.iss;
    open_passive(&p.b);
    open_active(&p.a);
    (void)settle(&p);
    for (int i = 0; i < 2; i++) {
        user_send(&p.a, BUFF);
        user_send(&p.b, BUFF);
        (void)settle(&p);
    }
    assert_int_equal(p.a.readable, BUFF);
    assert_int_equal(p.b.readable, BUFF);
    assert_int_equal(p.a.tcb.snd_wnd, 0);
    assert_int_equal(p.b.tcb.snd_wnd, 0);
    return &p;
}

/* RFC9293:MUST-37: RFC 9293 A.2, invariant 5 of history: probes that cross must not start a
 * dialogue that feeds itself, and must not be taken for silence. */
static void test_window_two_machines_probe_each_other(void **state)
{
    struct pair *p = both_closed(state);
    for (unsigned i = 0; i < 5 * RETRIES; i++) {
        both_expire(p);
        assert_in_range(settle(p), 0, 10);
    }
    expect_state(&p->a, TFSM_ESTABLISHED);
    expect_state(&p->b, TFSM_ESTABLISHED);
}

/* After that one side reads, then the other: all the text gets through. */
static void test_window_two_machines_recover_from_closed_windows(void **state)
{
    struct pair *p = both_closed(state);
    both_expire(p);
    (void)settle(p);
    user_receive(&p->a, BUFF);
    (void)settle(p);
    user_receive(&p->b, BUFF);
    (void)settle(p);
    for (int i = 0; i < 10 && p->a.readable + p->b.readable < 4 * BUFF; i++) {
        both_expire(p);
        (void)settle(p);
    }
    assert_int_equal(p->a.readable, 2 * BUFF);
    assert_int_equal(p->b.readable, 2 * BUFF);
}

/* RFC9293:3.10.7.4 first: a valid ACK counts although the window is closed. b's buffer is full
 * and a's probe is out, so that a's ACKs have SEQ = RCV.NXT+1; b's text still gets acknowledged.
 * */
static void test_window_two_machines_acks_pass_a_closed_window(void **state)
{
    struct pair *p = both_closed(state);
    user_receive(&p->a, BUFF);
    (void)settle(p);
    user_receive(&p->a, BUFF);
    (void)settle(p);
    for (int i = 0; i < 10 && p->b.tcb.snd_una != p->b.tcb.snd_nxt; i++) {
        both_expire(p);
        (void)settle(p);
    }
    both_expire(p);
    (void)settle(p);
    assert_int_equal(p->a.tcb.snd_wnd, 0);
    assert_true(in_flight(&p->a) > 0);
    uint32_t before = p->b.tcb.snd_una;
    user_send(&p->b, 500);
    (void)settle(p);
    assert_int_equal(p->b.tcb.snd_una - before, 500);
}

/* RFC9293:MUST-36: The update that opens the window is lost; the probe finds out. */
static void test_window_two_machines_lost_update_is_found_by_a_probe(void **state)
{
    struct pair *p = both_closed(state);
    struct tfsm_segment lost;
    user_receive(&p->a, BUFF);
    (void)drain(&p->a, &lost, 1);
    for (int i = 0; i < 10 && p->a.readable < 2 * BUFF; i++) {
        both_expire(p);
        (void)settle(p);
    }
    assert_int_equal(p->a.readable, 2 * BUFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_newer_seq_updates),
        cmocka_unit_test(test_window_same_seq_newer_ack_updates),
        cmocka_unit_test(test_window_same_seq_same_ack_updates),
        cmocka_unit_test(test_window_same_seq_older_ack_does_not_update),
        cmocka_unit_test(test_window_older_seq_does_not_update),
        cmocka_unit_test(test_window_older_seq_newer_ack_does_not_move_the_edge_out),
        cmocka_unit_test(test_window_refused_segment_does_not_update),
        cmocka_unit_test(test_window_update_lets_more_out),
        cmocka_unit_test(test_window_shrunk_below_what_is_in_flight_sends_nothing_new),
        cmocka_unit_test(test_window_shrunk_below_what_is_in_flight_sends_no_fin),
        cmocka_unit_test(test_window_shrunk_text_is_sent_again),
        cmocka_unit_test(test_window_greatest_is_remembered),
        cmocka_unit_test(test_window_largest_is_unsigned),
        cmocka_unit_test(test_window_sws_small_opening_sends_nothing),
        cmocka_unit_test(test_window_sws_small_window_and_nothing_in_flight_waits_for_a_timer),
        cmocka_unit_test(test_window_sws_back_off_does_not_outlive_the_wait),
        cmocka_unit_test(test_window_sws_negative_usable_window_sends_nothing),
        cmocka_unit_test(test_window_sws_everything_queued_goes),
        cmocka_unit_test(test_window_sws_half_of_a_small_window_is_enough),
        cmocka_unit_test(test_window_sws_less_than_half_waits_a_second),
        cmocka_unit_test(test_window_sws_half_of_the_window_beside_text_in_flight),
        cmocka_unit_test(test_window_nagle_small_text_waits_for_the_ack),
        cmocka_unit_test(test_window_nagle_part_of_the_ack_is_not_enough),
        cmocka_unit_test(test_window_nagle_full_segment_goes),
        cmocka_unit_test(test_window_nagle_fin_alone_goes),
        cmocka_unit_test(test_window_nagle_text_goes_after_retransmission),
        cmocka_unit_test(test_window_nagle_can_be_disabled),
        cmocka_unit_test(test_window_scale_is_offered),
        cmocka_unit_test(test_window_scale_is_not_offered_without_the_profile),
        cmocka_unit_test(test_window_scale_both_ways_active),
        cmocka_unit_test(test_window_scale_both_ways_passive),
        cmocka_unit_test(test_window_scale_both_ways_simultaneous),
        cmocka_unit_test(test_window_scale_not_offered_by_the_peer_is_off),
        cmocka_unit_test(test_window_scale_not_offered_by_the_peer_is_not_answered),
        cmocka_unit_test(test_window_scale_not_offered_by_us_is_off),
        cmocka_unit_test(test_window_scale_beyond_14_is_14),
        cmocka_unit_test(test_window_scale_outside_a_syn_is_ignored),
        cmocka_unit_test(test_window_scale_survives_retransmission),
        cmocka_unit_test(test_window_scale_rounding_keeps_the_edge),
        cmocka_unit_test(test_window_scale_largest_buffer),
        cmocka_unit_test(test_window_scale_of_a_buffer_too_large),
        cmocka_unit_test(test_window_closes_as_the_buffer_fills),
        cmocka_unit_test(test_window_zero_then_receive_announces),
        cmocka_unit_test(test_window_sws_small_reads_announce_nothing),
        cmocka_unit_test(test_window_sws_holds_for_every_ack),
        cmocka_unit_test(test_window_sws_half_of_a_small_buffer_is_enough),
        cmocka_unit_test(test_window_read_at_once_stays_wide_open),
        cmocka_unit_test(test_window_smaller_buffer_keeps_the_edge),
        cmocka_unit_test(test_window_larger_buffer_is_announced),
        cmocka_unit_test(test_window_two_machines_probe_each_other),
        cmocka_unit_test(test_window_two_machines_recover_from_closed_windows),
        cmocka_unit_test(test_window_two_machines_acks_pass_a_closed_window),
        cmocka_unit_test(test_window_two_machines_lost_update_is_found_by_a_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
