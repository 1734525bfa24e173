/* How finely the machine remembers when it sent something (flight.h): a connection with little room and a long flight tells
 * times more coarsely rather than not at all, so that time goes on to tell of losses, never before they are due; and finely
 * again when it may. */
#include "recovering.h"

#define MOMENTS 600u /* segments that go one by one */
#define STEP    (MS + 7)

static const unsigned rooms[] = {8, 16, 64};
#define ROOMS (sizeof rooms / sizeof rooms[0])

static tfsm_time went[MOMENTS]; /* when which segment went first */

static uint32_t grain(const struct fixture *f)
{
    return UINT32_C(1) << f->tcb.grain;
}

/* The peer's window and CWND are wide open, and no timer goes off while text goes. */
static struct fixture *roomy(void **state, unsigned room, uint32_t bits)
{
    give_room(room);
    struct fixture *f = offering(state);
    f->cfg.profile |= TFSM_WSCALE | TFSM_NODELAY | bits;
    f->cfg.snd_buff = MOMENTS * MSS * 2;
    f->cfg.rto_min = 60 * SECOND;
    f->peer.options |= TFSM_OPT_WSCALE;
    f->peer.wscale = 10;
    f->now += 12345;
    reach_timed(f);
    acked(f, 0); /* his window, scaled */
    f->tcb.cwnd = MOMENTS * MSS;
    f->tcb.first_flight = 0;
    return f;
}

/* What a run says of each segment in it is true: it went at that time or up to a grain before; and what it is. */
static void expect_true_times(const struct fixture *f, uint32_t from, uint32_t to)
{
    const struct tfsm_sent *runs = tfsm_sent_runs(&f->tcb);
    unsigned i = 0;
    assert_in_range(f->tcb.sent_count, 1, 2 * f->tcb.room + 4);
    for (uint32_t n = from; n < to; n++) {
        uint32_t end = seq_add(f->iss, 1 + (n + 1) * MSS);
        while (i < f->tcb.sent_count && seq_lt(runs[i].right, end)) {
            i++;
        }
        assert_true(i < f->tcb.sent_count);
        assert_true((runs[i].at & TFSM_EXACT) != 0);
        uint32_t late = (runs[i].at | 31) - (uint32_t)went[n];
        if (late > grain(f) + 31) {
            print_error("segment %u of room %u: %u late, grain %u\n", n, f->tcb.room, late,
                        grain(f));
            fail();
        }
    }
}

/* Segments [from, to) go, each in a moment of its own. */
static void go_one_by_one(struct fixture *f, uint32_t from, uint32_t to)
{
    for (uint32_t n = from; n < to; n++) {
        struct tfsm_segment s;
        f->now += STEP;
        assert_true(tfsm_deadline(&f->tcb) > f->now);
        user_send(f, MSS);
        went[n] = f->now;
        assert_true(take(f, &s));
        assert_int_equal(s.seq, f->iss + 1 + n * MSS);
        expect_nothing(f);
    }
}

/* RFC8985:6.1a, RFC8985:4c: a flight of so many moments that a fine clock would fill the room: each time stays known, by a clock
 * as coarse as need be, of a quarter of a round trip at the most. */
static void test_grain_gets_coarser_in_little_room(void **state)
{
    for (size_t i = 0; i < ROOMS; i++) {
        struct fixture *f = roomy(state, rooms[i], 0);
        uint32_t before = 0;
        for (uint32_t n = 0; n < 15 * rooms[i] && n < 500; n++) {
            go_one_by_one(f, n, n + 1);
            assert_true(grain(f) >= before && grain(f) <= R / 4);
            before = grain(f);
            expect_true_times(f, 0, n + 1);
        }
        assert_true(grain(f) > R / 32 || rooms[i] > 16);
    }
}

/* Where even a quarter of a round trip is too fine, of some it is known only what they went before. */
static void test_grain_has_a_bound(void **state)
{
    struct fixture *f = roomy(state, 2, 0);
    go_one_by_one(f, 0, 500);
    assert_in_range(grain(f), R / 8, R / 4);
    assert_in_range(f->tcb.sent_count, 2, 2 * 2 + 4);
    const struct tfsm_sent *runs = tfsm_sent_runs(&f->tcb);
    unsigned i = 0;
    unsigned exact = 0;
    for (uint32_t n = 0; n < 500; n++) {
        i += seq_lt(runs[i].right, f->iss + 1 + (n + 1) * MSS) ? 1 : 0;
        assert_true(i < f->tcb.sent_count);
        bool known = (runs[i].at & TFSM_EXACT) != 0;
        exact += known;
        assert_in_range((runs[i].at | 31) - (uint32_t)went[n], 0,
                        known ? grain(f) + 31 : 500 * STEP);
    }
    assert_in_range(exact, 0, 499);
}

/* RFC8985:6.2q: the ACK of one late in a long flight finds lost what went before it, and nothing sooner than an
 * exact clock would; what is overdue by that and a grain or two it has found. */
