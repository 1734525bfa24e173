/* CLOSED: there is no connection. Every segment but a RST is answered with a reset that its sender
 * will accept (RFC 9293 3.10.7.1), every user call but OPEN is an error, and time does nothing. */
#include "fixture.h"

static void test_closed_zeroed_tcb_is_valid(void **state)
{
    struct fixture *f = in_closed(state);
    expect_state(f, TFSM_CLOSED);
    expect_deadline(f, TFSM_NEVER);
    expect_nothing(f);
}

/* RFC9293:3.10.7.1a */
static void test_closed_rst_is_discarded(void **state)
{
    static const uint8_t flags[] = {TFSM_RST, TFSM_RST | TFSM_ACK, TFSM_RST | TFSM_SYN,
                                    TFSM_RST | TFSM_FIN | TFSM_ACK};
    struct fixture *f = in_closed(state);
    for (size_t i = 0; i < sizeof flags; i++) {
        arrive(f, .flags = flags[i], .ack = 1, .text = 3);
        expect_ignored(f);
    }
}

/* RFC9293:3.10.7.1 <SEQ=SEG.ACK><CTL=RST> [RFC9293:3.10.7.1a] */
static void test_closed_ack_is_reset(void **state)
{
    struct fixture *f = in_closed(state);
    arrive(f, .flags = TFSM_ACK, .seq = 7, .ack = 12345);
    expect_refused(f);
    (void)expect_segment(f, .flags = TFSM_RST, .seq = 12345, .len = 0);
    expect_nothing(f);
    expect_state(f, TFSM_CLOSED);
}

static void test_closed_ack_with_text_and_fin_is_reset(void **state)
{
    struct fixture *f = in_closed(state);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .ack = 5, .text = 100);
    expect_rejected(f);
}

static void test_closed_syn_ack_is_reset(void **state)
{
    struct fixture *f = in_closed(state);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_rejected(f);
}

/* RFC9293:3.10.7.1 <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> [RFC9293:3.10.7.1a] */
static void test_closed_syn_is_reset(void **state)
{
    struct fixture *f = in_closed(state);
    struct tfsm_segment out;
    arrive(f, .flags = TFSM_SYN);
    expect_refused(f);
    assert_true(take(f, &out));
    assert_int_equal(out.flags, TFSM_RST | TFSM_ACK);
    assert_int_equal(out.seq, 0);
    assert_int_equal(out.ack, f->irs + 1);
    expect_nothing(f);
}

/* B05: SEG.LEN counts text, SYN and FIN. [RFC9293:3.10.7.1a] */
static void test_closed_reset_counts_text_syn_and_fin(void **state)
{
    struct fixture *f = in_closed(state);
    struct tfsm_segment out;
    arrive(f, .flags = TFSM_FIN);
    assert_true(take(f, &out));
    assert_int_equal(out.ack, f->irs + 1);
    arrive(f, .flags = TFSM_SYN | TFSM_FIN, .text = 100);
    assert_true(take(f, &out));
    assert_int_equal(out.ack, f->irs + 102);
    arrive(f, .flags = 0, .text = 100);
    assert_true(take(f, &out));
    assert_int_equal(out.ack, f->irs + 100);
    expect_nothing(f);
}

static void test_closed_reset_wraps(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->irs = UINT32_MAX;
    arrive(f, .flags = TFSM_SYN, .text = 1);
    assert_true(take(f, &out));
    assert_int_equal(out.ack, 1);
}

static void test_closed_segment_without_flags_is_reset(void **state)
{
    struct fixture *f = in_closed(state);
    arrive(f, .flags = 0);
    expect_rejected(f);
}

/* Invariant 8 of history: PSH, URG, ECE and CWR change nothing. */
static void test_closed_other_flags_change_nothing(void **state)
{
    struct fixture *f = in_closed(state);
    arrive(f, .flags = TFSM_ACK | TFSM_PSH | TFSM_URG | TFSM_ECE | TFSM_CWR, .ack = 9, .up = 3);
    expect_rejected(f);
    arrive(f, .flags = TFSM_SYN | TFSM_PSH | TFSM_URG | TFSM_ECE | TFSM_CWR);
    expect_rejected(f);
    arrive(f, .flags = TFSM_RST | TFSM_PSH | TFSM_URG | TFSM_ECE | TFSM_CWR);
    expect_ignored(f);
}

static void test_closed_security_is_not_compared(void **state)
{
    struct fixture *f = in_closed(state);
    arrive(f, .flags = TFSM_ACK, .ack = 9, .security = 7);
    expect_rejected(f);
    arrive(f, .flags = TFSM_RST, .security = 7);
    expect_ignored(f);
}

/* The answers are neither multiplied nor saved up. */
static void test_closed_segments_in_a_batch_owe_one_reset(void **state)
{
    struct fixture *f = in_closed(state);
    for (int i = 0; i < 5; i++) {
        arrive(f, .flags = TFSM_ACK, .ack = i);
    }
    struct tfsm_segment out;
    assert_int_equal(drain(f, &out, 1), 1);
    assert_int_equal(out.flags, TFSM_RST);
    expect_nothing(f);
}

