/* Fast Open, the client's side (RFC 7413): when a SYN asks for a cookie or bears one and text, what
 * happens to that text, and what the embedder is told to keep. */
#include "fixture.h"

#define COOKIE  8u    /* octets */
#define ROOM    600u  /* the MSS kept with the cookie */
#define QUEUED  2000u /* octets of text there are */
#define DEFAULT 536u  /* what is taken of a server whose MSS is not known */

/* ---- SYNs with text ---- */

static void drop_output(struct fixture *f)
{
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
}

static void open_fast(struct fixture *f, uint8_t cookie_len, uint16_t mss)
{
    fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_OPEN,
                                               .active = true,
                                               .remote = true,
                                               .fast_open = true,
                                               .cookie_len = cookie_len,
                                               .mss = mss});
}

/* The SYN, past the watch of the fixture, which knows no text in a SYN. */
static struct tfsm_segment take_syn(struct fixture *f)
{
    struct tfsm_segment s;
    assert_true(tfsm_output(&f->tcb, &f->cfg, f->now, &s));
    assert_int_equal(tfsm_check(&f->tcb), TFSM_OK);
    assert_int_equal(s.flags & (TFSM_SYN | TFSM_ACK | TFSM_FIN | TFSM_RST), TFSM_SYN);
    assert_int_equal(s.seq, f->iss);
    assert_in_range(s.len, 1, f->cfg.mss + 1);
    assert_true(s.len == 1 || s.text_offset == 0);
    f->sent = seq_add(s.seq, s.len);
    f->sent_any = true;
    assert_int_equal(f->tcb.snd_nxt, f->sent);
    return s;
}

static uint32_t option_octets(const struct tfsm_segment *s)
{
    uint32_t n = 0;
    n += (s->options & TFSM_OPT_MSS) != 0 ? 4 : 0;
    n += (s->options & TFSM_OPT_WSCALE) != 0 ? 3 : 0;
    n += (s->options & TFSM_OPT_TIMESTAMPS) != 0 ? 10 : 0;
    n += (s->options & TFSM_OPT_SACK_PERMITTED) != 0 ? 2 : 0;
    n += (s->options & TFSM_OPT_USER_TIMEOUT) != 0 ? 4 : 0;
    n += (s->options & TFSM_OPT_FAST_OPEN) != 0 ? 2u + s->cookie_len : 0;
    return (n + 3) / 4 * 4;
}

/* SYN-SENT with a cookie and this much text in the SYN, of `queued`; returns how much. */
static uint32_t reach_fast(struct fixture *f, uint32_t queued)
{
    open_fast(f, COOKIE, ROOM);
    user_send(f, queued);
    struct tfsm_segment s = take_syn(f);
    assert_int_equal(s.cookie_len, COOKIE);
    assert_true(s.len > 1);
    expect_nothing(f);
    return s.len - 1;
}

static void syn_ack(struct fixture *f, int64_t ack)
{
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = ack);
    expect_state(f, TFSM_ESTABLISHED);
}

/* A SYN,ACK with this cookie. */
static void syn_ack_cookie(struct fixture *f, int64_t ack, uint8_t cookie_len)
{
    struct tfsm_segment s =
        segment_of(f, (struct from_peer){.flags = TFSM_SYN | TFSM_ACK, .ack = ack});
    s.options |= TFSM_OPT_FAST_OPEN;
    s.cookie_len = cookie_len;
    arrive_segment(f, &s);
}

/* ---- without being asked ---- */

/* RFC7413:2, RFC7413:4.2.2a: text that is queued before the SYN goes waits for the handshake. */
static void test_fast_open_unasked_is_not_used(void **state)
{
    struct fixture *f = fresh(state);
    fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_OPEN,
                                               .active = true,
                                               .remote = true,
                                               .cookie_len = COOKIE,
                                               .mss = ROOM});
    user_send(f, QUEUED);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS);
    expect_nothing(f);
}

/* RFC7413:2: the default policies do not ask either. */
static void test_fast_open_is_no_policy(void **state)
{
    static const char *const names[] = {"rfc9293", "rfc793", "minimal"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct fixture *f = fresh(state);
        assert_true(tfsm_config_named(names[i], &f->cfg));
        open_active(f);
        user_send(f, QUEUED);
        struct tfsm_segment s = take_syn(f);
        assert_int_equal(s.options & TFSM_OPT_FAST_OPEN, 0);
        assert_int_equal(s.len, 1);
    }
}

/* ---- the request ---- */

