/* ICMP errors, as the connection sees them (RFC 9293 3.9.2.2, RFC 5927): source quench is nothing,
 * soft errors are told, hard errors end what is not synchronized yet, a smaller path makes smaller
 * segments; and none of them counts unless it quotes something in flight. How a message is read is
 * in test_icmp.c. */
#include "fixture.h"

/* A state, and what to send there so that something is in flight. */
struct place {
    enum tfsm_state state;
    uint32_t send;   /* octets of text */
    uint32_t flight; /* SND.NXT - SND.UNA */
};

static const struct place in_flight_places[] = {
    {TFSM_SYN_SENT, 0, 1},   {TFSM_SYN_RECEIVED, 0, 1},   {TFSM_ESTABLISHED, 100, 100},
    {TFSM_FIN_WAIT_1, 0, 1}, {TFSM_CLOSE_WAIT, 100, 100}, {TFSM_CLOSING, 0, 1},
    {TFSM_LAST_ACK, 0, 1},
};
#define PLACES (sizeof in_flight_places / sizeof in_flight_places[0])

static const uint32_t profiles[] = {PLAIN, PROFILE, PROFILE | TFSM_RFC5927,
                                    PROFILE | TFSM_RFC5927 | TFSM_RFC1337};
#define PROFILES (sizeof profiles / sizeof profiles[0])

static struct fixture *at(void **state, const struct place *place, uint32_t profile)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->cfg.profile = profile;
    reach(f, place->state);
    if (place->send > 0) {
        user_send(f, place->send);
        (void)drain(f, &out, 1);
    }
    assert_int_equal(in_flight(f), place->flight);
    return f;
}

static bool synchronized(enum tfsm_state state)
{
    return state >= TFSM_ESTABLISHED;
}

/* An ICMP error that quotes the segment at SND.UNA + offset. */
static void icmp(struct fixture *f, enum tfsm_icmp what, int64_t offset)
{
    uint32_t una =
        f->tcb.state == TFSM_CLOSED || f->tcb.state == TFSM_LISTEN ? f->iss : f->tcb.snd_una;
    struct tfsm_event event = {.kind = TFSM_EV_ICMP, .icmp = what, .mss = 100};
    event.segment.seq = seq_add(una, (uint32_t)(offset & 0xffffffff));
    fixture_done(f, &event);
}

static void too_big(struct fixture *f, int64_t offset, uint16_t mss)
{
    struct tfsm_event event = {.kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_TOO_BIG, .mss = mss};
    event.segment.seq = seq_add(f->tcb.snd_una, (uint32_t)(offset & 0xffffffff));
    fixture_done(f, &event);
}

/* As if it had never come. */
static void expect_discarded(struct fixture *f)
{
    expect_unchanged(f);
    expect_signals(f, 0);
    expect_nothing(f);
}

/* ---- source quench ---- */

/* RFC9293:MUST-55, RFC5927:6.2: in every state, whatever it quotes. */
static void test_icmp_events_source_quench_is_discarded(void **state)
{
    for (int s = 0; s < TFSM_STATES; s++) {
        for (int64_t offset = -1; offset <= 1; offset++) {
            struct fixture *f = fresh(state);
            reach(f, (enum tfsm_state)s);
            icmp(f, TFSM_ICMP_IGNORE, offset);
            expect_discarded(f);
        }
    }
    for (size_t i = 0; i < PLACES; i++) {
        struct fixture *f = at(state, &in_flight_places[i], PROFILE);
        icmp(f, TFSM_ICMP_IGNORE, 0);
        expect_discarded(f);
    }
}

/* ---- soft errors ---- */

/* RFC9293:MUST-54, MUST-56, SHLD-25, MUST-47: told, and that is all: nothing is sent sooner or
 * later for it. */
static void test_icmp_events_soft_is_told_and_ends_nothing(void **state)
{
    for (size_t i = 0; i < PLACES; i++) {
        for (size_t p = 0; p < PROFILES; p++) {
            struct fixture *f = at(state, &in_flight_places[i], profiles[p]);
            tfsm_time deadline = tfsm_deadline(&f->tcb);
            icmp(f, TFSM_ICMP_SOFT, 0);
            expect_signals(f, TFSM_SIG_SOFT_ERROR);
            expect_state(f, in_flight_places[i].state);
            expect_deadline(f, deadline);
            expect_nothing(f);
        }
    }
}

