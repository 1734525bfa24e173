/* Path MTU discovery by what becomes of the segments themselves (RFC 4821, RFC 8201 4 and 5.3, RFC 1191 6.3): a path that
 * swallows large segments and tells nothing is found out, and what was swallowed goes again in smaller ones; losses of
 * another kind change no size; after ten minutes larger segments are tried again, one at a time, and one that gets lost
 * costs no window. What an ICMP message does by itself is in test_icmp_events.c. Sizes are octets of text and options. */
#include "flow.h"

#define WIDE_MSS 1460u
#define RTT      (100 * MS)
#define MINUTE   (60 * SECOND)
#define AGE      (10 * MINUTE) /* after a smaller size none larger is tried for so long (RFC8201:4j) */
#define QUIET    (5 * MINUTE) /* and in no case after a message (RFC8201:4i) */
#define BASE4    536u         /* what every path takes: 576 octets less the headers */
#define BASE6    1220u        /* 1280 */

/* What has to hold with everything that mends losses and with nothing. */
static const uint32_t profiles[] = {
    0,
    TFSM_TIMESTAMPS,
    TFSM_SACK,
    TFSM_SACK | TFSM_RACK,
    TFSM_SACK | TFSM_RACK | TFSM_PRR | TFSM_FRTO | TFSM_UNDO | TFSM_CUBIC | TFSM_CWV,
    TFSM_SACK | TFSM_TIMESTAMPS | TFSM_RACK | TFSM_PRR | TFSM_FRTO | TFSM_UNDO | TFSM_CUBIC |
        TFSM_HYSTART | TFSM_ABE | TFSM_CWV | TFSM_RFC5927 | TFSM_LIMITED_TRANSMIT,
};
#define PROFILES (sizeof profiles / sizeof profiles[0])
#define TODAY    (profiles[PROFILES - 1])

/* ---- connections and paths ---- */

static struct fixture *wide(void **state, uint32_t bits)
{
    struct fixture *f = flow(state, bits | TFSM_PMTU);
    f->cfg.mss = WIDE_MSS;
    f->peer.mss = WIDE_MSS;
    f->cfg.mss_default = BASE4;
    f->cfg.retries = 8;
    f->cfg.rto_max = 60 * SECOND;
    return f;
}

/* Open, over a path that takes so many octets in a segment; 0 any. */
static struct fixture *opened(void **state, uint32_t bits, uint32_t most)
{
    struct fixture *f = wide(state, bits);
    path_open(f, RTT);
    path.most = most;
    return f;
}

/* Go on until all that was sent is acknowledged, or nobody goes on. */
static void carry_all(struct fixture *f)
{
    (void)path_send(f);
    while (f->tcb.state != TFSM_CLOSED && f->tcb.snd_una != f->tcb.snd_end && path_step(HERE(f))) {
    }
}

#define stream(f, n) send_stream(HERE(f), (n))
static void send_stream(struct fixture *f, uint32_t n)
{
    user_send(f, n);
    carry_all(f);
}

/* Pass so much time, with nothing to do. */
static void idle(struct fixture *f, tfsm_time time)
{
    f->now += time;
    assert_true(tfsm_deadline(&f->tcb) == TFSM_NEVER || tfsm_deadline(&f->tcb) >= f->now);
}

/* Something to send every second until then. */
#define busy_until(f, time) be_busy(HERE(f), (time))
static void be_busy(struct fixture *f, tfsm_time until)
{
    while (f->now < until && f->tcb.state == TFSM_ESTABLISHED) {
        stream(f, 20 * WIDE_MSS);
        f->now += SECOND;
    }
}

#define expect_size(f, n) want_size(HERE(f), (n))
static void want_size(const struct fixture *f, uint32_t n)
{
    if (f->tcb.snd_mss != n) {
        print_error("segments of %u octets, not %u\n", f->tcb.snd_mss, n);
        _fail(f->file, f->line);
    }
}

/* All that the user sent has come. */
#define expect_all(f, n) want_all(HERE(f), (n))
static void want_all(const struct fixture *f, uint32_t n)
{
    if (f->tcb.state == TFSM_CLOSED || path.next != n || octets_acked(f) != n) {
        print_error("%u octets of %u came\n", path.next, n);
        _fail(f->file, f->line);
    }
}

static void forget_largest(void)
{
    path.largest = 0;
    path.largest_at = 0;
}

static void too_big(struct fixture *f, int64_t offset, uint16_t mss)
{
    struct tfsm_event event = {.kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_TOO_BIG, .mss = mss};
    event.segment.seq = seq_add(f->tcb.snd_una, (uint32_t)(offset & 0xffffffff));
    fixture_done(f, &event);
}

