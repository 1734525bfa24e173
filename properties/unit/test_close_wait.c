/* CLOSE-WAIT: the peer closed; we may still send for as long as we like. Its text is over, so text,
 * URG and another FIN are ignored; CLOSE leads to LAST-ACK at once. */
#include "fixture.h"

/* ---- first: sequence number ---- */

static void test_close_wait_text_outside_is_acknowledged(void **state)
{
    same_text_outside_is_acknowledged(in_close_wait(state));
}

static void test_close_wait_dataless_outside_is_acknowledged(void **state)
{
    same_dataless_outside_is_acknowledged(in_close_wait(state));
}

static void test_close_wait_only_an_ack_is_taken_at_the_right_edge(void **state)
{
    same_only_an_ack_is_taken_at_the_right_edge(in_close_wait(state));
}

static void test_close_wait_dataless_replies_are_limited(void **state)
{
    same_dataless_replies_are_limited(in_close_wait(state));
}

static void test_close_wait_data_replies_are_not_limited(void **state)
{
    same_data_replies_are_not_limited(in_close_wait(state));
}

/* ---- second: RST ---- */

static void test_close_wait_rst_exact_ends(void **state)
{
    same_rst_exact_ends(in_close_wait(state), TFSM_SIG_RESET);
}

static void test_close_wait_rst_exact_with_anything_ends(void **state)
{
    same_rst_exact_with_anything_ends(in_close_wait(state), TFSM_SIG_RESET);
}

static void test_close_wait_rst_in_window_is_challenged(void **state)
{
    same_rst_in_window_is_challenged(in_close_wait(state));
}

static void test_close_wait_rst_outside_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_close_wait(state));
}

static void test_close_wait_rst_exact_without_5961_ends(void **state)
{
    same_rst_exact_ends(in_plain(state, TFSM_CLOSE_WAIT), TFSM_SIG_RESET);
}

static void test_close_wait_rst_in_window_without_5961_ends(void **state)
{
    same_plain_rst_in_window_ends(in_plain(state, TFSM_CLOSE_WAIT), TFSM_SIG_RESET);
}

static void test_close_wait_rst_outside_without_5961_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_plain(state, TFSM_CLOSE_WAIT));
}

/* ---- third: security ---- */

static void test_close_wait_rst_in_window_comes_before_security(void **state)
{
    same_rst_in_window_comes_before_security(in_close_wait(state));
}

static void test_close_wait_wrong_security_resets(void **state)
{
    same_wrong_security_resets(in_close_wait(state));
}

static void test_close_wait_wrong_security_without_ack_resets(void **state)
{
    same_wrong_security_without_ack_resets(in_close_wait(state));
}

static void test_close_wait_wrong_security_outside_is_acknowledged(void **state)
{
    same_wrong_security_outside_is_acknowledged(in_close_wait(state));
}

/* ---- fourth: SYN ---- */

static void test_close_wait_syn_in_window_is_challenged(void **state)
{
    same_syn_in_window_is_challenged(in_close_wait(state));
}

static void test_close_wait_syn_outside_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_close_wait(state));
}

static void test_close_wait_syn_in_window_without_5961_resets(void **state)
{
    same_plain_syn_in_window_resets(in_plain(state, TFSM_CLOSE_WAIT));
}

static void test_close_wait_syn_ack_in_window_without_5961_resets(void **state)
{
    same_plain_syn_ack_in_window_resets(in_plain(state, TFSM_CLOSE_WAIT));
}

static void test_close_wait_syn_outside_without_5961_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_plain(state, TFSM_CLOSE_WAIT));
}

/* ---- fifth: ACK ---- */

static void test_close_wait_ack_missing_is_dropped(void **state)
{
    same_ack_missing_is_dropped(in_close_wait(state));
}

static void test_close_wait_ack_beyond_snd_nxt_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_close_wait(state));
}

static void test_close_wait_ack_beyond_snd_nxt_without_5961_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_plain(state, TFSM_CLOSE_WAIT));
}

static void test_close_wait_ack_before_iss_is_acknowledged(void **state)
{
    same_ack_before_iss_is_acknowledged(in_close_wait(state));
}

static void test_close_wait_ack_duplicate_stays(void **state)
{
    struct fixture *f = in_close_wait(state);
    arrive(f, .flags = TFSM_ACK);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_nothing(f);
}

