/* LAST-ACK: the peer closed, then we did. The acknowledgment of our FIN ends the connection, and
 * nothing else does in good order. */
#include "fixture.h"

/* ---- first: sequence number ---- */

static void test_last_ack_text_outside_is_acknowledged(void **state)
{
    same_text_outside_is_acknowledged(in_last_ack(state));
}

static void test_last_ack_dataless_outside_is_acknowledged(void **state)
{
    same_dataless_outside_is_acknowledged(in_last_ack(state));
}

static void test_last_ack_only_an_ack_is_taken_at_the_right_edge(void **state)
{
    same_only_an_ack_is_taken_at_the_right_edge(in_last_ack(state));
}

static void test_last_ack_dataless_replies_are_limited(void **state)
{
    same_dataless_replies_are_limited(in_last_ack(state));
}

static void test_last_ack_data_replies_are_not_limited(void **state)
{
    same_data_replies_are_not_limited(in_last_ack(state));
}

/* ---- second: RST ---- */

static void test_last_ack_rst_exact_ends(void **state)
{
    same_rst_exact_ends(in_last_ack(state), TFSM_SIG_CLOSED);
}

static void test_last_ack_rst_exact_with_anything_ends(void **state)
{
    same_rst_exact_with_anything_ends(in_last_ack(state), TFSM_SIG_CLOSED);
}

static void test_last_ack_rst_in_window_is_challenged(void **state)
{
    same_rst_in_window_is_challenged(in_last_ack(state));
}

static void test_last_ack_rst_outside_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_last_ack(state));
}

static void test_last_ack_rst_exact_without_5961_ends(void **state)
{
    same_rst_exact_ends(in_plain(state, TFSM_LAST_ACK), TFSM_SIG_CLOSED);
}

static void test_last_ack_rst_in_window_without_5961_ends(void **state)
{
    same_plain_rst_in_window_ends(in_plain(state, TFSM_LAST_ACK), TFSM_SIG_CLOSED);
}

static void test_last_ack_rst_outside_without_5961_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_plain(state, TFSM_LAST_ACK));
}

/* ---- third: security ---- */

static void test_last_ack_rst_in_window_comes_before_security(void **state)
{
    same_rst_in_window_comes_before_security(in_last_ack(state));
}

static void test_last_ack_wrong_security_resets(void **state)
{
    same_wrong_security_resets(in_last_ack(state));
}

static void test_last_ack_wrong_security_without_ack_resets(void **state)
{
    same_wrong_security_without_ack_resets(in_last_ack(state));
}

static void test_last_ack_wrong_security_outside_is_acknowledged(void **state)
{
    same_wrong_security_outside_is_acknowledged(in_last_ack(state));
}

/* ---- fourth: SYN ---- */

static void test_last_ack_syn_in_window_is_challenged(void **state)
{
    same_syn_in_window_is_challenged(in_last_ack(state));
}

static void test_last_ack_syn_outside_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_last_ack(state));
}

static void test_last_ack_syn_in_window_without_5961_resets(void **state)
{
    same_plain_syn_in_window_resets(in_plain(state, TFSM_LAST_ACK));
}

static void test_last_ack_syn_ack_in_window_without_5961_resets(void **state)
{
    same_plain_syn_ack_in_window_resets(in_plain(state, TFSM_LAST_ACK));
}

static void test_last_ack_syn_outside_without_5961_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_plain(state, TFSM_LAST_ACK));
}

/* ---- fifth: ACK ---- */

static void test_last_ack_ack_missing_is_dropped(void **state)
{
    same_ack_missing_is_dropped(in_last_ack(state));
}

static void test_last_ack_ack_beyond_snd_nxt_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_last_ack(state));
}

static void test_last_ack_ack_beyond_snd_nxt_without_5961_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_plain(state, TFSM_LAST_ACK));
}

static void test_last_ack_ack_before_iss_is_acknowledged(void **state)
{
    same_ack_before_iss_is_acknowledged(in_last_ack(state));
}

