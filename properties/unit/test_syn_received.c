/* SYN-RECEIVED: both SYNs are known, ours is not acknowledged. What the state came from, LISTEN or
 * SYN-SENT, decides where a RST leads (RFC9293:MUST-11); an ACK that does not cover our SYN is
 * reset and delivers nothing. Text and FIN that came early count only afterwards. */
#include "fixture.h"

static void listens_again(struct fixture *f)
{
    struct tfsm_tcb listener;
    memset(&listener, 0, sizeof listener);
    struct tfsm_effects fx;
    struct tfsm_event open = {.kind = TFSM_EV_OPEN};
    assert_int_equal(tfsm_step(&listener, &f->cfg, &open, &fx), TFSM_DONE);
    expect_state(f, TFSM_LISTEN);
    expect_signals(f, 0);
    expect_nothing(f);
    assert_memory_equal(&f->tcb, &listener, sizeof listener);
}

/* ---- first: sequence number ---- */

/* A client that has not heard our SYN-ACK ignores an ACK alone. */
static void test_syn_received_syn_repeated_draws_the_syn_ack(void **state)
{
    struct fixture *f = in_syn_received(state);
    for (unsigned i = 0; i < LIMIT; i++) {
        arrive(f, .flags = TFSM_SYN, .seq = -1);
        (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
        expect_state(f, TFSM_SYN_RECEIVED);
    }
    arrive(f, .flags = TFSM_SYN, .seq = -1);
    expect_ignored(f);
}

/* RFC9293:MUST-20b, MUST-23: each is a try: a SYN that comes just before every timeout holds a half-open
 * connection no longer than R2 tries. */
static void test_syn_received_syn_repeated_counts_for_r2(void **state)
{
    struct fixture *f = in_syn_received(state);
    tfsm_time start = f->now;
    f->cfg.rto_max = 60000000;
    f->cfg.syn_retries = 7;
    while (f->tcb.state == TFSM_SYN_RECEIVED && f->now - start < UINT64_C(10000000000)) {
        struct tfsm_segment s;
        f->now = f->tcb.at_rtx - 1;
        arrive(f, .flags = TFSM_SYN, .seq = -1);
        (void)drain(f, &s, 1);
        if (f->tcb.at_rtx == f->now + 1) { /* it was no help any more */
            f->now++;
            after(f, 0);
        }
    }
    expect_state(f, TFSM_LISTEN);
    assert_true(f->now - start > UINT64_C(180000000));
    assert_true(f->now - start < UINT64_C(500000000));
}

/* RFC7323:4.3a: and bears the timestamp that came with it. */
static void test_syn_received_syn_repeated_is_echoed(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_TIMESTAMPS;
    f->peer.options = TFSM_OPT_MSS | TFSM_OPT_TIMESTAMPS;
    open_passive(f);
    for (uint32_t i = 0; i < 2; i++) {
        struct tfsm_segment syn =
            segment_of(f, (struct from_peer){.flags = TFSM_SYN, .seq = i == 0 ? 0 : -1});
        struct tfsm_segment out;
        syn.options |= TFSM_OPT_TIMESTAMPS;
        syn.ts_val = 1000 + 1000 * i;
        arrive_segment(f, &syn);
        assert_int_equal(drain(f, &out, 1), 1);
        assert_int_equal(out.ts_ecr, 1000 + 1000 * i);
        f->now += 1000000;
    }
}

static void test_syn_received_syn_repeated_draws_the_syn_ack_without_5961(void **state)
{
    struct fixture *f = in_plain(state, TFSM_SYN_RECEIVED);
    arrive(f, .flags = TFSM_SYN, .seq = -1);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
}

/* RFC6298:3a: which of two SYN-ACKs was answered nobody knows, so no round trip is taken from it. */
static void test_syn_received_syn_repeated_spoils_the_round_trip(void **state)
{
    struct fixture *f = in_plain(state, TFSM_SYN_RECEIVED);
    arrive(f, .flags = TFSM_SYN, .seq = -1);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    f->now += 50000;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    assert_int_equal(f->tcb.srtt, 0);
}

static void test_syn_received_other_syn_is_acknowledged(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_SYN, .seq = -2);
    expect_challenged(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

static void test_syn_received_ack_outside_left_is_acknowledged(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .seq = -1, .ack = 1);
    expect_challenged(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

static void test_syn_received_ack_outside_right_is_acknowledged(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .seq = BUFF + 1, .ack = 1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .seq = BUFF, .ack = 1, .text = 1);
    expect_challenged(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

/* RFC9293:MUST-66, RFC9293:3.8.6.1a: before a window of zero only a valid ACK is looked at. Text is
 * answered by an ACK, and by nothing besides. */
static void test_syn_received_text_before_zero_window_has_one_answer(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rcv_buff = 0;
    reach_syn_received(f);
    arrive(f, .flags = TFSM_ACK, .ack = 0, .text = 10);
    expect_ack(f);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 0); /* acceptable, and not of our SYN */
    expect_segment(f, .flags = TFSM_RST, .seq = 0);
    expect_nothing(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

/* RFC 9293 A.2 */
static void test_syn_received_ack_alone_just_past_the_window_connects(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .seq = BUFF, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
}

static void test_syn_received_ack_at_the_right_edge_connects(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .seq = BUFF - 1, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
}

/* ---- second: RST ---- */

/* RFC9293:MUST-11, RFC9293:3.10.7.4e */
static void test_syn_received_rst_exact_passive_listens_again(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_RST);
    listens_again(f);
}

/* RFC9293:MUST-11: what the OPEN said is kept: the label, the remote socket, and that it was
 * passive. */
static void test_syn_received_rst_exact_passive_keeps_what_open_said(void **state)
{
    struct fixture *f = in_closed(state);
    assert_int_equal(call(f, .kind = TFSM_EV_OPEN, .remote = true, .security = 3), TFSM_DONE);
    struct tfsm_tcb listener = f->tcb;
    arrive(f, .flags = TFSM_SYN, .security = 3);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_RST, .security = 3);
    expect_state(f, TFSM_LISTEN);
    assert_memory_equal(&f->tcb, &listener, sizeof listener);
}

/* Nor does a negotiated window scale displace it. */
static void test_syn_received_rst_exact_passive_with_scaling_listens_again(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_WSCALE;
    f->peer.options |= TFSM_OPT_WSCALE;
    reach_syn_received(f);
    arrive(f, .flags = TFSM_RST);
    listens_again(f);
}

/* RFC9293:MUST-11, B17, RFC9293:3.10.7.4e */
static void test_syn_received_rst_exact_active_is_refused(void **state)
{
    struct fixture *f = in_syn_received_active(state);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_REFUSED);
    expect_nothing(f);
}

static void test_syn_received_rst_exact_any_ack_is_believed(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .ack = 500, .text = 20);
    listens_again(f);
}

/* RFC5961:3.2c, B23 */
static void test_syn_received_rst_in_window_is_challenged(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_RST, .seq = 1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_RST, .seq = BUFF - 1);
    expect_challenged(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

static void test_syn_received_rst_in_window_active_is_challenged(void **state)
{
    struct fixture *f = in_syn_received_active(state);
    arrive(f, .flags = TFSM_RST, .seq = 1);
    expect_challenged(f);
}

/* RFC5961:3.2a */
static void test_syn_received_rst_outside_is_dropped(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_RST, .seq = -1);
    expect_ignored(f);
    arrive(f, .flags = TFSM_RST, .seq = BUFF);
    expect_ignored(f);
}

static void test_syn_received_rst_in_window_without_5961_is_believed(void **state)
{
    struct fixture *f = in_plain(state, TFSM_SYN_RECEIVED);
    arrive(f, .flags = TFSM_RST, .seq = BUFF - 1);
    listens_again(f);
}

static void test_syn_received_rst_in_window_without_5961_active_is_refused(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile = PLAIN;
    reach_syn_received_active(f);
    arrive(f, .flags = TFSM_RST, .seq = 77);
    expect_gone(f, TFSM_SIG_REFUSED);
}

/* ---- third: security ---- */

/* RFC9293:3.10.7.4: "send a reset and return". [RFC9293:3.10.7.4g] */
static void test_syn_received_wrong_security_is_reset(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1, .security = 9);
    expect_rejected(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

/* RFC9293:3.10.7.4g */
static void test_syn_received_wrong_security_without_ack_is_reset(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_FIN, .text = 5, .security = 9);
    expect_rejected(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

/* Security comes before SYN: the listener is not woken by somebody else's. */
static void test_syn_received_syn_with_wrong_security_is_reset(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_SYN, .security = 9);
    expect_rejected(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

static void test_syn_received_wrong_security_outside_is_acknowledged(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .seq = -1, .ack = 1, .security = 9);
    expect_challenged(f);
}

static void test_syn_received_rst_comes_before_security(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_RST, .security = 9);
    listens_again(f);
}

/* ---- fourth: SYN ---- */

/* RFC9293:3.10.7.4h */
static void test_syn_received_syn_in_window_passive_listens_again(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_SYN);
    listens_again(f);
}

static void test_syn_received_syn_in_window_without_5961_passive_listens_again(void **state)
{
    struct fixture *f = in_plain(state, TFSM_SYN_RECEIVED);
    arrive(f, .flags = TFSM_SYN, .seq = 100);
    listens_again(f);
}

/* RFC5961:4.2a */
static void test_syn_received_syn_in_window_active_is_challenged(void **state)
{
    struct fixture *f = in_syn_received_active(state);
    arrive(f, .flags = TFSM_SYN, .seq = 5);
    expect_challenged(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

static void test_syn_received_syn_in_window_without_5961_active_resets(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile = PLAIN;
    reach_syn_received_active(f);
    arrive(f, .flags = TFSM_SYN, .seq = 5);
    expect_gone(f, TFSM_SIG_RESET);
    expect_reset_reply(f);
}

static void test_syn_received_syn_outside_active_is_acknowledged(void **state)
{
    struct fixture *f = in_syn_received_active(state);
    arrive(f, .flags = TFSM_SYN, .seq = BUFF + 5);
    expect_challenged(f);
}

/* ---- fifth: ACK ---- */

static void test_syn_received_without_ack_is_dropped(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_FIN, .text = 10);
    expect_ignored(f);
    arrive(f, .flags = 0);
    expect_ignored(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

/* B02, B04: a bare RST, and the state stays. [RFC9293:3.10.7.4m] */
static void test_syn_received_ack_iss_is_reset(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .ack = 0);
    expect_rejected(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

/* RFC9293:3.10.7.4m */
static void test_syn_received_ack_beyond_snd_nxt_is_reset(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .ack = 2);
    expect_rejected(f);
    arrive(f, .flags = TFSM_ACK, .ack = 0x7fffffff);
    expect_rejected(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

static void test_syn_received_ack_before_iss_is_reset(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .ack = -1);
    expect_rejected(f);
    arrive(f, .flags = TFSM_ACK, .ack = -1000000);
    expect_rejected(f);
}

static void test_syn_received_bad_ack_without_5961_is_reset(void **state)
{
    struct fixture *f = in_plain(state, TFSM_SYN_RECEIVED);
    arrive(f, .flags = TFSM_ACK, .ack = 0);
    expect_rejected(f);
    arrive(f, .flags = TFSM_ACK, .ack = 2);
    expect_rejected(f);
    arrive(f, .flags = TFSM_ACK, .ack = -70000);
    expect_rejected(f);
}

/* B01, CVE-1999-0414: neither text nor FIN of such a segment counts. */
static void test_syn_received_bad_ack_delivers_nothing(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .ack = 0, .text = 100);
    expect_rejected(f);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .ack = 2, .text = 100);
    expect_rejected(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_delivered(f, 0);
}

/* RFC9293:3.10.7.4m */
static void test_syn_received_ack_connects(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, TFSM_SIG_CONNECTED);
    assert_int_equal(f->fx.acknowledged, 0);
    expect_nothing(f);
    expect_deadline(f, TFSM_NEVER);
}

static void test_syn_received_ack_active_connects(void **state)
{
    struct fixture *f = in_syn_received_active(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, TFSM_SIG_CONNECTED);
    expect_nothing(f);
}

/* An ACK that arrives before the SYN-ACK was taken from the machine: there is nothing to send any
 * more. */
static void test_syn_received_ack_before_the_syn_ack_left_connects(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_nothing(f);
}

/* B11: SND.WND, SND.WL1 and SND.WL2 are those of the ACK. */
static void test_syn_received_ack_sets_the_send_window(void **state)
{
    struct fixture *f = in_syn_received(state);
    f->peer.wnd = 321;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    assert_int_equal(f->tcb.snd_wnd, 321);
    assert_int_equal(f->tcb.snd_wl1, f->irs + 1);
    assert_int_equal(f->tcb.snd_wl2, f->iss + 1);
}

/* B11: text that comes with the third segment is not lost. */
static void test_syn_received_ack_with_text_delivers(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1, .text = 60);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, TFSM_SIG_CONNECTED);
    expect_delivered(f, 60);
    expect_text(f, 0, 0, 0, 60);
    expect_ack(f);
}

static void test_syn_received_ack_with_fin_is_closed_by_the_peer(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .ack = 1, .text = 60);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_PEER_CLOSED);
    expect_delivered(f, 60);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 62);
    expect_nothing(f);
}

