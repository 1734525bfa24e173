/* Which text is taken for lost, and when: RACK of RFC 8985, sections 3 to 6. What goes out to find losses at the tail
 * is in test_tlp.c, how much a recovery lets out in test_prr.c, and test_rack_model.c compares with the pseudo code on
 * random paths. No limited transmit, no PRR: in recovery half of what was in flight may be on its way. */
#include "recovering.h"

#define STEP                                                                                       \
    (R /                                                                                           \
     2) /* between segments, where each is to be told from the next: more than window and grain */

/* So many segments, each so long after the one before it. */
static void send_spaced(struct fixture *f, uint32_t n, tfsm_time gap)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) {
            in_a(f, gap);
        }
        burst(f, 1);
    }
}

/* Two segments change places on their way; nothing is in flight before and after. */
static void show_reordering(struct fixture *f)
{
    uint32_t b = una(f);
    burst(f, 2);
    in_a(f, R);
    sacked(f, b, {b + 1000, b + 2000});
    acked(f, b + 2000);
    expect_no_recovery(f);
}

static struct fixture *reordered(void **state)
{
    struct fixture *f = timed(state);
    show_reordering(f);
    zero = f->now;
    return f;
}

/* The same, to see how long is waited for the first; to the grain. */
static tfsm_time window_of(struct fixture *f)
{
    uint32_t b = una(f);
    burst(f, 2);
    in_a(f, R);
    sacked(f, b, {b + 1000, b + 2000});
    tfsm_time window = tfsm_deadline(&f->tcb) - f->now;
    acked(f, b + 2000);
    expect_no_recovery(f);
    return window;
}

#define expect_window(f, want) want_window(HERE(f), window_of(f), (want))
static void want_window(const struct fixture *f, tfsm_time window, tfsm_time want)
{
    if (window < want || window >= want + LATE) {
        complain(f, "reordering window", window, want);
    }
}

/* ---- a later delivery shows a loss ---- */

