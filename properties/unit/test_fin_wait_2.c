/* FIN-WAIT-2: our FIN is acknowledged, the peer may still send for as long as it likes. Text is
 * received and acknowledged; the peer's FIN leads to TIME-WAIT. */
#include "fixture.h"

/* ---- first: sequence number ---- */

static void test_fin_wait_2_text_outside_is_acknowledged(void **state)
{
    same_text_outside_is_acknowledged(in_fin_wait_2(state));
}

static void test_fin_wait_2_dataless_outside_is_acknowledged(void **state)
{
    same_dataless_outside_is_acknowledged(in_fin_wait_2(state));
}

static void test_fin_wait_2_only_an_ack_is_taken_at_the_right_edge(void **state)
{
    same_only_an_ack_is_taken_at_the_right_edge(in_fin_wait_2(state));
}

static void test_fin_wait_2_dataless_replies_are_limited(void **state)
{
    same_dataless_replies_are_limited(in_fin_wait_2(state));
}

static void test_fin_wait_2_data_replies_are_not_limited(void **state)
{
    same_data_replies_are_not_limited(in_fin_wait_2(state));
}

/* ---- second: RST ---- */

static void test_fin_wait_2_rst_exact_ends(void **state)
{
    same_rst_exact_ends(in_fin_wait_2(state), TFSM_SIG_RESET);
}

static void test_fin_wait_2_rst_exact_with_anything_ends(void **state)
{
    same_rst_exact_with_anything_ends(in_fin_wait_2(state), TFSM_SIG_RESET);
}

static void test_fin_wait_2_rst_in_window_is_challenged(void **state)
{
    same_rst_in_window_is_challenged(in_fin_wait_2(state));
}

static void test_fin_wait_2_rst_outside_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_fin_wait_2(state));
}

static void test_fin_wait_2_rst_exact_without_5961_ends(void **state)
{
    same_rst_exact_ends(in_plain(state, TFSM_FIN_WAIT_2), TFSM_SIG_RESET);
}

static void test_fin_wait_2_rst_in_window_without_5961_ends(void **state)
{
    same_plain_rst_in_window_ends(in_plain(state, TFSM_FIN_WAIT_2), TFSM_SIG_RESET);
}

static void test_fin_wait_2_rst_outside_without_5961_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_plain(state, TFSM_FIN_WAIT_2));
}

/* ---- third: security ---- */

static void test_fin_wait_2_rst_in_window_comes_before_security(void **state)
{
    same_rst_in_window_comes_before_security(in_fin_wait_2(state));
}

static void test_fin_wait_2_wrong_security_resets(void **state)
{
    same_wrong_security_resets(in_fin_wait_2(state));
}

static void test_fin_wait_2_wrong_security_without_ack_resets(void **state)
{
    same_wrong_security_without_ack_resets(in_fin_wait_2(state));
}

static void test_fin_wait_2_wrong_security_outside_is_acknowledged(void **state)
{
    same_wrong_security_outside_is_acknowledged(in_fin_wait_2(state));
}

/* ---- fourth: SYN ---- */

static void test_fin_wait_2_syn_in_window_is_challenged(void **state)
{
    same_syn_in_window_is_challenged(in_fin_wait_2(state));
}

static void test_fin_wait_2_syn_outside_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_fin_wait_2(state));
}

static void test_fin_wait_2_syn_in_window_without_5961_resets(void **state)
{
    same_plain_syn_in_window_resets(in_plain(state, TFSM_FIN_WAIT_2));
}

static void test_fin_wait_2_syn_ack_in_window_without_5961_resets(void **state)
{
    same_plain_syn_ack_in_window_resets(in_plain(state, TFSM_FIN_WAIT_2));
}

static void test_fin_wait_2_syn_outside_without_5961_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_plain(state, TFSM_FIN_WAIT_2));
}

/* ---- fifth: ACK ---- */

static void test_fin_wait_2_ack_missing_is_dropped(void **state)
{
    same_ack_missing_is_dropped(in_fin_wait_2(state));
}