static void test_syn_received_ack_with_text_beyond_a_hole_connects(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .seq = 10, .ack = 1, .text = 20);
    expect_state(f, TFSM_ESTABLISHED);
    expect_delivered(f, 0);
    expect_text(f, 0, 10, 0, 20);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_delivered(f, 30);
}

static void test_syn_received_ack_with_text_straddling_left_is_trimmed(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .seq = -1, .ack = 1, .text = 20);
    expect_state(f, TFSM_ESTABLISHED);
    expect_delivered(f, 19);
    expect_text(f, 0, 0, 1, 19);
}

static void test_syn_received_ack_with_text_straddling_right_is_trimmed(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .seq = BUFF - 1, .ack = 1, .text = 20);
    expect_state(f, TFSM_ESTABLISHED);
    expect_delivered(f, 0);
    expect_text(f, 0, BUFF - 1, 0, 1);
    arrive(f, .flags = TFSM_ACK, .text = BUFF - 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_delivered(f, BUFF);
}

static void test_syn_received_text_outside_is_acknowledged(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK, .seq = -10, .ack = 1, .text = 10);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .seq = BUFF, .ack = 1, .text = 10);
    expect_challenged(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

static void test_syn_received_ack_urg_tells_the_user(void **state)
{
    struct fixture *f = in_syn_received(state);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .ack = 1, .up = 10);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_URGENT);
}

