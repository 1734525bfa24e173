/* SYN-SENT: our SYN is out (RFC 9293 3.10.7.3): ACK, RST, security and SYN are looked at in this
 * order. Only an ACK of our SYN makes a RST believable, and only a SYN goes further. */
#include "fixture.h"

/* ---- first: ACK ---- */

/* B02: SEG.ACK = ISS does not acknowledge our SYN. [RFC9293:3.10.7.3a] */
static void test_syn_sent_ack_iss_is_reset(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_ACK, .ack = 0);
    expect_rejected(f);
    expect_state(f, TFSM_SYN_SENT);
}

static void test_syn_sent_ack_before_iss_is_reset(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_ACK, .ack = -1000);
    expect_rejected(f);
}

/* RFC9293:3.10.7.3a */
static void test_syn_sent_ack_beyond_snd_nxt_is_reset(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_ACK, .ack = 2);
    expect_rejected(f);
    expect_state(f, TFSM_SYN_SENT);
}

/* Two numbers 2^31 apart cannot be ordered: such an ACK is not acceptable. */
static void test_syn_sent_ack_half_the_space_away_is_reset(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_ACK, .ack = 0x80000000LL);
    expect_rejected(f);
    arrive(f, .flags = TFSM_ACK, .ack = 0x80000001LL);
    expect_rejected(f);
}

/* B40: options and window of a SYN-ACK that is refused are not taken. */
static void test_syn_sent_syn_ack_with_bad_ack_is_reset(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_WSCALE;
    reach_syn_sent(f);
    f->peer.options = TFSM_OPT_MSS | TFSM_OPT_WSCALE;
    f->peer.mss = 100;
    f->peer.wscale = 7;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 0);
    expect_rejected(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 2);
    expect_rejected(f);
    expect_state(f, TFSM_SYN_SENT);
}

/* RFC5961:3.2d, RFC9293:3.10.7.3a */
static void test_syn_sent_rst_with_bad_ack_is_dropped(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .ack = 0);
    expect_ignored(f);
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .ack = 2);
    expect_ignored(f);
    expect_state(f, TFSM_SYN_SENT);
}

static void test_syn_sent_bad_ack_comes_before_security(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .ack = 2, .security = 9);
    expect_ignored(f);
}

/* ---- second: RST ---- */

/* RFC5961:3.2d, RFC9293:MUST-12, RFC9293:3.10.7.3b */
static void test_syn_sent_rst_with_good_ack_resets(void **state)
{
    struct fixture *f = in_syn_sent(state);
    struct tfsm_segment rst =
        segment_of(f, (struct from_peer){.flags = TFSM_RST | TFSM_ACK, .ack = 1});
    rst.seq = 0; /* what a CLOSED peer sends: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
    arrive_segment(f, &rst);
    expect_gone(f, TFSM_SIG_RESET);
    expect_nothing(f);
}

static void test_syn_sent_rst_with_good_ack_without_5961_any_seq_resets(void **state)
{
    struct fixture *f = in_plain(state, TFSM_SYN_SENT);
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .seq = 123, .ack = 1);
    expect_gone(f, TFSM_SIG_RESET);
    expect_nothing(f);
}

/* RFC5961:3.2d: the ACK field must acknowledge the SYN. [RFC9293:3.10.7.3b] */
static void test_syn_sent_rst_without_ack_is_dropped(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_RST);
    expect_ignored(f);
    arrive(f, .flags = TFSM_RST | TFSM_SYN);
    expect_ignored(f);
    expect_state(f, TFSM_SYN_SENT);
}

static void test_syn_sent_rst_syn_ack_resets(void **state)
{
    struct fixture *f = in_plain(state, TFSM_SYN_SENT);
    arrive(f, .flags = TFSM_RST | TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_gone(f, TFSM_SIG_RESET);
}

/* ---- third: security ---- */

/* RFC9293:3.10.7.3d */
static void test_syn_sent_wrong_security_with_ack_is_reset(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .security = 9);
    expect_rejected(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1, .security = 9);
    expect_rejected(f);
    expect_state(f, TFSM_SYN_SENT);
}

/* RFC9293:3.10.7.3d */
static void test_syn_sent_wrong_security_without_ack_is_reset(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN, .text = 3, .security = 9);
    expect_rejected(f);
    expect_state(f, TFSM_SYN_SENT);
}

/* ---- fourth: SYN ---- */

