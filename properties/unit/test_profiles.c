/* The policies that have a name: what each puts on the wire and what it does, seen from outside,
 * and what RFC 9293 demands of the defaults of any of them. */
#include "fixture.h"

static const char *const names[] = {"rfc9293", "rfc793", "minimal"};
#define NAMES (sizeof names / sizeof names[0])

static struct fixture *named(void **state, const char *name)
{
    struct fixture *f = fresh(state);
    assert_true(tfsm_config_named(name, &f->cfg));
    return f;
}

static struct fixture *established(void **state, const char *name)
{
    struct fixture *f = named(state, name);
    reach_established(f);
    return f;
}

/* A peer that offers everything there is. */
static void offer_everything(struct fixture *f)
{
    f->peer.options =
        TFSM_OPT_MSS | TFSM_OPT_WSCALE | TFSM_OPT_TIMESTAMPS | TFSM_OPT_SACK_PERMITTED;
    f->peer.wscale = 2;
    f->peer.ts_val = 1;
}

/* ---- names ---- */

static void test_profiles_unknown_names_are_refused(void **state)
{
    (void)state;
    static const char *const unknown[] = {"",         "rfc",     "RFC9293",  "rfc929",
                                          "rfc92930", " rfc793", "minimal ", "default"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        struct tfsm_config cfg;
        struct tfsm_config untouched;
        memset(&cfg, 0xa5, sizeof cfg);
        memset(&untouched, 0xa5, sizeof untouched);
        assert_false(tfsm_config_named(unknown[i], &cfg));
        assert_memory_equal(&cfg, &untouched, sizeof cfg);
    }
}

/* "The default policy: rfc9293." Member by member, for a struct may have padding. */
static void test_profiles_default_is_rfc9293(void **state)
{
    (void)state;
    struct tfsm_config a = tfsm_config_default();
    struct tfsm_config b;
    assert_true(tfsm_config_named("rfc9293", &b));
    assert_int_equal(a.profile, b.profile);
    assert_int_equal(a.rcv_buff, b.rcv_buff);
    assert_int_equal(a.snd_buff, b.snd_buff);
    assert_int_equal(a.mss, b.mss);
    assert_int_equal(a.mss_default, b.mss_default);
    assert_int_equal(a.mss_floor, b.mss_floor);
    assert_int_equal(a.syn_retries, b.syn_retries);
    assert_int_equal(a.retries, b.retries);
    assert_int_equal(a.r1, b.r1);
    assert_int_equal(a.initial_window, b.initial_window);
    assert_int_equal(a.keepalive_tries, b.keepalive_tries);
    assert_int_equal(a.challenge_limit, b.challenge_limit);
    assert_true(a.challenge_every == b.challenge_every);
    assert_true(a.rto_initial == b.rto_initial);
    assert_true(a.rto_min == b.rto_min);
    assert_true(a.rto_max == b.rto_max);
    assert_true(a.msl == b.msl);
    assert_true(a.user_timeout == b.user_timeout);
    assert_true(a.ack_delay == b.ack_delay);
    assert_true(a.keepalive_idle == b.keepalive_idle);
    assert_true(a.keepalive_every == b.keepalive_every);
    assert_true(a.uto_advertised == b.uto_advertised);
    assert_true(a.uto_least == b.uto_least);
    assert_true(a.uto_most == b.uto_most);
}

/* ---- the SYN ---- */

/* RFC9293:MUST-14, SHLD-5a: an MSS option always; the others are rfc9293's alone. */
static void test_profiles_options_of_the_syn(void **state)
{
    static const unsigned options[NAMES] = {
        TFSM_OPT_MSS | TFSM_OPT_WSCALE | TFSM_OPT_TIMESTAMPS | TFSM_OPT_SACK_PERMITTED,
        TFSM_OPT_MSS,
        TFSM_OPT_MSS,
    };
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        struct tfsm_segment s;
        open_active(f);
        assert_true(take(f, &s));
        assert_int_equal(s.flags & (TFSM_SYN | TFSM_ACK), TFSM_SYN);
        assert_int_equal(s.options, options[i]);
        assert_int_equal(s.mss, 1460);
        assert_int_equal(s.wnd, 65535);
    }
}

