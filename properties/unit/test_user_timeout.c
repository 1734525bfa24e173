/* The user timeout option (RFC 5482): what is announced and when, what of the peer's is taken, and
 * when a connection that nobody answers is given up. The user's own timeout is
 * tfsm_config.user_timeout: where it is set the peer changes nothing. */
#include "fixture.h"

#define MINUTES   0x8000u /* the granularity bit */
#define MINUTE    (60 * SECOND)
#define L_LIMIT   (100 * SECOND)
#define U_LIMIT   (1000 * SECOND)
#define MANY      255 /* retransmissions, so that only the user timeout ends a connection */
#define UTO_LEN   4u  /* octets of the option */
#define NO_OPTION 0u

/* ---- connections ---- */

static struct fixture *with_uto(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_USER_TIMEOUT;
    f->cfg.user_timeout = 0;
    f->cfg.uto_advertised = 0;
    f->cfg.uto_least = L_LIMIT;
    f->cfg.uto_most = U_LIMIT;
    f->cfg.retries = MANY;
    f->cfg.syn_retries = MANY;
    return f;
}

static void drop_output(struct fixture *f)
{
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
}

/* A segment with the option. */
static void tell_in(struct fixture *f, uint16_t option, struct from_peer what)
{
    struct tfsm_segment s = segment_of(f, what);
    s.options |= TFSM_OPT_USER_TIMEOUT;
    s.user_timeout = option;
    arrive_segment(f, &s);
}

#define tell(f, option, ...) tell_in(HERE(f), (option), (struct from_peer){__VA_ARGS__})

/* The peer told its timeout in an ACK. */
static void reach_told(struct fixture *f, uint16_t option)
{
    reach_established(f);
    tell(f, option, .flags = TFSM_ACK);
    drop_output(f);
}

/* How long text waits for an answer before the connection is given up. */
static tfsm_time patience(struct fixture *f)
{
    tfsm_time start = f->now;
    user_send(f, 10);
    drop_output(f);
    while (f->tcb.state != TFSM_CLOSED) {
        expire(f);
        drop_output(f);
        assert_in_range(f->now - start, 0, 3 * U_LIMIT);
    }
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    return f->now - start;
}

/* The option of the next segment, NO_OPTION if it has none. */
static uint16_t next_option(struct fixture *f)
{
    struct tfsm_segment s;
    assert_true(take(f, &s));
    if ((s.options & TFSM_OPT_USER_TIMEOUT) == 0) {
        return NO_OPTION;
    }
    assert_int_not_equal(s.user_timeout & 0x7fff, 0);
    return s.user_timeout;
}

/* ---- the announcement ---- */

/* RFC5482:3.3c: seconds while 15 bits hold them, then minutes. */
static void test_user_timeout_units(void **state)
{
    static const struct {
        tfsm_time advertised;
        uint16_t least;
        uint16_t most;
    } cases[] = {
        {1 * SECOND, 1, 1},
        {100 * SECOND, 100, 100},
        {3600 * SECOND, 3600, 3600},
        {32767 * SECOND, 32767, 32767},
        {32768 * SECOND, MINUTES | 546, MINUTES | 547}, /* rounded to minutes */
        {600 * MINUTE, MINUTES | 600, MINUTES | 600},
        {10000 * MINUTE, MINUTES | 10000, MINUTES | 10000},
        {32767 * MINUTE, MINUTES | 32767, MINUTES | 32767},
        {40000 * MINUTE, MINUTES | 32767, MINUTES | 32767}, /* the longest there is */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture *f = with_uto(state);
        f->cfg.uto_most = 50000 * MINUTE;
        f->cfg.uto_advertised = cases[i].advertised;
        open_active(f);
        assert_in_range(next_option(f), cases[i].least, cases[i].most);
    }
}

/* RFC5482:3.4a: less than a second is not zero seconds; and no timeout is told as none. */
static void test_user_timeout_zero_is_never_told(void **state)
{
    static const tfsm_time advertised[] = {0, 1, SECOND / 2, SECOND - 1};
    for (size_t i = 0; i < sizeof advertised / sizeof *advertised; i++) {
        struct fixture *f = with_uto(state);
        f->cfg.uto_advertised = advertised[i];
        open_active(f);
        uint16_t option = next_option(f); /* which looks at the 15 bits */
        assert_in_range(option, 0, 1);
        assert_true(advertised[i] != 0 || option == NO_OPTION);
        arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
        option = next_option(f);
        assert_true(advertised[i] != 0 || option == NO_OPTION);
    }
}

