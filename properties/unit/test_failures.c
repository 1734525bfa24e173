/* When nothing comes back: the two thresholds of RFC 9293 3.8.3. At R1 the user is told, and IP is
 * to look for another route; at R2 the connection is closed. And what the thresholds are counted
 * in: the retransmission timeout, measured by Karn's algorithm (3.8.1). The counts of R2 themselves
 * are in test_timers.c. */
#include "fixture.h"

#define R1 2u

static struct fixture *with_r1(void **state, uint8_t r1, enum tfsm_state which)
{
    struct fixture *f = fresh(state);
    f->cfg.r1 = r1;
    reach(f, which);
    return f;
}

/* One segment of text in flight that nobody will acknowledge. */
static struct fixture *with_text(void **state, uint8_t r1)
{
    struct fixture *f = with_r1(state, r1, TFSM_ESTABLISHED);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    return f;
}

/* Time out until the end: so many retransmissions, the user told from the r1-th on. */
static void expect_failure(struct fixture *f, unsigned r1, unsigned r2)
{
    enum tfsm_state at = (enum tfsm_state)f->tcb.state;
    struct tfsm_segment out;
    for (unsigned i = 1; i <= r2; i++) {
        expire(f);
        expect_signals(f, r1 > 0 && i >= r1 ? TFSM_SIG_ADVICE : 0u);
        expect_state(f, at);
        assert_int_equal(drain(f, &out, 1), 1);
    }
    expire(f);
}

/* ---- R1 ---- */

/* RFC9293:MUST-20a, RFC9293:SHLD-9: at R1 and at every one after it. [RFC9293:3.9.1.8a] */
static void test_failures_r1_is_told_from_then_on(void **state)
{
    for (unsigned r1 = 1; r1 <= RETRIES; r1++) {
        struct fixture *f = with_text(state, (uint8_t)r1);
        expect_failure(f, r1, RETRIES);
        expect_gone(f, TFSM_SIG_TIMED_OUT);
    }
}

/* RFC9293:SHLD-9: 0 is the way not to be told. */
static void test_failures_r1_of_zero_is_never_told(void **state)
{
    struct fixture *f = with_text(state, 0);
    expect_failure(f, 0, RETRIES);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* RFC9293:MUST-20a: an R1 that R2 comes before is not reached. */
static void test_failures_r1_beyond_r2_is_never_told(void **state)
{
    static const uint8_t r1[] = {RETRIES + 1, RETRIES + 2, 255};
    for (size_t i = 0; i < sizeof r1 / sizeof r1[0]; i++) {
        struct fixture *f = with_text(state, r1[i]);
        expect_failure(f, 0, RETRIES);
        expect_gone(f, TFSM_SIG_TIMED_OUT);
    }
}

/* RFC9293:MUST-20a: of "the same segment": what is acknowledged starts the count anew. */
static void test_failures_r1_count_starts_anew_after_progress(void **state)
{
    struct fixture *f = with_r1(state, R1, TFSM_ESTABLISHED);
    struct tfsm_segment out;
    user_send(f, 2000);
    (void)drain(f, &out, 1);
    expire(f);
    expect_signals(f, 0);
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    (void)drain(f, &out, 1);
    expect_failure(f, R1, RETRIES);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* RFC9293:MUST-20a: a duplicate ACK is no progress. */
static void test_failures_r1_count_goes_on_after_a_duplicate_ack(void **state)
{
    struct fixture *f = with_text(state, R1);
    struct tfsm_segment out;
    expire(f);
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_ACK);
    (void)drain(f, &out, 1);
    expire(f);
    expect_signals(f, TFSM_SIG_ADVICE);
}

/* RFC9293:MUST-20a, SHLD-9: it is a matter of retransmissions: a TIMEOUT that comes early tells nothing. */
static void test_failures_r1_early_timeout_tells_nothing(void **state)
{
    struct fixture *f = with_text(state, 1);
    struct tfsm_segment out;
    expire(f);
    expect_signals(f, TFSM_SIG_ADVICE);
    (void)drain(f, &out, 1);
    after(f, RTO);
    expect_unchanged(f);
    expect_signals(f, 0);
}

/* RFC9293:MUST-20a, MUST-22: for text, for a SYN, for a SYN-ACK, for a FIN: in every state that has
 * something outstanding. */
static void test_failures_r1_every_state_that_retransmits(void **state)
{
    static const enum tfsm_state all[] = {TFSM_SYN_SENT,   TFSM_SYN_RECEIVED, TFSM_ESTABLISHED,
                                          TFSM_FIN_WAIT_1, TFSM_CLOSE_WAIT,   TFSM_CLOSING,
                                          TFSM_LAST_ACK};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct fixture *f = with_r1(state, R1, all[i]);
        struct tfsm_segment out;
        bool syn = all[i] == TFSM_SYN_SENT || all[i] == TFSM_SYN_RECEIVED;
        if (all[i] == TFSM_ESTABLISHED || all[i] == TFSM_CLOSE_WAIT) {
            user_send(f, 10);
            assert_int_equal(drain(f, &out, 1), 1);
        }
        expect_failure(f, R1, syn ? SYN_RETRIES : RETRIES);
        expect_state(f, all[i] == TFSM_SYN_RECEIVED ? TFSM_LISTEN : TFSM_CLOSED);
    }
}

