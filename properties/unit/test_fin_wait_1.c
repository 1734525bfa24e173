/* FIN-WAIT-1: the user closed; our FIN is queued or sent and not acknowledged. The acknowledgment
 * of that octet, and of no other, leads to FIN-WAIT-2; the peer's FIN leads to CLOSING, or to
 * TIME-WAIT when it comes with that acknowledgment. Text is still received. */
#include "fixture.h"

/* ---- first: sequence number ---- */

static void test_fin_wait_1_text_outside_is_acknowledged(void **state)
{
    same_text_outside_is_acknowledged(in_fin_wait_1(state));
}

static void test_fin_wait_1_dataless_outside_is_acknowledged(void **state)
{
    same_dataless_outside_is_acknowledged(in_fin_wait_1(state));
}

static void test_fin_wait_1_only_an_ack_is_taken_at_the_right_edge(void **state)
{
    same_only_an_ack_is_taken_at_the_right_edge(in_fin_wait_1(state));
}

static void test_fin_wait_1_dataless_replies_are_limited(void **state)
{
    same_dataless_replies_are_limited(in_fin_wait_1(state));
}

static void test_fin_wait_1_data_replies_are_not_limited(void **state)
{
    same_data_replies_are_not_limited(in_fin_wait_1(state));
}

/* RFC9293:MUST-66: URG counts although the window is closed and nothing new is acknowledged. */
static void test_fin_wait_1_zero_window_urg_with_text_is_told(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK, .text = BUFF);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 1, .up = 1);
    expect_signals(f, TFSM_SIG_URGENT);
    expect_delivered(f, 0);
    expect_ack(f);
}

/* ---- second: RST ---- */

static void test_fin_wait_1_rst_exact_ends(void **state)
{
    same_rst_exact_ends(in_fin_wait_1(state), TFSM_SIG_RESET);
}

static void test_fin_wait_1_rst_exact_with_anything_ends(void **state)
{
    same_rst_exact_with_anything_ends(in_fin_wait_1(state), TFSM_SIG_RESET);
}

static void test_fin_wait_1_rst_in_window_is_challenged(void **state)
{
    same_rst_in_window_is_challenged(in_fin_wait_1(state));
}

static void test_fin_wait_1_rst_outside_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_fin_wait_1(state));
}

static void test_fin_wait_1_rst_exact_without_5961_ends(void **state)
{
    same_rst_exact_ends(in_plain(state, TFSM_FIN_WAIT_1), TFSM_SIG_RESET);
}

static void test_fin_wait_1_rst_in_window_without_5961_ends(void **state)
{
    same_plain_rst_in_window_ends(in_plain(state, TFSM_FIN_WAIT_1), TFSM_SIG_RESET);
}

static void test_fin_wait_1_rst_outside_without_5961_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_plain(state, TFSM_FIN_WAIT_1));
}

/* ---- third: security ---- */

static void test_fin_wait_1_rst_in_window_comes_before_security(void **state)
{
    same_rst_in_window_comes_before_security(in_fin_wait_1(state));
}

static void test_fin_wait_1_wrong_security_resets(void **state)
{
    same_wrong_security_resets(in_fin_wait_1(state));
}

static void test_fin_wait_1_wrong_security_without_ack_resets(void **state)
{
    same_wrong_security_without_ack_resets(in_fin_wait_1(state));
}

static void test_fin_wait_1_wrong_security_outside_is_acknowledged(void **state)
{
    same_wrong_security_outside_is_acknowledged(in_fin_wait_1(state));
}

/* ---- fourth: SYN ---- */

static void test_fin_wait_1_syn_in_window_is_challenged(void **state)
{
    same_syn_in_window_is_challenged(in_fin_wait_1(state));
}

static void test_fin_wait_1_syn_outside_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_fin_wait_1(state));
}

static void test_fin_wait_1_syn_in_window_without_5961_resets(void **state)
{
    same_plain_syn_in_window_resets(in_plain(state, TFSM_FIN_WAIT_1));
}

static void test_fin_wait_1_syn_ack_in_window_without_5961_resets(void **state)
{
    same_plain_syn_ack_in_window_resets(in_plain(state, TFSM_FIN_WAIT_1));
}

static void test_fin_wait_1_syn_outside_without_5961_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_plain(state, TFSM_FIN_WAIT_1));
}

/* ---- fifth: ACK ---- */

