/* Limits: events that are none, configurations at their extremes, sequence numbers across the wrap,
 * and a TCB that is used again. No input may make the machine loop, and none may leave it
 * inconsistent. */
#include "fixture.h"

/* ---- not an event at all ---- */

static void test_limits_unknown_kind_is_invalid(void **state)
{
    for (int s = 0; s < TFSM_STATES; s++) {
        struct fixture *f = fresh(state);
        reach(f, (enum tfsm_state)s);
        assert_int_equal(call(f, .kind = TFSM_EVENTS), TFSM_E_INVALID);
        assert_int_equal(call(f, .kind = (enum tfsm_event_kind)99), TFSM_E_INVALID);
        expect_unchanged(f);
        expect_signals(f, 0);
        assert_int_equal(f->fx.text_count, 0);
        expect_nothing(f);
    }
}

/* SEG.LEN counts SYN and FIN (RFC9293:3.4). */
static void test_limits_len_shorter_than_controls_is_invalid(void **state)
{
    static const struct tfsm_segment bad[] = {
        {.flags = TFSM_SYN, .len = 0},
        {.flags = TFSM_FIN | TFSM_ACK, .len = 0},
        {.flags = TFSM_SYN | TFSM_FIN, .len = 1},
        {.flags = TFSM_SYN | TFSM_FIN | TFSM_RST | TFSM_ACK, .len = 1},
    };
    for (int s = 0; s < TFSM_STATES; s++) {
        struct fixture *f = fresh(state);
        reach(f, (enum tfsm_state)s);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            assert_int_equal(call(f, .kind = TFSM_EV_SEGMENT, .segment = bad[i]), TFSM_E_INVALID);
            expect_unchanged(f);
        }
        expect_nothing(f);
    }
}

/* A length of half the space and more has no end that can be compared with RCV.NXT: refused or no
 * event at all, but never taken. */
static void test_limits_len_of_half_the_space_does_no_harm(void **state)
{
    static const uint32_t lens[] = {0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe};
    for (int s = 0; s < TFSM_STATES; s++) {
        for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
            struct fixture *f = fresh(state);
            struct tfsm_segment out;
            reach(f, (enum tfsm_state)s);
            struct tfsm_segment huge =
                segment_of(f, (struct from_peer){.flags = TFSM_ACK | TFSM_FIN, .text = lens[i]});
            enum tfsm_result result = call(f, .kind = TFSM_EV_SEGMENT, .segment = huge);
            assert_true(result == TFSM_DONE || result == TFSM_E_INVALID);
            assert_true(f->fx.delivered <= BUFF);
            assert_in_range(drain(f, &out, 1), 0, 1);
        }
    }
}

/* The longest segment an IPv4 packet and an IPv6 packet can hold. */
static void test_limits_longest_segment_of_ip_is_taken(void **state)
{
    static const uint32_t lens[] = {65535 - 40, 65535 - 20};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct fixture *f = fresh(state);
        f->cfg.rcv_buff = 65535;
        reach_established(f);
        arrive(f, .flags = TFSM_ACK | TFSM_FIN, .text = lens[i]);
        expect_delivered(f, lens[i]);
        expect_state(f, TFSM_CLOSE_WAIT);
    }
}

/* Every set of flags in every state, dataless and with text: the watch holds, and it comes to an
 * end. */
static void test_limits_every_flag_in_every_state(void **state)
{
    for (int s = 0; s < TFSM_STATES; s++) {
        for (unsigned flags = 0; flags < 512; flags++) {
            struct fixture *f = fresh(state);
            struct tfsm_segment out;
            reach(f, (enum tfsm_state)s);
            arrive(f, .flags = (uint8_t)(flags & 0xff), .ack = 1, .up = 3,
                   .text = flags > 255 ? 10 : 0);
            assert_in_range(drain(f, &out, 1), 0, 2);
        }
    }
}