/* RFC8985:6.2t, RFC8985:6.2q, RFC8985:1: one segment that came through is enough, if what was sent before it is old. */
static void test_rack_one_delivery_shows_a_loss(void **state)
{
    struct fixture *f = timed(state);
    send_spaced(f, 3, STEP);
    at(f, STEP + R);
    sacked(f, 0, {1000, 2000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    expect_lost(f, 0);
}

/* RFC8985:6.2w, RFC8985:6.2q: what came through may be a retransmission, and shows what was sent before it and behind
 * it. The first example of section 9.1. */
static void test_rack_a_retransmission_shows_the_tail(void **state)
{
    struct fixture *f = timed(state);
    send_spaced(f, 3, STEP);
    at(f, STEP + R);
    sacked(f, 0, {1000, 2000});
    expect_sent(f, 0, 1000);
    in_a(f, R);
    acked(f, 2000);
    expect_recovery(f);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    in_a(f, R);
    acked(f, 3000);
    expect_no_recovery(f);
}

/* RFC8985:6.2q, RFC8985:6.2r, RFC8985:6.1a: a retransmission is lost as the first sending was; two that left together
 * are told apart by their numbers. The second example of section 9.1. */
static void test_rack_a_lost_retransmission(void **state)
{
    struct fixture *f = timed(state);
    send_spaced(f, 3, STEP);
    in_a(f, R);
    sacked(f, 0, {2000, 3000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_nothing(f);
    in_a(f, R);
    sacked(f, 0, {1000, 3000});
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    expect_recovery(f);
    in_a(f, R);
    acked(f, 3000);
    expect_no_recovery(f);
}

/* RFC8985:6.2r, RFC8985:6.2q: of segments that left at one time only those that end lower were sent before. */
static void test_rack_segments_of_one_moment(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 4);
    at(f, R);
    sacked(f, 0, {1000, 2000});
    expect_no_recovery(f);
    expect_nothing(f);
    expect_due(f, zero + R + QUARTER);
    expire(f);
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    expect_lost(f, 0);
}

/* RFC8985:6.2q: what was sent behind the last that came through is never lost by this, however long nothing comes. */
static void test_rack_nothing_behind_the_last_delivery_is_lost(void **state)
{
    struct fixture *f = timed(state);
    send_spaced(f, 4, STEP);
    at(f, 3 * STEP + 1);
    acked(f, 1000);
    for (int i = 0; i < 20; i++) {
        in_a(f, 5 * MS);
        acked_with_text(f, 1000);
        expect_ack(f);
        expect_lost(f, 0);
        expect_no_recovery(f);
    }
}

/* RFC8985:6.2f: the round trip is that of what was sent last of all that an ACK tells of: the first waited for no ACK
 * of its own. */
static void test_rack_round_trip_of_the_last_sent(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 1);
    at(f, 10 * MS);
    burst(f, 1);
    at(f, 70 * MS);
    burst(f, 1);
    at(f, 70 * MS + R); /* the other would be lost 160 ms after it was sent */
    sacked(f, 0, {1000, 3000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
}

/* RFC8985:6.2f, RFC8985:6.2g: what comes late makes the round trip longer, though it was not sent last. */
static void test_rack_round_trip_of_what_came_late(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 3);
    at(f, R);
    sacked(f, 0, {2000, 3000});
    expect_due(f, zero + R + QUARTER);
    at(f, R + 15 * MS);
    sacked(f, 0, {1000, 3000});
    expect_due(f, zero + R + 15 * MS + QUARTER);
    expect_no_recovery(f);
    expire(f);
    expect_recovery(f);
    expect_sent(f, 0, 1000);
}

/* RFC8985:6.2g: and leaves the one that was sent last what it was: what was sent between is still waited for. */
static void test_rack_the_last_sent_stays_the_last(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 1);
    at(f, 13 * MS);
    burst(f, 1);
    at(f, 15 * MS);
    burst(f, 1);
    at(f, 15 * MS + R);
    sacked(f, 0, {2000, 3000});
    at(f, 16 * MS + R);
    sacked(f, 1000, {2000, 3000});
    expect_due(f, zero + 13 * MS + 16 * MS + R + QUARTER);
    expire(f);
    expect_sent(f, 1000, 1000);
}

/* RFC8985:6.2c: what was marked as lost and comes after all does not go again. */
static void test_rack_a_late_arrival_is_not_sent_again(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {5000, 8000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    expect_lost(f, 2000);
    sacked(f, 0, {4000, 8000});
    expect_lost(f, 1000);
    sacked(f, 0, {4000, 10000});
    expect_sent(f, 3000, 1000);
    expect_nothing(f);
    expect_lost(f, 0);
}

/* RFC8985:6.2q, RFC8985:6.2f: an octet of a segment tells as much as the whole of it (section 10); the rest of it is
 * news again, and as late as it comes. */
static void test_rack_an_octet_tells_as_much_as_its_segment(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 1);
    at(f, 10 * MS);
    burst(f, 2);
    at(f, R + 10 * MS);
    sacked(f, 0, {1000, 1001});
    expect_due(f, zero + R + QUARTER);
    in_a(f, QUARTER / 2);
    sacked(f, 0, {1000, 2000});
    expect_due(f, zero + R + QUARTER + QUARTER / 2);
}

/* ---- as in RFC 6675: three that came through ---- */

/* RFC8985:6.2j, RFC8985:3.3.2a: while the path has kept the order nothing is waited for once three were told. */
static void test_rack_three_segments_begin_recovery(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 6);
    at(f, R);
    sacked(f, 0, {1000, 2000});
    sacked(f, 0, {1000, 3000});
    expect_no_recovery(f);
    expect_nothing(f);
    sacked(f, 0, {1000, 4000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
}

/* RFC8985:6.2j: by one ACK as by three. */
static void test_rack_three_segments_in_one_ack(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 6);
    at(f, R);
    sacked(f, 0, {1000, 4000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
}

/* RFC8985:6.2j, RFC8985:6.2r: wherever they lie; and all below the highest is lost. */
static void test_rack_three_segments_apart(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {1000, 2000}, {3000, 4000}, {8000, 9000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    expect_sent(f, 2000, 1000);
    expect_sent(f, 4000, 1000);
    expect_sent(f, 5000, 1000);
    expect_nothing(f); /* the tenth is on its way, and with these there are five */
    expect_lost(f, 2000);
}

/* RFC8985:6.2j: three in number, small as they are. */
static void test_rack_three_small_segments(void **state)
{
    struct fixture *f = timed(state);
    for (uint32_t i = 0; i < 6; i++) {
        user_send(f, 100);
        expect_sent(f, 100 * i, 100);
    }
    at(f, R);
    sacked(f, 0, {100, 200});
    sacked(f, 0, {100, 300});
    expect_no_recovery(f);
    expect_nothing(f);
    sacked(f, 0, {100, 400});
    expect_recovery(f);
}

/* RFC8985:6.2j: a cumulative ACK may bring the third. */
static void test_rack_three_segments_above_a_new_front(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 8);
    at(f, R);
    sacked(f, 2000, {3000, 6000});
    expect_recovery(f);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
}

/* ---- reordering ---- */

/* RFC8985:6.2k, RFC8985:6.2i, RFC8985:6.2l: once the order has changed no number of segments begins anything but time. */
static void test_rack_reordered_three_begin_nothing(void **state)
{
    struct fixture *f = reordered(state);
    burst(f, 9);
    at(f, R);
    sacked(f, 2000, {3000, 6000});
    expect_no_recovery(f);
    sacked(f, 2000, {3000, 10000});
    expect_no_recovery(f);
    expect_nothing(f);
    expect_due(f, zero + R + QUARTER);
    expire(f);
    expect_recovery(f);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
}

/* RFC8985:6.2i: SACK alone may show it. */
static void test_rack_reordering_shows_in_blocks(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 8);
    at(f, R);
    sacked(f, 0, {3000, 4000});
    sacked(f, 0, {3000, 4000}, {1000, 2000});
    sacked(f, 0, {3000, 6000}, {1000, 2000});
    expect_no_recovery(f);
    expect_nothing(f);
    expect_due(f, zero + R + QUARTER);
}

/* RFC8985:6.2h, RFC8985:6.2i: what one ACK tells is looked at in the order of its numbers, whatever that of its blocks:
 * it shows no reordering, and neither does what it covers below them. */
static void test_rack_one_ack_shows_no_reordering(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 9);
    at(f, R);
    sacked(f, 2000, {5000, 6000}, {3000, 4000});
    expect_no_recovery(f);
    sacked(f, 2000, {5000, 7000}, {3000, 4000});
    expect_recovery(f);
    expect_sent(f, 2000, 1000);
}

/* RFC8985:6.2i, RFC8985:6.1b: a retransmission that comes below what came before is no reordering. */
static void test_rack_a_retransmission_shows_no_reordering(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {1000, 10000});
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    in_a(f, R);
    acked(f, 10000);
    expect_no_recovery(f);
    burst(f, 5);
    in_a(f, R);
    sacked(f, 10000, {11000, 14000});
    expect_recovery(f);
    expect_sent(f, 10000, 1000);
}

/* RFC8985:6.2i: nor is what is told once more. */
static void test_rack_old_news_show_no_reordering(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 8);
    at(f, R);
    sacked(f, 0, {1000, 2000});
    sacked(f, 0, {4000, 5000}, {1000, 2000});
    sacked(f, 0, {1000, 2000}, {4000, 5000});
    expect_no_recovery(f);
    sacked(f, 0, {4000, 6000}, {1000, 2000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
}

/* RFC8985:3.3.2a: a recovery does not wait either, however few were told, while the order was kept. */
static void test_rack_in_recovery_nothing_is_waited_for(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 1);
    at(f, STEP);
    burst(f, 9);
    at(f, STEP + R);
    sacked(f, 0, {1000, 2000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    expect_lost(f, 0);
    sacked(f, 0, {1000, 2000}, {3000, 4000});
    expect_lost(f, 1000);
}

/* RFC8985:6.2l: once it was not, a recovery waits as well. */
static void test_rack_reordered_recovery_waits(void **state)
{
    struct fixture *f = reordered(state);
    burst(f, 1);
    at(f, STEP);
    burst(f, 9);
    at(f, STEP + R);
    sacked(f, 2000, {3000, 4000});
    expect_recovery(f);
    expect_sent(f, 2000, 1000);
    sacked(f, 2000, {3000, 4000}, {5000, 6000});
    expect_lost(f, 0);
    expect_due(f, zero + STEP + R + QUARTER);
    expire(f);
    expect_lost(f, 1000);
}

/* ---- the reordering timer ---- */

/* RFC8985:6.2u, RFC8985:6.2v: it waits until the last of what may be lost is old enough. */
static void test_rack_timer_waits_for_the_last(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 1);
    at(f, 15 * MS);
    burst(f, 2);
    at(f, 15 * MS + R);
    sacked(f, 0, {2000, 3000});
    expect_due(f, zero + 15 * MS + R + QUARTER);
    expire(f);
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_nothing(f);
}

/* RFC8985:6.2w: any ACK, one that tells nothing, too, finds before it what is old enough by then. */
static void test_rack_every_ack_looks_for_losses(void **state)
{
    struct fixture *f = reordered(state);
    burst(f, 1);
    at(f, QUARTER - MS);
    burst(f, 2);
    at(f, QUARTER - MS + R);
    sacked(f, 2000, {4000, 5000});
    at(f, R + QUARTER + LATE);
    expect_no_recovery(f);
    acked_with_text(f, 2000);
    expect_recovery(f);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    expect_due(f, zero + QUARTER - MS + R + QUARTER);
    expire(f);
    expect_sent(f, 3000, 1000);
    expect_nothing(f);
}

/* RFC8985:6.2u: what comes in time is not lost. */
static void test_rack_what_comes_in_time_is_not_lost(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 3);
    at(f, R);
    sacked(f, 0, {1000, 3000});
    at(f, R + QUARTER - 1);
    acked(f, 3000);
    expect_no_recovery(f);
    expect_nothing(f);
    expect_deadline(f, TFSM_NEVER);
    assert_int_equal(f->tcb.cwnd, 11000);
}

/* RFC8985:5.4a, RFC8985:5.4b, RFC8985:8a, RFC8985:8b: it stops that of a probe; once it went off and all was sent again, that of
 * retransmissions is left. */
static void test_rack_timer_runs_alone(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 3);
    expect_deadline(f, zero + 2 * R);
    at(f, R);
    sacked(f, 0, {2000, 3000});
    expect_due(f, zero + R + QUARTER);
    expire(f);
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_nothing(f);
    assert_true(tfsm_deadline(&f->tcb) > zero + 3 * R);
    assert_true(tfsm_deadline(&f->tcb) <= f->now + RTO);
}

