/* LISTEN: any peer may open a connection (RFC 9293 3.10.7.2): RST is ignored, ACK is reset, SYN is
 * answered, in this order, and nothing else gets in. */
#include "fixture.h"

/* ---- first: RST ---- */

/* B05, B07: whatever else a RST carries, it is ignored. [RFC9293:3.10.7.2a] */
static void test_listen_rst_is_ignored(void **state)
{
    static const uint8_t with[] = {0, TFSM_ACK, TFSM_SYN, TFSM_SYN | TFSM_ACK, TFSM_FIN, TFSM_URG};
    struct fixture *f = in_listen(state);
    for (size_t i = 0; i < sizeof with; i++) {
        arrive(f, .flags = (uint8_t)(TFSM_RST | with[i]), .ack = 1, .text = 10);
        expect_ignored(f);
        expect_state(f, TFSM_LISTEN);
    }
}

static void test_listen_rst_with_wrong_security_is_ignored(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_RST, .security = 9);
    expect_ignored(f);
}

/* ---- second: ACK ---- */

/* B05: SEQ = SEG.ACK, not one more. [RFC9293:3.10.7.2a] */
static void test_listen_ack_is_reset(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_ACK, .ack = 777);
    expect_refused(f);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 777);
    expect_nothing(f);
    expect_state(f, TFSM_LISTEN);
}

static void test_listen_syn_ack_is_reset(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_rejected(f);
    expect_state(f, TFSM_LISTEN);
}

static void test_listen_fin_ack_with_text_is_reset(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK | TFSM_URG, .ack = 1, .text = 50, .up = 3);
    expect_rejected(f);
    expect_state(f, TFSM_LISTEN);
}

static void test_listen_ack_with_wrong_security_is_reset(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .security = 9);
    expect_rejected(f);
}

static void test_listen_reset_leaves_the_listener_as_it_was(void **state)
{
    struct fixture *f = in_listen(state);
    struct tfsm_tcb listener = f->tcb;
    arrive(f, .flags = TFSM_ACK, .ack = 777);
    expect_reset_reply(f);
    assert_memory_equal(&f->tcb, &listener, sizeof listener);
}

/* ---- third: SYN ---- */

/* RFC9293:3.10.7.2b */
static void test_listen_syn_wrong_security_is_reset(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN, .security = 9);
    expect_rejected(f);
    expect_state(f, TFSM_LISTEN);
}

/* RFC9293:3.10.7.2b */
static void test_listen_syn_right_security_is_accepted(void **state)
{
    struct fixture *f = in_closed(state);
    assert_int_equal(call(f, .kind = TFSM_EV_OPEN, .security = 3), TFSM_DONE);
    arrive(f, .flags = TFSM_SYN);
    expect_rejected(f);
    arrive(f, .flags = TFSM_SYN, .security = 3);
    expect_state(f, TFSM_SYN_RECEIVED);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.security, 3);
}

/* RFC9293:MUST-14, SHLD-5a, RFC9293:3.10.7.2 <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>
 * [RFC9293:3.10.7.2c] */
static void test_listen_syn_is_answered(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN);
    expect_state(f, TFSM_SYN_RECEIVED);
    expect_signals(f, 0);
    struct tfsm_segment s =
        expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .seq = 0, .ack = 1, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS);
    assert_int_equal(s.mss, MSS);
    assert_int_equal(s.wnd, BUFF);
    expect_nothing(f);
}

/* RFC9293:MUST-14, RFC9293:3.10.7.2c */
static void test_listen_syn_fills_the_tcb(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(f->tcb.iss, f->iss);
    assert_int_equal(f->tcb.snd_una, f->iss);
    assert_int_equal(f->tcb.snd_nxt, f->iss + 1);
    assert_int_equal(f->tcb.irs, f->irs);
    assert_int_equal(f->tcb.rcv_nxt, f->irs + 1);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
    assert_int_equal(f->tcb.snd_mss, MSS);
}

/* RFC9293:3.10.7.2: text waits until SYN-RECEIVED is over; it is copied at once, delivered later.
 * [RFC9293:3.5a, RFC9293:3.10.7.2d] */
static void test_listen_syn_with_text_is_remembered(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN, .text = 100);
    expect_delivered(f, 0);
    assert_int_equal(f->fx.text_count, 1);
    expect_text(f, 0, 0, 0, 100);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, TFSM_SIG_CONNECTED);
    expect_delivered(f, 100);
    assert_int_equal(f->fx.text_count, 0);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 101);
    expect_nothing(f);
}

static void test_listen_syn_with_text_beyond_the_window_is_trimmed(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN, .text = BUFF + 500);
    expect_text(f, 0, 0, 0, BUFF);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_delivered(f, BUFF);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, 0);
}

/* B22: a FIN is not processed in LISTEN; it counts once our SYN is acknowledged.
 * [RFC9293:3.10.7.4u] */