/* RFC 9293 3.5.2: never a reset in answer to a reset, in any state, at any place. */
static void test_limits_no_reset_in_answer_to_a_reset(void **state)
{
    static const int64_t places[] = {-(int64_t)BUFF, -1,   0,          1,
                                     BUFF - 1,       BUFF, 0x7fffffff, 0x80000000};
    for (int s = 0; s < TFSM_STATES; s++) {
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            struct fixture *f = fresh(state);
            struct tfsm_segment out = {0};
            reach(f, (enum tfsm_state)s);
            arrive(f, .flags = TFSM_RST | TFSM_ACK, .seq = places[i], .ack = places[i]);
            assert_in_range(drain(f, &out, 1), 0, 1);
            assert_int_equal(out.flags & TFSM_RST, 0);
        }
    }
}

/* ---- extreme configurations ---- */

/* Open, exchange a little, close, whatever the configuration; bounded, and consistent throughout.
 */
static void live(struct fixture *f)
{
    struct tfsm_segment out;
    open_active(f);
    assert_true(drain(f, &out, 1) <= 1);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    (void)drain(f, &out, 1);
    (void)call(f, .kind = TFSM_EV_SEND, .len = 3);
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_ACK, .ack = in_flight(f), .text = 3);
    (void)drain(f, &out, 1);
    (void)call(f, .kind = TFSM_EV_RECEIVE, .len = 3);
    (void)drain(f, &out, 1);
    user_close(f);
    (void)drain(f, &out, 1);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .ack = in_flight(f));
    (void)drain(f, &out, 1);
}

static void silence(struct fixture *f)
{
    struct tfsm_segment out;
    for (int i = 0; i < 600 && tfsm_deadline(&f->tcb) != TFSM_NEVER; i++) {
        tfsm_time deadline = tfsm_deadline(&f->tcb);
        after(f, deadline > f->now ? deadline - f->now : 0);
        assert_true(drain(f, &out, 1) <= 20);
    }
}

static void test_limits_everything_zero_comes_to_an_end(void **state)
{
    struct fixture *f = fresh(state);
    memset(&f->cfg, 0, sizeof f->cfg);
    f->cfg.mss = 1; /* the watch compares text with it; zero is below */
    live(f);
    silence(f);
    expect_deadline(f, TFSM_NEVER);
}

static void test_limits_everything_greatest_comes_to_an_end(void **state)
{
    struct fixture *f = fresh(state);
    memset(&f->cfg, 0xff, sizeof f->cfg);
    live(f);
    silence(f);
    expect_state(f, TFSM_CLOSED);
}

/* RFC9293:MUST-66: A receive buffer of nothing: the window is zero from the start; all text is
 * refused and answered. / */
static void test_limits_receive_buffer_zero(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rcv_buff = 0;
    open_active(f);
    struct tfsm_segment s = expect_segment(f, .flags = TFSM_SYN, .len = 1);
    assert_int_equal(s.wnd, 0);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 1);
    expect_delivered(f, 0);
    expect_ack(f);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_RESET);
}

