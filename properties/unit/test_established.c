/* ESTABLISHED: data flow both ways. Where a segment lies decides first, then RST, security, SYN,
 * ACK, URG, text and FIN, in the order of RFC 9293 3.10.7.4. */
#include "fixture.h"

/* ---- first: sequence number ---- */

static void test_established_text_outside_is_acknowledged(void **state)
{
    same_text_outside_is_acknowledged(in_established(state));
}

static void test_established_dataless_outside_is_acknowledged(void **state)
{
    same_dataless_outside_is_acknowledged(in_established(state));
}

static void test_established_only_an_ack_is_taken_at_the_right_edge(void **state)
{
    same_only_an_ack_is_taken_at_the_right_edge(in_established(state));
}

/* RFC5961:7a */
static void test_established_dataless_replies_are_limited(void **state)
{
    same_dataless_replies_are_limited(in_established(state));
}

static void test_established_data_replies_are_not_limited(void **state)
{
    same_data_replies_are_not_limited(in_established(state));
}

/* ---- second: RST ---- */

/* RFC5961:3.2b, RFC5961:4.2b, RFC9293:MUST-12 */
static void test_established_rst_exact_ends(void **state)
{
    same_rst_exact_ends(in_established(state), TFSM_SIG_RESET);
}

/* RFC9293:SHLD-2 */
static void test_established_rst_exact_with_anything_ends(void **state)
{
    same_rst_exact_with_anything_ends(in_established(state), TFSM_SIG_RESET);
}

/* RFC5961:3.2c */
static void test_established_rst_in_window_is_challenged(void **state)
{
    same_rst_in_window_is_challenged(in_established(state));
}

/* RFC5961:3.2a */
static void test_established_rst_outside_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_established(state));
}

static void test_established_rst_exact_without_5961_ends(void **state)
{
    same_rst_exact_ends(in_plain(state, TFSM_ESTABLISHED), TFSM_SIG_RESET);
}

static void test_established_rst_in_window_without_5961_ends(void **state)
{
    same_plain_rst_in_window_ends(in_plain(state, TFSM_ESTABLISHED), TFSM_SIG_RESET);
}

static void test_established_rst_outside_without_5961_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_plain(state, TFSM_ESTABLISHED));
}

/* ---- third: security ---- */

static void test_established_rst_in_window_comes_before_security(void **state)
{
    same_rst_in_window_comes_before_security(in_established(state));
}

static void test_established_wrong_security_resets(void **state)
{
    same_wrong_security_resets(in_established(state));
}

static void test_established_wrong_security_without_ack_resets(void **state)
{
    same_wrong_security_without_ack_resets(in_established(state));
}

static void test_established_wrong_security_outside_is_acknowledged(void **state)
{
    same_wrong_security_outside_is_acknowledged(in_established(state));
}

/* ---- fourth: SYN ---- */

/* RFC5961:4.2a */
static void test_established_syn_in_window_is_challenged(void **state)
{
    same_syn_in_window_is_challenged(in_established(state));
}

/* RFC5961:4.2a */
static void test_established_syn_outside_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_established(state));
}

/* RFC5961:4.2a: only a SYN in the window itself is an error. */
static void test_established_syn_before_window_without_5961_is_acknowledged(void **state)
{
    struct fixture *f = in_plain(state, TFSM_ESTABLISHED);
    arrive(f, .flags = TFSM_SYN, .seq = -1, .text = 10);
    expect_challenged(f);
    expect_state(f, TFSM_ESTABLISHED);
}

static void test_established_syn_in_window_without_5961_resets(void **state)
{
    same_plain_syn_in_window_resets(in_plain(state, TFSM_ESTABLISHED));
}

static void test_established_syn_ack_in_window_without_5961_resets(void **state)
{
    same_plain_syn_ack_in_window_resets(in_plain(state, TFSM_ESTABLISHED));
}

static void test_established_syn_outside_without_5961_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_plain(state, TFSM_ESTABLISHED));
}

/* ---- fifth: ACK ---- */

static void test_established_ack_missing_is_dropped(void **state)
{
    same_ack_missing_is_dropped(in_established(state));
}

/* RFC5961:5.2a, RFC5961:5.2b */
static void test_established_ack_beyond_snd_nxt_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_established(state));
}