/* The largest text of a segment without blocks. */
static uint32_t text_of_full(const struct fixture *f)
{
    return f->tcb.snd_mss - ((f->cfg.profile & TFSM_TIMESTAMPS) != 0 ? 12u : 0u);
}

/* ---- a black hole ---- */

/* RFC4821:7.7, RFC9293:3.7.2b, RFC8201:4f: full segments are lost again and again, the handshake passed: the connection
 * goes on in smaller ones, and nothing is lost. */
static void test_mtu_black_hole(void **state)
{
    static const uint32_t most[] = {1459, 1400, 1240, 1000, 600, BASE4};
    for (size_t p = 0; p < PROFILES; p++) {
        for (size_t m = 0; m < sizeof most / sizeof most[0]; m++) {
            struct fixture *f = opened(state, profiles[p], most[m]);
            stream(f, 100000);
            expect_all(f, 100000);
            assert_in_range(f->tcb.snd_mss, BASE4, most[m]);
            forget_largest();
            stream(f, 100000);
            expect_all(f, 200000);
            assert_in_range(path.largest, 1, most[m]);
        }
    }
}

/* RFC4821:7.7: also where the path was wide once, and the numbers come round to 0. */
static void test_mtu_black_hole_later(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = wide(state, profiles[p]);
        f->iss = UINT32_MAX - 150000;
        path_open(f, RTT);
        stream(f, 100000);
        expect_size(f, WIDE_MSS);
        path.most = 1200;
        stream(f, 100000);
        expect_all(f, 200000);
        assert_in_range(f->tcb.snd_mss, BASE4, 1200);
    }
}

/* It may not take longer than three timeouts, the first of a second, until something comes that fits 1024 octets. */
static void test_mtu_black_hole_is_found_soon(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = opened(state, profiles[p], 1000);
        tfsm_time start = f->now;
        user_send(f, 50000);
        (void)path_send(f);
        while (path.next == 0) {
            assert_true(path_step(f));
        }
        assert_in_range(f->now - start, SECOND, 10 * SECOND);
    }
}

/* One full segment in flight, no more: a request, say. */
static void test_mtu_black_hole_for_a_lone_segment(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = opened(state, profiles[p], 1000);
        stream(f, 1400);
        expect_all(f, 1400);
    }
}

/* A full segment, then small ones that pass: they are reported by SACK, or duplicate ACKs come. */
static void test_mtu_black_hole_small_ones_pass(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = opened(state, profiles[p], 1000);
        user_send(f, 1448);
        (void)path_send(f);
        for (unsigned i = 0; i < 6; i++) {
            user_send(f, 100);
            (void)path_send(f);
        }
        carry_all(f);
        expect_all(f, 2048);
        assert_in_range(f->tcb.snd_mss, BASE4, 1000);
    }
}

/* The last segment bears a FIN. */
static void test_mtu_black_hole_and_a_fin(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = opened(state, profiles[p], 1000);
        user_send(f, 3000);
        user_close(f);
        (void)path_send(f);
        for (unsigned i = 0; i < 100 && path.next < 3000; i++) {
            (void)path_step(f);
        }
        assert_in_range(path.next, 3000, 3001);
        assert_int_not_equal(f->tcb.state, TFSM_CLOSED);
    }
}

/* Without the bit of the profile everything is as it was. */
static void test_mtu_black_hole_without_the_bit(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = wide(state, profiles[p]);
        f->cfg.profile &= ~(uint32_t)TFSM_PMTU;
        path_open(f, RTT);
        path.most = 1000;
        stream(f, 100000);
        expect_gone(f, TFSM_SIG_TIMED_OUT);
        assert_int_equal(path.next, 0);
    }
}

/* RFC8201:4c, RFC4821:7.7: IPv6 has no path of less than 1280, and what every IPv4 host takes is 576: smaller segments
 * would mend nothing. */
static void test_mtu_black_hole_has_a_floor(void **state)
{
    static const uint16_t bases[] = {BASE4, BASE6};
    for (size_t p = 0; p < PROFILES; p++) {
        for (size_t b = 0; b < 2; b++) {
            struct fixture *f = wide(state, profiles[p]);
            f->cfg.mss_default = bases[b];
            path_open(f, RTT);
            path.most = 1;
            user_send(f, 100000);
            uint32_t least = WIDE_MSS;
            (void)path_send(f);
            while (f->tcb.state != TFSM_CLOSED) {
                least = f->tcb.snd_mss < least ? f->tcb.snd_mss : least;
                assert_true(path_step(f));
            }
            expect_gone(f, TFSM_SIG_TIMED_OUT);
            assert_int_equal(least, bases[b]);
        }
    }
}