/* RFC8985:6.2q, RFC8985:6.2u, RFC8985:4c: wherever in its clock's grain a segment is sent, it is not lost a microsecond
 * before its time, by an ACK or by the timer. */
static void test_rack_nothing_is_lost_early(void **state)
{
    for (tfsm_time phase = 0; phase < 2 * GRAIN; phase += 617) {
        for (tfsm_time gap = 0; gap < QUARTER; gap += 1303) {
            struct fixture *f = offering(state);
            f->now += phase;
            reach_timed(f);
            burst(f, 1);
            at(f, gap);
            burst(f, 1);
            at(f, gap + R);
            sacked(f, 0, {1000, 2000});
            expect_no_recovery(f);
            expect_due(f, zero + R + QUARTER);
            at(f, R + QUARTER - 1);
            acked_with_text(f, 0);
            expect_ack(f);
            expect_no_recovery(f);
            after(f, 0);
            expect_no_recovery(f);
            expect_due(f, zero + R + QUARTER);
        }
    }
}

/* New text leaves so long before the retransmission of what is below it, and comes through; that is no sign that the
 * retransmission is lost. */
static void new_text_before_a_retransmission(void **state, tfsm_time gap)
{
    struct fixture *f = timed(state);
    burst(f, 2);
    at(f, R);
    sacked(f, 0, {1000, 2000});
    in_a(f, tfsm_deadline(&f->tcb) - f->now - gap);
    burst(f, 1);
    expire(f);
    expect_recovery(f);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    in_a(f, R - gap);
    sacked(f, 0, {1000, 3000});
    expect_lost(f, 0);
    expect_nothing(f);
}

/* RFC8985:6.2q: new text that left before a retransmission, by a grain or more, says nothing of it. */
static void test_rack_new_text_before_a_retransmission(void **state)
{
    for (tfsm_time gap = GRAIN; gap < 2 * GRAIN; gap += 613) {
        new_text_before_a_retransmission(state, gap);
    }
}

/* RFC8985:4c, RFC8985:6.2q: times are of 32 bits; a segment may be sent at any of them. */
static void test_rack_the_clock_wraps(void **state)
{
    for (tfsm_time before = 0; before < 4 * R; before += 7 * MS) {
        struct fixture *f = offering(state);
        f->now = (UINT64_C(1) << 32) - before;
        reach_timed(f);
        burst(f, 1);
        at(f, 10 * MS);
        burst(f, 2);
        at(f, R + 10 * MS);
        sacked(f, 0, {1000, 2000});
        expect_no_recovery(f);
        expect_due(f, zero + R + QUARTER);
        expire(f);
        expect_recovery(f);
        expect_sent(f, 0, 1000);
        expect_nothing(f);
        in_a(f, R);
        sacked(f, 0, {1000, 3000});
        expect_lost(f, 0);
        in_a(f, R / 2);
        acked(f, 3000);
        expect_no_recovery(f);
    }
}

/* RFC8985:6.2q: after a pause of any length what came through before it says nothing of what was sent after it. */
static void test_rack_after_a_pause(void **state)
{
    for (tfsm_time minutes = 1; minutes < 300; minutes += 5) {
        struct fixture *f = timed(state);
        burst(f, 2);
        at(f, R);
        acked(f, 2000);
        at(f, minutes * 60 * SECOND);
        burst(f, 2);
        tfsm_time sent = f->now;
        while (f->now < sent + 2 * R - 7 * MS) {
            in_a(f, 7 * MS);
            acked_with_text(f, 2000);
            expect_ack(f);
            expect_lost(f, 0);
            expect_no_recovery(f);
        }
        sacked(f, 2000, {3000, 4000});
        expect_due(f, sent + (f->now - sent) + QUARTER);
    }
}

/* RFC8985:6.2q, RFC8985:6.2r: numbers wrap, too. */
static void test_rack_the_numbers_wrap(void **state)
{
    for (uint32_t before = 0; before < 7000; before += 500) {
        struct fixture *f = offering(state);
        f->iss = UINT32_MAX - before;
        reach_timed(f);
        burst(f, 5);
        at(f, R);
        sacked(f, 0, {1000, 2000}, {3000, 4000});
        expect_due(f, zero + R + QUARTER);
        expire(f);
        expect_recovery(f);
        expect_sent(f, 0, 1000);
        expect_nothing(f);
        expect_lost(f, 1000);
    }
}

/* ---- what a retransmission tells ---- */

/* RFC8985:6.2e: an ACK that comes sooner than any round trip is of the first sending, and says nothing of what was sent
 * before the second. */
static void test_rack_an_early_ack_of_a_retransmission(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {1000, 4000});
    expect_sent(f, 0, 1000);
    at(f, 2 * R - GRAIN);
    acked(f, 4000);
    expect_recovery(f);
    expect_lost(f, 0);
    expect_nothing(f);
}

/* RFC8985:6.2e, RFC8985:6.2f: one that takes a round trip does. */
static void test_rack_a_timely_ack_of_a_retransmission(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {1000, 4000});
    expect_sent(f, 0, 1000);
    at(f, 2 * R + LATE);
    acked(f, 4000);
    expect_sent(f, 4000, 1000);
}

/* A connection with timestamps whose text goes in segments of a thousand octets all the same; all that arrives says
 * how old what it answers is. */
static struct fixture *stamped(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.profile |= TFSM_TIMESTAMPS;
    f->cfg.mss = MSS + 12;
    f->peer.mss = MSS + 12;
    f->peer.options |= TFSM_OPT_TIMESTAMPS;
    f->peer.ts_val = 70000;
    open_active(f);
    struct tfsm_segment s;
    assert_true(take(f, &s));
    f->now += R;
    f->peer.ts_ecr = s.ts_val;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_ack(f);
    zero = f->now;
    return f;
}

/* An ACK with one block, or none where it is empty. */
static void echoed(struct fixture *f, uint32_t ts_ecr, uint32_t ack, struct block block)
{
    struct tfsm_segment s = an_ack(f, ack, (const struct block[]){block, {0, 0}}, 0);
    s.options |= TFSM_OPT_TIMESTAMPS;
    s.ts_val = f->peer.ts_val;
    s.ts_ecr = ts_ecr;
    arrive_segment(f, &s);
}

/* RFC8985:6.2d: an ACK that echoes an older time is of the first sending, however long after the second it comes. */
static void test_rack_an_old_echo_says_nothing_of_a_retransmission(void **state)
{
    for (int old = 0; old < 2; old++) {
        struct fixture *f = stamped(state);
        struct tfsm_segment out[10];
        user_send(f, 10 * MSS);
        assert_int_equal(drain(f, out, 10), 10);
        at(f, R);
        echoed(f, out[1].ts_val, 0, (struct block){1000, 4000});
        struct tfsm_segment again = expect_sent(f, 0, 1000);
        expect_nothing(f);
        at(f, 2 * R + LATE);
        echoed(f, old != 0 ? out[0].ts_val : again.ts_val, 4000, (struct block){0, 0});
        if (old != 0) {
            expect_lost(f, 0);
            expect_nothing(f);
        } else {
            expect_sent(f, 4000, 1000);
        }
    }
}

/* RFC8985:6.2d, RFC7323:4.3: what comes out of order has the peer echo what came last in order, and that says nothing of it:
 * where what went again behind a hole arrives, what went again for the hole is lost. */
