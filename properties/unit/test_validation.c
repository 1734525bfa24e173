/* Congestion window validation (RFC 7661): a window that is not used does not grow, and one that
 * was used is kept over a pause. */
#include "flow.h"

#define RTT (100 * MS)
#define CWV ((uint32_t)TFSM_CWV)
#define IW  10u

/* What counts how text is let out, in every policy that has it. */
static size_t variants(uint32_t *bits)
{
    struct tfsm_config cfg;
    size_t n = 0;
    assert_true(tfsm_config_named("today", &cfg));
    for (uint32_t cubic = 0; cubic <= TFSM_CUBIC; cubic += TFSM_CUBIC) {
        bits[n++] = CWV | cubic;
        bits[n++] = CWV | cubic | TFSM_SACK | TFSM_TIMESTAMPS;
        bits[n++] = CWV | cubic | TFSM_HYSTART | TFSM_TIMESTAMPS;
    }
    bits[n++] = cfg.profile & ~(uint32_t)TFSM_ECN;
    return n;
}

static uint32_t whole(const struct fixture *f)
{
    return MSS - ((f->cfg.profile & TFSM_TIMESTAMPS) != 0 ? 12u : 0u);
}

/* As many requests of so many segments, each answered before the next. */
static void exchanges(struct fixture *f, unsigned n, unsigned segments, tfsm_time pause)
{
    for (unsigned i = 0; i < n; i++) {
        user_send(f, segments * whole(f));
        (void)path_send(f);
        while (path.count > 0) {
            path_answer(f);
        }
        f->now += pause;
    }
}

/* What goes at once when there is much to send. */
static size_t burst(struct fixture *f)
{
    flow_fill(f);
    return path_send(f);
}

/* RFC7661:4.4a, RFC7661:4.4d, RFC7661:4.5.3, RFC9438:5.8, RFC9438:4.6f, RFC9438:4.6g: two hundred lone exchanges of a segment earn nothing. */
static void test_validation_lone_exchanges_earn_no_burst(void **state)
{
    static const tfsm_time pauses[] = {0, 20 * MS, 900 * MS, 3 * SECOND};
    uint32_t bits[16];
    size_t n = variants(bits);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof pauses / sizeof *pauses; k++) {
            struct fixture *f = flow(state, bits[i]);
            path_open(f, RTT);
            exchanges(f, 200, 1, pauses[k]);
            assert_true(f->tcb.cwnd <= IW * MSS);
            assert_in_range(burst(f), 1, IW);
        }
    }
}

/* RFC7661:4.4d: nor do exchanges of less than half the window. */
static void test_validation_small_exchanges_earn_no_burst(void **state)
{
    uint32_t bits[16];
    size_t n = variants(bits);
    for (size_t i = 0; i < n; i++) {
        for (unsigned segments = 2; segments < IW / 2; segments++) {
            struct fixture *f = flow(state, bits[i]);
            path_open(f, RTT);
            exchanges(f, 200, segments, 0);
            assert_in_range(burst(f), 1, IW);
        }
    }
}

/* RFC7661:4.4d: the same in congestion avoidance. */
static void test_validation_lone_exchanges_in_avoidance_add_nothing(void **state)
{
    uint32_t bits[16];
    size_t n = variants(bits);
    for (size_t i = 0; i < n; i++) {
        struct fixture *f = flow(state, bits[i]);
        path_open(f, RTT);
        path.lose = 1;
        user_send(f, IW * whole(f));
        (void)path_send(f);
        while (path.count > 0 || recovers(f)) {
            (void)path_step(f);
        }
        exchanges(f, 1, 1, 0);
        uint32_t cwnd = f->tcb.cwnd;
        exchanges(f, 200, 1, 0);
        assert_int_equal(f->tcb.cwnd, cwnd);
    }
}

/* RFC7661:4.3, RFC7661:4.4e: a window that is used up grows as ever: in slow start it doubles. */
static void test_validation_used_window_doubles(void **state)
{
    uint32_t bits[16];
    size_t n = variants(bits);
    for (size_t i = 0; i < n; i++) {
        struct fixture *f = flow(state, bits[i]);
        path_open(f, RTT);
        (void)burst(f);
        for (unsigned k = 0; k < 5; k++) {
            uint32_t before = f->tcb.cwnd;
            path_round(f);
            assert_in_range(f->tcb.cwnd, 2 * before - 3 * MSS, 2 * before);
        }
    }
}

