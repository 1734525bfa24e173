/* Keep-alives: off unless asked for, only into silence, without text, and no single one that is not
 * answered ends a connection (RFC 9293 3.8.4); with the user timeout option they come after the
 * user timeout (RFC 5482 4.2). */
#include "fixture.h"

#define IDLE  (600 * SECOND)
#define EVERY (75 * SECOND)
#define TRIES 3u

static struct fixture *with_keepalive(void **state, enum tfsm_state which)
{
    struct fixture *f = fresh(state);
    f->cfg.keepalive_idle = IDLE;
    f->cfg.keepalive_every = EVERY;
    f->cfg.keepalive_tries = TRIES;
    reach(f, which);
    return f;
}

static struct fixture *established(void **state)
{
    return with_keepalive(state, TFSM_ESTABLISHED);
}

/* The next segment is a keep-alive, and nothing follows it. */
static void expect_keepalive(struct fixture *f)
{
    struct tfsm_segment s;
    assert_true(take(f, &s));
    assert_int_equal(s.flags, TFSM_ACK);
    assert_int_equal(s.seq, f->sent - 1);
    assert_int_equal(s.len, 0);
    expect_nothing(f);
}

static void expect_no_more(struct fixture *f)
{
    for (unsigned i = 0; i < 10; i++) {
        after(f, IDLE);
        expect_signals(f, 0);
        expect_nothing(f);
    }
    expect_deadline(f, TFSM_NEVER);
}

/* ---- on and off ---- */

/* RFC9293:MUST-25 */
static void test_keepalive_is_off_by_default(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg = tfsm_config_default();
    reach_established(f);
    expect_no_more(f);
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC9293:MUST-24: two connections of one host, opened with the same numbers but for this one. */
static void test_keepalive_is_chosen_for_each_connection(void **state)
{
    struct fixture *f = fresh(state);
    reach_established(f);
    expect_no_more(f);
    expect_state(f, TFSM_ESTABLISHED);
    f = established(state);
    expire(f);
    expect_keepalive(f);
}

/* RFC9293:MUST-24: switched off while it waits. */
static void test_keepalive_can_be_switched_off(void **state)
{
    struct fixture *f = established(state);
    f->cfg.keepalive_idle = 0;
    expect_no_more(f);
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC9293:MUST-24: switched off while some are unanswered, be it all that are allowed: the
 * connection lives. */
static void test_keepalive_can_be_switched_off_between_two(void **state)
{
    for (unsigned unanswered = 1; unanswered <= TRIES; unanswered++) {
        struct fixture *f = established(state);
        for (unsigned i = 0; i < unanswered; i++) {
            expire(f);
            expect_keepalive(f);
        }
        f->cfg.keepalive_idle = 0;
        expect_no_more(f);
        expect_state(f, TFSM_ESTABLISHED);
    }
}

/* RFC9293:MUST-24: switched off while one is unanswered. By text that is sent later the peer is asked
 * as well: then none is unanswered any more. */
static void test_keepalive_switched_off_forgets_the_unanswered(void **state)
{
    struct fixture *f = established(state);
    expire(f);
    expect_keepalive(f);
    f->cfg.keepalive_idle = 0;
    after(f, SECOND);
    assert_int_equal(f->tcb.keepalives, 1);
    user_send(f, 10);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    assert_int_equal(f->tcb.keepalives, 0);
    f->cfg.keepalive_idle = IDLE;
    arrive(f, .flags = TFSM_ACK, .ack = 10);
    expect_deadline(f, f->now + IDLE);
}

/* RFC9293:MUST-24: switched on in mid-life: from the next thing that happens the silence counts. */
static void test_keepalive_can_be_switched_on(void **state)
{
    struct fixture *f = in_established(state);
    f->cfg.keepalive_idle = IDLE;
    f->cfg.keepalive_every = EVERY;
    f->now += SECOND;
    arrive(f, .flags = TFSM_ACK);
    expect_deadline(f, f->now + IDLE);
    expire(f);
    expect_keepalive(f);
}

/* RFC9293:MUST-27 */
static void test_keepalive_interval_is_configurable(void **state)
{
    static const tfsm_time idle[] = {SECOND, 60 * SECOND, TFSM_KEEPALIVE_IDLE,
                                     30 * TFSM_KEEPALIVE_IDLE};
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
        struct fixture *f = fresh(state);
        f->cfg.keepalive_idle = idle[i];
        f->cfg.keepalive_every = EVERY;
        reach_established(f);
        expect_deadline(f, f->now + idle[i]);
        after(f, idle[i] - 1);
        expect_unchanged(f);
        expect_nothing(f);
        after(f, 1);
        expect_keepalive(f);
    }
}

/* RFC9293:MUST-28: what the header offers as the usual interval. */
static void test_keepalive_default_interval_is_two_hours(void **state)
{
    (void)state;
    assert_true(TFSM_KEEPALIVE_IDLE >= 2 * 60 * 60 * SECOND);
}

/* RFC9293:MUST-28: somebody who sets nothing but the interval, to the usual one, has it. */
static void test_keepalive_default_interval_is_kept(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg = tfsm_config_default();
    f->cfg.keepalive_idle = TFSM_KEEPALIVE_IDLE;
    reach_established(f);
    expect_deadline(f, f->now + TFSM_KEEPALIVE_IDLE);
    expire(f);
    expect_keepalive(f);
    assert_true(tfsm_deadline(&f->tcb) > f->now);
}

/* ---- what it is ---- */

/* RFC9293:MAY-5, RFC9293:SHLD-12: <SEQ=SND.NXT-1><ACK=RCV.NXT><CTL=ACK> and no text, after text
 * went both ways. */
static void test_keepalive_bears_no_text(void **state)
{
    struct fixture *f = established(state);
    user_send(f, 300);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 300);
    arrive(f, .flags = TFSM_ACK, .ack = 300, .text = 20);
    expect_ack(f);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 300, .ack = 21, .len = 0);
    expect_nothing(f);
}