static void test_fin_wait_2_ack_beyond_snd_nxt_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_fin_wait_2(state));
}

static void test_fin_wait_2_ack_beyond_snd_nxt_without_5961_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_plain(state, TFSM_FIN_WAIT_2));
}

static void test_fin_wait_2_ack_before_iss_is_acknowledged(void **state)
{
    same_ack_before_iss_is_acknowledged(in_fin_wait_2(state));
}

static void test_fin_wait_2_ack_duplicate_stays(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_signals(f, 0);
    expect_nothing(f);
}

static void test_fin_wait_2_ack_old_stays(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK, .ack = -1, .text = 4);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_delivered(f, 4);
}

/* ---- sixth and seventh: URG, text ---- */

static void test_fin_wait_2_urg_is_told(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 5);
    expect_signals(f, TFSM_SIG_URGENT);
}

/* B50: delivered, and acknowledged. */
static void test_fin_wait_2_text_left_edge_is_delivered(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    for (int i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK, .text = 100);
        expect_delivered(f, 100);
        expect_ack(f);
    }
    expect_state(f, TFSM_FIN_WAIT_2);
}

static void test_fin_wait_2_text_inside_waits(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 100);
    expect_delivered(f, 0);
    expect_text(f, 0, 100, 0, 100);
    expect_ack(f);
}

static void test_fin_wait_2_text_right_edge_waits(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK, .seq = right_edge(f) - 1, .text = 20);
    expect_text(f, 0, BUFF - 1, 0, 1);
    expect_ack(f);
}

static void test_fin_wait_2_text_straddling_left_is_trimmed(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    arrive(f, .flags = TFSM_ACK, .seq = -10, .text = 15);
    expect_delivered(f, 5);
    expect_text(f, 0, 10, 10, 5);
}

/* RFC9293:3.10.3b */
static void test_fin_wait_2_text_can_be_received(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    user_receive(f, 200);
    assert_int_equal(f->fx.taken, 100);
}

/* B62: a window that was closed is announced again, half-closed or not. */
static void test_fin_wait_2_window_opens_again(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_ACK, .text = BUFF);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 2, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, 0);
    user_receive(f, BUFF);
    s = expect_segment(f, .flags = TFSM_ACK, .seq = 2, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, BUFF);
}

/* B49: a half-closed connection is in use; nothing times it out. */
static void test_fin_wait_2_has_no_timer(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    expect_deadline(f, TFSM_NEVER);
    after(f, 1000000 * SECOND);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_unchanged(f);
    expect_nothing(f);
}

/* ---- eighth: FIN ---- */

/* RFC9293:3.6b, RFC9293:3.10.7.4u */
static void test_fin_wait_2_fin_goes_to_time_wait(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_TIME_WAIT);
    expect_signals(f, TFSM_SIG_PEER_CLOSED);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 2, .ack = 2);
    expect_nothing(f);
    expect_deadline(f, f->now + 2 * MSL);
}

static void test_fin_wait_2_fin_with_text_goes_to_time_wait(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = 10);
    expect_state(f, TFSM_TIME_WAIT);
    expect_delivered(f, 10);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 2, .ack = 12);
}

static void test_fin_wait_2_fin_beyond_a_hole_waits(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 10);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_signals(f, 0);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_state(f, TFSM_TIME_WAIT);
    expect_ack(f);
}

static void test_fin_wait_2_fin_outside_is_acknowledged(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = right_edge(f));
    expect_challenged(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -1);
    expect_challenged(f);
    expect_state(f, TFSM_FIN_WAIT_2);
}

static void test_fin_wait_2_fin_beyond_the_right_edge_is_trimmed(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = BUFF);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_delivered(f, BUFF);
    expect_ack(f);
}

/* ---- user calls ---- */

/* RFC9293:3.10.4e */
static void test_fin_wait_2_close_again_is_an_error(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    assert_int_equal(call(f, .kind = TFSM_EV_CLOSE), TFSM_E_CONNECTION_CLOSING);
    expect_nothing(f);
}