/* RFC9293:MUST-56: nor do a thousand of them. */
static void test_icmp_events_many_soft_end_nothing(void **state)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct fixture *f = at(state, &in_flight_places[i], PROFILE);
        for (unsigned n = 0; n < 1000; n++) {
            icmp(f, TFSM_ICMP_SOFT, 0);
        }
        expect_state(f, in_flight_places[i].state);
        expect_nothing(f);
    }
}

/* RFC9293:MUST-56: many stacks take a soft error for a hard one while they open; here the open
 * goes on, and comes to its end. */
static void test_icmp_events_soft_does_not_stop_an_open(void **state)
{
    struct fixture *f = in_syn_sent(state);
    icmp(f, TFSM_ICMP_SOFT, 0);
    expect_signals(f, TFSM_SIG_SOFT_ERROR);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
    icmp(f, TFSM_ICMP_SOFT, 0);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_signals(f, TFSM_SIG_CONNECTED);
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC9293:MUST-47: the three conditions that 3.9.1.8 demands to be reported have each a signal of
 * their own. [RFC9293:3.9.1.8a] */
static void test_icmp_events_asynchronous_reports(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->cfg.r1 = 1;
    reach_established(f);
    user_send(f, 10);
    (void)drain(f, &out, 1);
    icmp(f, TFSM_ICMP_SOFT, 0);
    expect_signals(f, TFSM_SIG_SOFT_ERROR);
    expire(f);
    expect_signals(f, TFSM_SIG_ADVICE);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 10, .up = 10);
    expect_signals(f, TFSM_SIG_URGENT);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 10, .up = 10);
    expect_signals(f, TFSM_SIG_URGENT);
}

/* ---- hard errors ---- */

/* RFC9293:SHLD-26: without RFC 5927 they end a connection in any state. */
static void test_icmp_events_hard_ends(void **state)
{
    for (size_t i = 0; i < PLACES; i++) {
        for (size_t p = 0; p < 2; p++) {
            if (in_flight_places[i].state == TFSM_SYN_RECEIVED) {
                continue; /* a listener: below */
            }
            struct fixture *f = at(state, &in_flight_places[i], profiles[p]);
            icmp(f, TFSM_ICMP_HARD, 0);
            expect_gone(f, TFSM_SIG_UNREACHABLE);
        }
    }
}

/* RFC5927:5.2: in the synchronized states hard errors are soft errors; before, they end the
 * attempt. */
static void test_icmp_events_hard_is_soft_once_synchronized(void **state)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct fixture *f = at(state, &in_flight_places[i], PROFILE | TFSM_RFC5927);
        tfsm_time deadline = tfsm_deadline(&f->tcb);
        icmp(f, TFSM_ICMP_HARD, 0);
        if (synchronized(in_flight_places[i].state)) {
            expect_signals(f, TFSM_SIG_SOFT_ERROR);
            expect_state(f, in_flight_places[i].state);
            expect_deadline(f, deadline);
            expect_nothing(f);
        } else if (in_flight_places[i].state == TFSM_SYN_SENT) {
            expect_gone(f, TFSM_SIG_UNREACHABLE);
        } else {
            expect_state(f, TFSM_LISTEN);
        }
    }
}

/* RFC9293:SHLD-26, 3.8.3: a closed port ends an open, when both ends opened, too. */
static void test_icmp_events_hard_ends_a_simultaneous_open(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = fresh(state);
        f->cfg.profile = profiles[p];
        reach_syn_received_active(f);
        icmp(f, TFSM_ICMP_HARD, 0);
        expect_gone(f, TFSM_SIG_UNREACHABLE);
    }
}

/* RFC9293:MUST-11: a listener whose SYN-ACK cannot arrive listens on, as after a RST, and the
 * user is not told. */