/* RFC5482:3f: the option is neither sent nor heeded until the user says so, and then the peer's counts. */
static void test_profiles_user_timeout_option_is_off(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        for (unsigned on = 0; on < 2; on++) {
            struct fixture *f = named(state, names[i]);
            struct tfsm_segment s;
            f->cfg.uto_advertised = 300 * SECOND;
            f->cfg.profile |= on > 0 ? TFSM_USER_TIMEOUT : 0;
            open_active(f);
            assert_true(take(f, &s));
            assert_int_equal((s.options & TFSM_OPT_USER_TIMEOUT) != 0, on);
            arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
            s = segment_of(f, (struct from_peer){.flags = TFSM_ACK});
            s.options |= TFSM_OPT_USER_TIMEOUT;
            s.user_timeout = 500;
            arrive_segment(f, &s);
            expect_signals(f, on > 0 ? TFSM_SIG_USER_TIMEOUT : 0);
        }
    }
}

/* RFC3168:6.1.1a: ECE and CWR in the SYN are an offer, too; rfc793 and minimal make none. */
static void test_profiles_flags_of_the_syn(void **state)
{
    for (size_t i = 1; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        open_active(f);
        (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
    }
}

/* RFC7323:2.2c, RFC7323:3.2d: a SYN-ACK offers nothing that was not offered. */
static void test_profiles_options_of_the_syn_ack_unasked(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        reach_listen(f);
        arrive(f, .flags = TFSM_SYN);
        struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
        assert_int_equal(s.options, TFSM_OPT_MSS);
    }
}

/* What is offered is answered by rfc9293, and not by the others. */
static void test_profiles_options_of_the_syn_ack_asked(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        struct tfsm_segment s;
        offer_everything(f);
        reach_listen(f);
        arrive(f, .flags = TFSM_SYN | TFSM_ECE | TFSM_CWR);
        assert_true(take(f, &s));
        assert_int_equal(s.options, i == 0 ? f->peer.options : (unsigned)TFSM_OPT_MSS);
        assert_int_equal(s.flags & (TFSM_SYN | TFSM_ACK | TFSM_CWR), TFSM_SYN | TFSM_ACK);
        assert_true(i == 0 || (s.flags & TFSM_ECE) == 0);
    }
}

/* Nothing is used that the peer did not offer. */
static void test_profiles_bare_peer_gets_bare_segments(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = established(state, names[i]);
        struct tfsm_segment s;
        user_send(f, 3000);
        while (take(f, &s)) {
            assert_int_equal(s.options, 0);
            assert_int_equal(s.flags & ~TFSM_PSH, TFSM_ACK);
            assert_int_equal(s.ecn, TFSM_NOT_ECT);
            assert_int_equal(s.len, MSS);
        }
        assert_int_equal(in_flight(f), 3000);
    }
}

/* ---- IPv6 ---- */

static struct fixture *over_ipv6(void **state, const char *name)
{
    struct fixture *f = named(state, name);
    f->cfg.mss = tfsm_mss(1500, 6);
    f->cfg.mss_default = 1220;
    return f;
}

/* RFC9293:SHLD-5b, MUST-14 */
static void test_profiles_ipv6_mss_is_announced(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = over_ipv6(state, names[i]);
        struct tfsm_segment s;
        open_active(f);
        assert_true(take(f, &s));
        assert_int_equal(s.options & TFSM_OPT_MSS, TFSM_OPT_MSS);
        assert_int_equal(s.mss, 1440);
    }
}

/* RFC9293:MUST-15b: 1220 octets over IPv6 where the peer does not say, be it one that opens or
 * one that answers. */
static void test_profiles_ipv6_peer_without_mss_takes_1220(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        for (int passive = 0; passive <= 1; passive++) {
            struct fixture *f = over_ipv6(state, names[i]);
            struct tfsm_segment s;
            f->peer.options = 0;
            if (passive) {
                reach_established_passive(f);
            } else {
                reach_established(f);
            }
            user_send(f, 3000);
            assert_true(take(f, &s));
            assert_int_equal(s.len, 1220);
        }
    }
}

