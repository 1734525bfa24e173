/* CLOSING: both closed at once; the peer's FIN is acknowledged, ours is not. Only the
 * acknowledgment of our FIN leads on, to TIME-WAIT. */
#include "fixture.h"

/* ---- first: sequence number ---- */

static void test_closing_text_outside_is_acknowledged(void **state)
{
    same_text_outside_is_acknowledged(in_closing(state));
}

static void test_closing_dataless_outside_is_acknowledged(void **state)
{
    same_dataless_outside_is_acknowledged(in_closing(state));
}

static void test_closing_only_an_ack_is_taken_at_the_right_edge(void **state)
{
    same_only_an_ack_is_taken_at_the_right_edge(in_closing(state));
}

static void test_closing_dataless_replies_are_limited(void **state)
{
    same_dataless_replies_are_limited(in_closing(state));
}

static void test_closing_data_replies_are_not_limited(void **state)
{
    same_data_replies_are_not_limited(in_closing(state));
}

/* ---- second: RST ---- */

static void test_closing_rst_exact_ends(void **state)
{
    same_rst_exact_ends(in_closing(state), TFSM_SIG_CLOSED);
}

static void test_closing_rst_exact_with_anything_ends(void **state)
{
    same_rst_exact_with_anything_ends(in_closing(state), TFSM_SIG_CLOSED);
}

static void test_closing_rst_in_window_is_challenged(void **state)
{
    same_rst_in_window_is_challenged(in_closing(state));
}

static void test_closing_rst_outside_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_closing(state));
}

static void test_closing_rst_exact_without_5961_ends(void **state)
{
    same_rst_exact_ends(in_plain(state, TFSM_CLOSING), TFSM_SIG_CLOSED);
}

static void test_closing_rst_in_window_without_5961_ends(void **state)
{
    same_plain_rst_in_window_ends(in_plain(state, TFSM_CLOSING), TFSM_SIG_CLOSED);
}

static void test_closing_rst_outside_without_5961_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_plain(state, TFSM_CLOSING));
}

/* ---- third: security ---- */

static void test_closing_rst_in_window_comes_before_security(void **state)
{
    same_rst_in_window_comes_before_security(in_closing(state));
}

static void test_closing_wrong_security_resets(void **state)
{
    same_wrong_security_resets(in_closing(state));
}

static void test_closing_wrong_security_without_ack_resets(void **state)
{
    same_wrong_security_without_ack_resets(in_closing(state));
}

static void test_closing_wrong_security_outside_is_acknowledged(void **state)
{
    same_wrong_security_outside_is_acknowledged(in_closing(state));
}

/* ---- fourth: SYN ---- */

static void test_closing_syn_in_window_is_challenged(void **state)
{
    same_syn_in_window_is_challenged(in_closing(state));
}

static void test_closing_syn_outside_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_closing(state));
}

static void test_closing_syn_in_window_without_5961_resets(void **state)
{
    same_plain_syn_in_window_resets(in_plain(state, TFSM_CLOSING));
}

static void test_closing_syn_ack_in_window_without_5961_resets(void **state)
{
    same_plain_syn_ack_in_window_resets(in_plain(state, TFSM_CLOSING));
}

static void test_closing_syn_outside_without_5961_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_plain(state, TFSM_CLOSING));
}

/* ---- fifth: ACK ---- */

static void test_closing_ack_missing_is_dropped(void **state)
{
    same_ack_missing_is_dropped(in_closing(state));
}

static void test_closing_ack_beyond_snd_nxt_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_closing(state));
}

static void test_closing_ack_beyond_snd_nxt_without_5961_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_plain(state, TFSM_CLOSING));
}

static void test_closing_ack_before_iss_is_acknowledged(void **state)
{
    same_ack_before_iss_is_acknowledged(in_closing(state));
}

/* "Otherwise, ignore the segment." */
static void test_closing_ack_duplicate_stays(void **state)
{
    struct fixture *f = in_closing(state);
    arrive(f, .flags = TFSM_ACK);
    expect_state(f, TFSM_CLOSING);
    expect_signals(f, 0);
    expect_nothing(f);
}

/* RFC9293:3.10.7.4p */
static void test_closing_ack_of_fin_goes_to_time_wait(void **state)
{
    struct fixture *f = in_closing(state);
    f->now += SECOND / 2;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_TIME_WAIT);
    expect_signals(f, 0);
    expect_nothing(f);
    expect_deadline(f, f->now + 2 * MSL);
}

/* Text and FIN of ours outstanding when both close. */
static struct fixture *with_text(void **state)
{
    struct fixture *f = in_established(state);
    user_send(f, 500);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 501);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_CLOSING);
    expect_ack(f);
    return f;
}

/* B43, B44 [RFC9293:3.10.7.4p] */
static void test_closing_ack_of_text_only_stays(void **state)
{
    struct fixture *f = with_text(state);
    arrive(f, .flags = TFSM_ACK, .ack = 500);
    expect_state(f, TFSM_CLOSING);
    assert_int_equal(f->fx.acknowledged, 500);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_TIME_WAIT);
    assert_int_equal(f->fx.acknowledged, 0);
}

static void test_closing_ack_of_all_sent_but_fin_unsent_stays(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment out;
    user_send(f, PEER_WND + 10);
    user_close(f);
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_CLOSING);
    arrive(f, .flags = TFSM_ACK, .ack = PEER_WND);
    expect_state(f, TFSM_CLOSING);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = PEER_WND + 1, .ack = 2, .len = 11);
    arrive(f, .flags = TFSM_ACK, .ack = 11);
    expect_state(f, TFSM_TIME_WAIT);
}