/* RFC7661:4.3: exchanges of as much as the window grow it, too. */
static void test_validation_whole_exchanges_grow_the_window(void **state)
{
    struct fixture *f = flow(state, CWV);
    path_open(f, RTT);
    exchanges(f, 1, IW, 0);
    assert_true(f->tcb.cwnd > IW * MSS);
}

/* RFC7661:4.3, RFC7661:4.4a, RFC7661:4.4b, RFC7661:4.2c, RFC7661:4.2e: half the window in use is enough for it to grow, and
 * less is not: so it comes to twice of what is used. */
static void test_validation_half_the_window_in_use_is_valid(void **state)
{
    for (unsigned segments = 6; segments <= 9; segments++) {
        struct fixture *f = flow(state, CWV);
        path_open(f, RTT);
        exchanges(f, 100, segments, 0);
        assert_in_range(f->tcb.cwnd, (2 * segments - 1) * MSS, (2 * segments + 2) * MSS);
    }
}

/* Three round trips with much to send; then all is acknowledged. */
static struct fixture *used_once(void **state, uint32_t bits)
{
    struct fixture *f = flow(state, bits);
    f->cfg.snd_buff = 200 * MSS;
    path_open(f, RTT);
    for (unsigned i = 0; i < 3; i++) {
        path_round(f);
    }
    while (path.count > 0) {
        path_answer(f);
    }
    assert_true(f->tcb.cwnd >= 40 * MSS);
    return f;
}

/* RFC7661:4.4.3a, RFC7661:4.4.3b: a window of which little is used for so long is worth half, though there is no pause. */
static void test_validation_window_ages_while_little_is_used(void **state)
{
    struct fixture *f = used_once(state, CWV);
    uint32_t cwnd = f->tcb.cwnd;
    exchanges(f, 2900, 1, 0);
    assert_int_equal(f->tcb.cwnd, cwnd);
    exchanges(f, 200, 1, 0);
    assert_int_equal(f->tcb.cwnd, cwnd / 2);
    assert_true(f->tcb.ssthresh >= cwnd / 4 * 3);
    exchanges(f, 12000, 1, 0);
    assert_int_equal(f->tcb.cwnd, IW * MSS);
}

/* RFC7661:4.4c: nearly five minutes. */
static void test_validation_window_is_kept_within_the_period(void **state)
{
    struct fixture *f = used_once(state, CWV);
    uint32_t cwnd = f->tcb.cwnd;
    f->now += 290 * SECOND;
    (void)burst(f);
    assert_int_equal(f->tcb.cwnd, cwnd);
}

/* RFC7661:4.4i, RFC7661:4.4.3a, RFC7661:4.4.3b: after more than five minutes it is halved, and
 * slow start leads back to three quarters. */
static void test_validation_period_ends(void **state)
{
    struct fixture *f = used_once(state, CWV);
    uint32_t cwnd = f->tcb.cwnd;
    f->tcb.ssthresh = 10 * MSS;
    f->now += 310 * SECOND;
    (void)burst(f);
    assert_in_range(f->tcb.cwnd, cwnd / 2 - 1, cwnd / 2);
    assert_in_range(f->tcb.ssthresh, cwnd / 4 * 3, cwnd / 4 * 3 + 3);
}

/* RFC7661:4.4h: a timeout is answered as ever. */
static void test_validation_timeout_ends_it(void **state)
{
    struct fixture *f = flow(state, CWV);
    path_open(f, RTT);
    exchanges(f, 20, 1, 0);
    user_send(f, 4 * MSS);
    assert_int_equal(flow_sent(f), 4);
    expire(f);
    assert_int_equal(f->tcb.cwnd, MSS);
    assert_int_equal(f->tcb.ssthresh, 2 * MSS);
}

/* RFC7661:4.4g: so is a loss, at least: from a window of forty, of which four segments were
 * used. */