/* RFC9293:MUST-15a: and 536 for IPv4. */
static void test_profiles_ipv4_peer_without_mss_takes_536(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        struct tfsm_segment s;
        f->peer.options = 0;
        reach_established(f);
        user_send(f, 3000);
        assert_true(take(f, &s));
        assert_int_equal(s.len, 536);
    }
}

/* RFC9293:MUST-16: what an option takes, the text leaves: timestamps, padded to 12 octets. */
static void test_profiles_text_makes_room_for_options(void **state)
{
    struct fixture *f = named(state, "rfc9293");
    struct tfsm_segment s;
    offer_everything(f);
    reach_syn_sent(f);
    struct tfsm_segment answer =
        segment_of(f, (struct from_peer){.flags = TFSM_SYN | TFSM_ACK, .ack = 1});
    arrive_segment(f, &answer);
    (void)drain(f, &s, 1);
    user_send(f, 3000);
    assert_true(take(f, &s));
    assert_int_equal(s.options, TFSM_OPT_TIMESTAMPS);
    assert_int_equal(s.len, MSS - 12);
}

/* ---- blind attacks ---- */

/* RFC5961:3.2c: rfc9293 and minimal challenge; rfc793 believes. [RFC5961:3.2e] */
static void test_profiles_rst_in_the_window(void **state)
{
    static const bool challenges[NAMES] = {true, false, true};
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = established(state, names[i]);
        arrive(f, .flags = TFSM_RST, .seq = 5);
        if (challenges[i]) {
            expect_challenged(f);
        } else {
            expect_gone(f, TFSM_SIG_RESET);
            expect_nothing(f);
        }
    }
}

/* RFC5961:4.2a, RFC5961:4.2c */
static void test_profiles_syn_in_the_window(void **state)
{
    static const bool challenges[NAMES] = {true, false, true};
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = established(state, names[i]);
        arrive(f, .flags = TFSM_SYN, .seq = 5);
        if (challenges[i]) {
            expect_challenged(f);
        } else {
            expect_gone(f, TFSM_SIG_RESET);
            expect_reset_reply(f);
        }
    }
}

/* RFC5961:3.2b, RFC9293:3.10.7.4: a RST that is exact ends a connection under any policy. */
static void test_profiles_rst_exact(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = established(state, names[i]);
        same_rst_exact_ends(f, TFSM_SIG_RESET);
    }
}

/* RFC5961:5.2a: an ACK from long ago, which RFC 793 ignores. [RFC5961:5.2c] */
static void test_profiles_ack_from_long_ago(void **state)
{
    static const bool checks[NAMES] = {true, false, true};
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = established(state, names[i]);
        arrive(f, .flags = TFSM_ACK, .ack = -(int64_t)PEER_WND - 1, .text = 10);
        if (checks[i]) {
            expect_challenged(f);
        } else {
            expect_delivered(f, 10);
        }
    }
}

/* RFC5961:7a: ten in five seconds, the figures that the RFC suggests. */
static void test_profiles_challenges_are_limited(void **state)
{
    static const char *const challenging[] = {"rfc9293", "minimal"};
    for (size_t i = 0; i < 2; i++) {
        struct fixture *f = established(state, challenging[i]);
        struct tfsm_segment s;
        size_t sent = 0;
        for (unsigned n = 0; n < 1000; n++) {
            arrive(f, .flags = TFSM_RST, .seq = 5);
            sent += drain(f, &s, 1);
        }
        assert_in_range(sent, 1, 10);
        f->now += 5 * SECOND;
        arrive(f, .flags = TFSM_RST, .seq = 5);
        expect_challenged(f);
    }
}

/* RFC9293:SHLD-26, RFC5927:5.2: the shield is rfc9293's; what RFC 793 could know has none. */
static void test_profiles_icmp_hard_error(void **state)
{
    static const bool ends[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        struct fixture *f = established(state, names[i]);
        struct tfsm_segment s;
        user_send(f, 10);
        (void)drain(f, &s, 1);
        struct tfsm_event event = {.kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_HARD};
        event.segment.seq = f->tcb.snd_una;
        fixture_done(f, &event);
        if (ends[i]) {
            expect_gone(f, TFSM_SIG_UNREACHABLE);
        } else {
            expect_state(f, TFSM_ESTABLISHED);
            expect_signals(f, TFSM_SIG_SOFT_ERROR);
        }
    }
}

