/* TIME-WAIT: both FINs are acknowledged; old duplicates die out for 2 MSL (RFC9293:MUST-13). The
 * peer's FIN coming again is acknowledged and starts the wait anew; an acceptable ACK is ignored.
 */
#include "fixture.h"

/* ---- first: sequence number ---- */

static void test_time_wait_text_outside_is_acknowledged(void **state)
{
    same_text_outside_is_acknowledged(in_time_wait(state));
}

static void test_time_wait_dataless_outside_is_acknowledged(void **state)
{
    same_dataless_outside_is_acknowledged(in_time_wait(state));
}

static void test_time_wait_only_an_ack_is_taken_at_the_right_edge(void **state)
{
    same_only_an_ack_is_taken_at_the_right_edge(in_time_wait(state));
}

static void test_time_wait_dataless_replies_are_limited(void **state)
{
    same_dataless_replies_are_limited(in_time_wait(state));
}

static void test_time_wait_data_replies_are_not_limited(void **state)
{
    same_data_replies_are_not_limited(in_time_wait(state));
}

/* ---- second: RST ---- */

/* RFC5961:3.2b */
static void test_time_wait_rst_exact_ends(void **state)
{
    same_rst_exact_ends(in_time_wait(state), TFSM_SIG_CLOSED);
}

static void test_time_wait_rst_exact_with_anything_ends(void **state)
{
    same_rst_exact_with_anything_ends(in_time_wait(state), TFSM_SIG_CLOSED);
}

/* RFC5961:3.2c */
static void test_time_wait_rst_in_window_is_challenged(void **state)
{
    same_rst_in_window_is_challenged(in_time_wait(state));
}

static void test_time_wait_rst_outside_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_time_wait(state));
}

static void test_time_wait_rst_exact_without_5961_ends(void **state)
{
    same_rst_exact_ends(in_plain(state, TFSM_TIME_WAIT), TFSM_SIG_CLOSED);
}

static void test_time_wait_rst_in_window_without_5961_ends(void **state)
{
    same_plain_rst_in_window_ends(in_plain(state, TFSM_TIME_WAIT), TFSM_SIG_CLOSED);
}

static void test_time_wait_rst_outside_without_5961_is_dropped(void **state)
{
    same_rst_outside_is_dropped(in_plain(state, TFSM_TIME_WAIT));
}

/* ---- third: security ---- */

static void test_time_wait_rst_in_window_comes_before_security(void **state)
{
    same_rst_in_window_comes_before_security(in_time_wait(state));
}

static void test_time_wait_wrong_security_resets(void **state)
{
    same_wrong_security_resets(in_time_wait(state));
}

static void test_time_wait_wrong_security_without_ack_resets(void **state)
{
    same_wrong_security_without_ack_resets(in_time_wait(state));
}

static void test_time_wait_wrong_security_outside_is_acknowledged(void **state)
{
    same_wrong_security_outside_is_acknowledged(in_time_wait(state));
}

/* ---- fourth: SYN ---- */

static void test_time_wait_syn_in_window_is_challenged(void **state)
{
    same_syn_in_window_is_challenged(in_time_wait(state));
}

static void test_time_wait_syn_outside_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_time_wait(state));
}

static void test_time_wait_syn_in_window_without_5961_resets(void **state)
{
    same_plain_syn_in_window_resets(in_plain(state, TFSM_TIME_WAIT));
}

static void test_time_wait_syn_ack_in_window_without_5961_resets(void **state)
{
    same_plain_syn_ack_in_window_resets(in_plain(state, TFSM_TIME_WAIT));
}

static void test_time_wait_syn_outside_without_5961_is_acknowledged(void **state)
{
    same_syn_outside_is_acknowledged(in_plain(state, TFSM_TIME_WAIT));
}

/* ---- fifth: ACK ---- */