/* RFC9293:3.10.7.3e */
static void test_syn_sent_syn_ack_connects(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, TFSM_SIG_CONNECTED);
    assert_int_equal(f->fx.acknowledged, 0);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 0);
    expect_nothing(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC9293:MUST-14, RFC9293:3.10.7.3e */
static void test_syn_sent_syn_ack_fills_the_tcb(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    assert_int_equal(f->tcb.irs, f->irs);
    assert_int_equal(f->tcb.rcv_nxt, f->irs + 1);
    assert_int_equal(f->tcb.snd_una, f->iss + 1);
    assert_int_equal(f->tcb.snd_nxt, f->iss + 1);
    assert_int_equal(f->tcb.snd_wnd, PEER_WND);
    assert_int_equal(f->tcb.snd_wl1, f->irs);
    assert_int_equal(f->tcb.snd_wl2, f->iss + 1);
    assert_int_equal(f->tcb.snd_wnd_max, PEER_WND);
    assert_int_equal(f->tcb.snd_mss, MSS);
}

/* Text is processed at the sixth step and later; one ACK answers all (RFC9293:MUST-58). */
static void test_syn_sent_syn_ack_with_text_delivers(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .text = 40);
    expect_state(f, TFSM_ESTABLISHED);
    expect_delivered(f, 40);
    expect_text(f, 0, 0, 0, 40);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 41);
    expect_nothing(f);
}

static void test_syn_sent_syn_ack_with_text_beyond_the_window_is_trimmed(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_FIN, .ack = 1, .text = BUFF + 7);
    expect_state(f, TFSM_ESTABLISHED);
    expect_delivered(f, BUFF);
    expect_text(f, 0, 0, 0, BUFF);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1 + BUFF);
    assert_int_equal(s.wnd, 0);
}

static void test_syn_sent_syn_ack_fin_is_closed_by_the_peer(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_FIN, .ack = 1, .text = 40);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_PEER_CLOSED);
    expect_delivered(f, 40);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 42);
    expect_nothing(f);
}

static void test_syn_sent_syn_ack_urg_tells_the_user(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_URG, .ack = 1, .text = 40, .up = 100);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_URGENT);
}

/* Data queued before the handshake ride on its third segment. [RFC9293:3.10.7.3f] */
static void test_syn_sent_syn_ack_sends_queued_text(void **state)
{
    struct fixture *f = in_syn_sent(state);
    user_send(f, 500);
    expect_nothing(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 500);
    expect_nothing(f);
}

static void test_syn_sent_syn_ack_window_zero_connects_and_waits(void **state)
{
    struct fixture *f = in_syn_sent(state);
    f->peer.wnd = 0;
    user_send(f, 500);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_ack(f);
    expect_deadline(f, f->now + RTO);
}

/* RFC9293:MUST-10, B16: <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> [RFC9293:3.10.7.3g] */
static void test_syn_sent_syn_is_a_simultaneous_open(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN);
    expect_state(f, TFSM_SYN_RECEIVED);
    expect_signals(f, 0);
    struct tfsm_segment s =
        expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .seq = 0, .ack = 1, .len = 1);
    assert_int_equal(s.options & TFSM_OPT_MSS, TFSM_OPT_MSS);
    assert_int_equal(s.wnd, BUFF);
    expect_nothing(f);
}

/* RFC9293:MUST-10, RFC9293:3.10.7.3g: SND.WND, SND.WL1 and SND.WL2 are those of the SYN. */
static void test_syn_sent_syn_sets_the_send_window(void **state)
{
    struct fixture *f = in_syn_sent(state);
    f->peer.wnd = 777;
    arrive(f, .flags = TFSM_SYN);
    assert_int_equal(f->tcb.snd_wnd, 777);
    assert_int_equal(f->tcb.snd_wl1, f->irs);
}

static void test_syn_sent_syn_before_our_syn_left_is_answered_once(void **state)
{
    struct fixture *f = in_closed(state);
    open_active(f);
    arrive(f, .flags = TFSM_SYN);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .seq = 0, .ack = 1, .len = 1);
    expect_nothing(f);
}

/* RFC9293:3.5a */
static void test_syn_sent_syn_with_text_and_fin_is_remembered(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN | TFSM_FIN, .text = 30);
    expect_state(f, TFSM_SYN_RECEIVED);
    expect_delivered(f, 0);
    expect_signals(f, 0);
    expect_text(f, 0, 0, 0, 30);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .seq = 0, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_PEER_CLOSED);
    expect_delivered(f, 30);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 32);
}

/* Two machines and the wire between them; batch: how many segments arrive before output is asked.
 */
struct wire {
    struct tfsm_segment there[50];
    struct tfsm_segment back[50];
    size_t there_count;
    size_t back_count;
};

static void cross(struct fixture *a, struct fixture *b, struct wire *w)
{
    w->there_count = drain(a, w->there, 50);
    w->back_count = drain(b, w->back, 50);
    for (size_t i = 0; i < w->there_count; i++) {
        arrive_segment(b, &w->there[i]);
    }
    for (size_t i = 0; i < w->back_count; i++) {
        arrive_segment(a, &w->back[i]);
    }
}

