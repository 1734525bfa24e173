/* Congestion control: RFC 5681 with limited transmit, and the recovery of RFC 6582 (NewReno).
 * Windows are told in segments of 1000 octets where nothing else is said, the peer's is wide open,
 * and the send buffer holds as much, so that the congestion window is what limits. */
#include "fixture.h"

#define WIDE      60000u
#define CONGESTED (PROFILE | TFSM_CONGESTION)
#define LIMITED   (CONGESTED | TFSM_LIMITED_TRANSMIT)
#define MS        ((tfsm_time)1000)

/* ---- building ---- */

static struct fixture *congested(void **state)
{
    struct fixture *f = fresh(state);
    f->cfg.profile = CONGESTED;
    f->cfg.initial_window = 0;
    f->cfg.snd_buff = WIDE;
    f->peer.wnd = WIDE;
    return f;
}

static struct fixture *congested_established(void **state)
{
    struct fixture *f = congested(state);
    reach_established(f);
    return f;
}

/* Fill the send buffer. */
static void fill(struct fixture *f)
{
    struct tfsm_status_block block;
    assert_int_equal(tfsm_status(&f->tcb, &block), TFSM_DONE);
    if (block.queued < f->cfg.snd_buff) {
        user_send(f, f->cfg.snd_buff - block.queued);
    }
}

/* Take what is sent: how many segments with text. RFC5681:2: no text lies beyond what was
 * acknowledged and the lesser of both windows; limited transmit goes two segments further. A FIN is
 * no text. */
static size_t sent(struct fixture *f)
{
    struct tfsm_segment out;
    size_t n = 0;
    while (take(f, &out)) {
        uint32_t ours = f->tcb.cwnd;
        ours += (f->cfg.profile & TFSM_LIMITED_TRANSMIT) != 0 ? 2 * MSS : 0;
        uint32_t least = ours < f->tcb.snd_wnd ? ours : f->tcb.snd_wnd;
        uint32_t text = out.len - ((out.flags & TFSM_FIN) != 0 ? 1u : 0u);
        assert_true(text == 0 || seq_distance(f->tcb.snd_una, seq_add(out.seq, text)) <= least);
        n += text > 0 ? 1u : 0u;
    }
    return n;
}

/* So many segments in flight, which is also the congestion window; nothing else is queued. */
static struct fixture *flight_of(struct fixture *f, uint8_t n)
{
    f->cfg.initial_window = n;
    reach_established(f);
    user_send(f, n * MSS);
    assert_int_equal(sent(f), n);
    assert_int_equal(f->tcb.cwnd, n * MSS);
    assert_int_equal(in_flight(f), n * MSS);
    return f;
}

static struct fixture *in_flight_of(void **state, uint8_t n)
{
    return flight_of(congested(state), n);
}

#define dup(f)         arrive(f, .flags = TFSM_ACK)
#define progress(f, n) arrive(f, .flags = TFSM_ACK, .ack = (n))
#define expect_front(f, n)                                                                         \
    expect_segment(f, .flags = TFSM_ACK, .seq = 1 + (n), .ack = 1, .len = MSS)

/* Nothing but acknowledgments without text is sent. */
static void expect_no_text(struct fixture *f)
{
    assert_int_equal(sent(f), 0);
}

static void expect_windows(const struct fixture *f, uint32_t cwnd, uint32_t ssthresh)
{
    assert_int_equal(f->tcb.cwnd, cwnd);
    assert_int_equal(f->tcb.ssthresh, ssthresh);
}

/* The last step moved neither. */
static void expect_same_windows(const struct fixture *f)
{
    expect_windows(f, f->before.cwnd, f->before.ssthresh);
}

/* Ten segments in flight, of which the first is lost: three duplicates have come. */
static struct fixture *in_recovery(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    for (unsigned i = 0; i < 3; i++) {
        dup(f);
    }
    (void)expect_front(f, 0);
    expect_nothing(f);
    expect_windows(f, 8 * MSS, 5 * MSS);
    return f;
}

/* The timer went off for one segment of one in flight: ssthresh is two segments. Then slow start up
 * to three, where congestion avoidance rules. The buffer and the window are full. */
static struct fixture *in_avoidance(void **state)
{
    struct fixture *f = in_flight_of(state, 1);
    expire(f);
    (void)expect_front(f, 0);
    expect_windows(f, MSS, 2 * MSS);
    fill(f);
    for (unsigned i = 0; i < 3 && f->tcb.cwnd <= 2 * MSS; i++) { /* at equality either rules */
        progress(f, MSS);
        (void)sent(f);
    }
    expect_windows(f, 3 * MSS, 2 * MSS);
    assert_int_equal(in_flight(f), 3 * MSS);
    return f;
}

/* ---- the initial window ---- */

static const struct {
    uint16_t mss;
    size_t segments;
} initial[] = {{64, 4},   {536, 4},  {1000, 4}, {1095, 4}, {1096, 3},
               {1460, 3}, {2190, 3}, {2191, 2}, {9000, 2}};

static void expect_initial_window(struct fixture *f, uint16_t mss, size_t segments)
{
    assert_int_equal(f->tcb.cwnd, segments * mss);
    fill(f);
    assert_int_equal(sent(f), segments);
    assert_int_equal(in_flight(f), segments * mss);
}

/* RFC5681:3.1b, RFC5681:3.1c: by the size of a segment; the SYN,ACK adds nothing. */
static void test_congestion_initial_window(void **state)
{
    for (size_t i = 0; i < sizeof initial / sizeof initial[0]; i++) {
        struct fixture *f = congested(state);
        f->cfg.mss = initial[i].mss;
        f->peer.mss = initial[i].mss;
        reach_established(f);
        expect_initial_window(f, initial[i].mss, initial[i].segments);
    }
}

/* RFC5681:3.1b, RFC5681:3.1c: nor does the ACK of our SYN,ACK. */
static void test_congestion_initial_window_passive(void **state)
{
    for (size_t i = 0; i < sizeof initial / sizeof initial[0]; i++) {
        struct fixture *f = congested(state);
        f->cfg.mss = initial[i].mss;
        f->peer.mss = initial[i].mss;
        reach_established_passive(f);
        expect_initial_window(f, initial[i].mss, initial[i].segments);
    }
}

/* RFC5681:3.1c: a simultaneous open is no other. */
static void test_congestion_initial_window_simultaneous(void **state)
{
    struct fixture *f = congested(state);
    reach_syn_received_active(f);
    arrive(f, .flags = TFSM_ACK, .ack = 1);
    expect_state(f, TFSM_ESTABLISHED);
    expect_initial_window(f, MSS, 4);
}

/* RFC5681:3.1b: the lesser of both sizes counts. */
static void test_congestion_initial_window_by_the_smaller_segment(void **state)
{
    struct fixture *f = congested(state);
    f->cfg.mss = 9000;
    f->peer.mss = 500;
    reach_established(f);
    expect_initial_window(f, 500, 4);
}

/* RFC5681:3.1b: so many segments, options or not: what they take of a segment makes no fifth. */
static void test_congestion_initial_window_with_options(void **state)
{
    struct fixture *f = congested(state);
    f->cfg.profile |= TFSM_TIMESTAMPS;
    f->peer.options |= TFSM_OPT_TIMESTAMPS;
    f->cfg.mss = 1095;
    f->peer.mss = 1095;
    reach_established(f);
    fill(f);
    assert_true(sent(f) <= 4);
}

/* The user may choose. */
static void test_congestion_initial_window_as_configured(void **state)
{
    static const uint8_t windows[] = {1, 2, 3, 10, 50};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        struct fixture *f = congested(state);
        f->cfg.initial_window = windows[i];
        reach_established(f);
        expect_initial_window(f, MSS, windows[i]);
    }
}

/* RFC5681:3.1d: whatever the window would have been; but for ten segments, of which RFC 6928 says otherwise
 * (test_initial_window.c). */
static void test_congestion_lost_syn_gives_one_segment(void **state)
{
    for (uint8_t window = 0; window <= 12; window += 12) {
        struct fixture *f = congested(state);
        f->cfg.initial_window = window;
        reach_syn_sent(f);
        expire(f);
        (void)expect_segment(f, .flags = TFSM_SYN, .len = 1);
        arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
        expect_ack(f);
        expect_initial_window(f, MSS, 1);
    }
}

/* RFC5681:3.1d */
static void test_congestion_lost_syn_ack_gives_one_segment(void **state)
{
    for (uint8_t window = 0; window <= 12; window += 12) {
        struct fixture *f = congested(state);
        f->cfg.initial_window = window;
        reach_syn_received(f);
        expire(f);
        (void)expect_segment(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1, .len = 1);
        arrive(f, .flags = TFSM_ACK, .ack = 1);
        expect_initial_window(f, MSS, 1);
    }
}

/* RFC5681:3.1f: no less than the greatest window of all. */
static void test_congestion_ssthresh_begins_high(void **state)
{
    struct fixture *f = congested_established(state);
    assert_true(f->tcb.ssthresh >= TFSM_BUFF_MAX);
}

/* ---- slow start, congestion avoidance ---- */

/* RFC5681:3: the congestion window is a bound, and only an ACK moves it. [RFC5681:2a] */
static void test_congestion_window_bounds_what_is_outstanding(void **state)
{
    struct fixture *f = congested_established(state);
    fill(f);
    assert_int_equal(sent(f), 4);
    expect_nothing(f);
    progress(f, MSS);
    assert_int_equal(sent(f), 2);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_no_text(f);
}

/* RFC5681:3.1a: the lesser of both windows counts. [RFC5681:2a] */
static void test_congestion_the_peers_window_bounds_too(void **state)
{
    struct fixture *f = congested(state);
    f->peer.wnd = 3 * MSS;
    reach_established(f);
    fill(f);
    assert_int_equal(sent(f), 3);
}

/* RFC5681:3.1a: without the profile bit the peer's window is the only one. */
static void test_congestion_off_sends_the_whole_window(void **state)
{
    struct fixture *f = congested(state);
    struct tfsm_segment out;
    f->cfg.profile = PROFILE;
    reach_established(f);
    fill(f);
    assert_int_equal(drain(f, &out, 1), WIDE / MSS);
}