static void test_validation_loss_ends_it(void **state)
{
    struct fixture *f = used_once(state, CWV | TFSM_SACK);
    exchanges(f, 100, 4, 0);
    assert_true(f->tcb.cwnd >= 40 * MSS);
    path.lose = 1;
    user_send(f, 4 * MSS);
    (void)path_send(f);
    while (path.count > 0 || recovers(f)) {
        (void)path_step(f);
    }
    assert_true(f->tcb.cwnd <= 3 * MSS);
}

/* RFC7661:4.4.1b, RFC7661:4.4.1c, RFC7661:4.4.1d: half of what was used, less what was lost: of
 * four segments three halves. */
static void test_validation_loss_leaves_half_of_what_was_used(void **state)
{
    struct fixture *f = used_once(state, CWV | TFSM_SACK);
    exchanges(f, 100, 4, 0);
    path.lose = 1;
    user_send(f, 4 * MSS);
    (void)path_send(f);
    while ((f->tcb.flags & TFSM_M_RECOVERY) == 0) {
        assert_true(path_step(f));
    }
    while (recovers(f)) {
        (void)path_step(f);
    }
    assert_in_range(f->tcb.cwnd, MSS, 3 * MSS / 2);
}

/* RFC7661:4.4c: a window that was used is kept over a pause, which RFC 5681 4.1 would not. */
static void test_validation_window_is_kept_over_a_pause(void **state)
{
    for (uint32_t cwv = 0; cwv <= CWV; cwv += CWV) {
        struct fixture *f = used_once(state, cwv);
        uint32_t cwnd = f->tcb.cwnd;
        f->now += 20 * SECOND;
        (void)burst(f);
        assert_int_equal(f->tcb.cwnd, cwv != 0 ? cwnd : IW * MSS);
    }
}

/* The window was forty and more, ten of it were used, and of a flight the first segments are lost.
 * Up to where recovery begins; then to its end. */
static struct fixture *lost_unused(void **state, uint32_t bits, unsigned flight, unsigned lost)
{
    struct fixture *f = used_once(state, CWV | TFSM_SACK | bits);
    exchanges(f, 30, 10, 0);
    path.lose = lost;
    user_send(f, flight * MSS);
    (void)path_send(f);
    while ((f->tcb.flags & TFSM_M_RECOVERY) == 0) {
        assert_true(path_step(f));
    }
    return f;
}

static void recover(struct fixture *f)
{
    while (recovers(f)) {
        assert_true(path_step(f));
    }
}

/* RFC7661:4.2a, RFC7661:4.4.1a, RFC7661:4.4.1b, RFC7661:4.4.1c, RFC7661:4.4.1d, RFC7661:4.4.1g:
 * half of what was used, be it in flight or before; and less what was lost, at the end, which is
 * ssthresh, too. */
static void test_validation_loss_leaves_half_of_the_greater(void **state)
{
    for (unsigned flight = 4; flight <= 10; flight += 3) {
        struct fixture *f = lost_unused(state, 0, flight, 1);
        assert_int_equal(f->tcb.cwnd, 5 * MSS);
        recover(f);
        assert_int_equal(f->tcb.cwnd, 9 * MSS / 2);
        assert_int_equal(f->tcb.ssthresh, 9 * MSS / 2);
    }
}

/* RFC7661:4.4.1d: of ten segments two are lost, and of these one again: eight halves are left, as where none is. */
static void test_validation_what_goes_a_third_time_counts_once(void **state)
{
    for (unsigned lost = 0; lost < 2; lost++) {
        struct fixture *f = used_once(state, CWV | TFSM_SACK | TFSM_RACK);
        exchanges(f, 30, 10, 0);
        path.again = 0;
        path.lose = 2;
        user_send(f, 10 * MSS);
        (void)path_send(f);
        while (path.again == 0) { /* the first that goes again */
            path.lose = lost;
            assert_true(path_step(f));
        }
        path.lose = 0;
        assert_int_equal(f->tcb.cwnd, 5 * MSS);
        recover(f);
        assert_int_equal(path.again, 2 + lost);
        assert_int_equal(f->tcb.cwnd, 4 * MSS);
    }
}