/* B44: a duplicate or stale ACK is no ACK of our FIN. */
static void test_last_ack_ack_duplicate_stays(void **state)
{
    struct fixture *f = in_last_ack(state);
    arrive(f, .flags = TFSM_ACK);
    expect_state(f, TFSM_LAST_ACK);
    expect_signals(f, 0);
    expect_nothing(f);
}

/* RFC9293:3.10.7.4p */
static void test_last_ack_ack_of_fin_ends(void **state)
{
    struct fixture *f = in_last_ack(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_gone(f, TFSM_SIG_CLOSED);
    assert_int_equal(f->fx.acknowledged, 0);
    expect_nothing(f);
}

/* The peer's FIN once more, now with the ACK of ours. */
static void test_last_ack_ack_of_fin_with_text_and_urg_ends(void **state)
{
    struct fixture *f = in_last_ack(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG | TFSM_FIN, .ack = 1, .text = 20, .up = 5);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_delivered(f, 0);
    expect_nothing(f);
}

static struct fixture *with_text(void **state)
{
    struct fixture *f = in_close_wait(state);
    user_send(f, 500);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 2, .len = 501);
    return f;
}

/* B43 [RFC9293:3.10.7.4p] */
static void test_last_ack_ack_of_text_only_stays(void **state)
{
    struct fixture *f = with_text(state);
    arrive(f, .flags = TFSM_ACK, .ack = 500);
    expect_state(f, TFSM_LAST_ACK);
    expect_signals(f, 0);
    assert_int_equal(f->fx.acknowledged, 500);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_gone(f, TFSM_SIG_CLOSED);
}

static void test_last_ack_ack_of_text_and_fin_ends(void **state)
{
    struct fixture *f = with_text(state);
    arrive(f, .flags = TFSM_ACK, .ack = 501);
    expect_gone(f, TFSM_SIG_CLOSED);
    assert_int_equal(f->fx.acknowledged, 500);
}

static void test_last_ack_ack_of_all_sent_but_fin_unsent_stays(void **state)
{
    struct fixture *f = in_close_wait(state);
    struct tfsm_segment out;
    user_send(f, PEER_WND + 10);
    user_close(f);
    (void)drain(f, &out, 1);
    assert_false(f->sent_fin);
    arrive(f, .flags = TFSM_ACK, .ack = PEER_WND);
    expect_state(f, TFSM_LAST_ACK);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = PEER_WND + 1, .ack = 2, .len = 11);
    arrive(f, .flags = TFSM_ACK, .ack = 11);
    expect_gone(f, TFSM_SIG_CLOSED);
}

/* B46 */
static void test_last_ack_rtx_repeats_the_fin(void **state)
{
    struct fixture *f = in_last_ack(state);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 2, .len = 1);
    expect_nothing(f);
}

/* RFC9293:MUST-12: our text is lost, and that is no good order. */
static void test_last_ack_rst_with_text_unacknowledged_is_told(void **state)
{
    struct fixture *f = with_text(state);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_RESET);
}

/* ---- sixth, seventh, eighth: what comes after a FIN ---- */

/* RFC9293:3.10.7.4r */
static void test_last_ack_urg_is_ignored(void **state)
{
    struct fixture *f = in_last_ack(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 50);
    expect_signals(f, 0);
}

static void test_last_ack_text_is_ignored(void **state)
{
    struct fixture *f = in_last_ack(state);
    struct tfsm_segment out;
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 0);
    assert_int_equal(f->fx.text_count, 0);
    assert_in_range(drain(f, &out, 1), 0, 1);
    expect_state(f, TFSM_LAST_ACK);
}

/* RFC9293:3.10.7.4v */
static void test_last_ack_fin_again_is_acknowledged(void **state)
{
    struct fixture *f = in_last_ack(state);
    for (unsigned i = 0; i < 3 * LIMIT; i++) {
        arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -1);
        expect_challenged(f);
    }
    expect_state(f, TFSM_LAST_ACK);
}

/* RFC9293:3.10.7.4v */
static void test_last_ack_fin_beyond_the_fin_stays(void **state)
{
    struct fixture *f = in_last_ack(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_LAST_ACK);
    expect_signals(f, 0);
    expect_ack(f);
    assert_int_equal(f->tcb.rcv_nxt, f->irs + 2);
}