/* RFC9293:MUST-19, RFC5681:3.1g: a segment more for each that is acknowledged, so the window doubles.
 * [RFC5681:3.1p] */
static void test_congestion_slow_start_doubles(void **state)
{
    struct fixture *f = congested_established(state);
    fill(f);
    assert_int_equal(sent(f), 4);
    for (uint32_t window = 4; window <= 16; window *= 2) {
        for (uint32_t i = 1; i <= window; i++) {
            progress(f, MSS);
            assert_int_equal(f->tcb.cwnd, (window + i) * MSS);
            fill(f);
            assert_int_equal(sent(f), 2);
        }
    }
}

/* RFC5681:3.1g: one segment at most, however much is acknowledged. [RFC5681:3.1q] */
static void test_congestion_slow_start_stretched_ack_adds_one_segment(void **state)
{
    struct fixture *f = in_flight_of(state, 4);
    progress(f, 3 * MSS);
    assert_int_equal(f->tcb.cwnd, 5 * MSS);
}

/* RFC5681:3.1g: and no more than is acknowledged: an ACK in pieces gains nothing. */
static void test_congestion_slow_start_divided_ack_adds_its_octets(void **state)
{
    struct fixture *f = in_flight_of(state, 4);
    progress(f, 1);
    assert_int_equal(f->tcb.cwnd, 4 * MSS + 1);
    progress(f, 399);
    assert_int_equal(f->tcb.cwnd, 4 * MSS + 400);
    progress(f, 600);
    assert_int_equal(f->tcb.cwnd, 5 * MSS);
}

/* RFC5681:3.1i, RFC5681:3.1h: a segment for each window of octets. [RFC5681:3.1r, RFC5681:3.1s] */
static void test_congestion_avoidance_adds_a_segment_per_window(void **state)
{
    struct fixture *f = in_avoidance(state);
    for (uint32_t window = 3; window < 12; window++) {
        for (uint32_t i = 0; i < window; i++) {
            expect_windows(f, window * MSS, 2 * MSS);
            progress(f, MSS);
            fill(f);
            (void)sent(f);
        }
        assert_int_equal(f->tcb.cwnd, (window + 1) * MSS);
    }
}

/* RFC5681:3.1h, RFC5681:3.1i: octets count, not ACKs. */
static void test_congestion_avoidance_divided_acks_gain_nothing(void **state)
{
    struct fixture *f = in_avoidance(state);
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(f->tcb.cwnd, 3 * MSS);
        progress(f, MSS / 10);
    }
    assert_int_equal(f->tcb.cwnd, 4 * MSS);
}

/* RFC5681:3.1h, RFC5681:3.1i: one ACK for the whole window adds its segment, and that is all.
 * [RFC5681:3.1r] */
static void test_congestion_avoidance_stretched_ack_adds_one_segment(void **state)
{
    struct fixture *f = in_avoidance(state);
    progress(f, 2 * MSS);
    assert_int_equal(f->tcb.cwnd, 3 * MSS);
    progress(f, MSS);
    assert_int_equal(f->tcb.cwnd, 4 * MSS);
}

/* RFC5681:3.1h: acknowledgments of nothing new add nothing, in neither phase. */
static void test_congestion_ack_of_nothing_new_adds_nothing(void **state)
{
    struct fixture *f = in_avoidance(state);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_same_windows(f);
    dup(f);
    expect_same_windows(f);
    f = in_flight_of(state, 4);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_same_windows(f);
    dup(f);
    expect_same_windows(f);
}

static void path_shrinks(struct fixture *f, uint16_t mss)
{
    assert_int_equal(call(f, .kind = TFSM_EV_ICMP, .icmp = TFSM_ICMP_TOO_BIG, .mss = mss,
                          .segment = {.seq = f->tcb.snd_una}),
                     TFSM_DONE);
}

/* RFC5681:3.1e: by the ratio of the sizes, so that the number of segments stays. */
static void test_congestion_smaller_path_shrinks_the_window(void **state)
{
    static const uint16_t sizes[] = {999, 800, 500, 250, 100};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct fixture *f = in_flight_of(state, 4);
        path_shrinks(f, sizes[i]);
        assert_int_equal(f->tcb.cwnd, 4u * sizes[i]);
    }
}

/* RFC5681:3.1e: where the path takes what we send nothing shrinks. */
static void test_congestion_wide_path_leaves_the_window(void **state)
{
    struct fixture *f = in_flight_of(state, 4);
    path_shrinks(f, MSS);
    assert_int_equal(f->tcb.cwnd, 4 * MSS);
    path_shrinks(f, 1400);
    assert_int_equal(f->tcb.cwnd, 4 * MSS);
}

/* One segment goes and is acknowledged. */
static void one_segment(struct fixture *f)
{
    user_send(f, MSS);
    assert_int_equal(sent(f), 1);
    progress(f, MSS);
}

/* The window of congestion avoidance is ten segments, and nine are acknowledged of what it takes to
 * add another. Nothing is in flight. */
static struct fixture *at_the_end_of_a_window(void **state)
{
    struct fixture *f = in_flight_of(state, 1);
    expire(f);
    (void)expect_front(f, 0);
    progress(f, MSS);
    for (unsigned i = 0; i < 100 && f->tcb.cwnd < 10 * MSS; i++) {
        one_segment(f);
    }
    for (unsigned i = 0; i < 9; i++) {
        one_segment(f);
    }
    expect_windows(f, 10 * MSS, 2 * MSS);
    return f;
}

/* RFC5681:3.1h: what was counted towards a segment does not outlast a pause: the window is smaller,
 * and two ACKs on end would add two segments. */
static void test_congestion_avoidance_count_does_not_outlast_a_pause(void **state)
{
    struct fixture *f = at_the_end_of_a_window(state);
    f->cfg.initial_window = 4;
    f->now += f->tcb.rto + 1;
    fill(f);
    assert_int_equal(sent(f), 4);
    expect_windows(f, 4 * MSS, 2 * MSS);
    progress(f, MSS);
    progress(f, MSS);
    assert_true(f->tcb.cwnd <= 5 * MSS);
}

/* RFC5681:3.1h: nor a path that got narrower. */
static void test_congestion_avoidance_count_does_not_outlast_the_segment_size(void **state)
{
    struct fixture *f = at_the_end_of_a_window(state);
    fill(f);
    assert_int_equal(sent(f), 10);
    path_shrinks(f, MSS / 2);
    assert_int_equal(f->tcb.cwnd, 10 * MSS / 2);
    for (unsigned i = 0; i < 3; i++) {
        progress(f, MSS / 2);
    }
    assert_true(f->tcb.cwnd <= 11 * MSS / 2);
}

/* RFC5681:3.1h: an ACK of several windows, after duplicates that let that much out, adds one
 * segment, and the next ACK none. */
static void test_congestion_avoidance_ack_of_several_windows_adds_one_segment(void **state)
{
    struct fixture *f = in_recovery(state);
    fill(f);
    for (unsigned i = 0; i < 30; i++) {
        dup(f);
    }
    (void)sent(f);
    progress(f, 10 * MSS);
    uint32_t cwnd = f->tcb.cwnd;
    assert_true(cwnd <= 5 * MSS);
    progress(f, in_flight(f) - 2 * MSS);
    progress(f, MSS);
    assert_true(f->tcb.cwnd <= cwnd + MSS);
}

/* The user can ask for both. */
static void test_congestion_status_tells(void **state)
{
    struct fixture *f = in_recovery(state);
    struct tfsm_status_block block;
    assert_int_equal(tfsm_status(&f->tcb, &block), TFSM_DONE);
    assert_int_equal(block.cwnd, 8 * MSS);
    assert_int_equal(block.ssthresh, 5 * MSS);
}

/* ---- the timer ---- */

/* RFC5681:3.1j, RFC5681:3.1l: half of what is outstanding, two segments at least; then one.
 * [RFC5681:3.1o] */