static void test_rack_an_old_echo_of_text_out_of_order(void **state)
{
    struct fixture *f = stamped(state);
    struct tfsm_segment out[10];
    user_send(f, 10 * MSS);
    assert_int_equal(drain(f, out, 10), 10);
    at(f, R);
    echoed(f, f->peer.ts_ecr, 0, (struct block){3000, 10000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    at(f, 2 * R + LATE);
    echoed(f, f->peer.ts_ecr, 0, (struct block){1000, 10000});
    expect_sent(f, 0, 1000);
}

/* More holes than there is room for: of what is forgotten nobody takes it for reordered when it is reported again, and how
 * long a round trip takes stays known, so that time goes on to tell of losses. */
static void test_rack_more_holes_than_room(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.initial_window = 90;
    f->cfg.rto_min = 60 * SECOND;
    f->peer.options |= TFSM_OPT_WSCALE;
    f->cfg.profile |= TFSM_WSCALE;
    f->peer.wscale = 4;
    reach_timed(f);
    acked(f, 0); /* his window, scaled */
    burst(f, 90);
    f->now += R;
    struct tfsm_segment s;
    for (uint32_t n = 1; n < 90; n++) { /* every third is lost */
        if (n % 3 != 0) {
            f->now += MS;
            uint32_t left = n * MSS;
            uint32_t before = n > 3 ? (n - n % 3 - 2) * MSS : 0;
            if (before > 0) {
                sacked(f, 0, {left - (n % 3 == 2 ? MSS : 0), left + MSS},
                       {before, before + 2 * MSS});
            } else {
                sacked(f, 0, {left - (n % 3 == 2 ? MSS : 0), left + MSS});
            }
            (void)drain(f, &s, 1);
        }
    }
    assert_in_range(f->tcb.rack_rtt, 1, 3 * R);
    assert_int_equal(f->tcb.loss & TFSM_L_REORDERED, 0);
}

/* RFC9438:4.6e, RFC9438:4.7: of a recovery that begins anew CUBIC takes the window that it began with, not what PRR lets out. */
static void test_rack_peak_of_a_recovery_begun_anew(void **state)
{
    struct fixture *f = offering(state);
    f->cfg.profile |= TFSM_PRR | TFSM_CUBIC;
    reach_timed(f);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {7000, 10000});
    assert_int_equal(f->tcb.w_max, 10000);
    assert_int_equal(f->tcb.ssthresh, 7000);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 4);
    in_a(f, R);
    sacked(f, 0, {1000, 2000}, {7000, 10000});
    assert_int_equal(f->tcb.cwnd_prior, 7000);
    assert_int_equal(f->tcb.w_max, 7000 * 17 / 20);
}

/* ---- the reordering window ---- */

/* The first of two segments is taken for lost in vain, the peer says so, and nothing is in flight. How long was waited
 * for it. */
static tfsm_time send_in_vain(struct fixture *f)
{
    uint32_t b = una(f);
    burst(f, 2);
    in_a(f, R);
    sacked(f, b, {b + 1000, b + 2000});
    tfsm_time window = tfsm_deadline(&f->tcb) - f->now;
    expire(f);
    expect_recovery(f);
    expect_sent(f, b, 1000);
    in_a(f, 5 * MS);
    acked(f, b + 2000);
    expect_no_recovery(f);
    sacked(f, b + 2000, {b, b + 1000});
    return window;
}

/* The first of two segments is lost indeed. How long was waited for it. */
static tfsm_time lose_one(struct fixture *f)
{
    uint32_t b = una(f);
    burst(f, 2);
    in_a(f, R);
    sacked(f, b, {b + 1000, b + 2000});
    tfsm_time window = tfsm_deadline(&f->tcb) - f->now;
    expire(f);
    expect_recovery(f);
    expect_sent(f, b, 1000);
    in_a(f, R);
    acked(f, b + 2000);
    expect_no_recovery(f);
    return window;
}

/* RFC8985:6.2m, RFC8985:6.2l: it begins at a quarter of the least round trip. */
static void test_rack_window_begins_small(void **state)
{
    struct fixture *f = timed(state);
    expect_window(f, QUARTER);
    expect_window(f, QUARTER);
}

/* RFC8985:6.2a, RFC8985:6.2l: the least, which a later measurement may lower. */
static void test_rack_window_follows_the_least_round_trip(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 1);
    in_a(f, R / 5);
    acked(f, 1000);
    expect_window(f, R / 5 / 4);
}

/* RFC8985:6.2b: and which is forgotten after a while; how long is not said, so an hour. */
static void test_rack_window_forgets_a_shorter_path(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 1);
    in_a(f, R / 5);
    acked(f, 1000);
    for (int i = 0; i < 360; i++) {
        in_a(f, 10 * SECOND);
        uint32_t b = una(f);
        burst(f, 1);
        in_a(f, R);
        acked(f, b + 1000);
    }
    expect_window(f, QUARTER);
}

/* RFC8985:6.2n, RFC8985:3.3.2c, RFC8985:6.2l, RFC8985:3.3.2d, RFC8985:3.3.2e: each round trip in which something is
 * told to have come twice adds a quarter, up to SRTT. */
static void test_rack_window_grows_by_dsack(void **state)
{
    struct fixture *f = timed(state);
    for (unsigned n = 0; n < 10; n++) {
        tfsm_time window = send_in_vain(f);
        assert_int_equal(f->tcb.srtt, R);
        want_window(HERE(f), window, n < 3 ? (n + 1) * QUARTER : R);
    }
}

/* RFC8985:6.2n: whatever it tells of: the network may have doubled a segment as well. */
static void test_rack_window_grows_by_any_dsack(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 2);
    in_a(f, R);
    acked(f, 2000);
    sacked(f, 2000, {0, 1000});
    expect_window(f, 2 * QUARTER);
}

/* RFC8985:3.3.2d: however often that happens. */
static void test_rack_window_is_bounded_for_ever(void **state)
{
    struct fixture *f = timed(state);
    for (unsigned n = 0; n < 600; n++) {
        (void)send_in_vain(f);
    }
    expect_window(f, R);
}

/* Two segments were sent again in vain; another is out. */
static void two_in_vain(struct fixture *f)
{
    burst(f, 3);
    in_a(f, R);
    sacked(f, 0, {2000, 3000});
    expire(f);
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    in_a(f, 5 * MS);
    acked(f, 3000);
    expect_no_recovery(f);
    burst(f, 1);
}

/* RFC8985:6.2o: once in a round trip, */
static void test_rack_window_grows_once_a_round_trip(void **state)
{
    struct fixture *f = timed(state);
    two_in_vain(f);
    sacked(f, 3000, {0, 1000});
    sacked(f, 3000, {1000, 2000});
    in_a(f, R);
    acked(f, 4000);
    expect_window(f, 2 * QUARTER);
}

/* RFC8985:6.2o, RFC8985:6.2n: which ends when what was out then is acknowledged. */
static void test_rack_window_grows_in_the_next_round_trip(void **state)
{
    struct fixture *f = timed(state);
    two_in_vain(f);
    sacked(f, 3000, {0, 1000});
    in_a(f, R);
    sacked(f, 4000, {1000, 2000});
    expect_window(f, 3 * QUARTER);
}

/* RFC8985:6.2n, RFC8985:6.2p: it stays for sixteen recoveries. */
static void test_rack_window_lasts_sixteen_recoveries(void **state)
{
    struct fixture *f = timed(state);
    (void)send_in_vain(f);
    for (int i = 0; i < 16; i++) {
        want_window(HERE(f), lose_one(f), 2 * QUARTER);
    }
    want_window(HERE(f), lose_one(f), QUARTER);
    want_window(HERE(f), lose_one(f), QUARTER);
}