/* RFC4821:7.7: who has no larger segments than every path takes has nothing to lower. */
static void test_mtu_small_segments_stay(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = wide(state, profiles[p]);
        f->peer.mss = 400;
        path_open(f, RTT);
        path.most = 1;
        user_send(f, 10000);
        (void)path_send(f);
        for (unsigned i = 0; i < 6; i++) {
            (void)path_step(f);
            expect_size(f, 400);
        }
        path.most = 0;
        carry_all(f);
        expect_all(f, 10000);
        busy_until(f, f->now + AGE + MINUTE);
        assert_in_range(path.largest, 1, 400);
    }
}

/* ---- what is none ---- */

/* RFC4821:7.7 asks for a full stop: a loss that is mended changes no size, however often there is one. */
static void test_mtu_losses_change_no_size(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = opened(state, profiles[p], 0);
        for (unsigned i = 0; i < 50; i++) {
            path.lose = 1 + i % 3;
            stream(f, 30 * WIDE_MSS);
            expect_size(f, WIDE_MSS);
        }
        expect_all(f, 50 * 30 * WIDE_MSS);
    }
}

/* RFC4821:7.7: nor does a timeout, and one more. */
static void test_mtu_one_timeout_changes_no_size(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = opened(state, profiles[p], 0);
        for (unsigned i = 0; i < 20; i++) {
            user_send(f, 1400);
            path.lose = i % 2 + 1;
            carry_all(f);
            expect_size(f, WIDE_MSS);
        }
        expect_all(f, 20 * 1400);
    }
}

/* Small segments that are lost again and again tell nothing of large ones. */
static void test_mtu_small_losses_change_no_size(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = opened(state, profiles[p], 0);
        stream(f, 10000); /* large ones pass */
        user_send(f, 100);
        path.lose = 7;
        carry_all(f);
        expect_all(f, 10100);
        expect_size(f, WIDE_MSS);
    }
}

/* A path on which nothing passes for a while loses its SYN-ACKs and FINs, too: these are no large segments. */
static void test_mtu_a_fin_changes_no_size(void **state)
{
    struct fixture *f = opened(state, TODAY, 0);
    user_close(f);
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    for (unsigned i = 0; i < 6; i++) {
        expire(f);
        (void)drain(f, &s, 1);
        expect_size(f, WIDE_MSS);
    }
}

/* RFC9293:MUST-36: probes of a window that is shut are answered or not, and are small. */
static void test_mtu_window_probes_change_no_size(void **state)
{
    struct fixture *f = wide(state, 0);
    struct tfsm_segment s;
    f->cfg.profile &= ~(uint32_t)TFSM_WSCALE;
    f->peer.wnd = 0;
    f->peer.options &= (uint8_t)~TFSM_OPT_WSCALE;
    reach_established(f);
    user_send(f, 5000);
    for (unsigned i = 0; i < 7; i++) {
        expire(f);
        (void)drain(f, &s, 1);
        expect_size(f, WIDE_MSS);
    }
}

/* ---- rising again ---- */

/* A connection that has found out that the path takes 1000, and when. */
static struct fixture *lowered(void **state, uint32_t bits, tfsm_time *when)
{
    struct fixture *f = opened(state, bits, 1000);
    user_send(f, 100000);
    (void)path_send(f);
    while (f->tcb.snd_mss > 1000) {
        assert_true(path_step(f));
        *when = f->now;
    }
    carry_all(f);
    expect_all(f, 100000);
    forget_largest();
    return f;
}

/* RFC8201:4g, RFC8201:4j, RFC8201:5.3a, RFC8201:5.3b, RFC4821:7.6: for ten minutes nothing larger goes, then something does. */
static void test_mtu_rises_after_ten_minutes(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        tfsm_time when = 0;
        struct fixture *f = lowered(state, profiles[p], &when);
        path.most = 0;
        uint32_t low = f->tcb.snd_mss;
        busy_until(f, when + AGE - 2 * SECOND);
        assert_in_range(path.largest, 1, low);
        busy_until(f, when + AGE + 10 * SECOND);
        assert_in_range(path.largest, low + 1, WIDE_MSS);
        assert_true(path.largest_at >= when + AGE);
        busy_until(f, when + 3 * AGE);
        expect_size(f, WIDE_MSS);
        assert_int_equal(path.largest, WIDE_MSS);
    }
}

/* RFC4821:7.5: what is tried is one segment; what goes beside it is as large as before. */
static void test_mtu_tries_one_at_a_time(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        tfsm_time when = 0;
        struct fixture *f = lowered(state, profiles[p], &when);
        uint32_t low = f->tcb.snd_mss;
        busy_until(f, when + AGE + 10 * SECOND);
        forget_largest();
        size_t before = path.large;
        busy_until(f, when + 6 * AGE);
        expect_size(f, low);
        /* at most one in ten minutes */
        assert_in_range(path.large - before, 1, 6);
    }
}