static void test_icmp_events_hard_returns_to_listen(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = fresh(state);
        f->cfg.profile = profiles[p];
        reach_listen(f);
        struct tfsm_tcb listener = f->tcb;
        arrive(f, .flags = TFSM_SYN);
        (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
        icmp(f, TFSM_ICMP_HARD, 0);
        expect_state(f, TFSM_LISTEN);
        assert_int_equal(f->fx.signals & TFSM_SIG_ENDS, 0);
        assert_memory_equal(&f->tcb, &listener, sizeof listener);
        expect_nothing(f);
    }
}

/* RFC9293:SHLD-26: but a user who has queued text or closed already has to hear that nothing comes
 * of it. */
static void test_icmp_events_hard_ends_what_the_user_used(void **state)
{
    for (int close = 0; close <= 1; close++) {
        struct fixture *f = in_syn_received(state);
        user_send(f, 10);
        if (close) {
            user_close(f);
        }
        icmp(f, TFSM_ICMP_HARD, 0);
        expect_gone(f, TFSM_SIG_UNREACHABLE);
    }
}

/* RFC9293:SHLD-26: the queued text goes with the attempt, and the user may try again. */
static void test_icmp_events_hard_leaves_nothing_behind(void **state)
{
    struct fixture *f = in_syn_sent(state);
    user_send(f, 1000);
    icmp(f, TFSM_ICMP_HARD, 0);
    expect_gone(f, TFSM_SIG_UNREACHABLE);
    expect_nothing(f);
    icmp(f, TFSM_ICMP_HARD, 0);
    expect_discarded(f);
    reach_established(f);
}

/* ---- what is quoted ---- */

static const enum tfsm_icmp errors[] = {TFSM_ICMP_SOFT, TFSM_ICMP_HARD, TFSM_ICMP_TOO_BIG};

/* RFC9293:MUST-54, RFC9293:SHLD-25: SND.NXT is where an ACK alone stands, and what befalls that is for
 * this connection: the user hears of it, where no error ends anything; else it is discarded. */
static void expect_told_or_discarded(struct fixture *f, enum tfsm_icmp error, bool at_nxt)
{
    bool harmless = error == TFSM_ICMP_SOFT ||
                    (error == TFSM_ICMP_HARD && (f->cfg.profile & TFSM_RFC5927) != 0);
    expect_unchanged(f);
    expect_signals(f, at_nxt && harmless && synchronized((enum tfsm_state)f->tcb.state)
                          ? TFSM_SIG_SOFT_ERROR
                          : 0u);
    expect_nothing(f);
}

/* RFC5927:4.1, RFC8201:4a: SND.UNA =< SEG.SEQ < SND.NXT, else it is discarded. */
static void test_icmp_events_outside_the_flight_are_discarded(void **state)
{
    for (size_t i = 0; i < PLACES; i++) {
        int64_t flight = in_flight_places[i].flight;
        const int64_t outside[] = {
            -1, -2, flight, flight + 1, INT32_MAX, INT32_MIN, flight + INT32_MAX, -1000};
        for (size_t p = 0; p < PROFILES; p++) {
            struct fixture *f = at(state, &in_flight_places[i], profiles[p]);
            for (size_t e = 0; e < 3; e++) {
                for (size_t o = 0; o < sizeof outside / sizeof outside[0]; o++) {
                    icmp(f, errors[e], outside[o]);
                    expect_told_or_discarded(f, errors[e], outside[o] == flight);
                }
            }
        }
    }
}

/* RFC5927:4.1: the first number and the last that are in flight count. */
static void test_icmp_events_edges_of_the_flight_count(void **state)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct fixture *f = at(state, &in_flight_places[i], PROFILE);
        icmp(f, TFSM_ICMP_SOFT, 0);
        expect_signals(f, TFSM_SIG_SOFT_ERROR);
        icmp(f, TFSM_ICMP_SOFT, (int64_t)in_flight_places[i].flight - 1);
        expect_signals(f, TFSM_SIG_SOFT_ERROR);
    }
}

/* RFC5927:4.1, where the numbers come round to 0 amid the flight. */
static void test_icmp_events_flight_across_the_wrap(void **state)
{
    struct fixture *f = fresh(state);
    f->iss = UINT32_MAX - 50;
    reach_established(f);
    user_send(f, 100);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
    for (int64_t offset = -3; offset < 103; offset++) {
        icmp(f, TFSM_ICMP_SOFT, offset);
        expect_signals(f, offset >= 0 && offset <= 100 ? TFSM_SIG_SOFT_ERROR : 0u);
    }
}