static void test_fin_wait_2_send_is_an_error(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = 1), TFSM_E_CONNECTION_CLOSING);
    expect_nothing(f);
}

static void test_fin_wait_2_abort_sends_reset(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    user_abort(f);
    expect_gone(f, TFSM_SIG_RESET);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 2);
    expect_nothing(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fin_wait_2_text_outside_is_acknowledged),
        cmocka_unit_test(test_fin_wait_2_dataless_outside_is_acknowledged),
        cmocka_unit_test(test_fin_wait_2_only_an_ack_is_taken_at_the_right_edge),
        cmocka_unit_test(test_fin_wait_2_dataless_replies_are_limited),
        cmocka_unit_test(test_fin_wait_2_data_replies_are_not_limited),
        cmocka_unit_test(test_fin_wait_2_rst_exact_ends),
        cmocka_unit_test(test_fin_wait_2_rst_exact_with_anything_ends),
        cmocka_unit_test(test_fin_wait_2_rst_in_window_is_challenged),
        cmocka_unit_test(test_fin_wait_2_rst_outside_is_dropped),
        cmocka_unit_test(test_fin_wait_2_rst_exact_without_5961_ends),
        cmocka_unit_test(test_fin_wait_2_rst_in_window_without_5961_ends),
        cmocka_unit_test(test_fin_wait_2_rst_outside_without_5961_is_dropped),
        cmocka_unit_test(test_fin_wait_2_rst_in_window_comes_before_security),
        cmocka_unit_test(test_fin_wait_2_wrong_security_resets),
        cmocka_unit_test(test_fin_wait_2_wrong_security_without_ack_resets),
        cmocka_unit_test(test_fin_wait_2_wrong_security_outside_is_acknowledged),
        cmocka_unit_test(test_fin_wait_2_syn_in_window_is_challenged),
        cmocka_unit_test(test_fin_wait_2_syn_outside_is_acknowledged),
        cmocka_unit_test(test_fin_wait_2_syn_in_window_without_5961_resets),
        cmocka_unit_test(test_fin_wait_2_syn_ack_in_window_without_5961_resets),
        cmocka_unit_test(test_fin_wait_2_syn_outside_without_5961_is_acknowledged),
        cmocka_unit_test(test_fin_wait_2_ack_missing_is_dropped),
        cmocka_unit_test(test_fin_wait_2_ack_beyond_snd_nxt_is_acknowledged),
        cmocka_unit_test(test_fin_wait_2_ack_beyond_snd_nxt_without_5961_is_acknowledged),
        cmocka_unit_test(test_fin_wait_2_ack_before_iss_is_acknowledged),
        cmocka_unit_test(test_fin_wait_2_ack_duplicate_stays),
        cmocka_unit_test(test_fin_wait_2_ack_old_stays),
        cmocka_unit_test(test_fin_wait_2_urg_is_told),
        cmocka_unit_test(test_fin_wait_2_text_left_edge_is_delivered),
        cmocka_unit_test(test_fin_wait_2_text_inside_waits),
        cmocka_unit_test(test_fin_wait_2_text_right_edge_waits),
        cmocka_unit_test(test_fin_wait_2_text_straddling_left_is_trimmed),
        cmocka_unit_test(test_fin_wait_2_text_can_be_received),
        cmocka_unit_test(test_fin_wait_2_window_opens_again),
        cmocka_unit_test(test_fin_wait_2_has_no_timer),
        cmocka_unit_test(test_fin_wait_2_fin_goes_to_time_wait),
        cmocka_unit_test(test_fin_wait_2_fin_with_text_goes_to_time_wait),
        cmocka_unit_test(test_fin_wait_2_fin_beyond_a_hole_waits),
        cmocka_unit_test(test_fin_wait_2_fin_outside_is_acknowledged),
        cmocka_unit_test(test_fin_wait_2_fin_beyond_the_right_edge_is_trimmed),
        cmocka_unit_test(test_fin_wait_2_close_again_is_an_error),
        cmocka_unit_test(test_fin_wait_2_send_is_an_error),
        cmocka_unit_test(test_fin_wait_2_abort_sends_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