/* RFC9293:3.8.4: it says the window as any ACK does. */
static void test_keepalive_says_the_window(void **state)
{
    struct fixture *f = established(state);
    struct tfsm_segment s;
    arrive(f, .flags = TFSM_ACK, .text = 20);
    expect_ack(f);
    expire(f);
    assert_true(take(f, &s));
    assert_int_equal(s.wnd, BUFF - 20);
    assert_int_equal(s.options, 0);
}

/* RFC9293:3.8.4: it is no text, and moves nothing: what is sent next has the number it would have
 * had. */
static void test_keepalive_moves_nothing(void **state)
{
    struct fixture *f = established(state);
    expire(f);
    expect_keepalive(f);
    user_send(f, 10);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
    expect_nothing(f);
    expect_deadline(f, f->now + RTO);
}

/* RFC9293:3.8.4: a peer's keep-alive is answered, so that it knows that we are here: without text,
 * or with the octet of garbage of old implementations. */
static void test_keepalive_of_the_peer_is_answered(void **state)
{
    static const enum tfsm_state all[] = {TFSM_ESTABLISHED, TFSM_FIN_WAIT_2, TFSM_CLOSE_WAIT};
    for (size_t i = 0; i < 3; i++) {
        for (uint32_t garbage = 0; garbage <= 1; garbage++) {
            struct fixture *f = fresh(state);
            reach(f, all[i]);
            arrive(f, .flags = TFSM_ACK, .seq = -1, .text = garbage);
            expect_challenged(f);
        }
    }
}

/* ---- only into silence ---- */

/* RFC9293:MUST-26: whatever the peer sends starts the interval anew. */
static void test_keepalive_waits_after_an_ack(void **state)
{
    struct fixture *f = established(state);
    for (unsigned i = 0; i < 20; i++) {
        after(f, IDLE - 1);
        expect_nothing(f);
        arrive(f, .flags = TFSM_ACK);
        expect_nothing(f);
        expect_deadline(f, f->now + IDLE);
    }
}