static void test_close_wait_ack_new_moves_snd_una(void **state)
{
    struct fixture *f = in_close_wait(state);
    user_send(f, 500);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 2, .len = 500);
    arrive(f, .flags = TFSM_ACK, .ack = 500);
    assert_int_equal(f->fx.acknowledged, 500);
    expect_deadline(f, TFSM_NEVER);
    expect_state(f, TFSM_CLOSE_WAIT);
}

static void test_close_wait_ack_updates_the_window(void **state)
{
    struct fixture *f = in_close_wait(state);
    f->peer.wnd = 9000;
    arrive(f, .flags = TFSM_ACK);
    assert_int_equal(f->tcb.snd_wnd, 9000);
}

/* ---- sixth, seventh, eighth: what comes after a FIN ---- */

/* RFC9293:3.10.7.4r */
static void test_close_wait_urg_is_ignored(void **state)
{
    struct fixture *f = in_close_wait(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 50);
    expect_signals(f, 0);
}

/* RFC9293:3.10.7.4s; as it occupies sequence numbers it is answered */
static void test_close_wait_text_is_ignored(void **state)
{
    struct fixture *f = in_close_wait(state);
    for (int i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK, .seq = 100 * i, .text = 100);
        expect_delivered(f, 0);
        assert_int_equal(f->fx.text_count, 0);
        expect_ack(f);
    }
    expect_state(f, TFSM_CLOSE_WAIT);
}

/* The ACK of such a segment still counts. */
static void test_close_wait_text_with_new_ack_is_half_taken(void **state)
{
    struct fixture *f = in_close_wait(state);
    user_send(f, 500);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 2, .len = 500);
    arrive(f, .flags = TFSM_ACK, .ack = 500, .text = 10);
    assert_int_equal(f->fx.acknowledged, 500);
    expect_delivered(f, 0);
}

/* Our ACK of the FIN was lost: it comes again, and the peer must hear of it, every time.
 * [RFC9293:3.10.7.4v] */
static void test_close_wait_fin_again_is_acknowledged(void **state)
{
    struct fixture *f = in_close_wait(state);
    for (unsigned i = 0; i < 3 * LIMIT; i++) {
        arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -1);
        expect_challenged(f);
    }
    expect_state(f, TFSM_CLOSE_WAIT);
}

/* A sequence number is bound once: what lies beyond the FIN is no second FIN.
 * [RFC9293:3.10.7.4v] */
static void test_close_wait_fin_beyond_the_fin_stays(void **state)
{
    struct fixture *f = in_close_wait(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_signals(f, 0);
    expect_ack(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 10, .text = 3);
    expect_signals(f, 0);
    expect_ack(f);
    assert_int_equal(f->tcb.rcv_nxt, f->irs + 2);
}

/* ---- user calls ---- */

/* RFC9293:3.10.2d */
static void test_close_wait_send_goes_out(void **state)
{
    struct fixture *f = in_close_wait(state);
    user_send(f, 1500);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 2, .len = 1000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1001, .ack = 2, .len = 500);
    expect_nothing(f);
}

static void test_close_wait_send_too_much_is_an_error(void **state)
{
    struct fixture *f = in_close_wait(state);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = BUFF + 1), TFSM_E_INSUFFICIENT_RESOURCES);
}

/* RFC9293:3.10.3: what is on hand is handed out, then it is over. [RFC9293:3.10.3c] */
static void test_close_wait_receive_ends_with_an_error(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = 100);
    user_receive(f, 60);
    assert_int_equal(f->fx.taken, 60);
    user_receive(f, 60);
    assert_int_equal(f->fx.taken, 40);
    assert_int_equal(call(f, .kind = TFSM_EV_RECEIVE, .len = 60), TFSM_E_CONNECTION_CLOSING);
}

/* RFC9293:3.10.4d */
static void test_close_wait_close_sends_fin(void **state)
{
    struct fixture *f = in_close_wait(state);
    user_close(f);
    expect_state(f, TFSM_LAST_ACK);
    expect_signals(f, 0);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 2, .len = 1);
    expect_nothing(f);
}

/* RFC9293:3.6a, RFC9293:3.10.4d */
static void test_close_wait_close_sends_fin_after_the_text(void **state)
{
    struct fixture *f = in_close_wait(state);
    user_send(f, 100);
    user_close(f);
    expect_state(f, TFSM_LAST_ACK);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 2, .len = 101);
    expect_nothing(f);
}