static void test_fin_wait_1_ack_missing_is_dropped(void **state)
{
    same_ack_missing_is_dropped(in_fin_wait_1(state));
}

static void test_fin_wait_1_ack_beyond_snd_nxt_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_fin_wait_1(state));
}

static void test_fin_wait_1_ack_beyond_snd_nxt_without_5961_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_plain(state, TFSM_FIN_WAIT_1));
}

static void test_fin_wait_1_ack_before_iss_is_acknowledged(void **state)
{
    same_ack_before_iss_is_acknowledged(in_fin_wait_1(state));
}

/* RFC9293:3.10.7.4n */
static void test_fin_wait_1_ack_duplicate_stays(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK);
    expect_state(f, TFSM_FIN_WAIT_1);
    expect_signals(f, 0);
    expect_nothing(f);
}

/* RFC9293:3.10.7.4p */
static void test_fin_wait_1_ack_of_fin_goes_on(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_signals(f, 0);
    assert_int_equal(f->fx.acknowledged, 0);
    expect_nothing(f);
    expect_deadline(f, TFSM_NEVER);
}

/* CLOSE with text in flight: SND.UNA = ISS+1, text to ISS+1501, FIN at ISS+1501. */
static struct fixture *with_text(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, 1500);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 1000);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1001, .ack = 1, .len = 501);
    expect_nothing(f);
    return f;
}

static void test_fin_wait_1_ack_of_text_only_stays(void **state)
{
    struct fixture *f = with_text(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1500);
    expect_state(f, TFSM_FIN_WAIT_1);
    assert_int_equal(f->fx.acknowledged, 1500);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_FIN_WAIT_2);
    assert_int_equal(f->fx.acknowledged, 0);
}

static void test_fin_wait_1_ack_of_text_and_fin_goes_on(void **state)
{
    struct fixture *f = with_text(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1501);
    expect_state(f, TFSM_FIN_WAIT_2);
    assert_int_equal(f->fx.acknowledged, 1500);
}

/* B43: the window held the FIN back, so an ACK of all that was sent is no ACK of the FIN. */
static struct fixture *with_fin_unsent(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, PEER_WND + 10);
    user_close(f);
    assert_int_equal(drain(f, &out, 1), PEER_WND / MSS);
    assert_false(f->sent_fin);
    return f;
}

static void test_fin_wait_1_ack_of_all_sent_but_fin_unsent_stays(void **state)
{
    struct fixture *f = with_fin_unsent(state);
    arrive(f, .flags = TFSM_ACK, .ack = PEER_WND);
    expect_state(f, TFSM_FIN_WAIT_1);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = PEER_WND + 1, .ack = 1, .len = 11);
    expect_nothing(f);
}

/* The text fills the peer's window to the last octet: the FIN has no room. */
static void test_fin_wait_1_fin_waits_for_room_in_the_window(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, PEER_WND);
    user_close(f);
    assert_int_equal(drain(f, &out, 1), PEER_WND / MSS);
    assert_false(f->sent_fin);
    f->peer.wnd = PEER_WND + 1;
    arrive(f, .flags = TFSM_ACK);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = PEER_WND + 1, .ack = 1, .len = 1);
}

static void test_fin_wait_1_ack_of_a_fin_not_sent_is_refused(void **state)
{
    struct fixture *f = with_fin_unsent(state);
    arrive(f, .flags = TFSM_ACK, .ack = PEER_WND + 11);
    expect_challenged(f);
    expect_state(f, TFSM_FIN_WAIT_1);
}

/* B46: the peer's FIN overtakes ours, which must still be sent. */
static void test_fin_wait_1_fin_before_ours_is_sent_goes_to_closing(void **state)
{
    struct fixture *f = with_fin_unsent(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .ack = PEER_WND);
    expect_state(f, TFSM_CLOSING);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = PEER_WND + 1, .ack = 2, .len = 11);
    arrive(f, .flags = TFSM_ACK, .ack = 11);
    expect_state(f, TFSM_TIME_WAIT);
}

static void test_fin_wait_1_window_update_is_taken(void **state)
{
    struct fixture *f = with_fin_unsent(state);
    f->peer.wnd = PEER_WND + 20;
    arrive(f, .flags = TFSM_ACK);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = PEER_WND + 1, .ack = 1, .len = 11);
}

/* ---- sixth and seventh: URG, text ---- */

static void test_fin_wait_1_urg_is_told(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 5);
    expect_signals(f, TFSM_SIG_URGENT);
}