/* RFC9293:MUST-32: urgent data that came with the SYN are told with the connection, and not before: nobody
 * could read them. */
static void test_syn_received_urg_with_the_syn_is_told_once_open(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN | TFSM_URG, .text = 30, .up = 10);
    expect_signals(f, 0);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .seq = 30, .ack = 1);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_URGENT);
    expect_delivered(f, 30);
}

/* RFC9293:MUST-66: before a window of zero a valid ACK and URG count, also with text that is refused. */
static void test_syn_received_zero_window_ack_and_urg_with_text_are_taken(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rcv_buff = 0;
    reach_syn_received(f);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .ack = 1, .text = 10, .up = 5);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_URGENT);
    expect_state(f, TFSM_ESTABLISHED);
    expect_delivered(f, 0);
    expect_ack(f);
}

/* Text of the SYN and text of the ACK overlap: nothing is delivered twice. */
static void test_syn_received_text_of_the_syn_again_is_delivered_once(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN, .text = 30);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1, .text = 50);
    expect_delivered(f, 50);
    assert_int_equal(f->fx.text_count, 1);
    expect_text(f, 0, 30, 30, 20);
    expect_ack(f);
}

/* RFC9293:3.4.1, B08: a retransmitted SYN-ACK keeps its ISS. */
static void test_syn_received_rtx_keeps_the_iss(void **state)
{
    struct fixture *f = in_syn_received(state);
    uint32_t iss = f->iss;
    arrive(f, .flags = TFSM_SYN, .seq = -1);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    f->iss = 999999; /* another event, another number on offer */
    expire(f);
    f->iss = iss;
    struct tfsm_segment s =
        expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .seq = 0, .ack = 1, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS);
    expect_nothing(f);
}