/* RFC9293:MUST-56: no policy lets a soft error end a connection. */
static void test_profiles_icmp_soft_error(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        reach_syn_sent(f);
        struct tfsm_event event = {.kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_SOFT};
        event.segment.seq = f->tcb.snd_una;
        fixture_done(f, &event);
        expect_state(f, TFSM_SYN_SENT);
        expect_signals(f, TFSM_SIG_SOFT_ERROR);
    }
}

/* RFC1337:3: fix F1 is nobody's default: a RST ends TIME-WAIT, as RFC 9293 3.10.7.4 has it; the bit
 * switches it on. */
static void test_profiles_rst_in_time_wait(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        reach_time_wait(f);
        arrive(f, .flags = TFSM_RST);
        expect_state(f, TFSM_CLOSED);
        f = named(state, names[i]);
        f->cfg.profile |= TFSM_RFC1337;
        reach_time_wait(f);
        arrive(f, .flags = TFSM_RST);
        expect_ignored(f);
    }
}

/* ---- sending ---- */

/* RFC9293:SHLD-7: Nagle is on: a second small segment waits for the ACK of the first. */
static void test_profiles_nagle_is_on(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = established(state, names[i]);
        user_send(f, 10);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
        user_send(f, 10);
        user_send(f, 10);
        expect_nothing(f);
        arrive(f, .flags = TFSM_ACK, .ack = 10);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 11, .ack = 1, .len = 20);
    }
}

/* RFC9293:MUST-17: it can be switched off for a connection, before it opens and while text waits.
 */
static void test_profiles_nagle_can_be_switched_off(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        f->cfg.profile |= TFSM_NODELAY;
        reach_established(f);
        for (int64_t n = 0; n < 3; n++) {
            user_send(f, 10);
            (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + 10 * n, .ack = 1, .len = 10);
        }
        f = established(state, names[i]);
        user_send(f, 10);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
        user_send(f, 10);
        expect_nothing(f);
        f->cfg.profile |= TFSM_NODELAY;
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 11, .ack = 1, .len = 10);
    }
}

/* RFC9293:MUST-19, RFC5681:3.1b: "for the network is shared": a wide window of the peer is not
 * filled at once: four segments, as they are of 1095 octets at most. */
static void test_profiles_slow_start(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        struct tfsm_segment s;
        f->peer.wnd = 65535;
        reach_established(f);
        user_send(f, 60000);
        assert_int_equal(drain(f, &s, 1), 4);
    }
}

/* ---- acknowledging ---- */

/* RFC9293:SHLD-18, MUST-40: rfc9293 and rfc793 wait, for less than half a second; minimal does not.
 */
static void test_profiles_delayed_ack(void **state)
{
    static const bool waits[NAMES] = {true, true, false};
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = established(state, names[i]);
        arrive(f, .flags = TFSM_ACK, .text = 10);
        if (waits[i]) {
            expect_nothing(f);
            assert_true(tfsm_deadline(&f->tcb) < f->now + SECOND / 2);
            expire(f);
        }
        expect_ack(f);
    }
}

/* ---- time ---- */

/* The time from the first of something to the end, and the R1 that was seen on the way. */
static tfsm_time time_out(struct fixture *f, unsigned *r1)
{
    struct tfsm_segment s;
    tfsm_time start = f->now;
    unsigned n = 0;
    *r1 = 0;
    while (f->tcb.state != TFSM_CLOSED) {
        expire(f);
        n++;
        if (*r1 == 0 && (f->fx.signals & TFSM_SIG_ADVICE) != 0) {
            *r1 = n;
        }
        (void)drain(f, &s, 1);
    }
    expect_signals(f, TFSM_SIG_TIMED_OUT);
    return f->now - start;
}

/* RFC9293:MUST-23, MUST-22: three minutes or more. RFC9293:SHLD-10: R1 is three retransmissions or
 * more, and comes before R2. */
static void test_profiles_syn_is_tried_for_three_minutes(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        unsigned r1;
        reach_syn_sent(f);
        assert_true(time_out(f, &r1) >= 180 * SECOND);
        assert_in_range(r1, 3, f->cfg.syn_retries);
    }
}