static size_t exchange(struct fixture *a, struct fixture *b)
{
    struct wire w;
    size_t n = 0;
    do {
        cross(a, b, &w);
        n += w.there_count + w.back_count;
    } while (w.there_count + w.back_count > 0 && n < 50);
    return n;
}

static struct fixture *mirror(const struct fixture *a)
{
    static struct fixture b;
    b = *a;
    b.iss = a->irs;
    b.irs = a->iss;
    return &b;
}

/* RFC9293:MUST-10, figure 8: two SYNs that cross, one connection, no storm, no timer needed. */
static void test_syn_sent_two_machines_meet(void **state)
{
    struct fixture *a = fresh(state);
    struct fixture *b = mirror(a);
    open_active(a);
    open_active(b);
    assert_in_range(exchange(a, b), 4, 8);
    expect_state(a, TFSM_ESTABLISHED);
    expect_state(b, TFSM_ESTABLISHED);
    user_send(a, 10);
    (void)exchange(a, b);
    assert_int_equal(b->readable, 10);
}

/* b hears of a before its own SYN was taken: what leaves is the SYN-ACK alone. */
static void test_syn_sent_two_machines_meet_though_one_syn_never_left(void **state)
{
    struct fixture *a = fresh(state);
    struct fixture *b = mirror(a);
    struct tfsm_segment syn;
    open_active(a);
    open_active(b);
    assert_true(take(a, &syn));
    arrive_segment(b, &syn);
    assert_true(take(b, &syn));
    assert_int_equal(syn.flags, TFSM_SYN | TFSM_ACK);
    arrive_segment(a, &syn);
    assert_in_range(exchange(a, b), 1, 8);
    expect_state(a, TFSM_ESTABLISHED);
    expect_state(b, TFSM_ESTABLISHED);
}

/* The peer's SYN and SYN-ACK arrive before output is asked for. Either the SYN-ACK connects us
 * (figure 8), or it is unacceptable and earns <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, without which
 * the peer stays in SYN-RECEIVED: a SYN-ACK at SEQ=ISS is not in its window (RFC 9293 A.2). */
static void test_syn_sent_syn_and_syn_ack_in_a_batch_connect(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .seq = -1, .ack = 1);
    struct tfsm_segment out[4];
    size_t n = drain(f, out, 4);
    assert_in_range(n, 1, 2);
    /* Either this side is connected, or it sent an ACK that is in the peer's window (RFC 9293 A.2).
     */
    assert_true(f->tcb.state == TFSM_ESTABLISHED || out[n - 1].flags == TFSM_ACK);
    assert_int_equal(out[n - 1].ack, f->irs + 1);
}

/* ---- fifth: the rest ---- */

/* RFC9293:3.10.7.3h */
static void test_syn_sent_good_ack_without_syn_is_dropped(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_ignored(f);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .ack = 1, .text = 9);
    expect_ignored(f);
    expect_state(f, TFSM_SYN_SENT);
}

/* B22: FIN alone. [RFC9293:3.10.7.3h] */
static void test_syn_sent_neither_syn_nor_ack_is_dropped(void **state)
{
    static const uint8_t flags[] = {0, TFSM_FIN, TFSM_URG, TFSM_FIN | TFSM_PSH};
    struct fixture *f = in_syn_sent(state);
    for (size_t i = 0; i < sizeof flags; i++) {
        arrive(f, .flags = flags[i], .text = 10, .up = 1);
        expect_ignored(f);
    }
    expect_state(f, TFSM_SYN_SENT);
}

/* Invariant 8 of history. */
static void test_syn_sent_syn_ack_other_flags_change_nothing(void **state)
{
    struct fixture *f = in_syn_sent(state);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK | TFSM_PSH | TFSM_ECE | TFSM_CWR, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_ack(f);
}

/* B70 */
static void test_syn_sent_syn_ack_tiny_mss_is_raised(void **state)
{
    struct fixture *f = fresh(state);
    f->peer.mss = 0;
    reach_established(f);
    assert_int_equal(f->tcb.snd_mss, 64);
}

/* RFC9293:MUST-15a */
static void test_syn_sent_syn_ack_without_mss_means_the_default(void **state)
{
    struct fixture *f = fresh(state);
    f->peer.options = 0;
    reach_established(f);
    assert_int_equal(f->tcb.snd_mss, 536);
}

/* ---- user calls ---- */

static void test_syn_sent_open_exists(void **state)
{
    struct fixture *f = in_syn_sent(state);
    assert_int_equal(call(f, .kind = TFSM_EV_OPEN, .active = true, .remote = true),
                     TFSM_E_CONNECTION_EXISTS);
    expect_nothing(f);
}