/* ---- user calls ---- */

/* RFC9293:3.10.2c */
static void test_syn_received_send_waits_for_established(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_send(f, 200);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 200);
    expect_nothing(f);
}

static void test_syn_received_send_too_much_is_an_error(void **state)
{
    struct fixture *f = in_syn_received(state);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = BUFF + 1), TFSM_E_INSUFFICIENT_RESOURCES);
}

/* RFC9293:3.10.4: nothing to send, so the FIN goes at once. [RFC9293:3.10.4b] */
static void test_syn_received_close_with_nothing_queued_sends_fin(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_close(f);
    expect_state(f, TFSM_FIN_WAIT_1);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    expect_nothing(f);
}

static void test_syn_received_close_active_with_nothing_queued_sends_fin(void **state)
{
    struct fixture *f = in_syn_received_active(state);
    user_close(f);
    expect_state(f, TFSM_FIN_WAIT_1);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    expect_nothing(f);
}

/* The user still hears of the connection: entering ESTABLISHED is not skipped. */
static void test_syn_received_close_then_ack_of_syn_connects(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    f->peer.wnd = 700;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_FIN_WAIT_1);
    expect_signals(f, TFSM_SIG_CONNECTED);
    assert_int_equal(f->tcb.snd_wnd, 700);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_signals(f, 0);
}