/* The same for a listener; the text of the SYN has no room. */
static void test_limits_receive_buffer_zero_passive(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rcv_buff = 0;
    reach_listen(f);
    arrive(f, .flags = TFSM_SYN, .text = 10);
    assert_int_equal(f->fx.text_count, 0);
    (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
}

static void test_limits_send_buffer_zero(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.snd_buff = 0;
    reach_established(f);
    assert_int_equal(call(f, .kind = TFSM_EV_SEND, .len = 1), TFSM_E_INSUFFICIENT_RESOURCES);
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
}

/* B70: an MSS of zero on either side is no endless stream of empty segments. */
static void test_limits_mss_zero_is_at_least_one(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.mss = 0;
    f->cfg.mss_floor = 0;
    f->cfg.mss_default = 0;
    f->peer.mss = 0;
    struct tfsm_segment out = {0};
    open_active(f);
    assert_true(tfsm_output(&f->tcb, &f->cfg, f->now, &out));
    assert_true(out.mss >= 1);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    user_send(f, 10);
    uint32_t sent = 0;
    for (int i = 0; i < 20 && tfsm_output(&f->tcb, &f->cfg, f->now, &out); i++) {
        assert_int_equal(tfsm_check(&f->tcb), TFSM_OK);
        assert_true(out.len >= 1);
        sent += out.len;
    }
    assert_int_equal(sent, 10);
    assert_false(tfsm_output(&f->tcb, &f->cfg, f->now, &out));
}

/* A timeout of zero is raised to something that lets time pass. */
static void test_limits_rto_zero_lets_time_pass(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rto_initial = 0;
    f->cfg.rto_max = 0;
    f->now = 0;
    open_active(f);
    struct tfsm_segment out;
    assert_int_equal(drain(f, &out, 1), 1);
    for (unsigned i = 0; i < SYN_RETRIES; i++) {
        expire(f);
        assert_int_equal(drain(f, &out, 1), 1);
    }
    expire(f);
    expect_gone(f, TFSM_SIG_TIMED_OUT);
}

static void test_limits_rto_beyond_its_maximum_is_bounded(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rto_initial = UINT64_MAX;
    open_active(f);
    struct tfsm_segment out;
    (void)drain(f, &out, 1);
    expect_deadline(f, f->now + RTO_MAX);
}

static void test_limits_rto_huge_does_not_wrap(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.rto_initial = UINT64_MAX;
    f->cfg.rto_max = UINT64_MAX;
    reach_established(f);
    user_send(f, 1);
    struct tfsm_segment out;
    (void)drain(f, &out, 1);
    assert_true(tfsm_deadline(&f->tcb) > f->now);
    assert_true(f->tcb.at_rtx != 0);
}

static void test_limits_msl_huge_does_not_wrap(void **state)
{
    static const tfsm_time huge[] = {UINT64_MAX, UINT64_MAX / 2, UINT64_MAX / 2 + 1,
                                     UINT64_MAX / 2 + 500 * SECOND};
    for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++) {
        struct fixture *f = fresh(state);
        f->cfg.msl = huge[i];
        reach_time_wait(f);
        assert_true(f->tcb.at_2msl > f->now + 1000 * SECOND);
        after(f, 1000 * SECOND);
        expect_state(f, TFSM_TIME_WAIT);
    }
}

static void test_limits_user_timeout_huge_does_not_wrap(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.user_timeout = UINT64_MAX;
    reach_established(f);
    user_send(f, 1);
    struct tfsm_segment out;
    (void)drain(f, &out, 1);
    expire(f);
    expect_state(f, TFSM_ESTABLISHED);
}

/* RFC5961:7b: A limit of zero answers no dataless segment; those with text and FIN are answered all
 * the same. / */
static void test_limits_challenge_limit_zero(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.challenge_limit = 0;
    reach_established(f);
    arrive(f, .flags = TFSM_RST, .seq = 1);
    expect_ignored(f);
    arrive(f, .flags = TFSM_ACK, .seq = -1);
    expect_ignored(f);
    arrive(f, .flags = TFSM_ACK, .seq = -10, .text = 10);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK | TFSM_FIN, .seq = -1);
    expect_challenged(f);
}

/* RFC5961:7a, RFC5961:7b: the interval begins with the first reply, and the count starts anew after
 * it. */
static void test_limits_challenge_interval(void **state)
{
    struct fixture *f = in_established(state);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < LIMIT; i++) {
            arrive(f, .flags = TFSM_RST, .seq = 1);
            expect_challenged(f);
        }
        f->now += LIMIT_EVERY - 1;
        arrive(f, .flags = TFSM_RST, .seq = 1);
        expect_ignored(f);
        f->now += 1;
    }
}