/* RFC5927:4.1: with nothing in flight there is nothing a forger could quote that does any harm. */
static void test_icmp_events_nothing_in_flight_nothing_counts(void **state)
{
    static const enum tfsm_state idle[] = {TFSM_ESTABLISHED, TFSM_FIN_WAIT_2, TFSM_CLOSE_WAIT,
                                           TFSM_TIME_WAIT};
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
        for (size_t p = 0; p < PROFILES; p++) {
            struct fixture *f = fresh(state);
            f->cfg.profile = profiles[p];
            reach(f, idle[i]);
            for (size_t e = 0; e < 3; e++) {
                for (int64_t offset = -2; offset <= 2; offset++) {
                    icmp(f, errors[e], offset);
                    expect_told_or_discarded(f, errors[e], offset == 0);
                }
            }
        }
    }
}

/* RFC9293:MUST-54, RFC9293:SHLD-25: of a keep-alive, one before SND.NXT, while it is not answered. */
static void test_icmp_events_keepalive_is_told(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = fresh(state);
        struct tfsm_segment out;
        f->cfg.profile = profiles[p];
        f->cfg.keepalive_idle = 100 * SECOND;
        f->cfg.keepalive_every = 10 * SECOND;
        reach_established(f);
        icmp(f, TFSM_ICMP_SOFT, -1);
        expect_discarded(f);
        expire(f);
        (void)drain(f, &out, 1);
        for (size_t e = 0; e < 3; e++) {
            icmp(f, errors[e], -1);
            expect_told_or_discarded(f, errors[e], true);
            icmp(f, errors[e], -2);
            expect_discarded(f);
        }
        arrive(f, .flags = TFSM_ACK);
        icmp(f, TFSM_ICMP_SOFT, -1);
        expect_discarded(f);
    }
}

/* RFC9293:MUST-54: it belongs to the connection that caused it: where there is none, nothing did.
 * */
static void test_icmp_events_without_a_connection_are_discarded(void **state)
{
    for (int s = TFSM_CLOSED; s <= TFSM_LISTEN; s++) {
        struct fixture *f = fresh(state);
        reach(f, (enum tfsm_state)s);
        for (size_t e = 0; e < 3; e++) {
            for (int64_t offset = -2; offset <= 2; offset++) {
                icmp(f, errors[e], offset);
                expect_discarded(f);
            }
        }
        struct tfsm_event zero = {.kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_HARD};
        fixture_done(f, &zero);
        expect_discarded(f);
    }
}

/* RFC5927:4.1: text that is queued and not sent is not in flight. */
static void test_icmp_events_unsent_text_is_not_in_flight(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->peer.wnd = 50;
    f->cfg.profile = PROFILE;
    reach_established(f);
    user_send(f, 50);
    (void)drain(f, &out, 1);
    user_send(f, 50);
    expect_nothing(f);
    icmp(f, TFSM_ICMP_HARD, 50);
    expect_discarded(f);
}

/* ---- too big ---- */

/* Three segments of 1000 in flight, nothing acknowledged before. */
static struct fixture *with_three(void **state, uint32_t profile)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->cfg.profile = profile;
    reach_established(f);
    user_send(f, 3000);
    assert_int_equal(drain(f, &out, 1), 3);
    return f;
}

/* Drain; all text in segments of at most this many octets. */
static size_t expect_text_at_most(struct fixture *f, uint32_t most)
{
    struct tfsm_segment out[64];
    size_t n = drain(f, out, 64);
    assert_in_range(n, 0, 64);
    for (size_t i = 0; i < n; i++) {
        assert_in_range(out[i].len, 0, most);
    }
    return n;
}

/* RFC9293:3.7.2, RFC9293:MUST-16: no text got through at the old size, so that the message is
 * believed: what it quotes goes out again at once, in segments that fit, and so does the rest.
 * [RFC9293:3.7.2a, RFC5927:7.2d, RFC8201:4d, RFC8201:4e, RFC8201:4f] */