static void test_time_wait_ack_missing_is_dropped(void **state)
{
    same_ack_missing_is_dropped(in_time_wait(state));
}

static void test_time_wait_ack_beyond_snd_nxt_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_time_wait(state));
}

static void test_time_wait_ack_beyond_snd_nxt_without_5961_is_acknowledged(void **state)
{
    same_ack_beyond_snd_nxt_is_acknowledged(in_plain(state, TFSM_TIME_WAIT));
}

static void test_time_wait_ack_before_iss_is_acknowledged(void **state)
{
    same_ack_before_iss_is_acknowledged(in_time_wait(state));
}

/* Whatever it says, it restarts nothing. */
static void test_time_wait_ack_is_ignored(void **state)
{
    struct fixture *f = in_time_wait(state);
    f->now += SECOND;
    arrive(f, .flags = TFSM_ACK);
    expect_signals(f, 0);
    expect_unchanged(f);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = -1);
    expect_signals(f, 0);
    expect_nothing(f);
    expect_deadline(f, f->now - SECOND + 2 * MSL);
}

/* ---- RFC 1337 ---- */

static struct fixture *in_time_wait_1337(void **state, uint32_t profile)
{
    struct fixture *f = fresh(state);
    f->cfg.profile = profile | TFSM_RFC1337;
    reach_time_wait(f);
    return f;
}

/* RFC1337:3 fix F1, B55: no assassination. */
static void test_time_wait_rst_with_1337_is_ignored(void **state)
{
    struct fixture *f = in_time_wait_1337(state, PROFILE);
    arrive(f, .flags = TFSM_RST);
    expect_ignored(f);
    expect_state(f, TFSM_TIME_WAIT);
}

/* RFC1337:3 */
static void test_time_wait_rst_in_window_with_1337_without_5961_is_ignored(void **state)
{
    struct fixture *f = in_time_wait_1337(state, PLAIN);
    arrive(f, .flags = TFSM_RST);
    expect_ignored(f);
    arrive(f, .flags = TFSM_RST, .seq = 100);
    expect_ignored(f);
    expect_state(f, TFSM_TIME_WAIT);
}

/* Ignored for good: no later step looks at it. */
static void test_time_wait_rst_with_1337_and_more_is_ignored(void **state)
{
    struct fixture *f = in_time_wait_1337(state, PROFILE);
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .security = 9);
    expect_ignored(f);
    arrive(f, .flags = TFSM_RST | TFSM_SYN | TFSM_ACK);
    expect_ignored(f);
    expect_state(f, TFSM_TIME_WAIT);
}

static void test_time_wait_1337_touches_nothing_but_rst(void **state)
{
    struct fixture *f = in_time_wait_1337(state, PROFILE);
    arrive(f, .flags = TFSM_SYN);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .security = 9);
    expect_gone(f, TFSM_SIG_RESET);
}

static void test_time_wait_1337_touches_no_other_state(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_RFC1337;
    reach_fin_wait_2(f);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_RESET);
}

/* ---- what comes after a FIN ---- */

static void test_time_wait_urg_is_ignored(void **state)
{
    struct fixture *f = in_time_wait(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 50);
    expect_signals(f, 0);
}

static void test_time_wait_text_is_ignored(void **state)
{
    struct fixture *f = in_time_wait(state);
    struct tfsm_segment out;
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_delivered(f, 0);
    assert_int_equal(f->fx.text_count, 0);
    assert_in_range(drain(f, &out, 1), 0, 1);
    expect_state(f, TFSM_TIME_WAIT);
}

/* B52: acknowledged, every time, and the wait begins anew. [RFC9293:3.10.7.4q] */
static void test_time_wait_fin_again_restarts_the_wait(void **state)
{
    struct fixture *f = in_time_wait(state);
    for (unsigned i = 0; i < 3 * LIMIT; i++) {
        f->now += SECOND;
        arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -1);
        expect_signals(f, 0);
        expect_ack(f);
        expect_deadline(f, f->now + 2 * MSL);
    }
    expect_state(f, TFSM_TIME_WAIT);
}