static void test_established_ack_beyond_snd_nxt_without_5961_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_plain(state, TFSM_ESTABLISHED));
}

/* RFC5961:5.2b */
static void test_established_ack_before_iss_is_acknowledged(void **state)
{
    same_ack_before_iss_is_acknowledged(in_established(state));
}

/* ---- zero receive window: RFC9293:MUST-66 ---- */

/* The peer has filled our buffer. */
static struct fixture *in_zero_window(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = BUFF);
    expect_delivered(f, BUFF);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, 0);
    expect_nothing(f);
    return f;
}

/* RFC9293:MAY-8, RFC9293:3.8.6.1a, RFC9293:3.10.7.4a */
static void test_established_zero_window_text_is_acknowledged(void **state)
{
    struct fixture *f = in_zero_window(state);
    for (int i = 0; i < 20; i++) {
        arrive(f, .flags = TFSM_ACK, .text = 1);
        expect_delivered(f, 0);
        assert_int_equal(f->fx.text_count, 0);
        expect_ack(f);
    }
}

/* RFC9293:MUST-66, RFC9293:3.10.7.4b [RFC9293:3.10.7.4d] */
static void test_established_zero_window_rst_exact_ends(void **state)
{
    struct fixture *f = in_zero_window(state);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_RESET);
}

/* RFC9293:MUST-66, RFC5961:3.2a */
static void test_established_zero_window_rst_off_by_one_is_dropped(void **state)
{
    struct fixture *f = in_zero_window(state);
    arrive(f, .flags = TFSM_RST, .seq = 1);
    expect_ignored(f);
    arrive(f, .flags = TFSM_RST, .seq = -1);
    expect_ignored(f);
}

/* RFC 9293 A.2: the peer's probe is out, so its ACKs stand one number further. */
static void test_established_zero_window_ack_after_a_probe_is_taken(void **state)
{
    struct fixture *f = in_zero_window(state);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF, .len = 100);
    arrive(f, .flags = TFSM_ACK, .seq = 2, .ack = 100);
    expect_challenged(f);
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .seq = 1, .ack = 100);
    expect_ignored(f);
    arrive(f, .flags = TFSM_ACK, .seq = 1, .ack = 100);
    assert_int_equal(f->fx.acknowledged, 100);
    expect_nothing(f);
}

/* RFC9293:3.10.7.4b */
static void test_established_zero_window_ack_is_taken(void **state)
{
    struct fixture *f = in_zero_window(state);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF, .len = 100);
    f->peer.wnd = 4000;
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    assert_int_equal(f->fx.acknowledged, 100);
    assert_int_equal(f->tcb.snd_wnd, 4000);
    expect_nothing(f);
}

/* RFC9293:MUST-66: what bears a number and is looked at is answered; a FIN has no place, either. */
static void test_established_zero_window_fin_is_acknowledged(void **state)
{
    struct fixture *f = in_zero_window(state);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN);
    expect_ack(f);
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC9293:MUST-66, RFC9293:3.10.7.4b */
static void test_established_zero_window_urg_is_told(void **state)
{
    struct fixture *f = in_zero_window(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 1);
    expect_signals(f, TFSM_SIG_URGENT);
}

/* RFC9293:MUST-66, RFC9293:3.10.7.4 first: a valid ACK, URG or RST counts although the window is
 * closed, also when it comes on the peer's probe. [RFC9293:3.10.7.4b] */
static void test_established_zero_window_probe_with_ack_and_urg_is_taken(void **state)
{
    struct fixture *f = in_zero_window(state);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF, .len = 100);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .ack = 100, .text = 1, .up = 1);
    assert_int_equal(f->fx.acknowledged, 100);
    expect_signals(f, TFSM_SIG_URGENT);
    expect_delivered(f, 0);
    expect_ack(f);
}

/* RFC9293:MUST-66: that allowance is for RCV.NXT alone. [RFC9293:3.8.6.1a, RFC9293:3.10.7.4a] */
static void test_established_zero_window_text_elsewhere_is_refused(void **state)
{
    static const int64_t places[] = {-1, 1, 2, 1000};
    struct fixture *f = in_zero_window(state);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF, .len = 100);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        arrive(f, .flags = TFSM_ACK | TFSM_URG, .seq = places[i], .ack = 100, .text = 1, .up = 9);
        expect_challenged(f);
    }
}