/* It is time to try, as the next ACK will tell. */
static void become_due(struct fixture *f, tfsm_time when)
{
    f->now = when + AGE + SECOND;
    stream(f, f->tcb.snd_mss);
}

/* RFC4821:7.6.2, RFC8201:5.4: one that is lost, and nothing else, costs no window, and nothing is lost. */
static void test_mtu_a_lost_try_costs_no_window(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        tfsm_time when = 0;
        struct fixture *f = lowered(state, profiles[p], &when);
        uint32_t low = f->tcb.snd_mss;
        busy_until(f, when + AGE - 2 * SECOND);
        size_t before = path.large;
        uint32_t done = path.next;
        become_due(f, when);
        uint32_t cwnd = f->tcb.cwnd;
        uint32_t ssthresh = f->tcb.ssthresh;
        done = path.next;
        user_send(f, 20 * low);
        (void)path_send(f);
        assert_int_equal(path.large, before + 1);
        while (f->tcb.snd_una != f->tcb.snd_end) {
            assert_true(path_step(f));
            if (!recovers(f) && (f->tcb.cwnd < cwnd || f->tcb.ssthresh < ssthresh)) {
                print_error("profile %zu: window %u, threshold %u, not %u, %u\n", p, f->tcb.cwnd,
                            f->tcb.ssthresh, cwnd, ssthresh);
                fail();
            }
        }
        assert_false(recovers(f));
        expect_all(f, done + 20 * low);
        expect_size(f, low);
        assert_int_equal(path.large, before + 1);
        assert_true(f->now < when + AGE + 19 * SECOND / 10); /* no timeout */
    }
}

/* RFC4821:7.4: the message made everything go again, up to where SND.UNA is now: there duplicates tell of no loss without SACK
 * (RFC6582:3.2), and a try would cost a timeout. */
static void test_mtu_no_try_where_duplicates_tell_nothing(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = opened(state, profiles[p], 1000);
        user_send(f, 1400);
        (void)path_send(f);
        too_big(f, 0, 1000);
        carry_all(f);
        expect_all(f, 1400);
        idle(f, AGE + SECOND);
        flow_answer(f, &(struct answer){.ack = 1400, .echo = f->now}); /* nothing new, but an ACK */
        tfsm_time start = f->now;
        size_t before = path.large;
        user_send(f, 12000);
        carry_all(f);
        expect_all(f, 13400);
        bool sack = (profiles[p] & TFSM_SACK) != 0;
        assert_int_equal(path.large - before, sack ? 1 : 0);
        assert_true(f->now < start + SECOND);
    }
}

/* The same amid a flight: what was sent before it has come. A message that tells of it changes nothing of that. */
static void test_mtu_a_lost_try_amid_a_flight(void **state)
{
    for (size_t p = 0; p < 2 * PROFILES; p++) {
        tfsm_time when = 0;
        struct fixture *f = lowered(state, profiles[p / 2], &when);
        uint32_t low = f->tcb.snd_mss;
        busy_until(f, when + AGE - 2 * SECOND);
        size_t before = path.large;
        f->now = when + AGE + SECOND;
        uint32_t done = path.next;
        bool told = p % 2 == 0;
        user_send(f, 100 * low);
        (void)path_send(f);
        uint32_t cwnd = f->tcb.cwnd;
        uint32_t ssthresh = f->tcb.ssthresh;
        assert_int_equal(path.large, before);
        while (f->tcb.snd_una != f->tcb.snd_end) {
            assert_true(path_step(f));
            if (path.large > before && !told) {
                assert_int_not_equal(f->tcb.snd_una, f->tcb.mtu_seq);
                too_big(f, seq_distance(f->tcb.snd_una, f->tcb.mtu_seq), (uint16_t)(low + 1));
                (void)path_send(f);
                told = true;
            }
            if (!recovers(f) && (f->tcb.cwnd < cwnd || f->tcb.ssthresh < ssthresh)) {
                print_error("profile %zu: window %u, threshold %u, not %u, %u\n", p, f->tcb.cwnd,
                            f->tcb.ssthresh, cwnd, ssthresh);
                fail();
            }
        }
        assert_int_equal(path.large, before + 1);
        expect_all(f, done + 100 * low);
        expect_size(f, low);
    }
}