/* RFC7413:4.2.1a, RFC7413:4.2.2a: an empty option, and no text however much there is. */
static void test_fast_open_request_is_an_empty_option(void **state)
{
    struct fixture *f = fresh(state);
    open_fast(f, 0, ROOM);
    user_send(f, QUEUED);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS | TFSM_OPT_FAST_OPEN);
    assert_int_equal(s.cookie_len, 0);
    expect_nothing(f);
}

/* RFC7413:4.2.1b */
static void test_fast_open_request_is_not_repeated(void **state)
{
    struct fixture *f = fresh(state);
    open_fast(f, 0, 0);
    drop_output(f);
    for (unsigned i = 0; i < SYN_RETRIES; i++) {
        expire(f);
        struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
        assert_int_equal(s.options, TFSM_OPT_MSS);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* RFC7413:4.1.3a, RFC7413:4.1.3b: the user is told that there is one to keep. */
static void test_fast_open_answer_is_told(void **state)
{
    struct fixture *f = fresh(state);
    open_fast(f, 0, 0);
    drop_output(f);
    syn_ack_cookie(f, 1, COOKIE);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_COOKIE);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1);
    assert_int_equal(s.options, 0);
}

/* RFC7413:4.2.1d: that there is none is news, too: the one kept may be worth nothing. */
static void test_fast_open_answer_without_a_cookie_is_told(void **state)
{
    struct fixture *f = fresh(state);
    open_fast(f, 0, 0);
    drop_output(f);
    syn_ack(f, 1);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_COOKIE);
}

/* RFC7413:4.1.3a: also after the SYN had to be sent again. */
static void test_fast_open_answer_to_the_first_syn_is_told_late(void **state)
{
    struct fixture *f = fresh(state);
    open_fast(f, 0, 0);
    drop_output(f);
    expire(f);
    drop_output(f);
    syn_ack_cookie(f, 1, COOKIE);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_COOKIE);
}

/* RFC7413:4.1.3a: and where one was sent: the server has a new one. */
static void test_fast_open_new_cookie_is_told(void **state)
{
    struct fixture *f = fresh(state);
    uint32_t text = reach_fast(f, QUEUED);
    syn_ack_cookie(f, 1 + (int64_t)text, 16);
    expect_signals(f, TFSM_SIG_CONNECTED | TFSM_SIG_COOKIE);
}

/* RFC7413:4.1.1b: the option means nothing without SYN, nor in a segment that is refused. */
static void test_fast_open_cookie_without_syn_is_ignored(void **state)
{
    struct fixture *f = fresh(state);
    open_fast(f, 0, 0);
    drop_output(f);
    syn_ack(f, 1);
    drop_output(f);
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_ACK, .text = 10});
    s.options |= TFSM_OPT_FAST_OPEN;
    s.cookie_len = COOKIE;
    arrive_segment(f, &s);
    expect_signals(f, 0);
    expect_delivered(f, 10);
    expect_ack(f);
}

/* RFC7413:4.1.1b */
static void test_fast_open_cookie_in_a_refused_segment_is_not_told(void **state)
{
    struct fixture *f = fresh(state);
    open_fast(f, 0, 0);
    drop_output(f);
    syn_ack_cookie(f, 2, COOKIE);
    expect_signals(f, 0);
    expect_state(f, TFSM_SYN_SENT);
    expect_reset_reply(f);
}

/* A cookie that nobody asked for. */
static void test_fast_open_cookie_unasked_changes_nothing(void **state)
{
    struct fixture *f = fresh(state);
    reach_syn_sent(f);
    syn_ack_cookie(f, 1, COOKIE);
    expect_state(f, TFSM_ESTABLISHED);
    expect_signals(f, TFSM_SIG_CONNECTED);
}

/* ---- the cookie and the text ---- */

/* RFC7413:4.2.2a, RFC7413:4.2.2c: text and options within the MSS kept. */
static void test_fast_open_syn_bears_cookie_and_text(void **state)
{
    struct fixture *f = fresh(state);
    open_fast(f, COOKIE, ROOM);
    user_send(f, QUEUED);
    struct tfsm_segment s = take_syn(f);
    assert_int_equal(s.options, TFSM_OPT_MSS | TFSM_OPT_FAST_OPEN);
    assert_int_equal(s.cookie_len, COOKIE);
    assert_int_equal(s.len - 1, ROOM - option_octets(&s));
    expect_nothing(f);
}

static void test_fast_open_syn_bears_all_there_is(void **state)
{
    struct fixture *f = fresh(state);
    assert_int_equal(reach_fast(f, 33), 33);
}