/* B47 */
static void test_close_wait_close_with_the_window_full_leaves_at_once(void **state)
{
    struct fixture *f = in_close_wait(state);
    struct tfsm_segment out;
    user_send(f, BUFF);
    (void)drain(f, &out, 1);
    user_close(f);
    expect_state(f, TFSM_LAST_ACK);
    expect_nothing(f);
    assert_false(f->sent_fin);
}

/* FIN received and CLOSE called before any output: one segment says both. */
static void test_close_wait_close_in_the_same_batch_is_one_segment(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 2, .len = 1);
    expect_nothing(f);
}

/* RFC9293:3.10.5b */
static void test_close_wait_abort_sends_reset(void **state)
{
    struct fixture *f = in_close_wait(state);
    user_abort(f);
    expect_gone(f, TFSM_SIG_RESET);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 1);
    expect_nothing(f);
}

static void test_close_wait_has_no_timer(void **state)
{
    struct fixture *f = in_close_wait(state);
    expect_deadline(f, TFSM_NEVER);
    after(f, 1000000 * SECOND);
    expect_unchanged(f);
    expect_state(f, TFSM_CLOSE_WAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_wait_text_outside_is_acknowledged),
        cmocka_unit_test(test_close_wait_dataless_outside_is_acknowledged),
        cmocka_unit_test(test_close_wait_only_an_ack_is_taken_at_the_right_edge),
        cmocka_unit_test(test_close_wait_dataless_replies_are_limited),
        cmocka_unit_test(test_close_wait_data_replies_are_not_limited),
        cmocka_unit_test(test_close_wait_rst_exact_ends),
        cmocka_unit_test(test_close_wait_rst_exact_with_anything_ends),
        cmocka_unit_test(test_close_wait_rst_in_window_is_challenged),
        cmocka_unit_test(test_close_wait_rst_outside_is_dropped),
        cmocka_unit_test(test_close_wait_rst_exact_without_5961_ends),
        cmocka_unit_test(test_close_wait_rst_in_window_without_5961_ends),
        cmocka_unit_test(test_close_wait_rst_outside_without_5961_is_dropped),
        cmocka_unit_test(test_close_wait_rst_in_window_comes_before_security),
        cmocka_unit_test(test_close_wait_wrong_security_resets),
        cmocka_unit_test(test_close_wait_wrong_security_without_ack_resets),
        cmocka_unit_test(test_close_wait_wrong_security_outside_is_acknowledged),
        cmocka_unit_test(test_close_wait_syn_in_window_is_challenged),
        cmocka_unit_test(test_close_wait_syn_outside_is_acknowledged),
        cmocka_unit_test(test_close_wait_syn_in_window_without_5961_resets),
        cmocka_unit_test(test_close_wait_syn_ack_in_window_without_5961_resets),
        cmocka_unit_test(test_close_wait_syn_outside_without_5961_is_acknowledged),
        cmocka_unit_test(test_close_wait_ack_missing_is_dropped),
        cmocka_unit_test(test_close_wait_ack_beyond_snd_nxt_is_acknowledged),
        cmocka_unit_test(test_close_wait_ack_beyond_snd_nxt_without_5961_is_acknowledged),
        cmocka_unit_test(test_close_wait_ack_before_iss_is_acknowledged),
        cmocka_unit_test(test_close_wait_ack_duplicate_stays),
        cmocka_unit_test(test_close_wait_ack_new_moves_snd_una),
        cmocka_unit_test(test_close_wait_ack_updates_the_window),
        cmocka_unit_test(test_close_wait_urg_is_ignored),
        cmocka_unit_test(test_close_wait_text_is_ignored),
        cmocka_unit_test(test_close_wait_text_with_new_ack_is_half_taken),
        cmocka_unit_test(test_close_wait_fin_again_is_acknowledged),
        cmocka_unit_test(test_close_wait_fin_beyond_the_fin_stays),
        cmocka_unit_test(test_close_wait_send_goes_out),
        cmocka_unit_test(test_close_wait_send_too_much_is_an_error),
        cmocka_unit_test(test_close_wait_receive_ends_with_an_error),
        cmocka_unit_test(test_close_wait_close_sends_fin),
        cmocka_unit_test(test_close_wait_close_sends_fin_after_the_text),
        cmocka_unit_test(test_close_wait_close_with_the_window_full_leaves_at_once),
        cmocka_unit_test(test_close_wait_close_in_the_same_batch_is_one_segment),
        cmocka_unit_test(test_close_wait_abort_sends_reset),
        cmocka_unit_test(test_close_wait_has_no_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