/* RFC4821:7.6.4: other losses beside it are what they are. */
static void test_mtu_a_lost_try_beside_losses(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        tfsm_time when = 0;
        struct fixture *f = lowered(state, profiles[p], &when);
        uint32_t low = f->tcb.snd_mss;
        busy_until(f, when + AGE - 2 * SECOND);
        become_due(f, when);
        uint32_t done = path.next;
        uint32_t cwnd = f->tcb.cwnd;
        size_t before = path.large;
        user_send(f, 20 * low);
        path.lose = 2;
        (void)path_send(f);
        assert_int_equal(path.large, before + 1);
        bool cut = false;
        while (f->tcb.snd_una != f->tcb.snd_end) {
            assert_true(path_step(f));
            cut = cut || f->tcb.ssthresh < cwnd;
        }
        assert_true(cut);
        expect_all(f, done + 20 * low);
        expect_size(f, low);
    }
}

/* RFC4821:7.4: it needs enough behind it to be missed without a timeout, */
static void test_mtu_no_try_without_enough_to_send(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        tfsm_time when = 0;
        struct fixture *f = lowered(state, profiles[p], &when);
        uint32_t low = f->tcb.snd_mss;
        idle(f, when + AGE + MINUTE - f->now);
        for (unsigned i = 0; i < 10; i++) {
            stream(f, 2 * low);
        }
        assert_in_range(path.largest, 1, low);
    }
}

/* RFC4821:7.4: and no loss that is being mended. */
static void test_mtu_no_try_amid_losses(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        tfsm_time when = 0;
        struct fixture *f = lowered(state, profiles[p], &when);
        uint32_t low = f->tcb.snd_mss;
        busy_until(f, when + AGE - 2 * SECOND);
        user_send(f, 60 * low);
        path.lose = 1;
        (void)path_send(f);
        f->now += 3 * SECOND;
        uint32_t done = octets_sent(f);
        assert_true(f->now > when + AGE);
        while (octets_acked(f) < done) {
            bool mending = recovers(f) || f->tcb.snd_lost > 0;
            assert_true(path_step(f));
            assert_true(!mending || !recovers(f) || path.largest <= low);
        }
        carry_all(f);
        expect_size(f, low);
    }
}

/* RFC4821:7.4: nor with a window that does not hold it. */
static void test_mtu_no_try_beyond_the_window(void **state)
{
    tfsm_time when = 0;
    struct fixture *f = lowered(state, 0, &when);
    uint32_t low = f->tcb.snd_mss;
    busy_until(f, when + AGE - 2 * SECOND);
    become_due(f, when);
    f->tcb.cwnd = 2 * low;
    user_send(f, 20 * low);
    struct tfsm_segment s;
    while (take(f, &s)) {
        assert_in_range(octets_of(&s), 1, low);
        assert_in_range(in_flight(f), 1, 3 * low);
    }
}

/* A connection that says nothing has no timer for it: there is nothing to try with. */
static void test_mtu_idle_has_no_deadline(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        tfsm_time when = 0;
        struct fixture *f = lowered(state, profiles[p], &when);
        expect_deadline(f, TFSM_NEVER);
        f->now += 2 * AGE;
        after(f, SECOND);
        expect_nothing(f);
    }
}

/* RFC4821:7.7: a path that grew and shrinks again is found out again. */
static void test_mtu_falls_after_rising(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        tfsm_time when = 0;
        struct fixture *f = lowered(state, profiles[p], &when);
        path.most = 0;
        busy_until(f, when + 3 * AGE);
        expect_size(f, WIDE_MSS);
        path.most = 1100;
        uint32_t done = path.next;
        stream(f, 100000);
        expect_all(f, done + 100000);
        assert_in_range(f->tcb.snd_mss, BASE4, 1100);
    }
}

/* RFC4821:7.6: a path that has grown a little: what it takes is found to within a quarter. */
static void test_mtu_finds_what_the_path_takes(void **state)
{
    tfsm_time when = 0;
    struct fixture *f = lowered(state, TODAY, &when);
    path.most = 1400;
    busy_until(f, when + 12 * AGE);
    assert_in_range(f->tcb.snd_mss, 1100, 1400);
    uint32_t found = f->tcb.snd_mss;
    forget_largest();
    busy_until(f, f->now + 5 * SECOND);
    assert_true(f->tcb.snd_mss >= found);
}

/* RFC8201:5.4, RFC9293:MUST-16: what the SYNs said bounds it. */
static void test_mtu_rises_no_higher_than_the_peer_takes(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = wide(state, profiles[p]);
        f->peer.mss = 1300;
        path_open(f, RTT);
        path.most = 1000;
        stream(f, 50000);
        assert_in_range(f->tcb.snd_mss, BASE4, 1000);
        path.most = 0;
        forget_largest();
        busy_until(f, f->now + 4 * AGE);
        expect_size(f, 1300);
        assert_int_equal(path.largest, 1300);
    }
}