/* RFC9293:3.10.2e */
static void test_syn_sent_send_too_much_is_an_error(void **state)
{
    struct fixture *f = in_syn_sent(state);
    user_send(f, BUFF - 10);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = 11), TFSM_E_INSUFFICIENT_RESOURCES);
    user_send(f, 10);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = 1), TFSM_E_INSUFFICIENT_RESOURCES);
}

/* RFC9293:3.10.3a */
static void test_syn_sent_receive_waits(void **state)
{
    struct fixture *f = in_syn_sent(state);
    user_receive(f, 100);
    assert_int_equal(f->fx.taken, 0);
    expect_unchanged(f);
}

/* RFC9293:3.10.4a */
static void test_syn_sent_close_deletes_the_tcb(void **state)
{
    struct fixture *f = in_syn_sent(state);
    user_send(f, 100);
    user_close(f);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
}

/* RFC9293:3.10.5a */
static void test_syn_sent_abort_sends_no_reset(void **state)
{
    struct fixture *f = in_syn_sent(state);
    user_abort(f);
    expect_gone(f, TFSM_SIG_RESET);
    expect_nothing(f);
}

static void test_syn_sent_close_before_the_syn_left_sends_nothing(void **state)
{
    struct fixture *f = in_closed(state);
    open_active(f);
    user_close(f);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syn_sent_ack_iss_is_reset),
        cmocka_unit_test(test_syn_sent_ack_before_iss_is_reset),
        cmocka_unit_test(test_syn_sent_ack_beyond_snd_nxt_is_reset),
        cmocka_unit_test(test_syn_sent_ack_half_the_space_away_is_reset),
        cmocka_unit_test(test_syn_sent_syn_ack_with_bad_ack_is_reset),
        cmocka_unit_test(test_syn_sent_rst_with_bad_ack_is_dropped),
        cmocka_unit_test(test_syn_sent_bad_ack_comes_before_security),
        cmocka_unit_test(test_syn_sent_rst_with_good_ack_resets),
        cmocka_unit_test(test_syn_sent_rst_with_good_ack_without_5961_any_seq_resets),
        cmocka_unit_test(test_syn_sent_rst_without_ack_is_dropped),
        cmocka_unit_test(test_syn_sent_rst_syn_ack_resets),
        cmocka_unit_test(test_syn_sent_wrong_security_with_ack_is_reset),
        cmocka_unit_test(test_syn_sent_wrong_security_without_ack_is_reset),
        cmocka_unit_test(test_syn_sent_syn_ack_connects),
        cmocka_unit_test(test_syn_sent_syn_ack_fills_the_tcb),
        cmocka_unit_test(test_syn_sent_syn_ack_with_text_delivers),
        cmocka_unit_test(test_syn_sent_syn_ack_with_text_beyond_the_window_is_trimmed),
        cmocka_unit_test(test_syn_sent_syn_ack_fin_is_closed_by_the_peer),
        cmocka_unit_test(test_syn_sent_syn_ack_urg_tells_the_user),
        cmocka_unit_test(test_syn_sent_syn_ack_sends_queued_text),
        cmocka_unit_test(test_syn_sent_syn_ack_window_zero_connects_and_waits),
        cmocka_unit_test(test_syn_sent_syn_is_a_simultaneous_open),
        cmocka_unit_test(test_syn_sent_syn_sets_the_send_window),
        cmocka_unit_test(test_syn_sent_syn_before_our_syn_left_is_answered_once),
        cmocka_unit_test(test_syn_sent_syn_with_text_and_fin_is_remembered),
        cmocka_unit_test(test_syn_sent_two_machines_meet),
        cmocka_unit_test(test_syn_sent_two_machines_meet_though_one_syn_never_left),
        cmocka_unit_test(test_syn_sent_syn_and_syn_ack_in_a_batch_connect),
        cmocka_unit_test(test_syn_sent_good_ack_without_syn_is_dropped),
        cmocka_unit_test(test_syn_sent_neither_syn_nor_ack_is_dropped),
        cmocka_unit_test(test_syn_sent_syn_ack_other_flags_change_nothing),
        cmocka_unit_test(test_syn_sent_syn_ack_tiny_mss_is_raised),
        cmocka_unit_test(test_syn_sent_syn_ack_without_mss_means_the_default),
        cmocka_unit_test(test_syn_sent_open_exists),
        cmocka_unit_test(test_syn_sent_send_too_much_is_an_error),
        cmocka_unit_test(test_syn_sent_receive_waits),
        cmocka_unit_test(test_syn_sent_close_deletes_the_tcb),
        cmocka_unit_test(test_syn_sent_abort_sends_no_reset),
        cmocka_unit_test(test_syn_sent_close_before_the_syn_left_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