/* RFC7661:4.4.1c, RFC7661:4.4.1e: of ten segments seven are lost, or nine, which time alone tells: three halves are left,
 * or one, and that is never less than a segment; slow start leads to two. */
static void test_validation_loss_of_much(void **state)
{
    for (unsigned lost = 7; lost <= 9; lost += 2) {
        struct fixture *f = lost_unused(state, lost > 7 ? TFSM_RACK : 0, 10, lost);
        assert_true(f->tcb.cwnd <= 5 * MSS);
        recover(f);
        assert_int_equal(f->tcb.cwnd, lost > 7 ? MSS : 3 * MSS / 2);
        assert_int_equal(f->tcb.ssthresh, 2 * MSS);
    }
}

/* RFC7661:4.2g, RFC7661:4.4.1f: what was used before a recovery is forgotten with it: until a round
 * trip has told what is used now the window grows as ever, and from then on by that. */
static void test_validation_recovery_forgets_what_was_used(void **state)
{
    struct fixture *f = lost_unused(state, 0, 10, 1);
    recover(f);
    while (path.count > 0) {
        path_answer(f);
    }
    uint32_t cwnd = f->tcb.cwnd;
    exchanges(f, 8, 1, 0);
    assert_int_equal(f->tcb.cwnd, cwnd);

    f = lost_unused(state, 0, 10, 1);
    recover(f);
    cwnd = f->tcb.cwnd;
    path.rtt = 10 * MS;
    exchanges(f, 6, 1, 0);
    assert_in_range(f->tcb.cwnd, cwnd + MSS, cwnd + 2 * MSS);
}

/* RFC7661:4.2h: however long a recovery takes. Without SACK each round trip makes good one of six. */
static void test_validation_recovery_measures_nothing(void **state)
{
    struct fixture *f = used_once(state, CWV);
    exchanges(f, 30, 10, 0);
    path.lose = 6;
    user_send(f, 10 * MSS);
    (void)path_send(f);
    while ((f->tcb.flags & TFSM_M_RECOVERY) == 0) {
        assert_true(path_step(f));
    }
    tfsm_time began = f->now;
    uint32_t peak = f->tcb.cwv_peak;
    uint32_t before = f->tcb.cwv_before;
    while ((f->tcb.flags & TFSM_M_RECOVERY) != 0) {
        assert_int_equal(f->tcb.cwv_peak, peak);
        assert_int_equal(f->tcb.cwv_before, before);
        assert_true(path_step(f));
    }
    assert_true(f->now - began >= 5 * RTT);
}

/* RFC7661:4.2i: in every policy that has a name and this. */
static void test_validation_goes_with_sack(void **state)
{
    static const char *const names[] = {"today", "rfc9293", "rfc793", "minimal"};
    unsigned with = 0;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct tfsm_config cfg;
        assert_true(tfsm_config_named(names[i], &cfg));
        bool cwv = (cfg.profile & TFSM_CWV) != 0;
        with += cwv;
        assert_true(!cwv || (cfg.profile & TFSM_SACK) != 0);
    }
    assert_true(with > 0);
}

static const uint32_t firsts[] = {0, 1000, 0x10000000, 0x7fff0000, 0x80000000, 0xfffffff0};
#define FIRSTS (sizeof firsts / sizeof *firsts)

/* RFC7661:4.1, RFC7661:4.2g: a connection begins with a valid window: before a round trip has told
 * what is used, it grows as ever. */
static void test_validation_begins_valid(void **state)
{
    for (size_t i = 0; i < FIRSTS; i++) {
        struct fixture *f = flow(state, CWV);
        f->iss = firsts[i];
        path_open(f, RTT);
        path.rtt = 20 * MS;
        exchanges(f, 3, 1, 0);
        assert_int_equal(f->tcb.cwnd, (IW + 3) * MSS);
    }
}

/* RFC7661:4.2e, RFC7661:4.2a: nothing but what was acknowledged counts as used, whatever the first
 * number. */