static void test_icmp_events_too_big_makes_smaller_segments(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = with_three(state, profiles[p]);
        too_big(f, 0, 500);
        assert_int_equal(f->fx.signals & TFSM_SIG_ENDS, 0);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 500);
        (void)expect_text_at_most(f, 500);
        arrive(f, .flags = TFSM_ACK, .ack = 3000);
        user_send(f, 3000);
        assert_int_equal(expect_text_at_most(f, 500), 6);
    }
}

/* RFC5927:7.3.1: a second, narrower link further on. */
static void test_icmp_events_too_big_twice(void **state)
{
    struct fixture *f = with_three(state, PROFILE | TFSM_RFC5927);
    too_big(f, 0, 500);
    (void)expect_text_at_most(f, 500);
    too_big(f, 0, 300);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 300);
    (void)expect_text_at_most(f, 300);
}

/* RFC5927:7.2a, RFC5927:7.2e: nothing of the new size was sent yet, so that nobody can find it too big. */
static void test_icmp_events_too_big_before_the_new_size_was_sent(void **state)
{
    struct fixture *f = with_three(state, PROFILE | TFSM_RFC5927);
    too_big(f, 0, 500);
    too_big(f, 0, 300);
    expect_unchanged(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 500);
    too_big(f, 0, 300);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 300);
}

/* RFC9293:SHLD-26 does not hold for it where the path MTU is discovered (RFC 5927 5.2). No state
 * ends by it. */
static void test_icmp_events_too_big_ends_nothing(void **state)
{
    static const uint16_t sizes[] = {0, 1, 28, 100, 999, 1000, 65535};
    for (size_t i = 0; i < PLACES; i++) {
        for (size_t p = 0; p < PROFILES; p++) {
            for (size_t m = 0; m < sizeof sizes / sizeof sizes[0]; m++) {
                struct fixture *f = at(state, &in_flight_places[i], profiles[p]);
                struct tfsm_segment out;
                too_big(f, 0, sizes[m]);
                expect_state(f, in_flight_places[i].state);
                assert_int_equal(f->fx.signals & TFSM_SIG_ENDS, 0);
                (void)drain(f, &out, 1);
            }
        }
    }
}

/* RFC5927:7.2a, RFC8201:4k, RFC8201:5.2e: whoever speaks of a larger packet than any we sent lies: no segment ever grows by
 * it. */
static void test_icmp_events_too_big_not_smaller_is_discarded(void **state)
{
    static const uint16_t sizes[] = {1000, 1001, 1460, 9000, 65535};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fixture *f = with_three(state, PROFILE | TFSM_RFC5927);
        too_big(f, 0, sizes[i]);
        expect_discarded(f);
    }
}

/* RFC5927:7.2a: nothing of more than 200 octets was sent: a path that takes 600 took that. */
static void test_icmp_events_too_big_beyond_what_was_sent_is_discarded(void **state)
{
    static const uint16_t sizes[] = {201, 600, 999};
    for (size_t i = 0; i < 3; i++) {
        struct fixture *f = fresh(state);
        f->cfg.profile = PROFILE | TFSM_RFC5927;
        reach_established(f);
        user_send(f, 200);
        (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 200);
        too_big(f, 0, sizes[i]);
        expect_discarded(f);
    }
}

/* RFC5927:7.2a: a SYN bears no text at all, nor does a FIN alone. */
static void test_icmp_events_too_big_of_a_segment_without_text_is_discarded(void **state)
{
    static const enum tfsm_state bare[] = {TFSM_SYN_SENT, TFSM_SYN_RECEIVED, TFSM_FIN_WAIT_1,
                                           TFSM_CLOSING, TFSM_LAST_ACK};
    for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++) {
        struct fixture *f = fresh(state);
        f->cfg.profile = PROFILE | TFSM_RFC5927;
        reach(f, bare[i]);
        too_big(f, 0, 500);
        expect_discarded(f);
    }
}

/* Segments of 1000 got through, and one more is in flight. */
static struct fixture *with_proven_path(void **state)
{
    struct fixture *f = with_three(state, PROFILE | TFSM_RFC5927);
    arrive(f, .flags = TFSM_ACK, .ack = 3000);
    user_send(f, 1000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 3001, .ack = 1, .len = MSS);
    return f;
}

/* RFC5927:7.2b: it claims less than what got through: it is kept in mind, and what is sent
 * meanwhile is as large as before. */