/* A cookie and nothing to send: it is kept alive that way. */
static void test_fast_open_syn_without_text_bears_the_cookie(void **state)
{
    struct fixture *f = fresh(state);
    open_fast(f, COOKIE, ROOM);
    struct tfsm_segment s = take_syn(f);
    assert_int_equal(s.options, TFSM_OPT_MSS | TFSM_OPT_FAST_OPEN);
    assert_int_equal(s.len, 1);
    user_send(f, 100);
    expect_nothing(f);
    syn_ack(f, 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = 100);
}

/* RFC7413:4.2.2c */
static void test_fast_open_text_without_a_known_mss_is_the_default(void **state)
{
    struct fixture *f = fresh(state);
    open_fast(f, COOKIE, 0);
    user_send(f, QUEUED);
    struct tfsm_segment s = take_syn(f);
    assert_int_equal(s.len - 1, DEFAULT - option_octets(&s));
    f = fresh(state);
    f->cfg.mss_default = 700;
    open_fast(f, COOKIE, 0);
    user_send(f, QUEUED);
    s = take_syn(f);
    assert_int_equal(s.len - 1, 700 - option_octets(&s));
}

/* RFC7413:4.2.2c, RFC9293:MUST-16: nor more than our own path takes. */
static void test_fast_open_text_stays_within_our_own_mss(void **state)
{
    struct fixture *f = fresh(state);
    open_fast(f, COOKIE, 9000);
    user_send(f, QUEUED);
    struct tfsm_segment s = take_syn(f);
    assert_int_equal(s.len - 1, MSS - option_octets(&s));
}

/* RFC7413:4.2.2c: an MSS that is all options leaves no room, and no harm is done. */
static void test_fast_open_tiny_mss_does_no_harm(void **state)
{
    static const uint16_t tiny[] = {1, 4, 15, 16, 17, 40};
    for (size_t i = 0; i < sizeof tiny / sizeof *tiny; i++) {
        struct fixture *f = fresh(state);
        f->cfg.mss_floor = 1;
        open_fast(f, COOKIE, tiny[i]);
        user_send(f, QUEUED);
        struct tfsm_segment s = take_syn(f);
        assert_true(s.len == 1 || s.len - 1 + option_octets(&s) <= tiny[i]);
    }
}

/* RFC7413:4.1.1a: 4 to 16 octets, an even number; what is no cookie bears no text. */
static void test_fast_open_cookie_lengths(void **state)
{
    for (unsigned n = 0; n < 256; n++) {
        struct fixture *f = fresh(state);
        bool legal = n >= 4 && n <= 16 && n % 2 == 0;
        open_fast(f, (uint8_t)n, ROOM);
        user_send(f, QUEUED);
        struct tfsm_segment s = take_syn(f);
        if (legal) {
            assert_int_equal(s.cookie_len, n);
            assert_true(s.len > 1);
        } else {
            assert_true((s.options & TFSM_OPT_FAST_OPEN) == 0 || s.cookie_len == 0);
            assert_int_equal(s.len, 1);
        }
    }
}

/* RFC7413:4.2.2d: MSS, scale, timestamps, SACK and user timeout take 23 octets of 40: there is room
 * for a cookie of 14, not for one of 16. */
static void test_fast_open_without_room_is_an_ordinary_handshake(void **state)
{
    for (uint8_t cookie = 14; cookie <= 16; cookie += 2) {
        struct fixture *f = fresh(state);
        f->cfg.profile |= TFSM_WSCALE | TFSM_TIMESTAMPS | TFSM_SACK | TFSM_USER_TIMEOUT;
        f->cfg.uto_advertised = 200 * SECOND;
        open_fast(f, cookie, ROOM);
        user_send(f, QUEUED);
        struct tfsm_segment s = take_syn(f);
        assert_in_range(option_octets(&s), 4, 40);
        if ((s.options & TFSM_OPT_FAST_OPEN) == 0) {
            assert_int_equal(s.len, 1);
            assert_int_equal(cookie, 16);
        }
    }
}

/* RFC7413:4.2.2c: the other options take their room, too. */
static void test_fast_open_all_options_take_room(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_WSCALE | TFSM_TIMESTAMPS | TFSM_SACK;
    open_fast(f, 16, ROOM);
    user_send(f, QUEUED);
    struct tfsm_segment s = take_syn(f);
    assert_int_equal(s.options & TFSM_OPT_FAST_OPEN, TFSM_OPT_FAST_OPEN);
    assert_int_equal(option_octets(&s), 40);
    assert_int_equal(s.len - 1, ROOM - 40);
}