static void test_time_wait_fin_again_with_its_text_restarts_the_wait(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = 100);
    expect_ack(f);
    f->now += SECOND;
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -101, .text = 100);
    expect_delivered(f, 0);
    expect_ack(f);
    expect_deadline(f, f->now + 2 * MSL);
}

/* Text of before the FIN is acknowledged, and is no FIN. */
static void test_time_wait_old_text_restarts_nothing(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = 100);
    expect_ack(f);
    f->now += SECOND;
    arrive(f, .flags = TFSM_ACK, .seq = -101, .text = 100);
    expect_challenged(f);
    expect_deadline(f, f->now - SECOND + 2 * MSL);
}

/* RFC9293:3.10.7.4q: not by a FIN that is not the peer's FIN, somewhere in the past. */
static void test_time_wait_stray_fin_restarts_nothing(void **state)
{
    struct fixture *f = in_time_wait(state);
    f->now += SECOND;
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -5000, .text = 10);
    expect_challenged(f);
    expect_deadline(f, f->now - SECOND + 2 * MSL);
}

/* RFC9293:3.10.7.4q: only a FIN that the checks of the other steps would let through. */
static void test_time_wait_fin_again_with_syn_rst_or_wrong_security_restarts_nothing(void **state)
{
    struct fixture *f = in_time_wait(state);
    f->now += SECOND;
    arrive(f, .flags = TFSM_SYN | TFSM_FIN | TFSM_ACK, .seq = -2);
    expect_challenged(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -1, .security = 9);
    expect_challenged(f);
    arrive(f, .flags = TFSM_FIN | TFSM_RST, .seq = -1);
    expect_ignored(f);
    arrive(f, .flags = TFSM_FIN | TFSM_RST | TFSM_ACK, .seq = -1);
    expect_ignored(f);
    arrive(f, .flags = TFSM_FIN, .seq = -1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -1, .ack = 1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .seq = -1, .ack = -70000);
    expect_challenged(f);
    expect_deadline(f, f->now - SECOND + 2 * MSL);
}

static void test_time_wait_fin_beyond_the_fin_stays(void **state)
{
    struct fixture *f = in_time_wait(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_TIME_WAIT);
    expect_signals(f, 0);
    assert_int_equal(f->tcb.rcv_nxt, f->irs + 2);
}

/* ---- time ---- */

/* RFC9293:MUST-13, RFC9293:3.10.8c */
static void test_time_wait_lasts_2msl(void **state)
{
    struct fixture *f = in_time_wait(state);
    expect_deadline(f, f->now + 2 * MSL);
    after(f, 2 * MSL - 1);
    expect_state(f, TFSM_TIME_WAIT);
    expect_unchanged(f);
    after(f, 1);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
}

/* Our ACK of the FIN was not taken yet when the wait began; it still goes. */
static void test_time_wait_ack_is_owed_on_entry(void **state)
{
    struct fixture *f = in_fin_wait_2(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_TIME_WAIT);
    after(f, SECOND);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 2, .ack = 2);
    expect_nothing(f);
}

/* ---- user calls ---- */

/* B53: CLOSE does not end the wait. */
static void test_time_wait_close_is_an_error(void **state)
{
    struct fixture *f = in_time_wait(state);
    assert_int_equal(call(f, .kind = TFSM_EV_CLOSE), TFSM_E_CONNECTION_CLOSING);
    expect_state(f, TFSM_TIME_WAIT);
    expect_nothing(f);
}

static void test_time_wait_open_exists(void **state)
{
    struct fixture *f = in_time_wait(state);
    assert_int_equal(call(f, .kind = TFSM_EV_OPEN, .active = true, .remote = true),
                     TFSM_E_CONNECTION_EXISTS);
}