/* RFC9293:MUST-16: and what we said of our own. */
static void test_mtu_rises_no_higher_than_we_may(void **state)
{
    struct fixture *f = wide(state, TODAY);
    f->cfg.mss = 1200;
    path_open(f, RTT);
    path.most = 1000;
    stream(f, 50000);
    path.most = 0;
    forget_largest();
    busy_until(f, f->now + 4 * AGE);
    expect_size(f, 1200);
    assert_int_equal(path.largest, 1200);
}

/* RFC9293:MUST-16: options are part of a size: timestamps in every segment, blocks that tell of what came out of order. */
static void test_mtu_options_count(void **state)
{
    struct fixture *f = opened(state, TFSM_SACK | TFSM_TIMESTAMPS, 1000);
    struct tfsm_segment s =
        segment_of(f, (struct from_peer){.flags = TFSM_ACK, .seq = 100, .text = 10});
    s.options |= TFSM_OPT_TIMESTAMPS;
    s.ts_val = f->peer.ts_val;
    s.ts_ecr = f->peer.ts_ecr;
    arrive_segment(f, &s);
    assert_true(take(f, &s));
    assert_int_equal(s.sacks, 1);
    user_send(f, 3 * WIDE_MSS);
    assert_true(take(f, &s));
    assert_int_equal(s.len, WIDE_MSS - 20); /* timestamps and a block */
    (void)path_send(f);
    carry_all(f);
    assert_in_range(f->tcb.snd_mss, BASE4, 1000);
    path.most = 0;
    forget_largest();
    busy_until(f, f->now + 4 * AGE);
    expect_size(f, WIDE_MSS);
    assert_int_equal(path.largest, WIDE_MSS);
}

/* ---- ICMP ---- */

/* RFC8201:4h, RFC8201:4i, RFC8201:4j: a message makes segments smaller, and none larger is tried within 10 minutes; then one is. */
static void test_mtu_rises_after_a_message(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = opened(state, profiles[p], 1000);
        user_send(f, 50000);
        (void)path_send(f);
        too_big(f, 0, 1000);
        tfsm_time when = f->now;
        expect_size(f, 1000);
        carry_all(f);
        expect_all(f, 50000);
        path.most = 0;
        forget_largest();
        busy_until(f, when + AGE - 2 * SECOND);
        assert_in_range(path.largest, 1, 1000);
        busy_until(f, when + 3 * AGE);
        assert_true(path.largest_at >= when + AGE);
        expect_size(f, WIDE_MSS);
    }
}

/* RFC8201:5.4: it costs no window, which is as many segments as before (RFC5681:3.1e). */
static void test_mtu_a_message_costs_no_window(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = opened(state, profiles[p], 1000);
        user_send(f, 10 * WIDE_MSS);
        uint32_t cwnd = f->tcb.cwnd;
        uint32_t ssthresh = f->tcb.ssthresh;
        uint32_t full = text_of_full(f);
        (void)path_send(f);
        too_big(f, 0, 1000);
        (void)path_send(f);
        assert_int_equal(f->tcb.cwnd / text_of_full(f), cwnd / full);
        assert_int_equal(f->tcb.ssthresh, ssthresh);
    }
}

/* RFC8201:4i: a second message after nine minutes begins the wait anew. */
static void test_mtu_a_second_message_waits_anew(void **state)
{
    struct fixture *f = opened(state, TFSM_SACK, 1000);
    user_send(f, 50000);
    (void)path_send(f);
    too_big(f, 0, 1000);
    tfsm_time when = f->now;
    carry_all(f);
    busy_until(f, when + 9 * MINUTE);
    path.most = 900;
    user_send(f, 20000);
    (void)path_send(f);
    too_big(f, 0, 900);
    expect_size(f, 900);
    when = f->now;
    carry_all(f);
    path.most = 0;
    forget_largest();
    busy_until(f, when + AGE - 2 * SECOND);
    assert_in_range(path.largest, 1, 900);
    busy_until(f, when + 3 * AGE);
    assert_true(path.largest_at >= when + AGE);
    expect_size(f, WIDE_MSS);
}

/* A try is on its way: it begins at this number, and is so large. */
static uint32_t begin_try(struct fixture *f, tfsm_time when, uint32_t *size)
{
    busy_until(f, when + AGE - 2 * SECOND);
    become_due(f, when);
    uint32_t low = f->tcb.snd_mss;
    struct tfsm_segment s;
    uint32_t offset = UINT32_MAX;
    user_send(f, 10 * low);
    while (take(f, &s)) {
        if (octets_of(&s) > low) {
            assert_int_equal(offset, UINT32_MAX);
            offset = seq_distance(f->tcb.snd_una, s.seq);
            *size = octets_of(&s);
        }
    }
    assert_int_not_equal(offset, UINT32_MAX);
    return offset;
}