static void test_congestion_timeout_sets_both(void **state)
{
    static const struct {
        uint8_t flight;
        uint32_t ssthresh;
    } rows[] = {{1, 2000}, {2, 2000}, {4, 2000}, {5, 2500}, {6, 3000}, {10, 5000}, {40, 20000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture *f = in_flight_of(state, rows[i].flight);
        expire(f);
        expect_windows(f, MSS, rows[i].ssthresh);
        (void)expect_front(f, 0);
        expect_nothing(f);
    }
}

/* RFC5681:3.1j: what is outstanding counts, not the window, which is ten. */
static void test_congestion_timeout_halves_the_flight_and_not_the_window(void **state)
{
    struct fixture *f = congested(state);
    f->cfg.initial_window = 10;
    reach_established(f);
    user_send(f, 6 * MSS);
    assert_int_equal(sent(f), 6);
    expire(f);
    expect_windows(f, MSS, 3 * MSS);
}

/* RFC5681:3.1j: nor what the peer has already acknowledged. */
static void test_congestion_timeout_halves_what_is_not_acknowledged(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    progress(f, 2 * MSS);
    expire(f);
    expect_windows(f, MSS, 4 * MSS);
}

/* RFC5681:3.1k */
static void test_congestion_second_timeout_leaves_ssthresh(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    for (unsigned i = 0; i < RETRIES; i++) {
        expire(f);
        expect_windows(f, MSS, 5 * MSS);
        (void)expect_front(f, 0);
        expect_nothing(f);
    }
}

/* RFC5681:3.1j, RFC5681:4.3d: the timer for a segment it did not resend before counts anew. */
static void test_congestion_timeout_for_another_segment_lowers_again(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    expire(f);
    (void)sent(f);
    progress(f, 4 * MSS);
    (void)sent(f);
    expect_windows(f, 2 * MSS, 5 * MSS);
    expire(f);
    assert_int_equal(f->tcb.cwnd, MSS);
    assert_true(f->tcb.ssthresh >= 2 * MSS && f->tcb.ssthresh <= 3 * MSS);
}

/* RFC5681:3.1l, RFC5681:3.1g: from one segment up to ssthresh by slow start. What is resent fits
 * the window, too. */
static void test_congestion_slow_start_after_a_timeout(void **state)
{
    struct fixture *f = in_flight_of(state, 8);
    fill(f);
    expire(f);
    (void)expect_front(f, 0);
    expect_nothing(f);
    progress(f, MSS);
    expect_windows(f, 2 * MSS, 4 * MSS);
    (void)expect_front(f, MSS);
    (void)expect_front(f, 2 * MSS);
    expect_nothing(f);
    progress(f, MSS);
    expect_windows(f, 3 * MSS, 4 * MSS);
    (void)expect_front(f, 3 * MSS);
    (void)expect_front(f, 4 * MSS);
    expect_nothing(f);
    progress(f, MSS);
    expect_windows(f, 4 * MSS, 4 * MSS);
}

/* RFC5681:3.1i: where congestion avoidance takes over: no more than one segment in a window.
 * [RFC5681:3.1p] */
static void test_congestion_avoidance_takes_over_at_ssthresh(void **state)
{
    struct fixture *f = in_flight_of(state, 8);
    fill(f);
    expire(f);
    (void)sent(f);
    for (unsigned i = 0; i < 3; i++) {
        progress(f, MSS);
        (void)sent(f);
    }
    expect_windows(f, 4 * MSS, 4 * MSS);
    for (unsigned i = 0; i < 4; i++) { /* at equality either rules */
        progress(f, MSS);
        (void)sent(f);
    }
    expect_windows(f, 5 * MSS, 4 * MSS);
}

/* RFC5681:3.1l: the peer had all but the first: one ACK, one segment more, no burst of old text. */
static void test_congestion_timeout_and_everything_acknowledged(void **state)
{
    struct fixture *f = in_flight_of(state, 8);
    fill(f);
    expire(f);
    (void)expect_front(f, 0);
    progress(f, 8 * MSS);
    expect_windows(f, 2 * MSS, 4 * MSS);
    (void)expect_front(f, 8 * MSS);
    (void)expect_front(f, 9 * MSS);
    expect_nothing(f);
}

/* ---- restart ---- */

/* Everything acknowledged, and a window of sixteen segments that slow start reached. */
static struct fixture *idle_at_sixteen(struct fixture *f)
{
    reach_established(f);
    uint32_t begin = f->tcb.cwnd / MSS;
    for (uint32_t i = begin; i < 16; i++) {
        one_segment(f);
    }
    assert_int_equal(f->tcb.cwnd, 16 * MSS);
    assert_int_equal(in_flight(f), 0);
    return f;
}

/* RFC5681:4.1: at the initial window, and slow start goes on from there. */
static void test_congestion_idle_restarts(void **state)
{
    struct fixture *f = idle_at_sixteen(congested(state));
    uint32_t ssthresh = f->tcb.ssthresh;
    f->now += f->tcb.rto + 1;
    fill(f);
    assert_int_equal(sent(f), 4);
    expect_windows(f, 4 * MSS, ssthresh);
    progress(f, MSS);
    expect_windows(f, 5 * MSS, ssthresh);
}

/* RFC5681:4.1: the initial window is the one of this connection. */
static void test_congestion_idle_restarts_at_the_configured_window(void **state)
{
    struct fixture *f = congested(state);
    f->cfg.initial_window = 10;
    f = idle_at_sixteen(f);
    f->now += f->tcb.rto + 1;
    fill(f);
    assert_int_equal(sent(f), 10);
}

/* RFC5681:4.1: an interval that exceeds the timeout, and none that equals it. */
static void test_congestion_short_pause_is_not_idle(void **state)
{
    struct fixture *f = idle_at_sixteen(congested(state));
    f->now += f->tcb.rto;
    fill(f);
    assert_int_equal(sent(f), 16);
}

/* RFC5681:4.1: no more than the window: a smaller one stays. */
static void test_congestion_idle_does_not_raise_the_window(void **state)
{
    struct fixture *f = in_flight_of(state, 4);
    f->cfg.initial_window = 0;
    expire(f);
    (void)sent(f);
    progress(f, 4 * MSS);
    assert_int_equal(f->tcb.cwnd, 2 * MSS);
    f->now += 10 * SECOND;
    fill(f);
    assert_int_equal(sent(f), 2);
}

/* RFC5681:4.1: what counts is when we sent text, not when the peer did. */
static void test_congestion_peers_text_does_not_end_idleness(void **state)
{
    struct fixture *f = idle_at_sixteen(congested(state));
    f->now += f->tcb.rto + 1;
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_ack(f);
    fill(f);
    assert_int_equal(sent(f), 4);
}

/* RFC5681:4.1: the next pause is measured from what was sent last. */
static void test_congestion_idle_counts_from_the_last_text(void **state)
{
    struct fixture *f = idle_at_sixteen(congested(state));
    f->now += f->tcb.rto * 3 / 4;
    user_send(f, MSS);
    assert_int_equal(sent(f), 1);
    progress(f, MSS);
    f->now += f->tcb.rto * 3 / 4;
    fill(f);
    assert_int_equal(sent(f), 17);
}

/* ---- fast retransmit: which ACKs are duplicates ---- */

/* RFC5681:3.2c, RFC5681:3.2i: the third, not the second, not the fourth; the first segment only. */
static void test_congestion_third_duplicate_retransmits(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    for (unsigned i = 0; i < 2; i++) {
        dup(f);
        expect_same_windows(f);
        expect_nothing(f);
    }
    dup(f);
    (void)expect_front(f, 0);
    expect_nothing(f);
    dup(f);
    expect_nothing(f);
}

/* RFC5681:3.2c: anywhere in the stream. */
static void test_congestion_third_duplicate_retransmits_the_front(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    progress(f, 3 * MSS);
    for (unsigned i = 0; i < 3; i++) {
        dup(f);
    }
    (void)expect_front(f, 3 * MSS);
    expect_nothing(f);
}

/* RFC5681:3.2c: an ACK that moves SND.UNA between them starts the count anew. */
static void test_congestion_progress_starts_the_count_anew(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    dup(f);
    dup(f);
    progress(f, MSS);
    dup(f);
    dup(f);
    expect_nothing(f);
    dup(f);
    (void)expect_front(f, MSS);
}

/* RFC5681:3.2c: three in all, with no ACK that moves SND.UNA between; others do not matter. */
static void test_congestion_text_between_duplicates_does_not_matter(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    dup(f);
    dup(f);
    arrive(f, .flags = TFSM_ACK, .text = 10);
    expect_no_text(f);
    dup(f);
    assert_int_equal(sent(f), 1);
    expect_windows(f, 8 * MSS, 5 * MSS);
}

/* RFC5681:3.2c: a window that changes is no duplicate; the next ACK with that window is one. */
static void test_congestion_window_update_between_duplicates_does_not_matter(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    dup(f);
    dup(f);
    f->peer.wnd = WIDE - 1;
    dup(f);
    expect_nothing(f);
    dup(f);
    (void)expect_front(f, 0);
}

/* RFC5681:2 (a): nothing is outstanding. [RFC5681:2b] */
static void test_congestion_not_duplicate_nothing_outstanding(void **state)
{
    struct fixture *f = congested_established(state);
    for (unsigned i = 0; i < 5; i++) {
        dup(f);
        expect_same_windows(f);
        expect_nothing(f);
    }
    user_send(f, 4 * MSS);
    assert_int_equal(sent(f), 4);
    dup(f);
    dup(f);
    expect_nothing(f);
    dup(f);
    (void)expect_front(f, 0);
}

/* RFC5681:2 (b): text. [RFC5681:2b] */
static void test_congestion_not_duplicate_with_text(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    for (unsigned i = 0; i < 5; i++) {
        arrive(f, .flags = TFSM_ACK, .text = 1);
        expect_same_windows(f);
        expect_no_text(f);
    }
}

/* RFC5681:2 (b): text that is out of order, as of a peer that lost something, too. */
static void test_congestion_not_duplicate_with_text_out_of_order(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    for (unsigned i = 0; i < 5; i++) {
        arrive(f, .flags = TFSM_ACK, .seq = 100 + 10 * i, .text = 1);
        expect_same_windows(f);
        expect_no_text(f);
    }
}

/* RFC5681:2 (c): FIN. The third without it counts. [RFC5681:2b] */
static void test_congestion_not_duplicate_with_fin(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    dup(f);
    dup(f);
    arrive(f, .flags = TFSM_FIN | TFSM_ACK);
    expect_state(f, TFSM_CLOSE_WAIT);
    expect_same_windows(f);
    expect_no_text(f);
    dup(f);
    assert_int_equal(sent(f), 1);
}

/* RFC5681:2 (c): SYN. [RFC5681:2b] */
static void test_congestion_not_duplicate_with_syn(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    for (unsigned i = 0; i < 5; i++) {
        arrive(f, .flags = TFSM_SYN | TFSM_ACK);
        expect_same_windows(f);
        expect_no_text(f);
    }
    dup(f);
    dup(f);
    expect_nothing(f);
}

/* RFC5681:2 (d): an ACK older than the greatest. [RFC5681:2b] */
static void test_congestion_not_duplicate_old_ack(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    progress(f, 2 * MSS);
    for (unsigned i = 0; i < 5; i++) {
        progress(f, -(int64_t)MSS);
        expect_same_windows(f);
        expect_no_text(f);
    }
}

/* RFC5681:2 (e): another window than the last. [RFC5681:2b] */
static void test_congestion_not_duplicate_with_another_window(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    for (unsigned i = 0; i < 5; i++) {
        f->peer.wnd--;
        dup(f);
        expect_same_windows(f);
        expect_nothing(f);
    }
}

/* RFC5681:3.2c: our FIN is out, or the peer's is in: loss is repaired all the same. */
static void test_congestion_third_duplicate_in_every_sending_state(void **state)
{
    static const enum tfsm_state ends[] = {TFSM_FIN_WAIT_1, TFSM_CLOSE_WAIT, TFSM_CLOSING,
                                           TFSM_LAST_ACK};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct fixture *f = in_flight_of(state, 10);
        if (ends[i] != TFSM_CLOSE_WAIT && ends[i] != TFSM_LAST_ACK) {
            user_close(f);
        }
        if (ends[i] != TFSM_FIN_WAIT_1) {
            arrive(f, .flags = TFSM_FIN | TFSM_ACK);
        }
        if (ends[i] == TFSM_LAST_ACK) {
            user_close(f);
        }
        (void)sent(f);
        expect_state(f, ends[i]);
        for (unsigned k = 0; k < 3; k++) {
            expect_nothing(f);
            dup(f);
        }
        struct tfsm_segment out;
        assert_true(take(f, &out));
        assert_int_equal(out.seq, seq_add(f->iss, 1));
        assert_true(out.len >= MSS);
        assert_true(f->tcb.cwnd == f->tcb.ssthresh + 3 * MSS);
    }
}