/* RFC9293:SHLD-11: a hundred seconds or more. RFC9293:SHLD-10: R1 is three retransmissions or more,
 * and comes before R2. */
static void test_profiles_text_is_tried_for_a_hundred_seconds(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = established(state, names[i]);
        struct tfsm_segment s;
        unsigned r1;
        user_send(f, 10);
        (void)drain(f, &s, 1);
        assert_true(time_out(f, &r1) >= 100 * SECOND);
        assert_in_range(r1, 3, f->cfg.retries);
    }
}

/* RFC9293:MUST-25, MUST-28: no keep-alive unless asked for, and two hours where it is. */
static void test_profiles_keepalive_is_off(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = established(state, names[i]);
        expect_deadline(f, TFSM_NEVER);
        f = named(state, names[i]);
        f->cfg.keepalive_idle = TFSM_KEEPALIVE_IDLE;
        reach_established(f);
        assert_true(tfsm_deadline(&f->tcb) >= f->now + 7200 * SECOND);
    }
}

/* RFC9293:MUST-29: as they stand, the numbers for keep-alives end nothing before several are
 * unanswered, and not within seconds. */
static void test_profiles_keepalive_is_patient(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        struct tfsm_segment s;
        f->cfg.keepalive_idle = TFSM_KEEPALIVE_IDLE;
        reach_established(f);
        expire(f);
        tfsm_time first = f->now;
        for (unsigned n = 0; n < 3; n++) {
            assert_int_equal(drain(f, &s, 1), 1);
            expire(f);
            expect_state(f, TFSM_ESTABLISHED);
        }
        assert_true(f->now - first >= 3 * SECOND);
    }
}

/* RFC9293:MUST-13, 3.4.2: an MSL of two minutes. */
static void test_profiles_time_wait_is_four_minutes(void **state)
{
    for (size_t i = 0; i < NAMES; i++) {
        struct fixture *f = named(state, names[i]);
        reach_time_wait(f);
        expect_deadline(f, f->now + 240 * SECOND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profiles_unknown_names_are_refused),
        cmocka_unit_test(test_profiles_default_is_rfc9293),
        cmocka_unit_test(test_profiles_options_of_the_syn),
        cmocka_unit_test(test_profiles_user_timeout_option_is_off),
        cmocka_unit_test(test_profiles_flags_of_the_syn),
        cmocka_unit_test(test_profiles_options_of_the_syn_ack_unasked),
        cmocka_unit_test(test_profiles_options_of_the_syn_ack_asked),
        cmocka_unit_test(test_profiles_bare_peer_gets_bare_segments),
        cmocka_unit_test(test_profiles_ipv6_mss_is_announced),
        cmocka_unit_test(test_profiles_ipv6_peer_without_mss_takes_1220),
        cmocka_unit_test(test_profiles_ipv4_peer_without_mss_takes_536),
        cmocka_unit_test(test_profiles_text_makes_room_for_options),
        cmocka_unit_test(test_profiles_rst_in_the_window),
        cmocka_unit_test(test_profiles_syn_in_the_window),
        cmocka_unit_test(test_profiles_rst_exact),
        cmocka_unit_test(test_profiles_ack_from_long_ago),
        cmocka_unit_test(test_profiles_challenges_are_limited),
        cmocka_unit_test(test_profiles_icmp_hard_error),
        cmocka_unit_test(test_profiles_icmp_soft_error),
        cmocka_unit_test(test_profiles_rst_in_time_wait),
        cmocka_unit_test(test_profiles_nagle_is_on),
        cmocka_unit_test(test_profiles_nagle_can_be_switched_off),
        cmocka_unit_test(test_profiles_slow_start),
        cmocka_unit_test(test_profiles_delayed_ack),
        cmocka_unit_test(test_profiles_syn_is_tried_for_three_minutes),
        cmocka_unit_test(test_profiles_text_is_tried_for_a_hundred_seconds),
        cmocka_unit_test(test_profiles_keepalive_is_off),
        cmocka_unit_test(test_profiles_keepalive_is_patient),
        cmocka_unit_test(test_profiles_time_wait_is_four_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