/* ---- user calls ---- */

/* RFC9293:3.10.4e */
static void test_last_ack_close_is_an_error(void **state)
{
    struct fixture *f = in_last_ack(state);
    assert_int_equal(call(f, .kind = TFSM_EV_CLOSE), TFSM_E_CONNECTION_CLOSING);
    expect_nothing(f);
}

static void test_last_ack_send_is_an_error(void **state)
{
    struct fixture *f = in_last_ack(state);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = 1), TFSM_E_CONNECTION_CLOSING);
    expect_nothing(f);
}

/* RFC9293:3.10.5: "ok", and no reset. [RFC9293:3.10.5c] */
static void test_last_ack_abort_sends_no_reset(void **state)
{
    struct fixture *f = in_last_ack(state);
    user_abort(f);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_ack_text_outside_is_acknowledged),
        cmocka_unit_test(test_last_ack_dataless_outside_is_acknowledged),
        cmocka_unit_test(test_last_ack_only_an_ack_is_taken_at_the_right_edge),
        cmocka_unit_test(test_last_ack_dataless_replies_are_limited),
        cmocka_unit_test(test_last_ack_data_replies_are_not_limited),
        cmocka_unit_test(test_last_ack_rst_exact_ends),
        cmocka_unit_test(test_last_ack_rst_exact_with_anything_ends),
        cmocka_unit_test(test_last_ack_rst_in_window_is_challenged),
        cmocka_unit_test(test_last_ack_rst_outside_is_dropped),
        cmocka_unit_test(test_last_ack_rst_exact_without_5961_ends),
        cmocka_unit_test(test_last_ack_rst_in_window_without_5961_ends),
        cmocka_unit_test(test_last_ack_rst_outside_without_5961_is_dropped),
        cmocka_unit_test(test_last_ack_rst_in_window_comes_before_security),
        cmocka_unit_test(test_last_ack_wrong_security_resets),
        cmocka_unit_test(test_last_ack_wrong_security_without_ack_resets),
        cmocka_unit_test(test_last_ack_wrong_security_outside_is_acknowledged),
        cmocka_unit_test(test_last_ack_syn_in_window_is_challenged),
        cmocka_unit_test(test_last_ack_syn_outside_is_acknowledged),
        cmocka_unit_test(test_last_ack_syn_in_window_without_5961_resets),
        cmocka_unit_test(test_last_ack_syn_ack_in_window_without_5961_resets),
        cmocka_unit_test(test_last_ack_syn_outside_without_5961_is_acknowledged),
        cmocka_unit_test(test_last_ack_ack_missing_is_dropped),
        cmocka_unit_test(test_last_ack_ack_beyond_snd_nxt_is_acknowledged),
        cmocka_unit_test(test_last_ack_ack_beyond_snd_nxt_without_5961_is_acknowledged),
        cmocka_unit_test(test_last_ack_ack_before_iss_is_acknowledged),
        cmocka_unit_test(test_last_ack_ack_duplicate_stays),
        cmocka_unit_test(test_last_ack_ack_of_fin_ends),
        cmocka_unit_test(test_last_ack_ack_of_fin_with_text_and_urg_ends),
        cmocka_unit_test(test_last_ack_ack_of_text_only_stays),
        cmocka_unit_test(test_last_ack_ack_of_text_and_fin_ends),
        cmocka_unit_test(test_last_ack_ack_of_all_sent_but_fin_unsent_stays),
        cmocka_unit_test(test_last_ack_rtx_repeats_the_fin),
        cmocka_unit_test(test_last_ack_rst_with_text_unacknowledged_is_told),
        cmocka_unit_test(test_last_ack_urg_is_ignored),
        cmocka_unit_test(test_last_ack_text_is_ignored),
        cmocka_unit_test(test_last_ack_fin_again_is_acknowledged),
        cmocka_unit_test(test_last_ack_fin_beyond_the_fin_stays),
        cmocka_unit_test(test_last_ack_close_is_an_error),
        cmocka_unit_test(test_last_ack_send_is_an_error),
        cmocka_unit_test(test_last_ack_abort_sends_no_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