/* Nothing is in a closed window, so a SYN is not "in the window" either. */
static void test_established_zero_window_syn_without_5961_is_acknowledged(void **state)
{
    struct fixture *f = in_plain(state, TFSM_ESTABLISHED);
    arrive(f, .flags = TFSM_ACK, .text = BUFF);
    expect_ack(f);
    arrive(f, .flags = TFSM_SYN);
    expect_challenged(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .text = 5);
    expect_challenged(f);
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC9293:MUST-66, SHLD-2, 3.10.7.4b */
static void test_established_zero_window_rst_with_text_ends(void **state)
{
    struct fixture *f = in_zero_window(state);
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .text = 10);
    expect_gone(f, TFSM_SIG_RESET);
}

static void test_established_zero_window_fin_is_not_taken(void **state)
{
    struct fixture *f = in_zero_window(state);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, 0);
    expect_ack(f);
}

/* ---- fifth: ACK ---- */

/* RFC9293:3.10.7.4n [RFC9293:3.10.7.4c, RFC9293:3.10.7.4s] */
static void test_established_ack_duplicate_is_quiet(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK);
    assert_int_equal(f->fx.acknowledged, 0);
    expect_signals(f, 0);
    expect_nothing(f);
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC9293:3.10.7.4n */
static void test_established_ack_new_moves_snd_una(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, 300);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 300);
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    assert_int_equal(f->fx.acknowledged, 100);
    assert_int_equal(f->tcb.snd_una, f->iss + 101);
    arrive(f, .flags = TFSM_ACK, .ack = 200);
    assert_int_equal(f->fx.acknowledged, 200);
    assert_int_equal(f->tcb.snd_una, f->tcb.snd_nxt);
    assert_true(f->tcb.snd_octets == 300);
    expect_deadline(f, TFSM_NEVER);
    expect_nothing(f);
}

static void test_established_ack_of_queued_but_unsent_text_is_refused(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, BUFF);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = MSS);
    arrive(f, .flags = TFSM_ACK, .ack = MSS + 1);
    expect_refused(f);
}

/* Send three thousand octets and have them acknowledged: SND.UNA = ISS+3001. */
static struct fixture *after_3000(void **state, uint32_t profile)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->cfg.profile = profile;
    reach_established(f);
    user_send(f, 3000);
    assert_int_equal(drain(f, &out, 1), 3);
    arrive(f, .flags = TFSM_ACK, .ack = 3000);
    return f;
}

/* A duplicate ACK is no reason to drop the rest of the segment. */
static void test_established_ack_old_with_text_delivers(void **state)
{
    struct fixture *f = after_3000(state, PROFILE);
    arrive(f, .flags = TFSM_ACK, .ack = -1, .text = 10);
    expect_delivered(f, 10);
    arrive(f, .flags = TFSM_ACK, .ack = -3000, .text = 10);
    expect_delivered(f, 10);
    assert_int_equal(f->tcb.snd_una, f->iss + 3001);
    expect_ack(f);
}

/* RFC9293:3.10.7.4n */
static void test_established_ack_old_dataless_is_quiet(void **state)
{
    struct fixture *f = after_3000(state, PROFILE);
    arrive(f, .flags = TFSM_ACK, .ack = -3000);
    expect_signals(f, 0);
    expect_nothing(f);
}

/* RFC5961:5.2a, RFC5961:5.2b, RFC9293:MAY-12: SND.UNA - MAX.SND.WND =< SEG.ACK.
 * [RFC9293:3.10.7.4l] */
static void test_established_ack_lower_bound_is_the_greatest_window(void **state)
{
    struct fixture *f = fresh(state);
    f->peer.wnd = 2000;
    reach_established(f);
    struct tfsm_segment out;
    for (int i = 0; i < 4; i++) {
        user_send(f, 1000);
        (void)drain(f, &out, 1);
        f->peer.wnd = 1000;
        arrive(f, .flags = TFSM_ACK, .ack = 1000);
    }
    arrive(f, .flags = TFSM_ACK, .ack = -2000, .text = 10);
    expect_delivered(f, 10);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .ack = -2001, .text = 10);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .ack = -2001);
    expect_challenged(f);
}

static void test_established_ack_old_without_5961_delivers(void **state)
{
    struct fixture *f = after_3000(state, PLAIN);
    arrive(f, .flags = TFSM_ACK, .ack = -100000, .text = 10);
    expect_delivered(f, 10);
    expect_ack(f);
}