/* RFC 5961's limiter belongs to a connection: there is none here. */
static void test_closed_resets_are_not_limited(void **state)
{
    struct fixture *f = in_closed(state);
    for (unsigned i = 0; i < 10 * LIMIT; i++) {
        arrive(f, .flags = TFSM_ACK, .ack = i);
        expect_rejected(f);
    }
}

static void test_closed_is_empty_after_reset_is_sent(void **state)
{
    static const struct tfsm_tcb empty;
    struct fixture *f = in_closed(state);
    arrive(f, .flags = TFSM_SYN);
    expect_reset_reply(f);
    assert_memory_equal(&f->tcb, &empty, sizeof empty);
}

static void test_closed_timeout_does_nothing(void **state)
{
    struct fixture *f = in_closed(state);
    after(f, 1000 * SECOND);
    expect_unchanged(f);
    expect_signals(f, 0);
    expect_nothing(f);
}

/* RFC9293:3.10.1 <SEQ=ISS><CTL=SYN>, RFC9293:MUST-14, SHLD-5a [RFC9293:3.10.1b] */
static void test_closed_open_active_sends_syn(void **state)
{
    struct fixture *f = in_closed(state);
    open_active(f);
    expect_state(f, TFSM_SYN_SENT);
    expect_signals(f, 0);
    struct tfsm_segment syn = expect_segment(f, .flags = TFSM_SYN, .seq = 0, .len = 1);
    assert_int_equal(syn.options, TFSM_OPT_MSS);
    assert_int_equal(syn.mss, MSS);
    assert_int_equal(syn.wnd, BUFF);
    expect_nothing(f);
    assert_int_equal(f->tcb.iss, f->iss);
    assert_int_equal(f->tcb.snd_una, f->iss);
    assert_int_equal(f->tcb.snd_nxt, f->iss + 1);
}

/* RFC9293:3.10.1c */
static void test_closed_open_active_without_remote_is_an_error(void **state)
{
    struct fixture *f = in_closed(state);
    assert_int_equal(call(f, .kind = TFSM_EV_OPEN, .active = true), TFSM_E_REMOTE_UNSPECIFIED);
    expect_nothing(f);
}

/* RFC9293:3.10.1a */
static void test_closed_open_passive_listens(void **state)
{
    struct fixture *f = in_closed(state);
    open_passive(f);
    expect_state(f, TFSM_LISTEN);
    assert_true((f->tcb.flags & TFSM_M_PASSIVE) != 0);
    expect_signals(f, 0);
    expect_nothing(f);
    expect_deadline(f, TFSM_NEVER);
}

static void test_closed_open_remembers_security(void **state)
{
    struct fixture *f = in_closed(state);
    assert_int_equal(call(f, .kind = TFSM_EV_OPEN, .active = true, .remote = true, .security = 5),
                     TFSM_DONE);
    struct tfsm_segment syn = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(syn.security, 5);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .security = 5);
    expect_state(f, TFSM_ESTABLISHED);
    struct tfsm_segment ack = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1);
    assert_int_equal(ack.security, 5);
}

/* A reset still owed for an old segment does not get in the way of a new connection. */
static void test_closed_open_with_a_reset_owed(void **state)
{
    struct fixture *f = in_closed(state);
    arrive(f, .flags = TFSM_ACK, .ack = 77);
    open_active(f);
    struct tfsm_segment out[3];
    size_t n = drain(f, out, 3);
    assert_in_range(n, 1, 2);
    assert_int_equal(out[n - 1].flags, TFSM_SYN);
    assert_true(n == 1 || out[0].flags == TFSM_RST);
    expect_state(f, TFSM_SYN_SENT);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_zeroed_tcb_is_valid),
        cmocka_unit_test(test_closed_rst_is_discarded),
        cmocka_unit_test(test_closed_ack_is_reset),
        cmocka_unit_test(test_closed_ack_with_text_and_fin_is_reset),
        cmocka_unit_test(test_closed_syn_ack_is_reset),
        cmocka_unit_test(test_closed_syn_is_reset),
        cmocka_unit_test(test_closed_reset_counts_text_syn_and_fin),
        cmocka_unit_test(test_closed_reset_wraps),
        cmocka_unit_test(test_closed_segment_without_flags_is_reset),
        cmocka_unit_test(test_closed_other_flags_change_nothing),
        cmocka_unit_test(test_closed_security_is_not_compared),
        cmocka_unit_test(test_closed_segments_in_a_batch_owe_one_reset),
        cmocka_unit_test(test_closed_resets_are_not_limited),
        cmocka_unit_test(test_closed_is_empty_after_reset_is_sent),
        cmocka_unit_test(test_closed_timeout_does_nothing),
        cmocka_unit_test(test_closed_open_active_sends_syn),
        cmocka_unit_test(test_closed_open_active_without_remote_is_an_error),
        cmocka_unit_test(test_closed_open_passive_listens),
        cmocka_unit_test(test_closed_open_remembers_security),
        cmocka_unit_test(test_closed_open_with_a_reset_owed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