/* RFC8985:6.2n, RFC8985:6.2p: sixteen after the last D-SACK. */
static void test_rack_window_lasts_sixteen_recoveries_more(void **state)
{
    struct fixture *f = timed(state);
    (void)send_in_vain(f);
    for (int i = 0; i < 14; i++) {
        want_window(HERE(f), lose_one(f), 2 * QUARTER);
    }
    want_window(HERE(f), send_in_vain(f), 2 * QUARTER);
    for (int i = 0; i < 16; i++) {
        want_window(HERE(f), lose_one(f), 3 * QUARTER);
    }
    want_window(HERE(f), lose_one(f), QUARTER);
}

/* RFC8985:6.2p: the ACK that ends a recovery and makes it grow takes nothing off. */
static void test_rack_window_grows_as_a_recovery_ends(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 2);
    in_a(f, R);
    sacked(f, 0, {1000, 2000});
    expire(f);
    expect_sent(f, 0, 1000);
    in_a(f, 5 * MS);
    sacked(f, 2000, {0, 1000});
    expect_no_recovery(f);
    for (int i = 0; i < 16; i++) {
        want_window(HERE(f), lose_one(f), 2 * QUARTER);
    }
    want_window(HERE(f), lose_one(f), QUARTER);
}

/* RFC8985:6.2p: a recovery after a timeout is one, too. */
static void test_rack_window_lasts_sixteen_timeouts(void **state)
{
    struct fixture *f = timed(state);
    (void)send_in_vain(f);
    for (int i = 0; i < 15; i++) {
        uint32_t b = una(f);
        burst(f, 1);
        expire(f);
        expect_sent(f, b, 1000); /* the probe */
        expire(f);
        expect_sent(f, b, 1000);
        in_a(f, R);
        acked(f, b + 1000);
        burst(f, 1); /* and a round trip that can be measured */
        in_a(f, R);
        acked(f, b + 2000);
    }
    want_window(HERE(f), lose_one(f), 2 * QUARTER);
    want_window(HERE(f), lose_one(f), QUARTER);
}

/* RFC8985:3.3.2b: where no round trip was measured nothing is waited for. The SYN goes twice, and so does the first
 * segment, so that neither can be measured. */
static void test_rack_window_without_a_round_trip(void **state)
{
    struct fixture *f = offering(state);
    struct tfsm_segment s;
    reach_syn_sent(f);
    expire(f);
    assert_int_equal(drain(f, &s, 1), 1);
    f->now += R;
    arrive(f, .flags = TFSM_SYN | TFSM_ACK, .ack = 1);
    expect_ack(f);
    zero = f->now;
    burst(f, 1);
    do {
        expire(f);
    } while (drain(f, &s, 1) == 0);
    in_a(f, R);
    acked(f, 1000);
    assert_int_equal(f->tcb.srtt, 0);
    burst(f, 2);
    in_a(f, R);
    sacked(f, 1000, {2000, 3000});
    after(f, TFSM_STEP + 1); /* that clock's grain, for want of a round trip */
    expect_recovery(f);
    expect_sent(f, 1000, 1000);
}

/* ---- the retransmission timeout ---- */

/* RFC8985:6.3a, RFC8985:6.3b, RFC8985:7.1: of what is old the first goes, and the rest as the window lets it. */
static void test_rack_timeout_all_is_old(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 4);
    expire(f);
    expect_sent(f, 3000, 1000); /* the probe */
    expire(f);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    assert_int_equal(f->tcb.cwnd, MSS);
    expect_lost(f, 3000);
    in_a(f, R);
    acked(f, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    in_a(f, R);
    acked(f, 3000);
    expect_sent(f, 3000, 1000);
    expect_nothing(f);
}

#define YOUNG (2 * GRAIN) /* as old as text is that must be told from what the timeout sends */

/* A recovery in which the retransmission was lost, too, and text that left a moment before the timeout. Then the
 * timeout. All but the first came. */
static void time_out_with_young_text(struct fixture *f)
{
    burst(f, 1);
    at(f, R);
    acked(f, 1000);
    burst(f, 10);
    in_a(f, R);
    sacked(f, 1000, {2000, 11000});
    expect_sent(f, 1000, 1000);
    expect_nothing(f);
    in_a(f, tfsm_deadline(&f->tcb) - f->now - YOUNG);
    burst(f, 3);
    expire(f);
    expect_no_recovery(f);
    expect_sent(f, 1000, 1000);
    expect_nothing(f);
    assert_int_equal(f->tcb.cwnd, MSS);
}

/* RFC8985:6.3b: what left a moment before is not lost: when the first one's ACK comes, sooner than any round trip, it
 * does not go again. */
static void test_rack_timeout_young_text_is_not_lost(void **state)
{
    struct fixture *f = timed(state);
    time_out_with_young_text(f);
    in_a(f, 10 * MS);
    acked(f, 11000);
    expect_nothing(f);
    expect_lost(f, 0);
    in_a(f, R - YOUNG - 10 * MS);
    acked(f, 14000);
    expect_nothing(f);
    assert_int_equal(in_flight(f), 0);
}

/* RFC8985:6.3b, RFC8985:6.2w: it is once the ACK is of the retransmission, which left after it. */
static void test_rack_timeout_young_text_is_lost_later(void **state)
{
    struct fixture *f = timed(state);
    time_out_with_young_text(f);
    in_a(f, R + LATE);
    acked(f, 11000);
    expect_sent(f, 11000, 1000);
    expect_sent(f, 12000, 1000);
    expect_nothing(f);
}

/* RFC8985:6.3a: the front is lost however young it is: what left with it has come so late, a moment before, that RACK would
 * wait for it yet. */
static void test_rack_timeout_young_front_is_lost(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 3);
    expire(f);
    expect_sent(f, 2000, 1000); /* the probe, from which the timer counts */
    in_a(f, tfsm_deadline(&f->tcb) - f->now - GRAIN);
    sacked(f, 0, {1000, 2000});
    expire(f);
    expect_no_recovery(f);
    expect_lost(f, 2000); /* with what the peer held, and may have forgotten */
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    expect_lost(f, 1000);
}

/* RFC8985:3.3.2a, RFC8985:6.2w: the recovery after a timeout finds losses, of retransmissions, too, and waits for none
 * while the order was kept. */
static void test_rack_timeout_recovery_finds_losses(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 4);
    expire(f);
    expect_sent(f, 3000, 1000);
    expire(f);
    expect_sent(f, 0, 1000);
    in_a(f, R);
    acked(f, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    in_a(f, R);
    sacked(f, 1000, {2000, 3000});
    expect_sent(f, 1000, 1000);
}

/* RFC8985:6.3b, RFC8985:6.2s: after a timeout nothing goes twice in a row, whatever is told once more of what was told
 * before. */
static void test_rack_timeout_news_are_told_again(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {1000, 3000});
    expire(f);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    expire(f); /* the retransmission is lost, and nothing else comes */
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    in_a(f, R);
    sacked(f, 1000, {0, 0});
    uint32_t before = f->tcb.snd_una;
    struct tfsm_segment s;
    uint32_t sent = 0;
    while (take(f, &s)) {
        assert_true(seq_lt(before, seq_add(s.seq, s.len)));
        sent += s.len;
    }
    assert_int_equal(sent, 2000);
}

/* ---- what goes again, and when ---- */