/* Whatever kind of dataless segment asks, its reply is counted; a RST bears nothing, text or not.
 */
static void test_limits_challenge_counts_every_kind(void **state)
{
    static const struct from_peer kinds[] = {
        {.flags = TFSM_RST, .seq = 1},
        {.flags = TFSM_RST | TFSM_ACK | TFSM_FIN, .seq = 1, .text = 9},
        {.flags = TFSM_SYN, .seq = 1},
        {.flags = TFSM_SYN | TFSM_ACK, .seq = -2},
        {.flags = TFSM_ACK, .seq = -1},
        {.flags = 0, .seq = -1},
        {.flags = TFSM_ACK, .ack = 1},
        {.flags = TFSM_ACK, .ack = -1},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct fixture *f = in_established(state);
        for (unsigned n = 0; n < LIMIT; n++) {
            fixture_arrive(HERE(f), kinds[i]);
            expect_challenged(f);
        }
        fixture_arrive(HERE(f), kinds[i]);
        expect_ignored(f);
    }
}

/* The SYN-ACK of this connection is never in the window; without an answer the peer of a simultaneous open, or one that
 * lost our ACK, stays in SYN-RECEIVED. Its number is no stranger's guess. */
static void test_limits_challenge_spares_the_syn_ack(void **state)
{
    struct fixture *f = in_established(state);
    for (unsigned n = 0; n < 3 * LIMIT; n++) {
        arrive(f, .flags = TFSM_SYN | TFSM_ACK, .seq = -1);
        expect_challenged(f);
    }
}

/* Invariant 6 of history: replies to text use up nothing of the limit, and good ACKs do not either.
 */
static void test_limits_challenge_counts_only_what_it_limits(void **state)
{
    static const uint8_t none[TFSM_REPLY_CLASSES];
    struct fixture *f = in_established(state);
    for (unsigned i = 0; i < 10 * LIMIT; i++) {
        arrive(f, .flags = TFSM_ACK, .seq = -10, .text = 10);
        expect_challenged(f);
        arrive(f, .flags = TFSM_ACK);
        expect_nothing(f);
        arrive(f, .flags = TFSM_ACK, .seq = i % 2 == 0 ? 1 : 0, .text = 1);
        expect_ack(f);
    }
    assert_memory_equal(f->tcb.challenges, none, sizeof none);
}

static void test_limits_default_config_is_the_rfcs(void **state)
{
    (void)state;
    struct tfsm_config cfg = tfsm_config_default();
    assert_int_equal(cfg.profile & TFSM_RFC5961, TFSM_RFC5961);
    assert_int_equal(cfg.profile & TFSM_RFC1337, 0);
    assert_int_equal(cfg.mss_default, 536); /* RFC9293:MUST-15a */
    assert_in_range(cfg.rcv_buff, 65535, 65536);
    assert_in_range(cfg.snd_buff, 65535, 65536);
    assert_true(cfg.msl == 120 * SECOND);    /* RFC 9293 3.4.2: two minutes */
    assert_true(cfg.rto_initial == SECOND);  /* RFC6298:2.1 */
    assert_true(cfg.rto_max >= 60 * SECOND); /* RFC6298:2.5 */
    assert_int_equal(cfg.user_timeout, 0);
    assert_in_range(cfg.challenge_limit, 1, 100); /* RFC5961:7 */
    tfsm_time syn = 0;
    tfsm_time rto = cfg.rto_initial;
    for (unsigned i = 0; i <= cfg.syn_retries; i++) {
        syn += rto;
        rto = rto * 2 < cfg.rto_max ? rto * 2 : cfg.rto_max;
    }
    assert_true(syn >= 180 * SECOND); /* RFC9293:MUST-23 */
    tfsm_time data = 0;
    rto = cfg.rto_initial;
    for (unsigned i = 0; i <= cfg.retries; i++) {
        data += rto;
        rto = rto * 2 < cfg.rto_max ? rto * 2 : cfg.rto_max;
    }
    assert_true(data >= 100 * SECOND); /* RFC9293:SHLD-11 */
}