/* ---- the SYN again ---- */

/* RFC7413:4.2.2b: neither text nor option. */
static void test_fast_open_syn_again_is_a_plain_one(void **state)
{
    struct fixture *f = fresh(state);
    (void)reach_fast(f, QUEUED);
    for (unsigned i = 0; i < SYN_RETRIES; i++) {
        expire(f);
        struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
        assert_int_equal(s.options, TFSM_OPT_MSS);
        expect_nothing(f);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

/* RFC7413:4.2.2f: the answer to that one: all the text goes with the first ACK. */
static void test_fast_open_text_goes_after_a_plain_syn(void **state)
{
    struct fixture *f = fresh(state);
    uint32_t text = reach_fast(f, 400);
    expire(f);
    drop_output(f);
    syn_ack(f, 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = text);
    expect_nothing(f);
    arrive(f, .flags = TFSM_ACK, .ack = text);
    assert_int_equal(f->fx.acknowledged, text);
}

/* RFC 7413 4.2.2: the answer to the first SYN comes late. */
static void test_fast_open_text_is_acknowledged_after_a_plain_syn(void **state)
{
    struct fixture *f = fresh(state);
    uint32_t text = reach_fast(f, 400);
    expire(f);
    drop_output(f);
    syn_ack(f, 1 + (int64_t)text);
    assert_int_equal(f->fx.acknowledged, text);
    expect_ack(f);
}

/* ---- the answer ---- */

/* RFC 7413 4.2.2: SYN and text acknowledged: the connection goes on from there. */
static void test_fast_open_text_acknowledged(void **state)
{
    struct fixture *f = fresh(state);
    uint32_t text = reach_fast(f, QUEUED);
    syn_ack(f, 1 + (int64_t)text);
    expect_signals(f, TFSM_SIG_CONNECTED | (f->fx.signals & TFSM_SIG_COOKIE));
    assert_int_equal(f->fx.acknowledged, text);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + (int64_t)text, .ack = 1, .len = MSS);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + (int64_t)text + MSS, .ack = 1,
                         .len = QUEUED - text - MSS);
    expect_nothing(f);
}

/* RFC7413:4.2.2f: only the SYN: at once, and first. */
static void test_fast_open_text_not_acknowledged_goes_again(void **state)
{
    struct fixture *f = fresh(state);
    uint32_t text = reach_fast(f, 400);
    syn_ack(f, 1);
    assert_int_equal(f->fx.acknowledged, 0);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = text);
    expect_nothing(f);
    expect_deadline(f, f->now + RTO);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = text);
    arrive(f, .flags = TFSM_ACK, .ack = text);
    assert_int_equal(f->fx.acknowledged, text);
    expect_nothing(f);
}

/* RFC7413:4.2.2f: and what was queued behind it follows. */
static void test_fast_open_text_not_acknowledged_goes_before_the_rest(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment s[8];
    (void)reach_fast(f, QUEUED);
    syn_ack(f, 1);
    size_t n = drain(f, s, 8);
    uint32_t end = f->iss + 1;
    assert_in_range(n, 2, 4);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(s[i].flags & TFSM_ACK, TFSM_ACK);
        assert_true(seq_le(s[i].seq, end));
        end = seq_max(end, s[i].seq + s[i].len);
    }
    assert_int_equal(s[0].seq, f->iss + 1);
    assert_int_equal(end, f->iss + 1 + QUEUED);
}

/* RFC7413:4.2.2f: with congestion control it is no sign of congestion: the first ACK takes it, and
 * the window is not that of a loss. */
static void test_fast_open_text_not_acknowledged_is_no_congestion(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile |= TFSM_CONGESTION;
    uint32_t text = reach_fast(f, 400);
    syn_ack(f, 1);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1, .len = text);
    struct tfsm_status_block status;
    assert_int_equal(tfsm_status(&f->tcb, &status), TFSM_DONE);
    assert_true(status.cwnd > MSS);
    assert_true(status.ssthresh > 4 * MSS);
}

/* RFC7413:4.2.2f: a part of it. */
static void test_fast_open_text_acknowledged_in_part(void **state)
{
    struct fixture *f = fresh(state);
    uint32_t text = reach_fast(f, 400);
    syn_ack(f, 151);
    assert_int_equal(f->fx.acknowledged, 150);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 151, .ack = 1, .len = text - 150);
    expect_nothing(f);
}