/* RFC8985:9.3a, RFC8985:6.2s: marked is not sent: the window lets out what it will, the lowest first, and finds nothing
 * twice. One window, one answer. */
static void test_rack_what_is_lost_waits_for_the_window(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {5000, 8000});
    assert_int_equal(f->tcb.cwnd, 5000);
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    expect_lost(f, 2000);
    in_a(f, 2 * MS);
    sacked(f, 0, {5000, 9000});
    expect_sent(f, 3000, 1000);
    expect_nothing(f);
    expect_lost(f, 1000);
    in_a(f, 2 * MS);
    sacked(f, 0, {5000, 10000});
    expect_sent(f, 4000, 1000);
    expect_nothing(f);
    expect_lost(f, 0);
    assert_int_equal(f->tcb.cwnd, 5000);
    assert_int_equal(f->tcb.ssthresh, 5000);
}

/* RFC8985:9.3a: what is lost goes before what is new. */
static void test_rack_lost_text_goes_before_new_text(void **state)
{
    struct fixture *f = timed(state);
    user_send(f, 12 * MSS);
    struct tfsm_segment s;
    assert_int_equal(drain(f, &s, 1), 10);
    at(f, R);
    sacked(f, 0, {2000, 9000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 10000, 1000);
    expect_sent(f, 11000, 1000);
    expect_nothing(f);
}

/* Five of ten are lost. Three went again, and the other two as the rest of the flight was heard of, more than a grain
 * later; the window is five segments. Of all these the fourth is lost once more. */
static struct fixture *five_of_ten_again(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {5000, 8000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_sent(f, 2000, 1000);
    expect_nothing(f);
    in_a(f, 2 * GRAIN);
    sacked(f, 0, {5000, 10000});
    expect_sent(f, 3000, 1000);
    expect_sent(f, 4000, 1000);
    expect_nothing(f);
    in_a(f, R - 2 * GRAIN);
    acked(f, 3000);
    expect_nothing(f);
    assert_int_equal(f->tcb.ssthresh, 5000);
    in_a(f, 2 * GRAIN);
    return f;
}

/* RFC8985:9.3c: the loss of a retransmission lowers the window once more (RFC5681:4.3d). */
static void test_rack_a_lost_retransmission_lowers_the_window(void **state)
{
    struct fixture *f = five_of_ten_again(state);
    sacked(f, 3000, {4000, 10000});
    assert_int_equal(f->tcb.ssthresh, 2500);
    assert_int_equal(f->tcb.cwnd, 2500);
    expect_sent(f, 3000, 1000);
    expect_nothing(f);
    in_a(f, R);
    acked(f, 10000);
    expect_no_recovery(f);
    assert_int_equal(f->tcb.cwnd, 2500);
}

/* RFC5681:4.3d, RFC8985:9.3c: so it does where the timer finds it. */
static void test_rack_a_lost_retransmission_lowers_the_window_by_the_timer(void **state)
{
    struct fixture *f = five_of_ten_again(state);
    f->tcb.loss |= TFSM_L_REORDERED; /* then it is waited for */
    struct tfsm_segment s;
    sacked(f, 3000, {4000, 10000});
    while (take(f, &s)) {
    }
    assert_int_equal(f->tcb.ssthresh, 5000);
    expire(f);
    assert_int_equal(f->tcb.ssthresh, 2500);
    expect_sent(f, 3000, 1000);
    expect_recovery(f);
}

/* RFC8985:9.3c: what the timer finds for the first time does not. */
static void test_rack_what_the_timer_finds_in_recovery_lowers_it_no_more(void **state)
{
    struct fixture *f = timed(state);
    struct tfsm_segment s;
    send_spaced(f, 10, MS);
    f->tcb.loss |= TFSM_L_REORDERED;
    in_a(f, R);
    sacked(f, 0, {1000, 2000});
    expire(f);
    expect_recovery(f);
    uint32_t ssthresh = f->tcb.ssthresh;
    while (take(f, &s)) {
    }
    uint32_t lost = f->tcb.snd_lost;
    sacked(f, 0, {1000, 2000}, {4000, 5000});
    while (take(f, &s)) {
    }
    expire(f);
    assert_true(f->tcb.snd_lost > lost || f->tcb.snd_rtx != f->iss + 1 + 1000);
    assert_int_equal(f->tcb.ssthresh, ssthresh);
}

/* RFC8985:9.3c: one that came does not. */
static void test_rack_retransmissions_that_come_lower_nothing(void **state)
{
    struct fixture *f = five_of_ten_again(state);
    acked(f, 4000);
    in_a(f, MS);
    acked(f, 10000);
    expect_no_recovery(f);
    assert_int_equal(f->tcb.ssthresh, 5000);
    assert_int_equal(f->tcb.cwnd, 5000);
}

/* RFC8985:9.3c: several of one window lower it once (section 9.3), together or one after the other. */
static void test_rack_lost_retransmissions_lower_the_window_once(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {7000, 10000});
    for (uint32_t i = 0; i < 5; i++) {
        expect_sent(f, 1000 * i, 1000);
    }
    expect_nothing(f);
    in_a(f, R);
    sacked(f, 2000, {7000, 10000});
    expect_sent(f, 5000, 1000);
    expect_sent(f, 6000, 1000);
    in_a(f, MS);
    sacked(f, 2000, {4000, 5000}, {7000, 10000}); /* of the first five two are lost */
    uint32_t then = f->tcb.ssthresh;
    assert_int_equal(then, 2500);
    struct tfsm_segment s;
    (void)drain(f, &s, 1);
    in_a(f, R - MS);
    sacked(f, 2000, {4000, 5000},
           {6000, 10000}); /* and of the next two, which went before that, the first */
    assert_int_equal(f->tcb.ssthresh, then);
}

/* ---- RFC 6675 has no say ---- */

/* The first segment is lost; that the fifth is, too, RFC 6675 would say, and RFC 8985 not yet: the order has changed
 * before, and all but the first left late. Nothing else is to be sent. */
static struct fixture *unsure(void **state, uint32_t without)
{
    struct fixture *f = offering(state);
    f->cfg.profile &= ~without;
    reach_timed(f);
    uint32_t b = una(f);
    burst(f, 2);
    in_a(f, R);
    sacked(f, b, {b + 1000, b + 2000});
    acked(f, b + 2000);
    burst(f, 1);
    in_a(f, STEP);
    burst(f, 9);
    in_a(f, R);
    sacked(f, 2000, {3000, 6000}, {7000, 11000});
    expect_recovery(f);
    expect_sent(f, 2000, 1000);
    return f;
}

/* RFC8985:9.2: neither its count of what came above (IsLost) nor its third rule sends anything again. */
static void test_rack_unsure_text_does_not_go(void **state)
{
    struct fixture *f = unsure(state, 0);
    expect_nothing(f);
    expect_lost(f, 0);
    f = unsure(state, TFSM_RACK);
    expect_sent(f, 6000, 1000);
}

/* An ACK below a hole, of the first sending of what went again; the rest of the flight is silent. */
static struct fixture *silent_tail(void **state, uint32_t without)
{
    struct fixture *f = offering(state);
    f->cfg.profile &= ~without;
    reach_timed(f);
    burst(f, 6);
    at(f, R);
    sacked(f, 0, {1000, 4000});
    expect_sent(f, 0, 1000);
    at(f, R + 5 * MS);
    acked(f, 4000);
    return f;
}

/* RFC8985:9.2: nor is there a rescue retransmission. */
static void test_rack_no_rescue(void **state)
{
    struct fixture *f = silent_tail(state, 0);
    expect_nothing(f);
    f = silent_tail(state, TFSM_RACK);
    expect_sent(f, 5000, 1000);
}

/* RFC8985:4a: without SACK there is none of this: three duplicates begin a recovery, and no timer precedes that of
 * retransmissions. */
static void test_rack_without_sack(void **state)
{
    struct fixture *f = offering(state);
    f->peer.options = TFSM_OPT_MSS;
    reach_timed(f);
    send_spaced(f, 10, 5 * MS);
    at(f, R + 5 * MS);
    for (int i = 0; i < 2; i++) {
        sacked(f, 0, {1000, 2000});
        expect_no_recovery(f);
        expect_nothing(f);
        expect_deadline(f, zero + RTO);
    }
    sacked(f, 0, {1000, 2000});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
}

/* RFC8985:4b: what one connection is told is nothing to another. */
static void test_rack_each_connection_has_its_own(void **state)
{
    struct fixture *f = timed(state);
    struct fixture other = *f;
    burst(f, 2);
    burst(&other, 2);
    at(f, R);
    sacked(f, 0, {1000, 2000});
    expire(f);
    expect_recovery(f);
    expect_lost(&other, 0);
    expect_deadline(&other, zero + 2 * R);
}

/* RFC8985:6.2h, RFC8985:6.2i, RFC8985:6.2j: nothing was delivered above the front when a connection begins, whatever
 * its first number. */
static void test_rack_no_reordering_at_any_isn(void **state)
{
    static const uint32_t isns[] = {0,          1,          0x7fffffff,       0x80000000,
                                    0x90000000, 0xf0000000, UINT32_MAX - 6000};
    for (size_t i = 0; i < sizeof isns / sizeof isns[0]; i++) {
        struct fixture *f = offering(state);
        f->iss = isns[i];
        reach_timed(f);
        burst(f, 6);
        at(f, R);
        sacked(f, 0, {1000, 2000});
        sacked(f, 0, {1000, 4000});
        expect_recovery(f);
        expect_sent(f, 0, 1000);
    }
}

/* RFC8985:6.2j: three segments are told by three ACKs that bring news, three ranges, or so many octets, for where one
 * segment ends nobody remembers: a peer who tells of one in three pieces has it three times. One who tells the same again
 * has not. */
static void test_rack_duplicates_are_not_counted(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 6);
    at(f, R);
    for (uint32_t i = 1; i < 20; i++) {
        sacked(f, 0, {1000, 1100});
        expect_no_recovery(f);
        expect_nothing(f);
    }
    sacked(f, 0, {1000, 1200});
    expect_no_recovery(f);
    sacked(f, 0, {1000, 1300});
    expect_recovery(f);
    expect_sent(f, 0, 1000);
}

