/* CUBIC (RFC 9438): how the window grows after a loss, and by how much a loss, ECE and a timeout
 * lower it. What it should be a model of the text's own formulas says, in segments and seconds and
 * in floating point. Most tests begin with a loss at a hundred segments of a thousand octets, so
 * that W_max is 100 and the window 70. */
#include "flow.h"

#define RTT   (100 * MS)
#define CUBIC ((uint32_t)TFSM_CUBIC)
#define FIRST 100u       /* segments in flight at the first loss */
#define MOST  (1u << 30) /* no window is greater */

#define BETA  0.7
#define C     0.4
#define ALPHA (9.0 / 17.0)

/* ---- the text's formulas ---- */

struct model {
    double w_max;
    double k;
    double w_est;
    double prior; /* cwnd_prior */
    double cwnd;
    tfsm_time from; /* t_epoch */
};

static double cube_root(double x)
{
    double low = 0;
    double high = x < 1 ? 1 : x;
    for (int i = 0; i < 200; i++) {
        double middle = (low + high) / 2;
        if (middle * middle * middle < x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct model stage_of(double w_max, double cwnd, double prior, tfsm_time from)
{
    struct model m = {.w_max = w_max, .w_est = cwnd, .prior = prior, .cwnd = cwnd, .from = from};
    m.k = cube_root((w_max - cwnd) / C);
    return m;
}

static double w_cubic(const struct model *m, double t)
{
    return C * (t - m->k) * (t - m->k) * (t - m->k) + m->w_max;
}

static double seconds(tfsm_time t)
{
    return (double)t / (double)SECOND;
}

static double grown_to_target(const struct model *m, double t, tfsm_time srtt)
{
    double target = w_cubic(m, t + seconds(srtt));
    target = target < m->cwnd ? m->cwnd : target;
    target = target > 1.5 * m->cwnd ? 1.5 * m->cwnd : target;
    return m->cwnd + (target - m->cwnd) / m->cwnd;
}

static void model_est(struct model *m, double acked)
{
    m->w_est += (m->w_est >= m->prior ? 1 : ALPHA) * acked / m->cwnd;
}

/* RFC 9438 4.2 to 4.5: an ACK of so many segments. Where the function of time is below what Reno would have the window is
 * Reno's, though its target be above; it never falls. */
static void model_ack(struct model *m, double acked, tfsm_time now, tfsm_time srtt)
{
    model_est(m, acked);
    double t = seconds(now - m->from);
    double grown = w_cubic(m, t) < m->w_est ? m->w_est : grown_to_target(m, t, srtt);
    m->cwnd = grown > m->cwnd ? grown : m->cwnd;
}

/* Within so many octets. */
static void expect_within(double got, double want, double off)
{
    if (got < want - off || got > want + off) {
        print_error("%.1f is not near %.1f\n", got, want);
        fail();
    }
}

/* One octet in a thousand, and two for rounding. */
static void expect_near(double got, double want)
{
    expect_within(got, want, want / 1000 + 2);
}

/* ---- connections ---- */

static uint32_t octets_of_segment(const struct fixture *f)
{
    return f->cfg.mss - ((f->cfg.profile & TFSM_TIMESTAMPS) != 0 ? 12u : 0u);
}

/* So many segments in flight, which is the window; more is queued. */
static struct fixture *in_flight_of(void **state, uint32_t bits, uint8_t n)
{
    struct fixture *f = flow(state, bits | TFSM_SACK);
    f->cfg.initial_window = n;
    flow_open(f, RTT);
    flow_fill(f);
    assert_int_equal(flow_sent(f), n);
    return f;
}

/* Three duplicates. */
static void lose(struct fixture *f)
{
    uint32_t ack = octets_acked(f);
    uint32_t size = octets_of_segment(f);
    f->now += RTT;
    for (unsigned i = 1; i <= 3; i++) {
        answer(f, .ack = ack, .echo = f->now - RTT, .blocks = {{ack + size, ack + (i + 1) * size}});
    }
    assert_true((f->tcb.flags & TFSM_M_RECOVERY) != 0);
    (void)flow_sent(f);
}

/* What went again arrives, and all is acknowledged. */
static void repair(struct fixture *f)
{
    tfsm_time again = f->now;
    f->now += RTT;
    answer(f, .ack = octets_sent(f), .echo = again);
    assert_false(recovers(f));
    flow_fill(f);
    (void)flow_sent(f);
}

static struct fixture *after_loss(void **state, uint32_t bits, uint8_t n)
{
    struct fixture *f = in_flight_of(state, bits, n);
    lose(f);
    repair(f);
    return f;
}

/* An ACK for so many octets, of what was sent a round trip ago; then as much as may go. */
static void progress(struct fixture *f, uint32_t octets)
{
    answer(f, .ack = octets_acked(f) + octets, .echo = f->now - RTT);
    flow_fill(f);
    (void)flow_sent(f);
}

/* The window, and W_max, are these; the next ACK begins the stage. All of the window is in
 * flight. */
static void before_stage(struct fixture *f, uint32_t cwnd, uint32_t w_max)
{
    f->tcb.cwnd = cwnd;
    f->tcb.ssthresh = cwnd - 1;
    f->tcb.w_max = w_max;
    f->tcb.cwnd_prior = w_max;
    f->tcb.cubic_from = 0;
    flow_fill(f);
    (void)flow_sent(f);
}

/* Nothing but the function of time decides: SRTT is a round trip whatever was measured, and Reno
 * would be far behind. */
static void at(struct fixture *f, tfsm_time from, tfsm_time t, uint32_t cwnd)
{
    f->now = from + t;
    f->tcb.cubic_last = f->now; /* and ACKs came all the time */
    f->tcb.cwnd = cwnd;
    f->tcb.srtt = (uint32_t)RTT;
    f->tcb.w_est = 2 * MSS;
    f->tcb.flags &= ~(uint32_t)TFSM_M_TIMING;
    f->tcb.sent_at = f->now; /* without a pause */
    flow_fill(f);
    (void)flow_sent(f);
    assert_in_range(in_flight(f), cwnd - MSS + 1, cwnd);
}

/* So many ACKs of a segment, at one moment: by how much the window grows. */
static uint32_t growth_of(struct fixture *f, unsigned acks)
{
    uint32_t before = f->tcb.cwnd;
    for (unsigned i = 0; i < acks; i++) {
        f->tcb.flags &= ~(uint32_t)TFSM_M_TIMING;
        progress(f, MSS);
    }
    return f->tcb.cwnd - before;
}

/* ---- a loss ---- */

/* RFC9293:MAY-18, RFC9438:4.6a, RFC9438:4.6b, RFC9438:4.6c, RFC9438:4.6d, RFC9438:4.6e, RFC9438:4.7c: both windows
 * are 0.7 of what was in flight, two segments at least, as soon as recovery begins. */
static void test_cubic_loss_cuts_to_seven_tenths(void **state)
{
    static const uint8_t flights[] = {4, 5, 7, 10, 50, 100, 255};
    for (size_t i = 0; i < sizeof flights; i++) {
        struct fixture *f = in_flight_of(state, CUBIC, flights[i]);
        lose(f);
        assert_in_range(f->tcb.ssthresh, flights[i] * 700u - 1, flights[i] * 700u);
        assert_int_equal(f->tcb.cwnd, f->tcb.ssthresh);
        assert_int_equal(f->tcb.cwnd_prior, flights[i] * MSS);
        assert_int_equal(f->tcb.w_max, flights[i] * MSS);
        repair(f);
        assert_in_range(f->tcb.cwnd, flights[i] * 700u - 1, flights[i] * 700u);
    }
}

/* RFC9438:4.6c, RFC9438:4.6d: without SACK, too, and of a flight of two or three segments two are
 * left, or 2.1. */
static void test_cubic_loss_leaves_two_segments(void **state)
{
    for (uint8_t n = 2; n <= 4; n++) {
        struct fixture *f = flow(state, CUBIC);
        uint32_t want = n == 2 ? 2000 : n * 700u;
        f->cfg.initial_window = n;
        flow_open(f, RTT);
        flow_fill(f);
        assert_int_equal(flow_sent(f), n);
        for (unsigned i = 0; i < 3; i++) {
            assert_false(recovers(f));
            answer(f, .ack = 0);
        }
        assert_true(recovers(f));
        assert_in_range(f->tcb.ssthresh, want - 1, want);
        (void)flow_sent(f);
        answer(f, .ack = octets_sent(f));
        assert_false(recovers(f));
        assert_in_range(f->tcb.ssthresh, want - 1, want);
        assert_in_range(f->tcb.cwnd, 2 * MSS, want);
    }
}

/* RFC9438:4.6c: what is in flight counts, not the window. */
static void test_cubic_loss_of_less_than_the_window(void **state)
{
    struct fixture *f = flow(state, CUBIC | TFSM_SACK);
    f->cfg.initial_window = FIRST;
    flow_open(f, RTT);
    user_send(f, 20 * MSS);
    assert_int_equal(flow_sent(f), 20);
    lose(f);
    assert_in_range(f->tcb.ssthresh, 13999, 14000);
    assert_int_equal(f->tcb.cwnd_prior, 100 * MSS);
}

/* ---- K, and the function of time: section 4.6 of the vectors ---- */

/* RFC9438:4.2c: milliseconds. */
static void test_cubic_k(void **state)
{
    static const struct {
        uint32_t w_max;
        uint32_t epoch;
        uint32_t k;
    } vectors[] = {{100, 70, 4217}, {10, 7, 1957}, {20, 14, 2466}, {1000, 700, 9086},
                   {100, 99, 1357}, {100, 100, 0}, {100, 120, 0}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct fixture *f = after_loss(state, CUBIC, 10);
        before_stage(f, vectors[i].epoch * MSS, vectors[i].w_max * MSS);
        f->now += RTT;
        progress(f, MSS);
        assert_in_range(f->tcb.cubic_k + 1, vectors[i].k, vectors[i].k + 2);
        assert_int_equal(f->tcb.cubic_from, f->now + 1);
    }
}

/* RFC9438:4.1, RFC9438:4.2c: the segment's size is in every formula. */
static void test_cubic_k_is_of_segments(void **state)
{
    static const uint16_t sizes[] = {1, 10, 100, 536, 1460, 9000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct fixture *f = flow(state, CUBIC | TFSM_SACK);
        f->cfg.mss = sizes[i];
        f->cfg.mss_floor = 1;
        f->peer.mss = sizes[i];
        f->cfg.initial_window = 100;
        flow_open(f, RTT);
        flow_fill(f);
        assert_int_equal(flow_sent(f), 100);
        lose(f);
        repair(f);
        assert_int_equal(f->tcb.cwnd, 70u * sizes[i]);
        before_stage(f, 70u * sizes[i], 100u * sizes[i]);
        f->now += RTT;
        progress(f, sizes[i]);
        assert_in_range(f->tcb.cubic_k, 4216, 4218);
    }
}

/* RFC9438:4.2b, RFC9438:4.2d, RFC9438:4.4, RFC9438:4.5, RFC9438:5.1a, RFC9438:5.1b: W_max 100, K 4.217 s, SRTT
 * 0.1 s. What a hundred ACKs add, at one moment. */
static void test_cubic_grows_towards_the_target(void **state)
{
    static const struct {
        uint32_t t;    /* milliseconds */
        uint32_t cwnd; /* octets: W_cubic(t) */
        double target; /* W_cubic(t + SRTT) in segments */
    } vectors[] = {{0, 70000, 72.0839},      {100, 72084, 74.0653},   {1000, 86681, 87.8846},
                   {2000, 95640, 96.2043},   {4000, 99996, 99.9994},  {5000, 100192, 100.2752},
                   {6000, 102267, 102.6699}, {8000, 121653, 123.4159}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct fixture *f = after_loss(state, CUBIC, FIRST);
        before_stage(f, 70 * MSS, 100 * MSS);
        f->now += RTT;
        progress(f, MSS);
        at(f, f->tcb.cubic_from - 1, vectors[i].t * MS, vectors[i].cwnd);
        double cwnd = vectors[i].cwnd / 1000.0;
        for (unsigned n = 0; n < 100; n++) {
            double grown = (vectors[i].target - cwnd) / cwnd;
            cwnd += grown > 0 ? grown : 0;
        }
        double want = cwnd * 1000 - vectors[i].cwnd;
        /* The target is of a thousandth of W_max, to a millisecond of K. */
        expect_within(growth_of(f, 100), want, want / 100 + 3);
    }
}

/* RFC9438:4.4: a single ACK adds its part, octet by octet: 29.77, 13.89 and 0.83 octets. */
static void test_cubic_an_ack_adds_its_part(void **state)
{
    static const struct {
        uint32_t t;
        uint32_t cwnd;
        double one;
    } vectors[] = {{0, 70000, 29.77}, {1000, 86681, 13.888}, {5000, 100192, 0.832}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct fixture *f = after_loss(state, CUBIC, FIRST);
        before_stage(f, 70 * MSS, 100 * MSS);
        f->now += RTT;
        progress(f, MSS);
        at(f, f->tcb.cubic_from - 1, vectors[i].t * MS, vectors[i].cwnd);
        expect_within(growth_of(f, 1), vectors[i].one, 1);
    }
}

/* RFC9438:4.2d: no more than half a segment an ACK, however far the function is ahead. */
static void test_cubic_target_is_at_most_half_more(void **state)
{
    static const tfsm_time times[] = {12100 * MS, 60 * SECOND, 3600 * SECOND, 86400 * SECOND,
                                      UINT64_C(3000000) * SECOND};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct fixture *f = after_loss(state, CUBIC, FIRST);
        before_stage(f, 70 * MSS, 100 * MSS);
        f->now += RTT;
        progress(f, MSS);
        at(f, f->tcb.cubic_from - 1, times[i], 100 * MSS);
        uint32_t grown = growth_of(f, 20);
        assert_in_range(grown, 20 * 500 - 20, 20 * 500);
    }
}

/* RFC9438:4.2d: nor does the window shrink where the function is behind. */
static void test_cubic_target_is_at_least_the_window(void **state)
{
    struct fixture *f = after_loss(state, CUBIC, FIRST);
    before_stage(f, 70 * MSS, 100 * MSS);
    f->now += RTT;
    progress(f, MSS);
    at(f, f->tcb.cubic_from - 1, 1 * SECOND, 95 * MSS);
    assert_int_equal(growth_of(f, 20), 0);
}

/* ---- as a whole, against the model ---- */

/* The first segment of a flight of n is lost on a path, and made good: the stage is about to
 * begin. */
static void path_loses(struct fixture *f, uint8_t n, tfsm_time rtt)
{
    f->cfg.initial_window = n;
    path_open(f, rtt);
    flow_fill(f);
    path.lose = 1;
    assert_int_equal(path_send(f), n);
    do {
        path_answer(f);
    } while (recovers(f) || f->tcb.ssthresh >= TFSM_BUFF_MAX);
}

static struct fixture *on_path(void **state, uint32_t bits, uint8_t n, tfsm_time rtt)
{
    struct fixture *f = flow(state, bits);
    path_loses(f, n, rtt);
    return f;
}

/* Up to the first ACK of the stage: slow start is what adds a segment. The window that it begins
 * with. */
static uint32_t begin_stage(struct fixture *f)
{
    uint32_t before = 0;
    do {
        before = f->tcb.cwnd;
        flow_fill(f);
        path_answer(f);
    } while (f->tcb.cwnd == before + MSS);
    assert_true(before >= f->tcb.ssthresh);
    return before;
}

/* W_est may move by whole segments. */
#define WHOLE (MSS * 5 / 4)

/* From there on, for so long: the machine's window is the model's at each ACK. So much off it may
 * be where Reno is faster, and after that. */
static void follow(struct fixture *f, tfsm_time lasting, double off, bool *concave, bool *convex)
{
    double w_max = f->tcb.w_max / 1000.0;
    double cwnd = begin_stage(f) / 1000.0;
    struct model m = stage_of(w_max, cwnd, f->tcb.cwnd_prior / 1000.0, f->now);
    bool friendly = false;
    model_ack(&m, 1, f->now, path.rtt);
    tfsm_time end = f->now + lasting;
    while (f->now < end) {
        flow_fill(f);
        path_answer(f);
        model_ack(&m, 1, f->now, path.rtt);
        friendly = friendly || m.cwnd <= m.w_est;
        expect_within(f->tcb.cwnd, m.cwnd * 1000, m.cwnd + 2 + (friendly ? off : 0));
        *concave = *concave || (m.cwnd > m.w_est && m.cwnd < w_max);
        *convex = *convex || (m.cwnd > m.w_est && m.cwnd > w_max);
    }
}

/* RFC9438:4.2b, RFC9438:4.2c, RFC9438:4.2d, RFC9438:4.4, RFC9438:4.5: eleven seconds, concave and
 * then convex, Reno's for a while and convex again. */
static void test_cubic_follows_the_function(void **state)
{
    for (uint32_t sack = 0; sack <= TFSM_SACK; sack += TFSM_SACK) {
        bool concave = false;
        bool convex = false;
        struct fixture *f = on_path(state, CUBIC | sack, FIRST, RTT);
        assert_int_equal(f->tcb.w_max, FIRST * MSS);
        follow(f, 11 * SECOND, WHOLE, &concave, &convex);
        assert_true(concave && convex);
        assert_true(f->tcb.cwnd > 2 * FIRST * MSS);
    }
}

/* RFC9438:4.3a, RFC9438:4.3b, RFC9438:4.3d, RFC9438:4.3e: a short round trip and a small window:
 * Reno would be faster, and so it goes: 9/17 of a segment a round trip, and from cwnd_prior on a
 * whole one. */
static void test_cubic_is_no_slower_than_reno(void **state)
{
    bool concave = false;
    bool convex = false;
    struct fixture *f = on_path(state, CUBIC, 10, 10 * MS);
    follow(f, SECOND, WHOLE, &concave, &convex);
    assert_false(concave || convex);
    assert_true(f->tcb.cwnd > 60 * MSS);
}

/* At one moment, so that the function of time adds nothing, and with cwnd_prior there. */
static struct fixture *friendly(void **state, uint32_t prior)
{
    struct fixture *f = after_loss(state, CUBIC, FIRST);
    before_stage(f, 50 * MSS, 50 * MSS);
    f->tcb.cwnd_prior = prior;
    f->now += RTT;
    return f;
}

/* RFC9438:4.3d, RFC9438:4.3e: the slopes themselves, by twenty windows of ACKs. */
static void test_cubic_friendly_slopes(void **state)
{
    for (uint32_t prior = 40; prior <= 100; prior += 60) {
        struct fixture *f = friendly(state, prior * MSS);
        struct model m = stage_of(50, 50, prior, f->now);
        for (unsigned i = 0; i < 1000; i++) {
            progress(f, MSS);
            model_ack(&m, 1, f->now, RTT);
            expect_within(f->tcb.cwnd, m.cwnd * 1000, WHOLE);
        }
    }
}

/* RFC9438:4.3c: an ACK in pieces gains nothing there. */
static void test_cubic_friendly_pieces_gain_nothing(void **state)
{
    struct fixture *f = friendly(state, 100 * MSS);
    struct model m = stage_of(50, 50, 100, f->now);
    for (unsigned i = 0; i < 5000; i++) {
        progress(f, MSS / 10);
        model_est(&m, 0.1);
        m.cwnd = m.w_est;
        expect_within(f->tcb.cwnd, m.cwnd * 1000, WHOLE);
    }
}

/* RFC9438:4.2a: an ACK of nothing new adds nothing. */
static void test_cubic_only_new_acks_add(void **state)
{
    struct fixture *f = after_loss(state, CUBIC, FIRST);
    f->now += RTT;
    progress(f, MSS);
    progress(f, MSS);
    f->now += 5 * SECOND;
    uint32_t before = f->tcb.cwnd;
    answer(f, .ack = octets_acked(f));
    answer(f, .ack = octets_acked(f), .text = 10);
    answer(f, .ack = octets_acked(f) - 500);
    assert_int_equal(f->tcb.cwnd, before);
}

/* ---- fast convergence, ECE ---- */

/* RFC9438:4.7a, RFC9438:4.7b: below W_max it becomes 0.85 of the window; RFC9438:4.7c: else the
 * window. */
static void test_cubic_fast_convergence(void **state)
{
    struct fixture *f = after_loss(state, CUBIC, FIRST);
    assert_int_equal(f->tcb.w_max, 100 * MSS);
    f->tcb.cwnd = 80 * MSS;
    (void)flow_sent(f);
    lose(f);
    assert_in_range(f->tcb.w_max, 68 * MSS - 1, 68 * MSS);
    assert_int_equal(f->tcb.cwnd_prior, 80 * MSS);
    assert_in_range(f->tcb.ssthresh, 56 * MSS - 1, 56 * MSS);
    repair(f);
    f->tcb.cwnd = 68 * MSS; /* not less than W_max */
    (void)flow_sent(f);
    lose(f);
    assert_in_range(f->tcb.w_max, 68 * MSS - 1, 68 * MSS);
    repair(f);
    f->tcb.cwnd = 90 * MSS;
    (void)flow_sent(f);
    lose(f);
    assert_int_equal(f->tcb.w_max, 90 * MSS);
}

/* RFC9438:4.2c, RFC9438:4.7c: each loss begins a stage of its own, with the ACK that congestion
 * avoidance handles first. */
static void test_cubic_each_loss_begins_a_stage(void **state)
{
    struct fixture *f = after_loss(state, CUBIC, FIRST);
    before_stage(f, 70 * MSS, 100 * MSS);
    f->now += RTT;
    progress(f, MSS);
    at(f, f->tcb.cubic_from - 1, 7 * SECOND, 110 * MSS);
    lose(f);
    assert_int_equal(f->tcb.w_max, 110 * MSS);
    repair(f);
    uint32_t epoch = 0;
    f->now += RTT;
    do { /* at the threshold slow start may have an ACK yet */
        epoch = f->tcb.cwnd;
        progress(f, MSS);
    } while (f->tcb.cwnd == epoch + MSS);
    assert_in_range(epoch, 77 * MSS - 1, 78 * MSS);
    assert_int_equal(f->tcb.cubic_from, f->now + 1);
    double k = 1000 * cube_root((110 - epoch / 1000.0) / C);
    expect_within(f->tcb.cubic_k, k, 1);
}

/* ECE on an ACK of nothing new. */
static void marked(struct fixture *f)
{
    f->now += RTT;
    answer(f, .ack = octets_acked(f), .echo = f->now - RTT, .flags = TFSM_ECE);
}

/* RFC9438:4.6b, RFC9438:4.6d: ECE lowers the window as a loss does. */
static void test_cubic_ece_cuts_to_seven_tenths(void **state)
{
    struct fixture *f = in_flight_of(state, CUBIC | TFSM_ECN, FIRST);
    marked(f);
    assert_in_range(f->tcb.cwnd, 70 * MSS - 1, 70 * MSS);
    assert_in_range(f->tcb.ssthresh, 70 * MSS - 1, 70 * MSS);
    assert_int_equal(f->tcb.w_max, 100 * MSS);
    assert_int_equal(f->tcb.cwnd_prior, 100 * MSS);
    marked(f); /* once a window */
    assert_in_range(f->tcb.cwnd, 70 * MSS - 1, 70 * MSS);
}

/* RFC8511:3a, RFC8511:3.1b: with ABE it is 0.85, in congestion avoidance; RFC8511:3.1a: and a loss
 * as ever. [RFC8511:4] */
static void test_cubic_abe(void **state)
{
    struct fixture *f = after_loss(state, CUBIC | TFSM_ECN | TFSM_ABE, FIRST);
    assert_in_range(f->tcb.ssthresh, 70 * MSS - 1, 70 * MSS);
    f->now += RTT;
    progress(f, MSS);
    progress(f, MSS);
    assert_true(f->tcb.cwnd > f->tcb.ssthresh);
    uint32_t flight = in_flight(f);
    marked(f);
    expect_near(f->tcb.ssthresh, flight * 0.85);
    assert_int_equal(f->tcb.cwnd, f->tcb.ssthresh);
}

/* RFC9438:4.6d: of two segments ECE leaves 1.4, and of less one. */
static void test_cubic_ece_leaves_one_segment(void **state)
{
    struct fixture *f = in_flight_of(state, CUBIC | TFSM_ECN, 2);
    marked(f);
    assert_in_range(f->tcb.cwnd, 1399, 1400);
    assert_int_equal(f->tcb.ssthresh, 2 * MSS);
    f = in_flight_of(state, CUBIC | TFSM_ECN, 1);
    marked(f);
    assert_int_equal(f->tcb.cwnd, MSS);
    assert_int_equal(f->tcb.ssthresh, 2 * MSS);
}

/* RFC9438:4.6i, RFC9438:4.6j, RFC9438:4.6k: ECE in every round trip, until the window is one
 * segment; then the timer lets the next one out. */
static void test_cubic_ece_goes_down_to_one_segment(void **state)
{
    struct fixture *f = in_flight_of(state, CUBIC | TFSM_ECN, FIRST);
    for (unsigned i = 0; i < 60 && f->tcb.cwnd > MSS; i++) {
        uint32_t before = f->tcb.cwnd;
        f->now += RTT;
        answer(f, .ack = octets_sent(f), .flags = TFSM_ECE);
        assert_true(f->tcb.cwnd < before);
        (void)flow_sent(f);
    }
    assert_int_equal(f->tcb.cwnd, MSS);
    f->now += RTT;
    answer(f, .ack = octets_sent(f), .flags = TFSM_ECE);
    expect_nothing(f);
    expire(f);
    assert_int_equal(flow_sent(f), 1);
}

/* ---- a timeout ---- */

/* RFC9438:4.8a: one segment, and 0.7 of what was in flight. */
static void test_cubic_timeout(void **state)
{
    struct fixture *f = after_loss(state, CUBIC, FIRST);
    f->now += RTT;
    progress(f, MSS);
    uint32_t flight = in_flight(f);
    uint32_t cwnd = f->tcb.cwnd;
    expire(f);
    assert_int_equal(f->tcb.cwnd, MSS);
    expect_near(f->tcb.ssthresh, flight * BETA);
    assert_int_equal(f->tcb.cwnd_prior, cwnd);
    uint32_t ssthresh = f->tcb.ssthresh;
    (void)flow_sent(f);
    expire(f); /* the same segment again */
    assert_int_equal(f->tcb.ssthresh, ssthresh);
    assert_int_equal(f->tcb.cwnd, MSS);
}

/* RFC9438:4.8a, RFC5681:3.1k: two segments at least. */
static void test_cubic_timeout_leaves_a_threshold_of_two(void **state)
{
    for (uint8_t n = 1; n <= 2; n++) {
        struct fixture *f = in_flight_of(state, CUBIC, n);
        expire(f);
        assert_int_equal(f->tcb.cwnd, MSS);
        assert_int_equal(f->tcb.ssthresh, 2 * MSS);
    }
}

/* RFC9438:4.8b, RFC9438:4.8c: slow start, and then a stage with K = 0 that begins where it is. */
static void test_cubic_stage_after_a_timeout(void **state)
{
    struct fixture *f = after_loss(state, CUBIC, FIRST);
    f->now += RTT;
    progress(f, MSS);
    expire(f);
    (void)flow_sent(f);
    f->now += RTT;
    answer(f, .ack = octets_sent(f));
    assert_false(recovers(f));
    flow_fill(f);
    (void)flow_sent(f);
    uint32_t epoch = 0;
    do {
        epoch = f->tcb.cwnd;
        progress(f, MSS);
    } while (f->tcb.cwnd == epoch + MSS);
    assert_true(epoch >= f->tcb.ssthresh);
    assert_int_equal(f->tcb.cubic_k, 0);
    assert_in_range(f->tcb.w_max, epoch, epoch);
    assert_in_range(f->tcb.w_est, epoch, epoch + 20);
    /* convex at once: two seconds later the function is 0.4 * 2.1^3 = 3.7 segments ahead */
    at(f, f->tcb.cubic_from - 1, 2 * SECOND, epoch);
    struct model m = stage_of(epoch / 1000.0, epoch / 1000.0, epoch / 1000.0, f->now - 2 * SECOND);
    for (unsigned i = 0; i < 10; i++) {
        m.cwnd = grown_to_target(&m, 2, RTT);
    }
    expect_within(growth_of(f, 10), m.cwnd * 1000 - epoch, 8);
}

/* ---- a loss that was none ---- */

struct stage {
    uint32_t cwnd, prior, ssthresh, w_max, k, est;
    tfsm_time from;
};

static struct stage stage_in(const struct fixture *f)
{
    return (struct stage){f->tcb.cwnd,    f->tcb.cwnd_prior, f->tcb.ssthresh,  f->tcb.w_max,
                          f->tcb.cubic_k, f->tcb.w_est,      f->tcb.cubic_from};
}

/* A stage goes on since two seconds. */
static struct fixture *in_stage(void **state, uint32_t bits)
{
    struct fixture *f = after_loss(state, bits, FIRST);
    for (unsigned i = 0; i < 20; i++) {
        f->now += RTT;
        progress(f, octets_of_segment(f));
    }
    assert_true(f->tcb.cwnd > f->tcb.ssthresh && f->tcb.cubic_k > 0 && f->tcb.cubic_from > 0);
    return f;
}

static void expect_stage(const struct fixture *f, struct stage was)
{
    assert_in_range(f->tcb.cwnd, was.cwnd, was.cwnd + MSS);
    assert_int_equal(f->tcb.cwnd_prior, was.prior);
    assert_int_equal(f->tcb.ssthresh, was.ssthresh);
    assert_int_equal(f->tcb.w_max, was.w_max);
    assert_int_equal(f->tcb.cubic_k, was.k);
    assert_in_range(f->tcb.w_est, was.est, was.est + MSS);
    assert_int_equal(f->tcb.cubic_from, was.from);
}

/* RFC9438:4.9.2a, RFC9438:4.9.2b, RFC9438:4.9.2c: what timestamps tell brings the stage back as it
 * was. */
static void test_cubic_spurious_loss_brings_the_stage_back(void **state)
{
    struct fixture *f = in_stage(state, CUBIC | TFSM_UNDO | TFSM_TIMESTAMPS);
    struct stage was = stage_in(f);
    lose(f);
    assert_true(f->tcb.cwnd < was.cwnd && f->tcb.ssthresh != was.ssthresh);
    uint32_t ack = octets_acked(f);
    answer(f, .ack = ack + 4 * octets_of_segment(f), .echo = f->now - RTT);
    assert_false(recovers(f));
    expect_stage(f, was);
}

/* RFC9438:4.9.2a, RFC9438:4.9.2c: and so does D-SACK. */
static void test_cubic_dsack_brings_the_stage_back(void **state)
{
    struct fixture *f = in_stage(state, CUBIC | TFSM_UNDO);
    struct stage was = stage_in(f);
    uint32_t ack = octets_acked(f);
    uint32_t out = octets_sent(f);
    lose(f);
    answer(f, .ack = out);
    (void)flow_sent(f);
    answer(f, .ack = out, .blocks = {{ack, ack + MSS}});
    assert_false(recovers(f));
    expect_stage(f, was);
}

/* RFC9438:4.9.1a, RFC9438:4.9.1b: a timeout that was none, by F-RTO. */
static void test_cubic_spurious_timeout_brings_the_stage_back(void **state)
{
    struct fixture *f = in_stage(state, CUBIC | TFSM_UNDO | TFSM_FRTO);
    struct stage was = stage_in(f);
    expire(f);
    (void)flow_sent(f);
    answer(f, .ack = octets_acked(f) + MSS);
    (void)flow_sent(f);
    answer(f, .ack = octets_acked(f) + MSS);
    assert_false(recovers(f));
    expect_stage(f, was);
}

/* ---- what is not used does not grow ---- */

/* Ten round trips of a stage, and then all that was queued is acknowledged. */
static struct fixture *run_dry(void **state, uint32_t bits)
{
    struct fixture *f = flow(state, bits | TFSM_SACK);
    f->cfg.snd_buff = 200 * MSS;
    path_loses(f, FIRST, RTT);
    for (unsigned i = 0; i < 10; i++) {
        path_round(f);
    }
    while (path.count > 0) {
        path_answer(f);
    }
    return f;
}

/* So many round trips in which the user sends a segment; whether the window has stayed. */
static bool little_to_send(struct fixture *f, unsigned trips)
{
    uint32_t cwnd = f->tcb.cwnd;
    for (unsigned i = 0; i < trips; i++) {
        user_send(f, MSS);
        (void)path_send(f);
        path_answer(f);
    }
    return f->tcb.cwnd == cwnd;
}

/* RFC9438:5.8, RFC7661:4.4d */
static void test_cubic_little_to_send_adds_nothing_with_validation(void **state)
{
    struct fixture *f = run_dry(state, CUBIC | TFSM_CWV);
    (void)little_to_send(f, 10); /* RFC7661:4.2f: for a second what was measured before is valid */
    assert_true(little_to_send(f, 600));
}

/* The peer's window holds us back, two units of 2^14 octets; whether ours stays after so many
 * round trips. */
static bool peers_window_is_less(struct fixture *f, unsigned trips)
{
    f->peer.wnd = 2;
    for (unsigned i = 0; i < trips; i++) {
        path_round(f);
    }
    uint32_t cwnd = f->tcb.cwnd;
    assert_true(in_flight(f) < cwnd / 2);
    for (unsigned i = 0; i < 100; i++) {
        path_round(f);
    }
    return f->tcb.cwnd == cwnd;
}

/* RFC9438:5.8, RFC7661:4.4d */
static void test_cubic_peers_window_stops_growth_with_validation(void **state)
{
    assert_true(
        peers_window_is_less(on_path(state, CUBIC | TFSM_CWV, FIRST, RTT), 12)); /* RFC7661:4.2f */
}

/* ---- bounds ---- */

/* RFC9438:4.2d: never faster than slow start: no ACK adds more than it acknowledges, nor more than
 * a segment; nor does one take away. */
static void test_cubic_never_faster_than_slow_start(void **state)
{
    static const tfsm_time trips[] = {0, 1 * MS, 20 * MS, 100 * MS, 700 * MS, 3000 * MS};
    for (size_t i = 0; i < sizeof trips / sizeof *trips; i++) {
        for (uint32_t bits = 0; bits <= TFSM_SACK; bits += TFSM_SACK) {
            struct fixture *f = flow(state, CUBIC | bits);
            f->cfg.initial_window = 50;
            path_open(f, trips[i]);
            flow_fill(f);
            (void)path_send(f);
            for (unsigned k = 0; k < 6000; k++) {
                uint32_t before = f->tcb.cwnd;
                uint32_t acked = octets_acked(f);
                bool losing = recovers(f);
                path.lose = k % 1500 == 700 ? 1 : path.lose;
                flow_fill(f);
                path_answer(f);
                acked = octets_acked(f) - acked;
                if (!losing && !recovers(f)) {
                    assert_in_range(f->tcb.cwnd, before, before + (acked < MSS ? acked : MSS));
                }
            }
        }
    }
}

/* No window is greater than 2^30, however it grows. */
static void test_cubic_window_has_a_bound(void **state)
{
    for (uint32_t bits = 0; bits <= CUBIC; bits += CUBIC) {
        for (int avoiding = 0; avoiding < 2; avoiding++) {
            struct fixture *f = flow(state, bits);
            f->cfg.mss = 60000;
            f->peer.mss = 60000;
            f->cfg.snd_buff = TFSM_BUFF_MAX;
            flow_open(f, RTT);
            f->tcb.cwnd = MOST - 100;
            f->tcb.ssthresh = avoiding != 0 ? MOST / 2 : MOST;
            f->tcb.w_max = MOST;
            f->tcb.cwnd_prior = MOST / 2;
            flow_fill(f);
            (void)flow_sent(f);
            for (unsigned i = 0; i < 200; i++) {
                f->now += SECOND;
                answer(f, .ack = octets_acked(f) + 60000);
                assert_true(f->tcb.cwnd <= MOST);
                flow_fill(f);
                (void)flow_sent(f);
            }
        }
    }
}

/* Large windows of large segments: K and the growth are as of small ones. */
static void test_cubic_large_window(void **state)
{
    struct fixture *f = flow(state, CUBIC);
    f->cfg.mss = 60000;
    f->peer.mss = 60000;
    f->cfg.snd_buff = TFSM_BUFF_MAX;
    f->cfg.initial_window = 10;
    flow_open(f, RTT);
    flow_fill(f);
    (void)flow_sent(f);
    f->now += RTT;
    answer(f, .ack = 60000); /* the first flight is of so many segments */
    before_stage(f, 10000u * 60000u, 14000u * 60000u);
    f->now += RTT;
    answer(f, .ack = 2u * 60000);
    (void)flow_sent(f);
    assert_in_range(f->tcb.cubic_k, 21543, 21545); /* cbrt(4000 / 0.4) s */
    f->now = f->tcb.cubic_from - 1 + 10 * SECOND;
    f->tcb.cubic_last = f->now;
    f->tcb.sent_at = f->now; /* without a pause */
    /* W_cubic(10.1) = 14000 - 0.4 * 11.444^3 = 13400.5 segments */
    f->tcb.cwnd = 13300u * 60000u;
    flow_fill(f);
    (void)flow_sent(f);
    f->tcb.srtt = (uint32_t)RTT;
    f->tcb.w_est = 120000;
    flow_fill(f);
    (void)flow_sent(f);
    uint32_t before = f->tcb.cwnd;
    f->tcb.flags &= ~(uint32_t)TFSM_M_TIMING;
    answer(f, .ack = octets_acked(f) + 60000);
    double want = 100.5 / 13300 * 60000;
    expect_within(f->tcb.cwnd - before, want, want / 100 + 1);
}

/* ---- extremes ---- */

/* RFC9438:4.1: segments of one octet: within an octet of the model. */
static void test_cubic_segments_of_one_octet(void **state)
{
    struct fixture *f = flow(state, CUBIC | TFSM_SACK);
    f->cfg.mss = 1;
    f->cfg.mss_floor = 1;
    f->peer.mss = 1;
    f->cfg.snd_buff = 10000;
    f->cfg.initial_window = 100;
    flow_open(f, RTT);
    flow_fill(f);
    assert_int_equal(flow_sent(f), 100);
    lose(f);
    repair(f);
    before_stage(f, 70, 100);
    f->now += RTT;
    struct model m = stage_of(100, 70, 100, f->now);
    for (unsigned i = 0; i < 80; i++) {
        for (unsigned k = 0; k < 70; k++) {
            progress(f, 1);
            model_ack(&m, 1, f->now, RTT);
            assert_in_range(f->tcb.cwnd + 2, (uint32_t)m.cwnd, (uint32_t)m.cwnd + 4);
        }
        f->now += RTT;
    }
    assert_true(f->tcb.cwnd > 100);
}

/* A path without any delay: time stands still, and the window grows as Reno's. */
static void test_cubic_round_trip_of_nothing(void **state)
{
    struct fixture *f = on_path(state, CUBIC, 20, 0);
    uint32_t before = f->tcb.cwnd;
    for (unsigned i = 0; i < 2000; i++) {
        flow_fill(f);
        path_answer(f);
    }
    assert_true(f->tcb.cwnd > before + 10 * MSS);
    assert_true(f->tcb.cwnd < before + 100 * MSS);
}

/* The end of all time is near. */
static void test_cubic_near_the_end_of_time(void **state)
{
    bool concave = false;
    bool convex = false;
    struct fixture *f = flow(state, CUBIC);
    f->now = TFSM_NEVER - 40 * SECOND;
    path_loses(f, FIRST, RTT);
    follow(f, 11 * SECOND, WHOLE, &concave, &convex);
    assert_true(concave && convex);
}

/* RFC9438:4.3a, RFC9438:4.3c: where W_cubic(t) is below W_est the window is W_est, which each ACK
 * moves by its part. */
static void test_cubic_friendly_window_moves_with_each_ack(void **state)
{
    struct fixture *f = friendly(state, 100 * MSS);
    struct model m = stage_of(50, 50, 100, f->now);
    for (unsigned i = 0; i < 100; i++) {
        progress(f, MSS);
        model_est(&m, 1);
        m.cwnd = m.w_est;
        expect_near(f->tcb.cwnd, m.cwnd * 1000);
    }
}

/* RFC9438:4.2, RFC9438:4.3a: at the beginning of a stage, where W_cubic(t) is what the window was,
 * Reno is faster by any ACK, and the window moves by Reno's part. */
static void test_cubic_stage_begins_as_reno(void **state)
{
    struct fixture *f = after_loss(state, CUBIC, FIRST);
    before_stage(f, 70 * MSS, 100 * MSS);
    f->now += RTT;
    struct model m = stage_of(100, 70, 100, f->now);
    for (unsigned i = 0; i < 70; i++) {
        progress(f, MSS);
        model_est(&m, 1);
        m.cwnd = m.w_est;
        expect_near(f->tcb.cwnd, m.cwnd * 1000);
    }
}

/* RFC9438:4.10a: with the window at ssthresh the next ACK is slow start's. */
static void test_cubic_slow_start_up_to_the_threshold(void **state)
{
    struct fixture *f = after_loss(state, CUBIC, FIRST);
    assert_int_equal(f->tcb.cwnd, f->tcb.ssthresh);
    f->now += RTT;
    progress(f, MSS);
    assert_int_equal(f->tcb.cwnd, 71 * MSS);
    progress(f, MSS);
    assert_true(f->tcb.cwnd < 71 * MSS + 100);
}

/* RFC8511:4: in slow start it is what it was. */
static void test_cubic_abe_not_in_slow_start(void **state)
{
    struct fixture *f = in_flight_of(state, CUBIC | TFSM_ECN | TFSM_ABE, FIRST);
    marked(f);
    assert_in_range(f->tcb.ssthresh, 70 * MSS - 1, 70 * MSS);
    assert_in_range(f->tcb.cwnd, 70 * MSS - 1, 70 * MSS);
}

/* RFC9438:4.9.2d: too late: the window has come to cwnd_prior by itself, and all stay as they
 * are. */
static void test_cubic_spurious_loss_told_late_changes_nothing(void **state)
{
    struct fixture *f = in_flight_of(state, CUBIC | TFSM_UNDO, 10);
    lose(f);
    repair(f);
    for (unsigned i = 0; i < 2000 && f->tcb.cwnd <= 12 * MSS; i++) {
        f->now += RTT / 10;
        progress(f, MSS);
    }
    assert_true(f->tcb.cwnd > f->tcb.cwnd_prior);
    struct stage was = stage_in(f);
    answer(f, .ack = octets_acked(f), .blocks = {{0, 1000}});
    struct stage is = stage_in(f);
    assert_memory_equal(&is, &was, sizeof is);
}

/* RFC9438:5.8 */
static void test_cubic_little_to_send_adds_nothing(void **state)
{
    struct fixture *f = run_dry(state, CUBIC);
    assert_true(little_to_send(f, 600));
}

/* RFC9438:5.8 */
static void test_cubic_peers_window_stops_growth(void **state)
{
    assert_true(peers_window_is_less(on_path(state, CUBIC, FIRST, RTT), 2));
}

/* As much as may go, for three round trips, 1.2 s into the stage: less than three segments each. */
static void expect_no_leap(struct fixture *f)
{
    uint32_t cwnd = f->tcb.cwnd;
    flow_fill(f);
    (void)path_send(f);
    for (unsigned i = 0; i < 3; i++) {
        path_round(f);
    }
    assert_in_range(f->tcb.cwnd, cwnd, cwnd + 9 * MSS);
}

/* RFC9438:4.2e: and time stands still for the function. */
static void test_cubic_little_to_send_stops_the_clock(void **state)
{
    struct fixture *f = run_dry(state, CUBIC | TFSM_CWV);
    (void)little_to_send(f, 600);
    expect_no_leap(f);
}

/* RFC9438:4.2e: a minute of silence, over which the window is kept. */
static void test_cubic_pause_stops_the_clock(void **state)
{
    struct fixture *f = run_dry(state, CUBIC | TFSM_CWV);
    f->now += 60 * SECOND;
    expect_no_leap(f);
}

/* RFC9438:4.2e: and one of less than the retransmission timeout. */
static void test_cubic_short_pauses_stop_the_clock(void **state)
{
    struct fixture *f = run_dry(state, CUBIC | TFSM_CWV);
    for (unsigned i = 0; i < 70; i++) {
        user_send(f, MSS);
        (void)path_send(f);
        path_answer(f);
        f->now += 800 * MS;
    }
    expect_no_leap(f);
}

/* RFC9438:4.7c, RFC9438:4.6e, RFC9438:4.2c: a loss of a window that was not used cuts it by RFC
 * 7661 4.4.1, and begins a stage as any other: nothing of the one before is left that the window
 * would run after. */
static void test_cubic_loss_of_an_unused_window_begins_a_stage(void **state)
{
    struct fixture *f = run_dry(state, CUBIC | TFSM_CWV);
    assert_true(f->tcb.cwnd > 80 * MSS);
    for (unsigned i = 0; i < 20; i++) { /* of ten segments each */
        user_send(f, 10 * MSS);
        (void)path_send(f);
        while (path.count > 0) {
            path_answer(f);
        }
    }
    path.lose = 1;
    user_send(f, 10 * MSS);
    (void)path_send(f);
    while (!recovers(f)) {
        assert_true(path_step(f));
    }
    while (recovers(f)) {
        assert_true(path_step(f));
    }
    uint32_t cwnd = f->tcb.cwnd;
    assert_true(cwnd <= 5 * MSS);
    for (unsigned i = 0; i < 10; i++) {
        path_round(f);
    }
    /* W_max is ten or so: Reno's nine seventeenths a round trip, and no more than a segment */
    assert_in_range(f->tcb.cwnd, cwnd, cwnd + 11 * MSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cubic_loss_cuts_to_seven_tenths),
        cmocka_unit_test(test_cubic_loss_leaves_two_segments),
        cmocka_unit_test(test_cubic_loss_of_less_than_the_window),
        cmocka_unit_test(test_cubic_k),
        cmocka_unit_test(test_cubic_k_is_of_segments),
        cmocka_unit_test(test_cubic_grows_towards_the_target),
        cmocka_unit_test(test_cubic_an_ack_adds_its_part),
        cmocka_unit_test(test_cubic_target_is_at_most_half_more),
        cmocka_unit_test(test_cubic_target_is_at_least_the_window),
        cmocka_unit_test(test_cubic_follows_the_function),
        cmocka_unit_test(test_cubic_is_no_slower_than_reno),
        cmocka_unit_test(test_cubic_friendly_slopes),
        cmocka_unit_test(test_cubic_friendly_pieces_gain_nothing),
        cmocka_unit_test(test_cubic_only_new_acks_add),
        cmocka_unit_test(test_cubic_fast_convergence),
        cmocka_unit_test(test_cubic_each_loss_begins_a_stage),
        cmocka_unit_test(test_cubic_ece_cuts_to_seven_tenths),
        cmocka_unit_test(test_cubic_abe),
        cmocka_unit_test(test_cubic_ece_leaves_one_segment),
        cmocka_unit_test(test_cubic_ece_goes_down_to_one_segment),
        cmocka_unit_test(test_cubic_timeout),
        cmocka_unit_test(test_cubic_timeout_leaves_a_threshold_of_two),
        cmocka_unit_test(test_cubic_stage_after_a_timeout),
        cmocka_unit_test(test_cubic_spurious_loss_brings_the_stage_back),
        cmocka_unit_test(test_cubic_dsack_brings_the_stage_back),
        cmocka_unit_test(test_cubic_spurious_timeout_brings_the_stage_back),
        cmocka_unit_test(test_cubic_little_to_send_adds_nothing_with_validation),
        cmocka_unit_test(test_cubic_peers_window_stops_growth_with_validation),
        cmocka_unit_test(test_cubic_never_faster_than_slow_start),
        cmocka_unit_test(test_cubic_window_has_a_bound),
        cmocka_unit_test(test_cubic_large_window),
        cmocka_unit_test(test_cubic_segments_of_one_octet),
        cmocka_unit_test(test_cubic_round_trip_of_nothing),
        cmocka_unit_test(test_cubic_near_the_end_of_time),
        cmocka_unit_test(test_cubic_friendly_window_moves_with_each_ack),
        cmocka_unit_test(test_cubic_stage_begins_as_reno),
        cmocka_unit_test(test_cubic_slow_start_up_to_the_threshold),
        cmocka_unit_test(test_cubic_abe_not_in_slow_start),
        cmocka_unit_test(test_cubic_spurious_loss_told_late_changes_nothing),
        cmocka_unit_test(test_cubic_little_to_send_adds_nothing),
        cmocka_unit_test(test_cubic_peers_window_stops_growth),
        cmocka_unit_test(test_cubic_little_to_send_stops_the_clock),
        cmocka_unit_test(test_cubic_pause_stops_the_clock),
        cmocka_unit_test(test_cubic_short_pauses_stop_the_clock),
        cmocka_unit_test(test_cubic_loss_of_an_unused_window_begins_a_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