/* B46 (b): CLOSING is one of the states that send the FIN again. */
static void test_closing_rtx_repeats_the_fin(void **state)
{
    struct fixture *f = in_closing(state);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 2, .len = 1);
    expect_nothing(f);
}

/* RFC9293:MUST-12: our text is lost, and that is no good order. */
static void test_closing_rst_with_text_unacknowledged_is_told(void **state)
{
    struct fixture *f = with_text(state);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_RESET);
}

/* ---- sixth, seventh, eighth: what comes after a FIN ---- */

/* RFC9293:3.10.7.4r */
static void test_closing_urg_is_ignored(void **state)
{
    struct fixture *f = in_closing(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 50);
    expect_signals(f, 0);
}

static void test_closing_text_is_ignored(void **state)
{
    struct fixture *f = in_closing(state);
    struct tfsm_segment out;
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 0);
    assert_int_equal(f->fx.text_count, 0);
    assert_in_range(drain(f, &out, 1), 0, 1);
    expect_state(f, TFSM_CLOSING);
    arrive(f, .flags = TFSM_ACK, .seq = 50, .text = 100);
    assert_int_equal(f->fx.text_count, 0);
}

/* RFC9293:3.10.7.4v */
static void test_closing_fin_again_is_acknowledged(void **state)
{
    struct fixture *f = in_closing(state);
    for (unsigned i = 0; i < 3 * LIMIT; i++) {
        arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -1);
        expect_challenged(f);
    }
    expect_state(f, TFSM_CLOSING);
}

/* RFC9293:3.10.7.4v */
static void test_closing_fin_beyond_the_fin_stays(void **state)
{
    struct fixture *f = in_closing(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_CLOSING);
    expect_signals(f, 0);
    expect_ack(f);
    assert_int_equal(f->tcb.rcv_nxt, f->irs + 2);
}

/* ---- user calls ---- */

static void test_closing_close_is_an_error(void **state)
{
    struct fixture *f = in_closing(state);
    assert_int_equal(call(f, .kind = TFSM_EV_CLOSE), TFSM_E_CONNECTION_CLOSING);
    expect_nothing(f);
}

/* RFC9293:3.10.5: "ok", and no reset. [RFC9293:3.10.5c] */
static void test_closing_abort_sends_no_reset(void **state)
{
    struct fixture *f = in_closing(state);
    user_abort(f);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closing_text_outside_is_acknowledged),
        cmocka_unit_test(test_closing_dataless_outside_is_acknowledged),
        cmocka_unit_test(test_closing_only_an_ack_is_taken_at_the_right_edge),
        cmocka_unit_test(test_closing_dataless_replies_are_limited),
        cmocka_unit_test(test_closing_data_replies_are_not_limited),
        cmocka_unit_test(test_closing_rst_exact_ends),
        cmocka_unit_test(test_closing_rst_exact_with_anything_ends),
        cmocka_unit_test(test_closing_rst_in_window_is_challenged),
        cmocka_unit_test(test_closing_rst_outside_is_dropped),
        cmocka_unit_test(test_closing_rst_exact_without_5961_ends),
        cmocka_unit_test(test_closing_rst_in_window_without_5961_ends),
        cmocka_unit_test(test_closing_rst_outside_without_5961_is_dropped),
        cmocka_unit_test(test_closing_rst_in_window_comes_before_security),
        cmocka_unit_test(test_closing_wrong_security_resets),
        cmocka_unit_test(test_closing_wrong_security_without_ack_resets),
        cmocka_unit_test(test_closing_wrong_security_outside_is_acknowledged),
        cmocka_unit_test(test_closing_syn_in_window_is_challenged),
        cmocka_unit_test(test_closing_syn_outside_is_acknowledged),
        cmocka_unit_test(test_closing_syn_in_window_without_5961_resets),
        cmocka_unit_test(test_closing_syn_ack_in_window_without_5961_resets),
        cmocka_unit_test(test_closing_syn_outside_without_5961_is_acknowledged),
        cmocka_unit_test(test_closing_ack_missing_is_dropped),
        cmocka_unit_test(test_closing_ack_beyond_snd_nxt_is_acknowledged),
        cmocka_unit_test(test_closing_ack_beyond_snd_nxt_without_5961_is_acknowledged),
        cmocka_unit_test(test_closing_ack_before_iss_is_acknowledged),
        cmocka_unit_test(test_closing_ack_duplicate_stays),
        cmocka_unit_test(test_closing_ack_of_fin_goes_to_time_wait),
        cmocka_unit_test(test_closing_ack_of_text_only_stays),
        cmocka_unit_test(test_closing_ack_of_all_sent_but_fin_unsent_stays),
        cmocka_unit_test(test_closing_rtx_repeats_the_fin),
        cmocka_unit_test(test_closing_rst_with_text_unacknowledged_is_told),
        cmocka_unit_test(test_closing_urg_is_ignored),
        cmocka_unit_test(test_closing_text_is_ignored),
        cmocka_unit_test(test_closing_fin_again_is_acknowledged),
        cmocka_unit_test(test_closing_fin_beyond_the_fin_stays),
        cmocka_unit_test(test_closing_close_is_an_error),
        cmocka_unit_test(test_closing_abort_sends_no_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