/* RFC7413:4.2.2f: the server takes smaller segments than it did: what the SYN bore goes in two, and
 * no timer is needed. */
static void test_fast_open_text_not_acknowledged_goes_in_smaller_segments(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment s[8];
    open_fast(f, COOKIE, MSS);
    user_send(f, 900);
    assert_int_equal(take_syn(f).len, 901);
    f->peer.mss = 500;
    syn_ack(f, 1);
    size_t n = drain(f, s, 8);
    assert_in_range(n, 1, 2);
    assert_int_equal(s[0].seq, f->iss + 1);
    assert_int_equal(s[0].len, 500);
    arrive(f, .flags = TFSM_ACK, .ack = 500);
    if (n == 1) {
        n += drain(f, &s[1], 7);
    }
    assert_int_equal(n, 2);
    assert_int_equal(s[1].seq, f->iss + 501);
    assert_int_equal(s[1].len, 400);
}

/* The server's window does not take what the SYN bore. */
static void test_fast_open_text_beyond_the_window_waits(void **state)
{
    struct fixture *f = fresh(state);
    f->peer.wnd = 0;
    (void)reach_fast(f, 400);
    syn_ack(f, 1);
    struct tfsm_segment s;
    assert_true(take(f, &s));
    assert_in_range(s.len, 0, 400);
    expire(f);
    f->peer.wnd = PEER_WND;
    arrive(f, .flags = TFSM_ACK);
    drop_output(f);
    while (in_flight(f) == 0) {
        expire(f);
        drop_output(f);
    }
    arrive(f, .flags = TFSM_ACK, .ack = 400);
    assert_int_equal(f->fx.acknowledged, 400);
}

/* RFC9293:3.10.7.3: what was never sent cannot be acknowledged. */
static void test_fast_open_ack_beyond_the_text_is_reset(void **state)
{
    struct fixture *f = fresh(state);
    uint32_t text = reach_fast(f, QUEUED);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 2 + (int64_t)text);
    expect_state(f, TFSM_SYN_SENT);
    expect_reset_reply(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 0);
    expect_state(f, TFSM_SYN_SENT);
    expect_reset_reply(f);
}

/* RFC9293:3.10.7.3: nobody listens there; the RST acknowledges the text, too. */
static void test_fast_open_rst_refuses(void **state)
{
    struct fixture *f = fresh(state);
    uint32_t text = reach_fast(f, QUEUED);
    arrive(f, .flags = TFSM_RST | TFSM_ACK, .ack = 1 + (int64_t)text);
    expect_gone(f, TFSM_SIG_RESET);
    expect_nothing(f);
}

/* The server's text with its SYN,ACK, as RFC 7413 3 has it. */
static void test_fast_open_answer_with_text_is_delivered(void **state)
{
    struct fixture *f = fresh(state);
    uint32_t text = reach_fast(f, 300);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1 + (int64_t)text, .text = 70);
    expect_state(f, TFSM_ESTABLISHED);
    expect_delivered(f, 70);
    expect_ack(f);
}

/* RFC 7413 4.2.2: "data in the SYN and simultaneous open". */
static void test_fast_open_simultaneous(void **state)
{
    struct fixture *f = fresh(state);
    uint32_t text = reach_fast(f, 300);
    struct tfsm_segment s;
    arrive(f, .flags = TFSM_SYN);
    expect_state(f, TFSM_SYN_RECEIVED);
    assert_true(tfsm_output(&f->tcb, &f->cfg, f->now, &s));
    assert_int_equal(s.flags, TFSM_SYN | TFSM_ACK);
    assert_int_equal(s.options & TFSM_OPT_FAST_OPEN, 0);
    f->edge = seq_add(s.ack, s.wnd);
    f->edge_known = true;
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    drop_output(f);
    if (in_flight(f) > 0) {
        expire(f);
        drop_output(f);
    }
    arrive(f, .flags = TFSM_ACK, .ack = text);
    assert_int_equal(f->fx.acknowledged, text);
}

/* RFC 7413 4.1.3.1: no answer, or an ICMP error: the end is the ordinary one. */
static void test_fast_open_icmp_error_ends_it(void **state)
{
    struct fixture *f = fresh(state);
    (void)reach_fast(f, QUEUED);
    struct tfsm_event icmp = {.kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_HARD};
    icmp.segment.seq = f->iss;
    fixture_done(HERE(f), &icmp);
    expect_gone(f, TFSM_SIG_UNREACHABLE);
}

/* ---- the server's side is not there ---- */