/* ---- sequence numbers across the wrap: invariant 7 of history ---- */

/* Handshake, text both ways with a loss and a hole, and a close in good order. */
static void whole_life(struct fixture *f)
{
    struct tfsm_segment out;
    reach_syn_sent(f);
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_signals(f, TFSM_SIG_CONNECTED);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1, .ack = 1);
    user_send(f, 2500);
    assert_int_equal(drain(f, &out, 1), 3);
    arrive(f, .flags = TFSM_ACK, .ack = 1000);
    expect_nothing(f);
    expire(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1001, .ack = 1, .len = 1000);
    arrive(f, .flags = TFSM_ACK, .seq = 3, .ack = 1500, .text = 4);
    expect_text(f, 0, 3, 0, 4);
    arrive(f, .flags = TFSM_ACK, .text = 3);
    expect_delivered(f, 7);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 2501, .ack = 8);
    arrive(f, .flags = TFSM_RST, .seq = 1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_challenged(f);
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .up = 20);
    expect_signals(f, TFSM_SIG_URGENT);
    assert_int_equal(f->tcb.rcv_up, seq_add(f->irs, 28));
    user_close(f);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 2501, .ack = 8, .len = 1);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_FIN_WAIT_2);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = 2);
    expect_state(f, TFSM_TIME_WAIT);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 2502, .ack = 11);
    expire(f);
    expect_gone(f, TFSM_SIG_CLOSED);
}

/* RFC9293:3.4a */
static void test_limits_any_iss_and_irs_will_do(void **state)
{
    static const uint32_t starts[] = {0,           1,           0x7ffffffe,  0x7fffffff,
                                      0x80000000,  0xfffffffe,  0xffffffff,  0xfffff000,
                                      0x7ffff000u, 0xfffffffcu, 0x80000001u, 0xfffff63bu};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        for (size_t k = 0; k < sizeof starts / sizeof starts[0]; k++) {
            struct fixture *f = fresh(state);
            f->iss = starts[i];
            f->irs = starts[k];
            whole_life(f);
        }
    }
}

/* More octets than there are sequence numbers: offsets go on where sequence numbers begin again. */
static void test_limits_a_long_stream_wraps(void **state)
{
    enum { CHUNK = 60000 };
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    uint64_t total = 0;
    f->cfg.rcv_buff = 65535;
    reach_established(f);
    while (total < 5ull << 30) {
        arrive(f, .flags = TFSM_ACK, .text = CHUNK);
        expect_delivered(f, CHUNK);
        user_receive(f, CHUNK);
        (void)drain(f, &out, 1);
        total += CHUNK;
    }
    assert_true(f->tcb.rcv_octets == total);
    arrive(f, .flags = TFSM_ACK, .text = 1);
    assert_true(f->fx.text[0].offset == total);
}

/* RFC9293:MUST-32, after more than 2^31 octets without urgent data: RCV.UP must not be left behind.
 */
static void test_limits_urgent_after_two_gigabytes_is_told(void **state)
{
    enum { CHUNK = 60000 };
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->cfg.rcv_buff = 65535;
    reach_established(f);
    while (f->readable < 5ull << 29) {
        arrive(f, .flags = TFSM_ACK, .text = CHUNK);
        user_receive(f, CHUNK);
        (void)drain(f, &out, 1);
    }
    for (int i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK | TFSM_URG, .text = 10, .up = 10);
        expect_signals(f, TFSM_SIG_URGENT);
        user_receive(f, 10);
    }
    assert_int_equal(f->tcb.rcv_up, f->tcb.rcv_nxt);
}