static void test_syn_received_close_then_ack_of_syn_and_fin_connects(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 2, .text = 5);
    expect_state(f, TFSM_FIN_WAIT_2);
    expect_signals(f, TFSM_SIG_CONNECTED);
    expect_delivered(f, 5);
    expect_ack(f);
}

/* FIN-WAIT-1 reached this way still has an unacknowledged SYN: an ACK of neither counts for
 * nothing. */
static void test_syn_received_close_then_old_ack_leaves_fin_wait_1(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 0);
    expect_state(f, TFSM_FIN_WAIT_1);
    expect_signals(f, 0);
    expect_delivered(f, 0);
}

/* B01 holds there too: no text and no FIN before our SYN is acknowledged. */
static void test_syn_received_close_then_text_with_bad_ack_delivers_nothing(void **state)
{
    struct fixture *f = in_syn_received(state);
    struct tfsm_segment out;
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .ack = 0, .text = 10);
    expect_refused(f);
    assert_int_equal(drain(f, &out, 1), 1);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .ack = 3, .text = 10);
    expect_refused(f);
    arrive(f, .flags = TFSM_FIN, .text = 10);
    expect_refused(f);
    expect_state(f, TFSM_FIN_WAIT_1);
}

/* The SYN announced no window. The SYN comes first all the same, and is no window probe. */
static void test_syn_received_close_with_the_window_closed_repeats_the_syn(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->peer.wnd = 0;
    reach_syn_received(f);
    user_close(f);
    expect_state(f, TFSM_FIN_WAIT_1);
    (void)drain(f, &out, 1);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .seq = 0, .ack = 1, .len = 1);
    f->peer.wnd = PEER_WND;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_signals(f, TFSM_SIG_CONNECTED);
    (void)drain(f, &out, 1);
    assert_true(f->sent_fin);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_FIN_WAIT_2);
}

/* The state is FIN-WAIT-1 now: a RST ends the connection, and the listener is gone. */
static void test_syn_received_close_then_rst_ends(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_RESET);
}

static void test_syn_received_close_then_abort_sends_reset(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    user_abort(f);
    expect_gone(f, TFSM_SIG_RESET);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 2);
}

/* The user closed a connection that never was whole: it ends, and the user hears of it. */
static void test_syn_received_close_then_silence_ends(void **state)
{
    struct fixture *f = in_syn_received(state);
    struct tfsm_segment out;
    user_close(f);
    for (unsigned i = 0; i < 20 && f->tcb.state == TFSM_FIN_WAIT_1; i++) {
        (void)drain(f, &out, 1);
        expire(f);
    }
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

static void test_syn_received_close_remembered_text_is_delivered_later(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN | TFSM_FIN, .text = 8);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    user_close(f);
    expect_state(f, TFSM_FIN_WAIT_1);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_CLOSING);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_PEER_CLOSED);
    expect_delivered(f, 8);
}

/* RFC9293:3.10.4: with data queued the CLOSE waits for ESTABLISHED, then leaves it at once.
 * [RFC9293:3.10.4b] */
static void test_syn_received_close_with_text_queued_waits(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_send(f, 200);
    user_close(f);
    expect_state(f, TFSM_SYN_RECEIVED);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_FIN_WAIT_1);
    expect_signals(f, TFSM_SIG_CONNECTED);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 201);
    expect_nothing(f);
}

static void test_syn_received_close_with_text_queued_and_peer_fin(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_send(f, 200);
    user_close(f);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .ack = 1);
    expect_state(f, TFSM_CLOSING);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_PEER_CLOSED);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 2, .len = 201);
}