/* RFC8201:4k, RFC8201:5.4: a try is answered by a message: it has failed, at once and with no harm to the window; the
 * segments do not grow by what it tells. */
static void test_mtu_a_message_answers_a_try(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        tfsm_time when = 0;
        uint32_t size = 0;
        struct fixture *f = lowered(state, profiles[p], &when);
        uint32_t low = f->tcb.snd_mss;
        uint32_t offset = begin_try(f, when, &size);
        uint32_t cwnd = f->tcb.cwnd;
        uint32_t ssthresh = f->tcb.ssthresh;
        too_big(f, offset, (uint16_t)low);
        when = f->now;
        expect_size(f, low);
        /* what it bore goes again, in what fits */
        struct tfsm_segment s;
        bool again = false;
        while (take(f, &s)) {
            assert_in_range(octets_of(&s), 1, low);
            again = again || seq_distance(f->tcb.snd_una, s.seq) == offset;
        }
        assert_true(again);
        path.most = 0;
        path.next = octets_sent(f);
        path.highest = path.next;
        flow_answer(f, &(struct answer){.ack = path.next});
        assert_false(recovers(f));
        assert_true(f->tcb.cwnd >= cwnd && f->tcb.ssthresh >= ssthresh);
        forget_largest();
        busy_until(f, when + AGE - 2 * SECOND);
        assert_in_range(path.largest, 1, low);
    }
}

/* RFC8201:4k: nothing grows by a message, be it of what is in flight or not. */
static void test_mtu_no_message_makes_segments_larger(void **state)
{
    static const uint16_t sizes[] = {1001, 1200, 1459, 1460, 9000, 65535};
    for (size_t p = 0; p < PROFILES; p++) {
        tfsm_time when = 0;
        struct fixture *f = lowered(state, profiles[p], &when);
        uint32_t low = f->tcb.snd_mss;
        user_send(f, 5 * low);
        (void)path_send(f);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            too_big(f, 0, sizes[i]);
            expect_size(f, low);
            expect_nothing(f);
        }
        carry_all(f);
        busy_until(f, when + 5 * MINUTE);
        assert_in_range(path.largest, 1, low);
    }
}

/* RFC8201:4a, RFC5927:4.1: a message that quotes what is not in flight changes nothing. */
static void test_mtu_a_message_must_quote_what_is_in_flight(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        struct fixture *f = opened(state, profiles[p], 0);
        user_send(f, 5 * WIDE_MSS);
        struct tfsm_segment s;
        (void)drain(f, &s, 1);
        const int64_t outside[] = {-1,        -1000,    in_flight(f), (int64_t)in_flight(f) + 1,
                                   INT32_MAX, INT32_MIN};
        for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
            too_big(f, outside[i], 800);
            expect_unchanged(f);
            expect_nothing(f);
        }
    }
}

/* ---- what is kept ---- */

/* A new connection knows nothing of the path that the last one had. */
static void test_mtu_the_next_connection_begins_anew(void **state)
{
    tfsm_time when = 0;
    struct fixture *f = lowered(state, TODAY, &when);
    user_abort(f);
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    assert_int_equal(f->tcb.mtu_at, 0);
    assert_int_equal(f->tcb.mss_try, 0);
    assert_int_equal(f->tcb.mss_full, 0);
}

/* RFC4821:7.3: a segment that tries a larger size was sent, and is not empty: the invariants know. */
static void test_mtu_what_tries_was_sent(void **state)
{
    tfsm_time when = 0;
    struct fixture *f = lowered(state, TODAY, &when);
    user_send(f, 2 * MSS);
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    f->tcb.mss_try = (uint16_t)(f->tcb.snd_mss + 1);
    f->tcb.loss |= TFSM_L_MTU_OUT;
    f->tcb.mtu_seq = f->tcb.snd_una;
    f->tcb.mtu_end = f->tcb.snd_nxt;
    assert_int_equal(tfsm_check(&f->tcb), TFSM_OK);
    f->tcb.mtu_end = seq_add(f->tcb.snd_nxt, 1);
    assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_MSS);
    f->tcb.mtu_end = f->tcb.mtu_seq;
    assert_int_equal(tfsm_check(&f->tcb), TFSM_CLAUSE_MSS);
}

/* RFC4821:7.6.2, RFC8201:5.4, RFC8985:6.2v: what tells is a timer, with no ACK at that moment: the window stays, the try is
 * given up for ten minutes, and the ACK of all of it, in pieces, is no answer to it. */