static void test_validation_counts_only_what_was_acknowledged(void **state)
{
    for (size_t i = 0; i < FIRSTS; i++) {
        struct fixture *f = flow(state, CWV);
        f->iss = firsts[i];
        path_open(f, RTT);
        exchanges(f, 20, 1, 0);
        assert_in_range(f->tcb.cwnd, IW * MSS, (IW + 1) * MSS);
    }
}

/* RFC7661:4.4h, RFC5681:3.1j: a timeout leaves half of what is in flight, whatever was used before:
 * of four segments two, though ten were used. */
static void test_validation_timeout_leaves_half_of_the_flight(void **state)
{
    struct fixture *f = used_once(state, CWV);
    exchanges(f, 30, 10, 0);
    user_send(f, 4 * MSS);
    assert_int_equal(flow_sent(f), 4);
    expire(f);
    assert_int_equal(f->tcb.cwnd, MSS);
    assert_int_equal(f->tcb.ssthresh, 2 * MSS);
}

/* RFC7661:4.4c: also one of which the first round trip alone has made use. */
static void test_validation_first_window_is_kept_over_a_pause(void **state)
{
    struct fixture *f = flow(state, CWV);
    path_open(f, RTT);
    exchanges(f, 1, IW, 0);
    uint32_t cwnd = f->tcb.cwnd;
    assert_true(cwnd > IW * MSS);
    f->now += 20 * SECOND;
    (void)burst(f);
    assert_int_equal(f->tcb.cwnd, cwnd);
}

/* RFC7661:4.4.1c: what was noted of a recovery that a timeout has ended, or that was none, says nothing of the next. */
static void test_validation_next_recovery_is_its_own(void **state)
{
    struct fixture *f = lost_unused(state, 0, 10, 1);
    path.count = 0;
    expire(f);
    (void)path_send(f);
    recover(f);
    for (unsigned i = 0; i < 20; i++) {
        path_round(f);
    }
    assert_true(f->tcb.cwnd >= 18 * MSS);
    path.lose = 1;
    while ((f->tcb.flags & TFSM_M_RECOVERY) == 0) {
        flow_fill(f);
        (void)path_send(f);
        assert_true(path_step(f));
    }
    uint32_t ssthresh = f->tcb.ssthresh;
    assert_true(ssthresh >= 9 * MSS);
    recover(f);
    assert_int_equal(f->tcb.cwnd, ssthresh);
}

/* RFC7661:4.5.2, RFC7661:4.4.3b: an hour is twelve of these, and the initial window is the
 * least. */
static void test_validation_many_periods_end(void **state)
{
    struct fixture *f = used_once(state, CWV);
    f->now += 3700 * SECOND;
    assert_in_range(burst(f), 1, IW);
    assert_int_equal(f->tcb.cwnd, IW * MSS);
}

/* RFC7661:4.4a, RFC7661:4.4i, RFC7661:4.2f, RFC7661:4.4.3b: a window that was used whole up to the
 * pause, too: nothing was acknowledged in the last sampling period, so that it is not valid any
 * more. */
static void test_validation_period_ends_for_a_steady_flow(void **state)
{
    struct fixture *f = flow(state, CWV);
    f->cfg.snd_buff = 200 * MSS;
    path_open(f, RTT);
    f->tcb.ssthresh = 20 * MSS;
    for (unsigned i = 0; i < 30; i++) {
        path_round(f);
    }
    while (path.count > 0) {
        path_answer(f);
    }
    uint32_t cwnd = f->tcb.cwnd;
    assert_true(cwnd > 30 * MSS);
    f->now += 310 * SECOND;
    (void)burst(f);
    assert_true(f->tcb.cwnd <= cwnd / 2);
}

/* Of a window of ten, two were used lately; then so many segments go, and an answer comes for each, all of them before
 * anything goes out again. */
static struct fixture *answered_at_once(void **state, uint32_t bits, uint32_t segments)
{
    struct fixture *f = flow(state, bits);
    path_open(f, RTT);
    exchanges(f, 20, 2, 0);
    assert_int_equal(f->tcb.cwnd, IW * MSS);
    user_send(f, segments * MSS);
    assert_int_equal(flow_sent(f), segments);
    if (segments == IW) {
        flow_fill(f);
        expect_nothing(f);
    }
    f->now += RTT;
    for (uint32_t i = 0; i < segments; i++) {
        answer(f, .ack = octets_acked(f) + MSS);
    }
    return f;
}