/* RFC9293:3.10.2a [RFC9293:3.10.4e] */
static void test_syn_received_send_after_queued_close_is_an_error(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_send(f, 200);
    user_close(f);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = 1), TFSM_E_CONNECTION_CLOSING);
    assert_int_equal(call(f, .kind = TFSM_EV_CLOSE), TFSM_E_CONNECTION_CLOSING);
}

/* The user closed what it had opened: the connection does not go back to LISTEN, where nobody would
 * close it a second time, and the user hears of its end. */
/* A silent peer must not take the listener away: as with R2, LISTEN (RFC9293:MUST-11). */
static void test_syn_received_user_timeout_passive_listens_again(void **state)
{
    struct fixture *f = in_listen(state);
    f->cfg.user_timeout = SECOND / 2; /* before the first retransmission */
    arrive(f, .flags = TFSM_SYN);
    expect_state(f, TFSM_SYN_RECEIVED);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .seq = 0, .ack = 1, .len = 1);
    expire(f);
    listens_again(f);
}

/* What was queued for this peer must not reach the next one. */
static void test_syn_received_rst_after_send_ends(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_send(f, 200);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_RESET);
    expect_nothing(f);
}

static void test_syn_received_rst_after_queued_close_ends(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_send(f, 200);
    user_close(f);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_RESET);
    expect_nothing(f);
}