/* RFC9293:3.10.7.4: SEG.ACK >= SND.UNA is needed for a window update. */
static void test_established_ack_old_changes_no_window(void **state)
{
    struct fixture *f = after_3000(state, PROFILE);
    f->peer.wnd = 9;
    arrive(f, .flags = TFSM_ACK, .ack = -1, .text = 10);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
}

/* ---- sixth: URG ---- */

/* RFC9293:MUST-32, RFC9293:3.8.5a, RFC9293:3.9.1.8a, RFC9293:3.10.7.4r */
static void test_established_urg_is_told_once(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 50);
    expect_signals(f, TFSM_SIG_URGENT);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 50);
    expect_signals(f, 0);
}

/* What is told already is no reason to stop: the text of the segment counts. */
static void test_established_urg_again_with_text_and_fin_delivers(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 50);
    arrive(f, .flags = TFSM_ACK | TFSM_URG | TFSM_FIN, .text = 50, .up = 50);
    expect_delivered(f, 50);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    expect_state(f, TFSM_CLOSE_WAIT);
}

/* RFC9293:MUST-32: a pointer that moves on is told anew. */
static void test_established_urg_that_advances_is_told_again(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 50);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 51);
    expect_signals(f, TFSM_SIG_URGENT);
    assert_int_equal(f->tcb.rcv_up, f->irs + 1 + 51);
}

/* RCV.UP <- max(RCV.UP, SEG.UP) */
static void test_established_urg_never_recedes(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 50);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 20);
    expect_signals(f, 0);
    assert_int_equal(f->tcb.rcv_up, f->irs + 1 + 50);
}

/* B79: a pointer of zero is in advance of nothing. */
static void test_established_urg_pointer_zero_is_not_told(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 0, .text = 5);
    expect_signals(f, 0);
    expect_delivered(f, 5);
    expect_ack(f);
}

/* RFC9293:MUST-31, MUST-62, B79: the pointer may lie in a later segment. */
static void test_established_urg_pointer_beyond_the_segment_is_told(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 65535, .text = 5);
    expect_signals(f, TFSM_SIG_URGENT);
    expect_delivered(f, 5);
    assert_int_equal(f->tcb.rcv_up, f->irs + 1 + 65535);
}

static void test_established_urg_behind_the_data_consumed_is_not_told(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    user_receive(f, 100);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .seq = -50, .text = 60, .up = 50);
    expect_signals(f, 0);
    expect_delivered(f, 10);
}

static void test_established_urg_after_the_last_was_read_is_told(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 10, .up = 10);
    expect_signals(f, TFSM_SIG_URGENT);
    user_receive(f, 10);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 10, .up = 10);
    expect_signals(f, TFSM_SIG_URGENT);
}

static void test_established_urg_beyond_a_hole_is_told(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .seq = 100, .text = 10, .up = 10);
    expect_signals(f, TFSM_SIG_URGENT);
    assert_int_equal(f->tcb.rcv_up, f->irs + 1 + 110);
}

/* RFC9293:3.1c [RFC9293:3.8.5a, RFC9293:3.9.1.8a, RFC9293:3.10.7.4r] */
static void test_established_without_urg_the_pointer_is_not_read(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 10, .up = 500);
    expect_signals(f, 0);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .text = 10, .up = 500);
    assert_int_equal(f->fx.signals & TFSM_SIG_URGENT, 0);
}

/* ---- seventh: text ---- */

/* RFC5681:4.2d, RFC9293:3.10.7.4s */
static void test_established_text_left_edge_is_delivered(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 100);
    assert_int_equal(f->fx.text_count, 1);
    expect_text(f, 0, 0, 0, 100);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 101);
    assert_int_equal(s.wnd, BUFF - 100);
    expect_nothing(f);
}

/* RFC9293:SHLD-31 */
static void test_established_text_inside_waits(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 500, .text = 100);
    expect_delivered(f, 0);
    expect_text(f, 0, 500, 0, 100);
    expect_ack(f);
}

/* RFC9293:3.10.7.4a */
static void test_established_text_right_edge_waits(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = BUFF - 1, .text = 1);
    expect_delivered(f, 0);
    expect_text(f, 0, BUFF - 1, 0, 1);
    expect_ack(f);
}