/* RFC9293:MUST-26 */
static void test_keepalive_waits_after_text(void **state)
{
    struct fixture *f = established(state);
    for (unsigned i = 0; i < 20; i++) {
        after(f, IDLE - 1);
        arrive(f, .flags = TFSM_ACK, .text = 1);
        expect_ack(f);
        expect_deadline(f, f->now + IDLE);
    }
}

/* RFC9293:MUST-26: text that waits behind a hole was received, too. */
static void test_keepalive_waits_after_text_beyond_a_hole(void **state)
{
    struct fixture *f = established(state);
    f->now += IDLE / 2;
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 10);
    expect_ack(f);
    expect_deadline(f, f->now + IDLE);
}

/* RFC9293:MUST-26: never with something outstanding. */
static void test_keepalive_waits_while_text_is_outstanding(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment s;
    f->cfg.keepalive_idle = RTO / 4;
    f->cfg.keepalive_every = RTO / 4;
    f->cfg.retries = 20;
    reach_established(f);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    expect_deadline(f, f->now + RTO);
    for (unsigned i = 0; i < 100; i++) {
        after(f, RTO / 4);
        if (take(f, &s)) {
            assert_int_equal(s.seq, f->iss + 1);
            assert_int_equal(s.len, 100);
            expect_nothing(f);
        }
    }
    arrive(f, .flags = TFSM_ACK, .ack = 100);
    expect_deadline(f, f->now + RTO / 4);
    expire(f);
    expect_keepalive(f);
}

/* RFC9293:MUST-26: the same for a FIN. */
static void test_keepalive_waits_while_the_fin_is_outstanding(void **state)
{
    static const enum tfsm_state waits[] = {TFSM_FIN_WAIT_1, TFSM_CLOSING, TFSM_LAST_ACK};
    for (size_t i = 0; i < 3; i++) {
        struct fixture *f = fresh(state);
        struct tfsm_segment s;
        f->cfg.keepalive_idle = RTO / 4;
        f->cfg.keepalive_every = RTO / 4;
        reach(f, waits[i]);
        expect_deadline(f, f->now + RTO);
        for (unsigned n = 0; n < 20; n++) {
            after(f, RTO / 4);
            if (take(f, &s)) {
                assert_int_equal(s.flags, TFSM_FIN | TFSM_ACK);
                expect_nothing(f);
            }
        }
    }
}

/* RFC9293:3.8.4: "idle" means that there is nothing new to be sent either: behind a closed window
 * the probe asks what a keep-alive would ask. */
static void test_keepalive_leaves_a_closed_window_to_the_probe(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment s;
    f->cfg.keepalive_idle = RTO / 4;
    f->cfg.keepalive_every = RTO / 4;
    reach_established(f);
    f->peer.wnd = 0;
    arrive(f, .flags = TFSM_ACK);
    user_send(f, 100);
    expect_nothing(f);
    for (unsigned n = 0; n < 20; n++) {
        after(f, RTO / 4);
        if (take(f, &s)) {
            assert_int_equal(s.seq, f->iss + 1);
            assert_int_equal(s.len, 1);
            expect_nothing(f);
            arrive(f, .flags = TFSM_ACK);
        }
    }
}

/* RFC9293:MUST-26: the silence is the peer's: what we send does not make it shorter, and an
 * acknowledgment of ours is not answered by anybody. */
static void test_keepalive_counts_from_what_was_received(void **state)
{
    struct fixture *f = established(state);
    arrive(f, .flags = TFSM_ACK, .text = 6 * MSS);
    expect_ack(f);
    tfsm_time heard = f->now;
    f->now += IDLE / 2;
    user_receive(f, BUFF);
    expect_ack(f);
    assert_true(tfsm_deadline(&f->tcb) >= heard + IDLE);
    expire(f);
    expect_keepalive(f);
}

/* ---- in which states ---- */