/* At exactly 2^31-1 octets RCV.NXT is 2^31 from IRS, where numbers cannot be ordered; every step is checked on the way. */
static void test_limits_stream_of_half_the_number_space_is_sound(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->cfg.rcv_buff = 65535;
    reach_established(f);
    while (f->readable < 0x7ffffffeu) {
        uint64_t left = 0x7ffffffeu - f->readable;
        uint32_t text = left < 60000 ? (uint32_t)left : 60000;
        arrive(f, .flags = TFSM_ACK, .text = text);
        user_receive(f, text);
        (void)drain(f, &out, 1);
    }
    for (unsigned i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK, .text = 1);
        expect_delivered(f, 1);
        expect_ack(f);
    }
    arrive(f, .flags = TFSM_ACK | TFSM_FIN);
    expect_state(f, TFSM_CLOSE_WAIT);
}

static void test_limits_a_long_stream_of_ours_wraps(void **state)
{
    enum { CHUNK = 60000 };
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    uint64_t total = 0;
    f->cfg.snd_buff = CHUNK;
    f->cfg.mss = CHUNK;
    f->peer.mss = CHUNK;
    f->peer.wnd = 65535;
    reach_established(f);
    user_urgent(f, CHUNK);
    assert_true(take(f, &out));
    assert_int_equal(out.flags & TFSM_URG, TFSM_URG);
    arrive(f, .flags = TFSM_ACK, .ack = CHUNK);
    total += CHUNK;
    while (total < 5ull << 30) {
        user_send(f, CHUNK);
        assert_true(take(f, &out));
        assert_true(out.text_offset == total && out.len == CHUNK);
        assert_int_equal(out.flags & TFSM_URG, 0);
        arrive(f, .flags = TFSM_ACK, .ack = CHUNK / 3);
        expect_nothing(f);
        arrive(f, .flags = TFSM_ACK, .ack = CHUNK - CHUNK / 3);
        total += CHUNK;
    }
    assert_true(f->tcb.snd_octets == total);
    expect_nothing(f);
}

/* ---- a TCB that is used again: invariant 10 of history, B19 ---- */

/* Every way a connection ends leaves a TCB that behaves as a new one. */
static void test_limits_a_used_tcb_equals_a_new_one(void **state)
{
    static const struct tfsm_tcb empty;
    for (int s = TFSM_LISTEN; s < TFSM_STATES; s++) {
        struct fixture *f = fresh(state);
        struct tfsm_segment out;
        f->cfg.user_timeout = 1000 * SECOND;
        reach(f, (enum tfsm_state)s);
        arrive(f, .flags = TFSM_ACK | TFSM_URG, .seq = 5, .up = 9, .text = 6);
        (void)drain(f, &out, 1);
        user_abort(f);
        (void)drain(f, &out, 1);
        assert_memory_equal(&f->tcb, &empty, sizeof empty);
        whole_life(f);
        assert_memory_equal(&f->tcb, &empty, sizeof empty);
    }
}

/* Two lives at the same time of day leave the same TCB at every stage. */
static void test_limits_a_reopened_tcb_equals_a_fresh_one(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    tfsm_time start = f->now;
    reach_established(f);
    struct tfsm_tcb first = f->tcb;
    arrive(f, .flags = TFSM_ACK | TFSM_URG, .seq = 5, .up = 9, .text = 6);
    (void)drain(f, &out, 1);
    user_send(f, 5000);
    (void)drain(f, &out, 1);
    expire(f);
    arrive(f, .flags = TFSM_RST);
    expect_gone(f, TFSM_SIG_RESET);
    f->now = start;
    reach_established(f);
    assert_memory_equal(&f->tcb, &first, sizeof first);
}