/* RFC5482:3b: in the SYN, in the first segment after it, and then no more. */
static void test_user_timeout_is_told_twice(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.uto_advertised = 200 * SECOND;
    open_active(f);
    assert_int_equal(next_option(f), 200);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    assert_int_equal(next_option(f), 200);
    for (int i = 0; i < 5; i++) {
        user_send(f, 10);
        assert_int_equal(next_option(f), NO_OPTION);
        arrive(f, .flags = TFSM_ACK, .ack = 10, .text = 10);
        assert_int_equal(next_option(f), NO_OPTION);
    }
}

/* RFC5482:3b: unasked: it is advice, not an agreement. */
static void test_user_timeout_is_told_by_a_listener(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.uto_advertised = 200 * SECOND;
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN);
    assert_int_equal(next_option(f), 200);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    user_send(f, 10);
    assert_int_equal(next_option(f), 200);
    user_send(f, 10);
    assert_int_equal(next_option(f), NO_OPTION);
}

/* RFC5482:3c: with the next segment, once. */
static void test_user_timeout_new_one_is_told(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.uto_advertised = 200 * SECOND;
    reach_established(f);
    f->cfg.uto_advertised = 300 * SECOND;
    user_send(f, 10);
    assert_int_equal(next_option(f), 300);
    user_send(f, 10);
    assert_int_equal(next_option(f), NO_OPTION);
    f->cfg.uto_advertised = 200 * SECOND;
    arrive(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(next_option(f), 200);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    assert_int_equal(next_option(f), NO_OPTION);
}

/* RFC5482:3c: the first that there is, too. */
static void test_user_timeout_first_one_is_told(void **state)
{
    struct fixture *f = with_uto(state);
    reach_established(f);
    user_send(f, 10);
    assert_int_equal(next_option(f), NO_OPTION);
    f->cfg.uto_advertised = 300 * SECOND;
    user_send(f, 10);
    assert_int_equal(next_option(f), 300);
    user_send(f, 10);
    assert_int_equal(next_option(f), NO_OPTION);
}

/* RFC 5482 3.3: ADV_UTO is told, whatever the peer told before and whatever was adopted. */
static void test_user_timeout_ours_is_told_not_the_peers(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.uto_advertised = 200 * SECOND;
    reach_listen(f);
    tell(f, 300, .flags = TFSM_SYN);
    assert_int_equal(next_option(f), 200);
    tell(f, 400, .flags = TFSM_ACK, .ack = 1);
    user_send(f, 10);
    assert_int_equal(next_option(f), 200);
}

/* RFC5482:3a: what the user set for itself may be told, too. */
static void test_user_timeout_is_told_where_the_user_set_one(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.user_timeout = 150 * SECOND;
    f->cfg.uto_advertised = 150 * SECOND;
    open_active(f);
    assert_int_equal(next_option(f), 150);
}

/* RFC5482:3d: who does not use it does not send it. */
static void test_user_timeout_without_the_profile_is_not_told(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.profile = PROFILE;
    f->cfg.uto_advertised = 200 * SECOND;
    open_active(f);
    assert_int_equal(next_option(f), NO_OPTION);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    assert_int_equal(next_option(f), NO_OPTION);
}

/* RFC9293:MUST-16: the option takes its room from the text of the segment that bears it. */
static void test_user_timeout_takes_room_from_the_text(void **state)
{
    struct fixture *f = with_uto(state);
    reach_established(f);
    f->cfg.uto_advertised = 200 * SECOND;
    user_send(f, 2 * MSS);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = MSS - UTO_LEN);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + MSS - UTO_LEN, .ack = 1, .len = MSS);
}

/* RFC5482:3.3, RFC5482:3.1d, RFC5482:3.2a: what is told is our own timeout, and kept, whether or not it
 * has reached the peer, who says nothing; R2 does not come before it. */