/* RFC7413:4.2: the option is ignored: no cookie, no text before the handshake. */
static void test_fast_open_listener_ignores_it(void **state)
{
    static const uint8_t lengths[] = {0, COOKIE};
    for (size_t i = 0; i < sizeof lengths; i++) {
        struct fixture *f = in_listen(state);
        struct tfsm_segment s =
            segment_of(f, (struct from_peer){.flags = TFSM_SYN, .text = i == 0 ? 0 : 100});
        s.options |= TFSM_OPT_FAST_OPEN;
        s.cookie_len = lengths[i];
        arrive_segment(f, &s);
        expect_signals(f, 0);
        expect_delivered(f, 0);
        expect_state(f, TFSM_SYN_RECEIVED);
        s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
        assert_int_equal(s.options, TFSM_OPT_MSS);
        arrive(f, .flags = TFSM_ACK, .ack = 1);
        expect_state(f, TFSM_ESTABLISHED);
    }
}

/* RFC7413:2: a passive OPEN asks for nothing. */
static void test_fast_open_of_a_passive_open_is_nothing(void **state)
{
    struct fixture *f = fresh(state);
    fixture_done(HERE(f), &(struct tfsm_event){.kind = TFSM_EV_OPEN,
                                               .remote = true,
                                               .fast_open = true,
                                               .cookie_len = COOKIE,
                                               .mss = ROOM});
    expect_state(f, TFSM_LISTEN);
    arrive(f, .flags = TFSM_SYN);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    assert_int_equal(s.options, TFSM_OPT_MSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fast_open_unasked_is_not_used),
        cmocka_unit_test(test_fast_open_is_no_policy),
        cmocka_unit_test(test_fast_open_request_is_an_empty_option),
        cmocka_unit_test(test_fast_open_request_is_not_repeated),
        cmocka_unit_test(test_fast_open_answer_is_told),
        cmocka_unit_test(test_fast_open_answer_without_a_cookie_is_told),
        cmocka_unit_test(test_fast_open_answer_to_the_first_syn_is_told_late),
        cmocka_unit_test(test_fast_open_new_cookie_is_told),
        cmocka_unit_test(test_fast_open_cookie_without_syn_is_ignored),
        cmocka_unit_test(test_fast_open_cookie_in_a_refused_segment_is_not_told),
        cmocka_unit_test(test_fast_open_cookie_unasked_changes_nothing),
        cmocka_unit_test(test_fast_open_syn_bears_cookie_and_text),
        cmocka_unit_test(test_fast_open_syn_bears_all_there_is),
        cmocka_unit_test(test_fast_open_syn_without_text_bears_the_cookie),
        cmocka_unit_test(test_fast_open_text_without_a_known_mss_is_the_default),
        cmocka_unit_test(test_fast_open_text_stays_within_our_own_mss),
        cmocka_unit_test(test_fast_open_tiny_mss_does_no_harm),
        cmocka_unit_test(test_fast_open_cookie_lengths),
        cmocka_unit_test(test_fast_open_without_room_is_an_ordinary_handshake),
        cmocka_unit_test(test_fast_open_all_options_take_room),
        cmocka_unit_test(test_fast_open_syn_again_is_a_plain_one),
        cmocka_unit_test(test_fast_open_text_goes_after_a_plain_syn),
        cmocka_unit_test(test_fast_open_text_is_acknowledged_after_a_plain_syn),
        cmocka_unit_test(test_fast_open_text_acknowledged),
        cmocka_unit_test(test_fast_open_text_not_acknowledged_goes_again),
        cmocka_unit_test(test_fast_open_text_not_acknowledged_goes_before_the_rest),
        cmocka_unit_test(test_fast_open_text_not_acknowledged_is_no_congestion),
        cmocka_unit_test(test_fast_open_text_acknowledged_in_part),
        cmocka_unit_test(test_fast_open_text_not_acknowledged_goes_in_smaller_segments),
        cmocka_unit_test(test_fast_open_text_beyond_the_window_waits),
        cmocka_unit_test(test_fast_open_ack_beyond_the_text_is_reset),
        cmocka_unit_test(test_fast_open_rst_refuses),
        cmocka_unit_test(test_fast_open_answer_with_text_is_delivered),
        cmocka_unit_test(test_fast_open_simultaneous),
        cmocka_unit_test(test_fast_open_icmp_error_ends_it),
        cmocka_unit_test(test_fast_open_listener_ignores_it),
        cmocka_unit_test(test_fast_open_of_a_passive_open_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