/* RFC9293:MUST-22: the user hears, also when both ends opened. */
static void test_failures_r1_syn_received_active(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.r1 = R1;
    reach_syn_received_active(f);
    expect_failure(f, R1, SYN_RETRIES);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* RFC9293:MUST-20a, RFC9293:SHLD-9: a window probe that nothing answers is the same segment over
 * and over; where R2 ends the connection for it, the user hears before, from R1 on. */
static void test_failures_r1_unanswered_probes_are_told(void **state)
{
    struct fixture *f = with_r1(state, R1, TFSM_ESTABLISHED);
    struct tfsm_segment out;
    unsigned told = 0;
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, 100);
    for (unsigned i = 0; f->tcb.state != TFSM_CLOSED; i++) {
        assert_in_range(i, 0, RETRIES);
        expire(f);
        told += (f->fx.signals & TFSM_SIG_ADVICE) != 0 ? 1 : 0;
        (void)drain(f, &out, 1);
    }
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    assert_in_range(told, 1, RETRIES - R1 + 1);
}

/* ---- R2 ---- */

/* RFC9293:MUST-20b, MUST-21: two connections, each with an R2 of its own. */
static void test_failures_r2_is_chosen_for_each_connection(void **state)
{
    for (unsigned r2 = 0; r2 < 20; r2++) {
        struct fixture *f = fresh(state);
        f->cfg.retries = (uint8_t)r2;
        reach_established(f);
        user_send(f, 100);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
        expect_failure(f, 0, r2);
        expect_gone(f, TFSM_SIG_TIMED_OUT);
        expect_nothing(f);
    }
}

/* RFC9293:MUST-21: raised while the text waits. */
static void test_failures_r2_can_be_raised(void **state)
{
    struct fixture *f = with_text(state, 0);
    struct tfsm_segment out;
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        (void)drain(f, &out, 1);
    }
    f->cfg.retries = 2 * RETRIES;
    expect_failure(f, 0, RETRIES);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* RFC9293:MUST-21: lowered below what was tried already: the next timeout is the end. */
static void test_failures_r2_can_be_lowered(void **state)
{
    struct fixture *f = with_text(state, 0);
    struct tfsm_segment out;
    for (unsigned i = 0; i < RETRIES - 1; i++) {
        expire(f);
        (void)drain(f, &out, 1);
    }
    f->cfg.retries = 1;
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    expect_nothing(f);
}

/* RFC9293:MUST-20b: in every state with text or a FIN outstanding; the SYN has an R2 of its own. */
static void test_failures_r2_of_syn_and_of_data_are_two(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.syn_retries = 7;
    f->cfg.retries = 2;
    reach_syn_sent(f);
    expect_failure(f, 0, 7);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    f = fresh(state);
    f->cfg.syn_retries = 7;
    f->cfg.retries = 2;
    reach_fin_wait_1(f);
    expect_failure(f, 0, 2);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* RFC9293:MUST-20b, 3.10.8: a listener gives up silently; one whose user has queued text has to say
 * that it will not arrive. */
static void test_failures_r2_of_a_syn_ack_with_text_queued(void **state)
{
    struct fixture *f = in_syn_received(state);
    user_send(f, 10);
    expect_failure(f, 0, SYN_RETRIES);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    expect_nothing(f);
}

/* RFC9293:MUST-23: who does not want to wait that long closes before. */
static void test_failures_user_gives_up_an_open_sooner(void **state)
{
    struct fixture *f = in_syn_sent(state);
    struct tfsm_segment out;
    expire(f);
    (void)drain(f, &out, 1);
    user_close(f);
    expect_gone(f, TFSM_SIG_CLOSED);
    expect_nothing(f);
}

/* RFC9293:3.8.3: what queued text the connection had is gone with it; the user can open again. */
static void test_failures_after_r2_the_connection_is_new(void **state)
{
    struct fixture *f = with_text(state, R1);
    user_send(f, 5000);
    struct tfsm_segment out;
    (void)drain(f, &out, 1);
    for (unsigned i = 0; i <= RETRIES; i++) {
        expire(f);
        (void)drain(f, &out, 1);
    }
    expect_state(f, TFSM_CLOSED);
    reach_established(f);
    expect_nothing(f);
    assert_int_equal(f->tcb.tries, 0);
}

/* ---- the timeout that both are counted in ---- */

/* A connection whose handshake took half a second: SRTT 0.5 s, RTTVAR 0.25 s, RTO 1.5 s. */
static struct fixture *measured(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    open_active(f);
    (void)drain(f, &out, 1);
    f->now += SECOND / 2;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    (void)drain(f, &out, 1);
    return f;
}

/* RFC9293:MUST-18, RFC6298:2.2 */
static void test_failures_karn_handshake_is_measured(void **state)
{
    struct fixture *f = measured(state);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expect_deadline(f, f->now + SECOND + SECOND / 2);
}

/* RFC9293:MUST-18, RFC6298:2.3a, RFC6298:2.3b, RFC6298:2.3c: R' = 1.25 s gives RTTVAR = 3/4 * 0.25
 * + 1/4 * |0.5 - 1.25| = 0.375, SRTT = 7/8 * 0.5 + 1/8 * 1.25 = 0.59375, RTO = SRTT + 4 * RTTVAR.
 */
static void test_failures_karn_text_sent_once_is_measured(void **state)
{
    struct fixture *f = measured(state);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    f->now += SECOND + SECOND / 4;
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 101, .ack = 1, .len = 100);
    expect_deadline(f, f->now + 593750 + 4 * 375000);
}