/* RFC9293:MAY-5: wherever the peer may be gone and nothing else would tell. */
static void test_keepalive_every_state_that_may_last_for_ever(void **state)
{
    static const enum tfsm_state lasts[] = {TFSM_ESTABLISHED, TFSM_FIN_WAIT_2, TFSM_CLOSE_WAIT};
    for (size_t i = 0; i < 3; i++) {
        struct fixture *f = with_keepalive(state, lasts[i]);
        expect_deadline(f, f->now + IDLE);
        expire(f);
        expect_keepalive(f);
        expect_state(f, lasts[i]);
    }
}

/* RFC9293:MUST-26, RFC9293:3.10.7.4: no connection, none; a SYN is outstanding, none; TIME-WAIT
 * has no timer but its own. */
static void test_keepalive_other_states_send_none(void **state)
{
    static const enum tfsm_state never[] = {TFSM_CLOSED, TFSM_LISTEN, TFSM_SYN_SENT,
                                            TFSM_SYN_RECEIVED, TFSM_TIME_WAIT};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        struct fixture *f = fresh(state);
        struct tfsm_segment s;
        f->cfg.keepalive_idle = RTO / 4;
        f->cfg.keepalive_every = RTO / 4;
        reach(f, never[i]);
        for (unsigned n = 0; n < 40; n++) {
            after(f, RTO / 4);
            if (take(f, &s)) {
                assert_int_equal(s.flags & TFSM_SYN, TFSM_SYN);
                expect_nothing(f);
            }
        }
    }
}

/* RFC9293:3.10.7.4: in TIME-WAIT there is no timer but its own. */
static void test_keepalive_ends_with_time_wait(void **state)
{
    struct fixture *f = with_keepalive(state, TFSM_FIN_WAIT_2);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_ack(f);
    expect_deadline(f, f->now + 2 * MSL);
    expire(f);
    expect_gone(f, TFSM_SIG_CLOSED);
}

/* ---- answers ---- */

/* RFC9293:3.8.4: a peer that answers keeps the connection, however often it is asked. */
static void test_keepalive_answered_keeps_the_connection(void **state)
{
    struct fixture *f = established(state);
    for (unsigned i = 0; i < 10 * TRIES; i++) {
        expire(f);
        expect_signals(f, 0);
        expect_keepalive(f);
        f->now += SECOND;
        arrive(f, .flags = TFSM_ACK);
        expect_nothing(f);
        expect_deadline(f, f->now + IDLE);
    }
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC9293:MUST-29: ACKs are not reliable: one question unanswered, whatever the policy, is no end.
 */
static void test_keepalive_one_unanswered_does_not_end(void **state)
{
    for (unsigned tries = 0; tries < 256; tries++) {
        struct fixture *f = fresh(state);
        f->cfg.keepalive_idle = IDLE;
        f->cfg.keepalive_every = EVERY;
        f->cfg.keepalive_tries = (uint8_t)tries;
        reach_established(f);
        expire(f);
        expect_keepalive(f);
        expect_deadline(f, f->now + EVERY);
        expire(f);
        expect_signals(f, 0);
        expect_state(f, TFSM_ESTABLISHED);
        expect_keepalive(f);
    }
}

/* RFC9293:MUST-29: so many in a row, then the end; nothing is sent at the end. */
static void test_keepalive_none_answered_ends(void **state)
{
    struct fixture *f = established(state);
    for (unsigned i = 0; i < TRIES; i++) {
        expire(f);
        expect_signals(f, 0);
        expect_state(f, TFSM_ESTABLISHED);
        expect_keepalive(f);
        expect_deadline(f, f->now + EVERY);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    expect_nothing(f);
}

/* RFC9293:MUST-29: an answer starts the count anew. */
static void test_keepalive_count_starts_anew_after_an_answer(void **state)
{
    struct fixture *f = established(state);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < TRIES; i++) {
            expire(f);
            expect_keepalive(f);
        }
        arrive(f, .flags = TFSM_ACK);
        expect_state(f, TFSM_ESTABLISHED);
        expect_deadline(f, f->now + IDLE);
    }
}