static void test_user_timeout_told_is_kept(void **state)
{
    static const struct {
        tfsm_time advertised;
        tfsm_time want;
    } cases[] = {
        {200 * SECOND, 200 * SECOND},
        {50 * SECOND, L_LIMIT},
        {5000 * SECOND, U_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture *f = with_uto(state);
        f->cfg.retries = RETRIES;
        f->cfg.uto_advertised = cases[i].advertised;
        reach_established(f);
        assert_int_equal(patience(f), cases[i].want);
    }
}

/* RFC5482:3c: one that the user sets is a new one and is told, as it is used; where an ADV_UTO is set,
 * that is told. */
static void test_user_timeout_of_the_user_is_told(void **state)
{
    struct fixture *f = with_uto(state);
    reach_established(f);
    f->cfg.user_timeout = 600 * SECOND;
    user_send(f, 10);
    assert_int_equal(next_option(f), 600);
    user_send(f, 10);
    assert_int_equal(next_option(f), NO_OPTION);
    f->cfg.user_timeout = 1 * SECOND;
    user_send(f, 10);
    assert_int_equal(next_option(f), L_LIMIT / SECOND);
    f->cfg.user_timeout = 5000 * SECOND;
    user_send(f, 10);
    assert_int_equal(next_option(f), U_LIMIT / SECOND);
    f->cfg.uto_advertised = 200 * SECOND;
    user_send(f, 10);
    assert_int_equal(next_option(f), 200);
}

/* RFC5482:3e, RFC5482:3.1f: the user's own keeps within the bounds, too, and R2 does not cut it short;
 * without the option it is as the user says. */
static void test_user_timeout_of_the_user_is_bounded(void **state)
{
    static const struct {
        tfsm_time own;
        tfsm_time want;
    } cases[] = {
        {SECOND / 10, L_LIMIT},
        {150 * SECOND, 150 * SECOND},
        {5000 * SECOND, U_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture *f = with_uto(state);
        f->cfg.retries = RETRIES;
        f->cfg.user_timeout = cases[i].own;
        reach_established(f);
        assert_int_equal(patience(f), cases[i].want);
    }
    struct fixture *f = with_uto(state);
    f->cfg.profile = PROFILE;
    f->cfg.user_timeout = SECOND / 10;
    reach_established(f);
    assert_int_equal(patience(f), SECOND / 10);
    /* RFC5482:3.3: nor is it for an open, which the user may give up as he likes. */
    f = with_uto(state);
    f->cfg.user_timeout = SECOND / 10;
    reach_syn_sent(f);
    after(f, SECOND / 10);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
    f = with_uto(state);
    f->cfg.uto_least = 0;
    f->cfg.user_timeout = SECOND / 10;
    reach_established(f);
    user_send(f, 10);
    drop_output(f);
    expire(f); /* the RTO comes first */
    expect_state(f, TFSM_ESTABLISHED);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
}

/* ---- the peer's ---- */

/* RFC5482:3.1c, RFC5482:3.1d, RFC5482:3e: min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)) */
static void test_user_timeout_formula(void **state)
{
    static const struct {
        tfsm_time advertised;
        uint16_t remote;
        tfsm_time want;
    } cases[] = {
        {200 * SECOND, 300, 300 * SECOND},
        {200 * SECOND, 150, 200 * SECOND},
        {0, 150, 150 * SECOND},
        {0, 60, L_LIMIT},
        {50 * SECOND, 60, L_LIMIT},
        {0, 1, L_LIMIT},
        {0, 100, 100 * SECOND},
        {0, 101, 101 * SECOND},
        {0, 999, 999 * SECOND},
        {0, 1001, U_LIMIT},
        {0, 32767, U_LIMIT},
        {0, MINUTES | 32767, U_LIMIT},
        {5000 * SECOND, 150, U_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture *f = with_uto(state);
        f->cfg.uto_advertised = cases[i].advertised;
        reach_told(f, cases[i].remote);
        assert_int_equal(patience(f), cases[i].want);
    }
}

/* RFC5482:3.3c: the first bit makes minutes of it. */
static void test_user_timeout_minutes(void **state)
{
    struct fixture *f = with_uto(state);
    reach_told(f, MINUTES | 3);
    assert_int_equal(patience(f), 180 * SECOND);
    f = with_uto(state);
    f->cfg.uto_most = 30 * 24 * 60 * MINUTE;
    f->cfg.rto_max = 24 * 60 * MINUTE;
    f->cfg.keepalive_idle = 0;
    reach_told(f, 32767);
    user_send(f, 10);
    drop_output(f);
    after(f, 32767 * SECOND - 1);
    expect_state(f, TFSM_ESTABLISHED);
    after(f, 1);
    expect_state(f, TFSM_CLOSED);
}

/* RFC5482:3.1c: in whatever segment it comes. */
static void test_user_timeout_of_the_handshake_counts(void **state)
{
    struct fixture *f = with_uto(state);
    reach_syn_sent(f);
    tell(f, 300, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    drop_output(f);
    assert_int_equal(patience(f), 300 * SECOND);
    f = with_uto(state);
    reach_listen(f);
    tell(f, 400, .flags = TFSM_SYN);
    drop_output(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    drop_output(f);
    assert_int_equal(patience(f), 400 * SECOND);
}

/* RFC5482:3.1d: REMOTE_UTO is the last that came, shorter or longer. */
static void test_user_timeout_last_one_counts(void **state)
{
    struct fixture *f = with_uto(state);
    reach_told(f, 300);
    tell(f, 500, .flags = TFSM_ACK, .text = 10);
    tell(f, 200, .flags = TFSM_ACK, .text = 10);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    drop_output(f);
    assert_int_equal(f->tcb.uto_peer, 200);
    assert_int_equal(patience(f), 200 * SECOND);
}

/* RFC5482:3.1c: a longer one counts for text that is on its way, too. */
static void test_user_timeout_new_one_counts_at_once(void **state)
{
    struct fixture *f = with_uto(state);
    reach_told(f, 200);
    user_send(f, 10);
    drop_output(f);
    after(f, 150 * SECOND);
    drop_output(f);
    tell(f, 600, .flags = TFSM_ACK);
    drop_output(f);
    after(f, 400 * SECOND);
    expect_state(f, TFSM_ESTABLISHED);
    after(f, 200 * SECOND);
    expect_state(f, TFSM_CLOSED);
}

/* RFC5482:3.1b: the user hears of it. */
static void test_user_timeout_is_signalled(void **state)
{
    struct fixture *f = with_uto(state);
    reach_established(f);
    tell(f, 300, .flags = TFSM_ACK);
    expect_signals(f, TFSM_SIG_USER_TIMEOUT);
    assert_int_equal(f->tcb.uto_peer, 300);
    arrive(f, .flags = TFSM_ACK);
    expect_signals(f, 0);
}

/* RFC5482:3.1b: also where it came with the handshake, at the latest when that is over. */
static void test_user_timeout_of_the_handshake_is_signalled(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.user_timeout = 150 * SECOND;
    reach_syn_sent(f);
    tell(f, 300, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_USER_TIMEOUT);
    assert_int_equal(f->tcb.uto_peer, 300);
    f = with_uto(state);
    f->cfg.user_timeout = 150 * SECOND;
    reach_listen(f);
    tell(f, 300, .flags = TFSM_SYN);
    unsigned signals = f->fx.signals;
    drop_output(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    signals |= f->fx.signals;
    assert_int_equal(signals, TFSM_SIG_CONNECTED | TFSM_SIG_USER_TIMEOUT);
}

/* RFC5482:3a, RFC5482:3.1a, RFC5482:3.1b: what the user set stays, and the user hears of the
 * peer's. */
static void test_user_timeout_set_by_the_user_stays(void **state)
{
    static const uint16_t remote[] = {60, 150, 500, MINUTES | 9};
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++) {
        struct fixture *f = with_uto(state);
        f->cfg.user_timeout = 150 * SECOND;
        f->cfg.uto_advertised = 200 * SECOND;
        reach_established(f);
        tell(f, remote[i], .flags = TFSM_ACK);
        expect_signals(f, TFSM_SIG_USER_TIMEOUT);
        assert_int_equal(f->tcb.uto_peer, remote[i]);
        assert_int_equal(patience(f), 150 * SECOND);
    }
}

/* RFC 9293 3.10.8: the user takes it away while text is out, and sets one later: between the two
 * nothing is left of the time that had passed. */
static void test_user_timeout_taken_away_while_text_is_out(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.user_timeout = 100 * SECOND;
    reach_established(f);
    user_send(f, 20);
    drop_output(f);
    assert_int_equal(f->tcb.at_user, f->now + 100 * SECOND);
    f->cfg.user_timeout = 0;
    f->now += SECOND / 2;
    arrive(f, .flags = TFSM_ACK, .ack = 10);
    assert_int_equal(f->tcb.at_user, 0);
    assert_int_equal(f->tcb.user_from, 0);
    f->cfg.user_timeout = 100 * SECOND;
    f->now += SECOND / 2;
    arrive(f, .flags = TFSM_ACK, .ack = 5);
    assert_int_equal(f->tcb.at_user, f->now + 100 * SECOND);
    assert_int_equal(f->tcb.user_from, f->now);
}

/* RFC5482:3d: no signal, no memory, no difference. */
static void test_user_timeout_without_the_profile_is_ignored(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.profile = PROFILE;
    f->cfg.user_timeout = 50 * SECOND;
    reach_syn_sent(f);
    tell(f, 300, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_signals(f, TFSM_SIG_CONNECTED);
    drop_output(f);
    tell(f, 300, .flags = TFSM_ACK, .text = 10);
    expect_signals(f, 0);
    expect_delivered(f, 10);
    drop_output(f);
    assert_int_equal(f->tcb.uto_peer, 0);
    assert_int_equal(patience(f), 50 * SECOND);
    f = with_uto(state);
    f->cfg.profile = PROFILE;
    f->cfg.retries = RETRIES;
    reach_told(f, 1);
    tfsm_time told = patience(f);
    f = with_uto(state);
    f->cfg.profile = PROFILE;
    f->cfg.retries = RETRIES;
    reach_established(f);
    assert_int_equal(told, patience(f));
}

/* RFC5482:3.4b: zero seconds and zero minutes are reserved: nothing changes. */
static void test_user_timeout_zero_is_ignored(void **state)
{
    static const uint16_t zeros[] = {0, MINUTES};
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        struct fixture *f = with_uto(state);
        reach_told(f, 300);
        tell(f, zeros[i], .flags = TFSM_ACK, .text = 10);
        expect_signals(f, 0);
        expect_delivered(f, 10);
        drop_output(f);
        assert_int_equal(f->tcb.uto_peer, 300);
        assert_int_equal(patience(f), 300 * SECOND);
    }
}

/* RFC5482:3.4b: nor does it begin anything. */
static void test_user_timeout_zero_adopts_nothing(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.retries = RETRIES;
    reach_established(f);
    tfsm_time untold = patience(f);
    f = with_uto(state);
    f->cfg.retries = RETRIES;
    reach_told(f, MINUTES);
    expect_signals(f, 0);
    assert_int_equal(patience(f), untold);
}

/* RFC5482:3.1a: a segment that is refused says nothing. */
static void test_user_timeout_of_a_refused_segment_is_ignored(void **state)
{
    struct fixture *f = with_uto(state);
    reach_told(f, 300);
    tell(f, 500, .flags = TFSM_ACK, .seq = -10, .text = 5);
    expect_challenged(f);
    tell(f, 500, .flags = TFSM_ACK, .ack = 1);
    expect_challenged(f);
    assert_int_equal(patience(f), 300 * SECOND);
}

/* ---- bounds ---- */

/* RFC5482:3.1e, RFC5482:3e: what nobody configured. */
static void test_user_timeout_default_bounds(void **state)
{
    (void)state;
    struct tfsm_config cfg = tfsm_config_default();
    assert_true(cfg.uto_least >= 100 * SECOND);
    assert_true(cfg.uto_most >= cfg.uto_least);
    assert_true(cfg.uto_most < 365 * 24 * 60 * MINUTE);
}

/* RFC5482:3.1f: the lower bound is above the retransmission timeout, which is 6 seconds after a
 * handshake of 2: whatever the bounds say, one retransmission may be answered. */
static void test_user_timeout_is_longer_than_a_retransmission_timeout(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.uto_least = 0;
    f->cfg.rto_initial = 3 * SECOND;
    reach_syn_sent(f);
    f->now += 2 * SECOND;
    tell(f, 1, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    drop_output(f);
    struct tfsm_status_block status;
    assert_int_equal(tfsm_status(&f->tcb, &status), TFSM_DONE);
    assert_in_range(status.rto, 5 * SECOND, 7 * SECOND);
    user_send(f, 10);
    drop_output(f);
    after(f, status.rto);
    expect_state(f, TFSM_ESTABLISHED);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 10);
}

/* RFC5482:3.3a: the timeouts of a handshake are the ordinary ones. */
static void test_user_timeout_does_not_count_in_a_handshake(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.uto_advertised = 100 * SECOND;
    reach_syn_sent(f);
    while (f->now < 1300 * SECOND) {
        expire(f);
        drop_output(f);
        expect_state(f, TFSM_SYN_SENT);
    }
    f = with_uto(state);
    f->cfg.uto_advertised = 100 * SECOND;
    reach_listen(f);
    tell(f, 100, .flags = TFSM_SYN);
    drop_output(f);
    while (f->now < 1300 * SECOND) {
        expire(f);
        drop_output(f);
        expect_state(f, TFSM_SYN_RECEIVED);
    }
}

/* RFC5482:3.3a: and a long one does not prolong them. */
static void test_user_timeout_does_not_prolong_a_handshake(void **state)
{
    tfsm_time ends[2];
    for (int i = 0; i < 2; i++) {
        struct fixture *f = with_uto(state);
        f->cfg.syn_retries = SYN_RETRIES;
        f->cfg.uto_advertised = i == 0 ? 0 : 900 * SECOND;
        reach_syn_sent(f);
        while (f->tcb.state != TFSM_CLOSED) {
            expire(f);
            drop_output(f);
        }
        ends[i] = f->now;
    }
    assert_int_equal(ends[0], ends[1]);
}

/* RFC5482:3.3a: nor do the bounds of the option hold for what a user asks of a handshake. */
static void test_user_timeout_of_a_handshake_has_no_bounds(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.uto_least = 100 * SECOND;
    f->cfg.user_timeout = 10 * SECOND;
    reach_syn_sent(f);
    tfsm_time start = f->now;
    while (f->tcb.state != TFSM_CLOSED) {
        expire(f);
        drop_output(f);
    }
    assert_int_equal(f->now - start, 10 * SECOND);
}

/* RFC5482:3.3a: in all the synchronized states, here while a FIN waits. */
static void test_user_timeout_counts_for_a_fin(void **state)
{
    struct fixture *f = with_uto(state);
    reach_told(f, 200);
    tfsm_time start = f->now;
    user_close(f);
    drop_output(f);
    while (f->tcb.state != TFSM_CLOSED) {
        expire(f);
        drop_output(f);
    }
    assert_int_equal(f->now - start, 200 * SECOND);
    expect_signals(f, TFSM_SIG_TIMED_OUT);
}

/* ---- keep-alives ---- */

static struct fixture *with_keepalive(void **state)
{
    struct fixture *f = with_uto(state);
    f->cfg.keepalive_idle = 120 * SECOND;
    f->cfg.keepalive_every = 10 * SECOND;
    f->cfg.keepalive_tries = 3;
    return f;
}

/* RFC5482:4.2: silence must be longer than the user timeout adopted. */
static void test_user_timeout_keepalive_waits_longer(void **state)
{
    struct fixture *f = with_keepalive(state);
    reach_told(f, 300);
    tfsm_time start = f->now;
    expire(f);
    assert_true(f->now - start > 300 * SECOND);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 0, .ack = 1);
}

/* RFC5482:4.2: where it is shorter the keep-alive comes when it would have. */
static void test_user_timeout_shorter_leaves_the_keepalive_alone(void **state)
{
    struct fixture *f = with_keepalive(state);
    reach_told(f, 60);
    expect_deadline(f, f->now + 120 * SECOND);
}

/* RFC5482:4.2: the user's own timeout is a user timeout, too. */
static void test_user_timeout_keepalive_waits_longer_than_the_users_own(void **state)
{
    struct fixture *f = with_keepalive(state);
    f->cfg.user_timeout = 300 * SECOND;
    reach_told(f, 60);
    assert_true(tfsm_deadline(&f->tcb) > f->now + 300 * SECOND);
}

/* RFC5482:4.2: a longer one that comes later counts from then on. */
static void test_user_timeout_keepalive_follows_a_new_one(void **state)
{
    struct fixture *f = with_keepalive(state);
    reach_told(f, 110);
    f->now += 50 * SECOND;
    tell(f, 500, .flags = TFSM_ACK);
    drop_output(f);
    assert_true(tfsm_deadline(&f->tcb) > f->now + 500 * SECOND);
}

/* RFC5482:4.2: nor where the user set a timeout and does not use the option. */
static void test_user_timeout_without_the_option_does_not_move_the_keepalive(void **state)
{
    struct fixture *f = with_keepalive(state);
    f->cfg.profile = PROFILE;
    f->cfg.user_timeout = 300 * SECOND;
    reach_established(f);
    expect_deadline(f, f->now + 120 * SECOND);
}

/* RFC5482:4.2: without the option nothing of this applies. */
static void test_user_timeout_without_the_profile_leaves_the_keepalive_alone(void **state)
{
    struct fixture *f = with_keepalive(state);
    f->cfg.profile = PROFILE;
    reach_told(f, 300);
    expect_deadline(f, f->now + 120 * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_timeout_units),
        cmocka_unit_test(test_user_timeout_zero_is_never_told),
        cmocka_unit_test(test_user_timeout_is_told_twice),
        cmocka_unit_test(test_user_timeout_is_told_by_a_listener),
        cmocka_unit_test(test_user_timeout_new_one_is_told),
        cmocka_unit_test(test_user_timeout_first_one_is_told),
        cmocka_unit_test(test_user_timeout_ours_is_told_not_the_peers),
        cmocka_unit_test(test_user_timeout_is_told_where_the_user_set_one),
        cmocka_unit_test(test_user_timeout_without_the_profile_is_not_told),
        cmocka_unit_test(test_user_timeout_takes_room_from_the_text),
        cmocka_unit_test(test_user_timeout_told_is_kept),
        cmocka_unit_test(test_user_timeout_of_the_user_is_told),
        cmocka_unit_test(test_user_timeout_of_the_user_is_bounded),
        cmocka_unit_test(test_user_timeout_formula),
        cmocka_unit_test(test_user_timeout_minutes),
        cmocka_unit_test(test_user_timeout_of_the_handshake_counts),
        cmocka_unit_test(test_user_timeout_last_one_counts),
        cmocka_unit_test(test_user_timeout_new_one_counts_at_once),
        cmocka_unit_test(test_user_timeout_is_signalled),
        cmocka_unit_test(test_user_timeout_of_the_handshake_is_signalled),
        cmocka_unit_test(test_user_timeout_set_by_the_user_stays),
        cmocka_unit_test(test_user_timeout_taken_away_while_text_is_out),
        cmocka_unit_test(test_user_timeout_without_the_profile_is_ignored),
        cmocka_unit_test(test_user_timeout_zero_is_ignored),
        cmocka_unit_test(test_user_timeout_zero_adopts_nothing),
        cmocka_unit_test(test_user_timeout_of_a_refused_segment_is_ignored),
        cmocka_unit_test(test_user_timeout_default_bounds),
        cmocka_unit_test(test_user_timeout_is_longer_than_a_retransmission_timeout),
        cmocka_unit_test(test_user_timeout_does_not_count_in_a_handshake),
        cmocka_unit_test(test_user_timeout_does_not_prolong_a_handshake),
        cmocka_unit_test(test_user_timeout_of_a_handshake_has_no_bounds),
        cmocka_unit_test(test_user_timeout_counts_for_a_fin),
        cmocka_unit_test(test_user_timeout_keepalive_waits_longer),
        cmocka_unit_test(test_user_timeout_shorter_leaves_the_keepalive_alone),
        cmocka_unit_test(test_user_timeout_keepalive_waits_longer_than_the_users_own),
        cmocka_unit_test(test_user_timeout_keepalive_follows_a_new_one),
        cmocka_unit_test(test_user_timeout_without_the_option_does_not_move_the_keepalive),
        cmocka_unit_test(test_user_timeout_without_the_profile_leaves_the_keepalive_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