/* ---- fast retransmit: the windows ---- */

/* RFC5681:3.2g, RFC5681:3.2i, RFC5681:4.3a: half of what is outstanding, two segments at least;
 * then three more than that. [RFC5681:3.1o] */
static void test_congestion_third_duplicate_sets_both(void **state)
{
    static const struct {
        uint8_t flight;
        uint32_t ssthresh;
    } rows[] = {{1, 2000}, {2, 2000}, {4, 2000}, {5, 2500}, {6, 3000}, {10, 5000}, {40, 20000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture *f = in_flight_of(state, rows[i].flight);
        for (unsigned k = 0; k < 3; k++) {
            dup(f);
        }
        expect_windows(f, rows[i].ssthresh + 3 * MSS, rows[i].ssthresh);
    }
}

/* RFC5681:3.2g: what is outstanding counts, not the window, which is ten. */
static void test_congestion_third_duplicate_halves_the_flight_and_not_the_window(void **state)
{
    struct fixture *f = congested(state);
    f->cfg.initial_window = 10;
    reach_established(f);
    user_send(f, 6 * MSS);
    assert_int_equal(sent(f), 6);
    for (unsigned k = 0; k < 3; k++) {
        dup(f);
    }
    expect_windows(f, 6 * MSS, 3 * MSS);
}

/* RFC5681:3.2j, RFC5681:3.2m: as many as segments left the network. */
static void test_congestion_each_further_duplicate_adds_a_segment(void **state)
{
    struct fixture *f = in_recovery(state);
    for (uint32_t n = 4; n <= 9; n++) {
        dup(f);
        expect_windows(f, (5 + n) * MSS, 5 * MSS);
    }
}

/* RFC5681:3.2k, RFC5681:4.3b: one lost of ten, nine duplicates: five segments in all are sent. */
static void test_congestion_recovery_sends_new_text(void **state)
{
    struct fixture *f = in_recovery(state);
    fill(f);
    expect_nothing(f);
    dup(f);
    expect_nothing(f);
    dup(f);
    expect_nothing(f);
    for (uint32_t n = 0; n < 4; n++) {
        dup(f);
        (void)expect_front(f, (10 + n) * MSS);
        expect_nothing(f);
    }
}

/* RFC5681:3.2k: where the peer's window allows. */
static void test_congestion_recovery_keeps_to_the_peers_window(void **state)
{
    struct fixture *f = congested(state);
    f->peer.wnd = 11 * MSS;
    f = flight_of(f, 10);
    fill(f);
    (void)sent(f);
    for (unsigned i = 0; i < 9; i++) {
        dup(f);
    }
    (void)expect_front(f, 0);
    (void)expect_front(f, 10 * MSS);
    expect_nothing(f);
}

/* RFC5681:3.2l, RFC5681:4.3c: duplicates let four new segments out; the full ACK deflates to five.
 * [RFC6582:6d] */
static void test_congestion_full_ack_deflates_to_ssthresh(void **state)
{
    struct fixture *f = in_recovery(state);
    fill(f);
    for (unsigned i = 4; i <= 9; i++) {
        dup(f);
    }
    assert_int_equal(sent(f), 4);
    progress(f, 10 * MSS);
    expect_windows(f, 5 * MSS, 5 * MSS);
    assert_int_equal(sent(f), 1);
}

/* RFC5681:4.3c: and congestion avoidance goes on from there. */
static void test_congestion_avoidance_follows_recovery(void **state)
{
    struct fixture *f = in_recovery(state);
    fill(f);
    for (unsigned i = 4; i <= 9; i++) {
        dup(f);
    }
    (void)sent(f);
    progress(f, 10 * MSS);
    (void)sent(f);
    for (unsigned i = 0; i < 5; i++) { /* at equality either rules */
        progress(f, MSS);
        (void)sent(f);
    }
    expect_windows(f, 6 * MSS, 5 * MSS);
    for (unsigned i = 0; i < 5; i++) {
        progress(f, MSS);
        expect_windows(f, 6 * MSS, 5 * MSS);
        (void)sent(f);
    }
}

/* RFC5681:4.3b: three lost of ten: not more than five are sent until their repair is heard of. */
static void test_congestion_recovery_of_several_sends_half(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    size_t n = 0;
    fill(f);
    for (unsigned i = 0; i < 7; i++) {
        dup(f);
        n += sent(f);
    }
    assert_true(n <= 5);
}

/* RFC5681:4.3d: loss in the next window lowers both again. */
static void test_congestion_loss_in_the_next_window_lowers_again(void **state)
{
    struct fixture *f = in_flight_of(state, 20);
    for (unsigned i = 0; i < 3; i++) {
        dup(f);
    }
    (void)expect_front(f, 0);
    expect_windows(f, 13 * MSS, 10 * MSS);
    progress(f, 20 * MSS);
    fill(f);
    (void)sent(f);
    progress(f, MSS);
    (void)sent(f);
    uint32_t flight = in_flight(f);
    uint32_t half = flight / 2 > 2 * MSS ? flight / 2 : 2 * MSS;
    for (unsigned i = 0; i < 3; i++) {
        dup(f);
    }
    expect_windows(f, half + 3 * MSS, half);
    assert_true(half < 10 * MSS);
}

/* RFC5681:4.3d, RFC5681:3.1l: so does the loss of a retransmission, which the timer finds out. */
static void test_congestion_lost_retransmission_lowers_the_window_again(void **state)
{
    struct fixture *f = in_recovery(state);
    expire(f);
    assert_int_equal(f->tcb.cwnd, MSS);
    assert_true(f->tcb.ssthresh <= 5 * MSS);
    (void)expect_front(f, 0);
    expect_nothing(f);
}

/* RFC5681:4.3d: and ssthresh, which the first loss made ten segments of twenty. */
static void test_congestion_lost_retransmission_lowers_ssthresh_again(void **state)
{
    struct fixture *f = in_flight_of(state, 20);
    for (unsigned i = 0; i < 3; i++) {
        dup(f);
    }
    (void)sent(f);
    expect_windows(f, 13 * MSS, 10 * MSS);
    expire(f);
    assert_true(f->tcb.ssthresh < 10 * MSS);
}

/* RFC5681:4.3d: nor may the text that recovery itself sent raise it. */
static void test_congestion_lost_retransmission_does_not_raise_ssthresh(void **state)
{
    struct fixture *f = in_recovery(state);
    fill(f);
    for (unsigned i = 0; i < 12; i++) {
        dup(f);
    }
    assert_true(sent(f) > 0);
    expire(f);
    assert_int_equal(f->tcb.cwnd, MSS);
    assert_true(f->tcb.ssthresh <= 5 * MSS);
}

/* RFC5681:3.2c: the acknowledgment of a SYN that comes when the FIN is out already is no duplicate:
 * three more are needed. */
static void test_congestion_late_ack_of_the_syn_is_no_duplicate(void **state)
{
    struct fixture *f = fresh(state);
    struct tfsm_segment out;
    f->cfg.profile |= TFSM_CONGESTION;
    reach_syn_received(f);
    user_close(f);
    assert_int_equal(drain(f, &out, 1), 1);
    for (unsigned i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK, .ack = i == 0 ? 1 : 0);
        expect_nothing(f);
    }
    arrive(f, .flags = TFSM_ACK);
    (void)expect_segment(f, .flags = TFSM_FIN | TFSM_ACK, .seq = 1, .ack = 1, .len = 1);
}

/* ---- limited transmit ---- */

static struct fixture *in_limited_flight(void **state, uint8_t n)
{
    struct fixture *f = congested(state);
    f->cfg.profile = LIMITED;
    return flight_of(f, n);
}

/* RFC5681:3.2d, RFC5681:3.2e: one new segment each, and the window stays. */
static void test_congestion_limited_transmit(void **state)
{
    struct fixture *f = in_limited_flight(state, 10);
    fill(f);
    expect_nothing(f);
    for (uint32_t i = 0; i < 2; i++) {
        dup(f);
        expect_same_windows(f);
        (void)expect_front(f, (10 + i) * MSS);
        expect_nothing(f);
        assert_int_equal(f->tcb.cwnd, 10 * MSS);
    }
}

/* RFC5681:3.2d: both ACKs before anything is sent: two segments, not more. */
static void test_congestion_limited_transmit_two_at_once(void **state)
{
    struct fixture *f = in_limited_flight(state, 10);
    fill(f);
    dup(f);
    dup(f);
    (void)expect_front(f, 10 * MSS);
    (void)expect_front(f, 11 * MSS);
    expect_nothing(f);
}

/* Without the profile bit there is none. */
static void test_congestion_limited_transmit_off(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    fill(f);
    dup(f);
    expect_nothing(f);
    dup(f);
    expect_nothing(f);
}

/* RFC5681:3.2d: within the peer's window. */
static void test_congestion_limited_transmit_keeps_to_the_peers_window(void **state)
{
    struct fixture *f = congested(state);
    f->cfg.profile = LIMITED;
    f->peer.wnd = 11 * MSS;
    f = flight_of(f, 10);
    fill(f);
    expect_nothing(f);
    dup(f);
    (void)expect_front(f, 10 * MSS);
    dup(f);
    expect_nothing(f);
}

/* RFC5681:3.2d: two segments beyond our window at most. The window shrank by the path's size below
 * what is outstanding, and nothing new fits. */