static void test_listen_syn_fin_waits_for_our_syn_to_be_acknowledged(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN | TFSM_FIN);
    expect_state(f, TFSM_SYN_RECEIVED);
    expect_signals(f, 0);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_PEER_CLOSED);
    expect_ack(f);
    assert_int_equal(f->tcb.rcv_nxt, f->irs + 2);
}

/* RFC9293:3.10.7.2d */
static void test_listen_syn_text_fin_arrive_in_order(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN | TFSM_FIN, .text = 10);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_delivered(f, 10);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_PEER_CLOSED);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 12);
    expect_nothing(f);
}

/* B80: the URG of a SYN tells nobody anything before the connection is open. */
static void test_listen_syn_urg_tells_nothing(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN | TFSM_URG, .up = 500);
    expect_state(f, TFSM_SYN_RECEIVED);
    expect_signals(f, 0);
}

/* Invariant 8 of history. */
static void test_listen_syn_other_flags_change_nothing(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN | TFSM_PSH | TFSM_ECE | TFSM_CWR);
    expect_state(f, TFSM_SYN_RECEIVED);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    expect_nothing(f);
}

/* RFC9293:MUST-15a */
static void test_listen_syn_without_mss_means_the_default(void **state)
{
    struct fixture *f = fresh(state);
    f->peer.options = 0;
    reach_established_passive(f);
    assert_int_equal(f->tcb.snd_mss, 536);
    user_send(f, 600);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 536);
}

/* B70, CVE-2019-11479: an MSS of 0 or of 8 is raised. */
static void test_listen_syn_tiny_mss_is_raised_to_the_floor(void **state)
{
    static const uint16_t tiny[] = {0, 1, 8, 63, 64};
    for (size_t i = 0; i < sizeof tiny / sizeof tiny[0]; i++) {
        struct fixture *f = fresh(state);
        f->peer.mss = tiny[i];
        reach_established_passive(f);
        assert_int_equal(f->tcb.snd_mss, 64);
        user_send(f, 200);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 64);
    }
}

/* RFC9293:MUST-16: the smaller of the two sizes. */
static void test_listen_syn_large_mss_is_bounded_by_ours(void **state)
{
    struct fixture *f = fresh(state);
    f->peer.mss = 65535;
    reach_established_passive(f);
    user_send(f, 2 * MSS);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = MSS);
}

/* Unknown and un-negotiated options change nothing (RFC9293:MUST-6, B73). */
static void test_listen_syn_other_options_change_nothing(void **state)
{
    struct fixture *f = in_listen(state);
    struct tfsm_segment syn = segment_of(f, (struct from_peer){.flags = TFSM_SYN});
    syn.options = TFSM_OPT_MSS | TFSM_OPT_TIMESTAMPS | TFSM_OPT_SACK_PERMITTED | TFSM_OPT_SACK;
    syn.ts_val = 99;
    syn.sacks = TFSM_SACK_MAX;
    arrive_segment(f, &syn);
    expect_state(f, TFSM_SYN_RECEIVED);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
}

/* ---- fourth: the rest ---- */

static void test_listen_neither_syn_nor_ack_is_dropped(void **state)
{
    static const uint8_t flags[] = {0, TFSM_FIN, TFSM_PSH, TFSM_URG,
                                    TFSM_FIN | TFSM_URG | TFSM_PSH};
    struct fixture *f = in_listen(state);
    for (size_t i = 0; i < sizeof flags; i++) {
        arrive(f, .flags = flags[i], .text = 20, .up = 4);
        expect_ignored(f);
        expect_state(f, TFSM_LISTEN);
    }
}

static void test_listen_text_without_flags_wrong_security_is_dropped(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = 0, .text = 20, .security = 4);
    expect_ignored(f);
}

/* ---- user calls and time ---- */

/* RFC9293:3.10.1d */
static void test_listen_open_active_sends_syn(void **state)
{
    struct fixture *f = in_listen(state);
    open_active(f);
    expect_state(f, TFSM_SYN_SENT);
    (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
    expect_nothing(f);
}

/* RFC9293:MUST-11: it is an active connection now. */
static void test_listen_open_active_is_no_longer_passive(void **state)
{
    struct fixture *f = in_listen(state);
    open_active(f);
    (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
    arrive(f, .flags = TFSM_SYN);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_REFUSED);
}

/* RFC9293:3.10.1c */
static void test_listen_open_active_without_remote_is_an_error(void **state)
{
    struct fixture *f = in_listen(state);
    assert_int_equal(call(f, .kind = TFSM_EV_OPEN, .active = true), TFSM_E_REMOTE_UNSPECIFIED);
    expect_state(f, TFSM_LISTEN);
}

/* RFC9293:3.10.2b */
static void test_listen_send_without_remote_is_an_error(void **state)
{
    struct fixture *f = in_listen(state);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = 5), TFSM_E_REMOTE_UNSPECIFIED);
    expect_state(f, TFSM_LISTEN);
    expect_nothing(f);
}