static void test_mtu_a_timer_finds_a_try_lost(void **state)
{
    for (size_t p = 0; p < PROFILES; p++) {
        if ((profiles[p] & TFSM_RACK) == 0) {
            continue;
        }
        tfsm_time when = 0;
        uint32_t size = 0;
        struct fixture *f = lowered(state, profiles[p], &when);
        uint32_t low = f->tcb.snd_mss;
        assert_int_equal(begin_try(f, when, &size), 0);
        uint32_t cwnd = f->tcb.cwnd;
        uint32_t ssthresh = f->tcb.ssthresh;
        uint32_t done = octets_acked(f);
        uint32_t behind = seq_distance(f->tcb.snd_una, f->tcb.mtu_end);
        f->now += RTT;
        flow_answer(f,
                    &(struct answer){.ack = done,
                                     .echo = f->now - RTT,
                                     .blocks = {{done + behind, done + behind + text_of_full(f)}}});
        (void)flow_sent(f);
        assert_false(recovers(f)); /* it may have arrived */
        assert_true((f->tcb.loss & TFSM_L_MTU_OUT) != 0);
        expire(f);
        assert_true(f->tcb.cwnd >= cwnd);
        assert_int_equal(f->tcb.mtu_at, f->now + AGE);
        struct tfsm_segment s;
        assert_true(take(f, &s));
        assert_int_equal(s.seq, f->tcb.snd_una);
        assert_in_range(octets_of(&s), low - 12, low);
        assert_true(take(f, &s));
        assert_int_equal(s.seq, f->tcb.snd_una + text_of_full(f));
        assert_int_equal(s.len, behind - text_of_full(f));
        (void)flow_sent(f);
        when = f->now;
        f->now += RTT;
        path.next = path.highest = octets_sent(f);
        flow_answer(f, &(struct answer){.ack = path.next, .echo = when});
        expect_size(f, low);
        assert_false(recovers(f));
        assert_true(f->tcb.cwnd >= cwnd && f->tcb.ssthresh >= ssthresh);
        forget_largest();
        busy_until(f, when + AGE - 2 * SECOND);
        assert_in_range(path.largest, 1, low);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mtu_black_hole),
        cmocka_unit_test(test_mtu_black_hole_later),
        cmocka_unit_test(test_mtu_black_hole_is_found_soon),
        cmocka_unit_test(test_mtu_black_hole_for_a_lone_segment),
        cmocka_unit_test(test_mtu_black_hole_small_ones_pass),
        cmocka_unit_test(test_mtu_black_hole_and_a_fin),
        cmocka_unit_test(test_mtu_black_hole_without_the_bit),
        cmocka_unit_test(test_mtu_black_hole_has_a_floor),
        cmocka_unit_test(test_mtu_small_segments_stay),
        cmocka_unit_test(test_mtu_losses_change_no_size),
        cmocka_unit_test(test_mtu_one_timeout_changes_no_size),
        cmocka_unit_test(test_mtu_small_losses_change_no_size),
        cmocka_unit_test(test_mtu_a_fin_changes_no_size),
        cmocka_unit_test(test_mtu_window_probes_change_no_size),
        cmocka_unit_test(test_mtu_rises_after_ten_minutes),
        cmocka_unit_test(test_mtu_tries_one_at_a_time),
        cmocka_unit_test(test_mtu_a_lost_try_costs_no_window),
        cmocka_unit_test(test_mtu_no_try_where_duplicates_tell_nothing),
        cmocka_unit_test(test_mtu_a_lost_try_amid_a_flight),
        cmocka_unit_test(test_mtu_a_lost_try_beside_losses),
        cmocka_unit_test(test_mtu_no_try_without_enough_to_send),
        cmocka_unit_test(test_mtu_no_try_amid_losses),
        cmocka_unit_test(test_mtu_no_try_beyond_the_window),
        cmocka_unit_test(test_mtu_idle_has_no_deadline),
        cmocka_unit_test(test_mtu_falls_after_rising),
        cmocka_unit_test(test_mtu_finds_what_the_path_takes),
        cmocka_unit_test(test_mtu_rises_no_higher_than_the_peer_takes),
        cmocka_unit_test(test_mtu_rises_no_higher_than_we_may),
        cmocka_unit_test(test_mtu_options_count),
        cmocka_unit_test(test_mtu_rises_after_a_message),
        cmocka_unit_test(test_mtu_a_message_costs_no_window),
        cmocka_unit_test(test_mtu_a_second_message_waits_anew),
        cmocka_unit_test(test_mtu_a_message_answers_a_try),
        cmocka_unit_test(test_mtu_no_message_makes_segments_larger),
        cmocka_unit_test(test_mtu_a_message_must_quote_what_is_in_flight),
        cmocka_unit_test(test_mtu_the_next_connection_begins_anew),
        cmocka_unit_test(test_mtu_what_tries_was_sent),
        cmocka_unit_test(test_mtu_a_timer_finds_a_try_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