/* RFC9293:MUST-29: 0 asks for ever. */
static void test_keepalive_without_a_limit_never_ends(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.keepalive_idle = IDLE;
    f->cfg.keepalive_every = EVERY;
    f->cfg.keepalive_tries = 0;
    reach_established(f);
    for (unsigned i = 0; i < 1000; i++) {
        expire(f);
        expect_signals(f, 0);
        expect_keepalive(f);
        expect_deadline(f, f->now + EVERY);
    }
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC 1122 4.2.3.6: a peer that knows nothing of the connection answers with a RST. */
static void test_keepalive_answered_by_a_reset_ends(void **state)
{
    struct fixture *f = established(state);
    struct tfsm_segment s;
    expire(f);
    assert_true(take(f, &s));
    struct tfsm_segment rst = {.flags = TFSM_RST, .seq = s.ack};
    arrive_segment(f, &rst);
    expect_gone(f, TFSM_SIG_RESET);
}

/* RFC9293:MUST-26: text sent while questions are unanswered is outstanding: retransmission goes on
 * from there, by its own count. */
static void test_keepalive_text_takes_over(void **state)
{
    struct fixture *f = established(state);
    expire(f);
    expect_keepalive(f);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        expect_signals(f, 0);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
        expect_nothing(f);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* Time was lost: one question for all of it, and the next a full interval from now. */
static void test_keepalive_late_timeout_asks_once(void **state)
{
    struct fixture *f = established(state);
    after(f, 100 * IDLE);
    expect_keepalive(f);
    expect_deadline(f, f->now + EVERY);
    after(f, 0);
    expect_unchanged(f);
    expect_nothing(f);
}

/* "out-of-range numbers are clamped": no time between two questions does not make a storm. */
static void test_keepalive_without_a_pause_is_no_storm(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.keepalive_idle = IDLE;
    f->cfg.keepalive_every = 0;
    reach_established(f);
    expire(f);
    expect_keepalive(f);
    assert_true(tfsm_deadline(&f->tcb) > f->now);
}

/* ---- together with the user timeout option ---- */

#define ADV_UTO    (200 * SECOND)
#define REMOTE_UTO 300u /* seconds */

static struct fixture *with_user_timeout_option(void **state, tfsm_time idle, bool peer_has_it)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_USER_TIMEOUT;
    f->cfg.uto_advertised = ADV_UTO;
    f->cfg.uto_least = 100 * SECOND;
    f->cfg.uto_most = 10000 * SECOND;
    f->cfg.keepalive_idle = idle;
    f->cfg.keepalive_every = EVERY;
    if (peer_has_it) {
        f->peer.options |= TFSM_OPT_USER_TIMEOUT;
        f->peer.user_timeout = REMOTE_UTO;
    }
    reach_established(f);
    return f;
}

/* RFC5482:4.2: the keep-alive waits longer than the user timeout adopted, here min(U_LIMIT,
 * max(ADV_UTO, REMOTE_UTO, L_LIMIT)). */
static void test_keepalive_is_longer_than_the_user_timeout(void **state)
{
    static const tfsm_time idle[] = {SECOND, 299 * SECOND, 300 * SECOND};
    for (size_t i = 0; i < 3; i++) {
        struct fixture *f = with_user_timeout_option(state, idle[i], true);
        struct tfsm_segment out;
        (void)drain(f, &out, 1);
        assert_true(tfsm_deadline(&f->tcb) != TFSM_NEVER);
        assert_true(tfsm_deadline(&f->tcb) > f->now + REMOTE_UTO * SECOND);
        arrive(f, .flags = TFSM_ACK);
        assert_true(tfsm_deadline(&f->tcb) > f->now + REMOTE_UTO * SECOND);
        expire(f);
        expect_keepalive(f);
    }
}

/* RFC5482:4.2: an interval that is longer already stays as it is. */
static void test_keepalive_longer_than_the_user_timeout_stays(void **state)
{
    struct fixture *f = with_user_timeout_option(state, 301 * SECOND, true);
    arrive(f, .flags = TFSM_ACK);
    expect_deadline(f, f->now + 301 * SECOND);
}

/* RFC5482:4.2: a user timeout that the user set is the adopted one. */
static void test_keepalive_is_longer_than_the_users_own_timeout(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_USER_TIMEOUT;
    f->cfg.user_timeout = 400 * SECOND;
    f->cfg.uto_advertised = 400 * SECOND;
    f->cfg.uto_least = 100 * SECOND;
    f->cfg.uto_most = 10000 * SECOND;
    f->cfg.keepalive_idle = 60 * SECOND;
    f->cfg.keepalive_every = EVERY;
    f->peer.options |= TFSM_OPT_USER_TIMEOUT;
    f->peer.user_timeout = REMOTE_UTO;
    reach_established(f);
    assert_true(tfsm_deadline(&f->tcb) != TFSM_NEVER);
    assert_true(tfsm_deadline(&f->tcb) > f->now + 400 * SECOND);
}

/* RFC5482:4.2: without the option the interval is as configured. */
static void test_keepalive_without_the_option_is_as_configured(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.user_timeout = 400 * SECOND;
    f->cfg.keepalive_idle = 60 * SECOND;
    f->cfg.keepalive_every = EVERY;
    reach_established(f);
    expect_deadline(f, f->now + 60 * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keepalive_is_off_by_default),
        cmocka_unit_test(test_keepalive_is_chosen_for_each_connection),
        cmocka_unit_test(test_keepalive_can_be_switched_off),
        cmocka_unit_test(test_keepalive_can_be_switched_off_between_two),
        cmocka_unit_test(test_keepalive_switched_off_forgets_the_unanswered),
        cmocka_unit_test(test_keepalive_can_be_switched_on),
        cmocka_unit_test(test_keepalive_interval_is_configurable),
        cmocka_unit_test(test_keepalive_default_interval_is_two_hours),
        cmocka_unit_test(test_keepalive_default_interval_is_kept),
        cmocka_unit_test(test_keepalive_bears_no_text),
        cmocka_unit_test(test_keepalive_says_the_window),
        cmocka_unit_test(test_keepalive_moves_nothing),
        cmocka_unit_test(test_keepalive_of_the_peer_is_answered),
        cmocka_unit_test(test_keepalive_waits_after_an_ack),
        cmocka_unit_test(test_keepalive_waits_after_text),
        cmocka_unit_test(test_keepalive_waits_after_text_beyond_a_hole),
        cmocka_unit_test(test_keepalive_waits_while_text_is_outstanding),
        cmocka_unit_test(test_keepalive_waits_while_the_fin_is_outstanding),
        cmocka_unit_test(test_keepalive_leaves_a_closed_window_to_the_probe),
        cmocka_unit_test(test_keepalive_counts_from_what_was_received),
        cmocka_unit_test(test_keepalive_every_state_that_may_last_for_ever),
        cmocka_unit_test(test_keepalive_other_states_send_none),
        cmocka_unit_test(test_keepalive_ends_with_time_wait),
        cmocka_unit_test(test_keepalive_answered_keeps_the_connection),
        cmocka_unit_test(test_keepalive_one_unanswered_does_not_end),
        cmocka_unit_test(test_keepalive_none_answered_ends),
        cmocka_unit_test(test_keepalive_count_starts_anew_after_an_answer),
        cmocka_unit_test(test_keepalive_without_a_limit_never_ends),
        cmocka_unit_test(test_keepalive_answered_by_a_reset_ends),
        cmocka_unit_test(test_keepalive_text_takes_over),
        cmocka_unit_test(test_keepalive_late_timeout_asks_once),
        cmocka_unit_test(test_keepalive_without_a_pause_is_no_storm),
        cmocka_unit_test(test_keepalive_is_longer_than_the_user_timeout),
        cmocka_unit_test(test_keepalive_longer_than_the_user_timeout_stays),
        cmocka_unit_test(test_keepalive_is_longer_than_the_users_own_timeout),
        cmocka_unit_test(test_keepalive_without_the_option_is_as_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