static void test_icmp_events_too_big_below_what_got_through_waits(void **state)
{
    struct fixture *f = with_proven_path(state);
    too_big(f, 0, 500);
    expect_nothing(f);
    user_send(f, 1000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 4001, .ack = 1, .len = MSS);
}

/* RFC5927:7.2b: it counts when the segment times out. */
static void test_icmp_events_too_big_counts_when_the_segment_times_out(void **state)
{
    struct fixture *f = with_proven_path(state);
    too_big(f, 0, 500);
    expect_nothing(f);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 3001, .ack = 1, .len = 500);
    (void)expect_text_at_most(f, 500);
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    user_send(f, 1000);
    assert_int_equal(expect_text_at_most(f, 500), 2);
}

/* RFC5927:7.2c: when the segment quoted is acknowledged it is forgotten: there is progress, so
 * that it was a lie. */
static void test_icmp_events_too_big_is_forgotten_with_progress(void **state)
{
    struct fixture *f = with_proven_path(state);
    too_big(f, 0, 500);
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    user_send(f, 1000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 4001, .ack = 1, .len = MSS);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 4001, .ack = 1, .len = MSS);
}

/* RFC5927:7.2c: that, and nothing less: with two segments in flight the ACK of the first says
 * nothing of the second, which the message quotes. */
static void test_icmp_events_too_big_outlives_the_ack_of_another_segment(void **state)
{
    struct fixture *f = with_proven_path(state);
    user_send(f, 1000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 4001, .ack = 1, .len = MSS);
    too_big(f, 1000, 500);
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    expect_nothing(f);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 4001, .ack = 1, .len = 500);
}

/* RFC5927:7.2b: once it counted it is the size that got through: a narrower claim waits again. */
static void test_icmp_events_too_big_narrower_still_waits_again(void **state)
{
    struct fixture *f = with_proven_path(state);
    too_big(f, 0, 500);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 3001, .ack = 1, .len = 500);
    (void)expect_text_at_most(f, 500);
    too_big(f, 0, 300);
    expect_nothing(f);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 3001, .ack = 1, .len = 300);
}

/* Without RFC 5927 a message is believed, whatever got through before. */
static void test_icmp_events_too_big_without_5927_counts_at_once(void **state)
{
    struct fixture *f = with_three(state, PROFILE);
    arrive(f, .flags = TFSM_ACK, .ack = 3000);
    user_send(f, 1000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 3001, .ack = 1, .len = MSS);
    too_big(f, 0, 500);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 3001, .ack = 1, .len = 500);
}

/* RFC5927:7.1: an attacker's tiny MTU does not make tiny segments: there is a floor. 0 is a router
 * that does not tell. */
static void test_icmp_events_too_big_has_a_floor(void **state)
{
    static const uint16_t sizes[] = {0, 1, 28, 63};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fixture *f = with_three(state, PROFILE);
        struct tfsm_segment out;
        too_big(f, 0, sizes[i]);
        assert_in_range(f->tcb.snd_mss, f->cfg.mss_floor, MSS);
        (void)drain(f, &out, 1);
        arrive(f, .flags = TFSM_ACK, .ack = 3000);
        user_send(f, 3000);
        assert_true(take(f, &out));
        assert_in_range(out.len, f->cfg.mss_floor, MSS);
    }
}

/* RFC9293:MUST-14: the path of our segments says nothing of what we can receive. */
static void test_icmp_events_too_big_does_not_change_the_mss_announced(void **state)
{
    struct fixture *f = in_syn_received(state);
    too_big(f, 0, 500);
    struct tfsm_segment out;
    (void)drain(f, &out, 1);
    expire(f);
    out = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(out.mss, MSS);
}

/* ---- the MSS of an interface ---- */

/* RFC9293:SHLD-6, MUST-67: of the MTUs in use the smallest makes the MSS that is announced, and
 * that our own segments keep to. */