/* RFC7661:4.5.3, RFC7661:4.4d, RFC9438:5.8: when the text went the window was full: each of the ACKs for it counts, though the
 * ones before it have made room that nothing has taken yet. */
static void test_validation_acks_together_count_as_of_a_full_window(void **state)
{
    for (uint32_t cubic = 0; cubic <= TFSM_CUBIC; cubic += TFSM_CUBIC) {
        struct fixture *f = answered_at_once(state, CWV | cubic, IW);
        assert_int_equal(f->tcb.cwnd, 2 * IW * MSS);
        assert_int_equal(flow_sent(f), 2 * IW);
    }
}

/* RFC7661:4.4a, RFC7661:4.4d: nothing of that where the last text left much of the window empty, though it was full before. */
static void test_validation_acks_together_of_a_small_flight(void **state)
{
    for (uint32_t cubic = 0; cubic <= TFSM_CUBIC; cubic += TFSM_CUBIC) {
        struct fixture *f = answered_at_once(state, CWV | cubic, 4);
        assert_int_equal(f->tcb.cwnd, IW * MSS);

        f = flow(state, CWV | cubic);
        path_open(f, RTT);
        exchanges(f, 20, 2, 0);
        user_send(f, IW * MSS);
        assert_int_equal(flow_sent(f), IW);
        f->now += RTT;
        answer(f, .ack = octets_acked(f) + 8 * MSS);
        uint32_t cwnd = f->tcb.cwnd;
        assert_true(cwnd > IW * MSS);
        f->tcb.cwv_peak = f->tcb.cwv_before = MSS; /* so that only what goes last tells */
        user_send(f, MSS);                         /* three of eleven are out then */
        assert_int_equal(flow_sent(f), 1);
        answer(f, .ack = octets_acked(f) + MSS);
        answer(f, .ack = octets_acked(f) + 2 * MSS);
        assert_int_equal(f->tcb.cwnd, cwnd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validation_lone_exchanges_earn_no_burst),
        cmocka_unit_test(test_validation_small_exchanges_earn_no_burst),
        cmocka_unit_test(test_validation_lone_exchanges_in_avoidance_add_nothing),
        cmocka_unit_test(test_validation_used_window_doubles),
        cmocka_unit_test(test_validation_whole_exchanges_grow_the_window),
        cmocka_unit_test(test_validation_half_the_window_in_use_is_valid),
        cmocka_unit_test(test_validation_window_is_kept_within_the_period),
        cmocka_unit_test(test_validation_window_ages_while_little_is_used),
        cmocka_unit_test(test_validation_period_ends),
        cmocka_unit_test(test_validation_timeout_ends_it),
        cmocka_unit_test(test_validation_loss_ends_it),
        cmocka_unit_test(test_validation_loss_leaves_half_of_what_was_used),
        cmocka_unit_test(test_validation_window_is_kept_over_a_pause),
        cmocka_unit_test(test_validation_loss_leaves_half_of_the_greater),
        cmocka_unit_test(test_validation_what_goes_a_third_time_counts_once),
        cmocka_unit_test(test_validation_loss_of_much),
        cmocka_unit_test(test_validation_recovery_forgets_what_was_used),
        cmocka_unit_test(test_validation_recovery_measures_nothing),
        cmocka_unit_test(test_validation_goes_with_sack),
        cmocka_unit_test(test_validation_begins_valid),
        cmocka_unit_test(test_validation_counts_only_what_was_acknowledged),
        cmocka_unit_test(test_validation_timeout_leaves_half_of_the_flight),
        cmocka_unit_test(test_validation_many_periods_end),
        cmocka_unit_test(test_validation_first_window_is_kept_over_a_pause),
        cmocka_unit_test(test_validation_next_recovery_is_its_own),
        cmocka_unit_test(test_validation_period_ends_for_a_steady_flow),
        cmocka_unit_test(test_validation_acks_together_count_as_of_a_full_window),
        cmocka_unit_test(test_validation_acks_together_of_a_small_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