/* The members leave no padding, so that comparing TCBs whole is fair. */
static void test_limits_tcb_has_no_padding(void **state)
{
    (void)state;
    size_t narrow = (10 + TFSM_REPLY_CLASSES) * sizeof(uint8_t) + 15 * sizeof(uint16_t);
    size_t words = (80 + TFSM_RECENT_MAX) * sizeof(uint32_t) + sizeof((struct tfsm_tcb *)0)->ooo +
                   sizeof((struct tfsm_tcb *)0)->sent +
                   (1 + TFSM_UNDO_MAX) * sizeof(struct tfsm_range);
    size_t wide = 21 * sizeof(tfsm_time) + 2 * sizeof(uint64_t);
    assert_int_equal(sizeof(struct tfsm_tcb), narrow + words + wide);
}

/* Contract 1: the same inputs give the same outputs, from a copy as well. */
static void test_limits_a_copy_goes_the_same_way(void **state)
{
    struct fixture *f = in_established(state);
    struct tfsm_segment one;
    struct tfsm_segment two;
    user_send(f, 2000);
    struct tfsm_tcb copy = f->tcb;
    memset(&one, 0, sizeof one);
    memset(&two, 0xff, sizeof two);
    assert_true(tfsm_output(&f->tcb, &f->cfg, f->now, &one));
    assert_true(tfsm_output(&copy, &f->cfg, f->now, &two));
    assert_memory_equal(&f->tcb, &copy, sizeof copy);
    assert_int_equal(one.seq, two.seq);
    assert_int_equal(one.len, two.len);
    assert_int_equal(one.rule, two.rule);
    assert_int_equal(one.sacks, two.sacks);
    assert_int_equal(one.ts_val, two.ts_val);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_unknown_kind_is_invalid),
        cmocka_unit_test(test_limits_len_shorter_than_controls_is_invalid),
        cmocka_unit_test(test_limits_len_of_half_the_space_does_no_harm),
        cmocka_unit_test(test_limits_longest_segment_of_ip_is_taken),
        cmocka_unit_test(test_limits_every_flag_in_every_state),
        cmocka_unit_test(test_limits_no_reset_in_answer_to_a_reset),
        cmocka_unit_test(test_limits_everything_zero_comes_to_an_end),
        cmocka_unit_test(test_limits_everything_greatest_comes_to_an_end),
        cmocka_unit_test(test_limits_receive_buffer_zero),
        cmocka_unit_test(test_limits_receive_buffer_zero_passive),
        cmocka_unit_test(test_limits_send_buffer_zero),
        cmocka_unit_test(test_limits_mss_zero_is_at_least_one),
        cmocka_unit_test(test_limits_rto_zero_lets_time_pass),
        cmocka_unit_test(test_limits_rto_beyond_its_maximum_is_bounded),
        cmocka_unit_test(test_limits_rto_huge_does_not_wrap),
        cmocka_unit_test(test_limits_msl_huge_does_not_wrap),
        cmocka_unit_test(test_limits_user_timeout_huge_does_not_wrap),
        cmocka_unit_test(test_limits_challenge_limit_zero),
        cmocka_unit_test(test_limits_challenge_interval),
        cmocka_unit_test(test_limits_challenge_counts_every_kind),
        cmocka_unit_test(test_limits_challenge_spares_the_syn_ack),
        cmocka_unit_test(test_limits_challenge_counts_only_what_it_limits),
        cmocka_unit_test(test_limits_default_config_is_the_rfcs),
        cmocka_unit_test(test_limits_any_iss_and_irs_will_do),
        cmocka_unit_test(test_limits_a_long_stream_wraps),
        cmocka_unit_test(test_limits_urgent_after_two_gigabytes_is_told),
        cmocka_unit_test(test_limits_stream_of_half_the_number_space_is_sound),
        cmocka_unit_test(test_limits_a_long_stream_of_ours_wraps),
        cmocka_unit_test(test_limits_a_used_tcb_equals_a_new_one),
        cmocka_unit_test(test_limits_a_reopened_tcb_equals_a_fresh_one),
        cmocka_unit_test(test_limits_tcb_has_no_padding),
        cmocka_unit_test(test_limits_a_copy_goes_the_same_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