static void test_syn_received_silence_after_queued_close_ends(void **state)
{
    struct fixture *f = in_syn_received(state);
    struct tfsm_segment out;
    user_send(f, 200);
    user_close(f);
    for (unsigned i = 0; i < SYN_RETRIES; i++) {
        expire(f);
        assert_int_equal(drain(f, &out, 1), 1);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

static void test_syn_received_syn_in_window_after_queued_close_is_challenged(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_send(f, 200);
    user_close(f);
    arrive(f, .flags = TFSM_SYN, .seq = 5);
    expect_challenged(f);
    expect_state(f, TFSM_SYN_RECEIVED);
}

/* RFC9293:3.10.5b */
static void test_syn_received_abort_sends_reset(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_abort(f);
    expect_gone(f, TFSM_SIG_RESET);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 1);
    expect_nothing(f);
}

static void test_syn_received_receive_waits(void **state)
{
    struct fixture *f = in_listen(state);
    arrive(f, .flags = TFSM_SYN, .text = 30);
    user_receive(f, 100);
    assert_int_equal(f->fx.taken, 0);
    expect_unchanged(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syn_received_syn_repeated_draws_the_syn_ack),
        cmocka_unit_test(test_syn_received_syn_repeated_draws_the_syn_ack_without_5961),
        cmocka_unit_test(test_syn_received_syn_repeated_spoils_the_round_trip),
        cmocka_unit_test(test_syn_received_syn_repeated_counts_for_r2),
        cmocka_unit_test(test_syn_received_syn_repeated_is_echoed),
        cmocka_unit_test(test_syn_received_other_syn_is_acknowledged),
        cmocka_unit_test(test_syn_received_ack_outside_left_is_acknowledged),
        cmocka_unit_test(test_syn_received_ack_outside_right_is_acknowledged),
        cmocka_unit_test(test_syn_received_text_before_zero_window_has_one_answer),
        cmocka_unit_test(test_syn_received_ack_alone_just_past_the_window_connects),
        cmocka_unit_test(test_syn_received_ack_at_the_right_edge_connects),
        cmocka_unit_test(test_syn_received_rst_exact_passive_listens_again),
        cmocka_unit_test(test_syn_received_rst_exact_passive_keeps_what_open_said),
        cmocka_unit_test(test_syn_received_rst_exact_passive_with_scaling_listens_again),
        cmocka_unit_test(test_syn_received_rst_exact_active_is_refused),
        cmocka_unit_test(test_syn_received_rst_exact_any_ack_is_believed),
        cmocka_unit_test(test_syn_received_rst_in_window_is_challenged),
        cmocka_unit_test(test_syn_received_rst_in_window_active_is_challenged),
        cmocka_unit_test(test_syn_received_rst_outside_is_dropped),
        cmocka_unit_test(test_syn_received_rst_in_window_without_5961_is_believed),
        cmocka_unit_test(test_syn_received_rst_in_window_without_5961_active_is_refused),
        cmocka_unit_test(test_syn_received_wrong_security_is_reset),
        cmocka_unit_test(test_syn_received_wrong_security_without_ack_is_reset),
        cmocka_unit_test(test_syn_received_syn_with_wrong_security_is_reset),
        cmocka_unit_test(test_syn_received_wrong_security_outside_is_acknowledged),
        cmocka_unit_test(test_syn_received_rst_comes_before_security),
        cmocka_unit_test(test_syn_received_syn_in_window_passive_listens_again),
        cmocka_unit_test(test_syn_received_syn_in_window_without_5961_passive_listens_again),
        cmocka_unit_test(test_syn_received_syn_in_window_active_is_challenged),
        cmocka_unit_test(test_syn_received_syn_in_window_without_5961_active_resets),
        cmocka_unit_test(test_syn_received_syn_outside_active_is_acknowledged),
        cmocka_unit_test(test_syn_received_without_ack_is_dropped),
        cmocka_unit_test(test_syn_received_ack_iss_is_reset),
        cmocka_unit_test(test_syn_received_ack_beyond_snd_nxt_is_reset),
        cmocka_unit_test(test_syn_received_ack_before_iss_is_reset),
        cmocka_unit_test(test_syn_received_bad_ack_without_5961_is_reset),
        cmocka_unit_test(test_syn_received_bad_ack_delivers_nothing),
        cmocka_unit_test(test_syn_received_ack_connects),
        cmocka_unit_test(test_syn_received_ack_active_connects),
        cmocka_unit_test(test_syn_received_ack_before_the_syn_ack_left_connects),
        cmocka_unit_test(test_syn_received_ack_sets_the_send_window),
        cmocka_unit_test(test_syn_received_ack_with_text_delivers),
        cmocka_unit_test(test_syn_received_ack_with_fin_is_closed_by_the_peer),
        cmocka_unit_test(test_syn_received_ack_with_text_beyond_a_hole_connects),
        cmocka_unit_test(test_syn_received_ack_with_text_straddling_left_is_trimmed),
        cmocka_unit_test(test_syn_received_ack_with_text_straddling_right_is_trimmed),
        cmocka_unit_test(test_syn_received_text_outside_is_acknowledged),
        cmocka_unit_test(test_syn_received_ack_urg_tells_the_user),
        cmocka_unit_test(test_syn_received_urg_with_the_syn_is_told_once_open),
        cmocka_unit_test(test_syn_received_zero_window_ack_and_urg_with_text_are_taken),
        cmocka_unit_test(test_syn_received_text_of_the_syn_again_is_delivered_once),
        cmocka_unit_test(test_syn_received_rtx_keeps_the_iss),
        cmocka_unit_test(test_syn_received_send_waits_for_established),
        cmocka_unit_test(test_syn_received_send_too_much_is_an_error),
        cmocka_unit_test(test_syn_received_close_with_nothing_queued_sends_fin),
        cmocka_unit_test(test_syn_received_close_active_with_nothing_queued_sends_fin),
        cmocka_unit_test(test_syn_received_close_then_ack_of_syn_connects),
        cmocka_unit_test(test_syn_received_close_then_ack_of_syn_and_fin_connects),
        cmocka_unit_test(test_syn_received_close_then_old_ack_leaves_fin_wait_1),
        cmocka_unit_test(test_syn_received_close_then_text_with_bad_ack_delivers_nothing),
        cmocka_unit_test(test_syn_received_close_with_the_window_closed_repeats_the_syn),
        cmocka_unit_test(test_syn_received_close_then_rst_ends),
        cmocka_unit_test(test_syn_received_close_then_abort_sends_reset),
        cmocka_unit_test(test_syn_received_close_then_silence_ends),
        cmocka_unit_test(test_syn_received_close_remembered_text_is_delivered_later),
        cmocka_unit_test(test_syn_received_close_with_text_queued_waits),
        cmocka_unit_test(test_syn_received_close_with_text_queued_and_peer_fin),
        cmocka_unit_test(test_syn_received_send_after_queued_close_is_an_error),
        cmocka_unit_test(test_syn_received_user_timeout_passive_listens_again),
        cmocka_unit_test(test_syn_received_rst_after_send_ends),
        cmocka_unit_test(test_syn_received_rst_after_queued_close_ends),
        cmocka_unit_test(test_syn_received_silence_after_queued_close_ends),
        cmocka_unit_test(test_syn_received_syn_in_window_after_queued_close_is_challenged),
        cmocka_unit_test(test_syn_received_abort_sends_reset),
        cmocka_unit_test(test_syn_received_receive_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