/* B35: only the new part counts. [RFC9293:3.10.7.4c] */
static void test_established_text_straddling_left_is_trimmed(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 50);
    arrive(f, .flags = TFSM_ACK, .seq = -50, .text = 60);
    expect_delivered(f, 10);
    assert_int_equal(f->fx.text_count, 1);
    expect_text(f, 0, 50, 50, 10);
    expect_ack(f);
}

/* RFC9293:3.10.7.4c */
static void test_established_text_straddling_right_is_trimmed(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = BUFF - 5, .text = 10);
    expect_text(f, 0, BUFF - 5, 0, 5);
    arrive(f, .flags = TFSM_ACK, .text = BUFF - 5);
    expect_delivered(f, BUFF);
    expect_ack(f);
}

/* Table 6 to the letter: neither its first nor its last octet is in the window. */
static void test_established_text_straddling_both_edges_is_refused(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 20);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .seq = -20, .text = BUFF + 100);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .seq = -20, .text = BUFF);
    expect_delivered(f, BUFF - 20);
    expect_text(f, 0, 20, 20, BUFF - 20);
}

/* RFC9293:MUST-58, MUST-59: a batch is answered by one ACK. */
static void test_established_text_in_a_batch_is_acknowledged_once(void **state)
{
    struct fixture *f = in_established(state);
    for (int i = 0; i < 5; i++) {
        arrive(f, .flags = TFSM_ACK, .text = 100);
    }
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 501);
    expect_nothing(f);
}

/* RFC9293:MUST-58, RFC9293:3.10.7.4t */
static void test_established_ack_rides_on_text(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, 10);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 101, .len = 10);
    expect_nothing(f);
}

/* Invariant 8 of history, B26: other flags neither matter nor come back. */
static void test_established_other_flags_change_nothing(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK | TFSM_PSH | TFSM_ECE | TFSM_CWR, .text = 100);
    expect_delivered(f, 100);
    expect_ack(f);
}

/* ---- eighth: FIN ---- */

/* RFC9293:3.6b, RFC9293:3.10.7.4u */
static void test_established_fin_closes(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 2);
    assert_int_equal(s.wnd, BUFF - 1); /* the edge stays where it was */
    expect_nothing(f);
    expect_deadline(f, TFSM_NEVER);
}

static void test_established_fin_with_text_closes(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK | TFSM_PSH, .text = 100);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_delivered(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 102);
    expect_nothing(f);
}

/* B41: a FIN counts when it is next in sequence. */
static void test_established_fin_beyond_a_hole_waits(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 100);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, 0);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 102);
}

static void test_established_fin_with_text_straddling_left_closes(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 50);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -50, .text = 50);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_delivered(f, 0);
    expect_ack(f);
}

/* The last place in the window holds a FIN; one further on it is trimmed off. */
static void test_established_fin_at_the_right_edge_closes(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = BUFF - 1);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_delivered(f, BUFF - 1);
}

static void test_established_fin_beyond_the_right_edge_is_trimmed(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = BUFF);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, 0);
    expect_delivered(f, BUFF);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
}

static void test_established_fin_outside_is_acknowledged(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = BUFF);
    expect_challenged(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -10, .text = 5);
    expect_challenged(f);
    expect_state(f, TFSM_ESTABLISHED);
}

static void test_established_fin_with_new_ack_is_both(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, 10);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .ack = 10);
    assert_int_equal(f->fx.acknowledged, 10);
    expect_state(f, TFSM_CLOSE_WAIT);
}

/* ---- output and user calls ---- */

/* RFC9293:MUST-61, MUST-65, SHLD-28: full segments, PSH on the last of what is queued, no MSS
 * option. [RFC9293:3.10.2d] */
static void test_established_send_is_cut_into_segments(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment s;
    user_send(f, 2500);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = MSS);
    assert_true(s.text_offset == 0);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1001, .ack = 1, .len = MSS);
    assert_true(s.text_offset == 1000);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 2001, .ack = 1, .len = 500);
    assert_true((s.flags & TFSM_PSH) != 0);
    assert_int_equal(s.wnd, BUFF);
    assert_int_equal(s.options, 0);
    expect_nothing(f);
}