static void test_fin_wait_1_text_left_edge_is_delivered(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 100);
    expect_text(f, 0, 0, 0, 100);
    expect_state(f, TFSM_FIN_WAIT_1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 2, .ack = 101);
    expect_nothing(f);
}

static void test_fin_wait_1_text_inside_waits(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 100);
    expect_delivered(f, 0);
    expect_text(f, 0, 100, 0, 100);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 200);
}

static void test_fin_wait_1_text_straddling_is_trimmed(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK, .seq = -1, .text = 11);
    expect_delivered(f, 10);
    arrive(f, .flags = TFSM_ACK, .seq = right_edge(f) - 1, .text = 11);
    expect_text(f, 0, BUFF - 1, 0, 1);
}

static void test_fin_wait_1_text_with_ack_of_fin_is_delivered(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1, .text = 100);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_delivered(f, 100);
    expect_ack(f);
}

/* RFC9293:3.10.3b */
static void test_fin_wait_1_text_can_be_received(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    user_receive(f, 200);
    assert_int_equal(f->fx.taken, 100);
}

/* ---- eighth: FIN ---- */

/* RFC9293:3.6b, RFC9293:3.10.7.4u */
static void test_fin_wait_1_fin_goes_to_closing(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_CLOSING);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 2, .ack = 2);
    expect_nothing(f);
}

static void test_fin_wait_1_fin_with_ack_of_ours_goes_to_time_wait(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .ack = 1, .text = 5);
    expect_state(f, TFSM_TIME_WAIT);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    expect_delivered(f, 5);
    expect_ack(f);
    expect_deadline(f, f->now + 2 * MSL);
}

/* Text of ours is outstanding with the FIN: an ACK of the text alone is not enough for TIME-WAIT.
 */
static void test_fin_wait_1_fin_with_ack_of_text_only_goes_to_closing(void **state)
{
    struct fixture *f = with_text(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .ack = 1500);
    expect_state(f, TFSM_CLOSING);
    expect_ack(f);
}

/* B41 */
static void test_fin_wait_1_fin_beyond_a_hole_waits(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 10, .ack = 1, .text = 5);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_signals(f, 0);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_state(f, TFSM_TIME_WAIT);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    expect_delivered(f, 15);
}

static void test_fin_wait_1_fin_outside_is_acknowledged(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = right_edge(f), .ack = 1);
    expect_challenged(f);
    expect_state(f, TFSM_FIN_WAIT_1);
}

static void test_fin_wait_1_fin_with_unacceptable_ack_is_refused(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .ack = 2);
    expect_challenged(f);
    expect_state(f, TFSM_FIN_WAIT_1);
}

/* ---- our FIN ---- */

/* B46: the same FIN again, at the same place. [RFC9293:3.10.8b] */
static void test_fin_wait_1_rtx_repeats_the_fin(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .text = 5);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 6, .len = 1);
    expect_nothing(f);
}

static void test_fin_wait_1_rtx_repeats_text_and_fin(void **state)
{
    struct fixture *f = with_text(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1001, .ack = 1, .len = 501);
    expect_nothing(f);
}

/* RFC9293:3.10.4: a second FIN is not emitted. [RFC9293:3.10.4e] */
static void test_fin_wait_1_close_again_is_an_error(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    assert_int_equal(call(f, .kind = TFSM_EV_CLOSE), TFSM_E_CONNECTION_CLOSING);
    expect_nothing(f);
}

static void test_fin_wait_1_abort_sends_reset(void **state)
{
    struct fixture *f = in_fin_wait_1(state);
    user_abort(f);
    expect_gone(f, TFSM_SIG_RESET);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 2);
    expect_nothing(f);
}