static void test_congestion_limited_transmit_keeps_near_the_window(void **state)
{
    struct fixture *f = in_limited_flight(state, 10);
    fill(f);
    path_shrinks(f, 500);
    (void)sent(f);
    uint32_t nxt = f->tcb.snd_nxt;
    dup(f);
    dup(f);
    (void)sent(f);
    assert_int_equal(f->tcb.snd_nxt, nxt);
}

/* RFC5681:3.2d: nothing to send, nothing sent. */
static void test_congestion_limited_transmit_without_text(void **state)
{
    struct fixture *f = in_limited_flight(state, 10);
    dup(f);
    expect_nothing(f);
    dup(f);
    expect_nothing(f);
    dup(f);
    (void)expect_front(f, 0);
    expect_windows(f, 8 * MSS, 5 * MSS);
}

/* RFC5681:3.2h: the two do not count as outstanding: five segments, not six. */
static void test_congestion_limited_transmit_does_not_raise_ssthresh(void **state)
{
    struct fixture *f = in_limited_flight(state, 10);
    fill(f);
    for (unsigned i = 0; i < 2; i++) {
        dup(f);
        assert_int_equal(sent(f), 1);
    }
    assert_int_equal(in_flight(f), 12 * MSS);
    dup(f);
    expect_windows(f, 8 * MSS, 5 * MSS);
    (void)expect_front(f, 0);
    expect_nothing(f);
}

/* RFC5681:3.2h: only those that were really sent are left out. */
static void test_congestion_limited_transmit_of_one_segment(void **state)
{
    struct fixture *f = in_limited_flight(state, 10);
    dup(f);
    expect_nothing(f);
    user_send(f, MSS);
    dup(f);
    assert_int_equal(sent(f), 1);
    dup(f);
    expect_windows(f, 8 * MSS, 5 * MSS);
}

/* RFC5681:3.2h: text for which our window had room is outstanding like any other; of the rest two
 * segments at most are left out. */
static void test_congestion_text_within_the_window_is_no_limited_transmit(void **state)
{
    struct fixture *f = congested(state);
    f->cfg.profile = LIMITED;
    f->cfg.initial_window = 10;
    reach_established(f);
    user_send(f, 6 * MSS);
    assert_int_equal(sent(f), 6);
    dup(f);
    user_send(f, 4 * MSS);
    assert_int_equal(sent(f), 4);
    dup(f);
    dup(f);
    assert_true(f->tcb.ssthresh >= 4 * MSS && f->tcb.ssthresh <= 5 * MSS);
}

/* RFC5681:3.2d: after progress two more are allowed. RFC5681:3.2h: what was sent so before, and is still
 * outstanding, does not count for the threshold either. */
static void test_congestion_limited_transmit_begins_anew(void **state)
{
    struct fixture *f = in_limited_flight(state, 10);
    fill(f);
    dup(f);
    dup(f);
    assert_int_equal(sent(f), 2);
    progress(f, MSS); /* una 1, window 11, sent 12 */
    expect_nothing(f);
    dup(f);
    assert_int_equal(sent(f), 1);
    dup(f);
    assert_int_equal(sent(f), 1);
    dup(f); /* 13 out, 4 of them so */
    expect_windows(f, 4500 + 3 * MSS, 4500);
}

/* RFC5681:3.2h: what is acknowledged of it counts no more. */
static void test_congestion_limited_transmit_is_forgotten(void **state)
{
    struct fixture *f = in_limited_flight(state, 10);
    fill(f);
    dup(f);
    dup(f);
    assert_int_equal(sent(f), 2);
    progress(f, 11 * MSS); /* one of the two is out */
    (void)sent(f);
    uint32_t flight = in_flight(f);
    f->cfg.profile &= ~(uint32_t)TFSM_LIMITED_TRANSMIT;
    dup(f);
    dup(f);
    dup(f);
    assert_int_equal(f->tcb.ssthresh, (flight - MSS) / 2);
}

/* A peer that selects, and tells what it holds: offsets from SND.UNA. */
static void dup_with_block(struct fixture *f, uint32_t left, uint32_t right)
{
    struct tfsm_segment s = segment_of(f, (struct from_peer){.flags = TFSM_ACK});
    s.options |= TFSM_OPT_SACK;
    s.sacks = 1;
    s.sack[0].left = seq_add(f->tcb.snd_una, left);
    s.sack[0].right = seq_add(f->tcb.snd_una, right);
    arrive_segment(f, &s);
}

/* RFC5681:3.2f: with SACK only a duplicate that reports something new lets text out. */
static void test_congestion_limited_transmit_with_sack_needs_news(void **state)
{
    struct fixture *f = congested(state);
    f->cfg.profile = LIMITED | TFSM_SACK;
    f->peer.options |= TFSM_OPT_SACK_PERMITTED;
    f = flight_of(f, 10);
    fill(f);
    dup(f);
    expect_nothing(f);
    dup_with_block(f, MSS, 2 * MSS);
    (void)expect_front(f, 10 * MSS);
    expect_nothing(f);
    dup_with_block(f, MSS, 2 * MSS);
    expect_nothing(f);
    dup_with_block(f, MSS, 3 * MSS);
    (void)expect_front(f, 11 * MSS);
    expect_nothing(f);
}

/* ---- NewReno ---- */

/* RFC6582:3.2a: recover begins as the initial sequence number, so the first loss is repaired. */
static void test_congestion_recover_begins_at_the_iss(void **state)
{
    struct fixture *f = congested_established(state);
    assert_int_equal(f->tcb.snd_recover, f->iss);
    user_send(f, 4 * MSS);
    (void)sent(f);
    for (unsigned i = 0; i < 3; i++) {
        dup(f);
    }
    (void)expect_front(f, 0);
}

/* RFC6582:3.2b: recover is where we were when the third came: new text sent since is beyond. An ACK
 * of all but the last octet is partial, one of it all is full. */