/* RFC9293:3.10.2: SEND makes a fully specified passive connection active. [RFC9293:3.10.2b] */
static void test_listen_send_with_remote_opens_actively(void **state)
{
    struct fixture *f = in_closed(state);
    open_passive_remote(f);
    user_send(f, 300);
    expect_state(f, TFSM_SYN_SENT);
    (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
    expect_nothing(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 300);
    expect_nothing(f);
}

/* The label of the OPEN is the label of the SYN, whichever call sends it. */
static void test_listen_send_and_open_keep_the_security(void **state)
{
    struct fixture *f = in_closed(state);
    assert_int_equal(call(f, .kind = TFSM_EV_OPEN, .remote = true, .security = 3), TFSM_DONE);
    user_send(f, 5);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(s.security, 3);
    f = in_closed(state);
    assert_int_equal(call(f, .kind = TFSM_EV_OPEN, .security = 3), TFSM_DONE);
    assert_int_equal(call(f, .kind = TFSM_EV_OPEN, .active = true, .remote = true, .security = 5),
                     TFSM_DONE);
    s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(s.security, 5);
}

static void test_listen_send_with_remote_too_much_is_an_error(void **state)
{
    struct fixture *f = in_closed(state);
    open_passive_remote(f);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = BUFF + 1), TFSM_E_INSUFFICIENT_RESOURCES);
    expect_state(f, TFSM_LISTEN);
}

static void test_listen_receive_waits(void **state)
{
    struct fixture *f = in_listen(state);
    user_receive(f, 100);
    assert_int_equal(f->fx.taken, 0);
    expect_unchanged(f);
}

/* RFC9293:3.10.4a */
static void test_listen_close_deletes_the_tcb(void **state)
{
    struct fixture *f = in_listen(state);
    user_close(f);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
}

/* RFC9293:3.10.5: outstanding RECEIVEs hear "connection reset". [RFC9293:3.10.5a] */
static void test_listen_abort_deletes_the_tcb(void **state)
{
    struct fixture *f = in_listen(state);
    user_abort(f);
    expect_gone(f, TFSM_SIG_RESET);
    expect_nothing(f);
}

/* B85: no timer runs in LISTEN. */
static void test_listen_timeout_does_nothing(void **state)
{
    struct fixture *f = in_listen(state);
    expect_deadline(f, TFSM_NEVER);
    after(f, 10000 * SECOND);
    expect_unchanged(f);
    expect_nothing(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listen_rst_is_ignored),
        cmocka_unit_test(test_listen_rst_with_wrong_security_is_ignored),
        cmocka_unit_test(test_listen_ack_is_reset),
        cmocka_unit_test(test_listen_syn_ack_is_reset),
        cmocka_unit_test(test_listen_fin_ack_with_text_is_reset),
        cmocka_unit_test(test_listen_ack_with_wrong_security_is_reset),
        cmocka_unit_test(test_listen_reset_leaves_the_listener_as_it_was),
        cmocka_unit_test(test_listen_syn_wrong_security_is_reset),
        cmocka_unit_test(test_listen_syn_right_security_is_accepted),
        cmocka_unit_test(test_listen_syn_is_answered),
        cmocka_unit_test(test_listen_syn_fills_the_tcb),
        cmocka_unit_test(test_listen_syn_with_text_is_remembered),
        cmocka_unit_test(test_listen_syn_with_text_beyond_the_window_is_trimmed),
        cmocka_unit_test(test_listen_syn_fin_waits_for_our_syn_to_be_acknowledged),
        cmocka_unit_test(test_listen_syn_text_fin_arrive_in_order),
        cmocka_unit_test(test_listen_syn_urg_tells_nothing),
        cmocka_unit_test(test_listen_syn_other_flags_change_nothing),
        cmocka_unit_test(test_listen_syn_without_mss_means_the_default),
        cmocka_unit_test(test_listen_syn_tiny_mss_is_raised_to_the_floor),
        cmocka_unit_test(test_listen_syn_large_mss_is_bounded_by_ours),
        cmocka_unit_test(test_listen_syn_other_options_change_nothing),
        cmocka_unit_test(test_listen_neither_syn_nor_ack_is_dropped),
        cmocka_unit_test(test_listen_text_without_flags_wrong_security_is_dropped),
        cmocka_unit_test(test_listen_open_active_sends_syn),
        cmocka_unit_test(test_listen_open_active_is_no_longer_passive),
        cmocka_unit_test(test_listen_open_active_without_remote_is_an_error),
        cmocka_unit_test(test_listen_send_without_remote_is_an_error),
        cmocka_unit_test(test_listen_send_with_remote_opens_actively),
        cmocka_unit_test(test_listen_send_and_open_keep_the_security),
        cmocka_unit_test(test_listen_send_with_remote_too_much_is_an_error),
        cmocka_unit_test(test_listen_receive_waits),
        cmocka_unit_test(test_listen_close_deletes_the_tcb),
        cmocka_unit_test(test_listen_abort_deletes_the_tcb),
        cmocka_unit_test(test_listen_timeout_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