/* RFC7323:2.4d */
static void test_established_send_stops_at_the_peers_window(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, BUFF);
    assert_int_equal(drain(f, &out, 1), PEER_WND / MSS);
    assert_int_equal(f->sent, f->iss + 1 + PEER_WND);
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 5001, .ack = 1, .len = 1000);
    expect_nothing(f);
}

/* RFC9293:3.10.2e */
static void test_established_send_too_much_is_an_error(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, BUFF);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = 1), TFSM_E_INSUFFICIENT_RESOURCES);
    struct tfsm_segment out;
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    user_send(f, 1);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = 1), TFSM_E_INSUFFICIENT_RESOURCES);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = UINT32_MAX),
                     TFSM_E_INSUFFICIENT_RESOURCES);
}

static void test_established_send_nothing_sends_nothing(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, 0);
    expect_nothing(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC9293:MUST-30, MUST-31, MUST-62: the pointer is the octet after the urgent data.
 * [RFC9293:3.10.2f] */
static void test_established_send_urgent_sets_the_pointer(void **state)
{
    struct fixture *f = in_established(state);
    user_urgent(f, 1500);
    struct tfsm_segment s =
        expect_segment(f, .flags = TFSM_ACK | TFSM_URG, .seq = 1, .ack = 1, .len = MSS);
    assert_int_equal(s.up, 1500);
    s = expect_segment(f, .flags = TFSM_ACK | TFSM_URG, .seq = 1001, .ack = 1, .len = 500);
    assert_int_equal(s.up, 500);
    user_send(f, 10);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 1501, .ack = 1, .len = 10);
    expect_nothing(f);
}

/* RFC9293:3.8.5: every segment says so while urgent data wait, an ACK alone and a probe, too, and none
 * that is sent behind their end. */
static void test_established_send_urgent_is_said_by_acks_and_probes(void **state)
{
    struct fixture *f = in_established(state);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    user_urgent(f, BUFF);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK | TFSM_URG, .seq = 1, .ack = 11);
    assert_int_equal(s.up, BUFF);
    expire(f);
    s = expect_segment(f, .flags = TFSM_ACK | TFSM_URG, .seq = 1, .ack = 11, .len = 1);
    assert_int_equal(s.up, BUFF);
    f->peer.wnd = 60000;
    arrive(f, .flags = TFSM_ACK, .text = 10);
    while (in_flight(f) < BUFF) {
        assert_true(take(f, &s));
        assert_true((s.flags & TFSM_URG) != 0);
    }
    arrive(f, .flags = TFSM_ACK, .text = 10);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + BUFF, .ack = 31);
}

/* RFC9293:MUST-31, RFC9293:MUST-62: longer than the field can say, the pointer comes as near as it can. */
static void test_established_send_urgent_longer_than_the_field(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.snd_buff = 70000;
    reach_established(f);
    user_urgent(f, 70000);
    struct tfsm_segment s =
        expect_segment(f, .flags = TFSM_ACK | TFSM_URG, .seq = 1, .ack = 1, .len = MSS);
    assert_int_equal(s.up, 65535);
    for (unsigned i = 0; i < 5; i++) {
        drain(f, &s, 1);
        arrive(f, .flags = TFSM_ACK, .ack = MSS);
    }
    assert_true(take(f, &s));
    assert_int_equal(s.seq - f->iss - 1 + s.up, 70000);
}

static void test_established_send_urgent_and_close_in_one_segment(void **state)
{
    struct fixture *f = in_established(state);
    user_urgent(f, 10);
    user_close(f);
    struct tfsm_segment s =
        expect_segment(f, .flags = TFSM_ACK | TFSM_URG | TFSM_FIN, .seq = 1, .ack = 1, .len = 11);
    assert_int_equal(s.up, 10);
    expect_nothing(f);
}

static void test_established_send_nothing_into_a_full_buffer(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, BUFF);
    user_send(f, 0);
    expect_unchanged(f);
}

/* RFC9293:3.10.3b */
static void test_established_receive_hands_out_what_was_delivered(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    user_receive(f, 60);
    assert_int_equal(f->fx.taken, 60);
    user_receive(f, 60);
    assert_int_equal(f->fx.taken, 40);
    user_receive(f, 60);
    assert_int_equal(f->fx.taken, 0);
}

static void test_established_receive_does_not_hand_out_text_beyond_a_hole(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 10, .text = 100);
    user_receive(f, 60);
    assert_int_equal(f->fx.taken, 0);
}