static void test_congestion_recovery_goes_up_to_what_was_sent(void **state)
{
    struct fixture *f = in_recovery(state);
    fill(f);
    for (unsigned i = 4; i <= 9; i++) {
        dup(f);
    }
    assert_int_equal(sent(f), 4);
    progress(f, 10 * MSS - 1);
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    (void)sent(f);
    progress(f, 1);
    assert_false((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    assert_true(f->tcb.cwnd <= 5 * MSS);
}

/* RFC6582:3.2b: in recovery three more duplicates are no other loss. [RFC6582:6c] */
static void test_congestion_recovery_is_entered_once(void **state)
{
    struct fixture *f = in_recovery(state);
    for (unsigned i = 0; i < 6; i++) {
        dup(f);
        assert_int_equal(f->tcb.ssthresh, 5 * MSS);
        expect_nothing(f);
    }
    progress(f, 2 * MSS);
    (void)expect_front(f, 2 * MSS);
    for (unsigned i = 0; i < 6; i++) {
        dup(f);
        assert_int_equal(f->tcb.ssthresh, 5 * MSS);
        expect_nothing(f);
    }
}

/* RFC6582:3.2b: recovery is over, but the ACK must cover more than recover: of what was sent since
 * one octet at least. */
static void test_congestion_duplicates_at_recover_do_not_count(void **state)
{
    struct fixture *f = in_recovery(state);
    progress(f, 10 * MSS);
    fill(f);
    assert_true(sent(f) >= 2);
    for (unsigned i = 0; i < 5; i++) {
        dup(f);
        expect_same_windows(f);
        expect_nothing(f);
    }
    progress(f, 1);
    (void)sent(f);
    for (unsigned i = 0; i < 2; i++) {
        dup(f);
        expect_no_text(f);
    }
    uint32_t front = seq_distance(f->iss, f->tcb.snd_una);
    dup(f);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = front, .ack = 1, .len = MSS);
}

/* RFC6582:3.2c: with nothing outstanding the window is two segments, or ssthresh; recovery ends. */
static void test_congestion_full_ack_ends_recovery(void **state)
{
    struct fixture *f = in_recovery(state);
    progress(f, 10 * MSS);
    assert_false((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    assert_true(f->tcb.cwnd == 2 * MSS || f->tcb.cwnd == 5 * MSS);
    assert_int_equal(f->tcb.ssthresh, 5 * MSS);
    expect_nothing(f);
    user_send(f, MSS);
    assert_int_equal(sent(f), 1);
    uint32_t cwnd = f->tcb.cwnd;
    dup(f);
    assert_int_equal(f->tcb.cwnd, cwnd);
}

/* RFC6582:6a: twenty were out, nothing is now, and much is waiting. */
static void test_congestion_leaving_recovery_gives_no_burst(void **state)
{
    struct fixture *f = in_flight_of(state, 20);
    for (unsigned i = 0; i < 3; i++) {
        dup(f);
    }
    assert_int_equal(sent(f), 1);
    user_send(f, 30 * MSS);
    expect_nothing(f);
    progress(f, 20 * MSS);
    size_t n = sent(f);
    assert_true(n >= 1 && n <= 4);
}

/* RFC6582:6a: the same when something is still outstanding. */
static void test_congestion_leaving_recovery_keeps_the_clock(void **state)
{
    struct fixture *f = in_flight_of(state, 20);
    fill(f);
    for (unsigned i = 0; i < 12; i++) {
        dup(f);
    }
    assert_int_equal(sent(f), 3); /* the front, and 10 + 12 - 20 */
    progress(f, 20 * MSS);
    size_t n = sent(f);
    assert_true(n >= 1 && n <= 4);
}

/* RFC6582:3.2d, RFC5681:4.3b: three segments less, one more: 8 - 3 + 1. */
static void test_congestion_partial_ack(void **state)
{
    struct fixture *f = in_recovery(state);
    progress(f, 3 * MSS);
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    expect_windows(f, 6 * MSS, 5 * MSS);
    (void)expect_front(f, 3 * MSS);
    expect_nothing(f);
}

/* RFC6582:3.2d: of exactly one segment: one less, one more. */
static void test_congestion_partial_ack_of_one_segment(void **state)
{
    struct fixture *f = in_recovery(state);
    progress(f, MSS);
    expect_windows(f, 8 * MSS, 5 * MSS);
    (void)expect_front(f, MSS);
    expect_nothing(f);
}

/* RFC6582:3.2d: of less than a segment: nothing is added back. */
static void test_congestion_partial_ack_of_less_than_a_segment(void **state)
{
    struct fixture *f = in_recovery(state);
    progress(f, MSS - 1);
    expect_windows(f, 8 * MSS - (MSS - 1), 5 * MSS);
    (void)expect_front(f, MSS - 1);
}

/* RFC6582:3.2d: of more than the window holds: it does not fall below a segment, nor wrap. */
static void test_congestion_partial_ack_of_more_than_the_window(void **state)
{
    struct fixture *f = in_recovery(state);
    progress(f, 9 * MSS + 500);
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    assert_true(f->tcb.cwnd >= MSS && f->tcb.cwnd <= 2 * MSS);
    (void)expect_segment(f, .flags = TFSM_ACK, .seq = 1 + 9 * MSS + 500, .ack = 1, .len = 500);
}

/* RFC6582:3.2d: fourteen less three, one more, from three on: room for one new segment. */
static void test_congestion_partial_ack_lets_new_text_out(void **state)
{
    struct fixture *f = in_recovery(state);
    fill(f);
    for (unsigned i = 4; i <= 9; i++) {
        dup(f);
    }
    assert_int_equal(sent(f), 4);
    progress(f, 3 * MSS);
    expect_windows(f, 12 * MSS, 5 * MSS);
    (void)expect_front(f, 3 * MSS);
    (void)expect_front(f, 14 * MSS);
    expect_nothing(f);
}

/* RFC6582:3.2d, RFC5681:3.2j: recovery goes on, and duplicates inflate as before. */
static void test_congestion_duplicates_after_a_partial_ack_inflate(void **state)
{
    struct fixture *f = in_recovery(state);
    progress(f, 3 * MSS);
    (void)sent(f);
    dup(f);
    expect_windows(f, 7 * MSS, 5 * MSS);
    dup(f);
    expect_windows(f, 8 * MSS, 5 * MSS);
    expect_nothing(f);
}

/* RFC6582:3.2d, RFC5681:4.3e: segments 1, 4 and 7 of ten are lost: three round trips, no timeout,
 * one halving. */
static void test_congestion_several_losses_are_coped_with(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    tfsm_time begin = f->now;
    for (unsigned i = 0; i < 7; i++) {
        dup(f);
    }
    (void)expect_front(f, 0);
    expect_nothing(f);
    f->now += 100 * MS;
    progress(f, 3 * MSS);
    (void)expect_front(f, 3 * MSS);
    expect_nothing(f);
    f->now += 100 * MS;
    progress(f, 3 * MSS);
    (void)expect_front(f, 6 * MSS);
    expect_nothing(f);
    f->now += 100 * MS;
    progress(f, 4 * MSS);
    expect_nothing(f);
    assert_true(f->now - begin < RTO);
    assert_int_equal(f->tcb.ssthresh, 5 * MSS);
    assert_int_equal(in_flight(f), 0);
}

/* RFC6582:3.2e: the first restarts the timer. RFC6298:5: so do the later ones, or what each sends again
 * would go once more within a timeout. */
static void test_congestion_first_partial_ack_restarts_the_timer(void **state)
{
    struct fixture *f = in_recovery(state);
    f->now += 300 * MS;
    progress(f, MSS);
    (void)sent(f);
    tfsm_time deadline = f->now + f->tcb.rto;
    expect_deadline(f, deadline);
    f->now += 300 * MS;
    progress(f, MSS);
    assert_int_equal(sent(f), 1);
    deadline = f->now + f->tcb.rto;
    expect_deadline(f, deadline);
    f->now += 300 * MS;
    dup(f);
    expect_deadline(f, deadline);
}

/* RFC6582:3.2e: in the next recovery the first counts again. */
static void test_congestion_first_partial_ack_of_each_recovery(void **state)
{
    struct fixture *f = in_recovery(state);
    progress(f, MSS);
    (void)sent(f);
    progress(f, 9 * MSS);
    fill(f);
    (void)sent(f);
    for (unsigned i = 0; i < 6; i++) { /* away from recover */
        progress(f, MSS);
        (void)sent(f);
    }
    for (unsigned i = 0; i < 3; i++) {
        dup(f);
    }
    (void)sent(f);
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    f->now += 300 * MS;
    progress(f, MSS);
    (void)sent(f);
    expect_deadline(f, f->now + f->tcb.rto);
}

/* RFC6582:3.2f: a timeout ends recovery: duplicates do not inflate any more. */
static void test_congestion_timeout_ends_recovery(void **state)
{
    struct fixture *f = in_recovery(state);
    expire(f);
    assert_false((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    (void)expect_front(f, 0);
    for (unsigned i = 0; i < 5; i++) {
        dup(f);
        assert_int_equal(f->tcb.cwnd, MSS);
        expect_nothing(f);
    }
    progress(f, 2 * MSS);
    assert_int_equal(f->tcb.cwnd, 2 * MSS); /* slow start, no deflation */
}

/* RFC6582:3.2f: after a timeout duplicates below what had been sent are no new loss. */
static void test_congestion_duplicates_after_a_timeout_do_not_count(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    expire(f);
    (void)expect_front(f, 0);
    progress(f, 3 * MSS);
    (void)sent(f);
    for (unsigned i = 0; i < 5; i++) {
        dup(f);
        expect_windows(f, 2 * MSS, 5 * MSS);
        expect_nothing(f);
    }
}

/* RFC6582:3.2f, RFC6582:3.2b: nor at what had been sent, where needless retransmissions end; beyond
 * it they count again. */
static void test_congestion_duplicates_count_again_beyond_the_timeout(void **state)
{
    struct fixture *f = in_flight_of(state, 10);
    expire(f);
    (void)expect_front(f, 0);
    progress(f, 10 * MSS);
    fill(f);
    assert_int_equal(sent(f), 2);
    for (unsigned i = 0; i < 5; i++) {
        dup(f);
        expect_windows(f, 2 * MSS, 5 * MSS);
        expect_nothing(f);
    }
    progress(f, MSS);
    assert_int_equal(sent(f), 2);
    for (unsigned i = 0; i < 3; i++) {
        dup(f);
    }
    (void)expect_front(f, 11 * MSS);
    expect_windows(f, 5 * MSS, 2 * MSS);
}

/* RFC6582:6b: half of the sequence space further recover has not got ahead. */
static void test_congestion_recover_is_moved_along(void **state)
{
    struct fixture *f = congested(state);
    f->cfg.mss = 30000;
    f->peer.mss = 30000;
    reach_established(f);
    const uint32_t half = UINT32_C(1) << 31;
    for (uint64_t done = 0; done < half + 120000u; done += WIDE) {
        user_send(f, WIDE);
        assert_int_equal(sent(f), 2);
        progress(f, WIDE);
    }
    user_send(f, WIDE);
    assert_int_equal(sent(f), 2);
    for (unsigned i = 0; i < 3; i++) {
        dup(f);
    }
    assert_int_equal(sent(f), 1);
    assert_int_equal(f->tcb.ssthresh, WIDE);
}

/* Wherever sequence numbers come round: loss, partial and full ACK, and loss again. */
static void test_congestion_recovery_where_numbers_come_round(void **state)
{
    for (uint32_t before = 0; before <= 13 * MSS; before += MSS / 2) {
        struct fixture *f = congested(state);
        f->iss = UINT32_MAX - before;
        f = flight_of(f, 10);
        fill(f);
        for (unsigned i = 0; i < 9; i++) {
            dup(f);
        }
        assert_int_equal(sent(f), 5);
        expect_windows(f, 14 * MSS, 5 * MSS);
        progress(f, 3 * MSS);
        expect_windows(f, 12 * MSS, 5 * MSS);
        assert_int_equal(sent(f), 2);
        progress(f, 7 * MSS);
        expect_windows(f, 5 * MSS, 5 * MSS);
        assert_true((f->tcb.flags & TFSM_M_RECOVERY) == 0);
        progress(f, MSS);
        (void)sent(f);
        for (unsigned i = 0; i < 3; i++) {
            dup(f);
        }
        assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
        (void)expect_front(f, 11 * MSS);
    }
}

/* ---- a lossy path, judged by the formulas ---- */

#define LONG   150000u /* octets to transfer */
#define IN_AIR 256u

struct path {
    uint32_t random;
    uint32_t loss;     /* of 256 */
    uint32_t received; /* octets in order at the peer */
    bool got[LONG];
    struct tfsm_segment air[IN_AIR];
    size_t first;
    size_t count;
    /* what the RFCs say of the sender */
    bool recovering;
    uint32_t recover;  /* one after the greatest number sent when loss was noticed */
    uint32_t timed;    /* SND.UNA of the last timeout */
    bool any_timeout;  /* timed is known */
    unsigned dups;     /* in a row */
    bool extra[LONG];  /* sent beyond the window */
    uint32_t most;     /* octets of segments that were, at most, of those in flight */
    uint32_t most_end; /* after the last of these */
    uint32_t avoiding; /* octets acknowledged since the window grew */
};

static uint32_t chance(struct path *p)
{
    p->random = p->random * 1664525u + 1013904223u;
    return p->random >> 24;
}

static uint32_t greater(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* What is sent goes into the air or is lost. */
static void judge_output(struct fixture *f, struct path *p)
{
    struct tfsm_segment s;
    uint32_t before = f->tcb.snd_nxt;
    bool extra = (f->cfg.profile & TFSM_LIMITED_TRANSMIT) != 0 && !p->recovering && p->dups < 3;
    while (take(f, &s)) {
        uint32_t end = seq_distance(f->tcb.snd_una, seq_add(s.seq, s.len));
        if (end > f->tcb.cwnd) {
            assert_true(extra && seq_le(before, s.seq));
            assert_true(end <= f->tcb.cwnd + p->dups * MSS);
            uint32_t beyond = lesser(s.len, end - f->tcb.cwnd);
            memset(&p->extra[s.text_offset + s.len - beyond], true, beyond);
            p->most += s.len;
            p->most_end = seq_add(s.seq, s.len);
        }
        assert_true(p->count < IN_AIR);
        p->air[(p->first + p->count) % IN_AIR] = s;
        p->count += chance(p) >= p->loss ? 1 : 0;
    }
}

static void judge_duplicate(struct fixture *f, struct path *p)
{
    const struct tfsm_tcb *b = &f->before;
    uint32_t flight = seq_distance(b->snd_una, b->snd_nxt);
    if (flight == 0) {
        expect_same_windows(f);
        return;
    }
    p->dups++;
    if (p->recovering) {
        expect_windows(f, b->cwnd + MSS, b->ssthresh);
    } else if (p->dups == 3 && seq_lt(p->recover, b->snd_una)) {
        uint32_t limited = 0;
        for (uint32_t i = 0; i < flight; i++) {
            limited += p->extra[b->snd_octets + i] ? 1u : 0u;
        }
        uint32_t most = greater((flight - limited) / 2, 2 * MSS);
        uint32_t least = greater((flight - lesser(p->most, flight)) / 2, 2 * MSS);
        assert_true(f->tcb.ssthresh <= most && f->tcb.ssthresh >= least);
        assert_int_equal(f->tcb.cwnd, f->tcb.ssthresh + 3 * MSS);
        p->recovering = true;
        p->recover = b->snd_nxt;
    } else {
        expect_same_windows(f);
    }
}

static void judge_progress(struct fixture *f, struct path *p, uint32_t acked)
{
    const struct tfsm_tcb *b = &f->before;
    uint32_t cwnd = f->tcb.cwnd;
    p->dups = 0;
    p->most = seq_lt(f->tcb.snd_una, p->most_end)
                  ? lesser(p->most, seq_distance(f->tcb.snd_una, p->most_end))
                  : 0;
    assert_int_equal(f->tcb.ssthresh, b->ssthresh);
    if (p->recovering && seq_le(p->recover, f->tcb.snd_una)) {
        uint32_t soft = lesser(b->ssthresh, greater(in_flight(f), MSS) + MSS);
        assert_true(cwnd == soft || cwnd == b->ssthresh);
        p->recovering = false;
        p->avoiding = 0;
    } else if (p->recovering) {
        uint32_t back = b->cwnd + (acked >= MSS ? MSS : 0);
        assert_int_equal(cwnd, back > acked + MSS ? back - acked : MSS);
    } else if (b->cwnd < b->ssthresh) {
        assert_int_equal(cwnd, b->cwnd + lesser(acked, MSS));
        p->avoiding = 0;
    } else {
        p->avoiding += acked;
        bool either = b->cwnd == b->ssthresh && cwnd <= b->cwnd + lesser(acked, MSS);
        assert_true(cwnd == b->cwnd || either || (cwnd == b->cwnd + MSS && p->avoiding >= b->cwnd));
        assert_true(cwnd > b->cwnd || p->avoiding < 2 * b->cwnd);
        p->avoiding = cwnd > b->cwnd ? p->avoiding % b->cwnd : p->avoiding;
    }
}

static void judge_timeout(struct fixture *f, struct path *p)
{
    const struct tfsm_tcb *b = &f->before;
    assert_int_equal(f->tcb.cwnd, MSS);
    uint32_t formula = greater(seq_distance(b->snd_una, b->snd_nxt) / 2, 2 * MSS);
    if (p->any_timeout && p->timed == b->snd_una) {
        assert_int_equal(f->tcb.ssthresh, b->ssthresh);
    } else {
        assert_true(f->tcb.ssthresh <= formula);
        assert_true(f->tcb.ssthresh >= 2 * MSS);
    }
    p->any_timeout = true;
    p->timed = b->snd_una;
    p->recovering = false;
    p->recover = b->snd_nxt;
    p->avoiding = 0;
    p->most = 0;
    memset(p->extra, 0, sizeof p->extra);
}

/* The next segment in the air arrives at the peer, and its ACK here. */
static void deliver(struct fixture *f, struct path *p)
{
    struct tfsm_segment s = p->air[p->first];
    p->first = (p->first + 1) % IN_AIR;
    p->count--;
    for (uint32_t i = 0; i < s.len; i++) {
        p->got[s.text_offset + i] = true;
    }
    while (p->received < LONG && p->got[p->received]) {
        p->received++;
    }
    f->now += 10 * MS;
    uint32_t acked = p->received - (uint32_t)f->tcb.snd_octets;
    progress(f, acked);
    if (acked == 0) {
        judge_duplicate(f, p);
    } else {
        judge_progress(f, p, acked);
    }
}

/* A transfer; the seed says how much is lost, and where numbers begin. */
static void lossy(void **state, uint32_t profile, uint32_t seed)
{
    static struct path p;
    struct fixture *f = congested(state);
    memset(&p, 0, sizeof p);
    p.random = seed;
    p.loss = seed % 40;
    f->cfg.profile = profile;
    f->cfg.retries = 100;
    f->iss = seed * 2654435761u;
    p.recover = f->iss;
    reach_established(f);
    uint32_t queued = 0;
    for (unsigned i = 0; p.received < LONG || in_flight(f) > 0; i++) {
        assert_true(i < 10000);
        if (queued < LONG) {
            uint32_t room = WIDE - (queued - (uint32_t)f->tcb.snd_octets);
            uint32_t n = lesser(room, LONG - queued);
            user_send(f, n);
            queued += n;
        }
        judge_output(f, &p);
        if (p.count > 0) {
            deliver(f, &p);
        } else {
            expire(f);
            judge_timeout(f, &p);
        }
    }
    assert_int_equal(f->tcb.snd_octets, LONG);
}

/* RFC5681:3, RFC5681:3.1a, RFC5681:3.1j, RFC6582:3.2b, RFC6582:3.2d: whatever is lost, every step
 * is one that the formulas allow, and everything arrives. */
static void test_congestion_lossy_path_obeys_the_formulas(void **state)
{
    for (uint32_t seed = 1; seed <= 120; seed++) {
        lossy(state, CONGESTED, seed);
    }
}

/* RFC5681:3.2d, RFC5681:3.2e, RFC5681:3.2h: the same with limited transmit. */
static void test_congestion_lossy_path_obeys_the_formulas_limited(void **state)
{
    for (uint32_t seed = 1; seed <= 120; seed++) {
        lossy(state, LIMITED, seed);
    }
}

/* ---- the receiver ---- */

static struct fixture *delaying(void **state, tfsm_time delay)
{
    struct fixture *f = fresh(state);
    f->cfg.ack_delay = delay;
    reach_established(f);
    return f;
}

/* RFC5681:4.2a: one segment waits for company. */
static void test_congestion_ack_is_delayed(void **state)
{
    struct fixture *f = delaying(state, 200 * MS);
    arrive(f, .flags = TFSM_ACK, .text = MSS);
    expect_nothing(f);
    expect_deadline(f, f->now + 200 * MS);
    after(f, 200 * MS - 1);
    expect_nothing(f);
    after(f, 1);
    expect_ack(f);
    expect_deadline(f, TFSM_NEVER);
}

/* RFC5681:4.2b: however long the user would like it to wait. */
static void test_congestion_ack_is_delayed_half_a_second_at_most(void **state)
{
    static const tfsm_time delays[] = {500 * MS, 501 * MS, 10 * SECOND, TFSM_NEVER};
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        struct fixture *f = delaying(state, delays[i]);
        arrive(f, .flags = TFSM_ACK, .text = 1);
        tfsm_time latest = f->now + 500 * MS;
        expect_nothing(f);
        assert_true(tfsm_deadline(&f->tcb) <= latest);
        expire(f);
        expect_ack(f);
    }
}

/* RFC5681:4.2b: counted from the first segment that waits: another does not put it off. */
static void test_congestion_ack_is_not_put_off(void **state)
{
    struct fixture *f = delaying(state, 400 * MS);
    struct tfsm_segment out;
    arrive(f, .flags = TFSM_ACK, .text = 1);
    tfsm_time latest = f->now + 400 * MS;
    f->now += 300 * MS;
    arrive(f, .flags = TFSM_ACK, .text = 1);
    if (!take(f, &out)) {
        expect_deadline(f, latest);
    }
}

/* RFC5681:4.2c */
static void test_congestion_second_full_segment_is_acknowledged(void **state)
{
    struct fixture *f = delaying(state, 200 * MS);
    for (unsigned i = 0; i < 3; i++) {
        arrive(f, .flags = TFSM_ACK, .text = MSS);
        expect_nothing(f);
        arrive(f, .flags = TFSM_ACK, .text = MSS);
        expect_ack(f);
        expect_deadline(f, TFSM_NEVER);
    }
}

/* RFC5681:4.2c: segments of a peer that sends smaller ones: two full segments of octets at most. */
static void test_congestion_two_segments_of_octets_are_acknowledged(void **state)
{
    struct fixture *f = delaying(state, 200 * MS);
    uint32_t waiting = 0;
    struct tfsm_segment out;
    for (unsigned i = 0; i < 9; i++) {
        arrive(f, .flags = TFSM_ACK, .text = 400);
        waiting += 400;
        if (drain(f, &out, 1) > 0) {
            waiting = 0;
        }
        assert_true(waiting < 2 * MSS);
    }
}

/* RFC5681:3.2a: delayed or not. */
static void test_congestion_out_of_order_is_acknowledged_at_once(void **state)
{
    struct fixture *f = delaying(state, 200 * MS);
    for (unsigned i = 1; i < 4; i++) {
        arrive(f, .flags = TFSM_ACK, .seq = 1000 * i, .text = 100);
        expect_ack(f);
    }
}

/* RFC5681:3.2b: a part of a gap, the rest of it; then the next may wait again. */
static void test_congestion_filled_gap_is_acknowledged_at_once(void **state)
{
    struct fixture *f = delaying(state, 200 * MS);
    arrive(f, .flags = TFSM_ACK, .seq = 300, .text = 100);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 200);
    expect_delivered(f, 300);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .text = 100);
    expect_nothing(f);
}

/* RFC5681:4.2d: whatever a segment is, one ACK at most. */
static void test_congestion_one_segment_one_ack(void **state)
{
    static const tfsm_time delays[] = {0, 200 * MS};
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        struct fixture *f = delaying(state, delays[i]);
        struct tfsm_segment out;
        for (unsigned k = 0; k < 8; k++) {
            arrive(f, .flags = TFSM_ACK, .text = MSS / 2);
            assert_true(drain(f, &out, 1) <= 1);
        }
        arrive(f, .flags = TFSM_ACK, .seq = -(int64_t)MSS, .text = MSS);
        assert_int_equal(drain(f, &out, 1), 1);
        arrive(f, .flags = TFSM_ACK, .seq = 100, .text = MSS);
        assert_int_equal(drain(f, &out, 1), 1);
        arrive(f, .flags = TFSM_FIN | TFSM_ACK, .text = 100);
        assert_int_equal(drain(f, &out, 1), 1);
    }
}

/* RFC5681:4.2d: nor does what bears no text, though some is waiting. */
static void test_congestion_bare_ack_draws_no_ack(void **state)
{
    struct fixture *f = in_established(state);
    arrive(f, .flags = TFSM_ACK, .seq = 100, .text = 10);
    expect_ack(f);
    arrive(f, .flags = TFSM_ACK, .seq = 0);
    expect_nothing(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_congestion_initial_window),
        cmocka_unit_test(test_congestion_initial_window_passive),
        cmocka_unit_test(test_congestion_initial_window_simultaneous),
        cmocka_unit_test(test_congestion_initial_window_by_the_smaller_segment),
        cmocka_unit_test(test_congestion_initial_window_with_options),
        cmocka_unit_test(test_congestion_initial_window_as_configured),
        cmocka_unit_test(test_congestion_lost_syn_gives_one_segment),
        cmocka_unit_test(test_congestion_lost_syn_ack_gives_one_segment),
        cmocka_unit_test(test_congestion_ssthresh_begins_high),
        cmocka_unit_test(test_congestion_window_bounds_what_is_outstanding),
        cmocka_unit_test(test_congestion_the_peers_window_bounds_too),
        cmocka_unit_test(test_congestion_off_sends_the_whole_window),
        cmocka_unit_test(test_congestion_slow_start_doubles),
        cmocka_unit_test(test_congestion_slow_start_stretched_ack_adds_one_segment),
        cmocka_unit_test(test_congestion_slow_start_divided_ack_adds_its_octets),
        cmocka_unit_test(test_congestion_avoidance_adds_a_segment_per_window),
        cmocka_unit_test(test_congestion_avoidance_divided_acks_gain_nothing),
        cmocka_unit_test(test_congestion_avoidance_stretched_ack_adds_one_segment),
        cmocka_unit_test(test_congestion_ack_of_nothing_new_adds_nothing),
        cmocka_unit_test(test_congestion_smaller_path_shrinks_the_window),
        cmocka_unit_test(test_congestion_wide_path_leaves_the_window),
        cmocka_unit_test(test_congestion_avoidance_count_does_not_outlast_a_pause),
        cmocka_unit_test(test_congestion_avoidance_count_does_not_outlast_the_segment_size),
        cmocka_unit_test(test_congestion_avoidance_ack_of_several_windows_adds_one_segment),
        cmocka_unit_test(test_congestion_status_tells),
        cmocka_unit_test(test_congestion_timeout_sets_both),
        cmocka_unit_test(test_congestion_timeout_halves_the_flight_and_not_the_window),
        cmocka_unit_test(test_congestion_timeout_halves_what_is_not_acknowledged),
        cmocka_unit_test(test_congestion_second_timeout_leaves_ssthresh),
        cmocka_unit_test(test_congestion_timeout_for_another_segment_lowers_again),
        cmocka_unit_test(test_congestion_slow_start_after_a_timeout),
        cmocka_unit_test(test_congestion_avoidance_takes_over_at_ssthresh),
        cmocka_unit_test(test_congestion_timeout_and_everything_acknowledged),
        cmocka_unit_test(test_congestion_idle_restarts),
        cmocka_unit_test(test_congestion_idle_restarts_at_the_configured_window),
        cmocka_unit_test(test_congestion_short_pause_is_not_idle),
        cmocka_unit_test(test_congestion_idle_does_not_raise_the_window),
        cmocka_unit_test(test_congestion_peers_text_does_not_end_idleness),
        cmocka_unit_test(test_congestion_idle_counts_from_the_last_text),
        cmocka_unit_test(test_congestion_third_duplicate_retransmits),
        cmocka_unit_test(test_congestion_third_duplicate_retransmits_the_front),
        cmocka_unit_test(test_congestion_progress_starts_the_count_anew),
        cmocka_unit_test(test_congestion_text_between_duplicates_does_not_matter),
        cmocka_unit_test(test_congestion_window_update_between_duplicates_does_not_matter),
        cmocka_unit_test(test_congestion_not_duplicate_nothing_outstanding),
        cmocka_unit_test(test_congestion_not_duplicate_with_text),
        cmocka_unit_test(test_congestion_not_duplicate_with_text_out_of_order),
        cmocka_unit_test(test_congestion_not_duplicate_with_fin),
        cmocka_unit_test(test_congestion_not_duplicate_with_syn),
        cmocka_unit_test(test_congestion_not_duplicate_old_ack),
        cmocka_unit_test(test_congestion_not_duplicate_with_another_window),
        cmocka_unit_test(test_congestion_third_duplicate_in_every_sending_state),
        cmocka_unit_test(test_congestion_third_duplicate_sets_both),
        cmocka_unit_test(test_congestion_third_duplicate_halves_the_flight_and_not_the_window),
        cmocka_unit_test(test_congestion_each_further_duplicate_adds_a_segment),
        cmocka_unit_test(test_congestion_recovery_sends_new_text),
        cmocka_unit_test(test_congestion_recovery_keeps_to_the_peers_window),
        cmocka_unit_test(test_congestion_full_ack_deflates_to_ssthresh),
        cmocka_unit_test(test_congestion_avoidance_follows_recovery),
        cmocka_unit_test(test_congestion_recovery_of_several_sends_half),
        cmocka_unit_test(test_congestion_loss_in_the_next_window_lowers_again),
        cmocka_unit_test(test_congestion_lost_retransmission_lowers_the_window_again),
        cmocka_unit_test(test_congestion_lost_retransmission_lowers_ssthresh_again),
        cmocka_unit_test(test_congestion_lost_retransmission_does_not_raise_ssthresh),
        cmocka_unit_test(test_congestion_late_ack_of_the_syn_is_no_duplicate),
        cmocka_unit_test(test_congestion_limited_transmit),
        cmocka_unit_test(test_congestion_limited_transmit_two_at_once),
        cmocka_unit_test(test_congestion_limited_transmit_off),
        cmocka_unit_test(test_congestion_limited_transmit_keeps_to_the_peers_window),
        cmocka_unit_test(test_congestion_limited_transmit_keeps_near_the_window),
        cmocka_unit_test(test_congestion_limited_transmit_without_text),
        cmocka_unit_test(test_congestion_limited_transmit_does_not_raise_ssthresh),
        cmocka_unit_test(test_congestion_limited_transmit_of_one_segment),
        cmocka_unit_test(test_congestion_text_within_the_window_is_no_limited_transmit),
        cmocka_unit_test(test_congestion_limited_transmit_begins_anew),
        cmocka_unit_test(test_congestion_limited_transmit_is_forgotten),
        cmocka_unit_test(test_congestion_limited_transmit_with_sack_needs_news),
        cmocka_unit_test(test_congestion_recover_begins_at_the_iss),
        cmocka_unit_test(test_congestion_recovery_goes_up_to_what_was_sent),
        cmocka_unit_test(test_congestion_recovery_is_entered_once),
        cmocka_unit_test(test_congestion_duplicates_at_recover_do_not_count),
        cmocka_unit_test(test_congestion_full_ack_ends_recovery),
        cmocka_unit_test(test_congestion_leaving_recovery_gives_no_burst),
        cmocka_unit_test(test_congestion_leaving_recovery_keeps_the_clock),
        cmocka_unit_test(test_congestion_partial_ack),
        cmocka_unit_test(test_congestion_partial_ack_of_one_segment),
        cmocka_unit_test(test_congestion_partial_ack_of_less_than_a_segment),
        cmocka_unit_test(test_congestion_partial_ack_of_more_than_the_window),
        cmocka_unit_test(test_congestion_partial_ack_lets_new_text_out),
        cmocka_unit_test(test_congestion_duplicates_after_a_partial_ack_inflate),
        cmocka_unit_test(test_congestion_several_losses_are_coped_with),
        cmocka_unit_test(test_congestion_first_partial_ack_restarts_the_timer),
        cmocka_unit_test(test_congestion_first_partial_ack_of_each_recovery),
        cmocka_unit_test(test_congestion_timeout_ends_recovery),
        cmocka_unit_test(test_congestion_duplicates_after_a_timeout_do_not_count),
        cmocka_unit_test(test_congestion_duplicates_count_again_beyond_the_timeout),
        cmocka_unit_test(test_congestion_recover_is_moved_along),
        cmocka_unit_test(test_congestion_recovery_where_numbers_come_round),
        cmocka_unit_test(test_congestion_lossy_path_obeys_the_formulas),
        cmocka_unit_test(test_congestion_lossy_path_obeys_the_formulas_limited),
        cmocka_unit_test(test_congestion_ack_is_delayed),
        cmocka_unit_test(test_congestion_ack_is_delayed_half_a_second_at_most),
        cmocka_unit_test(test_congestion_ack_is_not_put_off),
        cmocka_unit_test(test_congestion_second_full_segment_is_acknowledged),
        cmocka_unit_test(test_congestion_two_segments_of_octets_are_acknowledged),
        cmocka_unit_test(test_congestion_out_of_order_is_acknowledged_at_once),
        cmocka_unit_test(test_congestion_filled_gap_is_acknowledged_at_once),
        cmocka_unit_test(test_congestion_one_segment_one_ack),
        cmocka_unit_test(test_congestion_bare_ack_draws_no_ack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