static void test_icmp_events_smallest_mtu_makes_the_mss(void **state)
{
    static const uint32_t mtus[] = {1500, 9000, 576, 1492};
    uint32_t least = UINT32_MAX;
    for (size_t i = 0; i < 4; i++) {
        least = mtus[i] < least ? mtus[i] : least;
    }
    struct fixture *f = fresh(state);
    f->cfg.mss = tfsm_mss(least, 4);
    open_active(f);
    struct tfsm_segment out = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(out.mss, 576 - 40);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_ack(f);
    user_send(f, 3000);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 576 - 40);
    (void)expect_text_at_most(f, 576 - 40);
}

/* RFC9293:SHLD-6, MUST-67, 3.7.1: the MTU without the fixed headers, at any MTU: no more than the
 * length fields of IPv4 (with its header) and IPv6 (without) can say. */
static void test_icmp_events_mss_of_an_mtu(void **state)
{
    (void)state;
    for (uint32_t mtu = 0; mtu < 70000; mtu++) {
        uint32_t four = mtu < 65535 ? mtu : 65535;
        uint32_t six = mtu < 65535 + 40 ? mtu : 65535 + 40;
        assert_int_equal(tfsm_mss(mtu, 4), four > 40 ? four - 40 : 1);
        assert_int_equal(tfsm_mss(mtu, 6), six > 60 ? six - 60 : 1);
    }
    assert_int_equal(tfsm_mss(UINT32_MAX, 4), 65535 - 40);
    assert_int_equal(tfsm_mss(UINT32_MAX, 6), 65535 - 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_icmp_events_source_quench_is_discarded),
        cmocka_unit_test(test_icmp_events_soft_is_told_and_ends_nothing),
        cmocka_unit_test(test_icmp_events_many_soft_end_nothing),
        cmocka_unit_test(test_icmp_events_soft_does_not_stop_an_open),
        cmocka_unit_test(test_icmp_events_asynchronous_reports),
        cmocka_unit_test(test_icmp_events_hard_ends),
        cmocka_unit_test(test_icmp_events_hard_is_soft_once_synchronized),
        cmocka_unit_test(test_icmp_events_hard_ends_a_simultaneous_open),
        cmocka_unit_test(test_icmp_events_hard_returns_to_listen),
        cmocka_unit_test(test_icmp_events_hard_leaves_nothing_behind),
        cmocka_unit_test(test_icmp_events_outside_the_flight_are_discarded),
        cmocka_unit_test(test_icmp_events_edges_of_the_flight_count),
        cmocka_unit_test(test_icmp_events_flight_across_the_wrap),
        cmocka_unit_test(test_icmp_events_nothing_in_flight_nothing_counts),
        cmocka_unit_test(test_icmp_events_keepalive_is_told),
        cmocka_unit_test(test_icmp_events_without_a_connection_are_discarded),
        cmocka_unit_test(test_icmp_events_unsent_text_is_not_in_flight),
        cmocka_unit_test(test_icmp_events_too_big_makes_smaller_segments),
        cmocka_unit_test(test_icmp_events_too_big_twice),
        cmocka_unit_test(test_icmp_events_too_big_before_the_new_size_was_sent),
        cmocka_unit_test(test_icmp_events_too_big_ends_nothing),
        cmocka_unit_test(test_icmp_events_too_big_not_smaller_is_discarded),
        cmocka_unit_test(test_icmp_events_too_big_beyond_what_was_sent_is_discarded),
        cmocka_unit_test(test_icmp_events_too_big_of_a_segment_without_text_is_discarded),
        cmocka_unit_test(test_icmp_events_too_big_below_what_got_through_waits),
        cmocka_unit_test(test_icmp_events_too_big_counts_when_the_segment_times_out),
        cmocka_unit_test(test_icmp_events_too_big_is_forgotten_with_progress),
        cmocka_unit_test(test_icmp_events_too_big_has_a_floor),
        cmocka_unit_test(test_icmp_events_too_big_does_not_change_the_mss_announced),
        cmocka_unit_test(test_icmp_events_smallest_mtu_makes_the_mss),
        cmocka_unit_test(test_icmp_events_mss_of_an_mtu),
        cmocka_unit_test(test_icmp_events_too_big_outlives_the_ack_of_another_segment),
        cmocka_unit_test(test_icmp_events_too_big_narrower_still_waits_again),
        cmocka_unit_test(test_icmp_events_too_big_without_5927_counts_at_once),
        cmocka_unit_test(test_icmp_events_hard_ends_what_the_user_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