/* RFC9293:MUST-18, RFC6298:3a: the ACK of a segment that was sent twice says nothing of the round
 * trip: which of the two was acknowledged? The timeout stays backed off (RFC6298:5.5). */
static void test_failures_karn_text_sent_twice_is_not_measured(void **state)
{
    struct fixture *f = measured(state);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    struct tfsm_tcb before = f->tcb;
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    f->now += 1;
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    assert_int_equal(f->tcb.srtt, before.srtt);
    assert_int_equal(f->tcb.rttvar, before.rttvar);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 101, .ack = 1, .len = 100);
    expect_deadline(f, f->now + 3 * SECOND);
}

/* RFC9293:MUST-18, RFC6298:3a: a SYN that was sent twice is not measured either. */
static void test_failures_karn_syn_sent_twice_is_not_measured(void **state)
{
    struct fixture *f = in_syn_sent(state);
    struct tfsm_segment out;
    struct tfsm_status_block status;
    expire(f);
    (void)drain(f, &out, 1);
    f->now += SECOND / 2;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    assert_int_equal(tfsm_status(&f->tcb, &status), TFSM_DONE);
    assert_true(status.srtt == 0);
}

/* RFC9293:MUST-18: after a retransmission the next text that is sent once ends the back-off. */
static void test_failures_karn_next_text_is_measured_again(void **state)
{
    struct fixture *f = measured(state);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 101, .ack = 1, .len = 100);
    f->now += SECOND / 2;
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 201, .ack = 1, .len = 100);
    /* R' = SRTT = 0.5 s: RTTVAR = 3/4 * 0.25 = 0.1875 */
    expect_deadline(f, f->now + 500000 + 4 * 187500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures_r1_is_told_from_then_on),
        cmocka_unit_test(test_failures_r1_of_zero_is_never_told),
        cmocka_unit_test(test_failures_r1_beyond_r2_is_never_told),
        cmocka_unit_test(test_failures_r1_count_starts_anew_after_progress),
        cmocka_unit_test(test_failures_r1_count_goes_on_after_a_duplicate_ack),
        cmocka_unit_test(test_failures_r1_early_timeout_tells_nothing),
        cmocka_unit_test(test_failures_r1_every_state_that_retransmits),
        cmocka_unit_test(test_failures_r1_syn_received_active),
        cmocka_unit_test(test_failures_r1_unanswered_probes_are_told),
        cmocka_unit_test(test_failures_r2_is_chosen_for_each_connection),
        cmocka_unit_test(test_failures_r2_can_be_raised),
        cmocka_unit_test(test_failures_r2_can_be_lowered),
        cmocka_unit_test(test_failures_r2_of_syn_and_of_data_are_two),
        cmocka_unit_test(test_failures_user_gives_up_an_open_sooner),
        cmocka_unit_test(test_failures_after_r2_the_connection_is_new),
        cmocka_unit_test(test_failures_karn_handshake_is_measured),
        cmocka_unit_test(test_failures_karn_text_sent_once_is_measured),
        cmocka_unit_test(test_failures_karn_text_sent_twice_is_not_measured),
        cmocka_unit_test(test_failures_karn_syn_sent_twice_is_not_measured),
        cmocka_unit_test(test_failures_karn_next_text_is_measured_again),
        cmocka_unit_test(test_failures_r2_of_a_syn_ack_with_text_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