/* RFC9293:3.10.4c [RFC9293:3.6a] */
static void test_established_close_sends_fin(void **state)
{
    struct fixture *f = in_established(state);
    user_close(f);
    expect_state(f, TFSM_FIN_WAIT_1);
    expect_signals(f, 0);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    expect_nothing(f);
    expect_deadline(f, f->now + RTO);
}

/* RFC9293:3.6a, RFC9293:3.10.4c */
static void test_established_close_sends_fin_after_the_text(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, 1200);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 1000);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1001, .ack = 1, .len = 201);
    expect_nothing(f);
}

/* B47: CLOSE leaves ESTABLISHED at once, though the peer's window holds back the FIN. */
static void test_established_close_with_the_window_full_leaves_at_once(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, BUFF);
    (void)drain(f, &out, 1);
    user_close(f);
    expect_state(f, TFSM_FIN_WAIT_1);
    expect_nothing(f);
    assert_false(f->sent_fin);
}

/* B28: <SEQ=SND.NXT><CTL=RST>, which takes no sequence number; text that was only queued has none.
 * [RFC9293:3.10.5b] */
static void test_established_abort_sends_reset(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, BUFF);
    (void)drain(f, &out, 1);
    user_abort(f);
    expect_gone(f, TFSM_SIG_RESET);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 1 + PEER_WND);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 3);
    expect_rejected(f);
}