/* RFC8985:6.2j: three that one ACK tells of, and of few octets, are not known to be three: the window of reordering is
 * waited for, a quarter of the least round trip. */
static void test_rack_three_small_segments_in_one_ack(void **state)
{
    struct fixture *f = timed(state);
    for (uint32_t i = 0; i < 6; i++) {
        user_send(f, 100);
        expect_sent(f, 100 * i, 100);
    }
    at(f, R);
    sacked(f, 0, {100, 400});
    expect_no_recovery(f);
    expect_nothing(f);
    assert_in_range(tfsm_deadline(&f->tcb) - f->now, QUARTER - LATE, QUARTER + LATE);
    expire(f);
    expect_recovery(f);
    expect_sent(f, 0, 100);
}

/* RFC8985:6.2f: the round trip is that of what was sent last of all that an ACK tells of, be it a retransmission with
 * the lowest numbers of all. */
static void test_rack_round_trip_of_a_retransmission_sent_last(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 6);
    at(f, STEP);
    burst(f, 1);
    at(f, R);
    sacked(f, 0, {1000, 4000});
    expect_sent(f, 0, 1000);
    at(f,
       2 * R +
           LATE); /* what left at 0 took twice as long; by that, the seventh would have time until 3 R */
    sacked(f, 4000, {5000, 6000});
    expect_lost(f, 2000);
    expect_sent(f, 4000, 1000);
    expect_sent(f, 6000, 1000);
}

/* The first segment is lost, and its retransmission; two more were sent before it went for the third time, of which
 * the second left so long before. The ACK of what went again, that ends the recovery, has come. */
static struct fixture *recovered(void **state, tfsm_time before)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {1000, 10000});
    expect_sent(f, 0, 1000);
    at(f, R + 2 * GRAIN);
    burst(f, 1);
    at(f, 2 * R + 2 * GRAIN - before);
    burst(f, 1);
    at(f, 2 * R + 2 * GRAIN);
    sacked(f, 0, {1000, 11000});
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    in_a(f, R);
    acked(f, 11000);
    return f;
}

/* RFC8985:6.2w, RFC8985:6.2t: the ACK that ends a recovery finds losses, too: of what was sent since it began. */
static void test_rack_the_end_of_a_recovery_finds_losses(void **state)
{
    struct fixture *f = recovered(state, STEP);
    expect_recovery(f);
    expect_sent(f, 11000, 1000);
}

/* RFC8985:6.2u, RFC8985:8b: or has the reordering timer run for it, and not that of a probe; or finds it at once, for
 * whether this ACK is of the recovery or behind it is not said. */
static void test_rack_the_end_of_a_recovery_starts_the_timer(void **state)
{
    struct fixture *f = recovered(state, 2 * GRAIN - MS);
    if ((f->tcb.flags & TFSM_M_RECOVERY) == 0) {
        expect_due(f, f->now - (2 * GRAIN - MS) + QUARTER);
        expire(f);
    }
    expect_recovery(f);
    expect_sent(f, 11000, 1000);
}

/* RFC8985:6.2q, RFC8985:6.2r: an octet in the middle of a segment counts as a segment (section 10), and what is before it
 * as one before that, for where it begins nobody remembers: it is lost no sooner than such a one. */
static void test_rack_an_octet_amid_a_segment(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 1);
    at(f, 10 * MS);
    burst(f, 2);
    at(f, R + 10 * MS);
    sacked(f, 1000, {1500, 1501});
    expect_lost(f, 0);
    assert_in_range(tfsm_deadline(&f->tcb) - f->now, QUARTER - LATE, QUARTER + LATE);
}

/* RFC8985:4d: the clock is finer than a quarter of the least round trip, though the round trips of today are longer:
 * what is lost and what shows it may both be late by its grain, and by no more. */
static void test_rack_the_clock_is_fine_enough(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 1);
    in_a(f, R / 5);
    acked(f, 1000);
    tfsm_time quarter = R / 5 / 4;
    for (int i = 0; i < 100; i++) {
        in_a(f, 1237);
        tfsm_time window = window_of(f);
        assert_true(window >= quarter);
        assert_true(window < 3 * quarter);
    }
}

/* RFC8985:6.2e: an ACK that comes hardly sooner than any round trip is of the first sending, too; the times have a grain
 * of 32 microseconds, twice. */
static void test_rack_a_hardly_early_ack_of_a_retransmission(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {1000, 4000});
    expect_sent(f, 0, 1000);
    at(f, 2 * R - 2 * (TFSM_STEP + 1));
    acked(f, 4000);
    expect_recovery(f);
    expect_lost(f, 0);
    expect_nothing(f);
}