/* RFC9293:3.10.5: "ok", and no reset. [RFC9293:3.10.5c] */
static void test_time_wait_abort_sends_no_reset(void **state)
{
    struct fixture *f = in_time_wait(state);
    user_abort(f);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_wait_text_outside_is_acknowledged),
        cmocka_unit_test(test_time_wait_dataless_outside_is_acknowledged),
        cmocka_unit_test(test_time_wait_only_an_ack_is_taken_at_the_right_edge),
        cmocka_unit_test(test_time_wait_dataless_replies_are_limited),
        cmocka_unit_test(test_time_wait_data_replies_are_not_limited),
        cmocka_unit_test(test_time_wait_rst_exact_ends),
        cmocka_unit_test(test_time_wait_rst_exact_with_anything_ends),
        cmocka_unit_test(test_time_wait_rst_in_window_is_challenged),
        cmocka_unit_test(test_time_wait_rst_outside_is_dropped),
        cmocka_unit_test(test_time_wait_rst_exact_without_5961_ends),
        cmocka_unit_test(test_time_wait_rst_in_window_without_5961_ends),
        cmocka_unit_test(test_time_wait_rst_outside_without_5961_is_dropped),
        cmocka_unit_test(test_time_wait_rst_in_window_comes_before_security),
        cmocka_unit_test(test_time_wait_wrong_security_resets),
        cmocka_unit_test(test_time_wait_wrong_security_without_ack_resets),
        cmocka_unit_test(test_time_wait_wrong_security_outside_is_acknowledged),
        cmocka_unit_test(test_time_wait_syn_in_window_is_challenged),
        cmocka_unit_test(test_time_wait_syn_outside_is_acknowledged),
        cmocka_unit_test(test_time_wait_syn_in_window_without_5961_resets),
        cmocka_unit_test(test_time_wait_syn_ack_in_window_without_5961_resets),
        cmocka_unit_test(test_time_wait_syn_outside_without_5961_is_acknowledged),
        cmocka_unit_test(test_time_wait_ack_missing_is_dropped),
        cmocka_unit_test(test_time_wait_ack_beyond_snd_nxt_is_acknowledged),
        cmocka_unit_test(test_time_wait_ack_beyond_snd_nxt_without_5961_is_acknowledged),
        cmocka_unit_test(test_time_wait_ack_before_iss_is_acknowledged),
        cmocka_unit_test(test_time_wait_ack_is_ignored),
        cmocka_unit_test(test_time_wait_rst_with_1337_is_ignored),
        cmocka_unit_test(test_time_wait_rst_in_window_with_1337_without_5961_is_ignored),
        cmocka_unit_test(test_time_wait_rst_with_1337_and_more_is_ignored),
        cmocka_unit_test(test_time_wait_1337_touches_nothing_but_rst),
        cmocka_unit_test(test_time_wait_1337_touches_no_other_state),
        cmocka_unit_test(test_time_wait_urg_is_ignored),
        cmocka_unit_test(test_time_wait_text_is_ignored),
        cmocka_unit_test(test_time_wait_fin_again_restarts_the_wait),
        cmocka_unit_test(test_time_wait_fin_again_with_its_text_restarts_the_wait),
        cmocka_unit_test(test_time_wait_old_text_restarts_nothing),
        cmocka_unit_test(test_time_wait_stray_fin_restarts_nothing),
        cmocka_unit_test(test_time_wait_fin_again_with_syn_rst_or_wrong_security_restarts_nothing),
        cmocka_unit_test(test_time_wait_fin_beyond_the_fin_stays),
        cmocka_unit_test(test_time_wait_lasts_2msl),
        cmocka_unit_test(test_time_wait_ack_is_owed_on_entry),
        cmocka_unit_test(test_time_wait_close_is_an_error),
        cmocka_unit_test(test_time_wait_open_exists),
        cmocka_unit_test(test_time_wait_abort_sends_no_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