/* RFC9293:3.10.1e */
static void test_established_open_exists(void **state)
{
    struct fixture *f = in_established(state);
    assert_int_equal(call(f, .kind = TFSM_EV_OPEN), TFSM_E_CONNECTION_EXISTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_established_text_outside_is_acknowledged),
        cmocka_unit_test(test_established_dataless_outside_is_acknowledged),
        cmocka_unit_test(test_established_only_an_ack_is_taken_at_the_right_edge),
        cmocka_unit_test(test_established_dataless_replies_are_limited),
        cmocka_unit_test(test_established_data_replies_are_not_limited),
        cmocka_unit_test(test_established_rst_exact_ends),
        cmocka_unit_test(test_established_rst_exact_with_anything_ends),
        cmocka_unit_test(test_established_rst_in_window_is_challenged),
        cmocka_unit_test(test_established_rst_outside_is_dropped),
        cmocka_unit_test(test_established_rst_exact_without_5961_ends),
        cmocka_unit_test(test_established_rst_in_window_without_5961_ends),
        cmocka_unit_test(test_established_rst_outside_without_5961_is_dropped),
        cmocka_unit_test(test_established_rst_in_window_comes_before_security),
        cmocka_unit_test(test_established_wrong_security_resets),
        cmocka_unit_test(test_established_wrong_security_without_ack_resets),
        cmocka_unit_test(test_established_wrong_security_outside_is_acknowledged),
        cmocka_unit_test(test_established_syn_in_window_is_challenged),
        cmocka_unit_test(test_established_syn_outside_is_acknowledged),
        cmocka_unit_test(test_established_syn_before_window_without_5961_is_acknowledged),
        cmocka_unit_test(test_established_syn_in_window_without_5961_resets),
        cmocka_unit_test(test_established_syn_ack_in_window_without_5961_resets),
        cmocka_unit_test(test_established_syn_outside_without_5961_is_acknowledged),
        cmocka_unit_test(test_established_ack_missing_is_dropped),
        cmocka_unit_test(test_established_ack_beyond_snd_nxt_is_acknowledged),
        cmocka_unit_test(test_established_ack_beyond_snd_nxt_without_5961_is_acknowledged),
        cmocka_unit_test(test_established_ack_before_iss_is_acknowledged),
        cmocka_unit_test(test_established_zero_window_text_is_acknowledged),
        cmocka_unit_test(test_established_zero_window_rst_exact_ends),
        cmocka_unit_test(test_established_zero_window_rst_off_by_one_is_dropped),
        cmocka_unit_test(test_established_zero_window_ack_after_a_probe_is_taken),
        cmocka_unit_test(test_established_zero_window_ack_is_taken),
        cmocka_unit_test(test_established_zero_window_fin_is_acknowledged),
        cmocka_unit_test(test_established_zero_window_urg_is_told),
        cmocka_unit_test(test_established_zero_window_probe_with_ack_and_urg_is_taken),
        cmocka_unit_test(test_established_zero_window_text_elsewhere_is_refused),
        cmocka_unit_test(test_established_zero_window_syn_without_5961_is_acknowledged),
        cmocka_unit_test(test_established_zero_window_rst_with_text_ends),
        cmocka_unit_test(test_established_zero_window_fin_is_not_taken),
        cmocka_unit_test(test_established_ack_duplicate_is_quiet),
        cmocka_unit_test(test_established_ack_new_moves_snd_una),
        cmocka_unit_test(test_established_ack_of_queued_but_unsent_text_is_refused),
        cmocka_unit_test(test_established_ack_old_with_text_delivers),
        cmocka_unit_test(test_established_ack_old_dataless_is_quiet),
        cmocka_unit_test(test_established_ack_lower_bound_is_the_greatest_window),
        cmocka_unit_test(test_established_ack_old_without_5961_delivers),
        cmocka_unit_test(test_established_ack_old_changes_no_window),
        cmocka_unit_test(test_established_urg_is_told_once),
        cmocka_unit_test(test_established_urg_again_with_text_and_fin_delivers),
        cmocka_unit_test(test_established_urg_that_advances_is_told_again),
        cmocka_unit_test(test_established_urg_never_recedes),
        cmocka_unit_test(test_established_urg_pointer_zero_is_not_told),
        cmocka_unit_test(test_established_urg_pointer_beyond_the_segment_is_told),
        cmocka_unit_test(test_established_urg_behind_the_data_consumed_is_not_told),
        cmocka_unit_test(test_established_urg_after_the_last_was_read_is_told),
        cmocka_unit_test(test_established_urg_beyond_a_hole_is_told),
        cmocka_unit_test(test_established_without_urg_the_pointer_is_not_read),
        cmocka_unit_test(test_established_text_left_edge_is_delivered),
        cmocka_unit_test(test_established_text_inside_waits),
        cmocka_unit_test(test_established_text_right_edge_waits),
        cmocka_unit_test(test_established_text_straddling_left_is_trimmed),
        cmocka_unit_test(test_established_text_straddling_right_is_trimmed),
        cmocka_unit_test(test_established_text_straddling_both_edges_is_refused),
        cmocka_unit_test(test_established_text_in_a_batch_is_acknowledged_once),
        cmocka_unit_test(test_established_ack_rides_on_text),
        cmocka_unit_test(test_established_other_flags_change_nothing),
        cmocka_unit_test(test_established_fin_closes),
        cmocka_unit_test(test_established_fin_with_text_closes),
        cmocka_unit_test(test_established_fin_beyond_a_hole_waits),
        cmocka_unit_test(test_established_fin_with_text_straddling_left_closes),
        cmocka_unit_test(test_established_fin_at_the_right_edge_closes),
        cmocka_unit_test(test_established_fin_beyond_the_right_edge_is_trimmed),
        cmocka_unit_test(test_established_fin_outside_is_acknowledged),
        cmocka_unit_test(test_established_fin_with_new_ack_is_both),
        cmocka_unit_test(test_established_send_is_cut_into_segments),
        cmocka_unit_test(test_established_send_stops_at_the_peers_window),
        cmocka_unit_test(test_established_send_too_much_is_an_error),
        cmocka_unit_test(test_established_send_nothing_sends_nothing),
        cmocka_unit_test(test_established_send_urgent_sets_the_pointer),
        cmocka_unit_test(test_established_send_urgent_is_said_by_acks_and_probes),
        cmocka_unit_test(test_established_send_urgent_longer_than_the_field),
        cmocka_unit_test(test_established_send_urgent_and_close_in_one_segment),
        cmocka_unit_test(test_established_send_nothing_into_a_full_buffer),
        cmocka_unit_test(test_established_receive_hands_out_what_was_delivered),
        cmocka_unit_test(test_established_receive_does_not_hand_out_text_beyond_a_hole),
        cmocka_unit_test(test_established_close_sends_fin),
        cmocka_unit_test(test_established_close_sends_fin_after_the_text),
        cmocka_unit_test(test_established_close_with_the_window_full_leaves_at_once),
        cmocka_unit_test(test_established_abort_sends_reset),
        cmocka_unit_test(test_established_open_exists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