/* RFC8985:6.2q, RFC8985:6.2r: new text that left a moment before a retransmission says nothing of it, in the same grain
 * either. */
static void test_rack_new_text_a_moment_before_a_retransmission(void **state)
{
    for (tfsm_time gap = 1; gap < GRAIN; gap += 613) {
        new_text_before_a_retransmission(state, gap);
    }
}

/* Two of ten are lost; the window is five segments, and both went again. */
static struct fixture *two_of_ten_again(void **state)
{
    struct fixture *f = timed(state);
    burst(f, 10);
    at(f, R);
    sacked(f, 0, {2000, 10000});
    expect_sent(f, 0, 1000);
    expect_sent(f, 1000, 1000);
    expect_nothing(f);
    assert_int_equal(f->tcb.ssthresh, 5000);
    in_a(f, R);
    return f;
}

/* RFC8985:9.3c: the loss of a retransmission lowers the window once more (RFC5681:4.3d). */
static void test_rack_a_lost_first_retransmission_lowers_the_window(void **state)
{
    struct fixture *f = two_of_ten_again(state);
    sacked(f, 0, {1000, 10000});
    assert_int_equal(f->tcb.ssthresh, 2500);
    assert_int_equal(f->tcb.cwnd, 2500);
    expect_sent(f, 0, 1000);
    expect_nothing(f);
    in_a(f, R);
    acked(f, 10000);
    expect_no_recovery(f);
    assert_int_equal(f->tcb.cwnd, 2500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rack_one_delivery_shows_a_loss),
        cmocka_unit_test(test_rack_a_retransmission_shows_the_tail),
        cmocka_unit_test(test_rack_a_lost_retransmission),
        cmocka_unit_test(test_rack_segments_of_one_moment),
        cmocka_unit_test(test_rack_peak_of_a_recovery_begun_anew),
        cmocka_unit_test(test_rack_more_holes_than_room),
        cmocka_unit_test(test_rack_an_old_echo_of_text_out_of_order),
        cmocka_unit_test(test_rack_nothing_behind_the_last_delivery_is_lost),
        cmocka_unit_test(test_rack_round_trip_of_the_last_sent),
        cmocka_unit_test(test_rack_round_trip_of_what_came_late),
        cmocka_unit_test(test_rack_the_last_sent_stays_the_last),
        cmocka_unit_test(test_rack_a_late_arrival_is_not_sent_again),
        cmocka_unit_test(test_rack_an_octet_tells_as_much_as_its_segment),
        cmocka_unit_test(test_rack_three_segments_begin_recovery),
        cmocka_unit_test(test_rack_three_segments_in_one_ack),
        cmocka_unit_test(test_rack_three_segments_apart),
        cmocka_unit_test(test_rack_three_small_segments),
        cmocka_unit_test(test_rack_three_segments_above_a_new_front),
        cmocka_unit_test(test_rack_reordered_three_begin_nothing),
        cmocka_unit_test(test_rack_reordering_shows_in_blocks),
        cmocka_unit_test(test_rack_one_ack_shows_no_reordering),
        cmocka_unit_test(test_rack_a_retransmission_shows_no_reordering),
        cmocka_unit_test(test_rack_old_news_show_no_reordering),
        cmocka_unit_test(test_rack_in_recovery_nothing_is_waited_for),
        cmocka_unit_test(test_rack_reordered_recovery_waits),
        cmocka_unit_test(test_rack_timer_waits_for_the_last),
        cmocka_unit_test(test_rack_every_ack_looks_for_losses),
        cmocka_unit_test(test_rack_what_comes_in_time_is_not_lost),
        cmocka_unit_test(test_rack_timer_runs_alone),
        cmocka_unit_test(test_rack_nothing_is_lost_early),
        cmocka_unit_test(test_rack_new_text_before_a_retransmission),
        cmocka_unit_test(test_rack_the_clock_wraps),
        cmocka_unit_test(test_rack_after_a_pause),
        cmocka_unit_test(test_rack_the_numbers_wrap),
        cmocka_unit_test(test_rack_an_early_ack_of_a_retransmission),
        cmocka_unit_test(test_rack_a_timely_ack_of_a_retransmission),
        cmocka_unit_test(test_rack_an_old_echo_says_nothing_of_a_retransmission),
        cmocka_unit_test(test_rack_window_begins_small),
        cmocka_unit_test(test_rack_window_follows_the_least_round_trip),
        cmocka_unit_test(test_rack_window_forgets_a_shorter_path),
        cmocka_unit_test(test_rack_window_grows_by_dsack),
        cmocka_unit_test(test_rack_window_grows_by_any_dsack),
        cmocka_unit_test(test_rack_window_is_bounded_for_ever),
        cmocka_unit_test(test_rack_window_grows_once_a_round_trip),
        cmocka_unit_test(test_rack_window_grows_in_the_next_round_trip),
        cmocka_unit_test(test_rack_window_lasts_sixteen_recoveries),
        cmocka_unit_test(test_rack_window_lasts_sixteen_recoveries_more),
        cmocka_unit_test(test_rack_window_grows_as_a_recovery_ends),
        cmocka_unit_test(test_rack_window_lasts_sixteen_timeouts),
        cmocka_unit_test(test_rack_window_without_a_round_trip),
        cmocka_unit_test(test_rack_timeout_all_is_old),
        cmocka_unit_test(test_rack_timeout_young_text_is_not_lost),
        cmocka_unit_test(test_rack_timeout_young_text_is_lost_later),
        cmocka_unit_test(test_rack_timeout_young_front_is_lost),
        cmocka_unit_test(test_rack_timeout_recovery_finds_losses),
        cmocka_unit_test(test_rack_timeout_news_are_told_again),
        cmocka_unit_test(test_rack_what_is_lost_waits_for_the_window),
        cmocka_unit_test(test_rack_lost_text_goes_before_new_text),
        cmocka_unit_test(test_rack_a_lost_retransmission_lowers_the_window),
        cmocka_unit_test(test_rack_a_lost_retransmission_lowers_the_window_by_the_timer),
        cmocka_unit_test(test_rack_what_the_timer_finds_in_recovery_lowers_it_no_more),
        cmocka_unit_test(test_rack_retransmissions_that_come_lower_nothing),
        cmocka_unit_test(test_rack_lost_retransmissions_lower_the_window_once),
        cmocka_unit_test(test_rack_unsure_text_does_not_go),
        cmocka_unit_test(test_rack_no_rescue),
        cmocka_unit_test(test_rack_without_sack),
        cmocka_unit_test(test_rack_each_connection_has_its_own),
        cmocka_unit_test(test_rack_no_reordering_at_any_isn),
        cmocka_unit_test(test_rack_duplicates_are_not_counted),
        cmocka_unit_test(test_rack_three_small_segments_in_one_ack),
        cmocka_unit_test(test_rack_round_trip_of_a_retransmission_sent_last),
        cmocka_unit_test(test_rack_the_end_of_a_recovery_finds_losses),
        cmocka_unit_test(test_rack_the_end_of_a_recovery_starts_the_timer),
        cmocka_unit_test(test_rack_an_octet_amid_a_segment),
        cmocka_unit_test(test_rack_the_clock_is_fine_enough),
        cmocka_unit_test(test_rack_a_hardly_early_ack_of_a_retransmission),
        cmocka_unit_test(test_rack_new_text_a_moment_before_a_retransmission),
        cmocka_unit_test(test_rack_a_lost_first_retransmission_lowers_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