/* RFC9293:3.10.5: <SEQ=SND.NXT>, and a FIN that never left takes no number. */
static void test_fin_wait_1_abort_before_the_fin_left_sends_reset(void **state)
{
    struct fixture *f = with_fin_unsent(state);
    user_abort(f);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = PEER_WND + 1);
    expect_nothing(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fin_wait_1_text_outside_is_acknowledged),
        cmocka_unit_test(test_fin_wait_1_dataless_outside_is_acknowledged),
        cmocka_unit_test(test_fin_wait_1_only_an_ack_is_taken_at_the_right_edge),
        cmocka_unit_test(test_fin_wait_1_dataless_replies_are_limited),
        cmocka_unit_test(test_fin_wait_1_data_replies_are_not_limited),
        cmocka_unit_test(test_fin_wait_1_zero_window_urg_with_text_is_told),
        cmocka_unit_test(test_fin_wait_1_rst_exact_ends),
        cmocka_unit_test(test_fin_wait_1_rst_exact_with_anything_ends),
        cmocka_unit_test(test_fin_wait_1_rst_in_window_is_challenged),
        cmocka_unit_test(test_fin_wait_1_rst_outside_is_dropped),
        cmocka_unit_test(test_fin_wait_1_rst_exact_without_5961_ends),
        cmocka_unit_test(test_fin_wait_1_rst_in_window_without_5961_ends),
        cmocka_unit_test(test_fin_wait_1_rst_outside_without_5961_is_dropped),
        cmocka_unit_test(test_fin_wait_1_rst_in_window_comes_before_security),
        cmocka_unit_test(test_fin_wait_1_wrong_security_resets),
        cmocka_unit_test(test_fin_wait_1_wrong_security_without_ack_resets),
        cmocka_unit_test(test_fin_wait_1_wrong_security_outside_is_acknowledged),
        cmocka_unit_test(test_fin_wait_1_syn_in_window_is_challenged),
        cmocka_unit_test(test_fin_wait_1_syn_outside_is_acknowledged),
        cmocka_unit_test(test_fin_wait_1_syn_in_window_without_5961_resets),
        cmocka_unit_test(test_fin_wait_1_syn_ack_in_window_without_5961_resets),
        cmocka_unit_test(test_fin_wait_1_syn_outside_without_5961_is_acknowledged),
        cmocka_unit_test(test_fin_wait_1_ack_missing_is_dropped),
        cmocka_unit_test(test_fin_wait_1_ack_beyond_snd_nxt_is_acknowledged),
        cmocka_unit_test(test_fin_wait_1_ack_beyond_snd_nxt_without_5961_is_acknowledged),
        cmocka_unit_test(test_fin_wait_1_ack_before_iss_is_acknowledged),
        cmocka_unit_test(test_fin_wait_1_ack_duplicate_stays),
        cmocka_unit_test(test_fin_wait_1_ack_of_fin_goes_on),
        cmocka_unit_test(test_fin_wait_1_ack_of_text_only_stays),
        cmocka_unit_test(test_fin_wait_1_ack_of_text_and_fin_goes_on),
        cmocka_unit_test(test_fin_wait_1_ack_of_all_sent_but_fin_unsent_stays),
        cmocka_unit_test(test_fin_wait_1_fin_waits_for_room_in_the_window),
        cmocka_unit_test(test_fin_wait_1_ack_of_a_fin_not_sent_is_refused),
        cmocka_unit_test(test_fin_wait_1_fin_before_ours_is_sent_goes_to_closing),
        cmocka_unit_test(test_fin_wait_1_window_update_is_taken),
        cmocka_unit_test(test_fin_wait_1_urg_is_told),
        cmocka_unit_test(test_fin_wait_1_text_left_edge_is_delivered),
        cmocka_unit_test(test_fin_wait_1_text_inside_waits),
        cmocka_unit_test(test_fin_wait_1_text_straddling_is_trimmed),
        cmocka_unit_test(test_fin_wait_1_text_with_ack_of_fin_is_delivered),
        cmocka_unit_test(test_fin_wait_1_text_can_be_received),
        cmocka_unit_test(test_fin_wait_1_fin_goes_to_closing),
        cmocka_unit_test(test_fin_wait_1_fin_with_ack_of_ours_goes_to_time_wait),
        cmocka_unit_test(test_fin_wait_1_fin_with_ack_of_text_only_goes_to_closing),
        cmocka_unit_test(test_fin_wait_1_fin_beyond_a_hole_waits),
        cmocka_unit_test(test_fin_wait_1_fin_outside_is_acknowledged),
        cmocka_unit_test(test_fin_wait_1_fin_with_unacceptable_ack_is_refused),
        cmocka_unit_test(test_fin_wait_1_rtx_repeats_the_fin),
        cmocka_unit_test(test_fin_wait_1_rtx_repeats_text_and_fin),
        cmocka_unit_test(test_fin_wait_1_close_again_is_an_error),
        cmocka_unit_test(test_fin_wait_1_abort_sends_reset),
        cmocka_unit_test(test_fin_wait_1_abort_before_the_fin_left_sends_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