static void test_grain_loses_nothing_early(void **state)
{
    for (size_t i = 0; i < ROOMS; i++) {
        for (uint32_t last = 10; last < 300; last += 29) {
            struct fixture *f = roomy(state, rooms[i], 0);
            go_one_by_one(f, 0, 300);
            tfsm_time rtt = f->now - went[last]; /* RACK.rtt */
            sacked(f, 0, {last * MSS, (last + 1) * MSS});
            const struct tfsm_sent *runs = tfsm_sent_runs(&f->tcb);
            for (uint32_t n = 0; n < last; n++) {
                uint32_t middle = seq_add(f->iss, 1 + n * MSS + MSS / 2);
                unsigned k = 0;
                while (k < f->tcb.sent_count && !seq_lt(middle, runs[k].right)) {
                    k++;
                }
                bool lost = k < f->tcb.sent_count && (runs[k].at & TFSM_LOST) != 0;
                tfsm_time due = went[n] + rtt + QUARTER;
                if (lost ? due > f->now : due + 4 * grain(f) < f->now) {
                    print_error("room %u: segment %u %s, of %u\n", rooms[i], n,
                                lost ? "lost early" : "not lost", last);
                    fail();
                }
            }
        }
    }
}

/* When nothing is in flight the next text goes by a clock as fine as at first; RACK.rtt, which the coarse clock told, is no
 * more too little by then than the fine one may make it. */
static void test_grain_is_fine_again_when_nothing_is_in_flight(void **state)
{
    for (tfsm_time phase = 0; phase < 40 * MS; phase += 1733) {
        struct fixture *f = roomy(state, 8, 0);
        f->now += phase;
        go_one_by_one(f, 0, 1);
        uint32_t fine = grain(f);
        go_one_by_one(f, 1, 400);
        assert_true(grain(f) > fine);
        f->now = went[399] + R;
        acked(f, 400 * MSS);
        go_one_by_one(f, 400, 401);
        assert_int_equal(grain(f), fine);
        assert_in_range(f->tcb.rack_rtt + fine, R, R + 2 * (went[399] - went[0]));
        expect_true_times(f, 400, 401);
    }
}

/* RFC8985:6.2p: a recovery ends, and nothing of what was sent by the coarse clock is in flight any more: what is went again, and
 * has a time of its own. But where what went first has come late, the last to arrive is one that went by the coarse clock. */
static void test_grain_is_fine_again_after_a_recovery(void **state)
{
    for (unsigned late = 0; late < 2; late++) {
        struct fixture *f = roomy(state, 8, 0);
        struct tfsm_segment s;
        go_one_by_one(f, 0, 1);
        uint32_t fine = grain(f);
        go_one_by_one(f, 1, 400);
        uint32_t coarse = grain(f);
        assert_true(coarse > fine);
        f->now += R;
        sacked(f, 0, {MSS, 399 * MSS}); /* the front is lost, and goes again */
        expect_recovery(f);
        user_send(f, 2 * MSS);
        expect_sent(f, 0, MSS);
        f->tcb.cwnd = 10 * MSS;
        expect_sent(f, 400 * MSS, MSS);
        expect_sent(f, 401 * MSS, MSS);
        f->now += R;
        acked(f, 399 * MSS); /* it has come: the last was lost, too */
        while (!take(f, &s)) {
            expire(f);
        }
        assert_int_equal(s.seq, f->tcb.snd_una);
        assert_int_equal(grain(f), coarse);
        sacked(f, 399 * MSS, {401 * MSS, 402 * MSS});
        while (!take(f, &s)) {
            expire(f);
        }
        assert_int_equal(s.seq, f->tcb.snd_una + MSS);
        expect_recovery(f);
        assert_int_equal(grain(f), coarse);
        f->now += late != 0 ? MS : R;
        sacked(f, 400 * MSS, {401 * MSS, 402 * MSS});
        expect_no_recovery(f);
        assert_in_range(grain(f), late != 0 ? coarse : 1, late != 0 ? coarse : fine);
        user_send(f, MSS);
        expect_sent(f, 402 * MSS, MSS);
        assert_int_equal(grain(f), late != 0 ? coarse : fine);
    }
}

/* RFC8985:6.2p: what went by the coarse clock is in flight still: it would be lost before its time by a finer one. */
static void test_grain_stays_while_coarse_times_are_in_flight(void **state)
{
    struct fixture *f = roomy(state, 8, 0);
    go_one_by_one(f, 0, 400);
    uint32_t coarse = grain(f);
    f->now += R;
    sacked(f, 0, {MSS, 400 * MSS});
    expect_recovery(f);
    user_send(f, MSS);
    expect_sent(f, 0, MSS);
    expect_sent(f, 400 * MSS, MSS);
    f->now += R;
    acked(f, 400 * MSS);
    expect_no_recovery(f);
    assert_int_equal(f->tcb.sent_count, 1);
    assert_int_equal(grain(f), coarse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grain_gets_coarser_in_little_room),
        cmocka_unit_test(test_grain_has_a_bound),
        cmocka_unit_test(test_grain_loses_nothing_early),
        cmocka_unit_test(test_grain_is_fine_again_when_nothing_is_in_flight),
        cmocka_unit_test(test_grain_is_fine_again_after_a_recovery),
        cmocka_unit_test(test_grain_stays_while_coarse_times_are_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
